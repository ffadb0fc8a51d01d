"""Nodes -> SymPy values, with a plan's definitions, functions and unknowns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from typing import Any

import sympy as sp

from cotbench.plans import functions as fn
from cotbench.plans.expressions import Node
from cotbench.plans.failures import PlanInvalid, TooLarge, Unsolved

Value = Any
Bound = Mapping[str, Value]

MAX_DIGITS = 4_000  # of a number as it is written
MAX_CALLS = 120  # of the plan's own functions within each other
MAX_TERMS = 3_000  # of a sum that is added up one by one
MAX_MANY_TERMS = 200_000  # with a running value

_CONSTANTS = {"pi": sp.pi, "oo": sp.oo, "inf": sp.oo, "infinity": sp.oo, "i": sp.I, "I": sp.I, "e": sp.E}
_CONSTANTS |= {"true": sp.true, "True": sp.true, "false": sp.false, "False": sp.false}
_RELATIONS: dict[str, Callable[[Value, Value], Value]] = {"<": sp.Lt, "<=": sp.Le, ">": sp.Gt, ">=": sp.Ge}


@dataclass(frozen=True, slots=True)
class Definition:
    name: str
    node: Node
    line: int


@dataclass
class Evaluator:
    """definitions: by name, in the order of the plan; later ones of a name are its new values."""

    definitions: dict[str, list[Definition]]
    own: dict[str, tuple[tuple[str, ...], Node]]  # the plan's own functions: parameters and body
    unknown: Callable[[str], Value]  # the symbol of a name that has no value
    claimed: frozenset[str]  # names that are no constants here: e, i, I where the plan uses them for something else
    over_solutions: Callable[[str, Node, int], Value] | None = None  # smallest(x) and its like; None: not allowed here
    _values: dict[tuple[str, int], Value] = field(default_factory=dict)
    _calls: int = 0

    def value(self, node: Node, line: int, bound: Bound | None = None) -> Value:
        """The value of a node as it stands on a line (counted from 1), which says which definitions it sees."""
        try:
            found = self._value(node, line, bound or {})
        except RecursionError:
            raise TooLarge("an expression") from None
        if isinstance(found, sp.Basic) and found.has(sp.zoo, sp.nan):
            raise Unsolved("division by zero")
        return found

    def _value(self, node: Node, line: int, bound: Bound) -> Value:
        if node.kind == "name":
            return self.name(node.text, line, bound)
        if (computed := _OF_VALUES.get(node.kind)) is not None:
            return computed(self._value(part, line, bound) for part in node.parts)
        value: Value = getattr(self, f"_of_{node.kind}")(node, line, bound)
        return value

    def number(self, node: Node, line: int, bound: Bound) -> Value:
        return fn.expression(self._value(node, line, bound))

    # --- names ----------------------------------------------------------------------------------------------------

    def name(self, name: str, line: int, bound: Bound) -> Value:
        if name in bound:
            return bound[name]
        if name in self.definitions:
            versions = self.definitions[name]
            before = [i for i, version in enumerate(versions) if version.line < line]
            chosen = before[-1] if before else 0
            if (name, chosen) not in self._values:
                self._values[name, chosen] = self.value(versions[chosen].node, versions[chosen].line)
            return self._values[name, chosen]
        if name in self.own:
            parameters, body = self.own[name]
            return self._value(body, line, {p: v for p, v in bound.items() if p not in parameters})
        return _CONSTANTS[name] if name in _CONSTANTS and name not in self.claimed else self.unknown(name)

    # --- arithmetic -----------------------------------------------------------------------------------------------

    def _of_mul(self, node: Node, line: int, bound: Bound) -> Value:
        total = self._value(node.parts[0], line, bound)
        for part in node.parts[1:]:
            total = _times(total, self._value(part, line, bound))
        return total

    def _of_neg(self, node: Node, line: int, bound: Bound) -> Value:
        return _times(sp.Integer(-1), self._value(node.parts[0], line, bound))

    def _of_div(self, node: Node, line: int, bound: Bound) -> Value:
        top, bottom = self._value(node.parts[0], line, bound), self.number(node.parts[1], line, bound)
        if bottom == 0:
            raise Unsolved("division by zero")
        return _times(top, 1 / bottom)

    def _of_mod(self, node: Node, line: int, bound: Bound) -> Value:
        modulus = self.number(node.parts[1], line, bound)
        if fn.is_integer(modulus) and modulus > 0:
            residue = self._residue(node.parts[0], int(modulus), line, bound)
            if residue is not None:
                return sp.Integer(residue)
        return fn.Remainder(self.number(node.parts[0], line, bound), modulus)

    def _residue(self, node: Node, modulus: int, line: int, bound: Bound) -> int | None:
        """The residue of a power without the power itself; None for what isn't made of integers."""
        if node.kind == "pow":
            exponent = self.number(node.parts[1], line, bound)
            base = self._residue(node.parts[0], modulus, line, bound)
            if base is None or not fn.is_integer(exponent) or exponent < 0:
                return None
            return pow(base, int(exponent), modulus)
        if node.kind in ("add", "mul", "neg"):
            residues = [self._residue(part, modulus, line, bound) for part in node.parts]
            known = [residue for residue in residues if residue is not None]
            total = math.prod(known) if node.kind == "mul" else sum(known) if node.kind == "add" else -sum(known)
            return total % modulus if len(known) == len(residues) else None
        value = self.number(node, line, bound)
        return int(value) % modulus if fn.is_integer(value) else None

    # --- conditions -----------------------------------------------------------------------------------------------

    def _of_rel(self, node: Node, line: int, bound: Bound) -> Value:
        values = [self._value(part, line, bound) for part in node.parts]
        signs = node.text.split()
        return sp.And(*(_compare(sign, a, b) for sign, a, b in zip(signs, values, values[1:], strict=False)))

    def _of_in(self, node: Node, line: int, bound: Bound) -> Value:
        x = self.number(node.parts[0], line, bound)
        domain = self._value(node.parts[1], line, bound)
        if isinstance(domain, fn.List) and len(domain) == 2:
            return sp.And(sp.Ge(x, domain[0]), sp.Le(x, domain[1]))
        if isinstance(domain, (sp.FiniteSet, sp.Tuple)):
            return sp.Or(*(_compare("=", x, item) for item in domain))
        if isinstance(domain, sp.Interval):
            return domain.as_relational(x)
        raise Unsolved('"in" of what is no set')

    def _of_congruent(self, node: Node, line: int, bound: Bound) -> Value:
        *sides, modulus = node.parts
        differences = [Node("add", (left, Node("neg", (right,)))) for left, right in pairwise(sides)]
        rests = [self._of_mod(Node("mod", (difference, modulus)), line, bound) for difference in differences]
        return sp.And(*(_compare("=", rest, sp.Integer(0)) for rest in rests))

    def _logic(self, node: Node, line: int, bound: Bound) -> Value:
        values = [self._truth(part, line, bound) for part in node.parts]
        return {"and": sp.And, "or": sp.Or, "not": sp.Not}[node.kind](*values)

    _of_and = _of_or = _of_not = _logic

    def _truth(self, node: Node, line: int, bound: Bound) -> Value:
        value = self._value(node, line, bound)
        if isinstance(value, sp.logic.boolalg.Boolean) and not isinstance(value, sp.Symbol):
            return value
        if isinstance(value, fn.IsPrime):
            return _compare("=", value, sp.true)
        raise Unsolved("a number where a condition belongs")

    # --- calls ----------------------------------------------------------------------------------------------------

    def _of_call(self, node: Node, line: int, bound: Bound) -> Value:
        name, parts = node.text, node.parts
        if (bare := name.rstrip("'")) in self.own:
            return self._own(bare, len(name) - len(bare), node, line, bound)
        if name in fn.OVER_SOLUTIONS:
            if len(parts) != 1:
                raise PlanInvalid(f"{name} takes one argument", line)
            if self.over_solutions is None or bound:
                raise PlanInvalid(f'"{name}" belongs in "answer:"', line)
            return self.over_solutions(name, parts[0], line)
        if name == "if":
            return self._if(node, line, bound)
        if name in fn.BOUND and not (name == "sum" and (len(parts) == 1 or len(parts) not in (3, 4))):
            return self._bound(node, line, bound)
        if name == "mod" and len(parts) == 2:
            return self._of_mod(node, line, bound)
        if name == "sum":
            return fn.total(*(self._value(part, line, bound) for part in parts))
        if name not in fn.TABLE:
            raise PlanInvalid(f'unknown function "{name}"', line)
        least, most, function = fn.TABLE[name]
        if not least <= len(parts) <= most:
            raise PlanInvalid(f"{name} takes {least if least == most else f'{least} to {most}'} arguments", line)
        return function(*(self._value(part, line, bound) for part in parts))

    def _own(self, name: str, primes: int, node: Node, line: int, bound: Bound) -> Value:
        parameters, body = self.own[name]
        values = [self._value(part, line, bound) for part in node.parts]
        if len(values) != len(parameters):
            raise PlanInvalid(f"{name} takes {len(parameters)} arguments", line)
        if primes:
            if len(parameters) != 1:
                raise PlanInvalid(f"{name}' of several arguments", line)
            x = sp.Dummy(parameters[0], real=True)
            slope = sp.diff(self._value(body, line, {parameters[0]: x}), x, primes)
            return slope.subs(x, values[0])
        self._calls += 1
        try:
            if self._calls > MAX_CALLS:
                raise TooLarge(f"{name} calls itself without an end")
            return self._value(body, line, dict(zip(parameters, values, strict=True)))
        finally:
            self._calls -= 1

    def _if(self, node: Node, line: int, bound: Bound) -> Value:
        if len(node.parts) != 3:
            raise PlanInvalid("if takes a condition and two values", line)
        condition, yes, no = node.parts
        truth = self._truth(condition, line, bound)
        if truth in (sp.true, sp.false):
            return self._value(yes if truth == sp.true else no, line, bound)
        cases = (self.number(yes, line, bound), truth), (self.number(no, line, bound), True)
        return sp.Piecewise(*cases, evaluate=False)

    def _bound(self, node: Node, line: int, bound: Bound) -> Value:
        """sum, product, derivative, integral and limit: of an expression in a name of its own."""
        name, parts = node.text, node.parts
        numbers = {"derivative": (1, 2, 3), "diff": (1, 2, 3), "integral": (1, 2, 4), "integrate": (1, 2, 4)}
        if len(parts) not in numbers.get(name, (4,) if name in ("sum", "product") else (3,)):
            raise PlanInvalid(f"{name} with {len(parts)} arguments", line)
        if len(parts) == 1:  # derivative(f) of the plan's own f, or of an expression with one unknown
            return self._of_only_name(node, line, bound)
        if parts[1].kind != "name":
            raise PlanInvalid(f"the second argument of {name} is a name", line)
        variable = parts[1].text
        series = name in ("sum", "product")
        x = sp.Dummy(variable, integer=True) if series else sp.Dummy(variable, real=True)
        inner = self.number(parts[0], line, {**bound, variable: x})
        rest = [self.number(part, line, bound) for part in parts[2:]]
        if series:
            return _series(name, inner, x, rest[0], rest[1])
        if name in ("derivative", "diff"):
            order = rest[0] if rest else sp.Integer(1)
            if not fn.is_integer(order) or not 0 <= order <= 50:
                raise PlanInvalid("the order of a derivative is a small integer", line)
            return sp.diff(inner, x, int(order)).subs(x, self.name(variable, line, bound))
        if name == "limit":
            return _closed(sp.limit(inner, x, rest[0], "+-" if rest[0].is_finite else "+"), sp.Limit, "a limit")
        found = _closed(sp.integrate(inner, (x, *rest) if rest else x), sp.Integral, "an integral")
        return found if rest else found.subs(x, self.name(variable, line, bound))

    def _of_only_name(self, node: Node, line: int, bound: Bound) -> Value:
        inner = node.parts[0]
        if inner.kind == "name" and inner.text in self.own and len(self.own[inner.text][0]) == 1:
            variable = self.own[inner.text][0][0]
        else:
            free = sorted(self.number(inner, line, bound).free_symbols, key=str)
            if len(free) != 1:
                raise PlanInvalid(f"{node.text} takes an expression and a name", line)
            variable = free[0].name
        return self._bound(Node("call", (inner, Node("name", (), variable)), node.text), line, bound)

    # --- the rest -------------------------------------------------------------------------------------------------

    def _of_number(self, node: Node, _line: int, _bound: Bound) -> Value:
        head, _, exponent = node.text.lower().partition("e")
        if len(head) + abs(int(exponent or "0")) > MAX_DIGITS:
            raise TooLarge("a number")
        value = Fraction(node.text)
        return sp.Rational(value.numerator, value.denominator)

    def _of_interval(self, node: Node, line: int, bound: Bound) -> Value:
        low, high = (self.number(part, line, bound) for part in node.parts)
        return sp.Interval(low, high, node.text[0] == "(", node.text[1] == ")")


