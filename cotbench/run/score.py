"""Grading outputs that exist already: a file of them from any source, or a recorded run, again and without a model."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec

from cotbench.answers.judging import Grader
from cotbench.answers.reading import VAGUE, canonical_number, extract
from cotbench.answers.reading.programs import Code
from cotbench.engines.replies import Reader, read_row, whole
from cotbench.errors import DataError, RunError
from cotbench.modes import Compare, Execute, Flow, Generate, find_mode, read_answer, read_execution
from cotbench.programs import Limits, Sandbox, require_containment
from cotbench.run.provenance import circumstance, now
from cotbench.store.files import write_atomically
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lines import dump_line
from cotbench.store.lock import RunLock
from cotbench.store.manifest import Manifest, read_manifest
from cotbench.store.questions import read_questions
from cotbench.store.records import RECORDS, Record, execution_row, read_records, votes_row
from cotbench.types import (
    LETTERS,
    UNDECIDED,
    AnswerType,
    Completion,
    Execution,
    Outcome,
    Prediction,
    Question,
    Request,
    Sampling,
)

MOST_OPTIONS = 10  # of a multiple-choice line without `choices`: letters beyond J are rarely options


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One output with its verdict. span: the character range of the output that held the answer.

    error: why a line of a file can't be used; its outcome is then `INVALID`, which only files of outputs know.
    """

    id: str | int | None
    answer: str | None
    outcome: str
    rule: str
    span: tuple[int, int] | None
    error: str = ""


INVALID = "invalid"  # a line of a file that can't be used: no verdict, and in no denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    id: str | int
    path: Completion
    gold: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    """A line that can't be used, and why. id: where it has one."""

    id: str | int | None
    error: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts over scored outputs. accuracy leaves out what has no verdict, as reports do. rules: how many answers each rule read.

    fatal: whose comparison ended its worker twice. faults: why lines of a file can't be used. unknown: words in a file that no table of replies has.
    """

    outputs: int
    outcomes: dict[str, int]
    rules: dict[str, int]
    wall_s: float
    fatal: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def accuracy(self) -> float | None:
        """The share of correct ones among those with a verdict; an answer that couldn't be read isn't correct."""
        counted = self.outputs - sum(self.outcomes.get(name, 0) for name in (*UNDECIDED, INVALID))
        return self.outcomes.get(Outcome.CORRECT, 0) / counted if counted else None

    @property
    def vague(self) -> float | None:
        """The share of read answers that needed a vague rule."""
        read = sum(self.rules.values())
        return sum(count for rule, count in self.rules.items() if rule in VAGUE) / read if read else None

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "accuracy": self.accuracy, "vague": self.vague}


# --- a file of outputs --------------------------------------------------------------------------------------------


def read_outputs(path: Path, answer_type: AnswerType, reader: Reader | None = None) -> list[_Output | _Fault]:
    """The lines of a file of outputs, checked; one that can't be used is a fault, and no end of the file.

    Raises DataError with the first fault where there is no line that can be used.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}.", "Name a file of JSON lines.") from None
    outputs: list[_Output | _Fault] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        row: dict[str, Any] = {}
        try:
            row = read_row(line)
            outputs.append(_output(row, answer_type, reader or Reader()))
        except ValueError as error:
            named = row.get("id") if type(row.get("id")) in (str, int) else None
            outputs.append(_Fault(id=named, error=f"{path}:{number}: {error}"))
    if not outputs:
        raise DataError(f"{path}: holds no lines.", _KEYS)
    if all(isinstance(one, _Fault) for one in outputs):
        raise DataError(f"{next(one.error for one in outputs if isinstance(one, _Fault))}.", _KEYS)
    return outputs


_KEYS = 'Each line holds {"id", "output", "gold"} and, for letters, "choices" (the options, or how many there are).'


