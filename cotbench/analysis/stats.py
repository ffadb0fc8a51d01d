"""Estimates from numbers alone: intervals, tests, corrections and power. No records, no files, no printing.

Differences are arrays of -1, 0 and 1, one per question: right under a mode minus right under its baseline. Clusters and
strata are integer codes, one per question, None where there are none. Questions of one cluster share something (a
passage), so they are not independent, and other clusters might have been drawn. Strata are parts of the whole that are
all there, as the subjects of a benchmark are: chance is in which questions stand for each, and how strata differ from
each other is no error. Each stratum weighs as much as it has questions, so the mean of a sample that is stratified in
proportion is the plain mean.

    one proportion       Wilson's score interval; with clusters see `proportion`
    paired difference    Tango's score interval (1998); with strata see `paired`; where questions are clustered, the t
                         interval below
    any stratified mean  the variance within strata (Cochran 1977, Sampling Techniques, section 5.6); strata of a single
                         question or cluster are taken as one, which can only widen it (collapsed strata: Hansen,
                         Hurwitz and Madow 1953; Cochran 1977, section 5A.12)
    any clustered mean   the sandwich estimator over cluster sums with the CR2 correction of Bell and McCaffrey (2002)
                         and the degrees of freedom of Imbens and Kolesar (2016): with few or unequal clusters the
                         usual one is too narrow (Cameron & Miller 2015)
    two arms             the difference of two such means, whose clusters may overlap (a passage has questions of both)
    share of gain        a ratio of sums, by a bootstrap of whole clusters, within strata, and Fieller's interval
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypedDict

import numpy as np
from scipy import special

CONFIDENCE = 0.95
POWER = 0.80
FEW_CLUSTERS = 200  # with more, t is as good as normal, and no degrees of freedom need be worked out
LARGE_STRATUM = 50  # questions; of smaller ones, score intervals that are put together may be too narrow
DRAWS = 4_000  # of a bootstrap: the ends of a 95% interval are then known to about a tenth of its width
# Of scipy only the special functions: scipy.stats takes a second to import.
_Z = float(special.ndtri((1 + CONFIDENCE) / 2))

Array = np.ndarray[Any, Any]
Clusters = Array | None
Strata = Array | None


class Design(TypedDict):
    """What some questions were drawn by: the last two arguments of the estimates."""

    clusters: Clusters
    strata: Strata


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A value with its 95% interval.

    se: standard error, None where one question or one cluster can't tell. df: of t, None for a score interval.
    p: two-sided, of the value being 0; None where it can't be had. clusters: how many, None where questions stand for
    themselves. strata: how many there are, None where there are none.
    """

    value: float
    low: float
    high: float
    se: float | None = None
    df: float | None = None
    p: float | None = None
    clusters: int | None = None
    strata: int | None = None


# --- proportions --------------------------------------------------------------------------------------------------


def wilson(correct: float, n: float, z: float = _Z) -> tuple[float, float]:
    """Return the ends of Wilson's score interval of a proportion."""
    centre = (correct + z**2 / 2) / (n + z**2)
    reach = z / (n + z**2) * math.sqrt(max(0.0, correct * (n - correct) / n) + z**2 / 4)
    return (0.0 if correct == 0 else centre - reach), (1.0 if correct == n else centre + reach)


def mcnemar_exact(helped: int, hurt: int) -> float:
    """Return the two-sided exact McNemar p: a binomial test on the discordant pairs, twice the smaller tail.

    It is 1 where there are no such pairs.
    """
    return min(1.0, 2 * float(special.bdtr(min(helped, hurt), helped + hurt, 0.5)))


@lru_cache(maxsize=100_000)  # the same strata stand in the differences, the splits and the policies of two arms
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


# --- strata and clusters ------------------------------------------------------------------------------------------


def codes(clusters: Sequence[str]) -> Clusters:
    """Return integer codes of cluster names, None where no question has one.

    A question without a name ("") is a cluster of its own.
    """
    if not any(clusters):
        return None
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name or f"\x00{place}", len(numbers)) for place, name in enumerate(clusters)])


def _numbered(names: Array) -> Array:
    """Return which of the different values of an array each one is, counted from the least, as np.unique does.

    Small whole numbers, as strata and clusters are here, need no sorting; estimates number them thousands of times.
    """
    if names.dtype.kind == "i" and len(names) and names.min() >= 0 and names.max() <= 4 * len(names) + 1_000:
        return np.asarray((np.cumsum(np.bincount(names) > 0) - 1)[names])
    return np.asarray(np.unique(names, return_inverse=True)[1])


