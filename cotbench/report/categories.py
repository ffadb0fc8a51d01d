"""A suite's categories as a table and as a sentence, and what of the suite isn't here. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.categories import LEFT_OUT, NOT_RUN, NOT_THERE, Category, Missing
from cotbench.analysis.compare import Comparison
from cotbench.analysis.meta import LEAST
from cotbench.analysis.pooled import QUESTION
from cotbench.analysis.verdicts import HELPS, HIGHER, HURTS, INCONCLUSIVE, LOWER, NO_EFFECT, NOT_ESTIMABLE
from cotbench.report.columns import Table
from cotbench.report.pooled import OVER_TASKS, main_rows, pair_of, units
from cotbench.report.words import ends, listed, points, short_model


def categories(comparison: Comparison) -> Table[Category]:
    """The table of all pairs of modes in each category, by question and with tasks as units."""
    rows = [row for row in comparison.categories if row.delta.value is not None]
    against, mode = pair_of(rows)
    tasks = {row.category: row.tasks for row in rows}
    return Table(
        title=f"Suite {comparison.suite}: differences against {against} by category, in points",
        rows=rows,
        names=[
            ("model", lambda r: short_model(r.model)),
            mode,
            ("category", lambda r: r.category),
            ("unit", units),
        ],
        figures=[
            *OVER_TASKS,
            ("verdict", lambda r: r.verdict),
        ],
        about="".join(f"{name}: {', '.join(those)}. " for name, those in tasks.items())
        + "questions: all of a category's count alike, for these tasks, stratified by task. tasks: each is one unit, "
        f"for tasks like these; none below {LEAST}. Both as in the table across tasks. Holm p: corrected over "
        "categories, modes and models, by the same unit.",
    )


def missing(comparison: Comparison) -> Table[Missing]:
    """The table of what belongs to the suite and isn't here."""
    of_models = any(row.model for row in comparison.missing)
    return Table(
        title=f"Suite {comparison.suite}: not here",
        rows=comparison.missing,
        names=[
            ("model", lambda r: short_model(r.model) if r.model else "all" if of_models else ""),
            ("category", lambda r: r.category),
            ("data set", lambda r: r.name),
            ("state", lambda r: r.state),
            ("why", lambda r: r.why + (f" (its terms: {r.terms})" if r.terms else "")),
        ],
        brief=False,
    )


# --- sentences ----------------------------------------------------------------------------------------------------

_SAID = {
    HELPS: "helps on {each}",
    HURTS: "hurts on {each}",
    HIGHER: "scores higher on {each}",
    LOWER: "scores lower on {each}",
    NO_EFFECT: "has no clear effect on {each}",
    INCONCLUSIVE: "is inconclusive on {each}",
    NOT_ESTIMABLE: "can't be estimated on {each}",
}
_CLEAR = (HELPS, HURTS, HIGHER, LOWER)


def main_categories(comparison: Comparison) -> list[Category]:
    """Return the rows of each model's main mode against its first baseline."""
    pairs = {row.pair for row in main_rows(comparison)}
    return [row for row in comparison.categories if row.pair in pairs]


def sentences(comparison: Comparison) -> list[str]:
    """Return one sentence for each model: what its main mode does in which categories, all questions counting alike."""
    rows = [row for row in main_categories(comparison) if row.unit == QUESTION]
    models = list(dict.fromkeys(row.model for row in rows))
    return [_sentence(comparison, [row for row in rows if row.model == model], len(models) > 1) for model in models]


def _sentence(comparison: Comparison, rows: Sequence[Category], several: bool) -> str:
    mode = comparison.facts_of(rows[0].mode).label or rows[0].mode
    said = []
    for verdict, clause in _SAID.items():
        found = [row for row in rows if row.verdict == verdict]
        if found:
            said.append(clause.format(each=listed([_told(row, first=not place) for place, row in enumerate(found)])))
    who = f" for {short_model(rows[0].model)}" if several else ""
    return f"By category ({comparison.suite}), {mode}{who} {'; '.join(said)}."


def _told(row: Category, *, first: bool) -> str:
    """Say how much it is in a category. first: of those with the same verdict, which names the unit."""
    inside = ends(row.delta, signed=True)
    if row.verdict in _CLEAR:
        size = f"{abs(100 * (row.delta.value or 0.0)):.1f}{' points' if first else ''}"
        return f"{row.category} by {size} ({inside}{f'; {row.why}' if row.why else ''})"
    why = f"; {row.why}" if row.why else ""
    return f"{row.category} ({points(row.delta.value)}, {inside}{why})"


def lacking(comparison: Comparison) -> list[str]:
    """Return what of the suite isn't here, in a sentence; none where all of it is."""
    said = []
    for state, called in ((LEFT_OUT, "left out"), (NOT_RUN, "not in these runs"), (NOT_THERE, "not in cotbench")):
        names = dict.fromkeys(
            row.name + (f" by {short_model(row.model)}" if row.model else "")
            for row in comparison.missing
            if row.state == state
        )
        if names:
            said.append(f"{called}: {', '.join(names)}")
    return [f"Not here of the suite {comparison.suite}: {'; '.join(said)}."] if said else []
