"""Every answer of the corpus: right ones are accepted, wrong ones refused with a message that names the mistake."""

import sys
from importlib import import_module, util
from pathlib import Path

import pytest

from mmcourse.exercises import checks

FOLDER = Path(__file__).parent / "corpus"


def answers():
    """Those of all lessons' modules. Tests are no package, so the corpus is loaded by its path."""
    if FOLDER.name not in sys.modules:
        spec = util.spec_from_file_location(
            FOLDER.name, FOLDER / "__init__.py", submodule_search_locations=[str(FOLDER)]
        )
        sys.modules[FOLDER.name] = util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[FOLDER.name])
    for path in sorted(FOLDER.glob("lesson_*.py")):
        import_module(f"{FOLDER.name}.{path.stem}")
    return sys.modules[FOLDER.name].ANSWERS


def name(answer):
    return f"{answer.exercise} {'right' if answer.right else 'wrong'}: {answer.words}"


@pytest.mark.parametrize("answer", [pytest.param(each, id=name(each)) for each in answers()])
def test_verdict(answer):
    verdict = checks.judge(answer.exercise, answer.answer)
    assert verdict.state == ("right" if answer.right else "wrong"), verdict
    assert answer.right or answer.named_by(verdict.message), f"not named: {verdict}"
