"""Paired differences by subject or type, for one mode."""

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
from cotbench.report.plots.forest import Dot, Ends, Limits, Lines, beside, draw_dots, ends_of, forest, limits_of, past
from cotbench.report.plots.style import GREY, INK, LABELS, RULE, SMALL, Entry, Looks, Pair, Plot, shown, slug, widest

MOST_GROUPS = 80  # rows of one figure
_POOLED = "all questions"


@dataclass(frozen=True, kw_only=True)
class _Groups(Paired):
    """The subjects or types of one task and model, highest difference first.

    pooled: the difference on all questions. left_out: how many of the middle aren't shown; empty: how many have no
    pair of answers.
    """

    rows: Sequence[Delta]
    pooled: Delta | None
    left_out: int
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
            left_out = max(0, len(known) - MOST_GROUPS)
            shown = [*known[: MOST_GROUPS // 2], *known[-(MOST_GROUPS // 2) :]] if left_out else known
            names: dict[str, Any] = dict(zip(("model", "task", "mode", "baseline"), key, strict=True))
            empty = len(rows) - len(known)
            yield _Groups(**names, rows=shown, pooled=pooled.get(key), left_out=left_out, empty=empty)


def _significant(row: Delta) -> bool:
    return row.p_holm is not None and row.p_holm < 0.05


def _figures(row: Delta) -> str:
    return f"{words.points(row.delta.value)}  n = {row.n:,}"


def _figure(title: str, groups: _Groups, looks: Looks) -> Figure:
    """Draw a row for each subject or type; the pooled difference as a line through all and a diamond below them."""
    half, left_out = MOST_GROUPS // 2, groups.left_out
    heights = [place + (1.0 if left_out and place >= half else 0.0) for place in range(len(groups.rows))]
    names = shown([row.group for row in groups.rows], LABELS + 0.4)
    labels = {at: names[row.group] for at, row in zip(heights, groups.rows, strict=True)}
    end, whole = heights[-1] + 1.0, ends_of(groups.pooled.delta) if groups.pooled else None
    figures = [*map(_figures, groups.rows), *([_figures(groups.pooled)] if groups.pooled else [])]
    gutter = widest(figures, SMALL) + 0.12
    if whole:
        heights.append(end + 0.3)
        labels[heights[-1]] = _POOLED
    known = [ends for ends in (ends_of(row.delta) for row in groups.rows) if ends]
    limits = limits_of([*known, *([whole] if whole else [])], floor=-100, ceiling=100, least=4)
    tested = next((row.family for row in groups.rows if row.family), None)
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
        gutter=gutter,
        note=f"Lines: 95% intervals. {f'Filled: p < 0.05 after Holm over {tested:,} tests. ' if tested else ''}"
        + limits.note(known)
        + (f"The {half} highest and the {half} lowest of {len(known) + left_out:,}. " if left_out else "")
        + (f"Without a pair of answers: {groups.empty:,}. " if groups.empty else ""),
        key=key,
    )
    dots = [
        Dot(at=at, ends=ends, colour=colour, hollow=not strong, size=4.5, line=1.6 if strong else 0.9)
        for at, ends, strong in zip(heights, known, map(_significant, groups.rows), strict=False)
    ]
    draw_dots(axes, sorted(dots, key=lambda dot: not dot.hollow), limits)
    for at, text in zip(heights, figures, strict=True):
        beside(axes, at, text, x=past(axes, gutter - 0.02), ha="right", color=INK if at >= end else GREY)
    if whole:
        _draw_pooled(axes, whole, heights[-1], limits)
    if left_out:
        beside(axes, half, f"… {left_out:,} between these …", x=0.02)
    return figure


def _draw_pooled(axes: Axes, ends: Ends, at: float, limits: Limits) -> None:
    low, value, high = limits.cut(ends[0]), ends[1], limits.cut(ends[2])
    axes.axvline(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    least = 0.006 * (limits.high - limits.low)
    corners = [(min(low, value - least), at), (value, at - 0.35), (max(high, value + least), at), (value, at + 0.35)]
    axes.add_patch(Polygon(corners, closed=True, facecolor=INK, edgecolor=INK, zorder=3))
    axes.axhline(at - 0.8, color=RULE, linewidth=0.6, zorder=0)


def _told(groups: _Groups, looks: Looks) -> str:
    rows = groups.rows
    listed = [f"{row.group} {words.points(row.delta.value)}" for row in rows]
    said = [
        f"{looks.named(groups.task, groups.model)}: {groups.mode} against {groups.baseline}, "
        f"difference in points for {len(rows) + groups.left_out:,} subjects or types",
        *([f"All questions {said_of(groups.pooled)}"] if groups.pooled else []),
        f"Highest: {', '.join(listed[:3])}",
        f"Lowest: {', '.join(listed[-3:])}",
        f"{sum(map(_significant, rows)):,} of those shown are significant after Holm's correction",
    ]
    return ". ".join(said) + "."
