"""The course's destination: every modality turned into every other, with what works already."""

import base64
import html
from dataclasses import dataclass

from torch import Tensor

from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES, Scene, arrange, stream
from mmcourse.picturebook.sentence import tell, understand, with_article
from mmcourse.show import output
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets import to_jpeg

MODALITIES = ("picture", "words", "sound")
LESSONS = {
    ("picture", "picture"): "06",
    ("picture", "words"): "12",
    ("picture", "sound"): "16",
    ("words", "picture"): "14",
    ("words", "words"): "05",
    ("words", "sound"): "15",
    ("sound", "picture"): "16",
    ("sound", "words"): "13",
    ("sound", "sound"): "06",
}


@dataclass(frozen=True)
class Cell:
    """What a conversion gave, and how: 'learned' by a shipped model, or 'by rule'."""

    content: Tensor | str
    how: str


def convert(scene: Scene, seed: int = 0) -> dict[tuple[str, str], Cell]:
    """The conversions that work from what the course ships so far, done on one page with one thing."""
    from mmcourse.picturebook.picture import draw
    from mmcourse.picturebook.speech import speak, voices
    from mmcourse.training import shipped

    if len(scene.things) != 1:
        raise ValueError(f"the scene has {len(scene.things)} things; the shipped reader knows pages with one thing")
    reader = shipped.load("picture_encoder")
    kind, colour, size = reader.read(draw(scene, 32, seed)[None])[0].tolist()
    read = with_article(f"{SIZES[size]} {COLOURS[colour]} {KINDS[kind]}")
    told = tell(scene, seed)
    facts = understand(told)
    again = arrange(facts.things, facts.relation, facts.time or scene.time, stream("conversions", seed))
    voice = voices("unseen")[0]
    return {
        ("picture", "words"): Cell(read, "learned"),
        ("picture", "sound"): Cell(speak(read, voice, seed), "learned, then read by rule"),
        ("words", "picture"): Cell(draw(again, 128, seed + 1), "by rule"),
        ("words", "words"): Cell(tell(again, seed + 1, "unseen"), "by rule"),
        ("words", "sound"): Cell(speak(told, voice, seed), "by rule"),
    }


def show_conversions(scene: Scene, seed: int = 0) -> None:
    """The grid of three modalities by three on one page: what came out where it works, a lesson's number elsewhere."""
    from mmcourse.picturebook.picture import draw
    from mmcourse.picturebook.speech import speak, voices

    done = convert(scene, seed)
    told = tell(scene, seed)
    inputs = {"picture": draw(scene, 128, seed), "words": told, "sound": speak(told, voices("train")[0], seed)}
    line = "border:1px solid var(--jp-border-color2, #bbb);padding:8px;text-align:center;vertical-align:middle"
    head = "".join(f'<th style="{line};width:26%">to {name}</th>' for name in MODALITIES)
    rows, plain = [], []
    for source in MODALITIES:
        cells = [f'<th style="{line}">from {source}<br>{_content(inputs[source], told)}</th>']
        for target in MODALITIES:
            cell = done.get((source, target))
            what = (
                f"<b>{cell.how}</b><br>{_content(cell.content, told)}"
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
    """A picture, words or a player as HTML."""
    if isinstance(content, str):
        return f"<i>{html.escape(content)}</i>"
    if content.dim() == 3:
        picture = base64.b64encode(to_jpeg(content)).decode("ascii")
        source = f"data:image/jpeg;base64,{picture}"
        return f'<img width="128" height="128" alt="{html.escape(words, quote=True)}" src="{source}">'
    return (
        f'<audio controls preload="auto" style="width:180px;height:34px" aria-label="{html.escape(words, quote=True)}" '
        f'src="{data_url(as_samples(content), 16_000)}"></audio>'
    )
