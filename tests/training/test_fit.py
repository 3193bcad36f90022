"""fit computes what a loop by hand computes, says what went wrong, and stops when asked."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from mmcourse.data.batches import Batches
from mmcourse.training import NonFiniteLoss, constant, evaluate, fit, one_cycle
from mmcourse.training.device import prepare


@pytest.fixture
def data():
    generator = torch.Generator().manual_seed(3)
    x = torch.randn(90, 1, 8, 8, generator=generator)
    return x, (x.mean((1, 2, 3)) > 0).long()


def network(seed=0, dropout=0.2):
    torch.manual_seed(seed)
    parts = (nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(dropout), nn.Linear(144, 2))
    return nn.Sequential(*parts)


@pytest.mark.parametrize("clip", [None, 0.01])
@pytest.mark.parametrize("schedule", [None, one_cycle])
def test_each_step_is_the_step_of_a_loop_by_hand(data, schedule, clip):
    ours, by_hand = network(), prepare(network())
    seen = []
    torch.manual_seed(1)
    history = fit(
        ours,
        Batches(*data, size=20, seed=5),
        epochs=2,
        lr=0.01,
        schedule=schedule,
        clip=clip,
        callbacks=[lambda run: seen.append([p.detach().clone() for p in run.model.parameters()])],
    )
    torch.manual_seed(1)
    optimiser = torch.optim.AdamW(by_hand.parameters(), lr=0.01, fused=True)
    batches, step, losses = Batches(*data, size=20, seed=5), 0, []
    by_hand.train()
    for _ in range(2):
        for x, y in batches:
            if schedule:
                optimiser.param_groups[0]["lr"] = 0.01 * schedule(step / 10)
            loss = F.cross_entropy(by_hand(x), y)
            optimiser.zero_grad()
            loss.backward()
            if clip:
                nn.utils.clip_grad_norm_(by_hand.parameters(), clip)
            optimiser.step()
            losses.append(loss.item())
            assert all(torch.equal(a, b) for a, b in zip(seen[step], by_hand.parameters(), strict=True)), step
            step += 1
    assert step == len(seen) == 10
    assert history.losses == losses


def test_epoch_figures_are_means_over_examples(data):
    """The last batch is smaller: a mean over batches would be another number."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    x, y = data
    frozen = torch.optim.SGD(model.parameters(), lr=0.0)
    history = fit(model, Batches(x, y, size=40), valid=Batches(x, y, size=7), optimiser=frozen)
    with torch.no_grad():
        logits = model(x)
    row = history[-1]
    assert row["loss"] == pytest.approx(F.cross_entropy(logits, y).item(), rel=1e-5)
    assert row["accuracy"] == pytest.approx((logits.argmax(1) == y).double().mean().item())
    assert row["valid_loss"] == pytest.approx(row["loss"], rel=1e-5) and row["valid_accuracy"] == row["accuracy"]


def test_it_learns(data):
    model = network()
    fit(model, Batches(*data, size=16), epochs=25, lr=0.01)
    assert not model.training
    assert evaluate(model, Batches(*data))["accuracy"] > 0.95


def test_loaders_lists_and_several_inputs(data):
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(64, 2)

        def forward(self, a, b):
            return self.linear((a - b).flatten(1))

    x, y = data
    assert fit(network(), DataLoader(TensorDataset(x, y), batch_size=30, shuffle=True)).steps == 3
    assert fit(network(), [(x, y)], epochs=2).steps == 2
    assert fit(Two(), Batches(x, x * 2, y), epochs=1).steps == 2
    assert fit(network(dropout=0), Batches(x[:2], y[:2], size=1)).steps == 2


def test_regression_has_no_accuracy_unless_asked(data):
    x, _ = data
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Unflatten(1, (1, 8, 8)))
    row = fit(model, Batches(x, x), valid=Batches(x, x), loss=F.mse_loss)[-1]
    assert set(row) == {"epoch", "loss", "valid_loss", "seconds"}


def test_optimiser_by_class_and_groups_with_their_own_rate(data):
    model = network()
    rates = []
    optimiser = torch.optim.SGD(
        [{"params": model[0].parameters(), "lr": 0.1}, {"params": model[5].parameters()}], lr=0.4
    )
    fit(
        model,
        Batches(*data, size=30),
        optimiser=optimiser,
        schedule=lambda done: 1 - done,
        callbacks=[lambda run: rates.append([group["lr"] for group in optimiser.param_groups])],
    )
    assert rates == [pytest.approx([0.1 * f, 0.4 * f]) for f in (1, 2 / 3, 1 / 3)]
    assert fit(network(), Batches(*data), optimiser=torch.optim.Adagrad, schedule=constant).steps == 2


