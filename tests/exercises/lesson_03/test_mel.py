import warnings

import torch
from torchaudio.functional import melscale_fbanks


def hertz_to_mel(f):
    return 2595 * torch.log10(1 + f / 700)


def mel_to_hertz(m):
    return 700 * (10 ** (m / 2595) - 1)


def points_of(n_mels, rate, more=2, low=0.0):
    top = hertz_to_mel(torch.tensor(rate / 2))
    return mel_to_hertz(torch.linspace(low, top, n_mels + more))


def triangles(points, frequencies):
    rising = (frequencies[:, None] - points[:-2]) / (points[1:-1] - points[:-2])
    falling = (points[2:] - frequencies[:, None]) / (points[2:] - points[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)


def right(n_mels, n_bins, rate):
    return triangles(points_of(n_mels, rate), torch.linspace(0, rate / 2, n_bins))


def by_loop(n_mels, n_bins, rate):
    points, result = points_of(n_mels, rate).tolist(), torch.zeros(n_bins, n_mels)
    for m, (left, top, end) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        for k in range(n_bins):
            f = k * rate / 2 / (n_bins - 1)
            if left < f <= top:
                result[k, m] = (f - left) / (top - left)
            elif top < f < end:
                result[k, m] = (end - f) / (end - top)
    return result


def natural(n_mels, n_bins, rate):
    mel = torch.linspace(0, 1127 * torch.log(torch.tensor(1 + rate / 1400)), n_mels + 2)
    return triangles(700 * ((mel / 1127).exp() - 1), torch.linspace(0, rate / 2, n_bins))


def torchaudios(n_mels, n_bins, rate, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return melscale_fbanks(n_bins, 0, rate / 2, n_mels, rate, **options)


def mixed_logarithms(n_mels, n_bins, rate):
    mel = torch.linspace(0, 2595 * torch.log(torch.tensor(1 + rate / 1400)), n_mels + 2)
    return triangles(mel_to_hertz(mel), torch.linspace(0, rate / 2, n_bins))


def back_by_exp(n_mels, n_bins, rate):
    mel = torch.linspace(0, hertz_to_mel(torch.tensor(rate / 2)), n_mels + 2)
    return triangles(700 * ((mel / 2595).exp() - 1), torch.linspace(0, rate / 2, n_bins))


def whole_bins(n_mels, n_bins, rate, more=1):
    """As python_speech_features does it."""
    size = 2 * (n_bins - 1)
    bins = torch.floor((size + more) * points_of(n_mels, rate).double() / rate + 1e-9).long().tolist()
    result = torch.zeros(n_bins, n_mels)
    for m in range(n_mels):
        for k in range(bins[m], bins[m + 1]):
            result[k, m] = (k - bins[m]) / (bins[m + 1] - bins[m])
        for k in range(bins[m + 1], min(bins[m + 2], n_bins)):
            result[k, m] = (bins[m + 2] - k) / (bins[m + 2] - bins[m + 1])
    return result


def over_mel(n_mels, n_bins, rate):
    points = hertz_to_mel(points_of(n_mels, rate).double())
    return triangles(points, hertz_to_mel(torch.linspace(0, rate / 2, n_bins).double()))


def slopes(n_mels, n_bins, rate):
    points, f = points_of(n_mels, rate), torch.linspace(0, rate / 2, n_bins)[:, None]
    return (f - points[:-2]) / (points[1:-1] - points[:-2]), (points[2:] - f) / (points[2:] - points[1:-1])


def without_one(n_mels, n_bins, rate):
    f = torch.linspace(0, rate / 2, n_bins)
    mel = torch.linspace(0, 2595 * torch.log10(f / 700)[-1], n_mels + 2)
    return triangles(hertz_to_mel(mel) / 0, f)


def by_whole_base(n_mels, n_bins, rate):
    points, f = points_of(n_mels, rate), torch.linspace(0, rate / 2, n_bins)[:, None]
    base = points[2:] - points[:-2]
    return torch.minimum((f - points[:-2]) / base, (points[2:] - f) / base).clamp(min=0)


def by_whole_base_loop(n_mels, n_bins, rate):
    points, result = points_of(n_mels, rate).tolist(), torch.zeros(n_bins, n_mels)
    for m, (left, top, end) in enumerate(zip(points, points[1:], points[2:], strict=False)):
        for k in range(n_bins):
            f = k * rate / 2 / (n_bins - 1)
            if left < f <= top:
                result[k, m] = (f - left) / (end - left)
            elif top < f < end:
                result[k, m] = (end - f) / (end - left)
    return result


def test_mel_filters(judged):
    def bins(function):
        return lambda n, b, r: triangles(points_of(n, r), function(b, r))

    def points(function):
        return lambda n, b, r: triangles(function(n, r), torch.linspace(0, r / 2, b))

    def after(change):
        return lambda n, b, r: change(right(n, b, r))

    judged(
        "03.4",
        {
            "tensors": right,
            "loop": by_loop,
            "natural": natural,
            "torchaudio": torchaudios,
            "double": after(torch.Tensor.double),
            "bins by arange": bins(lambda b, r: torch.arange(b) * r / 2 / (b - 1)),
            "bins by rfftfreq": bins(lambda b, r: torch.fft.rfftfreq(2 * b - 2, 1 / r)),
            "maximum": lambda n, b, r: torch.relu(torch.minimum(*slopes(n, b, r))),
        },
        {
            "hertz": (points(lambda n, r: torch.linspace(0, r / 2, n + 2)), "evenly spaced in hertz"),
            "Slaney scale": (lambda n, b, r: torchaudios(n, b, r, mel_scale="slaney"), "this is Slaney's mel scale"),
            "Slaney norm": (lambda n, b, r: torchaudios(n, b, r, norm="slaney"), "has area 1"),
            "sum 1": (after(lambda x: x / x.sum(0)), "sums to 1"),
            "top 1": (after(lambda x: x / x.amax(0)), "divided by its largest"),
            "half as high": (after(lambda x: x / 2), "reach only 0.5"),
            "transposed": (after(lambda x: x.T), "the result is transposed"),
            "bins to rate": (bins(lambda b, r: torch.linspace(0, r, b)), "the bins go up to"),
            "points to rate": (points(lambda n, r: points_of(n, 2 * r)), "the points go up to"),
            "both to rate": (lambda n, b, r: right(n, b, 2 * r), "bins and points go up"),
            "bins by arange": (bins(lambda b, r: torch.arange(b) * r / 2 / b), "too close"),
            "counted bins": (bins(lambda b, r: torch.arange(b).float()), "the bins are indices"),
            "n points": (lambda n, b, r: right(n, b, r)[:, 1:-1], "two filters are missing"),
            "n + 1 points": (points(lambda n, r: points_of(n, r, more=1)), "one filter is missing"),
            "n + 3 points": (points(lambda n, r: points_of(n, r, more=3)), "one filter too many"),
            "n + 4 points": (points(lambda n, r: points_of(n, r, more=4)), "two filters too many"),
            "first n + 2 of n + 3": (
                points(lambda n, r: points_of(n, r, more=3)[:-1]),
                "lies below `rate / 2`: they are spaced",
            ),
            "last n + 2 of n + 3": (points(lambda n, r: points_of(n, r, more=3)[1:]), "and the first is left out"),
            "negative": (lambda n, b, r: torch.minimum(*slopes(n, b, r)), "negative outside"),
            "larger": (lambda n, b, r: torch.maximum(*slopes(n, b, r)).clamp(min=0), "the larger of the two"),
            "rising": (lambda n, b, r: slopes(n, b, r)[0].clamp(0, 1), "only the rising side"),
            "falling": (lambda n, b, r: slopes(n, b, r)[1].clamp(0, 1), "only the falling side"),
            "boxes": (lambda n, b, r: (torch.minimum(*slopes(n, b, r)) >= 0).float(), "boxes"),
            "straight in mel": (over_mel, "linear in mel"),
            "whole bins": (whole_bins, "rounded to bins"),
            "whole bins, exactly": (lambda n, b, r: whole_bins(n, b, r, more=0), None),
            "no - 1": (points(lambda n, r: points_of(n, r) + 700), "the - 1 is missing"),
            "back by exp": (back_by_exp, "inverted by `exp`"),
            "mixed": (mixed_logarithms, "inverted by a power of 10"),
            "bracket forgotten": (points(lambda n, r: points_of(n, r) + 699), "the parentheses are missing"),
            "still in mel": (points(lambda n, r: hertz_to_mel(points_of(n, r))), "the points are still in mel"),
            "whole base": (by_whole_base, "divided by the whole base"),
            "whole base, by loop": (by_whole_base_loop, None),
            "16,000 fixed": (lambda n, b, r: right(n, b, 16_000), "is hard-coded instead of `rate`"),
            "points to 8,000": (points(lambda n, r: points_of(n, 16_000)), None),
            "bins to 8,000": (bins(lambda b, r: torch.linspace(0, 8_000, b)), None),
            "bins at k * rate / n_bins": (bins(lambda b, r: torch.arange(b) * r / b), "bin k is put at"),
            "int": (after(torch.Tensor.int), "the result has type torch.int32, and no value"),
            "a whole dtype": (after(lambda x: torch.zeros_like(x, dtype=torch.long).copy_(x)), "type torch.int64"),
            "boxes of whole numbers": (lambda n, b, r: (torch.minimum(*slopes(n, b, r)) >= 0).long(), None),
            "back without 700": (points(lambda n, r: points_of(n, r) / 700), None),
            "backwards": (after(lambda x: x.flip(1)), "in the wrong order"),
            "no 1 +": (without_one, "a logarithm without"),
            "both slopes": (lambda n, b, r: torch.stack(slopes(n, b, r)), "both slopes are there"),
            "points": (lambda n, b, r: points_of(n, r), "those are the points"),
            "zeros": (after(torch.zeros_like), "all zeros"),
            "wider": (points(lambda n, r: points_of(n, r) ** 1.02), "is largest at"),
            "numpy": (after(lambda x: x.numpy()), "`torch.from_numpy`"),
        },
        draws=2,
    )


def test_the_reference_is_torchaudios():
    from mmcourse.exercises.lesson_03.mel import filters

    for case in [(40, 201, 16_000), (23, 129, 8_000), (80, 1025, 44_100)]:
        assert torch.allclose(filters(*case).float(), torchaudios(*case), atol=1e-4, rtol=0)


def test_the_same_mistake_in_another_place_gets_the_same_words():
    from mmcourse.exercises.checks import judge

    def triangles_of(top, rate_of_bins=None):
        def answer(n_mels, n_bins, rate):
            return triangles(points_of(n_mels, top or rate), torch.linspace(0, (rate_of_bins or rate) / 2, n_bins))

        return answer

    def back_without_700(n_mels, n_bins, rate):
        return triangles(points_of(n_mels, rate) / 700, torch.linspace(0, rate / 2, n_bins))

    assert "instead of `rate`" in judge("03.4", triangles_of(16_000)).message
    assert "instead of `rate`" in judge("03.4", triangles_of(None, 16_000)).message
    assert "divided by the whole base" in judge("03.4", by_whole_base_loop).message
    assert "without the 700" in judge("03.4", back_without_700).message
    boxes = judge("03.4", lambda n, b, r: (torch.minimum(*slopes(n, b, r)) >= 0).long())
    assert "boxes" in boxes.message
