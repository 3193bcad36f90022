import torch


def rows(states):
    return torch.arange(len(states))


def gathered(squeeze=lambda s: s[:, 0]):
    return lambda s, n: squeeze(s.gather(1, (n - 1)[:, None, None].expand(-1, 1, s.shape[2])))


def masked(s, n):
    mask = torch.arange(s.shape[1]) == (n - 1)[:, None]
    return (s * mask[:, :, None]).sum(1)


def real(s, n):
    return (torch.arange(s.shape[1]) < n[:, None])[:, :, None]


def in_place(s, n):
    n -= 1
    return s[rows(s), n]


def axes_exchanged(s, n):
    return s[n - 1, rows(s)]


def on_the_features(s, n):
    return s[rows(s), :, n - 1]


def right(s, n):
    return s[rows(s), n - 1]


def test_last_states(judged):
    judged(
        "02.5",
        {
            "two indices": right,
            "lists": lambda s, n: s[list(range(len(s))), (n - 1).tolist()],
            "gather": gathered(),
            "gather, squeeze": gathered(lambda s: s.squeeze(1)),
            "loop": lambda s, n: torch.stack([s[i, n[i] - 1] for i in range(len(s))]),
            "mask": masked,
            "boolean index": lambda s, n: s[torch.arange(s.shape[1]) == (n - 1)[:, None]],
        },
        {
            "last column": (lambda s, n: s[:, -1], "the last column for every sentence"),
            "one too far": (lambda s, n: s[rows(s), n % s.shape[1]], "one position too far"),
            "beyond the end": (lambda s, n: s[rows(s), n + s.shape[1] - n.max()], None),
            "out of bounds": (lambda s, n: s[rows(s), n * 0 + s.shape[1]], "The last of"),
            "one too early": (lambda s, n: s[rows(s), n - 2], "one position too early"),
            "longest": (lambda s, n: s[:, n.max() - 1], "the longest sentence, used"),
            "shortest": (lambda s, n: s[:, n.min() - 1], "the shortest sentence's last word"),
            "first length": (lambda s, n: s[:, n[0] - 1], None),
            "first word": (lambda s, n: s[:, 0], "after the first word"),
            "from the right": (lambda s, n: s[rows(s), -n], "it counts from the right"),
            "every length": (lambda s, n: s[:, n - 1], "indexed with every length"),
            "batch index": (lambda s, n: s[n - 1] if len(s) > n.max() else s[(n - 1) % len(s)], "all states are there"),
            "mean": (lambda s, n: s.mean(1), "the mean over all positions"),
            "mean of words": (lambda s, n: (s * real(s, n)).sum(1) / n[:, None], "the mean over the real words"),
            "sum of words": (lambda s, n: (s * real(s, n)).sum(1), "the sum over the real words"),
            "maximum": (lambda s, n: s.amax(1), "the maximum over all positions"),
            "maximum of words": (
                lambda s, n: s.masked_fill(~real(s, n), -torch.inf).amax(1),
                "as in the next exercise",
            ),
            "axis left": (gathered(lambda s: s), "one axis of size 1 is left: after"),
            "squeezed": (gathered(lambda s: s.squeeze()), "does a `squeeze`"),
            "gather without axes": (lambda s, n: s.gather(1, n - 1), "needs two more axes"),
            "in place": (in_place, "`n` was changed in place"),
            "zeros": (lambda s, n: torch.zeros_like(s[:, 0]), "all zeros"),
            "list": (lambda s, n: [s[i, n[i] - 1] for i in range(len(s))], "returned a list"),
            "one sentence": (lambda s, n: right(s, n)[0], None),
            "transposed": (lambda s, n: right(s, n).T, "rows and columns"),
            "mixed up": (lambda s, n: right(s, n).flip(0), "sentences in reverse order"),
            "scaled": (lambda s, n: 2 * right(s, n), "2 times the expected"),
            "over features": (lambda s, n: s.sum(2), "the feature axis is gone"),
            "axes exchanged": (axes_exchanged, "axis 0 is the batch, numbered by"),
            "one index": (lambda s, n: s[n - 1], None),
            "on the features": (on_the_features, "axis 2 holds the features"),
        },
    )


def filled(value=-torch.inf, padding=lambda t: t == 0, reduce=lambda f: f.amax(2)):
    return lambda f, t: reduce(f.masked_fill(padding(t)[:, None], value))


