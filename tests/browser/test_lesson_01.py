"""Lesson 01 as a learner meets it: opened in JupyterLab, run, drawn in; and training stopped half-way."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

TRAINING = """import os
os.environ["MMCOURSE_FAST"] = "0"          # a training that nobody would wait for
import torch
from mmcourse import Batches, fit
torch.manual_seed(0)
inputs = torch.randn(512, 8)
model = torch.nn.Linear(8, 2)
tell = lambda run: print("under way") if run.step == 50 else None
fit(model, Batches(inputs, (inputs[:, 0] > 0).long(), size=8), epochs=1_000_000, callbacks=[tell])"""
AFTERWARDS = """print("the cell below")"""


def test_lesson_01_runs_and_its_widget_follows_the_mouse(lab):
    lesson = NOTEBOOKS / "01_images.ipynb"
    page = lab.open(lesson)
    page.start()
    page.finish(seconds=300)
    assert page.complaints() == []
    assert page.drawing_changes_the_images()
    assert page.complaints() == []


def test_stopping_fit_ends_run_all(lab, tmp_path):
    notebook = tmp_path / "training.ipynb"
    training = new_notebook(cells=[new_code_cell(TRAINING), new_code_cell(AFTERWARDS)])
    training.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(training, notebook)
    page = lab.open(notebook)
    page.start()
    page.wait_for_text(0, "under way")
    page.interrupt()
    page.wait_for_text(0, "TrainingInterrupted: Stopped after step")
    page.finish(seconds=60)
    assert page.text(1).strip() == ""
