"""Exercise 01.2: a convolution by hand."""

import re

import torch
import torch.nn.functional as F
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, expect_finite, expect_tensor, named_mistake, relation, whole
from mmcourse.exercises.properties import expect_without

READY_MADE = {"conv1d", "conv2d", "conv3d", "convolution", "conv_transpose2d"}


def correlate(image: Tensor, kernel: Tensor) -> Tensor:
    """What `convolve` should give.   (H, W), (K, K) -> (H-K+1, W-K+1)"""
    return F.conv2d(image[None, None].double(), kernel[None, None].double())[0, 0]


def as_many(result: Tensor, count: int, axis: int) -> Tensor:
    """The result with 0 in all but the first entries of an axis."""
    return result * (torch.arange(result.shape[axis]) < count).view((-1, 1) if axis == 0 else (1, -1))


def patches_of(image: Tensor, size: int) -> Tensor:
    """Every window of an image.   (H, W) -> (H-K+1, W-K+1, K, K)"""
    return image.double().unfold(0, size, 1).unfold(1, size, 1)


CONVOLVE_MISTAKES = [
    (
        lambda x, k: correlate(x, k.flip(0, 1)),
        "the kernel is rotated by 180 degrees. That is convolution as in mathematics; PyTorch does not flip the kernel",
    ),
    (lambda x, k: correlate(x, k.T), "the kernel is transposed"),
    (lambda x, k: correlate(x, k.flip(0)), "the kernel is upside down"),
    (lambda x, k: correlate(x, k.flip(1)), "the kernel is mirrored"),
    (lambda x, k: correlate(x, k).T, "the result is transposed"),
    (
        lambda x, k: patches_of(x, len(k))[..., len(k) // 2, len(k) // 2] * k[len(k) // 2, len(k) // 2],
        "only the centre of each window is used: multiply all K × K entries, then sum them",
    ),
    (
        lambda x, k: patches_of(x, len(k))[..., 0, 0] * k[0, 0],
        "only the first entry of each window is used: multiply all K × K entries, then sum them",
    ),
    (
        lambda x, k: (patches_of(x, len(k)) * k).diagonal(dim1=-2, dim2=-1).sum(-1),
        "only the diagonal of each window is summed: all K × K products belong to the sum",
    ),
    (
        lambda x, k: (patches_of(x, len(k)) @ k.double()).sum((-2, -1)),
        "`@` multiplies matrices; a window and the kernel are multiplied entry by entry with `*`",
    ),
    (lambda x, k: correlate(x, k) / k.numel(), "this is the mean of the products; a convolution sums them"),
    (lambda x, k: patches_of(x, len(k)).sum((-2, -1)), "the windows are summed without the kernel's weights"),
    (
        lambda x, k: correlate(x, k).trunc(),
        "the fractional parts are lost because the result holds integers: make it a float tensor",
    ),
    (
        lambda x, k: patches_of(x, len(k))[..., -1, -1] * k[-1, -1],
        "only the last product of each window is left: `=` replaces what `+=` adds to",
    ),
    (
        lambda x, k: F.pad(correlate(x, k)[:-1, :-1], (0, 1, 0, 1)),
        "the last row and the last column are still 0: the window fits at H - K + 1 positions, the last one included",
    ),
    (
        lambda x, k: as_many(correlate(x, k), correlate(x, k).shape[0], 1),
        "columns beyond as many as there are rows are still 0: their number follows from the width",
    ),
    (
        lambda x, k: as_many(correlate(x, k), correlate(x, k).shape[1], 0),
        "rows beyond as many as there are columns are still 0: their number follows from the height",
    ),
    (
        lambda x, k: F.pad(correlate(x, k)[:-1], (0, 0, 0, 1)),
        "the last row is still 0: the window fits at H - K + 1 positions, the last one included",
    ),
    (
        lambda x, k: F.pad(correlate(x, k)[:, :-1], (0, 1)),
        "the last column is still 0: the window fits at W - K + 1 positions, the last one included",
    ),
    *(
        (
            lambda x, k, scale=scale: correlate(x, k / scale(k)),
            f"the kernel is divided by {what}: it is used as it is",
        )
        for scale, what in (
            (torch.sum, "its sum"),
            (lambda k: k.abs().sum(), "the sum of its absolute values"),
            (torch.norm, "its norm"),
            (torch.amax, "its largest entry"),
            (lambda k: k.abs().max(), "its largest absolute value"),
            (lambda k: len(k), "its size K"),
        )
    ),
    (lambda x, k: correlate(x, k - k.mean()), "the mean of the kernel is subtracted: it is used as it is"),
    (lambda x, k: correlate(x - x.mean(), k), "the mean of the image is subtracted: it is used as it is"),
    (
        lambda x, k: F.pad(correlate(x, k)[:1], (0, 0, 0, len(x) - len(k))),
        "only the first row is computed: is the `return` inside the outer loop?",
    ),
    (
        lambda x, k: F.pad(correlate(x, k)[:1, :1], (0, x.shape[1] - len(k), 0, len(x) - len(k))),
        "only the first entry is computed: is the `return` inside the loop?",
    ),
    (
        lambda x, k: correlate(x, k).flatten().cumsum(0).view(correlate(x, k).shape),
        "the sum goes on from position to position: reset it to 0 for each position",
    ),
    (lambda x, k: correlate(x, k) + 1, "every entry is too large by 1: does it start from `torch.ones`?"),
    (lambda x, k: correlate(x, k).relu(), "negative values become 0, as by a ReLU; a convolution keeps them"),
    (lambda x, k: torch.zeros_like(correlate(x, k)), "all zeros: was anything assigned to the result?"),
]


@exercise(
    "01.2",
    title="a convolution by hand",
    dots=2,
    minutes=10,
    repeatable=True,
    hints=(
        "How many windows fit? As in exercise 01.1: H - K + 1 rows of W - K + 1. Start from a tensor of zeros.",
        "For row i and column j the window is `image[i:i + K, j:j + K]`. Multiply it by the kernel entry by entry.",
        "Two loops, `for i in range(H - K + 1)` and `for j in range(W - K + 1)`; inside, one line: product, sum.",
    ),
)
def convolve(answer, rng):
    sizes = [(7, 7, 3), (6, 9, 3), (8, 5, 3), (7, 9, 2), (5, 6, 5), (4, 7, 1), (whole(rng, 9, 12), whole(rng, 5, 8), 4)]
    cases, given = [], []
    for height, width, size in sizes:
        image, kernel = torch.randn(height, width, generator=rng), torch.randn(size, size, generator=rng)
        where = f"for an image of {height} × {width} and a kernel of {size} × {size}"
        try:
            result = answer(image, kernel)
        except Mistake as problem:
            raise Mistake(whose_edge(str(problem), where, size, width, cases, given)) from None
        right = (height - size + 1, width - size + 1)
        result = expect_tensor(result, where, right, shape_causes(height, width, size))
        expect_finite(result, where, "was every entry assigned? `torch.empty` is not initialised")
        cases.append((image, kernel))
        given.append(result)
    expected = [correlate(*case) for case in cases]
    if not all(agrees(a, b) for a, b in zip(given, expected, strict=True)):
        # a kernel of one entry, or one window, cannot tell most mistakes apart: they are left out of the search
        telling = [i for i, (height, width, size) in enumerate(sizes) if size > 1]
        words = named_mistake([cases[i] for i in telling], [given[i] for i in telling], CONVOLVE_MISTAKES)
        i = next(i for i in range(len(given)) if not agrees(given[i], expected[i]))
        height, width, size = sizes[i]
        if words is None:
            if all(agrees(given[j], expected[j]) == (s[2] == 3) for j, s in enumerate(sizes) if s[2] > 1):
                words = "correct for kernels of 3 × 3 only; the size is in `kernel.shape`"
            else:
                worst = (given[i] - expected[i]).abs().argmax().item()
                row, column = divmod(worst, expected[i].shape[1])
                words = (
                    f"entry [{row}, {column}] is {given[i][row, column].item():.3f}, "
                    f"expected {expected[i][row, column].item():.3f}"
                )
                words += "".join(f": {more}" for more in [relation(given[i], expected[i])] if more)
        raise Mistake(f"for an image of {height} × {width} and a kernel of {size} × {size}: {words}")
    expect_without(
        answer,
        cases[0],
        READY_MADE,
        "the numbers are correct, but PyTorch's convolution computed them: write it without `F.conv2d` and `nn.Conv2d`",
    )
    remark = whole_numbers(answer, rng)
    return f"equal to `F.conv2d` on {len(cases)} images, square and not, kernels from 1 × 1 to 5 × 5{remark}"


def whose_edge(problem: str, where: str, size: int, width: int, cases: list, given: list) -> str:
    """Add to an exception what it comes from: a window over the edge, a width taken for the height, a fixed kernel."""
    small_kernels = bool(cases) and all(len(kernel) == 3 for _, kernel in cases)
    if small_kernels and size != 3 and all(agrees(a, correlate(*b)) for a, b in zip(given, cases, strict=True)):
        sizes = re.search(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", problem)
        cause = "The size of a kernel is in `kernel.shape`"
        if sizes and {int(sizes[1]), int(sizes[2])} == {3, size}:
            cause = "The window is 3 × 3 whatever the kernel is: take its size from `kernel.shape`"
        return f"correct for kernels of 3 × 3, but {where}: {problem}. {cause}"
    if len(cases) in (1, 2) and agrees(given[0], correlate(*cases[0])):
        return f"correct for a square image, but {where}: {problem}. Height and width differ there"
    sizes = re.search(r"tensor a \((\d+)\) must match the size of tensor b \((\d+)\)", problem)
    if not cases and sizes and {int(sizes[1]), int(sizes[2])} == {width, size}:
        return (
            f"{problem}. The window still has all {width} columns: `[i:i + K][j:j + K]` slices the rows twice, "
            "`[i:i + K, j:j + K]` rows and columns"
        )
    if not cases and sizes and min(int(sizes[1]), int(sizes[2])) < size == max(int(sizes[1]), int(sizes[2])):
        return f"{problem}. The last window hangs over the edge: it fits at H - K + 1 positions"
    if not cases and "size=[]" in problem:
        return f"{problem}. The products of a window go into one entry: were they summed?"
    return problem


def shape_causes(height: int, width: int, size: int) -> dict[tuple, str]:
    """What each wrong shape of the result comes from."""
    right = (height - size + 1, width - size + 1)
    return {
        ((height - size) // size + 1, (width - size) // size + 1): "the windows do not overlap: they move by K pixels, "
        "as with a stride of K; here the window moves one pixel at a time",
        (height, width): "that is the image's size: without padding the window fits at fewer positions",
        (
            height - size,
            width - size,
        ): "one row and one column are missing: `range(H - K)` stops before the last window",
        (
            height - size + 2,
            width - size + 2,
        ): "one row and one column too many: the last window would hang over the edge",
        right[::-1]: "rows and columns are exchanged: the result is transposed",
        (right[0], right[0]): "the width was computed from the height: an image need not be square",
        (right[1], right[1]): "the height was computed from the width: an image need not be square",
        (size, size): "that is the kernel's size; the result has one entry for each position of the window",
        (*right, size, size): "the products are there, but not summed: add up the last two axes",
        (*right, size): "only one axis of each window is summed: add up both",
        (1, 1, *right): "two axes of size 1 are left in front: take `[0, 0]`",
        (1, *right): "one axis of size 1 is left in front: take `[0]`",
        (right[0] * right[1],): "the values are in one row: `reshape` them to rows and columns",
        (): "that is a single number, the sum over everything; each position of the window has its own",
    }


def whole_numbers(answer, rng) -> str:
    """A remark on images of whole numbers, which the exercise does not mention, if their result is cut off."""
    image = torch.randint(0, 256, (6, 8), generator=rng)
    kernel = torch.rand(3, 3, generator=rng) / 9
    try:
        given = answer(image, kernel)
    except Mistake:
        return ""
    if isinstance(given, Tensor) and not agrees(given.detach().cpu(), correlate(image, kernel)):
        return (
            f". For an image of integers (int64) and a kernel of floats the result is cut off, though ({given.dtype}): "
            "a float tensor would keep it"
        )
    return ""
