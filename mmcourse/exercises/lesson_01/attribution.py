"""Exercise 01.5: Grad-CAM."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_tensor, explained, named_mistake
from mmcourse.exercises.properties import mixed_examples


def weighted(maps: Tensor, gradients: Tensor) -> Tensor:
    """The sum of the maps, weighted by their mean gradients.   (B, C, H, W) twice -> (B, H, W)"""
    return (gradients.mean((2, 3), keepdim=True) * maps).sum(1)


def over_maximum(cam: Tensor) -> Tensor:
    """Each image over its own maximum; all-zero maps stay.   (B, H, W) -> (B, H, W)"""
    return cam / cam.amax((1, 2), keepdim=True).clamp(min=1e-12)


def min_max(cam: Tensor) -> Tensor:
    """Each image stretched from 0 to 1."""
    low = cam.amin((1, 2), keepdim=True)
    return (cam - low) / (cam.amax((1, 2), keepdim=True) - low).clamp(min=1e-12)


GRAD_CAM_MISTAKES = [
    (
        lambda a, g: over_maximum(weighted(g, a).relu()),
        "the weights are the mean of the maps; they should be the mean of the gradients",
    ),
    (
        lambda a, g: over_maximum(a.mean(1).relu()),
        "the gradients are not used: their means are the weights of the maps",
    ),
    (lambda a, g: over_maximum(g.mean(1).relu()), "the maps are not used: multiply them by the mean gradients"),
    (
        lambda a, g: over_maximum((a * g).sum(1).relu()),
        "the gradients are multiplied in pixel by pixel; average them over H and W first",
    ),
    (
        lambda a, g: over_maximum((g.mean((0, 2, 3))[None, :, None, None] * a).sum(1).relu()),
        "the gradients are averaged over the batch too; each image has its own weights",
    ),
    (
        lambda a, g: over_maximum((g.mean((2, 3), keepdim=True) * a).relu().sum(1)),
        "the ReLU comes before the sum over channels; negative contributions must be able to cancel positive ones",
    ),
    (
        lambda a, g: over_maximum((g.mean((2, 3), keepdim=True).relu() * a).sum(1).relu()),
        "the ReLU is on the weights; it belongs on the weighted sum",
    ),
    (
        lambda a, g: over_maximum((g.mean((2, 3), keepdim=True).relu() * a).sum(1)),
        "the ReLU is on the weights; the weighted sum has none",
    ),
    (
        lambda a, g: over_maximum((g.abs().mean((2, 3), keepdim=True) * a).sum(1).relu()),
        "the gradients lose their sign (absolute value)",
    ),
    (
        lambda a, g: over_maximum(weighted(a, g).abs()),
        "absolute values instead of ReLU: evidence against the class should become 0",
    ),
    (
        lambda a, g: weighted(a, g).relu() / weighted(a, g).relu().amax(),
        "it is divided by the maximum of the whole batch; each image has its own",
    ),
    (lambda a, g: weighted(a, g).relu(), "it is not divided by the maximum of each image"),
    (lambda a, g: weighted(a, g), "there is no ReLU, and it is not divided by the maximum"),
    (
        lambda a, g: weighted(a, g).relu() / weighted(a, g).relu().amax(2, keepdim=True).clamp(min=1e-12),
        "each row is divided by its own maximum; take the maximum over H and W",
    ),
    (
        lambda a, g: weighted(a, g).relu() / weighted(a, g).relu().amax(1, keepdim=True).clamp(min=1e-12),
        "each column is divided by its own maximum; take the maximum over H and W",
    ),
    (
        lambda a, g: min_max(weighted(a, g).relu()),
        "the minimum is subtracted before the division; zero should stay zero: no contribution",
    ),
    (lambda a, g: min_max(weighted(a, g)), "the minimum is subtracted instead of a ReLU"),
    *(
        (
            lambda a, g, axes=axes: over_maximum((g.mean(axes, keepdim=True) * a).sum(1).relu()),
            words,
        )
        for axes, words in (
            (
                1,
                "the gradients are averaged over the channels; average them over H and W, each channel's by itself",
            ),
            (2, "the gradients are averaged over the rows alone; average them over H and W"),
            (3, "the gradients are averaged over the columns alone; average them over H and W"),
            ((1, 2, 3), "one mean of all channels' gradients; each channel has its own weight, its mean over H and W"),
        )
    ),
    (
        lambda a, g: over_maximum((g.mean((2, 3), keepdim=True).softmax(1) * a).sum(1).relu()),
        "the weights go through a softmax; they are the mean gradients themselves, negative ones too",
    ),
    (
        lambda a, g: weighted(a, g).relu().clamp(max=1),
        "values above 1 are cut off (`clamp`); divide each image's map by its largest value",
    ),
    (
        lambda a, g: over_maximum(weighted(a, g).cumsum(0).relu()),
        "the maps of earlier images of the batch are added: start each image from zeros",
    ),
    (
        lambda a, g: over_maximum((g.mean((2, 3), keepdim=True) * a).amax(1).relu()),
        "the largest of the weighted maps is taken; the formula adds them: `sum` over the channels",
    ),
    (
        lambda a, g: weighted(a, g).relu() / weighted(a, g).relu().sum((1, 2), keepdim=True).clamp(min=1e-12),
        "it is divided by the sum; divide by the maximum",
    ),
    *(
        (
            lambda a, g, made=made, constant=constant: (
                weighted(a, g).relu() / made(weighted(a, g).relu().amax((1, 2), keepdim=True), constant)
            ),
            f"the constant that avoids 0 / 0 is too large ({constant:g}), so the maps are darker; 1e-8 suffices",
        )
        for constant in (1, 0.1, 0.01, 0.001)
        for made in (torch.add, torch.clamp)
    ),
]


KEPT = (
    "with `keepdim=True` the weights are (B, C, 1, 1) and the maxima (B, 1, 1), which fit the maps and the heat maps; "
    "without it `[:, :, None, None]` and `[:, None, None]` add the axes"
)


@exercise(
    "01.5",
    title="Grad-CAM",
    dots=3,
    minutes=15,
    repeatable=True,
    hints=(
        "One weight for each image and channel: the mean of its gradients over H and W. With `keepdim=True` the "
        "weights are (B, C, 1, 1) and multiply the maps.",
        "Multiply the maps by the weights, sum over channels (axis 1), and set negative values to zero.",
        "`cam.amax(dim=(1, 2), keepdim=True)` is each image's maximum; `.clamp(min=1e-8)` avoids 0 / 0.",
    ),
)
def grad_cam(answer, rng):
    answer = explained(answer, {"must match the size": KEPT, "does not broadcast": KEPT})
    maps = torch.rand(6, 5, 4, 7, generator=rng) + 0.1
    gradients = torch.randn(6, 5, 4, 7, generator=rng)
    maps[:4] = torch.randn(4, 5, 4, 7, generator=rng)  # both signs, as before a ReLU
    weights = torch.tensor([1.0, -1.5, 0.8, -0.6, 1.2])
    for image in range(4):
        order = weights[torch.randperm(5, generator=rng)] * (1 + 2 * image)
        gradients[image] += (order - gradients[image].mean((1, 2)))[:, None, None]
    gradients[4] = gradients[4].abs()  # positive everywhere: no zero in the map
    gradients[5] = -gradients[5].abs()  # speaks against the class everywhere: all zero
    where = f"for maps and gradients of shape {tuple(maps.shape)}"
    expected = over_maximum(weighted(maps, gradients).relu())

    given = answer(maps, gradients)
    batch, channels, height, width = maps.shape
    causes = {
        (batch, 1, height, width): "one axis of size 1 is left: sum over channels without `keepdim`",
        (batch, channels, height, width): "the channels are still there: sum over axis 1",
        (batch, channels): "those are the weights; multiply the maps by them and sum over channels",
        (batch,): "one number per image: the sum runs over channels alone, not over H and W",
        (height, width): "the batch is gone: each image has its own map",
        (channels, height, width): "the sum runs over the batch (axis 0); channels are axis 1",
    }
    given = expect_tensor(given, where, (batch, height, width), causes)
    trouble = ~torch.isfinite(given)
    if trouble.any():
        blank = trouble.flatten(1).any(1).nonzero().flatten().tolist() == [5]
        why = "its map is zero everywhere, and 0 / 0 is NaN: keep the maximum above zero, with `clamp(min=1e-8)`"
        raise Mistake("one image's map is NaN: " + why if blank else f"{where} the result contains NaN or infinity")
    if not agrees(given, expected):
        raise Mistake(f"{where}: {grad_cam_mistake(answer, maps, gradients, given, expected)}")
    for case in ((maps[:1], gradients[:1]), (maps[:3, :, :1], gradients[:3, :, :1]), (maps[:, :1], gradients[:, :1])):
        right = over_maximum(weighted(*case).relu())
        where = f"for maps and gradients of shape {tuple(case[0].shape)}"
        if not agrees(came := expect_tensor(answer(*case), where, right.shape), right):
            raise Mistake(f"{where}: {grad_cam_mistake(answer, *case, came, right)}")
    scaled = expect_tensor(answer(maps[:2], 1e-4 * gradients[:2]), "for much smaller gradients", (2, height, width))
    if not torch.allclose(scaled.to(expected.dtype), expected[:2], atol=0.02):
        raise Mistake(
            "for much smaller gradients the maps are darker: the constant that avoids 0 / 0 is too large, 1e-8 suffices"
        )
    nothing = answer(torch.zeros(2, 3, 4, 4), torch.randn(2, 3, 4, 4, generator=rng))
    nothing = expect_tensor(nothing, "for maps of zeros", (2, 4, 4))
    if not (nothing == 0).all():
        raise Mistake("for maps that are zero everywhere the result should stay zero, and it is NaN or not zero")
    return "six images, one without positive evidence, small gradients, maps of zeros"


def grad_cam_mistake(answer, maps: Tensor, gradients: Tensor, given: Tensor, expected: Tensor) -> str:
    """Words for a wrong Grad-CAM of the right shape."""
    words = named_mistake([(maps, gradients)], [given], GRAD_CAM_MISTAKES)
    if words := words or mixed_examples(answer, (maps, gradients), (0, 1)):
        return words
    if len(given) > 5 and agrees(given[:5], expected[:5]):
        return "where all evidence is against the class the map should be zero: the ReLU comes before the division"
    if agrees(given.relu()[:5], expected[:5]) and (given[:5] < 0).any():
        return "there are negative values: the ReLU is missing"
    if (given < 0).any():
        return "there are negative values; after a ReLU there are none"
    if given.amax() > 1.001:
        return "there are values above 1: divide by each image's maximum"
    if not torch.allclose(given.amax((1, 2))[:5], expected.amax((1, 2))[:5].to(given.dtype), atol=1e-3):
        return "the largest value of an image should be 1: divide by each image's own maximum"
    apart = (given - expected).abs()
    image, row, column = (apart == apart.max()).nonzero()[0].tolist()
    return (
        f"in image {image}, entry [{row}, {column}] is {given[image, row, column]:.3f}, "
        f"expected {expected[image, row, column]:.3f}"
    )