def _output(row: dict[str, Any], answer_type: AnswerType, reader: Reader) -> _Output:
    """Raises ValueError where a line can't be used."""
    if missing := [key for key in ("id", "output", "gold") if key not in row]:
        raise ValueError(f"{missing[0]} is missing")
    if type(row["id"]) not in (str, int):
        raise ValueError(f"id is {row['id']!r:.60}, expected a text or a whole number")
    choices = _choices(row.get("choices")) if answer_type is AnswerType.LETTER else ()
    gold = _gold(row["gold"], answer_type, choices)
    return _Output(id=row["id"], path=reader.row(row), gold=gold, choices=choices)


def _choices(given: Any) -> tuple[str, ...]:
    """The options; empty texts where only their number is known."""
    if given is None:
        return ("",) * MOST_OPTIONS
    number = whole(given)
    if number is not None and 1 <= number <= len(LETTERS):
        return ("",) * number
    if (
        isinstance(given, list)
        and 1 <= len(given) <= len(LETTERS)
        and all(isinstance(c, str | int | float) for c in given)
    ):
        return tuple(map(str, given))
    raise ValueError(f"choices is {given!r:.60}, expected a list of 1 to {len(LETTERS)} texts, or their number")


_ONE_LETTER = re.compile(r"\W*([A-Za-z])\W*")


def _gold(given: Any, answer_type: AnswerType, choices: Sequence[str]) -> str:
    if not isinstance(given, str | int | float) or isinstance(given, bool) or not str(given).strip():
        raise ValueError(f"gold is {given!r:.60}, expected the right answer")
    text = str(given).strip()
    if answer_type is AnswerType.NUMBER:
        found = extract(text, AnswerType.NUMBER)
        plain = found.rule not in VAGUE or len(re.findall(r"\d+(?:[.,]\d+)*", text)) == 1
        number = canonical_number(text) or (found.answer if plain and "^" not in text else None)
        if number is None:
            raise ValueError(f"gold is {text!r:.60}, which holds no number")
        return number
    if answer_type is AnswerType.LATEX:
        return (extract(text, AnswerType.LATEX).answer if "\\boxed" in text else None) or text
    letter = _ONE_LETTER.fullmatch(text)
    if letter and letter[1].upper() in LETTERS[: len(choices)]:
        return letter[1].upper()
    if choices.count(text) == 1:
        return LETTERS[choices.index(text)]
    last = LETTERS[len(choices) - 1]
    raise ValueError(f"gold is {text!r:.60}, expected a letter from A to {last} or the text of an option")


def score_file(path: Path, answer_type: AnswerType, workers: int) -> tuple[list[Scored], Summary]:
    """Read and grade the outputs of a file; one `Scored` per line, in order."""
    started = time.monotonic()
    reader = Reader()
    rows = read_outputs(path, answer_type, reader)
    outputs = [row for row in rows if isinstance(row, _Output)]
    predictions = [read_answer(one.path, answer_type, one.choices) for one in outputs]
    items = [(p, one.gold, answer_type) for p, one in zip(predictions, outputs, strict=True)]
    verdicts, fatal = _graded(items, workers)
    good = iter(
        Scored(id=one.id, answer=p.answer, outcome=p.concluded(of).value, rule=p.rule, span=p.span)
        for one, p, of in zip(outputs, predictions, verdicts, strict=True)
    )
    scored = [
        Scored(id=row.id, answer=None, outcome=INVALID, rule="", span=None, error=row.error)
        if isinstance(row, _Fault)
        else next(good)
        for row in rows
    ]
    summary = summarize(scored, time.monotonic() - started, [str(outputs[at].id) for at in fatal])
    return scored, replace(summary, unknown=tuple(reader.unknown))


def summarize(scored: Iterable[Scored], wall_s: float, fatal: Sequence[str] = ()) -> Summary:
    rows = list(scored)
    return Summary(
        outputs=len(rows),
        outcomes=dict(Counter(row.outcome for row in rows).most_common()),
        rules=dict(Counter(row.rule for row in rows if row.answer is not None).most_common()),
        wall_s=round(wall_s, 3),
        fatal=tuple(fatal),
        faults=tuple(row.error for row in rows if row.error),
    )


