"""The prompting methods that are compared, side by side, and the table `MODES`.

A mode is a generator (`steps.py`): it asks for completions with `yield from kit.ask(...)`, for programs to be run and
for answers to be compared, and returns a Prediction. So it reads from top to bottom, knows nothing of engines,
journals or processes, and can be driven by hand with `.send()`. `docs/adding.md` shows how one is added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from cotbench.errors import RunError, UsageError
from cotbench.modes import arms
from cotbench.modes.arms import BASELINE
from cotbench.modes.cascade import CASCADE
from cotbench.modes.code import PAL, PLAN_COT, PLAN_DIRECT, PLAN_SOLVER
from cotbench.modes.early import EARLY
from cotbench.modes.judged import BEST_OF_N
from cotbench.modes.kit import Kit, TaskKit
from cotbench.modes.mode import Facts, Mode, Own, Turn
from cotbench.modes.paths import COT, DIRECT, DIRECT_VOTES, DRAFT, FREE, NO_THINK, SELF_CONSISTENCY, THINK
from cotbench.modes.placebo import FILLED, OTHERS, OWN, SHUFFLED
from cotbench.modes.reading import read_answer, read_execution, reasoning_tokens
from cotbench.modes.refine import REFINE
from cotbench.modes.repeats import REPEATS, place_of, repeated
from cotbench.modes.steps import (
    Borrow,
    Compare,
    Consult,
    Continue,
    Execute,
    Flow,
    Generate,
    Retrieve,
    Step,
    Tokens,
    borrow,
    compare,
    consult,
    execute,
    generate,
    retrieve,
    token_ends,
)
from cotbench.modes.tools import TOOLS
from cotbench.modes.tree import TOT
from cotbench.plugins import Table, lacking

__all__ = [
    "ALIASES",
    "BASELINE",
    "FREE",
    "MODES",
    "Borrow",
    "Compare",
    "Consult",
    "Continue",
    "Execute",
    "Facts",
    "Flow",
    "Generate",
    "Kit",
    "Mode",
    "Own",
    "Retrieve",
    "Step",
    "TaskKit",
    "Tokens",
    "Turn",
    "borrow",
    "compare",
    "consult",
    "execute",
    "facts_of",
    "find_mode",
    "generate",
    "in_table_order",
    "main_of",
    "read_answer",
    "read_execution",
    "reasoning_tokens",
    "recorded_mode",
    "retrieve",
    "token_ends",
]  # fmt: skip

MODES: Table[Mode] = Table(
    "modes",
    Mode,
    (
        DIRECT,
        FREE,
        COT,
        DRAFT,
        THINK,
        NO_THINK,
        SELF_CONSISTENCY,
        DIRECT_VOTES,
        CASCADE,
        OWN,
        FILLED,
        OTHERS,
        SHUFFLED,
        BEST_OF_N,
        REFINE,
        TOT,
        PAL,
        PLAN_DIRECT,
        PLAN_COT,
        PLAN_SOLVER,
        TOOLS,
        EARLY,
    ),
)
ALIASES = {"sympy": PLAN_SOLVER.name}


def _known(mode: Mode, settings: object) -> Facts:
    """Return the facts of an arm by what is set of its mode's own settings: one that a setting takes away isn't in a
    manifest, and isn't to be the mode's. settings: as the manifest has them; what no arm can have is passed over."""
    if mode.tells is None or not isinstance(settings, Mapping):
        return mode.facts
    given = {key: value for key, value in settings.items() if key in mode.settings and mode.settings[key].fits(value)}
    return replace(mode.facts, **mode.tells({**mode.values, **given}))


def facts_of(name: str, recorded: Mapping[str, Any] | None = None) -> Facts:
    """Return the facts of a mode or arm of a run. recorded: the manifest's entry; earlier versions wrote some facts or
    none."""
    base = str((recorded or {}).get("mode") or arms.base_of(name))
    known = _known(MODES[base], (recorded or {}).get("settings")) if base in MODES else Facts(label=name)
    if base != name and not recorded:
        known = replace(known, mode=base)
        with suppress(UsageError):
            first, wording, replicate = place_of(name)
            known = repeated(find_mode(first), wording, replicate).facts
    return Facts.from_dict(recorded or {}, known)


def in_table_order(modes: Iterable[str]) -> list[str]:
    """Sort modes as the table has them, the arms of one in their own order; those that it doesn't have come last."""
    order = {name: number for number, name in enumerate(MODES)}
    return sorted(modes, key=lambda name: order.get(arms.base_of(name), len(order)))


def main_of(modes: Iterable[str]) -> str | None:
    """Return the mode that long tables, single plots and lists of questions are about: CoT, or else the first."""
    names = list(modes)
    return next((name for name in names if facts_of(name).main), next(iter(names), None))


def find_mode(name: str, option: str = "--mode") -> Mode:
    """Return a mode or arm by its name or alias. Raises UsageError, with the name that may have been meant."""
    base = arms.base_of(name).strip()
    if base not in MODES and base not in ALIASES and (reason := lacking("modes", base)):
        raise UsageError(
            f"{option}: there is no mode '{base}' that works. {reason}", "See `cotbench doctor --verbose`."
        )
    return arms.parse(name, MODES, ALIASES, option)


def recorded_mode(name: str, recorded: Mapping[str, Any] | None) -> Mode:
    """Return the mode or arm of a run. recorded: its facts in the manifest, which say what an arm with a name of its
    own is an arm of. Raises UsageError where this version has no such mode, RunError for settings that no arm has."""
    facts = facts_of(name, recorded)
    if facts.mode not in MODES:
        return find_mode(name)
    try:
        first, wording, replicate = place_of(name)
        settings = dict(arms.checked(facts.settings, name, MODES[facts.mode]))
        told = tuple(settings.pop(key, 0) for key in REPEATS)
        if told != (wording, replicate):
            raise UsageError(f"wording and replicate are {told}, and the arm's name says {(wording, replicate)}.")
        own_name = {} if "@" in first or first == facts.mode else {"name": first}
        made = arms.arm(MODES[facts.mode], {**settings, **own_name})
        return repeated(made, wording, replicate)
    except UsageError as error:
        place, found = f"modes.{name}.settings", error.message
        raise RunError(f"the manifest's {place} can't be an arm's: {found}", "Restore the file, or run anew.") from None
