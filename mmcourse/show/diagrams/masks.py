"""Attention masks: which key each query may attend to, tokens on both axes."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mmcourse.models.attention import causal_mask
from mmcourse.show.diagrams.diagram import Diagram

PAD = "<pad>"


def mask_of(kind: str, tokens: Sequence[str]) -> Tensor:
    """The mask 'causal' or 'bidirectional' of some tokens; '<pad>' is hidden.   -> (T, T) bool, True: may attend"""
    if kind not in ("causal", "bidirectional"):
        raise ValueError(f"the mask is {kind!r}; expected 'causal' or 'bidirectional'")
    length = len(tokens)
    allowed = causal_mask(length) if kind == "causal" else torch.ones(length, length, dtype=torch.bool)
    return allowed & torch.tensor([token != PAD for token in tokens])


def attention_masks(
    masks: Mapping[str, str | Tensor] | None = None,
    tokens: Sequence[str] = ("a", "red", "fish", "swims", PAD),
    keys: Sequence[str] | None = None,
) -> None:
    """Display masks side by side, queries as rows and keys as columns.

    masks  {title: 'causal', 'bidirectional', or a mask (T_q, T_k), True where a query may attend}; in the first two
           tokens '<pad>' are hidden from all
    keys   the tokens of the columns; those of the rows unless given
    """
    if masks is None:
        masks = {"causal": "causal", "bidirectional": "bidirectional"}
    if not masks or not tokens:
        raise ValueError(f"there are {len(masks)} masks and {len(tokens)} tokens; expected at least one of each")
    columns = list(tokens if keys is None else keys)
    diagram, told = Diagram("Attention masks."), []
    for i, (title, given) in enumerate(masks.items()):
        mask = mask_of(given, tokens) if isinstance(given, str) else torch.as_tensor(given)
        if mask.dtype != torch.bool or mask.shape != (len(tokens), len(columns)):
            raise ValueError(
                f"the mask {title!r} is {mask.dtype} of shape {tuple(mask.shape)}; expected bool of shape "
                f"{(len(tokens), len(columns))}, one row for each query and one column for each key"
            )
        marks = [["✓" if seen else "" for seen in row] for row in mask.tolist()]
        diagram.grid(
            title, at=(i, 0), cells=mask.numpy(), rows=tokens, columns=columns, title=title, texts=marks,
            row_title="query", column_title="key", cell=0.36,
        )  # fmt: skip
        told.append(
            f"{title}: "
            + ", ".join(
                f"{token} attends to {_seen(row, columns)}" for token, row in zip(tokens, mask.tolist(), strict=True)
            )
        )
    diagram.summary = f"Attention masks; a dark cell means that the query attends to the key. {'. '.join(told)}."
    diagram.block("note", at=((len(masks) - 1) / 2, 1), label="✓ may attend        empty: masked", kind="text")
    diagram.show()


def gpt_and_bert_masks(tokens: Sequence[str] = ("a", "red", "fish", "swims", "away")) -> None:
    """Display GPT's causal mask beside BERT's bidirectional one."""
    attention_masks({"GPT: causal mask": "causal", "BERT: bidirectional": "bidirectional"}, tokens)


def _seen(row: Sequence[bool], keys: Sequence[str]) -> str:
    """Names of the keys that a query may attend to; 'all' where it is every one."""
    if all(row):
        return "all"
    return " ".join(key for key, seen in zip(keys, row, strict=True) if seen) or "nothing"
