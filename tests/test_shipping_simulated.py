"""Does a cross-fitted policy bring what its figure says, and by how much is the naive figure too good?

Questions are drawn from known chances, so that what a policy really brings can be worked out, or measured on as many
fresh ones as one likes. COTBENCH_SIMULATIONS sets how many draws: 100 by default, 2,000 before a release."""

from __future__ import annotations

import math
import os
from dataclasses import replace

import numpy as np
import pytest

from cotbench.analysis import stats
from cotbench.analysis.shipping import SUBJECT, WHOLE, Problem, fitted, gains_of, resampled_errors
from cotbench.analysis.stats import Array

pytestmark = pytest.mark.patient

SIMULATIONS = int(os.environ.get("COTBENCH_SIMULATIONS", "100"))
PIECES, EACH = 40, 15
SPLITS = 4


def drawn(seed: int, chances: Array, each: int = EACH, *, margin: float = 0.0, shared: int = 1) -> Problem:
    """Draw questions. chances: a row a subject, a column an arm, of being right. shared: how many questions of a
    subject have the same answers, as a cluster of one passage."""
    rng = np.random.default_rng(seed)
    pieces = np.repeat(np.arange(len(chances)), each)
    homes = np.arange(len(pieces)) // shared
    luck = rng.random((homes.max() + 1, chances.shape[1]))[homes]
    right = (luck < chances[pieces]).astype(float)
    return Problem(
        right=right,
        tokens=np.tile(10.0 ** np.arange(chances.shape[1]), (len(right), 1)),
        rules={WHOLE: np.zeros(len(right), dtype=np.int64), SUBJECT: pieces},
        clusters=homes if shared > 1 else None,
        margin=margin,
    )


def near(values: Array, expected: float, what: str) -> None:
    """The mean of many draws is within 4 of its standard errors of what it should be."""
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - expected) <= 4 * error + 1e-9, f"{what}: {values.mean():.5f}, expected {expected:.5f}"


def test_where_arms_are_alike_the_naive_gain_is_half_the_noise_and_the_cross_fitted_one_is_none() -> None:
    """Both arms are right half of the time, whatever the subject, so no policy brings anything over either. A subject's
    difference over m questions has the standard deviation sqrt(1/2 / m); the better arm is taken where it is above 0,
    which is worth E[max(0, noise)] = E|noise| / 2 = sqrt(1/2 / m) / sqrt(2 pi), but for being in steps of 1/m."""
    chances = np.full((PIECES, 2), 0.5)
    naive, honest, careless = [], [], []
    for seed in range(SIMULATIONS):
        problem = drawn(seed, chances)
        own = fitted(problem, splits=SPLITS)
        loose = fitted(replace(problem, shrink=False, nested=False), splits=SPLITS)
        base = problem.right[:, 0]
        apparent = np.eye(2)[loose.arms[problem.rules[loose.rule]]]
        naive.append(((apparent * problem.right).sum(axis=1) - base).mean())
        honest.append((own.used[:, 1] * problem.gains[:, 1]).mean())
        careless.append((loose.used[:, 1] * problem.gains[:, 1]).mean())
    # Exactly, of a difference of two binomials: the sum over its values that are above 0.
    binomial = np.array([math.comb(EACH, k) for k in range(EACH + 1)]) / 2**EACH
    exact = sum(binomial[i] * binomial[j] * (i - j) / EACH for i in range(EACH + 1) for j in range(EACH + 1) if i > j)
    assert exact == pytest.approx(math.sqrt(0.5 / EACH) / math.sqrt(2 * math.pi), rel=0.03)
    near(np.array(naive), exact, "naive gain")
    near(np.array(honest), 0.0, "cross-fitted gain")
    near(np.array(careless), 0.0, "cross-fitted gain without shrinkage")
    assert exact > 0.07


