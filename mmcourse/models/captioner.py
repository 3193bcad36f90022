"""Image captioning: a CNN encodes the image, a decoder generates one word after another. Lesson 12.

Three decoders with one interface. An LSTM with one image vector, after Vinyals et al. 2015 (Show and Tell); they feed
the vector once and found it worse as an extra input at every step, as it is here. An LSTM with attention before each
word, after Xu et al. 2015 (Show, Attend and Tell), with the attention LSTM and language LSTM of Anderson et al. 2018
(Bottom-up and top-down attention). A Transformer decoder, after Vaswani et al. 2017.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from mmcourse.data.text import check_tokens
from mmcourse.models.attention import attention, sinusoids
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.question_answering import with_positions
from mmcourse.models.transformer import DecoderBlock
from mmcourse.picturebook.sentence import MASK
from mmcourse.renamed import names_of, old_keywords

POSITION_FEATURES = 14  # of a pair of coordinates


class MemoryProjection(nn.Module):
    """Projects image positions to keys: a linear layer of the normalised features plus one of the coordinates.

    Both are scaled up, so that attention by content and by position can be sharp early in training.
    (B, T, D + 2), the last two are x and y from -1 to 1 -> (B, T, width)
    """

    def __init__(self, features: int, width: int):
        super().__init__()
        self.content = nn.Sequential(nn.LayerNorm(features), nn.Linear(features, width))
        self.position = nn.Linear(POSITION_FEATURES, width)

    def forward(self, positions: Tensor) -> Tensor:
        return 2 * self.content(positions[..., :-2]) + self.position(3 * position_features(positions[..., -2:]))


def position_features(xy: Tensor) -> Tensor:
    """Coordinates from -1 to 1, and their sines and cosines at three frequencies.   (..., 2) -> (..., 14)"""
    turned = [wave(torch.pi * turns * xy) for turns in (0.5, 1.0, 2.0) for wave in (torch.sin, torch.cos)]
    return torch.cat([xy, *turned], dim=-1)


class Captioner(nn.Module):
    """Base class of captioners: an image encoder, and a decoder that continues from a state.

    forward       images (B, C, H, W), tokens (B, L) from <start> -> logits of each next word (B, L, V): teacher forcing
    with_weights  the same, and the attention weights of each word (B, L, T) over T positions in row-major order; None
                  without attention
    start, step   images -> state; state, words (B,) -> logits (B, V), state: one word at a time. A state is a tuple of
                  tensors whose first axis is the batch
    frozen        the encoder is not trained: evaluation mode, no gradient. Features that `extract_features` computed
                  once can then replace the images
    A subclass defines `initial_state(positions) -> state` and `decode(state, tokens) -> logits, weights, state`.
    """

    def __init__(self, vocabulary_size: int, encoder: ImageEncoder | None = None, frozen: bool = False):
        super().__init__()
        self.vocabulary_size, self.frozen = vocabulary_size, frozen
        self.encoder = ImageEncoder((32, 64, 128)) if encoder is None else encoder
        self.encoder.requires_grad_(not frozen)
        if frozen:
            self.encoder.eval()

    def train(self, mode: bool = True) -> "Captioner":
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def encode(self, images: Tensor) -> Tensor:
        """Features and coordinates of each position.   (B, C, H, W) -> (B, T, D + 2)"""
        if self.is_features(images):
            return with_positions(images.to(next(self.parameters()).dtype))
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            maps = self.encoder.feature_maps(images)
        return with_positions(maps)

    def is_features(self, images: Tensor) -> bool:
        """Whether these are feature maps from `extract_features` rather than images."""
        return images.dim() == 4 and images.shape[1] == self.encoder.width != self.encoder.in_channels

    def extract_features(self, images: Tensor, size: int = 250) -> Tensor:
        """The feature maps of a frozen encoder, to be stored.   (N, C, H, W) -> (N, D, h, w) float16"""
        if not self.frozen:
            raise ValueError(
                "extract_features stores the encoder's present features, and this encoder is trained, so they would "
                "become outdated; make the captioner with frozen=True"
            )
        where = next(self.encoder.parameters()).device
        with evaluation_mode(self.encoder):
            return torch.cat([self.encoder.feature_maps(part.to(where)).half().cpu() for part in images.split(size)])

    def grid(self, images: Tensor) -> tuple[int, int]:
        """Rows and columns of positions of images of this size."""
        if self.is_features(images):
            return images.shape[-2], images.shape[-1]
        halvings = 2 ** len(self.encoder.blocks)
        return -(-images.shape[-2] // halvings), -(-images.shape[-1] // halvings)

    def forward(self, images: Tensor, tokens: Tensor) -> Tensor:
        return self.with_weights(images, tokens)[0]

    def with_weights(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor | None]:
        """-> logits (B, L, V), weights (B, L, T) or None"""
        self.check(images, tokens)
        logits, weights, _ = self.decode(self.start(images), tokens)
        return logits, weights

    def check(self, images: Tensor, tokens: Tensor) -> None:
        """ValueError unless tokens are (B, L) of this vocabulary, one sentence for each image."""
        check_tokens(tokens, self.vocabulary_size)
        if len(images) != len(tokens):
            raise ValueError(
                f"there are {len(images)} images and {len(tokens)} sentences; expected the same number. "
                "Likely cause: several sentences per image; repeat the images, or choose one sentence of each"
            )

    def start(self, images: Tensor):
        """The state before the first word."""
        return self.initial_state(self.encode(images))

    def step(self, state, words: Tensor):
        """Reads one word.   state, (B,) -> logits of the next word (B, V), state"""
        logits, _, state = self.decode(state, words[:, None])
        return logits[:, -1], state

    def initial_state(self, positions: Tensor):
        """(B, T, D + 2) -> state"""
        raise NotImplementedError

    def decode(self, state, tokens: Tensor) -> tuple[Tensor, Tensor | None, tuple]:
        """state, (B, L) -> logits (B, L, V), weights (B, L, T) or None, state"""
        raise NotImplementedError


class ShowAndTell(Captioner):
    """An LSTM whose input is each word's embedding, concatenated with one vector of the image.

    The vector is the maximum of each feature over all positions, so it does not represent where an object is.
    """

    def __init__(
        self, vocabulary_size: int, width: int = 128, encoder: ImageEncoder | None = None, frozen: bool = False
    ):
        super().__init__(vocabulary_size, encoder, frozen)
        self.image_projection = nn.Linear(self.encoder.width, width)
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.recurrent = nn.LSTM(2 * width, width, batch_first=True)
        self.head = nn.Linear(2 * width, vocabulary_size)

    def initial_state(self, positions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        vector = self.image_projection(positions[..., :-2].amax(dim=1))  # (B, H)
        return torch.zeros_like(vector), torch.zeros_like(vector), vector

    def decode(self, state, tokens):
        h, c, vector = state
        beside = vector[:, None].expand(-1, tokens.shape[1], -1)
        states, (h, c) = self.recurrent(
            torch.cat([self.embedding(tokens), beside], dim=2), (h[None].contiguous(), c[None].contiguous())
        )  # (B, L, H)
        return self.head(torch.cat([states, beside], dim=2)), None, (h[0], c[0], vector)


class ShowAttendAndTell(ShowAndTell):
    """ShowAndTell with attention: before each word, an attention LSTM queries the positions for a context vector.

    The layers of ShowAndTell have the same names, so it can be initialised from one that was trained on one object:
    `attending.load_state_dict(one.state_dict(), strict=False)`. Values are `image_projection` of the features plus a
    projection of the coordinates. The score is a scaled dot product of projections, a bilinear form as in Luong et al.
    2015; Xu et al. 2015 use an additive score. In the papers the attention LSTM also reads the previous state or
    context; here it reads the words alone, so that all words of a sentence attend at once, without a loop.

    masked_words  words that the language LSTM reads as <mask>; the attention LSTM reads all. What follows such a word
                  must then be predicted from the image, and not from the word
    """

    @old_keywords
    def __init__(
        self,
        vocabulary_size: int,
        width: int = 128,
        encoder: ImageEncoder | None = None,
        frozen: bool = False,
        masked_words: Sequence[int] | Tensor = (),
    ):
        super().__init__(vocabulary_size, width, encoder, frozen)
        masked_words = torch.as_tensor(masked_words, dtype=torch.int64)
        if len(masked_words) and not 0 <= int(masked_words.min()) <= int(masked_words.max()) < vocabulary_size:
            raise ValueError(
                f"masked_words is {masked_words.tolist()}; expected words, from 0 to {vocabulary_size - 1}"
            )
        self.register_buffer(
            "language_input", torch.arange(vocabulary_size).index_fill(0, masked_words, MASK), persistent=False
        )
        self.attention_lstm = nn.LSTM(width, width, batch_first=True)
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = MemoryProjection(self.encoder.width, width)
        self.position = nn.Linear(POSITION_FEATURES, width)

    def initial_state(self, positions: Tensor) -> tuple[Tensor, ...]:
        keys = self.key(positions)  # (B, T, H)
        values = self.image_projection(positions[..., :-2]) + self.position(position_features(positions[..., -2:]))
        first = keys.mean(dim=1).tanh()
        return first, *(torch.zeros_like(first) for _ in range(3)), keys, values

    def decode(self, state, tokens):
        h, c, h2, c2 = (part[None].contiguous() for part in state[:4])
        keys, values = state[4:]
        words = self.embedding(tokens)
        states, (h, c) = self.attention_lstm(words, (h, c))
        found, weights = attention(self.query(self.norm(states + words)), keys, values)  # (B, L, H), (B, L, T)
        language_words = self.embedding(self.language_input[tokens])
        states, (h2, c2) = self.recurrent(torch.cat([language_words, found], dim=2), (h2, c2))
        return self.head(torch.cat([states, found], dim=2)), weights, (h[0], c[0], h2[0], c2[0], keys, values)


class TransformerCaptioner(Captioner):
    """A Transformer decoder with cross-attention to the image positions.

    Its state is the positions and all previous words, which each step processes again; `longest` bounds them. The
    weights are the last block's, averaged over its heads.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int = 128,
        encoder: ImageEncoder | None = None,
        frozen: bool = False,
        heads: int = 4,
        layers: int = 2,
        hidden: int | None = None,
        longest: int = 64,
    ):
        super().__init__(vocabulary_size, encoder, frozen)
        self.longest = longest
        self.memory_projection = MemoryProjection(self.encoder.width, width)
        self.embedding = nn.Embedding(vocabulary_size, width)
        self.register_buffer("turns", sinusoids(longest, width), persistent=False)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, hidden or 2 * width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary_size)

    def initial_state(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        memory = self.memory_projection(positions)
        return memory, torch.zeros(len(memory), 0, dtype=torch.int64, device=memory.device)

    def decode(self, state, tokens):
        memory, before = state
        words = torch.cat([before, tokens], dim=1)
        if words.shape[1] > self.longest:
            raise ValueError(
                f"the caption has {words.shape[1]} words, the captioner was made for {self.longest}; make it with "
                "longest=..., or limit the length of captions"
            )
        x = self.embedding(words) + self.turns[: words.shape[1]]
        for block in self.blocks:
            x, weights = block.with_weights(x, memory)
        new = slice(before.shape[1], None)
        return self.head(self.norm(x[:, new])), weights[:, :, new].mean(dim=1), (memory, words)


__getattr__ = names_of(__name__)
