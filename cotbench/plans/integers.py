"""Integer unknowns: bounds from the equations and conditions, residues from the congruences, and a search.

The search assigns one unknown after another and computes those that an equation fixes, so that a sum with one unknown
less costs one loop less. It counts its steps, not its time: the outcome is the same on every machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy as sp

from cotbench.plans import exact
from cotbench.plans import functions as fn
from cotbench.plans.closures import Compiled, Inexact, compiled
from cotbench.plans.failures import TooLarge

Bound = Any  # an int, a Fraction, or an infinite float

MAX_STEPS = 700_000
MAX_SLOW = 3_000  # steps that need SymPy
MAX_SOLUTIONS = 60_000
REACH = 200_000  # how far upward the least value of an unknown is searched
NEARBY = {1: 1_500, 2: 150, 3: 40}  # how far around zero so many unknowns without bounds are searched
ROUNDS = 30


@dataclass(frozen=True, slots=True)
class Range:
    """Integers from low to high in steps; residue: theirs, modulo the step."""

    low: Bound
    high: Bound
    step: int = 1
    residue: int = 0

    @property
    def size(self) -> Bound:
        if math.inf in (-self.low, self.high):
            return math.inf
        return max(0, (self.high - self.low) // self.step + 1)


@dataclass
class Search:
    """equations: expressions that are zero; conditions: booleans; kinds: what each unknown was declared to be.
    Unknowns that are no integers are computed from the equations, never searched."""

    unknowns: list[Any]
    equations: list[Any]
    conditions: list[Any]
    kinds: dict[Any, frozenset[str]]
    complete: bool = True  # whether no unknown was cut off
    ranges: dict[Any, Range] = field(default_factory=dict)
    _downward: Any = None
    _steps: int = 0
    _slow: int = 0

    def prepare(self) -> bool:
        """Find the ranges; False where there is no solution."""
        for symbol in self.unknowns:
            self.ranges[symbol] = _declared(symbol, self.kinds[symbol])
        self._divisors()
        if not self._propagate():
            return False
        return all(self._residues(symbol) for symbol in self.unknowns if symbol.is_integer)

    def narrow(self, symbol: Any, low: Any, high: Any) -> bool:
        """Bounds of an integer unknown, which may be infinite; False where nothing is left."""
        found = self.ranges[symbol]
        least = max(found.low, int(sp.ceiling(low))) if low.is_finite else found.low
        most = min(found.high, int(sp.floor(high))) if high.is_finite else found.high
        least += (found.residue - least) % found.step if least != -math.inf else 0
        self.ranges[symbol] = Range(least, most, found.step, found.residue)
        return bool(least <= most)

    @property
    def open(self) -> list[Any]:
        """The unknowns that can't be searched: no equation fixes them, and they are no integers or have no bounds."""
        order = self._order()
        free = [symbol for symbol, fixed in order if fixed is None]
        return [symbol for symbol in free if not symbol.is_integer or self.ranges[symbol].size == math.inf]

    @property
    def cases(self) -> Bound:
        """How many times the search goes its way to the end, at most."""
        return math.prod(self.ranges[symbol].size for symbol, fixed in self._order() if fixed is None)

    def close(self, upward: Any = None, downward: Any = None) -> None:
        """Give ranges without an end one.

        upward, downward: the unknown whose least or greatest value is asked; for it a bound on one side is enough.
        """
        symbols = self.open
        reach = NEARBY.get(len(symbols), 10)
        for symbol in (symbol for symbol in symbols if symbol.is_integer):
            found = self.ranges[symbol]
            low, high = found.low, found.high
            if high == math.inf:
                low = (1 if symbol is upward else -reach) if low == -math.inf else low
                high = low + (REACH * found.step if symbol is upward else reach)
            else:
                low = high - (REACH * found.step if symbol is downward else reach)
            low += (found.residue - low) % found.step
            self.ranges[symbol] = Range(low, high, found.step, found.residue)
            self.complete = self.complete and (symbol is upward or (symbol is downward and found.high != math.inf))

    # --- bounds ---------------------------------------------------------------------------------------------------

    def _propagate(self) -> bool:
        rows = [row for row in self._rows() if row]
        for _ in range(ROUNDS):
            before = dict(self.ranges)
            for row in rows:
                if not self._tighten(row):
                    return False
            if before == self.ranges:
                break
        return all(r.low <= r.high for r in self.ranges.values())

    def _divisors(self) -> None:
        """Bound what divides a number by it: the d of mod(60, d) = 4 divides 56, the n of lcm(n, 4) = 60 divides 60."""
        for equation in self.equations:
            for call in equation.atoms(fn.Multiple, fn.Remainder):
                rest, symbols = sp.expand(call - equation), call.args
                if isinstance(call, fn.Remainder):
                    rest, symbols = symbols[0] - rest if fn.is_integer(symbols[0]) else None, symbols[1:]
                if fn.is_integer(rest) and (rest != 0 or isinstance(call, fn.Multiple)):
                    for symbol in self.ranges.keys() & set(symbols):
                        low, high, size = self.ranges[symbol].low, self.ranges[symbol].high, abs(int(rest))
                        self.ranges[symbol] = Range(max(low, -size), min(high, size))

    def _rows(self) -> Iterator[list[tuple[Fraction, dict[Any, int]]]]:
        """Polynomials that are at most zero, as lists of (coefficient, exponents)."""
        places = set(self.unknowns)
        for equation in self.equations:
            for rounded in equation.atoms(sp.floor, sp.ceiling):
                yield from self._rounded(equation, rounded)
            for sign in (1, -1):
                if row := _terms(sign * equation, places):
                    yield row
        for part in self._parts():
            if isinstance(part, (sp.Lt, sp.Le, sp.Gt, sp.Ge)) and (row := _terms(part.lts - part.gts, places)):
                yield row
                whole = all(c.denominator == 1 and all(s.is_integer for s in m) for c, m in row)
                if isinstance(part, (sp.Lt, sp.Gt)) and whole:
                    yield [*row, (Fraction(1), {})]

    def _parts(self) -> list[Any]:
        """The conditions, those that are joined by "and" one by one."""
        return [part for c in self.conditions for part in (c.args if isinstance(c, sp.And) else (c,))]

    def _rounded(self, equation: Any, call: Any) -> Iterator[list[tuple[Fraction, dict[Any, int]]]]:
        """floor(x) = y says that y <= x <= y + 1; ceiling(x) = y that y - 1 <= x <= y."""
        place = sp.Dummy()
        split = _split(equation.xreplace({call: place}), place)
        if split is None or not split[0].is_Rational:
            return
        difference = call.args[0] + split[1] / split[0]
        low, high = (0, 1) if isinstance(call, sp.floor) else (-1, 0)
        for side in (low - difference, difference - high):
            if row := _terms(sp.expand(side), set(self.unknowns)):
                yield row

    def _tighten(self, row: list[tuple[Fraction, dict[Any, int]]]) -> bool:
        """Narrow the ranges of a polynomial that is at most zero; False where it can't be."""
        least = [min(_finite_product(c, end) for end in self._monomial(m)) for c, m in row]
        infinite = least.count(-math.inf)
        total = sum((low for low in least if low != -math.inf), Fraction(0))
        if infinite == 0 and total > 0:
            return False
        for (coefficient, monomial), low in zip(row, least, strict=True):
            if not monomial or infinite > (low == -math.inf):
                continue
            limit = -(total - (low if low != -math.inf else 0)) / coefficient
            for symbol, exponent in monomial.items():
                others = self._monomial({s: e for s, e in monomial.items() if s is not symbol})
                if others[0] > 0 and not self._limit(symbol, exponent, limit, coefficient > 0, others):
                    return False
        return True

    def _limit(self, symbol: Any, exponent: int, limit: Fraction, upper: bool, others: tuple[Bound, Bound]) -> bool:
        """symbol ** exponent times what lies in `others` is at most, or at least, the limit."""
        if exponent > 1 and not symbol.is_integer:
            return True  # the roots below are those of integers
        found = self.ranges[symbol]
        low, high = found.low, found.high
        divisor = others[0] if upper == (limit >= 0) else others[1]
        limit = limit / divisor if divisor != math.inf else Fraction(0)
        if exponent % 2:
            root = _root_below(limit if upper else -limit, exponent)
            low, high = (low, min(high, root)) if upper else (max(low, -root), high)
        elif upper:
            if limit < 0:
                return False
            size = _root_below(limit, exponent)
            low, high = max(low, -size), min(high, size)
        elif limit > 0 and low >= 0:
            low = max(low, _root_above(limit, exponent))
        if symbol.is_integer:
            low = math.ceil(low) if low != -math.inf else low
            high = math.floor(high) if high != math.inf else high
        self.ranges[symbol] = Range(low, high, found.step)
        return bool(low <= high)

    def _monomial(self, exponents: dict[Any, int]) -> tuple[Bound, Bound]:
        low = high = Fraction(1)
        for symbol, exponent in exponents.items():
            ends = [_finite_product(x, y) for x in (low, high) for y in _raised(self.ranges[symbol], exponent)]
            low, high = min(ends), max(ends)
        return low, high

    def _residues(self, symbol: Any) -> bool:
        """Step through the residues that an unknown's congruences leave; False where they contradict each other."""
        residue, modulus = 0, 1
        equal = [p for p in self._parts() if isinstance(p, sp.Eq) and all(isinstance(side, sp.Expr) for side in p.args)]
        zeros = [*self.equations, *(part.lhs - part.rhs for part in equal)]
        congruences = [_congruence(zero, symbol) for zero in zeros]
        kinds = self.kinds[symbol]
        congruences += [(0, 2)] if "even" in kinds else [(1, 2)] if "odd" in kinds else []
        for other, size in filter(None, congruences):
            gcd = math.gcd(modulus, size)
            if size == 0 or (other - residue) % gcd:
                return False
            turns = (other - residue) // gcd * pow(modulus // gcd, -1, size // gcd)
            residue, modulus = residue + modulus * turns, modulus * size // gcd
            residue %= modulus
        limits = self.ranges[symbol]
        low = limits.low if limits.low == -math.inf else limits.low + (residue - limits.low) % modulus
        self.ranges[symbol] = Range(low, limits.high, modulus, residue)
        return bool(low <= limits.high)

    # --- the search -----------------------------------------------------------------------------------------------

    def _order(self) -> list[tuple[Any, int | None]]:
        """The unknowns as they get values: by an equation (its number), or from their range (None)."""
        assigned: set[Any] = set()
        order: list[tuple[Any, int | None]] = []
        free = [equation.free_symbols & set(self.unknowns) for equation in self.equations]
        slopes: dict[tuple[int, Any], bool] = {}
        while len(assigned) < len(self.unknowns):
            fixed: tuple[Any, int | None] | None = None
            for i, symbols in enumerate(free):
                if fixed is None and len(left := symbols - assigned) == 1:
                    (symbol,) = left
                    if (i, symbol) not in slopes:
                        slopes[i, symbol] = _split(self.equations[i], symbol) is not None
                    fixed = (symbol, i) if slopes[i, symbol] else None
            if fixed is None:
                left = [symbol for symbol in self.unknowns if symbol not in assigned]
                searched = [symbol for symbol in left if symbol.is_integer] or left
                shares = {s: sum(1 for symbols in free if s in symbols) for s in searched}
                fixed = min(searched, key=lambda s: (self.ranges[s].size, -shares[s], s.name)), None
            order.append(fixed)
            assigned.add(fixed[0])
        return order

    def solutions(self, first: Any = None, *, downward: bool = False) -> Iterator[dict[Any, Any]]:
        """All solutions within the ranges, as SymPy numbers. first: the unknown to search outermost, and which way."""
        order, found = self._found(first, downward=downward)
        for values in found:
            yield {symbol: _exactly(value) for (symbol, _), value in zip(order, values, strict=True)}

    def values(self, expression: Any, most: float = math.inf) -> list[Any]:
        """The values of an expression over all solutions, without most repeats; not all of them beyond so many."""
        order, found = self._found()
        quick: Compiled | None = None
        with suppress(Inexact, AttributeError):  # of matrices
            quick = compiled(expression, {symbol: i for i, (symbol, _) in enumerate(order)})
        kept: dict[Any, None] = {}
        for count, values in enumerate(found):
            if count >= MAX_SOLUTIONS:
                raise TooLarge("the number of solutions")
            value: Any = None
            if quick is not None:
                with suppress(Inexact, ZeroDivisionError):
                    value = quick(values)
            if value is None:
                known = {symbol: _exactly(value) for (symbol, _), value in zip(order, values, strict=True)}
                value = expression.xreplace(known)
            kept[value] = None
            if len(kept) > most:
                break
        return [_exactly(value) for value in kept]

    def _found(self, first: Any = None, *, downward: bool = False) -> tuple[list[tuple[Any, Any]], Iterator[list[Any]]]:
        """The order of the unknowns, and the solutions as lists of numbers in it."""
        self._downward = first if downward else None
        order = self._order()
        if first is not None:
            order.sort(key=lambda step: step[0] is not first)
            order = [(s, None if s is first else i) for s, i in order]
        if any(not symbol.is_integer for symbol, fixed in order if fixed is None):
            raise TooLarge("a search over real numbers")
        places = {symbol: i for i, (symbol, _) in enumerate(order)}
        formulas: list[Any] = []
        checks: list[list[tuple[Compiled | None, Any]]] = [[] for _ in order]
        for symbol, fixed in order:
            split = None if fixed is None else _split(self.equations[fixed], symbol)
            try:
                formulas.append(None if split is None else tuple(compiled(part, places) for part in split))
            except Inexact:
                raise TooLarge("a search that is not rational") from None
        for test in [sp.Eq(equation, 0, evaluate=False) for equation in self.equations] + self.conditions:
            quick = None
            if held := [places[symbol] for symbol in test.free_symbols if symbol in places]:
                with suppress(Inexact):
                    quick = compiled(test, places)
                checks[max(held)].append((quick, test))
        return order, self._walk(order, formulas, checks, 0, [0] * len(order))

    def _walk(self, order: Any, formulas: Any, checks: Any, depth: int, values: list[Any]) -> Iterator[list[Any]]:
        if depth == len(order):
            yield values
            return
        symbol = order[depth][0]
        for value in self._candidates(symbol, formulas[depth], values):
            self._steps += 1
            if self._steps > MAX_STEPS:
                raise TooLarge("the number of cases")
            values[depth] = value
            if self._kept(checks[depth], order, values, depth) and of_kind(value, self.kinds[symbol]):
                yield from self._walk(order, formulas, checks, depth + 1, values)

    def _candidates(self, symbol: Any, formula: Any, values: list[Any]) -> Any:
        limits = self.ranges[symbol]
        if formula is not None:
            try:
                slope, rest = formula[0](values), formula[1](values)
            except (Inexact, ZeroDivisionError):
                return ()
            if slope != 0:
                value = Fraction(-rest) / slope
                whole = value.denominator == 1
                inside = limits.low <= value <= limits.high
                return (int(value) if whole else value,) if inside and (whole or not symbol.is_integer) else ()
            if rest != 0:
                return ()
        if limits.size == math.inf or not symbol.is_integer:
            raise TooLarge("a range without an end")
        found = range(int(limits.low), int(limits.high) + 1, limits.step)
        return reversed(found) if symbol is self._downward else found

    def _kept(self, checks: Any, order: Any, values: list[Any], depth: int) -> bool:
        for quick, test in checks:
            try:
                if quick is not None:
                    if quick(values):
                        continue
                    return False
            except ZeroDivisionError:
                return False
            except Inexact:
                pass
            self._slow += 1
            if self._slow > MAX_SLOW:
                raise TooLarge("the number of cases")
            known = {order[i][0]: _exactly(values[i]) for i in range(depth + 1)}
            if exact.holds(test.xreplace(known)) is not True:
                return False
        return True


