"""`cotbench.score`, `read_answer` and `equal`: reading and grading by themselves, by the rules of reports."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotbench.api.naming import told_in_python
from cotbench.api.running import Run
from cotbench.api.shown import percent, plain_table, table_html
from cotbench.errors import UsageError, suggest
from cotbench.processes import start_method_open

if TYPE_CHECKING:
    import pandas as pd

    from cotbench.answers.grader import Grader
    from cotbench.runs.rescore import Rescored
    from cotbench.runs.score_file import Scored, Summary

Choices = Sequence[str] | int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a text answers. answer: None where none was found. rule: which rule found it. span: the range of characters
    in which it stands. outcome: why there is none: unparsed, declined, or truncated; None where there is one."""

    answer: str | None
    rule: str = ""
    span: tuple[int, int] | None = None
    outcome: str | None = None


@dataclass(frozen=True, kw_only=True, repr=False)
class Scores:
    """Outputs with their verdicts. accuracy: of those with a verdict; None where there are none.

    outcomes, rules: how many there are of each. faults: what of a file's lines couldn't be used. changes: of a run that
    was graded again, the answers whose verdict, answer or rule is another now."""

    accuracy: float | None
    outcomes: Mapping[str, int]
    rules: Mapping[str, int] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    changes: tuple[Mapping[str, Any], ...] = ()
    _scored: tuple[Scored, ...] = ()
    _summaries: tuple[Mapping[str, Any], ...] = ()

    @cached_property
    def table(self) -> pd.DataFrame:
        """A row for each output: id, answer, outcome, score (0 to 1), rule, span, error. Of a run: for each task and
        mode, the accuracy before and now."""
        import pandas as pd

        if self._summaries:
            return pd.DataFrame(list(self._summaries))
        columns = ["id", "answer", "outcome", "score", "rule", "span", "error"]
        return pd.DataFrame([{name: asdict(one)[name] for name in columns} for one in self._scored], columns=columns)

    def _rows(self) -> list[tuple[str, str]]:
        rows = [("right %", percent(self.accuracy))]
        rows += [(f"{name}", f"{count:,}") for name, count in self.outcomes.items()]
        return rows + ([("changed", f"{len(self.changes):,}")] if self._summaries else [])

    def __repr__(self) -> str:
        return f"Scores\n{plain_table(('outputs', f'{sum(self.outcomes.values()):,}'), self._rows())}"

    def _repr_html_(self) -> str:
        return table_html(("outputs", f"{sum(self.outcomes.values()):,}"), self._rows())


def _kind(kind: str | None) -> str:
    from cotbench.answers.kinds import KINDS

    if kind not in KINDS:
        found = f"found '{kind}'" if kind else "found none"
        remedy = suggest(str(kind), KINDS, "It says how answers are read.")
        raise UsageError(f"kind: expected {', '.join(KINDS)}, {found}.", remedy)
    return KINDS[kind].name


def _options(choices: Choices, kind: str) -> tuple[str, ...]:
    from cotbench.answers.kinds import KINDS
    from cotbench.types import LETTERS

    if isinstance(choices, str):
        raise UsageError(f"choices: expected a list of options, or their number, found {choices!r:.60}.")
    if isinstance(choices, int):
        if isinstance(choices, bool) or not 1 <= choices <= len(LETTERS):
            raise UsageError(f"choices: expected a number of options from 1 to {len(LETTERS)}, found {choices}.")
        return ("",) * choices
    given = tuple(map(str, choices))
    if len(given) > len(LETTERS):
        raise UsageError(f"choices: expected at most {len(LETTERS)} options, found {len(given)}.")
    if KINDS[kind].has_choices and not given:
        raise UsageError(f"choices: answers of the kind {kind} need them.", "Give the options, or how many there are.")
    return given


