"""What one mean costs in units of another: ratios whose parts are paired question by question. Numbers alone.

A ratio of means has Fieller's interval (1954, Journal of the Royal Statistical Society B 16:175): all ratios r for
which the test of "the mean of part - r * whole is zero" doesn't reject. It is the set of prices at which a net benefit
isn't clear (Stinnett and Mullahy 1998, Medical Decision Making 18:S68), and what health economics asks of a treatment's
cost for its effect (Willan and O'Brien 1996, Health Economics 5:297). Where the whole may be zero it has no end.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.stats import CONFIDENCE, Array, Estimate

Mean = Callable[[Array], Estimate]  # `stats.mean` of numbers about the same questions, by their clusters

ABOVE, BELOW = "pays above", "pays below"
CHEAPER, DEARER = "better and cheaper", "worse and dearer"
NOT_BELOW, AT_LEAST_BELOW = "doesn't pay below", "pays at least below"
UNCLEAR = "not estimable"
FEW = 20  # right or wrong answers, helped or hurt questions: with fewer, t takes them for better known than they are


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio with its 95% interval; None where it can't be estimated. An interval without a high end has none."""

    value: float | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, kw_only=True)
class Worth:
    """What an extra right answer costs, and so what it has to be worth for the dearer of two to pay.

    value: the difference in costs over the difference in right answers, with its interval; None where the difference in
    right answers may be zero. decision, in words:

    * `pays above`: more right answers; they pay where one is worth more than value. low is below zero where they may
      cost nothing.
    * `pays below`: fewer right answers, for less; that pays where one is worth less than value. low is below zero where
      nothing may be saved.
    * `better and cheaper`, `worse and dearer`: whatever an answer is worth.
    * `doesn't pay below`: dearer, and the difference in right answers may be zero: below bound it is shown not to pay,
      and at no price is it shown to. `pays at least below`: cheaper, likewise: below bound it is shown to pay.
    * `not estimable`: neither difference is clear, or there are too few questions.
    """

    value: float | None = None
    low: float | None = None
    high: float | None = None
    bound: float | None = None
    decision: str = UNCLEAR


@dataclass(frozen=True, kw_only=True)
class _Quadratic:
    """Fieller's condition on a ratio r: square * r^2 - 2 * middle * r + rest <= 0."""

    square: float
    middle: float
    rest: float

    @property
    def roots(self) -> tuple[float, float] | None:
        """The ends, the lower one first; None where all ratios are in, or there is no end but infinity."""
        inside = self.middle**2 - self.square * self.rest
        if self.square == 0 or inside < 0:
            return None
        reach = math.sqrt(inside)
        first, second = (self.middle - reach) / self.square, (self.middle + reach) / self.square
        return min(first, second), max(first, second)


def _quadratic(parts: Array, wholes: Array, mean: Mean) -> _Quadratic | None:
    """Return Fieller's condition; None where one question or one cluster can't tell how means vary.

    Variances are quadratic in the numbers, so that of a sum gives the covariance, whatever estimator `mean` has.
    """
    scales = [float(np.abs(values).max()) or 1.0 for values in (parts, wholes)]
    parts, wholes = parts / scales[0], wholes / scales[1]
    part, whole, both = mean(parts), mean(wholes), mean(parts + wholes)
    if part.se is None or whole.se is None or both.se is None:
        return None
    rest = mean(parts - part.value / whole.value * wholes) if whole.value else whole
    df = rest.df if rest.se and rest.df else whole.df or part.df
    t = float(special.stdtrit(df, (1 + CONFIDENCE) / 2)) if df else float(special.ndtri((1 + CONFIDENCE) / 2))
    var_part, var_whole = t**2 * part.se**2, t**2 * whole.se**2
    shared = (t**2 * both.se**2 - var_part - var_whole) / 2
    return _Quadratic(
        square=(whole.value**2 - var_whole) * scales[1] ** 2,
        middle=(part.value * whole.value - shared) * scales[0] * scales[1],
        rest=(part.value**2 - var_part) * scales[0] ** 2,
    )


