"""One imported run: its questions, what each arm's logs hold of them, and its folder, written in two readings of the
logs: the first says which questions there are, the second writes what came back."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import structs

from cotbench.errors import DataError
from cotbench.logs import Log, Sample
from cotbench.questions.tasks import TaskFile
from cotbench.runs.import_arms import ArmLogs, TaskLogs
from cotbench.runs.import_questions import Pool, Settled, questions_of
from cotbench.store.files import cannot_write
from cotbench.store.journal import JOURNAL, StoredReply, imported_line
from cotbench.store.lines import SCHEMA
from cotbench.store.segments import drop_segments
from cotbench.store.theirs import Reading, TheirsRow, write_theirs
from cotbench.types import Completion, Key, Question

SHOWN = 5  # questions that are named
NONE = -1  # in place of a sample's question: it is left out
_MAJORITY = ("maj",)  # how readings begin that are votes of several outputs: maj@8
NO_OUTPUT = "the log has no output"
_TELL_ENDINGS = frozenset({"inspect"})  # formats that say of each output how it ended
Skip = Callable[[Exception], None] | None


@dataclass(kw_only=True)
class ArmFacts:
    """What an arm's logs hold, counted while they are read. read: of each reading how many answers it read; scores: the
    sum of its scores and how many there are."""

    logs: ArmLogs
    ids: list[array[int]] = field(default_factory=list)  # for each log, the question of each sample
    samples: int = 0
    repeats: int = 0  # outputs beyond the first of a question
    most: int = 0  # outputs of one question
    messages: int = 0
    tokens: int = 0
    prompt_tokens: int = 0
    thoughts: int = 0
    ended: bool = False  # whether some output is said to have been cut
    errors: int = 0
    outputs: int = 0
    cut: int = 0  # outputs that have all the tokens that they may have, where their log doesn't say how they ended
    read: Counter[str] = field(default_factory=Counter)
    scores: dict[str, float] = field(default_factory=dict)
    judged: set[str] = field(default_factory=set)  # readings of which the logs have verdicts
    scored: Counter[str] = field(default_factory=Counter)
    metrics: dict[str, str] = field(default_factory=dict)

    def take(self, log: Log, sample: Sample) -> None:
        """Count a sample of a log."""
        self.samples += 1
        self.most = max(self.most, len(sample.outputs))
        self.repeats += max(0, len(sample.outputs) - 1)
        self.messages += bool(sample.messages)
        self.errors += not sample.outputs
        for path in sample.outputs:
            self.tokens += path.completion_tokens is not None
            self.prompt_tokens += path.prompt_tokens is not None
            self.thoughts += bool(path.reasoning) or "<think>" in path.text
            self.ended |= path.finish_reason != "stop"
            self.outputs += 1
            self.cut += _cut(path, log) is not path
        for name, theirs in sample.readings.items():
            self.metrics.setdefault(name, theirs.metric)
            self.read[name] += any(answer is not None for answer in theirs.answers)
            if any(score is not None for score in theirs.scores):
                self.judged.add(name)

    def count(self, readings: Mapping[str, Reading]) -> None:
        """Count the scores of a sample."""
        for name, one in readings.items():
            scores = [score for score in one.scores if score is not None]
            if scores:
                self.scores[name] = self.scores.get(name, 0.0) + sum(scores) / len(scores)
                self.scored[name] += 1

    def reading(self, wanted: str) -> str:
        """Which of the tool's readings is set beside ours: the one that is wanted, else the strictest that reads
        answers, which is the one that reads fewest; "" where there is none. Raises DataError for an unknown one."""
        if wanted and wanted not in self.metrics:
            known = ", ".join(self.metrics) or "none"
            place = self.logs.logs[0].path
            raise DataError(f"--filter: {place} has no reading '{wanted}'. It has: {known}.", "Name one of them.")
        if wanted or not self.metrics:
            return wanted
        reads = {name: count for name, count in self.read.items() if count}
        votes = bool(self.logs.mode.own.paths)
        alike = {name: count for name, count in reads.items() if name.startswith(_MAJORITY) is votes}
        firsts = list(alike or reads or self.metrics)
        return min(firsts, key=lambda name: (reads.get(name, 0), firsts.index(name)))

    def their_figure(self, name: str) -> float | None:
        """The mean score of a reading over the samples; None where it has none."""
        return self.scores[name] / self.scored[name] if self.scored[name] else None


@dataclass(kw_only=True)
class ReadTask:
    """A task of a run after the first reading. questions: all, in the order in which the logs have them."""

    logs: TaskLogs
    settled: Settled
    questions: list[Question]
    golds: dict[str, str]
    arms: list[ArmFacts]
    left_out: Mapping[str, int]
    by_rows: bool
    why_not: str

    @property
    def name(self) -> str:
        return self.logs.name

    @property
    def file(self) -> TaskFile | None:
        """The task file that reads it."""
        return self.logs.file

    def has(self, arm: ArmFacts) -> set[int]:
        """The questions that an arm has an output of."""
        return {place for each in arm.ids for place in each if place != NONE}


@dataclass(kw_only=True)
class Broken:
    """Lines that can't be read: the first of them ends the import unless they are to be passed over."""

    pass_over: bool
    said: dict[str, None] = field(default_factory=dict)

    @property
    def skip(self) -> Skip:
        return self._take if self.pass_over else None

    def _take(self, error: Exception) -> None:
        self.said.setdefault(error.message if isinstance(error, DataError) else str(error))

    def of(self, error: DataError) -> None:
        """Take a fault that was found beyond reading. Raises it where it isn't to be passed over."""
        if not self.pass_over:
            raise error
        self._take(error)