def rates_of(optimiser, data, epochs=1, **options):
    """The learning rates of the first group, one a step."""
    seen = []
    fit(
        options.pop("model"),
        Batches(*data, size=30),
        optimiser=optimiser,
        epochs=epochs,
        callbacks=[lambda run: seen.append(optimiser.param_groups[0]["lr"]), *options.pop("callbacks", ())],
        **options,
    )
    return seen


def test_without_a_schedule_the_rate_is_the_learners(data):
    model = network()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    scheduler = torch.optim.lr_scheduler.StepLR(optimiser, step_size=2, gamma=0.5)
    following = [lambda run: scheduler.step()]
    assert rates_of(optimiser, data, 2, model=model, schedule=None, callbacks=following) == [
        pytest.approx(0.1 * 0.5 ** (step // 2)) for step in range(6)
    ]
    optimiser.param_groups[0]["lr"] = 0.03
    assert rates_of(optimiser, data, model=model, schedule=None) == [0.03] * 3

    def by_hand(run):
        optimiser.param_groups[0]["lr"] = 1.0 / run.step

    rates = rates_of(optimiser, data, model=model, schedule=None, callbacks=[by_hand])
    assert rates == [0.03, 1.0, 0.5]
    with pytest.raises(ValueError, match="got a StepLR as schedule.*schedule=None, callbacks"):
        fit(model, Batches(*data), optimiser=optimiser, schedule=scheduler)


def test_an_optimiser_used_again_starts_from_its_own_rate(data):
    model = network()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    first = rates_of(optimiser, data, model=model)
    assert optimiser.param_groups[0]["lr"] == 0.1 and first[-1] < 0.1
    assert rates_of(optimiser, data, model=model) == first
    optimiser.param_groups[0]["lr"] = 0.2
    assert rates_of(optimiser, data, model=model) == pytest.approx([2 * rate for rate in first])


def test_lr_beside_an_optimiser_is_refused(data):
    model = network()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with pytest.raises(ValueError, match=r"lr=0\.5 beside an optimiser that has its own, lr=0\.1.*torch\.optim\.SGD"):
        fit(model, Batches(*data), optimiser=optimiser, lr=0.5)


def test_either_spelling_of_optimiser(data):
    for name in ("optimiser", "optimizer"):
        model = network()
        given = torch.optim.SGD(model.parameters(), lr=0.1)
        seen = []
        fit(model, Batches(*data), **{name: given}, callbacks=[lambda run, seen=seen: seen.append(run.optimiser)])
        assert seen[0] is given
    with pytest.raises(ValueError, match="both optimiser= and optimizer="):
        fit(model, Batches(*data), optimiser=given, optimizer=given)


@pytest.mark.parametrize(
    ("optimiser", "message"),
    [
        ("sgd", "optimiser='sgd'; expected a class such as torch.optim.SGD"),
        (0.1, "optimiser=0.1; expected a class"),
        (lambda parameters, lr: None, "returned a NoneType; expected a torch.optim.Optimizer"),
    ],
)
def test_what_is_no_optimiser_is_named(data, optimiser, message):
    with pytest.raises(ValueError, match=message):
        fit(network(), Batches(*data), optimiser=optimiser)


def test_an_optimiser_of_an_older_model_is_refused(data):
    older, model = network(), network()
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match="holds no parameter of this Sequential, so nothing would be trained"):
        fit(model, Batches(*data), optimiser=torch.optim.SGD(older.parameters(), lr=0.1))
    part = torch.optim.SGD(model.parameters(), lr=0.1)
    model[5] = nn.Linear(144, 2)
    with pytest.raises(ValueError, match="holds 2 of 6 parameters that get no gradient.*their replacements"):
        fit(model, Batches(*data), optimiser=part)
    assert all(torch.equal(a, b) for a, b in zip(before[:4], list(model.parameters())[:4], strict=True))


def test_an_optimiser_may_train_a_part_or_what_the_loss_has(data):
    class Scaled(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(()))

        def forward(self, outputs, target):
            return F.cross_entropy(outputs * self.scale, target)

    model, loss = network(), Scaled()
    part = torch.optim.SGD([*model[5].parameters(), loss.scale], lr=0.1)
    assert fit(model, Batches(*data), loss=loss, optimiser=part).steps == 2
    assert loss.scale.item() != 1
    assert fit(model, Batches(*data), loss=loss, optimiser=torch.optim.SGD(loss.parameters(), lr=0.1)).steps == 2


def test_one_cycle_rises_then_falls_to_almost_nothing():
    factors = [one_cycle(step / 100) for step in range(100)]
    top = factors.index(max(factors))
    assert factors[top] == pytest.approx(1) and 10 <= top <= 30
    assert factors[: top + 1] == sorted(factors[: top + 1]) and factors[top:] == sorted(factors[top:], reverse=True)
    assert all(0 < factor <= 1 for factor in factors) and factors[-1] < 0.01


def test_fast_runs_stop_after_a_few_steps_and_still_judge(data, monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    totals = []
    history = fit(
        network(),
        Batches(*data, size=4),
        valid=Batches(*data),
        epochs=9,
        callbacks=[lambda run: totals.append(run.total_steps)],
    )
    assert history.steps == 3 and totals == [23 * 9] * 3
    assert "valid_accuracy" in history[-1] and not history.interrupted


def test_callbacks_hear_every_event_and_may_stop(data):
    heard = []

    class Listener:
        def on_start(self, run):
            heard.append("start")

        def on_epoch(self, run):
            heard.append(run.epoch)
            run.stop = run.epoch == 2

        def on_end(self, run):
            heard.append("end")

    assert len(fit(network(), Batches(*data), epochs=5, callbacks=[Listener()])) == 2
    assert heard == ["start", 1, 2, "end"]
    with pytest.raises(ValueError, match="callbacks got 3"):
        fit(network(), Batches(*data), callbacks=[3])


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(data):
    x, y = data
    corrupted = x.clone()
    corrupted[65] = math.nan
    model = network()
    with pytest.raises(NonFiniteLoss, match=r"NaN at step 5 \(batch 2 .*inputs of this batch already") as caught:
        fit(model, Batches(corrupted, y, size=30, shuffle=False), epochs=2, optimiser=_from_step(3, corrupted, x))
    assert (caught.value.step, caught.value.batch) == (5, 2)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert isinstance(caught.value, ArithmeticError)


def _from_step(n, corrupted, clean):
    """An optimiser that replaces the data's NaN for its first n steps, so that they show up only later."""

    def build(parameters, lr):
        optimiser = torch.optim.SGD(parameters, lr=lr)
        bad, steps = corrupted.clone(), []
        corrupted.copy_(clean)

        def after(*_):
            steps.append(1)
            if len(steps) == n:
                corrupted.copy_(bad)

        optimiser.register_step_post_hook(after)
        return optimiser

    return build


def test_a_loss_that_is_not_finite_brings_the_history_and_leaves_the_weights(data):
    x, y = data
    corrupted = x.clone()
    corrupted[65] = math.nan
    model, seen = network(), []

    def remember(run):
        seen.append([parameter.detach().clone() for parameter in run.model.parameters()])

    with pytest.raises(NonFiniteLoss, match=r"1\.running_mean, 1\.running_var already include this batch") as caught:
        fit(
            model,
            Batches(corrupted, y, size=30, shuffle=False),
            epochs=2,
            optimiser=_from_step(3, corrupted, x),
            callbacks=[remember],
        )
    history = caught.value.history
    assert len(seen) == history.steps == 5 and all(map(math.isfinite, history.losses))
    assert [row["epoch"] for row in history] == [1] and history.seconds > 0
    assert all(torch.equal(a, b) for a, b in zip(seen[-1], model.parameters(), strict=True))


class Deferred:
    """A callback that reads the losses every so many steps alone, as `fit` does on a GPU."""

    def __init__(self, every):
        self.every = every

    def on_start(self, run):
        run.look_every = self.every


@pytest.mark.parametrize(
    ("every", "bad", "read", "cause"),
    [
        (4, 5, "steps 4 to 7", "one of a learning rate"),  # found two steps late: the batch at hand is not the cause
        (4, 7, None, "inputs of this batch already"),  # found in its own step
        (32, 8, "steps 0 to 8", "one of a learning rate"),  # found after the epoch
    ],
)
def test_a_loss_read_late_names_its_step_and_blames_no_other_batch(every, bad, read, cause):
    x, y = torch.randn(9, 4), torch.zeros(9, dtype=torch.int64)
    x[bad] = math.nan
    batches = [(x[i : i + 1], y[i : i + 1]) for i in range(9)]
    with pytest.raises(NonFiniteLoss, match=rf"at step {bad} .*{cause}") as caught:
        fit(nn.Linear(4, 2), batches, callbacks=[Deferred(every)])
    assert caught.value.step == caught.value.history.steps == bad
    assert (f"losses of {read} were read" in str(caught.value)) if read else ("read together" not in str(caught.value))


def test_causes_of_a_loss_that_is_not_finite(data):
    x, y = data
    linear = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
    with pytest.raises(NonFiniteLoss, match="logarithm"):
        fit(linear, [(x, y)], loss=lambda out, y: (out * 0).sum().log())
    with pytest.raises(NonFiniteLoss, match="normalise"):
        fit(linear, [(x * 1e6, y)], loss=lambda out, y: (out * 0).sum().log())
    with pytest.raises(NonFiniteLoss, match="learning rate"):
        fit(linear, [(x, y)], epochs=400, loss=lambda out, y: (out**4).mean(), optimiser=torch.optim.SGD, lr=1e3)


def test_a_batch_with_nothing_but_ignored_targets_is_named():
    x, y = torch.randn(8, 4), torch.tensor([0, 1, 1, 0, -100, -100, -100, -100])
    with pytest.raises(NonFiniteLoss, match=r"at step 1 .*all its targets are -100, which are ignored") as caught:
        fit(nn.Linear(4, 2), Batches(x, y, size=4, shuffle=False))
    assert caught.value.history.steps == 1


def test_memory_that_ends_names_half_the_batch(data):
    class Large(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(1))

        def forward(self, x):
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError, match="batch of 64. Try a batch of 32"):
        fit(Large(), Batches(*data, size=64))


@pytest.mark.parametrize(
    ("model", "target", "loss", "message"),
    [
        (nn.Linear(64, 2), "y", F.cross_entropy, r"inputs of shape \(32, 1, 8, 8\).*flattened"),
        (nn.Sequential(nn.Flatten(0, 1), nn.Flatten(), nn.Linear(64, 2)), "yy", F.cross_entropy, "target"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "float", F.cross_entropy, r"target\.long\(\)"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "high", F.cross_entropy, "classes from 5 to 6.*0 to 1"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "column", F.cross_entropy, r"squeeze\(1\)"),
        (nn.Sequential(nn.Conv2d(3, 4, 3)), "y", F.cross_entropy, "channels"),
        (nn.Sequential(nn.Flatten(), nn.Linear(64, 2)), "y", lambda out, y: out.argmax(1).float().mean(), "argmax"),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(64, 2)),
            "y",
            lambda out, y: F.cross_entropy(out, y, reduction="none"),
            "one number",
        ),
    ],
)
def test_misfits_are_named(data, model, target, loss, message):
    x, y = data
    targets = {"y": y, "yy": torch.stack((y, y), 1), "float": y.float(), "high": y + 5, "column": y[:, None]}
    with pytest.raises(ValueError, match=message):
        fit(model, Batches(x, targets[target], size=32, shuffle=False), loss=loss)


