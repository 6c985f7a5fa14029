"""Looking on while a session evaluates. Unstable: may change with the next minor version."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from . import _declarations as c
from ._library import Relay, call, new
from .session import Session

if TYPE_CHECKING:
    from numpy import float32, int32
    from numpy.typing import NDArray

Hidden = Callable[[int, int, "NDArray[float32]"], object]
Experts = Callable[[int, int, "NDArray[int32]", "NDArray[float32]"], object]


def _array(where: int, rows: int, columns: int, stride: int, kind: Any) -> Any:
    """[rows, columns] of C's memory, copied."""
    import numpy

    flat = (kind * ((rows - 1) * stride + columns)).from_address(where)
    view = numpy.ctypeslib.as_array(flat)
    return numpy.lib.stride_tricks.as_strided(view, (rows, columns), (stride * view.itemsize, view.itemsize)).copy()


def _on_hidden(relay: Relay, hidden: Hidden) -> Callable[..., int]:
    def on_hidden(layer: int, position: int, tokens: int, cols: int, stride: int, x: int, _user: Any) -> int:
        return relay(lambda: hidden(layer, position, _array(x, tokens, cols, stride, ctypes.c_float)))

    return on_hidden


def _on_experts(relay: Relay, experts: Experts) -> Callable[..., int]:
    def on_experts(layer: int, position: int, tokens: int, per_token: int, ids: int, weights: int, _user: Any) -> int:
        def run() -> None:
            chosen = _array(ids, tokens, per_token, per_token, ctypes.c_int32)
            experts(layer, position, chosen, _array(weights, tokens, per_token, per_token, ctypes.c_float))

        return relay(run)

    return on_experts


@contextmanager
def observe(session: Session, *, hidden: Hidden | None = None, experts: Experts | None = None) -> Iterator[None]:
    """Calls `hidden(layer, position, x)` and `experts(layer, position, ids, weights)` while the session evaluates within `with`.

    x         float32 [tokens, hidden_size]: the embedding (layer -1), then the residual stream after each layer.
    ids       int32 [tokens, experts_per_token], weights float32 alike: the experts chosen, by descending selection score.
    position  of the first of the tokens. The arrays are yours. Needs numpy.

    The functions run on the thread that evaluates and must not call the session. What they raise stops the evaluation: CallbackFailed, with
    that as its `__cause__`.
    """
    timeline = session._timeline
    observer = new(c.rq_observer)
    if hidden is not None:
        observer.hidden = type(observer.hidden)(_on_hidden(timeline.relay, hidden))
    if experts is not None:
        observer.experts = type(observer.experts)(_on_experts(timeline.relay, experts))
    with timeline.use() as value:
        call("rq_session_observe", value, ctypes.byref(observer))
        timeline.observer = (observer,)
    try:
        yield
    finally:
        with timeline.use() as value:
            call("rq_session_observe", value, None)
            timeline.observer = ()
