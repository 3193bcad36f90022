"""The Transformer (Vaswani et al. 2017): encoder and decoder block, and an encoder of sentences, as in lesson 04."""

import torch
from torch import Tensor, nn

from mmcourse.data.text import PAD, check_tokens, lengths
from mmcourse.models.attention import MultiHeadAttention, attention, causal_mask, check_features, sinusoids
from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.pooling import last_states, max_over_time, mean_over_time
from mmcourse.renamed import old_keywords

__all__ = [
    "DecoderBlock",
    "EncoderBlock",
    "MultiHeadAttention",
    "TokenEncoder",
    "TransformerClassifier",
    "TransformerTagger",
    "attention",
    "causal_mask",
    "copy_pytorch",
    "sinusoids",
]


def feed_forward(width: int, hidden: int, dropout: float) -> nn.Sequential:
    """Two linear layers, applied to every position separately.   (B, T, D) -> (B, T, D)"""
    return nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))


class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward network for each position, both with a residual connection.

    hidden      width of the feed-forward layer, four times the width unless given
    norm_first  layer normalisation before each sublayer (Xiong et al. 2020), which trains without warm-up; False: after
                it, as in Vaswani et al. 2017
    rotary      attention rotates queries and keys by their position, so scores depend on distances
    Without rotary equal to `nn.TransformerEncoderLayer(width, heads, hidden, dropout, batch_first=True,
    norm_first=...)`.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        hidden: int | None = None,
        dropout: float = 0.0,
        norm_first: bool = True,
        rotary: bool = False,
    ):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, dropout, rotary)
        self.feed_forward = feed_forward(width, hidden or 4 * width, dropout)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x (B, T, D), mask broadcast to (B, heads, T, T), True where a position may attend -> (B, T, D)"""
        return self.with_weights(x, mask)[0]

    def with_weights(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """As forward, and the attention weights.   -> (B, T, D), (B, heads, T, T)"""
        check_features(x, self.attention.width, "x")
        attended, weights = self.attention(self.norm1(x) if self.norm_first else x, mask=mask)
        x = x + self.dropout(attended)
        x = x if self.norm_first else self.norm1(x)
        x = x + self.dropout(self.feed_forward(self.norm2(x) if self.norm_first else x))
        return x if self.norm_first else self.norm2(x), weights


class DecoderBlock(nn.Module):
    """Causal self-attention, cross-attention to another sequence, then a feed-forward network, each added to its input.

    Equal to `nn.TransformerDecoderLayer(..., batch_first=True, norm_first=...)` with a causal `tgt_mask`.
    """

    def __init__(
        self, width: int, heads: int, hidden: int | None = None, dropout: float = 0.0, norm_first: bool = True
    ):
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, dropout)
        self.cross_attention = MultiHeadAttention(width, heads, dropout)
        self.feed_forward = feed_forward(width, hidden or 4 * width, dropout)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(width) for _ in range(3))
        self.dropout = nn.Dropout(dropout)
        self.norm_first = norm_first

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> Tensor:
        """x (B, T, D) attends to itself, then to memory (B, S, D) -> (B, T, D)

        The causal mask is built in; `mask` hides further positions, such as padding, and is broadcast to (B, heads, T,
        T), `memory_mask` to (B, heads, T, S).
        """
        return self.with_weights(x, memory, mask, memory_mask)[0]

    def with_weights(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None, memory_mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As forward, and the attention weights of memory.   -> (B, T, D), (B, heads, T, S)"""
        check_features(x, self.attention.width, "x")
        past = causal_mask(x.shape[1], x.device)
        past = past if mask is None else past & mask
        attended, _ = self.attention(self.norm1(x) if self.norm_first else x, mask=past)
        x = x + self.dropout(attended)
        x = x if self.norm_first else self.norm1(x)
        attended, weights = self.cross_attention(self.norm2(x) if self.norm_first else x, memory, memory_mask)
        x = x + self.dropout(attended)
        x = x if self.norm_first else self.norm2(x)
        x = x + self.dropout(self.feed_forward(self.norm3(x) if self.norm_first else x))
        return x if self.norm_first else self.norm3(x), weights