def test_batches_that_cannot_be_trained_on(data):
    x, y = data
    with pytest.raises(ValueError, match="0 batches"):
        fit(network(), [])
    with pytest.raises(ValueError, match="generator"):
        fit(network(), (pair for pair in [(x, y)]))
    with pytest.raises(ValueError, match=r"Batches\(images, images\)"):
        fit(network(), Batches(x))
    with pytest.raises(ValueError, match="empty"):
        fit(network(), [(x[:0], y[:0])])
    with pytest.raises(ValueError, match="frozen"):
        fit(network().requires_grad_(False), [(x, y)])


@pytest.mark.parametrize("epochs", [2.5, -1, math.nan, math.inf, "3", None])
def test_epochs_are_a_whole_number(data, epochs):
    with pytest.raises(ValueError, match=f"epochs={epochs!r}; expected a whole number"):
        fit(network(), Batches(*data), epochs=epochs)


def test_no_epochs_train_nothing(data):
    assert fit(network(), Batches(*data), epochs=0).steps == 0
    assert len(fit(network(), Batches(*data), epochs=2.0)) == 2


def test_what_is_wrong_with_valid_is_said(data):
    x, y = data
    steps = []
    for valid, message in [
        ((pair for pair in [(x, y)]), r"fit\(valid=\.\.\.\) got batches of type generator"),
        ([], r"fit\(valid=\.\.\.\) got 0 batches"),
    ]:
        with pytest.raises(ValueError, match=message):
            fit(network(), Batches(x, y), valid=valid, callbacks=[lambda run: steps.append(run.step)])
    assert not steps
    with pytest.raises(
        ValueError, match=r"^fit\(valid=\.\.\.\): The model could not take inputs of shape \(64, 1, 9, 9\)"
    ):
        fit(network(), Batches(x, y), valid=Batches(torch.zeros(90, 1, 9, 9), y))


