import pytest
import torch
from torch import nn

from mmcourse.exercises.checks import judge


class Buggy(nn.Module):
    def __init__(self, vocabulary_size, noise_size=16, width=32):
        super().__init__()
        self.sentence = nn.EmbeddingBag(vocabulary_size, width, padding_idx=0)
        self.film = nn.Linear(width, 2 * width)
        self.start = nn.Linear(noise_size, width * 8 * 8)
        self.norm = nn.InstanceNorm2d(width)
        self.layers = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 3, 4, 2, 1),
            nn.Sigmoid(),
        )

    def condition(self, tokens):
        return self.film(self.sentence(tokens)).chunk(2, dim=1)

    def maps(self, z):
        return self.start(z).unflatten(1, (-1, 8, 8))

    def modulated(self, maps, tokens):
        scale, shift = self.condition(tokens)
        return (1 + scale)[:, :, None, None] * maps + shift[:, :, None, None]

    def forward(self, z, tokens):
        return self.layers(self.norm(self.modulated(self.maps(z), tokens)))


class Fixed(Buggy):
    def forward(self, z, tokens):
        return self.layers(self.modulated(self.norm(self.maps(z)), tokens))


class NoNorm(Buggy):
    def forward(self, z, tokens):
        return self.layers(self.modulated(self.maps(z), tokens))


class Joined(Buggy):
    """The sentence beside the noise, before the first layer."""

    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.start = nn.Linear(noise_size + width, width * 8 * 8)
        del self.film

    def forward(self, z, tokens):
        return self.layers(self.norm(self.maps(torch.cat([z, self.sentence(tokens)], 1))))


class OtherNorm(Buggy):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.norm = nn.BatchNorm2d(width, affine=False)


class BeginsAtZero(Fixed):
    """The modulation begins as the identity, as is usual."""

    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)


class ByGRU(Buggy):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.sentence = nn.Embedding(vocabulary_size, width, padding_idx=0)
        self.gru = nn.GRU(width, width, batch_first=True)

    def condition(self, tokens):
        states, _ = self.gru(self.sentence(tokens))
        last = (tokens != 0).sum(1) - 1
        return self.film(states[torch.arange(len(tokens)), last]).chunk(2, dim=1)

    def forward(self, z, tokens):
        return Fixed.forward(self, z, tokens)


def replaced_forward(*sizes):
    model = Buggy(*sizes)
    model.forward = lambda z, tokens: model.layers(model.modulated(model.norm(model.maps(z)), tokens))
    return model


class Unused(Buggy):
    def forward(self, z, tokens):
        self.condition(tokens)
        return self.layers(self.norm(self.maps(z)))


class Detached(Fixed):
    def condition(self, tokens):
        return self.film(self.sentence(tokens).detach()).chunk(2, dim=1)


class NoNoise(Fixed):
    def forward(self, z, tokens):
        return super().forward(0 * z, tokens)


class OneForAll(Fixed):
    def condition(self, tokens):
        return super().condition(tokens[:1])


class FirstWord(Fixed):
    def condition(self, tokens):
        return super().condition(tokens[:, :1])


class MeanOverBatch(Fixed):
    def condition(self, tokens):
        return [one.mean(0, keepdim=True).expand(len(tokens), -1) for one in super().condition(tokens)]


class Tiny(Fixed):
    def condition(self, tokens):
        return [1e-4 * one for one in super().condition(tokens)]


class PaddingCounts(Fixed):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.sentence = nn.EmbeddingBag(vocabulary_size, width)


class Width(Fixed):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, 32)


class Shuffled(Fixed):
    def condition(self, tokens):
        return super().condition(tokens[torch.randperm(len(tokens))])


class NoSigmoid(Fixed):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.layers = self.layers[:-1]


class OwnNoise(Fixed):
    def forward(self, z, tokens):
        return super().forward(z + torch.randn_like(z), tokens)


class OnlyShift(Buggy):
    """Another shift before the normalisation."""

    def modulated(self, maps, tokens):
        _, shift = self.condition(tokens)
        return maps + 3 * shift[:, :, None, None]


class NoReturn(Fixed):
    def forward(self, z, tokens):
        super().forward(z, tokens)


class FromNoise(Buggy):
    def __init__(self, vocabulary_size, noise_size, width):
        super().__init__(vocabulary_size, noise_size, width)
        self.film = nn.Linear(noise_size, 2 * width)

    def forward(self, z, tokens):
        scale, shift = self.film(z).chunk(2, dim=1)
        return self.layers((1 + scale)[:, :, None, None] * self.norm(self.maps(z)) + shift[:, :, None, None])


class Squeezed(Fixed):
    def forward(self, z, tokens):
        return super().forward(z, tokens).squeeze(0)


def test_fixed_generator(judged):
    judged(
        "14.debug",
        {
            "fixed": Fixed,
            "no norm": NoNorm,
            "joined": Joined,
            "begins at zero": BeginsAtZero,
            "GRU": ByGRU,
            "replaced forward": replaced_forward,
        },
        {
            "buggy": (Buggy, "Which layer subtracts a mean"),
            "only shift": (OnlyShift, None),
            "unused": (Unused, None),
            "detached": (Detached, "cut off by a `detach`"),
            "no noise": (NoNoise, "the noise does not change the image"),
            "one for all": (OneForAll, "is one sentence or one noise used for all"),
            "first word": (FirstWord, "word 2 of 4 does not change the image"),
            "mean over the batch": (MeanOverBatch, None),
            "tiny": (Tiny, None),
            "padding": (PaddingCounts, "padding is no word"),
            "width": (Width, "`width` has no effect"),
            "shuffled": (Shuffled, None),
            "no sigmoid": (NoSigmoid, "is the sigmoid at the end missing"),
            "own noise": (OwnNoise, None),
            "no return": (NoReturn, "`forward` returned None"),
            "from the noise": (FromNoise, None),
            "squeezed": (Squeezed, "the batch axis is lost"),
        },
        draws=2,
    )


def test_batch_normalisation_over_a_batch_is_judged_in_evaluation_mode():
    verdict = judge("14.debug", OtherNorm)
    assert verdict.state == "right", verdict


@pytest.mark.parametrize("kind", [Fixed, Joined, BeginsAtZero])
def test_no_right_model_is_refused_for_its_first_weights(kind):
    assert all(judge("14.debug", kind) for _ in range(10))


def test_the_buggy_model_is_never_accepted():
    assert not any(judge("14.debug", Buggy) for _ in range(15))
