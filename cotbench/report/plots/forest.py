"""Forest plots: rows of dots with intervals, under names at the left and with texts beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

from cotbench.analysis.estimates import Interval
from cotbench.report import words
from cotbench.report.plots.style import (
    BOLD,
    EDGE,
    GREY,
    INK,
    NORMAL,
    RULE,
    SMALL,
    Looks,
    Page,
    by_task,
    fit,
    height_of,
    inches,
    layout,
    put_text,
    shown,
    signed,
    widest,
    width_of,
)

ROW, TWO_LINES = 0.19, 0.29  # inches, of a row
GAP = 0.18  # between what stands side by side
LEAST_ROOM = 0.7  # to draw in, beside whatever names and figures
MOST_TICKS = 8
HEAD_ROW, TICK_ROW = 0.24, 0.22  # above axes, of a title; below them, of the labels of ticks
ROOMY = 15.0  # points: an interval that reaches no further from its value is shown whole
EMPTY = "n = 0, not estimable"
ARROW_NOTE = "Arrowheads: the interval goes on outside the plot. "

ON_LINES = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # behind a text that may lie on some

Key = tuple[str, ...]  # model, task and mode, or a group
Ends = tuple[float, float, float]  # low, value and high, in percent or points


def ends_of(estimate: Interval) -> Ends | None:
    """Return an estimate in percent or points, None where there is none. One without an interval has no line."""
    if estimate.value is None:
        return None
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    return 100 * low, 100 * estimate.value, 100 * high


# --- dots ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A mark at a height, in rows, with a line over its interval."""

    at: float
    ends: Ends
    colour: str
    mark: str = "o"
    hollow: bool = False
    size: float = 5.0  # of the mark, in points
    line: float = 1.3  # how thick the line is


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The ends of an axis."""

    low: float
    high: float

    def cut(self, value: float) -> float:
        return min(self.high, max(self.low, value))

    def note(self, rows: Iterable[Ends]) -> str:
        """Return what a note says of intervals that leave the plot, "" where none does."""
        return ARROW_NOTE if any(low < self.low or high > self.high for low, _, high in rows) else ""


def limits_of(rows: Sequence[Ends], *, floor: float, ceiling: float, least: float) -> Limits:
    """Return limits that hold zero and all values, and the intervals that aren't far wider than the others.

    A side with three questions would otherwise leave a pixel for each of the rest. least: how far apart they are.
    """
    reaches = sorted((high - low) / 2 for low, _, high in rows)
    usual = max(ROOMY, 3 * reaches[len(reaches) // 2]) if reaches else 0.0
    held = [0.0]
    for low, value, high in rows:
        held += [max(low, value - usual), min(high, value + usual)]
    low, high = min(held), max(held)
    margin = 0.05 * (high - low)  # beyond the least and the most that there can be too: there a mark would be cut
    low, high = max(floor - margin, low - margin), min(ceiling + margin, high + margin)
    missing = max(0.0, least - (high - low))
    return Limits(low=low - missing / 2, high=high + missing / 2)


def draw_dots(axes: Axes, dots: Iterable[Dot], limits: Limits) -> None:
    """Draw dots, with an arrowhead inside the edge where an interval leaves the plot. Marks are never cut."""
    alike: dict[tuple[Any, ...], list[Dot]] = {}
    for dot in dots:
        alike.setdefault((dot.colour, dot.mark, dot.hollow, dot.size, dot.line), []).append(dot)
    for (colour, mark, hollow, size, line), some in alike.items():
        style: dict[str, Any] = {"fmt": mark, "color": colour, "markersize": size, "elinewidth": line, "clip_on": False}
        style |= {"markerfacecolor": "white" if hollow else colour, "markeredgewidth": 1.0, "capsize": 0}
        values = [dot.ends[1] for dot in some]
        reaches = [
            [max(0.0, dot.ends[1] - limits.cut(dot.ends[0])) for dot in some],
            [max(0.0, limits.cut(dot.ends[2]) - dot.ends[1]) for dot in some],
        ]
        axes.errorbar(values, [dot.at for dot in some], xerr=reaches, **style)
        draw_arrows(axes, [(dot.at, dot.ends) for dot in some], limits, colour)


def draw_arrows(axes: Axes, rows: Iterable[tuple[float, Ends]], limits: Limits, colour: str) -> None:
    """Draw an arrowhead, inside the edge, where an interval leaves the plot. rows: heights and intervals."""
    known, inside = list(rows), 0.03 * (limits.high - limits.low) / width_of(axes)
    for places, edge, arrow in (
        ([at for at, ends in known if ends[0] < limits.low], limits.low + inside, "<"),
        ([at for at, ends in known if ends[2] > limits.high], limits.high - inside, ">"),
    ):
        if places:
            axes.plot([edge] * len(places), places, arrow, color=colour, markersize=4, clip_on=False, zorder=4)


# --- scales -------------------------------------------------------------------------------------------------------


def round_ticks(low: float, high: float, room: float, named: Callable[[float], str] = signed) -> list[float]:
    """Return round numbers, as many as have labels that don't touch. room: inches from low to high."""
    span = (high - low) or 1.0
    for exponent in range(math.floor(math.log10(span)) - 2, math.ceil(math.log10(span)) + 1):
        for digit in (1.0, 2.0, 2.5, 5.0):
            step = digit * 10.0**exponent
            first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
            if last - first > MOST_TICKS or (digit == 2.5 and exponent < 1):
                continue
            ticks = [round(number * step, 9) + 0.0 for number in range(first, last + 1)]
            if widest([named(tick) for tick in ticks], SMALL) + 0.05 <= step / span * room:
                return ticks
    return [0.0]


