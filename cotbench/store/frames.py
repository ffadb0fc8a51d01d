"""Files of lines packed by zstd: frames of about 1 MB of whole lines each, which `zstd -d` reads as one file.

Before each frame stands a skippable one that says how long the frame is, packed and unpacked, so that what follows a
damaged frame is found. A last one, the seal, says how long all lines are, with their hash: what has a seal is whole.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from struct import Struct
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from cotbench.store.files import open_to_read, open_to_write

FRAME_BYTES = 1_000_000
LEVEL = 3  # of zstd: 6 packs 7 % smaller, and takes three times as long
TEMPORARY = ".tmp"
PACKED = ".zst"  # behind the name of the file that was packed

_SKIPPED, _SEALED = 0x184D2A50, 0x184D2A51  # zstd readers pass over frames that begin so
_BEFORE = Struct("<IIII")  # _SKIPPED, 8, and how long the frame is packed and unpacked
_SEAL = Struct("<II16sQ")  # _SEALED, 24, the hash of all lines and how long they are
_FRAME_BEGINS = b"\x28\xb5\x2f\xfd"
_MARK = _BEFORE.pack(_SKIPPED, 8, 0, 0)[:8]


def packed_path(path: Path) -> Path:
    """Where a file stands when it is packed."""
    return path.with_name(path.name + PACKED)


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


# --- writing ------------------------------------------------------------------------------------------------------


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


def pack_file(plain: BinaryIO, path: Path) -> tuple[Seal, Frames]:
    """Write a packed file of a plain one, read it back and compare it, and leave it on the disk. Raises OSError where
    the disk doesn't take it."""
    with os.fdopen(open_to_write(path, os.O_RDWR | os.O_TRUNC), "w+b") as packed:
        seal, frames = _write_frames(plain, packed)
        packed.flush()
        os.fsync(packed.fileno())
        _compare(plain, packed, frames)
    return seal, frames


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
    return seal, _frames(places, start)


def _frames(places: list[tuple[int, int, int]], size: int, damaged: int = 0) -> Frames:
    return Frames(np.array(places, dtype=np.uint64).reshape(-1, 3), size, damaged)


def _compare(plain: BinaryIO, packed: BinaryIO, frames: Frames) -> None:
    """Read everything back. Raises OSError where it isn't what was packed."""
    plain.seek(0)
    for number in range(len(frames.places)):
        chunk = read_frame(packed.fileno(), frames, number)
        if chunk is None or plain.read(len(chunk)) != chunk:
            raise OSError(f"{packed.name}: what was written isn't what is read back")
    if plain.read(1):
        raise OSError(f"{plain.name} grew while it was packed")


# --- reading ------------------------------------------------------------------------------------------------------


def seal_of(file: BinaryIO) -> Seal | None:
    """What a packed file ends in; None where it isn't whole."""
    size = os.fstat(file.fileno()).st_size
    content = os.pread(file.fileno(), _SEAL.size, max(0, size - _SEAL.size))
    if len(content) < _SEAL.size:
        return None
    magic, length, hashed, lines = _SEAL.unpack(content)
    return Seal(hashed, lines) if (magic, length) == (_SEALED, 24) else None


def _scan(file: BinaryIO) -> Frames:
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
    return _frames(places, start, damaged)


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


class Unpacking:
    """The lines of a packed file, one after another, as far as they are good; then `frames` says where they were, and
    `seal` what they have if all of them were there, else it is None."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seal: Seal | None = None
        self.frames = Frames(np.empty((0, 3), dtype=np.uint64), 0)

    def __iter__(self) -> Iterator[bytes]:
        all_lines, found = blake2b(digest_size=16), _scan(self._file)
        places: list[tuple[int, int, int]] = []
        start, damaged = 0, found.damaged
        for number, (place, packed, _) in enumerate(found.places.tolist()):
            chunk = read_frame(self._file.fileno(), found, number)
            if chunk is None:
                damaged += 1
                continue
            places.append((place, packed, start))
            start += len(chunk)
            all_lines.update(chunk)
            yield from BytesIO(chunk)
        self.frames = _frames(places, start, damaged)
        seal = seal_of(self._file)
        self.seal = seal if seal == (all_lines.digest(), start) else None


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
        if number < 0:
            return b""
        key = (path, number)
        if key not in self._frames:
            self._frames[key] = read_frame(self._open(path).fileno(), frames, number)
            if len(self._frames) > self.MOST_FRAMES:
                self._frames.popitem(last=False)
        self._frames.move_to_end(key)
        begin = start - int(frames.places[number][2])
        return (self._frames[key] or b"")[begin : begin + length]

    def __del__(self) -> None:
        """An index has no end that is told, so its files are closed with it."""
        for file in self._files.values():
            file.close()

    def _open(self, path: Path) -> BinaryIO:
        if path not in self._files:
            self._files[path] = open_to_read(path)
            if len(self._files) > self.MOST_FILES:
                self._files.popitem(last=False)[1].close()
        self._files.move_to_end(path)
        return self._files[path]
