"""Do intervals of mean scores, and of their differences, hold the truth as often as they say?

As in test_stats_simulated.py: COTBENCH_SIMULATIONS sets how many draws. Scores are as F1 is: many 0, many 1, and some
between; also nearly all 0, or nearly all 1, where t is too narrow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_stats_simulated import SIMULATIONS, within

from cotbench.analysis import means
from cotbench.analysis.stats import Array

pytestmark = pytest.mark.patient

# Shares of 0 and of 1; what is left lies between.
HALF = (0.25, 0.55)
SHAPES = {
    "half right": HALF,
    "low": (0.85, 0.03),
    "high": (0.03, 0.85),
    "very low": (0.93, 0.01),
    "very high": (0.01, 0.95),
}


def scores(rng: Any, shape: tuple[float, float], n: int) -> Array:
    zeros, ones = shape
    draw = rng.random(n)
    between = np.round(12 * rng.beta(2, 2, n)) / 12 * 0.9 + 0.05
    return np.asarray(np.where(draw < zeros, 0.0, np.where(draw < zeros + ones, 1.0, between)))


def mean_of(shape: tuple[float, float]) -> float:
    zeros, ones = shape
    return ones + (1 - zeros - ones) * 0.5


@pytest.mark.parametrize("n", [30, 100, 300, 2000])
@pytest.mark.parametrize("shape", list(SHAPES))
def test_mean_scores_cover(shape: str, n: int) -> None:
    rng, held, truth = np.random.default_rng(81), 0, mean_of(SHAPES[shape])
    for _ in range(SIMULATIONS):
        got = means.mean_score(scores(rng, SHAPES[shape], n))
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.94, 0.975)


@pytest.mark.parametrize("sizes", [[1, 2, 3] * 15, [9] * 64, [1] * 60 + [5] * 20], ids=["few", "nines", "mixed"])
@pytest.mark.parametrize("shape", ["half right", "high"])
def test_mean_scores_of_clusters_cover(shape: str, sizes: list[int]) -> None:
    """Two of three questions of a passage have the passage's score."""
    rng, held, truth = np.random.default_rng(82), 0, mean_of(SHAPES[shape])
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(SIMULATIONS):
        shared = scores(rng, SHAPES[shape], len(sizes))[clusters]
        got = means.mean_score(
            np.where(rng.random(len(clusters)) < 0.67, shared, scores(rng, SHAPES[shape], len(clusters))), clusters
        )
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.93, 0.98)


def changes(rng: Any, n: int, often: float, better: tuple[float, float]) -> Array:
    """Differences of scores: with chance `often` an answer is drawn anew, with these shares of 0 and 1."""
    before = scores(rng, HALF, n)
    after = np.where(rng.random(n) < often, scores(rng, better, n), before)
    return np.asarray(after - before)


CHANGES = {  # how often, and the shares of 0 and 1 then
    "none, often": (0.4, HALF),
    "none, rarely": (0.05, HALF),
    "better, often": (0.4, (0.05, 0.8)),
    "better, rarely": (0.05, (0.0, 0.9)),
}


def truth_of(change: str) -> float:
    often, after = CHANGES[change]
    return often * (mean_of(after) - mean_of(HALF))


@pytest.mark.parametrize("n", [30, 100, 300, 2000])
@pytest.mark.parametrize("change", list(CHANGES))
def test_differences_of_mean_scores_cover(change: str, n: int) -> None:
    rng, held, rejected = np.random.default_rng(83), 0, 0
    often, after = CHANGES[change]
    truth = truth_of(change)
    for _ in range(SIMULATIONS):
        got = means.paired(changes(rng, n, often, after))
        held += got.low <= truth <= got.high
        rejected += got.p is not None and got.p <= 0.05
    within(held, SIMULATIONS, 0.93, 1.0)
    if not truth:
        within(rejected, SIMULATIONS, 0.0, 0.055)


@pytest.mark.parametrize("change", ["none, often", "better, often"])
def test_differences_of_clusters_cover(change: str) -> None:
    """One to three questions of a passage change together."""
    rng, held, truth = np.random.default_rng(84), 0, truth_of(change)
    sizes = np.array([1, 2, 3] * 20)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(SIMULATIONS):
        shared = changes(rng, len(sizes), *CHANGES[change])[clusters]
        own = changes(rng, len(clusters), *CHANGES[change])
        got = means.paired(np.where(rng.random(len(clusters)) < 0.6, shared, own), clusters)
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.93, 0.97)


@pytest.mark.parametrize("n", [100, 300])
@pytest.mark.parametrize("clustered", [False, True])
def test_the_bootstrap_covers(monkeypatch: pytest.MonkeyPatch, n: int, clustered: bool) -> None:
    """With a hundred questions it is a little narrow, as percentiles are."""
    monkeypatch.setattr(means, "DRAWS", 1000)
    rng, held, truth = np.random.default_rng(85), 0, truth_of("better, often")
    clusters = np.arange(n) // 2 if clustered else None
    for turn in range(SIMULATIONS):
        values = changes(rng, n, *CHANGES["better, often"])
        values = values if clusters is None else values[clusters * 2]
        got = means.drawn(values, clusters, seed=turn)
        held += got.low is not None and got.high is not None and got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.91, 0.97)


@pytest.mark.parametrize("sides", [(60, 240), (15, 285), (100, 100)])
def test_differences_in_differences_of_mean_scores_cover(sides: tuple[int, int]) -> None:
    rng, held = np.random.default_rng(86), 0
    truth = truth_of("better, often") - truth_of("none, often")
    for _ in range(SIMULATIONS):
        first = changes(rng, sides[0], *CHANGES["better, often"])
        second = changes(rng, sides[1], *CHANGES["none, often"])
        got = means.difference_in_differences(first, second)
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.93, 0.98)
