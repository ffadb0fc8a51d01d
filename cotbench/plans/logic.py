"""Plans of true and false: which option follows from the premises, or is consistent with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sympy as sp
from sympy.assumptions.cnf import EncodedCNF
from sympy.logic.inference import satisfiable

from cotbench.plans.alphabet import Cursor, plain, tokenize
from cotbench.plans.failures import Ambiguous, PlanInvalid, Unsolved
from cotbench.plans.language import Statement, is_prose

MAX_CLAUSES = 50_000

_WORDS = frozenset(
    "not and or xor if then only iff implies unless exactly at_least at_most true false neither nor either both".split()
)
_COUNTS = ("exactly", "at_least", "at_most")
_QUESTIONS = [  # the first that fits; of each: with "except" at the end, what the one option is that differs
    (r"\b(?:cannot|can't|can ?not|could ?n[o']t) be false\b", "must"),
    (r"\b(?:cannot|can't|can ?not|could ?n[o']t|couldn't) be (?:true|inferred|concluded|possible)\b", "impossible"),
    (r"\bmust (?:also )?be false\b|\bimpossible\b|\bcontradict|\binconsistent\b|\bmust not be true\b", "impossible"),
    (r"\bneed ?n[o']t be true\b|\bnot necessarily true\b|\b(?:could|can|may|might) (?:also )?be false\b", "refutable"),
    (r"\b(?:could|can|may|might) (?:also )?be true\b|\bpossible\b|\bpossibly true\b|\bconsistent\b", "possible"),
    (r"\bmust\b.*\btrue\b|\bfollows?\b|\bnecessarily\b|\binferred\b|\bconcluded\b|\bdeduced\b|^(?:is )?true$", "must"),
]
_OPPOSITE = {"must": "refutable", "refutable": "must", "possible": "impossible", "impossible": "possible"}


@dataclass(frozen=True, slots=True)
class Formula:
    """kind: name, not, and, or, xor, implies, iff, true, false, or count (text: exactly, at_least, at_most; number)."""

    kind: str
    parts: tuple[Formula, ...] = ()
    text: str = ""
    number: int = 0


def solve_logic(statements: Sequence[Statement]) -> str:
    """The letter of the one option that the question is true of."""
    premises: list[Formula] = []
    options: dict[str, Formula] = {}
    question: str | None = None
    known = [s.line for s in statements if s.kind in ("premise", "option", "ask")]
    for statement in statements:
        try:
            if statement.kind == "ask":
                question = _question(statement.text)
            elif statement.kind == "premise":
                premises.append(parse_formula(statement.text))
            elif statement.kind == "option":
                if statement.label in options:
                    raise PlanInvalid(f"a second option {statement.label}")
                options[statement.label] = parse_formula(statement.text)
            elif statement.kind == "line":
                formula = parse_formula(statement.text)
                if formula.kind == "name":
                    raise PlanInvalid("a statement without a keyword")
                premises.append(formula)
            elif not re.fullmatch(r"\W*[A-Za-z]\W*", statement.text):
                raise PlanInvalid('numbers and formulas in a plan of "premise:" and "ask:"')
        except RecursionError:
            raise PlanInvalid("too deeply nested", statement.line) from None
        except PlanInvalid as error:
            outside = statement.kind == "line" and (statement.line < min(known) or statement.line > max(known))
            if not (outside and is_prose(statement.text)):
                raise PlanInvalid(str(error), statement.line) from None
    if question is None:
        raise PlanInvalid('nothing is asked: no line "ask: ..."')
    if not options:
        raise PlanInvalid('no line "option A: ..."')
    return _decided(question, premises, options)


def _question(text: str) -> str:
    asked = re.sub(r"\s+", " ", text.lower().replace("’", "'").replace("_", " ")).strip(" ?.:;,*()")
    excepted = re.search(r"\bexcept\b\W*(?:one)?$", asked)
    asked = asked[: excepted.start()].strip(" ,(:-") if excepted else asked
    for pattern, kind in _QUESTIONS:
        if re.search(pattern, asked):
            return _OPPOSITE[kind] if excepted else kind
    raise PlanInvalid(f"unknown question {text.strip()[:60]!r}")


def _decided(question: str, premises: list[Formula], options: dict[str, Formula]) -> str:
    if not _consistent(premises):
        raise Unsolved("contradictory premises")
    wanted = question in ("refutable", "possible")  # of premises with an option, or with what it denies
    denied = question in ("must", "refutable")
    cases = {letter: Formula("not", (option,)) if denied else option for letter, option in options.items()}
    fitting = [letter for letter, case in cases.items() if _consistent([*premises, case]) == wanted]
    if not fitting:
        raise Unsolved("no option fits")
    if len(fitting) > 1:
        raise Ambiguous(f"several options fit: {', '.join(fitting)}")
    return fitting[0]


# --- deciding -----------------------------------------------------------------------------------------------------


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
            raise Unsolved("too large: the premises")
        self.clauses.append(set(literals))

    def literal(self, formula: Formula) -> int:
        """A literal that is true exactly where the formula is."""
        if formula.kind == "name":
            if formula.text not in self.names:
                self.names[formula.text] = self.fresh()
            return self.names[formula.text]
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


def _consistent(formulas: list[Formula]) -> bool:
    clauses = _Clauses()
    for formula in formulas:
        clauses.add(clauses.literal(formula))
    encoding: dict[Any, int] = {sp.Symbol(f"v{i}"): i for i in range(1, clauses.variables + 1)}
    kept = [clause for clause in clauses.clauses if not any(-literal in clause for literal in clause)]
    return satisfiable(EncodedCNF(data=kept, encoding=encoding), algorithm="dpll2") is not False


# --- parsing ------------------------------------------------------------------------------------------------------


def parse_formula(text: str) -> Formula:
    tokens = tokenize(plain(text))
    if len(tokens) == 1:
        raise PlanInvalid("a formula is missing")
    parser = _Parser(tokens)
    formula = parser.formula()
    parser.end()
    return formula


@dataclass
class _Parser(Cursor):
    def sees(self, *texts: str) -> bool:
        token = self.peek()
        return token.text.lower() in texts if token.kind == "name" else self.sees_sign(*texts)

    def words(self, *texts: str) -> bool:
        if all(self.peek(i).text.lower() == text for i, text in enumerate(texts)):
            self.at += len(texts)
            return True
        return False

    def formula(self) -> Formula:
        return self.deeper(self._formula)

    def _formula(self) -> Formula:
        left = self.implied()
        while self.take("<->", "iff", "≡") or self.words("if", "and", "only", "if"):
            left = Formula("iff", (left, self.implied()))
        return left

    def implied(self) -> Formula:
        return self.deeper(self._implied)

    def _implied(self) -> Formula:
        if self.take("if"):
            condition = self.formula()
            self.take(",")
            self.need("then")
            return Formula("implies", (condition, self.implied()))
        left = self.disjunct()
        if self.take("->", "implies") or self.words("only", "if"):
            return Formula("implies", (left, self.implied()))
        if self.take("unless"):
            return Formula("implies", (Formula("not", (self.implied(),)), left))
        if self.peek().text.lower() == "if" and self.peek(1).text.lower() != "and":
            self.at += 1
            return Formula("implies", (self.implied(), left))
        return left

    def disjunct(self) -> Formula:
        left = self.conjunct()
        while True:
            if self.take("or", "|", "∨"):
                self.take("|")
                left = Formula("or", (left, self.conjunct()))
            elif self.take("xor"):
                left = Formula("xor", (left, self.conjunct()))
            else:
                return left

    def conjunct(self) -> Formula:
        left = self.negated()
        while self.take("and", "&", "∧", "but"):
            left = Formula("and", (left, self.negated()))
        return left

    def negated(self) -> Formula:
        return self.deeper(self._negated)

    def _negated(self) -> Formula:
        if self.take("not", "~", "¬", "!"):
            return Formula("not", (self.negated(),))
        if self.take("neither"):
            left = self.negated()
            self.need("nor")
            return Formula("and", (Formula("not", (left,)), Formula("not", (self.negated(),))))
        for opener, closer in ("()", "[]"):
            if self.take(opener):
                found = self.formula()
                self.need(closer)
                return found
        token = self.peek()
        lower = token.text.lower()
        if self.sees("either", "both") and self.peek(1).kind in ("name", "sign"):
            self.at += 1
            return self.negated() if lower == "both" else self.disjunct()
        if self.sees(*_COUNTS) and self.peek(1).text == "(":
            return self._count(lower)
        if self.take("true", "false"):
            return Formula(lower)
        if token.kind != "name" or lower in _WORDS:
            raise PlanInvalid(f"unexpected {token.text!r}" if token.text else "something is missing at the end")
        self.at += 1
        return Formula("name", (), token.text + self._arguments())

    def _arguments(self) -> str:
        if not (self.peek().text == "(" and not self.peek().spaced):
            return ""
        self.at += 1
        names: list[str] = []
        while True:
            token = self.next()
            if token.kind not in ("name", "number"):
                raise PlanInvalid("a proposition is applied to names")
            names.append(token.text)
            if self.take(")"):
                return f"({','.join(names)})"
            self.need(",")

    def _count(self, name: str) -> Formula:
        self.at += 2
        token = self.next()
        if token.kind != "number" or not token.text.isdigit() or int(token.text) > 1000:
            raise PlanInvalid(f"{name} begins with a whole number")
        parts: list[Formula] = []
        while self.take(","):
            parts.append(self.formula())
        self.need(")")
        if not parts:
            raise PlanInvalid(f"{name} of nothing")
        return Formula("count", tuple(parts), name, int(token.text))
