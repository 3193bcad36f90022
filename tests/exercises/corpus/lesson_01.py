"""Answers to the exercises of lesson 01."""

import math
import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.models.cnn import ImageClassifier

from . import right, wrong

# 01.1 output size


@right("01.1", "the formula in one line")
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    return (size + 2 * padding - kernel) // stride + 1


@right("01.1", "math.floor of a quotient")
def output_size(size, kernel, stride=1, padding=0):
    n = size + 2 * padding - kernel
    return math.floor(n / stride) + 1


@right("01.1", "counts the positions in a loop")
def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    count = 0
    start = -padding
    while start + kernel <= size + padding:
        count += 1
        start += stride
    return count


@right("01.1", "the length of a range")
def output_size(size, kernel, stride=1, padding=0):
    padded = size + padding + padding
    return len(range(0, padded - kernel + 1, stride))


@right("01.1", "recursion")
def output_size(size, kernel, stride=1, padding=0):
    if padding:
        return output_size_without_padding(size + 2 * padding, kernel, stride)
    return output_size_without_padding(size, kernel, stride)


def output_size_without_padding(size, kernel, stride):
    if size < kernel:
        return 0
    return 1 + output_size_without_padding(size - stride, kernel, stride)


@wrong("01.1", "a division without rounding down", says=r"whole|integer|\bint\b|float|round|floor|//")
def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) / stride + 1


@wrong("01.1", "rounds to the nearest number", says=r"round|floor|down|//")
def output_size(size, kernel, stride=1, padding=0):
    return round((size + 2 * padding - kernel) / stride) + 1


@wrong("01.1", "rounds up", says=r"round|floor|down|ceil|\bup\b|//")
def output_size(size, kernel, stride=1, padding=0):
    return math.ceil((size + 2 * padding - kernel) / stride) + 1


@wrong("01.1", "padding on one side only", says=r"both sides|two sides|twice|2 ?P|2 \* padding|one side")
def output_size(size, kernel, stride=1, padding=0):
    return (size + padding - kernel) // stride + 1


@wrong(
    "01.1", "plus 1 forgotten", says=r"\+ ?1|one too|first position|off by one|1 too|add 1|plus 1|one less|one short"
)
def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel) // stride


@wrong("01.1", "plus 1 inside the fraction", says=r"\+ ?1|after the division|outside|before the division|plus 1|add")
def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 * padding - kernel + 1) // stride


@wrong("01.1", "stride ignored", says=r"stride")
def output_size(size, kernel, stride=1, padding=0):
    return size + 2 * padding - kernel + 1


@wrong("01.1", "padding ignored", says=r"padding")
def output_size(size, kernel, stride=1, padding=0):
    return (size - kernel) // stride + 1


@wrong("01.1", "stride and padding swapped in the signature", says=r"order|swap|exchang")
def output_size(size, kernel, padding=0, stride=1):
    return (size + 2 * padding - kernel) // stride + 1


@wrong(
    "01.1",
    "size divided by stride, as for kernel 3 and padding 1",
    says=r"kernel (is|size)|without the kernel|kernel (and|or) (the )?padding|left out|missing|ignor",
)
def output_size(size, kernel, stride=1, padding=0):
    return size // stride


@wrong("01.1", "floor to a tensor instead of a whole number", says=r"whole|integer|\bint\b|tensor")
def output_size(size, kernel, stride=1, padding=0):
    return torch.floor(torch.tensor((size + 2 * padding - kernel) / stride)) + 1


@wrong("01.1", "printed and not returned", says=r"return|None|nothing")
def output_size(size, kernel, stride=1, padding=0):
    print((size + 2 * padding - kernel) // stride + 1)


@wrong("01.1", "precedence: only the kernel is divided", says=r"bracket|parenthes|precedence|divi|whole|stride")
def output_size(size, kernel, stride=1, padding=0):
    return size + 2 * padding - kernel // stride + 1


class OutputSize:
    def __call__(self, size, kernel, stride=1, padding=0, dilation=1):
        reach = dilation * (kernel - 1) + 1
        return (size + 2 * padding - reach) // stride + 1


@right("01.1", "an object of a class, with one more argument")
def output_size(*arguments, **options):
    return OutputSize()(*arguments, **options)


@right("01.1", "the shape that PyTorch gives")
def output_size(size, kernel, stride=1, padding=0):
    return F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel), stride=stride, padding=padding).shape[-1]