def _graded(items: Sequence[tuple[Prediction, str, AnswerType]], workers: int) -> tuple[list[list[Outcome]], list[int]]:
    """The verdicts on the answers of each (prediction, gold, answer type); and which of them ended the grader's worker twice."""
    grader: Grader[tuple[int, int]] = Grader(workers)
    verdicts: dict[tuple[int, int], Outcome] = {}
    try:
        for at, (prediction, gold, answer_type) in enumerate(items):
            for index, answer in enumerate(prediction.answers):
                verdict = grader.submit((at, index), answer, gold, answer_type)
                if verdict is not None:
                    verdicts[at, index] = verdict
            verdicts.update(grader.done())
        while grader.pending:
            verdicts.update(grader.done(0.5))
        each = [[verdicts[at, index] for index in range(len(p.answers))] for at, (p, _, _) in enumerate(items)]
        return each, sorted({at for at, _ in grader.fatal})
    finally:
        grader.close()


# --- a recorded run -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A record whose verdict, answer or rule is another now."""

    before: Record
    after: Record

    @property
    def of_verdict(self) -> bool:
        return self.before.outcome != self.after.outcome

    def as_dict(self) -> dict[str, Any]:
        names = ("outcome", "answer", "rule", "span")
        return {
            "question": self.before.question,
            "mode": self.before.mode,
            "gold": self.before.gold,
            "before": {name: getattr(self.before, name) for name in names},
            "after": {name: getattr(self.after, name) for name in names},
        }


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


@dataclass(frozen=True, kw_only=True)
class _RecordedKit:
    """Lets a mode run over what is on record: what it asks for isn't rendered, since the answers are there."""

    answer_type: AnswerType

    def request(self, question: Question) -> Request:  # noqa: ARG002
        return Request(messages=(), sampling=Sampling(max_tokens=1))

    plan_request = request

    def follow_up(self, question: Question, plan: str) -> Request:  # noqa: ARG002
        return self.request(question)

    def read(self, question: Question, path: Completion) -> Prediction:
        return read_answer(path, self.answer_type, question.choices)

    def read_execution(self, execution: Execution, code: Code) -> Prediction:
        return read_execution(execution, self.answer_type, code)


@dataclass(kw_only=True)
class _Replayed:
    """A mode that runs over what is on record. step: what it waits for that isn't: programs or comparisons."""

    name: str
    flow: Flow
    answer_type: AnswerType
    paths: Iterator[tuple[Completion, ...]]
    step: Execute | Compare | None = None
    executions: list[Execution] = field(default_factory=list)
    prediction: Prediction | None = None

    def go_on(self, results: Sequence[Any] | None) -> None:
        try:
            step = next(self.flow) if results is None else self.flow.send(results)
            while isinstance(step, Generate):
                replies = [next(self.paths, None) for _ in step.requests]
                if None in replies:
                    raise RunError(f"the journal lacks a reply to a request of {self.name}.", _RESUME)
                step = self.flow.send(replies)
            self.step = step
        except StopIteration as finished:
            self.step, self.prediction = None, finished.value


def _replay(flows: Sequence[_Replayed], sandbox: Sandbox[tuple[int, int]], workers: int) -> None:
    """Run flows to their end, all of their programs, then all of their comparisons at a time."""
    for one in flows:
        one.go_on(None)
    while waiting := [(at, one) for at, one in enumerate(flows) if one.step is not None]:
        programs = [(at, one, one.step.programs) for at, one in waiting if isinstance(one.step, Execute)]
        pairs = [(at, one, one.step.pairs) for at, one in waiting if isinstance(one.step, Compare)]
        executed: dict[tuple[int, int], Execution] = {}
        for at, _, wanted in programs:
            for index, program in enumerate(wanted):
                sandbox.submit((at, index), program)
        while sandbox.pending:
            executed.update(sandbox.done(0.5))
        for at, one, wanted in programs:
            results = [executed[at, index] for index in range(len(wanted))]
            one.executions += results
            one.go_on(results)
        questions = [
            (Prediction(answer=other), known, one.answer_type) for _, one, wanted in pairs for known, other in wanted
        ]
        equal = iter(_graded(questions, workers)[0] if questions else [])
        for _, one, compared in pairs:
            one.go_on([next(equal) == [Outcome.CORRECT] for _ in compared])


