"""Estimates for a user's own mix of questions: the parts that a report's questions fall into, weighed by their shares.

A part is a stratum: its questions stand for all of their kind, and their mean counts by the part's share (Cochran 1977,
chapter 5A). Accuracies and paired differences have the adjusted Wald intervals of Price and Bonett (2004, Computational
Statistics & Data Analysis 45:449) and of Bonett and Price (2012, Journal of Educational and Behavioral Statistics
37:479), which add a little to each part's counts; t intervals are too narrow with a few questions in a part, and score
intervals that are put together with many parts. Parts of fewer than FEW questions share a variance. Where questions are
clustered, the variance is multiplied by the design effect (Kish 1965) of the weighted mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy import special

from cotbench.analysis import stats
from cotbench.analysis.estimates import SYMBOLIC, Interval, Paired
from cotbench.analysis.flat import columns
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.policies import ORACLE
from cotbench.analysis.stats import Array, Clusters, Estimate
from cotbench.analysis.verdicts import ALPHA, HELPS, HIGHER, HURTS, INCONCLUSIVE, NO_EFFECT, NOT_ESTIMABLE, Remark
from cotbench.analysis.weights import Part, Weights, fitted
from cotbench.errors import UsageError
from cotbench.questions.tagging import Rule

ALL_TASKS = "all tasks"
FEW = 5  # questions; a part with fewer can't tell how far it varies


@dataclass(frozen=True, kw_only=True)
class WeightedMode:
    """How often a mode is right in a user's mix. task: or "all tasks", whose questions count by their part.

    n: questions that are weighed; plain: the accuracy on them without weights. tokens: completion tokens per question,
    weighted too, None where unknown. low, high, se: of the weighted accuracy.
    """

    model: str
    task: str
    mode: str
    n: int
    accuracy: Interval = field(metadata=columns(value="accuracy", low="low", high="high", se="se"))
    plain: float | None
    tokens: float | None


@dataclass(frozen=True, kw_only=True)
class WeightedDelta(Paired):
    """What a mode changes in a user's mix, on the questions that both modes answered. plain: without weights.

    verdict, why: as of a `Delta`. p: of the test that goes with the interval; p_holm: corrected over the `family` of
    all weighted differences with one baseline. token_ratio: of weighted completion tokens.
    """

    n: int
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    plain: float | None
    p_holm: float | None = None
    family: int | None = None
    token_ratio: float | None
    verdict: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class WeightedPolicy(Paired):
    """What a policy reaches in a user's mix; the columns are those of `Policy`.

    best: whether no policy is right more often, or as often with fewer tokens; the oracle, which includes luck, is none
    of them.
    """

    policy: str
    rule: str = ""
    n: int
    accuracy: float
    low: float
    high: float
    used: float
    tokens: float | None
    loss: float | None = None
    loss_low: float | None = None
    loss_high: float | None = None
    best: bool = False


@dataclass(kw_only=True)
class Weighted:
    """All that there is to say of a mix."""

    modes: list[WeightedMode] = field(default_factory=list)
    deltas: list[WeightedDelta] = field(default_factory=list)
    policies: list[WeightedPolicy] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def weighted(
    panels: Sequence[Panel],
    pairs: Sequence[Paired],
    weights: Weights,
    rules: Mapping[str, Rule],
    tag_rule: str,
    doubts: Sequence[Remark] = (),
) -> Weighted:
    """Estimate for a mix. pairs: the differences of the report. tag_rule: what calls a question symbolic, unless the
    mix names another rule. doubts: of which arms on which tasks it isn't said that they help. Raises UsageError where
    the mix asks for what isn't there."""
    groups: dict[str, set[str]] = {}
    for panel in panels:
        groups.setdefault(panel.task, set()).update(panel.groups)
    mix = fitted(weights, groups)
    name = mix.rule or tag_rule
    if name not in rules:
        raise UsageError(f"{mix.path}: rule: there is no tag rule '{name}'. Known: {', '.join(rules)}.")
    found = Weighted(parts=[replace(part, rule=name if part.side else "") for part in mix.parts])
    if mix.scaled:
        total = sum(part.given for part in mix.parts)
        shown = ", ".join(f"{part.part} {100 * part.share:.4g}%" for part in mix.parts)
        found.notes.append(f"{mix.name}: the shares sum to {total:g} and were scaled: {shown}.")
    by_model: dict[str, list[Panel]] = {}
    for panel in panels:
        by_model.setdefault(panel.model, []).append(panel)
    for model, own in by_model.items():
        _of_model(found, mix, model, own, pairs, rules, name)
    found.deltas = [_doubted(row, doubts) for row in _corrected(found.deltas)]
    found.notes = list(dict.fromkeys(found.notes))
    return found


