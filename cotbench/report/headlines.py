"""The first sentences of a report: the answer, and what else belongs beside it."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.report import between, budgets, cost, factorial, findings, locked, pooled, scored, twins, weighted


def headlines(comparison: Comparison) -> list[str]:
    """Return what was fixed before the first token, and a text for each pair of arms, each square of thinking and
    prompt, and each curve."""
    found = [*pooled.sentences(comparison), *findings.texts(findings.findings(comparison)), *findings.alone(comparison)]
    said = [*fixed(comparison), *found, *scored.sentences(comparison), *twins.sentences(comparison), *apart(comparison)]
    return [*said, *cost.sentences(comparison), *curves(comparison)]


def fixed(comparison: Comparison) -> list[str]:
    """Return what was fixed before the first token, and what came of it."""
    return [sentence for one in comparison.locked for sentence in locked.sentences(one, comparison)]


def apart(comparison: Comparison) -> list[str]:
    """Return how two models differ, and what holds in a user's own mix of questions."""
    return [*between.sentences(comparison), *weighted.sentences(comparison)]


def curves(comparison: Comparison) -> list[str]:
    """Return what squares of thinking and prompt say, and curves of a setting."""
    return [*factorial.sentences(comparison), *budgets.sentences(comparison)]
