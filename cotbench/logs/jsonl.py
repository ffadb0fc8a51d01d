"""Any file of JSON lines: its keys are said by `--field question=prompt,gold=target,output=completion`.

A key is a column's name, or a path into nested objects and lists with points ("messages.0.content"). A list of outputs
is the repeats of one question. Where questions and right answers stand in another file, `questions` names it, and lines
are joined by their id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.errors import DataError, UsageError, suggest
from cotbench.logs.lines import REMEDY, Skip, first_row, rows_of
from cotbench.logs.log import Log, Sample, Theirs
from cotbench.types import Completion, FinishReason, Message

if TYPE_CHECKING:
    from cotbench.logs.formats import ReadOptions

NAME = "jsonl"
READING = "log"  # what the one reading of such a file is called
# The parts that a field may be of, and where each stands in many files.
PARTS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "question_id", "sample_id", "doc_id", "task_id", "idx", "index"),
    "question": ("question", "problem", "query", "prompt", "input"),
    "choices": ("choices", "options"),
    "gold": ("gold", "target", "reference", "ground_truth", "gold_answer", "expected"),
    "output": ("output", "outputs", "completion", "response", "responses", "generation", "prediction"),
    "reasoning": ("reasoning", "reasoning_content", "thinking"),
    "answer": (),
    "verdict": ("verdict", "correct", "is_correct"),
    "prompt": (),
    "group": ("subject", "category"),
    "model": (),
    "finish_reason": ("finish_reason", "stop_reason"),
    "prompt_tokens": ("prompt_tokens",),
    "completion_tokens": ("completion_tokens",),
    "reasoning_tokens": ("reasoning_tokens",),
}
_COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")
_MOST_KEYS = 12  # that a message lists
_OF_QUESTIONS = ("question", "choices", "gold", "group")  # those that a file of questions may hold
_IN_QUESTIONS = {"gold": ("gold", "target", "answer", "reference", "ground_truth", "label")}
_MISSING = object()
_RIGHT, _WRONG = {"true", "correct", "c", "yes", "1", "right"}, {"false", "incorrect", "i", "no", "0", "wrong"}
_CUT = {"length", "max_tokens", "max_new_tokens", "model_length", "truncated"}
_EXAMPLE = "As in --field id=id,question=prompt,gold=target,output=completion."


def tells(path: Path) -> bool:
    """Whether a file holds JSON lines."""
    return path.is_file() and path.name.endswith((".jsonl", ".jsonl.gz", ".ndjson")) and bool(first_row(path))


def read(path: Path, options: ReadOptions) -> Sequence[Log]:
    """The log that a file is. Raises UsageError where its keys aren't known, DataError where it can't be read."""
    if not path.is_file():
        raise DataError(f"{path}: there is no such file.", "Name a file of JSON lines.")
    first = first_row(path)
    if not first:
        next(iter(rows_of(path)), None)  # raises where the first line isn't an object
        raise DataError(f"{path}: there is no line in it.", "Name a file of JSON lines.")
    beside = Path(options.questions) if options.questions else None
    fields, inferred = _fields(path, first, options.fields, beside)
    told = _at(first, fields["model"]) if "model" in fields else _MISSING
    return [
        Log(
            path=path,
            format=NAME,
            task=_bare(path.name),
            model=told if isinstance(told, str) else "",
            inferred=inferred,
            endings="finish_reason" in fields,
            samples=partial(_samples, path, fields, beside, _pattern(options.answer_pattern)),
        )
    ]


def _bare(name: str) -> str:
    """A file's name without its endings: "gpt-3.5_cot.jsonl.gz" is gpt-3.5_cot."""
    for ending in (".gz", ".jsonl", ".json"):
        name = name.removesuffix(ending)
    return name


def _fields(
    path: Path, first: Mapping[str, Any], given: Mapping[str, str], beside: Path | None
) -> tuple[dict[str, str], dict[str, str]]:
    """Where each part stands, and what of it was inferred from the first line."""
    for part in given:
        if part not in PARTS:
            remedy = suggest(part, PARTS, f"Known: {', '.join(PARTS)}.", always=_EXAMPLE)
            raise UsageError(f"--field: there is no part '{part}'.", remedy)
    joined = first_row(beside) if beside is not None else {}
    fields, inferred = dict(given), {}
    taken = set(given.values())
    for part, names in PARTS.items():
        if part in fields:
            continue
        if beside is not None and part in _OF_QUESTIONS:
            found = next((name for name in _IN_QUESTIONS.get(part, names) if name in joined), None)
        else:
            found = next((name for name in names if name in first and name not in taken), None)
        if found is not None:
            fields[part] = found
            inferred[f"field {part}"] = f"the key '{found}'"
    needed = ["output", "gold", "question", *(["id"] if beside is not None else [])]
    for part in needed:
        if part not in fields:
            known = ", ".join(map(str, first))
            raise UsageError(f"{path}: which of its keys is the {part}? It has: {known}.", f"Say it. {_EXAMPLE}")
    return fields, inferred


def _at(row: Mapping[str, Any], where: str) -> Any:
    """The value at a column or a path."""
    if where in row:
        return row[where]
    value: Any = row
    for part in where.split("."):
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.lstrip("-").isdecimal() and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        else:
            return _MISSING
    return value


def _samples(
    path: Path, fields: Mapping[str, str], beside: Path | None, pattern: re.Pattern[str] | None, skip: Skip = None
) -> Iterator[Sample]:
    questions = _questions(beside, fields) if beside is not None else None
    for place, row in rows_of(path, skip):
        try:
            yield _sample(place, row, fields, questions, beside, pattern)
        except ValueError as error:
            fault = DataError(f"{place}: {error}.", REMEDY)
            if skip is None:
                raise fault from None
            skip(fault)


