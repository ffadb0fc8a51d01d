"""What somebody asks of a comparison of runs, checked, and the comparison: for `cotbench report` and for Python."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cotbench.analysis.categories import named_suite
from cotbench.analysis.compare import Comparison, compare
from cotbench.analysis.curve import MARGIN
from cotbench.analysis.heard import hear
from cotbench.analysis.one_arm import as_one_arm
from cotbench.analysis.pairing import SUBJECT, Panel, Run, load_run, panels_of
from cotbench.errors import UsageError, suggest
from cotbench.modes import BASELINE, find_mode
from cotbench.questions.tagging import RULES, Rule, known_rule, main_rule
from cotbench.store.journal import JOURNAL

if TYPE_CHECKING:
    from cotbench.analysis.gates import Gate
    from cotbench.analysis.prices import Prices
    from cotbench.analysis.weights import Weights


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A comparison, the panels that it is over, the runs, and the user's own tag rules."""

    comparison: Comparison
    panels: Sequence[Panel]
    runs: Sequence[Run]
    own: Sequence[Rule]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is asked of a comparison; `cotbench report --help` says what each is. own: the user's own tag rules.

    effect, margin: in points. Raises UsageError, which names the option, for what can't be."""

    baselines: Sequence[str] = ()
    tag_rule: str | None = None
    own: Sequence[Rule] = ()
    symbolic_tasks: Sequence[str] = ()
    suite: str | None = None
    one_arm: bool = False
    against: Sequence[str] = ()
    weights: Weights | None = None
    effect: float = 2.0
    margin: float | None = None
    prices: Prices | None = None
    generalise: str | None = None
    gates: Sequence[Gate] = ()
    _baselines: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        if not (math.isfinite(self.effect) and 0 < self.effect <= 100):
            found = f"--effect: expected points above 0 and up to 100, found {self.effect:g}."
            raise UsageError(found, "As in --effect 2.")
        if self.margin is not None and not (math.isfinite(self.margin) and 0 < self.margin < 100):
            found = f"--margin: expected points above 0 and below 100, found {self.margin:g}."
            raise UsageError(found, "As in --margin 2.")
        if self.generalise not in (None, SUBJECT):
            found = f"--generalise: expected '{SUBJECT}', found '{self.generalise}'."
            raise UsageError(found, "Leave it out for strata.")
        self._baselines.extend(find_mode(name, "--baseline").name for name in self.baselines)
        known_rule(self.tag_rule, self.own)

    def compare(self, folders: Sequence[Path]) -> Compared:
        """Read runs and compare them. Raises RunError where one can't be read, UsageError for what isn't in them."""
        loaded = [load_run(folder, ahead=True) for folder in folders]
        loaded, taken_for_one = as_one_arm(loaded) if self.one_arm else (loaded, [])
        panels, notes = panels_of(loaded, generalise=self.generalise or "")
        locks = [run.manifest.lock for run in loaded if run.manifest.lock is not None]
        fixed = RULES.get(locks[0].tag_rule) if locks else None
        rule = known_rule(self.tag_rule, self.own) or fixed or main_rule(panel.task for panel in panels)
        comparison = compare(
            loaded,
            self._with_default(panels),
            rules=self.own,
            tag_rule=rule.name,
            effect=self.effect / 100,
            margin=self.margin / 100 if self.margin is not None else locks[0].margin if locks else MARGIN,
            panels=(panels, [*taken_for_one, *notes]),
            prices=self.prices,
            symbolic_tasks=self._known_tasks(panels),
            asked={
                *(name for gate in self.gates for name in (gate.mode, gate.baseline) if name),
                *(name for lock in locks for name in (lock.mode, lock.baseline)),
            },
            against=self.against,
            weights=self.weights,
            suite=named_suite(self.suite, loaded) if self.suite is not None else None,
        )
        comparison.notes.extend(lost_outputs(loaded))
        return Compared(comparison=comparison, panels=panels, runs=loaded, own=self.own)

    def _known_tasks(self, panels: Sequence[Panel]) -> list[str]:
        """Return the tasks that are named. Raises UsageError where a report has no such task."""
        there = list(dict.fromkeys(panel.task for panel in panels))
        for name in self.symbolic_tasks:
            if name not in there:
                found = f"--symbolic-tasks: there is no task '{name}' in these runs."
                raise UsageError(found, suggest(name, there, always=f"They have: {', '.join(there)}."))
        return list(self.symbolic_tasks)

    def _with_default(self, panels: Sequence[Panel]) -> list[str]:
        """Return the default baseline and what was asked for; without the default where no run has it and another was
        named."""
        asked = self._baselines
        baselines = list(dict.fromkeys([BASELINE, *asked]))
        there = any(panel.cell(BASELINE) for panel in panels)
        return baselines if there or BASELINE in asked or not asked else baselines[1:]


def lost_outputs(runs: Iterable[Run], *, thorough: bool = True) -> list[str]:
    """A note on each run whose journal lacks replies that its records rest on. thorough: look through large journals
    as well."""
    notes = []
    for run in runs:
        if run.journal.large and not thorough:
            continue
        hear(run, np.flatnonzero(run.lacks < 0))
        lacking = int((run.lacks > 0).sum())
        if lacking:
            state = "is missing or empty" if run.journal.empty else "lacks replies or is damaged"
            notes.append(
                f"{run.folder / JOURNAL} {state}: the prompts and outputs of {lacking:,} of {len(run.records):,} "
                "answers can't be shown, nor scored again. Restore the file."
            )
    return notes
