"""What the lint of the arms found, as a table."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.lint import Unsaid
from cotbench.report import words
from cotbench.report.columns import Table


def unsaid(comparison: Comparison) -> Table[Unsaid]:
    """Return the findings, one a row."""
    return Table(
        title="What the names of the arms don't say",
        rows=comparison.unsaid,
        names=[
            ("model", lambda r: words.short_model(r.model)),
            ("task", lambda r: ", ".join(r.tasks)),
            ("the arms", lambda r: r.text),
        ],
        about="What was asked is compared between all arms that stand side by side: prompts and exemplars, how replies "
        "are drawn, begun and gone on with, thinking, engine and versions. What a mode or a setting in a name means by "
        "itself isn't told. Such a difference may make part of a difference in accuracy.",
    )
