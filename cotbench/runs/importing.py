"""Making runs of logs that other tools wrote: `cotbench import`. Their questions, outputs and own verdicts go into a
run's folder; what the outputs say is read and graded as in a run, by the same loop."""

from __future__ import annotations

import hashlib
import math
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cotbench.answers.grader import grade_now
from cotbench.answers.kinds import KINDS
from cotbench.errors import DataError, UsageError
from cotbench.logs import Log, Sample
from cotbench.logs.formats import FORMATS, Format, ReadOptions
from cotbench.modes import Mode, read_answer
from cotbench.programs import Limits, Sandbox, require_containment
from cotbench.runs.import_arms import TaskFinder, by_model, given_modes, inferred_modes, tasks_of
from cotbench.runs.import_manifest import ENGINE, Said, fingerprint, manifest_of, spec_of
from cotbench.runs.import_records import derive
from cotbench.runs.import_run import ArmFacts, Broken, ReadTask, read_task, write_replies
from cotbench.runs.provenance import circumstance, now, without_home
from cotbench.runs.session import folder_of
from cotbench.runs.solving import require_solver
from cotbench.store.lock import RunLock
from cotbench.store.manifest import MANIFEST, ImportedArm, Manifest, Prelude, read_manifest
from cotbench.store.questions import write_questions
from cotbench.store.theirs import Reading
from cotbench.types import Completion, ExecutionOutcome, Outcome, Program

GRADED_HERE = "graded here"  # the metric of a reading whose answers the log has and whose verdicts it hasn't


@dataclass(frozen=True, kw_only=True)
class ImportOptions:
    """What is imported, and how. arms: as --as names them. reading: which of the tool's readings is set beside ours.
    repeated: whether the data set holds some questions several times. prelude: a file of Python that is run before each
    program."""

    paths: Sequence[Path]
    arms: Sequence[str] = ()
    task: str = ""
    kind: str = ""
    format: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    questions: str = ""
    answer_pattern: str = ""
    log_task: str = ""
    reading: str = ""
    model: str = ""
    prelude: Path | None = None
    skip_broken: bool = False
    repeated: bool = False
    limits: Mapping[str, float] = field(default_factory=dict)
    tasks_dir: Path | None = None
    data_dir: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ArmResult:
    """An arm of an imported run. accuracy: ours; theirs: the mean of the tool's own scores, None where it has none;
    printed: its figure as the tool printed it. unread: how many outputs no answer was read in. logs: where they
    stand."""

    mode: str
    told: ImportedArm
    questions: int
    accuracy: float | None
    theirs: float | None
    printed: float | None
    unread: int
    failed: int
    logs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """A task of an imported run. known: how the task is; by_rows: whether its task file read the rows. pairs: questions
    that all arms have."""

    name: str
    known: str
    kind: str
    questions: int
    pairs: int
    by_rows: bool
    left_out: Mapping[str, int]
    arms: tuple[ArmResult, ...]


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """An imported run. again: whether its folder was there already."""

    folder: Path
    model: str
    tasks: tuple[TaskResult, ...]
    broken: tuple[str, ...]
    notes: tuple[str, ...]
    inferred: Mapping[str, str]
    again: bool
    wall_s: float

    def as_dict(self) -> dict[str, Any]:
        from msgspec import to_builtins

        found: dict[str, Any] = to_builtins({**asdict(self), "folder": str(self.folder)})
        return found


def import_logs(
    options: ImportOptions, output_dir: Path, *, workers: int = 1, command: Sequence[str] = ()
) -> list[ImportResult]:
    """Make a run of the logs of each model. Raises UsageError, DataError and RunError."""
    started = time.monotonic()
    if options.kind and options.kind not in KINDS:
        found = f"--kind: expected {', '.join(KINDS)}, found '{options.kind}'."
        raise UsageError(found, "It says how answers are read.")
    prelude = _prelude(options.prelude)
    _each_once(options.paths)
    read = [_read(path, options) for path in options.paths]
    logs, modes = _with_modes(read, options)
    finder = TaskFinder(options.tasks_dir, options.data_dir)
    out = []
    for model, own in by_model(zip(modes, logs, strict=True), options.model).items():
        broken = Broken(pass_over=options.skip_broken)
        tasks = [
            read_task(one, options.kind, broken, repeated=options.repeated)
            for one in tasks_of(own, options.task, finder)
        ]
        run = _Import(options, model, tasks, broken, prelude, workers, command, started)
        out.append(run.write(output_dir))
        started = time.monotonic()
    return out


def _each_once(paths: Sequence[Path]) -> None:
    """Raises UsageError where a log is named twice: an arm would be compared with itself."""
    known: dict[Path, Path] = {}
    for path in paths:
        real = path.resolve()
        if real in known:
            first = known[real]
            same = f"{path}: is named twice" if first == path else f"{path}: is {first}, which is named too"
            raise UsageError(f"{same}.", "Name each log once.")
        known[real] = path


