"""Values -> text in three forms: those of Python's own types here, SymPy's in `cotbench.plans.symbolic`.

A value may come from a program that a model wrote, so nothing here calls a method of a class it doesn't know:
`type(x)` is asked, never `isinstance`, which an object can lie to, and text is made by the built-in types' own methods.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

from cotbench.answers.reading import canonical_number

MAX_CHARS = 5_000
MAX_ITEMS = 1_000
MAX_DEPTH = 8
SIGNIFICANT = 12  # digits of a decimal value
LONG = 10**40  # whole numbers above are shown rounded in `decimal`


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A value as text. value: exact and plain; latex; decimal: to 12 significant digits where it is one real number."""

    value: str
    latex: str
    decimal: str | None


# Shows a value of a type that isn't Python's own, at a depth of nesting; None where it can't.
Other = Callable[[Any, int], "Shown | None"]


def show(value: object, other: Other = lambda _value, _depth: None) -> Shown | None:
    """The text of what a program returned; None for what has none. other: for types that aren't known here."""
    try:
        shown = show_at(value, 0, other)
    except Exception:  # of a class that only looks like one we know, or of a printer of `other`
        return None
    if shown is None or not shown.value or max(len(shown.value), len(shown.latex)) > MAX_CHARS:
        return None
    return shown


def show_at(value: Any, depth: int, other: Other) -> Shown | None:
    """The text of an item of a collection. depth: how many collections are around it."""
    kind = type(value)
    if depth > MAX_DEPTH or value is None:
        return None
    if kind is bool:
        return words(str(value))
    if issubclass(kind, int):
        return integer(int.__index__(value))
    if issubclass(kind, float):
        return real(float.__float__(value))
    if issubclass(kind, str):
        return _string(str.__str__(value))
    if issubclass(kind, complex):
        return _complex(complex.__complex__(value))
    if kind is Fraction:
        return fraction(value)
    if kind is Decimal:
        return _decimal_number(value)
    for builtin, brackets in ((tuple, "()"), (list, "[]"), (set, "{}"), (frozenset, "{}")):
        if issubclass(kind, builtin):
            return collection(list(builtin.__iter__(value)), brackets, depth, other)
    if issubclass(kind, dict):
        return mapping(list(dict.items(value)), depth, other)
    package = str.__str__(kind.__module__).partition(".")[0]
    if package == "numpy":
        if kind.__name__ in ("float16", "float32"):  # 0.1 and not 0.10000000149
            return real(float(str(value)))
        plain = value.tolist() if hasattr(kind, "tolist") else value.item()
        return None if type(plain) is kind else show_at(plain, depth + 1, other)
    if package == "mpmath" and kind.__name__ in ("mpf", "constant", "mpc"):
        return _complex(complex(value)) if kind.__name__ == "mpc" else real(float(value))
    if kind.__module__ == "builtins" and kind.__name__ in ("dict_values", "dict_keys", "range"):
        return collection(list(value)[: MAX_ITEMS + 1], "[]", depth, other)
    return other(value, depth)


def words(text: str) -> Shown:
    return Shown(value=text, latex=rf"\text{{{text}}}", decimal=None)


def integer(value: int) -> Shown | None:
    if value.bit_length() > MAX_CHARS * 3:
        return None
    decimal = str(value) if abs(value) < LONG else plain(_rounded(Fraction(value)))
    return Shown(value=str(value), latex=str(value), decimal=decimal)


def fraction(value: Fraction) -> Shown | None:
    top, bottom = int.__index__(value.numerator), int.__index__(value.denominator)
    if bottom == 1:
        return integer(top)
    sign = "-" if top < 0 else ""
    decimal = plain(_rounded(Fraction(top, bottom)))
    return Shown(value=f"{top}/{bottom}", latex=rf"{sign}\frac{{{abs(top)}}}{{{bottom}}}", decimal=decimal)


def _rounded(value: Fraction) -> Decimal:
    with localcontext() as context:
        context.prec = SIGNIFICANT
        return Decimal(value.numerator) / Decimal(value.denominator)


def real(value: float) -> Shown | None:
    if not math.isfinite(value):
        return None
    text = plain(Decimal(f"{value:.{SIGNIFICANT}g}"))
    return Shown(value=text, latex=text, decimal=text)