@wrong(
    "01.1",
    "the quotient of the size is rounded up, as for padding that keeps the size",
    says=r"kernel|window|padding (is|and)",
)
def output_size(size, kernel, stride=1, padding=0):
    return -(-size // stride)


@wrong("01.1", "padding of 1 hard-coded", says=r"hard|`?padding`? (is|not)|\b1 instead|always")
def output_size(size, kernel, stride=1, padding=0):
    return (size + 2 - kernel) // stride + 1


# 01.2 a convolution from scratch


@right("01.2", "two loops, a sum of products")
def convolve(image: Tensor, kernel: Tensor) -> Tensor:
    H, W = image.shape
    K = kernel.shape[0]
    out = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@right("01.2", "four loops")
def convolve(image, kernel):
    H, W = image.shape
    K = len(kernel)
    y = torch.zeros((H - K + 1, W - K + 1), dtype=image.dtype)
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for a in range(K):
                for b in range(K):
                    y[i, j] += kernel[a, b] * image[i + a, j + b]
    return y


@right("01.2", "unfold and einsum")
def convolve(image, kernel):
    K = kernel.size(0)
    windows = image.unfold(0, K, 1).unfold(1, K, 1)
    return torch.einsum("hwab,ab->hw", windows, kernel)


@right("01.2", "shifted copies of the image, one per weight")
def convolve(image, kernel):
    K = len(kernel)
    height, width = image.shape[0] - K + 1, image.shape[1] - K + 1
    return sum(kernel[a, b] * image[a : a + height, b : b + width] for a in range(K) for b in range(K))


@right("01.2", "lists stacked into rows")
def convolve(image, kernel):
    K = kernel.shape[0]
    rows = []
    for i in range(image.shape[0] - K + 1):
        row = [torch.sum(kernel * image[i : i + K, j : j + K]) for j in range(image.shape[1] - K + 1)]
        rows.append(torch.stack(row))
    return torch.stack(rows)


@right("01.2", "numpy's sliding windows")
def convolve(image, kernel):
    k = kernel.numpy()
    windows = np.lib.stride_tricks.sliding_window_view(image.numpy(), k.shape)
    return torch.from_numpy((windows * k).sum(axis=(2, 3)))


@right("01.2", "F.unfold and a matrix product")
def convolve(image, kernel):
    K = kernel.shape[0]
    columns = F.unfold(image[None, None], K)[0]
    return (kernel.flatten() @ columns).reshape(image.shape[0] - K + 1, image.shape[1] - K + 1)


@wrong("01.2", "kernel flipped", says=r"flip")
def convolve(image, kernel):
    K = kernel.shape[0]
    kernel = kernel.flip(0, 1)
    out = torch.zeros(image.shape[0] - K + 1, image.shape[1] - K + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@wrong("01.2", "kernel transposed", says=r"transpos|rows and columns|swap|order of the|index")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    y = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            for a in range(K):
                for b in range(K):
                    y[i, j] += kernel[b, a] * image[i + a, j + b]
    return y


@wrong("01.2", "a matrix product of window and kernel", says=r"matrix product|@|matmul|element|multipl")
def convolve(image, kernel):
    K = len(kernel)
    out = torch.zeros(image.shape[0] - K + 1, image.shape[1] - K + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + K, j : j + K] @ kernel).sum()
    return out


@wrong("01.2", "mean of the products", says=r"mean|averag|sum")
def convolve(image, kernel):
    K = len(kernel)
    out = torch.zeros(image.shape[0] - K + 1, image.shape[1] - K + 1)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).mean()
    return out


@wrong("01.2", "assignment in place of addition in the inner loops", says=r"\+=|add|sum|last|overwrit")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    y = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            for a in range(K):
                for b in range(K):
                    y[i, j] = kernel[a, b] * image[i + a, j + b]
    return y


@wrong("01.2", "last row and column missing", says=r"H - K|shape|size|\+ ?1|row|column")
def convolve(image, kernel):
    K = len(kernel)
    out = torch.zeros(image.shape[0] - K, image.shape[1] - K)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@wrong("01.2", "last row and column left at zero", says=r"last|\+ ?1|H - K|zero|row|column|position")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    out = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K):
        for j in range(W - K):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@wrong("01.2", "zero padding keeps the size", says=r"padding|padded|shape|size")
