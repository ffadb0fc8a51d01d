"""Estimates over tasks: against established packages, against the formulas worked out by brute force, and at the edges.

The values of PACKAGES are what statsmodels 0.15.0 (`combine_effects` with method_re="iterated", which is Paule and
Mandel's, its scale of Hartung and Knapp, and use_t) and PyMARE 0.0.13 (VarianceBasedLikelihoodEstimator, REML) gave for
the same estimates and errors, which are ours.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize
from scipy import stats as scipy_stats

from cotbench.analysis import meta, stats
from cotbench.analysis.meta import Part, between_families, over_tasks, paule_mandel, reml, weighted

# estimates, errors; tau2, mean, error and scale of Hartung and Knapp, ends; REML: tau2, mean
PACKAGES = {
    "far apart": (
        ([0.61, 0.35, 0.402, 0.02, 0.004, -0.03], [0.012, 0.02, 0.0112, 0.004, 0.018, 0.025]),
        (0.06996013594682869, 0.2262557457935702, 0.10819115572400606, 1.0, -0.05185847, 0.50436997),
        (0.06997992234614236, 0.22625567408385153),
    ),
    "three": (
        ([0.12, 0.05, 0.31], [0.02, 0.03, 0.05]),
        (0.01622961627627642, 0.1552399610902621, 0.0762707610948694, 1.0, -0.17292632, 0.48340625),
        (0.015581271805142067, 0.1550642650145791),
    ),
    "alike": (  # the scale is below 1, so that the modified interval is wider than theirs
        ([0.031, 0.026, 0.04, 0.022, 0.035], [0.01, 0.02, 0.03, 0.015, 0.008]),
        (0.0, 0.03159381443298969, 0.0023604321467109103, 0.1876559278350517, 0.0250402, 0.03814742),
        (0.0, 0.03159381443298969),
    ),
    "near": (
        ([0.021, 0.06, -0.01, 0.035, 0.09, 0.0, 0.044, 0.02], [0.004, 0.02, 0.01, 0.012, 0.03, 0.02, 0.015, 0.008]),
        (0.0005978185697188832, 0.027626505644857455, 0.010097119519626628, 1.0, 0.00375061, 0.0515024),
        (0.00043743945982211005, 0.026811224730737312),
    ),
}


@pytest.mark.parametrize("name", PACKAGES)
def test_means_by_inverse_variance_are_those_of_established_packages(name: str) -> None:
    (values, errors), (tau2, mean, error, scale, low, high), restricted = PACKAGES[name]
    got = over_tasks(values, errors, equal=False)
    assert got is not None
    assert got.tau2 == pytest.approx(tau2, rel=1e-4, abs=1e-9)
    assert got.value == pytest.approx(mean, rel=1e-5)
    # Their error is multiplied by their scale, whose root is at least 1 in the modified interval.
    assert got.se == pytest.approx(error * math.sqrt(max(1.0, scale) / scale), rel=1e-4)
    if scale >= 1:
        assert (got.low, got.high) == (pytest.approx(low, abs=1e-5), pytest.approx(high, abs=1e-5))
    else:
        assert got.low < low < high < got.high
    by_likelihood = over_tasks(values, errors, equal=False, between=reml)
    assert by_likelihood is not None
    assert by_likelihood.tau2 == pytest.approx(restricted[0], rel=1e-3, abs=1e-8)
    assert by_likelihood.value == pytest.approx(restricted[1], rel=1e-3)


@pytest.mark.parametrize("seed", range(12))
def test_both_variances_between_tasks_are_what_brute_force_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    k = int(rng.integers(3, 15))
    variances = np.square(rng.uniform(0.004, 0.1, k))
    values = rng.normal(0.1, rng.choice([0.0, 0.02, 0.2]), k) + rng.normal(0, np.sqrt(variances))

    def q(tau2: float) -> float:
        weights = 1 / (variances + tau2)
        return float(np.sum(weights * (values - np.average(values, weights=weights)) ** 2)) - (k - 1)

    wanted = optimize.brentq(q, 0, 10, xtol=1e-14) if q(0.0) > 0 else 0.0
    assert paule_mandel(values, variances) == pytest.approx(wanted, rel=1e-6, abs=1e-10)

    def likelihood(tau2: float) -> float:
        """Of the values less one of them, which no mean is in: the restricted likelihood by definition."""
        contrasts = np.eye(k)[1:] - np.eye(k)[0]
        law = scipy_stats.multivariate_normal(np.zeros(k - 1), contrasts @ np.diag(variances + tau2) @ contrasts.T)
        return float(law.logpdf(contrasts @ values))

    found = reml(values, variances)
    grid = np.concatenate([[0.0], np.geomspace(1e-7, 1.0, 400)])
    assert likelihood(found) >= max(map(likelihood, grid)) - 1e-9


@pytest.mark.parametrize("tau", [0.0, 0.2])
def test_tasks_as_units_by_hand(tau: float) -> None:
    rng = np.random.default_rng(5)
    errors = np.array([0.004, 0.02, 0.05, 0.011, 0.03])
    values = rng.normal(0.1, tau, 5) + rng.normal(0, errors)
    got = over_tasks(values, errors)
    assert got is not None
    tau2 = paule_mandel(values, errors**2)
    model, seen = float(np.sum(errors**2 + tau2)) / 25, float(values.var(ddof=1)) / 5
    se = math.sqrt(model * max(1.0, seen / model))
    reach = scipy_stats.t.ppf(0.975, 4) * se
    assert (got.value, got.se, got.df, got.tau2) == pytest.approx((values.mean(), se, 4, tau2))
    assert (got.low, got.high) == pytest.approx((values.mean() - reach, values.mean() + reach))
    assert got.p == pytest.approx(2 * scipy_stats.t.sf(abs(values.mean()) / se, 4))
    ahead = scipy_stats.t.ppf(0.975, 4) * math.sqrt(max(tau2, float(values.var(ddof=1))) + se**2)
    assert (got.predicted_low, got.predicted_high) == pytest.approx((values.mean() - ahead, values.mean() + ahead))
    weights = 1 / errors**2
    typical = 4 * weights.sum() / (weights.sum() ** 2 - (weights**2).sum())
    assert got.i2 == pytest.approx(tau2 / (tau2 + typical))


def test_fewer_than_three_tasks_have_no_mean() -> None:
    assert over_tasks([], []) is None
    assert over_tasks([0.1], [0.02]) is None
    assert over_tasks([0.1, 0.2], [0.02, 0.03]) is None
    assert over_tasks([0.1, 0.2, 0.3], [0.02, 0.03, 0.01]) is not None


@pytest.mark.parametrize("bad", [0.0, math.nan, math.inf])
def test_an_error_of_nothing_or_unknown_is_refused(bad: float) -> None:
    with pytest.raises(ValueError, match="must be known, and above 0"):
        over_tasks([0.1, 0.2, 0.3], [0.02, bad, 0.01])


@pytest.mark.parametrize("between", [paule_mandel, reml])
@pytest.mark.parametrize("equal", [True, False])
def test_tasks_that_all_say_the_same_have_the_interval_of_their_errors(between: meta.Between, equal: bool) -> None:
    got = over_tasks([0.1, 0.1, 0.1], [0.01, 0.01, 0.01], equal=equal, between=between)
    assert got is not None
    assert (got.tau2, got.i2) == (0.0, 0.0)
    assert got.se == pytest.approx(0.01 / math.sqrt(3))
    assert got.high - got.value == pytest.approx(4.302653 * 0.01 / math.sqrt(3), rel=1e-6)


def test_ends_are_cut_at_what_a_difference_can_be() -> None:
    got = over_tasks([0.9, 0.1, -0.4], [0.01, 0.01, 0.01], bound=1.0)
    assert got is not None
    assert (got.low, got.high, got.predicted_low, got.predicted_high) == (-1.0, 1.0, -1.0, 1.0)


# --- these tasks --------------------------------------------------------------------------------------------------


def normal(value: float, se: float, weight: float, task: str) -> Part:
    return Part(value=value, low=value - meta.Z * se, high=value + meta.Z * se, se=se, weight=weight, task=task)


def test_a_sum_of_plain_intervals_is_the_stratified_one() -> None:
    """Where each interval is value and 1.96 errors, MOVER's is that of the stratified mean."""
    sizes, values, errors = np.array([1319, 5000, 14042, 651]), [0.3, 0.4, 0.02, 0.0], [0.01, 0.008, 0.004, 0.02]
    shares = sizes / sizes.sum()
    parts = [normal(v, e, w, str(place)) for place, (v, e, w) in enumerate(zip(values, errors, shares, strict=True))]
    got = weighted(parts, bound=1.0)
    se = math.sqrt(float(np.sum((shares * errors) ** 2)))
    assert got.value == pytest.approx(float(shares @ values))
    assert (got.se, got.low) == pytest.approx((se, got.value - meta.Z * se))
    assert got.p == pytest.approx(2 * scipy_stats.norm.sf(got.value / se), rel=1e-6, abs=1e-300)


