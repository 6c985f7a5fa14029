from __future__ import annotations

from pathlib import Path

import pytest
from conftest import TALE

import rorqual


@pytest.mark.parametrize(
    ("expected", "builtin", "sentence", "attempt"),
    [
        (rorqual.NotFound, FileNotFoundError, "/nowhere: no such file", lambda m: rorqual.Model("/nowhere")),
        (rorqual.InvalidArgument, ValueError, "isa", lambda m: rorqual.Model(TALE, isa="avx9000")),
        (rorqual.Corrupt, ValueError, "config.json", lambda m: rorqual.Model({"config.json": b"{"})),
        (rorqual.Corrupt, ValueError, "messages[0]", lambda m: rorqual.Prompt([{"role": 3}], format="v3")),
        (rorqual.NotFound, FileNotFoundError, "v99", lambda m: rorqual.Prompt([{"role": "user", "content": ""}], format="v99")),
        (rorqual.InvalidArgument, ValueError, "", lambda m: rorqual.Grammar("root ::= (")),
        (rorqual.Unsupported, NotImplementedError, "if", lambda m: rorqual.Grammar.json_schema({"if": {}})),
        (rorqual.InvalidArgument, ValueError, "2", lambda m: m.tokenizer.encode(b"ab\xff")),
        (rorqual.InvalidArgument, ValueError, "tokens[1]", lambda m: m.tokenizer.decode([1, 2**40])),
        (rorqual.NotFound, FileNotFoundError, "", lambda m: m.tokenizer.find("no such token")),
        (rorqual.ContextFull, OverflowError, "", lambda m: m.session(context=4).sync([1] * 9)),
        (rorqual.WrongState, RuntimeError, "", lambda m: m.session().generate()),
        (rorqual.InvalidArgument, ValueError, "4096", lambda m: m.session().append([4096])),
        (rorqual.InvalidArgument, ValueError, "context", lambda m: m.session(context=-1)),
        (rorqual.InvalidArgument, ValueError, "temperature", lambda m: m.session().generate("a", temperature=float("nan"))),
        (rorqual.InvalidArgument, ValueError, "top_k", lambda m: m.session().generate("a", temperature=1, top_k=2**32 + 1)),
        (rorqual.InvalidArgument, ValueError, "head_stride", lambda m: rorqual.ops.rope([[1.0] * 8], offset=6, dim=4)),
        (rorqual.InvalidArgument, ValueError, "offset", lambda m: rorqual.ops.rope([[1.0] * 8], offset=-2, dim=4)),
        (rorqual.InvalidArgument, ValueError, "heads", lambda m: rorqual.ops.rope([[1.0, 2.0, 3.0]], heads=2)),
    ],
)
def test_bad_input_raises_the_exception_of_its_status_with_the_library_s_sentence(
    model: rorqual.Model, expected: type[rorqual.Error], builtin: type[Exception], sentence: str, attempt: object
) -> None:
    with pytest.raises(rorqual.Error) as raised:
        attempt(model)  # type: ignore[operator]
    assert type(raised.value) is expected
    assert raised.value.code == expected.code
    assert sentence in str(raised.value)
    assert isinstance(raised.value, builtin)


def test_an_option_that_does_not_exist_is_refused(model: rorqual.Model, session: rorqual.Session) -> None:
    with pytest.raises(TypeError, match="temprature"):
        session.generate("a", temprature=1)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="mode"):
        model.session(mode="quick")
    assert list(session.generate("a", max_tokens=1))  # and the session is as it was


def test_what_a_read_callback_raised_is_the_cause() -> None:
    def read(offset: int, size: int) -> bytes:
        raise TimeoutError("the network is down")

    with pytest.raises(rorqual.CallbackFailed) as raised:
        rorqual.Model({"config.json": rorqual.Callbacks(10, read)})
    assert isinstance(raised.value.__cause__, TimeoutError)


def test_closed_objects_say_so(model: rorqual.Model) -> None:
    session = model.session()
    session.close()
    session.close()
    session.cancel()
    with pytest.raises(rorqual.WrongState, match="session: closed"):
        session.sync("a")
    closed = rorqual.Model(TALE, headers_only=True)
    closed.close()
    with pytest.raises(rorqual.WrongState, match="model: closed"):
        closed.type


def test_models_open_from_memory_descriptors_and_callbacks() -> None:
    def by_callback(path: Path) -> rorqual.Callbacks:
        data = path.read_bytes()
        return rorqual.Callbacks(len(data), lambda offset, size: data[offset : offset + size])

    names = ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    reference = "".join(rorqual.Model(TALE).session().generate("Once upon a time", max_tokens=8))
    for make in (Path.read_bytes, by_callback, lambda path: open(path, "rb")):
        files = {name: make(TALE / name) for name in names}
        session = rorqual.Model(files).session()
        del files  # the library borrows what is in memory: the model keeps it
        assert "".join(session.generate("Once upon a time", max_tokens=8)) == reference
