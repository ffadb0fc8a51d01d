"""The demo's questions: the shipped file, what keeps test and training apart, and that their solutions are right."""

from __future__ import annotations

import itertools
import json
import random
import re
from collections import Counter

import pytest
from conftest import ROOT
from training import questions
from training.questions import Item, evaluation_set, item, training

from cotbench.programs import Sandbox
from cotbench.types import Execution, ExecutionOutcome, Program

SHIPPED = ROOT / "tasks" / "demo" / "questions.jsonl"
ITEMS = list(itertools.islice(training(seed=7), 3_000))


def test_the_shipped_file_is_what_the_generator_writes() -> None:
    rows = [json.loads(line) for line in SHIPPED.read_text().splitlines()]
    assert rows == [{"question": one.question, "answer": one.answer, "group": one.group} for one in evaluation_set()]
    assert Counter(row["group"] for row in rows) == {"sums": 200, "facts": 200}
    assert len({row["question"] for row in rows}) == 400


def test_no_training_question_asks_what_a_test_question_asks() -> None:
    tested = {one.content for one in evaluation_set()}
    assert len(tested) == 400
    for seed in (1, 2):
        assert not tested & {one.content for one in itertools.islice(training(seed), 20_000)}


def test_training_differs_by_seed_and_repeats_for_one() -> None:
    first, again, other = ([one.question for one in itertools.islice(training(seed), 50)] for seed in (1, 1, 2))
    assert first == again != other


def worked_out(text: str) -> int:
    """The last result of a chain of sums, each of which is checked and goes on from the one before."""
    result = None
    for before, sign, number, after in re.findall(r"(\d+) ([-+*]) (\d+) = (\d+)\.", text):
        assert result is None or int(before) == result
        result = {"+": int(before) + int(number), "-": int(before) - int(number), "*": int(before) * int(number)}[sign]
        assert result == int(after)
        assert 0 <= result <= questions.LARGEST
    assert result is not None
    return result


def test_chains_of_thought_are_right() -> None:
    for one in ITEMS:
        if one.group == "sums":
            assert worked_out(one.rationale) == int(one.answer)
            assert 3 <= one.rationale.count("=") <= 6
        elif "option" in one.rationale:
            line = one.question.splitlines()[int(one.answer)]
            assert line.startswith(f"{one.answer}) ")
            assert line[3:] in one.rationale
        else:
            assert f" {one.answer} " in one.rationale


def test_the_world_is_one_world() -> None:
    """Whatever way a fact is asked for, the answer is the same."""
    known: dict[str, set[str]] = {}
    for one in ITEMS:
        if one.group == "facts":
            told = one.rationale.split(" That is")[0]
            subject = re.sub(r"\d+|the \w+\.$|grow \w+\.$|are \w+\.$", "", told)
            known.setdefault(subject, set()).add(told)
    assert len(known) == 12 * 6
    assert all(len(told) == 1 for told in known.values())


@pytest.mark.patient
@pytest.mark.parametrize("group", ["sums", "facts"])
def test_programs_and_plans_give_the_answer(group: str) -> None:
    rng = random.Random(3)
    some: list[Item] = [item(rng, group) for _ in range(40)]
    with Sandbox[int](workers=2) as sandbox:
        programs = [Program(runtime="python", code=one.program) for one in some]
        plans = [Program(runtime="sympy", code=one.equations) for one in some]
        for place, program in enumerate([*programs, *plans]):
            sandbox.submit(place, program)
        done: dict[int, Execution] = {}
        while len(done) < 2 * len(some):
            done.update(sandbox.done(5.0))
    for place, one in enumerate(some):
        for execution in (done[place], done[place + len(some)]):
            assert (execution.outcome, execution.value) == (ExecutionOutcome.OK, one.answer), one.question
