"""One row of a comparison: a mode's accuracy, a pair's difference, a rule's split of it, two rules' agreement. `compare` puts them together.

Accuracy has a Wilson interval, and a standard error that is clustered where questions share a passage or a subject (Miller 2024,
arXiv:2411.00640). A pair has the mean of the paired differences with an interval (`stats.paired`), the exact McNemar test on the
questions that helped and hurt, and the same in each arm of a tag rule, with the difference in differences and the share of the gain.

Denominators: a question whose request failed, or whose answer could not be compared in time, is in none of them. An
answer that could not be read counts as not right, as everywhere; its rate stands beside the accuracy, because it
differs between modes, and so do the difference on pairs that were read in both, and its bounds over all readings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.pairing import OUTCOMES, Cell, Panel
from cotbench.analysis.stats import Array, Estimate
from cotbench.questions.tagging import Rule
from cotbench.types import Outcome

ALL, SYMBOLIC, OTHER = "all", "symbolic", "non-symbolic"

_PROGRAM_FAILED = frozenset(
    {
        Outcome.NO_PROGRAM,
        Outcome.SYNTAX_ERROR,
        Outcome.RUNTIME_ERROR,
        Outcome.NO_VALUE,
        Outcome.PROGRAM_TIMEOUT,
        Outcome.PROGRAM_MEMORY,
        Outcome.OUTPUT_LIMIT,
        Outcome.PROGRAM_KILLED,
        Outcome.PLAN_INVALID,
        Outcome.UNSOLVED,
        Outcome.AMBIGUOUS,
    }
)


@dataclass(frozen=True, kw_only=True)
class ModeStats:
    """One mode on one task and tag. Rates and accuracy in 0..1, None where n is 0; tokens per question, None where unknown.

    se is clustered where `clusters` says so. reasoning tokens are part of the completion's. tokens_per_correct: completion tokens of all questions
    over right answers.
    """

    model: str
    task: str
    mode: str
    tag: str
    run: str
    engine: str
    n: int
    correct: int
    accuracy: float | None
    low: float | None
    high: float | None
    se: float | None
    clusters: int | None
    unread: float | None  # no answer was read: unparsed, truncated, refused, or its program failed
    truncated: float | None  # a completion was cut at its budget, whether or not an answer was read
    vague: float | None  # of the answers read, those by a vague rule
    undecided: int  # failed requests and grader timeouts, which are in no denominator
    mean_prompt_tokens: float | None
    median_prompt_tokens: float | None
    p95_prompt_tokens: float | None
    mean_reasoning_tokens: float | None
    median_reasoning_tokens: float | None
    p95_reasoning_tokens: float | None
    mean_completion_tokens: float | None
    median_completion_tokens: float | None
    p95_completion_tokens: float | None
    tokens_per_correct: float | None


@dataclass(frozen=True, kw_only=True)
class Delta:
    """A mode against a baseline on the questions that both answered. Differences in -1..1; None where not estimable.

    tag: all, symbolic or non-symbolic under the default rule; group: a subject or type, "" for all. p: exact McNemar; p_clustered: of
    the clustered t test; p_holm and p_bonferroni: of the clustered test where there is one, else McNemar's, corrected over the `family` of comparisons that
    `Comparison.families` names.
    read_*: on the pairs that were read in both. bound_*: if all unread answers counted right in one mode and wrong in the other.
    mde: the smallest true difference that so many questions find with 80% power; n_needed: questions to find `Comparison.effect`.
    from_*: the parts of delta that come from answers turned right that had been read as wrong, that had not been readable, that had been cut at the
    budget, whose program or plan had failed (less those lost in the same way); they sum to delta.
    """

    model: str
    task: str
    mode: str
    baseline: str
    tag: str
    group: str = ""
    n: int
    both_right: int
    helped: int
    hurt: int
    both_wrong: int
    delta: float | None
    low: float | None
    high: float | None
    se: float | None
    p: float | None
    p_clustered: float | None
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    clusters: int | None
    read_n: int
    read_delta: float | None
    read_low: float | None
    read_high: float | None
    bound_low: float | None
    bound_high: float | None
    mde: float | None
    n_needed: int | None
    from_wrong: float | None
    from_unread: float | None
    from_cut: float | None
    from_failed: float | None
    token_ratio: float | None


@dataclass(frozen=True, kw_only=True)
class Split:
    """A paired difference split by one tag rule: both arms, their difference (the difference in differences) and the symbolic arm's share of the gain.

    untagged: questions on which the rule says nothing. share is of the sum over both arms; share_unclear says why it has no interval.
    """

    model: str
    task: str
    mode: str
    baseline: str
    rule: str
    version: int
    timing: str
    default: bool
    n_symbolic: int
    n_other: int
    untagged: int
    delta_symbolic: float | None
    low_symbolic: float | None
    high_symbolic: float | None
    delta_other: float | None
    low_other: float | None
    high_other: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None = None
    p_bonferroni: float | None = None
    family: int | None = None
    share: float | None
    share_low: float | None
    share_high: float | None
    share_unclear: str


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


# --- one mode -----------------------------------------------------------------------------------------------------


def mean_median_p95(values: Array) -> tuple[float | None, float | None, float | None]:
    """Mean, median and 95th percentile of what is known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None, None, None
    return float(known.mean()), float(np.median(known)), float(np.quantile(known, 0.95))


