"""The debugging exercise of lesson 15: log-mels computed with other settings than in training."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmcourse.data import griffin_lim
from mmcourse.data.audio import LogMel
from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_finite, expect_tensor, explained

CAUSES = {
    "no attribute": "the function gets a sound, the autoencoder and the log-mel transform, in this order",
}


class Autoencoder(nn.Module):
    """Gives the mels of another sound, and keeps what it was given."""

    def __init__(self, mels: Tensor):
        super().__init__()
        self.mels, self.given = mels, []

    def forward(self, mels: Tensor) -> Tensor:
        if not isinstance(mels, Tensor):
            raise Mistake(f"the autoencoder gets {described(mels)}; it takes mels, (1, n_mels, T)")
        if mels.dim() == 2:
            raise Mistake(
                f"the autoencoder gets a tensor of shape {tuple(mels.shape)}: it takes a batch, (1, n_mels, T); with "
                "`sound[None]` the log-mel gives one"
            )
        self.given.append(mels.detach())
        return self.mels.clone()


@exercise(
    "15.debug",
    title="other settings at test time",
    dots=2,
    minutes=15,
    hints=(
        "Compare the mels that the buggy function gives the autoencoder with `log_mel(sound[None])`: their shape, "
        "their mean and their standard deviation.",
        "Window, hop and the number of bands are settings; mean and standard deviation are statistics of the training "
        "sounds. `log_mel` has both.",
        "Compute the mels by the given `log_mel`, and go back to a sound with the same one.",
    ),
)
def resynthesis(answer, rng):
    tried = explained(answer, CAUSES)
    for rate, bands, window, hop, seconds in (
        (16_000, 80, 0.064, 0.016, 0.7),
        (8_000, 20, 0.050, 0.0125, 0.9),
        (16_000, 32, 0.025, 0.010, 0.5),
    ):
        log_mel = LogMel(rate, bands, window, hop).fit(drawn_sound(rng, rate, 1.0) for _ in range(3))
        sound, other = drawn_sound(rng, rate, seconds), drawn_sound(rng, rate, seconds)
        judge_case(tried, log_mel, sound, other)
    return "3 log-mel transforms: the autoencoder gets mels as in training, and its result becomes a sound"


def drawn_sound(rng: torch.Generator, rate: int, seconds: float) -> Tensor:
    """A tone with harmonics whose pitch and loudness change, and a little noise.   -> (samples,)"""
    time = torch.arange(int(rate * seconds)) / rate
    start, end, rhythm = torch.rand(3, generator=rng).tolist()
    pitch = 120 + 150 * start + 150 * (end - 0.5) * time
    phase = 2 * math.pi * (pitch / rate).cumsum(0)
    tone = sum((k * phase).sin() / k for k in range(1, 12))
    loudness = 0.55 + 0.4 * (2 * math.pi * (2 + 3 * rhythm) * time).sin()
    return 0.12 * loudness * tone + 0.01 * torch.randn(len(time), generator=rng)


def judge_case(answer: Callable, log_mel: LogMel, sound: Tensor, other: Tensor) -> None:
    """One transform: what the autoencoder is given, and what becomes of its mels."""
    expected, target = log_mel(sound[None]), log_mel(other[None])
    autoencoder, statistics = Autoencoder(target), (log_mel.mean.clone(), log_mel.std.clone())
    given = answer(sound, autoencoder, log_mel)
    if not (torch.equal(log_mel.mean, statistics[0]) and torch.equal(log_mel.std, statistics[1])):
        raise Mistake("`log_mel` was fitted anew; its statistics are those of the training sounds, and stay")
    if not autoencoder.given:
        raise Mistake("the autoencoder is never called")
    if len(autoencoder.given) > 1:
        raise Mistake(f"the autoencoder is called {len(autoencoder.given)} times; one sound goes through it once")
    judge_mels(autoencoder.given[0], expected, log_mel, sound)
    judge_sound(given, expected, target, log_mel, sound)


def judge_mels(given: Tensor, expected: Tensor, log_mel: LogMel, sound: Tensor) -> None:
    """The autoencoder's mels are those of the training; what else they are is named."""
    shape = tuple(expected.shape)
    told = f"the autoencoder gets mels of shape {tuple(given.shape)}; in training they would be {shape}"
    if given.dim() != 3 or len(given) != 1:
        raise Mistake(told)
    if tuple(given.shape) == (1, shape[2], shape[1]) != shape:
        raise Mistake(f"{told}: bands and frames have changed places")
    if given.shape[1] != shape[1]:
        raise Mistake(f"{told}: another number of bands")
    if given.shape[2] != shape[2]:
        raise Mistake(f"{told}: another number of frames. Is it another hop, or another piece of the sound?")
    if torch.allclose(given, expected, rtol=1e-3, atol=1e-3):
        return
    raw = log_mel.raw(sound[None])
    own = (raw - raw.mean(2, keepdim=True)) / raw.std(2, keepdim=True)
    whole = (raw - raw.mean()) / raw.std()
    for other, words in (
        (raw, "the statistics of the training are missing (a log-mel that was not fitted)"),
        (own, "they are normalised by the sound's own mean and standard deviation; the training's belong there"),
        (whole, "they are normalised by one mean and standard deviation of the sound; the training's belong there"),
        (raw - log_mel.mean, "only the training's mean is subtracted; its standard deviation divides"),
        (raw / log_mel.std, "the training's mean is not subtracted"),
        (
            expected * log_mel.std + log_mel.mean,
            "the statistics are undone before the autoencoder; it takes normalised mels",
        ),
        ((expected - log_mel.mean) / log_mel.std, "they are normalised twice: `log_mel` does that already"),
        (
            log_mel(sound[None] / sound.abs().max()),
            "the sound was scaled to a maximum of 1, and in training it was not",
        ),
        (raw.exp(), "those are powers without the logarithm"),
    ):
        if torch.allclose(given, other, rtol=1e-2, atol=1e-2):
            raise Mistake(f"the autoencoder gets other mels than in training: {words}")
    apart = (given - expected).abs().mean().item()
    raise Mistake(
        f"the autoencoder gets other mels than `log_mel` gives for this sound: they differ by {apart:.2f} on average, "
        "with a standard deviation of 1. Other window, bands or statistics?"
    )


