import base64
import io
import re

import numpy as np
import pytest
import soundfile
import torch

from mmcourse.show.players import as_samples, mp3, play, play_many

RATE = 16_000
TIME = torch.arange(2 * RATE) / RATE
SOUND = 0.5 * torch.sin(2 * torch.pi * 440 * TIME) * torch.sin(torch.pi * TIME / 2)


def played(page):
    """The samples in each player of a page."""
    return [
        soundfile.read(io.BytesIO(base64.b64decode(code)))[0]
        for code in re.findall(r"audio/mpeg;base64,([^\"]+)", page)
    ]


def test_what_the_player_carries_is_the_sound(shown):
    play(SOUND, words="an a at <concert> pitch")
    (back,) = played(shown.data()["text/html"])
    assert abs(len(back) - len(SOUND)) < 0.1 * RATE
    lags = np.correlate(back, SOUND[8_000:12_000].numpy(), "valid")
    start = int(lags.argmax())
    piece, original = back[start : start + 4_000], SOUND[8_000:12_000].numpy()
    assert np.corrcoef(piece, original)[0, 1] > 0.98
    assert len(shown.data()["text/html"]) < 0.5 * len(SOUND) * 2  # of a WAV file


def test_words_are_text_and_safe(shown):
    play(SOUND, words="a <b> & c", title="voice")
    page = shown.data()["text/html"]
    assert "a &lt;b&gt; &amp; c" in page and "<b>" not in page
    assert shown.data()["text/plain"] == "voice: 'a <b> & c' (2.0 s of sound)"


def test_a_waveform_comes_first_and_has_alt_text(shown):
    play(SOUND, words="a tone", waveform=True)
    assert "image/png" in shown.data(0) and "a tone" in shown.alt(0) and "text/html" in shown.data(1)


def test_many_players_each_with_its_own_sound(shown):
    play_many([SOUND, SOUND[:RATE]], words=["long", "short"], titles=["one", "two"])
    lengths = [len(sound) for sound in played(shown.data()["text/html"])]
    assert len(lengths) == 2 and lengths[0] > 1.5 * lengths[1]


@pytest.mark.parametrize(
    "sound, says",
    [
        (torch.zeros(0), "at least one sample"),
        (torch.zeros(2, 100), r"shape \(2, 100\)"),
        (torch.tensor([0.1, float("nan")]), "not finite"),
    ],
)
def test_what_is_no_sound_is_refused(sound, says):
    with pytest.raises(ValueError, match=says):
        as_samples(sound)


def test_too_loud_is_scaled_and_odd_rates_are_refused():
    assert np.abs(as_samples(3 * SOUND)).max() <= 1
    with pytest.raises(ValueError, match="resample"):
        mp3(as_samples(SOUND), 12_345)


@pytest.mark.parametrize("form", [lambda x: x, lambda x: x.numpy(), lambda x: x.numpy()[::-1][::-1]])
def test_integer_samples_keep_their_level(form):
    samples = (0.1 * 32_768 * SOUND).short()
    assert np.abs(as_samples(form(samples)) - 0.1 * SOUND.numpy()).max() < 1e-4


def test_bfloat16_and_lists_are_sound_and_integers_of_unknown_scale_are_not():
    assert as_samples(SOUND.bfloat16()).dtype == as_samples([0.0, 0.5]).dtype == np.float32
    with pytest.raises(ValueError, match="int64, whose scale is unknown"):
        as_samples((32_768 * SOUND).long())
