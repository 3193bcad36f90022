"""An interrupt ends training and the cell, and loses nothing."""

import signal

import pytest
import torch
from torch import nn

from mmcourse.data.batches import Batches
from mmcourse.training import Checkpoint, TrainingInterrupted, fit, load_model

X = torch.randn(90, 6, generator=torch.Generator().manual_seed(1))
Y = (X.mean(1) > 0).long()


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 2))


def batches():
    return Batches(X, Y, size=30, seed=3)


def press_at(step, times=1):
    def press(run):
        if run.step == step:
            for _ in range(times):
                signal.raise_signal(signal.SIGINT)

    return press


class Interrupting:
    """Validation batches during which the stop button is pressed."""

    def __init__(self, times, epoch=1):
        self.times, self.epoch, self.passes = times, epoch, 0

    def __len__(self):
        return 3

    def __iter__(self):
        self.passes += 1
        for number, batch in enumerate(batches()):
            if number == 1 and self.passes == self.epoch:
                for _ in range(self.times):
                    signal.raise_signal(signal.SIGINT)
            yield batch


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_an_interrupt_ends_the_cell_and_keeps_model_and_history():
    before = signal.getsignal(signal.SIGINT)
    model = network()
    with pytest.raises(TrainingInterrupted, match=r"after step 4 of 150: .*model\.history.*checkpoint=path") as caught:
        fit(model, batches(), epochs=50, callbacks=[press_at(4)])
    history = caught.value.history
    assert history is model.history and history.interrupted and history.steps == 4 and len(history) == 2
    assert not model.training and not same(model, network())
    assert isinstance(caught.value, KeyboardInterrupt), "so that no 'except Exception' of a lesson goes on"
    assert signal.getsignal(signal.SIGINT) is before
    assert fit(model, batches()).steps == 3 and not model.history.interrupted


@pytest.mark.parametrize("step", [3, 4, 9])  # at the end of an epoch, in its middle, after the last step
def test_an_interrupted_run_goes_on(tmp_path, step):
    path = tmp_path / "run.safetensors"
    straight, stopped, resumed = network(), network(), network(seed=8)
    torch.manual_seed(2)
    whole = fit(straight, batches(), epochs=3)
    torch.manual_seed(2)
    with pytest.raises(TrainingInterrupted, match=rf"holds the run after step {step}; .*resume='.*run\.safetensors'"):
        fit(stopped, batches(), epochs=3, checkpoint=path, callbacks=[press_at(step)])
    rest = fit(resumed, batches(), epochs=3, checkpoint=path, resume=True)
    assert same(straight, resumed) and rest.losses == whole.losses


def test_a_second_interrupt_breaks_off_at_once():
    model = network()
    with pytest.raises(TrainingInterrupted):
        fit(model, batches(), epochs=5, callbacks=[press_at(1, times=2)])
    assert model.history.interrupted and model.history.steps == 1 and len(model.history) == 1


@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("epoch", [1, 2, 3])
def test_an_interrupt_during_validation_keeps_the_epoch(tmp_path, times, epoch):
    path = tmp_path / "run.safetensors"
    straight, stopped, resumed = network(), network(), network(seed=8)
    torch.manual_seed(2)
    fit(straight, batches(), epochs=3)
    torch.manual_seed(2)
    with pytest.raises(TrainingInterrupted, match=f"holds the run after step {3 * epoch}"):
        fit(stopped, batches(), Interrupting(times, epoch), epochs=3, checkpoint=path)
    history = stopped.history
    assert len(history) == epoch and ("valid_loss" in history[-1]) == (times == 1)
    assert same(stopped, load_model(network(seed=5), path)) and not stopped.training
    fit(resumed, batches(), epochs=3, checkpoint=path, resume=True)
    assert same(straight, resumed)


def test_interrupts_do_not_break_off_saving(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    from mmcourse.training import checkpoint

    write = checkpoint._write

    def pressed(*args):
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        return write(*args)

    monkeypatch.setattr(checkpoint, "_write", pressed)
    with pytest.raises(TrainingInterrupted, match="holds the run after step 2"):
        fit(network(), batches(), epochs=5, callbacks=[Checkpoint(path, steps=2)])
    assert [file.name for file in tmp_path.iterdir()] == ["run.safetensors"]


def test_an_interrupt_in_a_callback_keeps_the_checkpoint(tmp_path):
    """Two at the end of an epoch, in a callback before the one that saves."""

    class Impatient:
        def on_epoch(self, run):
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)

    path = tmp_path / "run.safetensors"
    model = network()
    with pytest.raises(TrainingInterrupted, match="holds the run after step 3"):
        fit(model, batches(), epochs=5, callbacks=[Impatient()], checkpoint=path)
    assert same(model, load_model(network(seed=5), path)) and len(model.history) == 1


def test_an_interrupted_cell_ends_run_all():
    """What IPython does with the cell: it fails, so that the front end runs none of those below."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    shell = InteractiveShell(config=Config(HistoryManager={"enabled": False}))
    shell.user_ns |= {"fit": fit, "model": network(), "batches": batches(), "press": press_at(2)}
    result = shell.run_cell("history = fit(model, batches, epochs=9, callbacks=[press])")
    assert not result.success and isinstance(result.error_in_exec, TrainingInterrupted)
    assert shell.run_cell("model.history.steps").result == 2


class LosesItsWorkers:
    """Batches like those of a DataLoader whose worker processes end with the interrupt, as where they are spawned."""

    def __init__(self, batch, epoch=1):
        self.batch, self.epoch, self.passes = batch, epoch, 0

    def __len__(self):
        return 3

    def __iter__(self):
        self.passes += 1
        for number, batch in enumerate(Batches(X, Y, size=30, shuffle=False)):
            if number == self.batch and self.passes == self.epoch:
                signal.raise_signal(signal.SIGINT)
                raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")
            yield batch


@pytest.mark.parametrize(("batch", "epoch", "steps"), [(1, 1, 1), (2, 2, 5), (0, 2, 3)])
def test_an_interrupt_that_ends_the_workers_of_a_loader_keeps_the_run(tmp_path, batch, epoch, steps):
    path = tmp_path / "run.safetensors"
    model = network()
    with pytest.raises(TrainingInterrupted, match=f"after step {steps} of 9: .*holds the run after step {steps}"):
        fit(model, LosesItsWorkers(batch, epoch), epochs=3, checkpoint=path)
    assert same(model, load_model(network(seed=5), path)) and model.history.steps == steps
    model = network()
    with pytest.raises(TrainingInterrupted, match="holds the run after step 3"):
        fit(model, batches(), LosesItsWorkers(batch), epochs=3, checkpoint=path)
    assert len(model.history) == 1 and same(model, load_model(network(seed=5), path))


def test_workers_that_end_without_an_interrupt_are_an_error():
    class Broken(LosesItsWorkers):
        def __iter__(self):
            yield X[:30], Y[:30]
            raise RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly")

    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        fit(network(), Broken(1), epochs=3)
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        fit(network(), batches(), Broken(1), epochs=3)
