"""What a source becomes: ids that stay, a title with its badges, a setup cell that does nothing here."""

import json
import os
import subprocess
import sys

import nbformat
import pytest

from lesson_text import LESSON
from pipeline.solutions import SourceError
from pipeline.source import lessons, repository


def test_learner_has_no_answer_and_answers_have_them_all(house):
    learner = nbformat.writes(house.compose(copy="learner"))
    answers = nbformat.writes(house.compose(copy="answers"))
    for secret in ("total_of_both", "commutative", "the fixed one", "BEGIN SOLUTION"):
        assert secret not in learner
        assert secret in answers
    assert "raise NotImplementedError()" in learner
    nbformat.validate(nbformat.reads(learner, as_version=4))


def test_learner_only_cells(house):
    text = LESSON + '\n# %% tags=["learner-only"]\nprint("your turn")\n'
    assert "your turn" in nbformat.writes(house.compose(text, "learner"))
    assert "your turn" not in nbformat.writes(house.compose(text, "answers"))


def test_the_same_source_gives_the_same_notebook(house):
    assert nbformat.writes(house.compose()) == nbformat.writes(house.compose())


def test_ids_stay_when_a_cell_is_inserted(house):
    before = [c.id for c in house.compose(copy="answers").cells]
    inserted = LESSON.replace("# %%\ndef add", "# %%\nprint('new')\n\n# %%\ndef add")
    after = [c.id for c in house.compose(inserted, "answers").cells]
    assert [i for i in after if i in before] == before
    assert len(set(after)) == len(before) + 1


def test_equal_cells_get_different_ids_and_both_copies_the_same(house):
    text = LESSON + "\n# %%\nprint('again')\n\n# %%\nprint('again')\n"
    answers, learner = ([c.id for c in house.compose(text, copy).cells] for copy in ("answers", "learner"))
    assert len(set(answers)) == len(answers)
    assert set(learner) < set(answers)


def test_badges_follow_the_one_setting(house):
    assert repository(house.root) == "https://github.com/someone/fork"
    title = house.compose(copy="answers").cells[0].source
    assert title.startswith("# Adding\n\n")
    assert "colab.research.google.com/github/someone/fork/blob/main/notebooks/answers/90_adding.ipynb" in title
    assert "mybinder.org/v2/gh/someone/fork/main?labpath=notebooks%2Fanswers%2F90_adding.ipynb" in title


def test_links_into_the_repository_follow_it_too(house):
    text = LESSON + "\n# %% [markdown]\n# Read [fit](repository:mmcourse/training/fit.py).\n"
    last = house.compose(text, "learner").cells[-1].source
    assert last == "Read [fit](https://github.com/someone/fork/blob/main/mmcourse/training/fit.py)."


def test_each_heading_begins_a_slide(house):
    cells = "".join(f"\n# %% [markdown]\n# {text}\n" for text in ("## A part", "### A smaller one", "Text."))
    text = LESSON + cells
    kinds = [cell.metadata.slideshow.slide_type for cell in house.compose(text).cells]
    assert kinds[0] == "slide" and kinds[-3:] == ["slide", "subslide", "-"]


def test_a_heading_within_a_text_cell_begins_a_slide_too(house):
    text = "\n# %% [markdown]\n# What was seen.\n#\n# ## A part\n#\n# Text.\n#\n# ### A smaller one\n#\n# More.\n"
    last = house.compose(LESSON + text).cells[-3:]
    assert [cell.source for cell in last] == ["What was seen.", "## A part\n\nText.", "### A smaller one\n\nMore."]
    assert [cell.metadata.slideshow.slide_type for cell in last] == ["-", "slide", "subslide"]
    fenced = LESSON + "\n# %% [markdown]\n# Write:\n#\n# ```\n# ## no heading\n# ```\n"
    assert house.compose(fenced).cells[-1].source == "Write:\n\n```\n## no heading\n```"


@pytest.mark.parametrize("own", [{}, {"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "7"}])
def test_setup_cell_and_package_let_waiting_threads_sleep_soon_before_torch_is_loaded(house, monkeypatch, own):
    cells = [cell.source for cell in house.compose().cells if cell.cell_type == "code"]
    assert "torch" not in cells[0]
    expected = own or {"OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "3000"}  # a setting of one's own is left alone
    names = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}
    monkeypatch.setattr(os, "environ", {k: v for k, v in os.environ.items() if k not in names} | own)
    command = [sys.executable, "-c", "import json, os, mmcourse; print(json.dumps(dict(os.environ)))"]
    told = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=True)
    for variables in (json.loads(told.stdout), ran(cells[0], os.environ)):
        assert {k: v for k, v in variables.items() if k in names} == expected


def ran(cell: str, variables: dict[str, str]) -> dict[str, str]:
    """The variables after a cell has run."""
    exec(compile(cell, "setup", "exec"), {})
    return variables


def test_the_setup_cell_installs_nothing_where_the_package_is(house, monkeypatch):
    setup = house.compose().cells[1]
    assert setup.cell_type == "code" and setup.metadata.jupyter.source_hidden
    assert "--no-deps" in setup.source and "someone/fork" in setup.source
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("it tried to install"))
    exec(compile(setup.source, "setup", "exec"), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("# %%\nprint(1)\n", "first cell must be text"),
        (LESSON + "\n# %%\n### BEGIN SOLUTION\na = 1\n### END SOLUTION\n", "left margin"),
        (LESSON + "\n# %%\n# !pip install torch\n", "shell command"),
        (LESSON + "\n# %%\n# %pip install torch\n", "shell command"),
        (LESSON + "\n# %%\ndef f():\n    ### BEGIN SOLUTION\n    return 1\n", "cell 5: the solution begun in line 2"),
    ],
)
def test_a_source_that_cannot_be_a_lesson_is_named(house, text, says):
    with pytest.raises(SourceError, match=says) as error:
        house.compose(text)
    assert "90_adding.py" in str(error.value)


def test_lessons_are_found_by_number(house):
    house.write(name="91_more")
    house.write(name="90_adding")
    house.write(name="notes")
    assert [lesson.number for lesson in lessons(house.folder)] == ["90", "91"]
    assert [lesson.name for lesson in lessons(house.folder, ["91"])] == ["91_more"]
    with pytest.raises(ValueError, match="no lesson 07"):
        lessons(house.folder, ["07"])
