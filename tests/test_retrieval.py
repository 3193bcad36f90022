"""Ranks against brute force, ties, several correct candidates, all directions."""

import itertools

import pytest
import torch
import torch.nn.functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from mmcourse import retrieval
from mmcourse.retrieval import all_directions, median_rank, nearest, ranks, recall_at


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def brute_force(queries, candidates, meanings, candidate_meanings):
    found = []
    for query, meaning in zip(queries, meanings, strict=True):
        cosines = [float(F.cosine_similarity(query.double(), c.double(), dim=0)) for c in candidates]
        order = sorted(range(len(candidates)), key=lambda i: -cosines[i])
        found.append(1 + next(position for position, i in enumerate(order) if candidate_meanings[i] == meaning))
    return found


def test_against_brute_force():
    queries, candidates = torch.randn(30, 5), torch.randn(40, 5)
    meanings, candidate_meanings = torch.randint(8, (30,)), torch.arange(40) % 8
    found = ranks(queries, candidates, meanings, candidate_meanings)
    assert found.tolist() == brute_force(queries, candidates, meanings.tolist(), candidate_meanings.tolist())


def test_without_meanings_the_partner_is_correct():
    queries = torch.randn(20, 6)
    candidates = queries + 0.8 * torch.randn(20, 6)
    assert ranks(queries, candidates).tolist() == brute_force(queries, candidates, range(20), range(20))
    assert ranks(queries, queries * 3).tolist() == [1] * 20


@pytest.mark.parametrize(("right", "wrong"), [(1, 1), (1, 4), (2, 3), (3, 1)])
def test_ties_get_the_mean_rank_over_all_orders(right, wrong):
    """All candidates are equal: the rank of the first correct one, averaged over all orders."""
    labels = [0] * right + [1] * wrong
    positions = [1 + order.index(0) for order in itertools.permutations(labels)]
    found = ranks(torch.ones(1, 3), torch.ones(right + wrong, 3), torch.tensor([0]), torch.tensor(labels))
    assert found.item() == pytest.approx(sum(positions) / len(positions))


def test_a_collapsed_space_has_chance_level():
    found = ranks(torch.ones(200, 4), torch.ones(200, 4))
    assert recall_at(found, 1) == 0 and recall_at(found, 5) == 0 and median_rank(found) == pytest.approx(100.5)


def test_a_tie_in_the_middle_and_rounding():
    candidates = torch.tensor([[1.0, 0], [0.6, 0.8], [0.6 * 3, 0.8 * 3], [0, 1.0]])
    found = ranks(torch.tensor([[1.0, 0]]), candidates, torch.tensor([1]), torch.tensor([0, 1, 2, 3]))
    assert found.item() == 2.5  # after the first, level with the third, whose vector is a multiple


def test_recall_and_median():
    found = torch.tensor([1.0, 1.5, 2, 7])
    assert [recall_at(found, k) for k in (1, 2, 5, 7)] == [0.25, 0.75, 0.75, 1.0]
    assert median_rank(found) == 1.75 and median_rank(torch.tensor([3.0, 1, 2])) == 2
    with pytest.raises(ValueError, match="k is 0"):
        recall_at(found, 0)
    with pytest.raises(ValueError, match="no ranks"):
        median_rank(torch.tensor([]))


def test_all_six_directions():
    vectors = {name: torch.randn(12, 4) for name in ("image", "text", "sound")}
    table = all_directions(vectors)
    pairs = itertools.permutations(vectors, 2)
    assert list(table) == [f"{a} → {b}" for a, b in pairs] and len(table) == 6
    found = ranks(vectors["sound"], vectors["image"])
    assert table["sound → image"] == {
        "R@1": recall_at(found, 1),
        "R@5": recall_at(found, 5),
        "median rank": median_rank(found),
    }
    assert list(all_directions(vectors, at=(3,))["text → image"]) == ["R@3", "median rank"]
    with pytest.raises(ValueError, match="two modalities"):
        all_directions({"image": torch.ones(2, 2)})


def test_nearest():
    candidates = torch.tensor([[1.0, 0], [0, 5], [1, 1]])
    cosines, positions = nearest(torch.tensor([[2.0, 0.1]]), candidates, 2)
    assert positions.tolist() == [[0, 2]] and cosines[0, 0] > cosines[0, 1]
    with pytest.raises(ValueError, match="k is 4"):
        nearest(torch.ones(1, 2), candidates, 4)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((torch.ones(2, 3), torch.ones(2, 4)), "expected \\(Q, D\\)"),
        ((torch.ones(3), torch.ones(2, 3)), "a single vector"),
        ((torch.ones(0, 3), torch.ones(2, 3)), "0 queries"),
        ((torch.ones(2, 3) / 0 * 0, torch.ones(2, 3)), "not finite"),
        ((torch.ones(2, 3), torch.ones(2, 3), torch.tensor([0, 5]), torch.tensor([0, 1])), "query 1 has no candidate"),
        ((torch.ones(2, 3), torch.ones(3, 3)), "for 3 candidates"),
        ((torch.ones(2, 3), torch.ones(2, 3), torch.zeros(3)), "for 2 queries"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, says):
    with pytest.raises(ValueError, match=says):
        ranks(*arguments)


class NoFloat64(TorchDispatchMode):
    """A device without float64, as Apple's MPS is."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        if isinstance(out, torch.Tensor) and out.dtype == torch.float64:
            raise TypeError("the MPS framework doesn't support float64")
        return out


def test_a_device_without_float64_ranks_alike(monkeypatch):
    vectors = {"image": torch.randn(60, 8), "text": torch.randn(60, 8)}
    vectors["sound"] = vectors["image"] * torch.rand(60, 1) + 0.1  # ties but for rounding
    expected, around = all_directions(vectors), nearest(vectors["image"], vectors["text"])
    monkeypatch.setattr(retrieval, "NO_FLOAT64", ("cpu",))
    with NoFloat64():
        assert all_directions(vectors) == expected
        assert torch.equal(nearest(vectors["image"], vectors["text"])[1], around[1])


def test_blocks_of_queries_are_ranked_as_all_at_once(monkeypatch):
    queries, candidates, meanings = torch.randn(30, 5), torch.randn(40, 5), torch.randint(8, (30,))
    expected = ranks(queries, candidates, meanings, torch.arange(40) % 8)
    for block in (1, 40, 70, 40 * 30 - 1):
        monkeypatch.setattr(retrieval, "BLOCK", block)
        assert torch.equal(ranks(queries, candidates, meanings, torch.arange(40) % 8), expected)


def test_many_queries_among_many_candidates_take_little_memory(largest):
    vectors = torch.randn(3_000, 4)
    with largest:
        assert (ranks(vectors, vectors) == 1).all()
    assert largest.elements < 3_000 * 3_000 / 2


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64])
def test_the_nearest_of_other_types_are_those_of_float32(dtype):
    query, candidates = (50 * torch.randn(9, 16)).to(dtype), (50 * torch.randn(200, 16)).to(dtype)
    cosines, positions = nearest(query, candidates, 8)
    expected = nearest(query.float(), candidates.float(), 8)
    assert torch.equal(positions, expected[1]) and torch.equal(cosines, expected[0])
    assert torch.equal(ranks(query, query), ranks(query.double(), query.double()))
