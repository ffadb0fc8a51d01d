"""Paired differences by task and mode: all questions, and each side of the tag where a task has both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta
from cotbench.report import words
from cotbench.report.glance import labels
from cotbench.report.plots.forest import (
    EMPTY,
    GAP,
    ON_LINES,
    Dot,
    Figures,
    Lines,
    beside,
    draw_dots,
    ends_of,
    forest,
    interval_of,
    lay_out,
    limits_of,
    room_of,
)
from cotbench.report.plots.style import EDGE, SMALL, Looks, Pair, Plot, fit, layout, listed, slug, widest, width_of

TAGS = (ALL, SYMBOLIC, OTHER)
LEAST = 0.95  # inches that are left to draw in

_Key = tuple[str, str, str]  # model, task and mode
_Rows = Mapping[tuple[str, str, str, str], Delta]  # by key and tag
_Sides = Mapping[str, str]  # what each tag is called


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield a plot for each baseline."""
    sides = {tag: words.side_label(comparison, tag) for tag in TAGS}
    # An arm that shows passages has a baseline of its own, which nobody named.
    baselines = dict.fromkeys((*comparison.baselines, *(row.baseline for row in comparison.deltas)))
    for baseline in baselines if pair else ():
        rows = [row for row in comparison.deltas if row.baseline == baseline]
        modes = {row.mode for row in rows}
        what = modes.pop() if len(modes) == 1 else "each mode"
        arms = dict.fromkeys(row.mode for row in comparison.modes)
        against = labels([*arms]).get(baseline, baseline)
        title = looks.titled(f"What {what} changes against {against}, question by question")
        if rows:
            stem = "deltas" if pair and baseline == pair[1] else f"deltas-vs-{slug(baseline)}"
            alt = f"Paired differences in accuracy against {baseline}, in points. {_told(rows, looks, sides)}"
            yield Plot("deltas", stem, title, alt, partial(_figure, title, rows, looks, comparison.tag_rule, sides))


def _is_split(rows: _Rows, key: _Key) -> bool:
    """Whether there are pairs on both sides of the tag: with one side only, the other would be its opposite."""
    return all((row := rows.get((*key, tag))) is not None and row.n for tag in (SYMBOLIC, OTHER))


def _all_on(rows: _Rows, key: _Key, sides: _Sides) -> str:
    """Say on which side all questions of a row are, "" where it has no pairs at all."""
    here = {tag: row.n for tag in TAGS if (row := rows.get((*key, tag))) is not None}
    if not here.get(ALL):
        return ""
    tag = next((tag for tag in (SYMBOLIC, OTHER) if here.get(tag)), None)
    return "not tagged" if tag is None else f"all {here[tag]:,} are {sides[tag]}"


def _figure(title: str, deltas: Sequence[Delta], looks: Looks, tag_rule: str, sides: _Sides) -> Figure:
    """Draw a column for all questions and one for each side of the tag, with a row for each task and mode."""
    rows = {(row.model, row.task, row.mode, row.tag): row for row in deltas}
    keys = list(dict.fromkeys(key[:3] for key in rows))
    split = [key for key in keys if _is_split(rows, key)]
    tags = TAGS if split else (ALL,)
    shown = {tag: keys if tag == ALL else split for tag in tags}
    used = [row for tag in tags for key in shown[tag] if (row := rows.get((*key, tag)))]
    known = [ends for row in used if (ends := ends_of(row.delta))]
    limits = limits_of(known, floor=-100, ceiling=100, least=4)
    narrow = layout().narrow
    under_headings = len({mode for *_, mode in keys}) > 1  # then n stands there, since modes have the same
    write, figures = _figures_of(used, lay_out(looks, keys), len(tags), under_headings=under_headings)
    lines = {tag: _lines(rows, shown[tag], tag, looks, figures, len(tags)) for tag in tags}
    unsplit = sorted({f"{k[1]} ({text})" for k in keys if k not in split and (text := _all_on(rows, k, sides))})
    figure, columns = forest(
        title,
        lines[ALL],
        looks=looks,
        limits=limits,
        label="difference in accuracy, points",
        gutter=figures.gutter,
        note=("Figures: points over their 95% interval. " if figures.stacked else "")
        + "n: pairs, questions answered in both modes. Lines: 95% intervals, not corrected for how many there are. "
        + limits.note(known)
        + (f"Split by the tag rule {tag_rule}. " if split else "")
        + (f"Of one kind: {', '.join(unsplit)}." if unsplit and (narrow or not split) else ""),
        titles=[sides[tag] for tag in tags] if split else (),
        each=[lines[tag] for tag in tags],
        heads=bool(figures.heads),
        row=figures.row,
    )
    for axes, tag in zip(columns, tags, strict=True):
        here = lines[tag] if narrow else lines[ALL]
        dots = []
        for key in shown[tag]:
            row, at = rows.get((*key, tag)), here.rows[key]
            if row and (ends := ends_of(row.delta)):
                dots.append(Dot(at=at, ends=ends, colour=looks.colour(row.mode), mark=looks.mark(row.mode)))
                figures.put(axes, at, write(row))
            elif row:
                figures.put_over(axes, at, EMPTY)
        figures.put_heads(axes)
        draw_dots(axes, dots, limits)
        if not narrow:
            _put_counts(axes, rows, shown[tag], tag, here, figures)
        if tag == SYMBOLIC and not narrow:
            told = {key[:2]: key for key in reversed(keys) if key not in split}  # the first row of each
            for key in told.values():
                text = fit(_all_on(rows, key, sides), width_of(axes) + figures.gutter - 0.1, SMALL)
                beside(axes, here.rows[key], text, x=0.02, bbox=ON_LINES)
    return figure


