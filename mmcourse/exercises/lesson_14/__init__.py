"""The checks of lesson 14: text to image."""

from mmcourse.exercises.lesson_14 import debug, dropping, guiding, integrating, interpolating

__all__ = ["debug", "dropping", "guiding", "integrating", "interpolating"]
TITLE = "Text to image"
