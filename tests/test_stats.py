"""The statistics against published examples, statsmodels and scipy, matrix algebra and brute force."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy import stats as scipy_stats
from statsmodels.stats import contingency_tables as contingency

from cotbench.analysis import stats
from cotbench.analysis.stats import Array, Estimate

Z = 1.959963984540054

# --- one proportion -----------------------------------------------------------------------------------------------


def test_wilson_agrees_with_newcombe_1998() -> None:
    """Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3."""
    published = {
        (81, 263): (0.2553, 0.3662),
        (15, 148): (0.0624, 0.1605),
        (0, 20): (0.0, 0.1611),
        (1, 29): (0.0061, 0.1718),
    }
    for (correct, n), expected in published.items():
        assert stats.wilson(correct, n) == pytest.approx(expected, abs=5e-5)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_agrees_with_statsmodels(counts: tuple[int, int]) -> None:
    from statsmodels.stats.proportion import proportion_confint

    low, high = stats.wilson(*counts)
    assert (low, high) == pytest.approx(proportion_confint(*counts, method="wilson"), abs=1e-12)
    assert 0 <= low <= counts[0] / counts[1] <= high <= 1


# --- McNemar ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("helped", "hurt"), [(0, 0), (1, 0), (5, 5), (3, 12), (40, 11)])
def test_mcnemar_is_the_binomial_test_on_discordant_pairs(helped: int, hurt: int) -> None:
    n = helped + hurt
    tail = sum(math.comb(n, k) for k in range(max(helped, hurt), n + 1)) / 2**n
    assert stats.mcnemar_exact(helped, hurt) == pytest.approx(min(1.0, 2 * tail))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_agrees_with_statsmodels_and_is_symmetric(helped: int, hurt: int) -> None:
    if helped + hurt:
        expected = contingency.mcnemar([[7, helped], [hurt, 11]], exact=True).pvalue
        assert stats.mcnemar_exact(helped, hurt) == pytest.approx(expected, rel=1e-9)
    assert stats.mcnemar_exact(helped, hurt) == pytest.approx(stats.mcnemar_exact(hurt, helped), rel=1e-12)


# --- Tango's interval ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("helped", "hurt", "n", "low", "high"),
    [
        # Tango 1998, Statistics in Medicine 17:891, section 5: two ways to disinfect soft contact lenses.
        (9, 3, 32, -0.027, 0.390),
        # Bentur et al. 2009 (airway hyper-responsiveness before and after a transplantation) in Fagerland, Lydersen and
        # Laake 2014, Statistics in Medicine 33:2850, and in the documentation of R's `ratesci`.
        (1, 7, 21, -0.517, -0.026),
    ],
)
def test_tango_agrees_with_published_examples(helped: int, hurt: int, n: int, low: float, high: float) -> None:
    assert stats.tango(helped, hurt, n) == pytest.approx((low, high), abs=5e-4)


def _log_likelihood(hurt_p: float, delta: float, helped: int, hurt: int, n: int) -> float:
    parts = ((helped, hurt_p + delta), (hurt, hurt_p), (n - helped - hurt, 1 - 2 * hurt_p - delta))
    return sum(count * math.log(max(p, 1e-300)) for count, p in parts if count)


def _score_by_brute_force(delta: float, helped: int, hurt: int, n: int) -> float:
    """The score statistic at delta, with the constrained maximum of the likelihood found numerically."""
    low, high = max(0.0, -delta), (1 - delta) / 2
    best = optimize.minimize_scalar(
        lambda p: -_log_likelihood(p, delta, helped, hurt, n),
        bounds=(low, high),
        method="bounded",
        options={"xatol": 1e-12},
    )
    # A maximum may be at an end, which a bounded search only comes near to.
    p = max((low, high, float(best.x)), key=lambda p: _log_likelihood(p, delta, helped, hurt, n))
    variance = n * (2 * p + delta - delta**2)
    distance = helped - hurt - n * delta
    return distance / math.sqrt(variance) if variance > 1e-15 else math.inf if distance else 0.0


@pytest.mark.parametrize(
    ("helped", "hurt", "n"),
    [(9, 3, 32), (3, 9, 32), (0, 0, 12), (5, 0, 20), (0, 4, 20), (1, 1, 3), (7, 2, 10), (60, 40, 1319), (0, 1, 2)],
)
def test_tango_is_the_inversion_of_the_score_test_on_a_grid(helped: int, hurt: int, n: int) -> None:
    low, high = stats.tango(helped, hurt, n)
    step = 1 / 512
    for delta in np.arange(-1 + step, 1, step).tolist():
        if min(abs(delta - low), abs(delta - high)) < 1e-6:
            continue  # at the very end rounding decides
        held = abs(_score_by_brute_force(delta, helped, hurt, n)) <= Z
        assert held == (low < delta < high), delta
    for end in (low, high):
        if abs(end) < 1:
            assert abs(_score_by_brute_force(end, helped, hurt, n)) == pytest.approx(Z, abs=1e-4)


def test_tango_holds_zero_exactly_where_mcnemars_asymptotic_test_does_not_reject() -> None:
    for helped, hurt in itertools.product(range(26), repeat=2):
        if not helped + hurt:
            continue
        z = abs(helped - hurt) / math.sqrt(helped + hurt)
        for n in (helped + hurt, helped + hurt + 1, 10 * (helped + hurt)):
            low, high = stats.tango(helped, hurt, n)
            assert (low <= 0 <= high) == (z <= Z), (helped, hurt, n)


TABLES = st.tuples(st.integers(0, 200), st.integers(0, 200), st.integers(0, 2000)).filter(any)


@settings(max_examples=400, deadline=None)
@given(TABLES)
def test_tango_is_finite_ordered_and_symmetric(table: tuple[int, int, int]) -> None:
    helped, hurt, _ = table
    n = sum(table)
    low, high = stats.tango(helped, hurt, n)
    assert -1 <= low <= (helped - hurt) / n <= high <= 1
    assert high - low > 0
    assert stats.tango(hurt, helped, n) == pytest.approx((-high, -low), abs=1e-8)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 54, 1000])
def test_tango_at_the_edges_in_closed_form(n: int) -> None:
    r"""Without discordant pairs the score is -n\delta / sqrt(n \delta (1 - \delta)), whose roots are z^2 / (n + z^2).

    At n = 54 that is the 0.0664 of Newcombe 1998 (Statistics in Medicine 17:2635, table III, cells 54 0 0 0, method
    10). Where all helped, the restricted estimate of P(hurt) is 0 at every delta, so it is Wilson's interval, stretched
    to -1..1.
    """
    reach = Z**2 / (n + Z**2)
    assert stats.tango(0, 0, n) == pytest.approx((-reach, reach), abs=1e-8)
    if n == 54:
        assert reach == pytest.approx(0.0664, abs=5e-5)
    low, high = stats.tango(n, 0, n)
    assert high == 1
    assert 2 * stats.wilson(n, n)[0] - 1 == pytest.approx(low, abs=1e-8)
    assert stats.tango(0, n, n) == pytest.approx((-1, -low), abs=1e-8)


def test_more_questions_of_the_same_kind_make_tango_narrower() -> None:
    widths = [np.diff(stats.tango(3 * k, k, 20 * k))[0] for k in (1, 2, 5, 20, 100)]
    assert widths == sorted(widths, reverse=True)


# --- means and contrasts ------------------------------------------------------------------------------------------


def test_a_paired_mean_by_hand() -> None:
    """10 pairs: 4 helped, 1 hurt. Mean 0.3, sample variance 4.1/9; the interval is Tango's, p is 2 * (5 + 1) / 32."""
    got = stats.paired(np.array([1.0, 1, 1, 1, -1, 0, 0, 0, 0, 0]))
    assert got.value == pytest.approx(0.3)
    assert got.se == pytest.approx(math.sqrt(4.1 / 9 / 10))
    assert (got.low, got.high) == stats.tango(4, 1, 10)
    assert got.p == pytest.approx(12 / 32)
    assert (got.df, got.clusters) == (None, None)


