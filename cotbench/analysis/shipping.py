"""Policies that ship: by what is known of a question before it is answered, which arm answers it.

A policy goes by one *rule*: the task as a whole, its subjects, a pre-treatment tag, a feature that the data give. The
rule splits the questions into *pieces*, and each piece has an arm: the cheapest that is within the margin of the best.
What an arm gains in a piece over the cheapest arm is shrunk towards what it gains on the task (partial pooling: normal
means with normal errors, the spread between pieces by the moments of DerSimonian and Laird 1986; Efron and Morris 1975
on why that is nearer to the truth than each piece's own mean), since in a small piece the best arm is the luckiest one.

Which rule to go by is chosen as well: by the figure that it reaches on folds that it wasn't fitted on. What all this
brings is cross-fitted (`folds.py`): rule and arms are chosen on all folds but one and scored on that one, over many
splits. So the figures are of the procedure that chooses, on questions like these; no figure is of the one policy that
it makes of all of them. The *naive* figure is what one gets by taking in each piece the arm that was best and scoring
it on the same questions: of k pieces of m questions each and two arms that are alike it is too good by half the mean
size of the noise of a piece, s/sqrt(2 pi m), where s is the standard deviation of a question's difference.

How far the pieces' means are noise is told by the questions' differences within pieces, together for all of them, times
how much more clusters vary than questions would (a design effect, also over the task).

Intervals of what is cross-fitted are by the larger of two standard errors: that of the questions' means over splits,
and, up to MOST_RESAMPLED questions, that of a bootstrap over clusters within strata in which everything is chosen anew,
less what single splits vary by chance. The first alone takes the questions of a piece for independent, though one
choice is made for all of them (Bates, Hastie and Tibshirani 2024 on why the naive error of cross-validation is small).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.cost import Purse, spent_of
from cotbench.analysis.curve import MARGIN
from cotbench.analysis.estimates import Interval, Paired
from cotbench.analysis.folds import SPLITS, cross_fitted, folds_of
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.prices import Prices
from cotbench.analysis.stats import Array, Clusters, Strata
from cotbench.questions.tagging import Rule

WHOLE, SUBJECT, FEATURE, CATEGORY = "one arm for all", "subject", "feature:", "category"
CROSS_FITTED, NAIVE, ORACLE, ALWAYS, BY = "cross-fitted", "naive", "oracle", "always ", "by "
LEAST = 30  # questions, or clusters, that a policy is made of
MOST_VALUES = 20  # of a feature that a rule goes by
UNTAGGED = "untagged"
RESAMPLED, MOST_RESAMPLED = 40, 20_000  # draws of the bootstrap, and up to how many questions there is one


@dataclass(frozen=True, kw_only=True)
class Shipped(Paired):
    """One policy over the arms of a task, or what it is held against. mode: the dearest arm; baseline: the cheapest.

    policy: "cross-fitted": the procedure that chooses rule and arms; "by RULE": the same with the rule fixed; both
    scored on questions that nothing was chosen on. "naive": the best rule, with the best arm of each piece, scored on
    the questions that it was chosen on. "always ARM". "oracle": on each question the cheapest arm that was right.
    arms: from the cheapest to the dearest. margin: how much an arm must gain over a cheaper one, 0..1.
    used: the share of questions that don't get the cheapest arm. tokens: completion tokens a question. saving: of
    tokens against always the dearest arm, at most 1; loss: its accuracy less the policy's. cost_per_1000: money for
    1,000 questions, None without prices. too_good: of the naive one, its accuracy less what the same way of choosing
    has on questions that it didn't choose on. chosen: of a rule, the share of folds in which it was the one to go by;
    shipped: whether it is of the policy that is made of all questions."""

    arms: str
    policy: str
    rule: str = ""
    n: int
    pieces: int = 1
    accuracy: float
    low: float
    high: float
    used: float
    tokens: float
    saving: float | None = None
    saving_low: float | None = None
    saving_high: float | None = None
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    currency: str = ""
    cost_per_1000: float | None = None
    too_good: float | None = None
    margin: float
    chosen: float | None = None
    shipped: bool = False


@dataclass(frozen=True, kw_only=True)
class ShippedPiece(Paired):
    """What the policy that is made of all questions says of one piece of them, and what one arm brings there.

    use: the arm that the piece gets. arm: of which accuracy (shrunk towards the task's) and delta are. delta: its
    accuracy less that of the cheapest arm, as it was found; shrunk: the same, shrunk towards the task's; None where no
    question of the piece is there. share: of all questions."""

    rule: str
    piece: str
    n: int
    share: float
    use: str
    arm: str
    delta: float | None
    shrunk: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class Shipping:
    """The policy of a task, and what is known of it. arms: from the cheapest; rows: as `Shipped`, the cross-fitted one
    first; pieces: of the rule that is shipped, each under each arm; rule: that one; choice: of each piece, the arm;
    otherwise: the arm of the task as a whole, for questions of no piece that is known."""

    panel: Panel
    cells: Sequence[Cell]
    rule: str
    choice: Mapping[str, str]
    otherwise: str
    rows: Sequence[Shipped]
    pieces: Sequence[ShippedPiece]
    notes: Sequence[str] = ()

    @property
    def arms(self) -> list[str]:
        return [cell.mode for cell in self.cells]

    @property
    def figures(self) -> Shipped:
        """What the procedure brings."""
        return next(row for row in self.rows if row.policy == CROSS_FITTED)

    @property
    def naive(self) -> Shipped:
        return next(row for row in self.rows if row.policy == NAIVE)

    def piece(self, name: str, arm: str) -> ShippedPiece:
        return next(row for row in self.pieces if (row.piece, row.arm) == (name, arm))


# --- the numbers --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """Questions to choose arms for. right, tokens, money: a row a question, a column an arm, the cheapest first.

    rules: by their names, the piece of each question, counted from 0. margin: 0..1. value: what a right answer is worth
    in money, None where gains aren't net of what they cost. shrink: whether pieces are pooled partially; nested:
    whether the rule is chosen on folds that it wasn't fitted on, rather than on the same questions."""

    right: Array
    tokens: Array
    rules: Mapping[str, Array]
    clusters: Clusters = None
    margin: float = MARGIN
    money: Array | None = None
    value: float | None = None
    shrink: bool = True
    nested: bool = True

    @cached_property
    def spent(self) -> Array:
        """What arms are ordered by and pay for: money where it is known, else tokens."""
        return self.tokens if self.money is None else self.money

    @cached_property
    def worth(self) -> Array:
        """What each arm is worth on each question: whether it was right, net of its price where that is asked for."""
        if self.value is None or self.money is None:
            return self.right
        return np.asarray(self.right - self.money / self.value)

    @cached_property
    def gains(self) -> Array:
        """What each arm is worth above the cheapest."""
        return np.asarray(self.worth - self.worth[:, :1])

    @cached_property
    def homes(self) -> Array:
        """Of each question its cluster, counted from 0."""
        if self.clusters is None:
            return np.arange(len(self.right))
        return np.asarray(np.unique(self.clusters, return_inverse=True)[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class _Sums:
    """Sums over the questions of each fold and piece of a rule: how many, and of each arm gains, their squares, worth.

    Axes: fold, piece, arm."""

    count: Array
    gains: Array
    squares: Array
    worth: Array

    @classmethod
    def of(cls, problem: Problem, pieces: Array, folds: Array) -> _Sums:
        width, deep = int(pieces.max()) + 1, int(folds.max()) + 1
        at = folds * width + pieces

        def summed(values: Array) -> Array:
            columns = [np.bincount(at, column, width * deep) for column in values.T]
            return np.stack(columns, axis=1).reshape(deep, width, -1)

        count = np.bincount(at, minlength=width * deep).reshape(deep, width).astype(float)
        gains = problem.gains
        return cls(count=count, gains=summed(gains), squares=summed(gains**2), worth=summed(problem.worth))


def _design_effects(problem: Problem, folds: Array, sets: Array) -> Array:
    """Return of each set of folds and each arm how much more its mean gain varies than of independent questions."""
    if problem.clusters is None:
        return np.ones((len(sets), problem.gains.shape[1]))
    sizes = np.bincount(problem.homes).astype(float)
    home = np.zeros(len(sizes), dtype=np.int64)
    home[problem.homes] = folds
    deep = sets.shape[1]
    rows = []
    for gain in problem.gains.T:
        total = np.bincount(problem.homes, gain)
        pieces = [np.bincount(home, v, deep) for v in (total**2, sizes * total, sizes**2, total, sizes)]
        own = np.bincount(folds, gain**2, deep)
        both, cross, squares, summed, n, alone = (sets @ piece for piece in (*pieces, own))
        mean = summed / n
        between = both - 2 * mean * cross + mean**2 * squares
        within = alone - n * mean**2
        rows.append(np.where(within > 1e-12, np.maximum(1.0, between / np.maximum(within, 1e-12)), 1.0))
    return np.stack(rows, axis=1)


def shrunk_gains(count: Array, gains: Array, squares: Array, design: Array, *, shrink: bool = True) -> Array:
    """Return what each arm gains in each piece, shrunk towards what it gains over all of them.

    count: of questions; gains, squares: sums of differences and of their squares; axes: (set of questions,) piece, arm.
    design: how much more their means vary than those of independent questions; axes: (set,) arm. A piece without a
    question has the mean."""
    many = count[..., None]
    there = many > 0
    means = np.where(there, gains / np.maximum(many, 1), 0.0)
    total = many.sum(axis=-2, keepdims=True)
    if not shrink:
        return np.where(there, means, gains.sum(axis=-2, keepdims=True) / np.maximum(total, 1))
    free = np.maximum(1.0, total - there.sum(axis=-2, keepdims=True))
    within = np.maximum(0.0, (squares - many * means**2).sum(axis=-2, keepdims=True)) / free
    noise = within * design[..., None, :] / np.maximum(many, 1)
    weight = np.where(there, 1 / np.maximum(noise, 1e-15), 0.0)
    whole = weight.sum(axis=-2, keepdims=True)
    centre = (weight * means).sum(axis=-2, keepdims=True) / np.maximum(whole, 1e-15)
    spread = (weight * (means - centre) ** 2).sum(axis=-2, keepdims=True)
    pieces = there.sum(axis=-2, keepdims=True)
    room = whole - (weight**2).sum(axis=-2, keepdims=True) / np.maximum(whole, 1e-15)
    between = np.maximum(0.0, spread - (pieces - 1)) / np.maximum(room, 1e-15)
    weight = np.where(there, 1 / np.maximum(noise + between, 1e-15), 0.0)
    centre = (weight * means).sum(axis=-2, keepdims=True) / np.maximum(weight.sum(axis=-2, keepdims=True), 1e-15)
    own = np.where(noise + between > 1e-15, between / np.maximum(noise + between, 1e-15), 1.0)
    return np.asarray(np.where(there, centre + own * (means - centre), centre))


def cheapest_within(gains: Array, margin: float) -> Array:
    """Return of each piece the cheapest arm whose gain is within the margin of the best. Arms are the last axis."""
    return np.asarray((gains >= gains.max(axis=-1, keepdims=True) - margin).argmax(axis=-1))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Split:
    """What is chosen on all folds of a split but one: by rule the arms of its pieces (axes: fold, piece), and of each
    fold the rule that is gone by."""

    choices: Mapping[str, Array]
    chosen: Sequence[str]
    reached: Mapping[str, float]


def _fit(problem: Problem, folds: Array) -> _Split:
    deep = int(folds.max()) + 1
    alone = ~np.eye(deep, dtype=bool)  # all but one
    pairs = [(out, inner) for out in range(deep) for inner in range(deep) if inner != out]
    both = np.array([[f not in pair for f in range(deep)] for pair in pairs])  # all but two
    nested = problem.nested and deep > 2
    sets = np.concatenate([alone, both]).astype(float) if nested else alone.astype(float)
    design = _design_effects(problem, folds, sets)
    charge = _charges(problem)
    choices: dict[str, Array] = {}
    reached: dict[str, Array] = {}
    whole: dict[str, float] = {}
    for rule, pieces in problem.rules.items():
        sums = _Sums.of(problem, pieces, folds)
        count, gains, squares = (np.tensordot(sets, piece, 1) for piece in (sums.count, sums.gains, sums.squares))
        arms = cheapest_within(shrunk_gains(count, gains, squares, design, shrink=problem.shrink), problem.margin)
        net = sums.worth - charge * sums.count[..., None]
        choices[rule] = arms[:deep]
        # By fold what is reached there by what was chosen without it.
        apart = np.array([np.take_along_axis(net[f], arms[f][:, None], 1).sum() for f in range(deep)])
        whole[rule] = float(apart.sum()) / len(pieces)
        score = np.zeros(deep)
        if nested:
            for (out, inner), arm in zip(pairs, arms[deep:], strict=True):
                score[out] += np.take_along_axis(net[inner], arm[:, None], 1).sum()
        else:
            for out in range(deep):
                score[out] = np.take_along_axis(net[alone[out]].sum(axis=0), arms[out][:, None], 1).sum()
        reached[rule] = score
    names = list(problem.rules)
    table = np.array([reached[rule] for rule in names])
    # Of equal ones the first, which has the fewest pieces.
    best = (table >= table.max(axis=0) - 1e-9).argmax(axis=0)
    return _Split(choices=choices, chosen=[names[at] for at in best], reached=whole)


def _charges(problem: Problem) -> Array:
    """Return what each arm is charged a question where rules are held against each other: of the margin the share that
    its cost is, between the cheapest and the dearest. So a rule isn't better for an arm that isn't worth its price."""
    spent = problem.spent.mean(axis=0)
    reach = spent[-1] - spent[0]
    return np.asarray(problem.margin * (spent - spent[0]) / reach if reach > 0 else np.zeros(len(spent)))


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """What a procedure brings. used: of each question the share of splits in which it gets each arm; by_rule: the same
    where the rule is fixed. by_split: of each split the accuracy, and the dearest arm's less that. chosen: by
    rule, the share of folds in which it was gone by. rule, arms: of the policy that is made of all questions;
    gains: shrunk, by piece and arm."""

    used: Array
    by_rule: Mapping[str, Array]
    by_split: Array
    chosen: Mapping[str, float]
    rule: str
    arms: Array
    gains: Array


def fitted(problem: Problem, *, splits: int = SPLITS, seed: int = 0) -> Fitted:
    """Choose rule and arms, cross-fitted over many splits, and once more on all questions.

    Raises ValueError where there are fewer than two clusters."""
    names, many = list(problem.rules), problem.right.shape[1]
    rows, times, reached = [], Counter[str](), dict.fromkeys(names, 0.0)
    homes = folds_of(len(problem.right), problem.clusters, splits=splits, seed=seed)
    for folds in homes:
        split = _fit(problem, folds)
        times.update(split.chosen)
        for name, score in split.reached.items():
            reached[name] += score
        rows.append(cross_fitted(folds[None], partial(_used, problem, split, folds)))
    own = np.array([(row[:, :many] * problem.right).sum(axis=1).mean() for row in rows])
    used = np.mean(rows, axis=0).reshape(len(problem.right), len(names) + 1, many)
    rule = _on_all(problem, reached)
    gains = gains_of(problem, problem.rules[rule])
    return Fitted(
        used=used[:, 0],
        by_rule={name: used[:, at] for at, name in enumerate(names, 1)},
        by_split=np.column_stack([own, problem.right[:, -1].mean() - own]),
        chosen={name: times[name] / times.total() for name in names},
        rule=rule,
        arms=cheapest_within(gains, problem.margin),
        gains=gains,
    )


def resampled_errors(problem: Problem, strata: Strata, best: Fitted, *, draws: int = RESAMPLED, seed: int = 0) -> Array:
    """Return the standard errors of a procedure's accuracy and of its loss, by choosing anew on resampled clusters.

    Draws have one split each; what splits vary by chance is taken off, but for what is left of it in their mean."""
    rng = np.random.default_rng(seed)
    order = np.argsort(problem.homes, kind="stable")
    sizes = np.bincount(problem.homes)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    first = order[starts[:-1]]
    layers = (
        np.zeros(len(first), dtype=np.int64) if strata is None else np.unique(strata[first], return_inverse=True)[1]
    )
    pools = [np.flatnonzero(layers == layer) for layer in range(int(layers.max()) + 1)]
    found = []
    for _ in range(draws):
        drawn = np.concatenate([rng.choice(pool, len(pool)) for pool in pools])
        at = np.concatenate([order[starts[home] : starts[home + 1]] for home in drawn])
        again = replace(
            problem,
            right=problem.right[at],
            tokens=problem.tokens[at],
            rules={name: pieces[at] for name, pieces in problem.rules.items()},
            clusters=problem.homes[at],  # what is drawn twice stays together
            money=None if problem.money is None else problem.money[at],
        )
        if len(np.unique(again.homes)) > 1:
            found.append(fitted(again, splits=1, seed=int(rng.integers(2**31))).by_split[0])
    many = len(best.by_split)
    luck = best.by_split.var(axis=0, ddof=1) * (1 - 1 / many) if many > 1 else np.zeros(2)
    return np.asarray(np.sqrt(np.maximum(0.0, np.var(found, axis=0, ddof=1) - luck)))


def _used(problem: Problem, split: _Split, folds: Array, _: Array, scored: Array) -> Array:
    """Return which arm each of the questions that are scored gets: of the procedure, and of each rule."""
    fold = int(folds[scored][0])
    names = [split.chosen[fold], *problem.rules]
    arms = [split.choices[name][fold][problem.rules[name][scored]] for name in names]
    return np.concatenate([np.eye(problem.right.shape[1])[arm] for arm in arms], axis=1)


def _on_all(problem: Problem, reached: Mapping[str, float]) -> str:
    """Return the rule to go by on all questions. reached: by rule, what it has on folds that it wasn't fitted on."""
    if not problem.nested:
        charge, scores = _charges(problem), {}
        for rule, pieces in problem.rules.items():
            arms = cheapest_within(gains_of(problem, pieces), problem.margin)[pieces]
            worth = np.take_along_axis(problem.worth, arms[:, None], 1)[:, 0]
            scores[rule] = float((worth - charge[arms]).sum())
        reached = scores
    most = max(reached.values())
    return next(rule for rule, score in reached.items() if score >= most - 1e-9)


def gains_of(problem: Problem, pieces: Array) -> Array:
    """Return what each arm gains in each piece, on all questions."""
    folds = np.zeros(len(pieces), dtype=np.int64)
    sums = _Sums.of(problem, pieces, folds)
    design = _design_effects(problem, folds, np.ones((1, 1)))[0]
    return shrunk_gains(sums.count[0], sums.gains[0], sums.squares[0], design, shrink=problem.shrink)


# --- rules and arms -----------------------------------------------------------------------------------------------


def is_plain(cell: Cell) -> bool:
    """Whether an arm is one call that answers in words: not one of votes, judges, programs, tools or passages, nor one
    that rests on another arm's reply."""
    facts = cell.facts
    further = facts.votes_over or facts.picks or facts.beside_vote or facts.tools or facts.carries_out or facts.of
    return not further and facts.answers_in == "words" and "context" not in facts.settings


def rules_of(panel: Panel, mask: Array, rules: Sequence[Rule], categories: Mapping[str, str]) -> dict[str, list[str]]:
    """Return by rule the piece of each question of a mask, those with the fewest pieces first.

    rules: tag rules, of which those count that look at no response. categories: of groups, that a router knows."""
    questions = [panel.questions[at] for at in np.flatnonzero(mask).tolist()]
    found = {WHOLE: ["all"] * len(questions)}
    for rule in rules:
        tags = panel.tags(rule) if rule.timing == "pre-treatment" else None
        if tags is not None:
            found[rule.name] = [UNTAGGED if tag < 0 else rule.sides[0 if tag else 1] for tag in tags[mask]]
    for name in sorted({name for question in questions for name in question.features}):
        found[f"{FEATURE}{name}"] = [question.features.get(name, UNTAGGED) for question in questions]
    groups = [question.group for question in questions]
    if all(group in categories for group in groups):
        found[CATEGORY] = [categories[group] for group in groups]
    found[SUBJECT] = [group or UNTAGGED for group in groups]
    different: dict[tuple[str, ...], str] = {}
    for name, pieces in found.items():
        many = len(set(pieces))
        if name == WHOLE or (many > 1 and (many <= MOST_VALUES or not name.startswith(FEATURE))):
            different.setdefault(tuple(np.unique(pieces, return_inverse=True)[1].tolist()), name)
    return dict(sorted(((name, found[name]) for name in different.values()), key=lambda row: len(set(row[1]))))


_Z = 1.959963984540054  # of 95%


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What a policy is made by. margin: 0..1. value: of a right answer in money, None where gains are as they are.
    only: the rules that may be gone by, () for all. categories: of groups, the router's."""

    margin: float = MARGIN
    prices: Prices | None = None
    value: float | None = None
    only: Sequence[str] = ()
    categories: Mapping[str, str] = field(default_factory=dict)


def ship(panel: Panel, cells: Sequence[Cell], rules: Sequence[Rule], terms: Terms) -> Shipping | str:
    """Make the policy of a panel over some arms. Where none can be made, return why."""
    if len(cells) < 2:
        return "a policy chooses between two arms or more"
    purse = Purse(terms.prices)
    spent = [spent_of(cell) if terms.prices is not None else None for cell in cells]
    tokens = np.stack([cell.tokens("completion") for cell in cells], axis=1)
    money = np.stack(
        [np.full(len(tokens), np.nan) if s is None else purse.money(c, s)[0] for c, s in zip(cells, spent, strict=True)]
    ).T
    mask = np.logical_and.reduce([cell.decided for cell in cells]) & ~np.isnan(tokens).any(axis=1)
    priced = bool(mask.any()) and not np.isnan(money[mask]).any()
    if terms.value is not None and not priced:
        return "what a right answer is worth takes prices, and not all answers have one"
    units = panel.clusters_of(mask)
    if (many := int(mask.sum()) if units is None else len(np.unique(units))) < LEAST:
        what = "questions" if units is None else "clusters of questions"
        return f"{many} {what} were answered under all arms, with known tokens, and it takes {LEAST}"
    by = (money if priced else tokens)[mask].mean(axis=0)
    order = np.argsort(by, kind="stable")
    cells = [cells[at] for at in order]
    pieces = rules_of(panel, mask, rules, terms.categories)
    if terms.only:
        pieces = {name: own for name, own in pieces.items() if name in terms.only}
        if not pieces:
            return f"its questions have no {' or '.join(terms.only)}"
    names, codes = {}, {}
    for rule, own in pieces.items():
        names[rule], codes[rule] = np.unique(own, return_inverse=True)
    problem = Problem(
        right=np.stack([cell.right[mask].astype(float) for cell in cells], axis=1),
        tokens=tokens[mask][:, order],
        rules=codes,
        clusters=units,
        margin=terms.margin,
        money=money[mask][:, order] if priced else None,
        value=terms.value,
    )
    best = fitted(problem)
    scores = _Rows(panel=panel, cells=cells, problem=problem, strata=panel.strata_of(mask), currency=purse.currency)
    whole = gains_of(problem, np.zeros(len(problem.right), dtype=np.int64))
    chosen = {str(piece): cells[arm].mode for piece, arm in zip(names[best.rule], best.arms, strict=True)}
    return Shipping(
        panel=panel,
        cells=cells,
        rule=best.rule,
        choice=chosen,
        otherwise=cells[int(cheapest_within(whole, terms.margin)[0])].mode,
        rows=scores.all(best),
        pieces=scores.pieces(best, [str(piece) for piece in names[best.rule]]),
        notes=list(purse.notes),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class _Rows:
    """Makes the rows of a panel."""

    panel: Panel
    cells: Sequence[Cell]
    problem: Problem
    strata: Strata
    currency: str

    @property
    def _names(self) -> dict[str, str]:
        return {
            "model": self.panel.model,
            "task": self.panel.task,
            "mode": self.cells[-1].mode,
            "baseline": self.cells[0].mode,
        }

    def all(self, best: Fitted) -> list[Shipped]:
        """Return the procedure, the naive one, the arms, the rules and the oracle."""
        problem, eye = self.problem, np.eye(len(self.cells))
        count = {rule: int(pieces.max()) + 1 for rule, pieces in problem.rules.items()}
        naive = fitted(replace(problem, shrink=False, nested=False))
        few = len(problem.right) <= MOST_RESAMPLED
        errors = resampled_errors(problem, self.strata, best) if few else np.zeros(2)
        apparent = eye[naive.arms[problem.rules[naive.rule]]]
        too_good = float(((apparent - naive.used) * problem.right).sum(axis=1).mean())
        spent = np.where(problem.right == 1, problem.spent, np.inf)
        first = np.where(np.isinf(spent).all(axis=1), problem.spent.argmin(axis=1), spent.argmin(axis=1))
        return [
            self._row(CROSS_FITTED, best.used, errors, rule=best.rule, pieces=count[best.rule], shipped=True),
            self._row(NAIVE, apparent, rule=naive.rule, pieces=count[naive.rule], too_good=too_good),
            *(self._row(f"{ALWAYS}{c.mode}", np.tile(eye[at], (len(apparent), 1))) for at, c in enumerate(self.cells)),
            *(
                self._row(
                    f"{BY}{rule}",
                    used,
                    rule=rule,
                    pieces=count[rule],
                    chosen=best.chosen[rule],
                    shipped=rule == best.rule,
                )
                for rule, used in best.by_rule.items()
            ),
            self._row(ORACLE, eye[first]),
        ]

    def _row(
        self,
        policy: str,
        used: Array,
        errors: Sequence[float] | Array = (0.0, 0.0),
        *,
        rule: str = "",
        pieces: int = 1,
        too_good: float | None = None,
        chosen: float | None = None,
        shipped: bool = False,
    ) -> Shipped:
        problem = self.problem
        right, tokens = (used * problem.right).sum(axis=1), (used * problem.tokens).sum(axis=1)
        accuracy = self._mean(right, errors[0])
        dear = bool((used[:, -1] == 1).all())  # against itself the dearest arm neither saves nor loses
        loss = None if dear else self._mean(problem.right[:, -1] - right, errors[1])
        design = {"clusters": problem.clusters, "strata": self.strata}
        whole = problem.tokens[:, -1]
        saving = Interval() if dear or not whole.sum() else Interval.of(stats.ratio(whole - tokens, whole, **design))
        money = None if problem.money is None else 1000 * float((used * problem.money).sum(axis=1).mean())
        return Shipped(
            **self._names,
            arms=", ".join(cell.mode for cell in self.cells),
            policy=policy,
            rule=rule,
            n=len(right),
            pieces=pieces,
            accuracy=accuracy[0],
            low=max(0.0, accuracy[1]),
            high=min(1.0, accuracy[2]),
            used=float(1 - used[:, 0].mean()),
            tokens=float(tokens.mean()),
            saving=saving.value,
            saving_low=saving.low,
            saving_high=saving.high,
            loss=None if loss is None else loss[0],
            loss_low=None if loss is None else loss[1],
            loss_high=None if loss is None else loss[2],
            currency="" if money is None else self.currency,
            cost_per_1000=money,
            too_good=too_good,
            margin=problem.margin,
            chosen=chosen,
            shipped=shipped,
        )

    def _mean(self, values: Array, error: float = 0.0) -> tuple[float, float, float]:
        """Return a mean with its interval, by its own standard error or by one that is larger.

        That all values are alike doesn't mean that they are known without error: then it is that of single answers."""
        known = stats.mean(values, self.problem.clusters, self.strata, bound=1.0)
        if known.se == 0:
            known_ends = stats.paired(np.rint(values), self.problem.clusters, self.strata)
            low, high = min(known_ends.low, known.value), max(known_ends.high, known.value)
        else:
            low, high = known.low, known.high
        return known.value, min(low, known.value - _Z * error), max(high, known.value + _Z * error)

    def pieces(self, best: Fitted, names: Sequence[str]) -> list[ShippedPiece]:
        """Return each piece of the rule that is shipped, under each arm."""
        codes = self.problem.rules[best.rule]
        count = np.bincount(codes, minlength=len(names))
        sums = np.stack([np.bincount(codes, column, len(names)) for column in self.problem.right.T], axis=1)
        means = sums / count[:, None]
        # The accuracy of the cheapest arm is shrunk as gains are, and those of the others stand above it.
        centre = self.problem.right[:, 0].mean()
        plain = Problem(
            right=np.stack([np.zeros(len(codes)), self.problem.right[:, 0] - centre], axis=1),
            tokens=self.problem.tokens[:, :2],
            rules={best.rule: codes},
            clusters=self.problem.clusters,
        )
        floor = centre + gains_of(plain, codes)[:, 1]
        gains = gains_of(self.problem, codes) if self.problem.value is None else means - means[:, :1]
        return [
            ShippedPiece(
                **self._names,
                rule=best.rule,
                piece=name,
                n=int(count[at]),
                share=float(count[at] / count.sum()),
                use=self.cells[best.arms[at]].mode,
                arm=cell.mode,
                delta=float(means[at, arm] - means[at, 0]),
                shrunk=float(best.gains[at, arm]),
                accuracy=float(np.clip(floor[at] + gains[at, arm], 0, 1)),
            )
            for at, name in enumerate(names)
            for arm, cell in enumerate(self.cells)
        ]
