"""The sealed segments of a journal: files of whole lines to which nothing is added, packed by zstd where there was time
for it, each with the places of its lines in a file beside it.

    journal.jsonl              the open end, where lines are appended
    journal/000001.jsonl       a sealed segment as it was written, until it is packed
    journal/000001.jsonl.zst   the same, packed: frames of about 1 MB of whole lines, which `zstd -d` reads
    journal/000001.index       the places of its lines and frames; made again where it is missing or damaged

Before each frame stands a skippable one that says how long the frame is, packed and unpacked, so that what follows a
damaged frame is found. A last one, the seal, says how long all of it is, with its hash: whoever has a seal has a whole
file, and an index with the same hash is of this file. A segment that stands there both ways is read as it was written:
it is taken away only when the packed one has been read back and is on the disk.
"""

from __future__ import annotations

import os
import re
import zlib
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from struct import Struct, error
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from cotbench.errors import RunError
from cotbench.store.files import open_to_read, open_to_write
from cotbench.store.places import ROW, Lines, rows_from

FRAME_BYTES = 1_000_000
LEVEL = 3  # of zstd: 6 packs by a tenth more, and takes three times as long
TEMPORARY = ".tmp"
_NAME = re.compile(r"(\d{6,})\.jsonl(?:\.zst)?")

_SKIPPED, _SEALED = 0x184D2A50, 0x184D2A51  # zstd readers pass over frames that begin so
_BEFORE = Struct("<IIII")  # _SKIPPED, 8, and how long the frame is packed and unpacked
_SEAL = Struct("<II16sQ")  # _SEALED, 24, the hash of all lines and how long they are
_FRAME_BEGINS = b"\x28\xb5\x2f\xfd"
_MARK = _BEFORE.pack(_SKIPPED, 8, 0, 0)[:8]

_INDEX_MAGIC = b"cotbench index 1"
_INDEX = Struct("<16s16sQQQQI")  # magic, hash, size, frames, rows, damaged lines, and the CRC-32 of all behind it


@dataclass(frozen=True)
class Segment:
    """A sealed segment, by its folder and number."""

    folder: Path
    number: int

    @property
    def plain(self) -> Path:
        return self.folder / f"{self.number:06}.jsonl"

    @property
    def packed(self) -> Path:
        return self.folder / f"{self.number:06}.jsonl.zst"

    @property
    def index(self) -> Path:
        return self.folder / f"{self.number:06}.index"

    @property
    def is_plain(self) -> bool:
        """Whether it stands there as it was written."""
        return self.plain.is_file()

    @property
    def bytes_on_disk(self) -> int:
        """How many bytes its files have."""
        return sum(path.stat().st_size for path in (self.plain, self.packed, self.index) if path.is_file())


class Seal(NamedTuple):
    """What a whole packed file ends in."""

    hash: bytes
    size: int


class Frames(NamedTuple):
    """Where the frames of a packed file stand: of each its first byte in the file, its length there, and the first of
    its bytes in what is unpacked. size: of all of it, unpacked. damaged: how many gaps are between them."""

    places: npt.NDArray[np.uint64]  # a row for each
    size: int
    damaged: int = 0

    def end(self, number: int) -> int:
        """Where a frame ends in what is unpacked."""
        return int(self.places[number + 1][2]) if number + 1 < len(self.places) else self.size


Look = Callable[[Iterable[bytes]], Lines]  # finds the good lines among the lines of a file


def folder_of_segments(journal: Path) -> Path:
    """The folder of a journal's sealed segments."""
    return journal.with_suffix("")


def segments_of(journal: Path) -> list[Segment]:
    """The sealed segments of a journal, in the order of their lines."""
    folder = folder_of_segments(journal)
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as fault:
        raise RunError(f"{folder}: can't be read: {fault.strerror}.", "Correct the permissions.") from None
    return [Segment(folder, number) for number in sorted({int(m[1]) for m in map(_NAME.fullmatch, names) if m})]


def journal_bytes(journal: Path) -> int:
    """How many bytes a journal has on the disk, packed where it is."""
    own = journal.stat().st_size if journal.is_file() else 0
    return own + sum(segment.bytes_on_disk for segment in segments_of(journal))


