"""What patterns are built of (signs, words, alternatives), and how they are looked for near texts that they need."""

from __future__ import annotations

import re
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


class Anchors:
    """The texts, in lower case, of which each match of a pattern holds one; in_ascii: those that are of ASCII."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts
        self.in_ascii = tuple(text for text in texts if text.isascii())


def anchors(*listed: str) -> Anchors:
    """The texts that stand apart by spaces in each argument; "_" stands for a space in one of them."""
    return Anchors(*(text.replace("_", " ") for line in listed for text in line.split()))


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
    spots = []
    for anchor in anchors.in_ascii if low.isascii() else anchors.texts:
        if anchor not in low:  # most aren't, and this is three times as fast as `find`
            continue
        at = low.find(anchor, start)
        while at >= 0:
            spots.append(at)
            at = low.find(anchor, at + len(anchor))
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
