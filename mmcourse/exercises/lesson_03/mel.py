"""Exercise 03.4: the mel filter bank."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor, whole


def to_mel(hertz) -> Tensor:
    """HTK's mel scale."""
    return 2595 * torch.log10(1 + torch.as_tensor(hertz, dtype=torch.float64) / 700)


def to_hertz(mel: Tensor) -> Tensor:
    """The way back."""
    return 700 * (10 ** (mel / 2595) - 1)


def triangles(points: Tensor, bins: Tensor) -> Tensor:
    """Triangles between three neighbouring points each, their top 1.   (n + 2,), (F,) -> (F, n)"""
    return slopes(points, bins).amin(0).clamp(min=0)


def slopes(points: Tensor, bins: Tensor) -> Tensor:
    """The rising and the falling line of each triangle, not cut at 0.   -> (2, F, n)"""
    left, top, right = points[:-2], points[1:-1], points[2:]
    return torch.stack([(bins[:, None] - left) / (top - left), (right - bins[:, None]) / (right - top)])


def bins_of(count: int, rate: float) -> Tensor:
    """The frequency of each bin: from 0 to half the rate.   (F,)"""
    return torch.linspace(0, rate / 2, count, dtype=torch.float64)


def points_of(count: int, rate: float, more: int = 2) -> Tensor:
    """Hertz of `count + more` points at equal distances in mel.   (count + more,)"""
    return to_hertz(torch.linspace(0, float(to_mel(rate / 2)), count + more, dtype=torch.float64))


def filters(n_mels: int, n_bins: int, rate: float) -> Tensor:
    """What `mel_filters` should give.   -> (n_bins, n_mels)"""
    return triangles(points_of(n_mels, rate), bins_of(n_bins, rate))


def slaney_points(count: int, rate: float) -> Tensor:
    """The points on Slaney's scale: straight up to 1,000 Hz, logarithmic above."""
    top = 15 + 27 * torch.log(torch.tensor(rate / 2000, dtype=torch.float64)) / torch.tensor(6.4).log()
    mel = torch.linspace(0, float(top), count + 2, dtype=torch.float64)
    return torch.where(mel < 15, mel * 200 / 3, 1000 * torch.exp((mel - 15) / 27 * torch.tensor(6.4).log()))


def on_bins(n: int, bins: int, rate: float, to=torch.floor, more: int = 0) -> Tensor:
    """Triangles whose points are moved to whole bins, as older code has them."""
    k = torch.arange(bins)[:, None]
    points = to((2 * (bins - 1) + more) * points_of(n, rate) / rate + 1e-9).long()
    left, top, right = points[:-2], points[1:-1], points[2:]
    rising = (k - left) / (top - left).clamp(min=1) * ((left <= k) & (k < top))
    return (rising + (right - k) / (right - top).clamp(min=1) * ((top <= k) & (k < right))).double()


def in_mel(n: int, bins: int, rate: float) -> Tensor:
    """Triangles whose sides are straight over mel instead of hertz."""
    return triangles(to_mel(points_of(n, rate)), to_mel(bins_of(bins, rate)))


def area_one(n: int, bins: int, rate: float) -> Tensor:
    points = points_of(n, rate)
    return filters(n, bins, rate) * 2 / (points[2:] - points[:-2])


def first_points(n: int, bins: int, rate: float) -> Tensor:
    """Triangles from n_mels + 1 points, the last one without its right end."""
    points = points_of(n, rate, more=1)
    return triangles(torch.cat([points, points[-1:] + 1e-6]), bins_of(bins, rate))


def whole_base(n: int, bins: int, rate: float) -> Tensor:
    """Both differences divided by the whole base of the triangle instead of the half they run over.   -> (2, F, n)"""
    points, hertz = points_of(n, rate), bins_of(bins, rate)[:, None]
    left, right = points[:-2], points[2:]
    return torch.stack([(hertz - left), (right - hertz)]) / (right - left)


def whole_base_by_sides(n: int, bins: int, rate: float) -> Tensor:
    """The same, each side taken up to the top."""
    rising, falling = whole_base(n, bins, rate)
    return torch.where(bins_of(bins, rate)[:, None] <= points_of(n, rate)[1:-1], rising, falling).clamp(min=0)


def by_points(move) -> Callable:
    """Filters from other points."""
    return lambda n, b, r: triangles(move(n, r), bins_of(b, r))


def without_overlap(n: int, bins: int, rate: float) -> Tensor:
    """Triangles from each point to the next, their top in the middle."""
    points = points_of(n, rate, more=1)
    left, right = points[:-1], points[1:]
    return (1 - (bins_of(bins, rate)[:, None] - (left + right) / 2).abs() * 2 / (right - left)).clamp(min=0)


