"""What answers cost and when extra ones pay: two tables, and a sentence for each pair of arms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from cotbench.analysis import ratios, verdicts
from cotbench.analysis.compare import Comparison
from cotbench.analysis.cost import Cost, Payoff
from cotbench.analysis.curve import BUDGET, LEAST
from cotbench.analysis.estimates import ALL, OTHER, SYMBOLIC, Delta, Interval
from cotbench.analysis.ratios import Ratio, Worth
from cotbench.report import words
from cotbench.report.columns import MODE, PAIR, Column, N, Table
from cotbench.report.findings import Finding, introduced, texts
from cotbench.report.words import DASH, count, points

FEW = 3  # tasks that a short sentence names
_SIGNS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}


def figure(value: float | None) -> str:
    """Show an amount with about three digits: 1,240, 12.50, 0.00123."""
    if value is None:
        return DASH
    if math.isinf(value):
        return "∞"
    size = abs(value)
    digits = 0 if size >= 1000 or size == 0 else 2 if size >= 1 else min(12, 2 - math.floor(math.log10(size)))
    return f"{value:,.{digits}f}".replace("-", "−")


def tokens(value: float | None) -> str:
    """Show a number of tokens, which may be less than none: 8.3, −1,204."""
    return DASH if value is None else "∞" if math.isinf(value) else _signed(words.tokens(abs(value)), value)


def _signed(shown: str, value: float) -> str:
    return f"−{shown}" if value < 0 else shown


def amount(value: float | None, currency: str, *, bare: bool = False) -> str:
    """Show an amount of a currency, or of tokens where there is none: $0.00123, 12.50 CHF, 1,240 tokens.

    bare: without what stands behind it, as beside another amount.
    """
    if value is None:
        return DASH
    if not currency:
        return tokens(value) + ("" if bare else " tokens")
    sign = _SIGNS.get(currency, currency)
    if len(sign) > 1 and sign.isalpha():
        return figure(value) + ("" if bare else f" {sign}")
    return _signed(f"{sign}{figure(abs(value))}", value)


def _ends(estimate: Ratio | Interval | Worth, show: Callable[[float | None], str] = figure) -> str:
    """Show the ends of an interval; one without a high end has none."""
    low, high = estimate.low, estimate.high
    return DASH if low is None else f"over {show(low)}" if high is None else f"{show(low)} to {show(high)}"


def _per_right(ratio: Ratio, show: Callable[[float | None], str] = figure) -> str:
    return "∞" if ratio.value is None and ratio.low is not None else show(ratio.value)


def _currency(rows: Sequence[Cost] | Sequence[Payoff]) -> str:
    return next((row.currency for row in rows if row.currency), "")


# --- what answers cost --------------------------------------------------------------------------------------------


def costs(comparison: Comparison) -> Table[Cost]:
    """What an arm's answers cost."""
    rows = [row for row in comparison.costs if row.tag == ALL]
    currency = _currency(rows)
    money: Sequence[Column[Cost]] = (
        (f"{currency} per 1,000", lambda r: figure(r.cost.value)),
        ("95% interval", lambda r: _ends(r.cost)),
        (f"{currency} per right", lambda r: _per_right(r.of_pass)),
        ("95% interval", lambda r: _ends(r.of_pass)),
    )
    told = any(row.cached_prompt_tokens is not None for row in rows)
    prompts: Sequence[Column[Cost]] = (
        ("prompt, uncached", lambda r: words.tokens(r.uncached_prompt_tokens)),
        ("cached", lambda r: words.tokens(r.cached_prompt_tokens)),
    )
    timed = list(dict.fromkeys(row.seconds_are for row in rows if row.timed))
    seconds: Sequence[Column[Cost]] = (
        ("seconds, p50", lambda r: _seconds(r.seconds_p50)),
        ("p95", lambda r: _seconds(r.seconds_p95)),
    )
    about = (
        "tokens per right: completion tokens of all questions per right answer; ∞: none was right, and the interval "
        "says what the most right answers that might have been would make of it. serial: completion tokens that one "
        "waits for: of paths side by side the longest, of turns after each other the sum."
    )
    if currency:
        about = (
            f"{currency} per 1,000: for so many questions; per right: for each right answer (the cost-of-pass of Erol "
            f"et al. 2025, over all questions). {about}"
        )
    if told:
        about += " cached: prompt tokens that a cache had, as the engine says, beside the other arms of the run."
    if timed:
        measured = "; ".join(filter(None, timed)) or "as the engine tells them"
        about += f" seconds: to an answer, {measured}; programs and grading are not in them."
    return Table(
        title="What answers cost",
        rows=rows,
        names=MODE,
        figures=[
            N,
            *(money if currency else ()),
            ("tokens per right", lambda r: _recorded(r.completion_tokens, r.n, _per_right(r.per_right, tokens))),
            ("95% interval", lambda r: _ends(r.per_right, tokens)),
            ("completion", lambda r: words.tokens_of(r.completion_tokens, r.n)),
            ("serial", lambda r: words.tokens_of(r.serial.mean, r.n)),
            *(prompts if told else ()),
            *(seconds if timed else ()),
        ],
        about=about,
        brief=bool(currency),
    )


