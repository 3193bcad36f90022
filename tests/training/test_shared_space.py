"""The three steps of a page space's training on a few pages: each loss falls, and only its towers move."""

import math

import torch

from mmcourse import PictureBook
from mmcourse.models.towers import PageSpace
from mmcourse.picturebook.sentence import UNKNOWN, VOCABULARY
from mmcourse.training.shared_space import (
    pretrained_space,
    read_aloud,
    train_image_tower,
    train_on_words,
    train_sound_tower,
    train_space,
)
from mmcourse.training.shipped import load


def test_each_step_moves_its_own_towers():
    torch.manual_seed(0)
    space, books = PageSpace(width=32), [PictureBook("train", 60, objects=1, seed=0, size=48)]
    before = {name: value.clone() for name, value in space.state_dict().items()}

    def moved() -> set[str]:
        state = space.state_dict()
        changed = [name for name, old in before.items() if not torch.equal(state[name], old)]
        found = {name.split(".")[1] for name in changed if "num_batches" not in name}
        before.update({name: value.clone() for name, value in state.items()})
        return found

    history = train_image_tower(space, books, epochs=8, size=30, verbose=False)
    assert math.log(30) - 0.3 < history.losses[0] < 2 * math.log(30) and history.losses[-1] < 0.6 * history.losses[0]
    assert moved() == {"image", "text", "log_scale"}
    known = space.tower("text").encoder.known
    assert known[VOCABULARY.index("fish")] and not known[VOCABULARY.index("tiny")] and known[UNKNOWN]
    read = read_aloud(space, books)
    assert {"fish", "a", "red"} <= set(read.words) and "tiny" not in read.words and moved() == {"mean", "std"}
    read.words = read.words[:3]
    train_on_words(space, read, epochs=2, verbose=False)
    assert moved() == {"sound", "log_scale"}
    history = train_sound_tower(space, read, books, epochs=2, size=30, verbose=False)
    assert len(history.losses) == 4 and moved() == {"sound", "log_scale"}


def test_a_pretrained_space_starts_from_the_shipped_encoders_and_train_space_leaves_it_ready():
    pretrained = pretrained_space(width=16)
    shipped = load("image_encoder").encoder.state_dict()
    for name, value in pretrained.tower("image").encoder.state_dict().items():
        assert torch.equal(value, shipped[name])
    space = train_space(PageSpace(width=16), [(1, 40)], [(1, 20)], (1, 0, 1), seed=0, verbose=False)
    assert not space.training and space.log_mel.mean.abs().sum() > 0
    assert space.embed_sound([PictureBook("test", 1).sound(0)]).isfinite().all()
