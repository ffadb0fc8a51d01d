"""Thinking x prompt, and passages x thought, as tables and in words. No arithmetic but the sum of two effects."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis.compare import Comparison
from cotbench.analysis.curve import OFF
from cotbench.analysis.factorial import FACTORS, INTERACTION, ON, PASSAGES, PROMPT, THINKING, Effect
from cotbench.analysis.verdicts import ALPHA
from cotbench.modes import MODES
from cotbench.modes.arms import base_of
from cotbench.modes.context import NONE, RETRIEVED
from cotbench.report.columns import TASK, Column, Table
from cotbench.report.columns import N as COUNT
from cotbench.report.words import count, ends, p_value, points, short_model


def interaction(comparison: Comparison) -> Table[Effect]:
    """The table of all squares of thinking and prompt."""
    return _table(comparison, THINKING, "Thinking x prompt: do they add up?")


def passages_and_thought(comparison: Comparison) -> Table[Effect]:
    """The table of all squares of passages and thought."""
    return _table(comparison, PASSAGES, "Passages x thought: do they add up?")


def _table(comparison: Comparison, factor: str, title: str) -> Table[Effect]:
    rows = [effect for effect in comparison.effects if effect.factor == factor]
    scored = any(row.score.value is not None for row in rows)
    of_score: Sequence[Column[Effect]] = (
        ("score, points", lambda r: points(r.score.value)),
        ("95% interval", lambda r: ends(r.score, signed=True)),
    )
    what = "thinking adds" if factor == THINKING else "passages add"
    return Table(
        title=title,
        rows=rows,
        names=[*TASK, ("effect", _named), ("arms", lambda r: r.arms)],
        figures=[
            COUNT,
            ("points", lambda r: points(r.difference.value) if r.n else "not estimable"),
            ("95% interval", lambda r: ends(r.difference, signed=True)),
            ("helped", lambda r: count(r.helped if r.n else None)),
            ("hurt", lambda r: count(r.hurt if r.n else None)),
            ("p", lambda r: p_value(r.difference.p)),
            ("Holm p", lambda r: p_value(r.p_holm)),
            *(of_score if scored else ()),
        ],
        about=f"All on the n questions that have a verdict under all four arms. interaction: what {what} under the "
        f"second prompt less what {'it adds' if factor == THINKING else 'they add'} under the first, question by "
        "question, which is the same as what the two together add less the sum of what each adds alone; 0 where they "
        "add up. p: as of all paired differences; of the interaction by sign flips, exact, with a score interval; of "
        "clustered questions a t test's. Holm p: corrected over all interactions here, and apart from them over all "
        "other rows." + (" score: the same of mean scores, by the paired t test's interval." if scored else ""),
    )


def _named(effect: Effect) -> str:
    if effect.effect in FACTORS:
        return f"{_factor(effect)} under {effect.under}"
    if effect.effect == PROMPT:
        without = "without thinking" if effect.factor == THINKING else "without passages"
        where = without if effect.under in (OFF, NONE) else f"with {_factor(effect)}"
        return f"{effect.second} instead of {effect.first}, {where}"
    return f"interaction of {_factor(effect)} and {effect.second}"


def _factor(effect: Effect) -> str:
    if effect.factor == PASSAGES:
        shown, *more = effect.context.split(", ", 1)
        return " ".join([f"{shown} passages", *(f"({how})" for how in more)])
    return "thinking" if effect.thinking == ON else f"thinking ({effect.thinking})"


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return what each square says, in words."""
    squares: dict[tuple[str, ...], list[Effect]] = {}
    for effect in comparison.effects:
        squares.setdefault(effect.key, []).append(effect)
    said: dict[tuple[str, ...], list[list[Effect]]] = {}  # by the two prompts
    for square in squares.values():
        if square[0].n:
            said.setdefault(square[0].key[:5], []).append(square)
    # Of several kinds of thinking that which has no limit, else the last; the table has all. So of passages: retrieved
    # ones go before those that the answer rests on, which nobody has at hand.
    told = [max(reversed(ways), key=lambda square: _foremost(square[0])) for ways in said.values()]
    return [_sentence(square) for square in told]


