"""One exception a status of the library, each with the library's own sentence."""

from __future__ import annotations

from . import _declarations as c


class Error(Exception):
    """What the library could not do. `code` is the RQ_ERR_* of rorqual.h, `str()` its sentence."""

    code: int = c.RQ_ERR_INTERNAL


class InvalidArgument(Error, ValueError):
    """A value is outside what the call documents."""

    code = c.RQ_ERR_INVALID_ARGUMENT


class NotFound(Error, FileNotFoundError):
    """A file, key, tensor or token that the call needs is not there."""

    code = c.RQ_ERR_NOT_FOUND


class ReadWriteError(Error, OSError):
    """The operating system or a callback could not read or write."""

    code = c.RQ_ERR_IO


class Corrupt(Error, ValueError):
    """A file contradicts itself or its format."""

    code = c.RQ_ERR_CORRUPT


class Unsupported(Error, NotImplementedError):
    """Valid, but this version or this machine cannot do it."""

    code = c.RQ_ERR_UNSUPPORTED


class OutOfMemory(Error, MemoryError):
    """An allocation failed, or a memory budget does not suffice."""

    code = c.RQ_ERR_NO_MEMORY


class ContextFull(Error, OverflowError):
    """The session has no room for the tokens."""

    code = c.RQ_ERR_CONTEXT_FULL


class Cancelled(Error):
    """`Session.cancel` was called."""

    code = c.RQ_ERR_CANCELLED


class CallbackFailed(Error):
    """A callback failed. What it raised is the `__cause__`."""

    code = c.RQ_ERR_CALLBACK


class WrongState(Error, RuntimeError):
    """Not possible now: closed, no logits yet, no tokenizer, another generation under way, used after fork()."""

    code = c.RQ_ERR_WRONG_STATE


class InternalError(Error, RuntimeError):
    """A mistake in the library; the message says where."""

    code = c.RQ_ERR_INTERNAL


BY_CODE: dict[int, type[Error]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        NotFound,
        ReadWriteError,
        Corrupt,
        Unsupported,
        OutOfMemory,
        ContextFull,
        Cancelled,
        CallbackFailed,
        WrongState,
        InternalError,
    )
}
