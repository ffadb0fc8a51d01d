"""Votes that stop early: how many paths a rule draws, and how many votes it leaves as they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.stopping import ENOUGH, StoppedVote
from cotbench.modes.stopping import ADAPTIVE, WINDOW
from cotbench.report import words
from cotbench.report.plots.forest import level_ticks, round_ticks
from cotbench.report.plots.panels import curve_panels, percent_scale
from cotbench.report.plots.style import GREY, Entry, Looks, Pair, Plot, by_task, figure_of, listed, width_of
from cotbench.report.stopping import rule_of

_STYLES = {ADAPTIVE: ("o", "-"), WINDOW: ("s", ":")}


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any vote arm's paths are on record."""
    rows = comparison.stopped_votes
    if not rows:
        return
    told = [
        f"{looks.named(row.task, row.model)}, {row.mode}, {rule_of(row)}: {row.paths:.1f} of {row.of} paths, "
        f"{words.percent(row.unchanged.value)}% unchanged"
        for row in rows
    ]
    title = looks.titled("Votes that stop early: paths drawn, and votes unchanged")
    alt = "Share of votes that stay as they are against the mean number of paths. " + listed(told, 20)
    yield Plot("stopped_votes", "stopped_votes", title, alt, partial(_figure, title, rows, looks))


def _figure(title: str, rows: Sequence[StoppedVote], looks: Looks) -> Figure:
    places = by_task([(row.task, row.model) for row in rows])
    modes = list(dict.fromkeys(row.mode for row in rows))
    named = modes if len(modes) > 1 else []
    tone = GREY if named else looks.colour(modes[0])
    figure, panels = curve_panels(
        title,
        len(places),
        2.1,
        looks=looks,
        labels=("paths drawn, mean", "votes unchanged, %"),
        note=f"Over orders of the recorded paths. Broken line: {100 * ENOUGH:g}%.",
        key=[
            *(Entry(label=mode, colour=looks.colour(mode), mark="o") for mode in named),
            Entry(label="adaptive: 0.8, 0.9, 0.95, 0.99 sure", colour=tone, mark="o", line="-"),
            Entry(label="windows of 3, 5, 8 paths", colour=tone, mark="s", line=":", hollow=True),
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        axes = panel.axes
        own = [row for row in rows if (row.task, row.model) == (task, model)]
        most = max(row.of for row in own) * 1.05
        axes.set_xlim(0, most)
        level_ticks(axes, round_ticks(0, most, width_of(axes), figure_of), figure_of)
        percent_scale(axes, [*(row.unchanged.value or 0.0 for row in own), 1.0])
        panel.head_counted(looks.named(task, model), [row.n for row in own])
        axes.axhline(100 * ENOUGH, color=GREY, linewidth=0.9, linestyle="--", zorder=1)
        for mode in modes:
            for rule, (mark, line) in _STYLES.items():
                found = sorted((r for r in own if (r.mode, r.rule) == (mode, rule)), key=lambda row: row.paths)
                style: dict[str, Any] = {"color": looks.colour(mode), "marker": mark, "linestyle": line}
                style |= {"markersize": 4.5, "linewidth": 1.3, "clip_on": False}
                style |= {"markerfacecolor": "white"} if rule == WINDOW else {}
                axes.plot([row.paths for row in found], [100 * (r.unchanged.value or 0.0) for r in found], **style)
    return figure
