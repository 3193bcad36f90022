"""Captions for training: special tokens, several captions per page, shifting, mirroring and recolouring."""

import math

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.picturebook.image import RGB
from mmcourse.picturebook.scene import COLOURS, HELD_OUT_PAIRS
from mmcourse.picturebook.sentence import END, MASK, START, VOCABULARY, Facts, decode, facts_of, parse
from mmcourse.tasks.captions import (
    COLOUR_WORDS,
    LEFT,
    NAMED,
    RIGHT,
    CaptionBatches,
    cached_features,
    caption_loss,
    caption_tokens,
    disguise,
    mirror,
    move,
    recolour,
    repaint,
    sample_captions,
    shift_right,
    word_accuracy,
)


def test_a_sentence_is_between_start_and_end():
    tokens = caption_tokens(["a small red fish", "this is a big blue boat by day"])
    assert tokens[0, 0] == START and tokens[0, 5] == END and (tokens[0, 6:] == 0).all()
    assert decode(tokens[1]) == "this is a big blue boat by day"
    with pytest.raises(ValueError, match="one text"):
        caption_tokens("a small red fish")


def test_every_caption_is_correct_and_reproducible():
    book = PictureBook("train", 20, objects=2, seed=3)
    told = sample_captions(book, 3)
    assert told.shape[:2] == (20, 3)
    for scene, rows in zip(book.scenes, told, strict=True):
        assert all(facts_of(scene).same_meaning(parse(decode(row))) for row in rows)
    assert len({decode(row) for row in told.flatten(0, 1)}) > 50
    assert [decode(row) for row in told[:, 0]] == book.sentences
    assert torch.equal(told, sample_captions(PictureBook("train", 20, objects=2, seed=3), 3))
    with pytest.raises(ValueError, match="times is 0"):
        sample_captions(book, 0)


def test_held_out_phrasings_occur_in_their_split_alone():
    words = {"tiny", "huge"}
    seen = {w for row in sample_captions(PictureBook("train", 60), 2).flatten(0, 1) for w in decode(row).split()}
    held = {
        w
        for row in sample_captions(PictureBook("held_out_phrasings", 60), 2).flatten(0, 1)
        for w in decode(row).split()
    }
    assert not words & seen and words <= held


def test_each_input_is_followed_by_its_target():
    inputs, targets = shift_right(caption_tokens(["a small red fish", "i see a big blue boat"]))
    for read, said in zip(inputs, targets, strict=True):
        n = int((said != 0).sum())
        assert read[0] == START and said[n - 1] == END
        assert torch.equal(read[1:n], said[: n - 1]) and (read[n:] == 0).all()
    with pytest.raises(ValueError, match="two positions"):
        shift_right(torch.tensor([[START]]))


def test_padding_counts_neither_in_the_loss_nor_in_the_accuracy():
    targets = torch.tensor([[5, 6, 0], [7, 0, 0]])
    logits = torch.zeros(2, 3, 10)
    assert caption_loss(logits, targets).item() == pytest.approx(math.log(10))
    logits[0, 0, 5] = logits[0, 1, 9] = logits[1, 0, 7] = 5.0
    before = caption_loss(logits, targets)
    logits[targets == 0] = torch.randn(3, 10)
    assert caption_loss(logits, targets) == before
    assert word_accuracy(logits, targets).item() == pytest.approx(2 / 3)


def test_the_caption_of_a_mirrored_image_is_mirrored():
    torch.manual_seed(0)
    images = torch.rand(40, 3, 8, 8)
    inputs, targets = shift_right(caption_tokens(["a small red fish to the left of a big blue boat by day"] * 40))
    changed, read, said = mirror(images, inputs, targets)
    mirrored = (changed == images.flip(3)).all(dim=(1, 2, 3))
    assert 5 < mirrored.sum() < 35
    for i in range(40):
        side = "right" if mirrored[i] else "left"
        assert decode(said[i]) == f"a small red fish to the {side} of a big blue boat by day"
        assert side in decode(read[i]) and torch.equal(changed[i], images[i].flip(2) if mirrored[i] else images[i])


