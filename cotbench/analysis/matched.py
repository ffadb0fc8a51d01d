"""An arm beside a vote that costs the same: numbers alone.

What an arm with further calls brings is to be set against what a vote brings for as much (Wang et al. 2024, "Reasoning
in Token Economies", arXiv:2406.06461). A vote over k of n paths has an accuracy of its own for each k (`subsets.py`:
the mean over all subsets), and costs c(k) = fixed + k each. Between k and k + 1 paths a vote can be had, too: by taking
k + 1 on a share w of the questions, chosen by lot, and k on the others; its accuracy and its cost are the mixture's
(Scott, Niranjan and Prager 1998, "Realisable classifiers", BMVC). So there is one mixture that costs what the arm
does in the mean, and the figure is

    mean of right - ((1 - w) maj@k + w maj@(k + 1))

k and w are estimates as well: the arm's costs vary with its answers. The interval is a bootstrap over questions (Efron
1979, Annals of Statistics 7:1), of whole clusters where there are any (Field and Welsh 2007, JRSS B 69:369), within
strata (Rao and Wu 1988, JASA 83:231), in each draw of which costs are matched anew. Its ends are the percentiles that
t has in place of the normal (the expanded percentile interval of Hesterberg 2015, The American Statistician 69:371):
plain ones are too narrow for few questions or clusters, and BCa (Efron 1987, JASA 82:171), tried too, is far too narrow
where few questions differ. For these, two more questions are drawn from, one that only the arm gets right and one that
only the vote does (Bonett and Price 2012, Journal of Educational and Behavioral Statistics 37:479): else what no
question shows would seem to be impossible.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.stats import CONFIDENCE, Array, Clusters, Estimate, Strata

DRAWS, FEWEST = 4_000, 1_000  # of the bootstrap; fewer where questions are so many that it would take seconds
_WEIGHTS = 20_000_000  # of all questions in all draws, where fewer are made
_CHUNK = 2_000_000  # weights of questions that are in memory at once
_OWN = 5  # columns of a table of sums beside the vote's accuracies


@dataclass(frozen=True, kw_only=True)
class Match:
    """An arm beside a vote.

    difference: in accuracy, -1..1. accuracy, vote: of the arm, and of the vote that it is set beside. paths: how many
    of these cost what the arm does, 4.3 say: then k is 4 and share 0.3. equal: whether there are as many on record and
    at least one; else the arm is set beside all n, or beside one, and k is that. times: its cost over that vote's.
    """

    difference: Estimate
    accuracy: float
    vote: float
    paths: float
    k: int
    share: float
    equal: bool
    times: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Questions:
    """What is known of each question: whether the arm is right and what it cost; of a vote over k = 1 .. n paths the
    share of subsets that is right, a column for each k, and its cost, fixed + k each."""

    right: Array
    spent: Array
    votes: Array
    fixed: Array
    each: Array

    def table(self) -> Array:
        """Return a row for each question, of what is summed."""
        own = [self.right, self.spent, self.fixed, self.each, np.ones(len(self.right))]
        return np.column_stack([*own, self.votes])


def match(
    questions: Questions, clusters: Clusters = None, strata: Strata = None, *, draws: int | None = None, seed: int = 0
) -> Match | None:
    """Set an arm beside a vote of the same mean cost; None where there is no question, or a path costs nothing.

    draws: of the bootstrap; by default DRAWS, and fewer of very many questions."""
    table = questions.table()
    if not len(table) or not table[:, 3].sum() > 0:
        return None
    paths = float((table[:, 1].sum() - table[:, 2].sum()) / table[:, 3].sum())
    most = questions.votes.shape[1]
    at = min(max(paths, 1.0), float(most))
    equal = 1.0 <= paths <= most
    k = min(int(at), most - 1) if equal and most > 1 else int(at)
    vote = float(_vote(table.mean(axis=0), at))
    draws = draws or max(FEWEST, min(DRAWS, _WEIGHTS // len(table)))
    accuracy = float(table[:, 0].mean())
    return Match(
        difference=_interval(table, accuracy - vote, at, equal, clusters, strata, draws, seed),
        accuracy=accuracy,
        vote=vote,
        paths=paths,
        k=k,
        share=at - k,
        equal=equal,
        times=float(table[:, 1].sum() / (table[:, 2].sum() + at * table[:, 3].sum())),
    )


def _vote(means: Array, at: Array | float) -> Array:
    """Return how often a vote of so many paths is right, by means over questions, of one sample or of many."""
    votes = means[..., _OWN:]
    most = votes.shape[-1]
    k = np.clip(np.floor(at).astype(int), 1, max(1, most - 1))
    share = np.asarray(at) - k
    lower, upper = (np.take_along_axis(votes, place[..., None], axis=-1)[..., 0] for place in (k - 1, _up(k, most)))
    return np.asarray((1 - share) * lower + share * upper)


def _up(k: Array, most: int) -> Array:
    return np.asarray(np.minimum(k, most - 1))


def _influence(table: Array, at: float, equal: bool) -> Array:
    """Return what each question adds to the figure's error, by linearisation: of the vote's costs, too, where they
    are matched."""
    most = table.shape[1] - _OWN
    k = min(max(int(at), 1), max(1, most - 1))
    lower, upper = table[:, _OWN + k - 1], table[:, _OWN + min(k, most - 1)]
    own = table[:, 0] - ((1 - (at - k)) * lower + (at - k) * upper)
    if not equal:
        return np.asarray(own)
    slope = float(upper.mean() - lower.mean()) / float(table[:, 3].mean())
    return np.asarray(own - slope * (table[:, 1] - table[:, 2] - at * table[:, 3]))


def _interval(
    table: Array, value: float, at: float, equal: bool, clusters: Clusters, strata: Strata, draws: int, seed: int
) -> Estimate:
    """Return the figure with its interval; without one where a single question or cluster, or questions that are all
    alike, can't tell how it varies."""
    around = stats.mean(_influence(table, at, equal), clusters, strata)
    unknown = Estimate(value=value, low=-1.0, high=1.0, clusters=around.clusters, strata=around.strata)
    if around.se is None or around.df is None or np.ptp(_influence(table, at, False)) < 1e-12:
        return unknown
    sums = _drawn(table, clusters, strata, draws, seed)
    means = sums / sums[:, 4:5]
    each = np.maximum(means[:, 3], 1e-12)
    found = np.clip((means[:, 1] - means[:, 2]) / each, 1.0, table.shape[1] - _OWN) if equal else at
    drawn = means[:, 0] - _vote(means, found if equal else np.full(len(means), at))
    below = float(special.ndtr(special.stdtrit(around.df, (1 - CONFIDENCE) / 2)))
    low, high = np.quantile(drawn, [below, 1 - below])
    return Estimate(
        value=value,
        low=max(-1.0, min(float(low), value)),
        high=min(1.0, max(float(high), value)),
        se=float(drawn.std()),
        df=around.df,
        clusters=around.clusters,
        strata=around.strata,
    )


