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


def text_cnn() -> None:
    """Display TextCNN: convolutions over 3, 4 and 5 embeddings, the maximum of each map over the real words."""
    d = Diagram("TextCNN: windows of 3, 4 and 5 words; of each feature map the maximum over the real words is kept.")
    d.block("tokens", at=(0, 1), shape="(B, T)", kind="data")
    d.block("embedding", at=(1, 1), shape="(B, T, D)")
    d.block("join", at=(4, 1), label="concat-\nenate", shape="(B, 3C)", kind="operation")
    d.block("head", at=(5, 1), label="dropout,\nlinear", shape="(B, K)")
    d.arrow("tokens", "embedding")
    for row, words in enumerate((3, 4, 5)):
        d.block(f"conv {words}", at=(2, row), label=f"convolution,\n{words} words", shape="(B, C, T)")
        d.block(f"max {words}", at=(3, row), label="maximum\nover T", shape="(B, C)", kind="operation")
        d.path("embedding", f"conv {words}", f"max {words}", "join")
    d.arrow("join", "head")
    d.show()


def speech_classifier() -> None:
    """Display the network of lesson 03: three blocks, bands to channels, a convolution over time, pooling."""
    d = Diagram(
        "A speech classifier: three blocks halve bands and time, the bands that are left become channels, one more "
        "convolution runs over time, and only time is pooled."
    )
    d.maps("mels", at=(0, 0), shape=(1, 40, 76), label="log-mel")
    for i, shape in enumerate(((16, 20, 38), (32, 10, 19), (64, 5, 10)), 1):
        d.maps(f"maps {i}", at=(i, 0), shape=shape, label=f"block {i}")
    d.block("flatten", at=(3, 1), label="bands to\nchannels", shape="(B, 320, T)", kind="operation")
    d.block("over time", at=(2, 1), label="convolution\nover time", shape="(B, 128, T)")
    d.block("pool", at=(1, 1), label="maximum\nover T", shape="(B, 128)", kind="operation")
    d.block("head", at=(0, 1), label="linear", shape="(B, 111)")
    d.path("mels", "maps 1", "maps 2", "maps 3")
    d.arrow("maps 3", "flatten", out="right", into="right")
    d.path("flatten", "over time", "pool", "head")
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
