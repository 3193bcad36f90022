"""The checks of lesson 03: sound, from the waveform to the CNN."""

from mmcourse.exercises.lesson_03 import clinic, masking, mel, sampling, stft

__all__ = ["clinic", "masking", "mel", "sampling", "stft"]
TITLE = "Sound: waveform to CNN"
