"""Entries as JSON: structs to lines and back, and in words what is wrong where a line holds something else.

A struct's annotations say all that is asked of an entry: its type, and where the type is no phrase a person would
use, the `description` of a `msgspec.Meta`. A line is decoded as the struct at once; only where that fails is it looked
for the first place that doesn't hold, as "outcome is 'x', expected one of ...".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, BinaryIO, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct, UnsetType

from cotbench.errors import RunError
from cotbench.store.files import open_to_read

SCHEMA = 1  # of all that is stored
LARGEST = 2**53  # whole numbers that a float holds, too

Whole = Annotated[int, Meta(ge=0, lt=LARGEST)]
Name = Annotated[str, Meta(min_length=1)]

T = TypeVar("T", bound=Struct)

_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens", "more_prompt_tokens", "cached_tokens")


def with_possible_counts(entry: T) -> T:
    """Make impossible counts of tokens (below 0, beyond all models) unknown: earlier versions believed servers."""
    wrong: dict[str, None] = {}
    for name in _COUNTS:
        count = getattr(entry, name, None)
        if count is not None and not 0 <= count < LARGEST:
            wrong[name] = None
    return msgspec.structs.replace(entry, **wrong) if wrong else entry


def _plain(value: Any) -> Any:
    """Return a number or a text of a library's own type as Python's."""
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    raise NotImplementedError(f"{type(value).__name__} is nothing that JSON has")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def dump_line(row: Struct | Mapping[str, Any]) -> bytes:
    """One JSON object as a line. Lone surrogates, which a server may send, are kept as escapes."""
    try:
        return _encode(row) + b"\n"
    except UnicodeEncodeError:
        plain = msgspec.to_builtins(row, enc_hook=_plain)
        return json.dumps(plain, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


@cache
def _decoder(kind: type[T]) -> msgspec.json.Decoder[T]:
    return msgspec.json.Decoder(kind)


def load_line(line: bytes, kind: type[T]) -> T:
    """Read a line as a struct. Raises msgspec.ValidationError where its JSON is something else, ValueError or
    RecursionError where it isn't JSON."""
    try:
        row: T = _decoder(kind).decode(line)
    except (ValueError, RecursionError):
        # Python's parser takes what msgspec's doesn't: lone surrogates, and numbers of any length.
        row = _converted(json.loads(line), kind)
    return row


def _converted(value: Any, kind: type[T]) -> T:
    """The same value as a struct. Raises msgspec.ValidationError."""
    try:
        return msgspec.convert(value, kind)
    except UnicodeEncodeError:  # a lone surrogate where a name is expected
        raise msgspec.ValidationError("no such name") from None


def read_lines(
    path: Path, kind: type[T], *, torn: bool = False, remedy: str = "", file: BinaryIO | None = None
) -> Iterator[T]:
    """Read a file of entries; torn: a last line without its end, of a run that was killed, is passed over. remedy: how
    to have the file written again, where that isn't by resuming the run. file: where it is open already; it stays so.

    Raises RunError where the file is missing, or at the first line that cotbench doesn't write."""
    decode = _decoder(kind).decode
    for number, line in enumerate(raw_lines(path, remedy) if file is None else file, 1):
        if torn and not line.endswith(b"\n"):
            return
        try:
            yield decode(line)
        except (ValueError, RecursionError):
            yield _reread(line, kind, path, number, remedy)


def raw_lines(path: Path, remedy: str = "") -> Iterator[bytes]:
    """The lines of a file of entries as they were written, whether it is packed or not.

    Raises RunError where it is missing, or packed and not whole."""
    try:
        with open_to_read(path) as file:
            yield from file
        return
    except FileNotFoundError:
        pass
    from cotbench.store.frames import Unpacking, packed_path

    packed = packed_path(path)
    try:
        with open_to_read(packed) as file:
            yield from (unpacking := Unpacking(file))
    except FileNotFoundError:
        raise RunError(f"{path}: is missing.", remedy or _WRITE_AGAIN) from None
    if unpacking.seal is None:
        raise RunError(f"{packed}: is damaged, or not all of it is there.", remedy or _WRITE_AGAIN)


def _reread(line: bytes, kind: type[T], path: Path, number: int, remedy: str) -> T:
    try:
        return load_line(line, kind)
    except msgspec.ValidationError as error:
        raise no_such_line(path, number, fault_of(json.loads(line), kind) or str(error), remedy) from None
    except (ValueError, RecursionError):
        raise RunError(f"{path}:{number}: not valid JSON.", remedy or _WRITE_AGAIN) from None


