"""Lines of JSON objects, whoever wrote them: which lines count, and what is wrong with one that isn't an object."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import orjson


def numbered(lines: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines that hold something, with their numbers in the file, counted from 1."""
    return ((number, line) for number, line in enumerate(lines, 1) if line.strip())


def json_object(
    line: bytes, load: Callable[[bytes], Any] = orjson.loads, expected: str = "an object"
) -> dict[str, Any]:
    """The object on a line. Raises ValueError, which says what was found instead, where there is none."""
    try:
        row = load(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not valid JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError(f"expected {expected}, found {type(row).__name__}")
    return row
