"""Autoencoders: plain, denoising, variational; and a loss in the features of a frozen network."""

from mmcourse.show.diagrams.diagram import Diagram

IMAGE = "(B, 3, H, W)"


def autoencoder(shape: str = IMAGE, code: str = "(B, D)") -> None:
    """Display an encoder, its code and a decoder, with the shape of the data and of the code."""
    d = Diagram("An autoencoder: the encoder compresses the input to a code, from which the decoder reconstructs it.")
    _body(d, "x", "$x$", shape, code, 0)
    d.block("loss", at=(2, 1), label="reconstruction loss  $\\Vert x - \\hat x\\,\\Vert^2$", kind="loss")
    d.arrow("x", "loss", out="bottom", into="left")
    d.arrow("output", "loss", out="bottom", into="right")
    d.show()


def denoising_autoencoder(shape: str = IMAGE, code: str = "(B, D)") -> None:
    """Display an autoencoder that is given a noisy input and compared with the clean one."""
    d = Diagram("A denoising autoencoder: noise is added to the input, and the loss compares with the clean input.")
    d.block("clean", at=(-2, 0), label="$x$", shape=shape, kind="data")
    d.block("plus", at=(-1, 0), label="+", kind="operation")
    d.block("noise", at=(-1, 1), label="noise", kind="data")
    _body(d, "x", "$\\tilde x$", shape, code, 0)
    d.path("clean", "plus", "x")
    d.arrow("noise", "plus")
    d.block("loss", at=(2, 1.6), label="reconstruction loss  $\\Vert x - \\hat x\\,\\Vert^2$", kind="loss")
    d.arrow("clean", "loss", out="bottom", into="left")
    d.arrow("output", "loss", out="bottom", into="right")
    d.show()


def variational_autoencoder(shape: str = IMAGE, code: str = "(B, D)") -> None:
    """Display a VAE: two outputs of the encoder, the reparameterised sample, and both terms of the loss."""
    d = Diagram(
        "A variational autoencoder: the code is sampled as mean plus standard deviation times noise, so that gradients "
        "reach the encoder.",
        gap=(0.36, 0.3),
    )
    d.block("x", at=(0, 1), label="$x$", shape=shape, kind="data")
    d.block("encoder", at=(1, 1), taper=1)
    d.block("mean", at=(2, 0), label="$\\mu$", shape=code, kind="data")
    d.block("kl", at=(2, 1), label="KL divergence\nfrom $N(0, I)$", kind="loss")
    d.block("variance", at=(2, 2), label="$\\ln \\sigma^2$", shape=code, kind="data")
    d.block("z", at=(3, 1), label="$z = \\mu + \\sigma \\odot \\epsilon$", shape=code, kind="operation")
    d.block("noise", at=(3, 2), label="$\\epsilon \\sim N(0, I)$", shape=code, kind="data")
    d.block("decoder", at=(4, 1), taper=-1)
    d.block("output", at=(5, 1), label="$\\hat x$", shape=shape, kind="data")
    d.block("reconstruction", at=(2.5, 3), label="reconstruction loss", kind="loss")
    d.path("x", "encoder")
    d.path("z", "decoder", "output")
    for moment in ("mean", "variance"):
        d.arrow("encoder", moment, bend=0.25)
        d.arrow(moment, "kl")
        d.arrow(moment, "z", bend=0.75)
    d.arrow("noise", "z")
    d.arrow("x", "reconstruction", out="bottom", into="left")
    d.arrow("output", "reconstruction", out="bottom", into="right")
    d.show()


def perceptual_loss(shape: str = IMAGE) -> None:
    """Display a loss in feature maps: original and reconstruction pass the same frozen encoder."""
    d = Diagram("A perceptual loss: original and reconstruction are compared in the feature maps of a frozen encoder.")
    for row, label, name in ((0, "$x$", "x"), (2, "$\\hat x$", "output")):
        d.block(name, at=(0, row), label=label, shape=shape, kind="data")
        d.block(f"encoder {row}", at=(1, row), label="image encoder", kind="frozen", taper=1)
        features = f"$\\phi(${label}$)$".replace("$$", "")
        d.block(f"features {row}", at=(2, row), label=features, shape="(B, C, H', W')", kind="data")
        d.path(name, f"encoder {row}", f"features {row}")
    d.arrow("encoder 0", "encoder 2", "same weights,\nnever updated", kind="shared")
    d.block("pixel", at=(0, 1), label="squared error\nof pixels", kind="loss")
    d.block("perceptual", at=(2, 1), label="squared error\nof feature maps", kind="loss")
    for row, name in ((0, "x"), (2, "output")):
        d.arrow(name, "pixel")
        d.arrow(f"features {row}", "perceptual")
    d.show()


def _body(d: Diagram, name: str, label: str, shape: str, code: str, row: float) -> None:
    """Input, encoder, code, decoder, reconstruction."""
    d.block(name, at=(0, row), label=label, shape=shape, kind="data")
    d.block("encoder", at=(1, row), taper=1)
    d.block("code", at=(2, row), label="code $z$", shape=code, kind="data")
    d.block("decoder", at=(3, row), taper=-1)
    d.block("output", at=(4, row), label="$\\hat x$", shape=shape, kind="data")
    d.path(name, "encoder", "code", "decoder", "output")
