"""The comparison, lists, checks and estimates as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from cotbench.analysis.lint import Unsaid
from cotbench.doctor import Check
from cotbench.report import words
from cotbench.report.tame import tame_line
from cotbench.terminal.console import Output, plain_table


def show_rows(rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """Print a list of things, a row each; their keys are the header. empty: the header where there are none."""
    names = [name.replace("_", " ") for name in rows[0]] if rows else [empty]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    wrapped = ("about", "templates", "modes")
    Output().print(plain_table(names, cells, whole=[name for name in names if name not in wrapped]))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def show_checks(checks: Sequence[Check]) -> None:
    """Print what `doctor` found."""
    marks = {True: Text("ok", style="green"), False: Text("no", style="red"), None: Text("")}
    rows = [(marks[check.ok], check.name, check.found, check.remedy) for check in checks]
    Output().print(plain_table(("", "what", "found", "remedy"), rows, whole=("",)))


def show_estimate(rows: Sequence[Mapping[str, Any]], unsaid: Sequence[Unsaid]) -> None:
    """Print what `--dry-run` estimates: a row for each task and mode, and the sums; and what was found by the lint of
    the arms."""
    about, most = "prompt tokens, about", "completion tokens, at most"
    sums = {"requests": "requests", "prompt_tokens_about": about, "completion_tokens_at_most": most}
    table = Table(title="Dry run: nothing was asked", title_justify="left")
    for name in ("task", "mode"):
        table.add_column(name, no_wrap=True)
    for title in ("questions", *sums.values()):
        table.add_column(title, justify="right")
    for row in rows:
        table.add_row(tame_line(row["task"]), row["mode"], *(_cell(row[key]) for key in ("questions", *sums)))
    table.add_section()
    table.add_row("all", "", "", *(_cell(sum(row[key] for row in rows)) for key in sums))
    console = Output()
    console.print(table)
    told = "Prompt tokens are characters / 4, without the model's chat template; completions end earlier than their "
    console.print(f"{told}budget as a rule.", style="dim")
    if len({row["mode"] for row in rows}) > 1:
        console.print(words.ARMS_ALIKE if not unsaid else "Arms:", soft_wrap=True)
    for line in words.unsaid_lines(unsaid):
        console.print(f"  {line}", soft_wrap=True)
