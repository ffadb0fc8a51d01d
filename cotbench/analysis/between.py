"""Model against model, question by question: whose gain is larger, and who is right more often under an arm.

The gain of a model is what an arm changes against its baseline. Of two models, on the questions that all four cells
decided, one's gain less the other's is a whole number in -2..2 on each question; it has the score interval and the
sign-flip test of `bounded.py`, or where questions are clustered those of `stats.mean`. Under one arm each, the one's
lead over the other is a paired difference like any other.

Only what is one arm for both models is compared: a direct answer that was begun for one and asked for in words from the
other would put that into the difference of the models. What else was asked otherwise stands in the row.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from cotbench.analysis import bounded, stats
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Interval, Paired
from cotbench.analysis.flat import columns
from cotbench.analysis.lint import Asked, asked_otherwise, of_run
from cotbench.analysis.pairing import Cell, Panel
from cotbench.analysis.stats import Array, Design
from cotbench.analysis.verdicts import ALPHA, INCONCLUSIVE, NOT_ESTIMABLE
from cotbench.errors import UsageError, suggest
from cotbench.modes.arms import base_of
from cotbench.questions.tagging import Rule

OPTION = "--against"
EXAMPLE = 'As in --against "my-model:cot,other-model:direct".'
MOST = 4  # models of which each two are compared; of more, each is compared with the first


@dataclass(frozen=True, kw_only=True)
class _Between(Paired):
    """What all rows about two models hold; `Gain` says what each field is."""

    against: str
    tag: str
    n: int
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", se="se", p="p"))
    more: int
    less: int
    p_flips: float | None
    p_holm: float | None = None
    family: int | None = None
    clusters: int | None
    mde: float | None
    unlike: str
    verdict: str = ""
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Gain(_Between):
    """What an arm brings one model more than another, on the n questions that all four cells decided.

    model, against: the two models. mode, baseline: the arm, and what it is compared with, the same for both. tag: all,
    symbolic or non-symbolic under the default rule. gain, gain_against: of each model, the difference of its two arms
    in -1..1; difference: the first less the second, in -2..2, with its interval. more, less: questions on which the
    first model gains more, or less, than the other. p: by sign flips, exact; of clustered questions the t test's, and
    then p_flips is that of sign flips of whole clusters. p_holm: corrected over the `family` that
    `Comparison.families` names. unlike: in what the arms were asked otherwise of the one model than of the other.
    verdict: `more`, `less`, `no clear difference`, `inconclusive` or `not estimable`, by the rule of `verdicts.py`;
    why: the reason where that isn't plain.
    """

    gain: Interval = field(metadata=columns(value="gain", low="gain_low", high="gain_high"))
    gain_against: Interval = field(
        metadata=columns(value="gain_against", low="gain_against_low", high="gain_against_high")
    )


@dataclass(frozen=True, kw_only=True)
class Lead(_Between):
    """How far one model is ahead of another, on the n questions that both cells decided.

    model, against: the two models. mode: the arm of the first; baseline: that of the other, the same arm unless
    somebody asks for two. accuracy, accuracy_against: of each. difference: the first less the second, in -1..1, with
    its interval. more, less: questions that only the first, or only the other, gets right. p, p_holm, family, clusters,
    unlike, verdict, why: as of a Gain.
    """

    accuracy: float | None
    accuracy_against: float | None


@dataclass(frozen=True, kw_only=True)
class Against:
    """Two arms of two models, as somebody asks for them. text: as it was given."""

    text: str
    model: str
    mode: str
    other: str
    other_mode: str


# --- what is asked for --------------------------------------------------------------------------------------------


def parse_against(text: str, models: Sequence[str]) -> Against:
    """Read MODEL:ARM,MODEL:ARM. models: those of the report, as records have them. Raises UsageError."""
    for place in (at for at, char in enumerate(text) if char == ","):  # a model's name may hold a comma, or a colon
        one, two = (_side(part.strip(), models) for part in (text[:place], text[place + 1 :]))
        if one and two:
            (model, mode), (other, other_mode) = one, two
            if model == other:
                raise UsageError(
                    f"{OPTION} {text!r}: both arms are of {model}.", "To compare arms of one model, use --baseline."
                )
            return Against(text=text, model=model, mode=mode, other=other, other_mode=other_mode)
    for part in text.split(","):
        if ":" in part and not _side(part.strip(), models):
            name = part.rpartition(":")[0].strip()
            known = f"It has: {', '.join(models)}."
            raise UsageError(
                f"{OPTION} {text!r}: this report has no model '{name}'. {known}", suggest(name, models, EXAMPLE)
            )
    raise UsageError(f"{OPTION} {text!r}: expected MODEL:ARM,MODEL:ARM.", EXAMPLE)


def _side(part: str, models: Sequence[str]) -> tuple[str, str] | None:
    """Return the model and the arm that a side names, None where it names no model of these. Whole names go first."""
    short = {model: model.rstrip("/").rsplit("/", 1)[-1] for model in models}
    for names in ({model: model for model in models}, short):
        fitting = [
            model
            for model in models
            if part.startswith(f"{names[model]}:") and list(names.values()).count(names[model]) == 1
        ]
        if fitting:
            model = max(fitting, key=lambda one: len(names[one]))
            arm = part[len(names[model]) + 1 :].strip()
            return (model, arm) if arm else None
    return None


# --- what is compared ---------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class Models:
    """What there is to say of models against one another."""

    gains: list[Gain] = field(default_factory=list)
    leads: list[Lead] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    families: dict[str, str] = field(default_factory=dict)


def between(panels: Sequence[Panel], pairs: Sequence[Paired], rule: Rule | None, against: Sequence[str] = ()) -> Models:
    """Compare the models of some panels with one another.

    pairs: the differences of each model's arms. rule: the default tag rule, where it is known. against: two arms of
    two models each, as the option has them. Raises UsageError where these aren't there.
    """
    found = Models()
    models = list(dict.fromkeys(panel.model for panel in panels))
    asked = [parse_against(text, models) for text in against]
    if len(models) < 2:
        return found
    chosen = list(itertools.combinations(models, 2)) if len(models) <= MOST else [(models[0], m) for m in models[1:]]
    if len(models) > MOST:
        found.notes.append(
            f"Of {len(models)} models each is compared with the first, {models[0]}, and not with the others; {OPTION} "
            "compares any two, and a report of two of them does."
        )
    by_task: dict[str, dict[str, Panel]] = {}
    for panel in panels:
        by_task.setdefault(panel.task, {})[panel.model] = panel
    held: set[str] = set()
    for task, of in by_task.items():
        for first, second in itertools.combinations([model for model in models if model in of], 2):
            wanted = (first, second) in chosen or any({one.model, one.other} == {first, second} for one in asked)
            if not wanted or not _pairable(of[first], of[second], found):
                continue
            both = _Both(of[first], of[second], rule, found.notes)
            if (first, second) in chosen:
                found.gains += _gains(both, pairs, found.notes)
                arms = [name for name in both.first.cells if name in both.second.cells]
                found.leads += [lead for arm in arms for lead in _leads(both, arm, arm)]
            for one in asked:
                if {one.model, one.other} == {first, second}:
                    flipped = one.model == second
                    seen = both if not flipped else _Both(of[second], of[first], rule, [])
                    cells = seen.first.cell(one.mode), seen.second.cell(one.other_mode)
                    if cells[0] is not None and cells[1] is not None:
                        held.add(one.text)
                        names = cells[0].mode, cells[1].mode
                        known = not flipped and names[0] == names[1] and (first, second) in chosen
                        found.leads += [] if known else _leads(seen, *names)
        _same_rule(rule, task, of, found.notes)
    for one in asked:
        if one.text not in held:
            raise _not_there(one, by_task)
    found.gains, sizes = _corrected(found.gains, lambda row: ("gains", row.tag == ALL, row.baseline))
    found.leads, of_leads = _corrected(found.leads, lambda row: ("leads", row.tag == ALL))
    told: dict[str, list[str]] = {}
    for (kind, whole, *_), size in (sizes | of_leads).items():
        told.setdefault(f"{kind}{'' if whole else ' on sides'}", []).append(_FAMILIES[kind, whole].format(size))
    found.families = {kind: " and apart from them ".join(words) for kind, words in told.items()}
    found.notes = list(dict.fromkeys(found.notes))
    return found


_FAMILIES = {
    ("gains", True): "the {} differences of two models' gains on all questions of a task",
    ("gains", False): "the {} differences of two models' gains on one side of the tag",
    ("leads", True): "the {} differences of two models' accuracies on all questions of a task",
    ("leads", False): "the {} differences of two models' accuracies on one side of the tag",
}


def _pairable(first: Panel, second: Panel, found: Models) -> bool:
    """Whether two models were asked the same: the same task, data and exemplars; if not, note why not."""
    one, other = (_shared_by_all(next(iter(panel.cells.values())), first.task) for panel in (first, second))
    unlike = [name for name in one if one[name] != other[name]]
    if unlike:
        told = "; ".join(f"{name}: {one[name]} and {other[name]}" for name in unlike)
        found.notes.append(f"{first.task}: {first.model} and {second.model} aren't compared, because of {told}.")
    elif not set(first.places) & set(second.places):
        found.notes.append(f"{first.task}: {first.model} and {second.model} aren't compared: they share no question.")
        return False
    return not unlike


def _shared_by_all(cell: Cell, task: str) -> dict[str, Any]:
    """Return what all cells of a panel share and two models must, too."""
    spec = cell.run.manifest.spec
    return {
        "task file": spec.tasks[task].file,
        "data": spec.tasks[task].data,
        "exemplars (--num-fewshot)": spec.num_fewshot,
        "exemplars' source (--exemplars)": spec.exemplars,
    }


def _same_rule(rule: Rule | None, task: str, of: Mapping[str, Panel], notes: list[str]) -> None:
    if rule is not None and rule.timing != "pre-treatment" and len(of) > 1:
        notes.append(
            f"{task}: the tag rule {rule.name} looks at responses, which differ from model to model, so models are "
            "compared with one another on all questions only."
        )


class _Both:
    """Two panels of one task, on the questions that both hold, in the first one's order."""

    def __init__(self, first: Panel, second: Panel, rule: Rule | None, notes: list[str]) -> None:
        self.first, self.second = first, second
        there = [(at, second.places[q.id]) for at, q in enumerate(first.questions) if q.id in second.places]
        self.places = tuple(np.array(column, dtype=int) for column in zip(*there, strict=True))
        missing = [len(panel.questions) - len(there) for panel in (first, second)]
        if any(missing):
            notes.append(
                f"{first.task}: {first.model} and {second.model} share {len(there):,} questions; {missing[0]:,} of the "
                f"one and {missing[1]:,} of the other stand alone and are left out where the two are compared."
            )
        tags = first.tags(rule) if rule is not None and rule.timing == "pre-treatment" else None
        self.sides = {ALL: np.ones(len(there), dtype=bool)}
        if tags is not None and (tags >= 0).any():
            mine = tags[self.places[0]]
            self.sides |= {SYMBOLIC: mine == 1, OTHER: mine == 0}
        self._whole = first.design(self.places[0])

    def design(self, mask: Array) -> Design:
        """Return what estimates over a mask have to know of how its questions were drawn."""
        clusters, strata = self._whole["clusters"], self._whole["strata"]
        return {
            "clusters": None if clusters is None else clusters[mask],
            "strata": None if strata is None else strata[mask],
        }

    def of(self, which: int, cell: Cell) -> tuple[Array, Array]:
        """Return which questions a cell of one of the two panels decided, and which are right there."""
        return cell.decided[self.places[which]], cell.right[self.places[which]].astype(float)

    def named(self, mode: str, baseline: str) -> dict[str, Any]:
        names = {"model": self.first.model, "against": self.second.model, "task": self.first.task}
        return {**names, "mode": mode, "baseline": baseline}


