"""What is installed where: pyproject.toml, constraints.txt, environment.yml and binder/ in step; Colab's completion."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from mmcourse import environment

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONDA_NAMES = {"pytorch-cpu": "torch", "torchvision": "torchvision", "torchaudio": "torchaudio"}
LEFT_TO_CONDA = re.compile(r"torch|torchvision|torchaudio|numpy|pillow|triton|nvidia-.*|cuda-.*")


def requirements(*extras: str) -> dict[str, Requirement]:
    """The declared requirements, by name."""
    texts = PROJECT["dependencies"] + [text for extra in extras for text in PROJECT["optional-dependencies"][extra]]
    read = [Requirement(text) for text in texts]
    return {canonicalize_name(item.name): item for item in read if item.name != PROJECT["name"]}


def pins(path: str) -> dict[str, str]:
    """The lines of a constraints file as {name: version}."""
    lines = (ROOT / path).read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


EVERYTHING = requirements(*PROJECT["optional-dependencies"])
PINS = pins("constraints.txt")


def conda_packages(path: str) -> dict[str, SpecifierSet]:
    entries = [each for each in yaml.safe_load((ROOT / path).read_text())["dependencies"] if isinstance(each, str)]
    read = [Requirement(entry) for entry in entries]
    return {item.name: item.specifier for item in read}


@pytest.mark.parametrize("name", sorted(EVERYTHING))
def test_what_is_declared_is_verified_within_its_bounds(name):
    assert name in PINS, f"{name} is in pyproject.toml and not in constraints.txt"
    assert Version(PINS[name]) in EVERYTHING[name].specifier


def test_verified_versions_run_on_the_oldest_python():
    """Debian 12 has Python 3.11.2: a version that wants 3.11.5 would stop the installation there."""
    verified = [each for each in metadata.distributions() if PINS.get(canonicalize_name(each.name)) == each.version]
    wanted = {each.name: each.metadata.get("Requires-Python") or "" for each in verified}
    assert {name: bounds for name, bounds in wanted.items() if "3.11.0" not in SpecifierSet(bounds)} == {}


def test_the_wheel_is_tested_with_what_builds_it():
    built_by = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["build-system"]["requires"]
    assert [requirements("test")[Requirement(text).name] for text in built_by] == list(map(Requirement, built_by))


@pytest.mark.parametrize("path", ["constraints.txt", "binder/constraints.txt"])
def test_constraints_are_names_and_versions_only(path):
    lines = [line for line in (ROOT / path).read_text().splitlines() if not line.startswith("#")]
    assert lines == sorted(lines, key=lambda line: line.split("==")[0])
    for line in lines:
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*==[0-9][0-9a-z.]*", line), line


def test_condas_constraints_are_the_same_without_what_conda_brings():
    assert pins("binder/constraints.txt") == {k: v for k, v in PINS.items() if not LEFT_TO_CONDA.fullmatch(k)}


@pytest.mark.parametrize("path", ["environment.yml", "binder/environment.yml"])
def test_conda_has_the_same_bounds(path):
    packages = conda_packages(path)
    assert packages.pop("python") == SpecifierSet(PROJECT["requires-python"])
    assert packages.pop("pip") == SpecifierSet()
    assert {CONDA_NAMES[name]: bounds for name, bounds in packages.items()} == {
        name: EVERYTHING[name].specifier for name in environment.NEVER_REPLACED
    }


def test_the_rest_comes_by_pip_with_constraints():
    whole = yaml.safe_load((ROOT / "environment.yml").read_text())
    (by_pip,) = [entry["pip"] for entry in whole["dependencies"] if isinstance(entry, dict)]
    assert by_pip == ["--constraint binder/constraints.txt", "--editable ."]
    assert whole["channels"][0] == yaml.safe_load((ROOT / "binder/environment.yml").read_text())["channels"][0]
    assert "--constraint binder/constraints.txt --editable ." in (ROOT / "binder/postBuild").read_text()


def test_the_torch_family_stays_below_the_release_without_a_torchaudio():
    family = requirements()
    assert "2.14.1" in family["torch"].specifier and "2.15.0" not in family["torch"].specifier
    for name in environment.NEVER_REPLACED:
        assert any(bound.operator == "<" for bound in family[name].specifier), f"{name} has no cap"


def test_every_import_of_the_package_is_declared():
    modules = {"pil": "pillow", "sklearn": "scikit-learn"}
    there_or_not = {"google"}  # Colab's own
    imported = set()
    for path in (ROOT / "mmcourse").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
            imported |= {name.split(".")[0] for name in names}
    third_party = {canonicalize_name(name) for name in imported - sys.stdlib_module_names - {"mmcourse"}}
    assert {modules.get(name, name) for name in third_party} - set(requirements()) - there_or_not == set()


def test_a_requirements_name_is_read():
    texts = ["torch>=2.6,<2.15", "Hugging_Face.hub", "ruff >= 0.6", "a[b]>=1; extra == 'x'", "x@ file:///x"]
    assert [environment.requirement_name(text) for text in texts] == ["torch", "hugging-face-hub", "ruff", "a", "x"]
    with pytest.raises(ValueError, match="not a requirement"):
        environment.requirement_name(">=2")


def test_only_what_is_not_installed_at_all_is_missing():
    texts = ["torch<2.15,>=2.6", "anywidget>=0.9", "pytest>=8; extra == 'test'", "tqdm; python_version >= '3'"]
    assert environment.missing(texts, installed=lambda name: name == "torch") == ["anywidget>=0.9", "tqdm"]


def test_an_environment_with_everything_is_left_alone(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: pytest.fail("pip ran"))
    assert environment.install_missing(["torch>=99", "numpy>=99", "pytest; extra == 'test'"]) == []
    assert environment.install_missing() == []


def test_what_is_there_is_held_while_the_rest_is_installed(monkeypatch):
    ran = []

    def run(command, **options):
        constraints = Path(command[command.index("--constraint") + 1]).read_text().splitlines()
        ran.append((command, constraints))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    assert environment.install_missing(["numpy>=1", "torch>=99", "not-there-at-all>=3"]) == ["not-there-at-all>=3"]
    ((command, constraints),) = ran
    assert command[:4] == [sys.executable, "-m", "pip", "install"]
    assert command[-1] == "not-there-at-all>=3" and "--upgrade" not in command
    assert {line.split("==")[0] for line in constraints} == {"numpy", "torch", "torchvision", "torchaudio"}


def test_a_failure_of_pip_is_told_with_its_last_lines(monkeypatch):
    failed = subprocess.CompletedProcess([], 1, "", "noise\n" * 20 + "ERROR: No matching distribution found")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: failed)
    with pytest.raises(RuntimeError, match="could not install not-there-at-all(?s:.)*No matching distribution"):
        environment.install_missing(["not-there-at-all"])


def test_it_needs_nothing_but_the_standard_library():
    """Colab calls it before anything else is installed: import it where there are no site-packages."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); from mmcourse.environment import install_missing, missing"
    subprocess.run([sys.executable, "-S", "-I", "-c", code, str(ROOT)], check=True)
