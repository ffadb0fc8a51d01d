"""The comparison as Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from cotbench.analysis.compare import Comparison
from cotbench.analysis.flat import flatten
from cotbench.report import words
from cotbench.report.columns import Section
from cotbench.report.drawn import Drawn
from cotbench.report.headlines import headlines
from cotbench.report.sections import sections
from cotbench.report.tame import csv_cell, markdown_text


def markdown(comparison: Comparison, plots: Iterable[Drawn] = (), *, left: str = "") -> str:
    """Return the report as Markdown. plots: those that lie beside it as `<stem>.png`. left: what is said of files that
    lie beside it too, of an earlier report."""
    drawn = list(plots)
    parts = [f"# cotbench report\n\nRuns: {markdown_text(', '.join(comparison.runs))}\n"]
    if comparison.stub:
        parts.insert(0, f"**{words.STUB_WARNING}**\n")
    parts += [f"- {markdown_text(line)}" for line in headlines(comparison)]
    for section in sections(comparison):
        parts.append(f"\n## {markdown_text(section.title)}\n")
        parts += _markdown_table(section)
        parts += [f"\n![{markdown_text(plot.title)}]({plot.stem}.png)" for plot in drawn if plot.section == section.key]
        if section.about:
            parts.append(f"\n{markdown_text(section.about)}")
    parts.append("")
    parts += [f"Note: {markdown_text(note)}\n" for note in [*comparison.notes, *filter(None, [left])]]
    return "\n".join(parts)


def _markdown_table(section: Section) -> list[str]:
    cells = [[markdown_text(cell) for cell in row] for row in (section.header, *section.rows)]
    rule = ["---"] * section.left + ["---:"] * (len(section.header) - section.left)
    return [f"| {' | '.join(cells[0])} |", f"| {' | '.join(rule)} |", *(f"| {' | '.join(row)} |" for row in cells[1:])]


def csv_rows(comparison: Comparison) -> dict[str, Sequence[Any]]:
    """Return the rows of each CSV file, by its name without the suffix; [] of one that this report doesn't have."""
    return {
        "summary": comparison.modes,
        "deltas": [*comparison.deltas, *comparison.groups],
        "splits": comparison.splits,
        "scores": comparison.scores,
        "score-deltas": [*comparison.score_deltas, *comparison.score_groups],
        "score-splits": comparison.score_splits,
        "twins": comparison.twins,
        "policies": comparison.policies,
        "shipped": comparison.shipped,
        "shipped-pieces": comparison.shipped_pieces,
        "plans": comparison.plans,
        "votes": comparison.curves,
        "stopped_votes": comparison.stopped_votes,
        "cascades": comparison.cascades,
        "chosen": comparison.chosen,
        "chosen-at": comparison.chosen_at,
        "flips": comparison.flips,
        "audit": comparison.audits,
        "readings": comparison.readings,
        "complied": comparison.complied,
        "reading_errors": comparison.reading_errors,
        "calibration": comparison.calibrations,
        "their-verdicts": comparison.their_arms,
        "their-deltas": comparison.their_deltas,
        "disagreements": comparison.disagreements,
        "budgets": comparison.points,
        "interaction": comparison.effects,
        "recall": comparison.recalls,
        "support": comparison.supports,
        "placebos": comparison.placebos,
        "beside-votes": comparison.beside,
        "efforts": comparison.efforts,
        "vote-points": comparison.vote_points,
        "stopped": comparison.stopped,
        "looks": comparison.looks,
        "noise": comparison.noises,
        "repeated": comparison.repeated,
        "tool-use": comparison.tool_uses,
        "tool-blocks": comparison.tool_blocks,
        "early-answers": comparison.early_answers,
        "early-points": comparison.early_points,
        "early-splits": comparison.early_splits,
        "early-exits": comparison.early_exits,
        "early-free": comparison.early_free,
        "costs": comparison.costs,
        "payoffs": comparison.payoffs,
        "across_tasks": comparison.pooled,
        "categories": comparison.categories,
        "missing": comparison.missing,
        "agreement": comparison.agreements,
        "gains": comparison.gains,
        "leads": comparison.leads,
        "weights": comparison.weights,
        "weighted": comparison.weighted_modes,
        "weighted-deltas": comparison.weighted_deltas,
        "weighted-policies": comparison.weighted_policies,
    }


def write_csvs(comparison: Comparison, folder: Path) -> list[str]:
    """Write a CSV file for each kind of estimate that has rows, and return their names."""
    written = []
    for name, rows in csv_rows(comparison).items():
        if rows:
            write_csv(folder / f"{name}.csv", list(flatten(rows[0])), [flatten(row).values() for row in rows])
            written.append(f"{name}.csv")
    return written


def write_csv(path: Path, header: Iterable[str], rows: Iterable[Iterable[object]]) -> None:
    """Write a CSV file in place of what has its name."""
    path.unlink(missing_ok=True)
    with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(map(csv_cell, row) for row in rows)