def widths_exchanged(n: int, bins: int, rate: float) -> Tensor:
    """Each slope over the width of the other side."""
    points, hertz = points_of(n, rate), bins_of(bins, rate)[:, None]
    left, top, right = points[:-2], points[1:-1], points[2:]
    return torch.minimum((hertz - left) / (right - top), (right - hertz) / (top - left))


def from_lowest(lowest: float) -> Callable:
    """Points that begin at a frequency above 0."""
    return by_points(
        lambda n, r: to_hertz(torch.linspace(float(to_mel(lowest)), float(to_mel(r / 2)), n + 2, dtype=torch.float64))
    )


BASE = "each slope is divided by the whole base: one rises from left end to peak, one falls from peak to right end"
FIXED = "16,000 is hard-coded instead of `rate`: at another rate the filters are wrong"
BOXES = "boxes: between its ends a filter rises to 1 and falls again"
MEL_MISTAKES = [
    (
        lambda n, b, r: triangles(torch.linspace(0, r / 2, n + 2, dtype=torch.float64), bins_of(b, r)),
        "the points are evenly spaced in hertz: space them in mel, then convert to hertz",
    ),
    (
        lambda n, b, r: triangles(slaney_points(n, r), bins_of(b, r)),
        "this is Slaney's mel scale; HTK's is 2595 · log10(1 + f / 700)",
    ),
    (area_one, "each triangle has area 1 (Slaney's norm); here its peak is 1"),
    (
        lambda n, b, r: filters(n, b, r) / filters(n, b, r).sum(0),
        "each filter sums to 1; here the peak of each triangle is 1",
    ),
    (
        lambda n, b, r: filters(n, b, r) / filters(n, b, r).amax(0),
        "each filter is divided by its largest entry; the peak may lie between two bins, so omit this",
    ),
    (lambda n, b, r: filters(n, b, r) / 2, "the triangles reach only 0.5; their peak is 1"),
    (
        lambda n, b, r: triangles(points_of(n, r), bins_of(b, 2 * r)),
        "the bins go up to `rate`: the last one is `rate / 2`",
    ),
    (
        lambda n, b, r: triangles(points_of(n, 2 * r), bins_of(b, r)),
        "the points go up to `rate`: samples represent nothing above `rate / 2`",
    ),
    (
        lambda n, b, r: filters(n, b, 2 * r),
        "bins and points go up to `rate`: samples represent nothing above `rate / 2`",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r), torch.arange(b) * (r / 2 / b)),
        "the bins are a little too close: the last of the `n_bins` is `rate / 2` itself, so divide by `n_bins - 1`",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r), torch.arange(b, dtype=torch.float64)),
        "the bins are indices: bin k is a frequency in hertz",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r, more=3)[:-1], bins_of(b, r)),
        "the last of the `n_mels + 2` points lies below `rate / 2`: they are spaced by 1 / (n_mels + 2) of the range "
        "in mel, and the range has n_mels + 1 steps",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r, more=4)[:-2], bins_of(b, r)),
        "the last of the points lies below `rate / 2`: the range in mel has n_mels + 1 steps",
    ),
    (
        lambda n, b, r: triangles(
            torch.cat([points_of(n, r, more=1), 2 * points_of(n, r, more=1)[-1:]])[: n + 2], bins_of(b, r)
        ),
        "the points are spaced by 1 / n_mels of the range in mel; the range has n_mels + 1 steps",
    ),
    *(
        (
            lambda n, b, r, to=to: (
                triangles(to(points_of(n, r) * 2 * (b - 1) / r) * r / 2 / (b - 1), bins_of(b, r))
                .nan_to_num(0)
                .clamp(0, 1)
            ),
            "the points are rounded to bins; leave them between two bins",
        )
        for to in (torch.floor, torch.round, torch.ceil)
    ),
    (
        lambda n, b, r: on_bins(n, b, r, to=torch.ceil),
        "the points are rounded to bins; leave them between two bins",
    ),
    (lambda n, b, r: filters(n, b, r).square(), "every entry is squared"),
    (lambda n, b, r: filters(n, b, r).sqrt(), "the square root of every entry is taken"),
    (lambda n, b, r: 1 - filters(n, b, r), "1 minus the filters: between its ends a filter rises to 1"),
    (lambda n, b, r: 2 * filters(n, b, r), "the triangles reach 2; their peak is 1"),
    (
        lambda n, b, r: triangles(points_of(n, r, more=3)[1:], bins_of(b, r)),
        "one point too many, and the first is left out: `n_mels` triangles need `n_mels + 2` points",
    ),
    (
        first_points,
        "one point too few: `n_mels` triangles need `n_mels + 2` points, each has a left end, a peak and a right end",
    ),
    (
        lambda n, b, r: slopes(points_of(n, r), bins_of(b, r)).amin(0),
        "negative outside the triangles: clip at 0, `.clamp(min=0)`",
    ),
    (
        lambda n, b, r: slopes(points_of(n, r), bins_of(b, r)).amax(0).clamp(min=0),
        "the larger of the two slopes: a triangle is the smaller one",
    ),
    (
        lambda n, b, r: slopes(points_of(n, r), bins_of(b, r))[0].clamp(0, 1),
        "only the rising side: after its peak each filter stays at 1",
    ),
    (
        lambda n, b, r: slopes(points_of(n, r), bins_of(b, r))[1].clamp(0, 1),
        "only the falling side: before its peak each filter is at 1",
    ),
    (
        lambda n, b, r: (slopes(points_of(n, r), bins_of(b, r)).amin(0) >= 0).double(),
        BOXES,
    ),
    (
        in_mel,
        "the sides are linear in mel; torchaudio's are linear in hertz: convert before making triangles",
    ),
    (on_bins, "the points are rounded to bins; leave them between two bins"),
    (
        lambda n, b, r: on_bins(n, b, r, more=1),
        "the points are rounded to bins; leave them between two bins",
    ),
    (
        lambda n, b, r: on_bins(n, b, r, to=torch.round),
        "the points are rounded to bins; leave them between two bins",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r) + 700, bins_of(b, r)),
        "in the conversion to hertz the - 1 is missing: f = 700 · (10^(mel / 2595) - 1)",
    ),
    (
        lambda n, b, r: triangles(
            700 * ((torch.linspace(0, float(to_mel(r / 2)), n + 2, dtype=torch.float64) / 2595).exp() - 1),
            bins_of(b, r),
        ),
        "log10 is inverted by `exp`: the inverse of log10 is a power of 10",
    ),
    (
        lambda n, b, r: triangles(
            700 * (10 ** (torch.linspace(0, float(to_mel(r / 2)) * 2.302585, n + 2, dtype=torch.float64) / 2595) - 1),
            bins_of(b, r),
        ),
        "the natural logarithm is inverted by a power of 10: use `torch.log10`, or 1127 and `exp`",
    ),
    (
        lambda n, b, r: triangles(points_of(n, r) + 699, bins_of(b, r)),
        "converting to hertz, the parentheses are missing, so 1 Hz is subtracted: f = 700 · (10^(mel / 2595) - 1)",
    ),
    (
        lambda n, b, r: triangles(torch.linspace(0, float(to_mel(r / 2)), n + 2, dtype=torch.float64), bins_of(b, r)),
        "the points are still in mel, the bins in hertz: convert to hertz, f = 700 · (10^(mel / 2595) - 1)",
    ),
    (
        lambda n, b, r: (slope := slopes(points_of(n, r), bins_of(b, r))[0].clamp(min=0)) * (slope <= 1),
        "only the rising side: after its peak, point j + 1, a filter falls to 0 at point j + 2",
    ),
    (
        lambda n, b, r: (slope := slopes(points_of(n, r), bins_of(b, r))[1].clamp(min=0)) * (slope <= 1),
        "only the falling side: a filter rises from point j to its peak, point j + 1",
    ),
    (
        without_overlap,
        "the filters do not overlap: each reaches from point j to point j + 2, its peak is the point between them",
    ),
    (
        by_points(lambda n, r: torch.cat([-points_of(n, r)[1:2], points_of(n, r)[:-1]])),
        "every filter is one point too low: filter j has its peak at point j + 1, counted from 0",
    ),
    *(
        (
            lambda n, b, r, most=most: widths_exchanged(n, b, r).clamp(0, most),
            "the widths of the sides are exchanged: each of the two slopes is divided by the width of its own side",
        )
        for most in (1, float("inf"))
    ),
    (
        lambda n, b, r: slopes(points_of(n, r), bins_of(b, r)).amax(0).clamp(0, 1),
        "the larger of the two slopes: a triangle is the smaller one",
    ),
    *(
        (from_lowest(lowest), f"the lowest point is at {lowest} Hz; the points begin at 0 Hz")
        for lowest in (20, 30, 50, 60, 64, 80, 100)
    ),
    (lambda n, b, r: whole_base(n, b, r).amin(0).clamp(min=0), BASE),
    (whole_base_by_sides, BASE),
    (lambda n, b, r: filters(n, b, 16_000), FIXED),
    (lambda n, b, r: triangles(points_of(n, 16_000), bins_of(b, r)), FIXED),
    (lambda n, b, r: triangles(points_of(n, r), bins_of(b, 16_000)), FIXED),
    (
        lambda n, b, r: triangles(points_of(n, r), torch.arange(b) * (r / b)),
        "bin k is put at `k * rate / n_bins`: the last of the `n_bins` is `rate / 2`, so k * rate / 2 / (n_bins - 1)",
    ),
    (lambda n, b, r: filters(n, b, r).flip(1), "the filters are in the wrong order: the lowest comes first"),
    (
        lambda n, b, r: torch.zeros(b, n),
        "all zeros: without the 700 of f = 700 · (10^(mel / 2595) - 1) every triangle lies below the second bin; "
        "or was nothing assigned to the result?",
    ),
]


