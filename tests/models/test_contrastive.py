"""The contrastive loss by hand, on random features, with several right answers; the learned scale; the space."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse import Batches, fit
from mmcourse.models.contrastive import LARGEST_SCALE, ContrastiveLoss, SharedSpace, contrastive_loss, distance


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def unit_pairs(angles, others):
    return tuple(torch.tensor([[math.cos(a), math.sin(a)] for a in some]) for some in (angles, others))


def test_three_by_three_by_hand():
    one, other = unit_pairs((0.0, math.pi / 2, math.pi), (0.0, math.pi / 2, math.pi))
    # Cosines: 1 on the diagonal, 0 beside the second, -1 between the first and the third. Scale 2.
    outer = -math.log(math.exp(2) / (math.exp(2) + math.exp(0) + math.exp(-2)))
    middle = -math.log(math.exp(2) / (math.exp(2) + 2 * math.exp(0)))
    assert contrastive_loss(one, other, 2.0).item() == pytest.approx((2 * outer + middle) / 3, abs=1e-6)


def test_rows_and_columns_count_alike_where_they_differ():
    one, other = unit_pairs((0.0, 0.1, 2.0), (0.2, 2.5, 1.9))
    logits = 3.0 * one @ other.T
    rows = -sum(logits[i].log_softmax(0)[i] for i in range(3)) / 3
    columns = -sum(logits[:, i].log_softmax(0)[i] for i in range(3)) / 3
    assert abs(rows - columns) > 0.05
    assert contrastive_loss(one, other, 3.0).item() == pytest.approx(((rows + columns) / 2).item(), abs=1e-6)
    assert contrastive_loss(other, one, 3.0).item() == pytest.approx(((rows + columns) / 2).item(), abs=1e-6)


@pytest.mark.parametrize("batch", [2, 16, 128])
def test_vectors_that_say_nothing_cost_the_logarithm_of_the_batch(batch):
    same = torch.ones(batch, 8)
    assert contrastive_loss(same, same, 20.0).item() == pytest.approx(math.log(batch), abs=1e-5)
    random = [contrastive_loss(torch.randn(batch, 256), torch.randn(batch, 256), 1.0).item() for _ in range(20)]
    assert sum(random) / 20 == pytest.approx(math.log(batch), abs=0.03)


def test_length_does_not_count():
    one, other = torch.randn(2, 6, 4)
    longer = torch.rand(6, 1) * 9 + 0.1
    torch.testing.assert_close(contrastive_loss(one * longer, other, 5.0), contrastive_loss(one, other / longer, 5.0))


def test_a_better_match_costs_less_and_a_larger_scale_sharpens():
    one = torch.randn(8, 32)
    near, far = one + 0.1 * torch.randn(8, 32), one + 2.0 * torch.randn(8, 32)
    assert contrastive_loss(one, near, 10.0) < contrastive_loss(one, far, 10.0) < contrastive_loss(one, -one, 10.0)
    assert contrastive_loss(one, near, 50.0) < contrastive_loss(one, near, 5.0)


def test_same_meanings_share_the_target():
    one, other = torch.randn(2, 4, 6)
    meanings = torch.tensor([7, 3, 7, 5])
    logits = 4.0 * F.normalize(one, dim=1) @ F.normalize(other, dim=1).T
    target = torch.tensor([[0.5, 0, 0.5, 0], [0, 1, 0, 0], [0.5, 0, 0.5, 0], [0, 0, 0, 1]])
    by_hand = -((target * logits.log_softmax(1)).sum(1).mean() + (target * logits.T.log_softmax(1)).sum(1).mean()) / 2
    torch.testing.assert_close(contrastive_loss(one, other, 4.0, meanings), by_hand)
    everyone_else = contrastive_loss(one, other, 4.0, torch.arange(4))
    torch.testing.assert_close(everyone_else, contrastive_loss(one, other, 4.0))


def test_twins_are_no_negatives():
    """With two pages of one meaning at the same spot, the plain loss pulls them apart; the shared target does not."""
    spot = torch.tensor([[1.0, 0], [1, 0], [0, 1]], requires_grad=True)
    meanings = torch.tensor([0, 0, 1])
    (shared,) = torch.autograd.grad(contrastive_loss(spot, spot.detach() * 1.0, 5.0, meanings), spot)
    assert contrastive_loss(spot, spot, 5.0, meanings) < contrastive_loss(spot, spot, 5.0) + 1e-6
    torch.testing.assert_close(shared[0], shared[1])


@pytest.mark.parametrize(
    ("one", "other", "meanings", "says"),
    [
        (torch.ones(3, 4), torch.ones(3, 5), None, "different widths"),
        (torch.ones(3, 4), torch.ones(2, 4), None, "not pairs"),
        (torch.ones(0, 4), torch.ones(0, 4), None, "empty batch"),
        (torch.ones(3), torch.ones(3), None, "expected \\(B, D\\)"),
        (torch.ones(3, 4).long(), torch.ones(3, 4), None, "floating point"),
        (torch.ones(3, 4), torch.ones(3, 4), torch.zeros(2, dtype=torch.int64), "integer for each of the 3"),
        (torch.ones(3, 4), torch.ones(3, 4), torch.zeros(3), "an integer"),
    ],
)
def test_what_does_not_fit_is_refused(one, other, meanings, says):
    with pytest.raises(ValueError, match=says):
        contrastive_loss(one, other, 1.0, meanings)


def test_the_scale_is_learned_and_stays_below_its_limit():
    loss = ContrastiveLoss(scale=5.0)
    assert loss.scale.item() == pytest.approx(5.0)
    one = torch.randn(16, 8)
    optimiser = torch.optim.SGD(loss.parameters(), lr=50.0)
    for _ in range(60):
        optimiser.zero_grad()
        loss((one, one)).backward()
        optimiser.step()
    assert 5.0 < loss.scale.item() <= LARGEST_SCALE * (1 + 1e-6)
    with torch.no_grad():
        loss.log_scale.fill_(9.0)
    assert loss.scale.item() == pytest.approx(LARGEST_SCALE)
    for wrong in (0.0, -1.0, 101.0):
        with pytest.raises(ValueError, match="scale is"):
            ContrastiveLoss(wrong)


@pytest.mark.parametrize("reached", [LARGEST_SCALE, 5 * LARGEST_SCALE])
def test_a_scale_that_reached_its_limit_can_leave_it(reached):
    loss = ContrastiveLoss()
    with torch.no_grad():
        loss.log_scale.fill_(math.log(reached))
    one, other = torch.randn(16, 8), torch.randn(16, 8)  # partners that are not alike ask for a small scale
    loss((one, other)).backward()
    assert loss.log_scale.grad > 0 and loss.scale.item() == pytest.approx(LARGEST_SCALE)


def space():
    return SharedSpace({"image": nn.Linear(6, 4), "text": nn.Linear(5, 4), "sound": nn.Linear(3, 4)})


def test_embedding_gives_unit_vectors_of_the_tower():
    shared, x = space(), torch.randn(7, 5)
    vectors = shared.embed("text", x)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(7))
    torch.testing.assert_close(vectors, F.normalize(shared.towers["text"](x), dim=1))
    assert shared.names == ("image", "text", "sound")
    with pytest.raises(ValueError, match="no tower 'smell'.*image, text, sound"):
        shared.embed("smell", x)
    with pytest.raises(ValueError, match="towers is empty"):
        SharedSpace({})
    with pytest.raises(ValueError, match="both towers are 'text'"):
        shared.pair("text", "text")
    with pytest.raises(ValueError, match="locked is 'sound'"):
        shared.pair("image", "text", locked="sound")


def test_a_pair_learns_and_a_locked_tower_does_not_move():
    shared = space()
    truth = torch.randn(64, 4)
    sounds, tokens = truth @ torch.randn(4, 3), truth @ torch.randn(4, 5)
    before = {name: parameter.clone() for name, parameter in shared.named_parameters()}
    pair = shared.pair("text", "sound", locked="text")
    history = fit(
        pair,
        Batches(tokens, sounds, torch.arange(64), size=32),
        loss=pair.loss,
        epochs=20,
        lr=1e-2,
        metrics=(),
        verbose=False,
    )
    moved = {name for name, parameter in shared.named_parameters() if not torch.equal(parameter, before[name])}
    assert moved == {"loss.log_scale", "towers.sound.weight", "towers.sound.bias"}
    assert history.losses[-1] < 0.8 * history.losses[0]


def test_a_locked_tower_keeps_its_statistics():
    shared = SharedSpace({"text": nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4)), "sound": nn.Linear(3, 4)})
    pair = shared.pair("text", "sound", locked="text")  # as it is made, and after train()
    pair(torch.randn(9, 5) + 3, torch.randn(9, 3))
    pair.train()
    pair(torch.randn(9, 5) + 3, torch.randn(9, 3))
    assert torch.equal(shared.towers["text"][1].running_mean, torch.zeros(4)) and pair.towers["sound"].training


def test_the_distance_of_partners_counts_beside_the_contrastive_loss():
    one, other = unit_pairs((0.0, 0.0, 0.0), (0.0, math.pi / 2, math.pi))
    assert distance((3 * one, other / 2)).item() == pytest.approx((0 + 1 + 2) / 3, abs=1e-6)
    pair = space().pair("text", "sound", locked="text")
    expected = contrastive_loss(one, other, pair.loss.scale) + 1
    torch.testing.assert_close(pair.near_loss((one, other)), expected)
    with pytest.raises(ValueError, match="expected \\(B, D\\) twice"):
        distance((one, other[:2]))


def test_half_precision_and_autocast_lose_no_digits_of_the_logits():
    one = torch.randn(50, 32)
    other = one + 3 * torch.randn(50, 32)
    expected = contrastive_loss(one, other, 100.0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert contrastive_loss(one, other, 100.0).item() == pytest.approx(expected.item(), rel=1e-5)
    for dtype in (torch.float16, torch.bfloat16):
        half = contrastive_loss(one.to(dtype), other.to(dtype), 100.0)
        rounded = contrastive_loss(one.to(dtype).float(), other.to(dtype).float(), 100.0)
        assert half.item() == pytest.approx(rounded.item(), rel=1e-5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_a_vector_of_zeros_has_no_direction_and_a_finite_loss(dtype):
    zeros, others = torch.zeros(2, 4, dtype=dtype), torch.ones(2, 4, dtype=dtype)
    assert contrastive_loss(zeros, others, 100.0).item() == pytest.approx(math.log(2))
    assert distance((zeros, others)).item() == 1