def test_a_clustered_mean_by_hand() -> None:
    """Sizes 2, 2, 3 of 7 and sums of residuals 8/7, 8/7, -16/7: CR2 divides their squares by 5/7, 5/7 and 4/7."""
    got = stats.mean(np.array([1.0, 1, 1, 1, -1, 0, 0]), np.array([0, 0, 1, 1, 2, 2, 2]))
    variance = ((8 / 7) ** 2 * 7 / 5 * 2 + (16 / 7) ** 2 * 7 / 4) / 49
    assert got.value == pytest.approx(3 / 7)
    assert got.se == pytest.approx(math.sqrt(variance))
    assert got.clusters == 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(-1, 1), min_size=2, max_size=60).filter(lambda v: len(set(v)) > 1))
def test_an_unclustered_mean_is_the_one_sample_t_test(values: list[int]) -> None:
    got = stats.mean(np.array(values, dtype=float))
    expected = scipy_stats.ttest_1samp(values, 0)
    interval = expected.confidence_interval(0.95)
    assert (got.low, got.high, got.p) == pytest.approx((interval.low, interval.high, expected.pvalue), abs=1e-12)
    assert got.df == expected.df


def test_an_unclustered_contrast_is_welchs() -> None:
    rng = np.random.default_rng(11)
    for _ in range(50):
        first, second = (rng.integers(-1, 2, size=rng.integers(3, 40)).astype(float) for _ in range(2))
        if not first.var() or not second.var():
            continue
        got = stats.contrast(first, second)
        expected = scipy_stats.ttest_ind(first, second, equal_var=False)
        interval = expected.confidence_interval(0.95)
        assert (got.df, got.p) == pytest.approx((expected.df, expected.pvalue), rel=1e-9)
        assert (got.low, got.high) == pytest.approx((max(-2, interval.low), min(2, interval.high)), abs=1e-12)


