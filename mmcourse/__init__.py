"""mmcourse: an interactive course on multimodal and cross-modal deep learning.

`import mmcourse` is light: each public name loads its module when it is first used.
"""

import importlib
import time

__version__ = "0.1.0"
IMPORTED_AT = time.perf_counter()  # a lesson's clock starts before its heavy imports: mmcourse.lesson

_HOME = {
    "PictureBook": "mmcourse.picturebook.book",
    "Scene": "mmcourse.picturebook.scene",
    "Thing": "mmcourse.picturebook.scene",
    "draw": "mmcourse.picturebook.picture",
    "tell": "mmcourse.picturebook.sentence",
    "understand": "mmcourse.picturebook.sentence",
    "speak": "mmcourse.picturebook.speech",
    "Batches": "mmcourse.data.batches",
    "fit": "mmcourse.training.fit",
    "evaluate": "mmcourse.training.evaluate",
    "predict": "mmcourse.training.evaluate",
    "check": "mmcourse.exercises",
    "hint": "mmcourse.exercises",
    "quiz": "mmcourse.exercises",
    "progress": "mmcourse.exercises",
    "download_progress": "mmcourse.exercises",
    "restore_progress": "mmcourse.exercises",
    "begin": "mmcourse.lesson",
    "expect": "mmcourse.promises",
    "steps": "mmcourse.settings",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'mmcourse' has no attribute {name!r}; its names are {', '.join(sorted(_HOME))}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
