r"""The options of a question, and how a text names one of them by its own words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from cotbench.answers.notation.signs import INVISIBLE
from cotbench.answers.reading.amounts import concluded_number
from cotbench.answers.reading.numerals import canonical_number
from cotbench.answers.reading.parts import Span
from cotbench.answers.reading.patterns import WORD_LETTER, caseless
from cotbench.answers.reading.rules import MAX_ANSWER_CHARS, Extraction
from cotbench.types import LETTERS

AROUND = f" \t\r\n*_`$\"'“”‘’{INVISIBLE}"
# What makes of a named option one that is dismissed or only supposed.
DENIED = caseless(
    r"\b(?:not|eliminate[sd]?|excludes?|excluded|incorrect|wrong|false|rul(?:e|es|ed|ing)\s(?:\w+\s){0,2}out|unlike"
    r"|cannot|whether|neither|no\s(?:es|está)|non\sè|não\s(?:é|está)|nicht|keine?|n['’]est\spas|n['’]est|не|niet|nie"
    r"|inte|ikke|bukan|không|değil|yanlış\w*|salah)\b",
    r"n['’]t\b|不(?!变|同)|错误|排除|아니|아닙|않|ليس|नहीं|गलत|ไม่|ではな|ません",
)
_LINK = caseless(r"(?:[\s*_`:\"]|(?:most\slikely|probably|that|the|an?|is)\b)*+")
_LEAD_CLAUSE = caseless(
    r"\W{0,3}(?:if|since|because|when|as|after|although|while|given|without|unless)\b[^,.\n]{1,160},\s"
)
_SIDE_CLAUSE = caseless(r"\b(?:if|unless|because|since)\s")
_JOINED = re.compile(r"\d\W?\s?[A-Za-z°]*\s(?:or|and|to)\s\W?\Z")  # "between 5 m and"
_GOES_ON = re.compile(r"\s?[A-Za-z°]*\s?[-+*/]\s?\d")
_RUNS_ON = re.compile(r"[\w%°]|[.,/:]\d|[-–]\w|\s(?:or|and)\b")
_QUANTITY = re.compile(r"([$€£]?[-−]?[\d.,/]+)\s?([^\d\s]*)")
_NONE_OF_THEM = caseless(
    r"(?:none|neither)(?:\s(?:of|is|are)\s.{1,60})?",
    r"no\s(?:(?:correct|right|valid|given|listed|such)\s)*(?:answer|option|choice)s?(?:\s.{1,40})?",
    r"not\s(?:given|listed)(?:\s.{1,30})?|(?:以上|上述|前述)?(?:选项|選項|答案|说法)?(?:都|均|皆|全)(?:不|非|错|錯)[^。]{0,8}",
    r"(?:没有|无)(?:正确|答案|选项)[^。]{0,6}|(?:上記の|以上の)?(?:いずれ|どれ)(?:で)?もない|該当なし|(?:해당|정답|답)\s?(?:사항\s)?없음",
    r"(?:ning[uú]n[ao]?|aucune?|kein[er]?s?|nessun[ao]?|nenhuma?|geen|żadn[ae])\b(?:\s.{1,50})?|ни\sодин\b.{0,40}",
    r"нет\s(?:верн|правильн).{0,30}",
)
_FIRST_SENTENCE = re.compile(r"[.!?\n。]")
_GAP = re.compile(r"[\s-]")
_TOUCHES_IN_FRONT = re.compile(rf"[{WORD_LETTER}0-9_-]")
_TOUCHES_BEHIND = re.compile(rf"[{WORD_LETTER}0-9_]|-[{WORD_LETTER}0-9]")


@lru_cache(maxsize=4_096)
def _plain_words(text: str) -> str:
    """An option's text without what may stand around it; signs, brackets and operators are part of it."""
    text = re.sub(r"\\text\s?\{([^{}]*)\}", r"\1", text) if "\\text" in text else text
    text = re.sub(r"(?:\s|\\[,;()])+", " ", text).strip(AROUND).rstrip(".,;:!" + AROUND)
    return re.sub(r"^(?:the|an?)\s(?=\S)", "", text, flags=re.I)


@lru_cache(maxsize=4_096)
def _quantity(text: str) -> tuple[str, str] | None:
    """A number and its unit: "160.0 m" is "160m"."""
    match = _QUANTITY.fullmatch(text)
    value = canonical_number(match[1]) if match else None
    return None if match is None or value is None else (value, match[2].casefold())


