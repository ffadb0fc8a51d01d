"""What a run is likely to take, in the terminal: of `cotbench run --dry-run` and `--probe`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from cotbench.analysis.lint import Unsaid
from cotbench.report import words
from cotbench.report.cost import amount
from cotbench.runs.likely import ArmLikely, Bill, Likely, Pace
from cotbench.terminal.console import Output, named_table
from cotbench.terminal.progress import duration

_BESIDE: Mapping[str, str] = {
    "own": "of this run",
    "same": "",
    "other settings": "with another prompt, budget or sampling",
    "other task": "on {on_task}, so without an interval",
}


_COLUMNS = "Prompts: characters / 4, without the model's chat template. At most: the whole of the budgets."
_SLOW = "A run keeps an engine busier than its probe did, so it takes less time as a rule."


def short(count: float) -> str:
    """A count in few characters: whole up to 999,999, then in millions or billions."""
    for unit, size in (("B", 1e9), ("M", 1e6)):
        if count >= size:
            return f"{count / size:,.1f}{unit}"
    return f"{round(count):,}"


def between(low: str, high: str) -> str:
    """An interval in words."""
    return f"{low} to {high}"


def show_estimate(
    rows: Sequence[Mapping[str, Any]],
    found: Likely | None,
    bill: Bill | None,
    unsaid: Sequence[Unsaid],
    *,
    asked: str = "",
    skipped: Mapping[str, str] | None = None,
    unchecked: str = "",
    priced: bool = False,
) -> None:
    """Print what `--dry-run` estimates: a row for each task and arm, what it is likely to take and how that is known,
    and what was found by the lint of the arms. rows: as `likely.rows_of` has them. asked: how many questions of which
    tasks, in words, where they are more than a list. skipped: tasks that are left out, and why."""
    console = Output()
    _print_table(console, "Dry run: nothing was asked", rows, found, asked)
    for task, reason in (skipped or {}).items():
        console.print(f"Left out: {task}: {reason.removeprefix(f'task {task}: ')}", style="yellow")
    if found is None:
        console.print(
            "At most: if every answer takes all of its budget. No earlier answers of this model are in --output-dir, "
            "so what is likely isn't known: --probe 20 asks 20 questions of each task for it, and keeps the replies."
        )
    else:
        for line in in_words(found, bill, priced=priced):
            console.print(line)
    console.print(_COLUMNS, style="dim")
    if unchecked:
        console.print(f"Not checked: {unchecked}.", style="yellow")
    if len({row["mode"] for row in rows[:-1]}) > 1:
        console.print(words.ARMS_ALIKE if not unsaid else "Arms:")
    for line in words.unsaid_lines(unsaid):
        console.print(f"  {line}")


def show_probe(rows: Sequence[Mapping[str, Any]], found: Likely | None, bill: Bill | None, *, priced: bool) -> None:
    """Print what a probe found: what each arm is likely to take, and all of the run."""
    console = Output()
    _print_table(console, "The whole run, by the answers of the probe", rows, found)
    if found is None:
        console.print("What is likely isn't known: no reply says how many tokens it took.", style="yellow")
        return
    for line in in_words(found, bill, priced=priced):
        console.print(line)
    if found.pace is not None:
        console.print(_SLOW, style="dim")


def _print_table(
    console: Output, title: str, rows: Sequence[Mapping[str, Any]], found: Likely | None, named: str = ""
) -> None:
    *each, total = rows
    asked = {row["task"]: row["questions"] for row in each}
    named = named or ", ".join(f"{task} {count:,}" for task, count in asked.items())
    console.print(f"{title}. Questions: {named}.", style="bold")
    names = ("task", "arm") if len(asked) > 1 else ("arm",)
    header = [*names, "requests", "prompt tokens", *(("likely", "+-") if found else ()), "at most"]
    lines = []
    for row in (*each, total) if len(each) > 1 else each:
        name = [str(row["task"]), str(row["mode"])] if row is not total else ["all", ""]
        cells = name if len(asked) > 1 else [name[1] or name[0]]
        cells += [short(row["requests"]), short(row["prompt_tokens_about"])]
        if found is not None:
            likely, high = row["completion_tokens_likely"], row.get("completion_tokens_high")
            cells += ["" if likely is None else short(likely), "" if high is None else short(high - likely)]
        lines.append([*cells, short(row["completion_tokens_at_most"])])
    console.print(named_table("", header, lines, left=len(names)))


def in_words(found: Likely, bill: Bill | None, *, priced: bool) -> list[str]:
    """What a run is likely to take, and how that is known, in sentences."""
    asked, seconds = found.completion, found.seconds
    parts = [f"{short(asked.likely)} completion tokens{_interval(asked.low, asked.high, short)}"]
    if seconds is not None:
        parts.append(f"{duration(seconds.likely)}{_interval(seconds.low, seconds.high, duration)}")
    if bill is not None:
        cost, in_money = bill.amount, partial(amount, currency=bill.currency)
        parts.append(f"{in_money(cost.likely)}{_interval(cost.low, cost.high, in_money)}")
    lines = [f"Likely: {', '.join(parts)}."]
    if priced and bill is None:
        lines.append("Money: --prices has no price of this model, or what it counts isn't known.")
    elif bill is not None and not bill.by_hour:
        lines.append("Prompt tokens are charged in full: what a cache would have of them isn't known before.")
    if found.missing:
        lacking = ", ".join(f"{mode} on {task}" for task, mode in found.missing)
        lines.append(f"Of {lacking} nothing is on record: not among what is likely.")
    lines += _sources(found.arms)
    if found.pace is not None:
        lines.append(_pace(found.pace))
    return lines


def _interval(low: float | None, high: float | None, said: Any) -> str:
    return "" if low is None or high is None else f" ({between(said(low), said(high))})"


def _pace(pace: Pace) -> str:
    return f"Time: at the {pace.tokens_per_s:,.0f} completion tokens a second of {', '.join(pace.runs)}."


def _sources(arms: Sequence[ArmLikely]) -> list[str]:
    """How what is likely is known: of each arm the mean of earlier answers with their spread, and whose they are."""
    lines = []
    for (run, basis, on_task), members in _grouped(arms).items():
        several = len({arm.task for arm in members}) > 1
        told = ", ".join(
            f"{f'{arm.task} ' if several else ''}{arm.mode} {arm.mean:,.0f}"
            f"{'' if arm.sd is None else f' (SD {arm.sd:,.0f}, n = {arm.answers:,})'}"
            for arm in members
        )
        beside = _BESIDE[basis].format(on_task=on_task)
        lines.append(f"From {run}{f', {beside}' if beside else ''}: tokens an answer, {told}.")
    return lines


def _grouped(arms: Sequence[ArmLikely]) -> dict[tuple[str, str, str], list[ArmLikely]]:
    groups: dict[tuple[str, str, str], list[ArmLikely]] = {}
    for arm in arms:
        on_task = arm.on_task if arm.basis == "other task" else ""
        groups.setdefault((arm.run, arm.basis, on_task), []).append(arm)
    return groups
