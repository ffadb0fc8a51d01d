"""Differences across tasks: a row for each task, and below them what they are together, by family and over all, or by
the categories of a suite: Figure 3 of "To CoT or not to CoT?" for one model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from cotbench.analysis.categories import Category
from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta
from cotbench.analysis.pooled import DIFFERENCE, QUESTION, TASK, Pooled
from cotbench.report import words
from cotbench.report.plots.forest import (
    Dot,
    Ends,
    Figures,
    Limits,
    Lines,
    draw_arrows,
    draw_dots,
    ends_of,
    forest,
    interval_of,
    limits_of,
)
from cotbench.report.plots.style import INK, Entry, Looks, Pair, Plot, fit, layout, shown, slug
from cotbench.report.pooled import FAMILIES, main_rows, units

_ROOM = 0.25  # rows, between a family's tasks and what they are together


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each model that has two tasks or more."""
    rows = main_rows(comparison)
    for model in dict.fromkeys(row.model for row in rows):
        own = [row for row in rows if row.model == model and row.delta.value is not None]
        mode, baseline = own[0].mode, own[0].baseline
        deltas = {
            row.task: row
            for row in comparison.deltas
            if row.key == (model, row.task, mode, baseline) and row.tag == ALL
        }
        of_suite = [row for row in comparison.categories if row.pair == own[0].pair and row.delta.value is not None]
        blocks = _of_categories(of_suite, own) if of_suite else _of_families(own)
        name = f" · {looks.models[model]}" if looks.several else ""
        what, stem = (f"Suite {comparison.suite}", "suite") if of_suite else ("Across tasks", "across-tasks")
        title = looks.titled(f"{what}{name}: {mode} − {baseline}")
        stem += f"-{slug(looks.models[model])}" if looks.several else ""
        note = _between(own, named=bool(of_suite)) + (_absent(comparison, model) if of_suite else "")
        drawn = partial(_figure, title, blocks, deltas, looks, note)
        section = "categories" if of_suite else "across_tasks"
        yield Plot(section, stem, title, _told(blocks, deltas, note), drawn)


@dataclass(frozen=True, kw_only=True)
class _Block:
    """Tasks under a heading, "" for none, and what they are together. bare: whether its tasks stand elsewhere."""

    heading: str
    rows: Sequence[Pooled]
    bare: bool = False

    @property
    def tasks(self) -> Sequence[str]:
        return self.rows[0].tasks


def _of_families(pooled: Sequence[Pooled]) -> list[_Block]:
    """Return families of tasks and all tasks, or all alone where there is only one family."""
    by_side = {side: [row for row in pooled if row.side == side] for side in (SYMBOLIC, OTHER, ALL)}
    by_side = {side: rows for side, rows in by_side.items() if rows}
    several = len(by_side) > 1
    return [
        _Block(heading=FAMILIES[side] if several else "", rows=rows, bare=several and side == ALL)
        for side, rows in by_side.items()
    ]


def _of_categories(of_suite: Sequence[Category], pooled: Sequence[Pooled]) -> list[_Block]:
    """Return a suite's categories, and all tasks."""
    names = dict.fromkeys(row.category for row in of_suite)
    blocks = [_Block(heading=name, rows=[row for row in of_suite if row.category == name]) for name in names]
    whole = [row for row in pooled if row.side == ALL]
    return [*blocks, *([_Block(heading=FAMILIES[ALL], rows=whole, bare=True)] if whole else [])]


