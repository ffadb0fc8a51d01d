"""Mean scores, beside exact match: of tasks whose answers may be partly right, as F1 of words has it.

An answer is right or wrong, and all other figures are of that; its score says in 0..1 how much of it is right. Where a
panel has an answer whose score its outcome doesn't say, there are rows here: a mean score for each mode, its paired
difference for each pair of modes that `Comparison.deltas` is about, over all questions, on each side of the tag and by
subject or type, and its difference in differences under each tag rule. A question is in no denominator of these that
isn't in one of exact match. `means.py` has the estimates.

Their tests are families of their own for Holm: they look at the same answers again, and so leave the p of exact match
as they were. Whoever would believe the better of two looks takes that chance twice.

A verdict on a mean score is by the rule of all verdicts, and the bootstrap must agree as well. Where it isn't the
verdict on exact match, both stand in the row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cotbench.analysis import means, stats
from cotbench.analysis.estimates import (
    ALL,
    OTHER,
    SYMBOLIC,
    Delta,
    Interval,
    Paired,
    designs_of,
    names_of,
    split_head,
    within,
)
from cotbench.analysis.flat import columns
from cotbench.analysis.many import by_family, in_words
from cotbench.analysis.means import Drawn
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Estimate
from cotbench.analysis.verdicts import CLEAR, INCONCLUSIVE, NO_EFFECT, TOKENS, Remark, verdict_of
from cotbench.questions.tagging import Rule

Key = tuple[str, str, str, str]  # of a comparison


@dataclass(frozen=True, kw_only=True)
class Score:
    """The mean score of one mode on one task and tag, in 0..1, over the n questions that have a verdict.

    in_part: questions whose score the outcome doesn't say: partly right ones, and those of which all is right though
    they don't match (the same words in another order). exact: the share that is right, as in `ModeStats`. unit,
    clusters, strata: what the interval takes as drawn at random, as there.
    """

    model: str
    task: str
    mode: str
    tag: str
    n: int
    in_part: int
    score: Interval = field(metadata=columns(value="score", low="low", high="high", se="se"))
    exact: float | None
    unit: str
    clusters: int | None
    strata: int | None


@dataclass(frozen=True, kw_only=True)
class ScoreDelta(Paired):
    """The mean score of a mode less that of a baseline, in -1..1, on the n questions that both answered.

    tag: all, symbolic or non-symbolic under the default rule; group: a subject or type, "" for all of them. more, less:
    questions whose score is higher, or lower. score, score_baseline: the two means.
    test: what interval and p are of: "t" (paired; clustered and within strata where the task is), or "flips" where too
    few scores change for it: a score interval, and exact sign flips. boot_low, boot_high, p_boot: of a bootstrap of
    questions or whole clusters. p_holm, p_bonferroni: corrected over the `family` of mean scores that
    `Comparison.families` names. exact: the difference of exact match on the same questions, and exact_verdict what it
    is called. verdict, why: of the mean score. disagrees: the two verdicts differ, and one of them is clear.
    """

    tag: str
    group: str = ""
    n: int
    more: int
    less: int
    score: float | None
    score_baseline: float | None
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    test: str
    boot: Drawn = field(metadata=columns(low="boot_low", high="boot_high", p="p_boot"))
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    unit: str
    clusters: int | None
    strata: int | None
    mde: float | None
    exact: Interval = field(metadata=columns(value="exact", low="exact_low", high="exact_high"))
    exact_verdict: str = ""
    verdict: str = ""
    why: str = ""
    disagrees: bool = False

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.delta.p

    @property
    def p_clustered(self) -> float | None:
        """The p of t, where interval and test are of it; there is no other for `verdict_of` to speak of."""
        return self.delta.p


@dataclass(frozen=True, kw_only=True)
class ScoreSplit(Paired):
    """A paired difference of mean scores split by one tag rule: its two sides, and how far they differ, in -2..2.

    p: of t (Welch's, or over clusters, of which one may have questions on both sides); None where a side has too few
    changes for it. boot_low, boot_high, p_boot: of a bootstrap, under the default rule. p_holm: corrected over the
    default rule's rows. exact: the difference in differences of exact match.
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
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", se="se", p="p"))
    boot: Drawn = field(metadata=columns(low="boot_low", high="boot_high", p="p_boot"))
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    exact: float | None

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.difference.p


@dataclass(frozen=True, kw_only=True)
class Scores:
    """All rows about mean scores of a report; families: what their p_holm are corrected over, in words."""

    modes: list[Score] = field(default_factory=list)
    deltas: list[ScoreDelta] = field(default_factory=list)
    groups: list[ScoreDelta] = field(default_factory=list)
    splits: list[ScoreSplit] = field(default_factory=list)
    families: dict[str, str] = field(default_factory=dict)


def has_scores(panel: Panel) -> bool:
    """Whether any answer of a panel has a score that its outcome doesn't say."""
    return any(cell.in_part.any() for cell in panel.cells.values())


def scores_of(
    panels: Iterable[Panel],
    deltas: Sequence[Delta],
    exact_splits: Mapping[Any, float | None],
    rules: Sequence[Rule],
    tag_rule: str,
    cautions: Sequence[Remark],
) -> Scores:
    """Return the rows of all panels that have scores. deltas: those of exact match, with their verdicts, over all
    questions, sides and groups. exact_splits: the differences in differences of exact match, by key and rule."""
    found = Scores()
    exact = {(*row.key, row.tag, row.group): row for row in deltas}
    doubts: dict[Key, list[Remark]] = {}
    for caution in cautions:
        doubts.setdefault(caution.key, []).append(caution)
    for panel in filter(has_scores, panels):
        tagged = {rule: tags for rule in rules if (tags := panel.tags(rule)) is not None and (tags >= 0).any()}
        default = next((tags for rule, tags in tagged.items() if rule.name == tag_rule), None)
        nothing = np.full(len(panel.questions), -1)
        tags = nothing if default is None else default
        sides = {ALL: np.ones(len(tags), dtype=bool), SYMBOLIC: tags == 1, OTHER: tags == 0}
        found.modes.extend(
            _score(panel, cell, tag, mask) for cell in panel.cells.values() for tag, mask in sides.items()
        )
        pairs = [row for row in deltas if row.tag == ALL and not row.group and panel.model == row.model]
        for row in pairs:
            if row.task != panel.task:
                continue
            cell, base = panel.cells[row.mode], panel.cells[row.baseline]
            found.deltas.extend(_delta(panel, cell, base, tag, mask, exact) for tag, mask in sides.items())
            found.groups.extend(
                _delta(panel, cell, base, ALL, mask, exact, group=group) for group, mask in panel.groups.items()
            )
            found.splits.extend(
                _split(panel, cell, base, rule, tags, exact_splits, default=rule.name == tag_rule)
                for rule, tags in tagged.items()
            )
    return _judged(found, doubts)


def _score(panel: Panel, cell: Cell, tag: str, mask: Array) -> Score:
    decided = cell.decided & mask
    known = means.mean_score(cell.scores[decided], **panel.design(decided)) if decided.any() else None
    return Score(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        tag=tag,
        n=int(decided.sum()),
        in_part=int((cell.in_part & decided).sum()),
        score=Interval.of(known),
        exact=float(cell.right[decided].mean()) if decided.any() else None,
        unit=panel.unit,
        clusters=known.clusters if known else None,
        strata=known.strata if known else None,
    )


def _differences(cell: Cell, base: Cell, mask: Array) -> Array:
    return np.asarray(cell.scores[mask] - base.scores[mask])


def _delta(
    panel: Panel,
    cell: Cell,
    base: Cell,
    tag: str,
    mask: Array,
    exact: Mapping[Any, Delta],
    *,
    group: str = "",
) -> ScoreDelta:
    """Return the difference of two modes' mean scores on the questions of a mask. group: of which these are all."""
    both = cell.decided & base.decided & mask
    known: Estimate | None = None
    boot, differences = Drawn(), _differences(cell, base, both)
    if len(differences):
        design = within(panel, both)(both) if group else panel.design(both)
        known = means.paired(differences, **design)
        boot = Drawn() if group else means.drawn(differences, **design)
    names = names_of(panel, cell, base)
    match = exact.get((*names.values(), tag, group))
    delta = Interval.of(known)
    return ScoreDelta(
        **names,
        tag=tag,
        group=group,
        n=len(differences),
        more=int((differences > 0).sum()),
        less=int((differences < 0).sum()),
        score=float(cell.scores[both].mean()) if len(differences) else None,
        score_baseline=float(base.scores[both].mean()) if len(differences) else None,
        delta=delta,
        test="" if known is None or known.p is None else "flips" if known.df is None else "t",
        boot=boot,
        unit=panel.unit if not group else "cluster" if known and known.clusters else "question",
        clusters=known.clusters if known else None,
        strata=known.strata if known and not group else None,
        mde=stats.detectable(delta.se) if delta.se else None,
        exact=match.delta if match is not None else Interval(),
        exact_verdict=match.verdict if match is not None else "",
    )


def _split(
    panel: Panel,
    cell: Cell,
    base: Cell,
    rule: Rule,
    tags: Array,
    exact: Mapping[Any, float | None],
    *,
    default: bool,
) -> ScoreSplit:
    """Return the difference of two modes' mean scores split by a rule. tags: 1, 0 or -1 for each question."""
    head, masks = split_head(panel, cell, base, rule, tags, default=default)
    symbolic, other = (
        Interval.of(means.paired(_differences(cell, base, mask), **panel.design(mask)) if mask.any() else None)
        for mask in masks
    )
    difference, boot = Interval(), Drawn()
    if head["n_symbolic"] and head["n_other"]:
        sides = _differences(cell, base, masks[0]), _differences(cell, base, masks[1])
        clusters, strata = designs_of(panel, masks)
        difference = Interval.of(means.difference_in_differences(*sides, clusters, strata))
        boot = means.drawn_apart(*sides, clusters, strata) if default else boot
    names = names_of(panel, cell, base)
    return ScoreSplit(
        **head,
        symbolic=symbolic,
        other=other,
        difference=difference,
        boot=boot,
        exact=exact.get((*names.values(), rule.name)),
    )


# --- many tests, and what they come to ----------------------------------------------------------------------------

_FAMILIES = {
    "scores": "comparisons of mean scores with {} on all questions of a task",
    "score arms": "comparisons of mean scores with {} on one side of the tag",
    "score differences": "differences in differences of mean scores against {} under the default rule",
}


def _judged(found: Scores, doubts: Mapping[Key, Sequence[Remark]]) -> Scores:
    """Return the rows with p corrected, and with verdicts. doubts: cautions by comparison."""
    deltas, sizes = by_family(found.deltas, lambda row: ("scores" if row.tag == ALL else "score arms", row.baseline))
    splits, more = by_family(found.splits, lambda row: ("score differences", row.baseline) if row.default else None)
    groups, _ = by_family(found.groups, lambda row: row.key)
    return Scores(
        modes=found.modes,
        deltas=[_with_verdict(row, doubts.get(row.key, ())) for row in deltas],
        groups=[_with_verdict(row, doubts.get(row.key, ())) for row in groups],
        splits=splits,
        families=in_words(sizes | more, _FAMILIES),
    )


def _with_verdict(row: ScoreDelta, doubted: Sequence[Remark]) -> ScoreDelta:
    """Return a row with what it is called; the interval of the bootstrap has to be on the same side of zero."""
    kinds = dict.fromkeys(one.kind for one in doubted if one.kind != TOKENS)
    verdict, why = verdict_of(row, list(kinds), next((one.text for one in doubted if one.kind == TOKENS), ""))
    low, high = row.boot.low, row.boot.high
    known = verdict in CLEAR | {NO_EFFECT} and low is not None and high is not None
    if known and (low > 0 or high < 0) != (verdict in CLEAR):  # type: ignore[operator]
        verdict, why = INCONCLUSIVE, "interval and bootstrap disagree"
    differ = bool(row.exact_verdict) and row.exact_verdict != verdict
    return replace(row, verdict=verdict, why=why, disagrees=differ and bool(CLEAR & {row.exact_verdict, verdict}))


def disagreements(deltas: Iterable[ScoreDelta]) -> Iterator[ScoreDelta]:
    """Yield the rows over all questions of which mean score and exact match say different things."""
    return (row for row in deltas if row.disagrees and row.tag == ALL and not row.group)
