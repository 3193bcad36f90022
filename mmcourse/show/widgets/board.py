"""A widget with a canvas: the drawing is sent to Python at the size of a model's input."""

import random

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from mmcourse.picturebook.scene import COLOURS, TIMES, Scene, imagine
from mmcourse.picturebook.sentence import with_article
from mmcourse.show.widgets.base import StaticImage, to_jpeg

CANVAS = 256
INK = "#2b2028"


class Board(StaticImage):
    """The Python side of static/canvas.js. A subclass defines what happens with an image: `_look(image)`.

    `_image` (3, size, size) is the canvas at the size of the model's input; `_canvas` the same at its own resolution.
    """

    size = traitlets.Int(32).tag(sync=True)
    palette = traitlets.Dict().tag(sync=True)
    times = traitlets.List().tag(sync=True)
    blanks = traitlets.List().tag(sync=True)
    pixels = traitlets.Any(b"").tag(sync=True)  # (size, size, 3) bytes; the browser sends a buffer
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, size: int, seed: int = 0, split: str = "test", objects: int = 1):
        from mmcourse.picturebook.image import RGB

        super().__init__()
        self.split, self.objects = split, objects
        self._rng = random.Random(seed)
        self.size = size
        self.palette = {
            name: "#" + "".join(f"{round(255 * c):02x}" for c in rgb)
            for name, rgb in zip(COLOURS, RGB.tolist(), strict=True)
        } | {"ink": INK}
        self.times = list(TIMES)
        self.blanks = [to_jpeg(blank(i)) for i in range(len(TIMES))]
        self._give_page()
        self.observe(self._drawn, "pixels")
        self.on_msg(lambda _widget, content, _buffers: self._give_page() if content.get("ask") == "page" else None)

    def _give_page(self) -> None:
        from mmcourse.picturebook.image import draw

        number = self._rng.randrange(100_000)
        scene = imagine(self.split, number, self.objects)
        large = draw(scene, CANVAS, number)
        self._image, self._canvas = F.adaptive_avg_pool2d(large, self.size), large
        self.page = {"image": to_jpeg(large), "name": named(scene), "number": number}

    def _drawn(self, _change=None) -> None:
        n = self.size
        if len(self.pixels) == n * n * 3:
            self._image = (
                torch.frombuffer(bytearray(self.pixels), dtype=torch.uint8).view(n, n, 3).permute(2, 0, 1) / 255
            )
            self._canvas = self._image
        self._look(self._image)

    def _look(self, image: Tensor) -> None:
        """Process a new image.   (3, size, size)"""
        raise NotImplementedError


def named(scene: Scene) -> str:
    """A scene as a phrase: 'a small red fish', 'a small red fish left of a big blue boat'."""
    objects = [with_article(f"{item.size} {item.colour} {item.kind}") for item in scene.objects]
    return f" {scene.relation} ".join(objects)


def blank(time: int, size: int = CANVAS) -> Tensor:
    """An empty page at a time of day (an index into TIMES).   (3, size, size)"""
    from mmcourse.picturebook.background import page_keys, paint_background

    return paint_background(page_keys([time]), torch.tensor([time]), size)[0]
