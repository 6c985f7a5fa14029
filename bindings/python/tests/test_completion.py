from __future__ import annotations

import json

import pytest

import rorqual
from rorqual.completion import Part

END = "<｜end▁of▁sentence｜>"
CALL = (
    "Let me see.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>weather<｜tool▁sep｜>"
    '{"place": "Åland"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>' + END
)


def read(completion: rorqual.Completion, text: str, step: int) -> list[Part]:
    """All parts, those of one kind that touch joined, of a text that arrives `step` characters at a time."""
    joined: list[Part] = []
    for start in range(0, len(text), step):
        completion.feed(text[start : start + step])
        for part in completion.take():
            if joined and joined[-1].kind == part.kind != "tool_call":
                part = Part(part.kind, joined.pop().text + part.text)
            joined.append(part)
    return joined


@pytest.mark.parametrize("step", [1, 7, 1000])
def test_a_call_of_a_tool_arrives_as_parts_however_the_text_is_cut(step: int) -> None:
    completion = rorqual.Completion("v3.1")
    assert read(completion, CALL, step) == [
        ("content", "Let me see."),
        ("tool_call", "weather"),
        ("arguments", '{"place": "Åland"}'),
    ]
    message = completion.finish()
    assert (message["role"], message["content"]) == ("assistant", "Let me see.")
    function = message["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("weather", {"place": "Åland"})


def test_reasoning_is_told_from_the_answer() -> None:
    completion = rorqual.Completion("v3.1", thinking=True)
    assert read(completion, f"Hm.</think>Yes.{END}", 3) == [("reasoning", "Hm."), ("content", "Yes.")]
    assert completion.finish() == {"role": "assistant", "content": "Yes.", "reasoning_content": "Hm."}


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(rorqual.NotFound):
        rorqual.Completion("v99")
    completion = rorqual.Completion("v3.1")
    completion.feed(f"Yes.{END}")
    with pytest.raises(rorqual.Corrupt, match="byte"):
        completion.feed("more")
    assert completion.take() == [("content", "Yes.")]
    with pytest.raises(rorqual.WrongState):
        completion.feed("more")
