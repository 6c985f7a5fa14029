from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys

import pytest
from conftest import ROOT

from rorqual import _declarations as c
from rorqual import errors


def test_the_committed_declarations_are_what_the_header_says() -> None:
    done = subprocess.run([sys.executable, ROOT / "bindings/python/generate.py", "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_struct_has_the_size_and_last_offset_that_the_library_was_compiled_with() -> None:
    pinned = re.findall(r"RQ_LAYOUT\((rq_\w+), (\d+), (\w+), (\d+)\)", (ROOT / "capi/src/layout.cpp").read_text())
    structs = {name for name, kind in vars(c).items() if isinstance(kind, type) and issubclass(kind, ctypes.Structure)} - {"Structure"}
    assert {name for name, *_ in pinned} == structs
    for name, size, last, offset in pinned:
        struct = getattr(c, name)
        assert (name, ctypes.sizeof(struct), getattr(struct, last).offset) == (name, int(size), int(offset))
        assert struct._fields_[-1][0] == last


def test_every_status_of_the_header_has_one_exception() -> None:
    codes = {value for name, value in vars(c).items() if name.startswith("RQ_ERR_")}
    assert set(errors.BY_CODE) == codes
    assert len({*errors.BY_CODE.values()}) == len(codes)


@pytest.mark.parametrize(
    ("library", "sentence"),
    [("libc.so.6", "lacks rq_version"), ("/nowhere/librorqual.so", "cannot be loaded: /nowhere/librorqual.so")],
)
def test_a_library_that_does_not_fit_is_refused_at_import(library: str, sentence: str) -> None:
    environment = {**os.environ, "RORQUAL_LIBRARY": library, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", "import rorqual"], capture_output=True, text=True, env=environment)
    assert done.returncode == 1
    assert "ImportError: rorqual: " in done.stderr
    assert sentence in done.stderr


def test_a_header_of_an_unknown_form_is_refused_by_the_generator(tmp_path: object) -> None:
    sys.path.insert(0, str(ROOT / "bindings/python"))
    try:
        import generate
    finally:
        sys.path.pop(0)
    for odd in ("RQ_API int32_t rq_odd(long value);", "typedef enum rq_kind { A } rq_kind;", "typedef struct rq_s { struct { int32_t a; } b; } rq_s;"):
        with pytest.raises(SystemExit):
            generate.Reader(odd).module()
