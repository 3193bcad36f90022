import math

import numpy as np
import torch


def test_compression_factor(judged):
    def by_loop(x, code):
        result = 1.0
        for size in x.shape[1:]:
            result *= size
        for size in code.shape[1:]:
            result /= size
        return result

    def four_axes(x, code):
        _, c, h, w = x.shape
        return c * h * w / code[0].numel()

    def sums(x, code):
        return sum(x.shape[1:]) / sum(code.shape[1:])

    judged(
        "06.1",
        {
            "numel": lambda x, code: x[0].numel() / code[0].numel(),
            "loop": by_loop,
            "prod": lambda x, code: math.prod(x.shape[1:]) / math.prod(code.shape[1:]),
            "whole batches": lambda x, code: x.numel() / code.numel(),
            "tensor": lambda x, code: torch.tensor(x.shape[1:]).prod() / torch.tensor(code.shape[1:]).prod(),
            "flatten": lambda x, code: x.flatten(1).shape[1] / code.flatten(1).shape[1],
            "numpy": lambda x, code: np.float64(np.prod(x.shape[1:]) / np.prod(code.shape[1:])),
        },
        {
            "inverted": (lambda x, code: code[0].numel() / x[0].numel(), "the wrong way round"),
            "floor": (lambda x, code: x[0].numel() // code[0].numel(), "drops what follows the decimal point"),
            "int": (lambda x, code: int(x[0].numel() / code[0].numel()), None),
            "one decimal": (lambda x, code: round(x[0].numel() / code[0].numel(), 1), "rounded to one decimal"),
            "two decimals": (lambda x, code: round(x[0].numel() / code[0].numel(), 2), "rounded to two decimals"),
            "rounded up": (lambda x, code: math.ceil(x[0].numel() / code[0].numel()), "is rounded up"),
            "percentage saved": (
                lambda x, code: 100 - 100 * code[0].numel() / x[0].numel(),
                "the percentage of numbers",
            ),
            "rounded": (lambda x, code: round(x[0].numel() / code[0].numel()), "the factor is rounded; it"),
            "axis 1": (lambda x, code: x.shape[1] / code.shape[1], "only the first axis after the batch"),
            "len of an example": (lambda x, code: len(x[0]) / len(code[0]), None),
            "last axis": (lambda x, code: x.shape[-1] / code.shape[-1], "only the last axis"),
            "batch in x": (lambda x, code: x.numel() / code[0].numel(), "for `x` the batch is counted"),
            "batch in code": (lambda x, code: x[0].numel() / code.numel(), "for `code` the batch is counted"),
            "without channels": (
                lambda x, code: math.prod(x.shape[2:]) / math.prod(code.shape[2:]),
                "only axis 0 is the batch",
            ),
            "sums": (sums, "the sizes of the axes are added"),
            "axes": (lambda x, code: x.dim() / code.dim(), "the axes are counted"),
            "len": (lambda x, code: len(x) / len(code), "the examples are counted"),
            "difference": (lambda x, code: x[0].numel() - code[0].numel(), "that is the difference"),
            "saved": (lambda x, code: 1 - code[0].numel() / x[0].numel(), "the fraction of numbers saved"),
            "two faults": (lambda x, code: code.shape[1] / x[0].numel(), None),
            "not divided": (lambda x, code: x[0].numel(), "for `code` nothing is counted"),
            "bytes": (lambda x, code: x[0].nbytes / code[0].numel(), "are bytes counted"),
            "four axes": (four_axes, "a fixed number of axes"),
            "constant": (lambda x, code: 6.0, "it is 6 for every shape"),
            "shape": (lambda x, code: x.shape, "it returned a Size"),
            "off": (lambda x, code: 1 + x[0].numel() / code[0].numel(), "returned 7, expected 6"),
            "nothing": (lambda x, code: print(end=""), "is the `return` missing"),
        },
    )
