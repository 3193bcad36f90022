"""The debugging exercise of lesson 12: a teacher-forced score reported as the quality of captions."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from random import Random

import torch
from torch import Tensor

from mmcourse.exercises.answers import Mistake
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described
from mmcourse.metrics import caption_accuracy, meaning
from mmcourse.models.captioner import Captioner
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS, KINDS, RELATIONS, SIZES, Scene
from mmcourse.picturebook.sentence import PAD, START, VOCABULARY, decode, describe, facts_of, parse
from mmcourse.tasks.captions import caption_tokens, shift_right

PAGES = 80
PARTS = ("kinds", "colours", "sizes", "relation")  # a correct relation implies correct kinds


class Planned(Captioner):
    """Generates the planned sentence for image i; after any other words it continues as the reference does.

    All pixels of an image have the value index / 1000.
    """

    def __init__(self, plans: Tensor, references: Tensor):
        super().__init__(len(VOCABULARY))
        self.asked, self.begun, self.reached = False, None, 0
        self.plans, self.references = (torch.nn.functional.pad(x, (0, 40 - x.shape[1])) for x in (plans, references))

    def encode(self, images: Tensor) -> Tensor:
        return (images[:, 0, 0, 0] * 1000).round().view(-1, 1, 1)

    def initial_state(self, positions: Tensor):
        number = positions[:, 0, 0].long()
        return number, torch.zeros(len(number), 0, dtype=torch.int64)

    def decode(self, state, tokens: Tensor):
        number, before = state
        if not self.asked:
            self.asked, self.begun = True, tokens.clone()
        words = torch.cat([before, tokens], dim=1)[:, :39]
        self.reached = max(self.reached, words.shape[1])
        plan, reference = self.plans[number], self.references[number]
        length = words.shape[1]
        follows = (words == plan[:, :length]).cumprod(dim=1).bool()  # (B, L): as planned up to here
        following = torch.where(follows, plan[:, 1 : length + 1], reference[:, 1 : length + 1])
        logits = 9.0 * torch.nn.functional.one_hot(following, len(VOCABULARY))[:, before.shape[1] :]
        return logits.float(), None, (number, words)


FIRST = "only the first caption is judged: is a `return` inside the loop?"


def reworded(sentence: str) -> str:
    """The sentence with a synonym, where it has one of these words."""
    for word, other in (("small", "little"), ("little", "small"), ("big", "large"), ("large", "big")):
        if f" {word} " in sentence:
            return sentence.replace(f" {word} ", f" {other} ", 1)
    return sentence


def with_wrong(part: str, scene: Scene, rng: Random) -> Scene:
    """The scene with one part changed; the objects keep their positions."""
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
    """Pages of two colours, their references, and a captioner that is correct on some."""

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
                self.said.append(describe(with_wrong(plan, scene, chance), seed + i))
            else:
                other = self.scenes[(i + 1) % PAGES]
                self.said.append(
                    {
                        "same": told,
                        "other words": reworded(told),
                        "anew": describe(scene, seed + i),
                        "other page": describe(other, i),
                        "no sentence": "a red",
                    }[plan]
                )
        self.images = (torch.arange(PAGES) / 1000)[:, None, None, None].expand(-1, 3, 48, 48).contiguous()
        self.captioner = Planned(caption_tokens(self.said), self.tokens).eval()
        self.expected = caption_accuracy(self.said, self.scenes)
        self.mistakes = list(self.mistaken())
        self.captioner.asked, self.captioner.reached = False, 0

    def starts(self) -> bool:
        """Whether the first word that the captioner read, if it read any, was <start>."""
        begun = self.captioner.begun
        return begun is None or bool((begun[:, 0] == START).all())

    def true_words(self) -> int:
        """How many true words the captioner read before its own first one."""
        begun, truth = self.captioner.begun, self.captioner.references
        if begun is None or begun.shape[1] < 2 or not torch.equal(begun[:, 1], truth[: len(begun), 1]):
            return 0
        return begun.shape[1] - 1

    def cut(self) -> float:
        """The result of captions as long as the captioner was asked for; NaN where that is as long as they are."""
        words, reached = [said.split() for said in self.said], self.captioner.reached
        if not 0 < reached < max(map(len, words)):
            return math.nan
        return caption_accuracy([" ".join(said[:reached]) for said in words], self.scenes)

    def forced(self) -> tuple[Tensor, Tensor]:
        """Predictions under teacher forcing, and their targets.   (N, L), (N, L)"""
        inputs, targets = shift_right(self.tokens)
        return self.captioner(self.images, inputs).argmax(dim=2), targets

    def own_words(self) -> Tensor:
        """Generated captions, padded or cut to the length of the references.   (N, L)"""
        said = caption_tokens(self.said)[:, 1:]
        length = self.tokens.shape[1] - 1
        return torch.nn.functional.pad(said, (0, max(length - said.shape[1], 0)))[:, :length]

    def mistaken(self) -> Iterator[tuple[float, str]]:
        """The results of typical mistakes, each with its message."""
        said, targets = self.forced()
        real = targets != PAD
        judged = meaning(self.said, self.scenes)

        def mean(right: Tensor) -> float:
            return right.float().mean().item()

        yield (
            mean((said == targets)[real]),
            "still the buggy score: the fraction of correct words, each predicted after the true words before it",
        )
        yield (
            mean(said == targets),
            "a fraction of words that counts padding, each predicted after the true words before it",
        )
        yield (
            caption_accuracy([decode(row) for row in said], self.scenes),
            "the meaning is judged, but of words that were predicted after the true ones: generate from <start> "
            "and the image alone",
        )
        started = self.captioner(self.images, torch.full_like(targets, START)).argmax(dim=2)
        yield (
            caption_accuracy([decode(row) for row in started], self.scenes),
            "<start> is the input of every step: the model has to read its own last word",
        )
        references = [decode(row) for row in self.tokens]
        for agreeing in ((self.own_words() == targets)[real], self.own_words() == targets):
            yield mean(agreeing), "the words of generated captions are compared with the reference; judge their meaning"
        yield (
            mean(torch.tensor([a == b for a, b in zip(self.said, references, strict=True)])),
            "captions are compared with one phrasing; another phrasing may mean the same",
        )
        yield (1.0, "the references are judged, which are all correct: judge the generated captions")
        yield mean(judged["a sentence"]), "the fraction that the grammar can parse; are these also correct?"
        for count in range(1, len(PARTS) + 1):
            for parts in combinations(PARTS, count):
                if not {"kinds", "relation"} <= set(parts):
                    yield mean(torch.stack([judged[part] for part in parts]).all(dim=0)), alone(parts)
        facts = [(parse(a), facts_of(b)) for a, b in zip(self.said, self.scenes, strict=True)]
        for order in (tuple, sorted):
            same = [a is not None and order(a.objects) == order(b.objects) for a, b in facts]
            yield (
                mean(torch.tensor(same)),
                "the objects are judged, but not their relation: `same_meaning` compares both",
            )
        yield (
            caption_accuracy(self.said, self.scenes[1:] + self.scenes[:1]),
            "captions are compared with the scenes of other pages: does the order change somewhere?",
        )
        right = judged["meaning"]
        yield (
            torch.stack([part.float() for part in judged.values()]).mean().item(),
            "the mean over all parts of the meaning; a caption is correct if its whole meaning is",
        )
        yield (
            mean(right[judged["a sentence"]]),
            "captions that the grammar cannot parse are left out; they count as wrong",
        )
        yield float(right[0]), FIRST
        yield bleu(self.said, references), "that is BLEU, the overlap with one phrasing; judge the meaning"
        yield 1 - self.expected, "the fraction of wrong captions; return that of the correct ones"
        yield self.expected * PAGES, "a number of captions; a fraction is expected: divide by the number of captions"
        yield 100 * self.expected, "a percentage; a fraction between 0 and 1 is expected"

    def rarer(self) -> Iterator[tuple[float, str]]:
        """The results of further mistakes, some of which are near each other: they are compared on more cases."""
        references = [decode(row) for row in self.tokens]
        words = [(said.split(), truth.split()) for said, truth in zip(self.said, references, strict=True)]
        right = meaning(self.said, self.scenes)["meaning"].float()
        for count in range(2, 24):
            kept = caption_accuracy([" ".join(said[:count]) for said, _ in words], self.scenes)
            yield kept, f"the captions are cut off after {count} words, so longer ones lose their meaning"
        for count in (2, 3, 4, 5, 8, 10, 16, 20, 25, 30, 32, 40, 50, 60, 64):
            yield right[:count].mean().item(), f"only the first {count} captions count: does a loop end too early?"
            yield (
                right[-count:].mean().item(),
                f"only the last {count} captions count: is the result overwritten in a loop?",
            )
        agreeing = [sum(a == b for a, b in zip(said, truth, strict=False)) for said, truth in words]
        place = "words are compared with the reference position by position; another phrasing may mean the same"
        yield sum(agreeing) / sum(len(truth) for _, truth in words), place
        yield sum(agreeing) / sum(len(said) for said, _ in words), place
        yield sum(n / len(truth) for n, (_, truth) in zip(agreeing, words, strict=True)) / len(words), place
        yield sum(n / max(len(said), 1) for n, (said, _) in zip(agreeing, words, strict=True)) / len(words), place
        for kind, what in ((set, "a set"), (Counter, "a bag of words")):
            yield (
                sum(kind(said) == kind(truth) for said, truth in words) / len(words),
                f"the words are compared with the reference's as {what}; another phrasing may mean the same",
            )


def bleu(generated: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a corpus with one reference each, up to four words in a row (Papineni et al. 2002)."""
    pairs = [(said.split(), truth.split()) for said, truth in zip(generated, references, strict=True)]
    lengths = [sum(map(len, words)) for words in zip(*pairs, strict=True)]
    total = 0.0
    for n in range(1, 5):
        common, count = 0, 0
        for said, truth in ([Counter(zip(*(x[i:] for i in range(n)), strict=False)) for x in pair] for pair in pairs):
            common, count = common + (said & truth).total(), count + said.total()
        if not common:
            return 0.0
        total += math.log(common / count) / 4
    return math.exp(total + min(0.0, 1 - lengths[1] / lengths[0]))


