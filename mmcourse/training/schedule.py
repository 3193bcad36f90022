"""Schedules: the learning rate over the course of training, as a fraction of its highest value.

A schedule is a function of the fraction of training done, from 0 at the first step towards 1 after the last.
"""

import math

WARM_UP = 0.2


def one_cycle(done: float) -> float:
    """Linear warm-up over the first fifth, then cosine decay to almost 0.

    After Smith and Topin 2018, 'Super-Convergence', with a linear warm-up.
    """
    if done < WARM_UP:
        return 0.04 + 0.96 * done / WARM_UP
    fall = (done - WARM_UP) / (1 - WARM_UP)
    return max(0.5 * (1 + math.cos(math.pi * fall)), 1e-4)


def constant(done: float) -> float:
    """The same learning rate from the first step to the last."""
    return 1.0
