"""Completions in the shape of the OpenAI interface, by the names that users of llama-cpp-python know.

    answer = rorqual.openai.create_chat_completion(session, [{"role": "user", "content": "Hello"}], max_tokens=50)
    print(answer["choices"][0]["message"]["content"])

What a request asks for and this cannot do raises Unsupported; nothing is silently ignored. Of the answer to a conversation, reasoning is
`reasoning_content` and calls of tools are `tool_calls`.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Union

from .answer import ChatAnswer, Json, TextAnswer
from .errors import InvalidArgument, Unsupported
from .generation import Generation, GenerationOptions, Piece
from .grammar import Grammar
from .prompt import Message, Prompt
from .session import Input, Session

Answer = Union[Json, Iterator[Json]]

# Keywords of requests that are options of a generation, by their name there.
SAMPLING = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "presence_penalty": "presence_penalty",
    "repeat_penalty": "repetition_penalty",
    "seed": "seed",
    "stop": "stop",
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "grammar": "grammar",
}
# Keywords whose usual value asks for nothing: another one cannot be had.
FIXED: dict[str, tuple[Any, ...]] = {
    "n": (None, 1),
    "best_of": (None, 1),
    "echo": (None, False),
    "suffix": (None, ""),
    "frequency_penalty": (None, 0),
    "top_logprobs": (None, 0),
    "parallel_tool_calls": (None, True),
    "user": (),
    "metadata": (),
    "store": (None, False),
    "stream_options": (),
}


@dataclass
class Request:
    """What both kinds of completion share."""

    prefix: str
    kind: str
    session: Session
    prompt: Input
    options: GenerationOptions
    model: str
    stream: bool
    logprobs: bool
    writing: TextAnswer | ChatAnswer
    choice: Callable[[Json, Any, str | None], Json]  # (delta, log-probabilities, finish reason) -> choice of a chunk
    whole: Callable[[Json, Any, str | None], Json]  # the same of a whole answer

    def answer(self) -> Answer:
        prompt = self.session.tokens_of(self.prompt)
        generation = self.session.generate(prompt, **self.options)
        base = {"id": f"{self.prefix}-{uuid.uuid4().hex}", "created": int(time.time()), "model": self.model}
        if self.stream:
            return self._chunks(generation, base)
        pieces = list(generation)
        for piece in pieces:
            self.writing.feed(piece)
        self.writing.end()
        usage = {
            "prompt_tokens": len(prompt),
            "completion_tokens": sum(piece.token >= 0 for piece in pieces),
            "total_tokens": len(prompt) + sum(piece.token >= 0 for piece in pieces),
        }
        found = self._logprobs(pieces) if self.logprobs else None
        choice = self.whole(self.writing.whole, found, self._reason(generation.finish))
        return {**base, "object": self.kind, "choices": [choice], "usage": usage}

    def _chunks(self, generation: Generation, base: Json) -> Iterator[Json]:
        kind = self.kind if self.kind == "text_completion" else f"{self.kind}.chunk"

        def chunk(delta: Json, found: Any = None, finish: str | None = None) -> Json:
            return {**base, "object": kind, "choices": [self.choice(delta, found, finish)]}

        yield from map(chunk, self.writing.begin())
        with generation:
            for piece in generation:
                found = self._logprobs([piece]) if self.logprobs else None
                deltas = self.writing.feed(piece)
                if found and not deltas:
                    deltas = [{}]
                for delta in deltas:
                    yield chunk(delta, found)
                    found = None
        yield from map(chunk, self.writing.end())
        yield chunk({}, None, self._reason(generation.finish))

    def _reason(self, finish: str | None) -> str | None:
        why = reason(finish)
        return "tool_calls" if why == "stop" and isinstance(self.writing, ChatAnswer) and self.writing.calls else why

    def _logprobs(self, pieces: Sequence[Piece]) -> Json:
        tokenizer = self.session.model.tokenizer
        content = []
        for piece in pieces:
            if piece.token >= 0 and piece.finish != "stop_token":
                data = tokenizer.token_bytes(piece.token)
                text = data.decode("utf-8", "replace")
                content.append({"token": text, "logprob": piece.logprob, "bytes": list(data), "top_logprobs": []})
        return {"content": content}


def reason(finish: str | None) -> str | None:
    return None if finish is None else "length" if finish in ("limit", "context_full") else "stop"


def _options(request: Mapping[str, Any], session: Session) -> GenerationOptions:
    options: dict[str, Any] = dict(session.model.sampling)
    for name, value in request.items():
        if name in SAMPLING:
            if value is not None:
                options[SAMPLING[name]] = value
        elif name == "logit_bias":
            options[name] = {int(token): float(bias) for token, bias in (value or {}).items()}
        elif name not in FIXED:
            raise TypeError(f"unknown option {name!r} of a completion")
        elif FIXED[name] and value not in FIXED[name]:
            raise Unsupported(f"{name}: {value!r} is not supported")
    return options  # type: ignore[return-value]


def _response_grammar(wanted: Mapping[str, Any] | None) -> Grammar | None:
    kind = (wanted or {}).get("type", "text")
    if wanted is None or kind == "text":
        return None
    if kind == "json_object":
        return Grammar.json_schema(wanted.get("schema") or {"type": "object", "additionalProperties": True})
    if kind == "json_schema":
        schema = (wanted.get("json_schema") or {}).get("schema")
        if schema is None:
            raise InvalidArgument("response_format.json_schema.schema: missing")
        return Grammar.json_schema(schema)
    raise Unsupported(f"response_format.type: {kind!r} is not supported")


def _with_tools(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] | None, choice: Any) -> list[Message]:
    """Prompts take tools from the system message."""
    if not tools or choice == "none":
        return list(messages)
    if choice not in (None, "auto"):
        raise Unsupported(f"tool_choice: {json.dumps(choice)} is not supported")
    if messages and messages[0].get("role") == "system":
        return [{**messages[0], "tools": list(tools)}, *messages[1:]]
    return [{"role": "system", "content": "", "tools": list(tools)}, *messages]


def create_completion(
    session: Session,
    prompt: Input,
    *,
    model: str = "",
    stream: bool = False,
    logprobs: int | bool | None = None,
    **request: Any,
) -> Answer:
    """A continuation of `prompt` as a `text_completion`, or with stream=True an iterator of its chunks.

    Sampling starts from what the model recommends. Raises Unsupported, TypeError for unknown options, and what `Session.generate` raises.
    """
    if logprobs is not None and logprobs > 1:
        raise Unsupported(f"logprobs: {logprobs} is not supported, only that of the token drawn")

    def choice(delta: Json, found: Any, finish: str | None) -> Json:
        legacy = None
        if found is not None:
            entries = found["content"]
            legacy = {"tokens": [e["token"] for e in entries], "token_logprobs": [e["logprob"] for e in entries], "top_logprobs": None}
        return {"index": 0, "text": "", **delta, "logprobs": legacy, "finish_reason": finish}

    options = _options({"max_tokens": 16, **request}, session)
    wanted = logprobs is not None and logprobs is not False
    named = model or session.model.type
    return Request("cmpl", "text_completion", session, prompt, options, named, stream, wanted, TextAnswer(), choice, choice).answer()


def create_chat_completion(
    session: Session,
    messages: Sequence[Message],
    *,
    model: str = "",
    stream: bool = False,
    logprobs: bool | None = None,
    tools: Sequence[Mapping[str, Any]] | None = None,
    tool_choice: Any = None,
    response_format: Mapping[str, Any] | None = None,
    reasoning_effort: str | None = None,
    thinking: bool = False,
    keep_thinking: bool = False,
    format: str = "",
    **request: Any,
) -> Answer:
    """The answer to a conversation as a `chat.completion`, or with stream=True an iterator of `chat.completion.chunk`.

    response_format   {"type": "json_object"} or {"type": "json_schema", "json_schema": {"schema": ...}}: held by a grammar, behind
                      the reasoning where there is any.
    thinking, keep_thinking, format, reasoning_effort   as `thinking`, `keep_thinking`, `format` and `effort` of `Prompt`.
    Raises as `create_completion`, and what `Prompt` raises.
    """

    def chunk(delta: Json, found: Any, finish: str | None) -> Json:
        return {"index": 0, "delta": delta, "logprobs": found, "finish_reason": finish}

    def whole(message: Json, found: Any, finish: str | None) -> Json:
        return {"index": 0, "message": message, "logprobs": found, "finish_reason": finish}

    options = _options(request, session)
    options["special"] = True  # the markers that tell the parts of an answer apart
    if (grammar := _response_grammar(response_format)) is not None:
        options["grammar"] = grammar
        if thinking:
            options["grammar_after"] = "</think>"
    prompt = Prompt(
        _with_tools(messages, tools, tool_choice),
        model=session.model,
        format=format,
        thinking=thinking,
        effort=reasoning_effort or "",
        keep_thinking=keep_thinking,
    )
    named, writing = model or session.model.type, ChatAnswer(prompt.format, thinking)
    return Request(
        "chatcmpl", "chat.completion", session, prompt, options, named, stream, bool(logprobs), writing, chunk, whole
    ).answer()