def _gains(both: _Both, pairs: Sequence[Paired], notes: list[str]) -> Iterator[Gain]:
    """Yield the rows of each pair of arms that both models have; note those that aren't the same arms."""
    task = both.first.task
    own = [
        list(dict.fromkeys((d.mode, d.baseline) for d in pairs if (d.model, d.task) == (panel.model, task)))
        for panel in (both.first, both.second)
    ]
    for pair in own[0]:
        if pair in own[1]:
            yield from _gain(both, *pair)
            continue
        modes = tuple(map(base_of, pair))
        like = [other for other in own[1] if other not in own[0] and tuple(map(base_of, other)) == modes]
        notes += [_not_one_arm(both, pair, other) for other in like]


def _not_one_arm(both: _Both, pair: tuple[str, str], other: tuple[str, str]) -> str:
    """Say why the gains of two models aren't compared."""
    apart = [(one, two) for one, two in zip(pair, other, strict=True) if one != two]
    told = " and ".join(f"{both.first.model} was asked {one}, and {both.second.model} {two}" for one, two in apart)
    return (
        f"{both.first.task}: what {base_of(pair[0])} brings {both.first.model} isn't compared with what it brings "
        f"{both.second.model}: {told}, which isn't one arm, so the difference could be that of the arms. Run both "
        f"models with one of them (--mode {apart[0][1]}, say)."
    )


