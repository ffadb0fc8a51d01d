"""The comparison, lists, checks and estimates as tables in the terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from cotbench.doctor import Check, TaskCheck
from cotbench.report.tame import tame_line
from cotbench.terminal.console import Output, plain_table

LEAST_CUT = 24  # characters of a text that is cut, on however narrow a terminal


def show_rows(rows: Sequence[Mapping[str, Any]], empty: str, cut: str = "") -> None:
    """Print a list of things, a row each; their keys are the header. empty: the header where there are none.

    cut: the last column, whose texts are cut so that each thing has one line."""
    output = Output()
    names = [name.replace("_", " ") for name in rows[0]] if rows else [empty]
    cells = [[_cell(value) for value in row.values()] for row in rows]
    if cut and cut in names:
        taken = [max(map(cell_len, column)) + 2 for column in zip(names, *cells, strict=True)]
        room = max(output.width - sum(taken[:-1]) - 2, LEAST_CUT)
        cells = [[*row[:-1], textwrap.shorten(row[-1], room, placeholder=" ...")] for row in cells]
    wrapped = ("about", "templates", "tasks", "modes", "asked", "arguments")
    output.print(plain_table(names, cells, whole=[name for name in names if name not in wrapped]))


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


LONGEST = 2000  # characters of a line of a question
SHOWN = 10  # golds that can't be reached, of which there should be none


def show_task(check: TaskCheck) -> None:
    """Print what `doctor --task` found of a task's data, with its first question."""
    options = ", ".join(f"{count:,} with {size}" for size, count in check.options.items() if size)
    features = ", ".join(f"{name} ({count:,})" for name, count in check.features.items())
    rows = [
        ("questions", f"{check.asked:,} from {check.origin}"),
        *(("understood", said) for said in check.understood),
        ("kinds of answers", ", ".join(check.kinds)),
        ("options", options),
        ("right answers", ", ".join(f"{gold} {count:,}" for gold, count in check.golds.items())),
        ("groups", f"{check.groups:,}" if check.groups else ""),
        ("clusters", f"{check.clusters:,}" if check.clusters else ""),
        ("features", features),
        ("passages", f"{check.passages:,}" if check.passages else ""),
        *(("left out", f"{count:,}: {why}") for why, count in check.left_out.items()),
        ("golds", f"{check.right:,} of {check.asked:,} are read and graded as right when an answer says them"),
        *(("not right", f"{key}: {read}") for key, read in list(check.wrong.items())[:SHOWN]),
    ]
    rows += [("note", note) for note in check.notes]
    if len(check.wrong) > SHOWN:
        rows.append(("not right", f"and {len(check.wrong) - SHOWN:,} more (all with --json)"))
    told = [(what, tame_line(found)) for what, found in rows if found]
    Output().print(plain_table((check.task, ""), told, whole=(check.task,)))
    for what, text in check.first.items():
        Output().print(f"\n{what} (of the first)", style="dim")
        for line in text.splitlines()[:40]:
            shown = line if len(line) <= LONGEST else f"{line[:LONGEST]} ... ({len(line) - LONGEST:,} more characters)"
            Output().print(tame_line(shown), markup=False, highlight=False)
