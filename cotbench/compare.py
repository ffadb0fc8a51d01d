"""Paired comparisons over recorded runs: what a mode changes, question by question. No printing, no plotting.

Per mode: accuracy with a Wilson interval, and its standard error clustered where questions share a passage or a subject (Miller 2024,
arXiv:2411.00640). Per pair of modes: the mean of the paired differences with an interval (`stats.paired`), the exact McNemar test on the
questions that helped and hurt, and the same in each arm of a tag rule, with the difference in differences and the share of the gain.

Denominators: a question whose request failed, or whose answer could not be compared in time, is in none of them. An
answer that could not be read counts as not right, as everywhere; its rate stands beside the accuracy, because it
differs between modes, and so do the difference on pairs that were read in both, and its bounds over all readings.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from cotbench import stats
from cotbench.beside import beside
from cotbench.pairing import OUTCOMES, Cell, Panel, Run, load_run, panels_of
from cotbench.policies import PlanRow, Policy, plan_rows, policies_of
from cotbench.records import state_of
from cotbench.stats import Array, Estimate
from cotbench.tagging import RULE, RULES, Rule
from cotbench.tallies import Curve, Outcomes, count_outcomes, curve_of
from cotbench.types import Outcome

__all__ = ["ALL", "OTHER", "SYMBOLIC", "Comparison", "compare", "load_run"]

REPORT_SCHEMA = 2
ALL, SYMBOLIC, OTHER = "all", "symbolic", "non-symbolic"
TAGS = (ALL, SYMBOLIC, OTHER)
DIRECT = "direct"
EFFECT = 0.02
LARGE = 5_000  # questions with votes; with fewer, a process costs about what it saves

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


@dataclass(frozen=True, kw_only=True)
class RuleInfo:
    name: str
    version: int
    timing: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a report shows. schema: of this structure. deltas: per tag, for all questions; groups: per subject or type. families: what p_holm is corrected over."""

    schema: int = REPORT_SCHEMA
    runs: list[str]
    baselines: list[str]
    modes: list[ModeStats]
    deltas: list[Delta]
    groups: list[Delta] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    plans: list[PlanRow] = field(default_factory=list)
    outcomes: list[Outcomes] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    stub: bool = False
    tag_rule: str = RULE
    rules: list[RuleInfo] = field(default_factory=list)
    families: dict[str, str] = field(default_factory=dict)
    effect: float = EFFECT

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# --- one mode -----------------------------------------------------------------------------------------------------


def _spread(values: Array) -> tuple[float | None, float | None, float | None]:
    """Mean, median and 95th percentile of what is known."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None, None, None
    return float(known.mean()), float(np.median(known)), float(np.quantile(known, 0.95))


def _mode_stats(panel: Panel, cell: Cell, tag: str, mask: Array) -> ModeStats:
    decided = cell.decided & mask
    n, correct = int(decided.sum()), int((cell.right & decided).sum())
    read = int((cell.read & decided).sum())
    low, high = stats.wilson(correct, n) if n else (None, None)
    spread = stats.mean(cell.right[decided].astype(float), panel.clusters_of(decided)) if n else None
    prompt, reasoning, completion = (_spread(cell.tokens(k)[decided]) for k in ("prompt", "reasoning", "completion"))
    return ModeStats(
        model=panel.model,
        task=panel.task,
        mode=cell.mode,
        tag=tag,
        run=cell.run.folder.name,
        engine=cell.run.manifest.spec["model"]["engine"],
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


def _delta(panel: Panel, cell: Cell, base: Cell, tag: str, mask: Array, effect: float, *, group: str = "") -> Delta:
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
    [3 if o in _PROGRAM_FAILED else {Outcome.WRONG: 0, Outcome.TRUNCATED: 2}.get(o, 1) for o in OUTCOMES]
)


def _sources(cell: Cell, base: Cell, both: Array) -> dict[str, float | None]:
    """A difference is a sum over questions that helped and hurt; each is put to how the side that wasn't right ended."""
    helped, hurt = both & cell.right & ~base.right, both & base.right & ~cell.right
    before, after = (
        np.bincount(_SOURCE_OF[side.endings[mask]], minlength=4) for side, mask in ((base, helped), (cell, hurt))
    )
    return {name: float(value) for name, value in zip(_SOURCES, (before - after) / int(both.sum()), strict=True)}


def _split(panel: Panel, cell: Cell, base: Cell, rule: Rule, tags: Array, *, default: bool) -> Split:
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


def _agreements(panel: Panel, tagged: Mapping[str, Array]) -> list[Agreement]:
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


# --- all of it ----------------------------------------------------------------------------------------------------


