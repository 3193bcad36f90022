"""Exercises 01.1, 01.3 and 01.4: sizes, parameters and receptive fields, all of them whole numbers."""

import math

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import call, compare, expect_whole_number, whole

OUTPUT_SIZE_MISTAKES = [
    (
        lambda n, k, s, p: (n + 2 * p - k) // s,
        "the + 1 is missing: a window that fits exactly once gives one value",
    ),
    (lambda n, k, s, p: (n + p - k) // s + 1, "the padding is counted once, but it is added on both sides"),
    (lambda n, k, s, p: (n - k) // s + 1, "the padding is left out"),
    (lambda n, k, s, p: n + 2 * p - k + 1, "the stride is left out: the window moves by `stride` pixels at a time"),
    (
        lambda n, k, s, p: (n + 2 * p - k + 1) // s,
        "the 1 is added before the division: divide first, then count the first window",
    ),
    (
        lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1,
        "this rounds up, but a window that hangs over the edge does not count",
    ),
    (
        lambda n, k, s, p: round((n + 2 * p - k) / s + 1),
        "this rounds to the nearest, but a window that hangs over the edge does not count",
    ),
    (
        lambda n, k, s, p: round((n + 2 * p - k) / s) + 1,
        "`round` goes to the nearest, but a window that hangs over the edge does not count",
    ),
    (lambda n, k, s, p: n, "this is the size of the input; the window cannot be centred on the outermost pixels"),
    (lambda n, k, s, p: n // s, "the kernel and the padding are left out: `size // stride` fits few layers"),
    (lambda n, k, s, p: math.ceil(n / s), "the kernel and the padding are left out: the size over the stride"),
    (
        lambda n, k, s, p: len(range(0, n + 2 * p - k, s)),
        "a window that ends exactly at the border is not counted: it fits too, so a `range` of starts ends 1 later",
    ),
    (
        lambda n, k, s, p: (n + 2 * (p or k // 2) - k) // s + 1,
        "a padding of 0 is taken for half a kernel; 0 means no padding",
    ),
    (
        lambda n, k, s, p: (n + 2 * (k // 2) - k) // s + 1,
        "`padding` is not used: half a kernel, `kernel // 2`, stands in its place",
    ),
    (lambda n, k, s, p: (n + 2 * p) // s, "the kernel is left out, and the first position"),
    (lambda n, k, s, p: (n + 2 * p) // s + 1, "the kernel is left out: the window has to end inside"),
    *(
        (
            lambda n, k, s, p, fixed=fixed: (n + 2 * fixed - k) // s + 1,
            f"`padding` is not used: it is always {fixed}, a hard-coded number",
        )
        for fixed in (1, 2, 3)
    ),
    (lambda n, k, s, p: (n - 2 * p - k) // s + 1, "the padding is subtracted; it makes the image larger"),
    (
        lambda n, k, s, p: n + 2 * p - k // s + 1,
        "the division happens too early: only `n + 2 * padding - kernel` as a whole is divided by the stride",
    ),
]


SIZES = ("size", "kernel", "stride", "padding")


@exercise(
    "01.1",
    title="the size of a convolution's output",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Slide a window of 3 over a row of 5 pixels: it fits at 3 positions. Where does this 3 come from?",
        "The window can start at 0, stride, 2 · stride ... as long as it ends inside. How many starts are there?",
        "Padding adds to both sides, so the row is `size + 2 * padding` long; `//` divides and rounds down.",
    ),
)
def output_size(answer, rng):
    cases = [(whole(rng, 12, 40), whole(rng, 2, 7), 1, 0) for _ in range(3)]
    cases += [(whole(rng, 12, 40), whole(rng, 2, 7), 1, whole(rng, 1, 3)) for _ in range(3)]
    cases += [(whole(rng, 12, 40), whole(rng, 2, 7), whole(rng, 2, 4), 0) for _ in range(4)]
    cases += [(20, 4, 3, 1), (21, 4, 2, 1), (22, 3, 4, 2)]  # remainders 0, 1 and 3: rounding shows
    cases += [(whole(rng, 12, 60), whole(rng, 2, 7), whole(rng, 2, 4), whole(rng, 1, 3)) for _ in range(10)]
    try:
        given = [answer(size, kernel) for size, kernel, *_ in cases[:3]] + [answer(*case) for case in cases[3:]]
    except Mistake as problem:
        if "ZeroDivisionError" in str(problem) and answer(20, 4, 3, 1) == 23:
            raise Mistake("`stride` and `padding` are exchanged: the order is size, kernel, stride, padding") from None
        raise
    exact = [(n + 2 * p - k) / s + 1 for n, k, s, p in cases]
    if any(isinstance(value, float) for value in given) and given == exact:
        i = next(i for i, value in enumerate(given) if isinstance(value, float))
        raise Mistake(
            f"`{call('output_size', *cases[i])}` returned {given[i]!r}: `/` gives fractions of a pixel, `//` rounds "
            "down"
        )
    given = [
        expect_whole_number(value, f"`{call('output_size', *case)}`") for case, value in zip(cases, given, strict=True)
    ]
    compare("output_size", cases, given, lambda n, k, s, p: (n + 2 * p - k) // s + 1, OUTPUT_SIZE_MISTAKES, SIZES)
    return f"{len(cases)} random sizes, with and without stride and padding"


CHANNELS = ("in_channels", "out_channels", "kernel")
PARAMETER_MISTAKES = [
    (lambda i, o, k: o * i * k * k, "the biases are missing: each output channel has one"),
    (
        lambda i, o, k: o * (k * k + 1),
        "`in_channels` is missing: each filter has a K × K window for every input channel",
    ),
    (lambda i, o, k: o * (i * k + 1), "the kernel is not squared: a window has K × K weights"),
    (lambda i, o, k: 2 * o * i * k * k, "a bias for every weight: there is one for each output channel"),
    (lambda i, o, k: o * i * (k * k + 1), "a bias for every pair of channels: there is one for each output channel"),
    (lambda i, o, k: o * i * k * k + 1, "one bias for the whole layer: there is one for each output channel"),
    (lambda i, o, k: o * i * k * k + i, "a bias for each input channel: there is one for each output channel"),
    (lambda i, o, k: i * k * k + 1, "`out_channels` is missing: this is one filter of the layer"),
    (lambda i, o, k: i * k * k + o, "the weights lack `out_channels`: each output channel has its own filter"),
    (lambda i, o, k: o * k * k, "`in_channels` and the biases are missing"),
    (lambda i, o, k: o * i * k, "the kernel is not squared, and the biases are missing"),
    (lambda i, o, k: o, "only the biases are counted"),
    (
        lambda i, o, k: o * ((i * k) ** 2 + 1),
        "`in_channels` is squared too; only the kernel is: `in_channels * kernel**2`",
    ),
    (
        lambda i, o, k: o * (i * k * k + 2),
        "there are two numbers per output channel besides the weights; a convolution has one, the bias",
    ),
    (
        lambda i, o, k: 2,
        "2 is always returned, as many as there are tensors, weight and bias: count the numbers in them, `numel()`",
    ),
    (lambda i, o, k: o * (i + k * k + 1), "`in_channels` is added; every input channel has a window, so multiply"),
    (lambda i, o, k: o * (i * k * k) + o * k, "a bias for every row of the kernel: there is one per output channel"),
    (lambda i, o, k: o * (2 * i * k + 1), "the kernel is doubled; it is squared: a window has K × K weights"),
    (lambda i, o, k: (i + o) * k * k + o, "the channels are added; every pair of them has a window, so multiply"),
    *(
        (
            lambda i, o, k, fixed=fixed: o * (fixed * k * k + 1),
            f"`in_channels` is not used: {fixed}, a hard-coded number, stands in its place",
        )
        for fixed in (3, 16, 32, 64)
    ),
    *(
        (
            lambda i, o, k, fixed=fixed: o * (i * fixed * fixed + 1),
            f"`kernel` is not used: {fixed}, a hard-coded number, stands in its place",
        )
        for fixed in (3, 5, 7)
    ),
    *(
        (count, "the weights are counted at every position of a 32 × 32 image; all positions share them")
        for count in (
            lambda i, o, k: 1024 * o * (i * k * k + 1),
            lambda i, o, k: o * (1024 * i * k * k + 1),
        )
    ),
]


@exercise(
    "01.3",
    title="counting a convolution's parameters",
    dots=1,
    minutes=5,
    repeatable=True,
    hints=(
        "Print the shapes: `[p.shape for p in nn.Conv2d(3, 16, 5).parameters()]`. What does each axis stand for?",
        "One filter covers all input channels at once: in_channels · K · K weights, and one bias.",
    ),
)
def conv_parameters(answer, rng):
    cases = [(whole(rng, 2, 4), whole(rng, 5, 9), whole(rng, 2, 3)) for _ in range(3)]
    cases += [(whole(rng, 10, 64), whole(rng, 65, 128), whole(rng, 4, 7)) for _ in range(5)]
    given = [expect_whole_number(answer(*case), f"`{call('conv_parameters', *case)}`") for case in cases]
    compare("conv_parameters", cases, given, lambda i, o, k: o * (i * k * k + 1), PARAMETER_MISTAKES, CHANNELS)
    return f"the same as counting the parameters of {len(cases)} `nn.Conv2d` layers"


def reach(layers, weight=lambda kernel: kernel - 1, own: bool = False, start: int = 1) -> int:
    """The receptive field, and with other arguments some ways to get it wrong."""
    size, jump = start, 1
    for kernel, stride in layers:
        if own:
            jump *= stride
        size += weight(kernel) * jump
        if not own:
            jump *= stride
    return size


def backwards(layers) -> int:
    """The recursion from the last layer to the first: (size - 1) * stride + kernel."""
    size = 1
    for kernel, stride in layers:
        size = (size - 1) * stride + kernel
    return size


def last_stride_only(layers) -> int:
    """Each layer scaled by the stride just before it alone."""
    strides = [1, *(stride for _, stride in layers)]
    return 1 + sum((kernel - 1) * stride for (kernel, _), stride in zip(layers, strides, strict=False))


def last_alone(layers) -> int:
    """What `=` for `+=` leaves: the last layer's part."""
    jump = math.prod(stride for _, stride in layers[:-1])
    return (layers[-1][0] - 1) * jump


def summed(layers, start: int) -> int:
    """The receptive field of someone who adds strides up, to `start`, where they multiply."""
    size, jump = 1, start
    for kernel, stride in layers:
        size += (kernel - 1) * max(jump, 1)
        jump += stride
    return size


RECEPTIVE_FIELD_MISTAKES = [
    (
        lambda x: sum(k for k, _ in x),
        "the kernels are added up: two 3 × 3 layers have a receptive field of 5 pixels, because their windows overlap",
    ),
    (
        lambda x: reach(x, weight=lambda k: k, start=0),
        "the kernels are added up whole; each layer adds `kernel - 1`, times the strides before it",
    ),
    (
        lambda x: reach(x, weight=lambda k: k),
        "1 too many for every layer: each adds `kernel - 1`, times the strides before it",
    ),
    (
        lambda x: 1 + sum(k - 1 for k, _ in x),
        "the strides are left out: after a stride of 2 a step is two pixels of the image",
    ),
    (lambda x: reach(x, own=True), "a layer's own stride is applied to it; only the strides before it count"),
    (last_stride_only, "only the stride just before a layer is applied; all earlier strides multiply"),
    (
        lambda x: 1 + sum((k - 1) * s for k, s in x),
        "each layer is scaled by its own stride alone; the strides before it multiply",
    ),
    (lambda x: reach(x, start=0), "it starts at 0: without any layer the receptive field is 1 pixel"),
    (
        backwards,
        "the layers are taken in the wrong order: with a growing step start at the image, with "
        "`(size - 1) * stride + kernel` start at the last layer",
    ),
    (lambda x: summed(x, 1), "the strides are added; a step of 2 within steps of 3 is 6 pixels long: multiply them"),
    (lambda x: summed(x, 0), "the strides are added; a step of 2 within steps of 3 is 6 pixels long: multiply them"),
    (
        lambda x: reach([layer[::-1] for layer in x]),
        "kernel and stride are exchanged: each layer is (kernel, stride), in this order",
    ),
    (last_alone, "only the last layer's part is left: `=` replaces what `+=` adds to"),
    (lambda x: reach(x[:1]), "only the first layer counts: is the `return` inside the loop?"),
    (
        lambda x: 1 + sum(k - 1 for k, _ in x) * math.prod(s for _, s in x),
        "the strides of all layers are applied to each; only the strides before a layer count",
    ),
    (lambda x: reach([x[0]] * len(x)), "every layer is treated like the first: each has its own kernel and stride"),
    (lambda x: reach([x[-1]] * len(x)), "every layer is treated like the last: each has its own kernel and stride"),
    *(
        (lambda x, most=most: reach(x[:most]), f"only the first {most} layers count: a stack may have any number")
        for most in (2, 3, 4, 5)
    ),
    (lambda x: reach(x[:-1]), "the last layer is left out"),
    (lambda x: reach(x[1:]), "the first layer is left out"),
    (
        lambda x: 1 + sum((k - 1) * s**i for i, (k, s) in enumerate(x)),
        "a power of the layer's own stride; the step is the product of the strides of the layers before it",
    ),
    (
        lambda x: 1 + sum((k - 1) * x[0][1] ** i for i, (k, s) in enumerate(x)),
        "a power of the first layer's stride; the step is the product of the strides of the layers before it",
    ),
    (
        lambda x: 1 + sum((k - 1) * 2**i for i, (k, s) in enumerate(x)),
        "a power of 2; the step is the product of the strides of the layers before it",
    ),
    (lambda x: reach(x) ** 2, "this is the square of the receptive field: one side of it is asked for, not its area"),
    (lambda x: reach(x) + 1, "1 too many in every case"),
    (lambda x: math.prod(k for k, _ in x), "the kernels are multiplied; what a layer adds is added"),
    (
        lambda x: math.prod(s for _, s in x),
        "this is the product of the strides, the step between neighbouring outputs; the receptive field is larger",
    ),
]


@exercise(
    "01.4",
    title="receptive field",
    dots=2,
    minutes=5,
    repeatable=True,
    hints=(
        "Draw it in one dimension: two layers of kernel 3, stride 1. On how many pixels does one output depend?",
        "Keep two numbers, both 1 at first: the receptive field, and the step between neighbours in pixels.",
        "A layer adds (kernel - 1) · step to the receptive field; then multiply the step by the layer's stride.",
    ),
)
def receptive_field(answer, rng):
    cases = [([(3, 1)],), ([(3, 1), (3, 1)],), ([(3, 2), (5, 1)],), ([(5, 1), (2, 2), (3, 3), (4, 1), (2, 2), (3, 1)],)]
    for _ in range(6):
        cases.append(([(whole(rng, 2, 7), whole(rng, 1, 3)) for _ in range(whole(rng, 3, 6))],))
    given = [expect_whole_number(answer(*case), f"`{call('receptive_field', *case)}`") for case in cases]
    compare("receptive_field", cases, given, lambda layers: reach(layers), RECEPTIVE_FIELD_MISTAKES)
    return f"{len(cases)} stacks of up to six layers, with strides"
