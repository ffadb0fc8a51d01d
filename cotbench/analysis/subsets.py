"""What votes over n paths tell about fewer: estimators over the subsets of one question's paths, in closed form.

From one draw of n paths, for k <= n:
    maj@k    the mean over all subsets of k paths of whether their vote is right, by the rule of `modes.votes`
    pass@k   the share of subsets that hold a right path: the unbiased estimator of Chen et al. 2021 (arXiv:2107.03374)
    mean@k   the expected share of right paths, the same for every k
    best@k   the mean over all subsets of whether the path with the highest score is right (of equals the first), as
             verifiers choose (Cobbe et al. 2021, arXiv:2110.14168)
    weighted@k   the same of the answer with the largest sum of scores (Li et al. 2022, arXiv:2206.02336; Snell et al.
             2024, arXiv:2408.03314): over all subsets where they are few, else over drawn ones
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import combinations
from math import comb

import numpy as np

from cotbench.analysis.stats import Array
from cotbench.modes.votes import Ballot

Scores = Sequence[float | None]  # of paths; None where one has none

MOST_OF_TWO = 56  # paths: of more, subsets are too many to be counted by floats
FEW_SUBSETS = 1_000  # up to which all are looked at
DRAWN_SUBSETS = 500  # of more: a question's share is then known to about 0.02, and their mean over questions far better
_ALIKE = 9  # decimals to which sums of scores are the same


def sizes(n: int) -> Iterator[int]:
    """Yield 1, 2, 4 ... and n."""
    k = 1
    while k < n:
        yield k
        k *= 2
    yield n


def pass_at_k(n: int, right: int, k: int) -> float:
    """The share of subsets of k out of n paths in which at least one of `right` right ones is."""
    return 1.0 - comb(n - right, k) / comb(n, k)


def maj_at_k(ballots: Sequence[Ballot], right: frozenset[int]) -> dict[int, float]:
    """The share of the subsets of k paths whose vote is right, for each k of `sizes`. right: the answers that are."""
    shares = _maj(tuple(ballots), right)
    return {k: shares[k] for k in sizes(len(ballots))}


def maj_at_each(ballots: Sequence[Ballot], right: frozenset[int]) -> tuple[float, ...]:
    """The share of the subsets of k paths whose vote is right, for k = 1, 2, 3 ... n."""
    return _maj(tuple(ballots), right)[1:]


def maj_at(ballots: Sequence[Ballot], right: frozenset[int], k: int) -> float:
    """The share of the subsets of k paths, for one k in 1..n, whose vote is right."""
    return _maj(tuple(ballots), right)[k]


@lru_cache(maxsize=1 << 14)
def _maj(ballots: tuple[Ballot, ...], right: frozenset[int]) -> tuple[float, ...]:
    """The shares of the subsets whose vote is right, by their size from 0."""
    n = len(ballots)
    places: dict[int, list[int]] = {}
    for place, ballot in enumerate(ballots):
        if ballot is not None:
            places.setdefault(ballot, []).append(place)
    width = n + 1  # no coefficient counts more than all subsets
    won = 0
    for answer in right & places.keys():
        others = [at for other, at in places.items() if other != answer]
        won += _subsets_won(places[answer], others, ballots.count(None), width)
    mask = (1 << width) - 1
    return tuple((won >> (width * k) & mask) / comb(n, k) for k in range(n + 1))


def _subsets_won(ours: Sequence[int], others: Sequence[Sequence[int]], abstained: int, width: int) -> int:
    """How many subsets of each size one answer wins, as a polynomial in the subset's size.

    A sum over the number m of its votes and, where another answer could have m too, the first of its paths that is in
    the subset. The others' votes are polynomials too: at most m - 1 votes each, or m, if all of them came later than
    that first path. A polynomial is one integer with `width` bits for each coefficient, so that it is exact for any
    number of paths and a product is one multiplication."""
    won = 0
    for m in range(1, len(ours) + 1):
        shift = width * m
        rest = _choices(abstained + sum(len(at) for at in others if len(at) < m), width)
        rivals = [at for at in others if len(at) >= m]
        if not rivals:
            # Nor has any answer more votes than any larger m: what is left is to choose our paths.
            won += sum(rest * comb(len(ours), more) << (width * more) for more in range(m, len(ours) + 1))
            break
        whole = 0
        for index in range(len(ours) - m + 1):
            ways, first = rest * comb(len(ours) - index - 1, m - 1), ours[index]
            for at in rivals:
                ways *= _at_most(len(at), m, len(at) - bisect(at, first), width)
            whole += ways
        won += whole << shift
    return won


def maj_of_two(ours: Array, theirs: Array) -> Array:
    """The share of the subsets of k paths whose vote is right, for k = 1, 2, 3 ... n, of many questions, a row each.

    ours, theirs: which of the n paths voted for the right answer and for the only other one; n is at most MOST_OF_TWO,
    so that counts of subsets are exact as whole numbers and as floats, and the shares are those of `maj_at_each`."""
    paths = ours.shape[1]
    ways = _binomials(paths)
    mine, other = ours.sum(axis=1), theirs.sum(axis=1)
    later, rivals = (side[:, ::-1].cumsum(axis=1)[:, ::-1] - side for side in (ours, theirs))
    won = np.zeros((len(ours), paths + 1), dtype=np.int64)
    tied = np.zeros((len(ours), paths // 2 + 1), dtype=np.int64)
    for m in range(1, paths // 2 + 1):  # both have m, and our first comes before theirs
        tied[:, m] = (ours * ways[later, m - 1] * ways[rivals, m]).sum(axis=1)
    for a, b in {*zip(mine.tolist(), other.tolist(), strict=True)}:
        rows, left = (mine == a) & (other == b), ways[paths - a - b]
        more = np.zeros(paths + 1, dtype=np.int64)
        spread = np.zeros((tied.shape[1], paths + 1), dtype=np.int64)
        for m in range(1, a + 1):
            fewer = np.convolve(ways[b, :m], left)
            more[m:] += ways[a, m] * fewer[: paths + 1 - m]
        for m in range(1, tied.shape[1]):
            spread[m, 2 * m :] = left[: paths + 1 - 2 * m]
        won[rows] = more + tied[rows] @ spread
    return np.asarray(won[:, 1:] / ways[paths, 1 : paths + 1])


@cache
def _binomials(n: int) -> Array:
    """How many subsets of k there are of a set, for each size and each k up to n."""
    return np.array([[comb(size, k) for k in range(n + 1)] for size in range(n + 1)], dtype=np.int64)


@cache
def _at_most(n: int, m: int, late: int, width: int) -> int:
    """The subsets of fewer than m of n paths, or of m of the `late` last ones, as a polynomial."""
    return (_choices(n, width) & ((1 << width * m) - 1)) + (comb(late, m) << (width * m))


@cache
def _choices(n: int, width: int) -> int:
    """The polynomial (1 + x)^n, which counts the subsets of n paths by their size."""
    return sum(comb(n, k) << (width * k) for k in range(n + 1))


# --- by score -----------------------------------------------------------------------------------------------------


def best_at(ballots: Sequence[Ballot], scores: Scores, right: frozenset[int], k: int) -> float:
    """The share of the subsets of k paths, for one k in 1..n, whose best path is right.

    Exact, by ranks: a path is the best of a subset where it is in it and none of those ahead of it is. Paths without a
    score are never chosen; a subset that has no other is not right."""
    n = len(ballots)
    known = [(-score, place) for place, score in enumerate(scores) if score is not None]
    ranks = [rank for rank, (_, place) in enumerate(sorted(known)) if ballots[place] in right]
    return sum(comb(n - 1 - rank, k - 1) for rank in ranks) / comb(n, k)


def weighted_at(ballots: Sequence[Ballot], scores: Scores, right: frozenset[int], k: int) -> float:
    """The share of the subsets of k paths, for one k in 1..n, whose weighted vote is right.

    A path without a score has no vote. Of answers with equal sums the one that was reached first wins. Subsets are
    drawn where there are more than FEW_SUBSETS, the same ones for every question."""
    voting = [ballot for ballot, score in zip(ballots, scores, strict=True) if score is not None and ballot is not None]
    if not right.intersection(voting):
        return 0.0
    if right.issuperset(voting):
        return pass_at_k(len(ballots), len(voting), k)
    return float(_weighted(ballots, scores, right, _members(len(ballots), k)).mean())


def best_at_k(ballots: Sequence[Ballot], scores: Scores, right: frozenset[int]) -> dict[int, float]:
    """The share of the subsets of k paths whose best path is right, for each k of `sizes`."""
    return {k: best_at(ballots, scores, right, k) for k in sizes(len(ballots))}


def weighted_at_k(ballots: Sequence[Ballot], scores: Scores, right: frozenset[int]) -> dict[int, float]:
    """The share of the subsets of k paths whose weighted vote is right, for each k of `sizes`."""
    return {k: weighted_at(ballots, scores, right, k) for k in sizes(len(ballots))}


@lru_cache(maxsize=256)
def _members(n: int, k: int) -> Array:
    """Which of n paths the subsets of k hold, a row each."""
    if comb(n, k) <= FEW_SUBSETS:
        chosen = np.array(list(combinations(range(n), k)))
    else:
        chosen = np.argsort(np.random.default_rng((n, k)).random((DRAWN_SUBSETS, n)), axis=1)[:, :k]
    members = np.zeros((len(chosen), n), dtype=bool)
    np.put_along_axis(members, chosen, True, axis=1)
    return members


def _weighted(ballots: Sequence[Ballot], scores: Scores, right: frozenset[int], members: Array) -> Array:
    """Whether the weighted vote of each subset is right."""
    n = len(ballots)
    weights = np.array([0.0 if score is None else score for score in scores])
    answers = sorted({ballot for ballot in ballots if ballot is not None})
    sums, firsts = np.full((len(members), len(answers)), -np.inf), np.full((len(members), len(answers)), n)
    for column, answer in enumerate(answers):
        own = members & np.array([b == answer and s is not None for b, s in zip(ballots, scores, strict=True)])
        there = own.any(axis=1)
        sums[there, column] = np.round(own[there] @ weights, _ALIKE)
        firsts[there, column] = own[there].argmax(axis=1)
    most = sums.max(axis=1, keepdims=True)
    winner = np.where(sums == most, firsts, n + 1).argmin(axis=1)
    return np.asarray(np.isin(winner, [answers.index(a) for a in answers if a in right]) & np.isfinite(most[:, 0]))
