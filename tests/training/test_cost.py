"""What a step costs: bytes that can be counted by hand."""

import torch
from torch import nn

from mmcourse.models.attention import MultiHeadAttention
from mmcourse.training.cost import cost_of_a_step


def test_bytes_are_what_a_layer_keeps():
    model = nn.Sequential(nn.Linear(10, 20, bias=False), nn.Tanh())
    assert cost_of_a_step(model, torch.rand(7, 10)).bytes == 7 * 20 * 4, "tanh keeps its output; inputs do not count"


def test_parameters_and_inputs_do_not_count():
    assert cost_of_a_step(nn.Linear(1000, 1000), torch.rand(1, 1000)).bytes == 0


def test_attention_grows_with_the_square_of_the_length():
    class Look(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = MultiHeadAttention(8, 2)

        def forward(self, x):
            return self.attention(x)[0]

    short, long = (cost_of_a_step(Look(), torch.rand(1, length, 8)).bytes for length in (256, 512))
    assert 3.5 < long / short <= 4


def test_no_gradient_is_left_behind():
    model = nn.Linear(3, 3)
    assert cost_of_a_step(model, torch.rand(2, 3), repeats=1).seconds > 0
    assert model.weight.grad is None
