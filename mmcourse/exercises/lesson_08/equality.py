"""Exercise 08.3: weights of a product with a linear head that decide whether two one-hot vectors are equal."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described

NAMES = ("U", "V", "w", "b")
KINDS = (3, 2, 5, 8, 13, 40)  # not 2 first: there, another order of the kinds looks like a wrong sign
ROUNDING = 1e-6  # of the largest score's terms


@exercise(
    "08.3",
    title="equality by a product",
    dots=3,
    minutes=15,
    repeatable=True,
    hints=(
        "With U the identity, U x is x itself. What is x ⊙ y for two one-hot vectors if they are equal, and if they "
        "are not?",
        "Sum the entries of that product: what are the two values that can come out? `w` computes the sum, and `b` "
        "moves the threshold between the two.",
        "The threshold should lie between 0 and 1, for example in the middle. (For fewer products than classes: "
        "place the classes on a circle. cos(s - t) = cos s cos t + sin s sin t.)",
    ),
)
def equal_by_product(answer, rng):
    most = 0
    for n in KINDS:
        U, V, w, b = (part.double() for part in weights_of(answer(n), n))
        scores = torch.einsum("k,ki,kj->ij", w, U, V) + b  # (n, n): class i shown, class j stated
        terms = torch.einsum("k,ki,kj->ij", w.abs(), U.abs(), V.abs()).max() + b.abs()
        judged(scores, b, n, ROUNDING * float(terms), (U, V, w))
        most = len(w)
    if most <= 2:
        return (
            f"correct for 2 to {n} classes, and for {n} of them {most} products suffice. One does not: it places the "
            "classes on a line"
        )
    if most == n:
        return f"correct for 2 to {n} classes, with a product for each class. Fewer suffice: how few?"
    return f"correct for 2 to {n} classes, with {most} products for {n} of them. Fewer suffice: how few?"


def weights_of(given, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """U (D, n), V (D, n), w (D,) and b as a number, once that is what came."""
    where = f"for {n} classes"
    if isinstance(given, torch.nn.Module):
        raise Mistake("this is a model; the four weights are expected: `return U, V, w, b`")
    if not isinstance(given, tuple | list) or len(given) != 4:
        raise Mistake(f"{where} it returned {described(given)}, expected a tuple of four: U, V, w, b")
    parts = []
    for name, part in zip(NAMES, given, strict=True):
        try:
            part = torch.as_tensor(part, dtype=torch.float32).detach().cpu()
        except (TypeError, ValueError, RuntimeError):
            raise Mistake(f"{where} {name} is {described(part)}, expected numbers") from None
        if not torch.isfinite(part).all():
            raise Mistake(f"{where} {name} contains NaN or infinity")
        parts.append(part)
    U, V, w, b = parts
    for name, part in (("U", U), ("V", V)):
        if part.dim() != 2 or part.shape[1] != n:
            transposed = part.dim() == 2 and part.shape[0] == n
            raise Mistake(
                f"{where} {name} has shape {tuple(part.shape)}, expected (D, {n}): it is multiplied by a one-hot "
                f"vector of {n} entries" + (". Transpose it: `.T`" if transposed else "")
            )
    w = w[0] if w.dim() == 2 and len(w) == 1 else w
    if len(U) != len(V):
        raise Mistake(f"{where} U gives {len(U)} features and V {len(V)}: a product needs equally many")
    if w.dim() != 1 or len(w) != len(U):
        raise Mistake(f"{where} w has shape {tuple(w.shape)}, expected ({len(U)},): one weight per product")
    if b.numel() != 1:
        raise Mistake(f"{where} b has shape {tuple(b.shape)}, expected a single number, the bias of the score")
    return U, V, w, b.reshape(())


def judged(scores: Tensor, b: Tensor, n: int, least: float, weights: tuple[Tensor, Tensor, Tensor]) -> None:
    """Scores (n, n) must be above 0 on the diagonal and below it everywhere else; what is within `least` of 0 is 0."""
    equal = torch.eye(n, dtype=torch.bool)
    same, different = scores.diagonal(), scores[~equal]
    if signs_correct(scores, least):
        return
    where = f"for {n} classes"
    if words := columns_at_fault(*weights[:2]):
        raise Mistake(f"{where} {words}")
    if scores.max() - scores.min() <= least:
        raise Mistake(
            f"{where} every pair has the same score, {scores[0, 0]:.3g}: the products do not depend on the inputs"
        )
    flat = (scores - scores.mean(0) - scores.mean(1, keepdim=True) + scores.mean()).abs().max() <= 4 * least
    if flat:
        raise Mistake(
            f"{where} the score is a sum of one number for x and one for y, since one factor is the same for all "
            "classes"
        )
    if (same < 0).all() and (different > 0).all():
        raise Mistake(f"{where} the sign is reversed: equal vectors are below 0, others above. Negate w and b")
    if same.min() - different.max() > least:
        low, high = float(different.max()), float(same.min())
        cause = "The bias is missing: a threshold at 0" if float(b) == 0 else "The bias is wrong: the threshold"
        raise Mistake(
            f"{where} equal vectors get at least {high:.3g} and others at most {low:.3g}, so w is correct. {cause} "
            "does not lie between the two"
        )
    if different.min() - same.max() > least:
        raise Mistake(f"{where} equal vectors get smaller scores than all others: w has the wrong sign")
    fits = scores.argmax(1)
    if fits.unique().numel() == n and signs_correct(scores[:, fits], least):
        i = int((fits != torch.arange(n)).nonzero()[0])
        raise Mistake(
            f"{where} the scores match another order of the classes: {i} shown matches {fits[i]} stated. U and "
            "V must use the same order; is one of them permuted or transposed?"
        )
    i, j = torch.where(equal, scores <= least, scores >= -least).nonzero()[0].tolist()
    cause = pair_at_fault(*weights, i, j)
    kind = "equal" if i == j else "not equal"
    raise Mistake(
        f"{where} {cause}{'. And ' * bool(cause)}class {i} shown and class {j} stated get the score "
        f"{scores[i, j]:.3g}, and they are {kind}; scores of equal ones go from {same.min():.3g} to {same.max():.3g}, "
        f"of others from {different.min():.3g} to {different.max():.3g}"
    )


def columns_at_fault(U: Tensor, V: Tensor) -> str:
    """Words for columns with which no w and b can tell the classes apart: zeros throughout, or two equal ones."""
    for name, part in (("U", U), ("V", V)):
        size = part.abs().max()
        empty = (part.abs().amax(0) <= ROUNDING * size).nonzero()[:, 0].tolist()
        if empty and len(empty) < part.shape[1]:
            both = name == "U" and bool((V[:, empty[0]].abs() <= ROUNDING * V.abs().max()).all())
            return (
                f"the column of class {empty[0]} in {'U and V' if both else name} is all zeros, so all of its products "
                "are 0, with itself too: each class needs a vector whose product is largest with itself"
            )
    for name, part in (("U", U), ("V", V)):
        alike = torch.cdist(part.T, part.T, compute_mode="donot_use_mm_for_euclid_dist") <= ROUNDING * part.abs().max()
        pairs = alike.triu(1).nonzero().tolist()
        if pairs and not alike.all():
            i, j = pairs[0]
            both = name == "U" and bool((V[:, i] - V[:, j]).abs().max() <= ROUNDING * V.abs().max())
            return (
                f"classes {i} and {j} have the same column in {'U and V' if both else name}, so no w and b can tell "
                "them apart"
            )
    return ""


def pair_at_fault(U: Tensor, V: Tensor, w: Tensor, i: int, j: int) -> str:
    """What is wrong in U, V or w for a wrong score of class i shown and class j stated; empty where nothing is seen."""
    n, unweighted = U.shape[1], U.T @ V
    if len(w) == 1 and n > 2:
        return (
            "there is a single product, of one number for each class. It grows with the numbers, whether the classes "
            "are equal or not: give each class a vector, in several rows of U and V"
        )
    others = unweighted[~torch.eye(n, dtype=torch.bool)]
    if unweighted.diagonal().min() > others.max() + ROUNDING * unweighted.abs().max():
        return "the products are right, and w is not: with all weights 1 their sum is larger for every equal pair"
    if torch.allclose(U, V) and torch.allclose(w, w[:1].expand_as(w)):
        lengths = U.norm(dim=0)
        if lengths.max() - lengths.min() > 1e-3 * lengths.max():
            k, m = int(lengths.argmin()), int(lengths.argmax())
            return (
                f"the columns of U and V have different lengths, {lengths[k]:.3g} for class {k} and {lengths[m]:.3g} "
                f"for class {m}: a long one has large products with others as well as with itself"
            )
    row = int((w * U[:, i] * V[:, j]).abs().argmax())
    if i != j and not torch.allclose(U, V) and w[row] * U[row, i] * V[row, j] > 0:
        return (
            f"U and V differ, and row {row} responds to both: U[{row}, {i}] is {U[row, i]:.3g} and V[{row}, {j}] is "
            f"{V[row, j]:.3g}"
        )
    return ""


def signs_correct(scores: Tensor, least: float) -> bool:
    """Whether the diagonal is above 0 and all else below."""
    return bool(torch.where(torch.eye(len(scores), dtype=torch.bool), scores > least, scores < -least).all())
