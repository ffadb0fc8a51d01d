"""Cross-fitting: folds hold whole clusters, and what is scored was chosen without it."""

import numpy as np
import pytest

from cotbench.analysis.folds import cross_fitted, folds_of


def test_folds_are_of_a_size_and_hold_each_question_once_a_split() -> None:
    homes = folds_of(103, splits=7)
    assert homes.shape == (7, 103)
    for split in homes:
        assert sorted(np.bincount(split)) == [20, 20, 21, 21, 21]
    assert (homes[0] != homes[1]).any()
    assert (folds_of(103, splits=7) == homes).all()
    assert (folds_of(103, splits=7, seed=1) != homes).any()


def test_clusters_stay_whole_and_folds_differ_by_no_more_than_the_largest() -> None:
    clusters = np.repeat(np.arange(40), np.arange(40) % 6 + 1)
    for split in folds_of(len(clusters), clusters):
        assert all(len(set(split[clusters == one])) == 1 for one in range(40))
        loads = np.bincount(split)
        assert loads.max() - loads.min() <= 6


def test_few_clusters_are_folds_of_their_own_and_one_cannot_be_split() -> None:
    clusters = np.array([5, 5, 9, 9, 9])
    assert all(len(set(split)) == 2 for split in folds_of(5, clusters))
    with pytest.raises(ValueError, match="one cluster"):
        folds_of(5, np.zeros(5, dtype=int))


def test_what_is_scored_was_chosen_without_it() -> None:
    values = np.arange(20.0)

    def leave_out(fit: np.ndarray, score: np.ndarray) -> np.ndarray:
        assert not (fit & score).any()
        assert (fit | score).all()
        return np.full(int(score.sum()), values[fit].sum())

    means = cross_fitted(folds_of(20), leave_out)
    assert means.shape == (20,)
    assert (means < values.sum()).all()


def test_a_row_of_figures_for_each_question_is_kept_apart() -> None:
    rows = cross_fitted(
        folds_of(10), lambda _, score: np.column_stack([np.flatnonzero(score), np.ones(int(score.sum()))])
    )
    assert np.allclose(rows[:, 0], np.arange(10))
    assert np.allclose(rows[:, 1], 1)
