"""Exercises 03.1 and 03.2: aliasing, and the number of frames."""

import math
import numbers

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import always, call, compare, described, expect_whole_number, named_mistake, whole


def folded(frequency: float, rate: float) -> float:
    """What `alias` should give: the distance to the nearest multiple of the rate, in hertz."""
    rest = frequency % rate
    return float(min(rest, rate - rest))


ALIAS_MISTAKES = [
    (lambda f, r: f, "the input frequency: above `rate / 2` the samples equal those of a lower tone"),
    (
        lambda f, r: f % r,
        "rounded down, as `%`, `//` and `int` do: the remainder may lie above `rate / 2`, and is then mirrored",
    ),
    (
        lambda f, r: f if f <= r / 2 else r - f,
        "`rate - frequency` without a modulo: correct up to `rate`, negative above it",
    ),
    (
        lambda f, r: f if f <= r / 2 else abs(r - f),
        "the distance to `rate`: correct up to 1.5 times the rate. Above, a higher multiple of the rate is nearer",
    ),
    (lambda f, r: abs(r - f), "the distance to `rate` alone: 0 times the rate may be nearer, and so may 2 times"),
    (lambda f, r: r - f, "`rate - frequency` for every tone: one below `rate / 2` does not change"),
    (lambda f, r: f % (r / 2), "folded back by `rate / 2`: samples repeat every `rate`, so the modulo is by `rate`"),
    (lambda f, r: r - f % r, "always mirrored: only a remainder above `rate / 2` is"),
    (lambda f, r: max(f % r, r - f % r), "the larger of the two candidates: the alias is the smaller one"),
    (
        lambda f, r: f - r * round(f / r),
        "this can be negative; a frequency of -300 Hz equals 300 Hz: use `abs`",
    ),
    (lambda f, r: min(f, r / 2), "clipped at `rate / 2`: a higher frequency is mirrored below it"),
    (lambda f, r: 0.0 if f > r / 2 else f, "silence above `rate / 2`: without a filter a high tone does not vanish"),
    (lambda f, r: folded(f, 2 * r), "`rate` is treated as the highest frequency; that is `rate / 2`"),
    (lambda f, r: folded(f, r / 2), "folded at a quarter of the rate: samples repeat every `rate`, not every half"),
    (lambda f, r: r / 2 - f % (r / 2), "folded by `rate / 2` and mirrored: samples repeat every `rate`"),
    (lambda f, r: abs(f - r / 2), "the distance to `rate / 2`; use the distance to a multiple of `rate`"),
    (lambda f, r: abs(f - round(f / r)), "`round(frequency / rate)` counts rates: multiply it by `rate` for hertz"),
    (lambda f, r: abs(f - r * (f / r)), "the result is 0: without `round` the frequency itself is subtracted"),
    (lambda f, r: f // r, "`//` counts how often the rate fits; the remainder is `%`"),
    (
        lambda f, r: abs(f - r * math.ceil(f / r)),
        "`ceil` always rounds up: the multiple of the rate below may be nearer, so use `round`",
    ),
    (
        lambda f, r: abs(f - r * math.floor(f / r + 1)),
        "the distance to the next multiple of the rate above: the one below may be nearer",
    ),
    (
        lambda f, r: abs(f - r * round(r / f)),
        "the quotient is upside down: `round(frequency / rate)` is the nearest multiple",
    ),
    (
        lambda f, r: abs(f - r * round(f / (r / 2))),
        "the quotient by half the rate, `frequency / (rate / 2)`, counts halves: divide by `rate`",
    ),
    (
        lambda f, r: f if f <= r else abs(f - r * round(f / r)),
        "frequencies from `rate / 2` to `rate` are returned unchanged: folding begins above half the rate",
    ),
    (
        lambda f, r: f if f < r else folded(f, r),
        "frequencies from `rate / 2` to `rate` are returned unchanged: folding begins above half the rate",
    ),
    *(
        (
            lambda f, r, made=made: abs(f - made(r * (f / r))),
            "the product is rounded, and the frequency cancels: round `frequency / rate`, then multiply by `rate`",
        )
        for made in (round, math.floor)
    ),
    *(
        (
            lambda f, r, places=places: abs(f - r * round(f / r, places)),
            "`frequency / rate` is rounded to a decimal place; it is rounded to a whole number, `round(x)`",
        )
        for places in (1, 2, 3)
    ),
    *(
        (
            lambda f, r, most=most: min(abs(f - k * r) for k in range(most)),
            f"the nearest of the multiples 0 to {most - 1} of the rate alone; a higher one may be nearer: use `round`",
        )
        for most in (2, 3, 4)
    ),
    (
        lambda f, r: f % r if f % r <= r / 2 else r / 2 - (f % r - r / 2) + r / 2 - r / 2,
        "mirrored at the wrong point: a remainder above `rate / 2` becomes `rate` minus it",
    ),
    (lambda f, r: f - r if f > r / 2 else f, "the rate is subtracted once; subtract its nearest multiple, and `abs`"),
    (lambda f, r: f - r / 2 if f > r / 2 else f, "half the rate is subtracted; subtract the nearest multiple of it"),
    (lambda f, r: abs(f - r * round(f / r)) / r, "divided by the rate; the frequency in hertz is asked for"),
    (lambda f, r: f / r - round(f / r), "in multiples of the rate; the frequency in hertz is asked for"),
    *(
        (lambda f, r, fixed=fixed: folded(f, fixed), f"`rate` is not used: it is always {fixed:,}, a hard-coded number")
        for fixed in (1000, 4000, 8000, 16_000, 44_100)
    ),
    (lambda f, r: folded(r, f), "frequency and rate are exchanged"),
    (
        lambda f, r: f % r if f % r <= r // 2 else r - f % r,
        "`rate // 2` rounds half the rate down, so a frequency just below `rate / 2` is mirrored",
    ),
    (lambda f, r: folded(f, int(r)), "`rate` is converted to a whole number (int); it need not be one"),
    (lambda f, r: math.floor(folded(f, r)), "the fractional part is cut off: the result need not be an integer"),
    (lambda f, r: round(folded(f, r)), "rounded to whole hertz: the result need not be an integer"),
]


def expect_frequency(given, where: str) -> float:
    """The given value as a float: any real number will do, and a tensor or array that holds one."""
    if isinstance(given, bool) or (isinstance(given, Tensor) and given.numel() != 1):
        raise Mistake(f"{where} returned {described(given)}, expected one number, in hertz")
    if isinstance(given, numbers.Real | Tensor) or getattr(given, "shape", None) == ():
        value = float(given)
        if not math.isfinite(value):
            raise Mistake(f"{where} returned {value}, expected a frequency in hertz")
        return value
    raise Mistake(f"{where} returned {described(given)}, expected one number, in hertz")


@exercise(
    "03.1",
    title="aliasing",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "At a rate of 1,000 a tone of 1,000 Hz has equal samples. Which frequency is that? And 1,100 Hz?",
        "Frequencies that differ by the rate have the same samples. Which of them is nearest to 0?",
        "Subtract `rate` times `round(frequency / rate)`, the nearest multiple. Then: a frequency has no sign.",
    ),
)
def alias(answer, rng):
    cases = [(440, 8000), (5000, 8000), (7560, 8000), (9000, 8000), (13_000, 8000), (15_500, 8000), (16_000, 8000)]
    for rate in (8000, 11_025, 16_000, whole(rng, 500, 3000), 4000.5):
        for turns in (0, 0.5, 1, 1.5, 2, 2.5, 4):  # below and above every multiple of half the rate
            fraction = 0.02 + 0.46 * float(torch.rand((), generator=rng))
            cases.append((round((turns + fraction) * rate) + 0.25 * whole(rng, 0, 3), rate))
    cases += [(3.25, 7), (10.25, 7)]  # between `rate // 2` and `rate / 2`
    given = [expect_frequency(answer(*case), f"`{call('alias', *case)}`") for case in cases]
    for case, value in zip(cases, given, strict=True):
        if not math.isclose(value, folded(*case), rel_tol=1e-6, abs_tol=1e-5 * case[1]):
            words = named_mistake(cases, [float(v) for v in given], exact(ALIAS_MISTAKES))
            example = f"`{call('alias', *case)}` returned {value:g}, expected {folded(*case):g}"
            words = words or always(given)
            raise Mistake(f"{example}: {words}" if words else example)
    return f"{len(cases)} tones, up to 4.5 times the rate"