def test_the_cross_fitted_figure_is_what_the_procedure_gives_on_fresh_questions() -> None:
    """Chosen on four fifths and scored on the rest is what one has who chooses on so many questions and meets fresh
    ones, of which the chances say what they bring."""
    rng = np.random.default_rng(5)
    chances = np.clip(np.stack([np.full(PIECES, 0.5), 0.5 + rng.normal(0, 0.12, PIECES)], axis=1), 0, 1)
    figures, fresh = [], []
    for seed in range(SIMULATIONS):
        problem = drawn(seed, chances, margin=0.02)
        figures.append((fitted(problem, splits=SPLITS).used * problem.right).sum(axis=1).mean())
        # Fewer questions by the fold that is left out; a policy of them meets all subjects alike.
        smaller = drawn(100_000 + seed, chances, EACH * 4 // 5, margin=0.02)
        made = fitted(smaller, splits=SPLITS)
        arms = made.arms if made.rule == SUBJECT else np.repeat(made.arms, PIECES)
        fresh.append(chances[np.arange(PIECES), arms].mean())
    gap = np.array(figures) - np.array(fresh)
    near(gap, 0.0, "the figure less what is really had")


@pytest.mark.parametrize("shared", [1, 5])
def test_intervals_of_the_loss_hold_what_is_really_lost(shared: int) -> None:
    """95% of the intervals hold what the procedure loses on fresh questions, with single questions and with clusters;
    more is no harm. By the questions' means alone it would be 80% of them here, where choices hang by a hair."""
    rng = np.random.default_rng(7)
    chances = np.clip(np.stack([np.full(PIECES, 0.5), 0.55 + rng.normal(0, 0.1, PIECES)], axis=1), 0, 1)
    found, errors, truths = [], [], []
    draws = SIMULATIONS // 4
    for seed in range(draws):
        problem = drawn(seed, chances, margin=0.02, shared=shared)
        best = fitted(problem, splits=SPLITS)
        used = best.used
        lost = problem.right[:, 1] - (used * problem.right).sum(axis=1)
        pieces = problem.rules[SUBJECT]
        truths.append((chances[pieces, 1] - (used * chances[pieces]).sum(axis=1)).mean())
        plain = stats.mean(lost, problem.clusters, pieces, bound=1.0)
        found.append(plain.value)
        errors.append(max(plain.se or 0.0, resampled_errors(problem, pieces, best, seed=seed)[1]))
    hits = int((np.abs(np.array(found) - np.mean(truths)) <= 1.96 * np.array(errors)).sum())
    slack = 3.5 * math.sqrt(0.95 * 0.05 / draws)
    assert hits / draws >= 0.95 - slack, f"{hits} of {draws}"


def test_shrunk_gains_are_nearer_to_the_truth_in_small_subjects_and_choose_better() -> None:
    """With many subjects of few questions: nearer in the mean square, and what they choose gets more right where an arm
    helps on the whole. (Where its mean gain is about the margin, a spread that is taken for noise can cost choices.)"""
    rng = np.random.default_rng(9)
    chances = np.clip(np.stack([np.full(PIECES, 0.5), 0.6 + rng.normal(0, 0.06, PIECES)], axis=1), 0, 1)
    truth = chances[:, 1] - chances[:, 0]
    errors, right = {True: [], False: []}, {True: [], False: []}
    for seed in range(SIMULATIONS):
        problem = drawn(seed, chances, margin=0.02)
        for shrink in (True, False):
            own = replace(problem, shrink=shrink)
            gains = gains_of(own, problem.rules[SUBJECT])
            errors[shrink].append(((gains[:, 1] - truth) ** 2).mean())
            # What is chosen is worth its gain less the margin, which is what the dearer arm has to bring.
            right[shrink].append((truth - own.margin)[gains[:, 1] > own.margin].sum() / PIECES)
    assert np.mean(errors[True]) < 0.5 * np.mean(errors[False])
    better = np.array(right[True]) - np.array(right[False])
    assert better.mean() > 3 * better.std(ddof=1) / math.sqrt(len(better))


def test_with_large_subjects_that_differ_shrinkage_changes_little() -> None:
    chances = np.array([[0.3, 0.8], [0.5, 0.5], [0.7, 0.4], [0.2, 0.2]])
    problem = drawn(1, chances, 1500)
    shrunk, raw = (gains_of(replace(problem, shrink=s), problem.rules[SUBJECT])[:, 1] for s in (True, False))
    assert np.abs(shrunk - raw).max() < 0.005


def test_clusters_that_share_an_answer_make_gains_shrink_further() -> None:
    rng = np.random.default_rng(11)
    chances = np.clip(np.stack([np.full(PIECES, 0.5), 0.55 + rng.normal(0, 0.1, PIECES)], axis=1), 0, 1)
    spreads: dict[bool, list[float]] = {True: [], False: []}
    for seed in range(SIMULATIONS):
        problem = drawn(seed, chances, shared=5)
        for known in (True, False):
            own = problem if known else replace(problem, clusters=None)
            error = gains_of(own, problem.rules[SUBJECT])[:, 1] - (chances[:, 1] - chances[:, 0])
            spreads[known].append(float((error**2).mean()))
    assert np.mean(spreads[True]) < np.mean(spreads[False])
