"""Majority votes over the reasoning paths of one question.

Self-consistency (Wang et al. 2022, arXiv:2203.11171): the answer that most paths reach. Paths whose answer could not
be read (or whose program failed) abstain; of answers with equally many votes the one that was reached first wins."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

Ballot = int | None  # the number of the answer that a path voted for, or None where it abstained


def winner(ballots: Sequence[Ballot]) -> int | None:
    """The answer with most votes, of equals the one reached first; None where all abstained."""
    counts = Counter(ballot for ballot in ballots if ballot is not None)
    # Counter keeps the order in which keys were first seen, and max takes the first of equals.
    return max(counts, key=counts.__getitem__) if counts else None


def heaviest(ballots: Sequence[Ballot], weights: Sequence[float | None], keep: float = 1.0) -> int | None:
    """The path that was first to vote for the answer with the largest sum of weights (Li et al. 2022,
    arXiv:2206.02336), of equals the one reached first; None where no path has both a vote and a weight.

    keep: the share of these paths that count, those of the largest weights (Fu et al. 2025, arXiv:2508.15260)."""
    counting = [place for place, ballot in enumerate(ballots) if ballot is not None and weights[place] is not None]
    counting.sort(key=lambda place: -(weights[place] or 0.0))
    kept = sorted(counting[: max(1, math.ceil(keep * len(counting) - 1e-9))])
    sums: dict[int, float] = {}
    for place in kept:
        ballot = ballots[place]
        assert ballot is not None
        sums[ballot] = sums.get(ballot, 0.0) + (weights[place] or 0.0)
    won = max(sums, key=sums.__getitem__) if sums else None
    return next((place for place in kept if ballots[place] == won), None)


def deciding(ballots: Sequence[Ballot]) -> int | None:
    """The path that was first to vote for the winner; None where all abstained."""
    won = winner(ballots)
    return None if won is None else ballots.index(won)


def margin(ballots: Sequence[Ballot]) -> int:
    """By how many votes the winner is ahead of the next answer; 0 is a tie."""
    counts = [count for _, count in Counter(ballot for ballot in ballots if ballot is not None).most_common(2)]
    return counts[0] - (counts[1] if len(counts) > 1 else 0) if counts else 0
