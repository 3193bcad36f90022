"""mmcourse: an interactive course on multimodal and cross-modal deep learning.

`import mmcourse` is light: each public name loads its module when it is first used.
"""

import os
import time

from mmcourse import renamed
from mmcourse.lazy import lazy_names

__version__ = "0.1.0"
CPU_SECONDS_AT_IMPORT = time.process_time()  # the time of a lesson includes its heavy imports: mmcourse.lesson

# Before torch is loaded: threads that spin for long slow down training beside other programs, and threads that sleep
# immediately are slow to wake in a virtual machine. These spin for about 30 µs, then sleep (benchmarks/waiting.py).
if not {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT"} & os.environ.keys():
    os.environ.update(OMP_WAIT_POLICY="PASSIVE", GOMP_SPINCOUNT="3000")

_HOME = {
    "PictureBook": "mmcourse.picturebook.book",
    "Scene": "mmcourse.picturebook.scene",
    "SceneObject": "mmcourse.picturebook.scene",
    "draw": "mmcourse.picturebook.image",
    "describe": "mmcourse.picturebook.sentence",
    "parse": "mmcourse.picturebook.sentence",
    "speak": "mmcourse.picturebook.speech",
    "Batches": "mmcourse.data.batches",
    "fit": "mmcourse.training.fit",
    "fit_adversarial": "mmcourse.training.adversarial.loop",
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
    "examples": "mmcourse.settings",
}
renamed.install()
__all__ = list(_HOME)
__getattr__, __dir__ = lazy_names(globals(), _HOME)
