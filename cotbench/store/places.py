"""Where the lines of a journal stand, and what is asked of them without parsing them: a table of 49 bytes a line.

A journal may hold millions of lines. So a line's address stands in the table as 16 bytes of its hash, and all of a
journal's lines are found by one sorted array, instead of in a dict that takes ten times as much.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable
from hashlib import blake2b
from struct import Struct, unpack
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from cotbench.types import Key

_ROW = Struct("<16sQIBiiid")
# The same as numpy has it; start and length are of bytes.
ROW = np.dtype(
    [
        ("high", "<u8"),
        ("low", "<u8"),
        ("start", "<u8"),
        ("length", "<u4"),
        ("bits", "u1"),
        ("longest", "<i4"),
        ("more", "<i4"),
        ("cached", "<i4"),
        ("seconds", "<f8"),
    ]
)
Rows = npt.NDArray[np.void]
_MOST = 2**31 - 1  # of tokens: more than any model writes or reads
_UNKNOWN = -1
FAILED = 1  # the bit of a line whose request failed


class Told(NamedTuple):
    """What is on record of a reply beside its texts: as in `types.Reply`, and how many completion tokens the longest of
    its paths has, which is what one waits for where they are drawn side by side."""

    longest_tokens: int | None = None
    more_prompt_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float | None = None


NOTHING = Told()


def digest_of(key: Key) -> bytes:
    """The 16 bytes that stand for an address."""
    question, request, replicate, ordinal = key
    text = f"{replicate} {ordinal} {len(request)} {request}{question}"
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def row_of(key: Key, start: int, end: int, bits: int, told: Told) -> bytes:
    """A line as the table has it. bits: FAILED, and what else the journal asks of it."""
    counts = (_UNKNOWN if count is None or count > _MOST else count for count in told[:3])
    seconds = math.nan if told.seconds is None else told.seconds
    return _ROW.pack(digest_of(key), start, end - start, bits, *counts, seconds)


class Lines(NamedTuple):
    """The good lines of one file, in their order. size: the bytes of the file's whole lines, or of the file unpacked.
    damaged: how many lines are passed over."""

    rows: Rows
    damaged: int
    size: int


def rows_from(content: bytes | bytearray, start: int = 0) -> Rows:
    """The rows that bytes hold, from `start` on."""
    return np.frombuffer(content, dtype=ROW, offset=start) if len(content) > start else np.empty(0, dtype=ROW)


class Places:
    """The line that counts of each address, in the order of the first lines of each: the first that hasn't failed, or
    the first. `starts` are counted through all files."""

    def __init__(self, files: Iterable[Lines] = ()) -> None:
        """files: in their order; each is let go of before the next one is taken."""
        self.bases: list[int] = []  # where each file begins
        self.damaged = self.repeated = 0
        parts: list[Rows] = []
        end = 0
        for lines in files:
            self.bases.append(end)
            rows = lines.rows if lines.rows.flags.writeable else lines.rows.copy()
            rows["start"] += np.uint64(end)
            parts.append(rows)
            self.damaged += lines.damaged
            end += lines.size
        self.last_size = end - self.bases[-1] if self.bases else 0
        self.rows = _joined(parts)
        order = np.argsort(self.rows["high"], kind="stable")
        high = self.rows["high"][order]
        if (high[1:] == high[:-1]).any():
            self._choose()
            order = np.argsort(self.rows["high"], kind="stable")
            high = self.rows["high"][order]
        self._order = order.astype(np.uint32)
        self._high = memoryview(high.data)
        self._low = self.rows["low"]
        self.bits = self.rows["bits"]
        self.failed = int(np.count_nonzero(self.bits & FAILED))

    def _choose(self) -> None:
        """Keep the line that counts of each address."""
        rows, count = self.rows, len(self.rows)
        order = np.lexsort((rows["low"], rows["high"]))
        high, low = rows["high"][order], rows["low"][order]
        firsts = np.flatnonzero(np.r_[True, (high[1:] != high[:-1]) | (low[1:] != low[:-1])])
        lacking = (rows["bits"][order] & FAILED) != 0
        best = np.minimum.reduceat(np.arange(count) + count * lacking, firsts)
        self.repeated = int(count - lacking.sum() - (best < count).sum())
        by_first = np.argsort(order[firsts], kind="stable")
        self.rows = rows[order[best % count][by_first]]

    def __len__(self) -> int:
        return len(self.rows)

    def find(self, key: Key) -> int:
        """The number of an address's row; -1 where it has none."""
        return self._find(*unpack("<QQ", digest_of(key)))

    def _find(self, high: int, low: int) -> int:
        at = bisect_left(self._high, high)
        while at < len(self._high) and self._high[at] == high:
            row = int(self._order[at])
            if self._low[row] == low:
                return row
            at += 1
        return -1

    def has_all(self, others: Places) -> bool:
        """Whether each address of others is among these, with a reply where it has one there."""
        for high, low, bits in others.rows[["high", "low", "bits"]].tolist():
            row = self._find(high, low)
            if row < 0 or (self.bits[row] & FAILED and not bits & FAILED):
                return False
        return True

    def place(self, row: int) -> tuple[int, int]:
        """Where a line begins, and how long it is."""
        found: tuple[Any, ...] = self.rows[row].item()
        return found[2], found[3]

    def told(self, row: int) -> Told:
        """What the engine told of a reply."""
        *counts, seconds = self.rows[row].item()[5:]
        longest, more, cached = (None if count == _UNKNOWN else count for count in counts)
        return Told(longest, more, cached, None if math.isnan(seconds) else seconds)


def _joined(parts: list[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    joined, at = np.empty(sum(map(len, parts)), dtype=ROW), 0
    for number, part in enumerate(parts):
        joined[at : at + len(part)] = part
        at += len(part)
        parts[number] = joined[:0]  # lets go of it, so that not all are there twice
    return joined
