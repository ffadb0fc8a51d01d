"""Replies of earlier runs, by the addresses of what was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.manifest import Manifest
from cotbench.store.segments import journal_bytes
from cotbench.types import Key, Reply, Request


class Taken(NamedTuple):
    """A reply of an earlier run. run: the one that asked for it. busy_s: the seconds that the engine was busy with it,
    by its share of that run's tokens; None where that isn't known."""

    reply: Reply
    run: str
    busy_s: float | None


@dataclass(frozen=True)
class Source:
    """A run whose replies may be taken."""

    folder: Path
    manifest: Manifest

    @cached_property
    def journal(self) -> JournalIndex:
        """Its replies; looked through when the first one is asked for, and then by address."""
        return JournalIndex(self.folder / JOURNAL)

    @cached_property
    def seconds_per_token(self) -> float | None:
        """The seconds that its engine was busy for each completion token, those included that it had taken itself, by
        the sessions that tell it: one that goes on or was killed doesn't. None where none does."""
        busy, tokens = 0.0, 0
        for session in self.manifest.sessions:
            own = {"busy_s": session.get("busy_s"), "tokens": session.get("new_tokens")}
            for part in (own, *session.get("taken", {}).values()):
                if part.get("busy_s") is not None and part.get("tokens") is not None:
                    busy, tokens = busy + float(part["busy_s"]), tokens + int(part["tokens"])
        return busy / tokens if tokens else None


@dataclass(frozen=True)
class Earlier:
    """The replies of earlier runs to what one engine is asked. by_key: the engine is handed the answer key, so that a
    run of another seed gave other replies, greedy ones too, and a template's name decides as well."""

    sources: Sequence[Source] = ()
    by_key: bool = False

    def find(self, key: Key, request: Request, seed: int | None) -> Taken | None:
        """The reply to a request, if a run has it. seed: that it would be sampled with; None for a greedy one."""
        for source in self.sources:
            if key not in source.journal:
                continue
            row = source.journal.reply(key)
            if row is None or row.failed or row.imported or row.seed != seed:
                continue
            if self.by_key and row.template != request.template:
                continue
            reply = replace(row.reply(), messages=row.messages)
            pace, tokens = source.seconds_per_token, reply.completion_tokens
            busy_s = None if pace is None or tokens is None else pace * tokens
            return Taken(reply, row.whence or source.manifest.run, busy_s)
        return None

    @property
    def size(self) -> int:
        """Bytes of the journals that are looked through."""
        return sum(journal_bytes(one.folder / JOURNAL) for one in self.sources)


NOTHING = Earlier()
