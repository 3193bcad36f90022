"""Sample from a language model token by token: the next token's distribution, before and after truncation."""

from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from torch import nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.models.sampling import next_token_probabilities
from mmcourse.picturebook import sentence as picturebook
from mmcourse.show import style
from mmcourse.show.widgets.base import StaticImage, script

SHOWN = 10  # tokens that have a bar, the most probable ones
LONGEST = 40  # tokens of a text, the start token included
MODEL, DRAWN = "#808080", "#0072B2"


def sampling_explorer(
    model: nn.Module,
    prompt: str = "a small",
    words: Sequence[str] = picturebook.VOCABULARY,
    encode: Callable[[str], list[int]] = picturebook.encode,
    start: int = picturebook.START,
    end: int = picturebook.END,
    never: Sequence[int] = (picturebook.PAD, picturebook.UNKNOWN, picturebook.START, picturebook.MASK),
    seed: int = 0,
) -> "SamplingExplorer":
    """A widget: continue a prompt token by token, and see how temperature, top-k and top-p change what can be drawn.

    model   tokens (B, T) to logits (B, T, len(words)), such as a LanguageModel
    words   the token of each position of the vocabulary; `encode` turns a text into such positions
    start   the token before every text; `end` ends it; those in `never` are never drawn
    """
    return SamplingExplorer(model, prompt, words, encode, start, end, never, seed)


class SamplingExplorer(StaticImage):
    """The widget behind `sampling_explorer`.

    `sentence` is the text so far. `action` is what a button asks for: {"name": "next", "finish" or "restart", "count":
    a number that changes}. `result` holds words [[word, probability or None]], candidates [[word, of the model, after
    truncation]], kept (how many tokens can be drawn), ended and note.
    """

    _esm = script("sampling.js")
    prompt = traitlets.Unicode().tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.05, max=5.0).tag(sync=True)
    top_k = traitlets.Int(0, min=0).tag(sync=True)  # 0: all tokens
    top_p = traitlets.Float(1.0, min=0.01, max=1.0).tag(sync=True)
    action = traitlets.Dict().tag(sync=True)
    result = traitlets.Dict().tag(sync=True)

    def __init__(self, model, prompt, words, encode, start, end, never, seed):
        super().__init__()
        self.model, self.words, self.encode = model, list(words), encode
        self.start, self.end, self.never = start, end, list(never)
        self.generator = torch.Generator().manual_seed(seed)
        logits = self._logits([start])
        if logits.shape != (len(self.words),):
            raise ValueError(
                f"the model gives logits of shape {tuple(logits.shape)} for the next token and there are "
                f"{len(self.words)} words; expected ({len(self.words)},). Likely cause: another vocabulary"
            )
        self.prompt = prompt
        self._restart()
        self.observe(self._typed, "prompt")
        self.observe(lambda _: self._show(), ("temperature", "top_k", "top_p"))
        self.observe(self._act, "action")

    @property
    def sentence(self) -> str:
        """The text so far."""
        return " ".join(word for word, _ in self.result["words"])

    def _logits(self, tokens: list[int]) -> torch.Tensor:
        device = next(iter(self.model.state_dict().values())).device
        with evaluation_mode(self.model):
            return self.model(torch.tensor([tokens], device=device))[0, -1].float().cpu()

    def _distributions(self) -> tuple[torch.Tensor, torch.Tensor]:
        """The model's probabilities, and those that are drawn from."""
        logits = self._logits(self.tokens)
        logits[self.never] = float("-inf")
        settings = {"temperature": self.temperature, "top_k": self.top_k or None, "top_p": self.top_p}
        return logits.softmax(0), next_token_probabilities(logits, **settings)

    def _restart(self) -> None:
        ids = [int(token) for token in self.encode(self.prompt)][: LONGEST - 1]
        self.tokens = [self.start, *ids]
        self.told = [[self.words[token], None] for token in ids]
        self._show()

    def _typed(self, _change) -> None:
        self._restart()

    def _act(self, _change) -> None:
        name = self.action.get("name")
        if name == "restart":
            self._restart()
        elif name == "next":
            self._draw()
            self._show()
        elif name == "finish":
            while self._draw():
                pass
            self._show()

    def _draw(self) -> bool:
        """Draw a token; whether another can follow."""
        if not self._open():
            return False
        _, drawn = self._distributions()
        token = int(torch.multinomial(drawn, 1, generator=self.generator))
        self.tokens.append(token)
        self.told.append([self.words[token], round(float(drawn[token]), 3)])
        return self._open()

    def _open(self) -> bool:
        return self.tokens[-1] != self.end and len(self.tokens) < LONGEST

    def _show(self) -> None:
        unknown = [
            word for (word, _), token in zip(self.told, self.tokens[1:], strict=True) if token == picturebook.UNKNOWN
        ]
        note = "A word of the prompt is not in the vocabulary; it became <unk>." if unknown else ""
        candidates, kept = [], 0
        if self._open():
            of_model, drawn = self._distributions()
            kept = int((drawn > 0).sum())
            best = of_model.topk(min(SHOWN, len(of_model))).indices.tolist()
            candidates = [[self.words[i], round(float(of_model[i]), 4), round(float(drawn[i]), 4)] for i in best]
        elif self.tokens[-1] != self.end:
            note = f"The text has reached {LONGEST - 1} tokens."
        self.result = {
            "words": [list(pair) for pair in self.told],
            "candidates": candidates,
            "kept": kept,
            "ended": not self._open(),
            "note": note,
        }

    def still(self) -> tuple[bytes, str]:
        """The text and both distributions as a PNG."""
        from matplotlib.figure import Figure

        candidates = self.result["candidates"]
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(7.2, 1.0 + 0.24 * max(len(candidates), 1)), layout="constrained")
            axis = figure.subplots()
            rows = range(len(candidates))
            axis.barh(
                [i - 0.2 for i in rows], [p for _, p, _ in candidates], 0.38, color=MODEL, label="model, temperature 1"
            )
            axis.barh([i + 0.2 for i in rows], [p for _, _, p in candidates], 0.38, color=DRAWN, label="sampled from")
            axis.set_yticks(list(rows), [word for word, _, _ in candidates])
            axis.set(xlim=(0, 1), xlabel="probability of the next word", title=f"{self.sentence} ...")
            axis.invert_yaxis()
            axis.legend(loc="lower right")
            png = style.small_png(style.pixels_of(figure, 1.25))
        best = ", ".join(f"{word} {of_model:.2f}" for word, of_model, _ in candidates[:3])
        return png, (
            f"A text, '{self.sentence}', and bars for the next word at temperature {self.temperature:g}: {best}. "
            "Run the cell to change temperature, top-k and top-p and to sample."
        )