def _gain(both: _Both, mode: str, baseline: str) -> Iterator[Gain]:
    cells = [(panel.cells[mode], panel.cells[baseline]) for panel in (both.first, both.second)]
    decided, changes = np.ones(len(both.places[0]), dtype=bool), []
    for which, (cell, base) in enumerate(cells):
        after, before = both.of(which, cell), both.of(which, base)
        decided &= after[0] & before[0]
        changes.append(after[1] - before[1])
    unlike = _unlike(both, [(cells[0][0], cells[1][0]), (cells[0][1], cells[1][1])])
    for tag, side in both.sides.items():
        mask = decided & side
        design = both.design(mask)
        one, other = (change[mask] for change in changes)
        apart = one - other
        row: dict[str, Any] = {"gain": Interval(), "gain_against": Interval(), "mde": None, "p_flips": None}
        difference = Interval()
        if mask.any():
            row |= {"gain": Interval.of(stats.paired(one, **design))}
            row |= {"gain_against": Interval.of(stats.paired(other, **design))}
            difference = Interval.of(bounded.estimate(apart, **design))
            row |= {"p_flips": bounded.flips(apart, design["clusters"])}
            row |= {"mde": stats.detectable(difference.se) if difference.se else None}
        yield Gain(
            **both.named(mode, baseline),
            **row,
            tag=tag,
            n=int(mask.sum()),
            difference=difference,
            more=int((apart > 0).sum()),
            less=int((apart < 0).sum()),
            clusters=_count(design) if mask.any() else None,
            unlike=unlike,
        )