def _of_model(
    found: Weighted,
    mix: Weights,
    model: str,
    panels: Sequence[Panel],
    pairs: Sequence[Paired],
    rules: Mapping[str, Rule],
    rule: str,
) -> None:
    tasks = {part.task for part in mix.parts if part.share and part.task}
    there = [panel.task for panel in panels]
    if missing := sorted(tasks - set(there)):
        found.notes.append(f"{mix.name}: {model} has no run of {', '.join(missing)}, so nothing of it is weighted.")
        return
    used = [panel for panel in panels if not tasks or panel.task in tasks]
    whole = [used] if len(used) > 1 or tasks else []
    for number, some in enumerate([*whole, *([[panel] for panel in used] if not tasks else [])]):
        pool = _Pool(some, mix, rules, rule)
        if empty := [part for part, n in zip(mix.parts, pool.counts, strict=True) if part.share and not n]:
            named = ", ".join(part.part for part in empty)
            if whole and number:  # all tasks together have such questions
                found.notes.append(
                    f"{mix.name}: {pool.name} by {model} has no questions that are {named}, so it has no weighted rows."
                )
                continue
            raise UsageError(
                _no_questions(mix, pool, model, empty[0], rule), "Give it the share 0, or add runs that have it."
            )
        if left := int((pool.part < 0).sum()):
            where = f"{mix.name}: {pool.name} by {model}"
            of = f"{left:,} of {len(pool.part):,} questions"
            found.notes.append(f"{where}: {of} are in no part of the mix and count for nothing in weighted figures.")
        _add(found, pool, model, pairs)


def _no_questions(mix: Weights, pool: _Pool, model: str, part: Part, rule: str) -> str:
    expected = ", ".join(f"{one.part} {n:,}" for one, n in zip(mix.parts, pool.counts, strict=True))
    by = f" under the tag rule {rule}" if part.side else ""
    found = f"{mix.path}: {part.part} has the share {part.given:g} and no questions{by} in {pool.name} by {model}."
    return f"{found} Questions by part: {expected}."


class _Pool:
    """The questions of one or more panels of a model, each with the part of the mix that it is in, or -1."""

    def __init__(self, panels: Sequence[Panel], mix: Weights, rules: Mapping[str, Rule], rule: str) -> None:
        self.panels, self.mix = panels, mix
        self.name = panels[0].task if len(panels) == 1 else ALL_TASKS
        self.part = np.concatenate([self._parts(panel, rules[rule]) for panel in panels])
        self.counts = [int((self.part == place).sum()) for place in range(len(mix.parts))]
        self.shares = np.array([part.share for part in mix.parts])
        self.weighed = np.isin(self.part, np.flatnonzero(self.shares))
        self.tags = {
            own.name: np.concatenate([_or_none(panel.tags(own), len(panel.questions)) for panel in panels])
            for own in rules.values()
            if own.timing == "pre-treatment"
        }
        self.clusters = self._clusters()

    def _parts(self, panel: Panel, rule: Rule) -> Array:
        tags = _or_none(panel.tags(rule), len(panel.questions))
        out = np.full(len(panel.questions), -1)
        for place, part in enumerate(self.mix.parts):
            if part.task in ("", panel.task):
                inside = np.ones(len(out), dtype=bool)
                if part.side:
                    inside = tags == (part.side == SYMBOLIC)
                if part.group:
                    inside = panel.groups.get(part.group, np.zeros(len(out), dtype=bool))
                out[inside] = place
        return out

    def _clusters(self) -> Clusters:
        """Number clusters through all panels; a question of a task without clusters is one of its own."""
        if all(panel.clusters is None for panel in self.panels):
            return None
        codes, first = [], 0
        for panel in self.panels:
            own = np.arange(len(panel.questions)) if panel.clusters is None else panel.clusters
            codes.append(own + first)
            first += int(own.max(initial=-1)) + 1
        return np.concatenate(codes)

    def modes(self) -> list[str]:
        """The arms that all panels have."""
        return [mode for mode in self.panels[0].cells if all(mode in panel.cells for panel in self.panels)]

    def of(self, mode: str, figure: str) -> Array:
        """A cell's array over all questions: decided, right or tokens."""

        def array(cell: Cell) -> Array:
            return cell.tokens("completion") if figure == "tokens" else np.asarray(getattr(cell, figure))

        return np.concatenate([array(panel.cells[mode]) for panel in self.panels])

    def complete(self, mask: Array) -> bool:
        """Whether each part with a share has questions in a mask."""
        return all((self.part[mask] == place).any() for place in np.flatnonzero(self.shares))

    def mean(self, values: Array, mask: Array) -> float | None:
        """The weighted mean of values of a mask; None where one is unknown."""
        if np.isnan(values[mask]).any():
            return None
        part = self.part[mask]
        return float(sum(self.shares[at] * values[mask][part == at].mean() for at in np.flatnonzero(self.shares)))

    def estimate(self, values: Array, mask: Array, *, paired: bool) -> Estimate:
        """The weighted mean of truth values, or of paired differences, with its interval."""
        clusters = None if self.clusters is None else self.clusters[mask]
        return estimate(values[mask].astype(float), self.part[mask], self.shares, clusters, paired=paired)


