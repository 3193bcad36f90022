"""Exercises 12.1, 12.2 and 12.5 on correct answers and on the wrong ones that people give."""

from collections import Counter

import numpy as np
import pytest
import torch


def variant_of_shift(inputs, targets):
    return lambda tokens: (inputs(tokens), targets(tokens))


def test_shifting(judged):
    first, last = (lambda t: t[:, :-1]), (lambda t: t[:, 1:])
    judged(
        "12.1",
        {
            "slices": variant_of_shift(first, last),
            "list": lambda t: [t[:, : t.shape[1] - 1], t[:, 1:].clone()],
            "end hidden": lambda t: (t[:, :-1].masked_fill(t[:, 1:] == 0, 0), t[:, 1:]),
            "end alone hidden": lambda t: (torch.where(t == 3, 0, t)[:, :-1], t[:, 1:]),
            "narrow": lambda t: (t.narrow(1, 0, t.shape[1] - 1), t.narrow(1, 1, t.shape[1] - 1)),
        },
        {
            "exchanged": (variant_of_shift(last, first), "exchanged: <start> is an input"),
            "unshifted": (variant_of_shift(last, last), "the answer is part of the input"),
            "same first": (variant_of_shift(first, first), None),
            "whole": (lambda t: (t, t), "both are as long as the tokens"),
            "rolled": (lambda t: (t, t.roll(-1, 1)), None),
            "rows": (lambda t: (t[:-1], t[1:]), "a sentence is missing"),
            "one": (lambda t: t[:, 1:], "one tensor was returned"),
            "longer": (lambda t: (t, t[:, 1:]), "one position shorter than the tokens"),
            "two off": (lambda t: (t[:, :-2], t[:, 2:]), None),
            "numbers": (lambda t: 3, "an int, 3, expected two tensors"),
            "three": (lambda t: (t[:, :-1], t[:, 1:], t), "a tuple of 3 of type Tensor"),
            "arrays": (lambda t: (t[:, :-1].numpy(), t[:, 1:].numpy()), "a tuple of 2 of type ndarray"),
            "lists": (lambda t: (t[:, :-1].tolist(), t[:, 1:].tolist()), "a tuple of 2 of type list"),
            "floats": (lambda t: (t[:, :-1].float(), t[:, 1:].float()), "the tokens are of type torch.float32"),
            "five": (lambda t: (t[:, :5], t[:, 1:6]), "both have shape"),
            "reversed": (lambda t: (t[:, :-1], t.flip(1)[:, :-1]), "not the next tokens"),
        },
        draws=10,
    )


def say(step, state, start, end, longest):
    generated, word = [], start
    while len(generated) < longest:
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end:
            break
        generated.append(word)
    return generated


def say_in_a_for(step, state, start, end, longest):
    words = [start]
    for _ in range(longest):
        logits, state = step(state, torch.tensor(words[-1]))
        words.append(logits.softmax(0).argmax().item())
        if words[-1] == end:
            return words[1:-1]
    return words[1:]


def rereading(step, state, start, end, longest):
    generated = []
    while len(generated) < longest:
        now = state
        for word in (start, *generated):
            logits, now = step(now, word)
        if int(logits.argmax()) == end:
            break
        generated.append(int(logits.argmax()))
    return generated


def asking_twice(step, state, start, end, longest):
    generated, word = [], start
    for _ in range(longest):
        word, state = int(step(state, word)[0].argmax()), step(state, word)[1]
        if word == end:
            return generated
        generated.append(word)
    return generated


def broken(keep=False, forget=False, lag=0, before=False, after=False, always=False):
    def spoken(step, state, start, end, longest):
        generated, word, first = [start] if before else [], start, state
        for _ in range(longest + lag):
            logits, state = step(first if keep else state, start if forget else word)
            word = int(logits.argmax())
            if word == end:
                return generated + [end] * after
            generated.append(word)
        return generated + [end] * always

    return spoken


def leaves_out(step, state, start, end, longest):
    return [word for word in never_stops(step, state, start, end, longest) if word != end]


def never_ends(step, state, start, end, longest):
    while True:
        step(state, start)


def endless(step, state, start, end, longest):
    generated, word = [], start
    while word != end:
        logits, state = step(state, word)
        word = int(logits.argmax())
        generated.append(word)
    return generated[:-1]


def never_stops(step, state, start, end, longest):
    generated, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(logits.argmax())
        generated.append(word)
    return generated


def unlikeliest(step, state, start, end, longest):
    return say(lambda s, w: (lambda logits, after: (-logits, after))(*step(s, w)), state, start, end, longest)


def as_tensors(step, state, start, end, longest):
    return [torch.tensor(word) for word in say(step, state, start, end, longest)]