def by_loop(f, t):
    return torch.stack([each[:, words != 0].amax(1) for each, words in zip(f, t, strict=True)])


def by_where(f, t):
    return torch.where(t[:, None] > 0, f, torch.tensor(-1e9)).max(dim=2).values


def corrupts(f, t):
    f[(t == 0)[:, None].expand_as(f)] = -torch.inf
    return f.amax(2)


def without_axis(f, t):
    return f.masked_fill(t == 0, -torch.inf).amax(2)


def without_axis_where_it_fits(f, t):
    return without_axis(f, t) if f.shape[:2] == (4, 4) else filled()(f, t)


def last_word(f, t):
    positions = (t != 0).sum(1) - 1
    return f[torch.arange(len(f)), :, positions]


def mean_of_words(f, t):
    mask = (t != 0)[:, None]
    return (f * mask).sum(2) / mask.sum(2)


def test_max_over_time(judged):
    judged(
        "02.6",
        {
            "filled": filled(),
            "loop": by_loop,
            "where": by_where,
            "added": lambda f, t: (f + (t == 0)[:, None] * -1e9).amax(2),
            "least of the type": filled(torch.finfo(torch.float32).min),
            "copied": lambda f, t: corrupts(f.clone(), t),
            "not zero": filled(padding=lambda t: ~t.bool()),
            "dim=-1": lambda f, t: torch.max(f.masked_fill(t.eq(0).unsqueeze(1), -torch.inf), dim=-1)[0],
        },
        {
            "plain": (lambda f, t: f.amax(2), "padding is included"),
            "zeros": (filled(0.0), "padding is set to 0, and"),
            "minus one": (filled(-1.0), "padding is set to -1, and"),
            "two": (filled(2.0), "padding is set to 2, and"),
            "filled with NaN": (filled(torch.nan), "padding is set to NaN"),
            "times mask": (lambda f, t: (f * (t != 0)[:, None]).amax(2), None),
            "not low enough": (filled(-999.0), "correct for small features"),
            "reversed": (filled(padding=lambda t: t != 0), "the maximum over padding alone"),
            "unknown left out": (filled(padding=lambda t: t <= 1), "'<unk>', is left out"),
            "mean": (mean_of_words, "the mean over the real words"),
            "mean of all": (lambda f, t: f.mean(2), "the mean, padding included"),
            "absolute": (lambda f, t: filled()(f.abs(), t), "the absolute values"),
            "relu": (lambda f, t: filled()(f, t).relu(), "negative results became 0"),
            "smallest": (lambda f, t: -filled()(-f, t), "the minimum over"),
            "last word": (last_word, "on the last real word"),
            "NaN": (lambda f, t: (f + (t == 0)[:, None] * -torch.inf).amax(2), "0 · ∞ is NaN"),
            "without an axis": (without_axis, "the mask needs an axis for the features"),
            "without an axis where it fits": (without_axis_where_it_fits, "the mask of sentence i"),
            "in place": (corrupts, "`f` was changed in place"),
            "with places": (lambda f, t: f.max(2), "take `.values`"),
            "places": (lambda f, t: f.masked_fill((t == 0)[:, None], -torch.inf).argmax(2), "those are indices"),
            "keepdim": (filled(reduce=lambda f: f.amax(2, keepdim=True)), "without `keepdim`"),
            "over features": (filled(reduce=lambda f: f.amax(1)), "the maximum runs over the features"),
            "over the batch": (filled(reduce=lambda f: f.amax(0)), "the maximum runs over the batch"),
            "everything": (filled(reduce=torch.max), "one number for everything"),
            "one a sentence": (filled(reduce=lambda f: f.amax((1, 2))), "one number for each sentence: each feature"),
            "not reduced": (filled(reduce=lambda f: f), "the time axis is still there"),
            "transposed": (filled(reduce=lambda f: f.amax(2).T), None),
            "list": (lambda f, t: list(by_loop(f, t)), "returned a list"),
            "scaled": (lambda f, t: 2 * filled()(f, t), None),
        },
    )


def test_a_sentence_of_padding_alone_is_remarked_upon_and_not_wrong():
    from mmcourse.exercises.checks import judge

    verdict = judge("02.6", filled())
    assert verdict and "of padding alone would give -inf" in verdict.message
