"""Exercise 03.5: a random time mask for each example, as in SpecAugment."""

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import expect_finite, expect_tensor, whole
from mmcourse.exercises.randomness import as_often

CALLS = 20
BATCH = 16
MANY = 2000


@exercise(
    "03.5",
    title="time masking",
    dots=2,
    minutes=10,
    hints=(
        "Draw two numbers for each example: the width of its mask, 0 to `widest`, and its start. "
        "`torch.randint` excludes its upper end.",
        "A mask of `width` frames fits at the starts 0 to T - width. Draw the width first, then a start that fits.",
        "You may change `mels.clone()`. A loop over the examples suffices; time is the last axis, `[i, :, a:b]`.",
    ),
)
def mask_frames(answer, rng):
    frames, widest, bands = whole(rng, 9, 11), 3, whole(rng, 4, 6)
    masks = torch.stack([masked(answer, (BATCH, bands, frames), widest, rng) for _ in range(CALLS)])  # (calls, B, T)
    for_every_example(masks)
    own_for_each(masks)
    widths_from_0_to(widest, masks.sum(2).flatten())
    at_every_position(masks.flatten(0, 1), widest)
    wide = torch.cat([masked(answer, (250, 3, 6), 6, rng) for _ in range(4)])  # (1000, T)
    whole_stripes(wide)
    many = torch.cat([masked(answer, (MANY, 2, 7), widest, rng) for _ in range(2)])
    widths_equally_likely(widest, many.sum(1))
    starts_for_the_width(wide)
    if masked(answer, (4, 3, 8), 0, rng).any():
        raise Mistake("with `widest` 0 something is masked; nothing should be")
    return f"one mask for each of {2 * MANY:,} examples, of 0 to {widest} frames equally often, everywhere"


def masked(answer, shape: tuple[int, int, int], widest: int, rng: torch.Generator) -> Tensor:
    """Call the answer on random mels; which frames it set to 0, once it is clear that it is a stripe.   -> (B, T)"""
    batch, bands, frames = shape
    where = f"for mels of shape {shape} and a mask of at most {widest}"
    mels = torch.rand(shape, generator=rng) + 0.5
    mels *= torch.randint(0, 2, shape, generator=rng) * 2 - 1  # never 0, of either sign
    causes = {
        (bands, frames): "the batch is lost: mask every example and return all of them",
        (frames, bands): "the batch is lost, and bands and frames are exchanged",
        (batch, frames, bands): "bands and frames are exchanged: time is the last axis",
        (batch, frames): "those are the masks, or one band: return all of `mels`, with the masked frames set to 0",
        (batch, 1, frames): "that is the mask: multiply the mels by it",
    }
    result = answer(mels, widest)
    if isinstance(result, Tensor) and result.ndim == 3 and result.shape[:2] == shape[:2] and result.shape[2] < frames:
        raise Mistake(
            f"{where} only {result.shape[2]} frames are left: set the masked frames to 0 instead of cutting them out"
        )
    result = expect_tensor(result, where, shape, causes)
    if not result.is_floating_point():
        raise Mistake(
            f"{where} the result has type {result.dtype}: return all of `mels`, with the masked frames set to 0"
        )
    expect_finite(result, where, "a masked frame is 0; nothing else changes")
    changed = (result - mels).abs() > 1e-5  # (B, M, T)
    value = result[changed]
    if len(value) and (value == value[0]).all():  # it may be what some entry had anyway
        changed |= (result == value[0]).all(1, keepdim=True)
    rest_unchanged(result, mels, changed, where)
    one_stripe(changed, widest, where)
    if len(value) and (value != 0).any():
        raise Mistake(f"{where} the masked frames hold {filling(value, mels)}, expected 0")
    return changed.any(1)


def rest_unchanged(result: Tensor, mels: Tensor, changed: Tensor, where: str) -> None:
    """Not everything changes: outside the stripe all stays as it was.   (B, M, T)"""
    if not changed.all():
        return
    hidden = result == 0
    if hidden.all():
        raise Mistake(f"{where} everything is set to 0: only the masked frames should be")
    scale = (result / mels)[~hidden]
    scaled = len(scale) and (scale - scale.mean()).abs().max() < 1e-3
    if scaled and hidden.any() and not torch.equal(hidden.any(1), hidden.all(1)):
        raise Mistake(
            f"{where} single values are 0 and the rest is multiplied by {scale.mean().item():.2f}, as `F.dropout` does"
            ": mask whole frames, and leave the rest unchanged"
        )
    by = f"it is multiplied by {scale.mean().item():.2f}" if scaled else "no value is unchanged"
    raise Mistake(f"{where} values outside the mask change too: {by}")


