"""CTC against brute force over all alignments, against PyTorch's loss, and prefix beam search against all sequences."""

from itertools import pairwise, product

import pytest
import torch
import torch.nn.functional as F

from mmcourse.models import ctc
from mmcourse.tasks.transcripts import characters


def log_probs(frames, labels, seed=0, dtype=torch.float64, sharp=1.0):
    generator = torch.Generator().manual_seed(seed)
    return (sharp * torch.randn(frames, labels, generator=generator, dtype=dtype)).log_softmax(dim=1)


def every_alignment(rows):
    """Probability of every label sequence: the sum over all alignments that collapse to it."""
    found = {}
    for path in product(range(rows.shape[1]), repeat=len(rows)):
        labels = tuple(ctc.collapse(path))
        found[labels] = found.get(labels, 0) + sum(rows[t, c] for t, c in enumerate(path)).exp()
    return found


def torch_loss(rows, targets):
    return F.ctc_loss(
        rows[:, None], torch.tensor([targets]), torch.tensor([len(rows)]), torch.tensor([len(targets)]), reduction="sum"
    )


@pytest.mark.parametrize(
    ("path", "labels"),
    [
        ([], []),
        ([0, 0, 0], []),
        ([1, 1, 1], [1]),
        ([1, 0, 1], [1, 1]),
        ([0, 1, 1, 0, 0, 2, 2, 0], [1, 2]),
        ([1, 2, 1], [1, 2, 1]),
        ([1, 1, 0, 1, 2, 2, 0, 2], [1, 1, 2, 2]),
    ],
)
def test_repeats_merge_first_then_blanks_go(path, labels):
    assert ctc.collapse(path) == labels


def test_any_label_can_be_the_blank():
    assert ctc.collapse([0, 0, 2, 0, 1], blank=2) == [0, 0, 1]


def test_collapsing_makes_no_difference_to_repeats_of_any_length():
    generator = torch.Generator().manual_seed(0)
    for _ in range(50):
        path = torch.randint(0, 4, (9,), generator=generator)
        times = torch.randint(1, 4, (9,), generator=generator)
        assert ctc.collapse(path.repeat_interleave(times).tolist()) == ctc.collapse(path.tolist())


def test_two_equal_labels_need_a_blank_between_them():
    assert ctc.ctc_log_likelihood(log_probs(2, 3), [1, 1]) == -torch.inf
    three = log_probs(3, 3)
    assert torch.isclose(ctc.ctc_log_likelihood(three, [1, 1]), three[0, 1] + three[1, 0] + three[2, 1])


@pytest.mark.parametrize("seed", range(3))
def test_likelihood_is_the_sum_over_all_alignments(seed):
    rows = log_probs(5, 3, seed)
    for labels, probability in every_alignment(rows).items():
        assert torch.isclose(ctc.ctc_log_likelihood(rows, labels).exp(), probability), labels


def test_likelihoods_of_all_sequences_sum_to_one():
    rows = log_probs(4, 3)
    sequences = [s for n in range(5) for s in product((1, 2), repeat=n)]
    total = sum(ctc.ctc_log_likelihood(rows, s).exp() for s in sequences)
    assert torch.isclose(total, torch.ones((), dtype=torch.float64))


