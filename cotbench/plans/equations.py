"""The problem that a plan of numbers and formulas states: definitions, equations, conditions and what is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import sympy as sp

from cotbench.answers.notation.lexer import END, Token
from cotbench.answers.notation.units import IN_PLANS
from cotbench.plans import functions as fn
from cotbench.plans.alphabet import plain, tokenize
from cotbench.plans.assumptions import Assumption
from cotbench.plans.evaluate import Definition, Evaluator
from cotbench.plans.expressions import KEPT, Names, Node, Parser
from cotbench.plans.failures import PlanInvalid, Unsolved
from cotbench.plans.language import Statement, is_prose

_OF_INTEGERS = frozenset("is_prime isprime prime totient divisor_count divisor_sum digit_sum gcd lcm mod".split())
_COUNTING = frozenset("binomial C comb choose nCr permutations P perm nPr factorial".split())
_GIVING_WAY = frozenset("C comb choose nCr P perm nPr".split())  # to a plan's own functions
_RATES = IN_PLANS | frozenset("h s hr min person item each page box ticket".split())

_STATING = frozenset("rel congruent in and or not".split())  # kinds of nodes that say something

_INTEGERS = frozenset(("integer", "even", "odd", "prime", "digit"))
_FIELDS = frozenset(("real", "rational", "complex"))
LAST = 10**6  # the line of what sees the last value of every name
MANY_DEFINITIONS = 30


@dataclass
class Problem:
    """What a plan states, evaluated. equations: expressions that are zero; kinds: what unknowns were declared to be."""

    evaluator: Evaluator
    equations: list[Any]
    conditions: list[Any]
    kinds: dict[Any, frozenset[str]]
    answer: Node
    options: list[tuple[str, Any, str]]  # letter, value (None for words), text


@dataclass(frozen=True, slots=True)
class Read:
    statement: Statement
    node: Node


@dataclass
class _Symbols:
    kinds: dict[str, set[str]]
    made: dict[str, Any] = field(default_factory=dict)

    def __call__(self, name: str) -> Any:
        if name not in self.made:
            kinds = self.kinds.get(name, set())
            try:
                self.made[name] = sp.Symbol(name, **_flags(kinds))
            except sp.core.facts.InconsistentAssumptions:
                raise Unsolved(f"contradictory assumptions about {name}") from None
        return self.made[name]


def _flags(kinds: set[str]) -> dict[str, bool]:
    """SymPy's assumptions about a symbol that was declared to be of some kinds."""
    flags = kinds & {"negative", "nonpositive"}
    if "complex" not in kinds:
        flags |= {"real"} | kinds & {"nonzero"}
    if kinds & (_INTEGERS | {"rational"}):
        flags = flags - {"real"} | {"integer" if kinds & _INTEGERS else "rational"}
    if kinds & {"positive", "nonnegative", "prime", "digit"}:
        flags.add("positive" if kinds & {"positive", "prime"} else "nonnegative")
    return dict.fromkeys(sorted(flags), True)


def read_problem(statements: list[Statement]) -> Problem:
    """Parse and evaluate. Raises PlanInvalid, or Unsolved where a value doesn't exist."""
    tokens, errors = _tokens(statements)
    assumptions = [s.assumption for s in statements if s.assumption is not None]
    names = _names(tokens, assumptions)
    reads, errors = _parsed(tokens, names, errors)
    _refuse(statements, reads, errors)
    return _Reader(reads, assumptions, names).problem()


def _tokens(statements: list[Statement]) -> tuple[list[tuple[Statement, list[Token]]], list[PlanInvalid]]:
    found: list[tuple[Statement, list[Token]]] = []
    errors: list[PlanInvalid] = []
    texts = [(s, s.text) for s in statements if s.assumption is None]
    texts += [(s, condition) for s in statements if s.assumption is not None for condition in s.assumption.conditions]
    for statement, text in texts:
        try:
            found.append((statement, tokenize(plain(text))))
        except PlanInvalid as error:
            errors.append(PlanInvalid(str(error), statement.line))
    _drop_units(found)
    _join_events(found)
    return found, errors