def alone(parts: tuple[str, ...]) -> str:
    """The message for judging these parts of a caption and no others."""
    *others, last = parts
    listed = f"{', '.join(others)} and {last}" if others else last
    if set(parts) == {"colours", "sizes", "relation"}:
        return f"{listed} are judged separately, and not which object has which colour and size: use `meaning`"
    return f"judged by the {listed} alone; a caption states more: use `meaning`"


def drawn(rng: torch.Generator) -> list[Case]:
    """Two cases for which no mistake gives both correct results, and no two mistakes agree on both.

    The first caption is correct in one of them only, so that an answer of 0 for both has another cause.
    """
    cases = [Case(rng)]
    while True:
        cases = [cases[-1], Case(rng)]
        figures = zip(*([case.expected, *(figure for figure, _ in case.mistakes)] for case in cases), strict=True)
        firsts = {figure for case in cases for figure, words in case.mistakes if words == FIRST}
        if len(firsts) == 2 and all(apart(a, b) for a, b in combinations(figures, 2)):
            return cases


def apart(given: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    return not all(abs(a - b) <= 1e-3 for a, b in zip(given, expected, strict=True))


def number(given) -> float:
    try:
        if isinstance(given, str):
            raise TypeError
        return float(given)
    except (TypeError, ValueError, RuntimeError):
        raise Mistake(f"it returned {described(given)}, expected one number, a fraction") from None


def needs_references(answer, cases: list[Case], before: float) -> bool:
    """Whether the result changes with the reference captions."""
    try:
        after = number(answer(cases[0].captioner, cases[0].images, cases[1].tokens, cases[0].scenes))
    except Mistake:
        return False
    return apart((after,), (before,))


@exercise(
    "12.debug",
    title="evaluate generated captions",
    dots=2,
    minutes=10,
    hints=(
        "Which words does `score_captions` give the model? Who provides such words for a new image?",
        "`captions` of `mmcourse.models.decoding` generates captions: the model reads only its own words.",
        "`facts_of(scene).same_meaning(parse(sentence))` judges one caption, `caption_accuracy` all of them.",
    ),
)
def debug(answer, rng):
    cases = drawn(rng)
    given = tuple(number(answer(case.captioner, case.images, case.tokens, case.scenes)) for case in cases)
    expected = tuple(case.expected for case in cases)
    if apart(given, expected):
        if not all(case.starts() for case in cases):
            raise Mistake("the first word that the captioner reads is not <start>, with which every caption begins")
        for figures in zip(*(case.mistakes for case in cases), strict=True):
            if not apart(given, tuple(figure for figure, _ in figures)):
                raise Mistake(figures[0][1])
        if not any(case.captioner.asked for case in cases):
            raise Mistake("the captioner that is passed in is not used")
        if count := cases[0].true_words():
            raise Mistake(
                f"the captioner reads {count} true words of `tokens` before its first own one: it begins with <start> "
                "and the image alone"
            )
        if not apart(given, tuple(case.cut() for case in cases)):
            raise Mistake(
                f"the captions are cut off after {cases[0].captioner.reached} words, so longer ones lose their meaning"
            )
        more = [*cases, Case(rng), Case(rng)]
        found = (*given, *(number(answer(case.captioner, case.images, case.tokens, case.scenes)) for case in more[2:]))
        distinct_texts = all(0 < value < 1 for value in found)  # 0 and 1 have other causes as well
        for figures in zip(*(case.rarer() for case in more), strict=True):
            if distinct_texts and not apart(found, tuple(figure for figure, _ in figures)):
                raise Mistake(figures[0][1])
        if needs_references(answer, cases, given[0]):
            raise Mistake(
                f"it returned {given[0]:.3f}, expected {expected[0]:.3f}, and for other `tokens` another result: the "
                "captions are generated from <start> and the image alone, and judged by `scenes`, not by the reference"
            )
        i = next(i for i in range(2) if apart(given[i : i + 1], expected[i : i + 1]))
        raise Mistake(
            f"it returned {given[i]:.3f}, expected {expected[i]:.3f}: the fraction of captions with the correct meaning"
        )
    if any(case.captioner.training for case in cases):
        raise Mistake(
            "the result is correct, but the captioner is left in training mode, which changes later results. Leave out "
            "`train()`; `captions` sets the mode itself"
        )
    return "two captioners; no true word was read, and every phrasing was accepted"
