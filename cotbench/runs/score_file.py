"""Grading a file of outputs that exist already, from any source."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from cotbench.answers.kinds import KINDS, AnswerKind
from cotbench.answers.reading import VAGUE
from cotbench.engines.replies import Reader, read_row, whole
from cotbench.errors import DataError
from cotbench.modes import read_answer
from cotbench.runs.stations import Comparison, Judge, Ticket
from cotbench.store.jsonl import numbered
from cotbench.store.lines import dump_line
from cotbench.store.records import Record
from cotbench.types import LETTERS, UNDECIDED, Completion, Outcome, Prediction, Verdict

MOST_OPTIONS = 10  # of a multiple-choice line without `choices`: letters beyond J are rarely options


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """One output with its verdict. span: the character range of the output that held the answer.

    score: of an answer that is partly right, 0 to 1; None where the outcome says it. error: why a line of a file can't
    be used; its outcome is then `INVALID`, which only files of outputs know, and its id may be missing."""

    id: str | int | None
    answer: str | None = None
    outcome: str
    rule: str = ""
    span: tuple[int, int] | None = None
    error: str = ""
    score: float | None = None


INVALID = "invalid"  # a line of a file that can't be used: no verdict, and in no denominator


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    id: str | int
    path: Completion
    gold: str
    choices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Counts over scored outputs. accuracy leaves out what has no verdict, as reports do. rules: how many answers each
    rule read. fatal: whose comparison ended its worker twice. faults: why lines of a file can't be used. unknown: words
    in a file that no table of replies has."""

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


def read_outputs(path: Path, answer_type: str, reader: Reader | None = None) -> list[_Output | Scored]:
    """The lines of a file of outputs, checked; one that can't be used is scored so, and no end of the file.

    Raises DataError with what is wrong with the first where there is no line that can be used."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error.strerror or error}.", "Name a file of JSON lines.") from None
    outputs: list[_Output | Scored] = []
    for number, line in numbered(lines):
        row: dict[str, Any] = {}
        try:
            row = read_row(line)
            outputs.append(_output(row, answer_type, reader or Reader()))
        except ValueError as error:
            named = row.get("id") if type(row.get("id")) in (str, int) else None
            outputs.append(Scored(id=named, outcome=INVALID, error=f"{path}:{number}: {error}"))
    faults = [one.error for one in outputs if isinstance(one, Scored)]
    if len(faults) == len(outputs):
        raise DataError(f"{faults[0] if faults else f'{path}: holds no lines'}.", _KEYS)
    return outputs


_KEYS = 'Each line holds {"id", "output", "gold"} and, for letters, "choices" (the options, or how many there are).'


def _output(row: dict[str, Any], answer_type: str, reader: Reader) -> _Output:
    """Raises ValueError where a line can't be used."""
    if missing := [key for key in ("id", "output", "gold") if key not in row]:
        raise ValueError(f"{missing[0]} is missing")
    if type(row["id"]) not in (str, int):
        raise ValueError(f"id is {row['id']!r:.60}, expected a text or a whole number")
    kind = KINDS[answer_type]
    choices = _choices(row.get("choices"), kind) if kind.has_choices else ()
    gold = _gold(row["gold"], kind, choices)
    return _Output(id=row["id"], path=reader.row(row), gold=gold, choices=choices)


def _choices(given: Any, kind: AnswerKind) -> tuple[str, ...]:
    """The options; empty texts where only their number is known."""
    if not kind.lettered and not isinstance(given, list):
        raise ValueError(f"choices is {given!r:.60}, expected a list of the words that may be the answer")
    if given is None:
        return ("",) * MOST_OPTIONS
    number = whole(given)
    if number is not None and 1 <= number <= len(LETTERS):
        return ("",) * number
    options = given if isinstance(given, list) and len(given) <= len(LETTERS) else []
    if options and all(isinstance(option, str | int | float) for option in options):
        return tuple(map(str, options))
    raise ValueError(f"choices is {given!r:.60}, expected a list of 1 to {len(LETTERS)} texts, or their number")


