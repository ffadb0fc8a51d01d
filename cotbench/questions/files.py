"""Files of a user's: how they are called and read, and the rows of those that hold questions."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

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


WORKBOOKS = (".xlsx", ".xls", ".ods")


def is_table(name: str) -> bool:
    """Whether a name is that of a file that may hold questions."""
    return name.lower().endswith(SUFFIXES)


def unit_of(path: Path) -> str:
    """What the numbers of its rows count: lines of a text file, else rows."""
    return ":" if path.suffix.lower() in (".jsonl", ".csv", ".tsv") else ": row "


class Table(NamedTuple):
    """The rows of a file with their numbers, of its lines where it has lines; and notes on how it had to be read."""

    rows: Numbered
    notes: tuple[str, ...] = ()


def read_rows(path: Path) -> Numbered:
    """The rows of a file with their numbers. Raises DataError, which names the place."""
    return read_table(path).rows


def read_table(path: Path) -> Table:
    """Read a file of rows. Raises DataError, which names the place.

    .jsonl: an object a line. .json: a list of objects, or an object with one such list, or with an object for each id
    (its row then has it as `id`). .csv, .tsv: with a header; all values are texts, and an empty one, or "NaN", is none.
    .parquet: a table. What is no number (NaN) is nothing."""
    reader = {".json": _of_json, ".csv": _of_csv, ".tsv": _of_csv, ".parquet": _of_parquet}.get(path.suffix.lower())
    rows, notes = (reader or _of_jsonl)(path)
    return Table([(number, _without_nan(row)) for number, row in rows], notes)


def _without_nan(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row in which nothing stands where a table keeps NaN."""
    if any(isinstance(value, float) and value != value for value in row.values()):
        return {name: None if isinstance(value, float) and value != value else value for name, value in row.items()}
    return row


def _text_of(path: Path, remedy: str) -> tuple[str, tuple[str, ...]]:
    """The text of a file in UTF-8, or in UTF-16 where its first bytes say so; and a note where it isn't UTF-8. Raises
    DataError, which names the line and what it would be in the usual other encoding."""
    content = content_of(path, DataError, remedy)
    if content.startswith(b"PK\x03\x04"):
        found = f"{shown(path)}: is no text, but a zip file or a workbook of Excel"
        raise DataError(f"{found}.", "Save its sheet as CSV (UTF-8).")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return content.decode("utf-16"), ("it is in UTF-16",)
        except UnicodeDecodeError as error:
            raise DataError(f"{shown(path)}: not UTF-16, though it begins so: {error.reason}.", _UTF8) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        start = max(content.rfind(b"\n", 0, error.start) + 1, error.start - 20)
        line = content.count(b"\n", 0, error.start) + 1
        said = content[start : error.start + 20].split(b"\n")[0].decode("cp1252", "replace").strip()
        found = f"{shown(path)}:{line}: can't be read as UTF-8: the byte {content[error.start]:#04x} is no character"
        command = f"iconv -f WINDOWS-1252 -t UTF-8 {shlex.quote(path.name)} > utf8{path.suffix}"
        remedy = f"In Windows-1252 it reads {said!r}: if that is right, {command}. Else save it as UTF-8."
        raise DataError(f"{found}.", remedy) from None
    if "\x00" in text[:1000]:
        raise DataError(f"{shown(path)}: holds bytes that are zero: it isn't UTF-8, but perhaps UTF-16.", _UTF8)
    return text, ()


_UTF8 = "Save it in UTF-8."
_TOLD = 5  # faults of a file that are named


def told(faults: Sequence[str], what: str = "rows") -> str:
    """The first faults of a file, a line each, and how many more there are."""
    more = len(faults) - _TOLD
    return "\n".join([*faults[:_TOLD], *([f"and {more:,} more {what}."] if more > 0 else [])])


def _of_json(path: Path) -> Table:
    text, notes = _text_of(path, "Put a file in its place, or remove it.")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        lines = [line for line in text.splitlines() if line.strip()]
        as_lines = len(lines) > 1 and all(
            line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines
        )
        remedy = "It holds an object a line: call it .jsonl." if as_lines else "Correct the file."
        raise DataError(f"{shown(path)}: not valid JSON: {error}.", remedy) from None
    if isinstance(content, dict) and len(content) > 1 and all(isinstance(row, dict) for row in content.values()):
        content = [{"id": key, **row} for key, row in content.items()]
    lists = [value for value in content.values() if isinstance(value, list)] if isinstance(content, dict) else [content]
    rows = lists[0] if len(lists) == 1 else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        found = f"{shown(path)}: expected a list of objects, or an object that holds one such list"
        raise DataError(f"{found}.", "Write one object for each question, or use .jsonl.")
    return Table(list(enumerate(rows, 1)), notes)


_SEPARATORS: Mapping[str, str] = {";": "semicolons", "\t": "tabs", "|": "bars", ",": "commas"}


