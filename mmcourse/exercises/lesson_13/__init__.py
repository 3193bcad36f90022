"""The checks of lesson 13: speech recognition."""

from mmcourse.exercises.lesson_13 import collapsing, debug, forward, rescoring, word_errors

__all__ = ["collapsing", "debug", "forward", "rescoring", "word_errors"]
TITLE = "Speech recognition"
