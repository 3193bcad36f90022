import random

import torch
import torch.nn.functional as F


def drawn(low, high):
    return int(torch.randint(low, high, ()))


def any_width(widest):
    return drawn(0, widest + 1)


def any_start(frames, width):
    return drawn(0, frames - width + 1)


def mask(mels, width_of=any_width, start_of=any_start):
    """A mask by loop; widths and starts are drawn as told.   (B, M, T) -> (B, T) bool"""

    def make(widest):
        masked = torch.zeros(mels.shape[0], mels.shape[2], dtype=torch.bool)
        for row in masked:
            width = width_of(widest)
            start = start_of(len(row), width)
            row[start : start + width] = True
        return masked

    return make


def answer(fill=0.0, **options):
    def mask_frames(mels, widest):
        masked = mask(mels, **options)(widest)
        return mels.masked_fill(masked[:, None], fill)

    return mask_frames


def loop(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = drawn(0, widest + 1)
        start = drawn(0, mels.shape[2] - width + 1)
        example[:, start : start + width] = 0
    return masked


def at_once(mels, widest):
    batch, _, frames = mels.shape
    width = torch.randint(0, widest + 1, (batch, 1, 1))
    start = (torch.rand(batch, 1, 1) * (frames - width + 1)).long()
    position = torch.arange(frames)
    return mels * ~((position >= start) & (position < start + width))


def built_anew(mels, widest):
    examples = []
    for example in mels:
        width = random.randint(0, widest)
        start = random.randint(0, example.shape[1] - width)
        stripe = torch.zeros(len(example), width)
        examples.append(torch.cat([example[:, :start], stripe, example[:, start + width :]], 1))
    return torch.stack(examples)


def simple_starts(mels, widest):
    return answer(start_of=lambda frames, width: drawn(0, frames - widest + 1))(mels, widest)


def one_for_all(mels, widest):
    masked = mels.clone()
    width = drawn(0, widest + 1)
    start = drawn(0, mels.shape[2] - width + 1)
    masked[:, :, start : start + width] = 0
    return masked


def one_width(mels, widest):
    width = drawn(0, widest + 1)
    return answer(width_of=lambda _: width)(mels, widest)


def one_start(mels, widest):
    start = drawn(0, mels.shape[2] - widest + 1)
    return answer(start_of=lambda frames, width: start)(mels, widest)


def over_bands(mels, widest):
    return loop(mels.transpose(1, 2), min(widest, mels.shape[1])).transpose(1, 2)


def whole_examples(mels, widest):
    masked = mels.clone()
    start, width = drawn(0, len(mels)), drawn(0, widest + 1)
    masked[start : start + width] = 0
    return masked


def block(mels, widest):
    masked = mels.clone()
    for example in masked:
        width = drawn(0, widest + 1)
        start = drawn(0, mels.shape[2] - width + 1)
        example[1:3, start : start + width] = 0
    return masked


def in_place(mels, widest):
    for example in mels:
        width = drawn(0, widest + 1)
        start = drawn(0, mels.shape[2] - width + 1)
        example[:, start : start + width] = 0
    return mels


def seeded(mels, widest):
    torch.manual_seed(0)
    return loop(mels, widest)


def two_stripes(mels, widest):
    return loop(loop(mels, widest // 2), widest - widest // 2)


def mean_filled(mels, widest):
    return answer(fill=mels.mean().item())(mels, widest)


def noise_filled(mels, widest):
    masked = mask(mels)(widest)[:, None]
    return torch.where(masked, torch.randn_like(mels), mels)


def cut_out(mels, widest):
    start = drawn(0, mels.shape[2] - widest + 1)
    return torch.cat([mels[:, :, :start], mels[:, :, start + widest :]], 2)


def copied_into_zeros(mels, widest):
    masked = torch.zeros_like(mels)
    for example, whole in zip(masked, mels, strict=True):
        width = drawn(0, widest + 1)
        start = drawn(0, mels.shape[2] - width + 1)
        example[:, start : start + width] = whole[:, start : start + width]
    return masked


def only_once(mels, widest):
    masked = mels.clone()
    masked[0] = loop(mels[:1], widest)[0]
    return masked


def test_mask_frames(judged):
    judged(
        "03.5",
        {
            "loop": loop,
            "at once": at_once,
            "built anew": built_anew,
            "masked_fill": answer(),
        },
        {
            "rounded widths": (
                answer(width_of=lambda widest: round(random.random() * widest)),
                "have 0 frames, expected 25%",
            ),
            "the same for all": (one_for_all, "have the same mask"),
            "one width": (one_width, "have the same width"),
            "one start": (one_start, "begin at the same frame"),
            "over the bands": (over_bands, "covers bands (axis 1)"),
            "whole examples": (whole_examples, "whole examples are masked"),
            "a block": (block, "a block of some bands"),
            "in place": (in_place, "was changed in place"),
            "always the widest": (answer(width_of=lambda widest: widest), "the width is drawn too"),
            "never the widest": (answer(width_of=lambda widest: drawn(0, max(1, widest))), "so use `widest + 1`"),
            "never empty": (
                answer(width_of=lambda widest: drawn(1, widest + 1) if widest else 0),
                "none is empty: the width",
            ),
            "all or nothing": (answer(width_of=lambda widest: widest * drawn(0, 2)), "none has 1 or 2 frames"),
            "too wide": (answer(width_of=lambda widest: drawn(0, widest + 2)), "is too wide"),
            "over the edge": (
                answer(start_of=lambda frames, width: drawn(0, frames)),
                "some extend beyond the end and are cut off. A mask lies entirely inside",
            ),
            "far over the edge": (answer(start_of=lambda frames, width: drawn(0, frames + 1)), None),
            "never at the end": (
                answer(start_of=lambda frames, width: drawn(0, max(1, frames - width))),
                "none reaches the last frame",
            ),
            "never at the beginning": (
                answer(start_of=lambda frames, width: drawn(min(1, frames - width), frames - width + 1)),
                "none begins at frame 0",
            ),
            "always at the beginning": (answer(start_of=lambda frames, width: 0), "every mask begins at frame 0"),
            "first half": (answer(start_of=lambda frames, width: drawn(0, max(1, frames // 2 - 1))), "none covers"),
            "mean": (mean_filled, "the mean of the mels"),
            "one": (answer(fill=1.0), "the masked frames hold 1, expected 0"),
            "noise": (noise_filled, "not all the same"),
            "seeded": (seeded, "is a seed set"),
            "two stripes": (two_stripes, "several gaps"),
            "cut out": (cut_out, "instead of cutting"),
            "nothing": (lambda mels, widest: mels, "nothing was masked"),
            "only the first example": (only_once, None),
            "starts for the widest": (simple_starts, "0 to T - `widest`, so the last frames are masked too rarely"),
            "everything": (lambda mels, widest: torch.zeros_like(mels), "everything is set to 0"),
            "inverted": (lambda mels, widest: mels - loop(mels, widest), "the mask is inverted"),
            "mask not turned": (lambda mels, widest: mels * mask(mels)(widest)[:, None], None),
            "copied into zeros": (copied_into_zeros, None),
            "F.dropout": (lambda mels, widest: F.dropout(mels, 0.3), "as `F.dropout` does"),
            "F.dropout, half": (lambda mels, widest: F.dropout(mels), None),
            "dropout": (lambda mels, widest: mels * (torch.rand_like(mels) > 0.1), "as in dropout"),
            "the mask": (lambda mels, widest: mask(mels)(widest), "those are the masks"),
            "mask with an axis": (lambda mels, widest: mask(mels)(widest)[:, None], "multiply the mels"),
            "louder": (lambda mels, widest: 1.1 * loop(mels, widest), "it is multiplied by 1.10"),
            "normalised": (lambda mels, widest: loop(mels, widest) - 5, "no value is unchanged"),
            "list": (lambda mels, widest: list(mels), "`torch.stack`"),
        },
        draws=2,
    )


def test_every_way_to_keep_the_stripe_and_to_drop_out_is_named():
    from mmcourse.exercises.checks import judge

    for mistaken in (
        lambda mels, widest: mels * mask(mels)(widest)[:, None],
        lambda mels, widest: mels.masked_fill(~mask(mels)(widest)[:, None], 0),
        copied_into_zeros,
    ):
        assert "the mask is inverted" in judge("03.5", mistaken).message
    for fraction in (0.1, 0.5, 0.8):
        message = judge("03.5", lambda mels, widest, fraction=fraction: F.dropout(mels, fraction)).message
        assert "as `F.dropout` does" in message and f"multiplied by {1 / (1 - fraction):.2f}" in message
    clipped = judge("03.5", answer(start_of=lambda frames, width: drawn(0, frames))).message
    assert "entirely inside" in clipped and "extend beyond the end" in clipped
