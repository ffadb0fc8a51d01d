"""What could be chosen among the candidates of an arm, and what its judge's choice is worth.

An arm that chooses among several answers (`Facts.picks`) leaves its candidates on record: the paths that a judge marked
(best), the ends of a search (first), the answers of its rounds (last). From these, without a model:

    chosen     what the arm answers
    first      the first candidate
    best       the one with the highest score, of equals the first (Cobbe et al. 2021, arXiv:2110.14168)
    weighted   the answer with the largest sum of scores (Li et al. 2022, arXiv:2206.02336); a reward model's score is
               taken for the log-odds of being better (Bradley and Terry 1952, Biometrika 39:324), and its logistic
               counts
    majority   the answer of most candidates (Wang et al. 2022, arXiv:2203.11171)
    text_vote  of a search: what most candidates end with, letter by letter: equal answers that are written in two
               ways are two, what is no answer votes too, and a tie goes to the first
    any        whether one of them is right: a bound, not a method, since nobody can choose so without the key
    mean       the share of them that is right: what choosing at random gets

Of paths that were drawn alike the same is worked out for k = 1, 2, 4 ... n of them (`subsets.py`).

How well scores tell right from wrong is the area under the ROC curve within a question: the share of its pairs of a
right and a wrong candidate in which the right one has the higher score, ties half (Hanley and McNeil 1982, Radiology
143:29), averaged over the questions that have both, each with the same weight. 50% is what chance gets.

A candidate whose mark can't be read is counted, is never chosen by a score, and has no weight.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec import UNSET
from scipy import special

from cotbench.analysis import means, stats
from cotbench.analysis.estimates import Interval
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Design
from cotbench.analysis.subsets import (
    Scores,
    best_at,
    best_at_k,
    maj_at,
    maj_at_k,
    pass_at_k,
    sizes,
    weighted_at,
    weighted_at_k,
)
from cotbench.store.records import NODE_CHARS, NodeRow, Record, VoteRow, last_line_of

WAYS = ("first", "best", "weighted", "majority", "text_vote", "any", "mean")
ALL_ROUNDS = "first to last"


def _ends(name: str) -> dict[str, str]:
    return {"value": name, "low": f"{name}_low", "high": f"{name}_high"}


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What could be chosen among all candidates of one arm, on its n questions that have a verdict on each.

    picks: how the arm chooses, as `Facts` has it. candidates: of a question, on the average. judged: how many marks or
    verdicts a judge was asked for; by_courtesy: how many of them were read only because its reply was gone on with by
    the words of the line; unread, unread_share: how many of these could not be read. tied: the share
    of questions on which candidates with different answers share the highest score. Shares of right answers in 0..1:
    chosen, what the arm answers; first, best, weighted, majority: what else could be chosen; any: a bound, not a
    method; mean: a candidate at random. best and weighted are None without scores, weighted where a mark is below 0 or
    none says how much better one is. text_vote: of a search, what most candidates end with, as it is written; None of
    other arms, and where a record doesn't have a last line. over_majority: chosen less majority, paired, which is not
    at equal tokens: the judge's come on top. auroc: of right and wrong candidates of one question, the share of pairs
    in which the right one has the higher score, ties half, over the n_mixed questions that have both.
    """

    model: str
    task: str
    mode: str
    picks: str
    n: int
    candidates: float
    judged: int
    by_courtesy: int
    unread: int
    unread_share: float | None
    tied: float | None
    chosen: Interval = field(metadata=columns(**_ends("chosen")))
    first: Interval = field(metadata=columns(**_ends("first")))
    best: Interval = field(metadata=columns(**_ends("best")))
    weighted: Interval = field(metadata=columns(**_ends("weighted")))
    majority: Interval = field(metadata=columns(**_ends("majority")))
    text_vote: Interval = field(metadata=columns(**_ends("text_vote")))
    any: Interval = field(metadata=columns(**_ends("any")))
    mean: Interval = field(metadata=columns(**_ends("mean")))
    over_majority: Interval = field(metadata=columns(**_ends("over_majority"), p="over_majority_p"))
    n_mixed: int
    auroc: Interval = field(metadata=columns(**_ends("auroc")))


