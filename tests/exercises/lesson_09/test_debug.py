import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.exercises.checks import judge


class Buggy(nn.Module):
    """The lesson's buggy model."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(3 * width, 32), nn.ReLU(), nn.Linear(32, n_classes))

    def encode_image(self, image):
        return self.encode_text(image.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_sound(self, sound):
        return self.encode_text(sound.long().clamp(0, self.embedding.num_embeddings - 1))

    def encode_text(self, tokens):
        real = (tokens != 0)[..., None]
        return (self.embedding(tokens) * real).sum(dim=1) / real.sum(dim=1).clamp(min=1)

    def forward(self, image, sound, tokens):
        return self.head(
            torch.cat([self.encode_image(image), self.encode_sound(sound), self.encode_text(tokens)], dim=1)
        )


class Fixed(Buggy):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.from_image, self.from_sound = nn.Linear(image, width), nn.Linear(sound, width)

    def encode_image(self, image):
        return self.from_image(image)

    def encode_sound(self, sound):
        return self.from_sound(sound)


class Narrow(Fixed):
    """With a width of its own, that cannot be chosen."""

    def __init__(self, n_classes, vocabulary_size, image, sound):
        super().__init__(n_classes, vocabulary_size, image, sound)


class FixedWidth(Fixed):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=64):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.from_image, self.from_sound = nn.Linear(image, 64), nn.Linear(sound, 64)


class Normed(Fixed):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.from_image = nn.Sequential(nn.Linear(image, width), nn.BatchNorm1d(width))


class Listed(Fixed):
    """Layers in a list, which hides them from `parameters`."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        del self.from_image, self.from_sound
        self.layers = [nn.Linear(image, width), nn.Linear(sound, width)]

    def encode_image(self, image):
        return self.layers[0](image)

    def encode_sound(self, sound):
        return self.layers[1](sound)


class OfTensors(Fixed):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        del self.from_image
        self.weights = torch.randn(image, width, requires_grad=True)

    def encode_image(self, image):
        return image @ self.weights


class Stub(Buggy):
    """What a learner finds."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        # YOUR CODE HERE
        raise NotImplementedError()

    def encode_image(self, image):
        """(B, image) -> (B, width)"""
        # YOUR CODE HERE
        raise NotImplementedError()

    def encode_sound(self, sound):
        """(B, heard) -> (B, width)"""
        # YOUR CODE HERE
        raise NotImplementedError()


class Begun(Stub):
    """Layers are there, and the line below them still is."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        Buggy.__init__(self, n_classes, vocabulary_size, image, sound, width)
        self.from_image, self.from_sound = nn.Linear(image, width), nn.Linear(sound, width)
        raise NotImplementedError()

    encode_image, encode_sound = Stub.encode_image, Stub.encode_sound


class Deeper(Fixed):
    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        super().__init__(n_classes, vocabulary_size, image, sound, width)
        self.from_image = nn.Sequential(nn.Linear(image, 30), nn.Tanh(), nn.Linear(30, width))
        self.from_sound = nn.Sequential(nn.LayerNorm(sound), nn.Linear(sound, width), nn.GELU(), nn.Dropout(0.1))


class Direct(Fixed):
    """Features concatenated as they are."""

    def __init__(self, n_classes, vocabulary_size, image, sound, width=16):
        nn.Module.__init__(self)
        self.embedding = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.head = nn.Sequential(nn.Linear(image + sound + width, 32), nn.Tanh(), nn.Linear(32, n_classes))

    def encode_image(self, image):
        return image

    def encode_sound(self, sound):
        return sound


def made(base=Fixed, **methods):
    return type("Fixed", (base,), methods)


def with_constant(self, given):
    return torch.zeros(len(given), self.embedding.embedding_dim)


def finer(self, image):
    return self.encode_text((image * 10).long().clamp(0, self.embedding.num_embeddings - 1))


def by_mean(self, image):
    return self.from_image(image.mean(1, keepdim=True).expand(image.shape))


def seen_as(change):
    """See with the features changed before the linear layer."""
    return lambda self, image: self.from_image(change(image))


def rounded(self, image):
    return self.from_image(image.long().float())


def rounded_finely(self, image):
    return self.from_image(image.round(decimals=1))


def first_half(self, image):
    return self.from_image(torch.cat([image[:, :4], 0 * image[:, 4:]], 1))


def no_words(self, tokens):
    return torch.zeros(len(tokens), self.embedding.embedding_dim)


def padding_counts(self, tokens):
    return self.embedding(tokens).mean(dim=1)


