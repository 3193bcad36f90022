import torch
from torch import nn

from mmcourse.exercises.checks import judge
from mmcourse.models.attention import MultiHeadAttention, attention, sinusoids


class Buggy(nn.Module):
    """As in the lesson."""

    padding_idx = None

    def __init__(self, vocabulary_size, n_classes, width=32):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=self.padding_idx)
        self.attend = MultiHeadAttention(width, heads=4)
        self.head = nn.Linear(width, n_classes)

    def embedded(self, tokens):
        return self.embedding(tokens) + sinusoids(tokens.shape[1], self.embedding.embedding_dim)

    def forward(self, tokens):
        x = self.embedded(tokens)
        x = x + self.attend(x)[0]
        return self.head(x.mean(dim=1))


class Fixed(Buggy):
    """The lesson's answer."""

    def mask(self, real):
        return real[:, None, None]

    def pool(self, x, real):
        return (x * real[..., None]).sum(dim=1) / real.sum(dim=1, keepdim=True)

    def forward(self, tokens):
        real = tokens != 0
        x = self.embedded(tokens)
        x = x + self.attend(x, mask=self.mask(real))[0]
        return self.head(self.pool(x, real))


def variant(base=Fixed, **changes):
    return type("Fixed", (base,), changes)


def sentence_by_sentence(self, tokens):
    rows = [self.embedded(row[row != 0][None]) for row in tokens]
    return self.head(torch.cat([(x + self.attend(x)[0]).mean(1) for x in rows]))


def by_hand(self, tokens):
    real = tokens != 0
    x = self.embedded(tokens)
    layer = self.attend
    parts = [layer.split(part(x)) for part in (layer.query, layer.key, layer.value)]
    scores = (parts[0] @ parts[1].mT / 8**0.5).masked_fill(~real[:, None, None], -1e9)
    return self.head(self.pool(x + layer.out(layer.join(scores.softmax(-1) @ parts[2])), real))


def own_layer(vocabulary_size, n_classes):
    """PyTorch's attention, whose mask says the opposite."""

    class WithPyTorch(Fixed):
        def __init__(self):
            super().__init__(vocabulary_size, n_classes)
            self.attend = nn.MultiheadAttention(32, 4, batch_first=True)

        def forward(self, tokens):
            x = self.embedded(tokens)
            x = x + self.attend(x, x, x, key_padding_mask=tokens == 0)[0]
            return self.head(self.pool(x, tokens != 0))

    return WithPyTorch()


def own_layer_inverted(vocabulary_size, n_classes):
    model = own_layer(vocabulary_size, n_classes)

    def forward(tokens):
        x = model.embedded(tokens)
        x = x + model.attend(x, x, x, key_padding_mask=tokens != 0)[0]
        return model.head(model.pool(x, tokens != 0))

    model.forward = forward
    return model


def zeroed(self, tokens):
    real = (tokens != 0)[..., None]
    x = self.embedded(tokens) * real
    return self.head(self.pool(x + self.attend(x)[0], real[..., 0]))


def scores_times_mask(self, tokens):
    real = tokens != 0
    x = self.embedded(tokens)
    layer = self.attend
    queries, keys, values = (layer.split(part(x)) for part in (layer.query, layer.key, layer.value))
    seen, _ = attention(queries, keys * real[:, None, :, None], values)
    return self.head(self.pool(x + layer.out(layer.join(seen)), real))


def one_too_many(self, real):
    return real[:, None, None] | real.roll(1, 1)[:, None, None]


def one_too_many_in_the_mean(self, x, real):
    return Fixed.pool(self, x, real | real.roll(1, 1))


def no_residual(self, tokens):
    real = tokens != 0
    return self.head(self.pool(self.attend(self.embedded(tokens), mask=self.mask(real))[0], real))


def attended_twice(self, tokens):
    real = tokens != 0
    x = self.embedded(tokens)
    for _ in range(2):
        x = x + self.attend(x, mask=self.mask(real))[0]
    return self.head(self.pool(x, real))


