"""Policies that ship: choices worked out by hand, and what is chosen never sees what it is scored on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from handmade import make_record, write_run

from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.analysis.prices import Prices, TokenPrice
from cotbench.analysis.shipping import (
    ALWAYS,
    BY,
    CROSS_FITTED,
    NAIVE,
    ORACLE,
    SUBJECT,
    WHOLE,
    Problem,
    Shipping,
    Terms,
    cheapest_within,
    fitted,
    gains_of,
    rules_of,
    ship,
    shrunk_gains,
)
from cotbench.questions.tagging import RULES
from cotbench.store.records import Record
from cotbench.types import Question

# Of 40 questions of each subject, how many direct and cot get right: those that only cot does come first.
SUBJECTS = {"algebra": (10, 30), "history": (20, 20), "law": (20, 18)}
EACH = 40


def questions() -> list[Question]:
    return [
        Question(
            id=f"t-{group}-{i:02}", task="t", text=f"Question {i} of {group}?", group=group, features={"hops": "2"}
        )
        for group in SUBJECTS
        for i in range(EACH)
    ]


def rows(arms: tuple[str, ...] = ("direct", "cot")) -> list[Record]:
    made = []
    for at, mode in enumerate(arms):
        for question in questions():
            number = int(question.id[-2:])
            # A mixed order, so that no fold holds all that an arm gets right.
            good = number * 7 % EACH < SUBJECTS[question.group][min(at, 1)]
            made.append(
                make_record(
                    question=question.id, task="t", mode=mode, outcome="correct" if good else "wrong", gold="1",
                    answer="1" if good else "2", rule="contract", prompt_tokens=100,
                    completion_tokens=10 * (1 + 9 * at), requests=[["r", 0]],
                )
            )  # fmt: skip
    return made


def panel(folder: Path, *, arms: tuple[str, ...] = ("direct", "cot")) -> Panel:
    [one], _ = panels_of([load_run(write_run(folder, questions(), rows(arms)))])
    return one


def shipped(one: Panel, **terms: object) -> Shipping:
    made = ship(one, list(one.cells.values()), list(RULES.values()), Terms(**terms))  # type: ignore[arg-type]
    assert isinstance(made, Shipping), made
    return made


# --- choices by hand ----------------------------------------------------------------------------------------------


def test_the_cheapest_arm_within_the_margin_of_the_best_is_taken() -> None:
    gains = np.array([[0.0, 0.01, 0.015], [0.0, 0.03, 0.04], [0.0, 0.05, 0.09], [0.0, -0.2, 0.02]])
    assert cheapest_within(gains, 0.02).tolist() == [0, 1, 2, 0]
    assert cheapest_within(gains, 0.0).tolist() == [2, 2, 2, 2]


def test_gains_are_shrunk_by_the_moments_of_dersimonian_and_laird() -> None:
    count = np.array([10.0, 40.0, 50.0])
    means = np.array([0.5, 0.1, -0.1])
    # Differences of -1, 0 and 1: so many changes that their mean square is a half.
    gains, squares = (count * means)[:, None], (count * 0.5)[:, None]
    within = (count * (0.5 - means**2)).sum() / (100 - 3)
    noise = within / count
    weight = 1 / noise
    centre = (weight * means).sum() / weight.sum()
    spread = (weight * (means - centre) ** 2).sum()
    between = (spread - 2) / (weight.sum() - (weight**2).sum() / weight.sum())
    assert between > 0
    weight = 1 / (noise + between)
    centre = (weight * means).sum() / weight.sum()
    expected = centre + between / (between + noise) * (means - centre)
    assert shrunk_gains(count, gains, squares, np.ones(1))[:, 0] == pytest.approx(expected)
    assert shrunk_gains(count, gains, squares, np.ones(1), shrink=False)[:, 0] == pytest.approx(means)
    # Means that differ by less than their noise are all taken for the task's.
    alike = shrunk_gains(count, (count * 0.1)[:, None], squares, np.ones(1))[:, 0]
    assert alike == pytest.approx([0.1, 0.1, 0.1])
    # What varies more for being in clusters is shrunk further.
    further = shrunk_gains(count, gains, squares, np.full(1, 2.0))[:, 0]
    assert abs(further[0] - centre) < abs(expected[0] - centre)


def test_a_piece_without_a_question_has_what_the_task_has() -> None:
    found = shrunk_gains(np.array([30.0, 0.0]), np.array([[6.0], [0.0]]), np.array([[12.0], [0.0]]), np.ones(1))
    assert found[:, 0] == pytest.approx([0.2, 0.2])


# --- from records -------------------------------------------------------------------------------------------------


def test_the_policy_uses_the_dearer_arm_where_it_helps(tmp_path: Path) -> None:
    made = shipped(panel(tmp_path / "r"))
    assert (made.rule, made.arms) == (SUBJECT, ["direct", "cot"])
    assert made.choice == {"algebra": "cot", "history": "direct", "law": "direct"}
    found = {row.policy: row for row in made.rows}
    assert found[f"{ALWAYS}direct"].accuracy == pytest.approx(50 / 120)
    assert found[f"{ALWAYS}cot"].accuracy == pytest.approx(68 / 120)
    assert (found[f"{ALWAYS}cot"].saving, found[f"{ALWAYS}cot"].loss) == (None, None)
    # Subjects differ by so much that every fold chooses what all questions do.
    own = found[CROSS_FITTED]
    assert own.accuracy == pytest.approx(70 / 120)
    assert (own.used, own.tokens) == (pytest.approx(1 / 3), pytest.approx((100 + 10 + 10) / 3))
    assert own.saving == pytest.approx(0.6)
    assert own.loss == pytest.approx(-2 / 120)
    assert own.loss_low is not None
    assert own.loss_high is not None
    assert own.loss_low < -2 / 120 < own.loss_high
    assert found[NAIVE].too_good == pytest.approx(0)
    assert found[ORACLE].accuracy == pytest.approx(70 / 120)
    assert (found[f"{BY}{SUBJECT}"].chosen, found[f"{BY}{SUBJECT}"].shipped) == (1, True)
    pieces = {(row.piece, row.arm): row for row in made.pieces}
    assert pieces["algebra", "cot"].delta == pytest.approx(0.5)
    assert 0.4 < pieces["algebra", "cot"].shrunk < 0.5
    assert -0.05 < pieces["law", "cot"].shrunk < 0.05
    assert (pieces["law", "cot"].use, pieces["law", "direct"].delta, pieces["law", "direct"].n) == ("direct", 0, 40)


def test_a_margin_above_every_gain_leaves_the_cheapest_arm(tmp_path: Path) -> None:
    made = shipped(panel(tmp_path / "r"), margin=0.6)
    assert set(made.choice.values()) == {"direct"}
    assert made.figures.used == 0
    assert made.figures.saving == pytest.approx(0.9)


def test_gains_net_of_what_they_cost_need_a_right_answer_to_be_worth_it(tmp_path: Path) -> None:
    prices = Prices(currency="USD", models={}, default=TokenPrice(prompt=0.0, cached=0.0, completion=1e6))
    one = panel(tmp_path / "r")
    # cot costs 90 more a question and gains half a right answer in algebra: worth it from 180 a right answer up.
    made = shipped(one, prices=prices, value=1000.0)
    assert made.choice["algebra"] == "cot"
    assert made.figures.cost_per_1000 == pytest.approx(40_000)
    assert set(shipped(one, prices=prices, value=150.0).choice.values()) == {"direct"}
    refused = ship(one, list(one.cells.values()), [], Terms(value=150.0))
    assert refused == "what a right answer is worth takes prices, and not all answers have one"


def test_of_three_arms_the_cheaper_of_equals_is_taken(tmp_path: Path) -> None:
    made = shipped(panel(tmp_path / "r", arms=("direct", "cot", "free")))  # free does what cot does, for twice as much
    assert made.arms == ["direct", "cot", "free"]
    assert made.choice == {"algebra": "cot", "history": "direct", "law": "direct"}
    assert (made.figures.mode, made.figures.baseline) == ("free", "direct")


def test_what_has_one_value_or_splits_as_another_rule_does_is_no_rule(tmp_path: Path) -> None:
    one = panel(tmp_path / "r")
    found = rules_of(one, np.ones(120, dtype=bool), list(RULES.values()), {})
    assert list(found) == [WHOLE, SUBJECT]  # no question holds "=", and all have two hops
    categories = {"algebra": "math", "history": "history", "law": "history"}
    assert list(rules_of(one, np.ones(120, dtype=bool), [], categories)) == [WHOLE, "category", SUBJECT]


def test_too_few_questions_make_no_policy(tmp_path: Path) -> None:
    one = panel(tmp_path / "r").part(range(20))
    why = ship(one, list(one.cells.values()), [], Terms())
    assert why == "20 questions were answered under all arms, with known tokens, and it takes 30"


# --- procedures ---------------------------------------------------------------------------------------------------


def noise(seed: int, pieces: int = 20, each: int = 15) -> Problem:
    rng = np.random.default_rng(seed)
    right = (rng.random((pieces * each, 2)) < 0.5).astype(float)
    tokens = np.tile([1.0, 10.0], (len(right), 1))
    rules = {WHOLE: np.zeros(len(right), dtype=int), SUBJECT: np.repeat(np.arange(pieces), each)}
    return Problem(right=right, tokens=tokens, rules=rules, margin=0.0)


def test_the_same_questions_have_the_same_policy() -> None:
    first, second = (fitted(noise(3), splits=4) for _ in range(2))
    assert (first.used == second.used).all()
    assert first.rule == second.rule


def test_shares_of_arms_and_of_rules_add_up() -> None:
    found = fitted(noise(4), splits=4)
    assert found.used.sum(axis=1) == pytest.approx(np.ones(300))
    assert sum(found.chosen.values()) == pytest.approx(1)


def test_clusters_are_scored_by_what_was_chosen_without_them() -> None:
    """Each cluster is right under one arm throughout: whoever had seen a part of it would know the rest."""
    rng = np.random.default_rng(1)
    homes = np.repeat(np.arange(60), 5)
    second = rng.permutation(np.arange(60) % 2)[homes]
    problem = Problem(
        right=np.stack([1 - second, second], axis=1).astype(float),
        tokens=np.tile([1.0, 2.0], (300, 1)),
        rules={"by cluster": homes},
        clusters=homes,
        margin=0.0,
    )
    found = fitted(problem, splits=5)
    assert gains_of(problem, homes)[:, 1].std() > 0.2  # on all questions each cluster shows what it is
    assert all(np.ptp(found.used[homes == one, 1]) == 0 for one in range(60))  # all of it gets what the others say
    reached = (found.used * problem.right).sum(axis=1).mean()
    assert reached < 0.55
