"""Figures with a panel for each task, two side by side: where they stand, their headings and scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MultipleLocator

from cotbench.report.plots.forest import beside, past, set_rows
from cotbench.report.plots.style import (
    BOLD,
    EDGE,
    LABELS,
    RULE,
    SMALL,
    WIDTH,
    Entry,
    Looks,
    Page,
    figure_of,
    fit,
    inches,
    shown,
    widest,
)

STEP = 0.21  # inches, of a row
_HEAD, _FOOT = 0.24, 0.5  # inches above and below the axes


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Axes under a heading."""

    page: Page
    axes: Axes
    place: tuple[float, float]  # of the heading, in inches
    room: float  # inches that the heading may take
    first: bool  # whether no other panel stands at the left

    def head(self, text: str) -> None:
        """Write a heading, cut where it is too wide."""
        self.page.bold(*self.place, fit(text, self.room / BOLD))

    def head_counted(self, name: str, counts: Sequence[int]) -> None:
        """Write a heading with how many questions there are, whatever must be cut of the name."""
        low, high = min(counts), max(counts)
        count = f" (n = {low:,})" if low == high else f" (n = {low:,} to {high:,})"
        self.head(fit(name, (self.room - 0.1) / BOLD - inches(count)) + count)

    def put_figure(self, at: float, text: str) -> None:
        """Write a percentage at the right of a row."""
        beside(self.axes, at, text, x=past(self.axes, inches("100.0", SMALL) + 0.05), ha="right")


def _panels(
    title: str, count: int, height: float, *, left: float, gutter: float, right: float, reach: float, **page: Any
) -> tuple[Figure, list[Panel]]:
    """Make panels of a height.

    Inches: left, right: beside them; gutter: between two; reach: of a heading beyond its axes.
    """
    columns, whole = min(count, 2), _HEAD + height + _FOOT
    width = (WIDTH - 2 * EDGE - left - right - gutter * (columns - 1)) / columns
    sheet = Page(title, whole * -(-count // columns), **page)
    panels = []
    for number in range(count):
        line, column = divmod(number, columns)
        x, top = EDGE + left + column * (width + gutter), line * whole
        axes = sheet.axes(x, top + _HEAD, width, height)
        panels.append(Panel(page=sheet, axes=axes, place=(x, top + 0.12), room=width + reach, first=column == 0))
    return sheet.figure, panels


def mode_panels(
    title: str,
    count: int,
    modes: Sequence[str],
    *,
    looks: Looks,
    label: str,
    note: str,
    key: Sequence[Entry],
    step: float = STEP,
) -> tuple[Figure, list[Panel]]:
    """Make panels from 0 to 100% with a row for each mode. label: of the x axes; step: inches of a row."""
    names = shown(modes, LABELS)
    left, gutter = widest(list(names.values())) + 0.1, inches("100.0", SMALL) + 0.25
    beyond = {"left": left, "gutter": gutter, "right": gutter - 0.1, "reach": gutter}
    figure, panels = _panels(title, count, step * len(modes), **beyond, stub=looks.stub, key=key, note=note)
    for panel in panels:
        panel.axes.set_xlim(0, 100)
        set_rows(panel.axes, {at: names[mode] for at, mode in enumerate(modes)} if panel.first else {}, len(modes))
        percent_axis(panel.axes, "x")
        panel.axes.set_xlabel(label)
    return figure, panels


def curve_panels(
    title: str, count: int, height: float, *, looks: Looks, labels: tuple[str, str], note: str, key: Sequence[Entry]
) -> tuple[Figure, list[Panel]]:
    """Make panels with two scales. labels: of the x axes, and of the y axes at the left."""
    beyond = {"left": 0.42, "gutter": 0.4, "right": 0.1, "reach": 0.0}
    figure, panels = _panels(title, count, height, **beyond, stub=looks.stub, key=key, note=note)
    for panel in panels:
        panel.axes.grid(color=RULE, linewidth=0.5)
        panel.axes.tick_params(length=2.5, width=0.6, labelsize=SMALL)
        panel.axes.tick_params(which="minor", length=0)
        panel.axes.set_xlabel(labels[0])
        panel.axes.set_ylabel(labels[1] if panel.first else "")
    return figure, panels


def percent_axis(axes: Axes, which: str, step: int = 20) -> None:
    """Set ticks every so many percent on an axis, "x" or "y"."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(FuncFormatter(figure_of))


def percent_scale(axes: Axes, values: Sequence[float]) -> None:
    """Set an upright axis in percent for values in 0..1, of at least 20 points, so that a point looks like little."""
    low, high = 100 * min(values), 100 * max(values)
    margin = max(0.12 * (high - low), (20 - (high - low)) / 2, 3.0)
    bottom, top = max(-3.0, low - margin), min(103.0, high + margin)
    axes.set_ylim(bottom, top)
    percent_axis(axes, "y", 20 if top - bottom > 60 else 10 if top - bottom > 30 else 5)
