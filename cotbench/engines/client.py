"""JSON over HTTP by aiohttp, asked again where a fault may pass.

A reply of success may hold an error, or nothing: both are treated as the status that they stand for.

Which replies are asked again, and after how long, is as in OpenAI's own client (openai-python, `_base_client.py`),
whose stack takes five times the CPU for a request: too much where hundreds of short replies arrive in a second.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi

from cotbench import __version__
from cotbench.engines.endpoint import without_credentials
from cotbench.engines.replies import error_status, is_stream, may_pass, read_json, read_stream
from cotbench.errors import UsageError

T = TypeVar("T")
_PASSING = frozenset({408, 409, 425, 429})  # and all from 500 on
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_ASKED_WAIT_S = 120.0  # a server that asks for more has a quota that is used up for long
_EMPTY_RETRIES = 4  # a server that goes on sending replies without anything in them won't stop


class NoReply(Exception):
    """No reply came: not there, gone meanwhile, or too slow. Its text says which; remedy: what to do, where that is
    known."""

    def __init__(self, words: str, remedy: str = "") -> None:
        super().__init__(words)
        self.remedy = remedy


class BadStatus(Exception):
    """A reply that isn't one of success.

    Its text is the server's message, where it gives one in OpenAI's form, and else all that it said. words: the
    messages in it, whatever its form. code: the error's own ("" where there is none); codes: all codes and types in
    it. named: the fields of the request that the server names as at fault in a place of their own.
    """

    def __init__(self, status: int, content: bytes) -> None:
        plain = content.decode(errors="replace").strip()
        try:
            given = read_json(content)
        except ValueError:
            given = plain
        told = _Told()
        told.add(given)
        error = given.get("error") if isinstance(given, dict) else None
        error = error if isinstance(error, dict) else {}
        self.status, self.code = status, str(error.get("code") or "")
        self.codes, self.named = frozenset(told.codes), frozenset(told.named)
        self.words = " ".join(told.words) or plain
        message = error["message"] if isinstance(error.get("message"), str) else plain
        super().__init__(f"status {status}: {message}" if message else f"status {status}")


# Where an error says something, and where it names the fields that it is about. What echoes the request ("input",
# "body") is not looked at.
_WORDS_AT = """error message msg detail details errors title reason description error_description innererror metadata
raw violations fieldViolations""".split()
_NAMED_AT = ("param", "loc", "field")
# As in a list of FastAPI's, printed by Python.
_LOC = re.compile(r"""['"]loc['"]\s*:\s*[\[(]([^\])]{0,200})[\])]""")
# As "unknown field `seed`, expected one of ...": of the many names in it, that of the field at fault.
_ODD_FIELD = re.compile(
    r"(?:unknown|unexpected|unrecogni[sz]ed|unsupported|extraneous|additional)\s(?:\w+\s){0,3}?"
    r"""(?:field|parameter|argument|key|name|property)s?\b[^\w`'"\[]{0,4}"""
    r"""[\[(]{0,2}[`'"\[]+(\w+)""",
    re.I,
)
_NAME = re.compile(r"[A-Za-z_]\w*")
_MOST_TOLD = 200  # pieces of an error that are looked at


