"""The checks of lesson 03: sound, from the waveform to the CNN."""

from mmcourse.exercises.lesson_03 import debug, masking, mel, sampling, stft

__all__ = ["debug", "masking", "mel", "sampling", "stft"]
TITLE = "Sound: from waveform to CNN"
