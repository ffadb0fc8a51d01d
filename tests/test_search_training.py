"""What the model `searcher` is trained on: true, apart from the test questions, and in the prompts of its tasks."""

from __future__ import annotations

import itertools
import json
import random
import re
import sys
from fractions import Fraction

import pytest
from conftest import ROOT

from cotbench.answers.judging.expressions import check, solve
from cotbench.answers.notation.arithmetic import parsed

sys.path.append(str(ROOT / "tests" / "training"))  # its scripts import each other by name
import puzzles
import sums
from conversations import PIECES
from searching import FORESEER, HERE, MAKERS, PUZZLE, SEARCHER, SUMS

LINE = re.compile(r"(\d+) ([-+*/]) (\d+) = (\d+)(?: \(left: ([\d ]+)\))?")


def made(kind: str, number: int = 300) -> list[tuple[str, str]]:
    """What is asked and what is answered, of questions that aren't for testing."""
    rng = random.Random(f"test {kind}")
    found = (MAKERS[kind](False, rng) for _ in range(number))
    return [(one.asked[-1].text, one.turn[0].text) for one in found]


def numbers_in(text: str) -> tuple[int, ...]:
    [line] = re.findall(r"^Numbers: ([\d ]+)$", text, re.M)
    return tuple(map(int, line.split()))


def result(one: int, sign: str, other: int) -> Fraction:
    return {"+": Fraction(one + other), "-": Fraction(one - other), "*": Fraction(one * other)}.get(
        sign, Fraction(one, other or 1)
    )


@pytest.mark.parametrize("name", [PUZZLE, SUMS])
def test_the_files_of_the_tasks_are_what_the_generators_write(name: str) -> None:
    rows = [json.loads(line) for line in (HERE / "tasks" / f"{name}.jsonl").read_text().splitlines()]
    if name == PUZZLE:
        assert rows == [{"numbers": puzzles.shown(one)} for one in puzzles.puzzles(True)]
    else:
        assert rows == [{"question": one.question, "answer": str(one.answer)} for one in sums.tested()]
    assert f"rows: {len(rows)}\n" in (HERE / "tasks" / f"{name}.yaml").read_text()
    assert len(rows) >= 150


def test_every_test_puzzle_has_a_solution_by_a_search_that_knows_nothing_of_moves() -> None:
    for numbers in puzzles.puzzles(True):
        found = solve(numbers)
        assert found is not None
        assert check(puzzles.shown(numbers), found)


def test_no_turn_of_training_is_about_a_test_question() -> None:
    tested = set(puzzles.puzzles(True))
    rows = {one.question for one in sums.tested()}
    for one in itertools.islice(SEARCHER.conversations("test"), 2_000):
        [asked] = [message.text for message in one.asked]
        if asked.startswith("Numbers: "):
            assert numbers_in(asked) not in tested
        else:
            assert asked.splitlines()[0] not in rows


@pytest.mark.parametrize("kind", ["puzzle cot", "puzzle direct"])
def test_chains_of_thought_are_solutions(kind: str) -> None:
    for asked, answered in made(kind):
        left = numbers = numbers_in(asked)
        lines = answered.splitlines()
        for line in lines[:-1]:
            left = moved(left, line)
        assert kind == "puzzle direct" or left == (24,)
        assert check(puzzles.shown(numbers), lines[-1].removeprefix("Answer: ")), (asked, answered)


def moved(left: tuple[int, ...], line: str) -> tuple[int, ...]:
    """What is left after a line, which is checked."""
    match = LINE.fullmatch(line)
    assert match, line
    one, other, after = int(match[1]), int(match[3]), int(match[4])
    rest = list(left)
    rest.remove(one)
    rest.remove(other)
    assert result(one, match[2], other) == after
    assert tuple(map(int, match[5].split())) == tuple(sorted([*rest, after]))
    return tuple(sorted([*rest, after]))


