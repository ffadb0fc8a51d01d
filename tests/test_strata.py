"""Strata: a benchmark's subjects are all there. The figures against sums by hand and regressions by matrices, and which
questions are taken for what."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cases
import numpy as np
import pytest
from conftest import Cli
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats
from test_compare import QUESTIONS, make_run
from test_stats import brute_cr2
from test_stats_simulated import MMLU

from cotbench.analysis import stats
from cotbench.analysis.compare import compare
from cotbench.analysis.estimates import ALL
from cotbench.analysis.pairing import Panel, load_run, panels_of
from cotbench.analysis.stats import Array

Z = 1.959963984540054


def dummies(strata: Array) -> Array:
    return np.asarray(strata[:, None] == np.unique(strata)[None, :], dtype=float)


def some_strata(rng: Any, n: int, k: int) -> Array:
    """Strata of two questions or more."""
    return np.concatenate([np.repeat(np.arange(k), 2), rng.integers(0, k, n - 2 * k)])


# --- figures ------------------------------------------------------------------------------------------------------


def test_a_stratified_mean_is_the_sum_of_its_strata() -> None:
    """Cochran 1977, section 5.6, with each stratum's share of the questions for its weight."""
    rng = np.random.default_rng(41)
    for _ in range(30):
        strata = some_strata(rng, int(rng.integers(12, 80)), int(rng.integers(2, 6)))
        values = rng.integers(-1, 2, len(strata)) + strata.astype(float)
        got = stats.mean(values, None, strata)
        parts = [values[strata == one] for one in np.unique(strata)]
        weights = [len(part) / len(values) for part in parts]
        variance = sum(w**2 * part.var(ddof=1) / len(part) for w, part in zip(weights, parts, strict=True))
        assert got.value == pytest.approx(sum(w * part.mean() for w, part in zip(weights, parts, strict=True)))
        assert got.se == pytest.approx(math.sqrt(variance))
        assert (got.strata, got.clusters) == (len(parts), None)
        df = len(values) ** 2 / sum(len(part) ** 2 / (len(part) - 1) for part in parts)
        assert got.df == pytest.approx(df)
        reach = scipy_stats.t.ppf(0.975, df) * math.sqrt(variance)
        assert (got.low, got.high) == pytest.approx((got.value - reach, got.value + reach))


def test_a_stratified_mean_is_cr2_of_a_regression_on_strata_with_clusters_or_without() -> None:
    rng = np.random.default_rng(42)
    for turn in range(40):
        n, k = int(rng.integers(20, 60)), int(rng.integers(2, 5))
        strata = some_strata(rng, n, k)
        clusters = strata * 100 + rng.integers(0, 4, n) if turn % 2 else np.arange(n)
        if min(len(np.unique(clusters[strata == one])) for one in range(k)) < 2:
            continue
        values = rng.integers(-1, 2, n) + 0.3 * strata
        expected = brute_cr2(dummies(strata), values, clusters, dummies(strata).sum(axis=0) / n)
        got = stats.mean(values, clusters if turn % 2 else None, strata)
        assert got.se is not None
        assert (got.value, got.se**2, got.df) == pytest.approx(expected, rel=1e-8)


def test_a_stratified_contrast_is_cr2_of_a_regression_on_arms_and_strata() -> None:
    """Also where a passage has questions in both arms."""
    rng = np.random.default_rng(43)
    for turn in range(40):
        sizes, k = rng.integers(14, 40, 2), int(rng.integers(2, 4))
        strata = [some_strata(rng, int(n), k) for n in sizes]
        clusters = [own * 100 + rng.integers(0, 5, len(own)) for own in strata]
        clustered = turn % 2 == 1
        if any(len(np.unique(c[s == one])) < 2 for c, s in zip(clusters, strata, strict=True) for one in range(k)):
            continue
        first, second = (rng.integers(-1, 2, len(own)) + 0.2 * own for own in strata)
        got = stats.contrast(first, second, (clusters[0], clusters[1]) if clustered else None, (strata[0], strata[1]))
        n, m = map(len, (first, second))
        design = np.zeros((n + m, 2 * k))
        design[:n, :k], design[n:, k:] = dummies(strata[0]), dummies(strata[1])
        weights = np.concatenate([design[:n, :k].sum(axis=0) / n, -design[n:, k:].sum(axis=0) / m])
        names = np.concatenate(clusters) if clustered else np.arange(n + m)
        value, variance, df = brute_cr2(design, np.concatenate([first, second]), names, weights)
        assert got.se is not None
        assert (got.value, got.se**2) == pytest.approx((value, variance))
        assert (got.strata, got.clusters) == (k, len(np.unique(names)) if clustered else None)
        if clustered:
            assert got.df == pytest.approx(df)
        else:  # Welch's: the arms have a variance each
            parts = [stats.mean(arm, None, own) for arm, own in ((first, strata[0]), (second, strata[1]))]
            spread = sum((part.se or 0.0) ** 4 / (part.df or 1.0) for part in parts)
            assert got.df == pytest.approx(variance**2 / spread)


