from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, TALE

EXAMPLES = ROOT / "examples"


def run(*command: object, said: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run([str(part) for part in command], input=said, capture_output=True, text=True, env=environment)


def test_hello_prints_what_hello_in_c_prints() -> None:
    done = run(sys.executable, EXAMPLES / "hello.py", TALE, "There was once a king")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("There was once a king")
    in_c = Path(os.environ.get("RORQUAL_PROGRAM", "")).parent / "hello_c"
    if not in_c.exists():
        pytest.skip("hello in C is not built")
    assert run(in_c, TALE, "There was once a king").stdout == done.stdout


def test_chat_answers_what_chat_in_c_answers() -> None:
    said = 'Tell of a "king"\tand a \\ road\nAnd then?\n'
    done = run(sys.executable, EXAMPLES / "chat.py", TALE, "v2", 7, said=said)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout) > 20
    in_c = Path(os.environ.get("RORQUAL_PROGRAM", "")).parent / "chat_c"
    if not in_c.exists():
        pytest.skip("chat in C is not built")
    assert run(in_c, TALE, "v2", 7, said=said).stdout == done.stdout


def test_hello_says_what_is_wrong() -> None:
    done = run(sys.executable, EXAMPLES / "hello.py", "/nowhere")
    assert done.returncode == 1
    assert done.stderr.startswith("hello: /nowhere: no such file")


def test_the_python_program_of_the_readme_is_hello() -> None:
    fenced = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert (EXAMPLES / "hello.py").read_text() in fenced


@pytest.mark.parametrize("name", ["routing_heat_map", "token_probabilities"])
def test_pictures_are_drawn(name: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "picture.png"
    done = run(sys.executable, EXAMPLES / f"{name}.py", TALE, "-o", picture)
    assert done.returncode == 0, done.stderr
    assert picture.read_bytes().startswith(b"\x89PNG")