def _absent(comparison: Comparison, model: str) -> str:
    """Say what of the suite isn't here, "" where all of it is."""
    names = dict.fromkeys(row.name for row in comparison.missing if row.model in ("", model))
    return f" Of the suite not here: {', '.join(names)}." if names else ""


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A task, or what several are together. at: its height, in rows."""

    at: float
    label: str
    ends: Ends
    of: Delta | Pooled

    @property
    def pooled(self) -> Pooled | None:
        return self.of if isinstance(self.of, Pooled) else None


def _rows_of(blocks: Sequence[_Block], deltas: Mapping[str, Delta]) -> tuple[list[_Row], dict[float, str], float]:
    """Return the rows from the top down, the headings by height, and how high it all is, in rows."""
    names = shown(list(deltas), layout().labels, layout().names)
    rows: list[_Row] = []
    headings: dict[float, str] = {}
    at = 0.0
    for block in blocks:
        if block.heading:
            at += 0.35 if headings else 0.0
            headings[at] = block.heading
            at += 1.0
        for task in () if block.bare else block.tasks:
            delta = deltas[task]
            if (ends := ends_of(delta.delta)) is not None:
                rows.append(_Row(at=at, label=names[task], ends=ends, of=delta))
                at += 1.0
        at += 0.0 if block.bare else _ROOM
        for row in sorted(block.rows, key=lambda row: row.unit == QUESTION):
            # One task together is itself.
            if len(row.tasks) > 1 and (ends := ends_of(row.delta)) is not None:
                label = fit(units(row), layout().labels, layout().names)
                rows.append(_Row(at=at, label=label, ends=ends, of=row))
                at += 1.0
    return rows, headings, at


def _figure(title: str, blocks: Sequence[_Block], deltas: Mapping[str, Delta], looks: Looks, note: str) -> Figure:
    """Draw dots for tasks and diamonds for what they are together, with the prediction interval as a thin line."""
    rows, headings, height = _rows_of(blocks, deltas)
    heads = ["points", *([] if layout().narrow else ["95% interval"]), "n"]
    figures = Figures(heads, map(_figures, rows))
    ahead = {row.at: _ahead(row.pooled) for row in rows if row.pooled and row.pooled.predicted.low is not None}
    known = [row.ends for row in rows]
    limits = _limits_of([*known, *ahead.values()], [row.ends for row in rows if row.pooled])
    mode = blocks[0].rows[0].mode
    is_unit = any(row.pooled and row.pooled.unit == TASK for row in rows)
    key = [
        Entry(label="a task", colour=looks.colour(mode), mark=looks.mark(mode), line="-"),
        Entry(label="questions of these tasks: all count alike", colour=INK, mark="D", hollow=True),
        *([Entry(label="tasks like these: each is one unit", colour=INK, mark="D")] if is_unit else []),
        *([Entry(label="where one more task would lie", colour=INK, line="-")] if ahead else []),
    ]
    figure, [axes] = forest(
        title,
        Lines(rows={}, labels={row.at: row.label for row in rows}, headings=headings, height=height),
        looks=looks,
        limits=limits,
        label="difference in accuracy, points",
        gutter=figures.gutter,
        heads=True,
        note=f"Lines and diamonds: 95% intervals. {limits.note([*known, *ahead.values()])}n: questions answered in "
        f"both modes.{note}",
        key=key,
    )
    colour, mark = looks.colour(mode), looks.mark(mode)
    draw_dots(axes, [Dot(at=row.at, ends=row.ends, colour=colour, mark=mark) for row in rows if not row.pooled], limits)
    for row in rows:
        if row.at in ahead:
            _draw_line(axes, ahead[row.at], row.at, limits)
        if row.pooled:
            _draw_diamond(axes, row.ends, row.at, limits, hollow=row.pooled.unit == QUESTION)
        figures.put(axes, row.at, _figures(row))
    figures.put_heads(axes)
    return figure


def _figures(row: _Row) -> list[str]:
    """Return what stands beside a row. A telephone has no room for the interval's ends, which the line shows."""
    interval = [] if layout().narrow else [interval_of(row.of.delta)]
    return [words.points(row.of.delta.value), *interval, f"{row.of.n:,}" if isinstance(row.of, Delta) else ""]


def _limits_of(all_ends: Sequence[Ends], diamonds: Sequence[Ends]) -> Limits:
    """Return limits that hold the diamonds whole, which would look like others if they were cut."""
    limits = limits_of(all_ends, floor=-100, ceiling=100, least=4)
    margin = 0.03 * (max(high for *_, high in diamonds) - min(low for low, *_ in diamonds))
    low, high = min(low for low, *_ in diamonds) - margin, max(high for *_, high in diamonds) + margin
    return Limits(low=min(limits.low, low), high=max(limits.high, high))


def _ahead(row: Pooled) -> Ends:
    low, value, high = row.predicted.low, row.delta.value, row.predicted.high
    assert low is not None and value is not None and high is not None
    return 100 * low, 100 * value, 100 * high


def _draw_diamond(axes: Axes, ends: Ends, at: float, limits: Limits, *, hollow: bool) -> None:
    least = 0.006 * (limits.high - limits.low)
    low, high = min(limits.cut(ends[0]), ends[1] - least), max(limits.cut(ends[2]), ends[1] + least)
    corners = [(low, at), (ends[1], at - 0.32), (high, at), (ends[1], at + 0.32)]
    face = "white" if hollow else INK
    axes.add_patch(Polygon(corners, closed=True, facecolor=face, edgecolor=INK, linewidth=0.9, zorder=3))


def _draw_line(axes: Axes, ends: Ends, at: float, limits: Limits) -> None:
    """Draw a thin line over an interval, with an arrowhead where that leaves the plot."""
    axes.plot([limits.cut(ends[0]), limits.cut(ends[2])], [at, at], color=INK, linewidth=0.7, zorder=2)
    draw_arrows(axes, [(at, ends)], limits, INK)


def _between(pooled: Sequence[Pooled], *, named: bool) -> str:
    """Say how far the families differ, "" where there is one or it can't be estimated. named: whether to say which
    they are, where the plot has other headings."""
    units_first = sorted((row for row in pooled if row.side == DIFFERENCE), key=lambda row: row.unit == QUESTION)
    if not units_first:
        return ""
    by = "by question" if units_first[0].unit == QUESTION else "tasks as units"
    families = f"{FAMILIES[SYMBOLIC]} less {FAMILIES[OTHER]}" if named else "the first family less the second"
    return f" {families[0].upper()}{families[1:]}, {by}: {words.difference(units_first[0].delta)}."


def _told(blocks: Sequence[_Block], deltas: Mapping[str, Delta], note: str) -> str:
    tasks = [f"{task} {words.difference(row.delta)}" for task, row in deltas.items()]
    together = [
        f"{block.heading or FAMILIES[ALL]}, {units(row)}: {words.difference(row.delta)}"
        for block in blocks
        for row in block.rows
    ]
    first = blocks[0].rows[0]
    said = f"Paired differences in accuracy of {first.mode} against {first.baseline}, in points. "
    more = f" And {len(tasks) - 12} more in the table." if len(tasks) > 12 else ""
    return f"{said}{'; '.join(tasks[:12])}.{more} {'; '.join(together)}.{note}"
