"""Files of logs in folders, and which of them are meant."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeVar

from cotbench.errors import DataError, suggest

T = TypeVar("T")
GLANCE = 5_000  # files and folders that are looked at to tell a format


def below(folder: Path, ending: str | tuple[str, ...], most: int | None = None) -> Iterator[Path]:
    """The files in a folder and those below it whose names end so (of several endings in one), in order, folder by
    folder; of the first `most` entries where that is given. A folder that can't be read is passed over."""
    seen, waiting = 0, [folder]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir(), key=lambda one: one.name)
        except OSError:
            continue
        seen += len(entries)
        yield from (one for one in entries if one.name.endswith(ending) and one.is_file())
        if most is not None and seen > most:
            return
        waiting += [one for one in reversed(entries) if one.is_dir() and not one.is_symlink()]


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
