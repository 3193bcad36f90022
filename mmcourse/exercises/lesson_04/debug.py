"""The debugging exercise of lesson 04: without a mask, padding is attended to and averaged in."""

from itertools import product

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, guarded
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_finite, expect_tensor, learns_from, model_of
from mmcourse.exercises.lesson_04.unpadded import UNKNOWN, same_without_padding

LENGTHS = (6, 3, 9, 2, 5)  # as many sentences as there are neither heads nor places; the first is of medium length
NOTICED = 1e-5

# What the attention may look at: each mask from `real` (B, T), and what is wrong with it.
ATTENTION = (
    (lambda real: real[:, None, None], ""),
    (lambda real: None, "the attention has no mask: every word still attends to the padding"),
    (
        lambda real: ~real[:, None, None],
        "the mask of the attention is inverted: True means 'may be attended to', and words attend to padding alone",
    ),
    (lambda real: real[:, None, :, None], "axis"),
    (
        lambda real: real[:1, None, None],
        "the attention uses the mask of the first sentence for the whole batch: each sentence has its own mask",
    ),
)
ZERO_VECTORS = (
    "making the padding's vectors zero does not hide them from the attention: a position may be added afterwards, "
    "biases are, and a score of 0 is not a weight of 0. It takes a mask"
)
WRONG_AXIS = (
    "the mask of the attention has the wrong axis: it restricts the queries instead of the keys. "
    "Keys are the last axis, (B, 1, 1, T)"
)
# What goes into the attention: from the embedding, the positions and `real` (B, T, 1).
INPUTS = (
    (lambda x, positions, real: x + positions, ""),
    (lambda x, positions, real: x * real + positions, "zero"),
    (lambda x, positions, real: (x + positions) * real, "zero"),
    (
        lambda x, positions, real: x + positions.flip(0),
        "the positions count from the end of the batch, so they move with the padding: the first word has position 0",
    ),
)


def last(x: Tensor, real: Tensor) -> Tensor:
    """The state at the last real word.   (B, T, D), (B, T, 1) -> (B, D)"""
    return x[torch.arange(len(x)), real.sum((1, 2)) - 1]


POOLING = (
    (lambda x, real: (x * real).sum(1) / real.sum(1), ""),
    (lambda x, real: x.masked_fill(~real, -torch.inf).amax(1), ""),
    (last, ""),
    (lambda x, real: (x * real).sum(1), ""),
    (lambda x, real: x[:, 0], ""),
    (lambda x, real: x.mean(1), "the mean still includes the padding"),
    (
        lambda x, real: (x * real).mean(1),
        "the sum excludes the padding, but is divided by T: divide by the number of words",
    ),
    (
        lambda x, real: (x * real).sum(1) / real.sum(1).float().mean(),
        "the sum is divided by the mean number of words in the batch: divide by each sentence's own number of words",
    ),
    (
        lambda x, real: x.sum(1) / real.sum(1),
        "the division is by the number of words, but the sum still includes the padding",
    ),
    (
        lambda x, real: (x * ~real).sum(1) / (~real).sum(1),
        "the mean is inverted: it runs over the padding, and over nothing where there is none",
    ),
    (
        lambda x, real: (x * real[:1]).sum(1) / real[:1].sum(1),
        "the mean uses the mask of the first sentence for the whole batch: each sentence has its own",
    ),
    (lambda x, real: x.sum(1), "the sum still includes the padding"),
    (lambda x, real: x.amax(1), "the maximum still includes the padding"),
    (
        lambda x, real: (x * real).amax(1),
        "the maximum includes the zeros of padding, which exceed negative values: use `-inf`",
    ),
    (lambda x, real: x[:, -1], "the last position is used, which is padding in all but the longest sentence"),
)