def sync_folder(folder: Path) -> None:
    """Have the names in a folder on the disk. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def next_segment(journal: Path) -> Segment:
    """A segment behind all others, in a folder that is there. Raises OSError."""
    folder = folder_of_segments(journal)
    if folder.is_symlink():
        raise OSError(f"{folder} is a link, and links aren't written through")
    folder.mkdir(exist_ok=True)
    return Segment(folder, max((one.number for one in segments_of(journal)), default=0) + 1)


# --- packing ------------------------------------------------------------------------------------------------------


def _codec() -> Any:
    import pyarrow  # type: ignore[import-untyped]

    return pyarrow.Codec("zstd", compression_level=LEVEL)


def _unpacked(frame: bytes, size: int) -> bytes | None:
    """The lines of a frame; None where it is damaged."""
    try:
        content: bytes = _codec().decompress(frame, decompressed_size=size, asbytes=True)
    except OSError:
        return None
    return content if len(content) == size else None


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """Whole lines, about as many as a frame has; at the end what is there, torn or not."""
    while chunk := file.read(FRAME_BYTES):
        yield chunk if chunk.endswith(b"\n") else chunk + file.readline()


def pack(segment: Segment, look: Look) -> None:
    """Pack a segment that stands there as it was written, and take that away when the packed one has been read back,
    compared, and is on the disk. Killed at any instant it leaves a segment that is read as before. Raises OSError where
    the disk doesn't take it, and leaves everything as it was."""
    temporary = segment.packed.with_name(segment.packed.name + TEMPORARY)
    try:
        with open_to_read(segment.plain) as plain:
            os.fsync(plain.fileno())
            with os.fdopen(open_to_write(temporary, os.O_RDWR | os.O_TRUNC), "w+b") as packed:
                seal, frames = _write_frames(plain, packed)
                packed.flush()
                os.fsync(packed.fileno())
                _compare(plain, packed, frames)
            plain.seek(0)
            lines = look(plain)
        temporary.replace(segment.packed)
        save_index(segment, seal, frames, lines)
        sync_folder(segment.folder)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    segment.plain.unlink()
    sync_folder(segment.folder)


def _write_frames(plain: BinaryIO, packed: BinaryIO) -> tuple[Seal, Frames]:
    codec, all_lines, start = _codec(), blake2b(digest_size=16), 0
    places: list[tuple[int, int, int]] = []
    for chunk in _chunks(plain):
        frame: bytes = codec.compress(chunk, asbytes=True)
        packed.write(_BEFORE.pack(_SKIPPED, 8, len(frame), len(chunk)))
        places.append((packed.tell(), len(frame), start))
        packed.write(frame)
        all_lines.update(chunk)
        start += len(chunk)
    seal = Seal(all_lines.digest(), start)
    packed.write(_SEAL.pack(_SEALED, 24, *seal))
    return seal, Frames(np.array(places, dtype=np.uint64).reshape(-1, 3), start)


def _compare(plain: BinaryIO, packed: BinaryIO, frames: Frames) -> None:
    """Read everything back. Raises OSError where it isn't what was packed."""
    plain.seek(0)
    for number in range(len(frames.places)):
        chunk = read_frame(packed.fileno(), frames, number)
        if chunk is None or plain.read(len(chunk)) != chunk:
            raise OSError(f"{packed.name}: what was written isn't what is read back")
    if plain.read(1):
        raise OSError(f"{plain.name} grew while it was packed")


def lines_as_written(segment: Segment) -> Iterator[bytes]:
    """The bytes of a segment, in pieces. Raises RunError where a packed one isn't whole."""
    if segment.is_plain:
        with open_to_read(segment.plain) as file:
            while chunk := file.read(FRAME_BYTES):
                yield chunk
        return
    with open_to_read(segment.packed) as file:
        seal, frames, all_lines = seal_of(file), scan(file), blake2b(digest_size=16)
        for number in range(len(frames.places)):
            chunk = read_frame(file.fileno(), frames, number) or b""
            all_lines.update(chunk)
            yield chunk
    if seal is None or all_lines.digest() != seal.hash:
        remedy = "Restore the file. What is good of it is still read by all other commands."
        raise RunError(f"{segment.packed}: is damaged, or not all of it is there.", remedy)


# --- reading ------------------------------------------------------------------------------------------------------


def seal_of(file: BinaryIO) -> Seal | None:
    """What a packed file ends in; None where it isn't whole."""
    size = os.fstat(file.fileno()).st_size
    content = os.pread(file.fileno(), _SEAL.size, max(0, size - _SEAL.size))
    if len(content) < _SEAL.size:
        return None
    magic, length, hashed, lines = _SEAL.unpack(content)
    return Seal(hashed, lines) if (magic, length) == (_SEALED, 24) else None


def scan(file: BinaryIO) -> Frames:
    """Find the frames of a packed file, whatever became of it: behind a damaged place the next one is looked for."""
    descriptor, size = file.fileno(), os.fstat(file.fileno()).st_size
    at = start = damaged = 0
    places: list[tuple[int, int, int]] = []
    while at < size:
        head = os.pread(descriptor, _BEFORE.size + 4, at)
        behind = at + _BEFORE.size
        if head.startswith(_MARK) and head.endswith(_FRAME_BEGINS) and len(head) == _BEFORE.size + 4:
            _, _, packed, unpacked = _BEFORE.unpack_from(head)
            if behind + packed <= size:
                places.append((behind, packed, start))
                start += unpacked
                at = behind + packed
                continue
        elif size - at == _SEAL.size and head.startswith(_SEAL.pack(_SEALED, 24, b"", 0)[:8]):
            break
        damaged += 1
        at = _next_mark(descriptor, at + 1, size)
    return Frames(np.array(places, dtype=np.uint64).reshape(-1, 3), start, damaged)


