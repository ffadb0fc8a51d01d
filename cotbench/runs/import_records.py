"""The records of an imported run, by the loop of runs: over many outputs in several processes at once, since reading is
all that there is to do."""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cotbench.errors import RunError
from cotbench.modes import Kit
from cotbench.modes.paths import read_at_once
from cotbench.processes import beside
from cotbench.programs import Limits, Sandbox
from cotbench.runs.import_run import ArmFacts, ReadTask, key_of
from cotbench.runs.loop import Job, Loop, record_at_once
from cotbench.runs.stations import Judge, RecordedReplies, Ticket
from cotbench.runs.tally import Tally
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.records import RECORDS, Record, RecordFile, write_records

LEAST = 4_000  # outputs for which a process of their own is worth it
CHUNK = 1 << 20  # bytes that are copied at once

Counts = Counter[tuple[str, str, str]]  # how many records there are by task, arm and outcome


@dataclass(frozen=True, kw_only=True)
class _Part:
    """Some of a run's questions: those of each task from the first number to the one before the second."""

    ranges: Sequence[tuple[int, int]]
    path: Path


def derive(folder: Path, tasks: Sequence[ReadTask], prelude: str, limits: Limits, workers: int) -> Counts:
    """Read and grade what the journal of a run holds, and write its records. prelude: Python before each program.
    workers: how many processes may work at once. Raises RunError."""
    journal = JournalIndex(folder / JOURNAL)
    outputs = sum(arm.samples for task in tasks for arm in task.arms)
    runs = any(arm.logs.mode.runs for task in tasks for arm in task.arms)  # programs have processes of their own
    count = 1 if runs else max(1, min(workers, os.cpu_count() or 1, outputs // LEAST))
    _ = journal.empty or next(iter(journal), None)  # looked through once, before others share it
    parts = [
        _Part(
            ranges=[
                (len(task.questions) * number // count, len(task.questions) * (number + 1) // count) for task in tasks
            ],
            path=folder / f"{RECORDS}.{number}",
        )
        for number in range(count)
    ]
    work = [partial(_derive, journal, tasks, part, prelude, limits, max(1, workers // count), folder) for part in parts]
    try:
        others = [beside(one) for one in work[1:]]
        counts = work[0]()
        for other in others:
            counts.update(other())
        write_records(folder / RECORDS, _joined([part.path for part in parts]))
    finally:
        for part in parts:
            part.path.unlink(missing_ok=True)
    return counts


def _joined(paths: Sequence[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk


def _derive(
    journal: JournalIndex,
    tasks: Sequence[ReadTask],
    part: _Part,
    prelude: str,
    limits: Limits,
    workers: int,
    folder: Path,
) -> Counts:
    counts: Counts = Counter()
    sink = RecordFile(part.path)

    def take(number: int, record: Record) -> None:
        counts[record.task, record.mode, str(record.outcome)] += 1
        sink(number, record)

    def lacking(ticket: Ticket) -> RunError:
        return RunError(f"{folder}: its journal lacks a reply (flow {ticket.flow}).", "Import the logs again.")

    replies = RecordedReplies(journal, lacking)
    jobs = _jobs(tasks, part, prelude, journal)
    with (
        closing(Judge(workers)) as judge,
        Sandbox[Ticket](limits=limits) as sandbox,
        closing(Loop(_longer(jobs, journal, take), replies, judge, sandbox, take, Tally(total=0))) as loop,
    ):
        loop.run()
        sink.finish()
    return counts


def _longer(jobs: Iterator[Job], journal: JournalIndex, take: Callable[[int, Record], None]) -> Iterator[Job]:
    """The jobs that need a loop. Of the others, which ask once and whose answers can be graded at once, the records are
    made here: of a log of short outputs the loop's steps would take most of the time."""
    for job in jobs:
        record = _at_once(job, journal)
        if record is None:
            yield job
        else:
            take(job.number, record)


def _at_once(job: Job, journal: JournalIndex) -> Record | None:
    [key] = job.recorded or (None,)
    row = journal.reply(key) if key is not None else None
    if key is None or row is None or len(row.completions) != 1:
        return None
    prediction = read_at_once(job.question, job.kit, row.completions[0])
    return None if prediction is None else record_at_once(job, prediction, key, row.reply())


def _jobs(tasks: Sequence[ReadTask], part: _Part, prelude: str, journal: JournalIndex) -> Iterator[Job]:
    """The jobs of a part: question by question, under all arms that have an output of it."""
    number = 0
    for task, (start, stop) in zip(tasks, part.ranges, strict=True):
        kits = [
            Kit(
                mode=arm.logs.mode,
                answer_type=task.settled.kind,
                values=arm.logs.mode.recorded_values,
                prelude=prelude,
            )
            for arm in task.arms
        ]
        there = [_mask(arm, len(task.questions)) for arm in task.arms]
        for place in range(start, stop):
            question = task.questions[place]
            own = [at for at, has in enumerate(there) if has[place]]
            for at in own:
                yield Job(
                    number=number,
                    question=question,
                    gold=task.golds[question.id],
                    kit=kits[at],
                    siblings=len(own),
                    recorded=(key_of(task.arms[at], question),),
                    look=journal.reply,
                )
                number += 1


def _mask(arm: ArmFacts, count: int) -> array[int]:
    there = array("b", bytes(count))
    for own in arm.ids:
        for place in own:
            if place >= 0:
                there[place] = 1
    return there
