"""Sums of features in the plane: what is drawn is what was added, and no line can part it."""

import base64
import io
import json

import pytest
import torch
from PIL import Image

from mmcourse.show import fusion_explorer, show_sums
from mmcourse.show.widgets.fusion import best_line, line_accuracy, plane_of

NAMES = ("red fish", "blue fish")


@pytest.fixture
def features():
    """Two kinds of images and of sentences in 20 dimensions, their differences askew to each other."""
    torch.manual_seed(0)
    ways = torch.randn(2, 20)
    ways[1] -= 0.5 * ways[0]
    middles = 5 * torch.randn(2, 20)
    return [[middles[m] + sign * ways[m] + 0.2 * torch.randn(n, 20) for sign, n in ((1, 30), (-1, 40))] for m in (0, 1)]


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_the_points_are_weighted_sums_and_their_means_a_parallelogram(features, alpha):
    plane = plane_of(*features)
    points = plane.joined(alpha)
    assert points.shape == (120, 2)
    for g, (i, j) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        expected = alpha * plane.images[i] + (1 - alpha) * plane.sentences[j]
        assert torch.allclose(points[30 * g : 30 * g + 30], expected)
        assert plane.true[30 * g : 30 * g + 30].eq(i == j).all()
    aa, ab, ba, bb = points.unflatten(0, (4, 30)).mean(dim=1)
    assert torch.allclose(aa + bb, ab + ba, atol=1e-5)
    assert points.abs().max() <= plane.limit() + 1e-6


def test_the_plane_keeps_the_distance_between_the_kinds(features):
    plane = plane_of(*[[group[:30] for group in groups] for groups in features])
    for groups, inside in zip(features, (plane.images, plane.sentences), strict=True):
        before = (groups[0][:30].mean(0) - groups[1][:30].mean(0)).norm()
        after = (inside[0].mean(0) - inside[1].mean(0)).norm()
        ratio = float(after / before)
        assert ratio == pytest.approx(plane_ratio(features, plane), rel=0.02)
    assert torch.allclose(torch.stack(plane.along).mean(dim=2), torch.tensor([[1.0, -1], [1, -1]]), atol=1e-4)


def plane_ratio(features, plane):
    """How much the plane is scaled, from the sum of both ways."""
    means = [[group[:30].mean(0) for group in groups] for groups in features]
    before = (means[0][0] - means[0][1] + means[1][0] - means[1][1]).norm()
    inside = [part.mean(dim=1) for part in (plane.images, plane.sentences)]
    return float((inside[0][0] - inside[0][1] + inside[1][0] - inside[1][1]).norm() / before)


def test_no_line_parts_the_sums_and_one_parts_the_products(features):
    plane = plane_of(*features)
    for alpha in (0.2, 0.5, 0.8):
        fraction, angle, offset = best_line(plane.joined(alpha), plane.true, plane.limit())
        assert 0.7 < fraction <= 0.8
        assert line_accuracy(plane.joined(alpha), plane.true, angle, offset, plane.limit()) == pytest.approx(fraction)
    fraction, *_ = best_line(plane.joined(0.5, product=True), plane.true, plane.limit(product=True))
    assert fraction == 1


def test_either_side_of_the_line_may_be_the_true_one():
    points, true = torch.tensor([[1.0, 0], [2, 0], [-1, 0]]), torch.tensor([True, True, False])
    assert line_accuracy(points, true, 0, 0, 1) == line_accuracy(points, ~true, 0, 0, 1) == 1
    assert line_accuracy(points, true, 0, 0.75, 2) == pytest.approx(2 / 3)


def test_the_widget_finds_the_best_line_and_brings_a_picture(features):
    widget = fusion_explorer(*features, NAMES)
    before = widget.fraction
    widget._asked(widget, {"ask": "best"}, [])
    assert before < widget.fraction <= 0.8
    widget.product = True
    widget._asked(widget, {"ask": "best"}, [])
    assert widget.fraction == 1
    data, metadata = widget._repr_mimebundle_()
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert image.width > 400 and len(data["image/png"]) < 90_000
    assert "Run the cell" in metadata["image/png"]["alt"] and "1.00" in metadata["image/png"]["alt"]
    sent = torch.tensor(widget.data["images"])
    assert torch.allclose(sent, plane_of(*features).images, atol=1e-4) and len(json.dumps(widget.data)) < 20_000


def test_the_figure_says_what_a_line_reaches(features, shown):
    show_sums(*features, NAMES)
    assert "0.7" in shown.alt() and "red fish" in shown.alt() and "parallelogram" in shown.alt()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda p, s: (p[:1], s), "two kinds"),
        (lambda p, s: ([g[:, :12] for g in p], s), "one width"),
        (lambda p, s: ([p[0], p[0]], s), "same mean"),
        (lambda p, s: (p, p), "in the same direction"),
        (lambda p, s: ([p[0], p[1] / 0], s), "not finite"),
    ],
)
def test_features_that_span_no_plane_are_refused(features, change, says):
    with pytest.raises(ValueError, match=says):
        plane_of(*change(*features))
