"""What torchmetrics lacks: whether a sentence's meaning is correct, and how diverse generated examples are."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.picturebook.scene import Scene
from mmcourse.picturebook.sentence import Facts, facts_of, parse
from mmcourse.renamed import names_of

PARTS = ("a sentence", "kinds", "colours", "sizes", "relation", "meaning")


def meaning(sentences: Sequence[str], scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """Which parts of each sentence are correct for its scene, independent of the phrasing.   {part: (N,) bool}

    'a sentence': the grammar can parse it. 'kinds', 'colours', 'sizes': exactly those of the scene are named, whichever
    object has them. 'relation': it holds between objects of the correct kinds; with a single object, no other is named.
    'meaning': all of this, each object with its own colour and size, and the time of day if the sentence names one.
    """
    if len(sentences) != len(scenes) or not scenes:
        raise ValueError(
            f"there are {len(sentences)} sentences and {len(scenes)} scenes; expected one sentence each, at least one"
        )
    found = [_judge(parse(said), facts_of(scene)) for said, scene in zip(sentences, scenes, strict=True)]
    return dict(zip(PARTS, torch.tensor(found).T, strict=True))


def caption_accuracy(sentences: Sequence[str], scenes: Sequence[Scene]) -> float:
    """The fraction of sentences whose meaning is correct."""
    return meaning(sentences, scenes)["meaning"].double().mean().item()


def diversity(features: Tensor, labels: Tensor) -> float:
    """Mean distance between two examples of the same class, averaged over the classes.   (N, D), (N,) -> number

    Divide it by that of real examples: a ratio near 0 means that the examples of a class are nearly the same. Noise can
    exceed 1, so report accuracy as well. Classes with a single example are left out.
    """
    _check_features(features)
    if labels.shape != features.shape[:1]:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)} and features {tuple(features.shape)}; expected one label "
            f"for each example, ({len(features)},). Likely cause: labels of other examples, or of several attributes"
        )
    groups = [features[labels == label].float() for label in labels.unique()]
    distances = [torch.pdist(group).mean() for group in groups if len(group) > 1]
    if not distances:
        raise ValueError(
            f"each of the {len(groups)} classes has a single example; expected two of one class at least. Likely "
            "cause: too few examples"
        )
    return torch.stack(distances).mean().item()


def distinct_fraction(features: Tensor, threshold: float) -> float:
    """Fraction of examples whose distance to every earlier example is at least `threshold`.   (N, D) -> number

    A sensible threshold is a low quantile of the distances from real examples to their nearest real neighbours.
    """
    _check_features(features)
    by_subtraction = "donot_use_mm_for_euclid_dist"  # by matrix products, two copies have a distance above 0
    near = torch.cdist(features.float(), features.float(), compute_mode=by_subtraction) < threshold  # (N, N)
    return 1 - near.tril(diagonal=-1).any(dim=1).double().mean().item()


def _check_features(features: Tensor) -> None:
    if features.dim() != 2 or len(features) < 2:
        raise ValueError(
            f"features have shape {tuple(features.shape)}; expected (N, D) with two examples at least. Likely cause: "
            "images instead of features: pass encoder(images)"
        )


def _judge(said: Facts | None, truth: Facts) -> tuple[bool, ...]:
    if said is None:
        return (False,) * len(PARTS)
    bags = [sorted(t[i] for t in said.objects) == sorted(t[i] for t in truth.objects) for i in range(3)]
    order = [(*(kind for kind, _, _ in facts.objects), facts.relation) for facts in (said, truth)]
    return True, *bags, order[0] == order[1], truth.same_meaning(said)


__getattr__ = names_of(__name__)
