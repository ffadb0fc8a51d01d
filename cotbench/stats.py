"""Estimates from numbers alone: intervals, tests, corrections and power. No records, no files, no printing.

Differences are arrays of -1, 0 and 1, one per question: right under a mode minus right under its baseline. Clusters are
integer codes, one per question; questions of one cluster share something (a passage, a subject), so they are not
independent. None where each question stands for itself.

    one proportion       Wilson's score interval
    paired difference    Tango's score interval (1998); where questions are clustered, the t interval below
    any clustered mean   the sandwich estimator over cluster sums with the CR2 correction of Bell and McCaffrey (2002) and their degrees
                         of freedom: with few or unequal clusters the usual one is too narrow (Cameron & Miller 2015)
    two arms             the difference of two such means, whose clusters may overlap (a subject has questions of both)
    share of gain        a ratio of sums, by a bootstrap that draws whole clusters
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

CONFIDENCE = 0.95
POWER = 0.80
DRAWS = 4_000  # of a bootstrap: the ends of a 95% interval are then known to about a tenth of its width
# Of scipy only the special functions: scipy.stats takes a second to import.
_Z = float(special.ndtri((1 + CONFIDENCE) / 2))

Array = np.ndarray[Any, Any]
Clusters = Array | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its interval. se: standard error, None where one question or one cluster can't tell. df: of t, None for a score interval.

    p: two-sided, of the value being 0; None where it can't be had. clusters: how many, None where questions stand for themselves.
    """

    value: float
    low: float
    high: float
    se: float | None = None
    df: float | None = None
    p: float | None = None
    clusters: int | None = None


# --- proportions --------------------------------------------------------------------------------------------------


def wilson(correct: int, n: int) -> tuple[float, float]:
    """The Wilson score interval of a proportion."""
    centre = (correct + _Z**2 / 2) / (n + _Z**2)
    reach = _Z / (n + _Z**2) * math.sqrt(correct * (n - correct) / n + _Z**2 / 4)
    return (0.0 if correct == 0 else centre - reach), (1.0 if correct == n else centre + reach)


def mcnemar_exact(helped: int, hurt: int) -> float:
    """Two-sided exact McNemar p: a binomial test on the discordant pairs, twice the smaller tail; 1 where there are none."""
    return min(1.0, 2 * float(special.bdtr(min(helped, hurt), helped + hurt, 0.5)))


def tango(helped: int, hurt: int, n: int) -> tuple[float, float]:
    """The score interval of a paired difference (Tango 1998, Statistics in Medicine 17:891).

    It inverts the score test whose value at 0 is McNemar's, so it holds 0 exactly where McNemar's asymptotic test doesn't reject;
    it is never empty, and with no discordant pairs it still has a width.
    """
    difference = (helped - hurt) / n

    def score(delta: float) -> float:
        # The restricted maximum-likelihood estimate of P(hurt), given that P(helped) - P(hurt) = delta.
        a = 2.0 * n
        b = -helped - hurt + (2 * n - helped + hurt) * delta
        c = -hurt * delta * (1 - delta)
        q = max(0.0, (math.sqrt(max(0.0, b * b - 4 * a * c)) - b) / (2 * a))
        variance = n * (2 * q + delta * (1 - delta))
        distance = helped - hurt - n * delta
        return (
            distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance) if distance else 0.0
        )

    def end(side: int) -> float:
        """Where the score falls to the critical value, between the difference and -1 or 1; it is monotone there."""
        inside, outside = difference, float(side)
        if side * score(outside * (1 - 1e-12)) > -_Z:
            return outside
        while abs(outside - inside) > 1e-10:
            middle = (inside + outside) / 2
            if side * score(middle) > -_Z:
                inside = middle
            else:
                outside = middle
        return (inside + outside) / 2

    return end(-1), end(1)


# --- means of clustered numbers -----------------------------------------------------------------------------------


def codes(clusters: Sequence[str]) -> Clusters:
    """Integer codes of cluster names; a question without a name ("") is a cluster of its own. None where none has one."""
    if not any(clusters):
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name or f"\x00{at}", len(numbers)) for at, name in enumerate(clusters)])


def mean(values: Array, clusters: Clusters = None, *, bound: float = math.inf) -> Estimate:
    """The mean of some numbers with a t interval, cut at -bound and bound; ValueError where there are none."""
    n = len(values)
    if n == 0:
        raise ValueError("there is nothing to average")
    value = float(values.mean())
    if clusters is None:
        variance, df = (float(values.var(ddof=1)) / n, n - 1.0) if n > 1 else (math.nan, 0.0)
        return _t(value, variance, df, None, bound)
    _, inverse = np.unique(clusters, return_inverse=True)
    arm = _Arm(values, inverse, int(inverse.max()) + 1)
    return _t(value, *_combine([arm]), arm.clusters, bound)


