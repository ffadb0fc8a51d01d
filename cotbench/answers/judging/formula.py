r"""A parser for the LaTeX that answers are written in, to SymPy expressions within a few plain forms.

It reads all of a formula or nothing of it (`NotRead`): a parser that stops where it understands no more would take
"2" for the answer "2^{10^", which Math-Verify 0.9 does. It also keeps what that library's parser (latex2sympy2_extended
1.11) drops: case ("R" isn't "r"), products of numbers ("3(4)" is 12), variables that look like units ("4t").

`i` is the imaginary unit and `e` Euler's number; a letter in front of a bracket is a factor, unless it is f, g or h.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy as sp

from cotbench.answers.judging.cleaning import clean_latex
from cotbench.answers.judging.forms import REAL_LINE, Form, Matrix, NotRead, Numeral, Relation, Sequence, Text, Value
from cotbench.answers.judging.value_grammar import SIGN, ValueParser
from cotbench.answers.judging.words import tokens_of
from cotbench.answers.notation.lexer import Token
from cotbench.answers.notation.units import unit_of
from cotbench.answers.reading.numerals import SCALES

_RELATIONS = {
    "=": "=",
    "<": "<",
    ">": ">",
    "le": "<=",
    "leq": "<=",
    "leqslant": "<=",
    "ge": ">=",
    "geq": ">=",
    "geqslant": ">=",
    "lt": "<",
    "gt": ">",
    "ne": "!=",
    "neq": "!=",
    "<=": "<=",
    ">=": ">=",
    "!=": "!=",
    "approx": "~",
    "equiv": "=",
    "in": "in",
    "simeq": "~",
    "sim": "~",
}
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

    def whole(self) -> Form:
        form = self.listing()
        if self.peek().kind != "end":
            raise NotRead(f"left over: {self.peek().text!r}")
        return form

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
            if (
                (token.kind == "sign" and token.text in (",", ";"))
                or words in ("and", "or", "and/or")
                or (token.kind == "text" and token.text.strip() in (",", ";"))
            ) or (token.kind == "command" and token.text in _LOGICAL):
                self.at += 1
                found = words or _LOGICAL.get(token.text) or found or ","
            else:
                return found

    def relation(self) -> Form:
        self.related = False
        sides = [self.union()]
        signs: list[str] = []
        modulus = self._modulus()
        if modulus:  # 2 (mod 5)
            return Relation((Text(""), sides[0]), (f"mod {modulus}",))
        while self.peek().kind in ("sign", "command") and self.peek().text in _RELATIONS:
            signs.append(_RELATIONS[self.peek().text])
            self.related = self.peek().text == "equiv" or self.peek(2).text.strip() == "mod"
            self.at += 1
            sides.append(self.union())
            modulus = self._modulus()
            if modulus:
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
        while self.take("cup") or (
            self.peek().kind == "letter" and self.peek().text == "U" and self.peek().spaced and self.skip()
        ):
            parts.append(self.ratio())
        return parts[0] if len(parts) == 1 else Sequence("union", tuple(parts))

    def skip(self) -> bool:
        self.at += 1
        return True

    def ratio(self) -> Form:
        parts = [self.item()]
        while (
            self.take(":")
            or (self.peek() == Token("word", "to", True) and self.take("to"))
            or (self.peek().kind == "text" and self.peek().text.strip() == "to" and self.skip())
        ):
            parts.append(self.item())
        return parts[0] if len(parts) == 1 else Sequence("ratio", tuple(parts))

    def item(self) -> Form:
        """A bracket that holds several things, a matrix, a text, or a value with what follows it."""
        lead = self._words()
        token = self.peek()
        if lead and (
            token.kind in ("end", "end_env") or token.text.strip() in _AFTER_WORDS or token.text in _RELATIONS
        ):
            return _meant(lead)
        if lead and lead.split()[-1].lower().rstrip(":") not in _LEADS and not lead.endswith(":"):
            raise NotRead(f"words in front: {lead}")
        if token.kind == "begin" or self._wrapped_matrix():
            return self.matrices(sp.Integer(1))
        bracketed = self._bracketed()
        if bracketed is not None:
            return bracketed
        if token.kind == "command" and token.text in ("emptyset", "varnothing"):
            self.at += 1
            return Sequence("set", ())
        if token.kind == "command" and token.text == "mathbb":
            self.at += 1
            name = self.argument_text()
            if name not in ("N", "Z", "Q", "R", "C") or self.peek().text in ("(", "[", "{"):  # \mathbb{E}[X]
                raise NotRead("a letter of blackboard bold")
            return self._reals() if name == "R" else Text(name)
        if token.kind == "command" and token.text in ("ldots", "dots", "cdots"):
            self.at += 1
            return Text("...")
        self.decimals = []
        currency = "$" if self._currency() else ""
        first = self.at
        expr = self.sum()
        if self.peek().kind == "begin":
            return self.matrices(expr)
        numeral = self._numeral(first)
        if numeral:
            return numeral
        decimals = None
        if (self.at == first + 1 and self.tokens[first].kind == "number") or (
            self.at == first + 2 and self.tokens[first].text == "-"
        ):
            decimals = self.decimals[0] if self.decimals else None
        elif self.decimals:
            decimals = max(self.decimals)
        form = self._units(Value(expr, decimals, currency))
        return self._with_smaller_unit(form) if isinstance(form, Value) else form

    def _with_smaller_unit(self, form: Value) -> Form:
        """2 hours 30 minutes, 5 ft 4 in, 63^\\circ 45' 30'': amounts in several units are one amount in the first."""
        minutes = self._sexagesimal(1) if form.degrees else None
        if minutes is not None:
            seconds = self._sexagesimal(2)
            sign = -1 if form.expr.is_negative else 1
            return Value(form.expr + sign * (minutes / 60 + (seconds or 0) / 3600), None, "", False, True)
        form = replace(form, unit=form.unit.removesuffix(" and"))
        unit = unit_of(form.unit)
        while unit:
            start = self.at
            joined = self.peek().kind in ("text", "word") and self.peek().text.strip() == "and"
            self.at += joined
            smaller = self._units(Value(self.number())) if self.peek().kind == "number" else None
            found = unit_of(smaller.unit) if isinstance(smaller, Value) else None
            if not isinstance(smaller, Value) or not found or found[0] != unit[0] or not found[1] < unit[1]:
                self.at = start
                break
            form = replace(form, expr=form.expr + smaller.expr * found[1] / unit[1], decimals=None)
        return form

    def _sexagesimal(self, marks: int) -> Any:
        """Take the minutes (one mark) or seconds (two) of an angle: 45', 30''."""
        ahead = [self.peek(at).text for at in range(1, marks + 2)]
        if self.peek().kind != "number" or ahead[:marks] != ["'"] * marks or ahead[marks] == "'":
            if marks == 2 and self.peek().kind == "number" and ahead[0] == '"':
                self.at += 2
                return sp.Rational(self.tokens[self.at - 2].text)
            return None
        self.at += marks + 1
        return sp.Rational(self.tokens[self.at - marks - 1].text)

    def _reals(self) -> Form:
        """The real line, or of \\mathbb{R}^+ the half of it."""
        if self.peek().text not in ("^", "_"):
            return REAL_LINE
        self.at += 1
        sign = self.argument_text()
        if sign not in ("+", "-", "*+", "++"):
            raise NotRead("a power of the real line")
        low, high = (-sp.oo, 0) if sign == "-" else (0, sp.oo)
        return Sequence("tuple", (Value(sp.sympify(low)), Value(sp.sympify(high))), "()")

    def _currency(self) -> bool:
        r"""A \$ in front of a number; of "-\$5" the sign stays in front of it."""
        ahead = 1 if self.peek().text == "-" else 0
        token = self.peek(ahead)
        if token.kind == "command" and token.text == "$":
            del self.tokens[self.at + ahead]
            return True
        return False

    def _words(self) -> str:
        words = []
        while self.peek().kind in ("text", "word") and self.peek().text.strip().lower() not in ("and", "or"):
            words.append(self.peek().text.strip())
            self.at += 1
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
        names = ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]
        if base in names:
            base = str(names.index(base) + 2)
        if not base.isdigit():
            raise NotRead(f"base {base}")
        return Numeral(digits, int(base))

    def _units(self, form: Form) -> Form:
        """What follows a value: \\%, a degree sign, a unit in words."""
        percent = degrees = False
        if isinstance(form, Value):
            if self.take("%", "percent", "percentage"):
                percent = True
            if self.take("^"):
                self._circle()
                degrees = True
            if self.peek().kind == "command" and self.peek().text in ("circ", "degree"):
                self.at += 1
                degrees = True
            if (
                degrees and self.peek().kind == "letter" and self.peek().text in ("C", "F", "K")
            ) or self._is_bare_unit():
                self.tokens[self.at] = Token("text", self.peek().text)
        words = []
        while True:
            token = self.peek()
            if token.kind in ("text", "word") and token.text.strip(" ,.(").lower().partition(" ")[0] == "mod":
                break
            if token.kind in ("text", "word") and token.text.strip(" ,.").lower() not in ("and", "or", "to"):
                words.append(token.text.strip())
                self.at += 1
            elif words and token.text == "^":
                self.at += 1
                words[-1] += self.argument_text()
            elif words and token.text in ("/",):
                self.at += 1
                words.append("/")
            elif words and token.text in ("cdot", "-", "*") and self.peek(1).kind == "text":
                self.at += 1
            elif token.kind == "command" and token.text == "$":
                self.at += 1
                words.append("$")
            elif words and token.kind == "letter" and words[-1] == "/":
                self.at += 1
                words.append(token.text)
            else:
                break
        unit = " ".join(word for word in words if word)
        if not isinstance(form, Value):
            return form
        if unit.lower().rstrip(".") in ("percent", "percentage", "pct"):
            percent, unit = True, ""
        if unit.lower().strip("s.") in ("degree", "deg"):
            degrees, unit = True, ""
        scale = _SCALE.fullmatch(unit)
        if scale:
            degrees, unit = True, scale[1][0].upper()
        head, _, rest = unit.partition(" ")
        expr = form.expr
        if head.lower() in SCALES:
            expr, unit = expr * 10 ** SCALES[head.lower()], rest
        return Value(expr, form.decimals, unit or form.unit, percent, degrees)

    def _bracketed(self) -> Form | None:
        """(a, b), [a, b), \\{a, b\\}, <a, b>: a bracket with a comma in it, or a set; None leaves it to `sum`."""
        token = self.peek()
        opener = token.text
        is_set = token.kind == "command" and opener in ("{", "lbrace")
        bare_set = token.kind == "sign" and opener == "{"
        if (
            not is_set
            and not bare_set
            and not (token.kind == "sign" and opener in ("(", "["))
            and not (token.kind == "command" and opener == "langle")
        ):
            return None
        start = self.at
        self.at += 1
        if self.peek().text in ("}", "rbrace") and is_set:
            self.at += 1
            return Sequence("set", ())
        if is_set and self._members():
            inner, close = self.listing(), self.peek()
            if close.text not in ("}", "rbrace"):
                raise NotRead("an open set")
            self.at += 1
            return inner
        try:
            inner = self.listing()
        except NotRead:
            self.at = start
            return None
        close = self.peek()
        if is_set and close.kind == "command" and close.text in ("}", "rbrace"):
            self.at += 1
            if _is_inequality(inner):  # \{n \ge 13\}
                return inner
            items = inner.items if isinstance(inner, Sequence) and inner.kind == "list" else (inner,)
            if all(isinstance(item, Relation) and item.signs == ("=",) for item in items):
                return inner  # \\{x = 1, y = 2\\}
            return Sequence("set", tuple(items))
        if (
            bare_set and close.text == "}" and isinstance(inner, Sequence) and inner.kind == "list"
        ):  # {1, 2} for \\{1, 2\\}
            self.at += 1
            return Sequence("set", inner.items)
        closes = (close.kind == "sign" and close.text in (")", "]")) or (
            close.kind == "command" and close.text == "rangle"
        )
        if closes and isinstance(inner, Sequence) and inner.kind == "list":
            self.at += 1
            if all(isinstance(item, Relation) and item.signs == ("=",) for item in inner.items):
                return inner  # [x = 1, y = 2]
            brackets = "()" if opener == "langle" else opener + close.text
            if brackets == "[]" and _are_rows(inner.items):  # [[1, 2], [3, 4]]
                return Matrix(tuple(row.items for row in inner.items if isinstance(row, Sequence)))
            brackets = "()" if brackets == "[]" and len(inner.items) > 2 else brackets  # three are no interval
            if self.peek().text == "^" and self.peek(1).text in ("T", "top") and brackets in ("()", "[]"):
                self.at += 2
                return Matrix(tuple((item,) for item in inner.items))
            following = self.peek()
            if following.text in ("^", "_") or (
                following.kind in ("number", "letter", "begin") and not following.spaced
            ):
                raise NotRead("a factor after a tuple")
            return Sequence("tuple", inner.items, brackets)
        if closes and isinstance(inner, Text):
            self.at += 1
            return inner  # (A)
        self.at = start
        return None

    def _members(self) -> bool:
        """Take "x |", "x :", "x \\in \\mathbb{R} \\mid": the set of those x for which ..."""
        ahead = 1
        if self.peek().kind not in ("letter", "command"):
            return False
        if self.peek(1).text == "_":
            ahead = 3
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
        if self.peek().text in ("(", "[") and self.peek().kind == "sign" and self.peek(1).kind == "begin":
            ends = [at for at, token in enumerate(self.tokens) if token.kind == "end_env" and at > self.at]
            if ends and ends[0] + 1 < len(self.tokens) and self.tokens[ends[0] + 1].text in (")", "]"):
                del self.tokens[ends[0] + 1]
                del self.tokens[self.at]
                return True
        return False

    def matrices(self, factor: Any) -> Form:
        """A matrix, or a sum of products of matrices and numbers."""
        total = self._matrix_product(factor)
        if not isinstance(total, Matrix):
            return self._units(total)
        while self.peek().text in ("+", "-") and self.peek().kind == "sign":
            sign = sp.Integer(1 if self.peek().text == "+" else -1)
            self.at += 1
            factor = sign if self.peek().kind == "begin" else sign * self.product()
            other = self._matrix_product(factor)
            total = _computed(lambda a, b: a + b, total, other)
        return total

    def _matrix_product(self, factor: Any) -> Form:
        form = self.matrix()
        while isinstance(form, Matrix):
            self.take("cdot", "times")
            if self.peek().kind == "begin":
                form = _computed(lambda a, b: a * b, form, self.matrix())
            elif self.peek().text == "^" and self.peek(1).text in ("T", "top"):
                self.at += 2
                form = Matrix(tuple(zip(*form.rows, strict=True)))
            else:
                break
        return form if factor == 1 else _computed(lambda a, _: a * factor, form, form)

    def matrix(self) -> Form:
        kind = self.peek().text
        self.at += 1
        if kind == "array" and self.peek().text == "{":
            self.argument_text()
        rows: list[list[Form]] = [[]]
        breaks = 0  # signs & of the present row
        while self.peek().kind not in ("end_env", "end"):
            if self.peek().kind == "command" and self.peek().text == "\\":
                self.at += 1
                rows.append([])
                breaks = 0
            elif self.take("&"):
                breaks += 1
                if len(rows[-1]) < breaks:
                    raise NotRead("an empty cell")
            elif not self.take("hline"):
                rows[-1].append(self.listing() if kind.endswith("cases") and breaks else self.relation())
                self.take(",", ";")
        if self.peek().kind == "end":
            raise NotRead("an open matrix")
        self.at += 1
        rows = [row for row in rows if row]
        if kind in ("cases", "dcases", "rcases", "aligned"):
            if all(len(row) == 1 for row in rows):  # a system of equations
                items = tuple(row[0] for row in rows)
                return items[0] if len(items) == 1 else Sequence("list", items)
            return Sequence("pieces", tuple(Sequence("tuple", tuple(row), "{}") for row in rows))
        form = Matrix(tuple(tuple(row) for row in rows))
        return Value(_entries(form).det()) if kind == "vmatrix" else form


