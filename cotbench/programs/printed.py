"""Reads a text that a program gives as the value that it is the text of: "[5]", "True", "2*sqrt(3)", "{x: 5}",
"Fraction(1, 2)".

Printing loses a value's type; SymPy's and Python's own forms are told from words, and everything else stays a text.
The text is looked at inside the contained process, as the program was.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

MOST_CHARS = 2_000
MOST_DIGITS = 1_000  # of a number, and the largest exponent
_BRACKETS = {"(": ")", "[": "]", "{": "}"}
_CONSTANTS = frozenset(("I", "E", "pi", "oo", "zoo", "nan", "inf"))
_BASES = frozenset(("np", "numpy", "Interval"))  # what a "." may stand behind
_PLAIN_NUMBER = re.compile(r"[-+]?[\d,.]*")
_COMPLEX = re.compile(r"\(?[-+\d.e]*\dj\)?", re.I)
_COMPUTED = re.compile(r"[A-Za-z_][\w.]*\(|\*")
_LITERAL = (
    *(ast.Expression, ast.Constant, ast.Name, ast.Load, ast.Call, ast.Attribute),
    *(ast.Tuple, ast.List, ast.Set, ast.Dict, ast.UnaryOp, ast.UAdd, ast.USub),
)
_FORMULA = (
    *(ast.BinOp, ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitAnd, ast.BitOr),
    *(ast.Compare, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq),
)


def value_of(text: str, known: Mapping[str, Any]) -> object:
    """What a text stands for, or the text. known: the names of types and functions that a value's text may hold; with
    SymPy's among them, formulas are read too, and other names are symbols."""
    text = text.strip()
    if not text or len(text) > MOST_CHARS or _PLAIN_NUMBER.fullmatch(text):
        return text
    bracketed = text[-1] == _BRACKETS.get(text[0])
    try:
        if text in ("True", "False"):
            return text == "True"
        if _COMPLEX.fullmatch(text):
            return complex(text)
        if not (bracketed or text in _CONSTANTS or _COMPUTED.search(text)):
            return text
        tree = ast.parse(text, mode="eval")
        names = _names(tree, known)
        if "Integer" in known:
            tree = ast.fix_missing_locations(_Exact().visit(tree))
        found = eval(compile(tree, "<printed>", "eval"), names)  # noqa: S307 - of the contained process, like the program
    except Exception:
        return text
    return text if found is None else found


class _Exact(ast.NodeTransformer):
    """Whole numbers as SymPy's, so that 1/3 is a third."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if type(node.value) is not int:
            return node
        return ast.Call(ast.Name("Integer", ast.Load()), [node], [])


def _names(tree: ast.Expression, known: Mapping[str, Any]) -> dict[str, Any]:
    """The meaning of a text's names. Raises ValueError where the text holds what no value's text does, or what would
    take long."""
    symbol, integer = known.get("Symbol"), known.get("Integer")
    found: dict[str, Any] = {"__builtins__": {}, "Integer": integer}
    nodes = list(ast.walk(tree))
    called = {node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    bases = {node.value.id for node in nodes if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)}
    for node in nodes:
        if not isinstance(node, _LITERAL if integer is None else _LITERAL + _FORMULA) or (
            isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id in _BASES)
        ):
            raise ValueError(type(node).__name__)
        if isinstance(node, ast.Constant) and type(node.value) is int and abs(node.value) >= 10**MOST_DIGITS:
            raise ValueError("a long number")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            _check_exponent(node.right)
        if isinstance(node, ast.Name):
            if node.id in known and (node.id in called or node.id in bases or node.id in _CONSTANTS):
                found[node.id] = known[node.id]
            elif symbol is not None and node.id not in called:
                found[node.id] = symbol(node.id)
            else:
                raise ValueError(node.id)
    return found


def _check_exponent(tree: ast.expr) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and abs(node.value) > MOST_DIGITS:
            raise ValueError("a large exponent")
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Pow, ast.Mult)):
            raise ValueError("a tower")
