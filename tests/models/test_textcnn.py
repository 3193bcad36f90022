"""TextCNN and the bag of words: Kim's formula, padding changes nothing, order matters to one and not to the other."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.data.text import lengths, pad
from mmcourse.models.textcnn import BagOfWords, TextCNN

TOKENS = pad([[5, 3, 9, 2, 7, 7, 1], [4], [8, 2, 3], []])
MODELS = {
    "TextCNN": lambda: TextCNN(3, 12, 8, maps=6),
    "even and single windows": lambda: TextCNN(3, 12, 8, windows=(1, 2, 6), maps=6),
    "BagOfWords": lambda: BagOfWords(3, 12, 8),
}


@pytest.mark.parametrize("name", MODELS)
def test_padding_and_neighbours_change_no_output(name):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    together = model(TOKENS)
    assert together.shape == (4, 3) and together.isfinite().all()
    assert torch.allclose(model(F.pad(TOKENS, (0, 9))), together, atol=1e-6), "more padding"
    for row, n in enumerate(lengths(TOKENS).tolist()):
        assert torch.allclose(model(TOKENS[row : row + 1, :n])[0], together[row], atol=1e-6), "alone, without padding"
    changed = TOKENS.clone()
    changed[0] = torch.tensor([6, 10, 11, 6, 10, 11, 6])
    assert not torch.allclose(model(changed)[0], together[0], atol=1e-5), "words do change it"


def test_a_feature_map_is_a_window_times_its_weights():
    model = TextCNN(2, 12, 8, windows=(3,), maps=5, dropout=0.0).eval()
    (maps,) = model.feature_maps(TOKENS[:1])
    words, convolution = model.embedding(TOKENS[0]), model.convolutions[0]
    for t in range(1, 6):
        window = words[t - 1 : t + 2].T  # (D, 3)
        expected = F.relu((convolution.weight * window).sum(dim=(1, 2)) + convolution.bias)
        assert torch.allclose(maps[0, :, t], expected, atol=1e-6)
    assert torch.allclose(model(TOKENS[:1]), model.head(maps.amax(dim=2)), atol=1e-6)


def test_order_matters_to_one_alone():
    turned = TOKENS[:1].flip(1)
    bag, cnn = BagOfWords(2, 12, 8).eval(), TextCNN(2, 12, 8).eval()
    assert torch.allclose(bag(turned), bag(TOKENS[:1]), atol=1e-6)
    assert not torch.allclose(cnn(turned), cnn(TOKENS[:1]), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_every_parameter_gets_a_gradient(name):
    model = MODELS[name]()
    F.cross_entropy(model(TOKENS), torch.tensor([0, 1, 2, 0])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    assert not model.embedding.weight.grad[0].any(), "padding's embedding stays 0"


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([[3, 12]]), "expected 0 to 11"),
        (torch.tensor([3, 4]), r"tokens\[None\]"),
        (torch.tensor([[0, 0]]), "empty sentence"),
    ],
)
def test_wrong_tokens_say_why(name, tokens, message):
    with pytest.raises(ValueError, match=message):
        MODELS[name]()(tokens)
