"""Data of two modalities that is paired by label: partners of one class, and pairs that are of one class or not."""

import torch
from torch import Tensor


def same_or_not(one: Tensor, other: Tensor, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Places in `one` (N,), places in `other` (N,), and labels (N,), 1 where both are of the same class.

    `one` (A,) and `other` (B,) are the classes of two modalities' examples. Of two classes each, an example of both
    modalities is drawn; all four combinations are made, two of them right. So each example is in a right pair once
    and in a wrong pair once: either modality alone is right exactly half the time. Every example of `other` is used at
    most once, and as many of `one`; what finds no partner is left out.
    """
    if one.dim() != 1 or other.dim() != 1 or one.is_floating_point() or other.is_floating_point():
        raise ValueError(
            f"got {one.dtype} of shape {tuple(one.shape)} and {other.dtype} of shape {tuple(other.shape)}; expected "
            "the classes of two modalities, whole numbers (N,)"
        )
    rng = torch.Generator().manual_seed(seed)
    twins = {}  # {class: [(place in one, place in other), ...]}, in random order
    for kind in sorted(set(one.tolist()) & set(other.tolist())):
        positions = [(given == kind).nonzero()[:, 0] for given in (one, other)]
        mixed = [own[torch.randperm(len(own), generator=rng)].tolist() for own in positions]
        twins[kind] = list(zip(*mixed, strict=False))
    quads = []
    while len(left := [kind for kind, pairs in twins.items() if pairs]) > 1:
        counts = torch.tensor([float(len(twins[kind])) for kind in left])
        most = int(counts.argmax())  # the largest class first, so that at the end no single one is left over
        counts[most] = 0
        partner = int(torch.multinomial(counts, 1, generator=rng))
        quads.append((*twins[left[most]].pop(), *twins[left[partner]].pop()))
    if not quads:
        raise ValueError("the two modalities share fewer than two classes, so no pair can be wrong")
    a, x, b, y = torch.tensor(quads).T
    labels = torch.tensor([1, 1, 0, 0]).repeat(len(quads))
    return torch.stack([a, b, a, b], 1).flatten(), torch.stack([x, y, y, x], 1).flatten(), labels


def partners(labels: Tensor, others: Tensor, seed: int | torch.Generator = 0) -> Tensor:
    """For each example of one modality one of the other's, drawn among those of its class.   (...), (M,) -> (...) int64

    `labels` and `others` are the classes of both. ValueError where a class has nobody to draw.
    """
    rng = seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)
    chosen = torch.empty(labels.shape, dtype=torch.int64)
    for kind in labels.unique().tolist():
        positions, wanted = (others == kind).nonzero()[:, 0], labels == kind
        if not len(positions):
            raise ValueError(f"class {kind} has no example in the other modality, so it finds no partner")
        chosen[wanted] = positions[torch.randint(len(positions), (int(wanted.sum()),), generator=rng)]
    return chosen
