"""Data of two modalities paired by label: partners of one class, and pairs of equal or different classes."""

import torch
from torch import Tensor


def same_or_not(one: Tensor, other: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Indices into `one` (N,), indices into `other` (N,), and labels (N,), 1 where both have the same class.

    `one` (A,) and `other` (B,) are the classes of two modalities' examples. Two examples per modality are
    drawn, of two classes, and all four combinations used, two of them matching. Each example is in one matching and in
    one other pair, so a model of one modality has exactly 50% accuracy. Every example is used at most once; examples
    without a partner are left out.
    """
    if one.dim() != 1 or other.dim() != 1 or one.is_floating_point() or other.is_floating_point():
        raise ValueError(
            f"got {one.dtype} of shape {tuple(one.shape)} and {other.dtype} of shape {tuple(other.shape)}; expected "
            "the classes of two modalities, integers (N,)"
        )
    rng = torch.Generator().manual_seed(seed)
    same = {}  # {class: [(index into one, index into other), ...]}, in random order
    for kind in sorted(set(one.tolist()) & set(other.tolist())):
        positions = [(given == kind).nonzero()[:, 0] for given in (one, other)]
        mixed = [own[torch.randperm(len(own), generator=rng)].tolist() for own in positions]
        same[kind] = list(zip(*mixed, strict=False))
    quads = []
    while len(left := [kind for kind, pairs in same.items() if pairs]) > 1:
        counts = torch.tensor([float(len(same[kind])) for kind in left])
        most = int(counts.argmax())  # the largest class first, so that no single class is left over at the end
        counts[most] = 0
        partner = int(torch.multinomial(counts, 1, generator=rng))
        quads.append((*same[left[most]].pop(), *same[left[partner]].pop()))
    if not quads:
        raise ValueError("the two modalities share fewer than two classes, so no pair can differ in class")
    a, x, b, y = torch.tensor(quads).T
    labels = torch.tensor([1, 1, 0, 0]).repeat(len(quads))
    return torch.stack([a, b, a, b], 1).flatten(), torch.stack([x, y, y, x], 1).flatten(), labels


def partners(labels: Tensor, others: Tensor, seed: int | torch.Generator = 0) -> Tensor:
    """For each example of one modality an index of the other, drawn from its class.   (...), (M,) -> (...) int64

    `labels` and `others` are the classes of both. ValueError where a class has no example there.
    """
    rng = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    chosen = torch.empty(labels.shape, dtype=torch.int64)
    for kind in labels.unique().tolist():
        positions, wanted = (others == kind).nonzero()[:, 0], labels == kind
        if not len(positions):
            raise ValueError(f"class {kind} has no example in the other modality, so there is no partner")
        chosen[wanted] = positions[torch.randint(len(positions), (int(wanted.sum()),), generator=rng)]
    return chosen
