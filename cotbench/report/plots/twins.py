"""What an arm changes on perturbed questions less what it changes on their seeds, by kind of perturbation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL
from cotbench.analysis.twins import Twin
from cotbench.report import words
from cotbench.report.plots.forest import Dot, Figures, Lines, draw_dots, ends_of, forest, interval_of, limits_of
from cotbench.report.plots.style import BOLD, EDGE, Looks, Pair, Plot, fit, layout, listed, slug

WHOLE = "all kinds"


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each task and model with perturbed questions. pair: the modes that are shown, where there."""
    panels: dict[tuple[str, str], list[Twin]] = {}
    for row in comparison.twins:
        if row.difference.value is not None:
            panels.setdefault((row.task, row.model), []).append(row)
    for (task, model), rows in panels.items():
        shown = pair if any((row.mode, row.baseline) == pair for row in rows) else (rows[0].mode, rows[0].baseline)
        own = [row for row in rows if (row.mode, row.baseline) == shown]
        title = (
            f"{looks.named(task, model)}: {own[0].mode} − {own[0].baseline} on perturbed questions, less on their seeds"
        )
        stem = f"twins-{slug(task)}" + (f"-{slug(model)}" if looks.several else "")
        yield Plot("twins", stem, title, _told(own), partial(_figure, title, own, looks))


def _named(row: Twin) -> str:
    return WHOLE if row.tag == ALL else row.tag


def _figure(title: str, twins: Sequence[Twin], looks: Looks) -> Figure:
    """Draw a row for all kinds of perturbation together, and one for each."""
    narrow = layout().narrow
    known = [(row, ends) for row in twins if (ends := ends_of(row.difference)) is not None]
    limits = limits_of([ends for _, ends in known], floor=-200, ceiling=200, least=4)
    heads = () if narrow else ("points", "95% interval", "n")
    figures = Figures(heads, [_figures(row) for row, _ in known], stacked=narrow)
    labels = {float(at): fit(_named(row), layout().labels, layout().names) for at, (row, _) in enumerate(known)}
    figure, [axes] = forest(
        fit(title, (layout().width - 2 * EDGE) / BOLD),
        Lines(rows={}, labels=labels, height=float(len(known))),
        looks=looks,
        limits=limits,
        label="difference of the two gains, points",
        gutter=figures.gutter,
        heads=not narrow,
        row=figures.row,
        note=("Figures: points over their 95% interval. " if narrow else "n: perturbed questions. ")
        + "Below 0: less is gained on perturbed questions. Lines: 95% intervals, not corrected for how many there are. "
        + limits.note([ends for _, ends in known]),
    )
    dots = [
        Dot(at=float(at), ends=ends, colour=looks.colour(row.mode), mark="D" if row.tag == ALL else "o")
        for at, (row, ends) in enumerate(known)
    ]
    draw_dots(axes, dots, limits)
    for at, (row, _) in enumerate(known):
        figures.put(axes, float(at), _figures(row))
    figures.put_heads(axes)
    return figure


def _figures(row: Twin) -> list[str]:
    """Return what stands beside a row. A telephone has no room for n."""
    counted = [] if layout().narrow else [f"{row.n:,}"]
    return [words.points(row.difference.value), interval_of(row.difference), *counted]


def _told(rows: Sequence[Twin]) -> str:
    return "Gains on perturbed questions less those on their seeds, in points. " + listed(
        [f"{_named(row)}: {words.difference(row.difference)}" for row in rows]
    )
