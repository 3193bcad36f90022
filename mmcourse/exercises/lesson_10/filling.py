"""Exercise 10.1: mean imputation, missing rows replaced by the mean of the present ones."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import Mistakes, agrees, expect_tensor, named_mistake
from mmcourse.exercises.properties import expect_order_of_no_effect


def filled(x: Tensor, present: Tensor) -> Tensor:
    """What `fill_with_mean` should return."""
    return put(x, present, x[present].mean(0))


def put(x: Tensor, present: Tensor, value) -> Tensor:
    return torch.where(present[:, None], x, value)


MISTAKES: Mistakes = [
    (lambda x, present: x, "nothing is imputed: the arbitrary values of the missing rows are still there"),
    (
        lambda x, present: put(x, present, x.mean(0)),
        "the mean is over all rows, including the arbitrary values of the missing ones: select `features[present]` "
        "first",
    ),
    (
        lambda x, present: put(x, present, x[present].sum(0) / len(x)),
        "the sum of the present rows is divided by the number of all rows",
    ),
    (
        lambda x, present: put(x, present, torch.zeros(())),
        "missing rows are replaced by zeros, which are the mean only of features with mean zero",
    ),
    (lambda x, present: put(x, present, x[present].mean()), "one mean for all features: each feature has its own mean"),
    (
        lambda x, present: put(x, present, x[~present].mean(0)),
        "that is the mean of the missing rows: `present` is inverted",
    ),
    (
        lambda x, present: put(x, ~present, x[present].mean(0)),
        "the present rows are overwritten, and the missing ones are kept",
    ),
    (
        lambda x, present: put(x, ~present, x[~present].mean(0)),
        "everything is inverted: `present` is True where the modality is present",
    ),
    (
        lambda x, present: x[present].mean(0).expand_as(x),
        "every row is replaced by the mean; present rows keep their features",
    ),
    (
        lambda x, present: put(x, present, x[present].squeeze().mean(0)),
        "where one row is present, a `squeeze()` removes the axis of the rows: the mean is over the features",
    ),
    *(
        (
            lambda x, present, divisor=divisor: put(x, present, x[present].sum(0) / divisor(x, present)),
            f"the sum of the present rows is divided by {words}; divide it by the number of present rows",
        )
        for divisor, words in (
            (lambda x, present: x.shape[1], "the number of features"),
            (lambda x, present: (~present).sum().clamp(min=1), "the number of missing rows"),
            (lambda x, present: present.sum() + 1, "one more than their number"),
        )
    ),
    (
        lambda x, present: put(x, present, x[present].amax(0)),
        "missing rows get the maximum of the present ones; use their mean",
    ),
    (
        lambda x, present: put(x, present, torch.ones(())),
        "missing rows are replaced by ones; use the mean of the present rows",
    ),
    (lambda x, present: put(x, present, x[present].median(0).values), "that is the median; use the mean"),
    (
        lambda x, present: put(x, present, x[present].sum(0)),
        "that is the sum of the present rows: divide by their number",
    ),
    (
        lambda x, present: put(x, present, x[present][0]),
        "missing rows are replaced by the first present row; use the mean of all present rows",
    ),
    (
        lambda x, present: put(x, present, x[present][-1]),
        "missing rows are replaced by the last present row; use the mean of all present rows",
    ),
    (
        lambda x, present: put(x, present, x.mean(1, keepdim=True)),
        "the mean is over the features (axis 1), not the rows",
    ),
]


def same_rows(given: Tensor, expected: Tensor) -> bool:
    """Whether the rows are the expected ones, in any order."""
    ordered = [rows[rows[:, 0].argsort()] for rows in (given.to(expected.dtype), expected)]
    return torch.allclose(*ordered, rtol=1e-3, atol=1e-4)


def missing_rows(cases: list[tuple[Tensor, Tensor]], given: list[Tensor]) -> str:
    """Words for missing rows of which some are right and others untouched, zeros or a mean of the rows so far."""
    left: dict[str, list[list[bool]]] = {"unchanged": [], "zero": []}
    so_far = []
    for (x, present), value in zip(cases, given, strict=True):
        missing = (~present).nonzero()[:, 0].tolist()
        wanted, value = filled(x, present), value.to(x.dtype)
        right = [agrees(value[i], wanted[i]) for i in missing]
        for name, before in (("unchanged", x), ("zero", torch.zeros_like(x))):
            done = [correct or not agrees(value[i], before[i]) for i, correct in zip(missing, right, strict=True)]
            if all(correct == ready for correct, ready in zip(right, done, strict=True)):
                left[name].append(right)
        some_before = [i for i in missing if present[:i].any()]
        so_far += [agrees(value[i], x[:i][present[:i]].mean(0)) for i in some_before]
    if so_far and all(so_far):
        return "a missing row gets the mean of the present rows before it; all present rows count, the later ones too"
    for name, rows in left.items():
        if len(rows) < len(cases) or all(map(all, rows)):
            continue
        still = "keep their values" if name == "unchanged" else "are zero"
        if all(not row or row == [True] + [False] * (len(row) - 1) for row in rows):
            return f"only the first missing row is filled, the others {still}: the loop ends too early"
        if all(not row or row == [False] * (len(row) - 1) + [True] for row in rows):
            return f"only the last missing row is filled, the others {still}"
        return f"some missing rows are filled correctly, and others {still}: every missing row gets the mean"
    return ""


@exercise(
    "10.1",
    title="mean imputation",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "`features[present]` are the present rows. Over which axis is their mean a vector of D numbers?",
        "`torch.where(present[:, None], a, b)` takes a where a row is present and b elsewhere.",
    ),
)
def fill_with_mean(answer, rng):
    cases = []
    for rows, width in ((9, 4), (6, 6), (12, 3)):
        present = torch.rand(rows, generator=rng) < 0.6
        present[0], present[1:4] = False, torch.tensor([True, True, False])
        x = 3 * torch.randn(rows, width, generator=rng) + 2
        cases.append((x + 50 * (1 + torch.rand(rows, 1, generator=rng)) * ~present[:, None], present))
    for rows in (5, 1):  # a single row is present
        present = torch.arange(rows) == rows // 2
        cases.append((3 * torch.randn(rows, 4, generator=rng) + 2 + 50 * ~present[:, None], present))
    given = []
    for x, present in cases:
        rows, width = x.shape
        causes = {
            (int(present.sum()), width): "the missing rows are left out; replace them",
            (rows,): "one number per row; keep all of its features",
        }
        result = answer(x, present)
        if isinstance(result, Tensor) and result.numel() == width:
            only_mean = agrees(result.reshape(-1), x[present].mean(0))
            causes[tuple(result.shape)] = (
                "that is only the mean: insert it into the missing rows" if only_mean else "one row is left"
            )
        given.append(expect_tensor(result, f"for features of shape {(rows, width)}", x.shape, causes))
    for (x, present), value in zip(cases, given, strict=True):
        if not torch.allclose(value.to(x.dtype), filled(x, present), rtol=1e-3, atol=1e-4):
            if words := named_mistake(cases, given, MISTAKES):
                raise Mistake(words)
            if same_rows(value, filled(x, present)):
                raise Mistake("the rows are correct, but in another order: each row keeps its place")
            if not torch.allclose(value[present].to(x.dtype), x[present], atol=1e-4):
                raise Mistake("present rows are changed; change only the missing ones")
            if words := missing_rows(cases, given):
                raise Mistake(words)
            expect_order_of_no_effect(
                answer,
                (x, present),
                "the result for a row depends on the order of the rows: every missing row gets the same mean, over all "
                "present rows",
            )
            wanted = filled(x, present)[~present][0, 0]
            raise Mistake(f"the first missing row begins with {value[~present][0, 0]:.3f}, expected {wanted:.3f}")
    x, present = cases[0]
    hollow = x.masked_fill(~present[:, None], torch.nan)
    value = expect_tensor(answer(hollow, present), "with NaN in the missing rows", x.shape)
    if value.isnan().any():
        raise Mistake(
            "with NaN in the missing rows the result contains NaN: 0 times NaN is NaN. Select instead of multiplying"
        )
    if not torch.allclose(value.to(x.dtype), filled(x, present), rtol=1e-3, atol=1e-4):
        raise Mistake("with NaN in the missing rows, they do not become the mean of the present rows")
    full = expect_tensor(answer(x, torch.ones_like(present)), "with nothing missing", x.shape)
    if not torch.allclose(full.to(x.dtype), x):
        raise Mistake("with nothing missing the features change; they should not")
    return "correct: each feature's own mean, from the present rows only, whatever the others contain"
