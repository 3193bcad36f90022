"""Exercise 04.6: the parameters of an encoder block."""

from itertools import product

from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import call, compare, expect_whole_number, whole

# Each part of the block: how many parameters are to be counted (w: width, h: hidden), and what people count instead.
EACH_HEAD = (
    "attention's projections are counted once for each head: the heads divide `width` among them, so together they "
    "have one set, however many they are"
)
PROJECTIONS = (
    (lambda w, h: 4 * (w * w + w), ""),
    (lambda w, h: 3 * (w * w + w), "three projections are counted: after the heads are joined there is a fourth"),
    (lambda w, h: 4 * w * w, "`4 * width` are missing: the biases of the four projections, or the two norms"),
    (lambda w, h: 3 * w * w, "three projections without biases are counted: there are four, each with `width` biases"),
    (lambda w, h: w * w + w, "one projection is counted: queries, keys, values and the output have one each"),
    (lambda w, h: w * w, "one projection without its biases is counted: there are four, each with biases"),
    (lambda w, h: 4 * w * w + 1, "one bias for all projections: each has `width` of them"),
    (lambda w, h: 4 * (w * w + 1), "one bias a projection: each has `width` of them, one an output"),
    (lambda w, h: 5 * (w * w + w), "five projections are counted; attention has four"),
    (lambda w, h: 0, "attention's four projections are missing"),
    (lambda w, h: w * w + 4 * w, "the weights of one projection are counted: there are four"),
    *(
        (lambda w, h, times=times, once=once: times * (4 - once) * (w * w + w) + once * (w * w + w), EACH_HEAD)
        for times in (2, 4, 8)
        for once in (0, 1)
    ),
)
FEED_FORWARD = (
    (lambda w, h: 2 * w * h + h + w, ""),
    (lambda w, h: 2 * w * h, "the biases of the feed-forward layers are missing"),
    (lambda w, h: w * h + h, "one feed-forward layer is counted: a second leads from `hidden` back to `width`"),
    (lambda w, h: w * h, "one feed-forward layer without biases is counted: a second leads back to `width`"),
    (
        lambda w, h: 2 * (w * h + h),
        "both feed-forward layers are given `hidden` biases: the second has `width` outputs",
    ),
    (lambda w, h: 2 * (w * h + w), "both feed-forward layers are given `width` biases: the first has `hidden` outputs"),
    (
        lambda w, h: 2 * w * h + h,
        "`width` biases are missing: those of the second feed-forward layer, or of attention's output layer",
    ),
    (
        lambda w, h: w * h + h + h * h + h,
        "the second feed-forward layer is counted from `hidden` to `hidden`; it leads back to `width`",
    ),
    (lambda w, h: 2 * (w * h + 1), "one bias a feed-forward layer: each has as many as outputs"),
    (lambda w, h: 2 * w * h + w, "the biases of the first feed-forward layer are missing"),
    (lambda w, h: 2 * w * h + h * h + 2 * h + w, "there is a layer from `hidden` to `hidden` that the block has not"),
    (lambda w, h: 0, "the two feed-forward layers are missing"),
)
NORMS = (
    (lambda w, h: 4 * w, ""),
    (
        lambda w, h: 0,
        "`4 * width` are missing: the two norms (a scale and a shift a feature each), or the projections' biases",
    ),
    (lambda w, h: 2 * w, "half of what the norms have: there are two, each with `width` scales and `width` shifts"),
    (lambda w, h: 4, "a norm has a scale and a shift for every feature, not one of each"),
    (lambda w, h: 6 * w, "three norms are counted: an encoder block has two, the decoder's has three"),
    (lambda w, h: 4 * w + 2 * h, "a third norm, over the `hidden` features, is counted: there are two, over `width`"),
    (lambda w, h: 2 * (w + h), "one norm is counted with `hidden` features: both have `width`"),
    (lambda w, h: 2 * (w * w + w), "a norm is counted as a layer of weights: it only scales and shifts each feature"),
)


def total(*parts):
    """The sum of what several parts have."""
    return lambda w, h: sum(part(w, h) for part in parts)


def mistakes() -> list[tuple]:
    """All combinations of what people count, those with fewest mistakes first."""
    found = []
    for parts in product(PROJECTIONS, FEED_FORWARD, NORMS):
        words = [text for _, text in parts if text]
        found.append((len(words), total(*(count for count, _ in parts)), "; ".join(words)))
    no_bias = total(lambda w, h: 4 * w * w, lambda w, h: 2 * w * h)
    found.append((1, total(no_bias, lambda w, h: 4 * w), "all biases are missing: each linear layer has one an output"))
    found.append((1, total(no_bias, lambda w, h: 2 * w), "all biases are missing, those of the norms (shifts) as well"))
    right = total(PROJECTIONS[0][0], FEED_FORWARD[0][0], NORMS[0][0])
    found.append((0, lambda w, h: right(h, w), "`width` and `hidden` are exchanged: `width` comes first"))
    found.append((1, no_bias, "neither biases nor norms are counted"))
    one_each = total(lambda w, h: 4 * (w * w + 1), lambda w, h: 2 * (w * h + 1))
    for norms, told in ((4, ""), (2, "; and the norms have a scale alone"), (0, "; and the norms are missing")):
        found.append(
            (
                0,
                total(one_each, lambda w, h, norms=norms: norms * w),
                "one bias for each linear layer, projections included: each has as many as outputs" + told,
            )
        )
    found.append(
        (
            0,
            lambda w, h: 8 * (w * w + w) + 2 * w * h + h + w + 6 * w,
            "this is a decoder block, with a second attention and a third norm: an encoder block has one attention and "
            "two norms",
        )
    )
    found.append((0, lambda w, h: 4 * (w * w + w) + 12 * w * w, "`hidden` is not used: it need not be 4 · `width`"))
    found.append((0, lambda w, h: 12 * w * w + 13 * w, "`hidden` is not used: it need not be 4 · `width`"))
    return [(count, words) for _, count, words in sorted(found, key=lambda entry: entry[0]) if words]


@exercise(
    "04.6",
    title="how large is a block?",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "List the layers: four of attention (three before the heads are split, one after they are joined), two of the "
        "feed-forward network, two norms. How many heads there are does not matter.",
        "`nn.Linear(a, b)` has a · b weights and b biases. Which a and b do the six linear layers have?",
        "`sum(p.numel() for p in nn.LayerNorm(8).parameters())` says what a norm has. Then compare your sum with "
        "`sum(p.numel() for p in EncoderBlock(8, 2, 20).parameters())`.",
    ),
)
def block_parameters(answer, rng):
    cases = [(whole(rng, 11, 40), whole(rng, 41, 200)) for _ in range(6)] + [(64, 256), (12, 8)]
    given = [expect_whole_number(answer(*case), f"`{call('block_parameters', *case)}`") for case in cases]
    right = total(PROJECTIONS[0][0], FEED_FORWARD[0][0], NORMS[0][0])
    compare("block_parameters", cases, given, right, mistakes(), ("width", "hidden"))
    return f"the same as counting the parameters of {len(cases)} blocks"
