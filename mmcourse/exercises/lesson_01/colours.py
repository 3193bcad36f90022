"""Exercise 01.6: permuting the colour channels."""

from itertools import permutations

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_tensor
from mmcourse.exercises.randomness import as_often


@exercise(
    "01.6",
    title="permute the colour channels",
    dots=2,
    minutes=10,
    hints=(
        "For one image: `image[torch.randperm(3)]` indexes its first axis, which is the channels.",
        "Each image needs its own `torch.randperm(3)`. Do it image by image, then `torch.stack` the results.",
        "Without a loop: `torch.rand(B, 3).argsort(dim=1)` is an order for each image; "
        "`images[torch.arange(B)[:, None], orders]` applies it.",
    ),
)
def permute_colours(answer, rng):
    for shape in ((1, 3, 6, 5), (7, 3, 5, 8)):
        images = torch.rand(shape, generator=rng)
        colours_moved(images, coloured(answer, images))
    images = torch.rand(600, 3, 4, 5, generator=rng)
    first, second = (colours_moved(images, coloured(answer, images)) for _ in range(2))
    kept = torch.arange(3)
    if (first == kept).all() and all((colours_moved(images, answer(images)) == kept).all() for _ in range(12)):
        raise Mistake("every image comes back unchanged: its colours keep their order")
    if (first == first[0]).all():
        raise Mistake(
            f"all {len(first)} images got the same order, {tuple(first[0].tolist())}: draw a new one for each image"
        )
    if torch.equal(first, second):
        raise Mistake("two calls returned the same orders: is the seed, or the generator, set inside the function?")
    counts = {order: int((first == torch.tensor(order)).all(1).sum()) for order in permutations(range(3))}
    missing = [order for order, count in counts.items() if count == 0]
    if missing:
        raise Mistake(
            f"{6 - len(missing)} of the 6 orders occur in {len(first)} images; {missing[0]} never does: "
            "is each image's order a full random permutation?"
        )
    if not all(as_often(count, len(first), 1 / 6) for count in counts.values()):
        often = max(counts, key=counts.get)
        raise Mistake(
            f"the orders are not equally likely: in {len(first)} images {often} occurred {counts[often]} times, "
            "about 100 expected"
        )
    for apart in range(1, 5):
        alike = int((first[apart:] == first[:-apart]).all(1).sum())
        if not as_often(alike, len(first) - apart, 1 / 6):
            raise Mistake(
                f"images {apart} apart have the same order {alike} times in {len(first) - apart}, about "
                f"{(len(first) - apart) // 6} expected: does each image draw an order of its own?"
            )
    every_position_varies(answer, rng)
    return "a separate order for each image, all six equally frequent, pixels unchanged"


def every_position_varies(answer, rng, calls: int = 14) -> None:
    """No image of a batch gets the same order in every call. By chance one of three does with 2e-10."""
    images = torch.rand(3, 3, 2, 3, generator=rng)
    orders = torch.stack([colours_moved(images, coloured(answer, images)) for _ in range(calls)])  # (calls, B, 3)
    for which, drawn in zip(("first", "second", "last"), orders.unbind(1), strict=True):
        if (drawn == drawn[0]).all():
            kept = drawn[0].tolist() == [0, 1, 2]
            raise Mistake(
                f"the {which} image of a batch always {'keeps its colours' if kept else 'gets the same order'}: does a "
                "loop leave it out? Every image draws its own order"
            )


def coloured(answer, images: Tensor) -> Tensor:
    """The learner's result, of the right shape."""
    where = f"for images of shape {tuple(images.shape)}"
    given = expect_tensor(answer(images), where)
    batch, channels, height, width = images.shape
    shape = tuple(given.shape)
    if shape in ((batch, channels, 3, width), (batch, channels, height, 3)) and shape != tuple(images.shape):
        axis = "axis 2, the height" if shape[2] == 3 else "axis 3, the width"
        raise Mistake(f"{where} the shape is {shape}: the order indexes {axis}; channels are axis 1")
    if shape[0] == 3 and shape[1:] == tuple(images.shape[1:]) and batch != 3:
        raise Mistake(f"{where} the shape is {shape}: the order indexes axis 0, the images; channels are axis 1")
    if sorted(shape) == sorted(images.shape) and shape != tuple(images.shape):
        raise Mistake(f"{where} the shape is {shape}: axes are exchanged, where only channels should be")
    expect_tensor(given, where, images.shape)
    return given.to(images.dtype)


def colours_moved(images: Tensor, given: Tensor) -> Tensor:
    """Which input channel each output channel is. Anything else than a permutation is named.   (B, 3)"""
    same = (given[:, :, None] == images[:, None]).flatten(3).all(-1)  # (B, 3 out, 3 in)
    if (same.sum(2) == 1).all():
        if (same.sum(1) == 1).all():
            return same.int().argmax(2)
        raise Mistake(
            "some images have one colour channel twice and lack another: an order contains each of 0, 1, 2 once"
        )
    _, _, height, width = images.shape
    if torch.equal(given.sort(2).values, images.sort(2).values):
        raise Mistake("the rows of pixels were shuffled (axis 2, the height); channels are axis 1")
    if torch.equal(given.sort(3).values, images.sort(3).values):
        raise Mistake("the columns of pixels were shuffled (axis 3, the width); channels are axis 1")
    if torch.equal(given.sort(1).values, images.sort(1).values):
        raise Mistake(
            "within an image not all pixels have the same order of colours: draw one order per image, for all its "
            "pixels"
        )
    if torch.equal(given.flatten(1).sort(1).values, images.flatten(1).sort(1).values):
        raise Mistake("pixels moved within their image: only whole channels may move, each pixel keeping its position")
    batch = len(images)
    pool = images.reshape(batch * 3, -1)
    found = (given.reshape(batch * 3, 1, -1) == pool).all(-1) if batch <= 32 else None
    if found is not None and found.any(1).all():
        raise Mistake("channels moved from one image to another: each image keeps its own three channels")
    if torch.equal(given.flatten().sort().values, images.flatten().sort().values):
        raise Mistake("pixels moved from one image to another: each image keeps its own")
    raise Mistake("pixel values changed: only the order of the channels should change")
