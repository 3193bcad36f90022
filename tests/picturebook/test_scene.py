"""Scenes: inside the page, telling the plainest relation, and split without leaks."""

import pytest

from mmcourse.picturebook.scene import (
    COLOURS,
    HELD_OUT_PAIRS,
    KINDS,
    RELATIONS,
    SEEN_PAIRS,
    SIZES,
    SPLITS,
    TIMES,
    Scene,
    SceneObject,
    imagine,
)


def scenes(split, objects, pages=400, seed=0):
    return [imagine(split, page, objects, seed) for page in range(pages)]


def pairs(some):
    return {(t.kind, t.colour) for scene in some for t in scene.objects}


def test_enough_of_everything():
    assert len(KINDS) >= 12 and len(COLOURS) == 8 and len(SIZES) == 2 and len(RELATIONS) == 4
    assert len(SEEN_PAIRS) + len(HELD_OUT_PAIRS) == len(KINDS) * len(COLOURS)
    for kind in KINDS:
        assert sum(held == kind for held, _ in HELD_OUT_PAIRS) == 3, f"{kind}: three colours held out"
    assert max(sum(c == colour for _, c in HELD_OUT_PAIRS) for colour in COLOURS) <= 6


@pytest.mark.parametrize("objects", [1, 2])
@pytest.mark.parametrize("split", SPLITS)
def test_pairs_of_each_split(split, objects):
    seen = pairs(scenes(split, objects, 1500))
    assert seen == (set(HELD_OUT_PAIRS) if split == "held_out_pairs" else set(SEEN_PAIRS))


@pytest.mark.parametrize("objects", [1, 2])
def test_no_scene_stands_in_two_splits(objects):
    found = {}
    for split in SPLITS:
        for scene in scenes(split, objects):
            assert found.setdefault(scene, split) == split
    assert len(found) == 400 * len(SPLITS)


@pytest.mark.parametrize("objects", [1, 2])
def test_things_lie_inside_the_page(objects):
    for scene in scenes("train", objects, 2000):
        for t in scene.objects:
            assert t.radius <= min(t.x, t.y, 1 - t.x, 1 - t.y) + 1e-9


def test_relation_is_true_and_plain():
    """The two never overlap, and the distance along the told axis is at least twice the one across."""
    for scene in scenes("train", 2, 2000):
        a, b = scene.objects
        dx, dy = b.x - a.x, b.y - a.y
        along, across = {"left of": (dx, dy), "right of": (-dx, dy), "above": (dy, dx), "below": (-dy, dx)}[
            scene.relation
        ]
        assert along > a.radius + b.radius
        assert along > 2 * abs(across)
        assert a.kind != b.kind


def test_same_arguments_same_scene_other_seed_other_scene():
    assert scenes("train", 2, 50) == scenes("train", 2, 50)
    assert imagine("train", 3, 1, seed=0) != imagine("train", 3, 1, seed=1)
    item = imagine("train", 0, 1, 0).objects[0]
    assert (item.kind, item.colour, item.size) == ("fish", "yellow", "small")
    assert (round(item.x, 9), round(item.y, 9)) == (0.338408382, 0.189184872), "models rest on it"


def test_every_value_is_about_equally_frequent():
    some = scenes("train", 1, 4000)
    for values, names in ((["t.kind"], KINDS), (["t.size"], SIZES)):
        attribute = values[0].split(".")[1]
        counts = [sum(getattr(s.objects[0], attribute) == name for s in some) for name in names]
        assert min(counts) > 0.75 * 4000 / len(names)
    assert min(sum(s.time == time for s in some) for time in TIMES) > 850


def test_bad_scenes_say_why():
    with pytest.raises(ValueError, match="kind is 'dragon'; expected one of apple"):
        SceneObject("dragon", "red", "small", 0.5, 0.5, 0.2)
    fish = SceneObject("fish", "red", "small", 0.5, 0.5, 0.2)
    with pytest.raises(ValueError, match="two objects need one of"):
        Scene((fish, fish))
    with pytest.raises(ValueError, match="a single object has none"):
        Scene((fish,), "above")
    with pytest.raises(ValueError, match="not 3"):
        Scene((fish,) * 3)
    with pytest.raises(ValueError, match="time is 'noon'"):
        Scene((fish,), time="noon")
    with pytest.raises(ValueError, match="one or two"):
        imagine("train", 0, objects=3)
