"""JSON over HTTP: what is sent, what is asked again and when, proxies and certificates."""

from __future__ import annotations

import asyncio
import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from mock_server import Answer, MockServer, chat, fault, says

from cotbench.engines.client import BadStatus, JsonClient, NoReply
from cotbench.errors import UsageError

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
OWN = ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *map(str.lower, PROXIES), *OWN):
        monkeypatch.delenv(name, raising=False)


def post(url: str, key: str = "", *, retries: int = 2, timeout_s: float = 10.0, times: int = 1) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        client = JsonClient(url, key, retries=retries, timeout_s=timeout_s)
        try:
            return [
                await client.complete("/chat/completions", b'{"model": "m"}', lambda _: False) for _ in range(times)
            ]
        finally:
            await client.close()

    return asyncio.run(run())


# --- what is sent -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["", "/", "?api-version=3", "/?api-version=3", "#part"])
def test_the_path_is_appended_to_that_of_the_address(end: str) -> None:
    paths: list[str] = []

    class Server(MockServer):
        def answer(self, method: str, path: str, headers: Any, content: bytes) -> Answer:
            paths.append(path)
            return Answer(body=chat("4"))

    with Server(says("4")) as server:
        post(server.url + end)
    assert paths == ["/v1/chat/completions" + ("?api-version=3" if "?" in end else "")]


def test_headers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    with MockServer(says("4")) as server:
        post(server.url, "sk-1")
        post(server.url)
    with_key, without = server.requests
    assert with_key.headers["authorization"] == "Bearer sk-1"
    assert with_key.headers["content-type"] == "application/json"
    assert (with_key.headers["openai-organization"], with_key.headers["openai-project"]) == ("org-1", "proj-1")
    assert with_key.headers["user-agent"].startswith("cotbench/")
    assert "authorization" not in without.headers


def test_one_connection_serves_requests_that_come_one_after_another() -> None:
    with RecordingServer() as server:
        post(server.url, times=5)
    assert len(server.seen) == 5
    assert server.connections == 1


# --- what is asked again, and when --------------------------------------------------------------------------------


def arrivals(answer: Answer, *, retries: int = 1) -> tuple[list[float], dict[str, Any] | BadStatus]:
    """When requests reached a server that gives this answer first and good ones from then on, and what came of it."""
    times: list[float] = []

    def script(path: str, headers: Any, body: Any, seen: int) -> Answer:
        times.append(time.monotonic())
        return answer if seen == 1 else Answer(body=chat("4"))

    with MockServer(script) as server:
        try:
            return times, post(server.url, retries=retries)[0]
        except BadStatus as error:
            return times, error


@pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
def test_statuses_that_pass(status: int) -> None:
    times, reply = arrivals(fault("busy", status))
    assert reply == chat("4")
    assert 0.37 < times[1] - times[0] < 2  # half a second, up to a quarter less


@pytest.mark.parametrize("status", [304, 400, 401, 403, 404, 413, 422, 451])
def test_statuses_that_stay(status: int) -> None:
    times, error = arrivals(Answer(status=status, body=b""))
    assert isinstance(error, BadStatus)
    assert error.status == status
    assert len(times) == 1


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        pytest.param({"Retry-After": "1"}, 0.95, 3, id="seconds", marks=pytest.mark.patient),
        pytest.param({"Retry-After-Ms": "900"}, 0.85, 3, id="milliseconds"),
        pytest.param({"Retry-After-Ms": "900", "Retry-After": "60"}, 0.85, 3, id="both", marks=pytest.mark.patient),
        pytest.param({"Retry-After": "0.01"}, 0, 0.36, id="hundredths"),
        pytest.param({"Retry-After": "soon"}, 0.37, 2, id="no time"),
        pytest.param({"Retry-After": "-5"}, 0.37, 2, id="negative"),
        pytest.param({"Retry-After": "nan"}, 0.37, 2, id="not a number"),
    ],
)
def test_a_server_says_when_to_come_back(headers: dict[str, str], least: float, most: float) -> None:
    times, content = arrivals(fault("slow down", 429, headers=headers))
    assert isinstance(content, dict)
    assert least < times[1] - times[0] < most


@pytest.mark.patient
def test_a_date_to_come_back_at() -> None:
    times, content = arrivals(
        fault("slow down", 503, headers={"Retry-After": formatdate(time.time() + 3, usegmt=True)})
    )
    assert isinstance(content, dict)
    assert 1.5 < times[1] - times[0] < 5  # dates have whole seconds


