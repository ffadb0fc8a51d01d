"""What a program's value is as an answer of each kind; votes over answers; expressions that are checked."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import ROOT

from cotbench.answers.grader import grade_now
from cotbench.answers.judging.expressions import check, solve
from cotbench.answers.kinds import KINDS
from cotbench.answers.reading import extract
from cotbench.answers.shown import show
from cotbench.modes.paths import vote
from cotbench.modes.prompts import fill
from cotbench.types import AnswerType, Execution, ExecutionOutcome, Outcome, Prediction


def value(kind: str, given: object, option: str | None = None) -> str | None:
    """The answer that what a program returned is."""
    shown = show(given)
    assert shown is not None
    execution = Execution(
        outcome=ExecutionOutcome.OK, value=shown.value, latex=shown.latex, decimal=shown.decimal, option=option
    )
    return KINDS[kind].value(execution)


@pytest.mark.parametrize(
    ("kind", "given", "answer"),
    [
        ("text", "Robert Altman", "Robert Altman"),
        ("text", "The answer is Robert Altman.", "Robert Altman"),
        ("text", 1969, "1969"),
        ("boolean", True, "yes"),
        ("boolean", False, "no"),
        ("boolean", "Yes", "yes"),
        ("boolean", "not plausible", "no"),
        ("boolean", 7, None),
        ("letters", "A and C", "AC"),
        ("list", [], None),
        ("choice", True, "True"),
        ("choice", "Uncertain", "Uncertain"),
        ("choice", "The whole of it follows from what is said above.", None),
        ("expression", "(8 - 4) * (8 - 6)", "(8 - 4) * (8 - 6)"),
        ("expression", "(8-4)*(8-6) = 24", "(8 - 4) * (8 - 6)"),
        ("expression", 24, None),
        ("list", ["apple", "birch"], "apple birch"),
        ("list", ("apple", "birch"), "apple birch"),
        ("list", "apple birch", "apple birch"),
        ("list", ["]", ")"], "] )"),
        ("list", "] )", "] )"),
        ("list", [3, 10], "3 10"),
        ("letters", "AC", "AC"),
        ("letters", "C, A", "AC"),
        ("letters", ["A", "C"], "AC"),
        ("number-or-none", 12, "12"),
        ("number-or-none", "cannot be determined", "none"),
        ("number-or-none", "unknown", "none"),
    ],
)
def test_a_programs_value(kind: str, given: object, answer: str | None) -> None:
    assert value(kind, given) == answer


def test_a_program_that_names_one_option_answers_with_its_letter() -> None:
    assert value("letters", "red", option="B") == "B"


# --- votes --------------------------------------------------------------------------------------------------------


def voted(kind: str, answers: list[str | None]) -> tuple[str | None, list[int | None]]:
    """The answer that paths elect, and their ballots."""
    readings = [Prediction(answer=a, outcome=None if a else Outcome.UNPARSED) for a in answers]
    flow = vote(readings)
    step: Any = next(flow)
    results = [grade_now(later, earlier, kind) for earlier, later in step.items]  # as the loop has them compared
    try:
        flow.send([verdict is not None and verdict.outcome == "correct" for verdict in results])
    except StopIteration as end:
        return end.value.answer, list(end.value.votes.ballots)
    raise AssertionError


@pytest.mark.parametrize(
    ("kind", "answers", "elected", "ballots"),
    [
        ("text", ["Bo Lund", "the Beatles", "Beatles."], "the Beatles", [0, 1, 1]),
        ("text", ["Lerner and Loewe", "Loewe and Lerner", "Lund"], "Lerner and Loewe", [0, 1, 2]),
        ("boolean", ["yes", "no", "no"], "no", [0, 1, 1]),
        ("choice", ["True", "true", "False"], "True", [0, 0, 1]),
        ("expression", ["4 + 6 + 8 + 8", "4 * 6 + 8 - 8", "(8 - 8) + 6 * 4"], "4 * 6 + 8 - 8", [0, 1, 1]),
        ("expression", ["4 * 6", "4 * 6 + 8 - 8", "6 * 4"], "4 * 6", [0, 1, 0]),
        ("list", ["a b", "b a", "A B"], "a b", [0, 1, 0]),
        ("letters", ["A", "AC", "AC"], "AC", [0, 1, 1]),
        ("number-or-none", ["7", "none", "none"], "none", [0, 1, 1]),
        ("number-or-none", ["7", "7.0", "none"], "7", [0, 0, 1]),
    ],
)
def test_votes_count_answers_that_are_equal(
    kind: str, answers: list[str | None], elected: str, ballots: list[int | None]
) -> None:
    assert voted(kind, answers) == (elected, ballots)


# --- expressions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gold", "answer", "right"),
    [
        ("4 6 8 8", "(8 - 4) * 6 * 8 / 8", False),  # three eights
        ("4 6 8 8", "4 * 6 + 8 - 8", True),
        ("4 6 8 8", "4 * 6", False),
        ("3 3 8 8", "8 / (3 - 8 / 3)", True),
        ("1 3 4 6", "6 / (1 - 3 / 4)", True),
        ("1 3 4 6", "6 / (1 - 4 / 4)", False),
        ("4 6 8 8", "8 / (8 - 8) + 4 * 6", False),  # divides by 0
        ("1 2 3 4", "1 * 2 * 3 * 4", True),
        ("1 2 3 4", "12 * (3 - 4 / 4)", False),
        ("1 2 3 4", "4.0 * 3 * 2 * 1", True),
        ("10 4 13 9", "(10 - 4) * (13 - 9)", True),
        ("4 6 8 8", "(" * 60 + "4 * 6 + 8 - 8" + ")" * 60, False),  # out of bounds
        ("4 6 8 8", "9" * 500, False),
        ("4 6 8 8", "", False),
        ("4 6 8 8", "__import__('os')", False),
        ("4 6 8 8", "4 ** 6 - 8 - 8", False),
    ],
)
def test_an_expression_is_checked(gold: str, answer: str, right: bool) -> None:
    assert check(gold, answer) is right


@pytest.mark.parametrize(
    "numbers", [(1, 1, 4, 6), (3, 3, 8, 8), (1, 3, 4, 6), (1, 5, 5, 5), (4, 4, 10, 10), (1, 2, 7, 7)]
)
def test_the_search_finds_a_solution_that_the_check_accepts(numbers: tuple[int, ...]) -> None:
    assert check(" ".join(map(str, numbers)), solve(numbers) or "")


def test_what_has_no_solution_is_found_to_have_none() -> None:
    assert solve((1, 1, 1, 1)) is None
    assert KINDS["expression"].right("1 1 1 1", ()) == "1 1 1 1"


# --- prompts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(AnswerType))
def test_a_program_is_told_what_to_return_for_each_kind(kind: AnswerType) -> None:
    words = (ROOT / "prompts" / "pal.jinja").read_text()
    assert f'"{KINDS[kind].asked_as}":' in words
    assert KINDS[kind].phrase.startswith((f"where {KINDS[kind].form} ", "where <answer> "))


def test_every_kind_reads_its_own_contract_filled_in() -> None:
    """As the model is asked for it, and as an exemplar has it."""
    choices = ("True", "False", "Uncertain")
    right = {"number": "7", "latex": "7", "letter": "B", "text": "Bo Lund", "boolean": "yes", "choice": "False"}
    right |= {"expression": "4 * 6 + 8 - 8", "list": "a b", "letters": "AC", "number-or-none": "none", "decimal": "7"}
    for kind in AnswerType:
        line = "Answer: " + fill(KINDS[kind].form, right[kind])
        assert extract(line, kind, choices).answer == right[kind]
