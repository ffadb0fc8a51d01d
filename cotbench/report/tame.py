"""Text of any source, made harmless where it goes: a terminal, a JSON line, a CSV cell, Markdown.

Servers, models, data sets, folders of runs and arguments may hold anything. A terminal would take an escape sequence
for a command, a spreadsheet a cell that begins with "=" for a formula, a viewer of Markdown a tag for HTML.
"""

from __future__ import annotations

import re
import unicodedata


def tame(text: str) -> str:
    """Return a text without what a terminal would take as a command, or couldn't show.

    Control characters, escape sequences, marks that turn the direction of text, and lone surrogates become escapes that
    one can read. Spaces of any width stay, and what joins letters or leaves them apart (Persian, Hindi, emoji).
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" or _harmless(c) else repr(c)[1:-1] for c in text)


def _harmless(character: str) -> bool:
    return character in "\u200c\u200d" or unicodedata.category(character) == "Zs"


def tame_line(text: str) -> str:
    """Return a tame text on one line: in a name, a line's end is as foreign as an escape sequence."""
    return tame(text).replace("\n", "\\n").replace("\t", "\\t")


def tame_json(text: str) -> str:
    """Return lines of JSON in which what can't be shown stands in JSON's own escapes, so that they mean the same."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else _json_escape(c) for c in text)


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02x}{units[at + 1]:02x}" for at in range(0, len(units), 2))


# --- files that other programs read -------------------------------------------------------------------------------

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def csv_cell(value: object) -> object:
    """Return a cell that a spreadsheet shows and doesn't work out: an apostrophe goes before what looks like a formula.

    Numbers stay numbers, as numbers and as texts ("-0.5").
    """
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    if not isinstance(value, str):
        return value
    text = tame_line(value)
    if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value):
        return f"'{text}"
    return text


_MARKS = re.compile(r"[\\`*\[\]<>|~&]|(?<![^\W_])_|_(?![^\W_])|(?<=[hH][tT][tT][pPsS]):(?=//)|(?<=[pP][sS]):(?=//)|@")
_WWW = re.compile(r"(?i)(?<=\bwww)\.")


def markdown_text(text: str) -> str:
    """Return a text as Markdown shows it as it is: no HTML, link, table's bar or emphasis of its own, on one line."""
    line = tame_line(text)
    return _WWW.sub(r"\\.", _MARKS.sub(lambda found: f"\\{found[0]}", line))
