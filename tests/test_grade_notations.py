"""Notations of one answer: tables of `cases/judging/` beside those of `test_grade_pairs`."""

from __future__ import annotations

import pytest
from cases import EQUAL, groups, load, rows

from cotbench.answers.grader import grade_now
from cotbench.answers.judging.equality import latex_equal
from cotbench.types import AnswerType, Outcome

KINDS = {
    kind: [(*row, EQUAL[verdict]) for *row, verdict in table]
    for kind, table in groups("judging/notations", "case gold answer verdict").items()
}
NAMED_BY_THE_ANSWER = rows(load("judging/named_by_the_answer"), "case gold answer")
AS_WRITTEN = [
    (gold, answer, EQUAL[verdict]) for gold, answer, verdict in rows(load("judging/as_written"), "gold answer verdict")
]
ROWS = [(kind, row) for kind, table in KINDS.items() for row in table]


def verdict(gold: str, answer: str) -> bool | None:
    now = grade_now(answer, gold, AnswerType.LATEX)
    return latex_equal(gold, answer) if now is None else now.outcome is Outcome.CORRECT


@pytest.mark.parametrize(
    ("gold", "answer", "equal"), [pytest.param(*row[1:], id=f"{kind}: {row[0]}") for kind, row in ROWS]
)
def test_verdict_both_ways_round(gold: str, answer: str, equal: bool) -> None:
    assert verdict(gold, answer) is equal
    assert verdict(answer, gold) is equal


@pytest.mark.parametrize(("gold", "answer"), [pytest.param(*row[1:], id=row[0]) for row in NAMED_BY_THE_ANSWER])
def test_only_the_answer_names_what_was_asked_for(gold: str, answer: str) -> None:
    assert verdict(gold, answer) is True
    assert verdict(answer, gold) is False


@pytest.mark.parametrize(("gold", "answer", "equal"), AS_WRITTEN)
def test_answers_as_they_are_written(gold: str, answer: str, equal: bool) -> None:
    assert verdict(gold, answer) is equal
    if not equal:
        assert verdict(answer, gold) is False


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_has_near_misses_and_no_pair_twice(kind: str) -> None:
    table = KINDS[kind]
    assert 0.2 < sum(row[3] for row in table) / len(table) < 0.8
    assert len({row[0] for row in table}) == len({row[1:3] for row in table}) == len(table)
