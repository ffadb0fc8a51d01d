"""Runs that stop when they know: where each primary difference stands, and what the run stopped for. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.drawn import SIGN, Stopped
from cotbench.report.columns import PAIR, Table
from cotbench.report.words import DASH, count, difference, p_value, percent


def stopped(comparison: Comparison) -> Table[Stopped]:
    """Each primary difference of the drawn runs."""
    return Table(
        title="Runs that stop when they know, in points",
        rows=comparison.stopped,
        names=PAIR,
        figures=[
            ("asked", lambda r: f"{count(r.n)} of {count(r.of)}"),
            ("goal", goal_of),
            ("difference", lambda r: difference(r.delta)),
            ("half-width", lambda r: percent(r.half_width)),
            ("evidence", evidence_of),
            ("p", lambda r: p_value(r.delta.p)),
            ("stopped for", why_of),
        ],
        about="asked: the first questions of a random order, and how many the set has; what was answered behind them "
        "is in no figure. difference: for all questions of the set, in an interval that holds wherever the run stops, "
        "and says nothing of questions beyond the set. evidence: the largest e-value so far against no difference: "
        "under none, one of 20 or more comes up in at most one run in 20. p: 1 / evidence. The sign is known "
        f"where that is at least 20 times the number of primary differences ({_tests(comparison)}).",
    )


def _tests(comparison: Comparison) -> str:
    return ", ".join(dict.fromkeys(count(row.tests) for row in comparison.stopped))


def goal_of(row: Stopped) -> str:
    """What was to be known, in words."""
    if not row.goal:
        return DASH
    return "the sign" if row.goal == SIGN else f"±{row.goal}"


def why_of(row: Stopped) -> str:
    """What a run stopped for, in words."""
    if row.n == row.of:
        return "all asked"
    return row.why or "not stopped"


def evidence_of(row: Stopped) -> str:
    """The evidence, as far as a figure tells more than that it is large."""
    if row.log10_e is None:
        return "certain"
    return f"{10**row.log10_e:,.1f}" if row.log10_e < 4 else f"1e{row.log10_e:.0f}"
