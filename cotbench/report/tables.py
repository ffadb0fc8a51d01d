"""The comparison as terminal tables, Markdown and CSV."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from cotbench.compare import ALL, Comparison
from cotbench.report import words


class _Output(Console):
    """Never narrower than a table: figures that a narrow terminal cuts would be wrong figures."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


def show(comparison: Comparison, console: Console) -> None:
    """The findings in words first, then the tables."""
    console = _Output(file=console.file, width=console.width, force_terminal=console.is_terminal)
    if comparison.stub:
        console.print(words.STUB_WARNING, style="bold red", highlight=False)
    for line in words.headlines(comparison):
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    console.print()
    one_model = len({row.model for row in comparison.modes}) == 1
    rows = [words.mode_row(r) for r in comparison.modes if r.tag == ALL]
    _print_whole(console, _table("Accuracy by mode", words.MODE_HEADER, rows, left=3, skip=one_model))
    if comparison.deltas:
        rows = [words.delta_row(r) for r in comparison.deltas]
        _print_whole(console, _table(words.delta_title(comparison), words.DELTA_HEADER, rows, left=4, skip=one_model))
    for note in [*words.FOOTNOTES, words.tag_footnote(comparison)]:
        console.print(note, style="dim", highlight=False, markup=False)
    for note in comparison.notes:
        console.print(f"Note: {note}", style="yellow", highlight=False, markup=False)


def _print_whole(console: Console, table: Table) -> None:
    wide = console.options.update(max_width=1_000)
    needed = Measurement.get(console, wide, table).maximum
    width, console.width = console.width, max(console.width, needed)
    console.print(table)
    console.width = width


def _table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], left: int, *, skip: bool) -> Table:
    """A table whose first `left` columns are names; skip leaves the model's out where there is only one."""
    first = 1 if skip else 0
    table = Table(
        title=title,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1),
        collapse_padding=True,
    )
    for place, name in list(enumerate(header))[first:]:
        table.add_column(name, justify="left" if place < left else "right", no_wrap=True, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row[first:]))
    return table


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
    parts.append("")
    parts += [f"{note}\n" for note in [*words.FOOTNOTES, words.tag_footnote(comparison)]]
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
