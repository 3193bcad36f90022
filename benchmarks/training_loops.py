"""The overhead of training loops: `fit` and others compared with a loop over raw slices of tensors.

Every variant trains the same model with the same fused AdamW on the same synthetic tensors of MNIST's shape, on one
CPU thread, with the memory settings of `device()`, which make all of them faster. The variants take turns within each
repeat; a ratio is the median, over the repeats, of a variant's CPU time to that of the raw loop in the same repeat, so
that a busy machine affects all alike. `fit` runs with loss, accuracy, schedule and progress on (only
the drawing of the bar is left out, a few times a second); raw slices with loss alone, as do the others where they can.
"""

import contextlib
import logging
import os
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.util import find_spec

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from mmcourse.data.batches import Batches
from mmcourse.training import fit
from mmcourse.training.device import device
from mmcourse.training.progress import Progress

LR = 1e-3


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def lenet() -> nn.Module:
    """LeNet with ReLU and max pooling (after LeCun and others 1998)."""
    features = (nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
    features += (nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())
    return nn.Sequential(*features, nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10))


CASES = {"small MLP, batch 32": (perceptron, 32, 300), "LeNet, batch 128": (lenet, 128, 40)}  # model, batch, steps


class Silent:
    """A view without output, so that only the computation of its inputs is measured."""

    def update(self, step, loss, metrics):
        pass

    def epoch(self, row):
        pass

    def close(self, history):
        pass


def adamw(parameters) -> torch.optim.Optimizer:
    return torch.optim.AdamW(parameters, lr=LR, fused=True)


def raw_slices(model: nn.Module, x: Tensor, y: Tensor, size: int) -> Callable[[], None]:
    optimiser = adamw(model.parameters())

    def epoch():
        order = torch.randperm(len(x))
        for start in range(0, len(x), size):
            chosen = order[start : start + size]
            loss = F.cross_entropy(model(x[chosen]), y[chosen])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return epoch


def raw_slices_channels_last(model, x, y, size):
    return raw_slices(model.to(memory_format=torch.channels_last), x, y, size)


def our_fit(model, x, y, size):
    optimiser = adamw(model.parameters())
    batches = Batches(x, y, size=size, device="cpu")
    return lambda: fit(
        model, batches, optimiser=optimiser, metrics=("accuracy",), callbacks=[Progress(Silent())], verbose=False
    )


def data_loader(model, x, y, size):
    optimiser = adamw(model.parameters())
    loader = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True)

    def epoch():
        for inputs, target in loader:
            loss = F.cross_entropy(model(inputs), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()

    return epoch


def skorch_net(model, x, y, size):
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        model,
        criterion=nn.CrossEntropyLoss,
        optimizer=torch.optim.AdamW,
        optimizer__fused=True,
        lr=LR,
        batch_size=size,
        iterator_train__shuffle=True,
        max_epochs=1,
        train_split=None,
        verbose=0,
    ).initialize()
    dataset = TensorDataset(x, y)
    return lambda: net.partial_fit(dataset, None)


def accelerate_loop(model, x, y, size):
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=True)
    loader = DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True)
    model, optimiser, loader = accelerator.prepare(model, adamw(model.parameters()), loader)

    def epoch():
        for inputs, target in loader:
            loss = F.cross_entropy(model(inputs), target)
            optimiser.zero_grad()
            accelerator.backward(loss)
            optimiser.step()

    return epoch


def lightning_trainer(model, x, y, size, **settings):
    import lightning

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.model = model

        def training_step(self, batch, index):
            loss = F.cross_entropy(self.model(batch[0]), batch[1])
            if settings.get("logger", True):
                self.log("loss", loss, prog_bar=True)
            return loss

        def configure_optimizers(self):
            return adamw(self.model.parameters())

    module, loader = Module(), DataLoader(TensorDataset(x, y), batch_size=size, shuffle=True)

    def epoch():
        quiet = {"enable_model_summary": False, "enable_checkpointing": False} | settings
        lightning.Trainer(max_epochs=1, accelerator="cpu", devices=1, **quiet).fit(module, loader)

    return epoch


def lightning_lean(model, x, y, size):
    return lightning_trainer(model, x, y, size, logger=False, enable_progress_bar=False, barebones=False)


VARIANTS: dict[str, tuple[Callable, str | None]] = {
    "raw slices": (raw_slices, None),
    "raw slices, channels-last": (raw_slices_channels_last, None),
    "mmcourse fit (accuracy, progress)": (our_fit, None),
    "DataLoader, no workers": (data_loader, None),
    "skorch": (skorch_net, "skorch"),
    "accelerate": (accelerate_loop, "accelerate"),
    "Lightning, lean": (lightning_lean, "lightning"),
}


def compare(case: str, repeats: int, scale: float) -> list[dict]:
    """Rows for one case; every variant starts from the same weights and is warmed up once."""
    make, size, steps = CASES[case]
    steps = max(2, int(steps * scale))
    x = torch.rand(steps * size, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    y = torch.randint(10, (len(x),), generator=torch.Generator().manual_seed(1))
    rows, epochs = [], {}
    convolves = any(isinstance(part, nn.Conv2d) for part in make().modules())
    for name, (build, package) in VARIANTS.items():
        if build is raw_slices_channels_last and not convolves:
            continue
        if package and find_spec(package) is None:
            rows.append({"benchmark": "training loops", "case": case, "variant": name, "seconds": None, "ratio": None})
            rows[-1]["note"] = f"not installed: pip install {package}"
            continue
        torch.manual_seed(0)
        epochs[name] = build(make().train(), x, y, size)
        epochs[name]()
    taken: dict[str, list[float]] = {name: [] for name in epochs}
    for _ in range(repeats):
        for name, epoch in epochs.items():
            begun = time.process_time()
            epoch()
            taken[name].append((time.process_time() - begun) / steps)
    for name, seconds in taken.items():
        ratios = [one / raw for one, raw in zip(seconds, taken["raw slices"], strict=True)]
        rows.append({"benchmark": "training loops", "case": case, "variant": name})
        rows[-1] |= {"seconds": statistics.median(seconds), "ratio": statistics.median(ratios)}
        rows[-1]["note"] = f"{min(ratios):.2f} to {max(ratios):.2f}"
    return sorted(rows, key=lambda row: list(VARIANTS).index(row["variant"]))


def run(quick: bool = False) -> list[dict]:
    """Seconds of CPU time per step, and the ratio to raw slices, for every case and variant."""
    device()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
            warnings.simplefilter("ignore")
            return [row for case in CASES for row in compare(case, 2 if quick else 9, 0.05 if quick else 1.0)]
    finally:
        torch.set_num_threads(threads)