def _join_events(found: list[tuple[Statement, list[Token]]]) -> None:
    """P(A) = 0.3 gives a number to an event: where all brackets behind a name hold names alone, and no body uses them,
    the name and its brackets are one name."""
    texts: dict[str, set[str]] = {}
    events: set[str] = set()
    for statement, tokens in found:
        own = _own_function(tokens) if statement.kind == "line" else None
        if own and len(own[1]) == 1:
            used = any(token.text in own[1] for token in tokens[5:])
            events |= set() if used else {own[0]}
            texts.setdefault(own[0], set()).update({"="} if used else set())
        for i, token in enumerate(tokens[:-1]):
            if token.kind == "name" and tokens[i + 1].text == "(":
                texts.setdefault(token.text, set()).add(_event(tokens, i)[0])
    named = {name for name in events if not texts[name] & {"", "="} and len(texts[name]) > 1}
    for _, tokens in found:
        for i in range(len(tokens) - 2, -1, -1):
            if tokens[i].text in named and tokens[i + 1].text == "(":
                text, end = _event(tokens, i)
                tokens[i : end + 1] = [Token("name", f"{tokens[i].text}_{text}", tokens[i].spaced)]


_IN_EVENTS = {"|": "given", "∧": "and", "&": "and", ",": "and", "∨": "or", "~": "~", "¬": "¬"}


def _event(tokens: list[Token], at: int) -> tuple[str, int]:
    """The words between the brackets behind a name, and where these end; no words where there is anything but names."""
    words: list[str] = []
    for end in range(at + 2, len(tokens)):
        if tokens[end].text == ")":
            return "_".join(words), end
        if tokens[end].kind != "name" and tokens[end].text not in _IN_EVENTS:
            break
        words.append(_IN_EVENTS.get(tokens[end].text, tokens[end].text))
    return "", at


def _drop_units(found: list[tuple[Statement, list[Token]]]) -> None:
    """ "5 dollars" is 5 where dollars are nothing but a unit: never without a number before it."""
    real = set()
    for _, tokens in found:
        for before, token in zip([END, *tokens], tokens, strict=False):
            counted = before.kind == "number" and token.spaced
            if token.text in IN_PLANS and not counted and before.text not in ("per", "/"):
                real.add(token.text)
    for _, tokens in found:
        for i in range(len(tokens) - 2, 0, -1):
            if tokens[i].text in IN_PLANS - real and tokens[i - 1].kind == "number":
                rate = tokens[i + 1].text in ("/", "per") and tokens[i + 2].text in _RATES - real
                del tokens[i : i + (3 if rate else 1)]


def _defining(tokens: list[Token]) -> str | None:
    """The name that a line may define: "x = ..."."""
    named = len(tokens) > 2 and tokens[0].kind == "name" and tokens[1][:2] == ("sign", "=")
    return tokens[0].text if named else None


def _own_function(tokens: list[Token]) -> tuple[str, tuple[str, ...]] | None:
    """Name and parameters of "f(x, y) = ..."."""
    if len(tokens) < 6 or tokens[0].kind != "name" or tokens[1].text != "(":
        return None
    if tokens[0].text in fn.FUNCTIONS - _GIVING_WAY or tokens[0].text.endswith("'"):
        return None
    parameters: list[str] = []
    for at in range(2, len(tokens) - 2, 2):
        if tokens[at].kind != "name":
            return None
        parameters.append(tokens[at].text)
        if tokens[at + 1].text == ")":
            ends = tokens[at + 2].kind == "sign" and tokens[at + 2].text == "="
            return (tokens[0].text, tuple(parameters)) if ends and len(set(parameters)) == len(parameters) else None
        if tokens[at + 1].text != ",":
            return None
    return None


