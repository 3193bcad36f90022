"""Metrics: each keeps its name and its value, those with several values as well."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import accuracy, evaluate, fit
from mmcourse.training.progress import Progress
from mmcourse.training.tally import Tally

X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))
Y = torch.randint(3, (30,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Linear(4, 3)


def one(outputs, target):
    return 1.0


@pytest.mark.parametrize(
    ("metrics", "name"),
    [
        ([lambda o, y: 1.0, lambda o, y: 2.0], "<lambda>"),
        (["accuracy", "accuracy"], "accuracy"),
        ({"loss": one}, "loss"),
        ({"epoch": one}, "epoch"),
        ({"seconds": one}, "seconds"),
        ({"valid_loss": one}, "valid_loss"),
        ({"a": one, "valid_a": one}, "valid_a"),
    ],
)
def test_no_figure_hides_another(model, metrics, name):
    for use in (lambda: evaluate(model, [(X, Y)], metrics=metrics), lambda: fit(model, [(X, Y)], metrics=metrics)):
        with pytest.raises(ValueError, match=f"metric.* called '{name}'.*metrics={{'name': metric"):
            use()


def test_two_metrics_of_one_class_need_names(model):
    from torchmetrics.classification import MulticlassAccuracy

    first, second = MulticlassAccuracy(3, top_k=1, average="micro"), MulticlassAccuracy(3, top_k=2, average="micro")
    with pytest.raises(ValueError, match="two metrics called 'MulticlassAccuracy'"):
        evaluate(model, [(X, Y)], metrics=[first, second])
    results = evaluate(model, [(X, Y)], metrics={"top 1": first, "top 2": second})
    assert results["top 1"] == pytest.approx(accuracy(model, X, Y)) and results["top 2"] > results["top 1"]
    with pytest.raises(ValueError, match=r"the class MulticlassAccuracy; .*MulticlassAccuracy\(\.\.\.\)"):
        evaluate(model, [(X, Y)], metrics=[MulticlassAccuracy])


def test_a_collection_gives_each_of_its_metrics(model):
    from torchmetrics import MetricCollection
    from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

    parts = [MulticlassAccuracy(3, average="micro"), MulticlassF1Score(3)]
    collection = MetricCollection(parts, prefix="my_")
    expected = collection.clone()(model(X), Y)
    row = fit(model, [(X, Y)], metrics=collection, optimiser=torch.optim.SGD, lr=0.0)[-1]
    assert {"my_MulticlassAccuracy", "my_MulticlassF1Score"} < set(row)
    for metrics in (collection, [collection], {"both": collection}):
        results = evaluate(model, Batches(X, Y, size=7), metrics=metrics)
        assert sorted(results.values()) == pytest.approx(sorted(value.item() for value in expected.values()))
    assert set(results) == {"both_my_MulticlassAccuracy", "both_my_MulticlassF1Score"}


def test_a_confusion_matrix_is_kept_and_a_notebook_shows_the_rest(model, monkeypatch, tmp_path):
    from torchmetrics.classification import MulticlassConfusionMatrix

    from mmcourse.show import live, output

    monkeypatch.setattr("mmcourse.training.progress.in_notebook", lambda: True)
    monkeypatch.setattr(output, "in_notebook", lambda: True)
    shown = []
    monkeypatch.setattr(output, "publish", lambda data, *_, **__: shown.append(data))
    monkeypatch.setattr(live, "EVERY", 0.0)
    metrics = {"matrix": MulticlassConfusionMatrix(3), "accuracy": "accuracy"}
    batches = Batches(X, Y, size=10)
    history = fit(model, batches, batches, metrics=metrics, epochs=2, checkpoint=tmp_path / "run.safetensors")
    matrix = torch.tensor(history[-1]["valid_matrix"])
    assert matrix.shape == (3, 3) and matrix.sum() == 30
    assert matrix.diagonal().sum().item() / 30 == pytest.approx(history[-1]["valid_accuracy"])
    assert shown and all("accuracy" in data["text/plain"] for data in shown)
    for text in (repr(history), history._repr_html_()):
        assert "3 values" in text and "[" not in text


def test_metrics_of_a_generator_are_taken_for_validation_too(model):
    row = fit(model, [(X, Y)], valid=[(X, Y)], metrics=(metric for metric in ("accuracy", one)))[-1]
    assert {"accuracy", "one", "valid_accuracy", "valid_one"} < set(row)


def test_torchmetrics_are_asked_at_the_end_of_an_epoch_alone(model):
    asked = []

    class Count:
        def reset(self):
            self.batches = 0

        def update(self, outputs, target):
            self.batches += 1

        def compute(self):
            asked.append(self.batches)
            return {"batches": torch.tensor([self.batches]), "ends": [0, 1]}

    class View:
        def update(self, step, loss, metrics):
            seen.append(metrics)

        epoch = close = lambda self, _: None

    seen = []
    progress = Progress(View())
    monkey = [lambda run: setattr(progress, "next_update", 0.0), progress]
    history = fit(
        model, Batches(X, Y, size=10), epochs=2, metrics={"n": Count(), "accuracy": "accuracy"}, callbacks=monkey
    )
    assert asked == [3, 3] and history["n_batches"] == [3.0, 3.0] and history["n_ends"] == [[0.0, 1.0]] * 2
    assert len(seen) >= 6 and all(set(metrics) == {"accuracy"} for metrics in seen)


def test_accuracy_leaves_out_what_is_ignored(model):
    target = Y.clone()
    target[::3] = -100
    real = target != -100
    right = (model(X).argmax(1) == target)[real].double().mean().item()
    assert accuracy(model, X, target) == pytest.approx(right)
    for size in (1, 4, 30):
        assert evaluate(model, Batches(X, target, size=size))["accuracy"] == pytest.approx(right)


def test_one_logit_beside_labels_is_a_yes_or_no_question():
    tally = Tally(("accuracy",))
    tally.add(0.0, torch.tensor([[3.0], [-1.0], [2.0], [-5.0]]), torch.tensor([1, 0, 1, 1]))
    assert tally.results()["accuracy"] == 0.75


def test_a_tally_goes_on_from_its_state(model):
    metrics = {"accuracy": "accuracy", "mean": lambda outputs, target: outputs.mean()}
    whole, first = Tally(metrics), Tally(metrics)
    for part in (X[:8], Y[:8]), (X[8:], Y[8:]):
        loss = F.cross_entropy(model(part[0]), part[1])
        whole.add(loss, model(part[0]), part[1])
        if len(part[0]) == 8:
            first.add(loss, model(part[0]), part[1])
    second = Tally(metrics)
    second.load_state(first.state())
    second.add(loss, model(X[8:]), Y[8:])
    assert second.results() == pytest.approx(whole.results(), rel=1e-12)


def test_a_target_that_is_filled_again_for_the_next_batch_is_counted_as_it_was():
    logits, target = torch.eye(2)[[0, 1, 0, 1]], torch.tensor([0, 1, 0, 1])
    tally, buffer = Tally("accuracy"), torch.empty(2, dtype=torch.int64)
    for start in (0, 2):
        buffer.copy_(target[start : start + 2])
        tally.add(0.0, logits[start : start + 2], buffer)
        buffer.fill_(7)
    assert tally.results()["accuracy"] == 1
