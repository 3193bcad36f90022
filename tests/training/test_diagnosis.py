"""What goes wrong besides tensors that do not fit: what is no loss, memory, a failed GPU, losses not finite."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import NonFiniteLoss, evaluate, fit, predict

X, Y = torch.rand(12, 1, 8, 8), torch.arange(12) % 2


def linear(outputs=2):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, outputs))


def column():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Flatten(0))


def test_what_the_compiler_tells_is_told_as_without_it():
    class Compiled(nn.Linear):
        calls = 0

        def forward(self, x):
            self.calls += 1
            if self.calls == 1:
                raise type("TorchRuntimeError", (RuntimeError,), {"__module__": "torch._dynamo.exc"})("Dynamo failed")
            return super().forward(x)

    with pytest.raises(ValueError) as caught:
        fit(Compiled(10, 2), Batches(X, Y))
    text = str(caught.value)
    assert "10 features, and the last axis holds 8" in text and "mat1 and mat2" in text and "Dynamo" not in text


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        (nn.CrossEntropyLoss, r"class CrossEntropyLoss as its loss; expected an instance .*CrossEntropyLoss\(\)"),
        ("cross_entropy", "loss='cross_entropy'; expected a function"),
        (torch.tensor(1.0), r"loss of \(\) float32; expected a function"),
    ],
)
def test_what_is_no_loss(loss, words):
    for use in (lambda: fit(linear(), Batches(X, Y), loss=loss), lambda: evaluate(linear(), Batches(X, Y), loss)):
        with pytest.raises(ValueError, match=words):
            use()


def test_training_needs_a_loss():
    with pytest.raises(ValueError, match="fit got loss=None; expected a function"):
        fit(linear(), Batches(X, Y), loss=None)
    assert set(evaluate(linear(), Batches(X, Y), None)) == {"accuracy"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lr": "0.1"}, "lr='0.1'; expected a number of 0 or more"),
        ({"clip": -1.0}, "clip=-1.0; expected the largest norm of the gradients, above 0"),
        ({"lr": -1}, "lr=-1"),
        ({"lr": float("nan")}, "lr=nan"),
        ({"callbacks": print}, "expected a list of callbacks"),
        ({"metrics": [nn.Module]}, "metrics got the class Module; expected an instance"),
    ],
)
def test_what_is_no_option(options, words):
    with pytest.raises(ValueError, match=words):
        fit(linear(), [(X, Y)], **options)


def test_training_needs_gradients():
    for off in (torch.no_grad, torch.inference_mode):
        with off(), pytest.raises(ValueError, match="gradients are switched off"):
            fit(linear(), [(X, Y)], verbose=False)


class Full(nn.Module):
    def __init__(self, error):
        super().__init__()
        self.weight, self.error = nn.Parameter(torch.ones(1)), error

    def forward(self, x):
        raise self.error


class Late:
    """A loss that fails without gradients."""

    def __init__(self, error):
        self.error = error

    def __call__(self, outputs, target):
        if not outputs.requires_grad:
            raise self.error
        return F.cross_entropy(outputs, target)


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), "The GPU's memory"),
        (RuntimeError("MPS backend out of memory (MPS allocated: 17 GB, max allowed: 18 GB)"), "The GPU's memory"),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), "The GPU's memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "This machine's memory"),
    ],
)
def test_memory_of_every_device(error, memory):
    batches = Batches(X, Y, size=8)
    said = f"{memory} was too small for a batch of 8. Try a batch of 4"
    for use, who in [
        (lambda: fit(Full(error), batches, verbose=False), ""),
        (lambda: evaluate(Full(error), batches), "evaluate: "),
        (lambda: predict(Full(error), X, size=8), "predict: "),
        (lambda: fit(linear(), [(X, Y)], valid=[(X[:8], Y[:8])], loss=Late(error), verbose=False), "fit(valid=...): "),
    ]:
        with pytest.raises(torch.OutOfMemoryError) as caught:
            use()
        assert str(caught.value).startswith(who + said) and str(error) in str(caught.value)


@pytest.mark.parametrize("late", [False, True])
def test_a_check_that_failed_on_the_gpu(late):
    error = RuntimeError("CUDA error: device-side assert triggered")
    options = {"valid": [(X, Y)], "loss": Late(error)} if late else {}
    with pytest.raises(RuntimeError, match="most often for an index that is too large.*restart the kernel") as caught:
        fit(linear() if late else Full(error), [(X, Y)], verbose=False, **options)
    assert str(caught.value).count("restart the kernel") == 1


def test_memory_that_ends_in_the_backward_pass():
    class Backward(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, gradient):
            raise RuntimeError("MPS backend out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="batch of 12"):
        fit(linear(), [(X, Y)], loss=lambda out, y: F.cross_entropy(Backward.apply(out), y), verbose=False)


def test_a_target_that_is_not_finite():
    with pytest.raises(NonFiniteLoss, match="the target of this batch already holds values"):
        fit(column(), Batches(X, torch.full((12,), torch.nan)), loss=F.mse_loss, verbose=False)


def test_weights_that_were_never_finite():
    model = linear()
    nn.init.constant_(model[1].weight, torch.nan)
    with pytest.raises(NonFiniteLoss, match="weights were not finite before the first step"):
        fit(model, Batches(X, Y), verbose=False)