def _names(found: list[tuple[Statement, list[Token]]], assumptions: list[Assumption]) -> Names:
    own = {o[0] for s, tokens in found if s.kind == "line" and (o := _own_function(tokens))}
    declared = {name for assumption in assumptions for name in assumption.names}
    defined = {name for s, tokens in found if s.kind == "line" and (name := _defining(tokens))}
    defined |= {"answer"} if any(s.kind == "named" for s, _ in found) else set()
    used = Counter(token.text for _, tokens in found for token in tokens if token.kind == "name")
    products = {name for name in defined - declared if 1 < len(name) < 4 and used[name] == 1 and name.isalpha()}
    defined -= {name for name in products if all(used[letter] for letter in name)}  # xy = 12 where x and y are used
    bare: set[str] = set()
    for statement, tokens in found:
        for token, follows in pairwise(tokens):
            called = follows.text == "(" and not (follows.spaced and token.text not in fn.FUNCTIONS)
            if token.kind == "name" and not called and statement.kind != "option":
                bare.add(token.text)
    defined |= declared
    bare = {name for name in bare if not (name in fn.FUNCTIONS and len(name) > 1) and not name.startswith("log_")}
    return Names(fn.FUNCTIONS, frozenset(bare | defined) - own, frozenset(defined), frozenset(own))


def _parsed(
    found: list[tuple[Statement, list[Token]]], names: Names, errors: list[PlanInvalid]
) -> tuple[list[Read], list[PlanInvalid]]:
    reads: list[Read] = []
    for statement, tokens in found:
        if statement.kind == "line" and len(tokens) == 1:
            continue
        try:
            node = _node(statement, tokens, names)
        except (PlanInvalid, RecursionError) as error:
            if statement.kind == "option":
                node = Node("words", (), statement.text)
            else:
                message = "too deeply nested" if isinstance(error, RecursionError) else str(error)
                errors.append(PlanInvalid(message, statement.line))
                continue
        reads.append(Read(statement, node))
    return reads, errors


def _node(statement: Statement, tokens: list[Token], names: Names) -> Node:
    parser = Parser(list(tokens), names=names)
    if statement.kind != "answer":
        node = parser.whole()
        states = ("is_prime", "isprime", "distinct") if node.kind == "call" else ()
        if statement.kind == "line" and node.kind not in _STATING and node.text not in states:
            raise PlanInvalid("a formula without a comparison says nothing")
        return node
    parts = [parser.condition()]
    while parser.take(","):
        parts.append(parser.condition())
    parser.end()
    node = parts[0] if len(parts) == 1 else Node("tuple", tuple(parts))
    if node.kind == "rel" and node.text == "=" and node.parts[0].kind == "name":  # answer: x = 5
        return node.parts[0] if node.parts[0].text in names.known - {"answer"} else node.parts[1]
    if node.kind == "mul" and node.parts[-1].kind == "name" and node.parts[-1].text in IN_PLANS - names.defined:
        return node.parts[0] if len(node.parts) == 2 else Node("mul", node.parts[:-1])  # "total dollars" is the total
    return node


def _refuse(statements: list[Statement], reads: list[Read], errors: list[PlanInvalid]) -> None:
    """Raise the first error that isn't about a remark before the plan or behind it."""
    lines = {read.statement.line for read in reads} | {s.line for s in statements if s.assumption is not None}
    ends = [read.statement.line for read in reads if read.statement.kind in ("answer", "named", "option")]
    texts = {s.line: s.text for s in statements}
    for error in sorted(errors, key=lambda e: e.line):
        outside = bool(lines) and (error.line < min(lines) or (bool(ends) and error.line > max(ends)))
        if not (outside and is_prose(texts.get(error.line, ""))):
            raise error


