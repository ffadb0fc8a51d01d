"""The comparison as terminal tables, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from rich.markup import escape
from rich.table import Table

from cotbench.compare import ALL, Comparison
from cotbench.doctor import Check
from cotbench.report import words
from cotbench.report.console import Output, named_table


def show(comparison: Comparison) -> None:
    """The findings in words first, then the tables."""
    console = Output()
    if comparison.stub:
        console.print(words.STUB_WARNING, style="bold red", highlight=False)
    for line in words.headlines(comparison):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print()
    one_model = len({row.model for row in comparison.modes}) == 1
    rows = [words.mode_row(r) for r in comparison.modes if r.tag == ALL]
    console.whole(named_table("Accuracy by mode", words.MODE_HEADER, rows, left=3, skip=one_model))
    if comparison.deltas:
        rows = [words.delta_row(r) for r in comparison.deltas]
        console.whole(named_table(words.delta_title(comparison), words.DELTA_HEADER, rows, left=4, skip=one_model))
    rows = [words.outcome_row(r) for r in comparison.outcomes]
    console.whole(named_table(OUTCOMES_TITLE, words.OUTCOME_HEADER, rows, left=4, skip=one_model))
    if comparison.curves:
        rows = [words.curve_row(r) for r in comparison.curves]
        console.whole(named_table(CURVES_TITLE, words.CURVE_HEADER, rows, left=3, skip=one_model))
    for note in _footnotes(comparison):
        console.print(note, style="dim", highlight=False, markup=False)
    for note in comparison.notes:
        console.print(f"Note: {note}", style="yellow", highlight=False, markup=False)


OUTCOMES_TITLE, CURVES_TITLE = "How questions ended", "Votes"


def _footnotes(comparison: Comparison) -> list[str]:
    votes = [words.CURVE_FOOTNOTE] if comparison.curves else []
    return [*words.FOOTNOTES, *votes, words.tag_footnote(comparison)]


def show_rows(rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """A list of things, a row each; the keys are the header."""
    names = ("task", "mode", "engine", "run")
    table = Table(box=None, header_style="bold")
    for name in rows[0] if rows else [empty]:
        table.add_column(name.replace("_", " "), no_wrap=name in names, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    Output().print(table)


def _cell(value: object) -> str:
    return escape(f"{value:,}" if isinstance(value, int) else "" if value is None else str(value))


def show_checks(checks: Sequence[Check]) -> None:
    table = Table(box=None, header_style="bold")
    for name in ("", "what", "found", "remedy"):
        table.add_column(name, overflow="fold")
    for check in checks:
        mark = {True: "[green]ok[/]", False: "[red]no[/]", None: ""}[check.ok]
        table.add_row(mark, *map(escape, (check.name, check.found, check.remedy)))
    Output().print(table)


def show_estimate(rows: Sequence[Mapping[str, Any]]) -> None:
    """What `--dry-run` found."""
    columns = {
        "questions": "questions",
        "requests": "requests",
        "prompt_tokens_about": "prompt tokens, about",
        "completion_tokens_at_most": "completion tokens, at most",
    }
    table = Table(title="Dry run: nothing was asked", title_justify="left")
    for name in ("task", "mode"):
        table.add_column(name)
    for title in columns.values():
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(escape(row["task"]), row["mode"], *(_cell(row[key]) for key in columns))
    table.add_section()
    table.add_row("all", "", "", *(_cell(sum(row[key] for row in rows)) for key in list(columns)[1:]))
    console = Output()
    console.whole(table)
    console.print(
        "Prompt tokens are characters / 4, without the model's chat template; completions end earlier than their budget "
        "as a rule.",
        style="dim",
    )


def markdown(comparison: Comparison) -> str:
    parts = [f"# cotbench report\n\nRuns: {', '.join(comparison.runs)}\n"]
    if comparison.stub:
        parts.insert(0, f"**{words.STUB_WARNING}**\n")
    parts += [f"- {line}" for line in words.headlines(comparison)]
    parts.append("\n## Accuracy by mode\n")
    parts += _markdown_table(words.MODE_HEADER, [words.mode_row(r) for r in comparison.modes if r.tag == ALL])
    if comparison.deltas:
        parts.append(f"\n## {words.delta_title(comparison)}\n")
        parts += _markdown_table(words.DELTA_HEADER, [words.delta_row(r) for r in comparison.deltas])
        parts.append("\n![Paired differences](deltas.png)")
    parts.append(f"\n## {OUTCOMES_TITLE}\n")
    parts += _markdown_table(words.OUTCOME_HEADER, [words.outcome_row(r) for r in comparison.outcomes])
    if comparison.curves:
        parts.append(f"\n## {CURVES_TITLE}\n")
        parts += _markdown_table(words.CURVE_HEADER, [words.curve_row(r) for r in comparison.curves])
    parts.append("")
    parts += [f"{note}\n" for note in _footnotes(comparison)]
    parts += [f"Note: {note}\n" for note in comparison.notes]
    return "\n".join(parts)


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    return [f"| {' | '.join(cells[0])} |", f"|{'---|' * len(header)}", *(f"| {' | '.join(row)} |" for row in cells[1:])]


def write_csv(comparison: Comparison, path: Path) -> None:
    """One row per model, task, mode and tag; the columns of the paired difference are empty for the baseline."""
    frame = pd.DataFrame([asdict(row) for row in comparison.modes])
    keys = ["model", "task", "mode", "tag"]
    if comparison.deltas:
        deltas = pd.DataFrame([asdict(row) for row in comparison.deltas])
        renamed = {name: f"pair_{name}" for name in deltas.columns if name not in keys}
        frame = frame.merge(deltas.rename(columns=renamed), on=keys, how="left")
    frame.to_csv(path, index=False)


def write_votes(comparison: Comparison, path: Path) -> None:
    """maj@k, pass@k and mean@k, one row per model, task, mode and k; no file where no votes were held."""
    path.unlink(missing_ok=True)  # of an earlier report
    if comparison.curves:
        pd.DataFrame([asdict(row) for row in comparison.curves]).to_csv(path, index=False)
