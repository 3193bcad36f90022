"""The plane of a shared space: principal components, and the gap between the means of modalities."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse import show
from mmcourse.show.figures.shared_space import modality_gap, plane_of


def vectors(n: int = 40, size: int = 8, shift: float = 0.0, seed: int = 0) -> dict[str, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    base = torch.randn(n, size, generator=rng)
    away = shift * F.one_hot(torch.tensor(0), size)
    return {"image": base + away, "text": base + 0.1 * torch.randn(n, size, generator=rng) - away}


def test_the_plane_is_that_of_principal_components():
    given = vectors()
    points, part = plane_of(given)
    units = torch.cat([F.normalize(x.double(), dim=1) for x in given.values()])
    values = torch.linalg.eigvalsh(units.T.cov(correction=0)).flip(0)
    projected = torch.cat(list(points.values()))
    assert torch.allclose(projected.T.cov(correction=0), values[:2].diag(), atol=1e-9)
    assert part == pytest.approx(float(values[:2].sum() / values.sum()))
    assert all(torch.equal(again, points[name]) for name, again in plane_of(given)[0].items())


def test_lengths_do_not_matter():
    given = vectors()
    longer = {name: 7 * x for name, x in given.items()}
    for name, x in plane_of(longer)[0].items():
        assert torch.allclose(x, plane_of(given)[0][name], atol=1e-6)
    assert modality_gap(*longer.values()) == pytest.approx(modality_gap(*given.values()))


def test_the_gap_is_the_distance_of_the_means():
    near, far = vectors(shift=0.0), vectors(shift=2.0)
    assert modality_gap(near["image"], near["image"]) == 0
    assert modality_gap(*far.values()) > 5 * modality_gap(*near.values())
    assert modality_gap(torch.tensor([[3.0, 0], [1.0, 0]]), torch.tensor([[0, -2.0]])) == pytest.approx(2**0.5)


def test_the_figure_tells_the_gap(shown):
    far = vectors(shift=2.0)
    show.show_shared_space(far)
    show.show_shared_space({"untrained": far, "trained": vectors() | {"sound": vectors(seed=1)["text"]}})
    gap = modality_gap(*far.values())
    assert f"the means of image and text are {gap:.2f} apart" in shown.alt(0)
    assert shown.alt(1).count(" apart") == 4 and "untrained: image, text" in shown.alt(1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"image": torch.ones(3, 4)}, "2 or 3 modalities"),
        ({"image": torch.ones(3, 4), "text": torch.ones(2, 4)}, r"'text': \(2, 4\)"),
        ({"image": torch.ones(3), "text": torch.ones(3)}, r"expected \(N, D\)"),
        ({"image": torch.ones(3, 4), "text": torch.full((3, 4), torch.nan)}, "'text' hold NaN"),
        ({str(i): vectors() for i in range(4)}, "4 spaces; expected 1 to 3"),
    ],
)
def test_bad_input_gets_a_clear_error(given, message, shown):
    with pytest.raises(ValueError, match=message):
        show.show_shared_space(given)
    assert not shown
