"""Do stratified intervals hold the truth as often as they say, and the tests reject no more often?

As in test_stats_simulated.py: COTBENCH_SIMULATIONS sets how many draws. Shapes are samples, in proportion, of MMLU's 57
subjects and MATH's seven types, and questions in pairs: at 30 to 300 questions most strata are small.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from test_stats_simulated import MATH, MMLU, SIMULATIONS, three, within

from cotbench.analysis import stats
from cotbench.analysis.stats import Array

pytestmark = pytest.mark.patient


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The same counts come again and again."""
    monkeypatch.setattr(stats, "tango", functools.cache(stats.tango))
    yield


def sample(shape: str, n: int) -> Array:
    """The strata of n questions, each stratum with its share of them."""
    if shape == "pairs":
        return np.arange(n) // 2
    sizes = np.array({"mmlu": MMLU, "math": MATH, "halves": [1, 1]}[shape])
    share = n * sizes / sizes.sum()
    taken = np.floor(share).astype(int)
    taken[np.argsort(taken - share)[: n - taken.sum()]] += 1
    return np.repeat(np.arange(len(sizes)), taken)


def gains(effect: str, strata: Array) -> Array:
    """The true gain of each question, by its stratum."""
    if effect == "quarter":  # at +30 points, the others at +5
        return np.where(strata % 4 == 0, 0.3, 0.05)
    if effect == "against":  # they gain or lose 20 points, and it comes to nothing
        signs = np.where(strata % 2 == 0, 0.2, -0.2)
        return np.asarray(signs - signs.mean())
    if effect == "apart":  # nearly all of one stratum are helped, none of another
        return np.where(strata % 2 == 0, 0.9, 0.0)
    return np.zeros(len(strata))


def draw(rng: Any, gain: Array, discordant: float) -> Array:
    both = np.maximum(discordant, np.abs(gain))
    return three(rng, (both + gain) / 2, (both - gain) / 2)


SHAPES = [("mmlu", 30), ("mmlu", 100), ("mmlu", 300), ("math", 100), ("math", 400), ("pairs", 60), ("halves", 110)]


@pytest.mark.parametrize(
    ("effect", "discordant"), [("none", 0.05), ("none", 0.3), ("none", 0.8), ("quarter", 0.3), ("apart", 0.05)]
)
@pytest.mark.parametrize(("shape", "n"), SHAPES)
def test_stratified_differences_cover(shape: str, n: int, effect: str, discordant: float) -> None:
    rng, strata, held = np.random.default_rng(51), sample(shape, n), 0
    gain = gains(effect, strata)
    for _ in range(SIMULATIONS):
        got = stats.paired(draw(rng, gain, discordant), None, strata)
        held += got.low <= gain.mean() <= got.high
    within(held, SIMULATIONS, 0.94, 1.0)


@pytest.mark.parametrize(("shape", "n"), SHAPES)
def test_with_strata_mcnemars_test_rejects_at_most_as_often_as_it_says(shape: str, n: int) -> None:
    """Where subjects gain or lose 20 points and nothing is left of it; of clusters it would not hold."""
    rng, strata, rejected = np.random.default_rng(52), sample(shape, n), 0
    gain = gains("against", strata)
    for _ in range(SIMULATIONS):
        rejected += (stats.paired(draw(rng, gain, 0.3), None, strata).p or 0.0) <= 0.05
    within(rejected, SIMULATIONS, 0.0, 0.05)


@pytest.mark.parametrize("effect", ["none", "quarter"])
@pytest.mark.parametrize(("shape", "n"), SHAPES)
def test_stratified_differences_in_differences_cover(shape: str, n: int, effect: str) -> None:
    rng, strata, held = np.random.default_rng(53), sample(shape, n), 0
    gain, inside = gains(effect, strata), rng.random(n) < 0.4
    parts = strata[inside], strata[~inside]
    truth = gain[inside].mean() - gain[~inside].mean()
    for _ in range(SIMULATIONS):
        differences = draw(rng, gain, 0.3)
        got = stats.difference_in_differences(differences[inside], differences[~inside], None, parts)
        held += got.low <= truth <= got.high
    within(held, SIMULATIONS, 0.94, 0.98)


@pytest.mark.parametrize(("shape", "n"), SHAPES)
def test_a_stratified_standard_error_is_as_large_as_the_spread(shape: str, n: int) -> None:
    """Of an accuracy, where subjects range from 40 to 90%; its interval is Wilson's, and so at worst too wide."""
    rng, strata = np.random.default_rng(54), sample(shape, n)
    chance = np.where(strata % 4 == 0, 0.9, 0.4)
    draws = max(SIMULATIONS, 400)
    found = [stats.proportion(rng.random(n) < chance, None, strata) for _ in range(draws)]
    spread = float(np.std([one.value for one in found]))
    error = float(np.sqrt(np.mean([(one.se or 0.0) ** 2 for one in found])))
    # The standard deviation of so many draws is known to 3.5 / sqrt(2 draws); strata taken as one make it larger.
    assert spread * (1 - 3.5 / np.sqrt(2 * draws)) <= error <= 1.25 * spread
    within(sum(one.low <= chance.mean() <= one.high for one in found), draws, 0.94, 1.0)


@pytest.mark.parametrize("effect", ["none", "quarter"])
def test_passages_within_subjects_cover(effect: str) -> None:
    """One to three questions of a passage gain or lose together, within seven subjects."""
    rng, held = np.random.default_rng(55), 0
    strata = sample("math", 150)
    clusters = np.cumsum((np.arange(150) % 6 < 3) | (np.diff(strata, prepend=-1) > 0))
    gain = gains(effect, strata)
    for _ in range(SIMULATIONS):
        own = 0.15 * rng.choice([-1.0, 1.0], size=int(clusters.max()) + 1)[clusters]
        got = stats.paired(draw(rng, gain + own, 0.5), clusters, strata)
        held += got.low <= gain.mean() <= got.high
    within(held, SIMULATIONS, 0.94, 0.97)


@pytest.mark.parametrize("sizes", [[1, 2, 3] * 15, [30] * 12], ids=["passages", "new subjects"])
def test_proportions_of_clusters_cover(sizes: list[int]) -> None:
    rng, held = np.random.default_rng(56), 0
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    for _ in range(SIMULATIONS):
        chance = rng.beta(4, 1, size=len(sizes))[clusters]
        got = stats.proportion(rng.random(len(clusters)) < chance, clusters)
        held += got.low <= 0.8 <= got.high
    within(held, SIMULATIONS, 0.93, 0.975)


def test_shares_of_a_gain_within_strata_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "DRAWS", 500)
    rng, held, clear = np.random.default_rng(57), 0, 0
    strata = sample("mmlu", 300)
    gain, inside = gains("quarter", strata), rng.random(300) < 0.4
    truth = gain[inside].sum() / gain.sum()
    for turn in range(SIMULATIONS):
        got = stats.share_of_gain(draw(rng, gain, 0.3), inside, None, strata, seed=turn)
        if got.low is not None and got.high is not None:
            clear += 1
            held += got.low <= truth <= got.high
    assert clear > 0.8 * SIMULATIONS
    within(held, clear, 0.93, 0.985)