@pytest.mark.parametrize(
    ("answer", "asked"),
    [
        pytest.param(fault("tomorrow", 429, headers={"Retry-After": "86400"}), 1, id="a quota that is used up"),
        pytest.param(fault("no use", 500, headers={"X-Should-Retry": "false"}), 1, id="the server says no"),
        pytest.param(fault("once more", 400, headers={"X-Should-Retry": "true"}), 2, id="the server says yes"),
    ],
)
def test_a_server_says_whether_to_come_back(answer: Answer, asked: int) -> None:
    assert len(arrivals(answer)[0]) == asked


@pytest.mark.patient
def test_waits_double() -> None:
    times: list[float] = []

    def script(path: str, headers: Any, body: Any, seen: int) -> Answer:
        times.append(time.monotonic())
        return fault("busy", 503)

    with MockServer(script) as server, pytest.raises(BadStatus):
        post(server.url, retries=2)
    first, second = times[1] - times[0], times[2] - times[1]
    assert 0.37 < first < 0.9 < second * 1.3
    assert second < 2.5


def test_no_reply_in_time() -> None:
    with (
        MockServer(lambda *_: Answer(body=chat("4"), delay_s=5.0)) as server,
        pytest.raises(NoReply, match=r"no reply within 0\.3 s"),
    ):
        post(server.url, retries=0, timeout_s=0.3)


def test_a_reply_that_trickles_is_no_reply_in_time() -> None:
    """A reply whose pieces come soon each, and whose end doesn't."""
    with RecordingServer(trickle=True) as server, pytest.raises(NoReply, match="no reply within"):
        post(server.url, retries=0, timeout_s=0.5)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (b'{"error": {"message": "too long", "code": "context"}}', "context", "status 400: too long"),
        (b'{"error": {"message": "too long", "code": 7}}', "7", "status 400: too long"),
        (b'{"error": {"message": "too long", "code": null}}', "", "status 400: too long"),
        (b'{"error": {"message": ["a"], "code": "c"}}', "c", 'status 400: {"error": {"message": ["a"], "code": "c"}}'),
        (b'{"error": "too long"}', "", 'status 400: {"error": "too long"}'),
        (b'{"detail": "too long"}', "", 'status 400: {"detail": "too long"}'),
        (b'["error"]', "", 'status 400: ["error"]'),
        (b"<html>\xff</html>\n", "", "status 400: <html>\ufffd</html>"),
        (b"", "", "status 400"),
    ],
)
def test_what_an_error_says(content: bytes, code: str, words: str) -> None:
    error = BadStatus(400, content)
    assert (error.code, str(error)) == (code, words)


@pytest.mark.parametrize(
    ("content", "named", "words"),
    [
        ({"error": {"message": "no", "param": "seed", "code": "c"}}, {"seed"}, "no"),
        ({"error": {"message": "no", "param": "messages[0].role"}}, {"messages", "role"}, "no"),
        (
            {"detail": [{"loc": ["body", "n"], "msg": "too much", "input": {"seed": "echoed"}}]},
            {"body", "n"},
            "too much",
        ),
        ({"message": {"detail": [{"loc": ["body", "n"], "msg": "too much"}]}}, {"body", "n"}, "too much"),
        ({"error": {"message": '{"error": {"message": "inner", "param": "stop"}}'}}, {"stop"}, "inner"),
        (
            {"error": {"message": "[{'loc': ('body', 'n'), 'msg': 'x'}]"}},
            {"body", "n"},
            "[{'loc': ('body', 'n'), 'msg': 'x'}]",
        ),
        ([{"error": {"message": "a list"}}], set(), "a list"),
        ({"detail": "a text"}, set(), "a text"),
        ({"error": "a text"}, set(), "a text"),
        ({"title": "Unprocessable", "detail": "body -> n"}, set(), "body -> n Unprocessable"),
    ],
)
def test_what_an_error_names(content: Any, named: set[str], words: str) -> None:
    error = BadStatus(422, json.dumps(content).encode())
    assert (error.named, error.words) == (named, words)


# --- redirections, proxies ----------------------------------------------------------------------------------------


