"""What was sent and what came back, one question at a time, out of a run's journal.

A journal may hold gigabytes, so it is read once for the places of its lines (and for what the tag rules ask of responses), and a
line is parsed when it is wanted. As on resuming, the first good line of an address counts, and one without an error before one with.
"""

from __future__ import annotations

import mmap
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from cotbench.processes import beside
from cotbench.store.checks import open_to_read
from cotbench.store.records import JOURNAL, intact, load_line, reply_of

_HEAD = re.compile(rb'\{"v":\d+,"question":("(?:[^"\\]|\\.)*"),"request":"([^"\\]*)","ordinal":(\d+),')
_COMPLETIONS = b',"completions":['
_ERROR = b'"finish_reason":"error"'
LARGE = 50_000_000  # bytes


# A key stands like this nowhere else: within texts quotation marks are escaped.
_VISIBLE, _REASONED = re.compile(rb'"text":"[^"]'), re.compile(rb'"reasoning":"[^"]')

Address = tuple[str, str, int]  # question, request, ordinal


class Place(NamedTuple):
    """A line of the journal: where it begins and ends, and of its responses whether a "=" is in one, whether one is an error, and whether any has
    a visible text, or a reasoning text beside it."""

    start: int
    end: int
    equals: bool
    failed: bool
    visible: bool
    reasoned: bool


class Outputs:
    """The replies of one run. A damaged line is as if it weren't there. An absent journal is empty."""

    def __init__(self, folder: Path, *, ahead: bool = False) -> None:
        """ahead: look for the lines of a large journal now, in another process."""
        path = self._path = folder / JOURNAL
        self._file: mmap.mmap | None = None
        self.large = False  # looking through it takes seconds
        self._look: Callable[[], dict[Address, Place]] = dict
        try:
            file = open_to_read(path)
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            self.large = size > LARGE
            if size:
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._look = beside(partial(_places, path), worth=ahead and self.large)

    @cached_property
    def _places(self) -> dict[Address, Place]:
        return self._look()

    def replies(self, question: str, requests: Sequence[Sequence[Any]]) -> list[Mapping[str, Any]]:
        """The journal's lines of a record's `requests`, in their order: template, sampling, prompt or messages, completions."""
        found: list[Mapping[str, Any]] = []
        for request, ordinal in requests:
            place = self._places.get((question, request, ordinal))
            if place is not None and self._file is not None:
                row = reply_of(self._file[place.start : place.end], self._path)
                if row is not None:
                    found.append(row)
        return found

    def lacking(self, records: Iterable[Mapping[str, Any]]) -> int:
        """How many of these records have a request without a reply here: prompts and outputs of theirs can't be shown."""
        return sum(
            any((row["question"], request, ordinal) not in self._places for request, ordinal in row["requests"])
            for row in records
        )

    @property
    def empty(self) -> bool:
        """Whether there is no journal, or nothing in it."""
        return self._file is None

    def equals(self, question: str, requests: Sequence[Sequence[Any]]) -> bool | None:
        """Whether "=" is in any of these responses; None where none of them is on record."""
        known = [place.equals for place in self._known(question, requests)]
        return any(known) if known else None

    def visible(self, question: str, requests: Sequence[Sequence[Any]]) -> tuple[bool, bool] | None:
        """Whether any of these responses has a visible text, and whether any has reasoning beside it; None where none is on record."""
        known = self._known(question, requests)
        return (any(p.visible for p in known), any(p.reasoned for p in known)) if known else None

    def _known(self, question: str, requests: Sequence[Sequence[Any]]) -> list[Place]:
        places = [self._places.get((question, request, ordinal)) for request, ordinal in requests]
        return [place for place in places if place is not None and not place.failed]


def _places(path: Path) -> dict[Address, Place]:
    found: dict[Address, Place] = {}
    end = 0
    with open_to_read(path) as file:
        for line in file:
            start, end = end, end + len(line)
            head = _HEAD.match(line)
            body = intact(line) if line.endswith(b"\n") else None
            if head is None or body is None:
                continue
            try:
                address = (load_line(head[1]), head[2].decode(), int(head[3]))
            except ValueError:  # intact, and nothing that cotbench writes
                continue
            replies = body[body.rfind(_COMPLETIONS) :]
            failed = _ERROR in replies
            earlier = found.get(address)
            if earlier is None or earlier.failed:
                visible, reasoned = _VISIBLE.search(replies), _REASONED.search(replies)
                found[address] = Place(start, end, b"=" in replies, failed, visible is not None, reasoned is not None)
    return found
