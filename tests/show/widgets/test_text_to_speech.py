"""The widget of synthesised speech, without a browser."""

import base64
import io

import pytest
import torch
import traitlets
from PIL import Image
from torch import nn

from mmcourse.show import text_to_speech
from mmcourse.show.widgets.text_to_speech import checked_edges

VOICES = ("high", "low")


class Speaker(nn.Module):
    """A tone of a quarter of a second for each word, higher or lower; it keeps in which mode it was called."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        self.modes = []

    def speak(self, sentence, voice):
        if "mute" in sentence:
            raise ValueError("this model cannot say 'mute'")
        self.modes.append((self.training, torch.is_grad_enabled()))
        time = torch.arange(4000 * len(sentence.split())) / 16_000
        return self.weight.detach() * 0.5 * torch.sin(time * (3000 if voice == "high" else 1000))

    def boundaries(self, sentence, voice):
        return torch.arange(len(sentence.split()) + 1) * 0.25


class Listener(nn.Module):
    """Understands 'a fish' of everything."""

    def transcribe(self, sounds):
        return ["a fish" for _ in sounds]


def explorer(model=None, **options):
    return text_to_speech(model or Speaker(), **({"voices": VOICES, "sentence": "a red fish"} | options))


def test_the_sentence_is_spoken_in_the_chosen_voice():
    model = Speaker().train()
    widget = explorer(model)
    torch.testing.assert_close(widget.sound, model.speak("a red fish", "high"))
    widget.voice = "low"
    torch.testing.assert_close(widget.sound, model.speak("a red fish", "low"))
    assert widget.result["voice"] == "low" and widget.result["seconds"] == 0.75
    assert widget.result["edges"] == [0, 0.25, 0.5, 0.75] and widget.result["words"] == ["a", "red", "fish"]
    widget.sentence = "A big fish, red"
    assert widget.result["sentence"] == "a big fish red" and widget.result["seconds"] == 1
    assert set(model.modes[:1]) == {(False, False)} and model.training


def test_what_is_recognised_is_compared_with_the_sentence():
    for recogniser in (Listener(), lambda sound: "a fish"):
        widget = explorer(recogniser=recogniser)
        assert widget.recognised == "a fish" and widget.result["recognised"]["rate"] == pytest.approx(1 / 3)
    assert explorer().recognised is None and explorer().result["recognised"] is None


def test_a_model_without_boundaries_has_no_words_in_its_spectrogram():
    class Plain:
        def speak(self, sentence, voice):
            return torch.linspace(-1, 1, 8000)

    assert explorer(Plain()).result["edges"] == []


def test_a_recogniser_gets_the_waveform():
    heard = []
    widget = explorer(recogniser=lambda sound: heard.append(sound) or "")
    assert torch.equal(heard[-1], widget.sound) and widget.result["recognised"]["rate"] == 1


@pytest.mark.parametrize(
    ("sentence", "says"), [("", "is empty"), ("red " * 21, "21 words"), ("mute", "this model cannot say 'mute'")]
)
def test_what_cannot_be_spoken_is_answered_and_the_last_sentence_stays(sentence, says):
    widget = explorer()
    before, answered = widget.result, widget.answered
    widget.sentence = sentence
    assert says in widget.problem and widget.result is before and widget.answered == answered + 1
    widget.sentence = "a blue boat"
    assert widget.problem == "" and widget.result["sentence"] == "a blue boat"


def test_a_word_that_the_book_has_not_is_spoken_and_named():
    widget = explorer()
    widget.sentence = "a red dragonfisch"
    assert widget.problem == "" and widget.result["sentence"] == "a red dragonfisch"
    assert "Not a word of the Picture Book: 'dragonfisch'" in widget.result["note"]


def test_it_shows_a_still_image():
    data, metadata = explorer(recogniser=Listener())._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 150_000
    assert "'a red fish' in the voice high" in metadata["image/png"]["alt"]
    assert "Recognised: 'a fish'" in metadata["image/png"]["alt"] and "Run the cell" in metadata["image/png"]["alt"]


class Wrong:
    """Speaks whatever it is given."""

    def __init__(self, returned):
        self.returned = returned

    def speak(self, sentence, voice):
        return self.returned


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"model": object()}, r"expected one with speak\(sentence, voice\)"),
        ({"model": Wrong((torch.zeros(9), torch.zeros(9)))}, "the log-mel is returned with it"),
        ({"model": Wrong(torch.zeros(2, 9))}, "one channel"),
        ({"model": Wrong(torch.full((9,), float("nan")))}, "not finite"),
        ({"voices": ()}, "voices is empty"),
        ({"sentence": " "}, "is empty"),
        ({"recogniser": nn.Linear(1, 1)}, r"expected one with transcribe\(\[waveform\]\)"),
    ],
)
def test_what_does_not_fit_is_refused(change, says):
    with pytest.raises(ValueError, match=says):
        explorer(**change)


@pytest.mark.parametrize("edges", [[0, 1], [0, 2, 1]])
def test_boundaries_that_do_not_fit_are_refused(edges):
    with pytest.raises(ValueError, match="expected 3, in increasing order"):
        checked_edges(edges, 2)


def test_an_unknown_voice_is_named():
    with pytest.raises(traitlets.TraitError, match="no voice is called 'middle'; expected high, low"):
        explorer().voice = "middle"