def _drawn(table: Array, clusters: Clusters, strata: Strata, draws: int, seed: int) -> Array:
    """Return the sums of rows over the draws of a bootstrap of whole clusters within strata, two imagined questions
    among them. Of m clusters m - 1 are drawn, and each weighs m / (m - 1) (Rao and Wu 1988)."""
    rows, homes = table, np.zeros(len(table), dtype=int)
    if strata is not None:
        homes = stats.collapsed(strata, clusters)
    if clusters is not None:
        _, first, inverse = np.unique(clusters, return_index=True, return_inverse=True)
        rows = np.column_stack([np.bincount(inverse, weights=column) for column in table.T])
        homes = homes[first]
    imagined = np.tile(table.mean(axis=0), (2, 1))
    imagined[:, 0] = (1, 0)
    imagined[:, _OWN:] = ((0,), (1,))
    rows = np.vstack([rows, imagined])
    homes = np.concatenate([homes, np.full(2, np.argmax(np.bincount(homes)))])
    rng, total = np.random.default_rng(seed), np.zeros((draws, rows.shape[1]))
    for home in np.unique(homes):
        own = rows[homes == home]
        m = len(own)
        step = max(1, _CHUNK // m)
        for start in range(0, draws, step):
            part = total[start : start + step]
            part += m / (m - 1) * (_counts(rng, m, len(part)) @ own)
    return total


def _counts(rng: np.random.Generator, m: int, draws: int) -> Array:
    """Return how often each of m is drawn, in so many draws of m - 1."""
    chosen = rng.integers(m, size=(draws, m - 1)) + m * np.arange(draws)[:, None]
    return np.bincount(chosen.ravel(), minlength=draws * m).reshape(draws, m).astype(float)


def paths_for(match: Match) -> int:
    """Return how many paths a vote needs at least to cost what the arm does."""
    return math.ceil(match.paths - 1e-9)
