"""Records by column: what most of a report is worked out from, without a record being looked at by itself.

A large run's records are no list but a `RecordTable`: columns of figures in memory, and the lines in records.jsonl, of
which one is read when it is asked for. The columns are kept in records.parquet beside it, made at the first report of a
run that has ended. It is believed only where it says the size and the SHA-256 of the records that it was made of, and
of the questions that these were held against; else it is made again. Nothing but reports reads it, and a run is
complete without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, overload

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType
from numpy.typing import NDArray

from cotbench.errors import RunError
from cotbench.store.files import open_to_read, replace_file
from cotbench.store.lines import load_line, with_possible_counts
from cotbench.store.manifest import Manifest
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import (
    RECORD_TABLE,
    RECORDS,
    Before,
    ExecutionRow,
    Record,
    VoteRow,
    checked_records,
    keys_of,
    read_records,
)
from cotbench.types import Key, Outcome, Question

VERSION = 1  # of the columns
LARGE = 50_000_000  # bytes of records.jsonl; fewer are read as a list, which is quicker
_CHUNK = 50_000  # records that are made columns of at once
_BLOCK = 1 << 18  # bytes that are read at once of lines that follow each other

Array = NDArray[Any]
T = TypeVar("T", bound=Struct)

_PLACES: Mapping[str, int] = {outcome.value: place for place, outcome in enumerate(Outcome)}
# Columns, and how each is held. question: its number among the run's; arm: the place of its task and mode among the
# run's; ending: the place of its outcome among `Outcome`; rule: of `Columns.rules`; score: nan where the outcome says
# it; calls, executions: how many; the others: whether the record has such an entry.
_KINDS: Mapping[str, Any] = {
    "question": np.int32,
    "arm": np.int32,
    "ending": np.int8,
    "rule": np.int32,
    "prompt": float,
    "reasoning": float,
    "completion": float,
    "score": float,
    "calls": np.int32,
    "executions": np.int32,
    "truncated": bool,
    "answered": bool,
    "placed": bool,  # a span is known
    "voted": bool,
    "gone_on": bool,
    "likely": bool,  # probabilities of options
    "judged": bool,
}


class Columns:
    """Columns of records, as arrays by the names of _KINDS; rules: the names of rules of reading."""

    def __init__(self, arrays: Mapping[str, Array], rules: Sequence[str]) -> None:
        self.arrays, self.rules = arrays, rules

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]


class _Maker:
    """Makes columns of records, some at a time."""

    def __init__(self, questions: Iterable[str], pairs: Iterable[tuple[str, str]]) -> None:
        self._numbers = {identity: number for number, identity in enumerate(questions)}
        self._arms = {pair: place for place, pair in enumerate(pairs)}
        self._rules: dict[str, int] = {}
        self._made: dict[str, list[Array]] = {name: [] for name in _KINDS}

    def add(self, records: Sequence[Record]) -> dict[str, Array]:
        """Take in records, and return the columns of these."""
        numbers, arms, rules = self._numbers, self._arms, self._rules
        values = {
            "question": [numbers[row.question] for row in records],
            "arm": [arms[row.task, row.mode] for row in records],
            "ending": [_PLACES[row.outcome] for row in records],
            "rule": [rules.setdefault(row.rule, len(rules)) for row in records],
            "prompt": [row.prompt_tokens for row in records],
            "reasoning": [row.reasoning_tokens for row in records],
            "completion": [row.completion_tokens for row in records],
            "score": [None if row.score is UNSET else row.score for row in records],
            "calls": [len(row.requests) for row in records],
            "executions": [len(row.executions) for row in records],
            "truncated": [row.truncated for row in records],
            "answered": [row.answer is not None for row in records],
            "placed": [row.span is not None for row in records],
            "voted": [row.votes is not None for row in records],
            "gone_on": [row.before is not UNSET for row in records],
            "likely": [row.options is not UNSET for row in records],
            "judged": [row.judge_prompt_tokens is not UNSET for row in records],
        }
        made = {name: np.array(values[name], dtype=kind) for name, kind in _KINDS.items()}
        for name, array in made.items():
            self._made[name].append(array)
        return made

    @property
    def rules(self) -> list[str]:
        """The names of the rules so far."""
        return list(self._rules)

    def all(self) -> Columns:
        """The columns of all records."""
        arrays = {name: np.concatenate([np.empty(0, _KINDS[name]), *some]) for name, some in self._made.items()}
        return Columns(arrays, self.rules)


def columns_of(records: Sequence[Record], questions: Iterable[str], pairs: Iterable[tuple[str, str]]) -> Columns:
    """The columns of a run's records. questions: the ids of all of its questions; pairs: its tasks and modes."""
    if isinstance(records, RecordTable):
        return records.columns
    maker = _Maker(questions, pairs)
    maker.add(records)
    return maker.all()


