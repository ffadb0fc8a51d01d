"""Exemplars from a file of their own: worked questions, with columns as your questions have (`--exemplars FILE`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cotbench.answers.kinds import KINDS
from cotbench.errors import TaskError, UsageError
from cotbench.questions.columns import OF_QUESTIONS, Columns, Hints, columns_of
from cotbench.questions.data import load_data
from cotbench.questions.files import is_table, shown
from cotbench.questions.own import task_of_rows
from cotbench.questions.readers import MISSING, value_of
from cotbench.questions.tasks import NO_HINTS, Exemplar, Task, TaskFile
from cotbench.types import Question

Row = Mapping[str, Any]


def with_exemplars(file: TaskFile, path: Path, hints: Hints) -> tuple[TaskFile, str]:
    """A task with the exemplars of a file in place of its own, and the identity of that file. Raises TaskError where
    they don't fit, DataError where they can't be read."""
    if file.task.parts:
        found = f"--exemplars: {file.task.name} has parts, each with exemplars of its own"
        raise UsageError(f"{found}.", "Write them into its task file.")
    own = hints.without(*OF_QUESTIONS) if is_table(file.path.name) else NO_HINTS
    of_file = task_of_rows(path, own)
    columns = columns_of(of_file.rows or (), own, shown(path))
    shown_by_kind: dict[str, list[Exemplar]] = {kind: [] for kind in file.task.kinds}
    data = load_data(of_file)
    for question, row in zip(data.questions, of_file.rows or (), strict=True):
        kind = data.kind_of(question)
        if kind not in shown_by_kind:
            known = " and ".join(file.task.kinds)
            found = f"--exemplars: {shown(path)} has answers of the kind {kind}, and {file.task.name} {known}"
            raise TaskError(f"{found}.", "Give exemplars of the same kind, or say which it is: --kind.")
        shown_by_kind[kind].append(_exemplar(question, data.golds[question.id], kind, row, columns))
    task = file.task
    mixed = [one.model_copy(update={"exemplars": shown_by_kind[one.answer.type]}) for one in task.mixed]
    with_them = {"exemplars": shown_by_kind[task.answer.type], "mixed": mixed, "fewshot": None}
    # Made anew, not copied: a copy would keep what the task had worked out of its exemplars.
    made = Task.model_validate({name: getattr(task, name) for name in Task.model_fields} | with_them)
    return replace(file, task=made), f"file {of_file.hash}"


def _exemplar(question: Question, gold: str, kind: str, row: Row, columns: Columns) -> Exemplar:
    """The exemplar that a row is: what is worked out before the answer stands in a column of its own, or before "####"
    or the boxed result."""
    more: dict[str, str] = {}
    for part in ("rationale", "program", "equations"):
        column = columns.one(part)
        value = value_of(row, column) if column else MISSING
        if isinstance(value, str) and value.strip():
            more[part] = value.strip()
    whole = value_of(row, columns.one("answer") or "answer")
    if "rationale" not in more and isinstance(whole, str):
        before, mark, _ = whole.rpartition("####")
        if (mark or r"\boxed" in whole) and (worked := (before if mark else whole).strip()):
            more["rationale"] = worked
    lettered = KINDS[kind].has_choices and KINDS[kind].lettered
    choices = list(question.choices) if lettered else []
    return Exemplar(question=question.text, choices=choices, answer=KINDS[kind].right(gold, question.choices), **more)
