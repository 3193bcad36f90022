"""Grad-CAM (Selvaraju et al. 2017): which places of a picture spoke for a class."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def grad_cam(feature_maps: Tensor, gradients: Tensor) -> Tensor:
    """The maps, weighted by how much the class score rises with each, summed, negative parts cut, the largest made 1.

    (B, C, H, W), (B, C, H, W) -> (B, H, W) in [0, 1]; a picture without any positive part gives zeros.
    """
    if feature_maps.shape != gradients.shape or feature_maps.dim() != 4:
        raise ValueError(
            f"feature_maps have shape {tuple(feature_maps.shape)}, gradients {tuple(gradients.shape)}; "
            "expected the same (B, C, H, W) for both"
        )
    weights = gradients.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
    heat = (weights * feature_maps).sum(dim=1).clamp(min=0)  # (B, H, W)
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


def explain(model: nn.Module, layer: nn.Module, images: Tensor, classes: Tensor | None = None) -> Tensor:
    """Grad-CAM of a model at one of its layers, enlarged to the pictures' size.   (B, C, H, W) -> (B, H, W)

    classes  (B,) the class to explain for each picture; None: the one the model prefers
    """
    kept = {}
    handle = layer.register_forward_hook(lambda _module, _inputs, output: kept.update(maps=output))
    was_training = model.training
    model.eval()
    try:
        with torch.enable_grad():
            logits = model(images)
            classes = logits.argmax(dim=1) if classes is None else classes
            score = logits.gather(1, classes[:, None]).sum()
            (gradients,) = torch.autograd.grad(score, kept["maps"])
    finally:
        handle.remove()
        model.train(was_training)
    heat = grad_cam(kept["maps"].detach(), gradients)
    return F.interpolate(heat[:, None], size=images.shape[-2:], mode="bilinear", align_corners=False)[:, 0]
