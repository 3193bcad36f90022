"""evaluate, predict and accuracy agree with PyTorch and torchmetrics and leave the model as it was."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import accuracy, evaluate, predict
from mmcourse.training.tally import TOGETHER, Tally

X = torch.randn(100, 6, generator=torch.Generator().manual_seed(0))
Y = torch.randint(3, (100,), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 3)).train()


def test_predict_is_the_model_in_evaluation_mode_whatever_the_size(model):
    model[2].eval()
    outputs = [predict(model, X, size=size) for size in (1, 7, 100, 256)]
    assert model.training and model[1].training and not model[2].training
    with torch.no_grad():
        expected = model.eval()(X)
    for output in outputs:
        torch.testing.assert_close(output, expected)
    assert not outputs[0].requires_grad and not outputs[0].is_inference()
    with pytest.raises(ValueError, match="0 examples"):
        predict(model, X[:0])


def test_predict_with_several_inputs_and_outputs():
    class Both(nn.Module):
        def forward(self, a, b):
            return a + b, a - b

    total, difference = predict(Both(), (X, 2 * X), size=33)
    torch.testing.assert_close(total, 3 * X)
    torch.testing.assert_close(difference, -X)


@pytest.mark.parametrize("size", [3, 64])
def test_results_agree_with_torchmetrics(model, size):
    from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

    f1 = MulticlassF1Score(3, average="macro")
    metrics = {"ours": "accuracy", "theirs": MulticlassAccuracy(3, average="micro"), "f1": f1}
    results = evaluate(model, Batches(X, Y, size=size), F.cross_entropy, metrics)
    logits = predict(model, X)
    assert results["ours"] == pytest.approx(results["theirs"]) == pytest.approx(accuracy(model, X, Y))
    assert results["f1"] == pytest.approx(f1(logits, Y).item())
    assert results["loss"] == pytest.approx(F.cross_entropy(logits, Y).item(), rel=1e-5)
    assert set(evaluate(model, Batches(X, Y))) == {"accuracy"}


def test_a_function_is_averaged_over_the_examples(model):
    def error(outputs, target):
        return (outputs.argmax(1) != target).float().mean()

    results = evaluate(model, Batches(X, Y, size=30), metrics=("accuracy", error))
    assert results["error"] == pytest.approx(1 - results["accuracy"])


@pytest.mark.parametrize("batches", [1, TOGETHER - 1, TOGETHER, 2 * TOGETHER + 3])
def test_hits_that_wait_are_all_counted(batches):
    tally = Tally(("accuracy",))
    right = 0
    for _ in range(batches):
        logits, target = torch.randn(5, 4), torch.randint(4, (5,))
        right += (logits.argmax(1) == target).sum().item()
        tally.add(0.0, logits, target)
    assert tally.results()["accuracy"] == pytest.approx(right / (5 * batches))
    assert tally.results() == tally.results()


def test_accuracy_of_sequences_and_of_yes_or_no():
    tally = Tally(("accuracy",))
    tally.add(0.0, torch.eye(3).expand(2, 3, 3), torch.tensor([[0, 1, 2], [0, 0, 0]]))
    assert tally.results()["accuracy"] == pytest.approx(4 / 6)
    tally = Tally(("accuracy",))
    tally.add(0.0, torch.tensor([3.0, -1.0, 2.0, -5.0]), torch.tensor([1.0, 0.0, 0.0, 1.0]))
    assert tally.results()["accuracy"] == 0.5


def test_accuracy_without_classes_and_unknown_metrics_are_refused(model):
    with pytest.raises(ValueError, match=r"accuracy got outputs of shape \(64, 3\) and a target of shape \(64, 6\)"):
        evaluate(model, Batches(X, X), metrics=("accuracy",))
    with pytest.raises(ValueError, match="metrics got 'precision'"):
        evaluate(model, Batches(X, Y), metrics=("precision",))
    with pytest.raises(ValueError, match="evaluate got 0 batches"):
        evaluate(model, [])


def test_accuracy_takes_lists_and_arrays_of_classes(model):
    assert accuracy(model, X, Y.tolist()) == accuracy(model, X, Y.numpy()) == accuracy(model, X, Y)
    with pytest.raises(ValueError, match="accuracy got 100 x str as its target; .*class numbers"):
        accuracy(model, X, ["cat"] * 100)
    with pytest.raises(ValueError, match="different numbers of examples"):
        accuracy(model, X, Y[:50])


def test_misfits_are_explained_as_in_training(model):
    wide = torch.zeros(10, 7)
    said = r"The model could not take inputs of shape \(10, 7\) float32\. It failed in layer '0'.*for 6 features.*mat1"
    with pytest.raises(ValueError, match=f"^evaluate: {said}"):
        evaluate(model, Batches(wide, Y[:10]))
    with pytest.raises(ValueError, match=f"^predict: {said}"):
        predict(model, wide)
    with pytest.raises(
        ValueError, match=r"^evaluate: The loss could not compare outputs of shape \(64, 3\).*only for 0 to 2"
    ):
        evaluate(model, Batches(X, Y + 3, shuffle=False), F.cross_entropy)
    with pytest.raises(ValueError, match="evaluate: .*takes 1 input and was given 2; the last tensor of a batch"):
        evaluate(model, Batches(X, X, Y))
    with pytest.raises(ValueError, match=r"predict: .*takes 1 input and was given 2"):
        predict(model, (X, X))
    assert model.training and model[1].training


def test_batches_that_cannot_be_judged(model):
    pairs = [(X, Y)]
    with pytest.raises(
        ValueError, match="evaluate got batches of type generator.*Batches, a DataLoader.*empty after one"
    ):
        evaluate(model, (pair for pair in pairs))
    with pytest.raises(ValueError, match="evaluate got a batch of .*without a target"):
        evaluate(model, Batches(X))
    with pytest.raises(ValueError, match="evaluate got an empty batch"):
        evaluate(model, [(X[:0], Y[:0])])


def test_errors_of_the_model_itself_pass_unchanged():
    class Unfinished(nn.Module):
        def __init__(self, error):
            super().__init__()
            self.error = error

        def forward(self, x):
            raise self.error

    for error in (NotImplementedError("write this"), ValueError("token 99")):
        for use in (lambda model: evaluate(model, Batches(X, Y)), lambda model: predict(model, X)):
            with pytest.raises(type(error), match=f"^{error}$"):
                use(Unfinished(error))
