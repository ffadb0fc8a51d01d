"""Figures with a panel for each task, two side by side: where they stand, their headings and scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cotbench.report.plots.forest import (
    TICK_ROW,
    Limits,
    beside,
    level_ticks,
    past,
    put_label,
    round_ticks,
    set_rows,
    upright_ticks,
)
from cotbench.report.plots.style import (
    BOLD,
    EDGE,
    GREY,
    INK,
    NORMAL,
    SMALL,
    Page,
    figure_of,
    fit,
    height_of,
    inches,
    layout,
    put_text,
    shown,
    width_of,
)

STEP = 0.21  # inches, of a row
WHOLE = Limits(low=0, high=100)
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
        beside(self.axes, at, text, x=past(self.axes, inches("100.0", SMALL) + 0.08), ha="right")


def _panels(
    title: str, count: int, height: float, *, left: float, gutter: float, right: float, reach: float, **page: Any
) -> tuple[Figure, list[Panel]]:
    """Make panels of a height.

    Inches: left, right: beside them; gutter: between two; reach: of a heading beyond its axes.
    """
    columns, whole = 1 if layout().narrow else min(count, 2), _HEAD + height + _FOOT
    width = (layout().width - 2 * EDGE - left - right - gutter * (columns - 1)) / columns
    sheet = Page(title, whole * -(-count // columns), **page)
    panels = []
    for number in range(count):
        line, column = divmod(number, columns)
        x, top = EDGE + left + column * (width + gutter), line * whole
        axes = sheet.axes(x, top + _HEAD, width, height)
        panels.append(Panel(page=sheet, axes=axes, place=(x, top + 0.12), room=width + reach, first=column == 0))
    return sheet.figure, panels


def mode_panels(
    title: str, count: int, modes: Sequence[str], *, label: str, step: float = STEP, **page: Any
) -> tuple[Figure, list[Panel]]:
    """Make panels with a row for each mode, whose scales are set later. label: of x axes; step: inches of a row."""
    names = shown(modes, layout().labels, layout().names)
    size = layout().names
    left, gutter = max(inches(name, size) for name in names.values()) + 0.1, inches("100.0", SMALL) + 0.25
    beyond = {"left": left, "gutter": gutter, "right": gutter - 0.1, "reach": gutter}
    figure, panels = _panels(title, count, step * len(modes), **beyond, **page)
    for panel in panels:
        set_rows(panel.axes, {at: names[mode] for at, mode in enumerate(modes)} if panel.first else {}, len(modes))
        put_label(panel.axes, label)
    return figure, panels


def level_percents(axes: Axes, limits: Limits = WHOLE) -> None:
    """Set a level axis in percent."""
    axes.set_xlim(limits.low, limits.high)
    level_ticks(axes, round_ticks(limits.low, limits.high, width_of(axes), figure_of), figure_of)


def curve_panels(
    title: str, count: int, height: float, *, labels: tuple[str, str], **page: Any
) -> tuple[Figure, list[Panel]]:
    """Make panels with two scales. labels: of the x axes, and of the y axes at the left; page: what `Page` takes."""
    beyond = {"left": 0.44, "gutter": 0.4, "right": 0.1, "reach": 0.0}
    figure, panels = _panels(title, count, height, **beyond, **page)
    for panel in panels:
        panel.axes.spines[:].set_color(GREY)
        put_label(panel.axes, fit(labels[0], width_of(panel.axes) + 0.4), TICK_ROW)
        if panel.first:
            style: dict[str, Any] = {"rotation": 90, "ha": "center", "va": "center", "fontsize": NORMAL, "color": INK}
            put_text(panel.axes, -0.38 / width_of(panel.axes), 0.5, labels[1], transform=panel.axes.transAxes, **style)
    return figure, panels


def logarithmic_axis(axes: Axes, limits: tuple[float, float], ticks: Sequence[float], *, base: int = 10) -> None:
    """Make the level axis one of counts on a logarithmic scale."""
    axes.set_xscale("log", base=base)
    axes.set_xlim(*limits)
    axes.xaxis.set_minor_locator(NullLocator())
    level_ticks(axes, ticks, figure_of)


def percent_scale(axes: Axes, values: Sequence[float]) -> None:
    """Set an upright axis in percent for values in 0..1, of at least 20 points, so that a point looks like little."""
    low, high = 100 * min(values), 100 * max(values)
    margin = max(0.12 * (high - low), (20 - (high - low)) / 2, 3.0)
    bottom, top = max(-3.0, low - margin), min(103.0, high + margin)
    axes.set_ylim(bottom, top)
    step = next(step for step in (5, 10, 20, 50) if height_of(axes) * step / (top - bottom) >= 0.28 or step == 50)
    upright_ticks(axes, [tick for tick in range(0, 101, step) if bottom <= tick <= top], figure_of)
