"""Counts over the records of one mode that need no pairing: its outcomes, and what its votes tell about fewer paths."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.analysis.subsets import pass_at_k, sizes
from cotbench.analysis.voted import votes_of
from cotbench.modes.stopping import FULL
from cotbench.store.table import Ran
from cotbench.types import Outcome


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """How many questions ended how, in the order of `Outcome`. programs: how many programs or plans ended how."""

    model: str
    task: str
    mode: str
    counts: dict[str, int]
    programs: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Curve:
    """k of the n paths of a voting mode: means over questions, in 0..1.

    maj: the vote of k paths is right; any: one of them is (pass@k); mean: a single path is. abstained: the share of the
    n paths that did not vote. tied: the share of the votes of all n that are a tie."""

    model: str
    task: str
    mode: str
    questions: int
    n: int
    k: int
    maj: float
    any: float
    mean: float
    abstained: float
    tied: float


def count_outcomes(panel: Panel, cell: Cell) -> Outcomes:
    """Count how the questions of a cell ended, and its programs."""
    counts = np.bincount(cell.endings[cell.asked], minlength=len(Outcome)).tolist()
    ran = cell.parts(Ran, cell.having("executions"))
    programs = Counter(execution.outcome for row in ran for execution in row.executions)
    return Outcomes(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        counts={outcome.value: count for outcome, count in zip(Outcome, counts, strict=True) if count},
        programs=dict(programs.most_common()),
    )


def curve_of(panel: Panel, cell: Cell) -> list[Curve]:
    """Make a row for each k = 1, 2, 4 ... n, over the questions whose answers all have a verdict; [] without votes, or
    where questions have different numbers of paths."""
    if cell.facts.stops not in ("", FULL):
        return []
    votes = votes_of(cell)
    counted = cell.decided & votes.decided
    if not counted.any():
        return []
    paths, right, total = votes.paths[counted], votes.right[counted], int(counted.sum())
    n = int(paths[0])
    return [
        Curve(
            model=panel.model,
            task=panel.task,
            mode=cell.mode,
            questions=total,
            n=n,
            k=k,
            maj=_summed(votes.shares(counted, k)) / total,
            any=_summed(np.array([pass_at_k(n, hits, k) for hits in range(n + 1)])[right]) / total,
            mean=int(right.sum()) / (n * total),
            abstained=int(votes.abstained[counted].sum()) / (n * total),
            tied=int(votes.tied[counted].sum()) / total,
        )
        for k in sizes(n)
    ]


def _summed(values: Array) -> float:
    """The sum of values, one after the other: NumPy's own differs in its last digits by how many there are."""
    return float(np.cumsum(values)[-1])
