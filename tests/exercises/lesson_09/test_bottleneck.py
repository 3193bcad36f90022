"""Exercise 09.5 on right answers and on the wrong ones that people give."""

import torch


def step(shared, modalities, layers):
    proposals, after = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        proposals.append(both[:, : shared.shape[1]])
        after.append(both[:, shared.shape[1] :])
    return torch.stack(proposals).mean(dim=0), after


def in_comprehensions(shared, modalities, layers):
    b = shared.shape[1]
    both = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(part[:, :b] for part in both) / len(both), tuple(part[:, b:] for part in both)


def by_split(shared, modalities, layers):
    b, total, after = shared.shape[1], torch.zeros_like(shared), []
    for m in range(len(modalities)):
        ours, theirs = layers[m](torch.cat((shared, modalities[m]), 1)).split([b, modalities[m].shape[1]], 1)
        total = total + ours
        after += [theirs]
    return [total / len(modalities), after]


def one_after_another(shared, modalities, layers, mean=False):
    proposals, after = [], []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        shared = both[:, : shared.shape[1]]
        proposals.append(shared)
        after.append(both[:, shared.shape[1] :])
    return sum(proposals) / len(proposals) if mean else shared, after


def in_place(shared, modalities, layers):
    b = shared.shape[1]
    both = [layer(torch.cat([shared, x], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    total = both[0][:, :b]
    for part in both[1:]:
        total += part[:, :b]
    return total / len(both), [part[:, b:] for part in both]


def together(shared, modalities, layers):
    parts = [shared, *modalities]
    both = layers[0](torch.cat(parts, 1)).split([part.shape[1] for part in parts], 1)
    return both[0], both[1:]


def ordered(join_first, cut_first):
    def step(shared, modalities, layers):
        b = shared.shape[1]
        both = [
            layer(torch.cat([shared, x] if join_first else [x, shared], dim=1))
            for x, layer in zip(modalities, layers, strict=True)
        ]
        front, end = (slice(None, b), slice(b, None)) if cut_first else (slice(-b, None), slice(None, -b))
        return sum(part[:, front] for part in both) / len(both), [part[:, end] for part in both]

    return step


def all_through_each(shared, modalities, layers):
    runs = [together(shared, modalities, [layer]) for layer in layers]
    return sum(run[0] for run in runs) / len(runs), [run[1][m] for m, run in enumerate(runs)]


def apart(shared, modalities, layers):
    return sum(layer(shared) for layer in layers) / len(layers), [
        layer(x) for x, layer in zip(modalities, layers, strict=True)
    ]


def called_twice(shared, modalities, layers):
    b = shared.shape[1]
    pairs = list(zip(modalities, layers, strict=True))
    heard = [layer(torch.cat([shared, x], dim=1))[:, :b] for x, layer in pairs]
    return sum(heard) / len(heard), [layer(torch.cat([shared, x], dim=1))[:, b:] for x, layer in pairs]


def with_parts(shared_part, part, of=step):
    """The step's results, each through a function."""

    def changed(*given):
        heard, after = of(*given)
        return shared_part(heard), [part(x) for x in after]

    return changed


def proposals_of(shared, modalities, layers):
    b = shared.shape[1]
    return torch.stack([layer(torch.cat([shared, x], 1))[:, :b] for x, layer in zip(modalities, layers, strict=True)])


def test_bottleneck_step(judged):
    judged(
        "09.5",
        {"loop": step, "comprehensions": in_comprehensions, "split": by_split, "in place": in_place},
        {
            "one after another": (one_after_another, "the second modality gets shared tokens that the"),
            "together": (together, "that is what the bottleneck avoids"),
            "one after another, averaged": (
                lambda *g: one_after_another(*g, mean=True),
                "the mean is taken at the end, but `shared` is also",
            ),
            "all through each": (all_through_each, "all modalities are in one sequence, so every token"),
            "apart": (apart, "a layer gets the shared tokens and its modality in"),
            "behind": (ordered(False, True), "`[:, :b]` are other tokens"),
            "cut from the end": (ordered(True, False), "`[:, -b:]` are other tokens"),
            "behind and cut from the end": (ordered(False, False), "were put last; they come first"),
            "called twice": (called_twice, "a layer is called twice"),
            "layers turned round": (lambda s, m, layers: step(s, m, layers[::-1]), "in the wrong order"),
            "divided by 2": (
                lambda *g: (proposals_of(*g).sum(0) / 2, step(*g)[1]),
                "divided by 2 regardless of their number",
            ),
            "divided by 3": (
                lambda *g: (proposals_of(*g).sum(0) / 3, step(*g)[1]),
                "divided by 3 regardless of their number",
            ),
            "modalities added": (
                lambda s, m, layers: (
                    step(s, m, layers)[0],
                    [x + new for x, new in zip(m, step(s, m, layers)[1], strict=True)],
                ),
                "the modalities are added to the layers' output",
            ),
            "heard again": (
                lambda s, m, layers: (step(s, m, layers)[0], step(step(s, m, layers)[0], m, layers)[1]),
                "the modalities go through their layers again with",
            ),
            "detached": (with_parts(torch.detach, torch.detach), "no gradient reaches `given`"),
            "shared detached": (
                lambda s, m, layers: with_parts(torch.detach, lambda x: x)(s, m, layers),
                "only a part of the gradient reaches `s` and `m`",
            ),
            "one modality detached": (
                lambda s, m, layers: step(s, [m[0].detach(), *m[1:]], layers),
                "no gradient reaches `m[0]`",
            ),
            "numbers": (with_parts(lambda x: torch.tensor(x.tolist()), lambda x: torch.tensor(x.tolist())), None),
            "side by side": (
                lambda *g: (torch.cat(list(proposals_of(*g)), 1), step(*g)[1]),
                "the proposals are concatenated: take their mean",
            ),
            "over the tokens": (
                lambda *g: (proposals_of(*g).mean((0, 2))[:, None], step(*g)[1]),
                "the mean is over the modalities, not the tokens",
            ),
            "four": (
                lambda s, m, layers: with_parts(lambda x: x, lambda x: x)(torch.cat([s, s], 1)[:, :4], m, layers),
                "the number of shared tokens is `shared.shape[1]`",
            ),
            "first layer": (lambda s, m, layers: step(s, m, [layers[0]] * len(m)), "each has its own"),
            "sum": (lambda *g: (proposals_of(*g).sum(0), step(*g)[1]), "the proposals are summed; take their mean"),
            "last": (
                lambda *g: (proposals_of(*g)[-1], step(*g)[1]),
                "the shared tokens are those of the last modality",
            ),
            "first": (
                lambda *g: (proposals_of(*g)[0], step(*g)[1]),
                "the shared tokens are those of the first modality",
            ),
            "largest": (
                lambda *g: (proposals_of(*g).amax(0), step(*g)[1]),
                "the maximum of the proposals is taken; take their",
            ),
            "shared unchanged": (lambda *g: (g[0], step(*g)[1]), "the shared tokens are returned unchanged: the"),
            "old ones averaged in": (
                lambda *g: (torch.cat([g[0][None], proposals_of(*g)]).mean(0), step(*g)[1]),
                "the old shared tokens are included in the mean",
            ),
            "old ones added": (lambda *g: (g[0] + step(*g)[0], step(*g)[1]), "the old shared tokens are added"),
            "modalities unchanged": (
                lambda *g: (step(*g)[0], g[1]),
                "the modalities are returned unchanged: the layers'",
            ),
            "never met": (
                lambda s, m, layers: (s, [layer(x) for x, layer in zip(m, layers, strict=True)]),
                "the shared tokens never interact with a modality",
            ),
            "not cut": (
                lambda s, m, layers: (
                    step(s, m, layers)[0],
                    [layer(torch.cat([s, x], 1)) for x, layer in zip(m, layers, strict=True)],
                ),
                "the shared tokens are still included: remove the",
            ),
            "proposals apart": (
                lambda *g: (proposals_of(*g), step(*g)[1]),
                "the proposals are still separate: take their mean",
            ),
            "a list of proposals": (lambda *g: (list(proposals_of(*g)), step(*g)[1]), "the proposals are still a list"),
            "swapped": (
                lambda *g: (step(*g)[1], step(*g)[0]),
                "the list of modalities is returned first; `return",
            ),
            "shared alone": (lambda *g: step(*g)[0], "expected two"),
            "one modality": (lambda *g: (step(*g)[0], step(*g)[1][:1]), "the second value should be a list of"),
            "no cut, no mean": (lambda s, m, layers: (s * 0, m), None),
        },
    )
