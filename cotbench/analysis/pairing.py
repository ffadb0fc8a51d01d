"""Which records belong together: runs -> panels, in which the same questions stand under every mode.

Modes are paired on question ids, within a run and across runs, and only where what `_conditions` lists is the same: the
model's revision, dtype and arguments, chat template, task file, data and exemplars.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar, overload

import numpy as np
from msgspec import Struct, structs

from cotbench.analysis import stats
from cotbench.analysis.columns import Column, apart_by_judge, columns_of, without_doubles
from cotbench.analysis.heard import Heard, hear
from cotbench.analysis.order import Order, complete_part
from cotbench.analysis.stats import Array, Clusters, Design, Strata
from cotbench.answers.reading import VAGUE
from cotbench.errors import RunError
from cotbench.modes import MODES, Facts, facts_of, find_mode
from cotbench.modes.arms import as_asked, named
from cotbench.modes.repeats import first_of, place_of
from cotbench.questions.data import question_hash
from cotbench.questions.drawing import drawn
from cotbench.questions.tagging import Rule, Seen, gold_text
from cotbench.store import table
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.lock import state_of
from cotbench.store.manifest import ImportedArm, Manifest, read_manifest
from cotbench.store.passages import Shown, read_passages
from cotbench.store.questions import read_questions
from cotbench.store.records import Record
from cotbench.store.table import Columns, parts_of, read_any_records
from cotbench.store.theirs import Theirs, read_theirs
from cotbench.types import UNDECIDED, Outcome, Question

T = TypeVar("T", bound=Struct)

OUTCOMES = tuple(Outcome)
SUBJECT = "subject"  # what --generalise may name: a task's groups
_PLACES: Mapping[str, int] = {outcome.value: place for place, outcome in enumerate(OUTCOMES)}


@dataclass(frozen=True, kw_only=True, repr=False)
class Run:
    folder: Path
    manifest: Manifest
    questions: Mapping[str, Question]
    golds: Mapping[str, str]
    records: Sequence[Record]
    journal: JournalIndex
    lock_fits: bool = True  # whether the hash of what was fixed is that of what is there

    def __repr__(self) -> str:
        return f"Run({self.folder.name}: {len(self.records):,} records)"

    @property
    def finished(self) -> bool:
        return self.manifest.status == "finished"

    @cached_property
    def columns(self) -> Columns:
        """Its records by column."""
        return table.columns_of(self.records, self.questions, self.manifest.spec.pairs)

    @cached_property
    def numbers(self) -> Mapping[str, int]:
        """The numbers of its questions, by their ids."""
        return {identity: number for number, identity in enumerate(self.questions)}

    @cached_property
    def lacks(self) -> Array:
        """Of each record whether the journal lacks a reply to it: 1, 0, or -1 where nobody has looked (`hear`)."""
        return np.full(len(self.records), -1, np.int8)

    @cached_property
    def passages(self) -> Shown:
        """What its arms show before questions, by question and context. Raises RunError."""
        return read_passages(self.folder)

    @cached_property
    def theirs(self) -> Theirs:
        """What the tool that wrote its logs made of its outputs, by question and mode; {} of a run that was made here.
        Raises RunError."""
        return read_theirs(self.folder, self.manifest, self.questions)


def load_run(folder: Path, *, ahead: bool = False) -> Run:
    """Read a run's folder. Raises RunError where it doesn't hold what a run writes.

    ahead: prompts and responses are going to be asked for, so a large journal is looked through in another process.

    A run may go on meanwhile. Then its journal is looked at after its records, since replies are in it before anything
    is derived of them: what a record rests on is there."""
    manifest = read_manifest(folder)
    goes_on = manifest.status == "running"
    journal = None if goes_on else JournalIndex(folder / JOURNAL, ahead=ahead)
    questions, golds = read_questions(folder, manifest)
    records = read_any_records(folder, manifest, questions, golds)
    journal = journal or JournalIndex(folder / JOURNAL, ahead=ahead)
    fits = manifest.lock is None or manifest.lock.hash == manifest.seal(manifest.lock)
    if not manifest.spec.arms:
        manifest, records = _with_arms(manifest, records)
    return Run(
        folder=folder,
        manifest=manifest,
        questions=questions,
        golds=golds,
        records=records,
        journal=journal,
        lock_fits=fits,
    )


def _with_arms(manifest: Manifest, records: Sequence[Record]) -> tuple[Manifest, list[Record]]:
    """Call the modes of a run of a version that knew no arms what they were: the answer alone was asked for."""
    spec = manifest.spec_row
    called = {mode: as_asked(mode, MODES) for _, mode in manifest.spec.pairs}
    modes = {f"{task}/{called[mode]}": spec["modes"][f"{task}/{mode}"] for task, mode in manifest.spec.pairs}
    arms = {name for mode, name in called.items() if name != mode}
    facts = {called.get(mode, mode): row for mode, row in manifest.modes.items()}
    for name in called.values():
        if name in arms:
            arm = find_mode(name).facts
            facts[name] = facts.get(name, {}) | {n: getattr(arm, n) for n in ("label", "mode", "settings", "at_once")}
    shown = {f"{task}/{called.get(mode, mode)}": row for (task, mode), row in _by_pair(manifest.shown)}
    manifest = structs.replace(manifest, spec_row={**spec, "modes": modes}, modes=facts, shown=shown)
    changed = [structs.replace(row, mode=called[row.mode]) if called[row.mode] in arms else row for row in records]
    return manifest, changed


def _by_pair(rows: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Mappings by "task/mode", by task and mode."""
    for name, row in rows.items():
        task, _, mode = name.partition("/")
        yield (task, mode), row


