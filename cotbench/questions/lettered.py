"""Options as people write them, and which of them a gold names: by its letter, its number or its text."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cotbench.errors import TaskError
from cotbench.questions.columns import INDEX, NOT, Columns, Hints
from cotbench.questions.golds import EACH
from cotbench.questions.readers import MISSING, Choices, as_list, has_options, value_of
from cotbench.questions.understood import File
from cotbench.types import LETTERS, AnswerType

Row = Mapping[str, Any]
_MARKS = (("|", r"(?:^|\|)\s*([^|]+?)\s*(?=\||$)"), ("\n", r"^\s*(\S.*?)\s*$"), (";", r"(?:^|;)\s*([^;]+?)\s*(?=;|$)"))
_LABEL = r"^\s*\(?[A-Z][).:]\s*"  # "A) " before an option


@dataclass(frozen=True, kw_only=True)
class Lettered:
    """The options of each row, none where it has none, and where they stand, as a task file says it."""

    options: Sequence[Sequence[str]]
    choices: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ReadingOfLetters:
    """How golds that name options are read. choices: what a task file says of the options on top. remarks: what the
    user should know."""

    kind: str
    reader: str
    choices: Mapping[str, Any] = field(default_factory=dict)
    remarks: Sequence[str] = ()


def options_of(columns: Columns, rows: Sequence[Row], *, as_they_are: bool) -> Lettered:
    """Find the options of rows, and where they stand. as_they_are: letters that they begin with are left to them."""
    taken = columns.taken.get("choices", ())
    if not taken:
        return Lettered(options=[[] for _ in rows], choices={})
    choices: dict[str, Any] = {"columns": list(taken)} if len(taken) > 1 else {"column": taken[0]}
    if columns.shuffled:
        choices["shuffle"] = True
    if len(taken) == 1:
        choices = _in_one(taken[0], [value for row in rows if (value := value_of(row, taken[0])) is not MISSING])
    where = Choices.model_validate(choices)
    options: list[list[str]] = []
    for row in rows:
        try:
            options.append([str(one) for one in where.taken(row)] if has_options(where, row) else [])
        except ValueError:
            options.append(["", ""])  # told where the row is read
    labelled = any(options) and all(_labelled(one) for one in options if one)
    if labelled and not as_they_are and where.drop is None:
        choices["drop"] = _LABEL
        options = [[re.sub(_LABEL, "", option) for option in one] for one in options]
    return Lettered(options=options, choices=choices if any(options) else {})


def _in_one(column: str, values: Sequence[Any]) -> dict[str, Any]:
    """How the options stand in one column: a list, an object of lists, a list of objects, a text."""
    whole = [value for value in values if value not in ("", [], {})]
    objects = [value[0] if isinstance(value, list) else value for value in whole if value]
    if whole and all(isinstance(one, Mapping) for one in objects):
        text = next(
            (part for part in ("text", "texts", "option", "value", "content") if all(part in one for one in objects)),
            "",
        )
        label = next(
            (part for part in ("label", "labels", "key", "letter", "id") if all(part in one for one in objects)), ""
        )
        if text:
            return {"column": f"{column}.{text}", **({"labels": f"{column}.{label}"} if label else {})}
    if whole and all(isinstance(value, str) for value in whole):
        where = Choices(column=column)
        if any(isinstance(where.taken_of(value), str) for value in whole):
            for mark, pattern in _MARKS:
                if all(mark in value.strip() for value in whole):
                    labelled = all(_labelled(value.strip().split(mark)) for value in whole)
                    return {"column": column, "each": pattern, **({"drop": _LABEL} if labelled else {})}
    return {"column": column}


def _labelled(options: Sequence[str]) -> bool:
    """Whether options begin with their letters: "A) x", "B) y"."""
    stripped = [option.strip().lstrip("(") for option in options if option.strip()]
    return all(
        option[:1] == letter and option[1:2] in (")", ".", ":")
        for option, letter in zip(stripped, LETTERS, strict=False)
    )


def reading_of_letters(
    found: Lettered,
    places: Sequence[int],
    values: Sequence[Any],
    hints: Hints,
    file: File,
    *,
    documented: bool,
) -> ReadingOfLetters:
    """How the golds of rows with options are read. places: of these rows. file: theirs.
    documented: the columns are called as cotbench documents them, so that JSON's numbers are counted from 0. Raises
    TaskError where a number may mean several options."""
    own = [values[place] for place in places]
    options = [found.options[place] for place in places]
    lists = [as_list(value) for value in own]
    if own and all(isinstance(value, list) for value in lists):
        return _several(lists, options, hints)
    kind = hints.kind if hints.kind not in (None, EACH) else AnswerType.LETTER
    if found.choices.get("labels") is not None:
        return ReadingOfLetters(kind=str(kind), reader="label")
    whole = [_whole(value) for value in own]
    if not own or any(number is None for number in whole):
        return ReadingOfLetters(kind=str(kind), reader="letter", remarks=_as_text(own, options, places, file))
    numbers = [number for number in whole if number is not None]
    reader, remark = _counted(numbers, own, options, places, hints, file, documented=documented)
    return ReadingOfLetters(kind=str(kind), reader=reader, remarks=[remark] if remark else [])


def _several(own: Sequence[Any], options: Sequence[Sequence[str]], hints: Hints) -> ReadingOfLetters:
    """Lists that name the right options: their indices, or true and false for each of them."""
    flags = all(
        len(value) == len(choices) and all(flag in (0, 1) for flag in value)
        for value, choices in zip(own, options, strict=True)
    )
    counts = [sum(map(int, value)) if flags else len(value) for value in own]
    named = None if hints.kind == EACH else hints.kind
    kind = named or (AnswerType.LETTER if all(count == 1 for count in counts) else AnswerType.LETTERS)
    letters = all(isinstance(one, str) and not one.strip().isdecimal() for value in own for one in value)
    listed = "lists of letters" if letters else "lists of indices, counted from 0"
    how = "true or false for each option" if flags else listed
    return ReadingOfLetters(kind=str(kind), reader="flags" if flags else "indices", remarks=[f"answers are {how}"])


def _whole(value: Any) -> int | None:
    """The whole number that a gold is; tables keep 1 as 1.0."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return int(value) if value == value // 1 else None
    text = value.strip().removesuffix(".0") if isinstance(value, str) else ""
    return int(text) if text.isascii() and text.isdecimal() else None


