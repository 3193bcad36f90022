"""The cost of spinning OpenMP threads: a training step while other programs are busy.

PyTorch's threads wait for each other many times in a step. By default they spin for about 3 ms before they sleep; if
another program uses one of the cores, spinning threads take the other core from the thread that all wait for. With
OMP_WAIT_POLICY=PASSIVE they sleep immediately, and a virtual machine is slow to wake them. With GOMP_SPINCOUNT=3000
they spin for about 30 µs first (GNU OpenMP, so on Linux only); the course sets both before torch is loaded. `ratio` is
relative to the course's setting on an otherwise idle machine.
"""

import os
import statistics
import subprocess
import sys

PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE"}
SETTINGS = {
    "threads spin (default)": {},
    "threads sleep immediately": PASSIVE,
    "threads spin briefly, then sleep (the course)": PASSIVE | {"GOMP_SPINCOUNT": "3000"},
}
STEP = """
import time, torch   # first, as in a lesson
from mmcourse.models.speech import SpeechClassifier
torch.manual_seed(0)
model, sounds, labels = SpeechClassifier(111), torch.randn(64, 40, 76), torch.randint(0, 111, (64,))
optimiser = torch.optim.SGD(model.parameters(), 0.01)
def step():
    optimiser.zero_grad()
    torch.nn.functional.cross_entropy(model(sounds), labels).backward()
    optimiser.step()
for _ in range(3):
    step()
began = time.perf_counter()
for _ in range({steps}):
    step()
print((time.perf_counter() - began) / {steps})
"""


def run(quick: bool = False) -> list[dict]:
    """The rows that `python -m benchmarks` prints and stores."""
    seconds = {}
    for _ in range(1 if quick else 5):
        for neighbours in (0, 1):
            for name, setting in SETTINGS.items():
                seconds.setdefault((neighbours, name), []).append(step(setting, neighbours, 3 if quick else 20))
    base = statistics.median(seconds[0, name])  # the last, the course's
    return [
        {
            "benchmark": "waiting threads",
            "case": "a training step of lesson 03" + " beside a busy program" * neighbours,
            "variant": name,
            "seconds": statistics.median(times),
            "ratio": statistics.median(times) / base,
        }
        for (neighbours, name), times in seconds.items()
    ]


def step(setting: dict[str, str], neighbours: int, steps: int) -> float:
    """Seconds of one training step in a separate process, with `neighbours` programs that each keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(neighbours)]
    try:
        variables = {k: v for k, v in os.environ.items() if not k.startswith(("OMP_", "GOMP_"))} | setting
        command = [sys.executable, "-c", STEP.format(steps=steps)]
        summary = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        return float(summary.stdout)
    finally:
        for process in busy:
            process.kill()
            process.wait()
