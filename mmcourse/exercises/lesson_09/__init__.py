"""The checks of lesson 09: attention across modalities."""

from mmcourse.exercises.lesson_09 import bottleneck, crossing, debug, low_rank, modulating, positions

__all__ = ["bottleneck", "debug", "crossing", "low_rank", "modulating", "positions"]
TITLE = "Attention across modalities"
