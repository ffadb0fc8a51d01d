"""Runs that may stop at any question (`--until`): their differences and accuracies, with intervals that hold at every
look.

Only the beginning of the drawn order counts that is complete: what was answered behind it, because it took less time,
is in no figure. An interval is for the mean over all questions of the set that is asked (with --limit, of the limited
one), and says nothing of other questions. Sides of a tag that only looks at the question, and subjects, are sets of
known sizes: each has a sequence of its own. A question whose request failed, or whose comparison came to no end, counts
with the least and the most that it may have been.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from cotbench.analysis.beside import Doubt
from cotbench.analysis.cost import Cost
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, Interval, ModeStats, Paired, Split, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.sequence import ConfidenceSequence, bounds
from cotbench.analysis.verdicts import CLEAR
from cotbench.modes import BASELINE
from cotbench.questions.tagging import Rule, Seen
from cotbench.store import manifest

if TYPE_CHECKING:
    from cotbench.analysis.pairing import Cell, Panel

LOOKS = 120  # of a sequence, that are kept for its plot
SIGN = "sign"
SECONDARY = "secondary: not corrected for many"
NO_SHARE = "no interval that holds wherever a run stops"
Inside = Collection[str] | None  # the ids of a set's questions; None: it can't be told of those that weren't asked


@dataclass(frozen=True, kw_only=True)
class Stopped(Paired):
    """A primary difference of a drawn run, and where that stopped.

    goal: what was to be known, `sign` or a half-width in points, "" where there were limits only; why: `goal` where it
    is known, an option whose limit was reached, or "" where the run goes on or was interrupted. n, of: questions that
    count, and all of the set; clusters, of_clusters: the same of clusters, of which each is one look. behind: answered
    questions that don't count, since others that were drawn before them aren't answered. unknown: of n, those that lack
    a verdict in either arm. log10_e: the largest evidence so far (an e-value) that there is a difference, as a power of
    ten, None where it is certain. tests: how many differences are primary: the sign is known at tests / 0.05.
    """

    goal: str
    why: str
    n: int
    of: int
    clusters: int
    of_clusters: int
    behind: int
    unknown: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", p="p"))
    half_width: float
    log10_e: float | None
    tests: int
    known: bool


@dataclass(frozen=True, kw_only=True)
class Look(Paired):
    """A primary difference of a drawn run after its first n questions: of some looks, so that it can be drawn."""

    n: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high"))
    log10_e: float | None


# --- rows ---------------------------------------------------------------------------------------------------------


def inside_of(panel: Panel, rule: Rule | None, side: int) -> Inside:
    """The questions of the whole set on a side of a rule (1: symbolic, 0: not). None where the rule looks at more than
    questions."""
    assert panel.drawn is not None
    if rule is None or rule.timing != "pre-treatment":
        return None
    return [one.id for one in panel.drawn.questions if rule.tag(Seen(question=one)) == bool(side)]


def sides_of(panel: Panel, rule: Rule | None) -> Mapping[str, Inside]:
    """The questions of the whole set, and on each side of the main rule, by tag; {} where they weren't drawn."""
    if panel.drawn is None:
        return {}
    return {
        ALL: [one.id for one in panel.drawn.questions],
        SYMBOLIC: inside_of(panel, rule, 1),
        OTHER: inside_of(panel, rule, 0),
    }


def group_of(panel: Panel, group: str) -> Inside:
    """The questions of a subject or type of the whole set."""
    assert panel.drawn is not None
    return [one.id for one in panel.drawn.questions if one.group == group]


def of_mode(row: ModeStats, panel: Panel, cell: Cell, inside: Inside) -> ModeStats:
    """A mode's row with the interval of the sequence; without one where there is none."""
    assert panel.drawn is not None
    known = Interval(value=row.accuracy.value)
    count = None
    if row.n and inside is not None:
        sequence = panel.drawn.sequence(_values(panel, cell), inside, 0.0)
        known, count = _interval(row.accuracy.value, sequence), sequence.clusters
    return replace(row, accuracy=replace(known, p=None), **_unit(panel, count))


