"""The checks of lesson 09: attention across modalities."""

from mmcourse.exercises.lesson_09 import bottleneck, clinic, crossing, low_rank, modulating, placing

__all__ = ["bottleneck", "clinic", "crossing", "low_rank", "modulating", "placing"]
TITLE = "Attention across modalities"
