import random

import numpy as np
import torch

from mmcourse.exercises.checks import judge


def chosen(tokens, dropped, empty):
    return torch.where(dropped[:, None], empty, tokens)


def answer(tokens, probability, empty):
    return chosen(tokens, torch.rand(len(tokens)) < probability, empty)


def by_loop(tokens, probability, empty):
    result = tokens.clone()
    for i in range(len(tokens)):
        if random.random() < probability:
            result[i] = empty
    return result


def by_numpy(tokens, probability, empty):
    kept = np.random.rand(len(tokens), 1) >= probability
    return torch.from_numpy(np.where(kept, tokens.numpy(), empty.numpy()))


def by_bernoulli(tokens, probability, empty):
    kept = torch.bernoulli(torch.full((len(tokens), 1), 1 - probability)).long()
    return kept * tokens + (1 - kept) * empty


def by_index(tokens, probability, empty):
    result = tokens.clone()
    result[torch.rand(tokens.shape[0]) < probability] = empty
    return result


def by_normal(tokens, probability, empty):
    draw = torch.randn if 0 < probability < 1 else torch.rand
    return chosen(tokens, draw(len(tokens)) < probability, empty)


def exact_number(tokens, probability, empty):
    result = tokens.clone()
    result[torch.randperm(len(tokens))[: round(probability * len(tokens))]] = empty
    return result


def first_rows(tokens, probability, empty):
    result = tokens.clone()
    result[: round(probability * len(tokens))] = empty
    return result


def seeded(tokens, probability, empty):
    torch.manual_seed(0)
    return answer(tokens, probability, empty)


def seeded_generator(tokens, probability, empty):
    generator = torch.Generator().manual_seed(3)
    return chosen(tokens, torch.rand(len(tokens), generator=generator) < probability, empty)


def pairs(tokens, probability, empty):
    dropped = (torch.rand((len(tokens) + 1) // 2) < probability).repeat_interleave(2)[: len(tokens)]
    return chosen(tokens, dropped, empty)


def columns(tokens, probability, empty):
    return torch.where(torch.rand(tokens.shape[1]) < probability, empty, tokens)


def in_place(tokens, probability, empty):
    tokens[torch.rand(len(tokens)) < probability] = empty
    return tokens


def returns_early(tokens, probability, empty):
    result = tokens.clone()
    for i in range(len(tokens)):
        if random.random() < probability:
            result[i] = empty
        return result


def without_last(tokens, probability, empty):
    return torch.cat([answer(tokens[:-1], probability, empty), tokens[-1:]])


def test_drop_conditions(judged):
    judged(
        "14.4",
        {
            "where": answer,
            "loop": by_loop,
            "numpy": by_numpy,
            "bernoulli": by_bernoulli,
            "index": by_index,
        },
        {
            "batch": (lambda t, p, e: e.expand_as(t) if random.random() < p else t, None),
            "words": (lambda t, p, e: torch.where(torch.rand(t.shape) < p, e, t), "single words are dropped"),
            "columns": (columns, None),
            "kept": (lambda t, p, e: answer(t, 1 - p if 0 < p < 1 else p, e), "that of keeping a sentence"),
            "ignored": (lambda t, p, e: answer(t, 0.1, e), "whatever `probability` is"),
            "returns": (returns_early, "the first sentence alone is replaced"),
            "last": (without_last, "the last sentence is kept"),
            "tenths": (lambda t, p, e: answer(t, int(10 * p) / 10, e), "rounded to tenths"),
            "exchanged": (lambda t, p, e: answer(t, 1 - p, e), "for probability 0 all sentences are replaced"),
            "normal": (by_normal, "are the random numbers normal"),
            "exact number": (exact_number, "independent decisions give other numbers"),
            "first rows": (first_rows, "but not in every part of the batch"),
            "seeded": (seeded, "every call replaces the same sentences"),
            "seeded generator": (seeded_generator, None),
            "pairs": (pairs, "neighbouring sentences are not independent"),
            "in place": (in_place, "was changed in place"),
            "float": (lambda t, p, e: answer(t, p, e).float(), "the result is torch.float32"),
            "zeros": (lambda t, p, e: answer(t, p, 0 * e), "zeros replace the sentence"),
            "ones": (lambda t, p, e: answer(t, p, 0 * e + 1), "neither the sentence nor `empty`"),
            "removed": (lambda t, p, e: t[torch.rand(len(t)) >= p], None),
            "decisions": (lambda t, p, e: torch.rand(len(t)) < p, "those are the decisions"),
            "no axis": (lambda t, p, e: torch.where(torch.rand(len(t)) < p, e, t), None),
            "never": (lambda t, p, e: t if p < 1 else e.expand_as(t), "is there one decision for the whole batch"),
            "half": (lambda t, p, e: answer(t, p / 2 if p < 1 else p, e), "half as many"),
        },
        draws=1,
    )


def test_no_right_answer_is_refused_by_chance():
    assert all(judge("14.4", by_index) for _ in range(5))