def contrast(first: Array, second: Array, clusters: tuple[Array, Array] | None = None) -> Estimate:
    """The mean of `first` minus that of `second`, e.g. a difference in differences: Welch's t, or clustered over both arms."""
    if not len(first) or not len(second):
        raise ValueError("one arm is empty")
    value = float(first.mean() - second.mean())
    reach = 2.0
    if clusters is None:
        if len(first) < 2 or len(second) < 2:
            return _t(value, math.nan, 0.0, None, reach)
        parts = [float(arm.var(ddof=1)) / len(arm) for arm in (first, second)]
        variance = sum(parts)
        spread = parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1)
        return _t(value, variance, variance**2 / spread if spread else 1.0, None, reach)
    _, inverse = np.unique(np.concatenate(clusters), return_inverse=True)
    count = int(inverse.max()) + 1
    arms = [_Arm(first, inverse[: len(first)], count), _Arm(second, inverse[len(first) :], count)]
    return _t(value, *_combine(arms), count, reach)


class _Arm:
    """What the sandwich of one mean needs, by cluster: the corrected sum of residuals over n, and the weights of the degrees of freedom.

    A mean is a regression on a constant, for which CR2's matrix (I - H)^(-1/2) acts on a cluster's sum as 1 / sqrt(1 - share).
    """

    def __init__(self, values: Array, inverse: Array, clusters: int) -> None:
        n = len(values)
        sizes = np.bincount(inverse, minlength=clusters).astype(float)
        sums = np.bincount(inverse, weights=values - values.mean(), minlength=clusters)
        rest = 1 - sizes / n
        self.alone = bool((rest <= 0).any())  # one cluster holds the whole arm: nothing tells how clusters differ
        scale = 1 / np.sqrt(np.where(rest > 0, rest, 1.0))
        self.n, self.clusters, self.sizes = n, clusters, sizes
        self.influence = scale * sums / n
        self.u = scale * sizes / n**1.5


def _combine(arms: Sequence[_Arm]) -> tuple[float, float]:
    """Variance and degrees of freedom of the (difference of the) arms' means; nan where an arm is one cluster."""
    if any(arm.alone for arm in arms):
        return math.nan, 0.0
    signs = (1, -1)
    influence = sum(sign * arm.influence for sign, arm in zip(signs, arms, strict=False))
    variance = float(np.sum(np.square(influence)))
    # Satterthwaite: (trace M)^2 / trace(M^2), with M the covariance of the corrected cluster sums if questions were independent.
    trace = sum(1 / arm.n for arm in arms)
    diagonal = sum(arm.sizes / arm.n**2 for arm in arms)
    squares = float(np.sum(np.square(diagonal)))
    own = sum(np.square(arm.u) for arm in arms)
    for one in arms:
        for other in arms:
            squares += float(np.sum(one.u * other.u)) ** 2
    squares -= float(np.sum(np.square(own)))
    return variance, trace**2 / squares


def _t(value: float, variance: float, df: float, clusters: int | None, bound: float) -> Estimate:
    if math.isnan(variance):
        return Estimate(value=value, low=-bound, high=bound, clusters=clusters)
    se = math.sqrt(variance)
    if se < 1e-12:
        se = 0.0  # equal cluster means, say thirds: what is left is rounding
    reach = float(special.stdtrit(df, (1 + CONFIDENCE) / 2)) * se
    p = 2 * float(special.stdtr(df, -abs(value) / se)) if se > 0 else None
    return Estimate(
        value=value,
        low=max(-bound, value - reach),
        high=min(bound, value + reach),
        se=se,
        df=df,
        p=p,
        clusters=clusters,
    )


# --- paired differences -------------------------------------------------------------------------------------------


def paired(differences: Array, clusters: Clusters = None) -> Estimate:
    """Mean of paired differences. p is McNemar's exact one, which takes no account of clusters.

    Of unclustered questions a score interval; of clustered ones a t interval, for which Tango's stands in where all differences
    are the same: that doesn't mean that they are known without error. One cluster has no interval: it is (-1, 1).
    """
    n = len(differences)
    helped, hurt = int((differences > 0).sum()), int((differences < 0).sum())
    spread = mean(differences, clusters, bound=1.0)
    low, high, df = spread.low, spread.high, spread.df
    if n > 1 and (clusters is None or spread.se == 0):
        (low, high), df = tango(helped, hurt, n), None
    return Estimate(
        value=spread.value,
        low=low,
        high=high,
        se=spread.se,
        df=df,
        p=mcnemar_exact(helped, hurt),
        clusters=spread.clusters,
    )


