"""The networks of speech to text without pairs."""

import pytest
import torch

from mmcourse.models.unpaired import SegmentGenerator, SequenceDiscriminator, merge_repeated


def one_hot(rows, size=5):
    return torch.nn.functional.one_hot(torch.tensor(rows), size).float()


def test_a_kernel_of_one_classifies_each_segment_alone():
    generator = SegmentGenerator(6, 5)
    segments = torch.randn(2, 4, 6)
    order = torch.tensor([3, 1, 0, 2])
    assert torch.allclose(generator(segments)[:, order], generator(segments[:, order]), atol=1e-6)
    assert torch.allclose(generator(segments), segments @ generator.convolution.weight[:, :, 0].T, atol=1e-6)


def test_a_wider_kernel_sees_the_neighbours_and_no_more():
    generator, segments = SegmentGenerator(6, 5, kernel=3), torch.randn(1, 6, 6)
    changed = segments.clone()
    changed[0, 5] += 1
    differs = (generator(segments) != generator(changed)).any(dim=2)[0]
    assert differs.tolist() == [False] * 4 + [True, True]


def test_padding_has_no_influence_on_a_score():
    discriminator = SequenceDiscriminator(5, width=16)
    words = torch.rand(3, 7, 5)
    mask = torch.arange(7) < torch.tensor([[7], [4], [2]])
    other = torch.where(mask[..., None], words, torch.rand(3, 7, 5))
    assert torch.allclose(discriminator(words, mask), discriminator(other, mask), atol=1e-6)
    assert torch.allclose(discriminator(words, mask)[1], discriminator(words[1:2, :4], mask[1:2, :4])[0], atol=1e-6)


def test_the_order_of_words_matters_to_a_score():
    discriminator, mask = SequenceDiscriminator(5, width=16), torch.ones(1, 4, dtype=torch.bool)
    there, back = one_hot([[0, 1, 2, 3]]), one_hot([[3, 2, 1, 0]])
    assert not torch.allclose(discriminator(there, mask), discriminator(back, mask))


def test_repeated_words_become_one():
    logits = one_hot([[1, 1, 2, 2, 2, 1], [3, 4, 4, 0, 0, 0]]) * torch.tensor([1.0, 3, 1, 2, 3, 1])[None, :, None]
    mask = torch.arange(6) < torch.tensor([[6], [3]])
    merged, kept = merge_repeated(logits, mask)
    assert [row[k].tolist() for row, k in zip(merged.argmax(dim=2), kept, strict=True)] == [[1, 2, 1], [3, 4]]
    assert merged[0, :, :].max(dim=1).values.tolist() == [2.0, 2.0, 1.0]  # means of 1, 3; of 1, 2, 3; of 1


def test_nothing_to_merge_leaves_the_logits():
    logits = one_hot([[0, 1, 2], [2, 1, 0]])
    mask = torch.ones(2, 3, dtype=torch.bool)
    merged, kept = merge_repeated(logits, mask)
    assert torch.equal(merged, logits) and torch.equal(kept, mask)


def test_merging_carries_gradients():
    logits = torch.randn(2, 5, 4, requires_grad=True)
    merge_repeated(logits, torch.ones(2, 5, dtype=torch.bool))[0].square().sum().backward()
    assert (logits.grad != 0).all()


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="odd"):
        SegmentGenerator(6, 5, kernel=4)
    with pytest.raises(ValueError, match=r"expected \(B, T, 6\)"):
        SegmentGenerator(6, 5)(torch.zeros(4, 6))
    with pytest.raises(ValueError, match="one-hot"):
        SequenceDiscriminator(5)(torch.zeros(2, 3), torch.ones(2, 3, dtype=torch.bool))
    with pytest.raises(ValueError, match="only padding"):
        SequenceDiscriminator(5)(torch.zeros(2, 3, 5), torch.tensor([[True] * 3, [False] * 3]))