def _recorded(known: float | None, n: int, shown: str) -> str:
    """What is shown of n questions, or that what it rests on isn't on record."""
    return words.NOT_RECORDED if known is None and n else shown


def _seconds(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f}" if value >= 100 else f"{value:.2f}"


# --- when extra right answers pay ---------------------------------------------------------------------------------

_DECISIONS = {
    ratios.ABOVE: "if worth more",
    ratios.BELOW: "fewer for less: if worth less",
    ratios.CHEAPER: "always: better and cheaper",
    ratios.DEARER: "never: worse and dearer",
    ratios.NOT_BELOW: "not estimable",
    ratios.AT_LEAST_BELOW: "not estimable",
    ratios.UNCLEAR: "not estimable",
}


def decision(worth: Worth, currency: str) -> str:
    """Say in a table when a mode pays."""
    bound = amount(worth.bound, currency)
    known = {ratios.NOT_BELOW: f"; not below {bound}", ratios.AT_LEAST_BELOW: f"; if worth less than {bound}"}
    return _DECISIONS[worth.decision] + (known.get(worth.decision, "") if worth.bound is not None else "")


def payoffs(comparison: Comparison) -> Table[Payoff]:
    """What a mode's extra right answers cost against its baseline."""
    whole = {row.key: row.n or None for row in comparison.payoffs if row.tag == ALL}
    rows = [row for row in comparison.payoffs if row.tag == ALL or (row.n and row.n != whole[row.key])]
    currency = _currency(rows)
    baselines = list(dict.fromkeys(row.baseline for row in rows))
    against = baselines[0] if len(baselines) == 1 else "the baseline"
    money: Sequence[Column[Payoff]] = (
        ("more per 1,000", lambda r: figure(r.more_cost.value)),
        ("95% interval", lambda r: _ends(r.more_cost)),
        ("per extra right", lambda r: figure(r.money.value)),
        ("95% interval", lambda r: _ends(r.money)),
        ("it pays", lambda r: decision(r.money, r.currency)),
    )
    in_tokens: Sequence[Column[Payoff]] = (
        ("more tokens", lambda r: _recorded(r.more_tokens.value, r.n, tokens(r.more_tokens.value))),
        ("95% interval", lambda r: _ends(r.more_tokens, tokens)),
        ("per extra right", lambda r: tokens(r.tokens.value)),
        ("95% interval", lambda r: _ends(r.tokens, tokens)),
        ("it pays", lambda r: decision(r.tokens, "")),
    )
    more = "for 1,000 questions" if currency else "completion tokens per question"
    return Table(
        title=f"When extra right answers pay, against {against}" + (f", in {currency}" if currency else ", in tokens"),
        rows=rows,
        names=[
            *(MODE if len(baselines) == 1 else PAIR),
            ("questions", lambda r: words.side_label(comparison, r.tag)),
        ],
        figures=[
            N,
            ("gain", lambda r: points(r.gain)),
            *(money if currency else in_tokens),
        ],
        about=f"gain: in right answers, in points. more: {more}. per extra right: the difference in cost over the "
        "difference in right answers, with Fieller's interval over questions or clusters; where the difference in "
        "right answers may be zero it can't be estimated. A mode that is dearer pays where a right answer is worth "
        "more than that; below the interval it surely doesn't, above it surely does.",
        brief=bool(currency),
    )


# --- sentences ----------------------------------------------------------------------------------------------------

_SENTENCES = {
    ratios.ABOVE: "{who} pays{for} where a right answer is worth more than ",
    ratios.BELOW: "{who} gives fewer right answers{for} for less, which pays where one is worth less than ",
    ratios.CHEAPER: "{who} is better and cheaper{for}, so that it pays whatever an answer is worth, ",
    ratios.DEARER: "{who} is worse and dearer{for}, so that it never pays, ",
    ratios.NOT_BELOW: "{who} costs more{for} and is not shown to pay ",
    ratios.AT_LEAST_BELOW: "{who} costs less{for} for a difference that may be zero ",
    ratios.UNCLEAR: "Whether {who} pays{for} can't be estimated ",
}


