"""Whether a run's folder holds what a run writes: files that are files, and entries of the right kind.

A folder may come from somebody else, be damaged, or lie where others may write. So a file is opened to read only where it is one (a named
pipe would be waited for), to write only where it isn't a link (what it points at would be overwritten), and what was read is checked
before anything relies on it. The `*_fault` functions say what is wrong first, as "outcome is 'x', expected one of ...", or None.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO, get_args

from cotbench.errors import RunError
from cotbench.types import Completion, FinishReason, Outcome

LARGEST = 2**53  # whole numbers that a float holds, too

# --- files --------------------------------------------------------------------------------------------------------

FOLDER = "a folder"
_KINDS: Mapping[Callable[[int], bool], str] = {
    stat.S_ISFIFO: "a named pipe",
    stat.S_ISDIR: FOLDER,
    stat.S_ISCHR: "a device",
    stat.S_ISBLK: "a device",
    stat.S_ISSOCK: "a socket",
}


def open_to_read(path: Path) -> BinaryIO:
    """Open a file of a run. Raises FileNotFoundError where there is none, RunError where it can't be read or isn't a file."""
    try:
        return open_file(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RunError(
            f"{path}: can't be read: {error.strerror or error}.", "Restore the file, or remove it."
        ) from None


def open_file(path: Path) -> BinaryIO:
    """Open a file of anybody's to read. Raises OSError, also where it is no file: a pipe would be waited for, a device has no end."""
    try:
        # Of a pipe without a writer an ordinary open would wait for one.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        kind = kind_of(path)
        if kind:
            raise OSError(error.errno, f"it is {kind}, expected a file") from None
        raise
    kind = _kind(descriptor)
    if kind:
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, expected a file")
    return os.fdopen(descriptor, "rb")


def kind_of(path: Path) -> str:
    """What stands at a path where that is no file ("a named pipe"); "" of a file, and of nothing."""
    try:
        return _kind_of_mode(path.stat().st_mode)
    except (OSError, ValueError):
        return ""


def open_to_write(path: Path, flags: int) -> int:
    """A descriptor of a file that is no link, made where there is none. Raises OSError."""
    try:
        descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "it is a link, and links aren't written through") from None
        if error.errno == errno.ENXIO:
            raise OSError(errno.ENXIO, "it is a named pipe or a socket, expected a file") from None
        raise
    kind = _kind(descriptor)
    if kind:
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"it is {kind}, expected a file")
    return descriptor


def _kind(descriptor: int) -> str:
    return _kind_of_mode(os.fstat(descriptor).st_mode)


def _kind_of_mode(mode: int) -> str:
    return "" if stat.S_ISREG(mode) else next((name for of, name in _KINDS.items() if of(mode)), "no file")


