"""Every widget of the course, around a small untrained model; the longest contents that a lesson gives it."""

import torch
from torch import nn

from mmcourse.models.branches import Branches
from mmcourse.models.captioner import ShowAttendAndTell
from mmcourse.models.cnn import ImageClassifier, ImageEncoder
from mmcourse.models.language_model import LanguageModel
from mmcourse.models.question_answering import QuestionAnswerer
from mmcourse.models.rnn import SentenceClassifier
from mmcourse.models.transformer import TransformerClassifier
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.show.widgets import (
    attention,
    captioning,
    convolution,
    drawing,
    fusion,
    game,
    generator,
    latent_space,
    missing,
    page_maker,
    question_answering,
    recogniser,
    saliency,
    sampling,
    search,
    spectrogram,
    text_to_image,
    text_to_speech,
)

LONG = "a small yellow umbrella left of a big purple butterfly"
SENTENCES = [LONG, "a big red fish above a small blue boat", "a tree is right of the moon, at night"]
RATE = 16_000


def tone(seconds: float) -> torch.Tensor:
    return 0.3 * torch.sin(torch.arange(round(seconds * RATE)) * 0.2)


def page_maker_widget():
    widget = page_maker.make_a_page()
    widget.choices = widget.choices | {"second": True, "kind": "apple", "colour": "red"}  # a note stands below it
    return widget


def drawing_widget():
    widget = drawing.draw_and_watch(ImageClassifier(len(KINDS), widths=(8, 16, 24)), KINDS)
    widget.explained = True
    return widget


def saliency_widget():
    model = SentenceClassifier(2, len(VOCABULARY), width=8)
    return saliency.saliency_explorer(model, f"{LONG} dragon", ("no", "yes"))


def attention_widget():
    model = TransformerClassifier(2, len(VOCABULARY), width=16, heads=4, layers=2)
    return attention.attention_explorer(model, [f"{LONG} zebra", *SENTENCES], classes=("statement is false", "true"))


def fusion_widget():
    ways, middles = torch.randn(2, 20), 5 * torch.randn(2, 20)
    features = [[middles[m] + sign * ways[m] + 0.2 * torch.randn(30, 20) for sign in (1, -1)] for m in (0, 1)]
    return fusion.fusion_explorer(*features, ("purple butterfly", "yellow umbrella"))


def missing_widget():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(9, 4)

        def forward(self, tokens):
            return self.embedding(tokens).mean(dim=1)

    def branches():
        encoders = {"image": nn.Sequential(nn.Flatten(), nn.Linear(48, 4)), "sound": nn.Linear(6, 4), "text": Words()}
        return Branches(encoders, width=4, classes=len(KINDS)).eval()

    models = {name: branches() for name in ("without dropout", "with modality dropout", "ensemble of three models")}
    inputs = torch.rand(12, 3, 4, 4), torch.randn(12, 6), torch.randint(2, 9, (12, 5))
    pages, captions = torch.rand(12, 3, 32, 32), [SENTENCES[i % 3] for i in range(12)]
    widget = missing.missing_explorer(models, inputs, torch.arange(12) % 5, KINDS, pages, captions)
    widget.muted = ["sound"]
    return widget


def question_answering_widget():
    model = QuestionAnswerer(len(COLOURS), len(VOCABULARY), image_width=7, sound_width=3, width=8, heads=2)
    return question_answering.question_answering_explorer(
        model=model,
        images=torch.rand(8, 3, 32, 32),
        positions=torch.randn(8, 16, 7),
        sentences=[SENTENCES[i % 3] for i in range(8)],
        speak=lambda word: tone(0.25),
        encode_sound=lambda sounds: torch.stack([sound[[10, 50, 90]] for sound in sounds]),
        classes=COLOURS,
        questions=["what colour is the thing that you hear", "where is it"],
    )


def captioning_widget():
    model = ShowAttendAndTell(len(VOCABULARY), width=16, encoder=ImageEncoder((4, 6, 8))).eval()
    widget = captioning.captioning_explorer(model)
    widget.width = 4
    return widget


def sampling_widget():
    widget = sampling.sampling_explorer(LanguageModel(len(VOCABULARY), width=16), "there is a small yellow")
    widget.top_k = 5  # words that cannot be drawn are shown too
    widget.action = {"name": "next", "count": 1}
    return widget


