"""Majority votes and the estimators over subsets, against plain enumeration of all subsets."""

from __future__ import annotations

import itertools
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotbench.analysis.subsets import maj_at_k, pass_at_k, sizes
from cotbench.modes.votes import Ballot, margin, winner

BALLOTS = st.lists(st.sampled_from([None, 0, 1, 2, 3]), min_size=1, max_size=9)


@pytest.mark.parametrize(
    ("ballots", "won", "ahead"),
    [
        ([0, 0, 1], 0, 1),
        ([0, 1, 1], 1, 1),
        ([0, 1], 0, 0),  # a tie goes to the answer reached first
        ([1, 0, 0, 1], 1, 0),
        ([None, 1, None, 0], 1, 0),
        ([None, None, None, 0], 0, 1),  # abstentions don't outvote
        ([None, None], None, 0),
        ([2], 2, 1),
    ],
)
def test_the_winner_and_its_margin(ballots: list[Ballot], won: int | None, ahead: int) -> None:
    assert winner(ballots) == won
    assert margin(ballots) == ahead


def test_sizes_are_powers_of_two_and_the_whole() -> None:
    assert list(sizes(1)) == [1]
    assert list(sizes(8)) == [1, 2, 4, 8]
    assert list(sizes(20)) == [1, 2, 4, 8, 16, 20]


@settings(max_examples=300, deadline=None)
@given(BALLOTS, st.frozensets(st.integers(0, 3)))
def test_maj_at_k_is_the_mean_over_all_subsets(ballots: list[Ballot], right: frozenset[int]) -> None:
    n = len(ballots)
    for k, share in maj_at_k(ballots, right).items():
        votes = [winner([ballots[i] for i in subset]) in right for subset in itertools.combinations(range(n), k)]
        assert share == pytest.approx(sum(votes) / len(votes), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(BALLOTS, st.frozensets(st.integers(0, 3)))
def test_pass_at_k_is_the_share_of_subsets_with_a_right_path(ballots: list[Ballot], right: frozenset[int]) -> None:
    n, hits = len(ballots), sum(ballot in right for ballot in ballots)
    for k in sizes(n):
        found = [any(ballots[i] in right for i in subset) for subset in itertools.combinations(range(n), k)]
        assert pass_at_k(n, hits, k) == pytest.approx(sum(found) / comb(n, k), abs=1e-12)


def test_the_vote_of_all_is_the_recorded_one() -> None:
    ballots: list[Ballot] = [1, 0, None, 0, 1, 2]
    assert maj_at_k(ballots, frozenset({1}))[6] == 1.0  # 1 was reached before 0
    assert maj_at_k(ballots, frozenset({0}))[6] == 0.0


def test_a_hundred_paths_of_many_answers_are_exact_enough_and_soon_done() -> None:
    ballots: list[Ballot] = [i % 7 if i % 5 else None for i in range(100)]
    shares = [maj_at_k(ballots, frozenset({answer}))[64] for answer in range(7)]
    assert sum(shares) == pytest.approx(1.0, abs=1e-9)  # somebody wins: no 64 of these can all abstain