def mode_stats(panel: Panel, cell: Cell, tag: str, mask: Array) -> ModeStats:
    decided = cell.decided & mask
    n, correct = int(decided.sum()), int((cell.right & decided).sum())
    read = int((cell.read & decided).sum())
    low, high = stats.wilson(correct, n) if n else (None, None)
    spread = stats.mean(cell.right[decided].astype(float), panel.clusters_of(decided)) if n else None
    prompt, reasoning, completion = (
        mean_median_p95(cell.tokens(k)[decided]) for k in ("prompt", "reasoning", "completion")
    )
    return ModeStats(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        tag=tag,
        run=cell.run.folder.name,
        engine=cell.run.manifest.spec.model.engine,
        n=n,
        correct=correct,
        accuracy=correct / n if n else None,
        low=low,
        high=high,
        se=spread.se if spread else None,
        clusters=spread.clusters if spread else None,
        unread=(n - read) / n if n else None,
        truncated=float(cell.cut[decided].mean()) if n else None,
        vague=float(cell.vague[decided].sum()) / read if read else None,
        undecided=int((cell.asked & mask).sum()) - n,
        mean_prompt_tokens=prompt[0],
        median_prompt_tokens=prompt[1],
        p95_prompt_tokens=prompt[2],
        mean_reasoning_tokens=reasoning[0],
        median_reasoning_tokens=reasoning[1],
        p95_reasoning_tokens=reasoning[2],
        mean_completion_tokens=completion[0],
        median_completion_tokens=completion[1],
        p95_completion_tokens=completion[2],
        tokens_per_correct=completion[0] * n / correct if completion[0] is not None and correct else None,
    )


# --- pairs --------------------------------------------------------------------------------------------------------


def _differences(cell: Cell, base: Cell, mask: Array) -> Array:
    out: Array = cell.right[mask].astype(float) - base.right[mask].astype(float)
    return out


