"""Forest plots: rows of dots with intervals, under names at the left and with texts beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from cotbench.analysis.estimates import Interval
from cotbench.report.plots.style import (
    BOLD,
    EDGE,
    GREY,
    INK,
    LABELS,
    NORMAL,
    RULE,
    SMALL,
    WIDTH,
    Looks,
    Page,
    by_task,
    shown,
    signed,
    widest,
    width_of,
)

ROW = 0.19  # inches
EMPTY = "n = 0, not estimable"
ARROW_NOTE = "Arrowheads: the interval goes on outside the plot. "

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
    usual = (3 * reaches[len(reaches) // 2] or reaches[-1]) if reaches else 0.0
    held = [0.0]
    for low, value, high in rows:
        held += [max(low, value - usual), min(high, value + usual)]
    low, high = min(held), max(held)
    margin = 0.05 * (high - low)
    low, high = max(floor, low - margin), min(ceiling, high + margin)
    missing = max(0.0, least - (high - low))
    return Limits(low=low - missing / 2, high=high + missing / 2)


def draw_dots(axes: Axes, dots: Iterable[Dot], limits: Limits, *, clip: bool = True) -> None:
    """Draw dots, with an arrowhead where an interval leaves the plot. clip: whether marks end at the axes' edge."""
    alike: dict[tuple[Any, ...], list[Dot]] = {}
    for dot in dots:
        alike.setdefault((dot.colour, dot.mark, dot.hollow, dot.size, dot.line), []).append(dot)
    for (colour, mark, hollow, size, line), some in alike.items():
        style: dict[str, Any] = {"fmt": mark, "color": colour, "markersize": size, "elinewidth": line, "clip_on": clip}
        style |= {"markerfacecolor": "white" if hollow else colour, "markeredgewidth": 1.0, "capsize": 0}
        lows, values, highs = zip(*(dot.ends for dot in some), strict=True)
        reaches = [
            [max(0.0, b - a) for a, b in zip(*sides, strict=True)] for sides in ((lows, values), (values, highs))
        ]
        axes.errorbar(values, [dot.at for dot in some], xerr=reaches, **style)
        for past, edge, arrow in (
            ([dot.at for dot in some if dot.ends[0] < limits.low], limits.low, "<"),
            ([dot.at for dot in some if dot.ends[2] > limits.high], limits.high, ">"),
        ):
            if past:
                axes.plot([edge] * len(past), past, arrow, color=colour, markersize=4, clip_on=False, zorder=4)


# --- rows ---------------------------------------------------------------------------------------------------------


def set_rows(axes: Axes, names: dict[float, str], count: float) -> None:
    """Give axes rows from 0 at the top to count, with names at their left and no axis there."""
    axes.set_ylim(count - 0.45, -0.55)
    axes.set_yticks([])
    for at, name in names.items():  # ticks would take several times as long
        beside(axes, at, name, x=-0.09 / width_of(axes), fontsize=NORMAL, color=INK, ha="right")
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", length=2.5, width=0.6)
    axes.grid(axis="x", color=RULE, linewidth=0.5)


def beside(axes: Axes, at: float, text: str, *, x: float, **style: Any) -> None:
    """Write a text in a row, at a share of the axes' width."""
    style = {"fontsize": SMALL, "color": GREY, "ha": "left", **style}
    axes.text(x, at, text, transform=axes.get_yaxis_transform(), va="center_baseline", **style)


def past(axes: Axes, inches: float) -> float:
    """Return where, as a share of the axes' width, a text stands that is so far past their right edge."""
    return 1 + inches / width_of(axes)


@dataclass(kw_only=True)
class Lines:
    """What stands at the left of a forest. rows: heights by key; labels and headings between them: by height."""

    rows: dict[Key, float]
    labels: dict[float, str]
    headings: dict[float, str] = field(default_factory=dict)
    height: float = 0.0  # in rows


def lay_out(looks: Looks, keys: Sequence[tuple[str, str, str]]) -> Lines:
    """Lay out rows for (model, task, mode): under a heading for each task, or without where there is only one mode."""
    modes = shown([mode for *_, mode in keys], LABELS - 0.1)
    blocks = by_task([(task, model) for model, task, _ in keys])
    lines = Lines(rows={}, labels={})
    single = len(modes) == 1
    names = shown([looks.named(*block) for block in blocks], LABELS if single else (WIDTH - 1) / BOLD)
    for task, model in blocks:
        name = names[looks.named(task, model)]
        if not single:
            lines.height += 0.35 if lines.headings else 0.0
            lines.headings[lines.height] = name
            lines.height += 1.0
        for key in keys:
            if key[:2] == (model, task):
                lines.rows[key] = lines.height
                lines.labels[lines.height] = name if single else modes[key[2]]
                lines.height += 1.0
    return lines


def forest(
    title: str, lines: Lines, *, limits: Limits, label: str, gutter: float, titles: Sequence[str] = (), **on_page: Any
) -> tuple[Figure, list[Axes]]:
    """Make the figure of a forest, without its dots, with axes side by side where they have titles.

    label: of the x axes. gutter: inches at the right of each of the axes, for texts beside the rows. on_page: what
    `Page` takes.
    """
    left = EDGE + widest(list(lines.labels.values())) + 0.1
    room = (WIDTH - EDGE - left) / max(1, len(titles))
    width, height, head = room - gutter, ROW * (lines.height + 0.2), 0.2 if titles else 0.0
    page = Page(title, head + height + (0.45 if titles else 0.5), **on_page)
    drawn = []
    for column, name in enumerate(titles or [""]):
        axes = page.axes(left + column * room, head, width, height)
        axes.set_xlim(limits.low, limits.high)
        set_rows(axes, {} if column else lines.labels, lines.height)
        for at in list(lines.headings)[1:]:
            axes.axhline(at - 0.65, color=RULE, linewidth=0.6, zorder=0)
        axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(width / 0.3)), steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(signed))
        page.bold(left + column * room, 0.1, name)
        drawn.append(axes)
    if titles:
        middle = left + (WIDTH - EDGE - left - gutter) / 2
        page.text(middle, head + height + 0.36, label, ha="center", va="center", fontsize=NORMAL)
    else:
        axes.set_xlabel(label)
    for at, name in lines.headings.items():
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # a long name reaches into the axes
        page.bold(EDGE, head + ROW * (at + 0.55), name, bbox=behind)
    return page.figure, drawn
