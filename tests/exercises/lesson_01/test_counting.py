import math

import torch
from torch import nn


def test_output_size(judged):
    def by_counting(size, kernel, stride=1, padding=0):
        row = range(-padding, size + padding)
        return sum(1 for start in row[::stride] if start + kernel <= size + padding)

    def measured(size, kernel, stride=1, padding=0):
        return nn.Conv1d(1, 1, kernel, stride, padding)(torch.zeros(1, 1, size)).shape[-1]

    def no_defaults(size, kernel, stride, padding):
        return (size + 2 * padding - kernel) // stride + 1

    def no_return(size, kernel, stride=1, padding=0):
        result = (size + 2 * padding - kernel) // stride + 1  # noqa: F841

    def prints(size, kernel, stride=1, padding=0):
        str((size + 2 * padding - kernel) // stride + 1)

    def formula(function):
        return lambda n, k, s=1, p=0: function(n, k, s, p)

    judged(
        "01.1",
        {
            "formula": lambda n, k, stride=1, padding=0: (n + 2 * padding - k) // stride + 1,
            "floor": formula(lambda n, k, s, p: math.floor((n + 2 * p - k) / s + 1)),
            "int": formula(lambda n, k, s, p: int((n + 2 * p - k) / s) + 1),
            "counting": by_counting,
            "measured": measured,
        },
        {
            "no + 1": (formula(lambda n, k, s, p: (n + 2 * p - k) // s), "the + 1 is missing"),
            "padding once": (formula(lambda n, k, s, p: (n + p - k) // s + 1), "padding is counted once"),
            "no padding": (formula(lambda n, k, s, p: (n - k) // s + 1), "padding is left out"),
            "no stride": (formula(lambda n, k, s, p: n + 2 * p - k + 1), "stride is left out"),
            "true division": (formula(lambda n, k, s, p: (n + 2 * p - k) / s + 1), "gives fractions of a pixel"),
            "1 too early": (formula(lambda n, k, s, p: (n + 2 * p - k + 1) // s), "added before the division"),
            "nearest": (formula(lambda n, k, s, p: round((n + 2 * p - k) / s) + 1), "`round` goes to the nearest"),
            "ceiling": (formula(lambda n, k, s, p: math.ceil((n + 2 * p - k) / s) + 1), "rounds up"),
            "same": (formula(lambda n, k, s, p: n), "the size of the input"),
            "minus padding": (formula(lambda n, k, s, p: (n - 2 * p - k) // s + 1), "padding is subtracted"),
            "precedence": (formula(lambda n, k, s, p: n + 2 * p - k // s + 1), "the division happens too early"),
            "floats": (formula(lambda n, k, s, p: float((n + 2 * p - k) // s + 1)), "always gives a float"),
            "no + 1, true division": (formula(lambda n, k, s, p: (n + 2 * p - k) / s), None),
            "no defaults": (no_defaults, "does not take"),
            "no return": (no_return, "is the `return` missing"),
            "a tensor": (formula(lambda n, k, s, p: torch.tensor((n + 2 * p - k) // s + 1)), "returned a tensor"),
            "a pair": (formula(lambda n, k, s, p: ((n + 2 * p - k) // s + 1,) * 2), "returned a tuple"),
            "half kernel": (formula(lambda n, k, s, p: (n - k // 2 + p) // s), None),
            "nothing fits": (formula(lambda n, k, s, p: n // k), None),
            "only stride 2": (formula(lambda n, k, s, p: (n + 2 * p - k) // 2 + 1), None),
        },
    )


def test_output_size_without_return_is_not_untried_but_empty_is(judged):
    from mmcourse.exercises.checks import judge

    def only_a_docstring(size, kernel, stride=1, padding=0):
        """Nothing yet."""

    def dots(size, kernel, stride=1, padding=0): ...

    def half_done(size, kernel, stride=1, padding=0):
        fits = size - kernel  # noqa: F841
        raise NotImplementedError()

    assert judge("01.1", only_a_docstring).state == "untried"
    assert judge("01.1", dots).state == "untried"
    assert judge("01.1", lambda size, kernel, stride=1, padding=0: ...).state == "untried"
    verdict = judge("01.1", half_done)
    assert verdict.state == "wrong" and "still reached" in verdict.message


def test_conv_parameters(judged):
    judged(
        "01.3",
        {
            "formula": lambda i, o, k: o * i * k * k + o,
            "per filter": lambda i, o, k: o * (i * k**2 + 1),
            "counted": lambda i, o, k: sum(p.numel() for p in nn.Conv2d(i, o, k).parameters()),
        },
        {
            "no bias": (lambda i, o, k: o * i * k * k, "the biases are missing: each"),
            "no in_channels": (lambda i, o, k: o * (k * k + 1), "`in_channels` is missing"),
            "not squared": (lambda i, o, k: o * (i * k + 1), "kernel is not squared: a window"),
            "bias per weight": (lambda i, o, k: 2 * o * i * k * k, "a bias for every weight"),
            "bias per pair": (lambda i, o, k: o * i * (k * k + 1), "a bias for every pair"),
            "one bias": (lambda i, o, k: o * i * k * k + 1, "one bias for the whole layer"),
            "bias per input": (lambda i, o, k: o * i * k * k + i, "a bias for each input channel"),
            "one filter": (lambda i, o, k: i * k * k + 1, "`out_channels` is missing"),
            "weights of one filter": (lambda i, o, k: i * k * k + o, "the weights lack `out_channels`"),
            "no in, no bias": (lambda i, o, k: o * k * k, "`in_channels` and the biases"),
            "not squared, no bias": (lambda i, o, k: o * i * k, "not squared, and the biases"),
            "biases": (lambda i, o, k: o, "only the biases"),
            "float": (lambda i, o, k: o * (i * k**2.0 + 1), "a float"),
            "added up": (lambda i, o, k: (i + o) * k * k, None),
            "doubled kernel": (lambda i, o, k: o * (i * 2 * k + 1), None),
            "only weight": (lambda i, o, k: nn.Conv2d(i, o, k).weight.numel(), None),
        },
    )


def test_receptive_field(judged):
    def forwards(layers):
        size, jump = 1, 1
        for kernel, stride in layers:
            size += (kernel - 1) * jump
            jump *= stride
        return size

    def backwards(layers):
        size = 1
        for kernel, stride in reversed(layers):
            size = (size - 1) * stride + kernel
        return size

    def backwards_in_order(layers):
        size = 1
        for kernel, stride in layers:
            size = (size - 1) * stride + kernel
        return size

    def whole_kernels(layers):
        size, jump = 0, 1
        for kernel, stride in layers:
            size += kernel * jump
            jump *= stride
        return size

    def own_stride(layers):
        size, jump = 1, 1
        for kernel, stride in layers:
            jump *= stride
            size += (kernel - 1) * jump
        return size

    def previous_stride(layers):
        size, before = 1, 1
        for kernel, stride in layers:
            size += (kernel - 1) * before
            before = stride
        return size

    def pops(layers):
        size = 1
        while layers:
            kernel, stride = layers.pop()
            size = (size - 1) * stride + kernel
        return size

    def strides_added(layers):
        size, step = 1, 1
        for kernel, stride in layers:
            size += (kernel - 1) * step
            step += stride
        return size

    judged(
        "01.4",
        {"forwards": forwards, "backwards": backwards},
        {
            "kernels added": (lambda x: sum(k for k, _ in x), "their windows overlap"),
            "whole kernels": (whole_kernels, "kernels are added up whole"),
            "whole kernels from 1": (lambda x: whole_kernels(x) + 1, "1 too many for every layer"),
            "no strides": (lambda x: 1 + sum(k - 1 for k, _ in x), "strides are left out"),
            "strides added": (strides_added, "strides are added"),
            "own stride": (own_stride, "own stride is applied to it"),
            "previous stride": (previous_stride, "only the stride just before"),
            "own stride alone": (lambda x: 1 + sum((k - 1) * s for k, s in x), "by its own stride alone"),
            "from 0": (lambda x: forwards(x) - 1, "it starts at 0"),
            "wrong order": (backwards_in_order, "layers are taken in the wrong order"),
            "reversed": (lambda x: forwards(x[::-1]), None),
            "multiplied": (lambda x: math.prod(k for k, _ in x), "kernels are multiplied"),
            "step": (lambda x: math.prod(s for _, s in x), "product of the strides"),
            "in place": (pops, "was changed in place"),
            "largest kernel": (lambda x: max(k for k, _ in x), None),
            "last layer": (lambda x: x[-1][0], None),
            "kernel times stride": (lambda x: sum(k * s for k, s in x), None),
        },
    )
