"""`cotbench.load`."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cotbench.api.naming import told_in_python

if TYPE_CHECKING:
    from cotbench.analysis.frames import Frames


def load(
    runs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]], output_dir: str | os.PathLike[str] = "results"
) -> Frames:
    """Recorded runs, by folder or id, as pandas data frames: see `cotbench.analysis.frames`.

    Raises RunError where there is no such run, or it can't be read.

    >>> import cotbench
    >>> run = cotbench.run("stub", "sample", ["direct", "cot"], limit=4, progress=False)
    >>> frames = cotbench.load(run.folder)
    >>> frames.records.groupby("mode")["question"].count().to_dict()
    {'cot': 4, 'direct@answer=begun': 4}
    """
    from cotbench.analysis.frames import load as load_frames

    with told_in_python():
        several = [runs] if isinstance(runs, str | os.PathLike) else list(runs)
        return load_frames([os.fspath(one) for one in several], Path(output_dir))