@exercise(
    "04.debug",
    title="a model that attends to padding",
    dots=2,
    minutes=15,
    hints=(
        "Pass one sentence to the model twice: unchanged, and with ten zeros appended. Which lines of `forward` make "
        "a difference between words and padding?",
        "There are two. What does `self.attend` take besides `x`? Over which positions does the mean run?",
        "`real = tokens != 0` is (B, T). The attention wants a mask that broadcasts to (B, heads, T, T), keys last. "
        "The mean is a sum over real words, divided by how many there are.",
    ),
)
def debug(answer, rng):
    for vocabulary_size, n_classes in ((50, 3), (31, 2)):
        judged_model(model_of(answer, vocabulary_size, n_classes), vocabulary_size, n_classes, rng)
    return (
        "sentences alone, in a batch with longer ones and with zeros appended get the same logits; every word matters, "
        "and so does their order; a sentence without padding gets the same logits as from `Buggy`"
    )


def judged_model(model: nn.Module, vocabulary_size: int, n_classes: int, rng: torch.Generator) -> None:
    """Judge one model."""
    tokens = some_sentences(vocabulary_size, rng)
    model.eval()
    same_in_company(model, tokens[:, : min(LENGTHS)], n_classes)
    together = logits_of(model, tokens, n_classes)
    alone = torch.cat([logits_of(model, row[None, :n], n_classes) for row, n in zip(tokens, LENGTHS, strict=True)])
    appended = logits_of(model, torch.cat([tokens, torch.zeros(len(tokens), 7, dtype=torch.long)], 1), n_classes)
    if not (agrees(together, alone) and agrees(appended, together) and torch.isfinite(together).all()):
        words = cut_off(model, tokens, together, n_classes) or named(model, tokens, together)
        if words is None:
            expect_finite(together, "for sentences of several lengths", "0 / 0, or a softmax over nothing but -inf?")
            words = unnamed(model, tokens, together, alone, appended)
        raise Mistake(words)
    every_word_counts(model, tokens, together, n_classes)
    sentences = [row[:n] for row, n in zip(tokens, LENGTHS, strict=True)]
    same_without_padding(model, sentences, [logits_of(model, row[None], n_classes) for row in sentences])
    same_in_training(model, tokens, n_classes)
    learns_from(model, guarded(model, tokens, name="the model"), n_classes, rng)


def cut_off(model: nn.Module, tokens: Tensor, together: Tensor, n_classes: int) -> str | None:
    """Words for a model that hides nothing and leaves columns out instead."""
    if agrees(together, logits_of(model, tokens[:, : min(LENGTHS)], n_classes)):
        return "every sentence is cut to the length of the shortest one in the batch, so real words are lost"
    one_more = torch.cat([tokens, torch.zeros(len(tokens), 1, dtype=torch.long)], 1)
    if named(model, tokens, together) is None and named(model, tokens, logits_of(model, one_more, n_classes)):
        return "only one column is left out, the last, and all other padding stays: hide all padding, in every column"
    return None


def some_sentences(vocabulary_size: int, rng: torch.Generator) -> Tensor:
    """Sentences of different words, padded with 0, the third word of some unknown.   -> (B, T)"""
    tokens = torch.stack([torch.randperm(vocabulary_size - 2, generator=rng)[: max(LENGTHS)] + 2 for _ in LENGTHS])
    tokens[:3, 2] = UNKNOWN
    return tokens * (torch.arange(max(LENGTHS)) < torch.tensor(LENGTHS)[:, None])


def logits_of(model: nn.Module, tokens: Tensor, n_classes: int) -> Tensor:
    """The model's output, of the right shape."""
    where = f"for tokens of shape {tuple(tokens.shape)}"
    batch, length = tokens.shape
    try:
        logits = guarded(model, tokens, name="the model")
    except Mistake as problem:
        raise Mistake(with_advice(str(problem))) from None
    if isinstance(logits, tuple):
        raise Mistake(f"{where} the model returned a tuple: `self.attend` gives the output and the weights; take `[0]`")
    causes = {
        (batch, length, n_classes): "one row of logits a word: pool over the words before the head",
        (n_classes,): "one row for all sentences: the mean runs over the words of a sentence alone, `dim=1`"
        if batch > 1
        else "the batch is gone: does a `squeeze` remove it?",
        (1, n_classes): "one row for all sentences: the mean runs over the words of a sentence alone, `dim=1`",
        (batch, length): "one number per word; expected one per class",
        **{(batch, n): "those are features: `self.head` makes logits of them" for n in wide(model) if n != n_classes},
        (batch, batch, n_classes): "did a sum of shape (B,) divide (B, D)? `keepdim=True` keeps it (B, 1)",
    }
    logits = expect_tensor(logits, where, (batch, n_classes), causes)
    if not logits.is_floating_point():
        raise Mistake(f"{where} the output is {logits.dtype}: those are chosen classes (`argmax`?), expected logits")
    return logits


