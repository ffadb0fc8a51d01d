"""Files of a user's: how they are called and read, and the rows of those that hold questions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cotbench.errors import CotbenchError, DataError, TaskError
from cotbench.store.files import open_file
from cotbench.store.jsonl import json_object, numbered

SUFFIXES = (".jsonl", ".json", ".csv", ".tsv", ".parquet")  # of files that hold a row for each question
Numbered = list[tuple[int, Mapping[str, Any]]]


def shown(path: Path) -> str:
    """A path as a person would say it: relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def content_of(
    path: Path, error_type: type[CotbenchError] = TaskError, remedy: str = "Put a file in its place, or remove it."
) -> bytes:
    """A file of a user's. Raises where it can't be read or is none: a named pipe would be waited for."""
    try:
        with open_file(path) as file:
            return file.read()
    except OSError as error:
        raise error_type(f"{shown(path)}: can't be read: {error.strerror or error}.", remedy) from None


def is_table(name: str) -> bool:
    """Whether a name is that of a file that may hold questions."""
    return name.lower().endswith(SUFFIXES)


def unit_of(path: Path) -> str:
    """What the numbers of its rows count: lines of a text file, else rows."""
    return ":" if path.suffix.lower() in (".jsonl", ".csv", ".tsv") else ": row "


def read_rows(path: Path) -> Numbered:
    """The rows of a file with their numbers, of its lines where it has lines. Raises DataError, which names the place.

    .jsonl: an object a line. .json: a list of objects, or an object with one such list, or with an object for each id
    (its row then has it as `id`). .csv, .tsv: with a header; all values are texts, and an empty one is none. .parquet:
    a table."""
    reader = {".json": _of_json, ".csv": _of_csv, ".tsv": _of_csv, ".parquet": _of_parquet}.get(path.suffix.lower())
    return reader(path) if reader is not None else _of_jsonl(path)


def _of_json(path: Path) -> Numbered:
    try:
        content = json.loads(content_of(path, DataError).decode("utf-8-sig"))
    except ValueError as error:
        raise DataError(f"{shown(path)}: not valid JSON: {error}.", "Correct the file.") from None
    if isinstance(content, dict) and len(content) > 1 and all(isinstance(row, dict) for row in content.values()):
        content = [{"id": key, **row} for key, row in content.items()]
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else [content]
    rows = lists[0] if len(lists) == 1 else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        found = f"{shown(path)}: expected a list of objects, or an object that holds one such list"
        raise DataError(f"{found}.", "Write one object for each question, or use .jsonl.")
    return list(enumerate(rows, 1))


def _of_csv(path: Path) -> Numbered:
    try:
        text = content_of(path, DataError).decode("utf-8-sig")
        table = csv.DictReader(io.StringIO(text, newline=""), dialect="excel-tab" if path.suffix == ".tsv" else "excel")
        rows = [(table.line_num, row) for row in table]
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{shown(path)}: can't be read: {error}.", "Save it as CSV in UTF-8, with a header.") from None
    names = list(table.fieldnames or ())
    if len(names) == 1 and (mark := next((mark for mark in ";\t|" if mark in names[0]), None)):
        found = f"{shown(path)}: has one column, {names[0]!r:.80}: its values are separated by {mark!r}"
        raise DataError(f"{found}.", "Save it with commas, or with tabs as .tsv.")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{shown(path)}: has two columns '{twice}'.", "Keep one of them, or rename one.")
    if longer := next((number for number, row in rows if None in row), None):
        raise DataError(f"{shown(path)}:{longer}: has more values than the header has names.", "Quote its commas.")
    return [(number, {name: value or None for name, value in row.items()}) for number, row in rows]


def _of_parquet(path: Path) -> Numbered:
    import pyarrow  # type: ignore[import-untyped]  # slow to import; it comes with `datasets`
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content_of(path, DataError)))
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{shown(path)}: not a Parquet file: {reason}.", "Write it again.") from None
    return list(enumerate(table.to_pylist(), 1))


def _of_jsonl(path: Path) -> Numbered:
    rows: Numbered = []
    content = content_of(path, DataError, "Check the path and its permissions.")
    for number, line in numbered(content.removeprefix(b"\xef\xbb\xbf").splitlines()):
        try:
            row = json_object(line)
        except ValueError as error:
            raise DataError(f"{shown(path)}:{number}: {error}.", "Each line holds one JSON object.") from None
        if line.count(b":") > len(row) and (twice := _key_twice(line)):
            raise DataError(f"{shown(path)}:{number}: the key '{twice}' stands there twice.", "Keep one of them.")
        rows.append((number, row))
    return rows


def _key_twice(line: bytes) -> str | None:
    """A key that an object of a line of JSON has twice: of two, readers of JSON take the last in silence."""
    twice: list[str] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                twice.append(key)
            seen.add(key)

    json.loads(line, object_pairs_hook=look)
    return twice[0] if twice else None
