"""Targets made from text: next tokens, masked tokens, and the loss that counts no others."""

import math

import pytest
import torch
from torchmetrics.text import Perplexity

from mmcourse.data.language import LanguageBatches, mask_tokens, next_tokens, token_loss
from mmcourse.data.text import pad
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY

V, SPECIAL = len(VOCABULARY), 5


def masked(tokens, **options):
    return mask_tokens(tokens, V, mask=MASK, special=SPECIAL, **options)


def test_next_tokens_frames_every_sentence():
    inputs, targets = next_tokens(pad([[7, 8, 9], [6]]), START, END)
    assert inputs.tolist() == [[START, 7, 8, 9], [START, 6, 0, 0]]
    assert targets.tolist() == [[7, 8, 9, END], [6, END, 0, 0]]


def test_masked_targets_hold_the_original_tokens_and_0_elsewhere():
    tokens = torch.randint(SPECIAL, V, (200, 20))
    tokens[:, 15:] = 0
    torch.manual_seed(0)
    inputs, targets = masked(tokens)
    chosen = targets != 0
    assert torch.equal(targets[chosen], tokens[chosen])
    assert torch.equal(inputs[~chosen], tokens[~chosen]), "what was not chosen stays"
    assert chosen.any(dim=1).all(), "every sentence gives the loss something to count"
    assert not chosen[tokens == 0].any(), "padding is never predicted"


def test_of_the_chosen_tokens_80_10_10_percent_are_masked_random_and_kept():
    torch.manual_seed(0)
    tokens = torch.randint(SPECIAL, V, (2_000, 50))
    inputs, targets = masked(tokens)
    chosen = targets != 0
    assert chosen.float().mean() == pytest.approx(0.15, abs=0.01)
    became_mask, kept = (inputs == MASK)[chosen].float().mean(), (inputs == tokens)[chosen].float().mean()
    assert became_mask == pytest.approx(0.8, abs=0.02) and kept == pytest.approx(0.1 + 0.1 / (V - SPECIAL), abs=0.02)
    others = inputs[chosen & (inputs != MASK) & (inputs != tokens)]
    assert others.min() >= SPECIAL and others.max() < V, "a random token is a word"


def test_special_tokens_are_never_chosen():
    tokens = torch.tensor([[1, START, 9, END, MASK, 10, 0]])
    for _ in range(20):
        _, targets = masked(tokens, fraction=0.9)
        assert set(targets.nonzero()[:, 1].tolist()) <= {2, 5}
    inputs, targets = masked(torch.tensor([[1, START, END]]))
    assert inputs.tolist() == [[1, START, END]] and not targets.any(), "nothing to choose in a row of special tokens"


def test_the_loss_counts_masked_positions_only():
    logits = torch.randn(2, 4, 10, requires_grad=True)
    targets = torch.tensor([[0, 3, 0, 0], [7, 0, 0, 0]])
    loss = token_loss(logits, targets)
    probabilities = logits.log_softmax(dim=-1)
    assert loss.item() == pytest.approx(-(probabilities[0, 1, 3] + probabilities[1, 0, 7]).item() / 2, abs=1e-5)
    loss.backward()
    assert (logits.grad.abs().sum(dim=-1) > 0).tolist() == (targets != 0).tolist()


def test_perplexity_is_weighted_by_tokens():
    """Hand-computed: three tokens of probability 1/2 in one sentence, one of 1/8 in another: (2 * 2 * 2 * 8)^(1/4)."""
    unlikely = torch.tensor([0.2, 1 / 8, 0.375, 0.3])
    logits = torch.stack([torch.tensor([1e-9, 0.5, 0.5, 1e-9]), unlikely]).log()[:, None].expand(2, 3, 4)
    targets = [torch.tensor([[1, 2, 1]]), torch.tensor([[1, 0, 0]])]
    metric = Perplexity(ignore_index=0)
    for row, target in zip(logits, targets, strict=True):
        metric.update(row[None], target)
    assert metric.compute().item() == pytest.approx(64**0.25, rel=1e-5)
    mean_loss = (3 * token_loss(logits[:1], targets[0]) + token_loss(logits[1:, :1], targets[1][:, :1])) / 4
    assert math.exp(mean_loss) == pytest.approx(64**0.25, rel=1e-5)


def test_batches_apply_the_objective_anew_in_every_epoch():
    tokens = torch.randint(SPECIAL, V, (40, 12))
    batches = LanguageBatches(tokens, masked, size=16, seed=0)
    first, second = ([targets for _, targets in batches] for _ in range(2))
    assert len(batches) == len(first) == 3 and sum(map(len, first)) == 40
    batches.epoch = 0
    again = [targets for _, targets in batches]
    assert not torch.equal(again[0], first[0]), "the same sentences, other masks"
    assert not torch.equal(first[0], second[0])


def test_batches_are_as_wide_as_their_longest_sentence():
    batches = LanguageBatches(
        [[5, 6], [7], [8, 9, 10, 11], [5]], lambda t: next_tokens(t, START, END), size=2, shuffle=False
    )
    assert [tuple(inputs.shape) for inputs, _ in batches] == [(2, 3), (2, 5)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: next_tokens(torch.tensor([5, 6]), START, END), "without a batch axis"),
        (lambda: next_tokens(torch.rand(2, 3), START, END), "expected integers"),
        (lambda: next_tokens(torch.zeros(0, 3, dtype=torch.long), START, END), "at least one sentence"),
        (lambda: masked([[5, 6]]), "tokens are list"),
        (lambda: masked(torch.tensor([[5, 6]]), fraction=0.0), "fraction is 0.0"),
        (lambda: mask_tokens(torch.tensor([[5]]), 10, mask=7, special=5), "mask 7"),
        (lambda: token_loss(torch.rand(2, 10, 3), torch.ones(2, 3, dtype=torch.long)), r"expected \(B, T, V\)"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
