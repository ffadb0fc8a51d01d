"""Starting points that a user goes on from: a task file for their file of questions, a template for a mode of theirs.

What is written works as it stands; comments say what can be changed."""

from __future__ import annotations

import json
import re
import textwrap
from pathlib import Path
from typing import Any

import yaml

from cotbench.errors import TaskError, UsageError
from cotbench.questions.columns import Hints
from cotbench.questions.files import read_rows, shown
from cotbench.questions.own import task_of_rows
from cotbench.questions.readers import Choices, Text
from cotbench.questions.tasks import Task, TaskFile, read_task_file
from cotbench.store.files import is_there, replace_file

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,59}")


def write(path: Path, text: str, *, force: bool) -> None:
    """Write a file for a user. Raises UsageError where there is one and force isn't given, or it can't be written."""
    if is_there(path) and not force:
        raise UsageError(f"{shown(path)} is there already.", "Nothing was written. --force replaces it.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, [text.encode()])
    except OSError as error:
        found = f"{shown(path)}: can't be written: {error.strerror or error}."
        raise UsageError(found, "Choose another folder.") from None


def check_name(name: str) -> str:
    """A name that may be that of a file. Raises UsageError for another."""
    if not _NAME.fullmatch(name):
        found = f"a name is made of letters, digits, '_', '.' and '-', found {name!r:.60}"
        raise UsageError(f"{found}.", "As in my-task.")
    return name


# --- a task file --------------------------------------------------------------------------------------------------


def task_file_of(path: Path, hints: Hints, name: str | None, folder: Path) -> tuple[str, str, TaskFile]:
    """The name and the text of a task file for a file of questions, and the task of the latter.

    folder: where the task file is to be. Raises the errors of `task_of_rows`."""
    found = task_of_rows(path, hints)
    if not found.rows:
        raise TaskError(f"{shown(path)} has no rows.", "Give a file with at least one question.")
    called = check_name(name) if name is not None else found.task.name
    try:
        beside = path.absolute().relative_to(folder.absolute())
    except ValueError:
        beside = path.absolute()
    return called, _text(found, called, str(beside)), found


def _text(found: TaskFile, name: str, file: str) -> str:
    """The text of a task file, with comments."""
    task = found.task
    blank = len(read_rows(found.path)) - len(found.rows or ())
    understood = "\n".join(f"#   {line}" for line in found.understood)
    parts = [
        f"# A task over {found.path.name}, as cotbench understood it:\n{understood}\n"
        f"# Try it: cotbench doctor --task {name}.yaml. All keys are described in docs/adding.md.",
        _yaml(name=name)
        + (
            ""
            if name == task.name
            else f"# (Ids of questions begin with the name; those of {found.path.name} with {task.name}.)\n"
        )
        + _yaml(about=task.about),
        "# rows: how many there must be, so that a file that was changed or cut is told.\n"
        + _yaml(source={"file": file, "rows": len(found.rows or ()) + blank}),
        "# Where things stand in a row: a column's name, or a mapping that says what to do with it.\n"
        "# group: kinds of questions that are told apart; cluster: questions that share something.\n"
        + "fields:\n"
        + textwrap.indent(_yaml(**_fields(task)), "  "),
        "# How a gold is read, and how the last line of a reply gives the answer: a kind, or\n"
        "# {type: .., form: .., phrase: ..} with words of your own.\n"
        + _yaml(gold_reader=task.gold_reader, answer=str(task.answer.type)),
    ]
    if blank:
        why = "have no value"
        out = {"column": task.fields.question[-1].column, "pattern": "^$", "rows": blank, "why": why}
        parts.append(_yaml(leave_out=[out]))
    if task.mixed:
        mixed = [{"answer": str(one.answer.type), "gold_reader": one.gold_reader} for one in task.mixed]
        how = f"its column {task.fields.kind.of}" if task.fields.kind is not None else "its options and its gold"
        parts.append(f"# Each question has a kind of its own, told by {how}.\n" + _yaml(mixed=mixed))
    parts.append(_exemplars(task))
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def _yaml(**keys: Any) -> str:
    def dumped(key: str, value: Any) -> str:
        flow = None if isinstance(value, dict | list) else False  # a line for each key of a mapping's own
        return str(
            yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, default_flow_style=flow, width=110)
        )

    return "".join(dumped(key, value) for key, value in keys.items())


def _fields(task: Task) -> dict[str, Any]:
    """What a task file says of the columns, in as few words as it takes."""
    fields = task.fields
    several = {"question": [_where(one) for one in fields.question], "gold": [_where(one) for one in fields.gold]}
    said: dict[str, Any] = {key: value[0] if len(value) == 1 else value for key, value in several.items()}
    if fields.choices is not None:
        said["choices"] = _choices(fields.choices)
    if fields.group is not None:
        said["group"] = _where(fields.group)
    if fields.cluster:
        said["cluster"] = _where(fields.cluster[0])
    if fields.kind is not None:
        said["kind"] = _where(fields.kind)
    return said


def _where(where: Text) -> Any:
    return where.column if where.is_plain else where.model_dump(exclude_defaults=True)


def _choices(where: Choices) -> Any:
    said = where.model_dump(exclude_defaults=True)
    return said["column"] if list(said) == ["column"] else said


def _exemplars(task: Task) -> str:
    """Exemplars to be written, as a comment."""
    lettered = task.fields.choices is not None
    first = [f"  - question: {json.dumps('A question like yours')}"]
    first += (
        ['    choices: ["one option", "another"]'] if lettered and task.answer.type in ("letter", "letters") else []
    )
    first += [
        "    rationale: How one gets to the answer, as cot is shown it.",
        "    answer: " + ("A" if task.answer.type in ("letter", "letters") else "the answer"),
    ]
    lines = ["exemplars:", *first]
    return "# Exemplars, for --num-fewshot:\n" + "".join(f"# {line}\n" for line in lines)


def checked_task(path: Path) -> None:
    """Read a task file that was written, so that what isn't valid is told now. Raises TaskError."""
    read_task_file(path)
