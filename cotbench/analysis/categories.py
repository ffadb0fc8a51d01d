"""A suite's categories: differences over the tasks of each, and what of the suite is missing.

As Figure 3 of "To CoT or not to CoT?" (Sprague et al. 2024, arXiv:2409.12183) has it, for the model at hand: what a
mode adds in each category, by question and with tasks as units. The rows are put together as those of all tasks are
(`pooled.py`), and corrected for many tests over categories, modes and models.

Which suite a report is by is what its runs record (`SuiteEntry`), or a suite that is named: runs may make it up
together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta
from cotbench.analysis.pairing import Panel, Run
from cotbench.analysis.pooled import Pooled, by_pair_of, corrected, judged, together, twice
from cotbench.analysis.verdicts import Remark
from cotbench.errors import TaskError, suggest
from cotbench.questions.suites import entry_of, find_suite, list_suite_files
from cotbench.store.manifest import SuiteEntry

NOT_THERE = "cotbench doesn't have it"
LEFT_OUT = "left out of the run"
NOT_RUN = "not in these runs"


@dataclass(frozen=True, kw_only=True)
class Category(Pooled):
    """A mode against a baseline over the tasks of one category of a suite.

    rule: always "". side: whether the suite calls the category symbolic; all where it says nothing of that. tasks: of
    the category, those in these runs, each question once; missing: those that have no such pair here, and data sets
    that cotbench doesn't have. p_holm: corrected
    over the `family` of rows by the same unit against the same baseline. The rest is as of `Pooled`.
    """

    suite: str
    category: str
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Missing:
    """What belongs to a suite and isn't in a report.

    model: by which it wasn't run, "" for all. state: that cotbench doesn't have it, that it was left out of the run, or
    that no run here has it. why: in more words, where something says so; terms: where they are accepted.
    """

    suite: str
    category: str
    name: str
    model: str = ""
    state: str
    why: str = ""
    terms: str = ""


# --- which suite --------------------------------------------------------------------------------------------------


def suite_of(runs: Sequence[Run], panels: Sequence[Panel]) -> tuple[SuiteEntry | None, list[str]]:
    """Return the suite that runs record, and notes. Of several that which has the most tasks here."""
    found: dict[str, list[tuple[str, SuiteEntry]]] = {}
    for run in runs:
        for entry in run.manifest.suites:
            found.setdefault(entry.name, []).append((run.folder.name, entry))
    if not found:
        return None, []
    there = {panel.task for panel in panels}
    name = max(found, key=lambda name: len(there.intersection(found[name][0][1].tasks)))
    notes = []
    if others := [other for other in found if other != name]:
        notes.append(f"By the suite {name}; these runs were of {', '.join(others)}, too: --suite chooses.")
    (first, entry), *later = found[name]
    unlike = [run for run, one in later if one.categories != entry.categories]
    if unlike:
        notes.append(f"The suite {name} is as {first} has it; {', '.join(unlike)} had other tasks in it.")
    return entry, notes


def named_suite(word: str, runs: Sequence[Run]) -> SuiteEntry:
    """Return the suite that is asked for: as one of the runs records it, else as its file has it. Raises TaskError."""
    recorded = {entry.name: entry for run in runs for entry in run.manifest.suites}
    if word in recorded:
        return recorded[word]
    found = find_suite(word)
    if found is None:
        known = dict.fromkeys([*recorded, *list_suite_files()])
        remedy = suggest(word, known, always=f"Known: {', '.join(known)}, or the path of your own.")
        raise TaskError(f"--suite: there is no suite '{word}'.", remedy)
    return entry_of(found)


def symbolic_by(suite: SuiteEntry | None) -> dict[str, bool]:
    """Return whether tasks are symbolic, as far as a suite says that of its categories."""
    if suite is None or not suite.symbolic:
        return {}
    return {task: name in suite.symbolic for name, tasks in suite.categories.items() for task in tasks}


# --- rows ---------------------------------------------------------------------------------------------------------


def categories_of(
    suite: SuiteEntry, deltas: Iterable[Delta], panels: Sequence[Panel], cautions: Sequence[Remark] = ()
) -> list[Category]:
    """Return the rows of a suite's categories: of each model and pair of modes, by question and with tasks as units."""
    apart, _ = twice(panels)
    rows = [row for pair, found in by_pair_of(deltas, apart).items() for row in _of_pair(suite, pair, found, apart)]
    return judged(corrected(rows, lambda row: (row.baseline, row.unit)), cautions)


def _of_pair(
    suite: SuiteEntry, pair: tuple[str, str, str], found: Sequence[Delta], apart: Collection[tuple[str, str]]
) -> Iterator[Category]:
    by_task = {delta.task: delta for delta in found}
    model, mode, baseline = pair
    for name, tasks in suite.categories.items():
        some = [by_task[task] for task in tasks if task in by_task]
        if not some:
            continue
        there = [delta.task for delta in some]
        lacking = [task for task in tasks if task not in there and (model, task) not in apart]
        lacking += [one.name for one in suite.missing if one.category == name]
        side = ALL if not suite.symbolic else SYMBOLIC if name in suite.symbolic else OTHER
        for unit, given in together(some).items():
            yield Category(
                model=model,
                mode=mode,
                baseline=baseline,
                rule="",
                side=side,
                unit=unit,
                tasks=there,
                k=len(there) - len(given.get("left_out", ())),
                n=sum(delta.n for delta in some),
                suite=suite.name,
                category=name,
                missing=lacking,
                **given,
            )


def missing_of(suite: SuiteEntry, runs: Sequence[Run], panels: Sequence[Panel]) -> list[Missing]:
    """Return what of a suite isn't in a report, category by category."""
    models = list(dict.fromkeys(panel.model for panel in panels))
    has: Mapping[str, list[str]] = {model: [p.task for p in panels if p.model == model] for model in models}
    skipped = {task: reason for run in runs for task, reason in run.manifest.skipped.items()}
    rows = []
    for name, tasks in suite.categories.items():
        for task in tasks:
            lacking = [model for model in models if task not in has[model]]
            for model in [""] if len(lacking) == len(models) else lacking:
                reason = skipped.get(task, "").removeprefix(f"task {task}: ")
                state = LEFT_OUT if task in skipped else NOT_RUN
                rows.append(Missing(suite=suite.name, category=name, name=task, model=model, state=state, why=reason))
        rows += [
            Missing(suite=suite.name, category=name, name=one.name, state=NOT_THERE, why=one.why, terms=one.terms)
            for one in suite.missing
            if one.category == name
        ]
    return rows


def outside(suite: SuiteEntry, panels: Sequence[Panel]) -> list[str]:
    """Return a note on tasks that are in no category of a suite."""
    others = list(dict.fromkeys(panel.task for panel in panels if suite.category_of(panel.task) is None))
    return [f"In no category of the suite {suite.name}: {', '.join(others)}."] if others else []