def _questions(path: Path, fields: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The rows of a file of questions, by their ids. Raises DataError where two have the same."""
    found: dict[str, dict[str, Any]] = {}
    places: dict[str, str] = {}
    for place, row in rows_of(path):
        key = _at(row, fields["id"])
        if key is _MISSING:
            key = _at(row, "id")
        if key is _MISSING:
            raise DataError(f"{place}: the key '{fields['id']}' is missing.", "Name the key that both files have.")
        if str(key) in found:
            first = places[str(key)]
            raise DataError(f"{place}: its id {key!r:.40} is that of {first} too.", "Give each question its own.")
        found[str(key)], places[str(key)] = row, place
    return found


def _sample(
    place: str,
    row: Mapping[str, Any],
    fields: Mapping[str, str],
    questions: Mapping[str, dict[str, Any]] | None,
    beside: Path | None,
    pattern: re.Pattern[str] | None,
) -> Sample:
    """Raises ValueError, which says what was found instead."""

    def get(part: str) -> Any:
        source = data if part in _OF_QUESTIONS else row
        return _at(source, fields[part]) if part in fields else _MISSING

    name = _at(row, fields["id"]) if "id" in fields else _MISSING
    data = row
    if questions is not None:
        joined = questions.get(str(name))
        if joined is None:
            raise ValueError(f"its id is {name!r:.40}, which no line of {beside} has")
        data = joined
    question, gold, output = get("question"), get("gold"), get("output")
    for part, value in (("question", question), ("gold", gold), ("output", output)):
        if value is _MISSING or (value is None and part != "output"):
            keys = list(data if part in _OF_QUESTIONS else row)[:_MOST_KEYS]
            there = f"; --field names another one (there are {', '.join(keys)})" if value is _MISSING and keys else ""
            raise ValueError(f"the key '{fields[part]}' ({part}) is missing{there}")
    outputs = output if isinstance(output, list) and not _is_chat(output) else [output]
    golds = gold if isinstance(gold, list) else [gold]
    finished = _each(get("finish_reason"), len(outputs))
    thoughts = _each(get("reasoning"), len(outputs))
    counts = {part: _each(get(part), len(outputs)) for part in _COUNTS}
    paths = tuple(
        _completion(text, finished[at], thoughts[at], {name: _count(each[at]) for name, each in counts.items()})
        for at, text in enumerate(outputs)
    )
    choices = get("choices")
    group = get("group")
    return Sample(
        place=place,
        name="" if name is _MISSING else str(name),
        row=data if questions is not None else {},
        question=_text(question),
        choices=_listed(choices),
        target=tuple(_text(one).strip() for one in golds),
        group=group if isinstance(group, str) else "",
        messages=_messages(get("prompt")),
        outputs=paths,
        readings=_readings(get("verdict"), get("answer"), len(paths), pattern),
    )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if _is_chat(value):
        return _text(value[-1].get("content"))
    if value is None or value is _MISSING:
        return ""
    return json.dumps(value, ensure_ascii=False)  # true, 18, a list: as the file has it


def _is_chat(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, Mapping) and "role" in one for one in value)


def _messages(value: Any) -> tuple[Message, ...]:
    if _is_chat(value):
        roles = ("system", "user", "assistant")
        return tuple(
            Message(role=one["role"] if one["role"] in roles else "user", text=_text(one.get("content")))
            for one in value
        )
    return (Message(role="user", text=value),) if isinstance(value, str) else ()


def _listed(value: Any) -> tuple[str, ...]:
    if isinstance(value, Mapping):
        value = value.get("text", list(value.values()))
    return tuple(_text(one).strip() for one in value) if isinstance(value, list) else ()


def _each(value: Any, count: int) -> list[Any]:
    if isinstance(value, list) and len(value) == count:
        return value
    return [None if value is _MISSING or isinstance(value, list) else value] * count


def _count(value: Any) -> int | None:
    return value if type(value) is int and value >= 0 else None


def _completion(text: Any, finished: Any, thought: Any, counts: Mapping[str, Any]) -> Completion:
    if text is None:
        return Completion(text="", finish_reason="error", error="the log has no output", **counts)
    ended: FinishReason = "length" if str(finished).lower() in _CUT else "stop"
    return Completion(text=_text(text), finish_reason=ended, reasoning=_text(thought) if thought else "", **counts)


def _pattern(text: str) -> re.Pattern[str] | None:
    """Raises UsageError where it is none."""
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise UsageError(f"--answer-pattern: not a regular expression: {error}.", "As in '-?[0-9.,]+'.") from None


def _read_by(pattern: re.Pattern[str] | None, answer: str | None) -> str | None:
    """What counts of a tool's answer: the first match, or its first group."""
    if pattern is None or answer is None:
        return answer
    found = pattern.search(answer)
    return None if found is None else (found[1] if pattern.groups else found[0]).strip(" .,") or None


def _readings(verdict: Any, answer: Any, count: int, pattern: re.Pattern[str] | None) -> dict[str, Theirs]:
    if verdict is _MISSING and answer is _MISSING:
        return {}
    verdicts = () if verdict is _MISSING else verdict if isinstance(verdict, list) else (verdict,)
    answers = () if answer is _MISSING else answer if isinstance(answer, list) and count > 1 else (answer,)
    texts = (None if one is None or one in ("", "[invalid]") else _text(one) for one in answers)
    said = tuple(_read_by(pattern, text) for text in texts)
    return {READING: Theirs(metric="verdict", scores=tuple(map(_score, verdicts)), answers=said)}


def _score(verdict: Any) -> float | None:
    if isinstance(verdict, bool | int | float):
        return float(verdict)
    word = str(verdict).strip().lower()
    return 1.0 if word in _RIGHT else 0.0 if word in _WRONG else None
