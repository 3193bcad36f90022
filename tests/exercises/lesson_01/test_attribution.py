import torch
import torch.nn.functional as F


def cam(weights=None, combine=None, after=torch.relu, scale=None):
    """Grad-CAM with any of its steps exchanged."""
    weights = weights or (lambda a, g: g.mean((2, 3), keepdim=True))
    combine = combine or (lambda a, w: (w * a).sum(1))
    scale = scale or (lambda c: c / c.amax((1, 2), keepdim=True).clamp(min=1e-8))
    return lambda a, g: scale(after(combine(a, weights(a, g))))


def by_loops(feature_maps, gradients):
    maps = []
    for map, gradient in zip(feature_maps, gradients, strict=True):
        total = torch.zeros(map.shape[1:])
        for k in range(len(map)):
            total += gradient[k].mean() * map[k]
        total = F.relu(total)
        maps.append(total / total.max() if total.max() > 0 else total)
    return torch.stack(maps)


def relu_after_division(a, g):
    c = (g.mean((2, 3), keepdim=True) * a).sum(1)
    return (c / c.amax((1, 2), keepdim=True)).relu()


def none(c):
    return c


def test_grad_cam(judged):
    judged(
        "01.5",
        {
            "at once": cam(),
            "loops": by_loops,
            "epsilon": cam(scale=lambda c: c / (c.amax((1, 2), keepdim=True) + 1e-8)),
            "nan to num": cam(scale=lambda c: (c / c.amax((1, 2), keepdim=True)).nan_to_num()),
            "sum instead of mean": cam(weights=lambda a, g: g.sum((2, 3), keepdim=True)),
            "einsum": cam(combine=lambda a, w: torch.einsum("bchw,bc->bhw", a, w[:, :, 0, 0])),
        },
        {
            "no relu": (
                cam(after=none, scale=lambda c: c / c.amax((1, 2), keepdim=True).clamp(min=1e-8)),
                "the ReLU is missing",
            ),
            "no relu, by largest": (cam(after=none, scale=lambda c: c / c.abs().amax((1, 2), keepdim=True)), None),
            "maps averaged": (
                cam(weights=lambda a, g: a.mean((2, 3), keepdim=True), combine=None),
                None,
            ),
            "roles exchanged": (lambda a, g: cam()(g, a), "weights are the mean of the maps"),
            "whole batch": (cam(scale=lambda c: c / c.max()), "maximum of the whole batch"),
            "no weights": (cam(combine=lambda a, w: a.mean(1)), "the gradients are not used"),
            "gradients alone": (lambda a, g: cam(combine=lambda _, w: g.mean(1))(a, g), "the maps are not used"),
            "pixel by pixel": (cam(weights=lambda a, g: g), "pixel by pixel"),
            "weights over batch": (
                cam(weights=lambda a, g: g.mean((0, 2, 3), keepdim=True)),
                "averaged over the batch too",
            ),
            "relu before sum": (cam(combine=lambda a, w: (w * a).relu().sum(1)), "before the sum over channels"),
            "relu on weights": (
                cam(weights=lambda a, g: g.mean((2, 3), keepdim=True).relu()),
                "the ReLU is on the weights",
            ),
            "absolute gradients": (cam(weights=lambda a, g: g.abs().mean((2, 3), keepdim=True)), "lose their sign"),
            "absolute": (cam(after=torch.abs), "absolute values instead of ReLU"),
            "not scaled": (cam(scale=none), "it is not divided by the maximum of each"),
            "nothing at the end": (cam(after=none, scale=none), "there is no ReLU, and it"),
            "rows": (cam(scale=lambda c: c / c.amax(2, keepdim=True).clamp(min=1e-8)), "each row is divided"),
            "columns": (cam(scale=lambda c: c / c.amax(1, keepdim=True).clamp(min=1e-8)), "each column is divided"),
            "minimum": (
                cam(
                    scale=lambda c: (
                        (c - c.amin((1, 2), keepdim=True))
                        / (c.amax((1, 2), keepdim=True) - c.amin((1, 2), keepdim=True)).clamp(min=1e-8)
                    )
                ),
                "minimum is subtracted before",
            ),
            "sum": (cam(scale=lambda c: c / c.sum((1, 2), keepdim=True).clamp(min=1e-8)), "divided by the sum"),
            "zero by zero": (cam(scale=lambda c: c / c.amax((1, 2), keepdim=True)), "0 / 0 is NaN"),
            "relu after division": (relu_after_division, "the ReLU comes before the division"),
            "large epsilon": (
                cam(scale=lambda c: c / c.amax((1, 2), keepdim=True).clamp(min=0.001)),
                "too large, 1e-8",
            ),
            "channels kept": (cam(combine=lambda a, w: w * a, scale=none), "the channels are still there"),
            "keepdim": (
                cam(combine=lambda a, w: (w * a).sum(1, keepdim=True), scale=none),
                "one axis of size 1 is left",
            ),
            "weights only": (lambda a, g: g.mean((2, 3)), "those are the weights"),
            "over the batch": (cam(combine=lambda a, w: (w * a).sum(0)), "the sum runs over the batch"),
            "sigmoid": (cam(after=torch.sigmoid), None),
            "softmax": (cam(scale=lambda c: c.flatten(1).softmax(1).view_as(c)), None),
            "max channel": (cam(combine=lambda a, w: (w * a).amax(1)), None),
            "in place": (lambda a, g: cam()(a.mul_(2), g), "was changed in place"),
        },
    )


def test_grad_cam_survives_maps_that_are_all_zero_in_a_loop(judged):
    from mmcourse.exercises.checks import judge

    def by_max(feature_maps, gradients):
        total = (gradients.mean((2, 3), keepdim=True) * feature_maps).sum(1).relu()
        return torch.stack([one / one.max() for one in total])

    assert "0 / 0" in judge("01.5", by_max).message
