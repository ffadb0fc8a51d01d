"""The one door for what is printed: `say` and `console.Output` print tame text; nothing else in the package prints.

`tests/test_printing.py` looks for it.

What stdout doesn't take (a full disk) is an OutputError; what stderr doesn't take is lost, since nobody could be told.
A stream that was closed before the command began is as if it were /dev/null.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO, cast

from cotbench.errors import OutputError
from cotbench.report.tame import tame, tame_json


class Stream(io.TextIOBase):
    """stdout or stderr, whatever they are at the moment. What is written must be tame, or a style of our own."""

    def __init__(self, *, to_stderr: bool, proxied: bool = True) -> None:
        """Take a stream; proxied: through what stands before it while bars are drawn, which puts lines above them."""
        self._to_stderr = to_stderr
        self._proxied = proxied

    @property
    def _file(self) -> TextIO | None:
        file = cast("TextIO | None", sys.stderr if self._to_stderr else sys.stdout)
        return file if self._proxied else getattr(file, "rich_proxied_file", file)

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return getattr(self._file, "encoding", None) or "utf-8"

    def isatty(self) -> bool:
        return self._file is not None and self._file.isatty()

    def fileno(self) -> int:
        if self._file is None:
            raise io.UnsupportedOperation("fileno")
        return self._file.fileno()

    def write(self, text: str) -> int:
        try:
            if self._file is not None:
                self._file.write(text)
        except OSError as error:
            self._failed(error)
        return len(text)

    def flush(self) -> None:
        try:
            if self._file is not None:
                self._file.flush()
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        if self._to_stderr:
            discard(to_stderr=True)
        elif isinstance(error, BrokenPipeError):
            raise error
        else:
            discard()
            raise lost(error) from None


def lost(error: OSError) -> OutputError:
    """Return the error where stdout isn't taken."""
    remedy = "Make room where it goes, or send it to another place."
    return OutputError(f"stdout can't be written: {error.strerror or error}.", remedy)


def discard(*, to_stderr: bool = False) -> None:
    """Let a stream that takes no more end in /dev/null: Python would try again as it ends, and say so."""
    file = sys.stderr if to_stderr else sys.stdout
    try:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, file.fileno())
        os.close(null)
    except (OSError, AttributeError):  # no file of the system's, as in tests
        pass


def say(text: str, *, to_stderr: bool = False) -> None:
    """Print a text and a line's end, now."""
    stream = Stream(to_stderr=to_stderr)
    stream.write(f"{tame(text)}\n")
    stream.flush()


def say_json(lines: str) -> None:
    """Print lines of JSON on stdout, each with its line's end."""
    stream = Stream(to_stderr=False)
    stream.write(tame_json(lines))
    stream.flush()


def open_streams() -> None:
    """Give a process that was started without stdin, stdout or stderr /dev/null for them.

    What it opens next would take their place.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number
    for name, number, mode in (("stdin", 0, "r"), ("stdout", 1, "w"), ("stderr", 2, "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what a terminal's encoding lacks is shown as an escape
            stream.reconfigure(errors="backslashreplace")
