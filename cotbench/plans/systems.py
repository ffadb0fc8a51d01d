"""Systems of equations over the reals or the complex numbers: one unknown after another, exactly.

A branch is a dict from symbols to values; free parameters may be left in them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.functions.elementary.trigonometric import TrigonometricFunction

from cotbench.plans import exact
from cotbench.plans import functions as fn
from cotbench.plans.failures import TooLarge, Unsolved
from cotbench.plans.periodic import periodic_roots

Value = Any
Branch = dict[Any, Any]

MAX_BRANCHES = 64
MAX_DEGREE = 12

_NO_ANSWER = (NotImplementedError, ValueError, TypeError, AttributeError, KeyError, IndexError, RecursionError)


@dataclass
class System:
    """conditions: used to choose the interval of periodic solutions, and to drop branches early; complex: the unknowns
    that need not be real; keep: equations that could not be solved, left for the end."""

    unknowns: list[Any]
    conditions: list[Any]
    complex: frozenset[Any] = frozenset()

    def solve(self, equations: list[Value]) -> tuple[list[Branch], list[Value]]:
        """The branches, and the equations that could not be used. No branch: there is no solution."""
        return self._step([_numerator(equation) for equation in equations], {}, [], 0)

    def _step(
        self, equations: list[Value], branch: Branch, skipped: list[Value], depth: int
    ) -> tuple[list[Branch], list[Value]]:
        left: list[Value] = []
        for equation in equations:
            if not equation.free_symbols & set(self.unknowns):
                if not exact.is_zero(equation):
                    return [], []
            elif equation not in left and not (equation.is_Add and sp.expand(equation) == 0):
                left.append(equation)
        if not left:
            return [branch], skipped
        for solver in (self._one_unknown, self._linear, self._eliminate, self._together):
            for roots, used in solver(left):
                rest = [equation for i, equation in enumerate(left) if i not in used]
                return self._follow(roots, rest, branch, skipped, depth)
        return [branch], skipped + left

    def _follow(
        self, roots: list[Branch], rest: list[Value], branch: Branch, skipped: list[Value], depth: int
    ) -> tuple[list[Branch], list[Value]]:
        found: list[Branch] = []
        unused: list[Value] = []
        if depth > 60 or len(roots) > MAX_BRANCHES:
            raise TooLarge("the number of cases")
        for root in roots:
            after = {s: v.subs(root) if v.free_symbols & root.keys() else v for s, v in branch.items()} | root
            if not self._possible(after):
                continue
            replaced = [_numerator(equation.subs(root)) for equation in rest]
            if any(equation.has(sp.nan, sp.zoo, sp.oo) for equation in replaced):
                continue
            branches, left = self._step(replaced, after, skipped, depth + 1)
            found += branches
            unused += [equation for equation in left if equation not in unused]
            if len(found) > MAX_BRANCHES:
                raise TooLarge("the number of cases")
        return found, unused

    def _possible(self, branch: Branch) -> bool:
        for symbol, value in branch.items():
            if value.has(sp.nan, sp.zoo, sp.oo):
                return False
            known = symbol not in self.complex and not value.free_symbols
            if known and not (exact.real(value) and allowed(symbol, value)):
                return False
        values = {symbol: value for symbol, value in branch.items() if not value.free_symbols}
        for condition in self.conditions:
            known = condition.free_symbols and condition.free_symbols <= values.keys()
            if known and exact.holds(substitute(condition, values)) is False:
                return False
        return True

    # --- the ways to go on: each yields at most one choice of roots and the equations that they use up -------------

    def _one_unknown(self, equations: list[Value]) -> list[tuple[list[Branch], set[int]]]:
        """An equation with one unknown, the one of the lowest degree first."""
        single = [(i, e, next(iter(free))) for i, e in enumerate(equations) if len(free := self._free(e)) == 1]
        for i, equation, symbol in sorted(single, key=lambda item: self._degree(item[1], item[2])):
            if (roots := self._roots(equation, symbol)) is not None:
                return [([{symbol: root} for root in roots], {i})]
        return []

    def _linear(self, equations: list[Value]) -> list[tuple[list[Branch], set[int]]]:
        polynomials = [(i, e, free) for i, e in enumerate(equations) if e.is_polynomial(*(free := self._free(e)))]
        used = [i for i, e, free in polynomials if sp.Poly(e, *sorted(free, key=str)).total_degree() == 1]
        if len(used) < 2 and len(used) < len(equations):
            return []
        symbols = [s for s in self.unknowns if any(s in equations[i].free_symbols for i in used)]
        solutions = sp.linsolve([equations[i] for i in used], *symbols)  # one, or none
        return [([{s: v for s, v in zip(symbols, x, strict=True) if s != v} for x in solutions], set(used))]

    def _eliminate(self, equations: list[Value]) -> list[tuple[list[Branch], set[int]]]:
        """An unknown that stands in an equation with a number before it, and nowhere else there."""
        choices: list[tuple[int, int, Any, Value]] = []
        for i, equation in enumerate(equations):
            for symbol in self._free(equation):
                rest = equation.subs(symbol, 0)
                if symbol in rest.free_symbols:
                    continue
                slope = sp.expand(equation - rest) / symbol
                slope = sp.cancel(slope) if slope.free_symbols else slope
                if not slope.free_symbols and slope != 0:
                    choices.append((int(sp.count_ops(rest)), i, symbol, -rest / slope))
        if not choices:
            return []
        _, i, symbol, value = min(choices, key=lambda choice: (choice[0], choice[1], choice[2].name))
        return [([{symbol: sp.expand(value)}], {i})]

    def _together(self, equations: list[Value]) -> list[tuple[list[Branch], set[int]]]:
        symbols = [s for s in self.unknowns if any(s in e.free_symbols for e in equations)]
        if len(symbols) == 1:
            return []
        found = []
        powers = [power.exp for equation in equations for power in equation.atoms(sp.Pow)]
        if not any(exponent.is_Rational and exponent.q > MAX_DEGREE for exponent in powers):  # else it takes minutes
            with suppress(*_NO_ANSWER):
                found = sp.solve(equations, symbols, dict=True)
        if found:
            return [([dict(solution) for solution in found], set(range(len(equations))))]
        for i, equation in enumerate(equations):  # one after the other, for the unknown that is easiest
            for symbol in sorted(self._free(equation), key=lambda s: (self._degree(equation, s), s.name)):
                try:
                    roots = sp.solve(equation, symbol)
                except _NO_ANSWER:
                    continue
                if roots and all(isinstance(root, sp.Expr) for root in roots):
                    return [([{symbol: root} for root in roots], {i})]
        return []

    # --- one equation ---------------------------------------------------------------------------------------------

    def _free(self, equation: Value) -> set[Any]:
        return {symbol for symbol in self.unknowns if symbol in equation.free_symbols}

    def _degree(self, equation: Value, symbol: Any) -> int:
        return int(sp.degree(equation, symbol)) if equation.is_polynomial(symbol) else 99

    def _roots(self, equation: Value, symbol: Any) -> list[Value] | None:
        """The roots of an equation in one unknown; None where they can't be found."""
        degree = self._degree(equation, symbol)
        if degree < 99:
            if degree > 1000:
                raise TooLarge("the degree of an equation")
            return self._polynomial_roots(equation, symbol)
        try:
            if equation.has(TrigonometricFunction):
                turned = periodic_roots(equation, symbol, self._interval(symbol))
                if turned is not None:
                    return turned
            found = sp.solve(equation, symbol)
        except _NO_ANSWER:
            found = None
        if found:
            return [root for root in found if isinstance(root, sp.Expr) and not root.has(sp.Piecewise)] or None
        try:
            solutions = sp.solveset(equation, symbol, sp.Complexes if symbol in self.complex else sp.Reals)
        except _NO_ANSWER:
            return None
        if isinstance(solutions, sp.FiniteSet):
            return list(solutions)
        return [] if solutions is sp.S.EmptySet else None

    def _polynomial_roots(self, equation: Value, symbol: Any) -> list[Value]:
        found: list[Value] = []
        for factor, _ in sp.factor_list(sp.expand(equation), symbol)[1]:
            poly = sp.Poly(factor, symbol)
            if poly.degree() > 2 and symbol not in self.complex and all(c.is_Rational for c in poly.all_coeffs()):
                real = poly.count_roots()
                if not real:
                    continue
                closed = sp.roots(poly, cubics=poly.degree() == 3, quartics=False)
                exactly = [root for root in closed if exact.real(root)]
                simple = all(not root.has(sp.I) for root in exactly)
                found += exactly if len(exactly) == real and simple else list(dict.fromkeys(poly.real_roots()))
            elif poly.degree() > MAX_DEGREE and not poly.is_cyclotomic:
                closed = sp.roots(poly)
                if sum(closed.values()) != poly.degree():
                    raise Unsolved(f"an equation of degree {poly.degree()}")
                found += list(closed)
            else:
                found += sp.solve(factor, symbol)
        return found

    def _interval(self, symbol: Any) -> Value:
        """The interval that the simple bounds of a symbol give."""
        domain: Any = sp.Reals
        for condition in self.conditions:
            for part in condition.args if isinstance(condition, sp.And) else (condition,):
                bound = isinstance(part, (sp.Lt, sp.Le, sp.Gt, sp.Ge)) and part.free_symbols == {symbol}
                if bound and symbol in part.args:
                    domain = domain.intersect(_half_line(part, symbol))
        if symbol.is_nonnegative:
            domain = domain.intersect(sp.Interval(0, sp.oo))
        return domain


