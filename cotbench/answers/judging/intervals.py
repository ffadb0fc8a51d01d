r"""The set of numbers that an inequality describes: 1 < x \le 2 is (1, 2], |x| > 2 a union."""

from __future__ import annotations

from collections.abc import Sequence as Items
from typing import Any

import sympy as sp

from cotbench.answers.judging.forms import Form, Relation, Sequence, Value


def bounds(form: Form) -> Form | None:
    r"""The interval of an inequality in one unknown: 1 < x \le 2 is (1, 2], x \ne 3 the line without 3."""
    if isinstance(form, Sequence) and form.kind in ("both", "list") and len(_symbols(form)) != 1:
        return None  # x > 2 and y < 3 are no interval
    if isinstance(form, Sequence) and (form.kind == "both" or _has_unequal(form)):
        return _overlap([bounds(item) for item in form.items])
    if isinstance(form, Sequence) and form.kind == "list":
        parts = [_point(item) or bounds(item) for item in form.items]
        if all(parts) and not all(map(_point, form.items)):
            pieces = [
                p
                for part in parts
                if part
                for p in (part.items if isinstance(part, Sequence) and part.kind == "union" else (part,))
            ]
            return Sequence("union", tuple(pieces))
        return None
    if not isinstance(form, Relation) or not all(isinstance(side, Value) for side in form.sides):
        return None
    sides: list[Any] = [side.expr for side in form.sides if isinstance(side, Value)]
    signs = list(form.signs)
    if all(sign in (">", ">=") for sign in signs):
        sides.reverse()
        signs = [{">": "<", ">=": "<="}[sign] for sign in reversed(signs)]
    infinite = Value(sp.oo), Value(-sp.oo)
    absolute = _of_absolute(sides, signs)
    if absolute:
        return absolute
    names = [at for at, side in enumerate(sides) if side.is_Symbol or isinstance(side, sp.core.function.AppliedUndef)]
    usual = [at for at in names if str(sides[at]) in ("x", "y", "z", "t")]
    names = usual[:1] if len(names) > 1 else names  # x < a
    if len(names) != 1 or any(side.has(sides[names[0]]) for at, side in enumerate(sides) if at != names[0]):
        return None
    at = names[0]
    if signs == ["!="]:
        point = Value(sides[1 - at])
        return Sequence(
            "union", (Sequence("tuple", (infinite[1], point), "()"), Sequence("tuple", (point, infinite[0]), "()"))
        )
    if any(sign not in ("<", "<=") for sign in signs) or len(sides) > 3 or (len(sides) == 3 and at != 1):
        return None
    low = Value(sides[at - 1]) if at > 0 else infinite[1]
    high = Value(sides[at + 1]) if at + 1 < len(sides) else infinite[0]
    left = "[" if at > 0 and signs[at - 1] == "<=" else "("
    right = "]" if at + 1 < len(sides) and signs[at] == "<=" else ")"
    return Sequence("tuple", (low, high), left + right)


def numbers_of(form: Form) -> Any:
    """The real numbers that intervals, sets and their unions are, as a set of SymPy's; None where an end is unknown."""
    if isinstance(form, Relation):
        span = bounds(form)
        return numbers_of(span) if span else None
    if not isinstance(form, Sequence):
        return None
    if form.kind in ("union", "meet"):
        parts = [numbers_of(item) for item in form.items]
        return None if None in parts else (sp.Union if form.kind == "union" else sp.Intersection)(*parts)
    ends = [item.expr for item in form.items if isinstance(item, Value)]
    if len(ends) < len(form.items) or not all(end.is_extended_real and not end.free_symbols for end in ends):
        return None
    if form.kind == "set":
        return sp.FiniteSet(*ends)
    if form.kind != "tuple" or len(ends) != 2 or not bool(ends[0] < ends[1]):
        return None
    if (ends[0] == -sp.oo and form.brackets[0] == "[") or (ends[1] == sp.oo and form.brackets[1] == "]"):
        return None
    return sp.Interval(*ends, left_open=form.brackets[0] == "(", right_open=form.brackets[1] == ")")


def _symbols(form: Form) -> set[Any]:
    """The unknowns of inequalities and equations."""
    if isinstance(form, Sequence):
        return {symbol for item in form.items for symbol in _symbols(item)}
    sides = form.sides if isinstance(form, Relation) else ()
    return {symbol for side in sides if isinstance(side, Value) for symbol in side.expr.free_symbols}


def _has_unequal(form: Sequence) -> bool:
    """x != 1, x != -1; x > 2, x != 5: what fits all of them."""
    signs = [item.signs for item in form.items if isinstance(item, Relation)]
    return form.kind == "list" and len(signs) == len(form.items) and ("!=",) in signs and ("=",) not in signs


def _point(form: Form) -> Form | None:
    """The set that x = 3 is, beside inequalities."""
    if (
        isinstance(form, Relation)
        and form.signs == ("=",)
        and isinstance(form.sides[0], Value)
        and form.sides[0].expr.is_Symbol
    ):
        return Sequence("set", (form.sides[1],))
    return None


def _of_absolute(sides: Items[Any], signs: Items[str]) -> Form | None:
    """The interval of |x - c| < r, the union of |x - c| > r."""
    if len(sides) != 2:
        return None
    (inner, radius), sign = (sides, signs[0]) if sides[0].func is sp.Abs else (sides[::-1], signs[0].translate(_TURNED))
    if inner.func is not sp.Abs or sign not in ("<", "<=", ">", ">=") or len(inner.args[0].free_symbols) != 1:
        return None
    [symbol] = inner.args[0].free_symbols
    centre = symbol - inner.args[0]
    if centre.has(symbol) or radius.has(symbol):
        return None
    low, high = Value(centre - radius), Value(centre + radius)
    closed = sign.endswith("=")
    if sign.startswith("<"):
        return Sequence("tuple", (low, high), "[]" if closed else "()")
    left = Sequence("tuple", (Value(-sp.oo), low), "(]" if closed else "()")
    return Sequence("union", (left, Sequence("tuple", (high, Value(sp.oo)), "[)" if closed else "()")))


_TURNED = str.maketrans("<>", "><")


def _overlap(parts: Items[Form | None]) -> Form | None:
    """What two half-lines have in common: x > 3 and x < 7 is (3, 7)."""
    ends = [part for part in parts if isinstance(part, Sequence) and part.kind == "tuple"]
    above = [part for part in ends if part.items[1] == Value(sp.oo)]
    below = [part for part in ends if part.items[0] == Value(-sp.oo)]
    if len(parts) != 2 or len(above) != 1 or len(below) != 1:
        found = [part for part in parts if part]
        return Sequence("meet", tuple(found)) if len(found) == len(parts) else None
    return Sequence("tuple", (above[0].items[0], below[0].items[1]), above[0].brackets[0] + below[0].brackets[1])
