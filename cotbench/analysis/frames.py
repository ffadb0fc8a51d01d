"""Recorded runs as pandas data frames, for notebooks.

    import cotbench

    run = cotbench.load("results/NAME-1a2b3c4d")             # or an id, or several of them
    run.records.groupby(["task", "mode"])["correct"].mean()  # undecided answers are NA, and so in no denominator
    run.pairs("cot").groupby("task")[["helped", "hurt"]].sum()
    run.pairs("cot").groupby("eq_question")[["helped", "hurt"]].sum()
    run.outputs("sample-8c1f...")["text"]                     # what the model wrote, read from the journal when asked

Estimates with intervals are in `cotbench report`'s report.json; here are the rows that they rest on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, Struct

from cotbench.analysis.pairing import Panel, Run, load_run, panels_of
from cotbench.analysis.theirs import OPEN, RIGHT, beside, readings_of
from cotbench.analysis.trees import decided_by, tree_of
from cotbench.errors import UsageError
from cotbench.modes import BASELINE, facts_of, find_mode
from cotbench.modes.arms import the_one
from cotbench.questions.tagging import RULES, Seen, gold_text
from cotbench.store.lookup import find_run
from cotbench.store.records import Record
from cotbench.types import UNDECIDED, Outcome, Question

if TYPE_CHECKING:
    import pandas as pd

_WHERE = ("run", "model", "task", "question", "mode")
_COLUMNS: Mapping[str, Sequence[str]] = {
    "records": (
        *_WHERE, "group", "outcome", "correct", "score", "answer", "gold", "rule", "span_start", "span_end",
        "truncated", "prompt_tokens", "completion_tokens", "reasoning_tokens", "requests", "paths", "margin",
        "executions", "error", "continued", "answer_before", "correct_before", "mass",
        "judge_prompt_tokens", "judge_completion_tokens",
    ),
    "votes": (*_WHERE, "path", "answer", "outcome", "correct", "score"),
    "nodes": (
        *_WHERE, "node", "parent", "depth", "role", "text", "value", "kept", "why", "request", "ordinal", "path",
        "answer", "outcome", "correct", "chosen",
    ),
    "executions": (*_WHERE, "number", "outcome", "value", "error", "stdout"),
    "outputs": (
        "run", "question", "mode", "request", "ordinal", "template", "path", "begun", "text", "reasoning",
        "finish_reason", "prompt_tokens", "tokens", "error",
    ),
    "theirs": (
        *_WHERE, "place", "reading", "default", "metric", "output", "score", "answer", "verdict", "correct", "ours",
        "our_answer", "agree",
    ),
    "pairs": (
        "model", "task", "question", "group", "mode", "baseline", "before", "after", "helped", "hurt", "score_before",
        "score_after",
    ),
}  # fmt: skip
_WHOLE = frozenset(
    "span_start span_end prompt_tokens completion_tokens reasoning_tokens paths margin tokens continued "
    "judge_prompt_tokens judge_completion_tokens".split()
)
# Which others are never without.
_WHOLE_IN: Mapping[str, Sequence[str]] = {"nodes": ("parent", "ordinal", "path"), "theirs": ("output",)}
_TRUTHS = frozenset({"correct", "correct_before", "truncated", "agree"})


def load(runs: str | Path | Iterable[str | Path], output_dir: str | Path = "results") -> Frames:
    """Read runs by folder or id. Raises RunError where there is no such run, or it can't be read."""
    names = [runs] if isinstance(runs, str | Path) else list(runs)
    if not names:
        raise UsageError("load: no run is named.", "Give a run's folder or its id.")
    folders = dict.fromkeys(find_run(str(name), Path(output_dir)) for name in names)
    return Frames([load_run(folder) for folder in folders])


