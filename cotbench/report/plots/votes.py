"""What more paths of a voting mode bring."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.tallies import Curve
from cotbench.report import words
from cotbench.report.plots.panels import curve_panels, logarithmic_axis, percent_scale
from cotbench.report.plots.style import INK, SMALL, Entry, Looks, Pair, Plot, by_task, figure_of, inches, listed


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot of the curves with more than one point."""
    rows = [row for row in comparison.curves if row.n > 1]
    told = [
        f"{looks.named(row.task, row.model)}, {row.mode}, of {row.n} paths: maj@{row.k} {words.percent(row.maj)}%, "
        f"pass@{row.k} {words.percent(row.any)}%, a single path {words.percent(row.mean)}%"
        for row in rows
        if row.k == row.n
    ]
    if rows:
        title, alt = looks.titled("What more paths bring"), "Votes by the number of paths. " + listed(told, 20)
        yield Plot("votes", "votes", title, alt, partial(_figure, title, rows, looks))


def _figure(title: str, curves: Sequence[Curve], looks: Looks) -> Figure:
    """Draw, over the number of paths, how often their vote is right and how often any of them is."""
    places = by_task([(row.task, row.model) for row in curves])
    modes = list(dict.fromkeys(row.mode for row in curves))
    key = [Entry(label=mode, colour=looks.colour(mode), mark=looks.mark(mode), line="-") for mode in modes]
    tone, mark = (INK, "o") if len(modes) > 1 else (looks.colour(modes[0]), looks.mark(modes[0]))
    figure, panels = curve_panels(
        title,
        len(places),
        2.1,
        looks=looks,
        labels=("paths k (log scale)", "right, %"),
        note="maj@k and pass@k: over all subsets of k of the n paths.",
        key=[
            *(key if len(modes) > 1 else ()),
            Entry(label="maj@k: the vote of k paths is right", colour=tone, mark=mark, line="-"),
            Entry(label="pass@k: one of k paths is right", colour=tone, mark=mark, line=":", hollow=True),
            Entry(label="mean@k: a single path is right", colour=tone, line="--"),
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        axes, own = panel.axes, [row for row in curves if (row.task, row.model) == (task, model)]
        ks = sorted({row.k for row in own})
        logarithmic_axis(axes, (ks[0] / 1.15, ks[-1] * 1.15), apart(ks, panel.room), base=2)
        percent_scale(axes, [value for row in curves if row.task == task for value in (row.maj, row.any, row.mean)])
        panel.head_counted(looks.named(task, model), [row.questions for row in own])
        for mode in modes:
            if rows := sorted((row for row in own if row.mode == mode), key=lambda row: row.k):
                _draw_curve(axes, looks, rows)
    return figure


def _draw_curve(axes: Axes, looks: Looks, rows: Sequence[Curve]) -> None:
    """Draw the curves of one mode. rows: by k."""
    mode, k = rows[0].mode, [row.k for row in rows]
    style: dict[str, Any] = {"color": looks.colour(mode), "marker": looks.mark(mode), "clip_on": False}
    style |= {"markersize": 4.5, "linewidth": 1.3}
    axes.plot(k, [100 * row.maj for row in rows], label=f"maj {mode}", **style)
    axes.plot(k, [100 * row.any for row in rows], ":", markerfacecolor="white", label=f"pass {mode}", **style)
    axes.axhline(100 * rows[-1].mean, color=looks.colour(mode), linewidth=0.9, linestyle="--", zorder=1)


def apart(ks: Sequence[int], width: float) -> list[int]:
    """Return the ks whose labels don't touch, the last before any other. width: of the axes, in inches."""
    total = math.log2(ks[-1] / ks[0]) or 1.0
    kept = [ks[-1]]
    for k in reversed(ks[:-1]):
        gap = math.log2(kept[-1] / k) / total * width * 0.9
        if gap > (inches(figure_of(k), SMALL) + inches(figure_of(kept[-1]), SMALL)) / 2 + 0.05:
            kept.append(k)
    return kept[::-1]
