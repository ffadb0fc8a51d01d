"""What `cotbench reproduce` found, in the terminal: no line is wider than 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from rich.text import Text

from cotbench.report import words
from cotbench.report.tame import tame_line
from cotbench.runs.reproduce import Agreement, Check
from cotbench.terminal.console import Output

WIDTH = 80
_STATE, _WHAT = 14, 22  # columns of a line, before what is told
_COLOURS = {"same": "green", "different": "yellow", "missing": "red", "not recorded": "dim"}


def show_checks(run: str, checks: Sequence[Check]) -> None:
    """Print what a run rested on, a row each: the same here, different or missing."""
    console = Output()
    _wrapped(console, f"What {run} rested on, and what is here:")
    for check in checks:
        colour = "red" if check.stops else _COLOURS[check.state]
        name, *others = _broken(check.what, _WHAT - 1) or [""]
        told = _broken(_told(check), WIDTH - _STATE - _WHAT) or [""]
        lines = max(len(others) + 1, len(told))
        names, told = [name, *others] + [""] * lines, told + [""] * lines
        for number in range(lines):
            state = check.state if number == 0 else ""
            line = Text(state.ljust(_STATE), style=colour)
            line.append(Text(f"{names[number]:{_WHAT}}{told[number]}".rstrip(), style=""))
            console.print(line, soft_wrap=True)


def _told(check: Check) -> str:
    if check.state == "different":
        said = f"{check.there or 'nothing'} there, {check.here or 'nothing'} here"
        if check.here.startswith(("the ", "other ")):  # a sentence of its own
            said = check.here
        return f"{said}. {check.remedy}".rstrip() if check.remedy else said
    if check.state == "missing":
        return f"{check.there.rstrip('.')}. {check.remedy}"
    if check.state == "not recorded":
        return f"{check.here} here" if check.here else ""
    return check.there


def show_agreement(run: str, rows: Sequence[Agreement]) -> None:
    """Print how the results agree with the original's, and the sum of it last."""
    console = Output()
    _wrapped(console, f"Compared with {run}:")
    arms = [f"{row.mode} on {row.task}" for row in rows]
    width = min(max(map(len, arms), default=0), 38)
    console.print(f"{'':{width}}  there %   here %   points   same answers", soft_wrap=True)
    for arm, row in zip(arms, rows, strict=True):
        there = row.right_there / row.n_there if row.right_there is not None and row.n_there else None
        here = row.right_here / row.n_here if row.n_here else None
        points = words.points(here - there) if there is not None and here is not None else words.DASH
        same = words.DASH if row.both is None else f"{row.same_answer:,} of {row.both:,}"
        *before, last = _broken(arm, width) or [""]
        for line in before:
            console.print(line, soft_wrap=True)
        cells = f"{words.percent(there):>7}  {words.percent(here):>7}  {points:>7}   {same:>12}"
        console.print(f"{last:{width}}  {cells}", soft_wrap=True)
    _wrapped(console, in_sum(rows))


def in_sum(rows: Sequence[Agreement]) -> str:
    """Say in a sentence how the results agree."""
    if not rows:
        return "There is no answer to compare."
    if all(row.both is None for row in rows):
        known = [row for row in rows if row.n_there is not None]
        if not known:
            return "The original's answers aren't here, nor its scores: nothing can be compared."
        alike = sum((row.right_there, row.n_there) == (row.right_here, row.n_here) for row in known)
        return f"As many answers are right in {alike} of {len(known)} arms; the original's answers aren't here."
    both = sum(row.both or 0 for row in rows)
    same, verdicts = (sum(getattr(row, name) or 0 for row in rows) for name in ("same_answer", "same_verdict"))
    if not both:
        return "No question was answered in both."
    if same == both:
        return f"All {both:,} answers are the same."
    return f"{same:,} of {both:,} answers are the same; {both - verdicts:,} have another verdict."


def _broken(text: str, width: int) -> list[str]:
    return textwrap.wrap(tame_line(text), width, break_on_hyphens=False)


def _wrapped(console: Output, text: str) -> None:
    for line in _broken(text, WIDTH):
        console.print(line, soft_wrap=True)