def _or_none(tags: Array | None, count: int) -> Array:
    return np.full(count, -1) if tags is None else tags


def _add(found: Weighted, pool: _Pool, model: str, pairs: Sequence[Paired]) -> None:
    modes = pool.modes()
    for mode in modes:
        mask = pool.of(mode, "decided") & pool.weighed
        right = pool.of(mode, "right")
        known = pool.estimate(right, mask, paired=False) if pool.complete(mask) else None
        found.modes.append(
            WeightedMode(
                model=model,
                task=pool.name,
                mode=mode,
                n=int(mask.sum()),
                accuracy=Interval.of(known),
                plain=float(right[mask].mean()) if mask.any() else None,
                tokens=pool.mean(pool.of(mode, "tokens"), mask) if known else None,
            )
        )
    tasks = {panel.task for panel in pool.panels}
    own = [pair for pair in pairs if pair.model == model and pair.task in tasks]
    for mode, baseline in dict.fromkeys((pair.mode, pair.baseline) for pair in own):
        if mode in modes and baseline in modes:
            _add_pair(found, pool, {"model": model, "task": pool.name, "mode": mode, "baseline": baseline})


def _add_pair(found: Weighted, pool: _Pool, names: dict[str, Any]) -> None:
    mode, baseline = names["mode"], names["baseline"]
    mask = pool.of(mode, "decided") & pool.of(baseline, "decided") & pool.weighed
    right, before = pool.of(mode, "right"), pool.of(baseline, "right")
    dear, cheap = pool.of(mode, "tokens"), pool.of(baseline, "tokens")
    change = right.astype(float) - before
    known = pool.estimate(change, mask, paired=True) if pool.complete(mask) else None
    spent = [pool.mean(tokens, mask) if known else None for tokens in (dear, cheap)]
    found.deltas.append(
        WeightedDelta(
            **names,
            n=int(mask.sum()),
            delta=Interval.of(known),
            plain=float(change[mask].mean()) if mask.any() else None,
            token_ratio=spent[0] / spent[1] if spent[0] and spent[1] else None,
        )
    )
    if known is None:
        return
    nothing = np.zeros(len(right), dtype=bool)
    choices = [
        (f"always {baseline}", "", nothing),
        (f"always {mode}", "", ~nothing),
        *((f"{mode} where symbolic", rule, tags == 1) for rule, tags in pool.tags.items() if (tags >= 0).any()),
        (ORACLE, "", (right & ~before) | ((right == before) & (dear < cheap))),
    ]
    rows = []
    for policy, rule, chosen in choices:
        got = np.where(chosen, right, before)
        accuracy = pool.estimate(got, mask, paired=False)
        lost = None if policy == f"always {mode}" else pool.estimate(right.astype(float) - got, mask, paired=True)
        row: dict[str, Any] = {} if lost is None else {"loss": lost.value, "loss_low": lost.low, "loss_high": lost.high}
        rows.append(
            WeightedPolicy(
                **names,
                policy=policy,
                rule=rule,
                n=int(mask.sum()),
                accuracy=accuracy.value,
                low=accuracy.low,
                high=accuracy.high,
                used=pool.mean(chosen.astype(float), mask) or 0.0,
                tokens=pool.mean(np.where(chosen, dear, cheap), mask),
                **row,
            )
        )
    honest = [row for row in rows if row.policy != ORACLE]
    best = max(honest, key=lambda row: (round(row.accuracy, 12), -math.inf if row.tokens is None else -row.tokens))
    found.policies.extend(replace(row, best=row is best) for row in rows)


def _corrected(rows: Sequence[WeightedDelta]) -> list[WeightedDelta]:
    """Return the differences with p corrected by Holm over those with one baseline, and with their verdicts."""
    out = list(rows)
    for baseline in dict.fromkeys(row.baseline for row in rows):
        places = [at for at, row in enumerate(rows) if row.baseline == baseline and row.delta.p is not None]
        for at, by_holm in zip(places, stats.holm([rows[at].delta.p or 0.0 for at in places]), strict=True):
            out[at] = replace(rows[at], p_holm=by_holm, family=len(places))
    return [replace(row, verdict=verdict, why=why) for row in out for verdict, why in [_verdict(row)]]


