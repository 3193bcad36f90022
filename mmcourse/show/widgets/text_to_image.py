"""Images generated for a typed sentence: different noise, temperature, guidance, and a judge's verdicts."""

import inspect
from collections.abc import Callable, Sequence

import matplotlib
import torch
import traitlets
from torch import Tensor, nn

from mmcourse.models.evaluation_mode import evaluation_mode
from mmcourse.picturebook.scene import COLOURS, KINDS, SIZES
from mmcourse.picturebook.sentence import Facts, encode, parse
from mmcourse.show import style
from mmcourse.show.figures.images import for_matplotlib
from mmcourse.show.widgets.base import StaticImage, script
from mmcourse.show.widgets.decoded import call, check_decoded, to_png
from mmcourse.show.widgets.sentences import ONE_OBJECT, problem_with

MOST_SAMPLES = 24
HOTTEST, STRONGEST = 2.0, 8.0  # where the sliders of temperature and guidance end
ATTRIBUTES = (KINDS, COLOURS, SIZES)  # of the judge's logits, side by side, and of the facts of an object


def text_to_image(
    model,
    judge: nn.Module | Callable[[Tensor], Tensor] | None = None,
    sentence: str = "a small red fish",
    examples: Sequence[str] = ONE_OBJECT,
    count: int = 6,
    temperature: float = 1.0,
    guidance: float | None = None,
    seed: int = 0,
) -> "TextToImageExplorer":
    """A widget: a sentence and the images that a model generates for it, from `count` different noises.

    model     has `generate(tokens (B, T) int64, temperature=, seed=) -> images (B, 3, S, S) in [0, 1]`; a slider for
              the guidance is there where `generate` takes `guidance` too
    guidance  at the start; `model.guidance` unless given
    judge     images -> logits (B, kinds + colours + sizes), as `shipped.load("image_judge")`: its verdict stands below
              each image, compared with the sentence where the grammar of the Picture Book understands it

    Evaluation mode is set while the model is called. ValueError where the parts do not fit.
    """
    return TextToImageExplorer(model, judge, sentence, examples, count, temperature, guidance, seed)


