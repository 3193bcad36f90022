"""The checks of lesson 06: autoencoders."""

from mmcourse.exercises.lesson_06 import (
    collapse,
    compression,
    debug,
    divergence,
    interpolating,
    reparameterising,
)

__all__ = ["collapse", "compression", "debug", "divergence", "interpolating", "reparameterising"]
TITLE = "Autoencoders"
