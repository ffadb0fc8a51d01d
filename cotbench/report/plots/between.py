"""Model against model: what an arm brings each, and how far these gains are apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure

from cotbench.analysis.between import Gain
from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL
from cotbench.report import words
from cotbench.report.between import two_models
from cotbench.report.plots.forest import Dot, Ends, Figures, Lines, draw_dots, ends_of, figures_of, forest, limits_of
from cotbench.report.plots.style import BOLD, EDGE, INK, Entry, Looks, Pair, Plot, fit, layout, listed, shown

MOST = 8  # blocks of a task and a pair of arms; of more, those of the main pair are drawn
_Block = tuple[str, str, str]  # task, mode and baseline


@dataclass(frozen=True, kw_only=True)
class _Row:
    """A model's gain, or a difference of two, at a height in rows. of: the model, "" for a difference."""

    at: float
    label: str
    figures: Sequence[str]
    ends: Ends
    of: str
    mode: str


def plots(comparison: Comparison, looks: Looks, pair: Pair | None) -> Iterator[Plot]:
    """Yield one plot, where two models have a gain under the same arms. pair: drawn alone where there is much."""
    rows = [row for row in comparison.gains if row.tag == ALL and row.difference.value is not None]
    blocks = dict.fromkeys(_block(row) for row in rows)
    if len(blocks) > MOST and any(block[1:] == pair for block in blocks):
        rows = [row for row in rows if (row.mode, row.baseline) == pair]
    if rows:
        title = "Model against model: what an arm brings each, and the difference"
        yield Plot("gains", "gains", title, _told(rows), partial(_figure, title, rows, looks))


def _block(row: Gain) -> _Block:
    return row.task, row.mode, row.baseline


def _figure(title: str, gains: Sequence[Gain], looks: Looks) -> Figure:
    """Draw a block for each task and pair of arms: a row for each model, and one for each difference of two."""
    rows, headings, height = _rows_of(gains, looks)
    known = [row.ends for row in rows]
    limits = limits_of(known, floor=-200, ceiling=200, least=4)
    narrow = layout().narrow
    heads = () if narrow else ("points", "95% interval", "n")
    figures = Figures(heads, [row.figures for row in rows], stacked=narrow)
    models = dict.fromkeys(row.of for row in rows if row.of)
    figure, [axes] = forest(
        title,
        Lines(rows={}, labels={row.at: row.label for row in rows}, headings=headings, height=height),
        looks=looks,
        limits=limits,
        label="gain in accuracy, points",
        gutter=figures.gutter,
        heads=not narrow,
        row=figures.row,
        note=("Figures: points over their 95% interval. " if narrow else "")
        + f"Lines: 95% intervals, not corrected for how many there are. {limits.note(known)}Gains and differences "
        "are on the questions that the two models decided under both arms.",
        key=[
            *(Entry(label=looks.models[name], colour=INK, mark=looks.marks[name], line="-") for name in models),
            Entry(label="the first model's gain less the other's", colour=INK, mark="d", hollow=True, line="-"),
        ],
    )
    draw_dots(
        axes,
        [Dot(at=r.at, ends=r.ends, colour=looks.colour(r.mode), mark=looks.marks[r.of]) for r in rows if r.of],
        limits,
    )
    draw_dots(
        axes, [Dot(at=r.at, ends=r.ends, colour=INK, mark="d", hollow=True, size=6) for r in rows if not r.of], limits
    )
    for row in rows:
        figures.put(axes, row.at, row.figures)
    figures.put_heads(axes)
    return figure


def _rows_of(gains: Sequence[Gain], looks: Looks) -> tuple[list[_Row], dict[float, str], float]:
    """Return the rows from the top down, the headings by height, and how high it all is, in rows."""
    blocks: dict[_Block, list[Gain]] = {}
    for row in gains:
        blocks.setdefault(_block(row), []).append(row)
    pairs = shown([two_models(row) for row in gains], layout().labels, layout().names)
    rows: list[_Row] = []
    headings: dict[float, str] = {}
    at = 0.0
    for (task, mode, baseline), own in blocks.items():
        at += 0.35 if headings else 0.0
        headings[at] = fit(f"{task}: {mode} − {baseline}", (layout().width - 2 * EDGE) / BOLD)
        at += 1.0
        alone = {
            model: (gain, row.n)
            for row in reversed(own)  # of several pairs the first one says a model's gain
            for model, gain in ((row.against, row.gain_against), (row.model, row.gain))
        }
        for model in sorted(alone, key=list(looks.models).index):
            gain, n = alone[model]
            if (ends := ends_of(gain)) is not None:
                label = fit(looks.models[model], layout().labels, layout().names)
                rows.append(_Row(at=at, label=label, figures=figures_of(gain, n), ends=ends, of=model, mode=mode))
                at += 1.0
        for row in own:
            if (ends := ends_of(row.difference)) is not None:
                label = "difference" if layout().narrow and len(looks.models) == 2 else pairs[two_models(row)]
                rows.append(
                    _Row(at=at, label=label, figures=figures_of(row.difference, row.n), ends=ends, of="", mode=mode)
                )
                at += 1.0
    return rows, headings, at


def _told(rows: Sequence[Gain]) -> str:
    return "What an arm brings one model more than another, in points. " + listed(
        [
            f"{row.task}, {row.mode} − {row.baseline}, {two_models(row)}: {words.difference(row.difference)}"
            for row in rows
        ]
    )
