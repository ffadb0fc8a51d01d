"""The comparison, lists, checks and estimates as tables in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.text import Text

from cotbench.doctor import Check
from cotbench.report.tame import tame_line
from cotbench.terminal.console import Output, plain_table


def show_rows(rows: Sequence[Mapping[str, Any]], empty: str) -> None:
    """Print a list of things, a row each; their keys are the header. empty: the header where there are none."""
    names = [name.replace("_", " ") for name in rows[0]] if rows else [empty]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    wrapped = ("about", "templates", "tasks", "modes", "asked", "arguments")
    Output().print(plain_table(names, cells, whole=[name for name in names if name not in wrapped]))


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "" if value is None else str(value)


def show_checks(checks: Sequence[Check]) -> None:
    """Print what `doctor` found."""
    marks = {True: Text("ok", style="green"), False: Text("no", style="red"), None: Text("")}
    rows = []
    for check in checks:
        told = Text("\n".join(map(tame_line, check.found.splitlines())))
        if check.remedy:
            told.append(f"\n{tame_line(check.remedy)}", style="dim")
        rows.append((marks[check.ok], check.name, told))
    Output().print(plain_table(("", "what", "found"), rows, whole=("", "what")))
