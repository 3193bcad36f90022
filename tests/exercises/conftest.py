import random
from itertools import count
from zlib import crc32

import numpy as np
import pytest
import torch

from mmcourse.exercises import checks


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors: more threads only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def gradients():
    """An answer may leave them switched off."""
    yield
    torch.set_grad_enabled(True)


@pytest.fixture(autouse=True)
def same_draws(request, monkeypatch):
    """What a check or an answer draws differs from call to call and from test to test, and is the same in every run."""
    seed = crc32(request.node.nodeid.encode())
    random.seed(seed)
    np.random.seed(seed)
    calls = count(seed)
    monkeypatch.setattr(checks, "drawn_afresh", lambda: torch.Generator().manual_seed(next(calls)))


@pytest.fixture(autouse=True)
def own_record(tmp_path, monkeypatch):
    """Every test writes its own record, in a folder that is not there yet."""
    monkeypatch.setenv("MMCOURSE_WORK", str(tmp_path / "work"))
    for name in ("MMCOURSE_GRADING", "NBGRADER_EXECUTION"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "work"


def stub(*arguments, **options):
    """What a learner finds."""
    # YOUR CODE HERE
    raise NotImplementedError()


@pytest.fixture
def judged():
    """Tries a check on right answers and on wrong ones, several times, since inputs are drawn afresh.

    wrong: {name: (answer, words)}: the words must be in the message of this answer and of no other; None for a wrong
    answer that needs only to be refused.
    """

    def judge(id, right, wrong, draws=4):
        assert checks.judge(id, stub).state == "untried"
        faults = []
        for name, answer in right.items():
            verdicts = [checks.judge(id, answer) for _ in range(draws)]
            faults += [f"{name}: {verdict}" for verdict in verdicts if verdict.state != "right"]
        for name, (answer, words) in wrong.items():
            others = {other for _, other in wrong.values()} - {words, None}
            for verdict in [checks.judge(id, answer) for _ in range(draws)]:
                message = verdict.message
                named = words is None or words in message
                if verdict.state != "wrong" or "cannot make sense" in message or not named:
                    faults.append(f"{name}: {verdict}")
                elif words and any(other in message for other in others):
                    faults.append(f"{name}, not its own words: {verdict}")
        assert not faults, "\n".join(sorted(set(faults)))
        named = [words for _, words in wrong.values() if words]
        assert len(named) == len(set(named))

    return judge