_EVERYTHING = {"all real numbers", "real numbers", "all reals", "any real number", "all real values"}
_HALVES = {
    "all positive real numbers": 1,
    "positive real numbers": 1,
    "all positive reals": 1,
    "all negative real numbers": -1,
}
_NOTHING = {"no solution", "no solutions", "no real solution", "no real solutions", "empty set", "the empty set"}


def _meant(words: str) -> Form:
    """Words that name a set as that set, others as they are."""
    plain = words.lower().strip(" .").removeprefix("there are ").removeprefix("there is ")
    if plain in _HALVES:
        ends = (0, sp.oo) if _HALVES[plain] > 0 else (-sp.oo, 0)
        return Sequence("tuple", tuple(Value(sp.sympify(end)) for end in ends), "()")
    if plain in ("infinity", "infinite", "infinitely many"):
        return Value(sp.oo)
    return REAL_LINE if plain in _EVERYTHING else Sequence("set", ()) if plain in _NOTHING else Text(words)


def _is_unknown(form: Form) -> bool:
    if isinstance(form, Sequence):
        return form.kind == "tuple" and all(map(_is_unknown, form.items))
    return isinstance(form, Text) or (
        isinstance(form, Value)
        and not form.expr.is_number
        and not form.expr.is_Add
        and form.expr.as_coeff_Mul()[0] == 1
    )


