"""Ratios of costs to right answers: that their intervals are what brute force finds, that they cover, and what is
concluded from them."""

from __future__ import annotations

import math
import os
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import stats as scipy_stats

from cotbench.analysis import stats
from cotbench.analysis.ratios import (
    ABOVE,
    AT_LEAST_BELOW,
    BELOW,
    CHEAPER,
    DEARER,
    NOT_BELOW,
    UNCLEAR,
    Worth,
    per_right,
    worth,
)
from cotbench.analysis.stats import Array

SIMULATIONS = int(os.environ.get("COTBENCH_SIMULATIONS", "200"))


def judged(costs: Array, gains: Array, clusters: Array | None = None, strata: Array | None = None) -> Worth:
    gain = stats.paired(gains, clusters, strata)
    return worth(costs, gains, gain, partial(stats.mean, clusters=clusters, strata=strata))


def drawn(rng: Any, n: int, helped: float, hurt: float, more: float, tied: float = 0.0) -> tuple[Array, Array]:
    """Costs and gains of n questions. tied: how much more a helped question costs, as a share, and a hurt one less."""
    draw = rng.random(n)
    gains = (draw < helped).astype(float) - ((draw >= helped) & (draw < helped + hurt))
    return more * rng.gamma(2, 0.5, n) * (1 + tied * gains), gains


# --- against independent computation ------------------------------------------------------------------------------


@pytest.mark.parametrize(("clustered", "stratified"), [(False, False), (True, False), (False, True), (True, True)])
def test_the_interval_is_all_prices_at_which_a_t_test_of_the_net_benefit_doesnt_reject(
    clustered: bool, stratified: bool
) -> None:
    rng = np.random.default_rng(3)
    costs, gains = drawn(rng, 400, 0.2, 0.05, 100.0, 0.5)
    clusters = rng.integers(0, 300, 400) if clustered else None
    strata = (np.arange(400) // 100 if clusters is None else clusters // 75) if stratified else None
    found = judged(costs, gains, clusters, strata)
    assert found.decision == ABOVE
    assert found.value == pytest.approx(costs.sum() / gains.sum())
    assert found.low is not None
    assert found.high is not None
    for price, inside in [
        (found.low * 1.001, True),
        (found.high * 0.999, True),
        (found.low * 0.999, False),
        (found.high * 1.001, False),
    ]:
        benefit = price * gains - costs
        if clusters is None and strata is None:
            p = float(scipy_stats.ttest_1samp(benefit, 0.0).pvalue)
        else:
            p = stats.mean(benefit, clusters, strata).p or 1.0
        assert (p > 0.05) == inside, (price, p)


def test_the_interval_is_about_that_of_a_bootstrap_over_questions() -> None:
    rng = np.random.default_rng(4)
    costs, gains = drawn(rng, 1500, 0.15, 0.05, 100.0, 0.8)
    found = judged(costs, gains)
    places = rng.integers(0, len(costs), (4000, len(costs)))
    ratios = costs[places].sum(axis=1) / gains[places].sum(axis=1)
    low, high = np.quantile(ratios, (0.025, 0.975))
    width = high - low
    assert found.low == pytest.approx(low, abs=0.1 * width)
    assert found.high == pytest.approx(high, abs=0.1 * width)


def test_what_a_right_answer_costs_is_about_what_a_bootstrap_says() -> None:
    rng = np.random.default_rng(5)
    right = rng.random(1500) < 0.6
    costs = rng.gamma(2, 50, 1500) * np.where(right, 1.0, 1.6)  # wrong answers are longer
    found = per_right(costs, right, stats.mean)
    places = rng.integers(0, len(costs), (4000, len(costs)))
    low, high = np.quantile(costs[places].sum(axis=1) / right[places].sum(axis=1), (0.025, 0.975))
    assert found.value == pytest.approx(costs.sum() / right.sum())
    assert found.low == pytest.approx(low, abs=0.1 * (high - low))
    assert found.high == pytest.approx(high, abs=0.1 * (high - low))


# --- coverage -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "helped", "hurt", "tied"),
    [
        (100, 0.10, 0.02, 0.3),
        (100, 0.05, 0.0, 0.3),
        (300, 0.05, 0.02, 0.5),
        (1000, 0.03, 0.01, 0.0),
        (60, 0.3, 0.05, 0.5),
    ],
)
def test_the_truth_is_in_the_interval_or_not_excluded_by_the_bound(
    n: int, helped: float, hurt: float, tied: float
) -> None:
    rng, held, draws = np.random.default_rng(6), 0, 5 * SIMULATIONS
    truth = 100.0 * (1 + tied * (helped - hurt)) / (helped - hurt)
    for _ in range(draws):
        found = judged(*drawn(rng, n, helped, hurt, 100.0, tied))
        if found.value is not None:
            assert found.low is not None
            assert found.high is not None
            held += found.low <= truth <= found.high
        else:
            held += found.decision in (NOT_BELOW, UNCLEAR) and not (found.bound is not None and truth < found.bound)
    assert held / draws >= 0.94 - 3.5 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize("design", ["passages of four", "a stratum that gains much, and a small one that gains little"])
