"""What lesson 14 defines by hand computes what the package does."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mmcourse.models import conditional, flow

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "14_text_to_image.py"
BY_HAND = {"DecoderByHand", "flow_pair", "euler", "guided", "drop_conditions", "BuggyGenerator", "FixedGenerator"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and classes that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "F": nn.functional, "Tensor": Tensor, "Callable": Callable}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


def test_the_decoder_is_the_packages(lesson):
    by_hand, package = lesson["DecoderByHand"](7), conditional.ModulatedDecoder(7, (96, 64, 32, 16))
    package.load_state_dict(by_hand.state_dict())
    x = torch.randn(4, 7)
    assert torch.allclose(by_hand(x), package(x), atol=1e-6)
    assert torch.allclose(by_hand.eval()(x), package.eval()(x), atol=1e-6)


def test_flow_guidance_and_dropping_are_the_packages(lesson):
    noise, data, t = torch.randn(3, 2, 4, 4), torch.randn(3, 2, 4, 4), torch.rand(3)
    for ours, theirs in zip(flow.flow_pair(noise, data, t), lesson["flow_pair"](noise, data, t), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-6)

    def velocity(x, t):
        return x.sin() + t[:, None, None, None]

    assert torch.allclose(flow.euler(velocity, noise, 7), lesson["euler"](velocity, noise, 7), atol=1e-6)
    assert torch.allclose(flow.guided(noise, data, 2.5), lesson["guided"](noise, data, 2.5), atol=1e-6)
    tokens, empty = torch.randint(1, 9, (50, 4)), torch.zeros(4, dtype=torch.long)
    torch.manual_seed(0)
    ours = flow.drop_conditions(tokens, 0.4, empty)
    torch.manual_seed(0)
    assert torch.equal(ours, lesson["drop_conditions"](tokens, 0.4, empty))


def test_the_buggy_generator_ignores_the_sentence_and_the_fixed_one_does_not(lesson):
    torch.manual_seed(0)
    z, tokens = torch.randn(1, 16), torch.randint(1, 20, (2, 5))
    for name, most, least in (("BuggyGenerator", 1e-3, 0.0), ("FixedGenerator", 1.0, 1e-3)):
        generator = lesson[name](20)
        one, other = (generator(z, tokens[i : i + 1]) for i in (0, 1))
        assert least <= (one - other).abs().mean().item() <= most
