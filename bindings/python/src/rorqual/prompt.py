"""Conversations as the prompts that models expect."""

from __future__ import annotations

import ctypes
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import _declarations as c
from ._library import address, call, create, new, out_ids, utf8
from .tokenizer import Tokenizer

if TYPE_CHECKING:
    from .model import Model

Message = Mapping[str, Any]


class Prompt:
    """A conversation as the text and the token ids that a model expects: the published templates, byte for byte.

    messages       a list of OpenAI messages: role, content, tool_calls ...; or its JSON.
    tokenizer      tells the format by its special tokens, where none is named.
    model          its tokenizer, and the chat template that comes with it: tells the format as well.
    format         "v2", "v3", "r1", "v3-0324", "r1-0528", "v3.1", "v3.2", "v4", or "jinja" for the chat template itself.
    thinking       the model is to reason before it answers.
    effort         V4, where thinking: "high" or "max".
    keep_thinking  reasoning of earlier turns stays in the prompt (V3.2, V4).
    generation     False: the prompt does not open an answer (up to V3.1; "jinja").
    chat_template  Jinja, in place of the model's.
    variables      "jinja": more of what the template is told, a dict; or its JSON.

    Immutable: any number of threads may use one at once. Raises, naming the place: Corrupt for missing keys and wrong types; Unsupported for
    keys and roles that are not known or that the format does not have; NotFound for a format that does not exist.
    """

    def __init__(
        self,
        messages: Sequence[Message] | str | bytes,
        *,
        tokenizer: Tokenizer | None = None,
        format: str = "",
        thinking: bool = False,
        effort: str = "",
        keep_thinking: bool = False,
        generation: bool = True,
        model: Model | None = None,
        chat_template: str = "",
        variables: Mapping[str, Any] | str | bytes = "",
    ) -> None:
        text = utf8(messages if isinstance(messages, (str, bytes)) else json.dumps(list(messages), ensure_ascii=False))
        name, how_much, template = utf8(format), utf8(effort), utf8(chat_template)
        told = utf8(variables if isinstance(variables, (str, bytes)) else json.dumps(dict(variables), ensure_ascii=False))
        options = new(
            c.rq_prompt_options,
            thinking=thinking,
            format=address(name),
            format_len=len(name),
            tokenizer=tokenizer._handle.value if tokenizer else None,
            effort=address(how_much),
            effort_len=len(how_much),
            keep_thinking=keep_thinking,
            no_generation=not generation,
            model=model._handle.value if model else None,
            chat_template=address(template),
            chat_template_len=len(template),
            variables=address(told),
            variables_len=len(told),
        )
        self._handle = create("rq_prompt_create", "rq_prompt_free", text, len(text), ctypes.byref(options))

    def _borrowed(self, name: str) -> str:
        text, length = ctypes.c_void_p(), ctypes.c_size_t()
        call(name, self._handle, ctypes.byref(text), ctypes.byref(length))
        return ctypes.string_at(text.value or 0, length.value).decode("utf-8") if length.value else ""

    @property
    def format(self) -> str:
        """The format that was named or found."""
        return self._borrowed("rq_prompt_format")

    @property
    def text(self) -> str:
        """The prompt, special tokens spelled out."""
        return self._borrowed("rq_prompt_text")

    def tokens(self, tokenizer: Tokenizer) -> list[int]:
        """Its ids. Text of users, tools and models never becomes a special token, whatever it spells."""
        return out_ids("rq_prompt_tokens", self._handle, tokenizer._handle, guess=1024)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"<rorqual.Prompt {self.format!r} of {len(self.text)} characters>"
