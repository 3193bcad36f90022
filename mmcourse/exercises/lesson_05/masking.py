"""Exercise 05.4: BERT's masking, its random numbers given."""

from collections.abc import Callable

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described, expect_tensor, explained, whole

MASK = 4
BRACKETS = "`&` binds more tightly than `<`: put brackets around the comparison, `chosen & (draw < 0.8)`"
Case = tuple[Tensor, Tensor, Tensor, Tensor]


def inputs_by(tokens: Tensor, chosen: Tensor, draw: Tensor, random_tokens: Tensor, low=0.8, high=0.9) -> Tensor:
    """Chosen tokens become the mask where the draw is below `low`, a random token up to `high`; others stay."""
    replaced = torch.where(draw < low, MASK, torch.where(draw < high, random_tokens, tokens))
    return torch.where(chosen, replaced, tokens)


def right(tokens: Tensor, chosen: Tensor, draw: Tensor, random_tokens: Tensor) -> tuple[Tensor, Tensor]:
    """What the answer should give."""
    return inputs_by(tokens, chosen, draw, random_tokens), tokens * chosen


INPUTS: list[tuple[Callable[..., Tensor], str]] = [
    (inputs_by, ""),
    (lambda t, c, d, r: inputs_by(t, c, d, r, 1, 1), "every chosen token becomes <mask>; only 80% do, by `draw < 0.8`"),
    (lambda t, c, d, r: inputs_by(t, c, d, r, 0.8, 1), "no chosen token stays as it is: from 0.9 on it does"),
    (
        lambda t, c, d, r: inputs_by(t, c, d, r, 0.8, 0.8),
        "no chosen token becomes a random one: between 0.8 and 0.9 it does",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d < 0.8), MASK, torch.where(c & (d >= 0.9), r, t)),
        "random tokens and kept ones are swapped: from 0.8 to 0.9 a random one, from 0.9 on the token itself",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d >= 0.8), MASK, torch.where(c & (d < 0.1), r, t)),
        "the comparison is the wrong way round: below 0.8 is <mask>",
    ),
    (
        lambda t, c, d, r: inputs_by(t, torch.ones_like(c), d, r),
        "tokens that were not chosen are replaced too: combine each comparison with `chosen`",
    ),
    (
        lambda t, c, d, r: torch.where(d < 0.8, torch.where(c, MASK, t), torch.where(d < 0.9, r, t)),
        "random tokens stand where nothing was chosen: combine both comparisons with `chosen`",
    ),
    (
        lambda t, c, d, r: inputs_by(t, ~c, d, r),
        "the tokens that were not chosen are replaced, and the chosen ones stay",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d < 0.9), r, t),
        "<mask> is missing: below 0.8 a chosen token becomes 4. Does the second comparison replace it again?",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d == torch.tensor(0.8)), MASK, inputs_by(t, c, d, r)),
        "a draw of exactly 0.8 is not below 0.8: `<` instead of `<=`",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d < 0.8), 0, inputs_by(t, c, d, r)),
        "masked tokens became 0, which is padding; <mask> is 4",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d < 0.9), MASK, t),
        "from 0.8 to 0.9 there is <mask> again instead of a random token",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d == torch.tensor(0.9, dtype=torch.float64)), r, inputs_by(t, c, d, r)),
        "a draw of exactly 0.9 is not below 0.9, so the token stays: `<` instead of `<=`",
    ),
    *(
        (
            lambda t, c, d, r, over=over: torch.where(
                c, torch.where(over(d, 0.2), MASK, torch.where(over(d, 0.1), r, t)), t
            ),
            "the ranges are turned round, with <mask> from 0.2 on: below 0.8 is <mask>",
        )
        for over in (torch.gt, torch.ge)
    ),
    *(
        (
            lambda t, c, d, r, other=other: torch.where(c & (d < 0.8), other, inputs_by(t, c, d, r)),
            f"masked tokens became {other}; <mask> is 4",
        )
        for other in (1, 2, 3, 5)
    ),
    (
        lambda t, c, d, r: inputs_by(t, c, d, r) * c,
        "inputs become 0 where nothing was chosen; they stay as they are",
    ),
    (
        lambda t, c, d, r: torch.where(c * d < 0.8, MASK, torch.where(c * d < 0.9, r, t)),
        "`chosen` times `draw` is 0, so below 0.8, where nothing was chosen: combine `chosen & (draw < 0.8)`",
    ),
    (lambda t, c, d, r: t, "the inputs are the tokens themselves: nothing is hidden"),
]
TARGETS: list[tuple[Callable[..., Tensor], str]] = [
    (lambda t, c, d, r: t * c, ""),
    (
        lambda t, c, d, r: t,
        "the targets hold every token, so the loss counts all of them; 0 stands where none was chosen",
    ),
    (
        lambda t, c, d, r: t * (c & (d < 0.8)),
        "the targets hold the tokens that became <mask> alone; random and kept ones are predicted as well",
    ),
    (
        lambda t, c, d, r: t * (c & (d < 0.9)),
        "tokens that were chosen and kept have no target; they are predicted as well",
    ),
    (
        lambda t, c, d, r: torch.where(c & (d >= 0.8) & (d < 0.9), r, t) * c,
        "the targets hold the random token; they hold the original one, what stood there before",
    ),
    (lambda t, c, d, r: t * ~c, "the targets hold the tokens that were not chosen"),
    (
        lambda t, c, d, r: inputs_by(t, c, d, r) * c,
        "the targets hold what replaced the tokens; they hold what stood there before",
    ),
    (lambda t, c, d, r: inputs_by(t, c, d, r), "the targets are the inputs; they hold what stood there before"),
    (lambda t, c, d, r: torch.where(c, t, -100), "targets that do not count are -100; in this course 0 marks them"),
    (lambda t, c, d, r: torch.where(c, t, MASK), "targets that do not count are <mask>; 0 marks them"),
    (lambda t, c, d, r: c.long(), "the targets say where a token was chosen; which token it was is asked for"),
]


