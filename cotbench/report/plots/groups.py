"""Paired differences by subject or type, for one mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Delta
from cotbench.report import words
from cotbench.report.plots.deltas import said_of
from cotbench.report.plots.forest import (
    ARROW_NOTE,
    ROW,
    Limits,
    beside,
    intervals,
    limits_of,
    points_of,
    signed_ticks,
    zero,
)
from cotbench.report.plots.style import (
    EDGE,
    INK,
    LABELS,
    RULE,
    SMALL,
    WIDTH,
    Entry,
    Look,
    Page,
    inches,
    set_rows,
    shown,
    widest,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


MOST_GROUPS = 80  # rows of one figure


@dataclass(frozen=True, kw_only=True)
class Groups:
    """The subjects or types of one task and model, highest difference first. left_out: how many of the middle aren't shown."""

    model: str
    task: str
    mode: str
    baseline: str
    rows: Sequence[Delta]
    pooled: Delta | None
    left_out: int
    empty: int


def groups_of(comparison: Comparison, mode: str, baseline: str) -> list[Groups]:
    """One for each task and model that has two groups to compare."""
    out = []
    wanted = [row for row in comparison.groups if row.mode == mode and row.baseline == baseline and row.group]
    for model, task in dict.fromkeys((row.model, row.task) for row in wanted):
        own = [row for row in wanted if (row.model, row.task) == (model, task)]
        known = [row for row in own if row.delta is not None]
        if len(known) < 2:
            continue
        known.sort(key=lambda row: (-(row.delta or 0.0), row.group))
        left_out = max(0, len(known) - MOST_GROUPS)
        half = MOST_GROUPS // 2
        pooled = next(
            (
                row
                for row in comparison.deltas
                if (row.model, row.task, row.mode, row.baseline, row.tag) == (model, task, mode, baseline, ALL)
                and row.delta is not None
            ),
            None,
        )
        out.append(
            Groups(
                model=model,
                task=task,
                mode=mode,
                baseline=baseline,
                rows=[*known[:half], *known[-half:]] if left_out else known,
                pooled=pooled,
                left_out=left_out,
                empty=len(own) - len(known),
            )
        )
    return out


def groups_title(look: Look, groups: Groups) -> str:
    return look.titled(f"{look.named(groups.task, groups.model)}: {groups.mode} − {groups.baseline} by subject or type")


def _significant(row: Delta) -> bool:
    return row.p_holm is not None and row.p_holm < 0.05


def groups_figure(groups: Groups, look: Look) -> Figure:
    """A row for each subject or type; the pooled difference as a line through all and a diamond below them."""
    half = MOST_GROUPS // 2
    heights = [at + (1.0 if groups.left_out and at >= half else 0.0) for at in range(len(groups.rows))]
    end = heights[-1] + 1.0
    short = shown([row.group for row in groups.rows], LABELS + 0.4)
    names = [short[row.group] for row in groups.rows]
    figures = [f"{words.points(row.delta)}  n = {row.n:,}" for row in groups.rows]
    pooled = groups.pooled
    all_figures = f"{words.points(pooled.delta)}  n = {pooled.n:,}" if pooled else ""
    gutter = max(widest(figures, SMALL), inches(all_figures, SMALL)) + 0.12
    left = EDGE + max(widest(names), inches("all questions")) + 0.1
    width = WIDTH - EDGE - left - gutter
    known = [ends for ends in map(points_of, groups.rows) if ends]
    whole = points_of(pooled) if pooled else None
    limits = limits_of([*known, *([whole] if whole else [])], floor=-100, ceiling=100, least=4)
    over = any(low < limits.low or high > limits.high for low, _, high in known)
    tested = next((row.family for row in groups.rows if row.family), None)
    note = (
        f"Lines: 95% intervals. {f'Filled: p < 0.05 after Holm over {tested:,} tests. ' if tested else ''}"
        + (ARROW_NOTE if over else "")
        + (
            f"The {half} highest and the {half} lowest of {len(groups.rows) + groups.left_out:,}. "
            if groups.left_out
            else ""
        )
        + (f"Without a pair of answers: {groups.empty:,}. " if groups.empty else "")
    )
    rows_height = end + (1.3 if pooled else 0.0)
    height = ROW * (rows_height + 0.2)
    colour = look.colour(groups.mode)
    key = [
        Entry(label="significant after Holm's correction", colour=colour, mark="o", line="-"),
        Entry(label="not significant", colour=colour, mark="o", line="-", hollow=True),
    ]
    if pooled:
        key.append(Entry(label="all questions", colour=INK, mark="D", line="--"))
    page = Page(groups_title(look, groups), height + 0.5, stub=look.stub, note=note, key=key)
    axes = page.axes(left, 0.0, width, height)
    axes.set_xlim(limits.low, limits.high)
    zero(axes)
    signed_ticks(axes, width)
    axes.set_xlabel("difference in accuracy, points")
    labels = dict(zip(heights, names, strict=True))
    for strong in (False, True):
        rows = [
            (at, *ends)
            for at, ends, row in zip(heights, known, groups.rows, strict=True)
            if _significant(row) is strong
        ]
        intervals(axes, limits, rows, colour=colour, mark="o", hollow=not strong, size=4.5, line=1.6 if strong else 0.9)
    edge = 1 + (gutter - 0.02) / width
    for at, text in zip(heights, figures, strict=True):
        beside(axes, at, text, x=edge, ha="right")
    if pooled:
        _pooled(axes, pooled, end + 0.3, limits)
        labels[end + 0.3] = "all questions"
        beside(axes, end + 0.3, all_figures, x=edge, ha="right", color=INK)
    if groups.left_out:
        beside(axes, half, f"… {groups.left_out:,} between these …", x=0.02)
    set_rows(axes, labels, rows_height, width)
    return page.figure


def _pooled(axes: Axes, row: Delta, at: float, limits: Limits) -> None:
    from matplotlib.patches import Polygon

    value = 100 * (row.delta or 0.0)
    low, high = (value if end is None else limits.cut(100 * end) for end in (row.low, row.high))
    axes.axvline(value, color=INK, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1)
    least = 0.006 * (limits.high - limits.low)
    ends = [(min(low, value - least), at), (value, at - 0.35), (max(high, value + least), at), (value, at + 0.35)]
    axes.add_patch(Polygon(ends, closed=True, facecolor=INK, edgecolor=INK, zorder=3))
    axes.axhline(at - 0.8, color=RULE, linewidth=0.6, zorder=0)


def groups_alt(groups: Groups, look: Look) -> str:
    rows = groups.rows
    total = len(rows) + groups.left_out
    said = [
        f"{look.named(groups.task, groups.model)}: {groups.mode} against {groups.baseline}, difference in points for {total:,} subjects or types"
    ]
    if groups.pooled:
        said.append(f"All questions {said_of(groups.pooled)}")
    said.append("Highest: " + ", ".join(f"{row.group} {words.points(row.delta)}" for row in rows[:3]))
    said.append("Lowest: " + ", ".join(f"{row.group} {words.points(row.delta)}" for row in rows[-3:]))
    said.append(f"{sum(map(_significant, rows)):,} of those shown are significant after Holm's correction")
    return ". ".join(said) + "."
