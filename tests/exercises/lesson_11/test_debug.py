"""The debugging exercise of lesson 11 on correct answers, the buggy loss, partial fixes and other mistakes."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.exercises import checks


def both(logits):
    targets = torch.arange(len(logits))
    return (F.cross_entropy(logits, targets) + F.cross_entropy(logits.T, targets)) / 2


class Right(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(1 / 0.07).log())

    def forward(self, one, other):
        scale = self.log_scale.clamp(max=math.log(100)).exp()
        return both(scale * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


class Unclamped(Right):
    def forward(self, one, other):
        return both(self.log_scale.exp() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


def of(start, scale, kind=nn.Parameter):
    """A loss whose scale is made of one number."""

    class Made(nn.Module):
        def __init__(self):
            super().__init__()
            self.p = kind(torch.tensor(float(start)))

        def forward(self, one, other):
            return both(scale(self.p) * cosines(one, other))

    return Made


def by(forward):
    """The correct `__init__` with another `forward`."""
    return type("Made", (Right,), {"forward": forward})


def cosines(one, other):
    return F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


class Vector(nn.Module):
    """A parameter with an axis of one."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), 2.6))

    def forward(self, one, other):
        return both(self.scale.exp() * (one / one.norm(dim=1, keepdim=True)) @ F.normalize(other, dim=1).T)


class Buggy(nn.Module):
    def forward(self, one, other):
        return both(one @ other.T / one.shape[1])


class Sums(nn.Module):
    def forward(self, one, other):
        return both(one @ other.T)


class Stub(Buggy):
    def __init__(self):
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError()

    def forward(self, one, other):
        # YOUR CODE HERE
        raise NotImplementedError()


class OnlyScale(Right):
    def forward(self, one, other):
        return both(self.log_scale.exp() * one @ other.T)


class OnlyUnits(nn.Module):
    def forward(self, one, other):
        return both(F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


class FixedScale(nn.Module):
    def forward(self, one, other):
        return both(14.3 * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


class HalfUnits(Right):
    def forward(self, one, other):
        return both(self.log_scale.exp() * F.normalize(one, dim=1) @ other.T)


class OtherHalf(Right):
    def forward(self, one, other):
        return both(self.log_scale.exp() * one @ F.normalize(other, dim=1).T)


class Cut(Right):
    def forward(self, one, other):
        return both(self.log_scale.item() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


class Half(Right):
    def forward(self, one, other):
        logits = self.log_scale.exp() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T
        return F.cross_entropy(logits, torch.arange(len(one)))


class Added(Right):
    def forward(self, one, other):
        return 2 * super().forward(one, other)


class Detached(Right):
    def forward(self, one, other):
        return super().forward(one.detach(), other.detach())


class Logits(Right):
    def forward(self, one, other):
        return self.log_scale.exp() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T


class Wide(Right):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.full((3,), 2.6))

    def forward(self, one, other):
        return both(self.log_scale.mean().exp() * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T)


class InPlace(Right):
    def forward(self, one, other):
        with torch.no_grad():
            one /= one.norm(dim=1, keepdim=True)
            other /= other.norm(dim=1, keepdim=True)
        return both(self.log_scale.exp() * one @ other.T)


class InData(Right):
    def forward(self, one, other):
        one.data, other.data = F.normalize(one.data, dim=1), F.normalize(other.data, dim=1)
        return both(self.log_scale.exp() * one @ other.T)


class Hidden(nn.Module):
    def __init__(self):
        super().__init__()
        self.scales = [nn.Parameter(torch.tensor(2.66))]

    def forward(self, one, other):
        return both(self.scales[0].exp() * cosines(one, other))


class Anew(Right):
    def forward(self, one, other):
        self.log_scale = nn.Parameter(torch.tensor(2.66))
        return super().forward(one, other)


class HalfDone(Right):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.66))

    def forward(self, one, other):
        # YOUR CODE HERE
        raise NotImplementedError()


class NoSuper(nn.Module):
    def __init__(self):
        self.log_scale = nn.Parameter(torch.tensor(2.66))

    def forward(self, one, other):
        pass


def detached_length(x):
    return x / x.norm(dim=1, keepdim=True).detach()


COLD = math.log(0.07)
SAFE = {
    "exp, clamp": of(2.66, lambda p: p.exp().clamp(max=100)),
    "from 20": of(math.log(20), torch.exp),
    "from 100": of(math.log(100), torch.exp),
    "softplus": of(14, F.softplus),
    "softplus by hand": of(14, lambda p: (1 + p.exp()).log()),
    "divided by exp": of(COLD, lambda p: 1 / p.exp()),
    "exp of minus": of(COLD, lambda p: (-p).exp()),
    "temperature, clamp": of(COLD, lambda p: 1 / p.exp().clamp(min=0.01)),
    "square": of(3.7, lambda p: p**2),
    "abs": of(14, torch.abs),
    "sigmoid": of(-1.8, lambda p: 100 * p.sigmoid()),
    "clamped below": of(14, lambda p: p.clamp(0.01, 100)),
}