def of_kind(value: Any, kinds: frozenset[str]) -> bool:
    """Whether a number is what its unknown was declared to be, signs aside."""
    if ("nonzero" in kinds and value == 0) or ("digit" in kinds and not 0 <= value <= 9):
        return False
    if ("even" in kinds and value % 2) or ("odd" in kinds and value % 2 != 1):
        return False
    return not ("prime" in kinds and not sp.isprime(int(value)))


def _exactly(value: Any) -> Any:
    """A number, a truth or a tuple of Python as SymPy's."""
    if isinstance(value, tuple) and not isinstance(value, sp.Basic):
        return sp.Tuple(*map(_exactly, value))
    return sp.Rational(value.numerator, value.denominator) if isinstance(value, Fraction) else sp.sympify(value)


def _declared(symbol: Any, kinds: frozenset[str]) -> Range:
    low, high = (0, 9) if "digit" in kinds else (-math.inf, math.inf)
    low = 2 if "prime" in kinds else low
    if symbol.is_nonnegative:
        low = max(low, 1 if symbol.is_positive and symbol.is_integer else 0)
    if symbol.is_nonpositive:
        high = min(high, -1 if symbol.is_negative and symbol.is_integer else 0)
    return Range(low, high)


def _terms(expression: Any, symbols: set[Any]) -> list[tuple[Fraction, dict[Any, int]]] | None:
    """An expression as a polynomial with rational coefficients; None where it is none."""
    free = sorted(expression.free_symbols & symbols, key=lambda s: s.name)
    if not free or not expression.is_polynomial(*free):
        return None
    terms: list[tuple[Fraction, dict[Any, int]]] = []
    for exponents, coefficient in sp.Poly(expression, *free).terms():
        if not coefficient.is_Rational:
            return None
        powers = {symbol: int(exponent) for symbol, exponent in zip(free, exponents, strict=True) if exponent}
        terms.append((Fraction(int(coefficient.p), int(coefficient.q)), powers))
    return terms