class TokenEncoder(nn.Module):
    """Sentences to feature vectors: embedding, positions, some encoder blocks, and the words' mean or maximum.

    positions  'sinusoids' are added to the embeddings and represent absolute positions, up to `longest` words. 'rotary'
               rotates queries and keys in each block and represents distances, in sentences of any length. None: the
               order of the words is lost
    pooling    'mean' or 'max', over the real words; 'last': the state of the last one, which in a causal encoder is the
               only one that depends on all words
    std        standard deviation of the initial embeddings; 0.1 overfits less where words are rare
    causal     each word attends to itself and to earlier ones alone
    Padding (token 0) is masked in attention and changes no output; its own states are zero.
    """

    @old_keywords
    def __init__(
        self,
        vocabulary_size: int,
        width: int = 64,
        heads: int = 4,
        layers: int = 2,
        hidden: int | None = None,
        dropout: float = 0.0,
        norm_first: bool = True,
        positions: str | None = "sinusoids",
        longest: int = 512,
        pooling: str = "mean",
        std: float = 1.0,
        causal: bool = False,
    ):
        super().__init__()
        if positions not in ("sinusoids", "rotary", None):
            raise ValueError(f"positions is {positions!r}; expected 'sinusoids', 'rotary' or None")
        if pooling not in ("mean", "max", "last"):
            raise ValueError(f"pooling is {pooling!r}; expected 'mean', 'max' or 'last'")
        self.width, self.longest, self.pooling, self.causal = width, longest, pooling, causal
        self.embedding = nn.Embedding(vocabulary_size, width)
        nn.init.normal_(self.embedding.weight, std=std)
        self.register_buffer(
            "positions", sinusoids(longest, width) if positions == "sinusoids" else None, persistent=False
        )
        self.blocks = nn.ModuleList(
            EncoderBlock(width, heads, hidden, dropout, norm_first, positions == "rotary") for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width) if norm_first else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor) -> Tensor:
        """One vector per sentence.   (B, T) int64, 0 = padding -> (B, D)"""
        states = self.states(tokens)
        if self.pooling == "last":
            return last_states(states, lengths(tokens))
        pool = max_over_time if self.pooling == "max" else mean_over_time
        return pool(states.transpose(1, 2), tokens)

    def states(self, tokens: Tensor) -> Tensor:
        """One vector per word.   (B, T) -> (B, T, D), zeros at padding"""
        return self._run(tokens)[0]

    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Attention weights of each layer and head, in evaluation mode.   (B, T) -> (layers, B, heads, T, T)"""
        with evaluation_mode(self):
            return torch.stack(self._run(tokens)[1])

    def _run(self, tokens: Tensor) -> tuple[Tensor, list[Tensor]]:
        check_tokens(tokens, self.embedding.num_embeddings)
        x = self.embedding(tokens)  # (B, T, D)
        if self.positions is not None:
            x = x + self._first_positions(tokens.shape[1])
        x, real, maps = self.dropout(x), tokens != PAD, []
        mask = real[:, None, None]  # (B, 1, 1, T)
        if self.causal:
            mask = mask & causal_mask(tokens.shape[1], tokens.device)  # (B, 1, T, T)
        for block in self.blocks:
            x, weights = block.with_weights(x, mask)
            maps.append(weights)
        return self.norm(x) * real[..., None], maps

    def _first_positions(self, length: int) -> Tensor:
        """-> (T, D)"""
        if length > self.longest:
            raise ValueError(
                f"tokens have {length} positions, the encoder {self.longest}; make it with longest={length} or more, "
                "or truncate the sentences"
            )
        return self.positions[:length]


class TransformerClassifier(nn.Module):
    """Sentences to logits: a TokenEncoder, which takes the other arguments, and one linear layer.

    (B, T) int64, 0 = padding -> (B, n_classes)
    """

    def __init__(self, n_classes: int, vocabulary_size: int, width: int = 64, **encoder):
        super().__init__()
        self.encoder = TokenEncoder(vocabulary_size, width, **encoder)
        self.dropout = nn.Dropout(self.encoder.dropout.p)
        self.head = nn.Linear(width, n_classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.dropout(self.encoder(tokens)))

    def attention_maps(self, tokens: Tensor) -> Tensor:
        """Attention weights of each layer and head.   (B, T) -> (layers, B, heads, T, T)"""
        return self.encoder.attention_maps(tokens)


class TransformerTagger(nn.Module):
    """A tag for each token: a TokenEncoder, which takes the other arguments, and one linear layer.

    (B, T) int64, 0 = padding -> logits (B, T, n_tags)
    """

    def __init__(self, n_tags: int, vocabulary_size: int, width: int = 64, **encoder):
        super().__init__()
        self.encoder = TokenEncoder(vocabulary_size, width, **encoder)
        self.dropout = nn.Dropout(self.encoder.dropout.p)
        self.head = nn.Linear(width, n_tags)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.dropout(self.encoder.states(tokens)))


@torch.no_grad()
def copy_pytorch(ours: EncoderBlock | DecoderBlock | MultiHeadAttention, theirs: nn.Module) -> None:
    """Give a block the weights of PyTorch's own layer of the same kind and sizes, to compare the two."""
    if isinstance(theirs, nn.MultiheadAttention):
        for layer, weight, bias in zip(
            (ours.query, ours.key, ours.value),
            theirs.in_proj_weight.chunk(3),
            theirs.in_proj_bias.chunk(3),
            strict=True,
        ):
            layer.weight.copy_(weight)
            layer.bias.copy_(bias)
        ours.out.load_state_dict(theirs.out_proj.state_dict())
        return
    copy_pytorch(ours.attention, theirs.self_attn)
    if hasattr(theirs, "multihead_attn"):
        copy_pytorch(ours.cross_attention, theirs.multihead_attn)
        ours.norm3.load_state_dict(theirs.norm3.state_dict())
    for mine, other in (("norm1", "norm1"), ("norm2", "norm2")):
        getattr(ours, mine).load_state_dict(getattr(theirs, other).state_dict())
    ours.feed_forward[0].load_state_dict(theirs.linear1.state_dict())
    ours.feed_forward[-1].load_state_dict(theirs.linear2.state_dict())
