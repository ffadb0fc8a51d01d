"""A report at a glance: a row for each model, task and arm; terminal, page and summary.md open with it.

No arithmetic: each number is one of report.json's: of `modes`, `deltas` and `splits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, Interval, ModeStats, Split
from cotbench.analysis.repeats import in_words
from cotbench.modes.arms import base_of
from cotbench.report import words
from cotbench.report.columns import Column, Table
from cotbench.report.repeats import FIRST
from cotbench.report.words import difference, percent, points, times, tokens_of

# Said where it is so: otherwise a difference would be one of what could be read, too.
SAME_PASSAGES = "An arm that shows passages is compared with the baseline that shows the same ones."
RULES = ("eq_question", "subject")  # beside the main rule: the paper's sign, and what a task is about


@dataclass(frozen=True, kw_only=True)
class Glance:
    """An arm on a task by a model.

    label: the arm's short name, where no other arm of the task has it. n: questions with a verdict. baseline: what the
    difference is against, "" for a baseline itself. splits: of the difference, by the tag rule's name. tokens: mean
    completion tokens of a question; token_ratio: over the baseline's. repeats: over which repeats accuracy, difference
    and its sides under the main rule are, in words; "" where over one.
    """

    model: str
    task: str
    mode: str
    label: str
    n: int
    accuracy: Interval
    unread: float | None
    tokens: float | None
    baseline: str = ""
    delta: Delta | None = None
    splits: dict[str, Split]
    repeats: str = ""

    @property
    def difference(self) -> Interval:
        return self.delta.delta if self.delta is not None else Interval()

    @property
    def verdict(self) -> str:
        """What the difference is called: `analysis/verdicts.py`; "" where there is none."""
        return self.delta.verdict if self.delta is not None else ""

    @property
    def token_ratio(self) -> float | None:
        return self.delta.token_ratio if self.delta is not None else None

    def side(self, rule: str, symbolic: bool) -> Interval:
        """Return the difference on a side of a tag rule."""
        split = self.splits.get(rule)
        if split is None:
            return Interval()
        return split.symbolic if symbolic else split.other

    def count(self, rule: str, symbolic: bool) -> int:
        """Return how many questions are on a side of a tag rule."""
        split = self.splits.get(rule)
        if split is None:
            return 0
        return split.n_symbolic if symbolic else split.n_other

    def whole(self, rule: str, symbolic: bool) -> bool:
        """Whether all tagged questions of the task are on this side of a rule."""
        split = self.splits.get(rule)
        if split is None:
            return False
        own, other = (split.n_symbolic, split.n_other)[:: 1 if symbolic else -1]
        return own > 0 and not other


def glance(comparison: Comparison) -> list[Glance]:
    """Return the rows: of each model and task its baseline first, then the other arms in their order."""
    deltas: dict[tuple[str, str, str], Delta] = {}
    for delta in comparison.headline:
        if delta.tag == ALL:
            deltas.setdefault((delta.model, delta.task, delta.mode), delta)
    splits: dict[tuple[str, str, str, str], dict[str, Split]] = {}
    for split in comparison.splits:
        splits.setdefault(split.key, {})[split.rule] = split
    noises = {(row.model, row.task, row.mode): row for row in comparison.noises if row.default and row.tag == ALL}
    panels: dict[tuple[str, str], list[ModeStats]] = {}
    for row in comparison.modes:
        if row.tag == ALL:
            panels.setdefault((row.model, row.task), []).append(row)
    out = []
    for rows in panels.values():
        names = labels([row.mode for row in rows])
        found = [(row, deltas.get((row.model, row.task, row.mode))) for row in rows]
        found.sort(key=lambda pair: pair[1] is not None or pair[0].mode not in comparison.baselines)
        out += [
            Glance(
                model=row.model,
                task=row.task,
                mode=row.mode,
                label=names[row.mode],
                n=row.n if noise is None else noise.n,
                accuracy=row.accuracy if noise is None else noise.accuracy,
                unread=row.unread,
                tokens=row.completion.mean,
                baseline=delta.baseline if delta is not None else "",
                delta=delta,
                splits={} if delta is None else _over_repeats(comparison, splits.get(delta.key, {}), delta.key),
                repeats="" if noise is None else in_words(noise.replicates, noise.wordings),
            )
            for row, delta in found
            for noise in [noises.get((row.model, row.task, row.mode))]
        ]
    return out


def _over_repeats(comparison: Comparison, splits: dict[str, Split], key: tuple[str, str, str, str]) -> dict[str, Split]:
    """Return the splits of a difference; where it is over repeats the main rule's over these, and no other one."""
    rows = {row.tag: row for row in comparison.repeated if row.key == key}
    if not rows or not rows[ALL].n:
        return splits
    sides = (rows[SYMBOLIC], rows[OTHER])
    return {
        rule: replace(
            split,
            n_symbolic=sides[0].n,
            n_other=sides[1].n,
            symbolic=sides[0].delta,
            other=sides[1].delta,
            difference=Interval(),
            share=Interval(),
        )
        for rule, split in splits.items()
        if rule == comparison.tag_rule
    }