# --- first reading --------------------------------------------------------------------------------------------------


def read_task(logs: TaskLogs, kind: str, broken: Broken, *, repeated: bool) -> ReadTask:
    """Read the logs of a task: which questions there are, and which of them each arm has. Raises DataError."""
    pool = Pool(logs.file, kind)
    arms = [_drafts(arm, pool, broken) for arm in logs.arms]
    settled = pool.settle()
    for fault in settled.faults.values():
        broken.of(fault)
    for arm in arms:
        for each in arm.ids:
            for at, place in enumerate(each):
                if place != NONE:
                    final = settled.of[place]
                    each[at] = NONE if final is None else final
    times: dict[int, int] = {}
    for arm in arms:
        for place, count in _repeated(arm).items():
            if not repeated:
                raise _twice(arm, place)
            times[place] = max(times.get(place, 1), count)
    made, golds = questions_of(logs.name, settled, times)
    questions = [question for each in made for question in each]
    starts, start = [], 0
    for same in made:
        starts.append(start)
        start += len(same)
    for arm in arms:
        _number(arm, starts)
    for arm in arms:
        for log, own in zip(arm.logs.logs, arm.ids, strict=True):
            if all(place == NONE for place in own):
                found = "there is no sample in it" + (" that can be taken" if len(own) else "")
                raise DataError(f"{log.path}: {found}.", _why_none(log, pool, broken))
    return ReadTask(
        logs=logs,
        settled=settled,
        questions=questions,
        golds=golds,
        arms=arms,
        left_out=pool.left_out,
        by_rows=any(pool.by_rows.values()),
        why_not=pool.why_not,
    )


def _why_none(log: Log, pool: Pool, broken: Broken) -> str:
    """What may be done about a log of which nothing is left."""
    said = next((one for one in broken.said if str(log.path) in one), "")
    if said:
        return f"The first fault: {said}"
    return "The task leaves all its rows out." if pool.left_out else "Name a log that holds some, or leave it out."


def _drafts(logs: ArmLogs, pool: Pool, broken: Broken) -> ArmFacts:
    arm = ArmFacts(logs=logs)
    for log in logs.logs:
        own: array[int] = array("q")
        for number, sample in enumerate(log.samples(broken.skip), 1):
            try:
                place = pool.take(log, sample, number)
            except DataError as error:
                broken.of(error)
                place = None
            own.append(NONE if place is None else place)
            if place is not None:
                arm.take(log, sample)
        arm.ids.append(own)
    return arm


def _repeated(arm: ArmFacts) -> dict[int, int]:
    """Questions that an arm's logs have more than once, and how often."""
    if sum(map(len, arm.ids)) == len({place for each in arm.ids for place in each}):
        return {}
    counts = Counter(place for each in arm.ids for place in each if place != NONE)
    return {place: count for place, count in counts.items() if count > 1}


