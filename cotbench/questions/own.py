"""A user's own file of questions -> `TaskFile`: which columns hold what, of which kind answers are, and what was
understood of it, in words.

What is clear from the file is taken and told; what isn't is an error that says how to say it. Files with `question`,
`answer` and optional `choices` are asked as they always were.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cotbench.answers.kinds import KINDS
from cotbench.errors import DataError, TaskError, UsageError, suggest
from cotbench.questions.columns import Hints, columns_of, lacks
from cotbench.questions.files import content_of, read_table, shown, told, unit_of
from cotbench.questions.golds import (
    EACH,
    READERS_OF_EACH,
    Reading,
    kind_of_gold,
    reading_as,
    reading_of_all,
)
from cotbench.questions.lettered import Lettered, options_of, reading_of_letters
from cotbench.questions.readers import MISSING, has_column, value_of
from cotbench.questions.tasks import NO_HINTS, Task, TaskFile
from cotbench.questions.understood import File, in_full, in_words, repeated, unlike
from cotbench.store.files import is_file, kind_of

Row = Mapping[str, Any]


def task_of_rows(path: Path, hints: Hints = NO_HINTS) -> TaskFile:
    """The task of a user's file of questions. Raises TaskError, DataError or UsageError, which say what isn't clear, or
    which rows (the first five) can't be asked.

    Where there are choices, answers are letters, indices, or the text of an option. Else they are numbers if every
    answer is one; yes or no; LaTeX where any looks like a formula; texts otherwise, of which a list holds several that
    are right."""
    if not is_file(path):
        kind = kind_of(path)
        found = f"{path} is {kind}, expected a file" if kind else f"there is no file {path}"
        remedy = "Give the path of a file with the keys question, answer and, if you like, choices."
        raise TaskError(f"--task: {found}.", remedy)
    if hints.kind is not None and hints.kind not in (*KINDS, EACH):
        known = [*KINDS, EACH]
        raise UsageError(
            f"--kind: there is no kind '{hints.kind}'.",
            suggest(hints.kind, known, always=f"Known: {', '.join(known)}."),
        )
    rows, notes = read_table(path)
    blank = [number for number, row in rows if all(value is None for value in row.values()) and row]
    rows = [(number, row) for number, row in rows if number not in set(blank)] if blank else rows
    columns = columns_of([row for _, row in rows], hints, shown(path))
    file = File(
        path=path, rows=[row for _, row in rows], lines=[number for number, _ in rows], columns=columns, hints=hints
    )
    _check_keys(file)
    made = _made(file)
    if blank:
        first = f"{unit_of(path).strip(': ') or 'line'} {blank[0]:,}"
        notes = (*notes, f"{len(blank):,} row{'s' * (len(blank) != 1)} without any value left out ({first})")
    return _told(file, made, notes)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """The task of a file. kinds: of each row. remarks: what the user should know of how golds are read."""

    task: TaskFile
    kinds: Sequence[str]
    remarks: Sequence[str]


def _check_keys(file: File) -> None:
    """Refuse a file of which rows, or all of them, have no question or answer. Raises TaskError."""
    faults, remedy = (
        [],
        "Each line needs `question` and `answer`; `choices` is optional. --columns names other columns.",
    )
    for role in ("question", "answer"):
        if role not in file.columns.taken:
            names = dict.fromkeys(str(name) for row in file.rows for name in row)
            if file.rows:
                raise lacks(role, names, file.at(0))
            continue
        for column in file.columns.taken[role]:
            absent = [place for place, row in enumerate(file.rows) if not has_column(row, column)]
            faults += [(place, f"{file.at(place)}: the key '{column}' is missing.") for place in absent]
    if faults:
        raise TaskError(told([fault for _, fault in sorted(faults)]), remedy)


def _gold_column(file: File) -> str:
    """The column of the answers, or the part of it that holds them where it holds objects."""
    column = file.columns.one("answer") or "answer"
    values = [value_of(row, column) for row in file.rows]
    if values and all(isinstance(value, Mapping) for value in values):
        for part in ("text", "value", "answer"):
            if all(part in value for value in values):
                return f"{column}.{part}"
    return column


def _made(file: File) -> _Made:
    """Decide how the rows of a file are read and asked."""
    columns, gold = file.columns, _gold_column(file)
    values = [value_of(row, gold) for row in file.rows]
    lettered = options_of(columns, file.rows, as_they_are=_documented(file, gold))
    with_options = [bool(options) for options in lettered.options]
    there = [value for value, options in zip(values, with_options, strict=True) if not options and value is not MISSING]
    remarks: list[str] = []
    kinds: dict[str, str] = {}  # kind -> gold reader
    of_rows = [""] * len(values)
    said = _said_kinds(file)
    if any(with_options) and not (file.hints.kind and not KINDS.get(file.hints.kind, KINDS["letter"]).has_choices):
        places = [place for place, options in enumerate(with_options) if options]
        letters = reading_of_letters(lettered, places, values, file.hints, file, documented=_documented(file, gold))
        remarks += letters.remarks
        lettered = replace(lettered, choices={**lettered.choices, **letters.choices})
        kinds[letters.kind] = letters.reader
        for place in places:
            of_rows[place] = letters.kind
    elif any(with_options):
        remarks.append(f"options are not shown: --kind {file.hints.kind} has none")
        lettered = Lettered(options=[[] for _ in values], choices={})
        there = [value for value in values if value is not MISSING]
    open_places = [place for place, kind in enumerate(of_rows) if not kind]
    if any(with_options) and not said:
        _check_forgotten(file, open_places, values)
    if open_places or not values:
        for reading, of_kind in _open(file, open_places, values, there, said):
            kinds[reading.kind] = reading.reader
            for place in of_kind:
                of_rows[place] = reading.kind
        remarks += unlike(file, open_places, of_rows, values)
    return _Made(task=_task_file(file, gold, kinds, lettered, said), kinds=of_rows, remarks=remarks)


def _check_forgotten(file: File, places: Sequence[int], values: Sequence[Any]) -> None:
    """Refuse rows without options whose answers are letters, where others have options. Raises TaskError."""
    faults = [
        f"{file.at(place)}: has no options, and its answer is a letter ({values[place]!r:.20}); others have options."
        for place in places
        if isinstance(values[place], str) and re.fullmatch(r"\(?[A-Ja-j][).:]?", values[place].strip())
    ]
    if faults:
        raise TaskError(told(faults), "Give them their options, or put open questions into another file.")


def _documented(file: File, gold: str) -> bool:
    """Whether a file is as cotbench documents it: then a number that names an option is counted from 0."""
    return gold == "answer" and file.columns.taken.get("choices") == ("choices",) and not file.hints.columns


def _said_kinds(file: File) -> bool:
    """Whether a column of the file says of which kind each answer is."""
    column = file.columns.one("kind")
    values = [value_of(row, column) for row in file.rows] if column else []
    known = [value for value in values if isinstance(value, str) and value in KINDS]
    if "kind" in file.hints.columns and len(known) < len(values):
        place = next(place for place, value in enumerate(values) if not (isinstance(value, str) and value in KINDS))
        found = (
            f"{file.at(place)}: its kind ({column}) is {values[place]!r:.60}"
            if values[place] is not MISSING
            else f"{file.at(place)}: it has no kind ({column})"
        )
        raise TaskError(f"{found}.", f"Kinds of answers: {', '.join(KINDS)}.")
    return bool(values) and len(known) == len(values) and file.hints.kind is None


def _open(
    file: File, places: Sequence[int], values: Sequence[Any], there: Sequence[Any], said: bool
) -> Iterable[tuple[Reading, Sequence[int]]]:
    """How the golds of rows without options are read; which rows are of which kind."""
    kind = file.hints.kind
    if said:
        column = file.columns.one("kind") or ""
        of_kind: dict[str, list[int]] = {}
        for place in places:
            of_kind.setdefault(str(value_of(file.rows[place], column)), []).append(place)
        return [(reading_as(kind, [values[p] for p in own]), own) for kind, own in of_kind.items()]
    if kind == EACH:
        each: dict[str, list[int]] = {}
        for place in places:
            each.setdefault(kind_of_gold(values[place]), []).append(place)
        return [(Reading(kind, READERS_OF_EACH[kind]), own) for kind, own in each.items()]
    if kind is not None and KINDS[kind].has_choices:
        first = file.at(places[0]) if places else shown(file.path)
        remedy = "Say which columns hold them: --columns choices=COLUMN, or choices=A+B+C."
        raise TaskError(f"{first}: has no options, and answers of the kind '{kind}' name one.", remedy)
    return [(reading_of_all(there) if kind is None else reading_as(kind, there), places)]


def _task_file(file: File, gold: str, kinds: Mapping[str, str], lettered: Lettered, said: bool) -> TaskFile:
    """Make the task of a file. kinds: of its answers, and how golds of each are read."""
    columns, path = file.columns, file.path
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path.stem).strip("_") or "questions"
    passage = columns.one("passage") if _is_text(file, columns.one("passage")) else None
    questions: list[Any] = [*([{"column": passage, "optional": True}] if passage else [])]
    questions += columns.taken.get("question", ("question",))
    fields: dict[str, Any] = {"question": questions[0] if len(questions) == 1 else questions, "gold": gold}
    fields |= {role: columns.one(role) for role in ("group", "cluster") if role in columns.taken}
    if passage and "cluster" not in fields:
        fields["cluster"] = passage
    if lettered.choices:
        fields["choices"] = lettered.choices
    # The budget of an answer line is that of the task's own kind: the one that needs most of them.
    first, *others = sorted(kinds, key=lambda kind: -KINDS[kind].line_tokens)
    if others and said:
        fields["kind"] = columns.one("kind")
    content = {
        "name": name,
        "about": f"questions of {path.name}",
        "source": {"file": path.name},
        "fields": fields,
        "gold_reader": kinds[first],
        "answer": first,
        "mixed": [{"answer": kind, "gold_reader": kinds[kind]} for kind in others],
    }
    try:
        task = Task.model_validate(content)
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        remedy = "Say otherwise what columns hold or which kind answers are (--columns, --kind), or write a task file."
        raise TaskError(f"{shown(path)}: {reason}.", remedy) from None
    digest = hashlib.sha256(content_of(path))
    if identity := file.hints.identity:
        digest.update(b"\x00" + identity.encode())
    return TaskFile(task=task, path=path, hash=digest.hexdigest()[:16], rows=tuple(file.rows), lines=tuple(file.lines))


def _is_text(file: File, column: str | None) -> bool:
    """Whether a column holds texts, or nothing, in every row: lists of passages are none."""
    values = [value_of(row, column) for row in file.rows] if column else []
    return bool(values) and all(value is MISSING or isinstance(value, str) for value in values)


def _told(file: File, made: _Made, notes: Sequence[str]) -> TaskFile:
    """The task with what was understood of its file. Raises DataError, which names the rows that can't be asked."""
    from cotbench.questions.data import examined

    asked, golds, faults = examined(made.task)
    if faults:
        raise DataError(told([fault.message for fault in faults]), faults[0].hint)
    if not file.rows:
        return made.task
    with_passage = any(where.optional for where in made.task.task.fields.question)
    again = repeated(file, asked, golds)
    brief = in_words(file, made.kinds, with_passage, [*notes, *made.remarks], again)
    note = f"{file.path.name}: {'; '.join(brief)}."
    return replace(made.task, note=note, understood=(*brief, *in_full(file, with_passage)))
