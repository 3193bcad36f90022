"""The checks of lesson 11: a shared space."""

from mmcourse.exercises.lesson_11 import contrasting, debug, likeness, naming, ranking, sharing

__all__ = ["debug", "contrasting", "likeness", "naming", "ranking", "sharing"]
TITLE = "A shared space"