def wide(model: nn.Module) -> set[int]:
    """How many features the model's embeddings have."""
    return {part.embedding_dim for part in model.modules() if isinstance(part, nn.Embedding)}


def with_advice(problem: str) -> str:
    """An exception, with what it comes from in this model."""
    if "key_padding_mask" in problem:
        return (
            f"{problem}. That is the name in PyTorch's layer, where True is hidden; here it is `mask`, and True may be "
            "attended to"
        )
    if "tuple" in problem:
        return f"{problem}. `self.attend` gives what was seen and the weights: take `[0]`"
    if "must match the size of tensor b" in problem:
        return f"{problem}. Does a sum of shape (B,) divide (B, D)? `keepdim=True` keeps it (B, 1)"
    return problem


def same_in_company(model: nn.Module, tokens: Tensor, n_classes: int) -> None:
    """Sentences of one length, so without padding, must get the same logits together and alone."""
    together = logits_of(model, tokens, n_classes)
    alone = torch.cat([logits_of(model, row[None], n_classes) for row in tokens])
    if torch.isfinite(together).all() and torch.isfinite(alone).all() and not agrees(together, alone):
        raise Mistake(
            "sentences are mixed: without any padding, a sentence gets other logits alone than in a batch with others "
            "as long. Sums, means and counts run over the words of one sentence, `dim=1`"
        )


@torch.no_grad()
def same_in_training(model: nn.Module, tokens: Tensor, n_classes: int) -> None:
    """Padding has no effect in training mode either; a model that is random there is not judged. Leaves that mode."""
    model.train()
    for layer in model.modules():
        if isinstance(layer, nn.Dropout | nn.Dropout1d):
            layer.eval()
    first, second = (logits_of(model, tokens, n_classes) for _ in range(2))
    appended = logits_of(model, torch.cat([tokens, torch.zeros(len(tokens), 7, dtype=torch.long)], 1), n_classes)
    model.train()
    if agrees(first, second) and not agrees(appended, first):
        raise Mistake(
            "in evaluation mode padding has no effect, but in training mode it has: mask it in both, whatever "
            "`self.training` is"
        )


@torch.no_grad()
def named(model: nn.Module, tokens: Tensor, given: Tensor) -> str | None:
    """Which of the usual mistakes gives exactly these logits, with the model's own layers; None where none does."""
    from mmcourse.models.attention import MultiHeadAttention, sinusoids

    layers = [getattr(model, name, None) for name in ("embedding", "attend", "head")]
    if not all(isinstance(*pair) for pair in zip(layers, (nn.Embedding, MultiHeadAttention, nn.Linear), strict=True)):
        return None
    embedding, attend, head = layers
    real = tokens != 0
    each = real[..., None]  # (B, T, 1)
    for (enter, entered), (mask, hidden) in product(INPUTS, ATTENTION):
        zero, backwards = entered == "zero", entered if entered != "zero" else ""
        x = enter(embedding(tokens), sinusoids(tokens.shape[1], embedding.embedding_dim), each)
        seen = x + attend(x, mask=mask(real))[0]
        for pool, pooled in POOLING:
            if (hidden or pooled or backwards) and agrees(given, head(pool(seen, each))):
                if hidden == "axis" or (mask(real) is None and attends(model, tokens, ~real) == 0):
                    hidden = WRONG_AXIS  # padding looks at nothing, words at everything
                elif mask(real) is None and (zero or embedding.padding_idx == 0):
                    hidden = ZERO_VECTORS
                if backwards:
                    return ". And ".join(filter(None, (backwards, hidden, pooled)))
                if hidden and pooled:
                    return f"{hidden}. And {pooled}"
                return f"{hidden}. The rest is correct" if hidden else f"the attention is correct, but {pooled}"
    x = embedding(tokens) + sinusoids(tokens.shape[1], embedding.embedding_dim)
    logits = head((x + attend(x, mask=real[:, None, None])[0]) * each)
    for pooled in (logits.mean(1), logits.sum(1) / real.sum(1, keepdim=True), logits.sum(1)):
        if agrees(given, pooled):
            return (
                "the attention is correct, but the head comes before the mean, so padding adds the head's bias: take "
                "the mean of the words first, then the head"
            )
    return None


