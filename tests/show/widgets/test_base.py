"""Widgets without a browser: their still pictures, and what Python makes of what the browser sends."""

import base64
import io

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import nn

from mmcourse.models.cnn import ImageClassifier
from mmcourse.picturebook.scene import KINDS, RELATIONS
from mmcourse.picturebook.sentence import facts_of, parse
from mmcourse.show.widgets.base import STATIC
from mmcourse.show.widgets.convolution import convolution_by_hand
from mmcourse.show.widgets.drawing import draw_and_watch
from mmcourse.show.widgets.page_maker import START, compose, make_a_page

VIEW = "application/vnd.jupyter.widget-view+json"


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ImageClassifier(len(KINDS), widths=(8, 16, 24))


def pixels_of(image):
    return (image * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes()


@pytest.mark.parametrize("make", [make_a_page, convolution_by_hand, lambda: draw_and_watch(ImageClassifier(14), KINDS)])
def test_every_widget_brings_a_still_picture_with_alt_text(make):
    data, metadata = make()._repr_mimebundle_()
    assert VIEW in data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    assert len(metadata["image/png"]["alt"]) > 40 and "Run the cell" in metadata["image/png"]["alt"]


def test_scripts_ship_with_the_package():
    assert {path.name for path in STATIC.iterdir()} >= {"widgets.css", "page_maker.js", "drawing.js", "convolution.js"}


def test_a_page_is_drawn_told_and_spoken_as_chosen():
    widget = make_a_page()
    before = bytes(widget.page["image"])
    widget.choices = widget.choices | {"second": True, "relation": "below", "colour": "green", "kind": "cat"}
    assert parse(widget.sentence).same_meaning(facts_of(widget.scene))
    assert widget.scene.relation == "below" and widget.scene.objects[0].kind == "cat"
    assert widget.page["image"] != before and widget.page["sentence"] == widget.sentence
    assert widget.page["sound"] and widget.sound.dim() == 1


def test_a_pair_that_is_held_out_is_named():
    widget = make_a_page()
    widget.choices = widget.choices | {"kind": "apple", "colour": "red"}
    assert "No training page has a red apple" in widget.page["note"]


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("sizes", [("big", "big"), ("small", "big"), ("big", "small")])
def test_composed_things_stand_on_the_page_in_their_relation(relation, sizes):
    scene = compose(START | {"second": True, "relation": relation, "size": sizes[0], "size2": sizes[1]})
    first, second = scene.objects
    assert {
        "left of": first.x < second.x,
        "right of": first.x > second.x,
        "above": first.y < second.y,
        "below": first.y > second.y,
    }[relation]
    for item in scene.objects:
        assert item.radius <= min(item.x, item.y, 1 - item.x, 1 - item.y)
    assert max(abs(first.x - second.x), abs(first.y - second.y)) >= first.radius + second.radius


def test_surprises_differ_and_what_there_is_not_is_refused():
    widget = make_a_page()
    seen = set()
    for _ in range(5):
        widget._asked(widget, {"ask": "surprise"}, [])
        seen.add(widget.sentence)
    assert len(seen) > 3
    with pytest.raises(ValueError, match="dragon"):
        compose(START | {"kind": "dragon"})


def test_what_is_drawn_is_what_the_model_sees(model):
    widget = draw_and_watch(model, KINDS)
    image = torch.rand(3, 32, 32)
    widget.pixels = memoryview(pixels_of(image))
    rounded = (image * 255).round() / 255
    expected = model.eval()(rounded[None]).softmax(1)[0].detach()
    name, probability = widget.guess
    assert KINDS.index(name) == int(expected.argmax()) and probability == pytest.approx(float(expected.max()), abs=1e-5)


def test_maps_follow_the_picture_and_come_after_the_relu(model):
    widget = draw_and_watch(model, KINDS)
    before = [bytes(layer["values"]) for layer in widget.result["layers"]]
    widget.pixels = pixels_of(torch.rand(3, 32, 32))
    after = widget.result["layers"]
    assert [(layer["count"], layer["height"]) for layer in after] == [(8, 16), (16, 8), (16, 4)]
    assert all(bytes(layer["values"]) != old for layer, old in zip(after, before, strict=True))
    assert "16 of 24 maps of 4×4" in after[2]["title"]
    _, maps = widget._watched.run(torch.rand(1, 3, 32, 32))
    first = model.encoder.blocks[0]
    images = torch.rand(1, 3, 32, 32)
    torch.testing.assert_close(widget._watched.run(images)[1][0], first.eval()(images - 0.5))


@pytest.mark.parametrize("frozen", [False, True])
def test_watching_leaves_the_model_as_it_was(model, modes_kept, frozen):
    model.requires_grad_(not frozen)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with modes_kept(model, model.encoder.blocks[0]):
        widget = draw_and_watch(model, KINDS)
        widget.pixels, widget.explained = pixels_of(torch.rand(3, 32, 32)), True
    assert not any(module._forward_hooks for module in model.modules())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_grad_cam_only_where_asked_for(model):
    widget = draw_and_watch(model, KINDS)
    assert widget.result["heat"] is None
    widget.explained = True
    assert len(widget.result["heat"]) == 32 * 32


def test_any_network_with_a_convolution_will_do():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 20, 3)
            self.head = nn.Linear(20, 2)

        def forward(self, x):
            return self.head(F.relu(self.second(F.max_pool2d(F.relu(self.first(x)), 2))).amax((2, 3)))

    widget = draw_and_watch(Plain(), ("yes", "no"))
    assert [layer["count"] for layer in widget.result["layers"]] == [4, 16]
    widget.explained = True
    assert widget.result["heat"] is not None


def test_a_model_that_does_not_fit_is_refused(model):
    with pytest.raises(ValueError, match="no Conv2d"):
        draw_and_watch(nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 14)), KINDS)
    with pytest.raises(ValueError, match="2 classes"):
        draw_and_watch(model, ("yes", "no"))


def test_the_convolution_by_hand_is_conv2d():
    image, kernel = torch.randint(0, 9, (6, 8)), torch.tensor([[1, 0, 2], [0, -1, 0], [0.5, 0, 1]])
    widget = convolution_by_hand(image, kernel)
    torch.testing.assert_close(widget.output, F.conv2d(image[None, None].float(), kernel[None, None])[0, 0])
    widget.kernel = [[0, 0, 0], [0, 1, 0], [0, 0, 0]]
    torch.testing.assert_close(widget.output, image[1:-1, 1:-1].float())


@pytest.mark.parametrize(
    "image, kernel, says",
    [
        (torch.zeros(3, 8, 8), None, "one channel"),
        (torch.zeros(32, 32), None, "3 to 12 pixels"),
        (None, torch.zeros(5, 5), r"kernel has shape \(5, 5\)"),
    ],
)
def test_what_cannot_be_convolved_by_hand_is_refused(image, kernel, says):
    with pytest.raises(ValueError, match=says):
        convolution_by_hand(image, kernel)
