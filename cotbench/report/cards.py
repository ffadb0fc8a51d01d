"""What the page opens with: a figure for each task and arm, from the rows of `report/glance.py`. No arithmetic, but for
where on a scale that all share an interval is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import Interval
from cotbench.analysis.verdicts import HELPS, HIGHER, HURTS, LOWER
from cotbench.report import words
from cotbench.report.glance import Glance, glance, shown_rules
from cotbench.report.words import count, ends, percent, points, times

_KINDS = {HELPS: "good", HIGHER: "good", HURTS: "bad", LOWER: "bad"}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """An interval on the scale, in percent of its width."""

    zero: float
    low: float
    value: float
    high: float

    @property
    def width(self) -> float:
        return round(self.high - self.low, 2)


@dataclass(frozen=True, kw_only=True)
class Card:
    """An arm on a task, in texts. kind: good, bad, or "" where neither is sure. against: the baseline, where it isn't
    the task's. sides: what each side of a tag is called,
    the difference there, and its interval."""

    arm: str
    title: str
    value: str
    ends: str
    bar: Bar | None
    verdict: str
    why: str
    kind: str
    against: str
    right: str
    before: str
    tokens: str
    unread: str
    sides: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task's arms. baseline: what they are against; right: its accuracy, with the interval; n: its questions."""

    model: str
    task: str
    baseline: str
    right: str
    n: str
    cards: Sequence[Card]

    @property
    def compared(self) -> int:
        return len(self.cards)


def cards(comparison: Comparison) -> list[Task]:
    """Return the tasks in their order, each with a card for every arm that is compared."""
    rows = glance(comparison)
    estimates = [row.difference for row in rows if row.difference.low is not None]
    low = min((estimate.low for estimate in estimates if estimate.low is not None), default=0.0)
    high = max((estimate.high for estimate in estimates if estimate.high is not None), default=0.0)
    low, high = min(low, 0.0), max(high, 0.0)
    rules = shown_rules(comparison)
    return [
        _task(comparison, list(found), rules, (low, high or low + 1))
        for _, found in groupby(rows, key=lambda row: (row.model, row.task))
    ]


def _task(comparison: Comparison, rows: Sequence[Glance], rules: Sequence[str], scale: tuple[float, float]) -> Task:
    of_mode = {row.mode: row for row in rows}
    compared = [row for row in rows if row.delta is not None]
    base = of_mode.get(compared[0].baseline) if compared else rows[0]
    return Task(
        model=words.short_model(rows[0].model),
        task=rows[0].task,
        baseline=base.label if base else "",
        right=_accuracy(base.accuracy) if base else "",
        n=count(base.n if base else rows[0].n),
        cards=[_card(comparison, row, of_mode.get(row.baseline), base, rules, scale) for row in compared],
    )


def _accuracy(estimate: Interval) -> str:
    """Show an accuracy in percent with its interval."""
    return f"{percent(estimate.value)}% ({ends(estimate)})"


def _card(
    comparison: Comparison,
    row: Glance,
    against: Glance | None,
    usual: Glance | None,
    rules: Sequence[str],
    scale: tuple[float, float],
) -> Card:
    found = row.difference
    sides = []
    for rule in rules:
        both = [row.side(rule, True), row.side(rule, False)]
        if all(side.value is not None for side in both):  # one that holds all questions says nothing new
            names = [words.side_label(comparison, tag, rule) for tag in ("symbolic", "non-symbolic")]
            sides += [
                (name, points(side.value), ends(side, signed=True)) for name, side in zip(names, both, strict=True)
            ]
    return Card(
        arm=row.label,
        title=row.mode,
        value=points(found.value),
        ends=ends(found, signed=True),
        bar=_bar(found, scale),
        verdict=row.verdict,
        why=row.delta.why if row.delta is not None else "",
        kind=_KINDS.get(row.verdict, ""),
        against=row.baseline if against is not usual else "",
        right=percent(row.accuracy.value),
        before=percent(against.accuracy.value) if against else words.DASH,
        tokens=words.NOT_RECORDED if row.tokens is None and row.n else times(row.token_ratio),
        unread=percent(row.unread),
        sides=sides,
    )


def _bar(estimate: Interval, scale: tuple[float, float]) -> Bar | None:
    if estimate.value is None or estimate.low is None or estimate.high is None:
        return None
    start, width = scale[0], scale[1] - scale[0]

    def place(value: float) -> float:
        return round(2 + 96 * (value - start) / width, 2)

    return Bar(zero=place(0.0), low=place(estimate.low), value=place(estimate.value), high=place(estimate.high))
