"""Named entities: targets on first pieces, tags back from logits, the baseline that remembers."""

import pytest
import torch

from mmcourse.data.subwords import Subwords
from mmcourse.tasks.entities import SeenEntities, first_piece_targets, spans, tag_names, tags_from, tags_of

NAMES = ("O", "B-person", "I-person", "B-location")
SENTENCES = [["Ada", "Lovelace", "saw", "London"], ["London", "rains"], ["Ada", "Lovelaceson"]]
TAGS = [[1, 2, 0, 3], [3, 0], [1, 2]]


@pytest.fixture(scope="module")
def dataset():
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    features = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=list(NAMES)))})
    return Dataset.from_dict({"tokens": SENTENCES, "ner_tags": TAGS}, features=features)


@pytest.fixture(scope="module")
def subwords():
    return Subwords.of(["Ada Lovelace saw London London rains Ada Lovelace"] * 3 + ["sonatas on"], size=60)


def test_names_and_tags(dataset):
    assert tag_names(dataset) == NAMES
    assert tags_of(dataset)[0] == ["B-person", "I-person", "O", "B-location"]


def test_targets_stand_on_first_pieces(dataset, subwords):
    tokens, targets = first_piece_targets(dataset, subwords)
    for i, (words, tags) in enumerate(zip(SENTENCES, TAGS, strict=True)):
        ids, first = subwords.encode_words(words)
        assert tokens[i, : len(ids)].tolist() == ids
        assert targets[i, first].tolist() == [tag + 1 for tag in tags]
        assert (targets[i] != 0).sum() == len(words)


def test_tags_come_back_from_logits(dataset, subwords):
    _, targets = first_piece_targets(dataset, subwords)
    logits = torch.nn.functional.one_hot(targets, len(NAMES) + 1).float()
    logits[..., 0] = 9.0  # looks better than every tag, and is none
    assert tags_from(logits, targets, NAMES) == tags_of(dataset)


def test_the_baseline_tags_what_it_saw_longest_match_first():
    seen = SeenEntities([["New", "York", "Times"], ["York"], ["Ada"]], [["B-a", "I-a", "I-a"], ["B-b"], ["B-c"]])
    assert seen.tag(["the", "New", "York", "Times", "of", "York"]) == ["O", "B-a", "I-a", "I-a", "O", "B-b"]
    assert seen.tag(["New", "York"]) == ["O", "B-b"] and seen.tag([]) == []
    assert SeenEntities([["a"]], [["O"]]).tag(["a", "b"]) == ["O", "O"]


def test_spans_are_those_of_seqeval():
    from seqeval.metrics.sequence_labeling import get_entities

    tags = ["B-a", "I-a", "B-a", "O", "I-b", "I-b", "I-a", "O", "B-b"]
    assert spans(tags) == [(start, end + 1, kind) for kind, start, end in get_entities(tags)]
