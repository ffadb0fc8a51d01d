"""Tokens -> a tree of nodes: the grammar of expressions and conditions. Nothing is computed here."""

from __future__ import annotations

from collections.abc import Callable, Set
from dataclasses import dataclass, field

from cotbench.answers.notation.lexer import Token
from cotbench.plans.alphabet import Cursor
from cotbench.plans.failures import PlanInvalid

MAX_NAMES_IN_A_ROW = 2  # that multiply; more of them are prose

COMPARISONS = frozenset(("=", "<", ">", "<=", ">=", "!=", "≡"))
LETTERS = "letters"  # the text of a product that was written as one name
_INFIX = frozenset(("mod", "of", "and", "or", "xor", "in", "choose", "U", "then", "is", "where", "for"))
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
KEPT = frozenset("pi oo inf infinity true false True False i e I".split())  # names that never fall apart
_FENCES = {"lfloor": ("rfloor", "floor"), "lceil": ("rceil", "ceiling")}

# Functions that may go without brackets, as in "sin x" and "\\ln 2".
BARE = frozenset("sin cos tan cot sec csc asin acos atan arcsin arccos arctan sinh cosh tanh log ln exp sqrt".split())
_INVERSE = {"sin": "asin", "cos": "acos", "tan": "atan"}


@dataclass(frozen=True, slots=True)
class Node:
    """kind: number, name, add, mul, div, neg, pow, mod, fact, call, tuple, list, set, interval, union, rel, in,
    and, or, not, congruent. text: the name, the digits, the comparison signs or the brackets."""

    kind: str
    parts: tuple[Node, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Names:
    """What a name may be in one plan.

    defined: defined or declared there; known: that, or used without brackets, so that brackets behind it multiply;
    functions: the plan's own; builtin: those of the table.
    """

    builtin: Set[str]
    known: Set[str] = frozenset()
    defined: Set[str] = frozenset()
    functions: Set[str] = frozenset()
    prose: bool = True  # whether many words in a row are refused


def number(text: str | int) -> Node:
    return Node("number", (), str(text))


@dataclass
class Parser(Cursor):
    names: Names = field(kw_only=True)
    bars: int = 0
    modulus: bool = False  # the side of a congruence: "mod" ends it
    row: int = 0  # names that stand side by side so far
    congruences: bool = field(init=False)

    def __post_init__(self) -> None:
        self.congruences = any(token.text == "≡" for token in self.tokens)

    def whole(self) -> Node:
        """The one condition, relation or expression that all tokens make."""
        node = self.condition()
        self.end()
        return node

    # --- conditions -----------------------------------------------------------------------------------------------

    def condition(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negated, "and", "&", "∧"), "or", "∨")

    def _joined(self, kind: str, part: Callable[[], Node], *signs: str) -> Node:
        parts = [part()]
        while self.take(*signs):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Node(kind, tuple(parts))

    def _negated(self) -> Node:
        return Node("not", (self.deeper(self._negated),)) if self.take("not", "¬", "~") else self.relation()

    def relation(self) -> Node:
        saved, self.modulus = self.modulus, self._congruence_ahead()
        parts, signs = [self.sum()], []
        while self.sees_sign(*COMPARISONS):
            signs.append(self.next().text)
            parts.append(self.sum())
        self.modulus, inside = saved, self.modulus
        if signs and set(signs) <= {"=", "≡"} and (modulus := self._modulus(inside)) is not None:
            return Node("congruent", (*parts, modulus))
        if not signs and self.take("in"):
            return Node("in", (parts[0], self.sum()))
        return Node("rel", tuple(parts), " ".join(signs).replace("≡", "=")) if signs else parts[0]

    def _congruence_ahead(self) -> bool:
        """Whether this relation is one that ends with "mod m"."""
        depth, seen = 0, False
        if not self.congruences:
            return False
        for token in self.tokens[self.at :]:
            if token.kind == "sign":
                depth += (token.text in _CLOSERS) - (token.text in _CLOSERS.values())
                if depth < 0 or (token.text == "," and depth == 0):
                    return False
                seen = seen or (token.text == "≡" and depth == 0)
            elif seen and token.text in ("mod", "pmod"):
                return True
        return False

    def _modulus(self, inside: bool) -> Node | None:
        if self._take_latex("pmod"):
            return self._group()
        if self._modulus_ahead():
            self.at += 2
            node = self.sum()
            self.need(")")
            return node
        return self.sum() if inside and self.take("mod") else None

    def _modulus_ahead(self) -> bool:
        return self.sees("(") and self.peek(1).text == "mod" and self.peek(2).text != "("

    # --- expressions ----------------------------------------------------------------------------------------------

    def sum(self) -> Node:
        parts = [self.term()]
        while self.sees("+", "-"):
            minus = self.next().text == "-"
            node = self.term()
            parts.append(Node("neg", (node,)) if minus else node)
        return parts[0] if len(parts) == 1 else Node("add", tuple(parts))

    def term(self) -> Node:
        self.row = 0
        node = self.factor()
        while True:
            if self.take("*", "of"):
                node = _product(node, self.factor())
            elif self.take("/"):
                node = Node("div", (node, self.factor()))
            elif self.take("//"):
                node = Node("call", (Node("div", (node, self.factor())),), "floor")
            elif self.take("%") or (not self.modulus and self.take("mod")):
                node = Node("mod", (node, self.factor()))
            elif self.take("choose"):
                node = Node("call", (node, self.factor()), "binomial")
            elif self.take("U"):
                node = Node("union", (node, self.factor()))
            elif self._starts_factor():
                node = _product(node, self.power())
            else:
                return node

    def _starts_factor(self) -> bool:
        token = self.peek()
        if token.kind == "name":
            if token.text in _INFIX:
                return False
            wordy = len(token.text) > 2 and self.tokens[self.at - 1].kind == "name" and token.spaced
            self.row = self.row + 1 if wordy else 0
            if self.names.prose and self.row >= MAX_NAMES_IN_A_ROW:
                raise PlanInvalid("words that are no formula")
            return True
        if token.kind == "latex":
            return token.text not in ("rfloor", "rceil", "pmod", "overline")
        if token.kind != "sign":
            return False
        if token.text == "|":
            return self.bars == 0
        return token.text == "[" or (token.text == "(" and not self._modulus_ahead())

    def factor(self) -> Node:
        if self.sees("-", "+"):
            minus = self.next().text == "-"
            node = self.deeper(self.factor)
            return Node("neg", (node,)) if minus else node
        return self.power()

    def power(self) -> Node:
        base = self.postfix()
        if not self.take("^"):
            return base
        return _of_last(base, "pow", self.deeper(self._group if self.sees("{") else self.factor))

    def postfix(self) -> Node:
        node = self.atom()
        while True:
            if self.take("!"):
                node = _of_last(node, "fact")
            elif self._percent():
                self.at += 1
                node = Node("div", (node, number(100)))
            elif self.take("°"):
                node = Node("call", (node,), "rad")
            else:
                return node

    def _take_latex(self, name: str) -> bool:
        seen = self.peek().kind == "latex" and self.peek().text == name
        self.at += seen
        return seen

    def _percent(self) -> bool:
        if self.sees("percent"):
            return "percent" not in self.names.defined
        return self.sees("%") and not self._operand_behind()

    def _operand_behind(self) -> bool:
        token = self.peek(1)
        if token.kind in ("number", "latex"):
            return True
        if token.kind == "name":
            return token.text not in _INFIX
        return token.kind == "sign" and token.text in ("(", "[")

    def atom(self) -> Node:
        token = self.next()
        if token.kind == "number":
            return self._number(token.text)
        if token.kind == "name" and (token.text not in _INFIX or (token.text in self.names.builtin and self.sees("("))):
            return self._name(token.text)
        if token.kind == "latex":
            return self.deeper(lambda: self._latex(token.text))
        if token.kind == "sign" and token.text in _CLOSERS:
            return self._bracket(token.text)
        if token.kind == "sign" and token.text == "|":
            self.bars += 1
            node = self.deeper(self.sum)
            self.bars -= 1
            self.need("|")
            return Node("call", (node,), "abs")
        raise PlanInvalid(f"unexpected {token.text!r}" if token.text else "something is missing at the end")

    def _number(self, text: str) -> Node:
        if "." in text and self._take_latex("overline"):
            digits = "".join(token.text for token in self._braced() if token.kind == "number")
            if not digits.isdigit():
                raise PlanInvalid("digits expected below the bar")
            places = len(text.partition(".")[2])
            repeated = Node("div", (number(int(digits)), number(10**places * (10 ** len(digits) - 1))))
            return Node("add", (number(text + "0"), repeated))
        if self.peek().kind == "number":
            raise PlanInvalid(f"two numbers side by side: {text} {self.peek().text}")
        return number(text)

    def _braced(self) -> list[Token]:
        self.need("{")
        start = self.at
        while not self.take("}"):
            if self.peek().kind == "end":
                raise PlanInvalid("expected '}' at the end")
            self.at += 1
        return self.tokens[start : self.at - 1]

    def _elements(self, *closers: str) -> list[Node]:
        """What stands between commas up to a closing bracket, which is left."""
        saved = self.bars, self.modulus, self.row
        self.bars, self.modulus = 0, False
        parts: list[Node] = []
        while not self.sees(*closers):
            self.row = 0
            parts.append(self.deeper(self.condition))
            if not self.take(","):
                break
        self.bars, self.modulus, self.row = saved
        return parts

    def _bracket(self, opener: str) -> Node:
        parts = self._elements(*_CLOSERS.values())
        brackets = opener + self.peek().text
        if len(parts) == 2 and brackets in ("(]", "[)"):
            self.at += 1
            return Node("interval", tuple(parts), brackets)
        self.need(_CLOSERS[opener])
        if opener == "(" and len(parts) == 1 and self.tokens[self.at - 2].text != ",":
            return parts[0]
        if opener == "(" and not parts:
            raise PlanInvalid("empty brackets")
        return Node({"(": "tuple", "[": "list", "{": "set"}[opener], tuple(parts))

    def _name(self, name: str) -> Node:
        names, base = self.names, name.rstrip("'")
        if self.sees("("):
            if base in names.functions or (name in names.builtin and (name not in names.known or len(name) > 1)):
                return self._call(name)
            if name.lower() in names.builtin and len(name) > 1 and name not in names.known:
                return self._call(name.lower())
        if name.startswith("log_") and name[4:].isalnum() and name not in names.known:
            return self._bare("log", number(name[4:]) if name[4:].isdigit() else Node("name", (), name[4:]))
        if name in BARE and name not in names.known:
            return self._bare(name, None)
        letters = len(name) > 1 and name not in names.defined and name not in KEPT and name.isascii() and name.isalpha()
        if letters and all(letter in names.known for letter in name):
            return Node("mul", tuple(Node("name", (), letter) for letter in name), LETTERS)
        if self.sees("(") and name not in names.known and name not in KEPT and not self.peek().spaced:
            raise PlanInvalid(f'unknown function "{name}"')
        return Node("name", (), name)

    def _call(self, name: str) -> Node:
        self.need("(")
        parts = self._elements(")")
        self.need(")")
        return Node("call", tuple(parts), name)

    def _bare(self, name: str, base: Node | None) -> Node:
        """A function whose argument may have no brackets: it takes the factors up to the next sign."""
        exponent: Node | None = None
        if self.take("^"):
            exponent = self._group() if self.sees("{") else self.postfix()
        if self.sees("("):
            inner = self._call(name).parts
        else:
            if not (self.peek().kind in ("number", "name") or self._starts_factor()):
                return Node("name", (), name)
            node = self.power()
            while self._starts_factor() and not (self.peek().kind == "name" and self.peek().text in BARE):
                node = _product(node, self.power())
            inner = (node,)
        if exponent == Node("neg", (number(1),)) and name in _INVERSE:
            return Node("call", inner, _INVERSE[name])
        call = Node("call", inner if base is None else (*inner, base), name)
        return call if exponent is None else Node("pow", (call, exponent))

    # --- LaTeX ----------------------------------------------------------------------------------------------------

    def _group(self) -> Node:
        """The argument of a command: what stands in braces, or one token, of a number one digit."""
        if self.take("{"):
            saved, self.bars, modulus, self.modulus = self.bars, 0, self.modulus, False
            node = self.sum()
            self.bars, self.modulus = saved, modulus
            self.need("}")
            return node
        token = self.peek()
        if token.kind == "number" and token.text.isdigit() and len(token.text) > 1:
            self.split_number()
        return number(self.next().text) if token.kind == "number" else self.atom()

    def _latex(self, name: str) -> Node:
        if name in ("frac", "binom"):
            parts = (self._group(), self._group())
            return Node("div", parts) if name == "frac" else Node("call", parts, "binomial")
        if name == "sqrt" and self.take("["):
            degree = self.sum()
            self.need("]")
            return Node("call", (self._group(), degree), "root")
        if name in ("sqrt", "root", "curt"):
            inner = self._group() if self.sees("{") else self.postfix()
            return Node("call", (inner,), "cbrt" if name == "curt" else "sqrt")
        if name in _FENCES:
            closer, function = _FENCES[name]
            node = self.sum()
            if not self._take_latex(closer):
                raise PlanInvalid(f"\\{name} without \\{closer}")
            return Node("call", (node,), function)
        if name in ("sum", "prod"):
            return self._series("sum" if name == "sum" else "product")
        raise PlanInvalid(f"unexpected \\{name}")

    def _series(self, name: str) -> Node:
        self.need("{")
        index = self.next()
        self.need("=")
        low = self.sum()
        self.need("}")
        self.need("^")
        high = self._group()
        return Node("call", (self.term(), Node("name", (), index.text), low, high), name)


def _of_last(node: Node, kind: str, *more: Node) -> Node:
    """What stands behind a product that was written as one name, "ar^2", belongs to its last letter."""
    if node.kind == "mul" and node.text == LETTERS:
        return Node("mul", (*node.parts[:-1], Node(kind, (node.parts[-1], *more))), LETTERS)
    return Node(kind, (node, *more))


def _product(left: Node, right: Node) -> Node:
    return Node("mul", (*(left.parts if left.kind == "mul" else (left,)), right))