def test_two_sides_of_a_task_that_err_together_differ_by_less() -> None:
    first, other = normal(0.3, 0.02, 1.0, "t"), normal(0.1, 0.03, -1.0, "t")
    got = weighted([first, other], {"t": 0.5}, bound=2.0)
    assert got.se == pytest.approx(math.sqrt(0.02**2 + 0.03**2 - 2 * 0.5 * 0.02 * 0.03))
    assert (got.low, got.high) == pytest.approx((0.2 - meta.Z * (got.se or 0), 0.2 + meta.Z * (got.se or 0)))
    apart = weighted([first, other], {"u": 0.5}, bound=2.0)
    assert apart.se == pytest.approx(math.hypot(0.02, 0.03))
    together = weighted([first, normal(0.1, 0.03, 1.0, "t")], {"t": 0.5}, bound=2.0)
    assert together.se == pytest.approx(math.sqrt(0.02**2 + 0.03**2 + 2 * 0.5 * 0.02 * 0.03))


def test_a_sum_of_nothing_and_a_task_of_three_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to add up"):
        weighted([], bound=1.0)
    with pytest.raises(ValueError, match="has 3 parts"):
        weighted([normal(0.1, 0.1, 1.0, "t")] * 3, bound=1.0)


def test_an_interval_leaves_zero_out_just_where_its_p_is_small() -> None:
    """Over lopsided intervals of few questions, one task of which has no error at all."""
    rng = np.random.default_rng(3)
    sides = set()
    for _ in range(400):
        parts = []
        for place in range(int(rng.integers(1, 5))):
            differences = rng.choice([-1.0, 0.0, 1.0], p=[0.05, 0.7, 0.25], size=int(rng.integers(2, 60)))
            own = stats.paired(differences)
            parts.append(Part(value=own.value, low=own.low, high=own.high, se=own.se, weight=0.3, task=str(place)))
        got = weighted(parts, bound=1.0)
        assert got.p is not None
        assert (got.low > 0 or got.high < 0) == (got.p < 0.05)
        sides.add(got.p < 0.05)
    assert sides == {True, False}