def difference_in_differences(first: Array, second: Array, clusters: tuple[Array, Array] | None = None) -> Estimate:
    """Mean difference of one arm minus that of the other. Where an arm is too uniform for t, its own interval is used (MOVER: Zou & Donner 2008)."""
    estimate = contrast(first, second, clusters)
    arms = [paired(arm, None if clusters is None else clusters[at]) for at, arm in enumerate((first, second))]
    if estimate.se and all(arm.se for arm in arms):
        return estimate
    one, other = arms
    low = estimate.value - math.hypot(one.value - one.low, other.high - other.value)
    high = estimate.value + math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value=estimate.value, low=max(-2.0, low), high=min(2.0, high), clusters=estimate.clusters)


def ratio(parts: Array, wholes: Array, clusters: Clusters = None) -> Estimate:
    """The sum of `parts` over the sum of `wholes`, by linearisation (the delta method)."""
    value = float(parts.sum() / wholes.sum())
    spread = mean((parts - value * wholes) / wholes.mean(), clusters)
    return Estimate(
        value=value,
        low=value + spread.low,
        high=value + spread.high,
        se=spread.se,
        df=spread.df,
        clusters=spread.clusters,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of a total gain that falls on one arm. low and high are None where the total may be 0, so that no share means anything; unclear says so."""

    value: float | None
    low: float | None
    high: float | None
    unclear: str = ""


def share_of_gain(differences: Array, inside: Array, clusters: Clusters = None, *, seed: int = 0) -> Share:
    """What share of the sum of differences falls on the questions that are inside; above 1 where the others lose.

    The bootstrap draws clusters (or questions) jointly for both arms. Draws are of counts of equal clusters, which is the same thing faster.
    """
    total = int(differences.sum())
    if clusters is None:
        rows = np.column_stack([differences * inside, differences])
    else:
        _, inverse = np.unique(clusters, return_inverse=True)
        rows = np.column_stack(
            [np.bincount(inverse, weights=differences * inside), np.bincount(inverse, weights=differences)]
        )
    kinds, counts = np.unique(rows, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(rows), counts / len(rows), size=DRAWS) @ kinds
    sign = 1 if total >= 0 else -1
    lost = float((sign * drawn[:, 1] <= 0).mean())
    value = float(differences[inside].sum()) / total if total else None
    if total and len(rows) < 2:
        return Share(value=value, low=None, high=None, unclear="one cluster can't tell how far the share may vary")
    if lost > (1 - CONFIDENCE) / 2:
        return Share(
            value=value, low=None, high=None, unclear="the total is too near zero for a share to mean anything"
        )
    shares = drawn[:, 0][sign * drawn[:, 1] > 0] / drawn[:, 1][sign * drawn[:, 1] > 0]
    low, high = np.quantile(shares, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Share(value=value, low=float(low), high=float(high))


# --- many tests, power, agreement -----------------------------------------------------------------------------------


def bonferroni(p: Sequence[float]) -> list[float]:
    return [min(1.0, value * len(p)) for value in p]


def holm(p: Sequence[float]) -> list[float]:
    """Holm's step-down adjustment: as safe as Bonferroni's, never larger."""
    adjusted, worst = [0.0] * len(p), 0.0
    for place, at in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        worst = max(worst, min(1.0, (len(p) - place) * p[at]))
        adjusted[at] = worst
    return adjusted


def detectable(se: float) -> float:
    """The smallest true difference that a two-sided 5% test finds with 80% power, given its standard error."""
    return (_Z + float(special.ndtri(POWER))) * se


def questions_for(effect: float, se: float, n: int) -> int:
    """How many questions like these n it takes to find an effect with 80% power; clusters are taken to grow with them."""
    return math.ceil(n * (detectable(se) / effect) ** 2)


def kappa(first: Array, second: Array) -> float | None:
    """Cohen's kappa of two yes-or-no ratings; None where chance alone explains any agreement (both always say the same)."""
    agreed = float((first == second).mean())
    yes = float(first.mean()), float(second.mean())
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return (agreed - chance) / (1 - chance) if chance < 1 else None
