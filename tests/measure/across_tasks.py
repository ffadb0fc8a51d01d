"""How often do intervals over tasks hold the truth? python tests/measure/across_tasks.py [DRAWS]

Worlds: 3 to 20 tasks that differ by nothing up to 20 points, of real, extreme and equal sizes, whose true differences
are normal, of two kinds (a task is of either by chance) or skewed; estimates that are normal, or come of questions,
with errors as `stats.paired` has them. Printed is, for each, how often the interval holds the truth: with tasks as
units as cotbench has it; by inverse variance with the modified interval of Hartung and Knapp, tau2 by Paule and Mandel
or by REML; with the normal interval of DerSimonian and Laird; and where one more task would lie. Then of the difference
of two families, in cotbench's way, with Welch's degrees of freedom, and by a regression on one moderator. Last, of all
questions of a few tasks. A row whose first figure is below 94 ends in "<".
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from cotbench.analysis import meta, stats
from cotbench.analysis.meta import Part, between_families, over_tasks, reml
from cotbench.analysis.stats import Array

SIZES = {
    "real": (14042, 1319, 5000, 651, 500, 1172, 2376, 9000, 250, 1000),
    "extreme": (14042, 5000, 1319, 651, 500, 250, 120, 60, 30, 200),
    "equal": (1000,) * 10,
}
KINDS: dict[str, Callable[[Any, float, int], Array]] = {
    "normal": lambda rng, tau, k: rng.normal(0, tau, k),
    "two kinds": lambda rng, tau, k: tau * rng.choice([-1.0, 1.0], k),
    "skewed": lambda rng, tau, k: tau * (rng.exponential(1, k) - 1),
}


def sizes_of(name: str, k: int, first: int = 0) -> Array:
    return np.array([SIZES[name][(first + place) % 10] for place in range(k)])


def observed(rng: Any, true: Array, sizes: Array, answers: bool) -> tuple[Array, Array]:
    """Return estimates and errors: normal ones, or those of questions of which a quarter change."""
    if not answers:
        errors = np.sqrt(0.25 / sizes)
        return true + rng.normal(0, errors), errors
    values, found = [], []
    for n, gain in zip(sizes.tolist(), np.clip(true, -0.25, 0.25).tolist(), strict=True):
        helped, hurt, _ = rng.multinomial(n, [0.125 + gain / 2, 0.125 - gain / 2, 0.75])
        value = (helped - hurt) / n
        variance = (helped + hurt - n * value**2) / (n - 1) / n
        low, high = stats.tango(helped, hurt, n) if variance <= 0 else (0.0, 0.0)
        values.append(value)
        found.append(math.sqrt(variance) if variance > 0 else (high - low) / (2 * meta.Z))
    return np.array(values), np.array(found)


def dersimonian_laird(values: Array, variances: Array) -> float:
    weights = 1 / variances
    mean = float(weights @ values / weights.sum())
    excess = float(weights @ (values - mean) ** 2) - (len(values) - 1)
    return max(0.0, excess / float(weights.sum() - (weights @ weights) / weights.sum()))


def one_mean(rng: Any, kind: str, tau: float, sizes: Array, answers: bool) -> Counter[str]:
    true = KINDS[kind](rng, tau, len(sizes))
    values, errors = observed(rng, true, sizes, answers)
    held: Counter[str] = Counter()
    ways: dict[str, dict[str, Any]] = {
        "units": {}, "PM": {"equal": False}, "REML": {"equal": False, "between": reml},
    }  # fmt: skip
    for name, how in ways.items():
        got = over_tasks(values, errors, **how)
        assert got is not None
        held[name] += got.low <= 0 <= got.high
        if name == "units":
            held["one more"] += got.predicted_low <= KINDS[kind](rng, tau, 1)[0] <= got.predicted_high
    weights = 1 / (errors**2 + dersimonian_laird(values, errors**2))
    held["DL"] += abs(float(weights @ values)) <= meta.Z * math.sqrt(float(weights.sum()))
    return held


def regression(values: Array, errors: Array, first: int) -> bool:
    """Whether 0 is in the modified interval of a moderator, with one variance between tasks (Paule and Mandel)."""
    design = np.column_stack([np.ones(len(values)), np.arange(len(values)) < first])
    left = len(values) - 2.0

    def fit(tau2: float) -> tuple[Array, Array, float]:
        weights = 1 / (errors**2 + tau2)
        inverse = np.linalg.inv(design.T @ (weights[:, None] * design))
        beta = inverse @ design.T @ (weights * values)
        return beta, inverse, float(weights @ (values - design @ beta) ** 2)

    low, high = 0.0, 4.0
    if fit(0.0)[2] > left:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if fit(middle)[2] > left else (low, middle)
    beta, inverse, q = fit(low)
    se = math.sqrt(inverse[1, 1] * max(1.0, q / left))
    return bool(abs(beta[1]) <= special.stdtrit(left, 0.975) * se)


def one_difference(rng: Any, taus: tuple[float, float], sizes: tuple[Array, Array]) -> Counter[str]:
    both = [observed(rng, rng.normal(0, tau, len(n)), n, False) for tau, n in zip(taus, sizes, strict=True)]
    first, second = (over_tasks(*of) for of in both)
    assert first is not None
    assert second is not None
    got = between_families(first, second)
    held = Counter({"cotbench": int(got.low <= 0 <= got.high)})
    parts = first.se**2, second.se**2
    df = sum(parts) ** 2 / (parts[0] ** 2 / first.df + parts[1] ** 2 / second.df)
    held["Welch"] += abs(got.value) <= special.stdtrit(df, 0.975) * math.sqrt(sum(parts))
    stacked = [np.concatenate([of[place] for of in both]) for place in (0, 1)]
    held["regression"] += regression(stacked[0], stacked[1], len(sizes[0]))
    return held


def one_sum(rng: Any, gains: Array, sizes: Array) -> Counter[str]:
    parts, total = [], int(sizes.sum())
    for n, gain in zip(sizes.tolist(), gains.tolist(), strict=True):
        helped, hurt, _ = rng.multinomial(n, [0.125 + gain / 2, 0.125 - gain / 2, 0.75])
        own = stats.paired(np.repeat([1.0, -1.0, 0.0], [helped, hurt, n - helped - hurt]))
        ends = {"value": own.value, "low": own.low, "high": own.high, "se": own.se}
        parts.append(Part(**ends, weight=n / total, task=str(len(parts))))
    got = meta.weighted(parts, bound=1.0)
    truth = float(np.average(gains, weights=sizes))
    return Counter({"held": int(got.low <= truth <= got.high), "rejects 0": int(got.p is not None and got.p < 0.05)})


def told(world: str, draws: int, draw: Callable[[], Counter[str]]) -> None:
    held: Counter[str] = Counter()
    for _ in range(draws):
        held.update(draw())
    rates = {name: 100 * count / draws for name, count in held.items()}
    mark = " <" if next(iter(rates.values())) < 94 else ""
    print(f"{world:58}", "  ".join(f"{name} {rate:.1f}" for name, rate in rates.items()) + mark, flush=True)


def main(draws: int) -> None:
    rng = np.random.default_rng(0)
    worlds = [("normal", name, tau) for name in SIZES for tau in (0.0, 0.01, 0.02, 0.05, 0.2)]
    worlds += [(kind, "real", tau) for kind in ("two kinds", "skewed") for tau in (0.02, 0.2)]
    for kind, name, tau in worlds:
        for answers in (False, True) if tau < 0.06 else (False,):  # a gain is no larger than how many answers change
            for k in (3, 4, 6, 10, 20):
                world = f"{kind}, {name} sizes, {'answers' if answers else 'estimates'}, k {k}, tau {tau:g}"
                told(world, draws, partial(one_mean, rng, kind, tau, sizes_of(name, k), answers))
    for ks in ((3, 3), (3, 5), (3, 10), (5, 5), (10, 10)):
        for taus in ((0.0, 0.0), (0.02, 0.02), (0.05, 0.05), (0.2, 0.01), (0.01, 0.2), (0.2, 0.2)):
            both = sizes_of("real", ks[0]), sizes_of("real", ks[1], 3)
            told(f"families of {ks} tasks, tau {taus}", draws, partial(one_difference, rng, taus, both))
    for some in ((1319, 5000, 14042, 651), (30, 400, 60), (20, 20, 20), (48, 400)):
        for gain in (0.0, 0.1):
            gains = gain * (np.arange(len(some)) % 2)
            world = f"all questions of {some}, every other gains {gain:g}"
            told(world, draws, partial(one_sum, rng, gains, np.array(some)))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
