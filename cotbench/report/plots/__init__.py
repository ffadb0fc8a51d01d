"""All plots of a report: which there are, what they are called, and their files.

matplotlib takes a second to import, so whoever may do without plots imports this package where it draws.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.about import metadata
from cotbench.report.drawn import MARK, Drawn
from cotbench.report.plots import (
    accuracy,
    beside,
    between,
    budgets,
    cascade,
    chosen,
    cost,
    deltas,
    early,
    groups,
    outcomes,
    placebo,
    pooled,
    scored,
    sequence,
    shares,
    shipping,
    stopping,
    twins,
    votes,
)
from cotbench.report.plots.colours import dark_style
from cotbench.report.plots.style import NARROW, STUB_TITLE, WIDE, Plot, clean, laid_out, looks_of, plain, settings
from cotbench.store.files import write_new

DPI = 128  # 1,203 pixels across
_NARROW = "-narrow"
# Text stays text, so a browser may lack the font that we measure with: the others are no wider than it.
_FONT, _FONTS = "font-family: 'DejaVu Sans'", "font-family: 'DejaVu Sans', Verdana, Arial, sans-serif"
_STYLE_END = "</style>"


def draw(comparison: Comparison, folder: Path) -> list[Drawn]:
    """Write a PNG and two SVGs, the second for a telephone, for each plot that has something to show."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Drawn] = []
    about = metadata(comparison)
    taken: set[str] = set()
    with settings():
        for plot in plots_of(comparison):
            names = (plot.stem, *(f"{plot.stem}-{number}" for number in range(2, len(drawn) + 2)))
            stem = next(name for name in names if not taken & {name, name + _NARROW})
            taken |= {stem, stem + _NARROW}
            title, warned = clean(plot.title), f"{STUB_TITLE}. " if comparison.stub else ""
            with laid_out(WIDE):
                figure = plot.figure()
                write_new(folder / f"{stem}.png", _saved(figure, "png", {"Software": MARK, **about}))
                write_new(folder / f"{stem}.svg", _svg(figure, title, about))
            with laid_out(NARROW):
                write_new(folder / f"{stem}{_NARROW}.svg", _svg(plot.figure(), title, about))
            alt = plain(warned + plot.alt)
            drawn.append(Drawn(stem=stem, title=title, alt=alt, section=plot.section, narrow=stem + _NARROW))
    return drawn


def plots_of(comparison: Comparison) -> Iterator[Plot]:
    """Yield all plots that have something to show, in the order of a report."""
    looks, pair = looks_of(comparison), _main_pair(comparison)
    kinds = (
        deltas,
        sequence,
        scored,
        twins,
        pooled,
        between,
        accuracy,
        budgets,
        shares,
        groups,
        cost,
        placebo,
        beside,
        cascade,
        shipping,
        early,
        votes,
        stopping,
        chosen,
        outcomes,
    )
    for kind in kinds:
        yield from kind.plots(comparison, looks, pair)


def _main_pair(comparison: Comparison) -> tuple[str, str] | None:
    """Return the mode that plots of a single one show, with its baseline. None without a comparison."""
    for baseline in comparison.baselines:
        mode = words.main_mode(comparison, (row for row in comparison.deltas if row.baseline == baseline))
        if mode is not None:
            return mode, baseline
    return None


def _saved(figure: Figure, suffix: str, said: Mapping[str, str | None]) -> bytes:
    """Return a figure's file. Its bytes are always the same: no date of today, and fixed names inside.

    said: its metadata; in an SVG, Dublin Core."""
    buffer = BytesIO()
    options: dict[str, Any] = {"pil_kwargs": {"compress_level": 4}} if suffix == "png" else {}
    figure.savefig(buffer, format=suffix, dpi=DPI, metadata={**said}, **options)
    return buffer.getvalue()


def _svg(figure: Figure, title: str, about: Mapping[str, str]) -> bytes:
    """Return a figure as an SVG that goes dark where its reader's screen does. about: the runs that it shows."""
    svg = _saved(figure, "svg", {"Date": None, "Creator": MARK, "Title": title, **about}).decode()
    return svg.replace(_STYLE_END, dark_style(svg) + _STYLE_END, 1).replace(_FONT, _FONTS).encode()