def test_the_difference_of_two_families_has_the_reach_of_both() -> None:
    first = over_tasks([0.6, 0.35, 0.4], [0.01, 0.02, 0.015])
    second = over_tasks([0.02, 0.0, 0.05, -0.02], [0.004, 0.02, 0.03, 0.01])
    assert first is not None
    assert second is not None
    got = between_families(first, second, bound=2.0)
    reach = math.hypot(first.high - first.value, second.high - second.value)
    assert (got.value, got.low) == pytest.approx((first.value - second.value, got.value - reach))
    assert got.se == pytest.approx(math.hypot(first.se, second.se))
    assert got.p is not None
    assert got.p < 0.05
    # Between what either family's degrees of freedom alone would say.
    t = got.value / (got.se or 1)
    assert 2 * scipy_stats.t.sf(t, 3) < got.p < 2 * scipy_stats.t.sf(t, 2) * 1.0000001


@pytest.mark.parametrize(("inside", "outside"), [((0.3, 0.02), (0.05, 0.01)), ((0.2, 0.03), (-0.05, 0.02))])
def test_a_share_has_fiellers_interval(inside: tuple[float, float], outside: tuple[float, float]) -> None:
    """Of plain intervals it is the quadratic that Fieller (1954) solves."""
    got = meta.share([normal(*inside, 400, "a")], [normal(*outside, 600, "b")])
    assert got is not None
    a, whole = 400 * inside[0], 400 * inside[0] + 600 * outside[0]
    var_a = (400 * inside[1]) ** 2
    var_whole = var_a + (600 * outside[1]) ** 2
    z2 = meta.Z**2
    roots = np.sort(np.roots([whole**2 - z2 * var_whole, -2 * (a * whole - z2 * var_a), a**2 - z2 * var_a]))
    assert (got.value, got.low, got.high) == pytest.approx((a / whole, *roots), rel=1e-6)


def test_a_share_of_a_whole_that_may_be_nothing_has_no_ends() -> None:
    got = meta.share([normal(0.02, 0.02, 100, "a")], [normal(-0.015, 0.02, 100, "b")])
    assert got is not None
    assert (got.low, got.high) == (-math.inf, math.inf)
    assert meta.share([normal(0.02, 0.02, 100, "a")], [normal(-0.02, 0.02, 100, "b")]) is None
