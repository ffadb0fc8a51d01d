"""cotbench: does chain of thought help this model on these questions, by how much, how sure are we, at what cost?"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cotbench.analysis.frames import Frames

__version__ = "0.1.0"


def load(runs: str | Path | Iterable[str | Path], output_dir: str | Path = "results") -> Frames:
    """Recorded runs, by folder or id, as pandas data frames: see `cotbench.analysis.frames`."""
    from cotbench.analysis.frames import load as load_frames

    return load_frames(runs, output_dir)
