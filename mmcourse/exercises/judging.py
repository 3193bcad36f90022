"""Functions shared by checks: draw inputs, verify type and shape of a result, find the mistake that explains it."""

import math
import numbers
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, permutations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mmcourse.exercises.answers import Answer, Mistake, guarded
from mmcourse.exercises.gradients import tensors

SQUEEZED = "an axis of size 1 is lost, as by `squeeze()` or an index: a batch of one, or any other axis of one, stays"
ONE_ROW = "there is one row instead of {}: is the `return` inside the loop?"
Mistakes = Sequence[tuple[Callable, str]]  # functions with typical mistakes, and their messages


def whole(rng: torch.Generator, low: int, high: int) -> int:
    """A random integer from low to high, both included."""
    return int(torch.randint(low, high + 1, (), generator=rng))


def expect_whole_number(given, where: str) -> int:
    """The given value as an int. Mistake for anything else says what it is and how to fix it."""
    if isinstance(given, numbers.Integral) and not isinstance(given, bool):
        return int(given)
    if isinstance(given, Tensor):
        raise Mistake(
            f"{where} returned a tensor, expected a whole number (int): `.item()` returns the number in a tensor"
        )
    if isinstance(given, numbers.Real) and not isinstance(given, bool):
        raise Mistake(
            f"{where} returned {given!r}, a float, expected a whole number (int): "
            "`/` always gives a float, `//` of whole numbers a whole number"
        )
    raise Mistake(f"{where} returned {described(given)}, expected a whole number (int)")


def expect_number(given, where: str) -> float:
    """The given number, a tensor with one number or a NumPy number as a float. Mistake for anything else."""
    if isinstance(given, Tensor) and given.numel() == 1 and given.dtype != torch.bool:
        given = given.item()
    if isinstance(given, bool) or not isinstance(given, numbers.Real):
        raise Mistake(f"{where} returned {described(given)}, expected one number")
    return float(given)


def expect_float(given, where: str) -> float:
    """The given number as a float, refused as a tensor: for answers whose signature says `-> float`."""
    if isinstance(given, Tensor):
        raise Mistake(
            f"{where} returned {described(given)}, expected a number (float): `.item()` takes a number out of a tensor"
        )
    return expect_number(given, where)


def listed_numbers(given, where: str) -> list[int]:
    """Integers as a list, from a list, a tuple, or a tensor or array with one axis. Mistake for anything else."""
    if isinstance(given, Iterator | map | filter | range):
        raise Mistake(f"{where} returned {described(given)}; `list(...)` makes a list of it")
    if hasattr(given, "tolist") and getattr(given, "ndim", 0) == 1:
        given = given.tolist()
    if not isinstance(given, list | tuple):
        raise Mistake(f"{where} returned {described(given)}, expected a list of whole numbers (int)")
    for one in given:
        if not isinstance(one, numbers.Integral) or isinstance(one, bool):
            raise Mistake(f"{where} returned a list with {described(one)} in it, expected whole numbers (int)")
    return [int(one) for one in given]


def numbers_by_name(given, names: Sequence[str], what: str) -> dict[str, float]:
    """A dict with a number for each of these names. Mistake for anything else; `what` is what the numbers are."""
    if not isinstance(given, dict):
        raise Mistake(f"it returned {described(given)}, expected a dict with a number for each name")
    if set(given) != set(names):
        cause = ": is a `return` inside the loop?" if list(given) == list(names)[:1] else ""
        came = ", ".join(map(str, given)) or "no name"
        raise Mistake(f"it returned {what} for {came}, expected {', '.join(names)}{cause}")
    try:
        return {name: float(given[name]) for name in names}
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"the {what} are {described(next(iter(given.values())))}, expected numbers") from None


def expect_tensor(
    given, where: str, shape: Sequence[int] | None = None, causes: dict[tuple, str] | None = None
) -> Tensor:
    """The given tensor, on the CPU and without its graph. Mistake for another type or shape.

    causes: {known wrong shape: a message about its cause}
    """
    if not isinstance(given, Tensor):
        remedy = {
            "list": ": `torch.stack` or `torch.tensor` makes one of a list",
            "tuple": ": `torch.stack` makes one of several; is there a comma too many after `return`?",
            "ndarray": ": `torch.from_numpy` makes one of an array",
            "float": ": this is a single number, and a whole tensor was asked for",
        }.get(type(given).__name__, "")
        if isinstance(given, float) and shape == ():
            remedy = " of one number: `.item()` and `float()` take the number out, and no gradient passes through it"
        raise Mistake(f"{where} returned {described(given)}, expected a tensor{remedy}")
    if shape is not None and tuple(given.shape) != tuple(shape):
        cause = (causes or {}).get(tuple(given.shape), "")
        if squeezed(given.shape, shape) and "squeeze" not in cause:
            cause = SQUEEZED
        if not cause and len(shape) > 1 and tuple(given.shape) == (1, *shape[1:]):
            cause = ONE_ROW.format(shape[0])
        cause = cause or axes_apart(tuple(given.shape), tuple(shape))
        raise Mistake(
            f"{where} the shape is {tuple(given.shape)}, expected {tuple(shape)}" + (f": {cause}" if cause else "")
        )
    return given.detach().cpu()