def _are_rows(items: tuple[Form, ...]) -> bool:
    rows = [item for item in items if isinstance(item, Sequence) and item.kind == "tuple" and item.brackets != "(]"]
    return len(rows) == len(items) and len({len(row.items) for row in rows}) == 1


def _is_inequality(form: Form) -> bool:
    return isinstance(form, Relation) and all(sign in ("<", "<=", ">", ">=", "!=") for sign in form.signs)


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
    if isinstance(form, Value) and form.expr.has(SIGN):
        return [
            Value(form.expr.subs(SIGN, sign), form.decimals, form.unit, form.percent, form.degrees) for sign in (1, -1)
        ]
    if isinstance(form, Relation) and any(isinstance(side, Value) and side.expr.has(SIGN) for side in form.sides):
        return [
            Relation(
                tuple(Value(s.expr.subs(SIGN, sign)) if isinstance(s, Value) else s for s in form.sides), form.signs
            )
            for sign in (1, -1)
        ]
    return [form]


def read(text: str, *, tight: bool = False) -> Form:
    """The form of an answer; tight: t/RC is t/(RC). Raises NotRead, TooLarge."""
    cleaned = clean_latex(text)
    found = tokens_of(cleaned)
    if not found:
        raise NotRead("nothing")
    if len(found) == 1 and found[0].kind == "text" and re.search(r"[\d,]|\b(?:and|or)\b", found[0].text):
        return read(found[0].text)  # \text{17 units}, \text{A,C,F}
    return _FormParser(found, tight=tight).whole()
