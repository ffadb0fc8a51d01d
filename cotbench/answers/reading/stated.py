"""Walks over what a text states, for kinds of answers that have no grammar of their own: texts, words, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cotbench.answers.reading.endings import CORRECTS, RETRACTS
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.rules import UNDECIDED, Extraction, Reading
from cotbench.answers.reading.statements import Statement, statements

NEAR_THE_END = 200  # characters: what is taken back there, with nothing in its place, is no answer
MAX_LOOKED_AT = 4_000  # characters behind a statement in which it may be taken back


def stated(
    text: str,
    start: int,
    vague: bool,
    find: Callable[[Statement], Extraction | None],
    instead: Callable[[int], Extraction | None],
) -> Iterator[Reading]:
    """Yield what a text states outright, the last first.

    find: reads a statement; None where it states nothing. instead: what the text puts in an answer's place, from where
    it takes that back; where it puts nothing there, and ends, it states no answer."""
    for one in statements(text, start, options=True):
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
