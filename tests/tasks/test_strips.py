import pytest
import torch

from mmcourse.tasks.strips import spoken_grounding


def test_the_recording_matches_only_the_image_at_the_position():
    image_labels, sound_labels = torch.randint(10, (500,)), torch.randint(10, (300,))
    triples, spoken, positions = spoken_grounding(image_labels, sound_labels, 1_000)
    shown = image_labels[triples]
    assert triples.shape == (1_000, 3) and (shown == sound_labels[spoken][:, None]).sum(dim=1).eq(1).all()
    assert (shown.gather(1, positions[:, None])[:, 0] == sound_labels[spoken]).all()


def test_positions_classes_and_partners_are_uniform():
    image_labels, sound_labels = torch.arange(100) % 10, torch.arange(60) % 10
    triples, spoken, positions = spoken_grounding(image_labels, sound_labels, 6_000, seed=3)
    assert (positions.bincount() > 1_800).all() and (image_labels[triples].flatten().bincount() > 1_600).all()
    assert len(triples.unique()) == 100 and len(spoken.unique()) == 60
    for position in range(3):  # what is seen there says nothing of the answer
        fraction = (positions[image_labels[triples[:, position]] == 4] == position).float().mean()
        assert 0.25 < fraction < 0.42


def test_the_same_seed_draws_the_same():
    image_labels, sound_labels = torch.arange(30) % 10, torch.arange(30) % 10
    first, again, other = (spoken_grounding(image_labels, sound_labels, 50, seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again)) and not torch.equal(first[0], other[0])


@pytest.mark.parametrize(
    ("image_labels", "sound_labels"),
    [([0, 1, 0, 1], [0, 1]), ([0, 1, 2, 3], [0, 1, 2])],
    ids=["two classes", "never sound_labels"],
)
def test_refusals(image_labels, sound_labels):
    with pytest.raises(ValueError, match="sorted by class"):
        spoken_grounding(torch.tensor(image_labels), torch.tensor(sound_labels), 10)
