"""Visual question answering: the answer is true of the named object, and no two modalities determine it."""

from collections import Counter, defaultdict

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.picturebook.scene import OPPOSITE
from mmcourse.picturebook.sentence import UNKNOWN
from mmcourse.picturebook.speech import voices
from mmcourse.tasks.question_answering import ANSWERS, POSITIONS, QUESTIONS, QuestionBatches, Questions


@pytest.fixture(scope="module")
def asked():
    return Questions(PictureBook("train", 2_000, objects=2, seed=0))


def test_the_answer_is_true_of_the_named_object(asked):
    for i, (page, word) in enumerate(zip(asked.pages.tolist(), asked.spoken.tolist(), strict=True)):
        scene = asked.book.scenes[page]
        (position,) = (j for j, item in enumerate(scene.objects) if item.kind == asked.words[word])
        item = scene.objects[position]
        where = POSITIONS[scene.relation if position == 0 else OPPOSITE[scene.relation]]
        truth = {"colour": item.colour, "size": item.size, "position": where}[asked.question_types[i]]
        assert ANSWERS[asked.labels[i]] == truth
        assert asked.sentences[i] in QUESTIONS[asked.question_types[i]][:-1]


def test_both_objects_are_combined_with_the_same_questions(asked):
    assert len(asked) == 6 * len(asked.book) == 3 * len(asked.words)
    assert (
        Counter(asked.question_types).keys() == QUESTIONS.keys()
        and len(set(Counter(asked.question_types).values())) == 1
    )
    for page in range(0, len(asked.book), 50):
        rows = range(6 * page, 6 * page + 6)
        assert asked.pages[rows].unique().tolist() == [page]
        assert asked.spoken[rows].tolist() == [2 * page] * 3 + [2 * page + 1] * 3
        assert [asked.sentences[i] for i in rows[:3]] == [asked.sentences[i] for i in rows[3:]]
    assert len(set(asked.sentences)) == 6, "every phrasing of training occurs"


def test_no_two_modalities_determine_the_answer(asked):
    """Without the image: the most frequent answer for each question and word on these pages. Without the voice at most
    one of the two objects' answers; without the question at most one of three. These are bounds for any model."""
    words = [asked.words[i] for i in asked.spoken.tolist()]
    assert best_guess(zip(asked.question_types, words, strict=True), asked.labels) < 0.45
    pages, sound = asked.pages.tolist(), asked.spoken.tolist()
    without_voice = best_guess(zip(pages, asked.sentences, strict=True), asked.labels)
    differ = asked.labels.unflatten(0, (-1, 2, 3)).diff(dim=1) != 0
    assert without_voice == pytest.approx(1 - differ.float().mean().item() / 2) and without_voice < 0.65
    assert best_guess(zip(pages, sound, strict=True), asked.labels) == pytest.approx(1 / 3)


def best_guess(given, labels) -> float:
    seen = defaultdict(Counter)
    for key, label in zip(given, labels.tolist(), strict=True):
        seen[key][label] += 1
    return sum(max(counts.values()) for counts in seen.values()) / len(labels)


def test_splits_hold_out_phrasings_and_voices():
    held_out = Questions(PictureBook("held_out_phrasings", 60, objects=2))
    held = {phrasings[-1] for phrasings in QUESTIONS.values()}
    assert set(held_out.sentences) <= held
    assert not held & set(Questions(PictureBook("test", 60, objects=2)).sentences)
    other = Questions(PictureBook("held_out_voices", 5, objects=2))
    assert not any(other.book.voice(i) in voices("train") for i in range(5))


def test_every_word_of_every_question_is_in_the_vocabulary(asked):
    held_out = Questions(PictureBook("held_out_phrasings", 60, objects=2))
    for questions in (asked, held_out):
        assert (questions.tokens != UNKNOWN).all() and questions.tokens.dtype == torch.int64


def test_sounds_are_the_same_singly_and_in_batches():
    few = Questions(PictureBook("test", 3, objects=2))
    (batch,) = few.batches(9_000)
    sound = few.sound(1)[:9_000]
    assert (
        batch.shape == (6, 9_000) and not torch.equal(batch[0], batch[1]) and torch.equal(batch[1, : len(sound)], sound)
    )
    assert torch.equal(few.sound(1), Questions(PictureBook("test", 3, objects=2)).sound(1))


def test_refusal():
    with pytest.raises(ValueError, match="objects=2"):
        Questions(PictureBook("test", 5))


def test_batches_look_up_each_examples_page_and_word(asked):
    positions, sound = torch.arange(len(asked.book))[:, None], torch.arange(len(asked.words))[:, None]
    seen = 0
    for page, word, tokens, labels in QuestionBatches(asked, positions, sound, size=1_000, seed=0):
        assert torch.equal(word // 2, page) and len(page) == len(word) == len(tokens) == len(labels)
        seen += len(labels)
    assert seen == len(asked)
    page, word, tokens, labels = next(iter(QuestionBatches(asked, positions, sound, size=50, shuffle=False)))
    assert torch.equal(page[:, 0], asked.pages[:50]) and torch.equal(word[:, 0], asked.spoken[:50])
    assert torch.equal(tokens, asked.tokens[:50]) and torch.equal(labels, asked.labels[:50])
    with pytest.raises(ValueError, match="another split"):
        QuestionBatches(asked, positions[:5], sound)
