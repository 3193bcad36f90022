"""What a learner has becomes a tensor, or a message says how: lists, arrays, columns, images, strings, tables."""

import numpy
import pytest
import torch
from torch.utils.data import TensorDataset

from mmcourse.data.conversion import how_to_convert, to_tensor

X = torch.rand(3, 2, 2)


@pytest.mark.parametrize(
    "value",
    [X, X.numpy(), X.tolist(), list(X), tuple(X), list(X.numpy()), numpy.asarray(X.tolist(), numpy.float32)],
    ids=["tensor", "array", "list", "list of tensors", "tuple of tensors", "list of arrays", "copy"],
)
@pytest.mark.filterwarnings("ignore:Creating a tensor from a list of numpy")
def test_the_same_numbers_whatever_holds_them(value):
    assert torch.equal(to_tensor(value, "Batches"), X)


@pytest.mark.filterwarnings("error")
def test_arrays_that_cannot_be_written_to_are_copied():
    array = numpy.arange(4)
    array.flags.writeable = False
    assert to_tensor(array, "Batches").tolist() == [0, 1, 2, 3]


def test_columns_of_pandas_go_by_position_whatever_their_index():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "label": [0, 1]}, index=[5, 6])
    assert to_tensor(frame[["a", "b"]], "Batches").tolist() == [[1, 3], [2, 4]]
    assert to_tensor(frame["label"], "Batches").tolist() == [0, 1]
    with pytest.raises(ValueError, match="Batches got DataFrame.*Strings have to become tokens"):
        to_tensor(frame.assign(b="x"), "Batches")


def test_columns_of_a_datasets_table():
    table = pytest.importorskip("datasets").Dataset.from_dict({"values": [[1.0, 2.0], [3.0, 4.0]], "label": [1, 0]})
    assert to_tensor(table["values"], "Batches").tolist() == [[1, 2], [3, 4]]
    assert to_tensor(table.with_format("torch")["label"], "Batches").tolist() == [1, 0]
    with pytest.raises(ValueError, match=r"columns values, label.*Batches\(values, label\).*collate_fn"):
        to_tensor(table, "Batches")


def test_what_cannot_be_converted_says_how():
    image = pytest.importorskip("PIL.Image").new("L", (2, 2))
    for value, target, message in [
        (["cat", "dog"], True, r"class numbers: names = sorted\(set\(labels\)\)"),
        (["a film", "a play"], False, r"tokens: vocabulary = Vocabulary\.of\(training_texts\)"),
        ([["a", "film"], ["play"]], False, "tokens: vocabulary"),
        (numpy.array(["cat", "dog"]), True, "class numbers"),
        ([image, image], False, r"pil_to_tensor\(image\)\.float\(\) / 255"),
        (image, False, "pil_to_tensor"),
        ([X[0], X[0, :1]], False, r"different shapes: resize images.*pad sequences.*\(2, 2\) and \(1, 2\)"),
        ([[1, 2], [3]], False, r"different shapes.*\(2,\) and \(1,\)"),
        ([1, None], False, "None: a missing value"),
        (None, True, "None: a missing value"),
        (TensorDataset(X), False, r"DataLoader\(dataset, batch_size=64, shuffle=True\)"),
        ({"image": X, "label": X}, False, "one by one; it has the keys image, label"),
        (object(), False, "got object.*The conversion failed: Could not infer dtype of object"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            to_tensor(value, "Batches", " at position 1", target)
        assert str(caught.value).startswith("Batches got ") and " at position 1; expected a tensor" in str(caught.value)


def test_nothing_is_said_of_what_is_fine():
    assert how_to_convert([X, (X, [1, 2.5, True])]) == ""
    assert "torch.from_numpy" in how_to_convert([X, X.numpy()])
