"""One run of the shards of it (`cotbench merge`): the folder that the run would have had, had it not been split.

Files are streamed, whatever their size: of a line no more is held than where it stands. What a shard has is not read
anew, so that no data set and no model is needed here. The folder may be there already, with other shards or answers of
its own: then what is lacking is added, and nothing that it has is lost.
"""

from __future__ import annotations

import os
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import Struct, structs

from cotbench.errors import RunError, UsageError
from cotbench.runs.prepare import differences, digest, unsharded
from cotbench.runs.session import folder_of
from cotbench.store.files import open_to_read, write_atomically
from cotbench.store.frames import packed_path
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lines import T, load_line, no_such_line, read_lines
from cotbench.store.lock import RunLock, state_of
from cotbench.store.manifest import MANIFEST, Manifest, Merged, MergedShard, ShardEntry, read_manifest
from cotbench.store.passages import PASSAGES
from cotbench.store.questions import asked_fingerprint, read_questions, write_questions
from cotbench.store.records import RECORDS
from cotbench.store.segments import drop_segments
from cotbench.types import Key, Outcome, Question


@dataclass(frozen=True, kw_only=True)
class MergeResult:
    """What came of a merge. merged: what the folder holds of shards. answers: how many of how many `expected`."""

    folder: Path
    merged: Merged
    answers: int
    expected: int

    @property
    def complete(self) -> bool:
        """Whether all of the run's answers are there."""
        return self.answers == self.expected

    def as_dict(self) -> dict[str, Any]:
        return {
            "run": self.folder.name,
            "folder": str(self.folder),
            "of": self.merged.of,
            "merged": self.merged.numbers,
            "missing": [] if self.complete else self.merged.missing,
            "unfinished": [] if self.complete else self.merged.unfinished,
            "answers": self.answers,
            "expected": self.expected,
        }


def merge(folders: Sequence[Path], output_dir: Path) -> MergeResult:
    """Make one run of shards, or add them to what is there of it.

    Raises UsageError where none is named, RunError where they can't be merged: one isn't a shard, or is going on, or is
    there twice, or they are of different runs; and where a folder isn't what a run writes."""
    if not folders:
        raise UsageError("merge: no shard is named.", "Name the folders or ids of runs that were made with --shard.")
    shards = sorted((_Shard.read(folder) for folder in folders), key=lambda shard: shard.entry.number)
    _check_alike(shards)
    first = shards[0].manifest
    spec = unsharded(first.spec_row)
    folder = folder_of(output_dir, str(first.options["model"]), spec)
    with closing(RunLock(folder)):
        return _Merge(folder, spec, shards).write()


# --- what is merged -----------------------------------------------------------------------------------------------


class _Addressed(Struct, frozen=True, gc=False):
    """Of a line of the journal."""

    question: str
    request: str
    ordinal: int
    replicate: int = 0

    @property
    def key(self) -> Key:
        return Key(self.question, self.request, self.replicate, self.ordinal)


class _OfQuestion(Struct, frozen=True, gc=False):
    """Of a line of a file that has lines about questions."""

    question: str


class _Shown(_OfQuestion, frozen=True, gc=False):
    """Of a line of passages.jsonl."""

    context: str


class _Recorded(_OfQuestion, frozen=True, gc=False, kw_only=True):
    """Of a line of records.jsonl."""

    mode: str
    outcome: Outcome
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    executions: tuple[msgspec.Raw, ...] = ()


@dataclass(frozen=True, eq=False)
class _Part:
    """A folder with questions of the run: a shard, or what is there of the run itself."""

    folder: Path
    manifest: Manifest

    def __post_init__(self) -> None:
        if packed_path(self.folder / RECORDS).exists():
            found = f"{self.folder}: its records are packed, and merging reads them where they stand."
            raise RunError(found, f"Unpack it first: cotbench pack --undo {self.folder}")

    @cached_property
    def journal(self) -> JournalIndex:
        """Its replies; kept, so that they are looked up where the folder of the run is there already."""
        return JournalIndex(self.folder / JOURNAL)

    @cached_property
    def answered(self) -> Counter[str]:
        """How many answers each of its questions has, without those whose requests failed."""
        rows = (row for _, row in self.lines(RECORDS, _Recorded))
        return Counter(row.question for row in rows if row.outcome != Outcome.ENGINE_ERROR)

    def lines(self, name: str, kind: type[T]) -> Iterator[tuple[bytes, T]]:
        """The lines of one of its files, as they stand and as they are read. A torn last one, of a run that was killed,
        is passed over, and a file that such a run has not begun is empty."""
        path = self.folder / name
        if path.exists():
            with open_to_read(path) as file:
                yield from zip(file, read_lines(path, kind, torn=True), strict=False)


