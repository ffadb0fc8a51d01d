"""The plot of paired differences: a forest plot by task, split by tag."""

from __future__ import annotations

from pathlib import Path

from cotbench.compare import ALL, OTHER, SYMBOLIC, Comparison
from cotbench.report import words

# Okabe and Ito's colours, told apart by the colour-blind; the shapes differ too, for print.
STYLES = {
    ALL: ("#000000", "D", "all questions"),
    SYMBOLIC: ("#D55E00", "o", 'with "="'),
    OTHER: ("#0072B2", "s", 'without "="'),
}


def plot_deltas(comparison: Comparison, path: Path) -> None:
    """Write a PNG with one block of rows per model, task and mode."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    pairs = list(dict.fromkeys((d.model, d.task, d.mode, d.baseline) for d in comparison.deltas))
    models = {model for model, *_ in pairs}
    figure = Figure(figsize=(8, 1.3 + 0.75 * max(1, len(pairs))), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color="#888888", linewidth=0.8, zorder=0)
    labelled: set[str] = set()
    names = []
    for block, (model, task, mode, baseline) in enumerate(pairs):
        names.append(f"{task}\n{mode} − {baseline}" + (f"\n{words.short_model(model)}" if len(models) > 1 else ""))
        for offset, tag in enumerate((ALL, SYMBOLIC, OTHER)):
            row = next(
                d
                for d in comparison.deltas
                if (d.model, d.task, d.mode, d.baseline, d.tag) == (model, task, mode, baseline, tag)
            )
            colour, marker, label = STYLES[tag]
            height = block + 0.25 * (offset - 1)
            if row.delta is None or row.low is None or row.high is None:
                axes.annotate(
                    f"{label}: n = 0, not estimable",
                    (0, height),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize=7.5,
                    color="#555555",
                )
                continue
            axes.errorbar(
                [100 * row.delta],
                [height],
                xerr=[[100 * (row.delta - row.low)], [100 * (row.high - row.delta)]],
                fmt=marker,
                color=colour,
                markersize=6,
                capsize=3,
                linewidth=1.4,
                label=None if tag in labelled else label,
            )
            labelled.add(tag)
            axes.annotate(
                f"n = {row.n:,}",
                (100 * row.high, height),
                (6, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
                color="#555555",
            )
    axes.set_yticks(range(len(pairs)), names)
    axes.set_ylim(len(pairs) - 0.45, -0.55)
    axes.margins(x=0.12)
    axes.set_xlabel("paired difference in accuracy, points (95% interval)")
    axes.grid(axis="x", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    title = (
        "STUB, NOT A MODEL: these numbers mean nothing"
        if comparison.stub
        else "What the mode changes, question by question"
    )
    if len(models) == 1:
        title += f" ({words.short_model(next(iter(models)))})"
    figure.suptitle(title, x=0.01, ha="left", fontsize=11, color="#b00000" if comparison.stub else "black")
    if labelled:
        handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        order = [label for *_, label in STYLES.values() if label in handles]
        figure.legend(
            [handles[label] for label in order], order, loc="outside lower center", ncols=3, frameon=False, fontsize=9
        )
    figure.savefig(path, dpi=150)
