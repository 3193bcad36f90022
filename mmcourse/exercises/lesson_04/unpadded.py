"""What a fixed model gives sentences without padding: the same as `Buggy`, or a mistake with a name."""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.judging import agrees

UNKNOWN = 1  # the index of <unk>
# What people change besides the padding: how a word and what it saw are joined, and what is made of the words.
JOINED = (
    (lambda attend, x: x + attend(x), ""),
    (lambda attend, x: attend(x), "the sum `x + ...` is gone: the attention output replaces the word"),
    (lambda attend, x: x + attend(x) + attend(x + attend(x)), "the attention is applied twice"),
    (lambda attend, x: x, "the attention is gone"),
)
POOLED = (
    (lambda x: x.mean(1), ""),
    (lambda x: x.sum(1), "the words are summed where `Buggy` takes their mean: divide by how many there are"),
    (lambda x: x.sum(1) / x.shape[1] ** 0.5, "the sum is divided by the root of the number of words; a mean by itself"),
    (lambda x: x.sum(1) / (x.shape[1] + 1), "the sum is divided by one more than the number of words"),
    (lambda x: x.amax(1), "the maximum over the words is taken where `Buggy` takes their mean"),
    (lambda x: x[:, 0], "the first word alone is passed on where `Buggy` takes the mean of all"),
    (lambda x: x[:, -1], "the last word alone is passed on where `Buggy` takes the mean of all"),
)


@torch.no_grad()
def same_without_padding(model: nn.Module, sentences: list[Tensor], given: list[Tensor]) -> None:
    """A sentence (T,) must get the logits (1, n_classes) that the lesson's `Buggy` gives it with the same weights.

    Some sentences hold an unknown word, some none. A model with other layers than the lesson's is not judged.
    """
    from mmcourse.models.attention import MultiHeadAttention, sinusoids

    layers = [getattr(model, name, None) for name in ("embedding", "attend", "head")]
    kinds = (nn.Embedding, MultiHeadAttention | nn.MultiheadAttention, nn.Linear)
    if not all(isinstance(*pair) for pair in zip(layers, kinds, strict=True)):
        return
    embedding, attend, head = layers

    def attended(x: Tensor) -> Tensor:
        return attend(x)[0] if isinstance(attend, MultiHeadAttention) else attend(x, x, x)[0]

    pairs = list(zip(sentences, given, strict=True))
    known = [(row, logits) for row, logits in pairs if UNKNOWN not in row]

    def explains(pairs: list[tuple[Tensor, Tensor]], joined: Callable, pooled: Callable) -> bool:
        inputs = [(embedding(row) + sinusoids(len(row), embedding.embedding_dim))[None] for row, _ in pairs]
        return all(
            agrees(logits, head(pooled(joined(attended, x)))) for x, (_, logits) in zip(inputs, pairs, strict=True)
        )

    if explains(pairs, JOINED[0][0], POOLED[0][0]):
        return
    for (joined, replaced), (pooled, summed) in product(JOINED, POOLED):
        if explains(pairs, joined, pooled):
            raise Mistake(
                f"padding no longer matters, but {replaced or summed}{f', and {summed}' * bool(replaced and summed)}"
            )
    if explains(known, JOINED[0][0], POOLED[0][0]):
        raise Mistake(
            "unknown words are hidden with the padding: `<unk>` (1) stands for a real word. Only 0 is padding"
        )
    raise Mistake(
        "padding no longer matters, but a sentence without any gets other logits than from `Buggy` with the same "
        "weights: fix the padding, and leave the rest as it was"
    )
