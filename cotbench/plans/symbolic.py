"""SymPy's values -> text. Python's own are shown by `cotbench.answers.shown`."""

from __future__ import annotations

import re
from collections.abc import Callable
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
    near = exact.approximate(value) if value not in (sp.oo, -sp.oo) and exact.real(value) else None
    if near is None:
        return None
    number = Decimal(str(sp.Float(sp.re(near), 25)))
    last = Decimal(1).scaleb(number.adjusted() - SIGNIFICANT + 1)
    return plain(number.quantize(last) if number else number)


def _always(text: str) -> Callable[[Any, Any], str]:
    """A printer's method for what has only one text."""
    return lambda _printer, _expr: text


class _Plain(StrPrinter):  # type: ignore[misc]
    """SymPy's own text, with i, e and ^, and with intervals and sets as people write them."""

    cup, opener, closer = " U ", "{", "}"
    _print_ImaginaryUnit, _print_Exp1 = _always("i"), _always("e")  # noqa: N815
    _print_EmptySet, _print_Reals = _always("{}"), _always("(-oo, oo)")  # noqa: N815

    def _print_Float(self, expr: Any) -> str:  # noqa: N802
        shown = real(float(expr))
        return shown.value if shown else "nan"

    def _print_Pow(self, expr: Any, rational: bool = False) -> str:  # noqa: N802
        return str(super()._print_Pow(expr, rational=rational)).replace("**", "^")

    def _print_Interval(self, expr: Any) -> str:  # noqa: N802
        left = "(" if expr.left_open else "["
        return f"{left}{self._print(expr.start)}, {self._print(expr.end)}{')' if expr.right_open else ']'}"

    def _print_Union(self, expr: Any) -> str:  # noqa: N802
        return str(self.cup.join(map(self._print, sorted(expr.args, key=lambda part: float(part.inf)))))

    def _print_FiniteSet(self, expr: Any) -> str:  # noqa: N802
        return self.opener + ", ".join(map(self._print, expr.args)) + self.closer

    def _print_MatrixBase(self, expr: Any) -> str:  # noqa: N802
        rows = (", ".join(self._print(cell) for cell in expr.row(i)) for i in range(expr.rows))
        return "[" + ", ".join(f"[{row}]" for row in rows) + "]"


class _Latex(LatexPrinter):  # type: ignore[misc]
    _print_Float = _Plain._print_Float  # noqa: N815
    _print_Interval = _Plain._print_Interval  # noqa: N815
    _print_Union, _print_FiniteSet = _Plain._print_Union, _Plain._print_FiniteSet  # noqa: N815
    _print_Reals = _always(r"(-\infty, \infty)")  # noqa: N815
    cup, opener, closer = r" \cup ", r"\left\{", r"\right\}"


_PLAIN = _Plain({"abbrev": False})
_LATEX = _Latex({"ln_notation": True, "mat_str": "pmatrix", "mat_delim": ""})