def squeezed(given: Sequence[int], expected: Sequence[int]) -> bool:
    """Whether a shape lacks axes of size 1 and nothing else, as after `squeeze()`."""
    return len(given) < len(expected) and [n for n in given if n != 1] == [n for n in expected if n != 1]


def axes_apart(given: tuple[int, ...], expected: tuple[int, ...]) -> str:
    """Words for shapes that differ in one axis or in the order of their axes; empty for others."""
    if len(given) < len(expected) and math.prod(given) == math.prod(expected):
        return "axes are merged: `reshape` separates them, and `stack` makes a new axis where `cat` does not"
    shorter, longer = sorted((given, expected), key=len)
    if len(longer) == len(shorter) + 1:
        axes = [i for i in range(len(longer)) if longer[:i] + longer[i + 1 :] == shorter]
        if axes and longer == given:
            return "there is one axis too many"
        if axes:
            which = f"axis {axes[0]}, of size {expected[axes[0]]}," if len(axes) == 1 else "an axis"
            return f"{which} is lost, as by a sum, a mean or an index"
    if len(given) == len(expected):
        apart = [i for i, sizes in enumerate(zip(given, expected, strict=True)) if len(set(sizes)) > 1]
        if sorted(given) == sorted(expected):
            return "the same sizes in another order: axes are exchanged, as by a `transpose`"
        if len(apart) == 1 and expected[apart[0]] == 1:
            return (
                f"axis {apart[0]} should have the size 1; shapes such as (n,) and (n, 1) are broadcast to (n, n), as "
                "after a `squeeze()` or an index"
            )
        if len(apart) == 1:
            axis = apart[0]
            if given[axis] == 1:
                return f"axis {axis} has the size 1: one entry is left of {expected[axis]}"
            if abs(given[axis] - expected[axis]) == 1:
                return f"axis {axis} has one entry too {'many' if given[axis] > expected[axis] else 'few'}"
    return ""


def expect_finite(given: Tensor, where: str, cause: str) -> None:
    """Mistake where the result holds NaN or infinity."""
    if not torch.isfinite(given).all():
        kind = "NaN" if torch.isnan(given).any() else "infinity"
        raise Mistake(f"{where} the result holds {kind}: {cause}")


def described(value) -> str:
    """A short description of a value of the wrong type."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    text = repr(value)
    kind = type(value).__name__
    called = f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
    if not isinstance(value, tuple | list) or all(isinstance(one, numbers.Number | str | None) for one in value):
        return called + (f", {text}" if len(text) <= 60 else "")
    kinds = [type(one).__name__ for one in value]
    return f"{called} of " + (f"{len(kinds)} of type {kinds[0]}" if len(set(kinds)) == 1 else ", ".join(kinds[:6]))


def agrees(given, expected) -> bool:
    """Whether numbers, tuples or tensors are equal, up to rounding."""
    if isinstance(expected, Tensor):
        if not isinstance(given, Tensor) or given.shape != expected.shape:
            return False
        kind = torch.promote_types(given.dtype, expected.dtype)  # never the narrower type, which would turn 1.5 into 1
        return torch.allclose(given.to(kind), expected.to(kind), rtol=1e-3, atol=1e-4, equal_nan=True)
    if isinstance(expected, float):
        return math.isclose(given, expected, rel_tol=1e-6) or (given != given and expected != expected)
    return given == expected


def close(given: dict[str, float], expected: dict[str, float], rel_tol: float = 1e-3) -> bool:
    """Whether all expected numbers equal the given ones, up to rounding."""
    return all(math.isclose(given[name], expected[name], rel_tol=rel_tol, abs_tol=1e-4) for name in expected)


def named_mistake(cases: Sequence[tuple], given: Sequence, mistakes: Mistakes) -> str | None:
    """The message of the first mistake whose function returns the learner's results in every case."""
    for mistaken, words in mistakes:
        if all(agrees(value, mistaken(*case)) for case, value in zip(cases, given, strict=True)):
            return words
    return None