def unknown_hidden(self, tokens):
    real = tokens > 1
    x = self.embedded(tokens)
    return self.head(self.pool(x + self.attend(x, mask=self.mask(real))[0], real))


def mask_by_position(self, tokens):
    return self.attend(self.embedded(tokens), self.mask(tokens != 0))


def without_0(self, tokens):
    x = self.embedded(tokens)
    return x + self.attend(x, mask=self.mask(tokens != 0))


def key_padding_mask(self, tokens):
    return self.attend(self.embedded(tokens), key_padding_mask=tokens == 0)


def without_head(self, tokens):
    real = tokens != 0
    x = self.embedded(tokens)
    return self.pool(x + self.attend(x, mask=self.mask(real))[0], real)


def attention_left_out(self, tokens):
    return self.head(self.pool(self.embedded(tokens), tokens != 0))


def no_positions(self, tokens):
    real = tokens != 0
    x = self.embedding(tokens)
    return self.head(self.pool(x + self.attend(x, mask=self.mask(real))[0], real))


def cut_to_shortest(self, tokens):
    return Buggy.forward(self, tokens[:, : int((tokens != 0).sum(1).min())])


def only_first_four(self, tokens):
    return Fixed.forward(self, tokens * (torch.arange(tokens.shape[1]) < 4))


def no_gradient(self, tokens):
    with torch.no_grad():
        x = self.embedded(tokens)
    real = tokens != 0
    return self.head(self.pool(x + self.attend(x, mask=self.mask(real))[0], real))


def untried(self, tokens):
    raise NotImplementedError()