# --- parts of records, which are read where the others aren't needed -----------------------------------------------


class Sent(Struct, frozen=True, gc=False):
    """Of a record what was asked: `Record.keys` and its steps."""

    question: str
    requests: tuple[tuple[str | int, ...], ...]
    steps: tuple[int, ...] | UnsetType = UNSET

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its requests as addresses in the journal."""
        return keys_of(self.question, self.requests)


class Answered(Struct, frozen=True, gc=False):
    """Of a record its answer."""

    question: str
    answer: str | None


class Judged(Struct, frozen=True, gc=False):
    """Of a record the second model's tokens."""

    judge_prompt_tokens: int | UnsetType | None = UNSET
    judge_completion_tokens: int | UnsetType | None = UNSET


class Voted(Struct, frozen=True, gc=False):
    """Of a record its votes."""

    votes: VoteRow | None = None


class WentOn(Struct, frozen=True, gc=False):
    """Of a record what would have been concluded had no reply been gone on with, and what was."""

    answer: str | None
    rule: str
    votes: VoteRow | None = None
    before: Before | UnsetType = UNSET


class Ran(Struct, frozen=True, gc=False):
    """Of a record what came of its programs."""

    executions: tuple[ExecutionRow, ...] = ()


# --- records that stay on the disk ----------------------------------------------------------------------------------


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


class RecordTable(Sequence[Record]):
    """The records of a run whose lines stay in records.jsonl. Reading one raises RunError where the file was changed.

    columns: of all of them. ends: where each line ends, behind a 0. names: what modes are called that the lines call
    otherwise, by task and mode."""

    def __init__(
        self, path: Path, descriptor: int, columns: Columns, ends: Array, names: Mapping[str, str] | None = None
    ) -> None:
        self._path, self._ends, self._names = path, ends, dict(names or {})
        self._descriptor = os.dup(descriptor)
        self.columns = columns
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, place: int) -> Record: ...
    @overload
    def __getitem__(self, place: slice) -> list[Record]: ...
    def __getitem__(self, place: int | slice) -> Record | list[Record]:
        if isinstance(place, slice):
            return list(self.parts(Record, range(len(self))[place]))
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        start, end = int(self._ends[place]), int(self._ends[place + 1])
        line = os.pread(self._descriptor, end - start, start)
        if len(line) < end - start:
            raise self._changed()
        return self._whole(self._read(line, Record))

    def __iter__(self) -> Iterator[Record]:
        return self.parts(Record, range(len(self)))

    def parts(self, kind: type[T], places: Iterable[int]) -> Iterator[T]:
        """Read the records of some places, or only parts of them, which the entries of `kind` name."""
        rows = (self._read(line, kind) for line in self._lines(places))
        return map(self._whole, rows) if kind is Record else rows  # type: ignore[arg-type]

    def _read(self, line: bytes | memoryview, kind: type[T]) -> T:
        try:
            row: T = _decoder(kind).decode(line)
            return row
        except (ValueError, RecursionError):  # of lone surrogates, as `lines.load_line` has it
            pass
        try:
            return load_line(bytes(line), kind)
        except (ValueError, RecursionError):
            raise self._changed() from None

    def _whole(self, row: Record) -> Record:
        row = with_possible_counts(row)
        return msgspec.structs.replace(row, mode=self._names[row.mode]) if row.mode in self._names else row

    def _lines(self, places: Iterable[int]) -> Iterator[memoryview]:
        """Read lines, each of which is there until the next one is asked for: in blocks where they follow each other in
        the file, as those of a panel, which is sorted by ids, don't."""
        descriptor, every = self._descriptor, iter(places)
        block = memoryview(bytearray(_BLOCK))
        while some := list(islice(every, _CHUNK)):
            chosen = np.asarray(some)
            in_order = bool((np.diff(chosen) > 0).all())
            low = high = 0
            for start, end in zip(self._ends[chosen].tolist(), self._ends[chosen + 1].tolist(), strict=True):
                if not in_order or start < low or end > high:
                    if end - start > len(block):
                        block = memoryview(bytearray(end - start))
                    space = block if in_order else block[: end - start]
                    low, high = start, start + os.preadv(descriptor, [space], start)
                    if end > high:
                        raise self._changed()
                yield block[start - low : end - low]

    def _changed(self) -> RunError:
        return RunError(f"{self._path}: was changed while it was read.", "Run the same command again.")

    def renamed(self, names: Mapping[str, str]) -> RecordTable:
        """The same records, whose modes are called otherwise; the arms keep their places."""
        return RecordTable(self._path, self._descriptor, self.columns, self._ends, names)


