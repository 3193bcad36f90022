"""How much each word contributed to a class: gradient of the logit at the word's embedding, times the embedding."""

import torch
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluating


def saliency(model: nn.Module, tokens: Tensor, classes: Tensor | int | None = None) -> Tensor:
    """How much each word contributed to a class (above 0) or against it (below), in logits.   (B, T) int64 -> (B, T)

    classes  the class to explain, one for all or (B,); None: the predicted one of each sentence

    Gradient times input (Shrikumar et al. 2016) at the embeddings, summed over their D features: to first order, what
    the logit loses if the word's embedding becomes zero. The model, (B, T) to logits (B, K), needs an `nn.Embedding`
    that embeds the tokens. It runs in evaluation mode and is left unchanged; its parameters may be frozen.
    """
    if tokens.dim() != 2 or 0 in tokens.shape:
        raise ValueError(
            f"tokens have shape {tuple(tokens.shape)}; expected (B, T) with at least one word. "
            "Likely cause: one sentence without its batch axis, tokens[None]"
        )
    looked_up = []

    def keep(_embedding, inputs, output):
        if inputs[0].shape == tokens.shape and torch.equal(inputs[0], tokens):
            looked_up.append(output.detach().requires_grad_())
            return looked_up[-1]
        return None  # positions, or another input's embedding

    handles = [m.register_forward_hook(keep) for m in model.modules() if isinstance(m, nn.Embedding)]
    try:
        # cuDNN computes no gradient of a recurrent layer in evaluation mode; PyTorch's own kernels do
        with evaluating(model), torch.enable_grad(), torch.backends.cudnn.flags(enabled=False):
            logits = model(tokens)
            if not looked_up:
                raise ValueError(
                    f"the {type(model).__name__} has no nn.Embedding that embeds these tokens, so there is no "
                    "embedding to compute the gradient at"
                )
            gradients = torch.autograd.grad(chosen(logits, tokens, classes).sum(), looked_up, allow_unused=True)
    finally:
        for handle in handles:
            handle.remove()
    parts = [(g * e.detach()).sum(-1) for g, e in zip(gradients, looked_up, strict=True) if g is not None]
    return sum(parts, torch.zeros(tokens.shape, device=tokens.device))


def chosen(logits: Tensor, inputs: Tensor, classes: Tensor | int | None) -> Tensor:
    """The logit of each example's class; None: of the predicted one.   (B, K) -> (B,)"""
    if logits.dim() != 2 or len(logits) != len(inputs):
        raise ValueError(
            f"the model returns logits of shape {tuple(logits.shape)} for {len(inputs)} examples; "
            f"expected ({len(inputs)}, K). Likely cause: an encoder without its classifier"
        )
    if classes is None:
        classes = logits.argmax(dim=1)
    classes = torch.as_tensor(classes, device=logits.device).expand(len(logits))
    if classes.is_floating_point() or classes.min() < 0 or classes.max() >= logits.shape[1]:
        raise ValueError(f"classes are {classes.tolist()}; expected whole numbers from 0 to {logits.shape[1] - 1}")
    return logits.gather(1, classes[:, None])[:, 0]