def compare(
    runs: Sequence[Run],
    baselines: Sequence[str] = (DIRECT,),
    *,
    rules: Iterable[Rule] = (),
    tag_rule: str = RULE,
    effect: float = EFFECT,
    panels: tuple[Sequence[Panel], Sequence[str]] | None = None,
) -> Comparison:
    """All estimates over some runs. rules: the user's own, beside ours; tag_rule: the one that splits the main tables; panels: what
    `panels_of(runs)` gave, where that has been called already.

    Raises RunError where what was asked for can't be paired.
    """
    found_panels, kept_apart = panels or panels_of(runs)
    notes = list(kept_apart)
    table = RULES | {rule.name: rule for rule in rules}
    found = _Findings()
    votes = sum(
        row is not None and row["votes"] is not None for p in found_panels for c in p.cells.values() for row in c.rows
    )
    curves = beside(lambda: [_curves(panel) for panel in found_panels], worth=votes > LARGE)
    for panel in found_panels:
        _add_panel(found, panel, baselines, table, tag_rule, effect, notes)
    found.curves = [curve for panel in curves() for curve in panel]
    families = _correct(found)
    return Comparison(
        runs=[run.folder.name for run in runs],
        baselines=list(baselines),
        modes=found.modes,
        deltas=found.deltas,
        groups=found.groups,
        splits=found.splits,
        agreements=found.agreements,
        policies=found.policies,
        plans=found.plans,
        outcomes=found.outcomes,
        curves=found.curves,
        notes=list(dict.fromkeys([note for run in runs for note in _state_notes(run)] + notes)),
        stub=any(run.manifest.spec["model"]["engine"] == "stub" for run in runs),
        tag_rule=tag_rule,
        rules=[RuleInfo(name=r.name, version=r.version, timing=r.timing, about=r.about) for r in table.values()],
        families=families,
        effect=effect,
    )


@dataclass(kw_only=True)
class _Findings:
    modes: list[ModeStats] = field(default_factory=list)
    deltas: list[Delta] = field(default_factory=list)
    groups: list[Delta] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    plans: list[PlanRow] = field(default_factory=list)
    outcomes: list[Outcomes] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)


def _add_panel(
    found: _Findings,
    panel: Panel,
    baselines: Sequence[str],
    table: Mapping[str, Rule],
    tag_rule: str,
    effect: float,
    notes: list[str],
) -> None:
    name = f"{panel.task} by {panel.model}"
    tagged: dict[str, Array] = {}
    for rule in table.values():
        tags = panel.tags(rule)
        if tags is not None and (tags >= 0).any():
            tagged[rule.name] = tags
    default = tagged.get(tag_rule)
    everything = np.ones(len(panel.questions), dtype=bool)
    nothing = np.zeros(len(panel.questions), dtype=bool)
    arms = {
        ALL: everything,
        SYMBOLIC: default == 1 if default is not None else nothing,
        OTHER: default == 0 if default is not None else nothing,
    }
    if default is None:
        notes.append(f"{name}: the tag rule {tag_rule} says nothing of these questions, so they are in neither arm.")
    found.agreements += _agreements(panel, tagged)
    for cell in panel.cells.values():
        found.modes += [_mode_stats(panel, cell, tag, mask) for tag, mask in arms.items()]
        rows = [row for row in cell.rows if row is not None]
        found.outcomes.append(count_outcomes(panel.model, panel.task, cell.mode, rows))
    found.plans += plan_rows(panel)
    for baseline in baselines:
        base = panel.cells.get(baseline)
        if base is None:
            notes.append(f"{name}: no records under '{baseline}', so there is nothing to compare with.")
            continue
        for cell in panel.cells.values():
            # Against a second baseline, pairs that the first has already been compared with aren't shown the other way round.
            if cell.mode in baselines[: baselines.index(baseline) + 1]:
                continue
            found.deltas += [_delta(panel, cell, base, tag, mask, effect) for tag, mask in arms.items()]
            found.groups += [
                _delta(panel, cell, base, ALL, mask, effect, group=group) for group, mask in panel.groups.items()
            ]
            found.splits += [
                _split(panel, cell, base, table[rule], tags, default=rule == tag_rule) for rule, tags in tagged.items()
            ]
            before = {r: t for r, t in tagged.items() if table[r].timing == "pre-treatment"}
            found.policies += policies_of(panel, cell, base, before)
            notes += _unlike(panel, cell, base)
            alone = int((cell.asked ^ base.asked).sum())
            if alone:
                notes.append(
                    f"{name}: {alone} questions have a record under only one of {baseline} and {cell.mode}; pairs leave them out."
                )
        notes += _reasons_anyway(panel, base)


def _curves(panel: Panel) -> list[Curve]:
    return [
        curve
        for cell in panel.cells.values()
        for curve in curve_of(panel.model, panel.task, cell.mode, [row for row in cell.rows if row is not None])
    ]


Row = TypeVar("Row", Delta, Split)