def whole_clusters(strata: Array, clusters: Array) -> Array:
    """Return strata of which none holds a part of a cluster: those that share a cluster are taken as one.

    What a passage does to its questions then stays within a stratum, as the sandwich has it.
    """
    codes, cluster = _numbered(strata), _numbered(clusters)
    homes = np.arange(int(codes.max()) + 1)
    while True:  # a stratum goes by the least number that it is joined to
        least = np.full(int(cluster.max()) + 1, len(homes))
        np.minimum.at(least, cluster, homes[codes])
        joined = homes.copy()
        np.minimum.at(joined, codes, least[cluster])
        joined = joined[joined]
        if np.array_equal(joined, homes):
            return np.asarray(homes[codes])
        homes = joined


def collapsed(strata: Array, clusters: Clusters = None, *, least: int = 2) -> Array:
    """Return strata that each hold two questions or more, or two clusters where there are any.

    A single one can't tell how far its stratum varies. All such strata are taken as one (collapsed strata: Hansen,
    Hurwitz and Madow 1953; Cochran 1977, section 5A.12); where that too holds fewer than `least`, the smallest other is
    added to it. How strata differ is then taken for chance, so the variance can only be too large. Which are joined
    depends on sizes alone. least: other than 2 only where there are no clusters.
    """
    codes = _numbered(strata if clusters is None else whole_clusters(strata, clusters))
    if clusters is None:
        counts = np.bincount(codes)
    else:
        _, first = np.unique(clusters, return_index=True)
        counts = np.bincount(codes[first], minlength=int(codes.max()) + 1)
    small = counts < least
    joined = np.where(small, len(counts), np.arange(len(counts)))
    if 0 < counts[small].sum() < least and not small.all():
        joined[small] = np.argmin(np.where(small, np.inf, counts))
    return np.asarray(joined[codes])


def mean(values: Array, clusters: Clusters = None, strata: Strata = None, *, bound: float = math.inf) -> Estimate:
    """Return the mean of some numbers with a t interval, cut at -bound and bound. ValueError where there are none."""
    n = len(values)
    if n == 0:
        raise ValueError("there is nothing to average")
    value = float(values.mean())
    arm = _arms([values], [clusters], [strata])[0]
    variance, df = _combine([arm]) if clusters is not None else arm.independent
    return _t(value, variance, df, (arm.clusters if clusters is not None else None, _count(strata)), bound)


def contrast(
    first: Array,
    second: Array,
    clusters: tuple[Array, Array] | None = None,
    strata: tuple[Array, Array] | None = None,
) -> Estimate:
    """Return the mean of `first` minus that of `second`, as a difference in differences is, with a t interval.

    It is Welch's, or clustered over both arms, and within strata. ValueError where an arm is empty.
    """
    if not len(first) or not len(second):
        raise ValueError("one arm is empty")
    value, reach = float(first.mean() - second.mean()), 2.0
    arms = _arms([first, second], clusters or (None, None), strata or (None, None))
    number = None if strata is None else _count(np.concatenate(strata))
    if clusters is not None:
        return _t(value, *_combine(arms), (arms[0].clusters, number), reach)
    parts = [arm.independent for arm in arms]
    if any(math.isnan(variance) for variance, _ in parts):
        return _t(value, math.nan, 0.0, (None, number), reach)
    variance = sum(part for part, _ in parts)
    spread = sum(part**2 / df for part, df in parts)
    return _t(value, variance, variance**2 / spread if spread else 1.0, (None, number), reach)


def _count(strata: Strata) -> int | None:
    if strata is None:
        return None
    return int(_numbered(strata).max()) + 1 if len(strata) else 0


def _arms(values: Sequence[Array], clusters: Sequence[Clusters], strata: Sequence[Strata]) -> list[_Arm]:
    """Return the arms of an estimate. Clusters have the same number in each, for they may be in several."""
    numbers: list[Array] = [np.arange(len(arm)) for arm in values]
    count = max(map(len, values))
    if clusters[0] is not None:
        inverse = _numbered(np.concatenate([c for c in clusters if c is not None]))
        count, ends = int(inverse.max()) + 1, np.cumsum([len(arm) for arm in values])[:-1]
        numbers = np.split(inverse, ends)
    out = []
    for arm, number, own, parts in zip(values, numbers, clusters, strata, strict=True):
        codes = np.zeros(len(arm), dtype=int)
        if parts is not None and len(arm):
            codes = _numbered(collapsed(parts, own))
        out.append(_Arm(arm, number, count, codes))
    return out