def search_widget():
    where = torch.eye(12)
    widget = search.search_explorer(
        {"image": where, "text": where, "sound": where},
        torch.rand(12, 3, 24, 24),
        [SENTENCES[i % 3] for i in range(12)],
        [tone(0.25)] * 12,
        lambda text: where[0],
    )
    widget.page, widget.source = 3, "sound"
    return widget


def latent_space_widget():
    codes = {f"a small yellow umbrella, number {i}": torch.randn(4) for i in range(4)}
    return latent_space.latent_space(lambda codes: codes[:, :1, None, None].sigmoid().expand(-1, 3, 32, 32), codes)


def latent_space_of_sounds():
    codes = {f"high-voice-{i}: butterfly": torch.rand(4) for i in range(4)}
    return latent_space.latent_space(lambda codes: codes[:, :1] * tone(0.4), codes, kind="sound")


def generator_widget():
    def model(latents, classes):
        return latents[:, :1, None, None].sigmoid().expand(-1, 3, 32, 32)

    widget = generator.generator(model, 5, KINDS)
    widget.chosen = generator.EVERY
    return widget


def game_widget():
    x = torch.linspace(-4, 4, 100)
    frames = [
        {
            "step": 1000 * i,
            "samples": i / 10 + 0.3 * torch.randn(500),
            "discriminator": torch.sigmoid(x),
            "discriminator_loss": 1.3,
            "generator_loss": 0.7 + i / 10,
        }
        for i in range(5)
    ]
    return game.game(x, torch.distributions.Normal(1.0, 0.5).log_prob(x).exp(), frames)


def recogniser_widget():
    characters = ("-", " ", *"abcdefghijklmnopqrstuvwxyz")

    class Recogniser(nn.Module):
        """'a bed yellow umbrella', whatever is said."""

        def forward(self, mels, lengths):
            text = "aa--  -bbee-d-  -y-e-l-l-o-w-  -u-m-b-r-e-l-l-a--"
            ids = torch.tensor([characters.index(character) for character in text])
            return nn.functional.one_hot(ids, 28)[None].mul(0.9).add(0.1 / 28).log(), torch.tensor([len(ids)])

    def bands(sounds):
        whole = sounds[:, : len(sounds[0]) // 160 * 160]
        return whole.unflatten(1, (-1, 160)).square().mean(2)[:, None].expand(-1, 4, -1)

    return recogniser.recogniser(Recogniser(), bands, characters, "a small yellow umbrella", examples=SENTENCES)


def text_to_image_widget():
    class Painter:
        guidance = 3.0

        def generate(self, tokens, temperature=1.0, seed=None, guidance=None):
            return torch.rand(len(tokens), 3, 32, 32)

    def judge(images):
        return torch.randn(len(images), len(KINDS) + len(COLOURS) + len(SIZES))

    return text_to_image.text_to_image(Painter(), judge, sentence="a small yellow umbrella")


def text_to_speech_widget():
    class Speaker:
        def speak(self, sentence, voice):
            return tone(0.25 * len(sentence.split()))

        def boundaries(self, sentence, voice):
            return torch.arange(len(sentence.split()) + 1) * 0.25

    model = nn.Module()
    model.speak, model.boundaries = Speaker().speak, Speaker().boundaries
    return text_to_speech.text_to_speech(model, sentence=LONG, recogniser=lambda sound: "a small butterfly")


def spectrogram_widget():
    widget = spectrogram.spectrogram_explorer(tone(1.5), words=LONG)
    widget.selection = [0.2, 0.5]
    return widget


EXAMPLES = {  # by the script in static/ that draws it
    "attention.js": [attention_widget],
    "captioning.js": [captioning_widget],
    "convolution.js": [convolution.convolution_by_hand],
    "drawing.js": [drawing_widget],
    "fusion.js": [fusion_widget],
    "game.js": [game_widget],
    "generator.js": [generator_widget],
    "latent_space.js": [latent_space_widget, latent_space_of_sounds],
    "missing.js": [missing_widget],
    "page_maker.js": [page_maker_widget],
    "question_answering.js": [question_answering_widget],
    "recogniser.js": [recogniser_widget],
    "saliency.js": [saliency_widget],
    "sampling.js": [sampling_widget],
    "search.js": [search_widget],
    "spectrogram.js": [spectrogram_widget],
    "text_to_image.js": [text_to_image_widget],
    "text_to_speech.js": [text_to_speech_widget],
}