def _next_mark(descriptor: int, at: int, size: int) -> int:
    """Where the next frame may begin; the file's end where none does."""
    while at < size:
        content = os.pread(descriptor, FRAME_BYTES, at)
        found = content.find(_MARK)
        if found >= 0:
            return at + found
        at += max(1, len(content) - len(_MARK) + 1)
    return size


def read_frame(descriptor: int, frames: Frames, number: int) -> bytes | None:
    """The lines of a frame; None where it is damaged."""
    place, packed, start = map(int, frames.places[number])
    return _unpacked(os.pread(descriptor, packed, place), frames.end(number) - start)


class Reader:
    """Reads lines of files by their places. Few files are open at once, and few frames unpacked."""

    MOST_FILES, MOST_FRAMES = 32, 32

    def __init__(self) -> None:
        self._files: OrderedDict[Path, BinaryIO] = OrderedDict()
        self._frames: OrderedDict[tuple[Path, int], bytes | None] = OrderedDict()

    def plain(self, path: Path, start: int, length: int) -> bytes:
        """Bytes of a file. Raises FileNotFoundError where it isn't there any more."""
        return os.pread(self._open(path).fileno(), length, start)

    def packed(self, path: Path, frames: Frames, start: int, length: int) -> bytes:
        """Bytes of what a packed file holds; fewer where the file is damaged."""
        number = bisect_right(frames.places[:, 2], start) - 1
        key = (path, number)
        if key not in self._frames:
            self._frames[key] = read_frame(self._open(path).fileno(), frames, number)
            if len(self._frames) > self.MOST_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        begin = start - int(frames.places[number][2])
        return (self._frames[key] or b"")[begin : begin + length]

    def _open(self, path: Path) -> BinaryIO:
        if path not in self._files:
            self._files[path] = open_to_read(path)
            if len(self._files) > self.MOST_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return self._files[path]


# --- the index ----------------------------------------------------------------------------------------------------


def save_index(segment: Segment, seal: Seal, frames: Frames, lines: Lines) -> None:
    """Write a packed segment's index. Raises OSError."""
    parts = (frames.places.tobytes(), lines.rows.tobytes())
    checked = zlib.crc32(parts[1], zlib.crc32(parts[0]))
    head = _INDEX.pack(_INDEX_MAGIC, seal.hash, seal.size, len(frames.places), len(lines.rows), lines.damaged, checked)
    # Two readers may make it at the same time, so each has a name of its own for it.
    temporary = segment.index.with_name(f"{segment.index.name}.{os.getpid()}{TEMPORARY}")
    try:
        with os.fdopen(open_to_write(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines((head, *parts))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(segment.index)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def has_index(segment: Segment) -> bool:
    """Whether an index of this very file is beside it, as far as its head tells."""
    try:
        with open_to_read(segment.packed) as packed, open_to_read(segment.index) as index:
            seal = seal_of(packed)
            magic, hashed, *_ = _INDEX.unpack(index.read(_INDEX.size))
    except (OSError, error, RunError):
        return False
    return seal is not None and (magic, hashed) == (_INDEX_MAGIC, seal.hash)


def load_index(segment: Segment) -> tuple[Frames, Lines] | None:
    """A packed segment's index; None where it is missing, damaged, or of another file."""
    if not has_index(segment):
        return None
    try:
        with open_to_read(segment.index) as file:
            _, _, size, frames, rows, damaged, checked = _INDEX.unpack(file.read(_INDEX.size))
            content = bytearray(file.read())
    except (OSError, error, RunError, ValueError):
        return None
    behind = 24 * frames
    if len(content) != behind + rows * ROW.itemsize or zlib.crc32(content) != checked:
        return None
    places = np.frombuffer(content[:behind], dtype=np.uint64).reshape(-1, 3)
    return Frames(places, size), Lines(rows_from(content, behind), damaged, size)


def look_through_packed(segment: Segment, look: Look) -> tuple[Frames, Lines]:
    """Find frames and lines of a packed segment, and leave an index beside it where that can be. Raises
    FileNotFoundError where the file isn't there."""
    with open_to_read(segment.packed) as file:
        seal, frames, all_lines = seal_of(file), scan(file), blake2b(digest_size=16)

        def lines_within() -> Iterator[bytes]:
            for number in range(len(frames.places)):
                chunk = read_frame(file.fileno(), frames, number)
                if chunk is None:  # as one damaged line, which keeps the places of what follows
                    chunk = b" " * (frames.end(number) - int(frames.places[number][2]) - 1) + b"\n"
                all_lines.update(chunk)
                yield from BytesIO(chunk)

        lines = look(lines_within())
    if seal is not None and seal == (all_lines.digest(), frames.size):
        with suppress(OSError):
            save_index(segment, seal, frames, lines)
    return frames, lines._replace(size=frames.size, damaged=lines.damaged + frames.damaged)
