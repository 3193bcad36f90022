"""Segments of speech: their vectors, and boundaries estimated from the sound."""

import ast
import inspect
import math

import pytest
import torch

from mmcourse.data import segments
from mmcourse.data.audio import LogMel
from mmcourse.picturebook.speech import speak_with_times, voices


@pytest.fixture(scope="module")
def spoken():
    """A sentence's log-mel and where its words are, in seconds."""
    sound, times = speak_with_times("look at the small red fish", voices("train")[3], seed=1)
    return LogMel().raw(sound[None])[0], times / 16_000


def test_a_vector_is_the_mean_of_each_part_and_the_duration():
    mel = torch.arange(80.0).repeat(2, 1) + torch.tensor([[0.0], [100.0]])  # (2, 80), hop 10 ms
    vector = segments.segment_vectors(mel, torch.tensor([[0.0, 0.8]]), parts=4)[0]
    assert torch.allclose(vector[:4], torch.tensor([9.5, 29.5, 49.5, 69.5]), atol=1)
    assert torch.allclose(vector[4:8], vector[:4] + 100)
    assert vector[8].item() == pytest.approx(4 * math.log(0.8), abs=1e-5)


def test_a_vector_depends_on_its_own_segment_alone(spoken):
    mel, times = spoken
    changed = mel.clone()
    changed[:, : int(times[2, 0] * 100)] += 5
    before, after = segments.segment_vectors(mel, times), segments.segment_vectors(changed, times)
    assert torch.equal(before[3:], after[3:])
    assert not torch.equal(before[0], after[0])


def test_segments_reach_past_the_end_without_an_error(spoken):
    mel, _ = spoken
    end = mel.shape[1] / 100
    vectors = segments.segment_vectors(mel, torch.tensor([[end - 0.05, end + 0.5]]))
    assert vectors.shape == (1, 40 * 8 + 1) and vectors.isfinite().all()


def test_estimated_segments_follow_each_other_and_stay_inside(spoken):
    mel, _ = spoken
    for threshold in (0.1, 1.0, 3.0, 100.0):
        times = segments.estimated_times(mel, threshold)
        assert torch.equal(times[1:, 0], times[:-1, 1])
        assert times.min() >= 0 and times.max() <= mel.shape[1] / 100
        assert (times[:, 1] > times[:, 0]).all()
    assert len(segments.estimated_times(mel, 100.0)) == 1


def test_a_pause_is_found():
    mel = torch.zeros(40, 100)
    mel[:, 45:55] = -8  # silence around 0.5 s
    times = segments.estimated_times(mel, 1.0)
    assert len(times) == 2
    assert times[0, 1].item() == pytest.approx(0.5, abs=0.06)


def test_the_threshold_gives_as_many_segments_as_a_text_has_words(spoken):
    sounds = [speak_with_times("there is a big blue star", voice, seed=2)[0] for voice in voices("train")[:12]]
    mels = [LogMel().raw(sound[None])[0] for sound in sounds]
    counts = []
    for words in (4, 6, 8):
        threshold = segments.fitted_prominence(mels, words)
        counts.append(sum(len(segments.estimated_times(mel, threshold)) for mel in mels) / len(mels))
        assert counts[-1] == pytest.approx(words, abs=1)
    assert counts == sorted(counts)


@pytest.mark.parametrize(
    "times", [torch.zeros(0, 2), torch.zeros(3), torch.tensor([[0.4, 0.2]]), torch.tensor([[-1.0, 1.0]])]
)
def test_bad_times_are_refused(times):
    with pytest.raises(ValueError, match="times"):
        segments.segment_vectors(torch.zeros(40, 100), times)


def test_nothing_that_knows_words_can_enter():
    """No function takes words or labels, and the module imports nothing that was trained on them."""
    taken = {
        name
        for function in vars(segments).values()
        if inspect.isfunction(function)
        for name in inspect.signature(function).parameters
    }
    assert not taken & {"words", "sentence", "sentences", "labels", "tokens", "transcripts", "targets"}
    tree = ast.parse(inspect.getsource(segments))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any("shipped" in module or "sentence" in module for module in modules if module)
