"""Answers of models, read while they are written."""

from __future__ import annotations

import ctypes
import json
import threading
from typing import Any, NamedTuple

from . import _declarations as c
from ._library import call, create, utf8

KINDS = {
    c.RQ_PART_REASONING: "reasoning",
    c.RQ_PART_CONTENT: "content",
    c.RQ_PART_TOOL_CALL: "tool_call",
    c.RQ_PART_ARGUMENTS: "arguments",
}


class Part(NamedTuple):
    """A piece of an answer that is certain."""

    kind: str
    """"reasoning": text the model thinks; "content": text of the answer; "tool_call": a call begins, the name of the function;
    "arguments": more of the arguments of the call that began last, all of a call joined are its JSON."""
    text: str


class Completion:
    """Tells reasoning, answer and calls of tools apart in what a model writes, as it arrives.

        completion = rorqual.Completion(prompt.format, thinking=True)
        for piece in session.generate(prompt, special=True):
            completion.feed(piece)
            for part in completion.take():
                show(part.kind, part.text)
        messages.append(completion.finish())

    format     that of the prompt: `Prompt.format`.
    thinking   as that of the prompt.

    Nothing is given out that could still be part of a marker; all parts joined do not depend on how the text was cut. The marker that ends an
    answer belongs to the text: feed it where a generation stopped at it without showing it. After an error only `take` is left.
    Raises NotFound for the format.
    """

    def __init__(self, format: str, *, thinking: bool = False) -> None:
        name = utf8(format)
        self._lock = threading.Lock()  # one thread at a time
        self._handle = create("rq_completion_create", "rq_completion_free", name, len(name), int(thinking))

    def feed(self, text: str) -> None:
        """More of the text, which may end anywhere.

        Raises Corrupt with the byte where it is no answer of the format, WrongState after `finish` or an earlier error.
        """
        data = utf8(text)
        with self._lock:
            call("rq_completion_feed", self._handle, data, len(data))

    def take(self) -> list[Part]:
        """What has become certain since the last call."""
        parts: list[Part] = []
        kind, text, length = ctypes.c_int32(), ctypes.c_void_p(), ctypes.c_size_t()
        with self._lock:
            while True:
                call("rq_completion_next", self._handle, ctypes.byref(kind), ctypes.byref(text), ctypes.byref(length))
                if kind.value == c.RQ_PART_NONE:
                    return parts
                parts.append(Part(KINDS[kind.value], _text(text, length)))

    def finish(self) -> dict[str, Any]:
        """The end of the text: what was held back becomes a part, also where the answer is refused. The whole answer as a message, ready to be
        added to a conversation: role, content (None beside calls of tools where there is no text), reasoning_content and tool_calls where
        there are any.

        Raises Corrupt for an answer that is not whole, WrongState as `feed`.
        """
        text, length = ctypes.c_void_p(), ctypes.c_size_t()
        with self._lock:
            call("rq_completion_finish", self._handle, ctypes.byref(text), ctypes.byref(length))
            message: dict[str, Any] = json.loads(_text(text, length))
        return message


def _text(text: ctypes.c_void_p, length: ctypes.c_size_t) -> str:
    return ctypes.string_at(text.value, length.value).decode("utf-8") if text.value else ""
