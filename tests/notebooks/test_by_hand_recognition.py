"""What lesson 13 defines by hand computes what the package and PyTorch do."""

import ast
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchmetrics.functional.text import word_error_rate

from mmcourse.models import ctc, recogniser
from mmcourse.tasks import transcripts

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "source" / "13_speech_recognition.py"
BY_HAND = {"corpus_error_rate", "collapse", "forward_probability", "RecurrentByHand", "ConvolutionalByHand", "best_of"}
BY_HAND |= {"BuggyAlphabet", "FixedAlphabet"}


@pytest.fixture(scope="module")
def lesson():
    """The functions and classes that the lesson defines by hand, answers included."""
    names = {"torch": torch, "nn": nn, "Tensor": Tensor, "Callable": Callable}
    found = [
        node for node in ast.parse(SOURCE.read_text(encoding="utf-8")).body if getattr(node, "name", "") in BY_HAND
    ]
    exec(compile(ast.Module(found, []), str(SOURCE), "exec"), names)
    return names


@pytest.mark.parametrize(
    ("by_hand", "package"),
    [("RecurrentByHand", recogniser.RecurrentRecogniser), ("ConvolutionalByHand", recogniser.ConvolutionalRecogniser)],
)
def test_the_networks_are_the_packages(lesson, by_hand, package):
    by_hand, package = lesson[by_hand](), package()
    theirs = [p for name, p in package.named_parameters() if not name.startswith("log_mel")]
    assert {tuple(p.shape) for p in theirs} == {tuple(p.shape) for p in by_hand.parameters()}
    state = {name: value for name, value in package.state_dict().items() if not name.startswith("log_mel")}
    state = {name.replace("convolution.", "0.").replace("norm.", "1."): value for name, value in state.items()}
    by_hand.load_state_dict(state)
    mels = torch.randn(3, 40, 50)
    mels -= mels.mean(dim=2, keepdim=True)  # as the package does before its first layer
    expected, _ = package.eval()(mels, torch.tensor([50, 50, 50]))
    assert torch.allclose(by_hand.eval()(mels), expected, atol=1e-5)


def test_collapsing_and_the_forward_algorithm_are_the_packages(lesson):
    generator = torch.Generator().manual_seed(0)
    log_probs = torch.randn(7, 4, generator=generator, dtype=torch.float64).log_softmax(dim=1)
    for path in torch.randint(0, 4, (20, 9), generator=generator).tolist():
        assert lesson["collapse"](path) == ctc.collapse(path)
    for target in ([], [1], [2, 2, 1], [1, 2, 3, 1], [1] * 5):
        expected = ctc.ctc_log_likelihood(log_probs, target).exp()
        assert torch.isclose(lesson["forward_probability"](log_probs.exp(), target), expected)


def test_the_word_error_rate_is_torchmetrics(lesson):
    references = ["a red fish", "", "the big blue boat is over the moon"]
    hypotheses = ["red fish fish", "a", "the blue boat is under a moon"]
    expected = word_error_rate(hypotheses, references).item()
    assert lesson["corpus_error_rate"](references, hypotheses) == pytest.approx(expected)


def test_the_word_bonus_balances_a_language_model_that_prefers_short_texts(lesson):
    candidates = [(["a", "red", "fish"], -3.0), (["red", "fish"], -3.5)]

    def language(words):
        return -2.0 * len(words)

    assert lesson["best_of"](candidates, language, 0.0, 0.0) == ["a", "red", "fish"]
    assert lesson["best_of"](candidates, language, 1.0, 0.0) == ["red", "fish"]
    assert lesson["best_of"](candidates, language, 1.0, 2.0) == ["a", "red", "fish"]


def test_the_fixed_alphabet_writes_spaces_and_the_buggy_one_loses_them(lesson):
    for name, expected in (("BuggyAlphabet", "aredfish"), ("FixedAlphabet", "a red fish")):
        alphabet = lesson[name]()
        assert alphabet.decode(alphabet.encode("a red fish").tolist()) == expected
    fixed = lesson["FixedAlphabet"]()
    assert fixed.n_outputs == len(transcripts.CHARACTERS)
    log_probs = F.one_hot(fixed.encode("moon").repeat_interleave(2), fixed.n_outputs).float().log_softmax(dim=1)
    assert fixed.decode(log_probs.argmax(dim=1).tolist()) == "mon"
