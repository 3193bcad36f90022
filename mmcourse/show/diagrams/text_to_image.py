"""Text to image: a conditional VAE, and flow matching in the codes of an autoencoder (Rombach et al. 2022)."""

from mmcourse.show.diagrams.diagram import Diagram

IMAGE = "(B, 3, H, W)"


def conditional_vae(code: str = "(B, Z)") -> None:
    """Display a VAE whose encoder and decoder get a sentence vector."""
    d = Diagram(
        "A conditional VAE: encoder and decoder both get the vector of the sentence, so that the code holds what the "
        "sentence leaves open. To generate, the code is drawn from N(0, I).",
        gap=(0.36, 0.3),
    )
    d.block("reconstruction", at=(2.5, -1), label="reconstruction loss", kind="loss")
    d.block("x", at=(0, 1), label="$x$", shape=IMAGE, kind="data")
    d.block("encoder", at=(1, 1), taper=1)
    d.block("mean", at=(2, 0), label="$\\mu$", shape=code, kind="data")
    d.block("kl", at=(2, 1), label="KL divergence\nfrom $N(0, I)$", kind="loss")
    d.block("variance", at=(2, 2), label="$\\log \\sigma^2$", shape=code, kind="data")
    d.block("z", at=(3, 1), label="$z = \\mu + \\sigma \\odot \\epsilon$", shape=code, kind="operation")
    d.block("noise", at=(3, 2), label="$\\epsilon \\sim N(0, I)$", shape=code, kind="data")
    d.block("decoder", at=(4, 1), taper=-1)
    d.block("output", at=(5, 1), label="$\\hat x$", shape=IMAGE, kind="data")
    d.block("tokens", at=(0, 3), label="sentence", shape="(B, T)", kind="data")
    d.block("text", at=(1, 3), label="sentence\nencoder", shape="$c$ (B, E)", kind="frozen")
    d.path("x", "encoder")
    d.path("z", "decoder", "output")
    for moment in ("mean", "variance"):
        d.arrow("encoder", moment, bend=0.25)
        d.arrow(moment, "kl")
        d.arrow(moment, "z", bend=0.75)
    d.arrow("noise", "z")
    d.path("tokens", "text", "encoder")
    d.arrow("text", "decoder", out="right", into="bottom")
    d.arrow("x", "reconstruction", out="top", into="left")
    d.arrow("output", "reconstruction", out="top", into="right")
    d.show()


def latent_flow(code: str = "(B, C, h, w)") -> None:
    """Display text to image by flow matching on codes: a training step, and how an image is generated."""
    d = Diagram(
        "Latent flow matching: in training a velocity network gets a point between noise and an image's code, with "
        "the sentence; to generate, noise follows its velocity, and the decoder makes an image."
    )
    d.block("image", at=(0, 0), shape=IMAGE, kind="data")
    d.block("encoder", at=(1, 0), label="image\nencoder", kind="frozen", taper=1)
    d.block("code", at=(2, 0), label="code $x_1$", shape=code, kind="data")
    d.block("between", at=(3, 0), label="$x_t =$\n$(1 - t)\\,x_0 + t\\,x_1$", kind="operation")
    d.block("velocity", at=(4, 0), label="velocity\nnetwork", shape="$v(x_t, t, c)$")
    d.block("loss", at=(5, 0), label="squared\nerror to\n$x_1 - x_0$", kind="loss")
    d.block("noise", at=(3, 1), label="noise $x_0$", shape=code, kind="data")
    d.block("sentence", at=(5, 1), shape="(B, T)", kind="data")
    d.block("text", at=(4, 1), label="sentence\nencoder", kind="frozen")
    d.path("image", "encoder", "code", "between", "velocity", "loss")
    d.path("noise", "between")
    d.path("sentence", "text", "velocity")
    d.group("1  training", "image", "encoder", "code", "between", "velocity", "loss", "noise", "sentence", "text")
    d.block("noise 2", at=(0, 2), label="noise $x_0$", shape=code, kind="data")
    d.block("velocity 2", at=(1.5, 2), label="N Euler steps with the\nvelocity network", kind="frozen")
    d.block("code 2", at=(3, 2), label="code $x_1$", shape=code, kind="data")
    d.block("decoder", at=(4, 2), label="image\ndecoder", kind="frozen", taper=-1)
    d.block("image 2", at=(5, 2), label="image", shape=IMAGE, kind="data")
    d.block("sentence 2", at=(0, 3), label="sentence", shape="(B, T)", kind="data")
    d.block("text 2", at=(1.5, 3), label="sentence encoder", kind="frozen")
    d.path("noise 2", "velocity 2", "code 2", "decoder", "image 2")
    d.path("sentence 2", "text 2", "velocity 2")
    members = "noise 2", "velocity 2", "code 2", "decoder", "image 2", "sentence 2", "text 2"
    d.group("2  generation", *members)
    d.show()
