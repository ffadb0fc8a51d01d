"""The text of an option -> the one number, or the formula, that it states: "$1,200", "12 cm", "25%", "\\frac{3}{4}"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import sympy as sp

from cotbench.answers.notation.lexer import END, Token
from cotbench.plans import functions as fn
from cotbench.plans.alphabet import plain, tokenize
from cotbench.plans.evaluate import Evaluator
from cotbench.plans.expressions import BARE, Names, Node, Parser
from cotbench.plans.failures import PlanInvalid, Unsolved

MAX_CHARS = 300

_CONSTANTS = frozenset(("pi", "e", "i", "oo", "sqrt", "log", "ln"))
_TIMES = re.compile(r"(?<=\d)\s*[xX]\s*(?=10\s?\^|10\s?\*\*)")
_BEFORE = re.compile(r"^(?:about|approximately|approx\.?|roughly|usd|rs\.?|≈|~)\s*(?=[\d$.+-])", re.I)
_EQUATED = re.compile(r"^[^\W\d]\w?\s*=\s*(?=\S)")
_PLACES = re.compile(r"[-+]?\d*\.(\d+)")
_SCALED = re.compile(r"[-+]?\d*\.?(\d*)\s*\*\s*10\^\(?(-?\d+)\)?")


@dataclass(frozen=True, slots=True)
class Reading:
    """value: the number, None where the text states none; formula: the whole text as one; places: of a decimal number,
    how many stand behind its point; sign: the "%" or "°" behind it."""

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
    """The tokens of the number before a unit, and the unit's first sign; no tokens where there isn't exactly one number."""
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
        inside = before.text in ("^", "(", "-")
        if token.kind == "number" and not inside:
            return None, ""
        if token.text in ("+", "=", "<", ">", "<=", ">=", ",", "|") or (token.text == "-" and not inside):
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
    if found := _SCALED.fullmatch(text):
        return len(found[1]) - int(found[2]) if "." in text else None
    return None