def _as_set(value: Value) -> Value:
    """A set, or the interval that a pair stands for."""
    if isinstance(value, sp.Set):
        return value
    if isinstance(value, sp.Tuple) and len(value) == 2:
        is_open = not isinstance(value, fn.List)
        return sp.Interval(value[0], value[1], is_open, is_open)
    raise Unsolved("a union of what is no set")


def _added(values: Iterable[Value]) -> Value:
    values = list(values)
    if all(isinstance(value, sp.Expr) and not isinstance(value, sp.MatrixBase) for value in values):
        return sp.Add(*values)
    return reduce(_plus, values)


def _plus(a: Value, b: Value) -> Value:
    if isinstance(a, sp.Tuple) and isinstance(b, sp.Tuple) and len(a) == len(b):
        return a.func(*(_plus(x, y) for x, y in zip(a, b, strict=True)))
    if isinstance(a, sp.MatrixBase) and isinstance(b, sp.MatrixBase) and a.shape == b.shape:
        return a + b
    return fn.expression(a) + fn.expression(b)


def _times(a: Value, b: Value) -> Value:
    if isinstance(a, sp.MatrixBase) and isinstance(b, sp.Tuple):
        b = fn.matrix(b)
    if isinstance(a, sp.MatrixBase) and isinstance(b, sp.MatrixBase):
        if a.cols != b.rows:
            raise Unsolved("matrices whose shapes don't fit")
        return a * b
    for one, other in ((a, b), (b, a)):
        if isinstance(one, sp.MatrixBase):
            return one * fn.expression(other)
        if isinstance(one, sp.Tuple) and not isinstance(other, (sp.Tuple, sp.Set)):
            return one.func(*(_times(item, other) for item in one))
    return fn.expression(a) * fn.expression(b)


