"""Sentences from scenes (`describe`), and the facts of a scene from a sentence (`parse`), by the same grammar.

Every template and every synonym is defined here once: `describe` fills a template, `parse` matches one.
`held_out_phrasings` holds out templates and two size words; all relation words occur in training.
"""

import random
import re
from dataclasses import dataclass
from functools import cache

from mmcourse.picturebook.scene import COLOURS, KINDS, OPPOSITE, Scene
from mmcourse.renamed import names_of, new_value, old_keywords

SIZE_WORDS = {"small": ("small", "little", "tiny"), "big": ("big", "large", "huge")}
HELD_OUT_SIZE_WORDS = ("tiny", "huge")
RELATION_WORDS = {
    "left of": ("left of", "to the left of"),
    "right of": ("right of", "to the right of"),
    "above": ("above", "over"),
    "below": ("below", "under", "beneath"),
}
TIME_WORDS = {"morning": "in the morning", "day": "by day", "evening": "in the evening", "night": "at night"}

# {a}: 'a small red fish', {the}: 'the small red fish', {a kind}: 'a fish'; a, b: the first and the second object.
SEEN_TEMPLATES = {
    1: ("{a}", "there is {a}", "this is {a}", "i see {a}", "the {kind} is {size} and {colour}", "look at {the}"),
    2: (
        "{a} {relation} {b}",
        "there is {a} {relation} {b}",
        "{a} is {relation} {b}",
        "{the} is {relation} {the_b}",
        "{relation} {b} is {a}",
        "i see {a} and it is {relation} {b}",
    ),
}
HELD_OUT_TEMPLATES = {
    1: ("here is {a}", "{a_kind} that is {colour} and {size}", "there is {a_size_kind}, {colour}"),
    2: (
        "this page has {a} {relation} {b}",
        "{relation} {the_b} there is {a}",
        "look at {the}, it is {relation} {the_b}",
    ),
}
TIME_FRACTION = 0.25

