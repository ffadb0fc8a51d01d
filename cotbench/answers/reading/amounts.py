"""Which number of a phrase or a sentence is meant, and what only looks like one."""

from __future__ import annotations

import re
from bisect import bisect_left
from fractions import Fraction
from itertools import islice

from cotbench.answers.reading import numerals
from cotbench.answers.reading.numerals import NUMBER, is_part, numbers_in, reading_of, value_of
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import BLANK, CJK, WORD_LETTER, caseless
from cotbench.answers.reading.rules import Extraction

# Units that are given together, the larger first: "4 hours and 30 minutes" is neither 4 nor 30.
_FAMILIES = (
    "years? months? weeks? days? (?:hours?|hrs?|h) (?:minutes?|mins?|min|m) (?:seconds?|secs?|sec|s)",
    "miles? yards? (?:feet|foot|ft) (?:inch(?:es)?|in)",
    "(?:kilomet(?:er|re)s?|km) (?:met(?:er|re)s?|m) (?:centimet(?:er|re)s?|cm)",
    "tons? (?:pounds?|lbs?) (?:ounces?|oz)",
    "(?:kilograms?|kg) (?:grams?|g)",
    "gallons? quarts? pints? cups?",
    "dollars? cents?",
    "(?:个?小时|時間|시간) (?:分钟?|分|분) (?:秒|초)",
    "(?:年|년) (?:个?月|개월) (?:天|日|일) (?:个?小时|時間)",
    "(?:公里|千米) 米 (?:厘米|公分)",
    "(?:元|块) 角 分",
)
_LARGER = "|".join(
    rf"(?:{'|'.join(units[:-1])})(?![A-Za-z]),?\s*(?:and\s+|&\s|零|又)?(?=\d[\d.,]*\s*(?:{'|'.join(units[1:])})(?![A-Za-z]))"
    for units in (family.split() for family in _FAMILIES)
)
_TOGETHER = caseless(rf"\s*(?:{_LARGER})")
_SMALLER = caseless(rf"(?P<unit>[a-z]+|[{CJK}]{{1,3}}),?\s*(?:and\s+|&\s|零|又)?\Z")
_CENTS = caseless(r"(?:\sdollars?)?,?\sand\s(?P<cents>\d{1,2})\scents?\b")
_UNIT = r"(?:\s?(?:%|[a-z°]+(?:\s[a-z]+)?))?"
_OR_WORD = (
    r"(?:,?\s+\(?(?:or|oder|ou|o|u|или|또는|혹은)\s+|\s*(?:或者?|还是|か|または|또는)\s*)(?:maybe\s|perhaps\s|about\s"
    r"|possibly\s)?[*$(]*"
)
_OR = caseless(rf"(?P<unit>{_UNIT})[*$]*(?:\s\([^()\n]{{1,60}}\))?{_OR_WORD}(?=[-−$\\.\d])")
_OR_BEFORE = caseless(rf"(?P<unit>{_UNIT})[*$]*{_OR_WORD}\Z")
_BETWEEN = caseless(r"\bbetween\s[*$(]*\Z")
_BETWEEN_AND = caseless(rf"\bbetween\s[*$(]*[-−$\d.,]{{1,20}}{_UNIT}[*$]*\sand\s[*$(]*\Z")
_UNIT_BEHIND = caseless(r"\s?(?P<unit>%|[a-z°]+)")
_REMARK = re.compile(r"\s\([^()\n]*+\)[\s.*$]*+\Z")  # "12 (since 3 * 4 = 12)"
EQUALS = re.compile(r"(?<![<>!])=|≈|≃|\\approx(?![a-z])")
_AROUND = r"[\s*_`$(\\\[\]){}]*"
OPERATION = re.compile(
    rf"{_AROUND}(?:[-−–+*/×÷±]|\\times|\\div|\\cdot|\\pm|x(?=\s)|(?:minus|plus|times|divided\sby|choose)(?=\s)"
    r"|[·∙])\s?(?:\*\*)?[\s$(\\]*\d"
)
_UNFINISHED = re.compile(  # "15 * (", "160 - r", "2(x + 3)", where a number has to end
    r"\s?(?:\(\s?[A-Za-z]\s?[-−+]|(?:[+×÷]|\^(?!\s?\\circ)|\*(?!\*)|\\times|\\cdot|\\div)\s?[(\d\\?]"
    rf"|(?:[-−–+×÷/]|\*(?!\*)|\\times|\\cdot|\\div)\s?\(?(?:[b-z](?![{WORD_LETTER}])|a(?=\s*(?:[.$)\\]|\Z))))"
)
_MORE_THAN_NUMBER = re.compile(r"\\(?:sqrt|pi|log|ln|sin|cos|tan|theta|infty)(?![a-z])|\d!(?=\s*\})|√|π")
_OPERAND = re.compile(
    r"(?:\d[%\s]*(?:[-−–*/×÷]|\\times|\\cdot|times|plus|minus|divided\sby)|[\w)]\s?[+×÷]|\w\s[*/]"
    r"|(?:(?<![A-Za-z])[A-Za-z]|\))\s?[-−–*/^])\s?[$\\]*\Z"
)
# "(3/2)P + 11", where 11 is no answer
_VARIABLE = re.compile(r"(?:(?<![A-Za-z'’])[A-Za-z]|\))\s?[-−–+*/×÷]\s?[$\\]*\Z")
_ADDS = re.compile(r"\s?%?\s(?:[+×÷]|\\times)\s\d")  # "an increase of 12.0 + 0.15%"
_SUM_IN_WORDS = re.compile(r"[A-Za-z]\s[+×÷]\s[A-Z(]?[a-z]")  # "Ann's age + Bo's age in 10 years"
_BOUND = caseless(r"(?:\b(?:less|more|greater|fewer|larger|smaller)\sthan\s|[<>≤≥]\s?)[$*]*\Z")
_COMPARED = re.compile(  # "50% > 39%", "7 and 8", "3, 5 and 7"
    r"[%\s]*(?:[<>≤≥]|\\(?:leq?|geq?|neq?|lt|gt)\b)"
    r"|(?:[\s$*]*(?:,|;|and|or|&)[\s$*]+(?:(?:and|or)\s)?\d[\d.,]*+)+[\s$*.)\]}\\]*\Z"
)
_RANGE = re.compile(r"[\s$*]*(?:to|through|until|--?|–|到|至)\s*[$*]*\d")
_TWO_UNKNOWNS = re.compile(
    r"(?<![A-Za-z])[A-Za-z]\s?=\s?[-−]?[\d.]+\s?(?:,|;|and|or|或者?|和)\s?(?:(?:and|or)\s)?[A-Za-z]\s?=\s?[-−]?\d"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,40})\*\*")
