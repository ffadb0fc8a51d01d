"""What choosing among more paths brings: by the best score, by a weighted vote, by majority; and their bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.chosen import ChosenAt
from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.plots.panels import curve_panels, logarithmic_axis, percent_scale
from cotbench.report.plots.style import GREY, INK, Entry, Looks, Pair, Plot, listed
from cotbench.report.plots.votes import apart

Line = tuple[str, str, str, str, Callable[[ChosenAt], float | None]]  # what it is, colour, mark, line, its values
LINES: Sequence[Line] = (
    ("best score of k", "#882255", "<", "-", lambda row: row.best.value),
    ("weighted vote of k", "#0072B2", "^", "-", lambda row: row.weighted.value),
    ("majority of k", "#E69F00", "D", "-", lambda row: row.majority.value),
    ("a path at random", INK, "", "--", lambda row: row.mean),
    ("bound: any of k is right", GREY, "o", ":", lambda row: row.any),
)


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot of the curves with more than one point."""
    rows = [row for row in comparison.chosen_at if row.n > 1]
    told = [
        f"{looks.named(row.task, row.model)}, {row.mode}, of {row.n} paths: best {words.percent(row.best.value)}%, "
        f"weighted {words.percent(row.weighted.value)}%, majority {words.percent(row.majority.value)}%, the bound "
        f"(any of them) {words.percent(row.any)}%"
        for row in rows
        if row.k == row.n
    ]
    if rows:
        title = looks.titled("What choosing among more paths brings")
        alt = "Right answers by the number of paths that are chosen from. " + listed(told, 20)
        yield Plot("chosen_at", "chosen", title, alt, partial(_figure, title, rows, looks))


def _figure(title: str, curves: Sequence[ChosenAt], looks: Looks) -> Figure:
    """Draw, over the number of paths, how often each way of choosing among them is right: a panel for each arm."""
    places = list(dict.fromkeys((row.task, row.model, row.mode) for row in curves))
    modes = {mode for _, _, mode in places}
    drawn = [line for line in LINES if any(line[4](row) is not None for row in curves)]
    figure, panels = curve_panels(
        title,
        len(places),
        2.1,
        looks=looks,
        labels=("paths k (log scale)", "right, %"),
        note="Over subsets of k of the n paths. The bound is no method: nobody can choose so without the key.",
        key=[
            Entry(label=label, colour=colour, mark=mark, line=line, hollow=line == ":")
            for label, colour, mark, line, _ in drawn
        ],
    )
    for (task, model, mode), panel in zip(places, panels, strict=True):
        axes = panel.axes
        own = sorted((row for row in curves if (row.task, row.model, row.mode) == (task, model, mode)), key=_k)
        ks = [row.k for row in own]
        logarithmic_axis(axes, (ks[0] / 1.15, ks[-1] * 1.15), apart(ks, panel.room), base=2)
        here = [row for row in curves if row.task == task]
        percent_scale(axes, [value for row in here for *_, of in drawn if (value := of(row)) is not None])
        name = looks.named(task, model)
        panel.head_counted(f"{name}, {mode}" if len(modes) > 1 else name, [row.questions for row in own])
        for label, colour, mark, line, of in drawn:
            points = [(row.k, 100 * value) for row in own if (value := of(row)) is not None]
            if points:
                fill: dict[str, Any] = {"markerfacecolor": "white"} if line == ":" else {}
                axes.plot(*zip(*points, strict=True), line, marker=mark or None, color=colour, clip_on=False,
                          markersize=4.5, linewidth=1.3 if mark else 0.9, label=label, **fill)  # fmt: skip
    return figure


def _k(row: ChosenAt) -> int:
    return row.k
