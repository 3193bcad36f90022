"""The checks of lesson 04: attention and the Transformer."""

from mmcourse.exercises.lesson_04 import attention, block, debug, heads, masks

__all__ = ["attention", "block", "debug", "heads", "masks"]
TITLE = "Attention and the Transformer"