def plain(number: Decimal) -> str:
    """A decimal number without an exponent, unless it would have very many zeros."""
    if number == 0:
        return "0"
    if -20 < number.adjusted() < 40:
        text = f"{number:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    digits = f"{number.normalize():E}"
    return digits.replace("E+", "e").replace("E", "e")


def _decimal_number(value: Decimal) -> Shown | None:
    if not value.is_finite() or abs(value.adjusted()) > MAX_CHARS:
        return None
    text = plain(value)
    return Shown(value=text, latex=text, decimal=plain(_rounded(Fraction(value))))


# Texts that are no value; and a float as Python prints it, which is shown to as many digits as one that wasn't printed.
_NO_VALUES = frozenset(("None", "nan", "NaN", "inf", "-inf", "Infinity", "zoo"))
_PRINTED_FLOAT = re.compile(r"(?<![\d.,])\d+\.\d+(?:e[-+]?\d+)?(?![\d,]|\.\d)")


def _string(text: str) -> Shown | None:
    text = text.strip()
    if not text or text in _NO_VALUES:
        return None
    text = _PRINTED_FLOAT.sub(lambda match: _rounded_float(match[0]), text)
    number = canonical_number(text)
    decimal = plain(Decimal(f"{float(Fraction(number)):.12g}")) if number is not None else None
    return Shown(value=text, latex=text, decimal=decimal)


def _rounded_float(text: str) -> str:
    """A float's text without the digits that binary fractions leave; one with fewer or more digits than those stays."""
    digits = len(text.partition("e")[0].replace(".", "").strip("0"))
    shown = real(float(text)) if SIGNIFICANT + 2 < digits < 19 else None
    return text if shown is None else shown.value


def _complex(value: complex) -> Shown | None:
    if not (math.isfinite(value.real) and math.isfinite(value.imag)):
        return None
    if value.imag == 0:
        return real(value.real)
    left, right = (plain(Decimal(f"{part:.{SIGNIFICANT}g}")) for part in (value.real, abs(value.imag)))
    sign = "-" if value.imag < 0 else "+"
    text = f"{left} {sign} " if value.real != 0 else sign.strip("+")
    text += "" if right == "1" else right
    return Shown(
        value=text + ("*i" if text[-1:].isdigit() and right != "1" else "i"),
        latex=f"{text.rstrip()} i".strip(),
        decimal=None,
    )


def collection(items: list[Any], brackets: str, depth: int, other: Other) -> Shown | None:
    """The text of a collection: its items in brackets, or the only one without."""
    if len(items) == 1:
        return show_at(items[0], depth + 1, other)
    if len(items) > MAX_ITEMS:
        return None
    found = [shown for item in items if (shown := show_at(item, depth + 1, other)) is not None]
    if len(found) < len(items):
        return None
    if brackets == "{}":
        found.sort(key=lambda item: (item.decimal is None, float(item.decimal or 0), item.value))
    return _listed([(item.value, item.latex) for item in found], brackets)


def _listed(items: list[tuple[str, str]], brackets: str) -> Shown:
    """Texts (plain, LaTeX) between brackets, with commas."""
    value, latex = (", ".join(texts) for texts in zip(*items, strict=True)) if items else ("", "")
    opener, closer = (r"\{", r"\}") if brackets == "{}" else (brackets[0], brackets[1])
    latex = rf"\left{opener}{latex}\right{closer}" if items or brackets != "{}" else r"\emptyset"
    return Shown(value=f"{brackets[0]}{value}{brackets[1]}", latex=latex, decimal=None)


def mapping(items: list[tuple[Any, Any]], depth: int, other: Other) -> Shown | None:
    if len(items) == 1:
        return show_at(items[0][1], depth + 1, other)
    if len(items) > MAX_ITEMS:
        return None
    texts: list[tuple[str, str]] = []
    for key, value in items:
        left, right = show_at(key, depth + 1, other), show_at(value, depth + 1, other)
        if left is None or right is None:
            return None
        texts.append((f"{left.value}: {right.value}", f"{left.latex}: {right.latex}"))
    return _listed(texts, "{}") if texts else Shown(value="{}", latex=r"\left\{\right\}", decimal=None)
