"""What one could do with two modes, and who is to blame for a plan that fails: from stored runs, without a model.

A policy says for each question which mode to use: always the baseline, always the other mode, the other mode only
where a pre-treatment tag says symbolic (a tag that needs the response can't choose the prompt), and an oracle that
knows which is right and takes the cheaper of equals. Beside them stands the baseline with majority votes over as many
paths as cost about what the other mode does: the comparison at equal compute that the paper names as missing (Sprague
et al. 2024, arXiv:2409.12183, limitations).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval, Paired
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array
from cotbench.analysis.subsets import maj_at
from cotbench.modes import in_table_order


@dataclass(frozen=True, kw_only=True)
class Policy(Paired):
    """One policy over a pair of modes. tokens: completion tokens per question, None where unknown.

    used: the share of questions that get the mode. saving: of tokens against always using the mode, at most 1. loss:
    the mode's accuracy minus the policy's, in points of 1. paths: how many, of a vote at about the mode's cost."""

    policy: str
    rule: str = ""
    n: int
    accuracy: float
    low: float
    high: float
    used: float
    tokens: float | None
    saving: float | None = None
    saving_low: float | None = None
    saving_high: float | None = None
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    paths: int | None = None


def policies_of(panel: Panel, cell: Cell, base: Cell, tagged: Mapping[str, Array]) -> list[Policy]:
    """Judge policies on the questions that both modes answered; [] where there are none.

    tagged: tags by the names of pre-treatment rules."""
    both = cell.decided & base.decided
    if not both.any():
        return []
    dear, cheap = cell.tokens("completion")[both], base.tokens("completion")[both]
    better = cell.right[both] & ~base.right[both]
    equal = cell.right[both] == base.right[both]
    choices: list[tuple[str, str, Array]] = [
        (f"always {base.mode}", "", np.zeros(len(better), dtype=bool)),
        (f"always {cell.mode}", "", np.ones(len(better), dtype=bool)),
        *((f"{cell.mode} where symbolic", rule, tags[both] == 1) for rule, tags in tagged.items()),
        ("oracle", "", better | (equal & (dear < cheap))),
    ]
    rows = [_policy(panel, cell, base, both, *choice) for choice in choices]
    return [*rows, *filter(None, [_matched(panel, cell, base, both)])]


def _policy(panel: Panel, cell: Cell, base: Cell, both: Array, name: str, rule: str, chosen: Array) -> Policy:
    right = np.where(chosen, cell.right[both], base.right[both])
    dear, cheap = cell.tokens("completion")[both], base.tokens("completion")[both]
    spent = np.where(chosen, dear, cheap)
    design = panel.design(both)
    accuracy = stats.proportion(right, **design)
    # Against itself, always using the mode neither saves nor loses anything.
    always, known = name == f"always {cell.mode}", not np.isnan([dear, cheap]).any() and dear.sum()
    loss = Interval.of(None if always else stats.paired(cell.right[both].astype(float) - right, **design))
    saving = Interval.of(stats.ratio(dear - spent, dear, **design) if known and not always else None)
    # One question or one cluster has no interval of a ratio: it would be infinite, which JSON can't say.
    bounded = Interval() if saving.se is None else saving
    return Policy(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        policy=name,
        rule=rule,
        n=len(right),
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        used=float(chosen.mean()),
        tokens=None if np.isnan(spent).any() else float(spent.mean()),
        saving=saving.value,
        saving_low=bounded.low,
        saving_high=bounded.high,
        loss=loss.value,
        loss_low=loss.low,
        loss_high=loss.high,
    )


def _matched(panel: Panel, cell: Cell, base: Cell, both: Array) -> Policy | None:
    """Judge votes over k of the baseline's answers, which cost about what one of the mode does; None without votes."""
    voting = next((other for other in panel.cells.values() if panel.cell(other.facts.votes_over) is base), None)
    if voting is None or voting is cell:
        return None
    shared = both & voting.decided & _voted(voting)
    if not shared.any():
        return None
    rows = (row for row, keep in zip(voting.rows, shared, strict=True) if keep)
    votes = [row.votes for row in rows if row is not None and row.votes is not None]
    n = len(votes[0].ballots)
    dear, cheap = cell.tokens("completion")[shared].mean(), voting.tokens("completion")[shared].mean() / n
    if np.isnan(dear) or np.isnan(cheap) or not cheap:
        return None
    k = max(1, min(n, round(dear / cheap)))
    maj = np.array([maj_at(vote.ballots, vote.right, k) for vote in votes])
    design = panel.design(shared)
    accuracy = stats.mean(maj, **design, bound=1.0)
    lost = cell.right[shared] - maj
    loss = stats.mean(lost, **design, bound=1.0)
    # That all are alike doesn't mean that they are known without error: then as for single answers.
    ends = stats.wilson(round(maj.sum()), len(maj)) if accuracy.se == 0 else (accuracy.low, accuracy.high)
    alike = stats.paired(np.rint(lost), **design) if loss.se == 0 else loss
    return Policy(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        policy=f"{voting.mode}, {k} of {n} paths",
        n=len(votes),
        accuracy=accuracy.value,
        low=max(0.0, min(ends[0], accuracy.value)),
        high=max(ends[1], accuracy.value),
        used=0.0,
        tokens=k * float(cheap),
        saving=1 - k * float(cheap / dear),
        loss=loss.value,
        loss_low=min(alike.low, loss.value),
        loss_high=max(alike.high, loss.value),
        paths=k,
    )


def _voted(cell: Cell) -> Array:
    """Which questions have votes with a verdict on every answer."""
    decided = (row is not None and row.votes is not None and row.votes.decided for row in cell.rows)
    return np.fromiter(decided, bool, len(cell.rows))


@dataclass(frozen=True, kw_only=True)
class PlanRow:
    """Who carries out a plan, on the questions that all of these modes answered.

    SymPy does what a plan says, so a plan is good where its solution is right. good: questions with a good plan, and
    right_good how many of them this executor gets right: what it misses of them is bad execution. bad: plans with a
    solution that is wrong; unusable: without one (not in the language, unsolved, ambiguous). right_bad and
    right_unusable: those that the executor gets right all the same. PAL's program is its own plan: good where right."""

    model: str
    task: str
    executor: str
    n: int
    right: int
    good: int
    right_good: int
    bad: int
    right_bad: int
    unusable: int
    right_unusable: int


def plan_rows(panel: Panel) -> list[PlanRow]:
    """Return a row for each mode that has plans or programs carried out; [] without the mode that judges plans."""
    cells = [panel.cells[mode] for mode in in_table_order(panel.cells)]
    present = [cell for kind in ("plan", "program") for cell in cells if cell.facts.carries_out == kind]
    solver = next((cell for cell in present if cell.facts.judges_plans), None)
    if solver is None or len(present) < 2:
        return []
    shared = np.logical_and.reduce([cell.decided for cell in present])
    if not shared.any():
        return []
    return [_plan_row(panel, cell, cell if cell.facts.carries_out == "program" else solver, shared) for cell in present]


def _plan_row(panel: Panel, cell: Cell, judge: Cell, shared: Array) -> PlanRow:
    plans = {"good": judge.right, "bad": ~judge.right & judge.read, "unusable": ~judge.right & ~judge.read}
    return PlanRow(
        model=panel.model,
        task=panel.task,
        executor=cell.mode,
        n=int(shared.sum()),
        right=int((shared & cell.right).sum()),
        **{name: int((shared & mask).sum()) for name, mask in plans.items()},
        **{f"right_{name}": int((shared & mask & cell.right).sum()) for name, mask in plans.items()},
    )
