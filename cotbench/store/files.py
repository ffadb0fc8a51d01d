"""Opening and replacing the files of a run: only what is a file is read, and nothing is written through a link.

A folder may come from somebody else, be damaged, or lie where others may write. A named pipe would be waited for on
reading; what a link points at would be overwritten.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import BinaryIO

from cotbench.errors import RunError

FOLDER = "a folder"
_KINDS: Mapping[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISDIR: FOLDER,
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}


def is_file(name: str | Path) -> bool:
    """Whether there is a file of a name that was typed; a list of many names is longer than a file's can be."""
    try:
        return Path(name).is_file()
    except (OSError, ValueError):
        return False


def is_there(name: str | Path) -> bool:
    """Whether there is anything of a name that was typed."""
    try:
        return Path(name).exists()
    except (OSError, ValueError):
        return False


def open_to_read(path: Path) -> BinaryIO:
    """Open a file of a run. Raises FileNotFoundError without one, RunError where it can't be read or is no file."""
    try:
        return open_file(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        found = f"{path}: can't be read: {error.strerror or error}."
        raise RunError(found, "Restore the file, or remove it.") from None


def open_file(path: Path) -> BinaryIO:
    """Open anybody's file to read. Raises OSError, also of a pipe (waited for) or a device (without an end)."""
    try:
        # Of a pipe without a writer an ordinary open would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if kind := kind_of(path):
            raise OSError(error.errno, f"it is {kind}, expected a file") from None
        raise
    return os.fdopen(_checked(descriptor), "rb")


def kind_of(path: Path) -> str:
    """Say what stands at a path where that is no file ("a named pipe"); "" of a file, and where nothing is."""
    try:
        return _kind_of_mode(path.stat().st_mode)
    except (OSError, ValueError):
        return ""


def open_to_write(path: Path, flags: int) -> int:
    """Open a file that is no link, made where there is none, and return its descriptor. Raises OSError."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno in _NOT_WRITTEN:
            raise OSError(error.errno, _NOT_WRITTEN[error.errno]) from None
        raise
    return _checked(descriptor)


_NOT_WRITTEN = {
    errno.ELOOP: "it is a link, and links aren't written through",
    errno.ENXIO: "it is a named pipe or a socket, expected a file",
}


def _checked(descriptor: int) -> int:
    """Return the descriptor of a file; close that of anything else, and raise OSError."""
    if kind := _kind_of_mode(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, expected a file")
    return descriptor


def _kind_of_mode(mode: int) -> str:
    return "" if stat.S_ISREG(mode) else next((name for of, name in _KINDS.items() if of(mode)), "no file")


def write_new(path: Path, content: bytes) -> None:
    """Write a file in place of what has its name, a link as well. Raises OSError."""
    path.unlink(missing_ok=True)
    descriptor = open_to_write(path, os.O_WRONLY | os.O_EXCL)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def replace_file(path: Path, parts: Iterable[bytes]) -> None:
    """Replace a file as a whole, or leave the old one. Raises OSError where the disk doesn't take it."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with os.fdopen(open_to_write(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, parts: Iterable[bytes]) -> None:
    """Replace a file of a run as a whole. Raises RunError."""
    try:
        replace_file(path, parts)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> RunError:
    """The error of a file of a run that can't be written."""
    return RunError(
        f"{path}: can't be written: {error.strerror or error}.",
        "Everything recorded so far is kept. Make room or correct the permissions, then run the same command again: "
        "it resumes.",
    )