def of_delta(row: Delta, panel: Panel, cell: Cell, base: Cell, inside: Inside) -> Delta:
    """A difference's row with the interval and the test of the sequence; without where there is none."""
    assert panel.drawn is not None
    known, count = Interval(value=row.delta.value), None
    if row.n and inside is not None:
        sequence = panel.drawn.sequence(_values(panel, cell, base), inside, -1.0)
        known, count = _interval(row.delta.value, sequence), sequence.clusters
    fixed: dict[str, Any] = dict.fromkeys(("p_mcnemar", "p_clustered", "mde", "n_needed"))
    return replace(
        row, delta=known, read=Interval(value=row.read.value), bounds=Interval(), **fixed, **_unit(panel, count)
    )


def of_split(row: Split, panel: Panel, cell: Cell, base: Cell, rule: Rule) -> Split:
    """A split's row with a sequence for each side; how far they differ, and the share, have no interval."""
    assert panel.drawn is not None
    sides: dict[str, Any] = {}
    for name, side in (("symbolic", 1), ("other", 0)):
        known, inside = getattr(row, name), inside_of(panel, rule, side)
        sides[name] = Interval(value=known.value)
        if known.value is not None and inside is not None:
            sequence = panel.drawn.sequence(_values(panel, cell, base), inside, -1.0)
            sides[name] = replace(_interval(known.value, sequence), p=None)
    return replace(
        row,
        **sides,
        difference=Interval(value=row.difference.value),
        share=Interval(value=row.share.value),
        share_unclear=row.share_unclear or NO_SHARE,
    )


def of_cost(row: Cost) -> Cost:
    """A row of costs without intervals."""
    ratios = {name: replace(getattr(row, name), low=None, high=None) for name in ("of_pass", "per_right")}
    return replace(row, cost=Interval(value=row.cost.value), **ratios)


def corrected(rows: Iterable[Delta], stopped: Sequence[Stopped]) -> list[Delta]:
    """The differences with p corrected where they are primary: for as many as there are, over all tasks."""
    tests = {row.key: row.tests for row in stopped}

    def one(row: Delta) -> Delta:
        if row.key not in tests or row.tag != ALL or row.delta.p is None:
            return row
        p = min(1.0, tests[row.key] * row.delta.p)
        return replace(row, p_holm=p, p_bonferroni=p, family=tests[row.key])

    return [one(row) for row in rows]


def secondary(rows: Iterable[Delta], stopped: Sequence[Stopped]) -> list[Delta]:
    """The differences, where they were drawn and aren't primary with that said beside their verdicts."""
    places = {(row.model, row.task) for row in stopped}
    return [
        replace(row, why="; ".join(filter(None, (row.why, SECONDARY))))
        if row.verdict in CLEAR and row.family is None and (row.model, row.task) in places
        else row
        for row in rows
    ]


def doubts(panels: Sequence[Panel], rows: Iterable[Delta]) -> list[Doubt]:
    """Of drawn runs, why an arm with further calls isn't said to help: no vote at equal tokens stands beside it."""
    searches = {
        (panel.model, panel.task, cell.mode)
        for panel in panels
        if panel.drawn is not None
        for cell in panel.cells.values()
        if cell.facts.beside_vote
    }
    keys = dict.fromkeys(row.key for row in rows if row.key[:3] in searches)
    names = ("model", "task", "mode", "baseline")
    text = "in a drawn run no vote at equal tokens stands beside it"
    return [Doubt(**dict(zip(names, key, strict=True)), text=text) for key in keys]


def families(stopped: Sequence[Stopped]) -> dict[str, str]:
    """Over what the primary differences of drawn runs are corrected, in words."""
    if not stopped:
        return {}
    most = max(row.tests for row in stopped)
    return {"drawn": f"the {most} primary differences of runs that stop when they know; their others aren't corrected"}


def notes(panels: Sequence[Panel]) -> list[str]:
    """What must be known of the figures of drawn runs."""
    found = []
    for panel in panels:
        order = panel.drawn
        if order is None:
            continue
        of = sum(map(len, order.clusters))
        name = f"{panel.task} by {panel.model}"
        manifests = {cell.run.folder.name: cell.run.manifest for cell in panel.cells.values()}
        found += [
            f"{name}: {sentence(one.stopped, panel.task)}."
            for one in manifests.values()
            if one.stopped is not None and panel.task in one.stopped.tasks
        ]
        behind = f" {order.behind:,} answered behind them are in no figure." if order.behind else ""
        found.append(
            f"{name}: questions were drawn at random, and figures are of the first {len(panel.questions):,} of {of:,}; "
            f"intervals and p are for all {of:,}, and hold wherever the run stops.{behind}"
        )
    if found:
        found.append(
            "Of drawn runs (--until) these have no interval, since none is known that holds wherever they stop: "
            "differences in differences, shares of a gain, and costs; and these aren't shown: mean scores, payoffs, "
            "curves over budgets, votes at equal tokens and those that stop early, cascades, placebos' shares, early "
            "answers, policies, flips, calibration, passages, tools, twins, figures over tasks, models and mixes, and "
            "oracles. Differences on sides and subjects aren't corrected for many."
        )
    return found


