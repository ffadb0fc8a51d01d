"""Arms with further calls beside votes at equal cost: two tables, and a sentence for each arm."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.beside import BEATS, COMPLETION, EVERY, LESS, LOSES, MONEY, MORE, Beside, Effort
from cotbench.analysis.compare import Comparison
from cotbench.report import words
from cotbench.report.columns import MODE, Column, N, Table
from cotbench.report.cost import amount, figure
from cotbench.report.words import DASH, difference, ends, listed, percent, points, short_model, times

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
        "anew; it isn't corrected for many arms. completion tokens: of all calls, also of a judge of another model; by "
        "them an arm is judged. all tokens: prompt tokens that no cache had, as far as that is told, too; a vote sends "
        f"its prompt once.{priced} Where there is no equal budget on record, the vote is that of all its paths, or of "
        "one, and spent says how many times as much as that "
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
            ("completion", lambda r: words.tokens_of(r.completion_tokens, r.n)),
            ("prompt", lambda r: words.tokens_of(r.prompt_tokens, r.n)),
            *(cached if told else ()),
            ("serial", lambda r: words.tokens_of(r.serial_tokens, r.n)),
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


def sentences(comparison: Comparison, *, brief: bool = False) -> list[str]:
    """Return for each model and each such arm how it stands beside the vote by which it is judged, task by task.

    brief: of several tasks only on which it is better or worse, where the table with the figures has no room."""
    arms: dict[tuple[str, str], list[Beside]] = {}
    for row in comparison.beside:
        if row.first and row.cost in (COMPLETION, MONEY):
            arms.setdefault((row.model, row.mode), []).append(row)
    several = len({model for model, _ in arms}) > 1
    out = []
    for (model, mode), rows in arms.items():
        label = comparison.facts_of(mode).label or mode
        who = label + (f" for {short_model(model)}" if several else "")
        equal = [row for row in rows if row.cost == COMPLETION]
        if brief and len(equal) > 1:
            out.append(f"{who} beside a vote at the same tokens: {_brief(equal)}.")
        else:
            out.append(f"{who} is {'; '.join(_clause(row) + _in_money(rows, row) for row in equal)}.")
    return out


_SAID = {BEATS: "above it", LOSES: "below it", LESS: "above it for less", MORE: "below it for more"}


def _brief(rows: Sequence[Beside]) -> str:
    """Say of several tasks on which of them an arm is above a vote."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(_SAID.get(row.verdict, row.verdict), []).append(row.task)
    needed = [row for row in rows if row.needed is not None]
    paths = max((row.needed or 0 for row in needed), default=0)
    option = needed[0].why.partition("(--paths ")[2].partition("=")[0] if needed else ""
    more = f"; --paths {option}={paths} draws as many" if needed else ""
    return "; ".join(f"{said} on {listed(tasks)}" for said, tasks in found.items()) + more


def _clause(row: Beside) -> str:
    """Say how an arm stands beside a vote on a task."""
    value = row.delta.value
    if value is None or row.paths is None:
        return f"beside no vote at equal tokens on {row.task} ({row.why})"
    inside = f"{ends(row.delta, signed=True)}; n = {row.n:,}" if row.delta.low is not None else f"n = {row.n:,}"
    which = f"{row.paths:.1f} paths" if row.equal else "one path" if row.paths < 1 else f"all {row.of} paths"
    at = f"a vote of {which}{' at the same tokens' if row.equal else ''} on {row.task}"
    if (row.delta.low or 0.0) > 0 or (row.delta.high or 0.0) < 0:
        said = f"{abs(100 * value):.1f} points {'above' if value > 0 else 'below'} {at} ({inside})"
    else:
        said = f"not clearly better or worse than {at} ({points(value)} points, {inside})"
    return said if row.equal else f"{said}, for {times(row.times)} its tokens; {row.why}"


def _in_money(rows: Sequence[Beside], row: Beside) -> str:
    """Say the same in money, where that is known."""
    for other in rows:
        if other.cost == MONEY and other.task == row.task and other.paths is not None:
            spent = amount(other.spent, other.currency)
            if other.equal:
                return (
                    f", and beside {other.paths:.1f} paths for the same money ({spent} a question) "
                    f"{difference(other.delta)}"
                )
            which = "one path" if other.paths < 1 else f"all {other.of} paths"
            return f", and {times(other.times)} the money of {which} ({spent} a question)"
    return ""
