"""Puzzles like the Game of 24, with three numbers: what is asked, what may be done, and what is true of it.

A move takes two of the numbers left and puts their sum, difference, product or quotient in their place; none of these
is negative, a fraction or above LARGEST. A puzzle is solved where one number is left, and it is 24.

Asked are puzzles that have a solution; a hash of the numbers puts a third of them aside for the test set. What is left
after a move is no puzzle: test puzzles and others come down to the same pairs.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import combinations_with_replacement

from cotbench.types import unit

TARGET = 24
COUNT = 3  # numbers of a puzzle
HIGHEST = 24  # of a puzzle's numbers
LARGEST = 48  # of what a move may give
HELD_OUT = 0.35
SURE, IMPOSSIBLE = "sure", "impossible"

Numbers = tuple[int, ...]  # in ascending order


@dataclass(frozen=True, kw_only=True)
class Move:
    """One step: `12 - 4 = 8`, of which `left` is what there is then."""

    one: int
    sign: str
    other: int
    result: int
    left: Numbers

    @property
    def line(self) -> str:
        """The move as models write it, as in the paper's prompts (Yao et al. 2023, arXiv:2305.10601)."""
        return f"{self.one} {self.sign} {self.other} = {self.result} (left: {shown(self.left)})"


def shown(numbers: Numbers) -> str:
    return " ".join(map(str, numbers))


@cache
def moves(numbers: Numbers) -> tuple[Move, ...]:
    """All that may be done with numbers, the larger of a pair first, in one order."""
    found: dict[Move, None] = {}
    for first in range(len(numbers)):
        for second in range(first + 1, len(numbers)):
            b, a = numbers[first], numbers[second]
            rest = [number for place, number in enumerate(numbers) if place not in (first, second)]
            results = {"+": a + b, "-": a - b, "*": a * b}
            if b and a % b == 0:
                results["/"] = a // b
            for sign, result in results.items():
                if result <= LARGEST:
                    left = tuple(sorted((*rest, result)))
                    found[Move(one=a, sign=sign, other=b, result=result, left=left)] = None
    return tuple(found)


@cache
def reachable(numbers: Numbers) -> bool:
    """Whether 24 can be made of all of the numbers."""
    if len(numbers) == 1:
        return numbers[0] == TARGET
    return any(reachable(move.left) for move in moves(numbers))


def verdict(right: bool) -> str:
    return SURE if right else IMPOSSIBLE


@cache
def puzzles(held_out: bool) -> tuple[Numbers, ...]:
    """All puzzles that have a solution: those for testing, or the others."""
    every = combinations_with_replacement(range(1, HIGHEST + 1), COUNT)
    return tuple(one for one in every if is_held_out(one) is held_out and reachable(one))


def is_held_out(numbers: Numbers) -> bool:
    return unit("puzzle", shown(numbers)) < HELD_OUT


def solution(numbers: Numbers, rng: random.Random) -> list[Move]:
    """Moves that lead to 24, chosen at random among those that do."""
    return _played(numbers, rng, lambda move: reachable(move.left))


def attempt(numbers: Numbers, rng: random.Random) -> list[Move]:
    """Moves chosen at random."""
    return _played(numbers, rng, lambda move: True)


def _played(numbers: Numbers, rng: random.Random, takes: Callable[[Move], bool]) -> list[Move]:
    played: list[Move] = []
    while len(numbers) > 1:
        move = rng.choice([one for one in moves(numbers) if takes(one)])
        played.append(move)
        numbers = move.left
    return played


def expression(played: list[Move], numbers: Numbers) -> str:
    """What moves amount to, in brackets wherever something that was made is used: `(12 - 4) * 3`."""
    made = [(number, str(number)) for number in numbers]
    for move in played:
        sides = []
        for wanted in (move.one, move.other):
            # What was made last is used first: a number that is there twice is the one that a reader would take.
            place = max(place for place, (value, _) in enumerate(made) if value == wanted)
            sides.append(made.pop(place)[1])
        left, right = (f"({side})" if " " in side else side for side in sides)
        made.append((move.result, f"{left} {move.sign} {right}"))
    [(_, text)] = made
    return text
