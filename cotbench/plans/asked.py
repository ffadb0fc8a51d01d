"""From a problem to the value that is asked: which unknowns matter, how to find them, what is left of them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import sympy as sp

from cotbench.plans import exact
from cotbench.plans import functions as fn
from cotbench.plans.equations import LAST, Problem
from cotbench.plans.expressions import Node
from cotbench.plans.failures import Ambiguous, TooLarge, Unsolved
from cotbench.plans.integers import Search, of_kind
from cotbench.plans.systems import Branch, System, allowed, substitute

Value = Any
MAX_POLYNOMIALS = 6  # of a Groebner basis
MAX_EXTREME = 150  # operations in an expression whose extreme value is asked
MAX_DEGREE = 20  # of the powers and roots in it
MAX_BESIDE = 50_000  # cases of unknowns that have nothing to do with the answer

_WHOLE = (fn.Remainder, fn.DigitSum, fn.Divisor, fn.Totient, fn.DivisorCount, fn.DivisorSum, fn.NthPrime, sp.factorial)
_FAILURES = (NotImplementedError, ValueError, TypeError, AttributeError, sp.PolynomialError)


def answer_values(problem: Problem) -> list[Value]:
    """The different values of what is asked, at least one. Raises Unsolved or Ambiguous."""
    return _Answer(problem).values()


class _Over(NamedTuple):
    """One smallest(...), count(...) and so on: its placeholder, and the expression inside."""

    name: str
    symbol: Any
    inner: Value


@dataclass
class _Answer:
    problem: Problem
    over: list[_Over] = field(default_factory=list)

    def values(self) -> list[Value]:
        problem = self.problem
        problem.evaluator.over_solutions = self._note
        asked = problem.evaluator.value(problem.answer, LAST)
        own = _free(asked) - {over.symbol for over in self.over}
        targets = own.union(*(_free(over.inner) for over in self.over))
        for symbol in targets:
            problem.kinds.setdefault(symbol, frozenset())
        part = _connected(problem, targets)
        _contradictions(problem, part)
        if self.over and not targets:
            raise Unsolved("smallest, largest, count and the like need an unknown")
        if not part.equations and not part.conditions and not self.over:
            if isinstance(asked, sp.Symbol) and asked in targets:
                raise Ambiguous(f"{asked} is not determined")
            return [exact.canonical(asked)]
        found = self._sets(asked, part) if not part.equations else None
        if found is not None:
            return found
        solver = _Solver(problem, part)
        if not self.over:
            if values := solver.values(asked):
                return values
            raise Unsolved("no solution")
        known = {}
        for name, symbol, inner in self.over:
            known[symbol] = exact.canonical(_folded(name, _Solver(problem, part).all_values(name, inner)))
        values = solver.values(asked) if own else [asked]
        return [exact.canonical(_put(value, known)) for value in values]

    def _note(self, name: str, node: Node, line: int) -> Value:
        inner = self.problem.evaluator.value(node, line)
        symbol = sp.Dummy(name)
        self.over.append(_Over(name, symbol, inner))
        return symbol

    def _sets(self, asked: Value, part: _Part) -> list[Value] | None:
        """The solution set where one real unknown has inequalities alone; None for all else."""
        if len(part.unknowns) != 1:
            return None
        (symbol,) = part.unknowns
        if symbol.is_integer or not all(_inequality(c) for c in part.conditions):
            return None
        domain = _domain(symbol, part.conditions)
        if not self.over:
            if asked != symbol:
                return None
            if domain is sp.S.EmptySet:
                raise Unsolved("no solution")
            return list(domain) if isinstance(domain, sp.FiniteSet) else [exact.canonical(domain)]
        known: dict[Any, Value] = {}
        for name, placeholder, inner in self.over:
            if isinstance(domain, sp.FiniteSet):
                known[placeholder] = _folded(name, [inner.subs(symbol, x) for x in domain])
            elif name == "all_of" and inner == symbol:
                known[placeholder] = domain
            elif name in ("smallest", "largest"):
                known[placeholder] = _extreme(name, inner, symbol, domain)
            else:
                raise Unsolved("infinitely many solutions")
        return [exact.canonical(_put(asked, known))]


@dataclass
class _Part:
    unknowns: list[Any]
    equations: list[Value]
    conditions: list[Value]


def _free(value: Value) -> set[Any]:
    return set(value.free_symbols) if isinstance(value, (sp.Basic, sp.MatrixBase)) else set()


def _put(value: Value, known: dict[Any, Value]) -> Value:
    return known[value] if value in known else value.subs(known)


def _connected(problem: Problem, targets: set[Any]) -> _Part:
    """The equations and conditions that share unknowns with the targets, directly or through others."""
    unknowns: set[Any] = set()
    statements = [statement.free_symbols for statement in problem.equations + problem.conditions]
    grown = set(targets)
    while grown != unknowns:
        unknowns = grown
        grown = unknowns.union(*(symbols for symbols in statements if symbols & unknowns))
    return _Part(
        sorted(unknowns, key=lambda symbol: symbol.name),
        [equation for equation in problem.equations if equation.free_symbols & unknowns],
        [condition for condition in problem.conditions if condition.free_symbols & unknowns],
    )


def _contradictions(problem: Problem, part: _Part) -> None:
    """Refuse what holds nowhere: numbers that differ, conditions that fail, linear equations without a solution."""
    for equation in problem.equations:
        if not equation.free_symbols and not exact.is_zero(equation):
            raise Unsolved("contradictory equations")
    for condition in problem.conditions:
        if not condition.free_symbols and exact.holds(condition) is False:
            raise Unsolved("contradictory conditions")
    rest = {s for e in problem.equations + problem.conditions for s in e.free_symbols} - set(part.unknowns)
    while rest:
        beside = _connected(problem, {min(rest, key=lambda s: s.name)})
        rest -= set(beside.unknowns)
        _contradiction(problem, beside)


def _contradiction(problem: Problem, part: _Part) -> None:
    """Refuse a part without a solution, where that is cheap to see."""
    symbols = part.unknowns
    linear = [e for e in part.equations if e.is_polynomial(*symbols) and sp.Poly(e, *symbols).total_degree() == 1]
    if linear and sp.linsolve(linear, *symbols) is sp.S.EmptySet:
        raise Unsolved("contradictory equations")
    impossible = False
    if all(symbol.is_integer for symbol in symbols):
        search = _Solver(problem, part).search()
        impossible = search is None
        with suppress(TooLarge):
            if search and not search.open and search.cases <= MAX_BESIDE:
                impossible = next(search.solutions(), None) is None
    elif len(symbols) == 1 and not part.equations and all(map(_inequality, part.conditions)):
        with suppress(Unsolved):
            impossible = _domain(symbols[0], part.conditions) is sp.S.EmptySet
    if impossible:
        raise Unsolved("contradictory conditions")


def _inequality(condition: Value) -> bool:
    relations = (sp.Lt, sp.Le, sp.Gt, sp.Ge, sp.Ne, sp.And, sp.Or, sp.Not)
    return isinstance(condition, relations) or condition == sp.false


def _domain(symbol: Any, conditions: list[Value]) -> Value:
    plain = sp.Symbol(symbol.name, real=True)
    domain: Any = sp.Reals
    if symbol.is_nonnegative:
        domain = sp.Interval(0, sp.oo, left_open=bool(symbol.is_positive))
    elif symbol.is_nonpositive:
        domain = sp.Interval(-sp.oo, 0, right_open=bool(symbol.is_negative))
    elif symbol.is_nonzero:
        domain = domain - sp.FiniteSet(0)
    try:
        for condition in conditions:
            domain = domain.intersect(_solution_set(condition.xreplace({symbol: plain}), plain))
    except _FAILURES:
        raise Unsolved("inequalities that the solver can't solve") from None
    if domain.has(sp.ConditionSet, sp.ImageSet, sp.Intersection, sp.Complement):
        raise Unsolved("inequalities that the solver can't solve")
    return domain


def _solution_set(condition: Value, symbol: Any) -> Value:
    if condition in (sp.true, sp.false):
        return sp.Reals if condition == sp.true else sp.S.EmptySet
    if isinstance(condition, (sp.And, sp.Or)):
        joined = sp.Intersection if isinstance(condition, sp.And) else sp.Union
        return joined(*(_solution_set(part, symbol) for part in condition.args))
    if isinstance(condition, sp.Not):
        return sp.Reals - _solution_set(condition.args[0], symbol)
    if isinstance(condition, sp.Ne):
        return sp.Reals - sp.solveset(condition.lhs - condition.rhs, symbol, sp.Reals)
    return sp.solve_univariate_inequality(condition, symbol, relational=False)


def _extreme(name: str, inner: Value, symbol: Any, domain: Value) -> Value:
    """The least or greatest value of an expression over a set. Raises Unsolved where there is none."""
    if domain is sp.S.EmptySet:
        raise Unsolved("no solution")
    plain = sp.Symbol(symbol.name, real=True)
    expression = inner.xreplace({symbol: plain})
    failure = Unsolved(f"the {name} value is more than the solver can find")
    powers = [power.exp for power in expression.atoms(sp.Pow) if power.exp.is_Rational]
    if sp.count_ops(expression) > MAX_EXTREME or any(max(abs(exp.p), exp.q) > MAX_DEGREE for exp in powers):
        raise failure
    try:
        reached, approached = _heights(expression, plain, domain)
    except _FAILURES:
        raise failure from None
    if not all(value in (sp.oo, -sp.oo) or exact.real(value) for value in [*reached, *approached]):
        raise failure
    sign = 1 if name == "largest" else -1
    best = max(reached, key=lambda value: sign * exact.approximate(value), default=sign * -sp.oo)
    more = [value - best for value in approached]
    if best.is_infinite or any(sign * exact.approximate(m) > 0 and not exact.is_number_zero(m) for m in more):
        raise Unsolved(f"no {name} value")
    return best


def _heights(expression: Value, x: Any, domain: Value) -> tuple[list[Value], list[Value]]:
    """The values of an expression where it may be extreme, and those that it comes near to at open ends."""
    turns = _turns(expression, x)
    if turns is None:
        image = sp.calculus.util.function_range(expression, x, domain)
        ends = [image.inf, image.sup]
        return [e for e in ends if image.contains(e) == sp.true], [e for e in ends if image.contains(e) != sp.true]
    whole = sp.calculus.util.continuous_domain(expression, x, domain)
    reached: list[Value] = []
    approached: list[Value] = []
    for piece in whole.args if isinstance(whole, sp.Union) else (whole,):
        if isinstance(piece, sp.FiniteSet):
            reached += [expression.subs(x, point) for point in piece]
        elif isinstance(piece, sp.Interval):
            reached += [expression.subs(x, point) for point in turns if piece.contains(point) == sp.true]
            for end, is_open, side in ((piece.start, piece.left_open, "+"), (piece.end, piece.right_open, "-")):
                if is_open:
                    approached.append(sp.limit(expression, x, end, side))
                else:
                    reached.append(expression.subs(x, end))
        else:
            raise NotImplementedError
    return reached, approached


def _turns(expression: Value, x: Any) -> list[Value] | None:
    """Points that hold all those where the derivative of an algebraic expression is zero or missing; None for others.
    Roots are eliminated by resultants: squaring them away, as SymPy does, makes numbers of hundreds of digits."""
    z = sp.Dummy()  # not real, so that the root of a square stays
    expression, x = expression.xreplace({x: z}).replace(sp.Abs, lambda u: sp.sqrt(u**2)), z
    top, bottom = sp.fraction(sp.together(sp.diff(expression, x)))
    found: list[Value] = []
    for part in (top, bottom):
        bases: dict[Value, int] = {}
        for power in part.atoms(sp.Pow):
            if power.exp.is_Rational and not power.exp.is_Integer and power.has(x):
                bases[power.base] = sp.ilcm(bases.get(power.base, 1), power.exp.q)
        if len(bases) > 2:
            return None
        roots = {base: sp.Dummy(positive=True) for base in bases}
        put = {p: roots[p.base] ** (p.exp * bases[p.base]) for p in part.atoms(sp.Pow) if p.base in bases}
        plain = sp.numer(sp.together(part.xreplace(put)))
        for base, root in roots.items():
            over, under = sp.fraction(sp.together(base))
            if not (plain.is_polynomial(root) and over.is_polynomial(x) and under.is_polynomial(x)):
                return None
            plain = sp.resultant(plain, under * root ** bases[base] - over, root)
        if not plain.is_polynomial(x):
            return None
        for base in (plain, *bases):
            poly = sp.Poly(sp.numer(sp.together(base)), x)
            if not poly.is_zero and not all(c.is_Rational for c in poly.all_coeffs()):
                return None
            for factor, _ in poly.factor_list()[1] if not poly.is_zero else ():
                found += sp.roots(factor, filter="R") if factor.degree() < 3 else factor.real_roots()
    return exact.different(found)


def _folded(name: str, values: list[Value]) -> Value:
    different = exact.different(values)
    if name == "count":
        return sp.Integer(len(different))
    if not different:
        raise Unsolved("no solution")
    if name in ("smallest", "largest"):
        return exact.in_order(different)[0 if name == "smallest" else -1]
    if name == "all_of":
        return sp.FiniteSet(*(exact.canonical(value) for value in different))
    return sp.Add(*different) if name == "sum_of" else sp.Mul(*different)


@dataclass
class _Solver:
    """The solutions of one part of a problem."""

    problem: Problem
    part: _Part
    _branches: list[Branch] | None = None
    _skipped: bool = False  # whether equations are left that could not be solved

    @property
    def _integers(self) -> list[Any]:
        return [symbol for symbol in self.part.unknowns if symbol.is_integer]

    def values(self, asked: Value) -> list[Value]:
        """The different values of an expression over the solutions."""
        if self._integers and not (search := self._search()).open:
            part = self.part
            only = asked in part.unknowns and not part.equations and all(map(_inequality, part.conditions))
            try:
                return self._enumerated(search, asked, only=only)
            except TooLarge:
                determined = self._algebraic(asked)
                if determined is None:
                    raise
                return determined
        determined = self._algebraic(asked)
        if determined is not None:
            return determined
        if self._integers:
            return self._far(asked)
        free = sorted(_free(asked) & set(self.part.unknowns), key=str)
        raise Ambiguous(f"not determined: {', '.join(map(str, free))}")

    def all_values(self, name: str, inner: Value) -> list[Value]:
        """The values of the expression inside smallest(...) and its like, over all solutions."""
        search = self._search() if self._integers else None
        if search and not search.open:
            return search.values(inner)
        if (found := self._algebraic(inner)) is not None:
            return found
        if search:
            return self._reached(search, name, inner)
        if name in ("smallest", "largest"):
            return [self._optimum(name, inner)]
        raise Unsolved("infinitely many solutions")

    # --- integers -------------------------------------------------------------------------------------------------

    def _search(self) -> Search:
        search = self.search()
        if search is None:
            raise Unsolved("no solution")
        return search

    def search(self) -> Search | None:
        """A search with the ranges of the unknowns; None where one of them has no value."""
        part = self.part
        kinds = {symbol: self.problem.kinds.get(symbol, frozenset()) for symbol in part.unknowns}
        equations = [sp.expand(sp.numer(sp.together(e))) if e.is_rational_function() else e for e in part.equations]
        equations = [sp.expand_func(e) if e.has(sp.binomial, sp.FallingFactorial) else e for e in equations]
        conditions = part.conditions + [sp.Eq(e, 0, evaluate=False) for e in part.equations if not e.is_polynomial()]
        search = Search(part.unknowns, equations, conditions, kinds)
        possible = search.prepare() and all(self._bounded(search, symbol) for symbol in search.open)
        return search if possible else None

    def _bounded(self, search: Search, symbol: Any) -> bool:
        """Bounds of an integer from the real numbers that its own inequalities allow; False where there are none."""
        own = [c for c in self.part.conditions if c.free_symbols == {symbol} and _inequality(c)]
        if not (symbol.is_integer and own):
            return True
        try:
            domain = _domain(symbol, own)
            return domain is not sp.S.EmptySet and search.narrow(symbol, domain.inf, domain.sup)
        except (Unsolved, *_FAILURES):
            return True

    def _enumerated(self, search: Search, asked: Value, *, only: bool) -> list[Value]:
        values = exact.different(map(exact.canonical, search.values(asked, 1000 if only else 50)))
        return [sp.FiniteSet(*values)] if only and len(values) > 1 else values

    def _far(self, asked: Value) -> list[Value]:
        """Unknowns without bounds: their equations in integers, or a search nearby that finds exactly one answer."""
        if (diophantine := self._diophantine(asked)) is not None:
            return diophantine
        search = self._search()
        search.close()
        if values := self._enumerated(search, asked, only=False):
            return values
        raise Unsolved("no solution found in a search without bounds")

    def _diophantine(self, asked: Value) -> list[Value] | None:
        part = self.part
        if len(part.equations) != 1 or len(self._integers) != len(part.unknowns) or len(part.unknowns) > 3:
            return None
        equation = sp.numer(sp.together(part.equations[0]))
        plain = {symbol: sp.Symbol(symbol.name, integer=True) for symbol in part.unknowns}
        try:
            found = sp.diophantine(equation.xreplace(plain), syms=[plain[s] for s in part.unknowns])
        except (*_FAILURES, KeyError, IndexError, RecursionError):
            return None
        values: list[Value] = []
        for solution in found:
            if any(entry.free_symbols for entry in solution):
                return None
            branch = dict(zip(part.unknowns, solution, strict=True))
            if self._fits(branch):
                values.append(exact.canonical(_put(asked, branch)))
        return exact.different(values)

    def _reached(self, search: Search, name: str, inner: Value) -> list[Value]:
        first = inner if name in ("smallest", "largest") and inner in search.open else None
        if first is None and self._monotone(search, inner):
            first = search.open[0]
        if first is None or name not in ("smallest", "largest"):
            if (found := self._diophantine(inner)) is not None:
                return found
            raise Unsolved(f"{name}: infinitely many cases")
        downward = name == "largest"
        search.close(None if downward else first, first if downward else None)
        for solution in search.solutions(first, downward=downward):
            if not search.complete and (downward or len(search.unknowns) > 1):
                raise Unsolved(f"{name}: infinitely many cases")
            return [_put(inner, solution)]
        raise Unsolved("no solution found in a search without bounds")

    @staticmethod
    def _monotone(search: Search, inner: Value) -> bool:
        """Whether the expression grows with the one unknown that has no bounds, and with nothing else."""
        if len(search.open) != 1 or inner.free_symbols != set(search.open):
            return False
        try:
            return bool(sp.diff(inner, search.open[0]).is_positive)
        except _FAILURES:  # gcd and its like have no derivative
            return False

    # --- algebra --------------------------------------------------------------------------------------------------

    def _algebraic(self, asked: Value) -> list[Value] | None:
        """The values of an expression over the branches of the equations; None where they leave it open."""
        if not self.part.equations or any(e.has(*_WHOLE) for e in self.part.equations):
            return None
        branches = self._solved()
        if not branches:
            raise Unsolved("no solution")
        values = [exact.canonical(_put(asked, branch)) if branch else asked for branch in branches]
        values = [sp.simplify(value) if _free(value) and isinstance(value, sp.Expr) else value for value in values]
        if any(map(_free, values)):
            if (reduced := self._reduced(asked)) is not None:
                return [reduced]
            if self._skipped and not self._integers:
                raise Unsolved("equations that the solver can't solve")
            return None
        return exact.different(v for v in values if not (isinstance(v, sp.Basic) and v.has(sp.nan, sp.zoo)))

    def _solved(self) -> list[Branch]:
        if self._branches is None:
            unknowns = self.part.unknowns
            complex_ = frozenset(s for s in unknowns if "complex" in self.problem.kinds.get(s, ()))
            branches, skipped = System(unknowns, self.part.conditions, complex_).solve(self.part.equations)
            self._branches = [branch for branch in branches if self._fits(branch)]
            self._skipped = bool(skipped)
        return self._branches

    def _fits(self, branch: Branch) -> bool:
        """Whether a branch satisfies the equations as they were written, the conditions, and what was declared."""
        values = {symbol: value for symbol, value in branch.items() if not value.free_symbols}
        for symbol, value in values.items():
            kinds = self.problem.kinds.get(symbol, frozenset())
            if "complex" not in kinds and not (exact.real(value) and allowed(symbol, value)):
                return False
            if fn.is_integer(value) and not of_kind(int(value), kinds):
                return False
        for equation in self.part.equations:
            if equation.free_symbols <= values.keys():
                left = equation.subs(values)
                if left.has(sp.nan, sp.zoo) or not exact.is_zero(left):
                    return False
        for condition in self.part.conditions:
            put = substitute(condition, branch)
            if put == sp.false or exact.holds(put) is False:
                return False
        return True

    def _reduced(self, asked: Value) -> Value | None:
        """The value that polynomial equations give an expression without giving one to its unknowns."""
        symbols = self.part.unknowns
        polynomials = [sp.numer(sp.together(e)) for e in self.part.equations]
        if len(polynomials) > MAX_POLYNOMIALS or not isinstance(asked, sp.Expr):
            return None
        try:
            if not all(p.is_polynomial(*symbols) for p in [*polynomials, asked]):
                return None
            rest = sp.groebner(polynomials, *symbols, order="grevlex").reduce(asked)[1]
        except _FAILURES:
            return None
        return None if rest.free_symbols else exact.canonical(rest)

    def _optimum(self, name: str, inner: Value) -> Value:
        """The least or greatest value where the equations leave one real unknown free."""
        branches = self._solved() if self.part.equations else [{}]
        values: list[Value] = []
        for branch in branches:
            expression = inner.subs(branch)
            conditions = [substitute(condition, branch) for condition in self.part.conditions]
            signed = [(sp.Gt if s.is_positive else sp.Ge, value) for s, value in branch.items() if s.is_nonnegative]
            conditions += [relation(value, 0) for relation, value in signed]
            free = expression.free_symbols
            if len(free) != 1 or any(c.free_symbols - free for c in conditions):
                raise Unsolved(f"the {name} value is more than the solver can find")
            (symbol,) = free
            values.append(_extreme(name, expression, symbol, _domain(symbol, [c for c in conditions if c != sp.true])))
        if not values:
            raise Unsolved("no solution")
        return exact.in_order(exact.different(values))[0 if name == "smallest" else -1]
