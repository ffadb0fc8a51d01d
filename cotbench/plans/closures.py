"""SymPy expressions -> plain Python functions of a list of numbers, for searches: exact, and a hundred times faster.

A compiled function returns an int, a Fraction, a bool or a tuple of them. It raises Inexact where the value isn't
rational (a root of 2) or too large, and ZeroDivisionError.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy as sp

from cotbench.plans import functions as fn

Number = int | Fraction
Compiled = Callable[[list[Any]], Any]

MAX_BITS = 20_000


class Inexact(Exception):
    """No rational number, or too large a one, or a function that has no quick form."""


def compiled(expression: Any, places: Mapping[Any, int]) -> Compiled:
    """A function of the list that holds, at places[symbol], the value of each symbol. Raises Inexact."""
    if expression.is_Rational or expression in (sp.true, sp.false):
        constant: Any = Fraction(int(expression.p), int(expression.q)) if expression.is_Rational else bool(expression)
        constant = int(expression) if expression.is_Integer else constant
        return lambda _: constant
    if expression.is_Symbol:
        if expression not in places:
            raise Inexact
        return operator.itemgetter(places[expression])
    kind = expression.func
    if kind is sp.Piecewise:
        return _piecewise([(compiled(v, places), compiled(c, places)) for v, c in expression.args])
    parts = [compiled(part, places) for part in expression.args]
    if kind in (sp.And, sp.Or):
        decide = all if kind is sp.And else any
        return lambda values: decide(part(values) for part in parts)
    function = _FUNCTIONS.get(kind)
    if function is not None and len(parts) == 1:
        (only,) = parts
        return lambda values: function(only(values))
    if function is not None and len(parts) == 2:
        first, second = parts
        return lambda values: function(first(values), second(values))
    many = _OF_MANY.get(kind)
    if many is None:
        raise Inexact
    return lambda values: many([part(values) for part in parts])


def _piecewise(cases: list[tuple[Compiled, Compiled]]) -> Compiled:
    def chosen(values: list[Any]) -> Any:
        for value, condition in cases:
            if condition(values):
                return value(values)
        raise Inexact

    return chosen


def _power(base: Number, exponent: Number) -> Number:
    if exponent == int(exponent):
        exponent = int(exponent)
        bits = max(abs(base.numerator).bit_length(), base.denominator.bit_length())
        if abs(exponent) * bits > MAX_BITS and base not in (0, 1, -1):
            raise Inexact
        return base**exponent if exponent >= 0 else Fraction(1) / (Fraction(base) ** -exponent)
    exponent = Fraction(exponent)
    if base < 0:
        raise Inexact
    top = _root(base.numerator, exponent.denominator)
    bottom = _root(base.denominator, exponent.denominator)
    return _power(top if bottom == 1 else Fraction(top, bottom), exponent.numerator)


def _root(n: int, degree: int) -> int:
    found = int(sp.integer_nthroot(n, degree)[0])
    if found**degree != n:
        raise Inexact
    return found


def _integer(value: Any, low: float = -math.inf, high: float = math.inf) -> int:
    """The integer that a number is. Raises Inexact where it is none, or out of bounds."""
    if value != int(value) or not low <= value <= high:
        raise Inexact
    return int(value)


def _binomial(n: Any, k: Any) -> int:
    top, bottom = _integer(n, 0, 10_000), _integer(k)
    return math.comb(top, bottom) if bottom >= 0 else 0


def _is_prime(n: Any) -> bool:
    if n != int(n) or n < 2:
        return False
    if n > 10**40:
        raise Inexact
    return bool(sp.isprime(int(n)))


def _of_integers(kind: Any) -> Callable[[Any], int]:
    return lambda value: int(kind.of(_integer(value)))


_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    fn.Remainder: operator.mod,
    fn.Divisor: lambda a, b: math.gcd(_integer(a), _integer(b)),
    fn.Multiple: lambda a, b: math.lcm(_integer(a), _integer(b)),
    fn.IsPrime: _is_prime,
    **{kind: _of_integers(kind) for kind in (fn.DigitSum, fn.DivisorCount, fn.DivisorSum, fn.Totient, fn.NthPrime)},
    sp.floor: lambda x: x if isinstance(x, int) else math.floor(x),
    sp.ceiling: lambda x: x if isinstance(x, int) else math.ceil(x),
    sp.Abs: abs,
    sp.sign: lambda x: (x > 0) - (x < 0),
    sp.factorial: lambda n: math.factorial(_integer(n, 0, 2_000)),
    sp.binomial: _binomial,
    sp.FallingFactorial: lambda n, k: math.perm(_integer(n, 0), _integer(k, 0, 2_000)),
    sp.Add: operator.add,
    sp.Mul: operator.mul,
    sp.Pow: _power,
    sp.Not: operator.not_,
    sp.Eq: operator.eq,
    sp.Ne: operator.ne,
    sp.Lt: operator.lt,
    sp.Le: operator.le,
    sp.Gt: operator.gt,
    sp.Ge: operator.ge,
}
_OF_MANY: dict[Any, Callable[[list[Any]], Any]] = {
    sp.Tuple: tuple,
    sp.Add: sum,
    sp.Mul: math.prod,
    sp.Max: max,
    sp.Min: min,
}
