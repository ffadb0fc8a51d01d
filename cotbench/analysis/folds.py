"""Cross-fitting: what is chosen on some questions is scored on others, so that what it gains is no luck of the choice.

The questions are split into folds, many times over. What is chosen (a threshold, an arm for each subject) is chosen on
all folds but one, and scored on that one; a question's figure is the mean over the splits. Such figures are of the
procedure that chooses, and not of the one choice that it makes of all questions in the end."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from cotbench.analysis.stats import Array, Clusters

FOLDS = 5
SPLITS = 20


def folds_of(
    count: int, clusters: Clusters = None, *, folds: int = FOLDS, splits: int = SPLITS, seed: int = 0
) -> Array:
    """Return of each split (rows) which fold each question (columns) is in, from 0.

    Clusters stay whole. Folds differ in size by no more than the largest cluster. Where there are fewer clusters than
    folds, each is a fold of its own. ValueError where there are fewer than two, since then nothing can be left out."""
    named = np.arange(count) if clusters is None else np.unique(clusters, return_inverse=True)[1]
    sizes = np.bincount(named)
    if len(sizes) < 2:
        raise ValueError("one cluster can't be split")
    folds = min(folds, len(sizes))
    rng = np.random.default_rng(seed)
    found = np.empty((splits, count), dtype=np.int64)
    for split in range(splits):
        # The largest clusters first, those of a size in an order of chance, each where there are the fewest questions.
        order = rng.permutation(len(sizes))
        order = order[np.argsort(-sizes[order], kind="stable")]
        homes, loads = np.empty(len(sizes), dtype=np.int64), np.zeros(folds, dtype=np.int64)
        for cluster in order:
            homes[cluster] = int(np.argmin(loads))
            loads[homes[cluster]] += sizes[cluster]
        found[split] = homes[named]
    return found


def cross_fitted(homes: Array, fit_and_score: Callable[[Array, Array], Array]) -> Array:
    """Return a figure for each question, or a row of them: the mean over splits of what it has where what is scored was
    chosen without its fold.

    homes: as `folds_of` gives them. fit_and_score: given masks of the questions to choose on and of those to score,
    returns the figures of the latter."""
    total: Array | None = None
    for split in homes:
        for fold in range(int(split.max()) + 1):
            held_out = split == fold
            scored = np.asarray(fit_and_score(~held_out, held_out), dtype=float)
            if total is None:
                total = np.zeros((len(split), *scored.shape[1:]))
            total[held_out] += scored
    assert total is not None
    return total / len(homes)