# What nodes of some kinds are, of the values of their parts alone, which are had one after another.
_OF_VALUES: dict[str, Callable[[Iterable[Value]], Value]] = {
    "add": _added,
    "pow": lambda values: fn.power(*values),
    "fact": lambda values: fn.factorial(*map(fn.expression, values)),
    "tuple": lambda values: sp.Tuple(*values),
    "list": lambda values: fn.List(*values),
    "set": lambda values: sp.FiniteSet(*values),
    "union": lambda values: sp.Union(*map(_as_set, values)),
}


def _compare(sign: str, a: Value, b: Value) -> Value:
    if sign in ("=", "!="):
        plain = all(isinstance(x, sp.Expr) for x in (a, b))
        if isinstance(a, sp.Tuple) and isinstance(b, sp.Tuple) and len(a) == len(b):
            same = sp.And(*(_compare("=", x, y) for x, y in zip(a, b, strict=True)))
        elif plain or isinstance(a, fn.IsPrime):
            same = sp.Eq(a, b)
        elif isinstance(a, sp.logic.boolalg.Boolean) and isinstance(b, sp.logic.boolalg.Boolean):
            same = sp.Equivalent(a, b)
        else:
            same = sp.true if a == b else sp.false
        return same if sign == "=" else sp.Not(same)
    return _RELATIONS[sign](fn.expression(a), fn.expression(b))


