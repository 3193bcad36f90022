"""Runs go on bit for bit; damaged and foreign files are named."""

import json
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from mmcourse.data.batches import Batches
from mmcourse.training import Checkpoint, constant, fit, load_model, read_card, save_model

X = torch.randn(70, 1, 8, 8, generator=torch.Generator().manual_seed(1))
Y = (X.mean((1, 2, 3)) > 0).long()


def network(seed=0, width=4):
    torch.manual_seed(seed)
    parts = (nn.Conv2d(1, width, 3), nn.BatchNorm2d(width), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3))
    return nn.Sequential(*parts, nn.Linear(36 * width, 2))


def noisy(x):
    return x + 0.1 * torch.randn_like(x)


def in_memory():
    return Batches(X, Y, size=16, seed=4, transform=noisy)


def loader():
    return DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True)


def loader_with_generator():
    return DataLoader(TensorDataset(X, Y), batch_size=16, shuffle=True, generator=torch.Generator().manual_seed(7))


def assert_same(a, b):
    for (name, one), two in zip(a.state_dict().items(), b.state_dict().values(), strict=True):
        assert torch.equal(one, two), name


@pytest.mark.parametrize("batches", [in_memory, loader, loader_with_generator])
@pytest.mark.parametrize("stop", [10, 7, 5, 9])  # 5 steps an epoch: at its end, and in its middle
@pytest.mark.parametrize("optimiser", [None, lambda p, lr: torch.optim.SGD(p, lr=lr, momentum=0.9)])
def test_a_resumed_run_is_the_same_run(tmp_path, batches, stop, optimiser):
    path = tmp_path / "run.safetensors"
    straight = network()
    torch.manual_seed(11)
    whole = fit(straight, batches(), epochs=4, optimiser=optimiser)

    def stop_here(run):
        run.stop = run.step == stop

    stopped, resumed = network(), network(seed=5)
    torch.manual_seed(11)
    fit(stopped, batches(), epochs=4, optimiser=optimiser, callbacks=[stop_here], checkpoint=path)
    torch.manual_seed(99)
    rest = fit(resumed, batches(), epochs=4, optimiser=optimiser, resume=path)
    assert_same(straight, resumed)
    assert rest.losses == whole.losses
    for name in ("epoch", "loss", "accuracy"):
        assert rest[name] == pytest.approx(whole[name], rel=1e-12)


def test_two_epochs_and_two_more_are_four_at_a_constant_rate(tmp_path):
    path = tmp_path / "run.safetensors"
    straight, halves = network(), network()
    torch.manual_seed(2)
    fit(straight, in_memory(), epochs=4, schedule=constant)
    torch.manual_seed(2)
    fit(halves, in_memory(), epochs=2, schedule=constant, checkpoint=path)
    resumed = network(seed=8)
    assert len(fit(resumed, in_memory(), epochs=4, schedule=constant, resume=path)) == 4
    assert_same(straight, resumed)


def test_saved_every_few_steps_a_crash_costs_no_more(tmp_path):
    path = tmp_path / "run.safetensors"
    straight = network()
    torch.manual_seed(2)
    fit(straight, in_memory(), epochs=3)

    def crash(run):
        if run.step == 9:
            raise OSError("power cut")

    crashing = network()
    torch.manual_seed(2)
    with pytest.raises(OSError, match="power cut"):
        fit(crashing, in_memory(), epochs=3, callbacks=[Checkpoint(path, steps=4), crash])
    resumed = network(seed=8)
    fit(resumed, in_memory(), epochs=3, resume=path)
    assert_same(straight, resumed)


def test_resume_true_starts_afresh_where_there_is_nothing(tmp_path):
    path = tmp_path / "run.safetensors"
    assert fit(network(), in_memory(), epochs=1, checkpoint=path, resume=True).steps == 5
    assert fit(network(), in_memory(), epochs=1, checkpoint=path, resume=True).steps == 5
    with pytest.raises(FileNotFoundError):
        fit(network(), in_memory(), resume=tmp_path / "nowhere")


def test_resume_with_another_optimiser_or_model_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(network(), in_memory(), checkpoint=path)
    with pytest.raises(ValueError, match="AdamW.*SGD"):
        fit(network(), in_memory(), optimiser=torch.optim.SGD, resume=path)
    with pytest.raises(ValueError, match=r"0\.weight is \(4, 1, 3, 3\) in the file and \(5, 1, 3, 3\)"):
        fit(network(width=5), in_memory(), resume=path)


