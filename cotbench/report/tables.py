"""The comparison as terminal tables, Markdown and CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from cotbench.compare import Comparison
from cotbench.doctor import Check
from cotbench.report import words
from cotbench.report.console import Output, named_table, plain_table
from cotbench.report.printing import csv_cell, markdown_text, tame_line
from cotbench.report.sections import Section, sections

if TYPE_CHECKING:
    from cotbench.report.plots import Drawn


def show(comparison: Comparison, *, brief: bool = True) -> None:
    """The findings in words first, then the tables; brief leaves out those that only the page is wide enough for."""
    console = Output()
    if comparison.stub:
        console.print(words.STUB_WARNING, style="bold red")
    for line in words.headlines(comparison):
        console.print(line, soft_wrap=True)
    console.print()
    made = sections(comparison)
    for section in made:
        if section.brief or not brief:
            console.print(named_table(section.title, section.header, section.rows, left=section.left))
            if section.about:
                console.print(section.about, style="dim", soft_wrap=True)
                console.print()
    left_out = [section.title for section in made if brief and not section.brief]
    if left_out:
        console.print(f"In the page, beside these: {'; '.join(left_out)}.", soft_wrap=True)
    for note in comparison.notes:
        console.print(f"Note: {note}", style="yellow", soft_wrap=True)


def show_rows(rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """A list of things, a row each; the keys are the header."""
    names = [name.replace("_", " ") for name in rows[0]] if rows else [empty]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    wrapped = ("about", "templates", "modes")
    Output().print(plain_table(names, cells, whole=[name for name in names if name not in wrapped]))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def show_checks(checks: Sequence[Check]) -> None:
    marks = {True: Text("ok", style="green"), False: Text("no", style="red"), None: Text("")}
    rows = [(marks[check.ok], check.name, check.found, check.remedy) for check in checks]
    Output().print(plain_table(("", "what", "found", "remedy"), rows, whole=("",)))


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
        table.add_column(name, no_wrap=True)
    for title in columns.values():
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(tame_line(row["task"]), row["mode"], *(_cell(row[key]) for key in columns))
    table.add_section()
    table.add_row("all", "", "", *(_cell(sum(row[key] for row in rows)) for key in list(columns)[1:]))
    console = Output()
    console.print(table)
    console.print(
        "Prompt tokens are characters / 4, without the model's chat template; completions end earlier than their budget "
        "as a rule.",
        style="dim",
    )


def markdown(comparison: Comparison, plots: Iterable[Drawn] = ()) -> str:
    """The report as Markdown. plots: those that lie beside it as `<stem>.png`."""
    drawn = list(plots)
    parts = [f"# cotbench report\n\nRuns: {markdown_text(', '.join(comparison.runs))}\n"]
    if comparison.stub:
        parts.insert(0, f"**{words.STUB_WARNING}**\n")
    parts += [f"- {markdown_text(line)}" for line in words.headlines(comparison)]
    for section in sections(comparison):
        parts.append(f"\n## {markdown_text(section.title)}\n")
        parts += _markdown_table(section)
        parts += [f"\n![{markdown_text(plot.title)}]({plot.stem}.png)" for plot in drawn if plot.section == section.key]
        if section.about:
            parts.append(f"\n{markdown_text(section.about)}")
    parts.append("")
    parts += [f"Note: {markdown_text(note)}\n" for note in comparison.notes]
    return "\n".join(parts)


def _markdown_table(section: Section) -> list[str]:
    cells = [[markdown_text(cell) for cell in row] for row in (section.header, *section.rows)]
    rule = [("---" if place < section.left else "---:") for place in range(len(section.header))]
    return [f"| {' | '.join(cells[0])} |", f"| {' | '.join(rule)} |", *(f"| {' | '.join(row)} |" for row in cells[1:])]


def write_csvs(comparison: Comparison, folder: Path) -> None:
    """One file a kind of estimate, a row each; none where there are no rows (that of an earlier report is removed)."""
    files: dict[str, Sequence[Any]] = {
        "summary": comparison.modes,
        "deltas": [*comparison.deltas, *comparison.groups],
        "splits": comparison.splits,
        "policies": comparison.policies,
        "plans": comparison.plans,
        "votes": comparison.curves,
        "agreement": comparison.agreements,
    }
    for name, rows in files.items():
        path = folder / f"{name}.csv"
        path.unlink(missing_ok=True)
        if rows:
            with path.open("x", encoding="utf-8", errors="backslashreplace", newline="") as file:
                table = csv.DictWriter(file, [field.name for field in fields(rows[0])], lineterminator="\n")
                table.writeheader()
                table.writerows({name: csv_cell(value) for name, value in asdict(row).items()} for row in rows)
