"""Text to tensors: words, vocabulary, padding, batches of similar length."""

import pytest
import torch

from mmcourse.data.augment import mask_words
from mmcourse.data.text import PAD, UNKNOWN, SentenceBatches, Vocabulary, check_tokens, lengths, pad, split_words
from mmcourse.picturebook.book import PictureBook
from mmcourse.picturebook.sentence import VOCABULARY
from mmcourse.tasks.relation import word_order


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("It isn't bad!", "it is n't bad !"),
        (
            "Can't, won't; the film’s long-winded (2 1/2 hours)",
            "ca n't , wo n't ; the film 's long - winded ( 2 1 / 2 hours )",
        ),
        ("they'll say we've 'seen' it", "they 'll say we 've ' seen ' it"),
        ("a <mask> café", "a <mask> café"),
        ("", ""),
        ("  \n ", ""),
    ],
)
def test_words_and_marks_apart(text, words):
    assert split_words(text) == words.split()


def test_vocabulary_of_training_texts_alone():
    training = ["the film is good", "the film is bad , the end", "good good"]
    vocabulary = Vocabulary.of(training, at_least=2)
    assert vocabulary.words == ("<pad>", "<unk>", "good", "the", "film", "is"), "most frequent first, then the alphabet"
    assert vocabulary.encode("The film was good") == [3, 4, UNKNOWN, 2]
    assert vocabulary.encode("") == []
    assert vocabulary.encode("<pad> <unk> film") == [UNKNOWN, UNKNOWN, 4], "a text holds no padding"
    assert vocabulary.decode([3, 4, UNKNOWN, 2, PAD]) == "the film <unk> good"
    assert len(vocabulary) == 6 and Vocabulary(vocabulary.words).words == vocabulary.words
    everything = Vocabulary.of(training, at_least=1)
    for text in training:
        assert everything.decode(everything.encode(text)) == text


def test_the_books_vocabulary_keeps_its_places():
    assert Vocabulary(VOCABULARY).words == VOCABULARY


def test_pad_and_lengths():
    tokens = pad([[5, 6, 7], [], [8]])
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [[5, 6, 7], [UNKNOWN, 0, 0], [8, 0, 0]]
    assert lengths(tokens).tolist() == [3, 1, 1]
    assert pad([[5, 6, 7], [8]], to=2).tolist() == [[5, 6], [8, 0]]
    assert pad([torch.tensor([4, 5])], to=3).tolist() == [[4, 5, 0]]


def sentences(n=211, seed=0):
    generator = torch.Generator().manual_seed(seed)
    longs = torch.randint(1, 40, (n,), generator=generator).tolist()
    return [[i + 1] * long for i, long in enumerate(longs)], torch.arange(n)


@pytest.mark.parametrize("size", [1, 7, 64, 500])
@pytest.mark.parametrize("shuffle", [True, False])
def test_every_sentence_once_with_its_label(size, shuffle):
    sequences, labels = sentences()
    batches = SentenceBatches(sequences, labels, size=size, shuffle=shuffle)
    parts = list(batches)
    assert len(parts) == len(batches) == {1: 211, 7: 30, 64: 4, 500: 1}[size]  # 7: the one left over is not left alone
    assert all(len(target) == size for _, target in parts[:-1])
    assert sorted(torch.cat([target for _, target in parts]).tolist()) == list(range(211))
    for tokens, target in parts:
        assert torch.equal(tokens[:, 0].cpu(), target.cpu() + 1)
        assert [row[row > 0].tolist() for row in tokens.cpu()] == [sequences[i] for i in target.tolist()]
        assert tokens.shape[1] == max(len(sequences[i]) for i in target.tolist()), "padded to its own longest"
    if not shuffle:
        assert torch.equal(torch.cat([target for _, target in parts]).cpu(), labels)


