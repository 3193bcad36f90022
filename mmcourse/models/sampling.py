"""Text from a language model, one token drawn at a time: temperature, top-k, top-p. Lesson 05."""

import torch
from torch import Tensor, nn

from mmcourse.data.text import PAD
from mmcourse.models.evaluation_mode import evaluation_mode


def next_token_probabilities(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The probabilities that a next token is drawn from.   (..., V) -> (..., V)

    temperature  divides the logits: below 1 sharpens the distribution, above 1 flattens it
    top_k        keeps the k most probable tokens (Fan et al. 2018)
    top_p        keeps the most probable tokens whose probabilities first sum to p or more (Holtzman et al. 2020)
    Top-k comes first, then top-p, each sets the other probabilities to 0 and normalises the rest.
    """
    if not temperature > 0:
        raise ValueError(f"temperature is {temperature}; expected more than 0. For the most probable token: top_k=1")
    if top_k is not None and top_k < 1:
        raise ValueError(f"top_k is {top_k}; expected 1 token or more, or None for all")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p is {top_p}; expected more than 0 and at most 1, or None for all tokens")
    probabilities = (logits.float() / temperature).softmax(dim=-1)
    if top_k is None and top_p is None:
        return probabilities
    ordered, order = probabilities.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ordered = ordered * (torch.arange(ordered.shape[-1], device=ordered.device) < top_k)
        ordered = ordered / ordered.sum(dim=-1, keepdim=True)
    if top_p is not None:
        before = ordered.cumsum(dim=-1) - ordered  # of all tokens that are more probable
        ordered = ordered * (before < top_p)
        ordered = ordered / ordered.sum(dim=-1, keepdim=True)
    return torch.zeros_like(probabilities).scatter(-1, order, ordered)


def sample(
    model: nn.Module,
    prompts: Tensor,
    end: int,
    length: int = 24,
    never: tuple[int, ...] = (),
    generator: torch.Generator | None = None,
    **settings,
) -> Tensor:
    """Continue each prompt by up to `length` tokens, each drawn from the model's distribution.

    prompts    (B, T) without padding, such as B rows of one start token
    end        the token that ends a sentence; padding (0) follows it. Padding itself is never drawn
    never      tokens that are never drawn either, such as <unk> or a mask token
    settings   of `next_token_probabilities`: temperature, top_k, top_p
    The generator must be on the model's device.   -> (B, T + n) int64, n up to `length`
    """
    if prompts.dim() != 2 or prompts.numel() == 0 or (prompts == PAD).any():
        raise ValueError(
            f"prompts have shape {tuple(prompts.shape)}; expected (B, T) of at least one token each and no padding"
        )
    if length < 1:
        raise ValueError(f"length is {length}; expected one token or more")
    tokens = prompts.to(next(iter(model.state_dict().values())).device)
    ended = torch.zeros(len(tokens), dtype=torch.bool, device=tokens.device)
    with evaluation_mode(model):
        for _ in range(length):
            logits = model(tokens)[:, -1].clone()  # (B, V)
            logits[:, [PAD, *never]] = float("-inf")
            probabilities = next_token_probabilities(logits, **settings)
            drawn = torch.multinomial(probabilities, 1, generator=generator)  # (B, 1)
            tokens = torch.cat([tokens, drawn.masked_fill(ended[:, None], PAD)], dim=1)
            ended = ended | (drawn[:, 0] == end)
            if ended.all():
                break
    return tokens
