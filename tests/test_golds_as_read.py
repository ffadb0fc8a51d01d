"""A gold that reading would shorten: an answer that says all of it is right."""

from __future__ import annotations

import pytest

from cotbench.answers.grader import RIGHT, grade_now
from cotbench.answers.reading import extract
from cotbench.types import AnswerType, Outcome


@pytest.mark.parametrize(
    "gold",
    [
        "the long winter (1908–09)",
        '"Salt and Bread" (1987)',
        "Stop! The Ferry Has Left",
        "Anna (Left) and Bruno (Right)",
    ],
)
def test_an_answer_that_says_gold_as_it_stands_is_right(gold: str) -> None:
    read = extract(f"Answer: {gold}", AnswerType.TEXT).answer
    assert read is not None and read != gold, "reading leaves something out"
    assert grade_now(read, gold, AnswerType.TEXT) == RIGHT
    assert grade_now(gold, gold, AnswerType.TEXT) == RIGHT
    assert grade_now(read, f"something else\n{gold}", AnswerType.TEXT) == RIGHT


def test_words_of_such_a_gold_are_no_more_right_than_they_were() -> None:
    verdict = grade_now("long", "the long winter (1908–09)", AnswerType.TEXT)
    assert verdict is not None and verdict.outcome is Outcome.WRONG and 0 < verdict.score < 1
