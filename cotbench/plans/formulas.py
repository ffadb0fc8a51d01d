"""Formulas of logic, propositional and first-order: the text of one -> its tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from cotbench.answers.notation.lexer import Token
from cotbench.plans.alphabet import Cursor, plain, tokenize
from cotbench.plans.failures import PlanInvalid

MOST_COUNTED = 12  # things that a quantifier may count

_WORDS = frozenset(
    "not and or xor if then only iff implies unless exactly at_least at_most true false neither nor either both".split()
)
_COUNTS = ("exactly", "at_least", "at_most")
_NUMBERS = {word: number for number, word in enumerate("one two three four five six seven eight nine ten".split(), 1)}
_ALL = frozenset("all every each forall any".split())
_SOME = frozenset("some exists exist".split())
_QUANTIFIERS = _ALL | _SOME | {"no"}
_JOINED = frozenset("and or xor iff implies then only unless if nor but".split())
_SEPARATORS = (":", ",", "?dot")
_DOT = "?dot"  # what a full stop behind a quantifier's variables is made
_SUCH_THAT = (("such", "that"), ("so", "that"), ("with",), ("where",), ("st",))
# Signs that only formulas have.
_SIGNS = ((r"∃\s?!", " exactly one "), ("∄", " no "), ("∀", " all "), ("∃", " some "), (r"\\nexists\b", " no "))
_DOTTED = re.compile(
    r"\b(?P<quantifier>all|every|each|forall|some|exists?|no|one)(?P<names>\s+\w+(?:\s?,?\s+\w+)*?)\s*\.(?!\d)", re.I
)
_GLOSS = re.compile(r"\s*:::.*")  # what a formula means, in words
_QUOTED = re.compile(r"([\"'“”‘’])(?P<name>[^\W_][\w .'’-]*)[\"'“”‘’](?!\w)")
_WITHIN = re.compile(r"(?<=\w)['’-](?=\w)")  # of a name: "well-known", "tom's"
_CALLED = {"and": "and", "or": "or", "implies": "implies", "iff": "iff", "equivalent": "iff", "xor": "xor"}
FREE = re.compile(r"[u-z]\d?")  # how a name looks that is a variable though nothing binds it


@dataclass(frozen=True, slots=True)
class Term:
    """What stands for a thing: a variable, a constant, a number, or a function of things."""

    name: str
    parts: tuple[Term, ...] = ()
    variable: bool = False

    def __str__(self) -> str:
        return f"{self.name}({','.join(map(str, self.parts))})" if self.parts else self.name


@dataclass(frozen=True, slots=True)
class Formula:
    """One formula.

    kind: name (a proposition, or a predicate of terms), equal (of terms), not, and, or, xor, implies, iff, true, false,
    count (text: exactly, at_least, at_most of the parts; number), all, some (of variables), many (text and number as of
    count, of one variable).
    """

    kind: str
    parts: tuple[Formula, ...] = ()
    text: str = ""
    number: int = 0
    terms: tuple[Term, ...] = ()
    variables: tuple[str, ...] = ()

    def key(self) -> str:
        """The text by which an atom is told from others."""
        return f"{self.text}({','.join(map(str, self.terms))})" if self.terms else self.text

    def walk(self) -> Iterator[Formula]:
        """Yield this formula and all within it."""
        waiting = [self]
        while waiting:
            formula = waiting.pop()
            yield formula
            waiting += reversed(formula.parts)

    @property
    def first_order(self) -> bool:
        """Whether it says what propositional logic can't: of all or some things, or that two are the same."""
        return any(
            part.kind in ("all", "some", "many", "equal") or any(term.parts for term in part.terms)
            for part in self.walk()
        )


def negated(formula: Formula) -> Formula:
    return Formula("not", (formula,))


def parse_formula(text: str) -> Formula:
    tokens = tokenize(plain(_plain_quantifiers(text)))
    if len(tokens) == 1:
        raise PlanInvalid("a formula is missing")
    _check_brackets(tokens)
    parser = _Parser(tokens)
    formula = parser.formula()
    parser.end()
    return formula


def unbound(formula: Formula) -> list[str]:
    """The names in it that look like variables and that nothing binds, in order."""
    found = [
        name for part in formula.walk() for term in part.terms for name in _constants(term) if FREE.fullmatch(name)
    ]
    return list(dict.fromkeys(found))


def bound(formula: Formula, names: list[str]) -> Formula:
    """The formula said of all things in place of these constants."""
    return Formula("all", (_as_variables(formula, frozenset(names)),), variables=tuple(names))