def test_one_stratum_is_no_strata() -> None:
    rng = np.random.default_rng(44)
    values, one = rng.integers(-1, 2, 30).astype(float), np.zeros(30, dtype=int)
    clusters = rng.integers(0, 9, 30)
    inside = rng.random(30) < 0.5
    for of in (None, clusters):
        for estimate in (stats.mean, stats.paired):
            assert replace(estimate(values, of, one), strata=None) == estimate(values, of)
        got, plain = (stats.share_of_gain(values, inside, of, strata) for strata in (one, None))
        assert got == plain


@pytest.mark.parametrize("clustered", [False, True])
def test_strata_that_hold_one_are_taken_as_one(clustered: bool) -> None:
    """Five of one question, or of one passage of two, among one of six: how the five differ counts as chance."""
    strata = np.array([0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 5])
    values = np.array([1.0, 0, -1, 1, 1, 0, 0, 1, 1, 0, -1])
    merged = np.where(strata < 5, 0, 1)
    if clustered:
        strata, values, merged = (np.repeat(array, 2) for array in (strata, values, merged))
    clusters = np.repeat(np.arange(11), 2) if clustered else None
    got = stats.mean(values, clusters, strata)
    assert replace(got, strata=2) == stats.mean(values, clusters, merged)
    assert got.strata == 6
    # A single one is added to the smallest of the others.
    alone = np.array([0, 1, 1, 1, 2, 2, 3, 3, 3, 3])
    assert len(set(stats.collapsed(alone).tolist())) == 3
    assert stats.collapsed(alone)[0] == stats.collapsed(alone)[4]
    assert len(set(stats.collapsed(np.array([4]), None).tolist())) == 1
    assert len(set(stats.collapsed(np.array([4, 5]), None).tolist())) == 1


def test_strata_that_share_a_cluster_are_taken_as_one() -> None:
    """Passage 7 has questions of subjects 0 and 1, passage 8 of 1 and 2: the three are one; 3 and 4 stay apart."""
    strata = np.array([0, 0, 1, 1, 2, 2, 3, 3, 4, 4])
    clusters = np.array([1, 7, 7, 8, 8, 2, 3, 4, 5, 6])
    got = stats.whole_clusters(strata, clusters)
    assert len(set(got[:6].tolist())) == 1
    assert len(set(got.tolist())) == 3


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=30))
def test_no_cluster_is_in_two_strata_and_no_stratum_is_torn(pairs: list[tuple[int, int]]) -> None:
    strata, clusters = (np.array(column) for column in zip(*pairs, strict=True))
    whole = stats.whole_clusters(strata, clusters)
    for names in (strata, clusters):
        assert all(len(set(whole[names == one].tolist())) == 1 for one in np.unique(names))
    # No more is joined than has to be: whoever is of one stratum can be reached over shared names.
    reached = {0}
    for _ in pairs:
        reached |= {
            b for a in reached for b in range(len(pairs)) if strata[a] == strata[b] or clusters[a] == clusters[b]
        }
    assert reached == set(np.flatnonzero(whole == whole[0]).tolist())


