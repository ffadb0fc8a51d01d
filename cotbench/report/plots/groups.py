"""Paired differences by subject or type, for one mode. Those of a few questions, mostly far out, stand last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Delta, Paired
from cotbench.report import words
from cotbench.report.plots.deltas import said_of
from cotbench.report.plots.forest import (
    Dot,
    Ends,
    Figures,
    Limits,
    Lines,
    beside,
    draw_dots,
    ends_of,
    forest,
    interval_of,
    limits_of,
)
from cotbench.report.plots.style import INK, RULE, Entry, Looks, Pair, Plot, layout, shown, slug

MOST_GROUPS = 80  # rows of one figure
FEW = 10  # questions; with fewer, a group stands below those with more
_POOLED = "all questions"


@dataclass(frozen=True, kw_only=True)
class _Groups(Paired):
    """The subjects or types of one task and model, highest difference first.

    small: those with few questions, where others have more. pooled: the difference on all questions. left_out: how many
    of the middle aren't shown; hidden: how many with few questions aren't; empty: how many have no pair of answers.
    """

    rows: Sequence[Delta]
    small: Sequence[Delta]
    pooled: Delta | None
    left_out: int
    hidden: int
    empty: int


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each task and model that has two groups to compare."""
    for groups in _groups_of(comparison, pair) if pair else ():
        name = looks.named(groups.task, groups.model)
        title = looks.titled(f"{name}: {groups.mode} − {groups.baseline} by subject or type")
        stem = f"groups-{slug(groups.task)}" + (f"-{slug(looks.models[groups.model])}" if looks.several else "")
        yield Plot("groups", stem, title, _told(groups, looks), partial(_figure, title, groups, looks))


