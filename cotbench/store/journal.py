"""journal.jsonl: one line per request, with what was sent and every raw completion, appended as it arrives.

A line is addressed by a `types.Key` and ends in a CRC-32 of what stands before it, so that a torn last line, a flipped
byte and a doubled line are told from good ones; damaged lines are passed over and their requests made again. Lines are
handed to the operating system at once (a killed process loses none) and synced to disk every few seconds (a power cut
loses at most those).

A journal may hold gigabytes. So its beginning is sealed, segment by segment (`segments.py`), while a run goes on, and
`JournalIndex` keeps the places of its lines only (`places.py`): a line is read when it is wanted. Of the lines of one
address the first good one counts, and one whose request failed only where no other is there: for resuming, rescoring,
reports and showing alike.
"""

from __future__ import annotations

import os
import re
import threading
import time
import weakref
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from cotbench.errors import RunError
from cotbench.processes import beside
from cotbench.store.files import cannot_write, open_to_read, open_to_write
from cotbench.store.frames import Frames, Reader
from cotbench.store.lines import SCHEMA, T, Whole, dump_line, load_line, with_possible_counts
from cotbench.store.places import FAILED, NOTHING, Lines, Places, Told, row_of, rows_from
from cotbench.store.segments import (
    Segment,
    has_index,
    load_index,
    look_through_packed,
    pack,
    seal_file,
    segments_of,
    sync_folder,
)
from cotbench.types import Completion, Key, Message, Reply, Request

JOURNAL = "journal.jsonl"
SYNC_EVERY_S = 5.0
_close = os.close  # for when an index goes, which may be in the midst of anything
LARGE = 50_000_000  # bytes: looking through more takes seconds
SEAL_BYTES = 256_000_000  # the open end is sealed when it has become as large
REST_AFTER, REST_S = 200, 0.005  # lines that are looked through beside a run before it is given time

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
assert _BITS["failed"] == FAILED

# The head of a line as `_line` writes it: behind it the responses are where they are looked for.
_HEAD = re.compile(rb'\{"v":%d,"question":"(?:[^"\\]|\\.)*","request":"[^"\\]*","ordinal":\d' % SCHEMA)
_COMPLETIONS = b',"completions":['


def look_through(lines: Iterable[bytes], path: Path, size: int | None = None, rest: Rest | None = None) -> Lines:
    """Find the good lines among a file's, as far as its first `size` bytes: a run may go on and add more. path: for
    messages. rest: is called now and then, by whoever has something better to do meanwhile. Raises RunError on a line
    of a later version."""
    match, signs = _HEAD.match, [(_BITS[name], look.search) for name, look in SIGNS.items()]
    rows, damaged, end = bytearray(), 0, 0
    for number, line in enumerate(lines):
        if rest is not None and not number % REST_AFTER:
            rest()
        start, behind = end, end + len(line)
        # Torn: the process died while writing it.
        if not line.endswith(b"\n") or (size is not None and behind > size):
            break
        end = behind
        row = _stored(line, path) if _intact(line) else None
        if row is None:
            damaged += 1
            continue
        if match(line) is None:
            line = dump_line(msgspec.structs.replace(row, v=SCHEMA))  # as this version writes it
        responses, bits = line.rfind(_COMPLETIONS), 0
        for bit, search in signs:
            if search(line, responses) is not None:
                bits |= bit
        rows += row_of(row.key, start, end, bits, _told(row))
    return Lines(rows_from(rows), damaged, end)


