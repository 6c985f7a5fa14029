"""Sessions: one timeline of a model."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import threading
import weakref
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, Union

from . import _declarations as c
from ._arrays import Array, floats_copy, floats_new, floats_view
from ._library import Closing, Handle, Relay, call, create, ids, in_range, lib, new
from .errors import Cancelled, WrongState
from .generation import Generation, GenerationOptions, Piece
from .prompt import Message, Prompt
from .source import Origin, Path, call_with

if TYPE_CHECKING:
    from types import FrameType

    from typing_extensions import Unpack

    from .model import Model

T = TypeVar("T")
Input = Union[str, Prompt, Sequence[int]]
MODES = {"default": c.RQ_MODE_DEFAULT, "exact": c.RQ_MODE_EXACT, "fast": c.RQ_MODE_FAST}
CACHES = {
    "default": c.RQ_CACHE_DEFAULT,
    "f32": c.RQ_CACHE_F32,
    "bf16": c.RQ_CACHE_BF16,
    "int8": c.RQ_CACHE_INT8,
    "compact": c.RQ_CACHE_COMPACT,  # DeepSeek-V4
}

DRAFTERS = {"none": c.RQ_DRAFTING_NONE, "lookup": c.RQ_DRAFTING_LOOKUP, "head": c.RQ_DRAFTING_HEAD}


def options_struct(
    *,
    context: int = 0,
    mode: str = "default",
    cache: str = "default",
    relaxed: bool = False,
    chunk: int = 0,
    drafting: str = "none",
    draft_tokens: int = 0,
) -> c.rq_session_options:
    for name, value, known in (("mode", mode, MODES), ("cache", cache, CACHES), ("drafting", drafting, DRAFTERS)):
        if value not in known:
            raise ValueError(f"{name}: expected one of {', '.join(known)}, not {value!r}")
    struct: c.rq_session_options = new(
        c.rq_session_options,
        mode=MODES[mode],
        cache=CACHES[cache],
        relaxed=relaxed,
        context=in_range("context", context, 64),
        chunk=in_range("chunk", chunk, 64),
        drafting=DRAFTERS[drafting],
        draft_tokens=in_range("draft_tokens", draft_tokens, 32),
    )
    return struct


class Timeline:
    """A session's handle, with the lock that keeps it to one thread at a time.

    Views of its memory and generations refer to this, not to the Session: the handle is freed when the last of them is gone.
    """

    def __init__(self, handle: Handle, kept: tuple[Any, ...]) -> None:
        self.handle = handle
        self.renew_lock()
        self.dropped: deque[int] = deque()  # generations nobody refers to any more, to be freed when no call is running
        self.relay = Relay()  # of the observer
        self.kept = kept  # what C borrows from the model's source and log
        self.observer: tuple[Any, ...] = ()  # the functions that look on
        self.stray_cancel = False  # one is pending that was meant for a call which had ended by then
        _timelines.add(self)

    def renew_lock(self) -> None:
        self.lock = threading.Lock()
        self.owner = 0  # the thread inside a call; tells a callback that it may not call in again

    def refuse_reentry(self) -> None:
        if self.owner == threading.get_ident():
            raise WrongState("session: a callback must not call the session that it runs in")

    @contextmanager
    def use(self) -> Iterator[int]:
        """The handle, for this thread alone."""
        self.refuse_reentry()
        with self.lock:
            self.owner = threading.get_ident()
            try:
                yield self.handle.value or 0
            finally:
                self.owner = 0
        if self.dropped:
            self.free_dropped()

    def free_dropped(self) -> None:
        while self.dropped and self.lock.acquire(blocking=False):
            try:
                while self.dropped:
                    lib.rq_generation_free(self.dropped.popleft())
            finally:
                self.lock.release()

    def cancel(self) -> None:
        lib.rq_session_cancel(self.handle.value)

    def take_stray_cancel(self) -> bool:
        stray, self.stray_cancel = self.stray_cancel, False
        return stray

    def raised(self) -> BaseException | None:
        """What a callback raised during the call that failed."""
        raised, self.relay.raised = self.relay.raised, None
        return raised

    def evaluate(self, name: str, *arguments: Any) -> None:
        """A call that may take long. On the main thread Ctrl-C cancels it."""
        self.refuse_reentry()

        def run() -> None:
            with self.use() as session:
                try:
                    call(name, session, *arguments)
                except Cancelled:
                    if not self.take_stray_cancel():
                        raise
                    call(name, session, *arguments)
                except Exception as error:
                    raised = self.raised()
                    if raised is None:
                        raise
                    raise error from raised

        if threading.current_thread() is threading.main_thread():
            self._interruptible(run)
        else:
            run()

    def _interruptible(self, run: Callable[[], None]) -> None:
        """Runs on another thread while this one waits: the interpreter handles signals only between its own instructions.

        That thread holds the lock, so that not even a signal at the worst moment lets two threads into the session.
        """
        failed: list[BaseException] = []
        done = threading.Event()

        def work() -> None:
            try:
                run()
            except BaseException as error:
                failed.append(error)
            finally:
                done.set()

        interrupt: BaseException | None = None
        cancelled = False
        with _Interrupt(self.cancel) as ctrl_c:
            threading.Thread(target=work, name="rorqual", daemon=True).start()
            while not done.is_set():
                try:
                    if interrupt is not None and not cancelled:
                        cancelled = True
                        self.cancel()
                    done.wait()
                except BaseException as error:  # from the handler of another signal
                    interrupt = interrupt or error
            self.stray_cancel = (cancelled or ctrl_c.came) and not failed
        if interrupt is not None:
            raise interrupt
        if failed:
            raise failed[0]


class _Interrupt:
    """Within `with`, Ctrl-C calls `cancel` and raises nothing, wherever it comes; behind, it does what it would have done."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel
        self._held: tuple[int, FrameType | None] | None = None
        self._handler: Any = signal.getsignal(signal.SIGINT)

    @property
    def came(self) -> bool:
        return self._held is not None

    def _hold(self, number: int, frame: FrameType | None) -> None:
        if self._held is None:
            self._held = (number, frame)
            self._cancel()

    def __enter__(self) -> _Interrupt:
        if callable(self._handler):
            signal.signal(signal.SIGINT, self._hold)
        return self

    def __exit__(self, *_: object) -> None:
        if callable(self._handler):
            signal.signal(signal.SIGINT, self._handler)
            if self._held is not None:
                self._handler(*self._held)


