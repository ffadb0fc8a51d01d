"""Whether formulas without quantifiers and equations can all be true together: decided by SymPy, over clauses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.assumptions.cnf import EncodedCNF
from sympy.logic.inference import satisfiable

from cotbench.plans.failures import TooLarge
from cotbench.plans.formulas import Formula

MAX_CLAUSES = 50_000


def consistent(formulas: Iterable[Formula]) -> bool:
    clauses = _Clauses()
    for formula in formulas:
        clauses.add(clauses.literal(formula))
    encoding: dict[Any, int] = {sp.Symbol(f"v{i}"): i for i in range(1, clauses.variables + 1)}
    kept = [clause for clause in clauses.clauses if not any(-literal in clause for literal in clause)]
    return satisfiable(EncodedCNF(data=kept, encoding=encoding), algorithm="dpll2") is not False


@dataclass
class _Clauses:
    """Formulas as clauses over numbered variables, one more variable for each part: no formula grows exponentially."""

    clauses: list[set[int]] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    variables: int = 0

    def fresh(self) -> int:
        self.variables += 1
        return self.variables

    def add(self, *literals: int) -> None:
        if len(self.clauses) >= MAX_CLAUSES:
            raise TooLarge("the premises")
        self.clauses.append(set(literals))

    def literal(self, formula: Formula) -> int:
        """A literal that is true exactly where the formula is."""
        if formula.kind == "name":
            if formula.key() not in self.names:
                self.names[formula.key()] = self.fresh()
            return self.names[formula.key()]
        if formula.kind in ("true", "false"):
            found = self.fresh()
            self.add(found)
            return found if formula.kind == "true" else -found
        parts = [self.literal(part) for part in formula.parts]
        match formula.kind:
            case "not":
                return -parts[0]
            case "and":
                return -self._any([-part for part in parts])
            case "or":
                return self._any(parts)
            case "implies":
                return self._any([-parts[0], parts[1]])
            case "iff" | "xor":
                differ, (a, b) = self.fresh(), parts
                for clause in ((-differ, a, b), (-differ, -a, -b), (differ, -a, b), (differ, a, -b)):
                    self.add(*clause)
                return differ if formula.kind == "xor" else -differ
        return self._count(formula, parts)

    def _any(self, parts: list[int]) -> int:
        found = self.fresh()
        for part in parts:
            self.add(-part, found)
        self.add(-found, *parts)
        return found

    def _count(self, formula: Formula, parts: list[int]) -> int:
        bounds = [self._at_least(parts, formula.number)] if formula.text != "at_most" else []
        bounds += [-self._at_least(parts, formula.number + 1)] if formula.text != "at_least" else []
        return bounds[0] if len(bounds) == 1 else -self._any([-bound for bound in bounds])

    def _at_least(self, parts: list[int], number: int) -> int:
        true = self.fresh()
        self.add(true)
        held = [true] + [-true] * number  # held[k]: at least k of the parts so far
        for part in parts:
            held = [true] + [self._any([held[k], -self._any([-held[k - 1], -part])]) for k in range(1, number + 1)]
        return held[number]