@dataclass(frozen=True, kw_only=True, eq=False)
class Cell:
    """What one mode did with the questions of a panel.

    places: of each question, in the panel's order, its record's place among the run's, or -1. The properties are arrays
    over the questions, but for `rows`: a record for each, or None."""

    mode: str
    run: Run
    places: Array

    @cached_property
    def rows(self) -> Rows:
        """The record of each question, or None. Of a large run each is read when it is asked for: what is asked of all
        of them is better taken from the arrays."""
        return Rows(self.run.records, self.places)

    def parts(self, kind: type[T], mask: Array) -> Iterator[T]:
        """Parts of the records of the questions of a mask that have one (`store.table.parts_of`), in their order."""
        return parts_of(self.run.records, kind, self.places[mask & self.asked].tolist())

    def having(self, name: str) -> Array:
        """Which questions' records have something in one of `store.table`'s columns."""
        return np.asarray(self._taken(name, 0) > 0)

    def counts(self, name: str) -> Array:
        """The whole numbers of one of `store.table`'s columns; 0 without a record."""
        return self._taken(name, 0)

    def _taken(self, name: str, absent: float) -> Array:
        taken: Array = self.run.columns[name][self.places]  # -1 takes any, which doesn't matter
        return taken if self.asked.all() else np.asarray(np.where(self.asked, taken, absent), dtype=taken.dtype)

    @cached_property
    def heard(self) -> Heard:
        """What the journal says of the replies to each question."""
        return hear(self.run, self.places)

    @cached_property
    def kept(self) -> dict[str, Any]:
        """What others work out of it once (`voted.votes_of`)."""
        return {}

    @cached_property
    def endings(self) -> Array:
        """The outcome of each question, as its place in OUTCOMES; -1 without a record."""
        return self._taken("ending", -1)

    @cached_property
    def asked(self) -> Array:
        """Which questions have a record."""
        return np.asarray(self.places >= 0)

    @cached_property
    def decided(self) -> Array:
        """Which questions have a verdict: the request didn't fail, and comparing its answer came to an end."""
        return np.asarray(self.asked & ~np.isin(self.endings, [_PLACES[outcome] for outcome in UNDECIDED]))

    @cached_property
    def right(self) -> Array:
        """Which questions were answered rightly."""
        return np.asarray(self.endings == _PLACES[Outcome.CORRECT])

    @cached_property
    def scores(self) -> Array:
        """The score of each question's answer in 0..1, which the outcome says unless the record does; nan without a
        verdict."""
        return np.where(self.decided, np.where(np.isnan(self._recorded), self.right, self._recorded), np.nan)

    @cached_property
    def in_part(self) -> Array:
        """Which questions have an answer whose score the outcome doesn't say."""
        return np.asarray(self.decided & ~np.isnan(self._recorded) & (self._recorded != self.right))

    @cached_property
    def _recorded(self) -> Array:
        """The scores that records hold, nan where they hold none."""
        return self._taken("score", np.nan)

    @cached_property
    def read(self) -> Array:
        """Of which questions an answer was read, right or wrong."""
        return np.asarray(self.having("answered") | (self.endings == _PLACES[Outcome.DECLINED]))

    @cached_property
    def vague(self) -> Array:
        """Of which questions an answer was read by a vague rule."""
        vague = [number for number, rule in enumerate(self.run.columns.rules) if rule in VAGUE]
        return np.asarray(self.read & np.isin(self._taken("rule", -1), vague))

    @cached_property
    def cut(self) -> Array:
        """Of which questions a completion was cut at its budget, whether or not an answer was read."""
        return self.having("truncated")

    @cached_property
    def facts(self) -> Facts:
        """What the run's manifest, or the table of modes, says of the mode."""
        return facts_of(self.mode, self.run.manifest.modes.get(self.mode))

    @cached_property
    def imported(self) -> ImportedArm | None:
        """What its run's manifest says of the log that it was imported from."""
        imported = self.run.manifest.imported
        if imported is None:
            return None
        task = next((row.task for row in self.rows if row is not None), "")
        return imported.arm(task, self.mode)

    def lacks(self, what: str) -> bool:
        """Whether the log that it was imported from doesn't hold something of any output (`ImportedArm`)."""
        return self.imported is not None and what in self.imported.not_recorded

    def tokens(self, kind: str) -> Array:
        """Counts of `prompt`, `reasoning` or `completion` tokens; nan where they are unknown."""
        return self._taken(kind, np.nan)


