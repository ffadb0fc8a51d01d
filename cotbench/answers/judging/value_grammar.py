"""A recursive-descent parser for one value: a sum of products of powers, as a SymPy expression."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import sympy as sp

from cotbench.answers.judging.forms import NotRead, TooLarge, UnknownCommand
from cotbench.answers.judging.words import FUNCTIONS, GREEK, OF_SEVERAL
from cotbench.answers.notation import MAX_FACTORIAL
from cotbench.answers.notation.functions import INVERSE
from cotbench.answers.notation.lexer import Cursor, Token

MAX_EXPONENT = 20_000  # 2^20000 has 6,000 digits; beyond, one comparison may take minutes
MAX_DECIMAL_EXPONENT = 400  # of 1.5e10; a float's is below 309
MAX_TERMS = 1_000  # of a sum that is carried out

HUGE = "__huge__"  # begins the name of a power that isn't reckoned
SIGN = sp.Symbol("__sign__")  # of \pm, until the form parser makes two values of it
_SIGNS = {"+": sp.Integer(1), "-": sp.Integer(-1), "pm": SIGN, "mp": -SIGN}

_TRIG = {"sin", "cos", "tan", "cot", "sec", "csc"}
_INVERSE = {name: function for name, function in INVERSE.items() if name not in ("sec", "csc")}
_CONSTANTS = {"pi": sp.pi, "infty": sp.oo}
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_CLOSERS |= {"lfloor": "rfloor", "lceil": "rceil", "lvert": "rvert", "vert": "vert", "|": "|", "lVert": "rVert"}
_NAMES = frozenset("overline bar vec hat widehat tilde overrightarrow angle triangle mathcal mathbb mathfrak".split())
_SAME_MARKS = {"overrightarrow": "vec", "widehat": "hat"}
_ATOMS = (
    frozenset("frac sqrt pi infty binom dbinom tbinom lfloor lceil lvert sum prod cis".split()) | OF_SEVERAL | _NAMES
)


@dataclass
class ValueParser(Cursor):
    """Reads one value. Raises NotRead, TooLarge."""

    worded = frozenset({"sign", "command", "word", "end_env"})
    error = NotRead

    decimals: list[int] = field(default_factory=list)  # places of the decimal numbers read so far
    bars: int = 0  # signs | that are open, of which the next one closes the last
    indices: frozenset[str] = frozenset()  # of the sums around: \sum_{i=1}^{n} i has no imaginary unit
    tight: bool = False  # whether letters behind a slash are read as one: t/RC
    related: bool = False  # whether a sign of a relation stands before: what follows "mod" is then its modulus

    def argument_text(self) -> str:
        """The plain text of a braced argument, or of one token."""
        depth, parts = 0, []
        while True:
            token = self.next()
            if token.kind == "end":
                raise NotRead("nothing where an argument belongs, or an open brace")
            before = depth
            if token.kind == "sign":
                depth += (token.text == "{") - (depth > 0 and token.text == "}")
            if (before and depth) or not (before or depth):
                parts.append(token.text.strip())
            if not depth:
                return "".join(parts)

    def sum(self) -> Any:
        total = self.product()
        while self.sees(*_SIGNS):
            total = total + _SIGNS[self.next().text] * self.product()
        return total

    def product(self) -> Any:
        value = self.signed()
        while True:
            token = self.peek()
            if self.take("*", "times", "cdot", "ast"):
                value = value * self.signed()
            elif self.take("/", "div"):
                value = _over(value, self._letters() if self.tight else self.signed())
            elif self._takes_remainder():
                modulus = self.signed()
                if not value.is_Integer or not modulus.is_Integer or modulus <= 0:
                    raise NotRead("a remainder of variables")
                value = value % modulus
            elif self._starts_factor(token):
                value = value * self.power()
            else:
                return value

    def _letters(self) -> Any:
        """What a slash is above where letters that stand together do so below it: t/RC, hc/\\lambda kT."""
        value = self.signed()
        while self.peek().kind == "letter" or (self.peek().kind == "command" and self.peek().text in GREEK):
            value = value * self.power()
        return value

    def _takes_remainder(self) -> bool:
        r"""Take the sign of 17 \bmod 5, unless it names the modulus of a congruence."""
        token = self.peek()
        if self.related or token.kind not in ("command", "word", "text") or token.text.strip() not in ("bmod", "mod"):
            return False
        self.at += 1
        return True

    def _starts_factor(self, token: Token) -> bool:
        if token.kind == "number":
            before = self.tokens[self.at - 1]
            power = self.at > 1 and self.tokens[self.at - 2].text == "^"  # "2^6 3^5"
            return before.kind != "number" or (power and token.spaced)
        if token.kind == "text":  # \\mathrm{i}
            return token.text.strip() in ("i", "e")
        if token.kind == "letter":
            return not self._is_bare_unit() and not (
                token.text == "U" and token.spaced and self.peek(1).text in ("(", "[", "\\{", "{")
            )
        if token.kind == "command":
            return token.text in FUNCTIONS or token.text in GREEK or token.text in _ATOMS
        if token.text == "|":
            return self.bars == 0 and token.kind == "sign"
        return token.kind == "sign" and token.text in ("(", "[", "{")

    def _is_bare_unit(self) -> bool:
        """Whether a letter behind a number, apart from it and the last of all, is a unit: "300 K", not "300K"."""
        token, before = self.peek(), self.tokens[self.at - 1]
        letter = token.kind == "letter" and token.spaced and token.text in ("K", "J", "N", "W", "V")
        return letter and before.kind == "number" and self.peek(1).kind == "end"

    def signed(self) -> Any:
        return _SIGNS[self.next().text] * self.signed() if self.sees(*_SIGNS) else self.power()

    def power(self) -> Any:
        base = self.postfix()
        circle = self.peek(2 if self.peek(1).text == "{" else 1).text in ("circ", "degree")
        if circle or not self.take_sign("^"):
            return base
        return self._factorials(_power(base, self.exponent()))

    def braced(self) -> Any:
        """The sum in braces behind an opening one that was taken."""
        value = self.sum()
        self.need("}")
        return value

    def exponent(self) -> Any:
        if self.take("{"):
            return self.braced()
        if self.take("-"):
            return -self.postfix()
        if self.peek().kind == "number":  # 2^10 in plain text; in LaTeX one would write 2^{10}
            return self.number()
        return self.postfix()

    def postfix(self) -> Any:
        return self._factorials(self.atom())

    def _factorials(self, value: Any) -> Any:
        while self.take_sign("!"):
            if value.is_Integer and (value < 0 or value > MAX_FACTORIAL):
                raise TooLarge("a factorial")
            double = self.peek().text == "!" and not self.peek().spaced
            self.at += double
            value = sp.factorial2(value) if double else sp.factorial(value)
        return value

    def number(self) -> Any:
        token = self.next()
        if "." in token.text:
            self.decimals.append(len(token.text.partition(".")[2]))
        value = sp.Rational(token.text.removesuffix("."))
        if "." in token.text and self.peek() == Token("command", "overline", self.peek().spaced):
            return self._repeating(token.text)
        exponent = self._decimal_exponent()
        if exponent is not None:
            self.decimals.append(max(0, len(token.text.partition(".")[2]) - exponent))
            return value * sp.Integer(10) ** exponent
        mixed = self._mixed() if "." not in token.text else None
        return value if mixed is None else value + mixed

    def _decimal_exponent(self) -> int | None:
        """Take the e-3 of 2.5e-3; None where there is none."""
        mark = self.peek()
        if mark.kind != "letter" or mark.text not in "eE" or mark.spaced:
            return None
        sign = self.peek(1).text if self.peek(1).text in ("-", "+") else ""
        digits, behind = self.peek(1 + len(sign)), self.peek(2 + len(sign))
        if digits.kind != "number" or digits.spaced or "." in digits.text or behind.kind in ("letter", "command"):
            return None
        self.at += 2 + len(sign)
        exponent = int(sign + digits.text)
        if abs(exponent) > MAX_DECIMAL_EXPONENT:
            raise TooLarge("a power of ten")
        return exponent

    def _repeating(self, head: str) -> Any:
        self.at += 1
        digits = self.argument_text()
        if not digits.isdigit():
            raise NotRead("an overline")
        self.decimals.pop()
        places = len(head.partition(".")[2])
        return sp.Rational(head + "0") + sp.Rational(int(digits), 10**places * (10 ** len(digits) - 1))

    def _mixed(self) -> Any:
        r"""The fraction of a mixed number: 2\frac{1}{3} or "2 1/3"; None where there is none."""
        saved = self.at
        token = self.peek()
        if token.kind == "command" and token.text == "frac":
            self.at += 1
            top, bottom = self.argument(), self.argument()
            if top.is_Integer and bottom.is_Integer and 0 < top < bottom:
                return sp.Rational(int(top), int(bottom))
        elif token.kind == "number" and token.spaced and self.peek(1).text == "/" and self.peek(2).kind == "number":
            top, bottom = token.text, self.peek(2).text
            if top.isdigit() and bottom.isdigit() and 0 < int(top) < int(bottom):
                self.at += 3
                return sp.Rational(int(top), int(bottom))
        self.at = saved
        return None

    def argument(self) -> Any:
        """The argument of a command: a braced sum, or one token, of a number one digit."""
        if self.take("{"):
            return self.braced()
        token = self.peek()
        if token.kind == "number" and len(token.text) > 1 and "." not in token.text:
            self.split_number()
        return sp.Rational(self.next().text) if token.kind == "number" else self.atom()

    def atom(self) -> Any:
        token = self.peek()
        if token.kind == "number":
            return self.number()
        if token.kind == "letter":
            return self.letter()
        if token.kind == "text" and len(token.text.strip()) == 1 and token.text.strip().isalpha():
            self.tokens[self.at] = Token("letter", token.text.strip(), token.spaced)
            return self.letter()
        self.at += 1
        if token.kind == "sign" and token.text in ("(", "[", "{"):
            return self._enclosed(token.text)
        if token.kind == "sign" and token.text == "|":
            self.bars += 1
            value = self.sum()
            self.bars -= 1
            self.need("|")
            return sp.Abs(value)
        if token.kind == "command":
            return self.command(token.text)
        raise NotRead(f"what is {token.text!r}?")

    def _enclosed(self, opener: str) -> Any:
        """The sum up to the bracket that closes the one which was taken; bars outside of it don't end within."""
        bars, self.bars = self.bars, 0
        value = self.sum()
        self.bars = bars
        self.need(_CLOSERS[opener])
        return value

    def _values(self) -> list[Any]:
        """Sums with commas between them."""
        values = [self.sum()]
        while self.take(","):
            values.append(self.sum())
        return values

    def _arguments(self, closer: str) -> list[Any]:
        """Sums up to the bracket that closes one which was taken."""
        values = self._values()
        self.need(closer)
        return values

    def _indexed(self, name: str) -> Any:
        """Take the index of a name; the symbol with it, None where there is none."""
        if not self.take_sign("_"):
            return None
        index = self.argument_text()
        return sp.Symbol(f"{name}{self._primes()}_{index}")

    def letter(self) -> Any:
        name = self.next().text + self._primes()
        chosen = self._choice(name)
        if chosen is not None:
            return chosen
        symbol = self._indexed(name)
        if symbol is not None:
            self._names_function()
            return symbol
        if name in ("i", "e") and name not in self.indices:
            return sp.I if name == "i" else sp.E
        if name in self.indices or self._names_function():  # y(x) = ...
            return sp.Symbol(name)
        if name in "fgh":
            return sp.Function(name)(*self._arguments(")")) if self.take_sign("(") else sp.Symbol(name)
        value = self._value_at(name)
        return sp.Symbol(name) if value is None else value

    def _primes(self) -> str:
        start = self.at
        while self.take_sign("'"):
            pass
        return "'" * (self.at - start)

    def _choice(self, name: str) -> Any:
        """C(7, 4) and C_7^4, the number of choices; P(7, 4) and A_7^4 with their order; None for anything else."""
        if name not in ("C", "P", "A"):
            return None
        start = self.at
        numbers: list[Any] = []
        try:
            if self.take("("):
                numbers = self._values()
                closed = self.take(")") and name != "A"
            else:
                for sign in ("_", "^") if self.peek().text == "_" else ("^", "_"):
                    self.need(sign)
                    numbers.append(self.exponent() if self.peek().text == "{" else self.argument())
                numbers = numbers if self.tokens[start].text == "_" else numbers[::-1]
                closed = all(number.is_Integer for number in numbers) and numbers[0] >= numbers[1]
        except NotRead:
            closed = False
        whole = all(number.is_Integer for number in numbers)
        fits = closed and len(numbers) == 2 and (0 <= numbers[1] <= numbers[0] if whole else name == "C")
        if not fits:
            self.at = start
            return None
        return _choices(*numbers) if name == "C" else sp.ff(*_small(numbers))

    def _names_function(self) -> bool:
        """Take the (x) of "y(x) = ...", where a letter names a function; elsewhere it may be a factor."""
        texts = [self.peek(ahead).text for ahead in range(4)]
        if texts[0] == "(" and self.peek(1).kind == "letter" and texts[2:] == [")", "="]:
            self.at += 3
            return True
        return False

    def _value_at(self, name: str) -> Any:
        """Take the Q(50) of "Q(50) = 47", and I(0) anywhere, since no factor is zero; None for factors in brackets."""
        texts = [self.peek(ahead).text for ahead in range(4)]
        if texts[0] != "(" or self.peek(1).kind != "number" or texts[2] != ")":
            return None
        if texts[1] != "0" and not (self.at == 1 and texts[3] == "="):
            return None
        self.at += 3
        return sp.Symbol(f"{name}({texts[1]})")

    def command(self, name: str) -> Any:
        if name == "frac":
            top = self.argument()
            return _over(top, self.argument())
        if name == "sqrt":
            degree: Any = sp.Integer(2)
            if self.take("["):
                degree = self.sum()
                self.need("]")
            return _root(self.argument(), degree)
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        if name in ("binom", "dbinom", "tbinom"):
            return self._binomial()
        if name in OF_SEVERAL:
            return self._of_several(name)
        if name in ("sum", "prod"):
            return self._series(name)
        if name == "cis":
            value, degrees = self._function_argument()
            return sp.exp(sp.I * value * (sp.pi / 180 if degrees else 1))
        if name in FUNCTIONS:
            return self.function(name)
        if name in GREEK:
            name += self._primes()
            return self._indexed(name) or sp.Symbol(name)
        if name in ("lfloor", "lceil", "lvert", "vert", "|", "lVert"):
            return {"lfloor": sp.floor, "lceil": sp.ceiling}.get(name, sp.Abs)(self._enclosed(name))
        if name in ("angle", "triangle"):
            return self._corners(name)
        if name in _NAMES:
            return sp.Symbol(f"{_SAME_MARKS.get(name, name)} {self.argument_text()}")
        if name == "$":  # currency before a number
            return self.atom()
        raise UnknownCommand(rf"what is \{name}?")

    def _corners(self, name: str) -> Any:
        r"""\\angle ABC, which is \\angle CBA and not \\angle ACB; \\triangle ABC."""
        corners: list[str] = []
        while self.peek().kind == "letter" and (self.peek().text.isupper() or not corners):
            corner = self.next().text + self._primes()
            if self.take("_"):
                corner += "_" + self.argument_text()
            corners.append(corner)
        if not corners:
            return sp.Symbol(f"{name} {self.argument_text()}")
        return sp.Symbol(f"{name} {' '.join(min(corners, corners[::-1]) if name == 'angle' else corners)}")

    def _binomial(self) -> Any:
        top = self.argument()
        if not self.take("{"):
            return _choices(top, self.argument())
        parts = self._arguments("}")
        if len(parts) == 1:
            return _choices(top, parts[0])
        if not all(part.is_Integer and part >= 0 for part in (top, *parts)) or sum(parts) != top:
            raise NotRead("a multinomial coefficient")
        _small([top])
        return sp.Integer(sp.factorial(top) / sp.prod(map(sp.factorial, parts)))

    def _of_several(self, name: str) -> Any:
        r"""\gcd(4, 6), \max\{1, 2\}."""
        if self.peek().text not in ("(", "{"):
            raise UnknownCommand(rf"what is \{name}?")
        values = self._arguments(_CLOSERS[self.next().text])
        if name in ("gcd", "lcm"):
            if not all(value.is_Integer for value in values):
                return sp.Function(name)(*sorted(values, key=str))
            return sp.Integer((sp.igcd if name == "gcd" else sp.ilcm)(*values, values[0]))
        if any(value.is_extended_real is False for value in values):
            raise NotRead("the largest of complex numbers")
        return (sp.Max if name == "max" else sp.Min)(*values)

    def _series(self, name: str) -> Any:
        r"""\sum_{k=1}^{n} k: carried out where its bounds are numbers, else a sum of SymPy's."""
        bounds: dict[str, Any] = {}
        for _ in range(2):
            if not self.sees_sign("_", "^") or self.peek().text in bounds:
                raise UnknownCommand(rf"the bounds of \{name}")
            sign = self.next().text
            if sign == "_":
                self.need("{")
                if self.peek().kind != "letter":
                    raise UnknownCommand(rf"the index of \{name}")
                index = self.next().text
                self.need("=")
                bounds[sign] = (index, self.braced())
            else:
                bounds[sign] = self.exponent()
        (index, low), high = bounds["_"], bounds["^"]
        outer = self.indices
        self.indices = outer | {index}
        term = self.product()
        self.indices = outer
        within = len(term.atoms(sp.Sum, sp.Product))  # each sum in a sum has an index of its own
        counter = sp.Symbol(f"__{name}_{within}__", integer=True)
        term = term.subs(sp.Symbol(index), counter)
        if low.is_Integer and high.is_Integer:
            if high - low > MAX_TERMS:
                raise TooLarge("a long sum")
            terms = [term.subs(counter, at) for at in range(int(low), int(high) + 1)]
            return sp.Add(*terms) if name == "sum" else sp.Mul(*terms)
        if name == "prod" and high.is_infinite:
            raise UnknownCommand("an infinite product")
        return (sp.Sum if name == "sum" else sp.Product)(term, (counter, low, high))

    def function(self, name: str) -> Any:
        base = self.argument() if name in ("log", "lg") and self.take_sign("_") else 10
        exponent = self.exponent() if self.take_sign("^") else None
        value, degrees = self._function_argument()
        function: Any = FUNCTIONS[name]
        if name in _INVERSE and exponent == -1:
            function, exponent = _INVERSE[name], None
        if name in _TRIG and degrees:
            value = value * sp.pi / 180
        result = function(value)
        if name in ("log", "lg"):
            result = sp.log(value) / sp.log(base)
        return result if exponent is None else _power(result, exponent)

    def _function_argument(self) -> tuple[Any, bool]:
        """Take a function's argument, without brackets up to the next sign or function; whether it is in degrees."""
        if self.sees_sign("(", "{"):
            closer = _CLOSERS[self.next().text]
            value = self.sum()
            degrees = self._degree_sign()
            if self.sees("-", "+"):  # 90^\circ - x
                sign = _SIGNS[self.next().text]
                value = value * (sp.pi / 180 if degrees else 1) + sign * self.sum()
                degrees = False
            self.need(closer)
            return value, degrees or self._degree_sign()
        value = self.signed()
        while True:
            token = self.peek()
            ends = (token.kind == "command" and token.text in FUNCTIONS) or token.text in ("(", "[")
            if self.take("/"):
                value = _over(value, self.power())
            elif self._starts_factor(token) and not ends:
                value = value * self.power()
            else:
                return value, self._degree_sign()

    def _degree_sign(self) -> bool:
        if not self.take_sign("^"):
            return self.take("circ", "degree")
        if self.argument_text() not in ("circ", "degree"):
            raise NotRead("an exponent after a value")
        return True


