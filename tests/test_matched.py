"""An arm beside a vote of equal cost, from numbers alone: against sums over all subsets and draws made one by one."""

from __future__ import annotations

from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pytest

from cotbench.analysis.matched import Match, Questions, match, paths_for
from cotbench.analysis.stats import Array
from cotbench.analysis.subsets import maj_at
from cotbench.modes.votes import winner

PATHS = 5


def world(rng: Any, n: int, spends: float = 3.2) -> tuple[Questions, list[tuple[int, ...]]]:
    """Questions whose right answer is 0, and how their paths voted."""
    ballots = [tuple(int(b) for b in rng.choice([0, 0, 1, 2], size=PATHS)) for _ in range(n)]
    votes = np.array([[maj_at(one, frozenset({0}), k) for k in range(1, PATHS + 1)] for one in ballots])
    each = rng.uniform(50, 150, n)
    questions = Questions(
        right=(rng.random(n) < 0.6).astype(float),
        spent=20 + spends * each * rng.uniform(0.5, 1.5, n),
        votes=votes,
        fixed=np.full(n, 20.0),
        each=each,
    )
    return questions, ballots


@cache
def share(ballots: tuple[int, ...], k: int) -> float:
    """Of all subsets of k paths, those whose vote is right."""
    subsets = list(combinations(ballots, k))
    return sum(winner(subset) == 0 for subset in subsets) / len(subsets)


def by_hand(questions: Questions, ballots: list[tuple[int, ...]], drawn: list[int]) -> tuple[float, float]:
    """The paths and the difference of some questions, with repetitions: each k is tried in turn, and each subset."""
    count = len(drawn)
    budget = sum(questions.spent[i] for i in drawn) / count

    def cost(k: int) -> float:
        return float(sum(questions.fixed[i] + k * questions.each[i] for i in drawn) / count)

    def right(k: int) -> float:
        return sum(share(ballots[i], k) for i in drawn) / count

    k = next(k for k in range(1, PATHS) if cost(k) <= budget <= cost(k + 1))
    w = (budget - cost(k)) / (cost(k + 1) - cost(k))
    vote = (1 - w) * right(k) + w * right(k + 1)
    return k + w, float(sum(questions.right[i] for i in drawn) / count) - vote


@pytest.mark.parametrize("seed", range(4))
def test_the_figure_is_the_mixture_of_two_votes_that_costs_as_much(seed: int) -> None:
    questions, ballots = world(np.random.default_rng(seed), 12)
    found = match(questions, draws=50)
    assert found is not None
    paths, difference = by_hand(questions, ballots, list(range(12)))
    assert found.paths == pytest.approx(paths)
    assert found.k + found.share == pytest.approx(paths)
    assert found.difference.value == pytest.approx(difference)
    assert (found.equal, found.times) == (True, pytest.approx(1))