@exercise(
    "05.4",
    title="masked tokens",
    dots=2,
    minutes=15,
    hints=(
        "Take a row of five tokens and write by hand what becomes of each of the chosen ones, by its `draw`.",
        "`torch.where(condition, a, b)` chooses entry by entry. `chosen & (draw < 0.8)` says where <mask> goes.",
        "Two calls of `torch.where` for the inputs. For the targets: `tokens` where `chosen`, and 0 elsewhere.",
    ),
)
def mask_tokens(answer, rng):
    cases = [drawn_case(rng, *shape) for shape in ((6, 20), (1, 30), (whole(rng, 3, 5), 15))]
    answer = explained(answer, {"bitwise_and": BRACKETS})
    given = [result_of(answer, case) for case in cases]
    found = []
    for part, (name, kinds) in enumerate((("inputs", INPUTS), ("targets", TARGETS))):
        if all(torch.equal(result[part], right(*case)[part]) for result, case in zip(given, cases, strict=True)):
            continue
        words = next((words for wrong, words in kinds[1:] if explains(wrong, part, cases, given)), None)
        if words is None and name == "inputs":
            words = not_as_given(cases, given)
        if words is None:
            words = f"{name}: {difference(given, cases, part)}"
        found.append(words)
    if found:
        raise Mistake("; and ".join(found))
    return f"{len(cases)} batches: masked, random and kept tokens, and targets for all three"


def drawn_case(rng: torch.Generator, batch: int, length: int) -> Case:
    """Tokens without padding, half of them chosen, with draws in all three ranges."""
    tokens = torch.randint(5, 60, (batch, length), generator=rng)
    chosen = torch.rand(batch, length, generator=rng) < 0.5
    # 0.8 itself in float32, where it is no smaller than 0.8; 0.9 itself in float64, where it is no smaller than 0.9
    edge, kind = (0.8, torch.float32) if batch > 1 else (0.9, torch.float64)
    draw = torch.rand(batch, length, generator=rng, dtype=kind)
    for i, value in enumerate(2 * (0.1, edge, 0.85, edge, 0.95)):  # among chosen and other tokens
        draw[0, i], chosen[0, i] = value, i < 5
    return tokens, chosen, draw, torch.randint(60, 99, (batch, length), generator=rng)


def result_of(answer, case: Case) -> tuple[Tensor, Tensor]:
    """Inputs and targets, each a tensor of whole numbers in the shape of the tokens."""
    shape = tuple(case[0].shape)
    where = f"for tokens of shape {shape}"
    result = answer(*case)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Mistake(f"{where} it returned {described(result)}, expected two tensors: `return inputs, targets`")
    causes = {(int(case[1].sum()),): "only the chosen tokens are there; the shape stays, with 0 where none was chosen"}
    parts = tuple(
        expect_tensor(part, f"{where}, {name}:", shape, causes)
        for part, name in zip(result, ("inputs", "targets"), strict=True)
    )
    for part, name in zip(parts, ("inputs", "targets"), strict=True):
        if part.is_floating_point():
            raise Mistake(f"{name} are {part.dtype}; tokens are whole numbers")
    inputs, targets = parts
    if torch.equal(targets, right(*case)[0]) and torch.equal(inputs, right(*case)[1]):
        raise Mistake("inputs and targets are swapped: `return inputs, targets`")
    return inputs.long(), targets.long()


def explains(wrong: Callable, part: int, cases: list[Case], given: list[tuple[Tensor, Tensor]]) -> bool:
    """Whether a mistake gives what the answer returned, in every case."""
    return all(torch.equal(wrong(*case), result[part]) for case, result in zip(cases, given, strict=True))


def not_as_given(cases: list[Case], given: list[tuple[Tensor, Tensor]]) -> str | None:
    """Words for inputs that do not follow the given random tokens, or the given draws."""
    random = [(c & (d >= 0.8) & (d < 0.9)) for _, c, d, _ in cases]
    results = [inputs for inputs, _ in given]
    expected = [right(*case)[0] for case in cases]
    if all(torch.equal(a[~r], b[~r]) for a, b, r in zip(results, expected, random, strict=True)):
        if all(torch.isin(a[r], case[3]).all() for a, r, case in zip(results, random, cases, strict=True) if r.any()):
            return (
                "from 0.8 to 0.9 the tokens are those of `random_tokens`, but from other positions: each input takes "
                "the one at its own position"
            )
        return "from 0.8 to 0.9 the tokens are not those of the given `random_tokens`"
    if all(
        torch.where(c, (a == MASK) | (a == t) | (a == r), a == t).all()
        for a, (t, c, _, r) in zip(results, cases, strict=True)
    ):
        return (
            "each chosen input is <mask>, a given random token or the token itself, but which of them does not follow "
            "the given `draw`: below 0.8, from there to below 0.9, and above"
        )
    return None


def difference(given: list[tuple[Tensor, Tensor]], cases: list[Case], part: int) -> str:
    """The first entry that differs, in words."""
    for result, case in zip(given, cases, strict=True):
        expected = right(*case)[part]
        if not torch.equal(result[part], expected):
            row, column = (result[part] != expected).nonzero()[0].tolist()
            tokens, chosen, draw, _ = case
            state = f"chosen, draw {draw[row, column]:.2f}" if chosen[row, column] else "not chosen"
            return (
                f"token {int(tokens[row, column])}, {state}, returned {int(result[part][row, column])}, expected "
                f"{int(expected[row, column])}"
            )
    return "an entry differs"
