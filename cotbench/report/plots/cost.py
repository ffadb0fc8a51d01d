"""Accuracy against completion tokens, with the best for the cost and what policies would reach."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, ModeStats
from cotbench.analysis.policies import ORACLE, Policy
from cotbench.report import words
from cotbench.report.plots.forest import ends_of
from cotbench.report.plots.panels import curve_panels, logarithmic_axis, percent_scale
from cotbench.report.plots.style import FAINT, INK, SMALL, Entry, Looks, Pair, Plot, by_task, fit, inches, listed

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
        shown = known, _policies_of(comparison, pair), looks, pair or ("", ""), unknown
        yield Plot("tokens", "cost", title, alt, partial(_figure, title, *shown))


def _point(row: ModeStats) -> Point:
    """Return tokens and accuracy in percent."""
    return row.completion.mean or 0.0, 100 * (row.accuracy.value or 0.0)


# How a kind of policy is drawn: its mark, its size there and in the key, and its name in the key.
_KINDS = {
    "tagged": ("o", 8, 6, "policy: {0} where symbolic, else {1}"),
    "oracle": ("*", 9, 8, "bound, with luck: oracle over {0} and {1}"),
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


def _figure(
    title: str, rows: Sequence[ModeStats], policies: _Policies, looks: Looks, pair: Pair, unknown: Sequence[str]
) -> Figure:
    """Draw a panel for each task and model, on shared scales.

    policies: those of the pair. unknown: modes of which some tokens aren't known.
    """
    places = by_task([(row.task, row.model) for row in rows])
    spent = [*(_point(row)[0] for row in rows), *(row.tokens or 0.0 for _, row in policies)]
    logarithmic = min(spent) > 0 and max(spent) > 10 * min(spent)
    modes = dict.fromkeys(row.mode for row in rows)
    shown = [_KINDS[name] for name in _KINDS if any(kind == name for kind, _ in policies)]
    figure, panels = curve_panels(
        title,
        len(places),
        2.5 if len(places) > 1 else 3.2,
        looks=looks,
        labels=("completion tokens per question, mean" + (" (log scale)" if logarithmic else ""), "accuracy, %"),
        note="Lines up and down: 95% intervals of accuracy. "
        + (f"Tokens unknown in part: {', '.join(unknown)}." if unknown else ""),
        key=[
            *(Entry(label=name, colour=looks.colour(name), mark=looks.mark(name)) for name in modes),
            *(
                Entry(label=label.format(*pair), colour=INK, mark=mark, hollow=True, size=size)
                for mark, _, size, label in shown
            ),
            Entry(label="none is both cheaper and better", colour=FAINT, line="-"),
        ],
    )
    for place, panel in zip(places, panels, strict=True):
        _token_axis(panel.axes, spent, logarithmic=logarithmic)
        heights = [row.accuracy.value or 0.0 for row in rows if row.task == place[0]]
        percent_scale(panel.axes, heights + [row.accuracy for _, row in policies if row.task == place[0]])
        panel.head(looks.named(*place))
        own = [row for row in rows if (row.task, row.model) == place]
        _draw(panel.axes, looks, own, [(kind, row) for kind, row in policies if (row.task, row.model) == place])
    return figure


def _draw(axes: Axes, looks: Looks, rows: Sequence[ModeStats], policies: _Policies) -> None:
    """Draw what belongs to one task and model."""
    front = front_of(map(_point, rows))
    axes.plot(*zip(*front, strict=True), color=FAINT, linewidth=1.1, drawstyle="steps-post", zorder=1)
    for row in rows:
        low, accuracy, high = ends_of(row.accuracy) or (0.0, 0.0, 0.0)
        reach = [[max(0.0, accuracy - low)], [max(0.0, high - accuracy)]]
        style: dict[str, Any] = {"fmt": looks.mark(row.mode), "color": looks.colour(row.mode), "markersize": 6}
        axes.errorbar([_point(row)[0]], [accuracy], yerr=reach, elinewidth=0.9, clip_on=False, zorder=3, **style)
    others = [(policy.tokens or 0.0, 100 * policy.accuracy) for _, policy in policies]
    for (kind, _), (x, y) in zip(policies, others, strict=True):
        mark, size, *_ = _KINDS[kind]
        style = {"color": INK, "markerfacecolor": "none", "markersize": size, "markeredgewidth": 1.0}
        axes.plot([x], [y], mark, clip_on=False, zorder=4, **style)
    _label(axes, [row.mode for row in rows], [_point(row) for row in rows], others, front)


def _token_axis(axes: Axes, spent: Sequence[float], *, logarithmic: bool) -> None:
    low, high = min(spent), max(spent)
    if logarithmic:
        steps = (1, 2, 5) if high / low < 150 else (1, 3) if high / low < 3000 else (1,)
        exponents = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        ticks = [step * 10.0**exponent for exponent in exponents for step in steps]
        logarithmic_axis(axes, (low / 1.5, high * 1.8), [tick for tick in ticks if low / 1.5 <= tick <= high * 1.8])
    else:
        margin = 0.1 * (high - low) or max(1.0, 0.1 * high)
        axes.set_xlim(0 if low < 0.5 * high else low - margin, high + 2 * margin)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))


Area = tuple[float, float, float, float]  # left, bottom, right and top, in inches from the axes' lower left


def _in_inches(axes: Axes, points: Sequence[Point]) -> list[Point]:
    """Turn points of the data into inches from the axes' lower left."""
    return [(float(x), float(y)) for x, y in (axes.transData.transform(points) - axes.bbox.p0) / axes.figure.dpi]


