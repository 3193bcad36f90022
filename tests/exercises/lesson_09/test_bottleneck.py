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


def one_after_another(shared, modalities, layers):
    after = []
    for x, layer in zip(modalities, layers, strict=True):
        both = layer(torch.cat([shared, x], dim=1))
        shared = both[:, : shared.shape[1]]
        after.append(both[:, shared.shape[1] :])
    return shared, after


def together(shared, modalities, layers):
    parts = [shared, *modalities]
    both = layers[0](torch.cat(parts, 1)).split([part.shape[1] for part in parts], 1)
    return both[0], both[1:]


def behind(shared, modalities, layers):
    b = shared.shape[1]
    both = [layer(torch.cat([x, shared], dim=1)) for x, layer in zip(modalities, layers, strict=True)]
    return sum(part[:, :b] for part in both) / len(both), [part[:, b:] for part in both]


def proposals_of(shared, modalities, layers):
    b = shared.shape[1]
    return torch.stack([layer(torch.cat([shared, x], 1))[:, :b] for x, layer in zip(modalities, layers, strict=True)])


def test_bottleneck_step(judged):
    judged(
        "09.5",
        {"loop": step, "comprehensions": in_comprehensions, "split": by_split},
        {
            "one after another": (one_after_another, "that the first has changed already"),
            "together": (together, "everyone looks at everyone"),
            "behind": (behind, "are other tokens"),
            "first layer": (lambda s, m, layers: step(s, m, [layers[0]] * len(m)), "each has its own"),
            "sum": (lambda *g: (proposals_of(*g).sum(0), step(*g)[1]), "the proposals are added"),
            "last": (lambda *g: (proposals_of(*g)[-1], step(*g)[1]), "of the last modality alone"),
            "first": (lambda *g: (proposals_of(*g)[0], step(*g)[1]), "of the first modality alone"),
            "largest": (lambda *g: (proposals_of(*g).amax(0), step(*g)[1]), "the largest of the proposals"),
            "shared unchanged": (lambda *g: (g[0], step(*g)[1]), "the shared tokens come back"),
            "old ones averaged in": (
                lambda *g: (torch.cat([g[0][None], proposals_of(*g)]).mean(0), step(*g)[1]),
                "averaged in as well",
            ),
            "old ones added": (lambda *g: (g[0] + step(*g)[0], step(*g)[1]), "a layer has its own shortcut"),
            "modalities unchanged": (lambda *g: (step(*g)[0], g[1]), "the modalities come back"),
            "never met": (
                lambda s, m, layers: (s, [layer(x) for x, layer in zip(m, layers, strict=True)]),
                "never meet anyone",
            ),
            "not cut": (
                lambda s, m, layers: (
                    step(s, m, layers)[0],
                    [layer(torch.cat([s, x], 1)) for x, layer in zip(m, layers, strict=True)],
                ),
                "still among them",
            ),
            "proposals apart": (lambda *g: (proposals_of(*g), step(*g)[1]), "the proposals are still apart"),
            "a list of proposals": (lambda *g: (list(proposals_of(*g)), step(*g)[1]), "the proposals are still a list"),
            "turned round": (lambda *g: (step(*g)[1], step(*g)[0]), "the list of modalities comes first"),
            "shared alone": (lambda *g: step(*g)[0], "expected two"),
            "one modality": (lambda *g: (step(*g)[0], step(*g)[1][:1]), "one a modality"),
            "no cut, no mean": (lambda s, m, layers: (s * 0, m), None),
        },
    )
