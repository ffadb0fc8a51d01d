"""Answer at once, and think only where that is unsure: what such a cascade would give, from arms that are on record.

How sure a direct answer is is told by the probability of the likeliest option (`direct@answer=choice`, `likeliest`), or
by how many of the first few paths of a vote over direct answers agree. The cascade thinks where that is below tau. What
it costs is the direct answers of all questions, and the thinking arm's answers of those where it thinks.

A tau that was chosen on the questions that it is scored on is too good: the best of many is partly lucky. So tau is
cross-fitted (`folds.py`): chosen on the other folds, scored on the one left out. It is chosen for one of two ends:

    within  the smallest share of thinking that is shown, on the other folds, to be no more than a margin worse than
            always thinking: the 95% upper end (one-sided) of what is lost is at most the margin
    best    the tau with the most right answers, of equals the one that thinks least

Two questions on which the arms differ, one each way, are imagined in the choice: else none that differ would be proof.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec import UNSET
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.beside import spent_at
from cotbench.analysis.calibration import expected_calibration_error
from cotbench.analysis.cost import Purse, spent_of
from cotbench.analysis.curve import MARGIN
from cotbench.analysis.estimates import Interval, Paired, mean_share, names_of
from cotbench.analysis.flat import columns
from cotbench.analysis.folds import cross_fitted, folds_of
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.prices import Prices
from cotbench.analysis.stats import Array, Design
from cotbench.analysis.stopping import difference
from cotbench.analysis.voted import votes_of
from cotbench.modes.cascade import DRAWN, agreed, sureness
from cotbench.modes.context import Context
from cotbench.modes.stopping import FULL
from cotbench.questions.tagging import Rule
from cotbench.store.table import Voted

NEVER, ALWAYS, TAGS, FIXED = "never", "always", "where symbolic", "tau"
FITTED, SAME = "cross-fitted", "chosen on the same questions"
WITHIN, BEST = "within", "best"
BY_OPTIONS, BY_VOTES = "options", "votes"
_SHARES = np.linspace(0.0, 1.0, 21)  # of questions that think, at which taus are tried
_ONE_SIDED = 1.645
FEWEST = 20  # questions, of which tau is chosen


@dataclass(frozen=True, kw_only=True)
class Cascade(Paired):
    """One way to use a direct arm (the baseline) and one that thinks (mode), on the questions that both decided.

    sure: what tells how sure a direct answer is, options or votes. policy: never and always think, where a tag says
    symbolic (rule), below a fixed tau, below a tau that was cross-fitted, or chosen on the same questions (too good, to
    show by how much). goal: of a tau that was chosen, for which end. tau: of cross-fitted ones, that which is chosen of
    all questions; None where it is above all, so that it always thinks, after its direct answers. used: the share that
    thinks. tokens: completion tokens of a question, direct answers included. saving: of tokens against always thinking,
    a share. loss: always thinking's accuracy less this one's, -1..1. margin: how much of it is no matter; within:
    whether it is shown to be less. cost_per_1000: money for 1,000 questions. ece, auroc: of the direct answers, how far
    their sureness lies from how often they are right, and how often a right one is surer than a wrong one.
    """

    sure: str
    policy: str
    rule: str = ""
    goal: str = ""
    tau: float | None = None
    n: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high"))
    used: float
    tokens: float | None
    saving: Interval = field(metadata=columns(value="saving", low="saving_low", high="saving_high"))
    loss: Interval = field(metadata=columns(value="loss", low="loss_low", high="loss_high"))
    margin: float
    within: bool | None
    currency: str = ""
    cost_per_1000: float | None = None
    ece: float
    auroc: float | None

    @property
    def unclear(self) -> str:
        """Why there is no interval, "" where there is one."""
        return "" if self.loss.low is not None else "it is always thinking itself"


def cascades_of(
    panel: Panel, rules: Sequence[Rule] = (), margin: float = MARGIN, prices: Prices | None = None
) -> list[Cascade]:
    """Return rows for each pair of a direct arm that tells how sure it is and one that thinks. rules: tag rules."""
    purse = Purse(prices)
    thinking = [cell for cell in panel.cells.values() if _thinks(cell)]
    direct = list(_directs(panel, purse)) if thinking else []
    return [row for cell in thinking for one in direct for row in _rows(panel, cell, one, rules, margin, purse)]


# --- the two arms -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Direct:
    """Direct answers, as arrays in the panel's order: which there are, how sure they are, which are right, and what
    they cost in tokens and money."""

    cell: Cell
    by: str
    there: Array
    sure: Array
    right: Array
    tokens: Array
    money: Array


def _thinks(cell: Cell) -> bool:
    facts = cell.facts
    alone = not (facts.votes_over or facts.picks or facts.stops or facts.beside_vote or facts.of or facts.at_once)
    return alone and facts.answers_in == "words" and (facts.thinks == "on" or facts.reasons)


def _directs(panel: Panel, purse: Purse) -> Iterator[_Direct]:
    for cell in panel.cells.values():
        found = _by_votes(panel, cell) if cell.facts.votes_over else _by_options(panel, cell)
        if found is None:
            continue
        by, there, sure, right, share = found
        if there.any():
            spent = spent_of(cell)
            if cell.facts.votes_over and not cell.facts.stops:  # a request for all paths sends its prompt once
                paths = votes_of(cell).paths
                money = purse.money(cell, spent_at(cell, spent, np.minimum(DRAWN, paths), np.maximum(1, paths)))[0]
            else:
                money = purse.money(cell, spent)[0] * share
            tokens = cell.tokens("completion") * share
            yield _Direct(cell=cell, by=by, there=there, sure=sure, right=right, tokens=tokens, money=money)


def _by_options(panel: Panel, cell: Cell) -> tuple[str, Array, Array, Array, Array] | None:
    """Return how sure direct answers are by the probabilities of the options: those in records, else in replies."""
    likely = cell.having("likely") & cell.decided
    chosen = cell.facts.settings.get("answer") == "choice"
    if not likely.any() and not chosen:
        return None
    sure = np.full(len(cell.places), np.nan)
    for place in np.flatnonzero(cell.decided).tolist():
        row = cell.rows[place]
        if row is None:
            continue
        if row.options is not UNSET:
            sure[place] = max(row.options.probabilities.values())
        elif chosen and (reply := cell.run.journal.reply(row.keys[0])) is not None:
            path = reply.completions[0]
            if path.options is not None:
                sure[place] = sureness(path, len(panel.questions[place].choices))
    return BY_OPTIONS, ~np.isnan(sure), sure, cell.right.astype(float), np.ones(len(sure))


def _by_votes(panel: Panel, cell: Cell) -> tuple[str, Array, Array, Array, Array] | None:
    """Return the same of votes over direct answers, of which a cascade would draw the first few."""
    facts = cell.facts
    drawn = cell.run.manifest.spec.mode(panel.task, cell.mode).sampling.get("temperature", 1)
    if not facts.at_once or facts.picks or facts.stops not in ("", FULL) or not drawn:
        return None
    sure, right, share = (np.full(len(cell.places), np.nan) for _ in range(3))
    there = cell.having("voted") & cell.decided
    places = np.flatnonzero(there).tolist()
    for place, row in zip(places, cell.parts(Voted, there), strict=True):
        if row.votes is None or not row.votes.decided or len(row.votes.ballots) < DRAWN:
            continue
        first = row.votes.ballots[:DRAWN]
        sure[place] = agreed(first)
        voted = [ballot for ballot in first if ballot is not None]
        right[place] = bool(voted) and max(voted, key=voted.count) in row.votes.right  # of equals the first
        share[place] = DRAWN / len(row.votes.ballots)
    return BY_VOTES, ~np.isnan(sure), sure, right, share


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class _Pair:
    """What is known of each question: how sure the direct answer is, and whether both are right and what they cost."""

    sure: Array
    direct: Array
    thinking: Array
    tokens: Array  # of direct answers, and of thinking, a row each; nan where unknown
    money: Array

    def where(self, thinks: Array, *, first: bool = True) -> Array:
        """Return of each question whether a policy is right, what it costs in tokens and money, and whether it thinks.
        first: whether the direct answer is had in any case."""
        right = np.where(thinks, self.thinking, self.direct)
        costs = [np.where(thinks, (one[0] if first else 0.0) + one[1], one[0]) for one in (self.tokens, self.money)]
        return np.column_stack([right, *costs, thinks])


def _rows(
    panel: Panel, cell: Cell, direct: _Direct, rules: Sequence[Rule], margin: float, purse: Purse
) -> Iterator[Cascade]:
    alike = Context.of(cell.facts.settings).settings == Context.of(direct.cell.facts.settings).settings
    mask = cell.decided & direct.there
    if not alike or int(mask.sum()) < FEWEST:
        return
    pair = _Pair(
        sure=direct.sure[mask],
        direct=direct.right[mask],
        thinking=cell.right[mask].astype(float),
        tokens=np.array([direct.tokens[mask], cell.tokens("completion")[mask]]),
        money=np.array([direct.money[mask], purse.money(cell, spent_of(cell))[0][mask]]),
    )
    design, n = panel.design(mask), int(mask.sum())
    told = {
        **names_of(panel, cell, direct.cell),
        "sure": direct.by,
        "n": n,
        "margin": margin,
        "currency": purse.currency,
        "ece": expected_calibration_error(pair.sure, pair.direct),
        "auroc": area(pair.sure, pair.direct),
    }
    always = pair.where(np.ones(n, dtype=bool), first=False)

    def row(policy: str, figures: Array, tau: float | None = None, **more: object) -> Cascade:
        shown = None if tau is None or tau > pair.sure.max() else tau
        return _row(told | {"policy": policy, "tau": shown, **more}, figures, always, design)

    yield row(NEVER, pair.where(np.zeros(n, dtype=bool)))
    yield row(ALWAYS, always)
    for rule in rules:
        tags = panel.tags(rule) if rule.timing == "pre-treatment" else None
        if tags is not None and 0 < (tags[mask] == 1).sum() < n:
            yield row(TAGS, pair.where(tags[mask] == 1, first=False), rule=rule.name)
    for tau in taus(pair.sure):
        yield row(FIXED, pair.where(pair.sure < tau), tau=tau)
    clusters = panel.clusters_of(mask)
    if clusters is not None and len(np.unique(clusters)) < 2:
        return
    homes = folds_of(n, clusters)
    for goal in (WITHIN, BEST):
        tau = choose(pair, goal, margin)
        yield row(FITTED, fitted(pair, homes, goal, margin), goal=goal, tau=tau)
        yield row(SAME, pair.where(pair.sure < tau), goal=goal, tau=tau)


def _row(told: dict[str, object], figures: Array, always: Array, design: Design) -> Cascade:
    right, tokens, money, thinks = figures.T
    is_always = told["policy"] == ALWAYS
    known = not np.isnan([tokens, always[:, 1]]).any() and always[:, 1].sum() > 0
    saving = stats.ratio(always[:, 1] - tokens, always[:, 1], **design) if known and not is_always else None
    loss = Interval() if is_always else _lost(always[:, 0] - right, design)
    margin = told["margin"]
    assert isinstance(margin, float)
    return Cascade(
        **told,  # type: ignore[arg-type]
        accuracy=mean_share(right, design),
        used=float(thinks.mean()),
        tokens=float(tokens.mean()) if not np.isnan(tokens).any() else None,
        saving=Interval.of(saving),
        loss=loss,
        within=None if loss.high is None else loss.high < margin,
        cost_per_1000=1_000 * float(money.mean()) if not np.isnan(money).any() else None,
    )


def _lost(values: Array, design: Design) -> Interval:
    """Return what is lost against always thinking, with an interval. Of means over splits it is of t, with two more
    questions imagined in the standard error, one each way (`matched.py`): most of these are 0."""
    found = stats.mean(values, **design, bound=1.0)
    if np.array_equal(values, np.rint(values)) or found.se is None or found.df is None:
        return difference(values, design)
    se = math.sqrt(found.se**2 + 2 / len(values) ** 2)
    reach = float(special.stdtrit(found.df, (1 + stats.CONFIDENCE) / 2)) * se
    return Interval(value=found.value, low=max(-1.0, found.value - reach), high=min(1.0, found.value + reach), se=se)


def area(sure: Array, right: Array) -> float | None:
    """Return how often a right answer is surer than a wrong one, equals by half; None where there are none of either
    (the area under the ROC curve, Hanley and McNeil 1982)."""
    yes, no = np.sort(sure[right > 0]), sure[right == 0]
    if not len(yes) or not len(no):
        return None
    above = len(yes) - np.searchsorted(yes, no, side="right")
    equal = np.searchsorted(yes, no, side="right") - np.searchsorted(yes, no, side="left")
    return float((above + equal / 2).sum() / (len(yes) * len(no)))


# --- tau ----------------------------------------------------------------------------------------------------------


def taus(sure: Array) -> list[float]:
    """Return the taus that are tried: below which about 0, 5, 10 ... 100% of the questions lie."""
    found = np.quantile(sure, _SHARES, method="inverted_cdf")
    return sorted({*found.tolist(), float(np.nextafter(found[-1], np.inf))})


def choose(pair: _Pair, goal: str, margin: float, among: Array | None = None) -> float:
    """Choose tau on some of the questions, all by default."""
    some = np.ones(len(pair.sure), dtype=bool) if among is None else among
    sure, direct, thinking = pair.sure[some], pair.direct[some], pair.thinking[some]
    tried = taus(sure)
    lost = {tau: np.where(sure < tau, 0.0, thinking - direct) for tau in tried}
    if goal == BEST:
        return min(tried, key=lambda tau: (round(float(lost[tau].sum()), 9), tau))
    return next((tau for tau in tried if _upper(lost[tau]) <= margin), tried[-1])


def _upper(lost: Array) -> float:
    """Return the upper end of what is lost, with a question imagined that is lost and one that is won."""
    more = np.append(lost, (1.0, -1.0))
    return float(more.mean() + _ONE_SIDED * more.std(ddof=1) / np.sqrt(len(more)))


def fitted(pair: _Pair, homes: Array, goal: str, margin: float) -> Array:
    """Return the figures of each question under a tau that was chosen without its fold, as `_Pair.where` has them."""

    def fit_and_score(chosen_on: Array, scored: Array) -> Array:
        tau = choose(pair, goal, margin, chosen_on)
        return pair.where(pair.sure < tau)[scored]

    return cross_fitted(homes, fit_and_score)
