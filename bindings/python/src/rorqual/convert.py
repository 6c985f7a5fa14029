"""Writing models: other number formats, packed files, random weights of a true geometry."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from typing import Any, Optional

from . import _declarations as c
from ._library import Relay, address, call, in_range, new, utf8
from .source import Origin, Path, call_with

Progress = Optional[Callable[[int, int, str], object]]  # (done_bytes, all_bytes, tensor); raising stops the conversion
LATENT = {"default": c.RQ_LATENT_DEFAULT, "joined": c.RQ_LATENT_JOINED, "split": c.RQ_LATENT_SPLIT}


class _Progress:
    """A progress function for C; the call is then made by `run`, which raises what the function raised."""

    def __init__(self, report: Progress) -> None:
        self.relay = Relay()
        self.callback = c.rq_progress_fn() if report is None else c.rq_progress_fn(self._make(report))

    def _make(self, report: Callable[[int, int, str], object]) -> Callable[[int, int, int, int, Any], int]:
        def progress(done: int, total: int, tensor: int, length: int, _user: Any) -> int:
            name = ctypes.string_at(tensor, length).decode("utf-8", "replace") if length else ""
            return self.relay(lambda: report(done, total, name))

        return progress

    def run(self, function: Callable[[], None]) -> None:
        try:
            function()
        except Exception as error:
            if self.relay.raised is not None:
                raise error from self.relay.raised
            raise


def _latent(name: str) -> int:
    if name not in LATENT:
        raise ValueError(f"latent: expected one of {', '.join(LATENT)}, not {name!r}")
    return LATENT[name]


def quantize(
    origin: Origin,
    path: Path,
    *,
    format: str = "q4_k_m",
    pure: bool = False,
    latent: str = "default",
    threads: int = 0,
    progress: Progress = None,
) -> None:
    """Writes a model as a GGUF file whose matrices are stored in another format: rorqual.h, rq_quantize.

    The file appears only when whole. Raises what opening the model raises; CallbackFailed where `progress` raised.
    """
    target, name, report = os.fsencode(path), utf8(format), _Progress(progress)
    options = new(
        c.rq_quantize_options,
        threads=in_range("threads", threads, 32),
        format=address(name),
        format_len=len(name),
        pure=pure,
        latent=_latent(latent),
        progress=report.callback,
    )
    report.run(lambda: call_with("rq_quantize", origin, target, len(target), ctypes.byref(options)))


def pack(origin: Origin, path: Path, *, threads: int = 0, progress: Progress = None) -> None:
    """Writes a model as one safetensors file that holds its weights as the engine computes with them: opening it maps it and is done."""
    target, report = os.fsencode(path), _Progress(progress)
    options = new(c.rq_pack_options, threads=in_range("threads", threads, 32), progress=report.callback)
    report.run(lambda: call_with("rq_pack", origin, target, len(target), ctypes.byref(options)))


def synthesize(
    path: Path,
    *,
    geometry: str = "v2-lite",
    format: str = "q4_k_m",
    pure: bool = False,
    latent: str = "default",
    seed: int = 0,
    layers: int = 0,
    threads: int = 0,
    progress: Progress = None,
) -> None:
    """Writes a GGUF file with a model of true geometry and random weights, to measure with."""
    target, report = os.fsencode(path), _Progress(progress)
    shape, name = utf8(geometry), utf8(format)
    options = new(
        c.rq_synthesize_options,
        threads=in_range("threads", threads, 32),
        geometry=address(shape),
        geometry_len=len(shape),
        format=address(name),
        format_len=len(name),
        pure=pure,
        latent=_latent(latent),
        seed=in_range("seed", seed, 64),
        layers=in_range("layers", layers, 64),
        progress=report.callback,
    )
    report.run(lambda: call("rq_synthesize", target, len(target), ctypes.byref(options)))
