"""The first sentences of a report: the answer, and what else belongs beside it."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.report import budgets, factorial, words


def headlines(comparison: Comparison) -> list[str]:
    """Return a sentence for each pair of modes, each square of thinking and prompt, and each curve."""
    return [*words.headlines(comparison), *factorial.sentences(comparison), *budgets.sentences(comparison)]
