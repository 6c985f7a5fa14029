"""The only module that calls C: finds librorqual, compares it with the declarations, and turns statuses into exceptions."""

from __future__ import annotations

import ctypes
import os
import sys
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _declarations as c
from .errors import BY_CODE, Error

if TYPE_CHECKING:
    from typing_extensions import Self

NAMES = {"darwin": ("librorqual.dylib", "librorqual.1.dylib"), "win32": ("rorqual.dll",)}
IN_TREE = NAMES.get(sys.platform, ("librorqual.so", "librorqual.so.1"))


def _candidates() -> list[str]:
    """The library named by RORQUAL_LIBRARY, else the one inside the package, else the one that the system finds."""
    if named := os.environ.get("RORQUAL_LIBRARY"):
        return [named]
    inside = [str(file) for name in IN_TREE if (file := Path(__file__).parent / "lib" / name).exists()]
    return inside or [IN_TREE[-1]]


def _load() -> ctypes.CDLL:
    tried = []
    for name in _candidates():
        try:
            return ctypes.CDLL(name)  # CDLL, not PyDLL: the interpreter's lock is released during every call
        except OSError as error:
            tried.append(str(error))
    raise ImportError(
        "rorqual: librorqual cannot be loaded: " + "; ".join(tried) + ". RORQUAL_LIBRARY names another one"
    )


def _version_text(version: int) -> str:
    return f"{version // 1000000}.{version // 1000 % 1000}.{version % 1000}"


def _declare(library: ctypes.CDLL) -> None:
    """Gives every function its types. A library that does not fit the declarations is refused here, not in the middle of a call."""
    missing = [name for name in c.FUNCTIONS if not hasattr(library, name)]
    if missing:
        raise ImportError(
            f"rorqual: the library {library._name} lacks {', '.join(missing)}: it is not the version of this package"
        )
    for name, (result, parameters) in c.FUNCTIONS.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = parameters
    running = int(library.rq_version())
    expected = c.RQ_VERSION_MAJOR * 1000000 + c.RQ_VERSION_MINOR * 1000 + c.RQ_VERSION_PATCH
    # Before 1.0 another minor version may differ in anything; later, only what is older lacks something.
    fits = (
        running // 1000 == expected // 1000
        if running < 1000000
        else running // 1000000 == expected // 1000000 and running >= expected
    )
    if not fits:
        raise ImportError(
            f"rorqual: the library {library._name} is version {_version_text(running)}, this package needs {_version_text(expected)}"
        )
    # The layout of what every call writes into: a whole sentence must arrive, and nothing beside it.
    error = c.rq_error(struct_size=ctypes.sizeof(c.rq_error))
    status = library.rq_session_length(None, None, ctypes.byref(error))
    if status != c.RQ_ERR_INVALID_ARGUMENT or error.code != status or not error.message:
        raise ImportError(f"rorqual: the library {library._name} has another layout than the declarations of this package")


lib: Any = _load()
_declare(lib)

version = _version_text(lib.rq_version())


def new(struct: type[Any], **values: Any) -> Any:
    """A struct as its RQ_..._INIT makes it: its size, and zero everywhere but in `values`."""
    return struct(struct_size=ctypes.sizeof(struct), **values)


def call(name: str, *arguments: Any, cause: BaseException | None = None) -> None:
    """Calls a function whose last parameter is `err`, and raises what it says."""
    error = c.rq_error(struct_size=ctypes.sizeof(c.rq_error))
    status = getattr(lib, name)(*arguments, ctypes.byref(error))
    if status != c.RQ_OK:
        raise_status(status, error, cause)


def raise_status(status: int, error: c.rq_error, cause: BaseException | None = None) -> None:
    raise error_of(status, error) from cause


def error_of(status: int, error: c.rq_error) -> Error:
    kind = BY_CODE.get(status, Error)
    return kind(error.message.decode("utf-8", "replace"))


def utf8(text: str | bytes) -> bytes:
    return text.encode("utf-8") if isinstance(text, str) else bytes(text)


def address(data: bytes) -> int | None:
    """Where bytes lie, for fields of structs. They must outlive the call: keep a reference."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value


def out_text(name: str, *arguments: Any) -> str:
    """The result of a function with (buffer, capacity, length)."""
    length = ctypes.c_size_t()
    call(name, *arguments, None, 0, ctypes.byref(length))
    buffer = ctypes.create_string_buffer(length.value + 1)
    call(name, *arguments, buffer, length.value + 1, ctypes.byref(length))
    return buffer.raw[: length.value].decode("utf-8")


def out_ids(name: str, *arguments: Any, guess: int = 64) -> list[int]:
    """The result of a function with (tokens, capacity, count). A good guess of the count saves a second call."""
    count = ctypes.c_size_t()
    buffer = (ctypes.c_int32 * guess)()
    error = c.rq_error(struct_size=ctypes.sizeof(c.rq_error))
    status = getattr(lib, name)(*arguments, buffer, guess, ctypes.byref(count), ctypes.byref(error))
    if status == c.RQ_ERR_INVALID_ARGUMENT and count.value > guess:
        buffer = (ctypes.c_int32 * count.value)()
        call(name, *arguments, buffer, count.value, ctypes.byref(count))
    elif status != c.RQ_OK:
        raise_status(status, error)
    return buffer[: count.value]


def ids(tokens: Sequence[int]) -> Any:
    """Token ids as C has them. A number that is no int32 raises InvalidArgument rather than become another one."""
    array = (ctypes.c_int32 * len(tokens))()
    for index, token in enumerate(tokens):
        if not -(2**31) <= token < 2**31:
            raise BY_CODE[c.RQ_ERR_INVALID_ARGUMENT](f"tokens[{index}]: {token} is no token id")
        array[index] = token
    return array


def in_range(name: str, value: int, bits: int) -> int:
    """A number for an unsigned field; ctypes would cut it silently."""
    if not 0 <= value < 2**bits:
        raise BY_CODE[c.RQ_ERR_INVALID_ARGUMENT](f"{name}: {value} is out of range")
    return value


class Closing:
    """What `with` closes."""

    def close(self) -> None:
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


class Handle:
    """Owns one object of the library, and frees it when nobody refers to it any more.

    Nothing is freed while the interpreter shuts down: other threads may still be inside a call, and the process ends anyway.
    """

    def __init__(self, value: int | None, free: Callable[[int | None], None]) -> None:
        self.value = value
        self._as_parameter_ = ctypes.c_void_p(value)  # passed to a call as it is, a handle lives until the call has returned
        self._finalizer = weakref.finalize(self, free, value)
        self._finalizer.atexit = False


def create(name: str, free: str, *arguments: Any, cause: BaseException | None = None) -> Handle:
    """Calls a function with (…, out, err)."""
    out = ctypes.c_void_p()
    call(name, *arguments, ctypes.byref(out), cause=cause)
    return Handle(out.value, getattr(lib, free))


class Relay:
    """Carries an exception out of a callback: C sees a status, the caller what was raised."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None

    def __call__(self, function: Callable[[], Any]) -> int:
        """0, or 1 where `function` raised."""
        try:
            function()
        except BaseException as error:
            self.raised = error
            return 1
        return 0