def _read(path: Path, options: ImportOptions) -> Sequence[Log]:
    """The logs that a file or folder holds. Raises UsageError and DataError, also where there is none."""
    if not path.exists():
        raise DataError(f"{path}: there is no such file or folder.", "Name a log of another tool.")
    row = _format_of(path, options)
    reading = ReadOptions(
        fields=options.fields,
        questions=options.questions,
        answer_pattern=options.answer_pattern,
        task=options.log_task,
    )
    found = row.read(path, reading)
    if not found:
        raise DataError(f"{path}: there is no log of {row.name} in it.", f"Formats: {', '.join(FORMATS)}.")
    return found


def _format_of(path: Path, options: ImportOptions) -> Format:
    """The format of a log. Raises UsageError for one that isn't known, DataError where none fits."""
    name = options.format or ("jsonl" if options.fields or options.questions else "")
    if name and name not in FORMATS:
        raise UsageError(f"--format: there is no format '{name}'. Known: {', '.join(FORMATS)}.", "Name one of them.")
    if name:
        return FORMATS[name]
    if path.is_file() and not path.stat().st_size:
        raise DataError(f"{path}: is empty, expected a log.", "Copy the log again, or leave it out.")
    found = next((row for row in FORMATS.values() if row.tells(path)), None)
    if found is None:
        known = "; ".join(f"{row.name} ({row.about})" for row in FORMATS.values())
        raise DataError(f"{path}: is in no format that is known.", f"Known: {known}. Name one by --format.")
    return found


def _with_modes(read: Sequence[Sequence[Log]], options: ImportOptions) -> tuple[list[Log], list[Mode]]:
    """All logs, and the arm of each."""
    logs = [log for own in read for log in own]
    if not options.arms:
        return logs, inferred_modes(logs)
    return logs, [mode for own in given_modes(options.arms, options.paths, read) for mode in own]


def _prelude(path: Path | None) -> Prelude | None:
    """A file of Python that is run before each program. Raises UsageError where it can't be."""
    if path is None:
        return None
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
        compile(text, path.name, "exec")
    except OSError as error:
        found = f"--program-prelude: {path} can't be read: {error.strerror or error}."
        raise UsageError(found, "Name a file of Python.") from None
    except (SyntaxError, ValueError) as error:
        place = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise UsageError(f"--program-prelude: {path}{place}: not Python: {reason}.", "Correct the file.") from None
    return Prelude(name=path.name, hash=hashlib.sha256(content).hexdigest()[:16], text=text)


def _try_out(prelude: Prelude, limits: Limits) -> None:
    """Run what stands before programs alone. Raises UsageError where it fails: so would each of them, as if the model
    had written nothing that can be run."""
    with Sandbox[None](limits=limits) as sandbox:
        came = sandbox.run(Program(runtime="python", code="ans = 1", earlier=(prelude.text,)))
    if came.outcome is not ExecutionOutcome.OK:
        reason = f"{came.outcome.value.replace('_', ' ')}{f': {came.error}' if came.error else ''}"
        found = f"--program-prelude: {prelude.name} doesn't run to its end: {reason}."
        raise UsageError(found, "It is contained as programs are: no files, no network, within their limits.")


