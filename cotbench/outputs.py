"""What was sent and what came back, one question at a time, out of a run's journal.

A journal may hold gigabytes, so it is read once for the places of its lines (and for what the tag rules ask of responses), and a
line is parsed when it is wanted. As on resuming, the first good line of an address counts, and one without an error before one with.
"""

from __future__ import annotations

import mmap
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from cotbench.beside import beside
from cotbench.records import JOURNAL, intact, load_line

_HEAD = re.compile(rb'\{"v":\d+,"question":("(?:[^"\\]|\\.)*"),"request":"([^"\\]*)","ordinal":(\d+),')
_COMPLETIONS = b',"completions":['
_ERROR = b'"finish_reason":"error"'
LARGE = 50_000_000  # bytes


Address = tuple[str, str, int]  # question, request, ordinal
Place = tuple[
    int, int, bool, bool
]  # where its line begins and ends, whether a "=" is in the responses, whether one of them is an error


class Outputs:
    """The replies of one run. A damaged line is as if it weren't there. An absent journal is empty."""

    def __init__(self, folder: Path, *, ahead: bool = False) -> None:
        """ahead: look for the lines of a large journal now, in another process."""
        path = folder / JOURNAL
        size = path.stat().st_size if path.is_file() else 0
        self._file: mmap.mmap | None = None
        self._look: Callable[[], dict[Address, Place]] = dict
        if size:
            with path.open("rb") as file:
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._look = beside(partial(_places, path), worth=ahead and size > LARGE)

    @cached_property
    def _places(self) -> dict[Address, Place]:
        return self._look()

    def replies(self, question: str, requests: Sequence[Sequence[Any]]) -> list[Mapping[str, Any]]:
        """The journal's lines of a record's `requests`, in their order: template, sampling, prompt or messages, completions."""
        found = []
        for request, ordinal in requests:
            place = self._places.get((question, request, ordinal))
            if place is not None and self._file is not None:
                found.append(load_line(self._file[place[0] : place[1]]))
        return found

    def equals(self, question: str, requests: Sequence[Sequence[Any]]) -> bool | None:
        """Whether "=" is in any of these responses; None where none of them is on record."""
        places = [self._places.get((question, request, ordinal)) for request, ordinal in requests]
        known = [equals for _, _, equals, failed in filter(None, places) if not failed]
        return any(known) if known else None


def _places(path: Path) -> dict[Address, Place]:
    found: dict[Address, Place] = {}
    end = 0
    with path.open("rb") as file:
        for line in file:
            start, end = end, end + len(line)
            head = _HEAD.match(line)
            body = intact(line) if line.endswith(b"\n") else None
            if head is None or body is None:
                continue
            address = (load_line(head[1]), head[2].decode(), int(head[3]))
            # Prompts hold this text only with its quotation marks escaped.
            replies = body[body.rfind(_COMPLETIONS) :]
            failed = _ERROR in replies
            earlier = found.get(address)
            if earlier is None or earlier[3]:
                found[address] = (start, end, b"=" in replies, failed)
    return found