def test_a_stratified_interval_is_put_together_from_tangos() -> None:
    """MOVER (Zou & Donner 2008) by hand: 60 questions where nearly all gain, 80 where hardly any does."""
    differences = np.repeat([1.0, 0, 1, -1, 0], [57, 3, 2, 1, 77])
    strata = np.repeat([4, 9], [60, 80])
    got = stats.paired(differences, None, strata)
    below = above = 0.0
    for up, down, n in ((57, 0, 60), (2, 1, 80)):
        low, high = stats.tango(up, down, n)
        below += (n / 140 * ((up - down) / n - low)) ** 2
        above += (n / 140 * (high - (up - down) / n)) ** 2
    value = 58 / 140
    assert (got.low, got.high) == pytest.approx((value - math.sqrt(below), value + math.sqrt(above)))
    assert got.value == pytest.approx(value)
    assert got.p == stats.mcnemar_exact(59, 1)
    plain = stats.tango(59, 1, 140)
    assert got.high - got.low < plain[1] - plain[0]


@pytest.mark.parametrize("size", [49, 50])
def test_only_strata_of_fifty_questions_have_an_interval_of_their_own(size: int) -> None:
    differences = np.repeat([1.0, 0.0], size)
    got = stats.paired(differences, None, np.repeat([0, 1], size))
    whole = stats.tango(size, 0, 2 * size)
    assert ((got.low, got.high) == whole) == (size < 50)


def test_strata_that_do_not_vary_keep_a_width() -> None:
    """All of one subject helped, none of the other: without variance within strata, but not known without error."""
    for size in (2, 30, 60, 500):
        strata = np.repeat([0, 1], size)
        got = stats.paired(np.repeat([1.0, 0.0], size), None, strata)
        assert (got.value, got.se) == (0.5, 0)
        assert got.low < 0.5 - 1 / (4 * size) < 0.5 + 1 / (4 * size) < got.high
        both = stats.difference_in_differences(
            np.repeat([1.0, 0.0], size), np.repeat([0.0, -1.0], size), None, (strata, strata)
        )
        assert both.low < both.value < both.high
        assert both.p is None


def test_the_example_of_a_quarter_of_subjects_at_thirty_points() -> None:
    """On MMLU's subjects, with the rest at +5: +-0.7 points where all subjects are there, +-3.6 for new subjects."""
    differences, strata = [], []
    for place, size in enumerate(MMLU):
        up, down = (round(size * part) for part in ((0.32, 0.02) if place % 4 == 1 else (0.10, 0.05)))
        differences += [1.0] * up + [-1.0] * down + [0.0] * (size - up - down)
        strata += [place] * size
    within, across = (
        stats.paired(np.array(differences), None, np.array(strata)),
        stats.paired(np.array(differences), np.array(strata)),
    )
    assert within.value == across.value
    assert 100 * (within.high - within.low) / 2 == pytest.approx(0.7, abs=0.03)
    assert 100 * (across.high - across.low) / 2 == pytest.approx(3.6, abs=0.5)
    assert (within.strata, across.clusters) == (57, 57)


def test_a_share_of_a_gain_is_drawn_within_strata() -> None:
    """Against draws that take each stratum's questions one by one, n - 1 of n, and weigh them n / (n - 1)."""
    rng = np.random.default_rng(45)
    strata = np.repeat(np.arange(4), [60, 40, 80, 60])
    inside = rng.random(240) < 0.4
    gain = np.array([0.6, 0.1, 0.2, 0.45])[strata]
    differences = (rng.random(240) < gain).astype(float) - (rng.random(240) < 0.05)
    got = stats.share_of_gain(differences, inside, None, strata)
    shares = []
    for _ in range(4000):
        part = whole = 0.0
        for one in range(4):
            places = np.flatnonzero(strata == one)
            taken = rng.choice(places, len(places) - 1)
            weight = len(places) / (len(places) - 1)
            part += weight * (differences * inside)[taken].sum()
            whole += weight * differences[taken].sum()
        shares.append(part / whole)
    assert got.value == pytest.approx(differences[inside].sum() / differences.sum())
    for ours, level in ((got.low, 0.025), (got.high, 0.975)):
        slack = 4 * math.sqrt(2 * level * (1 - level) / 4000)
        near = np.quantile(shares, [max(0, level - slack), min(1, level + slack)])
        assert near[0] <= ours <= near[1]
    plain = stats.share_of_gain(differences, inside)
    assert plain.low is not None
    assert plain.high is not None
    assert got.low is not None
    assert got.high is not None
    assert got.high - got.low < plain.high - plain.low


