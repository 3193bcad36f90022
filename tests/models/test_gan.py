"""Generator and discriminator: shapes, conditioning, the projection term, and what bad input is told."""

import pytest
import torch
from torch import nn

from mmcourse import Batches, fit_adversarial
from mmcourse.models.gan import Discriminator, Generator, LabelEmbedding

SMALL = {"widths": (16, 8, 8)}


def test_images_have_32_pixels_and_lie_between_0_and_1():
    for channels in (1, 3):
        images = Generator(10, channels=channels, **SMALL)(5 * torch.randn(4, 10))
        assert images.shape == (4, channels, 32, 32)
        assert images.min() >= 0 and images.max() <= 1


@pytest.mark.parametrize("norm", ["spectral", "batch", None])
def test_one_score_for_each_image(norm):
    assert Discriminator(widths=(8, 8, 16), norm=norm)(torch.rand(4, 3, 32, 32)).shape == (4,)
    assert Discriminator(5, (8, 8, 16), 1, norm)(torch.rand(2, 1, 32, 32), torch.tensor([0, 4])).shape == (2,)


def test_a_batch_of_one_has_one_score():
    assert Discriminator(widths=(8, 8, 16))(torch.rand(1, 3, 32, 32)).shape == (1,)


def test_the_label_changes_the_image_and_the_score():
    z, images = torch.randn(1, 10).expand(3, -1), torch.rand(1, 3, 32, 32).expand(3, -1, -1, -1)
    labels = torch.arange(3)
    generator, discriminator = Generator(10, 3, **SMALL).eval(), Discriminator(3, (8, 8, 16)).eval()
    drawn = generator(z, labels)
    assert not torch.allclose(drawn[0], drawn[1]) and not torch.allclose(drawn[1], drawn[2])
    assert len(discriminator(images, labels).unique()) == 3


def test_several_attributes_are_added():
    embedding = LabelEmbedding((3, 2), 5)
    both = embedding(torch.tensor([[2, 1]]))
    assert torch.allclose(both, embedding.tables[0].weight[2] + embedding.tables[1].weight[1])
    assert Generator(10, (3, 2), **SMALL)(torch.randn(4, 10), torch.zeros(4, 2, dtype=torch.long)).shape[0] == 4


def test_one_attribute_in_a_tuple_is_trained_with_one_label_for_each_image():
    networks = Generator(10, (3,), **SMALL), Discriminator((3,), (8, 8, 16))
    batches = Batches(torch.rand(8, 3, 32, 32), torch.arange(8) % 3, size=4)
    assert fit_adversarial(*networks, batches, callbacks=[lambda run: run.samples(2)], verbose=False).steps == 2


def test_projection_by_hand():
    discriminator = Discriminator(4, (8, 8, 16), norm=None)
    images, labels = torch.rand(6, 3, 32, 32), torch.randint(4, (6,))
    features = discriminator.features(images)
    weight, bias = discriminator.linear.weight[0], discriminator.linear.bias
    by_hand = [
        w @ weight + bias[0] + w @ discriminator.embedding.tables[0].weight[y]
        for w, y in zip(features, labels, strict=True)
    ]
    assert torch.allclose(discriminator(images, labels), torch.stack(by_hand), atol=1e-5)


def test_spectral_norm_bounds_every_layer_and_the_embedding():
    discriminator, labels = Discriminator(3, widths=(8, 8, 16)), torch.tensor([0, 1])
    for _ in range(30):  # power iterations
        discriminator(torch.rand(2, 3, 32, 32), labels)
    discriminator.eval()
    layers = [layer for layer in discriminator.modules() if isinstance(layer, nn.Conv2d | nn.Linear | nn.Embedding)]
    assert len(layers) == 5
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=0.1)


def test_without_batch_norm_a_score_does_not_depend_on_the_batch():
    images = torch.rand(4, 3, 32, 32)
    for norm, same in (("spectral", True), (None, True), ("batch", False)):
        discriminator = Discriminator(widths=(8, 8, 16), norm=norm)
        discriminator(images)
        weights = {name: value.clone() for name, value in discriminator.state_dict().items()}
        together = discriminator(images)[0]
        discriminator.load_state_dict(weights)
        alone = discriminator(images[:2])[0]
        assert torch.allclose(together, alone, atol=1e-5) == same


def test_gradients_reach_every_parameter():
    generator, discriminator = Generator(10, 3, **SMALL), Discriminator(3, (8, 8, 16))
    labels = torch.tensor([0, 1, 2])
    discriminator(generator(torch.randn(3, 10), labels), labels).sum().backward()
    for model in (generator, discriminator):
        assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Generator(10, **SMALL)(torch.randn(4, 11)), r"\(4, 11\); expected \(B, 10\)"),
        (lambda: Generator(10, **SMALL)(torch.randn(4, 10), torch.zeros(4).long()), "n_classes is missing"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(4, 10)), "no labels"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(4, 10), torch.zeros(4, 3)), "one-hot"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(3, 10), torch.zeros(3)), "float32; expected integers"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(3, 10), torch.zeros(3).byte()), "uint8; expected integers"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(2, 10), [0, 1]), "type list; expected a tensor"),
        (lambda: Generator(10, **SMALL)(torch.randn(0, 10)), "Generator got an empty batch"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(0, 10), torch.zeros(0).long()), "Generator got an empty batch"),
        (lambda: Discriminator(3)(torch.rand(0, 3, 32, 32), torch.zeros(0).long()), "got an empty batch"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(2, 10), torch.tensor([1, 3])), "counted from 1"),
        (lambda: Generator(10, 3, **SMALL)(torch.randn(2, 10), torch.tensor([-1, 0])), "-1 to 0"),
        (lambda: Discriminator(3)(torch.rand(2, 3, 32, 32)), "no labels"),
        (lambda: Discriminator()(torch.rand(2, 3, 28, 28)), "F.pad"),
        (lambda: Discriminator()(torch.rand(2, 1, 32, 32)), "3 channels"),
        (lambda: Discriminator(norm="layer"), "'spectral', 'batch' or None"),
    ],
)
def test_what_does_not_fit_is_named(call, said):
    with pytest.raises(ValueError, match=said):
        call()
