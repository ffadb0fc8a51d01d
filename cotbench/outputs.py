"""What was sent and what came back, one question at a time, out of a run's journal.

A journal may hold gigabytes, so it is read once for the places of its lines (and for what the tag rules ask of responses), and a
line is parsed when it is wanted. As on resuming, the first good line of an address counts, and one without an error before one with.
"""

from __future__ import annotations

import mmap
import re
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.records import JOURNAL, load_line
from cotbench.types import Key

_HEAD = re.compile(rb'\{"v":\d+,"question":("(?:[^"\\]|\\.)*"),"request":"([^"\\]*)","ordinal":(\d+),')
_COMPLETIONS = b',"completions":['
_ERROR = b'"finish_reason":"error"'
_SEAL_CHARS = len(',"crc":"00000000"}')


class _Place(NamedTuple):
    start: int
    end: int
    equals: bool
    failed: bool


class Outputs:
    """The replies of one run. A damaged line is as if it weren't there. An absent journal is empty."""

    def __init__(self, folder: Path) -> None:
        self._places: dict[Key, _Place] = {}
        self._file: mmap.mmap | None = None
        path = folder / JOURNAL
        if not path.is_file() or path.stat().st_size == 0:
            return
        with path.open("rb") as file:
            self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = 0
        for line in iter(self._file.readline, b""):
            end = start + len(line)
            self._add(line, start, end)
            start = end

    def _add(self, line: bytes, start: int, end: int) -> None:
        head = _HEAD.match(line)
        if head is None or not line.endswith(b'"}\n'):
            return
        body, seal = line[: -_SEAL_CHARS - 1], line[-_SEAL_CHARS - 1 : -1]
        if seal != b',"crc":"%08x"}' % zlib.crc32(b"}", zlib.crc32(body)):
            return
        key = Key(load_line(head[1]), head[2].decode(), int(head[3]))
        # Prompts hold this text only with its quotation marks escaped.
        replies = body[body.rfind(_COMPLETIONS) :]
        place = _Place(start, end, b"=" in replies, _ERROR in replies)
        earlier = self._places.get(key)
        if earlier is None or (earlier.failed and not place.failed):
            self._places[key] = place

    def replies(self, question: str, requests: Sequence[Sequence[Any]]) -> list[Mapping[str, Any]]:
        """The journal's lines of a record's `requests`, in their order: template, sampling, prompt or messages, completions."""
        found = []
        for request, ordinal in requests:
            place = self._places.get(Key(question, request, ordinal))
            if place is not None and self._file is not None:
                found.append(load_line(self._file[place.start : place.end]))
        return found

    def equals(self, question: str, requests: Sequence[Sequence[Any]]) -> bool | None:
        """Whether "=" is in any of these responses; None where none of them is on record."""
        places = [self._places.get(Key(question, request, ordinal)) for request, ordinal in requests]
        known = [place.equals for place in places if place is not None and not place.failed]
        return any(known) if known else None
