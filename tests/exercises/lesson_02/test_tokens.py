import re
from collections import defaultdict

import numpy as np
import torch


def encoder(lower=str.lower, cut=str.split, look=lambda word, index: index.get(word, index["<unk>"]), after=list):
    """An encoder with any of its steps exchanged."""
    return lambda sentence, index: after([look(word, index) for word in cut(lower(sentence))])


right = encoder()


def by_loop(sentence, index):
    ids = []
    for word in sentence.split():
        word = word.lower()
        if word in index:
            ids.append(index[word])
        else:
            ids.append(index["<unk>"])
    return ids


def by_exception(sentence, index):
    ids = []
    for word in sentence.lower().split():
        try:
            ids.append(index[word])
        except KeyError:
            ids.append(index["<unk>"])
    return ids


def dropping(sentence, index):
    return [index[word] for word in sentence.lower().split() if word in index]


def growing(sentence, index):
    return [index.setdefault(word, len(index)) for word in sentence.lower().split()]


def returns_early(sentence, index):
    for word in sentence.lower().split():
        return [index.get(word, index["<unk>"])]


def last_word(sentence, index):
    for word in sentence.lower().split():
        ids = [index.get(word, index["<unk>"])]
    return ids


def get(default):
    return encoder(look=lambda word, index: index.get(word, default))


def test_encode(judged):
    judged(
        "02.1",
        {
            "at once": right,
            "loop": by_loop,
            "exception": by_exception,
            "default dictionary": lambda s, index: [
                defaultdict(lambda: index["<unk>"], index)[w] for w in s.lower().split()
            ],
            "list of a map": lambda s, index: list(map(lambda w: index.get(w, index["<unk>"]), s.lower().split())),
            "numpy's whole numbers": lambda s, index: list(np.array(right(s, index), dtype=np.int64)),
        },
        {
            "no unknown": (encoder(look=lambda w, index: index[w], lower=str.lower), "`'<unk>'` stands for"),
            "no lower, no unknown": (encoder(lower=str, look=lambda w, index: index[w]), "lower-case words only"),
            "0": (get(0), "becomes 0, which is padding"),
            "None": (get(None), "becomes None"),
            "-1": (get(-1), "becomes -1"),
            "its text": (get("<unk>"), "becomes the text"),
            "always 1": (get(1), "'<unk>' is not number 1"),
            "dropped": (dropping, "is left out"),
            "a new number": (encoder(look=lambda w, index: index.get(w, len(index))), "gets a new number"),
            "a new word": (growing, "`index` was changed in place"),
            "case kept": (encoder(lower=str), "the case is kept"),
            "case kept and 0": (encoder(lower=str, look=lambda w, index: index.get(w, 0)), None),
            "case kept, dropped": (
                lambda s, index: [index[word] for word in s.split() if word in index],
                None,
            ),
            "upper case": (encoder(lower=str.upper), "no upper-case words"),
            "letters": (encoder(cut=list), "a number for each letter"),
            "words": (lambda s, index: s.lower().split(), "those are the words"),
            "reverse": (lambda s, index: right(s, index)[::-1], "in reverse"),
            "sorted": (lambda s, index: sorted(right(s, index)), "the numbers are sorted"),
            "a set": (lambda s, index: list(set(right(s, index))), "a set keeps neither"),
            "single spaces": (encoder(cut=lambda s: s.split(" ")), "splits at every single space"),
            "no repetition": (lambda s, index: list(dict.fromkeys(right(s, index))), "a repeated word occurs once"),
            "return in the loop": (returns_early, "only the first word"),
            "last word": (last_word, None),
            "nested": (lambda s, index: [right(s, index)], "inside another list"),
            "each in a list": (encoder(after=lambda ids: [[id] for id in ids]), "in a list of its own"),
            "floats": (encoder(after=lambda ids: [float(id) for id in ids]), "those are floats"),
            "tensor": (encoder(after=torch.tensor), "is a tensor"),
            "generator": (lambda s, index: (index.get(w, 1) for w in s.lower().split()), "square brackets"),
            "map": (lambda s, index: map(index.get, s.lower().split()), "`list(...)` converts"),
            "text": (lambda s, index: " ".join(map(str, right(s, index))), "is a str"),
            "dictionary": (lambda s, index: {w: index.get(w, 1) for w in s.lower().split()}, "is a dict"),
            "one number more": (lambda s, index: right(s, index) + [0], None),
            "strings": (encoder(after=lambda ids: [str(id) for id in ids]), None),
        },
    )


def test_an_empty_sentence_is_remarked_upon_and_not_wrong():
    from mmcourse.exercises.checks import judge

    verdict = judge("02.1", encoder(cut=lambda sentence: re.split(r"\s+", sentence)))
    assert verdict and "An empty sentence gives a list, [1]" in verdict.message
    assert "An empty sentence" not in judge("02.1", right).message