def test_errors_of_the_model_itself_pass_unchanged(data):
    class Picky(nn.Linear):
        def forward(self, x):
            raise ValueError("token 99 is outside the vocabulary")

    class Unfinished(nn.Linear):
        def forward(self, x):
            raise NotImplementedError("write this")

    with pytest.raises(ValueError, match="^token 99"):
        fit(Picky(1, 1), Batches(*data))
    with pytest.raises(NotImplementedError):
        fit(Unfinished(1, 1), Batches(*data))


class Stream(IterableDataset):
    """Examples one after the other, with a length that may be wrong."""

    def __init__(self, data, length):
        self.data, self.length = data, length

    def __len__(self):
        return self.length

    def __iter__(self):
        return iter(zip(*self.data, strict=True))


def test_an_iterable_dataset_with_its_length(data, tmp_path):
    path = tmp_path / "run.safetensors"

    def loader():
        return DataLoader(Stream(data, 90), batch_size=20)

    history = fit(network(), loader(), loader(), epochs=2, checkpoint=path)
    assert history.steps == 10 and not history.interrupted and len(history) == 2
    assert history[-1]["valid_accuracy"] == pytest.approx(evaluate(history_model(path), loader())["accuracy"])
    assert fit(network(), loader(), epochs=3, resume=path).steps == 15


