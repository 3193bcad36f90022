"""The debugging exercise of lesson 06: an encoder twice as wide as the decoder expects, hidden by a reshape."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from mmcourse.exercises.answers import Mistake, NotAttempted, guarded, is_stub, is_stub_class
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import agrees, drawn, expect_finite, expect_tensor, explained, model_of, trains

SIZES = (30, 8), (23, 5)  # n_inputs, code
WRITTEN = (
    "are sizes written as numbers somewhere? `n_inputs` and `code` come as arguments, the batch size from `len(x)`"
)
CAUSES = {
    "cannot be multiplied": (
        "of the four numbers, the second is the width that comes, the third the width that the layer takes. Widths "
        "depend on `n_inputs` and `code`, and are not written as numbers"
    ),
    "is invalid for input": WRITTEN,
    "before Module.__init__": "`super().__init__()` comes first in `__init__`",
}


@exercise(
    "06.debug",
    title="a width that does not fit",
    dots=2,
    minutes=15,
    hints=(
        "Print the shapes: of `encode(x)`, of what the decoder's first layer takes, and of the result before it is "
        "cut to `len(x)` rows.",
        "The encoder gives 2 * code numbers for each example, the decoder takes `code`. `reshape(-1, ...)` makes two "
        "rows of one example instead of raising an error.",
        "Let the encoder's last layer give `code` numbers. Then neither `reshape` nor `[: len(x)]` is needed.",
    ),
)
def debug(answer, rng):
    if is_stub_class(answer.function):
        raise NotAttempted
    models = {sizes: explained(lambda *sizes: model_of(answer, *sizes), CAUSES)(*sizes) for sizes in SIZES}
    for (n_inputs, code), model in models.items():
        expect_methods(model)
        model.eval()
        judge_dependence(model, n_inputs, code, rng)
    judge_width(models)
    for (n_inputs, code), model in models.items():
        judge_parts(model, n_inputs, code, rng)
        model.train()
        judge_learning(model, drawn(rng, 64, n_inputs))
    return (
        "every reconstruction depends on its own example alone, the code has the width asked for, and every part of "
        "the network learns"
    )


def expect_methods(model: nn.Module) -> None:
    """The class has the three methods, none of them a stub."""
    for name in ("encode", "decode", "forward"):
        method = getattr(model, name, None)
        if not callable(method):
            raise Mistake(f"the class has no method `{name}`; keep `encode`, `decode` and `forward`")
        if is_stub(getattr(getattr(method, "__func__", None), "__code__", debug.__code__)):
            raise Mistake(f"`__init__` is done; `{name}` is still to do")


def part_of(model: nn.Module, name: str, x: Tensor, width: int, causes: dict[tuple, str]) -> Tensor:
    """What a method gives for one row of `width` numbers for each row of x."""
    given = explained(lambda rows: guarded(getattr(model, name), rows, name=name), CAUSES)(x.clone())
    batch = len(x)
    where = f"`{name}`, for an input of shape {tuple(x.shape)}:"
    known = {(2 * batch, width): "there are two rows for each example"}
    if batch == 1:
        known[width,] = "a batch of one keeps its axis (`squeeze()` would remove it)"
    if isinstance(given, Tensor) and given.dim() == 2 and given.shape[1] == width and 1 < len(given) < batch:
        again = guarded(getattr(model, name), torch.cat([x, x]), name=name)
        fixed = isinstance(again, Tensor) and again.shape == given.shape
        known[tuple(given.shape)] = (
            f"there are {len(given)} rows for a batch of {2 * batch} too: the batch size is `len(x)`"
            if fixed
            else "rows are missing"
        )
    result = expect_tensor(given, where, (batch, width), known | causes)
    expect_finite(result, where, "is there a division, a root or a logarithm?")
    return result


@torch.no_grad()
def judge_dependence(model: nn.Module, n_inputs: int, code: int, rng: torch.Generator) -> None:
    """Reconstruction i changes with example i, and with no other."""
    causes = {
        (5, hidden): f"{hidden} numbers are the result of a layer inside the network; the input has {n_inputs}, and "
        "so has its reconstruction"
        for hidden in widths(model) - {n_inputs}
    }
    x = drawn(rng, 5, n_inputs)
    causes[5, code] = "that is as wide as the code; `forward` decodes it as well"
    before = part_of(model, "forward", x, n_inputs, causes)
    if not agrees(part_of(model, "forward", x, n_inputs, causes), before):
        raise Mistake("two calls on the same examples differ, in evaluation mode: what is random in `forward`?")
    changed = torch.zeros(5, 5, dtype=torch.bool)  # [example, reconstruction]
    for i in range(5):
        for _ in range(3):
            other = x.clone()
            other[i] = 2 * drawn(rng, n_inputs)
            changed[i] |= (part_of(model, "forward", other, n_inputs, causes) - before).abs().amax(1) > 1e-6
    own, half = torch.eye(5, dtype=torch.bool), torch.arange(5) // 2 == torch.arange(5)[:, None]
    if torch.equal(changed, half):
        raise Mistake(
            "reconstruction i changes with example i // 2, and not with its own: each example's code still becomes two "
            "rows. Compare the width that `encode` gives with the one that the decoder takes"
        )
    if not changed.any():
        raise Mistake("no reconstruction changes when its example is changed: the decoder does not get the code")
    for i, j in (changed != own).nonzero().tolist():
        if i == j:
            raise Mistake(f"reconstruction {i} does not change when example {i} is changed")
        raise Mistake(
            f"reconstruction {j} changes when example {i} is changed: the rows of a batch are mixed. Is there a "
            "`reshape`, a transpose or a mean over the batch?"
        )
    part_of(model, "forward", x[:1], n_inputs, causes)


@torch.no_grad()
def judge_width(models: dict[tuple[int, int], nn.Module]) -> None:
    """The width of the code is as asked for, and not the same for every model."""
    found = {
        code: guarded(model.encode, torch.zeros(2, n_inputs), name="encode")
        for (n_inputs, code), model in models.items()
    }
    widths = {given.shape[-1] for given in found.values() if isinstance(given, Tensor) and given.dim()}
    if len(widths) == 1:
        raise Mistake(f"the code has {widths.pop()} numbers, whatever `code` is: is its width written as a number?")


@torch.no_grad()
def judge_parts(model: nn.Module, n_inputs: int, code: int, rng: torch.Generator) -> None:
    """Widths of code and reconstruction, and forward as one after the other."""
    x = drawn(rng, 7, n_inputs)
    twice = f"the code is twice as wide as asked: {2 * code} numbers, `code` is {code}"
    codes = part_of(model, "encode", x, code, {(7, 2 * code): twice})
    fixed = constant(model, n_inputs, code, rng)
    if fixed:
        raise Mistake(
            f"{len(fixed)} of the {code} numbers of a code are the same for every example: no weight computes them, "
            "and the weights of the decoder that multiply them cannot learn to use them"
        )
    given = part_of(model, "decode", codes, n_inputs, {})
    if not agrees(part_of(model, "forward", x, n_inputs, {}), given):
        raise Mistake("`forward` does not give what `decode(encode(x))` gives")
    part_of(model, "encode", x[:1], code, {})
    part_of(model, "decode", codes[:1], n_inputs, {})


def constant(model: nn.Module, n_inputs: int, code: int, rng: torch.Generator) -> list[int]:
    """The numbers of a code that no example changes, neither a small one nor one so large that a ReLU lets it pass."""
    small, large = drawn(rng, 64, n_inputs), 100 * drawn(rng, 64, n_inputs)
    large *= torch.rand(large.shape, generator=rng) < 2 / n_inputs  # few numbers at a time
    codes = part_of(model, "encode", torch.cat([small, large]), code, {})
    return (codes == codes[:1]).all(0).nonzero()[:, 0].tolist()


def judge_learning(model: nn.Module, x: Tensor) -> None:
    """Every parameter gets a gradient, and no output of a layer is computed and thrown away."""
    with layer_outputs(model) as kept:
        output = guarded(model, x, name="forward")
    trains(model, output, lambda reconstruction: (reconstruction - x).square().mean())
    for name, (output, values) in kept.items():
        if output.grad is None:
            continue
        unused = (output.grad == 0).flatten(0, -2).all(0) & (values > 0).flatten(0, -2).any(0)
        if unused.any():
            raise Mistake(
                f"of the {len(unused)} outputs of `{name}` a part is computed and then cut off, so its weights never "
                "learn: let the layer give as many as are needed"
            )


@contextmanager
def layer_outputs(model: nn.Module) -> Iterator[dict[str, tuple[Tensor, Tensor]]]:
    """Inside, every linear layer's output is kept, to have its gradient, and its values beside it."""
    kept: dict[str, tuple[Tensor, Tensor]] = {}

    def keeper(name: str):
        def keep(_module, _inputs, output: Tensor) -> None:
            if output.requires_grad:
                output.retain_grad()
                kept[name] = output, output.detach().clone()

        return keep

    layers = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    hooks = [part.register_forward_hook(keeper(name)) for name, part in layers]
    try:
        yield kept
    finally:
        for hook in hooks:
            hook.remove()


def widths(model: nn.Module) -> set[int]:
    """The widths that linear layers of the model give."""
    return {part.out_features for part in model.modules() if isinstance(part, nn.Linear)}
