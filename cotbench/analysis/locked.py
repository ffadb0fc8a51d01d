"""What a run fixed before its first token (`--lock`), what came of it, and what was looked at after.

A contrast that is named before anybody has seen an answer needs no correction for the others that could have been
named; what is chosen later does. So a manifest holds the one contrast, the margin and the tag rule, with the time and a
hash, and the report says which of its figures were fixed and which weren't."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cotbench.analysis.estimates import ALL, Delta, Interval, Paired, Split
from cotbench.analysis.flat import columns
from cotbench.questions.tagging import RULES
from cotbench.store.manifest import Lock

if TYPE_CHECKING:
    from cotbench.analysis.compare import Comparison
    from cotbench.analysis.pairing import Panel, Run

SPLIT = "did"  # the figure that is about both arms of the tag


@dataclass(frozen=True, kw_only=True)
class Locked(Paired):
    """What one run fixed before its first token, and what came of it. Shares in 0..1, differences in -1..1.

    figure: "delta", or "did", the difference in differences. rule, version: of the tags. at: when; hash: over all of it
    and what the run's results depend on; intact: whether that still fits. n, difference: of the contrast; p isn't
    corrected, since no other contrast was fixed. after: what else this report looks at, in words."""

    run: str
    figure: str
    tag: str
    margin: float
    rule: str
    version: int
    at: str
    hash: str
    intact: bool
    n: int | None = None
    difference: Interval = field(metadata=columns(value="difference", low="low", high="high", p="p"))
    after: list[str]


def in_points(margin: float) -> str:
    """Put a margin in words."""
    return f"{100 * margin:g} point{'' if math.isclose(margin, 0.01) else 's'}"


def locked_of(comparison: Comparison, runs: Sequence[Run], panels: Sequence[Panel], margin: float) -> list[Locked]:
    """Return what the runs of a report fixed, with what came of it. margin: the report's."""
    out = []
    for run in runs:
        lock = run.manifest.lock
        if lock is None:
            continue
        homes = [panel for panel in panels if any(cell.run is run for cell in panel.cells.values())]
        models = [panel.model for panel in homes if panel.task == lock.task]
        key = (*models, run.manifest.spec.model.model)[0], lock.task, lock.mode, lock.baseline
        row = _row(comparison, lock, key)
        out.append(
            Locked(
                **dict(zip(("model", "task", "mode", "baseline"), key, strict=True)),
                run=run.manifest.run,
                figure=lock.figure,
                tag=lock.tag,
                margin=lock.margin,
                rule=lock.tag_rule,
                version=lock.tag_rule_version,
                at=lock.at,
                hash=lock.hash,
                intact=run.lock_fits,
                n=row.n if isinstance(row, Delta) else row.n_symbolic + row.n_other if row else None,
                difference=_estimate(row) if row else Interval(),
                after=_after(comparison, lock, key, margin),
            )
        )
    return out


def _row(comparison: Comparison, lock: Lock, key: tuple[str, ...]) -> Delta | Split | None:
    """Find the row of the contrast under the rule that was fixed; None where the report has none."""
    if lock.figure == SPLIT:
        wanted = (lock.tag_rule, lock.tag_rule_version)
        return next((one for one in comparison.splits if one.key == key and (one.rule, one.version) == wanted), None)
    if lock.tag != ALL and not _same_rule(comparison, lock):
        return None
    return next((one for one in comparison.deltas if one.key == key and one.tag == lock.tag), None)


def _same_rule(comparison: Comparison, lock: Lock) -> bool:
    """Whether the report's main tables are split by the rule that was fixed, in the version that it had."""
    now = {rule.name: rule.version for rule in comparison.rules}
    return bool(comparison.tag_rule == lock.tag_rule and now.get(lock.tag_rule) == lock.tag_rule_version)


def _estimate(row: Delta | Split) -> Interval:
    known = row.delta if isinstance(row, Delta) else row.difference
    return Interval(value=known.value, se=known.se, low=known.low, high=known.high, p=row.uncorrected_p)


def _after(comparison: Comparison, lock: Lock, key: tuple[str, ...], margin: float) -> list[str]:
    """Say what a report looks at that wasn't fixed before the first token."""
    fixed = (*key, lock.tag) if lock.figure != SPLIT else ()
    others = [one for one in comparison.deltas if (*one.key, one.tag) != fixed]
    whole = [f"{one.mode} against {one.baseline} on {one.task}" for one in others if one.tag == ALL]
    said = []
    if whole:
        more = f" and {len(whole) - FEW} more" if len(whole) > FEW else ""
        said.append(f"{', '.join(whole[:FEW])}{more}")
    of_rule = (key, lock.tag_rule) if lock.figure == SPLIT else ()
    splits = [one for one in comparison.splits if (one.key, one.rule) != of_rule]
    counted = {
        "differences within a tag": sum(one.tag != ALL and one.n > 0 for one in others),
        "differences by subject or type": sum(one.n > 0 for one in comparison.groups),
        "differences in differences": sum(one.difference.value is not None for one in splits),
        "effects of thinking and prompt": len(comparison.effects),
    }
    said += [f"{number:,} {what if number > 1 else _ONE[what]}" for what, number in counted.items() if number]
    if comparison.tag_rule != lock.tag_rule:
        said.append(f"the tag rule {comparison.tag_rule}, in place of {lock.tag_rule}")
    elif not _same_rule(comparison, lock):
        said.append(f"another version of the tag rule {lock.tag_rule}")
    if own := [rule.name for rule in comparison.rules if rule.name not in RULES]:
        said.append(f"tag rules of the report's own ({', '.join(own)})")
    if not math.isclose(margin, lock.margin):
        said.append(f"a margin of {in_points(margin)}, in place of {in_points(lock.margin)}")
    return said


FEW = 3  # differences that are named
_ONE = {
    "differences within a tag": "difference within a tag",
    "differences by subject or type": "difference by subject or type",
    "differences in differences": "difference in differences",
    "effects of thinking and prompt": "effect of thinking and prompt",
}
