"""A folder cut into pieces that a small channel can carry one at a time, and put together again where they arrive.

A piece is a folder of its own that holds `part`, its bytes of one tar stream, and `sums.json`, which tells of all
pieces what they are called, how long they are and their SHA-256; so each is enough to say which are still missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PART, SUMS = "part", "sums.json"


class PieceError(Exception):
    """A piece that isn't what it should be; its text says which, what was found, and what to do."""


class _Cutter(io.RawIOBase):
    """A file that is written on into pieces of at most so many bytes."""

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._size = folder, size
        self._file: Any = None
        self._hash: Any = None
        self.found: list[dict[str, Any]] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        place = 0
        while place < len(view):
            if self._file is None or self.found[-1]["bytes"] == self._size:
                self._next()
            some = view[place : place + self._size - self.found[-1]["bytes"]]
            self._file.write(some)
            self._hash.update(some)
            self.found[-1]["bytes"] += len(some)
            place += len(some)
        return len(view)

    def _next(self) -> None:
        self.end()
        name = f"{len(self.found):02d}"
        (self._folder / name).mkdir(parents=True)
        self._file, self._hash = (self._folder / name / PART).open("wb"), hashlib.sha256()
        self.found.append({"name": name, "bytes": 0, "sha256": ""})

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            self.found[-1]["sha256"] = self._hash.hexdigest()
            self._file = None


def cut(contents: Mapping[str, Path], folder: Path, size: int) -> list[dict[str, Any]]:
    """Cut folders and files, each under a name of its own, into pieces of at most `size` bytes. What was in the folder
    of pieces is removed first. Returns what `sums.json` tells of each piece."""
    shutil.rmtree(folder, ignore_errors=True)
    cutter = _Cutter(folder, size)
    with tarfile.open(fileobj=cutter, mode="w|", bufsize=1 << 20, dereference=True) as archive:
        for name, path in sorted(contents.items()):
            archive.add(path, arcname=name)
    cutter.end()
    sums = {"pack": _pack(cutter.found), "pieces": cutter.found}
    for piece in cutter.found:
        (folder / piece["name"] / SUMS).write_text(json.dumps(sums, indent=1) + "\n")
    return cutter.found


def _pack(pieces: list[dict[str, Any]]) -> str:
    """The name of a set of pieces, made of their sums."""
    return hashlib.sha256("".join(piece["sha256"] for piece in pieces).encode()).hexdigest()[:16]


def _sums(path: Path) -> dict[str, Any]:
    try:
        sums: dict[str, Any] = json.loads(path.read_text())
        pieces = [
            {"name": str(p["name"]), "bytes": int(p["bytes"]), "sha256": str(p["sha256"])} for p in sums["pieces"]
        ]
        if sums["pack"] != _pack(pieces):
            raise ValueError("the sums aren't those of its pieces")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PieceError(f"{path}: doesn't list pieces ({error}). Pack and send them again.") from None
    return {"pack": sums["pack"], "pieces": pieces}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True)
class Kept:
    """The pieces that have come so far. pack: which set they are of, "" where none has come."""

    pack: str
    there: list[str]
    missing: list[str]


def collect(arrived: Path, kept: Path) -> Kept:
    """Take the pieces that have arrived into the folder in which they are kept from one call to the next.

    Pieces of another set than those that arrive are dropped. Raises PieceError for a piece that isn't whole: it isn't
    kept, and is to be sent again."""
    found = sorted(path.parent for path in arrived.glob(f"*/{SUMS}"))
    if found:
        sums = _sums(found[0] / SUMS)
        if (kept / SUMS).exists() and _sums(kept / SUMS)["pack"] != sums["pack"]:
            shutil.rmtree(kept)
        kept.mkdir(parents=True, exist_ok=True)
        (kept / SUMS).write_text(json.dumps(sums))
    elif not (kept / SUMS).exists():
        return Kept("", [], [])
    sums = _sums(kept / SUMS)
    expected = {piece["name"]: piece for piece in sums["pieces"]}
    for folder in found:
        if _sums(folder / SUMS)["pack"] != sums["pack"]:
            raise PieceError(f"{folder}: is of another set of pieces than {found[0]}. Remove one set.")
        if (kept / folder.name).exists():
            continue
        part, piece = folder / PART, expected[folder.name]
        size = part.stat().st_size if part.exists() else 0
        if size != piece["bytes"] or _sha256(part) != piece["sha256"]:
            told = (
                f"found {size:,} bytes, expected {piece['bytes']:,}"
                if size != piece["bytes"]
                else "its SHA-256 differs"
            )
            raise PieceError(f"{part}: is damaged ({told}). Send this piece again.")
        try:
            os.link(part, kept / folder.name)
        except OSError:
            shutil.copyfile(part, kept / f".{folder.name}")
            (kept / f".{folder.name}").replace(kept / folder.name)
    there = [name for name in expected if (kept / name).exists()]
    return Kept(sums["pack"], there, [name for name in expected if name not in there])


class _Joined(io.RawIOBase):
    """The bytes of some files, one after another."""

    def __init__(self, paths: list[Path]) -> None:
        self._paths = list(paths)
        self._file: Any = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._file is None:
                if not self._paths:
                    return 0
                self._file = self._paths.pop(0).open("rb")
            count: int = self._file.readinto(buffer)
            if count:
                return count
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Close the file that is being read: the end of an archive comes before that of its last file."""
        if self._file is not None:
            self._file.close()
        super().close()


def join(kept: Path, folder: Path) -> None:
    """Unpack kept pieces, of which none is missing, into a folder."""
    paths = [kept / piece["name"] for piece in _sums(kept / SUMS)["pieces"]]
    with io.BufferedReader(_Joined(paths), 1 << 20) as joined, tarfile.open(fileobj=joined, mode="r|") as archive:
        archive.extractall(folder, filter="data")
