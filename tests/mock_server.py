"""A small OpenAI-compatible server on 127.0.0.1 that misbehaves on demand, for tests of the engine that talks to one.

    def script(path, headers, body, seen):
        return chat("Answer: 4") if seen > 1 else Answer(status=500)

    with MockServer(script) as server:
        ...  # server.url, server.requests, server.most_in_flight

It answers GET /v1/models by itself and hands POST /v1/chat/completions and /v1/completions to the script, and those to
other paths that it is told of.
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is sent back. body: JSON, or bytes sent as they are.

    cut: the connection is closed when half of the body is sent (or, with an empty body, before the status line).
    delay_s: waits before anything is sent.
    """

    body: Json | bytes = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0.0
    cut: bool = False
    content_type: str = "application/json"


# A script gets (path, headers in lower case, body, how often this body has come, this time included).
Script = Callable[[str, Mapping[str, str], Json, int], "Json | Answer"]


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A request that came in; headers in lower case."""

    path: str
    headers: Mapping[str, str]
    body: Json


def fault(message: str, status: int = 400, **more: Any) -> Answer:
    """An error in the form in which OpenAI and vLLM report it."""
    return Answer(status=status, body={"error": {"message": message, "type": "mock_error", "code": status}}, **more)


def usage(prompt: int = 11, completion: int = 7) -> Json:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def chat(*texts: str | None, finish: str | None = "stop", **message: Any) -> Json:
    """A chat completion with one choice per text; `message` goes into each choice's message."""
    choices = [
        {"index": i, "finish_reason": finish, "message": {"role": "assistant", "content": text, **message}}
        for i, text in enumerate(texts)
    ]
    return {"id": "c", "object": "chat.completion", "created": 0, "model": "m", "choices": choices, "usage": usage()}


def completion(*texts: str, finish: str = "stop") -> Json:
    """A reply of the completions endpoint, for plain text."""
    choices = [{"index": i, "finish_reason": finish, "text": text} for i, text in enumerate(texts)]
    return {"id": "c", "object": "text_completion", "created": 0, "model": "m", "choices": choices, "usage": usage()}


def served(*names: str) -> Json:
    """A list of models."""
    return {"object": "list", "data": [{"id": n, "object": "model", "created": 0, "owned_by": "us"} for n in names]}


def says(*texts: str) -> Script:
    """The script that always gives the same reply, at either endpoint."""
    return lambda path, headers, body, seen: completion(*texts) if path == "/v1/completions" else chat(*texts)


class MockServer:
    """Serves from `with` to its end. models: what GET /v1/models gets. port: a free one where it is 0. more: further
    paths that it has.

    requests: all POSTs in the order of their arrival. most_in_flight: the most that were being answered at one time.
    """

    def __init__(
        self, script: Script, models: Json | Answer | None = None, port: int = 0, more: Collection[str] = ()
    ) -> None:
        self.script = script
        self.paths = {"/v1/chat/completions", "/v1/completions", *more}
        self.models = models if models is not None else served("m")
        self.requests: list[Seen] = []
        self.model_requests: list[Seen] = []
        self.most_in_flight = 0
        self.broken: list[BaseException] = []  # what a script raised: a mistake in the test
        self._in_flight = 0
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="mock-server")

    @property
    def closed(self) -> bool:
        return self._closing.is_set()

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def url_with(self, credentials: str) -> str:
        """The base URL with "user:password" in it."""
        return f"http://{credentials}@127.0.0.1:{self.port}/v1"

    def __enter__(self) -> MockServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        if kind is None and self.broken:
            raise self.broken[0]

    def answer(self, method: str, path: str, headers: Mapping[str, str], content: bytes) -> Answer:
        if method == "GET":
            with self._lock:
                self.model_requests.append(Seen(path=path, headers=headers, body={}))
            return self._as_answer(self.models if path == "/v1/models" else fault("no such page", 404))
        body = json.loads(content)
        with self._lock:
            self.requests.append(Seen(path=path, headers=headers, body=body))
            text = json.dumps(body, sort_keys=True)
            self._counts[text] += 1
            seen = self._counts[text]
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            if path not in self.paths:
                return fault("no such page", 404)
            answer = self._as_answer(self.script(path, headers, body, seen))
            self._closing.wait(answer.delay_s)
            return answer
        except BaseException as error:
            self.broken.append(error)
            return fault("the script of the test failed", 500)
        finally:
            # Before the reply is sent: a client that has it may ask again before this thread goes on.
            with self._lock:
                self._in_flight -= 1

    @staticmethod
    def _as_answer(given: Json | Answer) -> Answer:
        return given if isinstance(given, Answer) else Answer(body=given)


class _Server(ThreadingHTTPServer):
    owner: MockServer
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is part of the tests; anything else is shown."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = 60
    disable_nagle_algorithm = True  # else a body waits 40 ms behind its headers, until the client acknowledges these

    def do_GET(self) -> None:
        self._reply("GET")

    def do_POST(self) -> None:
        self._reply("POST")

    def _reply(self, method: str) -> None:
        content = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.owner.answer(method, self.path, headers, content)
        if self.server.owner.closed:  # as of a process that is gone, also on connections that are open
            self.close_connection = True
            return
        body = answer.body if isinstance(answer.body, bytes) else json.dumps(answer.body).encode()
        if answer.cut:
            self.close_connection = True
            if not answer.body:
                return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if answer.cut else body)

    def log_message(self, *args: Any) -> None:
        return
