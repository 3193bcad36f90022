"""A shared space: towers whose outputs have the same size, and the contrastive loss that aligns pairs.

The symmetric loss with a learned temperature is that of Radford et al. 2021 (CLIP), as in lesson 11.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.precision import exact, without_autocast

LARGEST_SCALE = 100.0  # CLIP's: beyond it training becomes unstable
FIRST_SCALE = 1 / 0.07  # CLIP's first temperature


def contrastive_loss(one: Tensor, other: Tensor, scale: float | Tensor, meanings: Tensor | None = None) -> Tensor:
    """Symmetric InfoNCE: the cross-entropy of identifying each example's partner within the batch, in both directions.

    one, other  (B, D) the two modalities of the same B examples; normalised here
    scale       1 / temperature: the logits are scale * one @ other.T
    meanings    (B,) integers; all examples of the same meaning are positives, with equal target probabilities. None:
                only the partner is positive

    The mean of the cross-entropies of rows and of columns, a scalar; ln(B) where all similarities are equal.
    Computed in float32 at least, also under autocast: a bfloat16 logit near 100 has an error of up to 0.25.
    """
    check_vectors(one, other, meanings)
    with without_autocast(one):
        logits = scale * F.normalize(exact(one), dim=1) @ F.normalize(exact(other), dim=1).T  # (B, B)
    if meanings is None:
        target = torch.arange(len(one), device=one.device)
    else:
        same = (meanings[:, None] == meanings[None]).to(logits.dtype)  # (B, B)
        target = same / same.sum(dim=1, keepdim=True)
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def check_vectors(one: Tensor, other: Tensor, meanings: Tensor | None = None) -> None:
    """ValueError unless both are (B, D) of floating point, and meanings (B,) of integers."""
    if one.dim() != 2 or one.shape != other.shape or 0 in one.shape:
        cause = "towers of different widths" if one.shape[:1] == other.shape[:1] else "batches that are not pairs"
        cause = "an empty batch" if 0 in (*one.shape, *other.shape) else cause
        raise ValueError(
            f"the two modalities have shapes {tuple(one.shape)} and {tuple(other.shape)}; expected (B, D) twice. "
            f"Likely cause: {cause}"
        )
    if not (one.is_floating_point() and other.is_floating_point()):
        raise ValueError(f"the vectors are {one.dtype} and {other.dtype}; expected floating point")
    if meanings is not None and (meanings.shape != one.shape[:1] or meanings.is_floating_point()):
        raise ValueError(
            f"meanings are {meanings.dtype} of shape {tuple(meanings.shape)}; expected an integer for each of the "
            f"{len(one)} examples"
        )


def distance(vectors: tuple[Tensor, Tensor]) -> Tensor:
    """The distance of partners: the mean of 1 - cosine.   ((B, D), (B, D)) -> scalar

    The contrastive loss requires partners to be closer than other pairs, this one that they be close (the alignment of
    Wang, Isola 2020). It is 0 if all vectors are equal: use it with a locked tower, or beside a contrastive loss.
    """
    check_vectors(*vectors)
    return 1 - F.cosine_similarity(*map(exact, vectors), dim=1).mean()


class ContrastiveLoss(nn.Module):
    """`contrastive_loss` with a learned scale, stored as its logarithm, of at most 100 (CLIP).

    A parameter beyond the limit is set back to it, so that it keeps receiving a gradient.
    forward: ((B, D), (B, D)), meanings (B,) or None -> scalar. Its parameter has to be given to the optimiser:
    a SharedSpace contains it.
    """

    def __init__(self, scale: float = FIRST_SCALE):
        super().__init__()
        if not 0 < scale <= LARGEST_SCALE:
            raise ValueError(f"scale is {scale}; expected a number above 0, at most {LARGEST_SCALE:g}")
        self.log_scale = nn.Parameter(torch.tensor(math.log(scale)))

    @property
    def scale(self) -> Tensor:
        """1 / temperature.   -> scalar"""
        return self.log_scale.clamp(max=math.log(LARGEST_SCALE)).exp()

    def forward(self, vectors: tuple[Tensor, Tensor], meanings: Tensor | None = None) -> Tensor:
        with torch.no_grad():
            self.log_scale.clamp_(max=math.log(LARGEST_SCALE))
        return contrastive_loss(*vectors, self.log_scale.exp(), meanings)


class SharedSpace(nn.Module):
    """A tower for each modality, all with the same output size: {"image": ..., "text": ..., "sound": ...}.

    `embed` returns unit vectors, so that their products are cosines. `pair` is what `fit` trains, with `loss`, whose
    scale is learned.
    """

    def __init__(self, towers: Mapping[str, nn.Module], scale: float = FIRST_SCALE):
        super().__init__()
        if not towers:
            raise ValueError("towers is empty; expected a network for each modality")
        self.towers, self.loss = nn.ModuleDict(towers), ContrastiveLoss(scale)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self.towers)

    def tower(self, name: str) -> nn.Module:
        """The network of one modality; ValueError for a name that has none."""
        if name not in self.towers:
            raise ValueError(f"there is no tower {name!r}; this space has {', '.join(self.names)}")
        return self.towers[name]

    def embed(self, name: str, *inputs: Tensor) -> Tensor:
        """The vectors of a modality's examples, on the space's device.   -> (B, D), each of norm 1"""
        where = self.loss.log_scale.device
        return F.normalize(self.tower(name)(*(given.to(where) for given in inputs)), dim=1)

    def pair(self, one: str, other: str, locked: str | None = None) -> "Pair":
        """Two of the towers as one module, to be trained on pairs; `locked` names one that is frozen."""
        return Pair(self, one, other, locked)


class Pair(nn.Module):
    """Two towers of a space, for `fit`: forward(one, other) -> (vectors (B, D), vectors (B, D)).

    A locked tower is in evaluation mode and gets no gradient. `loss` is the space's; `near_loss` adds the distance
    of partners.
    """

    def __init__(self, space: SharedSpace, one: str, other: str, locked: str | None = None):
        super().__init__()
        if one == other:
            raise ValueError(f"both towers are {one!r}; expected two of {', '.join(space.names)}")
        if locked not in (None, one, other):
            raise ValueError(f"locked is {locked!r}; expected {one!r}, {other!r} or None")
        self.towers = nn.ModuleDict({name: space.tower(name) for name in (one, other)})
        self.loss, self.locked = space.loss, locked
        if locked:
            self.towers[locked].eval()

    def train(self, mode: bool = True) -> "Pair":
        super().train(mode)
        if self.locked:
            self.towers[self.locked].eval()
        return self

    def forward(self, one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
        vectors = []
        for (name, tower), given in zip(self.towers.items(), (one, other), strict=True):
            with torch.set_grad_enabled(torch.is_grad_enabled() and name != self.locked):
                vectors.append(F.normalize(tower(given), dim=1))
        return vectors[0], vectors[1]

    def near_loss(self, vectors: tuple[Tensor, Tensor], meanings: Tensor | None = None) -> Tensor:
        """The contrastive loss plus the distance of partners.   -> scalar"""
        return self.loss(vectors, meanings) + distance(vectors)
