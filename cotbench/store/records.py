"""records.jsonl: one line per question and mode, derived from the journal."""

from __future__ import annotations

import os
import time
from array import array
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, BinaryIO

from msgspec import UNSET, Meta, Struct, UnsetType

from cotbench.errors import RunError
from cotbench.store.files import cannot_write, open_to_write, write_atomically
from cotbench.store.frames import packed_path
from cotbench.store.lines import Whole, dump_line, no_such_line, read_lines, with_possible_counts
from cotbench.store.manifest import Manifest
from cotbench.store.questions import QUESTIONS
from cotbench.types import (
    UNDECIDED,
    Completion,
    Execution,
    Key,
    Node,
    Outcome,
    Prediction,
    Question,
    Reply,
    Verdict,
)

RECORDS = "records.jsonl"
RECORD_TABLE = "records.parquet"  # of a large run, which `store.table` makes
STDOUT_CHARS = 500  # of each program
NODE_CHARS = 400  # of each node: all of it is in the journal
FLUSH_EVERY_S = 1.0  # a report of a run that goes on, or was killed, is at most this far behind


class VotedAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """An answer that paths voted for: how many, and the verdict on it."""

    answer: str
    votes: Whole
    outcome: Outcome | None


class VoteRow(Struct, frozen=True, kw_only=True, gc=False):
    """How the paths of a question voted: `types.Votes`, with the verdict on each answer."""

    answers: tuple[VotedAnswer, ...]
    ballots: Annotated[
        tuple[Whole | None, ...], Meta(min_length=1, description="for each path the place of an answer or null")
    ]
    abstained: dict[str, Whole]
    margin: Whole
    scores: Annotated[tuple[float | None, ...], Meta(description="a number or null for each path")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if any(ballot is not None and ballot >= len(self.answers) for ballot in self.ballots):
            raise ValueError("ballots")
        if self.scores is not UNSET and len(self.scores) != len(self.ballots):
            raise ValueError("scores")

    @property
    def decided(self) -> bool:
        """Whether there is a verdict on every answer."""
        return not any(answer.outcome in UNDECIDED for answer in self.answers)

    @property
    def right(self) -> frozenset[int]:
        """The places of the right answers."""
        return frozenset(place for place, answer in enumerate(self.answers) if answer.outcome == Outcome.CORRECT)


class ExecutionRow(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What came of a program or plan: no times, so that the same run has the same records, and the end of what it
    printed. outcome: an `ExecutionOutcome`, or one of another version: it is only counted and shown."""

    outcome: str
    value: str | None
    error: str | None = None
    stdout: str | None = None


class Before(Struct, frozen=True, kw_only=True, gc=False):
    """What would have been concluded had no reply been gone on with. replies: how many were."""

    outcome: Outcome
    answer: str | None
    replies: Whole


class OptionsRow(Struct, frozen=True, kw_only=True, gc=False):
    """How likely the model took the options to be: `types.Options`."""

    probabilities: dict[str, float]
    mass: float


class NodeRow(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One thing that was written on the way to an answer: `types.Node`, with its text cut to NODE_CHARS characters.

    source: the place of its reply among the record's, and of its path; judged: of the replies that say its value.
    ending: the last line of a candidate whose text is as long as it may get, cut in the same way."""

    text: str
    role: str
    parent: Whole | None = None
    source: tuple[Whole, Whole] | None = None
    value: float | None = None
    kept: bool = True
    why: str = ""
    judged: tuple[Whole, ...] = ()
    ballot: Whole | None = None
    ending: str = ""
    tokens: Whole | None = None


class Record(Struct, frozen=True, kw_only=True, gc=False):
    """What became of one question under one mode.

    Token counts are sums over the record's requests, None where the engine couldn't tell; reasoning tokens are part of
    the completion's. truncated: a completion was cut at its budget, whether or not an answer was read before. requests:
    addresses in the journal without the question, as (request, ordinal), and the replicate behind where it isn't 0.
    votes: of modes that draw several paths. executions: of the programs or plans that were run, in the order of their
    paths. score: of an answer that is partly right, 0 to 1; absent where the outcome says it. before: where replies
    without an answer line were gone on with. options: where their probabilities were asked for. source: the reply and
    the path in which the answer was read, where that isn't the last reply and its deciding path. judge_prompt_tokens,
    judge_completion_tokens: how many of the tokens are the second model's, where one was asked. nodes: what was written
    on the way, of modes that tell it. steps: how many
    requests were asked at once in each step, where one had several. Earlier versions wrote no votes, executions and
    reasoning tokens."""

    question: str
    task: str
    mode: str
    outcome: Outcome
    answer: str | None
    gold: str
    rule: str
    span: Annotated[tuple[Whole, Whole] | None, Meta(description="two whole numbers or null")]
    truncated: bool
    prompt_tokens: int | None
    completion_tokens: int | None
    requests: Annotated[tuple[tuple[str | int, ...], ...], Meta(description="a list of addresses in the journal")]
    error: str
    votes: Annotated[VoteRow | None, Meta(description="the votes on each answer, or null")] = None
    executions: Annotated[tuple[ExecutionRow, ...], Meta(description="a list of what came of programs")] = ()
    reasoning_tokens: int | None = None
    score: Annotated[float, Meta(ge=0, le=1, description="a number from 0 to 1")] | UnsetType = UNSET
    before: Before | UnsetType = UNSET
    options: OptionsRow | UnsetType = UNSET
    source: Annotated[tuple[Whole, Whole], Meta(description="the places of a reply and a path")] | UnsetType = UNSET
    steps: Annotated[tuple[Whole, ...], Meta(description="how many requests each step had")] | UnsetType = UNSET
    judge_prompt_tokens: int | UnsetType | None = UNSET
    judge_completion_tokens: int | UnsetType | None = UNSET
    nodes: Annotated[tuple[NodeRow, ...], Meta(description="a list of what was written on the way")] | UnsetType = UNSET

    def __post_init__(self) -> None:
        if self.span is not None and self.span[0] > self.span[1]:
            raise ValueError("span")
        for address in self.requests:
            kinds = tuple(map(type, address))
            if kinds not in _ADDRESSES or min(address[1:]) < 0:  # type: ignore[operator]
                raise ValueError("requests")
        for place, node in enumerate(() if self.nodes is UNSET else self.nodes):
            if node.parent is not None and node.parent >= place:
                raise ValueError("nodes")

    @property
    def keys(self) -> tuple[Key, ...]:
        """Its requests as addresses in the journal."""
        return keys_of(self.question, self.requests)

    def line(self) -> bytes:
        """The record as a line of the file."""
        return dump_line(self)


_ADDRESSES = ((str, int), (str, int, int))


def keys_of(question: str, requests: Sequence[tuple[str | int, ...]]) -> tuple[Key, ...]:
    """A question's requests, as its record holds them, as addresses in the journal."""
    return tuple(
        Key(question, str(request), int(replicate[0]) if replicate else 0, int(ordinal))
        for request, ordinal, *replicate in requests
    )


def address_in_record(key: Key) -> tuple[str | int, ...]:
    """An address as a record's `requests` hold it."""
    return (key.request, key.ordinal, key.replicate) if key.replicate else (key.request, key.ordinal)


def votes_row(prediction: Prediction, verdicts: Sequence[Verdict | None]) -> VoteRow | None:
    """The votes of a record: how many each answer has and the verdict on it, and who voted for what."""
    votes = prediction.votes
    if votes is None:
        return None
    counts = Counter(votes.ballots)
    return VoteRow(
        answers=tuple(
            VotedAnswer(answer=answer, votes=counts[place], outcome=verdict and verdict.outcome)
            for place, (answer, verdict) in enumerate(zip(votes.answers, verdicts[: len(votes.answers)], strict=True))
        ),
        ballots=tuple(votes.ballots),
        abstained=dict(sorted(votes.abstained.items())),
        margin=votes.margin,
        scores=votes.scores or UNSET,
    )


def node_rows(nodes: Sequence[Node], replies: Sequence[Reply]) -> tuple[NodeRow, ...] | UnsetType:
    """The nodes of a record; absent where its mode tells none. replies: those of the record, in order."""
    if not nodes:
        return UNSET
    places = {id(path): (at, index) for at, reply in enumerate(replies) for index, path in enumerate(reply.completions)}

    def places_of(paths: Sequence[Completion]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(places[id(path)][0] for path in paths if id(path) in places))

    return tuple(
        NodeRow(
            text=node.text[:NODE_CHARS],
            role=node.role,
            parent=node.parent,
            source=None if node.source is None else places.get(id(node.source)),
            value=node.value,
            kept=node.kept,
            why=node.why,
            judged=places_of(node.judged),
            ballot=node.ballot,
            tokens=node.tokens,
            ending="" if node.ballot is None or len(node.text) < NODE_CHARS else last_line_of(node.text)[:NODE_CHARS],
        )
        for node in nodes
    )


def last_line_of(text: str) -> str:
    """The last line of a text that isn't empty, with its white space folded; "" where there is none."""
    lines = text.split("\n")
    return next((" ".join(line.split()) for line in reversed(lines) if line.strip()), "")


def options_row(prediction: Prediction) -> OptionsRow | UnsetType:
    """The probabilities of a record's options."""
    given = prediction.options
    return UNSET if given is None else OptionsRow(probabilities=dict(given.probabilities), mass=given.mass)


def execution_row(execution: Execution) -> ExecutionRow:
    """What a record keeps of a program's run."""
    return ExecutionRow(
        outcome=execution.outcome.value,
        value=execution.value,
        error=execution.error or None,
        stdout=execution.stdout[-STDOUT_CHARS:] or None,
    )


def write_records(path: Path, lines: Iterable[bytes]) -> None:
    """Replace a file of records, packed or not. Raises RunError."""
    write_atomically(path, lines)
    packed_path(path).unlink(missing_ok=True)  # the plain one counts where both are there


class RecordFile:
    """Takes records while a run goes on (a killed run has what it had); sorted and complete at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Of each line its record's place and where it ends: the lines themselves stay on the disk.
        self._places, self._ends = array("q"), array("q", [0])
        self._flushed = time.monotonic()
        try:
            path.with_name(RECORD_TABLE).unlink(missing_ok=True)  # of what stood here before
            self._file = os.fdopen(open_to_write(path, os.O_RDWR | os.O_TRUNC), "w+b", buffering=1 << 16)
        except OSError as error:
            raise cannot_write(path, error) from None

    def __call__(self, place: int, record: Record) -> None:
        """Append a record. place: where it stands in the finished file. Raises RunError."""
        line = record.line()
        self._places.append(place)
        self._ends.append(self._ends[-1] + len(line))
        try:
            self._file.write(line)
            if time.monotonic() - self._flushed > FLUSH_EVERY_S:
                self._file.flush()
                self._flushed = time.monotonic()
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def finish(self, kept: Container[int] | None = None) -> None:
        """Sort the file. kept: the places of the records that are to stay; None for all. Raises RunError."""
        try:
            with self._file as file:
                file.flush()
                write_records(self._path, self._sorted(file.fileno(), kept))
        except OSError as error:
            raise cannot_write(self._path, error) from None

    def _sorted(self, descriptor: int, kept: Container[int] | None) -> Iterator[bytes]:
        # By place the number of the line, counted from 1; 0 where a place has none.
        lines = array("q", bytes(8 * (max(self._places, default=-1) + 1)))
        for number, place in enumerate(self._places, 1):
            if kept is None or place in kept:
                lines[place] = number
        for number in filter(None, lines):
            start = self._ends[number - 1]
            yield os.pread(descriptor, self._ends[number] - start, start)


def read_records(
    folder: Path, manifest: Manifest, questions: Mapping[str, Question], golds: Mapping[str, str]
) -> list[Record]:
    """Read a run's records, each of which is about a question, its task and a mode of this run, and has its gold.

    Raises RunError where one isn't: whoever sorts records by task and mode would drop it in silence. A torn last line,
    of a run that goes on or was killed, is passed over; one that has only begun may have no file yet."""
    path = folder / RECORDS
    if manifest.status == "running" and not path.exists() and not packed_path(path).exists():
        return []
    return list(checked_records(folder, manifest, questions, golds))


def checked_records(
    folder: Path,
    manifest: Manifest,
    questions: Mapping[str, Question],
    golds: Mapping[str, str],
    *,
    file: BinaryIO | None = None,
) -> Iterator[Record]:
    """Yield what `read_records` reads. file: records.jsonl, where it is open already; it stays so."""
    path, asked = folder / RECORDS, set(manifest.spec.pairs)
    lines = read_lines(path, Record, torn=True, file=file)
    for number, row in enumerate(map(with_possible_counts, lines), 1):
        question = questions.get(row.question)
        if question is None:
            found = f"lacks question {row.question}, which has a record (line {number} of {RECORDS})"
            remedy = "Run `cotbench run --resume RUN` to write its files again."
            raise RunError(f"{folder / QUESTIONS}: {found}.", remedy)
        fault = ""
        if row.task != question.task:
            fault = f"task is {row.task!r:.60}, expected {question.task!r:.60}, its question's"
        elif (row.task, row.mode) not in asked:
            modes = ", ".join(mode for task, mode in asked if task == row.task)
            fault = f"mode is {row.mode!r:.60}, expected one of this run ({modes or 'none'})"
        elif row.gold != golds[row.question]:
            fault = f"gold is {row.gold!r:.60}, expected {golds[row.question]!r:.60}, as in {QUESTIONS}"
        if fault:
            raise no_such_line(path, number, fault)
        yield row
