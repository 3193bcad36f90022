"""Means over an epoch are those over all that was counted, whatever the type and the size of the batches."""

import functools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.tasks.captions import caption_loss, word_accuracy
from mmcourse.training import evaluate, fit, means
from mmcourse.training.means import Mean
from mmcourse.training.tally import Tally

GENERATOR = torch.Generator().manual_seed(0)
LOGITS = torch.randn(40, 9, 5, generator=GENERATOR)  # (B, T, K)
LENGTHS = torch.randint(1, 10, (40,), generator=GENERATOR)
WORDS = torch.randint(1, 5, (40, 9), generator=GENERATOR).masked_fill(torch.arange(9) >= LENGTHS[:, None], 0)
SIZES = (1, 7, 16, 40)


class Given(nn.Module):
    """Its outputs are its inputs, plus a parameter that is 0."""

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        return x + self.nothing


def results(target, size, loss=None, metrics=(), outputs=LOGITS):
    return evaluate(Given(), Batches(outputs, target, size=size), loss, metrics)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float32])
def test_sums_keep_their_precision(kind):
    tally = Tally({"one": lambda outputs, target: outputs.mean()})
    third, target = torch.tensor(1 / 3, dtype=kind), torch.zeros(2, dtype=torch.int64)
    for _ in range(1_000):
        tally.add(third, torch.full((2,), 1 / 3, dtype=kind), target)
    assert tally.results() == pytest.approx({"loss": third.item(), "one": third.item()}, rel=1e-12)


def test_the_loss_of_a_bfloat16_model_does_not_depend_on_the_batch_size():
    x = torch.randn(4_000, 3, generator=torch.Generator().manual_seed(1)).bfloat16()
    y = torch.zeros(4_000, dtype=torch.int64)
    right = F.cross_entropy(x.double(), y).item()
    for size in (8, 4_000):
        loss = evaluate(Given().bfloat16(), Batches(x, y, size=size), F.cross_entropy)["loss"]
        assert loss == pytest.approx(right, rel=0.02)  # of bfloat16 itself


def cross_entropy_over_words(outputs, target):
    return F.cross_entropy(outputs.transpose(1, 2), target, ignore_index=0)


def with_its_count(outputs, target):
    return cross_entropy_over_words(outputs, target), (target != 0).sum()


LOSSES = [
    caption_loss,
    with_its_count,
    lambda outputs, target: (cross_entropy_over_words(outputs, target), int((target != 0).sum())),
]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("loss", LOSSES)
def test_the_loss_of_words_is_the_mean_over_words(loss, size):
    right = F.cross_entropy(LOGITS.flatten(0, 1), WORDS.flatten(), ignore_index=0).item()
    assert results(WORDS, size, loss)["loss"] == pytest.approx(right, rel=1e-6)
    history = fit(
        Given(), Batches(LOGITS, WORDS, size=size), Batches(LOGITS, WORDS, size=7), loss, optimiser=still, metrics=()
    )
    assert history["loss"] == pytest.approx([right], rel=1e-6) == history["valid_loss"]


def still(parameters, lr):
    return torch.optim.SGD(parameters, lr=0.0)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("loss", "ignored"),
    [
        (F.cross_entropy, -100),
        (nn.CrossEntropyLoss(ignore_index=0), 0),
        (functools.partial(F.cross_entropy, ignore_index=0), 0),
        (nn.CrossEntropyLoss(ignore_index=0, weight=torch.tensor([1.0, 2.0, 0.5, 1.0, 4.0])), 0),
        (functools.partial(F.cross_entropy, ignore_index=0, weight=torch.tensor([1.0, 2.0, 0.5, 1.0, 4.0])), 0),
        (nn.CrossEntropyLoss(), -100),
    ],
)
def test_what_a_cross_entropy_ignores_is_counted_in_neither_loss_nor_accuracy(loss, ignored, size):
    outputs, target = LOGITS.transpose(1, 2), WORDS.masked_fill(WORDS == 0, ignored)
    result = results(target, size, loss, ("accuracy",), outputs)
    assert result["loss"] == pytest.approx(loss(outputs, target).item(), rel=1e-6)
    real = target != ignored
    assert result["accuracy"] == pytest.approx((outputs.argmax(1) == target)[real].double().mean().item())


