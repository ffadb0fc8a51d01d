"""Paired differences by task and mode: all questions, and each side of the tag."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta
from cotbench.report import words
from cotbench.report.plots.forest import EMPTY, Dot, beside, draw_dots, ends_of, forest, lay_out, limits_of, past
from cotbench.report.plots.style import SMALL, Looks, Pair, Plot, listed, slug, widest

TAGS = {ALL: "all questions", SYMBOLIC: "symbolic", OTHER: "non-symbolic"}


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each baseline."""
    for baseline in comparison.baselines if pair else ():
        rows = [row for row in comparison.deltas if row.baseline == baseline]
        modes = {row.mode for row in rows}
        what = modes.pop() if len(modes) == 1 else "each mode"
        title = looks.titled(f"What {what} changes against {baseline}, question by question")
        if rows:
            stem = "deltas" if pair and baseline == pair[1] else f"deltas-vs-{slug(baseline)}"
            alt = f"Paired differences in accuracy against {baseline}, in points. {_told(rows, looks)}"
            yield Plot("deltas", stem, title, alt, partial(_figure, title, rows, looks, comparison.tag_rule))


def _figure(title: str, deltas: Sequence[Delta], looks: Looks, tag_rule: str) -> Figure:
    """Draw a column for all questions and one for each side of the tag, with a row for each task and mode."""
    rows = {(row.model, row.task, row.mode, row.tag): row for row in deltas}
    keys = list(dict.fromkeys(key[:3] for key in rows))
    lines = lay_out(looks, keys)
    known = [ends for ends in (ends_of(row.delta) for row in rows.values()) if ends]
    limits = limits_of(known, floor=-100, ceiling=100, least=4)
    gutter = widest([f"n = {row.n:,}" for row in rows.values()], SMALL) + 0.12
    figure, columns = forest(
        title,
        lines,
        looks=looks,
        limits=limits,
        label="difference in accuracy, points",
        gutter=gutter,
        note="n: pairs, questions answered in both modes. Lines: 95% intervals, not corrected for how many there are. "
        f"{limits.note(known)}Symbolic: under the tag rule {tag_rule}.",
        titles=list(TAGS.values()),
    )
    for axes, tag in zip(columns, TAGS, strict=True):
        dots = []
        for key in keys:
            row, at = rows.get((*key, tag)), lines.rows[key]
            ends = ends_of(row.delta) if row else None
            if row and ends:
                dots.append(Dot(at=at, ends=ends, colour=looks.colour(row.mode), mark=looks.mark(row.mode)))
                beside(axes, at, f"n = {row.n:,}", x=past(axes, 0.07))
            elif row and -limits.low < limits.high:  # on the side of the zero line that has more room
                beside(axes, at, EMPTY, x=past(axes, gutter - 0.05), ha="right")
            elif row:
                beside(axes, at, EMPTY, x=0.02)
        draw_dots(axes, dots, limits)
    return figure


def _told(rows: Sequence[Delta], looks: Looks) -> str:
    arms: dict[str, list[str]] = {}
    for row in rows:
        arms.setdefault(f"{looks.named(row.task, row.model)}, {row.mode}", []).append(f"{TAGS[row.tag]} {said_of(row)}")
    return listed([f"{name}: {'; '.join(said)}" for name, said in arms.items()])


def said_of(row: Delta) -> str:
    """Return a difference with its interval and n, for a text."""
    if row.delta.value is None:
        return EMPTY
    return f"{words.points(row.delta.value)} ({words.ends(row.delta, signed=True)}, n = {row.n:,})"
