"""A server's address and key, and how to speak of them without giving them away."""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Iterable
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

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


# Parts of a path that look like a key: a service's prefix, or a long run of letters and digits mixed.
_KEY_LIKE = re.compile(
    r"sk-\w[\w.-]{7,}"
    r"|(?=\D*\d)(?:pk|rk|gsk|hf|key|apikey|api-key|token|nvapi|xai|ghp|glpat|r8|csk|fw)[-_]\w[\w.-]{7,}"
    r"|(?=\w*\d)(?=\w*[A-Za-z])[\w.~-]*[A-Za-z0-9]{20,}[\w.~-]*",
    re.I | re.A,
)
MASK = "***"


KEY, JUDGE_KEY = "OPENAI_API_KEY", "COTBENCH_JUDGE_API_KEY"  # the environment variables that hold them


def own_key(variable: str = KEY) -> str:
    """The key for servers, from the environment, without the white space that a file of it may end in."""
    return os.environ.get(variable, "").strip()


def _masked_path(path: str) -> str:
    """A path without the parts that are a key, or look like one."""
    keys = [key for key in map(own_key, (KEY, JUDGE_KEY)) if len(key) > 3]

    def is_key(part: str) -> bool:
        return _KEY_LIKE.fullmatch(part) is not None or any(key in (part, unquote(part)) for key in keys)

    return "/".join(MASK if is_key(part) else part for part in path.split("/"))


def public_url(url: str) -> str:
    """A base URL without user name, password and query, which may hold a key, and with *** for a key in its path.

    Raises UsageError where it isn't one.
    """
    parts = _split(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, _masked_path(parts.path), "", ""))


def recorded_header(value: str) -> str:
    """What is written down of a header's value: the environment variable that holds it, or a mask."""
    value = value.strip()
    return value if value.startswith("$") and value[1:].isidentifier() else MASK


def without_credentials(url: str) -> tuple[str, dict[str, str]]:
    """The address without user name and password, and the header that carries them, which stands in for a key's (RFC
    7617)."""
    parts = _split(url)
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return bare, {"Authorization": f"Basic {_pair(parts)}"} if "@" in parts.netloc else {}


def _pair(parts: SplitResult) -> str:
    return base64.b64encode(f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()).decode()


_SCHEME = re.compile(r"(?:bearer|basic|token|api-?key|key)\s+(\S+)$", re.I)  # before a key in a header


class Secrets:
    """Masks everything secret about a server in what it or its client say: as it is, percent-encoded, and in Base64."""

    def __init__(self, url: str, key: str, more: Iterable[str] = ()) -> None:
        """more: values of headers."""
        parts = _split(url)
        user, password = parts.username or "", parts.password or ""
        in_path = [part for part in parts.path.split("/") if part and _masked_path(part) == MASK]
        plain = {key, user, password, parts.query, unquote(user), unquote(password), *in_path, *more}
        plain |= {found[1] for value in more if (found := _SCHEME.match(value))}
        plain |= {quote(secret, safe="") for secret in plain}
        plain |= {base64.b64encode(secret.encode()).decode().rstrip("=") for secret in (key, *more) if secret}
        plain |= {_pair(parts)} if user or password else set()
        # The longest first, since one may be part of another; very short ones are no secret and occur in any text.
        self._all = sorted((secret for secret in plain if len(secret) > 3), key=len, reverse=True)

    def clean(self, text: object, limit: int = 500) -> str:
        """A text on one line without secrets, cut to `limit` characters after they are masked."""
        words = " ".join(str(text).split())
        for secret in self._all:
            words = words.replace(secret, MASK)
        return words[:limit]
