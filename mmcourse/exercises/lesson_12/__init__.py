"""The checks of lesson 12: pictures to words."""

from mmcourse.exercises.lesson_12 import attending, beaming, clipping, debug, saying, shifting

__all__ = ["attending", "beaming", "debug", "clipping", "saying", "shifting"]
TITLE = "Picture to words"
