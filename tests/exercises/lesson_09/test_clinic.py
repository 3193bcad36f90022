import pytest
import torch
from torch import nn

from mmcourse.exercises.checks import judge


class Ill(nn.Module):
    """The lesson's patient."""

    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.join = nn.Sequential(nn.Linear(3 * width, 32), nn.ReLU(), nn.Linear(32, n_classes))

    def see(self, picture):
        return self.read(picture.long().clamp(0, self.embedding.num_embeddings - 1))

    def hear(self, heard):
        return self.read(heard.long().clamp(0, self.embedding.num_embeddings - 1))

    def read(self, tokens):
        real = (tokens != 0)[..., None]
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def forward(self, picture, heard, tokens):
        return self.join(torch.cat([self.see(picture), self.hear(heard), self.read(tokens)], dim=1))


class Mended(Ill):
    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        self.from_picture, self.from_sound = nn.Linear(picture, width), nn.Linear(heard, width)

    def see(self, picture):
        return self.from_picture(picture)

    def hear(self, heard):
        return self.from_sound(heard)


class Deeper(Mended):
    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        self.from_picture = nn.Sequential(nn.Linear(picture, 30), nn.Tanh(), nn.Linear(30, width))
        self.from_sound = nn.Sequential(nn.LayerNorm(heard), nn.Linear(heard, width), nn.GELU(), nn.Dropout(0.1))


class Direct(Mended):
    """Features into the join as they are."""

    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        nn.Module.__init__(self)
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.join = nn.Sequential(nn.Linear(picture + heard + width, 32), nn.Tanh(), nn.Linear(32, n_classes))

    def see(self, picture):
        return picture

    def hear(self, heard):
        return heard


def made(base=Mended, **methods):
    return type("Mended", (base,), methods)


def with_constant(self, given):
    return torch.zeros(len(given), 16)


def finer(self, picture):
    return self.read((picture * 10).long().clamp(0, self.embedding.num_embeddings - 1))


def by_mean(self, picture):
    return self.from_picture(picture.mean(1, keepdim=True).expand(picture.shape))


def rounded(self, picture):
    return self.from_picture(picture.long().float())


def rounded_finely(self, picture):
    return self.from_picture(picture.round(decimals=1))


def first_half(self, picture):
    return self.from_picture(torch.cat([picture[:, :4], 0 * picture[:, 4:]], 1))


def no_words(self, tokens):
    return torch.zeros(len(tokens), 16)


def padding_counts(self, tokens):
    return self.embedding(tokens).mean(dim=1)


def test_clinic(judged):
    judged(
        "09.clinic",
        {
            "linear": Mended,
            "deeper": Deeper,
            "direct": Direct,
            "made by a function": lambda *sizes: Mended(*sizes),
        },
        {
            "untouched": (
                Ill,
                "the picture is still cast to whole numbers: 0.3 and 0.8 give the same logits. Amounts "
                "belong into a linear layer. And the sound",
            ),
            "picture alone mended": (made(hear=Ill.hear), None),
            "sound alone mended": (made(see=Ill.see), None),
            "finer": (made(see=finer), "finer ones than before"),
            "rounded": (made(see=rounded), None),
            "rounded finely": (made(see=rounded_finely), None),
            "no picture": (made(see=with_constant), "the picture can be any other"),
            "no sound": (made(hear=with_constant), "the sound can be any other"),
            "no words": (made(read=no_words), "the question can be any other"),
            "padding": (made(read=padding_counts), "three columns of padding"),
            "the mean": (made(see=by_mean), "can change places"),
            "cut off": (made(see=first_half), "is a part cut off?"),
            "cast before a layer": (
                made(see=lambda self, picture: self.from_picture(picture.long())),
                "A linear layer takes floats",
            ),
            "wrong width": (
                made(see=lambda self, picture: self.from_picture(picture[:, :-1])),
                "begins with that modality's number of features",
            ),
            "classes": (made(forward=lambda self, *given: Mended.forward(self, *given).argmax(1)), "the shape is (5,)"),
            "detached": (made(see=lambda self, picture: self.from_picture(picture).detach()), None),
            "whole batch": (
                made(forward=lambda self, *given: Mended.forward(self, *given).mean(0)),
                "one row for the whole batch",
            ),
            "an instance": (Mended(5, 40, 12, 9), "`Mended`, without brackets"),
            "a class": (lambda *sizes: Mended, "gave a class"),
            "a number": (lambda *sizes: 3, "expected a model"),
        },
        draws=2,
    )


@pytest.mark.parametrize(("methods", "words"), [({"hear": Ill.hear}, "picture"), ({"see": Ill.see}, "the sound")])
def test_what_is_mended_is_not_blamed(methods, words):
    assert words not in judge("09.clinic", made(**methods)).message
