"""Batches in words: shapes and types, repeated parts counted; their tensors and examples."""

from collections import UserDict, namedtuple

import numpy
import pytest
import torch

from mmcourse.data.shapes import examples_in, is_table, shape_of, tensors_in

X, Y = torch.zeros(4, 2), torch.zeros(4, dtype=torch.int64)
Pair = namedtuple("Pair", "image label")


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (X, "(4, 2) float32"),
        ((X, Y), "(4, 2) float32, (4,) int64"),
        (Pair(X, Y), "(4, 2) float32, (4,) int64"),
        ([X, (X, Y)], "(4, 2) float32, [(4, 2) float32, (4,) int64]"),
        ((X, ["a"] * 64), "(4, 2) float32, [64 x str]"),
        ([[1, 2], [3]], "[int, int], [int]"),
        ({"image": X, "label": Y}, "{image: (4, 2) float32, label: (4,) int64}"),
        (UserDict(image=X), "{image: (4, 2) float32}"),
        (["a"] * 64, "64 x str"),
        (X.numpy(), "ndarray (4, 2) float32"),
        (None, "NoneType"),
        (dict, "class dict"),
        ([], "empty list"),
    ],
)
def test_names(value, name):
    assert shape_of(value) == name


def test_tensors_and_examples_of_nested_batches():
    assert [tensor is X for tensor in tensors_in({"a": (X, "text"), "b": [Y]})] == [True, False]
    assert examples_in((torch.tensor(3), {"a": X})) == 4
    assert examples_in(["text"]) == examples_in(numpy.zeros(3)) == 0


def test_only_tables_are_tables():
    assert not any(map(is_table, (X, {}, [], numpy.zeros(2), Pair(X, Y))))
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"a": [1]})
    assert is_table(table) and is_table(table.to_iterable_dataset())
    assert not is_table(datasets.DatasetDict(train=table))
