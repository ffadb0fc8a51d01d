"""The one rule by which a difference is called a help, a hurt, no clear effect, or inconclusive.

A sentence, its interval and its test must not say different things. An interval and an exact test are worked out in two
ways, and a test that is corrected for many comparisons answers a third question; where they don't agree, that is the
verdict, with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from cotbench.analysis.estimates import Delta, Interval
from cotbench.analysis.repeats import RepeatedDelta
from cotbench.analysis.stats import CONFIDENCE

Row = TypeVar("Row", Delta, RepeatedDelta)
ALPHA = 1 - CONFIDENCE
HELPS, HURTS, HIGHER, LOWER = "helps", "hurts", "higher", "lower"
NO_EFFECT, INCONCLUSIVE, NOT_ESTIMABLE = "no clear effect", "inconclusive", "not estimable"
CLEAR = frozenset({HELPS, HURTS, HIGHER, LOWER})
TOKENS = "tokens"  # the kind of remark that an arm isn't shown to beat a vote at equal tokens; it is no matter of hurts


class Remark(Protocol):
    """What casts doubt on a difference: which comparison, and of what the difference is."""

    @property
    def key(self) -> tuple[str, str, str, str]: ...
    @property
    def kind(self) -> str: ...
    @property
    def text(self) -> str: ...


class Judged(Protocol):
    """What a verdict is on: a difference of n questions, with the test and its correction."""

    @property
    def n(self) -> int: ...
    @property
    def delta(self) -> Interval: ...
    @property
    def uncorrected_p(self) -> float | None: ...
    @property
    def p_clustered(self) -> float | None: ...
    @property
    def p_holm(self) -> float | None: ...
    @property
    def family(self) -> int | None: ...


def judged(deltas: Iterable[Row], cautions: Sequence[Remark]) -> list[Row]:
    """Return the differences with their verdicts. cautions: of a comparison as a whole, so also of its sides."""
    doubted: dict[tuple[str, str, str, str], list[str]] = {}
    spends: dict[tuple[str, str, str, str], str] = {}
    for caution in cautions:
        if caution.kind == TOKENS:
            spends.setdefault(caution.key, caution.text)
            continue
        kinds = doubted.setdefault(caution.key, [])
        kinds += [caution.kind] if caution.kind not in kinds else []
    out = []
    for delta in deltas:
        verdict, why = verdict_of(delta, doubted.get(delta.key, ()), spends.get(delta.key, ""))
        out.append(replace(delta, verdict=verdict, why=why))
    return out


def verdict_of(delta: Judged, doubted: Sequence[str] = (), spends: str = "") -> tuple[str, str]:
    """Return what a difference is called, and why where that isn't plain.

    `helps` and `hurts`: its interval is clear of zero, and its test says so too, also after the correction for many
    comparisons. `higher` and `lower`: so, but the difference is one of budgets, refusals or reading, as `doubted` names
    them, or, of `higher`, the mode spends further calls and isn't shown to beat a vote at equal tokens, in the way that
    `spends` says. `no clear effect`: neither interval nor test. `inconclusive`: they disagree, or the correction makes
    the difference. `not estimable`: no questions, or no interval.
    """
    low, high = delta.delta.low, delta.delta.high
    if not delta.n or low is None or high is None:
        return NOT_ESTIMABLE, "no questions" if not delta.n else "no interval"
    apart = low > 0 or high < 0
    p = delta.uncorrected_p
    rejects = p is not None and p < ALPHA
    if apart != rejects:
        if p is None:
            return INCONCLUSIVE, "there is no test beside the interval"
        test = "exact test" if delta.p_clustered is None else "test"
        return INCONCLUSIVE, f"interval and {test} disagree"
    if not apart:
        return NO_EFFECT, ""
    if delta.p_holm is not None and delta.p_holm >= ALPHA:
        return INCONCLUSIVE, f"clear by itself, not as one of {delta.family} comparisons"
    why = [f"a difference of {' and '.join(doubted)}"] if doubted else []
    why += [spends] if spends and low > 0 else []
    if why:
        return (HIGHER if low > 0 else LOWER), "; ".join(why)
    return (HELPS if low > 0 else HURTS), ""
