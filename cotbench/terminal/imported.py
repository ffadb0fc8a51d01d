"""What `cotbench import` found, in the terminal: a screen for each run that it made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from textwrap import fill

from rich.text import Text

from cotbench.report.tame import tame_line
from cotbench.report.words import percent
from cotbench.runs.importing import ArmResult, ImportResult, TaskResult
from cotbench.terminal.console import Output, plain_table

MOST_NAMED = 5  # of lines that are broken
_OF_PROMPTS = ("prompt", "shots")


def show_imported(results: Sequence[ImportResult], *, chosen: bool = False) -> None:
    """Print what became of the logs: a run for each model. chosen: the user said by which of the tool's readings."""
    output = Output()
    if len(results) > 1:
        output.print(f"{len(results)} models, so {len(results)} runs: {', '.join(one.model for one in results)}.\n")
    for number, result in enumerate(results):
        if number:
            output.print()
        _show(output, result, chosen)


def _show(output: Output, result: ImportResult, chosen: bool) -> None:
    there = " (it was there; made anew)" if result.again else ""
    output.print(f"{result.folder}{there}: {result.model}, in {result.wall_s:.1f} s", soft_wrap=True, highlight=False)
    for task in result.tasks:
        _show_task(output, task)
    for line in _said(result, chosen):
        for part in fill(tame_line(line), output.width, subsequent_indent="  ", break_on_hyphens=False).splitlines():
            output.print(part, markup=False, highlight=False)
    folder = shlex.quote(str(result.folder))
    output.print(f"\nNext: cotbench report {folder}", soft_wrap=True, highlight=False, markup=False)


def _show_task(output: Output, task: TaskResult) -> None:
    known = f" ({task.known})" if task.known else ""
    read = ", read as its task file says" if task.by_rows else ""
    output.print(
        f"\n{task.name}{known}: {task.questions:,} questions{read}; answers: {task.kind}", highlight=False, markup=False
    )
    rows = [_row(arm) for arm in task.arms]
    header = ("arm", "log", "questions", "theirs %", "ours %", "unread")
    output.print(plain_table(header, rows, whole=[name for name in header if name != "log"]))
    if len(task.arms) > 1:
        lacking = [
            f"{arm.told.lacks.count:,} have no output under {arm.mode} ({', '.join(arm.told.lacks.first)}"
            f"{' ...' if arm.told.lacks.count > len(arm.told.lacks.first) else ''})"
            for arm in task.arms
            if arm.told.lacks is not None
        ]
        told = "; ".join([f"{task.pairs:,} questions stand under all arms", *lacking])
        for part in fill(f"{told}.", output.width, break_on_hyphens=False).splitlines():
            output.print(part, markup=False, highlight=False)


def _row(arm: ArmResult) -> tuple[str | Text, ...]:
    told = arm.told
    version = f" {told.version}" if told.version else ""
    called = f", {', '.join(told.called[:2])}" if told.called else ""
    more = f" and {len(told.called) - 2} more" if len(told.called) > 2 else ""
    failed = f" ({arm.failed:,} failed)" if arm.failed else ""
    return (
        arm.mode,
        tame_line(f"{told.format}{version}{called}{more}"),
        f"{arm.questions:,}",
        percent(arm.theirs),
        percent(arm.accuracy),
        f"{arm.unread:,}{failed}",
    )


def _logs_of_arms(result: ImportResult) -> Iterator[str]:
    """Which logs each arm is made of, where there are several: a swap of arms shows nowhere else."""
    logs: dict[str, dict[str, None]] = {}
    for task in result.tasks:
        for arm in task.arms:
            logs.setdefault(arm.mode, {}).update(dict.fromkeys(arm.logs))
    if sum(map(len, logs.values())) < 2:
        return
    for mode, own in logs.items():
        first = Path(next(iter(own)))
        first = first.relative_to(Path.cwd()) if first.is_relative_to(Path.cwd()) else first
        yield f"{mode} is of {first}{f' and {len(own) - 1:,} more' if len(own) > 1 else ''}."


def _said(result: ImportResult, chosen: bool) -> Iterator[str]:
    """What else must be known, a line each."""
    yield from _logs_of_arms(result)
    readings: dict[str, dict[str, None]] = {}
    for task in result.tasks:
        for arm in task.arms:
            if arm.told.reading:
                others = [name for name in arm.told.readings if name != arm.told.reading]
                why = ", as --filter says; others" if chosen else ", the strictest (--filter takes another"
                more = f"{why}: {', '.join(others)}{'' if chosen else ')'}" if others else ""
                readings.setdefault(f"{arm.told.reading}{more}", {})[arm.mode] = None
    for told, modes in readings.items():
        yield f"Theirs ({', '.join(modes)}): by their reading {told}."
    for task in result.tasks:
        for arm in task.arms:
            if arm.printed is not None and arm.theirs is not None and abs(arm.printed - arm.theirs) > 5e-4:
                mean = f"the mean of its samples is {percent(arm.theirs)}%"
                yield f"{arm.mode}: the tool printed {percent(arm.printed)}%, and {mean}."
    if result.inferred:
        yield f"Inferred: {'; '.join(f'{name}: {how}' for name, how in result.inferred.items())}."
    own: dict[str, dict[str, None]] = {}
    for task in result.tasks:
        for arm in task.arms:
            for name, how in arm.told.inferred.items():
                own.setdefault(f"{name}: {how}", {})[arm.mode] = None
    if own:
        every = {arm.mode for task in result.tasks for arm in task.arms}
        said = [told if set(modes) == every else f"{told} ({', '.join(modes)})" for told, modes in own.items()]
        yield f"Inferred of the logs: {'; '.join(said)}."
    lacking: dict[str, list[str]] = {}
    for task in result.tasks:
        for arm in task.arms:
            if arm.told.not_recorded:
                names = ", ".join(name.replace("_", " ") for name in arm.told.not_recorded)
                lacking.setdefault(names, []).append(arm.mode)
    for names, who in lacking.items():
        yield f"Not recorded ({', '.join(dict.fromkeys(who))}): {names}."
    notes = dict.fromkeys([*result.notes, *(n for task in result.tasks for arm in task.arms for n in arm.told.notes)])
    yield from (f"Note: {note.rstrip('.')}." for note in notes)
    if result.broken:
        left = len(result.broken) - MOST_NAMED
        yield f"{len(result.broken):,} lines can't be read and are passed over:"
        yield from (f"  {fault}" for fault in result.broken[:MOST_NAMED])
        if left > 0:
            yield f"  and {left:,} more (all in manifest.json)"
