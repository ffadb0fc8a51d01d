"""Plans of true and false: whether a formula follows from premises, or which option does, or may be true with them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from cotbench.plans import first_order, propositional
from cotbench.plans.failures import Ambiguous, PlanInvalid, Unsolved
from cotbench.plans.first_order import Domain, Signature
from cotbench.plans.formulas import Formula, bound, negated, parse_formula, unbound
from cotbench.plans.language import Statement, is_prose
from cotbench.plans.truth import Found, Truth, as_option

MORE_EFFORT = 3  # times the usual steps


_QUESTIONS = [  # the first that fits; of each: with "except" at the end, what the one option is that differs
    (r"\b(?:cannot|can't|can ?not|could ?n[o']t) be false\b", "must"),
    (r"\b(?:cannot|can't|can ?not|could ?n[o']t|couldn't) be (?:true|inferred|concluded|possible)\b", "impossible"),
    (r"\bmust (?:also )?be false\b|\bimpossible\b|\bcontradict|\binconsistent\b|\bmust not be true\b", "impossible"),
    (r"\bneed ?n[o']t be true\b|\bnot necessarily true\b|\b(?:could|can|may|might) (?:also )?be false\b", "refutable"),
    (r"\b(?:could|can|may|might) (?:also )?be true\b|\bpossible\b|\bpossibly true\b|\bconsistent\b", "possible"),
    (r"\bmust\b.*\btrue\b|\bfollows?\b|\bnecessarily\b|\binferred\b|\bconcluded\b|\bdeduced\b|^(?:is )?true$", "must"),
]
_OPPOSITE = {"must": "refutable", "refutable": "must", "possible": "impossible", "impossible": "possible"}
_AROUND = re.compile(
    r"^(?:(?:the\s+)?(?:conclusion|statement|claim|hypothesis)\b\s*[:=]?|whether\b|is it true that\b|"
    r"does it follow that\b|(?:is|does)\b(?=.*\()|valid\s*:|prove\b\s*:?|is\s+the\s+conclusion\b\s*:?)\s*(?=\S)",
    re.I,
)
# An answer that a model adds to its plan; what it says doesn't count.
_OWN_ANSWER = re.compile(r"\W*(?:[A-Z]|true|false|unknown|uncertain|yes|no)\W*", re.I)
_APPLIED = re.compile(r"\w\(|[∀∃∧∨¬→↔⊕~&|=]|->|\\forall|\\exists|:")  # what questions don't have
_NAMED = re.compile(r"[^\W\d]\w*|\d+")


@dataclass
class _Problem:
    """A plan of logic, read. conclusion: what is asked to follow; question: what is asked of options."""

    premises: list[tuple[Formula, int]] = field(default_factory=list)
    options: dict[str, tuple[Formula, int]] = field(default_factory=dict)
    asked: Statement | None = None
    answer: Statement | None = None  # a line "answer: formula", which stands for "ask: formula" where there is no other
    domain: Domain = field(default_factory=Domain)
    signature: Signature = field(default_factory=Signature)
    first_order: bool = False
    question: str = ""
    conclusion: Formula | None = None


def solve_logic(statements: Sequence[Statement], choices: Sequence[str]) -> Found:
    """The option that the question is true of, or what became of the conclusion. choices: the question's options."""
    problem = _read(statements)
    if problem.conclusion is not None:
        return as_option(_truth(problem, problem.conclusion), choices)
    letter = _fitting(problem)
    return Found(value=letter, letter=letter)


# --- reading ------------------------------------------------------------------------------------------------------


