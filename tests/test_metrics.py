"""Meaning: right whatever the wording, and what is wrong is named."""

import pytest

from mmcourse import PictureBook
from mmcourse.metrics import caption_accuracy, meaning
from mmcourse.picturebook.scene import Scene, SceneObject
from mmcourse.picturebook.sentence import tell

FISH, BOAT = SceneObject("fish", "red", "small", 0.3, 0.5, 0.1), SceneObject("boat", "blue", "big", 0.7, 0.5, 0.2)
PAGE = Scene((FISH, BOAT), "left of", "night")


def judged(sentence: str, scene: Scene = PAGE) -> dict[str, bool]:
    return {part: bool(right[0]) for part, right in meaning([sentence], [scene]).items()}


def test_every_wording_of_the_book_is_right():
    for objects in (1, 2):
        scenes = PictureBook("test", 100, objects=objects).scenes
        for phrasings in ("seen", "held_out"):
            assert caption_accuracy([tell(scene, i, phrasings) for i, scene in enumerate(scenes)], scenes) == 1
    assert all(judged("a big blue boat to the right of a little red fish at night").values())


@pytest.mark.parametrize(
    ("sentence", "wrong"),
    [
        ("a small red fish right of a big blue boat", {"relation"}),
        ("a small red cat left of a big blue boat", {"kinds", "relation"}),
        ("a small red fish left of a big green boat", {"colours"}),
        ("a small red fish left of a small blue boat", {"sizes"}),
        ("a small blue fish left of a big red boat", set()),  # all is there, bound the wrong way round
        ("a small red fish left of a big blue boat by day", set()),
        ("a small red fish", {"kinds", "colours", "sizes", "relation"}),
        ("red fish boat", {"a sentence", "kinds", "colours", "sizes", "relation"}),
        ("", {"a sentence", "kinds", "colours", "sizes", "relation"}),
    ],
)
def test_what_is_wrong_is_named(sentence, wrong):
    assert {part for part, right in judged(sentence).items() if not right} == wrong | {"meaning"}


def test_a_single_thing_has_no_relation():
    page = Scene((FISH,))
    assert all(judged("i see a little red fish", page).values())
    assert not judged("a small red fish left of a big blue boat", page)["relation"]


def test_counts_must_fit():
    with pytest.raises(ValueError, match="one sentence each"):
        meaning(["a small red fish"], [])