def test_recoloured_images_train_kinds_and_the_others_colours():
    torch.manual_seed(0)
    images = torch.rand(80, 3, 6, 6)
    inputs, targets = shift_right(caption_tokens(["there is a small red fish"] * 80))
    changed, read, said = recolour(images, inputs, targets)
    red, fish = ((targets[0] == VOCABULARY.index(word)).nonzero().item() for word in ("red", "fish"))
    chosen = said[:, red] == 0
    assert 45 < chosen.sum() < 75
    assert torch.equal(changed[~chosen], images[~chosen])
    assert (changed[chosen] != images[chosen]).flatten(1).any(dim=1).float().mean() > 0.9
    for new, old in zip(changed[chosen], images[chosen], strict=True):  # each channel one of the old, or all negatives
        assert any(all(any(torch.equal(channel, was) for was in made) for channel in new) for made in (old, 1 - old))
    expected = targets.clone()
    expected[chosen, red], expected[~chosen, fish] = 0, 0
    assert torch.equal(said, expected)
    assert len(read[chosen][:, red + 1].unique()) > 4 and torch.isin(read[:, red + 1], COLOUR_WORDS).all()
    read[:, red + 1] = inputs[:, red + 1] = 0
    assert torch.equal(read, inputs)


def test_half_of_the_recoloured_images_have_a_colour_without_a_name():
    torch.manual_seed(0)
    book = PictureBook("train", 600, seed=2)
    changed, _, said = recolour(pixels_of(book), *shift_right(sample_captions(book, 1)[:, 0]))
    nameless = torch.cdist(changed[:, :, 0, 0], RGB).amin(dim=1) >= NAMED
    painted = ~torch.isin(said, COLOUR_WORDS).any(dim=1)
    assert nameless[painted].float().mean() > 0.6 and not nameless[~painted].any()


def test_a_moved_image_keeps_its_caption():
    torch.manual_seed(0)
    images = torch.rand(60, 3, 8, 8)
    inputs, targets = shift_right(caption_tokens(["there is a small red fish"] * 60))
    changed, read, said = move(images, inputs, targets)
    steps = [(down, right) for down in range(-2, 3) for right in range(-2, 3)]
    found = [
        [step for step in steps if new.equal(old.roll(step, (1, 2)))] for new, old in zip(changed, images, strict=True)
    ]
    assert all(found) and len({step for row in found for step in row}) > 10
    assert read.equal(inputs) and said.equal(targets)


def test_the_caption_of_a_repainted_image_has_its_new_colours():
    torch.manual_seed(0)
    images = RGB[[0, 3]].T[None, :, None, :].expand(200, 3, 1, 2)  # a red pixel beside a green one
    inputs, targets = shift_right(caption_tokens(["a small red fish left of a big green boat"] * 200))
    changed, read, said = repaint(images, inputs, targets)
    seen = set()
    for image, words, before in zip(changed, said, read, strict=True):
        nearest = [COLOURS[i] for i in torch.cdist(image[:, 0].T, RGB).argmin(dim=1)]
        assert decode(words) == f"a small {nearest[0]} fish left of a big {nearest[1]} boat"
        assert decode(before) == decode(words)
        seen.add(tuple(nearest))
    assert seen == {("red", "green"), ("red", "blue"), ("blue", "green")}  # what else they could be is held out


def test_colours_become_none_without_a_name():
    torch.manual_seed(0)
    images = RGB[[COLOURS.index("yellow"), COLOURS.index("pink")]].T[None, :, None, :].expand(100, 3, 1, 2)
    sentence = "a small yellow fish left of a big pink boat"
    changed, read, said = repaint(images, *shift_right(caption_tokens([sentence] * 100)))
    assert torch.equal(changed, images) and {decode(row) for row in said} == {sentence}  # no order names both


def pixels_of(book):
    """A pixel for each object, in its colour.   (N, 3, 1, objects)"""
    colours = [[COLOURS.index(item.colour) for item in scene.objects] for scene in book.scenes]
    return RGB[torch.tensor(colours)].transpose(1, 2)[:, :, None]


@pytest.mark.parametrize(
    ("objects", "change", "reach"),
    [
        (1, repaint, math.inf),
        (2, repaint, math.inf),
        (1, recolour, NAMED),
        (1, disguise, math.inf),
        (2, disguise, math.inf),
    ],
)
def test_no_image_becomes_a_held_out_combination(objects, change, reach):
    torch.manual_seed(0)
    book = PictureBook("train", 150, objects=objects, seed=5)
    pixels = pixels_of(book)
    shown = set()
    for _ in range(8):
        changed, _, _ = change(pixels, *shift_right(sample_captions(book, 1)[:, 0]))  # (N, 3, 1, things)
        apart, nearest = torch.cdist(changed[:, :, 0].transpose(1, 2), RGB).min(dim=2)
        for scene, far, colours in zip(book.scenes, apart, nearest, strict=True):
            near = zip(scene.objects, far, colours, strict=True)
            shown |= {(item.kind, COLOURS[c]) for item, away, c in near if away < reach}
    assert shown and not shown & HELD_OUT_PAIRS


