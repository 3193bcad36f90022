"""Every fusion of features has the common interface; each one's formula; relations between them."""

import pytest
import torch
from torch import nn

from mmcourse.models.fusion import Attention, Concatenation, FiLM, Gate, LowRank, Product, WeightedSum

SIZES = {"image": 5, "text": 3, "sound": 4}
WIDTH = 6
METHODS = {
    "weighted sum": WeightedSum,
    "given weights": lambda sizes, width: WeightedSum(sizes, width, weights=dict.fromkeys(sizes, 0.4)),
    "concatenation": Concatenation,
    "small network": lambda sizes, width: Concatenation(sizes, width, hidden=7),
    "product": Product,
    "low rank": LowRank,
    "gate": Gate,
    "FiLM": FiLM,
    "attention": Attention,
}


def features(batch=4, sizes=SIZES):
    return {name: torch.randn(batch, size) for name, size in sizes.items()}


@pytest.fixture(params=METHODS)
def fusion(request):
    torch.manual_seed(3)
    made = METHODS[request.param](SIZES, WIDTH)
    for name, parameter in made.named_parameters():  # missing embeddings and others start at zero: change them
        if "missing_embedding" in name or name == "scores":
            nn.init.normal_(parameter)
    return made


@pytest.mark.parametrize("batch", [0, 1, 4])
def test_a_dict_in_one_feature_out(fusion, batch):
    fused = fusion(features(batch))
    assert fused.shape == (batch, WIDTH) and fused.isfinite().all()


def test_the_order_of_the_dict_changes_nothing(fusion):
    x = features()
    assert torch.equal(fusion(x), fusion(dict(reversed(x.items()))))


def test_rows_are_independent(fusion):
    x = features(5)
    alone = torch.cat([fusion({name: v[i : i + 1] for name, v in x.items()}) for i in range(5)])
    assert torch.allclose(fusion(x), alone, atol=1e-6)


@pytest.mark.parametrize("missing", SIZES)
def test_an_absent_modality_equals_a_masked_one(fusion, missing):
    x = features()
    absent = fusion({name: v for name, v in x.items() if name != missing})
    masked = fusion(x, {missing: torch.zeros(4, dtype=torch.bool)})
    assert torch.equal(absent, masked)
    assert not torch.allclose(absent, fusion(x))


def test_the_values_of_a_masked_row_are_ignored(fusion):
    x, here = features(), torch.tensor([True, False, True, False])
    corrupted = {**x, "text": torch.where(here[:, None], x["text"], float("nan"))}
    corrupted["text"].requires_grad_()
    fused = fusion(corrupted, {"text": here})
    assert torch.equal(fused, fusion(x, {"text": here}))
    fused.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in fusion.parameters())
    assert (corrupted["text"].grad[~here] == 0).all()


def test_nothing_at_all_is_still_finite(fusion):
    none = dict.fromkeys(SIZES, torch.zeros(4, dtype=torch.bool))
    assert fusion(features(), none).isfinite().all()


def test_gradients_reach_every_parameter_and_modality(fusion):
    x = {name: v.requires_grad_() for name, v in features().items()}
    here = {name: torch.arange(4) != position for position, name in enumerate(SIZES)}  # each is missing once
    fusion(x, here).square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in fusion.parameters())
    assert all(v.grad.abs().sum() > 0 for v in x.values())


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no modality was given"),
        ({"picture": torch.randn(4, 5)}, "holds 'picture'"),
        ({"image": torch.randn(4, 3), "text": torch.randn(4, 3)}, r"image is torch.float32 of shape \(4, 3\)"),
        ({"image": torch.randn(5)}, "needs a batch axis"),
        ({"text": torch.randn(4, 7, 3)}, "these are tokens"),
        ({"text": torch.zeros(4, 3, dtype=torch.long)}, "were not encoded"),
        ({"image": torch.randn(4, 5), "text": torch.randn(2, 3)}, "image 4, text 2"),
    ],
)
def test_what_does_not_fit_is_named(fusion, given, says):
    with pytest.raises(ValueError, match=says):
        fusion(given)


@pytest.mark.parametrize(
    ("present", "says"),
    [
        ({"voice": torch.ones(4, dtype=torch.bool)}, "holds 'voice'"),
        ({"text": torch.ones(4)}, r"present\['text'\] is torch.float32"),
        ({"text": torch.ones(3, dtype=torch.bool)}, r"expected bool \(4,\)"),
    ],
)
def test_masks_that_do_not_fit_are_named(fusion, present, says):
    with pytest.raises(ValueError, match=says):
        fusion(features(), present)


@pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)
def test_sizes_that_make_no_sense(make):
    for sizes in ({}, {"image": 0}, {"image": 2.5, "text": 3}):
        with pytest.raises(ValueError):
            make(sizes, WIDTH)