def exact(mistakes: list) -> list:
    """The mistakes with float results, so that `agrees` allows for rounding."""
    return [(lambda *case, mistaken=mistaken: float(mistaken(*case)), words) for mistaken, words in mistakes]


def fitting(samples: int, window: int, hop: int) -> int:
    """What `n_frames` should give: how many windows fit."""
    return len(range(0, samples - window + 1, hop))


ABSOLUTE = "`abs` counts missing samples as frames: a sound shorter than the window has no frame, `max(0, ...)`"
N_FRAMES_MISTAKES = [
    *(
        (lambda n, w, h, wrong=wrong: 0 if n < w else max(0, wrong(n, w, h)), words)
        for wrong, words in (
            (
                lambda n, w, h: math.ceil((n - w) / h) + 1,
                "this rounds up, but a window that extends beyond the end does not count",
            ),
            (
                lambda n, w, h: round((n - w) / h) + 1,
                "this rounds to the nearest, but a window that extends beyond the end does not count",
            ),
            (lambda n, w, h: (n - h) // w + 1, "`window` and `hop` are exchanged"),
            (lambda n, w, h: fitting(n, 400, 160), "a window of 400 and a hop of 160 are hard-coded"),
            (
                lambda n, w, h: n // h - w // h + 1,
                "samples and window are divided separately: subtract first, then divide `samples - window` once",
            ),
            (
                lambda n, w, h: (n + w // 2 * 2 - w) // h + 1,
                "half a window is added on both sides, as `torch.stft` does; here nothing is added",
            ),
            (
                lambda n, w, h: n // h + 1,
                "half a window is added on both sides, as `torch.stft` does; here nothing is added",
            ),
        )
    ),
    (lambda n, w, h: fitting(n, 400, 160), "a window of 400 and a hop of 160 are hard-coded"),
    *(
        (
            mistaken,
            "samples and window are divided separately: subtract first, then divide `samples - window` once",
        )
        for mistaken in (lambda n, w, h: n // h - w // h + 1, lambda n, w, h: max(0, n // h - w // h + 1))
    ),
    (
        lambda n, w, h: (n - w) // h + 1,
        "a sound shorter than the window has no frame at all, and this gives a negative or wrong number",
    ),
    (
        lambda n, w, h: int((n - w) / h) + 1,
        "`int` cuts off towards 0, `//` rounds down; a sound shorter than the window has no frame, so never below 0",
    ),
    (
        lambda n, w, h: max(0, int((n - w) / h) + 1),
        "`int` cuts off towards 0, so a sound a little shorter than the window gets a frame: `//` rounds down",
    ),
    (lambda n, w, h: abs(n - w) // h + 1, ABSOLUTE),
    (lambda n, w, h: abs((n - w) // h) + 1, ABSOLUTE),
    (lambda n, w, h: abs((n - w) // h + 1), ABSOLUTE),
    (lambda n, w, h: abs(int((n - w) / h)) + 1, ABSOLUTE),
    (lambda n, w, h: abs(int((n - w) / h) + 1), ABSOLUTE),
    (
        lambda n, w, h: (n - w) // h,
        "the + 1 is missing: a sound as long as one window already has one frame",
    ),
    (lambda n, w, h: max(0, (n - w) // h), "the + 1 is missing: a sound as long as one window already has one frame"),
    (
        lambda n, w, h: len(range(0, n - w, h)),
        "a window that ends with the last sample is not counted: it fits too",
    ),
    (
        lambda n, w, h: max(0, math.ceil((n - w) / h) + 1),
        "this rounds up, but a window that extends beyond the end does not count",
    ),
    (
        lambda n, w, h: math.ceil((n - w) / h) + 1,
        "this rounds up, but a window that extends beyond the end does not count",
    ),
    (
        lambda n, w, h: max(0, round((n - w) / h) + 1),
        "this rounds to the nearest, but a window that extends beyond the end does not count",
    ),
    (
        lambda n, w, h: round((n - w) / h) + 1,
        "this rounds to the nearest, but a window that extends beyond the end does not count",
    ),
    (lambda n, w, h: fitting(n, h, w), "`window` and `hop` are exchanged"),
    (lambda n, w, h: (n - h) // w + 1, "`window` and `hop` are exchanged"),
    (
        lambda n, w, h: n // h + 1,
        "this is `torch.stft` with padding on both sides (centred frames); here nothing is added",
    ),
    (lambda n, w, h: n // h, "the window is left out: the last one needs `window` samples, not `hop`"),
    (lambda n, w, h: math.ceil(n / h), "the starts are counted, also those whose window extends beyond the end"),
    (lambda n, w, h: len(range(0, n, h)), "the starts are counted, also those whose window extends beyond the end"),
    (lambda n, w, h: n // w, "the hop is left out: windows overlap, each begins `hop` samples after the previous one"),
    (lambda n, w, h: max(0, n - w + 1), "the hop is left out: the window moves by `hop` samples at a time"),
    (lambda n, w, h: n - w + 1, "the hop is left out: the window moves by `hop` samples at a time"),
    (lambda n, w, h: (n - w + 1) // h, "the 1 is added before the division: divide first, then count the first frame"),
    (
        lambda n, w, h: max(0, (n - w + 1) // h),
        "the 1 is added before the division: divide first, then count the first frame",
    ),
    (lambda n, w, h: n - w // h + 1, "the division happens too early: only `samples - window` as a whole is divided"),
    *(
        (
            lambda n, w, h, limit=limit: 0 if n < limit(w, h) else (n - w) // h + 1,
            f"the guard compares `samples` with {what}; a sound shorter than `window` has no frame",
        )
        for limit, what in ((lambda w, h: h, "`hop`"), (lambda w, h: 1, "0"), (lambda w, h: w // 2, "half a window"))
    ),
    (
        lambda n, w, h: 0 if n < w else (n - w) // h,
        "the + 1 is missing: a sound as long as one window already has one frame",
    ),
    (lambda n, w, h: fitting(n, w, h) + 1, "one frame too many in every case"),
    (lambda n, w, h: fitting(n, w, h) - 1, "one frame too few in every case"),
    *(
        (lambda n, w, h, part=part: fitting(n, w, w // part), f"the hop is not used: window // {part} in its place")
        for part in (1, 2, 4)
    ),
    (lambda n, w, h: (n + w) // h + 1, "the window is added; subtract it"),
    (
        lambda n, w, h: fitting(n, w, h) if n > w else 0,
        "a sound exactly as long as the window has one frame: only a shorter one has none",
    ),
    (
        lambda n, w, h: max(1, fitting(n, w, h)),
        "a sound shorter than the window has no frame: without padding none fits",
    ),
]


def counted(answer, samples: int, window: int, hop: int):
    """Call the answer; where it cannot take a sound shorter than the window, say what is expected there."""
    try:
        return answer(samples, window, hop)
    except Mistake as problem:
        if samples >= window:
            raise
        where = f"`{call('n_frames', samples, window, hop)}`"
        raise Mistake(f"{where}: a sound shorter than the window has no frame, expected 0. {problem}") from None


@exercise(
    "03.2",
    title="number of frames",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Slide a window of 4 over 10 samples with a hop of 3. Where can it start? At 0, 3 and 6: 3 frames.",
        "The last possible start is `samples - window`. How many steps of `hop` lead there? Count the start at 0 too.",
        "`//` rounds down and counts the steps; then count the first frame. What if the window is longer?",
    ),
)
def n_frames(answer, rng):
    cases = [(16_000, 400, 160), (16_000, 512, 128), (400, 400, 160), (10, 4, 3)]
    for remainder in (0, 1, 0.5, -1):  # of the hop: every way to round shows
        for _ in range(4):
            hop = whole(rng, 5, 160)
            left = round(remainder * hop) if remainder == 0.5 else int(remainder) % hop
            window = hop + whole(rng, 1, 300)
            cases.append((window + hop * whole(rng, 2, 90) + left, window, hop))
    cases += [(399, 400, 160), (100, 400, 160), (1, 400, 160), (whole(rng, 110, 190), whole(rng, 300, 500), 100)]
    given = [expect_whole_number(counted(answer, *case), f"`{call('n_frames', *case)}`") for case in cases]
    compare("n_frames", cases, given, fitting, N_FRAMES_MISTAKES, ("samples", "window", "hop"))
    return f"{len(cases)} sounds, four of them shorter than the window"
