"""A perceptual loss: images are compared in the feature maps of a frozen encoder (Johnson et al. 2016). Lesson 06."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import mse_loss


class PerceptualLoss(nn.Module):
    """Mean squared error of pixels plus `weight` times the summed mean squared errors of all feature maps.

    Johnson, Alahi and Fei-Fei 2016, *Perceptual losses for real-time style transfer and super-resolution*: their
    feature reconstruction loss. `encoder` is an ImageEncoder, or any module with `all_feature_maps`; the loss keeps a
    copy of it, in evaluation mode and without gradients to its weights. For `fit`: loss(outputs, target) -> ().
    """

    def __init__(self, encoder: nn.Module, weight: float = 0.02):
        super().__init__()
        if not hasattr(encoder, "all_feature_maps"):
            raise ValueError(
                f"encoder is a {type(encoder).__name__} without all_feature_maps; expected an ImageEncoder. Likely "
                "cause: a classifier in place of its encoder: model.encoder"
            )
        self.encoder, self.weight = copy.deepcopy(encoder).eval().requires_grad_(False), weight

    def train(self, mode: bool = True) -> "PerceptualLoss":
        """Set the mode; the encoder stays in evaluation mode, so that its batch norms keep their statistics."""
        super().train(mode)
        self.encoder.eval()
        return self

    def feature_distance(self, outputs: Tensor, target: Tensor) -> Tensor:
        """The mean squared error of each feature map, summed over the blocks.   (B, C, H, W), (B, C, H, W) -> ()"""
        with torch.no_grad():
            wanted = self.encoder.all_feature_maps(target)
        return sum(mse_loss(a, b) for a, b in zip(self.encoder.all_feature_maps(outputs), wanted, strict=True))

    def forward(self, outputs: Tensor, target: Tensor) -> Tensor:
        """(B, C, H, W), (B, C, H, W) -> ()"""
        if outputs.shape != target.shape:
            raise ValueError(
                f"outputs have shape {tuple(outputs.shape)}, target {tuple(target.shape)}; expected one shape"
            )
        return mse_loss(outputs, target) + self.weight * self.feature_distance(outputs, target)
