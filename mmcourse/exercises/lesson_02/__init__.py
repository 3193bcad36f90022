"""The checks of lesson 02: words and the recurrent network."""

from mmcourse.exercises.lesson_02 import debug, lstm, padding, pooling, recurrence, tokens

__all__ = ["debug", "lstm", "padding", "pooling", "recurrence", "tokens"]
TITLE = "Text: the RNN"
