"""The doctor: judged on facts made by hand, then once on this machine."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mmcourse import doctor, facts
from mmcourse.facts import LIBRARIES, NOTEBOOK_PARTS, Facts, Library

ROOT = Path(__file__).resolve().parents[1]


def healthy(**changes) -> Facts:
    """A machine that can run everything, with changes."""
    libraries = {name: Library("1.0") for name in (*LIBRARIES, *NOTEBOOK_PARTS)}
    libraries["torch"] = Library("2.14.0", cuda="13.0")
    libraries["torchvision"] = Library("0.29.2", cuda="13.2")
    libraries["torchaudio"] = Library("2.11.0", cuda="13.0")
    libraries |= changes.pop("libraries", {})
    return replace(
        Facts(
            python=(3, 11, 7),
            libraries=libraries,
            device="CPU",
            memory_free=8e9,
            cores=2,
            disk_free=50e9,
            work="/home/me/course/work",
            broken_files={},
            shipped_files=9,
            real_data={"mnist": "/data/mnist"},
            install=".venv/bin/python -m pip install",
        ),
        **changes,
    )


def stops(machine: Facts) -> list[doctor.Finding]:
    return [finding for finding in doctor.examine(machine) if finding.stops]


def test_a_healthy_machine_has_nothing_to_do():
    findings = doctor.examine(healthy())
    assert [finding.fix for finding in findings] == [""] * len(findings)
    assert all(str(finding).startswith("ok ") for finding in findings)


def test_torch_newer_than_torchaudio_is_found_and_explained():
    refusal = "RuntimeError: Detected that PyTorch and TorchAudio were compiled with different CUDA versions."
    machine = healthy(
        libraries={
            "torch": Library("2.15.0", cuda="13.2"),
            "torchaudio": Library("2.11.0", cuda="13.0", error=refusal),
        }
    )
    (finding,) = stops(machine)
    assert finding.subject == "torchaudio"
    for part in ("2.15.0", "CUDA 13.2", "2.11.0", "CUDA 13.0", f".venv/bin/python -m pip install {doctor.GOOD_SET}"):
        assert part in str(finding)
    assert "Traceback" not in str(finding)


def test_the_set_it_recommends_is_the_verified_one():
    verified = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    assert set(doctor.GOOD_SET.split()) <= set(verified)


@pytest.mark.parametrize(
    "torch, torchvision, torchaudio, at_fault",
    [
        (Library("2.14.0", "13.0"), Library("0.29.2", "13.2"), Library("2.11.0", "13.0"), []),
        (Library("2.15.0", "13.2"), Library("0.29.2", "13.2"), Library("2.11.0", "13.0"), ["torchaudio"]),
        (Library("2.14.0", "13.0"), Library("0.29.2", "12.8"), Library("2.11.0", "13.0"), ["torchvision"]),
        (Library("2.14.0"), Library("0.29.2"), Library("2.11.0"), []),  # built for the CPU, as conda's are
        (Library("2.9.1"), Library("0.24.1", torch_pin="2.9.1"), Library("2.8.0", torch_pin="2.8.0"), ["torchaudio"]),
        (Library("2.9.1+cu128"), Library("0.24.1", torch_pin="2.9.1"), Library("2.9.1", torch_pin="2.9.1"), []),
        (Library("2.14.0"), Library("0.29.2", error="OSError: libcudart.so.13"), Library("2.11.0"), ["torchvision"]),
        (Library("2.14.0"), Library(None), Library("2.11.0"), ["torchvision"]),
    ],
)
def test_which_of_the_three_is_at_fault(torch, torchvision, torchaudio, at_fault):
    machine = healthy(libraries={"torch": torch, "torchvision": torchvision, "torchaudio": torchaudio})
    assert [finding.subject for finding in stops(machine)] == at_fault


@pytest.mark.parametrize(
    "changes, subject, command",
    [
        ({"python": (3, 10, 4)}, "Python", "make lab PYTHON="),
        ({"python": (3, 14, 0)}, "Python", "make lab PYTHON="),
        ({"libraries": {"anywidget": Library(None)}}, "notebooks", "pip install anywidget"),
        ({"libraries": {"datasets": Library(None), "numpy": Library(None)}}, "libraries", "pip install numpy datasets"),
        ({"libraries": {"soundfile": Library("0.14", error="OSError: no sndfile")}}, "libraries", "--force-reinstall"),
        ({"memory_free": 1.5e9}, "memory", "Close other programs"),
        ({"disk_free": 2e8}, "disk", "MMCOURSE_WORK="),
        ({"broken_files": {"voices.ogg": "missing"}}, "data files", "git restore data"),
        ({"broken_files": {"voices.ogg": "missing"}, "checkout": False}, "data files", "--no-deps mmcourse"),
    ],
)
def test_what_stops_a_lesson_comes_with_what_to_do(changes, subject, command):
    (finding,) = stops(healthy(**changes))
    assert finding.subject == subject
    assert command in finding.fix


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"cores": 1}, "twice the stated minutes"),
        ({"real_data": {"mnist": None}}, "mmcourse data get mnist"),
        ({"real_data": {"mnist": "broken: mnist has 1 of 2 files\nmore"}}, "mmcourse data get mnist"),
        ({"memory_free": None}, "2 GB"),
        ({"work_writable": False}, "MMCOURSE_WORK="),
    ],
)
def test_what_a_lesson_can_do_without_is_a_note(changes, said):
    machine = healthy(**changes)
    assert stops(machine) == []
    (note,) = [finding for finding in doctor.examine(machine) if finding.fix]
    assert said in note.fix and str(note).startswith("note ")


@pytest.mark.parametrize("machine, status", [(healthy(), 0), (healthy(cores=1), 0), (healthy(memory_free=1e9), 1)])
def test_the_exit_status_says_whether_a_lesson_could_run(monkeypatch, capsys, machine, status):
    monkeypatch.setattr(doctor, "gather", lambda: machine)
    assert doctor.run() == status
    assert ("can run the course" in capsys.readouterr().out) == (status == 0)


@pytest.mark.parametrize(
    "text, cuda",
    [
        ("__version__ = '2.11.0+cu130'\ngit_version = 'a'", "13.0"),
        ("__version__ = '2.6.0+cu124'", "12.4"),
        ("__version__ = '2.15.0+cu132'\ncuda: Optional[str] = '13.2'\nhip: Optional[str] = None", "13.2"),
        ("__version__ = '2.13.0+cpu'\ncuda: Optional[str] = None", None),
        ("__version__ = '2.11.0'", None),
    ],
)
def test_the_cuda_of_a_build_is_read_without_importing_it(text, cuda):
    assert facts.cuda_in_text(text) == cuda


def test_a_library_that_breaks_cannot_break_the_doctor(tmp_path, monkeypatch):
    (tmp_path / "raises.py").write_text("raise OSError('libcudart.so.13: cannot open shared object file')")
    (tmp_path / "aborts.py").write_text("import os; os._exit(134)")
    (tmp_path / "fine.py").write_text("print('noise')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = facts.probe_imports(["raises", "aborts", "fine"])
    assert found["raises"]["error"] == "OSError: libcudart.so.13: cannot open shared object file"
    assert "ended the process (status 134)" in found["aborts"]["error"]
    assert found["fine"]["error"] is None


@pytest.mark.slow
def test_an_import_that_hangs_is_named(tmp_path, monkeypatch):
    (tmp_path / "fine.py").write_text("")
    (tmp_path / "hangs.py").write_text("import time; time.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = facts.probe_imports(["fine", "hangs", "never"], seconds=3)
    assert found["fine"]["error"] is None
    assert "had not ended after 3 s" in found["hangs"]["error"]
    assert "never" not in found


def test_a_changed_and_a_missing_file_are_told_apart(tmp_path, monkeypatch):
    from mmcourse import assets

    (tmp_path / "whole.txt").write_bytes(b"a")
    (tmp_path / "changed.txt").write_bytes(b"b")
    digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of b"a"
    (tmp_path / "checksums.txt").write_text("".join(f"{digest}  {n}.txt\n" for n in ("whole", "changed", "missing")))
    monkeypatch.setattr(assets, "shipped_folder", lambda: tmp_path)
    broken, count = facts.check_files()
    assert count == 3 and list(broken) == ["changed.txt", "missing.txt"]
    assert broken["missing.txt"] == "missing" and "checksum" in broken["changed.txt"]
    (tmp_path / "checksums.txt").unlink()
    assert facts.check_files()[0] == {"checksums.txt": "missing"}


WHOLE = f"{'0' * 64}  a.txt\n{'1' * 64}  folder/b c.txt\n"


@pytest.mark.parametrize(
    "content",
    [WHOLE[:-1].encode(), WHOLE[:100].encode(), WHOLE[: 64 + 9 + 64].encode(), b"", b"\xff\xfe", b"<html></html>\n"],
    ids=["last name", "between", "last checksum", "empty", "not text", "another file"],
)
def test_a_list_of_checksums_that_is_cut_off_or_damaged_is_a_finding(tmp_path, monkeypatch, content):
    from mmcourse import assets

    monkeypatch.setattr(assets, "shipped_folder", lambda: tmp_path)
    (tmp_path / "checksums.txt").write_text(WHOLE)
    assert set(assets.checksums()) == {"a.txt", "folder/b c.txt"}
    (tmp_path / "checksums.txt").write_bytes(content)
    broken, _ = facts.check_files()
    assert list(broken) == ["checksums.txt"] and "damaged" in broken["checksums.txt"]
    (finding,) = stops(healthy(broken_files=broken))
    assert finding.subject == "data files" and "git restore data" in finding.fix


@pytest.mark.parametrize("name", ["checksums.txt", "voices.ogg"])
def test_a_shipped_file_that_may_not_be_read_is_a_finding(tmp_path, monkeypatch, name):
    from mmcourse import assets, files

    monkeypatch.setattr(assets, "shipped_folder", lambda: tmp_path)
    (tmp_path / "voices.ogg").write_text("sound")
    (tmp_path / "checksums.txt").write_text(f"{files.digest(tmp_path / 'voices.ogg')}  voices.ogg\n")
    assert facts.check_files() == ({}, 1)
    opened = Path.open

    def forbidden(self, *arguments, **more):
        if self.name == name:
            raise PermissionError(13, "Permission denied", str(self))
        return opened(self, *arguments, **more)

    monkeypatch.setattr(Path, "open", forbidden)
    broken, _ = facts.check_files()
    assert list(broken) == [name] and "Permission denied" in broken[name]


def test_a_work_folder_that_cannot_be_seen_has_the_disk_of_the_nearest_one(tmp_path, monkeypatch):
    def forbidden(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "stat", forbidden)
    assert facts.disk_free(tmp_path / "not" / "there") > 0


@pytest.mark.slow
def test_this_machine_has_what_the_tests_run_on():
    machine = facts.gather()
    assert machine.python == sys.version_info[:3]
    assert machine.device
    troubles = [
        finding for finding in doctor.examine(machine) if finding.subject in ("torch", "torchvision", "torchaudio")
    ]
    assert [finding.fix for finding in troubles] == ["", "", ""]
    assert machine.broken_files == {}
