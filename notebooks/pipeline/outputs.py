"""Clean the outputs of an executed notebook, and find problems that prevent its publication."""

import base64
import io
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

LARGEST = 1_000_000  # bytes of a stored lesson
WIDGET = "application/vnd.jupyter.widget-view+json"
FALLBACKS = ("text/html", "text/markdown", "image/png", "image/svg+xml", "image/jpeg")
_ADDRESS = re.compile(r"(?<= at )0x[0-9a-fA-F]{6,}")
_BAR = re.compile(r"\d+%\|[^|\n]*\|\s*\d+/\d+")
_NOISE = re.compile(r"Matplotlib is building the font cache; this may take a moment\.\s*")


def tidy(notebook: NotebookNode, root: Path) -> None:
    """Make stored outputs small and the same on every machine; changes the notebook in place.

    Widgets are replaced by their static image, which GitHub and print can show; streams are concatenated and carriage
    returns applied; memory addresses and this machine's paths in tracebacks are removed; images are compressed.
    """
    for _, cell in code_cells(notebook):
        cell.metadata.pop("execution", None)
        cell.outputs = _joined(cell.outputs)
        for output in cell.outputs:
            if output.output_type == "error":
                output.traceback = [_relative(line, root) for line in output.traceback]
            data = output.get("data", {})
            if WIDGET in data and any(mime in data for mime in FALLBACKS):
                del data[WIDGET]
            if "text/plain" in data:
                data["text/plain"] = _ADDRESS.sub("0x...", data["text/plain"])
            if "image/png" in data:
                data["image/png"] = _packed(data["image/png"])


def problems(notebook: NotebookNode, root: Path) -> list[str]:
    """Problems of a stored lesson, one line each; empty if it can be published."""
    found = []
    for number, cell in code_cells(notebook):
        where = f"code cell {number}"
        if cell.source.strip() and not cell.execution_count:
            found.append(f"{where} was never run")
        tags = cell.metadata.get("tags", [])
        for output in cell.outputs:
            data = output.get("data", {})
            text = output.get("text", "") + "".join(str(v) for m, v in data.items() if m.startswith("text/"))
            if output.output_type == "error" and "raises-exception" not in tags:
                found.append(f"{where} ends in {output.ename}")
            if output.get("name") == "stderr":
                found.append(f"{where} writes to stderr: {text.strip()[:300]}")
            if WIDGET in data:
                found.append(f"{where} shows a widget without a static image (image/png or text/html) beside it")
            if _BAR.search(text):
                found.append(f"{where} leaves a progress bar behind: {_BAR.search(text)[0][:60]}")
            for mime in data:
                if mime.startswith("image/") and not _alt(output, mime):
                    found.append(f"{where} shows an image without alt text (metadata {mime!r}: alt)")
            path = _machine_paths(root).search(json.dumps(output.get("traceback", [])) + text)
            if path:
                found.append(f"{where} shows a path of this machine: {path[0]}")
    size = stored_size(notebook)
    if size > LARGEST:
        biggest = ", ".join(f"code cell {n} {mime} {s / 1e3:.0f} kB" for s, n, mime in _sizes(notebook)[:5])
        found.append(f"{size / 1e6:.2f} MB, over 1 MB; the biggest outputs: {biggest}")
    return found


def stored_size(notebook: NotebookNode) -> int:
    """The size of a notebook on disk, in bytes."""
    return len(nbformat.writes(notebook).encode())


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The code cells with their number, counted from 1."""
    return enumerate((c for c in notebook.cells if c.cell_type == "code"), 1)


def _joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Outputs with neighbouring parts of a stream concatenated, each line in its final state, without empty streams."""
    made = []
    for output in outputs:
        if output.output_type == "stream" and made and made[-1].get("name") == output.name:
            made[-1].text += output.text
        else:
            made.append(output)
    for output in made:
        if output.output_type == "stream":
            text = _NOISE.sub("", output.text) if output.name == "stderr" else output.text
            text = text.replace("\r\n", "\n")
            output.text = "\n".join(line.rstrip("\r").rsplit("\r", 1)[-1] for line in text.split("\n"))
    return [o for o in made if o.output_type != "stream" or o.text.strip()]


def _relative(line: str, root: Path) -> str:
    """A line of a traceback without the folders of this machine."""
    line = re.sub(r"[^\s'\"]*[/\\]site-packages[/\\]", "", line)
    line = re.sub(r"[^\s'\"]*ipykernel_\d+[/\\]\d+\.py", "<cell>", line)
    line = line.replace(f"{root}{os.sep}", "")
    if root.is_relative_to(Path.home()):
        line = line.replace(f"~{os.sep}{root.relative_to(Path.home())}{os.sep}", "")
    return _ADDRESS.sub("0x...", line)


def _packed(encoded: str) -> str:
    """The same pixels in fewer bytes, without the comments that name a library's version: base64 to base64."""
    raw = base64.b64decode(encoded)
    with Image.open(io.BytesIO(raw)) as image:
        if getattr(image, "n_frames", 1) > 1:
            return encoded
        buffer = io.BytesIO()
        image.info = {k: v for k, v in image.info.items() if k in ("transparency", "dpi")}
        image.save(buffer, "PNG", optimize=True)
    smaller = min(buffer.getvalue(), raw, key=len)
    return base64.b64encode(smaller).decode()


def _alt(output: NotebookNode, mime: str) -> str:
    """The alt text of an image: under its own type, as nbformat has it, or for the whole output."""
    metadata = output.get("metadata", {})
    return metadata.get(mime, {}).get("alt") or metadata.get("alt", "")


def _machine_paths(root: Path) -> re.Pattern:
    """A pattern for absolute paths below this machine's own folders."""
    folders = {Path.home(), root, root.parent, Path(tempfile.gettempdir()), Path(sys.prefix)}
    named = sorted({str(f) for f in folders if len(f.parts) > 1}, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, named))})[/\\]\w[\w./\\-]*")


def _sizes(notebook: NotebookNode) -> list[tuple[int, int, str]]:
    """(bytes, code cell, type) of every output, biggest first."""
    sizes = []
    for number, cell in code_cells(notebook):
        for output in cell.outputs:
            for mime, value in ({"stream": output.text} if "text" in output else output.get("data", {})).items():
                sizes.append((len(value if isinstance(value, str) else json.dumps(value)), number, mime))
    return sorted(sizes, reverse=True)
