"""What the widgets that decode latent codes share: the call of a decoder, and checks of what it returns."""

import io
from collections.abc import Callable

from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.show.widgets.base import to_image

SHAPES = {"image": "(B, 3, S, S) or (B, 1, S, S)", "sound": "log-mels (B, M, T) or waveforms (B, samples)"}
DIMENSIONS = {"image": (4,), "sound": (2, 3)}


def call(function: Callable, *inputs: Tensor) -> Tensor:
    """Call a decoder without gradients. A module, or the one whose method it is, is in evaluation mode meanwhile.

    The inputs go to the device of that module's parameters; the result comes to the CPU as float32.
    """
    module = function if isinstance(function, nn.Module) else getattr(function, "__self__", None)
    first = next(iter(module.state_dict().values()), None) if isinstance(module, nn.Module) else None
    if first is not None:
        inputs = tuple(tensor.to(first.device) for tensor in inputs)
    with evaluation_mode(module):
        result = function(*inputs)
    if not isinstance(result, Tensor):
        raise ValueError(
            f"the decoder returned {type(result).__name__}; expected one tensor. Likely cause: a model that also "
            "returns its code; choose the output: lambda codes: model(codes)[0]"
        )
    return result.detach().float().cpu()


def check_decoded(decoded: Tensor, count: int, kind: str = "image") -> None:
    """ValueError unless `count` codes became as many images in [0, 1], or log-mels or waveforms, all finite."""
    shape = tuple(decoded.shape)
    fits = decoded.dim() in DIMENSIONS[kind] and len(decoded) == count and decoded.numel() > 0
    if not fits or (kind == "image" and shape[1] not in (1, 3)):
        raise ValueError(
            f"{count} codes were decoded to shape {shape}; expected {SHAPES[kind]} with B = {count}. Likely cause: "
            + ("no batch dimension" if decoded.dim() + 1 in DIMENSIONS[kind] else "another kind of decoder")
        )
    if not decoded.isfinite().all():
        raise ValueError("decoded values are not finite. Likely cause: a training run that diverged")
    low, high = float(decoded.min()), float(decoded.max())
    if kind == "image" and (low < -0.5 or high > 1.5):
        cause = (
            "logits without a sigmoid"
            if low < -1.01 or 1.01 < high < 16
            else "an output in [-1, 1], as after tanh: (images + 1) / 2"
            if low < 0
            else "bytes 0 to 255: images / 255"
        )
        raise ValueError(
            f"decoded images have values from {low:.2f} to {high:.2f}; expected [0, 1]. Likely cause: {cause}"
        )


def to_png(image: Tensor) -> bytes:
    """An image (3, H, W) or (1, H, W) in [0, 1] as PNG bytes: small images lose nothing."""
    buffer = io.BytesIO()
    to_image(image.clamp(0, 1)).save(buffer, "PNG")
    return buffer.getvalue()
