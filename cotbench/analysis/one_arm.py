"""`cotbench report --one-arm`: a mode whose reply was begun here and asked for there, taken for one arm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from msgspec import structs

from cotbench.analysis.pairing import Run
from cotbench.errors import UsageError
from cotbench.modes import facts_of
from cotbench.store.table import renamed

OPTION = "--one-arm"
_WAYS = ("begun", "asked")  # of having the answer alone, in which it is generated without restraint


def as_one_arm(runs: Sequence[Run]) -> tuple[list[Run], list[str]]:
    """Call arms that only differ in whether their answer was begun or asked for by the name of their mode.

    Return the runs, and notes on what was taken for one. Raises UsageError over several models, whose difference would
    be one of how the answer was had, and where a run holds both ways of a task."""
    models = list(dict.fromkeys(run.manifest.spec.model.model for run in runs))
    if len(models) > 1:
        raise UsageError(
            f"{OPTION}: the runs are of {len(models)} models ({', '.join(models)}); compared with one another, they "
            "would differ in how the answer was had.",
            "Report one model at a time, or leave it out.",
        )
    changed, ways = [], dict[str, dict[str, list[str]]]()
    for run in runs:
        names = {mode: base for _, mode in run.manifest.spec.pairs if (base := _mode_of(run, mode))}
        for task, mode in run.manifest.spec.pairs:
            if mode in names:
                way = str(facts_of(mode, run.manifest.modes.get(mode)).settings["answer"])
                tasks = ways.setdefault(names[mode], {}).setdefault(way, [])
                tasks += [] if task in tasks else [task]
        changed.append(_renamed(run, names))
    notes = []
    for mode, by_way in ways.items():
        if len(by_way) > 1:
            told = "; ".join(f"{mode}@answer={way} on {', '.join(tasks)}" for way, tasks in by_way.items())
            notes.append(
                f"{OPTION}: {mode} is {told}. What differs between these may come from how the answer was had."
            )
    return changed, notes


def _mode_of(run: Run, name: str) -> str:
    """The mode that an arm is of, where it is told from it by how the answer was had and by nothing else; else ""."""
    facts = facts_of(name, run.manifest.modes.get(name))
    alone = dict(facts.settings).keys() == {"answer"} and facts.settings["answer"] in _WAYS
    return facts.mode if alone and name.startswith(f"{facts.mode}@") else ""


def _renamed(run: Run, names: dict[str, str]) -> Run:
    """Call the modes of a run otherwise. Raises UsageError where two would have one name."""
    spec, manifest = run.manifest.spec_row, run.manifest
    modes: dict[str, object] = {}
    for task, mode in manifest.spec.pairs:
        place = f"{task}/{names.get(mode, mode)}"
        if place in modes:
            raise UsageError(
                f"{OPTION}: {run.folder} holds {task} under {names.get(mode, mode)} both begun and asked for.",
                "Leave it out: these are two arms of one run.",
            )
        modes[place] = spec["modes"][f"{task}/{mode}"]
    facts = {names.get(mode, mode): row for mode, row in manifest.modes.items()}
    records = renamed(run.records, names)
    shown = {
        f"{task}/{names.get(mode, mode)}": manifest.shown[f"{task}/{mode}"]
        for task, mode in manifest.spec.pairs
        if f"{task}/{mode}" in manifest.shown
    }
    lock = manifest.lock
    if lock is not None:
        own = {end: names.get(getattr(lock, end), getattr(lock, end)) for end in ("mode", "baseline")}
        lock = structs.replace(lock, **own)
    changed = structs.replace(manifest, spec_row={**spec, "modes": modes}, modes=facts, shown=shown, lock=lock)
    return replace(run, manifest=changed, records=records)
