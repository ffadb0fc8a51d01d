"""Placebos of a thought: a table, and a sentence for each thought."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Interval
from cotbench.analysis.placebo import MOST, Placebo
from cotbench.report import words
from cotbench.report.columns import MODE, Column, N, Table
from cotbench.report.words import DASH, difference, listed, p_value, percent, points, short_model

SMALL = 0.05  # p


def placebo(comparison: Comparison) -> Table[Placebo]:
    """Each placebo beside the thought and the answer at once."""
    rows = comparison.placebos
    whole = {row.key: row.n for row in rows if row.tag == ALL}
    baselines: Sequence[Column[Placebo]] = (("thought of", lambda r: r.of), ("at once", lambda r: r.baseline))
    return Table(
        title="Placebos: is it the thought?",
        rows=[row for row in rows if row.tag == ALL or (row.n and row.n != whole[row.key])],
        names=[*MODE, *baselines, ("questions", lambda r: words.side_label(comparison, r.tag))],
        figures=[
            N,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("thought's %", lambda r: percent(r.thought.value)),
            ("at once %", lambda r: percent(r.direct.value)),
            ("thought less this", lambda r: difference(r.lost)),
            ("p", lambda r: p_value(r.lost.p)),
            ("Holm p", lambda r: p_value(r.p_holm)),
            ("keeps of the gain", _kept),
        ],
        about="Each arm has the prompt of the answer at once, and something begun for the model in the place of an "
        "arm's thought: the thought itself (a control), as many tokens of dots, another question's thought, or its own "
        "sentences in another order. thought less this: paired, in points, on the questions that all three decided. "
        "keeps of the gain: this less the answer at once, over the thought less the answer at once, with Fieller's "
        "interval; below 0 where it is worse than nothing, and not estimable where the thought's gain isn't clear of "
        "zero. Holm p: over the placebos, the control apart.",
    )


def _kept(row: Placebo) -> str:
    return f"{share_of(row.share)} ({share_ends(row.share)})" if row.share.value is not None else "not estimable"


def share_of(share: Interval) -> str:
    """Write a share of a gain in percent."""
    return DASH if share.value is None else f"{100 * share.value:.0f}%".replace("-", "−")


def share_ends(share: Interval) -> str:
    """Write the ends of a share's interval in percent."""
    if share.low is None or share.high is None:
        return ""
    low, high = (f"{100 * end:.0f}".replace("-", "−") for end in (share.low, share.high))
    return f"{low} to {high}"


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return for each thought what its placebos keep of its gain, and what that says."""
    found: dict[tuple[str, str, str], list[Placebo]] = {}
    for row in comparison.placebos:
        if row.tag == ALL and row.n:
            found.setdefault((row.model, row.task, row.of), []).append(row)
    several = len({model for model, *_ in found}) > 1
    return [_sentence(comparison, rows, several=several) for rows in found.values()]


def _sentence(comparison: Comparison, rows: Sequence[Placebo], *, several: bool) -> str:
    first = rows[0]
    who = f" for {short_model(first.model)}" if several else ""
    thought = comparison.facts_of(first.of).label or first.of
    if all(row.share.value is None for row in rows):
        gain = points(first.gain.value)
        return f"What {thought} gains on {first.task}{who} ({gain} points) isn't clear of zero: no share of it is told."
    told = [
        f"{comparison.facts_of(row.mode).label or row.mode} keeps {share_of(row.share)} ({share_ends(row.share)})"
        for row in rows
        if row.share.value is not None
    ]
    said = [text for row in rows if (text := _meaning(row))]
    if _LOST in said:
        said = [_LOST]  # then a low share of the others says nothing
    return f"Of {thought}'s {points(first.gain.value)} points on {first.task}{who}, {listed(told)}{_behind(said)}."


def _behind(said: Sequence[str]) -> str:
    return f": {'; '.join(said)}" if said else ""


_LOST = "the thought fed back doesn't restore it, so the others say little"
_IS_NOT = {
    "dots": "it is the thought, not its length",
    "foreign": "it is this question's thought, not that there is one",
    "order": "the order of its steps matters",
}
_MAY_BE = {
    "dots": "most of it comes with tokens alone",
    "foreign": "most of it comes with any question's thought",
    "order": "its steps do most of it in any order",
}


def _meaning(row: Placebo) -> str:
    """Say what a share means, "" where it means nothing clear."""
    low, high = row.share.low, row.share.high
    if low is None or high is None:
        return ""
    if row.control:
        return "" if high >= 1 or low > MOST else _LOST
    if high < MOST and (row.p_holm or 0.0) < SMALL and (row.lost.value or 0.0) > 0:
        return _IS_NOT.get(row.placebo, "")
    return _MAY_BE.get(row.placebo, "") if low > MOST else ""
