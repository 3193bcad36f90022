"""Running figures of an epoch: the mean loss and the metrics, kept on the device until someone asks."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from mmcourse.training.diagnosis import examples_in

SMALL = 1 << 14  # logits
TOGETHER = 16  # batches


def hits(outputs: Tensor, target: Tensor) -> Tensor:
    """Per target, whether the highest logit is the right class.   (B, K, ...), (B, ...) -> (B, ...) bool

    Where outputs and target have one shape they are taken as the logits and labels of yes-or-no questions.
    """
    check_classes(outputs, target)
    if outputs.shape == target.shape:
        return (outputs > 0) == (target > 0.5)
    return outputs.argmax(1) == target


def check_classes(outputs: Tensor, target: Tensor) -> None:
    """ValueError where `hits` cannot compare the two."""
    if outputs.shape == target.shape:
        return
    if outputs.ndim != target.ndim + 1 or outputs.shape[0] != target.shape[0] or outputs.shape[2:] != target.shape[1:]:
        raise ValueError(
            f"accuracy got outputs of shape {tuple(outputs.shape)} and a target of shape {tuple(target.shape)}; "
            "expected logits (B, K) and classes (B,). Likely cause: a target that holds no classes; "
            "name other metrics, or metrics=()"
        )


def holds_classes(outputs, target) -> bool:
    """Whether accuracy means something here: logits (B, K, ...) beside integer classes (B, ...)."""
    return (
        isinstance(outputs, Tensor)
        and isinstance(target, Tensor)
        and not target.is_floating_point()
        and outputs.ndim == target.ndim + 1
        and outputs.shape[0] == target.shape[0]
        and outputs.shape[2:] == target.shape[1:]
    )


class Tally:
    """The mean loss and the metrics over an epoch.

    A metric is 'accuracy', a torchmetrics.Metric, or a function (outputs, target) -> number whose mean is taken over
    the examples; `metrics` is a list of them, or a dict with names. None means accuracy where the target holds classes.
    """

    def __init__(self, metrics: Iterable | dict | None = None):
        self.automatic = metrics is None
        named = {"accuracy": "accuracy"} if self.automatic else _named(metrics)
        self.parts = {name: _part(metric) for name, metric in named.items()}
        self.reset()

    def reset(self) -> None:
        """Start an epoch."""
        self.loss, self.examples = 0.0, 0
        for part in self.parts.values():
            part.reset()

    def add(self, loss: Tensor | float, outputs, target) -> None:
        """Count one batch. Nothing waits for the device here."""
        if self.automatic:
            self.automatic = False
            if not holds_classes(outputs, target):
                self.parts = {}
        n = len(target) if isinstance(target, Tensor) else examples_in(target)
        self.loss = self.loss + loss * n
        self.examples += n
        for part in self.parts.values():
            part.add(outputs, target, n)

    def state(self) -> dict:
        """The sums so far, as numbers; a torchmetrics.Metric keeps its own and starts again where a run is resumed."""
        parts = {n: [float(p.total), p.counted] for n, p in self.parts.items() if hasattr(p, "total")}
        return {"loss": float(self.loss), "examples": self.examples, "automatic": self.automatic, "parts": parts}

    def load_state(self, state: dict) -> None:
        """Go on from sums of `state`."""
        self.loss, self.examples = state["loss"], state["examples"]
        if self.automatic and not state["automatic"]:
            self.automatic = False
            self.parts = {name: part for name, part in self.parts.items() if name in state["parts"]}
        for name, part in self.parts.items():
            if name in state["parts"]:
                part.total, part.counted = state["parts"][name]

    def figures(self) -> dict[str, float]:
        """The figures so far; this waits for the device."""
        if not self.examples:
            return {}
        values = {"loss": float(self.loss) / self.examples}
        return values | {name: part.value() for name, part in self.parts.items()}


class _Accuracy:
    """Counts hits; the logits of small batches wait, so that several are counted at the price of one."""

    def reset(self):
        self.sum, self.counted, self.waiting = 0, 0, []

    def add(self, outputs, target, n):
        self.counted += target.numel()
        if outputs.ndim != 2 or outputs.numel() > SMALL:
            self.sum = self.sum + hits(outputs, target).sum()
            return
        if not self.waiting:
            check_classes(outputs, target)
        self.waiting.append((outputs.detach(), target))
        if len(self.waiting) >= TOGETHER:
            self.count_waiting()

    def count_waiting(self):
        if self.waiting:
            outputs, targets = zip(*self.waiting, strict=True)
            self.waiting.clear()
            self.sum = self.sum + hits(torch.cat(outputs), torch.cat(targets)).sum()

    @property
    def total(self):
        self.count_waiting()
        return float(self.sum)

    @total.setter
    def total(self, value):
        self.sum = value

    def value(self):
        return self.total / self.counted


class _Mean:
    def __init__(self, function: Callable):
        self.function = function

    def reset(self):
        self.total, self.counted = 0.0, 0

    def add(self, outputs, target, n):
        self.total = self.total + self.function(outputs, target) * n
        self.counted += n

    def value(self):
        return float(self.total) / self.counted


class _Metric:
    def __init__(self, metric):
        self.metric = copy.deepcopy(metric)

    def reset(self):
        self.metric.reset()

    def add(self, outputs, target, n):
        if self.metric.device != outputs.device:
            self.metric.to(outputs.device)
        self.metric.update(outputs, target)

    def value(self):
        value = self.metric.compute()
        return float(value) if value.numel() == 1 else value.tolist()


def _part(metric):
    if isinstance(metric, str) and metric == "accuracy":
        return _Accuracy()
    if all(hasattr(metric, name) for name in ("update", "compute", "reset")):
        return _Metric(metric)
    if callable(metric):
        return _Mean(torch.no_grad()(metric))
    raise ValueError(
        f"metrics got {metric!r}; expected 'accuracy', a torchmetrics.Metric or a function (outputs, target) -> number"
    )


def _named(metrics) -> dict:
    if isinstance(metrics, dict):
        return metrics
    if isinstance(metrics, str) or callable(metrics):
        metrics = (metrics,)
    return {
        metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__): metric
        for metric in metrics
    }
