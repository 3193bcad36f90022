"""The asking task: the answer is what the picture shows of the thing named aloud, and any two tell too little."""

from collections import Counter, defaultdict

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.question import ANSWERS, PLACES, QUESTIONS, Questions
from mmcourse.picturebook.scene import OPPOSITE
from mmcourse.picturebook.sentence import UNKNOWN
from mmcourse.picturebook.speech import voices


@pytest.fixture(scope="module")
def asked():
    return Questions(PictureBook("train", 2_000, things=2, seed=0))


def test_the_answer_is_true_of_the_thing_that_is_named(asked):
    for page, scene in enumerate(asked.book.scenes):
        (place,) = (i for i, thing in enumerate(scene.things) if thing.kind == asked.words[page])
        thing = scene.things[place]
        where = PLACES[scene.relation if place == 0 else OPPOSITE[scene.relation]]
        truth = {"colour": thing.colour, "size": thing.size, "place": where}[asked.asked[page]]
        assert ANSWERS[asked.labels[page]] == truth
        assert asked.sentences[page] in QUESTIONS[asked.asked[page]][:-1]


def test_all_is_asked_about_and_both_things_are_meant(asked):
    assert all(count > 600 for count in Counter(asked.asked).values())
    first = [scene.things[0].kind == word for scene, word in zip(asked.book.scenes, asked.words, strict=True)]
    assert 0.45 < sum(first) / len(first) < 0.55


def test_any_two_leave_the_answer_open(asked):
    """Without the picture: the best answer to each question and word, counted on these very pages. Without the voice:
    a guess between the two things. Without the question, a picture and a word leave three kinds of answer."""
    assert best_guess(zip(asked.asked, asked.words, strict=True), asked.labels) < 0.45
    choices = []
    for scene, what in zip(asked.book.scenes, asked.asked, strict=True):
        choices.append(2 if what == "place" else len({getattr(thing, what) for thing in scene.things}))
    assert 0.5 <= sum(1 / count for count in choices) / len(choices) < 0.65


def best_guess(given, labels) -> float:
    seen = defaultdict(Counter)
    for key, label in zip(given, labels.tolist(), strict=True):
        seen[key][label] += 1
    return sum(max(counts.values()) for counts in seen.values()) / len(labels)


def test_splits_hold_out_wordings_and_voices():
    unseen = Questions(PictureBook("unseen_wordings", 60, things=2))
    held = {wordings[-1] for wordings in QUESTIONS.values()}
    assert set(unseen.sentences) <= held
    assert not held & set(Questions(PictureBook("test", 60, things=2)).sentences)
    other = Questions(PictureBook("unseen_voices", 5, things=2))
    assert not any(other.book.voice(i) in voices("train") for i in range(5))


def test_every_word_of_every_question_is_in_the_vocabulary(asked):
    unseen = Questions(PictureBook("unseen_wordings", 60, things=2))
    for questions in (asked, unseen):
        assert (questions.tokens != UNKNOWN).all() and questions.tokens.dtype == torch.int64


def test_sounds_come_one_by_one_and_in_batches():
    few = Questions(PictureBook("test", 3, things=2))
    (batch,) = few.batches(9_000)
    sound = few.sound(1)[:9_000]
    assert batch.shape == (3, 9_000) and torch.equal(batch[1, : len(sound)], sound)
    assert torch.equal(few.sound(1), Questions(PictureBook("test", 3, things=2)).sound(1))


def test_refusal():
    with pytest.raises(ValueError, match="things=2"):
        Questions(PictureBook("test", 5))
