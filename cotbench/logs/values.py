"""JSON of other tools, which may hold anything: decoded with its place, its values checked as they are asked for."""

from __future__ import annotations

import json
import math
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from cotbench.errors import DataError

Skip = Callable[[Exception], None] | None  # is given what can't be read; None: it is raised
REMEDY = "Copy the log again, or pass over what can't be read with --skip-broken."
T = TypeVar("T")
_NESTED = "is nested too deep"


def made(skip: Skip, make: Callable[..., T], *given: Any) -> T | None:
    """What `make` gives of what it is given. Where it raises DataError, that is handed to `skip` and there is None;
    without one it is raised."""
    try:
        return make(*given)
    except DataError as error:
        if skip is None:
            raise
        skip(error)
        return None


def mapped(path: Path) -> memoryview:
    """The bytes of a file, which are brought into memory as they are looked at. Raises DataError."""
    try:
        with path.open("rb") as file:
            if not file.seek(0, 2):
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be read: {reason}.", "Name the file of a log, or a folder of logs.") from None


def decode(data: bytes | memoryview | msgspec.Raw, place: str) -> Any:
    """The JSON value that some bytes are; NaN and infinities, which some tools write, are numbers. Raises DataError."""
    try:
        return msgspec.json.decode(data)
    except RecursionError:
        raise DataError(f"{place}: {_NESTED}.", REMEDY) from None
    except ValueError:
        return _by_python(data, place)


def decode_object(data: bytes | memoryview | msgspec.Raw, place: str, keys: type[msgspec.Struct]) -> Part:
    """An object with the keys that a struct names, all others passed over unbuilt. Raises DataError."""
    try:
        return Part(msgspec.structs.asdict(msgspec.json.decode(data, type=keys)), place)
    except RecursionError:
        raise DataError(f"{place}: {_NESTED}.", REMEDY) from None
    except ValueError:
        whole = as_object(_by_python(data, place), place)
        return Part({name: whole.value.get(name) for name in keys.__struct_fields__}, place)


def as_object(value: Any, place: str, path: str = "") -> Part:
    """Raises DataError where a value is no object."""
    if not isinstance(value, dict):
        raise DataError(f"{place}: {path or 'it'} is {shown(value)}, expected an object.", REMEDY)
    return Part(value, place, path)


def object_of(one: Any, place: str) -> Part:
    """An object, which may still be bytes. Raises DataError."""
    return as_object(decode(one, place) if isinstance(one, bytes | memoryview | msgspec.Raw) else one, place)


def lines(path: Path, skip: Skip) -> Iterator[tuple[int, Part]]:
    """The objects of a file of JSON lines, each with its line. Raises DataError, or hands it to `skip`."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip() and (row := made(skip, object_of, line, f"{path}:{number}")) is not None:
                    yield number, row
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}.", REMEDY) from None


def raw_items(data: memoryview, place: str, kind: type[T]) -> T | None:
    """A struct whose large parts stay bytes (`msgspec.Raw`); None where only Python's own decoder reads the file."""
    try:
        return msgspec.json.decode(data, type=kind)
    except RecursionError:
        raise DataError(f"{place}: {_NESTED}.", REMEDY) from None
    except ValueError:
        return None


def _by_python(data: bytes | memoryview | msgspec.Raw, place: str) -> Any:
    try:
        text = bytes(data).decode("utf-8-sig")
        value = json.loads(text)
    except RecursionError:
        raise DataError(f"{place}: {_NESTED}.", REMEDY) from None
    except UnicodeDecodeError as error:
        raise DataError(f"{place}: isn't UTF-8 at byte {error.start}.", REMEDY) from None
    except ValueError as error:
        raise DataError(f"{place}: isn't valid JSON: {error}.", REMEDY) from None
    return _whole(value) if "\\ud" in text.lower() else value


def _whole(value: Any) -> Any:
    """A value with no half of a character in it, which no file could hold."""
    if isinstance(value, str):
        return value.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    if isinstance(value, list):
        return [_whole(one) for one in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(one) for key, one in value.items()}
    return value


def shown(value: Any) -> str:
    """A value as an error message shows it."""
    if value is None:
        return "null"
    names: dict[type, str] = {dict: "an object", list: "a list", bool: "true" if value else "false"}
    if isinstance(value, str):
        return f"a text ({value!r:.40})"
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    return names.get(type(value)) or f"{value!r:.40}"


def as_number(value: Any) -> float | None:
    """A finite number; None for anything else, such as NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class Part:
    """A JSON object of a log with its place. What isn't there, or is null, is None, "" or empty; what is of another
    type than was asked for raises DataError."""

    __slots__ = ("path", "place", "value")

    def __init__(self, value: Mapping[str, Any], place: str, path: str = "") -> None:
        self.value, self.place, self.path = value, place, path

    def __bool__(self) -> bool:
        return bool(self.value)

    def __contains__(self, key: str) -> bool:
        return self.value.get(key) is not None

    def at(self, key: str | int) -> str:
        """Where a key of it stands within the file."""
        return f"{self.path}[{key}]" if isinstance(key, int) else f"{self.path}.{key}" if self.path else str(key)

    def wrong(self, key: str, expected: str) -> DataError:
        return DataError(f"{self.place}: {self.at(key)} is {shown(self.value.get(key))}, expected {expected}.", REMEDY)

    def any(self, key: str) -> Any:
        return self.value.get(key)

    def text(self, key: str) -> str:
        value = self.value.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(key, "a text")
        return value

    def label(self, key: str) -> str:
        """A text, or a number or yes/no as text: of names and ids."""
        value = self.value.get(key)
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int) and abs(value) < 10**30:
            return str(value)
        return str(value) if isinstance(value, float) else self.text(key)

    def number(self, key: str) -> float | None:
        """A number; None where it is NaN, infinite, or isn't there."""
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(key, "a number")
        return as_number(value)

    def count(self, key: str) -> int | None:
        value = self.value.get(key)
        if value is None:
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
            raise self.wrong(key, "a whole number from 0")
        return value

    def flag(self, key: str) -> bool | None:
        value = self.value.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.wrong(key, "true or false")
        return value

    def part(self, key: str) -> Part:
        value = self.value.get(key)
        if value is None:
            return Part({}, self.place, self.at(key))
        if not isinstance(value, dict):
            raise self.wrong(key, "an object")
        return Part(value, self.place, self.at(key))

    def items(self, key: str) -> Sequence[Any]:
        value = self.value.get(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            raise self.wrong(key, "a list")
        return value

    def parts(self, key: str) -> Iterator[Part]:
        """The objects of a list."""
        for number, value in enumerate(self.items(key)):
            yield as_object(value, self.place, f"{self.at(key)}[{number}]")

    def texts(self, key: str) -> tuple[str, ...]:
        """The texts of a list, or the one text that stands in its place; numbers are texts here."""
        value = self.value.get(key)
        if isinstance(value, str):
            return (value,)
        found = []
        for number, one in enumerate(self.items(key)):
            if isinstance(one, bool) or not isinstance(one, str | int | float):
                where = f"{self.place}: {self.at(key)}[{number}]"
                raise DataError(f"{where} is {shown(one)}, expected a text.", REMEDY)
            found.append(Part({"": one}, self.place).label(""))
        return tuple(found)


def scalars(part: Part, prefix: str = "") -> dict[str, Any]:
    """What an object says in plain values: texts, numbers, yes/no, by name."""
    plain = {key: one for key, one in part.value.items() if isinstance(one, str | bool) or as_number(one) is not None}
    return {f"{prefix}{key}": one for key, one in plain.items()}