def test_repainted_images_are_described_correctly_in_every_phrasing():
    class Eyes:
        def extract_features(self, images):
            return images

    torch.manual_seed(0)
    book = PictureBook("train", 80, objects=2, seed=1)
    pixels = pixels_of(book)
    maps, words = cached_features(Eyes(), pixels, sample_captions(book, 3), 4 * [(repaint,)])
    nearest = torch.cdist(maps[:, :, 0].transpose(1, 2), RGB).argmin(dim=2)
    changed = 0
    for i, (rows, colours) in enumerate(zip(words, nearest, strict=True)):
        scene = book.scenes[i % len(book)]
        objects = [(t.kind, COLOURS[c], t.size) for t, c in zip(scene.objects, colours, strict=True)]
        assert all(parse(decode(row)).same_meaning(Facts.of(objects, scene.relation)) for row in rows)
        changed += objects != [(t.kind, t.colour, t.size) for t in scene.objects]
    assert changed > 80


def test_a_disguised_page_has_masked_colours_that_are_not_targets():
    torch.manual_seed(0)
    book = PictureBook("train", 60, objects=2, seed=2)
    pixels = pixels_of(book)
    told = sample_captions(book, 1)[:, 0]
    changed, read, said = disguise(pixels, told, told)
    assert torch.equal(read, said) and not torch.isin(said, COLOUR_WORDS).any()
    hidden = torch.isin(told, COLOUR_WORDS)
    assert torch.equal(said == MASK, hidden) and torch.equal(said[~hidden], told[~hidden])
    assert (changed != pixels).flatten(1).any(dim=1).float().mean() > 0.4
    inputs, targets = shift_right(said)
    assert (inputs == MASK).any(dim=1).all() and not (targets == MASK).any()
    assert torch.equal(targets == 0, (said[:, 1:] == MASK) | (said[:, 1:] == 0))


def test_an_epoch_draws_one_caption_per_page_and_cuts_to_the_longest():
    book = PictureBook("train", 30, seed=1)
    told = sample_captions(book, 4)
    batches = CaptionBatches(book.images, told, size=8, seed=0, device="cpu")
    seen = []
    for images, inputs, targets in batches:
        assert inputs.shape == targets.shape and (targets != 0).any(dim=0).all()
        for image, said in zip(images, targets, strict=True):
            page = (book.images == image).flatten(1).all(dim=1).nonzero().item()
            assert decode(said) in {decode(row) for row in told[page]}
            seen.append(page)
    assert sorted(seen) == list(range(30))


def test_without_shuffling_the_first_caption_is_taken_and_changes_are_applied():
    book = PictureBook("valid", 6)
    told = sample_captions(book, 3)
    black = lambda images, inputs, targets: (images * 0, inputs, targets)  # noqa: E731
    ((images, inputs, targets),) = CaptionBatches(book.images, told, changes=(black,), shuffle=False, device="cpu")
    assert not images.any()
    assert [decode(row) for row in targets] == [decode(row) for row in told[:, 0]]
    with pytest.raises(ValueError, match="times"):
        CaptionBatches(book.images, told[0, 0])
    with pytest.raises(ValueError, match="row 0 begins with padding"):  # a batch is cut to its longest caption
        CaptionBatches(book.images, told.flip(2))


def test_cached_features_are_those_of_the_augmented_images():
    class Eyes:
        def extract_features(self, images):
            return images[:, :, :2, :2].half()

    book = PictureBook("train", 260, objects=2, seed=0)
    told = sample_captions(book, 2)
    maps, words = cached_features(Eyes(), book.images, told, rounds=3 * [(mirror,)])
    assert maps.shape == (780, 3, 2, 2) and words.shape == (780, *told.shape[1:])
    mirrored = (maps != book.images[:, :, :2, :2].half().repeat(3, 1, 1, 1)).flatten(1).any(dim=1)
    sideways = ((told == LEFT) | (told == RIGHT)).flatten(1).any(dim=1).repeat(3)
    assert 0.4 < mirrored.float().mean() < 0.6
    assert torch.equal((words != told.repeat(3, 1, 1)).flatten(1).any(dim=1), mirrored & sideways)
    assert torch.equal(cached_features(Eyes(), book.images, told, rounds=[()])[1], told)
    with pytest.raises(ValueError, match="260 images"):
        cached_features(Eyes(), book.images, told[:5])
    with pytest.raises(ValueError, match="rounds is empty"):
        cached_features(Eyes(), book.images, told, rounds=())
    with pytest.raises(ValueError, match="0 images"):
        cached_features(Eyes(), book.images[:0], told[:0])
    with pytest.raises(ValueError, match="recolour.* excludes words"):
        cached_features(Eyes(), book.images, told, rounds=[(recolour,)])