class _Told:
    """What an error says, whatever its form: OpenAI's, FastAPI's list, Google's, an error in another one's text."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.named: set[str] = set()
        self.codes: set[str] = set()
        self._seen = 0

    def add(self, told: Any) -> None:
        self._seen += 1
        if self._seen > _MOST_TOLD:
            return
        if isinstance(told, str):
            self._text(told.strip())
        elif isinstance(told, list):
            for one in told:
                self.add(one)
        elif isinstance(told, Mapping):
            self.codes |= {str(told[name])[:100] for name in ("code", "type", "status") if told.get(name)}
            for name in _NAMED_AT:
                self._name(told.get(name))
            for name in _WORDS_AT:
                if told.get(name):
                    self.add(told[name])

    def _text(self, text: str) -> None:
        if text[:1] in ("{", "["):
            with suppress(ValueError):
                self.add(read_json(text.encode("utf-8", "replace")))
                return
        for pattern in (_LOC, _ODD_FIELD):
            for match in pattern.finditer(text[:10_000]):
                self._name(match[1])
        if text:
            self.words.append(text)

    def _name(self, place: Any) -> None:
        for part in place if isinstance(place, list) else [place]:
            if isinstance(part, str):
                self.named.update(_NAME.findall(part[:200]))


class JsonClient:
    """Any number of requests at once to one server; used from one event loop.

    url: may hold user and password, sent instead of the key, and a query, sent with each request. key: a bearer
    token; "" for none. headers: of the user's own, which go before all others. retries: how often a request is asked
    again. timeout_s: for each time, until the whole reply is there.
    """

    def __init__(
        self, url: str, key: str, *, headers: Mapping[str, str] | None = None, retries: int, timeout_s: float
    ) -> None:
        bare, credentials = without_credentials(url)
        self._parts = urlsplit(bare)
        self._proxy, self._proxy_name = _proxy(self._parts.scheme, self._parts.netloc)
        self._retries = retries
        self._timeout_s = timeout_s
        ours = {
            "Content-Type": "application/json",
            "User-Agent": f"cotbench/{__version__}",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **{
                header: os.environ[name].strip()
                for header, name in (("OpenAI-Organization", "OPENAI_ORG_ID"), ("OpenAI-Project", "OPENAI_PROJECT_ID"))
                if os.environ.get(name, "").strip()
            },
            **credentials,
        }
        own = {name.lower() for name in headers or {}}
        self._headers = {name: value for name, value in ours.items() if name.lower() not in own} | dict(headers or {})
        self._session: aiohttp.ClientSession | None = None

    async def get(self, path: str, *, retries: int, timeout_s: float) -> bytes:
        """What is at a path below the address. Raises NoReply or BadStatus."""
        return await self._ask("GET", path, None, retries, timeout_s, bytes, lambda _: False)

    async def complete(
        self,
        path: str,
        body: bytes,
        understood: Callable[[BadStatus], bool],
        took: Callable[[float], None] = lambda _: None,
    ) -> dict[str, Any]:
        """The object that the server replies to a request for completions.

        Raises NoReply or BadStatus, and ValueError where the reply is no such object. understood: whether a refusal
        says something that asking again as before won't change. took: is told the seconds from when the request that
        was answered was sent until its whole reply was there; waits before it is asked again are not in them.
        """
        return await self._ask("POST", path, body, self._retries, self._timeout_s, response_object, understood, took)

    async def told(
        self,
        path: str,
        body: bytes,
        understood: Callable[[BadStatus], bool],
        took: Callable[[float], None] = lambda _: None,
        *,
        below: bool,
        retries: int | None = None,
    ) -> dict[str, Any]:
        """The object that the server replies to a request for something else. below: whether the path is below the
        address, or beside the /v1 that it ends in. Raises as `complete`."""
        known = self._retries if retries is None else retries
        read = plain_object
        return await self._ask("POST", path, body, known, self._timeout_s, read, understood, took, below=below)

    async def _ask(
        self,
        method: str,
        path: str,
        body: bytes | None,
        retries: int,
        timeout_s: float,
        read: Callable[[bytes], T],
        understood: Callable[[BadStatus], bool],
        took: Callable[[float], None] = lambda _: None,
        *,
        below: bool = True,
    ) -> T:
        if self._session is None:  # here, since it needs a running loop
            self._session = aiohttp.ClientSession(
                # Whoever asks bounds how many are in flight.
                connector=aiohttp.TCPConnector(limit=0, ssl=_certificates() if self._parts.scheme == "https" else True),
                cookie_jar=aiohttp.DummyCookieJar(),
                proxy=self._proxy,
            )
        base = self._parts.path.rstrip("/")
        base = base if below else base.removesuffix("/v1")
        url = urlunsplit(self._parts._replace(path=base + path, fragment=""))
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        for taken in itertools.count():
            usual_s = min(_FIRST_WAIT_S * 2.0 ** min(taken, 10), _LONGEST_WAIT_S)
            wait_s = usual_s * (1 - random.random() / 4)  # noqa: S311 - no secret
            sent = time.monotonic()
            try:
                # Not the session's headers: aiohttp (3.14) sends those to a proxy too, and the key with them.
                async with self._session.request(
                    method, url, data=body, headers=self._headers, timeout=timeout
                ) as response:
                    content = await response.read()
                    seconds = time.monotonic() - sent
            except TimeoutError:
                if taken >= retries:
                    raise NoReply(f"no reply within {timeout_s:g} s") from None
            except (aiohttp.ClientError, OSError) as error:
                if taken >= retries or isinstance(error, aiohttp.ClientSSLError):
                    raise self._no_reply(error) from None
            else:
                try:
                    if 200 <= response.status < 300:
                        found = read(content)
                        took(seconds)
                        return found
                    raise BadStatus(response.status, content)
                except BadStatus as error:
                    asked_s = _asked_wait(response.headers)
                    if taken >= retries or not _passes(error.status, response.headers, asked_s) or understood(error):
                        raise
                    wait_s = asked_s or wait_s
                except EmptyReply:
                    if taken >= min(retries, _EMPTY_RETRIES):
                        raise
            await asyncio.sleep(wait_s)
        raise AssertionError  # the loop has no end

    def _no_reply(self, error: Exception) -> NoReply:
        """What the network said, and what to do where it isn't the server that is at fault."""
        words = str(error) or type(error).__name__
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError):
            return NoReply(
                f"the proxy that {self._proxy_name} names doesn't lead there: {words}",
                f"Correct {self._proxy_name}, or name the server's host in NO_PROXY; then run the same command again.",
            )
        if isinstance(error, aiohttp.ClientConnectorCertificateError):
            return NoReply(
                f"its certificate isn't trusted: {error.certificate_error}",
                "Set SSL_CERT_FILE to a file with the certificate of the authority that signed it (PEM); then "
                "run the same command again.",
            )
        if isinstance(error, aiohttp.ClientSSLError):
            return NoReply(f"no encrypted connection: {words}", "Does the server speak http:// and not https://?")
        return NoReply(words)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class EmptyReply(ValueError):
    """A reply of success in which there is nothing, or nothing that can be read, and which may be another when it is
    asked again."""


