"""Estimates from numbers alone: intervals, tests, corrections and power. No records, no files, no printing.

Differences are arrays of -1, 0 and 1, one per question: right under a mode minus right under its baseline. Clusters are
integer codes, one per question; questions of one cluster share something (a passage, a subject), so they are not
independent. None where each question stands for itself.

    one proportion       Wilson's score interval
    paired difference    Tango's score interval (1998); where questions are clustered, the t interval below
    any clustered mean   the sandwich estimator over cluster sums with the CR2 correction of Bell and McCaffrey (2002)
                         and the degrees of freedom of Imbens and Kolesar (2016): with few or unequal clusters the
                         usual one is too narrow (Cameron & Miller 2015)
    two arms             the difference of two such means, whose clusters may overlap (a subject has questions of both)
    share of gain        a ratio of sums, by a bootstrap that draws whole clusters, and Fieller's interval
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import special

CONFIDENCE = 0.95
POWER = 0.80
FEW_CLUSTERS = 200  # with more, t is as good as normal, and no degrees of freedom need be worked out
DRAWS = 4_000  # of a bootstrap: the ends of a 95% interval are then known to about a tenth of its width
# Of scipy only the special functions: scipy.stats takes a second to import.
_Z = float(special.ndtri((1 + CONFIDENCE) / 2))

Array = np.ndarray[Any, Any]
Clusters = Array | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95% interval.

    se: standard error, None where one question or one cluster can't tell. df: of t, None for a score interval.
    p: two-sided, of the value being 0; None where it can't be had. clusters: how many, None where questions stand for
    themselves.
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
    """Return the ends of Wilson's score interval of a proportion."""
    centre = (correct + _Z**2 / 2) / (n + _Z**2)
    reach = _Z / (n + _Z**2) * math.sqrt(correct * (n - correct) / n + _Z**2 / 4)
    return (0.0 if correct == 0 else centre - reach), (1.0 if correct == n else centre + reach)


def mcnemar_exact(helped: int, hurt: int) -> float:
    """Return the two-sided exact McNemar p: a binomial test on the discordant pairs, twice the smaller tail.

    It is 1 where there are no such pairs.
    """
    return min(1.0, 2 * float(special.bdtr(min(helped, hurt), helped + hurt, 0.5)))


