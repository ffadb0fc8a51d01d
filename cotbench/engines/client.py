"""JSON over HTTP by aiohttp, asked again where a fault may pass.

Which replies are asked again, and after how long, is as in OpenAI's own client (openai-python, `_base_client.py`), whose
stack takes five times the CPU for a request: too much where hundreds of short replies arrive in a second.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import ssl
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
import certifi
import orjson

from cotbench import __version__
from cotbench.engines.endpoint import without_credentials
from cotbench.errors import UsageError

_PASSING = frozenset({408, 409, 429})  # and all from 500 on
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0
_LONGEST_ASKED_WAIT_S = 120.0  # a server that asks for more has a quota that is used up for long


class NoReply(Exception):
    """No reply came: not there, gone meanwhile, or too slow. Its text says which."""


class BadStatus(Exception):
    """A reply that isn't one of success.

    Its text is the server's message, where it gives one in OpenAI's form. content: all that it said. code: the error's own ("" where there is none).
    """

    def __init__(self, status: int, content: bytes) -> None:
        self.status = status
        self.content = content.decode(errors="replace").strip()
        try:
            told = orjson.loads(content)["error"]
            self.code, message = str(told.get("code") or ""), told["message"]
        except (ValueError, TypeError, KeyError, AttributeError):
            self.code, message = "", None
        words = message if isinstance(message, str) else self.content
        super().__init__(f"status {status}: {words}" if words else f"status {status}")


class JsonClient:
    """Any number of requests at once to one server; used from one event loop.

    url: may hold user and password, sent instead of the key, and a query, sent with each request. key: a bearer token;
    "" for none. retries: how often a request is asked again. timeout_s: for each time, until the whole reply is there.
    """

    def __init__(self, url: str, key: str, *, retries: int, timeout_s: float) -> None:
        bare, credentials = without_credentials(url)
        self._parts = urlsplit(bare)
        self._proxy = _proxy(self._parts.scheme, self._parts.netloc)
        self._retries = retries
        self._timeout_s = timeout_s
        self._headers = {
            "Content-Type": "application/json",
            "User-Agent": f"cotbench/{__version__}",
            **({"Authorization": f"Bearer {key}"} if key else {}),
            **{
                header: os.environ[name]
                for header, name in (
                    ("OpenAI-Organization", "OPENAI_ORG_ID"),
                    ("OpenAI-Project", "OPENAI_PROJECT_ID"),
                )
                if os.environ.get(name)
            },
            **credentials,
        }
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        """Needs a running loop."""
        encrypted = self._parts.scheme == "https"
        return aiohttp.ClientSession(
            # Whoever asks bounds how many are in flight.
            connector=aiohttp.TCPConnector(limit=0, ssl=_certificates() if encrypted else True),
            cookie_jar=aiohttp.DummyCookieJar(),
            proxy=self._proxy,
        )

    async def get(self, path: str, *, retries: int, timeout_s: float) -> bytes:
        """What is at a path below the address. Raises NoReply or BadStatus."""
        return await self._ask("GET", path, None, retries, timeout_s)

    async def post(self, path: str, body: bytes) -> bytes:
        """What the server replies to a JSON text. Raises NoReply or BadStatus."""
        return await self._ask("POST", path, body, self._retries, self._timeout_s)

    async def _ask(self, method: str, path: str, body: bytes | None, retries: int, timeout_s: float) -> bytes:
        session = self._session = self._session or self._open()
        url = urlunsplit(self._parts._replace(path=self._parts.path.rstrip("/") + path, fragment=""))
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        for taken in itertools.count():
            wait_s = min(_FIRST_WAIT_S * 2.0 ** min(taken, 10), _LONGEST_WAIT_S) * (1 - random.random() / 4)  # noqa: S311 - no secret
            try:
                # Not the session's headers: aiohttp (3.14) sends those to a proxy too, and the key with them.
                async with session.request(method, url, data=body, headers=self._headers, timeout=timeout) as response:
                    content = await response.read()
            except TimeoutError:
                if taken >= retries:
                    raise NoReply(f"no reply within {timeout_s:g} s") from None
            except (aiohttp.ClientError, OSError) as error:
                if taken >= retries:
                    raise NoReply(str(error) or type(error).__name__) from None
            else:
                if 200 <= response.status < 300:
                    return content
                asked_s = _asked_wait(response.headers)
                if taken >= retries or not _passes(response.status, response.headers, asked_s):
                    raise BadStatus(response.status, content)
                wait_s = asked_s or wait_s
            await asyncio.sleep(wait_s)
        raise AssertionError  # the loop has no end

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


def json_object(content: bytes) -> dict[str, Any]:
    """Raises ValueError where a reply is none."""
    try:
        response = orjson.loads(content)
    except ValueError:
        response = None
    if not isinstance(response, dict):
        raise ValueError(f"the server's reply is no JSON object: {content.decode(errors='replace')[:80]!r}")
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
        text = headers.get(name)
        if text is None:
            continue
        try:
            seconds = float(text) / unit
        except ValueError:
            try:
                seconds = parsedate_to_datetime(text).timestamp() - time.time()
            except ValueError:
                continue
        if 0 < seconds < float("inf"):
            return seconds
    return None


def _certificates() -> ssl.SSLContext:
    """The system's certificates, and certifi's where the system's aren't named: some installations of Python find none."""
    context = ssl.create_default_context()
    if not os.environ.get("SSL_CERT_FILE") and not os.environ.get("SSL_CERT_DIR"):
        context.load_verify_locations(certifi.where())
    return context


def _proxy(scheme: str, netloc: str) -> str | None:
    """What HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say of a server: asked once, since aiohttp would for each request, in a thread.

    Raises UsageError for one that aiohttp can't speak to.
    """
    known = getproxies()
    found = known.get(scheme) or known.get("all")
    if not found or proxy_bypass(netloc):
        return None
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
    return proxy
