"""Spectrograms: frequencies where they are, for windows of any length, and the shortest sounds."""

import re

import pytest
import torch

from mmcourse.show.figures.spectrogram import show_frame, show_log_mels, show_spectrogram, spectrogram_of


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100])
def test_a_frame_names_its_loudest_frequency(shown, rate):
    """A window of 25 ms has 551 samples at 22,050 a second: its last frequency lies below half the rate."""
    length = round(0.025 * rate)
    hertz = (length // 2 - 20) * rate / length
    show_frame(0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(rate) / rate), 0.1, rate)
    assert abs(int(re.search(r"loudest at (\d+) hertz", shown.alt())[1]) - hertz) < 1


@pytest.mark.parametrize("samples", [1, 2, 551, 552])
def test_the_shortest_sounds_are_shown(shown, samples):
    assert spectrogram_of(torch.rand(samples), 22_050).isfinite().all()
    show_spectrogram(torch.rand(samples), 22_050)
    show_spectrogram(torch.zeros(samples), 22_050)
    assert len(shown) == 2


@pytest.mark.parametrize("mels", [torch.zeros(1, 40, 3), torch.randn(2, 40, 1), torch.randn(1, 40, 5).half()])
def test_log_mels_of_one_value_one_frame_and_half_precision_are_shown(shown, mels):
    show_log_mels(mels)
    assert len(shown) == 1


def test_integer_samples_keep_their_level():
    loud = 0.1 * torch.sin(torch.arange(8_000) * 0.3)
    difference = spectrogram_of(loud) - spectrogram_of((loud * 32_768).short())
    assert difference[spectrogram_of(loud) > 0].abs().max() < 0.1
