"""Do intervals over tasks hold the truth as often as they say, and do their tests reject as seldom?

COTBENCH_SIMULATIONS sets how many draws, as in test_stats_simulated.py; tests/measure/across_tasks.py draws thousands
of more worlds. Sizes are those of real test sets: two may differ by a factor of 56, and their errors by one of 7.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_stats_simulated import SIMULATIONS, three, within

from cotbench.analysis import meta, stats
from cotbench.analysis.meta import Part, between_families, over_tasks
from cotbench.analysis.stats import Array

pytestmark = pytest.mark.patient

SIZES = (14042, 1319, 5000, 651, 500, 1172, 2376, 9000, 250, 1000)


def errors_of(k: int, first: int = 0) -> Array:
    return np.sqrt(0.25 / np.array([SIZES[(first + place) % len(SIZES)] for place in range(k)]))


@pytest.mark.parametrize("tau", [0.0, 0.01, 0.05, 0.3], ids=["the-same", "near", "apart", "far-apart"])
@pytest.mark.parametrize("k", [3, 4, 5, 10, 20])
def test_the_mean_over_tasks_and_where_one_more_would_lie(k: int, tau: float) -> None:
    rng, held, rejected, met = np.random.default_rng(41), 0, 0, 0
    errors = errors_of(k)
    for _ in range(SIMULATIONS):
        got = over_tasks(rng.normal(0, tau, k) + rng.normal(0, errors), errors)
        assert got is not None
        held += got.low <= 0 <= got.high
        rejected += got.p < 0.05
        met += got.predicted_low <= rng.normal(0, tau) <= got.predicted_high
    within(held, SIMULATIONS, 0.94, 1.0)
    within(rejected, SIMULATIONS, 0.0, 0.055)
    within(met, SIMULATIONS, 0.94, 1.0)


def test_why_tasks_have_the_same_weight() -> None:
    """By inverse variance, five tasks of unlike sizes that differ by 2 points have an interval that is too narrow."""
    rng, held = np.random.default_rng(42), 0
    errors = errors_of(5)
    for _ in range(SIMULATIONS):
        got = over_tasks(rng.normal(0, 0.02, 5) + rng.normal(0, errors), errors, equal=False)
        assert got is not None
        held += got.low <= 0 <= got.high
    within(held, SIMULATIONS, 0.89, 0.93)


@pytest.mark.parametrize("taus", [(0.0, 0.0), (0.05, 0.05), (0.3, 0.01), (0.01, 0.3)])
@pytest.mark.parametrize("ks", [(3, 3), (3, 10), (5, 5)])
def test_the_difference_of_two_families_of_tasks(ks: tuple[int, int], taus: tuple[float, float]) -> None:
    rng, held, rejected = np.random.default_rng(43), 0, 0
    errors = [errors_of(ks[0]), errors_of(ks[1], 3)]
    for _ in range(SIMULATIONS):
        means = [
            over_tasks(rng.normal(0, tau, k) + rng.normal(0, of), of)
            for k, tau, of in zip(ks, taus, errors, strict=True)
        ]
        assert means[0] is not None
        assert means[1] is not None
        got = between_families(means[0], means[1])
        held += got.low <= 0 <= got.high
        rejected += got.p is not None and got.p < 0.05
    within(held, SIMULATIONS, 0.94, 1.0)
    within(rejected, SIMULATIONS, 0.0, 0.06)


def asked(rng: Any, n: int, gain: float, changes: float = 0.25) -> Part:
    own = stats.paired(three(rng, np.full(n, (changes + gain) / 2), np.full(n, (changes - gain) / 2)))
    return Part(value=own.value, low=own.low, high=own.high, se=own.se, weight=n, task=str(n))


@pytest.mark.parametrize("gains", [(0.0, 0.0, 0.0), (0.2, 0.02, -0.1)], ids=["no-effect", "unlike"])
@pytest.mark.parametrize("sizes", [(1319, 5000, 651), (30, 400, 60)], ids=["large", "small"])
def test_all_questions_of_some_tasks(sizes: tuple[int, ...], gains: tuple[float, ...]) -> None:
    rng, held, rejected = np.random.default_rng(44), 0, 0
    truth = float(np.average(gains, weights=sizes))
    for _ in range(SIMULATIONS):
        parts = [asked(rng, n, gain) for n, gain in zip(sizes, gains, strict=True)]
        shares = [Part(**{**{f: getattr(p, f) for f in p.__slots__}, "weight": p.weight / sum(sizes)}) for p in parts]
        got = meta.weighted(shares, bound=1.0)
        held += got.low <= truth <= got.high
        rejected += got.p is not None and got.p < 0.05
    within(held, SIMULATIONS, 0.94, 0.965)
    if truth == 0:
        within(rejected, SIMULATIONS, 0.035, 0.06)


def test_the_share_of_a_gain_that_a_family_has() -> None:
    rng, held, clear = np.random.default_rng(45), 0, 0
    inside, outside = ((1319, 0.2), (500, 0.12)), ((1400, 0.02), (651, 0.0))
    gains = [sum(n * gain for n, gain in side) for side in (inside, outside)]
    for _ in range(SIMULATIONS):
        got = meta.share(*([asked(rng, n, gain) for n, gain in side] for side in (inside, outside)))
        if got is not None and np.isfinite(got.low):
            clear += 1
            held += got.low <= gains[0] / sum(gains) <= got.high
    assert clear > 0.95 * SIMULATIONS
    within(held, clear, 0.94, 0.97)