def _split(equation: Any, symbol: Any) -> tuple[Any, Any] | None:
    """slope, rest of an equation slope * symbol + rest = 0; None where the symbol isn't linear in it."""
    if not equation.is_polynomial(symbol):
        return None
    poly = sp.Poly(equation, symbol)
    return (poly.coeff_monomial(symbol), poly.coeff_monomial(1)) if poly.degree() == 1 else None


def _congruence(expression: Any, symbol: Any) -> tuple[int, int] | None:
    """(residue, modulus) of "c * Remainder(a * symbol + b, m) + d = 0"; (0, 0) where none fits, None for the rest."""
    if expression.free_symbols != {symbol}:
        return None
    found = list(expression.atoms(fn.Remainder))
    if len(found) != 1:
        return None
    inner, modulus = found[0].args
    placeholder = sp.Dummy()
    linear = sp.Poly(expression.xreplace({found[0]: placeholder}), placeholder, domain="EX")
    whole = inner.is_polynomial(symbol) and fn.is_integer(modulus) and modulus > 0
    if linear.degree() != 1 or linear.free_symbols_in_domain or not whole:
        return None
    target = -linear.coeff_monomial(1) / linear.coeff_monomial(placeholder)
    line = sp.Poly(inner, symbol)
    if line.degree() != 1 or not all(fn.is_integer(c) for c in line.all_coeffs()):
        return None
    a, b = (int(c) for c in line.all_coeffs())
    m = int(modulus)
    if not fn.is_integer(target) or not 0 <= target < m:
        return 0, 0
    wanted, gcd = (int(target) - b) % m, math.gcd(a, m)
    if wanted % gcd:
        return 0, 0
    size = m // gcd
    return wanted // gcd * pow(a // gcd, -1, size) % size, size