class _Reader:
    def __init__(self, reads: list[Read], assumptions: list[Assumption], names: Names) -> None:
        self.reads, self.assumptions, self.names = reads, assumptions, names
        self.kinds: dict[str, set[str]] = {}
        for assumption in assumptions:
            for name in assumption.names:
                self.kinds.setdefault(name, set()).update(assumption.kinds)
        self.own: dict[str, tuple[tuple[str, ...], Node]] = {}
        self.definitions: dict[str, list[Definition]] = {}
        self.equations: list[tuple[Node, int]] = []
        self.conditions: list[tuple[Node, int]] = []

    def problem(self) -> Problem:
        answer = self._asked()
        for read in self.reads:
            if read.statement.kind in ("line", "assume"):
                self._sort(read.node, read.statement.line, definable=read.statement.kind == "line")
            elif read.statement.kind == "named":
                self._define("answer", read.node, read.statement.line)
        self._undefine_circles()
        self._implied()
        symbols = _Symbols(self.kinds)
        evaluator = Evaluator(self.definitions, self.own, symbols, self._claimed(answer))
        equations, conditions = self._evaluated(evaluator)
        options = [self._option(read, evaluator) for read in self.reads if read.statement.kind == "option"]
        for name in self.kinds:  # the answer may be the first to use it
            if name not in self.definitions:
                symbols(name)
        kinds = {symbol: frozenset(self.kinds.get(name, ())) for name, symbol in symbols.made.items()}
        return Problem(evaluator, equations, conditions, kinds, answer, options)

    def _asked(self) -> Node:
        for kind in ("answer", "named", "weak"):
            if found := [read.node for read in self.reads if read.statement.kind == kind]:
                return found[-1] if kind != "named" else Node("name", (), "answer")
        raise PlanInvalid('nothing is asked: no line "answer: ..."')

    def _sort(self, node: Node, line: int, *, definable: bool) -> None:
        if node.kind == "and":
            for part in node.parts:
                self._sort(part, line, definable=definable)
            return
        signs = set(node.text.split()) if node.kind == "rel" else set()
        if signs != {"="}:
            self.conditions.append((node, line))
            return
        first, *rest = node.parts
        if definable and len(rest) == 1 and self._function(first, rest[0]):
            return
        if definable and first.kind == "name" and self._definable(first.text, rest[0]):
            self._define(first.text, rest[0], line)
            node = Node("rel", tuple(rest), " ".join(["="] * (len(rest) - 1)))
        for left, right in zip(node.parts, node.parts[1:], strict=False):
            self.equations.append((Node("rel", (left, right), "="), line))

    def _function(self, head: Node, body: Node) -> bool:
        own = head.kind == "call" and head.text in self.names.functions and head.text not in self.own
        if not own or not all(part.kind == "name" for part in head.parts):
            return False
        parameters = tuple(part.text for part in head.parts)
        if len(set(parameters)) < len(parameters):
            return False
        self.own[head.text] = (parameters, body)
        return True

    def _definable(self, name: str, value: Node) -> bool:
        if name in KEPT - {"i", "e", "I"}:
            return False
        inside = name in set(_names_of(value))
        if name in self.definitions:
            return inside
        whole = self.kinds.get(name, set()) & _INTEGERS
        return not inside and not (whole and set(_names_of(value)) - set(self.definitions))

    def _define(self, name: str, node: Node, line: int) -> None:
        self.definitions.setdefault(name, []).append(Definition(name, node, line))

    def _undefine_circles(self) -> None:
        """Definitions that need each other are equations."""
        stated, self.definitions = self.definitions, {}
        for name, versions in stated.items():
            if name in self._needed(_names_of(versions[0].node)):
                for version in versions:
                    self.equations.append((Node("rel", (Node("name", (), name), version.node), "="), version.line))
            else:
                self.definitions[name] = versions

    def _needed(self, names: Iterable[str]) -> set[str]:
        """These names and those in their definitions, in turn."""
        needed: set[str] = set()
        waiting = set(names)
        while waiting:
            name = waiting.pop()
            needed.add(name)
            bodies = [self.definitions[name][0].node] if name in self.definitions else []
            bodies += [self.own[name][1]] if name in self.own else []
            waiting |= {inner for body in bodies for inner in _names_of(body)} - needed
        return needed

    def _implied(self) -> None:
        """Unknowns of congruences and the like are integers; bounds such as x > 0 are known to their symbols."""
        nodes = [node for node, _ in self.equations + self.conditions]
        nodes += [d.node for versions in self.definitions.values() for d in versions]
        nodes += [read.node for read in self.reads if read.statement.kind == "answer"]
        for node in nodes:
            for found in _walk(node):
                if found.kind in ("congruent", "mod") or (found.kind == "call" and found.text in _OF_INTEGERS):
                    self._whole(name for part in found.parts for name in _names_of(part))
                elif found.kind == "fact" or (found.kind == "call" and found.text in _COUNTING):
                    names = [part.text for part in found.parts if part.kind == "name"]
                    self._whole(names)
                    for name in names:
                        self.kinds.setdefault(name, set()).add("nonnegative")
        for node, _ in self.conditions:
            self._bounded(node)

    def _whole(self, names: Iterable[str]) -> None:
        waiting, seen = list(names), set()
        while waiting:
            name = waiting.pop()
            if name in seen or name in KEPT - {"i"}:
                continue
            seen.add(name)
            if name in self.definitions:
                waiting += _names_of(self.definitions[name][0].node)
            elif name not in self.own and not self.kinds.get(name, set()) & _FIELDS:
                self.kinds.setdefault(name, set()).add("integer")

    def _bounded(self, node: Node) -> None:
        if node.kind != "rel":
            return
        for sign, left, right in zip(node.text.split(), node.parts, node.parts[1:], strict=False):
            name, other = (left, right) if sign in (">", ">=") else (right, left)
            named = name.kind == "name" and name.text not in self.definitions
            if named and other.kind == "number" and sign in ("<", "<=", ">", ">="):
                positive = sign in ("<", ">") or other.text.strip("0.")
                self.kinds.setdefault(name.text, set()).add("positive" if positive else "nonnegative")

    def _claimed(self, answer: Node) -> frozenset[str]:
        """Those of e, i and I that are names here: declared, defined, compared alone, or one of a row of letters."""
        claimed = {name for name in ("e", "i", "I") if name in self.names.defined}
        used = {name for node, _ in self.equations for name in _names_of(node)}
        nodes = [node for node, _ in [*self.equations, *self.conditions, (answer, 0)]]
        bases = [part.parts[0] for node in nodes for part in _walk(node) if part.kind == "pow"]
        raised = {base.text for base in bases if base.kind == "name"}
        for name, beside in (("e", {"d", "f"}), ("i", {"h", "j"})):
            if name in used - raised and used & beside:
                claimed.add(name)
        alone = {
            part.text for node, _ in self.conditions if node.kind == "rel" for part in node.parts if part.kind == "name"
        }
        alone |= {answer.text} & used if answer.kind == "name" else set()
        return frozenset(claimed | alone & {"e", "i", "I"})

    def _evaluated(self, evaluator: Evaluator) -> tuple[list[Any], list[Any]]:
        equations: list[Any] = []
        conditions: list[Any] = []
        if len(self.definitions) > MANY_DEFINITIONS:  # in order, so that a long chain of them needs no deep recursion
            for definition in sorted((d for v in self.definitions.values() for d in v), key=lambda d: d.line):
                with suppress(Unsolved, PlanInvalid):  # it may not be needed
                    evaluator.value(Node("name", (), definition.name), definition.line + 1)
        for node, line in self.equations:
            left, right = (evaluator.value(part, line) for part in node.parts)
            equations += _differences(left, right, conditions)
        for node, line in self.conditions:
            value = evaluator.value(node, line)
            if isinstance(value, fn.IsPrime):
                conditions.append(value)
            else:
                conditions += value.args if isinstance(value, sp.And) else [value]
        for name in [name for name in self.kinds if name in self.definitions]:
            value = evaluator.value(Node("name", (), name), LAST)
            conditions += _checks(value, self.kinds[name])
        for assumption in self.assumptions:
            if "distinct" in assumption.kinds:
                values = [evaluator.value(Node("name", (), name), LAST) for name in assumption.names]
                conditions += [sp.Ne(a, b) for i, a in enumerate(values) for b in values[:i]]
        return [e for e in equations if e != 0], [c for c in conditions if c != sp.true]

    def _option(self, read: Read, evaluator: Evaluator) -> tuple[str, Any, str]:
        value = None
        with suppress(Unsolved, PlanInvalid):
            value = evaluator.value(read.node, LAST) if read.node.kind != "words" else None
        return read.statement.label, value, read.statement.text


