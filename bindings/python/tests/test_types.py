from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

import rorqual

PACKAGE = ROOT / "bindings/python"


def test_mypy_in_strict_mode_finds_nothing(tmp_path: Path) -> None:
    if importlib.util.find_spec("mypy") is None:
        pytest.skip("mypy is not installed")
    from mypy.version import __version__

    if tuple(map(int, __version__.split(".")[:2])) < (1, 7):
        pytest.skip(f"mypy {__version__} does not know Unpack of keywords: 1.7 does")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", "--cache-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_pyright_finds_nothing() -> None:
    if shutil.which("pyright") is None:
        pytest.skip("pyright is not installed")
    done = subprocess.run(["pyright", "-p", "."], cwd=PACKAGE, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(rorqual.__file__).parent / "py.typed").exists()


def test_every_public_name_is_documented() -> None:
    for name in rorqual.__all__:
        if not name.startswith("__"):
            assert getattr(rorqual, name).__doc__, name