def _p(row: Delta | Split) -> float | None:
    """Of the test that fits: McNemar's takes clustered questions for independent."""
    clustered = row.p_clustered if isinstance(row, Delta) else None
    return row.p if clustered is None else clustered


def _corrected(rows: Sequence[Row], family: Callable[[Row], Any]) -> tuple[list[Row], dict[Any, int]]:
    """The rows with p corrected for how many tests their family holds, and the families' sizes. None is no family."""
    members: dict[Any, list[int]] = {}
    for at, row in enumerate(rows):
        if _p(row) is not None and family(row) is not None:
            members.setdefault(family(row), []).append(at)
    out = list(rows)
    for places in members.values():
        p = [_p(rows[at]) or 0.0 for at in places]
        for at, by_holm, by_bonferroni in zip(places, stats.holm(p), stats.bonferroni(p), strict=True):
            out[at] = replace(rows[at], p_holm=by_holm, p_bonferroni=by_bonferroni, family=len(places))
    return out, {name: len(places) for name, places in members.items()}


def _correct(found: _Findings) -> dict[str, str]:
    """Correct for many tests; the families in words."""
    found.deltas, sizes = _corrected(found.deltas, lambda row: ("all" if row.tag == ALL else "arms", row.baseline))
    found.groups, groups = _corrected(found.groups, lambda row: (row.model, row.task, row.mode, row.baseline))
    found.splits, splits = _corrected(found.splits, lambda row: ("differences", row.baseline) if row.default else None)
    kinds = {
        "all": "comparisons with {} on all questions of a task",
        "arms": "comparisons with {} within an arm of the tag",
        "differences": "differences in differences against {} under the default rule",
    }
    out: dict[str, list[str]] = {}
    for (kind, baseline), size in (sizes | splits).items():
        out.setdefault(kind, []).append(f"the {size} {kinds[kind].format(baseline)}")
    families = {kind: " (and apart from them, ".join(words) + ")" * (len(words) - 1) for kind, words in out.items()}
    if groups:
        families["groups"] = (
            f"the (at most {max(groups.values())}) subjects or types of one task, for one pair of modes"
        )
    return families


# --- notes --------------------------------------------------------------------------------------------------------


def _state_notes(run: Run) -> list[str]:
    """What a run lacks: it isn't finished, or requests of it failed."""
    name, notes = run.folder.name, []
    if not run.finished:
        total = run.manifest.totals.get("of", "?")
        notes.append(
            f"{name} is not finished ({state_of(run.folder, run.manifest)}): {len(run.records)} of {total} answers so far. "
            f"Go on with: cotbench run --resume {run.folder}"
        )
    if not run.manifest.spec.get("programs", {}).get("contained", True):
        notes.append(f"{name}: model-written code was run without containment (--allow-unsandboxed-code).")
    outcomes = Counter(record["outcome"] for record in run.records)
    if outcomes[Outcome.ENGINE_ERROR]:
        notes.append(
            f"{name}: {outcomes[Outcome.ENGINE_ERROR]} requests failed and are in no denominator; `cotbench run --resume` asks for them again."
        )
    return notes


def _unlike(panel: Panel, cell: Cell, base: Cell) -> list[str]:
    """What differs between two modes beside the mode, and may be meant."""
    notes = []
    name = f"{panel.task} by {panel.model}"
    ours, theirs = (c.run.manifest.spec["modes"][f"{panel.task}/{c.mode}"] for c in (cell, base))
    here, there = ({key: m.get("sampling", {}).get(key) for key in ("temperature", "top_p")} for m in (ours, theirs))
    if here != there:
        sides = (", ".join(f"{key} {value}" for key, value in side.items()) for side in (here, there))
        # Without the task: it is the same for all of them, as a rule, and then said once.
        notes.append(
            f"{panel.model}: answers are drawn differently under {cell.mode} and {base.mode} ({'; '.join(sides)})."
        )
    if cell.run is not base.run and ours.get("shared") != theirs.get("shared"):
        notes.append(
            f"{name}: what prompts share (persona, answer contract) differs between {cell.run.folder.name} and {base.run.folder.name}."
        )
    return notes


def _reasons_anyway(panel: Panel, base: Cell) -> list[str]:
    """A direct arm that reasons anyway isn't direct: say so where its answers are half as long as the other mode's."""
    short = _spread(base.tokens("completion")[base.decided])[0]
    notes = []
    for cell in panel.cells.values():
        longer = _spread(cell.tokens("completion")[cell.decided])[0]
        if cell is not base and short and longer and short > 40 and short > longer / 2 and not math.isnan(longer):
            notes.append(
                f"{panel.task} by {panel.model}: answers under {base.mode} take {short:.0f} tokens, under {cell.mode} {longer:.0f}: "
                f"the model may reason under {base.mode} too, which hides an effect."
            )
    return notes
