from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import TALE

import rorqual

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
MESSAGES = [{"role": "user", "content": "Tell me a tale"}]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "rorqual.server", str(TALE), "--port", str(port), "--name", "tale", "--context", "256"]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}/v1"
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"{address}/models").close()
                break
            except OSError:
                assert server.poll() is None
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        assert server.wait(20) in (0, -15)


def post(url: str, body: Any) -> tuple[int, str]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_server_answers_as_the_session_does(url: str, session: rorqual.Session) -> None:
    with urllib.request.urlopen(f"{url}/models") as response:
        assert json.load(response)["data"][0]["id"] == "tale"
    expected = session.create_chat_completion(MESSAGES, max_tokens=12, seed=4)["choices"]
    status, text = post(f"{url}/chat/completions", {"model": "any", "messages": MESSAGES, "max_tokens": 12, "seed": 4})
    assert status == 200
    assert json.loads(text)["choices"] == expected
    status, text = post(f"{url}/completions", {"prompt": "Once upon a time", "max_tokens": 4, "temperature": 0, "repeat_penalty": 1})
    assert json.loads(text)["choices"][0]["text"] == " there was a peasant"


def test_a_streamed_answer_is_events_and_ends_with_done(url: str) -> None:
    body = {"messages": MESSAGES, "max_tokens": 12, "seed": 4}
    whole = json.loads(post(f"{url}/chat/completions", body)[1])["choices"][0]["message"]["content"]
    _, text = post(f"{url}/chat/completions", {**body, "stream": True})
    events = text.strip().split("\n\n")
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "no JSON"),
        (b"[" * 100000, "no JSON"),
        ([], "expected an object"),
        ({}, "messages: missing"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": MESSAGES, "n": 3}, "n: 3"),
        ({"messages": MESSAGES, "temprature": 3}, "temprature"),
        ({"messages": MESSAGES, "max_tokens": "many"}, ""),
        ({"messages": [{"role": "user", "content": "word " * 2000}]}, ""),
    ],
)  # fmt: skip
def test_a_bad_request_gets_a_sentence_and_the_server_goes_on(url: str, body: Any, sentence: str) -> None:
    status, text = post(f"{url}/chat/completions", body)
    assert status == 400
    assert sentence in json.loads(text)["error"]["message"]
    assert post(f"{url}/completions", {"prompt": "Once", "max_tokens": 1})[0] == 200


def test_a_client_that_goes_away_frees_the_session(url: str) -> None:
    request = urllib.request.Request(
        f"{url}/completions", json.dumps({"prompt": "Once", "max_tokens": 200, "stream": True}).encode(), {"Content-Type": "application/json"}
    )
    for _ in range(3):
        with urllib.request.urlopen(request, timeout=60) as response:
            response.readline()
    assert post(f"{url}/completions", {"prompt": "Once", "max_tokens": 1})[0] == 200


def test_the_openai_client_is_served(url: str) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(base_url=url, api_key="none")
    assert [model.id for model in client.models.list()] == ["tale"]
    whole = client.chat.completions.create(model="tale", messages=MESSAGES, max_tokens=10, seed=2)
    stream = client.chat.completions.create(model="tale", messages=MESSAGES, max_tokens=10, seed=2, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream) == whole.choices[0].message.content
    with pytest.raises(openai.BadRequestError, match="not supported"):
        client.chat.completions.create(model="tale", messages=MESSAGES, n=2)
