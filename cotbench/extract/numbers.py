r"""Reading a number: what a number looks like in models' prose and LaTeX, and which one of a phrase is meant."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from cotbench.extract.shapes import (
    BLANK,
    CUT,
    PLAIN_SIGNS,
    UNDECIDED,
    Extraction,
    Reading,
    Statement,
    last_sentences,
    own_end,
    statements,
)

# Digits with thousands separators: a comma, a space of some kind, an apostrophe; points only where there are several;
# groups of two as in India.
_DIGITS = (
    r"(?>\d{1,3}(?:(?:,(?:\\!)?|\{,\}|\\,|[ \u00a0\u2009\u202f'’])\d{3})++(?!\d)|\d{1,3}(?:\.\d{3}){2,}+(?!\d)"
    r"|\d{1,2}(?:,\d\d)+,\d{3}(?!\d)|\d++)"
)
_MINUS = r"[-−–‑－]"
_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
NUMBER = re.compile(
    # A minus that stands apart is a sign only behind ":", "=" or bold: elsewhere it subtracts, or marks an item of a list.
    rf"(?:(?<![\w.])|(?<=\bRs\.))(?<!\d:)(?P<sign>(?<=[:=*]\s){_MINUS}\s|{_MINUS}?)(?P<currency>\\?[$€£¥₹]\s?)?(?P<sign2>{_MINUS}?)"
    r"(?:(?:(?P<units>\d{1,6})\s?)?\\[dtc]?frac\s?(?:\{\s?(?P<n>-?\d+)\s?\}\s?\{\s?(?P<d>\d+)\s?\}|(?P<n1>\d)\s?(?P<d1>\d))"
    rf"|(?P<units3>\d{{1,6}})?\s?(?P<vulgar>[{_VULGAR}])"
    r"|(?:(?P<units2>\d{1,6})\s(?=\d{1,2}/\d))?"
    rf"(?:(?P<whole>{_DIGITS})(?P<fraction>\.\d++)?+|(?P<bare>\.\d++))(?!:\d|\.\d|[xyzn]\b)(?:\s?/\s?(?P<denominator>\d+(?:\.\d+)?)(?!/))?"
    r"(?:[eE](?P<exponent>[-+]?\d{1,2})(?!\w)|\s?(?:\\times|\\cdot|[×*·x])\s?10\s?(?:\^|\*\*)\s?\{?(?P<power>-?\d{1,2})(?!\d)\}?)?"
    r"(?:(?:\s|\\?\s?\\text\{\s?|-)?(?P<scale>hundred|thousand|million|billion|trillion)\b)?)",
    re.I,
)
_SEPARATORS = re.compile(r"\{,\}|\\,|\\!|[, \u00a0\u2009\u202f'’]")


def _value(match: re.Match[str]) -> Fraction | None:
    said = match[0]
    if said.isascii() and said.isdigit() and len(said) <= 256:  # most are plain, and this is five times as fast
        return Fraction(int(said))
    if any(len(group) > 256 for group in match.groups() if group):
        return None
    whole = _SEPARATORS.sub("", match["whole"] or "0")
    if whole.count(".") > 1:
        whole = whole.replace(".", "")
    try:
        if match["n"] or match["n1"]:
            value = Fraction(int(match["n"] or match["n1"]), int(match["d"] or match["d1"]))
        elif match["vulgar"]:
            value = Fraction(unicodedata.numeric(match["vulgar"])).limit_denominator(10)
        else:
            value = Fraction(Decimal(whole + (match["fraction"] or match["bare"] or "")))
            value *= Fraction(10) ** int(match["exponent"] or match["power"] or 0)
        if match["denominator"]:
            value /= Fraction(Decimal(match["denominator"]))
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return None
    value += int(match["units"] or match["units2"] or match["units3"] or 0)
    if match["scale"]:
        value *= 10 ** SCALES[match["scale"].lower()]
    return -value if match["sign"] or match["sign2"] else value


def show_number(value: Fraction) -> str:
    """The canonical text of an exact number: an integer, a finite decimal, or else a fraction."""
    if value.denominator == 1:
        return str(value.numerator)
    rest = value.denominator
    twos = fives = 0
    while rest % 2 == 0:
        rest, twos = rest // 2, twos + 1
    while rest % 5 == 0:
        rest, fives = rest // 5, fives + 1
    if rest != 1:
        return f"{value.numerator}/{value.denominator}"
    places = max(twos, fives)
    scaled = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    return ("-" if value < 0 else "") + scaled[:-places] + "." + scaled[-places:]


def canonical_number(text: str) -> str | None:
    """The canonical form of a text that is a number and nothing else ("1,000" -> "1000", "1/2" -> "0.5"); else None."""
    match = NUMBER.fullmatch(text.strip())
    value = _value(match) if match else None
    return None if value is None else show_number(value)


def _found(match: re.Match[str], value: Fraction) -> Extraction:
    return Extraction(answer=show_number(value), span=match.span())


def _numbers(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return (match for match in NUMBER.finditer(text, start, end) if _value(match) is not None)


def _reading(match: re.Match[str] | None) -> Extraction | None:
    value = _value(match) if match else None
    if match is None or value is None:
        return None
    if match["scale"]:  # "3 hundred and forty one"
        rest = _REST.match(match.string, match.end())
        said = _in_words(match.string, rest.end(), rest.end() + 40) if rest else None
        if said and said.answer and said.span and int(said.answer) < 10 ** SCALES[match["scale"].lower()]:
            return Extraction(answer=show_number(value + int(said.answer)), span=(match.start(), said.span[1]))
    return _found(match, value)


# --- number words -------------------------------------------------------------------------------------------------

_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: i for i, word in enumerate(_ONES.split())} | {word: 10 * i for i, word in enumerate(_TENS.split(), 2)}
_ANY = "|".join(sorted(_WORDS, key=len, reverse=True))
_IN_WORDS = re.compile(
    rf"\b(?:(?:a\s)?(?=hundred|thousand)|{_ANY})(?:[\s-](?:{_ANY}|hundred|thousand|million|and(?=\s(?:{_ANY})\b))\b-?){{0,12}}",
    re.I,
)


_REST = re.compile(rf"\s(?:and\s)?(?=(?:{_ANY})\b)", re.I)


def _in_words(text: str, start: int, end: int, *, several: bool = False) -> Extraction | None:
    """The number that a text says in words, if it is exactly one; or the last of several."""
    found = [m for m in _IN_WORDS.finditer(text, start, end) if m[0].strip()][::-1]
    if not found or (len(found) > 1 and not several):
        return None
    total = group = 0
    for word in re.findall(r"[a-z]+", found[0][0].lower()):
        if word in _WORDS:
            group += _WORDS[word]
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in ("thousand", "million"):
            total, group = total + (group or 1) * 10 ** SCALES[word], 0
    said = found[0][0].rstrip(" -")
    return Extraction(answer=str(total + group), span=(found[0].start(), found[0].start() + len(said)))


# --- which number of a phrase -------------------------------------------------------------------------------------

_REMARK = re.compile(r"\s\([^()\n]*+\)[\s.*$]*+\Z")  # "12 (since 3 * 4 = 12)"
_EQUALS = re.compile(r"(?<![<>!])=|≈|≃|\\approx(?![a-z])")
_AROUND = r"[\s*_`$(\\\[\]){}]*"
_OPERATION = re.compile(rf"{_AROUND}(?:[-−–+*/×÷]|\\times|\\div|\\cdot|x(?=\s))\s?(?:\*\*)?[\s$(\\]*\d")
_UNFINISHED = re.compile(
    r"\s?(?:[+×÷^]|\*(?!\*)|\\times|\\cdot|\\div)\s?[(\d\\?]"
)  # "15 * (", where a number has to end
_FORMULA = re.compile(r"\\(?:sqrt|pi|log|ln|sin|cos|tan|theta|infty)(?![a-z])|\d!(?=\s*\})|√|π")  # more than a number
_OPERAND = re.compile(r"(?:\d[%\s]*(?:[-−–*/×÷]|\\times|\\cdot)|[\w)]\s?\+)\s?[$\\]*\Z")
_RANGE = re.compile(r"[\s$*]*(?:to|-|–)\s?[$*]*\d")
_BOLD = re.compile(r"\*\*([^*\n]{1,40})\*\*")
_DECIMAL_COMMA = re.compile(r",(\d{1,2})(?![\d,]|\s?,\s?\d)")
_HOUR = re.compile(r"(?<![\d:])(\d{1,2}):00(?![:\d])")
_STATES = re.compile(r"\b(?:is|are|equals)\s[$*\\(]*[\d.,]+[^\d.!?]{0,25}\Z")
_SENTENCES = re.compile(r"[.!?]\s+(?=[A-Z])")


def _begins(text: str, start: int, match: re.Match[str]) -> bool:
    """Whether nothing of weight stands between the start of a phrase and its number."""
    before = text[start : match.start()].strip(BLANK + "([{\\~:")
    return (
        not before
        or re.fullmatch(
            r"(?:about|around|approximately|exactly|only|a total of|[A-Za-z]\s?=|USD|Rs\.?|US)\W*", before, re.I
        )
        is not None
    )


def _without_remark(text: str, start: int, end: int) -> int:
    """Where a phrase ends without a remark in brackets behind its number: "12 (since 3 * 4 = 12)"."""
    remark = _REMARK.search(text, start, end)
    return remark.start() if remark and next(_numbers(text, start, remark.start()), None) else end


def number_in(text: str, start: int, end: int) -> Extraction | None:
    """The number of a phrase: "$18.00 per day", "3 + 4 = 7 (eggs)", "460 = 400 + 60"; None for a sum, a range, a time."""
    end = _without_remark(text, start, end)
    return _of_equation(text, start, end) or _of_side(text, start, end)


def _of_equation(text: str, start: int, end: int) -> Extraction | None:
    cuts = [start, *(m.end() for m in _EQUALS.finditer(text, start, end)), end]
    if len(cuts) == 2:
        return None
    sides = list(itertools.pairwise(cuts))
    first, last = sides[0], sides[-1]
    leading = next(_numbers(text, *first), None)
    others = next(_numbers(text, *last), None)
    if leading and others and _OPERATION.match(text, others.end(), last[1]):
        alone = _begins(text, first[0], leading) and not text[leading.end() : first[1]].strip(BLANK + "=)]}\\%")
        return _reading(leading) if alone else None  # "460 = 400 + 60", not "x = 400 + 60"
    return _of_side(text, *last)


def _of_side(text: str, start: int, end: int) -> Extraction | None:
    numbers = list(_numbers(text, start, end))
    if not numbers:
        hour = _HOUR.search(text, start, end)
        if hour:
            return Extraction(answer=str(int(hour[1])), span=hour.span(1))
        return None if NUMBER.search(text, start, end) else _in_words(text, start, end)
    first = numbers[0]
    if _FORMULA.search(text, start, end):
        return None
    if not _begins(text, start, first):
        found = concluded_number(text, start, end)
        if (
            found
            and found.span
            and (_OPERATION.match(text, found.span[1], end) or _OPERAND.search(text, start, found.span[0]))
        ):
            return None
        return found
    if _UNFINISHED.match(text, first.end(), end):
        return None
    if _OPERATION.match(text, first.end(), end) or _RANGE.match(text, first.end(), end):
        return None
    comma = _DECIMAL_COMMA.match(text, first.end(), end)
    if comma and text[first.start() - 1 : first.start()] in ("(", "[", "{"):
        return None  # a pair
    if comma and not (first["fraction"] or first["denominator"] or first["bare"] or "," in (first["whole"] or "")):
        value = canonical_number(f"{first[0]}.{comma[1]}")
        return Extraction(answer=value, span=(first.start(), comma.end())) if value else _reading(first)
    return _reading(first)


# --- the vague rule -----------------------------------------------------------------------------------------------

# Numbers that count or name something else: "day 3", "step 2", "5th", "at 5 p.m.", the "2." of a list.
_LABEL = re.compile(
    r"(?:\b(?:day|week|month|year|grade|chapter|question|problem|part|room|page|hour|level|step|option|no|number|case|item|stage)\.?\s#?|#)\Z",
    re.I,
)
_COUNTS = re.compile(r"(?:st|nd|rd|th)\b|\s?[ap]\.?m\b|:\d\d", re.I)
_ITEM = re.compile(r"^[\s*]*\d+[.)]\s+(?=\S)", re.M)


# In the last sentence the answer stands in the main clause: "needs 3 shelves to hold her 110 books", "If he has 5, she has 7".
_BEFORE = re.compile(r"\W*(?:if|after|since|because|when|with|in|for|given|as|of|out\sof|at)\b[^,]*,\s", re.I)
_CLAUSE = re.compile(
    r"\b(?:to\s[a-z]+|so\sthat|if|because|since|from|at|after|before|by|when|while|for|per|over|every|each|between|among|in|on|with|without|until|compared|than|whose|who|that|which|where|out\sof|of\sthe|within)\b",
    re.I,
)
_TURN = re.compile(
    r"\b(?:so|thus|therefore|hence|which\s(?:is|are|means|gives|leaves|equals)|or|leaving|totall?ing|a\stotal\sof|to\s(?:get|obtain))\b(?!\sthat)",
    re.I,
)
_ENDS = re.compile(
    r"\b(?:is|are|equals|be|was|were|total|totals)\s(?:a\stotal\sof\s|about\s|approximately\s|exactly\s|equal\sto\s|only\s|\*\*)*",
    re.I,
)


def _asides(text: str, match: re.Match[str]) -> bool:
    before = text[max(0, match.start() - 12) : match.start()]
    return _LABEL.search(before) is not None or _COUNTS.match(text, match.end()) is not None


def _is_percentage_of(text: str, earlier: Extraction, found: Extraction) -> bool:
    """Whether an earlier number is this one as a percentage, with its sign: of "25%, or 1/4" the answer is 25."""
    if not (earlier.span and earlier.answer and found.answer):
        return False
    behind = text[earlier.span[1] : earlier.span[1] + 2].lstrip("\\ ")
    return behind.startswith("%") and Fraction(earlier.answer) == 100 * Fraction(found.answer)


def _main(text: str, begin: int, end: int, numbers: list[re.Match[str]]) -> re.Match[str]:
    """The number of a sentence's main clause; of several turns of it, the last."""
    for turn in reversed(list(_TURN.finditer(text, numbers[0].end(), end))):
        behind = [number for number in numbers if number.start() >= turn.end()]
        if behind:
            before = [number for number in numbers if number.end() <= turn.start()][-1]
            one, other = _reading(before), _reading(behind[0])
            return before if one and other and _is_percentage_of(text, one, other) else behind[0]
    for verb in reversed(list(_ENDS.finditer(text, begin, end))):  # "... is 56 in total."
        behind = [number for number in numbers if number.start() >= verb.end()]
        if len(behind) == 1 and not text[verb.end() : behind[0].start()].strip(" $*\\("):
            return behind[0]
    lead = _BEFORE.match(text, begin, end)
    inside = [number for number in numbers if lead and number.start() >= lead.end()] or numbers
    clause = _CLAUSE.search(text, inside[0].end(), end)
    return [number for number in inside if not clause or number.start() < clause.start()][-1]


