"""A widget with a canvas to draw on: what is drawn comes to Python at the size that a model sees."""

import random

import torch
import torch.nn.functional as F
import traitlets
from torch import Tensor

from mmcourse.picturebook.scene import COLOURS, TIMES, Scene, imagine
from mmcourse.picturebook.sentence import with_article
from mmcourse.show.widgets import Pictured, to_jpeg

CANVAS = 256
INK = "#2b2028"


class Board(Pictured):
    """The Python side of static/canvas.js. A subclass says what follows from a picture: `_look(picture)`.

    `_picture` (3, size, size) is what lies on the canvas, as the model sees it; `_canvas` the same as it was drawn.
    """

    size = traitlets.Int(32).tag(sync=True)
    palette = traitlets.Dict().tag(sync=True)
    times = traitlets.List().tag(sync=True)
    blanks = traitlets.List().tag(sync=True)
    pixels = traitlets.Any(b"").tag(sync=True)  # (size, size, 3) bytes; the browser sends a buffer
    page = traitlets.Dict().tag(sync=True)

    def __init__(self, size: int, seed: int = 0, split: str = "test", things: int = 1):
        from mmcourse.picturebook.picture import RGB

        super().__init__()
        self.split, self.things = split, things
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
        from mmcourse.picturebook.picture import draw

        number = self._rng.randrange(100_000)
        scene = imagine(self.split, number, self.things)
        large = draw(scene, CANVAS, number)
        self._picture, self._canvas = F.adaptive_avg_pool2d(large, self.size), large
        self.page = {"picture": to_jpeg(large), "name": named(scene), "number": number}

    def _drawn(self, _change=None) -> None:
        n = self.size
        if len(self.pixels) == n * n * 3:
            self._picture = (
                torch.frombuffer(bytearray(self.pixels), dtype=torch.uint8).view(n, n, 3).permute(2, 0, 1) / 255
            )
            self._canvas = self._picture
        self._look(self._picture)

    def _look(self, picture: Tensor) -> None:
        """What follows from a picture.   (3, size, size)"""
        raise NotImplementedError


def named(scene: Scene) -> str:
    """A scene in words: 'a small red fish', 'a small red fish left of a big blue boat'."""
    things = [with_article(f"{thing.size} {thing.colour} {thing.kind}") for thing in scene.things]
    return f" {scene.relation} ".join(things)


def blank(time: int, size: int = CANVAS) -> Tensor:
    """An empty page at a time of day (an index into TIMES), to draw on.   (3, size, size)"""
    from mmcourse.picturebook.background import page_keys, paint_background

    return paint_background(page_keys([time]), torch.tensor([time]), size)[0]
