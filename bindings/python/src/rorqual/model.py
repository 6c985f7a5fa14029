"""Models: config, weights and tokenizer of a checkpoint."""

from __future__ import annotations

import ctypes
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from . import _declarations as c
from ._library import Closing, Handle, address, call, create, in_range, new, out_ids, out_text, utf8
from .errors import WrongState
from .session import MODES, Session, Timeline, options_struct
from .source import Origin, call_with, open_with
from .tokenizer import Tokenizer, dtype_name

if TYPE_CHECKING:
    from typing_extensions import Unpack

LOG_LEVELS = {
    c.RQ_LOG_ERROR: logging.ERROR,
    c.RQ_LOG_WARNING: logging.WARNING,
    c.RQ_LOG_INFO: logging.INFO,
    c.RQ_LOG_DEBUG: logging.DEBUG,
}


class SessionOptions(TypedDict, total=False):
    """Keywords of `Model.session` and `plan`."""

    context: int  # room in tokens; 0 = as many as the model supports
    mode: str  # "exact", "fast"; "default": fast for models with quantised weights
    cache: str  # "f32", "bf16", "int8", "compact" (DeepSeek-V4); "default": the library's choice
    relaxed: bool  # in mode exact: long prompts by whichever method is quicker, equal to rounding
    chunk: int  # a prompt is evaluated in pieces of at most so many tokens; 0 = 2048
    drafting: str  # "lookup", "head": who guesses tokens ahead, for the model to verify several at a time; "none"
    draft_tokens: int  # guesses at most before they are verified, up to 15; 0 = the library's choice


@dataclass(frozen=True)
class ModelInfo:
    """A model's sizes; names as in config.json."""

    threads: int
    """Workers in use, the calling thread included."""
    has_tokenizer: bool
    bos_token: int | None
    vocab_size: int
    hidden_size: int
    layers: int
    dense_layers: int
    """Of these, layers without routed experts."""
    heads: int
    routed_experts: int
    experts_per_token: int
    context: int
    """Tokens a session can hold."""
    parameters: int
    active_parameters: int
    """Used per token."""
    default_mode: str
    has_int8_cache: bool
    has_draft_head: bool
    has_compact_cache: bool


@dataclass(frozen=True)
class Plan:
    """Memory that a model and one session of it need, in bytes."""

    weights_bytes: int
    weights_mapped_bytes: int
    """Of these, mapped from files: the system may drop and reread them."""
    cache_per_token_bytes: int
    context_tokens: int
    """What the figures below are for."""
    cache_bytes: int
    scratch_bytes: int
    peak_bytes: int


