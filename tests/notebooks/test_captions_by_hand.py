"""What lesson 12 defines by hand and the package, or torchmetrics, has as well computes the same."""

import ast
from collections import Counter
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchmetrics.functional.text import bleu_score

from mmcourse import metrics
from mmcourse.metrics import caption_accuracy
from mmcourse.models import attention, captioner, cnn, decoding, transformer
from mmcourse.models.attention import MultiHeadAttention
from mmcourse.models.captioner import ShowAndTell, ShowAttendAndTell, TransformerCaptioner
from mmcourse.picturebook.sentence import END, START, VOCABULARY
from mmcourse.tasks import captions

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "12_captioning.py"


@pytest.fixture(scope="module")
def lesson() -> dict:
    """The functions and classes that the lesson defines, answers included."""
    body = ast.parse(SOURCE.read_text(encoding="utf-8")).body
    names = {
        "torch": torch,
        "nn": nn,
        "Tensor": Tensor,
        "Counter": Counter,
        "PictureBook": None,
        "attention": attention,
        "captioner": captioner,
        "cnn": cnn,
        "decoding": decoding,
        "metrics": metrics,
        "transformer": transformer,
    }
    kept = [node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    exec(compile(ast.Module(kept, []), str(SOURCE), "exec"), names)
    return names


@pytest.fixture(scope="module")
def model() -> ShowAndTell:
    torch.manual_seed(0)
    return ShowAndTell(len(VOCABULARY)).eval()


TOKENS = torch.tensor([[START, 7, 8, 9, END], [START, 10, 11, END, 0]])


def test_one_vector_is_show_and_tell(lesson, model):
    by_hand = lesson["OneVectorCaptioner"](len(VOCABULARY)).eval()
    for ours, theirs in ((by_hand.encoder, model.encoder), (by_hand.lstm, model.recurrent)):
        ours.load_state_dict(theirs.state_dict())
    for name in ("image_projection", "embedding", "head"):
        getattr(by_hand, name).load_state_dict(getattr(model, name).state_dict())
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(by_hand(images, TOKENS), model(images, TOKENS))


def with_weights_of(by_hand: nn.Module, package: nn.Module, other: dict[str, str]) -> nn.Module:
    """The lesson's decoder with the weights of a package's captioner; `other` are its other names of layers."""
    for name, layer in by_hand.named_children():
        layer.load_state_dict(getattr(package, other.get(name, name)).state_dict())
    return by_hand.eval()


def test_the_attention_decoder_by_hand_is_show_attend_and_tell(lesson):
    package = ShowAttendAndTell(len(VOCABULARY)).eval()
    other = {"value": "image_projection", "language_lstm": "recurrent"}
    by_hand = with_weights_of(lesson["AttentionDecoder"](len(VOCABULARY)), package, other)
    images = torch.rand(2, 3, 48, 48)
    logits, weights = by_hand(package.encode(images), TOKENS)
    expected, maps = package.with_weights(images, TOKENS)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(weights, maps)


def test_the_transformer_decoder_by_hand_is_the_packages(lesson):
    package = TransformerCaptioner(len(VOCABULARY)).eval()
    by_hand = with_weights_of(lesson["TransformerDecoder"](len(VOCABULARY)), package, {})
    images = torch.rand(2, 3, 48, 48)
    torch.testing.assert_close(by_hand(package.encode(images), TOKENS), package(images, TOKENS))


def test_shifted_by_hand_is_shifted_where_it_counts(lesson):
    (inputs, targets), (read, said) = lesson["shift_right"](TOKENS), captions.shift_right(TOKENS)
    assert torch.equal(targets, said) and torch.equal(inputs[said != 0], read[said != 0])


def test_said_by_hand_is_said_greedily(lesson, model):
    def step(state, word):
        logits, state = model.step(state, torch.tensor([word]))
        return decoding.without_marks(logits)[0], state

    for image in torch.rand(3, 1, 3, 32, 32):
        words = lesson["generate"](step, model.start(image), START, END, 9)
        assert [w for w in decoding.greedy(model, image, 9)[0].tolist() if w not in (0, END)] == words


def test_attention_by_hand_is_one_heads(lesson):
    state, positions = torch.randn(3, 4), torch.randn(3, 7, 4)
    head = MultiHeadAttention(4, 1)
    with torch.no_grad():
        for layer in (head.query, head.key, head.value, head.out):
            layer.weight.copy_(torch.eye(4))
            layer.bias.zero_()
    found, weights = head(state[:, None], positions)
    by_hand = lesson["attend"](state, positions, torch.eye(4) / 4**0.5)
    torch.testing.assert_close(by_hand[0], found[:, 0])
    torch.testing.assert_close(by_hand[1], weights[:, 0, 0])


def test_steps_of_a_beam_by_hand_are_the_beam(lesson, model):
    image, width = torch.rand(1, 3, 32, 32), 3
    logits, state = model.step(model.start(image), torch.tensor([START]))
    scores, _, words = lesson["beam_step"](torch.zeros(1), decoding.without_marks(logits).log_softmax(1), width)
    state = decoding.rows(state, torch.zeros(width, dtype=torch.int64))
    logits, _ = model.step(state, words)
    scores, parents, second = lesson["beam_step"](scores, decoding.without_marks(logits).log_softmax(1), width)
    said, found = decoding.beam(model, image, width, length=2)
    torch.testing.assert_close(found[0], scores)
    assert torch.equal(said[0], torch.stack([words[parents], second], dim=1))


def test_precision_by_hand_is_bleus_of_single_words(lesson):
    said, reference = "the the red fish is a red red fish", "the small red fish is left of a boat"
    assert lesson["precision"](said, reference) == pytest.approx(bleu_score([said], [[reference]], n_gram=1).item())


def test_the_buggy_report_reads_true_words_and_the_fixed_one_does_not(lesson):
    from mmcourse.exercises.lesson_12.debug import Case

    case = Case(torch.Generator().manual_seed(0))
    assert lesson["fixed"](case.captioner, case.images, case.tokens, case.scenes) == pytest.approx(
        caption_accuracy(case.said, case.scenes)
    )
