"""Sound to log-mels and back: equal to torchaudio's, sensible for every length, clear about what is no sound."""

import io

import pytest
import soundfile
import torch
from torchaudio.transforms import MelSpectrogram

from mmcourse.data.audio import FLOOR, LogMel, collate, read, resample, same_loudness

TIME = torch.arange(16_000) / 16_000


def tone(hertz, rate=16_000, seconds=1.0):
    return 0.4 * torch.sin(2 * torch.pi * hertz * torch.arange(int(seconds * rate)) / rate)


def wav(samples, rate=16_000, subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, samples.numpy(), rate, format="WAV", subtype=subtype)
    return file.getvalue()


def loudest(sound, rate=16_000):
    """The loudest frequency of a sound, in hertz."""
    return torch.fft.rfft(sound).abs().argmax().item() * rate / len(sound)


# Reading ---------------------------------------------------------------------------------------------------------


def test_what_was_written_is_read(tmp_path):
    sound = tone(440)
    (tmp_path / "a.wav").write_bytes(wav(sound))
    for source in (wav(sound), tmp_path / "a.wav", str(tmp_path / "a.wav")):
        back = read(source)
        assert back.dtype == torch.float32 and torch.allclose(back, sound, atol=1e-4)


@pytest.mark.parametrize("rate", [8_000, 11_025, 44_100, 48_000])
def test_other_rates_keep_length_and_pitch(rate):
    back = read(wav(tone(1_000, rate), rate))
    assert abs(len(back) - 16_000) <= 1 and abs(loudest(back) - 1_000) < 3


def test_stereo_is_averaged():
    left, right = tone(440), tone(880)
    assert torch.allclose(read(wav(torch.stack([left, right], dim=1))), (left + right) / 2, atol=1e-4)


def test_resampling_filters_what_the_new_rate_cannot_hold():
    low, high = tone(500), tone(3_000)
    assert resample(high, 16_000, 4_000).square().mean() < 1e-3 * high.square().mean()
    assert abs(loudest(high[::4], 4_000) - 1_000) < 3, "without the filter it comes back as 1,000 Hz"
    assert loudest(resample(low + high, 16_000, 4_000), 4_000) == 500
    with pytest.raises(ValueError, match="a rate is 0"):
        resample(low, 16_000, 0)


def test_loud_and_quiet_become_alike_and_silence_stays():
    sound = tone(440)
    for factor in (0.01, 1, 100):
        assert torch.allclose(same_loudness(factor * sound), same_loudness(sound), atol=1e-5)
    both = same_loudness(torch.stack([sound, 0.1 * sound, torch.zeros(16_000)]))
    assert torch.allclose(both.square().mean(dim=1).sqrt(), torch.tensor([0.08, 0.08, 0]), atol=1e-5)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"", "cannot be read as sound"),
        (b"RIFF no sound at all", "cannot be read as sound"),
        (wav(torch.zeros(0)), "holds no samples"),
        (wav(torch.tensor([0.1, float("nan")]), subtype="FLOAT"), "not finite"),
    ],
)
def test_what_is_no_sound_is_refused(source, says):
    with pytest.raises(ValueError, match=says):
        read(source)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*nothing.wav"):
        read(tmp_path / "nothing.wav")


def test_collating_pads_and_cuts():
    sounds = [torch.ones(3), torch.ones(5)]
    assert collate(sounds).tolist() == [[1, 1, 1, 0, 0], [1] * 5]
    assert collate(sounds, 4).tolist() == [[1, 1, 1, 0], [1] * 4]


@pytest.mark.parametrize(
    ("sounds", "samples", "says"),
    [
        ([], None, "sounds is empty"),
        ([torch.ones(2), torch.ones(0)], None, "sound 1 has shape .*an empty recording"),
        ([torch.ones(2, 9)], None, "stereo"),
        ([torch.ones(2)], 0, "samples is 0"),
    ],
)
def test_what_cannot_be_collated_says_why(sounds, samples, says):
    with pytest.raises(ValueError, match=says):
        collate(sounds, samples)


