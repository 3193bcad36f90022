"""Classifiers of one modality, layer by layer, and the training step that they share."""

from mmcourse.show.diagrams.diagram import Diagram


def image_classifier() -> None:
    """Display the network of lesson 01: three convolution blocks, global max pooling, a linear layer."""
    d = Diagram("A convolutional classifier: each block halves height and width; the maximum of each map is kept.")
    d.maps("x", at=(0, 0), shape=(3, 32, 32), label="image")
    for i, (channels, side) in enumerate(((24, 16), (48, 8), (96, 4)), 1):
        d.maps(f"maps {i}", at=(i, 0), shape=(channels, side, side), label=f"block {i}")
    d.block("pool", at=(4, 0), label="maximum\nover H, W", shape="(B, 96)", kind="operation")
    d.block("head", at=(5, 0), label="linear", shape="(B, 14)")
    d.block("logits", at=(6, 0), label="logits", kind="data")
    d.path("x", "maps 1", "maps 2", "maps 3", "pool", "head", "logits")
    d.block("note", at=(2, 1), label="block: convolution 3 × 3, stride 2  →  batch norm  →  ReLU", kind="text")
    d.show()


def training_step() -> None:
    """Display one step of training: forward, loss, gradients backward, update by the optimiser."""
    d = Diagram("One training step: the loss of a batch, its gradients at every weight, and an update of the weights.")
    d.block("x", at=(0, 0), label="images", shape="(B, 3, H, W)", kind="data")
    d.block("model", at=(1, 0), shape="weights $w$")
    d.block("logits", at=(2, 0), label="logits", shape="(B, K)", kind="data")
    d.block("loss", at=(3, 0), label="cross-entropy\n$L$", kind="loss")
    d.block("y", at=(4, 0), label="classes", shape="(B)", kind="data")
    d.block("optimiser", at=(1, 1), label="optimiser:\nnew weights $w$", kind="operation")
    d.path("x", "model", "logits", "loss")
    d.arrow("y", "loss")
    d.arrow("loss", "optimiser", "gradients $\\partial L / \\partial w$", kind="gradient", out="bottom", into="right")
    d.arrow("optimiser", "model")
    d.show()