def _doubted(row: WeightedDelta, doubts: Sequence[Remark]) -> WeightedDelta:
    """Return a row that isn't called help where a doubt on one of its tasks says so."""
    for one in doubts if row.verdict == HELPS else ():
        model, task, *pair = one.key
        if (model, *pair) == (row.model, row.mode, row.baseline) and row.task in (task, ALL_TASKS):
            return replace(row, verdict=HIGHER, why=one.text)
    return row


def _verdict(row: WeightedDelta) -> tuple[str, str]:
    low, high = row.delta.low, row.delta.high
    if low is None or high is None or row.delta.p is None:
        return NOT_ESTIMABLE, "no interval" if row.n else "no questions"
    if not (low > 0 or high < 0):
        return NO_EFFECT, ""
    if row.p_holm is not None and row.p_holm >= ALPHA:
        return INCONCLUSIVE, f"clear by itself, not as one of {row.family} comparisons"
    return (HELPS if low > 0 else HURTS), ""


# --- the numbers --------------------------------------------------------------------------------------------------


def estimate(values: Array, parts: Array, shares: Array, clusters: Clusters = None, *, paired: bool) -> Estimate:
    """Return the mean of values by part, weighed by the parts' shares, with its interval and test.

    values: 0 and 1, or -1, 0 and 1 where they are paired differences. parts: the place in `shares` of each value; each
    part with a share has at least one. The interval and p of a difference are of one test, so they never disagree.
    """
    places = np.flatnonzero(shares)
    weights = shares[places] / shares[places].sum()
    sizes, up, down = (
        np.array([float(mask[parts == at].sum()) for at in places])
        for mask in (np.ones(len(values)), values > 0, values < 0)
    )
    value = float(weights @ ((up - down) / sizes))
    added = len(places)
    if paired:  # Bonett and Price: one more of each, over all parts
        more, less, count = up + 1 / added, down + 1 / added, sizes + 2 / added
        means = (more - less) / count
        each = (more + less) / count - means**2
    else:  # Price and Bonett: two more right ones and two more wrong ones, over all parts
        count = sizes + 4 / added
        means = (up + 2 / added) / count
        each = means * (1 - means)
    few = sizes < FEW
    if few.any():  # collapsed strata: how parts differ is taken for chance, so the variance can only be too large
        mean, square = (float(count[few] @ of[few] / count[few].sum()) for of in (means, each + means**2))
        each = np.where(few, square - mean**2, each)
    centre = float(weights @ means)
    variance = float(np.square(weights) @ (each / np.maximum(count - 1, 1)))
    df, number = math.inf, None
    if clusters is not None:
        effect, df, number = _design_effect(values, parts, places, weights, sizes, clusters)
        variance *= effect
    lowest = -1.0 if paired else 0.0
    if math.isnan(variance):
        return Estimate(value=value, low=lowest, high=1.0, clusters=number)
    se = math.sqrt(variance)
    t = float(special.stdtrit(df, (1 + stats.CONFIDENCE) / 2)) if math.isfinite(df) else float(special.ndtri(0.975))
    tail = special.stdtr(df, -abs(centre) / se) if math.isfinite(df) else special.ndtr(-abs(centre) / se)
    low, high = max(lowest, min(value, centre - t * se)), min(1.0, max(value, centre + t * se))
    return Estimate(
        value=value, low=low, high=high, se=se, df=df if math.isfinite(df) else None, p=2 * float(tail), clusters=number
    )


def _design_effect(
    values: Array, parts: Array, places: Array, weights: Array, sizes: Array, clusters: Array
) -> tuple[float, float, int]:
    """Return by how much clusters make the variance larger, at least 1, with degrees of freedom and their number.

    By linearisation: of the weighted mean, each question has the influence of its residual within its part.
    """
    residuals = np.zeros(len(values))
    for at, weight, size in zip(places, weights, sizes, strict=True):
        inside = parts == at
        residuals[inside] = weight / size * len(values) * (values[inside] - values[inside].mean())
    together = stats.mean(residuals, clusters)
    number = len(np.unique(clusters))
    if together.se is None or together.df is None:
        return math.nan, 0.0, number
    alone = float(residuals @ residuals) / len(values) ** 2
    return (max(1.0, together.se**2 / alone) if alone else 1.0), together.df, number
