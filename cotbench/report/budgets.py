"""Curves of a setting, a budget of thought above all, as a table and in words. No arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

from cotbench.analysis import stats
from cotbench.analysis.compare import Comparison
from cotbench.analysis.curve import BUDGET, LEAST, NO_LIMIT, OFF, Point
from cotbench.report import words
from cotbench.report.columns import TASK, Table
from cotbench.report.columns import N as COUNT
from cotbench.report.words import difference, ends, percent, points, short_model

_NAMES = {LEAST: "minimum", "paths": "number of paths"}
_WHAT = {
    BUDGET: "tokens of thought at most",
    LEAST: "tokens of thought at least",
    "paths": "paths",
    "max_tokens": "tokens at most",
}


def curves_of(comparison: Comparison) -> list[list[Point]]:
    """Return the points of each curve, from its start to the largest value."""
    curves: dict[tuple[str, ...], list[Point]] = {}
    for point in comparison.points:
        curves.setdefault(point.key, []).append(point)
    return list(curves.values())


def budgets(comparison: Comparison) -> Table[Point]:
    """The table of all curves."""
    settings = list(dict.fromkeys(point.setting for point in comparison.points))
    starts = list(dict.fromkeys(point.start for point in comparison.points))
    start = starts[0] if len(starts) == 1 else "the start"
    several = len({point.curve for point in comparison.points}) > 1
    title = "Budget curve: what more tokens of thought bring"
    if settings != [BUDGET]:
        title = f"Curves: what more of {' or '.join(settings)} brings"
    margin = next((margin_of(point) for point in comparison.points), "")
    return Table(
        title=title,
        rows=comparison.points,
        names=[*TASK, *([("arms", lambda r: r.curve)] if several else []), ("with", level_of)],
        figures=[
            COUNT,
            ("right %", lambda r: percent(r.accuracy.value)),
            ("95% interval", lambda r: ends(r.accuracy)),
            (f"against {start}", lambda r: difference(r.from_start)),
            ("against the largest", lambda r: difference(r.from_largest)),
            ("not worse", _verdict),
            ("thought", lambda r: words.tokens(r.thought)),
            ("tokens", lambda r: words.tokens(r.spent)),
            ("kept %", lambda r: percent(r.kept)),
            ("used up %", lambda r: percent(r.reached)),
        ],
        about=f"against: paired differences in points, with 95% intervals. {_starts(comparison.points)}not worse: than "
        f"the largest by more than {margin}, a margin to be fixed before answers are looked at; shown where the "
        "interval of the difference lies above it. Values are tried from the largest down, and the first that isn't "
        "shown ends it, so that trying many makes no error more likely; not shown isn't shown to be worse. thought, "
        "tokens: mean per question, of the thought and in all. kept: thoughts within their limit; used up: those that "
        "took all of it, and were closed there, unless they ended by themselves with the last token.",
    )


def _starts(rows: Sequence[Point]) -> str:
    """Say what a curve starts with, where that isn't in the header."""
    starts = list(dict.fromkeys((row.curve, row.start) for row in rows))
    if len({start for _, start in starts}) == 1:
        return ""
    return f"The start is {', '.join(f'{start} for {curve}' for curve, start in starts)}. "


def level_of(point: Point) -> str:
    """Return which point of a curve it is: its value with the setting's name."""
    if point.level == OFF:
        return "no thinking"
    return point.level if point.level == NO_LIMIT else f"{point.setting} {point.level}"


def margin_of(point: Point) -> str:
    return f"{100 * point.margin:g} points"


def _verdict(point: Point) -> str:
    if point.mode == point.largest:
        return "the largest"
    if point.chosen:
        return "the smallest"
    if point.not_worse is None:
        return words.DASH
    return "yes" if point.not_worse else "worse" if (point.from_largest.high or 0.0) < 0 else "not shown"


# --- sentences ----------------------------------------------------------------------------------------------------


def sentences(comparison: Comparison) -> list[str]:
    """Return what each curve says, in words."""
    return [_sentence(curve) for curve in curves_of(comparison) if all(point.n for point in curve)]


def _sentence(curve: Sequence[Point]) -> str:
    first, largest = curve[0], curve[-1]
    named = (
        f"{first.curve} on {first.task} for {short_model(first.model)}, by {_NAMES.get(first.setting, first.setting)}"
    )
    gain = f"{percent(first.accuracy.value)}% right {_with(first)}, {percent(largest.accuracy.value)}% {_with(largest)}"
    inside = f"{ends(largest.from_start, signed=True)}; n = {largest.n_start:,}"
    size = f"{points(largest.from_start.value)} points ({inside})"
    return f"{named}: {gain}, a paired difference of {size}{_choice(curve)}{_unkept(curve)}."


def _with(point: Point) -> str:
    """Say how much of its setting an arm has."""
    if point.level == OFF:
        return f"without thinking ({point.mode})"
    if point.level == NO_LIMIT:
        return f"with no limit ({point.mode})"
    return (
        f"with {point.level} {_WHAT[point.setting]}" if point.setting in _WHAT else f"at {point.setting} {point.level}"
    )


def _choice(curve: Sequence[Point]) -> str:
    """Say which value is the smallest that isn't worse than the largest, and what stands against the next."""
    chosen = next((place for place, point in enumerate(curve) if point.chosen), None)
    if chosen is None:
        return ""
    largest, margin = curve[-1], margin_of(curve[-1])
    named = _NAMES.get(largest.setting, largest.setting)
    below = next((point for point in reversed(curve[:chosen]) if point.level != OFF), None)
    if curve[chosen] is largest:
        said = f". That it is not worse by more than {margin} is not shown for any smaller {named}"
        return said + (f": {_against(below)}" if below else "")
    point = curve[chosen]
    said = (
        f". The smallest {named} shown to be not worse than {_largest(largest)} by more than {margin} is "
        f"{point.level} ({points(point.from_largest.value)}, {ends(point.from_largest, signed=True)}), at "
        f"{words.tokens(point.spent)} tokens a question against {words.tokens(largest.spent)}"
    )
    return said + (f"; {_against(below)}" if below else "")


def _largest(point: Point) -> str:
    return NO_LIMIT if point.level == NO_LIMIT else f"the largest ({point.level})"


def _against(point: Point) -> str:
    """Say why the next smaller value isn't taken."""
    size = f"{points(point.from_largest.value)}, {ends(point.from_largest, signed=True)}"
    if (point.from_largest.high or 0.0) < 0:
        return f"{point.level} is worse ({size})"
    open_ = f"{point.level} may be as good or worse ({size})"
    least = stats.least_pairs(point.margin)
    if point.n_largest < least:
        return f"{open_}, and {point.n_largest:,} questions can't show it however alike the answers: it takes {least:,}"
    if point.needed is None:
        return open_
    return f"{open_}; about {point.needed:,} questions like these would show it, if there is no difference"


def _unkept(curve: Sequence[Point]) -> str:
    """Say which limits weren't kept: then a curve is of what was asked for, not of what was had."""
    broken = [point for point in curve if point.kept is not None and point.kept < 1]
    if not broken:
        return ""
    worst = min(broken, key=lambda point: point.kept or 0.0)
    others = f", and under {len(broken) - 1} more not all" if len(broken) > 1 else ""
    return f"; but only {percent(worst.kept)}% of thoughts kept to {worst.level} tokens{others}"
