#!/usr/bin/env python3
"""What a token costs in Python over C: microseconds, median of runs in turn.

    overhead.py MODEL PROGRAM    PROGRAM: bindings/python/bench/overhead.c, linked with librorqual

Both write the same tokens in the same session settings and time rq_generation_next alone.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import rorqual

TOKENS, RUNS = 400, 15


def python_run(model: rorqual.Model) -> float:
    session = model.session()
    generation = session.generate("Once upon a time", max_tokens=TOKENS, ignore_stop_tokens=True)
    start = time.perf_counter()
    count = sum(1 for _ in generation)
    assert count == TOKENS
    return (time.perf_counter() - start) / count * 1e6


def main() -> None:
    path, program = sys.argv[1:]
    model = rorqual.Model(path, threads=1)
    in_python, in_c = [], []
    for _ in range(RUNS):
        in_python.append(python_run(model))
        in_c.append(float(subprocess.run([program, path, str(TOKENS)], capture_output=True, text=True, check=True).stdout))
    difference = [a - b for a, b in zip(in_python, in_c)]
    print(f"Python {statistics.median(in_python):.1f}, C {statistics.median(in_c):.1f} microseconds a token")
    print(f"over C: median {statistics.median(difference):.1f}, from {min(difference):.1f} to {max(difference):.1f}, {RUNS} pairs")


if __name__ == "__main__":
    main()
