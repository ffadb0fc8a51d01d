"""Which of a question's options a value is. An option states a number or formula: "$1,200", "12 cm", "\\frac{3}{4}"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import sympy as sp

from cotbench.answers.notation.lexer import END, Token
from cotbench.answers.shown import Shown
from cotbench.plans import exact
from cotbench.plans import functions as fn
from cotbench.plans.alphabet import plain, tokenize
from cotbench.plans.evaluate import Evaluator
from cotbench.plans.expressions import BARE, Names, Node, Parser
from cotbench.plans.failures import PlanInvalid, Unsolved
from cotbench.types import LETTERS

MAX_CHARS = 300

_CONSTANTS = frozenset(("pi", "e", "i", "oo", "sqrt", "log", "ln"))
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s?\^|10\s?\*\*)")
_BEFORE = re.compile(r"^(?:about|approximately|approx\.?|roughly|usd|rs\.?|≈|~)\s*(?=[\d$.+-])", re.I)
_EQUATED = re.compile(r"^[^\W\d]\w?\s*=\s*(?=\S)")
_PLACES = re.compile(r"[-+]?\d*\.(\d+)")
_SCALED = re.compile(r"[-+]?\d*\.?(\d*)\s*\*\s*10\^\(?(-?\d+)\)?")


@dataclass(frozen=True, slots=True)
class Reading:
    """What an option states.

    value: the number, None where the text states none; formula: the whole text as one; places: of a decimal number, how
    many stand behind its point; sign: the "%" or "°" behind it.
    """

    value: Any
    formula: Any = None
    places: int | None = None
    sign: str = ""


def folded(text: str) -> str:
    """A text as it is compared: case, white space, dollar signs and the full stop don't count."""
    return re.sub(r"[\s$]+", " ", text).strip(" .").casefold().replace(" ", "")


def read_option(text: str) -> Reading | None:
    """What an option states; None where it isn't one number or formula."""
    text = text.strip().rstrip(".;")
    if not text or len(text) > MAX_CHARS:
        return None
    text = _EQUATED.sub("", _BEFORE.sub("", text))
    try:
        tokens = tokenize(_TIMES.sub("*", plain(text)))
    except PlanInvalid:
        return None
    formula = _value(tokens[:-1])
    body, sign = _number_part(tokens[:-1])
    value = None if body is None else _value(body)
    if value is None and formula is not None and not formula.free_symbols:
        value = formula
    if value is None and formula is None:
        return None
    return Reading(value, formula, _decimal_places("".join(token.text for token in body or [])), sign)


def _number_part(tokens: list[Token]) -> tuple[list[Token] | None, str]:
    """The tokens of the number before a unit, and the unit's first sign; no tokens where there isn't one number."""
    end = len(tokens)
    for i, token in enumerate(tokens):
        word = token.kind == "name" and token.text not in _CONSTANTS | BARE
        if word or (token.kind == "sign" and token.text in ("%", "°")):
            end = i
            break
    body, unit = tokens[:end], tokens[end:]
    if not unit:
        return body or None, ""
    summed = any(token.text in ("+", "-") for token in body[1:])  # 1 + 2x is a formula
    if summed or not any(token.kind == "number" for token in body) or unit[-1].text in ("-", "*", "/"):
        return None, ""
    for before, token in pairwise(unit):
        loose = before.text not in ("^", "(", "-") and (token.kind == "number" or token.text == "-")
        if loose or token.text in ("+", "=", "<", ">", "<=", ">=", ",", "|"):
            return None, ""
    return body, unit[0].text if unit[0].kind == "sign" else ""


def _value(tokens: list[Token]) -> Any:
    names = Names(fn.FUNCTIONS, known=frozenset(t.text for t in tokens if t.kind == "name" and len(t.text) == 1))
    try:
        parser = Parser([*tokens, END], names=names)
        node: Node = parser.condition()
        parser.end()
        if node.kind in ("rel", "and", "or", "not", "in"):
            return None
        evaluator = Evaluator({}, {}, sp.Symbol, frozenset())
        return evaluator.value(node, 1)
    except (PlanInvalid, Unsolved, RecursionError, ValueError, TypeError, AttributeError):
        return None


def _decimal_places(text: str) -> int | None:
    if found := _PLACES.fullmatch(text):
        return len(found[1])
    found = _SCALED.fullmatch(text)
    return len(found[1]) - int(found[2]) if found and "." in text else None


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
        return _only([*found])
    if type(value) is bool or value in (sp.true, sp.false):
        return None
    number = _number(shown, value)
    if number is None:
        return None
    known = [(letter, r) for letter, choice in zip(letters, choices, strict=False) if (r := read_option(choice))]
    is_float = issubclass(type(value), float) or (isinstance(value, sp.Expr) and value.has(sp.Float))
    return _nearest(number, known, is_float=is_float)


def _named(text: str, letters: str, choices: Sequence[str]) -> str | None:
    """The letter that a text is, or begins with: "B", "(b)", "B) the text of B"."""
    if match := _LETTER.fullmatch(text):
        return match[1].upper() if match[1].upper() in letters else None
    match = _LETTERED.fullmatch(text)
    if match is None or match[1] not in letters:
        return None
    others = [letter for letter, choice in zip(letters, choices, strict=False) if folded(choice) == folded(match[2])]
    return match[1] if not others or match[1] in others else None


def _number(shown: Shown, value: Any) -> Any:
    """The number or formula that a value is, as SymPy has it."""
    if issubclass(type(value), (sp.Basic, sp.MatrixBase)):
        if isinstance(value, sp.Expr) and value.free_symbols:
            value = value.xreplace({symbol: sp.Symbol(symbol.name) for symbol in value.free_symbols})
        return sp.nsimplify(value, rational=True) if isinstance(value, sp.Expr) and value.has(sp.Float) else value
    reading = read_option(shown.value)
    return None if reading is None else reading.formula if reading.value is None else reading.value


def _only(letters: Sequence[str]) -> str | None:
    return letters[0] if len(letters) == 1 else None


def _nearest(number: Any, options: list[tuple[str, Reading]], *, is_float: bool) -> str | None:
    if getattr(number, "free_symbols", None):
        formulas = [(letter, option.formula) for letter, option in options if option.formula is not None]
        return _only([letter for letter, formula in formulas if exact.same(number, formula)])
    options = [(letter, option) for letter, option in options if option.value is not None]
    if equal := [letter for letter, option in options if exact.same(number, option.value)]:
        return _only(equal)
    near = exact.approximate(number) if isinstance(number, sp.Expr) else None
    if near is None or not exact.real(number):
        return None
    near = sp.re(near)
    if rounded := [letter for letter, option in options if option.places is not None and _rounds(near, option)]:
        return _only(rounded)
    if is_float and (close := [letter for letter, option in options if _is_close(near, option)]):
        return _only(close)
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