class RecordingServer:
    """Takes whatever address, as a proxy gets it, and answers by itself."""

    def __init__(self, *, trickle: bool = False, redirect: str = "", context: ssl.SSLContext | None = None) -> None:
        self.seen: list[tuple[str, str, bytes]] = []  # path, Proxy-Authorization, body
        self.connections = 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 20

            def setup(self) -> None:
                owner.connections += 1
                super().setup()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                owner.seen.append((self.path, self.headers.get("proxy-authorization", ""), body))
                if redirect and not self.path.startswith("/there"):
                    self.send_response(307)
                    self.send_header("Location", redirect)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = b'{"choices": [{"text": "4"}]}'
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                for place in range(len(content)):
                    self.wfile.write(content[place : place + 1])
                    if trickle:
                        time.sleep(0.2)

            def do_CONNECT(self) -> None:
                owner.seen.append((self.path, self.headers.get("proxy-authorization", ""), str(self.headers).encode()))
                self.send_error(403)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                """A client that hangs up is part of the tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context is not None:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.place = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.place}/v1"

    def __enter__(self) -> RecordingServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_a_redirection_keeps_the_body() -> None:
    with RecordingServer(redirect="/there") as server:
        post(server.url)
    assert [(path, body) for path, _, body in server.seen] == [
        ("/v1/chat/completions", b'{"model": "m"}'),
        ("/there", b'{"model": "m"}'),
    ]


@pytest.mark.parametrize(
    ("name", "user", "sent"),
    [
        ("HTTP_PROXY", "", ""),
        ("http_proxy", "", ""),
        ("ALL_PROXY", "", ""),
        ("HTTP_PROXY", "me:p%40ss@", "Basic bWU6cEBzcw=="),
    ],
)
def test_the_environments_proxy_is_asked(name: str, user: str, sent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with RecordingServer() as proxy:
        monkeypatch.setenv(name, f"http://{user}{proxy.place}")
        post("http://models.invalid/v1", "sk-1", times=2)
    assert [(path, header) for path, header, _ in proxy.seen] == [
        ("http://models.invalid/v1/chat/completions", sent)
    ] * 2


def test_a_proxy_does_not_see_the_key_of_an_encrypted_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with RecordingServer() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:pass@{proxy.place}")
        with pytest.raises(NoReply, match="403"):
            post("https://models.invalid/v1", "sk-1", retries=0)
    [(place, header, headers)] = proxy.seen
    assert (place, header) == ("models.invalid:443", "Basic bWU6cGFzcw==")
    assert b"sk-1" not in headers


def test_a_proxy_without_a_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    with RecordingServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.place)
        post("http://models.invalid/v1")
    assert len(proxy.seen) == 1


@pytest.mark.parametrize("hosts", ["127.0.0.1", "localhost,127.0.0.1", "*"])
def test_hosts_that_need_no_proxy(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", hosts)
    with MockServer(says("4")) as server:
        post(server.url)
    assert len(server.requests) == 1


def test_a_proxy_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://me:s3cretword@127.0.0.1:9")
    with pytest.raises(NoReply) as caught:
        post("http://models.invalid/v1", retries=0)
    assert "127.0.0.1:9" in str(caught.value)
    assert "s3cretword" not in str(caught.value)
    assert "the proxy that HTTP_PROXY names" in str(caught.value)
    assert "Correct HTTP_PROXY, or name the server's host in NO_PROXY" in caught.value.remedy


@pytest.mark.parametrize("name", ["http_proxy", "ALL_PROXY", "all_proxy"])
def test_the_variable_that_names_a_dead_proxy_is_told(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    with pytest.raises(NoReply, match=f"the proxy that {name} names") as caught:
        post("http://models.invalid/v1", retries=0)
    assert f"Correct {name}" in caught.value.remedy


@pytest.mark.parametrize(
    "proxy",
    ["socks5://me:s3cretword@127.0.0.1:1080", "http://me:s3cretword@127.0.0.1:port", "me:s3cretword@:3128", "http://"],
)
def test_a_proxy_that_can_not_be_used(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(UsageError, match="a proxy for this server") as caught:
        post("http://models.invalid/v1")
    assert "NO_PROXY" in str(caught.value)
    assert "s3cretword" not in str(caught.value)


# --- certificates -------------------------------------------------------------------------------------------------


@contextmanager
def encrypted(folder: Path) -> Iterator[tuple[RecordingServer, Path]]:
    """A server whose certificate nobody knows, and that certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
            "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with RecordingServer(context=context) as server:
        yield server, certificate


def test_a_certificate_that_nobody_knows(tmp_path: Path) -> None:
    with encrypted(tmp_path) as (server, _), pytest.raises(NoReply, match="certificate"):
        post(f"https://{server.place}/v1", "sk-1", retries=5)  # which change nothing
    assert server.seen == []


def test_what_to_do_about_a_certificate(tmp_path: Path) -> None:
    with encrypted(tmp_path) as (server, _), pytest.raises(NoReply, match="its certificate isn't trusted") as caught:
        post(f"https://{server.place}/v1", "sk-1", retries=0)
    assert "SSL_CERT_FILE" in caught.value.remedy


def test_an_encrypted_address_of_a_server_that_speaks_plainly() -> None:
    with MockServer(says("4")) as server, pytest.raises(NoReply, match="no encrypted connection") as caught:
        post(server.url.replace("http://", "https://"), retries=5)
    assert "http://" in caught.value.remedy


def test_a_certificate_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with encrypted(tmp_path) as (server, certificate):
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        post(f"https://{server.place}/v1", "sk-1")
    assert len(server.seen) == 1
