"""Reading the number that an output answers with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import islice

from cotbench.answers.reading import amounts, numerals
from cotbench.answers.reading.declines import asks_for_more, declines, says_unknown
from cotbench.answers.reading.endings import CORRECTS, RETRACTS, broken_off, last_sentences, own_end
from cotbench.answers.reading.numerals import NUMBER, numbers_in, reading_of
from cotbench.answers.reading.patterns import BLANK, caseless, in_plain_signs
from cotbench.answers.reading.rules import OF_NUMBERS, REFUSAL, UNDECIDED, Extraction, Reading, Rule
from cotbench.answers.reading.statements import Statement, statements

_STATES = re.compile(r"\b(?:is|are|equals)\s[$*\\(]*[\d.,]+[^\d.!?]{0,25}\Z")
_SENTENCES = re.compile(r"[.!?]\s+(?=[A-Z])")
_MAY_BE_BOTH = caseless(r"可能[^。\n]{0,30}也(?:有)?可能|either\b[^.\n]{0,40}\bor\s[$*]*\d")
_LOOK_BACK = 3  # sentences in which a text that ends without a conclusion may decline
_HENCE = caseless(r"\W*(?:so|thus|hence|therefore|in\stotal|finally|overall|answer)\b")
_CONCLUSION = caseless(
    r"^[^\n]{0,80}\b(?:altogether|in\stotal|in\sall)\b|^(?:[^\S\n]|[*_])*+total\s?[:=]|(?:^|(?<=[.!]\s))(?:[^\S\n]|[*_>#-])*+(?:so|thus"
    r"|therefore|hence|in\stotal|finally|this\smeans|that\smeans|now|then|next|first|step\b)\b",
    flags=re.M,
)
_FACTORIAL = re.compile(r"(?:[2-9]|1\d)!")  # of a larger number it's a call
_POINTED = re.compile(r"(?<![\d.,])\d{1,3}\.\d+(?![\d.]*\d)")
_THOUSANDS = re.compile(r"\d{1,3}\.\d{3}")
_MOST_POINTED = 40
_WORDS_IN_MATH = re.compile(r"\\(?:text|textrm|mathrm|mbox|textbf|mathbf)\s?\{([^{}]{1,200})\}")
NEAR_THE_END = 200  # characters: what is taken back there, with nothing in its place, is no answer


def _last_number(text: str, start: int) -> Extraction | None:
    """The number that the last sentence with one gives; declined where the text ends on what it would need to know."""
    if broken_off(text, start):
        return None
    own = text[: own_end(text, start)]
    sentences = list(islice(last_sentences(own, start), 200))
    for place, (begin, end) in enumerate(sentences):
        if declines(text, begin, end) or (place < _LOOK_BACK and asks_for_more(text, begin, end)):
            return REFUSAL
        if _MAY_BE_BOTH.search(text, begin, end):
            return UNDECIDED
        found = amounts.concluded_number(text, begin, end, start)
        if (
            found
            and found.span
            and (amounts.is_open(text, found.span, begin, end) or amounts.beside_another(text, begin, end))
        ):
            return UNDECIDED
        if found:
            before = [] if _HENCE.match(text, begin, end) else sentences[place + 1 : _LOOK_BACK]
            if any(declines(text, *earlier) for earlier in before):
                return REFUSAL
            return found
        if NUMBER.search(text, begin, end):
            return UNDECIDED  # its numbers are parts of something else: "the distance is √66"
    return reading_of(next(iter(list(numbers_in(text, start, len(text)))[-1:]), None))


def _stated(text: str, start: int) -> Iterator[Reading]:
    """Yield what a text states outright, the last first."""
    in_words = None
    for statement in statements(text, start):
        found = _of_statement(text, statement)
        if found:
            yield statement.row.reads(found)
        elif statement.row.name in ("contract", "phrase") and _in_words_alone(text, *statement.span):
            in_words = statement.row
    if in_words:  # and no other statement gives a number: nothing vaguer is looked for
        yield in_words.reads(UNDECIDED)


def _of_statement(text: str, one: Statement) -> Extraction | None:
    """The number that a statement gives; UNDECIDED where what it gives is no number, None where it gives nothing."""
    rule, (begin, end) = one.row.name, one.boxes[-1] if one.boxes else one.span
    boxed = rule == "boxed" or bool(one.boxes)
    several = None if one.boxes else _SENTENCES.search(text, begin, end)
    stop = several.start() if several else end
    if declines(text, begin, stop) or says_unknown(text, begin, stop):
        return REFUSAL
    first = next(numbers_in(text, begin, end), None)
    if several and rule in ("contract", "phrase"):
        if not first or first.start() > several.start():
            return None  # "Answer: He has some eggs. He sells 3 of them ..." is a solution
        if (
            rule == "contract"
            and not amounts.begins(text, begin, first)
            and not _STATES.search(text, begin, several.start())
        ):
            return None
    found = amounts.number_in(text, begin, stop)
    if found and found.span and re.match(r"[\s*$]*\?(?=\s|\Z)", text[found.span[1] : found.span[1] + 6]):
        return None  # "Answer: 12? No."
    if not boxed and rule != "hashes" and _heads_a_solution(text, begin, end, first, found):
        return None
    if rule != "phrase" and found and _FACTORIAL.fullmatch(text[begin:stop].strip(BLANK)):
        found = None
    return found or (UNDECIDED if _is_no_number(text, begin, stop, rule, boxed, first) else None)


def _is_no_number(text: str, begin: int, end: int, rule: str, boxed: bool, first: re.Match[str] | None) -> bool:
    """Tell whether what a statement gives is an answer, but no number: a time, a range, an open sum, "7 or 8"."""
    if boxed:
        return bool(text[begin:end].strip(" .?_"))
    if rule == "phrase":
        return first is not None and (
            amounts.is_bound(text, begin, first.span()) or amounts.begins(text, begin, first) or numerals.is_part(first)
        )
    return any(char.isdigit() for char in text[begin:end])


def _in_words_alone(text: str, begin: int, end: int) -> bool:
    """Tell whether a statement ends the text and says something that is no number: "The answer is Mrs. Hill."."""
    said = text[begin:end].strip(BLANK + ".:")
    return (
        len(said) > 1
        and said.count(" ") < 12
        and any(map(str.isalpha, said))
        and not re.match(r"[<\[{]", said)  # a form's placeholder
        and not any(map(str.isdigit, said))
        and not text[end : own_end(text, begin)].strip(BLANK + ".\"')}>")
    )


def _heads_a_solution(text: str, begin: int, end: int, first: re.Match[str] | None, found: Extraction | None) -> bool:
    """Tell whether a phrase behind "Answer:" is the first line of a solution whose result stands below.

    A number at its beginning is an answer. A sentence is none where the text goes on to conclude; an equation where it
    goes on to another result.
    """
    below = text[end : end + 4_000]
    if not below.strip():
        return False
    if amounts.EQUALS.search(text, begin, end):
        plain = first and amounts.begins(text, begin, first) and not first["denominator"]
        if first and plain and not amounts.OPERATION.match(text, first.end(), end):
            return False
        concludes = None if plain else _CONCLUSION.search(below)
        if concludes and not concludes[0].lower().endswith("means"):
            return True
        result = amounts.after_equals(text, end, min(len(text), end + 4_000))
        return bool(result and found and found.answer and numerals.value_of(result) != Fraction(found.answer))
    return not (first and amounts.begins(text, begin, first)) and _CONCLUSION.search(below) is not None


def _points_are_separators(text: str, start: int) -> bool:
    """Tell whether a text writes thousands with points, as German does: all of several such numbers, some round."""
    pointed = [m[0] for m in islice(_POINTED.finditer(text, start), _MOST_POINTED)]
    return len(pointed) > 1 and all(map(_THOUSANDS.fullmatch, pointed)) and any(one.endswith("00") for one in pointed)


def read_number(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""
    text = in_plain_signs(text)
    if "\\" in text:  # spaces for the rest, so that places stay the same
        text = _WORDS_IN_MATH.sub(lambda m: " " * (m.start(1) - m.start()) + m[1] + " ", text)
    pointed = ".000" in text and _points_are_separators(text, start)
    for rule, found in _number_readings(text, start, vague):
        if pointed and found.answer and found.span and _POINTED.search(text, *found.span):
            yield rule, replace(found, answer=numerals.show_number(Fraction(found.answer) * 1000))
        else:
            yield rule, found


def _taken_back(text: str, start: int) -> Extraction | None:
    """Read what a text concludes where it takes back its answer; UNDECIDED where it concludes nothing."""
    retracts = RETRACTS.search(text, start)
    if retracts:
        found = _last_number(text, retracts.end())
        return found or (UNDECIDED if len(text) - retracts.end() < NEAR_THE_END else None)
    corrects = CORRECTS.search(text, start)
    if corrects is None:
        return None
    line_end = (text + "\n").index("\n", corrects.end())
    found = _last_number(text[:line_end], corrects.end())
    return found if found and found.span else None


def _alone(text: str, start: int) -> Iterator[Extraction]:
    body = text[start:].strip(BLANK)
    first, _, below = body.partition("\n")
    paragraph = not below.strip(" \t\r").partition("\n")[0]  # else "1." may be the first of a list
    for whole in (body.strip("(").rstrip(f").{BLANK}"), first.rstrip(f".{BLANK}" if paragraph else BLANK)):
        if numerals.canonical_number(whole) is not None:
            begin = text.index(whole, start)
            yield amounts.number_in(text, begin, begin + len(whole)) or UNDECIDED


# find(text, start): the numbers of a text that states none, those that count most first.
NUMBER_ALONE = Rule("number alone", "only", OF_NUMBERS, _alone)
LAST_NUMBER = Rule("last number", "last", OF_NUMBERS, _last_number, vague=True)
NUMBER_RULES = (NUMBER_ALONE, LAST_NUMBER)


def _number_readings(text: str, start: int, vague: bool) -> Iterator[Reading]:
    readings = _stated(text, start)
    for rule, stated in readings:
        if vague and stated.span and (taken_back := _taken_back(text, stated.span[1])):
            yield LAST_NUMBER.reads(taken_back)
        earlier = next(readings, None) if stated.answer and 0 < abs(Fraction(stated.answer)) <= 1 else None
        if earlier and amounts.is_percentage_of(text, earlier[1], stated):
            yield earlier
        yield rule, stated
        if earlier:
            yield earlier
    for row in NUMBER_RULES:
        if vague or not row.vague:
            yield from row.ask(text, start)
