"""Estimates over several tasks from numbers alone: each task's estimate with its error, no records and no files.

Two questions are told apart, and have unlike answers:

    these tasks        a weighted sum of the tasks' estimates, whose weights are known. What is unknown is what other
                       questions of the same tasks would give, so each task's own interval is all that goes in: MOVER
                       (Zou & Donner 2008, Statistics in Medicine 27:1693), which keeps intervals that are lopsided, and
                       those of few questions or clusters, as wide as they are; with the covariance of two sides of a
                       task (Zou 2008, Statistics in Medicine 27:5610)
    tasks like these   each task is one draw from the tasks there could be. How far they differ is estimated too, by
                       Paule and Mandel (1982) as DerSimonian and Kacker (2007) iterate it, or by restricted maximum
                       likelihood (Viechtbauer 2005). The mean has the interval of Hartung and Knapp (2001) and Sidik
                       and Jonkman (2002), of t on k - 1 degrees of freedom, never narrower than without their factor
                       (modified: q* = max(1, q), Knapp & Hartung 2003; Roever, Knapp & Friede 2015), with each task as
                       one unit: all have the same weight

Why the same weight: with weights by inverse variance, which are there too, an interval over tasks of 250 to 14,000
questions that truly differ by one or two points holds the truth in 91% of draws only, since the largest task is then
nearly all of the mean while few tasks can't tell that they differ. A t statistic of unlike but independent normal units
is at most as often large as one of like units (Bakirov & Szekely 2006; Ibragimov & Mueller 2010), and tasks that differ
by more have about the same weights under both. DerSimonian and Laird's usual interval is far worse (IntHout, Ioannidis
& Borm 2014).

What no interval of this kind can do: where tasks are of two kinds, 40 points apart, three of them are all of one kind
in a quarter of draws, and nothing in them says that there is another (72% held, of four 90%, of six 95%).
`tests/measure/across_tasks.py` measures all this.

With fewer than LEAST tasks there is nothing of the second kind: two can't tell how far tasks differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from cotbench.analysis.stats import CONFIDENCE, Array, Estimate, ends_where

LEAST = 3  # tasks
Z = float(special.ndtri((1 + CONFIDENCE) / 2))


# --- these tasks --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One term of a sum: an estimate, what it counts for, and the task that it is of.

    Two parts of one task may be correlated; those of two tasks aren't.
    """

    value: float
    low: float
    high: float
    se: float | None
    weight: float
    task: str


def weighted(parts: Sequence[Part], correlations: Mapping[str, float] | None = None, *, bound: float) -> Estimate:
    """Return a sum of estimates, each times its weight, with MOVER's interval, cut at -bound and bound.

    correlations: of the two parts of a task, by its name, 0 where it isn't named. se is None where a part has none.
    ValueError where there are no parts, or a task has more than two.
    """
    if not parts:
        raise ValueError("there is nothing to add up")
    by_task: dict[str, list[Part]] = {}
    for part in parts:
        by_task.setdefault(part.task, []).append(part)
    value = sum(part.weight * part.value for part in parts)
    below = above = variance = 0.0
    for task, some in by_task.items():
        if len(some) > 2:
            raise ValueError(f"task {task} has {len(some)} parts, expected one or two")
        r = (correlations or {}).get(task, 0.0) * (len(some) == 2)
        reaches = [_reach(part) for part in some]
        # What two parts of a task have in common adds to the sum where their weights have one sign.
        below += _square([down for down, _ in reaches], [part.weight for part in some], r)
        above += _square([up for _, up in reaches], [part.weight for part in some], r)
        errors = [math.nan if part.se is None else abs(part.weight) * part.se for part in some]
        variance += _square(errors, [part.weight for part in some], r)
    low, high = value - math.sqrt(below), value + math.sqrt(above)
    se = math.sqrt(variance) if not math.isnan(variance) else None
    p = _p(value, value - low if value > 0 else high - value, se)
    return Estimate(value=value, low=max(-bound, low), high=min(bound, high), se=se, p=p)


