"""The clinic of lesson 12 on right answers and on the wrong ones that people give."""

import torch

from mmcourse.data.captions import shift_right
from mmcourse.metrics import meaning, share_right
from mmcourse.models.decoding import captions, greedy
from mmcourse.picturebook.sentence import PAD, decode, facts_of, understand


def patient(captioner, images, tokens, scenes):
    inputs, targets = shift_right(tokens)
    said = captioner(images, inputs).argmax(dim=2)
    return ((said == targets) & (targets != PAD)).sum().item() / (targets != PAD).sum().item()


def padded(captioner, images, tokens, scenes):
    inputs, targets = shift_right(tokens)
    return (captioner(images, inputs).argmax(dim=2) == targets).float().mean()


def forced_meaning(captioner, images, tokens, scenes):
    inputs, _ = shift_right(tokens)
    return share_right([decode(row) for row in captioner(images, inputs).argmax(dim=2)], scenes)


def mended(captioner, images, tokens, scenes):
    return share_right(captions(captioner, images), scenes)


def by_hand(captioner, images, tokens, scenes):
    state, words, said = captioner.start(images), tokens[:, 0], []
    for _ in range(24):
        logits, state = captioner.step(state, words)
        words = logits.argmax(dim=1)
        said.append(words)
    rows = torch.stack(said, dim=1)
    right = [facts_of(scene).same_meaning(understand(decode(row))) for row, scene in zip(rows, scenes, strict=True)]
    return sum(right) / len(right)


def part(name):
    return lambda c, i, t, s: meaning(captions(c, i), s)[name].float().mean()


def test_report(judged):
    judged(
        "12.clinic",
        {
            "captions": mended,
            "beam": lambda c, i, t, s: share_right(captions(c, i, width=3), s),
            "greedy": lambda c, i, t, s: share_right([decode(row) for row in greedy(c, i)], s),
            "by hand": by_hand,
            "tensor": part("meaning"),
        },
        {
            "patient": (patient, "still the patient's figure"),
            "padding": (padded, "padding among them"),
            "forced": (forced_meaning, "said after the true ones"),
            "same words": (
                lambda c, i, t, s: sum(a == decode(b) for a, b in zip(captions(c, i), t, strict=True)) / len(t),
                "compared with one wording",
            ),
            "grammar": (part("a sentence"), "is it also true"),
            "kinds": (part("kinds"), "the kinds alone"),
            "wrong ones": (lambda *a: 1 - mended(*a), "the share of wrong captions"),
            "number": (lambda c, i, t, s: mended(c, i, t, s) * len(s), "a number of captions"),
            "per cent": (lambda *a: 100 * mended(*a), "in per cent"),
            "list": (lambda c, i, t, s: captions(c, i), "expected one number"),
        },
        draws=4,
    )
