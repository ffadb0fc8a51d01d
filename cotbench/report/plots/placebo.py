"""Placebos of a thought: a forest of accuracies, from the answer at once over the placebos to the thought."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Interval
from cotbench.analysis.placebo import Placebo
from cotbench.report import words
from cotbench.report.placebo import share_ends, share_of
from cotbench.report.plots.forest import Dot, Ends, Figures, Lines, draw_dots, ends_of, forest, limits_of
from cotbench.report.plots.style import BOLD, EDGE, Looks, Pair, Plot, fit, layout, listed

_ORDER = ("dots", "foreign", "order", "control")


@dataclass(frozen=True, kw_only=True)
class _Row:
    """An arm at a height in rows."""

    at: float
    mode: str
    ends: Ends
    figures: Sequence[str]


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where there is a placebo with answers."""
    rows = [row for row in comparison.placebos if row.tag == ALL and row.n]
    if rows:
        title = looks.titled("Is it the thought? Placebos in its place")
        told = [
            f"{looks.named(row.task, row.model)}: {row.mode} {words.percent(row.accuracy.value)}% between "
            f"{words.percent(row.direct.value)}% at once and {words.percent(row.thought.value)}% under {row.of}"
            for row in rows
        ]
        alt = "Accuracy of the answer at once, of placebos and of the thought. " + listed(told, 30)
        yield Plot("placebo", "placebo", title, alt, partial(_figure, title, rows, looks))


def _figure(title: str, placebos: Sequence[Placebo], looks: Looks) -> Figure:
    """Draw a block for each task, model and thought."""
    rows, labels, headings, height = _rows_of(placebos, looks)
    known = [row.ends for row in rows]
    limits = limits_of(known, floor=0, ceiling=100, least=10)
    narrow = layout().narrow
    figures = Figures(
        () if narrow else ("right %", "keeps of the gain", "95% interval"),
        [row.figures for row in rows],
        stacked=narrow,
    )
    figure, [axes] = forest(
        title,
        Lines(rows={}, labels=labels, headings=headings, height=height),
        looks=looks,
        limits=limits,
        label="right, %",
        gutter=figures.gutter,
        heads=not narrow,
        row=figures.row,
        named=lambda value: f"{value:g}",
        note=("Figures: right, over what is kept of the gain. " if narrow else "")
        + "Lines: 95% intervals of accuracy, each arm by itself; those of the paired differences stand in the table.",
    )
    dots = [
        Dot(at=row.at, ends=row.ends, colour=looks.colour(row.mode), mark=looks.mark(row.mode), size=6) for row in rows
    ]
    draw_dots(axes, dots, limits)
    for row in rows:
        figures.put(axes, row.at, row.figures)
    figures.put_heads(axes)
    return figure


def _rows_of(placebos: Sequence[Placebo], looks: Looks) -> tuple[list[_Row], dict[float, str], dict[float, str], float]:
    """Return the rows from the top down, their labels and the headings by height, and how high it all is, in rows."""
    blocks: dict[tuple[str, str, str, str], list[Placebo]] = {}
    for one in placebos:
        blocks.setdefault((one.task, one.model, one.of, one.baseline), []).append(one)
    rows: list[_Row] = []
    labels: dict[float, str] = {}
    headings: dict[float, str] = {}
    at = 0.0
    for (task, model, of, baseline), block in blocks.items():
        own = sorted(block, key=lambda row: _ORDER.index(row.placebo) if row.placebo in _ORDER else -1)
        at += 0.35 if headings else 0.0
        headings[at] = fit(f"{looks.named(task, model)}, n = {own[0].n:,}", (layout().width - 2 * EDGE) / BOLD)
        at += 1.0
        for mode, accuracy, share in (
            (baseline, own[0].direct, None),
            *((row.mode, row.accuracy, row.share) for row in own),
            (of, own[0].thought, None),
        ):
            if (ends := ends_of(accuracy)) is not None:
                rows.append(_Row(at=at, mode=mode, ends=ends, figures=_figures(accuracy, share)))
                labels[at] = fit(mode, layout().labels, layout().names)
                at += 1.0
    return rows, labels, headings, at


def _figures(accuracy: Interval, share: Interval | None) -> list[str]:
    kept = ["", ""] if share is None else [share_of(share), share_ends(share)]
    if layout().narrow:
        return [words.percent(accuracy.value), kept[0]]
    return [words.percent(accuracy.value), *kept]
