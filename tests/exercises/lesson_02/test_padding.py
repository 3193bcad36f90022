from itertools import zip_longest

import torch
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence


def padder(value=0, left=False, dtype=torch.long, width=lambda sizes: max(sizes), make=torch.full):
    """Padding by a loop, with any of its parts exchanged."""

    def pad(sequences):
        columns = width([len(s) for s in sequences])
        batch = make((len(sequences), columns), value, dtype=dtype)
        for row, sequence in zip(batch, sequences, strict=True):
            sequence = torch.tensor(sequence[:columns], dtype=dtype)
            if left:
                row[columns - len(sequence) :] = sequence
            else:
                row[: len(sequence)] = sequence
        return batch

    return pad


right = padder()


def by_lists(sequences):
    longest = max(len(s) for s in sequences)
    return torch.tensor([s + [0] * (longest - len(s)) for s in sequences])


def in_place(sequences):
    longest = max(map(len, sequences))
    for sequence in sequences:
        sequence += [0] * (longest - len(sequence))
    return torch.tensor(sequences)


def garbage(size, value, dtype):
    return torch.randint(1_000, 2_000, size, dtype=dtype)


def test_pad_batch(judged):
    judged(
        "02.2",
        {
            "loop": right,
            "lists": by_lists,
            "zip_longest": lambda s: torch.tensor(list(zip_longest(*s, fillvalue=0)), dtype=torch.long).T,
            "pad_sequence": lambda s: pad_sequence([torch.tensor(x, dtype=torch.long) for x in s], batch_first=True),
            "F.pad": lambda s: torch.stack(
                [F.pad(torch.tensor(x, dtype=torch.long), (0, max(map(len, s)) - len(x))) for x in s]
            ),
            "to long at the end": lambda s: padder(dtype=torch.float32)(s).long(),
        },
        {
            "left": (padder(left=True), "the zeros are on the left"),
            "filled with 1": (padder(1), "it is padded with 1"),
            "filled with -1": (padder(-1), "it is padded with -1"),
            "filled with something": (padder(make=garbage), "`torch.empty`, which is not"),
            "fixed width": (padder(width=lambda sizes: 20), "every batch gets 20 columns"),
            "shortest": (padder(width=min), "length of the shortest"),
            "first": (lambda s: padder(width=lambda sizes: sizes[0])(s), "length of the first"),
            "one more": (padder(width=lambda sizes: max(sizes) + 1), "one column too many"),
            "one less": (padder(width=lambda sizes: max(sizes) - 1), "one column too few"),
            "maximum of lists": (lambda s: padder(width=lambda _: len(max(s)))(s), None),
            "float": (padder(dtype=torch.float32), "`torch.zeros` makes floats, unless"),
            "an empty tensor is float": (
                lambda s: pad_sequence([torch.tensor(x) for x in s], batch_first=True).to(
                    torch.float32 if not all(s) else torch.long
                ),
                "of an empty list, too",
            ),
            "int32": (padder(dtype=torch.int32), "torch.int32"),
            "list": (lambda s: by_lists(s).tolist(), "not a tensor"),
            "list of tensors": (lambda s: list(right(s)), "returned a list"),
            "time first": (lambda s: right(s).T, "the batch comes first"),
            "in one row": (lambda s: right(s).flatten(), "everything is in one row"),
            "not padded": (lambda s: torch.tensor(sum(s, [])), "all sequences are in one row"),
            "axis in front": (lambda s: right(s)[None], "left in front"),
            "sorted by length": (lambda s: right(sorted(s, key=len)), "sorted by length: row i"),
            "longest first": (lambda s: right(sorted(s, key=len, reverse=True)), None),
            "reverse": (lambda s: right([x[::-1] for x in s]), "each sequence is in reverse order"),
            "zeros": (lambda s: torch.zeros_like(right(s)), "all zeros"),
            "in place": (in_place, "`sequences` was changed in place"),
            "a column overwritten": (lambda s: right(s).index_fill(1, torch.tensor([0]), 5), None),
            "the last token lost": (
                lambda s: padder(width=lambda _: max(map(len, s)))([x[:-1] for x in s]),
                "the last token of each",
            ),
            "ragged": (lambda s: torch.tensor(s), "The rows differ in length"),
            "ragged, stacked": (lambda s: torch.stack([torch.tensor(x) for x in s]), None),
        },
    )
