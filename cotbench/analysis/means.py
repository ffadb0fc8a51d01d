"""Means of scores in 0..1, and of their paired differences: intervals and tests from numbers alone.

A score is 0 or 1 on most questions and something between on the rest, as F1 of words is, so neither a proportion's
interval nor McNemar's test fits, and t alone is too narrow where nearly all scores are the same (it holds the truth in
73% of draws of 30 where scores are 0.97 on average).

    mean score           Wilson's score interval of as many questions as would have the same standard error (Korn and
                         Graubard 1998, Survey Methodology 24:193), for which a 0 and a 1 are added to the scores: 30
                         scores of which none is 0 don't say that none can be
    paired difference    the paired t interval and test of `stats.mean`, clustered by CR2 and within strata. Where
                         scores change on fewer than LEAST questions t doesn't hold: then the score interval of
                         `bounded.py`, and sign flips (Fisher 1935), which are exact
    the same, drawn      the percentile interval of a bootstrap of questions, or of whole clusters, within strata
                         (Efron and Tibshirani 1993, chapters 13 and 16); its p is that of the shifted draws. BCa was
                         tried: where few scores change it holds the truth less often
    two sides of a tag   the difference of two such means with the covariance of clusters that have questions on both,
                         by `stats.contrast`; where an unclustered side has too few changes, MOVER of both (Zou and
                         Donner 2008)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from cotbench.analysis import bounded, stats
from cotbench.analysis.stats import CONFIDENCE, DRAWS, Array, Clusters, Estimate, Strata

LEAST = 15  # questions whose score changes, from which on t holds
_Z = float(special.ndtri((1 + CONFIDENCE) / 2))
_ALIKE = 12  # decimals to which values are the same: sums of scores are rounded in the last ones
_BLOCK = 4_000_000  # numbers drawn at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """What a bootstrap says of a value: its interval, and the two-sided p of the value being 0. None: it says nothing,
    of a single question or cluster."""

    low: float | None = None
    high: float | None = None
    p: float | None = None


# --- one mean -----------------------------------------------------------------------------------------------------


def mean_score(scores: Array, clusters: Clusters = None, strata: Strata = None) -> Estimate:
    """Return the mean of scores in 0..1. ValueError where there are none.

    The interval takes how strata differ for chance, as that of a proportion does (`stats.proportion`). Clusters can
    make it wider than that of as many independent questions, never narrower. One cluster has none: it is (0, 1).
    """
    n = len(scores)
    spread = stats.mean(scores, clusters, strata, bound=1.0)
    if clusters is not None and spread.se is None:
        low, high = (0.0, 1.0) if n > 1 else stats.wilson(spread.value, 1)
        return replace(spread, low=low, high=high, p=None)
    added = np.concatenate([scores, [0.0, 1.0]])
    least = float(added.mean() * (1 - added.mean()) / added.var())  # questions that one of these is worth
    like, z = least * n, _Z
    if clusters is not None and spread.se and spread.df and n > 1:
        like /= max(1.0, spread.se**2 * n / float(scores.var(ddof=1)) if scores.var() > 0 else 1.0)
        z = float(special.stdtrit(spread.df, (1 + CONFIDENCE) / 2))
    low, high = stats.wilson(spread.value * like, like, z)
    return replace(spread, low=max(0.0, low), high=min(1.0, high), df=None, p=None)


# --- paired differences -------------------------------------------------------------------------------------------


def paired(differences: Array, clusters: Clusters = None, strata: Strata = None) -> Estimate:
    """Return the mean of paired differences of scores, in -1..1. ValueError where there are none.

    df says which interval it is: of t where it is a number, else the score interval. One question or cluster has none:
    it is (-1, 1).
    """
    spread = stats.mean(differences, clusters, strata, bound=1.0)
    changed = int(np.count_nonzero(differences))
    if len(differences) < 2 or (clusters is not None and spread.se != 0) or (spread.se and changed >= LEAST):
        return spread
    counts = Counter(np.round(differences, _ALIKE).tolist())
    low, high = bounded.score_interval(counts, 1)
    return replace(spread, low=low, high=high, df=None, p=sign_flips(differences, clusters))


def sign_flips(differences: Array, clusters: Clusters = None) -> float:
    """Return the two-sided p of a sum over all ways to flip the signs of its parts; 1 where all are 0.

    It is exact where parts are few or alike, else from drawn flips, of whole clusters.
    """
    parts = differences[differences != 0]
    size = abs(float(parts.sum()))
    if not len(parts):
        return 1.0
    if len(np.unique(np.round(np.abs(parts), _ALIKE))) == 1:
        reached = round(size / abs(float(parts[0])))
        return stats.mcnemar_exact((len(parts) - reached) // 2, (len(parts) + reached) // 2)
    if len(parts) > LEAST:
        return bounded.flips(differences, np.arange(len(differences)) if clusters is None else clusters)
    sums = np.zeros(1)
    for part in parts:
        sums = np.concatenate([sums + part, sums - part])
    return float((np.abs(sums) >= size - 1e-9).mean())


def difference_in_differences(
    first: Array,
    second: Array,
    clusters: tuple[Array, Array] | None = None,
    strata: tuple[Array, Array] | None = None,
) -> Estimate:
    """Return the mean difference of one side minus that of the other. ValueError where a side is empty."""
    estimate = stats.contrast(first, second, clusters, strata)
    none = (None, None)
    sides = [paired(*side) for side in zip((first, second), clusters or none, strata or none, strict=True)]
    if all(side.se and side.df for side in sides):
        return estimate
    one, other = sides
    low = estimate.value - math.hypot(one.value - one.low, other.high - other.value)
    high = estimate.value + math.hypot(one.high - one.value, other.value - other.low)
    return replace(estimate, low=max(-2.0, low), high=min(2.0, high), se=None, df=None, p=None)


# --- bootstrap ----------------------------------------------------------------------------------------------------


def drawn(differences: Array, clusters: Clusters = None, strata: Strata = None, *, seed: int = 0) -> Drawn:
    """Return what a bootstrap says of the mean of some differences. Clusters are drawn whole."""
    return _drawn([differences], [clusters], [strata], seed)


def drawn_apart(
    first: Array,
    second: Array,
    clusters: tuple[Array, Array] | None = None,
    strata: tuple[Array, Array] | None = None,
    *,
    seed: int = 0,
) -> Drawn:
    """Return what a bootstrap says of the mean of one side minus that of the other.

    A cluster that has questions on both is drawn with all of them."""
    none = (None, None)
    return _drawn([first, second], clusters or none, strata or none, seed)


def _drawn(sides: Sequence[Array], clusters: Sequence[Clusters], strata: Sequence[Strata], seed: int) -> Drawn:
    """Return what a bootstrap says of a mean, or of the difference of two.

    Rows hold a sum and a count for each side, of a question or of a cluster; a side that is empty in a draw (as a rare
    one may be) says nothing in it, and such draws are left out.
    """
    side = np.repeat(np.arange(len(sides)), [len(one) for one in sides])
    values = np.concatenate(sides)
    rows = np.zeros((len(values), 2 * len(sides)))
    rows[np.arange(len(values)), 2 * side] = values
    rows[np.arange(len(values)), 2 * side + 1] = 1.0
    together = None if clusters[0] is None else np.concatenate([one for one in clusters if one is not None])
    homes = None if strata[0] is None else np.concatenate([one for one in strata if one is not None])
    homes = None if homes is None else stats.collapsed(homes, together)
    if together is not None:
        _, first, inverse = np.unique(together, return_index=True, return_inverse=True)
        rows = np.column_stack([np.bincount(inverse, weights=column) for column in rows.T])
        homes = None if homes is None else homes[first]
    if len(rows) < 2:
        return Drawn()
    sums = _sums(rows, homes, np.random.default_rng(seed))
    signs = np.array([1.0, -1.0])[: len(sides)]
    whole = rows.sum(axis=0)
    value = float(signs @ (whole[::2] / whole[1::2]))
    sums = sums[(sums[:, 1::2] > 0).all(axis=1)]
    if len(sums) < DRAWS / 2:
        return Drawn()
    found = (sums[:, ::2] / sums[:, 1::2]) @ signs
    low, high = np.quantile(found, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    beyond = int((np.abs(found - value) >= abs(value) - 1e-12).sum())
    return Drawn(low=float(low), high=float(high), p=(beyond + 1) / (len(found) + 1))


def _sums(rows: Array, homes: Strata, rng: np.random.Generator) -> Array:
    """Return the sums of rows over the draws of a bootstrap, within each stratum where there are any.

    A stratum of m is drawn from m - 1 times, and what is drawn weighs m / (m - 1) (Rao and Wu 1988, Journal of the
    American Statistical Association 83:231).
    """
    if homes is None or len(np.unique(homes)) < 2:
        return _resampled(rows, len(rows), rng)
    total: Array = np.zeros((DRAWS, rows.shape[1]))
    for home in np.unique(homes):
        own = rows[homes == home]
        total += len(own) / (len(own) - 1) * _resampled(own, len(own) - 1, rng)
    return total


def _resampled(rows: Array, size: int, rng: np.random.Generator) -> Array:
    """Return the sums of so many rows drawn with replacement, DRAWS times: by counts of equal rows where many are."""
    kinds, counts = np.unique(np.round(rows, _ALIKE), axis=0, return_counts=True)
    if len(kinds) == 1:
        return np.broadcast_to(size * kinds[0], (DRAWS, rows.shape[1]))
    if 10 * len(kinds) < len(rows):  # a binomial draw takes as long as ten numbers
        return np.asarray(rng.multinomial(size, counts / len(rows), size=DRAWS) @ kinds)
    out: Array = np.empty((DRAWS, rows.shape[1]))
    step = max(1, _BLOCK // size)
    for start in range(0, DRAWS, step):
        taken = rng.integers(0, len(rows), size=(min(step, DRAWS - start), size), dtype=np.int32)
        for column in range(rows.shape[1]):
            out[start : start + step, column] = rows[taken, column].sum(axis=1)
    return out
