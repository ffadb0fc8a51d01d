"""The plots of a report as files: what is known of each, and how those of an earlier report are told. No matplotlib."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

MARK = "cotbench report"  # in every file that we write, by which it is known as ours
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

    @property
    def files(self) -> list[str]:
        """Return the names of its files."""
        return [f"{self.stem}.png", f"{self.stem}.svg", *([f"{self.narrow}.svg"] if self.narrow else [])]


def others(folder: Path, names: Collection[str]) -> list[Path]:
    """Return the plots of an earlier report that lie in a folder: files that we wrote, but for those of these names.

    Nothing of them is touched: they may be all that is left of runs that are gone."""
    found = []
    for path in sorted(folder.iterdir()):
        if path.suffix in (".png", ".svg") and path.name not in names and path.is_file() and not path.is_symlink():
            with path.open("rb") as file:
                ours = MARK.encode() in file.read(_HEAD)
            if ours:
                found.append(path)
    return found