def option_of(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option whose text a span repeats, if it is exactly one; upper and lower case count only where they decide."""
    if span[1] - span[0] > MAX_ANSWER_CHARS:
        return None
    said = _plain_words(text[span[0] : span[1]])
    if not said:
        return None
    plain = [_plain_words(choice) for choice in choices]
    amount, amounts = _quantity(said), [_quantity(choice) for choice in plain]
    for hits in (
        [i for i, choice in enumerate(plain) if choice == said],
        [i for i, choice in enumerate(plain) if choice.casefold() == said.casefold()],
        [i for i, own in enumerate(amounts) if amount and own and own[0] == amount[0] and amount[1] in (own[1], "")],
    ):
        if len(hits) == 1:
            shown = text[slice(*span)].strip(AROUND)
            begin = text.index(shown, span[0])
            return Extraction(answer=LETTERS[hits[0]], span=(begin, begin + len(shown)))
    return None


def option_first(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The option whose text a phrase begins with ("True. Let me explain"), the longest of them."""
    link = _LINK.match(text, *span)
    begin = link.end() if link else span[0]
    said = text[begin : span[1]].casefold()
    found: list[tuple[int, int]] = []
    for index, choice in enumerate(choices):
        words = _plain_words(choice).casefold()
        if len(words) > 1 and said.startswith(words) and not _RUNS_ON.match(said, len(words)):
            found.append((len(words), index))
    found.sort(reverse=True)
    if not found or (len(found) > 1 and found[0][0] == found[1][0]):
        return None
    return Extraction(answer=LETTERS[found[0][1]], span=(begin, begin + found[0][0]))


def begins_with_option(text: str, start: int, choices: Sequence[str]) -> Extraction | None:
    """The option, in words, that a text begins with ("No, it turns left."), if it is the only one in that sentence."""
    begin = start + len(text[start:]) - len(text[start:].lstrip(AROUND))
    stop = _FIRST_SENTENCE.search(text, begin, begin + MAX_ANSWER_CHARS)
    end = stop.end() if stop else min(len(text), begin + MAX_ANSWER_CHARS)
    said = _folded(text[begin:end])
    words = [_plain_words(choice).casefold() for choice in choices]
    first = [i for i, own in enumerate(words) if len(own) > 1 and own[0].isalpha() and said.startswith(own)]
    if len(first) != 1:
        return None
    behind = said[len(words[first[0]]) :]
    others = [own for i, own in enumerate(words) if i != first[0] and len(own) > 1]
    if not re.match(r"[*_]*[,.!;:—–]", behind) or any(re.search(rf"\b{re.escape(own)}\b", behind) for own in others):
        return None
    return Extraction(answer=LETTERS[first[0]], span=(begin, begin + len(words[first[0]])))


def _folded(text: str) -> str:
    """A text in lower case, of the same length."""
    folded = text.casefold()
    return folded if len(folded) == len(text) else "".join(c if len(low := c.lower()) > 1 else low for c in text)


def option_for_none(choices: Sequence[str]) -> str | None:
    """The letter of the one option that says that none of the others is right: "None of the above"."""
    hits = [i for i, choice in enumerate(choices) if _NONE_OF_THEM.fullmatch(_plain_words(choice))]
    return LETTERS[hits[0]] if len(hits) == 1 else None


def main_clause(text: str, span: Span) -> Span:
    """The part of a sentence that states something: without "If ..., " in front and "because ..." behind."""
    lead = _LEAD_CLAUSE.match(text, *span)
    begin = lead.end() if lead else span[0]
    side = _SIDE_CLAUSE.search(text, begin + 1, span[1])
    return begin, side.start() if side else span[1]


def _whole(words: str, said: str, spaced: str) -> Iterator[Span]:
    """Find where words stand whole in what was said; spaced: the same with a space for each hyphen."""
    words = _GAP.sub(" ", words)
    left = spaced.find(words)
    while left >= 0:
        right = left + len(words)
        whole = not (left and _TOUCHES_IN_FRONT.match(said, left - 1)) and not _TOUCHES_BEHIND.match(said, right)
        if whole:
            yield left, right
        left = spaced.find(words, right if whole else left + 1)


def option_named(text: str, span: Span, choices: Sequence[str]) -> Extraction | None:
    """The one option whose words stand whole in a sentence; a quantity only where it is what the sentence gives."""
    if span[1] - span[0] > MAX_ANSWER_CHARS:
        return None
    number = concluded_number(text, *span)
    left, right = number.span if number and number.span else span
    if _JOINED.search(text, span[0], left) or _GOES_ON.match(text, right, span[1]):
        number = None
    main = main_clause(text, span)
    said = _folded(text[slice(*main)])
    spaced = _GAP.sub(" ", said)
    hits: list[tuple[int, int, int]] = []
    for index, choice in enumerate(choices):
        words = _plain_words(choice).casefold()
        if quantity := _quantity(words):
            if number and number.span and number.answer == quantity[0]:
                hits.append((*number.span, index))
        elif len(words) > 1:
            hits.extend((main[0] + left, main[0] + right, index) for left, right in _whole(words, said, spaced))
    whole = [h for h in hits if not any(o[0] <= h[0] and h[1] <= o[1] and o[1] - o[0] > h[1] - h[0] for o in hits)]
    if len({index for *_, index in whole}) != 1:
        return None
    left, right, index = whole[-1]
    if DENIED.search(text, main[0], left) or DENIED.search(text, right, max(right, main[1])):
        return None
    return Extraction(answer=LETTERS[index], span=(left, right))
