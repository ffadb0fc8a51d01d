"""Estimates in words and figures: the one place for signs, digits and dashes, and for a report's first sentences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cotbench.analysis.compare import MOST, Caution, Comparison
from cotbench.analysis.curve import BUDGET, LEAST
from cotbench.analysis.estimates import ALL, SYMBOLIC, Delta, Interval, Split
from cotbench.analysis.lint import Unsaid
from cotbench.analysis.stats import CONFIDENCE
from cotbench.modes import BASELINE
from cotbench.modes.arms import base_of

STUB_WARNING = "STUB, NOT A MODEL: these numbers come from the stub engine and mean nothing."
DASH = "–"
ALPHA = 1 - CONFIDENCE


def percent(value: float | None, digits: int = 1) -> str:
    """Show a share without its sign: 66.0."""
    # Adding 0.0 makes a rounded -0.0 plain.
    return DASH if value is None else f"{round(100 * value, digits) + 0.0:.{digits}f}"


def points(value: float | None) -> str:
    """Show a difference in percentage points, with its sign: +8.1, −0.4."""
    if value is None:
        return DASH
    return f"{100 * value:+.1f}".replace("-", "−").replace("−0.0", "0.0").replace("+0.0", "0.0")


def interval(low: float | None, high: float | None, *, signed: bool = False, digits: int = 1) -> str:
    """Show the ends of an interval, in percent or, signed, in points."""
    if low is None or high is None:
        return DASH
    if signed:
        return f"{points(low)} to {points(high)}"
    return f"{percent(low, digits)} to {percent(high, digits)}".replace("-", "−")


def ends(estimate: Interval, *, signed: bool = False, digits: int = 1) -> str:
    """Show the ends of an estimate's interval, as `interval` does."""
    return interval(estimate.low, estimate.high, signed=signed, digits=digits)


def difference(estimate: Interval, unknown: str = DASH) -> str:
    """Show a difference in points with its interval: +8.1 (+5.0 to +11.2)."""
    return unknown if estimate.value is None else f"{points(estimate.value)} ({ends(estimate, signed=True)})"


def p_value(value: float | None) -> str:
    """Show a p-value: 0.0312, or <0.0001."""
    if value is None:
        return DASH
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def tokens(value: float | None) -> str:
    """Show a mean number of tokens: 8.3, 1,204."""
    return DASH if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def times(value: float | None) -> str:
    """Show how many times as much something is: 3.4x, 12x."""
    return DASH if value is None else f"{value:.0f}x" if value >= 9.95 else f"{value:.1f}x"


def count(value: int | None) -> str:
    """Show a whole number: 14,042."""
    return DASH if value is None else f"{value:,}"


def short_model(model: str) -> str:
    """Return a model's name without the organization or folder before it."""
    return model.rstrip("/").rsplit("/", 1)[-1]


def side_label(comparison: Comparison, tag: str, rule: str | None = None) -> str:
    """Return what the questions of a tag are called: by what the rule looks at. rule: the main one by default."""
    if tag == ALL:
        return "all questions"
    wanted = comparison.tag_rule if rule is None else rule
    known = next((info for info in comparison.rules if info.name == wanted), None)
    if known is None:
        return tag
    return known.symbolic if tag == SYMBOLIC else known.other


# --- sentences ----------------------------------------------------------------------------------------------------


def headlines(comparison: Comparison) -> list[str]:
    """Return the answer: a sentence for each model and pair of modes, over all tasks; and what else belongs beside it.

    A difference that comes from budgets, refusals or reading isn't called help or hurt; where there is none, what was
    cut, refused or not read is told by itself. Limits of a thought on a curve have one sentence, the curve's.
    """
    on_curve = {(p.model, p.mode) for p in comparison.points if p.setting in (BUDGET, LEAST) and p.value is not None}
    on_curve -= {(caution.model, caution.mode) for caution in comparison.cautions if caution.baseline}
    pairs = [
        pair
        for pair in dict.fromkeys((d.model, d.mode, d.baseline) for d in comparison.deltas)
        if pair[:2] not in on_curve
    ]
    splits = {split.key: split for split in comparison.splits if split.default}
    out = []
    for model, mode, baseline in pairs:
        parts = [
            (d, splits.get(d.key), [caution for caution in comparison.cautions if caution.key == d.key])
            for d in comparison.deltas
            if (d.model, d.mode, d.baseline, d.tag) == (model, mode, baseline, ALL)
        ]
        labels = [comparison.facts_of(name).label or name for name in (mode, baseline)]
        plain = next((b for m, _, b in pairs if m == model and base_of(b) == BASELINE), None)
        who = labels[0] if baseline == plain else f"{labels[0]} (against {labels[1]})"
        names = {"who": who, "baseline": labels[1], "name": short_model(model)}
        out.append(_sentence(names, parts, comparison.tag_rule))
    alone = [caution for caution in comparison.cautions if not caution.baseline]
    told = [c.text if c.kind == "stuck" else f"{short_model(c.model)} on {c.task}: {c.text}" for c in alone]
    return [*out, *(f"{text.removesuffix('.')}." for text in dict.fromkeys(told))]


Row = tuple[Delta, Split | None, Sequence[Caution]]