def test_a_proportion_of_clusters_is_wilsons_of_fewer_questions() -> None:
    """Twins that are always alike are half as many questions, with t in place of z."""
    right = np.repeat([True, False, True, True, False, True, False, True, True, False, True, True], 2)
    clusters = np.arange(24) // 2
    got = stats.proportion(right, clusters)
    p, n = 8 / 12, 12
    se = math.sqrt(p * (1 - p) / (n - 1))
    assert got.se == pytest.approx(se)
    # Wilson's as the roots of (p - x)^2 = t^2 x (1 - x) / m.
    m, t2 = p * (1 - p) / se**2, scipy_stats.t.ppf(0.975, 11) ** 2
    assert (got.low, got.high) == pytest.approx(sorted(np.roots([1 + t2 / m, -2 * p - t2 / m, p * p]).real.tolist()))
    assert (stats.proportion(right).low, stats.proportion(right).high) == stats.wilson(16, 24)
    for alike in (right | True, right & False):
        one = stats.proportion(alike, clusters)
        assert (one.low, one.high) == stats.wilson(int(alike.sum()), 24)
    assert (stats.proportion(right, np.zeros(24)).low, stats.proportion(right, np.zeros(24)).high) == (0, 1)


# --- which questions are taken for what ---------------------------------------------------------------------------

LETTERS = {"direct": "wwwcccuwwc", "cot": "cccwcctwcc"}


def panel_of(folder: Path, groups: Sequence[str], clusters: Sequence[str], generalise: str = "") -> Panel:
    questions = [replace(q, group=g, cluster=c) for q, g, c in zip(QUESTIONS, groups, clusters, strict=True)]
    [panel], _ = panels_of([load_run(make_run(folder, LETTERS, questions=questions))], generalise=generalise)
    return panel


LONG = "the history of the theory of the measurement of everything"
GROUPS = list("aaaabbbbcc")


def names(letters: str) -> list[str]:
    return ["" if letter == "-" else letter for letter in letters]


def is_parted(codes: Array | None, letters: str) -> bool:
    """Whether codes part the questions as letters do."""
    if codes is None or letters == "none":
        return codes is None and letters == "none"
    pairs = set(zip(codes.tolist(), letters, strict=True))
    return len(pairs) == len(set(codes.tolist())) == len(set(letters))


@pytest.mark.parametrize("case", cases.load("strata").items(), ids=lambda case: case[0])
def test_what_is_a_cluster_and_what_a_stratum(case: tuple[str, Any], tmp_path: Path) -> None:
    groups, clusters, unit, of, strata, subjects = cases.row(case[1], "groups clusters unit of strata subjects")
    panel = panel_of(tmp_path / "r", names(groups), names(clusters))
    assert panel.unit == unit
    assert is_parted(panel.clusters, of)
    assert is_parted(panel.strata, strata)
    new = panel_of(tmp_path / "s", names(groups), names(clusters), "subject")
    assert new.unit == ("subject" if any(names(groups)) else unit)
    assert is_parted(new.clusters, subjects)
    assert new.strata is None


def test_a_group_with_a_long_name_is_known_by_the_hash_that_its_cluster_has(tmp_path: Path) -> None:
    from cotbench.questions.data import question_hash

    names = [LONG] * 5 + ["b"] * 5
    panel = panel_of(tmp_path / "r", names, [question_hash(LONG, ())] * 5 + ["b"] * 5)
    assert (panel.unit, panel.clusters) == ("question", None)


