"""The files of an export: where they go, and what is written into them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cotbench.errors import UsageError
from cotbench.store.files import replace_file


@dataclass(frozen=True, kw_only=True)
class Written:
    """A file of an export. name: within the folder. arm: "" where it is of several. rows: samples, lines or rows in it.
    left_out: how many aren't in it, by why. notes: what a reader must know. beside: it goes with the file before it."""

    name: str
    task: str = ""
    arm: str = ""
    rows: int
    left_out: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    beside: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "file": self.name,
            "task": self.task or None,
            "arm": self.arm or None,
            "rows": self.rows,
            "left_out": dict(self.left_out),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, kw_only=True)
class Folder:
    """Where an export goes. force: files that are there already are replaced."""

    path: Path
    force: bool = False

    def check(self) -> None:
        """Raise UsageError where it is no place for an export."""
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(f"--output: {self.path} is no folder.", "Name a folder; it is made where there is none.")
        try:
            taken = self.path.is_dir() and next(self.path.iterdir(), None) is not None
        except OSError as error:
            raise self._cannot(self.path, error) from None
        if taken and not self.force:
            raise UsageError(
                f"--output: {self.path} holds files already.", "Name another folder, or replace them with --force."
            )

    def _cannot(self, path: Path, error: OSError) -> UsageError:
        return UsageError(f"--output: {path} can't be written: {error.strerror or error}.", "Name another folder.")

    def write(self, name: str, parts: Iterable[bytes]) -> None:
        """Write a file as a whole. Raises UsageError where the disk doesn't take it."""
        path = self.path / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, parts)
        except OSError as error:
            raise self._cannot(path, error) from None

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """Open a file that is written in pieces, and stands in its place once it is whole."""
        path = self.path / name
        temporary = path.with_name(path.name + ".tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with temporary.open("wb") as file:
                    yield file
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            raise self._cannot(path, error) from None


def as_json(value: Any, *, indent: int | None = None) -> bytes:
    """A value as JSON. Lone surrogates, which a model may write and no reader takes, become escapes in the text."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent).encode()
    except UnicodeEncodeError:
        return json.dumps(encodable(value), ensure_ascii=False, indent=indent).encode()


def as_line(value: Any) -> bytes:
    """A value as a line of JSON."""
    return as_json(value) + b"\n"


def encodable(value: Any) -> Any:
    """A value whose texts can be written: lone surrogates become escapes."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {encodable(key): encodable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [encodable(one) for one in value]
    return value


def moment(text: str) -> datetime:
    """A time as manifests write it; the epoch where it says none, so that the same run has the same export."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return datetime(1970, 1, 1, tzinfo=UTC)
    return found.astimezone(UTC) if found.tzinfo is not None else found.replace(tzinfo=UTC)