@dataclass(frozen=True, eq=False)
class _Shard(_Part):
    entry: ShardEntry

    @property
    def name(self) -> str:
        return f"shard {self.entry.number} of {self.entry.of}"

    @classmethod
    def read(cls, folder: Path) -> _Shard:
        """Raises RunError where a folder is no shard, or one that is going on."""
        manifest = read_manifest(folder)
        entry = manifest.spec.shard
        if entry is None:
            found = (
                "a run that shards were merged into" if manifest.merged is not None else "a run of all its questions"
            )
            remedy = "Name shards only: a run that they were merged into before is found by itself."
            raise RunError(f"{folder}: expected a shard (a run with --shard), found {found}.", remedy)
        shard = cls(folder, manifest, entry)
        if state_of(folder, manifest) == "running":
            remedy = "Wait for it, or merge the others now and this one later."
            raise RunError(f"{folder}: {shard.name} is going on, expected one that has ended.", remedy)
        if manifest.lock is not None and manifest.seal(manifest.lock) != manifest.lock.hash:
            remedy = "Restore its manifest, or leave it out."
            raise RunError(f"{folder}: what was fixed before the first token isn't what its hash is of.", remedy)
        return shard


def _check_alike(shards: Sequence[_Shard]) -> None:
    """Raise RunError where shards aren't different ones of one run. shards: in the order of their numbers."""
    first = shards[0]
    for shard in shards[1:]:
        if shard.entry.of != first.entry.of:
            found = f"{shard.folder}: is {shard.name}, expected one of {first.entry.of}, as {first.folder} is."
            raise RunError(found, "Merge shards of one split.")
        unlike = differences(unsharded(first.manifest.spec_row), unsharded(shard.manifest.spec_row))
        unlike += differences(_fixed(first.manifest), _fixed(shard.manifest), "lock")
        if unlike:
            lines = "\n  ".join(unlike)
            raise RunError(
                f"{shard.folder}: is a shard of another run than {first.folder}. What they rest on differs:\n  {lines}",
                "Merge the shards of each run by themselves, or run this one again with the options of the others.",
            )
    for one, other in pairwise(shards):
        if one.entry.number == other.entry.number:
            found = f"{other.folder}: is {other.name}, expected another one than {one.folder} is."
            raise RunError(found, "Name each shard once.")


def _fixed(manifest: Manifest) -> Any:
    """What was fixed before the first token, but for when."""
    lock = manifest.lock
    return None if lock is None else msgspec.to_builtins(structs.replace(lock, at="", hash=""))


# --- the run ------------------------------------------------------------------------------------------------------

_Line = TypeVar("_Line", bound=_OfQuestion)
_Of = Sequence[_Part]


