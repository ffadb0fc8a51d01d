"""Model against model as tables and in words. No arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cotbench.analysis.between import LESS, MORE, Gain, Lead, mirrored
from cotbench.analysis.compare import Caution, Comparison
from cotbench.analysis.estimates import ALL
from cotbench.modes import BASELINE
from cotbench.modes.arms import base_of
from cotbench.report.columns import Column, N, Table
from cotbench.report.words import count, difference, ends, p_value, percent, points, short_model, side_label

_MODELS: Sequence[Column[Any]] = (("models", lambda r: two_models(r)), ("task", lambda r: r.task))
_TESTS: Sequence[Column[Any]] = (
    ("difference", lambda r: points(r.difference.value) if r.n else "not estimable"),
    ("95% interval", lambda r: ends(r.difference, signed=True)),
    ("more", lambda r: count(r.more if r.n else None)),
    ("less", lambda r: count(r.less if r.n else None)),
    ("p", lambda r: p_value(r.difference.p)),
    ("Holm p", lambda r: p_value(r.p_holm)),
)
_TESTED = (
    "a score interval, and an exact test by sign flips; where questions are clustered, a t interval and t test (CR2)"
)


def _questions(comparison: Comparison) -> Column[Any]:
    return "questions", lambda r: side_label(comparison, r.tag)


def two_models(row: Gain | Lead) -> str:
    """Name the two models of a row, by their short names where these differ."""
    return " − ".join(_names(row).values())


def _names(row: Gain | Lead) -> dict[str, str]:
    """Return what the two models are called: their short names where these differ."""
    models = row.model, row.against
    short = [short_model(model) for model in models]
    return dict(zip(models, short if short[0] != short[1] else models, strict=True))


def gains(comparison: Comparison) -> Table[Gain]:
    """What arms bring one model more than another."""
    return Table(
        title="Model against model: what an arm brings one more than the other, in points",
        rows=_telling(comparison.gains),
        names=[*_MODELS, ("mode", lambda r: f"{r.mode} − {r.baseline}"), _questions(comparison)],
        figures=[
            N,
            ("the first's", lambda r: difference(r.gain)),
            ("the other's", lambda r: difference(r.gain_against)),
            *_TESTS,
        ],
        about="On the n questions that both models decided under both arms. the first's, the other's: what the arm "
        "changes for each; difference: the first's less the other's, question by question. more, less: questions on "
        f"which the first gains more, or less. Interval and p: {_TESTED}. Holm p: corrected over "
        f"{comparison.families.get('gains', 'them')}, and apart from them over "
        f"{comparison.families.get('gains on sides', 'those on sides')}.{_unlike(comparison.gains)}",
    )


def leads(comparison: Comparison) -> Table[Lead]:
    """How far one model is ahead of another."""
    return Table(
        title="Model against model: accuracy, in points",
        rows=_telling(comparison.leads),
        names=[*_MODELS, ("mode", _arms), _questions(comparison)],
        figures=[
            N,
            ("the first's %", lambda r: percent(r.accuracy)),
            ("the other's %", lambda r: percent(r.accuracy_against)),
            *_TESTS,
        ],
        about="On the n questions that both models decided. difference: in points, with more and less: questions that "
        f"only the first, or only the other, gets right. Interval and p: {_TESTED}. Holm p: corrected over "
        f"{comparison.families.get('leads', 'them')}, and apart from them over "
        f"{comparison.families.get('leads on sides', 'those on sides')}.{_unlike(comparison.leads)}",
        brief=False,
    )


def _arms(row: Lead) -> str:
    return row.mode if row.mode == row.baseline else f"{row.mode} − {row.baseline}"


def _telling(rows: Sequence[Any]) -> list[Any]:
    """Leave out a side that holds all questions, which says nothing new, and the empty one beside it."""
    whole = {(row.key, row.against): row.n for row in rows if row.tag == ALL}
    return [row for row in rows if row.tag == ALL or row.n not in (0, whole[row.key, row.against])]


def _unlike(rows: Iterable[Gain | Lead]) -> str:
    """Say what was asked otherwise of one model than of another."""
    told = dict.fromkeys(f"{two_models(row)}: {row.unlike}" for row in rows if row.unlike)
    return f" Asked otherwise of the one than of the other: {'. '.join(told)}." if told else ""


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return a sentence for each two models and pair of arms, over all tasks: for whom the arm does more."""
    said: dict[tuple[str, ...], list[Gain]] = {}
    for row in comparison.gains:
        if row.tag == ALL and row.n:
            said.setdefault((row.model, row.against, row.mode, row.baseline), []).append(row)
    leading: dict[tuple[str, ...], list[Lead]] = {}
    for lead in comparison.leads:  # the same arm of both is in the table; two that somebody asked for are said
        if lead.tag == ALL and lead.n and lead.mode != lead.baseline:
            leading.setdefault((lead.model, lead.against, lead.mode, lead.baseline), []).append(lead)
    return [
        *(_of_gains(comparison, rows) for rows in said.values()),
        *(_of_leads(comparison, r) for r in leading.values()),
    ]


