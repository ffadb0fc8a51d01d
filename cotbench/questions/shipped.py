"""Where the task files and prompt templates are that come with cotbench; light, since a shell's Tab asks for names."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Literal

from cotbench import plugins


def shipped(kind: Literal["tasks", "prompts"]) -> Path:
    """The folder of the task files or prompt templates that come with cotbench (in a wheel, or a checkout)."""
    inside = Path(str(resources.files("cotbench"))) / "shipped" / kind
    return inside if inside.is_dir() else Path(__file__).resolve().parents[2] / kind


SUITES = "suites"  # the folder beside task files that holds suites of them


def suite_files(*folders: Path) -> dict[str, Path]:
    """Name -> suite file, of folders of task files of which a later one goes before an earlier one."""
    return task_files(*(folder / SUITES for folder in folders))


def task_files(*folders: Path) -> dict[str, Path]:
    """Name -> task file, of folders of which a later one goes before an earlier one."""
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.yaml"))}


def known_task_files(tasks_dir: Path | None = None) -> dict[str, Path]:
    """Name -> task file, of all that there are: ours, those of plugins, and before them those of a user's folder."""
    ours = task_files(shipped("tasks"))
    return {**ours, **plugins.task_files(ours), **(task_files(tasks_dir) if tasks_dir is not None else {})}
