"""What is weighted to a user's own mix of questions, as tables and in words. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.compare import Comparison
from cotbench.analysis.verdicts import HELPS, HIGHER, HURTS
from cotbench.analysis.weighted import ALL_TASKS, WeightedDelta, WeightedMode, WeightedPolicy
from cotbench.analysis.weights import Part
from cotbench.report.columns import MODE, PAIR, N, Table
from cotbench.report.words import (
    DASH,
    count,
    difference,
    ends,
    interval,
    main_mode,
    p_value,
    percent,
    points,
    policy,
    short_model,
    side_label,
    times,
    tokens,
)

MOST = 4  # parts that a title names


def mix_in_words(comparison: Comparison) -> str:
    """Say what the mix is: with "=" 60%, without "=" 40%."""
    parts = [part for part in comparison.weights if part.share]
    shown = [f"{_part(comparison, part)} {_share(part)}" for part in parts[:MOST]]
    return ", ".join([*shown, *([f"and {len(parts) - MOST} more"] if len(parts) > MOST else [])])


def _part(comparison: Comparison, part: Part) -> str:
    """Name a part, with its side as tables call it."""
    side = side_label(comparison, part.side, part.rule) if part.side else ""
    return " ".join(filter(None, (part.task, part.group, side)))


def _share(part: Part) -> str:
    return f"{100 * part.share:.3g}%"


def mix(comparison: Comparison) -> Table[Part]:
    """The shares of a mix that has too many parts for a title."""
    return Table(
        title="Your mix of questions",
        rows=comparison.weights if len(comparison.weights) > MOST else [],
        names=[("model", lambda _: "all"), ("part", lambda r: _part(comparison, r))],
        figures=[("given", lambda r: f"{r.given:g}"), ("share", _share)],
        about="given: as --weights has it; share: scaled, so that all sum to 100%.",
        brief=False,
    )


def weighted_modes(comparison: Comparison) -> Table[WeightedMode]:
    """How often each mode is right in the mix."""
    return Table(
        title=f"Weighted to your mix ({mix_in_words(comparison)}): accuracy by mode",
        rows=comparison.weighted_modes,
        names=MODE,
        figures=[
            N,
            ("weighted right %", lambda r: percent(r.accuracy.value)),
            ("95% interval", lambda r: ends(r.accuracy)),
            ("unweighted %", lambda r: percent(r.plain)),
            ("weighted tokens", lambda r: tokens(r.tokens)),
        ],
        about="weighted: the mean of each part of the mix, by its share, however many questions of it were asked. "
        "Interval: Price and Bonett's, widened by the design effect where questions are clustered. unweighted: the "
        f"same questions, each counted once.{_whole(comparison)}",
    )


def _whole(comparison: Comparison) -> str:
    if not any(row.task == ALL_TASKS for row in comparison.weighted_modes):
        return ""
    return f" {ALL_TASKS}: the questions of all weighted tasks together, within a part each counted once."


def weighted_deltas(comparison: Comparison) -> Table[WeightedDelta]:
    """What each mode changes in the mix."""
    return Table(
        title=f"Weighted to your mix ({mix_in_words(comparison)}): paired differences, in points",
        rows=comparison.weighted_deltas,
        names=PAIR,
        figures=[
            N,
            ("weighted delta", lambda r: points(r.delta.value) if r.delta.value is not None else "not estimable"),
            ("95% interval", lambda r: ends(r.delta, signed=True)),
            ("p", lambda r: p_value(r.delta.p)),
            ("Holm p", lambda r: p_value(r.p_holm)),
            ("unweighted", lambda r: points(r.plain)),
            ("tokens", lambda r: times(r.token_ratio)),
        ],
        about="Interval and p: Bonett and Price's adjusted Wald interval and its test. Holm p: corrected over all "
        "weighted differences with one baseline. tokens: weighted, against the baseline.",
    )


def weighted_policies(comparison: Comparison) -> Table[WeightedPolicy]:
    """Which policy is best in the mix."""
    return Table(
        title=f"Weighted to your mix ({mix_in_words(comparison)}): policies",
        rows=_of_main_mode(comparison),
        names=[*PAIR, ("policy", lambda r: policy(r) + (" *" if r.best else ""))],
        figures=[
            ("used %", lambda r: percent(r.used)),
            ("weighted right %", lambda r: percent(r.accuracy)),
            ("95% interval", lambda r: interval(r.low, r.high)),
            ("weighted tokens", lambda r: tokens(r.tokens)),
            ("against always", lambda r: points(_less(r.loss)) if r.loss is not None else DASH),
            ("95% interval", lambda r: interval(_less(r.loss_high), _less(r.loss_low), signed=True)),
        ],
        about="* the best of them in your mix: right most often, and of equals that with the fewest tokens; others may "
        "be as good within their intervals. The oracle chooses and is scored on the same answers: a bound that "
        "includes luck, and so never the best. All columns are weighted. "
        "Of all modes in weighted-policies.csv and report.json.",
    )


def _of_main_mode(comparison: Comparison) -> list[WeightedPolicy]:
    """The rows of the mode that long tables are about."""
    main = {
        model: main_mode(comparison, [row for row in comparison.deltas if row.model == model])
        for model in {row.model for row in comparison.weighted_policies}
    }
    return [row for row in comparison.weighted_policies if row.mode == main[row.model]]


def _less(value: float | None) -> float | None:
    return None if value is None else -value


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return a sentence for each difference in the mix, with the policy that is best there."""
    best = {(row.key): row for row in comparison.weighted_policies if row.best}
    models = {row.model for row in comparison.weighted_deltas}
    return [
        _sentence(comparison, row, best.get(row.key), several=len(models) > 1)
        for row in _told(comparison.weighted_deltas)
    ]