@dataclass(frozen=True, kw_only=True)
class ChosenAt:
    """The same of k of the n paths of an arm that were drawn alike: expected over all subsets of k.

    best is exact, by ranks; majority too; weighted over drawn subsets where there are many. best and weighted are None
    for k below n where the judge saw all paths at once.
    """

    model: str
    task: str
    mode: str
    questions: int
    n: int
    k: int
    best: Interval = field(metadata=columns(**_ends("best")))
    weighted: Interval = field(metadata=columns(**_ends("weighted")))
    majority: Interval = field(metadata=columns(**_ends("majority")))
    any: float
    mean: float


@dataclass(frozen=True, kw_only=True)
class Flips:
    """What the rounds of an arm that answers again changed, on its n questions.

    rounds: "first to last", or of one round "1 to 2". again: on how many questions an answer was given again there; on
    the others it stands. to_right, to_wrong: answers that turned. delta: the difference of the shares of right answers,
    paired, with the p that goes with its interval: exact McNemar, or t where questions are clustered. p_mcnemar: exact
    McNemar in any case. Not corrected for many tests.
    """

    model: str
    task: str
    mode: str
    rounds: str
    n: int
    again: int
    both_right: int
    to_right: int
    to_wrong: int
    both_wrong: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", p="p"))
    p_mcnemar: float | None


def chosen_of(panel: Panel) -> list[Chosen]:
    """Return a row for each arm that chooses among candidates."""
    return [row for cell in panel.cells.values() if cell.facts.picks and (row := _chosen(panel, cell)) is not None]


def chosen_at(panel: Panel) -> list[ChosenAt]:
    """Return rows over k for each arm that chooses by scores of paths that were drawn alike."""
    return [
        row for cell in panel.cells.values() if cell.facts.picks in ("best", "weighted") for row in _curve(panel, cell)
    ]


def flips_of(panel: Panel) -> list[Flips]:
    """Return rows for each arm that answers again: of all rounds together, and of each."""
    return [row for cell in panel.cells.values() if cell.facts.picks == "last" for row in _flips(panel, cell)]


# --- what can be chosen -------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Voted:
    """The votes of one arm: which questions they are of, their records and their design."""

    mask: Array
    rows: Sequence[tuple[Record, VoteRow]]
    design: Design

    def interval(self, values: Iterable[float]) -> Interval:
        """Return the mean of a value of each question in 0..1, with the interval of a proportion where it is one."""
        array = np.fromiter(values, float, len(self.rows))
        if ((array == 0) | (array == 1)).all():
            return Interval.of(stats.proportion(array == 1, **self.design))
        return Interval.of(means.mean_score(array, **self.design))


def _voted(panel: Panel, cell: Cell) -> _Voted | None:
    """Return an arm's votes on the questions on which each answer has a verdict; None where there are none."""
    decided = cell.decided
    there = [
        (row, row.votes) if known and row is not None and row.votes is not None and row.votes.decided else None
        for row, known in zip(cell.rows, decided.tolist(), strict=True)
    ]
    rows = [one for one in there if one is not None]
    if not rows:
        return None
    mask = np.fromiter((one is not None for one in there), bool, len(there))
    return _Voted(mask=mask, rows=rows, design=panel.design(mask))


def _scores(votes: VoteRow) -> Scores:
    """The scores of the candidates; one that states no answer has none to be chosen by."""
    if votes.scores is UNSET:
        return [None] * len(votes.ballots)
    return [None if ballot is None else score for ballot, score in zip(votes.ballots, votes.scores, strict=True)]


def _weights(cell: Cell, scores: Sequence[Scores]) -> Sequence[Scores]:
    """What candidates weigh in a vote by their scores; [] where these are no weights."""
    if cell.run.manifest.judge.get("rewards"):
        return [[None if score is None else float(special.expit(score)) for score in each] for each in scores]
    known = [score for each in scores for score in each if score is not None]
    return scores if known and min(known) >= 0 and not _at_once(cell) else []


