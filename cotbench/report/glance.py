"""A report at a glance: a row for each model, task and arm; terminal, page and summary.md open with it.

No arithmetic: each number is one of report.json's: of `modes`, `deltas` and `splits`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cotbench.analysis.compare import Comparison
from cotbench.analysis.estimates import ALL, Delta, Interval, ModeStats, Split
from cotbench.modes.arms import base_of
from cotbench.report import words
from cotbench.report.columns import Table
from cotbench.report.words import difference, percent, points, times, tokens_of

# Said where it is so: otherwise a difference would be one of what could be read, too.
SAME_PASSAGES = "An arm that shows passages is compared with the baseline that shows the same ones."
RULES = ("eq_question", "subject")  # beside the main rule: the paper's sign, and what a task is about


@dataclass(frozen=True, kw_only=True)
class Glance:
    """An arm on a task by a model.

    label: the arm's short name, where no other arm of the task has it. n: questions with a verdict. baseline: what the
    difference is against, "" for a baseline itself. splits: of the difference, by the tag rule's name. tokens: mean
    completion tokens of a question; token_ratio: over the baseline's.
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
    for delta in comparison.deltas:
        if delta.tag == ALL:
            deltas.setdefault((delta.model, delta.task, delta.mode), delta)
    splits: dict[tuple[str, str, str, str], dict[str, Split]] = {}
    for split in comparison.splits:
        splits.setdefault(split.key, {})[split.rule] = split
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
                n=row.n,
                accuracy=row.accuracy,
                unread=row.unread,
                tokens=row.completion.mean,
                baseline=delta.baseline if delta is not None else "",
                delta=delta,
                splits=splits.get(delta.key, {}) if delta is not None else {},
            )
            for row, delta in found
        ]
    return out


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
        "unread: no answer could be read (counted as not right)." + (f" {SAME_PASSAGES}" if apart else ""),
    )
