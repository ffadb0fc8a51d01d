"""Methods in which the model writes code and something else works out the answer: PAL, and the plan modes."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any, Literal

from cotbench.answers.reading import split_reasoning
from cotbench.answers.reading.programs import Code
from cotbench.modes.kit import Kit
from cotbench.modes.mode import Facts, Mode, Turn
from cotbench.modes.paths import vote
from cotbench.modes.reading import code_of, without_answer
from cotbench.modes.steps import Flow, Step, execute
from cotbench.types import Outcome, Prediction, Program, Question

Language = Literal["python", "sympy"]


def program_aided(question: Question, kit: Kit) -> Flow:
    """Let the model write solution() and Python compute the answer: PAL (Gao et al. 2022, arXiv:2211.10435).

    The first step asks for the programs, the second runs those that were found; several paths vote."""
    paths = yield from kit.ask(question)
    readings = yield from run_code(question, kit, [code_of(path, "python") for path in paths], "python")
    return readings[0] if len(readings) == 1 else (yield from vote(readings))


def plan_then_answer(question: Question, kit: Kit) -> Flow:
    """Let the model write a plan, then carry it out itself: at once (plan-direct) or step by step (plan-cot).

    The first step asks for the plan, the second shows it to the model and asks for the answer."""
    [path] = yield from kit.ask(question, "plan")
    start, end = split_reasoning(path.text).visible
    plan = path.text[start:end].strip()
    if path.finish_reason in ("error", "refused") or not plan:
        return without_answer(path, Outcome.PLAN_INVALID)
    [path] = yield from kit.ask(question, plan=plan)
    return (yield from kit.conclude(question, path, plan=plan))


def plan_then_solve(question: Question, kit: Kit) -> Flow:
    """Let the model write the same plan, and SymPy solve it: the difference is what carrying it out costs a model."""
    [path] = yield from kit.ask(question, "plan")
    [reading] = yield from run_code(question, kit, [code_of(path, "sympy")], "sympy")
    return reading


def run_code(
    question: Question, kit: Kit, codes: Sequence[Code | Prediction], language: Language
) -> Generator[Step, Any, list[Prediction]]:
    """Run the code among what was read in the paths' outputs; a reading for each path. For `yield from`, in a mode."""
    before = (kit.prelude,) if kit.prelude and language == "python" else ()
    programs = [
        Program(runtime=language, code=code.text, choices=question.choices, earlier=before)
        for code in codes
        if isinstance(code, Code)
    ]
    executions = iter((yield from execute(*programs)))
    return [kit.read_execution(question, next(executions), code) if isinstance(code, Code) else code for code in codes]


PAL = Mode(
    name="pal",
    about="the model writes a program, Python runs it (Gao et al. 2022); greedy, or a vote over --paths",
    turns=(Turn(template="pal", max_tokens=1024, paths=1),),
    run=program_aided,
    runs="python",
    shows="program",
    facts=Facts(label="PAL", colour="#0072B2", marker="^", answers_in="program", carries_out="program"),
)
PLAN = Turn(name="plan", template="plan", max_tokens=1024, shared=True)
PLAN_DIRECT = Mode(
    name="plan-direct",
    about="the model writes a plan in formulas, then the answer at once; greedy",
    turns=(PLAN, Turn(template="plan-direct", max_tokens=128, answer="best", given={"plan": "-"})),
    run=plan_then_answer,
    shows="equations",
    facts=Facts(label="plan-direct", colour="#56B4E9", marker="v", answers_in="plan", carries_out="plan"),
)
PLAN_COT = Mode(
    name="plan-cot",
    about="the same plan, worked through by the model step by step; greedy",
    turns=(PLAN, Turn(template="plan-cot", max_tokens=2048, given={"plan": "-"})),
    run=plan_then_answer,
    shows="equations",
    facts=Facts(label="plan-cot", colour="#CC79A7", marker="P", answers_in="plan", carries_out="plan"),
)
PLAN_SOLVER = Mode(
    name="plan-solver",
    about="the same plan, solved by SymPy, or z3 for first-order logic; also called sympy",
    turns=(PLAN,),
    run=plan_then_solve,
    runs="sympy",
    shows="equations",
    facts=Facts(
        label="plan-solver", colour="#009E73", marker="X", answers_in="plan", carries_out="plan", judges_plans=True
    ),
)
