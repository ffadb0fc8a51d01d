"""Arithmetic of the four operations: which numbers an expression uses, and what it gives, exactly.

The grammar: numbers, + - * /, brackets, a sign in front, and no sign in front of a bracket for a product. Nothing is
evaluated by Python, and everything is bounded: length, depth, digits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

MOST_CHARS = 400
MOST_TOKENS = 200
MOST_DEPTH = 40
MOST_DIGITS = 30  # of a number
MOST_BITS = 8_192  # of a value on the way
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([-+*/()]))")
_SPACE = re.compile(r"\s*\Z")


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression's tokens, its numbers in ascending order, and its value; None where it divides by 0 or is out of
    bounds."""

    tokens: tuple[str, ...]
    numbers: tuple[Fraction, ...]
    value: Fraction | None


class NoExpression(ValueError):
    """The text isn't in the grammar."""


@lru_cache(maxsize=4_096)
def parsed(text: str) -> Parsed | None:
    """Parse an expression; None where it is none."""
    try:
        tokens = _tokens(text)
        reader = _Reader(tokens)
        value = reader.sum(0)
        if reader.at < len(tokens):
            raise NoExpression
    except NoExpression:
        return None
    numbers = sorted(Fraction(token) for token in tokens if token[0].isdigit())
    return Parsed(tokens=tuple(tokens), numbers=tuple(numbers), value=value)


def _tokens(text: str) -> list[str]:
    if len(text) > MOST_CHARS:
        raise NoExpression
    found: list[str] = []
    at = 0
    while not _SPACE.match(text, at):
        match = _TOKEN.match(text, at)
        if match is None or len(found) >= MOST_TOKENS or len(match[1] or "") > MOST_DIGITS:
            raise NoExpression
        found.append(match[1] or match[2])
        at = match.end()
    if not found:
        raise NoExpression
    return found


def _bounded(value: Fraction | None) -> Fraction | None:
    if value is None or max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        return None
    return value


class _Reader:
    """A descent over tokens. A value is None once it can't be had; the grammar is read to the end all the same."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = tokens
        self.at = 0

    def _peek(self) -> str:
        return self._tokens[self.at] if self.at < len(self._tokens) else ""

    def sum(self, depth: int) -> Fraction | None:
        value = self._product(depth)
        while self._peek() in ("+", "-"):
            sign = 1 if self._next() == "+" else -1
            other = self._product(depth)
            value = None if value is None or other is None else _bounded(value + sign * other)
        return value

    def _product(self, depth: int) -> Fraction | None:
        value = self._signed(depth)
        while (sign := self._peek()) in ("*", "/", "(") and sign:
            if sign != "(":  # "(8 - 4)(8 - 6)" is a product
                self.at += 1
            other = self._signed(depth)
            if value is None or other is None or (sign == "/" and other == 0):
                value = None
            else:
                value = _bounded(value / other if sign == "/" else value * other)
        return value

    def _signed(self, depth: int) -> Fraction | None:
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._next() == "-"
        value = self._atom(depth)
        return -value if negative and value is not None else value

    def _atom(self, depth: int) -> Fraction | None:
        sign = self._next()
        if sign == "(":
            if depth >= MOST_DEPTH:
                raise NoExpression
            value = self.sum(depth + 1)
            if self._next() != ")":
                raise NoExpression
            return value
        if not sign[:1].isdigit():
            raise NoExpression
        return Fraction(sign)

    def _next(self) -> str:
        token = self._peek()
        self.at += 1
        return token


def written(expression: Parsed) -> str:
    """An expression in one way of writing it: a space around each operation, each product with its sign."""
    text, before = "", ""
    for part in expression.tokens:
        binary = before == ")" or before[:1].isdigit()
        if part == "(" and binary:
            text += " * ("
        elif part in "+-*/" and binary:
            text += f" {part} "
        else:
            text += part
        before = part
    return text
