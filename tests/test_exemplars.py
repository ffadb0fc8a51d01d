"""Every exemplar of every task gives its answer in each of its forms, through the real executor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cotbench.answers.grader import Grader
from cotbench.answers.reading.programs import Code
from cotbench.modes import read_execution
from cotbench.programs import Sandbox
from cotbench.questions.tasks import Exemplar, find_task, list_task_files
from cotbench.types import Outcome, Prediction, Program

ROWS = [
    pytest.param(part.answer.type, exemplar, runtime, id="-".join(filter(None, (name, group, str(number), runtime))))
    for name in sorted(list_task_files())
    for task in [find_task(name).task]
    for group, part in [(part.name, task.of(part)) for part in task.parts] or [("", task.of(None))]
    for number, exemplar in enumerate(part.exemplars, 1)
    for runtime, code in (("python", exemplar.program), ("sympy", exemplar.equations))
    if code is not None
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox[int]]:
    with Sandbox[int](workers=2) as box:
        yield box


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader[int]]:
    grader: Grader[int] = Grader(workers=1)
    yield grader
    grader.close()


def verdict(grader: Grader[int], prediction: Prediction, exemplar: Exemplar, kind: str) -> Outcome | None:
    if prediction.answer is None:
        return prediction.outcome
    found = grader.submit(0, prediction.answer, exemplar.answer, kind)
    verdicts = [found] if found is not None else []
    while not verdicts:
        verdicts = [late for _, late in grader.done(1.0)]
    return verdicts[0].outcome


@pytest.mark.parametrize(("kind", "exemplar", "runtime"), ROWS)
def test_programs_and_plans_give_the_answer(
    sandbox: Sandbox[int], grader: Grader[int], kind: str, exemplar: Exemplar, runtime: str
) -> None:
    code = exemplar.program if runtime == "python" else exemplar.equations
    assert code is not None
    execution = sandbox.run(Program(runtime=runtime, code=code, choices=tuple(exemplar.choices)))
    prediction = read_execution(execution, kind, Code(text=code, span=(0, len(code))))
    assert verdict(grader, prediction, exemplar, kind) is Outcome.CORRECT, execution
    assert execution.cpu_s < 1
