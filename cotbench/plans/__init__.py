"""Plans in, answers out: the solver of the plan language, which `prompts/plan-language.md` describes.

    language, assumptions   text -> statements
    tokens, expressions     statements -> trees; nothing is ever executed as code
    functions, evaluate     trees -> SymPy values, from a table of functions
    equations, answers      definitions, equations and conditions -> the value that is asked
    systems, integers       the two ways to solve: one unknown after another, or a search
    exact, closures         exact comparison; fast evaluation
    logic                   premises, options and a question -> a letter
    values, readings        values -> text; texts of options -> values

It is made to run in a process that may be killed: it bounds what it can, and doesn't watch the clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from cotbench.answers.shown import Shown
from cotbench.plans import exact
from cotbench.plans.asked import answer_values, several
from cotbench.plans.equations import Problem, read_problem
from cotbench.plans.failures import Ambiguous, PlanInvalid, Unsolved
from cotbench.plans.language import read_statements
from cotbench.plans.logic import solve_logic
from cotbench.plans.symbolic import match_option, show

__all__ = ["Shown", "Solution", "match_option", "show", "solve_plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """shown: of an ok solution; a letter where the question has options. error: one line for people."""

    outcome: Literal["ok", "plan_invalid", "unsolved", "ambiguous"]
    shown: Shown | None = None
    error: str = ""


def solve_plan(text: str, choices: Sequence[str] = ()) -> Solution:
    """Solve a plan. choices: the texts of a question's options, used where the plan names none."""
    try:
        return Solution(outcome="ok", shown=_solved(text, choices))
    except PlanInvalid as error:
        return Solution(outcome="plan_invalid", error=_line(error))
    except Ambiguous as error:
        return Solution(outcome="ambiguous", error=_line(error))
    except Unsolved as error:
        return Solution(outcome="unsolved", error=_line(error))
    except MemoryError:
        return Solution(outcome="unsolved", error="too large: out of memory")
    except RecursionError:
        return Solution(outcome="unsolved", error="too large: too deeply nested")
    except Exception as error:  # SymPy raises whatever it likes
        return Solution(outcome="unsolved", error=f"the solver failed: {type(error).__name__}")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _solved(text: str, choices: Sequence[str]) -> Shown:
    statements = read_statements(text)
    if any(statement.kind in ("ask", "premise") for statement in statements):
        return _letter(solve_logic(statements))
    problem = read_problem(statements)
    values = answer_values(problem)
    if problem.options:
        return _letter(_fitting(problem, values))
    if choices:
        return _letter(_chosen(values, choices))
    if len(values) > 1:
        raise several(values, _text)
    return _shown(values[0])


def _letter(letter: str) -> Shown:
    return Shown(value=letter, latex=letter, decimal=None)


def _shown(value: Any) -> Shown:
    shown = show(value)
    if shown is None:
        raise Unsolved("an answer that can't be written down")
    return shown


def _text(value: Any) -> str:
    shown = show(value)
    return "?" if shown is None else shown.value[:60]


def _chosen(values: list[Any], choices: Sequence[str]) -> str:
    """The letter of the one option that a value, or one of several, equals."""
    letters = {letter for value in values if (letter := match_option(_shown(value), value, choices))}
    if len(letters) == 1:
        return letters.pop()
    if len(values) > 1:
        raise several(values, _text)
    raise Unsolved(f"no option equals {_text(values[0])}")


def _fitting(problem: Problem, values: list[Any]) -> str:
    """The letter of the plan's own option that fits."""
    letters = [letter for letter, _, _ in problem.options]
    if len(set(letters)) < len(letters):
        raise PlanInvalid("two options with one letter")
    found = {
        letter
        for letter, option, _ in problem.options
        if option is not None and any(exact.same(value, option) for value in values)
    }
    if len(found) == 1:
        return found.pop()
    if len(found) > 1:
        raise Ambiguous(f"several options equal {_text(values[0])}: {', '.join(sorted(found))}")
    texts = [text for _, _, text in problem.options]
    near = {letter for value in values if (letter := match_option(_shown(value), value, texts))}
    if len(near) == 1:
        return letters[ord(near.pop()) - ord("A")]
    if len(values) > 1:
        raise several(values, _text)
    raise Unsolved(f"no option equals {_text(values[0])}")
