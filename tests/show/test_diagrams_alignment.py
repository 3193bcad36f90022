"""Diagrams of CTC: the alignments that they draw are all there are, and their sums are those of PyTorch."""

from itertools import groupby, product

import pytest
import torch
from torch import nn

from mmcourse.show import diagrams
from mmcourse.show.diagrams.alignment import alignments, extended, number, prefix_steps
from mmcourse.show.diagrams.canvas import Canvas


def collapsed(labels, blank="-") -> str:
    return "".join(label for label, _ in groupby(labels) if label != blank)


def random_frames(frames: int, seed: int, symbols: int = 3) -> torch.Tensor:
    return torch.rand(frames, symbols, generator=torch.Generator().manual_seed(seed)).double().softmax(1)


@pytest.mark.parametrize(("labels", "text"), [("hhe-ll-loo-", "hello"), ("--", ""), ("aab", "ab"), ("a-ab", "aab")])
def test_collapsing_merges_repeats_before_it_removes_blanks(labels, text, shown):
    diagrams.ctc_collapse(labels)
    assert f"to {text or 'nothing'} (blanks removed)" in shown.alt() and collapsed(labels) == text


@pytest.mark.parametrize(("target", "frames"), [("a", 1), ("ab", 2), ("ab", 3), ("aa", 4), ("aba", 5), ("abb", 5)])
def test_the_alignments_are_all_label_sequences_that_collapse_to_the_target(target, frames):
    states = extended(target)
    found = ["".join(states[s] for s in path) for path in alignments(target, frames)]
    expected = {"".join(labels) for labels in product("-ab", repeat=frames) if collapsed(labels) == target}
    assert len(found) == len(set(found)) and set(found) == expected


@pytest.mark.parametrize(("target", "frames"), [("ab", 3), ("aa", 4), ("aba", 4)])
def test_the_sum_of_the_alignments_is_that_of_ctc_loss(target, frames, shown):
    p = random_frames(frames, seed=frames)
    diagrams.ctc_lattice(target, probabilities=p, symbols="-ab")
    ids = torch.tensor(["-ab".index(symbol) for symbol in target])
    loss = nn.CTCLoss(reduction="sum")(p.log(), ids, torch.tensor(frames), torch.tensor(len(target)))
    assert f"p({target}) = {number((-loss).exp().item())}." in shown.alt()


def test_the_forward_variables_end_in_the_sum(shown, monkeypatch):
    written, write = [], Canvas.text

    def keep(self, x, y, text, *args, **options):
        written.append(text)
        write(self, x, y, text, *args, **options)

    monkeypatch.setattr(Canvas, "text", keep)
    diagrams.ctc_lattice("ab", probabilities=[[0.3, 0.6, 0.1], [0.5, 0.2, 0.3], [0.2, 0.1, 0.7]])
    assert {"$\\alpha$ = 0.462", "$\\alpha$ = 0.036", "p(ab) = 0.498"} <= set(written)


@pytest.mark.parametrize("seed", range(5))
def test_a_prefix_has_the_probability_of_all_its_alignments(seed):
    p = random_frames(3, seed).numpy()
    last = prefix_steps(p, "-ab", width=1_000)[-1]
    sums = {}
    for labels in product(range(3), repeat=3):
        prefix = collapsed("-ab"[i] for i in labels)
        sums[prefix] = sums.get(prefix, 0.0) + p[range(3), labels].prod()
    assert set(last) == set(sums)
    assert all(last[prefix][0] == pytest.approx(sums[prefix]) for prefix in sums)


def test_pruning_keeps_the_most_probable_prefixes(shown):
    p = random_frames(3, 0).numpy()
    first, second = prefix_steps(p, "-ab", width=1)[:2]
    best = max(first, key=lambda prefix: first[prefix][0])
    assert all(parents == [best] for _, parents in second.values())
    diagrams.prefix_beam(p, width=2)
    assert shown.alt().split("frame 2")[0].count("pruned") == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: diagrams.ctc_collapse([]), "1 to 18 labels"),
        (lambda: diagrams.ctc_collapse(["ab"]), "one character each"),
        (lambda: diagrams.ctc_lattice("aa", frames=2), "3 to 6 frames: one for each symbol, and one for a blank"),
        (lambda: diagrams.ctc_lattice("a-b", frames=4), "without blanks"),
        (lambda: diagrams.ctc_lattice("ax", probabilities=random_frames(3, 0)), r"\['x'\] of the target"),
        (lambda: diagrams.ctc_lattice("ab", probabilities=random_frames(3, 0).log()), "need .exp"),
        (lambda: diagrams.prefix_beam(random_frames(3, 0, symbols=4)), r"shape \(3, 4\) for 3 symbols"),
        (lambda: diagrams.prefix_beam(width=5), "1 to 4 of each"),
        (lambda: diagrams.recogniser(stride=0), "stride is 0"),
    ],
)
def test_bad_input_gets_a_clear_error(call, message, shown):
    with pytest.raises(ValueError, match=message):
        call()
    assert not shown