def compare(
    name: str, cases: Sequence[tuple], given: Sequence, right: Callable, mistakes: Mistakes, names: Sequence[str] = ()
) -> None:
    """Compare given numbers with those of `right`. Mistake shows the first wrong one, and the mistake if known.

    names: those of the arguments, all of them whole numbers; exchanged and hard-coded ones are then named too.
    """
    for case, value in zip(cases, given, strict=True):
        expected = right(*case)
        if value != expected:
            words = named_mistake(cases, given, mistakes)
            example = f"`{call(name, *case)}` returned {value}, expected {expected}"
            words = words or replaced(cases, given, right, names) or always(given)
            raise Mistake(f"{example}: {words}" if words else example)


def replaced(cases: Sequence[tuple], given: Sequence, right: Callable, names: Sequence[str]) -> str:
    """Words for arguments that are exchanged, or of which one is not used, where that gives every result."""

    def explains(source: dict[int, int], number: int | None = None) -> bool:
        """Whether the arguments at these places of `source`, or else the number, give every result."""
        try:
            return all(
                right(*(number if source.get(k) == -1 else case[source.get(k, k)] for k in range(len(case)))) == value
                for case, value in zip(cases, given, strict=True)
            )
        except (ZeroDivisionError, ValueError):
            return False

    for i, j in combinations(range(len(names)), 2):
        if explains({i: j, j: i}):
            return f"`{names[i]}` and `{names[j]}` are exchanged"
    for i, j in permutations(range(len(names)), 2):
        if explains({i: j}):
            return f"`{names[j]}` stands in the place of `{names[i]}`"
    for i, name in enumerate(names):
        for number in (*range(1025), 2048, 4096, 8000, 16_000):
            if explains({i: -1}, number):
                return f"`{name}` is not used: {number:,}, a hard-coded number, stands in its place"
    return ""


def always(given: Sequence) -> str:
    """Words for a result that is the same in every case."""
    if len(given) > 2 and all(value == given[0] for value in given):
        return f"{given[0]} is returned whatever the arguments are"
    return ""


def call(name: str, *arguments) -> str:
    """A call as Python code."""
    return f"{name}({', '.join(map(repr, arguments))})"


def learns_from(model: nn.Module, logits: Tensor, n_classes: int, rng: torch.Generator) -> None:
    """As `trains`, with the cross-entropy of random targets as the loss."""
    targets = torch.randint(0, n_classes, (len(logits),), generator=rng)
    trains(model, logits, lambda output: F.cross_entropy(output, targets))


def trains(model: nn.Module, output: Tensor, loss: Callable[[Tensor], Tensor]) -> None:
    """Mistake unless the loss's gradient reaches every parameter, and no tensor that is not a parameter."""
    frozen = [name for name, parameter in model.named_parameters() if not parameter.requires_grad]
    if frozen:
        raise Mistake(f"`{frozen[0]}` is frozen (`requires_grad` is False), so it will not learn")
    if not output.requires_grad:
        raise Mistake("no gradient leaves the output: is there a `no_grad`, a `detach` or an `.item()` on the way?")
    own = set(map(id, model.parameters()))
    if any(id(leaf) not in own for leaf in asked_to_learn(output)):
        raise Mistake(
            "a tensor or layer is not among the model's parameters, so no optimiser will update it: a plain "
            "list hides layers (use `nn.ModuleList` or one name each), and a tensor needs `nn.Parameter`"
        )
    model.zero_grad()
    guarded(loss(output).backward, name="backward")
    for name, parameter in model.named_parameters():
        if parameter.grad is None:
            raise Mistake(f"no gradient reaches `{name}`: it is not used in `forward`, or cut off by a `detach`")
    if all((parameter.grad == 0).all() for parameter in model.parameters()):
        raise Mistake("every gradient is zero, so nothing will be learned")


def asked_to_learn(result: Tensor) -> Iterator[Tensor]:
    """Every tensor in which a backward pass from the result would store a gradient."""
    todo, met = [result.grad_fn], set()
    while todo:
        node = todo.pop()
        if node is None or node in met:
            continue
        met.add(node)
        if hasattr(node, "variable"):
            yield node.variable
        todo += [before for before, _ in node.next_functions]


