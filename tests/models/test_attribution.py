"""Attributions over modalities: they sum as they should, and agree where they must."""

from itertools import permutations

import pytest
import torch

from mmcourse.models.attribution import ablation, coalitions, gradient_attributions, probability_game, shapley
from mmcourse.models.fusion import Concatenation

SIZES = {"image": 5, "sound": 4, "text": 3}
NAMES = tuple(SIZES)


def random_game(names, seed=0):
    rng = torch.Generator().manual_seed(seed)
    values = {some: float(torch.rand((), generator=rng)) for some in coalitions(names)}
    return values.__getitem__


@pytest.mark.parametrize("players", [1, 2, 3, 4])
def test_shapley_is_the_average_over_all_orders_and_sums_to_the_whole(players):
    names = ("image", "sound", "text", "touch")[:players]
    game = random_game(names)
    attributions = shapley(game, names)
    assert sum(attributions.values()) == pytest.approx(game(frozenset(names)) - game(frozenset()))
    orders = list(permutations(names))
    for name in names:
        gains = [game(frozenset(o[: o.index(name) + 1])) - game(frozenset(o[: o.index(name)])) for o in orders]
        assert attributions[name] == pytest.approx(sum(gains) / len(gains))


def test_the_axioms_and_ablation_of_two_redundant_modalities():
    def either(some):
        return 0.1 + 0.8 * bool(some & {"image", "sound"})

    assert shapley(either, NAMES) == pytest.approx({"image": 0.4, "sound": 0.4, "text": 0})
    assert ablation(either, NAMES) == pytest.approx({"image": 0, "sound": 0, "text": 0})
    one, other = random_game(NAMES, 1), random_game(NAMES, 2)
    both = shapley(lambda some: one(some) + other(some), NAMES)
    apart = [shapley(game, NAMES) for game in (one, other)]
    assert both == pytest.approx({name: apart[0][name] + apart[1][name] for name in NAMES})


def test_coalitions_are_all_sets_once():
    found = list(coalitions(NAMES))
    assert len(found) == len(set(found)) == 8 and found[0] == frozenset() and found[-1] == frozenset(NAMES)


@pytest.fixture
def case():
    torch.manual_seed(0)
    join = Concatenation(SIZES, 4, hidden=8).eval().requires_grad_(False)
    for missing_embedding in join.missing_embedding.values():
        missing_embedding.normal_()
    features = {name: torch.randn(6, size) for name, size in SIZES.items()}
    return join, features, torch.arange(6) % 4


def test_values_of_a_model_sum_to_its_gain(case):
    join, features, target = case
    game = probability_game(join, features, target)
    whole = game(frozenset(NAMES)) - game(frozenset())
    assert torch.allclose(sum(shapley(game, NAMES).values()), whole, atol=1e-5)
    integrated = gradient_attributions(join, features, target, "integrated", join.missing_embedding, steps=300)
    assert torch.allclose(sum(integrated.values()), whole, atol=1e-2)
    assert list(integrated) == list(NAMES) and integrated["image"].shape == (6,)


def test_shapley_is_that_of_captum(case):
    from captum.attr import ShapleyValues

    join, features, target = case

    def probability(*parts):
        return join(dict(zip(NAMES, parts, strict=True))).softmax(1).gather(1, target[: len(parts[0]), None])[:, 0]

    players = tuple(torch.full((1, size), i) for i, size in enumerate(SIZES.values()))
    nothing = tuple(join.missing_embedding[name][None] for name in NAMES)
    theirs = ShapleyValues(probability).attribute(tuple(features.values()), nothing, feature_mask=players)
    ours = shapley(probability_game(join, features, target), NAMES)
    for position, name in enumerate(NAMES):  # each feature of a modality carries the modality's share
        assert torch.allclose(theirs[position][:, 0], ours[name], atol=1e-5)


def test_gradient_times_input_is_the_gradient_at_the_example(case):
    _, features, target = case
    join = Concatenation(SIZES, 4).requires_grad_(False)  # without a ReLU, whose corner may lie within the step
    attributions = gradient_attributions(join, features, target, "input")
    step = 1e-2
    for name in NAMES:
        moved = [join(features | {name: features[name] * (1 + sign * step)}).softmax(1) for sign in (1, -1)]
        gradient = (moved[0] - moved[1]).gather(1, target[:, None])[:, 0] / (2 * step)
        assert torch.allclose(attributions[name], gradient, atol=2e-3)


def test_true_and_false_count_as_one_and_zero():
    """Each example is correct with either modality, and wrong with none."""
    attributions = shapley(lambda some: torch.tensor([bool(some)]), ("image", "text"))
    assert {name: attribution.tolist() for name, attribution in attributions.items()} == {"image": [0.5], "text": [0.5]}
    assert ablation(lambda some: torch.tensor([bool(some)]), ("image", "text"))["image"].tolist() == [0]


def test_probabilities_of_half_precision_logits_are_float32(case):
    join, features, target = case
    game = probability_game(lambda *given: join(*given).half(), features, target)
    plain = probability_game(join, features, target)
    assert torch.allclose(game(frozenset(NAMES)), plain(frozenset(NAMES)), atol=1e-3)
    assert game(frozenset(NAMES)).dtype == torch.float32


def test_what_does_not_fit_is_refused(case):
    join, features, target = case
    with pytest.raises(ValueError, match="target is empty"):
        gradient_attributions(join, {name: x[:0] for name, x in features.items()}, target[:0])
    with pytest.raises(ValueError, match="each player once"):
        shapley(len, ("image", "image"))
    with pytest.raises(ValueError, match="'input' or 'integrated'"):
        gradient_attributions(*case, method="smooth")
