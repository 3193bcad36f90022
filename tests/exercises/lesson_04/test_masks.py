import torch


def square(length):
    return torch.ones(length, length, dtype=torch.bool)


def by_rows(length):
    return torch.tensor([[column <= row for column in range(length)] for row in range(length)])


def additive(length):
    return torch.zeros(length, length).masked_fill(~by_rows(length), -torch.inf)


def test_causal_mask(judged):
    judged(
        "04.5",
        {
            "tril": lambda n: torch.ones(n, n).tril().bool(),
            "of True": lambda n: torch.tril(square(n)),
            "rows": by_rows,
            "comparison": lambda n: torch.arange(n)[:, None] >= torch.arange(n),
            "not triu": lambda n: ~torch.triu(square(n), diagonal=1),
            "equal to 1": lambda n: torch.tril(torch.ones(n, n)) == 1,
        },
        {
            "inverted": (lambda n: square(n).triu(1), "it is inverted"),
            "upper": (lambda n: square(n).triu(), "it is the upper triangle"),
            "no diagonal": (lambda n: square(n).tril(-1), "the diagonal is False"),
            "all": (square, "everything is True"),
            "none": (lambda n: ~square(n), "everything is False"),
            "one too many": (lambda n: square(n).tril(1), "one word too many"),
            "diagonal": (lambda n: torch.eye(n).bool(), "only the diagonal"),
            "all others": (lambda n: ~torch.eye(n).bool(), "all but the diagonal"),
            "mirrored": (lambda n: by_rows(n).flip(1), "the triangle is mirrored"),
            "upside down": (lambda n: by_rows(n).flip(0), "upside down"),
            "float": (lambda n: torch.ones(n, n).tril(), "the positions are correct"),
            "int": (lambda n: by_rows(n).long(), None),
            "float, upper": (lambda n: torch.ones(n, n).triu(), "Its positions are wrong too"),
            "additive": (additive, "numbers to add to scores"),
            "PyTorch's": (torch.nn.Transformer.generate_square_subsequent_mask, None),
            "batch": (lambda n: by_rows(n)[None], "one axis too many"),
            "batch and heads": (lambda n: by_rows(n)[None, None], "two axes too many"),
            "one row": (lambda n: square(n)[0], "one row; each"),
            "longer": (lambda n: by_rows(n + 1), "one row and column too many"),
            "shorter": (lambda n: by_rows(n - 1) if n > 1 else square(n)[:0], "one row and column are missing"),
            "list": (lambda n: by_rows(n).tolist(), "returned a list"),
            "window of two": (lambda n: square(n).tril() & square(n).triu(-1), "at most 1 position back"),
            "window of three": (lambda n: square(n).tril() & square(n).triu(-2), "at most 2 positions back"),
            "window of five": (lambda n: square(n).tril() & square(n).triu(-4), "entry ["),
            "a row": (lambda n: torch.tril(torch.ones(n)), "is one row of numbers"),
        },
    )