def _read(statements: Sequence[Statement]) -> _Problem:
    problem = _Problem()
    known = [s.line for s in statements if s.kind in ("premise", "option", "ask", "domain", "distinct")]
    for statement in statements:
        try:
            _take(problem, statement)
        except RecursionError:
            raise PlanInvalid("too deeply nested", statement.line) from None
        except PlanInvalid as error:
            outside = statement.kind == "line" and (statement.line < min(known) or statement.line > max(known))
            if not (outside and is_prose(statement.text)):
                raise PlanInvalid(error.message, error.line or statement.line) from None
    if problem.asked is None:
        problem.asked = problem.answer
    if problem.asked is None:
        raise PlanInvalid('nothing is asked: no line "ask: ..."')
    try:
        _ask(problem, problem.asked)
    except PlanInvalid as error:
        raise PlanInvalid(error.message, error.line or problem.asked.line) from None
    if problem.conclusion is None and not problem.options:
        raise PlanInvalid('no line "option A: ..."')
    _settle(problem)
    return problem


def _take(problem: _Problem, statement: Statement) -> None:
    if statement.kind == "ask":
        problem.asked = statement
    elif statement.kind == "premise":
        problem.premises.append((parse_formula(statement.text), statement.line))
    elif statement.kind == "option":
        if statement.label in problem.options:
            raise PlanInvalid(f"a second option {statement.label}")
        problem.options[statement.label] = (parse_formula(statement.text), statement.line)
    elif statement.kind in ("domain", "distinct"):
        _restrict(problem, statement)
    elif statement.kind == "line":
        formula = parse_formula(statement.text)
        alone = not formula.terms or unbound(formula)  # "Cat(x)" is one of a list of predicates
        if formula.kind == "equal" or (formula.kind == "name" and alone):
            raise PlanInvalid("a statement without a keyword")
        problem.premises.append((formula, statement.line))
    elif statement.kind == "answer" and _APPLIED.search(statement.text):
        problem.answer = statement
    elif not _OWN_ANSWER.fullmatch(statement.text):
        raise PlanInvalid('numbers and formulas in a plan of "premise:" and "ask:"')


def _restrict(problem: _Problem, statement: Statement) -> None:
    """Take in a line "domain: a, b, c" or "distinct: a, b"."""
    text = re.sub(r"^[{\[(](.*)[}\])]$", r"\1", statement.text.strip())
    names = [name for name in re.split(r"\s*(?:,|;|\band\b)\s*", text) if name]
    bad = next((name for name in names if not _NAMED.fullmatch(name)), None)
    if bad is not None or not names:
        found = f"found {bad!r:.40}" if bad is not None else "found none"
        raise PlanInvalid(f'{statement.kind}: expected names between commas, as in "a, b, c", {found}')
    again = next((name for i, name in enumerate(names) if name in names[:i]), None)
    if again is not None:
        raise PlanInvalid(f"{statement.kind}: {again} is named twice")
    if statement.kind == "distinct":
        problem.domain = Domain(problem.domain.names, (*problem.domain.distinct, tuple(names)))
        return
    if problem.domain.names:
        raise PlanInvalid('a second "domain: ..."')
    problem.domain = Domain(tuple(names), problem.domain.distinct)


def _ask(problem: _Problem, asked: Statement) -> None:
    """Find out what is asked: which option, or whether a formula follows."""
    text = asked.text.strip()
    question = _question(text)
    applied = _APPLIED.search(text)
    if problem.options and (question is not None or not applied):
        if question is None:
            raise PlanInvalid(f"unknown question {text[:60]!r}")
        problem.question = question
        return
    if question is not None and not applied:
        problem.question = question
        return
    while around := _AROUND.match(text):
        text = text[around.end() :]
    text = re.sub(r"(?:(?<=\))\s+(?:is\s+)?true|\s+follows?)?\s*\??$", "", text)
    if problem.options:
        raise PlanInvalid('a formula and options are asked: expected "ask: must be true" or the like, or no options')
    formula = parse_formula(text)
    if formula.kind in ("true", "false"):
        raise PlanInvalid("a formula is asked that says nothing")
    alone = formula.kind == "name" and not formula.terms
    if alone and not any(formula.text == part.text for one, _ in problem.premises for part in one.walk()):
        raise PlanInvalid(f'unknown question {text[:60]!r}: expected a formula, or "must be true" and options')
    problem.conclusion = formula


