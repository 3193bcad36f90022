"""The sentence parser agrees with `parse`, the exact parser of the grammar, and rejects other sentences."""

import pytest
import torch

from mmcourse import PictureBook, parse
from mmcourse.data.text import pad
from mmcourse.models.sentence_parser import PARTS, SentenceParser, answers, reading_loss
from mmcourse.picturebook.sentence import HELD_OUT_SIZE_WORDS, UNKNOWN, VOCABULARY, Facts, encode
from mmcourse.training import shipped


def perfect(target):
    """Logits of a reader that is always right."""
    logits = [torch.nn.functional.one_hot(target[:, i], len(v)) * 30.0 for i, v in enumerate(PARTS.values())]
    return torch.cat(logits, dim=1)


class Perfect(SentenceParser):
    def forward(self, tokens):
        return self.logits


@pytest.mark.parametrize("split", ["train", "held_out_phrasings"])
@pytest.mark.parametrize("objects", [1, 2])
def test_answers_to_facts_and_back(split, objects):
    book = PictureBook(split, 200, objects=objects)
    target = answers(book.sentences)
    assert target.shape == (200, 8) and target.dtype == torch.int64
    reader = Perfect(8)
    reader.logits = perfect(target)
    assert torch.equal(reader.predict(book.tokens), target)
    assert reader.facts(book.tokens) == [parse(sentence) for sentence in book.sentences]
    assert reading_loss(reader.logits, target) < 1e-3


def test_the_left_or_upper_thing_comes_first():
    one, other = answers(["a big red fish below a small blue boat", "a small blue boat above a big red fish"])
    assert torch.equal(one, other)
    assert PARTS["kind"][one[0]] == "boat" and PARTS["second kind"][one[3]] == "fish"
    alone = answers(["at night there is a small red fish"])[0]
    assert not alone[3:7].any() and PARTS["time"][alone[7]] == "night"


def test_half_a_second_thing_is_none():
    reader = Perfect(8)
    target = answers(["a big red fish above a small blue boat"])
    target[0, 4] = 0
    reader.logits = perfect(target)
    assert reader.facts(pad([[5]])) == [Facts((("fish", "red", "big"),))]


def test_reading_keeps_the_mode_and_shapes():
    reader = SentenceParser(8).train()
    assert reader(pad([[5, 6], [7]])).shape == (2, 59)
    reader.predict(pad([[5, 6], [7]]))
    assert reader.training
    assert [part.shape[1] for part in reader.split(reader(pad([[5]]))).values()] == [14, 8, 2, 15, 9, 3, 3, 5]


def test_words_it_does_not_know_are_unknown():
    reader = SentenceParser(8).eval()
    tiny, unknown = pad([encode("a tiny red fish")]), pad([encode("a tiny red fish")])
    unknown[0, 1] = UNKNOWN
    assert not torch.equal(reader(tiny), reader(unknown))
    reader.encoder.restrict_vocabulary(pad([encode("a small red fish")]))
    assert torch.equal(reader(tiny), reader(unknown))
    again = SentenceParser(8)
    again.load_state_dict(reader.state_dict())
    assert again.encoder.known.sum() == 6, "kept with the weights: four words, padding and unknown"
    with pytest.raises(ValueError, match=f"expected 0 to {len(VOCABULARY) - 1}"):
        reader(pad([[len(VOCABULARY)]]))


def test_no_sentence_of_the_book():
    with pytest.raises(ValueError, match="'a fish' is not a sentence"):
        answers(["a fish"])


@pytest.mark.parametrize("name", ["text_encoder", "text_judge"])
@pytest.mark.parametrize("split", ["test", "held_out_pairs", "held_out_phrasings"])
def test_figures_of_the_cards_hold(name, split):
    """Measured again on other sentences of the same split: within four standard errors of 600."""
    model, told = shipped.load(name), shipped.card(name)["results"][split]
    sentences = [
        s for objects, n in ((1, 200), (2, 400)) for s in PictureBook(split, n, objects=objects, seed=7).sentences
    ]
    right = model.predict(pad([encode(s) for s in sentences])).cpu() == answers(sentences)
    for i, part in enumerate(PARTS):
        std = max(told[part] * (1 - told[part]) / 600, 1e-5) ** 0.5
        assert abs(right[:, i].float().mean().item() - told[part]) < 4 * std + 0.01, part


def test_the_start_never_met_a_held_out_word():
    encoder, judge = (shipped.load(name).encoder for name in ("text_encoder", "text_judge"))
    for word in HELD_OUT_SIZE_WORDS:
        assert not encoder.known[VOCABULARY.index(word)] and judge.known[VOCABULARY.index(word)]
    assert shipped.card("text_encoder")["splits"] == ["train"]
    assert not any(torch.equal(a, b) for a in encoder.parameters() for b in judge.parameters() if a.shape == b.shape)


def test_reading_leaves_every_part_in_its_mode(modes_kept):
    reader = SentenceParser(8, dropout=0.5)
    tokens = pad([encode("a tiny red fish")])
    with modes_kept(reader, reader.encoder):
        first = reader.predict(tokens)
    assert torch.equal(first, reader.predict(tokens)), "no dropout"