def write_new(path: Path, content: bytes) -> None:
    """Write a file in place of what has its name, a link as well. Raises OSError."""
    path.unlink(missing_ok=True)
    descriptor = open_to_write(path, os.O_WRONLY | os.O_EXCL)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def fingerprint(lines: Iterable[str]) -> str:
    """16 hex digits over lines, in any order."""
    return hashlib.sha256("\n".join(sorted(lines)).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def golds_fingerprint(golds: Mapping[str, str]) -> str:
    """16 hex digits over all ids and golds of a task; an id stands for question and options."""
    return fingerprint(f"{key}\x1f{gold}" for key, gold in golds.items())


# --- entries ------------------------------------------------------------------------------------------------------

_OUTCOMES = frozenset(map(str, Outcome))
_REASONS = frozenset(get_args(FinishReason))


def _text(value: Any) -> bool:
    return type(value) is str


def _text_or_none(value: Any) -> bool:
    return value is None or type(value) is str


def _mapping(value: Any) -> bool:
    return type(value) is dict


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < LARGEST


def _count(value: Any) -> bool:
    return value is None or type(value) is int


def _truth(value: Any) -> bool:
    return type(value) is bool


def _truth_or_none(value: Any) -> bool:
    return value is None or type(value) is bool


def _texts(value: Any) -> bool:
    return type(value) is list and all(type(one) is str for one in value)


def _outcome(value: Any) -> bool:
    return type(value) is str and value in _OUTCOMES


def _span(value: Any) -> bool:
    return value is None or (
        type(value) is list and len(value) == 2 and all(map(_whole, value)) and value[0] <= value[1]
    )


def _requests(value: Any) -> bool:
    return type(value) is list and all(
        type(one) is list and len(one) == 2 and type(one[0]) is str and _whole(one[1]) for one in value
    )


def _executions(value: Any) -> bool:
    return type(value) is list and all(
        type(one) is dict
        and type(one.get("outcome")) is str  # only counted and shown, whatever it is
        and all(map(_text_or_none, one.values()))
        for one in value
    )


def _votes(value: Any) -> bool:
    if value is None:
        return True
    if type(value) is not dict or not value.keys() >= {"answers", "ballots", "abstained", "margin"}:
        return False
    answers, ballots, abstained = value["answers"], value["ballots"], value["abstained"]
    return (
        type(answers) is list
        and all(
            type(one) is dict
            and one.keys() >= {"answer", "votes", "outcome"}
            and type(one["answer"]) is str
            and _whole(one["votes"])
            and (one["outcome"] is None or _outcome(one["outcome"]))
            for one in answers
        )
        and type(ballots) is list
        and bool(ballots)
        and all(one is None or (type(one) is int and 0 <= one < len(answers)) for one in ballots)
        and type(abstained) is dict
        and all(map(_whole, abstained.values()))
        and _whole(value["margin"])
    )


COUNTS = ("prompt_tokens", "completion_tokens", "reasoning_tokens")


def without_impossible_counts(row: dict[str, Any]) -> None:
    """Make counts of tokens that can't be (below 0, or beyond all models) unknown: earlier versions took what a server said."""
    for name in COUNTS:
        count = row.get(name)
        if count is not None and not 0 <= count < LARGEST:
            row[name] = None


Check = tuple[Callable[[Any], bool], str]

_RECORD: Mapping[str, Check] = {
    "question": (_text, "a text"),
    "task": (_text, "a text"),
    "mode": (_text, "a text"),
    "outcome": (_outcome, f"one of {', '.join(Outcome)}"),
    "answer": (_text_or_none, "a text or null"),
    "gold": (_text, "a text"),
    "rule": (_text, "a text"),
    "span": (_span, "two whole numbers or null"),
    "truncated": (_truth, "true or false"),
    "prompt_tokens": (_count, "a whole number or null"),
    "completion_tokens": (_count, "a whole number or null"),
    "requests": (_requests, "a list of addresses in the journal"),
    "error": (_text, "a text"),
    "votes": (_votes, "the votes on each answer, or null"),
    "executions": (_executions, "a list of what came of programs"),
    "reasoning_tokens": (_count, "a whole number or null"),
}
_RECORD_NEEDS = _RECORD.keys() - {"votes", "executions", "reasoning_tokens"}
_QUESTION: Mapping[str, Check] = {
    "id": (_text, "a text"),
    "task": (_text, "a text"),
    "text": (_text, "a text"),
    "choices": (_texts, "a list of texts"),
    "group": (_text, "a text"),
    "cluster": (_text, "a text"),
    "gold": (_text, "a text"),
}


def _fault(row: Any, checks: Mapping[str, Check]) -> str | None:
    """An entry that is missing isn't looked at."""
    for name, (holds, expected) in checks.items():
        if name in row and not holds(row[name]):
            return f"{name} is {row[name]!r:.60}, expected {expected}"
    return None


def record_fault(row: Any) -> str | None:
    """Of a record. Votes and executions of earlier versions may be missing; counts that can't be become unknown."""
    if type(row) is not dict:
        return "expected an object"
    if missing := _RECORD_NEEDS - row.keys():
        return f"{min(missing)} is missing"
    fault = _fault(row, _RECORD)
    if fault is None:
        without_impossible_counts(row)
    return fault


def question_fault(row: Any) -> str | None:
    if type(row) is not dict or row.keys() != _QUESTION.keys():
        return f"expected an object with {', '.join(_QUESTION)}"
    return _fault(row, _QUESTION)


_PATH: Mapping[str, Check] = {
    "text": (_text, "a text"),
    "finish_reason": (lambda value: type(value) is str and value in _REASONS, f"one of {', '.join(_REASONS)}"),
    "reasoning": (_text, "a text"),
    "prompt_tokens": (_count, "a whole number"),
    "completion_tokens": (_count, "a whole number"),
    "reasoning_tokens": (_count, "a whole number"),
    "error": (_text, "a text"),
}


_OF_COMPLETIONS = frozenset(one.name for one in fields(Completion))


def _paths(value: Any) -> bool:
    return type(value) is list and all(
        type(one) is dict
        and "text" in one
        and "finish_reason" in one
        and one.keys() <= _OF_COMPLETIONS
        and _fault(one, _PATH) is None
        for one in value
    )


def _messages(value: Any) -> bool:
    return type(value) is list and all(
        type(one) is dict and type(one.get("role")) is str and type(one.get("text")) is str for one in value
    )


def _sampling(value: Any) -> bool:
    return (
        type(value) is dict
        and all(type(value.get(name)) in (int, float) for name in ("temperature", "top_p", "max_tokens"))
        and _texts(value.get("stop"))
    )


_REPLY: Mapping[str, Check] = {
    "v": (_whole, "a whole number"),
    "question": (_text, "a text"),
    "request": (_text, "a text"),
    "ordinal": (_whole, "a whole number"),
    "template": (_text, "a text"),
    "sampling": (_sampling, "how it was drawn"),
    "completions": (_paths, "a list of completions"),
    "seed": (lambda value: type(value) is int, "a whole number"),
    "thinking": (_truth, "true or false"),
    "prompt": (_text, "a text"),
    "messages": (_messages, "a list of messages"),
    "completion_tokens": (_count, "a whole number"),
    "crc": (_text, "a checksum"),
}
_REPLY_NEEDS = frozenset({"question", "request", "ordinal", "template", "sampling", "completions"})


def reply_fault(row: Any) -> str | None:
    """Of a journal's line. What a later version may have beside these isn't looked at, and counts that can't be become unknown."""
    if type(row) is not dict:
        return "expected an object"
    if missing := _REPLY_NEEDS - row.keys():
        return f"{min(missing)} is missing"
    if "prompt" not in row and "messages" not in row:
        return "what was sent is missing"
    fault = _fault(row, _REPLY)
    if fault is None:
        for one in (row, *row["completions"]):
            without_impossible_counts(one)
    return fault


# --- the manifest -------------------------------------------------------------------------------------------------

_STATUSES = ("running", "finished", "interrupted", "failed")


def _named(value: Any) -> bool:
    return type(value) is str and bool(value)


def _mappings(value: Any) -> bool:
    return type(value) is list and all(map(_mapping, value))


def _of_mappings(value: Any) -> bool:
    return type(value) is dict and all(map(_mapping, value.values()))


# Each place that anything relies on: whether it must be there, and what it must be. What stands above comes first.
_MANIFEST: Mapping[str, tuple[bool, Callable[[Any], bool], str]] = {
    "run": (True, _named, "the run's id"),
    "status": (True, lambda value: type(value) is str and value in _STATUSES, f"one of {', '.join(_STATUSES)}"),
    "spec": (True, _mapping, "a mapping"),
    "spec.model": (True, _mapping, "a mapping"),
    "spec.model.engine": (True, _named, "an engine's name"),
    "spec.model.model": (True, _named, "a model's name"),
    "spec.model.revision": (True, _text_or_none, "a text"),
    "spec.model.dtype": (False, _text_or_none, "a text"),
    "spec.model.chat_template": (True, _text_or_none, "a text"),
    "spec.model.chat_template_hash": (True, _text_or_none, "a text"),
    "spec.model_args": (False, _mapping, "a mapping"),
    "spec.tasks": (True, lambda value: _of_mappings(value) and bool(value), "a mapping for each task"),
    "spec.modes": (True, lambda value: _of_mappings(value) and bool(value), "a mapping for each task and mode"),
    "spec.num_fewshot": (True, _whole, "a whole number"),
    "spec.programs": (False, _mapping, "a mapping"),
    "options": (True, _mapping, "a mapping"),
    "options.model": (True, _named, "a model's name"),
    "options.tasks": (False, _texts, "a list of names"),
    "options.modes": (False, _texts, "a list of names"),
    "engine": (True, _mapping, "a mapping"),
    "engine.system_role": (False, _text_or_none, "a text"),
    "data": (True, _of_mappings, "a mapping for each task"),
    "modes": (False, _of_mappings, "a mapping for each mode"),
    "question_ids": (False, lambda value: _mapping(value) and all(map(_texts, value.values())), "lists of ids"),
    "totals": (False, _mapping, "a mapping"),
    "totals.records": (False, _whole, "a whole number"),
    "totals.of": (False, _whole, "a whole number"),
    "sessions": (False, _mappings, "a list of mappings"),
}
_ABSENT = object()


def manifest_fault(content: Mapping[str, Any]) -> str | None:
    for place, (needed, holds, expected) in _MANIFEST.items():
        value: Any = content
        for name in place.split("."):
            value = value.get(name, _ABSENT) if isinstance(value, dict) else _ABSENT
        if value is _ABSENT:
            if needed:
                return f"{place} is missing, expected {expected}"
        elif not holds(value):
            return f"{place} is {value!r:.60}, expected {expected}"
    tasks = content["spec"]["tasks"]
    for name, entry in tasks.items():
        if not _text(entry.get("data")):
            return f"spec.tasks.{name}.data is {entry.get('data')!r:.60}, expected the data's fingerprint"
    for name, entry in content["spec"]["modes"].items():
        if name.partition("/")[0] not in tasks or not name.partition("/")[2]:
            return f"spec.modes has {name!r:.60}, expected a task of this run and a mode, as 'gsm8k/cot'"
        if not _mapping(entry.get("sampling", {})):
            return f"spec.modes.{name}.sampling is {entry['sampling']!r:.60}, expected a mapping"
        if not _truth_or_none(entry.get("thinking")):
            return f"spec.modes.{name}.thinking is {entry['thinking']!r:.60}, expected true, false or null"
    for name, value in content["spec"].get("programs", {}).items():
        if type(value) not in (bool, int, float):
            return f"spec.programs.{name} is {value!r:.60}, expected a number, true or false"
    return None