# A sentence begins with the first of two; what follows "it" is the second. who: the mode; name: the model.
_OPENINGS = {
    "helps": ("{who} helps {name} ", "it helps "),
    "hurts": ("{who} hurts {name} ", "it hurts "),
    "higher": ("{who} scores higher than {baseline} for {name} ", "it scores higher than {baseline} "),
    "lower": ("{who} scores lower than {baseline} for {name} ", "it scores lower than {baseline} "),
    "unclear": ("{who} has no clear effect for {name} ", "it has no clear effect "),
    "none": ("{who} for {name}: ", "it: "),
}


def _sentence(names: Mapping[str, str], rows: Sequence[Row], rule: str) -> str:
    """Return the sentence of a model and a pair of modes. names: what openings call them."""
    parts: list[str] = []
    last = ""
    for delta, split, cautions in rows:
        verdict = _verdict(delta)
        if cautions:
            verdict = {"helps": "higher", "hurts": "lower"}.get(verdict, verdict)
        cost = _cost(delta, None if cautions else split, rule)
        where = f"on {delta.task} {_size(delta)}{cost}{_caution(delta, cautions)}"
        opening = "" if verdict == last else _OPENINGS[verdict][bool(parts)]
        parts.append(opening.format_map(names) + where)
        last = verdict
    return "; ".join(parts) + "."


def _caution(delta: Delta, cautions: Sequence[Caution]) -> str:
    if not cautions:
        return ""
    kinds = " and ".join(dict.fromkeys(caution.kind for caution in cautions))
    texts = " and ".join(caution.text for caution in cautions)
    read = f"on the {delta.read_n:,} read under both it is {difference(delta.read)}"
    told = f"{texts}; {read if delta.read_n else 'none was read under both'}"
    if _verdict(delta) in ("unclear", "none"):  # there is no difference to speak of
        return f", but {told}"
    if any(caution.share >= MOST for caution in cautions) and _may_be_none(delta):
        # Half of an arm in doubt is 50 points of accuracy in doubt, and here no difference is left of them.
        kinds = kinds if kinds == "reading" else f"{kinds}, and so of reading"
        return f", but this is a difference of {kinds}, not of reasoning: {told}"
    return f", but this is a difference of {kinds} more than of reasoning: {told}"


def _may_be_none(delta: Delta) -> bool:
    """Whether there may be no difference, over all ways in which unread answers may be right or wrong."""
    low, high = delta.bounds.low, delta.bounds.high
    return low is not None and high is not None and low <= 0 <= high


def _verdict(delta: Delta) -> str:
    """Say what a difference is: helps, hurts, unclear, or none where it can't be estimated."""
    low, high = delta.delta.low, delta.delta.high
    if low is None or high is None:
        return "none"
    p = _corrected_p(delta)
    sure = p is not None and p < ALPHA  # both must say so: an interval over few clusters and an exact test may differ
    return "helps" if sure and low > 0 else "hurts" if sure and high < 0 else "unclear"


def _corrected_p(delta: Delta) -> float | None:
    return delta.delta.p if delta.p_holm is None else delta.p_holm


def _size(delta: Delta) -> str:
    value = delta.delta.value
    if value is None:
        return "(n = 0, not estimable)"
    inside = f"{ends(delta.delta, signed=True)}; n = {delta.n:,}{_bounds(delta)}"
    if _verdict(delta) == "unclear":
        against = (delta.delta.low or 0.0) > 0 or (delta.delta.high or 0.0) < 0
        return f"({points(value)} points, {inside}{f'; corrected p {p_value(_corrected_p(delta))}' if against else ''})"
    return f"by {abs(100 * value):.1f} points ({inside})"


def _bounds(delta: Delta) -> str:
    """Say between which ends a difference lies however unread answers are counted, where there are any."""
    if delta.bounds.low == delta.bounds.high:
        return ""
    none = ", so it may be none" if _verdict(delta) != "unclear" and _may_be_none(delta) else ""
    return f"; over all readings {ends(delta.bounds, signed=True)}{none}"


def _cost(delta: Delta, split: Split | None, rule: str) -> str:
    told = f", costs {times(delta.token_ratio)} the tokens" if delta.token_ratio else ""
    if split is None or split.share.value is None or split.share.low is None or _verdict(delta) == "unclear":
        return told
    tagged = split.n_symbolic + split.n_other
    return (
        f"{told}, {100 * split.share.value:.0f}% of it ({ends(split.share, digits=0)}) on the "
        f"{100 * split.n_symbolic / tagged:.1f}% of questions "
        + ('with "="' if rule == "eq_question" else f"that are symbolic ({rule})")
    )


ARMS_ALIKE = "Arms: as far as is known before a model is loaded, they differ only in what their names say."


def unsaid_lines(found: Iterable[Unsaid]) -> list[str]:
    """Return what the lint of the arms found before a run, a line each."""
    return [f"{', '.join(one.tasks)}: {one.text}." for one in found]


def main_mode(comparison: Comparison, deltas: Iterable[Delta]) -> str | None:
    """Return the mode that long tables and plots of a single mode are about: chain of thought, or else the first."""
    modes = [delta.mode for delta in deltas]
    return next((mode for mode in modes if comparison.facts_of(mode).main), modes[0] if modes else None)
