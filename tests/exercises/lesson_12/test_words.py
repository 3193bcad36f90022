"""Exercises 12.1, 12.2 and 12.5 on right answers and on the wrong ones that people give."""

from collections import Counter

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
            "exchanged": (variant_of_shift(last, first), "exchanged: <start> is read"),
            "unshifted": (variant_of_shift(last, last), "the answer stands in the question"),
            "same first": (variant_of_shift(first, first), None),
            "whole": (lambda t: (t, t), "both are as long as the tokens"),
            "rolled": (lambda t: (t, t.roll(-1, 1)), None),
            "rows": (lambda t: (t[:-1], t[1:]), "a sentence is missing"),
            "one": (lambda t: t[:, 1:], "one tensor came back"),
            "longer": (lambda t: (t, t[:, 1:]), "one place shorter than the tokens"),
            "two off": (lambda t: (t[:, :-2], t[:, 2:]), "both have shape"),
            "numbers": (lambda t: 3, "expected two tensors"),
            "reversed": (lambda t: (t[:, :-1], t.flip(1)[:, :-1]), "not the next words"),
        },
        draws=10,
    )


def say(step, state, start, end, longest):
    said, word = [], start
    while len(said) < longest:
        logits, state = step(state, word)
        word = int(logits.argmax())
        if word == end:
            break
        said.append(word)
    return said


def say_in_a_for(step, state, start, end, longest):
    words = [start]
    for _ in range(longest):
        logits, state = step(state, torch.tensor(words[-1]))
        words.append(logits.softmax(0).argmax().item())
        if words[-1] == end:
            return words[1:-1]
    return words[1:]


def broken(keep=False, forget=False, lag=0, frame=(0, 0)):
    def spoken(step, state, start, end, longest):
        said, word, first = [start] if frame[0] else [], start, state
        for _ in range(longest + lag):
            logits, state = step(first if keep else state, start if forget else word)
            word = int(logits.argmax())
            if word == end:
                return said + [end] * frame[1]
            said.append(word)
        return said

    return spoken


def endless(step, state, start, end, longest):
    said, word = [], start
    while word != end:
        logits, state = step(state, word)
        word = int(logits.argmax())
        said.append(word)
    return said[:-1]


def never_stops(step, state, start, end, longest):
    said, word = [], start
    for _ in range(longest):
        logits, state = step(state, word)
        word = int(logits.argmax())
        said.append(word)
    return said


def second_best(step, state, start, end, longest):
    return say(lambda s, w: (lambda logits, after: (-logits, after))(*step(s, w)), state, start, end, longest)


def as_tensors(step, state, start, end, longest):
    return [torch.tensor(word) for word in say(step, state, start, end, longest)]


def test_saying(judged):
    judged(
        "12.2",
        {"while": say, "for": say_in_a_for},
        {
            "with end": (broken(frame=(0, 1)), "<end> is among the words; it says"),
            "with start": (broken(frame=(1, 0)), "<start> is among the words; it was read"),
            "both": (broken(frame=(1, 1)), "<start> and <end> are among"),
            "state kept": (broken(keep=True), "the first state is used in every step"),
            "start again": (broken(forget=True), "<start> is read in every step"),
            "neither": (broken(keep=True, forget=True), "neither the state nor the word goes on"),
            "one more": (broken(lag=1), "one word too many"),
            "one less": (broken(lag=-1), "one word too few"),
            "endless": (endless, "it goes on and on"),
            "never stops": (never_stops, None),
            "unlikeliest": (second_best, None),
            "tensors": (as_tensors, "the words are tensors"),
            "tensor": (lambda *a: torch.tensor(say(*a)), "it gave a tensor, expected a list"),
            "state of one's own": (lambda step, state, *a: say(lambda s, w: step(0, w), state, *a), "as its state"),
        },
        draws=10,
    )


def precision(said, reference):
    words, left, right = said.split(), Counter(reference.split()), 0
    for word in words:
        if left[word] > 0:
            right, left[word] = right + 1, left[word] - 1
    return right / len(words) if words else 0


def by_counters(said, reference):
    one, other = Counter(said.split()), Counter(reference.split())
    return sum(min(n, other[w]) for w, n in one.items()) / max(sum(one.values()), 1)


def variant(count, below):
    def given(said, reference):
        s, r = said.split(), reference.split()
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
        },
        {
            "not clipped": (variant(lambda s, r: sum(w in r for w in s), spoken), "not clipped"),
            "recall": (variant(crossing, lambda s, r: len(r)), "that is recall"),
            "sets": (variant(lambda s, r: len(set(s) & set(r)), spoken), "each word counts once"),
            "different": (variant(lambda s, r: len(set(s) & set(r)), lambda s, r: len(set(s))), "different words are"),
            "places": (
                variant(lambda s, r: sum(a == b for a, b in zip(s, r, strict=False)), spoken),
                "compared place by place",
            ),
            "letters": (
                lambda s, r: sum((Counter(s) & Counter(r)).values()) / max(len(s), 1),
                "letters are counted",
            ),
            "number": (variant(crossing, lambda s, r: 1), "a number of words"),
            "twice over": (
                variant(lambda s, r: sum(min(s.count(w), r.count(w)) for w in s), spoken),
                "counted twice over",
            ),
            "percent": (lambda s, r: 100 * precision(s, r), "in per cent"),
            "silence": (lambda s, r: sum((Counter(s.split()) & Counter(r.split())).values()) / len(s.split()), "ZeroD"),
            "silence is golden": (lambda s, r: precision(s, r) if s else 1, "nothing said is nothing right"),
            "text": (lambda s, r: "good", "expected a number"),
        },
        draws=10,
    )
