"""Means of differences that take few whole values, as -2..2: intervals and tests that hold with few questions.

A gain of one model less that of another is -2, -1, 0, 1 or 2 on a question, and on most it is 0. The t interval of such
numbers is too narrow with 30 questions where one side is rare (it holds the truth in 78% of draws where the difference
is 1 on one question in twenty, and 0 on the others), so here is

    the interval    the score interval: it holds the means that a score test doesn't refuse, with the variance of the
                    multinomial likelihood restricted to that mean. Of -1, 0 and 1 it is Tango's (1998, Statistics in
                    Medicine 17:891), which it does for more values. A value that was never seen may have a chance all
                    the same: without that it holds the truth in 90% of draws where -2 is rare
    the test        by sign flips (Fisher 1935), exact: if both models gain alike, a question's difference is as likely
                    to be d as -d. Of -1, 0 and 1 it is McNemar's exact test
    clustered       the t interval and test of `stats.mean`; sign flips of whole clusters beside it

The test doesn't know of strata, and at worst rejects too seldom there.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.stats import Array, Clusters, Estimate, Strata

FLIPS = 10_000  # draws of the sign-flip test of clusters: a p of 0.05 is then known to 0.004
_Z = float(special.ndtri((1 + stats.CONFIDENCE) / 2))
_STEPS = 60  # at most, of a search: far beyond the digits shown


def estimate(differences: Array, clusters: Clusters = None, strata: Strata = None, *, bound: int = 2) -> Estimate:
    """Return the mean of whole differences in -bound..bound, with interval and test. ValueError where there are none.

    With strata the interval is the narrower of two, as of paired differences: the score interval of all questions, for
    which how strata differ is chance, and one put together from those of the strata. Of clustered questions, the score
    interval and the exact test stand in where t has no spread to work with.
    """
    spread = stats.mean(differences, clusters, strata, bound=float(bound))
    if clusters is not None and spread.se != 0:
        return spread
    if clusters is None and len(differences) < 2:
        return replace(spread, p=exact_flips(differences))
    ends = score_interval(Counter(map(float, differences.tolist())), bound)
    if clusters is None and strata is not None:
        ends = min(ends, _by_stratum(differences, strata, bound), key=lambda both: both[1] - both[0])
    return replace(spread, low=ends[0], high=ends[1], df=None, p=exact_flips(differences))


def _by_stratum(differences: Array, strata: Array, bound: int) -> tuple[float, float]:
    """Return the ends of a mean over strata, put together from those of each (MOVER, Zou & Donner 2008)."""
    homes = stats.collapsed(strata, least=stats.LARGE_STRATUM)
    below = above = 0.0
    for home in np.unique(homes):
        own = differences[homes == home]
        low, high = score_interval(Counter(map(float, own.tolist())), bound)
        below += (float(own.sum()) - len(own) * low) ** 2
        above += (len(own) * high - float(own.sum())) ** 2
    value, n = float(differences.mean()), len(differences)
    return value - math.sqrt(below) / n, value + math.sqrt(above) / n


# --- the score interval -------------------------------------------------------------------------------------------


def score_interval(counts: Mapping[float, int], bound: int, z: float = _Z) -> tuple[float, float]:
    """Return the ends of the score interval of a mean. counts: how often there was each value in -bound..bound."""
    seen = [(float(value), float(count)) for value, count in counts.items() if count]
    n = sum(count for _, count in seen)
    mean = sum(value * count for value, count in seen) / n

    def beyond(truth: float) -> float:
        """Above 0 where the test refuses a mean."""
        return abs(mean - truth) - z * math.sqrt(_restricted(seen, n, truth, bound) / n)

    def end(side: int) -> float:
        outermost = side * bound * (1 - 1e-12)
        if (abs(mean) >= bound and mean * side > 0) or beyond(outermost) <= 0:
            return float(side * bound)
        return _root(beyond, mean, outermost)

    return end(-1), end(1)


def _root(function: Callable[[float], float], below: float, above: float) -> float:
    """Return where a function that isn't above 0 at one place and is at another crosses 0 (the Illinois method)."""
    low, high, last = function(below), function(above), 0
    for step in range(_STEPS):
        if abs(above - below) < 1e-10:
            break
        middle = (below * high - above * low) / (high - low) if low and step % 5 < 4 else (below + above) / 2
        value = function(middle)
        if value > 0:
            above, high, low = middle, value, low / 2 if last > 0 else low
        else:
            below, low, high = middle, value, high / 2 if last < 0 else high
        last = 1 if value > 0 else -1
    return (below + above) / 2