_DECIMAL_COMMA = re.compile(r",(\d{1,2})(?![\d,]|\s?,\s?\d)")
_HOUR = re.compile(r"(?<![\d:])(\d{1,2}):00(?![:\d])")
# "3 pens cost $4": what is counted is the subject, the answer stands behind the verb.
_VERB = caseless(
    r"\s(?:[a-z]+\s){1,3}(?:(?:and|minus|plus|times)\s\d+\s(?:[a-z]+\s){1,3})?(?:costs?|weighs?|is|are|was|were"
    r"|equals?|makes?|takes?|needs?|contains?|holds?|gives?|produces?|earns?|sells?\sfor|comes?\sto"
    r"|totals?)\s(?=[$€£*]*\d)"
)
_LEADS_TO_NUMBER = caseless(r"(?:about|around|approximately|exactly|only|a total of|from|[A-Za-z]\s?=|USD|Rs\.?|US)\W*")
_OF_NUMBER = re.compile(r"\s?%?\s(?:of|off)\s[$€£]?\d")
_TAG_BEFORE = re.compile(r"<[/|]?\w{1,20}[|]?\Z")
# Numbers that count or name something else: "day 3", "step 2", "5th", "at 5 p.m.", the "2." of a list.
_NUMBERED_THING = caseless(
    r"(?:\b(?:day|week|month|year|grade|chapter|question|problem|part|room|page|hour|level|step|option|no|number"
    r"|case|item|stage)\.?\s#?|#)\Z"
)
_COUNTS = caseless(r"(?:st|nd|rd|th)\b|\s?[ap]\.?m\b|:\d\d")
_HAN_TOTAL = re.compile(r"(?:共|总计|合计|等于|答案)(?:有|是|为|需要|需)?\s?\Z")  # "共有12种方法，分为3类"
# "is 7 when x = 4": a condition behind the value.
_CONDITION = re.compile(
    r",?\s(?:at|when|if|for|with|where|given(?:\sthat)?)\s(?:time\s)?[$\\(]*[A-Za-z]\s?(?:="
    r"|equals)\s?[-−]?[\d.]+[$\\)]*[.\s*]*\Z"
)
_BRACKETED = re.compile(r"[a-z]\s\((?P<n>[$€£]?[-−]?\d[\d.,]*)\)[.*\s]*\Z")  # "the number of pens left (7)"
_IN_BRACKETS = caseless(r"\((?=[^()\n]{0,40}[A-Za-z]{2})[^()\n]{0,80}\)")  # "60 minutes (or 1 hour)"
_NTH = caseless(r"\b(?:is|was|be)\s(?:in\s)?the\s\**(?P<n>\d{1,4})(?:st|nd|rd|th)\b[^,]{0,40}\Z")
_ITEM_NUMBER = re.compile(r"^[\s*]*\d+[.)]\s+(?=\S)", re.M)
# In a last sentence the answer stands in the main clause: "needs 3 shelves for 110 books", "If he has 5, she has 7".
_BEFORE = caseless(
    r"\W*(?:(?:so|thus|then|therefore),?\s)?(?:if|after|since|because|when|with|in|for|given|as|of|out\sof"
    r"|at)\b[^,]*,\s"
)
_CLAUSE = caseless(
    r"\b(?:to\s[a-z]+|so\sthat|if|because|since|from|at|after|before|by|when|while|for|per|over|every|each|between"
    r"|among|in|on|with|without|until|en|dans|pour|por|para|für|nach|durante|compared|than|whose|who|that|which"
    r"|where|out\sof|of\sthe|within)\b"
)
_PAYS = caseless(r"\b(?:spend|spent|pay|paid|cost|earn|make|made|save|owe|charge|receive|raise|worth|total)\w*\b")
_TURN = caseless(
    r"\b(?:(?:that|this)\smeans(?:\sthat)?|so|thus|therefore|hence|which\s(?:is|are|means|gives|leaves|equals)|or"
    r"|leaving|totall?ing|a\stotal\sof|to\s(?:get|obtain))\b(?!\sthat)"
)
_TOTAL = caseless(r"(?:\s[a-z]+){0,3}\s(?:in\s(?:total|all)|altogether|overall)\b")
# Two amounts beside each other, neither of which is the answer: "Jake has 7 peaches and Jill has 9".
_AND_OTHER = re.compile(
    r"(?:\s[a-z]+){0,5},?\sand\s(?:(?:[A-Z]\w*|s?he|it|they|there)\s(?:is|are|has|have|had)\s)?(?=[$€£]?[-−]?\d)"
)
_ENDS = caseless(
    r"\b(?:is|are|equals|be|was|were|total|totals)\s(?:a\stotal\sof\s|about\s|approximately\s|exactly\s|equal\sto\s"
    r"|only\s|\*\*|(?:USD|US|EUR|GBP|Rs\.?)(?![a-z])\s?)*"
)
_NAMES = caseless(r"\b(?:step|option|choice|question|problem|part|case|premise|statement)s?\.?\s#?\(?\Z")


