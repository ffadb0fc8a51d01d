"""Counts over the records of one mode that need no pairing: its outcomes, and what its votes tell about fewer paths."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from cotbench.analysis.subsets import maj_at_k, pass_at_k, sizes
from cotbench.store.records import Record
from cotbench.types import UNDECIDED, Outcome


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


def count_outcomes(model: str, task: str, mode: str, records: Iterable[Record]) -> Outcomes:
    rows = list(records)
    counts = Counter(row.outcome for row in rows)
    programs = Counter(execution.outcome for row in rows for execution in row.executions)
    return Outcomes(
        model=model,
        task=task,
        mode=mode,
        counts={outcome.value: counts[outcome] for outcome in Outcome if counts[outcome]},
        programs=dict(programs.most_common()),
    )


def curve_of(model: str, task: str, mode: str, records: Iterable[Record]) -> list[Curve]:
    """Make a row for each k = 1, 2, 4 ... n, over the questions whose answers all have a verdict; [] without votes."""
    voted = (row.votes for row in records if row.outcome not in UNDECIDED)
    votes = [vote for vote in voted if vote is not None and vote.decided]
    if not votes:
        return []
    n = len(votes[0].ballots)
    maj, anyone = dict.fromkeys(sizes(n), 0.0), dict.fromkeys(sizes(n), 0.0)
    right_paths = 0
    for vote in votes:
        right = vote.right
        voted_right = sum(ballot in right for ballot in vote.ballots)
        right_paths += voted_right
        for k, share in maj_at_k(vote.ballots, right).items():
            maj[k] += share
            anyone[k] += pass_at_k(n, voted_right, k)
    total = len(votes)
    return [
        Curve(
            model=model,
            task=task,
            mode=mode,
            questions=total,
            n=n,
            k=k,
            maj=maj[k] / total,
            any=anyone[k] / total,
            mean=right_paths / (n * total),
            abstained=sum(vote.ballots.count(None) for vote in votes) / (n * total),
            tied=sum(vote.margin == 0 and bool(vote.answers) for vote in votes) / total,
        )
        for k in sizes(n)
    ]