def _as_variables(formula: Formula, names: frozenset[str]) -> Formula:
    return replace(
        formula,
        parts=tuple(_as_variables(part, names) for part in formula.parts),
        terms=tuple(_term_as_variable(term, names) for term in formula.terms),
    )


def _term_as_variable(term: Term, names: frozenset[str]) -> Term:
    if not term.parts:
        return replace(term, variable=term.variable or term.name in names)
    return replace(term, parts=tuple(_term_as_variable(part, names) for part in term.parts))


def _constants(term: Term) -> Iterator[str]:
    if not term.parts and not term.variable:
        yield term.name
    for part in term.parts:
        yield from _constants(part)


def _plain_quantifiers(text: str) -> str:
    text = _GLOSS.sub("", text)
    text = _QUOTED.sub(lambda quoted: re.sub(r"\W+", "_", quoted["name"].strip()), text)
    text = _WITHIN.sub("_", text)
    for sign, word in _SIGNS:
        text = re.sub(sign, word, text)
    return _DOTTED.sub(r"\g<quantifier>\g<names>:", text)


def _check_brackets(tokens: list[Token]) -> None:
    """Raises PlanInvalid where brackets don't match: what a parser finds there misleads."""
    pairs = {")": "(", "]": "["}
    opened: list[str] = []
    for token in tokens:
        if token.kind != "sign":
            continue
        if token.text in pairs.values():
            opened.append(token.text)
        elif token.text in pairs:
            if not opened or opened[-1] != pairs[token.text]:
                raise PlanInvalid(f"a {token.text!r} without its {pairs[token.text]!r}")
            opened.pop()
    if opened:
        raise PlanInvalid(f"{len(opened)} {opened[-1]!r} without its {')' if opened[-1] == '(' else ']'!r}")


