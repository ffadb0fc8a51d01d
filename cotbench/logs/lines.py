"""Lines of logs: files of JSON lines, packed or not, one object after the other, each with its place."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import orjson

from cotbench.errors import DataError
from cotbench.store.files import open_file
from cotbench.store.jsonl import json_object, numbered

Skip = Callable[[Exception], None] | None  # is given what can't be read; None: it is raised
_LOOKED_AT = 20  # lines of a file, the first of which may be broken
_MOST_BYTES = 1 << 26  # of one of these lines
REMEDY = "Correct the line, or pass over such lines with --skip-broken."


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """Open a log to read, which may be packed by gzip. Raises DataError."""
    try:
        with open_file(path) as file:
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            if not packed:
                yield file
                return
            with gzip.GzipFile(fileobj=file) as unpacked:
                yield unpacked  # type: ignore[misc]
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: can't be unpacked: {error}.", "Copy the log again.") from None
    except OSError as error:
        found = f"{path}: can't be read: {error.strerror or error}."
        raise DataError(found, "Name the file of a log, or a folder of logs.") from None


def rows_of(path: Path, skip: Skip = None) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects of a file of JSON lines, each with its place. Raises DataError at the first line that is none; where
    `skip` is given hands it that error, and goes on."""
    with opened(path) as file:
        for number, line in numbered(file):
            try:
                row = json_object(line, _loads)
            except ValueError as error:
                fault = DataError(f"{path}:{number}: {error}.", REMEDY)
                if skip is None:
                    raise fault from None
                skip(fault)
                continue
            yield f"{path}:{number}", row


def first_row(path: Path) -> dict[str, Any]:
    """The first object of a file of JSON lines; {} where none of its first lines is one, or it can't be read."""
    with suppress(DataError), opened(path) as file:
        for _ in range(_LOOKED_AT):
            with suppress(ValueError):
                return json_object(file.readline(_MOST_BYTES), _loads)
    return {}


def _loads(line: bytes) -> Any:
    """The JSON value of a line; NaN and infinities, which Python's tools write, are null. Raises ValueError."""
    try:
        return orjson.loads(line)
    except ValueError:
        if b"NaN" not in line and b"Infinity" not in line:
            raise
        return orjson.loads(orjson.dumps(json.loads(line)))  # orjson has null for them
