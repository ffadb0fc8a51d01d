r"""Completion text -> answer, with the rule and the span that found it. Never sees gold.

One ladder of rules per answer type, used by every mode, from explicit to vague; the first rule that finds anything
decides, and within a rule the last match wins (a model may restate itself).

    rule        what it reads                                              types
    contract    a line `Answer: ...`, the form every prompt asks for       all
    boxed       the last \boxed{...}                                       all
    hashes      `#### ...`, the form of GSM8K's own solutions              number, latex
    phrase      "the (final|best|correct) answer is ..."                   all
    only        the whole output is nothing but an answer                  all
    marked      a letter in brackets or bold on the last line              letter
    option      the last line is the text of exactly one option            letter
    last_math   the last $...$ of the last paragraph                       latex
    last        the last number of the text                                number

`marked`, `option`, `last_math` and `last` are vague (`VAGUE`): where the text was cut at the token budget they don't
apply, since the last number of a text cut in mid-sentence is an accident.

Reasoning that a model puts between <think> and </think> is not searched; an unclosed <think> holds no answer.
Spans are character ranges [start, end) of the output as the engine returned it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from cotbench.types import LETTERS, AnswerType

VAGUE = frozenset({"marked", "option", "last_math", "last"})

MAX_ANSWER_CHARS = 1_000  # an answer longer than this is not one; MATH's longest gold has 159 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """answer: canonical for numbers ("42", "-0.5", "1/3") and letters ("C"), the text itself for LaTeX; None = unread."""

    answer: str | None
    rule: str = ""
    span: tuple[int, int] | None = None


NOTHING = Extraction(answer=None)

# --- building blocks ----------------------------------------------------------------------------------------------

_THINK_END = "</think>"
_THINK_START = "<think>"

# Digits with thousands separators (comma, or a space of some kind), an optional fraction part or a denominator.
_DIGITS = r"(?:\d{1,3}(?:(?:,|\{,\}|\\,|[ \u00a0\u202f])\d{3})+(?!\d)|\d+)"
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>[-−–]?)\s?(?P<currency>\\?[$€£¥]\s?)?(?P<sign2>[-−]?)"
    rf"(?:(?P<whole>{_DIGITS})(?P<fraction>\.\d+)?|(?P<bare>\.\d+))(?:\s?/\s?(?P<denominator>\d+(?:\.\d+)?))?"
)
_SEPARATORS = re.compile(r"\{,\}|\\,|[, \u00a0\u202f]")
_LATEX_FRACTION = re.compile(r"(?P<sign>[-−]?)\s*\\[dt]?frac\s*\{\s*(?P<n>-?\d+)\s*\}\s*\{\s*(?P<d>\d+)\s*\}")

_MARKUP = r"[ \t>*_`#\-•]*"
_CONTRACT = re.compile(
    rf"^{_MARKUP}(?:the\s+)?(?:final\s+)?answer{_MARKUP}[:：]{_MARKUP}\n?{_MARKUP}(?P<rest>\S[^\n]*)", re.I | re.M
)
_HASHES = re.compile(r"####[ \t]*(?P<rest>\S[^\n]*)")
_PHRASE = re.compile(
    r"\b(?:the|my|our|so|hence|thus|therefore,?)?\s*(?:final|best|correct|right)?\s*(?:answer|option|choice)\s+"
    r"(?:is|should be|must be|would be|=)\s*(?:therefore|thus|then|likely|clearly|simply|approximately|option|choice)?\s*[:：]?\s*(?P<rest>\S[^\n]*)",
    re.I,
)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*(?P<brace>\{)?")


def split_reasoning(text: str) -> tuple[int, bool]:
    """Where the visible answer begins, and whether a thought was left open.

    Chat templates may put "<think>" into the prompt, so that the output holds only "</think>".
    """
    end = text.rfind(_THINK_END)
    if end >= 0:
        return end + len(_THINK_END), False
    return (len(text), True) if text.lstrip().startswith(_THINK_START) else (0, False)


def boxed_spans(text: str) -> list[tuple[int, int]]:
    r"""The content of every closed \boxed{..} or \fbox{..}, in order; \boxed 5 gives "5". Linear in the text."""
    spans: list[tuple[int, int]] = []
    for match in _BOXED.finditer(text):
        start = match.end()
        if match["brace"] is None:
            bare = re.compile(r"[^\s$\\{}]+").match(text, start)
            if bare:
                spans.append(bare.span())
            continue
        depth, place, limit = 1, start, min(len(text), start + MAX_ANSWER_CHARS + 2)
        while place < limit and depth:
            char = text[place]
            if char == "\\":
                place += 1
            elif char == "{":
                depth += 1
            elif char == "}":
                depth -= 1
            place += 1
        if not depth:
            spans.append((start, place - 1))
    return spans


def _number_value(match: re.Match[str]) -> str | None:
    whole = _SEPARATORS.sub("", match["whole"] or "0")
    digits = whole + (match["fraction"] or match["bare"] or "")
    if len(digits) > 256:
        return None
    negative = bool(match["sign"] or match["sign2"])
    try:
        value = Fraction(Decimal(digits))
        if match["denominator"]:
            value /= Fraction(Decimal(match["denominator"]))
    except (InvalidOperation, ZeroDivisionError, ValueError):
        return None
    return show_number(-value if negative else value)


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
    text = text.strip()
    match = _NUMBER.fullmatch(text)
    return _number_value(match) if match else None


def _numbers(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[str, tuple[int, int]]]:
    limit = len(text) if end is None else end
    for match in _NUMBER.finditer(text, start, limit):
        value = _number_value(match)
        if value is not None:
            yield value, match.span()


# --- numbers ------------------------------------------------------------------------------------------------------


def _number_in(text: str, start: int, end: int) -> Extraction | None:
    """The number of a phrase such as "$18.00 per day" or "3 + 4 = 7": behind the last '=', else the first one."""
    equals = text.rfind("=", start, end)
    if equals >= 0:
        for value, span in _numbers(text, equals + 1, end):
            return Extraction(answer=value, span=span)
    fraction = _LATEX_FRACTION.search(text, start, end)
    if fraction and int(fraction["d"]):
        exact = Fraction(int(fraction["n"]), int(fraction["d"]))
        return Extraction(answer=show_number(-exact if fraction["sign"] else exact), span=fraction.span())
    for value, span in _numbers(text, start, end):
        return Extraction(answer=value, span=span)
    return None


def _read_number(text: str, start: int, vague: bool) -> Iterator[tuple[str, Extraction]]:
    for rule, pattern in (("contract", _CONTRACT), ("boxed", None), ("hashes", _HASHES), ("phrase", _PHRASE)):
        spans = [m.span("rest") for m in pattern.finditer(text, start)] if pattern else _boxes_from(text, start)
        for span in reversed(spans):
            found = _number_in(text, *span)
            if found:
                yield rule, found
    whole = text[start:].strip()
    if canonical_number(whole.rstrip(".")) is not None:
        offset = text.index(whole, start)
        found = _number_in(text, offset, offset + len(whole))
        if found:
            yield "only", found
    if vague:
        numbers = list(_numbers(text, start))
        if numbers:
            yield "last", Extraction(answer=numbers[-1][0], span=numbers[-1][1])


def _boxes_from(text: str, start: int) -> list[tuple[int, int]]:
    return [span for span in boxed_spans(text) if span[0] >= start]


# --- letters ------------------------------------------------------------------------------------------------------

# What may stand around a letter that is given as an answer: (C)  **C**  $\text{C}$  <C>  C) Plane  C. Plane
_LETTER_HEAD = re.compile(
    r"[\s*_`$<\"'“‘(\[{]*(?:\\(?:text|textbf|mathrm|mathbf|boxed|mathbf)\s*\{\s*)*\(?(?:(?:option|choice)\s+)?[\s*_`$<(\[]*"
    r"(?P<letter>[A-Z])(?![A-Za-z0-9'’°])(?!\s*(?:=|\+|/))",
)
_MARKED = re.compile(r"(?:\(|\[|\*\*|<)\s*(?P<letter>[A-Z])\s*(?:\)|\]|\*\*|>)")


def _letter_at(text: str, start: int, end: int, count: int) -> Extraction | None:
    match = _LETTER_HEAD.match(text, start, end)
    if match is None or match["letter"] not in LETTERS[:count]:
        return None
    # "Answer: A seems right" is not an answer given as a letter, "Answer: A" and "Answer: A) text" are.
    if match["letter"] == "A" and re.match(r"\s+[a-z]", text[match.end("letter") : end]):
        return None
    return Extraction(answer=match["letter"], span=match.span("letter"))


def _plain_words(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()


def _option_of(text: str, span: tuple[int, int], choices: Sequence[str]) -> Extraction | None:
    """The option whose text a span repeats, if it is exactly one."""
    said = _plain_words(text[span[0] : span[1]])
    hits = [i for i, choice in enumerate(choices) if said and _plain_words(choice) == said]
    return Extraction(answer=LETTERS[hits[0]], span=span) if len(hits) == 1 else None


def _read_letter(text: str, start: int, vague: bool, choices: Sequence[str]) -> Iterator[tuple[str, Extraction]]:
    count = len(choices)
    for rule, pattern in (("contract", _CONTRACT), ("boxed", None), ("phrase", _PHRASE)):
        spans = [m.span("rest") for m in pattern.finditer(text, start)] if pattern else _boxes_from(text, start)
        for span in reversed(spans):
            found = _letter_at(text, *span, count) or _option_of(text, span, choices)
            if found:
                yield rule, found
    body = text[start:].strip()
    offset = text.index(body, start) if body else start
    lines = body.splitlines()
    if len(lines) == 1 and re.fullmatch(r"[\s*_`$<(\[{]*[A-Z](?:[\s*_`$>)\]}.:]*|[).:]\s.*)", body):
        found = _letter_at(text, offset, offset + len(body), count)
        if found:
            yield "only", found
    if vague and lines:
        last = (offset + len(body) - len(lines[-1]), offset + len(body))
        marked = [m for m in _MARKED.finditer(text, *last) if m["letter"] in LETTERS[:count]]
        if marked:
            yield "marked", Extraction(answer=marked[-1]["letter"], span=marked[-1].span("letter"))
        found = _option_of(text, last, choices)
        if found:
            yield "option", found


# --- LaTeX --------------------------------------------------------------------------------------------------------

_MATH = re.compile(r"\$\$(?P<a>[^$]+)\$\$|\$(?P<b>[^$\n]+)\$|\\\((?P<c>.+?)\\\)|\\\[(?P<d>.+?)\\\]", re.S)


_WORD = re.compile(r"(?<![\\A-Za-z{])[A-Za-z]{2,}(?![A-Za-z}])")  # words outside commands and \text{..}


def _math_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    return [m.span(m.lastgroup) for m in _MATH.finditer(text, start, end) if m.lastgroup]


def _trim(text: str, start: int, end: int) -> Extraction | None:
    """A span without the space, dollars, bold and full stop around it."""
    while start < end and (text[start] in " \t\n*`" or (text[start] == "$" and text.count("$", start, end) <= 2)):
        start += 1
    while start < end and text[end - 1] in " \t\n*`.,;$":
        if text[end - 1] == "$" and text.count("$", start, end) > 1:
            break
        end -= 1
    return Extraction(answer=text[start:end], span=(start, end)) if 0 < end - start <= MAX_ANSWER_CHARS else None


def _latex_in(text: str, start: int, end: int) -> Extraction | None:
    """The formula of a phrase: a box in it, else its one $...$, else the phrase itself."""
    boxes = [span for span in boxed_spans(text[start : end + MAX_ANSWER_CHARS]) if span[0] < end - start]
    if boxes:
        return _trim(text, start + boxes[-1][0], start + boxes[-1][1])
    math = _math_spans(text, start, end)
    return _trim(text, *math[-1]) if math else _trim(text, start, end)


def _read_latex(text: str, start: int, vague: bool) -> Iterator[tuple[str, Extraction]]:
    for rule, pattern in (("contract", _CONTRACT), ("boxed", None), ("hashes", _HASHES), ("phrase", _PHRASE)):
        if pattern is None:
            for span in reversed(_boxes_from(text, start)):
                boxed = _trim(text, *span)
                if boxed:
                    yield rule, boxed
            continue
        for match in reversed(list(pattern.finditer(text, start))):
            found = _latex_in(text, *match.span("rest"))
            if found:
                yield rule, found
    body = text[start:].strip()
    offset = text.index(body, start) if body else start
    if vague and body and "\n" not in body and len(body) <= 100 and len(_WORD.findall(body)) <= 1:
        only = _latex_in(text, offset, offset + len(body))
        if only:
            yield "only", only
    if vague:
        math = _math_spans(text, max(start, text.rfind("\n\n")), len(text))
        if math:
            last = _trim(text, *math[-1])
            if last:
                yield "last_math", last


# --- the ladder ---------------------------------------------------------------------------------------------------


def extract(text: str, answer_type: AnswerType, choices: Sequence[str] = (), *, truncated: bool = False) -> Extraction:
    """Read the answer of one output.

    choices: the options of a multiple-choice question, in order. truncated: the output was cut at its token budget, so
    vague rules don't apply. Returns `NOTHING`-like extractions with the rule "unclosed_think" or "" where none is found.
    """
    start, unclosed = split_reasoning(text)
    if unclosed:
        return Extraction(answer=None, rule="unclosed_think")
    if answer_type is AnswerType.NUMBER:
        readings = _read_number(text, start, not truncated)
    elif answer_type is AnswerType.LETTER:
        readings = _read_letter(text, start, not truncated, choices)
    else:
        readings = _read_latex(text, start, not truncated)
    for rule, found in readings:
        return Extraction(answer=found.answer, rule=rule, span=found.span)
    return NOTHING