def _at_once(cell: Cell) -> bool:
    """Whether the judge saw all candidates at once, so that a score says which is best and no more."""
    return cell.facts.settings.get("judge") == "rank"


def _chosen(panel: Panel, cell: Cell) -> Chosen | None:
    voted = _voted(panel, cell)
    if voted is None:
        return None
    votes, scores = [vote for _, vote in voted.rows], [_scores(vote) for _, vote in voted.rows]
    whole = [(v.ballots, own, v.right, len(v.ballots)) for v, own in zip(votes, scores, strict=True)]
    weights = _weights(cell, scores)
    heavy = [(v.ballots, own, v.right, len(v.ballots)) for v, own in zip(votes, weights, strict=False)]
    known = [score for each in scores for score in each if score is not None]
    right = [np.array([ballot in vote.right for ballot in vote.ballots]) for vote in votes]
    chosen = cell.right[voted.mask].astype(float)
    majority = np.array([maj_at(vote.ballots, vote.right, len(vote.ballots)) for vote in votes])
    looked = np.array([_looks(row) for row, _ in voted.rows])
    judged, by_courtesy, unread = map(int, looked.sum(axis=0))
    areas = [None if not known else _area(own, hits) for own, hits in zip(scores, right, strict=True)]
    mixed = [area for area in areas if area is not None]
    within = voted.mask.copy()
    within[voted.mask] = [area is not None for area in areas]
    return Chosen(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        picks=cell.facts.picks,
        n=len(votes),
        candidates=float(np.mean([len(vote.ballots) for vote in votes])),
        judged=judged,
        by_courtesy=0 if cell.facts.picks == "first" else by_courtesy,
        unread=unread,
        unread_share=unread / judged if judged else None,
        tied=float(np.mean([_tied(vote, own) for vote, own in zip(votes, scores, strict=True)])) if known else None,
        chosen=voted.interval(chosen),
        first=voted.interval(float(hits[0]) for hits in right),
        best=voted.interval(best_at(*one) for one in whole) if known else Interval(),
        weighted=voted.interval(weighted_at(*one) for one in heavy) if weights else Interval(),
        majority=voted.interval(majority),
        text_vote=_text_vote(cell, voted, right),
        any=voted.interval(float(hits.any()) for hits in right),
        mean=voted.interval(float(hits.mean()) for hits in right),
        over_majority=_paired(chosen - majority, voted.design),
        n_mixed=len(mixed),
        auroc=Interval.of(means.mean_score(np.array(mixed), **panel.design(within))) if mixed else Interval(),
    )


def _text_vote(cell: Cell, voted: _Voted, right: Sequence[Array]) -> Interval:
    """What a search gets right by the line that most of its candidates end with; none where a line isn't there."""
    if cell.facts.picks != "first":
        return Interval()
    lines = [_last_lines(row) for row, _ in voted.rows]
    if any(None in each or len(each) != len(hits) for each, hits in zip(lines, right, strict=True)):
        return Interval()
    # Counter tells equal counts in the order in which they were reached.
    most = [each.index(Counter(each).most_common(1)[0][0]) for each in lines]
    return voted.interval(float(hits[place]) for hits, place in zip(right, most, strict=True))


def _last_lines(row: Record) -> list[str | None]:
    """What the candidates of a record end with, in their order; None of one whose end isn't on record."""
    nodes: Sequence[NodeRow] = () if row.nodes is UNSET else row.nodes
    ends = {node.ballot: node.ending or _whole_ending(node) for node in nodes if node.ballot is not None}
    return [ends[place] for place in sorted(ends)]


def _whole_ending(node: NodeRow) -> str | None:
    return last_line_of(node.text) if len(node.text) < NODE_CHARS else None  # earlier versions cut it off


def _looks(row: Record) -> tuple[int, int, int]:
    """How many marks or verdicts a judge gave; how many took a second reply, and how many can't be read. Candidates
    with the same text share one; and so do all of them, where the judge saw them at once."""
    if row.nodes is UNSET:
        return 0, 0, 0
    read = {node.judged: node.value is not None for node in row.nodes if node.judged}
    return len(read), sum(known and len(said) > 1 for said, known in read.items()), len(read) - sum(read.values())