def json_object(content: bytes) -> dict[str, Any]:
    """Raises ValueError where a reply is none."""
    response = None
    with suppress(ValueError, AttributeError, TypeError):
        response = read_stream(content) or read_json(content)
    if not isinstance(response, dict):
        raise ValueError(f"the server's reply is no JSON object: {content.decode(errors='replace')[:80]!r}")
    return response


def plain_object(content: bytes) -> dict[str, Any]:
    """What a server replies to a request for something that isn't a completion. Raises as `response_object`."""
    if not content.strip():
        raise EmptyReply("the server's reply is empty")
    response = json_object(content)
    if not response.get("data") and (status := error_status(response)) is not None:
        raise BadStatus(status, content)
    return response


def response_object(content: bytes) -> dict[str, Any]:
    """What a server replies to a request for completions.

    Raises BadStatus for an error in a reply of success, EmptyReply for one without anything or one that is cut,
    ValueError for one that is no JSON object.
    """
    if not content.strip():
        raise EmptyReply("the server's reply is empty")
    try:
        response = json_object(content)
    except ValueError as error:
        if may_pass(content):
            raise EmptyReply(str(error)) from None
        raise
    status = error_status(response)
    if status is not None:
        raise BadStatus(status, json.dumps(response).encode() if is_stream(content) else content)
    if not response.get("choices"):
        raise EmptyReply("the server returned 0 choices")
    return response


def _passes(status: int, headers: Mapping[str, str], asked_s: float | None) -> bool:
    """Whether a fault may be gone when it is asked again."""
    if asked_s is not None and asked_s > _LONGEST_ASKED_WAIT_S:
        return False
    said = headers.get("X-Should-Retry", "")
    return said == "true" if said in ("true", "false") else status in _PASSING or status >= 500


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """The seconds that a server asks us to wait, where it does (RFC 9110, 10.2.3: seconds or a date)."""
    for name, unit in (("Retry-After-Ms", 1_000), ("Retry-After", 1)):
        text = headers.get(name, "")
        with suppress(ValueError):
            try:
                seconds = float(text) / unit
            except ValueError:
                seconds = parsedate_to_datetime(text).timestamp() - time.time()
            if 0 < seconds < float("inf"):
                return seconds
    return None


def _certificates() -> ssl.SSLContext:
    """The system's certificates, and certifi's where the system's aren't named: some installations of Python find
    none."""
    context = ssl.create_default_context()
    if not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR"):
        context.load_verify_locations(certifi.where())
    return context


def _proxy(scheme: str, netloc: str) -> tuple[str | None, str]:
    """The proxy that the environment names for a server, and the variable that names it.

    Asked once, since aiohttp would for each request, in a thread. Raises UsageError for one that aiohttp can't speak
    to.
    """
    known = getproxies()
    found = known.get(scheme) or known.get("all")
    if not found or proxy_bypass(netloc):
        return None, ""
    kinds = [f"{kind}_proxy" for kind in (scheme, "all") if known.get(kind)]
    names = [name for kind in kinds for name in (kind, kind.upper()) if os.environ.get(name) == found]
    proxy = found if "://" in found else f"http://{found}"
    parts = urlsplit(proxy)
    try:
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # its port
        usable = False
    if not usable:  # which isn't shown: it may hold a password
        raise UsageError(
            "engine 'openai': the environment names a proxy for this server that is no http://HOST:PORT.",
            "Look at HTTP_PROXY, HTTPS_PROXY and ALL_PROXY, or name the server's host in NO_PROXY.",
        )
    return proxy, names[0] if names else "HTTP_PROXY"
