"""Accuracy against completion tokens, with the best for the cost and what policies would reach."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, SYMBOLIC, ModeStats
from cotbench.analysis.policies import ORACLE, Policy
from cotbench.report import words
from cotbench.report.plots.forest import ends_of, level_ticks, round_ticks
from cotbench.report.plots.panels import curve_panels, logarithmic_axis, percent_scale
from cotbench.report.plots.style import (
    FAINT,
    GREY,
    INK,
    SMALL,
    Entry,
    Looks,
    Pair,
    Plot,
    by_task,
    figure_of,
    filled,
    fit,
    inches,
    listed,
    widest,
    width_of,
)

FILLS = ("full", "none", "left", "top")  # of marks, by model: colour and mark say the mode, as in other plots
TOGETHER = len(FILLS)  # models that one panel may hold
NEAR = 0.065  # inches, from a mark's middle to where a name may begin

Point = tuple[float, float]
_Policies = Sequence[tuple[str, Policy]]  # each with its kind


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any number of tokens is known. pair: whose policies it shows."""
    rows = [row for row in comparison.modes if row.tag == ALL and row.n]
    known = [row for row in rows if row.completion.mean is not None]
    unknown = sorted({row.mode for row in rows if row.completion.mean is None})
    if known:
        told = [
            f"{looks.named(row.task, row.model)}, {row.mode} {words.percent(row.accuracy.value)}% at "
            f"{words.tokens(row.completion.mean)} tokens"
            for row in known
        ]
        title = looks.titled("Accuracy against completion tokens")
        alt = "Accuracy against mean completion tokens per question. " + listed(told, 30)
        policies = _policies_of(comparison, pair)
        side = words.of_questions(comparison, SYMBOLIC)
        shown = _Shown(rows=known, policies=policies, pair=pair or ("", ""), side=side, unknown=unknown)
        yield Plot("tokens", "cost", title, alt, partial(_figure, title, shown, looks))


def _point(row: ModeStats) -> Point:
    """Return tokens and accuracy in percent."""
    return row.completion.mean or 0.0, 100 * (row.accuracy.value or 0.0)


# How a kind of policy is drawn: its mark, its size there and in the key, and its name in the key.
_KINDS = {
    "tagged": ("o", 8, 6, "policy: {0} on questions {2}, else {1}"),
    "oracle": ("*", 9, 8, "bound, with luck: the better of {0} and {1} each time"),
    "votes": ("D", 8, 6, "policy: votes over {1} at the cost of {0}"),
}


def _policies_of(comparison: Comparison, pair: Pair | None) -> _Policies:
    """Return what to show of the policies of a pair of modes."""

    def kind(row: Policy) -> str:
        tagged = "tagged" if row.rule == comparison.tag_rule else "votes" if row.paths else ""
        return "oracle" if row.policy == ORACLE else tagged

    rows = [row for row in comparison.policies if (row.mode, row.baseline) == pair and row.tokens is not None]
    return [(kind(row), row) for row in rows if kind(row)]


def front_of(points: Iterable[Point]) -> list[Point]:
    """Return the points that no other is both cheaper and better than, cheapest first."""
    front: list[Point] = []
    for tokens, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((tokens, accuracy))
    return front


@dataclass(frozen=True, kw_only=True)
class _Shown:
    """What a plot shows. policies: those of the pair, with their kinds. side: which questions the tagged one is about.
    unknown: modes of which some tokens aren't known."""

    rows: Sequence[ModeStats]
    policies: _Policies
    pair: Pair
    side: str
    unknown: Sequence[str]


def _figure(title: str, shown: _Shown, looks: Looks) -> Figure:
    """Draw with names beside all points; or, where one has no room or stands for another model, with names in the key.

    Both would say the same twice.
    """
    if not looks.several:
        figure, complete = _panels(title, shown, looks, named=True)
        if complete:
            return figure
    return _panels(title, shown, looks, named=False)[0]