def _told(rows: Sequence[WeightedDelta]) -> list[WeightedDelta]:
    """Of a model whose tasks are weighted together, that row alone: the others are in the table."""
    whole = {row.model for row in rows if row.task == ALL_TASKS}
    return [row for row in rows if row.delta.value is not None and (row.task == ALL_TASKS) == (row.model in whole)]


def _sentence(comparison: Comparison, row: WeightedDelta, best: WeightedPolicy | None, *, several: bool) -> str:
    label = comparison.facts_of(row.mode).label or row.mode
    name = f" for {short_model(row.model)}" if several else ""
    value = row.delta.value or 0.0
    inside = f"{ends(row.delta, signed=True)}; n = {count(row.n)}; unweighted {points(row.plain)}"
    if row.verdict in (HELPS, HURTS, HIGHER):
        verb, end = ("scores", " higher") if row.verdict == HIGHER else ("adds" if value > 0 else "costs", "")
        does = f"{label} {verb} {abs(100 * value):.1f} points{end}{name} on {row.task} ({inside})"
        does += f", but {row.why}" if row.verdict == HIGHER else ""
    else:
        open_ = f"{row.verdict}: {row.why}" if row.why else row.verdict
        does = f"{label}{name} on {row.task}: {open_} ({difference(row.delta)}; n = {count(row.n)})"
    told = ""
    if best is not None:
        spent = f", at {tokens(best.tokens)} tokens a question" if best.tokens is not None else ""
        right = f"{percent(best.accuracy)}% right ({interval(best.low, best.high)})"
        told = f" Best policy there: {policy(best)}, {right}{spent}."
    return f"In your mix ({mix_in_words(comparison)}): {does}{_but(comparison, row)}.{told}"


def _but(comparison: Comparison, row: WeightedDelta) -> str:
    """Say what of a difference comes from budgets or reading."""
    told = dict.fromkeys(
        f"on {one.task} {one.text}"
        for one in comparison.cautions
        if (one.model, one.mode, one.baseline) == (row.model, row.mode, row.baseline)
        and row.task in (one.task, ALL_TASKS)
    )
    return f"; but {'; '.join(told)}" if told else ""
