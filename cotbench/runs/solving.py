"""Whether the plans of a run can be solved on this machine, found out before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterable

from cotbench.answers.kinds import KINDS
from cotbench.modes import Mode
from cotbench.programs import require_logic


def require_solver(modes: Iterable[Mode], kinds: Iterable[str]) -> None:
    """Raises SandboxError where plans in logic are to be solved, and z3 isn't here.

    Plans of other kinds of answers may be in first-order logic too, though nobody asks a model for it: without z3 these
    are unsolved."""
    if any(mode.runs == "sympy" for mode in modes) and any(KINDS[kind].in_logic for kind in set(kinds)):
        require_logic()
