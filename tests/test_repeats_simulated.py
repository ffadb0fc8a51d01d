"""Repeats against worlds whose variances are known: what is found of them, what intervals hold, whether advice is
right. `COTBENCH_DRAWS` makes more draws of them."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from cotbench.analysis.repeats import MORE_QUESTIONS, MORE_REPLICATES, MORE_WORDINGS, _errors, parts_of, repeated_mean
from cotbench.analysis.stats import Array, Clusters

pytestmark = pytest.mark.patient
DRAWS = int(os.environ.get("COTBENCH_DRAWS", "600"))
TRUE = 0.1


@dataclass(frozen=True)
class World:
    """Standard deviations by where they come from; of: questions in each cluster, 1 where they are independent."""

    questions: float = 0.3
    wordings: float = 0.0
    crossed: float = 0.2
    replicates: float = 0.3
    shared: float = 0.0
    of: int = 1

    def clusters(self, n: int) -> Clusters:
        return np.arange(n) // self.of if self.of > 1 else None

    def draw(self, rng: np.random.Generator, n: int, wordings: int, replicates: int) -> Array:
        own = rng.normal(0, self.questions, n) + rng.normal(0, self.shared, n)[np.arange(n) // self.of]
        words = rng.normal(0, self.wordings, wordings)
        cells = TRUE + own[:, None] + words[None, :] + rng.normal(0, self.crossed, (n, wordings))
        return np.asarray(cells[:, :, None] + rng.normal(0, self.replicates, (n, wordings, replicates)))


LAYOUTS = [(1, 5), (4, 1), (4, 3)]
CLUSTERED = World(shared=0.2, of=5, wordings=0.03)


@pytest.mark.parametrize(("wordings", "replicates"), LAYOUTS)
def test_variances_are_found_without_bias(wordings: int, replicates: int) -> None:
    world, rng = World(wordings=0.1), np.random.default_rng(3)
    found = [parts_of(world.draw(rng, 100, wordings, replicates)) for _ in range(DRAWS)]
    several = wordings > 1
    crossed = world.crossed**2 + (world.replicates**2 if replicates == 1 else 0.0)
    wanted = {
        "questions": world.questions**2 + (0.0 if several else world.crossed**2),
        "wordings": world.wordings**2 if several else None,
        "question_by_wording": crossed if several else None,
        "within": world.replicates**2 if replicates > 1 else None,
    }
    for name, true in wanted.items():
        values: list[Any] = [getattr(one, name) for one in found]
        if true is None:
            assert set(values) == {None}
        else:
            error = np.std(values) / math.sqrt(len(values))
            assert abs(np.mean(values) - true) < 4 * error, name


@pytest.mark.parametrize(
    ("world", "wordings", "replicates"),
    [
        (World(), 1, 5),
        (World(), 3, 1),
        (World(wordings=0.03), 3, 2),
        (World(wordings=0.1), 3, 1),
        (World(wordings=0.1), 5, 2),
        (World(shared=0.2, of=5), 1, 5),  # of this one wording
        (CLUSTERED, 3, 3),
        (CLUSTERED, 5, 1),
        (World(questions=0.05, replicates=0.5), 5, 1),
    ],
)
def test_intervals_cover_questions_wordings_and_replicates(world: World, wordings: int, replicates: int) -> None:
    n, rng = 200, np.random.default_rng(5)
    design: Any = {"clusters": world.clusters(n), "strata": None}
    found = [repeated_mean(world.draw(rng, n, wordings, replicates), design, math.inf) for _ in range(DRAWS)]
    covered = float(np.mean([one.low <= TRUE <= one.high for one in found]))
    assert covered >= 0.94 - 2 * math.sqrt(0.94 * 0.06 / DRAWS)
    agree = [(one.low > 0 or one.high < 0) == (one.p is not None and one.p < 0.05) for one in found]
    assert all(agree)  # interval and test


def test_an_interval_that_left_wordings_out_would_be_too_narrow() -> None:
    n, rng, world = 200, np.random.default_rng(7), World(wordings=0.1)
    held = 0
    for _ in range(DRAWS):
        found = repeated_mean(world.draw(rng, n, 4, 1), {"clusters": None, "strata": None}, math.inf)
        assert found.of_questions is not None
        held += abs(found.value - TRUE) <= 1.96 * math.sqrt(found.of_questions)
    assert held / DRAWS < 0.85


@pytest.mark.parametrize(
    ("what", "more"),
    [
        ("se_replicates", (0, 0, MORE_REPLICATES)),
        ("se_wordings", (0, MORE_WORDINGS, 0)),
        ("se_questions", (MORE_QUESTIONS, 0, 0)),
    ],
)
def test_advice_is_what_would_come_of_it(what: str, more: tuple[int, int, int]) -> None:
    """The error that is foretold is the spread of means that were had with so many more."""
    rng, world, size = np.random.default_rng(9), World(wordings=0.04, replicates=0.5), (100, 5, 2)
    foretold = []
    for _ in range(DRAWS):
        found = repeated_mean(world.draw(rng, *size), {"clusters": None, "strata": None}, math.inf)
        error = _errors(found, *size)[what]
        assert error is not None
        foretold.append(error**2)
    n, wordings, replicates = (have + extra for have, extra in zip(size, more, strict=True))
    true = (
        world.questions**2 / n
        + world.wordings**2 / wordings
        + world.crossed**2 / (n * wordings)
        + world.replicates**2 / (n * wordings * replicates)
    )
    now = [repeated_mean(world.draw(rng, *size), {"clusters": None, "strata": None}).se for _ in range(50)]
    assert np.mean(foretold) == pytest.approx(true, rel=0.1)
    assert math.sqrt(true) < np.mean([se for se in now if se is not None])
