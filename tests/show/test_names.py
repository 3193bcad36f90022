import subprocess
import sys

import pytest

import mmcourse.show


def test_every_name_loads():
    for name in mmcourse.show.__all__:
        assert callable(getattr(mmcourse.show, name))
    with pytest.raises(AttributeError, match="show_pages"):
        getattr(mmcourse.show, "show_page")  # noqa: B009


def test_importing_show_is_light():
    heavy = "import sys, mmcourse.show; print([m for m in ('torch', 'matplotlib', 'ipywidgets') if m in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", heavy], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )


def test_outside_a_notebook_words_are_printed(capsys):
    from mmcourse.show import output

    output.publish({"image/png": "x", "text/plain": "a picture"})
    assert capsys.readouterr().out == "a picture\n"
