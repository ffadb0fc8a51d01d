"""Perturbed questions beside those that they were made of: a table and a sentence."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL
from cotbench.analysis.twins import Twin
from cotbench.analysis.verdicts import ALPHA
from cotbench.report import words
from cotbench.report.columns import PAIR, Table
from cotbench.report.words import count, difference, ends, p_value, percent, points


def twins(comparison: Comparison) -> Table[Twin]:
    """The table of twins: all kinds of perturbation together, then each."""
    return Table(
        title="Twins: perturbed questions against those that they were made of, in points",
        rows=comparison.twins,
        names=[*PAIR, ("perturbed by", lambda r: "all kinds" if r.tag == ALL else r.tag)],
        figures=[
            ("n", lambda r: count(r.n)),
            ("right %", lambda r: percent(r.accuracy)),
            ("baseline %", lambda r: percent(r.baseline_accuracy)),
            ("perturbed", lambda r: difference(r.perturbed, "not estimable")),
            ("seeds", lambda r: count(r.n_seeds)),
            ("right %", lambda r: percent(r.accuracy_seed)),
            ("baseline %", lambda r: percent(r.baseline_accuracy_seed)),
            ("on seeds", lambda r: difference(r.seed, "not estimable")),
            ("difference", lambda r: difference(r.difference, "not estimable")),
            ("p", lambda r: p_value(r.difference.p)),
            ("Holm p", lambda r: p_value(r.p_holm)),
        ],
        about="Of perturbed questions whose seed is there too, and of these seeds. difference: of the two paired "
        "differences, perturbed less seeds, by whole clusters of a seed and its variants: a score interval and exact "
        "sign flips where each seed has one, else t over clusters (CR2). Holm p: corrected over the kinds of one pair "
        "of modes; of all kinds together, over "
        + comparison.families.get("twins", "the pairs of modes with the same baseline")
        + ".",
    )


def sentences(comparison: Comparison) -> list[str]:
    """Return what the main arm of each task brings on perturbed questions, and on their seeds."""
    rows = [row for row in comparison.twins if row.tag == ALL and row.difference.value is not None]
    main = {
        (model, task): words.main_mode(comparison, [d for d in comparison.deltas if (d.model, d.task) == (model, task)])
        for model, task in dict.fromkeys((row.model, row.task) for row in rows)
    }
    several = len({row.model for row in rows}) > 1
    return [_sentence(row, several) for row in rows if row.mode == main[row.model, row.task]]


def _sentence(row: Twin, several: bool) -> str:
    by = f" by {words.short_model(row.model)}" if several else ""
    low, high = row.difference.low, row.difference.high
    apart = low is not None and high is not None and (low > 0 or high < 0)
    sure = apart and row.p_holm is not None and row.p_holm < ALPHA
    bring = f"brings {difference(row.perturbed)} points on {row.n:,} perturbed questions of {row.task}{by}"
    seeds = f"{difference(row.seed)} on their {row.n_seeds:,} seeds"
    way = "more" if (row.difference.value or 0.0) > 0 else "less"
    end = f"{way} than on the seeds" if sure else "the two aren't clearly apart"
    size = f"{points(row.difference.value)}, {ends(row.difference, signed=True)}"
    return f"{row.mode} − {row.baseline} {bring} and {seeds}: {end} ({size})."
