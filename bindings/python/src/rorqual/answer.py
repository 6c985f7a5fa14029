"""Answers as the OpenAI interface has them: made of deltas, which joined are the message."""

from __future__ import annotations

import uuid
from typing import Any

from .completion import Completion, Part
from .errors import Corrupt

Json = dict[str, Any]


class TextAnswer:
    """The text of a `text_completion`, as it is written."""

    def __init__(self) -> None:
        self.whole: Json = {"text": ""}

    def begin(self) -> list[Json]:
        return []

    def feed(self, text: str) -> list[Json]:
        self.whole["text"] += text
        return [{"text": text}] if text else []

    def end(self) -> list[Json]:
        return []


class ChatAnswer:
    """The message of a `chat.completion`: content, reasoning_content and tool_calls told apart.

    What is no answer of the format loses nothing: from there on it is content as it was written.
    """

    def __init__(self, format: str, thinking: bool) -> None:
        self.whole: Json = {"role": "assistant", "content": None}
        self._completion: Completion | None = Completion(format, thinking=thinking)

    @property
    def calls(self) -> list[Json]:
        """The calls of tools so far."""
        found: list[Json] = self.whole.get("tool_calls", [])
        return found

    def begin(self) -> list[Json]:
        return [{"role": "assistant", "content": ""}]

    def feed(self, text: str) -> list[Json]:
        if self._completion is None:
            return [self._delta(Part("content", text))] if text else []
        try:
            self._completion.feed(text)
        except Corrupt:
            completion, self._completion = self._completion, None
            return [*map(self._delta, completion.take()), *self.feed(text)]
        return list(map(self._delta, self._completion.take()))

    def end(self) -> list[Json]:
        deltas = []
        if self._completion is not None:
            try:
                self._completion.finish()
            except Corrupt:
                pass  # cut short by a limit, or by a stop token that is not shown: what there is of it is the answer
            deltas = list(map(self._delta, self._completion.take()))
        if self.whole["content"] is None and not self.calls:
            self.whole["content"] = ""
        return deltas

    def _delta(self, part: Part) -> Json:
        if part.kind == "content":
            self.whole["content"] = (self.whole["content"] or "") + part.text
            return {"content": part.text}
        if part.kind == "reasoning":
            self.whole["reasoning_content"] = self.whole.get("reasoning_content", "") + part.text
            return {"reasoning_content": part.text}
        if part.kind == "tool_call":
            call = {"id": f"call_{uuid.uuid4().hex}", "type": "function", "function": {"name": part.text, "arguments": ""}}
            self.whole.setdefault("tool_calls", []).append(call)
            return {"tool_calls": [{**call, "function": {**call["function"]}, "index": len(self.calls) - 1}]}  # type: ignore[dict-item]
        self.calls[-1]["function"]["arguments"] += part.text
        return {"tool_calls": [{"index": len(self.calls) - 1, "function": {"arguments": part.text}}]}
