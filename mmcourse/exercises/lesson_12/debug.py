"""The clinic of lesson 12: teacher-forced scores reported as captioning."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from random import Random

import torch
from torch import Tensor

from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described
from mmcourse.metrics import caption_accuracy, meaning
from mmcourse.models.captioner import Captioner
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, KINDS, RELATIONS, SIZES, Scene
from mmcourse.picturebook.sentence import PAD, START, VOCABULARY, decode, facts_of, tell, understand
from mmcourse.tasks.captions import caption_tokens, shift_right

PAGES = 80
PARTS = ("kinds", "colours", "sizes", "relation")  # of these, the relation holds the kinds


class Planned(Captioner):
    """Says of picture i the sentence that is planned for it; told other words, it goes on as the reference does.

    A picture's index stands in all of its pixels, as index / 1000.
    """

    def __init__(self, plans: Tensor, references: Tensor):
        super().__init__(len(VOCABULARY))
        self.asked = False
        self.plans, self.references = (torch.nn.functional.pad(x, (0, 40 - x.shape[1])) for x in (plans, references))

    def encode(self, images: Tensor) -> Tensor:
        return (images[:, 0, 0, 0] * 1000).round().view(-1, 1, 1)

    def initial_state(self, positions: Tensor):
        number = positions[:, 0, 0].long()
        return number, torch.zeros(len(number), 0, dtype=torch.int64)

    def decode(self, state, tokens: Tensor):
        self.asked = True
        number, before = state
        words = torch.cat([before, tokens], dim=1)[:, :39]
        plan, reference = self.plans[number], self.references[number]
        length = words.shape[1]
        follows = (words == plan[:, :length]).cumprod(dim=1).bool()  # (B, L): as planned so far
        following = torch.where(follows, plan[:, 1 : length + 1], reference[:, 1 : length + 1])
        logits = 9.0 * torch.nn.functional.one_hot(following, len(VOCABULARY))[:, before.shape[1] :]
        return logits.float(), None, (number, words)


def reworded(sentence: str) -> str:
    """The same in another word, where the sentence has one of these."""
    for word, other in (("small", "little"), ("little", "small"), ("big", "large"), ("large", "big")):
        if f" {word} " in sentence:
            return sentence.replace(f" {word} ", f" {other} ", 1)
    return sentence


def with_wrong(part: str, scene: Scene, rng: Random) -> Scene:
    """The scene, and one thing about it is not so; the places of its things stay."""
    one, other = scene.objects
    if part == "relation":
        return replace(scene, relation=rng.choice([each for each in RELATIONS if each != scene.relation]))
    if part == "owner":
        return replace(scene, objects=(replace(one, colour=other.colour), replace(other, colour=one.colour)))
    values = {"kind": KINDS, "colour": COLOURS, "size": SIZES}[part]
    taken = [getattr(one, part)] if part == "size" else [getattr(item, part) for item in scene.objects]
    changed = replace(one, **{part: rng.choice([value for value in values if value not in taken])})
    return replace(scene, objects=(changed, other))


class Case:
    """Pages of two colours, their references, and a captioner that is right on some."""

    def __init__(self, rng: torch.Generator):
        seed = int(torch.randint(10**6, (), generator=rng))
        chance = Random(seed)
        book = PictureBook("valid", 2 * PAGES, objects=2, seed=seed)
        chosen = [i for i, scene in enumerate(book.scenes) if len({item.colour for item in scene.objects}) == 2]
        self.scenes, references = ([told[i] for i in chosen[:PAGES]] for told in (book.scenes, book.sentences))
        self.tokens, self.said = caption_tokens(references), []
        wrong = ("kind", "colour", "size", "relation", "owner")
        for i, (scene, told) in enumerate(zip(self.scenes, references, strict=True)):
            plan = chance.choice(("same", "other words", "anew", "anew", "other page", "no sentence", *wrong))
            if plan in wrong:
                self.said.append(tell(with_wrong(plan, scene, chance), seed + i))
            else:
                other = self.scenes[(i + 1) % PAGES]
                self.said.append(
                    {
                        "same": told,
                        "other words": reworded(told),
                        "anew": tell(scene, seed + i),
                        "other page": tell(other, i),
                        "no sentence": "a red",
                    }[plan]
                )
        self.images = (torch.arange(PAGES) / 1000)[:, None, None, None].expand(-1, 3, 48, 48).contiguous()
        self.captioner = Planned(caption_tokens(self.said), self.tokens).eval()
        self.expected = caption_accuracy(self.said, self.scenes)
        self.mistakes = list(self.mistaken())
        self.captioner.asked = False

    def forced(self) -> tuple[Tensor, Tensor]:
        """What is said with the true words given, and what should have been.   (N, L), (N, L)"""
        inputs, targets = shift_right(self.tokens)
        return self.captioner(self.images, inputs).argmax(dim=2), targets

    def own_words(self) -> Tensor:
        """What is said from <start> alone, as long as the references.   (N, L)"""
        said = caption_tokens(self.said)[:, 1:]
        length = self.tokens.shape[1] - 1
        return torch.nn.functional.pad(said, (0, max(length - said.shape[1], 0)))[:, :length]

    def mistaken(self) -> Iterator[tuple[float, str]]:
        """What typical mistakes give, and the words for them."""
        said, targets = self.forced()
        real = targets != PAD
        judged = meaning(self.said, self.scenes)

        def mean(right: Tensor) -> float:
            return right.float().mean().item()

        yield (
            mean((said == targets)[real]),
            "still the patient's figure: the share of words, each said after the true words before it",
        )
        yield (
            mean(said == targets),
            "a share of words, padding among them, each said after the true words before it",
        )
        yield (
            caption_accuracy([decode(row) for row in said], self.scenes),
            "the meaning is judged, but of words that were each said after the true ones: generate, from <start> "
            "and the picture alone",
        )
        started = self.captioner(self.images, torch.full_like(targets, START)).argmax(dim=2)
        yield (
            caption_accuracy([decode(row) for row in started], self.scenes),
            "<start> is read before every word: the captioner has to read the word that it said last",
        )
        references = [decode(row) for row in self.tokens]
        for agreeing in ((self.own_words() == targets)[real], self.own_words() == targets):
            yield mean(agreeing), "words of its own captions are compared with the reference's; judge what they mean"
        yield (
            mean(torch.tensor([a == b for a, b in zip(self.said, references, strict=True)])),
            "captions are compared with one wording; another wording may mean the same",
        )
        yield (1.0, "the references are judged, which are all true: judge what the captioner says")
        yield mean(judged["a sentence"]), "the share that the grammar understands; is it also true?"
        for count in range(1, len(PARTS) + 1):
            for parts in combinations(PARTS, count):
                if not {"kinds", "relation"} <= set(parts):
                    yield mean(torch.stack([judged[part] for part in parts]).all(dim=0)), alone(parts)
        facts = [(understand(a), facts_of(b)) for a, b in zip(self.said, self.scenes, strict=True)]
        for order in (tuple, sorted):
            same = [a is not None and order(a.objects) == order(b.objects) for a, b in facts]
            yield mean(torch.tensor(same)), "the things are judged and their relation is not: `same_meaning` asks both"
        yield (
            caption_accuracy(self.said, self.scenes[1:] + self.scenes[:1]),
            "captions are judged by the scenes of other pages: is an order changed on the way?",
        )
        yield 1 - self.expected, "the share of wrong captions; the right ones are asked for"
        yield self.expected * PAGES, "a number of captions; a share is asked for: divide by how many there are"
        yield 100 * self.expected, "in per cent; a share between 0 and 1 is asked for"


def alone(parts: tuple[str, ...]) -> str:
    """Words for judging these parts of a caption and no others."""
    *others, last = parts
    listed = f"{', '.join(others)} and {last}" if others else last
    if set(parts) == {"colours", "sizes", "relation"}:
        return f"{listed} are judged each by itself, and not which thing has which colour and size: `meaning` is all"
    return f"judged by the {listed} alone; a caption says more, and `meaning` is all of it"


def drawn(rng: torch.Generator) -> list[Case]:
    """Two cases of which no mistake gives both figures, and no two mistakes the same."""
    while True:
        cases = [Case(rng) for _ in range(2)]
        figures = zip(*([case.expected, *(figure for figure, _ in case.mistakes)] for case in cases), strict=True)
        if all(apart(a, b) for a, b in combinations(figures, 2)):
            return cases


def apart(given: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    return any(abs(a - b) > 1e-3 for a, b in zip(given, expected, strict=True))


def number(given) -> float:
    try:
        if isinstance(given, str):
            raise TypeError
        return float(given)
    except (TypeError, ValueError, RuntimeError):
        raise NotRight(f"it gave {described(given)}, expected one number, a share") from None


@exercise(
    "12.debug",
    title="a report on captions that nobody gave away",
    dots=2,
    minutes=10,
    hints=(
        "Which words does the patient's captioner read? Where do they come from, and who will give them for a new "
        "picture?",
        "`captions(captioner, images)` gives the sentences of a captioner that reads only its own words.",
        "`facts_of(scene).same_meaning(understand(sentence))` judges one, `caption_accuracy(sentences, scenes)` all.",
    ),
)
def debug(answer, rng):
    cases = drawn(rng)
    given = tuple(number(answer(case.captioner, case.images, case.tokens, case.scenes)) for case in cases)
    expected = tuple(case.expected for case in cases)
    if apart(given, expected):
        for figures in zip(*(case.mistakes for case in cases), strict=True):
            if not apart(given, tuple(figure for figure, _ in figures)):
                raise NotRight(figures[0][1])
        if not any(case.captioner.asked for case in cases):
            raise NotRight("the captioner that is handed over says nothing: is another one used, from outside?")
        i = next(i for i in range(2) if apart(given[i : i + 1], expected[i : i + 1]))
        raise NotRight(
            f"it gave {given[i]:.3f}, expected {expected[i]:.3f}: the share of captions whose meaning is right"
        )
    if any(case.captioner.training for case in cases):
        raise NotRight(
            "right, but the captioner is left in training mode, and was not before: whoever asks it next is told "
            "otherwise. Leave out `train()`; `captions` takes care of the mode"
        )
    return "two captioners; no true word was read, and every wording was understood"