class Frames:
    """The rows of some runs.

    Frames are made when they are first asked for, and are the same object each time: copy before changing one.

    questions   question (the id), task, group, cluster, text, choices, gold, a column per tag rule that looks at the
                question only (True symbolic, NA where the rule says nothing), and one for each thing that the data say
                of questions (feature_hops; NA where they don't)
    records     a row per question and mode, with the question's features; correct and score are NA where there is no
                verdict (a failed request, a comparison out of time), truncated where a log doesn't say it. continued:
                how many of its replies stated no answer and were gone on with; answer_before and correct_before: what
                there would be had they not been.
                mass: of a mode that takes the likeliest option, what all options have of the probability of the next
                token. judge_prompt_tokens, judge_completion_tokens: those of all tokens that a second model took
    votes       a row per path of modes that vote, or candidate of modes that choose otherwise; answer is NA where it
                abstained, outcome is the verdict on its answer, score is what a judge gave it, where one did
    nodes       a row per node of what was written on the way to an answer, of modes that tell it (a search's thoughts,
                paths that were judged, criticisms, programs and what they printed): node, from 1, and parent, NA of
                first ones; how deep it stands, from 0; its role and its text (its first 400 characters); its value,
                where it has one; whether it was kept, or why not; where it was written, as `outputs` names that; of a
                candidate for the answer, what it answers and the verdict on it, and whether it was chosen
    executions  a row per program or plan that was run, in the order of their paths
    theirs      of imported logs, a row per output (or per question, where all its outputs have one score: output is NA)
                and reading of the tool that wrote them (a filter, a scorer): its score and answer, its verdict (right,
                wrong, unread, undecided) beside ours, and whether they agree, NA where one of them is missing. default:
                whether the reading is the tool's verdict where none is named; place: where it stands in the log"""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.runs = list(runs)

    def __repr__(self) -> str:
        names = ", ".join(run.folder.name for run in self.runs)
        return f"Frames({names}: {sum(len(run.records) for run in self.runs):,} records)"

    def _repr_html_(self) -> str:
        from html import escape

        head = "".join(f'<th style="text-align:left">{name}</th>' for name in ("run", "model", "questions", "records"))
        told = [(r.folder.name, r.manifest.spec.model.model, len(r.questions), len(r.records)) for r in self.runs[:10]]
        cells = ("".join(f'<td style="text-align:left">{escape(str(cell))}</td>' for cell in row) for row in told)
        more = f"<p>and {len(self.runs) - 10} more</p>" if len(self.runs) > 10 else ""
        return f"<table><tr>{head}</tr>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>{more}"

    @cached_property
    def questions(self) -> pd.DataFrame:
        rules = [rule for rule in RULES.values() if rule.timing == "pre-treatment"]
        same = ("task", "group", "cluster", "text", "choices")
        rows: dict[str, dict[str, Any]] = {}
        for run in self.runs:
            for identity, question in run.questions.items():
                if identity in rows:
                    continue
                gold = run.golds[identity]
                seen = Seen(question=question, gold=gold_text(question, gold))
                row = {"question": identity, "gold": gold, **{rule.name: rule.tag(seen) for rule in rules}}
                rows[identity] = row | {name: getattr(question, name) for name in same} | _features(question)
        columns = ["question", *same, "gold", *(rule.name for rule in rules), *self._features]
        return _made(list(rows.values()), columns, {rule.name: "boolean" for rule in rules})

    @cached_property
    def records(self) -> pd.DataFrame:
        frame = _frame("records", (_record_row(*one) for one in self._records()), self._features)
        if not frame["truncated"].isna().any():  # as of all runs that weren't imported
            frame["truncated"] = frame["truncated"].astype(bool)
        return frame

    @cached_property
    def _features(self) -> list[str]:
        """The columns of what the data say of questions."""
        questions = [question for run in self.runs for question in run.questions.values()]
        return sorted({name for question in questions for name in _features(question)})

    @cached_property
    def votes(self) -> pd.DataFrame:
        measuring = {
            (run.folder, mode)
            for run in self.runs
            for _, mode in run.manifest.spec.pairs
            if facts_of(mode, run.manifest.modes.get(mode)).measures  # whose ballots are no votes
        }
        voting = ((run, row) for run, row in self._records() if (run.folder, row.mode) not in measuring)
        return _frame("votes", (row for one in voting for row in _vote_rows(*one)))

    @cached_property
    def nodes(self) -> pd.DataFrame:
        return _frame("nodes", (row for one in self._records() for row in _node_rows(*one)))

    @cached_property
    def executions(self) -> pd.DataFrame:
        rows = (
            {**_where(run, record), "number": number, **_same("executions", execution)}
            for run, record in self._records()
            for number, execution in enumerate(record.executions, 1)
        )
        return _frame("executions", rows)

    @cached_property
    def theirs(self) -> pd.DataFrame:
        return _frame("theirs", (row for panel in self._panels for row in _their_rows(panel)))

    def outputs(self, question: str | None = None) -> pd.DataFrame:
        """Raw completions, a row per path, of one question or of all.

        A journal may be large, and is read when this is called. A reply that several modes share (a plan) has a row
        under each of them."""
        if question is not None and not any(question in run.questions for run in self.runs):
            raise UsageError(f"outputs: these runs have no question '{question}'.", "`questions` lists their ids.")
        return _frame("outputs", self._outputs(question))

    def pairs(self, mode: str, baseline: str = BASELINE) -> pd.DataFrame:
        """Questions with a verdict under both modes, paired within a run or across runs.

        before and after say whether a question was right under the baseline and the mode, and score_before and
        score_after how much of its answer was. A column for each tag rule says on which side it is: True symbolic, NA
        where the rule says nothing of it, or can't be asked for want of responses."""
        cells = {name: cell for panel in self._panels for name, cell in panel.cells.items()}
        named = {"mode": find_mode(mode, "mode").name, "baseline": find_mode(baseline, "baseline").name}
        arms = {what: the_one(name, list(cells), what, lambda arm: cells[arm].facts) for what, name in named.items()}
        for what, name in named.items():
            if arms[what] is None:
                raise UsageError(f"pairs: these runs have no mode '{name}'. They have: {', '.join(cells)}.")
        wanted, against = str(arms["mode"]), str(arms["baseline"])
        rows = [row for panel in self._panels for row in _pair_rows(panel, wanted, against)]
        return _frame("pairs", rows, list(RULES)).astype(dict.fromkeys(RULES, "boolean"))

    @cached_property
    def _panels(self) -> list[Panel]:
        return panels_of(self.runs)[0]

    def _records(self) -> Iterator[tuple[Run, Record]]:
        return ((run, record) for run in self.runs for record in run.records)

    def _outputs(self, question: str | None) -> Iterator[dict[str, Any]]:
        for run, record in self._records():
            if question is not None and record.question != question:
                continue
            for reply in run.journal.replies(record.keys):
                for place, path in enumerate(reply.completions, 1):
                    same = _same("outputs", reply) | _same("outputs", path)
                    yield {**same, **_where(run, record), "path": place, "tokens": path.completion_tokens}