def sentence(stopped: manifest.Stopped, task: str) -> str:
    """Say where a run stopped in a task, and for what, without a full stop."""
    row = stopped.tasks[task]
    known = "the sign is known" if stopped.goal == SIGN else f"known to {stopped.goal} points up and down"
    why = known if row.decided else "all were asked" if row.questions == row.of else f"{stopped.why} was reached"
    return f"stopped after {row.questions:,} of {row.of:,} questions: {why}"


def _unit(panel: Panel, clusters: int | None) -> dict[str, Any]:
    return {"strata": None, "clusters": clusters if panel.unit != "question" else None}


def _interval(value: float | None, sequence: ConfidenceSequence) -> Interval:
    return Interval(value=value, low=sequence.low, high=sequence.high, p=sequence.p)


def _values(panel: Panel, cell: Cell, base: Cell | None = None) -> dict[str, tuple[float, float]]:
    """Of each question the least and the most that its value may be: the answer's being right, less the baseline's."""

    def verdicts(one: Cell) -> list[bool | None]:
        pairs = zip(one.right.tolist(), one.decided.tolist(), strict=True)
        return [right if decided else None for right, decided in pairs]

    ids = [question.id for question in panel.questions]
    others: Sequence[bool | None] = [False] * len(ids) if base is None else verdicts(base)
    return {one: bounds(*pair) for one, pair in zip(ids, zip(verdicts(cell), others, strict=True), strict=True)}


def baseline_of(panel: Panel) -> Cell | None:
    """The arm with which the others are compared in primary differences, whatever a report is asked for: the usual one,
    or the one that was fixed before the first token."""
    locks = (cell.run.manifest.lock for cell in panel.cells.values())
    return panel.cell(next((lock.baseline for lock in locks if lock is not None), BASELINE))


# --- tables of their own ------------------------------------------------------------------------------------------


def stopped_of(panel: Panel, cell: Cell, base: Cell) -> tuple[Stopped, list[Look]]:
    """Where a drawn run stands in a primary difference, and how it came there."""
    order = panel.drawn
    assert order is not None
    values = _values(panel, cell, base)
    sequence = order.sequence(values, None, -1.0)
    both = cell.decided & base.decided
    value = float((cell.right[both].astype(float) - base.right[both]).mean()) if both.any() else None
    known = cell.run.manifest
    goal = str((known.sessions[-1].get("until") or {}).get("until", "")) if known.sessions else ""
    names = names_of(panel, cell, base)
    asked = np.cumsum([len(cluster) for cluster in order.clusters[: order.complete]])
    row = Stopped(
        **names,
        goal=goal,
        why=known.stopped.why if known.stopped is not None else "",
        n=len(panel.questions),
        of=sequence.questions,
        clusters=order.complete,
        of_clusters=len(order.clusters),
        behind=order.behind,
        unknown=int((~both).sum()),
        delta=_interval(value, sequence),
        half_width=sequence.half_width,
        log10_e=_power(sequence.log_e),
        tests=order.tests,
        known=sequence.log_e >= sequence.enough(order.tests),
    )
    chosen = np.unique(np.geomspace(1, max(order.complete, 1), LOOKS).round().astype(int)) - 1
    looks = [
        Look(
            **names,
            n=int(asked[place]),
            delta=Interval(
                value=_finite(sequence.values[place]),
                low=float(sequence.lows[place]),
                high=float(sequence.highs[place]),
            ),
            log10_e=_power(sequence.log_es[place]),
        )
        for place in (chosen.tolist() if order.complete else [])
    ]
    return row, looks


def _power(log_e: float) -> float | None:
    return float(log_e / math.log(10)) if math.isfinite(log_e) else None


def _finite(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
