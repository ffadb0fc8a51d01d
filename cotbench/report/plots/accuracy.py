"""Accuracy by mode."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, ModeStats
from cotbench.report import words
from cotbench.report.plots.forest import Dot, Ends, Limits, draw_dots, ends_of
from cotbench.report.plots.panels import STEP, level_percents, mode_panels
from cotbench.report.plots.style import INK, Entry, Looks, Pair, Plot, listed

BETWEEN = 0.16  # inches, from a model's line to the next
_LEAST = 30  # points that a scale shows, so that little looks like little


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any accuracy is known."""
    rows = [row for row in comparison.modes if row.tag == ALL]
    if any(row.accuracy.value is not None for row in rows):
        told = [
            f"{looks.named(row.task, row.model)}, {row.mode} {words.percent(row.accuracy.value)} "
            f"({words.ends(row.accuracy)}, n = {row.n:,})"
            for row in rows
        ]
        title, alt = looks.titled("Accuracy by mode"), "Accuracy in percent. " + listed(told, 30)
        yield Plot("accuracy", "accuracy", title, alt, partial(_figure, title, rows, looks))


def _figure(title: str, rows: Sequence[ModeStats], looks: Looks) -> Figure:
    """Draw dots with intervals, with a row for each mode, and in it a line for each model.

    A task's scale shows what there is of it: from 0 to 100, three points of difference would be hard to see.
    """
    tasks, modes, models = (list(dict.fromkeys(getattr(r, name) for r in rows)) for name in ("task", "mode", "model"))
    step = STEP if len(models) == 1 else max(STEP, BETWEEN * len(models) + 0.06)
    figure, panels = mode_panels(
        title,
        len(tasks),
        modes,
        looks=looks,
        label="accuracy, %",
        note="Lines: 95% Wilson intervals. An answer that could not be read counts as not right. "
        + ("Each task has a scale of its own." if len(tasks) > 1 else ""),
        key=[Entry(label=looks.models[m], colour=INK, mark=looks.marks[m]) for m in models] if looks.several else [],
        step=step,
    )
    for task, panel in zip(tasks, panels, strict=True):
        own = [row for row in rows if row.task == task]
        panel.head_counted(task, [row.n for row in own])
        dots = []
        for row in own:
            at = modes.index(row.mode) + (models.index(row.model) - (len(models) - 1) / 2) * BETWEEN / step
            panel.put_figure(at, words.percent(row.accuracy.value))
            if ends := ends_of(row.accuracy):
                mark = looks.marks[row.model] if looks.several else looks.mark(row.mode)
                dots.append(Dot(at=at, ends=ends, colour=looks.colour(row.mode), mark=mark))
        limits = _limits([dot.ends for dot in dots])
        level_percents(panel.axes, limits)
        draw_dots(panel.axes, dots, limits)
    return figure


def _limits(known: Sequence[Ends]) -> Limits:
    """Return the ends of a task's scale, within which all intervals lie, in whole tens."""
    low = min((ends[0] for ends in known), default=0.0) - 2
    high = max((ends[2] for ends in known), default=100.0) + 2
    missing = max(0.0, _LEAST - (high - low)) / 2
    low, high = max(0.0, low - missing), min(100.0, high + missing)
    low, high = 5 * math.floor(low / 5), 5 * math.ceil(high / 5)
    slack = 0.015 * (high - low)  # for the half of a mark at 0 or 100
    return Limits(low=low - slack, high=high + slack)
