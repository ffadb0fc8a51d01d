"""Votes that stop early: a table, and a sentence for each vote arm."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.stopping import StoppedVote
from cotbench.modes.stopping import ADAPTIVE
from cotbench.report import words
from cotbench.report.columns import MODE, N, Table
from cotbench.report.words import DASH, difference, ends, percent, points


def rule_of(row: StoppedVote) -> str:
    """Say by which rule a vote stops, as an arm's name does."""
    return f"adaptive, {row.level:g}" if row.rule == ADAPTIVE else f"windows of {row.level:g}"


def stopped_votes(comparison: Comparison) -> Table[StoppedVote]:
    """Each rule over the recorded paths of each vote arm."""
    return Table(
        title="Votes that stop early, from recorded paths",
        rows=comparison.stopped_votes,
        names=[*MODE, ("stops", rule_of)],
        figures=[
            N,
            ("paths", lambda r: f"{r.paths:.1f} of {r.of}"),
            ("tokens", lambda r: words.tokens(r.tokens) if r.tokens is not None else DASH),
            ("saved %", lambda r: percent(r.saving.value)),
            ("unchanged %", lambda r: percent(r.unchanged.value, 2)),
            ("95% interval", lambda r: ends(r.unchanged)),
            ("right %", lambda r: percent(r.accuracy)),
            ("of all paths", lambda r: percent(r.full)),
            ("difference", lambda r: difference(r.delta)),
            ("above a plain vote", lambda r: difference(r.over_plain)),
        ],
        about="What a rule would have done, on the mean over the orders of the paths that are on record; nobody was "
        "asked. paths: that it draws. unchanged: of votes, the share that is what all paths give in the same order. "
        "difference: in points, to the vote of all paths. above a plain vote: which draws as many paths for every "
        "question. It is no forecast for other questions than these, or another model's paths.",
    )


def sentences(comparison: Comparison) -> list[str]:
    """Say of each vote arm which rule saves most and leaves 99% of its votes as they are; or that none does."""
    arms: dict[tuple[str, str, str], list[StoppedVote]] = {}
    for row in comparison.stopped_votes:
        arms.setdefault((row.model, row.task, row.mode), []).append(row)
    several = len({model for model, _, _ in arms}) > 1
    out = []
    for (model, task, mode), rows in arms.items():
        who = f"{comparison.facts_of(mode).label or mode} on {task}"
        who += f" for {words.short_model(model)}" if several else ""
        saving = [row for row in rows if row.enough and (row.saving.value or 0.0) > 0]
        if not saving:
            out.append(f"{who}: no rule that stops early leaves 99% of the votes of {rows[0].of} paths as they are.")
            continue
        best = max(saving, key=lambda row: row.saving.value or 0.0)
        out.append(
            f"{who} would have had {percent(best.unchanged.value)}% of its votes unchanged with {best.paths:.1f} of "
            f"{best.of} paths ({rule_of(best)}), which saves {percent(best.saving.value)}% of its tokens; its accuracy "
            f"differs by {points(best.delta.value)} points ({ends(best.delta, signed=True)}; n = {best.n:,})."
        )
    return out
