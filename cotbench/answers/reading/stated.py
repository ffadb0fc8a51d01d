"""Walks over what a text states, for kinds of answers that have no grammar of their own: texts, words, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from cotbench.answers.reading.declines import declines, says_unknown
from cotbench.answers.reading.endings import CORRECTS, RETRACTS
from cotbench.answers.reading.parts import Span, run_on
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import UNDECIDED, Extraction, Reading
from cotbench.answers.reading.statements import Statement

NEAR_THE_END = 200  # characters: what is taken back there, with nothing in its place, is no answer
_KNOWS_NOT = caseless(
    r"[\s*_`\"'“(]*(?:sorry,?\s)?(?:i\s(?:do\snot|don['’]t|really\sdon['’]t|can(?:not|['’]t))\s(?:know|tell|say|answer)|i['’]?m\s(?:not\ssure|unable)"
    r"|(?:i\shave\s)?no\sidea|not\ssure)\b"
)
MAX_LOOKED_AT = 4_000  # characters behind a statement in which it may be taken back


def stated(
    found_in: Sequence[Statement],
    text: str,
    vague: bool,
    find: Callable[[Statement], Extraction | None],
    instead: Callable[[int], Extraction | None],
) -> Iterator[Reading]:
    """Yield what a text states outright, the last first. found_in: its statements.

    find: reads a statement; None where it states nothing. instead: what the text puts in an answer's place, from where
    it takes that back; where it puts nothing there, and ends, it states no answer."""
    for one in found_in:
        found = find(one)
        if found is None:
            continue
        if vague and found.span:
            later = _taken_back(text, max(one.place, found.span[1]), instead)
            if later is not None:
                yield "phrase", later
        yield one.row.reads(found)


def _taken_back(text: str, start: int, instead: Callable[[int], Extraction | None]) -> Extraction | None:
    end = min(len(text), start + MAX_LOOKED_AT)
    retracts = RETRACTS.search(text, start, end)
    if retracts:
        found = instead(retracts.end())
        return found or (UNDECIDED if len(text) - retracts.end() < NEAR_THE_END else None)
    corrects = CORRECTS.search(text, start, end)
    return instead(corrects.end()) if corrects else None


def held(statement: Statement) -> Span:
    """The span that a statement's answer stands in: the last of its boxes, or its phrase."""
    return statement.boxes[-1] if statement.boxes else statement.span


def gives_none(text: str, start: int, end: int) -> bool:
    """Tell whether a phrase says that there is no answer to give: unknown, undetermined, "I don't know"."""
    return bool(_KNOWS_NOT.match(text, start, end)) or says_unknown(text, start, end) or declines(text, start, end)


def own_body(text: str, start: int) -> Span:
    """The text up to where it runs on into another question or turn, without the space around it."""
    end = run_on(text, start, len(text))
    body = text[start : len(text) if end is None else end]
    return start + len(body) - len(body.lstrip()), start + len(body.rstrip())


def heads_prose(text: str, begin: int, end: int) -> bool:
    """Tell whether a phrase on the line below "Answer:" is a sentence that the next line goes on from: a solution."""
    above = text[max(0, begin - 12) : begin].strip(" \t*_`")
    goes_on = text[end : end + 3].strip("\r ").removeprefix("\n").strip()
    return above.endswith("\n") and bool(goes_on) and text[begin:end].rstrip(" \t\r*_`").endswith((".", "=", "?"))
