"""Three pictures in a row and a recording of one of them: where does it stand?"""

import torch
from torch import Tensor

from mmcourse.tasks.matching import partners


def where_is_it(pictured: Tensor, said: Tensor, count: int, seed: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Draw rows of three pictures of different classes, a recording of one of them, and its place, 0 to 2.

    pictured (N,), said (M,) are the classes of pictures and recordings -> indices of images (count, 3), of recordings
    (count,), positions (count,). A picture alone tells nothing of the place, nor does a recording. ValueError unless
    three classes or more have pictures, all of which are said.
    """
    classes = pictured.unique()
    if len(classes) < 3 or not torch.isin(classes, said).all():
        raise ValueError(
            f"pictures have the classes {classes.tolist()}, recordings {said.unique().tolist()}; expected three or "
            "more, and a recording of each. Likely cause: a part of a set that is sorted by class"
        )
    rng = torch.Generator().manual_seed(seed)
    triples = classes[torch.rand(count, len(classes), generator=rng).argsort(dim=1)[:, :3]]  # (count, 3)
    positions = torch.randint(3, (count,), generator=rng)
    spoken = triples.gather(1, positions[:, None])[:, 0]
    return partners(triples, pictured, rng), partners(spoken, said, rng), positions
