from __future__ import annotations

import asyncio
import gc
import resource
import sys
import threading
import time

import pytest
from conftest import run_script

import rorqual


def test_ctrl_c_cancels_a_prompt_that_is_being_evaluated() -> None:
    done = run_script(
        """
import os, signal, time
interrupted = []
def interrupt(layer, position, ids, weights):
    if not interrupted: interrupted.append(layer); os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)  # at each of many chunks, until the other thread gets to cancel this one
session = model.session(chunk=16)
try:
    with rorqual.observe(session, experts=interrupt):
        session.sync([5] * 2000)
except KeyboardInterrupt:
    print("interrupted", len(session) < 2000)
print("".join(session.generate("Once upon a time", max_tokens=3)))
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "interrupted True\n there was a\n"


def test_ctrl_c_at_any_moment_of_a_call_leaves_no_call_behind() -> None:
    done = run_script(
        """
import os, signal, threading, time
delay = 0.0
def interrupt():
    time.sleep(delay)
    os.kill(os.getpid(), signal.SIGINT)
interrupted = 0
for step in range(40):
    delay = step * 0.0005
    thread = threading.Thread(target=interrupt)
    try:
        thread.start()
        session.sync([5 + step] * 300)
        time.sleep(1)
    except KeyboardInterrupt:
        interrupted += 1
    thread.join()
    session.rewind(0)
    session.sync([7, 8, 9])
print(interrupted, len(session))
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "40 3\n"


def test_ctrl_c_ends_a_generation_and_the_session_goes_on() -> None:
    done = run_script(
        """
import os, signal
try:
    for index, piece in enumerate(session.generate("Once upon a time")):
        if index == 3: os.kill(os.getpid(), signal.SIGINT)
except KeyboardInterrupt:
    print("interrupted")
print("".join(session.generate("Once upon a time", max_tokens=3)))
"""
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "interrupted\n there was a\n"


@pytest.mark.parametrize(
    "script",
    [
        "pieces = session.generate('Once upon a time'); next(pieces)",
        "import sys\nfor piece in session.generate('Once upon a time'): sys.exit(0)",
        """
import threading, time
def write():
    while True:
        for piece in session.generate("Once upon a time", max_tokens=200): pass
threading.Thread(target=write, daemon=True).start()
time.sleep(0.3)
""",
        """
import asyncio
async def main():
    async for piece in session.agenerate("Once upon a time"): break
asyncio.run(main())
""",
        "view = session.sync([0]) and session.logits(copy=False); del session, model",
    ],
    ids=["held", "exit in the loop", "on another thread", "async", "view"],
)
def test_an_interpreter_that_ends_in_the_middle_of_a_generation_ends_in_silence(script: str) -> None:
    done = run_script(script)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not hasattr(__import__("os"), "fork"), reason="no fork() here")
def test_after_fork_the_child_is_refused_and_the_parent_goes_on() -> None:
    done = run_script(
        """
import os, sys, threading, time, warnings
warnings.simplefilter("ignore")
held = threading.Thread(target=lambda: session.sync([5] * 1500)); held.start(); time.sleep(0.05)
child = os.fork()
if child == 0:
    try: session.sync([0, 5])
    except rorqual.WrongState as error: os._exit(7)
    os._exit(8)
held.join()
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), len(session))
""",
    )
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "7 1500\n")


def test_the_interpreter_goes_on_while_the_library_evaluates(session: rorqual.Session) -> None:
    worker = threading.Thread(target=lambda: session.sync([5] * 2000))
    turns = 0
    worker.start()
    while worker.is_alive():
        turns += 1
        time.sleep(0)
    assert turns > 100


def test_cancel_from_another_thread_stops_the_evaluation_and_nothing_is_lost(session: rorqual.Session) -> None:
    timer = threading.Thread(target=session.cancel)
    with rorqual.observe(session, experts=lambda *_: timer.ident or timer.start()), pytest.raises(rorqual.Cancelled):
        session.sync([5] * 2000)
    timer.join()
    assert session.sync([5] * 20)[0] <= 20


def test_threads_take_turns_on_a_session(session: rorqual.Session) -> None:
    failed: list[BaseException] = []

    def work(token: int) -> None:
        try:
            for _ in range(20):
                session.sync([0, token])
                session.logits()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(token,)) for token in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_sessions_of_one_model_write_the_same_on_many_threads(model: rorqual.Model) -> None:
    texts: list[str] = []

    def write() -> None:
        texts.append("".join(model.session(context=64).generate("Once upon a time", max_tokens=20)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 4
    assert len(set(texts)) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of the process")
def test_dropped_iterators_and_collected_sessions_leave_no_memory_behind(model: rorqual.Model) -> None:
    def round_of(count: int) -> int:
        for _ in range(count):
            session = model.session()
            next(session.generate("Once upon a time"))
            cycle = [session.generate()]
            cycle.append(cycle)  # type: ignore[arg-type]
            del session, cycle
            gc.collect()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = round_of(5)
    one = model.plan().scratch_bytes // 1024
    assert round_of(20) - before < 2 * one  # 20 sessions kept would be 20 times as much


def test_a_generation_collected_while_its_session_is_in_use_is_freed_when_that_call_is_over(session: rorqual.Session) -> None:
    generation = session.generate("Once upon a time")
    next(generation)
    timeline = session._timeline
    with timeline.lock:
        del generation
        assert len(timeline.dropped) == 1
    len(session)
    assert not timeline.dropped
    session.rewind(1)


def test_async_generation_writes_the_same_text(session: rorqual.Session) -> None:
    async def write() -> list[str]:
        return [piece async for piece in session.agenerate("Once upon a time", max_tokens=10)]

    assert asyncio.run(write()) == list(session.generate("Once upon a time", max_tokens=10))


def test_leaving_an_async_loop_or_cancelling_its_task_ends_the_generation(session: rorqual.Session) -> None:
    async def leave() -> None:
        stream = session.agenerate("Once upon a time")
        async for _ in stream:
            break
        await stream.aclose()  # type: ignore[attr-defined]
        session.rewind(1)

    async def cancel() -> None:
        async def write() -> None:
            async for _ in session.agenerate([5] * 1900):
                pass

        task = asyncio.create_task(write())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(leave())
    asyncio.run(cancel())
    assert list(session.generate("Once upon a time", max_tokens=2)) == [" there", " was"]


def test_a_task_cancelled_between_two_evaluations_does_not_stop_the_next(session: rorqual.Session) -> None:
    from rorqual.session import in_thread

    async def cancel() -> None:
        task = asyncio.create_task(in_thread(session._timeline, lambda: time.sleep(0.1)))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    session.sync("Once upon a time")
    asyncio.run(cancel())
    assert list(session.generate(max_tokens=2)) == [" there", " was"]
    asyncio.run(cancel())
    session.cancel()
    with pytest.raises(rorqual.Cancelled):
        session.sync([0, 5, 6])