def convolve(image, kernel):
    K = len(kernel)
    padded = F.pad(image, (K // 2, K // 2, K // 2, K // 2))
    H, W = image.shape
    out = torch.zeros(H, W)
    for i in range(padded.shape[0] - K + 1):
        for j in range(padded.shape[1] - K + 1):
            out[i, j] = (padded[i : i + K, j : j + K] * kernel).sum()
    return out


@wrong("01.2", "square images only", says=r"square|width|height|H and W|shape|columns|rows")
def convolve(image, kernel):
    N, K = image.shape[0], kernel.shape[0]
    out = torch.zeros(N - K + 1, N - K + 1)
    for i in range(N - K + 1):
        for j in range(N - K + 1):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@wrong("01.2", "kernel of 3 hard-coded", says=r"kernel|\b3\b|size|K")
def convolve(image, kernel):
    H, W = image.shape
    out = torch.zeros(H - 2, W - 2)
    for i in range(H - 2):
        for j in range(W - 2):
            out[i, j] = (image[i : i + 3, j : j + 3] * kernel).sum()
    return out


@wrong(
    "01.2",
    "row and column swapped in the window",
    says=r"transpos|swap|rows? and columns?|exchange|axes|window|position",
)
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    out = torch.zeros(W - K + 1, H - K + 1)
    for i in range(W - K + 1):
        for j in range(H - K + 1):
            out[i, j] = (image[j : j + K, i : i + K] * kernel).sum()
    return out


@wrong("01.2", "return inside the outer loop", says=r"return|loop|first row|only|zero")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    out = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
        return out


@wrong("01.2", "F.conv2d, which the text rules out", says=r"conv2d|without|from scratch|yourself")
def convolve(image, kernel):
    return F.conv2d(image[None, None], kernel[None, None])[0, 0]


@wrong("01.2", "nn.Conv2d with the kernel as its weight", says=r"conv2d|without|from scratch|yourself")
def convolve(image, kernel):
    layer = nn.Conv2d(1, 1, kernel.shape[0], bias=False)
    layer.weight.data = kernel[None, None]
    return layer(image[None, None])[0, 0].detach()


@wrong("01.2", "a list of lists", says=r"tensor|list")
def convolve(image, kernel):
    K = len(kernel)
    out = []
    for i in range(image.shape[0] - K + 1):
        out.append([(image[i : i + K, j : j + K] * kernel).sum().item() for j in range(image.shape[1] - K + 1)])
    return out


@wrong("01.2", "rounded to whole numbers", says=r"whole|integer|int64|long|dtype|type|round|fraction|decimal")
def convolve(image, kernel):
    K = len(kernel)
    out = torch.zeros(image.shape[0] - K + 1, image.shape[1] - K + 1, dtype=torch.long)
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (image[i : i + K, j : j + K] * kernel).sum()
    return out


@right("01.2", "a float64 sum, converted back")
def convolve(image, kernel):
    K = kernel.shape[-1]
    windows = image.double().unfold(0, K, 1).unfold(1, K, 1)
    return (windows * kernel.double()).sum(dim=(-2, -1)).to(image.dtype)


@right("01.2", "recursion over the rows of the kernel")
def convolve(image, kernel):
    def one_row(part, weights):
        return (part.unfold(1, len(weights), 1) * weights).sum(dim=-1)

    def rows(part, rest):
        n = image.shape[0] - len(kernel) + 1
        first = one_row(part[:n], rest[0])
        return first if len(rest) == 1 else first + rows(part[1:], rest[1:])

    return rows(image, kernel)


@right("01.2", "Python numbers in nested lists, made a tensor at the end")
def convolve(image, kernel):
    pixels, weights, K = image.tolist(), kernel.tolist(), len(kernel)
    return torch.tensor(
        [
            [
                sum(weights[a][b] * pixels[i + a][j + b] for a in range(K) for b in range(K))
                for j in range(len(pixels[0]) - K + 1)
            ]
            for i in range(len(pixels) - K + 1)
        ]
    )


@wrong("01.2", "rows sliced twice, [i:i+K][j:j+K]", says=r"twice|comma|, j :|chained|rows again")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    out = torch.zeros(H - K + 1, W - K + 1)
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            out[i, j] = (image[i : i + K][j : j + K] * kernel).sum()
    return out


@wrong(
    "01.2",
    "the running sum is never reset",
    says=r"reset|previous|running|each position|start(s|ed)? (again|from)|carried|accumulat|total",
)
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    out, total = torch.zeros(H - K + 1, W - K + 1), 0
    for i in range(H - K + 1):
        for j in range(W - K + 1):
            for a in range(K):
                for b in range(K):
                    total += kernel[a, b] * image[i + a, j + b]
            out[i, j] = total
    return out


@wrong("01.2", "the window moves by its own size", says=r"stride|one pixel|overlap|moves|step")
def convolve(image, kernel):
    K = len(kernel)
    windows = image.unfold(0, K, K).unfold(1, K, K)
    return (windows * kernel).sum(dim=(-2, -1))


@wrong("01.2", "starts from ones", says=r"start|\b1 too|zeros|ones|\+ ?1|too (large|much)|constant")
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    y = torch.ones(H - K + 1, W - K + 1)
    for a in range(K):
        for b in range(K):
            y += kernel[a, b] * image[a : a + H - K + 1, b : b + W - K + 1]
    return y


@wrong("01.2", "ReLU of the result", says=r"relu|negative|clamp|below 0")
def convolve(image, kernel):
    K = len(kernel)
    return (image.unfold(0, K, 1).unfold(1, K, 1) * kernel).sum(dim=(-2, -1)).relu()


@wrong("01.2", "the diagonal of each window only", says=None)
def convolve(image, kernel):
    K = len(kernel)
    H, W = image.shape
    y = torch.zeros(H - K + 1, W - K + 1)
    for a in range(K):
        y += kernel[a, a] * image[a : a + H - K + 1, a : a + W - K + 1]
    return y


# 01.3 number of parameters


@right("01.3", "the formula")
def conv_parameters(in_channels: int, out_channels: int, kernel: int) -> int:
    return out_channels * (in_channels * kernel**2 + 1)


@right("01.3", "weights and biases separately")
def conv_parameters(in_channels, out_channels, kernel):
    weights = in_channels * out_channels * kernel * kernel
    biases = out_channels
    return weights + biases


@right("01.3", "counts PyTorch's layer")
def conv_parameters(in_channels, out_channels, kernel):
    layer = nn.Conv2d(in_channels, out_channels, kernel)
    return sum(p.numel() for p in layer.parameters())


@right("01.3", "a loop over the filters")
def conv_parameters(in_channels, out_channels, kernel):
    total = 0
    for _ in range(out_channels):
        for _ in range(in_channels):
            total += kernel * kernel
        total += 1
    return total


@wrong("01.3", "biases forgotten", says=r"bias")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel * kernel


@wrong("01.3", "one bias for the whole layer", says=r"bias")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel * kernel + 1


@wrong("01.3", "one bias per input channel", says=r"bias")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel**2 + in_channels


@wrong("01.3", "one bias per kernel", says=r"bias")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * (kernel**2 + 1)


@wrong("01.3", "one kernel per filter, input channels forgotten", says=r"input channel|in_channels|channel")
def conv_parameters(in_channels, out_channels, kernel):
    return out_channels * kernel**2 + out_channels


@wrong("01.3", "output channels forgotten", says=r"output channel|out_channels|filter|channel")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * kernel**2 + 1


@wrong("01.3", "kernel not squared", says=r"squar|kernel|\bK\b|\*\* ?2|two-dim|both sides|height")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel + out_channels


@wrong("01.3", "kernel doubled in place of squared", says=r"squar|kernel|\bK\b|\*\* ?2|two-dim|both sides|height")
def conv_parameters(in_channels, out_channels, kernel):
    return in_channels * out_channels * kernel * 2 + out_channels


@wrong("01.3", "channels added in place of multiplied", says=r"channel|multipl|product|per input|each")
def conv_parameters(in_channels, out_channels, kernel):
    return (in_channels + out_channels) * kernel**2 + out_channels


@wrong("01.3", "three input channels hard-coded", says=r"hard|3 (input )?channels|instead of `?in_channels|in_channels")
def conv_parameters(in_channels, out_channels, kernel):
    return out_channels * (3 * kernel * kernel + 1)


@wrong("01.3", "kernel of 3 hard-coded", says=r"hard|instead of `?kernel|kernel is (left|not|ignored)|\b9\b")
def conv_parameters(in_channels, out_channels, kernel):
    return out_channels * in_channels * 9 + out_channels


@wrong(
    "01.3", "separate weights at every one of 32 by 32 positions", says=r"position|shar|image|too many|size|1024|factor"
)
def conv_parameters(in_channels, out_channels, kernel):
    return 32 * 32 * out_channels * (in_channels * kernel**2 + 1)


@wrong("01.3", "text in place of a number", says=r"text|str|number|whole|int")
def conv_parameters(in_channels, out_channels, kernel):
    return f"{out_channels * (in_channels * kernel**2 + 1):,}"


# 01.4 receptive field


@right("01.4", "a loop with a running product")
def receptive_field(layers: list[tuple[int, int]]) -> int:
    r, step = 1, 1
    for kernel, stride in layers:
        r += (kernel - 1) * step
        step *= stride
    return r


@right("01.4", "backwards from the last layer")
def receptive_field(layers):
    r = 1
    for kernel, stride in reversed(layers):
        r = (r - 1) * stride + kernel
    return r


@right("01.4", "recursion over the layers")
def receptive_field(layers):
    def field(rest):
        if not rest:
            return 1
        kernel, stride = rest[0]
        return kernel + stride * (field(rest[1:]) - 1)

    return field(layers)


@right("01.4", "math.prod of the strides before")
def receptive_field(layers):
    strides = [stride for _, stride in layers]
    return 1 + sum((kernel - 1) * math.prod(strides[:i]) for i, (kernel, _) in enumerate(layers))


@right("01.4", "numpy's cumulative product")
def receptive_field(layers):
    if len(layers) == 0:
        return 1
    kernels, strides = np.array(layers).T
    jumps = np.concatenate([[1], np.cumprod(strides)[:-1]])
    return int(1 + ((kernels - 1) * jumps).sum())


@right("01.4", "follows the first and the last pixel")
def receptive_field(layers):
    first = last = 0
    for kernel, stride in layers[::-1]:
        first, last = first * stride, last * stride + kernel - 1
    return last - first + 1


@wrong("01.4", "the layer's own stride is in the product", says=r"own stride|earlier|before|previous|stride")
def receptive_field(layers):
    r, step = 1, 1
    for kernel, stride in layers:
        step *= stride
        r += (kernel - 1) * step
    return r


@wrong("01.4", "only the stride of the layer before", says=r"product|all earlier|previous|stride")
def receptive_field(layers):
    r, before = 1, 1
    for kernel, stride in layers:
        r += (kernel - 1) * before
        before = stride
    return r


@wrong("01.4", "the layer's own stride in place of the product", says=r"product|earlier|before|previous|stride")
def receptive_field(layers):
    r = 1
    for kernel, stride in layers:
        r += (kernel - 1) * stride
    return r


@wrong("01.4", "strides added in place of multiplied", says=r"product|multipl|add|stride")
def receptive_field(layers):
    r, step = 1, 0
    for kernel, stride in layers:
        r += (kernel - 1) * max(step, 1)
        step += stride
    return r


@wrong("01.4", "starts at 0", says=r"r_0|start|\b1\b|one too|off by one")
def receptive_field(layers):
    r, step = 0, 1
    for kernel, stride in layers:
        r += (kernel - 1) * step
        step *= stride
    return r


@wrong("01.4", "kernel in place of kernel minus 1", says=r"- ?1|minus|K")
def receptive_field(layers):
    r, step = 1, 1
    for kernel, stride in layers:
        r += kernel * step
        step *= stride
    return r


@wrong("01.4", "layers in reverse order", says=r"order|first|revers|last")
def receptive_field(layers):
    r, step = 1, 1
    for kernel, stride in reversed(layers):
        r += (kernel - 1) * step
        step *= stride
    return r


@wrong("01.4", "strides ignored", says=r"stride")
def receptive_field(layers):
    return 1 + sum(kernel - 1 for kernel, _ in layers)


@wrong("01.4", "kernel and stride swapped", says=r"swap|order|\(kernel, stride\)|kernel and stride|exchang")
def receptive_field(layers):
    r, step = 1, 1
    for stride, kernel in layers:
        r += (kernel - 1) * step
        step *= stride
    return r


@wrong("01.4", "assignment in place of addition", says=r"\+=|add|sum|previous|last|r_\{?l|before")
def receptive_field(layers):
    r, step = 1, 1
    for kernel, stride in layers:
        r = (kernel - 1) * step
        step *= stride
    return r


@wrong("01.4", "return inside the loop", says=r"return|loop|first layer|only|empty|None|nothing")
def receptive_field(layers):
    r, step = 1, 1
    for kernel, stride in layers:
        r += (kernel - 1) * step
        step *= stride
        return r


@wrong("01.4", "three layers of stride 2, as in the diagram", says=r"stride|three|layers|\b3\b|any|number of")
def receptive_field(layers):
    return 1 + (layers[0][0] - 1) + 2 * (layers[1][0] - 1) + 4 * (layers[2][0] - 1)


@right("01.4", "marks the input positions of one output value")
def receptive_field(layers):
    positions = {0}
    for kernel, stride in reversed(layers):
        positions = {p * stride + offset for p in positions for offset in range(kernel)}
    return max(positions) - min(positions) + 1


@wrong(
    "01.4", "the product of all strides for every layer", says=r"before|earlier|all strides|later|own stride|product"
)
def receptive_field(layers):
    product = math.prod(stride for _, stride in layers)
    return 1 + sum((kernel - 1) * product for kernel, _ in layers)


@wrong(
    "01.4",
    "strides multiply what was already counted, from the first layer on",
    says=r"order|first|last|before|earlier|revers",
)
def receptive_field(layers):
    r = 1
    for kernel, stride in layers:
        r = (r - 1) * stride + kernel
    return r


@wrong("01.4", "the kernels multiplied", says=r"kernel|multipl|add")
def receptive_field(layers):
    return math.prod(kernel for kernel, _ in layers)


@wrong("01.4", "the step is only the square of the stride at most", says=None)
def receptive_field(layers):
    r, step = 1, 1
    for i, (kernel, stride) in enumerate(layers):
        r += (kernel - 1) * step
        step = stride ** min(i + 1, 2)
    return r


# 01.5 Grad-CAM


@right("01.5", "the formulas in tensor operations")
def grad_cam(feature_maps: Tensor, gradients: Tensor) -> Tensor:
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    largest = heat.amax(dim=(1, 2), keepdim=True)
    return heat / largest.clamp(min=1e-12)


@right("01.5", "einsum and a condition")
def grad_cam(feature_maps, gradients):
    alpha = torch.einsum("bchw->bc", gradients) / (gradients.shape[2] * gradients.shape[3])
    heat = torch.einsum("bc,bchw->bhw", alpha, feature_maps).clamp(min=0)
    top = heat.flatten(1).max(dim=1).values[:, None, None]
    return heat / torch.where(top > 0, top, torch.ones_like(top))


@right("01.5", "loops over images and maps")
def grad_cam(feature_maps, gradients):
    B, C, H, W = feature_maps.shape
    result = torch.zeros(B, H, W)
    for b in range(B):
        heat = torch.zeros(H, W)
        for k in range(C):
            heat = heat + gradients[b, k].mean() * feature_maps[b, k]
        heat = torch.relu(heat)
        if heat.max() > 0:
            heat = heat / heat.max()
        result[b] = heat
    return result


@right("01.5", "numpy")
def grad_cam(feature_maps, gradients):
    A, g = feature_maps.detach().numpy(), gradients.detach().numpy()
    alpha = g.mean(axis=(2, 3))
    heat = np.maximum((alpha[:, :, None, None] * A).sum(axis=1), 0)
    for image in heat:
        if image.max() > 0:
            image /= image.max()
    return torch.from_numpy(heat)


@right("01.5", "divided in place where the maximum is positive")
def grad_cam(feature_maps, gradients):
    weights = gradients.flatten(2).mean(2)
    heat = torch.relu(torch.stack([(w @ a.flatten(1)).view(a.shape[1:]) for w, a in zip(weights, feature_maps)]))
    top = heat.amax((1, 2))
    heat[top > 0] /= top[top > 0][:, None, None]
    return heat


@wrong("01.5", "no ReLU", says=r"relu|negative|below 0")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (alpha * feature_maps).sum(dim=1)
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "absolute value in place of ReLU", says=r"relu|negative|absolut|abs")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (alpha * feature_maps).sum(dim=1).abs()
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "ReLU before the sum over the maps", says=r"relu|after the sum|before the sum|sum")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu(alpha * feature_maps).sum(dim=1)
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "ReLU of the weights too", says=r"relu|weight|alpha|negative")
def grad_cam(feature_maps, gradients):
    alpha = F.relu(gradients.mean(dim=(2, 3), keepdim=True))
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "one maximum for the whole batch", says=r"each image|every image|per image|batch|other image|own")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.max().clamp(min=1e-12)