def _differences(left: Any, right: Any, conditions: list[Any]) -> list[Any]:
    if isinstance(left, sp.Tuple) and isinstance(right, sp.Tuple):
        if len(left) != len(right):
            raise Unsolved("tuples of different lengths are equal")
        pairs = zip(left, right, strict=True)
        return [part for a, b in pairs for part in _differences(a, b, conditions)]
    if isinstance(left, sp.MatrixBase) and isinstance(right, sp.MatrixBase):
        if left.shape != right.shape:
            raise Unsolved("matrices of different shapes are equal")
        return [a - b for a, b in zip(left, right, strict=True)]
    if isinstance(left, (sp.logic.boolalg.Boolean, fn.IsPrime)) and not isinstance(left, sp.Symbol):
        conditions.append(left if right == sp.true else sp.Not(left) if right == sp.false else sp.false)
        return []
    return [fn.expression(left) - fn.expression(right)]


_SIGNS = {"positive": sp.Gt, "negative": sp.Lt, "nonnegative": sp.Ge, "nonpositive": sp.Le}


def _checks(value: Any, kinds: set[str]) -> list[Any]:
    """What a declaration says about a name that has a definition."""
    found: list[Any] = []
    if not isinstance(value, sp.Expr):
        return found
    if kinds & _INTEGERS:
        found.append(sp.Eq(fn.Remainder(value, sp.Integer(1)), 0))
    if "even" in kinds or "odd" in kinds:
        found.append(sp.Eq(fn.Remainder(value, sp.Integer(2)), 1 if "odd" in kinds else 0))
    if "prime" in kinds:
        found.append(fn.IsPrime(value))
    if "complex" not in kinds:
        found += [relation(value, sp.Integer(0)) for kind, relation in _SIGNS.items() if kind in kinds]
        found += [sp.Ge(value, sp.Integer(0)), sp.Le(value, sp.Integer(9))] if "digit" in kinds else []
    if "nonzero" in kinds:
        found.append(sp.Ne(value, 0))
    return found


def _walk(node: Node) -> Iterator[Node]:
    waiting = [node]
    while waiting:
        found = waiting.pop()
        yield found
        waiting += found.parts


def _names_of(node: Node) -> Iterator[str]:
    """The names in a node, but for those that a sum or a limit binds."""
    waiting: list[tuple[Node, frozenset[str]]] = [(node, frozenset())]
    while waiting:
        found, bound = waiting.pop()
        if found.kind == "name" and found.text not in bound:
            yield found.text
        if found.kind == "call":
            binds = found.text in ("sum", "product", "limit", "integral", "integrate") and len(found.parts) > 2
            if binds and found.parts[1].kind == "name":
                bound = bound | {found.parts[1].text}
            if found.text not in fn.FUNCTIONS:
                yield found.text.rstrip("'")
        waiting += [(part, bound) for part in found.parts]
