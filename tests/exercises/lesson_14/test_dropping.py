import random

import numpy as np
import torch

from mmcourse.exercises.checks import judge


def answer(tokens, probability):
    return tokens.masked_fill((torch.rand(len(tokens)) < probability)[:, None], 0)


def by_loop(tokens, probability):
    result = tokens.clone()
    for i in range(len(tokens)):
        if random.random() < probability:
            result[i] = 0
    return result


def by_numpy(tokens, probability):
    kept = np.random.rand(len(tokens), 1) >= probability
    return tokens * torch.from_numpy(kept)


def by_bernoulli(tokens, probability):
    kept = torch.bernoulli(torch.full((len(tokens), 1), 1 - probability))
    return (tokens * kept).long()


def by_where(tokens, probability):
    dropped = torch.rand(tokens.shape[0], 1) < probability
    return torch.where(dropped, torch.zeros_like(tokens), tokens)


def by_normal(tokens, probability):
    return (
        tokens.masked_fill((torch.randn(len(tokens)) < probability)[:, None], 0)
        if 0 < probability < 1
        else answer(tokens, probability)
    )


def exact_number(tokens, probability):
    result = tokens.clone()
    result[torch.randperm(len(tokens))[: round(probability * len(tokens))]] = 0
    return result


def first_rows(tokens, probability):
    result = tokens.clone()
    result[: round(probability * len(tokens))] = 0
    return result


def seeded(tokens, probability):
    torch.manual_seed(0)
    return answer(tokens, probability)


def seeded_generator(tokens, probability):
    generator = torch.Generator().manual_seed(3)
    return tokens.masked_fill((torch.rand(len(tokens), generator=generator) < probability)[:, None], 0)


def pairs(tokens, probability):
    dropped = (torch.rand((len(tokens) + 1) // 2) < probability).repeat_interleave(2)[: len(tokens)]
    return tokens.masked_fill(dropped[:, None], 0)


def columns(tokens, probability):
    return tokens * (torch.rand(tokens.shape[1]) >= probability)


def in_place(tokens, probability):
    tokens[torch.rand(len(tokens)) < probability] = 0
    return tokens


def test_drop_conditions(judged):
    judged(
        "14.4",
        {
            "masked_fill": answer,
            "loop": by_loop,
            "numpy": by_numpy,
            "bernoulli": by_bernoulli,
            "where": by_where,
        },
        {
            "batch": (lambda t, p: t * 0 if random.random() < p else t, None),
            "words": (lambda t, p: t.masked_fill(torch.rand(t.shape) < p, 0), "single words are dropped"),
            "columns": (columns, None),
            "kept": (lambda t, p: answer(t, 1 - p) if 0 < p < 1 else answer(t, p), "that of keeping a sentence"),
            "exchanged": (lambda t, p: answer(t, 1 - p), "for probability 0 a sentence is replaced"),
            "normal": (by_normal, "are the random numbers normal"),
            "exact number": (exact_number, "independent decisions give other numbers"),
            "first rows": (first_rows, "but not in every part of the batch"),
            "seeded": (seeded, "every call replaces the same sentences"),
            "seeded generator": (seeded_generator, None),
            "pairs": (pairs, "neighbouring sentences are not independent"),
            "in place": (in_place, "was changed in place"),
            "float": (lambda t, p: answer(t, p).float(), "the result is torch.float32"),
            "ones": (
                lambda t, p: t.masked_fill((torch.rand(len(t)) < p)[:, None], 1),
                "neither the sentence nor the empty one",
            ),
            "removed": (lambda t, p: t[torch.rand(len(t)) >= p], None),
            "decisions": (lambda t, p: torch.rand(len(t)) < p, "those are the decisions"),
            "no axis": (lambda t, p: t.masked_fill(torch.rand(len(t)) < p, 0), "gives it an axis for the words"),
            "never": (lambda t, p: t if p < 1 else 0 * t, "is there one decision for the whole batch"),
            "half": (lambda t, p: answer(t, p / 2) if p < 1 else answer(t, p), "half as many"),
        },
        draws=2,
    )


def test_no_right_answer_is_refused_by_chance():
    assert all(judge("14.4", by_where) for _ in range(10))