@wrong("01.5", "gradients averaged over the batch too", says=r"batch|each image|every image|per image|other image|own")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(0, 2, 3))
    heat = F.relu((alpha[:, None, None] * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong(
    "01.5", "gradients averaged over the channels", says=r"over (the )?(channels|axis 1|dim 1)|averaged|H and W|weights"
)
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=1, keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "gradient times map at each position, without the mean", says=r"mean|averag|alpha|weight")
def grad_cam(feature_maps, gradients):
    heat = F.relu((gradients * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "maps and gradients swapped", says=r"swap|exchang|gradient|mean")
def grad_cam(feature_maps, gradients):
    alpha = feature_maps.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * gradients).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "division by zero", says=r"zero|nan|\b0\b")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True)


@wrong("01.5", "not divided by the maximum", says=r"largest|maxim|divid|\b1\b|normalis|range")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    return F.relu((alpha * feature_maps).sum(dim=1))


@wrong(
    "01.5",
    "1 added to the maximum against division by zero",
    says=r"largest|maxim|\b1\b|divi|too small|range|constant|add",
)
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / (heat.amax(dim=(1, 2), keepdim=True) + 1)


@wrong("01.5", "scaled from minimum to maximum", says=r"minim|smallest|subtract|lowest|shift")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    low, high = heat.amin(dim=(1, 2), keepdim=True), heat.amax(dim=(1, 2), keepdim=True)
    return (heat - low) / (high - low).clamp(min=1e-12)


