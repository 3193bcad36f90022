import torch

MASK = 4
where = torch.where


def answer(t, c, d, r):
    return where(c & (d < 0.8), MASK, where(c & (d >= 0.8) & (d < 0.9), r, t)), where(c, t, 0)


def by_index(t, c, d, r):
    inputs = t.clone()
    inputs[c & (d < 0.8)] = MASK
    middle = c & (d >= 0.8) & (d < 0.9)
    inputs[middle] = r[middle]
    targets = torch.zeros_like(t)
    targets[c] = t[c]
    return inputs, targets


def by_loop(t, c, d, r):
    inputs, targets = t.clone(), torch.zeros_like(t)
    for i in range(t.shape[0]):
        for j in range(t.shape[1]):
            if c[i, j]:
                targets[i, j] = t[i, j]
                if d[i, j] < 0.8:
                    inputs[i, j] = MASK
                elif d[i, j] < 0.9:
                    inputs[i, j] = r[i, j]
    return inputs, targets


def in_place(t, c, d, r):
    targets = t * c
    t[c & (d < 0.8)] = MASK
    return t, targets


def inputs(wrong):
    return lambda t, c, d, r: (wrong(t, c, d, r), t * c)


def targets(wrong):
    return lambda t, c, d, r: (answer(t, c, d, r)[0], wrong(t, c, d, r))


def test_mask_tokens(judged):
    judged(
        "05.4",
        {"answer": answer, "index": by_index, "loop": by_loop, "product": lambda *x: (answer(*x)[0], x[0] * x[1])},
        {
            "all masked": (inputs(lambda t, c, d, r: where(c, MASK, t)), "every chosen token becomes <mask>"),
            "none kept": (
                inputs(lambda t, c, d, r: where(c, where(d < 0.8, MASK, r), t)),
                "no chosen token stays as it is",
            ),
            "no random": (
                inputs(lambda t, c, d, r: where(c & (d < 0.8), MASK, t)),
                "no chosen token becomes a random one",
            ),
            "random and kept swapped": (
                inputs(lambda t, c, d, r: where(c & (d < 0.8), MASK, where(c & (d >= 0.9), r, t))),
                "random tokens and kept ones are swapped",
            ),
            "not chosen": (
                inputs(lambda t, c, d, r: where(d < 0.8, MASK, where(d < 0.9, r, t))),
                "tokens that were not chosen are replaced too",
            ),
            "inverted": (
                inputs(lambda t, c, d, r: where(~c & (d < 0.8), MASK, where(~c & (d < 0.9), r, t))),
                "the tokens that were not chosen are replaced, and",
            ),
            "untouched": (inputs(lambda t, c, d, r: t), "nothing is hidden"),
            "every target": (targets(lambda t, c, d, r: t), "the loss counts all of them"),
            "masked targets alone": (
                targets(lambda t, c, d, r: where(c & (d < 0.8), t, 0)),
                "the tokens that became <mask> alone",
            ),
            "kept without target": (
                targets(lambda t, c, d, r: where(c & (d < 0.9), t, 0)),
                "tokens that were chosen and kept have no target",
            ),
            "what replaced them": (
                targets(lambda t, c, d, r: where(c, answer(t, c, d, r)[0], 0)),
                "the targets hold what replaced the tokens",
            ),
            "the inputs": (targets(lambda t, c, d, r: answer(t, c, d, r)[0]), "the targets are the inputs"),
            "-100": (targets(lambda t, c, d, r: where(c, t, -100)), "targets that do not count are -100"),
            "others": (targets(lambda t, c, d, r: where(c, 0, t)), "the targets hold the tokens that were not chosen"),
            "places": (targets(lambda t, c, d, r: c.long()), "which token it was is asked for"),
            "swapped": (lambda *x: answer(*x)[::-1], "inputs and targets are swapped"),
            "in place": (in_place, "was changed in place"),
            "inputs alone": (lambda *x: answer(*x)[0], "expected two tensors"),
            "both": (lambda t, c, d, r: (where(c, MASK, t), t), None),
            "0.8 included": (
                inputs(lambda t, c, d, r: where(c & (d <= 0.8), MASK, where(c & (d < 0.9), r, t))),
                "a draw of exactly 0.8",
            ),
            "overwritten": (
                inputs(lambda t, c, d, r: where(c & (d < 0.9), r, where(c & (d < 0.8), MASK, t))),
                "<mask> is missing",
            ),
            "zero": (
                inputs(lambda t, c, d, r: where(c & (d < 0.8), 0, answer(t, c, d, r)[0])),
                "which is padding; <mask> is 4",
            ),
            "wrong way": (
                inputs(lambda t, c, d, r: where(c & (d >= 0.8), MASK, where(c & (d < 0.1), r, t))),
                "the comparison is the wrong way round",
            ),
            "chosen alone": (targets(lambda t, c, d, r: t[c]), "only the chosen tokens are there"),
        },
    )
