"""Scheduled sampling: which words are replaced, when, and by what."""

import pytest
import torch

from mmcourse import Batches, fit
from mmcourse.models.captioner import ShowAttendAndTell
from mmcourse.models.cnn import ImageEncoder
from mmcourse.models.decoding import NEVER_SAID
from mmcourse.tasks.captions import caption_loss
from mmcourse.training.sampling import ScheduledSampling, mixed

V = 12


def test_a_fraction_of_the_words_is_sampled():
    torch.manual_seed(0)
    tokens = torch.full((400, 9), 5)
    tokens[:, 0], tokens[:, 7:] = 2, 0
    logits = torch.zeros(400, 9, V)
    logits[..., 7] = 50.0  # it would always say 7
    assert torch.equal(mixed(tokens, logits, 0.0), tokens)
    some = mixed(tokens, logits, 0.3)
    assert (some[:, 0] == 2).all() and (some[:, 7:] == 0).all() and set(some[:, 1:7].unique().tolist()) == {5, 7}
    assert (some[:, 1:7] == 7).float().mean().item() == pytest.approx(0.3, abs=0.04)
    assert (mixed(tokens, logits, 1.0)[:, 1:7] == 7).all()


def test_a_word_is_sampled_from_the_prediction_at_its_position():
    tokens = torch.tensor([[2, 5, 5, 5]])
    logits = torch.zeros(1, 4, V)
    for position, word in enumerate((8, 9, 10, 11)):
        logits[0, position, word] = 50.0
    assert mixed(tokens, logits, 1.0).tolist() == [[2, 8, 9, 10]]


def test_the_fraction_grows_in_training_alone():
    torch.manual_seed(0)
    model = ShowAttendAndTell(V, width=16, encoder=ImageEncoder((4, 6)))
    sampling = ScheduledSampling(model, most=0.5)
    images, tokens = torch.rand(32, 3, 8, 8), torch.randint(5, V, (32, 6))
    shares = []
    batches = Batches(images, tokens, tokens, size=8)
    fit(
        sampling,
        batches,
        loss=caption_loss,
        epochs=3,
        metrics=(),
        verbose=False,
        callbacks=[sampling, lambda run: shares.append(sampling.fraction)],
    )
    assert shares == sorted(shares) and shares[0] < 0.1 and shares[-1] == pytest.approx(0.5)
    assert not sampling.training
    torch.testing.assert_close(sampling(images, tokens), model(images, tokens))
    sampling.train()
    assert (sampling(images, tokens) - model(images, tokens)).abs().max() > 1e-4
    with pytest.raises(ValueError, match="fraction from 0 to 1"):
        ScheduledSampling(model, most=2)
    with pytest.raises(ValueError, match="32 images and 5 sentences"):
        sampling(images, tokens[:5])


def test_special_tokens_are_never_sampled():
    class Unsure(ShowAttendAndTell):
        def decode(self, state, tokens):
            seen.append(tokens)
            logits, weights, state = super().decode(state, tokens)
            return 0 * logits, weights, state

    torch.manual_seed(0)
    seen = []
    sampling = ScheduledSampling(Unsure(V, width=16, encoder=ImageEncoder((4, 6))), most=1.0)
    sampling.fraction = 1.0
    sampling(torch.rand(60, 3, 8, 8), torch.full((60, 9), 7))
    assert set(seen[-1][:, 1:].unique().tolist()) == set(range(V)) - set(NEVER_SAID)


def test_a_resumed_run_continues_with_its_fraction(tmp_path):
    path = tmp_path / "run.safetensors"
    images, tokens = torch.rand(16, 3, 8, 8), torch.randint(5, V, (16, 6))

    def train(epochs, seed=0, **options):
        torch.manual_seed(seed)
        sampling = ScheduledSampling(ShowAttendAndTell(V, width=16, encoder=ImageEncoder((4, 6))), most=1.0)
        batches = Batches(images, tokens, tokens, size=8)
        return fit(
            sampling,
            batches,
            loss=caption_loss,
            epochs=epochs,
            metrics=(),
            verbose=False,
            callbacks=[sampling, *stop],
            **options,
        )

    stop = []
    whole = train(3)
    stop = [lambda run: setattr(run, "stop", run.step == 4)]
    train(3, checkpoint=path)
    stop = []
    assert train(3, seed=5, resume=path).losses == whole.losses
