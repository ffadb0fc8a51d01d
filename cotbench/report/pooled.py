"""Differences over several tasks as a table and as a sentence. No arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.analysis.meta import LEAST
from cotbench.analysis.pooled import DIFFERENCE, QUESTION, TASK, Pooled
from cotbench.analysis.verdicts import CLEAR, HELPS, HIGHER, HURTS, INCONCLUSIVE, LOWER, NO_EFFECT
from cotbench.report import words
from cotbench.report.columns import Column, Table
from cotbench.report.glance import shown_rules
from cotbench.report.words import count, ends, p_value, points, short_model

FAMILIES = {ALL: "all tasks", SYMBOLIC: "math and symbolic tasks", OTHER: "other tasks"}


OVER_TASKS: Sequence[Column[Any]] = (  # figures of a difference over several tasks
    ("delta", lambda r: points(r.delta.value)),
    ("95% interval", lambda r: ends(r.delta, signed=True)),
    ("p", lambda r: p_value(r.delta.p)),
    ("Holm p", lambda r: p_value(r.p_holm)),
    ("another task", lambda r: ends(r.predicted, signed=True)),
)


def pair_of(rows: Sequence[Pooled]) -> tuple[str, Column[Any]]:
    """Return what rows are against, in words, and the column that names their modes."""
    baselines = list(dict.fromkeys(row.baseline for row in rows))
    if len(baselines) == 1:
        return baselines[0], ("mode", lambda r: r.mode)
    return "the baseline", ("mode", lambda r: f"{r.mode} − {r.baseline}")


def across_tasks(comparison: Comparison) -> Table[Pooled]:
    """The table of all pairs of modes over all tasks and families of them; of the main mode also sides of tags."""
    rules = shown_rules(comparison)
    main = {row.pair for row in main_rows(comparison)}
    rows = [
        row
        for row in comparison.pooled
        if row.delta.value is not None and (not row.rule or (row.rule in rules and row.pair in main))
    ]
    against, mode = pair_of(rows)
    return Table(
        title=f"Across tasks: differences against {against}, in points",
        rows=rows,
        names=[
            ("model", lambda r: short_model(r.model)),
            mode,
            ("over", lambda r: over(comparison, r)),
            ("unit", units),
        ],
        figures=[
            *OVER_TASKS,
            ("share of gain %", _share),
        ],
        about=f"{_families(rows)}questions: all count alike, for these tasks, stratified by task (MOVER on the tasks' "
        "own intervals). tasks: each is one unit, for tasks like these, of which they are taken for a fair sample "
        "(variance between tasks by Paule and Mandel, modified interval of Hartung and Knapp on k − 1 degrees of "
        f"freedom); none below {LEAST}. another task: where the difference on one more task like these would lie, 95% "
        "of the time. share of gain: what part of the sum of all questions' differences is on the first side. Holm p: "
        "corrected over the rows about the same side by the same unit. Means by inverse variance, also by REML, tau² "
        "and I² are in across_tasks.csv and report.json.",
    )


def over(comparison: Comparison, row: Pooled) -> str:
    """Say over what a row is."""
    if row.side == DIFFERENCE:
        return "difference of the two"
    if not row.rule:
        return FAMILIES[row.side]
    said = words.of_questions(comparison, row.side, row.rule)
    return f"questions {said}" if said.startswith("with") else f"questions {said} ({row.rule})"


def units(row: Pooled) -> str:
    """Say what counts alike in a row, and how many there are."""
    return f"{count(row.n)} questions" if row.unit == QUESTION else f"{row.k} tasks"


def main_rows(comparison: Comparison) -> list[Pooled]:
    """Return the rows, over tasks and families of them, of each model's main mode against its first baseline."""
    found: list[Pooled] = []
    for model in dict.fromkeys(row.model for row in comparison.pooled):
        own = [row for row in comparison.pooled if row.model == model and not row.rule]
        baseline = next((name for name in comparison.baselines if any(row.baseline == name for row in own)), None)
        own = [row for row in own if row.baseline == (baseline or own[0].baseline)]
        modes = list(dict.fromkeys(row.mode for row in own))
        mode = next((mode for mode in modes if comparison.facts_of(mode).main), modes[0])
        found += [row for row in own if row.mode == mode]
    return found


