"""Which records belong together: runs -> panels, in which the same questions stand under every mode.

Modes are paired on question ids, within a run and across runs, and only where what `_conditions` lists is the same: the
model's revision, dtype and arguments, chat template, task file, data and exemplars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.stats import Array
from cotbench.answers.reading import VAGUE
from cotbench.errors import RunError
from cotbench.modes import Facts, facts_of
from cotbench.questions.tagging import Rule, Seen, gold_text
from cotbench.store.outputs import Outputs
from cotbench.store.records import Manifest, read_manifest, read_questions, records_of
from cotbench.types import UNDECIDED, Outcome, Question

OUTCOMES = tuple(Outcome)
_PLACES: Mapping[str, int] = {outcome.value: place for place, outcome in enumerate(OUTCOMES)}

Record = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Run:
    folder: Path
    manifest: Manifest
    questions: Mapping[str, Question]
    golds: Mapping[str, str]
    records: Sequence[Record]
    outputs: Outputs

    @property
    def finished(self) -> bool:
        return self.manifest.status == "finished"


def load_run(folder: Path, *, ahead: bool = False) -> Run:
    """ahead: prompts and responses are going to be asked for. Raises RunError where the folder doesn't hold what a run writes."""
    manifest = read_manifest(folder)
    outputs = Outputs(folder, ahead=ahead)
    questions, golds = read_questions(folder, manifest)
    records = records_of(folder, manifest, questions, golds)
    return Run(folder=folder, manifest=manifest, questions=questions, golds=golds, records=records, outputs=outputs)


# --- panels -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """What one mode did with the questions of a panel. rows: a record for each of them, in their order, or None. Arrays are over questions."""

    mode: str
    run: Run
    rows: Sequence[Record | None]

    @cached_property
    def _columns(self) -> Array:
        """One pass over the records: a row of figures for each question, nan for what isn't there."""
        return np.array([_ABSENT if row is None else _figures(row) for row in self.rows], dtype=float).reshape(-1, 7)

    @cached_property
    def endings(self) -> Array:
        """The outcome of each question, as its place in OUTCOMES; -1 without a record."""
        out: Array = self._columns[:, 0].astype(np.int8)
        return out

    @cached_property
    def asked(self) -> Array:
        out: Array = self.endings >= 0
        return out

    @cached_property
    def decided(self) -> Array:
        """There is a verdict: the request didn't fail, and comparing its answer came to an end."""
        out: Array = self.asked & ~np.isin(self.endings, [_PLACES[outcome] for outcome in UNDECIDED])
        return out

    @cached_property
    def right(self) -> Array:
        out: Array = self.endings == _PLACES[Outcome.CORRECT]
        return out

    @cached_property
    def read(self) -> Array:
        """An answer was read, right or wrong."""
        out: Array = self._columns[:, 1] == 1
        return out

    @cached_property
    def vague(self) -> Array:
        """It was read by a vague rule."""
        out: Array = self._columns[:, 2] == 1
        return out

    @cached_property
    def cut(self) -> Array:
        """A completion was cut at its budget, whether or not an answer was read."""
        out: Array = self._columns[:, 3] == 1
        return out

    @cached_property
    def facts(self) -> Facts:
        """What the run's manifest, or the table of modes, says of the mode."""
        return facts_of(self.mode, self.run.manifest.modes.get(self.mode))

    def tokens(self, kind: str) -> Array:
        """Of `prompt`, `reasoning` or `completion` tokens; nan where they are unknown."""
        out: Array = self._columns[:, 4 + _KINDS.index(kind)]
        return out


_KINDS = ("prompt", "reasoning", "completion")
_ABSENT = (-1, 0, 0, 0, None, None, None)


