"""What votes would cost that stop early, from paths that are on record: no model is asked.

A vote arm has n paths of each question, drawn at random. In another order they are as likely, so what a rule of
`modes/stopping.py` does is its mean over the orders: over all that differ where these are few, else over drawn ones,
the same for all questions whose paths voted alike. In each order the vote that stopped stands beside the vote of all
paths in that order, so what differs between the two is stopping and no tie. Tokens are the paths' mean by their number,
since of independent draws a rule that looks at answers so far changes how many are drawn, and not what one takes on the
average (Wald 1944, Annals of Mathematical Statistics 15:283).

Beside each rule stands a plain vote with as many paths for every question (`matched.py`): whether the paths are better
spent where answers are in doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import factorial, prod

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import Interval, mean_share
from cotbench.analysis.flat import columns
from cotbench.analysis.matched import Questions, match
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Design
from cotbench.analysis.voted import votes_of
from cotbench.modes.stopping import ADAPTIVE, FULL, WINDOW, Stop, leads
from cotbench.store.table import Voted

RULES = (*(Stop(ADAPTIVE, sure) for sure in (0.8, 0.9, 0.95, 0.99)), *(Stop(WINDOW, size) for size in (3, 5, 8)))
FEW_ORDERS, DRAWN_ORDERS, LEAST_ORDERS = 2_000, 1_000, 200
_COUNTS = 2_000_000  # votes that are counted at once, of which fewer orders are drawn
_DRAWS = 1_000  # of the bootstrap beside a plain vote
LEAST_PATHS = 3
ENOUGH = 0.99  # of votes that are as they would have been


@dataclass(frozen=True, kw_only=True)
class StoppedVote:
    """A rule by which a vote would have stopped, over the recorded paths of a vote arm.

    rule: adaptive or window; level: how sure it is to be, or the paths of a window. n: questions. of: paths on record.
    paths: that it draws, tokens: what they take, full_tokens: what all take; means of a question. saving: of tokens, a
    share. unchanged: of votes, the share that is what the vote of all paths in the same order is; enough: whether it is
    99% or more. accuracy, full: of both; delta: their difference, -1..1. plain: of a vote that draws as many paths for
    every question; over_plain: by how much the rule is above it.
    """

    model: str
    task: str
    mode: str
    rule: str
    level: float
    n: int
    of: int
    paths: float
    tokens: float | None
    full_tokens: float | None
    saving: Interval = field(metadata=columns(value="saving", low="saving_low", high="saving_high"))
    unchanged: Interval = field(metadata=columns(value="unchanged", low="unchanged_low", high="unchanged_high"))
    enough: bool
    accuracy: float
    full: float
    delta: Interval = field(metadata=columns(value="delta", low="delta_low", high="delta_high"))
    plain: float | None
    over_plain: Interval = field(metadata=columns(value="over_plain", low="over_plain_low", high="over_plain_high"))


def stopped_votes_of(panel: Panel, rules: Sequence[Stop] = RULES) -> list[StoppedVote]:
    """Return a row for each vote arm of a panel whose paths were drawn at random, and each rule."""
    return [row for cell in panel.cells.values() if _votes(panel, cell) for row in _rows(panel, cell, rules)]


def _votes(panel: Panel, cell: Cell) -> bool:
    facts = cell.facts
    drawn = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling.get("temperature", 1)
    return bool(drawn) and not facts.picks and not facts.beside_vote and facts.stops in ("", FULL)


def _rows(panel: Panel, cell: Cell, rules: Sequence[Stop]) -> Iterator[StoppedVote]:
    votes = votes_of(cell)
    mask = cell.decided & votes.decided & (votes.paths >= LEAST_PATHS)
    if not mask.any():
        return
    most = int(votes.paths[mask].min())
    mask &= votes.paths == most  # a log may lack some
    rows = [row.votes for row in cell.parts(Voted, mask) if row.votes is not None]
    ballots, right = [row.ballots for row in rows], [row.right for row in rows]
    design, written = panel.design(mask), cell.tokens("completion")[mask]
    curves = np.array([plain_votes(row, wins) for row, wins in zip(ballots, right, strict=True)])
    for rule in rules:
        if rule.rule == WINDOW and rule.level >= most:
            continue
        found = [stopped(row, wins, rule) for row, wins in zip(ballots, right, strict=True)]
        paths, same, hits, whole = np.array(found, dtype=float).T
        known = not np.isnan(written).any() and written.sum() > 0
        each = np.ones(len(paths))
        own = Questions(right=hits, spent=paths, votes=curves, fixed=0 * each, each=each)
        plain = match(own, **design, draws=_DRAWS)
        saving = stats.ratio(written * (1 - paths / most), written, **design) if known else None
        yield StoppedVote(
            model=panel.model,
            task=panel.task,
            mode=cell.mode,
            rule=rule.rule,
            level=rule.level,
            n=len(paths),
            of=most,
            paths=float(paths.mean()),
            tokens=float((written * paths / most).mean()) if known else None,
            full_tokens=float(written.mean()) if known else None,
            saving=Interval.of(saving),
            unchanged=mean_share(same, design),
            enough=bool(same.mean() >= ENOUGH),
            accuracy=float(hits.mean()),
            full=float(whole.mean()),
            delta=difference(hits - whole, design),
            plain=plain.vote if plain is not None else None,
            over_plain=Interval.of(plain.difference) if plain is not None else Interval(),
        )


def difference(values: Array, design: Design) -> Interval:
    """Return the mean of paired differences, single or mean ones, with an interval."""
    found = stats.mean(values, **design, bound=1.0)
    if found.se and not np.array_equal(values, np.rint(values)):
        return Interval.of(found)
    alike = stats.paired(np.rint(values), **design)
    low, high = min(alike.low, found.value), max(alike.high, found.value)
    return Interval(value=found.value, low=low, high=high, se=found.se, p=alike.p if found.se else None)


# --- what a rule does with one question's paths -------------------------------------------------------------------


def stopped(ballots: Sequence[int | None], right: frozenset[int], stop: Stop) -> tuple[float, float, float, float]:
    """Return means over the orders of a question's paths: how many are drawn, and how often the vote is what that of
    all paths in this order is; how often it is right, and how often that of all paths is."""
    counts, abstained, wins = _pattern(ballots, right)
    paths, same, won, whole = _over_orders(counts, abstained, stop)
    return paths, same, sum(won[place] for place in wins), sum(whole[place] for place in wins)


def plain_votes(ballots: Sequence[int | None], right: frozenset[int]) -> Array:
    """Return how often the vote of the first k paths is right, for k = 1, 2 ... n, on the mean over the same orders. It
    differs from maj@k where votes are a tie, which there goes by the recorded order."""
    counts, abstained, wins = _pattern(ballots, right)
    return np.asarray(_plain(counts, abstained)[:, wins].sum(axis=1)) if wins else np.zeros(len(ballots))


def _pattern(ballots: Sequence[int | None], right: frozenset[int]) -> tuple[tuple[int, ...], int, list[int]]:
    """Return the votes of each answer, the most first, how many paths abstained, and which of the answers are right."""
    answers = {ballot: list(ballots).count(ballot) for ballot in sorted(one for one in {*ballots} if one is not None)}
    places = sorted(answers, key=lambda answer: -answers[answer])
    wins = [place for place, answer in enumerate(places) if answer in right]
    return tuple(answers[one] for one in places), list(ballots).count(None), wins


@lru_cache(maxsize=1 << 12)
def _plain(counts: tuple[int, ...], abstained: int) -> Array:
    """Return how often each answer wins over the first k paths, a row for each k."""
    votes, firsts = _counted(counts, abstained)
    there = np.asarray(votes.any(axis=2))  # none has voted yet else
    won = [_winners(votes[:, k], firsts) for k in range(votes.shape[1])]
    shares = [np.bincount(one[there[:, k]], minlength=len(counts)) for k, one in enumerate(won)]
    return np.array(shares) / len(votes)


@lru_cache(maxsize=1 << 14)
def _over_orders(
    counts: tuple[int, ...], abstained: int, stop: Stop
) -> tuple[float, float, tuple[float, ...], tuple[float, ...]]:
    """Return mean paths and the share of votes that don't change, and how often each answer wins, where it stopped and
    over all paths. counts: the votes of each answer."""
    if not counts:
        return float(abstained), 1.0, (), ()
    votes, firsts = _counted(counts, abstained)
    orders, n = votes.shape[:2]
    ends = _ends(votes, stop)
    won = _winners(votes[np.arange(orders), ends - 1], firsts)
    whole = _winners(votes[:, n - 1], firsts)
    shares = [tuple((np.bincount(one, minlength=len(counts)) / orders).tolist()) for one in (won, whole)]
    return float(ends.mean()), float((won == whole).mean()), shares[0], shares[1]


@lru_cache(maxsize=16)
def _counted(counts: tuple[int, ...], abstained: int) -> tuple[Array, Array]:
    """Return of each order how many votes each answer has after each path, and the path that is the first of each."""
    labels = _orders(counts, abstained)
    own = labels[:, :, None] == np.arange(len(counts), dtype=np.int16)
    return own.cumsum(axis=1, dtype=np.int16), own.argmax(axis=1)


def _orders(counts: tuple[int, ...], abstained: int) -> Array:
    """Return orders of paths, a row each: the number of an answer, or that of the answers for one that abstained."""
    kinds = (*counts, abstained)
    n = sum(kinds)
    if factorial(n) // prod(map(factorial, kinds)) <= FEW_ORDERS:
        return np.array(list(_different(list(kinds))), dtype=np.int16)
    drawn = max(LEAST_ORDERS, min(DRAWN_ORDERS, _COUNTS // (n * len(counts))))
    places = np.argsort(np.random.default_rng((n, *kinds)).random((drawn, n)), axis=1)
    return np.repeat(np.arange(len(kinds), dtype=np.int16), kinds)[places]


def _different(kinds: list[int]) -> Iterator[tuple[int, ...]]:
    """Yield all orders that differ, of so many of each kind."""
    if not any(kinds):
        yield ()
    for kind, left in enumerate(kinds):
        if left:
            kinds[kind] -= 1
            yield from ((kind, *rest) for rest in _different(kinds))
            kinds[kind] += 1


def _ends(votes: Array, stop: Stop) -> Array:
    """Return after how many paths a rule stops in each order, as `Stop.at` does."""
    n = votes.shape[1]
    if stop.rule == FULL:
        return np.full(len(votes), n)
    if stop.rule == WINDOW:
        size = int(stop.level)
        at = votes[:, size - 1 :: size]
        stops = np.zeros(votes.shape[:2], dtype=bool)
        stops[:, size - 1 :: size] = (np.diff(at, axis=1, prepend=0) == size).any(axis=2)
    else:
        two = np.zeros((*votes.shape[:2], 2), dtype=np.int64)
        two[:, :, -min(2, votes.shape[2]) :] = np.sort(votes, axis=2)[:, :, -2:]
        stops = _leads(n)[two[:, :, 1], two[:, :, 0]] >= stop.level
    return np.asarray(np.where(stops.any(axis=1), stops.argmax(axis=1) + 1, n))


@lru_cache(maxsize=64)
def _leads(n: int) -> Array:
    return np.array([[leads(a, b) for b in range(n + 1)] for a in range(n + 1)])


def _winners(votes: Array, firsts: Array) -> Array:
    """Return the answer that wins in each order: of those with the most votes the one that was reached first."""
    return np.asarray(np.where(votes == votes.max(axis=1, keepdims=True), -firsts, -np.inf).argmax(axis=1))
