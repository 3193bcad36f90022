"""Running results of an epoch: the mean loss and the metrics, kept on the device until they are read."""

import copy
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from mmcourse.training.broadcasting import compare
from mmcourse.training.device import device
from mmcourse.training.means import Mean, kept, parted

SMALL = 1 << 14  # logits
TOGETHER = 16  # batches
COLUMNS = ("loss", "epoch", "seconds")  # of a history, beside the metrics


def hits(outputs: Tensor, target: Tensor) -> Tensor:
    """Per target, whether the highest logit is the correct class.   (B, K, ...), (B, ...) -> (B, ...) bool

    Where outputs and target have one shape, or K is 1, they are the logits and labels of binary classification.
    """
    check_classes(outputs, target)
    if outputs.ndim > target.ndim and outputs.shape[1] == 1:
        outputs = outputs.squeeze(1)
    if outputs.shape == target.shape:
        return (outputs > 0) == (target > 0.5)
    return outputs.argmax(1) == target


def check_classes(outputs: Tensor, target: Tensor) -> None:
    """ValueError where `hits` cannot compare the two."""
    if outputs.shape == target.shape:
        return
    if outputs.ndim != target.ndim + 1 or outputs.shape[0] != target.shape[0] or outputs.shape[2:] != target.shape[1:]:
        cause = "a target that holds no classes; name other metrics, or metrics=()"
        if outputs.shape[:1] != target.shape[:1]:
            cause = "outputs and target of different numbers of examples"
        raise ValueError(
            f"accuracy got outputs of shape {tuple(outputs.shape)} and a target of shape {tuple(target.shape)}; "
            f"expected logits (B, K) and classes (B,). Likely cause: {cause}"
        )


def holds_classes(outputs, target) -> bool:
    """Whether accuracy is defined: logits (B, K, ...) beside integer classes (B, ...)."""
    return (
        isinstance(outputs, Tensor)
        and isinstance(target, Tensor)
        and not target.is_floating_point()
        and outputs.ndim == target.ndim + 1
        and outputs.shape[0] == target.shape[0]
        and outputs.shape[2:] == target.shape[1:]
    )


class Tally:
    """The mean loss and the metrics over an epoch; `means` defines the weight of each batch.

    A metric is 'accuracy', a torchmetrics.Metric or MetricCollection, or a function (outputs, target) -> number or
    (number, count); `metrics` is a list of them, or a dict with names. None means accuracy where the target holds
    classes. Accuracy, and functions without an `ignore_index` of their own, ignore the targets that `loss` ignores.
    """

    def __init__(self, metrics: Iterable | dict | None = None, loss: Callable | None = None):
        self.automatic = metrics is None
        self.loss = Mean(loss)
        self.metrics = None if self.automatic else _named(metrics)  # to create another tally with the same metrics
        named = {"accuracy": "accuracy"} if self.automatic else self.metrics
        self.parts = {name: _part(name, metric, self.loss.ignore_index) for name, metric in named.items()}
        self.reset()

    def reset(self) -> None:
        """Start an epoch."""
        self.batches = 0
        for part in (self.loss, *self.parts.values()):
            part.reset()

    def add(self, loss: Tensor | float, outputs, target, count: Tensor | float | None = None) -> None:
        """Count one batch; `count` is the number over which its loss is the mean. Does not wait for a GPU."""
        if self.automatic:
            self.automatic = False
            if not holds_classes(outputs, target):
                self.parts = {}
        self.batches += 1
        self.loss.add(loss, target, count)
        for part in self.parts.values():
            part.add(outputs, target)

    def state(self) -> dict:
        """The sums so far, as numbers; a torchmetrics.Metric keeps its own and starts again where a run is resumed."""
        return {
            "batches": self.batches,
            "automatic": self.automatic,
            "sums": {name: mean.sums() for name, mean in self.means().items()},
        }

    def load_state(self, state: dict) -> None:
        """Continue from the sums of `state`."""
        self.batches = state["batches"]
        if self.automatic and not state["automatic"]:
            self.automatic = False
            self.parts = {name: part for name, part in self.parts.items() if name in state["sums"]}
        for name, mean in self.means().items():
            if name in state["sums"]:
                mean.load(*state["sums"][name])

    def means(self) -> dict[str, Mean]:
        """The loss and the metrics that are means: all but those of torchmetrics."""
        return {"loss": self.loss} | {name: part for name, part in self.parts.items() if isinstance(part, Mean)}

    def running(self) -> dict[str, float]:
        """The means so far, in the middle of an epoch, without torchmetrics; waits for the device."""
        return {name: mean.value() for name, mean in self.means().items()} if self.batches else {}

    def results(self) -> dict:
        """All results of the epoch; a metric with several values gives a list, or one result per name."""
        if not self.batches:
            return {}
        results = {"loss": self.loss.value()}
        for name, part in self.parts.items():
            value = part.value()
            results |= {f"{name}_{key}": v for key, v in value.items()} if isinstance(value, dict) else {name: value}
        return results


