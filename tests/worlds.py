"""Worlds of first-order formulas, found without z3: quantifiers are written out over things that have a name each, and
SymPy looks whether what is left can be true. A world that is found shows that the formulas can be; none proves nothing,
unless the formulas say that there are no other things."""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from itertools import product

from cotbench.plans.formulas import Formula, Term, bound, negated, parse_formula, unbound
from cotbench.plans.propositional import consistent

TRUE, FALSE = Formula("true"), Formula("false")


def read(text: str) -> Formula:
    """A premise; its variables that nothing binds mean all things."""
    formula = parse_formula(text)
    free = unbound(formula)
    return bound(formula, free) if free else formula


def has_world(formulas: list[Formula], more: int = 0) -> bool:
    """Whether all are true in a world in which each name is a thing of its own, and so many things have no name."""
    names = dict.fromkeys(name for formula in formulas for name in constants(formula))
    things = [*names, *(f"unnamed{number}" for number in range(more or not names))]
    return consistent([written_out(formula, things, {}) for formula in formulas])


def both_ways(premises: list[Formula], conclusion: Formula, more: int = 0) -> bool:
    """Whether there is a world in which the conclusion is true, and one in which it is false."""
    return has_world([*premises, conclusion], more) and has_world([*premises, negated(conclusion)], more)


def constants(formula: Formula) -> list[str]:
    return [term.name for part in formula.walk() for term in part.terms if not term.variable]


def written_out(formula: Formula, things: list[str], env: dict[str, str]) -> Formula:
    """The formula without quantifiers and equations."""
    if formula.kind in ("all", "some"):
        kind = "and" if formula.kind == "all" else "or"
        cases = [
            written_out(formula.parts[0], things, env | dict(zip(formula.variables, chosen, strict=True)))
            for chosen in product(things, repeat=len(formula.variables))
        ]
        return reduce(lambda left, right: Formula(kind, (left, right)), cases)
    names = [env[term.name] if term.variable else term.name for term in formula.terms]
    if formula.kind == "equal":
        return TRUE if names[0] == names[1] else FALSE
    parts = tuple(written_out(part, things, env) for part in formula.parts)
    return replace(formula, parts=parts, terms=tuple(Term(name) for name in names))