def _small(numbers: list[Any]) -> list[Any]:
    if any(number > MAX_FACTORIAL for number in numbers):
        raise TooLarge("a number of choices")
    return numbers


def _choices(top: Any, bottom: Any) -> Any:
    if top.is_Integer and bottom.is_Integer:
        _small([top])
    return sp.binomial(top, bottom)


def _root(value: Any, degree: Any) -> Any:
    """A root, of negative numbers the real one where the degree is odd."""
    if degree == 0:
        raise NotRead("a root of degree 0")
    if degree.is_Integer and degree % 2 == 1 and value.is_comparable and value.is_negative:
        return -_power(-value, sp.Integer(1) / degree)
    return _power(value, sp.Integer(1) / degree)


def _over(top: Any, bottom: Any) -> Any:
    if bottom == 0:
        raise NotRead("a division by zero")
    return top / bottom


def _power(base: Any, exponent: Any) -> Any:
    if exponent == 0 or base == 1:
        return sp.Integer(1)
    if base.is_number and exponent.is_number:
        size = abs(exponent.evalf(8)) if exponent.is_comparable else 0
        if base not in (0, 1, -1) and size > MAX_EXPONENT:
            return _unreckoned(base, exponent)
        if base == 0 and exponent.is_negative:
            raise NotRead("a division by zero")
    return base**exponent


def _unreckoned(base: Any, exponent: Any) -> Any:
    """A power too large to be had, as a symbol that knows no more of it than whether it is even: 1 to it is 1."""
    if not (base.is_Integer and exponent.is_Integer and exponent > 0):
        return sp.Symbol(f"{HUGE}({base})^({exponent})")
    return sp.Symbol(f"{HUGE}({base})^({exponent})", integer=True, even=bool(base % 2 == 0), nonzero=True)