def level_ticks(axes: Axes, ticks: Sequence[float], named: Callable[[float], str], *, grid: bool = True) -> None:
    """Set the ticks of a level axis, with lines through them. matplotlib's own take several times as long."""
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_visible(False)
    across = axes.get_xaxis_transform()
    if grid:
        lines = [((tick, 0.0), (tick, 1.0)) for tick in ticks]
        axes.add_collection(
            LineCollection(lines, colors=RULE, linewidths=0.5, transform=across, zorder=0.5), autolim=False
        )
    for tick in ticks:
        put_text(
            axes,
            tick,
            -0.05 / height_of(axes),
            named(tick),
            transform=across,
            ha="center",
            va="top",
            fontsize=SMALL,
            color=INK,
        )


def upright_ticks(axes: Axes, ticks: Sequence[float], named: Callable[[float], str]) -> None:
    """Set the ticks of an upright axis, as `level_ticks` does."""
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_visible(False)
    along = axes.get_yaxis_transform()
    lines = [((0.0, tick), (1.0, tick)) for tick in ticks]
    axes.add_collection(LineCollection(lines, colors=RULE, linewidths=0.5, transform=along, zorder=0.5), autolim=False)
    for tick in ticks:
        style: dict[str, Any] = {"ha": "right", "va": "center_baseline", "fontsize": SMALL, "color": INK}
        put_text(axes, -0.06 / width_of(axes), tick, named(tick), transform=along, **style)


def put_label(axes: Axes, text: str, below: float = TICK_ROW) -> None:
    """Write what a level axis shows under its ticks. below: in inches."""
    place: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "top", "fontsize": NORMAL, "color": INK}
    put_text(axes, 0.5, -below / height_of(axes), text, **place)


# --- rows ---------------------------------------------------------------------------------------------------------


def set_rows(axes: Axes, names: dict[float, str], count: float) -> None:
    """Give axes rows from 0 at the top to count, with names at their left and no axis there."""
    axes.set_ylim(count - 0.45, -0.55)
    for at, name in names.items():  # ticks would take several times as long
        beside(axes, at, name, x=-0.09 / width_of(axes), fontsize=layout().names, color=INK, ha="right")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.yaxis.set_visible(False)


