"""A language model of lesson 05 with the interface of prefix beam search: ln p(word | words before). Lesson 13."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.sentence import END, START, UNKNOWN, encode

NO_WORD = -12.0  # ln p of a word that is not in the vocabulary, about one in 160,000


class WordScores:
    """(words before, word) -> ln p(word | words before), word None for the end of the sentence; results are cached.

    model    tokens (1, T) of VOCABULARY -> logits or log-probabilities (1, T, V), as LanguageModel and Trigram return
    no_word  ln p of any word that is not in the vocabulary
    """

    def __init__(self, model: nn.Module | Callable[[Tensor], Tensor], no_word: float = NO_WORD):
        self.model, self.no_word = model, no_word
        self.known: dict[tuple[str, ...], list[float]] = {}

    def __call__(self, before: tuple[str, ...], word: str | None) -> float:
        if before not in self.known:
            self.known[before] = self._next(before)
        (token,) = (END,) if word is None else encode(word)
        return self.no_word if token == UNKNOWN else self.known[before][token]

    def _next(self, before: tuple[str, ...]) -> list[float]:
        tokens = torch.tensor([[START, *encode(" ".join(before))]])
        if isinstance(self.model, nn.Module):
            tokens = tokens.to(next(iter(self.model.state_dict().values())).device)
            with evaluation_mode(self.model):
                scores = self.model(tokens)
        else:
            scores = self.model(tokens)
        return scores[0, -1].detach().float().log_softmax(dim=0).tolist()
