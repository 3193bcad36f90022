import pytest
import torch
from torch import nn

from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.saliency import saliency
from mmcourse.models.textcnn import BagOfWords, TextCNN
from mmcourse.models.transformer import TransformerClassifier

VOCABULARY = 30
TOKENS = torch.tensor([[5, 9, 1, 7, 3], [8, 2, 0, 0, 0]])


class Linear(nn.Module):
    """The sum of word embeddings, a linear layer: each word's part of the logit is known."""

    def __init__(self):
        super().__init__()
        self.embedding, self.head = nn.Embedding(VOCABULARY, 6, padding_idx=0), nn.Linear(6, 3)

    def forward(self, tokens):
        return self.head(self.embedding(tokens).sum(1))


MODELS = {
    "RNN": lambda: SentenceClassifier(3, VOCABULARY, width=8, cell="rnn"),
    "GRU": lambda: SentenceClassifier(3, VOCABULARY, width=8),
    "LSTM": lambda: SentenceClassifier(3, VOCABULARY, width=8, cell="lstm", bidirectional=True, dropout=0.5),
    "TextCNN": lambda: TextCNN(3, VOCABULARY, width=8, maps=6),
    "bag of words": lambda: BagOfWords(3, VOCABULARY, width=8),
    "Transformer": lambda: TransformerClassifier(3, VOCABULARY, width=8, heads=2, layers=1),
}


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("classes", [None, 2, torch.tensor([1, 0])])
def test_for_a_linear_model_it_is_each_words_part_of_the_logit(classes):
    model = Linear()
    parts = model.embedding(TOKENS) @ model.head.weight.T  # (B, T, K)
    best = model(TOKENS).argmax(1) if classes is None else torch.as_tensor(classes).expand(2)
    expected = parts[torch.arange(2), :, best]
    torch.testing.assert_close(saliency(model, TOKENS, classes), expected.detach())


@pytest.mark.parametrize("name", MODELS)
def test_it_is_the_slope_of_the_logit_when_a_word_grows(name):
    """Scaling one embedding by 1 + e changes the logit by about e times the saliency."""
    model = MODELS[name]().double().eval()
    found = saliency(model, TOKENS, 1)
    assert found.shape == TOKENS.shape and (found[TOKENS == 0] == 0).all() and (found[TOKENS != 0] != 0).all()
    embedding = next(m for m in model.modules() if isinstance(m, nn.Embedding))
    e = 1e-5
    for row, position in ((0, 0), (0, 4), (1, 1)):
        scale = torch.ones(*TOKENS.shape, 1, dtype=torch.double)
        logits = []
        for sign in (1, -1):
            scale[row, position] = 1 + sign * e
            handle = embedding.register_forward_hook(lambda _m, _i, output, scale=scale: output * scale)
            with torch.no_grad():
                logits.append(model(TOKENS)[row, 1])
            handle.remove()
        gradient = (logits[0] - logits[1]) / (2 * e)
        torch.testing.assert_close(found[row, position], gradient, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("name", MODELS)
def test_the_model_stays_as_it_was_and_may_be_frozen(name, modes_kept):
    model = MODELS[name]().train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    first = saliency(model, TOKENS)
    assert model.training and not any(module._forward_hooks for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    with modes_kept(model, next(m for m in model.modules() if isinstance(m, nn.Embedding))):
        saliency(model, TOKENS)
    model.requires_grad_(False)
    with torch.no_grad():
        torch.testing.assert_close(saliency(model, TOKENS), first)  # no dropout: the same twice


def test_positions_are_no_words_and_two_tables_of_words_add_up():
    class Two(Linear):
        def __init__(self):
            super().__init__()
            self.second, self.positions = nn.Embedding(VOCABULARY, 6), nn.Embedding(9, 6)

        def forward(self, tokens):
            positions = self.positions(torch.arange(tokens.shape[1]).expand_as(tokens))
            return self.head((self.embedding(tokens) + self.second(tokens) + positions).sum(1))

    model = Two()
    parts = (model.embedding(TOKENS) + model.second(TOKENS)) @ model.head.weight.T
    torch.testing.assert_close(saliency(model, TOKENS, 0), parts[:, :, 0].detach())


@pytest.mark.parametrize(
    "model, tokens, classes, says",
    [
        (Linear(), torch.tensor([1, 2]), None, "batch axis"),
        (Linear(), torch.zeros(1, 0, dtype=torch.long), None, "at least one word"),
        (Linear(), TOKENS, 3, "from 0 to 2"),
        (SentenceClassifier(2, VOCABULARY, width=8).encoder.embedding, TOKENS, None, "without its classifier"),
        (nn.Sequential(nn.Flatten(), nn.Linear(5, 2)).double(), TOKENS.double(), None, "no nn.Embedding"),
    ],
)
def test_what_cannot_be_explained_is_refused(model, tokens, classes, says):
    with pytest.raises(ValueError, match=says):
        saliency(model, tokens, classes)
    assert not any(module._forward_hooks for module in model.modules())
