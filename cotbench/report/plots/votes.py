"""What more paths of a voting mode bring."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cotbench.analysis.compare import Comparison
from cotbench.analysis.tallies import Curve
from cotbench.report import words
from cotbench.report.plots.panels import counted, percent_scale
from cotbench.report.plots.style import (
    EDGE,
    INK,
    RULE,
    SMALL,
    Entry,
    Look,
    Page,
    by_task,
    figure_of,
    grid,
    inches,
    listed,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def vote_rows(comparison: Comparison) -> list[Curve]:
    """Curves with more than one point."""
    return [row for row in comparison.curves if row.n > 1]


def votes_title(look: Look) -> str:
    return look.titled("What more paths bring")


def votes_figure(comparison: Comparison, look: Look) -> Figure:
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    curves = vote_rows(comparison)
    places = by_task([(row.task, row.model) for row in curves])
    modes = list(dict.fromkeys(row.mode for row in curves))
    key = (
        [Entry(label=mode, colour=look.colour(mode), mark=look.mark(mode), line="-") for mode in modes]
        if len(modes) > 1
        else []
    )
    tone = INK if len(modes) > 1 else look.colour(modes[0])
    mark = "o" if len(modes) > 1 else look.mark(modes[0])
    key += [
        Entry(label="maj@k: the vote of k paths is right", colour=tone, mark=mark, line="-"),
        Entry(label="pass@k: one of k paths is right", colour=tone, mark=mark, line=":", hollow=True),
        Entry(label="mean@k: a single path is right", colour=tone, line="--"),
    ]
    left, gutter = 0.42, 0.4
    columns, width = grid(len(places), left=left, gutter=gutter, right=0.1)
    height, head, foot = 2.1, 0.24, 0.5
    page = Page(
        votes_title(look),
        (head + height + foot) * -(-len(places) // columns),
        stub=look.stub,
        key=key,
        note="maj@k and pass@k: over all subsets of k of the n paths.",
    )
    for place, (task, model) in enumerate(places):
        line, column = divmod(place, columns)
        x, top = EDGE + left + column * (width + gutter), line * (head + height + foot)
        axes = page.axes(x, top + head, width, height)
        own = [row for row in curves if (row.task, row.model) == (task, model)]
        ks = sorted({row.k for row in own})
        axes.set_xscale("log", base=2)
        axes.set_xlim(ks[0] / 1.15, ks[-1] * 1.15)
        axes.xaxis.set_major_locator(FixedLocator(_apart(ks, width)))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(figure_of))
        percent_scale(axes, [value for row in curves if row.task == task for value in (row.maj, row.any, row.mean)])
        axes.grid(color=RULE, linewidth=0.5)
        axes.tick_params(length=2.5, width=0.6, labelsize=SMALL)
        axes.set_xlabel("paths k (log scale)")
        if column == 0:
            axes.set_ylabel("right, %")
        counted(page, x, top + 0.12, look.named(task, model), [row.questions for row in own], width)
        for mode in modes:
            mine = sorted((row for row in own if row.mode == mode), key=lambda row: row.k)
            if not mine:
                continue
            colour, k = look.colour(mode), [row.k for row in mine]
            style: dict[str, Any] = {
                "color": colour,
                "marker": look.mark(mode),
                "markersize": 4.5,
                "linewidth": 1.3,
                "clip_on": False,
            }
            axes.plot(k, [100 * row.maj for row in mine], label=f"maj {mode}", **style)
            axes.plot(k, [100 * row.any for row in mine], ":", markerfacecolor="white", label=f"pass {mode}", **style)
            axes.axhline(100 * mine[-1].mean, color=colour, linewidth=0.9, linestyle="--", zorder=1)
    return page.figure


def _apart(ks: Sequence[int], width: float) -> list[int]:
    """The ks whose labels don't touch, the last before any other."""
    total = math.log2(ks[-1] / ks[0]) or 1.0
    kept = [ks[-1]]
    for k in reversed(ks[:-1]):
        gap = math.log2(kept[-1] / k) / total * width * 0.9
        if gap > (inches(figure_of(k), SMALL) + inches(figure_of(kept[-1]), SMALL)) / 2 + 0.05:
            kept.append(k)
    return kept[::-1]


def votes_alt(comparison: Comparison, look: Look) -> str:
    parts = [
        f"{look.named(row.task, row.model)}, {row.mode}, of {row.n} paths: maj@{row.k} {words.percent(row.maj)}%, "
        f"pass@{row.k} {words.percent(row.any)}%, a single path {words.percent(row.mean)}%"
        for row in vote_rows(comparison)
        if row.k == row.n
    ]
    return "Votes by the number of paths. " + listed(parts, 20)
