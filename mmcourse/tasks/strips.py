"""Three images in a row and a recording of one of them: at which position is it?"""

import torch
from torch import Tensor

from mmcourse.renamed import names_of
from mmcourse.tasks.matching import partners


def spoken_grounding(
    image_labels: Tensor, sound_labels: Tensor, count: int, seed: int = 0
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw rows of three images of different classes, a recording of one of them, and its position, 0 to 2.

    image_labels (N,), sound_labels (M,) -> indices of images (count, 3), of recordings (count,), positions (count,).
    Neither the images nor the recording alone determine the position. ValueError unless three classes or more have
    images, and each of them a recording.
    """
    classes = image_labels.unique()
    if len(classes) < 3 or not torch.isin(classes, sound_labels).all():
        raise ValueError(
            f"images have the classes {classes.tolist()}, recordings {sound_labels.unique().tolist()}; expected three "
            "or more, and a recording of each. Likely cause: a part of a set that is sorted by class"
        )
    rng = torch.Generator().manual_seed(seed)
    triples = classes[torch.rand(count, len(classes), generator=rng).argsort(dim=1)[:, :3]]  # (count, 3)
    positions = torch.randint(3, (count,), generator=rng)
    spoken = triples.gather(1, positions[:, None])[:, 0]
    return partners(triples, image_labels, rng), partners(spoken, sound_labels, rng), positions


__getattr__ = names_of(__name__)
