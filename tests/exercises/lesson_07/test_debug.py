import torch
import torch.nn.functional as F
from torch import nn


class BuggyDiscriminator(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.convolutions = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(width, 2 * width, 4, 2, 1), nn.LeakyReLU(0.2)
        )
        self.head = nn.Linear(2 * width * 64, 1)

    def score(self, images):
        return self.head(self.convolutions(images).flatten(1))

    def forward(self, images):
        return torch.tanh(self.score(images)).squeeze(1)


class FixedDiscriminator(BuggyDiscriminator):
    def forward(self, images):
        return self.score(images).squeeze(1)


class Anew(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.BatchNorm2d(2 * width),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(2 * width * 8 * 8, 1),
        )

    def forward(self, images):
        return self.layers(images).view(-1)


def replaced_forward(width=16):
    model = BuggyDiscriminator(width)
    model.forward = lambda images: model.score(images)[:, 0]
    return model


class Wrapper(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.inner = BuggyDiscriminator(width)

    def forward(self, images):
        features = self.inner.convolutions(images).flatten(start_dim=1)
        return self.inner.head(features).reshape(len(images))


def normalised(width=16):
    model = FixedDiscriminator(width)
    for i in (0, 2):
        model.convolutions[i] = nn.utils.parametrizations.spectral_norm(model.convolutions[i])
    return model


def ending(function, squeeze=True):
    class Changed(BuggyDiscriminator):
        def forward(self, images):
            scores = function(self.score(images))
            return scores.squeeze(1) if squeeze else scores

    return Changed


class TanhInTraining(BuggyDiscriminator):
    def forward(self, images):
        return super().forward(images) if self.training else self.score(images).squeeze(1)


class SigmoidInEvaluation(BuggyDiscriminator):
    def forward(self, images):
        scores = self.score(images).squeeze(1)
        return scores if self.training else scores.sigmoid()


class Linear(BuggyDiscriminator):
    def __init__(self, width=16):
        super().__init__(width)
        self.convolutions = nn.Sequential(self.convolutions[0], self.convolutions[2])

    def forward(self, images):
        return self.score(images).squeeze(1)


class Hidden(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.layers = [FixedDiscriminator(width)]
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, images):
        return self.scale * self.layers[0](images)


class NoReturn(BuggyDiscriminator):
    def forward(self, images):
        self.score(images).squeeze(1)


class Detached(BuggyDiscriminator):
    def forward(self, images):
        return self.head(self.convolutions(images).flatten(1).detach()).squeeze(1)


class ImagesDetached(BuggyDiscriminator):
    def forward(self, images):
        return self.score(images.detach()).squeeze(1)


class Corner(BuggyDiscriminator):
    def forward(self, images):
        features = self.convolutions(images)
        return self.head(F.pad(features[:, :, :4, :4], (0, 4, 0, 4)).flatten(1)).squeeze(1)


def test_right_discriminators(judged):
    judged(
        "07.debug",
        {
            "without tanh": FixedDiscriminator,
            "anew": Anew,
            "replaced forward": replaced_forward,
            "wrapper": Wrapper,
            "spectral normalisation": normalised,
        },
        {},
        draws=1,
    )


def test_relu_is_named_whichever_scores_are_0(judged):
    judged("07.debug", {}, {"ReLU": (ending(torch.relu), "no score is ever negative")}, draws=12)


def test_limited_scores_and_other_mistakes(judged):
    judged(
        "07.debug",
        {},
        {
            "buggy": (BuggyDiscriminator, "does not fall below 0.31: the output is still limited, as by a tanh"),
            "sigmoid": (ending(torch.sigmoid), None),
            "ReLU": (ending(torch.relu), "no score is ever negative"),
            "log-probability": (ending(F.logsigmoid), "no score is ever positive"),
            "clamp": (ending(lambda s: s.clamp(-1, 1)), None),
            "scaled tanh": (ending(lambda s: 5 * torch.tanh(s)), "something limits them, and a logit"),
            "decision": (ending(lambda s: (s > 0).float()), "no gradient leaves the output"),
            "whole number": (ending(lambda s: (s > 0).long()), "those are decisions"),
            "tanh while training": (TanhInTraining, None),
            "sigmoid in evaluation mode": (SigmoidInEvaluation, "in evaluation mode, trained"),
            "squeeze": (ending(lambda s: s.squeeze(), squeeze=False), None),
            "an axis too many": (ending(lambda s: s, squeeze=False), "`squeeze(1)` removes the second axis"),
            "mean": (ending(lambda s: s.mean(), squeeze=False), "one score for the whole batch"),
            "centred": (ending(lambda s: s - s.mean()), "an image gets another score alone"),
            "softmax over the batch": (ending(lambda s: s.softmax(0)), None),
            "linear": (Linear, "the network is linear"),
            "list": (Hidden, "a plain list hides layers"),
            "no return": (NoReturn, "`forward` returned None"),
            "detached": (Detached, "no gradient reaches `convolutions"),
            "images detached": (ImagesDetached, "no gradient reaches the images"),
            "corner": (Corner, "of the pixels have no influence"),
            "a model": (FixedDiscriminator(), "hand in the class itself"),
            "fixed width": (lambda width: FixedDiscriminator(16), "`width` has no effect"),
        },
        draws=1,
    )