def test_weighted_sum_is_its_formula():
    image, text = torch.randn(3, 4), torch.randn(3, 4)
    fused = WeightedSum({"image": 4, "text": 4}, 4, {"image": 0.7, "text": 0.3}, project=False)
    assert torch.allclose(fused({"image": image, "text": text}), 0.7 * image + 0.3 * text)
    assert torch.allclose(fused({"text": text}), text)


def test_product_and_low_rank_are_their_formulas():
    sizes, x = {"image": 5, "text": 3}, features(4, {"image": 5, "text": 3})
    product, low_rank = Product(sizes, WIDTH), LowRank(sizes, WIDTH, rank=3)
    by_hand = product.project["image"](x["image"]) * product.project["text"](x["text"])
    assert torch.allclose(product(x), by_hand)
    factors = [low_rank.factors[name](x[name]).reshape(4, 3, WIDTH) for name in sizes]
    by_hand = sum(low_rank.weights[r] * factors[0][:, r] * factors[1][:, r] for r in range(3)) + low_rank.bias
    assert torch.allclose(low_rank(x), by_hand, atol=1e-6)


@torch.no_grad()
def test_low_rank_of_rank_one_is_a_product():
    sizes = {"image": 5, "text": 3}
    product, low_rank = Product(sizes, WIDTH), LowRank(sizes, WIDTH, rank=1)
    low_rank.factors.load_state_dict(product.project.state_dict())
    x = features(4, sizes)
    assert torch.allclose(product(x), low_rank(x), atol=1e-6)


@torch.no_grad()
def test_a_constant_gate_is_a_weighted_sum():
    gate, weighted = Gate(SIZES, WIDTH), WeightedSum(SIZES, WIDTH)
    weighted.scores.copy_(torch.tensor([0.5, -1.0, 2.0]))
    gate.project.load_state_dict(weighted.project.state_dict())
    gate.gate.weight.zero_()
    gate.gate.bias.copy_(weighted.scores.repeat_interleave(WIDTH))
    x = features()
    assert torch.allclose(gate(x), weighted(x), atol=1e-6)
    without = {name: x[name] for name in ("image", "text")}
    assert torch.allclose(gate(without), weighted(without), atol=1e-6)
    assert torch.allclose(gate.mixing_weights(x).sum(dim=1), torch.ones(4, WIDTH))


@torch.no_grad()
def test_film_with_a_constant_scale_is_a_weighted_sum():
    sizes = {"image": 5, "text": 3}
    film, weighted = FiLM(sizes, WIDTH), WeightedSum(sizes, WIDTH, {"image": 0.7, "text": 0.3})
    film.project.load_state_dict(weighted.project["image"].state_dict())
    film.gamma["text"].weight.zero_()
    film.gamma["text"].bias.fill_(0.7 - 1)
    film.beta["text"].weight.copy_(0.3 * weighted.project["text"].weight)
    film.beta["text"].bias.copy_(0.3 * weighted.project["text"].bias)
    x = features(4, sizes)
    assert torch.allclose(film(x), weighted(x), atol=1e-6)


def test_film_does_not_change_the_base_where_the_condition_is_missing():
    film, image = FiLM(SIZES, WIDTH), torch.randn(4, 5)
    assert torch.allclose(film({"image": image}), film.project(image))


def test_no_weighted_sum_with_a_linear_layer_detects_a_match():
    """Four pages and statements, +1 or -1 each: 'they agree' is their product, which no sum of both can give."""
    x = torch.tensor([[1.0], [1.0], [-1.0], [-1.0]]), torch.tensor([[1.0], [-1.0], [1.0], [-1.0]])
    truth = (x[0] * x[1]).squeeze(1)
    left = {}
    for make in (WeightedSum, Product):
        torch.manual_seed(0)
        model = nn.ModuleList([make({"image": 1, "text": 1}, 4), nn.Linear(4, 1)])
        optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
        for _ in range(400):
            loss = (model[1](model[0]({"image": x[0], "text": x[1]})).squeeze(1) - truth).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        left[make] = loss.item()
    assert left[WeightedSum] > 0.99 and left[Product] < 0.01


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_finite_with_all_some_and_none(fusion, dtype):
    fusion.to(dtype)
    x = {name: value.to(dtype) for name, value in features().items()}
    here = {name: torch.tensor([True, False, i == 0, i != 0]) for i, name in enumerate(SIZES)}
    fused = fusion(x, here)
    assert fused.dtype in (dtype, torch.float32) and fused.isfinite().all()


def test_the_only_modality_counts_in_full_however_small_its_weight():
    fusion = WeightedSum({"image": 2, "text": 2}, 2, weights={"image": 1, "text": 1e-13}, project=False)
    assert torch.allclose(fusion({"text": torch.ones(1, 2)}), torch.ones(1, 2))
