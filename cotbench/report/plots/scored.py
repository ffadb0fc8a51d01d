"""Mean scores and exact match side by side: what each arm changes, where answers may be partly right."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL
from cotbench.analysis.scored import ScoreDelta
from cotbench.report import words
from cotbench.report.plots.forest import Dot, Ends, Figures, Lines, draw_dots, ends_of, figures_of, forest, limits_of
from cotbench.report.plots.style import BOLD, EDGE, INK, Entry, Looks, Pair, Plot, fit, layout, listed

MOST = 12  # blocks of a task and a pair of arms; of more, those of the main pair are drawn, and then the first
SCORE, EXACT = "mean score", "exact match"
_MARKS = {SCORE: "o", EXACT: "d"}


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A difference at a height in rows. what: of mean scores or of exact match."""

    at: float
    what: str
    figures: Sequence[str]
    ends: Ends
    mode: str


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where answers may be partly right. pair: drawn alone where there is much."""
    rows = [row for row in comparison.score_deltas if row.tag == ALL and row.delta.value is not None]
    if len(rows) > MOST:
        main = [row for row in rows if (row.mode, row.baseline) == pair]
        rows = (main or rows)[:MOST]
    if rows:
        title = "Mean scores and exact match: what each arm changes"
        yield Plot("score_deltas", "scores", title, _told(rows, looks), partial(_figure, title, rows, looks))


def _figure(title: str, deltas: Sequence[ScoreDelta], looks: Looks) -> Figure:
    """Draw a block for each task and pair of arms, with a row for mean scores and one for exact match."""
    rows, headings, height = _rows_of(deltas, looks)
    known = [row.ends for row in rows]
    limits = limits_of(known, floor=-100, ceiling=100, least=4)
    narrow = layout().narrow
    heads = () if narrow else ("points", "95% interval", "n")
    figures = Figures(heads, [row.figures for row in rows], stacked=narrow)
    figure, [axes] = forest(
        title,
        Lines(rows={}, labels={row.at: row.what for row in rows}, headings=headings, height=height),
        looks=looks,
        limits=limits,
        label="difference, points",
        gutter=figures.gutter,
        heads=not narrow,
        row=figures.row,
        note=("Figures: points over their 95% interval. " if narrow else "")
        + "Both on the same questions. Lines: 95% intervals, not corrected for how many there are. "
        + limits.note(known),
        key=[
            Entry(label=SCORE, colour=INK, mark=_MARKS[SCORE], line="-"),
            Entry(label=EXACT, colour=INK, mark=_MARKS[EXACT], hollow=True, line="-"),
        ],
    )
    for what in (SCORE, EXACT):
        dots = [
            Dot(at=r.at, ends=r.ends, colour=looks.colour(r.mode), mark=_MARKS[what], hollow=what == EXACT)
            for r in rows
            if r.what == what
        ]
        draw_dots(axes, dots, limits)
    for row in rows:
        figures.put(axes, row.at, row.figures)
    figures.put_heads(axes)
    return figure


def _rows_of(deltas: Sequence[ScoreDelta], looks: Looks) -> tuple[list[_Row], dict[float, str], float]:
    """Return the rows from the top down, the headings by height, and how high it all is, in rows."""
    rows: list[_Row] = []
    headings: dict[float, str] = {}
    at = 0.0
    for delta in deltas:
        at += 0.35 if headings else 0.0
        name = f"{looks.named(delta.task, delta.model)}: {delta.mode} − {delta.baseline}"
        headings[at] = fit(name, (layout().width - 2 * EDGE) / BOLD)
        at += 1.0
        for what, estimate in ((SCORE, delta.delta), (EXACT, delta.exact)):
            if (ends := ends_of(estimate)) is not None:
                rows.append(_Row(at=at, what=what, figures=figures_of(estimate, delta.n), ends=ends, mode=delta.mode))
                at += 1.0
    return rows, headings, at


def _told(rows: Sequence[ScoreDelta], looks: Looks) -> str:
    return "Differences of mean scores, and of exact match, in points. " + listed(
        [
            f"{looks.named(row.task, row.model)}, {row.mode} − {row.baseline}: {SCORE} {words.difference(row.delta)}, "
            f"{EXACT} {words.difference(row.exact)}"
            for row in rows
        ]
    )
