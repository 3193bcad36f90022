"""Speech to text without pairs: losses, the criterion, and that no transcript enters."""

import ast
import inspect
import math

import pytest
import torch
from torch import nn

from mmcourse.models.unpaired import SegmentGenerator, SequenceDiscriminator
from mmcourse.training import unpaired
from mmcourse.training.unpaired import Recipe, Sequences, TextCriterion, fit_unpaired, transcribe

ORDER = torch.tensor([2, 0, 3, 1])  # which cluster each word of the small language is


def small_language(count: int, seed: int) -> list[torch.Tensor]:
    """Sentences 0 1 2 3 and, less often, 0 1 3: every word differs in its place."""
    rng = torch.Generator().manual_seed(seed)
    return [torch.tensor([0, 1, 2, 3] if long else [0, 1, 3]) for long in torch.rand(count, generator=rng) < 0.7]


@pytest.fixture(scope="module")
def sides():
    """Speech as one-hot clusters, the text, the criterion and the transcripts, which only the test knows."""
    spoken, text = small_language(100, seed=0), small_language(100, seed=1)
    speech = Sequences.of([nn.functional.one_hot(ORDER[row], 4).float() for row in spoken])
    criterion = TextCriterion([row.tolist() for row in text], 4)
    return speech, Sequences.of(text), criterion, [row.tolist() for row in spoken]


def zero(discriminator: nn.Module) -> nn.Module:
    for parameter in discriminator.parameters():
        nn.init.zeros_(parameter)
    return discriminator


def some(size: int = 4) -> Sequences:
    return Sequences.of([torch.rand(length, 5).softmax(dim=1) for length in range(2, 2 + size)])


def test_losses_of_a_discriminator_that_knows_nothing():
    discriminator = zero(SequenceDiscriminator(5, width=8))
    loss = unpaired.discriminator_loss(discriminator, some(), some(), penalty=1.5)
    assert loss.item() == pytest.approx(2 * math.log(2) + 1.5)  # a gradient of 0 is 1 away from its target
    uniform = Sequences(torch.full((2, 3, 5), 0.2), torch.ones(2, 3, dtype=torch.bool))
    assert unpaired.generator_loss(discriminator, uniform, 2.0).item() == pytest.approx(math.log(2), abs=1e-5)
    one_word = Sequences(nn.functional.one_hot(torch.zeros(2, 3).long(), 5).float(), uniform.mask)
    expected = math.log(2) + 2 * (1 - 1 / 5)
    assert unpaired.generator_loss(discriminator, one_word, 2.0).item() == pytest.approx(expected, abs=1e-5)


def test_the_discriminators_loss_leaves_the_generated_side_alone():
    fake = some()
    fake.values.requires_grad_()
    detached = Sequences(fake.values.detach(), fake.mask)
    unpaired.discriminator_loss(SequenceDiscriminator(5, width=8), some(), detached, 1.0).backward()
    assert fake.values.grad is None


def test_sequences_are_padded_and_masked():
    rows = [torch.ones(2, 3), torch.ones(4, 3)]
    sequences = Sequences.of(rows)
    assert sequences.values.shape == (2, 4, 3) and sequences.mask.sum(dim=1).tolist() == [2, 4]
    assert torch.equal(sequences.values.sum(dim=(1, 2)), torch.tensor([6.0, 12.0]))
    with pytest.raises(ValueError, match="one element or more"):
        Sequences.of([torch.ones(2, 3), torch.ones(0, 3)])


def test_the_criterion_prefers_sentences_of_the_language(sides):
    _, _, criterion, spoken = sides
    renamed = [[(word + 1) % 4 for word in row] for row in spoken]
    assert criterion(spoken)[0] < criterion([row[::-1] for row in spoken])[0]
    assert criterion(spoken)[0] < criterion(renamed)[0]
    assert criterion([[0, 1, 3]] * 5)[1] == 3 / 4
    assert criterion(spoken)[1] == 1


def test_a_small_language_is_learned_without_pairs(sides):
    speech, text, criterion, spoken = sides
    torch.manual_seed(0)
    generator = SegmentGenerator(4, 4)
    recipe = Recipe(steps=100, batch_size=16, lr=(2e-2, 8e-3), penalty=0.05, every=25)
    checkpoints = fit_unpaired(generator, SequenceDiscriminator(4, width=16), speech, text, criterion, recipe)
    assert transcribe(generator, speech) == spoken
    assert [checkpoint.step for checkpoint in checkpoints] == [25, 50, 75, 100]
    best = min(checkpoints, key=lambda checkpoint: checkpoint.score)
    assert criterion(transcribe(generator, speech)) == pytest.approx((best.perplexity, best.usage))


def test_the_same_seed_gives_the_same_generator(sides):
    weights = []
    for _ in range(2):
        torch.manual_seed(3)
        generator = SegmentGenerator(4, 4)
        fit_unpaired(generator, SequenceDiscriminator(4, width=8), *sides[:3], Recipe(steps=3, batch_size=8))
        weights.append(generator.convolution.weight.detach())
    assert torch.equal(*weights)


def test_no_transcript_can_enter_the_training():
    """`fit_unpaired` takes speech and text, the criterion gets only the generator's own transcripts, and nothing that
    was trained on labels of speech is imported."""
    assert list(inspect.signature(fit_unpaired).parameters) == [
        *("generator", "discriminator", "speech", "text", "measure", "recipe")
    ]
    names = {
        node.module for node in ast.walk(ast.parse(inspect.getsource(unpaired))) if isinstance(node, ast.ImportFrom)
    }
    assert not any("shipped" in name or "picturebook" in name for name in names)


def test_speech_without_its_sentences_gives_the_same_vectors():
    """What the benchmark trains on does not change when its speech is paired with other sentences."""
    from benchmarks.unpaired import VOICES, Speech

    sentences = ["a small red fish", "look at the big blue car", "this is a big red star"]
    speech = Speech(sentences, VOICES[:2], seed=0)
    for threshold in (None, 1.0):
        before = speech.vectors(threshold)
        speech.sentences = sentences[::-1]
        assert all(torch.equal(a, b) for a, b in zip(before, speech.vectors(threshold), strict=True))
