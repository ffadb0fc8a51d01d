"""Whether two SymPy expressions have the same value: numbers to 50 digits, others at random points."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import sympy as sp

from cotbench.answers.judging.forms import NotRead, TooLarge
from cotbench.answers.judging.value_grammar import HUGE, MAX_TERMS

MIN_DIGITS = 6  # significant digits that a rounded decimal must have to stand for an exact value
POINTS = 8
SERIES_TERMS = 120  # of a power series at a point of at most 0.35
SCALES = (sp.Integer(1), sp.Integer(17), sp.Rational(1, 7), sp.Integer(300))  # of random points
_WHOLE = frozenset("n k m d p q j l c N M K ell".split())  # names of whole numbers
_CLOSE = sp.Float("1e-40", 50)


def _same_number(a: Any, b: Any) -> bool:
    if a == b:
        return True
    if a.is_Rational and b.is_Rational:
        return False
    if a.has(sp.Sum) or b.has(sp.Sum):
        return _same_float(sp.N(a, 30), sp.N(b, 30))
    if any(expr.is_infinite or expr.has(sp.oo, sp.nan, sp.zoo) for expr in (a, b)):
        return bool(a == b)
    digits = max((_digits(expr) for expr in (a, b)), default=0)
    if digits > 100:  # the terms of a difference may agree in so many digits, 2^{2011} in 606
        x, y = a.evalf(50, maxn=4 * digits + 400), b.evalf(50, maxn=4 * digits + 400)
        if not _same_float(x, y):
            return False
    difference = (a - b).evalf(50, maxn=4 * digits + 400)
    if digits > 100:
        return difference == 0 or getattr(difference, "_prec", 53) <= 1  # no digit of the difference can be had
    size = max(abs(a.evalf(20)), abs(b.evalf(20)))
    if not difference.is_comparable and not difference.is_number:
        return False
    return bool(abs(difference) <= size * _CLOSE)


def _digits(expr: Any) -> int:
    """How many digits the largest whole number of an expression has."""
    found = [number.q if abs(number.p) < number.q else number.p for number in expr.atoms(sp.Rational)]
    powers = [
        float(abs(power.exp) * sp.log(abs(power.base), 10).evalf(8))
        for power in expr.atoms(sp.Pow)
        if power.base.is_Integer and power.exp.is_Rational and abs(power.base) > 1
    ]
    return int(max([abs(number).bit_length() * 0.302 for number in map(int, found)] + powers, default=0))


def _same_float(x: Any, y: Any) -> bool:
    if not _are_finite(x, y) or not (x.is_comparable or x.is_complex) or x.has(sp.Sum) or y.has(sp.Sum):
        return False
    return _are_near(x, y, "1e-20")


def _are_finite(*values: Any) -> bool:
    return all(value.is_number and not value.has(sp.nan, sp.zoo, sp.oo) for value in values)


def _are_near(x: Any, y: Any, part: str) -> bool:
    """Whether two numbers differ by no more than a part of the larger one."""
    return bool(abs(x - y) <= sp.Float(part) * max(abs(x), abs(y), sp.Float("1e-90")))


def _fraction(points: random.Random) -> Any:
    """A random number between 0.5 and 3, as an exact fraction."""
    return sp.Rational(points.randint(501, 2999), 1009)


def rounded(exact: Any, decimal: Any, places: int) -> bool:
    """Whether a decimal number is an exact value, rounded, to at least `MIN_DIGITS` digits; never a whole number."""
    if decimal == 0 or not exact.is_comparable or decimal == int(decimal) or exact.is_Integer:
        return False
    digits = len(str(abs(int(decimal * 10**places))))
    half = sp.Rational(1 if digits < 15 else 4, 2)  # of the last place; a float's last digits are noise
    return digits >= MIN_DIGITS and bool(abs((exact - decimal).evalf(30)) <= half / sp.Integer(10) ** places)


def _same_function(a: Any, b: Any, symbols: Sequence[Any]) -> bool:
    """Whether two expressions agree at random points of both signs where they are real and defined."""
    points = random.Random(0)  # noqa: S311 - the same points for every pair, and for both orders of one
    agreed = 0
    either = {symbol for symbol in symbols if symbol.name[:1] in "xyzt"}
    logarithms = a.has(sp.log) and b.has(sp.log) and not (a + b).has(sp.Abs)  # 2 log x and log x^2
    whole = _whole(a) | _whole(b)
    both_signs = (not _rooted(a) and not _rooted(b)) or a.has(sp.Abs) or b.has(sp.Abs)
    for at in range(POINTS + 8):
        sign = 1 if at < POINTS // 2 + 2 else -1
        scale = SCALES[at % len(SCALES)]
        values = {
            symbol: (sign if both_signs or symbol in either else 1)
            * (sp.Integer(points.randint(2, 13)) if symbol in whole else scale * _fraction(points))
            for symbol in symbols
        }
        x, y = a.subs(values).evalf(30), b.subs(values).evalf(30)
        if not _are_finite(x, y):
            if x == y:
                agreed += x.is_number is False
            continue
        x, y = sp.N(x, 30), sp.N(y, 30)
        beyond = [sp.im(value) != 0 for value in (x, y)]
        if not a.has(sp.I) and not b.has(sp.I) and any(beyond):
            if all(beyond) or logarithms:
                continue  # outside of the real domain, as of a root
            return False
        if not _are_near(x, y, "1e-15"):
            return False
        agreed += 1
        if agreed >= POINTS:
            break
    return agreed >= 2 or _same_at_integers(a, b, symbols)


def _rooted(expr: Any) -> bool:
    """Whether an expression has roots: then its parameters are positive, as lengths and masses are, \\sqrt{a^2} = a."""
    return any(power.exp.is_Rational and not power.exp.is_Integer for power in expr.atoms(sp.Pow))


def _whole(expr: Any) -> set[Any]:
    """The unknowns that are whole numbers, as their names and places say: n of (-2)^n."""
    powers = [power for power in expr.atoms(sp.Pow) if power.base != sp.E and power.exp.free_symbols]
    return {symbol for power in powers for symbol in power.exp.free_symbols if symbol.name in _WHOLE}


def _same_at_integers(a: Any, b: Any, symbols: Sequence[Any], *, count: int = POINTS) -> bool:
    """Whether two expressions agree at random integers, outside of which they may not be real: (-1)^n."""
    points = random.Random(1)  # noqa: S311
    agreed = 0
    for at in range(count):
        values = {symbol: sp.Integer(points.randint(2, 30)) for symbol in symbols}
        if count > POINTS and len(symbols) == 1:
            values = {symbols[0]: sp.Integer(at + 1)}
        x, y = sp.N(a.subs(values), 30), sp.N(b.subs(values), 30)
        if _are_finite(x, y):
            if not _are_near(x, y, "1e-15"):
                return False
            agreed += 1
    return agreed >= count // 2


def _same_series(a: Any, b: Any, symbols: Sequence[Any]) -> bool:
    """Whether two expressions with sums agree; unknowns outside of bounds are small, so that power series converge."""
    points = random.Random(2)  # noqa: S311
    ends = [end for total in (a + b).atoms(sp.Sum, sp.Product) for end in total.limits[0][1:]]
    bounds = {symbol for end in ends for symbol in end.free_symbols}
    for at in range(3):
        values = {
            symbol: sp.Integer(points.randint(2, 9)) if symbol in bounds else sp.Rational(points.randint(50, 350), 1009)
            for symbol in symbols
        }
        if at == 1:
            values = {symbol: value if symbol in bounds else -value for symbol, value in values.items()}
        if not _same_float(*(_added_up(expr.subs(values)) for expr in (a, b))):
            return False
    return True


def _added_up(expr: Any) -> Any:
    """The number that an expression with sums is, a series by its first terms: they become small fast enough."""
    totals: dict[Any, Any] = {}
    for total in sorted(expr.atoms(sp.Sum, sp.Product), key=lambda total: len(total.atoms(sp.Sum, sp.Product))):
        counter, low, high = total.limits[0]
        if not low.is_Integer or not (high.is_Integer or high.is_infinite):
            raise NotRead("the bounds of a sum")
        last = int(high) if high.is_Integer else int(low) + SERIES_TERMS
        if last - low > MAX_TERMS:
            raise TooLarge("a long sum")
        terms = [sp.N(total.function.subs(totals).subs(counter, at), 40) for at in range(int(low), last + 1)]
        totals[total] = sp.Add(*terms) if isinstance(total, sp.Sum) else sp.Mul(*terms)
    return sp.N(expr.subs(totals), 30)


def functions_named(expr: Any) -> Any:
    """Applications of unknown functions, f(2), as symbols."""
    found = sorted(expr.atoms(sp.core.function.AppliedUndef), key=str)
    return expr.subs({call: sp.Symbol(str(call)) for call in found}) if found else expr


def same_expression(a: Any, b: Any) -> bool:
    a, b = functions_named(a), functions_named(b)
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    if not symbols:
        return _same_number(a, b)
    if a == b:
        return True
    if any(symbol.name.startswith(HUGE) for symbol in symbols):
        raise TooLarge("a power")
    if (a + b).has(sp.Sum, sp.Product):
        return _same_series(a, b, symbols)
    if (a + b).has(sp.floor, sp.ceiling) and {symbol.name for symbol in symbols} <= _WHOLE:
        return _same_at_integers(a, b, symbols, count=30)
    if (a + b).has(sp.factorial, sp.factorial2, sp.binomial):
        return _same_at_integers(a, b, symbols)
    return _same_function(a, b, symbols)


def constant_ratio(a: Any, b: Any) -> Any:
    """The number that a is a multiple of b by, at whatever point; None where there is no such number, or 0."""
    points = random.Random(3)  # noqa: S311
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    for _ in range(4):
        values = {symbol: _fraction(points) for symbol in symbols}
        x, y = sp.N(a.subs(values), 30), sp.N(b.subs(values), 30)
        if x.is_comparable and y.is_comparable and x != 0 and y != 0:
            ratio = x / y
            return ratio if same_expression(a, ratio * b) else None
    return None


def differ_by_a_number(a: Any, b: Any) -> bool:
    """Whether the difference of two expressions has one value, at whatever point."""
    points = random.Random(4)  # noqa: S311
    symbols = sorted(a.free_symbols | b.free_symbols, key=str)
    values = [sp.N((a - b).subs({symbol: _fraction(points) for symbol in symbols}), 30) for _ in range(6)]
    found = list(filter(_are_finite, values))
    return len(found) > 2 and all(abs(value - found[0]) <= sp.Float("1e-15") * (1 + abs(found[0])) for value in found)