def judge_sound(given, expected: Tensor, target: Tensor, log_mel: LogMel, sound: Tensor) -> None:
    """The sound has the length and the log-mels that the autoencoder asked for."""
    if isinstance(given, Tensor) and tuple(given.shape) == tuple(expected.shape):
        raise Mistake("it returned mels; a sound is asked for: `griffin_lim.to_sound(mels, log_mel)`")
    result = expect_tensor(given, "the sound")
    if result.dim() == 2 and len(result) == 1:
        raise Mistake(f"the sound has the shape {tuple(result.shape)}: take the one sound out of its batch, `[0]`")
    if result.dim() != 1:
        raise Mistake(f"the sound has the shape {tuple(result.shape)}, expected (samples,)")
    if abs(len(result) - len(sound)) > log_mel.hop:
        told = (
            f"the mels are correct, but the sound has {len(result)} samples, expected {len(sound)} up to one hop of "
            f"{log_mel.hop}"
        )
        if log_mel.hop * 4 < len(result) < len(sound) and torch.isfinite(result).all():
            begun = target[:, :, : log_mel(result[None]).shape[2]]
            if difference(result, begun, log_mel) <= 0.12 + 1.6 * difference(
                log_mel.inverse(target)[0], target, log_mel
            ):
                raise Mistake(f"{told}: it is correct up to there, and the rest is cut off")
        raise Mistake(f"{told}; another hop on the way back gives another length")
    expect_finite(result, "the sound:", "is there a logarithm or a division on the way back?")
    if not result.any():
        raise Mistake("the mels are correct, but the sound is silent")
    bound = 0.12 + 1.6 * difference(log_mel.inverse(target)[0], target, log_mel)  # a few rounds fewer are as right
    apart = difference(result, target, log_mel)
    if apart <= bound:
        return
    if difference(result, expected, log_mel) <= bound:
        raise Mistake("the sound is that of the mels before the autoencoder; its output is not used")
    told = f"the mels are correct, but those of the sound differ from the autoencoder's by {apart:.2f} on average"
    if difference(result, (target - log_mel.mean) / log_mel.std, log_mel) <= bound:
        raise Mistake(f"{told}: on the way back the statistics of `log_mel` are missing")
    undone = target * log_mel.std + log_mel.mean
    if difference(result, undone, log_mel) <= bound or alike(result, undone, log_mel):
        raise Mistake(
            f"{told}: the statistics of `log_mel` are undone twice on the way back; `griffin_lim.to_sound` undoes them"
        )
    scales = (0.01, 0.1, 0.2, 0.25, 1 / 3, 0.5, 2, 3, 4, 5, 10, 100, float(result.abs().max()), 32_768)
    if any(difference(result / scale, target, log_mel) <= bound for scale in scales):
        raise Mistake(f"{told}: it is louder or quieter than the mels say")
    raise Mistake(f"{told}; those of `griffin_lim.to_sound(mels, log_mel)` differ by less than {bound:.2f}")


def alike(sound: Tensor, mels: Tensor, log_mel: LogMel) -> bool:
    """Whether a sound's log-mels are those of the sound that is made of other mels, which no sound may have."""
    for computed in (griffin_lim.to_sound(mels, log_mel)[0], log_mel.inverse(mels)[0]):
        if len(computed) == len(sound) and difference(sound, log_mel(computed[None]), log_mel) <= 0.2:
            return True
    return False


def difference(sound: Tensor, mels: Tensor, log_mel: LogMel) -> float:
    """Mean absolute difference between a sound's log-mels and others, the ends left out."""
    last = mels.shape[2] - 2
    return (log_mel(sound[None])[:, :, 1:last] - mels[:, :, 1:last]).abs().mean().item()
