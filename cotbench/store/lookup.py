"""Run folders by name, by the beginning of an id, or all there are."""

from __future__ import annotations

from pathlib import Path

from cotbench.errors import RunError
from cotbench.store.manifest import MANIFEST


def find_run(name: str, output_dir: Path) -> Path:
    """Find the folder of a run by its path, its id or the unique beginning of one. Raises RunError."""
    for folder in (Path(name), output_dir / name):
        if (folder / MANIFEST).exists():  # whatever it is: reading it says so
            return folder
    close = sorted(f.parent for f in output_dir.glob(f"{name}*/{MANIFEST}")) if name and "/" not in name else []
    if len(close) == 1:
        return close[0]
    if close:
        raise RunError(f"'{name}' may be any of {', '.join(f.name for f in close)}.", "Give more of its name.")
    raise RunError(
        f"there is no run '{name}' (neither a folder, nor an id in {output_dir}).", "Name a run's folder or its id."
    )


def list_runs(output_dir: Path) -> list[Path]:
    """List run folders, the most recently written first. A manifest that is no file (a named pipe) makes none."""
    folders = (path.parent for path in output_dir.glob(f"*/{MANIFEST}") if path.is_file())
    return sorted(folders, key=lambda f: (f / MANIFEST).stat().st_mtime, reverse=True)