def kept_instead(full_frames: Tensor, widest: int) -> bool:
    """Whether every example keeps one stripe and hides the rest.   (B, T)"""
    kept = ~full_frames
    begins = kept.int().diff(dim=1, prepend=torch.zeros(len(kept), 1, dtype=torch.int)) == 1
    return bool((kept.sum(1) <= widest).all() and (begins.sum(1) <= 1).all()) and widest < kept.shape[1] / 2


def filling(value: Tensor, mels: Tensor) -> str:
    """What a stripe was filled with."""
    if (value - value[0]).abs().max() > 1e-6:
        return "other values, not all the same"
    same_as = {"the mean of the mels": mels.mean(), "the smallest of the mels": mels.min()}
    name = next((f" ({name})" for name, known in same_as.items() if torch.isclose(known, value[0])), "")
    return f"{value[0].item():.3g}{name}"


def one_stripe(changed: Tensor, widest: int, where: str) -> None:
    """Every example has at most one run of changed frames, over all bands, no wider than allowed.   (B, M, T)"""
    batch, bands, frames = changed.shape
    over_time, over_bands = changed.any(1), changed.any(2)  # (B, T), (B, M)
    full_frames, full_bands = changed.all(1), changed.all(2)
    if torch.equal(over_time, full_frames) and kept_instead(full_frames, widest):
        raise Mistake(
            f"{where} the mask is inverted: everything else is hidden. Invert it; or begin "
            "with `mels.clone()` instead of zeros, and set the masked frames to 0"
        )
    if torch.equal(full_frames.any(1), over_time.any(1)) and full_frames.all(1).any() and widest < frames:
        widths = over_time.sum(1)
        if (widths.unique() > widest).sum() > 1:
            raise Mistake(
                f"{where} some masks have up to {int(widths.max())} frames: the width is drawn from 0 to `widest`"
            )
        raise Mistake(f"{where} whole examples are masked: the time is the last axis, `[i, :, a:b]`")
    if not torch.equal(over_time, full_frames):
        if torch.equal(over_bands, full_bands):
            raise Mistake(f"{where} the mask covers bands (axis 1); it should cover whole frames (axis 2)")
        if torch.equal(changed, over_time[:, None] & over_bands[:, :, None]):
            raise Mistake(f"{where} a block of some bands is masked: a time mask covers all bands of its frames")
        raise Mistake(
            f"{where} single values change, as in dropout: a time mask covers all bands of its frames, nothing else"
        )
    begins = over_time.int().diff(dim=1, prepend=torch.zeros(batch, 1, dtype=torch.int)) == 1
    if (begins.sum(1) > 1).any():
        raise Mistake(f"{where} an example has several gaps: its masked frames should be consecutive")
    if (over_time.sum(1) > widest).any():
        found = int(over_time.sum(1).max())
        cause = (
            ", by 1: widths go from 0 to `widest`, and a slice `[a:b]` has b - a frames" if found == widest + 1 else ""
        )
        raise Mistake(f"{where} a mask of {found} frames is too wide{cause}")


def for_every_example(masks: Tensor) -> None:
    """No example stays unmasked in every call; chance does it to one in 4 ** CALLS.   (calls, B, T)"""
    ever = masks.any(2).any(0)
    if ever.any() and not ever.all() and (masks != masks[0]).any():
        only = ever.nonzero().flatten().tolist()
        which = f"only example {only[0]} of a batch is" if len(only) == 1 else f"only {len(only)} of {len(ever)} are"
        raise Mistake(f"in {len(masks)} calls {which} ever masked: every example gets a mask of its own")


def widths_equally_likely(widest: int, widths: Tensor) -> None:
    """Every width as often as the others, up to chance.   (N,)"""
    for width in range(widest + 1):
        count = int((widths == width).sum())
        if not as_often(count, len(widths), 1 / (widest + 1)):
            raise Mistake(
                f"among {len(widths):,} masks {count / len(widths):.0%} have {width} frames, expected "
                f"{1 / (widest + 1):.0%}: the width is uniform, all from 0 to {widest} equally likely. "
                "Draw it with `torch.randint`, for every example"
            )


