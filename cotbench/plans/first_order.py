"""Whether formulas of first-order logic can all be true together, decided by z3; the one place that knows it.

Of a free domain z3 is asked first (it looks for models and for contradictions at once; it always decides formulas
without functions in which no "some" stands within an "all", given the steps), then worlds of few things are searched,
one size after another. Of a finite domain each quantifier is written out, unless that is too large. What it may take is
counted in z3's own steps, not in seconds, so that a plan ends the same way on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from cotbench.plans.failures import PlanInvalid, TooLarge, Unsolved
from cotbench.plans.formulas import Formula, Term

STEPS = 500_000  # of z3, for one question about a domain; from a tenth of a second to two
STEPS_OF_SIZES = 500_000  # ... about worlds of all sizes that are searched
MOST_THINGS = 8  # in the worlds that are searched where z3 alone doesn't decide
MOST_NODES = 200_000  # of formulas that are written out over a finite domain
MEMORY_MB = 350  # that z3 may take

Env = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Domain:
    """The things that there are. names: these and only these, all different; none: any number of things.

    distinct: groups of names that are different things.
    """

    names: tuple[str, ...] = ()
    distinct: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True)
class Signature:
    """How names are used in a plan: what was found first stands, with its line."""

    predicates: dict[str, tuple[int, int]] = field(default_factory=dict)
    functions: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, formula: Formula, line: int) -> None:
        """Raises PlanInvalid where a name is used in two ways that don't go together."""
        for part in formula.walk():
            if part.kind == "name":
                self._use(self.predicates, self.functions, part.text, len(part.terms), line)
            for term in part.terms:
                self._add_term(term, line)

    def _add_term(self, term: Term, line: int) -> None:
        if term.parts:
            self._use(self.functions, self.predicates, term.name, len(term.parts), line)
        for part in term.parts:
            self._add_term(part, line)

    def _use(
        self,
        own: dict[str, tuple[int, int]],
        others: dict[str, tuple[int, int]],
        name: str,
        things: int,
        line: int,
    ) -> None:
        first, where = own.setdefault(name, (things, line))
        if first != things:
            raise PlanInvalid(f"{name} is said of {_count(first)} in line {where}, and here of {_count(things)}", line)
        if things and name in others and others[name][0]:
            roles = ("a predicate", "a thing") if own is self.predicates else ("a thing", "a predicate")
            raise PlanInvalid(f"{name} stands here for {roles[0]}, and in line {others[name][1]} for {roles[1]}", line)


def _count(things: int) -> str:
    return "nothing" if not things else "one thing" if things == 1 else f"{things} things"


def consistent(formulas: Sequence[Formula], domain: Domain, effort: int = 1) -> bool | None:
    """Whether there is a world in which all the formulas are true; None where that couldn't be decided.

    effort: how many times the usual steps it may take."""
    z3 = _z3()
    try:
        if domain.names and _nodes(formulas, len(domain.names)) <= MOST_NODES:
            return _in_finite(z3, formulas, domain, len(domain.names), effort * STEPS)[0]
        if domain.names:
            limits, distinct = _as_formulas(domain)
            return _in_free(z3, [*formulas, limits], distinct, effort * STEPS)
        found = _in_free(z3, formulas, domain, effort * STEPS)
        size, left = 1, effort * STEPS_OF_SIZES
        while found is None and size <= MOST_THINGS and left > 0 and _nodes(formulas, size) <= MOST_NODES:
            in_size, taken = _in_finite(z3, formulas, domain, size, left)
            found = in_size or None
            size, left = size + 1, left - taken
        return found
    except z3.Z3Exception as error:
        said = str(error)
        raise TooLarge("the solver is out of memory") if "memory" in said else Unsolved(f"z3: {said[:80]}") from None


def _z3() -> Any:
    """z3's module. Raises Unsolved where it isn't installed; a run doesn't begin without it where it asks for logic."""
    try:
        import z3
    except ImportError:
        hint = "pip install 'cotbench[logic]'"
        raise Unsolved(f"first-order logic needs the package z3-solver: {hint}") from None
    z3.set_param("memory_max_size", MEMORY_MB)
    return z3


