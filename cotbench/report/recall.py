"""What arms were shown, as tables and in words. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.recall import FOUND, LACKING, Recall, Support
from cotbench.modes.context import RETRIEVED
from cotbench.report.columns import MODE, PAIR, Column, N, Table
from cotbench.report.words import DASH, count, ends, p_value, percent, points, short_model


def recall(comparison: Comparison) -> Table[Recall]:
    """What each arm was shown."""
    scored = any(row.score.value is not None for row in comparison.recalls)
    of_score: list[Column[Recall]] = [
        ("score %", lambda r: percent(r.score.value)),
        ("95% interval", lambda r: ends(r.score)),
    ]
    split: list[Column[Recall]] = [
        ("score, found %", lambda r: percent(r.score_found)),
        ("score, lacking %", lambda r: percent(r.score_lacking)),
    ]
    return Table(
        title="Passages: what arms were shown of what answers rest on",
        rows=comparison.recalls,
        names=MODE,
        figures=[
            N,
            ("shown", lambda r: DASH if r.shown is None else f"{r.shown:.1f}"),
            ("recall %", lambda r: percent(r.recall.value)),
            ("95% interval", lambda r: ends(r.recall)),
            ("all found %", lambda r: percent(r.all_found.value)),
            ("95% interval", lambda r: ends(r.all_found)),
            ("right %", lambda r: percent(r.right.value)),
            ("95% interval", lambda r: ends(r.right)),
            *(of_score if scored else ()),
            ("n found", lambda r: count(r.n_found)),
            ("right, found %", lambda r: percent(r.right_found.value)),
            ("n lacking", lambda r: count(r.n_lacking)),
            ("right, lacking %", lambda r: percent(r.right_lacking.value)),
            *(split if scored else ()),
        ],
        about="shown: passages in the prompt. recall: of the passages that a question's answer rests on, as the data "
        "set says, the share that was shown, averaged over questions. all found: questions of which all were. right, "
        "found; right, lacking: accuracy on these, and on the others. Which questions these are is decided by what "
        "finds the passages, not by chance: easier ones may be found more often."
        + (" score: the mean score, as F1 of text answers is." if scored else ""),
    )


def support(comparison: Comparison) -> Table[Support]:
    """What arms change where all was shown that the answer rests on, and where not."""
    return Table(
        title="Differences by whether all that the answer rests on was shown, in points",
        rows=comparison.supports,
        names=[*PAIR, ("support", lambda r: r.support)],
        figures=[
            N,
            ("delta", lambda r: points(r.delta.value) if r.n else "not estimable"),
            ("95% interval", lambda r: ends(r.delta, signed=True)),
            ("helped", lambda r: count(r.helped if r.n else None)),
            ("hurt", lambda r: count(r.hurt if r.n else None)),
            ("p", lambda r: p_value(r.delta.p)),
        ],
        about=f"Both arms were shown the same passages. {FOUND}: with all that the answer rests on; {LACKING}: without "
        "some of it. p: not corrected for many tests.",
        brief=False,
    )


def sentences(comparison: Comparison) -> list[str]:
    """Return how much of what answers rest on was retrieved, once for arms that share it."""
    said: dict[tuple[str, str, str], Recall] = {}
    for row in comparison.recalls:
        if row.context.startswith(RETRIEVED):
            said.setdefault((row.model, row.task, row.context), row)
    several = len({row.model for row in said.values()}) > 1
    return [_sentence(row, several) for row in said.values()]


def _sentence(row: Recall, several: bool) -> str:
    where = f"{row.task} for {short_model(row.model)}" if several else row.task
    return (
        f"Retrieval on {where} ({row.n:,} questions; {row.context}): {percent(row.recall.value)}% of the passages that "
        f"answers rest on were found ({ends(row.recall)}), and all of them for {percent(row.all_found.value)}% of "
        f"questions ({ends(row.all_found)})."
    )