# Log-mels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rate", "n_mels", "low"), [(16_000, 40, 60), (8_000, 40, 60), (16_000, 64, 0)])
def test_log_mels_are_torchaudios(rate, n_mels, low):
    window = 0.025 if n_mels == 40 else 0.064
    log_mel, sounds = LogMel(rate, n_mels, window=window, low=low), torch.randn(3, rate // 2) * 0.1
    theirs = MelSpectrogram(
        rate,
        n_fft=round(window * rate),
        hop_length=rate // 100,
        f_min=low,
        n_mels=n_mels,
        pad_mode="constant",
    )
    assert torch.allclose(log_mel(sounds), (theirs(sounds) + FLOOR).log(), atol=1e-4)


def test_a_tone_sounds_in_the_band_that_holds_it():
    log_mel = LogMel()
    for hertz in (300, 1_000, 5_000):
        band = log_mel(tone(hertz)[None])[0, :, 50].argmax()
        low, high = log_mel.filters[:, band].nonzero()[[0, -1], 0] * 40
        assert low <= hertz <= high


@pytest.mark.parametrize("samples", [1, 2, 159, 160, 399, 16_000])
def test_any_length_gives_its_frames(samples):
    mels = LogMel()(torch.randn(2, samples))
    assert mels.shape == (2, 40, samples // 160 + 1) and mels.isfinite().all()


def test_silence_is_finite_and_the_quietest():
    log_mel = LogMel().fit([tone(440), torch.randn(8_000) * 0.01])
    silence = log_mel(torch.zeros(1, 8_000))
    assert silence.isfinite().all() and (silence <= log_mel(torch.randn(1, 8_000) * 1e-3)).all()


def test_fitted_bands_have_mean_0_and_spread_1():
    sounds = [torch.randn(4_000 + 500 * i) * 0.1 * (1 + i) for i in range(6)]
    log_mel = LogMel().fit(sounds)
    frames = torch.cat([log_mel(sound[None])[0] for sound in sounds], dim=1)
    assert frames.mean(dim=1).abs().max() < 1e-4 and (frames.std(dim=1) - 1).abs().max() < 1e-2


def test_padding_hardly_moves_the_statistics():
    """The frames that lie wholly in the zeros do not count; two at each sound's end see some of them."""
    sounds = [torch.randn(16_000) * 0.1 * (1 + i) for i in range(4)]
    plain, padded = LogMel().fit(sounds), LogMel().fit(collate(sounds, 24_000))
    assert (plain.mean - padded.mean).abs().max() < 0.15 and (plain.spread / padded.spread - 1).abs().max() < 0.3


def test_the_statistics_travel_with_the_weights():
    fitted = LogMel().fit([torch.randn(8_000)])
    other = LogMel()
    other.load_state_dict(fitted.state_dict())
    assert set(fitted.state_dict()) == {"mean", "spread"}
    assert torch.equal(other(tone(440)[None]), fitted(tone(440)[None]))


def test_the_way_back_gives_the_same_log_mels():
    torch.manual_seed(0)
    log_mel, sound = LogMel().fit([torch.randn(16_000) * 0.1]), tone(440) + tone(1_900)
    mels = log_mel(sound[None])
    back = log_mel.inverse(mels)
    assert back.shape == (1, 16_000) and back.isfinite().all()
    again = log_mel(back)
    loud = mels > mels.max() - 3 / log_mel.spread.max()
    assert (again - mels)[loud].abs().median() < 0.3
    assert log_mel.inverse(log_mel(torch.zeros(1, 4_000))).abs().max() < 1e-2, "silence stays silent"


@pytest.mark.parametrize(
    ("sounds", "says"),
    [
        (torch.zeros(16_000), r"sound\[None\]"),
        (torch.zeros(2, 1, 16_000), r"sounds.mean\(1\)"),
        (torch.zeros(0, 16_000), "no sound"),
        (torch.zeros(1, 0), "no sound"),
        (torch.zeros(1, 100, dtype=torch.int16), "/ 32768"),
        (torch.tensor([[0.1, float("nan")]]), "not finite"),
    ],
)
def test_wrong_sounds_say_why(sounds, says):
    with pytest.raises(ValueError, match=says):
        LogMel()(sounds)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"n_mels": 128}, "some would hear nothing"),
        ({"rate": 8_000, "high": 7_600}, "hold 0 to 4000 Hz"),
        ({"hop": 0.05}, "expected hop <= window"),
    ],
)
def test_settings_that_cannot_be_are_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        LogMel(**arguments)


def test_fitting_on_nothing_is_refused():
    for sounds in ([], [torch.zeros(4_000)]):
        with pytest.raises(ValueError, match="fit got no sound"):
            LogMel().fit(sounds)
    with pytest.raises(ValueError, match=r"expected \(B, 40, T\)"):
        LogMel().inverse(torch.zeros(1, 30, 9))
