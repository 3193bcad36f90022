"""The spectrogram explorer without a browser: what its settings make of the picture, and what it sends."""

import base64
import io

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from mmcourse.exercises.lesson_03.sampling import fitting
from mmcourse.show import spectrogram_explorer
from mmcourse.show.widgets.spectrogram import COLUMNS, RANGE, ROWS, START, kilohertz, to_mel

RATE = 16_000


def tone(hertz, seconds=1.0, rate=RATE):
    return 0.5 * torch.sin(2 * torch.pi * hertz * torch.arange(round(seconds * rate)) / rate)


def image_of(widget):
    """What the browser gets, (rows, columns) from 0 to 255, the lowest frequency first."""
    return np.asarray(Image.open(io.BytesIO(widget.image["png"])))[::-1]


def sent_by(widget):
    """The samples that the browser gets, and their rate."""
    sent = widget.sound
    if sent["kind"] == "mp3":
        return soundfile.read(io.BytesIO(sent["bytes"]), dtype="float32")
    return np.frombuffer(sent["bytes"], "<i2") / 32767, sent["rate"]


@pytest.mark.parametrize(("window", "hop"), [(25, 10), (5, 5), (100, 20), (10, 2)])
def test_a_setting_makes_a_new_picture_of_its_shape(window, hop):
    widget = spectrogram_explorer(tone(1_000))
    before = widget.image
    widget.settings = START | {"window": float(window), "hop": float(hop), "n_mels": 41}
    size, step = RATE * window // 1000, RATE * hop // 1000
    frames = fitting(RATE, size, step)
    assert widget.image["frames"] == frames and widget.image["shape"] == f"{size // 2 + 1} frequencies"
    assert image_of(widget).shape == tuple(widget.levels.shape) == (min(size // 2 + 1, ROWS), frames)
    assert (widget.image == before) == (window == 25)
    widget.settings = widget.settings | {"mel": True}
    assert image_of(widget).shape == (41, frames) and widget.image["shape"] == "41 mel bands"


def test_levels_are_those_of_torch_in_decibels():
    sound = 0.1 * torch.randn(4_000)
    widget = spectrogram_explorer(sound)
    power = torch.stft(sound, 400, 160, window=torch.hann_window(400), center=False, return_complex=True).abs() ** 2
    expected = (10 * (power / power.max()).log10()).clamp(min=-RANGE)
    assert torch.allclose(widget.levels, expected, atol=0.01)
    assert np.abs(image_of(widget) - ((expected / RANGE + 1) * 255).numpy()).max() <= 1


@pytest.mark.parametrize("hertz", [300, 1_000, 5_000])
@pytest.mark.parametrize("mel", [False, True])
def test_a_tone_lies_at_its_frequency_on_the_axis(hertz, mel):
    widget = spectrogram_explorer(tone(hertz))
    widget.settings = START | {"mel": mel, "n_mels": 60}
    rows = image_of(widget)
    fraction = (rows.mean(axis=1).argmax() + 0.5) / len(rows)
    low, high = next(pair for pair in zip(widget.image["marks"], widget.image["marks"][1:], strict=False)
                     if float(pair[1][0]) * 1000 >= hertz)  # fmt: skip
    (low_mark, low_fraction), (high_mark, high_fraction) = low, high
    on_scale = (lambda value: float(to_mel(value))) if mel else float
    position, bottom, top = on_scale(hertz), on_scale(1000 * float(low_mark)), on_scale(1000 * float(high_mark))
    expected = low_fraction + (high_fraction - low_fraction) * (position - bottom) / (top - bottom)
    assert fraction == pytest.approx(expected, abs=1 / len(rows))


def test_a_click_lies_at_its_time():
    sound = torch.zeros(2 * RATE)
    sound[24_000] = 1
    widget = spectrogram_explorer(sound)
    widget.settings = START | {"window": 40.0, "hop": 1.0}
    left, right = widget.image["span"]
    loudest = image_of(widget).mean(axis=0).argmax()
    assert left + (right - left) * (loudest + 0.5) / image_of(widget).shape[1] == pytest.approx(1.5, abs=0.002)


def test_what_is_short_survives_the_thinning():
    sound = tone(1_000, 30)
    sound[7 * RATE :][:160] += tone(3_000)[:160]
    widget = spectrogram_explorer(sound)
    widget.settings = START | {"window": 5.0, "hop": 1.0}
    assert widget.image["frames"] > 29_000 and image_of(widget).shape[1] <= COLUMNS
    steady, short = (image_of(widget)[row] for row in (5, 15))  # 1,000 and 3,000 Hz at 200 Hz a row
    assert short.max() > steady.max() - 15  # of 255 for 70 decibels
    left, right = widget.image["span"]
    assert left + (right - left) * (short.argmax() + 0.5) / len(short) == pytest.approx(7, abs=0.05)


@pytest.mark.parametrize(
    ("seconds", "rate"), [(0.05, 16_000), (1 / 16_000, 16_000), (1, 8_000), (2, 4_000), (0.5, 44_100), (3, 12_345)]
)
def test_any_length_and_rate(seconds, rate):
    sound = tone(440, seconds, rate)
    widget = spectrogram_explorer(sound, rate)
    for settings in ({"window": 2.0}, {"window": 128.0, "hop": 50.0}, {"mel": True, "n_mels": 128}):
        widget.settings = widget.settings | settings
        assert min(image_of(widget).shape) >= 1
    samples, sent_rate = sent_by(widget)
    assert 8_000 <= sent_rate <= 96_000
    assert len(samples) / sent_rate == pytest.approx(widget.seconds, rel=0.01) == len(sound) / rate


@pytest.mark.parametrize("seconds", [1, 20])
def test_the_browser_gets_the_sound_once_and_whole(seconds):
    time = torch.arange(seconds * RATE) / RATE
    sound = 0.5 * torch.sin(2 * torch.pi * (200 + 1_000 / seconds * time) * time)
    widget = spectrogram_explorer(sound)
    samples, rate = sent_by(widget)
    assert rate == RATE and widget.sound["length"] == len(sound)
    position = len(sound) // 2
    assert np.corrcoef(samples[position : position + 8_000], sound[position : position + 8_000])[0, 1] > 0.99
    assert len(widget.sound["bytes"]) <= 200_000
    before = widget.sound
    widget.settings = START | {"mel": True}
    assert widget.sound is before


def test_the_stretch_is_what_is_selected():
    sound = torch.rand(RATE)
    widget = spectrogram_explorer(sound)
    assert torch.equal(widget.stretch, sound)
    widget.selection = [0.25, 0.5]
    assert torch.equal(widget.stretch, sound[4_000:8_000])
    widget.selection = [0.9, 7]
    assert torch.equal(widget.stretch, sound[14_400:])


def test_silence_is_dark_and_said():
    widget = spectrogram_explorer(torch.zeros(RATE))
    assert not image_of(widget).any() and "Silence" in widget.image["note"]


def test_bands_that_catch_nothing_and_gaps_are_said(recwarn):
    widget = spectrogram_explorer(tone(500))
    widget.settings = START | {"window": 5.0, "mel": True, "n_mels": 100}
    assert "stay dark" in widget.image["note"] and not image_of(widget).any(axis=1).all()
    widget.settings = START | {"window": 10.0, "hop": 30.0}
    assert "in no frame" in widget.image["note"]
    assert not [warning for warning in recwarn if "mel" in str(warning.message)]


def test_settings_out_of_bounds_are_brought_back():
    widget = spectrogram_explorer(tone(500))
    widget.settings = {"window": 0, "hop": 0, "n_mels": 10_000, "mel": True}
    assert image_of(widget).shape[0] == 128


@pytest.mark.parametrize(
    ("sound", "rate", "says"),
    [
        (torch.zeros(2, 100), RATE, r"shape \(2, 100\)"),
        (torch.zeros(0), RATE, "at least one sample"),
        (torch.tensor([0.1, float("nan")]), RATE, "not finite"),
        (torch.zeros(100), 0, "rate is 0"),
        (torch.zeros(100), 16_000.5, "whole number"),
        (torch.zeros(100), "16000", "whole number"),
    ],
)
def test_what_is_no_sound_is_refused(sound, rate, says):
    with pytest.raises(ValueError, match=says):
        spectrogram_explorer(sound, rate)


@pytest.mark.parametrize("mel", [False, True])
def test_the_still_picture_has_alt_text(mel):
    widget = spectrogram_explorer(tone(1_000), words="a tone")
    widget.settings = START | {"mel": mel}
    widget.selection = [0.2, 0.4]
    data, metadata = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 400 and len(data["image/png"]) < 90_000
    alt = metadata["image/png"]["alt"]
    assert "a tone" in alt and "8 kilohertz" in alt and "98 frames" in alt and "Run the cell" in alt


def test_marks_are_round_and_apart():
    for highest in (2_000, 4_000, 8_000, 24_000):
        for in_mel in (False, True):
            top = float(to_mel(highest)) if in_mel else highest
            marks = kilohertz(0, top, highest, in_mel)
            positions = [fraction for _, fraction in marks]
            assert 4 <= len(marks) <= 12 and positions[0] == 0 and positions == sorted(positions) and positions[-1] <= 1
            assert min(b - a for a, b in zip(positions, positions[1:], strict=False)) > 0.07