def score_run(folder: Path, workers: int, *, write: bool = True) -> Rescored:
    """Derive a run's records from its journal again; write them unless told not to. Raises RunError."""
    lock = RunLock(folder)
    try:
        manifest = read_manifest(folder)
        questions, golds = read_questions(folder, manifest)
        rows = read_records(folder, manifest, questions, golds)
        journal = JournalIndex(folder / JOURNAL)
        try:
            types = {task: AnswerType(entry["answer_type"]) for task, entry in manifest.data.items()}
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{folder}: its manifest doesn't say how answers are read: {error}.", _RESUME) from None
        flows = []
        for row in rows:
            if row.task not in types:
                raise RunError(f"{folder}: its manifest doesn't say how answers of {row.task} are read.", _RESUME)
            kit = _RecordedKit(answer_type=types[row.task])
            flow = find_mode(row.mode).run(questions[row.question], kit)
            flows.append(
                _Replayed(
                    name=f"{row.question} under {row.mode}",
                    flow=flow,
                    answer_type=kit.answer_type,
                    paths=_paths(row, journal, folder),
                )
            )
        with _sandbox(manifest) as sandbox:
            _replay(flows, sandbox, workers)
        predictions = [one.prediction for one in flows if one.prediction is not None]
        items = [(p, golds[row.question], types[row.task]) for p, row in zip(predictions, rows, strict=True)]
        verdicts, fatal = _graded(items, workers)
        after = [
            msgspec.structs.replace(
                row,
                outcome=one.concluded(of),
                answer=one.answer,
                rule=one.rule,
                span=one.span,
                votes=votes_row(one, of),
                executions=tuple(map(execution_row, flow.executions)),
            )
            for row, one, of, flow in zip(rows, predictions, verdicts, flows, strict=True)
        ]
        if write:
            write_atomically(folder / RECORDS, (row.line() for row in after))
            manifest.totals["outcomes"] = dict(sorted(Counter(row.outcome for row in after).items()))
            manifest.sessions.append({**circumstance(), "command": ["cotbench", "score"], "started": now()})
            manifest.write(folder)
    finally:
        lock.release()
    changes = tuple(Change(before=old, after=new) for old, new in zip(rows, after, strict=True) if old != new)
    pairs = dict.fromkeys((row.task, row.mode) for row in rows)
    return Rescored(
        folder=folder,
        records=len(rows),
        changes=changes,
        summaries={pair: (_summary(rows, pair), _summary(after, pair)) for pair in pairs},
        fatal=tuple(f"{rows[at].question} ({rows[at].mode})" for at in fatal),
    )


_RESUME = "Run `cotbench run --resume RUN` to complete it."


def _sandbox(manifest: Manifest) -> Sandbox[tuple[int, int]]:
    """With the run's own limits; programs of a run that did without containment are contained all the same."""
    programs = dict(manifest.spec.programs)
    programs.pop("contained", None)
    if programs:
        require_containment()
    return Sandbox(limits=Limits(**programs))


def _paths(row: Record, journal: JournalIndex, folder: Path) -> Iterator[tuple[Completion, ...]]:
    for key in row.keys:
        reply = journal.reply(key)
        if reply is None:
            raise RunError(f"{folder}: its journal lacks a reply to {row.question} under {row.mode}.", _RESUME)
        yield reply.completions


def _summary(rows: Iterable[Record], pair: tuple[str, str]) -> Summary:
    scored = [
        Scored(id=row.question, answer=row.answer, outcome=row.outcome, rule=row.rule, span=row.span)
        for row in rows
        if (row.task, row.mode) == pair
    ]
    return summarize(scored, 0.0)


def write_lines(rows: Iterable[Scored]) -> bytes:
    """One JSON object a line; `error` only where there is one."""
    lines = ({name: getattr(row, name) for name in row.__slots__ if name != "error" or row.error} for row in rows)
    return b"".join(map(dump_line, lines))
