"""The clinic of lesson 12: teacher-forced scores reported as captioning."""

import torch
from torch import Tensor

from mmcourse.data.captions import framed, shift_right
from mmcourse.exercises.answers import NotRight
from mmcourse.exercises.checks import exercise
from mmcourse.exercises.judging import described
from mmcourse.metrics import meaning, share_right
from mmcourse.models.captioner import Captioner
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.scene import COLOURS
from mmcourse.picturebook.sentence import PAD, VOCABULARY, decode, tell

PAGES = 40


class Planned(Captioner):
    """Says of picture i the sentence that is planned for it; told other words, it goes on as the reference does.

    A picture's index stands in all of its pixels, as index / 1000.
    """

    def __init__(self, plans: Tensor, references: Tensor):
        super().__init__(len(VOCABULARY))
        self.plans, self.references = (torch.nn.functional.pad(x, (0, 40 - x.shape[1])) for x in (plans, references))

    def see(self, images: Tensor) -> Tensor:
        return (images[:, 0, 0, 0] * 1000).round().view(-1, 1, 1)

    def begin(self, places: Tensor):
        number = places[:, 0, 0].long()
        return number, torch.zeros(len(number), 0, dtype=torch.int64)

    def read(self, state, tokens: Tensor):
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


def recoloured(sentence: str) -> str:
    """Each colour exchanged for the next."""
    after = dict(zip(COLOURS, COLOURS[1:] + COLOURS[:1], strict=True))
    return " ".join(after.get(word, word) for word in sentence.split())


class Case:
    """Pages, their references, and a captioner that is right on some."""

    def __init__(self, rng: torch.Generator):
        while True:
            self.draw(rng)
            figures = [share_right(self.said, self.scenes), *(figure for figure, _ in self.mistakes())]
            if all(abs(a - b) > 1e-3 for i, a in enumerate(figures) for b in figures[:i]):
                break

    def draw(self, rng: torch.Generator) -> None:
        seed = int(torch.randint(10**6, (), generator=rng))
        book = PictureBook("valid", PAGES, things=2, seed=seed)
        self.said = []
        for i, told in enumerate(book.sentences):
            other = book.scenes[(i + 1) % PAGES]
            plans = (told, tell(book.scenes[i], seed + i), reworded(told), tell(other, i), recoloured(told), "a red")
            self.said.append(plans[int(torch.randint(len(plans), (), generator=rng))])
        self.scenes, self.tokens = book.scenes, framed(book.sentences)
        self.images = (torch.arange(PAGES) / 1000)[:, None, None, None].expand(-1, 3, 48, 48).contiguous()
        self.captioner = Planned(framed(self.said), self.tokens)

    def forced(self) -> tuple[Tensor, Tensor]:
        """What is said with the true words given, and what should have been.   (N, L), (N, L)"""
        inputs, targets = shift_right(self.tokens)
        return self.captioner(self.images, inputs).argmax(dim=2), targets

    def mistakes(self) -> list[tuple[float, str]]:
        said, targets = self.forced()
        real = targets != PAD
        per_word = (said == targets)[real].float().mean().item()
        with_padding = (said == targets).float().mean().item()
        sentences = [decode(row) for row in said]
        judged = meaning(self.said, self.scenes)
        same = sum(a == decode(b) for a, b in zip(self.said, self.tokens, strict=True)) / PAGES
        right = judged["meaning"].float().mean().item()
        return [
            (per_word, "still the patient's figure: the share of words, each said after the true words before it"),
            (with_padding, "a share of words, padding among them, each said after the true words before it"),
            (
                share_right(sentences, self.scenes),
                "the meaning is judged, but of words that were each said after the true ones: generate, from <start> "
                "and the picture alone",
            ),
            (same, "captions are compared with one wording; another wording may mean the same"),
            (judged["a sentence"].float().mean().item(), "the share that the grammar understands; is it also true?"),
            (judged["kinds"].float().mean().item(), "the kinds alone are judged; a caption says more"),
            (1 - right, "the share of wrong captions; the right ones are asked for"),
            (right * PAGES, "a number of captions; a share is asked for: divide by how many there are"),
            (100 * right, "in per cent; a share between 0 and 1 is asked for"),
        ]


@exercise(
    "12.clinic",
    title="a report on captions that nobody gave away",
    dots=2,
    minutes=10,
    hints=(
        "Which words does the patient's captioner read? Where do they come from, and who will give them for a new "
        "picture?",
        "`captions(captioner, images)` gives the sentences of a captioner that reads only its own words.",
        "`facts_of(scene).same_meaning(understand(sentence))` judges one, `share_right(sentences, scenes)` all.",
    ),
)
def clinic(answer, rng):
    for _ in range(2):
        case = Case(rng)
        given = answer(case.captioner, case.images, case.tokens, case.scenes)
        try:
            value = float(given)
        except (TypeError, ValueError, RuntimeError):
            raise NotRight(f"it gave {described(given)}, expected one number, a share") from None
        expected = share_right(case.said, case.scenes)
        if abs(value - expected) < 1e-4:
            continue
        for figure, words in case.mistakes():
            if abs(value - figure) < 1e-4:
                raise NotRight(words)
        raise NotRight(f"it gave {value:.3f}, expected {expected:.3f}: the share of captions whose meaning is right")
    return "two captioners; no true word was read, and every wording was understood"