def _gold(given: Any, kind: AnswerKind, choices: Sequence[str]) -> str:
    if isinstance(given, list) and given and all(isinstance(one, str | int | float) for one in given):
        given = "\n".join(map(str, given))  # several right answers, or the parts of one: as the kind has it
    if isinstance(given, bool) and not kind.takes_truth:
        raise ValueError(f"gold is {given!r:.60}, expected the right answer")
    if not isinstance(given, str | int | float) or not str(given).strip():
        raise ValueError(f"gold is {given!r:.60}, expected the right answer")
    try:
        return kind.file_gold(str(given).strip(), choices)
    except ValueError as error:
        raise ValueError(f"gold is {error}") from None


def score_file(path: Path, answer_type: str, workers: int) -> tuple[list[Scored], Summary]:
    """Read and grade the outputs of a file; one `Scored` per line, in order."""
    started, reader = time.monotonic(), Reader()
    return _score(read_outputs(path, answer_type, reader), answer_type, workers, reader, started)


def score_rows(rows: Sequence[dict[str, Any]], answer_type: str, workers: int) -> tuple[list[Scored], Summary]:
    """Read and grade outputs that are in memory, whose keys are those of a file's lines. Raises DataError, which names
    the first that can't be used by its place, counted from 0."""
    started, reader = time.monotonic(), Reader()
    outputs: list[_Output | Scored] = []
    for place, row in enumerate(rows):
        try:
            outputs.append(_output(row, answer_type, reader))
        except ValueError as error:
            raise DataError(f"output {place}: {error}.", "Leave it out, or correct it.") from None
    return _score(outputs, answer_type, workers, reader, started)


def _score(
    rows: Sequence[_Output | Scored], answer_type: str, workers: int, reader: Reader, started: float
) -> tuple[list[Scored], Summary]:
    outputs = [row for row in rows if isinstance(row, _Output)]
    predictions = [read_answer(one.path, answer_type, one.choices) for one in outputs]
    items = [(p, one.gold, answer_type) for p, one in zip(predictions, outputs, strict=True)]
    verdicts, fatal = _graded(items, workers)
    good = (_scored(*triple) for triple in zip(outputs, predictions, verdicts, strict=True))
    scored = [row if isinstance(row, Scored) else next(good) for row in rows]
    summary = summarize(scored, time.monotonic() - started, [str(outputs[at].id) for at in fatal])
    return scored, replace(summary, unknown=tuple(reader.unknown))


def _scored(output: _Output, prediction: Prediction, verdicts: Sequence[Verdict]) -> Scored:
    verdict = prediction.concluded(verdicts)
    return Scored(
        id=output.id,
        answer=prediction.answer,
        outcome=verdict.outcome.value,
        rule=prediction.rule,
        span=prediction.span,
        score=verdict.own_score,
    )


def summarize(rows: Sequence[Scored | Record], wall_s: float = 0.0, fatal: Sequence[str] = ()) -> Summary:
    """Count over the outputs of a file, or over records."""
    return Summary(
        outputs=len(rows),
        outcomes=dict(Counter(row.outcome for row in rows).most_common()),
        rules=dict(Counter(row.rule for row in rows if row.answer is not None).most_common()),
        wall_s=round(wall_s, 3),
        fatal=tuple(fatal),
        faults=tuple(row.error for row in rows if isinstance(row, Scored) and row.error),
    )


def _graded(items: Sequence[tuple[Prediction, str, str]], workers: int) -> tuple[list[list[Verdict]], list[int]]:
    """Grade the answers of each (prediction, gold, answer type).

    Returns the verdicts on each, and the numbers of those that ended the grader's worker twice."""
    verdicts: dict[Ticket, Verdict] = {}
    with closing(Judge(workers)) as judge:
        for number, (prediction, gold, answer_type) in enumerate(items):
            for index, answer in enumerate(prediction.answers):
                judge.submit(Ticket(number, 0, index), Comparison(answer, gold, answer_type))
            verdicts.update(judge.done())
        while judge.pending:
            verdicts.update(judge.done(0.5))
        each = [[verdicts[Ticket(n, 0, i)] for i in range(len(p.answers))] for n, (p, _, _) in enumerate(items)]
        return each, sorted({ticket.flow for ticket in verdicts if judge.is_fatal(ticket)})


def write_lines(rows: Iterable[Scored]) -> bytes:
    """Write one JSON object a line; `error` and `score` only where there is one."""
    absent = (("error", ""), ("score", None))
    return b"".join(dump_line({k: v for k, v in asdict(row).items() if (k, v) not in absent}) for row in rows)
