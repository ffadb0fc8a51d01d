"""Problems that a plan must solve, and plans that must not give an answer, from `cases/plans/`."""

import re

import pytest
import sympy
from cases import groups, load, rows

from cotbench.plans import solve_plan

# Rows that a text cannot show.
BUILT = [
    ("windows_lines", "x + y = 9\r\nx - y = 1\r\nanswer: x\r\n", "5"),
    ("tabs_and_spaces", "\n\n\tx\t+ 3 =  10  \n  answer:\tx \n\n", "7"),
    ("no_break_spaces", "x\u00a0+\u00a03 = 10\nanswer:\u00a0x", "7"),
    ("byte_order_mark", "\ufeffx = 4\nanswer: 2x", "8"),
]
BUILT_REFUSED = [
    ("nested_brackets", "answer: " + "(" * 10_000 + "1" + ")" * 10_000, "plan_invalid unsolved"),
    ("open_brackets", "answer: " + "(" * 10_000 + "1", "plan_invalid"),
    ("nested_powers", "answer: " + "2^" * 5_000 + "2", "plan_invalid unsolved"),
    ("nested_negations", "premise: " + "not " * 20_000 + "a\nask: what\noption A: a", "plan_invalid"),
    ("nul", "answer: 3\x00 + 4", "plan_invalid"),
]

SOLVED = [
    (group, case, plan, value)
    for group, table in groups("plans/solved", "case value plan").items()
    for case, value, plan in table
]
SOLVED += [("mess", *row) for row in BUILT]
UNANSWERED = [(case, plan, outcomes) for case, outcomes, plan in rows(load("plans/refused"), "case outcomes plan")]
UNANSWERED += BUILT_REFUSED


def _parts(text: str) -> list[str]:
    """What stands between the commas of a tuple or set, brackets inside it left alone."""
    parts, depth = [""], 0
    for char in text[1:-1]:
        depth += (char in "([{") - (char in ")]}")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts


def _equal(expected: str, found: str) -> bool:
    """Whether two plain texts of ours name exactly the same value: parts one by one, sets in any order."""
    if re.fullmatch(r"[A-Z]", expected) and expected != "I":
        return expected == found
    if expected[0] in "({" and expected.endswith(")}"["({".index(expected[0])]) and "," in expected:
        ours, theirs = _parts(expected), _parts(found)
        if found[:1] != expected[0] or len(ours) != len(theirs):
            return False
        if expected[0] == "(":
            return all(map(_equal, ours, theirs))
        return all(sum(_equal(a, b) for b in theirs) == 1 for a in ours)
    names = {"i": sympy.I, "e": sympy.E}
    difference = sympy.sympify(expected, locals=names) - sympy.sympify(found, locals=names)
    return bool(sympy.simplify(difference) == 0)


def _plain(interval: str) -> str:
    return re.sub(r"\s|\+(?=oo)", "", interval).replace("∪", "U").replace("∞", "oo")


@pytest.mark.parametrize(
    ("group", "plan", "expected"),
    [pytest.param(group, plan, expected, id=f"{group}-{name}") for group, name, plan, expected in SOLVED],
)
def test_a_plan_is_solved(group, plan, expected):
    solution = solve_plan(plan)
    assert solution.outcome == "ok", (solution.outcome, solution.error, plan)
    found = solution.shown.value
    if group == "intervals":
        assert _plain(found) == _plain(expected), plan
    else:
        assert _equal(expected, found), (expected, found, plan)


@pytest.mark.parametrize(
    ("plan", "expected"), [pytest.param(plan, expected, id=name) for name, plan, expected in UNANSWERED]
)
def test_no_answer_is_given(plan, expected):
    solution = solve_plan(plan)
    assert solution.outcome in expected.split(), (solution.outcome, solution.shown, solution.error, plan[:200])
    assert solution.error


def test_names_are_used_once():
    for names in ([(group, name) for group, name, _, _ in SOLVED], [name for name, _, _ in UNANSWERED]):
        assert len(names) == len(set(names))
