"""The exercises: `check`, `hint`, `quiz`, and the record of what is done. Names load when first used."""

from importlib import import_module

_HOME = {
    "check": "checks",
    "hint": "checks",
    "exercise": "checks",
    "Verdict": "checks",
    "WrongAnswer": "checks",
    "quiz": "quizzes",
    "progress": "overview",
    "download_progress": "transfer",
    "restore_progress": "transfer",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
