"""GANs for 32-pixel images: a DCGAN (Radford, Metz, Chintala 2016), conditional by projection (Miyato, Koyama 2018).

A class label is an integer. With several attributes, such as kind and colour, `n_classes` is a tuple and labels are
(B, n_attributes); the embeddings of the attributes are added.
"""

import numbers
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from mmcourse.models.cnn import check_images

SIZE = 32  # pixels along an image's side


class LabelEmbedding(nn.Module):
    """Class labels to vectors; the vectors of several attributes are added.   (B,) or (B, A) -> (B, width)"""

    def __init__(self, n_classes: int | Sequence[int], width: int, std: float = 1.0):
        super().__init__()
        self.sizes = (n_classes,) if isinstance(n_classes, numbers.Integral) else tuple(n_classes)
        self.tables = nn.ModuleList(nn.Embedding(size, width) for size in self.sizes)
        for table in self.tables:
            nn.init.normal_(table.weight, std=std)

    def forward(self, labels: Tensor) -> Tensor:
        columns = labels[:, None] if labels.dim() == 1 else labels
        return sum(table(column) for table, column in zip(self.tables, columns.T, strict=True))


class Generator(nn.Module):
    """Noise, and labels where there are classes, to images in [0, 1].   (B, Z), (B,) -> (B, channels, 32, 32)

    A linear layer makes maps of 4 x 4; three transposed convolutions double height and width. The label's embedding
    is concatenated with the noise (Mirza, Osindero 2014).
    """

    def __init__(
        self,
        latent_size: int = 64,
        n_classes: int | Sequence[int] | None = None,
        widths: tuple[int, int, int] = (128, 64, 32),
        channels: int = 3,
        embedding_size: int = 32,
    ):
        super().__init__()
        self.latent_size, self.n_classes, self.widths = latent_size, n_classes, widths
        self.embedding = None if n_classes is None else LabelEmbedding(n_classes, embedding_size)
        inputs = latent_size + (0 if n_classes is None else embedding_size)
        a, b, c = widths
        self.linear = nn.Linear(inputs, a * 4 * 4, bias=False)
        self.layers = nn.Sequential(
            *(nn.BatchNorm2d(a), nn.ReLU()),
            *(nn.ConvTranspose2d(a, b, kernel_size=4, stride=2, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU()),
            *(nn.ConvTranspose2d(b, c, kernel_size=4, stride=2, padding=1, bias=False), nn.BatchNorm2d(c), nn.ReLU()),
            nn.ConvTranspose2d(c, channels, kernel_size=4, stride=2, padding=1),
        )

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        if z.dim() != 2 or z.shape[1] != self.latent_size:
            raise ValueError(
                f"z has shape {tuple(z.shape)}; expected (B, {self.latent_size}). Likely cause: noise of another size; "
                "draw torch.randn(B, generator.latent_size)"
            )
        if check_labels(labels, self.n_classes, len(z), "Generator"):
            z = torch.cat([z, self.embedding(labels)], dim=1)  # (B, Z + E)
        maps = self.linear(z).unflatten(1, (-1, 4, 4))  # (B, C, 4, 4)
        return self.layers(maps).sigmoid()


class Discriminator(nn.Module):
    """A score for each image, high for a real one.   (B, channels, 32, 32), (B,) -> (B,)

    Three convolutions of stride 2, then a linear layer. With classes, the score gets a second term, the dot product of
    the features with an embedding of the label (projection). norm: 'spectral' (Miyato et al. 2018), 'batch', or None;
    batch norm makes a score depend on the other images of the batch, so it cannot be combined with a gradient penalty.
    """

    def __init__(
        self,
        n_classes: int | Sequence[int] | None = None,
        widths: tuple[int, int, int] = (32, 64, 128),
        channels: int = 3,
        norm: str | None = "spectral",
    ):
        super().__init__()
        if norm not in ("spectral", "batch", None):
            raise ValueError(f"norm is {norm!r}; expected 'spectral', 'batch' or None")
        self.n_classes, self.channels, self.norm = n_classes, channels, norm
        limit = spectral_norm if norm == "spectral" else lambda layer: layer
        a, b, c = widths
        self.convolutions = nn.Sequential(
            *(limit(nn.Conv2d(channels, a, kernel_size=4, stride=2, padding=1)), nn.LeakyReLU(0.2)),
            *(limit(nn.Conv2d(a, b, kernel_size=4, stride=2, padding=1)), _norm(norm, b), nn.LeakyReLU(0.2)),
            *(limit(nn.Conv2d(b, c, kernel_size=4, stride=2, padding=1)), _norm(norm, c), nn.LeakyReLU(0.2)),
            nn.Flatten(),
        )
        self.linear = limit(nn.Linear(c * 4 * 4, 1))
        self.embedding = None if n_classes is None else LabelEmbedding(n_classes, c * 4 * 4, std=0.02)
        if n_classes is not None and norm == "spectral":  # bounds the gradient of the projection as well
            for table in self.embedding.tables:
                spectral_norm(table)

    def features(self, images: Tensor) -> Tensor:
        """The features of each image after the convolutions.   (B, channels, 32, 32) -> (B, D)"""
        check_images(images, self.channels)
        if images.shape[-2:] != (SIZE, SIZE):
            raise ValueError(
                f"images have shape {tuple(images.shape)}; expected {SIZE} x {SIZE} pixels. Likely cause: images of "
                "another size; resize or pad them: F.pad(images, (2, 2, 2, 2)) for 28 pixels"
            )
        return self.convolutions(2 * images - 1)

    def forward(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        conditional = check_labels(labels, self.n_classes, len(images), "Discriminator")
        features = self.features(images)  # (B, D)
        score = self.linear(features).squeeze(1)  # (B,)
        if conditional:
            score = score + (self.embedding(labels) * features).sum(dim=1)
        return score


def check_labels(labels: Tensor | None, n_classes: int | Sequence[int] | None, batch: int, model: str) -> bool:
    """Whether the model is conditional; ValueError where the labels do not fit it, or the batch is empty."""
    if batch == 0:
        raise ValueError(f"{model} got an empty batch; expected at least one example. Likely cause: an empty split")
    if n_classes is None:
        if labels is not None:
            raise ValueError(
                f"{model} got labels, but has no classes. Likely cause: n_classes is missing: {model}(n_classes=14)"
            )
        return False
    sizes = (n_classes,) if isinstance(n_classes, numbers.Integral) else tuple(n_classes)
    shape = (batch,) if len(sizes) == 1 else (batch, len(sizes))
    if labels is None:
        raise ValueError(
            f"{model} got no labels; expected {shape} with values below {n_classes}. Likely cause: "
            "batches without labels: Batches(images, labels)"
        )
    if not isinstance(labels, Tensor):
        raise ValueError(f"labels are of type {type(labels).__name__}; expected a tensor: torch.tensor(labels)")
    if tuple(labels.shape) != shape:
        raise ValueError(
            f"labels have shape {tuple(labels.shape)}; expected {shape}. Likely cause: one-hot labels "
            "(labels.argmax(dim=1)), or a batch of another size"
        )
    if labels.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"labels are {labels.dtype}; expected integers: labels.long()")
    for column, size in zip(labels.reshape(batch, -1).T, sizes, strict=True):
        if column.min() < 0 or column.max() >= size:
            raise ValueError(
                f"labels are {column.min()} to {column.max()}; expected 0 to {size - 1}. Likely cause: n_classes is "
                "smaller than the number of classes, or classes counted from 1"
            )
    return True


def _norm(norm: str | None, channels: int) -> nn.Module:
    return nn.BatchNorm2d(channels) if norm == "batch" else nn.Identity()
