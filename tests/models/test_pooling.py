"""One vector for a sentence: its own words alone, in every type of number."""

import pytest
import torch

from mmcourse.models.pooling import last_states, max_over_time, mean_over_time

TOKENS = torch.tensor([[5, 6, 7], [8, 0, 0]])


def test_padding_takes_no_part():
    features = torch.tensor([[[1.0, 2, 6], [0, 0, 3]], [[4, 9, 9], [5, 9, 9]]])  # (B, C, T)
    assert mean_over_time(features, TOKENS).tolist() == [[3, 1], [4, 5]]
    assert max_over_time(features, TOKENS).tolist() == [[6, 3], [4, 5]]
    assert last_states(features.transpose(1, 2), torch.tensor([3, 1])).tolist() == [[6, 3], [4, 5]]
    features[1, :, 1:] = float("nan")
    assert mean_over_time(features, TOKENS).tolist() == [[3, 1], [4, 5]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_the_mean_of_a_long_text_neither_overflows_nor_drifts(dtype):
    features, tokens = torch.full((1, 2, 3_001), 50.0, dtype=dtype), torch.ones(1, 3_001, dtype=torch.int64)
    pooled = mean_over_time(features, tokens)
    assert pooled.dtype == dtype and pooled.tolist() == [[50, 50]]