def test_fixed(judged):
    judged(
        "04.debug",
        {
            "answer": Fixed,
            "function": lambda v, n: Fixed(v, n),
            "wider": lambda v, n: Fixed(v, n, 64),
            "padding_idx as well": variant(padding_idx=0),
            "queries as well": variant(mask=lambda self, real: (real[:, :, None] & real[:, None])[:, None]),
            "full shape": variant(mask=lambda self, real: real[:, None, None].expand(-1, 4, real.shape[1], -1)),
            "one by one": variant(forward=sentence_by_sentence),
            "by hand": variant(forward=by_hand),
            "PyTorch's layer": own_layer,
        },
        {
            "Buggy": (Buggy, "every word still attends to the padding. And the mean still includes the padding"),
            "attention alone": (
                variant(pool=lambda self, x, real: x.mean(1)),
                "the attention is correct, but the mean still includes",
            ),
            "mean alone": (variant(mask=lambda self, real: None), "still attends to the padding. The rest"),
            "inverted": (
                variant(mask=lambda self, real: ~real[:, None, None]),
                "the mask of the attention is inverted: True",
            ),
            "over queries": (
                variant(mask=lambda self, real: real[:, None, :, None]),
                "it restricts the queries instead of the keys. Keys are the last axis, (B, 1, 1, T). The",
            ),
            "over queries, inverted": (
                variant(mask=lambda self, real: ~real[:, None, :, None]),
                "no word attends to anything",
            ),
            "over T": (variant(pool=lambda self, x, real: (x * real[..., None]).mean(1)), "but is divided by T"),
            "sum over all": (
                variant(pool=lambda self, x, real: x.sum(1) / real.sum(1, keepdim=True)),
                "but the sum still includes the padding",
            ),
            "mean of padding": (
                variant(pool=lambda self, x, real: (x * ~real[..., None]).sum(1) / (~real).sum(1, keepdim=True)),
                "the mean is inverted",
            ),
            "maximum with padding": (variant(pool=lambda self, x, real: x.amax(1)), "the maximum still includes"),
            "maximum with zeros": (
                variant(pool=lambda self, x, real: (x * real[..., None]).amax(1)),
                "includes the zeros of padding",
            ),
            "last place": (variant(pool=lambda self, x, real: x[:, -1]), "the last position is used"),
            "padding_idx alone": (
                variant(Buggy, padding_idx=0),
                "a score of 0 is not a weight of 0. It takes a mask. And",
            ),
            "padding_idx and the mean": (
                variant(padding_idx=0, mask=lambda self, real: None),
                "a score of 0 is not a weight of 0. It takes a mask. The",
            ),
            "zero vectors": (variant(forward=zeroed), None),
            "scores times mask": (variant(forward=scores_times_mask), "both the attention and"),
            "one place too many": (variant(mask=one_too_many), "of a word's weight to it"),
            "one place too many in the mean": (variant(pool=one_too_many_in_the_mean), "gives no weight to it"),
            "maximum": (
                variant(pool=lambda self, x, real: x.masked_fill(~real[..., None], -torch.inf).amax(1)),
                "the maximum over the words is taken where",
            ),
            "last word": (
                variant(pool=lambda self, x, real: x[torch.arange(len(x)), real.sum(1) - 1]),
                "the last word alone",
            ),
            "first word": (variant(pool=lambda self, x, real: x[:, 0]), "the first word alone"),
            "sum": (variant(pool=lambda self, x, real: (x * real[..., None]).sum(1)), "the words are summed where"),
            "root": (
                variant(pool=lambda self, x, real: Fixed.pool(self, x, real) * real.sum(1, keepdim=True) ** 0.5),
                "the root of the number of words",
            ),
            "no residual": (variant(forward=no_residual), "the attention output replaces the word"),
            "no residual, sum": (
                variant(forward=no_residual, pool=lambda self, x, real: (x * real[..., None]).sum(1)),
                None,
            ),
            "twice": (variant(forward=attended_twice), "the attention is applied twice"),
            "doubled": (
                variant(forward=lambda self, tokens: 2 * Fixed.forward(self, tokens)),
                "leave the rest as it was",
            ),
            "unknown words hidden": (variant(forward=unknown_hidden), "unknown words are hidden with the padding"),
            "mean over the batch": (
                variant(pool=lambda self, x, real: Fixed.pool(self, x, real).mean(0, keepdim=True).expand(len(x), -1)),
                "sentences are mixed",
            ),
            "one mean": (variant(pool=lambda self, x, real: x[real].mean(0)), None),
            "one mean kept": (variant(pool=lambda self, x, real: x[real].mean(0, keepdim=True)), "one row for all"),
            "divided by all words": (
                variant(pool=lambda self, x, real: (x * real[..., None]).sum(1) / real.sum()),
                None,
            ),
            "mask as memory": (variant(forward=mask_by_position), "give it by name: mask="),
            "no [0]": (variant(forward=without_0), "take `[0]`"),
            "PyTorch's name": (variant(forward=key_padding_mask), "the name in PyTorch's layer"),
            "no head": (variant(forward=without_head), "`self.head` makes logits"),
            "(B, T) as a mask": (variant(mask=lambda self, real: real), "needs axes for heads"),
            "no keepdim": (
                variant(pool=lambda self, x, real: (x * real[..., None]).sum(1) / real.sum(1)),
                "Does a sum of shape (B,)",
            ),
            "PyTorch's, inverted": (own_layer_inverted, None),
            "attention left out": (variant(forward=attention_left_out), "does not change the logits: their order"),
            "no positions": (variant(forward=no_positions), None),
            "cut to the shortest": (variant(forward=cut_to_shortest), None),
            "only four words": (variant(forward=only_first_four), "word 4 of a sentence of"),
            "no gradient": (variant(forward=no_gradient), "no gradient reaches `embedding"),
            "no pooling": (variant(pool=lambda self, x, real: x), "pool over the words"),
            "chosen": (
                variant(forward=lambda self, tokens: Fixed.forward(self, tokens).argmax(1)),
                "the shape is (5,), expected",
            ),
            "class": (lambda v, n: Fixed, "returned a class"),
            "tensor": (lambda v, n: torch.zeros(5, n), "returned a tensor"),
            "fixed classes": (lambda v, n: Fixed(v, 3), "expected (5, 2)"),
        },
        draws=2,
    )


def test_the_stub_inside_forward_is_untried():
    assert judge("04.debug", variant(forward=untried)).state == "untried"


def test_a_model_in_place_of_the_class_is_named():
    verdict = judge("04.debug", Fixed(50, 3))
    assert verdict.state == "wrong" and "this is a model" in verdict.message
