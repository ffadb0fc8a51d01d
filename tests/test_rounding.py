"""Numbers that are one but for rounding: answers of the kinds `decimal` and `number-or-none`; `number` is exact."""

from __future__ import annotations

import pytest
from cases import EQUAL, load, rows

from cotbench.answers.grader import RIGHT, WRONG, grade_now
from cotbench.answers.judging.rounding import same_number

ROWS = rows(load("judging/rounding"), "case gold answer verdict")


@pytest.mark.parametrize(("case", "gold", "answer", "verdict"), ROWS, ids=[row[0] for row in ROWS])
def test_numbers_are_one_but_for_rounding(case: str, gold: str, answer: str, verdict: str) -> None:
    assert same_number(gold, answer) is EQUAL[verdict]


@pytest.mark.parametrize("kind", ["decimal", "number-or-none"])
@pytest.mark.parametrize(("case", "gold", "answer", "verdict"), ROWS, ids=[row[0] for row in ROWS])
def test_kinds_whose_numbers_may_be_rounded(case: str, gold: str, answer: str, verdict: str, kind: str) -> None:
    assert grade_now(answer, gold, kind) == (RIGHT if EQUAL[verdict] else WRONG)


def test_a_number_of_the_plain_kind_is_exact() -> None:
    assert grade_now("0.33", "1/3", "number") == WRONG
