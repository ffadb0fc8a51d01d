"""The functions of the plan language: a table from names to what computes them, exactly and with limits.

What needs a number (gcd, floor of a sum, the n-th prime) stays as a function of its unknowns until they are known: the
classes here are SymPy functions that evaluate when their arguments are numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import sympy as sp

from cotbench.answers.notation import MAX_FACTORIAL
from cotbench.answers.notation.functions import DIRECT, INVERSE
from cotbench.plans.failures import TooLarge, Unsolved

MAX_BITS = 200_000  # of a power
MAX_IRRATIONAL_EXPONENT = 2_000  # of what isn't a rational number
MAX_FACTORED = 10**30  # of divisor sums and the like
MAX_PRIME_INDEX = 200_000
MAX_MATRIX = 12  # rows or columns

Value = Any  # a SymPy expression, tuple, set, matrix or boolean


def is_integer(value: Value) -> bool:
    return bool(getattr(value, "is_Integer", False))


def is_rational(value: Value) -> bool:
    return bool(getattr(value, "is_Rational", False))


class _OfTwo(sp.Function):  # type: ignore[misc]
    """A function of two real numbers, which is an integer where both are."""

    nargs = 2
    is_real = True

    def _eval_is_integer(self) -> bool | None:
        return True if self.args[0].is_integer and self.args[1].is_integer else None


class Remainder(_OfTwo):
    """a modulo m, in [0, m) for a positive m: of numbers only, unlike Mod, which rewrites its arguments."""

    @classmethod
    def eval(cls, a: Value, m: Value) -> Value:
        if m.is_zero:
            raise Unsolved("division by zero")
        if is_rational(a) and is_rational(m):
            return a - m * sp.floor(a / m)
        if a.is_number and m.is_number and a.is_real and m.is_real:
            return sp.simplify(a - m * sp.floor(a / m))
        return None


class _OfIntegers(sp.Function):  # type: ignore[misc]
    """A function `of` an integer, which stays as it is for everything else."""

    nargs = 1
    is_integer = True
    is_real = True
    of: Callable[[int], Value]

    @classmethod
    def eval(cls, value: Value) -> Value:
        if is_integer(value):
            return sp.sympify(cls.of(int(value)))
        if not value.is_number:
            return None
        whole = sp.simplify(value)
        if not is_integer(whole):
            raise Unsolved(f"{cls.__name__.lower()} of what is no integer")
        return cls(whole)


def _factorable(n: int) -> int:
    if n == 0 or abs(n) > MAX_FACTORED:
        raise TooLarge(f"the divisors of {n}" if n == 0 else "a number to factor")
    return abs(n)


class Totient(_OfIntegers):
    of = staticmethod(lambda n: sp.totient(_factorable(n)))


class DivisorCount(_OfIntegers):
    of = staticmethod(lambda n: sp.divisor_count(_factorable(n)))


class DivisorSum(_OfIntegers):
    of = staticmethod(lambda n: sp.divisor_sigma(_factorable(n)))


class DigitSum(_OfIntegers):
    @staticmethod
    def of(n: int) -> Value:
        n, total = abs(n), 0
        while n:  # in pieces: int -> str refuses more than 4,300 digits
            n, piece = divmod(n, 10**1000)
            total += sum(map(int, str(piece)))
        return total


class NthPrime(_OfIntegers):
    @staticmethod
    def of(n: int) -> Value:
        if n < 1:
            raise Unsolved("prime(n) of a number below 1")
        if n > MAX_PRIME_INDEX:
            raise TooLarge("the index of a prime")
        return sp.prime(n)


class IsPrime(sp.Function):  # type: ignore[misc]
    """true or false; is_prime(n) = 1 holds nowhere."""

    nargs = 1

    @classmethod
    def eval(cls, n: Value) -> Value:
        if is_integer(n):
            if n > sp.Integer(2) ** 4096:
                raise TooLarge("a number to test for being prime")
            return sp.true if sp.isprime(int(n)) else sp.false
        return sp.false if n.is_number and n.is_integer is False else None


class Divisor(_OfTwo):
    """The greatest common divisor, or with `Multiple` the least common multiple, of two rational numbers."""

    @classmethod
    def eval(cls, a: Value, b: Value) -> Value:
        return sp.gcd(a, b) if is_rational(a) and is_rational(b) else None


class Multiple(Divisor):
    @classmethod
    def eval(cls, a: Value, b: Value) -> Value:
        return abs(sp.lcm(a, b)) if is_rational(a) and is_rational(b) else None


class Rounded(sp.Function):  # type: ignore[misc]
    """To a number of decimal places; halves go away from zero."""

    nargs = 2
    is_real = True

    @classmethod
    def eval(cls, x: Value, digits: Value) -> Value:
        if not (x.is_number and is_integer(digits) and abs(digits) < 1000):
            return None
        if x.is_real is False:
            raise Unsolved("round of a complex number")
        scale = sp.Integer(10) ** digits
        size = sp.floor(abs(x) * scale + sp.Rational(1, 2)) / scale
        return -size if sp.N(x, 20) < 0 else size


# --- powers and roots ---------------------------------------------------------------------------------------------


def power(base: Value, exponent: Value) -> Value:
    """base ** exponent; an odd root of a negative number is the real one."""
    if isinstance(base, sp.MatrixBase):
        if not is_integer(exponent) or abs(exponent) > 1000:
            raise Unsolved("a matrix to a power that is no small integer")
        return _inverse(base) ** -exponent if exponent < 0 else base**exponent
    base, exponent = expression(base), expression(exponent)
    if is_rational(base) and is_rational(exponent):
        bits = max(int(base.p).bit_length(), int(base.q).bit_length())
        if base not in (0, 1, -1) and bits * abs(exponent) > MAX_BITS:
            raise TooLarge("a power")
        if base == 0 and exponent < 0:
            raise Unsolved("division by zero")
        if base < 0 and not is_integer(exponent) and exponent.q % 2:
            return (-1) ** exponent.p * (-base) ** exponent
    elif base in (sp.I, -sp.I) and is_integer(exponent):
        return base ** (exponent % 4)
    elif exponent.is_number and exponent.is_finite and abs(sp.N(exponent)) > MAX_IRRATIONAL_EXPONENT:
        raise TooLarge("an exponent")
    return base**exponent


def root(x: Value, degree: Value) -> Value:
    if degree == 0:
        raise Unsolved("a root of degree 0")
    return power(x, 1 / degree)


def factorial(n: Value) -> Value:
    if is_integer(n):
        if n > MAX_FACTORIAL:
            raise TooLarge("a factorial")
        if n < 0:
            raise Unsolved("factorial of a negative number")
    return sp.factorial(n)


def binomial(n: Value, k: Value) -> Value:
    if is_integer(n) and is_integer(k):
        if k < 0 or 0 <= n < k:
            return sp.Integer(0)
        factors = min(int(k), abs(int(n - k)))
        if factors > 20_000 or int(n).bit_length() * factors > MAX_BITS:
            raise TooLarge("a binomial coefficient")
    return sp.binomial(n, k)


def permutations(n: Value, k: Value) -> Value:
    if is_integer(n) and is_integer(k):
        if k < 0 or 0 <= n < k:
            return sp.Integer(0)
        if k > MAX_FACTORIAL:
            raise TooLarge("a number of permutations")
    if is_integer(k) and k < 100:
        return sp.ff(n, k)
    return sp.factorial(n) / sp.factorial(n - k)


# --- collections, vectors and matrices ----------------------------------------------------------------------------


class List(sp.Tuple):  # type: ignore[misc]
    """A tuple that was written in square brackets."""


def expression(value: Value) -> Value:
    """The value where it is a number or a formula; anything else has no place in arithmetic."""
    if isinstance(value, sp.Expr) and not isinstance(value, sp.MatrixBase):
        return value
    if isinstance(value, (sp.FiniteSet, List)) and len(value) == 1:
        return expression(next(iter(value)))
    kinds = ((sp.Tuple, "a tuple"), (sp.Set, "a set"), (sp.MatrixBase, "a matrix"))
    what = next((name for kind, name in kinds if isinstance(value, kind)), "true or false")
    raise Unsolved(f"{what} where a number belongs")


def matrix(value: Value) -> Value:
    """A matrix of a list of rows; a list of numbers is a column."""
    if isinstance(value, sp.MatrixBase):
        return value
    if not isinstance(value, sp.Tuple):
        raise Unsolved("what is no matrix where a matrix belongs")
    if len(value) > MAX_MATRIX:
        raise TooLarge("a matrix")
    rows = [list(row) if isinstance(row, sp.Tuple) else [row] for row in value]
    if len({len(row) for row in rows}) != 1:
        raise Unsolved("a matrix with rows of different lengths")
    return sp.ImmutableMatrix([[expression(cell) for cell in row] for row in rows])


def _square(value: Value) -> Value:
    found = matrix(value)
    if found.rows != found.cols:
        raise Unsolved("a square matrix is needed")
    return found


def _inverse(value: Value) -> Value:
    found = _square(value)
    if found.det() == 0:
        raise Unsolved("a matrix that has no inverse")
    return found.inv()


def _vector(value: Value) -> list[Value]:
    if isinstance(value, sp.MatrixBase) and 1 in value.shape:
        return list(value)
    if isinstance(value, sp.Tuple) and not any(isinstance(item, sp.Tuple) for item in value):
        return [expression(item) for item in value]
    raise Unsolved("what is no vector where a vector belongs")


def _dot(a: Value, b: Value) -> Value:
    left, right = _vector(a), _vector(b)
    if len(left) != len(right):
        raise Unsolved("vectors of different lengths")
    return sp.Add(*map(operator.mul, left, right))


def _cross(a: Value, b: Value) -> Value:
    left, right = _vector(a), _vector(b)
    if len(left) != 3 or len(right) != 3:
        raise Unsolved("a cross product of what has not three parts")
    (p, q, r), (x, y, z) = left, right
    parts = (q * z - r * y, r * x - p * z, p * y - q * x)
    return sp.ImmutableMatrix(parts) if isinstance(a, sp.MatrixBase) else sp.Tuple(*parts)


def _norm(value: Value) -> Value:
    if isinstance(value, sp.MatrixBase) and 1 not in value.shape:
        return sp.sqrt(sum(abs(cell) ** 2 for cell in value))
    return sp.sqrt(sp.Add(*(abs(x) ** 2 for x in _vector(value))))


def _abs(value: Value) -> Value:
    if isinstance(value, (sp.Tuple, sp.MatrixBase)):
        return _norm(value)
    return sp.Integer(len(value)) if isinstance(value, sp.FiniteSet) else sp.Abs(expression(value))


def _items(values: Sequence[Value]) -> list[Value]:
    """The numbers of min(1, 2), min([1, 2]) and min({1, 2})."""
    single = len(values) == 1 and isinstance(values[0], (sp.Tuple, sp.FiniteSet))
    items = list(values[0]) if single else list(values)
    if not items:
        raise Unsolved("nothing to choose from")
    return [expression(item) for item in items]


def _gcd(*values: Value) -> Value:
    first, *others = _items(values)
    return reduce(Divisor, others, Divisor(first, sp.Integer(0)))


def total(*values: Value) -> Value:
    return sp.Add(*_items(values))


def _distinct(*values: Value) -> Value:
    items = _items(values)
    return sp.And(*(sp.Ne(a, b) for i, a in enumerate(items) for b in items[:i]))


# --- the table ----------------------------------------------------------------------------------------------------


def _of_numbers(count: int, function: Callable[..., Value]) -> tuple[int, int, Callable[..., Value]]:
    return count, count, lambda *values: function(*map(expression, values))


def _log(x: Value, base: Value | None = None) -> Value:
    x = expression(x)
    if x == 0:
        raise Unsolved("the logarithm of 0")
    return sp.log(x) if base is None else sp.log(x, expression(base))


# Functions of one number; several names of one stand side by side.
_UNARY: dict[str, Callable[[Value], Value]] = {
    **DIRECT,
    **{f"a{name}": INVERSE[name] for name in ("sin", "cos", "tan", "cot", "sec", "csc")},
    **{f"arc{name}": INVERSE[name] for name in ("sin", "cos", "tan")},
    **{name: getattr(sp, name) for name in "sign floor ceiling expand factor simplify re im conjugate arg".split()},
    "ceil": sp.ceiling,
    "sqrt": lambda x: power(x, sp.Rational(1, 2)),
    "cbrt": lambda x: power(x, sp.Rational(1, 3)),
    "exp": lambda x: power(sp.E, x),
    "ln": _log,
    "log2": lambda x: _log(x, sp.Integer(2)),
    **dict.fromkeys(("log10", "lg"), lambda x: _log(x, sp.Integer(10))),
    **dict.fromkeys(("rad", "radians"), lambda x: x * sp.pi / 180),
    **dict.fromkeys(("deg", "degrees"), lambda x: x * 180 / sp.pi),
    **dict.fromkeys(("is_prime", "isprime"), IsPrime),
    **dict.fromkeys(("totient", "phi"), Totient),
    "factorial": factorial,
    "prime": NthPrime,
    "divisor_count": DivisorCount,
    "divisor_sum": DivisorSum,
    "digit_sum": DigitSum,
}
_BINARY: dict[str, Callable[[Value, Value], Value]] = {
    **dict.fromkeys(("binomial", "C", "comb", "choose", "nCr"), binomial),
    **dict.fromkeys(("permutations", "P", "perm", "nPr"), permutations),
    "root": root,
    "mod": Remainder,
}

# name -> the least and the greatest number of arguments, and what computes it
TABLE: dict[str, tuple[int, int, Callable[..., Value]]] = {
    **{name: _of_numbers(1, function) for name, function in _UNARY.items()},
    **{name: _of_numbers(2, function) for name, function in _BINARY.items()},
    "abs": (1, 1, _abs),
    "log": (1, 2, _log),
    "round": (1, 2, lambda x, digits=sp.S.Zero: Rounded(expression(x), expression(digits))),
    "gcd": (1, 50, _gcd),
    "lcm": (1, 50, lambda *values: reduce(Multiple, _items(values))),
    "min": (1, 1000, lambda *values: sp.Min(*_items(values))),
    "max": (1, 1000, lambda *values: sp.Max(*_items(values))),
    "distinct": (1, 50, _distinct),
    "matrix": (1, 1, matrix),
    "det": (1, 1, lambda m: _square(m).det()),
    "inverse": (1, 1, _inverse),
    "transpose": (1, 1, lambda m: matrix(m).T),
    "trace": (1, 1, lambda m: _square(m).trace()),
    "rank": (1, 1, lambda m: sp.Integer(matrix(m).rank())),
    "dot": (2, 2, _dot),
    "cross": (2, 2, _cross),
    "norm": (1, 1, _norm),
}

OVER_SOLUTIONS = frozenset(("smallest", "largest", "count", "sum_of", "product_of", "all_of"))
BOUND = frozenset("sum product derivative diff integral integrate limit".split())  # of an expression and a name
FUNCTIONS = frozenset(TABLE) | OVER_SOLUTIONS | BOUND | {"if"}