Rest = Callable[[], object]


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
    """The replies of a run by their addresses. A damaged line is as if it weren't there. An absent journal is empty.

    A run may go on meanwhile: what it adds isn't seen, and what it seals and packs is still found."""

    def __init__(self, path: Path, *, ahead: bool = False) -> None:
        """ahead: look through a large journal now, in another process. Raises RunError where the path is no file."""
        self._path = path
        # The open end's descriptor. It isn't mapped: who resumes a run cuts its torn end off, and a read of what was
        # there would end the process.
        self._end: int | None = None
        self._frames: list[Frames | None] = []  # of each segment, where it is read packed
        self._reader = Reader()
        size, inode = 0, -1
        # The open end goes first: were it sealed in between, it would else be neither there nor here.
        with suppress(FileNotFoundError), open_to_read(path) as file:
            size, inode = os.fstat(file.fileno()).st_size, os.fstat(file.fileno()).st_ino
            if size:
                self._end = os.dup(file.fileno())
                weakref.finalize(self, _close, self._end)
        self._segments = segments_of(path)
        if any(segment.is_file_of(inode) for segment in self._segments[-1:]):
            self._end, size = None, 0
        new = [segment for segment in self._segments if segment.is_plain or not has_index(segment)]
        # Looking through it takes seconds.
        self.large = size + sum(segment.bytes_on_disk for segment in new) > LARGE
        self._look = beside(partial(_look_at, path, self._end, size, new), worth=ahead and self.large)

    @cached_property
    def _places(self) -> Places:
        return Places(self._files(self._look()))

    def _files(self, looked: _Looked) -> Iterator[Lines]:
        """The lines of each file, and beside them the frames."""
        for segment in self._segments:
            found = looked.pop(segment, None) or load_index(segment) or _look_at_segment(segment, self._path)
            self._frames.append(found[0])
            yield found[1]
        yield looked.pop(None)[1]

    @property
    def empty(self) -> bool:
        """Whether there is no journal, or nothing in it."""
        return self._end is None and not self._segments

    def __contains__(self, key: Key) -> bool:
        return self._places.find(key) >= 0

    def reply(self, key: Key) -> StoredReply | None:
        """The line of an address."""
        row = self._places.find(key)
        stored = self._row(row) if row >= 0 else None
        return stored if stored is not None and stored.key == key else None

    def replies(self, keys: Iterable[Key]) -> list[StoredReply]:
        """The lines of some addresses, in their order, as far as there are any."""
        return [row for row in map(self.reply, keys) if row is not None]

    def __iter__(self) -> Iterator[StoredReply]:
        """The line of each address, in the order of the first lines of each."""
        return (stored for row in range(len(self._places)) if (stored := self._row(row)) is not None)

    def lines(self) -> Iterator[bytes]:
        """The line that counts of each address, as it was written, in the order of the first lines of each."""
        return (line for row in range(len(self._places)) if _intact(line := self._line(row)))

    def _row(self, row: int) -> StoredReply | None:
        """A line of the table, parsed; None where the file has been damaged since it was looked through."""
        line = self._line(row)
        return _stored(line, self._path) if _intact(line) else None

    def _line(self, row: int) -> bytes:
        places = self._places
        start, length = places.place(row)
        number = bisect_right(places.bases, start) - 1
        start -= places.bases[number]
        if number == len(self._segments):
            assert self._end is not None
            return os.pread(self._end, length, start)
        segment = self._segments[number]
        if self._frames[number] is None:
            with suppress(FileNotFoundError):  # it has been packed meanwhile
                return self._reader.plain(segment.plain, start, length)
        frames = self._frames[number] = self._frames[number] or _look_at_segment(segment, self._path)[0]
        assert frames is not None
        return self._reader.packed(segment.packed, frames, start, length)

    def has_all(self, lines: Lines) -> bool:
        """Whether it has each of these replies, or another one to the same request."""
        return self._places.has_all(Places([lines]))

    def says(self, sign: str, keys: Iterable[Key]) -> bool | None:
        """Whether any of these responses has a sign of SIGNS; None where none of them is on record."""
        places, bit, known = self._places, _BITS[sign], False
        for key in keys:
            row = places.find(key)
            bits = int(places.bits[row]) if row >= 0 else FAILED
            if not bits & FAILED:
                if bits & bit:
                    return True
                known = True
        return False if known else None

    def told(self, key: Key) -> Told:
        """What the engine told of a reply beside its paths, without parsing its line."""
        row = self._places.find(key)
        return NOTHING if row < 0 else self._places.told(row)

    @property
    def counts(self) -> Counts:
        """How many lines of which kind there are."""
        places = self._places
        replies = len(places) - places.failed
        return Counts(replies, places.failed, places.damaged, places.repeated, places.last_size)

    def state(self) -> JournalState:
        """All replies, parsed."""
        *_, damaged, repeated, good_bytes = self.counts
        state = JournalState(damaged=damaged, repeated=repeated, good_bytes=good_bytes)
        for row in self:
            (state.failed if row.failed else state.replies)[row.key] = row.reply()
        return state


_Looked = dict[Segment | None, tuple[Frames | None, Lines]]


def _look_at(path: Path, end: int | None, size: int, segments: Sequence[Segment]) -> _Looked:
    """Look through segments, and through the first `size` bytes of the open end (None), as it was when it was opened:
    at its path there may be another file by now."""
    looked: _Looked = {segment: _look_at_segment(segment, path) for segment in segments}
    looked[None] = (None, Lines(rows_from(b""), 0, 0))
    if end is not None:
        with os.fdopen(os.dup(end), "rb") as file:
            file.seek(0)
            looked[None] = (None, look_through(file, path, size))
    return looked


