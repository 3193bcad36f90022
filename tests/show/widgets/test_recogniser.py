"""The widget of a CTC recogniser, without a browser."""

import base64
import io

import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

from mmcourse.picturebook.speech import voices
from mmcourse.show import recogniser
from mmcourse.show.widgets.recogniser import peaks

CHARACTERS = ("-", " ", *"abcdefghijklmnopqrstuvwxyz")


class Fixed(nn.Module):
    """Whatever is said: each of these symbols in turn, as sure as `sure`; it keeps what it was given."""

    def __init__(self, symbols="aa-a b--", sure=0.9):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.symbols = [CHARACTERS.index(symbol) for symbol in symbols]
        self.rest = (1 - sure) / (len(CHARACTERS) - 1)
        self.sure = sure

    def forward(self, mels, lengths):
        self.given = mels, lengths, self.training, torch.is_grad_enabled()
        probabilities = torch.full((1, len(self.symbols) + 2, len(CHARACTERS)), 1 / len(CHARACTERS))
        for frame, symbol in enumerate(self.symbols):
            probabilities[0, frame] = self.rest
            probabilities[0, frame, symbol] = self.sure
        return probabilities.log(), torch.tensor([len(self.symbols)])


def bands(sounds):
    return sounds[:, : len(sounds[0]) // 160 * 160].unflatten(1, (-1, 160)).square().mean(2)[:, None].expand(-1, 4, -1)


def explorer(model=None, **options):
    return recogniser(model or Fixed(), bands, CHARACTERS, **options)


def test_frames_are_merged_before_blanks_are_removed():
    widget = explorer()
    assert "".join(CHARACTERS[i] for i in widget.result["frames"]) == "aa-a b--"
    assert "".join(CHARACTERS[i] for i in widget.result["merged"]) == "a-a b-"
    assert widget.text == widget.result["text"] == "aa b"
    assert len(widget.frames) == 8, "frames beyond the length that the model gives do not count"
    sent = torch.frombuffer(bytearray(widget.result["probabilities"]), dtype=torch.uint8).view(8, -1)
    torch.testing.assert_close(sent / 255, widget.probabilities, atol=0.003, rtol=0)


def test_the_model_gets_the_log_mels_of_the_chosen_sentence_and_is_left_as_it_was():
    model = Fixed().train()
    widget = explorer(model)
    mels, lengths, training, gradients = model.given
    torch.testing.assert_close(mels, bands(widget.sound[None]))
    assert lengths.tolist() == [mels.shape[2]] and not training and not gradients and model.training


def test_errors_are_counted_against_the_true_sentence():
    widget = explorer(Fixed("a-red boat-"), sentence="a red fish")
    assert widget.result["truth"] == "a red fish"
    assert widget.result["words"] == [
        ["deletion", "a", ""],
        ["substitution", "red", "ared"],
        ["substitution", "fish", "boat"],
    ]
    assert widget.result["rate"] == 1 and "2 substitutions + 1 deletion in 3 words" in widget.result["summary"]


def test_noise_changes_the_sound_and_not_the_reading():
    widget = explorer(sentence="red")
    before, address = widget.sound, widget.result["url"]
    widget.noise = 0.0
    assert len(widget.sound) == len(before) and widget.result["url"] != address
    assert (widget.sound - before).square().mean() > 10 * (before[:200]).square().mean()
    widget.seed = 1
    assert len(widget.sound) != len(before), "another reading has another pace"


@pytest.mark.parametrize(
    ("sentence", "says"),
    [
        ("", "The sentence is empty"),
        (" ?! ", "empty"),
        ("a red dragon", "'dragon'"),
        ("a red fisch", "did you mean fish"),
        ("red " * 21, "21 words"),
    ],
)
def test_a_sentence_that_cannot_be_spoken_is_answered_and_the_last_one_stays(sentence, says):
    widget = explorer(sentence="a red fish")
    before, answered = widget.result, widget.answered
    widget.sentence = sentence
    assert says in widget.problem and widget.result is before and widget.answered == answered + 1
    widget.sentence = "a blue boat"
    assert widget.problem == "" and widget.result["truth"] == "a blue boat"


def test_every_voice_can_be_chosen_and_no_other():
    widget = explorer(sentence="red")
    assert [name for _, names in widget.groups for name in names] == [
        name for group in ("train", "held_out", "far") for name in voices(group)
    ]
    widget.voice = voices("far")[0]
    assert widget.result["voice"] == voices("far")[0]
    with pytest.raises(traitlets.TraitError, match="no voice is called 'Bob'"):
        widget.voice = "Bob"


def test_a_symbol_stands_where_it_is_most_probable():
    probabilities = torch.tensor([[0.9, 0.1], [0.4, 0.6], [0.1, 0.9], [0.8, 0.2], [0.3, 0.7]])
    assert peaks([0, 1, 1, 0, 1], probabilities) == [(1, 2), (1, 4)]


def test_it_shows_a_still_image():
    data, metadata = explorer(Fixed("-a --re-d--fi-s-h--"))._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 150_000
    assert "Recognised: 'a redfish'" in metadata["image/png"]["alt"] and "Run the cell" in metadata["image/png"]["alt"]


@pytest.mark.parametrize(
    ("model", "options", "says"),
    [
        (lambda mels, lengths: torch.zeros(1, 5, 28), {}, r"one tensor of shape \(1, 5, 28\)"),
        (lambda mels, lengths: (torch.zeros(1, 5, 28), lengths), {}, "without log_softmax"),
        (lambda mels, lengths: (torch.zeros(1, 5, 27).log_softmax(2), torch.tensor([5])), {}, "without the blank"),
        (Fixed(), {"log_mel": None}, "log_mel is not given"),
        (Fixed(), {"sentence": "a red dragon"}, "dragon"),
    ],
)
def test_what_does_not_fit_is_refused(model, options, says):
    if not isinstance(model, nn.Module):
        function, model = model, Fixed()
        model.forward = function
    with pytest.raises(ValueError, match=says):
        recogniser(model, **({"log_mel": bands, "characters": CHARACTERS} | options))
