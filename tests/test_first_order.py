"""Plans in first-order logic: what follows, is refuted or left open, from `cases/plans/first_order*.yaml`."""

import pytest
from cases import groups, load, rows

from cotbench.plans import solve_plan

pytest.importorskip("z3", reason="plans in first-order logic need z3-solver")

SOLVED = [
    (f"{group}-{case}", plan, value)
    for group, table in groups("plans/first_order", "case value plan").items()
    for case, value, plan in table
]
REFUSED = rows(load("plans/first_order_refused"), "case outcome said plan")


@pytest.mark.parametrize(("plan", "value"), [pytest.param(plan, value, id=case) for case, plan, value in SOLVED])
def test_a_first_order_plan_is_decided(plan, value):
    solution = solve_plan(plan)
    assert (solution.outcome, solution.error) == ("ok", ""), plan
    assert solution.shown.value == value, plan


@pytest.mark.parametrize(
    ("plan", "outcome", "said"), [pytest.param(plan, outcome, said, id=case) for case, outcome, said, plan in REFUSED]
)
def test_a_first_order_plan_that_cannot_be_answered_says_why(plan, outcome, said):
    solution = solve_plan(plan)
    assert solution.outcome == outcome, (solution, plan)
    assert said in solution.error


def test_there_are_sixty_problems_at_least():
    assert len(SOLVED) >= 60
    assert {value for _, _, value in SOLVED} >= {"true", "false", "unknown", "A", "B", "C"}
