"""The verdicts of the tools that wrote imported logs, beside ours: tables and sentences. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.agreement import Disagreement, TheirArm, TheirDelta
from cotbench.analysis.compare import Comparison
from cotbench.analysis.theirs import OTHER_ANSWERS, SAME_ANSWER, THEY_READ_NOTHING, UNCLEAR, WE_READ_NOTHING
from cotbench.report.columns import MODE, PAIR, Column, N, Table
from cotbench.report.words import DASH, NOT_RECORDED, count, difference, ends, percent, points, short_model

MOST_LISTED = 10  # disagreements of an arm and a cause, in a table; the CSV file has all
_CAUSES = {
    "they_read_nothing": THEY_READ_NOTHING,
    "we_read_nothing": WE_READ_NOTHING,
    "other_answers": OTHER_ANSWERS,
    "same_answer": SAME_ANSWER,
    "unclear": UNCLEAR,
}
_READING: Column[TheirArm] = ("their reading", lambda r: _named(r.reading, default=r.default))


def _named(reading: str, *, default: bool) -> str:
    return f"{reading or DASH}{' *' if default else ''}"


def their_arms(comparison: Comparison) -> Table[TheirArm]:
    """How far their verdicts and ours agree, arm by arm and reading by reading."""
    return Table(
        title="Their verdicts beside ours",
        rows=comparison.their_arms,
        names=[*MODE, _READING],
        figures=[
            N,
            ("agree %", lambda r: percent(r.agreement.value)),
            ("95% interval", lambda r: ends(r.agreement)),
            ("kappa", lambda r: DASH if r.kappa is None else f"{r.kappa:.2f}".replace("-", "−")),
            ("printed %", lambda r: NOT_RECORDED if r.printed is None else percent(r.printed)),
            ("theirs %", lambda r: percent(r.accuracy)),
            ("ours %", lambda r: percent(r.ours)),
            ("unread, theirs", lambda r: NOT_RECORDED if r.their_unread is None else count(r.their_unread)),
            ("ours", lambda r: count(r.our_unread)),
        ],
        about="n: outputs with a verdict by both. agree: right by both or by neither, with a Wilson interval. kappa: "
        "Cohen's. printed: the figure in the log; theirs: the mean of the log's scores; ours: our accuracy on the same "
        "questions. unread: of all outputs, by their reading and by ours. *: the tool's verdict where no reading is "
        "named.",
    )


def their_causes(comparison: Comparison) -> Table[TheirArm]:
    """On how many outputs which verdict is right, and why they differ."""
    columns: list[Column[TheirArm]] = [
        (title, lambda r, name=name: count(getattr(r, name)))  # type: ignore[misc]
        for name, title in _COLUMNS.items()
    ]
    return Table(
        title="Where their verdicts and ours differ, and why",
        rows=comparison.their_arms,
        names=[*MODE, _READING],
        figures=[
            ("both right", lambda r: count(r.both_right)),
            ("only theirs", lambda r: count(r.only_theirs)),
            ("only ours", lambda r: count(r.only_ours)),
            ("neither", lambda r: count(r.both_not)),
            *columns,
        ],
        about="only theirs, only ours: right by one verdict alone. These are, by what was read: we only: they read "
        "nothing, and we did; they only: we read nothing, and they did; other: both read, and not the same; same: both "
        "read the same, and judged it otherwise; unclear: the log doesn't say what was read, or the two can't be "
        "compared at once.",
    )


_COLUMNS = {
    "they_read_nothing": "we only",
    "we_read_nothing": "they only",
    "other_answers": "other",
    "same_answer": "same",
    "unclear": "unclear",
}


def their_deltas(comparison: Comparison) -> Table[TheirDelta]:
    """What arms change under their verdicts, and under ours."""
    return Table(
        title="Differences under their verdicts and under ours, in points",
        rows=comparison.their_deltas,
        names=[*PAIR, ("their reading", _readings)],
        figures=[
            N,
            ("theirs", lambda r: difference(r.theirs)),
            ("ours", lambda r: difference(r.ours)),
            ("bounds, theirs", lambda r: NOT_RECORDED if r.read_n is None else ends(r.bounds, signed=True)),
            ("bounds, ours", lambda r: ends(r.ours_bounds, signed=True)),
        ],
        about="Paired, on the questions with a verdict by both in both arms, with the intervals that our differences "
        "have. bounds: if all unread answers counted right in one arm and wrong in the other. *: the tool's verdicts "
        "where no reading is named.",
    )


def their_read(comparison: Comparison) -> Table[TheirDelta]:
    """The same on the questions of which both arms were read."""
    return Table(
        title="Differences on questions that were read in both arms, in points",
        rows=comparison.their_deltas,
        names=[*PAIR, ("their reading", _readings)],
        figures=[
            ("n, by them", lambda r: NOT_RECORDED if r.read_n is None else count(r.read_n)),
            ("theirs", lambda r: difference(r.read)),
            ("n, by us", lambda r: count(r.ours_read_n)),
            ("ours", lambda r: difference(r.ours_read)),
            ("n, by both", lambda r: NOT_RECORDED if r.common_n is None else count(r.common_n)),
            ("theirs", lambda r: difference(r.common_theirs)),
            ("ours", lambda r: difference(r.common_ours)),
        ],
        about="Questions of which an answer was read in both arms: by them, by us, and by both. Which these are is "
        "decided by how the arms write, not by chance. *: the tool's verdicts where no reading is named.",
    )


def _readings(row: TheirDelta) -> str:
    both = row.reading if row.reading == row.reading_baseline else f"{row.reading}, {row.reading_baseline}"
    return _named(both, default=row.default)


def disagreements(comparison: Comparison) -> Table[Disagreement]:
    """The first outputs on which their verdict and ours differ, of each arm and cause."""
    shown: list[Disagreement] = []
    seen: dict[tuple[str, ...], int] = {}
    for row in comparison.disagreements:
        key = (row.model, row.task, row.mode, row.cause)
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= MOST_LISTED:
            shown.append(row)
    left = len(comparison.disagreements) - len(shown)
    more = f" {left:,} more are in disagreements.csv: here are {MOST_LISTED} of each arm and cause." if left else ""
    return Table(
        title="Outputs on which their verdict and ours differ",
        rows=shown,
        names=[*MODE, ("question", lambda r: r.question), ("cause", lambda r: r.cause)],
        figures=[
            ("theirs", lambda r: r.theirs),
            ("they read", lambda r: _cell(r.their_answer)),
            ("ours", lambda r: r.ours),
            ("we read", lambda r: _cell(r.our_answer)),
            ("gold", lambda r: _cell(r.gold)),
            ("place", lambda r: r.place),
        ],
        about="Under the tool's verdict where no reading is named. `cotbench show --disagree` lists them all." + more,
        brief=False,
    )


def _cell(text: str | None, most: int = 40) -> str:
    if text is None:
        return DASH
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Say how far their verdicts and ours agree on each task, and what the arms change under either."""
    arms: dict[tuple[str, str], list[TheirArm]] = {}
    for row in comparison.their_arms:
        if row.default and row.agreement.value is not None:
            arms.setdefault((row.model, row.task), []).append(row)
    several = len({model for model, _ in arms}) > 1
    said = []
    for (model, task), rows in arms.items():
        deltas = [r for r in comparison.their_deltas if (r.model, r.task) == (model, task) and r.default and r.n]
        where = f"{task} by {short_model(model)}" if several else task
        said.append(" ".join([_agree(where, rows), *map(_change, deltas)]))
    return said