@pytest.mark.slow
def test_debug(judged):
    assert checks.judge("11.debug", Stub).state == "untried"
    judged(
        "11.debug",
        {"as CLIP": Right, "unclamped": Unclamped, "an axis of one": Vector} | SAFE,
        {
            "the buggy loss": (Buggy, "the norms of the vectors still change the loss, so"),
            "sums": (Sums, None),
            "scale alone": (OnlyScale, None),
            "units alone": (OnlyUnits, "nothing is learned: the scale is a constant. Make"),
            "fixed scale": (FixedScale, None),
            "first alone": (HalfUnits, "the norms of the second modality"),
            "second alone": (OtherHalf, "the norms of the first modality"),
            "over the batch": (
                by(lambda self, a, b: both(self.log_scale.exp() * F.normalize(a, dim=0) @ F.normalize(b, dim=0).T)),
                "(`dim=0`); divide each vector by its own norm",
            ),
            "one length for all": (
                by(lambda self, a, b: both(self.log_scale.exp() * (a / a.norm()) @ (b / b.norm()).T)),
                "all vectors are divided by one common norm; divide",
            ),
            "flat": (of(0.0, torch.exp), "the initial scale is 1.00"),
            "exp forgotten": (
                of(2.66, lambda p: p),
                "2.66: with cosines between -1 and 1 the softmax is almost uniform",
            ),
            "raw, from 0": (of(0.0, lambda p: p), "where all logits are 0"),
            "raw, below 0": (of(-14.0, lambda p: p), "the initial scale is -14.00"),
            "exp(14)": (of(14.0, torch.exp), "1,202,604"),
            "raw": (of(14.0, lambda p: p), "to -6.7, it is -6.70"),
            "temperature": (of(0.07, lambda p: 1 / p), "to -1.0, it is -1.04"),
            "relu": (of(14.0, torch.relu), "the scale can become 0, and then it receives no"),
            "root": (of(14.0, lambda p: (14 * p).sqrt()), "the loss is NaN"),
            "clamped to 14": (of(2.66, lambda p: p.exp().clamp(max=14)), "the maximum that its `clamp` allows"),
            "clamp(100)": (of(2.66, lambda p: p.exp().clamp(100)), "the minimum that its `clamp` allows"),
            "no parameter": (of(2.66, torch.exp, lambda x: x.requires_grad_()), None),
            "in a list": (Hidden, "the learned tensor is not among the loss's"),
            "made in forward": (Anew, "the parameter is created anew in every `forward`"),
            "cut off": (Cut, "no gradient reaches it"),
            "rows": (Half, "only the rows are used; the buggy loss used the"),
            "added": (Added, "the two directions are added"),
            "on the loss": (
                by(lambda self, a, b: self.log_scale.exp() * both(cosines(a, b))),
                "the scale multiplies the loss",
            ),
            "detached": (Detached, "no gradient reaches `one` and `other`"),
            "one detached": (by(lambda self, a, b: Right.forward(self, a.detach(), b)), "no gradient reaches `a`,"),
            "lengths detached": (
                by(lambda self, a, b: both(self.log_scale.exp() * detached_length(a) @ detached_length(b).T)),
                "the loss is correct, but the norms it divides by",
            ),
            "in place": (InPlace, "changed in place"),
            "in place, by data": (InData, None),
            "item": (by(lambda self, a, b: Right.forward(self, a, b).item()), "take the number out"),
            "logits": (Logits, "those are logits"),
            "three scales": (Wide, "only one number should be learned, the scale"),
            "a loss": (Right(), "this is a loss; pass the class itself: `"),
            "forward to do": (HalfDone, "`forward` is still to do"),
            "no super": (NoSuper, "comes first in `__init__`"),
        },
    )


def test_remarks():
    said = [checks.judge("11.debug", kind).message for kind in (Right, Unclamped, of(5.0, torch.exp))]
    assert (
        "never above 100" in said[0]
        and "`clamp`" in said[1]
        and "It starts above 100, though; CLIP starts near 14" in said[2]
    )


def test_asks_for_what_was_forgotten():
    assert "is an `.exp()` missing?" in checks.judge("11.debug", of(2.66, lambda p: p)).message
    assert "start near 14 = 1 / 0.07, as CLIP does" in checks.judge("11.debug", of(0.0, torch.exp)).message
