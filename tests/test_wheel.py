"""The wheel, as Colab gets it: built, installed into an empty environment, used from outside the checkout."""

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

LESSON_01 = """
import sys
from pathlib import Path
import mmcourse
from mmcourse import assets, promises, workspace

package = Path(mmcourse.__file__).resolve()
assert package.is_relative_to(sys.prefix), package
assert assets.checkout() is None
names = assets.checksums()
assert names, "no shipped files"
for name in names:
    assets.asset(name)
assert assets.promises_file().is_file()
assert package.parent.joinpath("shipped") in assets.asset("checksums.txt").parents
for name in mmcourse.__all__:
    assert getattr(mmcourse, name) is not None, name
from mmcourse import PictureBook, begin, check, expect, fit, quiz
from mmcourse.models.cnn import ImageClassifier, ImageEncoder
book = PictureBook("train", pages=2, seed=0)
assert book.images.shape == (2, 3, 32, 32) and book.tokens.shape[0] == 2
assert len(book.sound(0)) > 1000
try:
    workspace.published_lessons()
except FileNotFoundError as error:
    assert "Clone the repository" in str(error)
print("all found")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from the checkout by the build backend itself: no network, no environment of its own."""
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = out.glob("mmcourse-*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory) -> Path:
    """The Python of an empty environment with the wheel, which sees the libraries installed here, not the checkout.

    A path file lends it this environment's libraries; path files found there (the editable mmcourse is one) are not
    followed, so what it finds of mmcourse can only be the wheel's.
    """
    home = tmp_path_factory.mktemp("empty") / "env"
    venv.create(home, with_pip=False, symlinks=os.name != "nt")
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = Path(subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip())
    with zipfile.ZipFile(wheel) as archive:  # a pure wheel is installed by unpacking it
        archive.extractall(site)
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("\n".join(sorted(lent)), encoding="utf-8")
    return python


def test_the_wheel_carries_the_data_and_no_tool_of_a_contributor(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"mmcourse"}
    shipped = {name.removeprefix("mmcourse/shipped/") for name in names if name.startswith("mmcourse/shipped/")}
    assert not [name for name in shipped if name.endswith(".py")]
    assert "promises.toml" in shipped and "checksums.txt" in shipped
    listed = (ROOT / "data" / "checksums.txt").read_text(encoding="utf-8").splitlines()
    assert {line.split(maxsplit=1)[1] for line in listed if line.strip()} <= shipped
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_wheel_stays_light(wheel):
    assert wheel.stat().st_size < 40e6


@pytest.mark.slow
def test_lesson_01_finds_its_imports_and_data_outside_the_checkout(python, tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MMCOURSE_", "PYTHON"))}
    result = subprocess.run(
        [python, "-c", LESSON_01], capture_output=True, text=True, cwd=tmp_path, env=clean | {"HOME": str(tmp_path)}
    )
    assert result.stdout.strip().endswith("all found"), result.stdout + result.stderr


def test_the_command_is_there_and_knows_it_has_no_lessons(python, tmp_path):
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MMCOURSE_", "PYTHON"))}
    command = [python, "-m", "mmcourse.cli", "lab", "--no-browser"]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=clean | {"HOME": str(tmp_path)})
    assert result.returncode == 1 and "Clone the repository" in result.stderr