class _Arm:
    """What the sandwich of one mean needs, by cluster: sizes, sums of residuals, and what CR2 corrects these by.

    A mean is a regression on a constant, or on a constant for each stratum, for which CR2's matrix (I - H)^(-1/2) acts
    on a cluster's sum as 1 / sqrt(1 - share of its stratum). strata: numbers from 0, each with whole clusters.
    """

    def __init__(self, values: Array, inverse: Array, clusters: int, strata: Array) -> None:
        self.n, self.clusters = len(values), clusters
        self.strata = np.bincount(strata).astype(float)  # how many questions each has
        self._inverse, self._codes = inverse, strata
        self._residuals = values - (np.bincount(strata, weights=values) / self.strata)[strata]
        # No product of matrices: of long arrays that is several threads at work, for some microseconds of sums.
        self.squares = float(np.square(self._residuals).sum())

    # What follows is worked out where it is asked for: most means are of questions that stand for themselves.

    @cached_property
    def sizes(self) -> Array:
        """How many questions of the arm each cluster has."""
        return np.bincount(self._inverse, minlength=self.clusters).astype(float)

    @cached_property
    def sums(self) -> Array:
        """The sums of residuals by cluster."""
        return np.bincount(self._inverse, weights=self._residuals, minlength=self.clusters)

    @cached_property
    def home(self) -> Array:
        """The stratum of each cluster; that of one that isn't in this arm is of no matter."""
        home = np.zeros(self.clusters, dtype=int)
        home[self._inverse] = self._codes
        return home

    @cached_property
    def shares(self) -> Array:
        """What share of its stratum each cluster is."""
        return np.asarray(self.sizes / self.strata[self.home])

    @property
    def alone(self) -> bool:
        """Whether one cluster holds a whole stratum: then nothing tells how clusters differ."""
        return bool((self.shares >= 1).any())

    @cached_property
    def scale(self) -> Array:
        """What CR2 multiplies a cluster's sum by."""
        rest = 1 - self.shares
        return np.asarray(1 / np.sqrt(np.where(rest > 0, rest, 1.0)))

    @cached_property
    def influence(self) -> Array:
        """What each cluster adds to the mean's error."""
        return np.asarray(self.scale * self.sums / self.n)

    @property
    def together(self) -> Array:
        """Which clusters are of one stratum, for each two."""
        return np.asarray(self.home[:, None] == self.home[None, :])

    @property
    def independent(self) -> tuple[float, float]:
        """Variance and degrees of freedom where questions are independent; nan where a stratum has a single one.

        The degrees of freedom are Satterthwaite's, with the same variance in all strata (Cochran 1977, equation 5.16).
        """
        if (self.strata < 2).any():
            return math.nan, 0.0
        if len(self.strata) == 1:
            return self.squares / (self.n - 1) / self.n, self.n - 1.0
        weights = self.strata / (self.strata - 1)
        squares = np.bincount(self._codes, weights=self._residuals**2)
        return float(weights @ squares) / self.n**2, self.n**2 / float(weights @ self.strata)


def _combine(arms: Sequence[_Arm]) -> tuple[float, float]:
    """Return variance and degrees of freedom of an arm's mean, or of two arms' difference; nan for a single cluster."""
    if any(arm.alone for arm in arms):
        return math.nan, 0.0
    influence = sum(sign * arm.influence for sign, arm in zip((1, -1), arms, strict=False))
    variance = float(np.sum(np.square(influence)))
    if arms[0].clusters <= FEW_CLUSTERS:
        return variance, _satterthwaite(arms)
    return variance, float(arms[0].clusters - max(len(arm.strata) for arm in arms))


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
        sign * (arm.scale / arm.n)[:, None] * (np.eye(arm.clusters) - arm.shares[:, None] * arm.together)
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


def _t(value: float, variance: float, df: float, of: tuple[int | None, int | None], bound: float) -> Estimate:
    """Return a t interval. of: how many clusters and strata."""
    clusters, strata = of
    if math.isnan(variance):
        return Estimate(value=value, low=-bound, high=bound, clusters=clusters, strata=strata)
    se = math.sqrt(variance)
    se = se if se >= 1e-12 else 0.0  # equal cluster means, say thirds: what is left is rounding
    reach = float(special.stdtrit(df, (1 + CONFIDENCE) / 2)) * se
    p = 2 * float(special.stdtr(df, -abs(value) / se)) if se > 0 else None
    low, high = max(-bound, value - reach), min(bound, value + reach)
    return Estimate(value=value, low=low, high=high, se=se, df=df, p=p, clusters=clusters, strata=strata)