def _features(question: Question) -> dict[str, str]:
    """Return what the data say of a question, by the columns of frames."""
    return {f"feature_{name}": value for name, value in question.features.items()}


def _frame(kind: str, rows: Iterable[Mapping[str, Any]], more: Sequence[str] = ()) -> pd.DataFrame:
    """Make a frame in which numbers that may be missing stay whole, and verdicts that may be missing truth values.

    more: columns of this frame beside those that all of its kind have."""
    columns = [*_COLUMNS[kind], *more]
    kinds = {name: "boolean" if name in _TRUTHS else "Int64" for name in columns if name in {*_WHOLE, *_TRUTHS}}
    kinds |= dict.fromkeys(_WHOLE_IN.get(kind, ()), "Int64")
    return _made(list(rows), columns, kinds)


def _made(rows: list[Mapping[str, Any]], columns: Sequence[str], kinds: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    try:
        frame = pd.DataFrame(rows, columns=list(columns))
    except UnicodeEncodeError:  # Arrow's texts can't hold lone surrogates, which a model may write: they become escapes
        frame = pd.DataFrame([{name: _encodable(v) for name, v in row.items()} for row in rows], columns=list(columns))
    return frame.astype(dict(kinds))


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def _where(run: Run, record: Record) -> dict[str, Any]:
    model = run.manifest.spec.model.model
    return dict(zip(_WHERE, (run.folder.name, model, record.task, record.question, record.mode), strict=True))


def _same(kind: str, entry: Struct) -> dict[str, Any]:
    """Take the columns of a frame that are entries of what is stored."""
    return {name: getattr(entry, name) for name in _COLUMNS[kind] if name in entry.__struct_fields__}


def _verdict(outcome: str | None) -> bool | None:
    return None if outcome is None or outcome in UNDECIDED else outcome == Outcome.CORRECT


def _score(record: Record) -> float | None:
    """The score of an answer from 0 to 1, which the outcome says unless it is partly right; None without a verdict."""
    if record.score is not UNSET:
        return record.score
    correct = _verdict(record.outcome)
    return None if correct is None else float(correct)


def _record_row(run: Run, record: Record) -> dict[str, Any]:
    start, end = record.span or (None, None)
    votes = record.votes
    before = None if record.before is UNSET else record.before
    return {
        **_same("records", record),
        **_where(run, record),
        **_features(run.questions[record.question]),
        "group": run.questions[record.question].group,
        "outcome": record.outcome.value,
        "correct": _verdict(record.outcome),
        "score": _score(record),
        "span_start": start,
        "span_end": end,
        "requests": len(record.requests),
        "paths": len(votes.ballots) if votes else None,
        "margin": votes.margin if votes else None,
        "truncated": None if not record.truncated and _ending_unknown(run, record) else record.truncated,
        "executions": len(record.executions),
        "continued": before.replies if before else 0,
        "answer_before": before.answer if before else record.answer,
        "correct_before": _verdict(before.outcome if before else record.outcome),
        "mass": None if record.options is UNSET else record.options.mass,
        "judge_prompt_tokens": None if record.judge_prompt_tokens is UNSET else record.judge_prompt_tokens,
        "judge_completion_tokens": None if record.judge_completion_tokens is UNSET else record.judge_completion_tokens,
    }


def _ending_unknown(run: Run, record: Record) -> bool:
    """Whether a run was imported from a log that doesn't say how outputs ended."""
    imported = run.manifest.imported
    arm = imported.arm(record.task, record.mode) if imported is not None else None
    return arm is not None and "finish_reason" in arm.not_recorded


def _their_rows(panel: Panel) -> Iterator[dict[str, Any]]:
    for cell in panel.cells.values():
        for first, name in enumerate(readings_of(panel, cell)):
            for row in beside(panel, cell, name).rows:
                record, theirs = cell.rows[row.place], cell.run.theirs[panel.questions[row.place].id, cell.mode]
                assert record is not None
                reading = theirs.readings[name]
                number = row.output or 0
                yield {
                    **_where(cell.run, record),
                    "place": theirs.place,
                    "reading": name,
                    "default": not first,
                    "metric": reading.metric,
                    "output": None if row.output is None else row.output + 1,
                    "score": reading.scores[number] if number < len(reading.scores) else None,
                    "answer": row.their_answer,
                    "verdict": row.theirs,
                    "correct": None if row.theirs == OPEN else row.theirs == RIGHT,
                    "ours": row.ours,
                    "our_answer": row.our_answer,
                    "agree": not row.disagrees if row.decided else None,
                }


def _vote_rows(run: Run, record: Record) -> Iterator[dict[str, Any]]:
    if record.votes is None:
        return
    for path, ballot in enumerate(record.votes.ballots, 1):
        answer = None if ballot is None else record.votes.answers[ballot]
        outcome = None if answer is None else answer.outcome
        yield {
            **_where(run, record),
            "path": path,
            "answer": None if answer is None else answer.answer,
            "outcome": None if outcome is None else outcome.value,
            "correct": _verdict(outcome),
            "score": None if record.votes.scores is UNSET else record.votes.scores[path - 1],
        }


def _node_rows(run: Run, record: Record) -> Iterator[dict[str, Any]]:
    tree = tree_of(record, decided_by(record))
    for node in tree.nodes if tree is not None else ():
        call, path = node.row.source or (None, None)
        request, ordinal = (None, None) if call is None else record.requests[call][:2]
        yield {
            **_same("nodes", node.row),
            **_where(run, record),
            "node": node.place + 1,
            "parent": None if node.row.parent is None else node.row.parent + 1,
            "depth": node.depth,
            "request": request,
            "ordinal": ordinal,
            "path": None if path is None else path + 1,
            "answer": node.answer,
            "outcome": None if node.outcome is None else node.outcome.value,
            "correct": _verdict(node.outcome),
            "chosen": node.chosen,
        }


def _pair_rows(panel: Panel, mode: str, baseline: str) -> Iterator[dict[str, Any]]:
    if not {mode, baseline} <= panel.cells.keys():
        return
    cell, base = panel.cells[mode], panel.cells[baseline]
    tags = {rule.name: panel.tags(rule) for rule in RULES.values()}
    for place in (cell.decided & base.decided).nonzero()[0].tolist():
        question = panel.questions[place]
        before, after = bool(base.right[place]), bool(cell.right[place])
        yield {
            "model": panel.model,
            "task": panel.task,
            "question": question.id,
            "group": question.group,
            "mode": mode,
            "baseline": baseline,
            "before": before,
            "after": after,
            "helped": after and not before,
            "hurt": before and not after,
            "score_before": float(base.scores[place]),
            "score_after": float(cell.scores[place]),
            **{name: None if side is None or side[place] < 0 else bool(side[place]) for name, side in tags.items()},
        }
