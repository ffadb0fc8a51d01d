"""Everything under `results/<run>/`: manifest, questions, journal, records, lock, and their schema version.

    manifest.json     how the run was made: `spec` is all that the results depend on, the rest is circumstance
    questions.jsonl   the questions as asked, with gold: a run folder is complete without the data set
    journal.jsonl     one line per request: the request as sent and every raw completion, appended as it arrives
    records.jsonl     one line per question and mode, derived from the journal

A journal line is addressed by (question, hash of the request, ordinal) and ends in a CRC-32 of what stands before it,
so that a torn last line, a flipped byte and a duplicated line are told from good ones; damaged lines are passed over
and their requests made again. Lines are handed to the operating system at once (a killed process loses none) and
synced to disk every few seconds (a power cut loses at most those).
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import orjson

from cotbench.errors import RunError
from cotbench.store.checks import (
    fingerprint,
    golds_fingerprint,
    manifest_fault,
    open_to_read,
    open_to_write,
    question_fault,
    record_fault,
    reply_fault,
)
from cotbench.types import Completion, Execution, Key, Message, Prediction, Question, Reply, Request, Verdict

SCHEMA = 1
SYNC_EVERY_S = 5.0
STDOUT_CHARS = 500  # of each program, in a record

MANIFEST, QUESTIONS, JOURNAL, RECORDS, LOCK = (
    "manifest.json",
    "questions.jsonl",
    "journal.jsonl",
    "records.jsonl",
    ".lock",
)


def dump_line(row: Mapping[str, Any]) -> bytes:
    """One JSON object as a line. Lone surrogates, which a server may send, are kept as escapes."""
    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode() + b"\n"


def load_line(line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return json.loads(line)


def replace_file(path: Path, parts: Iterable[bytes]) -> None:
    """Replace a file as a whole, or leave the old one. Raises OSError where the disk doesn't take it."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        with os.fdopen(open_to_write(temporary, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def write_atomically(path: Path, parts: Iterable[bytes]) -> None:
    """The same for a file of a run: raises RunError."""
    try:
        replace_file(path, parts)
    except OSError as error:
        raise cannot_write(path, error) from None


def cannot_write(path: Path, error: OSError) -> RunError:
    return RunError(
        f"{path}: can't be written: {error.strerror or error}.",
        "Everything recorded so far is kept. Make room or correct the permissions, then run the same command again: it resumes.",
    )