def _measured_together(match: re.Match[str]) -> bool:
    """Tell whether a number is one of two that give one quantity in two units: "4 hours and 30 minutes"."""
    text = match.string
    if _TOGETHER.match(text, match.end()):
        return True
    before = _SMALLER.search(text, max(0, match.start() - 24), match.start())
    earlier = before and next(NUMBER.finditer(text, max(0, before.start() - 12), before.start()), None)
    return bool(earlier and _TOGETHER.match(text, earlier.end()))


def _with_cents(dollars: re.Match[str], cents: re.Match[str]) -> Extraction:
    """An amount of money in two units, as one: "3 dollars and 50 cents"."""
    value = value_of(dollars)
    assert value is not None
    amount = value + Fraction(int(cents["cents"]), 100)
    return Extraction(answer=numerals.show_number(amount), span=(dollars.start(), cents.end()))


def _one_of_two(match: re.Match[str], start: int, end: int) -> bool:
    """Tell whether a number is one of two that a text leaves open: "7 or 8"; not of "7 weeks or 49 days"."""
    text = match.string
    behind = _OR.match(text, match.end(), end)
    if behind and (other := NUMBER.match(text, behind.end(), end)) and not _measured_together(other):
        return _differ(match, behind["unit"], other, _UNIT_BEHIND.match(text, other.end(), end))
    if _BETWEEN.search(text, max(start, match.start() - 12), match.start()):
        return re.match(rf"{_UNIT}[*$]*\sand\s", text[match.end() : match.end() + 40]) is not None
    if _BETWEEN_AND.search(text, max(start, match.start() - 60), match.start()):
        return True
    before = _OR_BEFORE.search(text, max(start, match.start() - 40), match.start())
    if before is None:
        return False
    numbers = NUMBER.finditer(text, max(start, before.start() - 24), before.end())
    earlier = next((number for number in numbers if number.end() == before.start()), None)
    if earlier is None or _measured_together(earlier) or _OPERAND.search(text, start, earlier.start()):
        return False  # "30 - 12, or 18", "1 hour and 30 minutes, or 90 minutes"
    return _differ(earlier, before["unit"], match, _UNIT_BEHIND.match(text, match.end(), end))


