"""A text in sentences, or lines: the same for every model, from the text alone.

A sentence ends behind ".", "!" or "?" (and what closes a quotation or bracket) with white space behind it, and behind
their Chinese and Japanese forms; a line ends a sentence, too. The points of decimals (3.5), of common abbreviations
(Dr., e.g.), of initials behind a name (Ada B. Lee) and behind the number of a list's item ("2. Add up") end none."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import pairwise

_END = re.compile(r"(?:[.!?…]+[\"'”’»)\]*_]*(?=\s)|[。！？]+[”’」』）]*)\s*|\s*\n\s*")
_ABBREVIATION = re.compile(
    r"(?:\A|[\s(\[\"'“])(?:mr|mrs|ms|dr|prof|st|jr|sr|vs|cf|ca|approx|etc|no|nos|fig|eq|eqs|sec|vol|pp?|resp|max|min"
    r"|hr|hrs|ft|lb|lbs|oz|e\.g|i\.e|a\.m|p\.m|u\.s)\.\Z",
    re.I,
)
_ENDS_ONE = re.compile(r"(?:\A|\s)(?:etc|no|a\.m|p\.m|u\.s|ft|lbs?|oz|hrs?|max|min)\.\Z", re.I)  # or goes on with it
_ITEM = re.compile(r"(?:\A|\n)[ \t>*_#-]*\(?(?:\d{1,3}|[A-Za-z]|[ivx]{2,4})\.\Z")
_INITIAL = re.compile(r"(?:\A|[\s(])([A-Za-z]+|)[\s(]?\b[A-Z]\.\Z")
_NAMES_AN_OPTION = frozenset("option choice answer statement case point step part letter is or and not be".split())
_BACK = 24  # characters before a point that are looked at
MOST_STATEMENTS = 20  # different ones of an answer in one thought, that are looked for


def sentences(text: str) -> list[str]:
    """Cut a text into its sentences, each with the white space behind it: joined, they are the text. [] of an empty
    one. White space before the first one stands with that."""
    cuts = [0]
    for match in _END.finditer(text):
        if match.end() == len(text):
            break
        if match.end() > cuts[-1] and text[cuts[-1] : match.end()].strip() and not _goes_on(text, match):
            cuts.append(match.end())
    return [text[start:end] for start, end in pairwise([*cuts, len(text)]) if end > start]


def sentence_at(text: str, place: int) -> tuple[int, int]:
    """Where the sentence begins and ends in which a place of a text is; behind the last one both are the text's end."""
    start = 0
    for sentence in sentences(text):
        if start + len(sentence) > place:
            return start, start + len(sentence)
        start += len(sentence)
    return start, len(text)


def without(text: str, sentence: str) -> str:
    """Remove a sentence from a text wherever it stands."""
    return "".join(one for one in sentences(text) if one.strip() != sentence.strip())


def without_end(text: str, some: Collection[str]) -> str:
    """Remove sentences from a text's end as long as it ends with one of these, each given without space around it."""
    pieces = sentences(text)
    while pieces and pieces[-1].strip() in some:
        pieces.pop()
    return "".join(pieces)


def _goes_on(text: str, end: re.Match[str]) -> bool:
    """Whether a sentence goes on behind what may be its end."""
    shown = end[0].strip()
    if "\n" in end[0] or not shown.startswith((".", "…")):
        return False
    behind = text[end.end()]
    if shown[0] == "…" or shown.startswith(".."):
        return behind.islower()
    before = text[max(0, end.start() - _BACK) : end.start() + 1]
    if _ABBREVIATION.search(before):
        return not (_ENDS_ONE.search(before) and behind.isupper())
    if _ITEM.search(before):
        return True
    initial = _INITIAL.search(before)
    named = initial is not None and initial[1][:1].isupper() and initial[1].lower() not in _NAMES_AN_OPTION
    return named and behind.isupper()
