"""The prompting methods that are compared, side by side, and the table `MODES`.

A mode is a generator (`steps.py`): it asks for completions with `yield from kit.ask(...)`, for programs to be run and
for answers to be compared, and returns a Prediction. So it reads from top to bottom, knows nothing of engines,
journals or processes, and can be driven by hand with `.send()`. `docs/adding.md` shows how one is added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cotbench.errors import UsageError, suggest
from cotbench.modes.code import PAL, PLAN_COT, PLAN_DIRECT, PLAN_SOLVER
from cotbench.modes.kit import Kit, TaskKit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.paths import COT, DIRECT, DIRECT_VOTES, SELF_CONSISTENCY
from cotbench.modes.reading import read_answer, read_execution, reasoning_tokens
from cotbench.modes.steps import Compare, Execute, Flow, Generate, Step, compare, execute, generate

__all__ = [
    "ALIASES", "BASELINE", "MODES", "Compare", "Execute", "Facts", "Flow", "Generate", "Kit", "Mode", "Step",
    "TaskKit", "Turn", "compare", "execute", "facts_of", "find_mode", "generate", "in_table_order", "main_of",
    "read_answer", "read_execution", "reasoning_tokens",
]  # fmt: skip

MODES: dict[str, Mode] = {
    mode.name: mode for mode in (DIRECT, COT, SELF_CONSISTENCY, DIRECT_VOTES, PAL, PLAN_DIRECT, PLAN_COT, PLAN_SOLVER)
}
ALIASES = {"sympy": PLAN_SOLVER.name}
BASELINE = DIRECT.name  # what the others are compared with, where nobody says otherwise


def facts_of(name: str, recorded: Mapping[str, Any] | None = None) -> Facts:
    """Return the facts of a mode of a run. recorded: the manifest's entry; earlier versions wrote only some facts."""
    known = MODES[name].facts if name in MODES else Facts(label=name)
    return Facts.from_dict(recorded or {}, known)


def in_table_order(modes: Iterable[str]) -> list[str]:
    """Sort modes as the table has them; those that it doesn't have come last, in their own order."""
    order = {name: number for number, name in enumerate(MODES)}
    return sorted(modes, key=lambda name: order.get(name, len(order)))


def main_of(modes: Iterable[str]) -> str | None:
    """Return the mode that long tables, single plots and lists of questions are about: CoT, or else the first."""
    names = list(modes)
    return next((name for name in names if facts_of(name).main), next(iter(names), None))


def find_mode(name: str, option: str = "--mode") -> Mode:
    """Return a mode by its name or alias. Raises UsageError, with the name that may have been meant."""
    name = ALIASES.get(name, name)
    if name not in MODES:
        remedy = suggest(name.lower(), MODES, "See `cotbench list modes`.")
        raise UsageError(f"{option}: there is no mode '{name}'. Known: {', '.join(MODES)}.", remedy)
    return MODES[name]
