"""An OpenAI-compatible server: `pip install "rorqual[server]"`, then `python -m rorqual.server MODEL`.

/v1/chat/completions, /v1/completions and /v1/models, with streaming. `app(model)` is an ASGI application for any server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .errors import CallbackFailed, Cancelled, ContextFull, Corrupt, Error, InvalidArgument, NotFound, OutOfMemory, Unsupported
from .model import Model
from .openai import create_chat_completion, create_completion
from .session import Session, in_thread

MAX_BODY = 16 * 2**20
BAD_REQUEST = (InvalidArgument, Corrupt, Unsupported, NotFound, ContextFull, TypeError, ValueError)
UNAVAILABLE = (OutOfMemory, Cancelled, CallbackFailed)


class Pool:
    """Sessions that requests take turns with."""

    def __init__(self, model: Model, count: int, context: int) -> None:
        self._sessions = [model.session(context=context) for _ in range(count)]
        self._idle = asyncio.Semaphore(count)

    async def take(self) -> Session:
        await self._idle.acquire()
        return self._sessions.pop()

    def give(self, session: Session) -> None:
        self._sessions.append(session)
        self._idle.release()


class Events(StreamingResponse):
    """Chunks as server-sent events. However it ends, also where the client has gone, the generation ends and the session is given back."""

    def __init__(self, pool: Pool, session: Session, chunks: Iterator[dict[str, Any]]) -> None:
        self._pool, self._session, self._chunks = pool, session, chunks
        self._events = self._write()
        super().__init__(self._events, media_type="text/event-stream")

    async def _write(self) -> AsyncIterator[str]:
        try:
            while (chunk := await in_thread(self._session._timeline, lambda: next(self._chunks, None))) is not None:
                yield f"data: {json.dumps(chunk)}\n\n"
            yield "data: [DONE]\n\n"
        except Error as error:
            yield f"data: {json.dumps({'error': {'message': str(error), 'type': 'server_error'}})}\n\n"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._chunks.close()  # type: ignore[attr-defined]
            self._pool.give(self._session)


def failure(error: Exception) -> Response:
    status = 400 if isinstance(error, BAD_REQUEST) else 503 if isinstance(error, UNAVAILABLE) else 500
    kind = "invalid_request_error" if status == 400 else "server_error"
    code = type(error).__name__ if isinstance(error, Error) else None
    return JSONResponse({"error": {"message": str(error), "type": kind, "param": None, "code": code}}, status)


async def body_of(request: Request) -> dict[str, Any]:
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MAX_BODY:
            raise InvalidArgument(f"request: longer than {MAX_BODY} bytes")
    try:
        body = json.loads(data)
    except (ValueError, RecursionError):
        raise InvalidArgument("request: is no JSON") from None
    if not isinstance(body, dict):
        raise InvalidArgument("request: expected an object")
    return body


def app(model: Model, *, name: str = "", sessions: int = 1, context: int = 0) -> Starlette:
    """The application.   name: of the model, for clients. sessions: how many requests are served at once; others wait."""
    name = name or model.type
    pools: list[Pool] = []
    started = int(time.time())

    async def serve(request: Request, create: Callable[..., Any], required: str) -> Response:
        try:
            body = await body_of(request)
            if required not in body:
                raise InvalidArgument(f"{required}: missing")
            subject = body.pop(required)
            body["model"] = name
        except Exception as error:
            return failure(error)
        session = await pools[0].take()
        handed_on = False
        try:
            answer = await in_thread(session._timeline, lambda: create(session, subject, **body))
            if not body.get("stream"):
                return JSONResponse(answer)
            handed_on = True
            return Events(pools[0], session, answer)
        except Exception as error:
            return failure(error)
        finally:
            if not handed_on:
                pools[0].give(session)

    async def chat(request: Request) -> Response:
        return await serve(request, create_chat_completion, "messages")

    async def complete(request: Request) -> Response:
        return await serve(request, create_completion, "prompt")

    async def models(_request: Request) -> Response:
        return JSONResponse({"object": "list", "data": [{"id": name, "object": "model", "created": started, "owned_by": "rorqual"}]})

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        pools.append(Pool(model, sessions, context))
        yield
        pools.clear()

    routes = [
        Route("/v1/chat/completions", chat, methods=["POST"]),
        Route("/v1/completions", complete, methods=["POST"]),
        Route("/v1/models", models),
    ]
    return Starlette(routes=routes, lifespan=lifespan)


def main() -> None:
    import uvicorn

    parser = argparse.ArgumentParser(prog="python -m rorqual.server", description=__doc__)
    parser.add_argument("model", help="a checkpoint folder or a GGUF file")
    parser.add_argument("--name", default="", help="of the model, for clients")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--threads", type=int, default=0, help="0 = one per physical core")
    parser.add_argument("--sessions", type=int, default=1, help="requests served at once")
    parser.add_argument("--context", type=int, default=0, help="tokens a session holds; 0 = all the model supports")
    given = parser.parse_args()
    try:
        application = app(Model(given.model, threads=given.threads), name=given.name, sessions=given.sessions, context=given.context)
    except Error as error:
        parser.exit(1, f"rorqual.server: {error}\n")
    uvicorn.run(application, host=given.host, port=given.port)


if __name__ == "__main__":
    main()
