"""Differences over several tasks, by question and with tasks as units: over all, families of them, and sides of tags.

By question, all questions of these tasks count alike: what is meant is these tasks, and other questions of theirs. With
tasks as units each task counts alike: what is meant is tasks like these. Both are put together from the tasks' own rows
(`Delta`, `Split`), so whatever is a task's own error goes on into them. `meta.py` says how.

Families are the math and symbolic tasks, and the rest, as in Figure 3 of "To CoT or not to CoT?" (Sprague et al. 2024,
arXiv:2409.12183). Which a task is in is known (`is_symbolic_task`)

    from the user        where symbolic tasks are named, all others are the rest
    from a suite         whose tasks the report is by: the categories that it calls symbolic, where it calls any so
    from `subject`       the tag rule: symbolic where it calls more than half of the task's questions so (MMLU isn't)
    from the questions   of a task that the rule doesn't know: symbolic where more than half of its golds are numbers or
                         formulas, or, of a task with options, of its questions under the rule `operators`

Sides of a tag are those of all tasks' questions under one rule, whether a task has questions of both kinds or of one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from cotbench.analysis import meta, stats
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, Interval, Split
from cotbench.analysis.flat import columns
from cotbench.analysis.meta import LEAST, Meta, Part
from cotbench.analysis.pairing import Panel
from cotbench.analysis.verdicts import HELPS, HIGHER, HURTS, LOWER, TOKENS, Remark, verdict_of
from cotbench.answers.reading import canonical_number
from cotbench.questions.golds import is_formula
from cotbench.questions.tagging import RULES
from cotbench.types import Question

DIFFERENCE = "difference"
QUESTION, TASK = "question", "task"
FEW = f"fewer than {LEAST} tasks"
_NEAR_ZERO = "the total is too near zero for a share to mean anything"


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """A mode against a baseline over several tasks of a model. Differences in -1..1, of two of them in -2..2.

    rule: "" where families of tasks are pooled, else the tag rule whose sides are, over all tasks' questions.
    side: all, symbolic, non-symbolic (of tasks or questions), or difference: symbolic less non-symbolic.
    unit: question: all n questions of these tasks count alike, for these tasks. task: all k tasks count alike, for
    tasks like these, with nothing below three of them (of a difference, in either family). tasks: their names;
    left_out: of those, tasks whose error isn't known, which are none of the k.
    delta: with MOVER's interval, or the modified one of Hartung and Knapp on k - 1 degrees of freedom; its p agrees
    with it. p_holm: corrected over the `family` of rows that are about the same side by the same unit.
    predicted: where the difference on one more task like these would lie. tau2: the variance between tasks by Paule
    and Mandel, and i2 what part of the variance of the tasks' differences it is. weighted: the mean by inverse variance
    with tau2; reml: the same with tau2_reml, the variance of the largest restricted likelihood.
    share: on a row of a difference by question, the symbolic side's share of the whole gain.
    unclear: why there is no estimate, or no interval of the share. verdict, why: as of `Delta`;
    of a difference, `higher` or `lower` is the symbolic side.
    """

    model: str
    mode: str
    baseline: str
    rule: str
    side: str
    unit: str
    tasks: list[str]
    k: int
    n: int
    helped: int | None = None
    hurt: int | None = None
    delta: Interval = field(metadata=columns(value="delta", low="low", high="high", se="se", p="p"))
    p_holm: float | None = None
    family: int | None = None
    predicted: Interval = field(default=Interval(), metadata=columns(low="predicted_low", high="predicted_high"))
    tau2: float | None = None
    i2: float | None = None
    weighted: Interval = field(
        default=Interval(), metadata=columns(value="weighted", low="weighted_low", high="weighted_high")
    )
    tau2_reml: float | None = None
    reml: Interval = field(default=Interval(), metadata=columns(value="reml", low="reml_low", high="reml_high"))
    share: Interval = field(default=Interval(), metadata=columns(value="share", low="share_low", high="share_high"))
    unclear: str = ""
    left_out: list[str] = field(default_factory=list)
    verdict: str = ""
    why: str = ""

    @property
    def pair(self) -> tuple[str, str, str]:
        """Which comparison a row is about: model, mode and baseline."""
        return self.model, self.mode, self.baseline

    @property
    def uncorrected_p(self) -> float | None:
        """The p to correct."""
        return self.delta.p

    @property
    def p_clustered(self) -> float | None:
        """The p of the test that belongs to the interval, which is the only one."""
        return self.delta.p


# --- all rows -----------------------------------------------------------------------------------------------------


def pooled_of(
    deltas: Iterable[Delta],
    splits: Iterable[Split],
    panels: Sequence[Panel],
    cautions: Sequence[Remark] = (),
    symbolic_tasks: Collection[str] = (),
    known: Mapping[str, bool] | None = None,
) -> tuple[list[Pooled], list[str]]:
    """Return the rows of all models and pairs of modes that are in two tasks or more, and notes on what isn't in them.

    symbolic_tasks: those that a user calls symbolic; all others are not, then. known: whether a task is symbolic, where
    a suite says so.
    """
    apart, notes = twice(panels)
    told = {} if symbolic_tasks else known or {}
    families = {(p.model, p.task): told.get(p.task, is_symbolic_task(p, symbolic_tasks)) for p in panels}
    by_pair = by_pair_of(deltas, apart)
    by_rule: dict[tuple[str, str, str], dict[str, list[Split]]] = {}
    for split in splits:
        if (split.model, split.task) not in apart:
            rules = by_rule.setdefault((split.model, split.mode, split.baseline), {})
            rules.setdefault(split.rule, []).append(split)
    rows: list[Pooled] = []
    for pair, found in by_pair.items():
        if len(found) > 1:
            rows += _of_tasks(pair, found, [families[pair[0], delta.task] for delta in found])
            rows += [row for rule, some in by_rule.get(pair, {}).items() for row in _of_sides(pair, rule, some)]
    return judged(corrected(rows, lambda row: (row.baseline, row.rule, row.side, row.unit)), cautions), notes


def by_pair_of(deltas: Iterable[Delta], apart: Collection[tuple[str, str]]) -> dict[tuple[str, str, str], list[Delta]]:
    """Return the differences on all questions of each task, by model, mode and baseline. apart: left out."""
    found: dict[tuple[str, str, str], list[Delta]] = {}
    for delta in deltas:
        if delta.tag == ALL and not delta.group and delta.n and (delta.model, delta.task) not in apart:
            found.setdefault((delta.model, delta.mode, delta.baseline), []).append(delta)
    return found


def is_symbolic_task(panel: Panel, named: Collection[str] = ()) -> bool:
    """Whether a task is one of the math and symbolic ones. named: those that a user says are all there are."""
    if named:
        return panel.task in named
    tags = panel.tags(RULES["subject"])
    if tags is not None and (tags >= 0).any():
        return bool(tags[tags >= 0].mean() > 0.5)
    if not any(question.choices for question in panel.questions):
        # Of a text, an entity or yes or no, a task isn't symbolic because it has no options.
        first = [gold.partition("\n")[0] for gold in panel.golds]
        return sum(canonical_number(gold) is not None or is_formula(gold) for gold in first) > len(first) / 2
    operators = panel.tags(RULES["operators"])
    return operators is not None and bool((operators == 1).mean() > 0.5)


def twice(panels: Sequence[Panel]) -> tuple[set[tuple[str, str]], list[str]]:
    """Return the tasks, by model, most of whose questions stand in a larger task too, and what to say of them.

    A selection of a task (MATH-500 of MATH) says nothing that the task doesn't: it would count twice. So would the same
    questions from another hand (AQuA-RAT, and AGIEval's copy of it), where spaces, cases and labels may differ.
    """
    apart: set[tuple[str, str]] = set()
    notes = []
    for model in dict.fromkeys(panel.model for panel in panels):
        own = sorted((panel for panel in panels if panel.model == model), key=lambda panel: -len(panel.questions))
        asked = [{_alike(question) for question in panel.questions} for panel in own] if len(own) > 1 else []
        for place, panel in enumerate(own[1:], 1):
            for larger in range(place):
                shared = len(asked[place] & asked[larger])
                if (model, own[larger].task) not in apart and 2 * shared > len(asked[place]):
                    apart.add((model, panel.task))
                    notes.append(
                        f"{panel.task} by {model}: {shared:,} of its {len(asked[place]):,} questions stand in "
                        f"{own[larger].task} too, so it is in no figure over tasks."
                    )
                    break
    return apart, notes


_LABEL = re.compile(r"\(?[a-z][).:]")  # of an option, as (A), A) or A.


def _alike(question: Question) -> tuple[str, ...]:
    """Return what a question says, without what copies of it differ in: spaces, cases, labels of options, a "Q:"."""
    text, *options = ("".join(part.split()).casefold() for part in (question.text, *question.choices))
    return text.removeprefix("question:").removeprefix("q:"), *(
        _LABEL.sub("", one, count=1) if _LABEL.match(one) else one for one in options
    )


# --- tasks and families of them -----------------------------------------------------------------------------------


def _of_tasks(pair: tuple[str, str, str], found: Sequence[Delta], symbolic: Sequence[bool]) -> Iterator[Pooled]:
    """Yield the rows of all tasks, and where there are two families those of each, and of how they differ."""
    families = [
        [delta for delta, is_one in zip(found, symbolic, strict=True) if is_one == wanted] for wanted in (True, False)
    ]
    sides: list[tuple[str, Sequence[Delta]]] = [(ALL, found)]
    if all(families):
        sides += zip((SYMBOLIC, OTHER), families, strict=True)
    for side, some in sides:
        for unit, fields in together(some).items():
            yield _row(pair, "", side, unit, some, **fields)
    if all(families):
        parts = [[_part(delta.delta, delta.n, delta.task) for delta in some] for some in families]
        yield _row(pair, "", DIFFERENCE, QUESTION, found, **_apart(parts, {}))
        means = [_mean_of(some) for some in families]
        given: dict[str, Any] = {"delta": Interval(), "unclear": f"{FEW} in a family"}
        if means[0] is not None and means[1] is not None:
            given = {"delta": Interval.of(meta.between_families(means[0], means[1], bound=2.0))}
        left_out = [delta.task for delta in found if _error(delta.delta) is None]
        yield _row(pair, "", DIFFERENCE, TASK, found, **given, left_out=left_out)


def together(some: Sequence[Delta]) -> dict[str, dict[str, Any]]:
    """Return the fields of the rows of what some tasks are together, by what counts alike."""
    n = sum(delta.n for delta in some)
    whole = meta.weighted([_part(delta.delta, delta.n / n, delta.task) for delta in some], bound=1.0)
    counts = {"helped": sum(delta.helped for delta in some), "hurt": sum(delta.hurt for delta in some)}
    return {QUESTION: {"delta": Interval.of(whole), **counts}, TASK: {**counts, **_units(some)}}


def _row(pair: tuple[str, str, str], rule: str, side: str, unit: str, of: Sequence[Delta], **given: Any) -> Pooled:
    names: dict[str, Any] = dict(zip(("model", "mode", "baseline"), pair, strict=True))
    tasks = [delta.task for delta in of]
    k, n = len(tasks) - len(given.get("left_out", ())), sum(delta.n for delta in of)
    return Pooled(**names, rule=rule, side=side, unit=unit, tasks=tasks, k=k, n=n, **given)


def _part(estimate: Interval, weight: float, task: str) -> Part:
    assert estimate.value is not None and estimate.low is not None and estimate.high is not None
    ends = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return Part(**ends, se=estimate.se, weight=weight, task=task)


def _error(estimate: Interval) -> float | None:
    """Return a task's standard error, None where it isn't known.

    Where all its differences are the same that says 0, which isn't so: then it is that of its score interval.
    """
    if estimate.se == 0 and estimate.low is not None and estimate.high is not None:
        return (estimate.high - estimate.low) / (2 * meta.Z) or None
    return estimate.se


def _mean_of(deltas: Sequence[Delta], **how: Any) -> Meta | None:
    known = [(delta.delta.value or 0.0, error) for delta in deltas if (error := _error(delta.delta)) is not None]
    return meta.over_tasks(*zip(*known, strict=True), bound=1.0, **how) if known else None


def _units(deltas: Sequence[Delta]) -> dict[str, Any]:
    """Return the fields of a row with tasks as units."""
    left_out = [delta.task for delta in deltas if _error(delta.delta) is None]
    mean = _mean_of(deltas)
    weighted, restricted = (_mean_of(deltas, equal=False, between=by) for by in (meta.paule_mandel, meta.reml))
    if mean is None or weighted is None or restricted is None:
        known = f"{FEW} whose error is known" if len(deltas) >= LEAST else FEW
        return {"delta": Interval(), "unclear": known, "left_out": left_out}
    return {
        "delta": Interval(value=mean.value, low=mean.low, high=mean.high, se=mean.se, p=mean.p),
        "predicted": Interval(low=mean.predicted_low, high=mean.predicted_high),
        "tau2": mean.tau2,
        "i2": mean.i2,
        "weighted": Interval(value=weighted.value, low=weighted.low, high=weighted.high),
        "tau2_reml": restricted.tau2,
        "reml": Interval(value=restricted.value, low=restricted.low, high=restricted.high),
        "left_out": left_out,
    }


def _apart(parts: Sequence[Sequence[Part]], correlations: Mapping[str, float]) -> dict[str, Any]:
    """Return the fields of a row of a difference by question. parts: of both sides, that weigh as many as questions."""
    sizes = [sum(part.weight for part in side) for side in parts]
    signed = [
        replace(part, weight=sign * part.weight / size)
        for side, size, sign in zip(parts, sizes, (1, -1), strict=True)
        for part in side
    ]
    between = Interval.of(meta.weighted(signed, correlations, bound=2.0))
    shared = meta.share(parts[0], parts[1], correlations)
    if shared is None or math.isinf(shared.low) or math.isinf(shared.high):
        value = Interval(value=shared.value if shared else None)
        return {"delta": between, "share": value, "unclear": _NEAR_ZERO}
    return {"delta": between, "share": Interval(value=shared.value, low=shared.low, high=shared.high)}


# --- sides of a tag -----------------------------------------------------------------------------------------------


def _of_sides(pair: tuple[str, str, str], rule: str, splits: Sequence[Split]) -> Iterator[Pooled]:
    """Yield the rows of both sides of a rule over all tasks' questions, and of how they differ."""
    parts: list[list[Part]] = [[], []]
    for split in splits:
        for own, estimate, n in (
            (parts[0], split.symbolic, split.n_symbolic),
            (parts[1], split.other, split.n_other),
        ):
            if n:
                own.append(_part(estimate, n, split.task))
    correlations = {split.task: r for split in splits if (r := _correlation(split))}
    names: dict[str, Any] = dict(zip(("model", "mode", "baseline"), pair, strict=True)) | {"rule": rule}
    for side, own in zip((SYMBOLIC, OTHER), parts, strict=True):
        n = sum(int(part.weight) for part in own)
        whole = meta.weighted([replace(part, weight=part.weight / n) for part in own], bound=1.0) if n else None
        yield Pooled(
            **names,
            side=side,
            unit=QUESTION,
            tasks=[part.task for part in own],
            k=len(own),
            n=n,
            delta=Interval.of(whole),
            unclear="" if n else "no questions",
        )
    tasks = [split.task for split in splits if split.n_symbolic or split.n_other]
    n = sum(split.n_symbolic + split.n_other for split in splits)
    given = _apart(parts, correlations) if all(parts) else {"delta": Interval(), "unclear": "one side is empty"}
    yield Pooled(**names, side=DIFFERENCE, unit=QUESTION, tasks=tasks, k=len(tasks), n=n, **given)


def _correlation(split: Split) -> float:
    """Return how far the two sides of a task err together, where questions of both share a cluster.

    It is what makes of both sides' errors that of their difference.
    """
    one, other, both = split.symbolic.se, split.other.se, split.difference.se
    if not one or not other or both is None:
        return 0.0
    return max(-1.0, min(1.0, (one**2 + other**2 - both**2) / (2 * one * other)))


# --- many tests, verdicts -----------------------------------------------------------------------------------------


Rows = TypeVar("Rows", bound=Pooled)


def corrected(rows: Sequence[Rows], family_of: Callable[[Rows], tuple[str, ...]]) -> list[Rows]:
    """Return the rows with p corrected over those of the same family."""
    members: dict[tuple[str, ...], list[int]] = {}
    for place, row in enumerate(rows):
        if row.delta.p is not None:
            members.setdefault(family_of(row), []).append(place)
    out = list(rows)
    for places in members.values():
        by_holm = stats.holm([rows[place].delta.p or 0.0 for place in places])
        for place, p in zip(places, by_holm, strict=True):
            out[place] = replace(rows[place], p_holm=p, family=len(places))
    return out


def judged(rows: Sequence[Rows], cautions: Sequence[Remark]) -> list[Rows]:
    """Return the rows with their verdicts. cautions: on single tasks, of which a row that has the task is in doubt."""
    out = []
    for row in rows:
        own = [one for one in cautions if (one.key[0], *one.key[2:]) == row.pair and one.key[1] in row.tasks]
        doubted = dict.fromkeys(f"{one.kind} on {one.key[1]}" for one in own if one.kind != TOKENS)
        unbeaten = list(dict.fromkeys(one.key[1] for one in own if one.kind == TOKENS))
        spends = f"it is not shown to beat a vote at equal tokens on {' and '.join(unbeaten)}" if unbeaten else ""
        verdict, why = verdict_of(row, [*doubted], spends)
        if row.side == DIFFERENCE:  # neither side helps or hurts the other
            verdict = {HELPS: HIGHER, HURTS: LOWER}.get(verdict, verdict)
        out.append(replace(row, verdict=verdict, why=row.unclear if row.delta.value is None else why))
    return out