def _half_line(relation: Value, symbol: Any) -> Value:
    end = relation.rhs if relation.lhs == symbol else relation.lhs
    is_open = isinstance(relation, (sp.Lt, sp.Gt))
    if (relation.lhs == symbol) == isinstance(relation, (sp.Lt, sp.Le)):
        return sp.Interval(-sp.oo, end, True, is_open)
    return sp.Interval(end, sp.oo, is_open, True)


def _numerator(equation: Value) -> Value:
    """The equation without denominators; solutions that make one zero fall out when they are put in."""
    if any(power.exp.could_extract_minus_sign() and power.free_symbols for power in equation.atoms(sp.Pow)):
        equation = sp.numer(sp.together(equation))
    if equation.has(sp.binomial, sp.FallingFactorial, sp.factorial):
        equation = sp.expand_func(equation)
    return sp.expand(equation) if equation.is_polynomial() else equation


def substitute(condition: Value, values: Branch) -> Value:
    """A condition with values in it; comparisons of numbers that SymPy can't decide stay as they are."""
    try:
        return condition.subs(values)
    except TypeError:  # of complex numbers, which have no order
        return sp.false


def allowed(symbol: Any, value: Value) -> bool:
    """Whether a number has the properties that its symbol was declared with."""
    if symbol.is_integer and not (fn.is_integer(value) or (value.is_integer is not False and _whole(value))):
        return False
    if symbol.is_rational and not symbol.is_integer and value.is_rational is False:
        return False
    near = exact.approximate(value)
    if near is None or symbol.is_real is None:
        return True
    near = sp.re(near)
    zero = exact.is_number_zero(value)
    if (symbol.is_nonnegative and near < 0 and not zero) or (symbol.is_nonpositive and near > 0 and not zero):
        return False
    return not (symbol.is_nonzero and zero)


def _whole(value: Value) -> bool:
    near = exact.approximate(value)
    return near is not None and exact.is_number_zero(value - sp.Integer(round(sp.re(near))))