@dataclass
class _Import:
    """One run that is made of logs."""

    options: ImportOptions
    model: str
    tasks: Sequence[ReadTask]
    broken: Broken
    prelude: Prelude | None
    workers: int
    command: Sequence[str]
    started: float

    def write(self, output_dir: Path) -> ImportResult:
        self._check()
        files = {log.path: fingerprint(log.path) for task in self.tasks for arm in task.arms for log in arm.logs.logs}
        readings = {
            (task.name, arm.logs.name): arm.reading(self.options.reading) for task in self.tasks for arm in task.arms
        }
        said = self._said()
        spec = spec_of(self.model, self.tasks, said, files)
        folder = folder_of(output_dir, self.model, spec)
        with closing(RunLock(folder)):
            again = (folder / MANIFEST).exists()
            sessions = read_manifest(folder).sessions if again else []
            broken = list(self.broken.said)
            manifest = manifest_of(folder.name, self.model, self.tasks, said, spec, files, readings, broken)
            manifest.sessions += sessions
            here = {**circumstance(), "engine": ENGINE, "command": without_home(list(self.command)), "started": now()}
            manifest.sessions.append(here)
            manifest.write(folder)
            every = [question for task in self.tasks for question in task.questions]
            write_questions(folder, every, {key: gold for task in self.tasks for key, gold in task.golds.items()})
            write_replies(folder, self.tasks, self._theirs)
            prelude = self.prelude.text if self.prelude is not None else ""
            counts = derive(folder, self.tasks, prelude, said.limits, self.workers)
            manifest.status = "finished"
            total = sum(counts.values())
            outcomes: Counter[str] = Counter()
            for (_, _, outcome), count in counts.items():
                outcomes[outcome] += count
            here |= {"ended": now(), "wall_s": round(time.monotonic() - self.started, 3)}
            manifest.totals = {"records": total, "of": total, "outcomes": dict(sorted(outcomes.items()))}
            manifest.write(folder)
        return self._result(folder, manifest, counts, again=again)

    def _check(self) -> None:
        modes = [arm.logs.mode for task in self.tasks for arm in task.arms]
        if any(mode.runs for mode in modes):
            require_containment()
        if self.prelude is not None and not any(mode.runs == "python" for mode in modes):
            found = "--program-prelude: none of the arms runs programs."
            raise UsageError(found, "Import an arm as pal, or leave it out.")
        if self.prelude is not None:
            _try_out(self.prelude, Limits(**self.options.limits))
        require_solver(modes, (task.settled.kind for task in self.tasks))

    def _said(self) -> Said:
        options = self.options
        return Said(
            paths=options.paths,
            fields=options.fields,
            questions=options.questions,
            answer_pattern=options.answer_pattern,
            reading=options.reading,
            skip_broken=options.skip_broken,
            repeated=options.repeated,
            arms=bool(options.arms),
            task=bool(options.task),
            named_model=bool(options.model),
            prelude=self.prelude,
            limits=Limits(**options.limits),
        )

    # --- records ----------------------------------------------------------------------------------------------------

    def _theirs(self, task: ReadTask, arm: ArmFacts, place: int, sample: Sample) -> dict[str, Reading]:
        """What the tool made of a sample; where it tells answers and no verdict on them, these are graded here."""
        found = {}
        for name, one in sample.readings.items():
            scores = tuple(score if score is None or math.isfinite(score) else None for score in one.scores)
            metric = one.metric
            if name not in arm.judged and one.answers:
                question = task.questions[place]
                kind = question.kind or task.settled.kind
                gold = task.golds[question.id]
                scores, metric = (
                    tuple(_graded(answer, gold, kind, question.choices) for answer in one.answers),
                    GRADED_HERE,
                )
            found[name] = Reading(metric=metric, scores=scores, answers=one.answers)
        return found

    # --- what is told -----------------------------------------------------------------------------------------------

    def _result(
        self, folder: Path, manifest: Manifest, counts: Counter[tuple[str, str, str]], *, again: bool
    ) -> ImportResult:
        assert manifest.imported is not None
        tasks = []
        for task in self.tasks:
            arms = []
            for arm in task.arms:
                told = manifest.imported.arm(task.name, arm.logs.name)
                assert told is not None
                arms.append(_arm_result(arm, told, counts, task.name))
            paired = set(range(len(task.questions))).intersection(*(task.has(arm) for arm in task.arms))
            tasks.append(
                TaskResult(
                    name=task.name,
                    known=task.logs.inferred or ("as --task says" if self.options.task else ""),
                    kind=task.settled.kind,
                    questions=len(task.questions),
                    pairs=len(paired),
                    by_rows=task.by_rows,
                    left_out=dict(task.left_out),
                    arms=tuple(arms),
                )
            )
        return ImportResult(
            folder=folder,
            model=self.model,
            tasks=tuple(tasks),
            broken=tuple(self.broken.said),
            notes=tuple(manifest.imported.notes),
            inferred=manifest.imported.inferred,
            again=again,
            wall_s=round(time.monotonic() - self.started, 2),
        )


def _arm_result(arm: ArmFacts, told: ImportedArm, counts: Counter[tuple[str, str, str]], task: str) -> ArmResult:
    own = {outcome: count for (of, mode, outcome), count in counts.items() if (of, mode) == (task, arm.logs.name)}
    failed = own.get(Outcome.ENGINE_ERROR, 0) + own.get(Outcome.GRADER_TIMEOUT, 0)
    graded = sum(own.values()) - failed
    read = own.get(Outcome.CORRECT, 0) + own.get(Outcome.WRONG, 0)
    printed = next((one.value for one in told.figures if one.reading == told.reading), None)
    return ArmResult(
        mode=arm.logs.name,
        told=told,
        questions=sum(own.values()),
        accuracy=own.get(Outcome.CORRECT, 0) / graded if graded else None,
        theirs=arm.their_figure(told.reading) if told.reading else None,
        printed=printed,
        unread=graded - read,
        failed=failed,
        logs=tuple(str(log.path) for log in arm.logs.logs),
    )


_FLOAT = re.compile(r"-?\d{1,15}\.\d{10,20}")


def _graded(answer: str | None, gold: str, kind: str, choices: Sequence[str]) -> float | None:
    """The score of an answer as a tool read it; None where it is none that can be compared at once.

    An answer that isn't of its kind's form, as a whole sentence, is read as outputs are: a study took a value from it,
    too, before it compared. What is off by the error of floating-point numbers alone is the value that was meant, as of
    programs that we run."""
    if answer is None:
        return 0.0
    row = KINDS[kind]
    if _FLOAT.fullmatch(answer.strip()):
        answer = f"{float(answer):.12g}"
    try:
        form = row.file_gold(answer.strip(), choices)
    except ValueError:
        said = read_answer(Completion(text=answer, finish_reason="stop"), kind, choices)
        if said.answer is None:
            return 0.0
        form = said.answer
    verdict = grade_now(form, gold, kind)
    return None if verdict is None else float(verdict.outcome is Outcome.CORRECT)
