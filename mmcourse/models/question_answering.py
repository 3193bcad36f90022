"""Visual question answering, as in lesson 09: a spoken word attends to positions, a question modulates the result.

Cross-attention (Vaswani et al. 2017) from sound to positions, then FiLM (Perez et al. 2018) by the question.
"""

import torch
from torch import Tensor, nn

from mmcourse.models.attention import attention
from mmcourse.models.fusion.features import FiLM
from mmcourse.renamed import old_keywords


def with_positions(maps: Tensor, reach: float = 1.0) -> Tensor:
    """Each position of feature maps as a token, with its coordinates.   (B, C, H, W) -> (B, H * W, C + 2)

    In row order. The last two features are x and y, from -reach at the left and the top to reach; 0 where there is a
    single column or row.
    """
    if maps.dim() != 4:
        raise ValueError(
            f"maps have shape {tuple(maps.shape)}; expected (B, C, H, W). Likely cause: features that are "
            "already pooled"
        )
    batch, _, height, width = maps.shape
    y, x = torch.meshgrid(
        *(torch.linspace(-reach, reach, n) if n > 1 else torch.zeros(n) for n in (height, width)), indexing="ij"
    )  # (H, W)
    coordinates = torch.stack([x, y]).to(maps).expand(batch, 2, height, width)
    return torch.cat([maps, coordinates], dim=1).flatten(2).transpose(1, 2)


class QuestionAnswerer(nn.Module):
    """Positions of an image, a spoken word and a written question -> logits of the answers.

    positions (B, T, D), sound (B, S), tokens (B, L) with 0 as padding -> (B, n_classes). `attend`
    returns the attention weights of each of the `heads`. The order of the question's words is not used.
    """

    @old_keywords
    def __init__(
        self,
        n_classes: int,
        vocabulary_size: int,
        image_width: int = 130,
        sound_width: int = 128,
        width: int = 64,
        heads: int = 2,
    ):
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"width is {width}, heads is {heads}; expected heads that divide the width")
        self.heads = heads
        self.query = nn.Sequential(nn.Linear(sound_width, width), nn.ReLU(), nn.Linear(width, width))
        self.key = nn.Sequential(nn.Linear(image_width, width), nn.ReLU(), nn.Linear(width, width))
        self.value = nn.Linear(image_width, 2 * width)
        self.encode_text = nn.EmbeddingBag(vocabulary_size, width, mode="mean", padding_idx=0)
        self.film = FiLM({"image": 2 * width, "text": width}, 2 * width)
        self.head = nn.Sequential(nn.ReLU(), nn.Linear(2 * width, width), nn.ReLU(), nn.Linear(width, n_classes))

    def attend(self, positions: Tensor, sound: Tensor) -> tuple[Tensor, Tensor]:
        """The attended features and the attention weights.   -> (B, 2 * width), (B, heads, T)"""
        queries, keys, values = (
            x.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for x in (self.query(sound)[:, None], self.key(positions), self.value(positions))
        )  # (B, heads, 1 or T, ...)
        attended, weights = attention(queries, keys, values)
        return attended.flatten(1), weights[:, :, 0]

    def forward(self, positions: Tensor, sound: Tensor, tokens: Tensor) -> Tensor:
        if (
            positions.dim() != 3
            or sound.dim() != 2
            or tokens.dim() != 2
            or not len(positions) == len(sound) == len(tokens)
        ):
            raise ValueError(
                f"positions {tuple(positions.shape)}, sound {tuple(sound.shape)}, tokens {tuple(tokens.shape)}; "
                "expected (B, T, D), (B, S), (B, L) with equal B. Likely cause: pages instead of "
                "examples: a page has several"
            )
        attended, _ = self.attend(positions, sound)
        return self.head(self.film({"image": attended, "text": self.encode_text(tokens)}))