@wrong("01.5", "divided by the sum", says=r"largest|maxim|sum")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.sum(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "the maximum of each row", says=r"row|whole|each image|per image|both|largest|maxim")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=-1, keepdim=True).clamp(min=1e-12)


@wrong("01.5", "squeeze removes a batch of one", says=r"squeeze|batch|one image|shape|single")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1, keepdim=True))
    heat = heat / heat.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)
    return heat.squeeze()


@wrong("01.5", "the channel axis stays", says=r"shape|axis|axes|keepdim|\(B, H, W\)|dimension")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1, keepdim=True))
    return heat / heat.amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12)


@right("01.5", "adaptive pooling for the mean, normalize for the maximum")
def grad_cam(feature_maps, gradients):
    alpha = F.adaptive_avg_pool2d(gradients, 1)
    heat = torch.relu((alpha * feature_maps).sum(1))
    return F.normalize(heat.flatten(1), p=float("inf"), dim=1).view_as(heat)


@right("01.5", "a helper per image, joined by vmap")
def grad_cam(feature_maps, gradients):
    def one(maps, gradient):
        heat = torch.tensordot(gradient.mean((1, 2)), maps, dims=1).clamp(min=0)
        top = heat.max()
        return heat / torch.where(top == 0, 1.0, top)

    return torch.vmap(one)(feature_maps, gradients)


