"""Accuracy against completion tokens, with the best for the cost and what policies would reach."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, ModeStats
from cotbench.analysis.policies import Policy
from cotbench.report import words
from cotbench.report.plots.panels import heading, percent_scale
from cotbench.report.plots.style import (
    EDGE,
    FAINT,
    INK,
    RULE,
    SMALL,
    Entry,
    Look,
    Page,
    by_task,
    figure_of,
    fit,
    grid,
    inches,
    listed,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def cost_rows(comparison: Comparison) -> list[ModeStats]:
    rows = [row for row in comparison.modes if row.tag == ALL]
    return [row for row in rows if row.accuracy is not None and row.mean_completion_tokens is not None]


def cost_policies(comparison: Comparison, mode: str, baseline: str) -> list[tuple[str, Policy]]:
    """What to show of the policies of a pair of modes, with the mark's name."""
    out = []
    for row in comparison.policies:
        if (row.mode, row.baseline) != (mode, baseline) or row.tokens is None:
            continue
        if row.policy == "oracle":
            out.append(("oracle", row))
        elif row.rule == comparison.tag_rule:
            out.append(("tagged", row))
        elif row.paths is not None:
            out.append(("votes", row))
    return out


_POLICY_MARKS = {"tagged": "o", "oracle": "*", "votes": "D"}


def cost_title(look: Look) -> str:
    return look.titled("Accuracy against completion tokens")


def front_of(rows: Sequence[ModeStats]) -> list[tuple[float, float]]:
    """The points that no other is both cheaper and better than, cheapest first, as (tokens, percent)."""
    out: list[tuple[float, float]] = []
    points = [(row.mean_completion_tokens or 0.0, 100 * (row.accuracy or 0.0)) for row in rows]
    for tokens, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not out or accuracy > out[-1][1]:
            out.append((tokens, accuracy))
    return out


def cost_figure(comparison: Comparison, look: Look, mode: str, baseline: str) -> Figure:
    """A panel for each task and model, on shared scales."""
    stats = cost_rows(comparison)
    places = by_task([(row.task, row.model) for row in stats])
    policies = cost_policies(comparison, mode, baseline)
    spent = [row.mean_completion_tokens or 0.0 for row in stats] + [row.tokens or 0.0 for _, row in policies]
    logarithmic = min(spent) > 0 and max(spent) > 10 * min(spent)
    key = [
        Entry(label=name, colour=look.colour(name), mark=look.mark(name))
        for name in dict.fromkeys(row.mode for row in stats)
    ]
    kinds = {kind for kind, _ in policies}
    labels = {
        "tagged": f"policy: {mode} where symbolic, else {baseline}",
        "oracle": f"policy: oracle over {mode} and {baseline}",
        "votes": f"policy: votes over {baseline} at the cost of {mode}",
    }
    key += [
        Entry(label=labels[kind], colour=INK, mark=_POLICY_MARKS[kind], hollow=True, size=8 if kind == "oracle" else 6)
        for kind in labels
        if kind in kinds
    ]
    key.append(Entry(label="none is both cheaper and better", colour=FAINT, line="-"))
    unknown = sorted(
        {row.mode for row in comparison.modes if row.tag == ALL and row.n and row.mean_completion_tokens is None}
    )
    left, gutter = 0.42, 0.4
    columns, width = grid(len(places), left=left, gutter=gutter, right=0.1)
    height, head, foot = (2.5 if columns > 1 else 3.2), 0.24, 0.5
    page = Page(
        cost_title(look),
        (head + height + foot) * -(-len(places) // columns),
        stub=look.stub,
        key=key,
        note="Lines up and down: 95% intervals of accuracy. "
        + (f"Tokens unknown in part: {', '.join(unknown)}." if unknown else ""),
    )
    for place, (task, model) in enumerate(places):
        line, column = divmod(place, columns)
        x, top = EDGE + left + column * (width + gutter), line * (head + height + foot)
        axes = page.axes(x, top + head, width, height)
        _token_axis(axes, spent, logarithmic=logarithmic)
        heights = [row.accuracy or 0.0 for row in stats if row.task == task]
        percent_scale(axes, heights + [row.accuracy for _, row in policies if row.task == task])
        axes.grid(color=RULE, linewidth=0.5)
        axes.tick_params(length=2.5, width=0.6, labelsize=SMALL)
        axes.tick_params(which="minor", length=0)
        axes.set_xlabel("completion tokens per question, mean" + (" (log scale)" if logarithmic else ""))
        if column == 0:
            axes.set_ylabel("accuracy, %")
        heading(page, x, top + 0.12, look.named(task, model), width)
        own = [row for row in stats if (row.task, row.model) == (task, model)]
        front = front_of(own)
        axes.plot(*zip(*front, strict=True), color=FAINT, linewidth=1.1, drawstyle="steps-post", zorder=1)
        for row in own:
            accuracy = 100 * (row.accuracy or 0.0)
            axes.errorbar(
                [row.mean_completion_tokens or 0.0],
                [accuracy],
                yerr=[
                    [max(0.0, accuracy - 100 * (row.low if row.low is not None else accuracy / 100))],
                    [max(0.0, 100 * (row.high if row.high is not None else accuracy / 100) - accuracy)],
                ],
                fmt=look.mark(row.mode),
                color=look.colour(row.mode),
                markersize=6,
                elinewidth=0.9,
                clip_on=False,
                zorder=3,
            )
        hollow = [(kind, row) for kind, row in policies if (row.task, row.model) == (task, model)]
        for kind, policy in hollow:
            axes.plot(
                [policy.tokens or 0.0],
                [100 * policy.accuracy],
                _POLICY_MARKS[kind],
                color=INK,
                markerfacecolor="none",
                markersize=9 if kind == "oracle" else 8,
                markeredgewidth=1.0,
                clip_on=False,
                zorder=4,
            )
        points = [(row.mean_completion_tokens or 0.0, 100 * (row.accuracy or 0.0)) for row in own]
        others = [(policy.tokens or 0.0, 100 * policy.accuracy) for _, policy in hollow]
        scale = _scale(axes, width, height, logarithmic=logarithmic)
        marks = [scale(*point) for point in points]
        _label(
            axes,
            [row.mode for row in own],
            points,
            marks,
            [scale(*p) for p in others],
            [scale(*p) for p in front],
            (width, height),
        )
    return page.figure


def _token_axis(axes: Axes, spent: Sequence[float], *, logarithmic: bool) -> None:
    from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

    low, high = min(spent), max(spent)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(low / 1.5, high * 1.8)
        steps = (1, 2, 5) if high / low < 150 else (1, 3) if high / low < 3000 else (1,)
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
        axes.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low / 1.5 <= tick <= high * 1.8]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        margin = 0.1 * (high - low) or max(1.0, 0.1 * high)
        axes.set_xlim(0 if low < 0.5 * high else low - margin, high + 2 * margin)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(figure_of))


