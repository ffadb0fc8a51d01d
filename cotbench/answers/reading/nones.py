"""Reading a number, or that there is none to give, where a task has questions of which that is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cotbench.answers.reading.numbers import read_number
from cotbench.answers.reading.patterns import caseless
from cotbench.answers.reading.rules import DECLINED, Extraction, Reading
from cotbench.answers.reading.stated import held
from cotbench.answers.reading.statements import statements

NONE = "none"  # the answer to a question that can't be answered
_SAYS_NONE = caseless(
    r"[\s*_`$\"'“‘(\[{\\]*(?:text\s?\{\s?)?(?:none|nothing|n/?a|null|no\s(?:valid\s|numeric(?:al)?\s)?(?:answer|solution)"
    r"|(?:not|un)\s?(?:answerable|solvable|determinable|known|determined)|undefined|unknown|impossible"
    r"|(?:not\senough|insufficient|missing)\s(?:information|data))(?![\w-])(?!\sof\s\d)[^\d\n]*\Z"
)


def is_none(text: str) -> bool:
    """Tell whether a gold or a program's value says that there is no answer."""
    return _SAYS_NONE.match(text) is not None


def read_number_or_none(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what `read_number` does, and NONE where a text states or says that there is none to give."""
    for one in statements(text, start, options=True)[:1]:
        if _SAYS_NONE.match(text, *held(one)):
            yield one.row.reads(Extraction(answer=NONE, span=held(one)))
    if _SAYS_NONE.match(text, start):
        yield "only", Extraction(answer=NONE, rule="only", span=(start, len(text)))
    for rule, found in read_number(text, start, vague):
        if rule == DECLINED or (found.rule == DECLINED and found.answer is None):
            end = len(text.rstrip())
            begin = max(start, text.rfind("\n", start, max(start, end)) + 1)
            yield DECLINED, replace(found, answer=NONE, rule=DECLINED, span=(min(begin, end), end))
        else:
            yield rule, found