def _differ(one: re.Match[str], unit: str, other: re.Match[str], behind: re.Match[str] | None) -> bool:
    """Tell whether two numbers are two answers, not one in two units or two forms."""
    first, second = value_of(one), value_of(other)
    own, others = unit.strip().lower().split(" ")[0], behind["unit"].lower() if behind else ""
    if first is None or second is None or first == second:
        return False
    if "%" in (own, others):  # 4/7 and 57.14%, to the precision at which people write them
        share, percentage = (second, first) if own == "%" else (first, second)
        if abs(percentage - 100 * share) <= Fraction(1, 2):
            return False
    own, others = ("" if name in ("st", "nd", "rd", "th") else name for name in (own, others))
    return not (own and others and own.rstrip("s") != others.rstrip("s"))


def begins(text: str, start: int, match: re.Match[str]) -> bool:
    """Tell whether nothing of weight stands between the start of a phrase and its number."""
    before = text[start : match.start()].strip(BLANK + "([{\\~:")
    return not before or _LEADS_TO_NUMBER.fullmatch(before) is not None


def _without_remark(text: str, start: int, end: int) -> int:
    """Find where a phrase ends without a remark in brackets behind its number: "12 (since 3 * 4 = 12)"."""
    remark = _REMARK.search(text, start, end)
    if remark is None or re.match(r"\s\((?:or|oder|ou|o)\b", remark[0]):
        return end
    outside = next(numbers_in(text, start, remark.start()), None)
    return remark.start() if outside and not _measured_together(outside) else end


def number_in(text: str, start: int, end: int) -> Extraction | None:
    """The number of a phrase: "$18.00 per day", "3 + 4 = 7 (eggs)", "460 = 400 + 60"; None for a sum or a range."""
    end = _without_remark(text, start, end)
    lead = NUMBER.search(text, start, end)
    open_ended = lead and begins(text, start, lead) and is_part(lead)  # "5 choose 2"
    if _TWO_UNKNOWNS.search(text, start, end) or (open_ended and not EQUALS.search(text, start, end)):
        return None
    return _of_equation(text, start, end) or _of_side(text, start, end)


def _of_equation(text: str, start: int, end: int) -> Extraction | None:
    cuts = [start, *(m.end() for m in EQUALS.finditer(text, start, end)), end]
    if len(cuts) == 2:
        return None
    first, last = (cuts[0], cuts[1]), (cuts[-2], cuts[-1])
    leading = next(numbers_in(text, *first), None)
    others = next(numbers_in(text, *last), None)
    if leading and others and OPERATION.match(text, others.end(), last[1]):
        alone = begins(text, first[0], leading) and not text[leading.end() : first[1]].strip(BLANK + "=)]}\\%")
        return reading_of(leading) if alone else None  # "460 = 400 + 60", not "x = 400 + 60"
    return _of_side(text, *last)


def is_bound(text: str, start: int, span: Span) -> bool:
    """Tell whether a number is what the answer is less or more than: "less than 5"; not the 5 of "<5>"."""
    bound = _BOUND.search(text, max(start, span[0] - 20), span[0])
    if bound is None or (bound[0][0] == "<" and ">" in text[span[1] : span[1] + 30]):
        return False  # "<5 apples>"
    quoted = text[: bound.start()].endswith("\n") or _TAG_BEFORE.search(text, max(start - 30, 0), bound.start())
    return not (bound[0][0] == ">" and quoted)


