"""The checks of lesson 01: images and the convolutional network."""

from mmcourse.exercises.lesson_01 import attribution, colours, convolution, counting, debug

__all__ = ["attribution", "debug", "colours", "convolution", "counting"]
TITLE = "Images: the CNN"
