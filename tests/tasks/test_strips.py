import pytest
import torch

from mmcourse.tasks.strips import where_is_it


def test_the_recording_is_of_the_picture_at_the_place_and_of_no_other():
    pictured, said = torch.randint(10, (500,)), torch.randint(10, (300,))
    triples, spoken, positions = where_is_it(pictured, said, 1_000)
    shown = pictured[triples]
    assert triples.shape == (1_000, 3) and (shown == said[spoken][:, None]).sum(dim=1).eq(1).all()
    assert (shown.gather(1, positions[:, None])[:, 0] == said[spoken]).all()


def test_every_place_class_and_partner_occurs_alike():
    pictured, said = torch.arange(100) % 10, torch.arange(60) % 10
    triples, spoken, positions = where_is_it(pictured, said, 6_000, seed=3)
    assert (positions.bincount() > 1_800).all() and (pictured[triples].flatten().bincount() > 1_600).all()
    assert len(triples.unique()) == 100 and len(spoken.unique()) == 60
    for position in range(3):  # what is seen there says nothing of the answer
        fraction = (positions[pictured[triples[:, position]] == 4] == position).float().mean()
        assert 0.25 < fraction < 0.42


def test_the_same_seed_draws_the_same():
    pictured, said = torch.arange(30) % 10, torch.arange(30) % 10
    first, again, other = (where_is_it(pictured, said, 50, seed) for seed in (1, 1, 2))
    assert all(map(torch.equal, first, again)) and not torch.equal(first[0], other[0])


@pytest.mark.parametrize(
    ("pictured", "said"), [([0, 1, 0, 1], [0, 1]), ([0, 1, 2, 3], [0, 1, 2])], ids=["two classes", "never said"]
)
def test_refusals(pictured, said):
    with pytest.raises(ValueError, match="sorted by class"):
        where_is_it(torch.tensor(pictured), torch.tensor(said), 10)
