"""Estimates in words and figures: one place for signs, digits and dashes."""

from __future__ import annotations

from cotbench.compare import ALL, Comparison, Delta, ModeStats
from cotbench.tallies import Curve, Outcomes

STUB_WARNING = "STUB, NOT A MODEL: these numbers come from the stub engine and mean nothing."
DASH = "–"


def percent(value: float | None, digits: int = 1) -> str:
    return DASH if value is None else f"{100 * value:.{digits}f}"


def points(value: float | None) -> str:
    """A difference in percentage points, with its sign: +8.1, −0.4."""
    if value is None:
        return DASH
    return f"{100 * value:+.1f}".replace("-", "−")


def interval(low: float | None, high: float | None, *, signed: bool = False) -> str:
    if low is None or high is None:
        return DASH
    show = points if signed else percent
    return f"{show(low)} to {show(high)}"


def p_value(value: float | None) -> str:
    if value is None:
        return DASH
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"


def tokens(value: float | None) -> str:
    return DASH if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def short_model(model: str) -> str:
    return model.rstrip("/").rsplit("/", 1)[-1]


def sentence(delta: Delta) -> str:
    """The finding of one pair of modes on one task, in words."""
    what = {"cot": "CoT"}.get(delta.mode, delta.mode)
    model = short_model(delta.model)
    if delta.delta is None or delta.low is None or delta.high is None:
        return f"{what} against {delta.baseline} for {model} on {delta.task}: n = 0, not estimable."
    size = f"{abs(100 * delta.delta):.1f} points ({interval(delta.low, delta.high, signed=True)}; n = {delta.n:,})"
    sure = delta.p is not None and delta.p < 0.05  # both must say so: with few questions they may differ
    if delta.low > 0 and sure:
        finding = f"{what} helps {model} on {delta.task} by {size}"
    elif delta.high < 0 and sure:
        finding = f"{what} hurts {model} on {delta.task} by {size}"
    else:
        finding = (
            f"Whether {what} helps {model} on {delta.task} isn't clear: {points(delta.delta)} {size.split(' ', 1)[1]}"
        )
        if not sure and (delta.low > 0 or delta.high < 0):
            finding += f" with a McNemar p of {p_value(delta.p)}"
    if delta.token_ratio:
        finding += f"; it takes {delta.token_ratio:.1f}x the completion tokens of {delta.baseline}"
    return finding + "."


def headlines(comparison: Comparison) -> list[str]:
    return [sentence(delta) for delta in comparison.deltas if delta.tag == ALL]


MODE_HEADER = ["model", "task", "mode", "n", "right %", "95% interval", "unread %", "cut %", "vague %", "tokens"]
DELTA_HEADER = ["model", "task", "mode", "questions", "n", "delta", "95% interval", "helped", "hurt", "p"]


def mode_row(row: ModeStats) -> list[str]:
    return [
        short_model(row.model),
        row.task,
        row.mode,
        f"{row.n:,}",
        percent(row.accuracy),
        interval(row.low, row.high),
        percent(row.unread),
        percent(row.truncated),
        percent(row.vague),
        tokens(row.mean_completion_tokens),
    ]


def delta_row(row: Delta) -> list[str]:
    head = [short_model(row.model), row.task, row.mode, row.tag]
    if row.n == 0:
        return [*head, "0", "not estimable", DASH, DASH, DASH, DASH]
    return [
        *head,
        f"{row.n:,}",
        points(row.delta),
        interval(row.low, row.high, signed=True),
        str(row.helped),
        str(row.hurt),
        p_value(row.p),
    ]


OUTCOME_HEADER = ["model", "task", "mode", "how questions ended"]
CURVE_HEADER = ["model", "task", "mode", "k", "of n", "maj@k %", "pass@k %", "mean@k %", "abstained %", "tied %"]


def outcome_row(row: Outcomes) -> list[str]:
    ended = ", ".join(f"{name} {count:,}" for name, count in row.counts.items())
    return [short_model(row.model), row.task, row.mode, ended]


def curve_row(row: Curve) -> list[str]:
    return [
        short_model(row.model),
        row.task,
        row.mode,
        str(row.k),
        str(row.n),
        *(percent(value) for value in (row.maj, row.any, row.mean, row.abstained, row.tied)),
    ]


def delta_title(comparison: Comparison) -> str:
    return f"Paired differences against {comparison.deltas[0].baseline}, in points"


FOOTNOTES = [
    "right: accuracy with its Wilson interval. unread: no answer could be read (counted as not right). cut: at the token budget (of several paths, any). "
    "vague: of the answers read, those that needed a vague rule. tokens: mean completion tokens per question.",
    "delta: paired difference in points with a t interval, clustered where questions share a passage or a subject. "
    "helped / hurt: questions right under one mode only. p: exact McNemar, not corrected for the number of rows.",
]


CURVE_FOOTNOTE = (
    "maj@k: the vote of k of the n paths, pass@k: one of k is right; both over all subsets of k. mean@k: a single path is right. "
    "abstained: of the n paths, those without an answer. tied: of the votes of all n, which then go to the answer reached first."
)


def tag_footnote(comparison: Comparison) -> str:
    return f'symbolic: the question or an option holds "=" (rule {comparison.tag_rule}); n = 0 means that no question does.'
