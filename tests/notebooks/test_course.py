"""The course is run under seeds, and a promise that is missed, absent or not judged is a fault."""

import json

import pytest

from course import course, faults, remarks, run_lesson
from pipeline import kernel

EXPECT = '''# %% [markdown]
# # Promises

# %%
import json
import os


def expect(id, value, at_least=0.5, judged=True):
    """What mmcourse.promises.expect writes."""
    line = {"id": id, "text": "a share", "value": value, "at_least": at_least}
    line["kept"] = value >= at_least if judged else None
    with open(os.environ["MMCOURSE_RESULTS"], "a") as file:
        file.write(json.dumps(line) + chr(10))


seed = int(os.environ["MMCOURSE_SEED"])
'''
PROMISES = '["90.share"]\ntext = "a share"\nat_least = 0.5\n'


def go(house, cell, seeds=(0,)):
    lesson = house.write(EXPECT + f"\n# %%\n{cell}\n")
    (house.folder / "source" / "promises.toml").write_text(PROMISES)
    said = []
    status = course(house.builder(), [lesson.number], list(seeds), say=lambda text, **_: said.append(text))
    return status, json.loads((house.root / "build" / "course.json").read_text()), "\n".join(said)


@pytest.fixture
def here(monkeypatch):
    """Cells run in this process instead of a kernel: quicker, and enough to see what is made of what they record."""

    def run(notebook, folder, variables, **_):
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            names = {}
            for cell in (c for c in notebook.cells if c.cell_type == "code"):
                try:
                    exec(cell.source, names)
                except Exception as error:
                    raise kernel.LessonFailed(type(error).__name__) from None
        return kernel.Run(minutes=0.1, cpu_minutes=0.1, peak_mb=100)

    monkeypatch.setattr(kernel, "run", run)


def test_kept_promises_over_seeds(house):
    status, results, said = go(house, "expect('90.share', 0.6 + seed / 10)", seeds=(0, 1))
    assert status == 0
    assert [(r["lesson"], r["seed"]) for r in results] == [("90", 0), ("90", 1)]
    for result in results:
        assert set(result) == {"lesson", "seed", "minutes", "cpu_minutes", "peak_mb", "promises"}
        assert result["minutes"] > 0 and result["cpu_minutes"] >= 0 and result["peak_mb"] > 20
    assert results[1]["promises"] == [
        {"id": "90.share", "text": "a share", "value": 0.7, "at_least": 0.5, "kept": True}
    ]
    assert "90.share: 0.700, at least 0.500: kept" in said and "answers/90_adding.ipynb is missing" in said
    assert "every seed" not in said


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("expect('90.share', 0.4)", "90.share was missed with 0.400"),
        ("expect('90.share', 0.6, judged=False)", "90.share was not judged"),
        ("pass", "90.share is promised and never passed to expect"),
        ("expect('90.share', 0.6)\n1 / 0", "ZeroDivisionError"),
    ],
)
def test_faults(house, here, cell, says):
    status, results, said = go(house, cell)
    assert status == 1 and says in said


def test_other_lessons_promises_are_not_asked_for():
    result = {"lesson": "90", "seed": 0, "minutes": 1, "cpu_minutes": 1, "peak_mb": 1, "promises": []}
    assert faults(result, {"91.other": None, "901.x": None}) == []


def result(**more) -> dict:
    return {"lesson": "90", "seed": 0, "minutes": 1, "cpu_minutes": 1, "peak_mb": 1, "promises": []} | more


@pytest.mark.parametrize(
    ("used", "fault", "remark"),
    [
        ({"cpu_minutes": 9.9, "peak_mb": 2000}, None, None),
        ({"cpu_minutes": 14.0}, None, "14.0 minutes of processor time, more than 10"),
        ({"cpu_minutes": 15.1}, "15.1 minutes of processor time, more than 15", None),
        ({"peak_mb": 2001}, "2001 MB of memory, more than 2000", None),
        ({"minutes": 40}, None, "40.0 minutes by the clock, more than 5"),
    ],
)
def test_processor_time_and_memory_have_limits_and_the_clock_is_a_remark(used, fault, remark):
    found, said = faults(result(**used), {}), remarks([result(**used)])
    assert [fault in line for line in found] == ([True] if fault else [])
    assert [remark in line for line in said] == ([True] if remark else [])


def test_a_seed_that_changes_nothing_is_a_remark():
    (said,) = remarks([result(seed=s, promises=[{"id": "90.share", "value": 0.7}]) for s in (0, 1)])
    assert "0.700 for every seed" in said


@pytest.mark.slow
def test_processor_time_of_the_kernel_and_of_its_children_is_counted(house):
    burn = "import time\nend = time.process_time() + {}\nwhile time.process_time() < end: pass"
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn.format(1)!r}])"
    lesson = house.write(EXPECT + f"\n# %%\nimport time\ntime.sleep(1)\n\n# %%\n{burn.format(1)}\n{child}\n")
    ran = run_lesson(house.builder(), lesson, seed=0)
    assert "error" not in ran
    assert ran["cpu_minutes"] * 60 > 2 - 0.7, "stored to a hundredth of a minute"
    assert ran["cpu_minutes"] < ran["minutes"], "sleep costs no processor time"
