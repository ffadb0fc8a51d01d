r"""A parser for the LaTeX that answers are written in, to SymPy expressions within a few plain forms.

It reads all of a formula or nothing of it (`NotRead`): a parser that stops where it understands no more would take
"2" for the answer "2^{10^", which Math-Verify 0.9 does. It also keeps what that library's parser (latex2sympy2_extended
1.11) drops: case ("R" isn't "r"), products of numbers ("3(4)" is 12), variables that look like units ("4t").

`i` is the imaginary unit and `e` Euler's number; a letter in front of a bracket is a factor, unless it is f, g or h.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from cotbench.answers.judging.cleaning import clean_latex, number_said
from cotbench.answers.judging.forms import REAL_LINE, Form, Matrix, NotRead, Numeral, Relation, Sequence, Text, Value
from cotbench.answers.judging.value_grammar import SIGN, ValueParser
from cotbench.answers.judging.words import tokens_of
from cotbench.answers.notation.lexer import Token
from cotbench.answers.notation.units import unit_of
from cotbench.answers.reading.numerals import SCALES

_RELATIONS = {
    sign: meaning
    for meaning, signs in {
        "=": "= equiv",
        "<": "< lt",
        ">": "> gt",
        "<=": "<= le leq leqslant",
        ">=": ">= ge geq geqslant",
        "!=": "!= ne neq",
        "~": "approx simeq sim",
        "in": "in",
    }.items()
    for sign in signs.split()
}
_ORDERS = ("<", "<=", ">", ">=", "!=")
# The last of the words that may stand in front of a value and be left out: "The roots are 2 and 3".
_LEADS = frozenset(
    "is are be equals about approximately roughly exactly there only all roots values numbers if for when".split()
)
_SCALE = re.compile(r"(?:degrees?\s|\^?\\?circ\s?)?(celsius|fahrenheit|centigrade)", re.I)
_LOGICAL = {"land": "and", "wedge": "and", "lor": "or", "vee": "or"}
_AFTER_WORDS = {",", ";", "and", "or", ")"}


@dataclass
class _FormParser(ValueParser):
    """Lists, unions, relations, matrices and texts: everything that isn't one value."""

    def listing(self) -> Form:
        items = [self.relation()]
        joints = []
        while joint := self._joins():
            joints.append(joint)
            if self.peek().kind in ("end", "end_env") or self.peek().text in (")", "]", "}", "rangle", "\\"):
                break  # "1, 2,"
            items.append(self.relation())
        if len(items) > 1 and all(joint == "and" for joint in joints) and all(map(_is_inequality, items)):
            return Sequence("both", tuple(items))
        flat = [part for item in items for part in _plus_and_minus(item)]
        return flat[0] if len(flat) == 1 else Sequence("list", tuple(flat))

    def _joins(self) -> str:
        """Take what joins two items of a list: "," or "and" or "or"; "" where nothing does."""
        found = ""
        while True:
            token = self.peek()
            words = token.text.strip(" ,").lower() if token.kind in ("text", "word") else ""
            parts = token.kind in ("sign", "text") and token.text.strip() in (",", ";")
            if not (parts or words in ("and", "or", "and/or") or self.sees_command(*_LOGICAL)):
                return found
            self.at += 1
            found = words or _LOGICAL.get(token.text) or found or ","

    def sees_command(self, *names: str) -> bool:
        token = self.peek()
        return token.kind == "command" and token.text in names

    def take_command(self, *names: str) -> bool:
        seen = self.sees_command(*names)
        self.at += seen
        return seen

    def take_spaced(self, text: str) -> bool:
        r"""Take a word, also one in \text, with spaces around it."""
        seen = self.peek().kind in ("text", "word") and self.peek().text.strip() == text
        self.at += seen
        return seen

    def relation(self) -> Form:
        self.related = False
        sides = [self.union()]
        signs: list[str] = []
        if modulus := self._modulus():  # 2 (mod 5)
            return Relation((Text(""), sides[0]), (f"mod {modulus}",))
        while self.peek().kind in ("sign", "command") and self.peek().text in _RELATIONS:
            signs.append(_RELATIONS[self.peek().text])
            self.related = self.next().text == "equiv" or self.peek(1).text.strip() == "mod"
            sides.append(self.union())
            if modulus := self._modulus():
                signs[-1] = f"mod {modulus}"
        if not signs:
            return sides[0]
        if signs == ["in"]:
            if not _is_unknown(sides[0]):
                raise NotRead("a family of numbers")
            return sides[1]  # x \in [1, 2]
        if "in" in signs:
            raise NotRead("two signs of membership")
        return Relation(tuple(sides), tuple(signs))

    def _modulus(self) -> str:
        r"""What stands behind a congruence: \pmod 7, (\bmod 7), (mod 7)."""
        token = self.peek()
        said = re.fullmatch(r"\s*\(?\s*mod(?:ulo)?\s*(\d+)?\s*\)?\s*", token.text) if token.kind == "text" else None
        if said and said[1]:  # \text{ (mod 5)}
            self.at += 1
            return said[1]
        bracketed = token.text == "(" and self.peek(1).text.strip() in ("bmod", "mod")
        self.at += bracketed
        if self.peek().text.strip() not in ("pmod", "bmod", "mod"):
            return ""
        self.at += 1
        modulus = self.argument_text()
        if bracketed:
            self.need(")")
        return modulus

    def union(self) -> Form:
        parts = [self.ratio()]
        if self.take("setminus", "backslash") or (parts[0] == REAL_LINE and self.take("-")):
            return _without(parts[0], self.ratio())
        if self.peek().text == "cap" and isinstance(parts[0], Sequence):
            while self.take("cap"):
                parts.append(self.ratio())
            return Sequence("meet", tuple(parts))
        while self.take("cup") or self.peek() == Token("letter", "U", True):
            self.at += self.peek() == Token("letter", "U", True)
            parts.append(self.ratio())
        return parts[0] if len(parts) == 1 else Sequence("union", tuple(parts))

    def ratio(self) -> Form:
        parts = [self.item()]
        while self.take(":") or self.take_spaced("to"):
            parts.append(self.item())
        return parts[0] if len(parts) == 1 else Sequence("ratio", tuple(parts))

    def item(self) -> Form:
        """A bracket that holds several things, a matrix, a text, or a value with what follows it."""
        lead = self._words()
        token = self.peek()
        ends = token.kind in ("end", "end_env") or token.text.strip() in _AFTER_WORDS or token.text in _RELATIONS
        if lead and ends:
            return _meant(lead)
        if lead and lead.split()[-1].lower().rstrip(":") not in _LEADS and not lead.endswith(":"):
            raise NotRead(f"words in front: {lead}")
        if token.kind == "begin" or self._wrapped_matrix():
            return self.matrices(sp.Integer(1))
        if (bracketed := self._bracketed()) is not None:
            return bracketed
        if self.take_command("emptyset", "varnothing"):
            return Sequence("set", ())
        if self.take_command("mathbb"):
            name = self.argument_text()
            if name not in ("N", "Z", "Q", "R", "C") or self.peek().text in ("(", "[", "{"):  # \mathbb{E}[X]
                raise NotRead("a letter of blackboard bold")
            if name != "R" or not self.take("^", "_"):
                return REAL_LINE if name == "R" else Text(name)
            sign = self.argument_text()  # of \mathbb{R}^+ the half of it
            if sign not in ("+", "-", "*+", "++"):
                raise NotRead("a power of the real line")
            return _half_line(positive=sign != "-")
        if self.take_command("ldots", "dots", "cdots"):
            return Text("...")
        self.decimals = []
        currency = "$" if self._currency() else ""
        first = self.at
        expr = self.sum()
        if self.peek().kind == "begin":
            return self.matrices(expr)
        if numeral := self._numeral(first):
            return numeral
        form = self._units(Value(expr, max(self.decimals, default=None), currency))
        return self._with_smaller_unit(form) if isinstance(form, Value) else form

    def _with_smaller_unit(self, form: Value) -> Form:
        """2 hours 30 minutes, 5 ft 4 in, 63^\\circ 45' 30'': amounts in several units are one amount in the first."""
        minutes = self._sexagesimal(1) if form.degrees else None
        if minutes is not None:
            seconds = self._sexagesimal(2)
            sign = -1 if form.expr.is_negative else 1
            return Value(form.expr + sign * (minutes / 60 + (seconds or 0) / 3600), degrees=True)
        form = replace(form, unit=form.unit.removesuffix(" and"))
        unit = unit_of(form.unit)
        while unit:
            start = self.at
            self.take_spaced("and")
            smaller = self._units(Value(self.number())) if self.peek().kind == "number" else None
            found = unit_of(smaller.unit) if isinstance(smaller, Value) else None
            if not isinstance(smaller, Value) or not found or found[0] != unit[0] or not found[1] < unit[1]:
                self.at = start
                break
            form = replace(form, expr=form.expr + smaller.expr * found[1] / unit[1], decimals=None)
        return form

    def _sexagesimal(self, marks: int) -> Any:
        """Take the minutes (one mark) or seconds (two) of an angle: 45', 30''."""
        number, ahead = self.peek(), "".join(self.peek(place).text[:1] for place in range(1, 4))
        primes = len(ahead) - len(ahead.lstrip("'"))
        size = marks if primes == marks else 1 if marks == 2 and ahead[:1] == '"' else 0
        if number.kind != "number" or not size:
            return None
        self.at += 1 + size
        return sp.Rational(number.text)

    def _currency(self) -> bool:
        r"""A \$ in front of a number; of "-\$5" the sign stays in front of it."""
        ahead = 1 if self.peek().text == "-" else 0
        found = self.peek(ahead)[:2] == ("command", "$")
        del self.tokens[self.at + ahead : self.at + ahead + found]
        return found

    def _words(self) -> str:
        words = []
        while self.peek().kind in ("text", "word") and self.peek().text.strip().lower() not in ("and", "or"):
            words.append(self.next().text.strip())
        return " ".join(word for word in words if word)

    def _numeral(self, first: int) -> Numeral | None:
        """1011_2, (1011)_2, 12A_{11}: digits with a base."""
        if self.peek().text != "_":
            return None
        digits = "".join(token.text for token in self.tokens[first : self.at] if token.text not in "()")
        if not re.fullmatch(r"-?[0-9A-F.]+", digits):
            return None
        self.at += 1
        base = self.argument_text()
        base = number_said(base) or base
        if not base.isdigit():
            raise NotRead(f"base {base}")
        return Numeral(digits, int(base))

    def _units(self, form: Form) -> Form:
        """What follows a value: \\%, a degree sign, a unit in words."""
        percent = degrees = False
        if isinstance(form, Value):
            percent = self.take("%", "percent", "percentage")
            degrees = self._degree_sign() or self.take_command("circ", "degree")
            scale_letter = degrees and self.peek().kind == "letter" and self.peek().text in ("C", "F", "K")
            if scale_letter or self._is_bare_unit():
                self.tokens[self.at] = Token("text", self.peek().text)
        unit = self._unit_words()
        if not isinstance(form, Value):
            return form
        if unit.lower().rstrip(".") in ("percent", "percentage", "pct"):
            percent, unit = True, ""
        if unit.lower().strip("s.") in ("degree", "deg"):
            degrees, unit = True, ""
        if scale := _SCALE.fullmatch(unit):
            degrees, unit = True, scale[1][0].upper()
        head, _, rest = unit.partition(" ")
        expr = form.expr
        if head.lower() in SCALES:
            expr, unit = expr * 10 ** SCALES[head.lower()], rest
        return Value(expr, form.decimals, unit or form.unit, percent, degrees)

    def _unit_words(self) -> str:
        """Take the words of a unit with their powers and slashes."""
        words: list[str] = []
        while True:
            token = self.peek()
            said = token.text.strip(" ,.").lower() if token.kind in ("text", "word") else "to"
            below = bool(words) and token.kind == "letter" and words[-1] == "/"
            if said.lstrip("( ").partition(" ")[0] == "mod":
                break
            if said not in ("and", "or", "to") or below or self.sees_command("$") or (words and token.text == "/"):
                words.append(self.next().text.strip())
            elif words and token.text == "^":
                self.at += 1
                words[-1] += self.argument_text()
            elif words and token.text in ("cdot", "-", "*") and self.peek(1).kind == "text":
                self.at += 1
            else:
                break
        return " ".join(word for word in words if word)

    def _bracketed(self) -> Form | None:
        """(a, b), [a, b), \\{a, b\\}, <a, b>: a bracket with a comma in it, or a set; None leaves it to `sum`."""
        opener, is_set, bare_set = self.peek().text, self.sees_command("{", "lbrace"), self.sees_sign("{")
        if not (is_set or bare_set or self.sees_sign("(", "[") or self.sees_command("langle")):
            return None
        start = self.at
        self.at += 1
        if is_set and self.take("}", "rbrace"):
            return Sequence("set", ())
        if is_set and self._members():
            inner = self.listing()
            if not self.take("}", "rbrace"):
                raise NotRead("an open set")
            return inner
        try:
            inner = self.listing()
        except NotRead:
            self.at = start
            return None
        items = inner.items if isinstance(inner, Sequence) and inner.kind == "list" else None
        equations = all(isinstance(item, Relation) and item.signs == ("=",) for item in items or (inner,))
        close = self.peek().text
        if is_set and self.take_command("}", "rbrace"):  # not \{n \ge 13\}, \{x = 1, y = 2\}
            return inner if _is_inequality(inner) or equations else Sequence("set", items or (inner,))
        if bare_set and items and self.take("}"):  # {1, 2} for \{1, 2\}
            return Sequence("set", items)
        if (items or isinstance(inner, Text)) and (self.take_sign(")", "]") or self.take_command("rangle")):
            if not items or equations:
                return inner  # (A), [x = 1, y = 2]
            return self._tuple(items, "()" if opener == "langle" else opener + close)
        self.at = start
        return None

    def _tuple(self, items: tuple[Form, ...], brackets: str) -> Form:
        """What several things in brackets are, by what stands behind them too: a matrix, a column, a tuple."""
        if brackets == "[]" and _are_rows(items):  # [[1, 2], [3, 4]]
            return Matrix(tuple(row.items for row in items if isinstance(row, Sequence)))
        brackets = "()" if brackets == "[]" and len(items) > 2 else brackets  # three are no interval
        if self._transposed(brackets in ("()", "[]")):
            return Matrix(tuple((item,) for item in items))
        following = self.peek()
        factor = following.kind in ("number", "letter", "begin") and not following.spaced
        if factor or following.text in ("^", "_"):
            raise NotRead("a factor after a tuple")
        return Sequence("tuple", items, brackets)

    def _transposed(self, may_be: bool = True) -> bool:
        """Take the sign of a transposed vector or matrix."""
        seen = may_be and self.peek().text == "^" and self.peek(1).text in ("T", "top")
        self.at += 2 * seen
        return seen

    def _members(self) -> bool:
        """Take "x |", "x :", "x \\in \\mathbb{R} \\mid": the set of those x for which ..."""
        if self.peek().kind not in ("letter", "command"):
            return False
        ahead = 3 if self.peek(1).text == "_" else 1
        if self.peek(ahead).text == "in":
            ahead += 1
            while self.peek(ahead).text in ("mathbb", "{", "}", "R", "^", "+") or self.peek(ahead).text.strip() == "R":
                ahead += 1
        if self.peek(ahead).text not in ("mid", "|", ":", "colon", "vert", "lvert", "rvert"):
            return False
        self.at += ahead + 1
        return True

    def _wrapped_matrix(self) -> bool:
        """Whether a bracket stands around an array: \\left[ \\begin{array}...; it is dropped."""
        if self.sees_sign("(", "[") and self.peek(1).kind == "begin":
            ends = [at for at, token in enumerate(self.tokens) if token.kind == "end_env" and at > self.at]
            if ends and ends[0] + 1 < len(self.tokens) and self.tokens[ends[0] + 1].text in (")", "]"):
                del self.tokens[ends[0] + 1], self.tokens[self.at]
                return True
        return False

    def matrices(self, factor: Any) -> Form:
        """A matrix, or a sum of products of matrices and numbers."""
        total = self._matrix_product(factor)
        if not isinstance(total, Matrix):
            return self._units(total)
        while self.sees_sign("+", "-"):
            sign = sp.Integer(1 if self.next().text == "+" else -1)
            factor = sign if self.peek().kind == "begin" else sign * self.product()
            total = _computed(operator.add, total, self._matrix_product(factor))
        return total

    def _matrix_product(self, factor: Any) -> Form:
        form = self.matrix()
        while isinstance(form, Matrix):
            self.take("cdot", "times")
            if self.peek().kind == "begin":
                form = _computed(operator.mul, form, self.matrix())
            elif self._transposed():
                form = Matrix(tuple(zip(*form.rows, strict=True)))
            else:
                break
        return form if factor == 1 else _computed(lambda a, _: a * factor, form, form)

    def matrix(self) -> Form:
        kind = self.next().text
        if kind == "array" and self.peek().text == "{":
            self.argument_text()
        rows: list[list[Form]] = [[]]
        breaks = 0  # signs & of the present row
        while self.peek().kind not in ("end_env", "end"):
            if self.take_command("\\"):
                rows.append([])
                breaks = 0
            elif self.take("&"):
                breaks += 1
                if len(rows[-1]) < breaks:
                    raise NotRead("an empty cell")
            elif not self.take("hline"):
                rows[-1].append(self.listing() if kind.endswith("cases") and breaks else self.relation())
                self.take(",", ";")
        if self.next().kind == "end":
            raise NotRead("an open matrix")
        form = Matrix(tuple(tuple(row) for row in rows if row))
        if kind in ("cases", "dcases", "rcases", "aligned"):
            if all(len(row) == 1 for row in form.rows):  # a system of equations
                items = tuple(row[0] for row in form.rows)
                return items[0] if len(items) == 1 else Sequence("list", items)
            return Sequence("pieces", tuple(Sequence("tuple", row, "{}") for row in form.rows))
        return Value(_entries(form).det()) if kind == "vmatrix" else form


