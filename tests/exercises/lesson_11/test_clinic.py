"""The clinic of lesson 11 on right answers, the patient, halves of the cure and other mistakes."""

import math

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


class Temperature(nn.Module):
    def __init__(self):
        super().__init__()
        self.temperature = nn.Parameter(torch.tensor(0.1))

    def forward(self, one, other):
        return both(F.cosine_similarity(one[:, None], other[None], dim=2) / self.temperature)


class Vector(nn.Module):
    """A parameter with an axis of one."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full((1,), 2.6))

    def forward(self, one, other):
        return both(self.scale.exp() * (one / one.norm(dim=1, keepdim=True)) @ F.normalize(other, dim=1).T)


class Ill(nn.Module):
    def forward(self, one, other):
        return both(one @ other.T / one.shape[1])


class Sums(nn.Module):
    def forward(self, one, other):
        return both(one @ other.T)


class Stub(Ill):
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


class BatchUnits(Right):
    def forward(self, one, other):
        return both(self.log_scale.exp() * F.normalize(one, dim=0) @ F.normalize(other, dim=0).T)


class Flat(Right):
    def __init__(self):
        super().__init__()
        self.log_scale = nn.Parameter(torch.tensor(0.0))


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


def test_clinic(judged):
    assert checks.judge("11.clinic", Stub).state == "untried"
    judged(
        "11.clinic",
        {"as CLIP": Right, "unclamped": Unclamped, "temperature": Temperature, "an axis of one": Vector},
        {
            "the patient": (Ill, "longer vectors still change the loss"),
            "sums": (Sums, None),
            "scale alone": (OnlyScale, None),
            "units alone": (OnlyUnits, "nothing in it can be learned"),
            "fixed scale": (FixedScale, None),
            "first alone": (HalfUnits, "longer vectors of the second modality"),
            "second alone": (OtherHalf, "longer vectors of the first modality"),
            "over the batch": (BatchUnits, None),
            "flat": (Flat, "it begins at a scale of 1.00"),
            "cut off": (Cut, "no gradient reaches it"),
            "rows": (Half, "only the rows are judged now"),
            "added": (Added, "the two directions are added"),
            "detached": (Detached, "no gradient reaches the vectors"),
            "logits": (Logits, "those are logits"),
            "three scales": (Wide, "one number is to be learned"),
            "a loss": (Right(), "hand in the class itself"),
        },
    )


def test_remarks():
    said = {kind.__name__: checks.judge("11.clinic", kind).message for kind in (Right, Unclamped, Temperature)}
    assert "never above 100" in said["Right"] and "`clamp`" in said["Unclamped"]
    assert "learn its logarithm" in said["Temperature"]
