"""How questions ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cotbench.analysis.compare import Comparison
from cotbench.analysis.tallies import Outcomes
from cotbench.report import words
from cotbench.report.plots.panels import counted, percent_axis
from cotbench.report.plots.style import (
    EDGE,
    GREY,
    INK,
    LABELS,
    SMALL,
    Entry,
    Look,
    Page,
    by_task,
    grid,
    inches,
    listed,
    set_rows,
    shown,
    widest,
)
from cotbench.types import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure


ROW = 0.21  # inches
# Colour and hatch; neighbours differ in luminance.
_OUTCOMES = {
    Outcome.CORRECT: ("#0072B2", ""),
    Outcome.WRONG: ("#D9D9D9", ""),
    Outcome.UNPARSED: ("#E69F00", "//////"),
    Outcome.TRUNCATED: ("#A33B00", ""),
    Outcome.DECLINED: ("#FBD9A5", "....."),
    Outcome.REFUSED: ("#FFFFFF", "xxxxxx"),
    Outcome.NO_PROGRAM: ("#CC79A7", ""),
    Outcome.SYNTAX_ERROR: ("#F0E442", "|||||"),
    Outcome.RUNTIME_ERROR: ("#007A5A", ""),
    Outcome.NO_VALUE: ("#B8E3D5", "-----"),
    Outcome.PROGRAM_TIMEOUT: ("#5B2A86", ""),
    Outcome.PROGRAM_MEMORY: ("#E3D0F0", "\\\\\\\\\\\\"),
    Outcome.OUTPUT_LIMIT: ("#8C6D00", ""),
    Outcome.PROGRAM_KILLED: ("#F3E3B5", "+++++"),
    Outcome.PLAN_INVALID: ("#56B4E9", "\\\\\\\\\\\\"),
    Outcome.UNSOLVED: ("#00506B", ""),
    Outcome.AMBIGUOUS: ("#D0ECFA", "|||||"),
    Outcome.GRADER_TIMEOUT: ("#7F7F7F", "xxxxxx"),
    Outcome.ENGINE_ERROR: ("#000000", ""),
}


def outcome_rows(comparison: Comparison) -> list[Outcomes]:
    return [row for row in comparison.outcomes if sum(row.counts.values())]


def outcomes_title(look: Look) -> str:
    return look.titled("How questions ended")


def _share(row: Outcomes, outcome: str) -> float:
    return row.counts.get(outcome, 0) / sum(row.counts.values())


def _unread(row: Outcomes) -> float:
    return max(0.0, 1 - _share(row, Outcome.CORRECT) - _share(row, Outcome.WRONG))


def outcomes_figure(comparison: Comparison, look: Look) -> Figure:
    """A bar of 100% for each mode, with the share that is neither right nor wrong beside it."""
    rows = outcome_rows(comparison)
    places = by_task([(row.task, row.model) for row in rows])
    modes = list(dict.fromkeys(row.mode for row in rows))
    names = shown(modes, LABELS)
    found = [outcome for outcome in Outcome if any(row.counts.get(outcome) for row in rows)]
    key = []
    for outcome in found:
        shares = [_share(row, outcome) for row in rows]
        most = f"{words.percent(max(shares))}%" if max(shares) >= 0.0005 else "<0.1%"
        label = f"{outcome.value.replace('_', ' ')} ({'' if len(rows) == 1 else 'at most '}{most})"
        key.append(Entry(label=label, colour=_OUTCOMES[outcome][0], patch=_OUTCOMES[outcome][1]))
    left = widest(list(names.values())) + 0.1
    gutter = inches("100.0", SMALL) + 0.25
    columns, width = grid(len(places), left=left, gutter=gutter, right=gutter - 0.1)
    height, head, foot = ROW * len(modes), 0.24, 0.5
    page = Page(
        outcomes_title(look),
        (head + height + foot) * -(-len(places) // columns),
        stub=look.stub,
        key=key,
        note="Figures beside the bars: % neither right nor wrong. At most: in the bar that has most of it.",
    )
    for place, (task, model) in enumerate(places):
        line, column = divmod(place, columns)
        x, top = EDGE + left + column * (width + gutter), line * (head + height + foot)
        axes = page.axes(x, top + head, width, height)
        axes.set_xlim(0, 100)
        labels = {float(at): names[mode] for at, mode in enumerate(modes)} if column == 0 else {}
        set_rows(axes, labels, len(modes), width)
        percent_axis(axes, "x")
        axes.set_xlabel("share of questions, %")
        own = {row.mode: row for row in rows if (row.task, row.model) == (task, model)}
        asked = [sum(row.counts.values()) for row in own.values()]
        counted(page, x, top + 0.12, look.named(task, model), asked, width + gutter)
        starts = dict.fromkeys(own, 0.0)
        for outcome in found:
            parts = [(mode, 100 * _share(row, outcome)) for mode, row in own.items() if row.counts.get(outcome)]
            if not parts:
                continue
            colour, hatch = _OUTCOMES[outcome]
            axes.barh(
                [modes.index(mode) for mode, _ in parts],
                [share for _, share in parts],
                left=[starts[mode] for mode, _ in parts],
                height=0.74,
                color=colour,
                hatch=hatch or None,
                edgecolor=INK,
                linewidth=0.3,
                label=outcome.value,
            )
            for mode, share in parts:
                starts[mode] += share
        for mode, row in own.items():
            axes.text(
                1 + (gutter - 0.2) / width,
                modes.index(mode),
                words.percent(_unread(row)),
                transform=axes.get_yaxis_transform(),
                fontsize=SMALL,
                color=GREY,
                ha="right",
                va="center_baseline",
            )
    return page.figure


def outcomes_alt(comparison: Comparison, look: Look) -> str:
    parts = []
    for row in outcome_rows(comparison):
        shares = [
            f"{name.replace('_', ' ')} {words.percent(_share(row, name))}%" for name in row.counts if row.counts[name]
        ]
        parts.append(f"{look.named(row.task, row.model)}, {row.mode}: {', '.join(shares)}")
    return "Shares of questions by how they ended. " + listed(parts)
