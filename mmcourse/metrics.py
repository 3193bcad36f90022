"""What torchmetrics lacks: whether sentences mean what is so."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmcourse.picturebook.scene import Scene
from mmcourse.picturebook.sentence import Facts, facts_of, understand
from mmcourse.renamed import names_of

PARTS = ("a sentence", "kinds", "colours", "sizes", "relation", "meaning")


def meaning(sentences: Sequence[str], scenes: Sequence[Scene]) -> dict[str, Tensor]:
    """What is right of each sentence about its scene, by `understand` and not by its wording.   (N,) bool each

    'a sentence': the grammar knows it. 'kinds', 'colours', 'sizes': these and no others are named, whichever thing has
    them. 'relation': the things of these kinds do stand so; with a single thing, nothing is said of any other.
    'meaning': all of it is so, each thing with its own colour and size, and the time of day where it is told.
    """
    if len(sentences) != len(scenes) or not scenes:
        raise ValueError(
            f"there are {len(sentences)} sentences and {len(scenes)} scenes; expected one sentence each, at least one"
        )
    found = [_judge(understand(said), facts_of(scene)) for said, scene in zip(sentences, scenes, strict=True)]
    return dict(zip(PARTS, torch.tensor(found).T, strict=True))


def caption_accuracy(sentences: Sequence[str], scenes: Sequence[Scene]) -> float:
    """The share of sentences whose meaning is right."""
    return meaning(sentences, scenes)["meaning"].double().mean().item()


def _judge(said: Facts | None, truth: Facts) -> tuple[bool, ...]:
    if said is None:
        return (False,) * len(PARTS)
    bags = [sorted(t[i] for t in said.objects) == sorted(t[i] for t in truth.objects) for i in range(3)]
    order = [(*(kind for kind, _, _ in facts.objects), facts.relation) for facts in (said, truth)]
    return True, *bags, order[0] == order[1], truth.same_meaning(said)


__getattr__ = names_of(__name__)
