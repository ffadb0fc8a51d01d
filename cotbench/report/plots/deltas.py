"""Paired differences by task and mode: all questions, and each arm of the tag."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta
from cotbench.report import words
from cotbench.report.plots.forest import (
    ARROW_NOTE,
    EMPTY,
    ROW,
    beside,
    intervals,
    lay_out,
    limits_of,
    points_of,
    put_headings,
    rows_of,
    signed_ticks,
    zero,
)
from cotbench.report.plots.style import (
    EDGE,
    NORMAL,
    SMALL,
    WIDTH,
    Look,
    Page,
    listed,
    widest,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


TAGS = ((ALL, "all questions"), (SYMBOLIC, "symbolic"), (OTHER, "non-symbolic"))


def delta_rows(comparison: Comparison, baseline: str) -> list[Delta]:
    return [row for row in comparison.deltas if row.baseline == baseline]


def deltas_title(look: Look, baseline: str, modes: Sequence[str]) -> str:
    if len(set(modes)) == 1:
        return look.titled(f"What {modes[0]} changes against {baseline}, question by question")
    return look.titled(f"What each mode changes against {baseline}, question by question")


def deltas_figure(comparison: Comparison, look: Look, baseline: str) -> Figure:
    """A column for all questions and one for each arm of the tag, a row for each task and mode."""
    found = {(row.model, row.task, row.mode, row.tag): row for row in delta_rows(comparison, baseline)}
    keys = list(dict.fromkeys(key[:3] for key in found))
    lines = lay_out(look, keys)
    counts = [f"n = {row.n:,}" for row in found.values()]
    gutter = widest(counts, SMALL) + 0.12
    left = EDGE + widest(list(lines.labels.values())) + 0.1
    room = (WIDTH - EDGE - left) / len(TAGS)
    width = room - gutter
    known = [ends for ends in map(points_of, found.values()) if ends]
    limits = limits_of(known, floor=-100, ceiling=100, least=4)
    over = any(low < limits.low or high > limits.high for low, _, high in known)
    note = (
        "n: pairs, questions answered in both modes. Lines: 95% intervals, not corrected for how many there are. "
        + (ARROW_NOTE if over else "")
        + f"Symbolic: under the tag rule {comparison.tag_rule}."
    )
    head = 0.2
    height = ROW * (lines.height + 0.2)
    page = Page(
        deltas_title(look, baseline, [key[2] for key in keys]),
        head + height + 0.45,
        stub=look.stub,
        note=note,
    )
    for column, (tag, title) in enumerate(TAGS):
        place = left + column * room
        axes = page.axes(place, head, width, height)
        axes.set_xlim(limits.low, limits.high)
        rows_of(axes, lines, width, names=column == 0)
        zero(axes)
        signed_ticks(axes, width)
        page.text(place, 0.1, title, ha="left", va="center", fontsize=NORMAL, weight="bold")
        for mode in dict.fromkeys(key[2] for key in keys):
            rows = []
            for key, at in lines.rows.items():
                row = found.get((*key, tag))
                if key[2] != mode or row is None:
                    continue
                ends = points_of(row)
                if ends is None:
                    # On the side of the zero line that has more room.
                    left_half = -limits.low < limits.high
                    beside(
                        axes,
                        at,
                        EMPTY,
                        x=1 + (gutter - 0.05) / width if left_half else 0.02,
                        ha="right" if left_half else "left",
                    )
                    continue
                rows.append((at, *ends))
                beside(axes, at, f"n = {row.n:,}", x=1 + 0.07 / width)
            intervals(axes, limits, rows, colour=look.colour(mode), mark=look.mark(mode))
    middle = left + (WIDTH - EDGE - left - gutter) / 2
    page.text(
        middle,
        head + height + 0.36,
        "difference in accuracy, points",
        ha="center",
        va="center",
        fontsize=NORMAL,
    )
    put_headings(page, lines, head)
    return page.figure


def deltas_alt(comparison: Comparison, look: Look, baseline: str) -> str:
    found = delta_rows(comparison, baseline)
    keys = list(dict.fromkeys((row.model, row.task, row.mode) for row in found))
    parts = []
    for key in keys:
        arms = {row.tag: row for row in found if (row.model, row.task, row.mode) == key}
        said = [f"{name} {said_of(arms[tag])}" for tag, name in TAGS if tag in arms]
        parts.append(f"{look.named(key[1], key[0])}, {key[2]}: {'; '.join(said)}")
    return f"Paired differences in accuracy against {baseline}, in points. " + listed(parts)


def said_of(row: Delta) -> str:
    if row.delta is None:
        return EMPTY
    return f"{words.points(row.delta)} ({words.interval(row.low, row.high, signed=True)}, n = {row.n:,})"