def _panels(title: str, shown: _Shown, looks: Looks, *, named: bool) -> tuple[Figure, bool]:
    """Draw a panel for each task, with its models together where there are few, on one scale of tokens.

    named: whether names stand beside the points. Returns also whether all of them do.
    """
    rows = shown.rows
    models = list(dict.fromkeys(row.model for row in rows))
    together = len(models) <= TOGETHER
    places = by_task([(row.task, "" if together else row.model) for row in rows])
    policies = shown.policies if len(models) == 1 or not together else []
    spent = [*(_point(row)[0] for row in rows), *(row.tokens or 0.0 for _, row in policies)]
    logarithmic = min(spent) > 0 and max(spent) > 10 * min(spent)
    modes = dict.fromkeys(row.mode for row in rows)
    by_model = together and looks.several
    kinds = [_KINDS[name] for name in _KINDS if any(kind == name for kind, _ in policies)]
    fills = dict(zip(models, FILLS, strict=False)) if by_model else dict.fromkeys(models, FILLS[0])
    arms = [Entry(label=name, colour=looks.colour(name), mark=looks.mark(name)) for name in modes]
    figure, panels = curve_panels(
        title,
        len(places),
        2.6 if len(places) > 1 else 3.2,
        looks=looks,
        labels=("completion tokens per question, mean" + (" (log scale)" if logarithmic else ""), "accuracy, %"),
        note="Lines up and down: 95% intervals of accuracy. "
        + (f"Tokens unknown in part: {', '.join(shown.unknown)}." if shown.unknown else ""),
        key=[
            *([] if named else arms),
            *(Entry(label=looks.models[m], colour=GREY, mark="o", fill=fills[m]) for m in (models if by_model else ())),
            *(
                Entry(label=label.format(*shown.pair, shown.side), colour=INK, mark=mark, hollow=True, size=size)
                for mark, _, size, label in kinds
            ),
            Entry(label="Pareto front: none is both cheaper and better", colour=FAINT, line="-"),
        ],
    )
    complete = True
    for (task, model), panel in zip(places, panels, strict=True):
        token_axis(panel.axes, spent, logarithmic=logarithmic)
        here = [row for row in rows if row.task == task]
        seen = [(kind, row) for kind, row in policies if row.task == task]
        heights = [
            v for row in here for v in (row.accuracy.value, row.accuracy.low, row.accuracy.high) if v is not None
        ]
        percent_scale(panel.axes, [*heights, *(row.accuracy for _, row in seen)] or [0.0])
        own = [row for row in here if together or row.model == model]
        name = task if together else looks.named(task, model)
        panel.head_counted(name, [row.n for row in own])
        areas = _draw(panel.axes, looks, own, [(k, row) for k, row in seen if together or row.model == model], fills)
        if named:
            others = [
                (policy.tokens or 0.0, 100 * policy.accuracy) for _, policy in seen if policy.model == own[0].model
            ]
            complete &= _label(panel.axes, [row.mode for row in own], [_point(row) for row in own], others, areas)
    return figure, complete


def _draw(
    axes: Axes, looks: Looks, rows: Sequence[ModeStats], policies: _Policies, fills: Mapping[str, str]
) -> list[tuple[float, float, float, float]]:
    """Draw what belongs to a panel. fills: of marks, by model. Returns the areas of lines and marks, in inches."""
    front = front_of(map(_point, rows))
    axes.plot(*zip(*front, strict=True), color=FAINT, linewidth=1.1, drawstyle="steps-post", zorder=1)
    ends = [ends_of(row.accuracy) or (0.0, 0.0, 0.0) for row in rows]
    for row, (low, accuracy, high) in zip(rows, ends, strict=True):
        reach = [[max(0.0, accuracy - low)], [max(0.0, high - accuracy)]]
        style: dict[str, Any] = {"fmt": looks.mark(row.mode), "color": looks.colour(row.mode), "markersize": 6}
        style |= filled(looks.colour(row.mode), fills[row.model])
        axes.errorbar([_point(row)[0]], [accuracy], yerr=reach, elinewidth=0.9, clip_on=False, zorder=3, **style)
    others = [(policy.tokens or 0.0, 100 * policy.accuracy) for _, policy in policies]
    for (kind, _), (x, y) in zip(policies, others, strict=True):
        mark, size, *_ = _KINDS[kind]
        style = {"color": INK, "markerfacecolor": "none", "markersize": size, "markeredgewidth": 1.0}
        axes.plot([x], [y], mark, clip_on=False, zorder=4, **style)
    areas = [_around(point) for point in _in_inches(axes, others)] if others else []
    stands = [_point(row)[0] for row in rows]
    feet = _in_inches(axes, [(x, low) for x, (low, *_) in zip(stands, ends, strict=True)])
    tops = _in_inches(axes, [(x, high) for x, (*_, high) in zip(stands, ends, strict=True)])
    areas += [(x - 0.02, y0, x + 0.02, y1) for (x, y0), (_, y1) in zip(feet, tops, strict=True)]
    for (x0, y0), (x1, y1) in itertools.pairwise(_in_inches(axes, front)):  # steps that rise to the right
        areas += [(x0, y0 - 0.01, x1, y0 + 0.01), (x1 - 0.01, y0, x1 + 0.01, y1)]
    return areas


