"""Exercises 12.3 and 12.4 on correct answers and on the wrong ones that people give."""

import torch


def attend(state, positions, W):
    scores = (positions @ (state @ W.T)[:, :, None]).squeeze(2)
    weights = scores.softmax(dim=1)
    return (weights[:, :, None] * positions).sum(dim=1), weights


def by_einsum(state, positions, W):
    weights = torch.einsum("btd,dh,bh->bt", positions, W, state).softmax(-1)
    return torch.einsum("bt,btd->bd", weights, positions), weights


def by_products(state, positions, W):
    weights = ((state @ W.T)[:, None] @ positions.transpose(1, 2))[:, 0].softmax(1)
    return (weights[:, None] @ positions)[:, 0], weights


def variant(weights_of=lambda s: s.softmax(1), found_of=lambda w, p: (w[:, None] @ p)[:, 0], out=lambda f, w: (f, w)):
    def attended(state, positions, W):
        weights = weights_of((positions @ (state @ W.T)[:, :, None])[..., 0])
        return out(found_of(weights, positions), weights)

    return attended


def scores_shown(state, positions, W):
    return attend(state, positions, W)[0], (positions @ (state @ W.T)[:, :, None]).squeeze(2)


def test_attending(judged):
    judged(
        "12.3",
        {"sum": attend, "einsum": by_einsum, "products": by_products},
        {
            "no softmax": (variant(lambda s: s), "the softmax is missing"),
            "batch": (variant(lambda s: s.softmax(0)), "runs over the batch"),
            "sigmoid": (variant(torch.sigmoid), "come from a sigmoid"),
            "minus": (variant(lambda s: (-s).softmax(1)), "a minus sign too many"),
            "best": (
                variant(lambda s: torch.nn.functional.one_hot(s.argmax(1), s.shape[1]).float()),
                "only the best position has a weight",
            ),
            "root": (
                lambda s, p, W: variant(lambda x: (x / p.shape[2] ** 0.5).softmax(1))(s, p, W),
                "divided by the square root of D",
            ),
            "root H": (
                lambda s, p, W: variant(lambda x: (x / s.shape[1] ** 0.5).softmax(1))(s, p, W),
                "divided by the square root of H",
            ),
            "mean": (variant(found_of=lambda w, p: p.mean(1)), "the unweighted mean"),
            "divided": (variant(found_of=lambda w, p: (w[:, None] @ p)[:, 0] / p.shape[1]), "sum to 1 already"),
            "argmax": (
                variant(found_of=lambda w, p: p[torch.arange(len(p)), w.argmax(1)]),
                "the best position alone; it is the weighted mean",
            ),
            "exchanged": (variant(out=lambda f, w: (w, f)), "the weights come first"),
            "one": (variant(out=lambda f, w: f), "one tensor was returned"),
            "axis": (variant(out=lambda f, w: (f, w[..., None])), "an axis of length 1 is left"),
            "not summed": (variant(found_of=lambda w, p: w[..., None] * p), "the positions are not summed"),
            "ones": (variant(torch.ones_like), "every weight is 1"),
            "flat": (variant(lambda s: s.flatten().softmax(0).view_as(s)), "of the whole batch sum to 1 together"),
            "exp": (variant(torch.exp), "`exp` alone"),
            "no exp": (variant(lambda s: s / s.sum(1, keepdim=True)), "the `exp` is missing"),
            "scores": (scores_shown, "the scores are returned as weights"),
            "logs shown": (variant(out=lambda f, w: (f, w.log())), "the logarithms of the weights are returned"),
            "logs": (variant(lambda s: s.log_softmax(1)), "the weights are logarithms"),
            "query": (lambda s, p, W: (s @ W.T, attend(s, p, W)[1]), "the query is returned as the context"),
            "unknown": (variant(out=lambda f, w: (f, w + torch.eye(*w.shape))), "weights["),
            "unknown found": (variant(out=lambda f, w: (f + 1, w)), "context["),
            "arrays": (variant(out=lambda f, w: (f.numpy(), w.numpy())), "a tuple of 2 of type ndarray"),
            "three": (variant(out=lambda f, w: (f, w, w)), "a tuple of 3 of type Tensor"),
            "detached": (variant(out=lambda f, w: (f.detach(), w.detach())), "no gradient"),
        },
        draws=10,
    )


def beam_step(scores, log_p, width):
    best, position = (scores[:, None] + log_p).flatten().topk(width)
    return best, position // log_p.shape[1], position % log_p.shape[1]


def by_sorting(scores, log_p, width):
    pairs = sorted(((scores[i] + log_p[i, j]).item(), i, j) for i in range(len(scores)) for j in range(log_p.shape[1]))[
        ::-1
    ][:width]
    return tuple(torch.tensor(column) for column in zip(*pairs, strict=True))


