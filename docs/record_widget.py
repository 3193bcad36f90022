"""Record `captioning.gif`, the animation that the README shows, in a real browser: `python docs/record_widget.py`.

Needs Chromium and what the tests need. Opens the captioning widget in JupyterLab, selects the words of a caption one by
one, draws a new page, and stores the screenshots as one animation.
"""

import io
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from PIL import Image

from mmcourse.files import write_whole

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "tests" / "browser"))
from jupyter_page import JupyterLab  # noqa: E402

TARGET = DOCS / "captioning.gif"
PAGES = 2
WIDTH = 640
MILLISECONDS = 700  # per frame; the last one of a caption is shown twice as long
CELL = """from mmcourse import show
from mmcourse.training import shipped
show.captioning_explorer(shipped.load("captioner"), seed=4)"""


def frames(page) -> list[tuple[Image.Image, int]]:
    """Screenshots of the widget, each with its duration in milliseconds."""
    widget = page.locator(".mm-captioning")
    taken = []
    for number in range(PAGES):
        if number:
            page.get_by_role("button", name="Give me a page").click()
            page.wait_for_timeout(3_000)
        words = page.locator(".mm-looker")
        for i in range(words.count()):
            words.nth(i).hover()
            page.wait_for_timeout(200)
            image = Image.open(io.BytesIO(widget.screenshot())).convert("RGB")
            taken.append((image, MILLISECONDS * (2 if i == words.count() - 1 else 1)))
    return taken


def main() -> None:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder:
        notebook = Path(folder) / "captioning.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        cells = [nbformat.v4.new_code_cell(CELL)]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), notebook)
        with JupyterLab(Path(folder), chromium) as lab:
            opened = lab.open(notebook)
            opened.start()
            opened.wait_for_text(0, "Generated caption")
            opened.page.wait_for_timeout(3_000)
            taken = frames(opened.page)
    height = max(image.height for image, _ in taken) * WIDTH // taken[0][0].width
    small = [image.resize((WIDTH, image.height * WIDTH // image.width), Image.Resampling.LANCZOS) for image, _ in taken]
    sheets = [Image.new("RGB", (WIDTH, height), "white") for _ in small]
    for sheet, image in zip(sheets, small, strict=True):
        sheet.paste(image, (0, 0))
    montage = Image.new("RGB", (WIDTH, height * len(sheets)))
    for i, sheet in enumerate(sheets):
        montage.paste(sheet, (0, i * height))
    colours = montage.quantize(256)
    first, *others = [sheet.quantize(palette=colours, dither=Image.Dither.NONE) for sheet in sheets]
    stored = io.BytesIO()
    first.save(stored, "GIF", save_all=True, append_images=others, duration=[time for _, time in taken], loop=0)
    write_whole(TARGET, stored.getvalue())


if __name__ == "__main__":
    main()