def _closed(value: Value, kind: type, what: str) -> Value:
    if isinstance(value, sp.AccumBounds) or value.has(kind):
        raise Unsolved(f"{what} without a closed form")
    return value


def _series(name: str, inner: Value, x: Value, low: Value, high: Value) -> Value:
    if fn.is_integer(low) and fn.is_integer(high):
        if high < low:
            return sp.Integer(0 if name == "sum" else 1)
        terms = int(high - low) + 1
        values = (inner.xreplace({x: sp.Integer(i)}) for i in range(int(low), int(high) + 1))
        if terms <= MAX_TERMS:
            return sp.Add(*values) if name == "sum" else _multiplied(values)
        found = sp.summation(inner, (x, low, high)) if name == "sum" and not inner.has(sp.Function) else None
        if found is not None and not found.has(sp.Sum):
            return found
        if terms > MAX_MANY_TERMS or inner.free_symbols != {x}:
            raise TooLarge(f"a {name} of {terms} terms")
        return _multiplied(values) if name == "product" else sum(values, sp.Integer(0))
    found = (sp.summation if name == "sum" else sp.product)(inner, (x, low, high))
    if found.has(sp.Sum, sp.Product):
        raise Unsolved(f"a {name} without a closed form")
    if isinstance(found, sp.Piecewise) and found.args[0][1] is not sp.true and not found.free_symbols:
        found = sp.piecewise_fold(found)
    return found


def _multiplied(values: Iterable[Value]) -> Value:
    total = sp.Integer(1)
    for value in values:
        total = total * value
        if fn.is_integer(total) and int(total).bit_length() > fn.MAX_BITS:
            raise TooLarge("a product")
    return total