def snapshot(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize(
    "other",
    [
        {"optimiser": torch.optim.SGD},
        {"optimiser": lambda parameters, lr: torch.optim.AdamW(parameters[:2], lr=lr)},
        {"optimiser": lambda parameters, lr: torch.optim.AdamW(parameters[::-1], lr=lr)},
        {"epochs": 1},
        {"callbacks": [3]},
        {"callbacks": [Checkpoint("/dev/null/run.safetensors")]},
        {"metrics": ("precision",)},
    ],
)
def test_a_refused_resume_changes_nothing(tmp_path, other):
    path = tmp_path / "run.safetensors"
    fit(network(), in_memory(), epochs=2, checkpoint=path)
    model = network(seed=5)
    before = snapshot(model)
    with pytest.raises((ValueError, OSError)):
        fit(model, in_memory(), **({"epochs": 2} | other), resume=path)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())


def rates_from(path, epochs=4, **options):
    """The learning rates of a run that is resumed for one epoch more than it has, five steps."""
    seen = []
    fit(
        network(),
        in_memory(),
        epochs=epochs,
        resume=path,
        callbacks=[lambda run: seen.append(run.optimiser.param_groups[0]["lr"])],
        **options,
    )
    return seen


def test_resuming_with_another_rate_takes_it(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(network(), in_memory(), epochs=3, lr=0.1, schedule=constant, checkpoint=path)
    assert rates_from(path, schedule=constant) == [0.1] * 5
    assert rates_from(path, schedule=constant, lr=0.02) == [0.02] * 5
    assert rates_from(path, schedule=None, lr=0.02) == [0.02] * 5
    assert rates_from(path, schedule=None) == [0.1] * 5

    def made(lr, **more):
        model = network()
        return model, torch.optim.AdamW(model.parameters(), lr=lr, **more)

    for rate, decay in ((0.1, 0.01), (0.02, 0.01), (0.1, 0.5)):
        model, optimiser = made(rate, weight_decay=decay)
        fit(model, in_memory(), epochs=4, optimiser=optimiser, schedule=constant, resume=path)
        group = optimiser.param_groups[0]
        assert (group["lr"], group["weight_decay"]) == (rate, decay)


def test_a_rate_set_on_the_way_is_kept_where_there_is_no_schedule(tmp_path):
    path = tmp_path / "run.safetensors"

    def halve(run):
        for group in run.optimiser.param_groups:
            group["lr"] /= 2

    fit(network(), in_memory(), epochs=1, lr=0.1, schedule=None, checkpoint=path, callbacks=[halve])
    assert rates_from(path, epochs=2, schedule=None, lr=0.1) == [0.1 / 32] * 5
    assert rates_from(path, epochs=2, schedule=None, lr=0.3) == [0.3] * 5


def test_a_scheduled_rate_is_no_rate_to_go_on_from(tmp_path):
    path = tmp_path / "run.safetensors"
    fit(network(), in_memory(), epochs=3, lr=0.1, checkpoint=path)
    assert rates_from(path, schedule=None) == [0.1] * 5


def test_a_run_saved_before_there_were_two_loops_goes_on(tmp_path):
    path, older = tmp_path / "run.safetensors", tmp_path / "older.safetensors"
    straight, stopped, resumed = network(), network(), network(seed=5)
    torch.manual_seed(11)
    fit(straight, in_memory(), epochs=3)

    def stop_here(run):
        run.stop = run.step == 7

    torch.manual_seed(11)
    fit(stopped, in_memory(), epochs=3, callbacks=[stop_here], checkpoint=path)
    with safe_open(path, framework="pt") as file:
        about = json.loads(file.metadata()["mmcourse"])
    del about["loop"], about["batches"]["batches_per_step"]
    save_file(load_file(path), older, metadata={"mmcourse": json.dumps(about)})
    fit(resumed, in_memory(), epochs=3, resume=older)
    assert_same(straight, resumed)


def test_a_run_of_another_version_is_named(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    monkeypatch.setattr("mmcourse.training.checkpoint.FORMAT", "mmcourse 1")
    fit(network(), in_memory(), checkpoint=path)
    monkeypatch.undo()
    with pytest.raises(ValueError, match="another version of mmcourse"):
        fit(network(), in_memory(), epochs=2, resume=path)
    load_model(network(), path)


def test_a_place_that_cannot_be_written_is_found_before_the_first_step(tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    steps = []
    for path in (tmp_path / "file" / "run.safetensors", tmp_path / "folder", tmp_path / ("n" * 300)):
        for where in ({"checkpoint": path}, {"callbacks": [Checkpoint(path)]}):
            where["callbacks"] = [*where.get("callbacks", ()), lambda run: steps.append(run.step)]
            with pytest.raises(OSError, match=r"checkpoint .* cannot be written"):
                fit(network(), in_memory(), **where)
    assert not steps
    assert sorted(item.name for item in tmp_path.iterdir()) == ["file", "folder"]
    fit(network(), in_memory(), epochs=0, checkpoint=tmp_path / "new" / "run.safetensors")
    assert list((tmp_path / "new").iterdir()) == []


def saved_mid_epoch(path):
    """A run of 3 epochs of 5 batches, stopped after batch 3 of its second."""

    def stop_here(run):
        run.stop = run.step == 8

    fit(network(), in_memory(), epochs=3, callbacks=[stop_here], checkpoint=path)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (Batches(X, Y, size=64), "batches an epoch: 5 saved, 2 given.*another batch size"),
        (Batches(X[:66], Y[:66], size=16), r"\(examples: 70 saved, 66 given\).*another split"),
        (DataLoader(TensorDataset(X[:66], Y[:66]), batch_size=16), "examples: 70 saved, 66 given"),
        ([(X[:14], Y[:14])] * 4 + [(X[:10], Y[:10])], "examples: 70 saved, 66 given"),
        (loader(), "order: kept by the batches saved, left to PyTorch given.*DataLoader in place of Batches"),
        (loader_with_generator(), "order: kept by the batches saved, kept by their generator given"),
    ],
)
def test_resuming_with_other_batches_is_refused(tmp_path, batches, message):
    path = tmp_path / "run.safetensors"
    saved_mid_epoch(path)
    model = network(seed=5)
    with pytest.raises(ValueError, match=message):
        fit(model, batches, epochs=3, resume=path)
    assert_same(model, network(seed=5))


def test_batches_that_end_before_the_place_to_go_on_from(tmp_path):
    class Stream:
        def __init__(self, batches):
            self.batches = batches

        def __len__(self):
            return 5

        def __iter__(self):
            return iter([(X[:14], Y[:14])] * self.batches)

    def stop_here(run):
        run.stop = run.step == 3

    path = tmp_path / "run.safetensors"
    fit(network(), Stream(5), callbacks=[stop_here], checkpoint=path)
    with pytest.raises(ValueError, match="after batch 3 of its epoch, and its batches end after 2"):
        fit(network(), Stream(2), resume=path)


def test_resuming_for_fewer_epochs_than_were_trained_is_refused(tmp_path, capsys):
    path = tmp_path / "run.safetensors"
    trained = network()
    whole = fit(trained, in_memory(), epochs=2, checkpoint=path)
    with pytest.raises(
        ValueError, match=r"trained for 10 steps \(2 epochs\); fit got epochs=1.*for one more: epochs=3"
    ):
        fit(network(), in_memory(), epochs=1, resume=path)
    assert not capsys.readouterr().out
    model = network(seed=5)
    history = fit(model, in_memory(), epochs=2, resume=path)
    assert "nothing is left to train" in capsys.readouterr().out
    assert (history.losses, history.rows) == (whole.losses, whole.rows)
    assert_same(model, trained)
    saved_mid_epoch(path)
    with pytest.raises(ValueError, match=r"8 steps \(1\.6 epochs\).*epochs=3"):
        fit(network(), in_memory(), epochs=1, resume=path)


def test_a_fast_run_resumed_keeps_its_row(tmp_path, monkeypatch):
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    path = tmp_path / "run.safetensors"
    rows = [fit(network(), in_memory(), epochs=2, checkpoint=path, resume=True)[-1] for _ in range(2)]
    assert rows[0]["loss"] == pytest.approx(rows[1]["loss"])


def test_resume_true_wants_a_checkpoint():
    with pytest.raises(ValueError, match=r"resume=True and no checkpoint.*resume=path"):
        fit(network(), in_memory(), resume=True)


def test_models_round_trip_with_their_card(tmp_path):
    path = tmp_path / "deep" / "model.safetensors"
    model = network()
    fit(model, in_memory())
    save_model(model, path, purpose="a test", figures={"accuracy": 0.5})
    assert_same(model, load_model(network(seed=3), path))
    assert read_card(path) == {"purpose": "a test", "figures": {"accuracy": 0.5}}
    assert [file.name for file in path.parent.iterdir()] == ["model.safetensors"]
    with pytest.raises(ValueError, match="no training run|not a training run"):
        fit(network(), in_memory(), resume=path)


def test_tied_weights_round_trip(tmp_path):
    def tied():
        model = nn.Sequential(nn.Embedding(5, 3), nn.Linear(3, 5, bias=False))
        model[1].weight = model[0].weight
        return model

    model = tied()
    assert_same(model, load_model(tied(), save_model(model, tmp_path / "tied.safetensors")))


def test_weights_of_a_checkpoint_can_be_loaded(tmp_path):
    model = network()
    fit(model, in_memory(), checkpoint=tmp_path / "run.safetensors")
    assert_same(model, load_model(network(seed=3), tmp_path / "run.safetensors"))


def test_names_that_do_not_fit_are_listed(tmp_path):
    path = save_model(nn.Linear(2, 2, bias=False), tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=r"model\.safetensors.*bias is missing.*weight is \(2, 2\).*\(3, 2\)"):
        load_model(nn.Linear(2, 3), path)
    path = save_model(nn.Linear(2, 3), path)
    with pytest.raises(ValueError, match="bias is not in the model"):
        load_model(nn.Linear(2, 3, bias=False), path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = save_model(nn.Linear(2, 2), tmp_path / "model.safetensors")
    old = path.read_bytes()
    with pytest.raises(TypeError):
        save_model(nn.Linear(2, 2), path, card_entry=object())
    assert path.read_bytes() == old and [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("corrupt", "message"),
    [
        (lambda data: data[: len(data) // 2], "truncated or damaged"),
        (lambda data: data[:-1], "truncated or damaged"),
        (lambda data: b"", "empty"),
        (lambda data: b"PK\x03\x04" + data, "torch.save"),
        (lambda data: b"<html>not found</html>", "web page"),
        (lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (lambda data: b"\x01\x02" * 500, "another format"),
    ],
)
def test_damaged_and_foreign_files_are_named(tmp_path, corrupt, message):
    path = save_model(nn.Linear(2, 2), tmp_path / "weights.safetensors")
    path.write_bytes(corrupt(path.read_bytes()))
    with pytest.raises(ValueError, match=rf"weights\.safetensors \(\d+ bytes\).*{message}"):
        load_model(nn.Linear(2, 2), path)


def test_a_file_behind_a_symbolic_link_is_replaced_where_it_lies(tmp_path):
    """As a checkpoint that is kept on a mounted drive."""
    (tmp_path / "drive").mkdir()
    link, target = tmp_path / "model.safetensors", tmp_path / "drive" / "model.safetensors"
    link.symlink_to(target)
    model = network(seed=3)
    for width in ("first", "second"):
        save_model(model, link, saved=width)
    assert link.is_symlink() and read_card(target) == {"saved": "second"}
    assert_same(load_model(network(), link), model)
    assert sorted(path.name for path in tmp_path.rglob("*.safetensors*")) == ["model.safetensors"] * 2


def test_a_save_that_fails_leaves_the_older_file(tmp_path, monkeypatch):
    path = tmp_path / "model.safetensors"
    save_model(network(), path, saved="first")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left on device: .*model.safetensors"):
        save_model(network(), path, saved="second")
    assert read_card(path) == {"saved": "first"} and list(tmp_path.iterdir()) == [path]


MAPS = Path("/proc/self/maps")


@pytest.mark.skipif(not MAPS.exists(), reason="only Linux lists the files that a process maps")
def test_a_resumed_run_does_not_map_its_file(tmp_path):
    """Windows could not replace it at the next checkpoint."""
    path, mapped = tmp_path / "run.safetensors", []
    fit(network(), in_memory(), checkpoint=path)
    seen = [lambda run: mapped.append(str(path) in MAPS.read_text())]
    fit(network(), in_memory(), epochs=2, resume=path, callbacks=seen)
    assert len(mapped) == 5 and not any(mapped)
