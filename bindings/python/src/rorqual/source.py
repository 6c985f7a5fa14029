"""Where a model comes from."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Union

from . import _declarations as c
from ._library import Handle, Relay, call, create, utf8


class HasDescriptor(Protocol):
    """An open file."""

    def fileno(self) -> int: ...


class Callbacks:
    """A file behind a function: `read(offset, size)` returns exactly `size` bytes.

    `read` runs on the thread that opens the model. What it raises becomes the `__cause__` of `CallbackFailed`.
    """

    def __init__(self, length: int, read: Callable[[int, int], bytes]) -> None:
        self.length = length
        self.read = read


Path = Union[str, "os.PathLike[str]"]
File = Union[bytes, bytearray, memoryview, HasDescriptor, Callbacks]


class Source:
    """A path, or files by name: bytes, open files (the library duplicates their descriptor) or `Callbacks`.

    Everything that takes a model also takes a path or such a mapping directly.
    Raises InvalidArgument for an empty path, or a name that is no single component.
    """

    def __init__(self, origin: Path | Mapping[str, File]) -> None:
        self._relay = Relay()
        self._kept: list[Any] = []  # what C borrows
        if isinstance(origin, Mapping):
            self._handle = create("rq_source_create_files", "rq_source_free")
            for name, file in origin.items():
                self._add(name, file)
        else:
            path = os.fsencode(origin)
            self._handle = create("rq_source_create_path", "rq_source_free", path, len(path))

    def _add(self, name: str, file: File) -> None:
        handle, text = self._handle, utf8(name)
        if isinstance(file, Callbacks):
            read = c.rq_read_fn(self._reader(file))
            self._kept.append(read)
            call("rq_source_add_callbacks", handle, text, len(text), file.length, read, None)
        elif isinstance(file, (bytes, bytearray, memoryview)):
            data = bytes(file)  # no copy of bytes; what may change is copied
            self._kept.append(data)
            call("rq_source_add_memory", handle, text, len(text), ctypes.c_char_p(data), len(data))
        else:
            call("rq_source_add_fd", handle, text, len(text), file.fileno(), 0, 0)

    def _reader(self, file: Callbacks) -> Callable[[int, int, int, Any], int]:
        relay = self._relay

        def read(offset: int, out: int, size: int, _user: Any) -> int:
            def fill() -> None:
                data = file.read(offset, size)
                if len(data) != size:
                    raise ValueError(f"read({offset}, {size}) returned {len(data)} bytes")
                ctypes.memmove(out, data, size)

            return relay(fill)

        return read


Origin = Union[Source, Path, Mapping[str, File]]


def open_with(name: str, free: str, origin: Origin, *arguments: Any) -> tuple[Handle, Source]:
    """Calls a function with (source, …, out, err). What it made may borrow from the source: keep that."""
    source = origin if isinstance(origin, Source) else Source(origin)
    out = ctypes.c_void_p()
    call_with(name, source, *arguments, ctypes.byref(out))
    from ._library import lib

    return Handle(out.value, getattr(lib, free)), source


def call_with(name: str, origin: Origin, *arguments: Any, to: int | None = None) -> None:
    """Calls a function with (source, …, err), or (to, source, …, err); what a callback of the source raised is the cause of what this raises."""
    source = origin if isinstance(origin, Source) else Source(origin)
    source._relay.raised = None
    try:
        call(name, *(() if to is None else (to,)), source._handle, *arguments)
    except Exception as error:
        if source._relay.raised is not None:
            raise error from source._relay.raised
        raise