def model_of(answer, *sizes) -> nn.Module:
    """A model on the CPU, made by the answer's class with these sizes. Mistake for anything else."""
    if isinstance(answer.function, nn.Module):
        kind = type(answer.function).__name__
        raise Mistake(f"this is a model; hand in the class itself: `{kind}`, without brackets")
    model = answer(*sizes)
    if isinstance(model, type):
        raise Mistake(f"`{answer.name}` returned a class; return an instance of it: `{model.__name__}(...)`")
    if not isinstance(model, nn.Module):
        raise Mistake(f"`{answer.name}{sizes}` returned {described(model)}, expected a model (`nn.Module`)")
    if not any(True for _ in model.parameters()):
        raise Mistake(
            "the model has no parameters left to train, or hides them: a plain list hides layers (use `nn.ModuleList` "
            "or one name each)"
        )
    return model.cpu()


def drawn(rng: torch.Generator, *shape: int) -> Tensor:
    """Standard normal random numbers of this shape."""
    return torch.randn(*shape, generator=rng)


def judge_tensors(
    answer: Callable,
    cases: Sequence[tuple],
    right: Callable,
    mistakes: Mistakes,
    where: Callable[..., str],
    causes: Callable[..., dict[tuple, str]] = lambda *case: {},
    entry: Callable[[tuple, tuple], str] = lambda position, case: f"entry {list(position)}",
    failing: Callable[[Sequence[tuple], Sequence[Tensor]], str | None] = lambda cases, given: None,
) -> None:
    """Mistake unless the answer equals `right` in every case, up to rounding.

    where(*case): a description of the case; causes(*case): {known wrong shape: its cause}; entry(position, case): the
    name of a position in the result; failing(cases, given): words for a property that the results lack, asked where no
    mistake explains them.
    """
    given, expected = [], [right(*case) for case in cases]
    mistakes = [(possible(mistaken), words) for mistaken, words in mistakes]
    for case, truth in zip(cases, expected, strict=True):
        known = {shape: words for shape, words in causes(*case).items() if shape != tuple(truth.shape)}
        value = answer(*case)
        shape = tuple(value.shape) if isinstance(value, Tensor) else tuple(truth.shape)
        if shape != tuple(truth.shape) and (words := named_mistake([case], [value.detach().cpu()], mistakes)):
            known[shape] = words
        given.append(expect_tensor(value, where(*case), truth.shape, known))
    if all(agrees(value, truth) for value, truth in zip(given, expected, strict=True)):
        return
    if words := named_mistake(cases, given, mistakes):
        raise Mistake(words)
    for case, value in zip(cases, given, strict=True):
        expect_finite(value, where(*case), "is there a division by zero, a root or a logarithm?")
    if words := failing(cases, given):
        raise Mistake(words)
    wrong = [i for i, pair in enumerate(zip(given, expected, strict=True)) if not agrees(*pair)]
    i = wrong[0]
    narrow = len(wrong) < len(cases) and all(any(1 in one.shape for one in tensors(cases[j])) for j in wrong)
    note = (
        "; where no axis has the size 1, the result is correct: no `squeeze()` or index may lose it" if narrow else ""
    )
    if not expected[i].dim():
        came, due = distinct_texts(given[i], expected[i])
        raise Mistake(f"{where(*cases[i])} it returned {came}, expected {due}{note}")
    apart = (given[i] - expected[i]).abs()
    position = tuple((apart == apart.max()).nonzero()[0].tolist())
    came, due = distinct_texts(given[i][position], expected[i][position])
    note = note or "".join(f": {words}" for words in [relation(given[i], expected[i])] if words)
    raise Mistake(f"{where(*cases[i])} {entry(position, cases[i])} is {came}, expected {due}{note}")


def relation(given: Tensor, expected: Tensor) -> str:
    """Words for a simple relation of a wrong result to the expected one of its shape; empty where there is none."""
    if given.is_complex() or expected.is_complex() or given.shape != expected.shape or expected.numel() < 3:
        return ""
    given, expected = given.double(), expected.double()
    apart = given - expected
    if not torch.isfinite(apart).all():
        return ""
    whole_ones = (
        (torch.zeros_like(expected), "every entry is 0"),
        (-expected, "every entry has the other sign"),
        (expected.abs(), "every entry is positive: the signs are lost"),
        (expected.relu(), "negative entries have become 0"),
        (expected.square(), "every entry is squared"),
        (expected.trunc(), "the fractional parts are lost"),
        (expected.round(), "every entry is rounded to a whole number"),
    )
    for other, words in whole_ones:
        if agrees(given, other):
            return words
    factor = (given * expected).sum() / expected.square().sum().clamp(min=1e-12)
    if (given - factor * expected).abs().max() < 1e-3 * given.abs().max() and apart.any():
        return f"every entry is {factor:.4g} times the expected one"
    if apart.max() - apart.min() < 1e-4 * (1 + apart.abs().max()):
        return f"every entry is {apart.mean().abs():.4g} too {'large' if apart.mean() > 0 else 'small'}"
    for axis, size in enumerate(expected.shape):
        if size > 1 and (words := along(axis, size, given, expected)):
            return words
    return ""


