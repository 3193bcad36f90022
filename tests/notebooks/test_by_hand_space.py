"""What lesson 11 defines by hand and the package has as well computes the same."""

import ast
import math
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse import retrieval
from mmcourse.models.contrastive import ContrastiveLoss, SharedSpace, contrastive_loss
from mmcourse.retrieval import ranks

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"
BY_HAND = {"similarities", "symmetric_info_nce", "target_probabilities", "my_ranks", "zero_shot", "by_best"}
BY_HAND |= {"lower_bound", "BuggyLoss", "FixedLoss", "contrastive_and_distance"}


@pytest.fixture(scope="module")
def lesson():
    (source,) = SOURCES.glob("11_*.py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in BY_HAND]
    assert {node.name for node in kept} == BY_HAND
    space = SharedSpace({"text": nn.Identity(), "sound": nn.Identity()})
    names = {"torch": torch, "F": F, "nn": nn, "Tensor": Tensor, "retrieval": retrieval, "space": space}
    exec(compile(ast.Module(kept, []), str(source), "exec"), names)
    return names


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def test_the_loss_by_hand_is_the_packages(lesson):
    one, other = 3 * torch.randn(9, 5), 2 * torch.randn(9, 5)
    table = lesson["similarities"](one, other)
    torch.testing.assert_close(table, F.cosine_similarity(one[:, None], other[None], dim=2))
    for scale in (0.5, 14.3):
        torch.testing.assert_close(lesson["symmetric_info_nce"](table, scale), contrastive_loss(one, other, scale))
    meanings = torch.randint(4, (9,))
    target = lesson["target_probabilities"](meanings)
    by_hand = (F.cross_entropy(5 * table, target) + F.cross_entropy(5 * table.T, target)) / 2
    torch.testing.assert_close(by_hand, contrastive_loss(one, other, 5.0, meanings))


def test_the_smallest_loss_is_that_of_perfect_towers(lesson):
    vectors = torch.tensor([[1.0, 0], [-1, 0]])
    for scale in (0.3, 1.0, 7.0):
        expected = contrastive_loss(vectors, vectors, scale)
        torch.testing.assert_close(lesson["lower_bound"](torch.tensor(scale), 2), expected)


def test_the_fixed_loss_is_the_packages(lesson):
    one, other = torch.randn(2, 7, 4)
    torch.testing.assert_close(lesson["FixedLoss"]()(one, other), ContrastiveLoss()((one, other)))
    unit = F.normalize(one, dim=1), F.normalize(other, dim=1)
    torch.testing.assert_close(lesson["BuggyLoss"]()(*unit), contrastive_loss(one, other, 1 / 4))
    fixed = lesson["FixedLoss"]()
    with torch.no_grad():
        fixed.log_scale.fill_(9.0)
    assert fixed(one, one).item() == pytest.approx(contrastive_loss(one, one, math.exp(4.6)).item(), abs=1e-4)


def test_ranks_by_hand_are_the_packages(lesson):
    one, other = torch.randn(6, 3), torch.randn(6, 3)
    other[4] = other[2]
    by_hand = lesson["my_ranks"](lesson["similarities"](one.double(), other.double()), torch.arange(6))
    torch.testing.assert_close(by_hand.double(), ranks(one, other).double())


def test_zero_shot_by_hand_and_from_the_package(lesson):
    images, prompts = torch.randn(20, 6), torch.randn(4, 3, 6)
    assert torch.equal(lesson["zero_shot"](images, prompts), lesson["by_best"](images, prompts))


def test_contrastive_and_distance_is_the_packages(lesson):
    vectors, meanings = (torch.randn(9, 5), torch.randn(9, 5)), torch.randint(4, (9,))
    expected = lesson["space"].pair("sound", "text", locked="text").near_loss(vectors, meanings)
    torch.testing.assert_close(lesson["contrastive_and_distance"](vectors, meanings), expected)
