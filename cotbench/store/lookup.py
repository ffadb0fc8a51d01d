"""Run folders by name, by the beginning of an id, or all there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from glob import escape
from pathlib import Path
from typing import Any

import msgspec

from cotbench.errors import RunError
from cotbench.store.files import is_there, open_to_read
from cotbench.store.manifest import MANIFEST


def find_run(name: str, output_dir: Path) -> Path:
    """Find the folder of a run by its path, its id or the unique beginning of one. Raises RunError."""
    for folder in (Path(name), output_dir / name):
        if is_there(folder / MANIFEST):  # whatever it is: reading it says so
            return folder
    close = sorted(f.parent for f in output_dir.glob(f"{escape(name)}*/{MANIFEST}")) if name and "/" not in name else []
    if len(close) == 1:
        return close[0]
    if close:
        raise RunError(f"'{name}' may be any of {', '.join(f.name for f in close)}.", "Give more of its name.")
    if name and is_there(name) and (inside := [folder.name for folder in list_runs(Path(name))]):
        several = ", ".join(inside[:5]) + (" ..." if len(inside) > 5 else "")
        raise RunError(
            f"{name} is no run but a folder of runs: {several}.", f"Name one of them: {Path(name) / inside[0]}."
        )
    raise RunError(
        f"there is no run '{name}' (neither a folder, nor an id in {output_dir}).", "Name a run's folder or its id."
    )


def list_runs(output_dir: Path) -> list[Path]:
    """List run folders, the one that was started last first; going on with a run starts it again, and grading it again
    doesn't. A manifest that is no file (a named pipe) makes none."""
    folders = [path.parent for path in output_dir.glob(f"*/{MANIFEST}") if path.is_file()]
    return sorted(folders, key=_started, reverse=True)


SCORED = ["cotbench", "score"]  # the command of a session in which a run was graded again


def start_of(sessions: Sequence[Mapping[str, Any]]) -> str:
    """When a run was last started, as its manifest writes it; "" where that says nothing of it."""
    return max((str(one.get("started", "")) for one in sessions if one.get("command") != SCORED), default="")


class _Start(msgspec.Struct):
    started: str = ""
    command: list[str] = []


class _Starts(msgspec.Struct):
    sessions: list[_Start] = []


def _started(folder: Path) -> tuple[float, float]:
    """When a run was last started; and when its manifest was written, which decides where two started in the same
    second, or a manifest doesn't say it."""
    path = folder / MANIFEST
    written = path.stat().st_mtime
    try:
        with open_to_read(path) as file:
            sessions = msgspec.json.decode(file.read(), type=_Starts).sessions
        starts = [datetime.fromisoformat(one.started).timestamp() for one in sessions if one.command != SCORED]
        return max(starts), written
    except (OSError, ValueError, RecursionError, RunError):
        return written, written
