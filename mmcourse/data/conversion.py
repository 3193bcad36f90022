"""Convert lists, arrays and table columns to tensors, or raise an error that explains how to convert them."""

from collections.abc import Mapping, Sequence

import numpy
import torch
from torch import Tensor

from mmcourse.data.shapes import is_image, is_table, shape_of

IMAGES = "PIL images have to become tensors: torchvision.transforms.functional.pil_to_tensor(image).float() / 255"
NONE = "It holds None: a missing value, or a function without return"
CLASSES = (
    "class numbers: names = sorted(set(labels)); torch.tensor([names.index(label) for label in labels]), "
    "with `labels` the strings of all examples"
)
UNEVEN = (
    "Examples of different shapes: resize images to one size (torchvision.transforms.Resize), pad sequences "
    "(mmcourse.data.text.pad)"
)
TEXTS = "tokens: vocabulary = Vocabulary.of(training_texts); pad([vocabulary.encode(text) for text in texts])"


def to_tensor(value, who: str, where: str = "", target: bool = False) -> Tensor:
    """A tensor from a tensor, an array, a table column or a (nested) list of numbers or of tensors of one shape.

    ValueError says what `who` got `where` and how to convert it; strings in a `target` are treated as classes.
    """
    if isinstance(value, Tensor):
        return value
    given = value
    try:
        if hasattr(value, "__array__") and not is_image(value):
            value = numpy.asarray(value)
            return torch.as_tensor(value if value.flags.writeable else value.copy())
        if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
            value = list(value)
            if value and all(isinstance(part, Tensor) for part in value):
                return torch.stack(value)
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        problem = str(error).strip()
    advice = _uneven(value, (Tensor, numpy.ndarray)) or how_to_convert(value, target) or _uneven(value, (list, tuple))
    expected = "; expected a tensor, or an array or list of numbers whose rows all have one shape. "
    raise ValueError(
        f"{who} got {shape_of(given)}{where}{expected}{advice or f'The conversion failed: {problem}'}"
    ) from None


def how_to_convert(value, target: bool = False) -> str:
    """Advice on converting the first element of a (nested) value that is not a tensor; '' for unknown types."""
    if is_table(value):
        return table_to_tensors(value.column_names)
    if isinstance(value, torch.utils.data.Dataset):
        return f"A {type(value).__name__} goes into a DataLoader: DataLoader(dataset, batch_size=64, shuffle=True)"
    if isinstance(value, Mapping):
        if isinstance(next(iter(value.values()), None), Tensor):
            return f"Give its tensors one by one; it has the keys {', '.join(map(str, value))}"
        return next((advice for part in value.values() if (advice := how_to_convert(part, target))), "")
    if isinstance(value, (list, tuple)):
        return next((advice for part in value if (advice := how_to_convert(part, target))), "")
    if isinstance(value, (str, numpy.str_)) or (isinstance(value, numpy.ndarray) and value.dtype.kind in "US"):
        return f"Strings have to become {CLASSES if target else TEXTS}"
    if is_image(value):
        return IMAGES
    if value is None:
        return NONE
    if isinstance(value, numpy.ndarray):
        if value.dtype == object:
            return (
                how_to_convert(value.ravel().tolist(), target) or "It holds Python objects (dtype object), no numbers"
            )
        return "NumPy arrays have to become tensors: torch.from_numpy(array)"
    return ""


def table_to_tensors(columns: Sequence[str]) -> str:
    """Advice on converting rows with named columns to batches of (inputs..., target)."""
    target = next((name for name in columns if name in ("label", "labels", "target", "targets", "y")), columns[-1])
    inputs = [name for name in columns if name != target] or ["input"]
    return (
        f"Rows with names have no order: make a tensor of each column, then Batches({', '.join(inputs)}, {target}); "
        "or give the DataLoader a collate_fn that returns such a tuple"
    )


def _uneven(value, kinds: tuple[type, ...]) -> str:
    """Advice for a list whose parts all have one of these types, but different shapes."""
    if not isinstance(value, list) or not all(isinstance(part, kinds) for part in value):
        return ""
    shapes = list(dict.fromkeys(tuple(part.shape) if hasattr(part, "shape") else (len(part),) for part in value))
    if len({len(shape) for shape in shapes}) > 1:
        return "Give tensors one by one and not in a list, e.g. Batches(inputs, target)"
    return f"{UNEVEN}. They are {shapes[0]} and {shapes[1]}, for instance" if len(shapes) > 1 else ""
