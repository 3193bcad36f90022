"""Exercise 08.3: weights of a product with a linear head that say whether two one-hot codes are equal."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described

NAMES = ("U", "V", "w", "b")


@exercise(
    "08.3",
    title="equal or not, by a product",
    dots=3,
    minutes=15,
    hints=(
        "With U the identity, U x is x itself. What is x ⊙ y for two one-hot codes, if they are equal, and if not?",
        "Sum the entries of that product: what are the two values that can come out? `w` takes the sum, and `b` moves "
        "the border between the two.",
        "The border should lie between 0 and 1, say in the middle. (For fewer products than kinds: put the kinds on a "
        "circle. cos(s - t) = cos s cos t + sin s sin t.)",
    ),
)
def equal_by_product(answer, rng):
    smallest = {}
    for n in (2, 3, 5, 8, 13):
        U, V, w, b = weights_of(answer(n), n)
        scores = (torch.einsum("k,ki,kj->ij", w, U, V) + b).double()  # (n, n): kind i seen, kind j said
        judged(scores, b, n)
        smallest[n] = len(w)
    most = smallest[13]
    if most == 13:
        return "right for 2 to 13 kinds, with a product for each kind. It can be done with fewer: how few?"
    return f"right for 2 to 13 kinds; for 13 kinds {most} product{'s are' * (most > 1)}{' is' * (most == 1)} enough"


def weights_of(given, n: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """U (D, n), V (D, n), w (D,) and b as a number, once that is what came."""
    where = f"for {n} kinds"
    if isinstance(given, torch.nn.Module):
        raise NotRight("this is a model; the four weights are asked for: `return U, V, w, b`")
    if not isinstance(given, tuple | list) or len(given) != 4:
        raise NotRight(f"{where} it gave {described(given)}, expected four things: U, V, w, b")
    parts = []
    for name, part in zip(NAMES, given, strict=True):
        try:
            part = torch.as_tensor(part, dtype=torch.float32).detach().cpu()
        except (TypeError, ValueError, RuntimeError):
            raise NotRight(f"{where} {name} is {described(part)}, expected numbers") from None
        if not torch.isfinite(part).all():
            raise NotRight(f"{where} {name} holds NaN or infinity")
        parts.append(part)
    U, V, w, b = parts
    for name, part in (("U", U), ("V", V)):
        if part.dim() != 2 or part.shape[1] != n:
            turned = part.dim() == 2 and part.shape[0] == n
            raise NotRight(
                f"{where} {name} has shape {tuple(part.shape)}, expected (D, {n}): it is multiplied with a one-hot "
                f"code of {n} entries" + (". Turn it round: `.T`" if turned else "")
            )
    w = w[0] if w.dim() == 2 and len(w) == 1 else w
    if len(U) != len(V):
        raise NotRight(f"{where} U makes {len(U)} features and V {len(V)}: a product needs as many of each")
    if w.dim() != 1 or len(w) != len(U):
        raise NotRight(f"{where} w has shape {tuple(w.shape)}, expected ({len(U)},): a weight for each product")
    if b.numel() != 1:
        raise NotRight(f"{where} b has shape {tuple(b.shape)}, expected one number: the score has one bias")
    return U, V, w, b.reshape(())


def judged(scores: Tensor, b: Tensor, n: int) -> None:
    """Scores (n, n) must be above 0 on the diagonal and below it everywhere else."""
    same, different = scores.diagonal(), scores[~torch.eye(n, dtype=torch.bool)]
    if (same > 1e-6).all() and (different < -1e-6).all():
        return
    where = f"for {n} kinds"
    if scores.max() - scores.min() < 1e-6:
        raise NotRight(
            f"{where} every pair has the same score, {scores[0, 0]:.2f}: the products do not depend on what came in"
        )
    flat = (scores - scores.mean(0) - scores.mean(1, keepdim=True) + scores.mean()).abs().max() < 1e-6
    if flat:
        raise NotRight(
            f"{where} the score is a sum of one number for x and one for y, since a factor is the same for all kinds"
        )
    if (same < 0).all() and (different > 0).all():
        raise NotRight(f"{where} it is the wrong way round: equal codes are below 0, others above. Turn w and b")
    gap = float(same.min() - different.max())
    if gap > 1e-6:
        low, high = float(different.max()), float(same.min())
        cause = "The bias is missing: a border at 0" if float(b) == 0 else "The bias is at fault: the border"
        raise NotRight(
            f"{where} equal codes get {high:.2f} or more and others {low:.2f} at most, so w is right. {cause} does "
            "not lie between the two"
        )
    if float(different.min() - same.max()) > 1e-6:
        raise NotRight(f"{where} equal codes get smaller scores than all others: w has the wrong sign")
    i, j = next((i, j) for i in range(n) for j in range(n) if (scores[i, j] > 0) != (i == j) or scores[i, j] == 0)
    raise NotRight(
        f"{where} kind {i} seen and kind {j} said get the score {scores[i, j]:.2f}, and they are "
        f"{'equal' if i == j else 'not equal'}; scores of equal ones go from {same.min():.2f} to {same.max():.2f}, of "
        f"others from {different.min():.2f} to {different.max():.2f}"
    )
