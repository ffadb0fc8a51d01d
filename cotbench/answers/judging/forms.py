"""The plain forms that an answer is read into, and what reading may raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sympy as sp


class NotRead(Exception):
    """The text isn't a formula that this parser knows."""


class UnknownCommand(NotRead):
    r"""A command that this parser doesn't know, such as \sum; another one may."""


class TooLarge(Exception):
    """A number that can't be handled in time, such as 9^(9^9)."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value. expr: as SymPy has it; decimals: places behind the point of a decimal number, else None."""

    expr: Any
    decimals: int | None = None
    unit: str = ""
    percent: bool = False
    degrees: bool = False


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number with its base, such as 1011_2."""

    digits: str
    base: int


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Sequence:
    """Several forms that are one.

    kind: list (no brackets), both (inequalities with "and"), tuple (round, square or mixed brackets), set (braces),
    ratio (a:b), union, meet (an intersection), pieces (the values of a function with their conditions).
    """

    kind: str
    items: tuple[Form, ...]
    brackets: str = ""


@dataclass(frozen=True, slots=True)
class Relation:
    """A chain such as 1 < x <= 2: one sign fewer than sides."""

    sides: tuple[Form, ...]
    signs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Matrix:
    rows: tuple[tuple[Form, ...], ...]


Form = Value | Numeral | Text | Sequence | Relation | Matrix
Equal = Callable[[Any, Any], bool]


def is_equation(form: Form) -> bool:
    """Whether a form is a chain of = and of signs for "about"."""
    return isinstance(form, Relation) and all(sign in ("=", "~") for sign in form.signs)


def values_of(forms: Iterable[Form]) -> list[Any]:
    """The expressions of those forms that are values."""
    return [form.expr for form in forms if isinstance(form, Value)]


REAL_LINE = Sequence("tuple", (Value(-sp.oo), Value(sp.oo)), "()")
