"""What plots with a panel for each task share: their headings and scales."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cotbench.report.plots.style import (
    BOLD,
    NORMAL,
    Page,
    figure_of,
    fit,
    inches,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def percent_axis(axes: Axes, which: str, step: int = 20) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator

    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(MultipleLocator(step))
    axis.set_major_formatter(FuncFormatter(figure_of))


def percent_scale(axes: Axes, values: Sequence[float]) -> None:
    """An upright axis in percent that holds values in 0..1 and no fewer than 20 points, so that a point looks like little."""
    low, high = 100 * min(values), 100 * max(values)
    margin = max(0.12 * (high - low), (20 - (high - low)) / 2, 3.0)
    bottom, top = max(-3.0, low - margin), min(103.0, high + margin)
    axes.set_ylim(bottom, top)
    percent_axis(axes, "y", 20 if top - bottom > 60 else 10 if top - bottom > 30 else 5)


def heading(page: Page, left: float, top: float, text: str, width: float) -> None:
    page.text(left, top, fit(text, width / BOLD), ha="left", va="center", fontsize=NORMAL, weight="bold")


def counted(page: Page, left: float, top: float, name: str, counts: Sequence[int], width: float) -> None:
    """A heading with how many questions there are, whatever must be cut of the name."""
    low, high = min(counts), max(counts)
    count = f" (n = {low:,})" if low == high else f" (n = {low:,} to {high:,})"
    heading(page, left, top, fit(name, (width - 0.1) / BOLD - inches(count)) + count, width)
