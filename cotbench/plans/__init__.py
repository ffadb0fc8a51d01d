"""A solver of the plan language (`prompts/plan-language.md`): a plan in, its answer out.

Nobody needs to read this folder to work on the harness. It has one door, the functions below, and `cotbench.programs`
alone comes through it, inside a process that may be killed: the solver bounds what it can, and doesn't watch the clock.

    language, assumptions   text -> statements
    alphabet, expressions   statements -> trees; nothing is ever executed as code
    functions, evaluate     trees -> SymPy values, from a table of functions
    equations, asked        a problem (definitions, equations, conditions) -> the value that is asked
    systems, integers       the two ways to solve: one unknown after another, or a search
    periodic                equations in sines and cosines
    exact, closures         exact comparison; fast evaluation
    logic                   premises and a question -> a letter, or true, false or unknown
    formulas                the text of a formula of logic -> its tree
    propositional           ... without quantifiers, decided by SymPy
    first_order             ... with quantifiers, decided by z3, which is loaded where it is needed
    symbolic, matching      values -> text; which of the options a value is
    truth                   true, false or unknown -> the option that says so
    failures                how solving ends without an answer

To add a function to the language: one row in `functions`, one in `prompts/plan-language.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

import sympy as sp

from cotbench.answers.shown import Shown
from cotbench.plans import exact
from cotbench.plans.asked import answer_values
from cotbench.plans.equations import Problem, read_problem
from cotbench.plans.failures import Ambiguous, Failure, PlanInvalid, Unsolved
from cotbench.plans.language import read_statements
from cotbench.plans.logic import solve_logic
from cotbench.plans.matching import match_option
from cotbench.plans.symbolic import show
from cotbench.plans.truth import as_option, says_truth
from cotbench.types import LETTERS

MAX_LISTED = 4  # answers that an error names

__all__ = ["Shown", "Solution", "match_option", "show", "solve_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """What a plan comes to.

    shown: of an ok solution; a letter where the question or the plan has options, but a word (true, false or unknown,
    or the question's own for that) where the plan asks whether a formula follows. option: the letter of the question's
    option. error: one line for people."""

    outcome: Literal["ok", "plan_invalid", "unsolved", "ambiguous"]
    shown: Shown | None = None
    option: str | None = None
    error: str = ""


def solve_plan(text: str, choices: Sequence[str] = ()) -> Solution:
    """Solve a plan. choices: the texts of a question's options, used where the plan names none."""
    try:
        shown, option = _solved(text, choices)
        return Solution(outcome="ok", shown=shown, option=option)
    except Failure as error:
        return Solution(outcome=error.outcome, error=" ".join(str(error).split())[:300])
    except (MemoryError, RecursionError) as error:
        what = "out of memory" if isinstance(error, MemoryError) else "too deeply nested"
        return Solution(outcome="unsolved", error=f"too large: {what}")
    except Exception as error:  # SymPy raises whatever it likes
        return Solution(outcome="unsolved", error=f"the solver failed: {type(error).__name__}")


def _solved(text: str, choices: Sequence[str]) -> tuple[Shown, str | None]:
    """What a plan comes to, and the letter of the question's option."""
    statements = read_statements(text)
    if any(statement.kind in ("ask", "premise") for statement in statements):
        found = solve_logic(statements, choices)
        return Shown(value=found.value, latex=found.value, decimal=None), found.letter if choices else None
    problem = read_problem(statements)
    values = answer_values(problem)
    if not problem.options and not choices:
        return (_shown(values[0]), None) if len(values) == 1 else _undecided(values)
    if not problem.options and says_truth(choices) and len(values) == 1 and values[0] in (sp.true, sp.false):
        found = as_option("true" if values[0] == sp.true else "false", choices)
        return Shown(value=found.value, latex=found.value, decimal=None), found.letter
    letter = _fitting(problem, values) if problem.options else _chosen(values, choices)
    return Shown(value=letter, latex=letter, decimal=None), letter if choices else None


def _shown(value: Any) -> Shown:
    shown = show(value)
    if shown is None:
        raise Unsolved("an answer that can't be written down")
    return shown


def _text(value: Any) -> str:
    shown = show(value)
    return "?" if shown is None else shown.value[:60]


def _undecided(values: list[Any]) -> NoReturn:
    """Raise the error for values that no option decides between, or that equal none."""
    if len(values) == 1:
        raise Unsolved(f"no option equals {_text(values[0])}")
    listed = ", ".join(map(_text, values[:MAX_LISTED]))
    raise Ambiguous(f"several answers: {listed}{', ...' if len(values) > MAX_LISTED else ''}")


def _chosen(values: list[Any], choices: Sequence[str]) -> str:
    """The letter of the one option that a value, or one of several, equals."""
    letters = {letter for value in values if (letter := match_option(_shown(value), value, choices))}
    return letters.pop() if len(letters) == 1 else _undecided(values)


def _fitting(problem: Problem, values: list[Any]) -> str:
    """The letter of the plan's own option that fits."""
    letters = [letter for letter, _, _ in problem.options]
    if len(set(letters)) < len(letters):
        raise PlanInvalid("two options with one letter")
    options = [(letter, option) for letter, option, _ in problem.options if option is not None]
    equal = sorted(letter for letter, option in options if any(exact.same(value, option) for value in values))
    if len(equal) > 1:
        raise Ambiguous(f"several options equal {_text(values[0])}: {', '.join(equal)}")
    if equal:
        return equal[0]
    return letters[LETTERS.index(_chosen(values, [text for _, _, text in problem.options]))]