def _agree(where: str, rows: list[TheirArm]) -> str:
    told = "; ".join(
        f"{row.mode} {percent(row.agreement.value)}%{_mostly(row)}" for row in rows if row.agreement.value is not None
    )
    tools = ", ".join(dict.fromkeys(row.format for row in rows if row.format))
    return f"The log's verdicts on {where}{f' ({tools})' if tools else ''} agree with ours: {told}."


def _mostly(row: TheirArm) -> str:
    """Say of an arm what most of the disagreements are, where that is one thing."""
    differ = row.only_theirs + row.only_ours
    name, most = max(((name, getattr(row, name)) for name in _CAUSES), key=lambda pair: pair[1])
    if not differ or name == "unclear" or 2 * most <= differ:
        return ""
    return f" (of the {differ:,} others, {_CAUSES[name]} in {most:,})"


def _change(row: TheirDelta) -> str:
    read = ""
    if row.common_n and row.common_n < row.n:
        theirs, ours = points(row.common_theirs.value), points(row.common_ours.value)
        both = f"{theirs} by theirs, {ours} by ours" if theirs != ours else theirs
        read = f"; on the {row.common_n:,} that both read in both arms {both}"
    own = row.ours_bounds
    bounds = "" if own.low == own.high else f"; over all readings of ours {ends(own, signed=True)}"
    return (
        f"{row.mode} − {row.baseline} is {difference(row.theirs)} by theirs and {difference(row.ours)} by ours "
        f"(n = {row.n:,}){read}{bounds}."
    )
