import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from mmcourse.data.text import lengths
from mmcourse.models import pooling


class Buggy(nn.Module):
    """The lesson's buggy model, with its two branches as methods of their own."""

    wide = 32

    def __init__(self, channels, vocabulary_size, width=64):
        super().__init__()
        self.convolution = nn.Conv2d(channels, 32, 3, padding=1)
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.recurrent = nn.GRU(width, width, batch_first=True)
        self.head = nn.Sequential(nn.Linear(self.wide + width, 128), nn.ReLU(), nn.Linear(128, 2))

    def encode_text(self, tokens):
        words = self.embedding(tokens)
        return words[:, -1]

    def encode_image(self, maps):
        return F.relu(self.convolution(maps))[:, :, 0, 0]

    def forward(self, maps, tokens):
        return self.head(torch.cat([self.encode_image(maps), self.encode_text(tokens)], dim=1))


def last_word(self, tokens):
    return pooling.last_states(self.recurrent(self.embedding(tokens))[0], lengths(tokens))


def packed(self, tokens):
    words = pack_padded_sequence(self.embedding(tokens), lengths(tokens), batch_first=True, enforce_sorted=False)
    return self.recurrent(words)[1][0]


def flat(self, maps):
    return F.relu(self.convolution(maps)).flatten(1)


def largest(self, maps):
    return F.relu(self.convolution(maps)).amax(dim=(2, 3))


def average(self, maps):
    return F.relu(self.convolution(maps)).mean(dim=(2, 3))


def made(encode_text=last_word, encode_image=largest, wide=32, **more):
    return type("Fixed", (Buggy,), {"encode_text": encode_text, "encode_image": encode_image, "wide": wide, **more})


def last_column(self, tokens):
    return self.recurrent(self.embedding(tokens))[0][:, -1]


def mean_of_words(self, tokens):
    real = (tokens != 0)[..., None]
    return (self.embedding(tokens) * real).sum(1) / real.sum(1)


def last_embedding(self, tokens):
    return pooling.last_states(self.embedding(tokens), lengths(tokens))


def not_batch_first(self, tokens):
    recurrent = self.recurrent
    recurrent.batch_first = False
    return pooling.last_states(recurrent(self.embedding(tokens))[0], lengths(tokens))


def states(self, tokens):
    return self.recurrent(self.embedding(tokens))[0]


def at(column):
    """The state in a column that depends on the sentences' lengths."""
    return lambda self, tokens: states(self, tokens)[torch.arange(len(tokens)), column(lengths(tokens))]


def forward_and_last_column(self, tokens):
    return (last_word(self, tokens) + last_column(self, tokens)) / 2


def mean_of_states(self, tokens):
    return pooling.mean_over_time(states(self, tokens).transpose(1, 2), tokens)


def largest_state(self, tokens):
    return pooling.max_over_time(states(self, tokens).transpose(1, 2), tokens)


def squeezed_maps(self, maps):
    return F.max_pool2d(F.relu(self.convolution(maps)), 4).squeeze()


def convolved(self, maps):
    return F.relu(self.convolution(maps))


def detached(self, tokens):
    return last_word(self, tokens).detach()