def test_sentences_of_like_length_lie_together():
    sequences, labels = sentences(2_000)
    batches = SentenceBatches(sequences, labels, size=20)
    filled = sum(int((tokens > 0).sum()) for tokens, _ in batches) / sum(tokens.numel() for tokens, _ in batches)
    assert filled > 0.9, "of random batches about half is padding"
    means = [float((tokens > 0).sum(dim=1).float().mean()) for tokens, _ in batches]
    assert means != sorted(means), "short batches do not all come first"


def test_orders_differ_by_epoch_and_agree_by_seed():
    sequences, labels = sentences()
    one, two, other = (SentenceBatches(sequences, labels, size=8, seed=seed) for seed in (3, 3, 4))
    first, second = (torch.cat([target for _, target in one]) for _ in range(2))
    assert not torch.equal(first, second) and torch.equal(first, torch.cat([target for _, target in two]))
    assert not torch.equal(first, torch.cat([target for _, target in other]))


def test_transform_and_padded_tensors():
    tokens = PictureBook("train", 40, objects=2, seed=0).tokens
    batches = SentenceBatches(tokens, torch.arange(40), size=16, transform=lambda t: mask_words(t, 1.0))
    for masked, target in batches:
        assert torch.equal(masked.cpu() == PAD, tokens[target.cpu()][:, : masked.shape[1]] == PAD)
        assert set(masked.unique().tolist()) <= {PAD, UNKNOWN}


@pytest.mark.parametrize("row", [[0, 0, 5, 6], [5, 0, 6, 0]])
def test_padding_before_a_word_is_refused_since_words_would_be_lost(row):
    """Batches are cut to the number of words, which are the first tokens alone where padding stands on the right."""
    tokens = torch.tensor([[7, 8, 9, 0], row])
    for read in (tokens, tokens.numpy()):
        with pytest.raises(
            ValueError, match=r"row 1 (begins with|has) padding.*pad\(\[row\[row != 0\] for row in tokens"
        ):
            SentenceBatches(read, torch.arange(2))
    fixed = pad([row[row != 0] for row in tokens])
    (batch, target), *_ = SentenceBatches(fixed, torch.arange(2), shuffle=False)
    assert batch.tolist() == [[7, 8, 9], [5, 6, 0]] and target.tolist() == [0, 1]