def _count(design: Design) -> int | None:
    return None if design["clusters"] is None else len(np.unique(design["clusters"]))


def _leads(both: _Both, mode: str, other_mode: str) -> Iterator[Lead]:
    cells = both.first.cells[mode], both.second.cells[other_mode]
    (decided, right), (other_decided, other_right) = both.of(0, cells[0]), both.of(1, cells[1])
    unlike = _unlike(both, [cells]) if mode == other_mode else ""
    for tag, side in both.sides.items():
        mask = decided & other_decided & side
        design = both.design(mask)
        apart = right[mask] - other_right[mask]
        there = bool(mask.any())
        difference = Interval.of(bounded.estimate(apart, **design, bound=1)) if there else Interval()
        yield Lead(
            **both.named(mode, other_mode),
            tag=tag,
            n=int(mask.sum()),
            accuracy=float(right[mask].mean()) if there else None,
            accuracy_against=float(other_right[mask].mean()) if there else None,
            difference=difference,
            more=int((apart > 0).sum()),
            less=int((apart < 0).sum()),
            p_flips=bounded.flips(apart, design["clusters"]) if there else None,
            clusters=_count(design) if there else None,
            mde=stats.detectable(difference.se) if difference.se else None,
            unlike=unlike,
        )


def _unlike(both: _Both, arms: Sequence[tuple[Cell, Cell]]) -> str:
    """Say in what arms were asked otherwise of the one model than of the other."""
    told: dict[str, list[str]] = {}  # arms by what they were asked otherwise
    for pair in arms:
        one, other = (asked_of(both.first.task, cell) for cell in pair)
        for aspect, mine, theirs in asked_otherwise(one, other):
            same = f"{mine}, and {theirs}" if mine != theirs else "not the same"
            told.setdefault(f"{aspect} ({same})", []).append(pair[0].mode)
    return "; ".join(what if len(of) == len(arms) else f"{what} of {', '.join(of)}" for what, of in told.items())