def _is_no_answer(text: str, span: Span, start: int, end: int) -> bool:
    """Tell whether a phrase leaves open what its number is: "7 or 8", "less than 5", "step 4", "5 * 4 - "."""
    return bool(
        is_open(text, span, start, end)
        or beside_another(text, start, end)
        or is_bound(text, start, span)
        or _NUMBERED_THING.search(text, max(start, span[0] - 12), span[0])
        or OPERATION.match(text, span[1], end)
        or _OPERAND.search(text, start, span[0])
    )


def _of_side(text: str, start: int, end: int) -> Extraction | None:
    numbers = list(numbers_in(text, start, end))
    if not numbers:
        if hour := _HOUR.search(text, start, end):
            return Extraction(answer=str(int(hour[1])), span=hour.span(1))
        words = numerals.in_words(text, start, end) or numerals.in_han(text, start, end)
        return None if NUMBER.search(text, start, end) else words
    first = numbers[0]
    if _MORE_THAN_NUMBER.search(text, start, end):
        return None
    if not begins(text, start, first):
        if _SUM_IN_WORDS.search(text, start, end) and not EQUALS.search(text, start, end):
            return None
        found = concluded_number(text, start, end)
        return None if found and found.span and _is_no_answer(text, found.span, start, end) else found
    if _UNFINISHED.match(text, first.end(), end):
        return None
    cents = _CENTS.match(text, first.end(), end)
    if not cents and _measured_together(first):
        whole = [number for number in numbers if not _measured_together(number)]
        return reading_of(whole[0]) if len(whole) == 1 else None  # "1 hour and 30 minutes (90 minutes)"
    share = first["denominator"] or "%" in text[first.end() : first.end() + 2]
    of_another = share and _OF_NUMBER.match(text, first.end())  # "50% of 80", "3/4 of 12"
    if _one_of_two(first, start, end) or is_bound(text, start, first.span()) or _COMPARED.match(text, first.end(), end):
        return None
    if not cents and (of_another or beside_another(text, start, end)):
        return None
    if verb := _VERB.match(text, first.end(), end):
        return _of_side(text, verb.end(), end)
    if cents:
        return _with_cents(first, cents)
    if OPERATION.match(text, first.end(), end) or _RANGE.match(text, first.end(), end):
        return None
    comma = _DECIMAL_COMMA.match(text, first.end(), end)
    if comma and text[first.start() - 1 : first.start()] in ("(", "[", "{"):
        return None  # a pair
    if comma and not (first["fraction"] or first["denominator"] or first["bare"] or "," in (first["whole"] or "")):
        value = numerals.canonical_number(f"{first[0]}.{comma[1]}")
        return Extraction(answer=value, span=(first.start(), comma.end())) if value else reading_of(first)
    return reading_of(first)


def is_percentage_of(text: str, earlier: Extraction, found: Extraction) -> bool:
    """Tell whether an earlier number is this one as a percentage, with its sign: of "25%, or 1/4" the answer is 25."""
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
            one, other = reading_of(before), reading_of(behind[0])
            if one and other and is_percentage_of(text, one, other):
                return before
            counted = len(behind) > 1 and _VERB.match(text, behind[0].end(), end)  # "so 6 pens cost 9 dollars"
            return behind[1] if counted else behind[0]
    for verb in reversed(list(_ENDS.finditer(text, begin, end))):  # "... is 56 in total."
        behind = [number for number in numbers if number.start() >= verb.end()]
        if len(behind) == 1 and not text[verb.end() : behind[0].start()].strip(" $*\\("):
            return behind[0]
    totals = [number for number in numbers if _TOTAL.match(text, number.end(), end)]
    if len(totals) == 1 and len(numbers) > 1:
        return totals[0]
    lead = _BEFORE.match(text, begin, end)
    inside = [number for number in numbers if lead and number.start() >= lead.end()] or numbers
    clause = _CLAUSE.search(text, inside[0].end(), end)
    main = [number for number in inside if not clause or number.start() < clause.start()]
    money = [number for number in main if number["currency"]]
    return money[0] if len(money) == 1 and _PAYS.search(text, begin, money[0].start()) else main[-1]


