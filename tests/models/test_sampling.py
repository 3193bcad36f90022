"""Sampling: the distribution after temperature, top-k and top-p, and sentences drawn from it."""

import pytest
import torch
from torch import nn

from mmcourse.models.sampling import next_token_probabilities, sample

P = torch.tensor([0.1, 0.5, 0.25, 0.15])
LOGITS = P.log()
END = 3


def near(given, *expected):
    assert torch.allclose(given, torch.tensor(expected, dtype=torch.float32), atol=1e-5), given


def test_without_settings_it_is_the_softmax():
    near(next_token_probabilities(LOGITS), *P.tolist())


def test_temperature_by_hand():
    near(next_token_probabilities(LOGITS, temperature=0.5), *(P**2 / (P**2).sum()).tolist())
    near(next_token_probabilities(LOGITS, temperature=1e6), 0.25, 0.25, 0.25, 0.25)
    near(next_token_probabilities(LOGITS, temperature=1e-3), 0, 1, 0, 0)


def test_top_k_by_hand():
    near(next_token_probabilities(LOGITS, top_k=1), 0, 1, 0, 0)
    near(next_token_probabilities(LOGITS, top_k=2), 0, 2 / 3, 1 / 3, 0)
    near(next_token_probabilities(LOGITS, top_k=99), *P.tolist())


def test_top_p_keeps_the_token_that_reaches_p():
    near(next_token_probabilities(LOGITS, top_p=0.4), 0, 1, 0, 0)
    near(next_token_probabilities(LOGITS, top_p=0.7), 0, 2 / 3, 1 / 3, 0)
    near(next_token_probabilities(LOGITS, top_p=0.8), 0, 5 / 9, 2.5 / 9, 1.5 / 9)
    near(next_token_probabilities(LOGITS, top_p=1.0), *P.tolist())


def test_ties_keep_k_tokens():
    assert (next_token_probabilities(torch.zeros(6), top_k=2) > 0).sum() == 2


def test_each_row_is_truncated_by_itself():
    rows = torch.stack([LOGITS, LOGITS.flip(0)])
    near(next_token_probabilities(rows, top_p=0.4)[1], 0, 0, 1, 0)


@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.7}, {"top_k": 3}, {"top_p": 0.9}, {"top_k": 5, "top_p": 0.5}]
)
def test_probabilities_sum_to_1_and_keep_their_order(settings):
    logits = torch.randn(7, 30)
    probabilities = next_token_probabilities(logits, **settings)
    assert torch.allclose(probabilities.sum(dim=-1), torch.ones(7), atol=1e-5)
    order = logits.argsort(dim=-1, descending=True)
    assert (probabilities.gather(1, order).diff(dim=1) <= 1e-7).all()


class Counts(nn.Module):
    """After token n comes n + 1 up to the end; every other token has half as large a logit."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.dropout = nn.Dropout(0.5)
        self.modes = []

    def forward(self, tokens):
        self.modes.append(self.training)
        logits = torch.zeros(*tokens.shape, 8)
        return logits.scatter(2, (tokens + 1).clamp(max=7)[..., None], 50.0)


def test_sampling_goes_on_from_the_prompt_until_the_end():
    model = Counts().train()
    tokens = sample(model, torch.tensor([[1], [4]]), end=6)
    assert tokens.tolist() == [[1, 2, 3, 4, 5, 6], [4, 5, 6, 0, 0, 0]]
    assert not any(model.modes) and model.training, "evaluation mode while it samples, afterwards as it was"
    assert sample(model, torch.tensor([[1, 2]]), end=6, length=2).tolist() == [[1, 2, 3, 4]]


def test_padding_and_forbidden_tokens_are_never_drawn():
    class Uniform(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1))

        def forward(self, tokens):
            return torch.zeros(*tokens.shape, 8)

    drawn = sample(Uniform(), torch.full((400, 1), 5), end=7, length=6, never=(1, 2))
    first = drawn[:, 1]
    assert set(first.tolist()) == {3, 4, 5, 6, 7}
    assert torch.bincount(first, minlength=8)[3:].float().std() < 40


def test_the_same_generator_draws_the_same():
    model = Counts()
    model.forward = lambda tokens: torch.zeros(*tokens.shape, 50)
    draw = lambda seed: sample(model, torch.full((4, 1), 5), END, generator=torch.Generator().manual_seed(seed))  # noqa: E731
    assert torch.equal(draw(1), draw(1)) and draw(1).tolist() != draw(2).tolist()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: next_token_probabilities(LOGITS, temperature=0), "temperature is 0"),
        (lambda: next_token_probabilities(LOGITS, top_k=0), "top_k is 0"),
        (lambda: next_token_probabilities(LOGITS, top_p=0.0), "top_p is 0.0"),
        (lambda: next_token_probabilities(LOGITS, top_p=1.5), "top_p is 1.5"),
        (lambda: sample(Counts(), torch.tensor([1]), END), r"shape \(1,\)"),
        (lambda: sample(Counts(), torch.tensor([[1, 0]]), END), "no padding"),
        (lambda: sample(Counts(), torch.tensor([[1]]), END, length=0), "length is 0"),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(ValueError, match=words):
        call()
