"""Equations in sines and cosines of one unknown: all solutions within an interval.

Without bounds on the unknown the solutions of one turn are given: from 0 where it isn't negative, else around 0.
"""

from __future__ import annotations

import math
from typing import Any

import sympy as sp
from sympy.functions.elementary.trigonometric import TrigonometricFunction

from cotbench.plans import exact

Value = Any

MAX_SOLUTIONS = 400
MAX_DEGREE = 16

_QUOTIENTS = {
    sp.tan: lambda a: sp.sin(a) / sp.cos(a),
    sp.cot: lambda a: sp.cos(a) / sp.sin(a),
    sp.sec: lambda a: 1 / sp.cos(a),
    sp.csc: lambda a: 1 / sp.sin(a),
}


def periodic_roots(equation: Value, symbol: Any, domain: Value) -> list[Value] | None:
    """The roots within the part of the real line that is allowed; None for an equation of another kind."""
    calls = equation.atoms(TrigonometricFunction)
    if not calls or any(symbol in call.free_symbols and not _linear(call.args[0], symbol) for call in calls):
        return None
    interval = _turn(domain)
    if interval is None:
        return []
    moving = {call for call in calls if symbol in call.free_symbols}
    if len(moving) > 1:
        equation = sp.expand_trig(equation)
        for function, quotient in _QUOTIENTS.items():
            equation = equation.replace(function, quotient)
        equation = sp.numer(sp.together(equation))
        moving = {call for call in equation.atoms(TrigonometricFunction) if symbol in call.free_symbols}
    if len(moving) == 1:
        return _of_one_call(equation, moving.pop(), symbol, interval)
    angles = {call.args[0] for call in moving}
    if len(angles) != 1 or not all(isinstance(call, (sp.sin, sp.cos)) for call in moving):
        return None
    return _of_one_angle(equation, angles.pop(), symbol, interval)


def _linear(angle: Value, symbol: Any) -> bool:
    return bool(angle.is_polynomial(symbol) and sp.degree(angle, symbol) == 1 and angle.free_symbols == {symbol})


def _turn(domain: Value) -> Value | None:
    """The bounded interval to look in; None where nothing is allowed."""
    if domain is sp.S.EmptySet:
        return None
    low, high = (domain.start, domain.end) if isinstance(domain, sp.Interval) else (-sp.oo, sp.oo)
    if low.is_finite and high.is_finite:
        return domain
    if low.is_finite:
        return sp.Interval(low, low + 2 * sp.pi, domain.left_open, not domain.left_open)
    if high.is_finite:
        return sp.Interval(high - 2 * sp.pi, high, not domain.right_open, domain.right_open)
    return sp.Interval.Lopen(-sp.pi, sp.pi)


def _of_one_call(equation: Value, call: Value, symbol: Any, interval: Value) -> list[Value] | None:
    size = sp.Dummy("s", real=True)
    polynomial = sp.numer(sp.together(equation.xreplace({call: size})))
    if symbol in polynomial.free_symbols or not polynomial.is_polynomial(size):
        return None
    values = [root for root in sp.roots(sp.Poly(polynomial, size)) if exact.real(root)]
    return exact.different(angle for value in values for angle in _angles(call, value, symbol, interval))


def _of_one_angle(equation: Value, angle: Value, symbol: Any, interval: Value) -> list[Value] | None:
    """Of sin and cos of one angle: by one of them where the other stands in even powers, else by exp(i angle)."""
    sine, cosine, turn = sp.Dummy("s", real=True), sp.Dummy("c", real=True), sp.Dummy("t")
    both = equation.xreplace({sp.sin(angle): sine, sp.cos(angle): cosine})
    if symbol in both.free_symbols or not both.is_polynomial(sine, cosine):
        return None
    for kept, other, function in ((sine, cosine, sp.sin), (cosine, sine, sp.cos)):
        poly = sp.Poly(both, other)
        if all(exponent[0] % 2 == 0 for exponent in poly.monoms()):
            single = sum(c * (1 - kept**2) ** (e[0] // 2) for e, c in poly.terms())
            return _of_one_call(sp.expand(single).xreplace({kept: function(angle)}), function(angle), symbol, interval)
    rotated = both.xreplace({sine: (turn - 1 / turn) / (2 * sp.I), cosine: (turn + 1 / turn) / 2})
    polynomial = sp.expand(sp.numer(sp.together(rotated)))
    if sp.degree(polynomial, turn) > MAX_DEGREE:
        return None
    found: list[Value] = []
    roots = sp.roots(polynomial, turn)
    if sum(roots.values()) != sp.degree(polynomial, turn):
        return None
    for root in roots:
        if exact.is_number_zero(sp.Abs(root) - 1):
            found += _steps(sp.simplify(sp.arg(root)), 2 * sp.pi, angle, symbol, interval)
    return exact.different(found)


def _angles(call: Value, value: Value, symbol: Any, interval: Value) -> list[Value]:
    angle = call.args[0]
    if isinstance(call, (sp.sec, sp.csc, sp.cot)):
        if value == 0:
            return _angles(sp.cos(angle), value, symbol, interval) if isinstance(call, sp.cot) else []
        inverse = {sp.sec: sp.cos, sp.csc: sp.sin, sp.cot: sp.tan}[call.func]
        return _angles(inverse(angle), 1 / value, symbol, interval)
    if isinstance(call, sp.tan):
        return _steps(sp.atan(value), sp.pi, angle, symbol, interval)
    if abs(exact.approximate(value)) > 1 + exact.TINY:
        return []
    first = sp.asin(value) if isinstance(call, sp.sin) else sp.acos(value)
    starts = [first, sp.pi - first if isinstance(call, sp.sin) else -first]
    return [root for start in starts for root in _steps(start, 2 * sp.pi, angle, symbol, interval)]


def _steps(start: Value, period: Value, angle: Value, symbol: Any, interval: Value) -> list[Value]:
    """The values of the symbol in the interval for which the angle is `start`, whole periods aside."""
    slope = sp.diff(angle, symbol)
    first, step = (start - angle.subs(symbol, 0)) / slope, abs(period / slope)
    low = math.floor(float(sp.re(sp.N((interval.start - first) / step)))) - 1
    high = math.ceil(float(sp.re(sp.N((interval.end - first) / step)))) + 1
    if high - low > MAX_SOLUTIONS:
        return []
    above, below = sp.Gt if interval.left_open else sp.Ge, sp.Lt if interval.right_open else sp.Le
    found = (sp.expand(first + n * step) for n in range(low, high + 1))
    return [x for x in found if exact.holds(above(x, interval.start)) and exact.holds(below(x, interval.end))]
