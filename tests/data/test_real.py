"""Real data: found where it is, refused where it is broken, missed with grace. No test here uses the network."""

import io
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace

import numpy
import pyarrow
import pyarrow.parquet
import pytest
import soundfile
import torch
from PIL import Image

from mmcourse import cli, settings
from mmcourse.data import catalogue, hub, real

ROWS = 40


def png(seed, size=(28, 28), mode="L"):
    pixels = numpy.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, "PNG")
    return file.getvalue()


def wav(seed, channels=1, rate=8000):
    samples = numpy.random.default_rng(seed).uniform(-0.5, 0.5, (400 + seed, channels))
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_16")
    return file.getvalue()


def rows(name, first=0, count=ROWS):
    """A small table in the layout of the real one."""
    numbers = range(first, first + count)
    digits = [number % 10 for number in numbers]
    match name:
        case "mnist":
            return {"image": [{"bytes": png(number), "path": None} for number in numbers], "label": digits}
        case "free_spoken_digits":
            people = ["george", "jackson", "lucas", "nicolas", "theo", "yweweler"]
            speakers = [people[number % 6] for number in numbers]
            paths = [f"{digit}_{speaker}_7.wav" for digit, speaker in zip(digits, speakers, strict=True)]
            audio = [{"bytes": wav(number), "path": path} for number, path in zip(numbers, paths, strict=True)]
            return {"audio": audio, "label": digits, "speaker": speakers, "index": [7] * count}
        case "movie_reviews":
            return {"text": [f"film {number}" for number in numbers], "label": [number % 2 for number in numbers]}
        case "wnut_17":
            return {"tokens": [["visit", f"town{n}"] for n in numbers], "ner_tags": [[0, 7] for _ in numbers]}


