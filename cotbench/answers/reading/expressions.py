r"""Reading an arithmetic expression that an output answers with, as in the Game of 24: "(8 - 4) * (8 - 6) = 24".

Policies, beside those of `reading`:

* The answer is the expression, in one notation: LaTeX and Unicode signs, "x" between numbers, square brackets and
  \frac are written as + - * / and round brackets. What it is said to equal is no part of it.
* Of several in a statement the one with most numbers is meant, of equals the last: a solution in steps ("8 - 4 = 4,
  8 - 6 = 2, 4 * 2 = 8") isn't one expression, and is wrong.
* A number alone is no expression: "Answer: 24" states nothing, and the expression in front of it counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cotbench.answers.notation.arithmetic import parsed, written
from cotbench.answers.notation.signs import FULL_WIDTH, INVISIBLE
from cotbench.answers.reading.declines import asks_for_more
from cotbench.answers.reading.endings import last_sentences, own_end
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import WORD_LETTER, caseless
from cotbench.answers.reading.rules import OF_EXPRESSIONS, REFUSAL, Extraction, Reading, Rule
from cotbench.answers.reading.stated import gives_none, held, own_body, stated
from cotbench.answers.reading.statements import Statement, statements

MOST_CHARS = 600  # of a statement or sentence that is looked at
_MOST_FRACTIONS = 20
# Signs that stand for an ASCII sign, one for one.
_SIGNS: dict[int, str | int] = {
    **{ord(wide): ord(sign) for wide, sign in FULL_WIDTH.items()},
    **dict.fromkeys(map(ord, "×✕✖⨯∗·⋅∙"), "*"),
    **dict.fromkeys(map(ord, "÷⁄∕"), "/"),
    **dict.fromkeys(map(ord, "−–—﹣‒‑"), "-"),
    **dict.fromkeys(map(ord, f"\u00a0\u2009\u202f{INVISIBLE}"), " "),
}
_FREE = rf"(?<![{WORD_LETTER}0-9.,])"
_COMMANDS = r"\\(?:times|cdot|ast|div|left|right|[dt]?frac|quad|[bB]igg?[lr]?)(?![A-Za-z])|\\[()\[\],;:!*]"
# A run of what an expression is written with, on one line.
_RUN = re.compile(
    rf"{_FREE}(?:{_COMMANDS}|\d+(?:\.\d+)?(?![\d.]*[{WORD_LETTER}](?<![xX]))|[-+*/()\[\]{{}}$]|[ \t]"
    r"|[xX](?=[ \t]?[\d(\[]))+"
)
_FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{([^{}]*)\}\s*\{([^{}]*)\}|(\d)\s*(\d))")
_PLAIN = {r"\*": "*", r"\times": "*", r"\cdot": "*", r"\ast": "*", r"\div": "/", "x": "*", "X": "*"}
_PLAIN_SIGN = re.compile(rf"{_COMMANDS}|[xX$]")
_BRACKETS = str.maketrans("[]{}", "()()")
_DANGLES = re.compile(r"\A[\s*/]+|[\s*/+\-]+\Z")
_GOES_ON = re.compile(r"(?:\A\s*[!^%√²³]|[!^%√²³]\s*\Z|(?:sqrt|log|mod)\s?\(?\Z)")
_BULLET = re.compile(r"\A\s*[-+]\s+(?=[\d(])")
_NO_WAY = caseless(
    r"\b(?:impossible|unsolvable|no\s(?:\w+\s){0,2}(?:solution|expression|combination|way)\b|not\s(?:possible|solvable)"
    r"|can(?:not|['’]t)\s(?:be\s)?(?:made|make|done|solved|reach\w*|get|formed|obtain\w*))|无解|没有解|нет\sрешения"
    r"|\b(?:could\snot|couldn['’]t|can\s?not|can['’]t|didn['’]t)\sfind\b|\bkeine\sLösung|\b(?:aucune|pas\sde)\ssolution"
    r"|\bno\shay\ssolución|\bnessuna\ssoluzione"
)
_NONE = caseless(r"\W*none\W*\Z")
_IS_24 = re.compile(r"[\s$*`)}\\\]]{0,6}(?:=|is|equals|gives|makes)\s?\**24(?!\d)")
_SPOKEN = caseless(
    r"(?<=[\d)])\s(?:(?P<plus>plus)|(?P<minus>minus)|(?P<times>times|multiplied\sby)|(?P<over>divided\sby))\s(?=[\d(])"
)
_OF_WORDS = {"plus": "+", "minus": "-", "times": "*", "over": "/"}
_FENCE = re.compile(r"```\w{0,10}\s*\n(?P<own>[^\n]+)\n\s*```\s*\Z")
_WORD = re.compile(rf"(?<![\\{WORD_LETTER}])[{WORD_LETTER}]{{2}}")
LAST = 6  # sentences at a text's end in which an expression is looked for


def _plain(run: str) -> str:
    """A run in ASCII."""
    for _ in range(_MOST_FRACTIONS):
        if "frac" not in run:
            break
        run = _FRACTION.sub(lambda m: f"({_side(m[1] or m[3])}/{_side(m[2] or m[4])})", run)
    return _PLAIN_SIGN.sub(lambda m: _PLAIN.get(m[0], " "), run).translate(_BRACKETS)


def _side(text: str) -> str:
    return text if re.fullmatch(r"\s*(?:\d+|\([^()]*\))\s*", text) else f"({text})"


def _expression(run: str, before: str, behind: str) -> tuple[int, str] | None:
    """How many numbers a run's expression has, and the expression; None where it is none, or a part of one.

    before, behind: what stands next to it."""
    if _GOES_ON.search(before) or _GOES_ON.match(behind):
        return None
    plain = _DANGLES.sub("", _plain(run))
    open_ = plain.count("(") - plain.count(")")
    texts = [plain, _BULLET.sub("", plain)]
    if open_ > 0 and behind.lstrip().startswith("="):  # "((8 - 4) * 6 = 24)"
        texts.append(plain[open_:] if plain.startswith("(" * open_) else "")
    elif open_ < 0 and before.rstrip().endswith("="):
        texts.append(plain[:open_] if plain.endswith(")" * -open_) else "")
    for text in filter(None, texts):
        found = parsed(text)
        if found is not None and len(found.numbers) > 1:
            return len(found.numbers), written(found)
    return None


def _best(text: str, begin: int, end: int) -> Extraction | None:
    """The expression of a phrase: the one with most numbers, of equals the last."""
    best: tuple[int, Extraction] | None = None
    for match in _RUN.finditer(text, begin, min(end, begin + MOST_CHARS)):
        found = _expression(
            match[0], text[max(begin, match.start() - 6) : match.start()], text[match.end() : match.end() + 6]
        )
        if found and (best is None or found[0] >= best[0]):
            best = found[0], Extraction(answer=found[1], span=_trimmed(match))
    return None if best is None else best[1]


def _trimmed(match: re.Match[str]) -> Span:
    left = len(match[0]) - len(match[0].lstrip(" \t$"))
    return match.start() + left, match.end() - (len(match[0]) - len(match[0].rstrip(" \t$")))


def _of_statement(text: str, one: Statement) -> Extraction | None:
    begin, end = held(one)
    found = _best(text, begin, end)
    if found is None:
        none = gives_none(text, begin, end) or _NO_WAY.search(text, begin, end) or _NONE.match(text, begin, end)
        return REFUSAL if none else None
    if found.span and re.match(r"[^\n.?]{0,12}\?", text[found.span[1] : found.span[1] + 14]):
        return None
    return found


def _alone(text: str, start: int) -> Extraction | None:
    """The expression that is all of a text, but for what fences it and what it equals."""
    begin, end = own_body(text, start)
    fenced = _FENCE.match(text, begin, end)
    begin, end = fenced.span("own") if fenced else (begin, end)
    if end - begin > MOST_CHARS or "\n" in text[begin:end] or _WORD.search(text, begin, end):
        return None
    return _best(text, begin, end)


def _last(text: str, start: int) -> Extraction | None:
    """The last expression that is said to be 24; else the last one with most numbers among the last sentences."""
    end = own_end(text, start)
    found: Extraction | None = None
    most = 0
    for number, (left, right) in enumerate(last_sentences(text[:end], start)):
        if number >= LAST:
            break
        here = _best(text, left, right)
        if here is None or here.answer is None:
            none = gives_none(text, left, right) or _NO_WAY.search(text, left, right)
            if number == 0 and (none or asks_for_more(text, left, right)):
                return REFUSAL
            continue
        own = parsed(here.answer)
        told = here.span is not None and (_IS_24.match(text, here.span[1]) or text[: here.span[0]].endswith("24 = "))
        if own and len(own.numbers) > max(most, 0 if told else 2):
            found, most = here, len(own.numbers)
    return found


# find(text, start)
EXPRESSION_ALONE = Rule("expression alone", "only", OF_EXPRESSIONS, _alone)
LAST_EXPRESSION = Rule("last expression", "last", OF_EXPRESSIONS, _last, vague=True)
EXPRESSION_RULES = (EXPRESSION_ALONE, LAST_EXPRESSION)


def read_expression(text: str, start: int, vague: bool) -> Iterator[Reading]:
    """Yield what the rows read in text[start:], what counts most first; vague: whether rows that guess are asked."""
    text = text if text.isascii() else text.translate(_SIGNS)
    text = _SPOKEN.sub(lambda match: f" {_OF_WORDS[match.lastgroup or '']}".ljust(len(match[0])), text)

    def instead(place: int) -> Extraction | None:
        return _last(text, place)

    every = statements(text, start, options=True)
    yield from stated(every, text, vague, lambda one: _of_statement(text, one), instead)
    for row in EXPRESSION_RULES:
        if vague or not row.vague:
            yield from row.ask(text, start)