def own_for_each(masks: Tensor) -> None:
    """Stripes differ between examples of a batch in width and place, and between calls.   (calls, B, T)"""
    if not masks.any():
        raise Mistake(f"nothing was masked in {len(masks)} calls")
    if (masks == masks[:, :1]).all():
        raise Mistake("all examples of a batch have the same mask: each needs its own")
    if (masks == masks[:1]).all():
        raise Mistake("every call masks the same frames: is a seed set inside the function?")
    widths = masks.sum(2)  # (calls, B)
    if (widths == widths[:, :1]).all() and len(widths.unique()) > 1:
        raise Mistake("all masks of a batch have the same width: each example draws its own")
    starts = [call[call.any(1)].int().argmax(1).unique() for call in masks]  # where the stripes of each call begin
    if all(len(positions) <= 1 for positions in starts) and len(torch.cat(starts).unique()) > 1:
        raise Mistake("all masks of a batch begin at the same frame: each example draws its own start")


def widths_from_0_to(widest: int, widths: Tensor) -> None:
    """Every width from 0 to the widest occurs.   (N,)"""
    found = set(widths.tolist())
    missing = sorted(set(range(widest + 1)) - found)
    if not missing:
        return
    seen = f"among {len(widths):,} masks with `widest` {widest}"
    if found == {widest}:
        raise Mistake(f"{seen} every one has {widest} frames: the width is drawn too, from 0 to `widest`")
    if missing == [widest]:
        raise Mistake(f"{seen} none has {widest} frames: `torch.randint` excludes its upper end, so use `widest + 1`")
    if missing == [0]:
        raise Mistake(f"{seen} none is empty: the width is 0 to `widest`, so some examples stay unchanged")
    raise Mistake(
        f"{seen} none has {' or '.join(map(str, missing))} frames; each width from 0 to {widest} should occur"
    )


def at_every_position(masks: Tensor, widest: int) -> None:
    """Every frame is masked now and then, the first and the last included.   (N, T)"""
    frames = masks.shape[1]
    starts = masks.int().argmax(1)[masks.any(1)]
    if (starts == starts[0]).all():
        raise Mistake(f"every mask begins at frame {int(starts[0])}: draw the start too")
    missing = (~masks.any(0)).nonzero().flatten().tolist()
    if not missing:
        return
    seen = f"among {len(masks):,} masks on {frames} frames"
    if missing == [frames - 1]:
        raise Mistake(
            f"{seen} none reaches the last frame: starts go from 0 to T - width, both included, and `torch.randint` "
            "excludes its upper end"
        )
    if missing == [0]:
        raise Mistake(f"{seen} none begins at frame 0")
    listed = ", ".join(map(str, missing))
    raise Mistake(f"{seen} none covers frame {listed}: draw the start from all positions where the mask fits")


def whole_stripes(masks: Tensor) -> None:
    """Where the widest stripe fills the sound, it occurs as often as it should: none is cut off at the end.

    masks (N, T), T the widest stripe.
    Drawn evenly, 1 of 7 widths is 6; where stripes may leave the edge, only 1 start in 6 leaves it whole.
    """
    fraction = masks.all(1).double().mean().item()
    if fraction < 0.045:
        at_end = masks[masks.any(1)][:, -1].double().mean().item()
        if at_end > 0.43:  # 0.41 where every width and every start that fits are equally likely
            raise Mistake(
                f"with 6 frames and `widest` 6 only {fraction:.0%} of the masks have 6, and {at_end:.0%} of those "
                "that hide anything reach the last one, as where some extend beyond the end and are cut off. A mask "
                "lies entirely inside: draw the width first, then a start where it fits, 0 to T - width"
            )
        raise Mistake(
            f"with 6 frames and `widest` 6 only {fraction:.0%} of the masks have 6, expected 14%: every width from 0 "
            "to `widest` is equally likely: draw the width first, then a start where it fits, 0 to T - width"
        )


def starts_for_the_width(masks: Tensor) -> None:
    """Narrow stripes begin anywhere too, where the widest stripe would have only one place.   (N, T), T = widest"""
    widths = masks.sum(1)
    narrow = masks[(widths > 0) & (widths < masks.shape[1])]
    starts = narrow.int().argmax(1)
    if len(starts) and (starts == starts[0]).all():
        raise Mistake(
            f"with 6 frames and `widest` 6 all {len(starts)} narrower masks begin at frame {int(starts[0])}: the "
            "start is drawn from 0 to T - `widest`, so the last frames are masked too rarely. Draw it from 0 to "
            "T - width"
        )