def _of_gains(comparison: Comparison, rows: Sequence[Gain]) -> str:
    names = _names(rows[0])
    label = comparison.facts_of(rows[0].mode).label or rows[0].mode
    if base_of(rows[0].baseline) != BASELINE:
        label = f"{label} (against {comparison.facts_of(rows[0].baseline).label or rows[0].baseline})"
    parts: list[str] = []
    for row in rows:
        who = "it" if parts else label
        if row.verdict not in (MORE, LESS):
            of = "" if parts else f"{label} for {names[row.model]} against {names[row.against]}: "
            inside = f"{points(row.difference.value)} points, {_inside(row)}"
            parts.append(f"{of}{_open(row)} on {row.task} ({inside}; n = {row.n:,})")
            continue
        told = row if (row.difference.value or 0.0) > 0 else mirrored(row)  # of whom it does more for
        size = f"{100 * (told.difference.value or 0.0):.1f} points"
        does = f"adds {size} more for {names[told.model]} than for {names[told.against]}"
        if (told.gain.value or 0.0) < 0:
            does = f"costs {names[told.model]} {size} less than {names[told.against]}"
        parts.append(f"{who} {does} on {told.task} ({_inside(told)}; n = {told.n:,})")
    return f"{'; '.join(parts)}{_but(comparison, rows)}."


def _inside(row: Gain) -> str:
    return f"{ends(row.difference, signed=True)}; {points(row.gain.value)} against {points(row.gain_against.value)}"


def _open(row: Gain | Lead) -> str:
    """Say that nothing is shown, and why where that isn't plain."""
    return f"{row.verdict}: {row.why}" if row.why else row.verdict


def _of_leads(comparison: Comparison, rows: Sequence[Lead]) -> str:
    first, second = _names(rows[0]).values()
    label, other = (comparison.facts_of(name).label or name for name in (rows[0].mode, rows[0].baseline))
    parts = []
    for row in rows:
        value = row.difference.value or 0.0
        inside = f"{ends(row.difference, signed=True)}; n = {row.n:,}"
        if row.verdict in (MORE, LESS):
            who = f"{abs(100 * value):.1f} points {'ahead of' if value > 0 else 'behind'}"
            parts.append(f"{who} it on {row.task} ({inside})")
        else:
            parts.append(f"{_open(row)} on {row.task} ({points(value)} points, {inside})")
    return f"{first} under {label}, against {second} under {other}: {'; '.join(parts)}."


def _but(comparison: Comparison, rows: Sequence[Gain]) -> str:
    """Say what of either model's gain comes from budgets or reading."""
    keys = {(model, row.task, row.mode, row.baseline) for row in rows for model in (row.model, row.against)}
    found: list[Caution] = [one for one in comparison.cautions if one.key in keys]
    told = dict.fromkeys(f"{short_model(one.model)} on {one.task}: {one.text}" for one in found)
    return f"; but {'; '.join(told)}" if told else ""
