"""What a lesson defines by hand and the package has as well computes the same."""

import ast
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data.augment import permute_colours
from mmcourse.models import gradcam
from mmcourse.models.cnn import PictureClassifier

SOURCES = Path(__file__).resolve().parents[2] / "notebooks" / "source"


def definitions(lesson: str) -> dict:
    """The functions and classes that a lesson's source defines, answers included."""
    (source,) = SOURCES.glob(f"{lesson}_*.py")
    kept = [
        node
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    names = {
        "torch": torch,
        "F": F,
        "nn": nn,
        "Tensor": Tensor,
        "PictureClassifier": PictureClassifier,
        "PictureBook": None,
    }
    exec(compile(ast.Module(kept, []), str(source), "exec"), names)
    return names


@pytest.fixture(scope="module")
def lesson_01():
    return definitions("01")


def test_three_convolutions_is_the_picture_classifier(lesson_01):
    by_hand, package = lesson_01["ThreeConvolutions"](14), PictureClassifier(14)
    for block, (convolution, norm) in enumerate([("conv1", "norm1"), ("conv2", "norm2"), ("conv3", "norm3")]):
        getattr(by_hand, convolution).load_state_dict(package.encoder.blocks[block][0].state_dict())
        getattr(by_hand, norm).load_state_dict(package.encoder.blocks[block][1].state_dict())
    by_hand.head.load_state_dict(package.head.state_dict())
    images = torch.rand(4, 3, 32, 32)
    assert torch.allclose(by_hand(images), package(images), atol=1e-5)
    assert torch.allclose(by_hand.eval()(images), package.eval()(images), atol=1e-5)


def test_convolution_by_hand_is_pytorchs(lesson_01):
    image, kernel = torch.rand(9, 7), torch.rand(3, 3)
    assert torch.allclose(
        lesson_01["convolve"](image, kernel), F.conv2d(image[None, None], kernel[None, None])[0, 0], atol=1e-6
    )


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding"), [(32, 3, 2, 1), (28, 5, 1, 0), (7, 3, 3, 0), (9, 2, 4, 3)]
)
def test_output_size_and_parameters_are_pytorchs(lesson_01, size, kernel, stride, padding):
    layer = nn.Conv2d(3, 5, kernel, stride, padding)
    assert layer(torch.rand(1, 3, size, size)).shape[-1] == lesson_01["output_size"](size, kernel, stride, padding)
    assert sum(p.numel() for p in layer.parameters()) == lesson_01["conv_parameters"](3, 5, kernel)


def test_receptive_field_is_what_gradients_say(lesson_01):
    layers = [(3, 2), (3, 2), (5, 1)]
    image = torch.zeros(1, 1, 65, 65, requires_grad=True)
    maps = image
    for kernel, stride in layers:
        maps = F.conv2d(maps, torch.ones(1, 1, kernel, kernel), stride=stride)
    maps[0, 0, 4, 4].backward()
    assert (image.grad[0, 0] != 0).any(dim=0).sum() == lesson_01["receptive_field"](layers)
    assert lesson_01["receptive_field"]([(3, 2)] * 3) == 15, "as the lesson says"


def test_grad_cam_is_the_packages(lesson_01):
    maps, gradients = torch.rand(5, 4, 6, 6), torch.randn(5, 4, 6, 6)
    assert torch.allclose(lesson_01["grad_cam"](maps, gradients), gradcam.grad_cam(maps, gradients))
    zeros = torch.zeros(1, 2, 3, 3)
    assert torch.equal(lesson_01["grad_cam"](zeros, zeros), zeros[:, 0])


def test_permutation_is_the_packages(lesson_01):
    images = torch.rand(8, 3, 4, 4)
    torch.manual_seed(0)
    by_hand = lesson_01["my_permute_colours"](images)
    torch.manual_seed(0)
    assert torch.equal(by_hand, permute_colours(images))
