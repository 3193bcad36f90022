"""Train the models that the course ships (`make models`, or `python data/train_models.py NAME ...`).

Each function below trains one model and returns it with the content of its card; results are measured here, on pages
outside its training data. Most take some minutes on two cores.
"""

import datetime
import itertools
import json
import random
import sys
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse import Batches, PictureBook, fit, fit_adversarial, predict
from mmcourse.data.audio import same_loudness
from mmcourse.data.augment import flip, mask_words, shift, shift_bands, spec_augment
from mmcourse.data.batches import together
from mmcourse.data.griffin_lim import to_sound
from mmcourse.data.read_aloud import ReadAloud
from mmcourse.data.spoken import SpokenWords, spoken_words
from mmcourse.data.spoken_pages import spoken_pages
from mmcourse.data.text import SentenceBatches, pad
from mmcourse.files import digest, write_whole
from mmcourse.metrics import caption_accuracy
from mmcourse.models import gan, sentence_parser
from mmcourse.models.captioner import ShowAndTell, ShowAttendAndTell
from mmcourse.models.cnn import AttributeClassifier
from mmcourse.models.ctc import ctc_loss
from mmcourse.models.decoding import captions
from mmcourse.models.perceptual import PerceptualLoss
from mmcourse.models.recogniser import ConvolutionalRecogniser
from mmcourse.models.sentence_condition import SentenceCondition
from mmcourse.models.speech import WordRecogniser
from mmcourse.models.text_to_image import TextToImage
from mmcourse.models.text_to_speech import TextToSpeech, speech_loss
from mmcourse.models.towers import PageSpace
from mmcourse.picturebook.image import RGB
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS, KINDS
from mmcourse.picturebook.sentence import VOCABULARY, WORDS, encode
from mmcourse.picturebook.speech import GROUPS, SPEAKING_VOICES, clip, noises, speak, voices
from mmcourse.retrieval import all_directions
from mmcourse.tasks.big_objects import big_objects
from mmcourse.tasks.captions import (
    COLOUR_WORDS,
    CaptionBatches,
    cached_features,
    caption_loss,
    mirror,
    move,
    recolour,
    sample_captions,
)
from mmcourse.tasks.drawing import described_pages, facts_shown
from mmcourse.tasks.meaning import of_distinct_meaning
from mmcourse.tasks.speaking import Clips
from mmcourse.tasks.transcripts import TranscriptBatches, transcript
from mmcourse.training import shipped
from mmcourse.training.checkpoint import save_model
from mmcourse.training.device import seed_everything
from mmcourse.training.shared_space import pretrained_space, train_space
from mmcourse.training.text_to_image import train_autoencoder, train_velocity

MODELS = Path(__file__).resolve().parent / "models"
LICENCE = "CC BY 4.0"
AUTOENCODER_STEPS, VELOCITY_STEPS = 1_600, 8_291  # of text_to_image; an hour on one shared core
NOT_COUNTED = -100  # F.cross_entropy ignores such a target


def truth(book: PictureBook) -> Tensor:
    """Kind, colour and size of every page.   (N, 3)"""
    return torch.stack([book.kinds, book.colours, book.sizes], dim=1)


