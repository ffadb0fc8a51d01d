"""Packing a run that nobody writes: all of its journal in packed segments and its records beside them, and the way
back. Nothing is taken away before what replaces it has been read back, compared, and is on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from cotbench.errors import RunError
from cotbench.store.files import cannot_write, open_to_read, open_to_write, replace_file
from cotbench.store.frames import TEMPORARY, pack_file, packed_path
from cotbench.store.journal import JOURNAL, JournalIndex, look_through
from cotbench.store.lines import raw_lines
from cotbench.store.lock import RunLock
from cotbench.store.records import RECORDS
from cotbench.store.segments import (
    drop_segments,
    has_index,
    journal_bytes,
    look_through_packed,
    pack,
    seal_file,
    segments_of,
    sync_folder,
    whole_lines,
)

_PIECE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How many bytes a run's journal and records have on the disk."""

    journal: int
    records: int

    @property
    def all(self) -> int:
        return self.journal + self.records


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What packing a run, or unpacking it, has changed."""

    folder: Path
    before: Sizes
    after: Sizes

    def as_dict(self) -> dict[str, Any]:
        return {
            "run": self.folder.name,
            "folder": str(self.folder),
            **{
                f"{name}_bytes": {"before": getattr(self.before, name), "after": getattr(self.after, name)}
                for name in ("journal", "records")
            },
        }


def sizes_of(folder: Path) -> Sizes:
    """How many bytes a run has on the disk."""
    paths = (folder / RECORDS, packed_path(folder / RECORDS))
    return Sizes(
        journal=journal_bytes(folder / JOURNAL), records=sum(path.stat().st_size for path in paths if path.is_file())
    )


def pack_run(folder: Path) -> Packed:
    """Pack a run. Packed already, it is as it was. Raises RunError where another process writes it, where its journal
    has lines of a later version, and where the disk doesn't take it."""
    with closing(RunLock(folder)):
        before, journal = sizes_of(folder), folder / JOURNAL
        try:
            _seal_end(journal)
            look = partial(look_through, path=journal)
            for segment in segments_of(journal):
                if segment.is_plain:
                    pack(segment, look)
                elif not has_index(segment):
                    look_through_packed(segment, look)
            _pack_records(folder / RECORDS)
        except OSError as error:
            raise cannot_write(journal, error) from None
        return Packed(folder=folder, before=before, after=sizes_of(folder))


def _seal_end(journal: Path) -> None:
    """Seal a journal's open end, without the torn last line of a process that was killed; a new one is empty."""
    if not journal.is_file() or not journal.stat().st_size:
        return
    good_bytes = JournalIndex(journal).counts.good_bytes
    descriptor = open_to_write(journal, os.O_RDWR)  # no link is packed
    try:
        os.ftruncate(descriptor, good_bytes)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if good_bytes:
        seal_file(journal)
        os.close(open_to_write(journal, os.O_WRONLY | os.O_EXCL))
        sync_folder(journal.parent)


def _pack_records(path: Path) -> None:
    if not path.is_file() or path.is_symlink():
        return
    packed = packed_path(path)
    temporary = packed.with_name(packed.name + TEMPORARY)
    try:
        with open_to_read(path) as plain:
            pack_file(plain, temporary)
        temporary.replace(packed)
        sync_folder(path.parent)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    path.unlink()


def unpack_run(folder: Path) -> Packed:
    """Make of a packed run one as it was written: one journal and its records, with the same lines in the same order.
    Raises RunError where another process writes it, where a packed file isn't whole, and where the disk doesn't take
    it."""
    with closing(RunLock(folder)):
        before, journal, records = sizes_of(folder), folder / JOURNAL, folder / RECORDS
        try:
            if segments_of(journal):
                if not _has_all(journal):  # else an earlier time was stopped before it had taken the segments away
                    replace_file(journal, chain(_sealed_lines(journal), _open_end(journal)))
                    sync_folder(folder)
                    if not _has_all(journal):
                        raise RunError(f"{journal}: what was written isn't what is read back.", "Nothing was deleted.")
                drop_segments(journal)
            packed = packed_path(records)
            if packed.is_file():
                if not records.is_file():
                    replace_file(records, raw_lines(records))
                    sync_folder(folder)
                packed.unlink()
        except OSError as error:
            raise cannot_write(journal, error) from None
        return Packed(folder=folder, before=before, after=sizes_of(folder))


def _sealed_lines(journal: Path) -> Iterator[bytes]:
    return chain.from_iterable(map(whole_lines, segments_of(journal)))


def _open_end(journal: Path) -> Iterator[bytes]:
    if journal.is_file():
        with open_to_read(journal) as file:
            while piece := file.read(_PIECE):
                yield piece


def _has_all(journal: Path) -> bool:
    """Whether the open end begins with all that the sealed segments hold."""
    if not journal.is_file() or not journal.stat().st_size:
        return False
    with open_to_read(journal) as file:
        return all(file.readline() == line for line in _sealed_lines(journal))