def _label(
    axes: Axes, names: Sequence[str], points: Sequence[Point], others: Sequence[Point], front: Sequence[Point]
) -> None:
    """Name each point where there is room beside it and no doubt whose name it is; the key names all of them.

    others: other marks; front: the corners of the line.
    """
    near, tall = 0.065, SMALL / 72 * 1.15
    crowd = _in_inches(axes, [*points, *others])
    box = axes.bbox.width / axes.figure.dpi, axes.bbox.height / axes.figure.dpi
    taken = [(x - near, y - near, x + near, y + near) for x, y in crowd]
    for (x0, y0), (x1, y1) in itertools.pairwise(_in_inches(axes, front)):  # steps that rise to the right
        taken += [(x0, y0, x1, y0), (x1, y0, x1, y1)]
    for name, (x, y), point in zip(names, crowd, points, strict=False):
        text = fit(name, 1.2, SMALL)
        for area in _spots(x, y, inches(text, SMALL), tall, near):
            inside = area[0] >= 0.02 and area[1] >= 0.02 and area[2] <= box[0] + 0.1 and area[3] <= box[1]
            if not inside or any(_overlap(area, other) for other in taken):
                continue
            if any(_away(area, other) < 1.5 * _away(area, (x, y)) for other in crowd if other != (x, y)):
                continue  # it would seem to name that one
            taken.append(area)
            offset = 72 * (area[0] - x), 72 * (area[1] + tall * 0.24 - y)
            axes.annotate(text, point, xytext=offset, textcoords="offset points", fontsize=SMALL)
            break


def _spots(x: float, y: float, wide: float, tall: float, near: float) -> list[Area]:
    """Return where a label may stand around a mark, the best first."""
    gap = near + 0.03
    corners = [(x + gap, y - tall / 2), (x - gap - wide, y - tall / 2)]  # right and left; then over and under
    for left in (x - wide / 2, x + gap / 2, x - gap / 2 - wide):
        corners += [(left, y + gap), (left, y - gap - tall)]
    return [(left, bottom, left + wide, bottom + tall) for left, bottom in corners]


def _away(area: Area, point: Point) -> float:
    """Return how far a point is from an area."""
    x, y = point
    return math.hypot(max(area[0] - x, 0.0, x - area[2]), max(area[1] - y, 0.0, y - area[3]))


def _overlap(one: Area, other: Area) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