def read_answer(text: str, kind: str, choices: Choices = (), *, truncated: bool = False) -> Reading:
    """Read the answer of an output, as a report does: what it states last, else what vaguer rules find.

    kind: number, latex, letter, text ... (`cotbench score --help`). choices: the options of a question, or how many
    there are. truncated: the output was cut at its budget, so that a last number is no answer.

    >>> import cotbench
    >>> cotbench.read_answer("3 boxes of 14 are 42.\\nAnswer: 42", "number")
    Reading(answer='42', rule='contract', span=(30, 32), outcome=None)
    >>> cotbench.read_answer("So it is the second one, (B).", "letter", ["red", "blue"]).answer
    'B'
    >>> cotbench.read_answer("There is not enough information to answer.", "number").outcome
    'declined'
    """
    from cotbench import modes
    from cotbench.types import Completion

    with told_in_python():
        if not isinstance(text, str):
            raise UsageError(f"text: expected a text, found {type(text).__name__}.")
        kind = _kind(kind)
        path = Completion(text=text, finish_reason="length" if truncated else "stop")
        found = modes.read_answer(path, kind, _options(choices, kind))
    outcome = None if found.answer is not None or found.outcome is None else str(found.outcome.value)
    return Reading(answer=found.answer, rule=found.rule, span=found.span, outcome=outcome)


# --- one comparison ---------------------------------------------------------------------------------------------------


