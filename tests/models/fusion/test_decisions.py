"""Fusion of decisions: means and vetoes, confidence, missing modalities."""

import pytest
import torch
import torch.nn.functional as F

from mmcourse.models.fusion import ConfidenceMixture, LateFusion

NAMES, K = ("image", "text", "sound"), 5
METHODS = {
    "probabilities": lambda: LateFusion(NAMES),
    "logits": lambda: LateFusion(NAMES, of="logits"),
    "weights": lambda: LateFusion(NAMES, weights={"image": 3, "text": 1, "sound": 0.5}),
    "confidence": lambda: ConfidenceMixture(NAMES),
}


def logits(batch=4):
    return {name: 3 * torch.randn(batch, K) for name in NAMES}


@pytest.fixture(params=METHODS)
def fusion(request):
    torch.manual_seed(1)
    return METHODS[request.param]()


@pytest.mark.parametrize("batch", [0, 1, 4])
def test_logits_in_logits_out(fusion, batch):
    fused = fusion(logits(batch))
    assert fused.shape == (batch, K) and fused.isfinite().all()


def test_the_order_of_the_dict_changes_nothing(fusion):
    x = logits()
    assert torch.equal(fusion(x), fusion(dict(reversed(x.items()))))


@pytest.mark.parametrize("missing", NAMES)
def test_an_absent_modality_equals_a_masked_one(fusion, missing):
    x = logits()
    masked = fusion({**x, missing: torch.full((4, K), float("nan"))}, {missing: torch.zeros(4, dtype=torch.bool)})
    assert torch.equal(fusion({n: v for n, v in x.items() if n != missing}), masked)


def test_one_modality_alone_decides(fusion):
    x = torch.randn(4, K)
    assert torch.allclose(fusion({"text": x}).softmax(dim=1), x.softmax(dim=1), atol=1e-6)


def test_none_at_all_is_undecided(fusion):
    none = dict.fromkeys(NAMES, torch.zeros(4, dtype=torch.bool))
    assert torch.equal(fusion(logits(), none), torch.zeros(4, K))


def test_equal_opinions_stay(fusion):
    x = torch.randn(4, K)
    assert torch.allclose(fusion(dict.fromkeys(NAMES, x)).softmax(dim=1), x.softmax(dim=1), atol=1e-6)


def test_the_mean_of_probabilities_is_their_mean():
    x = logits()
    mean = torch.stack([v.softmax(dim=1) for v in x.values()]).mean(dim=0)
    assert torch.allclose(LateFusion(NAMES)(x).exp(), mean, atol=1e-6)
    fused = LateFusion(NAMES, weights={"image": 3, "text": 1, "sound": 0})(x).exp()
    assert torch.allclose(fused, 0.75 * x["image"].softmax(1) + 0.25 * x["text"].softmax(1), atol=1e-6)


def test_a_veto_counts_in_the_product_and_not_in_the_mean():
    sure_no, mild_yes = torch.tensor([[-20.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    x = {"image": sure_no, "text": mild_yes}
    ways = ("probabilities", "logits")
    both = {of: LateFusion(("image", "text"), of=of)(x).softmax(dim=1)[0, 0].item() for of in ways}
    assert both["logits"] < 1e-3 < 0.3 < both["probabilities"]


def test_the_more_confident_one_has_more_weight_and_at_zero_sharpness_weights_are_equal():
    sure, unsure = torch.tensor([[9.0, 0, 0, 0, 0]]), torch.tensor([[0.0, 0.1, 0, 0, 0]])
    x = {"image": sure, "text": unsure, "sound": unsure}
    mixing_weights = ConfidenceMixture(NAMES).mixing_weights(x)[0]
    assert mixing_weights[0] > 0.9 and torch.isclose(mixing_weights.sum(), torch.tensor(1.0))
    assert torch.allclose(ConfidenceMixture(NAMES, 0.0)(x), LateFusion(NAMES)(x), atol=1e-6)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "no modality"),
        ({"picture": torch.randn(2, K)}, "'picture'"),
        ({"image": torch.randn(2, K), "text": torch.randn(2, 3)}, r"text \(2, 3\)"),
        ({"image": torch.randn(2, K), "text": torch.randn(3, K)}, "image 2, text 3"),
    ],
)
def test_what_does_not_fit_is_named(fusion, given, says):
    with pytest.raises(ValueError, match=says):
        fusion(given)


IMPOSSIBLE = float("-inf")


@pytest.mark.parametrize("everyone", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_a_class_that_is_impossible_is_a_logit_of_minus_infinity(fusion, everyone, dtype):
    x = {name: (3 * torch.randn(4, K)).to(dtype) for name in NAMES}
    for name in NAMES if everyone else NAMES[:1]:
        x[name][:, 2] = IMPOSSIBLE
    leaves = {name: value.requires_grad_() for name, value in x.items()}
    fused = fusion(leaves)
    assert not fused.isnan().any() and (fused[:, [0, 1, 3, 4]]).isfinite().all()
    assert (fused[:, 2] == IMPOSSIBLE).all() == (everyone or getattr(fusion, "of", "") == "logits")
    F.cross_entropy(fused, torch.tensor([0, 1, 3, 4])).backward()
    learned = [*leaves.values(), *fusion.parameters()]
    assert all(each.grad.isfinite().all() for each in learned)


def test_the_impossible_adds_no_entropy():
    sure = torch.tensor([[0.0, IMPOSSIBLE, IMPOSSIBLE]])
    mixture = ConfidenceMixture(("image", "text"))
    half = torch.tensor([[0.0, 0.0, IMPOSSIBLE]])
    mixing_weights = mixture.mixing_weights({"image": sure, "text": half})
    nearly = mixture.mixing_weights({"image": sure.clamp(min=-60), "text": half.clamp(min=-60)})
    assert torch.allclose(mixing_weights, nearly, atol=1e-6)


def test_a_modality_without_weight_has_no_veto():
    silent = LateFusion(("image", "text"), of="logits", weights={"image": 1, "text": 0})
    fused = silent({"image": torch.tensor([[1.0, 2.0]]), "text": torch.tensor([[IMPOSSIBLE, 0.0]])})
    assert fused.tolist() == [[1, 2]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_in_half_precision_none_at_all_is_undecided_too(fusion, dtype):
    x = {name: value.to(dtype) for name, value in logits().items()}
    none = dict.fromkeys(NAMES, torch.zeros(4, dtype=torch.bool))
    assert torch.equal(fusion(x, none).float(), torch.zeros(4, K))