class _Accuracy(Mean):
    """Counts hits; the logits of small batches are collected, so that several are counted in one operation."""

    def __init__(self, ignore_index: int):
        super().__init__(None, "accuracy", ignore_index)

    def reset(self):
        super().reset()
        self.waiting = []

    def add(self, outputs, target):
        if outputs.ndim != 2 or outputs.numel() > SMALL:
            self.count(outputs, target)
            return
        if not self.waiting:
            check_classes(outputs, target)
        self.waiting.append((outputs.detach(), target.clone()))  # some loaders reuse one tensor for all batches
        if len(self.waiting) >= TOGETHER:
            self.count_waiting()

    def count(self, outputs, target):
        right, counts = hits(outputs, target), kept(target, self.ignore_index)
        self.total = self.total + (right if counts is None else right & counts).sum()
        self.counted = self.counted + (target.numel() if counts is None else counts.sum())

    def count_waiting(self):
        if self.waiting:
            outputs, targets = zip(*self.waiting, strict=True)
            self.waiting.clear()
            self.count(torch.cat(outputs), torch.cat(targets))

    def sums(self):
        self.count_waiting()
        return super().sums()


class _Function(Mean):
    def __init__(self, function: Callable, name: str, ignore_index: int):
        self.function = torch.no_grad()(function)
        super().__init__(function, f"metric {name!r}", ignore_index)

    def add(self, outputs, target):
        value, count = parted(compare(self.function, outputs, target, self.name))
        super().add(value, target, count)


class _Metric:
    def __init__(self, metric):
        self.metric = copy.deepcopy(metric)
        if hasattr(metric, "to"):
            self.metric.to(device())

    def reset(self):
        self.metric.reset()

    def add(self, outputs, target):
        self.metric.update(outputs, target)

    def value(self):
        return _plain(self.metric.compute())


def _plain(value):
    """The result of a metric as a number, a list, or a dict."""
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(part) for part in value]
    if hasattr(value, "tolist"):  # a tensor, an array
        value = value.tolist()
        while isinstance(value, list) and len(value) == 1:
            value = value[0]
    return value if isinstance(value, list) else float(value)


def _part(name: str, metric, ignore_index: int):
    if isinstance(metric, str) and metric == "accuracy":
        return _Accuracy(ignore_index)
    if isinstance(metric, type):
        raise ValueError(f"metrics got the class {metric.__name__}; expected an instance of it, {metric.__name__}(...)")
    if _has_state(metric):
        return _Metric(metric)
    if callable(metric):
        return _Function(metric, name, ignore_index)
    raise ValueError(
        f"metrics got {metric!r}; expected 'accuracy', a torchmetrics.Metric or a function (outputs, target) -> number"
    )


def _has_state(metric) -> bool:
    return all(hasattr(metric, name) for name in ("update", "compute", "reset"))


def _named(metrics) -> dict:
    """Each metric with its name, those of collections one by one. ValueError for a name that is used twice."""
    if isinstance(metrics, str) or callable(metrics):
        metrics = (metrics,)
    given = metrics.items() if isinstance(metrics, dict) else ((None, metric) for metric in metrics)
    pairs = []
    for name, metric in given:
        if _has_state(metric) and hasattr(metric, "items"):  # a torchmetrics.MetricCollection
            pairs += [(key if name is None else f"{name}_{key}", part) for key, part in metric.items()]
        else:
            pairs.append((_name_of(metric) if name is None else str(name), metric))
    names = [name for name, _ in pairs]
    taken = [*COLUMNS, *(f"valid_{name}" for name in ("loss", *names))]
    for position, name in enumerate(names):
        if name in taken or name in names[:position]:
            why = "two metrics called" if name in names[:position] else "a metric called"
            raise ValueError(
                f"metrics got {why} {name!r}, so that one result would replace another; "
                "give each a different name: metrics={'name': metric, 'other name': other_metric}"
            )
    return dict(pairs)


def _name_of(metric) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", type(metric).__name__)
