"""Exercise 10.1: the mean of what is there, in the place of what is missing."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, expect_tensor, named_mistake


def filled(x: Tensor, here: Tensor) -> Tensor:
    """What `fill_with_mean` should give."""
    return put(x, here, x[here].mean(0))


def put(x: Tensor, here: Tensor, value) -> Tensor:
    return torch.where(here[:, None], x, value)


MISTAKES: Mistakes = [
    (lambda x, here: x, "nothing is filled in: the rubbish of the missing rows is still there"),
    (
        lambda x, here: put(x, here, x.mean(0)),
        "the mean is over all rows, the rubbish of the missing ones among them: take `features[present]` first",
    ),
    (
        lambda x, here: put(x, here, x[here].sum(0) / len(x)),
        "the sum of the rows that are there is divided by the number of all rows",
    ),
    (
        lambda x, here: put(x, here, torch.zeros(())),
        "zeros stand in; they are the mean only where the features have mean zero",
    ),
    (lambda x, here: put(x, here, x[here].mean()), "one number for all features: each feature has a mean of its own"),
    (lambda x, here: put(x, here, x[~here].mean(0)), "that is the mean of the missing rows: `present` is turned round"),
    (lambda x, here: put(x, ~here, x[here].mean(0)), "the rows that are there are overwritten, the missing ones stay"),
    (
        lambda x, here: put(x, ~here, x[~here].mean(0)),
        "everything is turned round: `present` is True where the modality is there",
    ),
    (
        lambda x, here: x[here].mean(0).expand_as(x),
        "every row becomes the mean; those that are there keep their features",
    ),
    (lambda x, here: put(x, here, x[here].median(0).values), "that is the median; the mean is asked for"),
    (
        lambda x, here: put(x, here, x[here].sum(0)),
        "that is the sum of the rows that are there: divide by their number",
    ),
    (lambda x, here: put(x, here, x[here][0]), "the first row that is there stands in; their mean is asked for"),
    (lambda x, here: put(x, here, x[here][-1]), "the last row that is there stands in; their mean is asked for"),
    (lambda x, here: put(x, here, x.mean(1, keepdim=True)), "the mean is over the features (axis 1), not the rows"),
]


@exercise(
    "10.1",
    title="the mean in its place",
    dots=1,
    minutes=5,
    hints=(
        "`features[present]` are the rows that are there. Over which axis is their mean a vector of D numbers?",
        "`torch.where(present[:, None], a, b)` takes a where the row is there, b elsewhere, and changes neither.",
    ),
)
def fill_with_mean(answer, rng):
    cases = []
    for rows, width in ((9, 4), (6, 6), (12, 3)):
        here = torch.rand(rows, generator=rng) < 0.6
        here[0], here[1:4] = False, torch.tensor([True, True, False])
        x = 3 * torch.randn(rows, width, generator=rng) + 2
        cases.append((x + 50 * (1 + torch.rand(rows, 1, generator=rng)) * ~here[:, None], here))
    given = []
    for x, here in cases:
        rows, width = x.shape
        causes = {
            (int(here.sum()), width): "the missing rows are left out; they are to be filled",
            (width,): "that is the mean alone: put it into the missing rows",
            (1, width): "that is the mean alone: put it into the missing rows",
            (rows,): "the features of a row are summed up; all of them stay",
        }
        given.append(expect_tensor(answer(x, here), f"for features of shape {(rows, width)}", x.shape, causes))
    for (x, here), value in zip(cases, given, strict=True):
        if not torch.allclose(value.to(x.dtype), filled(x, here), rtol=1e-3, atol=1e-4):
            if words := named_mistake(cases, given, MISTAKES):
                raise NotRight(words)
            if not torch.allclose(value[here].to(x.dtype), x[here], atol=1e-4):
                raise NotRight("rows that are there are changed; only the missing ones are")
            wanted = filled(x, here)[~here][0, 0]
            raise NotRight(f"the first missing row begins with {value[~here][0, 0]:.3f}, expected {wanted:.3f}")
    x, here = cases[0]
    hollow = x.masked_fill(~here[:, None], torch.nan)
    value = expect_tensor(answer(hollow, here), "with NaN in the missing rows", x.shape)
    if value.isnan().any():
        raise NotRight("with NaN in the missing rows the result holds NaN: 0 times NaN is NaN. Choose, do not multiply")
    full = expect_tensor(answer(x, torch.ones_like(here)), "with nothing missing", x.shape)
    if not torch.allclose(full.to(x.dtype), x):
        raise NotRight("with nothing missing the features change; they should stay")
    return "each feature's own mean, from the rows that are there alone, whatever stands in the others"
