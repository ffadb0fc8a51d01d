"""Cascades, which think only where a direct answer is unsure: a table, and a sentence for each pair of arms."""

from __future__ import annotations

from cotbench.analysis.cascade import ALWAYS, BEST, BY_OPTIONS, FITTED, FIXED, NEVER, SAME, TAGS, WITHIN, Cascade
from cotbench.analysis.compare import Comparison
from cotbench.modes.cascade import DRAWN
from cotbench.report import words
from cotbench.report.columns import PAIR, Column, N, Table
from cotbench.report.words import DASH, difference, ends, percent

_GOALS = {WITHIN: "within the margin", BEST: "most right"}


def sure_of(row: Cascade) -> str:
    """Say what tells how sure a direct answer is."""
    return "options" if row.sure == BY_OPTIONS else f"votes of {DRAWN}"


def policy_of(row: Cascade) -> str:
    """Say when a policy thinks."""
    tau = "above all" if row.tau is None else f"{row.tau:.2f}"
    return {
        NEVER: NEVER,
        ALWAYS: ALWAYS,
        TAGS: f"{TAGS} ({row.rule})",
        FIXED: f"below {tau}",
        FITTED: f"{FITTED}, {_GOALS.get(row.goal, '')}",
        SAME: f"{SAME}, {_GOALS.get(row.goal, '')}",
    }[row.policy]


def cascades(comparison: Comparison) -> Table[Cascade]:
    """Policies over pairs of a direct arm and one that thinks; of those below a fixed tau the plot shows all."""
    rows = [row for row in comparison.cascades if row.policy != FIXED]
    currency = next((row.currency for row in rows if row.currency), "")
    money: list[Column[Cascade]] = [
        (f"{currency} per 1,000", lambda r: DASH if r.cost_per_1000 is None else f"{r.cost_per_1000:,.3g}")
    ]
    margin = 100 * rows[0].margin if rows else 0.0
    return Table(
        title="Thinking only where the direct answer is unsure, in points",
        rows=rows,
        names=[*PAIR, ("sure by", sure_of), ("thinks", policy_of)],
        figures=[
            N,
            ("thinks %", lambda r: percent(r.used)),
            ("right %", lambda r: percent(r.accuracy.value)),
            ("tokens", lambda r: words.tokens(r.tokens) if r.tokens is not None else DASH),
            *(money if currency else []),
            ("saved %", lambda r: percent(r.saving.value)),
            ("loses", lambda r: difference(r.loss)),
            (f"within {margin:g}", lambda r: DASH if r.within is None else "shown" if r.within else "not shown"),
            ("tau", lambda r: DASH if r.policy in (NEVER, ALWAYS, TAGS) else _tau(r)),
            ("ECE", lambda r: f"{r.ece:.2f}"),
            ("AUROC", lambda r: DASH if r.auroc is None else f"{r.auroc:.2f}"),
        ],
        about="From recorded arms; nobody was asked. cross-fitted: tau was chosen on other questions than those it is "
        "scored on, over many splits; tau is what would be chosen of all. chosen on the same questions: is too good, "
        "and shows by how much. within the margin: the least thinking that is shown, where it is chosen, to lose no "
        "more. saved: of tokens against always thinking, direct answers counted; below 0 where they cost more. loses: "
        "what always thinking is above it. ECE, AUROC: of the direct answers, how far their sureness lies from how "
        "often they are right, and how often a right one is surer than a wrong one (0.50: it tells nothing).",
    )


def _tau(row: Cascade) -> str:
    return "above all" if row.tau is None else f"{row.tau:.2f}"


def sentences(comparison: Comparison) -> list[str]:
    """Say of each pair what a cross-fitted cascade costs and loses, and whether it is shown to be within the margin."""
    rows = [row for row in comparison.cascades if row.policy == FITTED and row.goal == WITHIN]
    several = len({row.model for row in rows}) > 1
    return [_sentence(comparison, row, several) for row in rows]


def _sentence(comparison: Comparison, row: Cascade, several: bool) -> str:
    label = comparison.facts_of(row.mode).label or row.mode
    where = f"on {row.task}" + (f" for {words.short_model(row.model)}" if several else "")
    who = f"a cascade from {row.baseline} to {label} (sure by {sure_of(row)}, cross-fitted) {where}"
    cost = "unknown cost" if row.saving.value is None else f"{100 * (1 - row.saving.value):.0f}% of the tokens"
    value, margin = row.loss.value or 0.0, f"{100 * row.margin:g} points"
    lost = f"{'loses' if value >= 0 else 'gains'} {abs(100 * value):.1f} points"
    inside = f"{ends(row.loss, signed=True)} lost; n = {row.n:,}"
    if row.saving.value is not None and row.saving.value <= 0:
        said = "it saves nothing"
    else:
        said = f"shown to be within {margin}" if row.within else f"not shown to be within {margin}"
    return f"At {cost} of always thinking, {who} {lost} ({inside}): {said}."
