"""The debugging exercise of lesson 10 on correct reports and on the wrong ones that people hand in."""

from itertools import chain, combinations

import torch


def report(decide, features, labels, means, key="+".join, sets=None, there=None, mean=None, score=None):
    results = {}
    names = list(features)
    every = chain.from_iterable(combinations(names, size) for size in range(1, len(names) + 1))
    for kept in sets(names) if sets else every:
        filled = {}
        for name, x in features.items():
            row = ~x.isnan().any(1, keepdim=True)
            used = (row if there is None else there(row)) & torch.tensor(name in kept)
            filled[name] = torch.where(used, x, means[name] if mean is None else mean(x))
        logits = decide(filled)
        results[key(kept)] = (score or (lambda p, y: (p == y).float().mean().item()))(logits.argmax(1), labels)
    return results


def variant(**changes):
    return lambda decide, features, labels, means: report(decide, features, labels, means, **changes)


def by_loops(decide, features, labels, means):
    results, names = {}, list(features)
    for code in range(1, 2 ** len(names)):
        kept = [name for i, name in enumerate(names) if code >> i & 1]
        right = 0
        for i in range(len(labels)):
            row = {}
            for name, x in features.items():
                row[name] = x[i : i + 1] if name in kept and not x[i].isnan().any() else means[name][None]
            right += int(decide(row).argmax(1)) == int(labels[i])
        results["+".join(kept)] = right / len(labels)
    return results


def buggy_model(decide, features, labels, means):
    whole = torch.stack([~x.isnan().any(1) for x in features.values()]).all(0)
    logits = decide({name: x[whole] for name, x in features.items()})
    return {"accuracy": (logits.argmax(1) == labels[whole]).float().mean().item()}


def complete_cases(decide, features, labels, means):
    whole = torch.stack([~x.isnan().any(1) for x in features.values()]).all(0)
    return report(decide, {name: x[whole] for name, x in features.items()}, labels[whole], means)


def available_cases(decide, features, labels, means):
    results, names = {}, list(features)
    for size in range(1, len(names) + 1):
        for kept in combinations(names, size):
            there = torch.stack([~features[name].isnan().any(1) for name in kept]).all(0)
            some = {n: x[there] if n in kept else means[n].expand(int(there.sum()), -1) for n, x in features.items()}
            results["+".join(kept)] = (decide(some).argmax(1) == labels[there]).float().mean().item()
    return results


def emptied(of_the_set):
    """A row that lacks one modality, of all or of the set, gets the mean for all of them."""

    def given(decide, features, labels, means):
        results, names = {}, list(features)
        for size in range(1, len(names) + 1):
            for kept in combinations(names, size):
                asked = kept if of_the_set else names
                there = torch.stack([~features[name].isnan().any(1) for name in asked]).all(0)[:, None]
                some = {n: torch.where(there & torch.tensor(n in kept), x, means[n]) for n, x in features.items()}
                results["+".join(kept)] = (decide(some).argmax(1) == labels).float().mean().item()
        return results

    return given


def zeros_for_the_removed(decide, features, labels, means):
    filled = {n: torch.where(x.isnan().any(1, keepdim=True), means[n], x) for n, x in features.items()}
    return report(decide, filled, labels, means, mean=lambda x: torch.zeros(x.shape[1]))


def absent_keys(decide, features, labels, means):
    decide({name: x for name, x in features.items() if name == "image"})
    return {}


def own_mean(x):
    return x[~x.isnan().any(1)].mean(0)


def inverted(decide, features, labels, means):
    names = list(features)
    results = {}
    for size in range(1, len(names) + 1):
        for gone in combinations(names, size):
            filled = {}
            for name, x in features.items():
                row = ~x.isnan().any(1, keepdim=True) & torch.tensor(name not in gone)
                filled[name] = torch.where(row, x, means[name])
            results["+".join(gone)] = (decide(filled).argmax(1) == labels).float().mean().item()
    return results


def gaps(value):
    """What fills the gaps of a modality that is kept; the others get the training mean."""

    def given(decide, features, labels, means):
        filled = {name: torch.where(x.isnan().any(1, keepdim=True), value(x), x) for name, x in features.items()}
        return report(decide, filled, labels, means)

    return given


def test_report(judged):
    judged(
        "10.debug",
        {
            "where": report,
            "loops": by_loops,
            "tensors": variant(score=lambda p, y: (p == y).double().mean()),
        },
        {
            "buggy": (buggy_model, "one accuracy, with everything present: that is the"),
            "complete cases": (complete_cases, "rows that lack a modality are still left out"),
            "available cases": (available_cases, "for each set, rows that lack one of its modalities are left out"),
            "emptied": (emptied(False), "a row that lacks one modality gets the mean for"),
            "emptied set": (emptied(True), "a row that lacks one modality of a set gets the"),
            "zeros for the removed": (zeros_for_the_removed, "removed modalities are replaced by zeros; use the"),
            "inverted": (inverted, "the named modalities are removed, and the others"),
            "zeros": (variant(mean=lambda x: torch.zeros(x.shape[1])), "missing values are replaced by zeros; use the"),
            "own mean": (variant(mean=own_mean), "the mean is that of the evaluated data; in use"),
            "gaps zero": (gaps(lambda x: torch.zeros(x.shape[1])), "are filled with zeros"),
            "gaps own mean": (gaps(own_mean), None),
            "nan kept": (
                variant(there=lambda row: torch.ones_like(row)),
                "rows with NaN are passed to the model unchanged",
            ),
            "singles": (variant(sets=lambda names: [(n,) for n in names]), "only single modalities are included"),
            "everything": (variant(sets=lambda names: [tuple(names)]), "no accuracy for 'image', 'sound', 'text'"),
            "empty too": (
                variant(sets=lambda n: chain.from_iterable(combinations(n, k) for k in range(len(n) + 1))),
                "the empty set is among",
            ),
            "tuples": (variant(key=tuple), "expected text"),
            "order": (
                variant(key=lambda kept: "+".join(reversed(kept))),
                "the names of a key are in a different order than",
            ),
            "commas": (variant(key=",".join), "the keys are 'image', 'sound', 'text', 'image,sound'"),
            "mistakes": (
                variant(score=lambda p, y: (p != y).float().mean().item()),
                "those are error rates, not accuracies",
            ),
            "percent": (
                variant(score=lambda p, y: 100 * (p == y).float().mean().item()),
                "return fractions between 0 and 1",
            ),
            "counts": (variant(score=lambda p, y: (p == y).sum().item() / 7), None),
            "absent": (absent_keys, "this model needs every modality"),
            "number": (lambda d, f, y, m: 0.9, "expected a dict"),
        },
        draws=10,
    )
