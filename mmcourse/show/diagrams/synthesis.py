"""Text to speech: a text encoder into the codes of a speech autoencoder, durations, and phases by Griffin and Lim."""

from collections.abc import Sequence

from mmcourse.show.diagrams.diagram import Diagram
from mmcourse.show.diagrams.spans import Span, span_rows


def cross_modal_autoencoder() -> None:
    """Display both phases of training: a speech autoencoder, then a text encoder into its latent space."""
    d = Diagram(
        "A cross-modal autoencoder: first an autoencoder of speech is trained; then a text encoder learns codes "
        "that the decoder, no longer updated, turns into speech."
    )
    for phase, row in ((1, 0), (2, 2)):
        d.block(f"code {phase}", at=(2, row), label="code", shape="(B, C, T)", kind="data")
        label, kind = ("speech\ndecoder", "layer") if phase == 1 else ("the same\ndecoder", "frozen")
        d.block(f"decoder {phase}", at=(3, row), label=label, kind=kind, taper=-1)
        d.block(f"output {phase}", at=(4, row), label="log-mels", shape="(B, M, T)", kind="data")
        d.block(f"loss {phase}", at=(5, row), label="absolute\nerror", kind="loss")
        d.path(f"code {phase}", f"decoder {phase}", f"output {phase}", f"loss {phase}")
    d.block("speech", at=(0, 0), label="speech", shape="(B, M, T)", kind="data")
    d.block("speech encoder", at=(1, 0), label="speech\nencoder", taper=1)
    d.block("text", at=(0, 2), label="letters", shape="(B, L)", kind="data")
    d.block("text encoder", at=(1, 2), label="text\nencoder", taper=1)
    d.block("target", at=(5, 3), label="speech", shape="(B, M, T)", kind="data")
    d.block("voice", at=(1, 3), label="voice,\ndurations", shape="(B), (B, L)", kind="data")
    d.path("speech", "speech encoder", "code 1")
    d.path("text", "text encoder", "code 2")
    d.path("voice", "text encoder")
    d.path("target", "loss 2")
    d.arrow("speech", "loss 1", "target", out="top", into="top")
    d.arrow("decoder 1", "decoder 2", kind="shared")
    d.group("1  speech alone", "speech", "speech encoder", "code 1", "decoder 1", "output 1", "loss 1")
    d.group("2  text with its speech", "text", "text encoder", "voice", "code 2", "decoder 2", "output 2", "loss 2",
            "target")  # fmt: skip
    d.show()


def length_regulator(letters: Sequence[str] = "fish", durations: Sequence[int] = (3, 4, 2, 3)) -> None:
    """Display how the state of each letter is repeated for its frames, at most 16 in all."""
    durations = [int(n) for n in durations]
    if len(letters) != len(durations) or not durations or min(durations) < 1 or sum(durations) > 16:
        raise ValueError(
            f"{len(letters)} letters and the durations {durations}; expected one duration for each letter, from 1 "
            "frame on, and 16 frames at most"
        )
    ends = [sum(durations[: i + 1]) for i in range(len(durations))]
    spans = [(letter, end - n, end) for letter, n, end in zip(letters, durations, ends, strict=True)]
    span_rows(
        {
            "letters": [Span(*span) for span in spans],
            "states of letters  (L, D)": [Span(f"$h_{{{x}}}$", first, end, "layer") for x, first, end in spans],
            "repeat by durations": [Span(f"× {end - first}", first, end, "operation") for _, first, end in spans],
            "states of frames  (T, D)": [
                Span(f"$h_{{{x}}}$", t, t + 1, "layer") for x, first, end in spans for t in range(first, end)
            ],
        }
    ).show(
        f"A length regulator: the state of each letter is repeated for as many frames as its duration. Diagram: "
        f"{'; '.join(f'{x} {n} frames' for x, n in zip(letters, durations, strict=True))}; L = {len(letters)} states "
        f"to T = {sum(durations)} frames."
    )


def text_to_speech() -> None:
    """Display the pipeline from letters and a voice to a waveform, with the predicted durations."""
    d = Diagram(
        "Text to speech: states of letters are repeated by predicted durations, become the codes of a speech "
        "autoencoder with the embedding of a voice, and its decoder and Griffin-Lim give a waveform."
    )
    d.block("letters", at=(0, 0), shape="(B, L)", kind="data")
    d.block("gru", at=(1, 0), label="embedding,\nbidirectional GRU", shape="(B, L, D)")
    d.block("regulator", at=(2.5, 0), label="length\nregulator", shape="(B, T, D)", kind="operation")
    d.block("convolutions", at=(3.7, 0), label="residual\nconvolutions", shape="(B, C, T)")
    d.block("code", at=(5, 0), shape="(B, C, T)", kind="data")
    d.block("predictor", at=(2, 1), label="duration\npredictor", shape="(B, L)")
    d.block("voice", at=(0, 2), label="voice", shape="(B)", kind="data")
    d.block("embedding", at=(1, 2), label="voice embedding", shape="(B, E)")
    d.block("decoder", at=(5, 3), label="speech\ndecoder", kind="frozen")
    d.block("mels", at=(3.7, 3), label="log-mels", shape="(B, M, T)", kind="data")
    d.block("griffin", at=(2.3, 3), label="Griffin-Lim", kind="operation")
    d.block("waveform", at=(1, 3), shape="(samples)", kind="data")
    d.path("letters", "gru", "regulator", "convolutions", "code", "decoder", "mels", "griffin", "waveform")
    d.arrow("gru", "predictor", out="bottom", into="left")
    d.arrow("predictor", "regulator", "durations", out="right", into="bottom", side="right")
    d.path("voice", "embedding")
    d.arrow("embedding", "predictor", out="right", into="bottom")
    d.arrow("embedding", "convolutions", out="right", into="bottom")
    d.show()


def griffin_lim(rounds: str = "N") -> None:
    """Display the loop that finds phases for given magnitudes: to samples, back to a spectrum, keep its phase."""
    d = Diagram(
        "The Griffin-Lim algorithm: a spectrum of given magnitudes and initial phases becomes samples; the spectrum of "
        "these samples gives new phases, and its magnitudes are discarded."
    )
    d.block("magnitude", at=(1, 0), label="given magnitude $|S|$", shape="(F, T)", kind="data")
    d.block("initial", at=(0, 1), label="initial\nphase", shape="(F, T)", kind="data")
    d.block("times", at=(1, 1), label="×", kind="operation")
    d.block("inverse", at=(2, 1), label="inverse\nSTFT", kind="operation")
    d.block("samples", at=(3, 1), label="waveform", shape="(samples)", kind="data")
    d.block("forward", at=(4, 1), label="STFT", kind="operation")
    d.block("phase", at=(5, 1), label="keep phase\n$X\\,/\\,|X|$", shape="(F, T)", kind="operation")
    d.block("result", at=(3, 0), label="result", kind="text")
    d.path("initial", "times")
    d.path("magnitude", "times")
    d.arrow("times", "inverse", "$S$")
    d.path("inverse", "samples", "forward")
    d.arrow("forward", "phase", "$X$")
    d.arrow("samples", "result", f"after {rounds} iterations", side="right")
    d.arrow("phase", "times", "the new phase replaces the old one", out="bottom", into="bottom", side="bottom")
    d.show()