def decisions(comparison: Comparison) -> list[Finding]:
    """Return for each model and pair of arms when it pays: in money where there are prices, else in tokens.

    Limits of a thought that are on a curve are left out, as in `findings`.
    """
    on_curve = {(p.model, p.mode) for p in comparison.points if p.setting in (BUDGET, LEAST) and p.value is not None}
    deltas = {delta.key: delta for delta in comparison.deltas if delta.tag == ALL}
    sides: dict[tuple[str, str, str, str], list[Payoff]] = {}
    pairs: dict[tuple[str, str, str], list[Payoff]] = {}
    for row in comparison.payoffs:
        if row.tag != ALL:
            sides.setdefault(row.key, []).append(row)
        elif row.n and (row.model, row.mode) not in on_curve:
            pairs.setdefault((row.model, row.mode, row.baseline), []).append(row)
    found = []
    for pair, rows in pairs.items():
        names, main = introduced(comparison, pairs, pair)
        said, brief = [], []
        for wanted, opening in _SENTENCES.items():
            alike = [row for row in rows if _worth(row)[0].decision == wanted]
            clauses = [_clause(comparison, row, sides.get(row.key, ()), deltas.get(row.key)) for row in alike]
            if clauses:
                said.append(opening.format_map(names) + "; ".join(clauses) + ".")
                brief.append(opening.format_map(names) + _brief(alike) + ".")
        text, short = " ".join(said), " ".join(said if len(rows) == 1 else brief)
        model, mode, baseline = pair
        found.append(Finding(model=model, mode=mode, baseline=baseline, main=main, text=text, brief=short))
    return found


def priced(comparison: Comparison) -> list[Finding]:
    """Return the decisions that are in money: what a right answer is worth in tokens, nobody knows."""
    paid = {(row.model, row.mode, row.baseline) for row in comparison.payoffs if row.more_cost.value is not None}
    return [one for one in decisions(comparison) if (one.model, one.mode, one.baseline) in paid]


def sentences(comparison: Comparison) -> list[str]:
    """Return the texts of decisions in money, that of the main arm first."""
    return texts(priced(comparison))


def _worth(row: Payoff) -> tuple[Worth, str]:
    """Return what an extra right answer costs, and in which currency: in tokens where no money is known."""
    return (row.tokens, "") if row.more_cost.value is None else (row.money, row.currency)


def _brief(rows: Sequence[Payoff]) -> str:
    """Say of several tasks with the same decision only between which amounts it lies."""
    known = [(worth.value, row.task, currency) for row in rows for worth, currency in [_worth(row)] if worth.value]
    if not known:
        tasks = [row.task for row in rows]
        return f"on {len(tasks)} tasks" if len(tasks) > FEW else f"on {' and '.join(tasks)}"
    ends = [f"{amount(value, currency)} ({task})" for value, task, currency in (min(known), max(known))]
    return " to ".join(dict.fromkeys(ends))


def _clause(comparison: Comparison, row: Payoff, sides: Sequence[Payoff], delta: Delta | None) -> str:
    """Say of one task when a pair pays, on each side of the tag too where both have questions."""
    worth, currency = _worth(row)
    doubt = f" ({delta.why})" if delta is not None and delta.why and delta.verdict != verdicts.NOT_ESTIMABLE else ""
    if worth.value is None:
        bound = amount(worth.bound, currency)
        told = {
            ratios.NOT_BELOW: f", and below {bound} a right answer it is shown not to",
            ratios.AT_LEAST_BELOW: f", and pays at least where a right answer is worth less than {bound}",
        }.get(worth.decision, "")
        return f"on {row.task}{told if worth.bound is not None else ''}"
    by_tag = {side.tag: _worth(side)[0] for side in sides if side.n}
    parts = [
        f"{_on_side(by_tag[tag], worth, currency)} on those {words.of_questions(comparison, tag)}"
        for tag in (SYMBOLIC, OTHER)
        if len(by_tag) > 1
    ]
    free = {ratios.ABOVE: "; it may cost nothing", ratios.BELOW: "; it may save nothing"}[worth.decision]
    ends = f"{amount(worth.low, currency, bare=True)} to {amount(worth.high, currency, bare=True)}"
    inside = f"{ends}{free if (worth.low or 0.0) <= 0 else ''}; n = {count(row.n)}"
    told = f", {' and '.join(parts)}" if parts else ""
    return f"{amount(worth.value, currency)} on {row.task} ({inside}){told}{doubt}"


def _on_side(side: Worth, whole: Worth, currency: str) -> str:
    """Say of a side of the tag what it is worth, or why not in the words of the whole."""
    if side.value is None:
        return _DECISIONS[side.decision]
    other = "" if side.decision == whole.decision else f" ({_DECISIONS[side.decision]})"
    inside = f"{amount(side.low, currency, bare=True)} to {amount(side.high, currency, bare=True)}"
    return f"{amount(side.value, currency)} ({inside}){other}"
