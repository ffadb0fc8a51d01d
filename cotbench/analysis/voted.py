"""The votes of an arm's questions as arrays: how many paths each has, how many are right, and votes of fewer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from cotbench.analysis.pairing import Cell
from cotbench.analysis.stats import Array
from cotbench.analysis.subsets import MOST_OF_TWO, maj_at_each, maj_of_two
from cotbench.processes import beside
from cotbench.store.table import Voted, parts_of

SOME = 5_000  # questions that are worked out at once
LARGE = 5_000  # questions with votes; with fewer, a process costs about what it saves


@dataclass(frozen=True, kw_only=True, eq=False)
class Votes:
    """Of all questions of a cell, as arrays in the panel's order; 0 where a question has no votes.

    there: which have votes; decided: which of these have a verdict on each of their answers. paths: how many drew an
    answer or abstained; right: how many paths are right; abstained: how many didn't vote. tied: whether answers are
    and two of them have the most votes."""

    cell: Cell
    there: Array
    decided: Array
    paths: Array
    right: Array
    abstained: Array
    tied: Array

    @cached_property
    def _shares(self) -> tuple[Array, Array]:
        """The rows of questions in a table; and the table: how often the vote of k of a question's paths is right, a
        column for each k from 1, nan behind its last path. Half of it is made by another process."""
        numbers = np.cumsum(self.decided) - 1
        places = self.cell.places[self.decided]
        most, half = int(self.paths.max(initial=0)), len(places) // 2
        others = beside(partial(self._shares_of, places[half:], most), worth=len(places) > LARGE)
        own = self._shares_of(places[:half], most)
        return numbers, np.concatenate([own, others()])

    def _shares_of(self, places: Array, most: int) -> Array:
        table = np.full((len(places), most), np.nan)
        of_two: dict[int, tuple[list[int], list[list[int]]]] = {}  # by paths: rows, and of each path whose it is
        for number, row in enumerate(parts_of(self.cell.run.records, Voted, places.tolist())):
            assert row.votes is not None
            ballots, right = row.votes.ballots, row.votes.right
            voted = {*ballots} - {None}
            if len(voted) == 2 and len(right & voted) == 1 and len(ballots) <= MOST_OF_TWO:
                numbers, whose = of_two.setdefault(len(ballots), ([], []))
                numbers.append(number)
                whose.append([0 if ballot is None else 1 if ballot in right else 2 for ballot in ballots])
            else:
                shares = maj_at_each(ballots, right)
                table[number, : len(shares)] = shares
        for paths, (numbers, whose) in of_two.items():
            for start in range(0, len(numbers), SOME):
                sides = np.array(whose[start : start + SOME], dtype=np.int8)
                table[numbers[start : start + SOME], :paths] = maj_of_two(sides == 1, sides == 2)
        return table

    def shares(self, mask: Array, k: int) -> Array:
        """How often the vote of k paths is right, of the questions of a mask, which are decided ones."""
        numbers, table = self._shares
        return np.asarray(table[numbers[mask], k - 1])

    def curves(self, mask: Array, most: int) -> Array:
        """The same for each k up to `most`, a column each."""
        numbers, table = self._shares
        return np.asarray(table[numbers[mask], :most])


def votes_of(cell: Cell) -> Votes:
    """The votes of a cell, which are worked out once."""
    found: Votes | None = cell.kept.get("votes")
    if found is None:
        found = cell.kept["votes"] = _votes(cell)
    return found


def _votes(cell: Cell) -> Votes:
    there = cell.having("voted")
    columns = {
        name: np.zeros(len(there), dtype=np.int64) for name in ("decided", "paths", "right", "abstained", "tied")
    }
    rows = []
    for row in cell.parts(Voted, there):
        assert row.votes is not None
        ballots, right = row.votes.ballots, row.votes.right
        hits = sum(ballot in right for ballot in ballots) if right else 0
        tied = row.votes.margin == 0 and bool(row.votes.answers)
        rows.append((row.votes.decided, len(ballots), hits, ballots.count(None), tied))
    for name, values in zip(columns, zip(*rows, strict=True), strict=False):
        columns[name][there] = values
    flags = {name: columns.pop(name) > 0 for name in ("decided", "tied")}
    return Votes(cell=cell, there=there, **flags, **columns)