def renamed(records: Sequence[Record], names: Mapping[str, str]) -> Sequence[Record]:
    """The same records, with modes called otherwise."""
    if isinstance(records, RecordTable):
        return records.renamed(names)
    return [msgspec.structs.replace(row, mode=names[row.mode]) if row.mode in names else row for row in records]


def parts_of(records: Sequence[Record], kind: type[T], places: Iterable[int]) -> Iterator[T]:
    """Parts of some records, which the entries of `kind` name; of records that are in memory the records themselves,
    which have these entries, too."""
    if isinstance(records, RecordTable):
        return records.parts(kind, places)
    return (records[place] for place in places)  # type: ignore[misc]


def read_any_records(
    folder: Path, manifest: Manifest, questions: Mapping[str, Question], golds: Mapping[str, str]
) -> Sequence[Record]:
    """Read a run's records as `records.read_records` does: of a large run as a table. Raises RunError.

    The table of a run that has ended is kept in records.parquet, or not where that can't be written."""
    path = folder / RECORDS
    try:
        file = open_to_read(path)
    except FileNotFoundError:
        return read_records(folder, manifest, questions, golds)  # which says what to do
    with file:
        # Records of versions that knew no arms are changed, all of them.
        if os.fstat(file.fileno()).st_size >= LARGE and manifest.spec.arms:
            return _table(path, file, manifest, questions, golds)
    return read_records(folder, manifest, questions, golds)


def _table(
    path: Path, file: BinaryIO, manifest: Manifest, questions: Mapping[str, Question], golds: Mapping[str, str]
) -> RecordTable:
    """The table of records.jsonl, which is open: as it is kept, or made anew."""
    folder, size = path.parent, os.fstat(file.fileno()).st_size
    stands_for = None if manifest.status == "running" else _stands_for(file, folder, manifest)
    if stands_for is not None:
        kept = _kept(folder / RECORD_TABLE, stands_for, size)
        if kept is not None:
            return RecordTable(path, file.fileno(), *kept)
    maker, ends = _Maker(questions, manifest.spec.pairs), _ends(file, size)
    writer = _Writer(list(questions), manifest.spec.pairs) if stands_for is not None else None
    rows = checked_records(folder, manifest, questions, golds, file=file)
    rows, at = islice(rows, len(ends) - 1), 0  # a run that goes on may have written more meanwhile
    while some := list(islice(rows, _CHUNK)):
        made = maker.add(some)
        if writer is not None:
            writer.add(made, ends[at + 1 : at + len(some) + 1], [row.answer for row in some], maker.rules)
        at += len(some)
    if writer is not None and stands_for is not None:
        with suppress(OSError):  # a folder that may only be read, or a full disk
            writer.finish(folder / RECORD_TABLE, stands_for)
    return RecordTable(path, file.fileno(), maker.all(), ends[: at + 1])


