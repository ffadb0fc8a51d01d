"""What patterns are built of (signs, words, alternatives), and how they are looked for near texts that they need."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from string import ascii_lowercase, ascii_uppercase

from cotbench.answers.notation.signs import FULL_WIDTH, INVISIBLE

SPACES = rf" \t\r\u00a0\u202f{INVISIBLE}"
BLANK = f" \t\r\n*_`${INVISIBLE}"
# Letters that a number must not touch: of alphabets that write words apart. Chinese, Japanese, Korean and Thai don't.
WORD_LETTER = r"A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0370-\u03bf\u03c1-\u052f"
CJK = r"\u2e80-\u2fff\u3005-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# The digit zero in other scripts, whose code points nine digits follow: Arabic, Persian, Devanagari, Thai ...
_ZEROS = "\u0660\u06f0\u0966\u09e6\u0a66\u0ae6\u0b66\u0be6\u0c66\u0ce6\u0d66\u0e50\u0ed0\u0f20\u1040\u17e0"
# Signs that mean an ASCII sign, one for one, so that spans stay true: full-width forms, circled letters, other digits.
PLAIN_SIGNS = {
    **{ord(zero) + i: ord("0") + i for zero in _ZEROS for i in range(10)},
    **{ord(wide): ord(sign) for wide, sign in FULL_WIDTH.items()},
    **{0x24B6 + i: ord(letter) for i, letter in enumerate(ascii_uppercase + ascii_lowercase)},
    **str.maketrans("\u066b\u066c\u3000", "., "),
}
MAX_STATEMENTS = 64  # of a text; the last ones are read, more are a text that repeats itself


def in_plain_signs(text: str) -> str:
    """A text with `PLAIN_SIGNS` in it, each in the place of the sign that means it."""
    return text if text.isascii() else text.translate(PLAIN_SIGNS)


def either(*patterns: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a pattern that matches where any of several does."""
    return re.compile("|".join(patterns), flags)


def caseless(*patterns: str, flags: int = 0) -> re.Pattern[str]:
    """Compile a pattern that matches where any of several does, in upper or lower case."""
    return either(*patterns, flags=re.I | flags)


def words(listed: str) -> str:
    """An alternation, for patterns, of words that stand apart by spaces; "_" stands for the space within one."""
    return "|".join(listed.replace("_", r"\s").split())


class Starts:
    """Patterns of which it is asked where the first match of any begins, in upper or lower case.

    at_lines: those that match at the beginning of a line only. by_sign: those that begin with a sign, without it. An
    alternation of all would be tried at every character; so `re` goes from sign to sign, which is twenty times faster.
    """

    def __init__(self, *, at_lines: Sequence[str], by_sign: Mapping[str, Sequence[str]]) -> None:
        self._line = caseless(*at_lines)
        self._behind_newline = caseless(rf"\n(?:{self._line.pattern})")
        self._by_sign = [(sign, caseless(f"{re.escape(sign)}(?:{'|'.join(one)})")) for sign, one in by_sign.items()]

    @property
    def patterns(self) -> list[re.Pattern[str]]:
        """All patterns, compiled."""
        return [self._line, *(pattern for _, pattern in self._by_sign)]

    def first(self, text: str, start: int, end: int) -> int | None:
        """Find where the first match in text[start:end] begins."""
        if (start == 0 or text[start - 1 : start] == "\n") and self._line.match(text, start, end):
            return start
        found = []
        if match := self._behind_newline.search(text, start, end):
            found.append(match.start() + 1)
        for sign, pattern in self._by_sign:
            if text.find(sign, start, end) >= 0 and (match := pattern.search(text, start, end)):
                found.append(match.start())
        return min(found, default=None)


class Anchors:
    """The texts, in lower case, of which each match of a pattern holds one.

    shared: parts that several of them have; where a text lacks such a part, it isn't searched for these."""

    def __init__(self, *texts: str, shared: Sequence[str] = ()) -> None:
        self.texts = texts
        self._in_ascii: dict[str, list[str]] = {}  # those that are of ASCII, by the part that is looked for first
        for text in filter(str.isascii, texts):
            part = next((part for part in shared if part in text), text)
            self._in_ascii.setdefault(part, []).append(text)
        self._others = [(text, frozenset(_beyond_ascii(text))) for text in texts if not text.isascii()]
        self._signs = frozenset("").union(*(signs for _, signs in self._others))

    def places(self, low: str, start: int) -> list[int]:
        """Find where they stand in a text in lower case, from start on; in no order."""
        texts = [text for part, texts in self._in_ascii.items() if part in low for text in texts]
        if self._others and not low.isascii() and not self._signs.isdisjoint(signs := _signs_in(low)):
            texts += [text for text, own in self._others if own <= signs]
        spots = []
        for text in texts:
            if text not in low:  # most aren't, and this is three times as fast as `find`
                continue
            at = low.find(text, start)
            while at >= 0:
                spots.append(at)
                at = low.find(text, at + len(text))
        return spots


def anchors(*listed: str, shared: Sequence[str] = ()) -> Anchors:
    """The texts that stand apart by spaces in each argument; "_" stands for a space in one of them."""
    return Anchors(*(text.replace("_", " ") for line in listed for text in line.split()), shared=shared)


_beyond_ascii = re.compile(r"[^\x00-\x7f]").findall


@lru_cache(maxsize=4)
def _signs_in(text: str) -> frozenset[str]:
    """The signs of a text that aren't of ASCII."""
    return frozenset(_beyond_ascii(text))


@lru_cache(maxsize=4)
def _lower(text: str) -> str:
    """A text in lower case: the same one is asked for by every rule."""
    return text.lower()


def near(
    pattern: re.Pattern[str], text: str, start: int, anchors: Anchors, before: int, after: int
) -> list[re.Match[str]]:
    """The matches of a pattern, as of `finditer`, that lie so many characters around one of the anchors.

    That is ten times faster than searching the whole text. before: 0 where every match begins with an anchor.
    """
    low = _lower(text)
    if len(low) != len(text):  # a few letters have two in lower case
        return list(pattern.finditer(text, start))
    spots = anchors.places(low, start)
    found: list[re.Match[str]] = []
    if not spots:
        return found
    if not before:
        for at in sorted(spots):
            match = pattern.match(text, at, at + after) if not found or at >= found[-1].end() else None
            found += [match] if match else []
        return found
    left = right = start
    for at in [*sorted(spots), len(text) + before + 1]:
        if at - before > right:  # a gap: what lies in front of it is searched in one go
            found += pattern.finditer(text, left, right)
            left = at - before
        right = min(len(text), max(right, at + after))
    return found