@pytest.mark.parametrize("targets", [[1], [2, 2], [1, 3, 3, 2], [3, 1, 2, 1, 1]])
def test_value_and_gradient_equal_those_of_pytorch(targets):
    logits = torch.randn(9, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()
    ours, theirs = -ctc.ctc_log_likelihood(logits.log_softmax(1), targets), torch_loss(logits.log_softmax(1), targets)
    assert torch.isclose(ours, theirs)
    assert torch.allclose(*(torch.autograd.grad(value, logits)[0] for value in (ours, theirs)))


def test_any_blank_gives_the_likelihood_of_the_exchanged_labels():
    rows = log_probs(6, 4)
    exchanged = rows[:, [3, 1, 2, 0]]
    assert torch.isclose(ctc.ctc_log_likelihood(rows, [1, 2, 2]), ctc.ctc_log_likelihood(exchanged, [1, 2, 2], blank=3))


def test_long_sounds_stay_exact_where_probabilities_would_be_0():
    rows = log_probs(1_500, 28, dtype=torch.float32, sharp=3.0)
    targets = (torch.arange(200) % 27 + 1).tolist()
    assert ctc.ctc_log_likelihood(rows, targets) < -1_000
    assert torch.isclose(-ctc.ctc_log_likelihood(rows, targets), torch_loss(rows, targets), rtol=1e-4)


@pytest.mark.parametrize("targets", [[1, 0, 2], [1, 0], [5], [-1]])
def test_targets_with_blanks_or_unknown_labels_are_refused(targets):
    with pytest.raises(ValueError, match="expected labels"):
        ctc.ctc_log_likelihood(log_probs(6, 4), targets)


def test_the_loss_of_a_batch_is_the_mean_per_character():
    rows = torch.stack([log_probs(40, 28, seed) for seed in range(3)])
    lengths, sentences = torch.tensor([40, 33, 25]), ["a red fish", "a tree", "moon"]
    targets = characters(sentences)
    each = [
        -ctc.ctc_log_likelihood(row[:n], t[t != 0]) / (t != 0).sum()
        for row, n, t in zip(rows, lengths, targets, strict=True)
    ]
    assert torch.isclose(ctc.ctc_loss((rows, lengths), targets), torch.stack(each).mean())


def test_greedy_collapses_the_best_path():
    best = torch.tensor([0, 3, 3, 0, 3, 1, 1])
    rows = F.one_hot(best, 4).double().mul(4).log_softmax(dim=1)
    assert ctc.greedy(rows) == [3, 3, 1]


@pytest.mark.parametrize("seed", range(8))
def test_a_beam_that_keeps_all_prefixes_finds_the_best_of_all_sequences(seed):
    rows = log_probs(5, 3, seed)
    found = every_alignment(rows)
    assert tuple(ctc.prefix_beam(rows, width=1_000, worth_trying=-1e9)) == max(found, key=found.get)


def test_the_best_path_and_the_best_sequence_can_differ():
    rows = torch.tensor([[0.6, 0.4], [0.6, 0.4]]).log()  # the blank twice has 0.36; 'a' in any way has 0.64
    assert ctc.greedy(rows) == []
    assert ctc.prefix_beam(rows) == [1]


@pytest.mark.parametrize("seed", range(4))
def test_with_a_language_model_the_beam_finds_what_scores_best_in_sum(seed):
    rows, weight, bonus = log_probs(5, 4, seed), 1.5, 0.7  # blank, space, a, b
    model = {"a": -0.5, "b": -1.5, None: -0.2}

    def scores(before, word):
        return model.get(word, -3.0) - 0.1 * len(before)

    def total(labels):
        words = tuple("".join("- ab"[c] for c in labels).split())
        language = sum(scores(words[:i], word) for i, word in enumerate((*words, None)))
        return found[labels].log() + weight * language + bonus * len(words)

    found = every_alignment(rows)
    got = ctc.prefix_beam(rows, 1_000, scores, weight, bonus, worth_trying=-1e9)
    assert tuple(got) == max(found, key=total)


def test_wider_beams_never_find_a_worse_sequence_on_average():
    rows = [log_probs(30, 6, seed, sharp=1.5) for seed in range(10)]
    likelihood = {
        width: sum(ctc.ctc_log_likelihood(row, ctc.prefix_beam(row, width)).item() for row in rows)
        for width in (1, 4, 64)
    }
    assert all(a <= b + 1e-9 for a, b in pairwise(likelihood.values()))
    assert likelihood[64] >= sum(ctc.ctc_log_likelihood(row, ctc.greedy(row)).item() for row in rows)


@pytest.mark.parametrize("decoder", [ctc.greedy, ctc.prefix_beam])
@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        (torch.zeros(2, 5, 3), "a batch"),
        (torch.zeros(0, 3), "a batch"),
        (torch.rand(5, 3) + 1, "logits or probabilities"),
        ([[0.0]], "list"),
    ],
)
def test_what_is_no_log_probabilities_of_one_sound_is_refused(decoder, rows, cause):
    with pytest.raises(ValueError, match=cause):
        decoder(rows)


def test_a_beam_of_no_prefix_is_refused():
    with pytest.raises(ValueError, match="width is 0"):
        ctc.prefix_beam(log_probs(3, 3), width=0)
