"""The sealed segments of a journal: files of whole lines to which nothing is added, packed by zstd where there was time
for it, each with the places of its lines in a file beside it.

    journal.jsonl              the open end, where lines are appended
    journal/000001.jsonl       a sealed segment as it was written, until it is packed
    journal/000001.jsonl.zst   the same, packed: frames of about 1 MB of whole lines, which `zstd -d` reads
    journal/000001.index       the places of its lines and frames; made again where it is missing or damaged

An index has the hash of the packed file's seal, so that it is known of which file it is. A segment that stands there
both ways is read as it was written: that is taken away only when the packed one has been read back and is on the disk.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from struct import Struct, error

import numpy as np

from cotbench.errors import RunError
from cotbench.store.files import open_to_read, open_to_write
from cotbench.store.frames import PACKED, TEMPORARY, Frames, Seal, Unpacking, pack_file, seal_of
from cotbench.store.places import ROW, Lines, rows_from

_NAME = re.compile(r"(\d{6,})\.jsonl(?:\.zst)?")

_INDEX_MAGIC = b"cotbench index 1"
_HEAD = Struct("<16s16sQQQQ")  # magic, hash, size, frames, rows, damaged lines
_CHECK = Struct("<I")  # the CRC-32 of all else


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
        return self.folder / f"{self.number:06}.jsonl{PACKED}"

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
        size = 0
        for path in (self.plain, self.packed, self.index):
            with suppress(FileNotFoundError):
                size += path.stat().st_size
        return size

    def is_file_of(self, inode: int) -> bool:
        """Whether it stands there as it was written, and is a file that is known by another name."""
        try:
            return self.plain.stat().st_ino == inode
        except FileNotFoundError:
            return False


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


def _next_segment(journal: Path) -> Segment:
    """A segment behind all others, in a folder that is there. Raises OSError."""
    folder = folder_of_segments(journal)
    if folder.is_symlink():
        raise OSError(f"{folder} is a link, and links aren't written through")
    folder.mkdir(exist_ok=True)
    return Segment(folder, max((one.number for one in segments_of(journal)), default=0) + 1)


def seal_file(journal: Path) -> Segment:
    """Make a journal's open end the last of its sealed segments. There is no open end then. Raises OSError."""
    segment = _next_segment(journal)
    journal.rename(segment.plain)
    sync_folder(segment.folder)  # before its old name is another file's
    return segment


def drop_segments(journal: Path) -> None:
    """Take all sealed segments away, the last one first. Raises OSError."""
    for segment in reversed(segments_of(journal)):
        for path in (segment.plain, segment.packed, segment.index):
            path.unlink(missing_ok=True)
    with suppress(OSError):  # there is none, or something of somebody else is in it
        folder_of_segments(journal).rmdir()


# --- packing ------------------------------------------------------------------------------------------------------


def pack(segment: Segment, look: Look) -> None:
    """Pack a segment that stands there as it was written, and take that away when the packed one has been read back,
    compared, and is on the disk. Killed at any instant it leaves a segment that is read as before. Raises OSError where
    the disk doesn't take it, and leaves everything as it was."""
    temporary = segment.packed.with_name(segment.packed.name + TEMPORARY)
    try:
        with open_to_read(segment.plain) as plain:
            os.fsync(plain.fileno())
            seal, frames = pack_file(plain, temporary)
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


# --- the index ----------------------------------------------------------------------------------------------------


def save_index(segment: Segment, seal: Seal, frames: Frames, lines: Lines) -> None:
    """Write a packed segment's index. Raises OSError."""
    head = _HEAD.pack(_INDEX_MAGIC, seal.hash, seal.size, len(frames.places), len(lines.rows), lines.damaged)
    parts = (head, frames.places.tobytes(), lines.rows.tobytes())
    check = _CHECK.pack(reduce(lambda before, part: zlib.crc32(part, before), parts, 0))
    # Two readers may make it at the same time, so each has a name of its own for it.
    temporary = segment.index.with_name(f"{segment.index.name}.{os.getpid()}{TEMPORARY}")
    try:
        with os.fdopen(open_to_write(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines((*parts, check))
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
            magic, hashed, *_ = _HEAD.unpack(index.read(_HEAD.size))
    except (OSError, error, RunError):
        return False
    return seal is not None and (magic, hashed) == (_INDEX_MAGIC, seal.hash)


def load_index(segment: Segment) -> tuple[Frames, Lines] | None:
    """A packed segment's index; None where it is missing, damaged, or of another file."""
    if not has_index(segment):
        return None
    try:
        with open_to_read(segment.index) as file:
            content = bytearray(file.read())
        [check] = _CHECK.unpack(content[-_CHECK.size :])
    except (OSError, error, RunError):
        return None
    del content[-_CHECK.size :]
    _, _, size, frames, rows, damaged = _HEAD.unpack_from(content)
    behind = _HEAD.size + 24 * frames
    if zlib.crc32(content) != check or len(content) != behind + rows * ROW.itemsize:
        return None
    places = np.frombuffer(bytes(content[_HEAD.size : behind]), dtype=np.uint64).reshape(-1, 3)
    return Frames(places, size), Lines(rows_from(content, behind), damaged, size)


def look_through_packed(segment: Segment, look: Look) -> tuple[Frames, Lines]:
    """Find frames and lines of a packed segment, and leave an index beside it where it is whole and that can be. Raises
    FileNotFoundError where the file isn't there."""
    with open_to_read(segment.packed) as file:
        lines = look(unpacking := Unpacking(file))
    frames = unpacking.frames
    if unpacking.seal is not None:
        with suppress(OSError):
            save_index(segment, unpacking.seal, frames, lines)
    return frames, lines._replace(size=frames.size, damaged=lines.damaged + frames.damaged)


def whole_lines(segment: Segment) -> Iterator[bytes]:
    """All lines of a segment, good or not, but for a torn last one. Raises RunError where a packed one isn't whole."""
    if segment.is_plain:
        with open_to_read(segment.plain) as file:
            yield from (line for line in file if line.endswith(b"\n"))
        return
    with open_to_read(segment.packed) as file:
        unpacking = Unpacking(file)
        yield from (line for line in unpacking if line.endswith(b"\n"))
    if unpacking.seal is None:
        remedy = "Restore the file. What is good of it is still read by all other commands."
        raise RunError(f"{segment.packed}: is damaged, or not all of it is there.", remedy)
