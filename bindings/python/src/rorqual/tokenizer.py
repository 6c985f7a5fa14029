"""Text to token ids and back."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence

from . import _declarations as c
from ._library import Handle, call, create, ids, lib, out_ids, out_text, utf8
from .source import Origin, open_with


class Tokenizer:
    """Text <-> token ids. Immutable: any number of threads may use one at once.

    Made by `Model.tokenizer`, or without a model from a tokenizer.json, a GGUF file or a folder with one of them.
    Raises NotFound, ReadWriteError, Corrupt, Unsupported.
    """

    def __init__(self, origin: Origin) -> None:
        self._handle, self._source = open_with("rq_tokenizer_open", "rq_tokenizer_free", origin)

    @classmethod
    def _of(cls, handle: Handle) -> Tokenizer:
        tokenizer = cls.__new__(cls)
        tokenizer._handle = handle
        return tokenizer

    def encode(self, text: str | bytes, *, added_tokens: bool = False) -> list[int]:
        """The ids of a text; nothing is added before or after.

        Without `added_tokens`, text such as "<s>" is spelled out like any other: right for text from users.
        Raises InvalidArgument with the offset of bytes that are no UTF-8.
        """
        data = utf8(text)
        flags = c.RQ_ENCODE_ADDED_TOKENS if added_tokens else 0
        return out_ids("rq_tokenizer_encode", self._handle, data, len(data), flags, guess=len(data) + 1)

    def decode(self, tokens: Sequence[int], *, special: bool = False) -> str:
        """The text of ids; bytes that are no UTF-8 become U+FFFD. `special`: special tokens appear in it."""
        flags = c.RQ_DECODE_SPECIAL if special else 0
        return out_text("rq_tokenizer_decode", self._handle, ids(tokens), len(tokens), flags)

    def stream(self, tokens: Iterable[int], *, special: bool = False) -> Iterator[str]:
        """The text of a stream of tokens, piece by piece; never splits a character."""
        decoder = create("rq_decoder_create", "rq_decoder_free", self._handle, c.RQ_DECODE_SPECIAL if special else 0)
        text, length = ctypes.c_void_p(), ctypes.c_size_t()
        for token in tokens:
            call("rq_decoder_push", decoder, token, ctypes.byref(text), ctypes.byref(length))
            if length.value:
                yield ctypes.string_at(text.value or 0, length.value).decode("utf-8")
        call("rq_decoder_finish", decoder, ctypes.byref(text), ctypes.byref(length))
        if length.value:
            yield ctypes.string_at(text.value or 0, length.value).decode("utf-8")

    def token_bytes(self, token: int) -> bytes:
        """The exact bytes of one token: may be a part of a character."""
        text, count = ctypes.c_void_p(), ctypes.c_size_t()
        call("rq_tokenizer_bytes", self._handle, token, ctypes.byref(text), ctypes.byref(count))
        return ctypes.string_at(text.value or 0, count.value) if count.value else b""

    def find(self, text: str) -> int:
        """The id of an added token or vocabulary entry, given as the text it stands for. Raises NotFound."""
        data, token = utf8(text), ctypes.c_int32()
        call("rq_tokenizer_find", self._handle, data, len(data), ctypes.byref(token))
        return token.value

    def is_special(self, token: int) -> bool:
        """Whether a token is a special one (begin of sentence ...)."""
        special = ctypes.c_uint32()
        call("rq_tokenizer_is_special", self._handle, token, ctypes.byref(special))
        return bool(special.value)

    @property
    def vocab_size(self) -> int:
        """Highest defined id + 1; a model's vocab_size may be larger."""
        size = ctypes.c_int64()
        call("rq_tokenizer_vocab_size", self._handle, ctypes.byref(size))
        return size.value

    def __repr__(self) -> str:
        return f"<rorqual.Tokenizer of {self.vocab_size} tokens>"


def dtype_name(dtype: int) -> str:
    return str(lib.rq_dtype_name(dtype).decode())
