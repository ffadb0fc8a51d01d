"""The one door for what is printed, and those for CSV cells and Markdown: text of any source leaves by them, and none of it acts.

Servers, models, data sets, folders of runs and arguments may hold anything. A terminal would take an escape sequence for a command, a
spreadsheet a cell that begins with "=" for a formula, a viewer of Markdown a tag for HTML. `say` and `console.Output` print; nothing else
in the package does (`tests/test_printing.py` looks for it).

What stdout doesn't take (a full disk) is an OutputError; what stderr doesn't take is lost, since nobody could be told. A stream that was
closed before the command began is as if it were /dev/null.
"""

from __future__ import annotations

import io
import os
import re
import sys
import unicodedata
from typing import TextIO, cast

from cotbench.errors import OutputError


def tame(text: str) -> str:
    """A text without what a terminal would take as a command, or couldn't show: a model or its program may have written it.

    Control characters, escape sequences, marks that turn the direction of text, and lone surrogates become escapes that one can read. Spaces of
    any width stay, and what joins letters or leaves them apart (Persian, Hindi, emoji).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" or _harmless(c) else repr(c)[1:-1] for c in text)


def _harmless(character: str) -> bool:
    return character in "\u200c\u200d" or unicodedata.category(character) == "Zs"


def tame_line(text: str) -> str:
    """The same as one line: of a name, a line's end is as foreign as an escape sequence."""
    return tame(text).replace("\n", "\\n").replace("\t", "\\t")


def tame_json(text: str) -> str:
    """Lines of JSON in which what can't be shown stands in JSON's own escapes, so that they mean the same."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


# --- streams ------------------------------------------------------------------------------------------------------


class Stream(io.TextIOBase):
    """stdout or stderr, whatever they are at the moment. What is written must be tame, or a style of our own."""

    def __init__(self, *, to_stderr: bool, proxied: bool = True) -> None:
        """proxied: through what stands before the stream while bars are drawn, which puts lines above them."""
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
    """The error where stdout isn't taken."""
    return OutputError(
        f"stdout can't be written: {error.strerror or error}.", "Make room where it goes, or send it to another place."
    )


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
    """Give a process that was started without stdin, stdout or stderr /dev/null for them: what it opens next would take their place."""
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


# --- files that other programs read -------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def csv_cell(value: object) -> object:
    """A cell that a spreadsheet shows and doesn't work out: a text that begins like a formula gets an apostrophe before it.

    Numbers stay numbers, as numbers and as texts ("-0.5").
    """
    if not isinstance(value, str):
        return value
    text = tame_line(value)
    if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{text}"
    return text


_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])|(?<=[hH][tT][tT][pPsS]):(?=//)|(?<=[pP][sS]):(?=//)|@")
_WWW = re.compile(r"(?i)(?<=\bwww)\.")


def markdown_text(text: str) -> str:
    """A text in Markdown as it is: no HTML, link, table's bar or emphasis of its own, on one line."""
    line = tame_line(text)
    return _WWW.sub(r"\\.", _MARKS.sub(lambda found: f"\\{found[0]}", line))
