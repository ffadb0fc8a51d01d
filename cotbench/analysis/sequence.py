"""Intervals of a mean that hold at every look: of all questions of a finite set, asked in a random order.

The order is that of a shuffle of the questions in which each brings all of its cluster with it. So of the clusters that
are left the next one is drawn with a chance in proportion to its questions, and the mean of the values in it is, on
average, the mean of all questions that are left, which lies in the same range whatever a cluster's size is. One bet is
made on each cluster.

With N questions, a sum S of those before and R questions left, a candidate mean m makes the next cluster's mean x
(N m - S) / R on average (without replacement: Waudby-Smith and Ramdas 2020, arXiv:2006.04347). Wealth that bets on
more, the product of 1 + bet * (x - that), is then a martingale that is never negative where m is the truth, so that the
chance that it ever reaches 1 / alpha is at most alpha (Ville). The interval is of all m that neither a bettor on more
nor one on less has become 2 / alpha times as rich against (hedged capital: Waudby-Smith and Ramdas 2024,
arXiv:2010.09686, section 4). Each bettor's wealth is spread over several differences for which its bets are nearly the
best (`DIFFERENCES`): it grows as that of the best of them, but for a factor that is fixed beforehand.

Both wealths are monotone in m, and the logarithm of each part of them is concave: so between two points of a grid it
lies above its chord, and ends that are worked out by the chord are never too narrow.

A value that isn't known (a request that failed) may be anything in the range: the bettor on more is told the least that
it may be, the one on less the most. So either is at most as rich as if it were known.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from cotbench.analysis.stats import CONFIDENCE, Array

ALPHA = 1 - CONFIDENCE
# Differences between a candidate and the truth, as shares of half the range, to which bets are fitted, and how much of
# the wealth is put on each: most where differences between ways to ask mostly are.
DIFFERENCES = np.geomspace(0.005, 0.64, 12)
_WEIGHTS = np.exp(-0.5 * np.square(np.log(DIFFERENCES / 0.05)))
_LOG_WEIGHTS = np.log(_WEIGHTS / _WEIGHTS.sum())
MOST = 0.98  # of the wealth that a bet may lose
POINTS = 65  # of the grid of candidates; an odd number, so that no difference is one of them
_PRIOR = 0.3  # the variance before anything is seen, in squares of half the range
_PRIOR_N = 5.0  # for how many clusters it counts
_CHUNK = 64  # clusters that are worked out together
_HALVINGS = 30
_RUINED = -1e9  # the logarithm of no wealth


class ConfidenceSequence:
    """The interval of the mean over a set of questions, after each of its clusters, in the order in which they come.

    questions: how many the set has. weight: of how many questions all its clusters are, where it is part of a larger
    set that they were drawn in. bottom, top: the range of a question's value. low and high are nan-free from the
    beginning: before anything is known they are the range. After `add`, `lows`, `highs`, `values` and `log_es` hold
    what was known after each cluster; `low`, `high` and `log_e` are the last of them. log_e: the largest logarithm so
    far of the evidence (an e-value) against a mean of 0."""

    def __init__(self, questions: int, *, weight: int | None = None, bottom: float = -1.0, top: float = 1.0) -> None:
        self.questions, self.bottom, self.top = questions, bottom, top
        self.clusters = self.asked = 0
        self._left = float(questions if weight is None else weight)
        self._half = (top - bottom) / 2
        self._grid = np.linspace(bottom, top, POINTS)
        self._sums = np.zeros(2)  # of the least and the most that values may be
        self._known = np.zeros(2)  # sum and number of values that are known
        self._moments = np.array([_PRIOR_N, 0.0, _PRIOR_N * _PRIOR * self._half**2])
        self._wealth = np.zeros((2, len(DIFFERENCES), POINTS))  # logarithms
        self.lows, self.highs, self.values, self.log_es = (np.zeros(0) for _ in range(4))

    @property
    def low(self) -> float:
        return float(self.lows[-1]) if self.clusters else self.bottom

    @property
    def high(self) -> float:
        return float(self.highs[-1]) if self.clusters else self.top

    @property
    def log_e(self) -> float:
        return float(self.log_es[-1]) if self.clusters else 0.0

    @property
    def p(self) -> float:
        """A p value that holds at every look: of the mean being 0."""
        return float(min(1.0, math.exp(-self.log_e)))

    @property
    def value(self) -> float | None:
        """The mean of the values that are known; None where there are none."""
        return float(self._known[0] / self._known[1]) if self._known[1] else None

    @property
    def half_width(self) -> float:
        return (self.high - self.low) / 2

    @staticmethod
    def enough(tests: int) -> float:
        """How much evidence (`log_e`) shows a sign, as one of so many that are tested together."""
        return math.log(tests / ALPHA)

    def add(self, least: Array, most: Array, sizes: Array, weights: Array | None = None) -> None:
        """Add clusters, in their order. least, most: of each the sum over its questions, with those that aren't known
        at the least and at the most that they may be. sizes: how many questions it has, of the set. weights: by which
        it was drawn; its size, unless the set is part of a larger one."""
        columns = [np.asarray(one, dtype=float) for one in (least, most, sizes, sizes if weights is None else weights)]
        for start in range(0, len(columns[0]), _CHUNK):
            self._add(*(column[start : start + _CHUNK] for column in columns))

    def _add(self, least: Array, most: Array, sizes: Array, weights: Array) -> None:
        left = self._left - _before(weights)
        steps = np.stack([least, most]) / weights
        sums = self._sums[:, None] + np.stack([_before(least), _before(most)])
        middle = steps.mean(axis=0)
        n, first, second = (m + _before(c) for m, c in zip(self._moments, (middle**0, middle, middle**2), strict=True))
        spread = np.maximum(second / n - np.square(first / n), 1e-3 * self._half**2)
        gap = (DIFFERENCES * self._half)[:, None] * self.questions / left
        bets = np.minimum(gap / (spread + np.square(gap)), MOST / (2 * self._half))
        wealth = np.stack([self._grown(side, bets, steps[side], sums[side], left) for side in (0, 1)])
        ends, evidence = self._ends(wealth)
        self._after(least, most, sizes, weights, middle, wealth, ends, evidence)

    def _grown(self, side: int, bets: Array, steps: Array, sums: Array, left: Array) -> Array:
        """The logarithms of a bettor's wealth (0: on more, 1: on less) after each cluster: parts x clusters x grid."""
        means = (self.questions * self._grid[None, :] - sums[:, None]) / left[:, None]
        sign = 1.0 - 2.0 * side
        factors = 1.0 + bets[:, :, None] * (sign * (steps[:, None] - means))[None]
        logs = np.where(factors > 0, np.log(np.maximum(factors, 1e-300)), _RUINED)
        return np.asarray(self._wealth[side][:, None, :] + np.cumsum(logs, axis=1))

    def _ends(self, wealth: Array) -> tuple[Array, Array]:
        """The ends of the candidates that are left after each cluster by itself, and the evidence against 0."""
        enough = math.log(2 / ALPHA)
        low = self._crossing(wealth[0], enough, self._grid)
        high = -self._crossing(wealth[1][:, :, ::-1], enough, -self._grid[::-1])
        zero = POINTS // 2 if self.bottom < 0 else 0
        evidence = np.maximum(*(_mixed(one[:, :, zero]) for one in wealth)) - math.log(2)
        return np.stack([low, high]), evidence

    @staticmethod
    def _crossing(wealth: Array, enough: float, grid: Array) -> Array:
        """Up to which candidate a wealth that falls from candidate to candidate is enough, by chords of its parts."""
        rich = _mixed(wealth) >= enough
        count = np.where(rich.all(axis=1), rich.shape[1], rich.argmin(axis=1))
        place = np.clip(count - 1, 0, len(grid) - 2)
        rows = np.arange(wealth.shape[1])
        left, right = wealth[:, rows, place], wealth[:, rows, place + 1]
        near, far = np.zeros(len(rows)), np.ones(len(rows))
        for _ in range(_HALVINGS):
            middle = (near + far) / 2
            holds = _mixed(left + middle * (right - left)) >= enough
            near, far = np.where(holds, middle, near), np.where(holds, far, middle)
        inside = grid[place] + near * (grid[place + 1] - grid[place])
        return np.asarray(np.where(count == 0, grid[0], np.where(count == len(grid), grid[-1], inside)))

    def _after(
        self,
        least: Array,
        most: Array,
        sizes: Array,
        weights: Array,
        middle: Array,
        wealth: Array,
        ends: Array,
        evidence: Array,
    ) -> None:
        """Keep what is known after some clusters."""
        asked = self.asked + np.cumsum(sizes)
        rest = self.questions - asked
        surely_low = (self._sums[0] + np.cumsum(least) + self.bottom * rest) / self.questions
        surely_high = (self._sums[1] + np.cumsum(most) + self.top * rest) / self.questions
        lows = np.maximum.accumulate(np.maximum(np.maximum(ends[0], surely_low), self.low))
        highs = np.minimum.accumulate(np.minimum(np.minimum(ends[1], surely_high), self.high))
        sure = (surely_low > 0) | (surely_high < 0) if self.bottom < 0 else np.zeros(len(rest), dtype=bool)
        evidence = np.maximum.accumulate(np.maximum(np.where(sure, np.inf, evidence), self.log_e))
        unknown = (most - least) / (self.top - self.bottom)  # how many questions of each cluster
        sums = np.cumsum(least - self.bottom * unknown) + self._known[0]
        counts = np.cumsum(sizes - unknown) + self._known[1]
        values = np.divide(sums, counts, out=np.full(len(sums), np.nan), where=counts > 0)
        for name, new in (("lows", lows), ("highs", highs), ("values", values), ("log_es", evidence)):
            setattr(self, name, np.concatenate([getattr(self, name), new]))
        self._wealth = np.ascontiguousarray(wealth[:, :, -1, :])
        self._sums = self._sums + np.array([least.sum(), most.sum()])
        self._known = np.array([sums[-1], counts[-1]])
        self._moments = self._moments + np.array([len(middle), middle.sum(), np.square(middle).sum()])
        self._left -= weights.sum()
        self.asked, self.clusters = int(asked[-1]), self.clusters + len(sizes)


def bounds(first: bool | None, second: bool | None = False) -> tuple[float, float]:
    """The least and the most that one answer's being right less another's may be; None: it isn't known."""
    low = (first or 0) - (1 if second is None else second)
    high = (1 if first is None else first) - (second or 0)
    return float(low), float(high)


def _before(values: Array) -> Array:
    """The sum of the values before each one."""
    return np.asarray(np.cumsum(values) - values)


def _mixed(wealth: Array) -> Any:
    """The logarithm of the wealth over all parts, of which the first axis is."""
    shares = wealth + _LOG_WEIGHTS.reshape(-1, *[1] * (wealth.ndim - 1))
    top = shares.max(axis=0)
    return top + np.log(np.exp(shares - top).sum(axis=0))