@exercise(
    "03.4",
    title="the mel filters",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "Each triangle has a left end, a peak and a right end, shared with its neighbours. How many points "
        "do `n_mels` triangles need, from 0 Hz to half the rate?",
        "Space the points evenly in mel with `torch.linspace`, then convert to hertz: f = 700 · (10^(mel / 2595) - 1).",
        "With the frequency of bin k as `f[:, None]` and the points in hertz: one line rises from left to peak, one "
        "falls from peak to right end. The triangle is the smaller of the two, clipped at 0.",
    ),
)
def mel_filters(answer, rng):
    cases = [(10, 129, 8000), (40, 257, 16_000), (20, 201, 16_000), (8, 100, whole(rng, 20, 40) * 200)]
    given = []
    for n_mels, n_bins, rate in cases:
        where = f"for {n_mels} filters, {n_bins} bins and a rate of {rate:,}"
        causes = {
            (n_mels, n_bins): "the result is transposed: one row per bin, one column per filter",
            (n_bins, n_mels - 2): "two filters are missing: `n_mels` triangles need `n_mels + 2` points",
            (n_bins, n_mels - 1): "one filter is missing: `n_mels` triangles need `n_mels + 2` points",
            (n_bins, n_mels + 1): "one filter too many: `n_mels + 2` points give `n_mels` triangles",
            (n_bins, n_mels + 2): "two filters too many: there are `n_mels + 2` points, but the ends have no triangle",
            (n_mels + 2, n_bins): "two filters too many, and the result is transposed",
            (n_mels + 2,): "those are the points; between them lie the triangles",
            (n_bins - 1, n_mels): "one bin is missing: 0 Hz and half the rate both have one",
            (2, n_bins, n_mels): "both slopes are there: take the smaller one of the two",
        }
        result = expect_tensor(answer(n_mels, n_bins, rate), where, (n_bins, n_mels), causes)
        expect_finite(result, where, "is there a division by 0, or a logarithm without the 1 + in it?")
        given.append(result)
    expected = [filters(*case) for case in cases]
    if all(near(a, b) for a, b in zip(given, expected, strict=True)):
        return f"equal to `torchaudio.functional.melscale_fbanks` for {len(cases)} banks of filters"
    i = next(i for i in range(len(given)) if not near(given[i], expected[i]))
    n_mels, n_bins, rate = cases[i]
    words = named(cases, given)
    if not (given[i].is_floating_point() or given[i].is_complex()) and words != BOXES:
        raise Mistake(
            f"the result has type {given[i].dtype}, and no value between 0 and 1: the sides of a triangle need them. "
            "Leave `.int()`, `.long()` or such a `dtype` out"
        )
    words = words or beside_them(given[i], expected[i], rate)
    if words is None:
        row, column = divmod(int((given[i] - expected[i]).abs().argmax()), n_mels)
        hertz = rate / 2 * row / (n_bins - 1)
        words = (
            f"entry [{row}, {column}], {hertz:,.0f} Hz in filter {column}, is {given[i][row, column].item():.3f}, "
            f"expected {expected[i][row, column].item():.3f}"
        )
    raise Mistake(f"for {n_mels} filters, {n_bins} bins and a rate of {rate:,}: {words}")


