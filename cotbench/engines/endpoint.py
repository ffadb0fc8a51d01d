"""A server's address and key, and how to speak of them without giving them away."""

from __future__ import annotations

import base64
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from cotbench.errors import UsageError


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it isn't a port
    except ValueError as error:
        raise UsageError(f"--base-url: not an address: {error}.", "As in --base-url http://127.0.0.1:8000/v1") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            "--base-url: expected http://HOST... or https://HOST...", "As in --base-url http://127.0.0.1:8000/v1"
        )
    return parts


def public_url(url: str) -> str:
    """A base URL without user name, password and query, which may hold a key. Raises UsageError where it isn't one."""
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def without_credentials(url: str) -> tuple[str, dict[str, str]]:
    """The address without user name and password, and the header that carries them, which stands in for a key's (RFC 7617)."""
    parts = _split(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, {"Authorization": f"Basic {_pair(parts)}"} if "@" in parts.netloc else {}


def _pair(parts: SplitResult) -> str:
    return base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()


class Secrets:
    """Masks everything secret about a server in what it or its client say."""

    def __init__(self, url: str, key: str) -> None:
        parts = _split(url)
        user, password = parts.username or "", parts.password or ""
        plain = {key, user, password, parts.query, unquote(user), unquote(password)}
        plain |= {_pair(parts)} if user or password else set()
        # The longest first, since one may be part of another; very short ones are no secret and occur in any text.
        self._all = sorted((secret for secret in plain if len(secret) > 3), key=len, reverse=True)

    def clean(self, text: object, limit: int = 500) -> str:
        """A text on one line without secrets, cut to `limit` characters after they are masked."""
        words = " ".join(str(text).split())
        for secret in self._all:
            words = words.replace(secret, "***")
        return words[:limit]
