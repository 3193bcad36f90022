"""What lesson 09 defines by hand and the package has as well computes the same."""

import ast
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models import fusion, transformer
from mmcourse.models.attention import MultiHeadAttention, attention
from mmcourse.models.question_answering import QuestionAnswerer, with_positions
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.tasks.question_answering import ANSWERS

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"
BY_HAND = {
    "low_rank",
    "add_positions",
    "cross_attention",
    "film",
    "QuestionAnswererByHand",
    "bottleneck_step",
    "Buggy",
    "Fixed",
    "ThreeModalities",
}


@pytest.fixture(scope="module")
def lesson():
    (source,) = SOURCES.glob("09_*.py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in BY_HAND]
    assert {node.name for node in kept} == BY_HAND
    names = {"torch": torch, "F": F, "nn": nn, "Tensor": Tensor, "fusion": fusion, "attention": attention}
    names |= {"ANSWERS": ANSWERS, "VOCABULARY": VOCABULARY, "transformer": transformer}
    exec(compile(ast.Module(kept, []), str(source), "exec"), names)
    return names


def test_the_model_by_hand_is_the_packages(lesson):
    for heads in (1, 2, 4):
        package = QuestionAnswerer(len(ANSWERS), len(VOCABULARY), heads=heads).eval()
        by_hand = lesson["QuestionAnswererByHand"](heads=heads).eval()
        by_hand.load_state_dict(package.state_dict())
        given = torch.randn(3, 36, 130), torch.randn(3, 128), torch.randint(1, len(VOCABULARY), (3, 5))
        torch.testing.assert_close(by_hand(*given), package(*given))
        torch.testing.assert_close(by_hand.attend(*given[:2])[1], package.attend(*given[:2])[1])


def test_positions_by_hand_are_the_packages(lesson):
    maps = torch.randn(2, 5, 4, 3)
    torch.testing.assert_close(lesson["add_positions"](maps), with_positions(maps))


def test_low_rank_fusion_by_hand_is_the_packages(lesson):
    sizes = {"image": 5, "sound": 4, "text": 3}
    package = fusion.LowRank(sizes, 6, rank=2)
    features = {name: torch.randn(7, size) for name, size in sizes.items()}
    ones = [torch.cat([x, torch.ones(7, 1)], dim=1) for x in features.values()]  # a bias is the weight of a 1
    factors = []
    for layer in package.factors.values():
        joined = torch.cat([layer.weight, layer.bias[:, None]], dim=1)
        factors.append(joined.unflatten(0, (2, 6)))  # (R, K, D + 1)
    factors[0] = factors[0] * package.weights[:, None, None]
    torch.testing.assert_close(lesson["low_rank"](ones, factors) + package.bias, package(features))


def test_cross_attention_by_hand_is_the_packages_with_one_head(lesson):
    package = MultiHeadAttention(6, heads=1)
    for layer in (package.query, package.key, package.value):
        nn.init.zeros_(layer.bias)
    query_tokens, other = torch.randn(2, 3, 6), torch.randn(2, 5, 6)
    output, weights = lesson["cross_attention"](
        query_tokens, other, package.query.weight, package.key.weight, package.value.weight
    )
    expected, expected_weights = package(query_tokens, other)
    torch.testing.assert_close(package.out(output), expected)
    torch.testing.assert_close(weights, expected_weights[:, 0])


def test_film_by_hand_is_the_packages(lesson):
    package = fusion.FiLM({"image": 5, "text": 3}, 4)
    image, text = torch.randn(6, 5), torch.randn(6, 3)
    W = torch.cat([package.gamma["text"].weight, package.beta["text"].weight])
    b = torch.cat([package.gamma["text"].bias, package.beta["text"].bias])
    by_hand = lesson["film"](package.project(image)[:, None], text, W, b)[:, 0]
    torch.testing.assert_close(by_hand, package({"image": image, "text": text}))


def test_bottleneck_by_hand_is_the_packages(lesson):
    package = fusion.Bottleneck({"image": 8, "text": 8}, 8, bottlenecks=3, layers=2, heads=2)
    tokens = {"image": torch.randn(2, 5, 8), "text": torch.randn(2, 4, 8)}
    shared, x = package.shared.expand(2, -1, -1), [package.project[name](tokens[name]) for name in tokens]
    for layer in package.layers:
        shared, x = lesson["bottleneck_step"](shared, x, list(layer.values()))
    torch.testing.assert_close(package.norm(shared.mean(dim=1)), package(tokens))


def test_one_sequence_and_bottleneck_give_one_vector(lesson):
    for b in (None, 4):
        assert lesson["ThreeModalities"](b)(torch.randn(2, 9, 64)).shape == (2, 64)


def test_the_buggy_model_truncates_features_and_the_fixed_one_does_not(lesson):
    image, sound, tokens = torch.rand(3, 7), torch.rand(3, 5), torch.randint(1, 20, (3, 4))
    buggy, fixed = lesson["Buggy"](4, 20, 7, 5), lesson["Fixed"](4, 20, 7, 5)
    assert torch.equal(buggy(image, sound, tokens), buggy(image * 0.5, sound * 0.5, tokens))
    assert not torch.allclose(fixed(image, sound, tokens), fixed(image * 0.5, sound, tokens))
    assert not torch.allclose(fixed(image, sound, tokens), fixed(image, sound * 0.5, tokens))
