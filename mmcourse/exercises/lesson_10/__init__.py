"""The checks of lesson 10: when a modality fails."""

from mmcourse.exercises.lesson_10 import debug, dropping, filling, modulating, sharing

__all__ = ["debug", "dropping", "filling", "modulating", "sharing"]
TITLE = "When a modality fails"
