"""Outputs are tidied, and each thing that no lesson should show is found."""

import base64
import io
import random
import tempfile
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from pipeline.outputs import WIDGET, problems, tidy

ROOT = Path(tempfile.gettempdir()) / "checkout"


def notebook(*outputs, tags=()):
    cell = new_code_cell("show()", outputs=[nbformat.from_dict(o) for o in outputs], execution_count=1)
    cell.metadata["tags"] = list(tags)
    return new_notebook(cells=[cell])


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


def display(metadata=None, **data):
    return new_output("display_data", data={k.replace("__", "/"): v for k, v in data.items()}, metadata=metadata or {})


def png(size=20):
    image = Image.linear_gradient("L").resize((size, size))
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=0)
    return base64.b64encode(buffer.getvalue()).decode()


def test_a_widget_gives_way_to_its_static_picture():
    book = notebook(new_output("display_data", data={WIDGET: {"model_id": "x"}, "text/html": "<b>still</b>"}))
    tidy(book, ROOT)
    assert list(book.cells[0].outputs[0].data) == ["text/html"]
    assert problems(book, ROOT) == []


def test_a_widget_without_one_is_a_problem():
    book = notebook(new_output("display_data", data={WIDGET: {"model_id": "x"}, "text/plain": "Slider()"}))
    tidy(book, ROOT)
    assert "without a static image" in problems(book, ROOT)[0]


def test_streams_are_joined_and_carriage_returns_applied():
    book = notebook(stream("step 1\rstep 2\r"), stream("step 3\n"), stream("done\n"))
    tidy(book, ROOT)
    assert [o.text for o in book.cells[0].outputs] == ["step 3\ndone\n"]


def test_the_same_pixels_in_fewer_bytes():
    before = png()
    book = notebook(display(image__png=before, metadata={"image/png": {"alt": "a ramp"}}))
    tidy(book, ROOT)
    after = book.cells[0].outputs[0].data["image/png"]
    assert len(after) < len(before)
    pixels = [Image.open(io.BytesIO(base64.b64decode(p))).tobytes() for p in (before, after)]
    assert pixels[0] == pixels[1]


def test_addresses_in_memory_go():
    book = notebook(display(text__plain="<Axes at 0x7f00deadbeef>"))
    tidy(book, ROOT)
    assert book.cells[0].outputs[0].data["text/plain"] == "<Axes at 0x...>"


def test_tracebacks_name_no_folder_of_this_machine():
    lines = [f"File {ROOT}/mmcourse/a.py:3", "File /opt/x/lib/python3.11/site-packages/torch/nn.py:1"]
    book = notebook(new_output("error", ename="E", evalue="", traceback=lines), tags=["raises-exception"])
    tidy(book, ROOT)
    assert book.cells[0].outputs[0].traceback == ["File mmcourse/a.py:3", "File torch/nn.py:1"]
    assert problems(book, ROOT) == []


@pytest.mark.parametrize(
    ("output", "says"),
    [
        (new_output("error", ename="ValueError", evalue="", traceback=[]), "ends in ValueError"),
        (stream("UserWarning: old", "stderr"), "writes to stderr: UserWarning"),
        (stream(" 40%|####      | 4/10 [00:01<00:02]\n"), "progress bar"),
        (stream(f"saved to {ROOT}/build/x.pt\n"), "path of this machine"),
        (display(image__png=png()), "without alt text"),
        (display(image__png=png(), metadata={"image/png": {"alt": ""}}), "without alt text"),
    ],
)
def test_what_no_lesson_should_show_is_found(output, says):
    found = problems(notebook(output), ROOT)
    assert len(found) == 1 and says in found[0] and "code cell 1" in found[0]


def test_font_cache_notice_is_no_warning_of_the_lesson():
    notice = "Matplotlib is building the font cache; this may take a moment.\n"
    book = notebook(stream(notice, "stderr"))
    tidy(book, ROOT)
    assert book.cells[0].outputs == [] and problems(book, ROOT) == []


def test_a_lesson_over_one_megabyte_names_its_biggest_output():
    letters = "".join(random.Random(0).choices("abcdefgh", k=1_100_000))
    found = problems(notebook(stream("small"), display(text__html=letters)), ROOT)
    assert "1.10 MB" in found[0] and "code cell 1 text/html 1100 kB" in found[0]


def test_a_cell_that_never_ran():
    book = new_notebook(cells=[new_code_cell("show()")])
    assert problems(book, ROOT) == ["code cell 1 was never run"]
