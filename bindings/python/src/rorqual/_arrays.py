"""Arrays of floats, numpy's where it is installed."""

from __future__ import annotations

import ctypes
from array import array
from typing import TYPE_CHECKING, Any, cast

numpy: Any
try:
    import numpy
except ImportError:
    numpy = None

if TYPE_CHECKING:
    from numpy import float32
    from numpy.typing import NDArray

    Array = NDArray[float32]
else:
    Array = Any


def floats_copy(where: int, count: int) -> Array:
    raw = (ctypes.c_float * count).from_address(where)
    return cast(Array, array("f", bytes(raw)) if numpy is None else numpy.array(raw, dtype=numpy.float32))


def floats_view(where: int, count: int, *, owner: object) -> Array:
    """Read-only; keeps `owner` alive."""
    raw: Any = (ctypes.c_float * count).from_address(where)
    raw.owner = owner  # the view holds the ctypes array, and that holds the owner
    if numpy is None:
        return cast(Array, memoryview(raw).cast("B").cast("f").toreadonly())
    view = numpy.frombuffer(raw, dtype=numpy.float32)
    view.flags.writeable = False
    return cast(Array, view)


def floats_new(rows: int, columns: int) -> tuple[Array, Any, int]:
    """[rows, columns] floats to be written into, their address, their count."""
    if numpy is None:
        raw = (ctypes.c_float * (rows * columns))()
        flat = memoryview(raw).cast("B")
        shaped = flat.cast("f", (rows, columns)) if rows * columns else flat
        return cast(Array, shaped), ctypes.addressof(raw), rows * columns
    made = numpy.zeros((rows, columns), dtype=numpy.float32)
    return made, made.ctypes.data, rows * columns
