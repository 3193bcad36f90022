"""The checks of lesson 08: joining features."""

from mmcourse.exercises.lesson_08 import clinic, equality, gating, late, summing

__all__ = ["clinic", "equality", "gating", "late", "summing"]
TITLE = "Joining features"