def brute_cr2(design: Array, outcome: Array, clusters: Array, weights: Array) -> tuple[float, float, float]:
    """Estimate, CR2 variance and Satterthwaite degrees of freedom of a linear contrast of a regression, by matrices.

    Bell & McCaffrey 2002; as in Pustejovsky & Tipton 2018 (doi:10.1080/07350015.2016.1247004), with the working model
    of Imbens & Kolesár 2016 (doi:10.1162/REST_a_00552), errors correlated within clusters as the residuals are: df =
    (sum of eigenvalues)^2 / (sum of their squares) of G'(Omega)G.
    """
    inverse = np.linalg.inv(design.T @ design)
    n = len(outcome)
    residual_maker = np.eye(n) - design @ inverse @ design.T
    residuals = residual_maker @ outcome
    variance, columns = 0.0, []
    for cluster in np.unique(clusters):
        at = np.flatnonzero(clusters == cluster)
        values, vectors = np.linalg.eigh(residual_maker[np.ix_(at, at)])
        root = vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T
        effect = weights @ inverse @ design[at].T @ root
        variance += float(effect @ residuals[at]) ** 2
        columns.append(residual_maker[:, at] @ effect)
    stacked = np.array(columns)
    together = clusters[:, None] == clusters[None, :]
    pairs = together.sum() - n
    within = (
        max(0.0, float((np.outer(residuals, residuals) * together).sum() - residuals @ residuals) / pairs)
        if pairs
        else 0.0
    )
    apart = max(0.0, float(residuals @ residuals) / n - within)
    if within == apart == 0:
        apart = 1.0
    eigenvalues = np.linalg.eigvalsh(stacked @ (apart * np.eye(n) + within * together) @ stacked.T)
    return float(weights @ inverse @ design.T @ outcome), variance, eigenvalues.sum() ** 2 / (eigenvalues**2).sum()


def test_a_clustered_mean_is_cr2_with_imbens_kolesar_degrees_of_freedom() -> None:
    rng = np.random.default_rng(12)
    for _ in range(40):
        n = int(rng.integers(6, 60))
        clusters = rng.integers(0, rng.integers(2, 12), n)
        if len(np.unique(clusters)) < 2:
            continue
        values = rng.integers(-1, 2, n).astype(float)
        got = stats.mean(values, clusters)
        assert got.se is not None
        expected = brute_cr2(np.ones((n, 1)), values, clusters, np.array([1.0]))
        assert (got.value, got.se**2, got.df) == pytest.approx(expected, rel=1e-8, abs=1e-12)