def _solver(z3: Any, context: Any, steps: int) -> Any:
    """A solver that begins no thread and looks at no clock."""
    solver = z3.SimpleSolver(ctx=context)
    solver.set("rlimit", steps)
    return solver


def _answer(z3: Any, solver: Any) -> bool | None:
    """Whether what a solver was given can be true; None where it couldn't tell."""
    found = solver.check()
    return None if found == z3.unknown else bool(found == z3.sat)


def _in_free(z3: Any, formulas: Sequence[Formula], domain: Domain, steps: int) -> bool | None:
    context = z3.Context()
    sort = z3.DeclareSort("Thing", context)
    writer = _Writer(z3, context, sort)
    solver = _solver(z3, context, steps)
    for formula in formulas:
        solver.add(writer.formula(formula, {}))
    solver.add(*writer.differences(domain))
    return _answer(z3, solver)


def _as_formulas(domain: Domain) -> tuple[Formula, Domain]:
    """A finite domain that is too large to be written out: what says that there are no other things, and a free domain
    in which its names are different ones."""
    thing = Term("thing", variable=True)
    limit = Formula("equal", terms=(thing, Term(domain.names[0])))
    for name in domain.names[1:]:
        limit = Formula("or", (limit, Formula("equal", terms=(thing, Term(name)))))
    return Formula("all", (limit,), variables=("thing",)), Domain(distinct=(*domain.distinct, domain.names))


def _in_finite(z3: Any, formulas: Sequence[Formula], domain: Domain, size: int, steps: int) -> tuple[bool | None, int]:
    """Whether formulas are true in a world of so many things, and the steps that telling took. A domain's names are the
    things, in order."""
    context = z3.Context()
    sort, things = z3.EnumSort("Thing", [f"thing{number}" for number in range(size)], ctx=context)
    writer = _Writer(z3, context, sort, things)
    writer.constants.update(zip(domain.names, things, strict=False))
    solver = _solver(z3, context, steps)
    for formula in formulas:
        solver.add(writer.formula(formula, {}))
    solver.add(*writer.differences(domain))
    if not domain.names:  # whatever a name stands for can be numbered so
        for number, constant in enumerate(list(writer.constants.values())[:size]):
            solver.add(z3.Or([constant == thing for thing in things[: number + 1]]))
    found = _answer(z3, solver)
    taken = next((count for name, count in solver.statistics() if name == "rlimit count"), steps)
    return found, int(taken)


def _nodes(formulas: Sequence[Formula], size: int) -> int:
    """How many nodes formulas have that are written out over so many things; more than are allowed count as one more
    than that."""

    def of(formula: Formula) -> int:
        inner = 1 + sum(map(of, formula.parts))
        if formula.kind in ("all", "some"):
            inner *= size ** len(formula.variables)
        elif formula.kind == "many":
            inner *= size
        elif formula.kind == "equal" or formula.terms:
            inner += len(formula.terms)
        return min(inner, MOST_NODES + 1)

    return min(sum(map(of, formulas)), MOST_NODES + 1)