def along(axis: int, size: int, given: Tensor, expected: Tensor) -> str:
    """Words for a relation of two tensors along one axis of more than one entry; empty where there is none."""
    for missing, rest, which in ((size - 1, slice(-1), "last"), (0, slice(1, None), "first")):
        keep = torch.arange(size)[rest]
        if agrees(given.index_select(axis, keep), expected.index_select(axis, keep)):
            if not given.select(axis, missing).any():
                return f"the {which} entry of axis {axis} is still 0, and the others are correct"
            return f"only the {which} entry of axis {axis} is wrong" if size > 2 else ""
    others = (
        (expected.flip(axis), f"axis {axis} is in reverse order"),
        (expected.roll(1, axis), f"along axis {axis} every entry stands one position too far"),
        (expected.roll(-1, axis), f"along axis {axis} every entry stands one position too early"),
        (expected.cumsum(axis), f"along axis {axis} each entry contains the sum of those before it"),
        (expected.narrow(axis, 0, 1).expand_as(expected), f"every entry of axis {axis} is the first one"),
        (expected.narrow(axis, size - 1, 1).expand_as(expected), f"every entry of axis {axis} is the last one"),
        (expected.mean(axis, keepdim=True).expand_as(expected), f"every entry of axis {axis} is the mean of them all"),
        (expected.sum(axis, keepdim=True).expand_as(expected), f"every entry of axis {axis} is the sum of them all"),
        (expected.sort(axis).values, f"axis {axis} is sorted"),
    )
    return next((words for other, words in others if agrees(given, other)), "")


def number(value: Tensor) -> str:
    """A number with three decimals, or without for a whole number."""
    return f"{value:.0f}" if value == value.round() else f"{value:.3f}"


def distinct_texts(came: Tensor, expected: Tensor) -> tuple[str, str]:
    """Two numbers as text, with as many decimals as are needed to show their difference."""
    texts = number(came), number(expected)
    for decimals in range(4, 10):
        if texts[0] != texts[1]:
            break
        texts = f"{came:.{decimals}f}", f"{expected:.{decimals}f}"
    return texts


def fitted_weights(parts: Sequence[Tensor], mixture: Tensor) -> list[float] | None:
    """The weights whose weighted sum of the parts is the mixture, all of one shape; None where there are none."""
    columns = torch.stack([part.flatten() for part in parts], 1).double()
    sums = mixture.flatten().double()
    if not torch.isfinite(sums).all():
        return None
    weights = torch.linalg.lstsq(columns, sums[:, None]).solution.flatten()
    return weights.tolist() if (columns @ weights - sums).abs().max() <= 1e-4 else None


def weights_in_words(parts: dict[str, Tensor], mixture: Tensor, expected: Sequence[float]) -> str:
    """The weights of the named parts in a weighted sum, and those they should have; empty where it is no such sum."""
    weights = fitted_weights(list(parts.values()), mixture)
    if weights is None:
        return ""
    each = zip(parts, weights, expected, strict=True)
    return " and ".join(f"the {name} has the weight {weight:.2f}, expected {due:.2f}," for name, weight, due in each)[
        :-1
    ]


def explained(answer: Answer, causes: dict[str, str]) -> Callable:
    """The answer, with an explanation added to each Mistake whose message contains one of these texts."""

    def tried(*case):
        try:
            return answer(*case)
        except Mistake as problem:
            words = next((words for text, words in causes.items() if text in str(problem)), None)
            if words is None:
                raise
            raise Mistake(f"{problem}. {words[0].upper()}{words[1:]}") from None

    return tried


def possible(mistaken: Callable) -> Callable:
    """The same function, giving None, which equals no result, where the mistake is not possible for a case's shapes."""

    def tried(*case):
        try:
            return mistaken(*case)
        except (RuntimeError, IndexError, ValueError, ZeroDivisionError):
            return None

    return tried
