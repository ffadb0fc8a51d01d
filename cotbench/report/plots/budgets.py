"""What more of a setting brings: accuracy against a budget of thought, or another number in which arms differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from cotbench.analysis.compare import Comparison
from cotbench.analysis.curve import BUDGET, LEAST, OFF, SPENDING, Point
from cotbench.report import words
from cotbench.report.budgets import curves_of, level_of, margin_of
from cotbench.report.plots.forest import ends_of, level_ticks
from cotbench.report.plots.panels import curve_panels, percent_scale
from cotbench.report.plots.style import (
    INK,
    SMALL,
    Entry,
    Looks,
    Pair,
    Plot,
    by_task,
    figure_of,
    inches,
    listed,
    slug,
)

Curve = Sequence[Point]
CHOSEN = "smallest that is shown not to be worse than the largest"
_NAMES = {BUDGET: "a budget of thought", LEAST: "a minimum of thought", "paths": "the number of paths"}
_LABELS = {BUDGET: "tokens that a thought may have", LEAST: "tokens that a thought has at least"}
_ROOM = 1.7  # how far "no limit" stands from the largest value, and the frame from both, as a factor


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each setting."""
    curves = [curve for curve in curves_of(comparison) if any(point.n for point in curve)]
    for setting in dict.fromkeys(curve[0].setting for curve in curves):
        own = [curve for curve in curves if curve[0].setting == setting]
        title = looks.titled(f"Accuracy against {_NAMES.get(setting, setting)}")
        alt = f"Accuracy in percent by {setting}. {listed([_told(curve, looks) for curve in own])}"
        stem = "budgets" if setting == BUDGET else f"curve-{slug(setting)}"
        yield Plot("budgets", stem, title, alt, partial(_figure, title, own, looks))


def _told(curve: Curve, looks: Looks) -> str:
    shown = [
        f"{level_of(point)} {words.percent(point.accuracy.value)} ({words.ends(point.accuracy)})"
        + (", the smallest shown not to be worse than the largest" if point.chosen else "")
        for point in curve
        if point.n
    ]
    return f"{looks.named(curve[0].task, curve[0].model)}, {curve[0].curve}: {'; '.join(shown)}"


