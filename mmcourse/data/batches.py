"""Batches of tensors that fit in memory: sliced in place, without worker processes."""

import numbers
from collections.abc import Callable, Iterator, Sequence

import numpy
import torch
from torch import Tensor

from mmcourse import settings
from mmcourse.data.conversion import to_tensor
from mmcourse.data.shapes import shape_of


class Batches:
    """Tensors cut into batches of `size` along their first axis; the last tensor is the target.

    Batches(images, labels) yields (images (B, ...), labels (B, ...)); the last batch may be smaller, but a single
    example that is left over joins the batch before it, since BatchNorm cannot train on one alone. `shuffle` draws a
    new order for every epoch from `seed` (MMCOURSE_SEED unless given) and the epoch's number only, so the same seed
    always gives the same orders, independent of other random numbers. `transform(x) -> x` changes each batch's first
    tensor, e.g. to augment it, with PyTorch's default generator. The tensors are moved to `device` once.
    """

    def __init__(
        self,
        *tensors: Tensor,
        size: int = 64,
        shuffle: bool = True,
        seed: int | None = None,
        transform: Callable[[Tensor], Tensor] | None = None,
        device: torch.device | str | None = None,
    ):
        if not tensors:
            raise ValueError("Batches got no tensors; expected inputs and a target, e.g. Batches(images, labels)")
        if not isinstance(size, numbers.Real) or size < 1 or size != int(size):
            raise ValueError(f"Batches got size={size!r}; expected a whole number of examples, 1 or more")
        if device is None:
            from mmcourse.training.device import device as chosen_device

            device = chosen_device()
        self.tensors = tuple(
            _tensor(tensor, position, target=position == len(tensors) - 1 > 0).to(device)
            for position, tensor in enumerate(tensors)
        )
        lengths = [len(tensor) for tensor in self.tensors]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"Batches got tensors of {', '.join(map(str, lengths))} examples ({shape_of(self.tensors)}); expected "
                "the same number in each, along the first axis. Inputs and target must come from the same split"
            )
        if lengths[0] == 0:
            raise ValueError("Batches got tensors of 0 examples. Likely cause: a split or a filter that left nothing")
        if seed is not None and not isinstance(seed, numbers.Integral):
            raise ValueError(f"Batches got seed={seed!r}; expected a whole number")
        self.size, self.shuffle, self.transform = int(size), shuffle, transform
        self.seed = settings.seed() if seed is None else seed
        self.epoch = 0  # the number of orders drawn so far; set it to repeat or resume them

    @property
    def examples(self) -> int:
        """The number of examples in one epoch."""
        return len(self.tensors[0])

    def __len__(self) -> int:
        over = self.examples % self.size
        return max(self.examples // self.size + (over > 1), 1)

    def parts(self) -> list[slice]:
        """The slice of an epoch's order for each batch."""
        starts = range(0, len(self) * self.size, self.size)
        return [slice(start, end) for start, end in zip(starts, [*starts[1:], self.examples], strict=True)]

    def __iter__(self) -> Iterator[tuple[Tensor, ...]]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        return self._cut(self.order(epoch)) if self.shuffle else self._cut(None)

    def order(self, epoch: int) -> Tensor:
        """The order of the examples in one epoch.   -> (N,) int64"""
        mixed = numpy.random.SeedSequence([abs(self.seed), int(self.seed < 0), epoch]).generate_state(1)[0]
        order = torch.randperm(self.examples, generator=torch.Generator().manual_seed(int(mixed)))
        return order.to(self.tensors[0].device)

    def _cut(self, order: Tensor | None) -> Iterator[tuple[Tensor, ...]]:
        for part in self.parts():
            if order is None:
                batch = tuple(tensor[part] for tensor in self.tensors)
                if self.transform:  # which may change it in place
                    batch = (batch[0].clone(), *batch[1:])
            else:
                chosen = order[part]
                batch = tuple(tensor.index_select(0, chosen) for tensor in self.tensors)
            yield (self.transform(batch[0]), *batch[1:]) if self.transform else batch

    def __repr__(self) -> str:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in self.tensors)
        return f"Batches({shapes}: {len(self)} batches of {self.size}{', shuffled' * self.shuffle})"


def together(parts: Sequence[Tensor]) -> Tensor:
    """Examples of several books as one tensor, shorter ones padded with zeros on the last axis.   (N, ..., T) each

    Written part by part, since a padded copy of each part would double the memory. ValueError where other axes differ.
    """
    if not parts or len({(part.shape[1:-1], part.dtype) for part in parts}) > 1:
        shapes = ", ".join(f"{part.dtype} {tuple(part.shape)}" for part in parts) or "nothing"
        raise ValueError(f"together got {shapes}; expected parts that differ in their first and last axis alone")
    whole = parts[0].new_zeros(sum(map(len, parts)), *parts[0].shape[1:-1], max(part.shape[-1] for part in parts))
    start = 0
    for part in parts:
        whole[start : start + len(part), ..., : part.shape[-1]] = part
        start += len(part)
    return whole


def _tensor(value, position: int, target: bool) -> Tensor:
    tensor = to_tensor(value, "Batches", f" at position {position}", target)
    if tensor.ndim == 0:
        raise ValueError(
            f"Batches got a single number at position {position}; expected a tensor with one row per example. "
            "Options are given by name, e.g. size=64"
        )
    if tensor.requires_grad:
        raise ValueError(
            f"Batches got a tensor with gradients at position {position}, whose graph only one step could use; "
            "expected one without. For the outputs of a model: predict(model, inputs), or tensor.detach()"
        )
    return tensor
