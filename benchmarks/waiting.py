"""What it costs when OpenMP's threads wait in a loop: a training step beside other busy programs.

Torch's threads wait for each other many times in a step. By default they wait in a loop, and where another program
takes one of the cores the loop keeps the other from the thread that everyone waits for. OMP_WAIT_POLICY=PASSIVE lets
them sleep; the course sets it before torch is loaded. `ratio` is against sleeping threads on an otherwise idle machine.
"""

import os
import statistics
import subprocess
import sys

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
    """The rows that `python -m benchmarks` prints and keeps."""
    seconds = {}
    for _ in range(1 if quick else 5):
        for neighbours in (0, 1):
            for policy in ("PASSIVE", None):
                seconds.setdefault((neighbours, policy), []).append(step(policy, neighbours, 3 if quick else 20))
    base = statistics.median(seconds[0, "PASSIVE"])
    return [
        {
            "benchmark": "waiting threads",
            "case": "a training step of lesson 03" + " beside a busy program" * neighbours,
            "variant": "threads sleep (the course)" if policy else "threads wait in a loop (default)",
            "seconds": statistics.median(times),
            "ratio": statistics.median(times) / base,
        }
        for (neighbours, policy), times in seconds.items()
    ]


def step(policy: str | None, neighbours: int, steps: int) -> float:
    """Seconds of one training step in a process of its own, beside `neighbours` programs that keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(neighbours)]
    try:
        variables = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
        if policy:
            variables["OMP_WAIT_POLICY"] = policy
        command = [sys.executable, "-c", STEP.format(steps=steps)]
        told = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
        return float(told.stdout)
    finally:
        for process in busy:
            process.kill()
            process.wait()
