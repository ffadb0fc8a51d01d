"""Which of the logs of a folder are meant."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from cotbench.errors import DataError, suggest

T = TypeVar("T")


def of_task(path: Path, logs: Iterable[tuple[str, T]], task: str, tool: str) -> list[T]:
    """The logs, each with its task's name, of the task that is asked for, by its whole name or without what stands
    before a slash or behind a colon or a bar; all where none is asked for. Raises DataError where there is none."""
    listed = list(logs)
    wanted = [log for name, log in listed if not task or task in _names(name)]
    if not wanted:
        known = sorted({name for name, _ in listed})
        there = f"There are: {', '.join(known[:8])}{' ...' if len(known) > 8 else ''}." if known else ""
        found = f"holds no log of the task {task}" if known else f"holds no log of {tool}"
        raise DataError(f"{path}: {found}.", suggest(task, known, there) if task else there or "Name a folder of logs.")
    return wanted


def _names(name: str) -> set[str]:
    last = name.rpartition("/")[2]
    return {name, last, last.partition(":")[0], last.partition("|")[0]}
