"""Accuracy by mode."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, ModeStats
from cotbench.report import words
from cotbench.report.plots.panels import counted, percent_axis
from cotbench.report.plots.style import (
    EDGE,
    GREY,
    INK,
    LABELS,
    SMALL,
    Entry,
    Look,
    Page,
    grid,
    inches,
    listed,
    set_rows,
    shown,
    widest,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ROW = 0.21  # inches


def accuracy_rows(comparison: Comparison) -> list[ModeStats]:
    rows = [row for row in comparison.modes if row.tag == ALL]
    return rows if any(row.accuracy is not None for row in rows) else []


def accuracy_title(look: Look) -> str:
    return look.titled("Accuracy by mode")


def accuracy_figure(comparison: Comparison, look: Look) -> Figure:
    """Dots with intervals on a scale from 0 to 100, a row for each mode (and in it a line for each model)."""
    stats = accuracy_rows(comparison)
    tasks = list(dict.fromkeys(row.task for row in stats))
    modes = list(dict.fromkeys(row.mode for row in stats))
    models = list(dict.fromkeys(row.model for row in stats))
    names = shown(modes, LABELS)
    step = ROW if len(models) == 1 else max(ROW, 0.16 * len(models) + 0.06)
    left = widest(list(names.values())) + 0.1
    gutter = inches("100.0", SMALL) + 0.25
    columns, width = grid(len(tasks), left=left, gutter=gutter, right=gutter - 0.1)
    height = step * len(modes)
    head, foot = 0.24, 0.5
    key = (
        [Entry(label=look.models[model], colour=INK, mark=look.marks[model]) for model in models]
        if look.several
        else []
    )
    page = Page(
        accuracy_title(look),
        (head + height + foot) * -(-len(tasks) // columns),
        stub=look.stub,
        key=key,
        note="Lines: 95% Wilson intervals. An answer that could not be read counts as not right.",
    )
    offsets = {model: (at - (len(models) - 1) / 2) * 0.16 / step for at, model in enumerate(models)}
    for place, task in enumerate(tasks):
        line, column = divmod(place, columns)
        x, top = EDGE + left + column * (width + gutter), line * (head + height + foot)
        axes = page.axes(x, top + head, width, height)
        axes.set_xlim(0, 100)
        labels = {float(at): names[mode] for at, mode in enumerate(modes)} if column == 0 else {}
        set_rows(axes, labels, len(modes), width)
        percent_axis(axes, "x")
        axes.set_xlabel("accuracy, %")
        own = [row for row in stats if row.task == task]
        counted(page, x, top + 0.12, task, [row.n for row in own], width + gutter)
        for row in own:
            at = modes.index(row.mode) + offsets[row.model]
            said = words.DASH
            if row.accuracy is not None and row.low is not None and row.high is not None:
                said = words.percent(row.accuracy)
                axes.errorbar(
                    [100 * row.accuracy],
                    [at],
                    xerr=[[100 * max(0.0, row.accuracy - row.low)], [100 * max(0.0, row.high - row.accuracy)]],
                    fmt=look.marks[row.model] if look.several else look.mark(row.mode),
                    color=look.colour(row.mode),
                    markersize=5,
                    elinewidth=1.3,
                    clip_on=False,
                )
            axes.text(
                1 + (gutter - 0.2) / width,
                at,
                said,
                transform=axes.get_yaxis_transform(),
                fontsize=SMALL,
                color=GREY,
                ha="right",
                va="center_baseline",
            )
    return page.figure


def accuracy_alt(comparison: Comparison, look: Look) -> str:
    parts = [
        f"{look.named(row.task, row.model)}, {row.mode} {words.percent(row.accuracy)} ({words.interval(row.low, row.high)}, n = {row.n:,})"
        for row in accuracy_rows(comparison)
    ]
    return "Accuracy in percent. " + listed(parts, 30)
