"""Do intervals of an arm beside a vote of equal cost hold the truth as often as they say?

As in test_stats_simulated.py: COTBENCH_SIMULATIONS sets how many draws. Hard questions cost more, for the arm and for
the vote, so that costs vary with answers.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from test_stats_simulated import SIMULATIONS, within

from cotbench.analysis.matched import Questions, match
from cotbench.analysis.stats import Array
from cotbench.analysis.subsets import maj_at

pytestmark = pytest.mark.patient

PATHS = 8
# Shapes of how likely paths are right, as of a beta distribution.
SHAPES = {"all kinds": (1.2, 1.2), "easy": (6.0, 2.0), "hard": (1.0, 4.0), "nearly all right": (30.0, 1.0)}


@cache
def curve(ballots: tuple[int, ...]) -> tuple[float, ...]:
    votes = tuple(None if ballot < 0 else ballot for ballot in ballots)
    return tuple(maj_at(votes, frozenset({0}), k) for k in range(1, PATHS + 1))


def drawn(rng: Any, shape: str, spends: float, clusters: int, size: int) -> tuple[Questions, Array | None]:
    """Clusters of so many questions; six of ten questions have the cluster's difficulty."""
    chance = np.repeat(rng.beta(*SHAPES[shape], clusters), size)
    n = len(chance)
    if size > 1:
        chance = np.where(rng.random(n) < 0.6, chance, rng.beta(*SHAPES[shape], n))
    voted, other = rng.random((n, PATHS)), rng.random((n, PATHS))
    ballots = np.where(voted < chance[:, None], 0, np.where(other < 0.6, 1, np.where(other < 0.85, 2, -1)))
    right = rng.random(n) < np.clip(chance + 0.1 * (chance > 0.5), 0, 1)
    questions = Questions(
        right=right.astype(float),
        spent=rng.lognormal(4, 0.5, n) * (1.8 - chance) * spends,
        votes=np.array([curve(tuple(row)) for row in ballots.tolist()]),
        fixed=np.full(n, 30.0),
        each=rng.lognormal(4, 0.2, n) * (1.8 - chance),
    )
    return questions, np.repeat(np.arange(clusters), size) if size > 1 else None


@cache
def truth(shape: str, spends: float) -> float:
    found = match(drawn(np.random.default_rng(1), shape, spends, 60_000, 1)[0], draws=2)
    assert found is not None
    return found.difference.value


@pytest.mark.parametrize(("clusters", "size"), [(50, 1), (200, 1), (50, 4)])
@pytest.mark.parametrize(("shape", "spends"), [*((shape, 4.0) for shape in SHAPES), ("all kinds", 20.0)])
def test_intervals_beside_a_vote_cover(shape: str, spends: float, clusters: int, size: int) -> None:
    """Also where more is spent than all paths cost (20), and where hardly a question differs."""
    rng, held = np.random.default_rng(91), 0
    for _ in range(SIMULATIONS):
        questions, of = drawn(rng, shape, spends, clusters, size)
        found = match(questions, of, draws=500)
        assert found is not None
        held += found.difference.low <= truth(shape, spends) <= found.difference.high
    within(held, SIMULATIONS, 0.92, 1.0)
