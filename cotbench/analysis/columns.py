"""Columns: the records of one mode on one task of one run; on what they are paired, and which are the same ones.

An arm that two runs have alike stands in a report once: with `--reuse`, a run with a larger limit or one more arm has
the answers of an earlier one, too."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from cotbench.analysis.stats import Array
from cotbench.modes.repeats import place_of
from cotbench.store.table import Answered, parts_of

if TYPE_CHECKING:
    from cotbench.analysis.pairing import Run

_SEED = "--seed"


def _conditions(run: Run, task: str) -> dict[str, Any]:
    spec, model = run.manifest.spec, run.manifest.spec.model
    return {
        "model revision": model.revision,
        "dtype": model.dtype,
        "--model-args": spec.model_args,
        "chat template": model.chat_template_hash or model.chat_template,
        "tokenizer (--tokenizer)": model.tokenizer,
        "how the model is told to think (--families)": model.family,
        "system role": run.manifest.engine.get("system_role"),
        "task file": spec.tasks[task].file,
        "data": spec.tasks[task].data,
        "exemplars (--num-fewshot)": spec.num_fewshot,
        "exemplars' source (--exemplars)": spec.exemplars,
        "questions in a random order (--until)": _drawn(run, task),
    }


def _drawn(run: Run, task: str) -> str:
    """In which order a drawn run's questions came, and of which set they are."""
    if not run.manifest.spec.drawn:
        return "no"
    return f"by seed {run.manifest.spec.seed} of {run.manifest.spec_row['tasks'][task].get('ids', '')}"


@dataclass(frozen=True, eq=False)
class Column:
    """The records of one mode on one task of one run. conditions: on which it is paired. places: of each of the run's
    questions its record's place among the run's, -1 where it has none."""

    task: str
    mode: str
    run: Run
    conditions: Mapping[str, Any]
    places: Array

    @cached_property
    def ids(self) -> frozenset[str]:
        """Its questions, by their ids."""
        return frozenset(self.asked())

    def asked(self) -> Iterator[str]:
        """Its questions, by their ids, in the order in which the run asked them."""
        return (
            identity for identity, place in zip(self.run.questions, self.places.tolist(), strict=True) if place >= 0
        )

    def answers(self) -> Mapping[str, str | None]:
        """Its answers, by question."""
        rows = parts_of(self.run.records, Answered, self._there.tolist())
        return {row.question: row.answer for row in rows}

    def any(self, name: str) -> bool:
        """Whether any of its records has something in one of `store.table`'s columns."""
        return bool(self.run.columns[name][self._there].any())

    @property
    def _there(self) -> Array:
        return np.asarray(self.places[self.places >= 0])


def columns_of(runs: Iterable[Run]) -> Iterator[Column]:
    for run in runs:
        arms, questions = run.columns["arm"], run.columns["question"]
        for number, (task, mode) in enumerate(run.manifest.spec.pairs):
            own = np.flatnonzero(arms == number)
            if len(own):
                places = np.full(len(run.questions), -1, np.int64)
                places[questions[own]] = own  # of several records of one question the last
                yield Column(task, mode, run, _conditions(run, task), places)


def apart_by_judge(one: Column, other: Column) -> str:
    """Say how two runs of one arm may stand side by side whose judges differ; "" where they don't."""
    judges = [column.run.manifest.spec.judge for column in (one, other)]
    asked = any(column.any("judged") for column in (one, other))
    if judges[0] == judges[1] or not asked:
        return ""
    named = [judge.model if judge is not None else "the model itself" for judge in judges]
    arm = one.mode.partition("@")[0]
    return (
        f"Name one of them only. Their judges differ ({' and '.join(named)}): runs in which each arm has a name of its "
        f"own, as --mode {arm}@name=NAME, are reported together."
    )


