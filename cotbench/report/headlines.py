"""The first sentences of a report: the answer, and what else belongs beside it."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.report import (
    agreement,
    beside,
    between,
    budgets,
    cascade,
    categories,
    chosen,
    cost,
    early,
    factorial,
    findings,
    locked,
    placebo,
    pooled,
    recall,
    repeats,
    scored,
    stopping,
    twins,
    weighted,
)


def headlines(comparison: Comparison) -> list[str]:
    """Return what was fixed before the first token, and a text for each pair of arms, each square of thinking and
    prompt, and each curve."""
    over = [*categories.sentences(comparison), *pooled.sentences(comparison)]
    own = findings.texts(findings.findings(comparison))
    own += placebo.sentences(comparison)
    found = [*over, *own, *agreement.sentences(comparison), *beside.sentences(comparison), *alone(comparison)]
    found += repeats.sentences(comparison)
    said = [*fixed(comparison), *found, *scored.sentences(comparison), *twins.sentences(comparison), *apart(comparison)]
    sparing = [*early.sentences(comparison), *cascade.sentences(comparison), *stopping.sentences(comparison)]
    return [*said, *cost.sentences(comparison), *sparing, *curves(comparison)]


def fixed(comparison: Comparison) -> list[str]:
    """Return what was fixed before the first token, and what came of it."""
    return [sentence for one in comparison.locked for sentence in locked.sentences(one, comparison)]


def alone(comparison: Comparison) -> list[str]:
    """Return what belongs beside the answer: what of a suite isn't here, and what is of one arm by itself."""
    return [*categories.lacking(comparison), *findings.alone(comparison)]


def apart(comparison: Comparison) -> list[str]:
    """Return how two models differ, and what holds in a user's own mix of questions."""
    return [*between.sentences(comparison), *weighted.sentences(comparison)]


def curves(comparison: Comparison) -> list[str]:
    """Return what squares of two factors say, how much was retrieved, curves of a setting, and what turned where an
    arm answers again."""
    squares, shown = factorial.sentences(comparison), recall.sentences(comparison)
    return [*squares, *shown, *budgets.sentences(comparison), *chosen.sentences(comparison)]