@wrong("01.5", "mean of the gradients over the rows only", says=r"H and W|both|row|column|mean|width|height")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=2, keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "one mean of all channels' gradients", says=r"channel|each map|own weight|every map|over C")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(1, 2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "softmax of the weights", says=r"softmax|weights")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True).softmax(dim=1)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "values above 1 cut off in place of divided", says=r"divid|cut|clamp|clip|largest|maxim")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    return F.relu((alpha * feature_maps).sum(dim=1)).clamp(max=1)


@wrong(
    "01.5", "heat of earlier images added in the loop", says=r"earlier|other image|previous|batch|own|reset|each image"
)
def grad_cam(feature_maps, gradients):
    B, C, H, W = feature_maps.shape
    heat, result = torch.zeros(H, W), []
    for b in range(B):
        for k in range(C):
            heat = heat + gradients[b, k].mean() * feature_maps[b, k]
        positive = heat.relu()
        result.append(positive / positive.max().clamp(min=1e-12))
    return torch.stack(result)


@wrong("01.5", "a small heat map counts as 0", says=r"small|clamp|1e-|tiny|threshold|largest value")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=0.1)


@wrong("01.5", "the largest map in place of their sum", says=r"sum|largest map|max|add")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).amax(dim=1))
    return heat / heat.amax(dim=(1, 2), keepdim=True).clamp(min=1e-12)


@wrong("01.5", "normalised by the square root of the sum of squares", says=r"maxim|largest|norm|divid")
def grad_cam(feature_maps, gradients):
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    heat = F.relu((alpha * feature_maps).sum(dim=1))
    return heat / heat.norm(dim=(1, 2), keepdim=True).clamp(min=1e-12)


# 01.6 permute the colour channels


@right("01.6", "argsort and gather")
def my_permute_colours(images: Tensor) -> Tensor:
    order = torch.rand(len(images), 3).argsort(dim=1)
    return images.gather(1, order[:, :, None, None].expand_as(images))


@right("01.6", "a loop with randperm")
def my_permute_colours(images):
    result = torch.empty_like(images)
    for i in range(images.shape[0]):
        result[i] = images[i, torch.randperm(3)]
    return result


@right("01.6", "indexing with two index tensors")
def my_permute_colours(images):
    B = images.shape[0]
    orders = torch.rand(B, 3).argsort(dim=-1)
    return images[torch.arange(B)[:, None], orders]


@right("01.6", "stack of a comprehension")
def my_permute_colours(images):
    return torch.stack([image[torch.randperm(image.shape[0])] for image in images])


@right("01.6", "Python's random module on a copy")
def my_permute_colours(images):
    images = images.clone()
    for i, image in enumerate(images.clone()):
        images[i] = image[random.sample(range(3), k=3)]
    return images


@right("01.6", "multinomial without replacement")
def my_permute_colours(images):
    order = torch.multinomial(torch.ones(len(images), 3), 3)
    return torch.take_along_dim(images, order[..., None, None], dim=1)


@right("01.6", "a choice from the list of six orders")
def my_permute_colours(images):
    orders = torch.tensor([[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]])
    chosen = orders[torch.randint(6, (len(images),))]
    return torch.stack([images[torch.arange(len(images)), chosen[:, c]] for c in range(3)], dim=1)


@wrong("01.6", "one order for the whole batch", says=r"each image|every image|own|same order|batch|separately")
def my_permute_colours(images):
    return images[:, torch.randperm(3)]


@wrong(
    "01.6",
    "channels drawn with replacement",
    says=r"replacement|twice|repeat|permutation|missing|lost|each channel|all three|order",
)
def my_permute_colours(images):
    order = torch.randint(3, (len(images), 3))
    return images.gather(1, order[:, :, None, None].expand_as(images))


@wrong("01.6", "another order at every pixel", says=r"pixel|position|whole channel|everywhere")
def my_permute_colours(images):
    order = torch.rand_like(images).argsort(dim=1)
    return images.gather(1, order)


@wrong("01.6", "the input is changed", says=r"input|in place|changed|clone|copy")
def my_permute_colours(images):
    for i in range(len(images)):
        images[i] = images[i, torch.randperm(3)]
    return images


@wrong(
    "01.6",
    "images shuffled in place of channels",
    says=r"channel|images? (are|is|were)|batch|axis|order of the images|exchang|another image",
)
def my_permute_colours(images):
    return images[torch.randperm(len(images))]


@wrong("01.6", "only the three cyclic orders", says=r"order|six|6|rotat|cyclic|never|shift")
def my_permute_colours(images):
    return torch.stack([image.roll(int(torch.randint(3, ())), dims=0) for image in images])


@wrong("01.6", "always red and blue exchanged", says=r"random|always|same|order|never|draw")
def my_permute_colours(images):
    return images.flip(1)


@wrong("01.6", "reversed or left as it is", says=r"order|six|6|never|only|two")
def my_permute_colours(images):
    return torch.stack([image.flip(0) if torch.rand(1) < 0.5 else image for image in images])


@wrong(
    "01.6",
    "a fixed seed gives the same orders at every call",
    says=r"seed|same|every call|again|random|each call|calls",
)
def my_permute_colours(images):
    torch.manual_seed(0)
    order = torch.rand(len(images), 3).argsort(dim=1)
    return images.gather(1, order[:, :, None, None].expand_as(images))


@wrong(
    "01.6",
    "one order drawn when the function is defined",
    says=r"each image|every image|own|same|batch|call|random|default|order",
)
def my_permute_colours(images, order=torch.tensor([2, 0, 1])):
    return images[:, order]


@wrong("01.6", "rows permuted in place of channels", says=r"channel|row|axis|dim|height|colour")
def my_permute_colours(images):
    return torch.stack([image[:, torch.randperm(image.shape[1])] for image in images])