def test_a_clustered_contrast_is_cr2_where_clusters_overlap_or_do_not() -> None:
    rng = np.random.default_rng(13)
    for turn in range(60):
        n, m, k = int(rng.integers(10, 50)), int(rng.integers(10, 50)), int(rng.integers(3, 12))
        first, second = rng.integers(-1, 2, n).astype(float), rng.integers(-1, 2, m).astype(float)
        clusters = rng.integers(0, k, n), rng.integers(0, k, m) + (0, k // 2, k)[turn % 3]
        if min(len(np.unique(c)) for c in clusters) < 2:
            continue
        design = np.zeros((n + m, 2))
        design[:n, 0] = design[n:, 1] = 1
        expected = brute_cr2(design, np.concatenate([first, second]), np.concatenate(clusters), np.array([1.0, -1.0]))
        got = stats.contrast(first, second, clusters)
        assert got.se is not None
        assert got.df is not None
        assert (got.value, got.se**2, got.df) == pytest.approx(expected, rel=1e-8, abs=1e-12)
        reach = scipy_stats.t.ppf(0.975, got.df) * got.se
        assert (got.low, got.high) == pytest.approx((max(-2, got.value - reach), min(2, got.value + reach)))
        assert got.p == pytest.approx(2 * scipy_stats.t.sf(abs(got.value) / got.se, got.df))


@pytest.mark.parametrize("size", [1, 4])
def test_with_equal_clusters_it_is_statsmodels_clustered_ols(size: int) -> None:
    """CR1 of statsmodels has the factor G/(G-1) * (n-1)/(n-1) here, and CR2 is G/(G-1) where clusters are equal."""
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(14)
    clusters = np.repeat(np.arange(12), size)
    values = rng.integers(-1, 2, len(clusters)) + 0.5 * rng.integers(-1, 2, 12)[clusters]
    fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    got = stats.mean(values, clusters)
    assert (got.value, got.se) == pytest.approx((fit.params[0], fit.bse[0]))
    assert got.df == pytest.approx(11)


def test_with_unequal_clusters_it_is_statsmodels_less_its_factor() -> None:
    from statsmodels.regression.linear_model import OLS

    rng = np.random.default_rng(15)
    clusters = np.repeat(np.arange(6), [3, 30, 8, 50, 1, 12])
    values = rng.integers(-1, 2, len(clusters)).astype(float)
    n, k = len(values), 6
    plain = OLS(values, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": clusters, "use_correction": False})
    corrected = OLS(values, np.ones(n)).fit(cov_type="cluster", cov_kwds={"groups": clusters})
    assert corrected.bse[0] ** 2 / plain.bse[0] ** 2 == pytest.approx(k / (k - 1))
    # CR2 divides each cluster's squared sum by one minus its share; undone, it is the uncorrected sandwich.
    sums = np.bincount(clusters, weights=values - values.mean())
    share = np.bincount(clusters) / n
    got = stats.mean(values, clusters)
    assert got.se is not None
    assert got.se**2 - np.sum(sums**2 / (1 - share) - sums**2) / n**2 == pytest.approx(plain.bse[0] ** 2)


def test_clusters_of_one_question_are_no_clusters() -> None:
    values = np.array([1.0, 0, -1, 1, 1, 0, 0, 1])
    alone = stats.mean(values, np.arange(8))
    plain = stats.mean(values)
    assert (alone.low, alone.high, alone.se, alone.df, alone.p) == pytest.approx(
        (plain.low, plain.high, plain.se, plain.df, plain.p)
    )


def test_codes_of_clusters() -> None:
    assert stats.codes(["", "", ""]) is None
    assert stats.codes([]) is None
    got = stats.codes(["a", "", "b", "a", "", "b"])
    assert got is not None
    assert got[0] == got[3]
    assert got[2] == got[5]
    assert len(set(got.tolist())) == 4


@pytest.mark.parametrize("clusters", [None, np.array([0])])
def test_one_question_has_no_interval(clusters: Array | None) -> None:
    got = stats.paired(np.array([1.0]), clusters)
    assert (got.value, got.low, got.high, got.se, got.p) == (1.0, -1.0, 1.0, None, 1.0)


def test_one_cluster_has_no_interval() -> None:
    got = stats.paired(np.array([1.0, 0, 1, -1]), np.zeros(4, dtype=int))
    assert (got.value, got.low, got.high, got.se, got.clusters) == (0.25, -1.0, 1.0, None, 1)


@pytest.mark.parametrize("pattern", [[1, 0, 0], [1, 1, 0], [0, -1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]])
def test_clusters_that_are_all_alike_do_not_know_the_mean_without_error(pattern: list[int]) -> None:
    """Their sums of residuals are zero but for rounding, which once gave an interval 1e-16 wide."""
    for count in range(2, 30):
        got = stats.paired(np.array(pattern * count, dtype=float), np.repeat(np.arange(count), len(pattern)))
        assert got.se == 0
        assert got.high - got.low > 0.05
        assert stats.mean(np.full(count, 1 / 3)).p is None


def test_nothing_to_average_is_an_error() -> None:
    with pytest.raises(ValueError, match="nothing"):
        stats.mean(np.array([]))
    with pytest.raises(ValueError, match="empty"):
        stats.contrast(np.array([]), np.array([1.0]))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 5)), min_size=1, max_size=40),
    st.booleans(),
)
def test_a_paired_estimate_is_finite_and_in_bounds(rows: list[tuple[int, int]], clustered: bool) -> None:
    values = np.array([value for value, _ in rows], dtype=float)
    clusters = np.array([cluster for _, cluster in rows]) if clustered else None
    got = stats.paired(values, clusters)
    _finite(got)
    assert -1 <= got.low <= got.value <= got.high <= 1
    assert got.high > got.low
    swapped = stats.paired(-values, clusters)
    assert (swapped.low, swapped.high) == pytest.approx((-got.high, -got.low), abs=1e-8)