@pytest.mark.slow
def test_saying(judged):
    judged(
        "12.2",
        {
            "while": say,
            "for": say_in_a_for,
            "reading again": rereading,
            "asking twice": asking_twice,
            "tuple": lambda *a: tuple(say(*a)),
            "array": lambda *a: [np.int64(word) for word in say(*a)],
        },
        {
            "with end": (broken(after=True), "<end> is among the words; it only marks"),
            "with start": (broken(before=True), "<start> is among the words; it is an input"),
            "both": (broken(before=True, after=True), "<start> and <end> are among"),
            "state kept": (broken(keep=True), "the first state is used in every step"),
            "start again": (broken(forget=True), "<start> is the input of every step"),
            "neither": (broken(keep=True, forget=True), "neither the state nor the word is updated"),
            "one more": (broken(lag=1), "one word too many"),
            "one less": (broken(lag=-1), "one word too few"),
            "endless": (endless, "it never stops"),
            "always an end": (broken(after=True, always=True), "also where it was never predicted"),
            "framed always": (
                broken(before=True, after=True, always=True),
                "<start>, the words and <end> are returned",
            ),
            "start counted": (broken(before=True, lag=-1), "counted as one of `longest` words"),
            "never stops": (never_stops, "it does not stop at `end`"),
            "leaves end out": (leaves_out, "omits `end`"),
            "unlikeliest": (unlikeliest, "the least probable word"),
            "zero": (lambda step, state, start, end, n: say(step, state, start, 0, n), "it stops at 0"),
            "three": (lambda step, state, start, end, n: say(step, state, start, 3, n), "the book's <end>;"),
            "two": (lambda step, state, start, end, n: say(step, state, 2, end, n), "the book's <start>;"),
            "two and three": (
                lambda step, state, start, end, n: say(step, state, 2, 3, n),
                "<start> and <end> are used",
            ),
            "state too": (lambda step, state, *a: (say(step, state, *a), state), "return only the list"),
            "text": (lambda *a: list(map(str, say(*a))), "among the words is a str"),
            "floats": (lambda *a: list(map(float, say(*a))), "among the words is a float"),
            "too often": (never_ends, "`step` is called too often"),
            "every other": (lambda *a: say(*a)[::2], "it generated ["),
            "tensors": (as_tensors, "the words are tensors"),
            "tensor": (lambda *a: torch.tensor(say(*a)), "it returned a tensor, expected a list"),
            "state of one's own": (lambda step, state, *a: say(lambda s, w: step(0, w), state, *a), "as its state"),
        },
        draws=10,
    )


def precision(generated, reference):
    words, left, right = generated.split(), Counter(reference.split()), 0
    for word in words:
        if left[word] > 0:
            right, left[word] = right + 1, left[word] - 1
    return right / len(words) if words else 0


def by_counters(generated, reference):
    one, other = Counter(generated.split()), Counter(reference.split())
    return sum(min(n, other[w]) for w, n in one.items()) / max(sum(one.values()), 1)


def variant(count, below):
    def given(generated, reference):
        s, r = generated.split(), reference.split()
        return count(s, r) / max(below(s, r), 1)

    return given


def crossing(s, r):
    return sum((Counter(s) & Counter(r)).values())


def test_clipping(judged):
    spoken = lambda s, r: len(s)  # noqa: E731
    judged(
        "12.5",
        {
            "crossing out": precision,
            "counters": by_counters,
            "tensor": lambda s, r: torch.tensor(by_counters(s, r)),
            "zero": lambda s, r: 0 if not s else by_counters(s, r),
            "rounded": lambda s, r: round(by_counters(s, r), 4),
        },
        {
            "not clipped": (variant(lambda s, r: sum(w in r for w in s), spoken), "not clipped: "),
            "recall": (variant(crossing, lambda s, r: len(r)), "that is recall"),
            "sets": (variant(lambda s, r: len(set(s) & set(r)), spoken), "each word counts once"),
            "different": (
                variant(lambda s, r: len(set(s) & set(r)), lambda s, r: len(set(s))),
                "different words are counted",
            ),
            "places": (
                variant(lambda s, r: sum(a == b for a, b in zip(s, r, strict=False)), spoken),
                "compared position by position",
            ),
            "letters": (
                lambda s, r: sum((Counter(s) & Counter(r)).values()) / max(len(s), 1),
                "letters are counted",
            ),
            "number": (variant(crossing, lambda s, r: 1), "this is a number of words"),
            "twice over": (
                variant(lambda s, r: sum(min(s.count(w), r.count(w)) for w in s), spoken),
                "counted twice over",
            ),
            "percent": (lambda s, r: 100 * precision(s, r), "a percentage"),
            "text": (lambda s, r: str(precision(s, r)), "it returned a str"),
            "reference as text": (
                lambda s, r: sum(min(s.split().count(w), r.count(w)) for w in set(s.split())) / max(len(s.split()), 1),
                "the reference is searched as one text, so",
            ),
            "both as texts": (
                lambda s, r: sum(min(s.count(w), r.count(w)) for w in set(s.split())) / max(len(s.split()), 1),
                "both sentences are searched as texts",
            ),
            "said as text": (
                lambda s, r: sum(min(s.count(w), r.split().count(w)) for w in set(s.split())) / max(len(s.split()), 1),
                "`generated` is searched as one text",
            ),
            "in a text": (
                lambda s, r: sum(w in r for w in s.split()) / max(len(s.split()), 1),
                "'small': split the reference",
            ),
            "away": (variant(lambda s, r: (Counter(s) - Counter(r)).total(), spoken), "that the reference lacks"),
            "larger": (
                variant(lambda s, r: sum(max(s.count(w), r.count(w)) for w in set(s)), spoken),
                "the larger of two counts",
            ),
            "F1": (variant(lambda s, r: 2 * crossing(s, r), lambda s, r: len(s) + len(r)), "that is F1"),
            "longer": (variant(crossing, lambda s, r: max(len(s), len(r))), "the longer sentence"),
            "by different": (variant(crossing, lambda s, r: len(set(s))), "the number of different words"),
            "union": (variant(crossing, lambda s, r: (Counter(s) | Counter(r)).total()), "both sentences together"),
            "half": (lambda s, r: precision(s, r) / 2, "' it returned 0."),
        },
        draws=10,
    )
