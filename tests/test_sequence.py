"""The interval of a drawn run: what it holds, how often, and after how many questions it tells a difference.

COTBENCH_SIMULATIONS sets how many draws, as in test_stats_simulated.py; 60 by default, since each looks at every
question."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from test_stats_simulated import LOGIQA, MMLU, within

from cotbench.analysis.sequence import ConfidenceSequence, bounds
from cotbench.analysis.stats import Array

SIMULATIONS = int(os.environ.get("COTBENCH_SIMULATIONS", "60"))
ALL_OF_MMLU = sum(MMLU)


def differences(rng: Any, n: int, effect: float, discordance: float = 0.3) -> Array:
    """So many differences of -1, 0 and 1 with exactly this mean, in an order of chance."""
    helped, hurt = round(n * (discordance + effect) / 2), round(n * (discordance - effect) / 2)
    values: Array = np.zeros(n)
    values[:helped], values[helped : helped + hurt] = 1, -1
    return np.asarray(rng.permutation(values))


def drawn(rng: Any, sums: Array, sizes: Array) -> tuple[Array, Array]:
    """Clusters in the order of the first of their questions in a shuffle."""
    order = np.argsort(rng.exponential(size=len(sizes)) / sizes)
    return sums[order], sizes[order]


def over(sums: Array, sizes: Array, first: int | None = None, **kind: float) -> ConfidenceSequence:
    sequence = ConfidenceSequence(int(sizes.sum()), **kind)  # type: ignore[arg-type]
    sequence.add(sums[:first], sums[:first], sizes[:first])
    return sequence


# --- what holds always --------------------------------------------------------------------------------------------


def test_it_is_the_same_however_many_clusters_are_added_at_once() -> None:
    rng = np.random.default_rng(0)
    values, ones = differences(rng, 300, 0.1), np.ones(300)
    whole, single = over(values, ones), ConfidenceSequence(300)
    for value in values:
        single.add(np.array([value]), np.array([value]), np.ones(1))
    for name in ("lows", "highs", "values", "log_es"):
        assert np.allclose(getattr(whole, name), getattr(single, name), equal_nan=True), name


def test_it_only_becomes_narrower_and_ends_at_the_mean_of_all() -> None:
    rng = np.random.default_rng(1)
    sequence = over(differences(rng, 500, 0.02), np.ones(500))
    assert (np.diff(sequence.lows) >= 0).all()
    assert (np.diff(sequence.highs) <= 0).all()
    assert sequence.low == pytest.approx(0.02)
    assert sequence.high == pytest.approx(0.02)
    assert sequence.log_e == np.inf  # all is known, and so is the sign


def test_before_anything_is_asked_anything_may_be() -> None:
    sequence = ConfidenceSequence(100)
    assert (sequence.low, sequence.high, sequence.p, sequence.value) == (-1.0, 1.0, 1.0, None)


def test_its_interval_holds_zero_just_where_its_test_does_not_reject() -> None:
    rng = np.random.default_rng(2)
    sequence = over(differences(rng, 2_000, 0.08), np.ones(2_000), 1_500)
    apart = (sequence.lows > 0) | (sequence.highs < 0)
    assert (apart == (sequence.log_es > np.log(20))).all()
    assert apart.any()
    assert not apart[0]


def test_a_failed_request_makes_it_no_narrower_whatever_its_answer_would_have_been() -> None:
    rng = np.random.default_rng(3)
    values, failed = differences(rng, 400, 0.1), rng.random(400) < 0.1
    sequence = ConfidenceSequence(400)
    sequence.add(np.where(failed, -1.0, values), np.where(failed, 1.0, values), np.ones(400))
    for would in (-1.0, 0.0, 1.0):
        mean = np.where(failed, would, values).mean()
        assert sequence.low <= mean <= sequence.high
    assert sequence.value == pytest.approx(values[~failed].mean())
    assert [bounds(None, None), bounds(True, None), bounds(None, True), bounds(True, False), bounds(None)] == [
        (-1, 1), (0, 1), (-1, 0), (1, 1), (0, 1),
    ]  # fmt: skip


# --- how often ----------------------------------------------------------------------------------------------------


def _clusters(rng: Any, sizes: list[int], effect: float) -> tuple[Array, Array]:
    """Questions of a cluster are answered alike, mostly: sums of differences over clusters."""
    lean = rng.random(len(sizes))
    sums = [
        sum((rng.random(size) < 0.15 + effect / 2 + 0.6 * (one - 0.5)) * 1.0)
        - sum((rng.random(size) < 0.15 - effect / 2 - 0.6 * (one - 0.5)) * 1.0)
        for size, one in zip(sizes, lean, strict=True)
    ]
    return np.array(sums), np.array(sizes, dtype=float)


def _sorted(rng: Any, n: int) -> tuple[Array, Array]:
    """The first half is helped and the second one hurt, so that the data set's own order would mislead."""
    values = np.where(np.arange(n) < n // 2, rng.random(n) < 0.3, -(rng.random(n) < 0.3).astype(float))
    return values.astype(float), np.ones(n)


SETS: dict[str, Any] = {
    "no effect": lambda rng: (differences(rng, 1_500, 0.0), np.ones(1_500)),
    "an effect": lambda rng: (differences(rng, 1_500, 0.06), np.ones(1_500)),
    "sorted": lambda rng: _sorted(rng, 1_500),
    "passages of five": lambda rng: _clusters(rng, [5] * 300, 0.0),
    "LogiQA's passages": lambda rng: _clusters(rng, LOGIQA, 0.0),
    "rare changes": lambda rng: (differences(rng, 1_500, 0.0, 0.02), np.ones(1_500)),
    "one large cluster": lambda rng: _clusters(rng, [400] + [1] * 800, 0.0),
}


@pytest.mark.patient
@pytest.mark.parametrize("kind", SETS)
def test_the_mean_is_inside_at_every_look(kind: str) -> None:
    missed = 0
    for seed in range(SIMULATIONS):
        rng = np.random.default_rng([seed, 7])
        sums, sizes = drawn(rng, *SETS[kind](rng))
        sequence, mean = over(sums, sizes), float(sums.sum() / sizes.sum())
        missed += bool(((sequence.lows > mean + 1e-9) | (sequence.highs < mean - 1e-9)).any())
    within(missed, SIMULATIONS, 0.0, 0.05)


@pytest.mark.patient
def test_an_accuracy_is_inside_at_every_look() -> None:
    missed = 0
    for seed in range(SIMULATIONS):
        rng = np.random.default_rng([seed, 8])
        right = (rng.random(1_000) < rng.choice([0.05, 0.5, 0.97])).astype(float)
        sequence = over(right, np.ones(1_000), bottom=0.0)
        missed += bool(((sequence.lows > right.mean() + 1e-9) | (sequence.highs < right.mean() - 1e-9)).any())
    within(missed, SIMULATIONS, 0.0, 0.05)


@pytest.mark.patient
def test_part_of_a_set_is_covered_where_its_clusters_reach_beyond_it() -> None:
    """Clusters of four, of which one to four questions are on the side; they are drawn as wholes."""
    missed = 0
    for seed in range(SIMULATIONS):
        rng = np.random.default_rng([seed, 9])
        own = rng.integers(1, 5, 250).astype(float)
        sums = np.array([rng.integers(-int(size), int(size) + 1) for size in own], dtype=float)
        order, mean = rng.permutation(250), float(sums.sum() / own.sum())
        sequence = ConfidenceSequence(int(own.sum()), weight=1_000)
        sequence.add(sums[order], sums[order], own[order], np.full(250, 4.0))
        missed += bool(((sequence.lows > mean + 1e-9) | (sequence.highs < mean - 1e-9)).any())
    within(missed, SIMULATIONS, 0.0, 0.05)


@pytest.mark.patient
def test_with_three_arms_one_of_two_differences_is_called_wrongly_at_most_once_in_twenty_runs() -> None:
    """Two arms against one baseline, without an effect: their differences share the baseline's answers."""
    wrong = 0
    for seed in range(SIMULATIONS):
        rng = np.random.default_rng([seed, 10])
        base = (rng.random(1_200) < 0.5).astype(float)
        arms = [np.where(rng.random(1_200) < 0.3, 1 - base, base) for _ in range(2)]
        arms = [_balanced(rng, arm, base) for arm in arms]
        # All but the last question: then all is known.
        wrong += any(over(arm - base, np.ones(1_200), 1_100).log_e >= ConfidenceSequence.enough(2) for arm in arms)
    within(wrong, SIMULATIONS, 0.0, 0.05)


def _balanced(rng: Any, arm: Array, base: Array) -> Array:
    """The arm's answers with as many helped as hurt."""
    helped, hurt = np.flatnonzero(arm > base), np.flatnonzero(arm < base)
    more, less = (helped, hurt) if len(helped) > len(hurt) else (hurt, helped)
    changed = arm.copy()
    undone = rng.permutation(more)[: len(more) - len(less)]
    changed[undone] = base[undone]
    return np.asarray(changed)


@pytest.mark.patient
@pytest.mark.parametrize(("effect", "share"), [(0.10, 0.025), (0.05, 0.08), (0.02, 0.40)])
def test_effects_on_mmlu_are_told_after_a_small_part_of_it(effect: float, share: float) -> None:
    """In the median, with 30% of the questions answered differently."""
    first, ends = int(1.3 * share * ALL_OF_MMLU), []
    for seed in range(max(21, SIMULATIONS // 10)):
        values = differences(np.random.default_rng([seed, 11]), ALL_OF_MMLU, effect)
        known = over(values, np.ones(ALL_OF_MMLU), first).log_es >= ConfidenceSequence.enough(1)
        ends.append(int(known.argmax()) + 1 if known.any() else ALL_OF_MMLU)
    assert np.median(ends) <= share * ALL_OF_MMLU


@pytest.mark.patient
def test_two_points_up_and_down_are_known_on_mmlu_after_less_than_two_fifths() -> None:
    for seed in range(5):
        values = differences(np.random.default_rng([seed, 12]), ALL_OF_MMLU, 0.02)
        sequence = over(values, np.ones(ALL_OF_MMLU), int(0.4 * ALL_OF_MMLU))
        assert sequence.half_width <= 0.02
