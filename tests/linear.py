"""Texts that make a reader work hard, repeats of what its own patterns look for; and how its cost grows with them.

The fragments are taken from the parsed patterns, so that a new pattern is tried without a word. Patterns are run by C
code, whose steps can't be counted from here; CPU time is measured instead, and only its growth is judged, several times
over before it is called too fast.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator
from re import _constants as names
from re import _parser as parser
from types import ModuleType
from typing import Any

from cotbench.answers.reading.patterns import Starts

Reader = Callable[[str], object]

SMALL, LARGE, WHOLE = 5_000, 20_000, 100_000  # characters
MOST_S = 0.5  # for a text of WHOLE characters
# Below it, even a cost that grew as the square of the length would stay within MOST_S.
NOTHING_S = MOST_S * (LARGE / WHOLE) ** 2 / 2
MOST_GROWTH = 9.0  # from SMALL to LARGE: linear is 4, quadratic 16
_BY_CATEGORY = {"SPACE": " ", "DIGIT": "7", "WORD": "a", "NOT_SPACE": "b", "NOT_DIGIT": "c", "NOT_WORD": "-"}


def patterns_of(*modules: ModuleType) -> list[re.Pattern[str]]:
    """All compiled patterns of modules, also those in their tables."""
    found: dict[str, re.Pattern[str]] = {}
    for module in modules:
        for value in vars(module).values():
            for one in _flat(value):
                if isinstance(one, re.Pattern):
                    found[one.pattern] = one
    return list(found.values())


def _flat(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, Starts):
        value = value.patterns
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _flat(item)
    else:
        yield value


def fragments(patterns: Iterable[re.Pattern[str]]) -> list[str]:
    """Short texts that parts of the patterns match: their words, the bodies of their repeats, their alternatives."""
    found: set[str] = set()
    for pattern in patterns:
        _text(parser.parse(pattern.pattern, pattern.flags), found)
    return sorted(text for text in found if 0 < len(text) <= 40)


def _text(items: Any, found: set[str]) -> str:
    """A text that a sequence of a parsed pattern matches, more or less; its parts go to found."""
    whole = run = ""
    for kind, value in items:
        piece = _piece(kind, value, found)
        run = run + piece if kind is names.LITERAL else ""
        whole += piece
        found.update((piece, run))
    found.add(whole)
    return whole


def _piece(kind: Any, value: Any, found: set[str]) -> str:
    if kind is names.LITERAL:
        return chr(value)
    if kind is names.NOT_LITERAL:
        return "x" if value != ord("x") else "y"
    if kind is names.ANY:
        return "x"
    if kind is names.IN:
        return _member(value, found)
    if kind is names.BRANCH:
        return [_text(branch, found) for branch in value[1]][-1]
    if kind is names.SUBPATTERN:
        return _text(value[3], found)
    if kind is names.ATOMIC_GROUP:
        return _text(value, found)
    if kind in (names.MAX_REPEAT, names.MIN_REPEAT, names.POSSESSIVE_REPEAT):
        return _text(value[2], found) * max(1, min(value[0], 8))
    if kind in (names.ASSERT, names.ASSERT_NOT):
        _text(value[1], found)
    if kind is names.AT and value in (names.AT_BEGINNING, names.AT_BEGINNING_LINE):
        return "\n"
    return ""


def _member(members: Any, found: set[str]) -> str:
    negated, texts, taken = False, [], set()
    for kind, value in members:
        if kind is names.NEGATE:
            negated = True
        elif kind is names.LITERAL:
            texts.append(chr(value))
        elif kind is names.RANGE:
            texts.append(chr(value[0]))
            taken.update(map(chr, range(value[0], min(value[1], value[0] + 300) + 1)))
        elif kind is names.CATEGORY:
            texts.append(_BY_CATEGORY[str(value).removeprefix("CATEGORY_")])
    found.update(texts)
    if negated:
        return next(c for c in "xy7 -.,;:!\n(/é北" if c not in taken | set(texts))
    return texts[0]


def units(found: list[str], count: int, seed: int = 0) -> list[str]:
    """What is repeated: every fragment, and so many random joints of two to four of them."""
    chance = random.Random(seed)
    joints = ("".join(chance.choices(found, k=chance.randint(2, 4))) for _ in range(count))
    return list(dict.fromkeys([*found, *joints]))


def texts(found: list[str], count: int, seed: int = 0) -> list[tuple[str, str, str]]:
    """Beginning, unit and end of texts to be tried; most units stand alone."""
    chance = random.Random(seed)
    return [
        ("", unit, "") if chance.random() < 0.5 else (chance.choice(found), unit, chance.choice(found))
        for unit in units(found, count, seed)
    ]


def of_length(parts: tuple[str, str, str], chars: int) -> str:
    begin, unit, end = parts
    return begin + unit * (chars // len(unit)) + end


def seconds(read: Reader, text: str, tries: int = 1) -> float:
    """CPU time; the least of some tries."""
    spent = []
    for _ in range(tries):
        started = time.process_time()
        read(text)
        spent.append(time.process_time() - started)
    return min(spent)


def grows_too_fast(read: Reader, parts: tuple[str, str, str]) -> str:
    """What is wrong with the cost of reading such texts, or ""."""
    for tries in (1, 2, 4):
        large = seconds(read, of_length(parts, LARGE), tries)
        if large <= NOTHING_S:
            return ""
        growth = large / max(seconds(read, of_length(parts, SMALL), tries), 1e-6)
        if growth <= MOST_GROWTH and large * WHOLE / LARGE <= MOST_S:
            return ""
    return f"{parts!r}: {large:.3f} s for {LARGE:,} characters, {growth:.1f} times as much as for {SMALL:,}"