@pytest.mark.slow
def test_debug(judged):
    judged(
        "08.debug",
        {
            "largest": made(),
            "flattened": made(encode_image=flat, wide=512),
            "mean": made(encode_image=average),
            "own column": made(encode_text=at(lambda n: n - 1)),
            "mean of states": made(encode_text=mean_of_states),
            "largest state": made(encode_text=largest_state),
            "pooled": made(encode_image=lambda self, maps: F.max_pool2d(convolved(self, maps), 4).flatten(1)),
            "packed": made(encode_text=packed),
            "view": made(encode_image=lambda self, maps: F.relu(self.convolution(maps)).view(len(maps), -1), wide=512),
            "dropout": made(encode_image=lambda self, maps: F.dropout(largest(self, maps), 0.1, self.training)),
            "made by a function": lambda channels, size: made()(channels, size),
        },
        {
            "untouched": (Buggy, "the maps are still cut to the corner. And the words of a sentence shorter"),
            "maps alone fixed": (made(encode_text=Buggy.encode_text), None),
            "words alone fixed": (made(encode_image=Buggy.encode_image), None),
            "last column": (made(encode_text=last_column), "four more columns of padding change the logits: the"),
            "no GRU": (made(encode_text=mean_of_words), "the GRU is still skipped"),
            "last word alone": (
                made(encode_text=last_embedding),
                "of a sentence does not affect any logit: is only one",
            ),
            "a row": (
                made(encode_image=lambda self, maps: F.relu(self.convolution(maps))[:, :, 0].flatten(1), wide=128),
                "what is discarded?",
            ),
            "join too narrow": (made(encode_image=flat), "head` expects 32 numbers per image. Flattened maps are"),
            "not flattened": (
                made(encode_image=lambda self, maps: F.relu(self.convolution(maps))),
                "flatten all but the batch",
            ),
            "all flattened": (made(encode_image=lambda self, maps: F.relu(self.convolution(maps)).flatten()), None),
            "no image": (
                made(encode_image=lambda self, maps: torch.zeros(len(maps), 32)),
                "the logits are the same for any image: do the maps",
            ),
            "no words": (
                made(encode_text=lambda self, tokens: torch.zeros(len(tokens), 64)),
                "the logits are the same for any sentence: does the",
            ),
            "all layers": (
                made(encode_text=lambda self, tokens: self.recurrent(self.embedding(tokens))[1]),
                "take `[0]`",
            ),
            "all states": (made(encode_text=states), "`encode_text` returned (5, 7, 64), a state for each word"),
            "all of the GRU": (
                made(encode_text=lambda self, tokens: self.recurrent(self.embedding(tokens))),
                "returns several values; one tensor (B, features) is",
            ),
            "longest's end": (
                made(encode_text=lambda self, tokens: states(self, tokens)[:, lengths(tokens).max() - 1]),
                "the longest sentence's end",
            ),
            "mean of all": (
                made(encode_text=lambda self, tokens: states(self, tokens).mean(1)),
                "states of 8 of the 8",
            ),
            "largest of all": (
                made(encode_text=lambda self, tokens: states(self, tokens).amax(1)),
                None,
            ),
            "last word and column": (made(encode_text=forward_and_last_column), "states of 1 of the 8"),
            "one too early": (made(encode_text=at(lambda n: n - 2)), "one word too early"),
            "one less": (
                made(encode_text=lambda self, tokens: pooling.last_states(states(self, tokens), lengths(tokens) - 1)),
                None,
            ),
            "largest over channels": (
                made(encode_image=lambda self, maps: convolved(self, maps).amax(1).flatten(1)),
                "`encode_image` returned 16 numbers",
            ),
            "no convolution": (
                made(encode_image=lambda self, maps: maps.amax(dim=(2, 3))),
                "`encode_image` returned 8 numbers",
            ),
            "no convolution, flattened": (
                made(encode_image=lambda self, maps: maps.flatten(1)),
                "`encode_image` returned 128 numbers",
            ),
            "two directions": (
                made(encode_text=lambda self, tokens: last_word(self, tokens).repeat(1, 2)),
                "let it expect 160",
            ),
            "mean of embeddings": (
                made(encode_text=lambda self, tokens: self.embedding(tokens).mean(1)),
                "the GRU never runs",
            ),
            "squeezed": (made(encode_image=squeezed_maps), "`encode_image` returned (32,): for a batch of one"),
            "squeezed logits": (
                made(forward=lambda self, maps, tokens: Buggy.forward(self, maps, tokens).squeeze()),
                "removes the batch axis too: leave it out",
            ),
            "time first": (made(encode_text=not_batch_first), None),
            "detached": (made(encode_text=detached), "no gradient reaches"),
            "classes": (
                made(forward=lambda self, maps, tokens: Buggy.forward(self, maps, tokens).argmax(1)),
                "the shape is (5,)",
            ),
            "an instance": (made()(8, 40), "`Fixed`, without brackets"),
            "a class": (lambda channels, size: Buggy, "returned a class"),
            "a number": (lambda channels, size: 3, "expected a model"),
        },
        draws=2,
    )


@pytest.mark.parametrize(
    ("halves", "words"),
    [({"encode_text": Buggy.encode_text}, "corner"), ({"encode_image": Buggy.encode_image}, "padding")],
)
def test_the_fixed_branch_is_not_blamed(halves, words):
    from mmcourse.exercises.checks import judge

    assert words not in judge("08.debug", made(**halves)).message