def concluded_number(text: str, start: int, end: int, before: int | None = None) -> Extraction | None:
    """The number that a concluding sentence gives; before: where the text begins whose last equation it may state."""
    item = _ITEM_NUMBER.match(text, start, end)
    begin = item.end() if item and item.end() < end else start
    end = _without_remark(text, begin, end)
    numbers = list(numbers_in(text, begin, end))
    if not numbers:
        said = numerals.in_words(text, begin, end, several=True) or numerals.in_han(text, begin, end)
        return said if said and said.answer not in ("0", "1") and not NUMBER.search(text, begin, end) else None
    last = _NTH.search(text, begin, end) or _BRACKETED.search(text, begin, end)
    if last and (number := next(numbers_in(text, *last.span("n")), None)):
        return reading_of(number)
    remarks = [m.span() for m in _IN_BRACKETS.finditer(text, numbers[0].end(), end)]
    numbers = [n for n in numbers if not any(a <= n.start() < b for a, b in remarks)] or numbers
    amounts = [(number, cents) for number in numbers if (cents := _CENTS.match(text, number.end(), end))]
    if len(amounts) == 1 and len(numbers) == 2:
        return _with_cents(*amounts[0])
    numbers = [number for number in numbers if not _measured_together(number)]
    if not numbers:
        return None
    equals = [m for m in EQUALS.finditer(text, begin, end) if not any(n.start() >= m.end() for n in numbers)]
    end = equals[0].start() if equals else end  # "90 minutes = 1 hour 30 minutes"
    numbers = [n for n in numbers if not _NAMES.search(text, max(begin, n.start() - 14), n.start())]
    if not numbers:
        return None
    thing = _NUMBERED_THING.search
    asides = [n for n in numbers if thing(text, max(0, n.start() - 12), n.start()) or _COUNTS.match(text, n.end())]
    plain = [number for number in numbers if number not in asides] or numbers
    if condition := _CONDITION.search(text, plain[0].end(), end):
        return concluded_number(text, begin, condition.start())
    if EQUALS.search(text, begin, end):
        side = [*EQUALS.finditer(text, begin, end)][-1].end()
        verbs = [n for v in _ENDS.finditer(text, side, end) for n in plain if n.start() == v.end()]
        if verbs:  # "the value of y at x = 4 is 7"
            return reading_of(verbs[-1])
        return reading_of(after_equals(text, begin, end)) or _of_equation(text, begin, end) or reading_of(plain[-1])
    in_all = [n for n in plain if _HAN_TOTAL.search(text, max(begin, n.start() - 8), n.start())]
    if len(in_all) == 1 and len(plain) > 1:
        return reading_of(in_all[0])
    bold = [n for b in _BOLD.finditer(text, begin, end) for n in plain if b.start() <= n.start() < b.end()]
    if bold:
        return reading_of(bold[-1])
    equation = None if before is None else after_equals(text, max(before, start - 600), start)
    result = value_of(equation) if equation else None
    lead = _BEFORE.match(text, begin, end)
    main = [number for number in plain if not lead or number.start() >= lead.end()]
    stated = [number for number in main if result is not None and value_of(number) == result]
    turned = _TURN.search(text, plain[0].end(), plain[-1].start())
    return reading_of(stated[-1] if stated and not turned else _main(text, begin, end, plain))


def is_open(text: str, span: Span, begin: int, end: int) -> bool:
    """Tell whether a number is one of two alternatives, or the first term of a sum: "is 44 - 3T"."""
    if _VARIABLE.search(text, begin, span[0]) or any(_one_of_two(n, begin, end) for n in numbers_in(text, *span)):
        return True
    if _ADDS.match(text, span[1], end) and not EQUALS.search(text, begin, end):
        return True
    goes_on = OPERATION.match(text, span[1], end) or _UNFINISHED.match(text, span[1], end)
    return goes_on is not None and any(verb.end() == span[0] for verb in _ENDS.finditer(text, begin, end))


def beside_another(text: str, begin: int, end: int) -> bool:
    """Tell whether a sentence gives two amounts and no more: "Jake has 7 peaches and Jill has 9"."""
    numbers = list(islice(numbers_in(text, begin, end), 3))
    if len(numbers) != 2 or EQUALS.search(text, begin, end) or _TURN.search(text, begin, end):
        return False
    joint = _AND_OTHER.match(text, numbers[0].end(), end)
    return joint is not None and joint.end() == numbers[1].start()


def after_equals(text: str, start: int, end: int) -> re.Match[str] | None:
    """The last number behind an equals sign that is its side's value, not an operand."""
    numbers = list(numbers_in(text, start, end))
    places = [number.start() for number in numbers]
    for equals in reversed(list(EQUALS.finditer(text, start, end)) if numbers else []):
        at = bisect_left(places, equals.end())
        if at < len(numbers) and not OPERATION.match(text, numbers[at].end(), end):
            return numbers[at]
    return None