def per_right(costs: Array, right: Array, mean: Mean) -> Ratio:
    """Return what a right answer costs: the mean cost over the share of right answers.

    That is the cost-of-pass of Erol et al. (2025, arXiv:2504.13359) where each question has one answer: what is spent
    on all of them, over those that were right. Without a right answer it is infinite: then there is no value, and low
    is what the most right answers that might have been would make of it. With few right or wrong answers the interval
    also holds what the ends of Wilson's make of the mean cost.
    """
    if not len(costs):
        return Ratio()
    correct, n = int(right.sum()), len(right)
    cost, (fewest, most) = float(costs.mean()), stats.wilson(correct, n)
    if not correct:
        return Ratio(low=cost / most)
    value, low, high = cost * n / correct, None, None
    condition = _quadratic(costs, right.astype(float), mean)
    if condition is not None and condition.square > 0 and condition.roots is not None:
        low, high = condition.roots
    if condition is not None and (min(correct, n - correct) < FEW or low is None):
        low = min(cost / most, value if low is None else low)
        high = max(cost / fewest, value if high is None else high)
    return Ratio(value=value, low=None if low is None else max(0.0, low), high=high)


def worth(costs: Array, gains: Array, gain: Estimate, mean: Mean) -> Worth:
    """Return what an extra right answer costs, and the decision.

    costs, gains: of each question, under one of two less under the other; a gain is -1, 0 or 1. gain: the mean gain as
    it is reported, whose interval has to be clear of zero too.
    """
    if not len(costs):
        return Worth()
    cost, condition = mean(costs), _quadratic(costs, gains, mean)
    if condition is None or gain.se is None:
        return Worth()
    dearer, cheaper = cost.low > 0, cost.high < 0
    more, fewer = gain.low > 0, gain.high < 0
    roots = condition.roots
    # What the ends of the reported interval make of the mean cost.
    few = int((gains != 0).sum()) < FEW
    ends = [cost.value / end for end in (gain.low, gain.high) if end] if few else []
    if not (more or fewer) or condition.square <= 0 or roots is None:
        if not (dearer or cheaper):
            return Worth()
        bounds = [end for end in (*(roots or ()), *ends) if end > 0]
        return Worth(bound=min(bounds, default=None), decision=NOT_BELOW if dearer else AT_LEAST_BELOW)
    if (more and cheaper) or (fewer and dearer):
        return Worth(decision=CHEAPER if more else DEARER)
    low, high = min(roots[0], *ends, roots[1]), max(roots[1], *ends, roots[0])
    return Worth(value=cost.value / gain.value, low=low, high=high, decision=ABOVE if more else BELOW)


class Ends(Protocol):
    """A mean of differences as it is reported, with its interval."""

    @property
    def value(self) -> float | None: ...
    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def share(parts: Array, wholes: Array, mean: Mean, whole: Ends, part: Ends, rest: Ends) -> Ratio:
    """Return what share of a mean gain a part of it is, with Fieller's interval; nothing where the gain may be zero.

    parts, wholes: of each question, -1, 0 or 1. whole, part, rest: the means of the wholes, of the parts, and of what
    is between them, as they are reported: the first has to be clear of zero, too; and where few questions make one of
    the others, t takes it for better known than it is (no change at all would be known without error), so that the
    interval also holds what its ends make of the mean gain.
    """
    if not whole.value or whole.low is None or whole.high is None or whole.low <= 0 <= whole.high:
        return Ratio()
    condition = _quadratic(parts, wholes, mean)
    if condition is None or condition.square <= 0:
        return Ratio()
    value = float(parts.mean()) / whole.value
    ends = [value, *(condition.roots or ())]
    if int((parts != 0).sum()) < FEW:
        ends += [end / whole.value for end in (part.low, part.high) if end is not None]
    if int((parts != wholes).sum()) < FEW:
        ends += [1 - end / whole.value for end in (rest.low, rest.high) if end is not None]
    return Ratio(value=value, low=min(ends), high=max(ends))