def named(cases: list[tuple], given: list[Tensor]) -> str | None:
    """The words for the first mistake that gives these filters, the outermost bins left aside: corners of triangles."""
    for mistaken, words in MEL_MISTAKES:
        if all(near(value[1:-1], mistaken(*case)[1:-1]) for case, value in zip(cases, given, strict=True)):
            return words
    return None


def beside_them(given: Tensor, expected: Tensor, rate: float) -> str | None:
    """Words for filters of another range, or with their peaks elsewhere, whatever made them so."""
    if given.max() <= 0 and given.min() < -1:
        return "no value is above 0: is there a logarithm? Filters are weights from 0 to 1"
    hertz = bins_of(len(given), rate)
    for filter, (came, due) in enumerate(zip(given.argmax(0), expected.argmax(0), strict=True)):
        if (came - due).abs() > 1:
            return (
                f"filter {filter} is largest at {hertz[came]:,.0f} Hz, expected {hertz[due]:,.0f} Hz, near point "
                f"{filter + 1} of those evenly spaced in mel from 0 to `rate / 2` (counted from 0)"
            )
    return None


def near(given: Tensor, expected: Tensor) -> bool:
    """Equal up to what single precision leaves of hertz, on the scale of the expected values."""
    expected = expected.double()
    return bool(((given.double() - expected).abs() <= 2e-3 * expected.abs().max() + 1e-7).all())