Point = tuple[float, float]


def _scale(axes: Axes, width: float, height: float, *, logarithmic: bool) -> Callable[[float, float], Point]:
    """From data to inches from the axes' lower left."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    bend = math.log10 if logarithmic else float

    def to_inches(x: float, y: float) -> Point:
        return (bend(x) - bend(x0)) / (bend(x1) - bend(x0)) * width, (y - y0) / (y1 - y0) * height

    return to_inches


def _label(
    axes: Axes,
    names: Sequence[str],
    points: Sequence[Point],
    marks: Sequence[Point],
    others: Sequence[Point],
    front: Sequence[Point],
    box: Point,
) -> None:
    """Name each point where there is room beside it and no doubt whose name it is; the key names all of them.

    points: in data. marks: the same in inches, as other marks and the corners of the front are. box: of the axes.
    """
    near, tall = 0.065, SMALL / 72 * 1.15
    crowd = (*marks, *others)
    taken = [(x - near, y - near, x + near, y + near) for x, y in crowd]
    steps = [(corner, (after[0], corner[1]), after) for corner, after in itertools.pairwise(front)]
    line = [
        (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        for s in steps
        for (x0, y0), (x1, y1) in itertools.pairwise(s)
    ]
    for name, (x, y), point in zip(names, marks, points, strict=True):
        text = fit(name, 1.2, SMALL)
        for area in _spots(x, y, inches(text, SMALL), tall, near):
            if not _inside(area, box) or any(_overlap(area, other) for other in (*taken, *line)):
                continue
            if any(_away(area, other) < 1.5 * _away(area, (x, y)) for other in crowd if other != (x, y)):
                continue  # it would seem to name that one
            taken.append(area)
            axes.annotate(
                text,
                point,
                xytext=(72 * (area[0] - x), 72 * (area[1] + tall * 0.24 - y)),
                textcoords="offset points",
                ha="left",
                va="baseline",
                fontsize=SMALL,
            )
            break


def _spots(x: float, y: float, wide: float, tall: float, near: float) -> list[Area]:
    """Where a label may stand around a mark, the best first."""
    gap = near + 0.03
    corners = [
        (x + gap, y - tall / 2),
        (x - gap - wide, y - tall / 2),
        (x - wide / 2, y + gap),
        (x - wide / 2, y - gap - tall),
        (x + gap / 2, y + gap),
        (x + gap / 2, y - gap - tall),
        (x - gap / 2 - wide, y + gap),
        (x - gap / 2 - wide, y - gap - tall),
    ]
    return [(left, bottom, left + wide, bottom + tall) for left, bottom in corners]


def _away(area: Area, point: Point) -> float:
    """How far a point is from an area."""
    x, y = point
    return math.hypot(max(area[0] - x, 0.0, x - area[2]), max(area[1] - y, 0.0, y - area[3]))


def _inside(area: Area, box: Point) -> bool:
    return area[0] >= 0.02 and area[1] >= 0.02 and area[2] <= box[0] + 0.1 and area[3] <= box[1]


Area = tuple[float, float, float, float]


def _overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def cost_alt(comparison: Comparison, look: Look) -> str:
    parts = [
        f"{look.named(row.task, row.model)}, {row.mode} {words.percent(row.accuracy)}% at {words.tokens(row.mean_completion_tokens)} tokens"
        for row in cost_rows(comparison)
    ]
    return "Accuracy against mean completion tokens per question. " + listed(parts, 30)
