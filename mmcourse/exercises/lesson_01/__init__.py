"""The checks of lesson 01: pictures and the convolutional network."""

from mmcourse.exercises.lesson_01 import attribution, clinic, colours, convolution, counting

__all__ = ["attribution", "clinic", "colours", "convolution", "counting"]
TITLE = "Pictures: the CNN"
