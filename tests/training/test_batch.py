"""What fit, evaluate and predict say of things that are no model, no batches, no inputs; what they accept."""

from collections import namedtuple

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from mmcourse.data.batches import Batches
from mmcourse.training import evaluate, fit, predict

X, Y = torch.rand(12, 1, 4, 4), torch.arange(12) % 2
Pair = namedtuple("Pair", "image label")


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 2))


def loader(inputs, targets, **options):
    return DataLoader(list(zip(inputs, targets, strict=True)), **{"batch_size": 4, **options})


def refused(batches, message):
    for use in (lambda: fit(model(), batches, verbose=False), lambda: evaluate(model(), batches)):
        with pytest.raises(ValueError, match=message):
            use()


def test_namedtuples_and_lists_are_batches():
    for batch in (Pair(X, Y), [X, Y], (X, Y)):
        assert fit(model(), [batch], verbose=False).steps == 1
    pairs = DataLoader([Pair(x, y) for x, y in zip(X, Y, strict=True)], batch_size=5)
    assert fit(model(), pairs, epochs=2, verbose=False).steps == 6
    assert evaluate(model(), pairs) == evaluate(model(), Batches(X, Y))


def test_a_stream_of_no_known_length_is_told_how_to_have_one():
    class Endless(IterableDataset):
        def __iter__(self):
            return iter(zip(X, Y, strict=True))

    refused(DataLoader(Endless(), batch_size=5), r"type DataLoader, which has no length.*Endless, a __len__.*list")


def test_datasets_belong_into_a_loader():
    class Own(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, i):
            return X[i], Y[i]

    for dataset in (TensorDataset(X, Y), Own(), Subset(Own(), [0, 1])):
        refused(dataset, rf"A {type(dataset).__name__} goes into a DataLoader: DataLoader\(dataset, batch_size=64")
    assert fit(model(), DataLoader(Own(), batch_size=5), verbose=False).steps == 3


def test_rows_and_batches_with_names():
    datasets = pytest.importorskip("datasets")
    table = datasets.Dataset.from_dict({"image": X.tolist(), "label": Y.tolist()})
    refused(table, r"columns image, label.*make a tensor of each column, then Batches\(image, label\)")
    refused(datasets.DatasetDict(train=table), "keys train")
    rows = DataLoader(table.with_format("torch"), batch_size=4)
    refused(rows, r"batch \{image: \(4, 1, 4, 4\) float32, label: \(4,\) int64\}.*Batches\(image, label\).*collate_fn")
    columns = table.with_format("torch")
    assert fit(model(), Batches(columns["image"], columns["label"]), verbose=False).steps == 1


def test_images_texts_and_words_as_labels():
    image = pytest.importorskip("PIL.Image").new("L", (4, 4))
    words = ["cat", "dog"] * 6
    refused(loader([image] * 12, Y), "PIL images have to become tensors.*pil_to_tensor")
    refused([([image] * 12, Y)], r"12 x Image.*pil_to_tensor")
    refused(
        loader(X, words), r"\[4 x str\], whose last part, the target, is not a tensor.*class numbers: names = sorted"
    )
    refused(loader(words, Y), r"inputs of shape \[4 x str\].*Strings have to become tokens")
    refused(loader(X, [None] * 12), "None: a missing value")
    refused([(X.numpy(), Y)], r"ndarray \(12, 1, 4, 4\) float32.*torch\.from_numpy")
    refused([(X, Y.numpy())], r"the target, is not a tensor.*torch\.from_numpy")
    refused([(X, Y.tolist())], r"torch\.tensor\(target\)")


@pytest.mark.parametrize("workers", [0, 1])
def test_examples_of_different_shapes(workers):
    images = [torch.rand(1, 4, 4 + i % 2) for i in range(12)]
    refused(
        loader(images, Y, num_workers=workers),
        r"cannot put into a batch\. Examples of different shapes: resize.*got \[1, 4, 4\] at entry 0 and \[1, 4, 5\]",
    )


def test_errors_of_the_data_itself_pass_unchanged():
    class Broken(Dataset):
        def __len__(self):
            return 12

        def __getitem__(self, i):
            raise RuntimeError("file 3 is damaged")

    for use in (fit, evaluate):
        with pytest.raises(RuntimeError, match="^file 3 is damaged$"):
            use(model(), DataLoader(Broken(), batch_size=4))


@pytest.mark.slow
def test_what_is_no_batches():
    refused(X, r"got \(12, 1, 4, 4\) float32.*Batches\(inputs, target\)")
    refused((X, Y), r"got \(12, 1, 4, 4\) float32, \(12,\) int64.*Batches\(inputs, target\)")
    refused(X.numpy(), "ndarray")
    refused({"train": Batches(X, Y)}, "keys train")
    refused(Batches, r"got class Batches.*an instance of it: Batches\(\.\.\.\)")
    refused("data/train", "got str.*A path or name")
    refused(object(), "type object, which has no length.*cannot be iterated")
    refused(list(zip(X, Y, strict=True)), r"one example \(\(1, 4, 4\) float32\) and not a batch: DataLoader\(examples")
    refused(list(zip(X, Y.tolist(), strict=True)), "one example")
    refused([(X, torch.zeros(0))], "empty batch")
    with pytest.raises(ValueError, match=r"^fit\(valid=\.\.\.\) got .*Batches\(inputs, target\)"):
        fit(model(), Batches(X, Y), valid=(X, Y), verbose=False)
    for valid, message in [(torch.nn.functional.cross_entropy, "loss=..., optim"), (5, "epochs=...")]:
        with pytest.raises(ValueError, match=rf"^fit\(valid=\.\.\.\) got .* is given by name: {message}"):
            fit(model(), Batches(X, Y), valid, verbose=False)
    refused(loader(X, Y, drop_last=True, batch_size=64), r"drop_last=True drops its 12 examples, fewer than")
    with pytest.raises(ValueError, match="The model is the first argument"):
        fit(model(), model())


@pytest.mark.parametrize("use", [fit, evaluate, lambda model, batches: predict(model, X)])
def test_what_is_no_model(use):
    with pytest.raises(ValueError, match=r"got the class Linear; expected a model, an .*: Linear\(\.\.\.\)"):
        use(nn.Linear, Batches(X, Y))
    with pytest.raises(ValueError, match="model of type function; expected an nn.Module as first argument"):
        use(lambda x: x, Batches(X, Y))


def test_what_predict_does_not_take():
    for inputs, message in [
        (Batches(X, Y), "Batches at position 0.*inputs alone.*evaluate"),
        (X.numpy(), r"torch\.from_numpy"),
        (["a film"], "Strings have to become tokens"),
        (None, "None"),
        ((X, X[:5]), r"\(12, 1, 4, 4\) float32, \(5, 1, 4, 4\) float32; expected one row for each"),
        ((), "0 examples"),
        (X[:0], "0 examples"),
        (torch.tensor(3.0), "0 examples|one row"),
    ]:
        with pytest.raises(ValueError, match=f"^predict got .*(?:{message})"):
            predict(model(), inputs)
    with pytest.raises(ValueError, match="predict got size=0"):
        predict(model(), X, size=0)
