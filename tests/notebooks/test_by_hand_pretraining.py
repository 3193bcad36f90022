"""What lesson 05 defines by hand computes what the package does."""

import ast
import math
from functools import partial
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.data import language
from mmcourse.data.text import pad
from mmcourse.models import language_model, sampling, transformer
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "05_pretraining.py"
BY_HAND = {"next_token_pair", "perplexity", "GPTByHand", "top_p", "mask_tokens", "merge_most_frequent"}
BY_HAND |= {"buggy_perplexity", "fixed_perplexity"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and the class that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "F": F, "Tensor": Tensor, "transformer": transformer}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


def test_gpt_by_hand_is_the_causal_language_model(lesson):
    by_hand, package = lesson["GPTByHand"](20, 16), language_model.LanguageModel(20, 16, causal=True)
    by_hand.embedding, by_hand.norm, by_hand.bias = package.encoder.embedding, package.encoder.norm, package.bias
    by_hand.blocks = package.encoder.blocks
    tokens = pad([[5, 6, 7, 8], [9, 10]])
    assert torch.allclose(by_hand(tokens)[tokens != 0], package(tokens)[tokens != 0], atol=1e-5)


def test_pairs_are_the_packages(lesson):
    sentences = [[7, 8, 9], [6]]
    inputs, targets = language.next_tokens(pad(sentences), START, END)
    by_hand = [lesson["next_token_pair"](sentence, START, END) for sentence in sentences]
    assert torch.equal(pad([pair[0] for pair in by_hand]), inputs)
    assert torch.equal(pad([pair[1] for pair in by_hand]), targets)


def test_perplexity_is_torchmetrics(lesson):
    from torchmetrics.text import Perplexity

    logits, targets = torch.randn(2, 5, 9), torch.randint(1, 9, (2, 5))
    targets[1, 2:] = 0
    metric = Perplexity(ignore_index=0)
    metric.update(logits, targets)
    logs = logits.log_softmax(-1).gather(2, targets[..., None])[..., 0]
    assert lesson["perplexity"]([logs[0], logs[1, :2]]) == pytest.approx(metric.compute().item(), rel=1e-5)


@pytest.mark.parametrize("limit", [0.2, 0.7, 0.95, 1.0])
def test_top_p_is_the_packages(lesson, limit):
    logits = torch.randn(30)
    expected = sampling.next_token_probabilities(logits, top_p=limit)
    assert torch.allclose(lesson["top_p"](logits.softmax(0), limit), expected, atol=1e-6)


def test_masking_is_the_packages(lesson):
    tokens = torch.randint(5, len(VOCABULARY), (40, 12))
    torch.manual_seed(0)
    inputs, targets = partial(language.mask_tokens, vocabulary_size=len(VOCABULARY), mask=MASK, special=5)(tokens)
    torch.manual_seed(0)
    scores, draw = torch.rand(tokens.shape), torch.rand(tokens.shape)
    chosen = (scores < language.FRACTION) | (scores == scores.amin(dim=1, keepdim=True))
    random_tokens = torch.randint(5, len(VOCABULARY), tokens.shape)
    by_hand = lesson["mask_tokens"](tokens, chosen, draw, random_tokens)
    assert torch.equal(by_hand[0], inputs) and torch.equal(by_hand[1], targets)


def test_the_buggy_evaluation_is_random_and_the_fixed_one_is_not(lesson):
    model = language_model.LanguageModel(20, 16, dropout=0.3).train()
    batches = [language.next_tokens(torch.randint(5, 20, (4, 6)), START, END) for _ in range(2)]
    buggy = {lesson["buggy_perplexity"](model, batches) for _ in range(3)}
    fixed = {lesson["fixed_perplexity"](model, batches) for _ in range(3)}
    assert len(buggy) == 3 and len(fixed) == 1 and model.training
    losses = [F.cross_entropy(model.eval()(x).transpose(1, 2), y, ignore_index=0, reduction="sum") for x, y in batches]
    n = sum(int((y != 0).sum()) for _, y in batches)
    assert fixed.pop() == pytest.approx(math.exp(sum(losses).item() / n), rel=1e-4)


def test_merges_are_those_of_the_diagram(lesson):
    from mmcourse.show.diagrams.subwords import merge_steps

    counts = {"fish": 5, "wish": 3, "fishing": 2, "ring": 2}
    words = {tuple(word): n for word, n in counts.items()}
    for _, _, split in merge_steps(counts, 4):
        words = lesson["merge_most_frequent"](words)
        assert [list(word) for word in words] == split