@dataclass(frozen=True)
class TensorInfo:
    """One tensor of a checkpoint."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int
    file: str


def _plan(raw: Any) -> Plan:
    return Plan(**{name: getattr(raw, name) for name in Plan.__dataclass_fields__})


def plan(origin: Origin, *, threads: int = 0, **session: Unpack[SessionOptions]) -> Plan:
    """What opening a model and one session would need. Reads headers, no weights."""
    raw = new(c.rq_plan)
    model = new(c.rq_model_options, threads=in_range("threads", threads, 32))
    options = options_struct(**session)
    call_with("rq_source_plan", origin, ctypes.byref(model), ctypes.byref(options), ctypes.byref(raw))
    return _plan(raw)


class Model(Closing):
    """Config, weights and tokenizer of a checkpoint. Immutable: any number of threads may use one at once.

        model = rorqual.Model("models/v2-lite")

    origin         a checkpoint folder, a GGUF file, a mapping of files (`Source`).
    threads        workers including the thread that calls; 0 = one per physical core this process may use.
    isa            kernels of one instruction set by name ("portable", "avx2"): fails rather than falling back.
    log            receives the library's notices: a logging.Logger, or a function of (level, line) with logging's levels.
    headers_only   read no weights: a model to look at and to tokenize with, which has no sessions.

    Raises NotFound, ReadWriteError, Corrupt, Unsupported, CallbackFailed: all that is wrong with a checkpoint at once.
    """

    def __init__(
        self,
        origin: Origin,
        *,
        threads: int = 0,
        isa: str = "",
        log: logging.Logger | Callable[[int, str], object] | None = None,
        headers_only: bool = False,
    ) -> None:
        log_callback = self._log_callback(log)
        name = utf8(isa)
        options = new(
            c.rq_model_options,
            threads=in_range("threads", threads, 32),
            isa=address(name),
            isa_len=len(name),
            log=log_callback,
            headers_only=headers_only,
        )
        self._open: Handle | None
        self._open, source = open_with("rq_model_open", "rq_model_free", origin, ctypes.byref(options))
        self._kept = (log_callback, source)  # what the model and its sessions borrow
        self._info = self._read_info()
        self._tokenizer: Tokenizer | None = None

    @staticmethod
    def _log_callback(log: logging.Logger | Callable[[int, str], object] | None) -> Any:
        write = log.log if isinstance(log, logging.Logger) else log
        if write is None:
            return c.rq_log_fn()

        def notice(level: int, line: int, length: int, _user: Any) -> None:
            # What a log function raises cannot reach anybody: ctypes reports it as unraisable.
            write(LOG_LEVELS.get(level, logging.DEBUG), ctypes.string_at(line, length).decode("utf-8", "replace"))

        return c.rq_log_fn(notice)

    @property
    def _handle(self) -> Handle:
        if self._open is None:
            raise WrongState("model: closed")
        return self._open

    def close(self) -> None:
        """Gives the model back. Sessions live on; its memory goes with the last of them. May be called again."""
        self._open = None

    def __repr__(self) -> str:
        if self._open is None:
            return "<rorqual.Model, closed>"
        return f"<rorqual.Model {self.type}, {self.info.parameters / 1e6:.4g} M parameters>"

    # ---- what it is

    def _read_info(self) -> ModelInfo:
        raw = new(c.rq_model_info)
        call("rq_model_get_info", self._handle, ctypes.byref(raw))
        values = {name: getattr(raw, name) for name in ModelInfo.__dataclass_fields__}
        for flag in ("has_tokenizer", "has_int8_cache", "has_draft_head", "has_compact_cache"):
            values[flag] = bool(values[flag])
        values["bos_token"] = None if raw.bos_token < 0 else raw.bos_token
        values["default_mode"] = {code: name for name, code in MODES.items()}[raw.default_mode]
        return ModelInfo(**values)

    @property
    def info(self) -> ModelInfo:
        return self._info

    @property
    def type(self) -> str:
        """The family as config.json names it."""
        return out_text("rq_model_type", self._handle)

    @property
    def identity(self) -> str:
        """32 hexadecimal digits: equal for equal checkpoints, wherever they lie."""
        return out_text("rq_model_identity", self._handle)

    @property
    def config(self) -> dict[str, Any]:
        """config.json as it was read; of a GGUF model, its keys in the words of config.json."""
        config: dict[str, Any] = json.loads(out_text("rq_model_config", self._handle))
        return config

    @property
    def kernels(self) -> str:
        """A report for people: threads in use, kernels in use, and why no better ones."""
        return out_text("rq_model_kernels", self._handle)

    @property
    def tensors(self) -> list[TensorInfo]:
        """The tensors, in the order of the checkpoint."""
        count = ctypes.c_size_t()
        call("rq_model_tensor_count", self._handle, ctypes.byref(count))
        found = []
        for index in range(count.value):
            raw = new(c.rq_tensor_info)
            call("rq_model_tensor", self._handle, index, ctypes.byref(raw))
            name = ctypes.string_at(raw.name, raw.name_len).decode("utf-8")
            file = ctypes.string_at(raw.file, raw.file_len).decode("utf-8", "surrogateescape") if raw.file_len else ""
            found.append(TensorInfo(name, dtype_name(raw.dtype), tuple(raw.shape[: raw.rank]), raw.size_bytes, file))
        return found

    def plan(self, **session: Unpack[SessionOptions]) -> Plan:
        """Memory that this model and one such session of it need."""
        raw = new(c.rq_plan)
        options = options_struct(**session)
        call("rq_model_plan", self._handle, ctypes.byref(options), ctypes.byref(raw))
        return _plan(raw)

    @property
    def sampling(self) -> dict[str, Any]:
        """What generation_config.json recommends, as keywords of `generate`; empty where it says nothing."""
        raw = new(c.rq_sampling_options)
        call("rq_model_sampling", self._handle, ctypes.byref(raw))
        names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty", "presence_penalty")
        return {name: float(f"{value:.7g}") if isinstance(value, float) else value for name in names if (value := getattr(raw, name))}

    @property
    def stop_tokens(self) -> list[int]:
        """The tokens at which the model says it has finished."""
        return out_ids("rq_model_stop_tokens", self._handle)

    # ---- text

    @property
    def tokenizer(self) -> Tokenizer:
        """Raises WrongState where the checkpoint has none."""
        if self._tokenizer is None:
            self._tokenizer = Tokenizer._of(create("rq_model_tokenizer", "rq_tokenizer_free", self._handle))
        return self._tokenizer

    def encode_prompt(self, text: str | bytes, *, added_tokens: bool = False) -> list[int]:
        """Ids of a prompt as the model expects it: `Tokenizer.encode`, with begin-of-sentence first where the model asks for it."""
        data = utf8(text)
        flags = c.RQ_ENCODE_ADDED_TOKENS if added_tokens else 0
        return out_ids("rq_model_encode_prompt", self._handle, data, len(data), flags, guess=len(data) + 2)

    # ---- sessions

    def session(self, **options: Unpack[SessionOptions]) -> Session:
        """A new, empty timeline. Raises OutOfMemory, Unsupported, WrongState."""
        struct = options_struct(**options)
        return Session(self, Timeline(create("rq_session_create", "rq_session_free", self._handle, ctypes.byref(struct)), self._kept))