@dataclass
class _Merge:
    """The making of one run's folder, which is locked.

    questions, golds: those of all parts. ids: the questions' ids by task, in the run's order. places: where each
    stands among all of the run's. home: the part whose answers to a question count, of several that have it. rows,
    counts: how many answers each part has, and what the merged ones come to."""

    folder: Path
    spec: dict[str, Any]
    shards: Sequence[_Shard]
    questions: dict[str, Question] = field(default_factory=dict)
    golds: dict[str, str] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    home: dict[str, _Part] = field(default_factory=dict)
    ids: dict[str, list[str]] = field(default_factory=dict)
    rows: Counter[_Part] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)

    def write(self) -> MergeResult:
        """Write the folder. A merge that is killed on the way is made again by the same command."""
        own = self._own()
        parts = [*self.shards, *([own] if own is not None else [])]
        for part in parts:
            self._take_questions(part)
        self._order_questions()
        manifest = self._manifest(own)
        write_questions(self.folder, list(self.questions.values()), self.golds)
        if any((part.folder / PASSAGES).exists() for part in parts):
            write_atomically(self.folder / PASSAGES, self._in_order(parts, PASSAGES, _Shown, self._place_of_shown))
        manifest.write(self.folder)
        write_atomically(self.folder / JOURNAL, self._journal(parts, alone=own is None))
        drop_segments(self.folder / JOURNAL)  # of the run as it was: all of their lines stand in the new file
        write_atomically(self.folder / RECORDS, self._in_order(parts, RECORDS, _Recorded, self._place_of_record))
        merged = self._note_end(manifest, own)
        manifest.write(self.folder)
        totals = manifest.totals
        return MergeResult(folder=self.folder, merged=merged, answers=totals["records"], expected=totals["of"])

    def _own(self) -> _Part | None:
        """What there is of the run already. Raises RunError where shards can't be added to that."""
        if not (self.folder / MANIFEST).exists():
            if (self.folder / JOURNAL).exists():
                remedy = "Restore the manifest, or move the folder away and merge again."
                raise RunError(f"{self.folder}: holds a journal but no {MANIFEST}.", remedy)
            return None
        manifest, of = read_manifest(self.folder), self.shards[0].entry.of
        unlike = differences(manifest.spec_row, self.spec)
        unlike += differences(_fixed(manifest), _fixed(self.shards[0].manifest), "lock")
        if manifest.merged is not None and manifest.merged.of != of:
            unlike.append(f"shards: {manifest.merged.of} -> {of}")
        if unlike:
            lines = "\n  ".join(unlike)
            found = f"{self.folder}: is there already, and the shards can't be added to it. What differs:\n  {lines}"
            raise RunError(found, "Choose another --output-dir, or move that folder away.")
        return _Part(self.folder, manifest)

    # --- questions ------------------------------------------------------------------------------------------------

    @cached_property
    def _offsets(self) -> dict[str, int]:
        """Where the questions of each task begin among all of the run's."""
        counts = [row["questions"] for row in self.spec["tasks"].values()]
        return dict(zip(self.spec["tasks"], accumulate(counts, initial=0), strict=False))

    def _take_questions(self, part: _Part) -> None:
        """Take in a part's questions. Those that the run's own folder has, too, are answered as they are there, unless
        the shard has more answers."""
        questions, golds = read_questions(part.folder, part.manifest)
        questions = {name: question for name, question in questions.items() if question.task in self.spec["tasks"]}
        for task, row in self.spec["tasks"].items():
            ids = [name for name, question in questions.items() if question.task == task]
            self.places |= zip(ids, self._places(part, task, ids, row["questions"]), strict=True)
        for name in questions:
            known = self.home.setdefault(name, part)
            if known is not part and part.answered[name] >= known.answered[name]:
                self.home[name] = part
        self.questions |= questions
        self.golds |= golds

    def _places(self, part: _Part, task: str, ids: Sequence[str], of: int) -> list[int]:
        """Where a part's questions of a task stand among all of the run's. Raises RunError where nothing says it."""
        places: Sequence[int] = part.manifest.places.get(task, ()) if len(ids) < of else range(of)
        if len(places) == len(ids) and all(place < of for place in places):
            return [self._offsets[task] + place for place in places]
        if all(name in self.places for name in ids):  # the merge before was killed, and the same shards are named again
            return [self.places[name] for name in ids]
        raise RunError(
            f"{part.folder / MANIFEST}: places.{task} has {len(places):,} numbers, expected one below {of:,} for each "
            f"of {len(ids):,} questions.",
            f"Merge all shards again, or go on with: cotbench run --resume {part.folder}",
        )

    def _order_questions(self) -> None:
        """Put the questions in the run's order. Raises RunError where they can't be its questions."""
        self.questions = {name: self.questions[name] for name in sorted(self.questions, key=self.places.__getitem__)}
        self.ids = {task: [] for task in self.spec["tasks"]}
        for name, question in self.questions.items():
            self.ids[question.task].append(name)
        for task, row in self.spec["tasks"].items():
            ids = self.ids[task]
            doubled = len({self.places[name] for name in ids}) < len(ids)
            if doubled or (len(ids) == row["questions"] and digest(ids) != row["ids"]):
                found = (
                    "two of them stand in one place" if doubled else f"their hash is {digest(ids)}, not {row['ids']}"
                )
                remedy = "Restore their questions.jsonl and manifest.json, or run them again."
                raise RunError(
                    f"{self.folder}: the shards' questions of {task} aren't those of their run: {found}.", remedy
                )

    def _complete(self, task: str) -> bool:
        """Whether all of a task's questions are there."""
        return len(self.ids[task]) == int(self.spec["tasks"][task]["questions"])

    # --- files ----------------------------------------------------------------------------------------------------

    def _in_order(
        self, parts: _Of, name: str, kind: type[_Line], place: Callable[[_Line], int | None]
    ) -> Iterator[bytes]:
        """The lines of a file of all parts in the order of their places, each from where its question is at home.

        place: None of a line that isn't about this run. Of a line no more is held than where it stands."""
        at, of, start, size = array("q"), array("q"), array("q"), array("q")
        with ExitStack() as opened:
            files = {
                number: opened.enter_context(open_to_read(path))
                for number, part in enumerate(parts)
                if (path := part.folder / name).exists()
            }
            for number in files:
                part, end = parts[number], 0
                for count, (line, row) in enumerate(part.lines(name, kind), 1):
                    begin, end = end, end + len(line)
                    self.rows[part] += kind is _Recorded
                    if (home := self.home.get(row.question)) is not None and home is not part:
                        continue
                    found = place(row)
                    if home is None or found is None:
                        raise no_such_line(part.folder / name, count, "isn't about a question and an arm of this run")
                    at.append(found)
                    of.append(number)
                    start.append(begin)
                    size.append(len(line))
            for index in np.argsort(np.frombuffer(at, dtype=np.int64), kind="stable") if at else ():
                yield os.pread(files[of[index]].fileno(), size[index], start[index])

    @cached_property
    def _contexts(self) -> dict[tuple[str, str], int]:
        """The sets of passages that arms show, by task and context, in the order in which a run writes them."""
        arms = [
            (name.partition("/")[0], row["context"]["name"])
            for name, row in self.spec["modes"].items()
            if "context" in row
        ]
        return {pair: number for number, pair in enumerate(dict.fromkeys(arms))}

    @cached_property
    def _arms(self) -> dict[str, int]:
        return {name: number for number, name in enumerate(self.spec["modes"])}

    def _place_of_shown(self, row: _Shown) -> int | None:
        question = self.questions.get(row.question)
        number = None if question is None else self._contexts.get((question.task, row.context))
        return None if number is None else number * self._most + self.places[row.question]

    def _place_of_record(self, row: _Recorded) -> int | None:
        question = self.questions.get(row.question)
        number = None if question is None else self._arms.get(f"{question.task}/{row.mode}")
        if number is None:
            return None
        self.outcomes[row.outcome] += 1
        self.counts["prompt_tokens"] += row.prompt_tokens or 0
        self.counts["completion_tokens"] += row.completion_tokens or 0
        self.counts["programs"] += len(row.executions)
        return self.places[row.question] * len(self._arms) + number

    @property
    def _most(self) -> int:
        """How many questions the run has."""
        return sum(row["questions"] for row in self.spec["tasks"].values())

    def _journal(self, parts: _Of, *, alone: bool) -> Iterator[bytes]:
        """The lines of the parts' journals, as they stand. alone: no two parts have the same question; otherwise, of an
        address that several have, the line that belongs to the answers that count."""
        for part in parts:
            if alone:
                yield from JournalIndex(part.folder / JOURNAL).lines()
                continue
            for line in part.journal.lines():
                row = load_line(line, _Addressed)
                home = self.home.get(row.question, part)
                known = None if home is part else home.journal.reply(row.key)
                if known is None or known.failed:
                    yield line

    # --- the manifest ---------------------------------------------------------------------------------------------

    def _manifest(self, own: _Part | None) -> Manifest:
        """The manifest of a run whose files are being written: what it says of shards is what it held before."""
        base = own.manifest if own is not None else self.shards[0].manifest
        made = structs.replace(
            base,
            run=self.folder.name,
            status="running",
            spec_row=self.spec,
            options={**base.options, "shard": None},
            engine=_engine([base.engine, *(shard.manifest.engine for shard in self.shards)]),
            data={task: self._data(task, row) for task, row in base.data.items()},
            question_ids={task: self.ids[task] for task in base.question_ids},
            places={} if all(map(self._complete, self.spec["tasks"])) else self._places_of_all(),
            lock=None,
            merged=own.manifest.merged if own is not None else None,
            totals={"of": _answers_of(self.spec)},
            sessions=own.manifest.sessions if own is not None else [],
        )
        if base.lock is not None:
            at = min(part.manifest.lock.at for part in self.shards if part.manifest.lock is not None)
            lock = structs.replace(base.lock, at=at if own is None else base.lock.at)
            made.lock = structs.replace(lock, hash=made.seal(lock))
        return made

    def _data(self, task: str, row: dict[str, Any]) -> dict[str, Any]:
        """Where a task's questions are from; of a part of them nothing says what all of them are."""
        told = {**row, "questions": self.spec["tasks"][task]["questions"]}
        told.pop("asked", None)
        if self._complete(task):
            told["asked"] = asked_fingerprint([self.questions[name] for name in self.ids[task]], self.golds)
        return told

    def _places_of_all(self) -> dict[str, list[int]]:
        return {task: [self.places[name] - self._offsets[task] for name in ids] for task, ids in self.ids.items()}

    def _note_end(self, manifest: Manifest, own: _Part | None) -> Merged:
        """Put into the manifest what it holds now: the shards with their sessions, and the totals."""
        before = own.manifest.merged.shards if own is not None and own.manifest.merged is not None else {}
        named = {str(shard.entry.number): shard for shard in self.shards}
        merged = Merged(
            of=self.shards[0].entry.of,
            shards={
                **before,
                **{
                    number: MergedShard(
                        run=shard.manifest.run,
                        status=state_of(shard.folder, shard.manifest),
                        records=self.rows[shard],
                        of=_answers_of(shard.manifest.spec_row),
                    )
                    for number, shard in named.items()
                },
            },
        )
        sessions = [
            one for one in (own.manifest.sessions if own is not None else ()) if str(one.get("shard")) not in named
        ]
        sessions += [
            {**one, "shard": int(number)} for number, shard in named.items() for one in shard.manifest.sessions
        ]
        done, expected = self.outcomes.total(), _answers_of(self.spec)
        new: list[_Part] = [shard for number, shard in named.items() if number not in before]
        counted = [*new, *([own] if own is not None else [])]
        cpu = sum(float(part.manifest.totals.get("program_cpu_s", 0.0)) for part in counted)
        programs = {"programs": self.counts["programs"], "program_cpu_s": round(cpu, 3)}
        manifest.merged = merged
        manifest.sessions = sorted(sessions, key=lambda one: (str(one.get("started", "")), one.get("shard", 0)))
        manifest.status = "finished" if done == expected else "interrupted"
        manifest.totals = {
            "records": done,
            "of": expected,
            **{name: self.counts[name] for name in ("prompt_tokens", "completion_tokens")},
            "outcomes": dict(sorted(self.outcomes.items())),
            **(programs if self.counts["programs"] else {}),
            "wall_s": round(sum(float(session.get("wall_s", 0.0)) for session in sessions), 3),
        }
        return merged


def _answers_of(spec: dict[str, Any]) -> int:
    """How many answers a run has, by its spec."""
    return sum(int(spec["tasks"][name.partition("/")[0]]["questions"]) for name in spec["modes"])


def _engine(told: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the engines of several parts say of themselves: what the first one does, and the notes of all."""
    notes = {name: list(dict.fromkeys(n for one in told for n in one.get(name, ()))) for name in ("notes", "warnings")}
    folded = {"system_role": "folded"} if any(one.get("system_role") == "folded" for one in told) else {}
    return {**told[0], **{name: said for name, said in notes.items() if name in told[0] or said}, **folded}