def _as_text(own: Sequence[Any], options: Sequence[Sequence[str]], places: Sequence[int], file: File) -> list[str]:
    """What is told where the letter of an option is the text of another one."""
    for value, choices, place in zip(own, options, places, strict=True):
        letter = str(value).strip().upper()
        known = len(letter) == 1 and letter in LETTERS[: len(choices)]
        if known and letter in choices and choices[LETTERS.index(letter)] != letter:
            return [f"answers are letters, also where an option says another one ({file.line(place)})"]
    return []


def _counted(
    numbers: Sequence[int],
    own: Sequence[Any],
    options: Sequence[Sequence[str]],
    places: Sequence[int],
    hints: Hints,
    file: File,
    *,
    documented: bool,
) -> tuple[str, str]:
    """The reader of golds that are whole numbers, and what is told of it. Raises TaskError."""
    readers = {"0": "index", "1": "place", NOT: "letter"}
    if (said := hints.columns.get(INDEX)) is not None:
        return readers[said], ""
    rows = list(zip(numbers, options, places, strict=True))
    texts = all(choices.count(str(number)) == 1 for number, choices, _ in rows)
    first = next((place for number, _, place in rows if number == 0), None)
    last = next((place for number, choices, place in rows if number == len(choices)), None)
    outside = any(not 0 <= number <= len(choices) for number, choices, _ in rows)
    both = first is not None and last is not None
    can_be_index = not outside and not both
    if texts and (not can_be_index or all(isinstance(value, str) for value in own)):
        return "letter", "answers are the texts of options"
    if texts and can_be_index:
        found = f"{file.at(places[0])}: the answer {numbers[0]} is the text of an option, and may be the number of one"
        raise TaskError(
            f"{found}, as in all rows.", f"Say which: --columns {INDEX}={NOT} (a text), {INDEX}=0 or {INDEX}=1."
        )
    if first is not None and last is not None and not outside:
        from_0, from_1 = (
            f"{file.at(first)}: the answer is 0, as if options were counted from 0",
            f"{file.at(last)}: it is",
        )
        count = next(len(choices) for _, choices, place in rows if place == last)
        remedy = f"Correct one of them, or say how they are counted: --columns {INDEX}=0 or {INDEX}=1."
        raise TaskError(f"{from_0}; {from_1} {count}, the number of the last option as if from 1.", remedy)
    if first is not None:
        return "index", "options are counted from 0"
    if last is not None:
        return "place", f"options are counted from 1 ({file.line(last)} names the last one)"
    if outside or (documented and not any(isinstance(value, str) for value in own)):
        return (
            "index",
            "" if outside else "options are taken as counted from 0: no answer is 0, or the number of options",
        )
    found = f"{file.at(places[0])}: the answer is {numbers[0]}; no answer is 0, and none the number of the last option"
    raise TaskError(
        f"{found}: options may be counted from 0 or from 1.", f"Say which: --columns {INDEX}=0 or {INDEX}=1."
    )