@wrong("01.6", "channels last in the result", says=r"shape|axis|axes|\(B, 3, H, W\)|channel")
def my_permute_colours(images):
    return torch.stack([image[torch.randperm(3)].permute(1, 2, 0) for image in images])


@wrong("01.6", "the original order is never drawn", says=r"original|\(0, 1, 2\) never|identity|unchanged")
def my_permute_colours(images):
    result = []
    for image in images:
        order = torch.randperm(3)
        while order.tolist() == [0, 1, 2]:
            order = torch.randperm(3)
        result.append(image[order])
    return torch.stack(result)


@wrong(
    "01.6",
    "only half of the images",
    says=r"half|often|too many|\d+%|unchanged|equally likely",
)
def my_permute_colours(images):
    return torch.stack([image[torch.randperm(3)] if torch.rand(()) < 0.5 else image for image in images])


@wrong(
    "01.6",
    "the brightness of each channel is drawn as well",
    says=r"value|brightness|scal|nothing else|change|pixel|channel",
)
def my_permute_colours(images):
    order = torch.rand(len(images), 3).argsort(dim=1)
    return images.gather(1, order[:, :, None, None].expand_as(images)) * torch.rand(len(images), 3, 1, 1)


@wrong("01.6", "argsort along the batch", says=r"dim|axis|batch|index|order|channel|out of")
def my_permute_colours(images):
    order = torch.rand(len(images), 3).argsort(dim=0)
    return torch.stack([image[o] for image, o in zip(images, order)])


@right("01.6", "a cyclic shift and a reversal, both at random")
def my_permute_colours(images):
    result = []
    for image in images:
        image = image.roll(int(torch.randint(3, ())), dims=0)
        result.append(image.flip(0) if torch.rand(()) < 0.5 else image)
    return torch.stack(result)


@right("01.6", "index_select with one long index")
def my_permute_colours(images):
    B = len(images)
    index = torch.cat([3 * i + torch.randperm(3) for i in range(B)])
    return images.flatten(0, 1).index_select(0, index).view_as(images)


@right("01.6", "numpy's generator")
def my_permute_colours(images):
    rng = np.random.default_rng()
    return torch.stack([image[torch.from_numpy(rng.permutation(3))] for image in images])


@wrong(
    "01.6",
    "random.shuffle on a tensor, which duplicates channels",
    says=r"twice|duplicat|lack|shuffle|replacement|lost",
)
def my_permute_colours(images):
    images = images.clone()
    for image in images:
        random.shuffle(image)
    return images


@wrong("01.6", "two channels exchanged at random, never all three moved", says=r"order|six|6|never|only|three")
def my_permute_colours(images):
    result = images.clone()
    for i in range(len(images)):
        a, b = torch.randint(3, (2,)).tolist()
        result[i, a], result[i, b] = images[i, b], images[i, a]
    return result


@wrong("01.6", "greyscale", says=r"value|channel|grey|mean|changed|lost")
def my_permute_colours(images):
    return images.mean(dim=1, keepdim=True).expand_as(images).clone()


_order_of_image = {}


@wrong("01.6", "orders remembered by position in the batch", says=r"two calls|same|every call|again|new|draw")
def my_permute_colours(images):
    order = [_order_of_image.setdefault(i, torch.randperm(3)) for i in range(len(images))]
    return torch.stack([image[o] for image, o in zip(images, order)])


@wrong(
    "01.6",
    "one order for each pair of neighbours in the batch",
    says=r"each image|every image|own|same order|pair|neighbour",
)
def my_permute_colours(images):
    order = torch.rand((len(images) + 1) // 2, 3).argsort(dim=1).repeat_interleave(2, dim=0)[: len(images)]
    return images.gather(1, order[:, :, None, None].expand_as(images))


@wrong("01.6", "one image fewer", says=r"last image|loop|leave it out")
def my_permute_colours(images: Tensor) -> Tensor:
    result = images.clone()
    for i in range(len(images) - 1):
        result[i] = images[i, torch.randperm(3)]
    return result


# 01.debug


class Buggy(nn.Module):
    def __init__(self, n_classes: int):
        super().__init__()
        self.features = ImageClassifier(n_classes)

    def forward(self, images: Tensor) -> Tensor:
        return F.softmax(self.features(images), dim=1)


@right("01.debug", "the classifier itself")
def fixed(n_classes: int) -> nn.Module:
    return ImageClassifier(n_classes)


@right("01.debug", "Buggy without the softmax, as a class inside")
def fixed(n_classes):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = ImageClassifier(n_classes)

        def forward(self, images):
            return self.features(images)

    return Fixed()


class WithProbabilities(Buggy):
    def forward(self, images):
        return self.features(images)

    @torch.no_grad()
    def probabilities(self, images):
        return self(images).softmax(dim=1)


@right("01.debug", "a subclass with a method for probabilities")
def fixed(n_classes):
    return WithProbabilities(n_classes)


@right("01.debug", "the attribute of a Buggy")
def fixed(n_classes):
    return Buggy(n_classes).features


@right("01.debug", "three convolutions from scratch in a Sequential")
def fixed(n_classes):
    blocks = []
    for c_in, c_out in [(3, 24), (24, 48), (48, 96)]:
        blocks += [nn.Conv2d(c_in, c_out, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*blocks, nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(96, n_classes))


@right("01.debug", "log-probabilities, which cross-entropy leaves as they are")
def fixed(n_classes):
    return nn.Sequential(ImageClassifier(n_classes), nn.LogSoftmax(dim=1))


@wrong("01.debug", "the softmax is still there", says=r"softmax|probabilit|sum to 1|logits")
def fixed(n_classes):
    return Buggy(n_classes)


@wrong("01.debug", "softmax over the batch", says=r"softmax|batch|probabilit|logits|other images")
def fixed(n_classes):
    return nn.Sequential(ImageClassifier(n_classes), nn.Softmax(dim=0))


@wrong(
    "01.debug", "sigmoid in place of softmax", says=r"sigmoid|0 (and|to) 1|logits|bounded|range|negative|any size|limit"
)
def fixed(n_classes):
    return nn.Sequential(ImageClassifier(n_classes), nn.Sigmoid())


@wrong("01.debug", "ReLU after the last layer", says=r"relu|negative|logits|below 0")
def fixed(n_classes):
    return nn.Sequential(ImageClassifier(n_classes), nn.ReLU())


@wrong("01.debug", "tanh after the last layer", says=r"tanh|-1|range|logits|bounded|any size|limit")
def fixed(n_classes):
    return nn.Sequential(ImageClassifier(n_classes), nn.Tanh())


@wrong("01.debug", "softmax in evaluation mode only", says=r"softmax|eval|mode|probabilit")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            logits = self.features(images)
            return logits if self.training else logits.softmax(dim=1)

    return Fixed(n_classes)


@wrong("01.debug", "softmax in training mode only", says=r"softmax|train|mode|probabilit")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            logits = self.features(images)
            return logits.softmax(dim=1) if self.training else logits

    return Fixed(n_classes)


@wrong("01.debug", "14 classes hard-coded", says=r"n_classes|14|classes|shape")
def fixed(n_classes):
    return ImageClassifier(14)


@wrong("01.debug", "the class in place of a model", says=r"class\b|instance|model|Module|call")
def fixed(n_classes):
    return ImageClassifier


@wrong("01.debug", "the predicted class in place of scores", says=r"argmax|shape|classes|logits|gradient|score")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).argmax(dim=1)

    return Fixed(n_classes)


@wrong("01.debug", "gradients switched off in the forward pass", says=r"gradient|no_grad|learn|train")
def fixed(n_classes):
    class Fixed(Buggy):
        @torch.no_grad()
        def forward(self, images):
            return self.features(images)

    return Fixed(n_classes)


@wrong("01.debug", "the result is detached", says=r"gradient|detach|learn|train")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).detach()

    return Fixed(n_classes)


