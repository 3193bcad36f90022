"""Search in a shared space: the query is text, an image or a sound, and the nearest pages are shown and played."""

import re
from collections.abc import Callable, Mapping, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor

from mmcourse.picturebook.sentence import UNKNOWN, encode, split_words
from mmcourse.retrieval import nearest
from mmcourse.show import style
from mmcourse.show.figures.images import unit_range
from mmcourse.show.players import as_samples, data_url
from mmcourse.show.widgets.base import StaticImage, script, to_jpeg

FOUND = 5  # pages shown of those found
OFFERED = 12  # pages to choose as query
MOST = 40  # words read of a query
MODALITIES = {"image": "image", "text": "sentence", "sound": "sound"}


def search_explorer(
    vectors: Mapping[str, Tensor],
    images: Sequence[Tensor],
    sentences: Sequence[str],
    sounds: Sequence[Tensor],
    embed_text: Callable[[str], Tensor],
) -> "SearchExplorer":
    """A widget: write a sentence, or choose a page and query with its image or its sound; the nearest pages are shown.

    vectors    {"image": (N, D), "text": (N, D), "sound": (N, D)}: the embeddings of N pages in each modality
    images     of the pages, (3, S, S) in [0, 1]; their sentences; their sounds, (samples,) at 16 kHz
    embed_text  a sentence -> its vector, (D,) or (1, D)

    ValueError where these do not fit.
    """
    return SearchExplorer(vectors, images, sentences, sounds, embed_text)


class SearchExplorer(StaticImage):
    """The widget behind `search_explorer`.

    `source` is the kind of query: 'typed' (the words in `text`), or 'image' or 'sound' of `page`. `among` is the
    modality that is searched. `found` holds (page, cosine), nearest first.
    """

    _esm = script("search.js")
    images = traitlets.List().tag(sync=True)
    sentences = traitlets.List().tag(sync=True)
    offered = traitlets.Int().tag(sync=True)
    text = traitlets.Unicode("").tag(sync=True)
    page = traitlets.Int(0).tag(sync=True)
    source = traitlets.Enum(("typed", "image", "sound"), "typed").tag(sync=True)
    among = traitlets.Enum(tuple(MODALITIES), "image").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, vectors, images, sentences, sounds, embed_text):
        if set(vectors) != set(MODALITIES):
            raise ValueError(
                f"there are vectors of {', '.join(vectors) or 'nothing'}; expected {', '.join(MODALITIES)}"
            )
        images = [unit_range(torch.as_tensor(image).detach().cpu()) for image in images]
        counts = {"images": len(images), "sentences": len(sentences), "sounds": len(sounds)}
        counts |= {f"vectors of {name}": len(some) for name, some in vectors.items()}
        if not images or len(set(counts.values())) > 1:
            raise ValueError(
                f"there are {', '.join(f'{count} {name}' for name, count in counts.items())}; expected as many of "
                "each, at least one"
            )
        super().__init__()
        self.vectors = {name: some.detach().float().cpu() for name, some in vectors.items()}
        self.image_tensors, self.recordings, self.embed_text = images, list(sounds), embed_text
        self.images, self.sentences = [to_jpeg(image) for image in images], list(sentences)
        self.offered = min(OFFERED, len(images))
        self.text = self.sentences[0]
        self._search()
        self.observe(lambda _change: self._search(), ["text", "page", "source", "among"])

    def _search(self) -> None:
        """Find the pages nearest to the query."""
        words = split_words(re.sub("[<>]", " ", self.text))  # no marks such as <pad>
        note, self.found = "", []
        if self.source != "typed":
            self.page = min(max(self.page, 0), len(self.images) - 1)
            query = self.vectors[self.source][self.page][None]
        elif not words:
            note, query = "write a sentence, or choose a page below", None
        else:
            unknown = [word for word in words[:MOST] if encode(word)[0] == UNKNOWN]
            notes = [f"the first {MOST} words count"] if len(words) > MOST else []
            notes += [f"not in the vocabulary, so unknown: {', '.join(dict.fromkeys(unknown))}"] if unknown else []
            note, query = "; ".join(notes), self._vector(" ".join(words[:MOST]))
        if query is not None:
            cosines, positions = nearest(query, self.vectors[self.among], min(FOUND, len(self.images)))
            self.found = list(zip(positions[0].tolist(), cosines[0].tolist(), strict=True))
        self.result = {
            "note": note,
            "found": [
                {
                    "page": position,
                    "cosine": round(cosine, 3),
                    "sound": self._sound(position),
                    "right": self.source != "typed" and position == self.page,
                }
                for position, cosine in self.found
            ],
            "asked": self._sound(self.page) if self.source == "sound" else "",
        }

    def _vector(self, sentence: str) -> Tensor:
        vector = self.embed_text(sentence).detach().float().cpu()
        vector = vector[None] if vector.dim() == 1 else vector
        if vector.shape != (1, self.vectors["text"].shape[1]):
            raise ValueError(
                f"embed_text gave shape {tuple(vector.shape)} for one sentence; expected (1, "
                f"{self.vectors['text'].shape[1]}), as wide as the pages' vectors"
            )
        return vector

    def _sound(self, position: int) -> str:
        return data_url(as_samples(self.recordings[position]), 16_000)

    @property
    def asked(self) -> str:
        """The query in words."""
        if self.source == "typed":
            return f"'{self.text.strip()}'"
        return f"the {MODALITIES[self.source]} of page {self.page + 1}"

    def still(self) -> tuple[bytes, str]:
        """The pages found, with their cosines, as a PNG."""
        from matplotlib.figure import Figure

        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(style.WIDTH, 2.7), layout="constrained")
            figure.suptitle(f"{self.asked}, among {MODALITIES[self.among]}s", fontsize=11)
            axes = figure.subplots(1, max(len(self.found), 1), squeeze=False)[0]
            for axis in axes:
                axis.set_axis_off()
            for axis, (position, cosine) in zip(axes, self.found, strict=False):
                axis.imshow(self.image_tensors[position].permute(1, 2, 0).clamp(0, 1).numpy())
                axis.set_title(f"{cosine:.2f}", fontsize=10)
            png = style.small_png(style.pixels_of(figure, 1.25))
        listed = "; ".join(f"'{self.sentences[position]}' ({cosine:.2f})" for position, cosine in self.found)
        return png, (
            f"A search box. For the query {self.asked} among {MODALITIES[self.among]}s, it finds, with cosine "
            f"similarities: {listed or 'nothing'}. Run the cell to search with text, images and sounds of your choice."
        )