@dataclass
class _Parser(Cursor):
    bound: list[str] = field(default_factory=list)

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
            return Formula("implies", (negated(self.implied()), left))
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
            return negated(self.negated())
        if self.take("neither"):
            left = self.negated()
            self.need("nor")
            return Formula("and", (negated(left), negated(self.negated())))
        if (quantified := self._quantified()) is not None:
            return quantified
        for opener, closer in ("()", "[]"):
            if self.take(opener):
                found = self.formula()
                self.need(closer)
                return found
        lower = self.peek().text.lower()
        if self.sees("either", "both") and self.peek(1).kind in ("name", "sign"):
            self.at += 1
            return self.negated() if lower == "both" else self.disjunct()
        if self.sees(*_COUNTS) and self.peek(1).text == "(":
            return self._count(lower)
        if self.take("true", "false"):
            return Formula(lower)
        if lower in _CALLED and self.peek(1).text == "(" and not self.peek(1).spaced:
            return self._called(_CALLED[lower])
        return self._atom()

    def _called(self, kind: str) -> Formula:
        """A connective that is written as a function of formulas: "And(a, b, c)"."""
        self.at += 2
        parts = [self.formula()]
        while self.take(","):
            parts.append(self.formula())
        self.need(")")
        if kind in ("implies", "iff") and len(parts) != 2:
            raise PlanInvalid(f"{kind} of two formulas: found {len(parts)}")
        found = parts[0]
        for part in parts[1:]:
            found = Formula(kind, (found, part))
        return found

    # --- atoms ----------------------------------------------------------------------------------------------------

    def _atom(self) -> Formula:
        """A proposition, a predicate of things, or an equation of two."""
        left = self._term()
        if not self.sees_sign("=", "!="):
            if left.variable or left.name[0].isdigit():
                raise PlanInvalid(f"{left.name!r} stands for a thing; expected a predicate of it, or = and another")
            return Formula("name", (), left.name, terms=left.parts)
        found: Formula | None = None
        while self.sees_sign("=", "!="):
            differs = self.next().text == "!="
            if self.sees("true", "false"):  # "Cold(bob) = true"
                same = (self.next().text.lower() == "true") != differs
                equation = Formula("name", (), left.name, terms=left.parts)
            else:
                right = self._term()
                equation, same = Formula("equal", terms=(left, right)), not differs
                left = right
            equation = equation if same else negated(equation)
            found = equation if found is None else Formula("and", (found, equation))
        assert found is not None
        return found

    def _term(self) -> Term:
        return self._read_term(0)

    def _read_term(self, depth: int) -> Term:
        token = self.peek()
        word = token.kind == "name" and token.text.lower() not in _WORDS
        if not word and token.kind != "number":
            raise PlanInvalid(f"unexpected {token.text!r}" if token.text else "something is missing at the end")
        self.at += 1
        if not (word and self.peek().text == "(" and self.peek().kind == "sign"):
            return Term(token.text, variable=token.text in self.bound)
        if depth > 20:
            raise PlanInvalid("too deeply nested")
        self.at += 1
        if self.sees(")"):
            raise PlanInvalid(f"{token.text} of nothing: expected a name in its brackets")
        parts: list[Term] = []
        while True:
            if self.peek().kind not in ("name", "number") or self.peek().text.lower() in _WORDS:
                raise PlanInvalid(f"in the brackets of {token.text}: expected a name, found {self.peek().text!r}")
            parts.append(self._read_term(depth + 1))
            if self.take(")"):
                return Term(token.text, tuple(parts))
            if not self.sees(","):
                raise PlanInvalid(f"in the brackets of {token.text}: expected ',' or ')', found {self.peek().text!r}")
            self.at += 1

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

    # --- quantifiers ----------------------------------------------------------------------------------------------

    def _quantified(self) -> Formula | None:
        """A formula that begins with a quantifier; None, and no step, where none stands here."""
        start = self.at
        kind, text, number = self._quantifier()
        if not kind:
            return None
        enclosed = self.peek().text if self.sees_sign("(", "[") else ""
        if enclosed:
            self.at += 1
        listed = bool(enclosed) and self.take_sign("[")  # "exists([x, y], ...)"
        names = self._variables()
        if listed:
            self.need("]")
        elif names and enclosed and self.take(")", "]"):  # "∀(x) ..."
            enclosed = ""
            if not self._begins_formula():
                names = []  # a predicate with the name of a quantifier: "some(a)"
        if not names:
            self.at = start
            if self.peek(1).text == "(" or self.peek(1).kind == "end" or self.peek(1).text.lower() in _JOINED:
                return None
            raise PlanInvalid(f"behind {self.peek().text!r}: expected a variable, found {self.peek(1).text!r}")
        return self._of(kind, text, number, names, enclosed)

    def _of(self, kind: str, text: str, number: int, names: list[str], enclosed: str) -> Formula:
        start = self.at
        within = self._within(names)
        wide = self.take(*_SEPARATORS[:2]) or any(self.words(*words) for words in _SUCH_THAT)
        self.take(",", ":")
        self.bound += names
        parted = wide or bool(enclosed)
        wide = parted or self._used_behind(names)
        body = self.formula() if wide else self.negated()
        del self.bound[len(self.bound) - len(names) :]
        used = {token.text for token in self.tokens[start : self.at]}
        if not parted and not used.issuperset(names):  # "all dogs bark"
            raise PlanInvalid(f"behind {names[0]!r}: expected ':' and a formula about it")
        if enclosed:
            self.need(")" if enclosed == "(" else "]")
        for condition in within:
            body = Formula("implies" if kind == "all" else "and", (condition, body))
        if kind == "no":
            return negated(Formula("some", (body,), variables=tuple(names)))
        if kind == "many" and len(names) > 1:
            raise PlanInvalid(f"{text} {number}: expected one variable, found {', '.join(names)}")
        return Formula(kind, (body,), text, number, variables=tuple(names))

    def _quantifier(self) -> tuple[str, str, int]:
        """Move over a quantifier: its kind, and what it counts; "" and no step where none stands here."""
        if self.peek().kind != "name":
            return "", "", 0
        start = self.at
        for_ = self.take("for")
        there = not for_ and (self.words("there", "is") or self.words("there", "are") or self.take("there"))
        word = self.peek().text.lower()
        counts = {("at", "least"): "at_least", ("at", "most"): "at_most"}
        text = next((name for words, name in counts.items() if self.words(*words)), "")
        if not text and word in _COUNTS:
            text, self.at = word, self.at + 1
        if text or word in _NUMBERS:
            token = self.peek()
            number = _NUMBERS.get(token.text.lower(), 0) or (int(token.text) if token.text.isdigit() else -1)
            if number >= 0 and self.peek(1).kind == "name" and self.peek(1).text.lower() not in _JOINED:
                self.at += 1
                if number > MOST_COUNTED:
                    raise PlanInvalid(f"a quantifier counts to {MOST_COUNTED} at most, found {number}")
                return "many", text or "exactly", number
        elif word in _QUANTIFIERS and self.peek(1).kind != "end":
            self.at += 1
            self.take("unique") if word in _SOME and self.peek(1).kind == "name" else None
            unique = self.tokens[self.at - 1].text.lower() == "unique"
            if word in _SOME and self.take_sign("!"):
                unique = True
            if unique:
                return "many", "exactly", 1
            return ("all" if word in _ALL else "some" if word in _SOME else "no"), "", 0
        elif there and self.tokens[start + 1].text.lower() in ("is", "are"):
            self.take("a", "an")
            return "some", "", 0
        self.at = start
        return "", "", 0

    def _variables(self) -> list[str]:
        names: list[str] = []
        while True:
            token = self.peek()
            if token.kind != "name" or token.text.lower() in _WORDS | _QUANTIFIERS:
                break
            if names and not self._is_variable_here():
                break
            names.append(token.text)
            self.at += 1
            if self.sees(",", "and") and self.peek(1).kind == "name":
                self.at += 1
                if not self._is_variable_here():
                    self.at -= 1
                    break
        return names

    def _is_variable_here(self) -> bool:
        """Whether the name here is one more variable of a quantifier, not the beginning of what it says."""
        token, behind = self.peek(), self.peek(1)
        if token.kind != "name" or token.text.lower() in _WORDS | _QUANTIFIERS | {"such", "so", "with", "where", "in"}:
            return False
        if behind.kind == "name":
            return behind.text.lower() not in _JOINED
        return behind.text in (":", ",", "[", "]") or (behind.text == "(" and behind.spaced) or behind.text == ")"

    def _begins_formula(self) -> bool:
        token = self.peek()
        if token.kind == "name":
            return token.text.lower() not in _JOINED
        return token.kind == "sign" and token.text in ("(", "[", ":", "~", "¬", "!", ",")

    def _within(self, names: list[str]) -> list[Formula]:
        """What "in Cat" or "in {a, b}" behind variables says of them."""
        if not self.take("in"):
            return []
        things = [Term(name, variable=True) for name in names]
        if self.take_sign("{"):
            members = [self._term()]
            while self.take(","):
                members.append(self._term())
            self.need("}")
            return [_any_of([Formula("equal", terms=(thing, member)) for member in members]) for thing in things]
        token = self.next()
        if token.kind != "name":
            raise PlanInvalid(f"behind 'in': expected the name of a predicate, found {token.text!r}")
        if token.text.lower() in ("domain", "universe"):
            return []
        return [Formula("name", (), token.text, terms=(thing,)) for thing in things]

    def _used_behind(self, names: list[str]) -> bool:
        """Whether a variable stands behind what its quantifier is tied to as closely as "not" would be: then the
        quantifier means all that follows, as in "∀x (A(x)) → B(x)"."""
        at, depth = self._end_of_tight(self.at), 0
        left = set(names)
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "sign":
                depth += (token.text in "([") - (token.text in ")]")
                if depth < 0:
                    return False
            elif token.kind == "name":
                if token.text.lower() in _QUANTIFIERS and self.tokens[at + 1].text in left:
                    at = self._end_of_tight(at)  # another of the same name
                    continue
                if token.text in left and self.tokens[at + 1].text != "(":
                    return True
            at += 1
        return False

    def _end_of_tight(self, at: int) -> int:
        """Where the formula that begins at a place ends, if it reaches no further than "not" does."""
        while at < len(self.tokens):
            token = self.tokens[at]
            if token.kind == "end":
                return at
            if token.text in ("~", "¬", "!") or token.text.lower() in ("not", "for"):
                at += 1
            elif token.text.lower() in _QUANTIFIERS and self.tokens[at + 1].kind == "name":
                at += 2
            elif token.text in ("(", "["):
                return self._closing(at) + 1
            else:
                break
        at += 1
        if at < len(self.tokens) and self.tokens[at].text == "(":
            at = self._closing(at) + 1
        if at < len(self.tokens) and self.tokens[at].text in ("=", "!="):
            return self._end_of_tight(at + 1)
        return at

    def _closing(self, at: int) -> int:
        depth = 0
        for place in range(at, len(self.tokens)):
            if self.tokens[place].kind == "sign":
                depth += (self.tokens[place].text in "([") - (self.tokens[place].text in ")]")
            if depth == 0:
                return place
        return len(self.tokens) - 1


def _any_of(parts: list[Formula]) -> Formula:
    found = parts[0]
    for part in parts[1:]:
        found = Formula("or", (found, part))
    return found