def without_doubles(columns: Sequence[Column]) -> tuple[list[Column], list[str]]:
    """Leave out columns that another run has alike, with as many questions or more; and say so in notes.

    Where two runs have all of their columns alike, nothing is left out: one of them was named by mistake. Where they
    are alike but for the seed by which answers, or the questions of a limit, were drawn, the seed is what keeps them
    apart."""
    groups: dict[tuple[str, str, str], list[Column]] = defaultdict(list)
    for column in columns:
        groups[column.run.manifest.spec.model.model, column.task, column.mode].append(column)
    left_out: dict[int, Column] = {}
    seeded: set[tuple[str, str]] = set()
    for (model, task, _), members in groups.items():
        for place, one in enumerate(members):
            for other in members[place + 1 :]:
                if one.conditions != other.conditions:
                    continue
                if _alike(one, other):
                    less, more = (one, other) if one.ids < other.ids else (other, one)
                    if not less.ids <= more.ids:
                        if _seed(one) != _seed(other):  # which drew other questions for a limit
                            seeded.add((model, task))
                    elif not _all_alike(one.run, other.run, columns):
                        left_out[id(less)] = more
                elif _seed(one) != _seed(other) and _entry(one) == _entry(other):
                    seeded.add((model, task))
    kept = [
        replace(column, conditions={**column.conditions, _SEED: _seed(column)})
        if (column.run.manifest.spec.model.model, column.task) in seeded
        else column
        for column in columns
        if id(column) not in left_out
    ]
    return kept, _told(columns, left_out)


def _told(columns: Sequence[Column], left_out: Mapping[int, Column]) -> list[str]:
    """Say which columns were left out, and in how many answers they differ from those that stand for them."""
    said: dict[tuple[str, str, str, str], list[tuple[str, int]]] = defaultdict(list)
    for less in columns:
        more = left_out.get(id(less))
        if more is None:
            continue
        while id(more) in left_out:
            more = left_out[id(more)]
        answers = more.answers()
        unlike = sum(answer != answers[question] for question, answer in less.answers().items())
        place = (less.task, less.run.manifest.spec.model.model, less.run.folder.name, more.run.folder.name)
        said[place].append((less.mode, unlike))
    notes = []
    for (task, model, first, second), modes in said.items():
        unlike = sum(count for _, count in modes)
        differ = f"; {unlike:,} of their answers differ" if unlike else ""
        names = ", ".join(mode for mode, _ in modes)
        notes.append(f"{task} by {model}: {first} has {names} as {second} has, whose answers are shown{differ}")
    return notes


def _entry(column: Column) -> Any:
    """What the spec says of a column's arm."""
    return column.run.manifest.spec_row["modes"].get(f"{column.task}/{column.mode}")


def _seed(column: Column) -> int:
    return column.run.manifest.spec.seed


def _alike(one: Column, other: Column) -> bool:
    """Whether two columns of the same conditions are of one arm, drawn alike: all that their answers depend on is the
    same."""
    if _entry(one) != _entry(other) or (_seed(one) != _seed(other) and _is_drawn(one)):
        return False
    return all(_rests_on(one, name) == _rests_on(other, name) for name in ("judge", "programs", "stations"))


def _is_drawn(column: Column) -> bool:
    """Whether chance has a part in a column's answers. The stub's are made by the seed, and so is the order of options
    under another wording."""
    hot = is_sampled(_entry(column) or {})
    return hot or place_of(column.mode)[1] > 0 or column.run.manifest.spec.model.engine == "stub"


def is_sampled(entry: Mapping[str, Any]) -> bool:
    """Whether any turn of an arm is drawn at random, by what the spec says of it."""
    turns = [entry, *(turn for turn in entry.values() if isinstance(turn, dict))]
    return any(turn["sampling"].get("temperature") != 0 for turn in turns if isinstance(turn.get("sampling"), dict))


def _rests_on(column: Column, name: str) -> Any:
    """What a run's spec says of a judge, of programs or of stations, where a column's answers rest on it."""
    if name == "judge":
        used = column.any("judged")
    elif name == "programs":
        used = column.any("executions")
    else:
        used = "context" in (_entry(column) or {})
    return column.run.manifest.spec_row.get(name) if used else None


def _all_alike(one: Run, other: Run, columns: Sequence[Column]) -> bool:
    """Whether two runs have the same columns with the same questions, so that neither adds anything, and not for want
    of anything sampled: of two seeds greedy arms are alike."""
    if one.manifest.spec.seed != other.manifest.spec.seed:
        return False
    there = [
        {(column.task, column.mode): column.ids for column in columns if column.run is run} for run in (one, other)
    ]
    return there[0] == there[1]
