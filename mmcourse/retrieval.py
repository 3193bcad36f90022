"""Retrieval of one modality by another: ranks, recall at k, median rank, with a defined treatment of ties.

Where similarities are equal, the expected rank over all orders is taken; torchmetrics breaks ties arbitrarily.
"""

import statistics
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.precision import exact

CLOSE = 1e-6  # similarities that differ by less are equal: products of the same vectors differ by rounding
BLOCK = 1 << 22  # similarities computed at a time: 10,000 queries among 10,000 candidates would take gigabytes
NO_FLOAT64 = ("mps",)  # kinds of device without float64: similarities are float32 there


def ranks(
    queries: Tensor, candidates: Tensor, meanings: Tensor | None = None, candidate_meanings: Tensor | None = None
) -> Tensor:
    """The rank by cosine similarity of the first correct candidate for each query, 1 at best.   (Q, D), (C, D) -> (Q,)

    A candidate is correct where it has the query's meaning: `meanings` (Q,) and `candidate_meanings` (C,), which are
    the queries' own unless given. Without meanings the i-th candidate is correct for the i-th query. For equal
    similarities the mean rank is returned: 1.5 for a correct one that is tied with a wrong one.
    ValueError where shapes do not fit, a vector is not finite, or a query has no correct candidate.
    Similarities are computed in float64, in float32 on a device that has none (MPS).
    """
    _check(queries, candidates)
    meanings = torch.arange(len(queries)) if meanings is None else meanings
    candidate_meanings = meanings if candidate_meanings is None else candidate_meanings
    meanings, candidate_meanings = meanings.to(queries.device), candidate_meanings.to(queries.device)
    for name, given, vectors in (("queries", meanings, queries), ("candidates", candidate_meanings, candidates)):
        if given.shape != vectors.shape[:1]:
            raise ValueError(f"there are meanings of shape {tuple(given.shape)} for {len(vectors)} {name}")
    found = torch.isin(meanings, candidate_meanings)
    if not found.all():
        raise ValueError(
            f"query {int((~found).nonzero()[0])} has no candidate with its meaning, so its rank is undefined"
        )
    queries, candidates = _unit(queries), _unit(candidates)
    size = max(1, BLOCK // len(candidates))
    parts = zip(queries.split(size), meanings.split(size), strict=True)
    return torch.cat([_ranks(part @ candidates.T, own[:, None] == candidate_meanings) for part, own in parts])


def _ranks(similarities: Tensor, correct: Tensor) -> Tensor:
    """The expected rank of the first correct candidate.   (Q, C), (Q, C) bool -> (Q,)"""
    best = similarities.masked_fill(~correct, -torch.inf).amax(dim=1, keepdim=True)  # (Q, 1)
    tied = (similarities - best).abs() <= CLOSE
    before = (similarities > best + CLOSE).sum(dim=1)
    return 1 + before + (tied & ~correct).sum(dim=1) / ((tied & correct).sum(dim=1) + 1)


def recall_at(ranks: Tensor, k: int) -> float:
    """The fraction of queries with a correct candidate among the first k (R@k).   (Q,) -> in [0, 1]"""
    if k < 1 or ranks.numel() == 0:
        raise ValueError(f"k is {k} for {ranks.numel()} ranks; expected k of 1 or more, and a rank")
    return int((ranks <= k).sum()) / ranks.numel()


def median_rank(ranks: Tensor) -> float:
    """The median of the ranks; the mean of the two middle ones where their number is even.   (Q,)"""
    if ranks.numel() == 0:
        raise ValueError("there are no ranks. Likely cause: an empty split")
    return statistics.median(ranks.flatten().tolist())


def all_directions(
    vectors: Mapping[str, Tensor], meanings: Tensor | None = None, at: Sequence[int] = (1, 5)
) -> dict[str, dict[str, float]]:
    """Retrieval of each modality by each other one, among the same examples.

    vectors {"image": (N, D), ...} -> {"image → text": {"R@1": .., "R@5": .., "median rank": ..}, ...}
    """
    if len(vectors) < 2:
        raise ValueError(f"there are vectors of {', '.join(vectors) or 'nothing'}; expected two modalities or more")
    result = {}
    for one in vectors:
        for other in vectors:
            if one != other:
                found = ranks(vectors[one], vectors[other], meanings)
                scores = {f"R@{k}": recall_at(found, k) for k in at}
                result[f"{one} → {other}"] = scores | {"median rank": median_rank(found)}
    return result


def nearest(query: Tensor, candidates: Tensor, k: int = 5) -> tuple[Tensor, Tensor]:
    """The k candidates most similar to each query: cosines and indices.   (Q, D), (C, D) -> (Q, k), (Q, k)"""
    _check(query, candidates)
    if not 1 <= k <= len(candidates):
        raise ValueError(f"k is {k}; expected 1 to {len(candidates)}, the number of candidates")
    return (F.normalize(exact(query), dim=1) @ F.normalize(exact(candidates), dim=1).T).topk(k, dim=1)


def _unit(vectors: Tensor) -> Tensor:
    """Vectors of norm 1, in the most precise type that their device supports."""
    return F.normalize(vectors.float() if vectors.device.type in NO_FLOAT64 else vectors.double(), dim=1)


def _check(queries: Tensor, candidates: Tensor) -> None:
    if queries.dim() != 2 or candidates.dim() != 2 or queries.shape[1] != candidates.shape[1]:
        raise ValueError(
            f"queries have shape {tuple(queries.shape)}, candidates {tuple(candidates.shape)}; expected (Q, D) and "
            "(C, D). Likely cause: a single vector, vector[None]"
        )
    if not len(queries) or not len(candidates):
        raise ValueError(f"there are {len(queries)} queries and {len(candidates)} candidates; expected one of each")
    if not (queries.isfinite().all() and candidates.isfinite().all()):
        raise ValueError("a vector is not finite. Likely cause: a division by the norm of a zero vector")
