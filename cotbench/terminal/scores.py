"""What `cotbench score` found, in the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.table import Table

from cotbench.answers.reading import VAGUE
from cotbench.report.words import percent
from cotbench.runs.rescore import Change, Rescored
from cotbench.runs.score_file import Summary
from cotbench.terminal.console import Output, named_table

MOST_CHANGES = 20  # shown one by one; --json has all


def _table(title: str, name: str, what: str, counts: Mapping[str, int]) -> Table:
    """Make a table of counts by name, with their shares. what: what was counted."""
    total = sum(counts.values())
    rows = [(key, f"{count:,}", percent(count / total if total else None)) for key, count in counts.items()]
    return named_table(title, (name, what, "%"), rows, left=1)


def show_score(summary: Summary, *, to_stderr: bool) -> None:
    """Print the outcomes and rules of a file. The lines themselves may be on stdout; then this goes to stderr."""
    console = Output(to_stderr=to_stderr)
    told = f"{summary.outputs:,} outputs in {summary.wall_s:.1f} s: {percent(summary.accuracy)}% correct; a vague rule "
    console.print(f"{told}read {percent(summary.vague)}% of the answers.", soft_wrap=True)
    console.print(_table("Outcomes", "outcome", "outputs", summary.outcomes))
    rules = {name + (" (vague)" if name in VAGUE else ""): count for name, count in summary.rules.items()}
    if rules:
        console.print(_table("Rules that found an answer", "rule", "answers", rules))
    if summary.unknown:
        told = f"Not known, and read as outputs that are complete: {', '.join(summary.unknown)}."
        console.print(told, style="yellow", soft_wrap=True)
    _say_fatal(console, summary.fatal)


def show_rescored(rescored: Rescored, *, written: bool) -> None:
    """Print what grading a run again changed, and its accuracy before and now."""
    console = Output()
    verdicts = [change for change in rescored.changes if change.of_verdict]
    others = len(rescored.changes) - len(verdicts)
    also = f", and {others:,} an answer, rule or span without that" if others else ""
    console.print(f"{rescored.records:,} answers graded again: {len(verdicts):,} changed their verdict{also}.")
    rows = [
        (task, mode, f"{before.outputs:,}", percent(before.accuracy), percent(after.accuracy), percent(after.vague))
        for (task, mode), (before, after) in rescored.summaries.items()
    ]
    header = ("task", "mode", "answers", "before %", "now %", "vague %")
    console.print(named_table("Correct, before and now", header, rows, left=2))
    if verdicts:
        shown = [_row(change) for change in verdicts[:MOST_CHANGES]]
        title = "Changed verdicts" + (f", {MOST_CHANGES} of {len(verdicts):,}" if len(verdicts) > MOST_CHANGES else "")
        console.print(named_table(title, ("question", "mode", "gold", "before", "now"), shown, left=5))
    _say_fatal(console, rescored.fatal)
    end = f"Written to {rescored.folder}." if written else "Nothing was written (--dry-run)."
    console.print(end, soft_wrap=True)


def _row(change: Change) -> tuple[str, ...]:
    sides = [
        f"{record.outcome}" + (f" ({_short(record.answer)}, {record.rule})" if record.answer is not None else "")
        for record in (change.before, change.after)
    ]
    return change.before.question, change.before.mode, _short(change.before.gold), *sides


def _short(text: str | None) -> str:
    line = " ".join((text or "").split())
    return line if len(line) <= 40 else line[:39] + "…"


def _say_fatal(console: Output, names: Sequence[str]) -> None:
    if names:
        told = f"Comparing these answers ended its process twice, so they are grader_timeout: {', '.join(names)}."
        console.print(told, style="yellow", soft_wrap=True)