def tango(helped: int, hurt: int, n: int) -> tuple[float, float]:
    """Return the ends of the score interval of a paired difference (Tango 1998, Statistics in Medicine 17:891).

    It inverts the score test whose value at 0 is McNemar's, so it holds 0 exactly where McNemar's asymptotic test
    doesn't reject; it is never empty, and with no discordant pairs it still has a width.
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
        if variance > 0:
            return distance / math.sqrt(variance)
        return math.copysign(math.inf, distance) if distance else 0.0

    def end(side: int) -> float:
        """Find where the score falls to the critical value, from the difference to -1 or 1; it is monotone there."""
        inside, outside = difference, float(side)
        if side * score(outside * (1 - 1e-12)) > -_Z:
            return outside
        while abs(outside - inside) > 1e-10:
            middle = (inside + outside) / 2
            inside, outside = (middle, outside) if side * score(middle) > -_Z else (inside, middle)
        return (inside + outside) / 2

    return end(-1), end(1)


# --- means of clustered numbers -----------------------------------------------------------------------------------


def codes(clusters: Sequence[str]) -> Clusters:
    """Return integer codes of cluster names, None where no question has one.

    A question without a name ("") is a cluster of its own.
    """
    if not any(clusters):
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name or f"\x00{place}", len(numbers)) for place, name in enumerate(clusters)])


def mean(values: Array, clusters: Clusters = None, *, bound: float = math.inf) -> Estimate:
    """Return the mean of some numbers with a t interval, cut at -bound and bound. ValueError where there are none."""
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
    """Return the mean of `first` minus that of `second`, as a difference in differences is, with a t interval.

    It is Welch's, or clustered over both arms. ValueError where an arm is empty.
    """
    if not len(first) or not len(second):
        raise ValueError("one arm is empty")
    value, reach = float(first.mean() - second.mean()), 2.0
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
    """What the sandwich of one mean needs, by cluster: sizes, sums of residuals, and what CR2 corrects these by.

    A mean is a regression on a constant, for which CR2's matrix (I - H)^(-1/2) acts on a cluster's sum as
    1 / sqrt(1 - share).
    """

    def __init__(self, values: Array, inverse: Array, clusters: int) -> None:
        self.n, self.clusters = len(values), clusters
        residuals = values - values.mean()
        self.sizes = np.bincount(inverse, minlength=clusters).astype(float)
        self.sums = np.bincount(inverse, weights=residuals, minlength=clusters)
        self.squares = float(residuals @ residuals)
        rest = 1 - self.sizes / self.n
        self.alone = bool((rest <= 0).any())  # one cluster holds the whole arm: nothing tells how clusters differ
        self.scale = 1 / np.sqrt(np.where(rest > 0, rest, 1.0))
        self.influence = self.scale * self.sums / self.n


def _combine(arms: Sequence[_Arm]) -> tuple[float, float]:
    """Return variance and degrees of freedom of an arm's mean, or of two arms' difference; nan for a single cluster."""
    if any(arm.alone for arm in arms):
        return math.nan, 0.0
    influence = sum(sign * arm.influence for sign, arm in zip((1, -1), arms, strict=False))
    variance = float(np.sum(np.square(influence)))
    return variance, _satterthwaite(arms) if arms[0].clusters <= FEW_CLUSTERS else arms[0].clusters - 1.0


def _satterthwaite(arms: Sequence[_Arm]) -> float:
    """Return the degrees of freedom (trace M)^2 / trace(M^2), with M the covariance of the corrected cluster sums.

    With e the questions' errors, M = A' E[e e'] A, where column c of A holds what each error adds to cluster c's
    corrected sum. Bell and McCaffrey take E[e e'] for the identity, so questions for independent, which is too many
    degrees of freedom where clusters differ and are of unequal size. Imbens and Kolesar (2016) have `within` for two
    questions of a cluster, and `within + apart` for a question and itself, as large as the residuals say.
    """
    sizes, sums = sum(arm.sizes for arm in arms), sum(arm.sums for arm in arms)
    total, squares = float(np.sum(sizes)), sum(arm.squares for arm in arms)
    pairs = float(np.sum(sizes * (np.asarray(sizes) - 1)))
    within = max(0.0, (float(np.sum(np.square(sums))) - squares) / pairs) if pairs else 0.0
    apart = max(0.0, squares / total - within)
    if not within and not apart:
        apart = 1.0  # no residuals at all: any value gives the same degrees of freedom
    covariance: Any = 0.0
    maps = [
        sign * (arm.scale / arm.n)[:, None] * (np.eye(arm.clusters) - (arm.sizes / arm.n)[:, None])
        for sign, arm in zip((1, -1), arms, strict=False)
    ]
    for one, first in zip(arms, maps, strict=True):
        for other, second in zip(arms, maps, strict=True):
            # A cluster's sums in two arms share its effect; questions of their own they share within an arm only.
            shared = within * one.sizes * other.sizes + (apart * one.sizes if one is other else 0.0)
            covariance = covariance + (first * shared) @ second.T
    spread = float(np.sum(np.square(covariance)))
    # Nothing left where arms move together, cluster by cluster: then the estimate has no variance either.
    return float(np.trace(covariance)) ** 2 / spread if spread > 0 else arms[0].clusters - 1.0


def _t(value: float, variance: float, df: float, clusters: int | None, bound: float) -> Estimate:
    if math.isnan(variance):
        return Estimate(value=value, low=-bound, high=bound, clusters=clusters)
    se = math.sqrt(variance)
    se = se if se >= 1e-12 else 0.0  # equal cluster means, say thirds: what is left is rounding
    reach = float(special.stdtrit(df, (1 + CONFIDENCE) / 2)) * se
    p = 2 * float(special.stdtr(df, -abs(value) / se)) if se > 0 else None
    low, high = max(-bound, value - reach), min(bound, value + reach)
    return Estimate(value=value, low=low, high=high, se=se, df=df, p=p, clusters=clusters)


# --- paired differences -------------------------------------------------------------------------------------------


def paired(differences: Array, clusters: Clusters = None) -> Estimate:
    """Return the mean of paired differences. p is McNemar's exact one, which takes no account of clusters.

    Unclustered questions have a score interval; clustered ones a t interval, for which Tango's stands in where all
    differences are the same: that doesn't mean that they are known without error. One cluster has no interval: it is
    (-1, 1).
    """
    n = len(differences)
    helped, hurt = int((differences > 0).sum()), int((differences < 0).sum())
    spread = mean(differences, clusters, bound=1.0)
    low, high, df = spread.low, spread.high, spread.df
    if n > 1 and (clusters is None or spread.se == 0):
        (low, high), df = tango(helped, hurt, n), None
    return replace(spread, low=low, high=high, df=df, p=mcnemar_exact(helped, hurt))


def difference_in_differences(first: Array, second: Array, clusters: tuple[Array, Array] | None = None) -> Estimate:
    """Return the mean difference of one arm minus that of the other.

    Where an arm is too uniform for t, its own interval is used (MOVER: Zou & Donner 2008).
    """
    estimate = contrast(first, second, clusters)
    one, other = (paired(*arm) for arm in zip((first, second), clusters or (None, None), strict=True))
    if estimate.se and one.se and other.se:
        return estimate
    low = estimate.value - math.hypot(one.value - one.low, other.high - other.value)
    high = estimate.value + math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value=estimate.value, low=max(-2.0, low), high=min(2.0, high), clusters=estimate.clusters)


def ratio(parts: Array, wholes: Array, clusters: Clusters = None) -> Estimate:
    """Return the sum of `parts` over the sum of `wholes`, by linearisation (the delta method)."""
    value = float(parts.sum() / wholes.sum())
    spread = mean((parts - value * wholes) / wholes.mean(), clusters)
    return replace(spread, value=value, low=value + spread.low, high=value + spread.high, p=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """The share of a total gain that falls on one arm.

    low and high are None where the total may be 0, so that no share means anything; `unclear` says so.
    """

    value: float | None
    low: float | None
    high: float | None
    unclear: str = ""


def share_of_gain(differences: Array, inside: Array, clusters: Clusters = None, *, seed: int = 0) -> Share:
    """Return what share of the sum of differences falls on the questions inside; it is above 1 where the others lose.

    The bootstrap draws clusters (or questions) jointly for both arms; its draws are of counts of equal clusters, which
    is the same thing faster. An arm with hardly a change has none in many draws, and then the bootstrap is far too
    sure, so the interval also holds Fieller's.
    """
    total = float(differences.sum())
    sums = [differences * inside, differences]
    if clusters is not None:
        _, inverse = np.unique(clusters, return_inverse=True)
        sums = [np.bincount(inverse, weights=values) for values in sums]
    rows = np.column_stack(sums)
    value = float(differences[inside].sum()) / total if total else None
    if value is not None and len(rows) < 2:
        return Share(value=value, low=None, high=None, unclear="one cluster can't tell how far the share may vary")
    kinds, counts = _kinds(rows)
    drawn = np.random.default_rng(seed).multinomial(len(rows), counts / len(rows), size=DRAWS) @ kinds
    sign = 1 if total >= 0 else -1
    alike = sign * drawn[:, 1] > 0
    fieller = None
    if value is not None and clusters is None:
        fieller = _fieller(differences, inside)
    elif value is not None:
        fieller = _fieller_clustered(differences, inside, inverse)
    if fieller is None or float((~alike).mean()) > (1 - CONFIDENCE) / 2:
        unclear = "the total is too near zero for a share to mean anything"
        return Share(value=value, low=None, high=None, unclear=unclear)
    low, high = np.quantile(drawn[alike, 0] / drawn[alike, 1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Share(value=value, low=min(float(low), fieller[0]), high=max(float(high), fieller[1]))


def _kinds(rows: Array) -> tuple[Array, Array]:
    """Return the different rows of two whole numbers, and how many there are of each."""
    low = rows.min(axis=0)
    width = int(rows[:, 1].max() - low[1]) + 1
    codes, counts = np.unique(((rows - low) @ [width, 1]).astype(np.int64), return_counts=True)
    return np.column_stack([codes // width, codes % width]) + low, counts


def _fieller(differences: Array, inside: Array) -> tuple[float, float] | None:
    """Return the ends of the shares s for which the interval of (1 - s) gain inside - s gain outside holds 0.

    None where they have no end: the total may be 0.
    The interval is put together from both arms' own (MOVER), which have a width where an arm has no change at all.
    """
    arms = []
    for arm in (differences[inside], differences[~inside]):
        own = paired(arm) if len(arm) else Estimate(value=0.0, low=0.0, high=0.0)
        arms.append((own.value * len(arm), own.low * len(arm), own.high * len(arm)))

    def holds(share: float) -> bool:
        centre = below = above = 0.0
        for factor, (value, low, high) in zip((1 - share, -share), arms, strict=True):
            centre += factor * value
            reach = sorted((factor * low, factor * high))
            below += (factor * value - reach[0]) ** 2
            above += (reach[1] - factor * value) ** 2
        return centre - math.sqrt(below) <= 0 <= centre + math.sqrt(above)

    value = arms[0][0] / (arms[0][0] + arms[1][0])
    if holds(1e9) or holds(-1e9):
        return None

    def end(side: int) -> float:
        near, far = 0.0, 1.0
        while holds(value + side * far):
            far *= 2
        for _ in range(50):
            middle = (near + far) / 2
            near, far = (middle, far) if holds(value + side * middle) else (near, middle)
        return value + side * near

    return end(-1), end(1)


def _fieller_clustered(differences: Array, inside: Array, inverse: Array) -> tuple[float, float] | None:
    """Return the ends of Fieller's interval from the sandwich of both sums, where it is a quadratic inequality."""
    count = int(inverse.max()) + 1
    part, whole = _Arm(differences * inside, inverse, count), _Arm(differences, inverse, count)
    _, df = _combine([whole])
    a, b = float((differences * inside).mean()), float(differences.mean())
    t = float(special.stdtrit(df, (1 + CONFIDENCE) / 2))
    var_a, var_b = t**2 * float(part.influence @ part.influence), t**2 * float(whole.influence @ whole.influence)
    both = t**2 * float(part.influence @ whole.influence)
    square, middle = b**2 - var_b, a * b - both
    if square <= 0:
        return None
    reach = math.sqrt(max(0.0, middle**2 - square * (a**2 - var_a)))
    return (middle - reach) / square, (middle + reach) / square


# --- many tests, power, agreement -----------------------------------------------------------------------------------


def bonferroni(p: Sequence[float]) -> list[float]:
    """Return each p times the number of tests, at most 1."""
    return [min(1.0, value * len(p)) for value in p]


def holm(p: Sequence[float]) -> list[float]:
    """Return p after Holm's step-down adjustment: as safe as Bonferroni's, never larger."""
    adjusted, worst = [0.0] * len(p), 0.0
    for rank, test in enumerate(sorted(range(len(p)), key=p.__getitem__)):
        worst = max(worst, min(1.0, (len(p) - rank) * p[test]))
        adjusted[test] = worst
    return adjusted


def detectable(se: float) -> float:
    """Return the smallest true difference that a two-sided 5% test finds with 80% power, given its standard error."""
    return (_Z + float(special.ndtri(POWER))) * se


def questions_for(effect: float, se: float, n: int) -> int:
    """Return how many questions like these n find an effect with 80% power; clusters are taken to grow with them."""
    return math.ceil(n * (detectable(se) / effect) ** 2)


def least_pairs(margin: float) -> int:
    """Return how many pairs it takes to show that one of two isn't worse by a margin, where no pair differs at all.

    Tango's interval of n pairs that all agree begins at -z^2 / (n + z^2); with fewer, no data could show it.
    """
    return math.floor(_Z**2 * (1 - margin) / margin) + 1


def kappa(first: Array, second: Array) -> float | None:
    """Return Cohen's kappa of two yes-or-no ratings.

    None where chance alone explains any agreement, since both always say the same.
    """
    agreed = float((first == second).mean())
    yes = float(first.mean()), float(second.mean())
    chance = yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1])
    return (agreed - chance) / (1 - chance) if chance < 1 else None
