"""Convolutional networks for images (LeCun et al. 1998; batch norm: Ioffe, Szegedy 2015; residual: He et al. 2016)."""

import torch
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.renamed import names_of

AT_ONCE = 128  # images that `predict` takes at a time


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Convolution 3x3 that halves height and width, batch norm, ReLU.   (B, C, H, W) -> (B, C', H/2, W/2)"""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


def check_images(images: Tensor, channels: int) -> None:
    """ValueError unless images are (B, channels, H, W) of floating point, with at least one image."""
    if images.dim() != 4 or images.shape[1] != channels:
        last = images.dim() == 4 and images.shape[-1] == channels
        cause = (
            "the channels are last: images.permute(0, 3, 1, 2)"
            if last
            else "a single image needs a batch axis: image[None]"
            if images.dim() == 3
            else f"the network was made for {channels} channels"
        )
        raise ValueError(
            f"images have shape {tuple(images.shape)}; expected (B, {channels}, H, W). Likely cause: {cause}"
        )
    if len(images) == 0:
        raise ValueError("images is an empty batch; expected at least one image. Likely cause: an empty split")
    if not images.is_floating_point():
        raise ValueError(
            f"images are {images.dtype}; expected floating point in [0, 1]. Likely cause: bytes 0 to 255, "
            "images.float() / 255, or 16 bits, images.float() / 65535"
        )


class ImageEncoder(nn.Module):
    """Images to feature vectors: a convolution block for each width, then global max pooling.

    Max pooling preserves the response to a small object at any position; average pooling dilutes it with background.
    """

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96), in_channels: int = 3):
        super().__init__()
        channels = (in_channels, *widths)
        self.blocks = nn.Sequential(*(conv_block(a, b) for a, b in zip(channels, widths, strict=False)))
        self.in_channels, self.width = in_channels, widths[-1]

    def feature_maps(self, images: Tensor) -> Tensor:
        """The feature maps after the last block.   (B, C, H, W) -> (B, D, H / 2^blocks, W / 2^blocks)"""
        check_images(images, self.in_channels)
        return self.blocks(images - 0.5)

    def all_feature_maps(self, images: Tensor) -> list[Tensor]:
        """The feature maps after each block.   (B, C, H, W) -> [(B, D_1, H / 2, W / 2), (B, D_2, H / 4, W / 4), ...]"""
        check_images(images, self.in_channels)
        maps = [images - 0.5]
        for block in self.blocks:
            maps.append(block(maps[-1]))
        return maps[1:]

    def forward(self, images: Tensor) -> Tensor:
        """(B, C, H, W) in [0, 1] -> (B, D)"""
        return self.feature_maps(images).amax(dim=(2, 3))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions whose result is added to their input (He et al. 2016).   (B, C, H, W) -> (B, C, H, W)"""

    def __init__(self, channels: int):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.layers(maps))


class ResidualEncoder(nn.Module):
    """Images to feature vectors: per width a convolution block and a residual block, then the mean of each channel.

    It differs from ImageEncoder in residual connections and average pooling.   (B, C, H, W) in [0, 1] -> (B, D)
    """

    def __init__(self, widths: tuple[int, ...] = (32, 64), in_channels: int = 3):
        super().__init__()
        channels = (in_channels, *widths)
        pairs = zip(channels, widths, strict=False)
        self.blocks = nn.Sequential(*(nn.Sequential(conv_block(a, b), ResidualBlock(b)) for a, b in pairs))
        self.in_channels, self.width = in_channels, widths[-1]

    def forward(self, images: Tensor) -> Tensor:
        check_images(images, self.in_channels)
        return self.blocks(images - 0.5).mean(dim=(2, 3))


class ImageClassifier(nn.Module):
    """Images to logits: an encoder and one linear layer.   (B, C, H, W) -> (B, n_classes)"""

    def __init__(self, n_classes: int, widths: tuple[int, ...] = (24, 48, 96), in_channels: int = 3):
        super().__init__()
        self.encoder = ImageEncoder(widths, in_channels)
        self.head = nn.Linear(self.encoder.width, n_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))


class AttributeClassifier(nn.Module):
    """Kind, colour and size of a page's one object, from one encoder: the course's judges of images.

    residual  a ResidualEncoder in place of an ImageEncoder
    forward: (B, 3, S, S) -> (B, n_kinds + n_colours + n_sizes) logits, concatenated; `split` separates them.
    """

    def __init__(
        self,
        sizes: tuple[int, int, int] = (14, 8, 2),
        widths: tuple[int, ...] = (24, 48, 96),
        residual: bool = False,
    ):
        super().__init__()
        self.sizes = sizes
        self.encoder = ResidualEncoder(widths) if residual else ImageEncoder(widths)
        self.head = nn.Linear(self.encoder.width, sum(sizes))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))

    def split(self, logits: Tensor) -> tuple[Tensor, ...]:
        """(B, K) -> (B, n_kinds), (B, n_colours), (B, n_sizes)"""
        return logits.split(self.sizes, dim=1)

    def predict(self, images: Tensor) -> Tensor:
        """The most likely kind, colour and size of each image, on any device.   (B, 3, S, S) -> (B, 3) int64"""
        where = self.head.weight.device
        with evaluation_mode(self):  # in parts: the feature maps of a thousand pages take 300 MB
            logits = torch.cat([self(part.to(where)) for part in images.split(AT_ONCE)])
        return torch.stack([part.argmax(dim=1) for part in self.split(logits)], dim=1)


__getattr__ = names_of(__name__)