_HOW = frozenset({"answer=begun", "answer=asked"})  # settled by the engine, and said elsewhere


def labels(arms: Sequence[str]) -> dict[str, str]:
    """Return what arms are called beside each other: a mode's only arm by the mode alone, others without how the answer
    alone is had where all of them have it so."""
    bases = [base_of(arm) for arm in arms]
    short = {arm: "@".join(part for part in arm.split("@") if part not in _HOW) for arm in arms}
    plain = list(short.values())
    named = {arm: name if plain.count(name) == 1 else arm for arm, name in short.items()}
    return {arm: base if bases.count(base) == 1 else named[arm] for arm, base in zip(arms, bases, strict=True)}


def shown_rules(comparison: Comparison) -> list[str]:
    """Return the tag rules whose split stands in the main table: the main one first; those that tag nothing on either
    side of any task are left out."""
    split = {row.rule for row in comparison.splits if row.n_symbolic and (row.n_other or row.rule == "subject")}
    wanted = dict.fromkeys([comparison.tag_rule, *RULES])
    return [rule for rule in wanted if rule in split or rule == comparison.tag_rule]


def at_a_glance(comparison: Comparison) -> Table[Glance]:
    """The main table: each arm of each task."""
    rules = shown_rules(comparison)
    sides = [
        (
            words.side_label(comparison, tag, rule),
            lambda r, rule=rule, first=first: "all" if r.whole(rule, first) else points(r.side(rule, first).value),
        )
        for rule in rules
        for tag, first in (("symbolic", True), ("non-symbolic", False))
    ]
    looks = "; ".join(f"{info.symbolic}: {info.about}" for info in comparison.rules if info.name in rules)
    rows = glance(comparison)
    several: list[Column[Glance]] = (
        [("over", lambda r: r.repeats or words.DASH)] if any(row.repeats for row in rows) else []
    )
    apart = any(row.baseline and row.baseline not in comparison.baselines for row in rows)
    return Table(
        title="At a glance",
        rows=rows,
        names=[
            ("model", lambda r: words.short_model(r.model)),
            ("task", lambda r: r.task),
            ("arm", lambda r: r.mode),
        ],
        figures=[
            ("n", lambda r: words.count(r.n)),
            *several,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("difference", lambda r: difference(r.difference)),
            ("verdict", lambda r: r.verdict or words.DASH),
            *sides,
            ("tokens", lambda r: tokens_of(r.tokens, r.n)),
            ("times", lambda r: times(r.token_ratio)),
            ("unread %", lambda r: percent(r.unread)),
        ],
        about="difference: paired, in points, against the task's first arm, with its 95% interval; beside it on each "
        f"side of the tag rules ({looks}). tokens: mean completion tokens of a question; times: over the baseline's. "
        "unread: no answer could be read (counted as not right)."
        + (f" {SAME_PASSAGES}" if apart else "")
        + (f" over: the repeats that right %, difference, verdict and sides are over. {FIRST}" if several else ""),
    )
