"""The checks of lesson 05: pretraining."""

from mmcourse.exercises.lesson_05 import debug, masking, merging, perplexity, shifting, truncating

__all__ = ["debug", "masking", "merging", "perplexity", "shifting", "truncating"]
TITLE = "Pretraining: BERT and GPT, small"