def test_word_dropout():
    tokens = pad([[5] * 900, [6] * 400])
    before = tokens.clone()
    torch.manual_seed(0)
    masked = mask_words(tokens, 0.3)
    assert torch.equal(tokens, before) and torch.equal(masked == PAD, tokens == PAD)
    fraction = (masked == UNKNOWN).sum() / (tokens != PAD).sum()
    assert 0.22 < fraction < 0.38, "within six standard errors of 0.3"
    assert torch.equal(masked[masked != UNKNOWN], tokens[masked != UNKNOWN])
    assert torch.equal(mask_words(tokens, 0.0), tokens)
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        mask_words(tokens, 30)
    with pytest.raises(ValueError, match="integer tokens"):
        mask_words(tokens.float(), 0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split_words(["a", "film"]), "type list; expected str. A list of texts is taken one by one"),
        (lambda: split_words(None), "type NoneType; expected str$"),
        (lambda: Vocabulary.of([{"text": "a"}]), "type dict; expected str$"),
        (lambda: Vocabulary(["a", "b", "a"]), "'a' more than once"),
        (lambda: Vocabulary([["a", "b"]]), r"Vocabulary.of\(texts\)"),
        (lambda: Vocabulary.of("a film"), r"Vocabulary.of\(\[text\]\)"),
        (lambda: Vocabulary([3]), "words holds 3; expected strings"),
        (lambda: Vocabulary.of([]), "no word: it is empty"),
        (lambda: Vocabulary.of(["", " "]), "no word: all 2 of them are empty"),
        (lambda: Vocabulary("ab").decode([-1]), "token -1 is outside the vocabulary of 4 words .0 to 3."),
        (lambda: Vocabulary("ab").decode([[2, 3]]), r"decode got \[2, 3\] as a token; .*those of a sentence"),
        (lambda: Vocabulary("ab").decode(torch.rand(2)), "decode got 0.* as a token; expected whole numbers"),
        (lambda: Vocabulary("ab").decode([4]), "outside the vocabulary of 4 words"),
        (lambda: pad([]), "empty split"),
        (lambda: pad([3, 4]), r"pad\(\[sequence\]\)"),
        (lambda: pad([[3, 0, 4]]), "sequence 0 holds 0; .* 0 is the padding, which pad adds"),
        (lambda: pad([[3, 2.5]]), "sequence 0 holds 2.5; expected whole numbers from 1 up$"),
        (lambda: pad([[3, -1]]), "sequence 0 holds -1; expected whole numbers from 1 up$"),
        (lambda: pad([[3], [True]]), "sequence 1 holds True"),
        (lambda: pad([[[3, 1]]]), r"sequence 0 holds \[3, 1\]; expected whole numbers from 1 up$"),
        (lambda: pad(["a film"]), r"sequence 0 is the text 'a film'; .*vocabulary\.encode\(text\)"),
        (lambda: pad([["a", "film"]]), r"sequence 0 holds 'a'; .*vocabulary\.encode\(text\)"),
        (lambda: pad([[3], None]), "sequence 1 is of type NoneType"),
        (lambda: pad([[3]], to=0), "to is 0"),
        (lambda: pad([[3]], to="4"), "to is '4'"),
        (lambda: SentenceBatches([[3], [4]], torch.zeros(3)), "the same number in each"),
        (lambda: SentenceBatches([[3], [4]], ["good", "bad"]), "at position 1.*class numbers: names = sorted"),
        (lambda: SentenceBatches(["a film", "a play"], [0, 1]), r"text 'a film'; .*vocabulary\.encode"),
        (lambda: SentenceBatches(torch.rand(2, 3), [0, 1]), "sequences are torch.float32; expected integers"),
    ],
)
def test_refusals_say_why(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.tensor([3, 4]), r"tokens\[None\]"),
        ([[3, 4], [5]], r"pad\(sequences\)"),
        (torch.zeros(0, 4, dtype=torch.int64), "empty split"),
        (torch.zeros(2, 0, dtype=torch.int64), r"\(2, 0\): no word in any sentence$"),
        (torch.ones(1, 2, 3, dtype=torch.int64), r"shape \(1, 2, 3\); expected \(B, T\)$"),
        ("a film", r"type str; expected a tensor"),
        (torch.rand(2, 3), "expected integers"),
        (torch.tensor([[3, 10]]), "expected 0 to 9"),
        (torch.tensor([[3, -1]]), "run from -1"),
        (torch.tensor([[3, 4], [0, 0]]), "row 1 .* an empty sentence"),
        (torch.tensor([[0, 3]]), r"row 0 begins with padding: \[0, 3\]; .*only on the right: pad"),
        (torch.tensor([[3, -100]]), r"run from -100 to 3; expected 0 to 9, indices in the model.s vocabulary$"),
        (torch.tensor([[3, 0, 4]]), "between its words"),
    ],
)
def test_wrong_tokens_say_why(tokens, message):
    with pytest.raises(ValueError, match=message):
        check_tokens(tokens, 10)


def test_good_tokens_pass():
    check_tokens(torch.tensor([[3, 9, 0], [1, 0, 0]]), 10)
    check_tokens(word_order(PictureBook("test", 30, objects=2))[0], len(VOCABULARY))


def test_a_label_for_every_token_is_cut_as_the_tokens_are():
    tokens = pad([[2, 3], [4], [5, 6, 7, 8], [9]])
    batches = SentenceBatches(tokens, tokens * 10, size=2, shuffle=False)
    for some, labels in batches:
        assert torch.equal(labels, some * 10)
    assert [tuple(some.shape) for some, _ in batches] == [(2, 2), (2, 4)]
