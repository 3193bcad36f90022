"""The checks of lesson 10: missing modalities."""

from mmcourse.exercises.lesson_10 import debug, dropping, filling, modulating, sharing

__all__ = ["debug", "dropping", "filling", "modulating", "sharing"]
TITLE = "Missing modalities"
