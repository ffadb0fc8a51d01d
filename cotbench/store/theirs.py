"""theirs.jsonl: what the tool that wrote an imported log made of each output, as it stands in the log. A run that was
made here has no such file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from cotbench.store.files import write_atomically
from cotbench.store.lines import Name, dump_line, no_such_line, read_lines
from cotbench.store.manifest import Manifest
from cotbench.types import Question

THEIRS = "theirs.jsonl"
_REMEDY = "Run `cotbench import` on the logs again."


class Reading(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What one of a tool's readings (a filter, a scorer) made of the outputs of a question.

    metric: the name of what the scores are of. scores: one for each output, or one for all of them together; null where
    there is none. answers: what it read in them; null where it read nothing, or the log doesn't say what."""

    metric: str
    scores: Annotated[tuple[float | None, ...], Meta(description="a list of numbers or nulls")] = ()
    answers: Annotated[tuple[str | None, ...], Meta(description="a list of texts or nulls")] = ()

    def __post_init__(self) -> None:
        if any(score is not None and not math.isfinite(score) for score in self.scores):
            raise ValueError("scores")


class TheirsRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A line: what the tool made of a question under an arm. place: where that stands in its log, for messages.
    readings: by the name that the tool gives each."""

    question: Name
    mode: Annotated[Name, Meta(description="an arm's name")]
    place: str
    readings: Annotated[dict[str, Reading], Meta(description="a mapping for each reading")]


Theirs = dict[tuple[str, str], TheirsRow]  # by question and mode


def write_theirs(folder: Path, rows: Iterable[TheirsRow]) -> None:
    """Replace what the tool made of a run's outputs. Raises RunError."""
    write_atomically(folder / THEIRS, map(dump_line, rows))


def read_theirs(
    folder: Path, manifest: Manifest, questions: Mapping[str, Question]
) -> dict[tuple[str, str], TheirsRow]:
    """Read what the tool made of a run's outputs, by question and mode; {} where no file says it.

    Raises RunError, with file and line, where a line isn't about a question and a mode of this run, or is the second
    one about them."""
    path = folder / THEIRS
    rows: Theirs = {}
    if not path.exists():
        return rows
    asked = dict.fromkeys(manifest.spec.pairs)  # in order, for messages
    for number, row in enumerate(read_lines(path, TheirsRow, remedy=_REMEDY), 1):
        question = questions.get(row.question)
        fault = ""
        if question is None:
            fault = f"question is {row.question!r:.60}, expected one of this run"
        elif (question.task, row.mode) not in asked:
            modes = ", ".join(mode for task, mode in asked if task == question.task)
            fault = f"mode is {row.mode!r:.60}, expected one of this run ({modes or 'none'})"
        elif (row.question, row.mode) in rows:
            fault = f"question {row.question!r:.60} stands there twice for mode {row.mode!r:.60}, expected once"
        if fault:
            raise no_such_line(path, number, fault, _REMEDY)
        rows[row.question, row.mode] = row
    return rows
