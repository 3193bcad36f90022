import torch
import torch.nn.functional as F


def loops(entry, rows=1, columns=1, like=None):
    """A convolution by two loops, with what one entry is and how many rows and columns beyond H - K there are."""

    def convolve(image, kernel):
        (height, width), size = image.shape, len(kernel)
        output = torch.zeros(height - size + rows, width - size + columns)
        if like:
            output = torch.zeros_like(image[: height - size + rows, : width - size + columns])
        for i in range(height - size + rows):
            for j in range(width - size + columns):
                output[i, j] = entry(image[i : i + size, j : j + size], kernel)
        return output

    return convolve


def product(window, kernel):
    return (window * kernel).sum()


right = loops(product)


def unfolded(image, kernel):
    size = len(kernel)
    return torch.einsum("ijkl,kl->ij", image.unfold(0, size, 1).unfold(1, size, 1), kernel)


def square_only(image, kernel):
    size = len(kernel)
    positions = image.shape[0] - size + 1
    output = torch.zeros(positions, positions)
    for i in range(positions):
        for j in range(positions):
            output[i, j] = product(image[i : i + size, j : j + size], kernel)
    return output


def square_only_by_width(image, kernel):
    size = len(kernel)
    positions = image.shape[1] - size + 1
    output = torch.zeros(positions, positions)
    for i in range(positions):
        for j in range(positions):
            output[i, j] = product(image[i : i + size, j : j + size], kernel)
    return output


def always_three(image, kernel):
    height, width = image.shape[0] - len(kernel) + 1, image.shape[1] - len(kernel) + 1
    output = torch.zeros(height, width)
    for i in range(height):
        for j in range(width):
            output[i, j] = (image[i : i + 3, j : j + 3] * kernel[:3, :3]).sum() if len(kernel) == 3 else 0
    return output


def three_always(image, kernel):
    output = torch.zeros(image.shape[0] - 2, image.shape[1] - 2)
    for i in range(image.shape[0] - 2):
        for j in range(image.shape[1] - 2):
            output[i, j] = product(image[i : i + 3, j : j + 3], kernel)
    return output


def truncated(image, kernel):
    return unfolded(image, kernel).to(torch.int64).float()


def in_place(image, kernel):
    result = unfolded(image, kernel)
    image -= image.mean()
    return result


def one_row(image, kernel):
    return right(image, kernel).flatten()


def test_convolve(judged):
    judged(
        "01.2",
        {
            "loops": right,
            "unfold": unfolded,
            "double": lambda x, k: unfolded(x.double(), k.double()),
            "float only": loops(product, like=True),
        },
        {
            "flipped": (lambda x, k: right(x, k.flip(0, 1)), "rotated by 180 degrees"),
            "kernel transposed": (lambda x, k: right(x, k.T), "the kernel is transposed"),
            "upside down": (lambda x, k: right(x, k.flip(0)), "upside down"),
            "mirrored": (lambda x, k: right(x, k.flip(1)), "mirrored"),
            "transposed": (
                lambda x, k: right(x, k).T,
                "expected (4, 7): rows and columns are exchanged: the result is transposed",
            ),
            "padded": (
                lambda x, k: F.conv2d(x[None, None], k[None, None], padding="same")[0, 0],
                "that is the image's size",
            ),
            "one less": (loops(product, 0, 0), "are missing: `range(H - K)`"),
            "one more": (loops(product, 2, 2), "hangs over the edge"),
            "centre": (loops(lambda w, k: (w * k)[len(k) // 2, len(k) // 2]), "only the centre"),
            "first": (loops(lambda w, k: (w * k)[0, 0]), "only the first entry"),
            "diagonal": (loops(lambda w, k: (w * k).trace()), "only the diagonal"),
            "matrix product": (loops(lambda w, k: (w @ k).sum()), "`@` multiplies matrices"),
            "mean": (loops(lambda w, k: (w * k).mean()), "mean of the products"),
            "unweighted": (loops(lambda w, k: w.sum()), "without the kernel's weights"),
            "zeros": (lambda x, k: torch.zeros_like(right(x, k)), "all zeros"),
            "square by height": (square_only, "the width was computed from the height"),
            "square by width": (square_only_by_width, "correct for a square image"),
            "three only": (always_three, "correct for kernels of 3 × 3 only"),
            "truncated": (truncated, "the result holds integers"),
            "three always": (three_always, "whatever the kernel is"),
            "not summed": (lambda x, k: x.unfold(0, len(k), 1).unfold(1, len(k), 1) * k, "but not summed"),
            "no sum in the loop": (loops(lambda w, k: w * k), "were they summed"),
            "one row": (one_row, "in one row"),
            "batch left": (lambda x, k: F.conv2d(x[None, None], k[None, None]), "two axes of size 1"),
            "one number": (lambda x, k: unfolded(x, k).sum(), "a single number, the sum"),
            "list": (lambda x, k: right(x, k).tolist(), "returned a list"),
            "in place": (in_place, "`image` was changed in place"),
            "conv2d": (lambda x, k: F.conv2d(x[None, None], k[None, None])[0, 0], "PyTorch's convolution computed"),
            "relu": (lambda x, k: right(x, k).relu(), "negative values become 0"),
            "one value": (lambda x, k: right(x, k) + 0.5, "entry ["),
            "kernel itself": (lambda x, k: x, None),
            "row sums": (loops(lambda w, k: (w * k)[0].sum()), None),
            "largest": (loops(lambda w, k: (w * k).max()), None),
        },
        draws=3,
    )
