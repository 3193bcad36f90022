"""Sound to log-mels and back: equal to torchaudio's, sensible for every length, clear about what is no sound."""

import io

import pytest
import soundfile
import torch
import torchaudio.functional
from torchaudio.transforms import MelSpectrogram

from mmcourse.data.audio import FLOOR, READABLE, LogMel, as_floats, collate, read, resample, same_loudness

TIME = torch.arange(16_000) / 16_000


def tone(hertz, rate=16_000, seconds=1.0):
    return 0.4 * torch.sin(2 * torch.pi * hertz * torch.arange(int(seconds * rate)) / rate)


def wav(samples, rate=16_000, subtype="PCM_16", format="WAV"):
    file = io.BytesIO()
    soundfile.write(file, samples.numpy(), rate, format=format, subtype=subtype)
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


@pytest.mark.parametrize("format", READABLE)
def test_every_format_that_messages_name_can_be_read(format, tmp_path):
    path = tmp_path / f"a.{format.lower()}"
    path.write_bytes(wav(tone(440), subtype=None, format=format))
    back = read(path)
    assert abs(len(back) - 16_000) < 2_000 and abs(loudest(back) - 440) < 3


def test_a_format_that_cannot_be_read_comes_with_its_conversion(tmp_path):
    m4a = b"\0\0\0\x20ftypM4A " + bytes(400)
    (tmp_path / "my voice.m4a").write_bytes(m4a)
    with pytest.raises(ValueError, match="than WAV, FLAC, MP3, OGG, AIFF") as error:
        read(tmp_path / "my voice.m4a")
    assert 'ffmpeg -i "my voice.m4a" "my voice.wav"' in str(error.value)
    with pytest.raises(ValueError, match="ffmpeg -i"):
        read(m4a)
    (tmp_path / "short.wav").write_bytes(wav(tone(440))[:20])
    with pytest.raises(ValueError, match="short.wav cannot be read as sound.*truncated") as error:
        read(tmp_path / "short.wav")
    assert "ffmpeg" not in str(error.value), "a WAV file needs no conversion to WAV"


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file .*nothing.wav"):
        read(tmp_path / "nothing.wav")


