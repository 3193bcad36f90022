"""Batches: every example once an epoch, the same orders for the same seed, clear refusals."""

import numpy
import pytest
import torch

from mmcourse.data.batches import Batches, together

N = 23
X, Y = torch.arange(N).float()[:, None], torch.arange(N)


def epoch(batches):
    return torch.cat([target for *_, target in batches])


@pytest.mark.parametrize("size", [1, 4, 11, 22, 23, 100])
def test_every_example_once_with_its_target(size):
    batches = Batches(X, Y, size=size)
    parts = list(batches)
    over = size > 1 and N % size == 1
    assert len(parts) == len(batches) == -(-N // size) - over
    if over:
        assert len(parts[-1][1]) == size + 1  # no batch of one
    assert sorted(epoch(batches).tolist()) == list(range(N))
    for x, y in parts:
        assert x.shape == (len(y), 1) and torch.equal(x[:, 0].long(), y)
    assert all(len(y) == size for _, y in parts[:-1])


def test_orders_differ_by_epoch_and_agree_by_seed():
    one, two, other = (Batches(X, Y, seed=seed) for seed in (7, 7, 8))
    first, second = epoch(one), epoch(one)
    assert not torch.equal(first, second)
    torch.rand(100)  # other draws do not matter
    assert torch.equal(first, epoch(two)) and torch.equal(second, epoch(two))
    assert not torch.equal(first, epoch(other))
    assert not torch.equal(epoch(Batches(X, Y, seed=-7)), first)


def test_the_course_seed_is_the_default(monkeypatch):
    monkeypatch.setenv("MMCOURSE_SEED", "5")
    assert torch.equal(epoch(Batches(X, Y)), epoch(Batches(X, Y, seed=5)))


def test_an_order_can_be_repeated():
    batches = Batches(X, Y)
    epoch(batches)
    second = epoch(batches)
    batches.epoch = 1
    assert torch.equal(epoch(batches), second)


def test_unshuffled_is_in_order():
    assert torch.equal(epoch(Batches(X, Y, size=5, shuffle=False)), Y)


def test_transform_changes_the_first_tensor_alone():
    batches = Batches(X, X, Y, transform=lambda x: x + 100)
    for changed, plain, target in batches:
        assert torch.equal(changed, plain + 100) and torch.equal(plain[:, 0].long(), target)
    assert X.max() < 100


def test_arrays_and_one_tensor_are_welcome():
    x, y = next(iter(Batches(numpy.ones((4, 2), numpy.float32), [1, 2, 3, 4], size=2)))
    assert x.dtype == torch.float32 and y.shape == (2,)
    assert next(iter(Batches(X)))[0].shape == (N, 1)


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_transform_in_place_leaves_the_data_alone(shuffle):
    kept = X.clone()
    (batch, _), *_ = Batches(kept, Y, size=5, shuffle=shuffle, transform=lambda x: x.mul_(0))
    assert not batch.any() and torch.equal(kept, X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Batches(), "no tensors"),
        (lambda: Batches(X, Y[:-1]), r"23, 22 examples \(\(23, 1\) float32, \(22,\) int64\); expected the same number"),
        (lambda: Batches(X[:0], Y[:0]), "0 examples"),
        (lambda: Batches(X, Y, size=0), "size=0"),
        (lambda: Batches(X, torch.tensor(3)), "single number at position 1"),
        (lambda: Batches(["a", "b"], Y), "at position 0; .*Strings have to become tokens"),
        (lambda: Batches(X, ["a", "b"]), "at position 1; .*Strings have to become class numbers"),
        (lambda: Batches(["a", "b"]), "tokens"),
        (lambda: Batches(X, Y, 64), r"single number at position 2.*by name, e\.g\. size=64"),
        (lambda: Batches(X, Y, size="64"), "size='64'"),
        (lambda: Batches(X, Y, size=None), "size=None"),
        (lambda: Batches(X, Y, seed="a"), "seed='a'"),
        (lambda: Batches((X, Y)), r"Give tensors one by one and not in a list, e\.g\. Batches\(inputs, target\)"),
        (lambda: Batches(X.clone().requires_grad_() * 2, Y), r"gradients at position 0, .*predict\(model, inputs\)"),
    ],
)
def test_refusals_say_why(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_together_fills_up_with_zeros_and_keeps_the_type():
    whole = together([torch.ones(2, 3, 4).half(), torch.ones(1, 3, 6).half()])
    assert whole.shape == (3, 3, 6) and whole.dtype == torch.float16
    assert whole[:2, :, 4:].sum() == 0 and whole.sum() == 24 + 18
    assert together([torch.tensor([[1, 2]]), torch.tensor([[3]])]).tolist() == [[1, 2], [3, 0]]
    for wrong in ([], [torch.ones(1, 2, 3), torch.ones(1, 3, 3)], [torch.ones(1, 2), torch.ones(1, 2).long()]):
        with pytest.raises(ValueError, match="together got"):
            together(wrong)
