"""Four sums in a row, of numbers up to 40: each step has one right result, and nothing has to be chosen.

A hash of the numbers puts a tenth of the rows aside for the test set.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from cotbench.types import unit

STEPS = 4
LARGEST = 40
HELD_OUT = 0.1
QUESTIONS = 200
SEED = 1


@dataclass(frozen=True, kw_only=True)
class Row:
    """start: the number that it begins with; changes: what is added to it in turn, or taken away."""

    start: int
    changes: tuple[int, ...]

    @property
    def question(self) -> str:
        return " ".join([f"Start with {self.start}.", *(f"{_WORD[one > 0]} {abs(one)}." for one in self.changes)])

    @property
    def lines(self) -> list[str]:
        """The steps as they should be written: `47 + 38 = 85`."""
        found, value = [], self.start
        for change in self.changes:
            found.append(step(value, change, value + change))
            value += change
        return found

    @property
    def answer(self) -> int:
        return self.start + sum(self.changes)

    @property
    def held_out(self) -> bool:
        return unit("row of sums", self.question) < HELD_OUT


_WORD = {True: "Add", False: "Take away"}


def step(value: int, change: int, result: int) -> str:
    return f"{value} {'+' if change > 0 else '-'} {abs(change)} = {result}"


def row(rng: random.Random) -> Row:
    start = value = rng.randint(1, LARGEST)
    changes = []
    for _ in range(STEPS):
        after = rng.choice([number for number in range(LARGEST + 1) if number != value])
        changes.append(after - value)
        value = after
    return Row(start=start, changes=tuple(changes))


def slip(value: int, change: int, rng: random.Random) -> int:
    """A wrong result, as slips are: by one, by ten, with the other sign, or any."""
    right = value + change
    near = [right - 1, right + 1, right - 10, right + 10, value - change, rng.randint(0, LARGEST)]
    return rng.choice([one for one in near if 0 <= one <= LARGEST and one != right] or [(right + 1) % (LARGEST + 1)])


def tested() -> list[Row]:
    rng = random.Random(f"rows of sums, test {SEED}")
    found: dict[str, Row] = {}
    while len(found) < QUESTIONS:
        one = row(rng)
        if one.held_out:
            found.setdefault(one.question, one)
    return list(found.values())