def _question(text: str) -> str | None:
    asked = re.sub(r"\s+", " ", text.lower().replace("’", "'").replace("_", " ")).strip(" ?.:;,*()")
    excepted = re.search(r"\bexcept\b\W*(?:one)?$", asked)
    asked = asked[: excepted.start()].strip(" ,(:-") if excepted else asked
    for pattern, kind in _QUESTIONS:
        if re.search(pattern, asked):
            return _OPPOSITE[kind] if excepted else kind
    return None


def _settle(problem: _Problem) -> None:
    """Decide whether the plan is first-order; if it is, bind the variables that nothing binds, and check its names."""
    asked = [(problem.conclusion, problem.asked.line)] if problem.conclusion and problem.asked else []
    formulas = [*problem.premises, *problem.options.values(), *asked]
    named = {*problem.domain.names, *(name for group in problem.domain.distinct for name in group)}
    problem.first_order = bool(named) or any(formula.first_order for formula, _ in formulas)
    if problem.first_order or problem.conclusion is not None:
        free = [[name for name in unbound(formula) if name not in named] for formula, _ in problem.premises]
        if any(free):
            problem.first_order = True
            problem.premises = [
                (bound(formula, names) if names else formula, line)
                for names, (formula, line) in zip(free, problem.premises, strict=True)
            ]
        for formula, line in (*problem.options.values(), *asked):
            name = next((name for name in unbound(formula) if name not in named), "")
            if name and problem.first_order:
                raise PlanInvalid(f'nothing binds {name}: expected "all {name}: ..." or "some {name}: ..."', line)
    if problem.first_order:
        for formula, line in sorted(formulas, key=lambda one: one[1]):
            problem.signature.add(formula, line)


# --- deciding -----------------------------------------------------------------------------------------------------


def _consistent(problem: _Problem, *more: Formula, effort: int = 1) -> bool | None:
    """Whether the premises and more can be true together; None where the solver can't tell."""
    formulas = [*(formula for formula, _ in problem.premises), *more]
    if problem.first_order:
        return first_order.consistent(formulas, problem.domain, effort)
    return propositional.consistent(formulas)


def _truth(problem: _Problem, conclusion: Formula) -> Truth:
    may_be_false = _consistent(problem, negated(conclusion))
    may_be_true = _consistent(problem, conclusion)
    # What follows from contradictory premises is worth nothing, so what shows that they are not is looked for longer.
    if may_be_false is False and may_be_true is None:
        may_be_true = _consistent(problem, conclusion, effort=MORE_EFFORT)
    elif may_be_true is False and may_be_false is None:
        may_be_false = _consistent(problem, negated(conclusion), effort=MORE_EFFORT)
    if may_be_false is False and may_be_true is False:
        raise Unsolved("contradictory premises")
    if may_be_false is False:
        return "true"
    if may_be_true is False:
        return "false"
    if may_be_true is None or may_be_false is None:
        raise Unsolved("too hard: the solver couldn't decide whether the conclusion follows")
    return "unknown"


def _fitting(problem: _Problem) -> str:
    """The letter of the one option that the question is true of."""
    premises = _consistent(problem)
    if premises is False:
        raise Unsolved("contradictory premises")
    wanted = problem.question in ("refutable", "possible")  # of premises with an option, or with what it denies
    denied = problem.question in ("must", "refutable")
    fitting: list[str] = []
    for letter, (option, _) in problem.options.items():
        found = _consistent(problem, negated(option) if denied else option)
        if found is None:
            raise Unsolved(f"too hard: the solver couldn't decide option {letter}")
        if found == wanted:
            fitting.append(letter)
    if not fitting:
        raise Unsolved("no option fits")
    if len(fitting) > 1:
        raise Ambiguous(f"several options fit: {', '.join(fitting)}")
    return fitting[0]