SPECIAL = ("<pad>", "<unk>", "<start>", "<end>", "<mask>")
_FRAME = (
    "a an the there is this that it and i see look at here page has to of in by "
    "morning day evening night left right above over below under beneath"
)
_DIGITS = "zero one two three four five six seven eight nine"
_QUESTIONS = (
    "yes no not true false what which where how many colour size thing things are or bigger smaller than same both on"
)
_STORIES = "once was met then went home saw said hello friend found happy they were together again end sleep good next"
WORDS = tuple(
    sorted(
        {
            *KINDS,
            *COLOURS,
            *(word for words in SIZE_WORDS.values() for word in words),
            *f"{_FRAME} {_DIGITS} {_QUESTIONS} {_STORIES}".split(),
        }
    )
)
VOCABULARY = SPECIAL + WORDS
PAD, UNKNOWN, START, END, MASK = range(len(SPECIAL))
_INDEX = {word: i for i, word in enumerate(VOCABULARY)}
_CANONICAL_SIZE = {word: size for size, words in SIZE_WORDS.items() for word in words}
_CANONICAL_RELATION = {word: relation for relation, words in RELATION_WORDS.items() for word in words}
_CANONICAL_TIME = {word: time for time, word in TIME_WORDS.items()}


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts of a sentence: (kind, colour, size) of each object, their relation and, where stated, the time of day.

    A relation is stored as 'left of' or 'above' with the objects in that order, so equal facts mean the same.
    """

    objects: tuple[tuple[str, str, str], ...]
    relation: str | None = None
    time: str | None = None

    @classmethod
    def of(cls, objects, relation=None, time=None) -> "Facts":
        """Facts in their stored form, from objects in any order."""
        objects = tuple(tuple(item) for item in objects)
        if relation in ("right of", "below"):
            objects, relation = objects[::-1], OPPOSITE[relation]
        return cls(objects, relation, time)

    def same_meaning(self, other: "Facts | None") -> bool:
        """Whether the facts of the objects agree; the time is compared only where both state it."""
        if other is None or (self.objects, self.relation) != (other.objects, other.relation):
            return False
        return self.time is None or other.time is None or self.time == other.time


def facts_of(scene: Scene) -> Facts:
    """The facts of a scene, time of day included."""
    return Facts.of(((t.kind, t.colour, t.size) for t in scene.objects), scene.relation, scene.time)


def with_article(words: str) -> str:
    """'a fish', 'an apple', 'an 8'."""
    return ("an " if words[0] in "aeiou8" else "a ") + words


@old_keywords
def describe(scene: Scene, rng: random.Random | int = 0, phrasings: str = "seen") -> str:
    """A sentence about a scene; `phrasings` 'seen' or 'held_out' selects the templates and synonyms."""
    phrasings = new_value("phrasings", phrasings)
    if phrasings not in ("seen", "held_out"):
        raise ValueError(f"phrasings is {phrasings!r}; expected 'seen' or 'held_out'")
    if isinstance(rng, int):
        rng = random.Random(rng)
    objects, relation = scene.objects, scene.relation
    if len(objects) == 2 and rng.random() < 0.5:
        objects, relation = objects[::-1], OPPOSITE[relation]
    slots = {}
    for suffix, item in zip(("", "_b"), objects, strict=False):
        allowed = [w for w in SIZE_WORDS[item.size] if phrasings == "held_out" or w not in HELD_OUT_SIZE_WORDS]
        size = rng.choice(allowed)
        noun = f"{size} {item.colour} {item.kind}"
        slots |= {
            f"a{suffix}": with_article(noun),
            f"the{suffix}": f"the {noun}",
            f"kind{suffix}": item.kind,
            f"size{suffix}": size,
            f"colour{suffix}": item.colour,
            f"a_kind{suffix}": with_article(item.kind),
            f"a_size_kind{suffix}": with_article(f"{size} {item.kind}"),
        }
    if relation:
        slots |= {"b": slots["a_b"], "relation": rng.choice(RELATION_WORDS[relation])}
    template = rng.choice((SEEN_TEMPLATES if phrasings == "seen" else HELD_OUT_TEMPLATES)[len(objects)])
    sentence = template.format_map(slots)
    if rng.random() < TIME_FRACTION:
        time = TIME_WORDS[scene.time]
        sentence = f"{time} {sentence}" if rng.random() < 0.5 else f"{sentence} {time}"
    return sentence


@cache
def _patterns() -> tuple[re.Pattern, ...]:
    """One regular expression for each template, its slots as named groups."""

    def either(name, words):
        return f"(?P<{name}>{'|'.join(sorted(words, key=len, reverse=True))})"

    patterns = []
    for templates in (SEEN_TEMPLATES, HELD_OUT_TEMPLATES):
        for template in (t for group in templates.values() for t in group):
            slots = {"relation": either("relation", _CANONICAL_RELATION)}
            for suffix in ("", "_b"):
                size, colour, kind = (
                    either(f"{name}{suffix}", words)
                    for name, words in (("size", _CANONICAL_SIZE), ("colour", COLOURS), ("kind", KINDS))
                )
                slots |= {
                    f"a{suffix}": f"an? {size} {colour} {kind}",
                    f"the{suffix}": f"the {size} {colour} {kind}",
                    f"kind{suffix}": kind,
                    f"size{suffix}": size,
                    f"colour{suffix}": colour,
                    f"a_kind{suffix}": f"an? {kind}",
                    f"a_size_kind{suffix}": f"an? {size} {kind}",
                }
            slots["b"] = slots["a_b"]
            times = "|".join(TIME_WORDS.values())
            body = template.replace(",", "").format_map(slots)
            patterns.append(re.compile(f"(?:(?P<before>{times}) )?{body}(?: (?P<after>{times}))?"))
    return tuple(patterns)


def parse(sentence: str) -> Facts | None:
    """The facts a sentence states, in any phrasing of the grammar, held-out ones included; None outside the grammar."""
    words = " ".join(split_words(sentence))
    for pattern in _patterns():
        match = pattern.fullmatch(words)
        if match:
            g = match.groupdict()
            if g["before"] and g["after"]:
                return None
            suffixes = ("", "_b") if "kind_b" in g else ("",)
            objects = [(g[f"kind{s}"], g[f"colour{s}"], _CANONICAL_SIZE[g[f"size{s}"]]) for s in suffixes]
            return Facts.of(
                objects, _CANONICAL_RELATION.get(g.get("relation")), _CANONICAL_TIME.get(g["before"] or g["after"])
            )
    return None


def split_words(sentence: str) -> list[str]:
    """The words of a sentence, lower-cased, without punctuation."""
    return re.findall(r"<?[a-z0-9']+>?", sentence.lower())


def encode(sentence: str) -> list[int]:
    """Indices into VOCABULARY; a word outside it becomes '<unk>'."""
    return [_INDEX.get(word, UNKNOWN) for word in split_words(sentence)]


def decode(indices) -> str:
    """The sentence of these indices, up to '<end>', without padding and '<start>'."""
    words = []
    for index in map(int, indices):
        if not 0 <= index < len(VOCABULARY):
            raise ValueError(f"token {index} is outside the vocabulary of {len(VOCABULARY)} words")
        if index == END:
            break
        if index not in (PAD, START):
            words.append(VOCABULARY[index])
    return " ".join(words)


__getattr__ = names_of(__name__)
