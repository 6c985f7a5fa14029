from __future__ import annotations

import json

import pytest

import rorqual
from rorqual.answer import ChatAnswer

MESSAGES = [{"role": "user", "content": "Tell me a tale"}]


def test_a_chat_completion_has_the_shape_that_clients_expect(session: rorqual.Session) -> None:
    answer = session.create_chat_completion(MESSAGES, max_tokens=6, seed=1, logprobs=True)
    assert answer["object"] == "chat.completion"
    choice = answer["choices"][0]
    assert choice["message"]["role"] == "assistant"
    assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 6
    assert answer["usage"]["total_tokens"] == answer["usage"]["prompt_tokens"] + 6
    entries = choice["logprobs"]["content"]
    assert len(entries) == 6
    assert "".join(entry["token"] for entry in entries) == " " + choice["message"]["content"]  # the format's own space
    json.dumps(answer)


def test_chunks_joined_are_the_whole_answer(session: rorqual.Session) -> None:
    whole = session.create_chat_completion(MESSAGES, max_tokens=12, seed=1)
    chunks = list(session.create_chat_completion(MESSAGES, max_tokens=12, seed=1, stream=True))
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole["choices"][0]["message"]["content"]
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[-2:]] == [None, "length"]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1


def test_a_completion_goes_on_with_the_text(session: rorqual.Session) -> None:
    answer = session.create_completion("Once upon a time", max_tokens=4, temperature=0, repeat_penalty=1.0)
    assert answer["choices"][0]["text"] == " there was a peasant"
    assert answer["object"] == "text_completion"
    stopped = session.create_completion("Once upon a time", max_tokens=20, temperature=0, repeat_penalty=1.0, stop=["peas"])
    assert stopped["choices"][0] == {"index": 0, "text": " there was a ", "logprobs": None, "finish_reason": "stop"}


@pytest.mark.parametrize(
    "wanted",
    [
        {"type": "json_object"},
        {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}}},
    ],
)
def test_a_response_format_holds_the_answer_to_json(session: rorqual.Session, wanted: dict[str, object]) -> None:
    for seed in range(3):
        answer = session.create_chat_completion(MESSAGES, response_format=wanted, max_tokens=300, seed=seed, temperature=1.0)
        choice = answer["choices"][0]
        if choice["finish_reason"] == "stop":
            assert isinstance(json.loads(choice["message"]["content"]), (dict, list))
        else:
            assert choice["message"]["content"].lstrip().startswith("{")


@pytest.mark.parametrize(
    ("kind", "request_"),
    [
        (rorqual.Unsupported, {"n": 2}),
        (rorqual.Unsupported, {"frequency_penalty": 0.5}),
        (rorqual.Unsupported, {"tools": [{"type": "function", "function": {"name": "f"}}], "tool_choice": "required"}),
        (rorqual.Unsupported, {"response_format": {"type": "xml"}}),
        (rorqual.InvalidArgument, {"response_format": {"type": "json_schema"}}),
        (TypeError, {"temprature": 1}),
        (rorqual.Corrupt, {"messages": [{"content": "no role"}]}),
    ],
)
def test_what_cannot_be_done_is_refused(session: rorqual.Session, kind: type[Exception], request_: dict[str, object]) -> None:
    with pytest.raises(kind):
        session.create_chat_completion(**{"messages": MESSAGES, "max_tokens": 1, **request_})  # type: ignore[arg-type]


def test_tools_reach_a_prompt_that_can_show_them(model: rorqual.Model) -> None:
    from rorqual.openai import _with_tools

    tools = [{"type": "function", "function": {"name": "weather", "description": "of a place", "parameters": {"type": "object"}}}]
    prompt = rorqual.Prompt(_with_tools(MESSAGES, tools, "auto"), format="v3.1")
    assert "weather" in prompt.text
    assert "weather" not in rorqual.Prompt(_with_tools(MESSAGES, tools, "none"), format="v3.1").text


def test_an_answer_is_told_apart_into_reasoning_content_and_calls_of_tools_and_its_deltas_joined_are_the_message() -> None:
    call = '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>{"day": 1}<｜tool▁call▁end｜><｜tool▁calls▁end｜>'
    answer = ChatAnswer("v3.1", thinking=True)
    deltas = [delta for character in f"Hm.</think>Yes.{call}" for delta in answer.feed(character)] + answer.end()
    assert (answer.whole["reasoning_content"], answer.whole["content"]) == ("Hm.", "Yes.")
    assert [one["function"] for one in answer.whole["tool_calls"]] == [{"name": "weather", "arguments": '{"day": 1}'}]
    for key in ("reasoning_content", "content"):
        assert "".join(delta.get(key, "") for delta in deltas) == answer.whole[key]
    calls = [one for delta in deltas for one in delta.get("tool_calls", [])]
    assert {one["index"] for one in calls} == {0}
    assert "".join(one["function"]["arguments"] for one in calls) == '{"day": 1}'
    assert [one["id"] for one in calls if "id" in one] == [answer.whole["tool_calls"][0]["id"]]


def test_what_is_no_answer_of_the_format_stays_content_as_it_was_written() -> None:
    answer = ChatAnswer("v3.1", thinking=False)
    answer.feed("Yes.<｜end▁of▁sentence｜>")
    assert answer.feed("more") + answer.feed(" yet") + answer.end() == [{"content": "more"}, {"content": " yet"}]
    assert answer.whole == {"role": "assistant", "content": "Yes.more yet"}


def test_an_answer_that_is_cut_short_keeps_what_could_have_become_a_marker() -> None:
    answer = ChatAnswer("v3.1", thinking=True)
    answer.feed("Hm.</thi")
    answer.end()
    assert answer.whole == {"role": "assistant", "content": "", "reasoning_content": "Hm.</thi"}