def no_such_line(path: Path, number: int, fault: str, remedy: str = "") -> RunError:
    """The error of a line that cotbench doesn't write."""
    return RunError(f"{path}:{number}: {fault}; cotbench writes no such line.", remedy or _WRITE_AGAIN)


_WRITE_AGAIN = "Run `cotbench run --resume RUN` to write the file again; if it was imported, import the logs again."


def fault_of(value: Any, kind: type[Struct], place: str = "") -> str | None:
    """Say of the first entry of an object that a struct can't hold what it is and what is expected; None if all hold.

    place: where the object stands, as "spec.model."
    """
    if not isinstance(value, dict):
        return "expected an object"
    fields = msgspec.structs.fields(kind)
    for field in fields:
        name = place + field.encode_name
        if field.encode_name not in value:
            if field.required:
                return f"{name} is missing, expected {_expected(field.type)}"
        elif fault := _entry_fault(value[field.encode_name], field.type, name):
            return fault
    known = {field.encode_name for field in fields}
    if kind.__struct_config__.forbid_unknown_fields and (unknown := value.keys() - known):
        return f"{place}{min(unknown):.40} is nothing that this version knows"
    refusal = _refusal(value, kind)
    for field in fields:
        if refusal == field.name:
            return f"{place}{field.encode_name} is {value[field.encode_name]!r:.60}, expected {_expected(field.type)}"
    return refusal


def _refusal(value: Any, kind: Any) -> str | None:
    """Why a value can't be of a type; None where it can. Where entries contradict each other it is what the struct's
    `__post_init__` says: a sentence, or only the name of the entry that is wrong."""
    try:
        _converted(value, kind)
    except msgspec.ValidationError as error:
        return str(error.__cause__ or error)
    return None


def _entry_fault(value: Any, kind: Any, name: str) -> str | None:
    if _refusal(value, kind) is None:
        return None
    bare = _bare(kind)
    if _is_struct(bare) and isinstance(value, dict):
        return fault_of(value, bare, f"{name}.")
    entries: list[tuple[str, Any]] = []
    inner: Any = None
    if get_origin(bare) is dict and isinstance(value, dict):
        inner, entries = get_args(bare)[1], [(f"{name}.{key}", entry) for key, entry in value.items()]
    elif get_origin(bare) in (list, tuple) and isinstance(value, list):
        inner, entries = get_args(bare)[0], [(f"{name}[{number}]", entry) for number, entry in enumerate(value)]
    if _is_struct(inner) and all(isinstance(entry, dict) for _, entry in entries):
        inside = [fault_of(entry, inner, f"{place}.") for place, entry in entries]
    else:
        named = get_origin(bare) is dict and not _described(kind)
        inside = [_entry_fault(entry, inner, place) for place, entry in entries if named]
    return next(filter(None, inside), None) or f"{name} is {value!r:.60}, expected {_expected(kind)}"


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _described(kind: Any) -> str | None:
    metas = get_args(kind)[1:] if get_origin(kind) is Annotated else ()
    return next((meta.description for meta in metas if meta.description), None)


def _bare(kind: Any) -> Any:
    """A type without its annotations and without None."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        others = [other for other in get_args(kind) if other not in (NoneType, UnsetType)]
        return _bare(others[0]) if len(others) == 1 else kind
    return kind


_PHRASES: Mapping[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    dict: "a mapping",
    list: "a list",
    tuple: "a list",
}


def _expected(kind: Any) -> str:
    """What a type is in words."""
    described = _described(kind)
    if described:
        return described
    if get_origin(kind) is Annotated:
        return _expected(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        others = [other for other in get_args(kind) if other is not UnsetType]
        phrase = " or ".join("null" if other is NoneType else _expected(other) for other in others)
        return phrase.replace("true or false or", "true, false or")
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    if isinstance(kind, type) and issubclass(kind, Enum):
        return f"one of {', '.join(kind)}"
    if get_origin(kind) in (list, tuple):
        return f"{_PHRASES[get_origin(kind)]} of {_expected(get_args(kind)[0]).removeprefix('a ')}s"
    return _PHRASES.get(get_origin(kind) or kind, "a mapping")