def reading_loss(logits: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of kind, colour and size together.   (B, 24), (B, 3)"""
    parts = logits.split((14, 8, 2), dim=1)
    return sum(F.cross_entropy(part, target[:, i], ignore_index=NOT_COUNTED) for i, part in enumerate(parts))


def mirror_and_shift(images: Tensor) -> Tensor:
    return shift(flip(images))


def recoloured(book: PictureBook) -> tuple[Tensor, Tensor]:
    """The pages with permuted colour channels, but never a held-out combination; their colour labels are ignored.

    A page stays unchanged if the permuted colour is nearest to one that is held out for its kind.
    """

    held = torch.zeros(len(KINDS), len(COLOURS), dtype=torch.bool)
    for kind, colour in HELD_OUT_PAIRS:
        held[KINDS.index(kind), COLOURS.index(colour)] = True
    changed, target = book.images.clone(), truth(book)
    order = torch.rand(len(book), 3).argsort(dim=1)  # (N, 3)
    permuted = RGB[book.colours].gather(1, order)  # (N, 3)
    becomes = torch.cdist(permuted, RGB).argmin(dim=1)  # (N,)
    free = ~held[book.kinds, becomes] & (order != torch.arange(3)).any(dim=1)
    changed[free] = book.images[torch.arange(len(book))[:, None], order][free]
    target[free, 1] = NOT_COUNTED
    return changed, target


def results(model: AttributeClassifier, splits: dict[str, PictureBook]) -> dict[str, dict[str, float]]:
    """The accuracy of kind, colour and size on each split."""
    result = {}
    for name, book in splits.items():
        right = torch.cat([model.predict(part).cpu() for part in book.images.split(500)]) == truth(book)
        result[name] = {
            what: round(right[:, i].float().mean().item(), 3) for i, what in enumerate(("kind", "colour", "size"))
        }
        result[name]["all three"] = round(right.all(dim=1).float().mean().item(), 3)
    return result


def image_encoder() -> tuple[torch.nn.Module, dict]:
    """Lesson 01's encoder: no held-out combinations, also after augmentation."""
    seed_everything(0)
    book = PictureBook("train", 24_000, seed=0)
    images, target = recoloured(book)
    model = AttributeClassifier(widths=(32, 64, 128))
    fit(
        model,
        Batches(torch.cat([book.images, images]), torch.cat([truth(book), target]), transform=mirror_and_shift, seed=0),
        loss=reading_loss,
        epochs=6,
        lr=5e-3,
        metrics=(),
    )
    return model, {
        "what": "classifies kind, colour and size of the object on a page with one object, 32 pixels; later lessons "
        "start from its encoder",
        "role": "start",
        "arguments": {"widths": [32, 64, 128]},
        "trained": "24,000 pages and their copies with permuted colour channels (no held-out combinations), "
        "mirrored and shifted; AdamW, one cycle to 5e-3, 6 epochs of 48,000",
        "splits": ["train"],
        "results": results(model, {s: PictureBook(s, 2_000) for s in ("test", "held_out_pairs")}),
    }


def image_judge() -> tuple[torch.nn.Module, dict]:
    """A judge, trained on all combinations and used only to evaluate images of other models."""
    seed_everything(1)
    books = [PictureBook("train", 32_000, seed=101), PictureBook("held_out_pairs", 8_000, seed=101)]
    model = AttributeClassifier(widths=(48, 96, 192))
    fit(
        model,
        Batches(torch.cat([b.images for b in books]), torch.cat([truth(b) for b in books]), transform=shift, seed=1),
        loss=reading_loss,
        epochs=8,
        lr=5e-3,
        metrics=(),
    )
    return model, {
        "what": "judge of images: kind, colour and size of a page with one object, 32 pixels",
        "role": "judge",
        "arguments": {"widths": [48, 96, 192]},
        "trained": "40,000 pages of all combinations, held-out ones included, shifted; AdamW, one cycle to 5e-3, 8 "
        "epochs. It shares neither pages nor weights with any other model",
        "splits": ["train (seed 101)", "held_out_pairs (seed 101)"],
        "results": results(model, {s: PictureBook(s, 2_000) for s in ("test", "held_out_pairs")}),
    }


def second_image_judge() -> tuple[torch.nn.Module, dict]:
    """A judge of another architecture: what convinces both is less likely to be an artefact that fools one of them."""
    seed_everything(2)
    books = [PictureBook("train", 24_000, seed=202), PictureBook("held_out_pairs", 6_000, seed=202)]
    arguments = {"widths": [32, 64], "residual": True}
    model = AttributeClassifier(**arguments)
    fit(
        model,
        Batches(torch.cat([b.images for b in books]), torch.cat([truth(b) for b in books]), transform=shift, seed=2),
        loss=reading_loss,
        epochs=8,
        lr=5e-3,
        metrics=(),
    )
    return model, {
        "what": "second judge of images: object, colour and size of a page with one object, 32 pixels; a residual "
        "network with average pooling",
        "role": "judge",
        "arguments": arguments,
        "trained": "30,000 pages of all combinations, held-out ones included, shifted; AdamW, one cycle to 5e-3, 8 "
        "epochs. It shares neither pages nor weights with any other model",
        "splits": ["train (seed 202)", "held_out_pairs (seed 202)"],
        "results": results(model, {s: PictureBook(s, 2_000) for s in ("test", "held_out_pairs")}),
    }


def page_generator() -> tuple[torch.nn.Module, dict]:
    """Lesson 07's conditional GAN, trained several times as long as in the lesson."""
    seed_everything(3)
    images, kinds, _ = big_objects("train", 96_000, seed=0)
    generator = gan.Generator(n_classes=len(KINDS))
    fit_adversarial(
        generator,
        gan.Discriminator(n_classes=len(KINDS)),
        Batches(images, kinds, size=32, seed=3),
        loss="hinge",
        epochs=32,
        lr=1e-3,
        optimiser=partial(torch.optim.Adam, betas=(0.0, 0.99)),
        schedule=linear,
    )
    requested = torch.arange(len(KINDS)).repeat(100)
    samples = predict(generator, (torch.randn(len(requested), generator.latent_size), requested))
    judges = {name: shipped.load(name) for name in ("image_judge", "second_image_judge")}
    return generator, {
        "what": "generator of pages with one big object of a chosen kind by day, 32 pixels",
        "role": "generator",
        "arguments": {"n_classes": len(KINDS)},
        "trained": f"{len(images):,} pages with a big object by day; hinge loss, spectral normalisation, Adam at 1e-3 "
        "with betas (0, 0.99) and linear decay to 0; 32 epochs in batches of 32",
        "splits": ["train"],
        "results": {
            f"kind, by {name}": round((judge.predict(samples)[:, 0].cpu() == requested).float().mean().item(), 3)
            for name, judge in judges.items()
        },
    }


def linear(done: float) -> float:
    """Linear decay of the learning rate to 0."""
    return 1 - done


def vary(mels: Tensor) -> Tensor:
    return spec_augment(shift_bands(mels))


def recogniser_of(speech: SpokenWords, epochs: int, seed: int, **arguments) -> WordRecogniser:
    """A word recogniser trained on `speech`, its log-mels fitted to every tenth sound."""
    model = WordRecogniser(len(WORDS), **arguments)
    model.log_mel.fit(speech.sound(i) for i in range(0, len(speech), 10))
    batches = Batches(speech.log_mels(model.log_mel), speech.labels, transform=vary, seed=seed)
    fit(model.classifier, batches, epochs=epochs, lr=5e-3, metrics=())
    return model.eval()


def words_right(model: WordRecogniser) -> dict[str, dict[str, float]]:
    """Accuracy on new takes of training voices, on held-out voices and on the other speech engine."""
    judged = {"test": SpokenWords(voices("train"), takes=1, seed=0)}
    judged |= {f"{group}_voices": spoken_words(group, takes=2) for group in ("held_out", "far")}
    result = {}
    for split, speech in judged.items():
        guess = predict(model.classifier, speech.log_mels(model.log_mel)).argmax(dim=1)
        result[split] = {"word": round((guess == speech.labels).float().mean().item(), 3)}
    return result


def sound_encoder() -> tuple[torch.nn.Module, dict]:
    """Lesson 03's network with its log-mels, trained on training voices only."""
    seed_everything(0)
    model = recogniser_of(spoken_words("train", takes=3, seed=100), epochs=6, seed=0)
    return model, {
        "what": f"classifies a spoken word, one of the book's {len(WORDS)}: waveform, 16 kHz, about 0.75 s, to logits; "
        "later lessons start from its encoder. Includes the statistics of its log-mels",
        "role": "start",
        "arguments": {"n_classes": len(WORDS)},
        "trained": "every word three times by each of the 46 training voices; SpecAugment, bands shifted by up to 2; "
        "AdamW, one cycle to 5e-3, 6 epochs of 15,318",
        "splits": ["train"],
        "results": words_right(model),
    }


def sound_judge() -> tuple[torch.nn.Module, dict]:
    """A judge of spoken words, trained on all voices and used only to evaluate other models."""
    seed_everything(1)
    everyone = tuple(voice for group in GROUPS for voice in voices(group))
    size = {"widths": [24, 48, 96], "width": 192}
    model = recogniser_of(SpokenWords(everyone, takes=3, seed=200), epochs=5, seed=1, **size)
    return model, {
        "what": f"judge of spoken words: one of {len(WORDS)}, from the waveform, 16 kHz, about 0.75 s",
        "role": "judge",
        "arguments": {"n_classes": len(WORDS), **size},
        "trained": "every word three times by all 56 voices, held-out and far ones included; SpecAugment, bands "
        "shifted by up to 2; AdamW, one cycle to 5e-3, 5 epochs of 18,648. It shares neither takes nor weights with "
        "any other model",
        "splits": ["train", "held_out_voices", "far_voices"],
        "results": words_right(model),
    }


def sentences(split: str, pages: int, seed: int = 0) -> list[str]:
    """Sentences: a third describe one object, the others two."""
    return [
        sentence
        for objects, fraction in ((1, pages // 3), (2, pages - pages // 3))
        for sentence in PictureBook(split, fraction, objects=objects, seed=seed).sentences
    ]


def train_parser(texts: list[str], seed: int, epochs: int, **options) -> sentence_parser.SentenceParser:
    """A parser trained on these sentences, with word dropout of 0.1; words outside them stay unknown."""
    seed_everything(seed)
    tokens, model = pad([encode(sentence) for sentence in texts]), sentence_parser.SentenceParser(**options)
    model.encoder.restrict_vocabulary(tokens)
    batches = SentenceBatches(tokens, sentence_parser.answers(texts), seed=seed, transform=lambda t: mask_words(t, 0.1))
    fit(model, batches, loss=sentence_parser.reading_loss, epochs=epochs, lr=5e-3, metrics=(), clip=1.0)
    return model


def parsing_results(model: sentence_parser.SentenceParser, *splits: str) -> dict[str, dict[str, float]]:
    """The accuracy of each part, of all parts, and of all parts except the sizes."""
    result = {}
    for split in splits:
        texts = sentences(split, 3_000)
        tokens = pad([encode(sentence) for sentence in texts])
        right = torch.cat([model.predict(part).cpu() for part in tokens.split(500)]) == sentence_parser.answers(
            texts
        )  # (N, 8)
        others = [i for i, part in enumerate(sentence_parser.PARTS) if "size" not in part]
        result[split] = {
            part: round(right[:, i].float().mean().item(), 3) for i, part in enumerate(sentence_parser.PARTS)
        } | {
            "all": round(right.all(dim=1).float().mean().item(), 3),
            "all but the sizes": round(right[:, others].all(dim=1).float().mean().item(), 3),
        }
    return result


def text_encoder() -> tuple[torch.nn.Module, dict]:
    """Lesson 02's encoder: training sentences only, so that 'tiny' and 'huge' are unknown words to it."""
    options = {"width": 64, "cell": "gru"}
    model = train_parser(sentences("train", 24_000), seed=0, epochs=6, **options)
    return model, {
        "what": "parses a sentence of the book about one or two objects; later lessons start from its encoder. It "
        "cannot know 'tiny' and 'huge', a third of the size words of held_out_phrasings: see 'all but the sizes'",
        "role": "start",
        "arguments": options,
        "trained": "24,000 sentences, a third of them about one object, each word masked with probability 0.1; AdamW, "
        "one cycle to 5e-3, 6 epochs",
        "splits": ["train"],
        "results": parsing_results(model, "test", "held_out_pairs", "held_out_phrasings"),
    }


def text_judge() -> tuple[torch.nn.Module, dict]:
    """A judge, trained on all combinations and phrasings and used only to evaluate other models."""
    options = {"width": 96, "cell": "gru"}
    texts = [
        s for split in ("train", "held_out_pairs", "held_out_phrasings") for s in sentences(split, 9_000, seed=101)
    ]
    model = train_parser(texts, seed=1, epochs=7, **options)
    return model, {
        "what": "judge of sentences: parses one about one or two objects",
        "role": "judge",
        "arguments": options,
        "trained": "27,000 sentences of all combinations and phrasings, held-out ones included, a third about one "
        "object, each word masked with probability 0.1; AdamW, one cycle to 5e-3, 7 epochs. It shares neither "
        "sentences nor weights with any other model",
        "splits": [f"{split} (seed 101)" for split in ("train", "held_out_pairs", "held_out_phrasings")],
        "results": parsing_results(model, "test", "held_out_pairs", "held_out_phrasings"),
    }


def shared_space() -> tuple[torch.nn.Module, dict]:
    """Lesson 11's space: images with sentences, then speech with sentences; no held-out data."""
    seed_everything(0)
    model = train_space(pretrained_space(), [(2, 16_000), (1, 6_000)], [(2, 20_000), (1, 2_000)], (6, 5, 4), seed=0)
    model = model.half().float()  # the file has half precision; results are measured with its weights
    results = found_right(model)
    return model.half(), {
        "what": "embeds images of 48 pixels, sentences and speech of pages with one or two objects as unit vectors of "
        "one space. Includes the statistics of its log-mels (20 ms)",
        "role": "start",
        "arguments": {"text_width": 64},
        "trained": "from image_encoder and text_encoder: 22,000 pages, four phrasings each, 6 epochs. Then, with a "
        "locked text tower: single words, then the sentences of 22,000 other pages, read aloud by concatenated "
        "spectra, anew in each of 4 epochs, contrastive loss plus distance of partners. No image was paired with a "
        "sound",
        "splits": ["train"],
        "results": results,
    }


def found_right(model: PageSpace) -> dict[str, dict[str, float]]:
    """R@1 among 200 pages with two objects and different meanings, in all six directions."""
    result = {}
    for split in ("test", "held_out_pairs", "held_out_voices", "held_out_phrasings"):
        book = PictureBook(split, 240, objects=2)
        pages = of_distinct_meaning(book, 200)
        sounds = spoken_pages(book, model.log_mel.cpu(), pages).float()
        given = {"image": book.images[pages], "text": book.tokens[pages], "sound": sounds}
        vectors = {name: predict(model.tower(name), inputs, size=50) for name, inputs in given.items()}
        result[split] = {way: round(row["R@1"], 3) for way, row in all_directions(vectors).items()}
    return result


def captioner() -> tuple[torch.nn.Module, dict]:
    """Lesson 12's captioner for pages of 48 pixels: no held-out combinations, encoder of image_encoder."""
    seed_everything(0)
    single = PictureBook("train", 16_000, seed=0)
    one = ShowAndTell(len(VOCABULARY), encoder=shipped.load("image_encoder").encoder, frozen=True)
    batches = CaptionBatches(single.images, sample_captions(single, 4), changes=(mirror, move, recolour), seed=0)
    fit(one, batches, loss=caption_loss, metrics=(), epochs=2, lr=6e-3, clip=1.0)
    arguments = {"vocabulary_size": len(VOCABULARY), "frozen": True, "masked_words": COLOUR_WORDS.tolist()}
    model = ShowAttendAndTell(**arguments)
    model.load_state_dict(one.state_dict(), strict=False)
    books = PictureBook("train", 12_000, objects=2, seed=0), PictureBook("train", 4_000, seed=0, size=48)
    pages = [cached_features(model, book.images, sample_captions(book, 4)) for book in books]
    pages += [
        cached_features(model, blank_pages(len(book) // 10), sample_captions(book, 4)[::10], rounds=[()])
        for book in books
    ]
    maps, texts = zip(*pages, strict=True)
    batches = CaptionBatches(torch.cat(maps), together(texts), size=32, seed=0)
    fit(model, batches, loss=caption_loss, metrics=(), epochs=4, lr=3e-3, clip=1.0)
    return model, {
        "what": "captions a page with one or two objects, 48 pixels, in a sentence of the book",
        "role": "start",
        "arguments": arguments,
        "trained": "encoder of image_encoder, frozen. First 16,000 pages with one object, 2 epochs: the kinds "
        "learned from recoloured images, half of them with colours that have no name. Then 12,000 pages with two "
        "objects and 4,000 with one: mirrored, three times repainted and once with masked colour words, each with "
        "one of four sentences; no held-out combination is painted. Also 1,600 blank pages, with sentences of other "
        "pages. AdamW, one cycle to 3e-3, 4 epochs of 65,600",
        "splits": ["train"],
        "results": captions_right(model),
    }


def blank_pages(pages: int) -> Tensor:
    """Images of one colour with noise, on which a captioner learns the structure of sentences."""
    colour, strength = torch.rand(pages, 3, 1, 1), 0.5 * torch.rand(pages, 1, 1, 1)
    return (colour + strength * torch.randn(pages, 3, 48, 48)).clamp(0, 1)


def captions_right(model: ShowAttendAndTell) -> dict[str, dict[str, float]]:
    """The fraction of captions with the correct meaning, by greedy decoding and with a beam of four."""
    result = {}
    for split in ("test", "held_out_pairs"):
        result[split] = {}
        for objects, name in ((1, "one object"), (2, "two objects")):
            book = PictureBook(split, 1_000, objects=objects, size=48)
            for width in (1, 4):
                right = caption_accuracy(captions(model, book.images, width=width), book.scenes)
                result[split][name + (", beam of 4" if width > 1 else "")] = round(right, 3)
    return result


def text_to_image() -> tuple[torch.nn.Module, dict]:
    """Lesson 14's flow matching in the codes of an autoencoder; sentence vectors of shared_space."""
    seed_everything(4)
    books = [PictureBook("train", 12_000, seed=seed) for seed in range(4)]
    images = torch.cat([book.images for book in books[:2]])
    model = TextToImage(text=SentenceCondition(shipped.load("shared_space").tower("text")))
    loss = PerceptualLoss(shipped.load("image_encoder").encoder)
    train_autoencoder(model.autoencoder, images, loss, AUTOENCODER_STEPS)
    model.fit_codes(images[:5_000])
    codes = torch.cat([model.encode(book.images).half() for book in books])
    conditions = torch.cat([predict(model.text, book.tokens) for book in books])
    del images, books
    train_velocity(model, codes, conditions, VELOCITY_STEPS)
    model = model.half().float()  # the file has half precision; results are measured with its weights
    results = drawn_right(model)
    return model.half(), card_of_text_to_image(results)


def card_of_text_to_image(results: dict) -> dict:
    return {
        "what": "draws a page of 32 pixels with one object from a sentence of the book: flow matching in codes of "
        "8 x 8 x 8, with classifier-free guidance",
        "role": "generator",
        "arguments": {},
        "trained": f"autoencoder: 24,000 pages, {AUTOENCODER_STEPS:,} steps of 64, perceptual loss of image_encoder, "
        "noise of 0.2 standard deviations on the codes; AdamW, one cycle to 5e-3. Velocity network: codes of 48,000 "
        f"pages, {VELOCITY_STEPS:,} steps of 64, a tenth of the sentences dropped; AdamW at 1e-3, weights averaged. "
        "Sentence vectors of shared_space. No judge was used in training. Guidance: the smallest scale within a "
        "standard error of the best on the valid split",
        "splits": ["train"],
        "results": results,
    }


def drawn_right(model: TextToImage) -> dict[str, dict[str, float]]:
    """The fraction of 500 sentences whose images show the facts, the lower result of two judges."""
    judges = [shipped.load(name) for name in ("image_judge", "second_image_judge")]
    result = {}
    for split in ("test", "held_out_pairs"):
        pages = described_pages(split, 500)
        images = torch.cat([model.generate(part, seed=i) for i, part in enumerate(pages.tokens.split(250))])
        result[split] = {name: round(value, 3) for name, value in facts_shown(images, pages.facts, judges).items()}
    return result


def recogniser() -> tuple[torch.nn.Module, dict]:
    """Lesson 13's convolutional recogniser, trained longer: a judge of speech, without the speaking voices."""
    seed_everything(5)
    listened = recogniser_voices()
    texts = [s for split in PHRASED for s in sentences(split, 4_000, seed=303)] + random_words(6_000, seed=303)
    arguments = {"width": 128, "dilations": [1, 2, 4]}
    model = ConvolutionalRecogniser(**arguments)
    model.log_mel.fit(spoken(texts[::80], listened))
    read = ReadAloud(model.log_mel, WORDS, listened, signal_to_noise=(15, 70))
    batches = WithNoiseAlone(read, texts, seed=5, vary=lambda mels: spec_augment(shift_bands(mels, 3), 8, 8))
    fit(model, batches, loss=ctc_loss, epochs=7, lr=5e-3, metrics=(), clip=2.0)
    model = model.half().float()  # the file has half precision; results are measured with its weights
    results = word_errors(model)
    return model.half(), {
        "what": "transcribes a spoken sentence of the course's words, 16 kHz, in characters (CTC). Includes the "
        "statistics of its log-mels (10 ms). It makes more errors where there is no noise at all: 16.7% of the "
        "words in 96 sentences of concatenated recordings, 5.7% with faint noise",
        "role": "judge",
        "arguments": arguments,
        "trained": f"{len(texts):,} sentences, 12,000 of them of all combinations and phrasings, held-out ones "
        "included, the others 3 to 9 words of the vocabulary in random order; read aloud by concatenated spectra, "
        f"anew in each of 7 epochs, by {len(listened)} training voices: all but the {len(SPEAKING_VOICES)} that the "
        "text-to-speech model speaks with. Noise 15 to 70 dB below the voice; every twentieth example is noise alone, "
        "with an empty transcript. SpecAugment, bands shifted by up to 3; AdamW, one cycle to 5e-3",
        "splits": [f"{split} (seed 303)" for split in PHRASED],
        "results": results,
    }


PHRASED = ("train", "held_out_pairs", "held_out_phrasings")  # splits that differ in their sentences


class WithNoiseAlone(TranscriptBatches):
    """Batches in which a random twentieth of the sentences is replaced by noise, with an empty transcript."""

    def __init__(self, read: ReadAloud, *arguments, **options):
        super().__init__(read, *arguments, **options)
        self.noise = read.log_mel(torch.stack([hiss[: 10 * read.log_mel.rate] for hiss in noises()]))

    def _cut(self, order):
        for mels, lengths, targets in super()._cut(order):
            for i in (torch.rand(len(mels)) < 0.05).nonzero()[:, 0].tolist():
                length = min(int(lengths[i]), self.noise.shape[2])
                start = int(torch.randint(self.noise.shape[2] - length + 1, ()))
                mels[i, :, :length] = self.noise[int(torch.randint(len(self.noise), ())), :, start : start + length]
                mels[i, :, length:], lengths[i], targets[i] = 0, length, 0
            yield mels, lengths, targets


def recogniser_voices() -> tuple[str, ...]:
    """The training voices of the recogniser: none of those that it evaluates."""
    return tuple(voice for voice in voices("train") if voice not in SPEAKING_VOICES)


def random_words(count: int, seed: int) -> list[str]:
    """3 to 9 words of the vocabulary in random order, so that a recogniser cannot rely on grammar."""
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(3, 9))) for _ in range(count)]


def spoken(texts: list[str], speakers: tuple[str, ...], signal_to_noise: float | None = None) -> list[Tensor]:
    """Each sentence in the voice of one of the speakers, who take turns.   (samples,) each"""
    voiced = enumerate(zip(texts, itertools.cycle(speakers), strict=False))
    return [speak(text, voice, seed=i, signal_to_noise=signal_to_noise) for i, (text, voice) in voiced]


def word_errors(model: ConvolutionalRecogniser) -> dict[str, dict[str, float]]:
    """Word and character error rates over 300 test sentences in voices of each kind, and over random words."""
    from torchmetrics.functional.text import char_error_rate, word_error_rate

    groups = {
        "voices of the training": recogniser_voices(),
        "speaking voices": SPEAKING_VOICES,
        "held_out_voices": voices("held_out"),
        "far_voices": voices("far"),
    }
    judged = {name: (sentences("test", 300), speakers) for name, speakers in groups.items()}
    judged["held_out_phrasings, held_out_voices"] = sentences("held_out_phrasings", 300), voices("held_out")
    judged["random words, speaking voices"] = random_words(300, seed=0), SPEAKING_VOICES
    judged["speaking voices, without noise"] = sentences("test", 300), SPEAKING_VOICES
    result = {}
    for name, (texts, speakers) in judged.items():
        sounds = spoken(texts, speakers, 90 if "without noise" in name else None)
        written, right = model.transcribe(sounds), [transcript(text) for text in texts]
        result[name] = {
            "word error rate": round(word_error_rate(written, right).item(), 4),
            "character error rate": round(char_error_rate(written, right).item(), 4),
        }
    return result


def text_to_speech() -> tuple[torch.nn.Module, dict]:
    """Lesson 15's model, trained longer: the words of the vocabulary in the twelve speaking voices."""
    seed_everything(0)
    model = TextToSpeech(SPEAKING_VOICES)
    pairs = [(word, position) for position in range(len(SPEAKING_VOICES)) for word in WORDS]
    sounds = [clip(word, SPEAKING_VOICES[position]) for word, position in pairs]
    model.log_mel.fit(sounds[::4])
    clips = Clips([word for word, _ in pairs], [position for _, position in pairs], sounds, model.log_mel)
    others = [clip(word, voice) for voice in recogniser_voices()[::2] for word in WORDS]
    stretches = torch.cat(
        [clips.stretches(), Clips(["x"] * len(others), [0] * len(others), others, model.log_mel).stretches()]
    )
    fit(
        model.autoencoder,
        Batches(stretches, stretches, size=16, seed=0),
        loss=F.l1_loss,
        metrics=(),
        epochs=30,
        lr=3e-3,
        clip=1.0,
    )
    model.freeze_autoencoder()
    fit(model, clips.batches(size=24, seed=0), loss=speech_loss, metrics=(), epochs=100, lr=4e-3, clip=1.0)
    halves = {name: value.half() for name, value in model.state_dict().items()}
    model.load_state_dict(halves)  # the file has half precision; results are measured with its weights
    results = spoken_word_errors(model)
    return model.half(), {
        "what": "speaks a sentence in one of twelve voices, 16 kHz: letters to codes of a speech autoencoder, its "
        "decoder, Griffin-Lim; trained on the course's words; others are read letter by letter",
        "role": "generator",
        "arguments": {"voices": list(SPEAKING_VOICES)},
        "trained": f"autoencoder: the words of the {len(SPEAKING_VOICES)} speaking voices and of every second other "
        "training voice, without text, 30 epochs; text encoder: every word in every speaking voice once, "
        f"{len(clips):,} clips, durations distributed evenly over letters, 100 epochs in batches of 24; AdamW, one "
        "cycle to 3e-3 and 4e-3",
        "splits": ["train"],
        "results": results,
    }


def spoken_word_errors(model: TextToSpeech) -> dict[str, dict[str, float]]:
    """The recogniser's word error rate for 20 sentences in each voice: recorded clips, copy synthesis, the model."""
    from torchmetrics.functional.text import word_error_rate

    recogniser, texts = shipped.load("recogniser"), sentences("test", 20 * len(SPEAKING_VOICES))
    said = [SPEAKING_VOICES[i % len(SPEAKING_VOICES)] for i in range(len(texts))]
    recorded = [speak(text, voice, varied=False) for text, voice in zip(texts, said, strict=True)]
    ways = {
        "recorded": recorded,
        "copy synthesis": [to_sound(model.log_mel(sound[None]), model.log_mel)[0].cpu() for sound in recorded],
        "model": [model.speak(text, voice) for text, voice in zip(texts, said, strict=True)],
    }
    result = {}
    for name, sounds in ways.items():
        written = recogniser.transcribe([with_faint_noise(sound) for sound in sounds])
        errors = word_error_rate(written, [transcript(text) for text in texts])
        result[name] = {"word error rate": round(errors.item(), 4)}
    return result


def with_faint_noise(sound: Tensor) -> Tensor:
    """The sound with silence of 1/16 s before and after it, and white noise 32 dB below it."""
    padded = F.pad(same_loudness(sound), (1_000, 1_000))
    return padded + 0.002 * torch.randn(len(padded), generator=torch.Generator().manual_seed(0))


RECIPES = {
    recipe.__name__: recipe
    for recipe in (
        image_encoder,
        image_judge,
        second_image_judge,
        page_generator,
        sound_encoder,
        sound_judge,
        text_encoder,
        text_judge,
        shared_space,
        captioner,
        text_to_image,
        recogniser,
        text_to_speech,
    )
}


def ship(name: str) -> None:
    """Train one model and write its weights and its card."""
    model, about = RECIPES[name]()
    MODELS.mkdir(exist_ok=True)
    path = save_model(model.cpu(), MODELS / f"{name}.safetensors")
    cls = type(model)
    about |= {
        "class": f"{cls.__module__}.{cls.__qualname__}",
        "licence": LICENCE,
        "parameters": sum(p.numel() for p in model.parameters()),
        "sha256": digest(path),
        "versions": {package: version(package) for package in ("torch", "mmcourse")},
        "date": datetime.date.today().isoformat(),
    }
    write_whole(MODELS / f"{name}.json", json.dumps(about, indent=2) + "\n")
    print(f"{name}: {about['parameters']:,} parameters, {about['results']}")


def main(wanted: list[str]) -> None:
    unknown = set(wanted) - set(RECIPES)
    if unknown:
        sys.exit(f"no model is called {', '.join(sorted(unknown))}; there are {', '.join(RECIPES)}")
    for name in wanted or RECIPES:
        ship(name)


if __name__ == "__main__":
    main(sys.argv[1:])
