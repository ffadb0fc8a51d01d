"""Plans in first-order logic in the sandbox: z3 under filter and limits, the same every time; and plans without z3."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator

import pytest

from cotbench.errors import SandboxError
from cotbench.modes import MODES
from cotbench.plans import solve_plan
from cotbench.programs import Limits, Sandbox, _kind, missing_features
from cotbench.runs.solving import require_solver
from cotbench.types import Execution, ExecutionOutcome, Program

CAT = "premise: all x: Cat(x) -> Animal(x)\npremise: Cat(tom)\n"
ENDLESS = (
    "premise: all x: some y: Before(y, x)\npremise: all x: not Before(x, x)\n"
    "premise: all x, y, z: Before(x, y) and Before(y, z) -> Before(x, z)\n"
)
NARROW = pytest.mark.skipif(bool(missing_features()), reason="no containment here")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox[int]]:
    pytest.importorskip("z3", reason="plans in first-order logic need z3-solver")
    with Sandbox[int](workers=2) as sandbox:
        yield sandbox


def plan(box: Sandbox[int], code: str, *choices: str) -> Execution:
    return box.run(Program(runtime="sympy", code=code, choices=choices))


@NARROW
@pytest.mark.parametrize(
    ("asked", "choices", "value", "option"),
    [
        ("Animal(tom)", (), "true", None),
        ("not Animal(tom)", (), "false", None),
        ("Animal(rex)", (), "unknown", None),
        ("Animal(tom)", ("True", "False", "Uncertain"), "True", "A"),
        ("not Animal(tom)", ("True", "False", "Uncertain"), "False", "B"),
        ("Animal(rex)", ("True", "False", "Uncertain"), "Uncertain", "C"),
        ("Animal(rex)", ("Unknown", "True", "False"), "Unknown", "A"),
        ("Animal(tom)", ("no", "yes"), "yes", "B"),
        ("Animal(rex)", ("valid", "invalid"), "invalid", "B"),
        ("not Animal(tom)", ("valid", "invalid"), "invalid", "B"),
        ("Animal(rex)", ("Entailment", "Neutral", "Contradiction"), "Neutral", "B"),
        ("Animal(tom)", ("It cannot be determined.", "False.", "True."), "True.", "C"),
        ("Animal(rex)", ("Cannot be determined", "False", "True"), "Cannot be determined", "A"),
    ],
)
def test_a_conclusion_is_told_in_the_words_of_the_options(
    box: Sandbox[int], asked: str, choices: tuple[str, ...], value: str, option: str | None
) -> None:
    execution = plan(box, f"{CAT}ask: {asked}", *choices)
    assert (execution.outcome, execution.error) == ("ok", "")
    assert (execution.value, execution.option) == (value, option)


@NARROW
def test_what_no_option_says_is_unsolved(box: Sandbox[int]) -> None:
    execution = plan(box, f"{CAT}ask: Animal(rex)", "yes", "no")
    assert execution.outcome == "unsolved"
    assert execution.error == "no option fits: it neither follows nor is refuted"


@NARROW
def test_options_that_say_no_truth_want_a_question_about_options(box: Sandbox[int]) -> None:
    execution = plan(box, f"{CAT}ask: Animal(tom)", "Tom is an animal.", "Tom is a stone.")
    assert execution.outcome == "plan_invalid"
    assert 'expected "ask: must be true"' in execution.error


@NARROW
@pytest.mark.parametrize(
    ("code", "word"), [("a = 5\nanswer: a > 3", "yes"), ("a = 5\nanswer: a < 3", "no"), ("answer: is_prime(9)", "no")]
)
def test_a_comparison_of_numbers_is_told_in_the_words_of_the_options(box: Sandbox[int], code: str, word: str) -> None:
    assert plan(box, code, "yes", "no").value == word


@pytest.mark.patient
@NARROW
def test_the_same_plan_ends_the_same_way_in_every_process() -> None:
    pytest.importorskip("z3", reason="plans in first-order logic need z3-solver")
    plans = [f"{CAT}ask: Animal(tom)", f"{ENDLESS}ask: Before(a, b)", f"{ENDLESS}ask: some x: Before(x, a)"]
    found = []
    for _ in range(2):
        with Sandbox[int](workers=1) as box:
            found.append([(e.outcome, e.value, e.error) for e in (plan(box, code) for code in (*plans, plans[0]))])
    assert found[0] == found[1]
    assert found[0][0] == found[0][-1]
    assert [outcome for outcome, _, _ in found[0]] == ["ok", "unsolved", "ok", "ok"]


@NARROW
def test_a_plan_that_takes_too_much_memory_says_so() -> None:
    pytest.importorskip("z3", reason="plans in first-order logic need z3-solver")
    with Sandbox[int](workers=1, limits=Limits(memory_mb=2)) as box:
        first = plan(box, f"{ENDLESS}ask: Before(a, b)")
        again = plan(box, "ask: true or false")
    assert first.outcome in (ExecutionOutcome.UNSOLVED, ExecutionOutcome.MEMORY), first
    assert "memory" in first.error
    assert again.value == "true"  # by the same process


@NARROW
def test_a_large_finite_domain_is_decided_without_writing_it_out(box: Sandbox[int]) -> None:
    names = ", ".join(f"t{number}" for number in range(60))
    rule = "premise: all x, y, z: Near(x, y) and Near(y, z) -> Near(x, z)"
    execution = plan(box, f"domain: {names}\n{rule}\npremise: Near(t1, t2) and Near(t2, t3)\nask: Near(t1, t3)")
    assert (execution.outcome, execution.value) == ("ok", "true")


def test_only_plans_of_true_and_false_have_the_process_that_holds_z3() -> None:
    logical = ["premise: a -> b\nask: b", "**Premise 1**: x", "Conclusion: P(a)", "  ask: must be true"]
    for code in logical:
        assert _kind(Program(runtime="sympy", code=code)) == "logic"
        assert _kind(Program(runtime="python", code=code)) != "logic"
    assert _kind(Program(runtime="sympy", code="x + y = 3\nanswer: x")) == "symbolic"


def test_without_z3_a_run_of_plans_in_logic_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "z3" else find(name, *more))
    solver, cot = MODES["plan-solver"], MODES["plan-cot"]
    with pytest.raises(SandboxError, match=r"z3-solver isn't installed[\s\S]*pip install 'cotbench\[logic\]'"):
        require_solver([cot, solver], ["number", "choice"])
    require_solver([cot], ["choice"])  # it works its plan through itself
    require_solver([solver], ["number", "letter"])


def test_without_z3_a_plan_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    solution = solve_plan(f"{CAT}ask: Animal(tom)")
    assert (solution.outcome, solution.shown) == ("unsolved", None)
    assert "pip install 'cotbench[logic]'" in solution.error
    # Propositional plans go without it.
    solution = solve_plan("premise: rain -> wet\npremise: rain\nask: wet")
    assert solution.shown and solution.shown.value == "true"
