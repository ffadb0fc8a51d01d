r"""Reading the letter of an option: by its letter, by its text, or by both; in English and some twenty other languages.

What a text states outright (`statements`) comes first, the last of it. Policies:

* A verdict in passing ("(C) is correct", "closest to C", "so (A) fits best") counts where nothing is stated outright,
  or where the text has taken its statement back ("Wait, that is wrong. ..."). A statement that is called wrong, with
  nothing in its place, is no answer.
* "Not A but B" is B. An option that is ruled out, supposed ("if ...") or said to be another's answer is none.
* Two options ("A or C", "A B", "A) red and B) blue", ACD), and none of them ("none of the options is correct"), are no
  answer, unless an option says so.
* What is only said of an option ("(C) contradicts the passage") gives no answer. Where each is judged in a row, exactly
  one of them as right, that one is the answer.
* "None of the options is correct" names the option that says so, if there is one.
* A field of an object counts as stated where the object ends, behind the field with its reasons.
* What a long text states before it breaks off in doubt ("Wait, but maybe ...") is no answer, as in a text that was cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from cotbench.answers.reading.declines import declines
from cotbench.answers.reading.endings import DOUBTS, MAX_WORDS_BELOW, SENTENCE_END, WHOLE
from cotbench.answers.reading.letters import closings, mentions, retractions, verdicts
from cotbench.answers.reading.letters.heads import option_in
from cotbench.answers.reading.patterns import in_plain_signs
from cotbench.answers.reading.rules import REFUSAL, UNDECIDED, Extraction, Reading
from cotbench.answers.reading.statements import BOXED, Statement, statements

# The rows that serve letters beside `STATEMENTS`, in the order in which they are asked.
LETTER_RULES = (*verdicts.VERDICTS, *retractions.RETRACTIONS, *closings.ENDINGS)
_JOINS_BOXES = re.compile(r"\}[\s$\\)\]]{0,6}(?:,|and|or|&|und|、|和)[\s$\\(\[]{0,6}\\?(?:boxed|fbox)\s?\{")


def _of_statement(text: str, start: int, statement: Statement, choices: Sequence[str]) -> Extraction | None:
    """The option that a statement gives; UNDECIDED for two, or for none of them; None where it states nothing."""
    span = statement.boxes[-1] if statement.boxes else statement.span
    phrase = statement.row.name == "phrase"
    nested = statement.place < span[0] and not statement.boxes  # "Answer: C. Some say the answer is A."
    before = (max(start, span[0] - 90), span[0])
    if (phrase or nested) and (mentions.OTHERS.search(text, *before) or mentions.SUPPOSED.search(text, *before)):
        if phrase:
            return None
        span = (statement.place, span[0])
    if phrase and mentions.only_mentioned(text, max(start, text.rfind("\n", 0, span[0]) + 1), span[0]):
        return None
    found = option_in(text, span, choices)
    if found is None:
        if none := retractions.NONE_GIVEN.match(text, *span):
            return retractions.none_of_them(text, none.span(), choices)
        sentence = SENTENCE_END.search(text, *span)
        declined = declines(text, span[0], sentence.start() if sentence else span[1])
        return REFUSAL if declined else None
    if found.span and (
        mentions.ASKS.match(text, found.span[1], span[1] + 3) or mentions.denied_behind(text, found.span[1])
    ):
        return None
    if len(statement.boxes) > 1 and found.answer:
        others = {other.answer for box in statement.boxes if (other := option_in(text, box, choices))}
        return found if others == {found.answer} else UNDECIDED
    return found


def _stated(text: str, start: int, choices: Sequence[str]) -> Iterator[tuple[Statement, Extraction]]:
    """Yield what a text states outright, the last first; without headings that name one option after the other."""
    stated = statements(text, start, options=True)
    headings = [_of_statement(text, start, one, choices) or UNDECIDED for one in stated if one.row.name == "hashes"]
    several = len({heading.answer for heading in headings}) > 1
    for statement, earlier in zip_longest(stated, stated[1:]):
        if statement.row.name == "hashes" and several:
            letter_at_end = closings.HEADING.match(text, *statement.span) and not text[statement.span[1] :].strip()
            if not letter_at_end:
                continue
        both_boxed = earlier is not None and earlier.row is statement.row is BOXED
        if both_boxed and _JOINS_BOXES.fullmatch(text, earlier.span[1], statement.span[0]):
            boxes = (_of_statement(text, start, box, choices) for box in (earlier, statement))
            if len({box.answer for box in boxes if box}) > 1:
                yield statement, UNDECIDED  # \boxed{A} and \boxed{B}
                continue
        if found := _of_statement(text, start, statement, choices):
            yield statement, found


def read_letter(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""
    text = in_plain_signs(text)
    doubted = vague and _breaks_off(text, start)
    for rule, found in _readings(text, start, vague, choices):
        if doubted and rule == "phrase" and found.span and DOUBTS.search(text, found.span[1]):
            yield rule, UNDECIDED  # as where the text was cut at its budget
        yield rule, found


def _breaks_off(text: str, start: int) -> bool:
    """Tell whether a long text ends in the middle of a sentence."""
    if len(text) - start < closings.UNFINISHED_CHARS or WHOLE.search(text, max(start, len(text) - 40)):
        return False
    line = max(start, text.rfind("\n", start, len(text.rstrip())) + 1)
    return not closings.LISTED.match(text, line) and len(text[line:].split()) > MAX_WORDS_BELOW


def _readings(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    supposed: list[Reading] = []  # "the answer is (H) if the sign is plus"
    for statement, found in _stated(text, start, choices):
        if found.span is None:
            yield statement.row.reads(found)
            continue
        if statement.row.name == "phrase" and mentions.HANGS.match(text, found.span[1]):
            continue
        if statement.row.name == "phrase" and mentions.CONDITION.match(text, found.span[1]):
            supposed.append(statement.row.reads(found))
            continue
        if not supposed:
            yield from _taken_back(text, max(statement.place, found.span[1]), vague, choices)
        yield statement.row.reads(found)
    yield from retractions.NONE_OF_THEM.ask(text, start, choices)
    yield from verdicts.said(text, start, choices)
    yield from supposed
    yield from closings.all_it_says(text, start, choices)
    if vague:
        yield from closings.what_it_ends_on(text, start, choices)


def _taken_back(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[Reading]:
    """Yield what a text says in the place of the answer that it stated, from where it takes that back."""
    if not text[start:].strip(" .)*_`$\"'\n\r}"):
        return
    yield from retractions.NONE_OF_THEM.ask(text, start, choices)
    places = [match.start() for match in retractions.TAKES_BACK.finditer(text, start)]
    if not places:
        return
    back = places[-1]
    yield from verdicts.said(text, back, choices)
    yield from retractions.INSTEAD.ask(text, back, choices)
    if vague:
        yield from closings.what_it_ends_on(text, back, choices)
    yield from retractions.TAKEN_BACK.ask(text, back, choices)