# --- paired differences -------------------------------------------------------------------------------------------


def paired(differences: Array, clusters: Clusters = None, strata: Strata = None) -> Estimate:
    """Return the mean of paired differences. p is McNemar's exact one.

    Unclustered questions have a score interval. With strata it is the narrower of two that both hold the truth: Tango's
    of all questions, for which how strata differ is chance, and one put together from Tango's of each stratum (MOVER:
    Zou and Donner 2008), which is too wide where changes are few. For it strata of fewer than LARGE_STRATUM questions
    are taken as one. McNemar's test doesn't know of strata, and at worst rejects too seldom there. Of clusters it
    takes no account at all: they have a t interval, for which Tango's stands in where all differences are the same:
    that doesn't mean that they are known without error. One cluster has no interval: it is (-1, 1).
    """
    n = len(differences)
    helped, hurt = int((differences > 0).sum()), int((differences < 0).sum())
    spread = mean(differences, clusters, strata, bound=1.0)
    low, high, df = spread.low, spread.high, spread.df
    if n > 1 and (clusters is None or spread.se == 0):
        (low, high), df = tango(helped, hurt, n), None
        if clusters is None and strata is not None:
            low, high = min((low, high), _by_stratum(differences, strata), key=lambda ends: ends[1] - ends[0])
    return replace(spread, low=low, high=high, df=df, p=mcnemar_exact(helped, hurt))


def _by_stratum(differences: Array, strata: Array) -> tuple[float, float]:
    """Return the ends of a paired difference over strata, put together from Tango's of each (MOVER, Zou and Donner
    2008)."""
    codes = _numbered(collapsed(strata, least=LARGE_STRATUM))
    sizes, helped, hurt = (np.bincount(codes[mask]) for mask in (differences >= -1, differences > 0, differences < 0))
    below = above = 0.0
    for n, up, down in itertools.zip_longest(sizes.tolist(), helped.tolist(), hurt.tolist(), fillvalue=0):
        low, high = tango(up, down, n)
        below += (up - down - n * low) ** 2
        above += (n * high - up + down) ** 2
    value, n = float(differences.mean()), len(differences)
    return value - math.sqrt(below) / n, value + math.sqrt(above) / n


def proportion(right: Array, clusters: Clusters = None, strata: Strata = None) -> Estimate:
    """Return the share of questions that are right. ValueError where there are none.

    The interval is Wilson's, which takes how strata differ for chance, and so is at worst too wide (one put together
    from Wilson's of each stratum covers 93.6% where strata hold 50 questions). With clusters it is Wilson's of as many
    independent questions as would have the same standard error, at most as many as there are, and of t (Franco, Little,
    Louis and Slud 2019, Journal of Survey Statistics and Methodology 7:334; Korn and Graubard 1998, Survey Methodology
    24:193). One cluster has none: it is (0, 1).
    """
    values, n = right.astype(float), len(right)
    spread = mean(values, clusters, strata, bound=1.0)
    correct = int(values.sum())
    low, high = wilson(correct, n)
    if clusters is not None and spread.se is None:
        low, high = (0.0, 1.0) if n > 1 else (low, high)
    elif clusters is not None and spread.se and spread.df:
        value = correct / n
        like = min(float(n), value * (1 - value) / spread.se**2)
        low, high = wilson(value * like, like, float(special.stdtrit(spread.df, (1 + CONFIDENCE) / 2)))
    return replace(spread, low=low, high=high, df=None, p=None)


def difference_in_differences(
    first: Array,
    second: Array,
    clusters: tuple[Array, Array] | None = None,
    strata: tuple[Array, Array] | None = None,
) -> Estimate:
    """Return the mean difference of one arm minus that of the other.

    Where an arm is too uniform for t, its own interval is used (MOVER: Zou & Donner 2008).
    """
    estimate = contrast(first, second, clusters, strata)
    none = (None, None)
    one, other = (paired(*arm) for arm in zip((first, second), clusters or none, strata or none, strict=True))
    if estimate.se and one.se and other.se:
        return estimate
    low = estimate.value - math.hypot(one.value - one.low, other.high - other.value)
    high = estimate.value + math.hypot(one.high - one.value, other.value - other.low)
    return Estimate(
        value=estimate.value,
        low=max(-2.0, low),
        high=min(2.0, high),
        clusters=estimate.clusters,
        strata=estimate.strata,
    )


