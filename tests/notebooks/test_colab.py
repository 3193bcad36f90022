"""The set-up cell's trial: what it installs, what it imports, and what it reports as wrong."""

import subprocess
import sys

import pytest

import colab

ADDRESS = "https://github.com/someone/fork"


def git(folder, *arguments):
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def test_the_repository_holds_the_files_as_they_are_now(tmp_path):
    root, made = tmp_path / "checkout", tmp_path / "made"
    root.mkdir()
    git(root, "init", "--quiet")
    (root / ".gitignore").write_text("build/\n")
    (root / "new.py").write_text("never added\n")
    (root / "build").mkdir()
    (root / "build" / "product").write_text("ignored\n")
    address = colab.repository(root, made)
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", address, str(clone))
    assert {path.name for path in clone.iterdir()} == {".git", ".gitignore", "new.py"}
    status_of_root = git(root, "status", "--short").splitlines()
    assert status_of_root == ["?? .gitignore", "?? new.py"]


def test_imports_are_found_in_functions_too_and_optional_ones_left_out():
    code = "import a.b\nfrom .near import c\n\ndef f():\n    from d import (e,\n        g)\n"
    code += "    try:\n        import h\n    except ImportError:\n        pass\n"
    assert sorted(colab.imports(code)) == ["from d import e, g", "import a.b"]


def test_the_program_is_the_setup_cell_and_then_every_import_once(house):
    house.write("# %% [markdown]\n# # One\n\n# %%\nimport json\nprint('not run')\n", "90_one")
    house.write("# %% [markdown]\n# # Two\n\n# %%\nimport json, csv\n", "91_two")
    (house.root / "mmcourse").mkdir()
    (house.root / "mmcourse" / "late.py").write_text("def f():\n    import wave\n")
    setup, lines = colab.program(house.root, ADDRESS).split("install_missing()\n")
    assert f"git+{ADDRESS}" in setup
    assert sorted(lines.splitlines()) == ["import json", "import json, csv", "import wave"]


@pytest.fixture
def versions(monkeypatch, tmp_path):
    """Lets the three versions be what a file holds, so that a program can change them."""
    path = tmp_path / "versions"
    path.write_text("2.6.0 0.21.0 2.6.0")
    monkeypatch.setattr(colab, "VERSIONS", f"print(open({str(path)!r}).read())")
    return path


def test_a_program_runs_without_the_variables_of_the_checkout(versions, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(colab.ROOT))
    monkeypatch.setenv("MMCOURSE_FAST", "1")
    code = "import os\nassert not [name for name in os.environ if name.startswith(('PYTHON', 'MMCOURSE_'))]"
    found = colab.faults(sys.executable, code, tmp_path)
    assert not any("failed" in fault or "replaced" in fault for fault in found)


def test_another_torch_and_a_failed_import_are_faults(versions, tmp_path):
    code = f"open({str(versions)!r}, 'w').write('2.6.0 0.21.0 2.11.0')\nimport not_there"
    replaced, failed = colab.faults(sys.executable, code, tmp_path)
    assert replaced == "torchaudio was replaced: 2.6.0 before the set-up cell, 2.11.0 after it"
    assert "No module named 'not_there'" in failed