def _finite(got: Estimate) -> None:
    numbers = [got.value, got.low, got.high, *(x for x in (got.se, got.df, got.p) if x is not None)]
    assert all(math.isfinite(x) for x in numbers)


# --- difference in differences ------------------------------------------------------------------------------------

ROWS = st.lists(st.tuples(st.integers(-1, 1), st.integers(0, 3)), min_size=1, max_size=20)


@settings(max_examples=300, deadline=None)
@given(ROWS, ROWS, st.booleans())
def test_a_difference_in_differences_is_finite_and_in_bounds(
    one: list[tuple[int, int]], other: list[tuple[int, int]], clustered: bool
) -> None:
    first, second = (np.array([value for value, _ in rows], dtype=float) for rows in (one, other))
    clusters = (np.array([c for _, c in one]), np.array([c for _, c in other])) if clustered else None
    got = stats.difference_in_differences(first, second, clusters)
    _finite(got)
    assert got.value == pytest.approx(first.mean() - second.mean())
    assert -2 <= got.low <= got.value + 1e-12
    assert got.value - 1e-12 <= got.high <= 2
    assert got.high > got.low


def test_arms_without_variance_keep_a_width_by_mover() -> None:
    """All 5 helped against none of 6 discordant: MOVER (Zou & Donner 2008) of the two Tango intervals, by hand."""
    got = stats.difference_in_differences(np.ones(5), np.zeros(6))
    low, reach = stats.tango(5, 0, 5)[0], Z**2 / (6 + Z**2)
    assert got.value == 1
    assert got.low == pytest.approx(1 - math.hypot(1 - low, reach))
    assert got.high == pytest.approx(1 + reach)
    assert (got.p, got.se) == (None, None)


def test_arms_that_move_together_keep_a_width_by_mover() -> None:
    """In each cluster both arms gain alike, so that the contributions cancel: that is no knowledge without error."""
    arm, clusters = np.array([0.0, 1.0]), np.array([1, 0])
    assert stats.contrast(arm, arm, (clusters, clusters)).se == 0
    got = stats.difference_in_differences(arm, arm, (clusters, clusters))
    assert (got.value, got.p) == (0, None)
    assert (got.low, got.high) == pytest.approx((-math.sqrt(2.5), math.sqrt(2.5)))


def test_one_question_in_an_arm() -> None:
    got = stats.difference_in_differences(np.array([1.0]), np.array([0.0, 1, 0, 0, -1, 0]))
    other = stats.paired(np.array([0.0, 1, 0, 0, -1, 0]))
    assert got.value == 1
    assert got.low == pytest.approx(1 - math.hypot(2, other.high))
    assert got.high == pytest.approx(min(2, 1 - other.low))
    assert got.p is None


