"""All plots of a report: which there are, what they are called, and their files.

matplotlib takes a second to import, so whoever may do without plots imports this package where it draws.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.drawn import MARK, Drawn, remove_others
from cotbench.report.plots import accuracy, budgets, cost, deltas, groups, outcomes, pooled, shares, votes
from cotbench.report.plots.style import STUB_TITLE, Plot, clean, looks_of, plain, settings
from cotbench.store.files import write_new

DPI = 150
# Text stays text, so a browser may lack the font that we measure with: the others are no wider than it.
_FONT, _FONTS = b"font-family: 'DejaVu Sans'", b"font-family: 'DejaVu Sans', Verdana, Arial, sans-serif"


def draw(comparison: Comparison, folder: Path) -> list[Drawn]:
    """Write a PNG and an SVG for each plot that has something to show; files of earlier plots that don't apply go."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Drawn] = []
    with settings():
        for plot in plots_of(comparison):
            names = (plot.stem, *(f"{plot.stem}-{number}" for number in range(2, len(drawn) + 2)))
            stem = next(name for name in names if name not in {other.stem for other in drawn})
            title, warned = clean(plot.title), f"{STUB_TITLE}. " if comparison.stub else ""
            for suffix, content in _files(plot.figure(), title).items():
                write_new(folder / f"{stem}.{suffix}", content)
            drawn.append(Drawn(stem=stem, title=title, alt=plain(warned + plot.alt), section=plot.section))
    remove_others(folder, {plot.stem for plot in drawn})
    return drawn


def plots_of(comparison: Comparison) -> Iterator[Plot]:
    """Yield all plots that have something to show, in the order of a report."""
    looks, pair = looks_of(comparison), _main_pair(comparison)
    for kind in (deltas, pooled, accuracy, budgets, shares, groups, cost, votes, outcomes):
        yield from kind.plots(comparison, looks, pair)


def _main_pair(comparison: Comparison) -> tuple[str, str] | None:
    """Return the mode that plots of a single one show, with its baseline. None without a comparison."""
    for baseline in comparison.baselines:
        mode = words.main_mode(comparison, (row for row in comparison.deltas if row.baseline == baseline))
        if mode is not None:
            return mode, baseline
    return None


def _files(figure: Figure, title: str) -> dict[str, bytes]:
    """Return a figure's PNG and SVG. Their bytes are always the same: no dates, and fixed names inside."""
    out = {}
    for suffix, metadata in (("png", {"Software": MARK}), ("svg", {"Date": None, "Creator": MARK, "Title": title})):
        buffer = BytesIO()
        options: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if suffix == "png" else {}
        figure.savefig(buffer, format=suffix, dpi=DPI, metadata=metadata, **options)
        out[suffix] = buffer.getvalue()
    out["svg"] = out["svg"].replace(_FONT, _FONTS)
    return out
