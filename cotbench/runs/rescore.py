"""Grading a recorded run again, without a model: its modes run over the replies on record, in the same loop as a
run's."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import structs

from cotbench.answers.kinds import KINDS
from cotbench.errors import RunError
from cotbench.modes import Kit, Mode, recorded_mode
from cotbench.programs import Limits, Sandbox, require_containment
from cotbench.runs.loop import Job, Loop
from cotbench.runs.provenance import circumstance, now
from cotbench.runs.score_file import Summary, summarize
from cotbench.runs.solving import require_solver
from cotbench.runs.stations import STATIONS, Judge, RecordedReplies, Ticket, identities
from cotbench.runs.tally import Tally
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lines import dump_line
from cotbench.store.lock import RunLock
from cotbench.store.lookup import SCORED
from cotbench.store.manifest import Manifest, prelude_of, read_manifest
from cotbench.store.questions import read_questions
from cotbench.store.records import RECORDS, Record, read_records, write_records

_RESUME = "Run `cotbench run --resume RUN` to complete it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A record whose verdict, answer or rule is another now."""

    before: Record
    after: Record

    @property
    def of_verdict(self) -> bool:
        return self.before.outcome != self.after.outcome

    def as_dict(self) -> dict[str, Any]:
        def entries(record: Record, *names: str) -> dict[str, Any]:
            return {name: getattr(record, name) for name in names}

        before, after = (entries(row, "outcome", "answer", "rule", "span") for row in (self.before, self.after))
        return {**entries(self.before, "question", "mode", "gold"), "before": before, "after": after}


@dataclass(frozen=True, kw_only=True)
class Rescored:
    """summaries: before and now, by task and mode."""

    folder: Path
    records: int
    changes: tuple[Change, ...]
    summaries: dict[tuple[str, str], tuple[Summary, Summary]]
    fatal: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        return {
            "run": self.folder.name,
            "records": self.records,
            "verdicts_changed": sum(change.of_verdict for change in self.changes),
            "changes": [change.as_dict() for change in self.changes],
            "accuracy": [
                {"task": task, "mode": mode, "before": before.accuracy, "after": after.accuracy}
                for (task, mode), (before, after) in self.summaries.items()
            ],
            "fatal": list(self.fatal),
        }


def score_run(folder: Path, workers: int, *, write: bool = True) -> Rescored:
    """Derive a run's records from its journal again; write them unless told not to. Raises RunError."""
    with closing(RunLock(folder)):
        manifest = read_manifest(folder)
        questions, golds = read_questions(folder, manifest)
        before = read_records(folder, manifest, questions, golds)
        types = _answer_types(folder, manifest, before)
        names = dict.fromkeys(row.mode for row in before)
        modes = {name: recorded_mode(name, manifest.modes.get(name)) for name in names}
        _check_stations(folder, manifest, modes.values())
        require_solver(modes.values(), (questions[row.question].kind or types[row.task] for row in before))
        journal = JournalIndex(folder / JOURNAL)
        times = Counter(key for row in before for key in row.keys)
        arms = Counter(task for task, _ in manifest.spec.pairs)
        there = Counter(row.question for row in before)
        # Of a question that hasn't been asked under all its arms yet, one that is missing may have asked first.
        torn = {row.question for row in before if there[row.question] < arms[row.task]}
        jobs = (
            Job(
                number=number,
                question=questions[row.question],
                gold=golds[row.question],
                kit=Kit(
                    mode=modes[row.mode],
                    answer_type=types[row.task],
                    words=manifest.spec.mode(row.task, row.mode).continued,
                    seed=manifest.spec.seed,
                    values=manifest.spec.mode(row.task, row.mode).settings,
                    prelude=prelude_of(manifest),
                    paths=int(manifest.spec.mode(row.task, row.mode).sampling.get("n", 1)),
                ),
                recorded=row.keys,
                look=journal.reply,
                shared=frozenset(key for key in row.keys if times[key] > 1 or row.question in torn),
            )
            for number, row in enumerate(before)
        )

        def lacking(ticket: Ticket) -> RunError:
            row = before[ticket.flow]
            return RunError(f"{folder}: its journal lacks a reply to {row.question} under {row.mode}.", _RESUME)

        after: list[Record] = list(before)

        def sink(number: int, record: Record) -> None:
            derived = "outcome answer rule span votes executions score before options source nodes".split()
            after[number] = structs.replace(before[number], **{name: getattr(record, name) for name in derived})

        replies = RecordedReplies(journal, lacking)
        tally = Tally(total=len(before))
        with (
            closing(Judge(workers)) as judge,
            _sandbox(manifest) as sandbox,
            closing(Loop(jobs, replies, judge, sandbox, sink, tally)) as loop,
        ):
            loop.run()
        if write:
            write_records(folder / RECORDS, map(dump_line, after))
            manifest.totals["outcomes"] = dict(sorted(Counter(row.outcome for row in after).items()))
            manifest.sessions.append({**circumstance(), "command": SCORED, "started": now()})
            manifest.write(folder)
    rows: dict[tuple[str, str], list[tuple[Record, Record]]] = defaultdict(list)
    for old, new in zip(before, after, strict=True):
        rows[old.task, old.mode].append((old, new))
    return Rescored(
        folder=folder,
        records=len(before),
        changes=tuple(Change(before=old, after=new) for old, new in zip(before, after, strict=True) if old != new),
        summaries={
            name: (summarize([o for o, _ in pairs]), summarize([n for _, n in pairs])) for name, pairs in rows.items()
        },
        fatal=tuple(tally.fatal),
    )


def _check_stations(folder: Path, manifest: Manifest, modes: Iterable[Mode]) -> None:
    """Raise RunError where a station would answer otherwise than in the run: its answers are on no record."""
    known = {row.name for row in STATIONS.values() if row.recorded}
    recorded = manifest.spec.stations
    present = identities(modes, known)
    for name in sorted((recorded.keys() - known) | present.keys()):
        then, today = recorded.get(name), present.get(name)
        if then != today:
            found = f"was run with the station {name} as {then}, and it is {today} now"
            raise RunError(f"{folder}: {found}.", "Grade it with the same one.")


def _answer_types(folder: Path, manifest: Manifest, rows: Iterable[Record]) -> dict[str, str]:
    """Return how answers of each task are read. Raises RunError where the manifest doesn't say it."""
    try:
        types = {task: KINDS[entry["answer_type"]].name for task, entry in manifest.data.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"{folder}: its manifest doesn't say how answers are read: {error}.", _RESUME) from None
    unknown = next((row.task for row in rows if row.task not in types), None)
    if unknown is not None:
        raise RunError(f"{folder}: its manifest doesn't say how answers of {unknown} are read.", _RESUME)
    return types


def _sandbox(manifest: Manifest) -> Sandbox[Ticket]:
    """Open a sandbox with the run's own limits, which contains programs even where the run itself did not."""
    programs = {name: value for name, value in manifest.spec.programs.items() if name != "contained"}
    if programs:
        require_containment()
    return Sandbox(limits=Limits(**programs))