def test_the_interval_is_that_of_draws_made_one_by_one() -> None:
    rng = np.random.default_rng(3)
    questions, ballots = world(rng, 60)
    found = match(questions)
    assert found is not None
    # Two imagined questions are among those drawn from, which are made here, too.
    ballots = [*ballots, (1,) * PATHS, (0,) * PATHS]
    whole = Questions(
        right=np.append(questions.right, [1, 0]),
        spent=np.append(questions.spent, [questions.spent.mean()] * 2),
        votes=questions.votes,
        fixed=np.append(questions.fixed, [20.0] * 2),
        each=np.append(questions.each, [questions.each.mean()] * 2),
    )
    drawn = [by_hand(whole, ballots, rng.integers(62, size=61).tolist())[1] for _ in range(800)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    width = found.difference.high - found.difference.low
    assert found.difference.low == pytest.approx(low, abs=0.12 * width)
    assert found.difference.high == pytest.approx(high, abs=0.12 * width)
    assert found.difference.se == pytest.approx(np.std(drawn), rel=0.12)


def test_costs_that_go_with_the_answers_are_matched_in_each_draw() -> None:
    """Where a question costs both more, the mixture is the same in every draw, and the interval that of the answers."""
    rng = np.random.default_rng(8)
    n = 400
    each = rng.lognormal(4, 1, n)
    votes = np.column_stack([np.full(n, share) for share in (0.5, 0.6, 0.7)])
    right = (rng.random(n) < 0.6).astype(float)
    same = match(Questions(right=right, spent=2 * each, votes=votes, fixed=np.zeros(n), each=each))
    apart = match(Questions(right=right, spent=2 * rng.permutation(each), votes=votes, fixed=np.zeros(n), each=each))
    assert same is not None and apart is not None
    assert same.difference.se == pytest.approx(right.std() / np.sqrt(n), rel=0.06)
    assert apart.difference.se is not None and same.difference.se is not None
    assert apart.difference.se > 1.05 * same.difference.se


def flat(right: list[int], spent: float, most: int = 4) -> Match | None:
    """An arm beside a vote that is right on half of all questions, whose paths cost 10."""
    n = len(right)
    votes = np.tile(np.repeat([0.0, 1.0], [n - n // 2, n // 2])[:, None], (1, most))
    of: Array = np.full(n, spent)
    return match(
        Questions(right=np.array(right, float), spent=of, votes=votes, fixed=np.zeros(n), each=np.full(n, 10.0))
    )


@pytest.mark.parametrize(
    ("spent", "equal", "k", "times", "needed"),
    [(4.0, False, 1, 0.4, 1), (10.0, True, 1, 1.0, 1), (40.0, True, 3, 1.0, 4), (92.0, False, 4, 2.3, 10)],
    ids=["less than a path", "one path", "all paths", "more than all"],
)
def test_an_unequal_budget_is_never_called_equal(spent: float, equal: bool, k: int, times: float, needed: int) -> None:
    found = flat([1, 0, 1, 1, 0, 1, 0, 1, 1, 1], spent)
    assert found is not None
    assert (found.equal, found.k, paths_for(found)) == (equal, k, needed)
    assert found.times == pytest.approx(times)
    assert found.vote == 0.5
    assert found.difference.value == pytest.approx(0.2)


def test_without_variance_there_is_no_interval() -> None:
    alike = match(
        Questions(
            right=np.ones(20),
            spent=np.full(20, 20.0),
            votes=np.ones((20, 4)),
            fixed=np.zeros(20),
            each=np.full(20, 10.0),
        )
    )
    assert alike is not None and (alike.difference.value, alike.difference.se) == (0.0, None)
    single = flat([1], 20.0)
    assert single is not None and single.difference.se is None
    clustered = match(world(np.random.default_rng(1), 12)[0], np.zeros(12, dtype=int))
    assert clustered is not None and clustered.difference.se is None


def test_nothing_is_matched_where_a_path_costs_nothing_or_there_are_no_questions() -> None:
    none = np.zeros(0)
    assert match(Questions(right=none, spent=none, votes=np.zeros((0, 4)), fixed=none, each=none)) is None
    free = Questions(right=np.ones(3), spent=np.ones(3), votes=np.ones((3, 4)), fixed=np.ones(3), each=np.zeros(3))
    assert match(free) is None


def test_what_few_questions_show_is_not_taken_for_sure() -> None:
    """One question of 50 differs: plain draws would say that no more than some do."""
    votes = np.ones((50, 4))
    right = np.ones(50)
    right[7] = 0
    found = match(
        Questions(right=right, spent=np.full(50, 20.0), votes=votes, fixed=np.zeros(50), each=np.full(50, 10.0))
    )
    assert found is not None
    assert found.difference.low < -0.05 and found.difference.high > 0.02


def test_strata_and_clusters_are_kept_whole() -> None:
    rng = np.random.default_rng(5)
    questions, _ = world(rng, 200)
    kinds = np.repeat([0, 1], 100)
    apart = Questions(
        right=kinds.astype(float) * 0.9 + 0.05 * (rng.random(200) < 0.5),
        spent=questions.spent,
        votes=np.tile(0.5, (200, PATHS)) + 0.0 * questions.votes,
        fixed=questions.fixed,
        each=questions.each,
    )
    plain, within = match(apart), match(apart, strata=kinds)
    assert plain is not None and within is not None
    assert (within.difference.se or 1) < 0.5 * (plain.difference.se or 0)
    assert within.difference.strata == 2
    doubled = Questions(**{name: np.repeat(getattr(questions, name), 4, axis=0) for name in vars(questions)})
    alone, whole = match(questions), match(doubled, np.repeat(np.arange(200), 4))
    assert alone is not None and whole is not None
    assert whole.difference.clusters == 200
    assert whole.difference.se == pytest.approx(alone.difference.se, rel=0.06)


def test_the_same_numbers_give_the_same_interval() -> None:
    questions, _ = world(np.random.default_rng(2), 40)
    assert match(questions) == match(questions)
    assert match(questions) != match(questions, seed=1)