# --- manifest -----------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Manifest:
    """How a run was made.

    run: its id. spec: all that its results depend on (compared on resume). options: the options it was started with.
    engine: what the engine says of itself. status: running, finished, interrupted or failed. totals: requests, tokens
    and outcomes. modes: facts about each mode that whoever reads the run needs (`answers_in`: words, program or plan); earlier versions
    wrote none. sessions: one entry per start, with times, versions, machine and command.
    """

    schema: int = SCHEMA
    run: str
    status: str
    spec: dict[str, Any]
    options: dict[str, Any]
    engine: dict[str, Any]
    data: dict[str, Any]
    modes: dict[str, Any] = field(default_factory=dict)
    question_ids: dict[str, list[str]] = field(default_factory=dict)
    totals: dict[str, Any] = field(default_factory=dict)
    sessions: list[dict[str, Any]] = field(default_factory=list)

    def write(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        write_atomically(folder / MANIFEST, [text.encode("utf-8", "backslashreplace")])


def read_manifest(folder: Path) -> Manifest:
    """Raises RunError where there is none, or one that can't be relied on."""
    path = folder / MANIFEST
    remedy = "Restore the file; without it the run can't be interpreted."
    try:
        with open_to_read(path) as file:
            content = json.loads(file.read())
    except FileNotFoundError:
        raise RunError(
            f"{folder}: has no {MANIFEST}, so it is not a run's folder.", "Name a folder that `cotbench run` wrote."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: can't be read: {error}.", remedy) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        found = content.get("schema") if isinstance(content, dict) else None
        raise RunError(
            f"{path}: expected schema {SCHEMA}, found {found!r:.40}.", "Use the version of cotbench that wrote it."
        )
    if unknown := content.keys() - _MANIFEST_KEYS:
        raise RunError(
            f"{path}: {min(unknown)!r:.40} is nothing that this version knows.", "Use the version that wrote it."
        )
    fault = manifest_fault(content)
    if fault is not None:
        raise RunError(f"{path}: {fault}.", remedy)
    return Manifest(**content)


_MANIFEST_KEYS = frozenset(one.name for one in fields(Manifest))


def find_run(name: str, output_dir: Path) -> Path:
    """The folder of a run that is named by its folder or by its id (or the unique beginning of one)."""
    for folder in (Path(name), output_dir / name):
        if (folder / MANIFEST).exists():  # whatever it is: reading it says so
            return folder
    close = sorted(f.parent for f in output_dir.glob(f"{name}*/{MANIFEST}")) if name and "/" not in name else []
    if len(close) == 1:
        return close[0]
    if close:
        raise RunError(f"'{name}' may be any of {', '.join(f.name for f in close)}.", "Give more of its name.")
    raise RunError(
        f"there is no run '{name}' (neither a folder, nor an id in {output_dir}).", "Name a run's folder or its id."
    )


def list_runs(output_dir: Path) -> list[Path]:
    """Run folders, the most recently written first. A manifest that is no file, a named pipe for example, makes none."""
    found = [path for path in output_dir.glob(f"*/{MANIFEST}") if path.is_file()]
    return sorted((path.parent for path in found), key=lambda f: (f / MANIFEST).stat().st_mtime, reverse=True)


# --- the lock -----------------------------------------------------------------------------------------------------


class RunLock:
    """Holds a run's folder for one process; the kernel lets go of it when the process dies, however it dies."""

    def __init__(self, folder: Path) -> None:
        path = folder / LOCK
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._fd = open_to_write(path, os.O_RDWR)
        except OSError as error:
            raise RunError(
                f"{folder}: can't be written: {error.strerror}.",
                "Choose another --output-dir, or correct the permissions.",
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(self._fd, 32).decode(errors="replace").strip() or "unknown"
            os.close(self._fd)
            raise RunError(
                f"{folder}: another process ({owner}) is writing this run.",
                "Wait for it, or stop it; then run the same command again.",
            ) from None
        try:
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(self._fd)
            raise cannot_write(path, error) from None

    def release(self) -> None:
        os.close(self._fd)


def state_of(folder: Path, manifest: Manifest) -> str:
    """The manifest's status; "killed" where it says running and nobody holds the run."""
    if manifest.status != "running":
        return manifest.status
    try:
        with open_to_read(folder / LOCK) as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return "running"
    except (OSError, RunError):
        pass
    return "killed"


# --- the journal --------------------------------------------------------------------------------------------------


def _sealed(row: dict[str, Any]) -> bytes:
    body = dump_line(row).rstrip(b"\n")
    return body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body)


_CRC_CHARS = len(',"crc":"00000000"}')


def intact(line: bytes) -> bytes | None:
    """A journal line without its seal, as JSON, or None where it is damaged."""
    line = line.rstrip(b"\n")
    body, seal = line[:-_CRC_CHARS] + b"}", line[-_CRC_CHARS:]
    return body if seal == b',"crc":"%08x"}' % zlib.crc32(body) else None


def _unsealed(line: bytes, path: Path) -> dict[str, Any] | None:
    """A journal line's object, or None where it is damaged, or isn't what cotbench writes. Raises RunError on one of a later version."""
    body = intact(line)
    return None if body is None else reply_of(body, path)


def reply_of(body: bytes, path: Path) -> dict[str, Any] | None:
    """The same of a line that is intact, with its seal or without. path: of the journal."""
    try:
        row = load_line(body)
    except (ValueError, RecursionError):
        return None
    if isinstance(row, dict) and isinstance(row.get("v"), int) and row["v"] > SCHEMA:
        raise RunError(
            f"{path}: holds lines of schema {row['v']}; this cotbench knows {SCHEMA}.",
            "Use the version that wrote them.",
        )
    return row if reply_fault(row) is None else None


@dataclass(kw_only=True)
class JournalState:
    """What a journal holds. damaged: lines passed over; good_bytes: where a torn last line begins, or the file's end."""

    replies: dict[Key, Reply] = field(default_factory=dict)
    failed: dict[Key, Reply] = field(default_factory=dict)
    damaged: int = 0
    repeated: int = 0
    good_bytes: int = 0


def read_journal(path: Path) -> JournalState:
    """All replies on record. The first good line of an address counts; requests that failed are kept apart."""
    state = JournalState()
    try:
        file = open_to_read(path)
    except FileNotFoundError:
        return state
    with file:
        for line in file:
            if not line.endswith(b"\n"):
                break  # torn: the process died while writing it
            state.good_bytes += len(line)
            row = _unsealed(line, path)
            if row is None:
                state.damaged += 1
                continue
            key = Key(row["question"], row["request"], row["ordinal"])
            reply = Reply(
                completions=tuple(Completion.from_dict(c) for c in row["completions"]),
                prompt=row.get("prompt"),
                total_completion_tokens=row.get("completion_tokens"),
            )
            if any(c.finish_reason == "error" for c in reply.completions):
                state.failed[key] = reply
            elif key in state.replies:
                state.repeated += 1
            else:
                state.replies[key] = reply
    for key in state.replies:
        state.failed.pop(key, None)
    return state


def journal_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The good lines of a journal, as they are."""
    with open_to_read(path) as file:
        for line in file:
            row = _unsealed(line, path) if line.endswith(b"\n") else None
            if row is not None:
                yield row


class Journal:
    """Appends replies as they arrive. A torn last line of an earlier process is cut off first."""

    def __init__(self, path: Path, good_bytes: int) -> None:
        self._path = path
        try:
            self._fd = open_to_write(path, os.O_WRONLY | os.O_APPEND)
            os.ftruncate(self._fd, good_bytes)
        except OSError as error:
            raise cannot_write(path, error) from None
        self._size = good_bytes
        self._synced = time.monotonic()
        self._syncing: threading.Thread | None = None
        self._sync_failed: OSError | None = None

    def append(self, entries: Iterable[tuple[Key, Request, int | None, Reply]]) -> None:
        """Write entries of (address, request, seed, reply) in one go. Where the disk takes a part only, whole lines of it stay."""
        content = b"".join(_sealed(_entry(*entry)) for entry in entries)
        written = 0
        try:
            while written < len(content):
                written += os.write(self._fd, content[written:])
            self._sync_beside()
        except OSError as error:
            self._size += content.rfind(b"\n", 0, written) + 1
            os.ftruncate(self._fd, self._size)
            raise cannot_write(self._path, error) from None
        self._size += written

    def _sync_beside(self) -> None:
        """Every few seconds, and beside us: a slow disk must not hold the engine. A failure is raised the next time."""
        if self._sync_failed is not None:
            raise self._sync_failed
        if time.monotonic() - self._synced < SYNC_EVERY_S or (self._syncing and self._syncing.is_alive()):
            return
        self._synced = time.monotonic()
        self._syncing = threading.Thread(target=self._sync, daemon=True, name="journal-sync")
        self._syncing.start()

    def _sync(self) -> None:
        try:
            os.fsync(self._fd)
        except OSError as error:
            self._sync_failed = error

    def close(self) -> None:
        if self._syncing is not None:
            self._syncing.join()
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise cannot_write(self._path, error) from None
        finally:
            os.close(self._fd)


def _entry(key: Key, request: Request, seed: int | None, reply: Reply) -> dict[str, Any]:
    row: dict[str, Any] = {
        "v": SCHEMA,
        "question": key.question,
        "request": key.request,
        "ordinal": key.ordinal,
        "template": request.template,
        "sampling": request.sampling.as_dict(),
    }
    if seed is not None:
        row["seed"] = seed
    if request.thinking is not None:
        row["thinking"] = request.thinking
    # What was sent: the text we rendered, or else the messages as the server got them.
    if reply.prompt is not None:
        row["prompt"] = reply.prompt
    else:
        row["messages"] = [_message(m) for m in reply.messages or request.messages]
    row["completions"] = [c.as_dict() for c in reply.completions]
    if reply.total_completion_tokens is not None and len(reply.completions) > 1:
        row["completion_tokens"] = reply.total_completion_tokens
    return row


def _message(message: Message) -> dict[str, str]:
    return {"role": message.role, "text": message.text}


# --- questions and records ----------------------------------------------------------------------------------------


def write_questions(folder: Path, questions: Sequence[Question], golds: Mapping[str, str]) -> None:
    # One by one: each has an allocation of some 8 kB behind it (orjson 3.13), which all together would be gigabytes.
    lines = (
        dump_line(
            {
                "id": q.id,
                "task": q.task,
                "text": q.text,
                "choices": list(q.choices),
                "group": q.group,
                "cluster": q.cluster,
                "gold": golds[q.id],
            }
        )
        for q in questions
    )
    write_atomically(folder / QUESTIONS, lines)


def read_questions(folder: Path, manifest: Manifest) -> tuple[dict[str, Question], dict[str, str]]:
    """Questions and golds of a run, by id. Raises RunError where they aren't those that its manifest was written for."""
    path = folder / QUESTIONS
    questions: dict[str, Question] = {}
    golds: dict[str, str] = {}
    for number, row in _lines(path):
        fault = question_fault(row)
        if fault is not None:
            raise _not_ours(path, number, fault)
        golds[row["id"]] = row.pop("gold")
        questions[row["id"]] = Question(**{**row, "choices": tuple(row["choices"])})
    for task, entry in manifest.data.items():
        own = {identity: question for identity, question in questions.items() if question.task == task}
        expected, found = entry.get("asked"), ""
        if expected is not None:
            found = asked_fingerprint(own.values(), golds)
        elif entry.get("rows") == len(own):  # earlier versions recorded that of all questions of a task only
            expected, found = (
                entry.get("fingerprint"),
                golds_fingerprint({identity: golds[identity] for identity in own}),
            )
        if expected is not None and found != expected:
            raise RunError(
                f"{path}: the questions of {task}, or their golds, aren't those that were asked: their fingerprint is {found}, "
                f"the manifest's is {expected!s:.40}.",
                "Restore the file, or run `cotbench run --resume RUN` to write it again.",
            )
    return questions, golds


def asked_fingerprint(questions: Iterable[Question], golds: Mapping[str, str]) -> str:
    """Over questions as they were asked, with their golds."""
    return fingerprint("\x1f".join([q.id, q.text, *q.choices, q.group, q.cluster, golds[q.id]]) for q in questions)


def _not_ours(path: Path, number: int, fault: str) -> RunError:
    return RunError(
        f"{path}:{number}: {fault}; cotbench writes no such line.",
        "Run `cotbench run --resume RUN` to write the file again.",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What became of one question under one mode.

    Token counts are sums over the record's requests, None where the engine couldn't tell; reasoning tokens are part of the completion's. truncated: a completion was
    cut at its budget, whether or not an answer was read before. requests: the addresses in the journal. votes: of modes that draw
    several paths: `types.Votes`, with the verdict on each answer. executions: of the programs or plans that were run, in
    the order of their paths, what came of them (times apart, so that the same run has the same records).
    """

    question: str
    task: str
    mode: str
    outcome: str
    answer: str | None
    gold: str
    rule: str = ""
    span: tuple[int, int] | None = None
    truncated: bool = False
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    requests: tuple[tuple[str, int], ...] = ()
    error: str = ""
    votes: dict[str, Any] | None = None
    executions: tuple[dict[str, Any], ...] = ()
    reasoning_tokens: int | None = None

    def line(self) -> bytes:
        return dump_line({name: getattr(self, name) for name in self.__slots__})


def votes_row(prediction: Prediction, verdicts: Sequence[Verdict | None]) -> dict[str, Any] | None:
    """The votes of a record: how many each answer has and the verdict on it, and who voted for what."""
    votes = prediction.votes
    if votes is None:
        return None
    counts = Counter(votes.ballots)
    return {
        "answers": [
            {"answer": answer, "votes": counts[place], "outcome": verdict and verdict.outcome}
            for place, (answer, verdict) in enumerate(zip(votes.answers, verdicts, strict=True))
        ],
        "ballots": list(votes.ballots),
        "abstained": dict(sorted(votes.abstained.items())),
        "margin": votes.margin,
    }


def execution_row(execution: Execution) -> dict[str, Any]:
    """What a record keeps of a program's run: no times, and the end of what it printed."""
    row: dict[str, Any] = {"outcome": execution.outcome.value, "value": execution.value}
    if execution.error:
        row["error"] = execution.error
    if execution.stdout:
        row["stdout"] = execution.stdout[-STDOUT_CHARS:]
    return row


_LATER: dict[str, Any] = {
    "votes": None,
    "executions": [],
    "reasoning_tokens": None,
}  # what records of earlier versions lack


def read_records(folder: Path) -> list[dict[str, Any]]:
    """A run's records as dicts; a torn last line (of a run that was killed) is passed over."""
    path, rows = folder / RECORDS, []
    for number, row in _lines(path, torn=True):
        fault = record_fault(row)
        if fault is not None:
            raise _not_ours(path, number, fault)
        rows.append(_LATER | row)
    return rows


def records_of(
    folder: Path, manifest: Manifest, questions: Mapping[str, Question], golds: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A run's records, each of which is about a question, its task and a mode of this run, and has the question's gold.

    Raises RunError where one isn't: whoever sorts records by task and mode would drop it in silence.
    """
    path, rows = folder / RECORDS, read_records(folder)
    asked = set(manifest.spec["modes"])
    for number, row in enumerate(rows, 1):
        question = questions.get(row["question"])
        if question is None:
            raise RunError(
                f"{folder / QUESTIONS}: lacks question {row['question']}, which has a record (line {number} of {RECORDS}).",
                "Run `cotbench run --resume RUN` to write its files again.",
            )
        if row["task"] != question.task:
            raise _not_ours(
                path, number, f"task is {row['task']!r:.60}, expected {question.task!r:.60}, its question's"
            )
        if f"{row['task']}/{row['mode']}" not in asked:
            modes = ", ".join(name.partition("/")[2] for name in asked if name.partition("/")[0] == row["task"])
            raise _not_ours(path, number, f"mode is {row['mode']!r:.60}, expected one of this run ({modes or 'none'})")
        if row["gold"] != golds[row["question"]]:
            expected = golds[row["question"]]
            raise _not_ours(path, number, f"gold is {row['gold']!r:.60}, expected {expected!r:.60}, as in {QUESTIONS}")
    return rows


def _lines(path: Path, *, torn: bool = False) -> Iterator[tuple[int, Any]]:
    try:
        file = open_to_read(path)
    except FileNotFoundError:
        raise RunError(f"{path}: is missing.", "Run `cotbench run --resume RUN` to write it again.") from None
    with file:
        for number, line in enumerate(file, 1):
            if torn and not line.endswith(b"\n"):
                return
            try:
                yield number, load_line(line)
            except (ValueError, RecursionError):
                raise RunError(
                    f"{path}:{number}: not valid JSON.", "Run `cotbench run --resume RUN` to write the file again."
                ) from None
