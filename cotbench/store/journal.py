"""journal.jsonl: one line per request, with what was sent and every raw completion, appended as it arrives.

A line is addressed by a `types.Key` and ends in a CRC-32 of what stands before it, so that a torn last line, a flipped
byte and a doubled line are told from good ones; damaged lines are passed over and their requests made again. Lines are
handed to the operating system at once (a killed process loses none) and synced to disk every few seconds (a power cut
loses at most those).

A journal may hold gigabytes, so `JournalIndex` looks through it once for the places of its lines, without parsing them,
and a line is parsed when it is wanted. Of the lines of one address the first good one counts, and one whose request
failed only where no other is there: for resuming, rescoring, reports and showing alike.
"""

from __future__ import annotations

import mmap
import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from cotbench.errors import RunError
from cotbench.processes import beside
from cotbench.store.files import cannot_write, open_to_read, open_to_write
from cotbench.store.lines import SCHEMA, T, Whole, dump_line, load_line, with_possible_counts
from cotbench.types import Completion, Key, Message, Reply, Request

JOURNAL = "journal.jsonl"
SYNC_EVERY_S = 5.0
LARGE = 50_000_000  # bytes: looking through more takes seconds


Parents = tuple[tuple[str, int, int], ...]  # paths: of each its request's hash and ordinal, and its place
# What a line is made of: an address, the request, its seed, the reply, the paths that it builds on, and the run that
# asked for it, where that is another one.
Entry = (
    tuple[Key, Request, int | None, Reply]
    | tuple[Key, Request, int | None, Reply, Parents]
    | tuple[Key, Request, int | None, Reply, Parents, str]
)


_DRAWN = ("temperature", "top_p", "max_tokens")
_NUMBERS = (int, float)


