"""SymPy's values -> text; and the option of a question that a value is. Python's own values are shown by `cotbench.answers.shown`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import sympy as sp
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from cotbench.answers.shown import (
    LONG,
    SIGNIFICANT,
    Shown,
    collection,
    fraction,
    integer,
    mapping,
    plain,
    real,
    show_at,
    words,
)
from cotbench.answers.shown import show as show_value
from cotbench.plans import exact
from cotbench.plans import functions as fn
from cotbench.plans.matching import Reading, folded, read_option
from cotbench.types import LETTERS


def show(value: object) -> Shown | None:
    """The text of a SymPy value or of what a Python program returned; None for what has none."""
    return show_value(value, _symbolic)


# --- SymPy --------------------------------------------------------------------------------------------------------


def _symbolic(value: Any, depth: int) -> Shown | None:
    if not issubclass(type(value), (sp.Basic, sp.MatrixBase)):
        return None
    if isinstance(value, sp.MatrixBase):
        if value.shape == (1, 1):
            return show_at(value[0, 0], depth + 1, _symbolic)
        return _sympy(value)
    if isinstance(value, sp.Tuple):
        return collection(list(value.args), "[]" if isinstance(value, fn.List) else "()", depth, _symbolic)
    if isinstance(value, sp.FiniteSet):
        return collection(list(value.args), "{}", depth, _symbolic)
    if isinstance(value, sp.Dict):
        return mapping([(pair[0], pair[1]) for pair in value.args], depth, _symbolic)
    if isinstance(value, (sp.Set, sp.logic.boolalg.Boolean, sp.Expr)):
        return _sympy(value)
    return None


def _sympy(value: Any) -> Shown | None:
    if value is sp.nan or value is sp.zoo or (isinstance(value, sp.Expr) and value.has(sp.nan, sp.zoo)):
        return None
    if isinstance(value, sp.Rational):  # most answers, and SymPy's printers are slow to wake
        return integer(int(value.p)) if value.q == 1 else fraction(Fraction(int(value.p), int(value.q)))
    if isinstance(value, sp.Float):
        return real(float(value))
    if value in (sp.true, sp.false):
        return words("True" if value == sp.true else "False")
    decimal = _decimal(value) if isinstance(value, sp.Expr) and not value.free_symbols else None
    if isinstance(value, sp.Expr) and value.has(sp.CRootOf):
        return None if decimal is None else Shown(value=decimal, latex=decimal, decimal=decimal)
    text, latex = _PLAIN.doprint(value), _LATEX.doprint(value)
    if type(text) is not str or type(latex) is not str:
        return None
    return Shown(value=text, latex=re.sub(r"^- ", "-", latex), decimal=decimal)


def _decimal(value: Any) -> str | None:
    """A real number to 12 significant digits; None for any other value."""
    if isinstance(value, sp.Integer) and abs(value) < LONG:
        return str(int(value))
    if value in (sp.oo, -sp.oo) or not exact.real(value):
        return None
    near = exact.approximate(value)
    if near is None:
        return None
    return plain(_significant(Decimal(str(sp.Float(sp.re(near), 25)))))


def _significant(number: Decimal) -> Decimal:
    if number == 0:
        return Decimal(0)
    return number.quantize(Decimal(1).scaleb(number.adjusted() - SIGNIFICANT + 1)).normalize()


class _Plain(StrPrinter):  # type: ignore[misc]
    """SymPy's own text, with i, e and ^, and with intervals and sets as people write them."""

    def _print_ImaginaryUnit(self, expr: Any) -> str:  # noqa: ARG002, N802
        return "i"

    def _print_Exp1(self, expr: Any) -> str:  # noqa: ARG002, N802
        return "e"

    def _print_Float(self, expr: Any) -> str:  # noqa: N802
        shown = real(float(expr))
        return shown.value if shown else "nan"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:  # noqa: N802
        return str(super()._print_Pow(expr, rational=rational)).replace("**", "^")

    def _print_Interval(self, expr: Any) -> str:  # noqa: N802
        left = "(" if expr.left_open else "["
        return f"{left}{self._print(expr.start)}, {self._print(expr.end)}{')' if expr.right_open else ']'}"

    def _print_Union(self, expr: Any) -> str:  # noqa: N802
        return " U ".join(self._print(part) for part in _parts(expr))

    def _print_FiniteSet(self, expr: Any) -> str:  # noqa: N802
        return "{" + ", ".join(self._print(item) for item in expr.args) + "}"

    def _print_EmptySet(self, expr: Any) -> str:  # noqa: ARG002, N802
        return "{}"

    def _print_Reals(self, expr: Any) -> str:  # noqa: ARG002, N802
        return "(-oo, oo)"

    def _print_MatrixBase(self, expr: Any) -> str:  # noqa: N802
        rows = (", ".join(self._print(cell) for cell in expr.row(i)) for i in range(expr.rows))
        return "[" + ", ".join(f"[{row}]" for row in rows) + "]"


