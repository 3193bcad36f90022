"""The default optimisers are PyTorch's AdamW and Adam without the wait for its compiler."""

import subprocess
import sys

import torch

from mmcourse.training.device import device
from mmcourse.training.optimiser import Adam, AdamW, default_optimiser


def test_the_same_figures_as_pytorch():
    def train(build):
        torch.manual_seed(0)
        model = torch.nn.Linear(5, 3).to(device())
        optimiser = build(model.parameters())
        for _ in range(5):
            optimiser.zero_grad()
            model(torch.randn(4, 5).to(device())).square().mean().backward()
            optimiser.step()
        return model.weight, optimiser.state_dict()["state"][0]["exp_avg_sq"]

    fused = device().type != "mps"
    betas = (0.5, 0.9)
    for ours, theirs in (
        (lambda p: default_optimiser(p, 0.1), lambda p: torch.optim.AdamW(p, 0.1, fused=fused)),
        (lambda p: Adam(p, 0.1, betas=betas), lambda p: torch.optim.Adam(p, 0.1, betas=betas, fused=fused)),
    ):
        assert all(torch.equal(a, b) for a, b in zip(train(ours), train(theirs), strict=True))
    assert AdamW.__name__ == type(default_optimiser([torch.nn.Parameter(torch.ones(1))], 0.1, compile=True)).__name__


def test_training_does_not_wait_for_the_compiler():
    code = """
import sys, torch
from mmcourse.data.batches import Batches
from mmcourse.training import fit, fit_adversarial
fit(torch.nn.Linear(3, 2), Batches(torch.ones(8, 3), torch.zeros(8, dtype=torch.long)))
generator = torch.nn.Linear(2, 3)
generator.latent_size = 2
fit_adversarial(generator, torch.nn.Sequential(torch.nn.Linear(3, 1), torch.nn.Flatten(0)), Batches(torch.ones(8, 3)))
heavy = ("torch._dynamo", "torchvision", "torchmetrics", "pandas", "matplotlib")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
