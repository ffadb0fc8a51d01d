"""FOLIO's annotations (`premises-FOL`, `conclusion-FOL`) as plans: what its notation means is carried over, and what a
slip of the pen is, mended. Nothing is looked up by the label."""

from __future__ import annotations

import re
import unicodedata

OPENERS, CLOSERS = "([", ")]"
_APPLIED = re.compile(r"(?<![∀∃])(?<![∀∃] )\b([^\W\d]\w*)\(")
_ODD = re.compile(r"(?<=\w)[-'’.‘\"](?=\w)")
_NAME = re.compile(r"[^\W\d]\w*")
_NUMBERED = re.compile(r"(?<![\w])(\d+\w*[A-Za-z_]\w*)")


def formulas_of(text: str) -> list[str]:
    """The formulas of an annotation, one a line."""
    return [formula for line in text.splitlines() if (formula := formula_of(line))]


def formula_of(line: str) -> str:
    """One formula in the plan language."""
    text = unicodedata.normalize("NFKC", line).strip().rstrip(".,; ")
    text = _ODD.sub("_", text)
    text = _NUMBERED.sub(r"n_\1", text)  # names don't begin with digits
    return by_arity(balanced(_NAME.sub(lambda name: folded(name[0]), text)))


def folded(name: str) -> str:
    """A name without what an annotator is careless about: capitals, and the "s" of a plural or of a verb."""
    return re.sub(r"(?<=\w[^\Ws])s$", "", name.casefold())


def balanced(text: str) -> str:
    """The text with brackets that match: those that close nothing go, those that stay open are closed at the end."""
    kept, opened = [], 0
    for char in text:
        if char in CLOSERS and not opened:
            continue
        opened += (char in OPENERS) - (char in CLOSERS)
        kept.append(char)
    return "".join(kept) + ")" * opened


def by_arity(text: str) -> str:
    """The text with the number of a predicate's arguments in its name: one that is used with two is two."""
    out, place = [], 0
    for match in _APPLIED.finditer(text):
        out.append(text[place : match.end(1)])
        out.append(f"_{arguments(text, match.end())}")
        place = match.end(1)
    return "".join([*out, text[place:]])


def arguments(text: str, at: int) -> int:
    """How many arguments stand in the bracket that is open at a place."""
    depth = count = 1
    while at < len(text) and depth:
        depth += (text[at] in OPENERS) - (text[at] in CLOSERS)
        count += depth == 1 and text[at] == ","
        at += 1
    return count


def plan_of(premises: str, conclusion: str) -> str:
    lines = [f"premise: {formula}" for formula in formulas_of(premises)]
    return "\n".join([*lines, f"ask: {formula_of(conclusion)}"])
