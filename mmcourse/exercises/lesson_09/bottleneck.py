"""Exercise 09.5: one layer of bottleneck tokens (Nagrani et al. 2021)."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mmcourse.exercises.answers import Answer, NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.gradients import expect_gradients
from mmcourse.exercises.judging import agrees, described, drawn, expect_tensor

Result = tuple[Tensor, list[Tensor]]


def right(shared: Tensor, modalities: Sequence[Tensor], layers: Sequence[Callable]) -> Result:
    """What `bottleneck_step` should give."""
    proposals, after = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        proposals.append(both[:, : shared.shape[1]])
        after.append(both[:, shared.shape[1] :])
    return torch.stack(proposals).mean(0), after


def one_after_another(combine: Callable) -> Callable:
    """The step whose shared tokens change from modality to modality; their proposals are combined in the end."""

    def step(shared, modalities, layers) -> Result:
        proposals, after = [shared], []
        for x, layer in zip(modalities, layers, strict=True):
            both = layer(torch.cat([proposals[-1], x], dim=1))
            proposals.append(both[:, : shared.shape[1]])
            after.append(both[:, shared.shape[1] :])
        return combine(proposals[1:]), after

    return step


def all_together(shared, modalities, layers) -> Result:
    parts = [shared, *modalities]
    both = layers[0](torch.cat(parts, dim=1)).split([part.shape[1] for part in parts], dim=1)
    return both[0], list(both[1:])


def all_through_each(shared, modalities, layers) -> Result:
    runs = [all_together(shared, modalities, [layer]) for layer in layers]
    return mean_of(shared, [heard for heard, _ in runs]), [after[m] for m, (_, after) in enumerate(runs)]


def apart(shared, modalities, layers) -> Result:
    alone = [layer(x) for x, layer in zip(modalities, layers, strict=True)]
    return mean_of(shared, [layer(shared) for layer in layers]), alone


def ordered(join_first: bool, cut_first: bool) -> Callable:
    """The step with the shared tokens put before or behind the others, and taken from the front or the end."""

    def step(shared, modalities, layers) -> Result:
        proposals, after, b = [], [], shared.shape[1]
        for x, layer in zip(modalities, layers, strict=True):
            both = layer(torch.cat([shared, x] if join_first else [x, shared], dim=1))
            proposals.append(both[:, :b] if cut_first else both[:, -b:])
            after.append(both[:, b:] if cut_first else both[:, :-b])
        return mean_of(shared, proposals), after

    return step


def heard_again(shared, modalities, layers) -> Result:
    new, _ = right(shared, modalities, layers)
    return new, right(new, modalities, layers)[1]


def with_first_layer(shared, modalities, layers) -> Result:
    return right(shared, modalities, [layers[0]] * len(modalities))


def combined(combine: Callable, leave: Callable = lambda before, after: after) -> Callable:
    """The step with the proposals combined in another way, or the modalities left in another way."""

    def step(shared, modalities, layers) -> Result:
        _, after = right(shared, modalities, layers)
        proposals = [
            layer(torch.cat([shared, x], dim=1))[:, : shared.shape[1]]
            for x, layer in zip(modalities, layers, strict=True)
        ]
        return combine(shared, proposals), list(map(leave, modalities, after))

    return step


def mean_of(shared: Tensor, proposals: list[Tensor]) -> Tensor:
    return torch.stack(proposals).mean(0)


def without_shared(shared, modalities, layers) -> Result:
    return shared, [layer(x) for x, layer in zip(modalities, layers, strict=True)]


MISTAKES: list[tuple[Callable, str]] = [
    (
        one_after_another(lambda proposals: proposals[-1]),
        "the second modality meets shared tokens that the first has changed already. All meet the same ones; the mean "
        "comes after the loop",
    ),
    (
        one_after_another(lambda proposals: torch.stack(proposals).mean(0)),
        "there is a mean in the end, but within the loop `shared` changes too, so that the second modality meets "
        "what the first made of it: keep the proposals apart",
    ),
    (
        all_together,
        "all tokens went through one layer together, so that everyone looks at everyone: that is what the bottleneck "
        "avoids",
    ),
    (
        all_through_each,
        "all modalities stand in one sequence, so that everyone looks at everyone. Each layer gets the shared tokens "
        "and its own modality, no other",
    ),
    (
        apart,
        "a layer gets the shared tokens and its modality one after the other, so that they never meet: join them "
        "with `torch.cat([shared, x], dim=1)`",
    ),
    (with_first_layer, "every modality went through the first layer; each has its own"),
    (lambda s, m, layers: right(s, m, layers[::-1]), "the layers come in the wrong order: `layers[m]` is modality m's"),
    (combined(lambda s, p: torch.stack(p).sum(0)), "the proposals are added; their mean is asked for"),
    (
        combined(lambda s, p: p[-1]),
        "the shared tokens are those of the last modality alone: is the variable overwritten?",
    ),
    (combined(lambda s, p: p[0]), "the shared tokens are those of the first modality alone"),
    (combined(lambda s, p: s), "the shared tokens come back as they went in: what they heard is lost"),
    (combined(lambda s, p: torch.stack([s, *p]).mean(0)), "the old shared tokens are averaged in as well"),
    (
        combined(lambda s, p: s + torch.stack(p).mean(0)),
        "the old shared tokens are added; a layer has its own shortcut",
    ),
    (combined(lambda s, p: torch.stack(p).amax(0)), "the largest of the proposals is taken; their mean is asked for"),
    *(
        (
            combined(lambda s, p, n=n: torch.stack(p).sum(0) / n),
            f"the proposals are divided by {n}, however many there are; their number is `len(modalities)`",
        )
        for n in (2, 3)
    ),
    (combined(mean_of, lambda x, new: x), "the modalities come back as they went in: what they heard is lost"),
    (
        combined(mean_of, lambda x, new: x + new),
        "the modalities are added to what came of them; a layer has its own shortcut",
    ),
    (heard_again, "the modalities go through their layers again with the new shared tokens; once is enough"),
    (without_shared, "the shared tokens never meet anyone: put them before each modality's tokens"),
    (
        ordered(join_first=False, cut_first=True),
        "the shared tokens were put behind the others and then cut off in front: `[:, :b]` are other tokens",
    ),
    (
        ordered(join_first=True, cut_first=False),
        "the shared tokens were put in front and then cut off at the end: `[:, -b:]` are other tokens",
    ),
    (
        ordered(join_first=False, cut_first=False),
        "the shared tokens were put last; they come first. To a layer that knows positions it is not the same",
    ),
]


@exercise(
    "09.5",
    title="one step through the bottleneck",
    dots=3,
    minutes=15,
    hints=(
        "One modality first: `torch.cat([shared, x], dim=1)` is (B, b + T, D), and its layer keeps that shape. Which "
        "part of the result is the modality's, which a proposal for the shared tokens?",
        "Collect both in lists. `shared` itself must not change inside the loop, or the order of modalities would "
        "matter.",
        "After the loop: `torch.stack(proposals).mean(dim=0)`.",
    ),
)
def bottleneck_step(answer, rng):
    cases = []
    for batch, b, widths, D in ((2, 3, (5, 4), 4), (3, 4, (1, 6, 2), 3), (2, 1, (4, 4), 5)):
        layers = [Layer(b + max(widths) + sum(widths), D, rng) for _ in widths]
        cases.append((drawn(rng, batch, b, D), [drawn(rng, batch, T, D) for T in widths], layers))
    given = [two_of(answer, case) for case in cases]
    calls = max(layer.calls for *_, layers in cases for layer in layers)
    expected = [right(*case) for case in cases]
    if not all(map(same, given, expected)):
        for mistaken, words in MISTAKES:
            if all(same(result, mistaken(*case)) for result, case in zip(given, cases, strict=True)):
                raise NotRight(words)
        i = next(i for i, pair in enumerate(zip(given, expected, strict=True)) if not same(*pair))
        part = "shared tokens" if not agrees(given[i][0], expected[i][0]) else "modalities"
        raise NotRight(f"{where(*cases[i])} the {part} are not what they should be, and no usual mistake explains it")
    if calls > 1:
        raise NotRight(
            "right, but a layer is called twice for one modality, at double the cost: keep what it gave, and cut both "
            "parts out of that"
        )
    remark = expect_gradients(answer, cases[0], right)
    return "two and three modalities, one to four shared tokens; the order of the modalities changes nothing" + remark


class Layer:
    """A layer in which every token hears every other and knows its position. It counts its calls.

    x + P = y, then y W + tanh of the mean of y V.   (B, T, D) -> (B, T, D)
    """

    def __init__(self, longest: int, D: int, rng: torch.Generator):
        self.P, self.W, self.V = drawn(rng, longest, D), drawn(rng, D, D), drawn(rng, D, D)
        self.calls = 0

    def __call__(self, x: Tensor) -> Tensor:
        self.calls += 1
        y = x + self.P[: x.shape[1]]
        return y @ self.W + torch.tanh((y @ self.V).mean(dim=1, keepdim=True))


def same(one: Result, other: Result) -> bool:
    parts = [one[0], *one[1]], [other[0], *other[1]]
    return len(parts[0]) == len(parts[1]) and all(map(agrees, *parts))


def two_of(answer: Answer, case: tuple) -> Result:
    """Shared tokens and the list of modalities, once their shapes are right."""
    shared, modalities, _ = case
    result = answer(*case)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise NotRight(
            f"{where(*case)} it gave {described(result)}, expected two: the shared tokens and the list of modalities"
        )
    after = result[1]
    if isinstance(result[0], list | tuple) and isinstance(after, Tensor):
        raise NotRight("the list of modalities comes first; `return shared, modalities`")
    if not isinstance(after, list | tuple) or len(after) != len(modalities):
        raise NotRight(f"{where(*case)} the second part should be a list of {len(modalities)} tensors, one a modality")
    b = shared.shape[1]
    lists = {"list": "the proposals are still a list: take their mean"}
    if type(result[0]).__name__ in lists:
        raise NotRight(lists["list"])
    first = expect_tensor(
        result[0],
        f"{where(*case)}, for the shared tokens,",
        shared.shape,
        {
            (len(modalities), *shared.shape): "the proposals are still apart: take their mean over the modalities",
            (len(shared), b * len(modalities), shared.shape[2]): "the proposals stand side by side: take their mean",
            (len(shared), 1, shared.shape[2]): "the mean runs over the tokens; it runs over the modalities",
            (len(shared), 4, shared.shape[2]): "4 is fixed; how many there are, `shared.shape[1]` says",
        },
    )
    parts = []
    for x, given in zip(modalities, after, strict=True):
        batch, T, D = x.shape
        known = {
            (batch, T + b, D): f"the shared tokens are still among them: cut off the first {b}",
            (batch, b, D): "those are the shared tokens' places",
        }
        parts.append(expect_tensor(given, f"{where(*case)}, for a modality of {T} tokens,", x.shape, known))
    return first, parts


def where(shared: Tensor, modalities: list[Tensor], _) -> str:
    return f"for {shared.shape[1]} shared tokens and modalities of {', '.join(str(x.shape[1]) for x in modalities)}"
