"""Grad-CAM (Selvaraju et al. 2017): which regions of an image contributed to a class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluating
from mmcourse.models.saliency import chosen
from mmcourse.precision import exact


def grad_cam(feature_maps: Tensor, gradients: Tensor) -> Tensor:
    """The feature maps weighted by the mean gradient of the class score and summed; negative values 0, the largest 1.

    (B, C, H, W), (B, C, H, W) -> (B, H, W) in [0, 1], float32 at least; zeros for an image without any positive value.
    """
    if feature_maps.shape != gradients.shape or feature_maps.dim() != 4:
        raise ValueError(
            f"feature_maps have shape {tuple(feature_maps.shape)}, gradients {tuple(gradients.shape)}; "
            "expected the same (B, C, H, W) for both"
        )
    weights = exact(gradients).mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    heat = (weights * feature_maps).sum(dim=1).clamp(min=0)  # (B, H, W)
    largest = heat.amax(dim=(1, 2), keepdim=True)
    return heat / largest.where(largest > 0, 1)


def explain(model: nn.Module, layer: nn.Module, images: Tensor, classes: Tensor | int | None = None) -> Tensor:
    """Grad-CAM of a model at one of its layers, enlarged to the images' size.   (B, C, H, W) -> (B, H, W)

    classes  (B,) the class to explain for each image, or one for all; None: the predicted one

    The model runs in evaluation mode and is left unchanged; its parameters may be frozen. ValueError for images without
    a batch axis, for a class that the model does not have, and where the layer takes no part in the logits.
    """
    if images.dim() != 4:
        raise ValueError(f"images have shape {tuple(images.shape)}; expected (B, C, H, W): one image is image[None]")
    kept = {}

    def keep(_module, _inputs, output):
        kept["maps"] = output
        return output.clone()  # the next layer may change it in place

    handle = layer.register_forward_hook(keep)
    try:
        with evaluating(model), torch.enable_grad():
            given = images.detach()
            given.requires_grad_(given.is_floating_point())  # for gradients where all parameters are frozen
            logits = model(given)
            score = chosen(logits, images, classes).sum()
            maps, gradients = kept.get("maps"), None
            if maps is not None and maps.requires_grad and score.requires_grad:
                (gradients,) = torch.autograd.grad(score, maps, allow_unused=True)
    finally:
        handle.remove()
    if gradients is None:
        raise ValueError(
            f"the {type(layer).__name__} takes no part in the logits of the {type(model).__name__}, or computes no "
            "gradients. Likely cause: a layer of another model, or one that this model runs under no_grad"
        )
    heat = grad_cam(maps.detach(), gradients)
    return F.interpolate(heat[:, None], size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