_EVERYTHING = {"all real numbers", "real numbers", "all reals", "any real number", "all real values"}
_HALVES = dict.fromkeys(("all positive real numbers", "positive real numbers", "all positive reals"), 1)
_HALVES["all negative real numbers"] = -1
_NOTHING = {"no solution", "no solutions", "no real solution", "no real solutions", "empty set", "the empty set"}


def _meant(words: str) -> Form:
    """Words that name a set as that set, others as they are."""
    plain = words.lower().strip(" .").removeprefix("there are ").removeprefix("there is ")
    if plain in _HALVES:
        return _half_line(positive=_HALVES[plain] > 0)
    if plain in ("infinity", "infinite", "infinitely many"):
        return Value(sp.oo)
    return REAL_LINE if plain in _EVERYTHING else Sequence("set", ()) if plain in _NOTHING else Text(words)


def _half_line(*, positive: bool) -> Form:
    ends = (sp.Integer(0), sp.oo) if positive else (-sp.oo, sp.Integer(0))
    return Sequence("tuple", tuple(map(Value, ends)), "()")


def _is_unknown(form: Form) -> bool:
    if isinstance(form, Sequence):
        return form.kind == "tuple" and all(map(_is_unknown, form.items))
    if not isinstance(form, Value):
        return isinstance(form, Text)
    return not form.expr.is_number and not form.expr.is_Add and bool(form.expr.as_coeff_Mul()[0] == 1)