def beside(axes: Axes, at: float, text: str, *, x: float, **style: Any) -> None:
    """Write a text in a row, at a share of the axes' width."""
    style = {"fontsize": SMALL, "color": GREY, "ha": "left", **style}
    put_text(axes, x, at, text, transform=axes.get_yaxis_transform(), va="center_baseline", **style)


def past(axes: Axes, inches: float) -> float:
    """Return where, as a share of the axes' width, a text stands that is so far past their right edge."""
    return 1 + inches / width_of(axes)


class Figures:
    """Figures at the right of a plot's rows: in columns, each as wide as its widest, or two of them in two lines.

    heads: of the columns, () for none. rows: all that are to be written, so that there is room for them. stacked: the
    second stands under the first, in rows that are higher.
    """

    def __init__(self, heads: Sequence[str], rows: Iterable[Sequence[str]], *, stacked: bool = False) -> None:
        self.heads, self.stacked = list(heads), stacked
        columns = list(zip(*[*([heads] if heads else []), *rows], strict=True)) or [("",)]
        widths = [widest(column, SMALL) for column in columns]
        self._stops = [0.1 + max(widths)] * len(widths)
        if not stacked:
            self._stops = [0.1 + sum(widths[: place + 1]) + 0.11 * place for place in range(len(widths))]

    @property
    def gutter(self) -> float:
        """How much room they take, in inches."""
        return self._stops[-1]

    @property
    def row(self) -> float:
        """How high a row is, in inches."""
        return TWO_LINES if self.stacked else ROW

    def put(self, axes: Axes, at: float, row: Sequence[str], **style: Any) -> None:
        """Write a row's figures, the first darker than the others."""
        for number, (stop, text) in enumerate(zip(self._stops, row, strict=True)):
            look = {"color": GREY if number else INK, **style}
            lower = (number - 0.5) * 0.125 / self.row if self.stacked else 0.0
            beside(axes, at + lower, text, x=past(axes, stop), ha="right", **look)

    def put_heads(self, axes: Axes) -> None:
        if self.heads:
            self.put(axes, -0.55 - 0.14 / self.row, self.heads, color=GREY)

    def put_over(self, axes: Axes, at: float, text: str) -> None:
        """Write a text that ends where the figures do."""
        beside(axes, at, text, x=past(axes, self.gutter), ha="right")


def interval_of(estimate: Interval) -> str:
    """Return the ends of a difference, signed."""
    return words.ends(estimate, signed=True)


def figures_of(estimate: Interval, n: int) -> list[str]:
    """Return what stands beside a row that is a difference. A telephone has no room for n."""
    return [words.points(estimate.value), interval_of(estimate), *([] if layout().narrow else [f"{n:,}"])]


@dataclass(kw_only=True)
class Lines:
    """What stands at the left of a forest. rows: heights by key; labels and headings between them: by height."""

    rows: dict[Key, float]
    labels: dict[float, str]
    headings: dict[float, str] = field(default_factory=dict)
    height: float = 0.0  # in rows


def lay_out(
    looks: Looks,
    keys: Sequence[tuple[str, str, str]],
    counts: Mapping[tuple[str, str], str] | None = None,
    reach: float | None = None,
) -> Lines:
    """Lay out rows for (model, task, mode): under a heading for each task, or without where there is only one mode.

    counts: by (model, task), what stands behind a heading, such as n. reach: inches that a heading may take, all of
    the width by default.
    """
    modes = shown([mode for *_, mode in keys], layout().labels, layout().names)
    blocks = by_task([(task, model) for model, task, _ in keys])
    lines = Lines(rows={}, labels={})
    single = len(modes) == 1
    behind = {block: (counts or {}).get((block[1], block[0]), "") for block in blocks}
    room = (layout().width - 2 * EDGE if reach is None else reach) - 0.1
    names = [looks.named(*block) for block in blocks]
    less = widest(list(behind.values()), layout().names if single else NORMAL)
    named = shown(names, layout().labels - less, layout().names) if single else shown(names, room / BOLD - less)
    for task, model in blocks:
        name = named[looks.named(task, model)]
        if not single:
            lines.height += 0.35 if lines.headings else 0.0
            lines.headings[lines.height] = name + behind[task, model]
            lines.height += 1.0
        for key in keys:
            if key[:2] == (model, task):
                lines.rows[key] = lines.height
                lines.labels[lines.height] = name + behind[task, model] if single else modes[key[2]]
                lines.height += 1.0
    return lines


