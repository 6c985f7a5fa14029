"""Several sessions in one evaluation."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from . import _declarations as c
from ._library import error_of, lib, new, raise_status
from .errors import Cancelled, Error

if TYPE_CHECKING:
    from .session import Session, Timeline


def evaluate_batch(sessions: Sequence[Session]) -> list[Error | None]:
    """Evaluates what `logits` of each session evaluates, together: each weight that several of them need is read once.

    Afterwards `logits` and the next piece of a generation under way take no evaluation, and are what they are without this:

        streams = [session.generate(prompt) for session, prompt in zip(sessions, prompts)]
        while sessions_that_go_on:
            rorqual.evaluate_batch(sessions_that_go_on)
            ...  # one piece of each stream

    What went wrong with each session, None where all went well; such a session is as it was, and the others take no notice. Sessions of
    other models or modes are evaluated one after another. Raises WrongState for an empty timeline, InvalidArgument where one stands twice.
    """
    timelines = [session._timeline for session in sessions]
    with ExitStack() as locks:
        handles = {timeline: locks.enter_context(timeline.use()) for timeline in sorted(set(timelines), key=id)}  # in one order: no deadlock
        failures = _evaluate([handles[timeline] for timeline in timelines])
        if any(_is_stray(failure, timeline) for failure, timeline in zip(failures, timelines)):
            failures = _evaluate([handles[timeline] for timeline in timelines])
        for failure, timeline in zip(failures, timelines):
            if failure is not None:
                failure.__cause__ = timeline.raised()
    return failures


def _is_stray(failure: Error | None, timeline: Timeline) -> bool:
    return isinstance(failure, Cancelled) and timeline.take_stray_cancel()


def _evaluate(handles: list[int]) -> list[Error | None]:
    count = len(handles)
    errors, error = (c.rq_error * count)(*(new(c.rq_error) for _ in handles)), new(c.rq_error)
    status = lib.rq_session_evaluate_batch((ctypes.c_void_p * count)(*handles), count, errors, ctypes.byref(error))
    failures = [None if one.code == c.RQ_OK else error_of(one.code, one) for one in errors]
    if status != c.RQ_OK and not any(failures):
        raise_status(status, error)
    return failures
