"""Paired comparisons over recorded runs: what a mode changes, question by question. No printing, no plotting.

`estimates.py` works out single rows; here they become the tables of a report, with corrections for many tests, and notes on what is unlike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from cotbench.analysis import stats
from cotbench.analysis.estimates import (
    ALL,
    OTHER,
    SYMBOLIC,
    Agreement,
    Delta,
    ModeStats,
    Split,
    agreements,
    delta_of,
    mean_median_p95,
    mode_stats,
    split_of,
)
from cotbench.analysis.pairing import OUTCOMES, Cell, Panel, Run, load_run, panels_of
from cotbench.analysis.policies import PlanRow, Policy, plan_rows, policies_of
from cotbench.analysis.stats import Array
from cotbench.analysis.tallies import Curve, Outcomes, count_outcomes, curve_of
from cotbench.modes import BASELINE
from cotbench.processes import beside
from cotbench.questions.tagging import RULE, RULES, Rule
from cotbench.store.lock import state_of
from cotbench.types import Outcome

__all__ = ["Comparison", "compare", "load_run"]

REPORT_SCHEMA = 2
EFFECT = 0.02
LARGE = 5_000  # questions with votes; with fewer, a process costs about what it saves


@dataclass(frozen=True, kw_only=True)
class RuleInfo:
    name: str
    version: int
    timing: str
    about: str


@dataclass(frozen=True, kw_only=True)
class Caution:
    """What a headline may not leave out: a difference that comes from budgets or from reading, and so says little of the modes.

    mode and baseline: of the comparison; with kind `silent` mode is the mode itself, and baseline "". kind: `budget` (answers were cut before one could
    be read), `reading` (no answer was found in finished texts), `refusal` (the server's rules or the model refused them), `silent` (all visible texts of a mode are empty). of: the mode whose answers are
    meant. share: of its answers, 0..1.
    """

    model: str
    task: str
    mode: str
    baseline: str
    kind: str
    of: str
    share: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a report shows. schema: of this structure. deltas: per tag, for all questions; cautions: what belongs beside a headline; groups: per subject or type. families: what p_holm is corrected over."""

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
    cautions: list[Caution] = field(default_factory=list)
    stub: bool = False
    tag_rule: str = RULE
    rules: list[RuleInfo] = field(default_factory=list)
    families: dict[str, str] = field(default_factory=dict)
    effect: float = EFFECT

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


# --- all of it ----------------------------------------------------------------------------------------------------


def compare(
    runs: Sequence[Run],
    baselines: Sequence[str] = (BASELINE,),
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
        row is not None and row.votes is not None for p in found_panels for c in p.cells.values() for row in c.rows
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
        cautions=found.cautions,
        notes=list(dict.fromkeys([note for run in runs for note in _state_notes(run)] + notes)),
        stub=any(run.manifest.spec.model.engine == "stub" for run in runs),
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
    cautions: list[Caution] = field(default_factory=list)


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
    notes += [
        f"{name}: the manifest of {cell.run.folder.name} doesn't say whether {cell.mode} answers in words, so the rules that look at responses "
        "leave it out."
        for cell in panel.cells.values()
        if not cell.facts.answers_in
    ]
    found.agreements += agreements(panel, tagged)
    for cell in panel.cells.values():
        found.modes += [mode_stats(panel, cell, tag, mask) for tag, mask in arms.items()]
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
            pair = [delta_of(panel, cell, base, tag, mask, effect) for tag, mask in arms.items()]
            found.deltas += pair
            found.cautions += _unearned(cell, base, pair[0])
            found.groups += [
                delta_of(panel, cell, base, ALL, mask, effect, group=group) for group, mask in panel.groups.items()
            ]
            found.splits += [
                split_of(panel, cell, base, table[rule], tags, default=rule == tag_rule)
                for rule, tags in tagged.items()
            ]
            before = {r: t for r, t in tagged.items() if table[r].timing == "pre-treatment"}
            found.policies += policies_of(panel, cell, base, before)
            notes += _unlike(panel, cell, base)
            alone = int((cell.asked ^ base.asked).sum())
            if alone:
                notes.append(
                    f"{name}: {alone} questions have a record under only one of {baseline} and {cell.mode}; pairs leave them out."
                )
        notes += _reasons_anyway(
            panel, base, {caution.mode for caution in found.cautions if _is_of(caution, panel, base)}
        )
    found.cautions += _silent(panel)


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
    if not run.manifest.spec.contained:
        notes.append(f"{name}: model-written code was run without containment (--allow-unsandboxed-code).")
    notes += [f"{name}: {warning}." for warning in run.manifest.engine.get("warnings", ())]
    outcomes = Counter(record.outcome for record in run.records)
    if outcomes[Outcome.ENGINE_ERROR]:
        notes.append(
            f"{name}: {outcomes[Outcome.ENGINE_ERROR]} requests failed and are in no denominator; `cotbench run --resume` asks for them again."
        )
    return notes


def _unlike(panel: Panel, cell: Cell, base: Cell) -> list[str]:
    """What differs between two modes beside the mode, and may be meant."""
    notes = []
    name = f"{panel.task} by {panel.model}"
    ours, theirs = (c.run.manifest.spec.mode(panel.task, c.mode) for c in (cell, base))
    here, there = (
        {key: value for key, value in m.sampling.items() if key not in ("max_tokens", "n", "stop")}
        for m in (ours, theirs)
    )
    if here != there:
        sides = (", ".join(f"{key} {value}" for key, value in side.items()) for side in (here, there))
        # Without the task: it is the same for all of them, as a rule, and then said once.
        notes.append(
            f"{panel.model}: answers are drawn differently under {cell.mode} and {base.mode} ({'; '.join(sides)})."
        )
    if cell.run is not base.run and ours.shared != theirs.shared:
        notes.append(
            f"{name}: what prompts share (persona, answer contract) differs between {cell.run.folder.name} and {base.run.folder.name}."
        )
    return notes


def _is_of(caution: Caution, panel: Panel, base: Cell) -> bool:
    return (caution.model, caution.task, caution.baseline) == (panel.model, panel.task, base.mode)


MOST = 0.5
_REFUSED = OUTCOMES.index(Outcome.REFUSED)
_UNREAD = [OUTCOMES.index(outcome) for outcome in (Outcome.UNPARSED, Outcome.TRUNCATED, Outcome.REFUSED)]


def _unearned(cell: Cell, base: Cell, delta: Delta) -> list[Caution]:
    """Where most answers of a mode were cut, refused or couldn't be read, or most of a difference comes from such answers.

    An answer that was read right before the cut is none of them, nor is a vote of which a path was cut, nor one whose program or plan failed: to
    write one that runs is what those modes are about.
    """
    both = cell.decided & base.decided
    if not both.any():
        return []
    out = []
    for side, other, sign in ((base, cell, 1), (cell, base, -1)):
        unread = np.isin(side.endings, _UNREAD)
        voted = any(row is not None and row.votes is not None for row in side.rows)
        was_cut = (side.endings == OUTCOMES.index(Outcome.TRUNCATED)) | (side.cut & (unread if voted else ~side.right))
        lost = was_cut | unread
        share, cut = float(lost[both].mean()), float(was_cut[both].mean())
        part = float((lost & other.right & ~side.right)[both].mean())  # of the difference, from these answers
        if share < MOST and not 0 < MOST * sign * (delta.delta or 0.0) <= part:
            continue
        refused = float(((side.endings == _REFUSED) & ~was_cut)[both].mean())
        kind = "budget" if cut >= share / 2 else "refusal" if refused >= share / 2 else "reading"
        more = f" (--max-tokens {side.mode}=N gives more)" if kind == "budget" else ""
        ways = {
            "were cut at their budget": cut > 0,
            "were refused": refused > 0,
            "could not be read": not math.isclose(share, cut + refused, abs_tol=1e-9),
        }
        ended = " or ".join(way for way, there in ways.items() if there)
        out.append(
            Caution(
                model=delta.model,
                task=delta.task,
                mode=cell.mode,
                baseline=base.mode,
                kind=kind,
                of=side.mode,
                share=share,
                text=f"{100 * share:.0f}% of the answers under {side.mode} {ended}{more}",
            )
        )
    return out


def _silent(panel: Panel) -> list[Caution]:
    """Modes of which no output has a visible text: a server has put all of it into the reasoning, say, or dropped it."""
    out = []
    for cell in panel.cells.values():
        # A refusal has no text as a rule, and is told as what it is.
        without = (Outcome.ENGINE_ERROR, Outcome.REFUSED)
        rows = [row for row in cell.rows if row is not None and row.outcome not in without]
        says = cell.run.journal.says
        seen = ((says("visible", row.keys), row.keys) for row in rows)
        known = [(visible, says("reasoned", keys)) for visible, keys in seen if visible is not None]
        if not known or any(visible for visible, _ in known):
            continue
        thinking = cell.run.manifest.spec.mode(panel.task, cell.mode).thinking
        although = ", although the model was asked not to think" if thinking is False else ""
        reasoned = sum(bool(reasoned) for _, reasoned in known)
        beside = (
            f"{reasoned:,} of them have a reasoning text beside, and an answer can stand only there"
            if reasoned
            else "there is no reasoning text beside them either"
        )
        out.append(
            Caution(
                model=panel.model,
                task=panel.task,
                mode=cell.mode,
                baseline="",
                kind="silent",
                of=cell.mode,
                share=1.0,
                text=f"all {len(known):,} visible texts under {cell.mode} are empty{although}; {beside}. Look at what the server sends.",
            )
        )
    return out


def _reasons_anyway(panel: Panel, base: Cell, cautioned: Collection[str]) -> list[str]:
    """A direct arm that reasons anyway isn't direct: say so where its answers are half as long as the other mode's. cautioned: the modes whose
    difference is one of budget or reading: there, reasoning that is cut makes an effect where it would hide one."""
    short = mean_median_p95(base.tokens("completion")[base.decided])[0]
    notes = []
    for cell in panel.cells.values():
        longer = mean_median_p95(cell.tokens("completion")[cell.decided])[0]
        if cell is not base and short and longer and short > 40 and short > longer / 2 and not math.isnan(longer):
            effect = "which, cut or unread, makes an effect" if cell.mode in cautioned else "which hides an effect"
            notes.append(
                f"{panel.task} by {panel.model}: answers under {base.mode} take {short:.0f} tokens, under {cell.mode} {longer:.0f}: "
                f"the model may reason under {base.mode} too, {effect}."
            )
    return notes
