"""Estimates in words and figures: one place for signs, digits and dashes, and the sentences that a report begins with."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.compare import Caution, Comparison
from cotbench.analysis.estimates import ALL, Delta, Split
from cotbench.analysis.stats import CONFIDENCE
from cotbench.modes import main_of

STUB_WARNING = "STUB, NOT A MODEL: these numbers come from the stub engine and mean nothing."
DASH = "–"
ALPHA = 1 - CONFIDENCE


def percent(value: float | None, digits: int = 1) -> str:
    # Adding 0.0 makes a rounded -0.0 plain.
    return DASH if value is None else f"{round(100 * value, digits) + 0.0:.{digits}f}"


def points(value: float | None) -> str:
    """A difference in percentage points, with its sign: +8.1, −0.4."""
    if value is None:
        return DASH
    return f"{100 * value:+.1f}".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def interval(low: float | None, high: float | None, *, signed: bool = False, digits: int = 1) -> str:
    if low is None or high is None:
        return DASH
    if signed:
        return f"{points(low)} to {points(high)}"
    return f"{percent(low, digits)} to {percent(high, digits)}".replace("-", "−")


def p_value(value: float | None) -> str:
    if value is None:
        return DASH
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def tokens(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f}x" if value >= 9.95 else f"{value:.1f}x"


def count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def short_model(model: str) -> str:
    return model.rstrip("/").rsplit("/", 1)[-1]


def mode_name(mode: str) -> str:
    """As it stands in a sentence."""
    return {"cot": "CoT", "pal": "PAL"}.get(mode, mode)


# --- sentences ----------------------------------------------------------------------------------------------------


def headlines(comparison: Comparison) -> list[str]:
    """The answer: a sentence for each model and pair of modes, over all tasks; and what else belongs beside it.

    A difference that comes from budgets, refusals or reading isn't called help or hurt; where there is none, what was cut, refused or not read is told
    by itself.
    """
    pairs = list(dict.fromkeys((d.model, d.mode, d.baseline) for d in comparison.deltas))
    splits = {(s.model, s.task, s.mode, s.baseline): s for s in comparison.splits if s.default}
    out = []
    for model, mode, baseline in pairs:
        rows = [
            d for d in comparison.deltas if (d.model, d.mode, d.baseline) == (model, mode, baseline) and d.tag == ALL
        ]
        found = [(d, splits.get((d.model, d.task, d.mode, d.baseline)), _cautions_of(comparison, d)) for d in rows]
        out.append(_sentence(model, mode, baseline, found, comparison.tag_rule))
    silent = [caution for caution in comparison.cautions if caution.kind == "silent"]
    return out + [f"{short_model(one.model)} on {one.task}: {one.text}" for one in silent]


def _cautions_of(comparison: Comparison, delta: Delta) -> list[Caution]:
    key = (delta.model, delta.task, delta.mode, delta.baseline)
    return [one for one in comparison.cautions if (one.model, one.task, one.mode, one.baseline) == key]


Row = tuple[Delta, Split | None, Sequence[Caution]]


def _sentence(model: str, mode: str, baseline: str, rows: Sequence[Row], rule: str) -> str:
    who = f"{mode_name(mode)}" if baseline == "direct" else f"{mode_name(mode)} (against {mode_name(baseline)})"
    parts: list[str] = []
    last = ""
    for delta, split, cautions in rows:
        verdict = _verdict(delta)
        if cautions and verdict in ("helps", "hurts"):
            verdict = "higher" if verdict == "helps" else "lower"
        where = f"on {delta.task} {_size(delta)}{_cost(delta, None if cautions else split, rule)}{_caution(delta, cautions)}"
        if verdict == last:
            parts.append(where)
        else:
            it, name = "it " if parts else f"{who} ", "" if parts else f"{short_model(model)} "
            opening = {
                "helps": f"{it}helps {name}",
                "hurts": f"{it}hurts {name}",
                "higher": f"{it}scores higher than {mode_name(baseline)}{f' for {name}' if name else ' '}",
                "lower": f"{it}scores lower than {mode_name(baseline)}{f' for {name}' if name else ' '}",
                "unclear": f"{it}has no clear effect {f'for {name}' if name else ''}",
                "none": f"{'it' if parts else f'{who} for {short_model(model)}'}: ",
            }[verdict]
            parts.append(opening + where)
        last = verdict
    return "; ".join(parts) + "."


def _caution(delta: Delta, cautions: Sequence[Caution]) -> str:
    if not cautions:
        return ""
    kinds = " and ".join(dict.fromkeys(one.kind for one in cautions))
    read = (
        f"on the {delta.read_n:,} read under both it is {points(delta.read_delta)} ({interval(delta.read_low, delta.read_high, signed=True)})"
        if delta.read_n
        else "none was read under both"
    )
    told = " and ".join(one.text for one in cautions)
    if _verdict(delta) in ("unclear", "none"):  # there is no difference to speak of
        return f", but {told}; {read}"
    return f", but this is a difference of {kinds} more than of reasoning: {told}; {read}"


def _verdict(delta: Delta) -> str:
    if delta.delta is None or delta.low is None or delta.high is None:
        return "none"
    p = delta.p_holm if delta.p_holm is not None else delta.p
    sure = p is not None and p < ALPHA  # both must say so: an interval over few clusters and an exact test may differ
    if delta.low > 0 and sure:
        return "helps"
    return "hurts" if delta.high < 0 and sure else "unclear"


def _size(delta: Delta) -> str:
    if delta.delta is None:
        return "(n = 0, not estimable)"
    inside = f"{interval(delta.low, delta.high, signed=True)}; n = {delta.n:,}"
    if _verdict(delta) == "unclear":
        p = delta.p_holm if delta.p_holm is not None else delta.p
        against = delta.low is not None and delta.high is not None and (delta.low > 0 or delta.high < 0)
        return f"({points(delta.delta)} points, {inside}{f'; corrected p {p_value(p)}' if against else ''})"
    return f"by {abs(100 * delta.delta):.1f} points ({inside})"


def _cost(delta: Delta, split: Split | None, rule: str) -> str:
    parts = []
    if delta.token_ratio:
        parts.append(f"costs {times(delta.token_ratio)} the tokens")
    if split is not None and split.share is not None and split.share_low is not None and _verdict(delta) != "unclear":
        tagged = split.n_symbolic + split.n_other
        symbolic = 'with "="' if rule == "eq_question" else f"that are symbolic ({rule})"
        parts.append(
            f"{100 * split.share:.0f}% of it ({interval(split.share_low, split.share_high, digits=0)}) on the "
            f"{100 * split.n_symbolic / tagged:.1f}% of questions {symbolic}"
        )
    return "".join(f", {part}" for part in parts)


def main_mode(comparison: Comparison, model: str, task: str) -> str | None:
    """The mode that long tables are about, of those that were compared on a task."""
    return main_of(d.mode for d in comparison.deltas if (d.model, d.task) == (model, task))