def test_proposals_are_moves_and_none_is_said_twice() -> None:
    for asked, answered in made("puzzle propose"):
        lines = answered.splitlines()
        assert len(set(lines)) == len(lines)
        assert bool(lines) == (len(numbers_in(asked)) > 1)
        for line in lines:
            moved(numbers_in(asked), line)


def test_verdicts_on_numbers_left_hold_and_both_are_met() -> None:
    said = [(numbers_in(asked), answered) for asked, answered in made("puzzle value", 600)]
    assert 0.3 < sum(answered == "sure" for _, answered in said) / len(said) < 0.7
    for numbers, answered in said:
        if answered == "sure":
            assert numbers == (24,) or solve(numbers) is not None
        elif len(numbers) > 1 and solve(numbers) is not None:  # through a fraction, or a number above the largest
            assert not puzzles.reachable(numbers)


@pytest.mark.parametrize("kind", ["puzzle check", "puzzle score", "puzzle verdict"])
def test_judgements_of_answers_hold_and_both_are_met(kind: str) -> None:
    said = made(kind)
    yes = {"sure", "Score: 10", "Verdict: correct"}
    assert 0.3 < sum(answered in yes for _, answered in said) / len(said) < 0.7
    for asked, answered in said:
        [expression] = re.findall(r"^Answer: (.+)$", asked, re.M)
        right = check(puzzles.shown(numbers_in(asked)), expression)
        steps_hold = all(
            result(int(m[1]), m[2], int(m[3])) == int(m[4]) for m in map(LINE.fullmatch, asked.splitlines()) if m
        )
        assert (answered in yes) == (right and steps_hold), (asked, answered)


def test_an_answer_says_what_its_steps_did() -> None:
    for asked, answered in made("puzzle answer"):
        given = parsed(answered.removeprefix("Answer: "))
        assert given is not None
        assert given.numbers == numbers_in(asked)
        last = [match for line in asked.splitlines() if (match := LINE.fullmatch(line))][-1]
        assert given.value == int(last[4])


@pytest.mark.parametrize("kind", [kind for kind in MAKERS if kind.startswith("sums ")])
def test_what_is_said_of_sums_is_true(kind: str) -> None:
    both = set()
    for asked, answered in made(kind):
        start, *changes = map(int, re.findall(r"\d+", asked.splitlines()[0]))
        signs = re.findall(r"Add|Take", asked.splitlines()[0])
        values = list(
            itertools.accumulate(
                ((number if sign == "Add" else -number) for sign, number in zip(signs, changes, strict=True)),
                initial=start,
            )
        )
        shown = [int(match[4]) for line in asked.splitlines() if (match := LINE.fullmatch(line))]
        if kind in ("sums value", "sums check", "sums score", "sums verdict"):
            right = shown == values[1 : len(shown) + 1]
            assert (answered in {"sure", "Score: 10", "Verdict: correct"}) == right, (asked, answered)
            both.add(right)
        elif kind == "sums step":
            assert answered.endswith(f"= {values[len(shown) + 1]}")
        elif kind == "sums answer":
            assert answered == f"Answer: {shown[-1]}"
        else:
            assert answered.endswith(f"Answer: {values[-1]}")
    assert len(both) in (0, 2)


def test_the_mix_is_a_share_of_each_kind_and_the_words_are_few() -> None:
    assert SEARCHER.mix.keys() == MAKERS.keys()
    assert FORESEER.mix.keys() < MAKERS.keys()
    for recipe in (SEARCHER, FORESEER):
        assert sum(recipe.mix.values()) == pytest.approx(1)
        assert recipe.batch % (4 * recipe.part) == 0, "each of two processes has as many short parts as long ones"
    words = {
        piece
        for one in itertools.islice(SEARCHER.conversations("test"), 2_000)
        for text in one.texts
        for piece in re.findall(PIECES, text)
    }
    assert len(words) < 400