def _are_rows(items: tuple[Form, ...]) -> bool:
    rows = [item for item in items if isinstance(item, Sequence) and item.kind == "tuple" and item.brackets != "(]"]
    return len(rows) == len(items) and len({len(row.items) for row in rows}) == 1


def _is_inequality(form: Form) -> bool:
    return isinstance(form, Relation) and all(sign in _ORDERS for sign in form.signs)


def _entries(form: Form) -> Any:
    if not isinstance(form, Matrix) or not all(isinstance(item, Value) for row in form.rows for item in row):
        raise NotRead("a matrix of values")
    return sp.Matrix([[item.expr for item in row if isinstance(item, Value)] for row in form.rows])


def _computed(operation: Callable[[Any, Any], Any], one: Form, other: Form) -> Matrix:
    try:
        result = operation(_entries(one), _entries(other))
    except (sp.matrices.exceptions.ShapeError, ValueError) as error:
        raise NotRead("matrices of these sizes") from error
    return Matrix(tuple(tuple(Value(result[i, j]) for j in range(result.cols)) for i in range(result.rows)))


def _without(line: Form, points: Form) -> Form:
    """The real line without some points, as a union of intervals."""
    items = points.items if isinstance(points, Sequence) and points.kind == "set" else ()
    exprs = sorted((item.expr for item in items if isinstance(item, Value) and item.expr.is_comparable), key=float)
    if line != REAL_LINE or not exprs or len(exprs) != len(items):
        raise NotRead("a difference of sets")
    ends = [-sp.oo, *exprs, sp.oo]
    return Sequence("union", tuple(Sequence("tuple", (Value(a), Value(b)), "()") for a, b in itertools.pairwise(ends)))


