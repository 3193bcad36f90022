from torch import nn

from mmcourse.exercises.checks import judge
from mmcourse.exercises.lesson_04 import block


def linear(inputs, outputs, bias=True):
    return inputs * outputs + (outputs if bias else 0)


def counted(projections=4, bias=True, forward=2, norms=2, norm=2):
    def count(width, hidden):
        layers = [(width, width)] * projections + [(width, hidden), (hidden, width)][:forward]
        return sum(linear(*layer, bias) for layer in layers) + norms * norm * width

    return count


def counted_by_pytorch(width, hidden):
    return sum(p.numel() for p in nn.TransformerEncoderLayer(width, 1, hidden).parameters())


def test_block_parameters(judged):
    judged(
        "04.6",
        {
            "formula": lambda w, h: 4 * w * w + 9 * w + 2 * w * h + h,
            "layers": counted(),
            "PyTorch": counted_by_pytorch,
        },
        {
            "no biases": (counted(bias=False), "all biases are missing: each linear"),
            "no biases at all": (counted(bias=False, norm=1), "those of the norms (shifts) as well"),
            "weights alone": (counted(bias=False, norms=0), "neither biases nor norms"),
            "no norms": (counted(norms=0), "each), or the projections' biases"),
            "one norm": (counted(norms=1), "half of what the norms have"),
            "three norms": (counted(norms=3), "three norms are counted"),
            "three projections": (counted(projections=3), "three projections are counted: after"),
            "three projections, one norm": (counted(projections=3, norms=1), None),
            "one projection": (counted(projections=1), "one projection is counted"),
            "no attention": (counted(projections=0), "attention's four projections are missing"),
            "hidden once": (counted(forward=1), "one feed-forward layer is counted"),
            "no feed-forward": (counted(forward=0), "the two feed-forward layers are missing"),
            "hidden ignored": (lambda w, h: counted()(w, 4 * w), "`hidden` is not used"),
            "biases of attention": (lambda w, h: counted()(w, h) - 4 * w, None),
            "biases of the first": (lambda w, h: counted()(w, h) - h, "biases of the first feed-forward"),
            "biases of the second": (lambda w, h: counted()(w, h) - w, "or of attention's output layer"),
            "both biases": (lambda w, h: counted()(w, h) - h - w, "biases of the feed-forward layers are missing"),
            "two numbers a norm": (lambda w, h: counted(norms=0)(w, h) + 4, "not one of each"),
            "float": (lambda w, h: counted()(w, h) / 1, "a float, expected a whole number"),
            "off by one": (lambda w, h: counted()(w, h) + 1, None),
            "heads": (lambda w, h: counted()(w, h) * 8, None),
            "attention for each head": (lambda w, h: counted(projections=16)(w, h), "once for each head"),
            "all but the last for each head": (lambda w, h: counted(projections=25)(w, h), None),
        },
    )


def test_two_mistakes_at_once_are_both_named():
    message = judge("04.6", counted(projections=3, norms=0)).message
    assert "three projections are counted" in message and "the two norms" in message


def test_no_usual_mistake_gives_the_right_numbers():
    sizes = [(12, 40), (37, 90), (64, 256)]
    right = [counted_by_pytorch(*size) for size in sizes]
    assert all([count(*size) for size in sizes] != right for count, _ in block.mistakes())
