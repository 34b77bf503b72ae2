"""A loopback server that speaks as much of the OpenAI protocol as a judge needs, and fails on demand."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Reply = tuple[int, dict[str, str], bytes] | None  # None: no answer at all


def completion(
    content: str | None, finish_reason: str = "stop", usage: bool = True, tokens: tuple[int, int] = (100, 7)
) -> Reply:
    """A well-formed answer; it says how many prompt tokens and completion tokens it took."""
    body = {
        "id": "c",
        "object": "chat.completion",
        "created": 0,
        "model": "judge",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish_reason}],
    }
    if usage:
        body["usage"] = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1], "total_tokens": sum(tokens)}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def level(letter: str, tokens: tuple[int, int] = (100, 7)) -> Reply:
    return completion(json.dumps({"rationale": "because", "level": letter}), tokens=tokens)


def error(status: int, message: str = "no", **headers: str) -> Reply:
    body = json.dumps({"error": {"message": message, "type": "t", "code": "c"}}).encode()
    return status, {"Content-Type": "application/json", **headers}, body


def raw(body: bytes, content_type: str = "application/json") -> Reply:
    return 200, {"Content-Type": content_type}, body


def cut(body: bytes) -> Reply:
    """A body that ends before the length that its header names."""
    return 200, {"Content-Type": "application/json", "Content-Length": str(len(body) + 100)}, body


RESET: Reply = (0, {}, b"")  # the connection is reset instead of an answer


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # five, the default, would let connections of a busy client time out unseen

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed, or has waited long enough, is no error of the server's."""


class FakeServer:
    """Answers each request by `reply(user message, number of this message's earlier requests, body)`.

    Attributes:
        asked: How often each user message came.
        bodies: Every request's JSON.
        paths: Every request's path with its query.
        most_at_once: The largest number of requests that were open together.
    """

    def __init__(self) -> None:
        self.reply: Callable[[str, int, dict[str, Any]], Reply] = lambda *_: level("D")
        self.asked: Counter[str] = Counter()
        self.bodies: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.most_at_once = 0
        self.delay_seconds = 0.0
        self._open = 0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                outer.handle(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._http = _Server(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    def handle(self, handler: BaseHTTPRequestHandler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        message = body["messages"][-1]["content"]
        with self._lock:
            earlier = self.asked[message]
            self.asked[message] += 1
            self.bodies.append(body)
            self.paths.append(handler.path)
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            self._open += 1
            self.most_at_once = max(self.most_at_once, self._open)
        time.sleep(self.delay_seconds)
        reply = self.reply(message, earlier, body)
        with self._lock:
            self._open -= 1
        with contextlib.suppress(OSError):  # the client has gone
            self._send(handler, reply)

    def _send(self, handler: BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply is None:
            handler.close_connection = True
            handler.connection.close()
            return
        status, headers, content = reply
        if reply == RESET:
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.close_connection = True
            handler.connection.close()
            return
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        if "Content-Length" not in headers:
            handler.send_header("Content-Length", str(len(content)))
        handler.close_connection = "Content-Length" in headers
        handler.end_headers()
        handler.wfile.write(content)
