r"""What a number looks like, and what it is worth: in digits and LaTeX, in English words, in Chinese numerals."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import lru_cache

from cotbench.answers.reading.patterns import BLANK, WORD_LETTER, caseless
from cotbench.answers.reading.rules import Extraction

# Digits with thousands separators: a comma, a space of some kind, an apostrophe, Python's underscore; points only where
# there are several; groups of two as in India.
_DIGITS = (
    r"(?>\d{1,3}(?:(?:,(?:\\!)?|\{,\}|\\,|\\?_|[ \u00a0\u2009\u202f'’])\d{3})++(?!\d)|\d{1,3}(?:\.\d{3}){2,}+(?!\d)"
    r"|\d{1,2}(?:,\d\d)+,\d{3}(?!\d)|\d++)"
)
_MINUS = r"[-−–‑－]"
_VULGAR = "½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒"
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_HANS = {"万": 4, "萬": 4, "億": 8, "亿": 8, "만": 4, "억": 8, "千": 3, "百": 2, "천": 3}
SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_SHORT_SCALES = {"k": 3, "m": 6, "mn": 6, "b": 9, "bn": 9, "t": 12}  # behind an amount of money; "k" behind any number
# Codes of currencies, which may touch their number.
_CODES = "USD|EUR|GBP|CHF|JPY|CNY|RMB|INR|CAD|AUD|NZD|HKD|SGD|SEK|NOK|DKK|MXN|BRL|ZAR|KRW|TWD|PKR|NGN|KES"
_SIGN_WORD = (  # "10 minus 12" subtracts
    r"(?:negative\s+|负|負|零下|マイナス|마이너스\s?|(?:(?<=\bis\s)|(?<=\bes\s)|(?<=\best\s)|(?<=\bist\s)|(?<=[:=]\s))(?:minus"
    r"|menos|moins|минус)\s+|(?:(?<=\bis\s)|(?<=\bare\s)|(?<=\bbe\s)|(?<=\bwas\s)|(?<=\bequals\s)|(?<=\bof\s)"
    r"|(?<=\bto\s)|(?<=\bwith\s)|(?<=\bget\s)|(?<=[:=*(]\s)|(?<=[:=*({])|^)minus\s+)"
)
_FREE_OF_WORDS = (
    rf"(?:(?<![{WORD_LETTER}0-9.])|(?<=\bRs\.)|(?<=\b(?:{_CODES})))(?<![{WORD_LETTER}0-9]_)(?<!\d,)(?<!_\{{)(?<!\d:)"
)
# A minus that stands apart is a sign only behind ":", "=" or bold: elsewhere it subtracts, or marks an item of a list.
_SIGNED = (
    rf"(?P<sign>{_SIGN_WORD}|(?<=[:=*]\s){_MINUS}\s|{_MINUS}?)"
    rf"(?P<currency>(?:US|CA|AU)?\\?[$€£¥₹]\s?)?(?P<sign2>{_MINUS}?)"
)
_LATEX_FRACTION = (
    r"(?:(?P<units>\d{1,6})\s?)?\\[dtc]?frac\s?"
    r"(?:\{\s?(?P<n>-?\d+)\s?\}\s?\{\s?(?P<d>\d+)\s?\}|(?P<n1>\d)\s?(?P<d1>\d))"
)
_VULGAR_FRACTION = rf"(?P<units3>\d{{1,6}})?\s?(?P<vulgar>[{_VULGAR}])"
_DECIMAL = (
    r"(?:(?P<units2>\d{1,6})\s(?=\d{1,2}/\d))?(?:(?P<euro>\d{1,3}(?:\.\d{3})++,\d{1,2}(?!\d))"
    rf"|(?P<whole>{_DIGITS})(?P<fraction>\.\d++)?+|(?P<bare>\.\d++))"
    rf"(?!:\d|\.\d|[xyznrqui](?![{WORD_LETTER}0-9])|e(?![{WORD_LETTER}0-9+-])|x[0-9a-f])"
    r"(?:\s?/\s?(?P<denominator>\d+(?:\.\d+)?)(?!/))?"
)
_POWER = (
    r"(?:[eE](?P<exponent>[-+]?\d{1,2})(?!\w)|\s?(?:\\times|\\cdot|[×*·x])\s?10\s?"
    r"(?:(?:\^|\*\*)\s?\{?(?P<power>[-−]?\d{1,2})(?!\d)\}?|(?P<power2>⁻?[⁰¹²³⁴-⁹]{1,2}))"
    r"|\s?\^\s?(?:\{\s?(?P<raised>[-−]?\d{1,3})\s?\}|(?P<raised2>[-−]?\d{1,3})(?![\d.]))"
    r"|(?P<raised3>⁻?[⁰¹²³⁴-⁹]{1,3}))?"
)
_SCALED = (
    r"(?:(?:\s|\\?\s?\\text\{\s?|-)?(?P<scale>hundred|thousand|million|billion|trillion|dozen)"
    rf"(?![{WORD_LETTER}])|\s?(?P<hans>[{''.join(_HANS)}])(?![米克瓦卡])"
    rf"|(?(currency)(?P<short>\s?[bm]n|[kmbt])(?![{WORD_LETTER}0-9])|(?P<kilo>k)(?![{WORD_LETTER}0-9])))?"
)
NUMBER = caseless(rf"{_FREE_OF_WORDS}{_SIGNED}(?:{_LATEX_FRACTION}|{_VULGAR_FRACTION}|{_DECIMAL}{_POWER}{_SCALED})")
_SEPARATORS = re.compile(r"\{,\}|\\,|\\!|\\?_|[, \u00a0\u2009\u202f'’]")
# What makes of a number a part of something larger, whose value it isn't: a root, a power, a multiple of pi.
_IN_FRONT = (
    r"[√∛±|⌊⌈]|根号|\b(?:half|thirds?|quarters?|fifths?)\sof(?:\sthe)?",
    r"\b(?:twice|double|triple|thrice|times|not|(?:square|cube|root|factorial)\sof(?:\sthe)?|square\sroot\sof)",
    r"-\(|\\sqrt(?:\s?\[\d\])?|\bsqrt\s?\(?|\\?\b(?:arc)?(?:log|ln|sin|cos|tan)(?:_\{?)?|[A-Za-z]\(|π|\\pi",
    r"\^|\*\*(?<=[A-Za-z0-9)]\*\*)",
)
_INSIDE = re.compile(rf"(?:{'|'.join(_IN_FRONT)})\s?[{{(]?\s?\Z")
_BEHIND = (
    r"\\?sqrt\b|√|π|\\pi(?![a-z])|pi\b|\^(?!\s?\{?\s?(?:\\circ|o\b|\\text|\\mathrm|th|st|nd|rd))",
    r"\\(?:log|ln|sin|cos|tan)\b|[ⁿˣ]|\s(?:squared|cubed|factorial|rounded|remainder)\b|\sto\sthe\spower\b",
    r"\s?(?:mod|div|choose)\s?\d|\s?·\s?\d|(?<=\d)\(\s?\d|(?-i:[CPR]\d|\sR\s\d)",
    r"\s?\*\s?\\?(?:sqrt|√|π|pi|log|sin|cos|tan)|~~|_\{?\d|[₀-₉]|!!|\s:\s\d|\svs\.?\s|'\d|(?:\s[a-z]+)?\sbelow\szero",
    r"个?半|的(?:平方|立方|\d*\s?次方|阶乘)",
    rf"\s?(?:[×*·]|\\times|\\cdot)\s?[A-Za-z](?![{WORD_LETTER}])|[A-Z](?=\s*(?:\\\)|\$|[-+*/=)]))",
    rf"\)\s?[A-Z](?![{WORD_LETTER}])",
)
_MULTIPLIES = re.compile(rf"\s?(?:{'|'.join(_BEHIND)})")
_ONES = (
    "zero one two three four five six seven eight nine ten"
    " eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS = {word: i for i, word in enumerate(_ONES.split())} | {word: 10 * i for i, word in enumerate(_TENS.split(), 2)}
_PART_WORDS = "half third thirds quarter quarters fourths fifth fifths sixths eighths tenths"
_PARTS = dict(zip(_PART_WORDS.split(), (2, 3, 3, 4, 4, 4, 5, 5, 6, 8, 10), strict=True))
_ANY = "|".join(sorted(_WORDS, key=len, reverse=True))
_TIMES: dict[str, int] = {word: 10**power for word, power in SCALES.items()} | {"dozen": 12}
_BIG = "|".join(_TIMES)
_JOIN = r"(?:\s|-)"
_IN_WORDS = caseless(
    rf"(?P<minus>\b(?:negative|minus)\s)?\b(?P<half>half\s(?=an?\s))?(?:an?\s(?=(?:{_BIG})\b)"
    rf"|(?:{_ANY})\b)(?:(?<=\s)(?:{_BIG})\b)?(?:(?:{_JOIN}|,\s)(?:(?:{_ANY}|{_BIG})\b"
    rf"|and{_JOIN}(?!(?:one|two|three|four){_JOIN}(?:{'|'.join(_PARTS)})\b)(?:{_ANY})\b)){{0,14}}"
    rf"(?P<point>\spoint(?:\s(?:{_ONES.replace(' ', '|')})\b){{1,6}})?(?:\s(?:and\s)?(?P<count>an?|one|two|three"
    rf"|four)(?:\s|-)(?P<part>{'|'.join(_PARTS)})\b(?:\s(?P<then>hundred|thousand|million|billion|dozen)\b)?)?"
)
# "one half", "three quarters"; "a third" may be the third of something.
_FRACTION = caseless(
    rf"\b(?P<count>an?(?=\shalf)|one|two|three|four|five|six|seven|eight|nine)(?:\s|-)(?P<part>{'|'.join(_PARTS)})\b"
)
_AND_A_HALF = caseless(
    rf"\sand\s(?P<count>an?|one|two|three)(?:\s|-)(?P<part>{'|'.join(_PARTS)})\b(?!\s(?:of|person|time))"
)
_REST = caseless(rf"\s(?:and\s)?(?=(?:{_ANY})\b)")
# Chinese and Japanese numerals: "三百二十", "三分之一"; one alone may be part of a word.
_HAN_DIGITS = dict(zip("零〇一二两兩三四五六七八九", (0, 0, 1, 2, 2, 2, 3, 4, 5, 6, 7, 8, 9), strict=True))
_HAN_UNITS = {"十": 10, "百": 100, "千": 1_000}
_HAN_BIG = {"万": 10**4, "亿": 10**8}
_HAN_RUN = re.compile(
    r"(?P<first>[零〇一二两兩三四五六七八九十百千万亿]{1,14})(?:分之(?P<second>[一二两三四五六七八九十百]{1,8}))?"
)
_HAN_ALONE = re.compile(r"(?:个|元|只|本|人|米|岁|天|条|张|支|块|倍|次|です|だ|입|[。.]|\s*\Z)")


@lru_cache(maxsize=1_024)
def _plain_value(digits: str) -> Fraction:
    return Fraction(int(digits))


def value_of(match: re.Match[str]) -> Fraction | None:
    said = match[0]
    if said.isascii() and said.isdigit() and len(said) <= 256:  # most are plain, and this is five times as fast
        return _plain_value(said)
    if any(len(group) > 256 for group in match.groups() if group):
        return None
    whole = _SEPARATORS.sub("", match["whole"] or "0")
    if match["euro"]:
        whole = match["euro"].replace(".", "").replace(",", ".")
    if whole.count(".") > 1:
        whole = whole.replace(".", "")
    try:
        if match["n"] or match["n1"]:
            value = Fraction(int(match["n"] or match["n1"]), int(match["d"] or match["d1"]))
        elif match["vulgar"]:
            value = Fraction(unicodedata.numeric(match["vulgar"])).limit_denominator(10)
        else:
            value = Fraction(Decimal(whole + (match["fraction"] or match["bare"] or "")))
            value *= Fraction(10) ** _small(match["exponent"] or match["power"] or match["power2"] or "0")
        if match["denominator"]:
            value /= Fraction(Decimal(match["denominator"]))
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return None
    raised = match["raised"] or match["raised2"] or match["raised3"]
    if raised:
        if len(str(value)) * abs(_small(raised)) > 256 or (value == 0 and _small(raised) < 0):
            return None
        value **= _small(raised)
    value += int(match["units"] or match["units2"] or match["units3"] or 0)
    short = match["short"] or match["kilo"]
    power = _HANS.get(match["hans"] or "", 0) + (_SHORT_SCALES[short.strip().lower()] if short else 0)
    value *= Fraction(10) ** power * _TIMES.get((match["scale"] or "").lower(), 1)
    return -value if match["sign"] or match["sign2"] else value


def _small(said: str) -> int:
    """An exponent, which may be in superscripts."""
    return int(said.translate(_RAISED))


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
    value = value_of(match) if match else None
    return None if value is None else show_number(value)


def is_part(match: re.Match[str]) -> bool:
    """Tell whether a number is a part of a larger expression: √66, 200/π, 5^n."""
    text, (start, end) = match.string, match.span()
    if match["hans"] and text[end : end + 1].isdigit() and not _in_a_call(text, start):  # 3万5千
        return True
    fraction = bool(match["n"] or match["n1"])
    if fraction and not _in_a_call(text, start) and re.match(r"\s?[A-Za-z](?![A-Za-z])", text[end : end + 3]):
        return True  # \frac{1}{12}x
    return _stands_in_more(text, start, end)


def _in_a_call(text: str, start: int) -> bool:
    return text[max(0, start - 7) : start].lower().endswith(("answer(", "finish("))


@lru_cache(maxsize=64)  # each number of a text is asked about several times
def _stands_in_more(text: str, start: int, end: int) -> bool:
    if _MULTIPLIES.match(text, end) is not None:
        return True
    return not _in_a_call(text, start) and _INSIDE.search(text, max(0, start - 12), start) is not None


def numbers_in(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    return (m for m in NUMBER.finditer(text, start, end) if value_of(m) is not None and not is_part(m))


def reading_of(match: re.Match[str] | None) -> Extraction | None:
    value = value_of(match) if match else None
    if match is None or value is None:
        return None
    half = _AND_A_HALF.match(match.string, match.end())
    if half and value >= 0:  # "5 and a half hours"
        return Extraction(answer=show_number(value + _parts(half)), span=(match.start(), half.end()))
    if match["scale"] and match["scale"].lower() in SCALES:  # "3 hundred and forty one"
        rest = _REST.match(match.string, match.end())
        said = in_words(match.string, rest.end(), rest.end() + 40) if rest else None
        if said and said.answer and said.span and Fraction(said.answer) < 10 ** SCALES[match["scale"].lower()]:
            return Extraction(answer=show_number(value + Fraction(said.answer)), span=(match.start(), said.span[1]))
    return Extraction(answer=show_number(value), span=match.span())


def _parts(match: re.Match[str]) -> Fraction:
    """The fraction that a count of parts means: "three quarters"."""
    return Fraction(_WORDS.get(match["count"].lower(), 1), _PARTS[match["part"].lower()])


def _said_in_words(match: re.Match[str]) -> Fraction | None:
    """The number that a run of number words means; None for several in a row ("seven eight")."""
    said = match[0].lower()
    total, group, last = Fraction(0), Fraction(0), 0
    if match["point"]:
        said = said[: match.start("point") - match.start()]
    elif match["part"]:
        said = said[: match.start("count") - match.start()].removesuffix("and ")
    for word in re.findall(r"[a-z]+", said):
        if word in _WORDS:
            value = _WORDS[word]
            if last and (value >= 10 or last < 20):  # "five six"
                return None
            group, last = group + value, value
            continue
        if word == "and" and total + group < 100:
            return None  # "two and three"
        if word == "hundred":
            group = (group or Fraction(1)) * 100
        elif word in _TIMES:
            total, group = total + (group or 1) * _TIMES[word], Fraction(0)
        last = 0
    total += group
    if match["point"]:
        digits = "".join(str(_WORDS[word]) for word in match["point"].lower().split()[1:])
        total += Fraction(Decimal(f"0.{digits}"))
    if match["part"]:
        total = (total + _parts(match)) * _TIMES.get((match["then"] or "").lower(), 1)
    return total / (2 if match["half"] else 1) * (-1 if match["minus"] else 1)


def in_words(text: str, start: int, end: int, *, several: bool = False) -> Extraction | None:
    """The number that a text says in words, if it is exactly one; or the last of several."""
    fractions = list(_FRACTION.finditer(text, start, end))
    whole = _FRACTION.fullmatch(text[start:end].strip(f" .{BLANK}"))
    if whole and len(fractions) == 1:
        return Extraction(answer=show_number(_parts(whole)), span=fractions[0].span())
    found = list(_IN_WORDS.finditer(text, start, end))[::-1]
    if not found or (len(found) > 1 and not several):
        return None
    value = _said_in_words(found[0])
    return None if value is None else Extraction(answer=show_number(value), span=found[0].span())


def _han_value(run: str) -> int:
    """The number that a run of Chinese numerals means."""
    total = section = digit = 0
    for sign in run:
        if sign in _HAN_DIGITS:
            digit = _HAN_DIGITS[sign]
        elif sign in _HAN_UNITS:
            section, digit = section + (digit or 1) * _HAN_UNITS[sign], 0
        else:
            total, section, digit = total + (section + digit or 1) * _HAN_BIG[sign], 0, 0
    return total + section + digit


def in_han(text: str, start: int, end: int) -> Extraction | None:
    """The number that a phrase says in Chinese numerals, the last of several."""
    for run in reversed(list(_HAN_RUN.finditer(text, start, end))):
        leads = not text[start : run.start()].strip(BLANK + ":")
        first, second = _han_value(run["first"]), run["second"]
        if (len(run[0]) == 1 and not (leads and _HAN_ALONE.match(text, run.end(), end))) or (second and not first):
            continue
        value = Fraction(_han_value(second), first) if second else Fraction(first)
        return Extraction(answer=show_number(value), span=run.span())
    return None
