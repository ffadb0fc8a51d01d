"""Arms with further calls beside votes: accuracy against tokens, a vote's curve over its paths, each arm a point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.beside import Effort, VotePoint
from cotbench.analysis.compare import Comparison
from cotbench.analysis.subsets import sizes
from cotbench.report import words
from cotbench.report.plots.cost import token_axis
from cotbench.report.plots.forest import ends_of
from cotbench.report.plots.panels import curve_panels, percent_scale
from cotbench.report.plots.style import Entry, Looks, Pair, Plot, by_task, listed


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any arm with further calls has tokens, and a vote beside it."""
    votes = comparison.vote_points
    places = {(row.model, row.task) for row in votes if row.tokens > 0}
    arms = [
        row
        for row in comparison.efforts
        if row.search and row.completion_tokens and row.accuracy.value is not None and (row.model, row.task) in places
    ]
    if not arms:
        return
    there = {(row.model, row.task) for row in arms}
    votes = [row for row in votes if (row.model, row.task) in there and row.tokens > 0]
    told = [
        f"{looks.named(row.task, row.model)}, {row.mode} {words.percent(row.accuracy.value)}% at "
        f"{words.tokens(row.completion_tokens)} tokens"
        for row in arms
    ]
    told += [
        f"{looks.named(row.task, row.model)}, {row.mode} over {row.k} paths {words.percent(row.accuracy)}% at "
        f"{words.tokens(row.tokens)} tokens"
        for row in votes
        if row.k in (1, _most(votes, row))
    ]
    title = looks.titled("Further calls beside votes, by tokens")
    alt = "Accuracy against mean completion tokens: votes over more and more paths, and arms. " + listed(told, 30)
    yield Plot("beside", "beside", title, alt, partial(_figure, title, arms, votes, looks))


def _most(votes: Sequence[VotePoint], of: VotePoint) -> int:
    return max(row.k for row in votes if (row.model, row.task, row.mode) == (of.model, of.task, of.mode))


def _figure(title: str, arms: Sequence[Effort], votes: Sequence[VotePoint], looks: Looks) -> Figure:
    """Draw a panel for each task and model."""
    places = by_task([(row.task, row.model) for row in arms])
    curves = list(dict.fromkeys(row.mode for row in votes))
    names = list(dict.fromkeys(row.mode for row in arms))
    figure, panels = curve_panels(
        title,
        len(places),
        2.4,
        looks=looks,
        labels=("completion tokens per question, mean (log scale)", "right, %"),
        note="A vote's line is over 1, 2, 3 ... of its paths, on the mean over all subsets; marks stand at 1, 2, 4 ... "
        "paths. Lines up and down: 95% intervals of accuracy; that of the difference stands in the table.",
        key=[
            *(Entry(label=f"{mode}, by paths", colour=looks.colour(mode), mark="o", line="-") for mode in curves),
            *(Entry(label=mode, colour=looks.colour(mode), mark=looks.mark(mode)) for mode in names),
        ],
    )
    for (task, model), panel in zip(places, panels, strict=True):
        axes = panel.axes
        here = [row for row in arms if (row.task, row.model) == (task, model)]
        own = [row for row in votes if (row.task, row.model) == (task, model)]
        spent = [row.tokens for row in own] + [row.completion_tokens or 0.0 for row in here]
        token_axis(axes, spent, logarithmic=True)
        ends = [ends_of(row.accuracy) or (0.0, 0.0, 0.0) for row in here]
        percent_scale(axes, [*(row.accuracy for row in own), *(at / 100 for each in ends for at in each)])
        panel.head_counted(looks.named(task, model), [*(row.n for row in own), *(row.n for row in here)])
        for mode in curves:
            line = sorted((row for row in own if row.mode == mode), key=lambda row: row.k)
            if line:
                marked = [row.k - 1 for row in line if row.k in set(sizes(line[-1].k))]
                right = [100 * row.accuracy for row in line]
                style: dict[str, Any] = {
                    "color": looks.colour(mode),
                    "marker": "o",
                    "markersize": 3.5,
                    "linewidth": 1.3,
                }
                axes.plot([row.tokens for row in line], right, markevery=marked, clip_on=False, zorder=2, **style)
        for row, (low, value, high) in zip(here, ends, strict=True):
            reach = [[max(0.0, value - low)], [max(0.0, high - value)]]
            at, colour = [row.completion_tokens or 0.0], looks.colour(row.mode)
            axes.errorbar(at, [value], yerr=reach, fmt=looks.mark(row.mode), color=colour, markersize=6,
                          elinewidth=0.9, clip_on=False, zorder=3)  # fmt: skip
    return figure