def test_rows_say_what_is_drawn_and_the_test_is_of_the_same(tmp_path: Path) -> None:
    """With strata McNemar's test goes with the interval, for new subjects the t test of clusters."""
    questions = [replace(q, group=g, cluster=g) for q, g in zip(QUESTIONS, GROUPS, strict=True)]
    run = load_run(make_run(tmp_path / "r", LETTERS, questions=questions))
    for generalise in ("", "subject"):
        comparison = compare([run], generalise=generalise)
        assert comparison.generalise == generalise
        row = next(one for one in comparison.deltas if one.tag == ALL)
        mode = next(one for one in comparison.modes if one.tag == ALL)
        assert row.p_mcnemar == pytest.approx(stats.mcnemar_exact(row.helped, row.hurt))
        if generalise:
            assert (
                (row.unit, row.clusters, row.strata) == (mode.unit, mode.clusters, mode.strata) == ("subject", 3, None)
            )
            assert row.delta.p == row.p_clustered != row.p_mcnemar
        else:
            assert (
                (row.unit, row.clusters, row.strata) == (mode.unit, mode.clusters, mode.strata) == ("question", None, 3)
            )
            assert (row.delta.p, row.p_clustered) == (row.p_mcnemar, None)
        assert row.uncorrected_p == row.delta.p
        assert all((one.unit, one.clusters, one.strata) == ("question", None, None) for one in comparison.groups)


def test_a_report_for_new_subjects_says_so(tmp_path: Path, main: Cli) -> None:
    """In the sentence beside the number of questions, in a note, in legends and in report.json."""
    questions = [replace(q, group=g, cluster=g) for q, g in zip(QUESTIONS, GROUPS, strict=True)]
    folder = make_run(tmp_path / "results" / "a", LETTERS, questions=questions)
    words = "taken as a sample of subjects (--generalise subject)"
    for option in ([], ["--generalise", "subject"]):
        done = main("report", "a", "--no-plots", "--no-page", *option)
        assert done.code == 0, done.err
        assert ("in 3 subjects, for new ones" in " ".join(done.out.split())) == bool(option)
        summary = (folder / "report" / "summary.md").read_text()
        assert (words in summary) == bool(option)
        assert ("are all there" in summary) != bool(option)
        report = json.loads((folder / "report" / "report.json").read_text())
        assert report["generalise"] == ("subject" if option else "")
        assert {row["strata"] for row in report["deltas"] if row["tag"] == "all"} == {None if option else 3}
    refused = main("report", "a", "--generalise", "topic")
    assert refused.code == 2
    assert "expected 'subject', found 'topic'" in refused.err


def test_a_gate_asks_for_the_test_of_single_questions(tmp_path: Path, main: Cli) -> None:
    questions = [replace(q, group=g, cluster=g) for q, g in zip(QUESTIONS, GROUPS, strict=True)]
    make_run(tmp_path / "results" / "a", LETTERS, questions=questions)
    plain = ["report", "a", "--no-plots", "--no-page", "--generalise", "subject", "--fail-if"]
    p = stats.mcnemar_exact(4, 1)
    assert main(*plain, f"p_mcnemar[t,cot] >= {p - 1e-9}").code == 5
    assert main(*plain, f"p[t,cot] == {p}").code == 0  # which is of the clusters


def test_many_passages_within_strata_have_as_many_degrees_of_freedom_less_the_strata() -> None:
    rng = np.random.default_rng(46)
    clusters = np.sort(rng.integers(0, 260, 600))
    strata = clusters // 90
    values = rng.integers(-1, 2, 600) + 0.4 * strata
    got = stats.mean(values, clusters, strata)
    value, variance, _ = brute_cr2(dummies(strata), values, clusters, dummies(strata).sum(axis=0) / 600)
    assert got.se is not None
    assert (got.value, got.se**2) == pytest.approx((value, variance))
    assert got.df == len(np.unique(clusters)) - 3 > stats.FEW_CLUSTERS - 3


@pytest.mark.parametrize(
    "names",
    [[0, 1, 2], [5, 0, 5, 9], [1], [-3, 7, -3], [10**9, 0, 10**9], ["b", "a", "b"], [0.5, 0.25, 0.5], []],
)
def test_numbers_of_strata_are_those_of_sorting(names: list[object]) -> None:
    values = np.array(names)
    assert stats._numbered(values).tolist() == np.unique(values, return_inverse=True)[1].tolist()


def test_what_is_known_of_a_stratum_is_the_same_when_asked_again() -> None:
    stats.tango.cache_clear()
    assert stats.tango(9, 4, 60) == stats.tango(9, 4, 60) == stats.tango.__wrapped__(9, 4, 60)
