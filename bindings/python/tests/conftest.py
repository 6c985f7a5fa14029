"""The library is the one that RORQUAL_LIBRARY names, or that of the installed package; the program likewise."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import rorqual

ROOT = Path(__file__).resolve().parents[3]
TALE = ROOT / "examples/models/tale"


@pytest.fixture(scope="session")
def model() -> rorqual.Model:
    return rorqual.Model(TALE)


@pytest.fixture
def session(model: rorqual.Model) -> Iterator[rorqual.Session]:
    with model.session() as made:
        yield made


def run_script(script: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Another interpreter, which sees the tale model as `model` and a session of it as `session`."""
    start = f"import rorqual\nmodel = rorqual.Model({str(TALE)!r})\nsession = model.session()\n"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-X", "dev", "-c", start + script], capture_output=True, text=True, timeout=timeout, env=environment
    )