def ratio(parts: Array, wholes: Array, clusters: Clusters = None, strata: Strata = None) -> Estimate:
    """Return the sum of `parts` over the sum of `wholes`, by linearisation (the delta method)."""
    value = float(parts.sum() / wholes.sum())
    spread = mean((parts - value * wholes) / wholes.mean(), clusters, strata)
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


def share_of_gain(
    differences: Array, inside: Array, clusters: Clusters = None, strata: Strata = None, *, seed: int = 0
) -> Share:
    """Return what share of the sum of differences falls on the questions inside; it is above 1 where the others lose.

    The bootstrap draws clusters (or questions) jointly for both arms; its draws are of counts of equal clusters, which
    is the same thing faster. Strata are drawn from one by one. An arm with hardly a change has none in many draws, and
    then the bootstrap is far too sure, so the interval also holds Fieller's.
    """
    total = float(differences.sum())
    rows = np.column_stack([differences * inside, differences])
    homes = None if strata is None else collapsed(strata, clusters)
    if clusters is not None:
        _, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
        rows = np.column_stack([np.bincount(inverse, weights=column) for column in rows.T])
        homes = None if homes is None else homes[first]
    value = float(differences[inside].sum()) / total if total else None
    if value is not None and len(rows) < 2:
        return Share(value=value, low=None, high=None, unclear="one cluster can't tell how far the share may vary")
    unclear = "the total is too near zero for a share to mean anything"
    fieller = None
    if value is not None and clusters is None:
        fieller = _fieller(differences, inside, strata)
    elif value is not None:
        fieller = _fieller_clustered(differences, inside, clusters, strata)
    if fieller is None:
        return Share(value=value, low=None, high=None, unclear=unclear)
    drawn = _drawn(rows, homes, np.random.default_rng(seed))
    alike = (1 if total >= 0 else -1) * drawn[:, 1] > 0
    if float((~alike).mean()) > (1 - CONFIDENCE) / 2:
        return Share(value=value, low=None, high=None, unclear=unclear)
    low, high = np.quantile(drawn[alike, 0] / drawn[alike, 1], [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Share(value=value, low=min(float(low), fieller[0]), high=max(float(high), fieller[1]))


def _drawn(rows: Array, homes: Strata, rng: np.random.Generator) -> Array:
    """Return the sums of rows over the draws of a bootstrap, within each stratum where there are any.

    A stratum of m is drawn from m - 1 times, and what is drawn weighs m / (m - 1): else two questions would seem to
    vary by half of what they do (Rao and Wu 1988, Journal of the American Statistical Association 83:231).
    """
    if homes is None or len(np.unique(homes)) < 2:
        kinds, counts = _kinds(rows)
        return np.asarray(rng.multinomial(len(rows), counts / len(rows), size=DRAWS) @ kinds)
    total: Array = np.zeros((DRAWS, 2))
    for home in np.unique(homes):
        own = rows[homes == home]
        kinds, counts = _kinds(own)
        m = len(own)
        if len(kinds) == 1:
            total += own.sum(axis=0)
        else:
            total += m / (m - 1) * (rng.multinomial(m - 1, counts / m, size=DRAWS) @ kinds)
    return total


def _kinds(rows: Array) -> tuple[Array, Array]:
    """Return the different rows of two whole numbers, and how many there are of each."""
    low = rows.min(axis=0)
    width = int(rows[:, 1].max() - low[1]) + 1
    codes, counts = np.unique(((rows - low) @ [width, 1]).astype(np.int64), return_counts=True)
    return np.column_stack([codes // width, codes % width]) + low, counts


def _fieller(differences: Array, inside: Array, strata: Strata = None) -> tuple[float, float] | None:
    """Return the ends of the shares s for which the interval of (1 - s) gain inside - s gain outside holds 0.

    None where they have no end: the total may be 0.
    The interval is put together from both arms' own (MOVER), which have a width where an arm has no change at all.
    """
    arms = []
    for mask in (inside, ~inside):
        arm, parts = differences[mask], None if strata is None else strata[mask]
        own = paired(arm, strata=parts) if len(arm) else Estimate(value=0.0, low=0.0, high=0.0)
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
    return ends_where(holds, value)


def ends_where(holds: Callable[[float], bool], value: float) -> tuple[float, float] | None:
    """Return the ends of the range around a value in which a condition holds; None where it has none that is told."""
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


def _fieller_clustered(
    differences: Array, inside: Array, clusters: Clusters, strata: Strata
) -> tuple[float, float] | None:
    """Return the ends of Fieller's interval from the sandwich of both sums, where it is a quadratic inequality."""
    (part,), (whole,) = (_arms([values], [clusters], [strata]) for values in (differences * inside, differences))
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
