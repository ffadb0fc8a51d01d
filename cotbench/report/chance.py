"""What intervals take as drawn at random, in words: questions, what shares a passage, or subjects. No arithmetic."""

from __future__ import annotations

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import Delta
from cotbench.analysis.pairing import SUBJECT
from cotbench.report.words import count


def new_subjects(delta: Delta) -> str:
    """Return what stands behind a number of questions where the interval is for new subjects, else ""."""
    return f" in {count(delta.clusters)} subjects, for new ones" if delta.unit == SUBJECT else ""


def legend(comparison: Comparison) -> str:
    """Return the sentences of a legend on what intervals take as drawn: only of what this report has."""
    rows = comparison.modes
    said = []
    if any(row.unit == "cluster" for row in rows):
        said.append("Questions that share a passage are one draw (a cluster).")
    if any(row.strata for row in rows):
        said.append(
            "A task's subjects or types are all there, so how they differ from each other is no error (strata); "
            "--generalise subject is for new ones."
        )
    if comparison.generalise:
        said.append(
            "A task's subjects or types are taken as a sample of subjects (--generalise subject): intervals and tests "
            "are for new subjects like these, so they are wider than those for this benchmark."
        )
    return " ".join(said)
