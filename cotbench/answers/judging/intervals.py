r"""The set of numbers that an inequality describes: 1 < x \le 2 is (1, 2], |x| > 2 a union."""

from __future__ import annotations

from collections.abc import Sequence as Items
from itertools import chain
from typing import Any

import sympy as sp

from cotbench.answers.judging.forms import Form, Relation, Sequence, Value, values_of


def bounds(form: Form) -> Form | None:
    r"""The interval of an inequality in one unknown: 1 < x \le 2 is (1, 2], x \ne 3 the line without 3."""
    if isinstance(form, Sequence) and form.kind in ("both", "list") and len(_symbols(form)) != 1:
        return None  # x > 2 and y < 3 are no interval
    if isinstance(form, Sequence) and form.kind in ("both", "list"):
        links = {item.signs if isinstance(item, Relation) else ("=",) for item in form.items}
        if form.kind == "both" or (("!=",) in links and ("=",) not in links):  # x > 2, x != 5: what fits all of them
            return _overlap([bounds(item) for item in form.items])
        parts = [part for item in form.items if (part := _point(item) or bounds(item))]
        if len(parts) < len(form.items) or all(map(_point, form.items)):
            return None
        unions = [p.items if isinstance(p, Sequence) and p.kind == "union" else (p,) for p in parts]
        return Sequence("union", tuple(chain.from_iterable(unions)))
    sides = values_of(form.sides) if isinstance(form, Relation) else []
    if not isinstance(form, Relation) or len(sides) < len(form.sides):
        return None
    signs = list(form.signs)
    if all(sign in (">", ">=") for sign in signs):
        sides.reverse()
        signs = [sign.replace(">", "<") for sign in reversed(signs)]
    if absolute := _of_absolute(sides, signs):
        return absolute
    names = [side for side in sides if side.is_Symbol or isinstance(side, sp.core.function.AppliedUndef)]
    usual = [side for side in names if str(side) in ("x", "y", "z", "t")]
    names = usual[:1] if len(names) > 1 else names  # x < a
    if len(names) != 1 or sum(side.has(names[0]) for side in sides) > 1:
        return None
    place = sides.index(names[0])
    below = Value(sides[place - 1]) if place > 0 else Value(-sp.oo)
    above = Value(sides[place + 1]) if place + 1 < len(sides) else Value(sp.oo)
    if signs == ["!="]:
        return _outside(Value(sides[1 - place]), Value(sides[1 - place]), "()()")
    if any(sign not in ("<", "<=") for sign in signs) or len(sides) > 3 or (len(sides) == 3 and place != 1):
        return None
    left = "[" if signs[:place] == ["<="] else "("
    right = "]" if signs[place:] == ["<="] else ")"
    return Sequence("tuple", (below, above), left + right)


def _outside(low: Form, high: Form, brackets: str) -> Form:
    """The numbers from -oo to one end and from another to oo."""
    left = Sequence("tuple", (Value(-sp.oo), low), brackets[:2])
    return Sequence("union", (left, Sequence("tuple", (high, Value(sp.oo)), brackets[2:])))


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
    ends = values_of(form.items)
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
    sides = values_of(form.sides) if isinstance(form, Relation) else ()
    return {symbol for side in sides for symbol in side.free_symbols}


def _point(form: Form) -> Form | None:
    """The set that x = 3 is, beside inequalities."""
    if not isinstance(form, Relation) or form.signs != ("=",):
        return None
    name = form.sides[0]
    return Sequence("set", (form.sides[1],)) if isinstance(name, Value) and name.expr.is_Symbol else None


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
    return _outside(low, high, "(][)" if closed else "()()")


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
