"""Rorqual runs DeepSeek-family models inside your own process.

    import rorqual

    model = rorqual.Model("models/v2-lite")
    session = model.session()
    for piece in session.generate("Once upon a time", max_tokens=40):
        print(piece, end="")

Errors of the library are exceptions, one class a status, all below `rorqual.Error`. The interpreter's lock is released during every call;
objects may be used from any thread.
"""

from . import openai, ops
from ._library import version as __version__
from .batch import evaluate_batch
from .completion import Completion, Part
from .convert import pack, quantize, synthesize
from .errors import (
    CallbackFailed,
    Cancelled,
    ContextFull,
    Corrupt,
    Error,
    InternalError,
    InvalidArgument,
    NotFound,
    OutOfMemory,
    ReadWriteError,
    Unsupported,
    WrongState,
)
from .generation import Generation, GenerationOptions, Piece
from .grammar import Grammar
from .model import Model, ModelInfo, Plan, SessionOptions, TensorInfo, plan
from .observer import observe
from .prompt import Prompt
from .session import Metrics, Session
from .source import Callbacks, Source
from .tokenizer import Tokenizer

__all__ = [
    "CallbackFailed",
    "Callbacks",
    "Cancelled",
    "Completion",
    "ContextFull",
    "Corrupt",
    "Error",
    "Generation",
    "GenerationOptions",
    "Grammar",
    "InternalError",
    "InvalidArgument",
    "Metrics",
    "Model",
    "ModelInfo",
    "NotFound",
    "OutOfMemory",
    "Part",
    "Piece",
    "Plan",
    "Prompt",
    "ReadWriteError",
    "Session",
    "SessionOptions",
    "Source",
    "TensorInfo",
    "Tokenizer",
    "Unsupported",
    "WrongState",
    "__version__",
    "evaluate_batch",
    "observe",
    "openai",
    "ops",
    "pack",
    "plan",
    "quantize",
    "synthesize",
]