class StoredReply(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A line of the journal, without its checksum; its entries in the order in which they are written.

    sampling: as `Sampling.as_dict` has it. to: "judge" where the second model was asked. after: the paths that the
    request builds on, each as its reply's request and ordinal, and its place among the reply's paths. whence: the run
    that asked for it, where it was taken from another one. prompt: the text
    that was sent, where cotbench rendered it; else messages, as the server got them. completion_tokens: of all paths
    together, where there are several and the engine tells it. What follows is as in `types.Reply`, where the engine
    told it. imported: it comes from a log of another tool; of what that doesn't say there is nothing here: sampling has
    what is known, and messages may be missing.
    """

    v: Whole
    question: str
    request: str
    ordinal: Whole
    replicate: Whole = 0
    template: str
    sampling: dict[str, Any]
    seed: int | None = None
    thinking: bool | None = None
    to: str = ""
    after: tuple[tuple[str, Whole, Whole], ...] = ()
    whence: str = ""
    prompt: str | None = None
    messages: tuple[Message, ...] | None = None
    imported: bool = False
    completions: tuple[Completion, ...]
    completion_tokens: int | None = None
    more_prompt_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        drawn, stop = self.sampling, self.sampling.get("stop")
        if self.imported:
            stop = drawn.get("stop", [])
        elif self.prompt is None and self.messages is None:
            raise ValueError("what was sent is missing")
        wrong = type(stop) is not list
        for name in _DRAWN:
            wrong |= (name in drawn or not self.imported) and type(drawn.get(name)) not in _NUMBERS
        if wrong or (stop and not all(type(text) is str for text in stop)):
            raise ValueError("sampling doesn't say how it was drawn")
        if len(self.completions) != drawn.get("n", 1):
            raise ValueError("completions")

    @property
    def key(self) -> Key:
        """Its address."""
        return Key(self.question, self.request, self.replicate, self.ordinal)

    @property
    def failed(self) -> bool:
        """Whether no completion was obtained for one of its paths."""
        return any(path.finish_reason == "error" for path in self.completions)

    def reply(self) -> Reply:
        """What the engine returned, as a mode gets it."""
        return Reply(
            completions=self.completions,
            prompt=self.prompt,
            total_completion_tokens=self.completion_tokens,
            more_prompt_tokens=self.more_prompt_tokens,
            cached_tokens=self.cached_tokens,
            seconds=self.seconds,
        )


def imported_line(row: StoredReply) -> bytes:
    """The line of a reply that comes from a log."""
    return _sealed(row)


def _line(key: Key, request: Request, seed: int | None, reply: Reply, after: Parents = (), whence: str = "") -> bytes:
    """The line of a reply: its JSON, with the CRC-32 of what stands before it as the last entry."""
    row = StoredReply(
        v=SCHEMA,
        question=key.question,
        request=key.request,
        ordinal=key.ordinal,
        replicate=key.replicate,
        template=request.template,
        sampling=request.sampling.as_dict(),
        seed=seed,
        thinking=request.thinking,
        to=request.to,
        after=after,
        whence=whence,
        prompt=reply.prompt,
        messages=(reply.messages or request.messages) if reply.prompt is None else None,
        completions=reply.completions,
        completion_tokens=reply.total_completion_tokens if len(reply.completions) > 1 else None,
        more_prompt_tokens=reply.more_prompt_tokens or None,
        cached_tokens=reply.cached_tokens,
        seconds=None if reply.seconds is None else round(reply.seconds, 4),
    )
    return _sealed(row)


def _sealed(row: StoredReply) -> bytes:
    body = dump_line(row).rstrip(b"\n")
    return body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body)


_SEAL_CHARS = len(',"crc":"00000000"}\n')


def _intact(line: bytes) -> bool:
    """Whether a line is whole and undamaged."""
    checksum = zlib.crc32(b"}", zlib.crc32(memoryview(line)[:-_SEAL_CHARS]))
    return line[-_SEAL_CHARS:] == b',"crc":"%08x"}\n' % checksum


def _stored(line: bytes, path: Path) -> StoredReply | None:
    """Read an intact line; None where cotbench writes no such line. Raises RunError on one of a later version."""
    row = _loaded(line, StoredReply)
    versioned = row or _loaded(line, _Versioned)
    if versioned is not None and versioned.v > SCHEMA:
        found = f"{path}: holds lines of schema {versioned.v!s:.20}; this cotbench knows {SCHEMA}."
        raise RunError(found, "Use the version that wrote them.")
    if row is None:
        return None
    row, paths = with_possible_counts(row), tuple(map(with_possible_counts, row.completions))
    return row if paths == row.completions else msgspec.structs.replace(row, completions=paths)


class _Versioned(Struct):
    v: int = 0


def _loaded(line: bytes, kind: type[T]) -> T | None:
    try:
        return load_line(line, kind)
    except (ValueError, RecursionError):
        return None


# What is asked of the responses of a line: by name, what is looked for in the JSON of its completions. A key stands in
# it like this nowhere but as a key, since quotation marks within texts are escaped.
SIGNS: Mapping[str, re.Pattern[bytes]] = {
    "failed": re.compile(rb'"finish_reason":"error"'),
    "equals": re.compile(rb"="),
    "visible": re.compile(rb'"text":"[^"]'),
    "reasoned": re.compile(rb'"reasoning":"[^"]'),
}
_BITS: Mapping[str, int] = {name: 1 << number for number, name in enumerate(SIGNS)}
_FAILED = _BITS["failed"]

# The head of a line as `_line` writes it: behind it the responses are where they are looked for.
_HEAD = re.compile(rb'\{"v":%d,"question":"(?:[^"\\]|\\.)*","request":"[^"\\]*","ordinal":\d' % SCHEMA)
_COMPLETIONS = b',"completions":['


class Told(NamedTuple):
    """What is on record of a reply beside its texts: as in `types.Reply`, and how many completion tokens the longest of
    its paths has, which is what one waits for where they are drawn side by side."""

    longest_tokens: int | None = None
    more_prompt_tokens: int | None = None
    cached_tokens: int | None = None
    seconds: float | None = None


_NOTHING = Told()
_Address = tuple[str, str, int, int]  # what a Key is equal to, and quicker to make and to hand to another process
# Of a line: its first byte, the one behind its last, the bits of SIGNS, and what else was told.
_Place = tuple[int, int, int, Told]


@dataclass(kw_only=True)
class _Places:
    """Where lines stand. best: by address, the line that counts; others: further ones, should that one be unusable."""

    best: dict[_Address, _Place] = field(default_factory=dict)
    others: dict[_Address, list[_Place]] = field(default_factory=dict)
    damaged: int = 0
    repeated: int = 0
    good_bytes: int = 0

    def add(self, address: _Address, place: _Place) -> None:
        """Take in a line: of an address the first counts, and one without a failure before one with."""
        first = self.best.setdefault(address, place)
        if first is place:
            return
        failed, fails = first[2] & _FAILED, place[2] & _FAILED
        if failed and not fails:
            self.best[address], place = place, first
        elif not failed and not fails:
            self.repeated += 1
        self.others.setdefault(address, []).append(place)


def _look_through(path: Path, size: int) -> _Places:
    """Find the lines of a journal's first `size` bytes: a run may go on and add more."""
    places, match, signs = _Places(), _HEAD.match, [(_BITS[name], look.search) for name, look in SIGNS.items()]
    with open_to_read(path) as file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # torn: the process died while writing it
            start = places.good_bytes
            end = start + len(line)
            if end > size:
                break
            places.good_bytes = end
            row = _stored(line, path) if _intact(line) else None
            if row is None:
                places.damaged += 1
                continue
            if match(line) is None:
                line = dump_line(msgspec.structs.replace(row, v=SCHEMA))  # as this version writes it
            responses = line.rfind(_COMPLETIONS)
            bits = 0
            for bit, search in signs:
                if search(line, responses) is not None:
                    bits |= bit
            places.add(row.key, (start, end, bits, _told(row)))
    return places


def _told(row: StoredReply) -> Told:
    """What a line says beside its texts."""
    counts = [path.completion_tokens for path in row.completions]
    longest = max(counts) if counts and None not in counts else _longest(row)  # type: ignore[type-var]
    return Told(longest, row.more_prompt_tokens, row.cached_tokens, row.seconds)


def _longest(row: StoredReply) -> int | None:
    """The tokens of the longest of several paths where a server told the sum only: its share of their characters."""
    lengths = [len(path.text) + len(path.reasoning) for path in row.completions]
    total = row.completion_tokens if len(lengths) > 1 else None
    return None if total is None or not sum(lengths) else round(total * max(lengths) / sum(lengths))


class JournalIndex:
    """The replies of a run by their addresses. A damaged line is as if it weren't there. An absent journal is empty."""

    def __init__(self, path: Path, *, ahead: bool = False) -> None:
        """ahead: look through a large journal now, in another process. Raises RunError where the path is no file."""
        self._path = path
        self._file: mmap.mmap | None = None
        self.large = False  # looking through it takes seconds
        self._unusable: set[_Place] = set()  # lines that are intact, and nothing that cotbench writes
        self._look: Callable[[], _Places] = _Places
        try:
            file = open_to_read(path)
        except FileNotFoundError:
            return
        with file:
            size = os.fstat(file.fileno()).st_size
            self.large = size > LARGE
            if size:
                self._file = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
                self._look = beside(partial(_look_through, path, size), worth=ahead and self.large)

    @cached_property
    def _places(self) -> _Places:
        return self._look()

    @property
    def empty(self) -> bool:
        """Whether there is no journal, or nothing in it."""
        return self._file is None

    def __contains__(self, key: Key) -> bool:
        return key in self._places.best

    def reply(self, key: Key) -> StoredReply | None:
        """The line of an address. Raises RunError on one of a later version."""
        places, file = self._places, self._file
        if key not in places.best or file is None:
            return None
        others = places.others.get(key)
        # Of the others, too, those without a failure go first.
        for place in (places.best[key], *sorted(others or (), key=lambda other: other[2] & _FAILED)):
            row = _stored(file[place[0] : place[1]], self._path)
            if row is not None:
                return row
            self._unusable.add(place)
        return None

    def replies(self, keys: Iterable[Key]) -> list[StoredReply]:
        """The lines of some addresses, in their order, as far as there are any."""
        return [row for row in map(self.reply, keys) if row is not None]

    def __iter__(self) -> Iterator[StoredReply]:
        """The line of each address, in the order of the first lines of each."""
        return iter(row for address in self._places.best if (row := self.reply(Key(*address))) is not None)

    def says(self, sign: str, keys: Iterable[Key]) -> bool | None:
        """Whether any of these responses has a sign of SIGNS; None where none of them is on record."""
        best, bit, known = self._places.best, _BITS[sign], False
        for key in keys:
            place = best.get(key)
            if place is not None and not place[2] & _FAILED:
                if place[2] & bit:
                    return True
                known = True
        return False if known else None

    def told(self, key: Key) -> Told:
        """What the engine told of a reply beside its paths, without parsing its line."""
        place = self._places.best.get(key)
        return _NOTHING if place is None else place[3]

    @property
    def counts(self) -> Counts:
        """How many lines of which kind there are."""
        places = self._places
        failed = sum(bool(place[2] & _FAILED) for place in places.best.values())
        return Counts(len(places.best) - failed, failed, places.damaged, places.repeated, places.good_bytes)

    def state(self) -> JournalState:
        """All replies, parsed."""
        state = JournalState(repeated=self._places.repeated, good_bytes=self._places.good_bytes)
        for row in self:
            (state.failed if row.failed else state.replies)[row.key] = row.reply()
        state.damaged = self._places.damaged + len(self._unusable)
        return state


class Counts(NamedTuple):
    """What a journal holds, in numbers.

    replies, failed: addresses with a reply, and with none but such that lack a completion. damaged: lines that are
    passed over; repeated: lines of an address that had one before; good_bytes: where a torn last line begins, or the
    file's end."""

    replies: int
    failed: int
    damaged: int
    repeated: int
    good_bytes: int


@dataclass(kw_only=True)
class JournalState:
    """What a journal holds, parsed.

    failed: replies without a completion. damaged: lines that were passed over; repeated: lines of an address that had
    one before; good_bytes: where a torn last line begins, or the file's end."""

    replies: dict[Key, Reply] = field(default_factory=dict)
    failed: dict[Key, Reply] = field(default_factory=dict)
    damaged: int = 0
    repeated: int = 0
    good_bytes: int = 0


def read_journal(path: Path) -> JournalState:
    """Read all replies on record. Raises RunError where the path is no file, or holds lines of a later version."""
    return JournalIndex(path).state()


class Journal:
    """Appends replies as they arrive. A torn last line of an earlier process is cut off first."""

    def __init__(self, path: Path, good_bytes: int) -> None:
        self._path = path
        try:
            self._fd = open_to_write(path, os.O_WRONLY | os.O_APPEND)
            os.ftruncate(self._fd, good_bytes)
        except OSError as error:
            raise cannot_write(path, error) from None
        self._size = good_bytes
        self._synced = time.monotonic()
        self._syncing: threading.Thread | None = None
        self._sync_failed: OSError | None = None

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries in one go.

        Raises RunError where the disk doesn't take them; whole lines of what it took stay."""
        content = b"".join(_line(*entry) for entry in entries)
        written = 0
        try:
            while written < len(content):
                written += os.write(self._fd, content[written:])
            self._sync_beside()
        except OSError as error:
            self._size += content.rfind(b"\n", 0, written) + 1
            os.ftruncate(self._fd, self._size)
            raise cannot_write(self._path, error) from None
        self._size += written

    def _sync_beside(self) -> None:
        """Sync now and then, in a thread: a slow disk must not hold the engine. A failure is raised the next time."""
        if self._sync_failed is not None:
            raise self._sync_failed
        if time.monotonic() - self._synced < SYNC_EVERY_S or (self._syncing and self._syncing.is_alive()):
            return
        self._synced = time.monotonic()
        self._syncing = threading.Thread(target=self._sync, daemon=True, name="journal-sync")
        self._syncing.start()

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._sync_failed = error

    def close(self) -> None:
        if self._syncing is not None:
            self._syncing.join()
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        finally:
            os.close(self._fd)
