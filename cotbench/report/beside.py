"""Arms with further calls beside votes at equal cost: two tables, and a sentence for each arm."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.beside import BEATS, COMPLETION, EVERY, LOSES, MONEY, Beside, Effort
from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.columns import MODE, Column, N, Table
from cotbench.report.cost import amount, figure
from cotbench.report.words import DASH, difference, ends, percent, points, short_model, times

_EQUAL_IN = {COMPLETION: "completion tokens", EVERY: "all tokens", MONEY: "money"}


def beside(comparison: Comparison) -> Table[Beside]:
    """Each such arm beside each vote."""
    currency = next((row.currency for row in comparison.beside if row.currency), "")
    priced = " money: where --prices says what tokens cost, also a judge's of another model." if currency else ""
    return Table(
        title="Beside a vote at equal tokens, in points",
        rows=comparison.beside,
        names=[*MODE, ("vote", lambda r: r.baseline), ("equal in", lambda r: _EQUAL_IN[r.cost])],
        figures=[
            N,
            ("spent", lambda r: amount(r.spent, r.currency, bare=True)),
            ("paths", paths_of),
            ("right %", lambda r: percent(r.accuracy)),
            ("vote's %", lambda r: percent(r.vote)),
            ("difference", lambda r: difference(r.delta)),
            ("spent, times", lambda r: "equal" if r.equal else DASH if r.times is None else f"{r.times:.2f}x"),
            ("verdict", lambda r: r.verdict),
        ],
        about="Each arm that spends further calls, on the questions that it and the vote decided. spent: its mean cost "
        "of a question. paths: of the vote, that cost as much: 4.3 are 4 on 70% of the questions and 5 on the others; "
        "of k of the n paths a vote is right as often as it is on the mean over all subsets. difference: paired, with "
        "a bootstrap interval over questions, or clusters, within strata, in each draw of which costs are matched "
        "anew. completion tokens: of all calls, judges' too; by them an arm is judged. all tokens: prompt tokens that "
        f"no cache had, as far as that is told, too; a vote sends its prompt once.{priced} Where there is no equal "
        "budget on record, the vote is that of all its paths, or of one, and spent says how many times as much as that "
        "the arm took.",
    )


def paths_of(row: Beside) -> str:
    """Say how many paths of the vote cost what the arm does, or which it is set beside."""
    if row.paths is None:
        return DASH
    if row.equal:
        return f"{row.paths:.1f} of {row.of}"
    return f"{row.k} of {row.of} ({row.paths:.1f} would be equal)"


def efforts(comparison: Comparison) -> Table[Effort]:
    """What such arms took, and the votes beside them."""
    rows = comparison.efforts
    currency = next((row.currency for row in rows if row.currency), "")
    told = any(row.cached_prompt_tokens is not None for row in rows)
    timed = any(row.seconds_p50 is not None for row in rows)
    cached: Sequence[Column[Effort]] = (
        ("uncached", lambda r: words.tokens(r.uncached_prompt_tokens)),
        ("cached", lambda r: words.tokens(r.cached_prompt_tokens)),
    )
    seconds: Sequence[Column[Effort]] = (
        ("seconds, p50", lambda r: _decimal(r.seconds_p50)),
        ("p95", lambda r: _decimal(r.seconds_p95)),
    )
    money: Sequence[Column[Effort]] = ((f"{currency} per 1,000", lambda r: figure(r.cost_per_1000)),)
    return Table(
        title="What further calls took, and votes",
        rows=rows,
        names=MODE,
        figures=[
            N,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("95% interval", lambda r: ends(r.accuracy)),
            ("calls", lambda r: _decimal(r.calls)),
            ("completion", lambda r: words.tokens(r.completion_tokens)),
            ("prompt", lambda r: words.tokens(r.prompt_tokens)),
            *(cached if told else ()),
            ("serial", lambda r: words.tokens(r.serial_tokens)),
            *(seconds if timed else ()),
            *(money if currency else ()),
        ],
        about="Means of a question. calls: requests, of judges too; all paths of a vote are one. completion, prompt: "
        "tokens, of judges too. serial: completion tokens that one waits for: of calls side by side the longest, of "
        "calls after each other the sum; it isn't matched.",
    )


def _decimal(value: float | None) -> str:
    return DASH if value is None else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return for each model and each such arm how it stands beside the vote by which it is judged, task by task."""
    arms: dict[tuple[str, str], list[Beside]] = {}
    for row in comparison.beside:
        if row.first and row.n:
            arms.setdefault((row.model, row.mode), []).append(row)
    several = len({model for model, _ in arms}) > 1
    out = []
    for (model, mode), rows in arms.items():
        label = comparison.facts_of(mode).label or mode
        who = label + (f" for {short_model(model)}" if several else "")
        clauses = [_clause(row) + _in_money(rows, row) for row in rows if row.cost == COMPLETION]
        out.append(f"{who} is {'; '.join(clauses)}.")
    return out


def _clause(row: Beside) -> str:
    """Say how an arm stands beside a vote on a task."""
    value = row.delta.value
    if value is None or row.paths is None:
        return f"beside no vote at equal tokens on {row.task} ({row.why})"
    inside = f"{ends(row.delta, signed=True)}; n = {row.n:,}" if row.delta.low is not None else f"n = {row.n:,}"
    size = f"{abs(100 * value):.1f} points {'above' if value > 0 else 'below'}"
    if row.equal:
        at = f"a vote of {row.paths:.1f} paths at the same tokens on {row.task}"
        if row.verdict in (BEATS, LOSES):
            return f"{size} {at} ({inside})"
        return f"not clearly better or worse than {at} ({points(value)}, {inside})"
    which = "a vote of one path" if row.paths < 1 else f"a vote of all {row.of} paths"
    said = f"{size} {which} on {row.task} ({inside}), for {row.times:.2g} times its tokens"
    return f"{said}; {row.why}"


def _in_money(rows: Sequence[Beside], row: Beside) -> str:
    """Say the same in money, where that is known."""
    for other in rows:
        if other.cost == MONEY and other.task == row.task and other.paths is not None:
            spent = amount(other.spent, other.currency)
            if other.equal:
                beside = f"beside {other.paths:.1f} paths at the same money"
                return f", and {difference(other.delta)} {beside} ({spent} a question)"
            return f", and took {times(other.times)} the money of {other.k} path{'s' * (other.k != 1)} ({spent})"
    return ""
