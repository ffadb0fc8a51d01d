"""Arithmetic that is checked, not compared: whether an expression uses the numbers that it has to, each once, and gives
24. And the search for one that does."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from itertools import combinations

from cotbench.answers.notation.arithmetic import parsed

TARGET = 24
MOST_NUMBERS = 6  # of a question that `solve` looks at
_NUMBERS = re.compile(r"\d{1,9}(?:[ ,;]+\d{1,9})+")


def numbers_of(gold: str) -> tuple[Fraction, ...] | None:
    """The numbers that a gold names, in ascending order: "4 6 8 8"; None where it is an expression."""
    if not _NUMBERS.fullmatch(gold.strip()):
        return None
    return tuple(sorted(Fraction(int(number)) for number in re.findall(r"\d+", gold)))


def check(gold: str, answer: str) -> bool:
    """Whether an expression is right.

    gold: the numbers that it has to use, each once, to give 24. Where it is another answer, as in a vote, the two are
    equal if no check can tell them apart: they use the same numbers, and give the same."""
    given = parsed(answer)
    if given is None or given.value is None:
        return False
    wanted = numbers_of(gold)
    if wanted is not None:
        return given.numbers == wanted and given.value == TARGET
    other = parsed(gold)
    return other is not None and (other.numbers, other.value) == (given.numbers, given.value)


@lru_cache(maxsize=2_048)
def solve(numbers: tuple[int, ...]) -> str | None:
    """An expression of these numbers that gives 24, found by trying all; None where there is none, or too many."""
    if len(numbers) > MOST_NUMBERS:
        return None
    return _solve(tuple((Fraction(number), str(number)) for number in numbers))


@lru_cache(maxsize=8_192)
def reaches(numbers: tuple[Fraction, ...]) -> bool:
    """Whether some expression of these numbers gives 24."""
    return _solve(tuple((number, "") for number in numbers)) is not None


def _solve(parts: tuple[tuple[Fraction, str], ...]) -> str | None:
    if len(parts) == 1:
        value, text = parts[0]
        return text if value == TARGET else None
    for first, second in combinations(range(len(parts)), 2):
        rest = tuple(part for place, part in enumerate(parts) if place not in (first, second))
        for one, other in ((parts[first], parts[second]), (parts[second], parts[first])):
            for value, text in joined(one, other):
                found = _solve((*rest, (value, text)))
                if found:
                    return found
    return None


def joined(one: tuple[Fraction, str], other: tuple[Fraction, str]) -> list[tuple[Fraction, str]]:
    """What two numbers give, each with a text: by + and *, and by - and / the first by the second."""
    (a, left), (b, right) = one, other
    found = [(a + b, f"({left} + {right})"), (a - b, f"({left} - {right})"), (a * b, f"({left} * {right})")]
    return [*found, (a / b, f"({left} / {right})")] if b else found
