"""Readings of what a judge says: a mark, which of several is best, a verdict.

Strict, and the same for every mode: one line that says it in the words that were asked for, or in ones that can't mean
anything else. A mark that can't be read is None, and counted as such; it is never guessed, since a guess at what a
judge meant would be a judge of our own.

What counts is the last line that states one: a judge may correct itself. "Score: 7 or 8" and "Score: 12" state none,
nor does a line at the end of a text that was cut, which may have been to go on ("Score: 1" of "Score: 10"). A bare
number is a mark only where it is the whole reply: behind a calculation it is the calculation's result. Nothing is read
in a thought.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

from cotbench.answers.reading import split_reasoning
from cotbench.answers.reading.parts import next_turn, thought_in
from cotbench.answers.reading.patterns import caseless, in_plain_signs
from cotbench.modes.reading import as_one_text
from cotbench.types import Completion

HIGHEST = 10.0  # of marks, from 0
TAIL_CHARS = 4_000  # at the end of a text, in which it is looked for
LINE_CHARS = 300  # at the end of a line
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = rf"(?P<number>[-+]?\d{{1,4}}(?:\.\d{{1,4}})?|\b(?:{'|'.join(_WORDS)})\b)"
_OPENS, _CLOSES = r"[(\[<{\"']{0,2}\s?", r"\s?[)\]>}\"']{0,2}"
# What may stand behind a mark: nothing, the end of its sentence, or the beginning of a reason.
_END = (
    r"(?=\s{0,3}(?:\Z|[.;!](?:\s|\Z)|,\s(?!\d|or\b|and\b|but\b)|\((?![^)]{0,80}\d)"
    r"|(?:because|since|as|for|due)\b|[-\u2013\u2014]\s(?!\d)))"
)
_OUT_OF = r"(?:\s?/\s?|\s(?:out\sof|of)\s)"
_MARK = rf"{_OPENS}{_NUMBER}(?:{_OUT_OF}(?P<whole>\d{{1,4}}|ten)\b)?(?:\spoints?\b)?{_CLOSES}{_END}"
_SCALE = r"(?:\s?[(\[]?\s?(?:out\sof\s(?:10|ten)|(?:from\s)?(?:0|zero)\s?(?:-|\u2013|to)\s?(?:10|ten))\s?[)\]]?)?"
_LABEL = rf"(?:score|mark|rating|grade)\b{_SCALE}"
_SAYS = r"\s?(?:[:=]|->|\u2192|\bis\b(?:\s?:)?|\bof\b|\bwould\sbe\b)\s?"
_MARKED = caseless(rf"{_LABEL}{_SAYS}{_MARK}")
_MARKS = caseless(rf"{_LABEL}\s?(?:[:=]|->|\u2192|\bis\b)")  # a line that means to state one, whatever it says
_HEADED = caseless(rf"(?:(?:the|my|your|final|overall|total)\s){{0,3}}{_LABEL}\s?(?:[:=]|->|\u2192|is\b)")
_OF_TEN = caseless(rf"(?<![\w.]){_NUMBER}{_OUT_OF}(?P<whole>\d{{1,4}}|ten)\b{_END}")
_ANY_OF_TEN = caseless(rf"(?<![\w.])(?:\d|\b(?:{'|'.join(_WORDS)})\b){_OUT_OF}(?:\d|ten\b)")
_BARE = caseless(rf"{_MARK}[.!]?\s?\Z")
_OPEN_LINE = caseless(rf"(?:(?:the|my|your|final|overall|total)\s){{0,3}}{_LABEL}\s?[:=]?\Z")

_ONE = r"(?:solution|answer|attempt|path|number|no\.|#)"
_BEST = r"(?:(?:the|my)\s)?best(?:\s(?:one|solution|answer|attempt|path|choice))?"
_PICK = rf"{_OPENS}(?:{_ONE}\s?)?{_OPENS}(?P<number>\d{{1,4}}){_CLOSES}{_END}"
_PICKED = caseless(rf"{_BEST}{_SAYS}{_PICK}", rf"\b{_ONE}\s(?P<other>\d{{1,4}})\sis\s(?:the\s)?best\b")
_PICKS = caseless(rf"(?<!\w){_BEST}\s?(?:[:=]|->|\u2192)")
_BARE_PICK = caseless(rf"(?:{_ONE}\s?)?{_OPENS}(?P<number>\d{{1,4}}){_CLOSES}[.!]?\s?\Z")

_RIGHT, _WRONG = r"correct|right", r"incorrect|wrong|not\s(?:correct|right)"
_VERDICT = r"(?:final\s)?verdict\b"
_JUDGED = caseless(
    rf"{_VERDICT}{_SAYS}{_OPENS}(?:the\s(?:answer|solution)\sis\s)?(?:(?P<right>{_RIGHT})|(?P<wrong>{_WRONG})){_CLOSES}"
    rf"{_END}"
)
_JUDGES = caseless(rf"{_VERDICT}\s?(?:[:=]|->|\u2192|is\b)")
_ALONE = caseless(rf"(?:(?P<right>{_RIGHT})|(?P<wrong>{_WRONG}))[.!]?\Z")

_MARKUP = re.compile(r"\A[> ]+|[*_`#$|]+|\\(?:boxed|text|mathbf|textbf)\{([^{}]{0,40})\}")
_BLANKS = re.compile(r"\s+")
_BULLET = re.compile(r"\A(?:[-\u2022]\s|\d{1,2}[.)]\s(?=\w))")

Found = TypeVar("Found")


def shown_of(path: Completion) -> str:
    """What a judge is shown of a reply: what it says, without its thought; the thought where it says nothing else."""
    text, _ = as_one_text(path)
    parts = split_reasoning(text)
    return text[slice(*parts.visible)].strip() or thought_in(text, parts)


def mark_of(path: Completion) -> float | None:
    """Read the mark from 0 to 10 that a judge's reply ends with, or take a reward model's score as it is."""
    return path.score if path.score is not None else _read(path, _mark)


def best_of(path: Completion, count: int) -> int | None:
    """Read which of so many a judge's reply calls the best: its place, from 0."""
    number = _read(path, _best)
    return number - 1 if number is not None and 1 <= number <= count else None