def room_of(lines: Lines, gutter: float, columns: int = 1) -> float:
    """Return how wide, in inches, the axes of a forest will be."""
    left = EDGE + widest(list(lines.labels.values()), layout().names) + 0.1
    return _room(left, 1 if layout().narrow else columns) - gutter


def _cut(name: str, most: float) -> str:
    """Return a name that leaves room to draw in. most: inches."""
    size = layout().names
    return name if inches(name, size) <= most else fit(name, max(0.4, most), size)


def _room(left: float, columns: int) -> float:
    """Return the inches from where axes begin to where the figures beside them end."""
    return (layout().width - EDGE - left - GAP * (columns - 1)) / columns


def forest(
    title: str,
    lines: Lines,
    *,
    limits: Limits,
    label: str,
    gutter: float,
    titles: Sequence[str] = (),
    each: Sequence[Lines] = (),
    named: Callable[[float], str] = signed,
    heads: bool = False,
    row: float = ROW,
    **on_page: Any,
) -> tuple[Figure, list[Axes]]:
    """Make the figure of a forest, without its dots, with axes side by side where they have titles.

    In a narrow layout axes stand one under another, each with names of its own. label: of the x axes. gutter: inches at
    the right of each of the axes, for texts beside the rows. each: the lines of each of the axes where they stand one
    under another, if not all have the same. named: writes a tick. heads: leave room above for heads of columns, which
    titles leave anyway. row: how high a row is, in inches. on_page: what `Page` takes.
    """
    count = max(1, len(titles))
    stacked = count > 1 and layout().narrow
    sets = (list(each) or [lines] * count) if stacked else [lines]
    most = layout().width - 2 * EDGE - 0.1 - (1 if stacked else count) * (gutter + LEAST_ROOM)
    sets = [replace(one, labels={at: _cut(name, most) for at, name in one.labels.items()}) for one in sets]
    left = EDGE + widest([text for one in sets for text in one.labels.values()], layout().names) + 0.1
    room = _room(left, 1 if stacked else count)
    width, head = room - gutter, HEAD_ROW if titles or heads else 0.0
    tall = [head + row * (one.height + 0.2) + TICK_ROW + (0.12 if stacked else 0.0) for one in sets]
    page = Page(title, sum(tall) + 0.24, **on_page)
    ticks = round_ticks(limits.low, limits.high, width, named)
    drawn = []
    for column in range(count):
        here = sets[column if stacked else 0]
        top = sum(tall[:column]) if stacked else 0.0
        x = left if stacked else left + column * (room + GAP)
        axes = page.axes(x, top + head, width, row * (here.height + 0.2))
        axes.set_xlim(limits.low, limits.high)
        set_rows(axes, here.labels if stacked or not column else {}, here.height)
        for at in list(here.headings)[1:]:
            axes.axhline(at - 0.65, color=RULE, linewidth=0.6, zorder=0)
        if limits.low <= 0 <= limits.high:
            axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        level_ticks(axes, ticks, named)
        if titles:
            name = fit(titles[column], (room - 0.1) / BOLD)
            page.bold(EDGE if stacked else x, top + 0.1, name)
        if stacked or not column:
            for at, heading in here.headings.items():
                page.bold(EDGE, top + head + row * (at + 0.55), heading, bbox=ON_LINES)
        drawn.append(axes)
    middle = left + (layout().width - EDGE - left - gutter) / 2
    page.text(middle, sum(tall) + 0.1, label, ha="center", va="center", fontsize=NORMAL, color=INK)
    return page.figure, drawn
