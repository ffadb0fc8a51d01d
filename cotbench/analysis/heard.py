"""What a journal says of the replies that records rest on, without their texts being parsed: in one pass over many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from msgspec import UNSET

from cotbench.analysis.stats import Array
from cotbench.store.table import Sent, parts_of

if TYPE_CHECKING:
    from cotbench.analysis.pairing import Run
    from cotbench.store.records import Record

UNKNOWN = -1
_Row = tuple[int, bool, float, float | None, float | None, float | None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """Of some questions, as arrays in their order.

    equals: whether a response holds a "=": 1, 0, or -1 where none is on record. more: prompt tokens that were sent
    again for further paths; cached: prompt tokens that a cache had. serial: completion tokens that one waits for;
    seconds: that it took. nan where the journal doesn't say it of all requests, or there is no record."""

    equals: Array
    more: Array
    cached: Array
    serial: Array
    seconds: Array


def hear(run: Run, places: Array) -> Heard:
    """Ask a run's journal of the records of some places, of which -1 is none; `run.lacks` learns which lack replies."""
    there = places >= 0
    known = places[there]
    if run.journal.empty:
        rows: list[_Row] = [
            (UNKNOWN, calls > 0, 0.0, None, None, None) for calls in run.columns["calls"][known].tolist()
        ]
    else:
        rows = [_heard(run, row) for row in parts_of(run.records, Sent, known.tolist())]
    equals = np.full(len(places), UNKNOWN, np.int8)
    figures = np.full((4, len(places)), np.nan)
    if rows:
        columns = list(zip(*rows, strict=True))
        equals[there], run.lacks[known] = columns[0], columns[1]
        figures[:, there] = np.array(columns[2:], dtype=float)
    more, cached, serial, seconds = figures
    return Heard(equals=equals, more=more, cached=cached, serial=serial, seconds=seconds)


def _heard(run: Run, row: Sent | Record) -> _Row:
    journal, keys = run.journal, row.keys
    says = journal.says("equals", keys)
    told = [journal.told(key) for key in keys]
    cached = [one.cached_tokens for one in told if one.cached_tokens is not None]
    took = [one.seconds for one in told if one.seconds is not None]
    longest = [one.longest_tokens for one in told if one.longest_tokens is not None]
    return (
        UNKNOWN if says is None else int(says),
        any(key not in journal for key in keys),
        sum(one.more_prompt_tokens or 0 for one in told),
        sum(cached) if told and len(cached) == len(told) else None,
        _waited(longest, row) if told and len(longest) == len(told) else None,
        _waited(took, row) if told and len(took) == len(told) else None,
    )


def _waited(took: Sequence[float], row: Sent | Record) -> float:
    """Return what one waits for of what its requests took: of those of one step the most, of steps the sum."""
    if len(took) == 1 and row.steps is UNSET:
        return float(took[0])
    left = iter(took)
    steps = [1] * len(took) if row.steps is UNSET else [*row.steps, *[1] * (len(took) - sum(row.steps))]
    return float(sum(max(islice(left, size), default=0) for size in steps))
