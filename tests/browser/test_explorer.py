"""The spectrogram explorer in JupyterLab: a stretch is selected with the mouse, and what is played is that stretch."""

import pytest

pytestmark = pytest.mark.browser

EXPLORER = """import torch
from mmcourse.show import spectrogram_explorer
widget = spectrogram_explorer(torch.linspace(0, 1, 32_000))  # each sample says where it is
widget"""


def test_the_stretch_that_is_selected_is_played(opened):
    page = opened(EXPLORER)
    page.wait_for_text(0, "201 frequencies × 198 frames")
    samples, positions = page.hear_a_stretch(0.25, 0.75)
    assert samples[0] == pytest.approx(0.25, abs=0.01) and samples[-1] == pytest.approx(0.75, abs=0.01)
    assert samples == sorted(samples) and len(samples) == pytest.approx(16_000, abs=200) and positions > 3
    assert page.complaints() == []
