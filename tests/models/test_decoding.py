"""Decoding: greedy, and beam search against exhaustive search; every caption ends."""

import itertools

import pytest
import torch

from mmcourse.models.captioner import ShowAttendAndTell, TransformerCaptioner
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.decoding import beam, captions, greedy, without_marks
from mmcourse.picturebook.sentence import END, PAD, START

V, LENGTH = 8, 4
SAYABLE = (END, 5, 6, 7)


class Table:
    """Logits depend on the image and on the last two words, by random weights."""

    def __init__(self, seed: int):
        self.logits = torch.randn(V, V, V, generator=torch.Generator().manual_seed(seed)) * 1.5

    def start(self, images):
        return images[:, 0, 0, 0].long(), torch.full((len(images),), START)

    def step(self, state, words):
        shift, last = state
        return self.logits[last, words].roll(1, dims=1) + shift[:, None] * self.logits[words, last], (shift, words)


class Repeats:
    def start(self, images):
        return torch.zeros(len(images))

    def step(self, state, words):
        logits = torch.zeros(len(words), V)
        logits[:, 5], logits[:, END] = 9.0, -9.0
        return logits, state


class Marks(Repeats):
    """Would say padding, <start> and <unk>, if it were let."""

    def step(self, state, words):
        logits = torch.zeros(len(words), V)
        logits[:, [0, 1, 2, 4]] = 9.0
        logits[:, END] = 1.0
        return logits, state


def random_images(n: int = 3):
    return torch.arange(n).float().view(n, 1, 1, 1)


def by_hand(table: Table, image, sentence) -> float:
    """The log-probability of one sentence."""
    state, word, total = table.start(image), torch.tensor([START]), 0.0
    for said in sentence:
        logits, state = table.step(state, word)
        total += without_marks(logits).log_softmax(dim=1)[0, said].item()
        word = torch.tensor([said])
    return total


def every_sentence():
    words = SAYABLE[1:]
    for n in range(LENGTH):
        yield from ((*body, END) for body in itertools.product(words, repeat=n))
    yield from itertools.product(words, repeat=LENGTH)


@pytest.mark.parametrize("penalty", [0.0, 0.7, 1.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_wide_beam_finds_what_exhaustive_search_finds(seed, penalty):
    table, images = Table(seed), random_images()
    said, scores = beam(table, images, width=200, length=LENGTH, length_penalty=penalty)
    for i, image in enumerate(images.split(1)):
        judged = {s: by_hand(table, image, s) / len(s) ** penalty for s in every_sentence()}
        best = sorted(judged, key=judged.get, reverse=True)
        for position in range(3):
            assert tuple(w for w in said[i, position].tolist() if w != PAD) == best[position]
            assert scores[i, position].item() == pytest.approx(judged[best[position]], abs=1e-4)
        assert (scores[i] > float("-inf")).sum() == len(judged)  # each sentence once


@pytest.mark.parametrize("seed", range(4))
def test_a_beam_of_width_one_is_greedy(seed):
    table, images = Table(seed), random_images(5)
    said, scores = beam(table, images, width=1, length=LENGTH)
    assert torch.equal(said[:, 0], greedy(table, images, LENGTH))
    for i, image in enumerate(images.split(1)):
        words = [w for w in said[i, 0].tolist() if w != PAD]
        assert scores[i, 0].item() == pytest.approx(by_hand(table, image, words), abs=1e-4)


def test_a_wider_beam_finds_sentences_at_least_as_probable():
    gains = []
    for seed in range(6):
        best = [beam(Table(seed), random_images(), width, LENGTH)[1][:, 0] for width in (1, 200)]
        assert (best[1] >= best[0] - 1e-5).all()
        gains.append((best[1] - best[0]).max().item())
    assert max(gains) > 0.1


def test_images_of_a_batch_do_not_change_each_other():
    together = beam(Table(0), random_images(), 3, LENGTH)[0]
    for i, image in enumerate(random_images().split(1)):
        assert torch.equal(beam(Table(0), image, 3, LENGTH)[0][0], together[i])


def test_every_caption_ends():
    assert greedy(Repeats(), random_images(2), 6).tolist() == [[5] * 6] * 2
    said, scores = beam(Repeats(), random_images(2), 3, 6)
    assert said.shape == (2, 3, 6) and said[0, 0].tolist() == [5] * 6


def test_special_tokens_are_never_generated():
    assert (greedy(Marks(), random_images(2), 5)[:, 0] == END).all()
    said, _ = beam(Marks(), random_images(1), 2, 3)
    assert set(said[0, 0].tolist()) <= {END, PAD}


def test_after_the_end_there_is_padding():
    said = torch.cat([greedy(Table(s), random_images(8), 6) for s in range(4)])
    ended = (said == END).any(dim=1)
    assert ended.any()
    for row in said[ended]:
        position = (row == END).nonzero()[0].item()
        assert (row[position + 1 :] == PAD).all() and (row[: position + 1] != PAD).all()


@pytest.mark.parametrize("kind", [ShowAttendAndTell, TransformerCaptioner])
def test_models_in_training_mode_decode_in_evaluation_mode(kind):
    torch.manual_seed(0)
    model = kind(30, width=16, encoder=ImageEncoder((4, 6))).train()
    images = torch.rand(4, 3, 16, 16)
    said = greedy(model, images, 7)
    assert model.training and torch.equal(said, greedy(model.eval(), images, 7))
    model.train().encoder.eval()
    greedy(model, images, 7)
    assert model.training and not model.encoder.training, "each part is as it was"
    model.eval()
    assert torch.equal(beam(model, images, 1, 7)[0][:, 0], said)
    assert len(captions(model, images, size=3)) == 4 and len(captions(model, images, width=2, length=5)) == 4


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="empty batch"):
        greedy(Table(0), random_images()[:0])
    with pytest.raises(ValueError, match="width is 0"):
        beam(Table(0), random_images(), 0)
    with pytest.raises(ValueError, match="length is 0"):
        greedy(Table(0), random_images(), 0)


@pytest.mark.parametrize("penalty", [-1, -1.0, 1, 0.5])
def test_unused_entries_of_the_beam_score_minus_infinity(penalty):
    model = TransformerCaptioner(6, width=8, encoder=ImageEncoder((4, 6)))
    _, scores = beam(model, torch.rand(2, 3, 16, 16), width=8, length=2, length_penalty=penalty)
    assert not scores.isnan().any() and torch.equal(scores.sort(descending=True).values, scores)
