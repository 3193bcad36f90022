import pytest
import torch

from mmcourse.tasks.matching import partners, same_or_not


def classes(count, seed, kinds=10):
    return torch.randint(0, kinds, (count,), generator=torch.Generator().manual_seed(seed))


def test_labels_say_whether_the_classes_are_the_same():
    one, other = classes(500, 0), classes(300, 1)
    i, j, labels = same_or_not(one, other)
    assert torch.equal(labels.bool(), one[i] == other[j]) and labels.float().mean() == 0.5
    assert len(labels) > 2 * 0.9 * len(other)


def test_each_example_is_right_once_and_wrong_once():
    one, other = classes(500, 0), classes(300, 1)
    i, j, labels = same_or_not(one, other)
    for positions in (i, j):
        right, wrong = positions[labels == 1], positions[labels == 0]
        assert sorted(right.tolist()) == sorted(wrong.tolist()) and len(set(right.tolist())) == len(right)


def test_wrong_pairs_are_of_all_sorts():
    one, other = classes(5_000, 0), classes(3_000, 1)
    i, j, labels = same_or_not(one, other)
    wrong = {(a, b) for a, b in zip(one[i][labels == 0].tolist(), other[j][labels == 0].tolist(), strict=True)}
    assert len(wrong) == 90


def test_a_seed_decides():
    one, other = classes(80, 0), classes(60, 1)
    first, again, another = (same_or_not(one, other, seed) for seed in (0, 0, 1))
    assert all(map(torch.equal, first, again)) and not torch.equal(first[0][:40], another[0][:40])


@pytest.mark.parametrize(
    ("one", "other", "says"),
    [
        (torch.zeros(5, dtype=torch.int64), torch.zeros(5, dtype=torch.int64), "fewer than two classes"),
        (torch.rand(5), classes(5, 0), "integers"),
        (torch.zeros(5, 10, dtype=torch.int64), classes(5, 0), "integers"),
    ],
)
def test_what_cannot_be_matched_is_refused(one, other, says):
    with pytest.raises(ValueError, match=says):
        same_or_not(one, other)


def test_partners_are_of_the_same_class_and_drawn_anew_for_another_seed():
    labels, others = torch.randint(0, 5, (200,)), torch.arange(60) % 5
    chosen = partners(labels, others)
    assert torch.equal(others[chosen], labels)
    assert torch.equal(chosen, partners(labels, others)) and not torch.equal(chosen, partners(labels, others, seed=1))
    assert len(chosen.unique()) > 40
    with pytest.raises(ValueError, match="there is no partner"):
        partners(torch.tensor([7]), others)