def _separator(path: Path, text: str) -> tuple[str, str, tuple[str, ...]]:
    """What separates the values of a table, its text without a line that says so, and a note where it is another than
    its name says."""
    usual = "\t" if path.suffix.lower() == ".tsv" else ","
    if (said := re.match(r"sep=(.)\r?\n", text)) and said[1] in _SEPARATORS:
        return said[1], "\n" + text[said.end() :], ()  # an empty line in its place, so that lines keep their numbers
    header = re.sub(r'"[^"]*"', "", text.lstrip("\r\n").split("\n", 1)[0])
    if usual in header:
        return usual, text, ()
    found = next((mark for mark in ";\t|," if mark in header), usual)
    note = f"its values are separated by {_SEPARATORS[found]}"
    return found, text, () if found == usual else (note,)


def _of_csv(path: Path) -> Table:
    text, notes = _text_of(path, "Put a file in its place, or remove it.")
    mark, text, more = _separator(path, text)
    names, records = _records(path, text, mark)
    if records and _is_open(text, mark):
        found = f"{shown(path)}:{records[-1][0]}: a quotation mark opens a value there that nothing closes"
        raise DataError(
            f"{found}: all that follows would be one value.", 'Close it; a mark within a value is written "".'
        )
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise DataError(f"{shown(path)}: has two columns '{twice}'.", "Keep one of them, or rename one.")
    longer = [number for number, cells in records if len(cells) > len(names)]
    if longer:
        faults = [f"{shown(path)}:{number}: has more values than the header has names." for number in longer]
        raise DataError(told(faults), f"Quote the {_SEPARATORS[mark]} in its values.")
    empty = dict.fromkeys(names)
    nothing = ("", "NaN", "nan")
    rows: Numbered = [
        (number, {**empty, **{n: None if cell in nothing else cell for n, cell in zip(names, cells, strict=False)}})
        for number, cells in records
    ]
    return Table(_with_objects(rows, names), (*notes, *more))


def _with_objects(rows: Numbered, names: Sequence[str]) -> Numbered:
    """Rows in which a column that holds objects as texts ("{'text': ['x', 'y']}") holds the objects."""
    from cotbench.questions.readers import of_text

    for name in names:
        texts = [str(row[name]) for _, row in rows if row[name] is not None]
        if texts and all(text.lstrip().startswith("{") for text in texts):
            objects = [of_text(text) for text in texts]
            if all(isinstance(one, dict) for one in objects):
                found = iter(objects)
                rows = [(number, {**row, name: next(found) if row[name] is not None else None}) for number, row in rows]
    return rows


def _records(path: Path, text: str, mark: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """The header of a table, and its records with the line on which each begins; empty lines are none."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
    records: list[tuple[int, list[str]]] = []
    before = 0
    try:
        for cells in table:
            if cells:
                records.append((before + 1, cells))
            before = table.line_num
    except csv.Error as error:
        place = f"{shown(path)}:{before + 1}"
        raise DataError(f"{place}: can't be read: {error}.", "Save it as CSV in UTF-8, with a header.") from None
    return ([name.strip() for name in records[0][1]] if records else []), records[1:]


def _is_open(text: str, mark: str) -> bool:
    """Whether a value that begins with a quotation mark is never closed."""
    try:
        for _ in csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True):
            pass
    except csv.Error as error:
        return "unexpected end of data" in str(error)
    return False


def _of_parquet(path: Path) -> Table:
    import pyarrow  # type: ignore[import-untyped]  # slow to import; it comes with `datasets`
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(content_of(path, DataError)))
    except (pyarrow.ArrowException, OSError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{shown(path)}: not a Parquet file: {reason}.", "Write it again.") from None
    return Table(list(enumerate(table.to_pylist(), 1)))


def _of_jsonl(path: Path) -> Table:
    content = content_of(path, DataError, "Check the path and its permissions.")
    notes: tuple[str, ...] = ()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        text, notes = _text_of(path, "Check the path and its permissions.")
        content = text.encode("utf-8", "surrogatepass")
    rows: Numbered = []
    faults: list[tuple[str, str]] = []
    for number, line in numbered(content.removeprefix(b"\xef\xbb\xbf").splitlines()):
        try:
            row = json_object(line)
        except ValueError as error:
            faults.append((f"{shown(path)}:{number}: {error}.", "Each line holds one JSON object."))
            continue
        if line.count(b":") > len(row) and (twice := _key_twice(line)):
            faults.append((f"{shown(path)}:{number}: the key '{twice}' stands there twice.", "Keep one of them."))
        rows.append((number, row))
    if faults:
        try:
            content.decode("utf-8")
        except UnicodeDecodeError:
            _text_of(path, "Check the path and its permissions.")  # raises: the encoding is what is wrong
        remedy = "It holds one JSON document: call it .json." if _is_json(content) else faults[0][1]
        raise DataError(told([fault for fault, _ in faults], "lines"), remedy)
    return Table(rows, notes)


def _is_json(content: bytes) -> bool:
    """Whether a file is one document in JSON."""
    try:
        json.loads(content)
    except (ValueError, RecursionError):
        return False
    return True


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