def _tied(votes: VoteRow, scores: Scores) -> bool:
    known = [score for score in scores if score is not None]
    best = {ballot for ballot, score in zip(votes.ballots, scores, strict=True) if known and score == max(known)}
    return len(best) > 1


def _area(scores: Scores, right: Array) -> float | None:
    """The share of pairs of a right and a wrong candidate in which the right one has the higher score, ties half; None
    without such pairs."""
    good = np.array([score for score, hit in zip(scores, right, strict=True) if score is not None and hit])
    bad = np.array([score for score, hit in zip(scores, right, strict=True) if score is not None and not hit])
    if not len(good) or not len(bad):
        return None
    return float(((good[:, None] > bad).sum() + (good[:, None] == bad).sum() / 2) / (len(good) * len(bad)))


def _paired(differences: Array, design: Design) -> Interval:
    """Return a mean of paired differences of right answers, with the p that goes with its interval."""
    known = stats.paired(differences, **design)
    own = known.p if design["clusters"] is None or known.se == 0 else stats.mean(differences, **design).p
    return Interval(value=known.value, low=known.low, high=known.high, se=known.se, p=own)


# --- k of n paths -------------------------------------------------------------------------------------------------


def _curve(panel: Panel, cell: Cell) -> Iterator[ChosenAt]:
    voted = _voted(panel, cell)
    if voted is None:
        return
    n = len(voted.rows[0][1].ballots)
    votes = [vote for _, vote in voted.rows]
    scores = [_scores(vote) for vote in votes]
    known = [score for each in scores for score in each if score is not None]
    at_once = _at_once(cell)
    best = [best_at_k(vote.ballots, own, vote.right) for vote, own in zip(votes, scores, strict=True)]
    weights = _weights(cell, scores)
    weighted = [weighted_at_k(vote.ballots, own, vote.right) for vote, own in zip(votes, weights, strict=False)]
    majority = [maj_at_k(vote.ballots, vote.right) for vote in votes]
    hits = [sum(ballot in vote.right for ballot in vote.ballots) for vote in votes]
    for k in sizes(n):
        told = bool(known) and (k == n or not at_once)
        yield ChosenAt(
            model=panel.model,
            task=panel.task,
            mode=cell.mode,
            questions=len(votes),
            n=n,
            k=k,
            best=voted.interval(one[k] for one in best) if told else Interval(),
            weighted=voted.interval(one[k] for one in weighted) if weighted else Interval(),
            majority=voted.interval(one[k] for one in majority),
            any=float(np.mean([pass_at_k(n, hit, k) for hit in hits])),
            mean=float(np.mean(hits)) / n,
        )


# --- rounds -------------------------------------------------------------------------------------------------------


def _flips(panel: Panel, cell: Cell) -> Iterator[Flips]:
    voted = _voted(panel, cell)
    if voted is None:
        return
    right = [[ballot in vote.right for ballot in vote.ballots] for _, vote in voted.rows]
    last = max(map(len, right))
    again = [len(each) for each in right]

    def after(number: int) -> Array:
        """Whether the answer that stands after a round is right."""
        return np.array([each[min(number, len(each) - 1)] for each in right])

    steps = [(ALL_ROUNDS, 0, last - 1), *((f"{n} to {n + 1}", n - 1, n) for n in range(1, last) if last > 2)]
    for rounds, start, end in steps:
        old, new = after(start), after(end)
        differences = new.astype(float) - old
        yield Flips(
            model=panel.model,
            task=panel.task,
            mode=cell.mode,
            rounds=rounds,
            n=len(right),
            again=sum(count > start + 1 for count in again),
            both_right=int((new & old).sum()),
            to_right=int((new & ~old).sum()),
            to_wrong=int((old & ~new).sum()),
            both_wrong=int((~new & ~old).sum()),
            delta=_paired(differences, voted.design),
            p_mcnemar=stats.mcnemar_exact(int((new & ~old).sum()), int((old & ~new).sum())),
        )
