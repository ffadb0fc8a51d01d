"""Pairs of answers and whether they are one: the tables of `cases/judging/pairs.yaml`.

Each pair is compared in this process, without workers, both ways round; and each answer that can be read with itself.
"""

from __future__ import annotations

import pytest
from cases import EQUAL, groups

from cotbench.answers.grader import grade_now
from cotbench.answers.judging.equality import latex_equal
from cotbench.answers.judging.forms import NotRead, TooLarge
from cotbench.answers.judging.formula import read
from cotbench.types import AnswerType, Outcome

KINDS = {
    kind: [(*row, EQUAL[verdict]) for *row, verdict in rows]
    for kind, rows in groups("judging/pairs", "case gold answer verdict").items()
}
ROWS = [(kind, row) for kind, rows in KINDS.items() for row in rows]


def readable(text: str) -> bool:
    try:
        read(text)
    except (NotRead, TooLarge):
        return False
    return True


every_pair = pytest.mark.parametrize(
    ("gold", "answer", "equal"), [pytest.param(*row[1:], id=f"{kind}: {row[0]}") for kind, row in ROWS]
)


def verdict(gold: str, answer: str) -> bool | None:
    """The verdict that `Grader` gives: words and answers that are equal as text never reach `latex_equal`."""
    now = grade_now(answer, gold, AnswerType.LATEX)
    return latex_equal(gold, answer) if now is None else now.outcome is Outcome.CORRECT


@every_pair
def test_verdict_both_ways_round(gold: str, answer: str, equal: bool) -> None:
    assert verdict(gold, answer) is equal
    assert verdict(answer, gold) is equal


@every_pair
def test_what_is_read_agrees_with_what_is_compared_as_text(gold: str, answer: str, equal: bool) -> None:
    assert latex_equal(gold, answer) is latex_equal(answer, gold)
    if readable(gold) and readable(answer):
        assert latex_equal(gold, answer) is equal


@pytest.mark.parametrize("text", sorted({text for _, row in ROWS for text in row[1:3] if readable(text)}))
def test_an_answer_equals_itself(text: str) -> None:
    assert latex_equal(text, text) is True


@pytest.mark.parametrize("kind", KINDS)
def test_a_table_has_near_misses_and_no_pair_twice(kind: str) -> None:
    rows = KINDS[kind]
    assert 0.3 < sum(row[3] for row in rows) / len(rows) < 0.7
    assert len({row[0] for row in rows}) == len({row[1:3] for row in rows}) == len(rows)