def _foremost(effect: Effect) -> tuple[bool, bool]:
    return effect.thinking == ON, effect.context.startswith(RETRIEVED)


def _sentence(square: Sequence[Effect]) -> str:
    alone, other = (effect for effect in square if effect.effect in FACTORS)
    prompt = next(effect for effect in square if effect.effect == PROMPT and effect.under in (OFF, NONE))
    between = next(effect for effect in square if effect.effect == INTERACTION)
    first, second = _wheres(alone)
    what = "Thinking x prompt" if alone.factor == THINKING else "Passages x thought"
    named = f"{what} for {short_model(alone.model)} on {alone.task} ({alone.n:,} questions under four arms)"
    thinks = f"{_factor(alone)} {_brings(alone)} {first}, and {_brings(other)} {second}"
    tail = f"; but the arms differ in more: {between.unlike}" if between.unlike else ""
    return f"{named}: {thinks}. {_together(alone, prompt, between)}{tail}."


def _wheres(effect: Effect) -> tuple[str, str]:
    """Say under which prompts, by what they ask for where both are told apart by that."""
    kinds = [_kind(name) for name in (effect.first, effect.second)]
    if "" in kinds or kinds[0] == kinds[1]:
        return f"under {effect.first}", f"under {effect.second}"
    return f"{kinds[0]} ({effect.first})", f"{kinds[1]} ({effect.second})"


def _kind(prompt: str) -> str:
    """Say what a prompt asks for; "" where that isn't known, as of a mode that isn't ours."""
    mode = MODES.get(base_of(prompt))
    if mode is None or mode.shows not in (None, "rationale"):
        return ""
    if mode.facts.at_once:
        return "where the answer alone is asked for"
    return "with a request to reason" if mode.shows else "without a request to reason"


def _sure(effect: Effect) -> bool:
    """Whether an effect is shown: both its interval and its corrected p must say so."""
    low, high = effect.difference.low, effect.difference.high
    apart = low is not None and high is not None and (low > 0 or high < 0)
    return apart and effect.p_holm is not None and effect.p_holm < ALPHA


def _brings(effect: Effect) -> str:
    value = effect.difference.value or 0.0
    size, inside = f"{abs(100 * value):.1f} points", ends(effect.difference, signed=True)
    thinks = effect.factor == THINKING
    if not _sure(effect):
        return f"{'has' if thinks else 'have'} no clear effect ({points(value)} points, {inside})"
    does = ("adds" if thinks else "add") if value > 0 else ("costs" if thinks else "cost")
    return f"{does} {size} ({inside})"


def _together(thinking: Effect, prompt: Effect, between: Effect) -> str:
    """Say whether thinking and the second prompt add up, and what that means."""
    value = between.difference.value or 0.0
    parts = thinking.difference.value or 0.0, prompt.difference.value or 0.0
    whole = sum(parts) + value
    far = f"{abs(100 * value):.1f} points {'less' if value < 0 else 'more'} than"
    size = f"{far if points(value) != points(0.0) else 'which is'} the sum of what each brings alone"
    inside = f"{ends(between.difference, signed=True)}; p {p_value(between.p_holm)}"
    factor = _factor(between) if between.factor == PASSAGES else "thinking"
    alone = f"{factor[0].upper()}{factor[1:]} and {between.second} together bring {points(whole)} points"
    if not _sure(between):
        return f"{alone}, {size} ({inside}): no clear interaction"
    meant = ""
    if value > 0:
        meant = ": each brings more where the other is there"
    elif min(parts) > 0:
        less = "they bring less than the better of the two alone"
        meant = f": {less if whole < max(parts) else 'one does a part of the work of the other'}"
    return f"{alone}, {size} ({inside}){meant}"