@dataclass
class _Writer:
    """Writes formulas as z3's expressions. things: of a finite domain, over which quantifiers are written out."""

    z3: Any
    context: Any
    sort: Any
    things: Sequence[Any] | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    symbols: dict[tuple[str, int, bool], Any] = field(default_factory=dict)
    fresh: int = 0

    def formula(self, formula: Formula, env: Env) -> Any:
        z3 = self.z3
        match formula.kind:
            case "name":
                return self._predicate(formula.text, [self.term(term, env) for term in formula.terms])
            case "equal":
                left, right = (self.term(term, env) for term in formula.terms)
                return left == right
            case "true" | "false":
                return z3.BoolVal(formula.kind == "true", self.context)
            case "all" | "some":
                [body] = formula.parts
                return self._quantified(formula.kind, formula.variables, env, lambda inner: self.formula(body, inner))
            case "many":
                return self._many(formula, env)
            case "and" | "or":
                parts = [self.formula(part, env) for part in _flat(formula)]
                return (z3.And if formula.kind == "and" else z3.Or)(parts)
        parts = [self.formula(part, env) for part in formula.parts]
        match formula.kind:
            case "not":
                return z3.Not(parts[0])
            case "implies":
                return z3.Implies(*parts)
            case "iff":
                return parts[0] == parts[1]
            case "xor":
                return z3.Xor(*parts)
        return self._counted(formula.text, formula.number, parts)

    def term(self, term: Term, env: Env) -> Any:
        if term.variable:
            return env[term.name]
        if not term.parts:
            if term.name not in self.constants:
                self.constants[term.name] = self.z3.Const(f"{term.name}", self.sort)
            return self.constants[term.name]
        return self._symbol(term.name, len(term.parts), False)(*(self.term(part, env) for part in term.parts))

    def differences(self, domain: Domain) -> list[Any]:
        """That numbers, and the names that a plan tells apart, are different things."""
        numbers = [constant for name, constant in self.constants.items() if name[0].isdigit()]
        groups = [[self.term(Term(name), {}) for name in names] for names in domain.distinct]
        return [self.z3.Distinct(*group) for group in (*groups, numbers) if len(group) > 1]

    def _predicate(self, name: str, things: list[Any]) -> Any:
        symbol = self._symbol(name, len(things), True)
        return symbol(*things) if things else symbol

    def _symbol(self, name: str, things: int, predicate: bool) -> Any:
        key = (name, things, predicate)
        if key not in self.symbols:
            boolean = self.z3.BoolSort(self.context)
            sorts = [self.sort] * things + [boolean if predicate else self.sort]
            self.symbols[key] = self.z3.Function(name, *sorts) if things else self.z3.Const(name, boolean)
        return self.symbols[key]

    def _quantified(self, kind: str, names: Sequence[str], env: Env, body: Callable[[Env], Any]) -> Any:
        if self.things is not None:
            envs = [env]
            for name in names:
                envs = [{**one, name: thing} for one in envs for thing in self.things]
            parts = [body(one) for one in envs]
            return (self.z3.And if kind == "all" else self.z3.Or)(parts)
        variables = [self._variable(name) for name in names]
        inner = body({**env, **dict(zip(names, variables, strict=True))})
        return (self.z3.ForAll if kind == "all" else self.z3.Exists)(variables, inner)

    def _variable(self, name: str) -> Any:
        self.fresh += 1
        return self.z3.Const(f"{name}!{self.fresh}", self.sort)

    def _many(self, formula: Formula, env: Env) -> Any:
        """That so many things are so."""
        [name], [body] = formula.variables, formula.parts
        if self.things is not None:
            parts = [self.formula(body, {**env, name: thing}) for thing in self.things]
            return self._counted(formula.text, formula.number, parts)

        def at_least(number: int) -> Any:
            if number == 0:
                return self.z3.BoolVal(True, self.context)
            variables = [self._variable(name) for _ in range(number)]
            parts = [self.formula(body, {**env, name: variable}) for variable in variables]
            parts += [one != other for one, other in combinations(variables, 2)]
            return self.z3.Exists(variables, self.z3.And(parts))

        bounds = [at_least(formula.number)] if formula.text != "at_most" else []
        bounds += [self.z3.Not(at_least(formula.number + 1))] if formula.text != "at_least" else []
        return self.z3.And(bounds)

    def _counted(self, text: str, number: int, parts: list[Any]) -> Any:
        bounds = [self.z3.AtLeast(*parts, number)] if text != "at_most" else []
        bounds += [self.z3.AtMost(*parts, number)] if text != "at_least" else []
        return self.z3.And(bounds)


def _flat(formula: Formula) -> list[Formula]:
    """The parts of a chain of "and", or of "or"."""
    found: list[Formula] = []
    waiting = [formula]
    while waiting:
        one = waiting.pop()
        if one.kind == formula.kind:
            waiting += reversed(one.parts)
        else:
            found.append(one)
    return found