@pytest.mark.parametrize(
    ("rate", "to"), [(44_100, 16_001), (16_001, 44_100), (7_919, 16_000), (48_000, 101), (12_345, 16_000)]
)
def test_rates_without_a_common_divisor_take_little_memory(rate, to, largest):
    """torchaudio's table for the first pair has 705 million weights; no tensor here is larger than a few megabytes."""
    sound = tone(0.11 * min(rate, to), rate, 0.2)
    with largest:
        back = resample(sound, rate, to)
    assert largest.elements < 3 << 20
    assert len(back) == -(-len(sound) * to // rate)
    middle = slice(len(back) // 4, 3 * len(back) // 4)
    expected = tone(0.11 * min(rate, to), to, 0.25)[: len(back)]
    assert torch.allclose(back[middle], expected[middle], atol=4e-3)


@pytest.mark.parametrize(("rate", "to"), [(441, 160), (160, 441), (2, 1), (1, 3), (100, 3)])
def test_both_ways_to_resample_are_one_filter(rate, to, monkeypatch):
    sounds = torch.randn(2, 1_001)
    theirs = torchaudio.functional.resample(sounds, rate, to)
    assert torch.allclose(resample(sounds, rate, to), theirs, atol=1e-6)
    monkeypatch.setattr("mmcourse.data.audio.TABLE", 0)
    assert torch.allclose(resample(sounds, rate, to), theirs, atol=1e-4)


@pytest.mark.parametrize("samples", [0, 1, 2])
@pytest.mark.parametrize(("rate", "to"), [(44_100, 16_000), (44_100, 16_001)])
def test_the_shortest_sounds_are_resampled(samples, rate, to):
    assert resample(torch.ones(samples), rate, to).shape == (-(-samples * to // rate),)


INTEGERS = {torch.uint8: (128, 128), torch.int8: (128, 0), torch.int16: (32_768, 0), torch.int32: (2**31, 0)}


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integer_samples_are_scaled_by_their_type(dtype):
    scale, zero = INTEGERS[dtype]
    samples = (0.5 * tone(440).double() * scale).round().add(zero).to(dtype)
    for sound in (as_floats(samples), collate([samples])[0], resample(samples, 16_000, 16_000)):
        assert sound.dtype == torch.float32 and torch.allclose(sound, 0.5 * tone(440), atol=1 / scale)
    assert torch.allclose(same_loudness(samples), same_loudness(tone(440)), atol=1e-2)
    assert LogMel()(collate([samples, tone(440)])).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool])
def test_integers_of_unknown_scale_are_refused(dtype):
    for use in (as_floats, same_loudness, lambda sound: collate([sound]), lambda sound: resample(sound, 2, 1)):
        with pytest.raises(ValueError, match="whose scale is unknown.*sound / 32768"):
            use(torch.ones(9, dtype=dtype))


def test_quiet_sounds_in_half_precision_get_their_loudness():
    for level in (1e-3, 1e-5):
        loud = same_loudness((level * torch.randn(4_000)).half())
        assert loud.dtype == torch.float16 and 0.07 < loud.float().square().mean().sqrt() < 0.09


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


@pytest.mark.parametrize("rate", [8_000, 11_025, 12_345, 16_000, 22_050, 44_100])
@pytest.mark.parametrize("hops", [(0, 1), (1, -1), (1, 0), (3, 0), (40, 0), (40, 1)])
def test_any_length_gives_its_frames(rate, hops):
    log_mel = LogMel(rate)
    samples = hops[0] * log_mel.hop + hops[1]
    mels = log_mel(torch.randn(2, samples))
    assert mels.shape == (2, 40, samples // log_mel.hop + 1) and mels.isfinite().all()


def test_the_spectra_of_long_sounds_are_computed_in_parts(largest):
    log_mel = LogMel()
    with largest:
        log_mel(torch.zeros(8, 1_000_000))
    assert largest.elements <= 8 * 1_000_000, "the sounds themselves are the largest tensor"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_log_mels_are_as_exact_in_every_type_and_under_autocast(dtype):
    sounds = (torch.randn(2, 4_000) * 0.1).to(dtype)
    expected = LogMel()(sounds.float())
    assert torch.allclose(LogMel()(sounds), expected, atol=1e-5)
    assert LogMel().to(dtype)(sounds).dtype == dtype
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(LogMel()(sounds.float()), expected)


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
    assert (plain.mean - padded.mean).abs().max() < 0.15 and (plain.std / padded.std - 1).abs().max() < 0.3


def test_the_statistics_travel_with_the_weights():
    fitted = LogMel().fit([torch.randn(8_000)])
    other = LogMel()
    other.load_state_dict(fitted.state_dict())
    assert set(fitted.state_dict()) == {"mean", "std"}
    assert torch.equal(other(tone(440)[None]), fitted(tone(440)[None]))


def test_the_way_back_gives_the_same_log_mels():
    torch.manual_seed(0)
    log_mel, sound = LogMel().fit([torch.randn(16_000) * 0.1]), tone(440) + tone(1_900)
    mels = log_mel(sound[None])
    back = log_mel.inverse(mels)
    assert back.shape == (1, 16_000) and back.isfinite().all()
    again = log_mel(back)
    loud = mels > mels.max() - 3 / log_mel.std.max()
    assert (again - mels)[loud].abs().median() < 0.3
    assert log_mel.inverse(log_mel(torch.zeros(1, 4_000))).abs().max() < 1e-2, "silence stays silent"


@pytest.mark.parametrize("options", [{}, {"rate": 22_050}, {"hop": 0.004}, {"hop": 0.0249}])
@pytest.mark.parametrize("frames", [2, 3, 4, 9])
def test_the_way_back_has_its_length(options, frames):
    log_mel = LogMel(**options)
    back = log_mel.inverse(torch.zeros(2, 40, frames), rounds=2)
    assert back.shape == (2, (frames - 1) * log_mel.hop) and back.isfinite().all()


@pytest.mark.parametrize(
    ("log_mel", "mels", "says"),
    [
        (LogMel(), torch.zeros(1, 40, 1), "two frames"),
        (LogMel(), torch.zeros(0, 40, 5), r"shape \(0, 40, 5\)"),
        (LogMel(hop=0.025), torch.zeros(1, 40, 5), "windows that overlap"),
    ],
)
def test_where_there_is_no_way_back_it_says_why(log_mel, mels, says):
    with pytest.raises(ValueError, match=says):
        log_mel.inverse(mels)


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
        ({"n_mels": 128}, "some bands would be empty"),
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