@wrong("01.debug", "squeeze removes a batch of one", says=r"squeeze|batch|one image|shape|single")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).squeeze()

    return Fixed(n_classes)


@wrong("01.debug", "negative log-probabilities", says=r"sign|minus|-log|negativ(e|ed) log|log-prob|revers")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return -F.log_softmax(self.features(images), dim=1)

    return Fixed(n_classes)


@wrong("01.debug", "the encoder without its last layer", says=r"n_classes|shape|classes|head|96|linear|last layer")
def fixed(n_classes):
    return ImageClassifier(n_classes).encoder


@right("01.debug", "the logarithm of the softmax")
def fixed(n_classes):
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.features = ImageClassifier(n_classes)

        def forward(self, images):
            return F.softmax(self.features(images), dim=1).log()

    return Fixed()


@right("01.debug", "two convolutions and a dense layer on flattened maps")
def fixed(n_classes):
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 8 * 8, n_classes),
    )


@wrong("01.debug", "softmax twice", says=r"softmax|sum to 1|probabilit")
def fixed(n_classes):
    return nn.Sequential(Buggy(n_classes), nn.Softmax(dim=1))


@wrong("01.debug", "exponentials without their sum", says=r"\bexp")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).exp()

    return Fixed(n_classes)


@wrong("01.debug", "clamped to 0 and 1", says=r"clamp|clip")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).clamp(0, 1)

    return Fixed(n_classes)


@wrong("01.debug", "scaled to length 1", says=r"length|norm|scal")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return F.normalize(self.features(images), dim=1)

    return Fixed(n_classes)


@wrong("01.debug", "every parameter frozen", says=r"frozen|requires_grad")
def fixed(n_classes):
    return ImageClassifier(n_classes).requires_grad_(False)


@wrong("01.debug", "the loss in place of the model's output", says=r"loss")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images, targets=None):
            logits = self.features(images)
            return F.cross_entropy(logits, logits.argmax(dim=1) if targets is None else targets)

    return Fixed(n_classes)


@wrong("01.debug", "logits rounded", says=r"round|gradient|learn")
def fixed(n_classes):
    class Fixed(Buggy):
        def forward(self, images):
            return self.features(images).round()

    return Fixed(n_classes)


# found by changing right answers


@wrong("01.5", "keepdim is missing where the maxima are taken", says=r"keepdim|axes")
def grad_cam(feature_maps, gradients):
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (weights * feature_maps).sum(dim=1).relu()
    return heat / heat.amax(dim=(1, 2)).clamp(min=1e-8)


@wrong("01.5", "1 is added to the maximum", says=r"constant|too large")
def grad_cam(feature_maps, gradients):
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    heat = (weights * feature_maps).sum(dim=1).relu()
    return heat / (1 + heat.amax(dim=(1, 2), keepdim=True))


@wrong("01.5", "a comparison instead of the values", says=r"True and False|bool")
def grad_cam(feature_maps, gradients):
    weights = gradients.mean(dim=(2, 3), keepdim=True)
    return (weights * feature_maps).sum(dim=1) > 0


# found where messages blamed what these answers do not do


@wrong("01.6", "a new order for every pixel", says=r"one order per image|same order")
def my_permute_colours(images: Tensor) -> Tensor:
    return images.gather(1, torch.rand(images.shape).argsort(dim=1))


@wrong("01.debug", "argmax in forward", says=r"0 or 1|argmax")
def fixed(n_classes: int) -> nn.Module:
    class Fixed(Buggy):
        def forward(self, images):
            return F.one_hot(self.features(images).argmax(dim=1), n_classes).float().requires_grad_()

    return Fixed(n_classes)
