"""Meaning: correct in any phrasing, and wrong parts are named."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.metrics import caption_accuracy, distinct_fraction, diversity, meaning
from mmcourse.picturebook.scene import Scene, SceneObject
from mmcourse.picturebook.sentence import describe

FISH, BOAT = SceneObject("fish", "red", "small", 0.3, 0.5, 0.1), SceneObject("boat", "blue", "big", 0.7, 0.5, 0.2)
PAGE = Scene((FISH, BOAT), "left of", "night")


def judged(sentence: str, scene: Scene = PAGE) -> dict[str, bool]:
    return {part: bool(right[0]) for part, right in meaning([sentence], [scene]).items()}


def test_every_wording_of_the_book_is_right():
    for objects in (1, 2):
        scenes = PictureBook("test", 100, objects=objects).scenes
        for phrasings in ("seen", "held_out"):
            assert caption_accuracy([describe(scene, i, phrasings) for i, scene in enumerate(scenes)], scenes) == 1
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


def test_diversity_is_the_mean_distance_within_a_class():
    features = torch.tensor([[0.0], [2.0], [10.0], [10.0], [14.0]])
    labels = torch.tensor([0, 0, 1, 1, 1])
    assert diversity(features, labels) == pytest.approx((2 + (0 + 4 + 4) / 3) / 2)


def test_diversity_ignores_shifts_and_grows_with_scale():
    features, labels = torch.randn(40, 5), torch.arange(40) % 4
    before = diversity(features, labels)
    assert diversity(features + 3, labels) == pytest.approx(before, rel=1e-4)
    assert diversity(2 * features, labels) == pytest.approx(2 * before, rel=1e-4)
    assert diversity(features[:1].expand(40, -1), labels) == 0


def test_a_class_with_one_example_is_left_out():
    assert diversity(torch.tensor([[0.0], [2.0], [99.0]]), torch.tensor([0, 0, 1])) == pytest.approx(2)
    with pytest.raises(ValueError, match="too few examples"):
        diversity(torch.randn(3, 2), torch.arange(3))


def test_copies_are_not_distinct():
    features = torch.tensor([[0.0], [0.1], [5.0], [5.0], [9.0]])
    assert distinct_fraction(features, 0.5) == pytest.approx(3 / 5)
    assert distinct_fraction(features, 0.01) == pytest.approx(4 / 5)
    assert distinct_fraction(features[:1].expand(10, -1), 0.5) == pytest.approx(1 / 10)
    many = 10 * torch.randn(50, 64)  # so many that PyTorch computes distances by matrix products
    assert distinct_fraction(torch.cat([many, many]), 1e-4) == pytest.approx(1 / 2)


def test_images_are_no_features():
    with pytest.raises(ValueError, match="instead of features"):
        diversity(torch.rand(4, 3, 8, 8), torch.zeros(4))
    with pytest.raises(ValueError, match="instead of features"):
        distinct_fraction(torch.rand(4, 3, 8, 8), 1.0)


@pytest.mark.parametrize("shape", [(4,), (5, 1)])
def test_labels_that_do_not_fit_are_named(shape):
    with pytest.raises(ValueError, match=r"one label for each example, \(5,\)"):
        diversity(torch.randn(5, 3), torch.zeros(shape))