def _figures_of(
    used: Sequence[Delta], lines: Lines, columns: int, *, under_headings: bool
) -> tuple[Callable[[Delta], list[str]], Figures]:
    """Return what writes a row's figures, in one line if that leaves room to draw in, and the figures' room."""

    def in_line(row: Delta) -> list[str]:
        counted = [] if layout().narrow or under_headings else [f"{row.n:,}"]
        return [words.points(row.delta.value), interval_of(row.delta), *counted]

    def stacked(row: Delta) -> list[str]:
        counted = "" if layout().narrow or under_headings else f"  n = {row.n:,}"
        return [words.points(row.delta.value) + counted, interval_of(row.delta)]

    heads = ["points", "95% interval", "n"][: len(in_line(used[0]))]
    figures = Figures(heads, map(in_line, used))
    if room_of(lines, figures.gutter, columns) > (1.3 if layout().narrow else LEAST):
        return in_line, figures
    return stacked, Figures((), map(stacked, used), stacked=True)


def _lines(rows: _Rows, keys: Sequence[_Key], tag: str, looks: Looks, figures: Figures, columns: int) -> Lines:
    """Lay out the rows of a tag. A telephone has n behind the name of a task, for want of room."""
    counts = {block: _counted(some) for block, some in _counts(rows, keys, tag).items()}
    if not layout().narrow:  # a heading may reach as far as n, which ends where the first column's figures do
        room = room_of(lay_out(looks, keys), figures.gutter, columns)
        others = (columns - 1) * (room + figures.gutter + GAP) + widest(list(counts.values()), SMALL) + 0.2
        return lay_out(looks, keys, reach=layout().width - 2 * EDGE - others)
    return lay_out(looks, keys, {block: f" ({text})" for block, text in counts.items()})


def _counts(rows: _Rows, keys: Sequence[_Key], tag: str) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of pairs by model and task."""
    counts: dict[tuple[str, str], list[int]] = {}
    for key in keys:
        if row := rows.get((*key, tag)):
            counts.setdefault(key[:2], []).append(row.n)
    return counts


def _counted(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return f"n = {low:,}" if low == high else f"n = {low:,} to {high:,}"


def _put_counts(axes: Axes, rows: _Rows, keys: Sequence[_Key], tag: str, lines: Lines, figures: Figures) -> None:
    """Write n in the line of each heading."""
    first = {key[:2]: lines.rows[key] for key in reversed(keys)}
    if lines.headings:
        for block, some in _counts(rows, keys, tag).items():
            figures.put_over(axes, first[block] - 1.0, _counted(some))


def _told(rows: Sequence[Delta], looks: Looks, sides: _Sides) -> str:
    known = {(row.model, row.task, row.mode, row.tag): row for row in rows}
    arms: dict[_Key, list[str]] = {}
    for row in rows:
        key = (row.model, row.task, row.mode)
        if row.tag == ALL or _is_split(known, key):
            arms.setdefault(key, []).append(f"{sides[row.tag]} {said_of(row)}")
    return listed(
        [
            f"{looks.named(key[1], key[0])}, {key[2]}: {'; '.join(said)}"
            + ("" if _is_split(known, key) or not (text := _all_on(known, key, sides)) else f" ({text})")
            for key, said in arms.items()
        ]
    )


def said_of(row: Delta) -> str:
    """Return a difference with its interval and n, for a text."""
    if row.delta.value is None:
        return EMPTY
    return f"{words.points(row.delta.value)} ({words.ends(row.delta, signed=True)}, n = {row.n:,})"
