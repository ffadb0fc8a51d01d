"""The plots of a report as files: what is known of each, and how those of an earlier report go. No matplotlib."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

MARK = "cotbench report"  # in every file that we write: only such are ever removed
_HEAD = 4096  # bytes of a file in which the mark stands


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A plot that was written.

    stem: its file name without suffix. section: the key of the table it belongs to. alt: for who doesn't see it.
    narrow: the stem of the same for a telephone, an SVG only; "" where there is none. Both SVGs go dark where their
    reader's screen does; the PNG stays as it is on paper.
    """

    stem: str
    title: str
    alt: str
    section: str
    narrow: str = ""


def remove_others(folder: Path, stems: Collection[str]) -> None:
    """Remove plots of an earlier report, but for these: only files that we wrote."""
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".svg") and path.stem not in stems and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                ours = MARK.encode() in file.read(_HEAD)
            if ours:
                path.unlink()
