"""Picture networks: shapes, gradients, invariances, and errors that help."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.models.cnn import AttributeClassifier, ImageClassifier, ImageEncoder, conv_block


@pytest.mark.parametrize("size", [28, 32, 48, 33])
@pytest.mark.parametrize("batch", [1, 5])
def test_shapes(size, batch):
    images = torch.rand(batch, 3, size, size)
    encoder = ImageEncoder((4, 6, 8))
    assert encoder(images).shape == (batch, 8) and encoder.width == 8
    side = -(-size // 8)
    assert encoder.feature_maps(images).shape == (batch, 8, side, side)
    assert ImageClassifier(14, (4, 6))(images).shape == (batch, 14)
    reader = AttributeClassifier(widths=(4, 6))
    assert [part.shape[1] for part in reader.split(reader(images))] == [14, 8, 2]
    assert reader.predict(images).shape == (batch, 3)


def test_block_is_convolution_norm_and_relu():
    block, images = conv_block(3, 5).eval(), torch.rand(2, 3, 8, 8)
    convolved = F.conv2d(images, block[0].weight, stride=2, padding=1)
    expected = F.relu(
        (convolved - block[1].running_mean[:, None, None]) / (block[1].running_var[:, None, None] + block[1].eps) ** 0.5
    )
    assert torch.allclose(block(images), expected, atol=1e-6)


def test_every_parameter_gets_a_gradient():
    model = ImageClassifier(14, (4, 6, 8))
    F.cross_entropy(model(torch.rand(8, 3, 32, 32)), torch.arange(8)).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())


def test_max_pooling_finds_a_thing_wherever_it_stands():
    encoder = ImageEncoder((4, 6)).eval()
    page = torch.full((1, 3, 32, 32), 0.5)
    page[:, :, 8:12, 8:12] = torch.rand(1, 3, 4, 4)
    assert torch.allclose(encoder(page), encoder(page.roll((8, 12), (2, 3))), atol=1e-5)


def test_in_evaluation_a_picture_does_not_depend_on_its_batch():
    model = ImageClassifier(14, (4, 6)).eval()
    images = torch.rand(6, 3, 32, 32)
    assert torch.allclose(model(images)[2], model(images[2:3])[0], atol=1e-5)


def test_a_prediction_in_parts_is_that_of_all_images_at_once(monkeypatch):
    judge, images, taken = AttributeClassifier(widths=(4, 6)).eval(), torch.rand(7, 3, 16, 16), []
    judge.register_forward_hook(lambda _module, inputs, _output: taken.append(len(inputs[0])))
    expected = torch.stack([part.argmax(dim=1) for part in judge.split(judge(images))], dim=1)
    monkeypatch.setattr("mmcourse.models.cnn.AT_ONCE", 3)
    assert torch.equal(judge.predict(images), expected) and taken == [7, 3, 3, 1]


def test_reading_keeps_the_mode():
    reader = AttributeClassifier(widths=(4,)).train()
    reader.predict(torch.rand(2, 3, 32, 32))
    assert reader.training


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(2, 32, 32, 3), r"channels are last: images.permute\(0, 3, 1, 2\)"),
        (torch.rand(3, 32, 32), r"needs a batch axis: image\[None\]"),
        (torch.rand(2, 1, 32, 32), "was made for 3 channels"),
        (torch.rand(0, 3, 32, 32), "empty batch"),
        (torch.randint(0, 255, (2, 3, 32, 32)), r"images.float\(\) / 255"),
    ],
)
def test_wrong_pictures_say_why(images, message):
    with pytest.raises(ValueError, match=message):
        ImageEncoder((4,))(images)
