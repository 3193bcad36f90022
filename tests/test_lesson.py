import importlib
import random
import time
import types
import warnings

import matplotlib
import numpy
import pytest
import torch
from IPython.core.events import EventManager, available_events

from mmcourse import lesson


@pytest.fixture(autouse=True)
def as_before(monkeypatch):
    """Gives threads, warnings and the look of figures back."""
    monkeypatch.setattr(lesson, "_begun", None)
    threads, look = torch.get_num_threads(), matplotlib.rcParams.copy()
    with warnings.catch_warnings():
        yield
    torch.set_num_threads(threads)
    dict.update(matplotlib.rcParams, look)


def drawn():
    return random.random(), float(numpy.random.rand()), float(torch.rand(()))


def test_begin_seeds_everything_from_the_runs_seed(monkeypatch):
    monkeypatch.setenv("MMCOURSE_SEED", "3")
    lesson.begin("01")
    first = drawn()
    lesson.begin("01")
    assert drawn() == first
    monkeypatch.setenv("MMCOURSE_SEED", "4")
    lesson.begin("01")
    assert all(a != b for a, b in zip(drawn(), first, strict=True))


def test_freed_memory_is_returned_once_after_each_cell(monkeypatch):
    shell, calls = types.SimpleNamespace(events=EventManager(None, available_events)), []
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    module = importlib.import_module("mmcourse.training.device")  # the package has a function of this name
    monkeypatch.setattr(module, "return_freed_memory", lambda: calls.append(True))
    lesson.begin("01")
    lesson.begin("01")
    shell.events.trigger("post_run_cell", None)
    assert calls == [True]


def test_begin_prints_one_line(monkeypatch, capsys):
    monkeypatch.delenv("MMCOURSE_FAST", raising=False)
    monkeypatch.delenv("MMCOURSE_SEED", raising=False)
    lesson.begin("01")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("Lesson 01 · device: ") and f"torch {torch.__version__.partition('+')[0]}" in line
    assert "fast" not in line
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    lesson.begin("01")
    assert "fast run: no result is judged" in capsys.readouterr().out


@pytest.mark.alone
def test_threads_are_left_alone_unless_asked_for(monkeypatch, capsys):
    torch.set_num_threads(2)
    monkeypatch.delenv("MMCOURSE_THREADS", raising=False)
    lesson.begin("01")
    assert torch.get_num_threads() == 2
    monkeypatch.setenv("MMCOURSE_THREADS", "1")
    lesson.begin("01")
    assert torch.get_num_threads() == 1
    monkeypatch.setenv("MMCOURSE_THREADS", "many")
    with pytest.raises(ValueError, match="MMCOURSE_THREADS is 'many'"):
        lesson.begin("01")


def test_only_known_warnings_are_silenced():
    from tqdm.std import TqdmWarning

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        lesson.quieten()
        warnings.warn("IProgress not found. Please update jupyter and ipywidgets.", TqdmWarning, stacklevel=1)
        assert not heard
        warnings.warn("something that matters", UserWarning, stacklevel=1)
        assert len(heard) == 1


def test_figures_get_the_courses_look():
    lesson.begin("00")
    assert matplotlib.rcParams["axes.spines.top"] is False


def test_processor_time_is_counted_from_begin(monkeypatch):
    with pytest.raises(ValueError, match="no lesson has begun"):
        lesson.cpu_seconds_since_begin()
    monkeypatch.setattr(lesson, "CPU_SECONDS_AT_IMPORT", time.process_time() - 1000)
    lesson.begin("01")
    assert 1000 <= lesson.cpu_seconds_since_begin() < 1060, "the first counts its imports"
    lesson.begin("01")
    before = lesson.cpu_seconds_since_begin()
    assert 0 <= before < 60
    time.sleep(0.2)
    asleep = lesson.cpu_seconds_since_begin() - before
    sum(range(3_000_000))
    assert lesson.cpu_seconds_since_begin() - before > asleep, "work is counted"
    assert asleep < 0.1, "waiting is not"


@pytest.mark.parametrize("number", [1, "1", "one", "001"])
def test_a_lesson_is_two_digits(number):
    with pytest.raises(ValueError, match="two digits"):
        lesson.begin(number)
