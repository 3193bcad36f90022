"""Transcripts as characters and back, and batches of sentences read aloud."""

import pytest
import torch

from mmcourse import PictureBook
from mmcourse.data.audio import LogMel
from mmcourse.data.read_aloud import ReadAloud
from mmcourse.picturebook.sentence import WORDS, split_words
from mmcourse.tasks import transcripts


def test_every_word_of_the_vocabulary_can_be_written_and_read_back():
    for word, row in zip(WORDS, transcripts.characters(WORDS), strict=True):
        assert transcripts.text(row) == word


def test_padding_is_the_blank_and_lies_on_the_right():
    ids = transcripts.characters(["there is a fish, red", "", "Moon."])
    assert [transcripts.text(row) for row in ids] == ["there is a fish red", "", "moon"]
    assert (ids != transcripts.BLANK).sum(dim=1).tolist() == [19, 0, 4]
    assert (ids[2, :4] != 0).all() and transcripts.CHARACTERS[transcripts.SPACE] == " "


def test_only_empty_sentences_are_rows_without_a_character():
    assert transcripts.characters(["", ","]).shape == (2, 0)


@pytest.mark.parametrize(
    ("sentences", "message"),
    [([], "sentences is empty"), ("a fish", "expected a list"), (["7 fish"], "'7'"), (["don't"], "a to z")],
)
def test_what_cannot_be_written_is_refused(sentences, message):
    with pytest.raises(ValueError, match=message):
        transcripts.characters(sentences)


@pytest.mark.parametrize("ids", [[28], [-1], torch.tensor([3, 99])])
def test_an_index_without_a_character_is_refused(ids):
    with pytest.raises(ValueError, match="is no character's"):
        transcripts.text(ids)


@pytest.fixture(scope="module")
def read():
    book = PictureBook("train", 12, seed=0)
    log_mel = LogMel().fit([book.sound(0)])
    words = sorted({word for sentence in book.sentences for word in split_words(sentence)})
    return ReadAloud(log_mel, words, ["en+Alex", "en+m5"]), book.sentences


def test_batches_hold_each_sentence_once_with_its_own_characters(read):
    read, sentences = read
    torch.manual_seed(0)
    seen = []
    for mels, lengths, targets in transcripts.TranscriptBatches(read, sentences, size=4):
        assert mels.shape[:2] == (4, 40) and lengths.shape == (4,) and targets.shape[0] == 4
        assert (mels[0, :, lengths[0] :] == 0).all() and (mels[0, :, lengths[0] - 1] != 0).any()
        assert int((targets != 0).sum(dim=1).max()) == targets.shape[1]
        seen += [transcripts.text(row) for row in targets]
    assert sorted(seen) == sorted(map(transcripts.transcript, sentences))


def test_the_same_random_state_gives_the_same_batches_and_lengths_come_before_augmentation(read):
    read, sentences = read

    def batch(vary=None):
        torch.manual_seed(1)
        return next(iter(transcripts.TranscriptBatches(read, sentences, size=4, seed=3, vary=vary)))

    assert all(torch.equal(a, b) for a, b in zip(batch(), batch(), strict=True))
    mels, lengths, _ = batch(torch.zeros_like)
    assert torch.equal(lengths, batch()[1]) and not mels.any()
