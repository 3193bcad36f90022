import torch


def in_a_loop(x, n_heads):
    each = x.shape[2] // n_heads
    return torch.stack([x[:, :, h * each : (h + 1) * each] for h in range(n_heads)], dim=1)


def split_in_place(x, n_heads):
    x.mul_(1.5)
    return in_a_loop(x, n_heads)


def test_split_heads(judged):
    judged(
        "04.3",
        {
            "view": lambda x, n: x.view(*x.shape[:2], n, -1).transpose(1, 2),
            "reshape and permute": lambda x, n: x.reshape(*x.shape[:2], n, x.shape[2] // n).permute(0, 2, 1, 3),
            "contiguous": lambda x, n: x.unflatten(-1, (n, -1)).transpose(1, 2).contiguous(),
            "slices": in_a_loop,
            "chunks": lambda x, n: torch.stack(x.chunk(n, -1), 1),
            "double": lambda x, n: in_a_loop(x, n).double(),
        },
        {
            "view alone": (lambda x, n: x.view(len(x), n, x.shape[1], -1), "`view` only regroups"),
            "not moved": (lambda x, n: x.view(*x.shape[:2], n, -1), "the heads come after the words"),
            "heads last": (lambda x, n: x.view(*x.shape[:2], -1, n), "the heads are the last axis"),
            "every n-th": (lambda x, n: x.view(*x.shape[:2], -1, n).permute(0, 3, 1, 2), "every n-th feature"),
            "exchanged": (
                lambda x, n: x.view(*x.shape[:2], n, -1).permute(0, 3, 1, 2),
                "`n_heads` and D / n_heads are exchanged",
            ),
            "n_heads taken for d": (lambda x, n: x.view(*x.shape[:2], -1, n).transpose(1, 2), None),
            "words last": (lambda x, n: x.view(*x.shape[:2], n, -1).permute(0, 2, 3, 1), "the words are the last axis"),
            "transposed first": (
                lambda x, n: x.transpose(1, 2).reshape(len(x), n, x.shape[1], -1),
                "while it is still the last axis",
            ),
            "heads first": (lambda x, n: in_a_loop(x, n).transpose(0, 1), "heads come before the batch"),
            "in the batch": (lambda x, n: in_a_loop(x, n).flatten(0, 1), "in the batch's axis"),
            "all features": (lambda x, n: x[:, None].expand(-1, n, -1, -1), "each head has all D"),
            "the same": (lambda x, n: in_a_loop(x, n)[:, :1].expand(-1, n, -1, -1), "every head gets the same"),
            "reversed": (lambda x, n: in_a_loop(x, n).flip(1), "reverse order"),
            "unchanged": (lambda x, n: x, "that is the shape of x"),
            "chunks": (lambda x, n: x.chunk(n, -1), "returned a tuple"),
            "scaled": (lambda x, n: in_a_loop(x, n) / n**0.5, "values have changed"),
            "two heads": (lambda x, n: in_a_loop(x, 2), "there are 2 heads, and `n_heads` is 3"),
            "four heads": (lambda x, n: in_a_loop(x, 4), "there are 4 heads, and `n_heads` is 3"),
            "three heads": (lambda x, n: x.reshape(*x.shape[:2], 3, -1).transpose(1, 2), "have to multiply to"),
            "divided by /": (
                lambda x, n: x.reshape(*x.shape[:2], n, x.shape[2] / n).transpose(1, 2),
                "integer: `//`",
            ),
            "words reversed": (lambda x, n: in_a_loop(x, n).flip(2), None),
            "in place": (split_in_place, "`x` was changed in place"),
        },
        draws=3,
    )


def test_join_heads(judged):
    judged(
        "04.4",
        {
            "reshape": lambda x: x.transpose(1, 2).reshape(len(x), x.shape[2], -1),
            "flatten": lambda x: x.transpose(1, 2).flatten(2),
            "contiguous": lambda x: x.permute(0, 2, 1, 3).contiguous().view(len(x), x.shape[2], -1),
            "cat": lambda x: torch.cat([x[:, h] for h in range(x.shape[1])], dim=-1),
        },
        {
            "not moved": (lambda x: x.reshape(len(x), x.shape[2], -1), "Exchange axes 1 and 2 first"),
            "view": (lambda x: x.transpose(1, 2).view(len(x), x.shape[2], -1), "`view` refuses"),
            "shuffled": (lambda x: x.permute(0, 2, 3, 1).flatten(2), "shuffled into one another"),
            "words and features": (
                lambda x: x.transpose(2, 3).reshape(len(x), x.shape[2], -1),
                "exchange heads and words",
            ),
            "heads and features": (
                lambda x: x.transpose(1, 3).reshape(len(x), x.shape[2], -1),
                "heads and features are exchanged",
            ),
            "batch and words": (
                lambda x: x.transpose(0, 2).reshape(len(x), x.shape[2], -1),
                "batch and words were exchanged before",
            ),
            "batch and words moved": (lambda x: x.permute(2, 0, 1, 3).reshape(len(x), x.shape[2], -1), None),
            "words first": (lambda x: x.permute(2, 0, 1, 3).flatten(2), "exchange axes 1 and 2 instead"),
            "not merged": (lambda x: x.transpose(1, 2), "but not merged"),
            "in time": (lambda x: torch.cat(x.unbind(1), dim=1), "one after the other in time"),
            "merged words": (lambda x: x.flatten(2), "it is heads and features that are merged"),
            "summed": (lambda x: x.sum(1), "joining keeps all features"),
            "averaged": (lambda x: x.mean(1), None),
            "reversed": (lambda x: torch.cat(x.flip(1).unbind(1), dim=-1), "in reverse order"),
            "first": (lambda x: x[:, 0].repeat(1, 1, x.shape[1]), "the first head is repeated"),
            "unchanged": (lambda x: x, "that is the shape of x"),
            "in the batch": (lambda x: x.flatten(0, 1), "merged with the batch"),
        },
        draws=3,
    )
