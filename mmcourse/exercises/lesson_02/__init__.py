"""The checks of lesson 02: words and the recurrent network."""

from mmcourse.exercises.lesson_02 import clinic, lstm, padding, pooling, recurrence, tokens

__all__ = ["clinic", "lstm", "padding", "pooling", "recurrence", "tokens"]
TITLE = "Words: the RNN"