def _look_at_segment(segment: Segment, path: Path) -> tuple[Frames | None, Lines]:
    """Find the lines of a segment, and its frames where it is packed. Raises RunError where it isn't there any more."""
    if segment.is_plain:
        with suppress(FileNotFoundError), open_to_read(segment.plain) as file:
            lines = look_through(file, path)
            return None, lines._replace(size=os.fstat(file.fileno()).st_size)
    try:
        return load_index(segment) or look_through_packed(segment, partial(look_through, path=path))
    except FileNotFoundError:
        raise RunError(f"{segment.packed}: is missing.", "Restore the file.") from None


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
    """Appends replies as they arrive. A torn last line of an earlier process is cut off first. What has become large
    is sealed, and packed beside the run; so is what an earlier process didn't come to pack."""

    def __init__(self, path: Path, good_bytes: int) -> None:
        self._path = path
        try:
            self._fd = open_to_write(path, os.O_WRONLY | os.O_APPEND)
            os.ftruncate(self._fd, good_bytes)
        except OSError as error:
            raise cannot_write(path, error) from None
        self._size = good_bytes
        self._on_disk = 0  # of these bytes
        self._synced = time.monotonic()
        self._syncing: threading.Thread | None = None
        self._sync_failed: OSError | None = None
        self._packer = _Packer(path)
        for segment in segments_of(path):
            if segment.is_plain:
                self._packer.take(segment)

    def append(self, entries: Iterable[Entry]) -> None:
        """Write entries in one go.

        Raises RunError where the disk doesn't take them; whole lines of what it took stay."""
        content = b"".join(_line(*entry) for entry in entries)
        written = 0
        try:
            while written < len(content):
                written += os.write(self._fd, content[written:])
            self._size += written
            self._sync_beside()
        except OSError as error:
            if written < len(content):
                self._size += content.rfind(b"\n", 0, written) + 1
                os.ftruncate(self._fd, self._size)
            raise cannot_write(self._path, error) from None

    def _sync_beside(self) -> None:
        """Sync now and then, in a thread: a slow disk must not hold the engine. A failure is raised the next time. Once
        it is large and on the disk, the file is sealed."""
        if self._sync_failed is not None:
            raise self._sync_failed
        if self._syncing and self._syncing.is_alive():
            return
        if self._on_disk >= SEAL_BYTES:
            self._seal()
        elif self._size >= SEAL_BYTES or time.monotonic() - self._synced >= SYNC_EVERY_S:
            self._synced = time.monotonic()
            self._syncing = threading.Thread(target=self._sync, args=(self._size,), daemon=True, name="journal-sync")
            self._syncing.start()

    def _sync(self, size: int) -> None:
        try:
            os.fsync(self._fd)
            self._on_disk = size
        except OSError as error:
            self._sync_failed = error

    def _seal(self) -> None:
        """Make the file the last of the sealed segments, and begin another. Raises OSError."""
        segment = seal_file(self._path)
        sealed, self._fd = self._fd, open_to_write(self._path, os.O_WRONLY | os.O_APPEND | os.O_EXCL)
        self._size = self._on_disk = 0
        os.close(sealed)
        sync_folder(self._path.parent)
        self._packer.take(segment)

    def close(self) -> None:
        if self._syncing is not None:
            self._syncing.join()
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        finally:
            os.close(self._fd)
            self._packer.close()


class _Packer:
    """Packs segments in a thread, which works a fifth of the time: a run must not wait for it. A segment that can't be
    packed, since the disk is full or we are killed, stays as it was written, and is read like that."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._left: SimpleQueue[Segment | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()

    def take(self, segment: Segment) -> None:
        """Pack a segment, after those that were taken before."""
        self._left.put(segment)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, daemon=True, name="journal-packing")
            self._thread.start()

    def _work(self) -> None:
        rest = partial(self._hurry.wait, REST_S)
        while (segment := self._left.get()) is not None and not self._hurry.is_set():
            with suppress(OSError, RunError):
                pack(segment, partial(look_through, path=self._path, rest=rest))

    def close(self) -> None:
        """Wait for the segment that is being packed, and pack no further one."""
        self._hurry.set()
        self._left.put(None)
        if self._thread is not None:
            self._thread.join()