class TextToImageExplorer(StaticImage):
    """The widget behind `text_to_image`.

    `images` (count, 3, S, S) belong to `sentence`, `temperature`, `guidance` and `seed`, which "New noise" raises by 1.
    `verdicts` has for each image [[kind, colour or size, whether the sentence says so or None], ...].
    `problem` says what is wrong with the sentence typed last, or ''.
    """

    _esm = script("controls.js") + script("speech.js") + script("text_to_image.js")
    examples = traitlets.List().tag(sync=True)
    limits = traitlets.Dict().tag(sync=True)  # name of a slider -> where it ends
    sentence = traitlets.Unicode().tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.0, max=HOTTEST).tag(sync=True)
    guidance = traitlets.Float(2.0, min=0.0, max=STRONGEST).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    problem = traitlets.Unicode("").tag(sync=True)
    result = traitlets.Dict().tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)

    def __init__(self, model, judge, sentence, examples, count, temperature, guidance, seed):
        if not callable(getattr(model, "generate", None)):
            raise ValueError(f"the model is a {type(model).__name__}; expected one with generate(tokens, ...)")
        if not 1 <= count <= MOST_SAMPLES:
            raise ValueError(f"count is {count}; expected 1 to {MOST_SAMPLES} images")
        if problem := problem_with(sentence):
            raise ValueError(problem)
        self.model, self.judge, self.count = model, judge, count
        self.guided = takes(model.generate, "guidance")
        limits = {"temperature": HOTTEST} | ({"guidance": STRONGEST} if self.guided else {})
        guidance = float(getattr(model, "guidance", 2.0)) if guidance is None else guidance
        start = {"temperature": temperature, "guidance": guidance, "seed": seed}
        super().__init__(examples=list(examples), limits=limits, sentence=sentence, **start)
        self._generate()
        self.observe(self._update, ("sentence", "temperature", "guidance", "seed"))

    def _update(self, _change) -> None:
        self.problem = problem_with(self.sentence)
        if not self.problem:
            try:
                self._generate()
            except ValueError as error:  # a sentence that this model cannot take
                self.problem = str(error)
        self.answered += 1

    def _generate(self) -> None:
        settings = {"temperature": self.temperature, "seed": self.seed}
        if self.guided:
            settings["guidance"] = self.guidance
        module = self.model if isinstance(self.model, nn.Module) else None
        first = next(iter(module.state_dict().values()), None) if module is not None else None
        tokens = torch.tensor([encode(self.sentence)] * self.count, device=None if first is None else first.device)
        with evaluation_mode(module):
            images = self.model.generate(tokens, **settings)
        if not isinstance(images, Tensor):
            raise ValueError(f"generate returned {type(images).__name__}; expected images (B, 3, S, S)")
        images = images.detach().float().cpu()
        check_decoded(images, self.count)
        self.images = images.clamp(0, 1)
        facts = parse(self.sentence)
        self.verdicts = self._judged(facts)
        self.summary = told(self.verdicts, facts)
        self.result = {
            "sentence": self.sentence,
            "images": [to_png(image) for image in self.images],
            "verdicts": self.verdicts,
            "note": self.summary,
        }

    def _judged(self, facts: Facts | None) -> list[list[list]]:
        if self.judge is None:
            return []
        logits = call(self.judge, self.images)
        widths = [len(values) for values in ATTRIBUTES]
        if logits.shape != (self.count, sum(widths)):
            raise ValueError(
                f"the judge gave shape {tuple(logits.shape)} for {self.count} images; expected "
                f"{(self.count, sum(widths))}: logits of {' + '.join(map(str, widths))} kinds, colours and sizes"
            )
        expected = facts.objects[0] if facts is not None and len(facts.objects) == 1 else (None, None, None)
        parts = [part.argmax(dim=1).tolist() for part in logits.split(widths, dim=1)]
        return [
            [
                [values[best], None if true is None else values[best] == true]
                for values, best, true in zip(ATTRIBUTES, row, expected, strict=True)
            ]
            for row in zip(*parts, strict=True)
        ]

    def still(self) -> tuple[bytes, str]:
        """The images as they stand, with the judge's verdicts, as a JPEG."""
        from matplotlib.figure import Figure

        columns = min(self.count, 6)
        rows = -(-self.count // columns)
        with matplotlib.rc_context(style.SETTINGS):
            figure = Figure(figsize=(1.3 * columns, (1.6 if self.verdicts else 1.3) * rows + 0.4), layout="constrained")
            explained = "\npredictions of the judge below, wrong ones in brackets" if self.verdicts else ""
            figure.suptitle(self.result["sentence"] + explained, fontsize=10)
            for number, axis in enumerate(figure.subplots(rows, columns, squeeze=False).flat):
                axis.set(xticks=(), yticks=(), visible=number < self.count)
                axis.spines[:].set_visible(False)
                if number < self.count:
                    axis.imshow(for_matplotlib(self.images[number]), interpolation="bicubic")
                if number < len(self.verdicts):
                    axis.set_xlabel(verdict(self.verdicts[number]), fontsize=8)
            image = style.small_jpeg(style.pixels_of(figure, 1.25))
        return image, (
            f"{self.count} images generated for the sentence '{self.result['sentence']}'. {self.summary} "
            "Run the cell to type a sentence, draw new noise, and change temperature and guidance."
        )


def takes(function: Callable, name: str) -> bool:
    """Whether a function can be called with a keyword of this name."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())


def verdict(facts: Sequence[Sequence]) -> str:
    """A judge's predictions for an image, wrong facts in brackets: 'small red (boat)'."""
    return " ".join(f"({name})" if true is False else name for name, true in reversed(facts))


def told(verdicts: Sequence, facts: Facts | None) -> str:
    """The verdicts in one sentence."""
    if not verdicts:
        return ""
    if facts is None:
        return "The judge's predictions are not compared: the sentence is outside the grammar of the Picture Book."
    if len(facts.objects) > 1:
        return "The judge's predictions are not compared: the sentence names two objects, the judge one."
    correct = sum(all(true for _, true in row) for row in verdicts)
    return f"Judge: object, colour and size are all correct in {correct} of {len(verdicts)} images."
