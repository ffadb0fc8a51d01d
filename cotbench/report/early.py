"""After how much of their thoughts the answers of arms stood, as tables and sentences. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cotbench.analysis.compare import Comparison
from cotbench.analysis.early import FURTHER, LOST, Early, EarlyExit, EarlyFree, EarlyPoint, EarlySplit
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC
from cotbench.report import words
from cotbench.report.columns import TASK, Column, N, Table
from cotbench.report.words import count, difference, ends, p_value, percent, short_model

_OF: Sequence[Column[Any]] = (*TASK, ("thoughts of", lambda r: r.of), ("measured by", lambda r: r.mode))


def early_answers(comparison: Comparison) -> Table[Early]:
    """After how much of the thought answers stood, by side of the tag."""
    repeated = any(row.noise is not None for row in comparison.early_answers)
    return Table(
        title="Early answering: after how much of the thought did the answer stand?",
        rows=[row for row in comparison.early_answers if row.n],
        names=[*_OF, ("questions", lambda r: _side(comparison, r.tag))],
        figures=[
            N,
            ("area %", lambda r: percent(r.area.value)),
            ("95% interval", lambda r: ends(r.area)),
            ("settled at 0 %", lambda r: percent(r.settled_at_0.value)),
            ("settled at, quartiles", _quartiles),
            ("unsettled %", lambda r: percent(r.unsettled)),
            ("wasted tokens", lambda r: words.tokens(r.wasted_tokens.value)),
            ("of the thought %", lambda r: percent(r.wasted_share.value)),
            ("abandoned %", lambda r: percent(r.abandoned.value)),
            ("other at the end %", lambda r: percent(r.disagreement.value)),
            *([("repeats differ %", lambda r: percent(r.noise))] if repeated else []),
        ],
        about="The thought is cut, and the answer is begun behind each cut. area: over the curve: how far agreement "
        "with the arm's own answer is below that behind the whole thought, on the mean over the thought; 0: the answer "
        "stood before any of it. settled: from which cut on all answers are the arm's own, where at least "
        f"{FURTHER} more cuts stand behind it; else unsettled, which counts as 100%. wasted: tokens of the thought "
        "behind where it settled; whoever wrote them couldn't know. abandoned: right behind some cut, wrong in the "
        "end; guesses are right now and then, so with many cuts some always are. other at the end: behind all of the "
        "thought the answer isn't the arm's own: what beginning it does by itself, which the area leaves out. "
        "Questions without an answer of the arm's own are left out."
        + (" repeats differ: the chance that of two repeats one is right and the other isn't." if repeated else ""),
    )


def _side(comparison: Comparison, tag: str) -> str:
    return "all" if tag == ALL else words.side_label(comparison, tag)


def _quartiles(row: Early) -> str:
    quarters = (row.settled_p25, row.settled_p50, row.settled_p75)
    return " / ".join(percent(value, 0) for value in quarters)


def early_points(comparison: Comparison) -> Table[EarlyPoint]:
    """What was answered behind each cut."""
    return Table(
        title="Early answering: what was answered behind each cut",
        rows=[row for row in comparison.early_points if row.tag == ALL],
        names=[*_OF, ("cut at %", lambda r: percent(r.cut, 0))],
        figures=[
            N,
            ("tokens", lambda r: words.tokens(r.tokens)),
            ("own answer %", lambda r: percent(r.agrees.value)),
            ("95% interval", lambda r: ends(r.agrees)),
            ("right %", lambda r: percent(r.right.value)),
            ("95% interval", lambda r: ends(r.right)),
            ("settled %", lambda r: percent(r.settled)),
        ],
        about="tokens: of the thought before the cut, the mean. own answer: it is the arm's own. settled: at this cut "
        "or before. early-points.csv has the sides of the tag, too.",
        brief=False,
    )


def early_splits(comparison: Comparison) -> Table[EarlySplit]:
    """How the sides of the tag differ."""
    return Table(
        title="Early answering: symbolic less other questions, in points",
        rows=comparison.early_splits,
        names=_OF,
        figures=[
            ("n symbolic", lambda r: count(r.n_symbolic)),
            ("n other", lambda r: count(r.n_other)),
            ("area", lambda r: difference(r.area)),
            ("p", lambda r: p_value(r.area.p)),
            ("thought behind the settled point", lambda r: difference(r.behind)),
            ("p", lambda r: p_value(r.behind.p)),
        ],
        about="Differences of means between different questions, which differ in more than the tag; p isn't corrected "
        "for many arms.",
        brief=False,
    )


def early_exits(comparison: Comparison) -> Table[EarlyExit]:
    """What leaving thoughts early would bring."""
    return Table(
        title="Early answering: what if a thought were left once its answer is likely?",
        rows=comparison.early_exits,
        names=[*_OF, ("threshold", _threshold)],
        figures=[
            N,
            ("left %", lambda r: percent(r.left)),
            ("tokens saved %", lambda r: percent(r.saved.value)),
            ("95% interval", lambda r: ends(r.saved)),
            ("right %", lambda r: percent(r.accuracy)),
            ("difference", lambda r: difference(r.change)),
            ("answers tried", lambda r: f"{r.tries:.1f}"),
        ],
        about="A thought is left at the first cut behind which the answer's probability reaches the threshold: of an "
        "option's letter among all letters, else the geometric mean of its tokens. chosen: on other questions than it "
        f"is scored on (five folds, twenty times), the threshold that saves most and loses at most {100 * LOST:.0f} "
        "point there; in brackets what it is on all questions. tokens saved: of the thought's, without what the "
        "answers that are tried take. Other rows stand for thresholds that are fixed beforehand.",
        brief=False,
    )


def _threshold(row: EarlyExit) -> str:
    value = "none" if row.threshold is None else f"{row.threshold:g}"
    return f"chosen ({value})" if row.chosen else value


def early_free(comparison: Comparison) -> Table[EarlyFree]:
    """Where thoughts would have gone from their cuts."""
    return Table(
        title="Early answering: at the cut, and where the thought would have gone",
        rows=comparison.early_free,
        names=[*_OF, ("cut at %", lambda r: percent(r.cut, 0))],
        figures=[
            N,
            ("same answer %", lambda r: percent(r.same.value)),
            ("95% interval", lambda r: ends(r.same)),
            ("right at the cut %", lambda r: percent(r.right_at_cut)),
            ("right gone on %", lambda r: percent(r.right_freely)),
            ("difference", lambda r: difference(r.change)),
            ("ends as the arm %", lambda r: percent(r.own)),
        ],
        about="Of a share of the questions the cut thoughts were gone on with to their own ends, as the arm is asked. "
        "same answer: the one begun at the cut is that of the thought that went on. ends as the arm: the thought that "
        "went on has the arm's own answer; where nothing is drawn at random that is all but the engine's rounding.",
        brief=False,
    )


def sentences(comparison: Comparison) -> list[str]:
    """Say of each arm after how much of its thought its answers stood."""
    rows = [row for row in comparison.early_answers if row.n and row.tag == ALL]
    several = len({row.model for row in rows}) > 1
    return [_sentence(comparison, row, several) for row in rows]


def _sentence(comparison: Comparison, row: Early, several: bool) -> str:
    who = f"{row.of} on {row.task}" + (f" for {short_model(row.model)}" if several else "")
    at = "before any of it" if row.settled_p50 == 0 else f"after {percent(row.settled_p50, 0)}% of it"
    half = (
        "half of the answers stand " + at if (row.settled_p50 or 0) < 1 else "most answers don't stand before its end"
    )
    sides = {
        other.tag: other
        for other in comparison.early_answers
        if other.n and (other.model, other.task, other.mode) == (row.model, row.task, row.mode)
    }
    split = ""
    if SYMBOLIC in sides and OTHER in sides:
        areas = [percent(sides[tag].area.value) for tag in (SYMBOLIC, OTHER)]
        split = f" ({areas[0]}% on symbolic questions, {areas[1]}% on others)"
    wasted = "" if row.wasted_share.value is None else f"; {percent(row.wasted_share.value)}% of its tokens come behind"
    noise = ""
    if row.noise is not None:
        noise = (
            f" Behind all of it {percent(row.disagreement.value)}% answer otherwise than the arm; two repeats of the "
            f"arm differ in being right on {percent(row.noise)}%."
        )
    return f"{who}: {half} (n = {row.n:,}){wasted}. Area over the curve: {percent(row.area.value)}%{split}.{noise}"