def concluded_number(text: str, start: int, end: int, result: Fraction | None = None) -> Extraction | None:
    """The number that a concluding sentence gives; result: of the last equation before it, which it may state."""
    item = _ITEM.match(text, start, end)
    begin = item.end() if item and item.end() < end else start
    end = _without_remark(text, begin, end)
    numbers = list(_numbers(text, begin, end))
    if not numbers:
        said = None if NUMBER.search(text, begin, end) else _in_words(text, begin, end, several=True)
        return said if said and said.answer not in ("0", "1") else None
    plain = [number for number in numbers if not _asides(text, number)] or numbers
    if _EQUALS.search(text, begin, end):
        return _reading(_after_equals(text, begin, end)) or _of_equation(text, begin, end) or _reading(plain[-1])
    bold = [n for b in _BOLD.finditer(text, begin, end) for n in plain if b.start() <= n.start() < b.end()]
    if bold:
        return _reading(bold[-1])
    stated = [number for number in plain if result is not None and _value(number) == result]
    turned = _TURN.search(text, plain[0].end(), plain[-1].start())
    return _reading(stated[-1] if stated and not turned else _main(text, begin, end, plain))


def _last_number(text: str, start: int) -> Extraction | None:
    """The number that the last sentence with a number gives."""
    if CUT.search(text, max(start, len(text) - 40)):
        return None
    for begin, end in last_sentences(text[: own_end(text, start)], start):
        found = concluded_number(text, begin, end, _result_before(text, start, begin))
        if found:
            return found
    return _reading(next(iter(list(_numbers(text, start, len(text)))[-1:]), None))


