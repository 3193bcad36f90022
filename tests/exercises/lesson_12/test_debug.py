"""The debugging exercise of lesson 12 on correct answers and on the wrong ones that people give."""

import pytest
import torch

from mmcourse.exercises.lesson_12.debug import Case
from mmcourse.metrics import caption_accuracy, meaning
from mmcourse.models.decoding import captions, greedy
from mmcourse.picturebook.sentence import PAD, START, decode, facts_of, parse
from mmcourse.tasks.captions import shift_right


def buggy_model(captioner, images, tokens, scenes):
    inputs, targets = shift_right(tokens)
    said = captioner(images, inputs).argmax(dim=2)
    return ((said == targets) & (targets != PAD)).sum().item() / (targets != PAD).sum().item()


def padded(captioner, images, tokens, scenes):
    inputs, targets = shift_right(tokens)
    return (captioner(images, inputs).argmax(dim=2) == targets).float().mean()


def forced_meaning(captioner, images, tokens, scenes):
    inputs, _ = shift_right(tokens)
    return caption_accuracy([decode(row) for row in captioner(images, inputs).argmax(dim=2)], scenes)


def fixed(captioner, images, tokens, scenes):
    return caption_accuracy(captions(captioner, images), scenes)


def by_hand(captioner, images, tokens, scenes):
    state, words, said = captioner.start(images), tokens[:, 0], []
    for _ in range(24):
        logits, state = captioner.step(state, words)
        words = logits.argmax(dim=1)
        said.append(words)
    rows = torch.stack(said, dim=1)
    right = [facts_of(scene).same_meaning(parse(decode(row))) for row, scene in zip(rows, scenes, strict=True)]
    return sum(right) / len(right)


def parts(*names):
    """The fraction of captions in which all these are correct."""

    def judged(captioner, images, tokens, scenes):
        right = meaning(captions(captioner, images), scenes)
        return torch.stack([right[name] for name in names]).all(dim=0).float().mean()

    return judged


def objects_alone(captioner, images, tokens, scenes, order=sorted):
    said = map(parse, captions(captioner, images))
    pairs = [(a, facts_of(b)) for a, b in zip(said, scenes, strict=True)]
    return sum(a is not None and order(a.objects) == order(b.objects) for a, b in pairs) / len(pairs)


def start_again(captioner, images, tokens, scenes):
    state, said = captioner.start(images), []
    for _ in range(24):
        logits, state = captioner.step(state, torch.full((len(images),), START))
        said.append(logits.argmax(dim=1))
    return caption_accuracy([decode(row) for row in torch.stack(said, dim=1)], scenes)


def own_words(captioner, images, tokens, scenes):
    _, targets = shift_right(tokens)
    said = greedy(captioner, images, targets.shape[1])
    return (said == targets)[targets != PAD].float().mean()


def from_outside(captioner, images, tokens, scenes):
    return caption_accuracy(captions(Case(torch.Generator().manual_seed(1)).captioner, images), scenes)


def in_training(captioner, images, tokens, scenes):
    captioner.train()
    return fixed(captioner, images, tokens, scenes)


@pytest.mark.slow
def test_report(judged):
    judged(
        "12.debug",
        {
            "captions": fixed,
            "beam": lambda c, i, t, s: caption_accuracy(captions(c, i, width=3), s),
            "greedy": lambda c, i, t, s: caption_accuracy([decode(row) for row in greedy(c, i)], s),
            "by hand": by_hand,
            "tensor": parts("meaning"),
            "rounded": lambda *a: round(fixed(*a), 3),
            "mode set": lambda c, *a: fixed(c.eval(), *a),
        },
        {
            "buggy": (buggy_model, "still the buggy score"),
            "padding": (padded, "counts padding"),
            "forced": (forced_meaning, "predicted after the true ones"),
            "same words": (
                lambda c, i, t, s: sum(a == decode(b) for a, b in zip(captions(c, i), t, strict=True)) / len(t),
                "compared with one phrasing",
            ),
            "grammar": (parts("a sentence"), "are these also correct"),
            "kinds": (parts("kinds"), "the kinds alone"),
            "colours": (parts("colours"), "the colours alone"),
            "sizes": (parts("sizes"), "the sizes alone"),
            "relation": (parts("relation"), "the relation alone"),
            "kinds, colours": (parts("kinds", "colours"), "the kinds and colours alone"),
            "all but the relation": (parts("kinds", "colours", "sizes"), "the kinds, colours and sizes alone"),
            "sizes, relation": (parts("sizes", "relation"), "the sizes and relation alone"),
            "owners": (parts("kinds", "colours", "sizes", "relation"), "judged separately"),
            "objects": (objects_alone, "but not their relation"),
            "objects in order": (lambda *a: objects_alone(*a, order=tuple), None),
            "start again": (start_again, "<start> is the input of every step"),
            "references": (
                lambda c, i, t, s: caption_accuracy([decode(row) for row in t], s),
                "the references are judged",
            ),
            "own words": (own_words, "the words of generated captions"),
            "other pages": (lambda c, i, t, s: fixed(c, i.roll(1, 0), t, s), "with the scenes of other pages"),
            "other pages, back": (lambda c, i, t, s: fixed(c, i.roll(-1, 0), t, s), "it returned 0.0"),
            "from outside": (from_outside, "that is passed in is not used"),
            "in training": (in_training, "left in training mode"),
            "text": (lambda *a: str(fixed(*a)), None),
            "wrong ones": (lambda *a: 1 - fixed(*a), "the fraction of wrong captions"),
            "number": (lambda c, i, t, s: fixed(c, i, t, s) * len(s), "a number of captions"),
            "percentage": (lambda *a: 100 * fixed(*a), "a percentage"),
            "list": (lambda c, i, t, s: captions(c, i), "expected one number"),
        },
        draws=4,
    )
