"""The checks of lesson 07: generative adversarial networks."""

from mmcourse.exercises.lesson_07 import debug, frechet, losses, optimum, penalty, updating

__all__ = ["debug", "frechet", "losses", "optimum", "penalty", "updating"]
TITLE = "Generative adversarial networks"
