"""A tensor's shape with the letters of the glossary under its numbers."""

from torch import Tensor

MEANING = {
    "B": "batch",
    "N": "examples",
    "C": "channels",
    "H": "height",
    "W": "width",
    "T": "time",
    "D": "features",
    "V": "vocabulary",
    "K": "classes",
    "O": "filters",
    "I": "channels in",
    "M": "mel bands",
    "S": "samples",
}


def shape_of(tensor: Tensor, letters: str | tuple[str, ...], name: str = "shape") -> None:
    """Print a shape with a letter and its meaning for each axis, then the numbers' type and the memory they take.

    >>> shape_of(book.images, "NCHW", "images")
    images   12      3         32      32       float32, 147 kB
             N       C         H       W
             examples channels height  width
    """
    letters = tuple(letters)
    if len(letters) != tensor.dim():
        raise ValueError(
            f"the tensor has {tensor.dim()} axes, shape {tuple(tensor.shape)}, and letters names {len(letters)}: "
            f"{', '.join(letters)}"
        )
    columns = [
        (f"{size:,}", letter, MEANING.get(letter, "")) for size, letter in zip(tensor.shape, letters, strict=True)
    ]
    columns = [tuple(cell.ljust(max(map(len, column)) + 2) for cell in column) for column in columns]
    size = tensor.numel() * tensor.element_size()
    size = f"{size} bytes" if size < 1000 else f"{size / 1e3:.0f} kB" if size < 1e6 else f"{size / 1e6:.0f} MB"
    lead = len(name) + 3
    for i, head in enumerate((name, "", "")):
        tail = f"{str(tensor.dtype).removeprefix('torch.')}, {size}" if i == 0 else ""
        print((head.ljust(lead) + "".join(column[i] for column in columns) + tail).rstrip())
