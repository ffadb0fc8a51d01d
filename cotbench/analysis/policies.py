"""What one could do with two modes, and who is to blame for a plan that fails: from stored runs, without a model.

A policy says for each question which mode to use: always the baseline, always the other mode, and the other mode only
where a pre-treatment tag says symbolic (a tag that needs the response can't choose the prompt). Beside them stands the
baseline with majority votes over as many paths as cost about what the other mode does: the comparison at equal compute
that the paper names as missing (Sprague et al. 2024, arXiv:2409.12183, limitations).

The oracle takes on each question the mode that was right, and the cheaper of equals. It chooses and is scored on the
same answers, so it is a bound that includes luck: no choice of a mode for each question does better on these answers,
and most of its lead may be no choice at all. Its accuracy is always the two modes' mean and half of the questions on
which they differ, which is what two equal modes that guess would have; so one answer of each can't tell how much of it
is luck. Where both modes were asked for several paths, drawn at random, there is an oracle that chooses on the other
paths and is scored on the one left out, and beside it what luck would have added (`with_luck`). The first loses what
chance does to its choice, so what the best choice for each question would reach lies between the two. Where arms were
repeated there is another that chooses on one repeat and is scored on another, over all pairs of repeats.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval, Paired
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.repeats import decided_in, grid_of, in_places
from cotbench.analysis.stats import Array, Design
from cotbench.analysis.voted import votes_of
from cotbench.modes import in_table_order

ORACLE, ORACLE_ON_OTHERS = "oracle", "oracle, chosen on other paths"
ORACLE_ON_REPEATS = "oracle, chosen on another repeat"


@dataclass(frozen=True, kw_only=True)
class Policy(Paired):
    """One policy over a pair of modes. tokens: completion tokens per question, None where unknown.

    used: the share of questions that get the mode. saving: of tokens against always using the mode, at most 1. loss:
    the mode's accuracy minus the policy's, in points of 1. paths: how many, of a vote at about the mode's cost.
    with_luck: of an oracle that chooses on other paths or repeats, the accuracy of one that chooses on the path or
    repeat that it is scored on.
    """

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
    with_luck: float | None = None


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
        (ORACLE, "", better | (equal & (dear < cheap))),
    ]
    rows = [_policy(panel, cell, base, both, *choice) for choice in choices]
    honest = [_on_other_paths(panel, cell, base, both), _on_other_repeats(panel, cell, base)]
    return [*rows, *filter(None, [_matched(panel, cell, base, both), *honest])]


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
        saving_low=saving.low,
        saving_high=saving.high,
        loss=loss.value,
        loss_low=loss.low,
        loss_high=loss.high,
    )


def _estimated(scores: Array, lost: Array, design: Design) -> dict[str, Any]:
    """Return an accuracy and a loss with their intervals, as fields of a row. scores: how much of each question is
    right, 0..1; lost: how much more the mode has. That all are alike doesn't mean that they are known without error:
    then they are as for single answers."""
    accuracy, loss = (stats.mean(values, **design, bound=1.0) for values in (scores, lost))
    ends = stats.wilson(round(scores.sum()), len(scores)) if accuracy.se == 0 else (accuracy.low, accuracy.high)
    alike = stats.paired(np.rint(lost), **design) if loss.se == 0 else loss
    return {
        "accuracy": accuracy.value,
        "low": max(0.0, min(ends[0], accuracy.value)),
        "high": min(1.0, max(ends[1], accuracy.value)),
        "loss": loss.value,
        "loss_low": min(alike.low, loss.value),
        "loss_high": max(alike.high, loss.value),
    }


def _matched(panel: Panel, cell: Cell, base: Cell, both: Array) -> Policy | None:
    """Judge votes over k of the baseline's answers, which cost about what one of the mode does; None without votes."""
    voting = next((other for other in panel.cells.values() if panel.cell(other.facts.votes_over) is base), None)
    if voting is None or voting is cell:
        return None
    votes = votes_of(voting)
    shared = both & voting.decided & votes.decided
    if not shared.any():
        return None
    n = int(votes.paths[shared][0])
    dear, cheap = cell.tokens("completion")[shared].mean(), voting.tokens("completion")[shared].mean() / n
    if np.isnan(dear) or np.isnan(cheap) or not cheap:
        return None
    k = max(1, min(n, round(dear / cheap)))
    maj = votes.shares(shared, k)
    return Policy(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        policy=f"{voting.mode}, {k} of {n} paths",
        n=len(maj),
        **_estimated(maj, cell.right[shared] - maj, panel.design(shared)),
        used=0.0,
        tokens=k * float(cheap),
        saving=1 - k * float(cheap / dear),
        paths=k,
    )


