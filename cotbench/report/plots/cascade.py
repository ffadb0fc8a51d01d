"""Cascades: accuracy against cost, from never thinking over every tau to always, with what tags give and what a tau
gives that was chosen on other questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.cascade import ALWAYS, FITTED, FIXED, NEVER, TAGS, WITHIN, Cascade
from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.cascade import policy_of, sure_of
from cotbench.report.plots.cost import token_axis
from cotbench.report.plots.forest import ends_of
from cotbench.report.plots.panels import curve_panels, percent_scale
from cotbench.report.plots.style import GREY, INK, Entry, Looks, Pair, Plot, listed

MOST = 12  # pairs of arms
_MARKS = {NEVER: "s", ALWAYS: "^", TAGS: "x", FITTED: "D"}


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any direct arm tells how sure it is, beside one that thinks."""
    pairs: dict[tuple[str, ...], list[Cascade]] = {}
    for row in comparison.cascades:
        if row.tokens is not None and row.policy in (FIXED, *_MARKS) and row.goal in ("", WITHIN):
            pairs.setdefault((*row.key, row.sure), []).append(row)
    shown = list(pairs.values())[:MOST]
    if not shown:
        return
    told = [
        f"{_named(looks, row)}, {policy_of(row)}: {words.percent(row.accuracy.value)}% at "
        f"{words.tokens(row.tokens)} tokens"
        for rows in shown
        for row in rows
        if row.policy in _MARKS
    ]
    title = looks.titled("Thinking only where the direct answer is unsure")
    alt = "Accuracy against mean completion tokens. " + listed(told, 20)
    yield Plot("cascades", "cascades", title, alt, partial(_figure, title, shown, looks))


def _named(looks: Looks, row: Cascade) -> str:
    return f"{looks.named(row.task, row.model)}, {row.mode} by {sure_of(row)}"


def _figure(title: str, pairs: Sequence[Sequence[Cascade]], looks: Looks) -> Figure:
    """Draw a panel for each pair of arms."""
    colour = looks.colour(pairs[0][0].mode)
    figure, panels = curve_panels(
        title,
        len(pairs),
        2.3,
        looks=looks,
        labels=("completion tokens per question, mean", "right, %"),
        note="Band, lines up and down: 95% intervals of accuracy; those of what is lost stand in the table. The "
        "cross-fitted tau was chosen on other questions, to stay within the margin.",
        key=[
            Entry(label="never", colour=INK, mark="s"),
            Entry(label="below tau, every tau", colour=colour, line="-"),
            Entry(label="cross-fitted tau", colour=colour, mark="D"),
            Entry(label="where a tag says symbolic", colour=GREY, mark="x"),
            Entry(label="always", colour=INK, mark="^"),
        ],
    )
    for rows, panel in zip(pairs, panels, strict=True):
        axes = panel.axes
        token_axis(axes, [row.tokens or 0.0 for row in rows], logarithmic=False)
        ends = {id(row): ends_of(row.accuracy) or (0.0, 0.0, 0.0) for row in rows}
        percent_scale(axes, [end / 100 for row in rows if row.policy != TAGS for end in ends[id(row)]])
        panel.head_counted(_named(looks, rows[0]), [row.n for row in rows])
        line = sorted((row for row in rows if row.policy == FIXED), key=lambda row: row.used)
        spent = [row.tokens or 0.0 for row in line]
        low, value, high = zip(*(ends[id(row)] for row in line), strict=True)
        axes.fill_between(spent, low, high, color=colour, alpha=0.15, linewidth=0, zorder=1)
        axes.plot(spent, value, color=colour, linewidth=1.3, zorder=2)
        for row in rows:
            if row.policy not in _MARKS:
                continue
            tone = colour if row.policy == FITTED else GREY if row.policy == TAGS else INK
            below, at, above = ends[id(row)]
            reach = [[max(0.0, at - below)], [max(0.0, above - at)]] if row.policy != TAGS else None
            style: dict[str, Any] = {"markersize": 5.5, "elinewidth": 0.9, "clip_on": False, "zorder": 3}
            axes.errorbar([row.tokens or 0.0], [at], yerr=reach, fmt=_MARKS[row.policy], color=tone, **style)
    return figure
