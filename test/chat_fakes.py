"""Language models for tests: one that replies what it is told to, and a server that does all that servers do wrong."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from optimus_nodes.planner.chat import Message

GOOD = {"status": "plan", "intents": [{"skill": "pick", "what": {"colour": "red"}}], "say": ""}
KEY = "xai-canary-7f3a91"


class ScriptedModel:
    """A `ChatModel` that gives one reply after the other and keeps what it was asked; an exception it raises."""

    name = "scripted"

    def __init__(self, *replies: object) -> None:
        self._replies = list(replies)
        self.asked: list[tuple[list[Message], dict[str, Any], float]] = []

    def reply(self, messages: Sequence[Message], schema: dict[str, Any], seconds: float) -> str:
        self.asked.append((list(messages), schema, seconds))
        reply = self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]
        if isinstance(reply, Exception):
            raise reply
        return reply if isinstance(reply, str) else json.dumps(reply)


def event(text: str, reason: str | None = None) -> bytes:
    """One piece of a streamed reply."""
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": reason}
    whole = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "fake", "choices": [choice]}
    return b"data: " + json.dumps(whole).encode() + b"\n\n"


class FakeServer:
    """An OpenAI-compatible server at `url` that does what `behaviour` names; `requests`: bodies it got."""

    def __init__(self) -> None:
        self.behaviour, self.requests, self.keys = "good", [], []
        self.over = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v1"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.over.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def fake_server() -> Iterator[FakeServer]:
    """A server for the time of a `with` block."""
    server = FakeServer()
    try:
        yield server
    finally:
        server.close()


def _handler(server: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.requests.append(json.loads(body))
            server.keys.append(self.headers.get("Authorization", ""))
            try:
                BEHAVIOURS[server.behaviour](self, server)
            except OSError:
                pass  # the client has left

    return Handler


def _begin(handler: BaseHTTPRequestHandler, status: int = 200, kind: str = "text/event-stream") -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", kind)
    handler.send_header("Connection", "close")
    handler.end_headers()


def _stream(*parts: bytes) -> Callable[[BaseHTTPRequestHandler, FakeServer], None]:
    def behave(handler: BaseHTTPRequestHandler, server: FakeServer) -> None:
        _begin(handler)
        for part in parts:
            handler.wfile.write(part)

    return behave


def _status(code: int) -> Callable[[BaseHTTPRequestHandler, FakeServer], None]:
    def behave(handler: BaseHTTPRequestHandler, server: FakeServer) -> None:
        _begin(handler, code, "application/json")
        told = f"no: you sent {handler.headers.get('Authorization')}"  # as some servers do
        handler.wfile.write(json.dumps({"error": {"message": told, "type": "x", "code": str(code)}}).encode())

    return behave


def _forever(part: bytes, every: float) -> Callable[[BaseHTTPRequestHandler, FakeServer], None]:
    def behave(handler: BaseHTTPRequestHandler, server: FakeServer) -> None:
        _begin(handler)
        while not server.over.is_set():
            handler.wfile.write(part)
            handler.wfile.flush()
            time.sleep(every)

    return behave


def _silence(handler: BaseHTTPRequestHandler, server: FakeServer) -> None:
    server.over.wait(60.0)


_DONE = b"data: [DONE]\n\n"
_TEXT = json.dumps(GOOD)
BEHAVIOURS: dict[str, Callable[[BaseHTTPRequestHandler, FakeServer], None]] = {
    "good": _stream(event(_TEXT[:20]), event(_TEXT[20:], "stop"), _DONE),
    "429": _status(429),
    "500": _status(500),
    "503": _status(503),
    "401": _status(401),
    "404": _status(404),
    "truncated": _stream(event(_TEXT[:30])),  # the connection ends in the middle of the JSON
    "cut off": _stream(event(_TEXT[:30], "length"), _DONE),
    "no json": _stream(event("Sure! I will pick up the red box.", "stop"), _DONE),
    "another schema": _stream(event('{"plan": {"steps": ["pick red"]}}', "stop"), _DONE),
    "unknown skill": _stream(event(_TEXT.replace("pick", "throw"), "stop"), _DONE),
    "broken stream": _stream(b"data: {not json}\n\n", _DONE),
    "not a stream": _stream(b"<html>Bad gateway</html>"),
    "empty": _stream(_DONE),
    "slow drip": _forever(event("{"), 0.1),
    "only pings": _forever(b": ping\n\n", 0.1),
    "half a line": _forever(b"d", 0.1),
    "huge": _forever(event(" " * 20_000), 0.0),
    "silence": _silence,
}
