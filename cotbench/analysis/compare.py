"""Paired comparisons over recorded runs: what a mode changes, question by question. No printing, no plotting.

`estimates.py` works out single rows; here they become the tables of a report, with corrections for many tests, and
notes on what is unlike.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

import numpy as np

from cotbench.analysis import drawn as of_drawn
from cotbench.analysis.agreement import Disagreement, TheirArm, TheirDelta, agreement
from cotbench.analysis.audit import Audit, Complied, Reading, ReadingError, audit, cut_of
from cotbench.analysis.beside import Beside, Doubt, Effort, VotePoint, beside_votes
from cotbench.analysis.between import Gain, Lead, between
from cotbench.analysis.calibration import Calibration, calibrations
from cotbench.analysis.cascade import Cascade, cascades_of
from cotbench.analysis.categories import Category, Missing, categories_of, missing_of, outside, suite_of, symbolic_by
from cotbench.analysis.chosen import Chosen, ChosenAt, Flips, chosen_at, chosen_of, flips_of
from cotbench.analysis.cost import Cost, Payoff, costs_of
from cotbench.analysis.curve import MARGIN, Point, points_of
from cotbench.analysis.drawn import Look, Stopped
from cotbench.analysis.early import Early, EarlyExit, EarlyFree, EarlyPoint, EarlySplit, early_of
from cotbench.analysis.estimates import (
    ALL,
    OTHER,
    SYMBOLIC,
    Agreement,
    Delta,
    ModeStats,
    Paired,
    Split,
    Spread,
    agreements,
    delta_of,
    mode_stats,
    names_of,
    split_of,
)
from cotbench.analysis.factorial import Effect, corrected, effects_of
from cotbench.analysis.flat import columns, flatten
from cotbench.analysis.lint import Asked, Unsaid, lint, of_run, over_tasks
from cotbench.analysis.locked import Locked, locked_of
from cotbench.analysis.many import by_family, in_words
from cotbench.analysis.pairing import OUTCOMES, SUBJECT, Cell, Panel, Run, panels_of
from cotbench.analysis.placebo import Placebo, placebos_of
from cotbench.analysis.placebo import corrected as corrected_placebos
from cotbench.analysis.placebo import in_words as placebos_in_words
from cotbench.analysis.policies import PlanRow, Policy, plan_rows, policies_of
from cotbench.analysis.pooled import Pooled, pooled_of
from cotbench.analysis.prices import Prices
from cotbench.analysis.provenance import Provenance, provenance_of
from cotbench.analysis.recall import Recall, Support, has_own_baseline, recalls_of, supports_of, unknown_passages
from cotbench.analysis.repeats import Noise, RepeatedDelta, headline_of, noise_of, repeated_deltas
from cotbench.analysis.scored import Score, ScoreDelta, ScoreSplit, scores_of
from cotbench.analysis.shipping import Shipped, ShippedPiece, Shipping, Terms, is_plain, ship
from cotbench.analysis.stats import Array
from cotbench.analysis.stopping import StoppedVote, stopped_votes_of
from cotbench.analysis.tallies import Curve, Outcomes, count_outcomes, curve_of
from cotbench.analysis.tools import ToolBlocks, ToolUse, tools_of
from cotbench.analysis.twins import Twin, twins_of
from cotbench.analysis.verdicts import Remark, judged
from cotbench.analysis.weighted import WeightedDelta, WeightedMode, WeightedPolicy, weighted
from cotbench.analysis.weights import Part, Weights
from cotbench.modes import BASELINE, Facts, facts_of
from cotbench.modes.arms import base_of, budget_of, is_likeliest
from cotbench.questions.tagging import RULE, RULES, Rule
from cotbench.store.lock import state_of
from cotbench.store.manifest import SuiteEntry
from cotbench.store.table import Sent
from cotbench.types import Outcome

T = TypeVar("T", bound="_Of")


class _Of(Protocol):
    """A row that is of one model on one task."""

    @property
    def model(self) -> str: ...
    @property
    def task(self) -> str: ...


REPORT_SCHEMA = 3
EFFECT = 0.02
SHOWN = 3  # broken lines that are named


@dataclass(frozen=True, kw_only=True)
class RuleInfo:
    """What a report says of a tag rule. symbolic, other: what its two sides are called."""

    name: str
    version: int
    timing: str
    about: str
    symbolic: str = SYMBOLIC
    other: str = OTHER


@dataclass(frozen=True, kw_only=True)
class Caution(Paired):
    """What a headline may not leave out: a difference that comes from budgets or reading says little of the modes.

    mode and baseline: of the comparison. of: the mode whose answers are meant; share: of its answers, 0..1.
    kind: `budget` (answers were cut before one could be read), `reading` (no answer was found in finished texts),
    `refusal` (the server's rules or the model refused them). Of a mode by itself, with baseline "": `silent` (all its
    visible texts are empty), `cut` (it thinks, and more than a few of its answers were cut), `leak` (most of its
    replies hold a thought, though it is told not to think), `stuck` (its model can't be kept from thinking).
    """

    kind: str
    of: str
    share: float
    text: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """All that a report shows; report.json is this, flat.

    schema: the version of this structure. deltas: on all questions and on each side of the tag; groups: per subject or
    type; scores, score_*: mean scores, where answers may be partly right; twins: perturbed questions beside their
    seeds; pooled: over several tasks. their_arms, their_deltas, disagreements: of imported logs, what the tool that
    wrote them made of the outputs, beside ours. gains, leads: of one model against another. weights: the user's own mix
    of questions, to which all that is called weighted is weighted. generalise: "subject" where a task's subjects or
    types are taken as a sample of subjects, "" where as all of them. unsaid: what arms differ in that their names
    don't say.
    shipped: policies that choose among arms, cross-fitted; shipped_pieces: what the one made of all questions says.
    beside: arms with further calls beside votes at equal cost; efforts: what these and those took; vote_points: votes
    over fewer paths; doubts: of which such arms it isn't said that they help, and why. stopped: the primary differences
    of runs that stop when they know; looks: how these came there. placebos: what is kept of a gain where something else
    stands in the place of the thought. stopped_votes: votes as they would have been had they stopped early; cascades:
    direct answers, and thinking where these are unsure. cautions: what belongs beside a headline. noises: of arms
    that were repeated, what their repeats say; repeated: differences over these. families: what each
    kind of p_holm is corrected over. facts: of modes, which report.json leaves out.
    suite: by which the report is, "" for none; categories: over the tasks of each of its categories; missing: what
    belongs to it and isn't here.
    """

    schema: int = REPORT_SCHEMA
    runs: list[str]
    baselines: list[str]
    modes: list[ModeStats]
    deltas: list[Delta]
    generalise: str = ""
    groups: list[Delta] = field(default_factory=list)
    splits: list[Split] = field(default_factory=list)
    agreements: list[Agreement] = field(default_factory=list)
    policies: list[Policy] = field(default_factory=list)
    shipped: list[Shipped] = field(default_factory=list)
    shipped_pieces: list[ShippedPiece] = field(default_factory=list)
    plans: list[PlanRow] = field(default_factory=list)
    outcomes: list[Outcomes] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    stopped_votes: list[StoppedVote] = field(default_factory=list)
    cascades: list[Cascade] = field(default_factory=list)
    chosen: list[Chosen] = field(default_factory=list)
    chosen_at: list[ChosenAt] = field(default_factory=list)
    flips: list[Flips] = field(default_factory=list)
    locked: list[Locked] = field(default_factory=list)
    unsaid: list[Unsaid] = field(default_factory=list)
    audits: list[Audit] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    complied: list[Complied] = field(default_factory=list)
    reading_errors: list[ReadingError] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)
    their_arms: list[TheirArm] = field(default_factory=list)
    their_deltas: list[TheirDelta] = field(default_factory=list)
    disagreements: list[Disagreement] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    score_deltas: list[ScoreDelta] = field(default_factory=list)
    score_groups: list[ScoreDelta] = field(default_factory=list)
    score_splits: list[ScoreSplit] = field(default_factory=list)
    twins: list[Twin] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    recalls: list[Recall] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)
    tool_uses: list[ToolUse] = field(default_factory=list)
    tool_blocks: list[ToolBlocks] = field(default_factory=list)
    early_answers: list[Early] = field(default_factory=list)
    early_points: list[EarlyPoint] = field(default_factory=list)
    early_splits: list[EarlySplit] = field(default_factory=list)
    early_exits: list[EarlyExit] = field(default_factory=list)
    early_free: list[EarlyFree] = field(default_factory=list)
    costs: list[Cost] = field(default_factory=list)
    payoffs: list[Payoff] = field(default_factory=list)
    beside: list[Beside] = field(default_factory=list)
    efforts: list[Effort] = field(default_factory=list)
    vote_points: list[VotePoint] = field(default_factory=list)
    doubts: list[Doubt] = field(default_factory=list)
    stopped: list[Stopped] = field(default_factory=list)
    looks: list[Look] = field(default_factory=list)
    placebos: list[Placebo] = field(default_factory=list)
    noises: list[Noise] = field(default_factory=list)
    repeated: list[RepeatedDelta] = field(default_factory=list)
    pooled: list[Pooled] = field(default_factory=list)
    suite: str = ""
    categories: list[Category] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    gains: list[Gain] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    weights: list[Part] = field(default_factory=list)
    weighted_modes: list[WeightedMode] = field(default_factory=list)
    weighted_deltas: list[WeightedDelta] = field(default_factory=list)
    weighted_policies: list[WeightedPolicy] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    cautions: list[Caution] = field(default_factory=list)
    stub: bool = False
    tag_rule: str = RULE
    rules: list[RuleInfo] = field(default_factory=list)
    families: dict[str, str] = field(default_factory=dict)
    effect: float = EFFECT
    provenance: list[Provenance] = field(default_factory=list)
    facts: dict[str, Facts] = field(default_factory=dict, metadata=columns())

    def facts_of(self, mode: str) -> Facts:
        """Return what the runs say of a mode, or the table of modes where they say nothing."""
        return self.facts.get(mode) or facts_of(mode)

    @property
    def headline(self) -> list[Delta]:
        """The differences that headlines speak of, over all repeats where arms were repeated."""
        return headline_of(self.deltas, self.repeated)

    @property
    def remarks(self) -> list[Remark]:
        """What casts doubt on differences."""
        return [*self.cautions, *self.doubts]

    def as_dict(self) -> dict[str, Any]:
        """Return what report.json holds."""
        return flatten(self)


# --- all of it ----------------------------------------------------------------------------------------------------


def compare(
    runs: Sequence[Run],
    baselines: Sequence[str] = (BASELINE,),
    *,
    rules: Iterable[Rule] = (),
    tag_rule: str = RULE,
    effect: float = EFFECT,
    margin: float = MARGIN,
    panels: tuple[Sequence[Panel], Sequence[str]] | None = None,
    asked: Collection[str] = (),
    prices: Prices | None = None,
    generalise: str = "",
    symbolic_tasks: Collection[str] = (),
    against: Sequence[str] = (),
    weights: Weights | None = None,
    suite: SuiteEntry | None = None,
) -> Comparison:
    """Return all estimates over some runs.

    rules: the user's own, beside ours. tag_rule: the one that splits the main tables. margin: how much worse than the
    largest budget is no matter. panels: what `panels_of(runs)` gave, where it has been called already. asked: arms that
    somebody asks for by name beside the baselines: those of the likeliest option are in no difference otherwise.
    symbolic_tasks: the math and symbolic ones, where somebody says which. generalise: as `panels_of` has it. prices:
    what tokens or GPU-hours cost; without them costs are in tokens. against: two arms of two models each, as
    MODEL:ARM,MODEL:ARM. weights: a user's own mix of questions. suite: by whose categories tasks are told, where that
    isn't what the runs record. Raises RunError where what was asked for can't be paired, UsageError where `against` or
    the mix names what isn't there.
    """
    compared, kept_apart = panels or panels_of(runs, generalise=generalise)
    table = [*(RULES | {rule.name: rule for rule in rules}).values()]
    comparison = Comparison(
        runs=[run.folder.name for run in runs],
        baselines=list(baselines),
        modes=[],
        deltas=[],
        generalise=SUBJECT if any(panel.unit == SUBJECT for panel in compared) else "",
        notes=[*(note for run in runs for note in _state_notes(run)), *kept_apart],
        stub=any(run.manifest.spec.model.engine == "stub" for run in runs),
        tag_rule=tag_rule,
        rules=[
            RuleInfo(
                name=r.name, version=r.version, timing=r.timing, about=r.about, symbolic=r.sides[0], other=r.sides[1]
            )
            for r in table
        ],
        effect=effect,
        provenance=provenance_of(runs),
    )
    if comparison.generalise:
        comparison.notes.append(
            "Intervals and tests of tasks that have subjects or types are for new ones (--generalise subject): those "
            "here are taken as a sample of subjects."
        )
    for panel in compared:
        _add_panel(comparison, panel, table, asked)
    comparison.notes.extend(_without_feature(compared, rules))
    everywhere, compared = compared, [panel for panel in compared if panel.drawn is None]
    comparison.notes.extend(of_drawn.notes(everywhere))
    drawn = frozenset((panel.model, panel.task) for panel in everywhere if panel.drawn is not None)

    def fixed(rows: Iterable[T]) -> list[T]:
        """Rows of questions that weren't drawn: whatever is put together of several, or judged by an interval that
        holds at one look only, is of these."""
        return [row for row in rows if (row.model, row.task) not in drawn]

    _add_audits(comparison, everywhere)
    _add_theirs(comparison, compared)
    comparison.unsaid.extend(over_tasks(one for panel in everywhere for one in _unsaid(comparison, panel)))
    cells = [(panel, cell) for panel in everywhere for cell in panel.cells.values()]
    voting = [(panel, cell) for panel, cell in cells if not cell.facts.picks]  # others have rows of their own
    comparison.curves.extend(row for one in voting for row in curve_of(*one))
    comparison.stopped_votes.extend(row for panel in compared for row in stopped_votes_of(panel))
    comparison.cascades.extend(row for panel in compared for row in cascades_of(panel, table, margin, prices))
    comparison.chosen.extend(row for panel in compared for row in chosen_of(panel))
    comparison.chosen_at.extend(row for panel in compared for row in chosen_at(panel))
    comparison.flips.extend(row for panel in compared for row in flips_of(panel))
    comparison.points.extend(point for panel in compared for point in points_of(panel, margin))
    comparison.effects.extend(corrected([effect for panel in compared for effect in effects_of(panel)]))
    comparison.recalls.extend(row for panel in compared for row in recalls_of(panel))
    comparison.supports.extend(row for panel in compared for row in supports_of(panel))
    comparison.notes.extend(note for panel in compared for note in unknown_passages(panel))
    for uses, blocks in map(tools_of, compared):
        comparison.tool_uses.extend(uses)
        comparison.tool_blocks.extend(blocks)
    _add_early(comparison, compared, table)
    _add_costs(comparison, everywhere, table, prices)
    _add_beside(comparison, compared, prices)
    _add_shipped(comparison, compared, table, Terms(margin=margin, prices=prices))
    _add_placebos(comparison, compared, table)
    comparison.doubts.extend(of_drawn.doubts(everywhere, comparison.deltas))
    models = between(compared, fixed(comparison.deltas), next((r for r in table if r.name == tag_rule), None), against)
    comparison.gains.extend(models.gains)
    comparison.leads.extend(models.leads)
    comparison.notes.extend(models.notes)
    if weights is not None:
        by_name = {rule.name: rule for rule in table}
        mixed = weighted(compared, fixed(comparison.deltas), weights, by_name, tag_rule, comparison.doubts)
        comparison.weights.extend(mixed.parts)
        comparison.weighted_modes.extend(mixed.modes)
        comparison.weighted_deltas.extend(mixed.deltas)
        comparison.weighted_policies.extend(mixed.policies)
        comparison.notes.extend(mixed.notes)
    comparison.notes[:] = dict.fromkeys(comparison.notes)
    there = {name: [cell.mode for panel in everywhere if (cell := panel.cell(name))] or [name] for name in baselines}
    comparison.baselines[:] = dict.fromkeys(mode for modes in there.values() for mode in modes)
    whole = _corrected(comparison)
    whole.families.update(models.families)
    whole.families.update(placebos_in_words(whole.placebos))
    _add_scores(whole, compared, table)
    twins, of_twins, apart = twins_of(compared, fixed(whole.deltas))
    whole.twins.extend(twins)
    whole.families.update(of_twins)
    whole.notes.extend(apart)
    whole.locked.extend(locked_of(whole, runs, everywhere, margin))
    suite, notes = (suite, []) if suite is not None else suite_of(runs, everywhere)
    known = symbolic_by(suite)
    deltas, splits = fixed(whole.deltas), fixed(whole.splits)
    over, left_out = pooled_of(deltas, splits, compared, whole.remarks, symbolic_tasks, known)
    whole.pooled.extend(over)
    whole.notes.extend(left_out)
    if suite is None:
        return whole
    whole.categories.extend(categories_of(suite, deltas, compared, whole.remarks))
    whole.missing.extend(missing_of(suite, runs, everywhere))
    whole.notes.extend([*notes, *outside(suite, everywhere)])
    return replace(whole, suite=suite.name)


def _add_audits(comparison: Comparison, panels: Sequence[Panel]) -> None:
    """Add what the arms' replies were, and what of it belongs beside the headlines."""
    audits = audit(panels, [delta.key for delta in comparison.deltas if delta.tag == ALL])
    comparison.audits.extend(audits.arms)
    comparison.readings.extend(audits.readings)
    comparison.complied.extend(audits.complied)
    comparison.reading_errors.extend(audits.errors)
    comparison.calibrations.extend(row for panel in panels if panel.drawn is None for row in calibrations(panel))
    comparison.notes.extend(audits.notes)
    told = {(c.model, c.task, c.of) for c in comparison.cautions if c.kind == "budget"}
    for remark in audits.remarks:
        if remark.kind != "cut" or (remark.model, remark.task, remark.mode) not in told:
            row = {"model": remark.model, "task": remark.task, "mode": remark.mode, "of": remark.mode}
            comparison.cautions.append(
                Caution(**row, baseline="", kind=remark.kind, share=remark.share, text=remark.text)
            )


def _add_theirs(comparison: Comparison, panels: Sequence[Panel]) -> None:
    """Add what the tools that wrote imported logs made of the outputs, beside ours."""
    found = agreement(panels, [delta.key for delta in comparison.deltas if delta.tag == ALL])
    comparison.their_arms.extend(found.arms)
    comparison.their_deltas.extend(found.deltas)
    comparison.disagreements.extend(found.disagreements)
    comparison.notes.extend(found.notes)


def _add_scores(comparison: Comparison, panels: Sequence[Panel], rules: Sequence[Rule]) -> None:
    """Add mean scores, where answers may be partly right. The differences have their verdicts by now."""
    exact = {(*row.key, row.rule): row.difference.value for row in comparison.splits}
    there = {(panel.model, panel.task) for panel in panels}
    deltas = [row for row in (*comparison.deltas, *comparison.groups) if (row.model, row.task) in there]
    found = scores_of(panels, deltas, exact, rules, comparison.tag_rule, comparison.remarks)
    comparison.scores.extend(found.modes)
    comparison.score_deltas.extend(found.deltas)
    comparison.score_groups.extend(found.groups)
    comparison.score_splits.extend(found.splits)
    comparison.families.update(found.families)


def _add_costs(comparison: Comparison, panels: Sequence[Panel], rules: Iterable[Rule], prices: Prices | None) -> None:
    """Add what arms cost, and what their extra right answers do."""
    pairs = [delta.key for delta in comparison.deltas if delta.tag == ALL]
    rule = next((rule for rule in rules if rule.name == comparison.tag_rule), None)
    found = costs_of(panels, pairs, rule, prices)
    drawn = {(panel.model, panel.task) for panel in panels if panel.drawn is not None}
    comparison.costs.extend(of_drawn.of_cost(c) if (c.model, c.task) in drawn else c for c in found.costs)
    comparison.payoffs.extend(row for row in found.payoffs if (row.model, row.task) not in drawn)
    comparison.notes.extend(found.notes)


def _add_early(comparison: Comparison, panels: Sequence[Panel], rules: Iterable[Rule]) -> None:
    """Add after how much of their thoughts the answers of arms stood."""
    found = early_of(panels, next((rule for rule in rules if rule.name == comparison.tag_rule), None))
    comparison.early_answers.extend(found.rows)
    comparison.early_points.extend(found.points)
    comparison.early_splits.extend(found.splits)
    comparison.early_exits.extend(found.exits)
    comparison.early_free.extend(found.free)
    for cell in (cell for panel in panels for cell in panel.measuring.values()):
        comparison.facts.setdefault(cell.mode, cell.facts)


def _add_beside(comparison: Comparison, panels: Sequence[Panel], prices: Prices | None) -> None:
    """Add arms with further calls beside votes that cost the same."""
    found = beside_votes(panels, comparison.modes, comparison.costs, comparison.deltas, prices)
    comparison.beside.extend(found.rows)
    comparison.efforts.extend(found.efforts)
    comparison.vote_points.extend(found.points)
    comparison.doubts.extend(found.doubts)
    comparison.notes.extend(found.notes)


def _add_shipped(comparison: Comparison, panels: Sequence[Panel], rules: Sequence[Rule], terms: Terms) -> None:
    """Add policies that choose among the arms of one call in words, where there are questions enough."""
    for panel in panels:
        made = ship(panel, [cell for cell in panel.cells.values() if is_plain(cell)], rules, terms)
        if isinstance(made, Shipping):
            comparison.shipped.extend(made.rows)
            comparison.shipped_pieces.extend(made.pieces)


def _add_placebos(comparison: Comparison, panels: Sequence[Panel], rules: Iterable[Rule]) -> None:
    """Add what placebos keep of a thought's gain."""
    rule = next((rule for rule in rules if rule.name == comparison.tag_rule), None)
    rows: list[Placebo] = []
    for panel in panels:
        tags = panel.tags(rule) if rule is not None else None
        found, notes = placebos_of(panel, np.full(len(panel.questions), -1) if tags is None else tags)
        rows.extend(found)
        comparison.notes.extend(notes)
    comparison.placebos.extend(corrected_placebos(rows))


def _add_panel(comparison: Comparison, panel: Panel, rules: Iterable[Rule], asked: Collection[str]) -> None:
    """Add the rows and the notes of one panel. rules: all tag rules. asked: arms that are asked for by name."""
    name, notes = f"{panel.task} by {panel.model}", comparison.notes
    tagged = {rule: tags for rule in rules if (tags := panel.tags(rule)) is not None and (tags >= 0).any()}
    by_name = {rule.name: tags for rule, tags in tagged.items()}
    default = by_name.get(comparison.tag_rule, np.full(len(panel.questions), -1))
    sides = {ALL: np.ones(len(default), dtype=bool), SYMBOLIC: default == 1, OTHER: default == 0}
    main = next((rule for rule in tagged if rule.name == comparison.tag_rule), None)
    whole = of_drawn.sides_of(panel, main)
    if comparison.tag_rule not in by_name:
        nothing = f"the tag rule {comparison.tag_rule} says nothing of these questions"
        notes.append(f"{name}: {nothing}, so they are on neither side.")
    notes += [
        f"{name}: the manifest of {cell.run.folder.name} doesn't say whether {cell.mode} answers in words, "
        "so the rules that look at responses leave it out."
        for cell in panel.cells.values()
        if not cell.facts.answers_in
    ]
    comparison.agreements.extend(agreements(panel, {rule.name: tags for rule, tags in tagged.items() if rule.symbols}))
    for cell in panel.cells.values():
        comparison.facts.setdefault(cell.mode, cell.facts)
        modes = [mode_stats(panel, cell, tag, mask) for tag, mask in sides.items()]
        if panel.drawn is not None:
            modes = [of_drawn.of_mode(row, panel, cell, whole[row.tag]) for row in modes]
        comparison.modes.extend(modes)
        comparison.outcomes.append(count_outcomes(panel, cell))
    comparison.plans.extend(plan_rows(panel))
    bases = [panel.cell(baseline) for baseline in comparison.baselines]
    wanted = {*asked, *(base.mode for base in bases if base is not None)}
    for number, (baseline, base) in enumerate(zip(comparison.baselines, bases, strict=True), 1):
        if not panel.cells:  # nothing but arms that measure
            continue
        if base is None and _is_ahead(panel, baseline):
            notes.append(f"{name}: no records under '{baseline}' yet, so there is nothing to compare with so far.")
            continue
        if base is None:
            gives = f"the same command with --mode {baseline} gives them, and both runs are reported together."
            if all(cell.imported is not None for cell in panel.cells.values()):  # no command asks a log for more
                gives = f"--baseline {next(iter(panel.cells))} compares with an arm that is there."
            notes.append(f"{name}: no records under '{baseline}', so there is nothing to compare with: {gives}")
            continue
        for cell in panel.cells.values():
            if _is_apart(cell, base) and cell.mode not in wanted:
                notes.append(
                    f"{name}: answers under {cell.mode} are the likeliest options rather than generated, so they are "
                    f"in no difference with those that are; --baseline {cell.mode} compares them all the same."
                )
            elif number == 1 and has_own_baseline(panel, cell, base) and not _is_named(panel, base, asked):
                continue  # it is compared below with an arm that was shown the same passages
            # Against a second baseline, what the first has been compared with isn't shown the other way round.
            elif all(cell is not earlier for earlier in bases[:number]):
                _add_pair(comparison, panel, cell, base, sides, tagged)
        notes += _reasons_anyway(panel, base, {caution.key for caution in comparison.cautions})
    for cell in panel.cells.values():  # an arm may have one of its own to be compared with
        own = panel.cell(cell.facts.against) if cell.facts.against else None
        if own is not None and own is not cell and all(own is not base for base in bases):
            _add_pair(comparison, panel, cell, own, sides, tagged)
    comparison.cautions.extend(_silent(panel))
    if panel.repeats:
        here = [delta for delta in comparison.deltas if (delta.model, delta.task) == (panel.model, panel.task)]
        comparison.noises.extend(noise_of(panel, sides))
        comparison.repeated.extend(repeated_deltas(panel, here, sides))


def _is_named(panel: Panel, cell: Cell, names: Iterable[str]) -> bool:
    """Whether an arm is asked for by name."""
    return any(panel.cell(name) is cell for name in names)


def _is_apart(cell: Cell, base: Cell) -> bool:
    """Whether an arm's answers are the likeliest options, and those of its baseline are generated."""
    likeliest = [is_likeliest(side.mode, lambda _, side=side: side.facts) for side in (cell, base)]  # type: ignore[misc]
    return likeliest == [True, False]


def _add_pair(
    comparison: Comparison,
    panel: Panel,
    cell: Cell,
    base: Cell,
    sides: Mapping[str, Array],
    tagged: Mapping[Rule, Array],
) -> None:
    """Add what a mode changes against a baseline. sides, tagged: questions by side of the tag, and tags by rule."""
    effect = comparison.effect
    deltas = [delta_of(panel, cell, base, tag, mask, effect) for tag, mask in sides.items()]
    if panel.drawn is not None:
        _add_drawn_pair(comparison, panel, cell, base, deltas, tagged)
        return
    comparison.deltas.extend(deltas)
    comparison.cautions.extend(_unearned(panel, cell, base, deltas[0]))
    groups = panel.groups.items()
    comparison.groups.extend(delta_of(panel, cell, base, ALL, mask, effect, group=group) for group, mask in groups)
    comparison.splits.extend(
        split_of(panel, cell, base, rule, tags, default=rule.name == comparison.tag_rule)
        for rule, tags in tagged.items()
    )
    before = {r.name: tags for r, tags in tagged.items() if r.timing == "pre-treatment" and r.symbols}
    if not cell.facts.placebo:  # nobody would choose one
        comparison.policies.extend(policies_of(panel, cell, base, before))
    if alone := int((cell.asked ^ base.asked).sum()):
        comparison.notes.append(
            f"{panel.task} by {panel.model}: {alone} questions have a record under only one of {base.mode} and "
            f"{cell.mode}; pairs leave them out."
        )


def _add_drawn_pair(
    comparison: Comparison, panel: Panel, cell: Cell, base: Cell, deltas: Sequence[Delta], tagged: Mapping[Rule, Array]
) -> None:
    """Add what a mode changes against a baseline in a drawn run. deltas: on all questions, and on the sides."""
    main = next((rule for rule in tagged if rule.name == comparison.tag_rule), None)
    whole = of_drawn.sides_of(panel, main)
    comparison.deltas.extend(of_drawn.of_delta(row, panel, cell, base, whole[row.tag]) for row in deltas)
    comparison.cautions.extend(_unearned(panel, cell, base, deltas[0]))
    for group, mask in panel.groups.items():
        row = delta_of(panel, cell, base, ALL, mask, comparison.effect, group=group)
        comparison.groups.append(of_drawn.of_delta(row, panel, cell, base, of_drawn.group_of(panel, group)))
    for rule, tags in tagged.items():
        split = split_of(panel, cell, base, rule, tags, default=rule.name == comparison.tag_rule)
        comparison.splits.append(of_drawn.of_split(split, panel, cell, base, rule))
    if base is of_drawn.baseline_of(panel):
        stopped, looks = of_drawn.stopped_of(panel, cell, base)
        comparison.stopped.append(stopped)
        comparison.looks.extend(looks)


# --- many tests ---------------------------------------------------------------------------------------------------

_FAMILIES = {
    "all": "comparisons with {} on all questions of a task",
    "arms": "comparisons with {} on one side of the tag",
    "differences": "differences in differences against {} under the default rule",
    "repeated": "comparisons with {} over repeats, on all questions of a task",
    "repeated_arms": "comparisons with {} over repeats, on one side of the tag",
}


def _corrected(comparison: Comparison) -> Comparison:
    """Return the comparison with p corrected for many tests, and with the families of tests in words."""
    drawn = {(row.model, row.task): row.tests for row in comparison.stopped}

    def family(row: Delta) -> tuple[str, str] | None:
        return None if (row.model, row.task) in drawn else ("all" if row.tag == ALL else "arms", row.baseline)

    deltas, sizes = by_family(comparison.deltas, family)
    groups, of_groups = by_family(
        comparison.groups, lambda row: row.key if (row.model, row.task) not in drawn else None
    )
    deltas = of_drawn.corrected(deltas, comparison.stopped)
    splits, of_splits = by_family(comparison.splits, lambda r: ("differences", r.baseline) if r.default else None)
    repeated, of_repeats = by_family(
        comparison.repeated, lambda row: ("repeated" if row.tag == ALL else "repeated_arms", row.baseline)
    )
    families = in_words(sizes | of_splits | of_repeats, _FAMILIES)
    if of_groups:
        most = max(of_groups.values())
        families["groups"] = f"the (at most {most}) subjects or types of one task, for one pair of modes"
    deltas, groups = (judged(rows, comparison.remarks) for rows in (deltas, groups))
    deltas, groups = (of_drawn.secondary(rows, comparison.stopped) for rows in (deltas, groups))
    families |= of_drawn.families(comparison.stopped)
    repeated = judged(repeated, comparison.remarks)
    return replace(comparison, deltas=deltas, groups=groups, splits=splits, repeated=repeated, families=families)


def _is_ahead(panel: Panel, arm: str) -> bool:
    """Whether a run that isn't finished is yet to ask an arm."""
    runs = [cell.run for cell in panel.cells.values() if not cell.run.finished]
    pairs = [(task, mode) for run in runs for task, mode in run.manifest.spec.pairs]
    return any(task == panel.task and arm in (mode, base_of(mode)) for task, mode in pairs)


# --- notes --------------------------------------------------------------------------------------------------------


def _state_notes(run: Run) -> list[str]:
    """Return what a run lacks: it isn't finished, or requests of it failed."""
    name, notes = run.folder.name, []
    if not run.finished:
        of, state = run.manifest.totals.get("of"), state_of(run.folder, run.manifest)
        total = f"{of:,}" if of else "?"
        if state == "running":
            said = f"is going on: so far {len(run.records):,} of {total} answers, and the first ones aren't a sample"
            notes.append(f"{name} {said}. Report it again when it is finished.")
        else:
            limit = run.manifest.stopped.limit if run.manifest.stopped is not None else ""
            with_more, more = (" with a larger limit", f" {limit} N") if limit else ("", "")
            notes.append(
                f"{name} is not finished ({limit or state}): {len(run.records):,} of {total} answers so far. "
                f"Go on{with_more}: cotbench run --resume {run.folder}{more}"
            )
    if not run.manifest.spec.contained:
        notes.append(f"{name}: model-written code was run without containment (--allow-unsandboxed-code).")
    notes += [f"{name}: {warning}." for warning in run.manifest.engine.get("warnings", ())]
    notes += _import_notes(run)
    if failed := int((run.columns["ending"] == OUTCOMES.index(Outcome.ENGINE_ERROR)).sum()):
        again = "`cotbench run --resume` asks for them again"
        notes.append(f"{name}: {failed} requests failed and are in no denominator; {again}.")
    return notes


def _import_notes(run: Run) -> list[str]:
    """Return what must be known of the logs that a run was imported from."""
    imported, name = run.manifest.imported, run.folder.name
    if imported is None:
        return []
    notes = [f"{name}: {note.removesuffix('.')}." for note in imported.notes]
    if imported.broken:
        first = "; ".join(place.removesuffix(".") for place in imported.broken[:SHOWN])
        notes.append(f"{name}: {len(imported.broken):,} broken lines were passed over: {first}.")
    for arm, log in imported.arms.items():
        notes += [f"{name}, {arm}: {note.removesuffix('.')}." for note in log.notes]
        for some, what in ((log.only_here, "stand in this log only"), (log.lacks, "of others aren't in this log")):
            if some is not None and some.count:
                first = ", ".join(some.first) + (" ..." if some.count > len(some.first) else "")
                told = f" ({first})" if first else ""
                notes.append(f"{name}, {arm}: {some.count:,} questions {what}{told}; pairs leave them out.")
    return notes


def _without_feature(panels: Sequence[Panel], rules: Iterable[Rule]) -> list[str]:
    """Note which of the user's own rules look at a feature that no question has."""
    there = {name for panel in panels for question in panel.questions for name in question.features}
    known = f"they have: {', '.join(sorted(there))}" if there else "they have none"
    return [
        f"The tag rule {rule.name} says nothing: no question has the feature '{rule.feature}'; {known}."
        for rule in rules
        if rule.feature and rule.feature not in there
    ]


def _unsaid(comparison: Comparison, panel: Panel) -> list[Unsaid]:
    """Return what the lint of a panel's arms finds, but for what the headline says: that a model can't be kept from
    thinking."""
    stuck = {c.of for c in comparison.cautions if c.kind == "stuck" and (c.model, c.task) == (panel.model, panel.task)}
    return lint(_arms_of(panel), model=panel.model, task=panel.task, known=stuck)


def _arms_of(panel: Panel) -> list[Asked]:
    """Return what was asked under each mode of a panel."""
    return [
        Asked(
            arm=cell.mode,
            facts=cell.facts,
            row=cell.run.manifest.spec_row["modes"][f"{panel.task}/{cell.mode}"],
            run=of_run(cell.run.manifest),
            shown=cell.run.manifest.shown.get(f"{panel.task}/{cell.mode}", {}),
            where=cell.run.folder.name,
            logs=_logs_of(cell, panel.task),
        )
        for cell in panel.cells.values()
    ]


def _logs_of(cell: Cell, task: str) -> dict[str, Any] | None:
    """What the log of an imported arm says of it beside sampling; None of an arm that was asked here."""
    imported = cell.run.manifest.imported
    log = imported.arm(task, cell.mode) if imported is not None else None
    if log is None:
        return None
    return {**log.told, **({"version": log.version} if log.version else {})}


MOST = 0.5
_CUT, _REFUSED = OUTCOMES.index(Outcome.TRUNCATED), OUTCOMES.index(Outcome.REFUSED)
_UNREAD = [OUTCOMES.index(Outcome.UNPARSED), _CUT, _REFUSED]


def _unearned(panel: Panel, cell: Cell, base: Cell, delta: Delta) -> list[Caution]:
    """Caution where most answers of a mode were cut, refused or unread, or most of a difference comes from such ones.

    An answer that was read right before the cut is none of them, nor is a vote of which a path was cut, nor one whose
    program or plan failed: to write one that runs is what those modes are about.
    """
    both = cell.decided & base.decided
    if not both.any():
        return []
    out = []
    for side, other, sign in ((base, cell, 1), (cell, base, -1)):
        unread = np.isin(side.endings, _UNREAD)
        voted = side.having("voted").any()
        was_cut = (side.endings == _CUT) | (cut_of(side) & (unread if voted else ~side.right))
        lost = was_cut | unread
        share, cut = float(lost[both].mean()), float(was_cut[both].mean())
        part = float((lost & other.right & ~side.right)[both].mean())  # of the difference, from these answers
        if share < MOST and not 0 < MOST * sign * (delta.delta.value or 0.0) <= part:
            continue
        refused = float(((side.endings == _REFUSED) & ~was_cut)[both].mean())
        kind = "budget" if cut >= share / 2 else "refusal" if refused >= share / 2 else "reading"
        more = f" (--max-tokens {budget_of(side.mode, side.facts)}=N gives more)" if kind == "budget" else ""
        ways = {
            "were cut at their budget": cut > 0,
            "were refused": refused > 0,
            "could not be read": not math.isclose(share, cut + refused, abs_tol=1e-9),
        }
        ended = " or ".join(way for way, happened in ways.items() if happened)
        text = f"{100 * share:.0f}% of the answers under {side.mode} {ended}{more}"
        out.append(Caution(**names_of(panel, cell, base), kind=kind, of=side.mode, share=share, text=text))
    return out


def _silent(panel: Panel) -> list[Caution]:
    """Caution where no output of a mode has a visible text: a server dropped it, say."""
    out = []
    for cell in panel.cells.values():
        # A refusal has no text as a rule, and is told as what it is.
        silent = cell.asked & ~np.isin(cell.endings, [OUTCOMES.index(Outcome.ENGINE_ERROR), _REFUSED])
        says, known, seen = cell.run.journal.says, 0, False
        for row in () if cell.run.journal.empty else cell.parts(Sent, silent):
            found = says("visible", row.keys)
            known += found is not None
            if seen := bool(found):
                break
        if not known or seen:
            continue
        thinking = cell.run.manifest.spec.mode(panel.task, cell.mode).thinking
        although = ", although the model was asked not to think" if thinking is False else ""
        reasoned = sum(bool(says("reasoned", row.keys)) for row in cell.parts(Sent, silent))
        others = "there is no reasoning text beside them either"
        if reasoned:
            others = f"{reasoned:,} of them have a reasoning text beside, and an answer can stand only there"
        text = f"all {known:,} visible texts under {cell.mode} are empty{although}; {others}. "
        names = {**names_of(panel, cell, cell), "baseline": ""}
        out.append(
            Caution(**names, kind="silent", of=cell.mode, share=1.0, text=text + "Look at what the server sends.")
        )
    return out


def _reasons_anyway(panel: Panel, base: Cell, cautioned: Collection[tuple[str, ...]]) -> list[str]:
    """Note where a direct arm reasons anyway, so that it isn't direct: its answers are half as long as a mode's.

    cautioned: keys of the differences that are of budget or reading: there, reasoning that is cut makes an effect where
    it would hide one.
    """
    short = Spread.of(base.tokens("completion")[base.decided]).mean
    notes = []
    for cell in panel.cells.values():
        longer = Spread.of(cell.tokens("completion")[cell.decided]).mean
        if cell is not base and short and longer and short > 40 and short > longer / 2:
            key = (panel.model, panel.task, cell.mode, base.mode)
            effect = "which, cut or unread, makes an effect" if key in cautioned else "which hides an effect"
            notes.append(
                f"{panel.task} by {panel.model}: answers under {base.mode} take {short:.0f} tokens, under {cell.mode} "
                f"{longer:.0f}: the model may reason under {base.mode} too, {effect}."
            )
    return notes
