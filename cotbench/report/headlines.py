"""The first sentences of a report: the answer, and what else belongs beside it."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.report import budgets, factorial, findings, locked


def headlines(comparison: Comparison) -> list[str]:
    """Return what was fixed before the first token, and a sentence for each pair of modes, each square of thinking and
    prompt, and each curve."""
    fixed = [sentence for one in comparison.locked for sentence in locked.sentences(one, comparison)]
    found = [*findings.texts(findings.findings(comparison)), *findings.alone(comparison)]
    return [*fixed, *found, *factorial.sentences(comparison), *budgets.sentences(comparison)]
