"""The checks of lesson 12: pictures to words."""

from mmcourse.exercises.lesson_12 import attending, beaming, clinic, clipping, saying, shifting

__all__ = ["attending", "beaming", "clinic", "clipping", "saying", "shifting"]
TITLE = "Picture to words"