def test_two_arms_that_vary_are_welchs() -> None:
    first, second = np.array([1.0, 0, 1, -1, 1]), np.array([0.0, 0, -1, 1, 0, 0])
    assert stats.difference_in_differences(first, second) == stats.contrast(first, second)


# --- ratio --------------------------------------------------------------------------------------------------------


def _jackknife(parts: Array, wholes: Array, clusters: Array) -> float:
    """The delete-one-cluster standard error of a ratio of sums."""
    names = np.unique(clusters)
    left = [parts[clusters != c].sum() / wholes[clusters != c].sum() for c in names]
    return math.sqrt((len(names) - 1) / len(names) * np.sum((np.array(left) - np.mean(left)) ** 2))


@pytest.mark.parametrize("sizes", [[1] * 400, [5] * 120, [1, 2, 3, 4, 5, 6] * 40], ids=["alone", "equal", "unequal"])
def test_a_ratio_agrees_with_the_jackknife(sizes: list[int]) -> None:
    rng = np.random.default_rng(16)
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    wholes = rng.gamma(4, 50, len(clusters))
    parts = wholes * rng.beta(2, 3, len(clusters)) + 5 * rng.normal(size=len(sizes))[clusters]
    got = stats.ratio(parts, wholes, clusters if max(sizes) > 1 else None)
    assert got.value == pytest.approx(parts.sum() / wholes.sum())
    assert got.se == pytest.approx(_jackknife(parts, wholes, clusters), rel=0.03)
    assert got.low < got.value < got.high
    assert got.p is None


def test_a_ratio_of_equal_parts_is_exact() -> None:
    wholes = np.array([10.0, 20, 30, 40])
    got = stats.ratio(wholes / 4, wholes)
    assert (got.value, got.low, got.high) == pytest.approx((0.25, 0.25, 0.25))


# --- share of the gain --------------------------------------------------------------------------------------------


def _brute_bootstrap(differences: Array, inside: Array, clusters: Array, draws: int, rng: Any) -> Array:
    """Shares over draws that take whole clusters, questions and all, with replacement."""
    members = [np.flatnonzero(clusters == c) for c in np.unique(clusters)]
    out = []
    for _ in range(draws):
        taken = np.concatenate([members[i] for i in rng.integers(0, len(members), len(members))])
        total = differences[taken].sum()
        if total * differences.sum() > 0:
            out.append((differences * inside)[taken].sum() / total)
    return np.array(out)


def _three(rng: Any, helped: Array, hurt: Array) -> Array:
    draw = rng.random(len(helped))
    out: Array = (draw < helped).astype(float) - ((draw >= helped) & (draw < helped + hurt))
    return out


@pytest.mark.parametrize("size", [1, 4], ids=["questions", "clusters"])
@pytest.mark.parametrize("sign", [1, -1], ids=["gain", "loss"])
def test_a_share_of_a_gain_agrees_with_a_bootstrap_that_resamples(size: int, sign: int) -> None:
    rng = np.random.default_rng(17)
    n = 240
    inside = np.arange(n) % 3 == 0
    differences = sign * _three(rng, np.where(inside, 0.45, 0.15), np.full(n, 0.05))
    clusters = np.arange(n) // size
    got = stats.share_of_gain(differences, inside, clusters if size > 1 else None)
    assert got.value == pytest.approx(differences[inside].sum() / differences.sum())
    assert got.unclear == ""
    shares = _brute_bootstrap(differences, inside, clusters, 4000, rng)
    for ours, level in ((got.low, 0.025), (got.high, 0.975)):
        # The standard error of a quantile is sqrt(p (1 - p) / draws) in level; both sides have one, so allow 4 of them.
        slack = 4 * math.sqrt(2 * level * (1 - level) / 4000)
        near = np.quantile(shares, [max(0, level - slack), min(1, level + slack)])
        assert near[0] <= ours <= near[1]


def test_a_share_is_above_one_where_the_others_lose() -> None:
    differences = np.array([1.0] * 60 + [0] * 40 + [-1.0] * 10 + [0] * 90)
    got = stats.share_of_gain(differences, np.arange(200) < 100)
    assert got.value == pytest.approx(60 / 50)
    assert got.low is not None
    assert got.high is not None
    assert 1 < got.low < got.value < got.high