class Rows(Sequence[Record | None]):
    """The records of some places among a run's, None where that is -1."""

    def __init__(self, records: Sequence[Record], places: Array) -> None:
        self._records, self._places = records, places

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, number: int) -> Record | None: ...
    @overload
    def __getitem__(self, number: slice) -> Rows: ...
    def __getitem__(self, number: int | slice) -> Record | Rows | None:
        if isinstance(number, slice):
            return Rows(self._records, self._places[number])
        place = int(self._places[number])
        return None if place < 0 else self._records[place]

    def __iter__(self) -> Iterator[Record | None]:
        places = self._places.tolist()
        there = parts_of(self._records, Record, (place for place in places if place >= 0))
        return (None if place < 0 else next(there) for place in places)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Panel:
    """One task by one model: its questions, and a cell for each mode.

    model: its name, with the run's where two runs of it can't be paired. measuring: cells of arms that measure
    something of another arm (`Facts.measures`), which are no arms to be compared. generalise: what the questions'
    groups are taken for, a sample of subjects ("subject") or all there are (""). drawn: of a run that may stop at any
    question how these were drawn; then its questions are those of the beginning that is complete. repeats: of each mode
    that was repeated, the cells of all repeats, of which the first is the one among `cells`: whatever isn't about
    repeats is of that one."""

    model: str
    task: str
    questions: Sequence[Question]
    golds: Sequence[str]
    cells: Mapping[str, Cell]
    measuring: Mapping[str, Cell] = field(default_factory=dict)
    generalise: str = ""
    drawn: Order | None = None
    repeats: Mapping[str, tuple[Cell, ...]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Panel({self.task}, {self.model}: {len(self.questions):,} questions under {', '.join(self.cells)})"

    def cell(self, wanted: str) -> Cell | None:
        """The cell of a mode or arm; where a mode is named and only its arms are there, of the one that is meant
        (`modes.arms.named`). None where there is none, or several may be meant."""
        found = named(wanted, self.cells, lambda name: self.cells[name].facts)
        return self.cells[found[0]] if len(found) == 1 else None

    @cached_property
    def clusters(self) -> Clusters:
        """Codes of what questions share that might have been another, a passage say; None where they share nothing.

        The groups of a task (subjects, types) are no such thing: all of its subjects are there. So clusters that are
        the groups by name, as some task files have them, are none, unless the panel is to generalise to new subjects:
        then groups are clusters, each with all questions that share something with its own.
        """
        subjects = stats.codes(self._groups) if self._over_subjects else None
        if subjects is None or self._shared is None:
            return self._shared if subjects is None else subjects
        return stats.whole_clusters(subjects, self._shared)

    @cached_property
    def _shared(self) -> Clusters:
        """Codes of what questions share beside their group."""
        own = [question.cluster for question in self.questions]
        if all(not name or name in _names_of(group) for name, group in zip(own, self._groups, strict=True)):
            return None
        return stats.codes(own)

    @cached_property
    def strata(self) -> Strata:
        """Codes of groups (MMLU subject, MATH type), of which questions without one are another; None where there are
        fewer than two, or where they are clusters.

        --limit draws from each group in proportion, so that each question is as likely to be drawn as any other: the
        plain mean is the stratified one, and needs no weights.
        """
        names, codes = np.unique(np.array(self._groups, dtype=object), return_inverse=True)
        return None if len(names) < 2 or self._over_subjects else np.asarray(codes)

    @cached_property
    def _groups(self) -> Sequence[str]:
        return [question.group for question in self.questions]

    @property
    def _over_subjects(self) -> bool:
        return self.generalise == SUBJECT and any(self._groups)

    @property
    def unit(self) -> str:
        """What is taken as drawn at random: "question", "cluster" or "subject"."""
        return SUBJECT if self._over_subjects else "question" if self.clusters is None else "cluster"

    def clusters_of(self, mask: Array) -> Clusters:
        """Return the clusters of the questions of a mask."""
        return None if self.clusters is None else self.clusters[mask]

    def shared_of(self, mask: Array) -> Clusters:
        """Return what the questions of a mask share beside their group, also where groups are clusters."""
        return None if self._shared is None else self._shared[mask]

    def strata_of(self, mask: Array) -> Strata:
        """Return the strata of the questions of a mask."""
        return None if self.strata is None else self.strata[mask]

    def design(self, mask: Array) -> Design:
        """Return what estimates over the questions of a mask have to know of how these were drawn."""
        return {"clusters": self.clusters_of(mask), "strata": self.strata_of(mask)}

    @cached_property
    def groups(self) -> Mapping[str, Array]:
        """Masks of questions by group (MMLU subject, MATH type), in alphabetical order; {} where the task has none."""
        names = np.array([question.group for question in self.questions])
        return {str(name): names == name for name in np.unique(names) if name}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Where each question stands in the panel, by its id."""
        return {question.id: place for place, question in enumerate(self.questions)}

    def tags(self, rule: Rule) -> Array | None:
        """Tag each question by a rule: 1 symbolic, 0 not, -1 where the rule has nothing to say; None where it can't be
        applied, for want of responses."""
        if rule not in self._tags:
            self._tags[rule] = self._tagged(rule)
        return self._tags[rule]

    def part(self, places: Sequence[int]) -> Panel:
        """The panel of some of its questions, with the tags that these have here."""
        chosen = np.asarray(places, dtype=np.int64)
        part = Panel(
            model=self.model,
            task=self.task,
            questions=[self.questions[place] for place in places],
            golds=[self.golds[place] for place in places],
            cells={n: Cell(mode=n, run=cell.run, places=cell.places[chosen]) for n, cell in self.cells.items()},
            measuring={n: Cell(mode=n, run=cell.run, places=cell.places[chosen]) for n, cell in self.measuring.items()},
            generalise=self.generalise,
            repeats={
                n: tuple(Cell(mode=cell.mode, run=cell.run, places=cell.places[chosen]) for cell in cells)
                for n, cells in self.repeats.items()
            },
        )
        part._tags.update({rule: None if tags is None else tags[chosen] for rule, tags in self._tags.items()})
        return part

    @cached_property
    def _tags(self) -> dict[Rule, Array | None]:
        return {}

    def _tagged(self, rule: Rule) -> Array | None:
        looks_at_responses = rule.timing == "post-treatment"
        if looks_at_responses and (not self._equals or (rule.name == "eq_paper" and self._chain_of_thought is None)):
            return None
        tags = map(rule.tag, self._seen_responses if looks_at_responses else self._seen)
        return np.fromiter((-1 if tag is None else tag for tag in tags), np.int8, len(self.questions))

    @cached_property
    def _seen(self) -> Sequence[Seen]:
        return [Seen(question=question) for question in self.questions]

    @cached_property
    def _seen_responses(self) -> Sequence[Seen]:
        cot = self._chain_of_thought or [None] * len(self.questions)
        columns = zip(self.questions, self.golds, cot, zip(*self._equals.values(), strict=True), strict=True)
        return [
            Seen(question=question, gold=gold_text(question, gold), cot=own, any=_any(each))
            for question, gold, own, each in columns
        ]

    @cached_property
    def _equals(self) -> Mapping[str, list[bool | None]]:
        """Whether the responses to each question hold a "=", by mode that answers in words."""
        said = (False, True, None)
        return {
            mode: [said[code] for code in cell.heard.equals.tolist()]
            for mode, cell in self.cells.items()
            if cell.facts.answers_in == "words"
        }

    @property
    def _chain_of_thought(self) -> list[bool | None] | None:
        """The entries of `_equals` of the mode that is chain of thought; None where the panel has none."""
        return next((self._equals[mode] for mode, cell in self.cells.items() if cell.facts.main), None)


@cache
def _names_of(group: str) -> tuple[str, ...]:
    """What a cluster is called that is this group: its name, or the hash of it where that is long."""
    return (group, question_hash(group, ()))


def _any(values: Iterable[bool | None]) -> bool | None:
    known = [value for value in values if value is not None]
    return any(known) if known else None


def panels_of(runs: Sequence[Run], *, generalise: str = "") -> tuple[list[Panel], list[str]]:
    """Make panels of runs, and notes on what was kept apart and why. Raises RunError where nothing may be paired.

    generalise: "subject" where subjects are to be a sample of subjects."""
    groups: dict[tuple[str, str], list[list[Column]]] = defaultdict(list)
    columns, alike = without_doubles(list(columns_of(runs)))
    for column in columns:
        model = column.run.manifest.spec.model.model
        families = groups[model, column.task]
        home = next((family for family in families if family[0].conditions == column.conditions), None)
        if home is None:
            families.append(home := [])
        if double := next((other for other in home if other.mode == column.mode), None):
            both = f"{double.run.folder} and {column.run.folder} both hold {column.task} under {column.mode} by {model}"
            raise RunError(f"{both}.", apart_by_judge(double, column) or "Name one of them only.")
        home.append(column)
    if not groups:
        remedy = "Let the run get further, or resume it."
        if all(run.manifest.imported is not None for run in runs):
            remedy = "Its import didn't end: import the logs again."
        if any(state_of(run.folder, run.manifest) == "running" for run in runs):
            remedy = "It is going on: ask again in some seconds."
        raise RunError(f"{', '.join(str(run.folder) for run in runs)}: there are no records yet.", remedy)
    notes, panels = alike, []
    for (model, task), families in groups.items():
        modes = {column.mode for family in families for column in family}
        if len(families) > 1 and len(modes) > 1:
            reasons = [_why_not(families[0][0], family[0]) for family in families[1:]]
            if all(len(family) == 1 for family in families):
                raise RunError(
                    "\n  ".join([f"{task} by {model}: the runs can't be paired:", *reasons]),
                    "Run the modes under the same conditions (one `cotbench run` with several --mode does).",
                )
            notes += [f"{task} by {model}: kept apart, because {reason}" for reason in reasons]
        for family in families:
            label = model if len(families) == 1 else f"{model} [{family[0].run.folder.name}]"
            order = _order(task, family, columns) if family[0].run.manifest.spec.drawn else None
            if order is not None and not order.complete:
                notes.append(f"{task} by {label}: not one of the first questions has all its answers yet.")
                continue
            panels.append(_panel(label, task, family, generalise, order))
    if not panels:
        raise RunError(f"{', '.join(notes)}", "Let the run get further, or resume it.")
    return panels, notes


def _order(task: str, family: Sequence[Column], columns: Sequence[Column]) -> Order:
    """How the questions of some columns were drawn, and how far all of them are complete."""
    first = family[0].run
    clusters = drawn([one for one in first.questions.values() if one.task == task], first.manifest.spec.seed)
    runs = {id(column.run): column.run for column in family}.values()
    lacking = {mode for run in runs for of, mode in run.manifest.spec.pairs if of == task}
    lacking -= {column.mode for column in family}
    complete, behind = complete_part(clusters, [column.ids for column in family]) if not lacking else (0, 0)
    asked = {
        (of, mode)
        for run in {id(column.run): column.run for column in columns}.values()
        if run.manifest.spec.drawn and run.manifest.spec.model.model == first.manifest.spec.model.model
        for of, mode in run.manifest.spec.pairs
    }
    tests = len(asked) - len({of for of, _ in asked})  # each other arm against the baseline
    return Order(clusters=clusters, complete=complete, tests=max(tests, 1), behind=behind)


def _why_not(first: Column, second: Column) -> str:
    names = (first.run.folder.name, second.run.folder.name)
    pairs = [(name, value, second.conditions[name]) for name, value in first.conditions.items()]
    return "; ".join(f"{name}: {old} in {names[0]}, {new} in {names[1]}" for name, old, new in pairs if old != new)


def _panel(model: str, task: str, family: Sequence[Column], generalise: str, how: Order | None) -> Panel:
    # Of a question that several runs have the first one counts.
    runs = {identity: column.run for column in reversed(family) for identity in column.asked()}
    order = sorted(runs if how is None else (question.id for question in how.asked))
    several = {id(column.run): column.run for column in family}
    numbers = {run: np.array([one.numbers.get(identity, -1) for identity in order]) for run, one in several.items()}
    cells = {
        column.mode: Cell(mode=column.mode, run=column.run, places=_placed(column, numbers[id(column.run)]))
        for column in family
    }
    repeats: dict[str, list[Cell]] = defaultdict(list)
    for mode, cell in cells.items():
        if (first := first_of(mode)) in cells:  # one whose first isn't there yet stands for itself
            repeats[first].append(cell)
    of_their_own = {mode: cell for mode, cell in cells.items() if mode in repeats or first_of(mode) not in cells}
    return Panel(
        model=model,
        task=task,
        questions=[runs[identity].questions[identity] for identity in order],
        golds=[runs[identity].golds[identity] for identity in order],
        cells={mode: cell for mode, cell in of_their_own.items() if not cell.facts.measures},
        measuring={mode: cell for mode, cell in of_their_own.items() if cell.facts.measures},
        generalise=generalise,
        drawn=how,
        repeats={
            mode: tuple(sorted(found, key=lambda cell: place_of(cell.mode)[1:]))
            for mode, found in repeats.items()
            if len(found) > 1
        },
    )


def _placed(column: Column, numbers: Array) -> Array:
    """The places of a column's records, of questions by their numbers in the run; -1 of one that isn't the run's."""
    return np.where(numbers < 0, -1, column.places[numbers])
