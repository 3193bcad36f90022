"""Speech recognition: two recognisers trained with CTC, and one that learns from unpaired speech and text."""

from mmcourse.show.diagrams.diagram import Diagram


def recogniser(stride: int = 4, mels: str = "M") -> None:
    """Display a recurrent and a convolutional recogniser, from a log-mel spectrogram to CTC's loss.

    stride  frames of the spectrogram that become one step; mels: the number of mel bands
    """
    if stride < 1:
        raise ValueError(f"stride is {stride}; expected 1 or more frames a step")
    steps = "T" if stride == 1 else f"T/{stride}"
    d = Diagram(
        "Two speech recognisers: a strided convolution shortens the spectrogram, a bidirectional LSTM or residual "
        "convolutions add context, and each step gives a distribution over characters and the blank."
    )
    d.block("x", at=(0, 0.5), label="log-mel\nspectrogram", shape=f"(B, {mels}, T)", kind="data")
    d.block("front", at=(1, 0.5), label=f"convolution,\nstride {stride}", shape=f"(B, D, {steps})")
    d.block("lstm", at=(2, 0), label="bidirectional\nLSTM", shape=f"(B, {steps}, 2H)")
    d.block("or", at=(2, 0.5), label="one of\nthe two", kind="text")
    d.block("residual", at=(2, 1), label="residual\nconvolutions", shape=f"(B, D, {steps})")
    d.block("linear", at=(3, 0.5), label="linear", shape=f"(B, {steps}, V)")
    d.block("softmax", at=(4, 0.5), label="log-softmax", kind="operation")
    d.block("loss", at=(5, 0.5), label="CTC loss", kind="loss")
    d.block("target", at=(5, 1.4), label="characters", shape="(B, L)", kind="data")
    d.path("x", "front")
    for body in ("lstm", "residual"):
        d.arrow("front", body)
        d.arrow(body, "linear")
    d.path("linear", "softmax", "loss")
    d.arrow("target", "loss")
    d.show()


def unpaired_recognition() -> None:
    """Display speech recognition without transcripts: a generator of word distributions against a discriminator."""
    d = Diagram(
        "Speech recognition without paired transcripts, after wav2vec-U: the generator maps segments of speech to "
        "distributions over words, and the discriminator compares them with sentences that belong to no recording."
    )
    d.block("speech", at=(0, 0), label="speech,\nno transcripts", shape="(B, M, T)", kind="data")
    d.block("segments", at=(1, 0), label="one vector\nper segment", shape="(B, S, D)", kind="operation")
    d.block("generator", at=(2, 0))
    d.block("fake", at=(3, 0), label="word\ndistributions", shape="(B, S, V)", kind="data")
    d.block("text", at=(0, 1), label="sentences,\nno recordings", shape="(B, S)", kind="data")
    d.block("onehot", at=(1, 1), label="one-hot\nvectors", kind="operation")
    d.block("real", at=(3, 1), label="word\nsequences", shape="(B, S, V)", kind="data")
    d.block("discriminator", at=(4, 0.5))
    d.block("loss", at=(5, 0.5), label="real or\ngenerated?", kind="loss")
    d.path("speech", "segments", "generator", "fake", "discriminator", "loss")
    d.path("text", "onehot", "real", "discriminator")
    d.arrow("loss", "generator", "gradient, through the discriminator", kind="gradient", out="top", into="top")
    d.show()
