"""The checks of lesson 15: text to speech."""

from mmcourse.exercises.lesson_15 import debug, durations, expanding, inverting, phases

__all__ = ["debug", "durations", "expanding", "inverting", "phases"]
TITLE = "Text to speech"
