"""Reading a number, or that there is none to give, where a task has questions of which that is right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from cotbench.answers.reading.declines import asks_for_more
from cotbench.answers.reading.numbers import read_number
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import DECLINED, Extraction, Reading
from cotbench.answers.reading.stated import gives_none, held
from cotbench.answers.reading.statements import statements

NONE = "none"  # the answer to a question that can't be answered
_SAYS_NONE = caseless(
    r"[\s*_`$\"'“‘(\[{\\#]*(?:text\s?\{\s?)?(?P<own>none|keine?r?|无|нет|aucune?|ninguno|nessuno|nothing|n/?a|null"
    r"|no\s(?:valid\s|numeric(?:al)?\s)?(?:answer|solution)"
    r"|(?:not|un)\s?(?:answerable|solvable|determinable|known|determined)|undefined|unknown|impossible"
    r"|not\s(?:given|specified|provided|stated)"
    r"|(?:not\senough|insufficient|missing)\s(?:information|data))(?![\w-])(?!\sof\s\d)[^\d\n]*\Z"
)

_NOT_GIVEN = caseless(r"\b(?:is|are|was|were)(?:\snot|n['’]t)\s(?:given|specified|provided|stated|mentioned|known)\b")
_HASHES = caseless(r"^####\s*+(?P<own>none|n/a|unknown)\b", flags=re.M)
_DIGIT = re.compile(r"\d")


def _stated_none(text: str, begin: int, end: int) -> Extraction | None:
    """NONE, where a statement says that there is no answer to give, and names no number."""
    said = _SAYS_NONE.match(text, begin, end)
    if said:
        return Extraction(answer=NONE, span=said.span("own"))
    if _DIGIT.search(text, begin, end) or end <= begin:
        return None
    none = gives_none(text, begin, end) or asks_for_more(text, begin, end) or _NOT_GIVEN.search(text, begin, end)
    piece = text[begin:end].strip()
    left = text.index(piece, begin)
    return Extraction(answer=NONE, span=(left, left + len(piece))) if none and piece else None


def is_none(text: str) -> bool:
    """Tell whether a gold or a program's value says that there is no answer."""
    return _SAYS_NONE.match(text) is not None


def read_number_or_none(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what `read_number` does, and NONE where a text states or says that there is none to give."""
    every = statements(text, start, options=True)
    none = [(one, found) for one in every if (found := _stated_none(text, *held(one)))]
    for one, found in none:
        if one is every[0]:
            yield one.row.reads(found)
    hashes = _HASHES.search(text, start)
    if hashes and not every:
        yield "hashes", Extraction(answer=NONE, rule="hashes", span=hashes.span("own"))
    only = _SAYS_NONE.match(text, start)
    if only:
        yield "only", Extraction(answer=NONE, rule="only", span=only.span("own"))
    for rule, found in read_number(text, start, vague):
        if rule == DECLINED or (found.rule == DECLINED and found.answer is None):
            end = len(text.rstrip())
            begin = max(start, text.rfind("\n", start, max(start, end)) + 1)
            yield DECLINED, replace(found, answer=NONE, rule=DECLINED, span=(min(begin, end), end))
        else:
            yield rule, found
    yield from (one.row.reads(found) for one, found in none if one is not every[0])
