"""Majority votes over the reasoning paths of one question, and what they tell about fewer paths than were drawn.

Self-consistency (Wang et al. 2022, arXiv:2203.11171): the answer that most paths reach. Paths whose answer could not be read
(or whose program failed) abstain; of answers with equally many votes the one that was reached first wins.

From one draw of n paths, for k <= n:
    maj@k    the mean over all subsets of k paths of whether their vote is right, by the rule above, in closed form
    pass@k   the share of subsets that hold a right path: the unbiased estimator of Chen et al. 2021 (arXiv:2107.03374)
    mean@k   the expected share of right paths, the same for every k
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from math import comb

import numpy as np

Ballot = int | None  # the number of the answer that a path voted for, or None where it abstained


def winner(ballots: Sequence[Ballot]) -> int | None:
    """The answer with most votes, of equals the one reached first; None where all abstained."""
    counts = Counter(ballot for ballot in ballots if ballot is not None)
    # Counter keeps the order in which keys were first seen, and max takes the first of equals.
    return max(counts, key=counts.__getitem__) if counts else None


def margin(ballots: Sequence[Ballot]) -> int:
    """By how many votes the winner is ahead of the next answer; 0 is a tie."""
    counts = [count for _, count in Counter(ballot for ballot in ballots if ballot is not None).most_common(2)]
    return counts[0] - (counts[1] if len(counts) > 1 else 0) if counts else 0


def sizes(n: int) -> Iterator[int]:
    """1, 2, 4 ... and n."""
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
    return dict(zip(sizes(len(ballots)), _maj(tuple(ballots), right), strict=True))


@lru_cache(maxsize=1 << 16)
def _maj(ballots: tuple[Ballot, ...], right: frozenset[int]) -> tuple[float, ...]:
    n = len(ballots)
    won = np.zeros(n + 1)  # by the size of the subset: in how many of them a right answer wins
    places: dict[int, list[int]] = {}
    for place, ballot in enumerate(ballots):
        if ballot is not None:
            places.setdefault(ballot, []).append(place)
    for answer in right & places.keys():
        others = [at for other, at in places.items() if other != answer]
        won += _subsets_won(places[answer], others, ballots.count(None), n)
    return tuple(float(won[k]) / comb(n, k) for k in sizes(n))


def _subsets_won(ours: Sequence[int], others: Sequence[Sequence[int]], abstained: int, n: int) -> np.ndarray:
    """How many subsets of each size one answer wins.

    A sum over the number m of its votes and, where another answer could have m too, the first of its paths that is in the subset. The others' votes
    are polynomials in the subset's size: at most m - 1 votes each, or m, if all of them came later than that first path.
    """
    won = np.zeros(n + 1)
    free = _binomials(abstained, abstained)
    for m in range(1, len(ours) + 1):
        rivals = [at for at in others if len(at) >= m]
        rest = free
        for at in others:
            if len(at) < m:
                rest = np.convolve(rest, _binomials(len(at), len(at)))
        if not rivals:
            _add(won, rest * comb(len(ours), m), m)
            continue
        for index, first in enumerate(ours):
            later = comb(len(ours) - index - 1, m - 1)
            if not later:
                break
            ways = rest
            for at in rivals:
                fewer = _binomials(len(at), m)
                fewer[m] = comb(sum(place > first for place in at), m)
                ways = np.convolve(ways, fewer)
            _add(won, ways * later, m)
    return won


def _binomials(n: int, top: int) -> np.ndarray:
    return np.array([comb(n, j) for j in range(top + 1)], dtype=float)


def _add(total: np.ndarray, ways: np.ndarray, shift: int) -> None:
    reach = min(len(ways), len(total) - shift)
    total[shift : shift + reach] += ways[:reach]
