import math

import numpy as np
import torch


def test_alias(judged):
    def fold(frequency, rate):
        rest = frequency % rate
        return rest if rest <= rate / 2 else rate - rest

    def step_by_step(frequency, rate):
        while frequency > rate / 2:
            frequency = abs(frequency - rate)
        return frequency

    def triangle(frequency, rate):
        return rate / 2 * abs(2 * (frequency / rate - math.floor(frequency / rate + 0.5)))

    def by_sampling(frequency, rate):
        candidates = [frequency + turns * rate for turns in range(-6, 7)]
        return min(map(abs, candidates))

    def angle(frequency, rate):
        turn = 2 * math.pi * frequency / rate
        return abs(math.atan2(math.sin(turn), math.cos(turn))) * rate / (2 * math.pi)

    judged(
        "03.1",
        {
            "folded": fold,
            "minimum": lambda f, r: min(f % r, r - f % r),
            "minimum of remainders": lambda f, r: min(f % r, -f % r),
            "nearest multiple": lambda f, r: abs(f - r * round(f / r)),
            "steps": step_by_step,
            "triangle": triangle,
            "candidates": by_sampling,
            "angle": angle,
            "torch": lambda f, r: torch.minimum(torch.tensor(f % r), torch.tensor(r - f % r)),
            "single precision": lambda f, r: torch.remainder(torch.tensor(f - r / 2), r).sub(r / 2).abs(),
            "numpy": lambda f, r: np.abs(np.float64(f) - r * np.round(f / r)),
            "a tensor of one": lambda f, r: torch.tensor([fold(f, r)]),
        },
        {
            "modulo alone": (lambda f, r: f % r, "rounded down, as"),
            "no modulo": (lambda f, r: f if f <= r / 2 else r - f, "without a modulo"),
            "below 1.5 rates": (lambda f, r: f if f <= r / 2 else abs(r - f), "correct up to 1.5 times"),
            "to the rate": (lambda f, r: abs(f - r), "the distance to `rate` alone"),
            "always rate - f": (lambda f, r: r - f, "`rate - frequency` for every tone"),
            "half": (lambda f, r: f % (r / 2), "folded back by `rate / 2`"),
            "always mirrored": (lambda f, r: r - f % r, "always mirrored"),
            "the higher": (lambda f, r: max(f % r, r - f % r), "the larger of the two"),
            "negative": (lambda f, r: f - r * round(f / r), "can be negative"),
            "negative torch": (lambda f, r: (f + r / 2) % r - r / 2, None),
            "clipped": (lambda f, r: min(f, r / 2), "clipped at"),
            "silent": (lambda f, r: f if f < r / 2 else 0, "silence above"),
            "unchanged": (lambda f, r: f, "the input frequency"),
            "rate for the half": (lambda f, r: fold(f, 2 * r), "treated as the highest frequency"),
            "quarter": (lambda f, r: fold(f, r / 2), "a quarter of the rate"),
            "turned": (lambda f, r: r / 2 - f % (r / 2), "and mirrored: samples"),
            "from the half": (lambda f, r: abs(f - r / 2), "distance to `rate / 2`"),
            "not times rate": (lambda f, r: abs(f - round(f / r)), "multiply it by `rate`"),
            "no round": (lambda f, r: abs(f - r * (f / r)), None),
            "quotient": (lambda f, r: f // r, "how often the rate fits"),
            "next above": (lambda f, r: abs(f - r * (f // r + 1)), None),
            "ceil": (lambda f, r: abs(f - r * math.ceil(f / r)), "`ceil` always rounds up"),
            "exchanged": (lambda f, r: fold(r, f), "are exchanged"),
            "cut": (lambda f, r: int(fold(f, r)), "the fractional part is cut off"),
            "rounded": (lambda f, r: round(fold(f, r)), "rounded to whole"),
            "a pair": (lambda f, r: (f, r), "returned a tuple"),
            "text": (lambda f, r: f"{fold(f, r)} Hz", "returned a str"),
            "truth": (lambda f, r: f > r / 2, "returned a bool"),
            "nan": (lambda f, r: math.nan, "returned nan"),
            "two": (lambda f, r: torch.tensor([f, r]), "a tensor of shape"),
            "no usual": (lambda f, r: f / r, None),
        },
    )


def test_n_frames(judged):
    def by_counting(samples, window, hop):
        count, start = 0, 0
        while start + window <= samples:
            count, start = count + 1, start + hop
        return count

    def formula(samples, window, hop):
        return max(0, (samples - window) // hop + 1) if samples >= window else 0

    def unguarded(samples, window, hop):
        return (samples - window) // hop + 1

    def returns_nothing(samples, window, hop):
        if samples >= window:
            return unguarded(samples, window, hop)

    judged(
        "03.2",
        {
            "formula": formula,
            "maximum": lambda n, w, h: max(0, (n - w) // h + 1),
            "added before": lambda n, w, h: max(0, (n - w + h) // h),
            "range": lambda n, w, h: len(range(0, n - w + 1, h)),
            "counting": by_counting,
            "ceiling": lambda n, w, h: max(0, math.ceil((n - w + 1) / h)),
            "floor": lambda n, w, h: math.floor((n - w) / h) + 1 if n >= w else 0,
            "unfold": lambda n, w, h: len(torch.zeros(n).unfold(0, w, h)) if n >= w else 0,
        },
        {
            "short sounds": (unguarded, "has no frame at all, and this gives"),
            "int": (lambda n, w, h: int((n - w) / h) + 1, "so never below 0"),
            "int, at least 0": (lambda n, w, h: max(0, int((n - w) / h) + 1), "a little shorter than the window"),
            "abs": (lambda n, w, h: abs(n - w) // h + 1, "`abs` counts missing"),
            "abs of the steps": (lambda n, w, h: abs((n - w) // h) + 1, None),
            "abs of all": (lambda n, w, h: abs(unguarded(n, w, h)), None),
            "unguarded unfold": (
                lambda n, w, h: len(torch.zeros(n).unfold(0, w, h)),
                "shorter than the window has no frame, expected 0. RuntimeError",
            ),
            "nothing for short sounds": (returns_nothing, "has no frame, expected 0. `returns_nothing` returned None"),
            "no + 1": (lambda n, w, h: max(0, (n - w) // h), "the + 1 is missing"),
            "no + 1, unguarded": (lambda n, w, h: (n - w) // h, None),
            "last one": (lambda n, w, h: len(range(0, n - w, h)), "ends with the last sample"),
            "rounds up": (lambda n, w, h: max(0, math.ceil((n - w) / h) + 1), "this rounds up"),
            "rounds": (lambda n, w, h: max(0, round((n - w) / h) + 1), "rounds to the nearest"),
            "exchanged": (lambda n, w, h: formula(n, h, w), "are exchanged"),
            "centred": (lambda n, w, h: n // h + 1, "with padding on both sides"),
            "no window": (lambda n, w, h: n // h, "the window is left out"),
            "starts": (lambda n, w, h: len(range(0, n, h)), "the starts are counted"),
            "end to end": (lambda n, w, h: n // w, "each begins `hop` samples"),
            "every sample": (lambda n, w, h: max(0, n - w + 1), "moves by `hop` samples"),
            "1 too early": (lambda n, w, h: max(0, (n - w + 1) // h), "added before the division"),
            "precedence": (lambda n, w, h: n - w // h + 1, "division happens too early"),
            "plus window": (lambda n, w, h: (n + w) // h + 1, "; subtract it"),
            "not equal": (lambda n, w, h: unguarded(n, w, h) if n > w else 0, "exactly as long as the window"),
            "always one": (lambda n, w, h: max(1, unguarded(n, w, h)), "none fits"),
            "true division": (lambda n, w, h: (n - w) / h + 1, "a float, expected a whole number"),
            "a tensor": (lambda n, w, h: torch.tensor(formula(n, w, h)), "returned a tensor"),
            "no usual": (lambda n, w, h: formula(n, w, h) + 7, None),
        },
    )


def test_every_abs_is_named():
    from mmcourse.exercises.checks import judge

    for mistaken in (
        lambda n, w, h: abs((n - w) // h) + 1,
        lambda n, w, h: abs((n - w) // h + 1),
        lambda n, w, h: abs(int((n - w) / h)) + 1,
        lambda n, w, h: abs(int((n - w) / h) + 1),
    ):
        assert "`abs` counts missing" in judge("03.2", mistaken).message