def _groups_of(comparison: Comparison, pair: Pair) -> Iterator[_Groups]:
    wanted: dict[tuple[str, ...], list[Delta]] = {}
    for row in comparison.groups:
        if (row.mode, row.baseline) == pair and row.group:
            wanted.setdefault(row.key, []).append(row)
    pooled: dict[tuple[str, ...], Delta] = {row.key: row for row in comparison.deltas if row.tag == ALL and row.n}
    for key, rows in wanted.items():
        known = [row for row in rows if row.delta.value is not None]
        if len(known) > 1:
            known.sort(key=lambda row: (-(row.delta.value or 0.0), row.group))
            large = [row for row in known if row.n >= FEW]
            main = large or known
            small = [row for row in known if row.n < FEW] if large else []
            left_out = max(0, len(main) - MOST_GROUPS)
            shown = [*main[: MOST_GROUPS // 2], *main[-(MOST_GROUPS // 2) :]] if left_out else main
            seen = small if len(main) + len(small) <= MOST_GROUPS else []
            names: dict[str, Any] = dict(zip(("model", "task", "mode", "baseline"), key, strict=True))
            yield _Groups(
                **names,
                rows=shown,
                small=seen,
                pooled=pooled.get(key),
                left_out=left_out,
                hidden=len(small) - len(seen),
                empty=len(rows) - len(known),
            )


def _significant(row: Delta) -> bool:
    return row.p_holm is not None and row.p_holm < 0.05


def _figures(row: Delta) -> list[str]:
    """Return what stands beside a row. A telephone has no room for the interval's ends, which the line shows."""
    interval = [] if layout().narrow else [interval_of(row.delta)]
    return [words.points(row.delta.value), *interval, f"{row.n:,}"]


def _figure(title: str, groups: _Groups, looks: Looks) -> Figure:
    """Draw a row for each subject or type; the pooled difference as a line through all and a diamond below them."""
    half, left_out, most = MOST_GROUPS // 2, groups.left_out, layout().labels + (0.15 if layout().narrow else 0.4)
    rows, heights = [*groups.rows, *groups.small], []
    for place in range(len(rows)):
        gap = 1.0 if left_out and place >= half else 0.0
        heights.append(place + gap + (1.4 if place >= len(groups.rows) else 0.0))
    names = shown([row.group for row in rows], most, layout().names)
    labels = {at: names[row.group] for at, row in zip(heights, rows, strict=True)}
    if groups.small:
        labels[heights[len(groups.rows)] - 1.0] = f"fewer than {FEW} questions:"
    end, whole = heights[-1] + 1.0, ends_of(groups.pooled.delta) if groups.pooled else None
    figures = Figures(
        ["points", *([] if layout().narrow else ["95% interval"]), "n"],
        [*map(_figures, rows), *([_figures(groups.pooled)] if groups.pooled else [])],
    )
    if whole:
        labels[end + 0.3] = _POOLED
    known = [ends for ends in (ends_of(row.delta) for row in rows) if ends]
    limits = limits_of([*known, *([whole] if whole else [])], floor=-100, ceiling=100, least=4)
    tested = next((row.family for row in rows if row.family), None)
    colour = looks.colour(groups.mode)
    key = [
        Entry(label="significant after Holm's correction", colour=colour, mark="o", line="-"),
        Entry(label="not significant", colour=colour, mark="o", line="-", hollow=True),
        *([Entry(label=_POOLED, colour=INK, mark="D", line="--")] if whole else []),
    ]
    figure, [axes] = forest(
        title,
        Lines(rows={}, labels=labels, height=end + (1.3 if whole else 0.0)),
        looks=looks,
        limits=limits,
        label="difference in accuracy, points",
        gutter=figures.gutter,
        heads=True,
        note=f"Lines: 95% intervals. {f'Filled: p < 0.05 after Holm over {tested:,} tests. ' if tested else ''}"
        + limits.note(known)
        + (f"The {half} highest and the {half} lowest of {len(groups.rows) + left_out:,}. " if left_out else "")
        + (f"Not shown: {groups.hidden:,} with fewer than {FEW} questions. " if groups.hidden else "")
        + (f"Without a pair of answers: {groups.empty:,}. " if groups.empty else ""),
        key=key,
    )
    dots = [
        Dot(at=at, ends=ends, colour=colour, hollow=not strong, size=4.5, line=1.6 if strong else 0.9)
        for at, ends, strong in zip(heights, known, map(_significant, rows), strict=True)
    ]
    draw_dots(axes, sorted(dots, key=lambda dot: not dot.hollow), limits)
    for at, row in zip(heights, rows, strict=True):
        figures.put(axes, at, _figures(row))
    figures.put_heads(axes)
    if groups.pooled and whole:
        figures.put(axes, end + 0.3, _figures(groups.pooled), color=INK)
        _draw_pooled(axes, whole, end + 0.3, limits)
    if left_out:
        beside(axes, half, f"… {left_out:,} between these …", x=0.02)
    if groups.small:
        start = heights[len(groups.rows)]
        axes.axhline(start - 1.55, color=RULE, linewidth=0.6, zorder=0)
    return figure


def _draw_pooled(axes: Axes, ends: Ends, at: float, limits: Limits) -> None:
    low, value, high = limits.cut(ends[0]), ends[1], limits.cut(ends[2])
    axes.axvline(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    least = 0.006 * (limits.high - limits.low)
    corners = [(min(low, value - least), at), (value, at - 0.35), (max(high, value + least), at), (value, at + 0.35)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=INK, edgecolor=INK, zorder=3))
    axes.axhline(at - 0.8, color=RULE, linewidth=0.6, zorder=0)


def _told(groups: _Groups, looks: Looks) -> str:
    rows, few = groups.rows, len(groups.small) + groups.hidden
    listed = [f"{row.group} {words.points(row.delta.value)}" for row in rows]
    said = [
        f"{looks.named(groups.task, groups.model)}: {groups.mode} against {groups.baseline}, "
        f"difference in points for {len(rows) + groups.left_out:,} subjects or types"
        + (f", and {few:,} with fewer than {FEW} questions" if few else ""),
        *([f"All questions {said_of(groups.pooled)}"] if groups.pooled else []),
        f"Highest: {', '.join(listed[:3])}",
        f"Lowest: {', '.join(listed[-3:])}",
        f"{sum(map(_significant, rows)):,} of those shown are significant after Holm's correction",
    ]
    return ". ".join(said) + "."