def write(path, columns):
    path.parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path)


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """No network, no hub cache, no local folder, and data sets of forty rows."""
    monkeypatch.delenv("MMCOURSE_DATA", raising=False)
    monkeypatch.delenv("MMCOURSE_STRICT", raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    attempts = []

    def refuse(*arguments, **_):
        attempts.append(arguments)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    small = {name: replace(source, rows=dict.fromkeys(source.rows, ROWS)) for name, source in catalogue.SOURCES.items()}
    monkeypatch.setattr(real, "SOURCES", small)
    return attempts


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    root = tmp_path_factory.mktemp("prepared")
    for name in real.NAMES:
        for position, split in enumerate(catalogue.SOURCES[name].rows):
            write(root / name / f"{split}-00000-of-00001.parquet", rows(name, 1000 * position))
    return root


@pytest.fixture
def folder(prepared, monkeypatch, tmp_path):
    """A local folder with every data set."""
    root = shutil.copytree(prepared, tmp_path / "data")
    monkeypatch.setenv("MMCOURSE_DATA", str(root))
    return root


def in_cache(tmp_path, name, split, columns, position=0):
    """Put a file where the hub's client would have put it, under the revision at this place of the list."""
    source = catalogue.SOURCES[name]
    home = tmp_path / "hub" / f"datasets--{source.repository.replace('/', '--')}"
    commit = source.revisions[position]
    if position:  # a branch: the cache keeps the commit it stood for
        commit = "0" * 40
        (home / "refs" / source.revisions[position]).parent.mkdir(parents=True, exist_ok=True)
        (home / "refs" / source.revisions[position]).write_text(commit)
    path = home / "snapshots" / commit / source.file.format(split=split)
    write(path, columns)
    return path


# What is there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", real.NAMES)
def test_a_local_folder_is_read_without_a_thought_of_the_network(name, folder, alone):
    source = catalogue.SOURCES[name]
    for split in source.rows:
        dataset = real.load(name, split)
        assert (dataset.column_names, len(dataset)) == (list(source.columns), ROWS)
        assert str(dataset.split) == split
    assert real.where(name) == folder / name
    assert real.available(name) and not alone


@pytest.mark.parametrize("position", [0, 1])
@pytest.mark.parametrize("name", real.NAMES)
def test_the_hubs_cache_gives_the_same_columns_and_types(name, position, folder, tmp_path, monkeypatch, alone):
    """As the hub has them: no speaker and index for the digits, an id too many for the entities."""
    local = real.load(name, "test")
    columns = rows(name, 1000 * (len(catalogue.SOURCES[name].rows) - 1))
    columns.pop("speaker", None), columns.pop("index", None)
    columns["id"] = list(map(str, range(ROWS)))
    path = in_cache(tmp_path, name, "test", columns, position)
    monkeypatch.delenv("MMCOURSE_DATA")
    cached = real.load(name, "test")
    assert cached.features == local.features
    assert cached.with_format("arrow")[:].equals(local.with_format("arrow")[:])
    assert real.available(name, "test") and not real.available(name)
    assert path.is_file() and not alone


def test_the_local_folder_goes_before_the_cache(folder, tmp_path):
    in_cache(tmp_path, "movie_reviews", "train", rows("movie_reviews", 5000))
    assert real.load("movie_reviews")["text"][0] == "film 0"


def test_valid_is_another_word_for_validation(folder):
    assert real.load("wnut_17", "valid")["tokens"] == real.load("wnut_17", "validation")["tokens"]


def test_unknown_names_and_splits_are_told_the_known_ones():
    with pytest.raises(ValueError, match="'cifar'; known: mnist, free_spoken_digits, movie_reviews, wnut_17"):
        real.load("cifar")
    with pytest.raises(ValueError, match="free_spoken_digits has no split 'validation'; it has train, test"):
        real.load("free_spoken_digits", "valid")


def test_a_split_in_several_files_is_read_in_order(folder):
    whole = folder / "movie_reviews" / "train-00000-of-00001.parquet"
    whole.unlink()
    for part in range(2):
        write(whole.with_name(f"train-0000{part}-of-00002.parquet"), rows("movie_reviews", 20 * part, 20))
    assert real.available("movie_reviews")
    assert list(real.load("movie_reviews")["text"]) == rows("movie_reviews")["text"]
    whole.with_name("train-00001-of-00002.parquet").unlink()
    assert not real.available("movie_reviews")
    with pytest.raises(real.BrokenFile, match="1 of the 2 files of the split train"):
        real.load("movie_reviews")


# What is not there -----------------------------------------------------------------------------------------------


def test_no_network_and_no_copy_is_one_attempt_and_an_error_that_helps(alone, monkeypatch):
    monkeypatch.setattr("huggingface_hub.hf_hub_download", lambda *_, **__: pytest.fail("the client was asked"))
    with pytest.raises(real.NotAvailable) as error:
        real.load("mnist")
    assert "mmcourse data get mnist\n" in str(error.value) and "MMCOURSE_DATA" in str(error.value)
    assert "Name or service not known" in str(error.value)
    assert len(alone) <= 1


def test_a_network_that_swallows_everything_is_given_up(monkeypatch):
    """A server that accepts and never answers: the wait has an end, and the client is not asked."""
    monkeypatch.undo()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        reason = hub.why_unreachable(0.2)
    assert reason and "127.0.0.1" in reason


@pytest.mark.parametrize("variable", ["HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"])
def test_an_offline_switch_is_respected(variable, monkeypatch, alone):
    monkeypatch.setenv(variable, "1")
    with pytest.raises(real.NotAvailable, match=f"{variable} is set"):
        real.load("wnut_17", "test")
    assert not alone


def test_a_folder_without_the_splits_files_is_not_taken_for_data(folder, alone):
    (folder / "mnist" / "test-00000-of-00001.parquet").unlink()
    (folder / "mnist" / "test.txt").touch()
    (folder / "mnist" / ".test-00000-of-00001.parquet.77.part").touch()
    assert real.where("mnist") is None and not real.available("mnist", "test") and real.available("mnist", "train")
    with pytest.raises(real.NotAvailable, match=r"mnist has no file test-\*\.parquet"):
        real.load("mnist", "test")


def test_a_lesson_goes_on_without_and_a_strict_run_does_not(monkeypatch, capsys):
    assert real.load_or_explain("mnist", "test") is None
    said = capsys.readouterr().out
    assert "mmcourse data get mnist" in said and "Picture Book" in said
    monkeypatch.setenv("MMCOURSE_STRICT", "1")
    with pytest.raises(real.NotAvailable):
        real.load_or_explain("mnist", "test")


def test_the_description_names_every_set_its_source_and_its_place(folder):
    text = real.describe()
    for source in catalogue.SOURCES.values():
        assert source.repository in text and str(folder / source.name) in text


@pytest.fixture
def locked(monkeypatch):
    """A way to lock folders, for root too: to look into them is a PermissionError."""
    folders = []

    def lock(folder):
        folders.append(str(folder))

    for name in ("listdir", "scandir", "stat"):
        original = getattr(os, name)

        def look(path=".", *arguments, original=original, **options):
            if str(path).startswith(tuple(folders)) and folders:
                raise PermissionError(13, "Permission denied", str(path))
            return original(path, *arguments, **options)

        monkeypatch.setattr(os, name, look)
    return lock


def test_a_folder_that_cannot_be_read_is_no_copy_and_is_named(folder, locked, capsys, monkeypatch):
    locked(folder / "mnist")
    assert real.where("mnist") is None and not real.available("mnist", "test")
    assert real.where("wnut_17") == folder / "wnut_17"
    assert cli.main(["data", "list"]) == 0
    assert f"{folder / 'mnist'} cannot be read (Permission denied)" in capsys.readouterr().out
    with pytest.raises(real.BrokenFile, match="MMCOURSE_DATA to a folder of your own"):
        real.load("mnist", "test")
    assert real.load_or_explain("mnist", "test") is None
    assert "Permission denied" in capsys.readouterr().out


def test_a_cache_that_cannot_be_read_is_no_copy_and_is_named(monkeypatch, capsys):
    def refuse(*_):
        raise PermissionError(13, "Permission denied", "/caches/hub")

    monkeypatch.setattr(hub, "cached", refuse)
    assert real.where("mnist") is None and not real.available("mnist")
    assert "/caches/hub cannot be read (Permission denied)" in real.describe()
    assert real.load_or_explain("mnist") is None
    assert "HF_HOME" in capsys.readouterr().out


# What is broken --------------------------------------------------------------------------------------------------


def damage(path, kind):
    content = path.read_bytes()
    match kind:
        case "empty":
            path.write_bytes(b"")
        case "half":
            path.write_bytes(content[: len(content) // 2])
        case "middle":
            path.write_bytes(content[:50] + bytes(len(content) - 100) + content[-50:])
        case "no parquet":
            path.write_bytes(b"<html>404</html>")
        case "pickle":
            path.write_bytes(b"\x80\x04cos\nsystem\n(S'touch pwned'\ntR.")
        case "columns":
            write(path, {"picture": [1] * ROWS})
        case "types":
            write(path, {"image": ["seven"] * ROWS, "label": [0] * ROWS})
        case "classes":
            write(path, rows("mnist") | {"label": [11] * ROWS})
        case "gaps":
            write(path, rows("mnist") | {"label": [None] + [0] * (ROWS - 1)})
        case "rows":
            write(path, rows("mnist", 0, ROWS // 2))


KINDS = ["empty", "half", "middle", "no parquet", "pickle", "columns", "types", "classes", "gaps", "rows"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_file_is_named_with_the_cure(kind, folder):
    path = folder / "mnist" / "train-00000-of-00001.parquet"
    damage(path, kind)
    with pytest.raises(real.BrokenFile) as error:
        real.load("mnist")
    assert error.value.path == path
    assert str(path) in str(error.value) and f"mmcourse data get mnist --into {folder}" in str(error.value)


@pytest.mark.parametrize("kind", ["empty", "half", "columns"])
def test_a_broken_file_in_the_cache_is_named_too(kind, tmp_path):
    path = in_cache(tmp_path, "mnist", "train", rows("mnist"))
    damage(path, kind)
    with pytest.raises(real.BrokenFile, match="mmcourse data get mnist") as error:
        real.load("mnist")
    assert error.value.path == path


def test_classes_in_another_order_are_refused(folder):
    """Read as numbers, they would give a model that is right about everything and scored as wrong."""
    path = folder / "movie_reviews" / "train-00000-of-00001.parquet"
    real.load("movie_reviews").to_parquet(path)
    assert len(real.load("movie_reviews")) == ROWS
    table = pyarrow.parquet.read_table(path)
    features = table.schema.metadata[b"huggingface"].replace(b'["neg", "pos"]', b'["pos", "neg"]')
    pyarrow.parquet.write_table(table.replace_schema_metadata({b"huggingface": features}), path)
    with pytest.raises(real.BrokenFile, match="classes pos, neg; expected neg, pos"):
        real.load("movie_reviews")


def test_tokens_and_tags_must_pair_up(folder):
    columns = rows("wnut_17")
    columns["ner_tags"][3] = [0]
    write(folder / "wnut_17" / "train-00000-of-00001.parquet", columns)
    with pytest.raises(real.BrokenFile, match="tokens and tags differ"):
        real.load("wnut_17")


def test_digits_whose_speaker_nobody_knows_are_refused(folder):
    columns = rows("free_spoken_digits")
    del columns["speaker"], columns["index"]
    columns["audio"][5]["path"] = None
    write(folder / "free_spoken_digits" / "train-00000-of-00001.parquet", columns)
    with pytest.raises(real.BrokenFile, match="lacks the columns speaker, index"):
        real.load("free_spoken_digits")


def test_a_version_with_a_few_more_rows_is_read_with_a_warning(folder):
    write(folder / "movie_reviews" / "train-00000-of-00001.parquet", rows("movie_reviews", 0, ROWS + 1))
    with pytest.warns(UserWarning, match="41 rows, not 40: another version"):
        assert len(real.load("movie_reviews")) == ROWS + 1


# Fetching --------------------------------------------------------------------------------------------------------


@pytest.fixture
def online(monkeypatch, tmp_path):
    """A hub of forty rows a split; gives the list of what was asked of it."""
    asked = []

    def download(repository, filename, revisions, force=False):
        asked.append((filename, force))
        source = next(source for source in catalogue.SOURCES.values() if source.repository == repository)
        split = next(split for split in source.rows if source.file.format(split=split) == filename)
        return in_cache(tmp_path, source.name, split, rows(source.name, 1000 * list(source.rows).index(split)))

    monkeypatch.setattr(hub, "why_unreachable", lambda seconds: None)
    monkeypatch.setattr(hub, "download", download)
    return asked


@pytest.mark.parametrize("name", real.NAMES)
def test_get_fetches_once_and_then_only_checks(name, online):
    splits = catalogue.SOURCES[name].rows
    files = real.get(name)
    assert len(online) == len(files) == len(splits)
    assert real.where(name) == "cache"
    assert real.get(name) == files and len(online) == len(splits)
    assert real.load(name).num_rows == ROWS


def test_get_fetches_a_broken_cached_file_again(online):
    first = real.get("mnist")[0]
    damage(first, "half")
    assert real.get("mnist")[0] == first
    assert online[-1] == ("mnist/train-00000-of-00001.parquet", True)


def test_get_into_a_folder_makes_a_folder_for_another_machine(online, tmp_path, monkeypatch):
    target = tmp_path / "carry"
    files = real.get("free_spoken_digits", into=target)
    assert sorted(target.rglob("*")) == sorted([target / "free_spoken_digits", *files])  # nothing half-written is left
    monkeypatch.setenv("MMCOURSE_DATA", str(target))
    monkeypatch.setattr(hub, "cached", lambda *_: None)
    assert real.where("free_spoken_digits") == target / "free_spoken_digits"
    assert real.load("free_spoken_digits", "test")[0]["audio"]["bytes"] == wav(1000)
    before = len(online)
    real.get("free_spoken_digits", into=target)
    assert len(online) == before
    damage(files[0], "half")
    real.get("free_spoken_digits", into=target)
    assert len(online) == before + 1 and real.load("free_spoken_digits").num_rows == ROWS


def test_get_does_not_delete_what_lies_in_someones_own_folder(online, folder):
    path = folder / "mnist" / "train-00000-of-00001.parquet"
    damage(path, "half")
    with pytest.raises(real.BrokenFile, match="Delete it"):
        real.get("mnist")
    assert path.is_file() and not online


def test_get_without_a_network_says_so():
    with pytest.raises(real.NotAvailable, match="Name or service not known"):
        real.get("mnist")


def test_a_pinned_revision_that_is_gone_gives_way_to_the_branch(monkeypatch):
    from huggingface_hub.errors import RevisionNotFoundError

    asked = []

    class Gone(RevisionNotFoundError):
        def __init__(self):  # the parent's wants the reply of whichever client this version of the hub's package uses
            Exception.__init__(self, "gone")

        def __str__(self):
            return "gone"

    def hf_hub_download(repository, filename, revision, **_):
        asked.append(revision)
        if len(revision) == 40:
            raise Gone
        return "/somewhere"

    monkeypatch.setattr("huggingface_hub.hf_hub_download", hf_hub_download)
    source = catalogue.SOURCES["wnut_17"]
    assert str(hub.download(source.repository, "file", source.revisions)).endswith("somewhere")
    assert asked == list(source.revisions)
    with pytest.raises(ConnectionError, match="leondz/wnut_17/file could not be fetched: gone"):
        hub.download(source.repository, "file", source.revisions[:1])


# Decoding --------------------------------------------------------------------------------------------------------


def test_pictures_are_what_the_files_show(folder):
    dataset = real.load("mnist")
    images, labels = real.images(dataset)
    assert (images.shape, images.dtype, labels.dtype) == ((ROWS, 1, 28, 28), torch.float32, torch.int64)
    for number in (0, 17):
        expected = numpy.asarray(dataset[number]["image"], dtype=numpy.float32) / 255
        assert torch.equal(images[number, 0], torch.from_numpy(expected))
    assert labels.tolist() == dataset["label"][:]
    some, their = real.images(dataset.select([9, 3]))
    assert torch.equal(some, images[[9, 3]]) and their.tolist() == [9, 3]
    assert real.images(dataset.select([]))[0].shape == (0, 1, 28, 28)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no image", "row 1 holds no image"),
        (png(0)[:60], "row 1 holds no image"),
        (png(0, (32, 28)), "row 1 is a 32x28 image of mode L"),
        (png(0, mode="RGB"), "28x28 image of mode RGB"),
    ],
)
def test_what_is_no_picture_is_named_by_its_row(content, message, folder):
    columns = rows("mnist")
    columns["image"][1]["bytes"] = content
    write(folder / "mnist" / "train-00000-of-00001.parquet", columns)
    with pytest.raises(ValueError, match=message):
        real.images(real.load("mnist"))


def test_pictures_of_another_data_set_are_refused(folder):
    with pytest.raises(ValueError, match="columns image and label"):
        real.images(real.load("movie_reviews"))


def test_sound_is_what_was_recorded(folder):
    samples, rate = real.sound(real.load("free_spoken_digits")[3])
    expected, _ = soundfile.read(io.BytesIO(wav(3)), dtype="float32")
    assert rate == 8000 and torch.equal(samples, torch.from_numpy(expected))
    both = soundfile.read(io.BytesIO(wav(3, channels=2)), dtype="float32")[0].mean(axis=1)
    assert torch.allclose(real.sound({"bytes": wav(3, channels=2), "path": None})[0], torch.from_numpy(both))


@pytest.mark.parametrize("example", [{"label": 3}, {"audio": None}, "7_theo_3.wav", None])
def test_what_has_no_sound_is_refused(example):
    with pytest.raises(ValueError, match="sound expects one row"):
        real.sound(example)


def test_sound_that_cannot_be_read_is_named():
    with pytest.raises(ValueError, match="7_theo_3.wav cannot be read as sound"):
        real.sound({"audio": {"bytes": b"nothing", "path": "7_theo_3.wav"}})


def test_importing_the_module_loads_nothing_heavy():
    heavy = {"datasets", "huggingface_hub", "pyarrow", "PIL", "soundfile", "torch"}
    code = f"import sys, mmcourse.data.real; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


# The data sets themselves ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def copies():
    """Whole data sets from MMCOURSE_DATA, each split read once."""
    read = {}

    def copy(name, split):
        if (name, split) not in read:
            read[name, split] = real.load(name, split)
        return read[name, split]

    return copy


@pytest.fixture
def whole(monkeypatch, request):
    """`load` for the data sets as they are; skipped where there is no copy, failed where that is not allowed."""
    monkeypatch.undo()
    copies = request.getfixturevalue("copies")
    name = request.node.callspec.params.get("name") if hasattr(request.node, "callspec") else None
    for each in [name] if name else real.NAMES:
        if settings.data_folder() is None or real.where(each) is None:
            reason = f"no copy of {each}: 'mmcourse data get {each} --into FOLDER', then set MMCOURSE_DATA=FOLDER"
            (pytest.fail if settings.strict("data") else pytest.skip)(reason)
    return copies


def same(dataset, name):
    """What makes two examples the same: the pixels, the samples, the words without regard to case."""
    match name:
        case "mnist":
            return [image.tobytes() for image in real.images(dataset)[0].mul(255).round().byte().numpy()]
        case "free_spoken_digits":
            return [real.sound(row)[0].numpy().tobytes() for row in dataset]
        case "movie_reviews":
            return [" ".join(text.lower().split()) for text in dataset["text"]]
        case "wnut_17":
            return [" ".join(tokens).lower() for tokens in dataset["tokens"]]


@pytest.mark.realdata
@pytest.mark.parametrize("name", real.NAMES)
def test_no_example_stands_on_both_sides_of_a_split(name, whole):
    """Measured on the verified copies: none of any set is shared (within its training split, WNUT17 repeats some)."""
    seen = {split: set(same(whole(name, split), name)) for split in catalogue.SOURCES[name].rows}
    for one in seen:
        for other in seen:
            if one < other:
                assert not seen[one] & seen[other], f"{one} and {other} share examples"


@pytest.mark.realdata
@pytest.mark.parametrize("name", real.NAMES)
def test_the_copies_have_the_known_rows_and_every_class(name, whole):
    source = catalogue.SOURCES[name]
    for split, count in source.rows.items():
        dataset = whole(name, split)
        assert len(dataset) == count
        numbers = numpy.concatenate([numpy.atleast_1d(cell) for cell in dataset[source.target]])
        assert set(numbers.tolist()) == set(range(len(source.classes)))


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["free_spoken_digits"])
def test_six_people_speak_every_digit(name, whole):
    people = {"george", "jackson", "lucas", "nicolas", "theo", "yweweler"}
    for split in ("train", "test"):
        dataset = whole(name, split)
        spoken = set(zip(dataset["speaker"], dataset["label"], strict=True))
        assert spoken == {(person, digit) for person in people for digit in range(10)}
    assert set(whole(name, "test")["index"]) == {0, 1, 2, 3, 4}
    assert not set(whole(name, "train")["index"]) & {0, 1, 2, 3, 4}


@pytest.mark.realdata
@pytest.mark.parametrize("name", real.NAMES)
def test_a_fast_run_reads_a_few_rows_of_every_class(name, whole, monkeypatch):
    everything = whole(name, "train")
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    few, source = real.load(name, "train"), catalogue.SOURCES[name]
    assert len(few) == settings.FAST_EXAMPLES < len(everything) and few.features == everything.features
    assert few[0][source.target] == everything[0][source.target]
    if name != "wnut_17":
        assert set(few[source.target]) == set(everything[source.target])
    if name == "free_spoken_digits":
        assert set(few["speaker"]) == set(everything["speaker"])
