from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import TALE

import rorqual


def test_the_first_example_writes_what_hello_writes(session: rorqual.Session) -> None:
    expected = " there was a peasant who had three sons, and they had a little daughter, and she had a little child,"
    assert "".join(session.generate("Once upon a time", max_tokens=40)).startswith(expected)


def test_a_generation_writes_what_the_program_writes(session: rorqual.Session) -> None:
    options = {**session.model.sampling, "temperature": 0}  # what the program takes from the model
    pieces = list(session.generate("Once upon a time", max_tokens=40, **options))
    run = [sys.executable, "-m", "rorqual", "run", str(TALE), "Once upon a time", "--limit", "40", "--temperature", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(run, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "Once upon a time" + "".join(pieces)
    assert len(pieces) == 40
    assert [piece.finish for piece in pieces] == [None] * 39 + ["limit"]
    assert all(piece.logprob <= 0 for piece in pieces)
    assert session.tokens[-40:] == [piece.token for piece in pieces]


def test_leaving_the_loop_ends_the_generation(session: rorqual.Session) -> None:
    for _ in session.generate("Once upon a time"):
        break
    session.rewind(1)  # refused while a generation is under way


def test_a_generation_that_is_held_must_be_closed_first(session: rorqual.Session) -> None:
    generation = session.generate("Once upon a time")
    next(generation)
    with pytest.raises(rorqual.WrongState):
        session.rewind(1)
    with generation:
        pass
    session.rewind(1)
    assert list(generation) == []
    generation.close()


def test_a_generation_goes_on_where_the_timeline_ends(session: rorqual.Session) -> None:
    whole = "".join(session.generate("Once upon a time", max_tokens=20))
    again = session.fork()
    again.sync("Once upon a time")
    parts = "".join(again.generate(max_tokens=8)) + "".join(again.generate(max_tokens=12))
    assert parts == whole


def test_stop_strings_stop_tokens_and_grammars_end_a_text(session: rorqual.Session) -> None:
    free = "".join(session.generate("Once upon a time", max_tokens=20))
    stopped = session.generate("Once upon a time", max_tokens=20, stop=["three sons", "nothing like it"])
    assert "".join(stopped) == free[: free.index("three sons")]
    assert stopped.finish == "stop_string"
    comma = session.model.tokenizer.encode(free)[-1]
    by_token = session.generate("Once upon a time", stop_tokens=[comma])
    list(by_token)
    assert by_token.finish == "stop_token"
    held = session.generate("Once upon a time", grammar=rorqual.Grammar('root ::= " a whale" | " a king"'))
    assert "".join(held) in (" a whale", " a king")
    assert held.finish == "complete"


def test_a_seed_means_the_same_text_and_a_bias_forbids_a_token(session: rorqual.Session) -> None:
    def draw(**options: object) -> list[int]:
        return [p.token for p in session.generate("Once upon a time", max_tokens=12, temperature=1.0, **options)]  # type: ignore[arg-type]

    first = draw(seed=7)
    assert draw(seed=7) == first
    assert draw(seed=8) != first
    assert first[0] not in draw(seed=7, logit_bias={first[0]: float("-inf")})


def test_a_full_session_ends_the_text(model: rorqual.Model) -> None:
    session = model.session(context=12)
    generation = session.generate("Once upon a time", ignore_stop_tokens=True)
    assert len(list(generation)) <= 12
    assert generation.finish == "context_full"


def test_chat_writes_the_published_prompt_before_the_answer(model: rorqual.Model, session: rorqual.Session) -> None:
    messages = [{"role": "user", "content": "Tell me a tale"}]
    prompt = rorqual.Prompt(messages, tokenizer=model.tokenizer)
    assert "Tell me a tale" in prompt.text
    list(session.chat(messages, max_tokens=3))
    assert session.tokens[: len(prompt.tokens(model.tokenizer))] == prompt.tokens(model.tokenizer)


def test_the_tokenizer_gives_the_text_back(model: rorqual.Model) -> None:
    tokenizer = model.tokenizer
    for text in ("", "Once upon a time", "naïve 🐋 鲸", "a\0b"):
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert "".join(tokenizer.stream(ids)) == text
        assert b"".join(map(tokenizer.token_bytes, ids)).decode() == text
    alone = rorqual.Tokenizer(TALE)
    assert alone.encode("Once") == tokenizer.encode("Once")
    assert tokenizer.is_special(model.stop_tokens[0])