def other(total, out=lambda s, parent, word: (s, parent, word), columns=None):
    def stepped(scores, log_p, width):
        best, position = total(scores, log_p).flatten().topk(width)
        below = columns(scores, log_p) if columns else log_p.shape[1]
        return out(best, position // below, position % below)

    return stepped


def each_its_best(scores, log_p, width):
    best, words = (scores[:, None] + log_p).max(dim=1)
    found, parents = best.topk(min(width, len(best)))
    return found, parents, words[parents]


def rows(scores, log_p, width):
    best, words = (scores[:, None] + log_p).topk(width, dim=1)
    return best, torch.arange(len(scores))[:, None].expand_as(words), words


def everything(scores, log_p, width):
    best, position = (scores[:, None] + log_p).flatten().sort(descending=True)
    return best, position // log_p.shape[1], position % log_p.shape[1]


def with_scores(scores_of):
    def stepped(scores, log_p, width):
        _, parents, words = beam_step(scores, log_p, width)
        return scores_of(scores, log_p, parents, words), parents, words

    return stepped


def no_word_twice(scores, log_p, width):
    best, parents = (scores[:, None] + log_p).max(dim=0)
    found, words = best.topk(width)
    return found, parents[words], words


def some_of_each(scores, log_p, width):
    pairs = []
    for parent, row in enumerate(scores[:, None] + log_p):
        best = row.topk(-(-width // len(scores)))
        pairs += [(score, parent, word) for score, word in zip(*(x.tolist() for x in best), strict=True)]
    return tuple(torch.tensor(column) for column in zip(*sorted(pairs)[: -width - 1 : -1], strict=True))


def shared_out(scores, log_p, width):
    kept = (scores[:, None] + log_p).topk(width // len(scores), dim=1)
    best, order = kept.values.flatten().sort(descending=True)
    parents = torch.arange(len(scores))[:, None].expand_as(kept.indices).flatten()
    return best, parents[order], kept.indices.flatten()[order]


def from_the_best(scores, log_p, width):
    best = scores.argmax()
    found, words = (scores[best] + log_p[best]).topk(width)
    return found, best.expand(width), words


def inner_position(scores, log_p, width):
    best, position = (scores[:, None] + log_p).topk(width, dim=1).values.flatten().topk(width)
    return best, position // width, position % width


def test_beaming(judged):
    plus = lambda s, p: s[:, None] + p  # noqa: E731
    judged(
        "12.4",
        {
            "topk": beam_step,
            "sorting": by_sorting,
            "list": lambda s, p, w: [*beam_step(s, p, w)],
        },
        {
            "no scores": (other(lambda s, p: p), "the scores of the beginnings are left out"),
            "product": (other(lambda s, p: s[:, None] * p), "and log-probabilities are multiplied"),
            "exp": (other(lambda s, p: s[:, None] + p.exp()), "without the `exp`"),
            "probabilities": (other(lambda s, p: plus(s, p).exp()), "return logarithms"),
            "exchanged": (other(plus, out=lambda s, p, w: (s, w, p)), "parents and words are exchanged"),
            "columns": (other(plus, columns=lambda s, p: len(s)), "divided by the number of beginnings"),
            "ascending": (other(plus, out=lambda *a: tuple(x.flip(0) for x in a)), "order is ascending"),
            "each its best": (each_its_best, None),
            "one of each": (
                lambda s, p, w: (*plus(s, p).max(1), torch.arange(len(s))),
                "one word of each beginning was returned",
            ),
            "no word twice": (no_word_twice, "no word is kept twice"),
            "some of each": (some_of_each, "keeps a fixed number of continuations"),
            "shared out": (shared_out, "`width` is divided among the beginnings"),
            "from the best": (from_the_best, "only the best beginning is continued"),
            "inner position": (inner_position, "its rank among the best of its beginning"),
            "width": (
                lambda s, p, w: other(plus, columns=lambda *a: w)(s, p, w),
                "divided by `width`",
            ),
            "word's score": (with_scores(lambda s, p, i, j: p[i, j]), "their scores are those of the words alone"),
            "beginning's score": (with_scores(lambda s, p, i, j: s[i]), "their scores are those of the beginnings"),
            "times exp": (other(lambda s, p: s[:, None] * p.exp()), "scores are multiplied with"),
            "log": (with_scores(lambda s, p, i, j: s[i] + p[i, j].log()), "of a negative number"),
            "next word": (other(plus, out=lambda s, p, w: (s, p, w + 1)), "words["),
            "next parent": (other(plus, out=lambda s, p, w: (s, p + 1, w)), "parents["),
            "half the score": (other(plus, out=lambda s, p, w: (s / 2, p, w)), "the mean of both logarithms"),
            "two": (lambda *a: beam_step(*a)[:2], "a tuple of 2 of type Tensor"),
            "rows": (rows, "flatten the table first"),
            "everything": (everything, "all pairs were returned"),
            "float": (other(plus, out=lambda s, p, w: (s, p + 0.5, w)), "are not integers"),
            "one": (lambda *a: beam_step(*a)[0], "returned a tensor of shape"),
            "scores last": (other(plus, out=lambda s, p, w: (p, w, s)), None),
        },
        draws=10,
    )