def _share(row: Pooled) -> str:
    if row.share.value is None:
        return words.DASH
    if row.share.low is None:
        return "total near 0"
    return f"{100 * row.share.value:.0f} ({ends(row.share, digits=0)})".replace("-", "−")


def _families(rows: Sequence[Pooled]) -> str:
    """Say which tasks are in which family, "" where there is only one."""
    named = {row.side: ", ".join(row.tasks) for row in rows if not row.rule and row.side in (SYMBOLIC, OTHER)}
    return "".join(f"{FAMILIES[side]}: {tasks}. " for side, tasks in named.items())


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return one sentence for each model that has two tasks or more: what its main mode adds over all of them, on the
    math and symbolic ones and on the others."""
    rows = main_rows(comparison)
    models = list(dict.fromkeys(row.model for row in rows))
    return [_sentence(comparison, [row for row in rows if row.model == model], len(models) > 1) for model in models]


def _sentence(comparison: Comparison, rows: Sequence[Pooled], several: bool) -> str:
    by_place = {(row.side, row.unit): row for row in rows}
    questions, tasks = by_place[ALL, QUESTION], by_place[ALL, TASK]
    mode = comparison.facts_of(questions.mode).label or questions.mode
    who = mode + (f" for {short_model(questions.model)}" if several else "")
    doubt = f"; but {_but(questions.why)}" if questions.verdict in (HIGHER, LOWER) else ""
    known = tasks.delta.value is not None
    whole = (DIFFERENCE, TASK) in by_place and by_place[DIFFERENCE, TASK].delta.value is not None
    if known and (whole or tasks.verdict in CLEAR):
        unit = TASK if whole else QUESTION
        return f"Over {tasks.k} tasks {who} {_does(tasks)}{_apart(by_place, unit, told=not whole)}{doubt}."
    said = f"On the {questions.n:,} questions of {len(questions.tasks)} tasks {who} {_does(questions)}"
    others = ""
    if known and questions.verdict in CLEAR:
        others = f"; for other tasks that isn't clear ({points(tasks.delta.value)}, {ends(tasks.delta, signed=True)})"
    return f"{said}{_apart(by_place, QUESTION)}{others}{doubt}."


def _but(why: str) -> str:
    """Say what casts doubt on a difference."""
    return f"this is {why}" if why.startswith("a difference of") else why


_DOES = {
    HELPS: "adds {size} points ({inside})",
    HURTS: "costs {size} points ({inside})",
    HIGHER: "scores {size} points higher ({inside})",
    LOWER: "scores {size} points lower ({inside})",
    NO_EFFECT: "has no clear effect ({points} points, {inside})",
    INCONCLUSIVE: "has an effect of {points} points ({inside}) that is inconclusive: {why}",
}


def _does(row: Pooled) -> str:
    """Say what a mode does, by the verdict on it."""
    said = {"size": f"{abs(100 * (row.delta.value or 0.0)):.1f}", "points": points(row.delta.value), "why": row.why}
    return _DOES[row.verdict].format_map(said | {"inside": ends(row.delta, signed=True)})


def _apart(by_place: Mapping[tuple[str, str], Pooled], unit: str, *, told: bool = False) -> str:
    """Say what the families have, by a unit; "" where there is only one family. told: whether to say by which."""
    if (DIFFERENCE, unit) not in by_place:
        return ""
    first, other, between = (by_place[side, unit] for side in (SYMBOLIC, OTHER, DIFFERENCE))
    by = "all questions counting alike, " if told else ""
    sizes = [f"the {len(row.tasks)} " if len(row.tasks) > 1 else "the one " for row in (first, other)]
    ones = f"{sizes[0]}math and symbolic {'ones' if len(first.tasks) > 1 else 'task'}"
    others = f"{sizes[1]}other{'s' if len(other.tasks) > 1 else ''}"
    clear = (
        ""
        if between.verdict in CLEAR
        else f": inconclusive, {between.why}"
        if between.verdict == INCONCLUSIVE
        else ": not clear"
    )
    differ = f"difference {points(between.delta.value)}, {ends(between.delta, signed=True)}{clear}"
    return f": {by}{points(first.delta.value)} on {ones}, {points(other.delta.value)} on {others} ({differ})"
