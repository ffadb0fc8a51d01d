"""Single rows of a comparison: a mode's accuracy, a pair's difference, a rule's split of it, two rules' agreement.

`compare.py` puts them together, and `flat.py` says how CSV files and report.json hold them.

Accuracy has an interval and a standard error (`stats.proportion`), a pair the mean of the paired differences with an
interval (`stats.paired`) and the test that goes with it, and the same on each side of a tag rule, with the difference
in differences and the share of the gain. All are clustered where questions share a passage (Miller 2024,
arXiv:2411.00640), and within the strata that a benchmark's subjects or types are; `Panel` says which is which.

Denominators: a question whose request failed, or whose answer could not be compared in time, is in none of them. An
answer that could not be read counts as not right, as everywhere; its rate stands beside the accuracy, because it
differs between modes, and so do the difference on pairs that were read in both, and its bounds over all readings.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.flat import Parts, columns
from cotbench.analysis.pairing import OUTCOMES, Cell, Panel
from cotbench.analysis.stats import Array, Design, Estimate
from cotbench.questions.tagging import Rule
from cotbench.types import Outcome

ALL, SYMBOLIC, OTHER = "all", "symbolic", "non-symbolic"


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An estimate with its 95% interval, standard error and p. None: can't be estimated, as all of it where n is 0, or
    has no end: of an unbounded mean one question or one cluster says nothing, which JSON has no number for."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    p: float | None = None

    @classmethod
    def of(cls, estimate: Estimate | None) -> Interval:
        if estimate is None:
            return cls()
        ends = (estimate.low, estimate.high) if np.isfinite([estimate.low, estimate.high]).all() else (None, None)
        return cls(value=estimate.value, low=ends[0], high=ends[1], se=estimate.se, p=estimate.p)


@dataclass(frozen=True, kw_only=True)
class Spread:
    """How many tokens questions took, where that is known; None where it is of no question."""

    mean: float | None = None
    median: float | None = None
    p95: float | None = None

    @classmethod
    def of(cls, values: Array) -> Spread:
        known = values[~np.isnan(values)]
        if not len(known):
            return cls()
        return cls(mean=float(known.mean()), median=float(np.median(known)), p95=float(np.quantile(known, 0.95)))


def _spread_columns(kind: str) -> dict[str, Parts]:
    return columns(**{part: f"{part}_{kind}_tokens" for part in ("mean", "median", "p95")})


@dataclass(frozen=True, kw_only=True)
class ModeStats:
    """One mode on one task and tag. Rates and accuracy in 0..1, None where n is 0; tokens per question.

    unit: what the interval and se take as drawn at random: "question"; "cluster", of questions that share a passage,
    say; or "subject", where the report is to generalise to new ones. clusters: how many clusters or subjects, None
    where it is questions. strata: how many subjects or types questions are drawn within, None where there are none.
    Reasoning tokens are part of the completion's. tokens_per_correct: completion tokens of all questions over right
    answers.
    """

    model: str
    task: str
    mode: str
    tag: str
    run: str
    engine: str
    n: int
    correct: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high", se="se"))
    unit: str
    clusters: int | None
    strata: int | None
    unread: float | None  # no answer was read: unparsed, truncated, refused, or its program failed
    truncated: float | None  # a completion was cut at its budget, whether or not it was read; None: not recorded
    vague: float | None  # of the answers read, those by a vague rule
    undecided: int  # failed requests and grader timeouts, which are in no denominator
    prompt: Spread = field(metadata=_spread_columns("prompt"))
    reasoning: Spread = field(metadata=_spread_columns("reasoning"))
    completion: Spread = field(metadata=_spread_columns("completion"))
    tokens_per_correct: float | None


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What all rows about a mode against a baseline begin with."""

    model: str
    task: str
    mode: str
    baseline: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Which comparison a row is about."""
        return self.model, self.task, self.mode, self.baseline


def names_of(panel: Panel, cell: Cell, base: Cell) -> dict[str, Any]:
    """Return the fields of `Paired`, for a row about two modes of a panel."""
    return {"model": panel.model, "task": panel.task, "mode": cell.mode, "baseline": base.mode}


@dataclass(frozen=True, kw_only=True)
class Delta(Paired):
    """A mode against a baseline on the questions that both answered. Differences in -1..1; None: not estimable.

    tag: all, symbolic or non-symbolic under the default rule; group: a subject or type, "" for all of them.
    unit, clusters, strata: what the interval takes as drawn at random, as in `ModeStats`.
    p: of the test that goes with the interval: exact McNemar, or the clustered t test where `clusters` is a number;
    None where one cluster can't tell. p_holm and p_bonferroni: the same, corrected over the `family` of comparisons
    that `Comparison.families` names. p_mcnemar: exact McNemar in any case; it takes clustered questions for
    independent. p_clustered: the clustered t test's, None without clusters.
    read_*: the difference on the read_n pairs that were read in both modes. bound_*: the difference if all unread
    answers counted right in one mode and wrong in the other. mde: the smallest true difference that so many questions
    find with 80% power; n_needed: how many questions find `Comparison.effect`.
    from_*: the parts of the difference that come from answers turned right that had been read as wrong, that had not
    been readable, that had been cut at the budget, whose program or plan had failed, each less those lost in the same
    way; they sum to delta (from_cut is None where a log doesn't say how outputs ended: they are among the unread).
    verdict: what the difference is called, and why, by `verdicts.verdict_of`.
    """

    tag: str
    group: str = ""
    n: int
    both_right: int
    helped: int
    hurt: int
    both_wrong: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    p_mcnemar: float | None
    p_clustered: float | None
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    unit: str
    clusters: int | None
    strata: int | None
    read_n: int
    read: Interval = field(metadata=columns(value="read_delta", low="read_low", high="read_high"))
    bounds: Interval = field(metadata=columns(low="bound_low", high="bound_high"))
    mde: float | None
    n_needed: int | None
    from_wrong: float | None
    from_unread: float | None
    from_cut: float | None
    from_failed: float | None
    token_ratio: float | None
    verdict: str = ""
    why: str = ""

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.delta.p


@dataclass(frozen=True, kw_only=True)
class Split(Paired):
    """A paired difference split by one tag rule: its two sides, how far they differ, and the symbolic side's share.

    untagged: questions on which the rule says nothing. difference: the difference in differences. share: of the sum
    over both sides; share_unclear says why it has no interval.
    """

    rule: str
    version: int
    timing: str
    default: bool
    n_symbolic: int
    n_other: int
    untagged: int
    symbolic: Interval = field(metadata=columns(value="delta_symbolic", low="low_symbolic", high="high_symbolic"))
    other: Interval = field(metadata=columns(value="delta_other", low="low_other", high="high_other"))
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", p="p"))
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    share: Interval = field(metadata=columns(value="share", low="share_low", high="share_high"))
    share_unclear: str

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.difference.p


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """How far two tag rules agree on the questions of a task that both tag."""

    model: str
    task: str
    rule: str
    other: str
    n: int
    both: int
    only_rule: int
    only_other: int
    neither: int
    kappa: float | None


def mean_share(values: Array, design: Design) -> Interval:
    """Return the mean of shares, 0..1, one a question, with an interval: of whole answers that of a proportion. That
    all are alike doesn't mean that they are known without error: then it is as wide as for single answers."""
    if np.isin(values, (0, 1)).all():
        return Interval.of(stats.proportion(values > 0, **design))
    known = stats.mean(values, **design, bound=1.0)
    ends = (known.low, known.high) if known.se else stats.wilson(float(values.sum()), len(values))
    low, high = max(0.0, min(ends[0], known.value)), min(1.0, max(ends[1], known.value))
    return Interval(value=known.value, low=low, high=high, se=known.se)


# --- one mode -----------------------------------------------------------------------------------------------------


def mode_stats(panel: Panel, cell: Cell, tag: str, mask: Array) -> ModeStats:
    """Return what a mode did on the questions of a mask (a truth value for each question of the panel)."""
    decided = cell.decided & mask
    n, correct, read = (int(mask.sum()) for mask in (decided, cell.right & decided, cell.read & decided))
    known = stats.proportion(cell.right[decided], **panel.design(decided)) if n else None
    tokens = {kind: Spread.of(cell.tokens(kind)[decided]) for kind in ("prompt", "reasoning", "completion")}
    completion = tokens["completion"].mean
    return ModeStats(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        tag=tag,
        run=cell.run.folder.name,
        engine=cell.run.manifest.spec.model.engine,
        n=n,
        correct=correct,
        accuracy=Interval.of(known),
        unit=panel.unit,
        clusters=known.clusters if known else None,
        strata=known.strata if known else None,
        unread=(n - read) / n if n else None,
        truncated=float(cell.cut[decided].mean()) if n and not cell.lacks("finish_reason") else None,
        vague=float(cell.vague[decided].sum()) / read if read else None,
        undecided=int((cell.asked & mask).sum()) - n,
        **tokens,
        tokens_per_correct=completion * n / correct if completion is not None and correct else None,
    )


# --- pairs --------------------------------------------------------------------------------------------------------


def _differences(cell: Cell, base: Cell, mask: Array) -> Array:
    """Return -1, 0 or 1 for each question of a mask: right under the mode less right under its baseline."""
    return np.asarray(cell.right[mask].astype(float) - base.right[mask])


def _paired(cell: Cell, base: Cell, mask: Array, design: Design) -> Estimate | None:
    return stats.paired(_differences(cell, base, mask), **design) if mask.any() else None


def delta_of(panel: Panel, cell: Cell, base: Cell, tag: str, mask: Array, effect: float, *, group: str = "") -> Delta:
    """Return the difference of two modes on the questions of a mask. effect: the one that `n_needed` is about."""
    both = cell.decided & base.decided & mask
    n = int(both.sum())
    before, after = base.right[both], cell.right[both]
    masks = {"both_right": after & before, "helped": after & ~before, "hurt": before & ~after}
    counts: dict[str, Any] = {name: int(m.sum()) for name, m in (masks | {"both_wrong": ~after & ~before}).items()}
    design_of = within(panel, both) if group else panel.design
    known, p, clustered = _tested(cell, base, both, design_of(both))
    delta = replace(Interval.of(known), p=p)
    readable = both & cell.read & base.read
    bounds = Interval()
    if n:
        low = (after.astype(float) - (before | ~base.read[both])).mean()
        high = ((after | ~cell.read[both]).astype(float) - before).mean()
        bounds = Interval(low=float(low), high=float(high))
    spent = np.array([side.tokens("completion")[both] for side in (base, cell)])
    cheap, dear = spent[:, ~np.isnan(spent).any(axis=0)].sum(axis=1).tolist()
    return Delta(
        **names_of(panel, cell, base),
        tag=tag,
        group=group,
        n=n,
        **counts,
        delta=delta,
        p_mcnemar=known.p if known else None,
        p_clustered=clustered,
        unit=panel.unit if not group else "cluster" if known and known.clusters else "question",
        clusters=known.clusters if known else None,
        strata=known.strata if known and not group else None,
        read_n=int(readable.sum()),
        read=Interval.of(_paired(cell, base, readable, design_of(readable))),
        bounds=bounds,
        mde=stats.detectable(delta.se) if delta.se else None,
        n_needed=stats.questions_for(effect, delta.se, n) if delta.se else None,
        token_ratio=dear / cheap if cheap and dear else None,
        **_sources(cell, base, both),
    )


def within(panel: Panel, mask: Array) -> Callable[[Array], Design]:
    """Return what gives the design of questions of a mask, all of one subject or type, which is no sample of subjects.

    Where all share the same passage, the questions are what there is.
    """
    shared = panel.shared_of(mask)
    alone = shared is None or len(np.unique(shared)) < 2
    return lambda part: {"clusters": None if alone else panel.shared_of(part), "strata": None}


def _tested(cell: Cell, base: Cell, mask: Array, design: Design) -> tuple[Estimate | None, float | None, float | None]:
    """Return a paired difference, the p of the test that goes with its interval, and the clustered t test's."""
    known = _paired(cell, base, mask, design)
    if known is None or design["clusters"] is None:
        return known, known.p if known else None, None
    clustered = stats.mean(_differences(cell, base, mask), **design).p
    # Where all differences are the same, t has nothing to say, and both interval and test are of single questions.
    return known, known.p if known.se == 0 else clustered, clustered


_SOURCES = ("from_wrong", "from_unread", "from_cut", "from_failed")
_PLAIN = {Outcome.WRONG: 0, Outcome.DECLINED: 0, Outcome.UNPARSED: 1, Outcome.REFUSED: 1, Outcome.TRUNCATED: 2}
_SOURCE_OF = np.array([_PLAIN.get(outcome, 3) for outcome in OUTCOMES])  # all others are ends of programs and plans


def _sources(cell: Cell, base: Cell, both: Array) -> dict[str, Any]:
    """Take a difference apart by how the side that wasn't right ended: it is a sum over questions helped and hurt."""
    if not both.any():
        return dict.fromkeys(_SOURCES)
    helped, hurt = both & cell.right & ~base.right, both & base.right & ~cell.right
    before, after = (
        np.bincount(_SOURCE_OF[side.endings[mask]], minlength=4) for side, mask in ((base, helped), (cell, hurt))
    )
    found: dict[str, Any] = dict(zip(_SOURCES, ((before - after) / int(both.sum())).tolist(), strict=True))
    unknown = cell.lacks("finish_reason") or base.lacks("finish_reason")  # so what was cut is among what is unread
    return found | ({"from_cut": None} if unknown else {})


def split_head(
    panel: Panel, cell: Cell, base: Cell, rule: Rule, tags: Array, *, default: bool
) -> tuple[dict[str, Any], tuple[Array, Array]]:
    """Return what a split by a rule is about, as fields of its row, and the questions of either side."""
    both = cell.decided & base.decided
    masks = both & (tags == 1), both & (tags == 0)
    symbolic, other = (int(mask.sum()) for mask in masks)
    about = {"rule": rule.name, "version": rule.version, "timing": rule.timing, "default": default}
    sizes = {"n_symbolic": symbolic, "n_other": other, "untagged": int(both.sum()) - symbolic - other}
    return {**names_of(panel, cell, base), **about, **sizes}, masks


def designs_of(panel: Panel, masks: tuple[Array, Array]) -> list[tuple[Array, Array] | None]:
    """Return the clusters and the strata of both sides, None where the panel has none."""
    return [None if of is None else (of[masks[0]], of[masks[1]]) for of in (panel.clusters, panel.strata)]


def split_of(panel: Panel, cell: Cell, base: Cell, rule: Rule, tags: Array, *, default: bool) -> Split:
    """Return the difference of two modes split by a rule. tags: 1, 0 or -1 (says nothing) for each question."""
    head, masks = split_head(panel, cell, base, rule, tags, default=default)
    counts = head["n_symbolic"], head["n_other"]
    symbolic, other = (Interval.of(_paired(cell, base, mask, panel.design(mask))) for mask in masks)
    difference, share = Interval(), Interval()
    unclear = "one side is empty" if any(counts) else "no questions"
    if all(counts):
        inside, outside = (_differences(cell, base, mask) for mask in masks)
        clusters, strata = designs_of(panel, masks)
        difference = Interval.of(stats.difference_in_differences(inside, outside, clusters, strata))
        tagged = masks[0] | masks[1]
        gain = stats.share_of_gain(_differences(cell, base, tagged), tags[tagged] == 1, **panel.design(tagged))
        share, unclear = Interval(value=gain.value, low=gain.low, high=gain.high), gain.unclear
    return Split(
        **head,
        symbolic=symbolic,
        other=other,
        difference=difference,
        share=share,
        share_unclear=unclear,
    )


def agreements(panel: Panel, tagged: Mapping[str, Array]) -> list[Agreement]:
    """Return how far each two of the tag rules agree, for those with questions that both tag."""
    rows = []
    for (rule, tags), (other, other_tags) in itertools.combinations(tagged.items(), 2):
        known = (tags >= 0) & (other_tags >= 0)
        first, second = tags[known] == 1, other_tags[known] == 1
        if not len(first):
            continue
        masks = {"both": first & second, "only_rule": first & ~second, "only_other": ~first & second}
        row: dict[str, Any] = {"model": panel.model, "task": panel.task, "rule": rule, "other": other, "n": len(first)}
        row |= {name: int(mask.sum()) for name, mask in (masks | {"neither": ~first & ~second}).items()}
        rows.append(Agreement(**row, kappa=stats.kappa(first, second)))
    return rows
