"""Early answering: how many answers are the arm's own behind each cut of its thought, and where they are settled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.early import Early, EarlyPoint
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.report import words
from cotbench.report.plots.forest import level_ticks, upright_ticks
from cotbench.report.plots.panels import curve_panels
from cotbench.report.plots.style import Entry, Looks, Pair, Plot, by_task, figure_of, listed

_SIDES = (SYMBOLIC, OTHER)
_COLOURS = {SYMBOLIC: "#D55E00", OTHER: "#0072B2", ALL: "#D55E00"}
_BAND = 0.16  # of opacity
_TICKS = (0, 25, 50, 75, 100)


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each arm that answers early, a panel for each task and model."""
    for mode in dict.fromkeys(row.mode for row in comparison.early_answers):
        points = [row for row in comparison.early_points if row.mode == mode and row.n > 1]
        rows = {
            (row.task, row.model, row.tag): row for row in comparison.early_answers if row.mode == mode and row.n > 1
        }
        if not points:
            continue
        title = f"Answers behind cuts of a thought ({mode})"
        told = [
            f"{looks.named(row.task, row.model)}, {words.side_label(comparison, row.tag)}: area over the curve "
            f"{words.percent(row.area.value)}%, half of the answers settled at {words.percent(row.settled_p50, 0)}%"
            for row in rows.values()
            if row.tag != ALL
        ]
        alt = "Share of answers that are the arm's own, by how much of its thought stands before. " + listed(told, 20)
        number = list(dict.fromkeys(row.mode for row in comparison.early_answers)).index(mode)
        stem = "early-answers" if not number else f"early-answers-{number + 1}"
        labels = {tag: words.side_label(comparison, tag) for tag in _SIDES}
        yield Plot("early_answers", stem, title, alt, partial(_figure, title, points, rows, labels, looks))


def _figure(
    title: str,
    points: Sequence[EarlyPoint],
    rows: dict[tuple[str, str, str], Early],
    labels: dict[str, str],
    looks: Looks,
) -> Figure:
    """Draw each side's curve with its band, and below it the quartiles of where answers were settled."""
    places = by_task([(row.task, row.model) for row in points])
    sides = [tag for tag in _SIDES if any(row.tag == tag for row in points)] or [ALL]
    lines = {SYMBOLIC: "-", OTHER: "--", ALL: "-"}
    figure, panels = curve_panels(
        title,
        len(places),
        2.4,
        looks=looks,
        labels=("of the thought, % of its tokens", "the arm's own answer, %"),
        note="Bands: 95% intervals. Marks below 0: the median of where answers are settled, lines: their quartiles "
        "(100: before the end they aren't). Thin lines: answers that are right.",
        key=[
            Entry(label=labels.get(tag, "all questions"), colour=_COLOURS[tag], mark="o", line=lines[tag])
            for tag in sides
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        axes = panel.axes
        panel.head_counted(looks.named(task, model), [rows[task, model, ALL].n])
        axes.set_xlim(-3, 103)
        axes.set_ylim(-22, 104)
        level_ticks(axes, _TICKS, figure_of)
        upright_ticks(axes, _TICKS, figure_of)
        for at, tag in enumerate(sides):
            line = [row for row in points if (row.task, row.model, row.tag) == (task, model, tag)]
            if not line:
                continue
            cuts, colour = [100 * row.cut for row in line], _COLOURS[tag]
            low, high = ([100 * (getattr(r.agrees, end) or 0.0) for r in line] for end in ("low", "high"))
            axes.fill_between(cuts, low, high, color=colour, alpha=_BAND, linewidth=0)
            style: dict[str, Any] = {"color": colour, "linestyle": lines[tag], "clip_on": False}
            agrees, right = ([100 * (getattr(r, name).value or 0.0) for r in line] for name in ("agrees", "right"))
            axes.plot(cuts, agrees, marker="o", markersize=3.5, linewidth=1.4, zorder=3, **style)
            axes.plot(cuts, right, linewidth=0.6, zorder=2, **style)
            row = rows[task, model, tag]
            quarters = [100 * (value or 0.0) for value in (row.settled_p25, row.settled_p50, row.settled_p75)]
            height = -8.0 - 8 * at
            axes.plot([quarters[0], quarters[2]], [height] * 2, color=colour, linewidth=2.0, clip_on=False)
            axes.plot([quarters[1]], [height], color=colour, marker="D", markersize=5, clip_on=False)
    return figure
