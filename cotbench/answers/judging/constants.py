r"""Answers with arbitrary constants: of x^2 + C and x^2 + c, or A \sin t + B \cos t, the names say nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import permutations
from typing import Any

import sympy as sp

from cotbench.answers.judging.numeric import constant_ratio, differ_by_a_number, same_expression

MOST = 4  # constants of one answer
_CONSTANT = re.compile(r"[cCK](?:_?\d)?|c'|C'")
_ONE_OF_SEVERAL = re.compile(r"[cCKABDk](?:_?\d)?")
_VARIABLES = frozenset("x t y u v z s r theta tau xi".split())


def _constants(expr: Any) -> list[Any]:
    names = sorted(expr.free_symbols, key=str)
    several = [symbol for symbol in names if _ONE_OF_SEVERAL.fullmatch(symbol.name)]
    return several if len(several) > 1 or _solves(expr) else [s for s in names if _CONSTANT.fullmatch(s.name)]


def _parts(expr: Any, constants: Sequence[Any]) -> tuple[Any, list[Any]] | None:
    """An expression as f + c_1 g_1 + c_2 g_2; None where it isn't linear in its constants."""
    factors = [sp.diff(expr, constant) for constant in constants]
    if any(factor == 0 or factor.has(*constants) for factor in factors):
        return None
    return expr.subs(dict.fromkeys(constants, 0)), factors


def _solves(factor: Any) -> bool:
    """Whether a factor of a constant is a power of e with a variable, as in solutions of differential equations."""
    return any(name.name in _VARIABLES for power in factor.atoms(sp.exp) for name in power.free_symbols)


def same_family(a: Any, b: Any) -> bool:
    """Whether two expressions in a variable are the same but for the names of their constants and factors of these."""
    constants = _constants(a), _constants(b)
    if (a + b).has(sp.Sum, sp.Product, sp.oo) or not 0 < len(constants[0]) == len(constants[1]) <= MOST:
        return False
    one, other = _parts(a, constants[0]), _parts(b, constants[1])
    if one is None or other is None:
        return False
    names = {symbol.name.partition("_")[0] for symbol in (a + b).free_symbols}
    if not names & _VARIABLES:
        return False
    if len(constants[0]) == 1 and one[0] == 0 and not _solves(one[1][0]):
        return False  # 2c, kx: a factor, which may be any quantity
    added = any(not factor.free_symbols for factor in one[1])
    if not same_expression(one[0], other[0]) and not (added and differ_by_a_number(one[0], other[0])):
        return False
    return any(
        all(constant_ratio(factor, match) is not None for factor, match in zip(one[1], order, strict=True))
        for order in permutations(other[1])
    )
