"""What every widget of the course shares: its style, and a static image for where no kernel runs."""

from pathlib import Path

import anywidget
import numpy as np
from PIL import Image
from torch import Tensor

from mmcourse.show import style
from mmcourse.show.figures.images import for_matplotlib, unit_range

STATIC = Path(__file__).resolve().parent / "static"


class StaticImage(anywidget.AnyWidget):
    """A widget that displays itself with a static image beside it, which is what GitHub and a printed page show.

    A subclass says what the picture is: `still() -> (PNG bytes, alt text)`. Its script is the file that `script` names.
    """

    _css = (STATIC / "widgets.css").read_text(encoding="utf-8")

    def still(self) -> tuple[bytes, str]:
        """A PNG of the widget in its current state, and its alt text."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle is None:
            return None
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        image, alt = self.still()
        extra, described = style.image_bundle(image, alt)
        return {**data, **extra}, {**(metadata or {}), **described}


def script(name: str) -> str:
    """The text of a widget's script in static/."""
    return (STATIC / name).read_text(encoding="utf-8")


def to_image(image: Tensor) -> Image.Image:
    """(3, H, W) or (1, H, W), floats in [0, 1], uint8 or uint16 -> an RGB image."""
    return Image.fromarray((for_matplotlib(unit_range(image)) * 255).round().astype(np.uint8))


def to_jpeg(image: Tensor) -> bytes:
    """An image as `to_image` takes it -> JPEG bytes, to be sent to the browser."""
    import io

    buffer = io.BytesIO()
    to_image(image).save(buffer, "JPEG", quality=88, subsampling=0)
    return buffer.getvalue()


def as_bytes(values: Tensor) -> bytes:
    """Values in [0, 1] as one byte each."""
    return np.ascontiguousarray((values.clamp(0, 1) * 255).round().byte().numpy()).tobytes()