def _raised(limits: Range, exponent: int) -> tuple[Bound, Bound]:
    low, high = _to_power(limits.low, exponent), _to_power(limits.high, exponent)
    if exponent % 2:
        return low, high
    return (min(low, high) if limits.low > 0 or limits.high < 0 else Fraction(0)), max(low, high)


def _to_power(bound: Bound, exponent: int) -> Bound:
    if abs(bound) == math.inf:
        return bound if exponent % 2 else math.inf
    return Fraction(bound) ** exponent if abs(bound) < 10**60 else math.copysign(math.inf, bound) ** exponent


def _finite_product(a: Bound, b: Bound) -> Bound:
    if a == 0 or b == 0:
        return Fraction(0)
    if math.inf in (abs(a), abs(b)):  # a large fraction is no float
        return math.inf if (a > 0) == (b > 0) else -math.inf
    return a * b


def _root_below(value: Fraction, degree: int) -> Fraction:
    """A number not below the real root of the value, and its floor the floor of the root."""
    if degree == 1:
        return value
    root = sp.integer_nthroot(math.floor(value) if value >= 0 else math.ceil(-value), degree)[0]
    return Fraction(int(root if value >= 0 else -root))


def _root_above(value: Fraction, degree: int) -> Fraction:
    if degree == 1:
        return value
    found, whole = sp.integer_nthroot(math.ceil(value), degree)
    return Fraction(int(found) + (not whole))