def _twice(arm: ArmFacts, place: int) -> DataError:
    """The error of a question that a log has twice, with both places."""
    places = []
    for log, own in zip(arm.logs.logs, arm.ids, strict=True):
        if place in own:
            samples = zip(log.samples(lambda _: None), own, strict=False)
            places += [sample.place for sample, at in samples if at == place]
    found = f"{places[1]}: the same question, options and answer stand in {places[0]} already"
    more = f" (and {len(places) - 2} more times)" if len(places) > 2 else ""
    remedy = "Remove one. Where the data set itself holds a question several times: --repeated-questions."
    return DataError(f"{found}{more}.", remedy)


def _number(arm: ArmFacts, starts: Sequence[int]) -> None:
    """Number an arm's samples by the run's questions; of a question that is there several times, in order."""
    seen: Counter[int] = Counter()
    for own in arm.ids:
        for at, place in enumerate(own):
            if place != NONE:
                own[at] = starts[place] + seen[place]
                seen[place] += 1


# --- second reading -------------------------------------------------------------------------------------------------


def request_of(arm: str, question: str) -> str:
    """What stands for the hash of a request, which a log has none of."""
    return hashlib.sha256(f"{arm}\x1f{question}".encode()).hexdigest()[:16]


def write_replies(
    folder: Path, tasks: Sequence[ReadTask], theirs: Callable[[ReadTask, ArmFacts, int, Sample], Any]
) -> None:
    """Write the journal and what the tool made of the outputs. theirs: makes that of a sample. Raises RunError."""
    path = folder / JOURNAL
    try:
        with path.with_name(JOURNAL + ".tmp").open("wb", buffering=1 << 20) as file:
            write_theirs(folder, _written(tasks, file.write, theirs))
        path.with_name(JOURNAL + ".tmp").replace(path)
        drop_segments(path)  # of an import that this one replaces
    except OSError as error:
        raise cannot_write(path, error) from None


def _written(
    tasks: Sequence[ReadTask], write: Callable[[bytes], Any], theirs: Callable[[ReadTask, ArmFacts, int, Sample], Any]
) -> Iterator[TheirsRow]:
    for task in tasks:
        for arm in task.arms:
            votes = bool(arm.logs.mode.own.paths)
            for log, own in zip(arm.logs.logs, arm.ids, strict=True):
                for sample, place in zip(log.samples(lambda _: None), own, strict=True):
                    if place == NONE:
                        continue
                    question = task.questions[place]
                    write(_journal_line(arm, log, question, sample, votes=votes))
                    readings = theirs(task, arm, place, sample)
                    arm.count(readings)
                    if readings:
                        yield TheirsRow(question=question.id, mode=arm.logs.name, place=sample.place, readings=readings)


def _journal_line(arm: ArmFacts, log: Log, question: Question, sample: Sample, *, votes: bool) -> bytes:
    paths = sample.outputs if votes else sample.outputs[:1]
    if not paths:
        paths = (Completion(text="", finish_reason="error", error=sample.error or NO_OUTPUT),)
    paths = tuple(_cut(path, log) for path in paths)
    drawn = {name: value for name, value in log.sampling.items() if name != "n" and value is not None}
    stop = drawn.get("stop", [])
    drawn["stop"] = [stop] if isinstance(stop, str) else list(stop)
    return imported_line(
        StoredReply(
            v=SCHEMA,
            question=question.id,
            request=request_of(arm.logs.name, question.id),
            ordinal=0,
            template=arm.logs.mode.own.template,
            sampling={**drawn, "n": len(paths)},
            messages=sample.messages or None,
            imported=True,
            completions=paths,
        )
    )


def _cut(path: Completion, log: Log) -> Completion:
    """An output as it counts: one that has as many tokens as it may have was cut, where the log doesn't say how it
    ended."""
    budget = log.sampling.get("max_tokens")
    known = _tells(log) or path.finish_reason != "stop"
    if known or path.completion_tokens is None or type(budget) is not int or path.completion_tokens < budget:
        return path
    return structs.replace(path, finish_reason="length")


def tells_endings(arm: ArmFacts) -> bool:
    """Whether an arm's logs say how outputs ended."""
    return arm.ended or all(_tells(log) for log in arm.logs.logs)


def _tells(log: Log) -> bool:
    return log.endings or log.format in _TELL_ENDINGS


def key_of(arm: ArmFacts, question: Question) -> Key:
    """The address of an output."""
    return Key(question.id, request_of(arm.logs.name, question.id), 0, 0)


__all__ = ["ArmFacts", "Broken", "ReadTask", "Reading", "key_of", "read_task", "tells_endings", "write_replies"]
