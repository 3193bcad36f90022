"""Pretraining by masked tokens, and fine-tuning for another task."""

from collections.abc import Sequence

from mmcourse.show.diagrams.diagram import Diagram


def masked_token_prediction(tokens: Sequence[str] = ("a", "red", "fish", "swims"), masked: int = 1) -> None:
    """Display BERT's training task: a token is hidden, and only its prediction enters the loss."""
    if not 2 <= len(tokens) <= 7 or not 0 <= masked < len(tokens):
        raise ValueError(f"{len(tokens)} tokens, masked is {masked}; expected 2 to 7 tokens, one of them masked")
    last = len(tokens) - 1
    d = Diagram(f"Masked-token prediction: '{tokens[masked]}' is replaced by <mask> and predicted from both sides.")
    d.block("encoder", at=(1, 1), until=(last + 1, 1), label="embedding and bidirectional encoder blocks   (B, T, D)")
    d.block("sentence", at=(0, 0), label="input\ntokens", kind="text")
    for i, token in enumerate(tokens):
        hidden = i == masked
        d.block(f"in {i}", at=(i + 1, 0), label="<mask>" if hidden else token, kind="marked" if hidden else "data")
        d.arrow(f"in {i}", "encoder", out="bottom", into="top")
        if hidden:
            d.block("out", at=(i + 1, 2), label="output layer,\nsoftmax", shape="(V)")
        else:
            d.block(f"out {i}", at=(i + 1, 2), label="not in\nthe loss", kind="text")
        d.arrow("encoder", "out" if hidden else f"out {i}", out="bottom", into="top")
    d.block("loss", at=(masked + 1, 3), label=f"cross-entropy  $-\\log p$({tokens[masked]})", kind="loss")
    d.arrow("out", "loss")
    d.show()


def fine_tuning() -> None:
    """Display a pretrained encoder whose head is replaced by a new one for a task with labels."""
    d = Diagram("Fine-tuning: the encoder starts from its pretrained weights; its head is replaced.")
    d.block("text", at=(0, 0), label="text without\nlabels", shape="(B, T)", kind="data")
    d.block("encoder", at=(1, 0), shape="(B, T, D)")
    d.block("old head", at=(2, 0), label="output layer\nfor tokens", shape="(B, T, V)")
    d.block("pretraining loss", at=(3, 0), label="cross-entropy", kind="loss")
    d.block("labelled", at=(0, 1), label="text with\nlabels", shape="(B, T)", kind="data")
    d.block("copy", at=(1, 1), label="encoder,\ncopied weights", shape="(B, T, D)")
    d.block("new head", at=(2, 1), label="new head:\nclasses", shape="(B, K)")
    d.block("loss", at=(3, 1), label="cross-entropy", kind="loss")
    d.path("text", "encoder", "old head", "pretraining loss")
    d.path("labelled", "copy", "new head", "loss")
    d.arrow("encoder", "copy")
    d.group("1  pretraining", "text", "encoder", "old head", "pretraining loss")
    d.group("2  fine-tuning", "labelled", "copy", "new head", "loss")
    d.show()