@pytest.mark.parametrize("size", SIZES)
def test_a_metric_of_words_is_the_mean_over_words(size):
    right = word_accuracy(LOGITS, WORDS).item()

    def by_hand(outputs, target):
        return word_accuracy(outputs, target)

    def with_count(outputs, target):
        return word_accuracy(outputs, target), (target != 0).sum()

    result = results(WORDS, size, caption_loss, (word_accuracy, by_hand, with_count))
    assert set(result) == {"loss", "word_accuracy", "by_hand", "with_count"}
    for name in ("word_accuracy", "by_hand", "with_count"):
        assert result[name] == pytest.approx(right)
    assert results(WORDS, size, metrics=(word_accuracy,))["word_accuracy"] == pytest.approx(right)


def test_a_batch_with_nothing_to_count_counts_nothing():
    target = WORDS.masked_fill(WORDS == 0, -100)
    target[8:16] = -100
    outputs = LOGITS.transpose(1, 2)
    right = F.cross_entropy(outputs, target).item()
    assert results(target, 8, F.cross_entropy, outputs=outputs)["loss"] == pytest.approx(right, rel=1e-6)
    assert math.isnan(results(target[8:16], 8, F.cross_entropy, outputs=outputs[8:16])["loss"])


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("loss", [nn.MSELoss(reduction="sum"), functools.partial(F.mse_loss, reduction="sum")])
def test_a_sum_becomes_the_mean(loss, size):
    target = torch.zeros(40, 9, 5)
    assert results(target, size, loss)["loss"] == pytest.approx(LOGITS.square().mean().item(), rel=1e-6)


def test_frames_of_sounds_of_other_lengths():
    """A mean over all elements of a batch, where each batch is as long as its longest sound."""
    batches = [(LOGITS[:, :n], torch.zeros(40, n, 5)) for n in (3, 9)]
    elements = torch.cat([part.flatten() for part, _ in batches])
    assert evaluate(Given(), batches, F.l1_loss, ())["loss"] == pytest.approx(elements.abs().mean().item(), rel=1e-6)


@pytest.mark.parametrize("key", ["a", 0])
def test_targets_of_several_tensors_are_counted_by_examples(key):
    def target(*tensors):
        return {"a": tensors[0]} if key == "a" else tensors

    batches = [
        (torch.zeros(2), target(torch.zeros(2, 7), torch.zeros(2))),
        (torch.ones(6), target(torch.ones(6, 3), torch.ones(6))),
    ]
    results = evaluate(Given(), batches, lambda outputs, target: outputs.mean() + target[key].mean(), ())
    assert results["loss"] == pytest.approx(6 * 2 / 8)


def test_sums_that_stay_on_a_device_are_the_same(monkeypatch):
    """As on a GPU, where no number is read before someone asks."""
    expected = results(WORDS, 7, caption_loss, (word_accuracy,))
    monkeypatch.setattr(means, "_exact", lambda value, name: torch.as_tensor(value, dtype=torch.float64))
    assert results(WORDS, 7, caption_loss, (word_accuracy,)) == pytest.approx(expected, rel=1e-12)
    words = WORDS.clone()
    words[7:14] = 0  # a batch of padding alone
    right = caption_loss(LOGITS, words).item()
    assert evaluate(Given(), Batches(LOGITS, words, size=7, shuffle=False), caption_loss)["loss"] == pytest.approx(
        right
    )


def test_unsigned_targets_hold_nothing_that_is_ignored():
    target = torch.tensor([156, 3], dtype=torch.uint8)  # 156 is -100 in eight bits
    mean = Mean()
    mean.add(1.0, target)
    assert mean.sums() == (2.0, 2.0)


def test_a_loss_whose_ignore_index_is_none_ignores_what_pytorch_ignores():
    def loss(outputs, target):
        return F.cross_entropy(outputs, target)

    loss.ignore_index = None
    assert Mean(loss).ignore_index == -100


@pytest.mark.parametrize("bad", [torch.zeros(3), None, "high", {"a": 1.0}])
def test_what_is_not_one_number_is_refused(bad):
    with pytest.raises(ValueError, match=r"metric 'mine' is .*expected one number, the mean over the batch"):
        results(WORDS, 40, metrics={"mine": lambda outputs, target: bad})
    with pytest.raises(ValueError, match="loss is .*expected one number"):
        results(WORDS, 40, loss=lambda outputs, target: bad)


def test_a_loss_in_two_parts_is_not_taken_for_a_mean_and_its_count():
    def parts(outputs, target):
        return caption_loss(outputs, target), outputs.square().mean()

    model = Given()
    with pytest.raises(ValueError, match=r"the second has gradients; expected \(mean, count\).*return their sum"):
        fit(model, Batches(LOGITS, WORDS), loss=parts)
    assert model.nothing == 0
