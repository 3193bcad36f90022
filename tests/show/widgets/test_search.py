"""The search box without a browser: what is found, by which modality, empty and unknown queries, its still picture."""

import base64
import io

import pytest
import torch
from PIL import Image

from mmcourse.show.widgets.search import FOUND, MOST, search_explorer

SENTENCES = ["a red fish", "a blue boat", "a tree by day", "a moon at night", "a green car", "a pink house", "a cat"]


@pytest.fixture
def given():
    rng = torch.Generator().manual_seed(0)
    spots = torch.eye(7)
    return {
        "vectors": {
            "image": spots + 0.1 * torch.randn(7, 7, generator=rng),
            "text": spots,
            "sound": spots.roll(1, dims=0),  # the voices are one page off
        },
        "images": torch.rand(7, 3, 24, 24),
        "sentences": SENTENCES,
        "sounds": [torch.sin(torch.arange(4_000) * 0.01 * (i + 1)) for i in range(7)],
        "embed_text": lambda text: spots[SENTENCES.index(text)] if text in SENTENCES else torch.ones(7),
    }


def with_positions(widget):
    return [position for position, _ in widget.found]


def test_it_begins_with_the_first_sentence_and_finds_its_picture(given):
    widget = search_explorer(**given)
    assert widget.source == "typed" and widget.text == SENTENCES[0] and with_positions(widget)[0] == 0
    assert len(widget.found) == FOUND == len(widget.result["found"])
    cosines = [cosine for _, cosine in widget.found]
    assert cosines == sorted(cosines, reverse=True) and max(cosines) <= 1 + 1e-6
    assert all(hit["sound"].startswith("data:audio/mpeg") and not hit["right"] for hit in widget.result["found"])


def test_words_and_the_modality_searched(given):
    widget = search_explorer(**given)
    widget.text = "a green car"
    assert with_positions(widget)[0] == 4
    widget.among = "sound"
    assert with_positions(widget)[0] == 5
    widget.among = "text"
    assert with_positions(widget)[0] == 4


def test_ask_with_a_picture_or_a_voice(given):
    widget = search_explorer(**given)
    widget.page, widget.source, widget.among = 3, "image", "text"
    assert with_positions(widget)[0] == 3 and widget.result["found"][0]["right"] and widget.result["asked"] == ""
    widget.source = "sound"
    assert with_positions(widget)[0] == 2 and not widget.result["found"][0]["right"]
    assert widget.result["asked"].startswith("data:audio/mpeg")
    widget.page = 99
    assert widget.page == 6


def test_empty_unknown_and_long_queries(given):
    widget = search_explorer(**given)
    widget.text = "   "
    assert widget.found == [] and "write a sentence" in widget.result["note"]
    assert widget.still()[0].startswith(b"\x89PNG") and "nothing" in widget.still()[1]
    widget.text = "a zebra, and a zebra"
    assert "unknown: zebra" in widget.result["note"] and widget.result["note"].count("zebra") == 1
    assert len(widget.found) == FOUND
    widget.text = "<pad> a red fish"
    assert "unknown: pad" in widget.result["note"] and len(widget.found) == FOUND
    widget.text = "fish " * (MOST + 1)
    assert f"first {MOST}" in widget.result["note"]


def test_the_still_picture_and_its_alt_text(given):
    data, metadata = search_explorer(**given)._repr_mimebundle_()
    assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).width > 500
    alt = metadata["image/png"]["alt"]
    assert "For the query 'a red fish' among images" in alt and "'a red fish' (" in alt


def test_fewer_pages_than_are_shown(given):
    few = {name: some[:2] for name, some in given["vectors"].items()}
    short = {name: given[name][:2] for name in ("images", "sentences", "sounds")}
    widget = search_explorer(vectors=few, **short, embed_text=given["embed_text"])
    assert len(widget.found) == 2 and widget.offered == 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"sentences": SENTENCES[:3]}, "3 sentences"),
        ({"images": [], "sentences": [], "sounds": []}, "at least one"),
        ({"vectors": {"image": torch.eye(7)}}, "expected image, text, sound"),
        ({"embed_text": lambda text: torch.ones(3)}, "embed_text gave shape"),
    ],
)
def test_what_does_not_fit_is_refused(given, change, says):
    with pytest.raises(ValueError, match=says):
        search_explorer(**given | change)


def test_pages_of_bytes_are_shown_as_they_are(given):
    images = (given["images"] * 255).byte()
    expected = search_explorer(**given | {"images": images / 255}).images
    assert search_explorer(**given | {"images": images}).images == expected