def history_model(path):
    from mmcourse.training import load_model

    return load_model(network(), path)


@pytest.mark.filterwarnings("ignore:Length of IterableDataset")
@pytest.mark.parametrize(("length", "expected"), [(180, 9), (40, 2)])
def test_an_epoch_is_the_batches_that_come_whatever_len_says(data, tmp_path, length, expected):
    path = tmp_path / "run.safetensors"

    def loader():
        return DataLoader(Stream(data, length), batch_size=20)

    progress, model = [], network()
    with pytest.warns(UserWarning, match=f"got 5 batches in epoch 1, and expected {expected}") as said:
        history = fit(
            model,
            loader(),
            loader(),
            epochs=3,
            checkpoint=path,
            callbacks=[lambda run: progress.append(run.step / run.total_steps)],
        )
    assert len([one for one in said if "batches in epoch" in str(one.message)]) == 1
    assert history.steps == 15 and history["epoch"] == [1, 2, 3] and progress[-1] == 1
    assert history[-1]["valid_accuracy"] == pytest.approx(evaluate(model, Batches(*data))["accuracy"])
    assert fit(network(), loader(), epochs=4, resume=path).steps == 20


def network_for_rows():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 2))


def test_one_example_left_over_beside_batch_normalisation(data):
    x, y = data
    for size in (89, 4, 32):
        history = fit(network_for_rows(), Batches(x[: 89 + (size == 89)], y[: 89 + (size == 89)], size=size), epochs=2)
        assert len(history) == 2
    left_over = DataLoader(TensorDataset(x[:81], y[:81]), batch_size=16)
    with pytest.raises(ValueError, match=r"BatchNorm cannot train on a batch of one example.*drop_last=True") as caught:
        fit(network_for_rows(), left_over)
    assert "(1, 1, 8, 8)" in str(caught.value)
    assert fit(network_for_rows(), DataLoader(TensorDataset(x[:81], y[:81]), batch_size=16, drop_last=True)).steps == 5
    assert evaluate(network_for_rows(), left_over)


def test_the_history_stays_with_the_model(data):
    model = network()
    history = fit(model, Batches(*data))
    assert model.history is history
    model.history = None
    with pytest.raises(NonFiniteLoss):
        fit(model, Batches(*data, size=30), loss=lambda out, y: (out * 0).sum().log())
    assert model.history.steps == 0

    class Own(nn.Linear):
        def history(self):
            return "mine"

    own = Own(64, 2)
    fit(own, Batches(data[0].flatten(1), data[1]))
    assert own.history() == "mine"