def test_a_share_of_nothing_is_unclear() -> None:
    none = stats.share_of_gain(np.zeros(50), np.arange(50) < 20)
    assert (none.value, none.low, none.high) == (None, None, None)
    assert none.unclear
    even = stats.share_of_gain(np.array([1.0, -1] * 50), np.arange(100) < 20)
    assert (even.value, even.low) == (None, None)
    small = stats.share_of_gain(np.array([1.0, -1] * 50 + [1, 1]), np.arange(102) < 20)
    assert small.value == 0
    assert small.low is None
    assert small.unclear


def test_one_cluster_cannot_tell_how_far_a_share_varies() -> None:
    got = stats.share_of_gain(np.array([1.0, 1, 0, 1]), np.array([True, False, True, True]), np.zeros(4, dtype=int))
    assert got.value == pytest.approx(2 / 3)
    assert (got.low, got.high) == (None, None)
    assert "one cluster" in got.unclear


def test_a_share_is_the_same_every_time() -> None:
    differences, inside = np.array([1.0, 0, 1, 1, 0, -1, 1, 1] * 9), np.arange(72) % 2 == 0
    assert stats.share_of_gain(differences, inside) == stats.share_of_gain(differences, inside)


# --- many tests, power, agreement -----------------------------------------------------------------------------------


@pytest.mark.patient
def test_corrections_agree_with_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    rng = np.random.default_rng(18)
    drawn = [(rng.random(k) ** 3).tolist() for k in (1, 2, 3, 8, 30)]
    for p in [*drawn, [0.0, 0.0, 1.0], [0.05] * 6, [1.0], [0.01, 0.01, 0.2, 0.0]]:
        assert stats.holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-12)
        assert stats.bonferroni(p) == pytest.approx(multipletests(p, method="bonferroni")[1].tolist(), abs=1e-12)
        assert all(h <= b for h, b in zip(stats.holm(p), stats.bonferroni(p), strict=True))


def test_corrections_of_nothing_are_nothing() -> None:
    assert stats.holm([]) == stats.bonferroni([]) == []


def test_holms_own_steps_by_hand() -> None:
    """Holm 1979's procedure: smallest times 4, next times 3 ... and never below the one before."""
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_the_detectable_difference_has_80_percent_power() -> None:
    from statsmodels.stats.power import normal_power

    se, n = 0.013, 500
    effect = stats.detectable(se)
    assert effect == pytest.approx((1.959964 + 0.841621) * se, rel=1e-6)
    # In units of the standard deviation of one difference; the other tail's share of power is below 1e-6.
    power = normal_power(effect / (se * math.sqrt(n)), n, 0.05, alternative="two-sided")
    assert power == pytest.approx(0.80, abs=1e-5)


def test_questions_for_an_effect_agree_with_the_t_tests_power() -> None:
    from statsmodels.stats.power import TTestPower

    spread, n = 0.6, 400
    needed = stats.questions_for(0.05, spread / math.sqrt(n), n)
    assert needed == math.ceil(((1.959964 + 0.841621) * spread / 0.05) ** 2)
    by_t = TTestPower().solve_power(effect_size=0.05 / spread, alpha=0.05, power=0.8)
    assert needed == pytest.approx(by_t, abs=3)
    # Enough questions: with so many, the effect is what can just be found.
    assert stats.detectable(spread / math.sqrt(needed)) <= 0.05 < stats.detectable(spread / math.sqrt(needed - 1))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60))
def test_kappa_agrees_with_statsmodels(pairs: list[tuple[bool, bool]]) -> None:
    from statsmodels.stats.inter_rater import cohens_kappa

    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    got = stats.kappa(first, second)
    table = [[int((first & second).sum()), int((first & ~second).sum())]]
    table.append([int((~first & second).sum()), int((~first & ~second).sum())])
    if got is None:
        assert first.all() == second.all() == first.any() == second.any()
    else:
        assert got == pytest.approx(cohens_kappa(np.array(table), return_results=False), abs=1e-9)


def test_kappa_by_hand() -> None:
    """Cohen's kappa of the table 20 5 / 10 15 is 0.4: agreement 0.7, chance 0.5."""
    first = np.array([True] * 25 + [False] * 25)
    second = np.array([True] * 20 + [False] * 5 + [True] * 10 + [False] * 15)
    assert stats.kappa(first, second) == pytest.approx(0.4)