def _figures(row: Record) -> tuple[int | None, ...]:
    read = row["answer"] is not None or row["outcome"] == Outcome.DECLINED
    return (
        _PLACES[row["outcome"]],
        read,
        read and row["rule"] in VAGUE,
        row["truncated"],
        row["prompt_tokens"],
        row["reasoning_tokens"],
        row["completion_tokens"],
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Panel:
    """One task by one model: its questions, and a cell for each mode.

    model: its name, with the run's where two runs of it can't be paired. clusters: codes, one per question, or None.
    """

    model: str
    task: str
    questions: Sequence[Question]
    golds: Sequence[str]
    cells: Mapping[str, Cell]

    @cached_property
    def clusters(self) -> Array | None:
        return stats.codes([question.cluster for question in self.questions])

    def clusters_of(self, mask: Array) -> Array | None:
        return None if self.clusters is None else self.clusters[mask]

    @cached_property
    def groups(self) -> Mapping[str, Array]:
        """Group (MMLU subject, MATH type) -> which questions are of it; in alphabetical order, {} where the task has none."""
        names = np.array([question.group for question in self.questions])
        return {str(name): names == name for name in np.unique(names) if name}

    def place_of(self, question: str) -> int:
        return self._places[question]

    @cached_property
    def _places(self) -> Mapping[str, int]:
        return {question.id: place for place, question in enumerate(self.questions)}

    def tags(self, rule: Rule) -> Array | None:
        """1 symbolic, 0 not, -1 where the rule has nothing to say; None where it can't be applied, for want of responses."""
        if rule not in self._tags:
            self._tags[rule] = self._tagged(rule)
        return self._tags[rule]

    @cached_property
    def _tags(self) -> dict[Rule, Array | None]:
        return {}

    def _tagged(self, rule: Rule) -> Array | None:
        seen = self._seen
        if rule.timing == "post-treatment":
            if not self._equals or (rule.name == "eq_paper" and self._chain_of_thought is None):
                return None
            seen = self._seen_responses
        tags = (rule.tag(one) for one in seen)
        return np.fromiter((-1 if tag is None else tag for tag in tags), np.int8, len(seen))

    @cached_property
    def _seen(self) -> Sequence[Seen]:
        return [Seen(question=question) for question in self.questions]

    @cached_property
    def _seen_responses(self) -> Sequence[Seen]:
        columns = list(self._equals.values())
        cot = self._chain_of_thought or [None] * len(self.questions)
        return [
            Seen(
                question=question,
                gold=gold_text(question, self.golds[place]),
                cot=cot[place],
                any=_any(column[place] for column in columns),
            )
            for place, question in enumerate(self.questions)
        ]

    @cached_property
    def _equals(self) -> Mapping[str, list[bool | None]]:
        """By mode that answers in words: whether the responses to each question hold a "="."""
        return {
            mode: [
                None if row is None else cell.run.outputs.equals(row["question"], row["requests"]) for row in cell.rows
            ]
            for mode, cell in self.cells.items()
            if cell.facts.answers_in == "words"
        }

    @property
    def _chain_of_thought(self) -> list[bool | None] | None:
        """The entries of `_equals` of the mode that is chain of thought; None where the panel has none."""
        return next((self._equals[mode] for mode, cell in self.cells.items() if cell.facts.main), None)


def _any(values: Iterable[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return any(known) if known else None


def _conditions(run: Run, task: str) -> dict[str, Any]:
    spec = run.manifest.spec
    model = spec["model"]
    return {
        "model revision": model["revision"],
        "dtype": model.get("dtype"),
        "--model-args": spec.get("model_args"),
        "chat template": model["chat_template_hash"] or model["chat_template"],
        "system role": run.manifest.engine.get("system_role"),
        "task file": spec["tasks"][task].get("file"),
        "data": spec["tasks"][task]["data"],
        "exemplars (--num-fewshot)": spec["num_fewshot"],
        "exemplars' source (--exemplars)": spec.get("exemplars", "the task's"),
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Found:
    """The records of one mode on one task of one run."""

    model: str
    task: str
    mode: str
    run: Run
    conditions: Mapping[str, Any]
    records: Mapping[str, Record]


def _found(runs: Iterable[Run]) -> list[_Found]:
    found = []
    for run in runs:
        by_mode: dict[tuple[str, str], dict[str, Record]] = defaultdict(dict)
        for record in run.records:
            by_mode[record["task"], record["mode"]][record["question"]] = record
        for name in run.manifest.spec["modes"]:
            task, mode = name.split("/", 1)
            if (task, mode) in by_mode:
                found.append(
                    _Found(
                        model=run.manifest.spec["model"]["model"],
                        task=task,
                        mode=mode,
                        run=run,
                        conditions=_conditions(run, task),
                        records=by_mode[task, mode],
                    )
                )
    return found


def panels_of(runs: Sequence[Run]) -> tuple[list[Panel], list[str]]:
    """Panels, and notes on what was kept apart and why; raises RunError where nothing that was asked for may be paired."""
    groups: dict[tuple[str, str], list[list[_Found]]] = defaultdict(list)
    for one in _found(runs):
        families = groups[one.model, one.task]
        home = next((family for family in families if family[0].conditions == one.conditions), None)
        if home is None:
            families.append([one])
            continue
        double = next((other for other in home if other.mode == one.mode), None)
        if double is not None:
            raise RunError(
                f"{double.run.folder} and {one.run.folder} both hold {one.task} under {one.mode} by {one.model}.",
                "Name one of them only.",
            )
        home.append(one)
    if not groups:
        raise RunError(
            f"{', '.join(str(run.folder) for run in runs)}: there are no records yet.",
            "Let the run get further, or resume it.",
        )
    notes, panels = [], []
    for (model, task), families in groups.items():
        modes = {one.mode for family in families for one in family}
        if len(families) > 1 and len(modes) > 1:
            reasons = [_why_not(families[0][0], family[0]) for family in families[1:]]
            if all(len(family) == 1 for family in families):
                raise RunError(
                    f"{task} by {model}: the runs can't be paired:\n  " + "\n  ".join(reasons),
                    "Run the modes under the same conditions (one `cotbench run` with several --mode does).",
                )
            notes += [f"{task} by {model}: kept apart, because {reason}" for reason in reasons]
        for family in families:
            label = model if len(families) == 1 else f"{model} [{family[0].run.folder.name}]"
            panels.append(_panel(label, task, family))
    return panels, notes


def _why_not(first: _Found, second: _Found) -> str:
    parts = [
        f"{name}: {first.conditions[name]} in {first.run.folder.name}, {second.conditions[name]} in {second.run.folder.name}"
        for name in first.conditions
        if first.conditions[name] != second.conditions[name]
    ]
    return "; ".join(parts)


def _panel(model: str, task: str, family: Sequence[_Found]) -> Panel:
    questions: dict[str, Question] = {}
    golds: dict[str, str] = {}
    for one in family:
        for identity in one.records:
            if identity not in questions:
                questions[identity], golds[identity] = one.run.questions[identity], one.run.golds[identity]
    order = sorted(questions)
    return Panel(
        model=model,
        task=task,
        questions=[questions[identity] for identity in order],
        golds=[golds[identity] for identity in order],
        cells={
            one.mode: Cell(
                mode=one.mode,
                run=one.run,
                rows=[one.records.get(identity) for identity in order],
            )
            for one in family
        },
    )