def delta_of(panel: Panel, cell: Cell, base: Cell, tag: str, mask: Array, effect: float, *, group: str = "") -> Delta:
    both = cell.decided & base.decided & mask
    n = int(both.sum())
    before, after = base.right[both], cell.right[both]
    helped, hurt, right = int((after & ~before).sum()), int((before & ~after).sum()), int((after & before).sum())
    clusters = panel.clusters_of(both)
    if group and clusters is not None and len(np.unique(clusters)) < 2:
        clusters = None  # within a subject that is itself the cluster, its questions are what there is
    whole = stats.paired(_differences(cell, base, both), clusters) if n else None
    readable = both & cell.read & base.read
    read_n = int(readable.sum())
    alike = None if clusters is None else panel.clusters_of(readable)
    read = stats.paired(_differences(cell, base, readable), alike) if read_n else None
    p_clustered = stats.mean(_differences(cell, base, both), clusters).p if n and clusters is not None else None
    low_bound = (after.astype(float) - (before | ~base.read[both])).mean() if n else None
    high_bound = ((after | ~cell.read[both]).astype(float) - before).mean() if n else None
    sources = _sources(cell, base, both) if n else dict.fromkeys(_SOURCES)
    spent = np.array([c.tokens("completion")[both] for c in (base, cell)])
    cheap, dear = spent[:, ~np.isnan(spent).any(axis=0)].sum(axis=1).tolist()
    se = whole.se if whole else None
    return Delta(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        tag=tag,
        group=group,
        n=n,
        both_right=right,
        helped=helped,
        hurt=hurt,
        both_wrong=n - right - helped - hurt,
        delta=whole.value if whole else None,
        low=whole.low if whole else None,
        high=whole.high if whole else None,
        se=se,
        p=whole.p if whole else None,
        p_clustered=p_clustered,
        clusters=whole.clusters if whole else None,
        read_n=read_n,
        read_delta=read.value if read else None,
        read_low=read.low if read else None,
        read_high=read.high if read else None,
        bound_low=_float(low_bound),
        bound_high=_float(high_bound),
        mde=stats.detectable(se) if se else None,
        n_needed=stats.questions_for(effect, se, n) if se else None,
        token_ratio=dear / cheap if cheap and dear else None,
        **sources,
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


_SOURCES = ("from_wrong", "from_unread", "from_cut", "from_failed")
_SOURCE_OF = np.array(  # by the place of an outcome in OUTCOMES
    [
        3 if o in _PROGRAM_FAILED else {Outcome.WRONG: 0, Outcome.DECLINED: 0, Outcome.TRUNCATED: 2}.get(o, 1)
        for o in OUTCOMES
    ]
)


def _sources(cell: Cell, base: Cell, both: Array) -> dict[str, float | None]:
    """A difference is a sum over questions that helped and hurt; each is put to how the side that wasn't right ended."""
    helped, hurt = both & cell.right & ~base.right, both & base.right & ~cell.right
    before, after = (
        np.bincount(_SOURCE_OF[side.endings[mask]], minlength=4) for side, mask in ((base, helped), (cell, hurt))
    )
    return {name: float(value) for name, value in zip(_SOURCES, (before - after) / int(both.sum()), strict=True)}


def split_of(panel: Panel, cell: Cell, base: Cell, rule: Rule, tags: Array, *, default: bool) -> Split:
    both = cell.decided & base.decided
    masks = [both & (tags == 1), both & (tags == 0)]
    counts = [int(mask.sum()) for mask in masks]
    arms = [_differences(cell, base, mask) for mask in masks]
    clusters = None
    if panel.clusters is not None:
        clusters = (panel.clusters[masks[0]], panel.clusters[masks[1]])
    own: list[Estimate | None] = [
        stats.paired(arm, None if clusters is None else clusters[at]) if len(arm) else None
        for at, arm in enumerate(arms)
    ]
    contrast = stats.difference_in_differences(arms[0], arms[1], clusters) if all(counts) else None
    share = None
    if any(counts):
        tagged = masks[0] | masks[1]
        share = stats.share_of_gain(_differences(cell, base, tagged), tags[tagged] == 1, panel.clusters_of(tagged))
    return Split(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        baseline=base.mode,
        rule=rule.name,
        version=rule.version,
        timing=rule.timing,
        default=default,
        n_symbolic=counts[0],
        n_other=counts[1],
        untagged=int(both.sum()) - sum(counts),
        delta_symbolic=own[0].value if own[0] else None,
        low_symbolic=own[0].low if own[0] else None,
        high_symbolic=own[0].high if own[0] else None,
        delta_other=own[1].value if own[1] else None,
        low_other=own[1].low if own[1] else None,
        high_other=own[1].high if own[1] else None,
        difference=contrast.value if contrast else None,
        low=contrast.low if contrast else None,
        high=contrast.high if contrast else None,
        p=contrast.p if contrast else None,
        share=share.value if share and all(counts) else None,
        share_low=share.low if share and all(counts) else None,
        share_high=share.high if share and all(counts) else None,
        share_unclear=(share.unclear if all(counts) else "one arm is empty") if share else "no questions",
    )


def agreements(panel: Panel, tagged: Mapping[str, Array]) -> list[Agreement]:
    rows = []
    names = list(tagged)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            known = (tagged[one] >= 0) & (tagged[other] >= 0)
            first, second = tagged[one][known] == 1, tagged[other][known] == 1
            if len(first):
                rows.append(
                    Agreement(
                        model=panel.model,
                        task=panel.task,
                        rule=one,
                        other=other,
                        n=len(first),
                        both=int((first & second).sum()),
                        only_rule=int((first & ~second).sum()),
                        only_other=int((~first & second).sum()),
                        neither=int((~first & ~second).sum()),
                        kappa=stats.kappa(first, second),
                    )
                )
    return rows