def _p(value: float, reach: float, se: float | None) -> float | None:
    """Return the p that belongs to an interval, which is below 1 - CONFIDENCE just where that leaves 0 out.

    reach: from the value to the end that is nearer to 0. Where it is more errors than of a normal distribution, p is of
    t with the degrees of freedom for which it is as many; else of the error that it stands for.
    """
    if reach <= 0:
        return None
    if se and reach / se > Z * (1 + 1e-6):
        df = float(special.stdtridf((1 + CONFIDENCE) / 2, reach / se))
        if df >= 1:  # not nan, nor an error far too small for its interval
            return 2 * float(special.stdtr(df, -abs(value) / se))
    return 2 * float(special.ndtr(-abs(value) * Z / reach))


def _reach(part: Part) -> tuple[float, float]:
    """Return how far a part's interval reaches below and above its value, times its weight."""
    down, up = abs(part.weight) * (part.value - part.low), abs(part.weight) * (part.high - part.value)
    return (down, up) if part.weight >= 0 else (up, down)


def _square(sizes: Sequence[float], weights: Sequence[float], r: float) -> float:
    """Return the square of the length of a sum of one or two sizes whose terms are correlated by r."""
    if len(sizes) == 1:
        return sizes[0] ** 2
    sign = 1.0 if weights[0] * weights[1] >= 0 else -1.0
    return max(0.0, sizes[0] ** 2 + sizes[1] ** 2 + 2 * sign * r * sizes[0] * sizes[1])


def share(
    inside: Sequence[Part], outside: Sequence[Part], correlations: Mapping[str, float] | None = None
) -> Estimate | None:
    """Return the part of the sum of all parts that those inside make up, with the interval of Fieller's kind.

    A share s is in the interval where that of (1 - s) inside - s outside holds 0. low and high are infinite where the
    whole may be 0, so that no share means anything; None where it is 0.
    """
    one, other = (sum(part.weight * part.value for part in parts) for parts in (inside, outside))
    if one + other == 0:
        return None

    def holds(s: float) -> bool:
        terms = [_scaled(part, 1 - s) for part in inside] + [_scaled(part, -s) for part in outside]
        contrast = weighted(terms, correlations, bound=math.inf)
        return contrast.low <= 0 <= contrast.high

    value = one / (one + other)
    low, high = ends_where(holds, value) or (-math.inf, math.inf)
    return Estimate(value=value, low=low, high=high)


def _scaled(part: Part, by: float) -> Part:
    return Part(value=part.value, low=part.low, high=part.high, se=part.se, weight=part.weight * by, task=part.task)


# --- tasks like these ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Meta:
    """The mean over tasks, each one unit, with its 95% interval.

    df: of t. p: of the mean being 0. tau2: the variance between tasks of what they would be without error. i2: what
    part of the variance of tasks' estimates that is, 0..1 (Higgins & Thompson 2002). predicted_low, predicted_high: the
    interval that holds what one more task would be (Higgins, Thompson & Spiegelhalter 2009, equation 25, on k - 1
    degrees of freedom, and with the whole variance of the tasks' estimates where that is more than tau2: of few tasks
    tau2 is often 0, and the interval then would hold another task in 80% of draws only).
    """

    k: int
    value: float
    low: float
    high: float
    se: float
    df: float
    p: float
    tau2: float
    i2: float
    predicted_low: float
    predicted_high: float


Between = Callable[[Array, Array], float]  # values and their variances -> the variance between


def paule_mandel(values: Array, variances: Array) -> float:
    """Return the variance between tasks for which the generalized Q is its expectation, k - 1 (Paule & Mandel 1982).

    0 where Q is less than that already without any. The steps are those of DerSimonian and Kacker (2007, Contemporary
    Clinical Trials 28:105): Q falls and is convex, so that they come from one side and never go past.
    """
    tau2, expected = 0.0, len(values) - 1.0
    for _ in range(200):
        weights = 1 / (variances + tau2)
        residuals = values - float(weights @ values) / float(weights.sum())
        excess = float(weights @ residuals**2) - expected
        if excess <= 1e-10 * expected:
            break
        tau2 += excess / float(weights**2 @ residuals**2)
    return tau2


