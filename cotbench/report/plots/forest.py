"""What plots of intervals by row share: limits, marks with intervals, and names under headings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cotbench.analysis.estimates import Delta
from cotbench.report.plots.style import (
    BOLD,
    EDGE,
    GREY,
    LABELS,
    NORMAL,
    RULE,
    SMALL,
    WIDTH,
    Look,
    Page,
    by_task,
    set_rows,
    shown,
    signed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


ROW = 0.19  # inches
EMPTY = "n = 0, not estimable"
ARROW_NOTE = "Arrowheads: the interval goes on outside the plot. "


@dataclass(frozen=True, kw_only=True)
class Limits:
    low: float
    high: float

    def cut(self, value: float) -> float:
        return min(self.high, max(self.low, value))


def limits_of(rows: Sequence[tuple[float, float, float]], *, floor: float, ceiling: float, least: float) -> Limits:
    """Limits of an axis that hold zero and all values, and the intervals that aren't far wider than the others.

    rows: low, value, high. An arm with three questions would otherwise leave a pixel for each of the rest.
    """
    reaches = sorted((high - low) / 2 for low, _, high in rows)
    usual = (3 * reaches[len(reaches) // 2] or reaches[-1]) if reaches else 0.0
    ends = [0.0]
    for low, value, high in rows:
        ends += [max(low, value - usual), min(high, value + usual)]
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low)
    low, high = max(floor, low - margin), min(ceiling, high + margin)
    missing = max(0.0, least - (high - low))
    return Limits(low=low - missing / 2, high=high + missing / 2)


def intervals(
    axes: Axes,
    limits: Limits,
    rows: Sequence[tuple[float, float, float, float]],
    *,
    colour: str,
    mark: str,
    hollow: bool = False,
    size: float = 5.0,
    line: float = 1.3,
) -> None:
    """Draw (height, low, value, high) rows in one style, with an arrowhead where an interval leaves the plot."""
    if not rows:
        return
    heights, lows, values, highs = zip(*rows, strict=True)
    axes.errorbar(
        values,
        heights,
        xerr=[
            [max(0.0, v - low) for v, low in zip(values, lows, strict=True)],
            [max(0.0, high - v) for v, high in zip(values, highs, strict=True)],
        ],
        fmt=mark,
        color=colour,
        markersize=size,
        markerfacecolor="white" if hollow else colour,
        markeredgewidth=1.0,
        elinewidth=line,
        capsize=0,
    )
    for past, at, arrow in (
        ([y for y, low, *_ in rows if low < limits.low], limits.low, "<"),
        ([y for y, *_, high in rows if high > limits.high], limits.high, ">"),
    ):
        if past:
            axes.plot([at] * len(past), past, arrow, color=colour, markersize=4, clip_on=False, zorder=4)


def points_of(row: Delta) -> tuple[float, float, float] | None:
    """Low, value and high in points; None where there is no value. One without an interval has no line."""
    if row.delta is None:
        return None
    low, high = (row.delta if end is None else end for end in (row.low, row.high))
    return 100 * low, 100 * row.delta, 100 * high


def zero(axes: Axes) -> None:
    axes.axvline(0, color=GREY, linewidth=0.8, zorder=1)


def signed_ticks(axes: Axes, width: float) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=max(2, int(width / 0.3)), steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(signed))


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Labels at the left of a forest: for each row its key and text, with headings between. height is in rows."""

    rows: dict[Any, float]
    labels: dict[float, str]
    headings: dict[float, str]
    height: float


def lay_out(look: Look, keys: Sequence[tuple[str, str, str]]) -> Lines:
    """Rows for (model, task, mode): under a heading for each task, or without where there is only one mode."""
    modes = shown([mode for *_, mode in keys], LABELS - 0.1)
    blocks = by_task([(task, model) for model, task, _ in keys])
    rows: dict[Any, float] = {}
    labels: dict[float, str] = {}
    headings: dict[float, str] = {}
    at = 0.0
    single = len(modes) == 1
    names = shown([look.named(*block) for block in blocks], LABELS if single else (WIDTH - 1) / BOLD)
    for task, model in blocks:
        name = names[look.named(task, model)]
        if not single:
            headings[at] = name
            at += 1.0
        for key in keys:
            if key[:2] == (model, task):
                rows[key] = at
                labels[at] = name if single else modes[key[2]]
                at += 1.0
        if not single:
            at += 0.35
    return Lines(rows=rows, labels=labels, headings=headings, height=at - (0 if single else 0.35))


def rows_of(axes: Axes, lines: Lines, width: float, *, names: bool) -> None:
    set_rows(axes, lines.labels if names else {}, lines.height, width)
    for at in list(lines.headings)[1:]:
        axes.axhline(at - 0.65, color=RULE, linewidth=0.6, zorder=0)


def put_headings(page: Page, lines: Lines, top: float) -> None:
    for at, name in lines.headings.items():
        behind = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}  # a long name reaches into the axes
        place = top + ROW * (at + 0.55)
        page.text(EDGE, place, name, ha="left", va="center", fontsize=NORMAL, weight="bold", bbox=behind)


def beside(axes: Axes, at: float, text: str, *, x: float, **style: Any) -> None:
    """A text in a row, at a share of the axes' width."""
    style = {"fontsize": SMALL, "color": GREY, "ha": "left", **style}
    axes.text(x, at, text, transform=axes.get_yaxis_transform(), va="center_baseline", **style)