def asked_of(task: str, cell: Cell) -> Asked:
    """Return what was asked under a cell, from its run's manifest."""
    manifest = cell.run.manifest
    return Asked(
        arm=cell.mode,
        facts=cell.facts,
        row=manifest.spec_row["modes"][f"{task}/{cell.mode}"],
        run=of_run(manifest),
        shown=manifest.shown.get(f"{task}/{cell.mode}", {}),
        where=cell.run.folder.name,
    )


def _not_there(one: Against, by_task: Mapping[str, Mapping[str, Panel]]) -> UsageError:
    shared = [task for task, of in by_task.items() if one.model in of and one.other in of]
    if not shared:
        return UsageError(f"{OPTION} {one.text!r}: the two models share no task, or were asked different questions.")
    for model, mode in ((one.model, one.mode), (one.other, one.other_mode)):
        arms = list(dict.fromkeys(arm for task in shared for arm in by_task[task][model].cells))
        if not any(by_task[task][model].cell(mode) for task in shared):
            found = f"{OPTION} {one.text!r}: {model} has no arm '{mode}', or several may be meant. "
            return UsageError(f"{found}It has: {', '.join(arms)}.", suggest(mode, arms, EXAMPLE))
    return UsageError(f"{OPTION} {one.text!r}: there is no task on which both arms were asked the same questions.")


# --- many tests ---------------------------------------------------------------------------------------------------

Row = TypeVar("Row", Gain, Lead)


def _corrected(rows: Sequence[Row], family: Callable[[Row], Any]) -> tuple[list[Row], dict[Any, int]]:
    """Return the rows with p corrected by Holm within their family, and the families' sizes."""
    members: dict[Any, list[int]] = {}
    for place, row in enumerate(rows):
        if row.difference.p is not None:
            members.setdefault(family(row), []).append(place)
    out = list(rows)
    for places in members.values():
        for place, by_holm in zip(places, stats.holm([rows[at].difference.p or 0.0 for at in places]), strict=True):
            out[place] = replace(rows[place], p_holm=by_holm, family=len(places))
    return [_judged(row) for row in out], {name: len(places) for name, places in members.items()}


MORE, LESS, NO_DIFFERENCE = "more", "less", "no clear difference"


def _judged(row: Row) -> Row:
    verdict, why = _verdict(row)
    return replace(row, verdict=verdict, why=why)


def _verdict(row: Gain | Lead) -> tuple[str, str]:
    """Return what a difference of two models is called, and why where that isn't plain."""
    low, high, p = row.difference.low, row.difference.high, row.difference.p
    if not row.n or low is None or high is None:
        return NOT_ESTIMABLE, "no questions" if not row.n else "no interval"
    apart = low > 0 or high < 0
    if apart != (p is not None and p < ALPHA):
        if p is None:
            return INCONCLUSIVE, "there is no test beside the interval"
        return INCONCLUSIVE, f"interval and {'exact test' if row.clusters is None else 'test'} disagree"
    if not apart:
        return NO_DIFFERENCE, ""
    if row.p_holm is not None and row.p_holm >= ALPHA:
        return INCONCLUSIVE, f"clear by itself, not as one of {row.family} comparisons"
    return (MORE if low > 0 else LESS), ""


def mirrored(row: Row) -> Row:
    """Return a row as it is seen from the other model."""
    turned = row.difference
    difference = replace(
        turned,
        value=_less(turned.value),
        low=_less(turned.high),
        high=_less(turned.low),
    )
    swapped: dict[str, Any] = {"model": row.against, "against": row.model, "more": row.less, "less": row.more}
    swapped["verdict"] = {MORE: LESS, LESS: MORE}.get(row.verdict, row.verdict)
    if isinstance(row, Gain):
        swapped |= {"gain": row.gain_against, "gain_against": row.gain}
    else:
        swapped |= {"accuracy": row.accuracy_against, "accuracy_against": row.accuracy}
        swapped |= {"mode": row.baseline, "baseline": row.mode}
    return replace(row, difference=difference, **swapped)


def _less(value: float | None) -> float | None:
    return None if value is None else -value
