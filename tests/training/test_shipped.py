"""Shipped models: each fits its card, its results hold, and those that lessons start from saw no held-out data."""

import importlib.util
import json
from functools import cache
from itertools import combinations

import pytest
import torch
from torchmetrics.functional.text import word_error_rate

from mmcourse import PictureBook, assets, predict
from mmcourse.data.spoken import SpokenWords
from mmcourse.picturebook.sentence import WORDS
from mmcourse.picturebook.speech import SPEAKING_VOICES, speak, voices
from mmcourse.retrieval import all_directions
from mmcourse.tasks.drawing import described_pages, facts_shown
from mmcourse.tasks.meaning import of_distinct_meaning
from mmcourse.tasks.transcripts import transcript
from mmcourse.training import shipped

IMAGES, SOUNDS = ("image_encoder", "image_judge", "second_image_judge"), ("sound_encoder", "sound_judge")
NAMES = (*IMAGES, *SOUNDS, "text_encoder", "text_judge", "shared_space", "captioner", "page_generator")
NAMES += ("recogniser", "text_to_image", "text_to_speech")


@cache
def recipes():
    """The script that trained the shipped models, as a module."""
    spec = importlib.util.spec_from_file_location("train_models", assets.shipped_folder() / "train_models.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_are_there_and_small():
    assert set(NAMES) == set(shipped.names())
    folder = assets.shipped_folder() / "models"
    assert {path.stem for path in folder.glob("*.safetensors")} == set(shipped.names()), "a file without its card"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 20e6


@pytest.mark.parametrize("name", NAMES)
def test_card_and_file_agree(name):
    card, model = shipped.card(name), shipped.load(name)
    assert set(card) == set(shipped.CARD_FIELDS)
    assert card["parameters"] == sum(p.numel() for p in model.parameters())
    assert card["licence"] == "CC BY 4.0" and card["role"] in ("start", "judge", "generator")
    assert not model.training
    if card["role"] != "judge":
        assert card["splits"] == ["train"], "lessons start from models without held-out pages"


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("split", ["test", "held_out_pairs"])
def test_figures_of_the_card_hold(name, split):
    """Measured again on other pages of the same split: within four standard errors of 500 pages."""
    model, book = shipped.load(name), PictureBook(split, 500, seed=7)
    read = model.predict(book.images.to(next(model.parameters()).device)).cpu()
    truth = torch.stack([book.kinds, book.colours, book.sizes], dim=1)
    for i, what in enumerate(("kind", "colour", "size")):
        told = shipped.card(name)["results"][split][what]
        std = max(told * (1 - told) / 500, 1e-5) ** 0.5
        assert abs((read[:, i] == truth[:, i]).float().mean().item() - told) < 4 * std + 0.01, what


def test_the_generator_draws_the_requested_kind_as_often_as_its_card_says():
    kinds = torch.arange(14).repeat(50)
    noise = torch.randn(len(kinds), 64, generator=torch.Generator().manual_seed(7))
    samples = predict(shipped.load("page_generator"), (noise, kinds))
    for name, told in shipped.card("page_generator")["results"].items():
        found = (shipped.load(name.split()[-1]).predict(samples)[:, 0].cpu() == kinds).float().mean().item()
        assert abs(found - told) < 4 * (told * (1 - told) / len(kinds)) ** 0.5, name


def test_the_recogniser_never_heard_the_voices_that_it_judges():
    assert shipped.card("text_to_speech")["arguments"]["voices"] == list(SPEAKING_VOICES)
    heard = set(recipes().recogniser_voices())
    assert not heard & set(SPEAKING_VOICES) and heard | set(SPEAKING_VOICES) == set(voices("train"))


def test_the_speaking_voices_are_understood_as_the_card_says():
    """Word errors of two sentences in each voice, with faint noise as on the card; four standard errors."""
    model, recogniser = shipped.load("text_to_speech"), shipped.load("recogniser")
    texts = PictureBook("test", 24, objects=2, seed=7).sentences
    said = [recipes().with_faint_noise(model.speak(text, i % 12, rounds=16)) for i, text in enumerate(texts)]
    errors = word_error_rate(recogniser.transcribe(said), [transcript(text) for text in texts]).item()
    told = shipped.card("text_to_speech")["results"]["model"]["word error rate"]
    assert abs(errors - told) < 4 * (max(told, 0.01) / sum(len(text.split()) for text in texts)) ** 0.5


@pytest.mark.parametrize("split", ["test", "held_out_pairs"])
def test_sentences_are_drawn_as_the_card_says(split):
    """On other sentences and from other noise: within four standard errors of 100 images."""
    model, pages = shipped.load("text_to_image"), described_pages(split, 100, seed=7)
    judges = [shipped.load(name) for name in ("image_judge", "second_image_judge")]
    found = facts_shown(model.generate(pages.tokens, seed=7), pages.facts, judges)
    for name, told in shipped.card("text_to_image")["results"][split].items():
        assert abs(found[name] - told) < 4 * max(told * (1 - told) / 100, 1e-4) ** 0.5 + 0.01, name


@pytest.mark.parametrize("name", SOUNDS)
@pytest.mark.parametrize(
    ("split", "group"), [("test", "train"), ("held_out_voices", "held_out"), ("far_voices", "far")]
)
def test_spoken_words_are_understood_as_the_card_says(name, split, group):
    """On other takes, from the waveform alone, with the statistics that the file holds."""
    model = shipped.load(name)
    speech = SpokenWords(voices(group)[::5] if group == "train" else voices(group), words=WORDS[::2], seed=7)
    sounds = torch.cat(list(speech.batches()))
    right = (predict(model, sounds).argmax(dim=1) == 2 * speech.labels).float().mean().item()
    told = shipped.card(name)["results"][split]["word"]
    assert abs(right - told) < 4 * (told * (1 - told) / len(speech)) ** 0.5 + 0.02


def test_the_recogniser_writes_down_speech_as_its_card_says():
    """Other sentences, in voices that it never heard: those that speak in lesson 15, and the held-out ones."""
    model, told = shipped.load("recogniser"), shipped.card("recogniser")["results"]
    book = PictureBook("test", 40, objects=2, seed=7)
    for name, speakers in (("speaking voices", SPEAKING_VOICES), ("held_out_voices", voices("held_out"))):
        sounds = [speak(text, speakers[i % len(speakers)], seed=7) for i, text in enumerate(book.sentences)]
        rate = word_error_rate(model.transcribe(sounds), list(map(transcript, book.sentences))).item()
        expected = told[name]["word error rate"]
        assert abs(rate - expected) < 6 * (expected * (1 - expected) / book.lengths.sum().item()) ** 0.5 + 0.02, name


def test_the_recogniser_writes_nothing_for_silence_and_for_noise():
    noise = torch.randn(16_000, generator=torch.Generator().manual_seed(0))
    sounds = [torch.zeros(16_000), 0.0005 * noise, 0.005 * noise, 0.1 * noise]
    assert shipped.load("recogniser").transcribe(sounds) == [""] * 4


def test_the_recogniser_was_trained_without_the_voices_that_it_judges():
    """The recipe's own list of voices; the card counts them."""
    heard = set(recipes().recogniser_voices())
    assert heard == set(voices("train")) - set(SPEAKING_VOICES)
    assert not heard & {*SPEAKING_VOICES, *voices("held_out"), *voices("far")}
    assert f"by {len(heard)} training voices" in shipped.card("recogniser")["trained"]


@pytest.mark.parametrize("names", [*combinations(IMAGES, 2), SOUNDS])
def test_the_judge_is_another_model(names):
    encoder, judge = (shipped.load(name).state_dict() for name in names)
    assert not any(
        torch.equal(a, b) for a in encoder.values() for b in judge.values() if a.shape == b.shape and a.dim() > 1
    )


def test_unknown_and_broken(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no shipped model is called 'nobody'; there are .*image_encoder"):
        shipped.load("nobody")
    (tmp_path / "models").mkdir()
    source = assets.asset("models/image_encoder.safetensors")
    card = shipped.card("image_encoder")
    (tmp_path / "models" / "image_encoder.json").write_text(json.dumps(card))
    monkeypatch.setattr(shipped, "shipped_folder", lambda: tmp_path)
    monkeypatch.setattr(shipped, "asset", lambda name: tmp_path / name)
    half = tmp_path / "models" / "image_encoder.safetensors"
    half.write_bytes(source.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="not the file its card describes"):
        shipped.load("image_encoder")
    half.write_bytes(source.read_bytes())
    (tmp_path / "models" / "image_encoder.json").write_text(json.dumps(card | {"arguments": {"widths": [4, 4]}}))
    with pytest.raises(ValueError, match="image_encoder.safetensors"):
        shipped.load("image_encoder")


@pytest.mark.parametrize("split", ["test", "held_out_voices"])
def test_the_shared_space_finds_as_its_card_says(split):
    """On other pages, by its own `read` and `hear`, from the sentence and the waveform on."""
    model, book = shipped.load("shared_space"), PictureBook(split, 240, objects=2, seed=7)
    pages = of_distinct_meaning(book, 200)
    with torch.no_grad():
        vectors = {
            "image": model.embed("image", book.images[pages].to(model.loss.log_scale.device)).cpu(),
            "text": model.embed_text([book.sentences[i] for i in pages]).cpu(),
            "sound": torch.cat(
                [model.embed_sound([book.sound(int(i)) for i in some]).cpu() for some in pages.split(40)]
            ),
        }
    told = shipped.card("shared_space")["results"][split]
    for way, row in all_directions(vectors).items():
        assert abs(row["R@1"] - told[way]) < 4 * (2 * told[way] * (1 - told[way]) / 200) ** 0.5 + 0.02, way
