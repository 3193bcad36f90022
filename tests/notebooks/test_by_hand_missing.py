"""What lesson 10 defines by hand and the package has as well computes the same."""

import ast
from itertools import combinations
from math import factorial, tanh
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.models.attribution import coalitions, shapley
from mmcourse.models.fusion.dropout import ModalityDropout
from mmcourse.training.modulation import coefficients

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"
BY_HAND = {"fill_with_mean", "modulation_coefficients", "modality_dropout", "shapley_values", "buggy_report", "report"}


@pytest.fixture(scope="module")
def lesson():
    (source,) = SOURCES.glob("10_*.py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in BY_HAND]
    assert {node.name for node in kept} == BY_HAND
    names = {"torch": torch, "F": F, "Tensor": Tensor, "combinations": combinations}
    names |= {"factorial": factorial, "tanh": tanh}
    exec(compile(ast.Module(kept, []), str(source), "exec"), names)
    return names


def test_modulation_coefficients_are_the_packages(lesson):
    for scores in ({"a": 0.2, "b": 0.9}, {"a": 0.5, "b": 0.5}, {"a": 0.2, "b": 0.9, "c": 0.6}):
        assert lesson["modulation_coefficients"](scores, 0.4) == pytest.approx(coefficients(scores, 0.4))


def test_shapley_values_are_the_packages(lesson):
    names = ("image", "sound", "text")
    values = dict(zip(coalitions(names), torch.rand(8).tolist(), strict=True))
    assert lesson["shapley_values"](values.get, names) == pytest.approx(shapley(values.get, names))


def test_dropout_keeps_as_often_as_the_packages_does(lesson):
    torch.manual_seed(0)
    rates = {"image": 0.2, "sound": 0.7, "text": 0.3}
    by_hand = lesson["modality_dropout"](20_000, torch.tensor(list(rates.values())), torch.Generator().manual_seed(0))
    package = torch.stack(list(ModalityDropout(rates)(20_000).values()), dim=1)
    assert by_hand.shape == package.shape and by_hand.any(dim=1).all()
    for pattern in range(1, 8):
        row = torch.tensor([bool(pattern >> i & 1) for i in range(3)])
        fractions = [(kept == row).all(dim=1).float().mean() for kept in (by_hand, package)]
        assert abs(fractions[0] - fractions[1]) < 0.02


def test_the_buggy_report_hides_what_the_fixed_one_shows(lesson):
    """A model that uses sound only: perfect where everything is present."""
    labels = torch.arange(300) % 3
    features = {"image": torch.randn(300, 3), "sound": F.one_hot(labels, 3).float()}
    gone = torch.rand(300, 1) < 0.3
    features["sound"] = features["sound"].masked_fill(gone, torch.nan)
    means = {"image": torch.zeros(3), "sound": torch.full((3,), 1 / 3)}

    def decide(some):
        return some["sound"]

    assert lesson["buggy_report"](decide, features, labels, means) == {"accuracy": 1.0}
    results = lesson["report"](decide, features, labels, means)
    assert list(results) == ["image", "sound", "image+sound"]
    assert results["image"] == pytest.approx(1 / 3) and results["image+sound"] == results["sound"] < 0.95