class _Latex(LatexPrinter):  # type: ignore[misc]
    _print_Float = _Plain._print_Float  # noqa: N815
    _print_Interval = _Plain._print_Interval  # noqa: N815

    def _print_Union(self, expr: Any) -> str:  # noqa: N802
        return r" \cup ".join(self._print(part) for part in _parts(expr))

    def _print_FiniteSet(self, expr: Any) -> str:  # noqa: N802
        return r"\left\{" + ", ".join(self._print(item) for item in expr.args) + r"\right\}"

    def _print_Reals(self, expr: Any) -> str:  # noqa: ARG002, N802
        return r"(-\infty, \infty)"


def _parts(union: Any) -> list[Any]:
    return sorted(union.args, key=lambda part: float(part.inf))


_PLAIN = _Plain({"abbrev": False})
_LATEX = _Latex({"ln_notation": True, "mat_str": "pmatrix", "mat_delim": ""})


# --- options ------------------------------------------------------------------------------------------------------

_LETTER = re.compile(r"\(?\s*([A-Za-z])\s*\)?\s*[.):]?")
_LETTERED = re.compile(r"\(?([A-Z])\s?[).:]\s*(\S.*)", re.S)
_CLOSE = 1e-9  # relative, of floats


def match_option(shown: Shown, value: object, choices: Sequence[str]) -> str | None:
    """The letter of the one option that a value is or equals; None where none or several do. An index is no letter."""
    letters = LETTERS[: len(choices)]
    text = shown.value.strip()
    written = {text, text[1:-1]} if text[:1] in ("(", "[", "{") else {text}
    wanted = {folded(form) for form in (*written, shown.latex)}
    found = {letter for letter, choice in zip(letters, choices, strict=False) if folded(choice) in wanted}
    found |= {letter} if (letter := _named(text, letters, choices)) else set()
    if found:
        return found.pop() if len(found) == 1 else None
    if type(value) is bool or value in (sp.true, sp.false):
        return None
    number = _number(shown, value)
    if number is None:
        return None
    readings = [(letter, read_option(choice)) for letter, choice in zip(letters, choices, strict=False)]
    known = [(letter, reading) for letter, reading in readings if reading is not None]
    return _nearest(number, known, is_float=_inexact(value))


def _named(text: str, letters: str, choices: Sequence[str]) -> str | None:
    """The letter that a text is, or begins with: "B", "(b)", "B) the text of B"."""
    if match := _LETTER.fullmatch(text):
        return match[1].upper() if match[1].upper() in letters else None
    match = _LETTERED.fullmatch(text)
    if match is None or match[1] not in letters:
        return None
    others = [letter for letter, choice in zip(letters, choices, strict=False) if folded(choice) == folded(match[2])]
    return match[1] if not others or match[1] in others else None


def _inexact(value: Any) -> bool:
    return issubclass(type(value), float) or (isinstance(value, sp.Expr) and value.has(sp.Float))


def _number(shown: Shown, value: Any) -> Any:
    """The number or formula that a value is, as SymPy has it."""
    if issubclass(type(value), (sp.Basic, sp.MatrixBase)):
        if isinstance(value, sp.Expr) and value.free_symbols:
            value = value.xreplace({symbol: sp.Symbol(symbol.name) for symbol in value.free_symbols})
        return sp.nsimplify(value, rational=True) if isinstance(value, sp.Expr) and value.has(sp.Float) else value
    reading = read_option(shown.value)
    return None if reading is None else reading.formula if reading.value is None else reading.value


def _nearest(number: Any, options: list[tuple[str, Reading]], *, is_float: bool) -> str | None:
    if getattr(number, "free_symbols", None):
        equal = [letter for letter, o in options if o.formula is not None and exact.same(number, o.formula)]
        return equal[0] if len(equal) == 1 else None
    options = [(letter, option) for letter, option in options if option.value is not None]
    equal = [letter for letter, option in options if exact.same(number, option.value)]
    if equal:
        return equal[0] if len(equal) == 1 else None
    near = exact.approximate(number) if isinstance(number, sp.Expr) else None
    if near is None or not exact.real(number):
        return None
    near = sp.re(near)
    rounded = [letter for letter, option in options if option.places is not None and _rounds(near, option)]
    if rounded:
        return rounded[0] if len(rounded) == 1 else None
    if is_float:
        close = [letter for letter, option in options if _is_close(near, option)]
        if close:
            return close[0] if len(close) == 1 else None
    for sign, size in (("%", sp.Rational(1, 100)), ("°", sp.pi / 180)):  # a share or an angle, where all options are
        if options and all(option.sign == sign for _, option in options):
            scaled = [(letter, replace(option, sign="")) for letter, option in options]
            return _nearest(exact.canonical(number / size), scaled, is_float=is_float)
    return None


def _rounds(near: Any, option: Reading) -> bool:
    half = sp.Rational(1, 2) / sp.Integer(10) ** (option.places or 0)
    return bool(abs(near - option.value) <= half + exact.TINY * abs(near))


def _is_close(near: Any, option: Reading) -> bool:
    other = exact.approximate(option.value) if isinstance(option.value, sp.Expr) else None
    if other is None or option.value.free_symbols or not exact.real(option.value):
        return False
    return bool(abs(near - sp.re(other)) <= _CLOSE * max(abs(near), abs(sp.re(other))))