def _after_equals(text: str, start: int, end: int) -> re.Match[str] | None:
    for equals in reversed(list(_EQUALS.finditer(text, start, end))):
        number = next(_numbers(text, equals.end(), end), None)
        if number and not _OPERATION.match(text, number.end(), end):
            return number
    return None


def _result_before(text: str, start: int, end: int) -> Fraction | None:
    """The result of the last equation in front of the last sentence."""
    number = _after_equals(text, max(start, end - 600), end)
    return _value(number) if number else None


def _explicit_numbers(text: str, start: int) -> Iterator[Reading]:
    for one in statements(text, start):
        found = _of_statement(text, one)
        if found:
            yield one.rule, found


def _of_statement(text: str, one: Statement) -> Extraction | None:
    """The number that a statement gives; None where it gives nothing, an Extraction of None where what it gives is no number."""
    rule, (begin, end) = one.rule, one.boxes[-1] if one.boxes else one.span
    several = None if one.boxes else _SENTENCES.search(text, begin, end)
    first = next(_numbers(text, begin, end), None)
    if several and rule in ("contract", "phrase"):
        if not first or first.start() > several.start():
            return None  # "Answer: He has some eggs. He sells 3 of them ..." is a solution
        if rule == "contract" and not _begins(text, begin, first) and not _STATES.search(text, begin, several.start()):
            return None
    found = number_in(text, begin, several.start() if several else end)
    if (
        found is None
        and (
            (rule == "contract" and any(char.isdigit() for char in text[begin:end]))  # a time, a range, an open sum
            or ((one.boxes or rule == "boxed") and text[begin:end].strip(" .?_"))  # \\boxed{5x}: it is no number
        )
    ):
        return UNDECIDED
    return found


def read_number(text: str, start: int, vague: bool) -> Iterator[Reading]:
    text = text.translate(PLAIN_SIGNS)
    readings = _explicit_numbers(text, start)
    for rule, said in readings:
        earlier = next(readings, None) if said.answer and 0 < abs(Fraction(said.answer)) <= 1 else None
        if earlier and _is_percentage_of(text, earlier[1], said):
            yield earlier
        yield rule, said
        if earlier:
            yield earlier
    body = text[start:].strip(BLANK)
    first, _, below = body.partition("\n")
    paragraph = not below.strip(" \t\r").partition("\n")[0]  # else "1." may be the first of a list
    for whole in (body.strip("(").rstrip(f").{BLANK}"), first.rstrip(f".{BLANK}" if paragraph else BLANK)):
        if canonical_number(whole) is not None:
            offset = text.index(whole, start)
            yield "only", number_in(text, offset, offset + len(whole)) or Extraction(answer=None)
    if vague:
        found = _last_number(text, start)
        if found:
            yield "last", found