def verdict_of(path: Completion) -> bool | None:
    """Read whether a critic's reply calls an answer right."""
    return _read(path, _verdict)


def _read(path: Completion, reader: Callable[[list[str]], Found | None]) -> Found | None:
    """Read a reply's lines, by what reads them. A reply that was refused or not had says nothing."""
    if path.finish_reason in ("error", "refused"):
        return None
    text, _ = as_one_text(path)
    start, end = split_reasoning(text).visible
    end = next_turn(text, start, end)
    shown = in_plain_signs(text[max(start, end - TAIL_CHARS) : end])
    if path.finish_reason == "length" and end == len(text):
        shown = shown[: shown.rfind("\n") + 1]
    lines = [line for raw in shown.splitlines() if (line := _plain(raw))]
    return reader(lines) if lines else None


def _plain(line: str) -> str:
    """A line's end without markup."""
    return _BULLET.sub("", _BLANKS.sub(" ", _MARKUP.sub(lambda found: found[1] or "", line[-LINE_CHARS:])).strip())


def _mark(lines: list[str]) -> float | None:
    """Take the last line that states a mark: it has a label, or "of 10" and is the last, or is all there is."""
    stated = [f"{line} {after}" if _OPEN_LINE.fullmatch(line) else line for line, after in _followed(lines)]
    if _OPEN_LINE.fullmatch(lines[-1]):
        return None  # a label, and nothing behind it
    if len(lines) > 1 and _OPEN_LINE.fullmatch(lines[-2]):
        stated.pop()  # it has been read with its label
    last = stated[-1]
    if _MARKS.search(last) or _MARKED.search(last):
        return _labelled(last)
    if headed := next((line for line in reversed(stated) if _HEADED.match(line)), None):
        return _labelled(headed)
    if len(_ANY_OF_TEN.findall(last)) == 1:
        found = _OF_TEN.search(last)
        return _value(found) if found else None
    alone = _BARE.fullmatch(last) if len(lines) == 1 else None
    return _value(alone) if alone else None


def _followed(lines: list[str]) -> list[tuple[str, str]]:
    return list(zip(lines, [*lines[1:], ""], strict=True))


def _labelled(line: str) -> float | None:
    """Read a line by the last label in it; a label with a colon behind which there is no mark makes it unreadable."""
    found = list(_MARKED.finditer(line))
    open_ones = [match.start() for match in _MARKS.finditer(line)]
    if not found or any(start > found[-1].start() for start in open_ones):
        return None
    return _value(found[-1])


def _value(found: re.Match[str]) -> float | None:
    whole = found["whole"]
    if whole is not None and whole.lower() not in ("10", "ten"):
        return None
    said = found["number"].lower()
    value = float(_WORDS.index(said)) if said in _WORDS else float(said)
    return value if 0 <= value <= HIGHEST and not said.startswith("-") else None


def _best(lines: list[str]) -> int | None:
    """Take the last line that says which is best, or the last one where it is nothing but a number of one."""
    stated = next((line for line in reversed(lines) if _PICKS.search(line)), lines[-1])
    if found := list(_PICKED.finditer(stated)):
        numbers = {int(match["number"] or match["other"]) for match in found}
        return numbers.pop() if len(numbers) == 1 else None
    alone = None if _PICKS.search(stated) else _BARE_PICK.fullmatch(stated)
    named = alone is not None and (len(lines) == 1 or not stated[:1].isdigit())
    return int(alone["number"]) if alone is not None and named else None


def _verdict(lines: list[str]) -> bool | None:
    """Take the last line that states a verdict, or the whole reply where it is nothing else."""
    stated = next((line for line in reversed(lines) if _JUDGES.search(line)), None)
    if stated is None:
        found = _ALONE.fullmatch(lines[0]) if len(lines) == 1 else None
    else:
        found = [*_JUDGED.finditer(stated)][-1] if _JUDGED.search(stated) else None
    return None if found is None else found["right"] is not None