def _plus_and_minus(form: Form) -> list[Form]:
    """The two values or relations that one with \\pm is; any other form alone."""
    if isinstance(form, Value) and form.expr.has(SIGN):
        return [replace(form, expr=form.expr.subs(SIGN, sign)) for sign in (1, -1)]
    if isinstance(form, Relation) and any(isinstance(side, Value) and side.expr.has(SIGN) for side in form.sides):
        sides = [[Value(s.expr.subs(SIGN, n)) if isinstance(s, Value) else s for s in form.sides] for n in (1, -1)]
        return [replace(form, sides=tuple(signed)) for signed in sides]
    return [form]


def read(text: str, *, tight: bool = False) -> Form:
    """The form of an answer; tight: t/RC is t/(RC). Raises NotRead, TooLarge."""
    cleaned = clean_latex(text)
    found = tokens_of(cleaned)
    if not found:
        raise NotRead("nothing")
    if len(found) == 1 and found[0].kind == "text" and re.search(r"[\d,]|\b(?:and|or)\b", found[0].text):
        return read(found[0].text)  # \text{17 units}, \text{A,C,F}
    parser = _FormParser(found, tight=tight)
    form = parser.listing()
    if parser.peek().kind != "end":
        raise NotRead(f"left over: {parser.peek().text!r}")
    return form