def test_the_truth_is_in_the_interval_where_questions_are_clustered_or_stratified(design: str) -> None:
    rng, held, draws = np.random.default_rng(10), 0, 2 * SIMULATIONS
    for _ in range(draws):
        if design.startswith("passages"):
            clusters, strata = np.arange(1000) // 4, None
            share = np.repeat(rng.choice([0.05, 0.35], 250), 4)  # what questions of a passage share
            truth_gain = 0.2
        else:
            clusters, strata = None, (np.arange(400) >= 320).astype(int)
            share = np.where(strata == 0, 0.3, 0.1)
            truth_gain = float(share.mean())
        gains = (rng.random(len(share)) < share).astype(float)
        found = judged(100 * rng.gamma(2, 0.5, len(share)), gains, clusters, strata)
        assert found.low is not None
        assert found.high is not None
        held += found.low <= 100 / truth_gain <= found.high
    assert held / draws >= 0.94 - 3.5 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(("n", "share"), [(100, 0.05), (300, 0.02), (1000, 0.1)])
def test_with_no_difference_a_price_is_rarely_named(n: int, share: float) -> None:
    rng, draws = np.random.default_rng(7), 5 * SIMULATIONS
    sure = (ABOVE, BELOW, CHEAPER, DEARER)
    named = sum(judged(*drawn(rng, n, share, share, 100.0)).decision in sure for _ in range(draws))
    assert named / draws <= 0.05 + 3.5 * math.sqrt(0.05 * 0.95 / draws)


@pytest.mark.parametrize(("n", "chance"), [(30, 0.05), (100, 0.02), (100, 0.97), (300, 0.5)])
def test_what_a_right_answer_costs_covers_also_where_few_are_right_or_wrong(n: int, chance: float) -> None:
    rng, held, draws = np.random.default_rng(8), 0, 5 * SIMULATIONS
    for _ in range(draws):
        right = rng.random(n) < chance
        found = per_right(rng.gamma(2, 50, n) * np.where(right, 1.0, 1.5), right, stats.mean)
        truth = 100.0 * (1.5 - 0.5 * chance) / chance
        held += (found.low or 0.0) <= truth <= (math.inf if found.high is None else found.high)
    assert held / draws >= 0.94 - 3.5 * math.sqrt(0.05 * 0.95 / draws)


# --- what is concluded --------------------------------------------------------------------------------------------


def gains_of(helped: int, hurt: int, n: int) -> Array:
    return np.array([1.0] * helped + [-1.0] * hurt + [0.0] * (n - helped - hurt))


def spread(mean: float, n: int = 200) -> Array:
    """Costs with this mean, which vary by about as much."""
    return mean * np.tile([0.5, 1.5], n // 2)


@pytest.mark.parametrize(
    ("helped", "hurt", "costs", "decision"),
    [
        (60, 10, spread(100.0), ABOVE),
        (10, 60, spread(-100.0), BELOW),
        (60, 10, spread(-100.0), CHEAPER),
        (10, 60, spread(100.0), DEARER),
        (20, 20, spread(100.0), NOT_BELOW),
        (20, 20, spread(-100.0), AT_LEAST_BELOW),
        (20, 20, np.tile([-100.0, 100.0], 100), UNCLEAR),
        (0, 0, spread(100.0), NOT_BELOW),
    ],
)
def test_the_decision(helped: int, hurt: int, costs: Array, decision: str) -> None:
    found = judged(costs, gains_of(helped, hurt, 200))
    assert found.decision == decision
    assert (found.value is not None) == (decision in (ABOVE, BELOW))
    assert (found.bound is not None) == (decision in (NOT_BELOW, AT_LEAST_BELOW))


def test_a_gain_that_may_cost_nothing_has_an_interval_from_below_zero() -> None:
    found = judged(np.tile([-90.0, 110.0], 100), gains_of(60, 10, 200))
    assert found.decision == ABOVE
    assert found.low is not None
    assert found.low < 0 < (found.value or 0.0)


def test_nothing_is_said_of_what_one_question_or_one_cluster_shows() -> None:
    assert judged(np.array([3.0]), np.array([1.0])) == Worth()
    assert judged(spread(100.0), gains_of(60, 10, 200), np.zeros(200, dtype=int)) == Worth()


def test_without_a_right_answer_one_costs_infinitely_much() -> None:
    found = per_right(np.full(50, 2.0), np.zeros(50, dtype=bool), stats.mean)
    assert (found.value, found.high) == (None, None)
    assert found.low == pytest.approx(2.0 / stats.wilson(0, 50)[1])
    assert per_right(np.array([]), np.array([], dtype=bool), stats.mean).low is None


def test_the_size_of_the_unit_changes_nothing_but_the_size() -> None:
    costs, gains = drawn(np.random.default_rng(9), 300, 0.2, 0.05, 100.0)
    dear, cheap = judged(costs, gains), judged(costs * 1e-9, gains)
    for part in ("value", "low", "high"):
        assert getattr(cheap, part) == pytest.approx(getattr(dear, part) * 1e-9)