def _on_other_paths(panel: Panel, cell: Cell, base: Cell, both: Array) -> Policy | None:
    """Judge an oracle that chooses on other paths than those it is scored on; None unless both modes were drawn.

    On each question it takes the mode that is right on more of the other paths, the baseline where they are even, and
    is scored on the paths left out, over all pairs of these. So it is of the modes as they were drawn for the votes,
    and their accuracy there is what it is compared with.
    """
    drawn = [_drawn(panel, side) for side in (cell, base)]
    if drawn[0] is None or drawn[1] is None:
        return None
    shared = both & np.logical_and.reduce([side.decided & votes_of(side).decided for side in drawn if side is not None])
    if not shared.any():
        return None
    (right, paths, dear), (base_right, base_paths, cheap) = (_paths(side, shared) for side in drawn if side is not None)
    if min(paths.min(), base_paths.min()) < 2:
        return None
    share, base_share = right / paths, base_right / base_paths
    score, used = np.zeros(len(right)), np.zeros(len(right))
    for own in (0, 1):  # whether the paths left out are right
        for other in (0, 1):
            chance = np.where(own, share, 1 - share) * np.where(other, base_share, 1 - base_share)
            chosen = (right - own) / (paths - 1) > (base_right - other) / (base_paths - 1)
            score += chance * np.where(chosen, own, other)
            used += chance * chosen
    known = not np.isnan([dear, cheap]).any() and dear.sum() > 0
    spent = used * dear + (1 - used) * cheap
    return Policy(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        policy=ORACLE_ON_OTHERS,
        n=len(score),
        **_estimated(score, share - score, panel.design(shared)),
        used=float(used.mean()),
        tokens=float(spent.mean()) if known else None,
        saving=1 - float(spent.sum() / dear.sum()) if known else None,
        with_luck=float((1 - (1 - share) * (1 - base_share)).mean()),
    )


def _on_other_repeats(panel: Panel, cell: Cell, base: Cell) -> Policy | None:
    """Judge an oracle that chooses on one repeat and is scored on another, over all pairs of repeats in their order;
    None unless both arms were repeated. On each question it takes the arm that was right, and the cheaper of equals."""
    arms = [panel.repeats.get(side.mode, ()) for side in (cell, base)]
    places = grid_of(*arms) if all(arms) else []
    if len(places) < 2:
        return None
    shared = np.logical_and.reduce([decided_in(arm, places) for arm in arms])
    if not shared.any():
        return None
    (right, dear), (before, cheap) = (
        tuple(np.array([taken(one)[shared] for one in arm]) for taken in (_right, _tokens))
        for arm in (in_places(arm, places) for arm in arms)
    )
    known = not np.isnan(dear).any() and not np.isnan(cheap).any()
    chosen = (right > before) | ((right == before) & (dear < cheap))
    others = chosen.sum(axis=0) - chosen  # how many of the other repeats choose the mode
    share = others / (len(places) - 1)
    score = (share * right + (1 - share) * before).mean(axis=0)
    spent, always = (share * dear + (1 - share) * cheap).mean(axis=0), dear.mean(axis=0)
    return Policy(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        policy=ORACLE_ON_REPEATS,
        n=len(score),
        **_estimated(score, right.mean(axis=0) - score, panel.design(shared)),
        used=float(share.mean()),
        tokens=float(spent.mean()) if known else None,
        saving=1 - float(spent.sum() / always.sum()) if known and always.sum() else None,
        with_luck=float(np.maximum(right, before).mean()),
    )


def _right(cell: Cell) -> Array:
    return cell.right.astype(float)


def _tokens(cell: Cell) -> Array:
    return cell.tokens("completion")


def _drawn(panel: Panel, cell: Cell) -> Cell | None:
    """Return the cell of votes over a mode whose paths were drawn at random; None where there is none."""
    for other in panel.cells.values():
        if other is not cell and other.facts.votes_over and panel.cell(other.facts.votes_over) is cell:
            asked = other.run.manifest.spec.mode(panel.task, other.mode).sampling
            if asked.get("temperature", 1):  # greedy paths are the same answer again
                return other
    return None


def _paths(cell: Cell, shared: Array) -> tuple[Array, Array, Array]:
    """Return how many paths are right, how many there are, and the tokens of one, for the questions of a mask."""
    votes = votes_of(cell)
    paths = votes.paths[shared]
    return votes.right[shared], paths, cell.tokens("completion")[shared] / paths


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