def _restricted(seen: list[tuple[float, float]], n: float, truth: float, bound: int) -> float:
    """Return the variance of one difference under the likeliest chances of all values whose mean is `truth`.

    With a multiplier m, the likeliest chance of a value v that was seen c times is c / (n (1 + m (v - truth))); where
    no m gives chances with that mean, what is missing is on the outermost value, which was never seen.
    """
    apart = [(value - truth, count / n) for value, count in seen]
    far, near = bound - truth, -bound - truth
    low, high = (-1 / far if far > 0 else -math.inf), (-1 / near if near < 0 else math.inf)
    # At an end, a value that was seen out there would have a chance without bound, so the root lies inside.
    if not any(value == bound for value, _ in seen) and _moment(apart, low)[0] <= 0:
        return _with_rest(apart, low, far)
    if not any(value == -bound for value, _ in seen) and _moment(apart, high)[0] >= 0:
        return _with_rest(apart, high, near)
    multiplier = 0.0
    for _ in range(_STEPS):  # Newton's steps, within bounds that hold the root
        value, slope = _moment(apart, multiplier)
        low, high = (multiplier, high) if value > 0 else (low, multiplier)
        following = multiplier + value / slope if slope else multiplier
        if not low < following < high:
            following = (low + high) / 2
        if abs(following - multiplier) < 1e-13:
            break
        multiplier = following
    return sum(share * d * d / max(1 + multiplier * d, 1e-300) for d, share in apart)


def _moment(apart: list[tuple[float, float]], multiplier: float) -> tuple[float, float]:
    """Return by how much the mean is off under a multiplier, and how fast that falls."""
    value = slope = 0.0
    for d, share in apart:
        part = d / max(1 + multiplier * d, 1e-150)
        value += share * part
        slope += share * part * part
    return value, slope


def _with_rest(apart: list[tuple[float, float]], multiplier: float, outermost: float) -> float:
    """Return the variance where what is missing of all chances is on the outermost value."""
    chances = [(d, share / (1 + multiplier * d)) for d, share in apart if 1 + multiplier * d > 1e-12]
    rest = max(0.0, 1 - sum(chance for _, chance in chances))
    return sum(chance * d * d for d, chance in chances) + rest * outermost**2


# --- sign flips ---------------------------------------------------------------------------------------------------


def exact_flips(differences: Array) -> float:
    """Return the two-sided p of the sum of whole differences over all ways to flip their signs; 1 where it is 0.

    differences: in -2..2. With the twos' share of the sum given, that of the ones is a binomial tail.
    """
    ones, twos = (int((np.abs(differences) == size).sum()) for size in (1, 2))
    reached = abs(int(differences.sum()))
    if not reached:
        return 1.0
    heads = np.arange(twos + 1)
    # Ones that must fall on one side so that the sum is as far out there, for each number of twos that do.
    needed = np.ceil((reached - 2 * (2 * heads - twos) + ones) / 2)
    tails = np.where(needed <= 0, 1.0, special.bdtrc(np.clip(needed - 1, 0, ones), ones, 0.5))
    return min(1.0, 2 * float(_binomial(twos) @ np.where(needed > ones, 0.0, tails)))


def _binomial(count: int) -> Array:
    """Return the chances of 0..count heads of a fair coin."""
    k = np.arange(count + 1)
    logs = special.gammaln(count + 1) - special.gammaln(k + 1) - special.gammaln(count - k + 1) - count * math.log(2)
    return np.asarray(np.exp(logs))


def flips(differences: Array, clusters: Clusters = None, *, seed: int = 0) -> float:
    """Return the two-sided p of sign flips: exact of questions that stand for themselves, drawn of whole clusters."""
    if clusters is None:
        return exact_flips(differences)
    _, inverse = np.unique(clusters, return_inverse=True)
    sums = np.bincount(inverse, weights=differences)
    sums = sums[sums != 0]
    if not len(sums):
        return 1.0
    reached, rng, beyond = abs(float(sums.sum())) - 1e-9, np.random.default_rng(seed), 0
    for _ in range(10):
        signs = rng.integers(0, 2, size=(FLIPS // 10, len(sums))) * 2 - 1
        beyond += int((np.abs(signs @ sums) >= reached).sum())
    return (beyond + 1) / (FLIPS + 1)  # what was seen is one of the ways (Phipson & Smyth 2010)
