"""Exercise 15.4: powers of all frequencies from those of mel bands, by the clamped pseudo-inverse."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, agrees, drawn, expect_tensor, explained, judge_tensors, whole
from mmcourse.exercises.properties import expect_dtype_kept, expect_same_again, in_float64


def smallest(mel_powers: Tensor, filters: Tensor) -> Tensor:
    """The spectrum of the smallest norm with these mel powers, which may be negative."""
    return torch.linalg.pinv(filters.T) @ mel_powers


def spectrum(mel_powers: Tensor, filters: Tensor) -> Tensor:
    """What the answer should give.   (M, T), (F, M) -> (F, T)"""
    return smallest(mel_powers, filters).clamp(min=0)


def updated(mel_powers: Tensor, filters: Tensor, rounds: int) -> Tensor:
    """Multiplicative updates after the pseudo-inverse."""
    powers = spectrum(mel_powers, filters)
    for _ in range(rounds):
        powers = powers.clamp(min=1e-8)
        powers = powers * (filters @ mel_powers) / (filters @ (filters.T @ powers)).clamp(min=1e-12)
    return powers


def ridge(mel_powers: Tensor, filters: Tensor, added: float) -> Tensor:
    """Least squares with a penalty on the norm."""
    matrix = filters.T @ filters + added * torch.eye(filters.shape[1])
    return (filters @ torch.linalg.solve(matrix, mel_powers)).clamp(min=0)


def lacking(cases: Sequence[tuple], given: Sequence[Tensor]) -> str:
    """Words for powers that fit the bands as asked and are another solution; empty where they do not fit."""
    right = [spectrum(*case) for case in cases]
    if any((one < 0).any() for one in given):
        return ""
    for (m, w), one, best in zip(cases, given, right, strict=True):
        if misfit(m, w, one) < 1e-3 and misfit(m, w, best) < 1e-3 and one.norm() > 1.01 * best.norm():
            return (
                f"for {len(m)} band{'s' * (len(m) > 1)} and {len(w)} frequencies the powers fit, but their norm is "
                f"{one.norm():.2f}; the smallest norm is {best.norm():.2f}, that of the pseudo-inverse"
            )
    gaps = [misfit(m, w, best) - misfit(m, w, one) for (m, w), one, best in zip(cases, given, right, strict=True)]
    if min(gaps) > -1e-3 and max(gaps) > 0.01:
        return (
            "the bands fit better than those of the smallest norm with negative powers set to 0: are there further "
            "steps, such as multiplicative updates? The exercise is the first step alone"
        )
    return ""


def misfit(mel_powers: Tensor, filters: Tensor, powers: Tensor) -> float:
    """How far the bands of these powers are from those asked for, relative to them."""
    return ((filters.T @ powers - mel_powers).norm() / mel_powers.norm()).item()


MISTAKES: Mistakes = [
    (smallest, "negative powers are left; set them to 0"),
    *(
        (
            lambda m, w, least=least: (torch.linalg.pinv(w.T, rtol=least) @ m).clamp(min=0),
            "small singular values are dropped (`rtol`), so the bands fit less well than they could: "
            "`torch.linalg.pinv` with its default tolerance",
        )
        for least in (0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001)
    ),
    *(
        (
            lambda m, w, least=least: (torch.linalg.pinv(w.T, atol=least) @ m).clamp(min=0),
            "small singular values are dropped (`atol`), so the bands fit less well than they could: "
            "`torch.linalg.pinv` with its default tolerance",
        )
        for least in (1.0, 0.5, 0.1, 0.01)
    ),
    (lambda m, w: smallest(m, w).abs(), "the absolute value is taken; negative powers become 0"),
    (
        lambda m, w: w @ m,
        "`filters @ mel_powers` has the right shape, but is no inverse: it spreads each band over its filter again. "
        "The pseudo-inverse of `filters.T` is needed",
    ),
    (
        lambda m, w: (w / w.sum(0)) @ m,
        "each band is spread over its filter; the bands of that spectrum are other ones. The pseudo-inverse is needed",
    ),
    (
        lambda m, w: (w / w.sum(1, keepdim=True)) @ m,
        "each frequency gets a weighted mean of the bands; the bands of that spectrum are not the given ones. The "
        "pseudo-inverse is needed",
    ),
    (
        lambda m, w: (w / w.square().sum(0)) @ m,
        "that would be the inverse if the filters did not overlap. The pseudo-inverse takes the overlap into account",
    ),
    (
        lambda m, w: (torch.linalg.pinv(w.T).clamp(min=0)) @ m,
        "the pseudo-inverse is clamped, before it is applied; the spectrum is clamped",
    ),
    (lambda m, w: spectrum(m, w).sqrt(), "the root is taken: powers are asked for, not magnitudes"),
    (
        lambda m, w: spectrum(m, w).square(),
        "the result is squared; powers are asked for, and the bands are powers already",
    ),
    (lambda m, w: spectrum(m.sqrt(), w), "the root of the mel powers is taken before the inversion"),
    (lambda m, w: spectrum(m.exp(), w), "the exponential of the mel powers is taken; they are no logarithms"),
    (lambda m, w: (spectrum(m, w) + 1e-10).log(), "the logarithm is taken; the powers themselves are asked for"),
    (lambda m, w: smallest(m, w) - smallest(m, w).min(), "the smallest value is subtracted; negative powers become 0"),
    (
        lambda m, w: smallest(m, w) - smallest(m, w).min(0).values,
        "the smallest value of each frame is subtracted; negative powers become 0",
    ),
    (
        lambda m, w: smallest(m, w) - smallest(m, w).min().clamp(max=0),
        "the smallest value is subtracted; negative powers become 0, and the others stay",
    ),
    *(
        (
            lambda m, w, least=least: smallest(m, w).clamp(min=least),
            f"no power is below {least:g}; negative ones become 0, or silence would not be silent",
        )
        for least in (1.0, 0.1, 0.01, 1e-3)
    ),
    (
        lambda m, w: spectrum(m, w) / spectrum(m, w).max(),
        "the powers are divided by the largest; they keep their scale",
    ),
    (lambda m, w: spectrum(m, w)[:, :1].expand(-1, m.shape[1]), "every frame has the spectrum of the first"),
    (lambda m, w: spectrum(m.log(), w), "the logarithm of the mel powers is taken; they are used as they are"),
    (lambda m, w: spectrum((m + 1e-5).log(), w), "the logarithm of the mel powers is taken; they are used as they are"),
    *(
        (
            lambda m, w, added=added: ridge(m, w, added),
            f"{added:g} is added to the diagonal (ridge regression), so the bands fit less well than they could: "
            "`torch.linalg.pinv`",
        )
        for added in (10.0, 1.0, 0.1, 0.01, 1e-3)
    ),
    (lambda m, w: smallest(m, w).clamp(0, 1), "powers above 1 are cut off; only negative ones are set to 0"),
    (lambda m, w: smallest(m, w).clamp(max=0), "the maximum is limited to 0 instead of the minimum: `clamp(min=0)`"),
    (lambda m, w: smallest(m, w).exp(), "the exponential makes all powers positive; negative ones become 0"),
    (
        lambda m, w: torch.nn.functional.softplus(smallest(m, w)),
        "a softplus changes all powers; negative ones become 0, the others stay",
    ),
    (
        lambda m, w: spectrum(m, w / w.sum(0)),
        "the filters are normalised first, so the bands of the spectrum are other ones: use `filters` as they are",
    ),
    (lambda m, w: torch.nn.functional.leaky_relu(smallest(m, w)), "a leaky ReLU leaves a part of negative powers"),
    (lambda m, w: m[w.argmax(1)], "each frequency gets the power of one band; the pseudo-inverse is needed"),
    (lambda m, w: torch.minimum(spectrum(m, w), m.max()), "powers above those of the bands are cut off"),
    *(
        (
            lambda m, w, rounds=rounds: updated(m, w, rounds),
            "multiplicative updates follow the pseudo-inverse; the exercise ends with negative powers set to 0",
        )
        for rounds in (1, 3, 10)
    ),
]


def causes(mel_powers: Tensor, filters: Tensor) -> dict[tuple, str]:
    """What wrong shapes come from."""
    (bands, frames), rows = mel_powers.shape, len(filters)
    return {
        (frames, rows): "the axes have changed places: frequencies first",
        (bands, frames): "there are as many rows as bands; one row for each frequency is asked for",
        (rows,): "the axis of the frames is missing",
        (1, rows, frames): "there is one axis too many in front",
        (rows, frames, 1): "there is one axis too many at the end",
        (rows, bands): "that is the pseudo-inverse itself; apply it to the mel powers",
    }


@exercise(
    "15.4",
    title="from mel bands to frequencies",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "m = filters.T @ s. What is the shape of a matrix that leads back from m to s?",
        "`torch.linalg.pinv` gives the pseudo-inverse of a matrix: of which one, `filters` or `filters.T`?",
        "`torch.linalg.pinv(filters.T) @ mel_powers`, then `clamp(min=0)`.",
    ),
)
def inverse_check(answer, rng):
    sizes = [(7, 3, 4), (9, 4, 1), (6, 5, 6), (whole(rng, 12, 16), 6, whole(rng, 7, 9)), (5, 1, 3), (220, 12, 3)]
    cases = [drawn_case(rng, *one) for one in sizes]
    cases[2] = cases[2][0], cases[2][1] / 4  # powers far above those of the bands
    tried = explained(
        answer,
        {
            "cannot be multiplied": "filters are (F, M), and filters.T @ spectrum gives the bands: invert `filters.T`",
            "must be batches of square": "`filters` is not square and has no inverse; `torch.linalg.pinv` gives the "
            "pseudo-inverse",
            "singular": "a product of the filters has no inverse where F > M, or where bands are linearly dependent: "
            "`torch.linalg.pinv`",
        },
    )
    expect_same_again(tried, cases[0])
    judge_tensors(
        tried,
        cases,
        spectrum,
        MISTAKES,
        where=lambda m, w: f"for {m.shape[1]} frames of {len(m)} bands and {len(w)} frequencies",
        causes=causes,
        failing=lacking,
        entry=lambda position, case: f"the power of frequency {position[0]} in frame {position[1]}",
    )
    mel_powers, filters = cases[0]
    silent = expect_tensor(
        tried(torch.zeros_like(mel_powers), filters), "for silence", (len(filters), mel_powers.shape[1])
    )
    if (silent > 1e-6).any():
        raise Mistake("silence, mel powers of 0, does not give 0")
    expect_dtype_kept(answer, cases[0])
    judge_dependent(tried, rng)
    below = sum(int((smallest(*case) < 0).sum()) for case in cases)
    return f"{len(cases)} sets of filters, {below} negative powers set to 0"


def judge_dependent(answer, rng: torch.Generator) -> None:
    """A band without any frequency, and more bands than frequencies.

    In float64, and without bands that are sums of others: some libraries' pseudo-inverses keep rounding errors.
    """
    mel_powers, filters = in_float64(drawn_case(rng, 9, 5, 4))
    filters[:, 2] = 0
    for what, case in (
        ("a band without any frequency", (mel_powers, filters)),
        ("more bands than frequencies", in_float64(drawn_case(rng, 4, 6, 3))),
    ):
        try:
            given = expect_tensor(answer(*case), f"with {what}", (len(case[1]), case[0].shape[1]))
        except Mistake as problem:
            raise Mistake(f"correct for linearly independent bands, but with {what}: {problem}") from None
        if not agrees(given, spectrum(*case)):
            raise Mistake(
                f"correct for linearly independent bands, but with {what} the powers deviate by "
                f"{(given - spectrum(*case)).abs().max():.3g}: an inverse divides by 0, or by a rounding error. "
                "`torch.linalg.pinv` leaves those directions out"
            )


def drawn_case(rng: torch.Generator, rows: int, bands: int, frames: int) -> tuple[Tensor, Tensor]:
    """Overlapping triangular filters of random weights, and mel powers that some spectrum may not reach.   F, M, T"""
    centres = torch.linspace(0, rows - 1, bands) if bands > 1 else torch.tensor([rows / 2])
    distance = (torch.arange(rows)[:, None] - centres).abs() / (rows / bands)
    filters = (1.2 - distance).clamp(min=0) * (0.5 + torch.rand(rows, bands, generator=rng))
    return 3 * drawn(rng, bands, frames).square() + 0.05, filters