def token_axis(axes: Axes, spent: Sequence[float], *, logarithmic: bool) -> None:
    """Set the scale of tokens for what was spent."""
    low, high = min(spent), max(spent)
    if logarithmic:
        limits = (low / 1.5, high * 1.8)
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
            ticks = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
            room = width_of(axes) / math.log10(limits[1] / limits[0]) * math.log10(2.0 if len(steps) == 3 else 3.0)
            if room > widest([figure_of(tick) for tick in ticks], SMALL) + 0.06:
                break
        logarithmic_axis(axes, limits, ticks)
    else:
        margin = 0.1 * (high - low) or max(1.0, 0.1 * high)
        limits = (0 if low < 0.5 * high else low - margin, high + 2 * margin)
        axes.set_xlim(*limits)
        level_ticks(axes, round_ticks(*limits, width_of(axes), figure_of), figure_of)


Area = tuple[float, float, float, float]  # left, bottom, right and top, in inches from the axes' lower left


def _in_inches(axes: Axes, points: Sequence[Point]) -> list[Point]:
    """Turn points of the data into inches from the axes' lower left."""
    return [(float(x), float(y)) for x, y in (axes.transData.transform(points) - axes.bbox.p0) / axes.figure.dpi]


def _around(point: Point) -> Area:
    """Return the area of a mark."""
    return point[0] - NEAR, point[1] - NEAR, point[0] + NEAR, point[1] + NEAR


def _label(
    axes: Axes, names: Sequence[str], points: Sequence[Point], others: Sequence[Point], areas: Sequence[Area]
) -> bool:
    """Name each point where there is room beside it and no doubt whose name it is. Says whether all could be named.

    others: marks that have no names beside them. areas: of lines and marks, on which no name may lie.
    """
    tall = SMALL / 72 * 1.15
    crowd, around = _in_inches(axes, points), _in_inches(axes, [*points, *others])
    box = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    taken = [*map(_around, crowd), *areas]
    named = 0
    for name, (x, y), point in zip(names, crowd, points, strict=True):
        text = fit(name, 1.5, SMALL)
        for area in _spots(x, y, inches(text, SMALL), tall):
            inside = area[0] >= 0.02 and area[1] >= 0.02 and area[2] <= box[0] + 0.08 and area[3] <= box[1]
            if not inside or any(_overlap(area, other) for other in taken):
                continue
            apart = [other for other in around if math.dist(other, (x, y)) > NEAR]
            if any(_away(area, other) < 1.5 * _away(area, (x, y)) for other in apart):
                continue  # it would seem to name that one
            taken.append(area)
            named += 1
            offset = 72 * (area[0] - x), 72 * (area[1] + tall * 0.24 - y)
            axes.annotate(text, point, xytext=offset, textcoords="offset points", fontsize=SMALL, color=INK)
            break
    return named == len(names)


def _spots(x: float, y: float, wide: float, tall: float) -> Iterator[Area]:
    """Yield where a name may stand around a mark, the best first: at its sides, then over and under it."""
    for gap in (NEAR + 0.02, NEAR + 0.1):
        corners = [(x + gap, y - tall / 2), (x - gap - wide, y - tall / 2)]
        for left in (x + gap / 2, x - gap / 2 - wide, x - wide / 2):
            corners += [(left, y + gap), (left, y - gap - tall)]
        yield from ((left, bottom, left + wide, bottom + tall) for left, bottom in corners)


def _away(area: Area, point: Point) -> float:
    """Return how far a point is from an area."""
    x, y = point
    return math.hypot(max(area[0] - x, 0.0, x - area[2]), max(area[1] - y, 0.0, y - area[3]))


def _overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