_timelines: weakref.WeakSet[Timeline] = weakref.WeakSet()


def _after_fork() -> None:
    for timeline in list(_timelines):
        timeline.renew_lock()  # its holder does not exist in the child


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


async def in_thread(timeline: Timeline, function: Callable[[], T]) -> T:
    """Runs a call on another thread; cancelling the task cancels the call, and waits for its end."""
    future = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        timeline.cancel()
        while not future.done():  # some frameworks cancel again and again; the delay is bounded
            try:
                await asyncio.wait([future])
            except asyncio.CancelledError:
                continue
        timeline.stray_cancel = future.exception() is None
        raise


@dataclass(frozen=True)
class Metrics:
    """Counters of a session since its creation."""

    prefill_tokens: int
    """Evaluated together with others."""
    prefill_seconds: float
    decode_tokens: int
    """Evaluated alone, or with guesses of what follows."""
    decode_seconds: float
    cache_bytes: int
    """What all layers remember now; memory shared with forks counts fully in each."""
    scratch_bytes: int
    guesses: int
    """Evaluated along with decoded tokens, because they might follow."""
    kept_guesses: int
    """Of these, what was drawn then: tokens a second are (decode_tokens + kept_guesses) / decode_seconds."""


class Session(Closing):
    """One timeline of a model: the tokens so far and what each layer remembers of them. Made by `Model.session`.

    Calls from several threads wait for one another. `cancel` works from any thread at any time.
    """

    def __init__(self, model: Model, timeline: Timeline) -> None:
        self._model = model
        self._open: Timeline | None = timeline

    @property
    def _timeline(self) -> Timeline:
        if self._open is None:
            raise WrongState("session: closed")
        return self._open

    @property
    def model(self) -> Model:
        return self._model

    def close(self) -> None:
        """Gives the session back. Its memory goes when views of its logits are gone, too. May be called again."""
        self._open = None

    def __len__(self) -> int:
        return self._count("rq_session_length")

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return "<rorqual.Session, closed>" if self._open is None else f"<rorqual.Session, {len(self)} of {self.capacity} tokens>"

    # ---- evaluating

    def tokens_of(self, prompt: Input) -> list[int]:
        """The ids that `generate` and `sync` evaluate for a prompt."""
        if isinstance(prompt, Prompt):
            return prompt.tokens(self._model.tokenizer)
        return self._model.encode_prompt(prompt) if isinstance(prompt, str) else list(prompt)

    def sync(self, prompt: Input) -> tuple[int, int]:
        """Makes the timeline equal to a prompt: keeps the common prefix, evaluates only what is new. How many tokens were kept, and
        evaluated.

        Raises ContextFull (nothing changed), Cancelled (the timeline is valid and may be shorter).
        """
        tokens = self.tokens_of(prompt)
        kept, evaluated = ctypes.c_size_t(), ctypes.c_size_t()
        self._timeline.evaluate("rq_session_sync", ids(tokens), len(tokens), ctypes.byref(kept), ctypes.byref(evaluated))
        return kept.value, evaluated.value

    def append(self, tokens: Sequence[int]) -> None:
        """Evaluates tokens after the last one. Raises as `sync`; InvalidArgument for an id outside the vocabulary."""
        self._timeline.evaluate("rq_session_append", ids(tokens), len(tokens), None, 0)

    def append_logits(self, tokens: Sequence[int]) -> Array:
        """`append` that returns the logits after each of the tokens: float32 [len(tokens), vocab_size], yours."""
        array, where, count = floats_new(len(tokens), self._model.info.vocab_size)
        self._timeline.evaluate("rq_session_append", ids(tokens), len(tokens), where, count)
        return array

    def logits(self, *, copy: bool = True) -> Array:
        """The logits after the last token: float32 [vocab_size].

        copy=False: a read-only view of the session's own memory. It keeps that memory alive, also after `close`; its *values* are those
        of the last token only until the next call that evaluates or changes the session.
        A numpy array where numpy is installed, else an `array.array`, or a `memoryview` for copy=False.
        Raises WrongState for an empty timeline.
        """
        timeline = self._timeline
        where, count = ctypes.c_void_p(), ctypes.c_size_t()
        with timeline.use() as session:
            call("rq_session_logits", session, ctypes.byref(where), ctypes.byref(count))
            assert where.value is not None
            if copy:
                return floats_copy(where.value, count.value)
            return floats_view(where.value, count.value, owner=timeline)

    def rewind(self, length: int) -> None:
        """Forgets all tokens from `length` on: exactly the state of a session that never saw them."""
        with self._timeline.use() as session:
            call("rq_session_rewind", session, in_range("length", length, 64))

    def fork(self) -> Session:
        """An independent session with the same timeline; memory is shared as far as it can be."""
        with self._timeline.use() as session:
            return Session(self._model, Timeline(create("rq_session_fork", "rq_session_free", session), self._timeline.kept))

    def save(self, path: Path) -> None:
        """Writes the timeline to a file, which gets its name when it is whole."""
        target = os.fsencode(path)
        with self._timeline.use() as session:
            call("rq_session_save", session, target, len(target))

    def load(self, origin: Origin) -> None:
        """Makes the timeline the one that was saved, to the bit, or leaves it as it is. Only with the model, mode and cache it was saved with."""
        with self._timeline.use() as session:
            call_with("rq_session_load", origin, to=session)

    def cancel(self) -> None:
        """Stops the evaluation that is running, which then raises Cancelled; when none is running, the next one. Any thread, any time."""
        if (timeline := self._open) is not None:
            timeline.stray_cancel = False
            timeline.cancel()

    # ---- looking

    def _count(self, name: str) -> int:
        value = ctypes.c_size_t()
        with self._timeline.use() as session:
            call(name, session, ctypes.byref(value))
        return value.value

    @property
    def capacity(self) -> int:
        """How many tokens fit into the timeline."""
        return self._count("rq_session_capacity")

    @property
    def tokens(self) -> list[int]:
        """The tokens of the timeline, oldest first."""
        where, count = ctypes.c_void_p(), ctypes.c_size_t()
        with self._timeline.use() as session:
            call("rq_session_tokens", session, ctypes.byref(where), ctypes.byref(count))
            return (ctypes.c_int32 * count.value).from_address(where.value)[:] if count.value and where.value else []

    @property
    def metrics(self) -> Metrics:
        raw = new(c.rq_metrics)
        with self._timeline.use() as session:
            call("rq_session_metrics", session, ctypes.byref(raw))
        return Metrics(**{name: getattr(raw, name) for name in Metrics.__dataclass_fields__})

    # ---- generating

    def generate(self, prompt: Input | None = None, **options: Unpack[GenerationOptions]) -> Generation:
        """The continuation of a prompt, piece by piece: `for piece in session.generate("Once upon a time"): ...`

        The timeline becomes prompt and continuation, what it shares with the prompt is not evaluated again. None: goes on where the
        timeline ends. Options: GenerationOptions. The prompt is evaluated before this returns.
        Raises ContextFull, Cancelled, WrongState (another generation under way; nothing to continue; no tokenizer).
        """
        if prompt is not None:
            self.sync(prompt)
        return Generation(self._timeline, options)

    def chat(
        self,
        messages: Sequence[Message],
        *,
        format: str = "",
        thinking: bool = False,
        effort: str = "",
        keep_thinking: bool = False,
        **options: Unpack[GenerationOptions],
    ) -> Generation:
        """The answer to a conversation, piece by piece. The messages are those of `Prompt`; so are the first options."""
        prompt = Prompt(
            messages,
            model=self._model,
            format=format,
            thinking=thinking,
            effort=effort,
            keep_thinking=keep_thinking,
        )
        return self.generate(prompt, **options)

    async def agenerate(self, prompt: Input | None = None, **options: Unpack[GenerationOptions]) -> AsyncIterator[Piece]:
        """`generate` for event loops: evaluates on another thread. Cancelling the task cancels the evaluation."""
        timeline = self._timeline
        generation = await in_thread(timeline, lambda: self.generate(prompt, **options))
        try:
            while (piece := await in_thread(timeline, lambda: next(generation, None))) is not None:
                yield piece
        finally:
            generation.close()

    async def achat(
        self,
        messages: Sequence[Message],
        *,
        format: str = "",
        thinking: bool = False,
        effort: str = "",
        keep_thinking: bool = False,
        **options: Unpack[GenerationOptions],
    ) -> AsyncIterator[Piece]:
        """`chat` for event loops, as `agenerate`."""
        prompt = Prompt(
            messages,
            model=self._model,
            format=format,
            thinking=thinking,
            effort=effort,
            keep_thinking=keep_thinking,
        )
        async for piece in self.agenerate(prompt, **options):
            yield piece

    # ---- in the OpenAI shape

    def create_completion(self, prompt: Input, **request: Any) -> Any:
        """A `text_completion`, or with stream=True an iterator of its chunks: `rorqual.openai.create_completion`."""
        from .openai import create_completion

        return create_completion(self, prompt, **request)

    def create_chat_completion(self, messages: Sequence[Message], **request: Any) -> Any:
        """A `chat.completion`, or with stream=True an iterator of its chunks: `rorqual.openai.create_chat_completion`."""
        from .openai import create_chat_completion

        return create_chat_completion(self, messages, **request)
