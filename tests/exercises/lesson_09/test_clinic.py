import pytest
import torch
import torch.nn.functional as F
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


class Narrow(Mended):
    """With a width of its own, that cannot be chosen."""

    def __init__(self, n_classes, vocabulary_size, picture, heard):
        super().__init__(n_classes, vocabulary_size, picture, heard)


class Fixed(Mended):
    def __init__(self, n_classes, vocabulary_size, picture, heard, width=64):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        self.from_picture, self.from_sound = nn.Linear(picture, 64), nn.Linear(heard, 64)


class Normed(Mended):
    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        self.from_picture = nn.Sequential(nn.Linear(picture, width), nn.BatchNorm1d(width))


class Listed(Mended):
    """Layers in a list, which hides them from `parameters`."""

    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        del self.from_picture, self.from_sound
        self.layers = [nn.Linear(picture, width), nn.Linear(heard, width)]

    def see(self, picture):
        return self.layers[0](picture)

    def hear(self, heard):
        return self.layers[1](heard)


class OfTensors(Mended):
    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        del self.from_picture
        self.weights = torch.randn(picture, width, requires_grad=True)

    def see(self, picture):
        return picture @ self.weights


class Stub(Ill):
    """What a learner finds."""

    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        super().__init__(n_classes, vocabulary_size, picture, heard, width)
        # YOUR CODE HERE
        raise NotImplementedError()

    def see(self, picture):
        """(B, picture) -> (B, width)"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def hear(self, heard):
        """(B, heard) -> (B, width)"""
        # YOUR CODE HERE
        raise NotImplementedError()


class Begun(Stub):
    """Layers are there, and the line below them still is."""

    def __init__(self, n_classes, vocabulary_size, picture, heard, width=16):
        Ill.__init__(self, n_classes, vocabulary_size, picture, heard, width)
        self.from_picture, self.from_sound = nn.Linear(picture, width), nn.Linear(heard, width)
        raise NotImplementedError()

    see, hear = Stub.see, Stub.hear


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
    return torch.zeros(len(given), self.embedding.embedding_dim)


def finer(self, picture):
    return self.read((picture * 10).long().clamp(0, self.embedding.num_embeddings - 1))


def by_mean(self, picture):
    return self.from_picture(picture.mean(1, keepdim=True).expand(picture.shape))


def seen_as(change):
    """See with the features changed before the linear layer."""
    return lambda self, picture: self.from_picture(change(picture))


def rounded(self, picture):
    return self.from_picture(picture.long().float())


def rounded_finely(self, picture):
    return self.from_picture(picture.round(decimals=1))


def first_half(self, picture):
    return self.from_picture(torch.cat([picture[:, :4], 0 * picture[:, 4:]], 1))


def no_words(self, tokens):
    return torch.zeros(len(tokens), self.embedding.embedding_dim)


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
            "four sizes": lambda a, b, c, d: Mended(a, b, c, d),
            "no width": Narrow,
            "squashed": made(see=lambda self, picture: self.from_picture(picture).relu()),
            "batch norm": Normed,
            "sign lost": made(see=seen_as(torch.abs)),
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
            "no picture": (made(see=with_constant), None),
            "no sound": (made(hear=with_constant), None),
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
            "detached": (
                made(see=lambda self, picture: self.from_picture(picture).detach()),
                "the picture counts by its amounts, but no gradient reaches it",
            ),
            "data": (
                made(hear=lambda self, heard: self.from_sound(heard.data)),
                "the sound counts by its amounts, but",
            ),
            "without gradients": (made(see=torch.no_grad()(Mended.see)), None),
            "clamped": (made(see=seen_as(lambda x: x.clamp(0))), "below 0 all amounts of the picture are the same"),
            "clamped as before": (
                made(hear=lambda self, x: self.from_sound(x.clamp(0, 39))),
                "below 0 all amounts of the sound",
            ),
            "relu first": (made(see=seen_as(torch.relu)), None),
            "a list": (Listed, "a plain list hides layers"),
            "tensors": (OfTensors, None),
            "made in see": (
                made(see=lambda self, x: nn.Linear(x.shape[1], self.embedding.embedding_dim)(x)),
                "the same input gives two results: make layers in `__init__`",
            ),
            "dropout for ever": (made(see=seen_as(lambda x: F.dropout(x, 0.5))), None),
            "the batch's mean": (
                made(see=seen_as(lambda x: x - x.mean(0))),
                "an example gives another result alone than among others",
            ),
            "fixed width": (Fixed, "`see` gave (5, 64), expected (5, 24): 64 is fixed"),
            "own width": (made(see=lambda self, x: x), "a linear layer ends with `width` features"),
            "no return": (made(hear=lambda self, x: print(end="")), "`hear` gave None: is the `return` missing?"),
            "several": (made(see=lambda self, x: (x, x)), "`see` gave a tuple"),
            "an axis too many": (made(see=lambda self, x: self.from_picture(x)[:, None]), "an axis too many"),
            "in place": (made(see=seen_as(lambda x: x.sub_(1))), "`picture` came in and was changed in place"),
            "looked up": (
                made(see=lambda self, x: self.embedding(x.long().abs() + 40).mean(1)),
                "are amounts still looked up?",
            ),
            "begun": (Begun, "`raise NotImplementedError` in `__init__` is still reached"),
            "nothing seen and nothing heard": (
                made(see=with_constant, hear=with_constant),
                "does it get into what is joined? And the sound can",
            ),
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


@pytest.mark.parametrize("half", ["see", "hear"])
def test_the_class_as_it_is_found_is_untried(half):
    assert judge("09.clinic", Stub).state == "untried"
    assert judge("09.clinic", made(**{half: getattr(Stub, half)})).state == "untried"


@pytest.mark.parametrize(("methods", "words"), [({"hear": Ill.hear}, "picture"), ({"see": Ill.see}, "the sound")])
def test_what_is_mended_is_not_blamed(methods, words):
    assert words not in judge("09.clinic", made(**methods)).message
