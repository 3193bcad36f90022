"""Branches: missing modalities, dropout in training only, own heads, and given features."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmcourse import Batches, fit
from mmcourse.models.branches import Branches, decisions_of, features_of
from mmcourse.models.fusion.dropout import ModalityDropout
from mmcourse.models.imputation import Imputer
from mmcourse.training.auxiliary import with_auxiliary_losses

NAMES = ("image", "sound", "text")


def branches(**options):
    torch.manual_seed(0)
    sizes = {"image": 5, "sound": 4, "text": 3}
    model = Branches({name: nn.Linear(size, 6) for name, size in sizes.items()}, width=6, classes=4, **options)
    nn.init.normal_(model.fusion.layers.weight)
    return model


@pytest.fixture
def inputs():
    torch.manual_seed(1)
    return tuple(3 + torch.randn(40, size) for size in (5, 4, 3))


def test_the_features_have_mean_zero_so_that_a_mask_is_the_mean(inputs):
    model = branches().train()
    for _ in range(60):
        model(*inputs)
    made = features_of(model, inputs)
    for name in NAMES:
        assert made[name].mean(dim=0).abs().max() < 0.05
        assert made[name].std(dim=0).sub(1).abs().max() < 0.1
    zeros = made | {"sound": torch.zeros_like(made["sound"])}
    absent = {name: x for name, x in made.items() if name != "sound"}
    masked = decisions_of(model, made, {"sound": torch.zeros(40, dtype=torch.bool)})
    assert torch.allclose(decisions_of(model, zeros), decisions_of(model, absent), atol=1e-6)
    assert torch.equal(masked, decisions_of(model, absent))


def test_features_then_decision_is_what_forward_does_and_order_does_not_matter(inputs):
    model = branches().eval()
    made = features_of(model, inputs, size=7)
    with torch.no_grad():
        assert torch.allclose(decisions_of(model, made), model(*inputs), atol=1e-5)
    turned = {name: made[name] for name in reversed(NAMES)}
    assert torch.equal(decisions_of(model, made), decisions_of(model, turned))


def test_looking_changes_no_mode_and_no_running_mean(inputs, modes_kept):
    model = branches()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with modes_kept(model, model.norms["sound"]):
        decisions_of(model, features_of(model, inputs))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_dropout_acts_in_training_only(inputs):
    model = branches(dropout={"image": 0.5, "sound": 0.5, "text": 0.5})
    model.train()
    assert not torch.allclose(model(*inputs), model(*inputs))
    model.eval()
    assert torch.equal(model(*inputs), model(*inputs))


def test_auxiliary_heads_give_logits_in_training_only_and_the_losses_add_up(inputs):
    model, target = branches(auxiliary_heads=True), torch.arange(40) % 4
    model.train()
    joint, *own = model(*inputs)
    assert len(own) == 3 and joint.shape == own[0].shape == (40, 4)
    assert torch.allclose(own[1], model.heads["sound"](model.latest["sound"]))
    each = [F.cross_entropy(logits, target) for logits in (joint, *own)]
    assert torch.isclose(with_auxiliary_losses()((joint, *own), target), sum(each))
    assert torch.isclose(with_auxiliary_losses([0, 2, 0])((joint, *own), target), each[0] + 2 * each[2])
    model.eval()
    assert torch.isclose(with_auxiliary_losses()(model(*inputs), target), F.cross_entropy(model(*inputs), target))
    with pytest.raises(ValueError, match="2 weights were given for 3"):
        with_auxiliary_losses([1, 1])((joint, *own), target)


def test_auxiliary_losses_train_a_branch_that_the_joint_loss_does_not(inputs):
    """Sound and image both determine the label, sound more clearly: the image's own head still has to learn."""
    torch.manual_seed(0)
    target = torch.randint(0, 4, (400,))
    x = [F.one_hot(target, 4).float() @ torch.randn(4, size) + 0.3 * torch.randn(400, size) for size in (5, 4, 3)]
    model = branches(auxiliary_heads=True)
    fit(model, Batches(*x, target), loss=with_auxiliary_losses(), metrics=(), epochs=10, lr=1e-2, verbose=False)
    made = features_of(model, x)
    right = (model.heads["image"](made["image"]).argmax(dim=1) == target).float().mean()
    assert right > 0.8


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda inputs: branches()(*inputs[:2]), "got 2 inputs"),
        (lambda inputs: branches(dropout={"image": 0.5}), "rates for"),
        (lambda inputs: ModalityDropout({"image": 1.0}), "never learned"),
        (lambda inputs: ModalityDropout({}), "rate from 0"),
        (lambda inputs: Imputer("smell", {"image": 2, "sound": 2}), "expected one of image, sound"),
        (lambda inputs: Imputer("sound", {"image": 2, "sound": 2})({"sound": torch.zeros(1, 2)}), "missing too"),
    ],
)
def test_what_does_not_fit_is_refused(inputs, call, says):
    with pytest.raises(ValueError, match=says):
        call(inputs)


def test_modality_dropout_keeps_its_rates_and_never_drops_everything():
    torch.manual_seed(0)
    rates = {"image": 0.2, "sound": 0.7, "text": 0.5}
    kept = ModalityDropout(rates)(20_000)
    assert list(kept) == list(rates) and all(mask.dtype == torch.bool for mask in kept.values())
    table = torch.stack(list(kept.values()), dim=1)
    assert table.any(dim=1).all()
    expected = torch.tensor([1 - rate + 0.07 / 3 for rate in rates.values()])
    assert (table.float().mean(dim=0) - expected).abs().max() < 0.02
    assert all(mask.all() for mask in ModalityDropout(dict.fromkeys(rates, 0.0))(50).values())
    assert ModalityDropout(rates)(0)["image"].shape == (0,)


def test_an_imputer_learns_to_predict_from_the_others_and_ignores_the_missing_one():
    torch.manual_seed(0)
    made = {"image": torch.randn(600, 5), "text": torch.randn(600, 3)}
    made["sound"] = torch.tanh(made["image"][:, :4] + made["text"][:, :1])
    invented = Imputer("sound", {"image": 5, "sound": 4, "text": 3}, hidden=32)
    assert invented.sources == ("image", "text")
    given = Batches(invented.given(made), made["sound"])
    fit(invented.layers, given, loss=F.mse_loss, metrics=(), epochs=30, lr=1e-2, verbose=False)
    with torch.no_grad():
        error = F.mse_loss(invented(made), made["sound"])
        assert error < 0.1 * made["sound"].var()
        other = invented(made | {"sound": torch.full_like(made["sound"], torch.nan)})
        assert torch.equal(other, invented(made))


def test_no_example_has_no_features(inputs):
    made = features_of(branches(), [x[:0] for x in inputs])
    assert {name: tuple(x.shape) for name, x in made.items()} == dict.fromkeys(NAMES, (0, 6))
