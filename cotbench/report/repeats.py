"""Arms that were repeated: tables of their noise and of differences over repeats, and sentences. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL
from cotbench.analysis.repeats import Noise, RepeatedDelta, in_words
from cotbench.report import words
from cotbench.report.columns import MODE, N, Table
from cotbench.report.words import DASH, difference, ends, p_value, percent, points

FIRST = "Other figures are of the first repeat."


def noises(comparison: Comparison) -> Table[Noise]:
    """What repeats say of each arm."""
    return Table(
        title="Noise: what repeats of an arm change",
        rows=[row for row in comparison.noises if row.tag == ALL],
        names=[*MODE, ("noise", lambda r: r.kind), ("over", lambda r: in_words(r.replicates, r.wordings))],
        figures=[
            N,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("SE", lambda r: percent(r.accuracy.se, 2)),
            ("flipped %", lambda r: percent(r.flipped)),
            ("two differ %", lambda r: percent(r.disagree.value)),
            ("questions", lambda r: _variance(r.between_questions)),
            ("wordings", lambda r: _variance(r.between_wordings)),
            ("question x wording", lambda r: _variance(r.question_by_wording)),
            ("replicates", lambda r: _variance(r.within)),
            ("all right %", lambda r: percent(r.reliable_all)),
            ("90%", lambda r: percent(r.reliable_90)),
            ("most", lambda r: percent(r.reliable_most)),
        ],
        about="noise: numeric where a greedy arm was asked again, sampling where a drawn one was, wording where its "
        "instruction was put otherwise, too. right: the mean over repeats; SE holds questions, replicates and "
        "wordings. flipped: questions that are right in some repeats and not in others; two differ: the chance that "
        "two repeats do. questions, wordings, question x wording, replicates: variances of single answers, in 0..0.25, "
        "by the method of moments; below 0 by chance. all right, 90%, most: questions that are right in all repeats, "
        f"in 90% of them, in more than half. Over questions with a verdict in every repeat. {FIRST}",
    )


def _variance(value: float | None) -> str:
    return DASH if value is None else f"{round(value, 4) + 0.0:.4f}".replace("-", "−")


def repeated(comparison: Comparison) -> Table[RepeatedDelta]:
    """The differences over repeats."""
    families = comparison.families
    family = " and, on sides, ".join(families[name] for name in ("repeated", "repeated_arms") if name in families)
    whole = {row.key: row.n or None for row in comparison.repeated if row.tag == ALL}
    return Table(
        title="Differences over repeats, in points",
        rows=[row for row in comparison.repeated if row.tag == ALL or row.n != whole[row.key]],
        names=[
            *MODE,
            ("against", lambda r: r.baseline),
            ("questions", lambda r: words.side_label(comparison, r.tag)),
            ("over", lambda r: in_words(r.replicates, r.wordings)),
        ],
        figures=[
            N,
            ("difference", lambda r: difference(r.delta)),
            ("SE", lambda r: percent(r.delta.se, 2)),
            ("p", lambda r: p_value(r.delta.p)),
            ("Holm p", lambda r: p_value(r.p_holm)),
            ("verdict", lambda r: r.verdict),
            ("flipped %", lambda r: percent(r.flipped)),
            ("baseline's", lambda r: percent(r.flipped_baseline)),
            ("all right", lambda r: difference(r.reliable_all)),
            ("90%", lambda r: points(r.reliable_90.value)),
            ("most", lambda r: points(r.reliable_most.value)),
            ("SE from questions %", lambda r: percent(r.share_questions, 0)),
            ("wordings %", lambda r: percent(r.share_wordings, 0)),
            ("replicates %", lambda r: percent(r.share_replicates, 0)),
        ],
        about="difference: of the means over repeats, each wording and replicate against the baseline's own, with an "
        "interval that is also for other replicates and, where there are several, other wordings; t of as many degrees "
        f"of freedom as few wordings leave. Holm p: corrected over {family}. all right, 90%, most: by how much the "
        "share of questions that are right in all repeats, in 90% of them, in more than half is larger. SE from: what "
        "share of the difference's variance comes from which questions, wordings and replicates were taken.",
    )


# --- sentences ----------------------------------------------------------------------------------------------------


def over(comparison: Comparison, key: tuple[str, str, str, str]) -> str:
    """Say over which repeats a headline's difference is; "" where over one."""
    row = next((r for r in comparison.repeated if r.key == key and r.tag == ALL and r.n), None)
    return "" if row is None else in_words(row.replicates, row.wordings)


def sentences(comparison: Comparison) -> list[str]:
    """Return that differences are over repeats, how much these differ, and what would make them surer."""
    rows = [row for row in comparison.repeated if row.tag == ALL and row.n]
    if not rows:
        return []
    first = rows[0]
    alike = all((row.replicates, row.wordings) == (first.replicates, first.wordings) for row in rows)
    number = in_words(first.replicates, first.wordings) if alike else "several repeats"
    said = [f"Differences above are over {number}, since a single one is arbitrary; {FIRST[0].lower()}{FIRST[1:]}"]
    several = len({row.model for row in rows}) > 1
    for row in rows[:MOST]:
        who = f" for {words.short_model(row.model)}" if several else ""
        label, base = (comparison.facts_of(arm).label or arm for arm in (row.mode, row.baseline))
        more = f" {row.advice}" if row.advice else ""
        said.append(
            f"{label} on {row.task}{who}: {percent(row.flipped)}% of the questions flip between repeats "
            f"({base}: {percent(row.flipped_baseline)}%); right in all of them: "
            f"{points(row.reliable_all.value)} points ({ends(row.reliable_all, signed=True)}) against "
            f"{base}.{more}"
        )
    return said


MOST = 3  # arms of which sentences are said; the table has all
