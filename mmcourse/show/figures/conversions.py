"""The nine conversions between image, text and sound, with those that the shipped models can do."""

import base64
import html
from dataclasses import dataclass

from torch import Tensor

from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene, arrange, stream
from mmcourse.picturebook.sentence import describe, parse, with_article
from mmcourse.show import output
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets.base import to_jpeg

MODALITIES = ("image", "text", "sound")
LESSONS = {
    ("image", "image"): "06",
    ("image", "text"): "12",
    ("image", "sound"): "16",
    ("text", "image"): "14",
    ("text", "text"): "05",
    ("text", "sound"): "15",
    ("sound", "image"): "16",
    ("sound", "text"): "13",
    ("sound", "sound"): "06",
}


@dataclass(frozen=True)
class Cell:
    """The result of a conversion and its origin: 'learned' by shipped models, or 'by rule'."""

    content: Tensor | str
    how: str


def convert(scene: Scene, seed: int = 0) -> dict[tuple[str, str], Cell]:
    """The conversions that the shipped models can do, for a page with one object, and one that a rule does."""
    from mmcourse.picturebook.image import draw
    from mmcourse.training import shipped

    if len(scene.objects) != 1:
        raise ValueError(f"the scene has {len(scene.objects)} objects; the shipped classifier expects one object")
    classifier, speaker = shipped.load("image_encoder"), shipped.load("text_to_speech")
    kind, colour, size = classifier.predict(draw(scene, 32, seed)[None])[0].tolist()
    predicted = with_article(f"{SIZES[size]} {COLOURS[colour]} {KINDS[kind]}")
    sentence = describe(scene, seed)
    facts = parse(sentence)
    again = arrange(facts.objects, facts.relation, facts.time or scene.time, stream("conversions", seed))
    return {
        ("image", "text"): Cell(predicted, "learned"),
        ("image", "sound"): Cell(speaker.speak(predicted), "learned, through text"),
        ("text", "image"): Cell(shipped.load("text_to_image").draw(sentence, seed=seed)[0], "learned"),
        ("text", "text"): Cell(describe(again, seed + 1, "held_out"), "by rule"),
        ("text", "sound"): Cell(speaker.speak(sentence), "learned"),
        ("sound", "text"): Cell(shipped.load("recogniser").transcribe([read_aloud(scene, seed)])[0], "learned"),
    }


def read_aloud(scene: Scene, seed: int = 0) -> Tensor:
    """The page's sentence in a voice that the shipped recogniser was not trained on.   -> (samples,)"""
    from mmcourse.picturebook.speech import speak, voices

    return speak(describe(scene, seed), voices("held_out")[0], seed)


def show_conversions(scene: Scene, seed: int = 0) -> None:
    """The nine conversions of one page: the result where one exists, elsewhere the number of its lesson."""
    from mmcourse.picturebook.image import draw

    done = convert(scene, seed)
    sentence = describe(scene, seed)
    inputs = {"image": draw(scene, 128, seed), "text": sentence, "sound": read_aloud(scene, seed)}
    line = "border:1px solid var(--jp-border-color2, #bbb);padding:8px;text-align:center;vertical-align:middle"
    head = "".join(f'<th style="{line};width:26%">to {name}</th>' for name in MODALITIES)
    rows, plain = [], []
    for source in MODALITIES:
        cells = [f'<th style="{line}">from {source}<br>{_content(inputs[source], sentence)}</th>']
        for target in MODALITIES:
            cell = done.get((source, target))
            what = (
                f"<b>{cell.how}</b><br>{_content(cell.content, sentence)}"
                if cell
                else f'<span style="opacity:.6">lesson {LESSONS[source, target]}</span>'
            )
            cells.append(f'<td style="{line}">{what}</td>')
            said = f": {cell.content}" if cell and isinstance(cell.content, str) else ""
            plain.append(f"{source} to {target}: {cell.how + said if cell else 'lesson ' + LESSONS[source, target]}")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    table = f'<table style="border-collapse:collapse"><tr><th></th>{head}</tr>{"".join(rows)}</table>'
    output.publish({"text/html": table, "text/plain": "\n".join(plain)})


def _content(content: Tensor | str, words: str) -> str:
    """An image, text or a player as HTML."""
    if isinstance(content, str):
        return f"<i>{html.escape(content)}</i>"
    if content.dim() == 3:
        image = base64.b64encode(to_jpeg(content)).decode("ascii")
        source = f"data:image/jpeg;base64,{image}"
        return f'<img width="128" height="128" alt="{html.escape(words, quote=True)}" src="{source}">'
    return (
        f'<audio controls preload="auto" style="width:180px;height:34px" aria-label="{html.escape(words, quote=True)}" '
        f'src="{data_url(as_samples(content), 16_000)}"></audio>'
    )