def reml(values: Array, variances: Array) -> float:
    """Return the variance between tasks of the largest restricted likelihood (Viechtbauer 2005, equation 4).

    It may have several peaks, so it is looked at from 0 up to far beyond the spread of the values first.
    """

    def likelihoods(some: Array) -> Array:
        weights = 1 / (variances + some[:, None])
        totals = weights.sum(axis=1)
        residuals = values - ((weights @ values) / totals)[:, None]
        return np.asarray(np.log(weights).sum(axis=1) - np.log(totals) - (weights * residuals**2).sum(axis=1))

    spread = float(values.var(ddof=1))
    if spread == 0:
        return 0.0
    grid = np.concatenate([[0.0], np.geomspace(1e-6 * spread, 10 * spread, 60)])
    while True:
        found = likelihoods(grid)
        best = int(found.argmax())
        low, high = grid[max(0, best - 1)], grid[min(len(grid) - 1, best + 1)]
        if high - low <= 1e-9 * spread:
            return float(grid[best])
        grid = np.linspace(low, high, 60)


def over_tasks(
    values: Iterable[float],
    errors: Iterable[float],
    *,
    equal: bool = True,
    between: Between = paule_mandel,
    bound: float = math.inf,
) -> Meta | None:
    """Return the mean over tasks from their estimates and standard errors; None for fewer than LEAST of them.

    equal: whether each task has the same weight, rather than the inverse of its variance. between: how the variance
    between tasks is estimated. Intervals are cut at -bound and bound. ValueError where an error is 0 or unknown: a task
    without error would be all of a mean by inverse variance, and one of which nothing is known has no place in one.
    """
    y, v = np.array([*values], dtype=float), np.square(np.array([*errors], dtype=float))
    if not (np.isfinite(v).all() and (v > 0).all()):
        raise ValueError("the standard error of each task must be known, and above 0")
    k = len(y)
    if k < LEAST:
        return None
    tau2 = between(y, v)
    weights = 1 / (v + tau2)
    alike = np.full(k, 1.0) if equal else weights
    shares = alike / alike.sum()
    value = float(shares @ y)
    model = float(shares**2 @ (v + tau2))
    spread = float(y.var(ddof=1))
    seen = spread / k if equal else model * float(weights @ np.square(y - value)) / (k - 1)
    se, df = math.sqrt(max(model, seen)), k - 1.0  # q* = max(1, q), with q = seen / model
    reach, ahead = (_t(df) * size for size in (se, math.sqrt(max(tau2, spread) + se**2)))
    return Meta(
        k=k,
        value=value,
        low=max(-bound, value - reach),
        high=min(bound, value + reach),
        se=se,
        df=df,
        p=2 * float(special.stdtr(df, -abs(value) / se)),
        tau2=tau2,
        i2=_i2(v, tau2),
        predicted_low=max(-bound, value - ahead),
        predicted_high=min(bound, value + ahead),
    )


def between_families(first: Meta, second: Meta, *, bound: float = math.inf) -> Estimate:
    """Return the mean over one family of tasks minus that over another, each with a variance between tasks of its own.

    Both errors are the modified ones. The interval is put together from both families' own (MOVER, which for means is
    Cochran and Cox's of 1957): each varies within itself as it does. Welch's degrees of freedom are too many where a
    family has three tasks, and a regression on one moderator takes one variance between tasks for both, which is too
    sure where the family with fewer tasks is the one that varies more.
    """
    value, se = first.value - second.value, math.hypot(first.se, second.se)
    reach = math.hypot(_t(first.df) * first.se, _t(second.df) * second.se)
    low, high = max(-bound, value - reach), min(bound, value + reach)
    return Estimate(value=value, low=low, high=high, se=se, p=_p(value, reach, se))


def _t(df: float) -> float:
    return float(special.stdtrit(df, (1 + CONFIDENCE) / 2))


def _i2(variances: Array, tau2: float) -> float:
    """Return tau2 over tau2 and the typical variance of a task's error (Higgins & Thompson 2002, equation 9)."""
    weights = 1 / variances
    total = float(weights.sum())
    typical = (len(variances) - 1) * total / (total**2 - float(weights @ weights))
    return tau2 / (tau2 + typical)
