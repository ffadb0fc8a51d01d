"""How questions ended."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.analysis.tallies import Outcomes
from cotbench.report import words
from cotbench.report.plots.panels import level_percents, mode_panels
from cotbench.report.plots.style import INK, Entry, Looks, Pair, Plot, by_task, listed
from cotbench.types import Outcome

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


def plots(comparison: Comparison, looks: Looks, _pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where any question was asked."""
    rows = [row for row in comparison.outcomes if sum(row.counts.values())]
    told = [f"{looks.named(row.task, row.model)}, {row.mode}: {_told(row)}" for row in rows]
    if rows:
        title, alt = looks.titled("How questions ended"), "Shares of questions by how they ended. " + listed(told)
        yield Plot("outcomes", "outcomes", title, alt, partial(_figure, title, rows, looks))


def _told(row: Outcomes) -> str:
    shares = {name.replace("_", " "): words.percent(_share(row, name)) for name, n in row.counts.items() if n}
    return ", ".join(f"{name} {share}%" for name, share in shares.items())


def _share(row: Outcomes, outcome: str) -> float:
    return row.counts.get(outcome, 0) / sum(row.counts.values())


def _figure(title: str, rows: Sequence[Outcomes], looks: Looks) -> Figure:
    """Draw a bar of 100% for each mode, with the share that is neither right nor wrong beside it."""
    places = by_task([(row.task, row.model) for row in rows])
    modes = list(dict.fromkeys(row.mode for row in rows))
    present = [outcome for outcome in Outcome if any(row.counts.get(outcome) for row in rows)]
    key = [Entry(label=o.value.replace("_", " "), colour=_OUTCOMES[o][0], patch=_OUTCOMES[o][1]) for o in present]
    figure, panels = mode_panels(
        title,
        len(places),
        modes,
        looks=looks,
        label="share of questions, %",
        note="Figures beside the bars: % neither right nor wrong.",
        key=key,
    )
    for (task, model), panel in zip(places, panels, strict=True):
        own = {row.mode: row for row in rows if (row.task, row.model) == (task, model)}
        level_percents(panel.axes)
        panel.head_counted(looks.named(task, model), [sum(row.counts.values()) for row in own.values()])
        starts = dict.fromkeys(own, 0.0)
        for outcome in present:
            parts = {mode: 100 * _share(row, outcome) for mode, row in own.items() if row.counts.get(outcome)}
            if not parts:
                continue
            style: dict[str, Any] = {"color": _OUTCOMES[outcome][0], "hatch": _OUTCOMES[outcome][1] or None}
            style |= {"height": 0.74, "edgecolor": INK, "linewidth": 0.3, "label": outcome.value}
            heights, left = [modes.index(mode) for mode in parts], [starts[mode] for mode in parts]
            panel.axes.barh(heights, list(parts.values()), left=left, **style)
            starts |= {mode: starts[mode] + share for mode, share in parts.items()}
        for mode, row in own.items():
            unread = max(0.0, 1 - _share(row, Outcome.CORRECT) - _share(row, Outcome.WRONG))
            panel.put_figure(modes.index(mode), words.percent(unread))
    return figure
