"""Generative adversarial networks: who is updated in which step, conditioning by projection, a DCGAN's generator."""

from collections.abc import Sequence

from mmcourse.show.diagrams.diagram import Diagram


def gan_steps() -> None:
    """Display the two steps of training a GAN: what is updated in each, and where gradients stop."""
    d = Diagram(
        "A GAN's training alternates two steps: the discriminator's, in which gradients stop before the generator, and "
        "the generator's, in which they pass through a discriminator that is not updated."
    )
    d.block("z 1", at=(0, 1), label="noise $z$", kind="data")
    d.block("G 1", at=(1, 1), label="generator $G$", kind="frozen")
    d.block("fake 1", at=(2, 1), label="$G(z)$", kind="data")
    d.block("stop", at=(3, 1), label="detach", kind="operation")
    d.block("real", at=(3, 0), label="real $x$", kind="data")
    d.block("D 1", at=(4, 0.5), label="discriminator\n$D$")
    d.block("loss 1", at=(5, 0.5), label="loss of $D$:\nreal or generated?", kind="loss")
    d.path("z 1", "G 1", "fake 1", "stop", "D 1", "loss 1")
    d.arrow("real", "D 1")
    d.group("1  update the discriminator", "z 1", "G 1", "fake 1", "stop", "real", "D 1", "loss 1")
    d.block("z 2", at=(0, 2), label="noise $z$", kind="data")
    d.block("G 2", at=(1, 2), label="generator $G$")
    d.block("fake 2", at=(2, 2), label="$G(z)$", kind="data")
    d.block("D 2", at=(4, 2), label="discriminator\n$D$", kind="frozen")
    d.block("loss 2", at=(5, 2), label="loss of $G$:\nclassified as real?", kind="loss")
    d.path("z 2", "G 2", "fake 2", "D 2", "loss 2")
    d.group("2  update the generator", "z 2", "G 2", "fake 2", "D 2", "loss 2")
    back = {"kind": "gradient", "out": "bottom", "into": "bottom", "side": "bottom"}
    d.arrow("loss 1", "D 1", "gradient", **back)
    d.arrow("loss 2", "G 2", "gradient, through $D$ to $G$", **back)
    d.show()


def conditional_gan(condition: str = "class") -> None:
    """Display a conditional GAN whose discriminator multiplies features with the condition's vector: projection.

    condition  'class', with an embedding of its own, or 'sentence', by the vector of a sentence encoder
    """
    if condition not in ("class", "sentence"):
        raise ValueError(f"condition is {condition!r}; expected 'class' or 'sentence'")
    sentence = condition == "sentence"
    told = "a linear map of the sentence's vector" if sentence else "the class's embedding"
    d = Diagram(
        f"A conditional GAN with a projection discriminator: {told} and the image's features are compared by a dot "
        "product."
    )
    letter = "c" if sentence else "y"
    d.block("z", at=(0, 0), label="noise $z$", shape="(B, Z)", kind="data")
    d.block("G", at=(1, 0), label="generator", shape=f"$G(z, {letter})$")
    d.block("x", at=(2, 0), label="generated\nor real image", shape="(B, 3, H, W)", kind="data")
    d.block("phi", at=(3, 0), label="convolutions\n$\\phi$", taper=1)
    d.dot("branch", at=(4, 0))
    d.block("linear", at=(5, 0), label="linear", shape="(B, 1)")
    if sentence:
        d.block("tokens", at=(0, 1), label="sentence", shape="(B, T)", kind="data")
        d.block("y", at=(1, 1), label="sentence\nencoder", shape="$c$ (B, E)", kind="frozen")
        d.path("tokens", "y")
    else:
        d.block("y", at=(1, 1), label="class $y$", shape="(B)", kind="data")
    d.block("embed", at=(3, 1), label="linear" if sentence else "embedding", shape="(B, D)")
    d.block("dot", at=(4, 1), label="dot\nproduct", kind="operation")
    d.block("plus", at=(6, 0), label="+", kind="operation")
    d.block("logit", at=(7, 0), label="logit", shape="(B, 1)", kind="data")
    d.path("z", "G", "x", "phi")
    d.arrow("phi", "branch", "(B, D)")
    d.path("branch", "linear", "plus", "logit")
    d.path("branch", "dot")
    d.arrow("y", "G")
    d.path("y", "embed", "dot")
    d.arrow("dot", "plus", out="right", into="bottom")
    d.group("projection discriminator", "phi", "branch", "linear", "embed", "dot", "plus")
    d.show()


def dcgan_generator(
    noise: int = 64, stages: Sequence[tuple[int, int, int]] = ((128, 4, 4), (64, 8, 8), (32, 16, 16), (3, 32, 32))
) -> None:
    """Display a DCGAN's generator: noise becomes a stack of small feature maps, doubled until it is an image."""
    if len(stages) < 2:
        raise ValueError(f"there are {len(stages)} stages; expected at least two shapes (channels, height, width)")
    d = Diagram("A DCGAN generator: each transposed convolution doubles height and width and reduces the channels.")
    d.block("z", at=(0, 0), label="noise $z$", shape=f"({noise})", kind="data")
    for i, shape in enumerate(stages, 1):
        d.maps(f"stage {i}", at=(i, 0), shape=shape, label="image" if i == len(stages) else "")
        before, step = ("z", "linear,\nreshape") if i == 1 else (f"stage {i - 1}", "transposed\nconvolution")
        d.arrow(before, f"stage {i}", step)
    d.show()