def _figure(title: str, curves: Sequence[Curve], looks: Looks) -> Figure:
    """Draw a panel for each task and model, with a line, and a band for its intervals, for each curve."""
    setting = curves[0][0].setting
    places = by_task([(curve[0].task, curve[0].model) for curve in curves])
    names = list(dict.fromkeys(curve[0].curve for curve in curves))
    colours = {name: _colour(name, curves, looks) for name in names}
    points = [point for curve in curves for point in curve if point.n]
    starts = list(dict.fromkeys(point.mode for point in points if point.level == OFF))
    counts = setting in SPENDING
    scale = _Scale([point for point in points if point.level != OFF], logarithmic=counts)
    chosen = any(point.chosen for point in points)
    figure, panels = curve_panels(
        title,
        len(places),
        2.5 if len(places) > 1 else 3.2,
        looks=looks,
        labels=(_LABELS.get(setting, setting) + (" (log scale)" if scale.logarithmic else ""), "accuracy, %"),
        note="Bands: 95% Wilson intervals of accuracy; whether two arms differ is in the table, question by question. "
        + (f"Not worse: by more than {margin_of(points[0])}, shown from the largest down." if chosen else ""),
        key=[
            *(Entry(label=name, colour=colours[name], mark="o", line="-") for name in names),
            *(Entry(label=f"{mode}, without thinking", colour=looks.colour(mode), line="--") for mode in starts),
            *([Entry(label=CHOSEN, colour=INK, mark="o", hollow=True, size=9)] if chosen else []),
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        own = [curve for curve in curves if (curve[0].task, curve[0].model) == (task, model)]
        here = [point for curve in curves if curve[0].task == task for point in curve if point.n]
        percent_scale(
            panel.axes, [end for point in here for end in (point.accuracy.low, point.accuracy.high) if end is not None]
        )
        scale.set(panel.axes, panel.room)
        panel.head_counted(looks.named(task, model), [point.n for curve in own for point in curve])
        for curve in own:
            _draw(panel.axes, curve, scale, colours[curve[0].curve], looks)
    return figure


def _colour(name: str, curves: Sequence[Curve], looks: Looks) -> str:
    """Return the colour of a curve: its first arm's."""
    return next(
        looks.colour(point.mode) for curve in curves for point in curve if point.curve == name and point.level != OFF
    )


class _Scale:
    """The level axis. Counts are on a logarithmic one, where 0 stands one step before the smallest; an arm without a
    limit stands one step behind the largest."""

    def __init__(self, points: Sequence[Point], *, logarithmic: bool) -> None:
        values = sorted({point.value for point in points if point.value is not None})
        above = [value for value in values if value > 0]
        self.logarithmic = logarithmic and bool(above) and above[-1] >= 4 * above[0]
        self._values = values
        largest = values[-1] if values else 1.0
        spread = (largest - values[0] if values else 0.0) or largest or 1.0
        self._linear = above[0] if above else 1.0  # below this, a logarithmic scale goes straight to 0
        self._endless = largest * _ROOM if self.logarithmic else largest + 0.15 * spread
        self._open = any(point.value is None for point in points)
        last = self._endless if self._open else largest
        self._limits = (
            (-0.15 * self._linear if 0 in values else values[0] / 1.15, last * 1.15)
            if self.logarithmic and values
            else ((values[0] if values else 0.0) - 0.05 * spread, last + 0.05 * spread)
        )

    def at(self, point: Point) -> float:
        return self._endless if point.value is None else point.value

    def set(self, axes: Axes, width: float) -> None:
        """Make an axis one of this scale. width: of the axes, in inches."""
        if self.logarithmic:
            axes.set_xscale("symlog", linthresh=self._linear, linscale=0.35)
        axes.set_xlim(*self._limits)
        places = [*self._values, *([self._endless] if self._open else [])]
        axes.xaxis.set_minor_locator(NullLocator())
        level_ticks(axes, self._apart(axes, places, width), self._named)

    def _named(self, value: float, _place: object = None) -> str:
        return "no limit" if self._open and value == self._endless else figure_of(value)

    def _apart(self, axes: Axes, places: Sequence[float], width: float) -> list[float]:
        """Return the places whose labels don't touch, the last before any other."""
        ends = axes.transData.transform([(place, 0.0) for place in self._limits])[:, 0]
        scale = width / (ends[1] - ends[0])
        stands = axes.transData.transform([(place, 0.0) for place in places])[:, 0] * scale
        kept: list[int] = []
        for number in reversed(range(len(places))):
            reach = inches(self._named(places[number]), SMALL) / 2
            if (
                not kept
                or stands[kept[-1]] - stands[number] > reach + inches(self._named(places[kept[-1]]), SMALL) / 2 + 0.05
            ):
                kept.append(number)
        return [places[number] for number in reversed(kept)]


def _draw(axes: Axes, curve: Curve, scale: _Scale, colour: str, looks: Looks) -> None:
    """Draw one curve over its band, and the line of the arm without thinking."""
    start = next((point for point in curve if point.level == OFF and point.n), None)
    if start is not None:
        style: dict[str, Any] = {"color": looks.colour(start.mode), "linewidth": 1.0, "linestyle": "--"}
        axes.axhline(100 * (start.accuracy.value or 0.0), zorder=1, **style)
    shown = [(scale.at(point), ends) for point in curve if point.level != OFF and (ends := ends_of(point.accuracy))]
    if not shown:
        return
    x, (low, middle, high) = [at for at, _ in shown], zip(*(ends for _, ends in shown), strict=True)
    axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0, zorder=1)
    style = {"color": colour, "marker": "o", "markersize": 4.5, "linewidth": 1.3, "clip_on": False}
    axes.plot(x, middle, label=curve[0].curve, zorder=3, **style)
    for point in curve:
        if point.chosen and (ends := ends_of(point.accuracy)):
            ring: dict[str, Any] = {
                "markersize": 9.5,
                "markerfacecolor": "none",
                "markeredgewidth": 1.2,
                "clip_on": False,
            }
            axes.plot([scale.at(point)], [ends[1]], "o", color=INK, zorder=4, **ring)
