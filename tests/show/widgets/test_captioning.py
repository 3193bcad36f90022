"""The captioning explorer without a browser: a drawing is captioned, with the attention weights of each word."""

import base64
import io

import pytest
import torch
from PIL import Image
from torch import nn

from mmcourse.models.captioner import ShowAndTell, ShowAttendAndTell, TransformerCaptioner
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.decoding import beam, captions
from mmcourse.picturebook.sentence import START, VOCABULARY, encode
from mmcourse.show.widgets.board import named
from mmcourse.show.widgets.captioning import captioning_explorer


@pytest.fixture
def model():
    torch.manual_seed(0)
    return ShowAttendAndTell(len(VOCABULARY), width=16, encoder=ImageEncoder((4, 6, 8))).eval()


def pixels_of(image):
    return (image * 255).round().byte().permute(1, 2, 0).contiguous().numpy().tobytes()


def test_a_drawing_is_captioned(model):
    widget = captioning_explorer(model)
    image = (torch.rand(3, 48, 48) * 255).round() / 255
    widget.pixels = memoryview(pixels_of(image))
    assert [widget.sentence] == captions(model, image[None])
    words = widget.result["words"]
    read = torch.tensor([[START, *encode(" ".join(words[:-1]))]])
    logits, weights = model.with_weights(image[None], read)
    torch.testing.assert_close(widget.weights[: len(words)].flatten(1), weights[0])
    assert widget.weights.shape[1:] == (6, 6)
    probabilities = logits[0].softmax(1).amax(1)
    assert widget.result["probabilities"][: len(words)] == pytest.approx(probabilities.tolist(), abs=2e-3)


def test_a_wider_beam_is_shown_with_its_candidates(model):
    widget = captioning_explorer(model)
    widget.width = 6
    said, scores = beam(model, widget._image[None], 6)
    assert [widget.sentence] == captions(model, widget._image[None], width=6) == [widget.others[0][0]]
    assert len(widget.others) == 4
    assert [p for _, p in widget.others] == pytest.approx(scores[0, :4].exp().tolist(), abs=1e-4)


def test_a_blank_image_is_captioned_too(model):
    widget = captioning_explorer(model)
    for value in (0.0, 1.0):
        widget.pixels = pixels_of(torch.full((3, 48, 48), value))
        assert len(widget.result["words"]) == len(widget.result["probabilities"][: len(widget.result["words"])])
        assert widget.still()[0].startswith(b"\x89PNG") and "On it: a drawing." in widget.still()[1]


def test_a_page_is_named_correctly(model):
    widget = captioning_explorer(model, objects=2)
    before = widget.page["name"]
    widget._give_page()
    assert widget.page["name"] != before
    assert any(relation in before for relation in (" left of ", " right of ", " above ", " below "))
    from mmcourse.picturebook.scene import imagine

    assert named(imagine("test", widget.page["number"], 2)) == widget.page["name"]


def test_without_attention_no_weights_are_shown():
    widget = captioning_explorer(ShowAndTell(len(VOCABULARY), 16, ImageEncoder((4, 6, 8))), size=32, objects=1)
    assert widget.weights is None and widget.result["weights"] is None
    assert "attention" not in widget.still()[1]


def test_the_static_image_and_its_alt_text(model):
    widget = captioning_explorer(model)
    data, metadata = widget._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    alt = metadata["image/png"]["alt"]
    assert widget.page["name"] in alt and widget.sentence in alt


def test_the_model_keeps_its_mode():
    model = TransformerCaptioner(len(VOCABULARY), 16, ImageEncoder((4, 6, 8))).train()
    captioning_explorer(model)
    assert model.training


def test_bad_models_are_refused():
    with pytest.raises(ValueError, match="expected a Captioner"):
        captioning_explorer(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="vocabulary"):
        captioning_explorer(ShowAttendAndTell(9, 16, ImageEncoder((4, 6, 8))))
