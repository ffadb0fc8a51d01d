"""Members of zip files, packed by deflate or by zstd (method 93, which Python's own reader has only from 3.14)."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from cotbench.errors import DataError
from cotbench.logs.values import REMEDY

ZSTD = 93
_LARGEST = 2 << 30  # bytes of a member; more than that is no sample
_LOCAL = 30  # bytes of a local header before its name


class Archive:
    """A zip file that is open to be read. names: of its members, the last of those that have the same name."""

    def __init__(self, path: Path, file: IO[bytes], zipped: zipfile.ZipFile) -> None:
        self._path, self._file, self._zipped = path, file, zipped
        self._members = {member.filename: member for member in zipped.infolist()}

    @property
    def names(self) -> list[str]:
        return list(self._members)

    def read(self, name: str) -> bytes:
        """The bytes of a member. Raises DataError."""
        member, place = self._members[name], f"{self._path}:{name}"
        if member.file_size > _LARGEST:
            raise DataError(f"{place}: has {member.file_size:,} bytes, expected at most {_LARGEST:,}.", REMEDY)
        try:
            if member.compress_type == ZSTD:
                return self._unpacked(member, place)
            with self._zipped.open(member) as part:
                return part.read()
        except NotImplementedError:
            found = f"{place}: is packed by method {member.compress_type}, expected deflate (8) or zstd ({ZSTD})"
            raise DataError(f"{found}.", "Write the log again with Inspect's own tools.") from None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError, MemoryError) as error:
            raise DataError(f"{place}: can't be unpacked: {error}.", REMEDY) from None

    def _unpacked(self, member: zipfile.ZipInfo, place: str) -> bytes:
        """A member packed by zstd, found by its local header."""
        self._file.seek(member.header_offset)
        head = self._file.read(_LOCAL)
        if len(head) < _LOCAL or head[:4] != b"PK\x03\x04":
            raise DataError(f"{place}: has no header where the log says it begins.", REMEDY)
        if member.flag_bits & 1:
            raise DataError(f"{place}: is encrypted.", "Write the log again without a password.")
        self._file.seek(int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little"), 1)
        data = _unzstd(self._file.read(member.compress_size), member.file_size, place)
        if zlib.crc32(data) != member.CRC:
            raise DataError(f"{place}: isn't what was written there: its checksum differs.", REMEDY)
        return data


def _unzstd(data: bytes, size: int, place: str) -> bytes:
    """Unpacks by pyarrow, which is installed with the package `datasets`; all frames of a member, one after another."""
    if not size:
        return b""
    try:
        import pyarrow as pa  # type: ignore[import-untyped]

        if not pa.Codec.is_available("zstd"):
            raise ImportError
    except ImportError:
        found = f"{place}: is packed by zstd, which can't be unpacked here: pyarrow is missing, or was built without it"
        raise DataError(f"{found}.", "Install it: pip install pyarrow.") from None
    return bytes(pa.Codec("zstd").decompress(data, decompressed_size=size))


@contextmanager
def archive(path: Path) -> Iterator[Archive]:
    """Open a zip file. Raises DataError where it is none, or broken."""
    with ExitStack() as opened:
        try:
            file = opened.enter_context(path.open("rb"))
            zipped = opened.enter_context(zipfile.ZipFile(file))
        except (zipfile.BadZipFile, ValueError, EOFError, NotImplementedError) as error:
            remedy = "Copy the log again; of a run that was killed while it wrote, try `inspect log recover` first."
            raise DataError(f"{path}: isn't a whole zip file: {error}.", remedy) from None
        except OSError as error:
            remedy = "Name the file of a log, or a folder of logs."
            raise DataError(f"{path}: can't be read: {error.strerror or error}.", remedy) from None
        yield Archive(path, file, zipped)