def unnamed(model: nn.Module, tokens: Tensor, together: Tensor, alone: Tensor, appended: Tensor) -> str:
    """Words for a model whose logits depend on padding in a way of its own."""
    fraction = attends(model, tokens, tokens != 0, tokens == 0)
    if fraction is None:
        position = "both the attention and what pools the words can see it"
    elif fraction > 1e-6:
        position = f"the attention still gives up to {fraction:.2f} of a word's weight to it"
    else:
        position = "the attention gives no weight to it, so look at the layers after it"
    if not agrees(together, alone):
        change, how = (together - alone).abs().max(), "in a batch with longer sentences, where it is padded"
    else:
        change, how = (appended - together).abs().max(), "with 7 zeros appended to every sentence"
    return f"padding still counts: {how}, a sentence gets logits that differ by {change:.3f}. Of padding, {position}"


def attends(model: nn.Module, tokens: Tensor, who: Tensor, at: Tensor | None = None) -> float | None:
    """The most weight that places `who` (B, T) give in all to places `at`, everything unless given.

    None where the lesson's own attention is not used.
    """
    from mmcourse.models.attention import MultiHeadAttention

    found = []

    def keep(_module, _inputs, output):
        weights = output[1].detach()
        if weights.shape[0] == len(tokens) and weights.shape[-2:] == (tokens.shape[1],) * 2:
            given = (weights if at is None else weights * at[:, None, None]).sum(-1)  # (B, heads, T)
            found.append(float(given.amax(1)[who].max()))

    hooks = [m.register_forward_hook(keep) for m in model.modules() if isinstance(m, MultiHeadAttention)]
    try:
        guarded(model, tokens, name="the model")
    finally:
        for hook in hooks:
            hook.remove()
    return max(found, default=None)


def every_word_counts(model: nn.Module, tokens: Tensor, logits: Tensor, n_classes: int) -> None:
    """Another word anywhere, or the words in another order, must change a sentence's logits."""
    for position in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[:, position] = torch.where(tokens[:, position] != 0, tokens[:, position] % int(tokens.max()) + 1, 0)
        unmoved = (logits_of(model, changed, n_classes) - logits).abs().amax(1) < NOTICED
        for row in (unmoved & (tokens[:, position] != 0)).nonzero().flatten().tolist():
            raise Mistake(
                f"word {position} of a sentence of {LENGTHS[row]} words can be any other and the logits stay the same: "
                "is a real word masked, or left out of the mean?"
            )
    swapped = tokens.clone()
    swapped[:, :2] = tokens[:, :2].flip(1)
    if ((logits_of(model, swapped, n_classes) - logits).abs().amax(1) < NOTICED).any():
        if attends(model, tokens, tokens != 0) == 0:
            raise Mistake(
                "no word attends to anything: the mask of the attention is inverted and has the wrong axis. "
                "True means 'may be attended to', and keys are the last axis, (B, 1, 1, T)"
            )
        raise Mistake(
            "exchanging the first two words does not change the logits: their order should still count, "
            "so keep the positions and the attention"
        )
