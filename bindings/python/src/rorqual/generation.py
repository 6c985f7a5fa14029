"""Generations: what ends one, how tokens are chosen, and the iterators that pull them."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from threading import get_ident
from typing import TYPE_CHECKING, Any, Optional, TypedDict, Union

from . import _declarations as c
from ._library import Closing, address, call, ids, in_range, lib, new, raise_status, utf8
from .grammar import Grammar

if TYPE_CHECKING:
    from typing_extensions import Self

    from .session import Timeline

FINISH = {
    c.RQ_FINISH_STOP_TOKEN: "stop_token",
    c.RQ_FINISH_STOP_STRING: "stop_string",
    c.RQ_FINISH_LIMIT: "limit",
    c.RQ_FINISH_CONTEXT_FULL: "context_full",
    c.RQ_FINISH_COMPLETE: "complete",
}


class GenerationOptions(TypedDict, total=False):
    """Keywords of `generate` and `chat`. Greedy, and as long as the session has room, where nothing else is said."""

    max_tokens: Optional[int]  # None and 0: as many as the session has room for
    temperature: float  # 0 = greedy: the largest logit
    top_k: int  # keep the k largest; 0 = all
    top_p: float  # keep the smallest set whose probability reaches p; 0 = all
    min_p: float  # keep tokens of at least min_p * the largest probability; 0 = all
    repetition_penalty: float  # > 1 makes tokens seen before less likely
    presence_penalty: float  # subtracted from the logits of tokens seen before
    penalty_window: int  # how many of the last tokens count as seen; 0 = all
    seed: int  # same seed, same logits: same tokens, on every machine
    logit_bias: Mapping[int, float]  # added to the logit of a token; -inf forbids it
    stop: Union[str, Sequence[str]]  # texts that end the generation and are not part of it
    stop_tokens: Sequence[int]  # in addition to the model's own
    ignore_stop_tokens: bool  # do not stop at the model's own
    special: bool  # special tokens appear in the text
    grammar: Optional[Grammar]  # what the text may be
    grammar_after: str  # the grammar holds behind this text: "</think>"


class Piece(str):
    """New text of a generation, a str, with the token it came with.

    The text is what is certain: empty while a character or a possible stop string is incomplete.
    """

    token: int
    """The token drawn."""
    logprob: float
    """Natural logarithm of the probability the model gave it, before penalties and filters."""
    finish: str | None
    """Why this is the last piece: "stop_token", "stop_string", "limit", "context_full", "complete"; None for all others."""


def _create(
    session: int,
    *,
    max_tokens: int | None = None,
    temperature: float = 0.0,
    top_k: int = 0,
    top_p: float = 0.0,
    min_p: float = 0.0,
    repetition_penalty: float = 0.0,
    presence_penalty: float = 0.0,
    penalty_window: int = 0,
    seed: int = 0,
    logit_bias: Mapping[int, float] | None = None,
    stop: str | Sequence[str] = (),
    stop_tokens: Sequence[int] = (),
    ignore_stop_tokens: bool = False,
    special: bool = False,
    grammar: Grammar | None = None,
    grammar_after: str | None = None,
) -> int:
    bias = logit_bias or {}
    stops = [utf8(one) for one in ([stop] if isinstance(stop, str) else stop)]
    bias_tokens, bias_values = ids(list(bias)), (ctypes.c_float * len(bias))(*bias.values())
    extra = ids(stop_tokens)
    strings = (ctypes.c_char_p * len(stops))(*stops)
    lengths = (ctypes.c_size_t * len(stops))(*map(len, stops))
    after = None if grammar_after is None else utf8(grammar_after)
    sampling = new(
        c.rq_sampling_options,
        temperature=temperature,
        top_k=in_range("top_k", top_k, 31),
        top_p=top_p,
        min_p=min_p,
        repetition_penalty=repetition_penalty,
        presence_penalty=presence_penalty,
        penalty_window=in_range("penalty_window", penalty_window, 31),
        seed=in_range("seed", seed, 64),
        bias_tokens=ctypes.addressof(bias_tokens) if bias else None,
        bias_values=ctypes.addressof(bias_values) if bias else None,
        bias_count=len(bias),
    )
    options = new(
        c.rq_generation_options,
        ignore_stop_tokens=ignore_stop_tokens,
        special=special,
        limit=in_range("max_tokens", max_tokens or 0, 64),
        sampling=ctypes.addressof(sampling),
        stop_tokens=ctypes.addressof(extra) if len(stop_tokens) else None,
        stop_token_count=len(stop_tokens),
        stop_strings=ctypes.addressof(strings) if stops else None,
        stop_string_lens=ctypes.addressof(lengths) if stops else None,
        stop_string_count=len(stops),
        grammar=grammar._handle.value if grammar else None,
        grammar_after=address(after) if after is not None else None,
    )
    out = ctypes.c_void_p()
    call("rq_generation_create", session, ctypes.byref(options), ctypes.byref(out))
    assert out.value is not None
    return out.value


class Generation(Closing):
    """An iterator over the pieces of a generation under way, one token each.

    Leaving the loop, `close()` or `with` ends it; what was drawn stays part of the session's timeline. Until then other calls that change the
    session raise WrongState. Any thread may pull the next piece, one at a time.
    """

    def __init__(self, timeline: Timeline, options: GenerationOptions) -> None:
        self._timeline = timeline
        self._piece = new(c.rq_piece)
        self._error = c.rq_error(struct_size=ctypes.sizeof(c.rq_error))
        self._references = ctypes.byref(self._piece), ctypes.byref(self._error)
        self._next = lib.rq_generation_next
        self._finish: str | None = None
        self._value: int | None = None
        with timeline.use() as session:
            self._value = _create(session, **options)

    @property
    def finish(self) -> str | None:
        """Why it ended, as in `Piece.finish`; None while it runs, and where it was closed early."""
        return self._finish

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Piece:
        """Raises Cancelled, CallbackFailed: nothing is lost, and the call may be made again."""
        timeline = self._timeline
        timeline.refuse_reentry()
        with timeline.lock:
            if self._value is None:
                raise StopIteration
            timeline.owner = get_ident()
            try:
                status = self._next(self._value, *self._references)
                if status == c.RQ_ERR_CANCELLED and timeline.take_stray_cancel():
                    status = self._next(self._value, *self._references)
            finally:
                timeline.owner = 0
            if status != c.RQ_OK:
                raise_status(status, self._error, timeline.raised())
            raw = self._piece
            piece = Piece(ctypes.string_at(raw.text, raw.text_len), "utf-8")
            piece.token, piece.logprob, piece.finish = raw.token, raw.logprob, FINISH.get(raw.finish)
            if piece.finish is not None:
                self._finish = piece.finish
                self._end()
        if timeline.dropped:
            timeline.free_dropped()
        if piece.token < 0 and not piece:
            raise StopIteration
        return piece

    def _end(self) -> None:
        value, self._value = self._value, None
        lib.rq_generation_free(value)

    def close(self) -> None:
        """Ends it. May be called again."""
        if self._value is not None:
            with self._timeline.use():
                if self._value is not None:
                    self._end()

    def __del__(self) -> None:
        # Collected on whatever thread, perhaps while another one uses the session: freed when the session is idle.
        value = getattr(self, "_value", None)
        if value is not None:
            self._timeline.dropped.append(value)
            self._timeline.free_dropped()
