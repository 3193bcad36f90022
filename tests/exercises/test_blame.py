"""Questions in a message about the learner's code stay only where the code does what they ask about."""

import pytest
import torch
from torch import nn

from mmcourse.exercises.blame import without_unfounded_questions

ROW = "only the first row is filled: is the `return` inside the loop?"
LOST = "the batch is gone: does a `squeeze` remove it? It stays"


def too_early(rows):
    result = []
    for row in rows:
        result.append(row)
        return result


def at_the_end(rows):
    result = []
    for row in rows:
        result.append(row)
    return result


def squeezed(x):
    return x.squeeze()


def through_another(x):
    return squeezed(x) + 1


class Squeezing(nn.Module):
    def forward(self, x):
        return torch.squeeze(x)


@pytest.mark.parametrize(
    ("message", "answer", "told"),
    [
        (ROW, too_early, ROW),
        (ROW, at_the_end, "only the first row is filled"),
        (LOST, squeezed, LOST),
        (LOST, through_another, LOST),
        (LOST, Squeezing, LOST),
        (LOST, Squeezing(), LOST),
        (LOST, at_the_end, "the batch is gone. It stays"),
        ("is `n_classes` used?", at_the_end, "is `n_classes` used?"),
        ("NaN: is there a division by zero?", at_the_end, "NaN: is there a division by zero?"),
        (LOST, 3, LOST),
    ],
)
def test_a_question_needs_a_reason_in_the_code(message, answer, told):
    assert without_unfounded_questions(message, answer) == told