class _Comparing:
    """A grader that is kept from one call of `equal` to the next, since its worker takes a second to start. It ends
    with the process; a forked child has one of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0
        self._grader: Grader[int] | None = None
        self._number = 0

    def verdict(self, answer: str, gold: str, kind: str) -> bool | None:
        from cotbench.answers.grader import Grader, grade_now
        from cotbench.types import UNDECIDED, Outcome, Verdict

        def told(verdict: Verdict) -> bool | None:
            return None if verdict.outcome in UNDECIDED else verdict.outcome is Outcome.CORRECT

        if (verdict := grade_now(answer, gold, kind)) is not None:
            return told(verdict)
        with self._lock:
            if self._owner != os.getpid() or self._grader is None:
                self._grader, self._owner = Grader(workers=1), os.getpid()
                atexit.register(self.close)
            self._number += 1
            with start_method_open():
                found = self._grader.submit(self._number, answer, gold, kind)
                while found is None:
                    found = dict(self._grader.done(1.0)).get(self._number)
            return told(found)

    def close(self) -> None:
        """End the worker, where this process has one."""
        with self._lock:
            if self._grader is not None and self._owner == os.getpid():
                with suppress(Exception):
                    self._grader.close()
            self._grader = None


_comparing = _Comparing()


def equal(a: str, b: str, kind: str) -> bool | None:
    """Whether answer a is what b says, b being taken for right; None where that can't be decided within the limits.

    Formulas are compared in a worker process (5 seconds of its time, 4 GiB), which starts at the first one that needs
    it, takes about a second for that, and ends with this process. Nothing else of the process changes.

    >>> import cotbench
    >>> cotbench.equal("1,000", "1000", "number"), cotbench.equal("B", "C", "letter")
    (True, False)
    """
    with told_in_python():
        kind = _kind(kind)
        for name, text in (("a", a), ("b", b)):
            if not isinstance(text, str):
                raise UsageError(f"{name}: expected a text, found {type(text).__name__}.", "Answers are texts: str(7).")
        return _comparing.verdict(_as_read(a, kind), _as_read(b, kind), kind)


def _as_read(text: str, kind: str) -> str:
    """An answer as reading gives it: of a number its canonical form, of other kinds the text."""
    from cotbench.answers.reading import canonical_number
    from cotbench.types import AnswerType

    text = text.strip()
    if kind in (AnswerType.NUMBER, AnswerType.NUMBER_OR_NONE, AnswerType.DECIMAL):
        return canonical_number(text) or text
    return text.upper() if kind in (AnswerType.LETTER, AnswerType.LETTERS) else text


# --- many outputs -----------------------------------------------------------------------------------------------------


def score(
    source: str | os.PathLike[str] | Run | None = None,
    *,
    outputs: Iterable[str] | None = None,
    golds: Iterable[Any] | None = None,
    kind: str | None = None,
    choices: Choices | Iterable[Choices] | None = None,
    workers: int | None = None,
    write: bool = False,
    output_dir: str | os.PathLike[str] = "results",
) -> Scores:
    """Grade outputs: of lists, of a file as `cotbench score` takes it, or of a run, again.

    outputs, golds: as many of each; a gold may be a list, of texts any of which is right (of letters and items, all).
    kind: of their answers. choices: the options of all questions, or how many there are, or a list of either for each.
    source: a file (with `kind`), or a run, whose records are graded again by today's rules; write: and replaced, else
    only told. workers: processes that compare formulas; all cores by default, and none where no formula needs one.

    Raises UsageError for arguments that don't go together, DataError for what can't be used, RunError for a run.

    >>> import cotbench
    >>> scores = cotbench.score(outputs=["Answer: 4", "It is 5."], golds=["4", 6], kind="number")
    >>> scores.accuracy, scores.outcomes
    (0.5, {'correct': 1, 'wrong': 1})
    >>> scores.table["answer"].tolist()
    ['4', '5']
    """
    from cotbench.runs.score_file import score_file, score_rows
    from cotbench.store.files import is_file
    from cotbench.store.lookup import find_run

    processes = workers or max(1, min(8, os.cpu_count() or 1))
    with told_in_python(), start_method_open():
        if (source is None) == (outputs is None) or (outputs is None) != (golds is None):
            raise UsageError(
                "score: expected a file or a run, or outputs and golds.",
                "As in score(outputs=[...], golds=[...], kind='number'), or score('results/RUN').",
            )
        if outputs is not None and golds is not None:
            rows = _rows(list(outputs), list(golds), choices)
            return _of_file(*score_rows(rows, _kind(kind), processes))
        if isinstance(source, str | os.PathLike) and is_file(os.fspath(source)):
            return _of_file(*score_file(Path(source), _kind(kind), processes))
        from cotbench.runs.rescore import score_run

        if kind is not None or choices is not None:
            raise UsageError("kind, choices: are for outputs; a run knows its own.")
        assert source is not None
        folder = source.folder if isinstance(source, Run) else find_run(os.fspath(source), Path(output_dir))
        return _of_run(score_run(folder, processes, write=write))


def _rows(outputs: list[str], golds: list[Any], choices: Choices | Iterable[Choices] | None) -> list[dict[str, Any]]:
    if len(outputs) != len(golds):
        raise UsageError(f"score: there are {len(outputs):,} outputs and {len(golds):,} golds.", "Give one for each.")
    given: list[Any]
    if choices is None or isinstance(choices, int):
        given = [choices] * len(outputs)
    else:
        listed = list(choices)
        each = bool(listed) and not any(isinstance(one, str) for one in listed)
        given = listed if each else [listed] * len(outputs)
        if len(given) != len(outputs):
            raise UsageError(f"score: there are {len(outputs):,} outputs and choices of {len(given):,} questions.")
    rows = []
    for place, (output, gold, options) in enumerate(zip(outputs, golds, given, strict=True)):
        row = {"id": place, "output": output, "gold": list(gold) if isinstance(gold, tuple | set) else gold}
        rows.append(row if options is None else {**row, "choices": options if isinstance(options, int) else [*options]})
    return rows


def _of_file(scored: Sequence[Scored], summary: Summary) -> Scores:
    return Scores(
        accuracy=summary.accuracy,
        outcomes=summary.outcomes,
        rules=summary.rules,
        faults=summary.faults,
        _scored=tuple(scored),
    )


def _of_run(rescored: Rescored) -> Scores:
    told = rescored.as_dict()
    outcomes: dict[str, int] = {}
    rules: dict[str, int] = {}
    right = counted = 0.0
    for _, now in rescored.summaries.values():
        for total, counts in ((outcomes, now.outcomes), (rules, now.rules)):
            for name, count in counts.items():
                total[name] = total.get(name, 0) + count
        if now.accuracy is not None:
            number = now.outcomes.get("correct", 0) / now.accuracy if now.accuracy else now.outputs
            right, counted = right + now.outcomes.get("correct", 0), counted + number
    return Scores(
        accuracy=right / counted if counted else None,
        outcomes=outcomes,
        rules=rules,
        changes=tuple(told["changes"]),
        _summaries=tuple(told["accuracy"]),
    )
