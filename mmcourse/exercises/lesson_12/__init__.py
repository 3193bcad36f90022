"""The checks of lesson 12: image captioning."""

from mmcourse.exercises.lesson_12 import attending, beaming, clipping, debug, saying, shifting

__all__ = ["attending", "beaming", "debug", "clipping", "saying", "shifting"]
TITLE = "Image captioning"
