"""Exercise 07.4: the Fréchet distance of two Gaussians, fitted to two sets of features."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, distinct_texts, drawn, expect_tensor, explained, whole

# Each part of the formula, right or mistaken; `correction` is 1 for N - 1 in the denominator, 0 for N.


def covariance(x: Tensor, correction: int = 1) -> Tensor:
    """(N, D) -> (D, D)"""
    centred = x - x.mean(0)
    return centred.T @ centred / (len(x) - correction)


def moments(x: Tensor, correction: int = 1) -> Tensor:
    """The covariance without the mean subtracted."""
    return x.T @ x / (len(x) - correction)


def rows_compared(x: Tensor, correction: int = 1) -> Tensor:
    """The covariance between examples.   (N, D) -> (N, N)"""
    return covariance(x.T, correction)


def squared_distance(x: Tensor, y: Tensor) -> Tensor:
    return (x.mean(0) - y.mean(0)).square().sum()


def roots(s: Tensor, t: Tensor) -> Tensor:
    """The trace of the root of the product: the sum of the roots of its eigenvalues."""
    return torch.linalg.eigvals(s @ t).real.clamp(min=0).sqrt().sum()


def root_of(s: Tensor) -> Tensor:
    """The symmetric root of a covariance."""
    values, vectors = torch.linalg.eigh(s)
    return vectors * values.clamp(min=0).sqrt() @ vectors.T


def both_traces(s: Tensor, t: Tensor) -> Tensor:
    return s.trace() + t.trace()


def distance(between=squared_distance, spread=both_traces, common=roots, cov=covariance, factor=2.0):
    """The Fréchet distance with any of its parts exchanged, for either denominator of the covariance."""

    def computed(x: Tensor, y: Tensor, correction: int = 1) -> Tensor:
        s, t = cov(x, correction), cov(y, correction)
        return between(x, y) + spread(s, t) - factor * common(s, t)

    return computed


right = distance()


def divided_alike(x: Tensor, y: Tensor, correction: int = 1) -> Tensor:
    """The distance with both covariances divided by the number of examples in x."""
    s = covariance(x, correction)
    t = covariance(y, correction) * (len(y) - correction) / (len(x) - correction)
    return squared_distance(x, y) + both_traces(s, t) - 2 * roots(s, t)


def rows_paired(x: Tensor, y: Tensor, correction: int = 1) -> Tensor:
    """The distance with the covariance of x with y, row by row, in the place of the root."""
    n = min(len(x), len(y))
    cross = (x - x.mean(0))[:n].T @ (y - y.mean(0))[:n] / (n - correction)
    traces = both_traces(covariance(x, correction), covariance(y, correction))
    return squared_distance(x, y) + traces - 2 * cross.trace()


def nothing(*_) -> Tensor:
    return torch.tensor(0.0)


def after(change, computed=right):
    """What is computed, changed at the end."""
    return lambda x, y, correction=1: change(computed(x, y, correction))


MISTAKES = [
    (after(torch.sqrt), "that is the root of the distance: the formula ends without one"),
    (
        distance(between=lambda x, y: (x.mean(0) - y.mean(0)).norm()),
        "the distance between the means is not squared",
    ),
    (
        distance(between=lambda x, y: (x.mean(0) - y.mean(0)).abs().sum()),
        "the differences of the means are added by their absolute values; their squares are added",
    ),
    (
        distance(between=lambda x, y: (x.mean(0) - y.mean(0)).square().mean()),
        "the mean over the features is taken of the squared differences; their sum is asked for",
    ),
    (
        distance(between=lambda x, y: (x.mean() - y.mean()).square()),
        "the means are single numbers; each of the D features has its own: `x.mean(0)`",
    ),
    (
        distance(between=lambda x, y: (x.mean(0) - y.mean(0)).sum().square()),
        "the differences of the means are added before they are squared; square each first",
    ),
    (distance(between=nothing), "the distance between the means is missing"),
    (distance(spread=nothing, common=nothing), "only the means are compared; the covariances are missing"),
    (distance(common=nothing), "the last term, minus twice the trace of the root, is missing"),
    (distance(factor=1.0), "the factor 2 before the last term is missing"),
    (distance(factor=-2.0), "the last term is added; it is subtracted"),
    (distance(spread=nothing), "the traces of the two covariances are missing"),
    (distance(spread=lambda s, t: s.trace()), "the trace of the second covariance is missing"),
    (
        distance(spread=lambda s, t: s.sum() + t.sum()),
        "all entries of the covariances are added; the trace is the sum of the diagonal",
    ),
    (
        distance(common=lambda s, t: torch.linalg.eigvals(s @ t).real.sum()),
        "the eigenvalues are added without their roots",
    ),
    (
        distance(common=lambda s, t: (s @ t).trace().sqrt()),
        "that is the root of the trace; the trace of the root is the sum of the roots of the eigenvalues",
    ),
    *(
        (distance(common=common), "the root of a matrix is not the root of each of its entries: take eigenvalues")
        for common in (
            lambda s, t: (s @ t).sqrt().trace(),
            lambda s, t: (s @ t).clamp(min=0).sqrt().trace(),
            lambda s, t: (s @ t).abs().sqrt().trace(),
            lambda s, t: (s @ t).diagonal().sqrt().sum(),
            lambda s, t: (s @ t).clamp(min=0).sqrt().sum(),
        )
    ),
    (
        distance(common=lambda s, t: (s * t).diagonal().sqrt().sum()),
        "only the variances enter, not the covariances between features. The product of matrices is `s @ t`; `s * t` "
        "multiplies entry by entry",
    ),
    (
        distance(common=lambda s, t: torch.linalg.eigvals(s * t).real.clamp(min=0).sqrt().sum()),
        "`s * t` multiplies entry by entry; the product of matrices is `s @ t`",
    ),
    (
        distance(common=lambda s, t: (root_of(s) @ root_of(t)).trace()),
        "the root of each covariance is taken before the product; the root of a product is another matrix",
    ),
    (
        distance(
            common=lambda s, t: (
                (torch.linalg.eigvalsh(s).clamp(min=0) * torch.linalg.eigvalsh(t).clamp(min=0)).sqrt().sum()
            )
        ),
        "the eigenvalues of each covariance are multiplied; those of the product of the matrices are others",
    ),
    *(
        (
            distance(common=common),
            "`eigh` and `eigvalsh` are for symmetric matrices, and the product is none: `torch.linalg.eigvals`",
        )
        for common in (
            lambda s, t: torch.linalg.eigvalsh(s @ t).clamp(min=0).sqrt().sum(),
            lambda s, t: torch.linalg.eigvalsh(s @ t).abs().sqrt().sum(),
        )
    ),
    (
        distance(common=lambda s, t: torch.linalg.svdvals(s @ t).sqrt().sum()),
        "singular values are not eigenvalues where a matrix is not symmetric: `torch.linalg.eigvals`",
    ),
    (
        distance(common=lambda s, t: roots(s, t) / len(s), spread=lambda s, t: both_traces(s, t) / len(s)),
        "means over the diagonal and the eigenvalues are taken; a trace is their sum",
    ),
    (
        distance(common=lambda s, t: torch.linalg.eigvals(s @ t).real.max().sqrt()),
        "only the largest eigenvalue is used; the roots of all of them are added",
    ),
    (
        distance(common=lambda s, t: torch.linalg.eigvals(s @ t).real.square().sum()),
        "the eigenvalues are squared; their roots are added",
    ),
    (
        distance(common=lambda s, t: torch.linalg.det(s @ t).sqrt()),
        "that is the root of the determinant, the product of all eigenvalues; their roots are added",
    ),
    (
        distance(common=lambda s, t: (s.trace() * t.trace()).sqrt()),
        "that is the root of the product of two traces; the trace of the root needs the eigenvalues of `s @ t`",
    ),
    (
        distance(common=lambda s, t: (s @ t).norm().sqrt()),
        "that is the root of a norm; the trace of the root is the sum of the roots of the eigenvalues",
    ),
    *(
        (
            computed,
            "both covariances are divided by one set's number of examples; each is divided by its own, N and M differ",
        )
        for computed in (divided_alike, lambda x, y, correction=1: divided_alike(y, x, correction))
    ),
    (distance(common=lambda s, t: roots(s, s)), "the second covariance is missing under the root: `s @ t`"),
    (distance(common=lambda s, t: roots(t, t)), "the first covariance is missing under the root: `s @ t`"),
    (
        distance(common=lambda s, t: torch.linalg.eigvals(s + t).real.clamp(min=0).sqrt().sum()),
        "the covariances are added under the root; they are multiplied, `s @ t`",
    ),
    (distance(common=lambda s, t: roots(s, t) / len(s)), "the mean of the roots is taken; their sum is asked for"),
    (distance(cov=moments), "the mean is not subtracted before the covariance: `torch.cov` does so"),
    (
        distance(cov=lambda x, correction: covariance(x) * (len(x) - 1)),
        "the covariance is not divided by the number of examples",
    ),
    *(
        (
            distance(cov=lambda x, correction, less=less: covariance(x) * (len(x) - 1) / (x.shape[1] - less)),
            "the covariance is divided by the number of features, D; divide it by the number of examples",
        )
        for less in (0, 1)
    ),
    (
        distance(cov=lambda x, correction: covariance(x) * (len(x) - 1) / (len(x) - 2)),
        "the covariance is divided by N - 2; divide it by N - 1 or N",
    ),
    (
        distance(cov=lambda x, correction: covariance(x) * (len(x) - 1) / (len(x) + 1)),
        "the covariance is divided by N + 1; divide it by N - 1 or N",
    ),
    (
        distance(cov=lambda x, correction: covariance(x, correction) / len(x)),
        "the covariance is divided by the number of examples twice",
    ),
    (
        rows_paired,
        "the covariance of row i of x with row i of y is used, and these rows do not belong together; the root of the "
        "product of both covariances is asked for",
    ),
    (
        distance(cov=lambda x, correction: torch.corrcoef(x.T)),
        "those are correlations, which have lost the variances: `torch.cov`",
    ),
    (
        distance(cov=lambda x, correction: covariance(x, correction).diagonal().sqrt().diag()),
        "standard deviations stand where variances belong, and the covariances between features are missing",
    ),
    (
        distance(spread=lambda s, t: (s - t).square().sum(), common=nothing),
        "the squared differences of the covariances are added; the formula has traces and a root",
    ),
    (
        distance(between=lambda x, y: (x.mean(1) - y.mean(1)).square().sum(), cov=rows_compared),
        "the axes are exchanged: an example is a row, `x.mean(0)`, and `torch.cov` wants features as rows: `x.T`",
    ),
    (distance(cov=rows_compared), "that is the covariance between examples: `torch.cov` wants features as rows, `x.T`"),
]
COVARIANCE_OF_ROWS = "`torch.cov` takes rows as features, and here features are columns: `torch.cov(x.T)`"
CAUSES = {
    "not positive-definite": "with fewer examples than features a covariance is singular, and has no Cholesky factor",
    "cannot be multiplied": COVARIANCE_OF_ROWS,
    "must match the size": "N and M may differ: means (`x.mean(0)`) and covariances (`torch.cov(x.T)`, features as "
    "rows) are computed for each set alone, and their shapes do not depend on N",
    "expected scalar type": "the features may be float32 or float64: new tensors take their `dtype`",
    "to have the same dtype": "the features may be float32 or float64: new tensors take their `dtype`",
}


@exercise(
    "07.4",
    title="the Fréchet distance",
    dots=3,
    minutes=20,
    repeatable=True,
    hints=(
        "Which axis holds the examples? The means have the shape (D,), the covariances (D, D).",
        "`torch.cov` expects one row per feature: `torch.cov(x.T)`. `matrix.trace()` is the sum of the diagonal.",
        "`torch.linalg.eigvals(s @ t)` gives complex numbers with imaginary parts of 0. Take `.real`, and "
        "`clamp(min=0)` before the root, since rounding makes some slightly negative.",
    ),
)
def frechet_distance(answer, rng):
    cases = [drawn_features(rng, *sizes) for sizes in ((30, 40, 4), (25, 25, 3), (whole(rng, 18, 22), 17, 5))]
    tried = explained(answer, CAUSES)
    given = [number_of(tried, case) for case in cases]
    correction = next((one for one in (1, 0) if explains(right, one, cases, given)), None)
    if correction is None:
        name_mistake(cases, given)
    judge_few_examples(tried, rng, correction)
    x = cases[0][0].double()
    same = number_of(tried, (x, x))
    if abs(float(same)) > 1e-3 * covariance(x).trace():
        raise Mistake(f"the distance of a set of features from itself is {float(same):.4g}, expected 0")
    return (
        "sets of equal and of different sizes, also with fewer examples than features and in float64; 0 from a set to "
        "itself"
    )


def drawn_features(rng: torch.Generator, n: int, m: int, width: int) -> tuple[Tensor, Tensor]:
    """Two sets of correlated features with different means and covariances.   (n, width), (m, width)"""
    x = drawn(rng, n, width) @ drawn(rng, width, width) + 2 * drawn(rng, width)
    y = drawn(rng, m, width) @ drawn(rng, width, width) * 0.7 + drawn(rng, width)
    return x, y


def where(x: Tensor, y: Tensor) -> str:
    return f"for {len(x)} and {len(y)} examples of {x.shape[1]} features"


def number_of(answer, case: tuple) -> Tensor:
    """The distance as a number."""
    width = case[0].shape[1]
    causes = {
        (width,): "one number per feature: the sum over the features is asked for",
        (width, width): "a whole matrix: take traces, and sum the roots of the eigenvalues",
        (1,): "an axis too many: a single number has no axis",
    }
    value = expect_tensor(answer(*case), where(*case), (), causes)
    if value.is_complex():
        raise Mistake(
            f"{where(*case)} the result is complex: the eigenvalues' imaginary parts are 0, and `.real` drops them"
        )
    return value


def explains(computed, correction: int, cases: list[tuple], given: list[Tensor]) -> bool:
    """Whether this gives what was given, in every case; a case for which it is not possible excludes it."""
    for case, value in zip(cases, given, strict=True):
        try:
            if not agrees(value, computed(*case, correction).to(value.dtype)):
                return False
        except RuntimeError:
            return False
    return True


def name_mistake(cases: list[tuple], given: list[Tensor]) -> None:
    """Tells what was computed instead, with N - 1 or N in the denominator, or shows a counterexample."""
    for mistaken, words in MISTAKES:
        if any(explains(mistaken, correction, cases, given) for correction in (1, 0)):
            raise Mistake(words)
    for case, value in zip(cases, given, strict=True):
        if not torch.isfinite(value):
            raise Mistake(
                f"{where(*case)} the result is {value.item()}. A root of a negative number is NaN, and rounding makes "
                "eigenvalues near 0 slightly negative: `clamp(min=0)` before the root. A division by 0 is infinite"
            )
        if not agrees(value, right(*case)):
            came, due = distinct_texts(value, right(*case))
            raise Mistake(f"{where(*case)} it returned {came}, expected {due}")


def judge_few_examples(answer, rng: torch.Generator, correction: int) -> None:
    """With fewer examples than features some eigenvalues are 0, and rounding makes them negative; in float64."""
    for n, m, width in ((4, 5, 9), (5, 4, 8), (3, 6, 10)):
        case = tuple(one.double() for one in drawn_features(rng, n, m, width))
        came, due = number_of(answer, case), right(*case, correction)
        if not torch.isfinite(came):
            raise Mistake(
                f"correct for many examples, but {where(*case)} the result is NaN: rounding makes eigenvalues of 0 "
                "slightly negative, and a negative number has no root. `clamp(min=0)` before the root"
            )
        if not torch.isclose(came.double(), due, rtol=1e-3, atol=1e-3):
            texts = distinct_texts(came, due)
            raise Mistake(f"correct for many examples, but {where(*case)} it returned {texts[0]}, expected {texts[1]}")
