"""Runs that stop when they know: the interval of each primary difference over the questions of their random order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.drawn import SIGN, Look, Stopped
from cotbench.report import words
from cotbench.report.plots.forest import round_ticks, upright_ticks
from cotbench.report.plots.panels import curve_panels, logarithmic_axis
from cotbench.report.plots.style import GREY, Entry, Looks, Pair, Plot, by_task, height_of, listed, signed

_STEPS = (1, 2, 5)
_FILLED = 3  # bands that are told apart by their fill in one panel


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where a run stops when it knows."""
    rows = [row for row in comparison.stopped if row.n]
    if not rows:
        return
    told = [
        f"{looks.named(row.task, row.model)}, {row.mode} against {row.baseline}: "
        f"{words.difference(row.delta)} after {row.n:,} of {row.of:,}"
        for row in rows
    ]
    title = looks.titled("What was known after how many questions")
    alt = f"Paired difference in points with its interval, over the questions in their random order. {listed(told)}"
    yield Plot("stopped", "sequence", title, alt, partial(_figure, title, rows, comparison.looks, looks))


def _figure(title: str, rows: Sequence[Stopped], points: Sequence[Look], looks: Looks) -> Figure:
    """Draw a panel for each task and model, with a band for each difference."""
    places = by_task([(row.task, row.model) for row in rows])
    modes = list(dict.fromkeys(row.mode for row in rows))
    goals = sorted({row.goal for row in rows if row.goal not in ("", SIGN)}, key=float)
    wanted = f" Dotted: as narrow as was wanted, {', '.join(goals)} points up and down." if goals else ""
    figure, panels = curve_panels(
        title,
        len(places),
        2.5 if len(places) > 1 else 3.0,
        looks=looks,
        labels=("questions, in the order in which they were drawn (log scale)", "difference, points"),
        note=f"Bands: 95% intervals for all questions of the set, which hold at every look.{wanted}",
        key=[Entry(label=mode, colour=looks.colour(mode), line="-") for mode in modes],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        here = [row for row in rows if (row.task, row.model) == (task, model)]
        own = [[one for one in points if one.key == row.key] for row in here]
        many = len(here) > _FILLED
        last = max(row.n for row in here)
        _scale(panel.axes, own, last)
        panel.axes.axhline(0, color=GREY, linewidth=1.0, zorder=1)
        for row, each in zip(here, own, strict=True):
            x = [one.n for one in each]
            low, middle, high = (
                [100 * (getattr(one.delta, end) if getattr(one.delta, end) is not None else np.nan) for one in each]
                for end in ("low", "value", "high")
            )
            colour = looks.colour(row.mode)
            panel.axes.fill_between(x, low, high, color=colour, alpha=0.06 if many else 0.18, linewidth=0, zorder=2)
            for end in (low, high) if many else ():  # over each other, bands are told apart by their ends
                panel.axes.plot(x, end, color=colour, linewidth=0.8, alpha=0.8, zorder=2)
            panel.axes.plot(x, middle, color=colour, linewidth=1.3, zorder=3)
            if row.goal in goals and row.delta.low is not None and row.delta.high is not None:
                centre = 50 * (row.delta.low + row.delta.high)
                for side in (-1, 1):
                    panel.axes.axhline(centre + side * float(row.goal), color=colour, linestyle=":", linewidth=0.9)
        panel.head_counted(looks.named(task, model), [row.n for row in here])
    return figure


def _scale(axes: Axes, rows: Sequence[Sequence[Look]], last: int) -> None:
    """Set the scales: what comes before a hundredth of the questions is of no interest, and wide."""
    first = max(1, last // 100)
    ticks = [step * 10**power for power in range(7) for step in _STEPS if first <= step * 10**power <= last]
    shown = [one.delta for each in rows for one in each if one.n >= min(last, 3 * first)]
    ends = [100 * end for delta in shown for end in (delta.low, delta.high) if end is not None]
    low, high = max(min(ends, default=-100.0), -100.0), min(max(ends, default=100.0), 100.0)
    low, high = min(low, -1.0), max(high, 1.0)
    room = 0.05 * (high - low)
    logarithmic_axis(axes, (first, max(last, first + 1) * 1.05), ticks or [last])
    axes.set_ylim(low - room, high + room)
    upright_ticks(axes, round_ticks(low, high, height_of(axes), signed), signed)