def test_debug(judged):
    judged(
        "09.debug",
        {
            "linear": Fixed,
            "deeper": Deeper,
            "direct": Direct,
            "made by a function": lambda *sizes: Fixed(*sizes),
            "four sizes": lambda a, b, c, d: Fixed(a, b, c, d),
            "no width": Narrow,
            "squashed": made(encode_image=lambda self, image: self.from_image(image).relu()),
            "batch norm": Normed,
        },
        {
            "sign lost": (made(encode_image=seen_as(torch.abs)), "the sign of the features of the image has no effect"),
            "untouched": (
                Buggy,
                "the image is still cast to integers: 0.3 and 0.8 give the same logits. Features need a "
                "linear layer. And the sound",
            ),
            "image alone fixed": (made(encode_sound=Buggy.encode_sound), None),
            "sound alone fixed": (made(encode_image=Buggy.encode_image), None),
            "finer": (made(encode_image=finer), "so it is still quantised"),
            "rounded": (made(encode_image=rounded), None),
            "rounded finely": (made(encode_image=rounded_finely), None),
            "no image": (made(encode_image=with_constant), None),
            "no sound": (made(encode_sound=with_constant), None),
            "no words": (made(encode_text=no_words), "the logits are the same for any question: does the"),
            "padding": (made(encode_text=padding_counts), "three more columns of padding change the logits"),
            "the mean": (made(encode_image=by_mean), "does not change any logit, as if only their mean or sum"),
            "cut off": (made(encode_image=first_half), "does not affect any logit: is a part discarded?"),
            "cast before a layer": (
                made(encode_image=lambda self, image: self.from_image(image.long())),
                "A linear layer takes floats",
            ),
            "wrong width": (
                made(encode_image=lambda self, image: self.from_image(image[:, :-1])),
                "Each modality's linear layer expects that",
            ),
            "classes": (made(forward=lambda self, *given: Fixed.forward(self, *given).argmax(1)), "the shape is (5,)"),
            "detached": (
                made(encode_image=lambda self, image: self.from_image(image).detach()),
                "depend on the values of the image, but no gradient reaches it",
            ),
            "data": (
                made(encode_sound=lambda self, sound: self.from_sound(sound.data)),
                "depend on the values of the sound, but",
            ),
            "without gradients": (made(encode_image=torch.no_grad()(Fixed.encode_image)), None),
            "clamped": (
                made(encode_image=seen_as(lambda x: x.clamp(0))),
                "all values of the image below 0 are treated alike",
            ),
            "clamped as before": (
                made(encode_sound=lambda self, x: self.from_sound(x.clamp(0, 39))),
                "all values of the sound below 0",
            ),
            "relu first": (made(encode_image=seen_as(torch.relu)), None),
            "a list": (Listed, "a plain list hides layers"),
            "tensors": (OfTensors, None),
            "made in see": (
                made(encode_image=lambda self, x: nn.Linear(x.shape[1], self.embedding.embedding_dim)(x)),
                "the same input gives two different outputs: create",
            ),
            "dropout for ever": (made(encode_image=seen_as(lambda x: F.dropout(x, 0.5))), None),
            "the batch's mean": (
                made(encode_image=seen_as(lambda x: x - x.mean(0))),
                "an example gives a different result alone than in",
            ),
            "fixed width": (
                FixedWidth,
                "`encode_image` returned (5, 64), expected (5, 24): the number of outputs is `width`",
            ),
            "own width": (made(encode_image=lambda self, x: x), "the linear layer should have `width` outputs"),
            "no return": (
                made(encode_sound=lambda self, x: print(end="")),
                "`encode_sound` returned None: is the `return` missing?",
            ),
            "several": (made(encode_image=lambda self, x: (x, x)), "`encode_image` returned a tuple"),
            "an axis too many": (
                made(encode_image=lambda self, x: self.from_image(x)[:, None]),
                "an axis too many",
            ),
            "in place": (made(encode_image=seen_as(lambda x: x.sub_(1))), "`image` was changed in place"),
            "looked up": (
                made(encode_image=lambda self, x: self.embedding(x.long().abs() + 40).mean(1)),
                "An embedding was indexed with a row that it does",
            ),
            "begun": (Begun, "`raise NotImplementedError` in `__init__` is still reached"),
            "nothing seen and nothing heard": (
                made(encode_image=with_constant, encode_sound=with_constant),
                "does it reach the concatenation? And the logits",
            ),
            "whole batch": (
                made(forward=lambda self, *given: Fixed.forward(self, *given).mean(0)),
                "one row for the whole batch",
            ),
            "an instance": (Fixed(5, 40, 12, 9), "`Fixed`, without brackets"),
            "a class": (lambda *sizes: Fixed, "returned a class"),
            "a number": (lambda *sizes: 3, "expected a model"),
        },
        draws=2,
    )


@pytest.mark.parametrize("half", ["encode_image", "encode_sound"])
def test_the_class_as_it_is_found_is_untried(half):
    assert judge("09.debug", Stub).state == "untried"
    assert judge("09.debug", made(**{half: getattr(Stub, half)})).state == "untried"


@pytest.mark.parametrize(
    ("methods", "words"),
    [({"encode_sound": Buggy.encode_sound}, "image"), ({"encode_image": Buggy.encode_image}, "the sound")],
)
def test_the_fixed_branch_is_not_blamed(methods, words):
    assert words not in judge("09.debug", made(**methods)).message
