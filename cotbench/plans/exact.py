"""Exact questions about SymPy values: is it zero, does a condition hold, what is its plainest form."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy as sp
from sympy.simplify.fu import TR8

from cotbench.plans import functions as fn
from cotbench.plans.failures import Unsolved

Value = Any

DIGITS = 30
TINY = sp.Float("1e-20")  # what 30 digits can't tell from zero, as a part of what a difference is made of
MAX_SIMPLIFIED = 150  # operations; simplify may take seconds beyond

# Functions that are zero at zero and nowhere else near it.
_ZERO_AT_ZERO = (sp.Abs, sp.sin, sp.tan, sp.asin, sp.atan, sp.sinh, sp.tanh, sp.asinh, sp.atanh)
_TRANSCENDENTAL = (sp.log, sp.exp, sp.sin, sp.cos, sp.tan, sp.asin, sp.acos, sp.atan)


def approximate(value: Value) -> Value:
    """A number to 30 digits; None where it is no number."""
    try:
        found = sp.N(value, DIGITS)
    except (TypeError, ValueError, NotImplementedError, AttributeError, ArithmeticError):
        return None
    if not getattr(found, "is_number", False) or found.has(sp.nan, sp.zoo):
        return None
    parts = () if found.is_comparable else found.as_real_imag()
    return found if all(part.is_Float or part.is_Rational for part in parts) else None


def is_zero(value: Value) -> bool:
    """Whether an expression is zero, for all values of its unknowns."""
    if fn.is_rational(value):
        return bool(value == 0)
    if not value.free_symbols and approximate(value) is not None:
        return is_number_zero(value)
    if sp.expand(value) == 0:
        return True
    if sp.count_ops(value) > MAX_SIMPLIFIED:
        return False
    simple = sp.simplify(value)
    return bool(simple == 0) or (not simple.free_symbols and is_number_zero(simple))


def is_number_zero(value: Value) -> bool:
    """Whether a number is zero, as far as 30 digits tell: a sum beside its largest term, so that pi/10^60 is none."""
    if value.is_Rational:
        return bool(value == 0)
    found = approximate(value)
    if found is None or found == 0:
        return found is not None
    size = 1
    if isinstance(value, sp.Mul):
        return any(is_number_zero(factor) for factor in value.args)
    if isinstance(value, sp.Pow) and value.exp.is_number:
        return bool(sp.re(value.exp) > 0) and is_number_zero(value.base)
    if isinstance(value, sp.exp):
        return False
    if isinstance(value, sp.log):
        return is_number_zero(value.args[0] - 1)
    if isinstance(value, _ZERO_AT_ZERO) and abs(approximate(value.args[0])) < 1:
        return is_number_zero(value.args[0])
    if isinstance(value, sp.Add):
        size = max((abs(approximate(part)) for part in value.args if not is_number_zero(part)), default=1)
    return bool(abs(found) < TINY * size)


def real(value: Value) -> bool:
    """Whether a number is real; roots of cubics are, though they are written with i."""
    if value.is_real is not None:
        return bool(value.is_real)
    found = approximate(value)
    return found is not None and (bool(abs(sp.im(found)) < TINY * abs(found)) or is_number_zero(value))


def holds(condition: Value) -> bool | None:
    """Whether a condition without unknowns holds; None where unknowns are left."""
    if condition in (sp.true, sp.false):
        return bool(condition)
    if isinstance(condition, (sp.And, sp.Or)):
        found, decides = [holds(part) for part in condition.args], isinstance(condition, sp.Or)
        return decides if decides in found else None if None in found else not decides
    if isinstance(condition, sp.Not):
        inner = holds(condition.args[0])
        return None if inner is None else not inner
    if condition.free_symbols or not isinstance(condition, sp.core.relational.Relational):
        return None
    left, right = condition.args
    if not (isinstance(left, sp.Expr) and isinstance(right, sp.Expr)):
        return bool(left == right) if isinstance(condition, sp.Eq) else None
    if isinstance(condition, (sp.Eq, sp.Ne)):
        return is_zero(left - right) == isinstance(condition, sp.Eq)
    difference = approximate(left - right)
    if difference is None or not real(difference):
        return False
    if is_number_zero(left - right):
        return isinstance(condition, (sp.Le, sp.Ge))
    return bool(sp.re(difference) < 0) == isinstance(condition, (sp.Lt, sp.Le))


def canonical(value: Value) -> Value:
    """The plainest exact form: of numbers, roots out of denominators and simplified; formulas stay as they are."""
    if isinstance(value, (sp.Tuple, sp.FiniteSet, sp.Union)):
        return value.func(*map(canonical, value.args))
    if isinstance(value, sp.MatrixBase):
        return value.applyfunc(canonical)
    if isinstance(value, sp.Interval):
        return sp.Interval(canonical(value.start), canonical(value.end), value.left_open, value.right_open)
    if not isinstance(value, sp.Expr) or fn.is_rational(value) or value.free_symbols:
        return value
    if value.is_infinite or value.has(sp.CRootOf):
        return value
    candidates = [value]
    if sp.count_ops(value) <= MAX_SIMPLIFIED:
        flat = sp.expand(value)
        candidates.append(flat)
        if value.has(*_TRANSCENDENTAL):
            candidates += [sp.simplify(value), sp.expand_trig(value), TR8(flat)]
            candidates.append(sp.expand(candidates[-1]))
        if any(power.exp.is_Rational for power in value.atoms(sp.Pow)):
            root = sp.sqrtdenest(flat)
            candidates += [root, sp.radsimp(root), sp.radsimp(sp.simplify(root))]
            candidates.append(sp.nsimplify(candidates[-1]) if fn.is_rational(candidates[-1]) else candidates[-1])
    best = min(candidates, key=_cost)
    near = approximate(best)
    if near is not None and not fn.is_rational(best) and real(best):
        whole = sp.Integer(round(sp.re(near)))
        if abs(sp.re(near) - whole) < TINY and is_number_zero(best - whole):
            return whole
    return best


def _cost(value: Value) -> tuple[int, int, int]:
    powers = [power for power in value.atoms(sp.Pow) if power.exp.is_Rational]
    nested = sum(power.base.has(sp.Pow) for power in powers)
    under = sum(bool(power.exp < 0) and not power.exp.is_Integer for power in powers)
    complex_parts = 0 if value.is_real is False else len(value.atoms(sp.I.__class__))
    return complex_parts * 3 + nested + under, int(sp.count_ops(value)), len(str(value))


def same(a: Value, b: Value) -> bool:
    """Whether two values are equal; a pair of an open interval's ends counts as the interval."""
    if isinstance(a, sp.Expr) and isinstance(b, sp.Expr) and not isinstance(a, sp.MatrixBase):
        if isinstance(b, sp.MatrixBase):
            return False
        if sp.oo in (a, b) or -sp.oo in (a, b):
            return bool(a == b)
        return is_zero(a - b)
    if isinstance(a, sp.MatrixBase) and isinstance(b, sp.MatrixBase):
        return a.shape == b.shape and all(map(same, a, b))
    if isinstance(a, sp.Interval) and isinstance(b, sp.Tuple) and len(b) == 2:
        is_open = not isinstance(b, fn.List)
        return same(a.start, b[0]) and same(a.end, b[1]) and {bool(a.left_open), bool(a.right_open)} == {is_open}
    if isinstance(a, sp.Tuple) and isinstance(b, sp.Tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, sp.FiniteSet) and isinstance(b, sp.FiniteSet):
        return len(a) == len(b) and all(any(same(x, y) for y in b) for x in a)
    return bool(a == b)


def different(values: Iterable[Value]) -> list[Value]:
    """The values without repeats, in their order."""
    kept: dict[Value, None] = {}
    for value in values:
        if value not in kept and (_rational(value) or not any(same(value, other) for other in kept)):
            kept[value] = None
    return list(kept)


def _rational(value: Value) -> bool:
    """Whether a value is made of rational numbers alone, so that it equals none but itself."""
    return all(map(_rational, value)) if type(value) is sp.Tuple else fn.is_rational(value)


def in_order(values: list[Value]) -> list[Value]:
    """Real numbers from the least on. Raises Unsolved where one is no real number."""
    if all(fn.is_rational(value) for value in values):
        return sorted(values)
    keyed = [(approximate(value), value) for value in values]
    if any(near is None or not real(value) for near, value in keyed):
        raise Unsolved("what is no real number has no order")
    return [value for _, value in sorted(keyed, key=lambda pair: sp.re(pair[0]))]
