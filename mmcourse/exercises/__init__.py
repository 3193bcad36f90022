"""The exercises: `check`, `hint`, `quiz`, and the record of what is done. Names load when first used."""

from mmcourse.lazy import lazy_names

_HOME = {
    "check": "mmcourse.exercises.checks",
    "hint": "mmcourse.exercises.checks",
    "exercise": "mmcourse.exercises.checks",
    "Verdict": "mmcourse.exercises.checks",
    "WrongAnswer": "mmcourse.exercises.checks",
    "quiz": "mmcourse.exercises.quizzes",
    "progress": "mmcourse.exercises.overview",
    "download_progress": "mmcourse.exercises.transfer",
    "restore_progress": "mmcourse.exercises.transfer",
}
__all__ = list(_HOME)
__getattr__, __dir__ = lazy_names(globals(), _HOME)
