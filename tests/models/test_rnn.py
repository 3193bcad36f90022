"""Recurrent networks: by hand they are PyTorch's, padding changes nothing, packed and padded agree, refusals help."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from mmcourse.data.text import lengths, pad
from mmcourse.models.pooling import last_states, max_over_time, mean_over_time
from mmcourse.models.rnn import GRUCell, LSTMCell, RNNCell, SentenceClassifier, SentenceEncoder

TOKENS = pad([[5, 3, 9, 2, 7, 7, 1], [4], [8, 2, 3], []])
VARIANTS = [
    {"cell": cell, "bidirectional": both, "pooling": pooling, "layers": layers}
    for cell in ("rnn", "lstm", "gru")
    for both in (False, True)
    for pooling in ("last", "max", "mean")
    for layers in (1, 2)
]


def label(options):
    return "-".join(str(value) for value in options.values())


@pytest.mark.parametrize(("by_hand", "pytorchs"), [(RNNCell, nn.RNN), (LSTMCell, nn.LSTM), (GRUCell, nn.GRU)])
def test_by_hand_is_pytorchs(by_hand, pytorchs):
    cell, layer = by_hand(5, 7), pytorchs(5, 7, batch_first=True)
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = torch.randn(3, 11, 5, requires_grad=True)
    states, (expected, _) = cell(x), layer(x)
    assert states.shape == (3, 11, 7)
    assert torch.allclose(states, expected, atol=1e-6)
    weights = torch.randn_like(states)
    ours, theirs = (torch.autograd.grad((out * weights).sum(), x)[0] for out in (states, expected))
    assert torch.allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize(
    ("by_hand", "pytorchs"), [(RNNCell, nn.RNNCell), (LSTMCell, nn.LSTMCell), (GRUCell, nn.GRUCell)]
)
def test_one_step_and_a_state_to_start_from(by_hand, pytorchs):
    cell, one = by_hand(5, 7), pytorchs(5, 7)
    cell.load_state_dict(one.state_dict())
    state = tuple(torch.randn(3, 7) for _ in range(2)) if by_hand is LSTMCell else torch.randn(3, 7)
    x = torch.randn(3, 5)
    mine, theirs = cell.step(x, state), one(x, state)
    for a, b in zip(mine, theirs, strict=True):
        assert torch.allclose(a, b, atol=1e-6)
    h = mine[0] if by_hand is LSTMCell else mine
    assert torch.allclose(cell(x[:, None], state)[:, 0], h, atol=1e-7)


@pytest.mark.parametrize("cell", [RNNCell, LSTMCell, GRUCell])
def test_cells_refuse_what_does_not_fit(cell):
    for shape in [(3, 5), (2, 4, 6), (0, 4, 5), (2, 0, 5)]:
        with pytest.raises(ValueError, match="expected .B, T, 5."):
            cell(5, 7)(torch.rand(shape))


@pytest.mark.parametrize("options", VARIANTS, ids=label)
def test_padding_and_neighbours_change_no_output(options):
    torch.manual_seed(0)
    model = SentenceClassifier(3, 12, 8, **options).eval()
    together = model(TOKENS)
    assert together.shape == (4, 3)
    assert torch.allclose(model(F.pad(TOKENS, (0, 9))), together, atol=1e-6), "more padding"
    for row, n in enumerate(lengths(TOKENS).tolist()):
        assert torch.allclose(model(TOKENS[row : row + 1, :n])[0], together[row], atol=1e-6), "alone, without padding"
    assert not model.encoder.states(TOKENS)[1, 1:].any(), "no state at padding"
    changed = TOKENS.clone()
    changed[0, 0] = 6
    assert not torch.allclose(model(changed)[0], together[0], atol=1e-5), "words do change it"


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_packed_and_padded_agree(cell):
    encoder = SentenceEncoder(12, 8, cell=cell, layers=2).eval()
    n = lengths(TOKENS)
    packed = pack_padded_sequence(encoder.embedding(TOKENS), n, batch_first=True, enforce_sorted=False)
    states, last = encoder.recurrent(packed)
    unpacked, _ = pad_packed_sequence(states, batch_first=True)
    assert torch.allclose(encoder.states(TOKENS), unpacked, atol=1e-6)
    last = last[0] if cell == "lstm" else last
    assert torch.allclose(encoder(TOKENS), last[-1], atol=1e-6)


def test_both_directions_end_at_the_sentences_own_ends():
    encoder = SentenceEncoder(12, 8, bidirectional=True).eval()
    states = encoder.states(TOKENS)
    expected = torch.stack(
        [torch.cat([states[i, n - 1, :4], states[i, 0, 4:]]) for i, n in enumerate(lengths(TOKENS).tolist())]
    )
    assert torch.equal(encoder(TOKENS), expected)
    early = TOKENS.clone()
    early[0, 6] = 2  # the last word reaches the state at the first one from the right alone
    assert not torch.allclose(encoder.states(early)[0, 0, 4:], states[0, 0, 4:], atol=1e-7)
    assert torch.allclose(encoder.states(early)[0, :6, :4], states[0, :6, :4], atol=1e-7)


def test_pooling_over_words_alone():
    features, tokens = -torch.rand(3, 2, 5) - 1, pad([[4, 4, 4, 4, 4], [4, 4], [4]])
    assert torch.equal(max_over_time(features, tokens)[1], features[1, :, :2].amax(dim=1)), "below 0, padding's 0 loses"
    assert torch.allclose(mean_over_time(features, tokens)[1], features[1, :, :2].mean(dim=1))
    states = torch.randn(3, 5, 2)
    assert torch.equal(last_states(states, lengths(tokens)), torch.stack([states[0, 4], states[1, 1], states[2, 0]]))


@pytest.mark.parametrize("options", VARIANTS[::5], ids=label)
def test_every_parameter_gets_a_gradient(options):
    model = SentenceClassifier(3, 12, 8, **options)
    F.cross_entropy(model(TOKENS), torch.tensor([0, 1, 2, 0])).backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    assert not model.encoder.embedding.weight.grad[0].any(), "padding's embedding stays 0"


def test_dropout_in_training_alone():
    model = SentenceClassifier(3, 12, 8, dropout=0.5)
    assert not torch.equal(model.train()(TOKENS), model(TOKENS))
    assert torch.equal(model.eval()(TOKENS), model(TOKENS))


def test_one_sentence_of_unknown_words():
    assert SentenceClassifier(3, 12, 8).eval()(pad([[]])).isfinite().all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: SentenceEncoder(12, 8)(torch.tensor([[3, 12]])), "expected 0 to 11"),
        (lambda: SentenceEncoder(12, 8)(torch.tensor([3, 4])), r"tokens\[None\]"),
        (lambda: SentenceEncoder(12, 8)(torch.tensor([[0, 0]])), "empty sentence"),
        (lambda: SentenceEncoder(12, 8, cell="elman"), "one of rnn, lstm, gru"),
        (lambda: SentenceEncoder(12, 8, pooling="sum"), "last, max, mean"),
        (lambda: SentenceEncoder(12, 7, bidirectional=True), "expected an even number"),
    ],
)
def test_refusals_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()
