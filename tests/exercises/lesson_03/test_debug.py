import random

import numpy as np
import torch


def split(speakers, held):
    train = [i for i, speaker in enumerate(speakers) if speaker not in held]
    return train, [i for i, speaker in enumerate(speakers) if speaker in held]


def loop(speakers, held):
    train, test = [], []
    for i, speaker in enumerate(speakers):
        (test if speaker in held else train).append(i)
    return train, test


def tensors(speakers, held):
    mask = torch.tensor([speaker in held for speaker in speakers])
    return (~mask).nonzero().flatten(), mask.nonzero().flatten()


def arrays(speakers, held):
    mask = np.isin(np.array(speakers), list(held))
    return np.flatnonzero(~mask), np.flatnonzero(mask)


def by_name(speakers, held):
    """In another order, which is no worse."""
    test = [i for name in held for i, speaker in enumerate(speakers) if speaker == name]
    return [i for i in range(len(speakers)) if i not in test], test


def matching(match):
    def answer(speakers, held):
        test = [i for i, speaker in enumerate(speakers) if any(match(speaker, name) for name in held)]
        return [i for i in range(len(speakers)) if i not in test], test

    return answer


def at_random(speakers, held):
    order = random.sample(range(len(speakers)), len(speakers))
    return order[len(held) :], order[: len(held)]


def first_positions(speakers, held):
    return [speakers.index(s) for s in speakers if s not in held], [speakers.index(s) for s in speakers if s in held]


def other_speakers(speakers, held):
    """As many speakers as asked for, but others."""
    others = sorted(set(speakers) - held)
    return split(speakers, set(others[: len(held)]))


def pops(speakers, held):
    result = split(speakers, held)
    held.clear()
    return result


def test_split_by_speaker(judged):
    def changed(change):
        return lambda speakers, held: change(*split(speakers, held), speakers)

    judged(
        "03.debug",
        {
            "comprehensions": split,
            "loop": loop,
            "tensors": tensors,
            "arrays": arrays,
            "by name": by_name,
            "tuples": changed(lambda train, test, _: [tuple(train), tuple(test)]),
            "int32": changed(lambda train, test, _: (np.array(train, dtype=np.int32), torch.tensor(test).int())),
            "shuffled": changed(lambda train, test, _: (random.sample(train, len(train)), test)),
            "range": changed(lambda train, test, s: (range(len(s)) if len(train) == len(s) else train, test)),
        },
        {
            "random": (at_random, None),
            "other speakers": (other_speakers, "who is held out, is in train"),
            "exchanged": (changed(lambda train, test, _: (test, train)), "train and test are exchanged"),
            "everything in train": (changed(lambda train, test, s: (list(range(len(s))), test)), "is on both sides"),
            "held lost": (changed(lambda train, test, _: (train, [])), "examples are lost"),
            "rest lost": (changed(lambda train, test, _: (train[:-1], test)), None),
            "part of a name": (matching(lambda speaker, name: name in speaker), "are two speakers"),
            "beginning of a name": (matching(lambda speaker, name: speaker.startswith(name)), None),
            "case": (matching(lambda speaker, name: speaker.lower() == name.lower()), None),
            "one big name": (matching(lambda speaker, name: speaker in name), None),
            "equal to the set": (changed(lambda train, test, s: (list(range(len(s))), [])), "not `==`"),
            "twice": (changed(lambda train, test, _: (train + train[:1], test)), None),
            "index": (first_positions, "always finds the first"),
            "names": (lambda s, held: ([x for x in s if x not in held], [x for x in s if x in held]), "lists speakers"),
            "masks": (lambda s, held: ([x not in held for x in s], [x in held for x in s]), "is a boolean mask"),
            "pairs": (lambda s, held: ([(0, "ann")], [(1, "theo")]), "lists pairs"),
            "one list": (lambda s, held: [x in held for x in s], "one entry for each example"),
            "one part": (lambda s, held: ([0],), "has 1 parts"),
            "dictionary": (lambda s, held: {"train": [], "test": []}, "the answer is a dict"),
            "sets": (changed(lambda train, test, _: (set(train), set(test))), "train is a set"),
            "generators": (
                changed(lambda train, test, _: ((i for i in train), (i for i in test))),
                "train is a generator, which cannot index",
            ),
            "filter": (changed(lambda train, test, s: (train, filter(test.count, range(len(s))))), "test is filter"),
            "iterator": (changed(lambda train, test, s: (iter(train), test)), "train is list_iterator"),
            "number": (lambda s, held: (0, 1), "expected a list of indices"),
            "from 1": (changed(lambda train, test, _: ([i + 1 for i in train], [i + 1 for i in test])), "count from 1"),
            "floats": (changed(lambda train, test, _: ([float(i) for i in train], test)), "a float"),
            "spoilt": (pops, "changed in place"),
        },
    )


def test_a_random_split_is_said_to_share_a_speaker():
    from mmcourse.exercises.checks import judge

    def every_other(speakers, held):
        return list(range(0, len(speakers), 2)), list(range(1, len(speakers), 2))

    assert "is on both sides: the speaker leaks" in judge("03.debug", every_other).message
