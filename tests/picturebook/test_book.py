"""The book: lazy, the same on every machine, and honest about its splits."""

import hashlib
import math

import pytest
import torch

from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS, KINDS, SEEN_PAIRS, SPLITS
from mmcourse.picturebook.sentence import UNKNOWN, encode, facts_of, parse
from mmcourse.picturebook.speech import voices


@pytest.mark.parametrize(("objects", "size"), [(1, 32), (2, 48)])
def test_shapes_and_types(objects, size):
    book = PictureBook("train", pages=7, objects=objects, seed=0)
    assert len(book) == len(book.scenes) == len(book.sentences) == 7
    assert book.images.shape == (7, 3, size, size) and book.images.dtype == torch.float32
    assert book.images.min() >= 0 and book.images.max() <= 1
    assert book.tokens.dtype == torch.int64 and len(book.tokens) == 7
    assert book.lengths.tolist() == [len(encode(s)) for s in book.sentences]
    assert book.kinds.shape == book.colours.shape == book.sizes.shape == ((7,) if objects == 1 else (7, 2))
    sound = book.sound(0)
    assert sound.dim() == 1 and sound.dtype == torch.float32 and 0.2 * 16_000 < len(sound) < 15 * 16_000
    assert PictureBook("train", pages=2, size=64).images.shape == (2, 3, 64, 64)
    assert book.image(3).shape == (3, 128, 128)


@pytest.mark.parametrize("objects", [1, 2])
def test_pages_do_not_depend_on_how_many_there_are(objects):
    long, short = (PictureBook("test", pages=n, objects=objects) for n in (300, 5))
    assert long.scenes[:5] == short.scenes and long.sentences[:5] == short.sentences
    assert torch.equal(long.images[:5], short.images)
    assert torch.equal(long.sound(4), short.sound(4)) and long.voice(4) == short.voice(4)


def test_labels_are_the_scenes_truth():
    book = PictureBook("train", pages=40, objects=2)
    for i, scene in enumerate(book.scenes):
        assert [KINDS[k] for k in book.kinds[i]] == [t.kind for t in scene.objects]
        assert parse(book.sentences[i]).same_meaning(facts_of(scene))
    assert book.relations.shape == book.times.shape == (40,)


def test_the_runs_seed_moves_training_and_never_a_test(monkeypatch):
    def first_pages():
        return {split: PictureBook(split, pages=3).sentences for split in SPLITS}

    monkeypatch.delenv("MMCOURSE_SEED", raising=False)
    plain = first_pages()
    monkeypatch.setenv("MMCOURSE_SEED", "1")
    moved = first_pages()
    assert moved["train"] != plain["train"]
    assert all(moved[split] == plain[split] for split in SPLITS if split != "train")
    assert PictureBook("train", pages=3, seed=0).sentences == plain["train"]
    monkeypatch.setenv("MMCOURSE_SEED", "one")
    with pytest.raises(ValueError, match="MMCOURSE_SEED is 'one'"):
        PictureBook("train", pages=3)


@pytest.mark.parametrize("objects", [1, 2])
def test_nothing_leaks_between_splits(objects):
    """Pages differ in every split; combinations, voices and phrasings are held out in their splits, and only there."""
    books = {split: PictureBook(split, pages=300, objects=objects) for split in SPLITS}
    train_words = set(PictureBook("train", pages=1500, objects=objects).sentences)
    images = set()
    for split, book in books.items():
        pairs = {(t.kind, t.colour) for scene in book.scenes for t in scene.objects}
        assert pairs <= set(HELD_OUT_PAIRS if split == "held_out_pairs" else SEEN_PAIRS)
        group = {"held_out_voices": "held_out", "far_voices": "far"}.get(split, "train")
        assert {book.voice(i) for i in range(300)} <= set(voices(group))
        if split == "held_out_phrasings":
            assert not train_words & set(book.sentences)
            assert {w for s in train_words for w in s.split()}.isdisjoint({"tiny", "huge"})
        images |= {hashlib.sha256(image.numpy().tobytes()).digest() for image in book.images}
    assert len(images) == 300 * len(SPLITS), "an image is in two splits"
    assert {
        frozenset(voices(a)) & frozenset(voices(b))
        for a, b in [("train", "held_out"), ("train", "far"), ("held_out", "far")]
    } == {frozenset()}


def test_unseen_wordings_have_words_that_training_lacks_but_no_unknown_ones():
    book = PictureBook("held_out_phrasings", pages=400)
    assert (book.tokens != UNKNOWN).all()
    assert len({s for s in book.sentences if "tiny" in s or "huge" in s}) > 20


def test_a_book_is_lazy():
    book = PictureBook("train", pages=10_000_000)
    assert not {"images", "tokens", "scenes"} & set(vars(book))
    assert math.isclose(len(book), 10_000_000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"split": "training", "pages": 5}, "split is 'training'; expected one of train, valid"),
        ({"split": "train", "pages": 0}, "pages is 0; a book has at least one page"),
        ({"split": "train", "pages": 5, "objects": 3}, "objects is 3; a page shows one or two"),
    ],
)
def test_bad_books_say_why(arguments, message):
    with pytest.raises(ValueError, match=message):
        PictureBook(**arguments)


def test_bad_requests_say_why():
    with pytest.raises(ValueError, match="objects=2"):
        PictureBook("train", pages=2).relations  # noqa: B018
    with pytest.raises(IndexError, match="page 2 of a book of 2 pages"):
        PictureBook("train", pages=2).sound(2)
    assert len(COLOURS) == 8