def _ends(file: BinaryIO, size: int) -> Array:
    """Where the lines of a file's first `size` bytes end, behind a 0."""
    found, at = [np.zeros(1, np.int64)], 0
    while at < size and (block := os.pread(file.fileno(), min(1 << 24, size - at), at)):
        found.append(np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")) + (at + 1))
        at += len(block)
    return np.concatenate(found)


# --- records.parquet ------------------------------------------------------------------------------------------------

_ABOUT = b"cotbench"
_NAMES = {
    "prompt": "prompt_tokens",
    "reasoning": "reasoning_tokens",
    "completion": "completion_tokens",
    "calls": "requests",
    "question": "number",
}


def _stands_for(file: BinaryIO, folder: Path, manifest: Manifest) -> str:
    """What a table must say of the files that it was made of."""

    def digest(of: BinaryIO) -> str:
        found, at = hashlib.sha256(), 0
        while block := os.pread(of.fileno(), 1 << 24, at):
            found.update(block)
            at += len(block)
        return f"{at} {found.hexdigest()}"

    with open_to_read(folder / QUESTIONS) as questions:
        told = {"version": VERSION, RECORDS: digest(file), QUESTIONS: digest(questions), "arms": manifest.spec.pairs}
    return json.dumps(told)


class _Writer:
    """Writes columns, some records at a time; the whole is in memory until it is finished, some 20 bytes a record."""

    def __init__(self, questions: Sequence[str], pairs: Sequence[tuple[str, str]]) -> None:
        import pyarrow as pa  # type: ignore[import-untyped]

        self._questions = pa.array(map(_encodable, questions), pa.string())
        self._tasks, self._modes = (pa.array(names, pa.string()) for names in zip(*pairs, strict=True))
        self._outcomes = pa.array([outcome.value for outcome in Outcome], pa.string())
        self._buffer = pa.BufferOutputStream()
        self._writer: Any = None

    def add(self, made: Mapping[str, Array], ends: Array, answers: Sequence[str | None], rules: Sequence[str]) -> None:
        import pyarrow as pa
        from pyarrow import parquet

        try:
            texts = pa.array(answers, pa.string())
        except UnicodeEncodeError:  # a lone surrogate
            texts = pa.array([text if text is None else _encodable(text) for text in answers], pa.string())
        arm = pa.array(made["arm"])
        columns = {
            "question": self._questions.take(pa.array(made["question"])),
            "task": self._tasks.take(arm),
            "mode": self._modes.take(arm),
            "outcome": self._outcomes.take(pa.array(made["ending"])),
            "answer": texts,
            "rule": pa.array(rules, pa.string()).take(pa.array(made["rule"])),
        }
        for name, array in made.items():
            if name != "rule":
                counts = name in ("prompt", "reasoning", "completion")
                column = pa.array(array, from_pandas=True)  # nan is null
                columns[_NAMES.get(name, name)] = column.cast(pa.int64()) if counts else column
        columns["line_ends"] = pa.array(ends)
        table = pa.table(columns)
        if self._writer is None:
            self._writer = parquet.ParquetWriter(
                self._buffer, table.schema, compression="zstd", write_page_checksum=True
            )
        self._writer.write_table(table)

    def finish(self, path: Path, stands_for: str) -> None:
        """Write the file. Raises OSError."""
        if self._writer is None:
            return
        self._writer.add_key_value_metadata({_ABOUT: stands_for.encode()})
        self._writer.close()
        replace_file(path, [self._buffer.getvalue().to_pybytes()])


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _kept(path: Path, stands_for: str, size: int) -> tuple[Columns, Array] | None:
    """The columns that a file holds, and where lines end; None where it isn't there, stands for other records, or is
    damaged."""
    import pyarrow as pa
    from pyarrow import parquet

    with suppress(OSError, RunError, pa.ArrowException, KeyError, ValueError):
        with open_to_read(path) as file:
            held = parquet.ParquetFile(file, read_dictionary=["rule"], page_checksum_verification=True)
            if (held.metadata.metadata or {}).get(_ABOUT) != stands_for.encode():
                return None
            arrays, rules = {}, []
            for name, kind in _KINDS.items():
                column = held.read([_NAMES.get(name, name)]).column(0)
                if name == "rule":
                    codes = column.unify_dictionaries().combine_chunks()
                    rules, column = codes.dictionary.to_pylist(), codes.indices
                arrays[name] = column.to_numpy(zero_copy_only=False).astype(kind)
            ends = held.read(["line_ends"]).column(0).to_numpy()
        if len(ends) and (ends[-1] > size or (np.diff(ends, prepend=0) <= 0).any()):
            return None
        return Columns(arrays, rules), np.concatenate([np.zeros(1, np.int64), ends])
    return None
